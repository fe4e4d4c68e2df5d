/* SPDX-License-Identifier: Apache-2.0
 * Unaligned loads and stores, and a bit writer that stores whole words. Private to mebo. Callers have checked bounds.
 */
#ifndef MEBO_BITS_H
#define MEBO_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MEBO_HOST_BIG 0
#else
#define MEBO_HOST_BIG 1
#endif

static inline uint64_t mebo_load64(const uint8_t *p, bool big) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return big != MEBO_HOST_BIG ? __builtin_bswap64(v) : v;
}

static inline void mebo_store64(uint8_t *p, bool big, uint64_t v) {
  if (big != MEBO_HOST_BIG) v = __builtin_bswap64(v);
  memcpy(p, &v, sizeof v);
}

static inline uint64_t mebo_zigzag(uint64_t v) { return (v << 1) ^ (0 - (v >> 63)); }
static inline uint64_t mebo_unzigzag(uint64_t z) { return (z >> 1) ^ (0 - (z & 1)); }

static inline uint64_t mebo_bits_of(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

/* 64 bits from bit `pos` on, most significant first. Reads the 9 bytes from p + pos / 8. */
static inline uint64_t mebo_peek64(const uint8_t *p, uint64_t pos) {
  const uint8_t *at = p + (pos >> 3);
  unsigned shift = (unsigned)(pos & 7);
  return mebo_load64(at, true) << shift | (uint64_t)at[8] >> (8 - shift);
}

/* Bit streams are decoded on the source itself up to MEBO_REACH bytes before its end; the rest, where a word could
 * reach over the end, on a copy with zeros behind. pos becomes the bit in the copy; returned is where the stream ends
 * there. */
enum { MEBO_REACH = 16, MEBO_TAIL = 8 + 3 * MEBO_REACH };
static inline uint64_t mebo_tail(uint8_t tail[MEBO_TAIL], const uint8_t *p, size_t size, uint64_t *pos) {
  size_t done = (size_t)(*pos >> 3);
  memcpy(tail, p + done, size - done);
  *pos &= 7;
  return 8 * (uint64_t)(size - done);
}

/* Most significant bit first. The bits that do not fill a byte yet wait at the top of acc; each put stores the 8 bytes
 * at p, so 8 bytes behind the end must be writable. */
struct mebo_bit_writer {
  uint8_t *p;
  uint64_t acc;
  unsigned fill; /* < 8 between puts */
};

/* v < 2^n, 1 <= n <= 56. */
static inline void mebo_put_bits(struct mebo_bit_writer *w, uint64_t v, unsigned n) {
  uint64_t acc = w->acc | v << (64 - w->fill - n);
  unsigned fill = w->fill + n;
  mebo_store64(w->p, true, acc);
  w->p += fill >> 3;
  w->acc = acc << (fill & 56);
  w->fill = fill & 7;
}

/* A header of at most 16 bits, then v of n <= 64 bits. */
static inline void mebo_put_block(struct mebo_bit_writer *w, uint64_t head, unsigned head_n, uint64_t v, unsigned n) {
  if (head_n + n <= 56) {
    mebo_put_bits(w, head << n | v, head_n + n);
  } else {
    mebo_put_bits(w, head << (n - 32) | v >> 32, head_n + n - 32);
    mebo_put_bits(w, v & UINT32_MAX, 32);
  }
}

static inline uint8_t *mebo_bit_writer_end(const struct mebo_bit_writer *w) { return w->p + (w->fill > 0); }

#endif
