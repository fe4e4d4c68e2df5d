/* SPDX-License-Identifier: Apache-2.0
 * Encodings of values: Raw and Gorilla here, the others in their own files. */
#include "mebo/codec.h"

#include "mebo/bits.h"

bool mebo_value_supported(uint8_t encoding) {
  return encoding == MEBO_VALUE_RAW || encoding == MEBO_VALUE_GORILLA || encoding == MEBO_VALUE_CHIMP ||
         encoding == MEBO_VALUE_ALP;
}

/* A block of Gorilla takes at most 2 + 5 + 6 + 64 bits, one of Chimp 5 + 64: 10 bytes. ALP never exceeds raw by more
 * than its scheme byte and the padding of two packed arrays. */
size_t mebo_value_most(uint8_t encoding, size_t n) {
  if (encoding == MEBO_VALUE_RAW) return 8 * n;
  return encoding == MEBO_VALUE_ALP ? 8 * n + 8 : 10 * n;
}

uint64_t mebo_value_least(uint8_t encoding, uint64_t n) {
  if (encoding == MEBO_VALUE_RAW || n == 0) return 8 * n;
  if (encoding == MEBO_VALUE_ALP) return n == 1 ? 9 : 16;
  uint64_t bits = encoding == MEBO_VALUE_GORILLA ? 1 : 2;
  return 8 + (bits * (n - 1) + 7) / 8;
}

static size_t encode_raw(bool big, const double *v, size_t n, uint8_t *dst) {
  for (size_t i = 0; i < n; i++) mebo_store64(dst + 8 * i, big, mebo_bits_of(v[i]));
  return 8 * n;
}

static tfdc_rc decode_raw(bool big, struct tfdc_cursor src, double *v, size_t n) {
  if (tfdc_cursor_left(&src) / 8 < n) return TFDC_E_TRUNCATED;
  for (size_t i = 0; i < n; i++) {
    uint64_t bits = mebo_load64(src.data + src.pos + 8 * i, big);
    memcpy(&v[i], &bits, sizeof bits);
  }
  return TFDC_OK;
}

/* ---- Gorilla: the first value, then for each x = value ^ previous: 0 | 10 block | 11 leading(5) length-1(6) block
 * ---- */

static size_t encode_gorilla(const double *v, size_t n, uint8_t *dst) {
  uint64_t last = mebo_bits_of(v[0]);
  mebo_store64(dst, true, last);
  struct mebo_bit_writer w = {.p = dst + 8};
  unsigned lead = 65, trail = 0, block = 0; /* the window; none yet: nothing has 65 leading zeros */
  for (size_t i = 1; i < n; i++) {
    uint64_t now = mebo_bits_of(v[i]), x = now ^ last;
    last = now;
    if (x == 0) {
      mebo_put_bits(&w, 0, 1);
      continue;
    }
    unsigned l = (unsigned)__builtin_clzll(x), t = (unsigned)__builtin_ctzll(x);
    if (l > 31) { /* 5 bits hold no more; the format takes the excess off the trailing zeros as well */
      t = t > l - 31 ? t - (l - 31) : 0;
      l = 31;
    }
    if (l >= lead && t >= trail) {
      mebo_put_block(&w, 2, 2, x >> trail, block);
    } else {
      lead = l;
      trail = t;
      block = 64 - l - t;
      mebo_put_block(&w, (uint64_t)3 << 11 | (uint64_t)l << 6 | (block - 1), 13, x >> t, block);
    }
  }
  return (size_t)(mebo_bit_writer_end(&w) - dst);
}

struct gorilla {
  uint64_t last;
  size_t i;               /* points done */
  unsigned block, unused; /* the window: its length (0 = none yet), and 64 - length */
  unsigned trail;
};

/* Decodes points that start before bit `limit`; the bytes from there on up to limit / 8 + 12 can be read. Returns the
 * bit after the last point, or UINT64_MAX for a stream that no writer makes. */
static inline uint64_t gorilla_run(struct gorilla *g, const uint8_t *p, uint64_t pos, uint64_t limit, double *v,
                                   size_t n) {
  struct gorilla s = *g;
  while (s.i < n && pos < limit) {
    uint64_t w = mebo_peek64(p, pos);
    if (w >> 63 == 0) {
      pos++;
      memcpy(&v[s.i++], &s.last, sizeof s.last);
      continue;
    }
    if (w >> 62 == 3) {
      unsigned lead = (unsigned)(w >> 57) & 31;
      s.block = ((unsigned)(w >> 51) & 63) + 1;
      if (lead + s.block > 64) return UINT64_MAX;
      s.unused = 64 - s.block;
      s.trail = s.unused - lead;
      pos += 13;
      w = mebo_peek64(p, pos);
    } else {
      if (s.block == 0) return UINT64_MAX;
      pos += 2;
      w = mebo_peek64(p, pos);
    }
    pos += s.block;
    s.last ^= w >> s.unused << s.trail;
    memcpy(&v[s.i++], &s.last, sizeof s.last);
  }
  *g = s;
  return pos;
}

static tfdc_rc decode_gorilla(struct tfdc_cursor src, double *v, size_t n) {
  const uint8_t *p = src.data + src.pos;
  size_t size = tfdc_cursor_left(&src);
  if (size < 8) return TFDC_E_TRUNCATED;
  struct gorilla g = {.last = mebo_load64(p, true), .i = 1};
  memcpy(&v[0], &g.last, sizeof g.last);
  uint64_t pos = 64;
  if (size > 8 + MEBO_REACH) pos = gorilla_run(&g, p, pos, 8 * (uint64_t)(size - MEBO_REACH), v, n);
  if (pos == UINT64_MAX) return TFDC_E_MALFORMED;
  if (g.i == n) return TFDC_OK; /* what starts before the reach ends in the source */
  uint8_t tail[MEBO_TAIL] = {0};
  uint64_t end = mebo_tail(tail, p, size, &pos);
  pos = gorilla_run(&g, tail, pos, end, v, n);
  if (pos == UINT64_MAX) return TFDC_E_MALFORMED;
  return pos > end || g.i < n ? TFDC_E_TRUNCATED : TFDC_OK;
}

size_t mebo_value_encode(uint8_t encoding, bool big, const double *v, size_t n, uint8_t *dst, struct mebo_alp *alp) {
  switch (encoding) {
  case MEBO_VALUE_RAW: return encode_raw(big, v, n, dst);
  case MEBO_VALUE_CHIMP: return mebo_chimp_encode(v, n, dst);
  case MEBO_VALUE_ALP: return mebo_alp_encode(alp, big, v, n, dst);
  default: return encode_gorilla(v, n, dst);
  }
}

tfdc_rc mebo_value_decode(uint8_t encoding, bool big, struct tfdc_cursor src, double *v, size_t n) {
  if (n == 0) return TFDC_OK;
  switch (encoding) {
  case MEBO_VALUE_RAW: return decode_raw(big, src, v, n);
  case MEBO_VALUE_CHIMP: return mebo_chimp_decode(src, v, n);
  case MEBO_VALUE_ALP: return mebo_alp_decode(big, src, v, n);
  default: return decode_gorilla(src, v, n);
  }
}
