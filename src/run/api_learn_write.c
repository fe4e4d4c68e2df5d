/* SPDX-License-Identifier: Apache-2.0
 * New versions of definitions, and runs judged again by them. */
#include "model/codec.h"
#include "port/kv.h"
#include "run/api_learn_priv.h"
#include "run/completion.h"
#include "run/defender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 10 };
/* A defender hears of new definitions within this time, or it is not there. */
#define HEARD_US      (10 * TFDC_US_PER_S)
#define HEARD_WAIT_US INT64_C(20000)

/* ---- definitions ---- */

tfdc_rc learn_newest_def(const struct api *api, enum model_def_kind kind, const char *id, struct tfdc_arena *mem,
                         struct model_def *ret, struct tfdc_error *err) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_DEF_LIST);
  r.def_kind = (int)kind;
  r.def_id = id;
  r.page.limit = 10000;
  TFDC_TRY(api_store(api, &r, err));
  const struct model_def *newest = NULL;
  for (size_t i = 0; i < r.n; i++)
    if (newest == NULL || r.defs[i].version > newest->version) newest = &r.defs[i];
  if (newest == NULL) {
    *ret = (struct model_def){.kind = kind, .id = id};
    return TFDC_OK;
  }
  return model_def_copy(newest, mem, ret) == TFDC_OK ? TFDC_OK : tfdc_fail(err, TFDC_E_NOMEM, "definition %s", id);
}

tfdc_rc learn_write_def(const struct api *api, const struct learn_ask *ask, enum model_def_kind kind, const char *id,
                        const char *body, uint32_t *ret_version, struct tfdc_error *err) {
  tfdc_rc rc = TFDC_E_EXISTS; /* somebody else may write the same version */
  for (int i = 0; i < TRIES && rc == TFDC_E_EXISTS; i++) {
    struct tfdc_arena mem = {.limit = 4 * (size_t)MODEL_BODY_MAX};
    struct model_def newest;
    rc = learn_newest_def(api, kind, id, &mem, &newest, err);
    bool same = rc == TFDC_OK && newest.version > 0 && newest.approved && !newest.retired &&
                newest.effective_us <= ask->effective_us && strcmp(newest.body, body) == 0;
    uint32_t version = rc == TFDC_OK ? newest.version + !same : 0;
    tfdc_arena_deinit(&mem);
    if (rc == TFDC_OK && !same) {
      struct model_def def = {.kind = kind, .id = id, .version = version, .approved = true};
      def.effective_us = ask->effective_us;
      def.created_us = api_now_us(api);
      def.author = ask->author;
      def.comment = ask->comment;
      def.body = body;
      TFDC_AUTO(api_store_deinit) struct store_req r;
      store_req_init(&r, STORE_DEF_PUT);
      r.def = &def;
      rc = api_store(api, &r, err);
    }
    if (rc == TFDC_OK) *ret_version = version;
  }
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "%s %s", kind == MODEL_DEF_STRATEGY ? "strategy" : "limit set", id);
}

static void kv_deinit(struct kv_req *r) { port_req_deinit(&r->base); }

/* generation + 1, by compare-and-set. */
static tfdc_rc bump(const struct api *api, struct tfdc_error *err) {
  const struct api_options *o = &api->options;
  TFDC_AUTO(kv_deinit) struct kv_req get, put;
  kv_req_init(&get, KV_GET);
  kv_req_init(&put, KV_CREATE);
  get.bucket = put.bucket = DEFENDER_CONFIG_BUCKET;
  get.key = put.key = "generation";
  tfdc_rc rc = await_call(o->await, o->kv, &get.base);
  if (rc != TFDC_OK && rc != TFDC_E_NOT_FOUND) return tfdc_fail(err, rc, "%s", tfdc_error_msg(&get.base.err));
  uint64_t generation = 0;
  if (rc == TFDC_OK) {
    char text[24];
    (void)snprintf(text, sizeof text, "%.*s", (int)(get.entries[0].n < 20 ? get.entries[0].n : 20),
                   (const char *)get.entries[0].value);
    generation = strtoull(text, NULL, 10);
    put.base.op = KV_UPDATE;
    put.revision = get.entries[0].revision;
  }
  char value[24];
  (void)snprintf(value, sizeof value, "%" PRIu64, generation + 1);
  put.value = value;
  put.n = strlen(value);
  rc = await_call(o->await, o->kv, &put.base);
  return rc == TFDC_OK ? rc : tfdc_fail(err, rc, "%s", tfdc_error_msg(&put.base.err));
}

tfdc_rc learn_announce(const struct api *api, struct tfdc_error *err) {
  if (api->options.kv == NULL) return TFDC_OK;
  tfdc_rc rc = TFDC_E_REVISION;
  for (int i = 0; i < TRIES && (rc == TFDC_E_REVISION || rc == TFDC_E_EXISTS); i++) rc = bump(api, err);
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "announcing new definitions");
}

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
