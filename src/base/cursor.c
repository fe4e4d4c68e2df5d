/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

#include <stdarg.h>
#include <stdio.h>

static uint64_t load(const uint8_t *p, size_t n, bool big) {
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++) v |= (uint64_t)p[big ? n - 1 - i : i] << (8 * i);
  return v;
}

tfdc_rc tfdc_take_u8(struct tfdc_cursor *c, uint8_t *ret) {
  const uint8_t *p;
  TFDC_TRY(tfdc_take(c, 1, &p));
  *ret = p[0];
  return TFDC_OK;
}

tfdc_rc tfdc_take_u16(struct tfdc_cursor *c, bool big, uint16_t *ret) {
  const uint8_t *p;
  TFDC_TRY(tfdc_take(c, 2, &p));
  *ret = (uint16_t)load(p, 2, big);
  return TFDC_OK;
}

tfdc_rc tfdc_take_u32(struct tfdc_cursor *c, bool big, uint32_t *ret) {
  const uint8_t *p;
  TFDC_TRY(tfdc_take(c, 4, &p));
  *ret = (uint32_t)load(p, 4, big);
  return TFDC_OK;
}

tfdc_rc tfdc_take_u64(struct tfdc_cursor *c, bool big, uint64_t *ret) {
  const uint8_t *p;
  TFDC_TRY(tfdc_take(c, 8, &p));
  *ret = load(p, 8, big);
  return TFDC_OK;
}

tfdc_rc tfdc_take_f64(struct tfdc_cursor *c, bool big, double *ret) {
  uint64_t bits;
  TFDC_TRY(tfdc_take_u64(c, big, &bits));
  memcpy(ret, &bits, sizeof *ret);
  return TFDC_OK;
}

tfdc_rc tfdc_take_uvarint(struct tfdc_cursor *c, uint64_t *ret) {
  uint64_t v = 0;
  for (size_t i = 0; i < 10; i++) {
    if (c->size - c->pos <= i) return TFDC_E_TRUNCATED;
    uint8_t byte = c->data[c->pos + i];
    if (i == 9 && byte > 1) return TFDC_E_MALFORMED;
    v |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      c->pos += i + 1;
      *ret = v;
      return TFDC_OK;
    }
  }
  return TFDC_E_MALFORMED;
}

tfdc_rc tfdc_take_svarint(struct tfdc_cursor *c, int64_t *ret) {
  uint64_t z;
  TFDC_TRY(tfdc_take_uvarint(c, &z));
  uint64_t v = (z >> 1) ^ (0 - (z & 1));
  memcpy(ret, &v, sizeof *ret);
  return TFDC_OK;
}

tfdc_rc tfdc_take_bytes(struct tfdc_cursor *c, size_t max, const uint8_t **ret, size_t *ret_n) {
  struct tfdc_cursor at = *c;
  uint64_t n;
  const uint8_t *p;
  TFDC_TRY(tfdc_take_uvarint(&at, &n));
  if (n > max) return TFDC_E_LIMIT;
  TFDC_TRY(tfdc_take(&at, (size_t)n, &p));
  *c = at;
  *ret = p;
  *ret_n = (size_t)n;
  return TFDC_OK;
}

void tfdc_buf_deinit(struct tfdc_buf *b) {
  free(b->data);
  *b = (struct tfdc_buf){.limit = b->limit};
}

bool tfdc_buf_reserve(struct tfdc_buf *b, size_t n) {
  size_t limit = b->limit ? b->limit : (size_t)1 << 30;
  if (b->failed || n > limit || b->size > limit - n) {
    b->failed = true;
    return false;
  }
  if (b->cap - b->size >= n) return true;
  size_t cap = b->cap < 128 ? 256 : b->cap * 2;
  if (cap < b->size + n) cap = b->size + n;
  uint8_t *data = realloc(b->data, cap);
  if (data == NULL) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->cap = cap;
  return true;
}

void tfdc_put(struct tfdc_buf *b, const void *data, size_t n) {
  if (n == 0 || !tfdc_buf_reserve(b, n)) return;
  memcpy(b->data + b->size, data, n);
  b->size += n;
}

static void put_int(struct tfdc_buf *b, uint64_t v, size_t n, bool big) {
  uint8_t bytes[8];
  for (size_t i = 0; i < n; i++) bytes[big ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
  tfdc_put(b, bytes, n);
}

void tfdc_put_u8(struct tfdc_buf *b, uint8_t v) { tfdc_put(b, &v, 1); }
void tfdc_put_u16(struct tfdc_buf *b, bool big, uint16_t v) { put_int(b, v, 2, big); }
void tfdc_put_u32(struct tfdc_buf *b, bool big, uint32_t v) { put_int(b, v, 4, big); }
void tfdc_put_u64(struct tfdc_buf *b, bool big, uint64_t v) { put_int(b, v, 8, big); }

void tfdc_put_f64(struct tfdc_buf *b, bool big, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  put_int(b, bits, 8, big);
}

void tfdc_put_uvarint(struct tfdc_buf *b, uint64_t v) {
  uint8_t bytes[10];
  size_t n = 0;
  while (v >= 0x80) {
    bytes[n++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  bytes[n++] = (uint8_t)v;
  tfdc_put(b, bytes, n);
}

void tfdc_put_svarint(struct tfdc_buf *b, int64_t v) {
  uint64_t u = (uint64_t)v;
  tfdc_put_uvarint(b, (u << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void tfdc_put_bytes(struct tfdc_buf *b, const void *data, size_t n) {
  tfdc_put_uvarint(b, n);
  tfdc_put(b, data, n);
}

void tfdc_put_fmt(struct tfdc_buf *b, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0) {
    b->failed = true;
  } else if (tfdc_buf_reserve(b, (size_t)n + 1)) {
    (void)vsnprintf((char *)b->data + b->size, (size_t)n + 1, fmt, again);
    b->size += (size_t)n;
  }
  va_end(again);
}

tfdc_rc tfdc_buf_status(const struct tfdc_buf *b) {
  if (!b->failed) return TFDC_OK;
  size_t limit = b->limit ? b->limit : (size_t)1 << 30;
  return b->size >= limit / 2 ? TFDC_E_LIMIT : TFDC_E_NOMEM;
}
