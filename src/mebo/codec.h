/* SPDX-License-Identifier: Apache-2.0
 * The encodings of one metric's time stamps and values, and the compressions of a payload. Private to mebo. */
#ifndef MEBO_CODEC_H
#define MEBO_CODEC_H

#include "mebo.h"

#define MEBO_ENCODE_SLACK 16 /* writable bytes that encoders may touch behind what they return */

bool mebo_ts_supported(uint8_t encoding);
/* n >= 1. Most bytes that n points can take, and fewest that can hold them. */
size_t mebo_ts_most(uint8_t encoding, size_t n);
uint64_t mebo_ts_least(uint8_t encoding, uint64_t n);
/* dst has room for mebo_ts_most + MEBO_ENCODE_SLACK; the number of bytes is returned. */
size_t mebo_ts_encode(uint8_t encoding, bool big, const int64_t *t, size_t n, uint8_t *dst);
/* All n points from size bytes; bytes left over are ignored. TRUNCATED or MALFORMED. */
TFDC_MUST_USE tfdc_rc mebo_ts_decode(uint8_t encoding, bool big, struct tfdc_cursor src, int64_t *t, size_t n);

bool mebo_value_supported(uint8_t encoding);
size_t mebo_value_most(uint8_t encoding, size_t n);
uint64_t mebo_value_least(uint8_t encoding, uint64_t n);
struct mebo_alp; /* working memory of ALP; other encodings take NULL */
size_t mebo_value_encode(uint8_t encoding, bool big, const double *v, size_t n, uint8_t *dst, struct mebo_alp *alp);
TFDC_MUST_USE tfdc_rc mebo_value_decode(uint8_t encoding, bool big, struct tfdc_cursor src, double *v, size_t n);

size_t mebo_chimp_encode(const double *v, size_t n, uint8_t *dst);
TFDC_MUST_USE tfdc_rc mebo_chimp_decode(struct tfdc_cursor src, double *v, size_t n);
TFDC_MUST_USE tfdc_rc mebo_alp_create(struct mebo_alp **ret);
void mebo_alp_destroy(struct mebo_alp *a);
size_t mebo_alp_encode(struct mebo_alp *a, bool big, const double *v, size_t n, uint8_t *dst);
TFDC_MUST_USE tfdc_rc mebo_alp_decode(bool big, struct tfdc_cursor src, double *v, size_t n);

bool mebo_compression_supported(uint8_t type);
/* zstd's working memory for compression; *c is NULL until first used, then the caller's. */
struct ZSTD_CCtx_s;
void mebo_compressor_destroy(struct ZSTD_CCtx_s *c);
/* Appends the compressed payload to out. Nothing becomes nothing. */
TFDC_MUST_USE tfdc_rc mebo_compress(struct ZSTD_CCtx_s **c, uint8_t type, int level, const struct tfdc_buf *payload,
                                    struct tfdc_buf *out);

struct mebo_payload {
  const uint8_t *data;
  size_t size;
  uint8_t *owned; /* NULL where data lies in the blob; else to be freed */
};
#define MEBO_MAX_PAYLOAD ((size_t)1 << 27) /* the format's own limit of a decompressed payload */
TFDC_MUST_USE tfdc_rc mebo_decompress(uint8_t type, const uint8_t *src, size_t n, size_t max, struct mebo_payload *ret,
                                      struct tfdc_error *err);

#endif
