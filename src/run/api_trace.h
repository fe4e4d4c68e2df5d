/* SPDX-License-Identifier: Apache-2.0
 * The T-chart of a run out of the store. Internal to run/api*. */
#ifndef RUN_API_TRACE_H
#define RUN_API_TRACE_H

#include "core/chunk.h"
#include "run/api_call.h"

struct api_blobs {
  struct chunk_blob *items; /* in order of first_seq */
  size_t n, cap;
};
/* The chunks of a run up to a revision, copied into mem; its limit bounds them. On failure
 * ret is untouched: CORRUPT, LIMIT (more than mem takes), else the errors of the store. */
TFDC_MUST_USE tfdc_rc api_trace_blobs(const struct api *a, struct tfdc_id128 id, uint32_t revision,
                                      struct tfdc_arena *mem, struct api_blobs *ret, struct tfdc_error *err);

/* Are all chunks of its last close still stored? */
TFDC_MUST_USE tfdc_rc api_trace_is_whole(const struct api *a, const struct model_context *c, bool *ret,
                                         struct tfdc_error *err);

#endif
