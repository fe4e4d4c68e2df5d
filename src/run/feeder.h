/* SPDX-License-Identifier: Apache-2.0
 * A hub as a program needs it (simulator, replay, load): numbers messages, keeps them until they are acked, resends
 * after a reconnect from the resume point, and lets the caller wait. Calls block and come from any thread but the
 * loop's. The client is somebody else's:
 *
 *   feeder_create(&options, loop, &f, &err);
 *   hub_client_grpc_create(&grpc, loop, feeder_events(), f, &client, &err);
 *   feeder_set_client(f, client);
 *   feeder_start(f, &context, &run, &err);  feeder_send(f, run, &msg, &err) ...;  feeder_wait(f, run, limit, &result,
 * &err);
 */
#ifndef RUN_FEEDER_H
#define RUN_FEEDER_H

#include "port/hub.h"

struct feeder_options {
  const char *hub; /* its name; copied like all below */
  bool historical;
  const struct model_chamber *chambers;
  size_t n_chambers;
  size_t keep_bytes; /* blocks that wait for their ack, at most; above: feeder_send blocks. 0 = 64 MiB */
  tfdc_dur patience; /* a call fails with UNAVAILABLE when the collector cannot be reached for so long; 0 = for ever */
  /* What became of a run; on the loop's thread; may be NULL. */
  void (*acked_end)(void *user, uint64_t run, const struct tfdc_id128 *context_id, tfdc_mono when);
  void (*rejected)(void *user, uint64_t run, uint64_t seq, tfdc_rc code, const char *text);
  void *user;
};
struct feeder_result {
  bool ended;          /* the end was acked */
  uint64_t rejects;    /* messages that were rejected */
  tfdc_rc reject_code; /* the first of them */
  char reject_text[200];
};
struct feeder;
TFDC_MUST_USE tfdc_rc feeder_create(const struct feeder_options *options, struct port_loop *loop, struct feeder **ret,
                                    struct tfdc_error *err);
const struct hub_client_events *feeder_events(void); /* user = the feeder */
void feeder_set_client(struct feeder *f, struct hub_client *client);
/* Opens a run; waits for nothing. context is copied. LIMIT, NOMEM, UNAVAILABLE, and the collector's permanent refusals.
 */
TFDC_MUST_USE tfdc_rc feeder_start(struct feeder *f, const struct model_context *context, uint64_t *ret_run,
                                   struct tfdc_error *err);
/* BLOCK (one reference passes, also on failure), STEP (step or event), AMEND, RUN_END; run and seq are filled in here;
 * everything else is copied. Blocks while keep_bytes wait. */
TFDC_MUST_USE tfdc_rc feeder_send(struct feeder *f, uint64_t run, const struct model_hub_msg *msg,
                                  struct tfdc_error *err);
/* Until the run's end is acked (or the run itself was rejected); forgets the run. TIMEOUT: it is kept. */
TFDC_MUST_USE tfdc_rc feeder_wait(struct feeder *f, uint64_t run, tfdc_dur limit, struct feeder_result *ret,
                                  struct tfdc_error *err);
size_t feeder_kept(struct feeder *f); /* bytes that wait for their ack */
/* Closes the client, waits, frees. What was not acked is lost: wait first. NULL ok. */
void feeder_destroy(struct feeder *f);

#endif
