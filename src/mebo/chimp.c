/* SPDX-License-Identifier: Apache-2.0
 * Values as Chimp (Liakos, Papakonstantinopoulou, Kotidis, VLDB 2022): the first value, then for each
 * x = value ^ previous: 00 | 01 code(3) length(6) block | 10 block | 11 code(3) block. */
#include "mebo/codec.h"

#include "mebo/bits.h"

enum { none = 65 }; /* no leading zeros stored */

/* Leading zeros are rounded down to one of these; the code is its index. */
static const uint8_t rounded[8] = {0, 8, 12, 16, 18, 20, 22, 24};

static inline unsigned code_of(unsigned leading) {
  if (leading < 12) return leading >= 8;
  if (leading >= 24) return 7;
  return leading < 16 ? 2 : 3 + (leading - 16) / 2;
}

size_t mebo_chimp_encode(const double *v, size_t n, uint8_t *dst) {
  uint64_t last = mebo_bits_of(v[0]);
  mebo_store64(dst, true, last);
  struct mebo_bit_writer w = {.p = dst + 8};
  unsigned stored = none;
  for (size_t i = 1; i < n; i++) {
    uint64_t now = mebo_bits_of(v[i]), x = now ^ last;
    last = now;
    if (x == 0) {
      mebo_put_bits(&w, 0, 2);
      stored = none;
      continue;
    }
    unsigned code = code_of((unsigned)__builtin_clzll(x)), trail = (unsigned)__builtin_ctzll(x);
    unsigned lead = rounded[code];
    if (trail > 6) {
      unsigned block = 64 - lead - trail;
      mebo_put_block(&w, (uint64_t)1 << 9 | (uint64_t)code << 6 | (block & 63), 11, x >> trail, block);
      stored = none;
    } else if (lead == stored) {
      mebo_put_block(&w, 2, 2, x, 64 - lead);
    } else {
      mebo_put_block(&w, (uint64_t)3 << 3 | code, 5, x, 64 - lead);
      stored = lead;
    }
  }
  return (size_t)(mebo_bit_writer_end(&w) - dst);
}

struct chimp {
  uint64_t last;
  size_t i; /* points done */
  unsigned stored;
};

/* As the run of Gorilla in value.c: points that start before `limit`, reading at most 12 bytes on from there. */
static inline uint64_t chimp_run(struct chimp *g, const uint8_t *p, uint64_t pos, uint64_t limit, double *v, size_t n) {
  struct chimp s = *g;
  while (s.i < n && pos < limit) {
    uint64_t w = mebo_peek64(p, pos);
    unsigned kind = (unsigned)(w >> 62), lead = rounded[w >> 59 & 7], trail = 0;
    if (kind == 0) {
      pos += 2;
      s.stored = none;
      memcpy(&v[s.i++], &s.last, sizeof s.last);
      continue;
    }
    if (kind == 1) {
      unsigned block = (unsigned)(w >> 53) & 63;
      if (block == 0) block = 64;
      if (lead + block > 64) return UINT64_MAX;
      trail = 64 - lead - block;
      pos += 11;
      s.stored = none;
    } else if (kind == 2) {
      if (s.stored == none) return UINT64_MAX;
      lead = s.stored;
      pos += 2;
    } else {
      pos += 5;
      s.stored = lead;
    }
    unsigned unused = lead + trail;
    s.last ^= mebo_peek64(p, pos) >> unused << trail;
    pos += 64 - unused;
    memcpy(&v[s.i++], &s.last, sizeof s.last);
  }
  *g = s;
  return pos;
}

tfdc_rc mebo_chimp_decode(struct tfdc_cursor src, double *v, size_t n) {
  const uint8_t *p = src.data + src.pos;
  size_t size = tfdc_cursor_left(&src);
  if (size < 8) return TFDC_E_TRUNCATED;
  struct chimp g = {.last = mebo_load64(p, true), .i = 1, .stored = none};
  memcpy(&v[0], &g.last, sizeof g.last);
  uint64_t pos = 64;
  if (size > 8 + MEBO_REACH) pos = chimp_run(&g, p, pos, 8 * (uint64_t)(size - MEBO_REACH), v, n);
  if (pos == UINT64_MAX) return TFDC_E_MALFORMED;
  if (g.i == n) return TFDC_OK;
  uint8_t tail[MEBO_TAIL] = {0};
  uint64_t end = mebo_tail(tail, p, size, &pos);
  pos = chimp_run(&g, tail, pos, end, v, n);
  if (pos == UINT64_MAX) return TFDC_E_MALFORMED;
  return pos > end || g.i < n ? TFDC_E_TRUNCATED : TFDC_OK;
}
