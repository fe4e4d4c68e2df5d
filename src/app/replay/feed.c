/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/feed.h"

#include "adapter/grpc/hub_client_grpc.h"
#include "run/feeder.h"
#include "run/loop_uv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNACKED_MAX = 16, NAME_MAX = 80, PATIENCE_S = 30, END_S = 600 };
#define KEEP_BYTES ((size_t)16 << 20)

struct feed_run {
  uint64_t run; /* of the feeder; 0 = free, or the collector refused it */
  bool used;
  char name[NAME_MAX];
};
struct feed {
  struct loop_uv *loop;
  struct feeder *feeder;
  struct assemble_sink sink;
  struct model_chamber *chambers;
  struct feed_run open[ASSEMBLE_OPEN_MAX]; /* a run's handle is its place here */
  struct feed_run ended[UNACKED_MAX];      /* a ring: runs whose end is not acked yet */
  size_t first, n;
  struct feed_counts counts;
};

static void note_result(struct feed *f, const char *name, const struct feeder_result *r) {
  f->counts.runs += r->ended;
  f->counts.refused_runs += !r->ended;
  f->counts.rejects += r->rejects;
  if (r->rejects > 0 && f->counts.first_reject[0] == '\0')
    (void)snprintf(f->counts.first_reject, sizeof f->counts.first_reject, "run %s: %s: %s", name,
                   tfdc_rc_name(r->reject_code), r->reject_text);
}

static tfdc_rc wait_first(struct feed *f, struct tfdc_error *err) {
  struct feed_run *e = &f->ended[f->first];
  struct feeder_result result;
  tfdc_rc rc = feeder_wait(f->feeder, e->run, tfdc_seconds(END_S), &result, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "run %s", e->name);
  note_result(f, e->name, &result);
  f->first = (f->first + 1) % UNACKED_MAX;
  f->n--;
  return TFDC_OK;
}

static tfdc_rc on_start(void *user, const struct model_context *context, uint64_t *ret_handle, struct tfdc_error *err) {
  struct feed *f = user;
  size_t at = 0;
  while (at < ASSEMBLE_OPEN_MAX && f->open[at].used) at++;
  TFDC_ASSERT(at < ASSEMBLE_OPEN_MAX);
  struct feed_run *r = &f->open[at];
  TFDC_TRY(feeder_start(f->feeder, context, &r->run, err));
  r->used = true;
  (void)snprintf(r->name, sizeof r->name, "%s", context->run_id);
  *ret_handle = at;
  return TFDC_OK;
}

/* A send that failed because the collector refused the run ends that run alone. */
static tfdc_rc send_to(struct feed *f, struct feed_run *r, const struct model_hub_msg *msg, struct tfdc_error *err) {
  if (r->run == 0) { /* refused before */
    model_block_unref(msg->block);
    return TFDC_OK;
  }
  tfdc_rc rc = feeder_send(f->feeder, r->run, msg, err);
  struct feeder_result result;
  if (rc == TFDC_OK) return TFDC_OK;
  if (feeder_wait(f->feeder, r->run, tfdc_seconds(0), &result, NULL) != TFDC_OK)
    return tfdc_wrap(err, rc, "run %s", r->name);
  note_result(f, r->name, &result);
  r->run = 0;
  return TFDC_OK;
}

static tfdc_rc on_send(void *user, uint64_t handle, const struct model_hub_msg *msg, struct tfdc_error *err) {
  struct feed *f = user;
  return send_to(f, &f->open[handle], msg, err);
}

static tfdc_rc on_end(void *user, uint64_t handle, const struct plan_run *run, struct tfdc_error *err) {
  struct feed *f = user;
  struct feed_run *r = &f->open[handle];
  const struct model_hub_msg msg = {.kind = MODEL_HUB_RUN_END, .end_us = run->end_us, .end_reason = MODEL_END_COMPLETE};
  TFDC_TRY(send_to(f, r, &msg, err));
  if (f->n == UNACKED_MAX) TFDC_TRY(wait_first(f, err));
  if (r->run != 0) f->ended[(f->first + f->n++) % UNACKED_MAX] = *r;
  *r = (struct feed_run){.run = 0};
  return TFDC_OK;
}

const struct assemble_sink *feed_sink(struct feed *f) { return &f->sink; }

tfdc_rc feed_finish(struct feed *f, struct tfdc_error *err) {
  while (f->n > 0) TFDC_TRY(wait_first(f, err));
  return TFDC_OK;
}

void feed_counts(const struct feed *f, struct feed_counts *ret) { *ret = f->counts; }

static tfdc_rc list_chambers(struct feed *f, const struct plan *plan, struct tfdc_error *err) {
  size_t n = 0;
  f->chambers = calloc(plan->n_chambers + 1, sizeof *f->chambers);
  if (f->chambers == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the chambers");
  for (const struct plan_chamber *c = plan->first_chamber; c != NULL; c = c->next) f->chambers[n++] = c->record;
  return TFDC_OK;
}

static tfdc_rc connect_hub(struct feed *f, const struct feed_options *o, struct port_clock *clock,
                           const struct plan *plan, struct tfdc_error *err) {
  struct hub_client_grpc_options grpc = HUB_CLIENT_GRPC_DEFAULTS;
  struct hub_client *client;
  grpc.address = o->address;
  grpc.tls_ca = o->tls_ca;
  grpc.tls_cert = o->tls_cert;
  grpc.tls_key = o->tls_key;
  TFDC_TRY(list_chambers(f, plan, err));
  TFDC_TRY(loop_uv_start(clock, "replay", &f->loop, err));
  const struct feeder_options options = {.hub = "replay",
                                         .historical = true,
                                         .chambers = f->chambers,
                                         .n_chambers = plan->n_chambers,
                                         .keep_bytes = KEEP_BYTES,
                                         .patience = tfdc_seconds(PATIENCE_S)};
  TFDC_TRY(feeder_create(&options, loop_uv_port(f->loop), &f->feeder, err));
  TFDC_TRY(hub_client_grpc_create(&grpc, loop_uv_port(f->loop), feeder_events(), f->feeder, &client, err));
  feeder_set_client(f->feeder, client);
  return TFDC_OK;
}

tfdc_rc feed_create(const struct feed_options *o, struct port_clock *clock, const struct plan *plan, struct feed **ret,
                    struct tfdc_error *err) {
  struct feed *f = calloc(1, sizeof *f);
  if (f == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the stream");
  f->sink = (struct assemble_sink){f, on_start, on_send, on_end};
  tfdc_rc rc = connect_hub(f, o, clock, plan, err);
  if (rc != TFDC_OK) {
    feed_destroy(f);
    return rc;
  }
  *ret = f;
  return TFDC_OK;
}

void feed_destroy(struct feed *f) {
  if (f == NULL) return;
  feeder_destroy(f->feeder);
  if (f->loop != NULL) loop_uv_stop(f->loop);
  free(f->chambers);
  free(f);
}
