/* SPDX-License-Identifier: Apache-2.0
 * Compression of whole payloads: none, Zstandard. */
#include "mebo/codec.h"

#include <zstd.h>

bool mebo_compression_supported(uint8_t type) { return type == MEBO_NONE || type == MEBO_ZSTD; }

void mebo_compressor_destroy(struct ZSTD_CCtx_s *c) { (void)ZSTD_freeCCtx(c); }

tfdc_rc mebo_compress(struct ZSTD_CCtx_s **c, uint8_t type, int level, const struct tfdc_buf *payload,
                      struct tfdc_buf *out) {
  if (payload->size == 0) return TFDC_OK;
  if (type == MEBO_NONE) {
    tfdc_put(out, payload->data, payload->size);
    return tfdc_buf_status(out);
  }
  if (payload->size > MEBO_MAX_PAYLOAD) return TFDC_E_LIMIT; /* no reader would take it */
  if (*c == NULL) *c = ZSTD_createCCtx();
  if (*c == NULL) return TFDC_E_NOMEM;
  size_t most = ZSTD_compressBound(payload->size);
  if (!tfdc_buf_reserve(out, most)) return tfdc_buf_status(out);
  size_t n = ZSTD_compressCCtx(*c, out->data + out->size, most, payload->data, payload->size, level);
  if (ZSTD_isError(n)) return TFDC_E_NOMEM; /* with a large enough output only memory can fail */
  out->size += n;
  return TFDC_OK;
}

/* What the frames declare together. *ret_known is false if one of them does not say. */
static tfdc_rc declared_size(const uint8_t *src, size_t n, size_t max, size_t *ret, bool *ret_known,
                             struct tfdc_error *err) {
  size_t total = 0;
  bool known = true;
  for (size_t at = 0, frame; at < n; at += frame) {
    frame = ZSTD_findFrameCompressedSize(src + at, n - at);
    if (ZSTD_isError(frame))
      return tfdc_fail(err, TFDC_E_MALFORMED, "zstd frame at byte %zu: %s", at, ZSTD_getErrorName(frame));
    unsigned long long size = ZSTD_getFrameContentSize(src + at, n - at);
    if (size == ZSTD_CONTENTSIZE_ERROR) return tfdc_fail(err, TFDC_E_MALFORMED, "zstd frame at byte %zu", at);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
      known = false;
      continue;
    }
    /* A block has a header of 3 bytes, at least 1 of content, and holds at most 128 KiB. */
    if (size > (unsigned long long)(frame / 4 + 1) << 17)
      return tfdc_fail(err, TFDC_E_MALFORMED, "zstd frame at byte %zu: %zu bytes cannot hold %llu", at, frame, size);
    if (size > max - total) return tfdc_fail(err, TFDC_E_LIMIT, "zstd frame at byte %zu: over %zu bytes", at, max);
    total += (size_t)size;
  }
  *ret = total;
  *ret_known = known;
  return TFDC_OK;
}

/* For frames that do not declare a size: memory grows with what really comes out. */
static tfdc_rc decompress_stream(ZSTD_DCtx *d, const uint8_t *src, size_t n, struct tfdc_buf *out,
                                 struct tfdc_error *err) {
  ZSTD_inBuffer in = {.src = src, .size = n, .pos = 0};
  size_t hint = 1;
  while (in.pos < in.size || hint > 0) {
    if (!tfdc_buf_reserve(out, 1)) return tfdc_fail(err, tfdc_buf_status(out), "after %zu bytes", out->size);
    ZSTD_outBuffer to = {.dst = out->data + out->size, .size = out->cap - out->size, .pos = 0};
    size_t before = in.pos;
    hint = ZSTD_decompressStream(d, &to, &in);
    if (ZSTD_isError(hint)) return tfdc_fail(err, TFDC_E_MALFORMED, "zstd: %s", ZSTD_getErrorName(hint));
    if (to.pos == 0 && in.pos == before) return tfdc_fail(err, TFDC_E_TRUNCATED, "zstd frame ends early");
    out->size += to.pos;
    if (out->size > out->limit) return tfdc_fail(err, TFDC_E_LIMIT, "zstd: over %zu bytes", out->limit);
  }
  return TFDC_OK;
}

static tfdc_rc decompress_undeclared(const uint8_t *src, size_t n, size_t max, struct mebo_payload *ret,
                                     struct tfdc_error *err) {
  ZSTD_DCtx *d = ZSTD_createDCtx();
  if (d == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "zstd");
  struct tfdc_buf out = {.limit = max};
  tfdc_rc rc = decompress_stream(d, src, n, &out, err);
  (void)ZSTD_freeDCtx(d);
  if (rc != TFDC_OK) {
    tfdc_buf_deinit(&out);
    return rc;
  }
  *ret = (struct mebo_payload){.data = out.data, .size = out.size, .owned = out.data};
  return TFDC_OK;
}

tfdc_rc mebo_decompress(uint8_t type, const uint8_t *src, size_t n, size_t max, struct mebo_payload *ret,
                        struct tfdc_error *err) {
  if (n == 0 || type == MEBO_NONE) {
    *ret = (struct mebo_payload){.data = src, .size = n};
    return TFDC_OK;
  }
  if (type != MEBO_ZSTD) return tfdc_fail(err, TFDC_E_UNSUPPORTED, "compression %u", (unsigned)type);
  size_t size = 0;
  bool known = false;
  TFDC_TRY(declared_size(src, n, max, &size, &known, err));
  if (!known) return decompress_undeclared(src, n, max, ret, err);
  uint8_t *data = malloc(size > 0 ? size : 1);
  if (data == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "payload of %zu bytes", size);
  size_t got = ZSTD_decompress(data, size, src, n);
  if (ZSTD_isError(got)) {
    free(data);
    return tfdc_fail(err, TFDC_E_MALFORMED, "zstd: %s", ZSTD_getErrorName(got));
  }
  *ret = (struct mebo_payload){.data = data, .size = got, .owned = data};
  return TFDC_OK;
}
