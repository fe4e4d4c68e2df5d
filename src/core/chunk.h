/* SPDX-License-Identifier: Apache-2.0
 * Chunks of a T-chart: blocks to a Mebo blob, and back to the series of a run. Pure, CPU work for the pool. */
#ifndef CORE_CHUNK_H
#define CORE_CHUNK_H

#include "base/arena.h"
#include "base/cursor.h"
#include "eq/eq.h"
#include "model/ingest.h"

/* What encoding needs; reused from chunk to chunk, one thread at a time. NOMEM. */
struct chunk_encoder;
TFDC_MUST_USE tfdc_rc chunk_encoder_create(struct chunk_encoder **ret);
void chunk_encoder_destroy(struct chunk_encoder *e); /* NULL ok */

/* Encodes blocks (in order of seq) to one Mebo blob appended to out: one metric per SVID name, time stamps shared. Sets
 * checksum, points, first_us, last_us of ret and its blob to out's bytes (valid while out lives). Errors: NOMEM, LIMIT.
 */
TFDC_MUST_USE tfdc_rc chunk_encode(struct chunk_encoder *encoder, struct model_block *const *blocks, size_t n_blocks,
                                   struct tfdc_arena *scratch, struct tfdc_buf *out, struct model_chunk *ret,
                                   struct tfdc_error *err);

struct chunk_blob {
  const uint8_t *data;
  size_t n;
  uint64_t checksum;
};
/* Which SVIDs to decode. */
struct chunk_names {
  const char *const *names;
  size_t n;
};
/* Joins chunks (in order of first_seq) to series of the named SVIDs, contiguous over chunk borders, times strictly
 * rising. Equal (SVID, time, bits) in two chunks count once; the same time with other bits, or time going back by more
 * than overlap explains: CONFLICT. CORRUPT when a checksum or blob is bad, LIMIT when it would take more than
 * max_bytes. The arrays live in mem. SVIDs that no chunk has are left out. */
TFDC_MUST_USE tfdc_rc chunk_decode(const struct chunk_blob *chunks, size_t n_chunks, const struct chunk_names *names,
                                   size_t max_bytes, struct tfdc_arena *mem, struct eq_series **ret, size_t *ret_n,
                                   struct tfdc_error *err);

/* The run as equations see it: times, steps and events of its context with its series. The lists live in mem, names
 * are the context's, series are borrowed. NOMEM. */
TFDC_MUST_USE tfdc_rc chunk_eq_run(const struct model_context *c, const struct eq_series *series, size_t n_series,
                                   struct tfdc_arena *mem, struct eq_run *ret);

#endif
