/* SPDX-License-Identifier: Apache-2.0
 * The second reading: rows become runs, blocks and steps, which go to a sink. The borders of blocks depend on the file
 * and its map alone, so that a file that is replayed again gives the same messages. One thread. */
#ifndef APP_REPLAY_ASSEMBLE_H
#define APP_REPLAY_ASSEMBLE_H

#include "app/replay/plan.h"
#include "model/ingest.h"

enum {
  ASSEMBLE_OPEN_MAX = 32,       /* runs whose rows come interleaved */
  ASSEMBLE_BLOCK_POINTS = 16384 /* of one block, at most */
};

struct assemble_sink {
  void *user;
  /* *ret_handle is passed to the other two. context is valid during the call. */
  tfdc_rc (*start)(void *user, const struct model_context *context, uint64_t *ret_handle, struct tfdc_error *err);
  /* BLOCK (one reference passes, also on failure), STEP. */
  tfdc_rc (*send)(void *user, uint64_t handle, const struct model_hub_msg *msg, struct tfdc_error *err);
  /* The run's last row was sent. */
  tfdc_rc (*end)(void *user, uint64_t handle, const struct plan_run *run, struct tfdc_error *err);
};

struct assemble;
/* plan is finished; all must outlive it. NOMEM. */
TFDC_MUST_USE tfdc_rc assemble_create(struct plan *plan, const struct assemble_sink *sink, struct assemble **ret,
                                      struct tfdc_error *err);
void assemble_destroy(struct assemble *a); /* NULL ok */
/* A row of kind SOURCE_ROW. *ret_bad: why it is no part of its run, where the first reading could not know (NULL =
 * fine; valid until the next call). LIMIT: too many runs at once; CONFLICT: the file changed; errors of the sink. */
TFDC_MUST_USE tfdc_rc assemble_take(struct assemble *a, const struct source_row *row, const char **ret_bad,
                                    struct tfdc_error *err);
/* At the end of the file. CONFLICT: rows are missing that the first reading saw. */
TFDC_MUST_USE tfdc_rc assemble_finish(struct assemble *a, struct tfdc_error *err);
uint64_t assemble_points(const struct assemble *a); /* sent so far */

#endif
