/* SPDX-License-Identifier: Apache-2.0
 * Encodings of time stamps: Raw, Delta, DeltaPacked. All arithmetic wraps modulo 2^64. */
#include "mebo/codec.h"

#include "mebo/bits.h"

#define CONTINUED UINT64_C(0x8080808080808080)

bool mebo_ts_supported(uint8_t encoding) {
  return encoding == MEBO_TS_RAW || encoding == MEBO_TS_DELTA || encoding == MEBO_TS_DELTA_PACKED;
}

size_t mebo_ts_most(uint8_t encoding, size_t n) { return encoding == MEBO_TS_RAW ? 8 * n : 10 * n; }

uint64_t mebo_ts_least(uint8_t encoding, uint64_t n) {
  if (encoding == MEBO_TS_RAW) return 8 * n;
  if (encoding == MEBO_TS_DELTA || n <= 2) return n;
  return n + (n - 2 + 3) / 4;
}

/* ---- variable-length integers ---- */

/* Spreads 56 bits into 8 bytes of 7 bits, low bits first, and back. */
static inline uint64_t spread7(uint64_t v) {
  v = (v & UINT64_C(0x00fffffff0000000)) << 4 | (v & UINT64_C(0x000000000fffffff));
  v = (v & UINT64_C(0x0fffc0000fffc000)) << 2 | (v & UINT64_C(0x00003fff00003fff));
  return (v & UINT64_C(0x3f803f803f803f80)) << 1 | (v & UINT64_C(0x007f007f007f007f));
}

static inline uint64_t gather7(uint64_t w) {
  w = (w & UINT64_C(0x7f007f007f007f00)) >> 1 | (w & UINT64_C(0x007f007f007f007f));
  w = (w & UINT64_C(0x3fff00003fff0000)) >> 2 | (w & UINT64_C(0x00003fff00003fff));
  return (w & UINT64_C(0x0fffffff00000000)) >> 4 | (w & UINT64_C(0x000000000fffffff));
}

/* Writes at most 10 bytes that count; touches 8 in any case. */
static inline uint8_t *put_uvarint(uint8_t *p, uint64_t v) {
  if (v < 0x80) {
    *p = (uint8_t)v;
    return p + 1;
  }
  if (v >> 56 == 0) {
    unsigned bits = 64 - (unsigned)__builtin_clzll(v);
    unsigned n = (bits * 9 + 64) >> 6; /* ceil(bits / 7) for 1..56 */
    mebo_store64(p, false, spread7(v) | (CONTINUED & ((UINT64_C(1) << (8 * (n - 1))) - 1)));
    return p + n;
  }
  for (; v >= 0x80; v >>= 7) *p++ = (uint8_t)(v | 0x80);
  *p = (uint8_t)v;
  return p + 1;
}

/* Where 8 bytes can be loaded, integers of up to 8 bytes come from one word. */
static inline tfdc_rc take_uvarint(struct tfdc_cursor *c, uint64_t *ret) {
  if (tfdc_cursor_left(c) < 8) return tfdc_take_uvarint(c, ret);
  uint64_t w = mebo_load64(c->data + c->pos, false);
  uint64_t stop = ~w & CONTINUED;
  if (stop == 0) return tfdc_take_uvarint(c, ret);
  c->pos += ((unsigned)__builtin_ctzll(stop) >> 3) + 1;
  *ret = gather7(w & (stop ^ (stop - 1)));
  return TFDC_OK;
}

/* ---- Raw ---- */

static size_t encode_raw(bool big, const int64_t *t, size_t n, uint8_t *dst) {
  for (size_t i = 0; i < n; i++) mebo_store64(dst + 8 * i, big, (uint64_t)t[i]);
  return 8 * n;
}

static tfdc_rc decode_raw(bool big, struct tfdc_cursor src, int64_t *t, size_t n) {
  if (tfdc_cursor_left(&src) / 8 < n) return TFDC_E_TRUNCATED;
  for (size_t i = 0; i < n; i++) t[i] = (int64_t)mebo_load64(src.data + src.pos + 8 * i, big);
  return TFDC_OK;
}

/* ---- Delta: t0, zigzag(t1 - t0), then zigzagged deltas of deltas ---- */

static uint8_t *encode_first_two(const int64_t *t, size_t n, uint8_t *p) {
  p = put_uvarint(p, (uint64_t)t[0]);
  return n < 2 ? p : put_uvarint(p, mebo_zigzag((uint64_t)t[1] - (uint64_t)t[0]));
}

static size_t encode_delta(const int64_t *t, size_t n, uint8_t *dst) {
  uint8_t *p = encode_first_two(t, n, dst);
  if (n < 2) return (size_t)(p - dst);
  uint64_t last = (uint64_t)t[1], delta = last - (uint64_t)t[0];
  for (size_t i = 2; i < n; i++) {
    uint64_t now = (uint64_t)t[i], next = now - last;
    p = put_uvarint(p, mebo_zigzag(next - delta));
    last = now;
    delta = next;
  }
  return (size_t)(p - dst);
}

static tfdc_rc decode_first_two(struct tfdc_cursor *c, int64_t *t, size_t n, uint64_t *ret_delta) {
  uint64_t first, z = 0;
  TFDC_TRY(take_uvarint(c, &first));
  t[0] = (int64_t)first;
  if (n < 2) return TFDC_OK;
  TFDC_TRY(take_uvarint(c, &z));
  *ret_delta = mebo_unzigzag(z);
  t[1] = (int64_t)(first + *ret_delta);
  return TFDC_OK;
}

static tfdc_rc decode_delta(struct tfdc_cursor c, int64_t *t, size_t n) {
  uint64_t delta = 0;
  TFDC_TRY(decode_first_two(&c, t, n, &delta));
  uint64_t last = (uint64_t)t[n < 2 ? 0 : 1];
  size_t i = 2;
  while (i < n) {
    /* Regular sampling is a run of zero bytes: 8 points from one word. */
    if (n - i >= 8 && tfdc_cursor_left(&c) >= 8 && mebo_load64(c.data + c.pos, false) == 0) {
      for (uint64_t k = 1; k <= 8; k++) t[i++] = (int64_t)(last + k * delta);
      last += 8 * delta;
      c.pos += 8;
      continue;
    }
    uint64_t z;
    TFDC_TRY(take_uvarint(&c, &z));
    delta += mebo_unzigzag(z);
    last += delta;
    t[i++] = (int64_t)last;
  }
  return TFDC_OK;
}

/* ---- DeltaPacked: the deltas of deltas in groups of 4: a control byte of four 2-bit widths, then 1, 2, 4 or 8 bytes
 * each, little-endian in both byte orders ---- */

static inline unsigned width_code(uint64_t z) {
  return (unsigned)(z > UINT8_MAX) + (z > UINT16_MAX) + (z > UINT32_MAX);
}

static size_t encode_packed(const int64_t *t, size_t n, uint8_t *dst) {
  uint8_t *p = encode_first_two(t, n, dst);
  if (n <= 2) return (size_t)(p - dst);
  uint64_t last = (uint64_t)t[1], delta = last - (uint64_t)t[0];
  for (size_t i = 2; i < n; i += 4) {
    uint8_t *control = p++;
    unsigned codes = 0;
    for (size_t k = 0; k < 4 && i + k < n; k++) {
      uint64_t now = (uint64_t)t[i + k], next = now - last, z = mebo_zigzag(next - delta);
      unsigned code = width_code(z);
      codes |= code << (2 * k);
      mebo_store64(p, false, z);
      p += (size_t)1 << code;
      last = now;
      delta = next;
    }
    *control = (uint8_t)codes;
  }
  return (size_t)(p - dst);
}

static tfdc_rc take_packed(struct tfdc_cursor *c, unsigned code, uint64_t *ret) {
  size_t width = (size_t)1 << code;
  uint64_t z = 0;
  if (tfdc_cursor_left(c) >= 8) {
    z = mebo_load64(c->data + c->pos, false) & UINT64_MAX >> (64 - 8 * width);
  } else if (tfdc_cursor_left(c) >= width) {
    for (size_t k = 0; k < width; k++) z |= (uint64_t)c->data[c->pos + k] << (8 * k);
  } else {
    return TFDC_E_TRUNCATED;
  }
  c->pos += width;
  *ret = z;
  return TFDC_OK;
}

static tfdc_rc decode_packed(struct tfdc_cursor c, int64_t *t, size_t n) {
  uint64_t delta = 0;
  TFDC_TRY(decode_first_two(&c, t, n, &delta));
  uint64_t last = (uint64_t)t[n < 2 ? 0 : 1];
  for (size_t i = 2; i < n; i += 4) {
    uint8_t codes;
    TFDC_TRY(tfdc_take_u8(&c, &codes));
    for (size_t k = 0; k < 4 && i + k < n; k++) {
      uint64_t z;
      TFDC_TRY(take_packed(&c, codes >> (2 * k) & 3, &z));
      delta += mebo_unzigzag(z);
      last += delta;
      t[i + k] = (int64_t)last;
    }
  }
  return TFDC_OK;
}

size_t mebo_ts_encode(uint8_t encoding, bool big, const int64_t *t, size_t n, uint8_t *dst) {
  if (encoding == MEBO_TS_RAW) return encode_raw(big, t, n, dst);
  return encoding == MEBO_TS_DELTA ? encode_delta(t, n, dst) : encode_packed(t, n, dst);
}

tfdc_rc mebo_ts_decode(uint8_t encoding, bool big, struct tfdc_cursor src, int64_t *t, size_t n) {
  if (n == 0) return TFDC_OK;
  if (encoding == MEBO_TS_RAW) return decode_raw(big, src, t, n);
  return encoding == MEBO_TS_DELTA ? decode_delta(src, t, n) : decode_packed(src, t, n);
}
