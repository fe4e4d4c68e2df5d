/* SPDX-License-Identifier: Apache-2.0
 * The one checked cursor through which bytes from outside are read, and the buffer into which bytes are written.
 * A read past the end fails with TRUNCATED, moves nothing and leaves the output untouched. Not thread-safe. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tfdc_cursor {
  const uint8_t *data; /* borrowed */
  size_t size, pos;
};

static inline struct tfdc_cursor tfdc_cursor_on(const void *data, size_t size) {
  return (struct tfdc_cursor){.data = data, .size = size, .pos = 0};
}
static inline size_t tfdc_cursor_left(const struct tfdc_cursor *c) { return c->size - c->pos; }

/* A view of the next n bytes (borrowed from the cursor's data); moves past them. */
static inline TFDC_MUST_USE tfdc_rc tfdc_take(struct tfdc_cursor *c, size_t n, const uint8_t **ret) {
  if (tfdc_cursor_left(c) < n) return TFDC_E_TRUNCATED;
  *ret = c->data + c->pos;
  c->pos += n;
  return TFDC_OK;
}
/* Little- and big-endian integers. */
TFDC_MUST_USE tfdc_rc tfdc_take_u8(struct tfdc_cursor *c, uint8_t *ret);
TFDC_MUST_USE tfdc_rc tfdc_take_u16(struct tfdc_cursor *c, bool big, uint16_t *ret);
TFDC_MUST_USE tfdc_rc tfdc_take_u32(struct tfdc_cursor *c, bool big, uint32_t *ret);
TFDC_MUST_USE tfdc_rc tfdc_take_u64(struct tfdc_cursor *c, bool big, uint64_t *ret);
TFDC_MUST_USE tfdc_rc tfdc_take_f64(struct tfdc_cursor *c, bool big, double *ret);
/* LEB128, at most 10 bytes; TRUNCATED at the end of data, MALFORMED if it does not fit 64 bits. */
TFDC_MUST_USE tfdc_rc tfdc_take_uvarint(struct tfdc_cursor *c, uint64_t *ret);
TFDC_MUST_USE tfdc_rc tfdc_take_svarint(struct tfdc_cursor *c, int64_t *ret); /* zigzag */
/* uvarint length, then bytes: a borrowed view; LIMIT when longer than max. */
TFDC_MUST_USE tfdc_rc tfdc_take_bytes(struct tfdc_cursor *c, size_t max, const uint8_t **ret, size_t *ret_n);

/* Growing output. A failed allocation or a size over the limit makes the buffer `failed`; later puts do nothing, so a
 * writer may check once at the end with tfdc_buf_status. Zero-initialise; limit 0 means 1 GiB. */
struct tfdc_buf {
  uint8_t *data; /* owned */
  size_t size, cap, limit;
  bool failed;
};
void tfdc_buf_deinit(struct tfdc_buf *b);
/* Room for n more bytes at b->data + b->size (the caller adds to size). False when failed. */
TFDC_MUST_USE bool tfdc_buf_reserve(struct tfdc_buf *b, size_t n);
void tfdc_put(struct tfdc_buf *b, const void *data, size_t n);
void tfdc_put_u8(struct tfdc_buf *b, uint8_t v);
void tfdc_put_u16(struct tfdc_buf *b, bool big, uint16_t v);
void tfdc_put_u32(struct tfdc_buf *b, bool big, uint32_t v);
void tfdc_put_u64(struct tfdc_buf *b, bool big, uint64_t v);
void tfdc_put_f64(struct tfdc_buf *b, bool big, double v);
void tfdc_put_uvarint(struct tfdc_buf *b, uint64_t v);
void tfdc_put_svarint(struct tfdc_buf *b, int64_t v);
void tfdc_put_bytes(struct tfdc_buf *b, const void *data, size_t n);           /* uvarint length, then the bytes */
TFDC_PRINTF(2, 3) void tfdc_put_fmt(struct tfdc_buf *b, const char *fmt, ...); /* text, no NUL */
TFDC_MUST_USE tfdc_rc tfdc_buf_status(const struct tfdc_buf *b);               /* OK or NOMEM or LIMIT */

#endif
