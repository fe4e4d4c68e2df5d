/* SPDX-License-Identifier: Apache-2.0
 * Runs judged again by new definitions. */
#include "model/codec.h"
#include "run/api_learn_priv.h"
#include "run/completion.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A defender hears of new definitions within this time, or it is not there. */
#define HEARD_US      (10 * TFDC_US_PER_S)
#define HEARD_WAIT_US INT64_C(20000)

/* ---- judging again ---- */

struct rejudging {
  struct learn_task *task;
  const struct learn_written *written;
  size_t n_written;
  bool heard; /* the defender has the new definitions */
  uint64_t n;
};

static const struct learn_written *selected_by(const struct rejudging *j, const struct model_context *c) {
  for (size_t i = 0; i < j->n_written; i++)
    if (model_strategy_selects(&j->written[i].strategy, c)) return &j->written[i];
  return NULL;
}

static tfdc_rc publish(const struct learn_task *t, const struct model_context *c, uint32_t judgement,
                       struct tfdc_error *err) {
  const struct api_options *o = &t->api->options;
  struct tfdc_arena mem = {0};
  struct model_completion m = model_completion_of(c, judgement);
  struct publish_req r;
  char suffix[16];
  (void)snprintf(suffix, sizeof suffix, ".j%" PRIu32, judgement);
  tfdc_rc rc = completion_request(&m, suffix, &mem, &r);
  if (rc == TFDC_OK) {
    rc = await_call(o->await, o->publish, &r.base);
    if (rc != TFDC_OK) (void)tfdc_fail(err, rc, "%s", tfdc_error_msg(&r.base.err));
    port_req_deinit(&r.base);
  }
  tfdc_arena_deinit(&mem);
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "judging run %s again", c->run_id != NULL ? c->run_id : "");
}

/* The newest judgement of the run's newest revision; 0 when it was not judged. */
static tfdc_rc judgement_of(const struct store_req *verdict, const struct model_context *c, uint32_t *ret,
                            struct tfdc_error *err) {
  *ret = 0;
  if (verdict->base.rc == TFDC_E_NOT_FOUND) return TFDC_OK;
  if (verdict->base.rc != TFDC_OK) return tfdc_fail(err, verdict->base.rc, "%s", tfdc_error_msg(&verdict->base.err));
  if (verdict->verdicts[0].revision == c->revision) *ret = verdict->verdicts[0].judgement;
  return TFDC_OK;
}

enum heard { NOT_YET, OLD, NEW };

/* By which versions was the run judged, when it was judged for the given time? */
static tfdc_rc versions_of(const struct learn_task *t, const struct model_context *c, uint32_t judgement,
                           const struct learn_written *w, enum heard *ret, struct tfdc_error *err) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_U_GET);
  r.id = c->context_id;
  tfdc_rc rc = api_store(t->api, &r, err);
  *ret = NOT_YET;
  if (rc != TFDC_OK) return rc == TFDC_E_NOT_FOUND ? TFDC_OK : rc;
  for (size_t i = 0; i < r.n; i++) {
    const struct model_u_record *u = &r.u_records[i];
    if (u->judgement < judgement || u->revision < c->revision) continue;
    if (*ret == NOT_YET) *ret = OLD;
    for (size_t k = 0; strcmp(u->chart_set, w->strategy.id) == 0 && k < u->n_points; k++)
      if (u->points[k].eq_version >= w->version &&
          (u->points[k].limit_version >= w->limits_version || u->points[k].limit_version == 0))
        *ret = NEW;
  }
  return TFDC_OK;
}

/* Defenders hear of new definitions a moment later than we write them. So the first run goes ahead, again and again
 * until it is judged by them. Where no defender answers there is none, and the next one reads what is there. */
static tfdc_rc send_first(struct rejudging *j, const struct model_context *c, const struct learn_written *w,
                          uint32_t judgement, struct tfdc_error *err) {
  struct learn_task *t = j->task;
  struct port_clock *clock = t->api->options.clock;
  int64_t until = port_mono(clock).us + HEARD_US;
  enum heard heard = OLD;
  j->heard = true;
  while (heard != NEW) {
    if (heard == OLD) TFDC_TRY(publish(t, c, ++judgement, err));
    if (port_mono(clock).us > until) return TFDC_OK;
    await_pause(t->api->options.await, (tfdc_dur){HEARD_WAIT_US});
    if (!api_job_progress(t->job, t->done, t->done)) return tfdc_fail(err, TFDC_E_CANCELLED, "the process stops");
    TFDC_TRY(versions_of(t, c, judgement, w, &heard, err));
  }
  return TFDC_OK;
}

static tfdc_rc rejudge_page(void *user, const struct store_req *list, struct tfdc_error *err) {
  struct rejudging *j = user;
  struct learn_task *t = j->task;
  struct tfdc_arena mem = {0};
  struct store_req *verdicts = NULL;
  tfdc_rc rc = api_verdicts(t->api, list, &mem, &verdicts);
  if (rc != TFDC_OK) (void)tfdc_fail(err, rc, "%zu runs", list->n);
  for (size_t i = 0; i < list->n && rc == TFDC_OK; i++) {
    const struct model_context *c = &list->contexts[i];
    const struct learn_written *w = selected_by(j, c);
    uint32_t judgement;
    if (w == NULL) continue;
    rc = judgement_of(&verdicts[i], c, &judgement, err);
    if (rc == TFDC_OK) rc = j->heard ? publish(t, c, judgement + 1, err) : send_first(j, c, w, judgement, err);
    j->n += rc == TFDC_OK;
  }
  api_verdicts_deinit(verdicts, list);
  tfdc_arena_deinit(&mem);
  if (rc == TFDC_OK && !api_job_progress(t->job, t->done, t->done))
    return tfdc_fail(err, TFDC_E_CANCELLED, "the process stops");
  return rc;
}

tfdc_rc learn_rejudge(struct learn_task *t, const struct learn_written *written, size_t n_written, uint64_t *ret_n,
                      struct tfdc_error *err) {
  struct rejudging j = {.task = t, .written = written, .n_written = n_written};
  if (t->api->options.publish == NULL)
    return tfdc_fail(err, TFDC_E_UNAVAILABLE, "this process cannot have runs judged again");
  TFDC_TRY(learn_each_page(t, rejudge_page, &j, err));
  *ret_n = j.n;
  return TFDC_OK;
}
