/* SPDX-License-Identifier: Apache-2.0 */
#include "run/api_rejudge.h"

#include "core/catalog.h"
#include "model/codec.h"
#include "port/queue.h"
#include "run/api_handlers.h"
#include "run/api_trace.h"
#include "run/completion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PICKS_MAX = 64, AHEAD = 16 };
/* A defender hears of new definitions within this time, or it is not there. */
#define HEARD_US      (10 * TFDC_US_PER_S)
#define HEARD_WAIT_US INT64_C(20000)
/* A queue that does not shrink for so long has nobody who judges. */
#define IDLE_US      (5 * TFDC_US_PER_S)
#define ROOM_WAIT_US INT64_C(5000)
/* Definitions that are older have been heard of, also where clocks differ a little. */
#define RECENT_US (60 * TFDC_US_PER_S)

struct rejudging {
  const struct rejudge *ask;
  struct store_req defs;   /* all definitions */
  struct catalog *catalog; /* the same, as a defender has them */
  int64_t recent_from_us;  /* definitions made after this may not be heard of yet */
  struct tfdc_arena mem;
  struct model_context probe; /* the run that the newest of the recent definitions judge */
  int64_t probe_us;           /* when those were made; INT64_MIN = no probe is needed */
  uint32_t judgement;         /* the highest so far */
  uint64_t seen;
  uint32_t room; /* messages that may be published before the queue is asked again */
  struct rejudge_result result;
};

/* ---- definitions ---- */

static tfdc_rc read_definitions(struct rejudging *j, struct tfdc_error *err) {
  const struct api *api = j->ask->api;
  store_req_init(&j->defs, STORE_DEF_LIST);
  j->defs.def_kind = -1;
  TFDC_TRY(api_store(api, &j->defs, err));
  j->recent_from_us = api_now_us(api) - RECENT_US;
  return catalog_create(j->defs.defs, j->defs.n, &j->catalog, err);
}

static int64_t created_us(const struct rejudging *j, enum model_def_kind kind, const char *id, uint32_t version) {
  for (size_t i = 0; i < j->defs.n; i++) {
    const struct model_def *d = &j->defs.defs[i];
    if (d->kind == kind && d->version == version && strcmp(d->id, id) == 0) return d->created_us;
  }
  return INT64_MIN;
}

/* When the newest of the definitions that judge the run was made. */
static int64_t newest_of(const struct rejudging *j, const struct model_context *c) {
  struct catalog_pick picks[PICKS_MAX];
  size_t n = catalog_select(j->catalog, c, picks, PICKS_MAX);
  int64_t newest = INT64_MIN;
  for (size_t i = 0; i < n; i++) {
    int64_t a = created_us(j, MODEL_DEF_STRATEGY, picks[i].strategy->id, picks[i].version);
    int64_t b = created_us(j, MODEL_DEF_LIMITS, picks[i].strategy->id, picks[i].limit_version);
    if (a > newest) newest = a;
    if (b > newest) newest = b;
  }
  return newest;
}

/* ---- publishing ---- */

static tfdc_rc publish(const struct api *api, const struct model_context *c, uint32_t judgement,
                       struct tfdc_error *err) {
  const struct api_options *o = &api->options;
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

static tfdc_rc go_on(const struct rejudging *j, struct tfdc_error *err) {
  uint64_t total = j->seen > j->result.published ? j->seen : j->result.published;
  if (j->ask->job == NULL || api_job_progress(j->ask->job, j->result.published, total)) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_CANCELLED, "the process stops");
}

/* ---- hearing ---- */

enum heard { NOT_YET, OLD, NEW };

static bool is_judged_by(const struct model_u_record *u, const struct catalog_pick *p) {
  for (size_t i = 0; i < u->n_points; i++) {
    const struct model_point *point = &u->points[i];
    if (point->eq_version > p->version) return true; /* somebody wrote a newer one meanwhile */
    if (point->eq_version < p->version || i >= p->strategy->n_charts) return false;
    if (!p->strategy->charts[i].limits.present && point->limit_version < p->limit_version) return false;
  }
  return true;
}

/* By which definitions was the probe judged, when it was judged for this time? */
static tfdc_rc look_at_probe(const struct rejudging *j, enum heard *ret, struct tfdc_error *err) {
  const struct model_context *c = &j->probe;
  TFDC_AUTO(api_store_deinit) struct store_req verdict, rows;
  store_req_init(&verdict, STORE_VERDICT_GET);
  store_req_init(&rows, STORE_U_GET);
  verdict.id = rows.id = c->context_id;
  *ret = NOT_YET;
  tfdc_rc rc = api_store(j->ask->api, &verdict, err);
  if (rc != TFDC_OK) return rc == TFDC_E_NOT_FOUND ? TFDC_OK : rc;
  const struct model_run_verdict *v = &verdict.verdicts[0];
  if (v->revision != c->revision || v->judgement < j->judgement) return TFDC_OK;
  rc = api_store(j->ask->api, &rows, err);
  if (rc != TFDC_OK && rc != TFDC_E_NOT_FOUND) return rc;
  struct catalog_pick picks[PICKS_MAX];
  size_t n = catalog_select(j->catalog, c, picks, PICKS_MAX), fit = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < rows.n; k++) {
      const struct model_u_record *u = &rows.u_records[k];
      if (strcmp(u->chart_set, picks[i].strategy->id) != 0 || u->judgement < j->judgement) continue;
      fit += is_judged_by(u, &picks[i]);
      break;
    }
  }
  *ret = fit == n ? NEW : OLD;
  return TFDC_OK;
}

/* Defenders hear of new definitions a moment later than they are written. So one run that the newest of them judge
 * goes ahead, again and again until it is judged by them. Where no defender answers there is none, and the next one
 * reads what is there. */
static tfdc_rc wait_until_heard(struct rejudging *j, struct tfdc_error *err) {
  const struct api_options *o = &j->ask->api->options;
  int64_t until = port_mono(o->clock).us + HEARD_US;
  enum heard heard = OLD;
  if (j->probe_us == INT64_MIN) return TFDC_OK;
  while (heard != NEW && port_mono(o->clock).us < until) {
    if (heard == OLD) TFDC_TRY(publish(j->ask->api, &j->probe, ++j->judgement, err));
    await_pause(o->await, (tfdc_dur){HEARD_WAIT_US});
    TFDC_TRY(go_on(j, err));
    TFDC_TRY(look_at_probe(j, &heard, err));
  }
  return TFDC_OK;
}

/* ---- room ---- */

static tfdc_rc waiting_messages(const struct api *api, uint64_t *ret, struct tfdc_error *err) {
  const struct api_options *o = &api->options;
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_INFO);
  tfdc_rc rc = await_call(o->await, o->workqueue, &r.base);
  if (rc == TFDC_OK)
    *ret = r.pending;
  else
    (void)tfdc_fail(err, rc, "%s", tfdc_error_msg(&r.base.err));
  port_req_deinit(&r.base);
  return rc;
}

/* A pass over a year of runs must not stand in the queue before a run that ended just now: only AHEAD messages wait
 * there at a time. Where nobody judges there is nothing to hold up, and the pass goes on. */
static tfdc_rc wait_for_room(struct rejudging *j, struct tfdc_error *err) {
  const struct api_options *o = &j->ask->api->options;
  if (o->workqueue == NULL || j->room-- > 0) return TFDC_OK;
  int64_t until = port_mono(o->clock).us + IDLE_US;
  uint64_t least = UINT64_MAX;
  for (j->room = 0; port_mono(o->clock).us < until;) {
    uint64_t waiting = 0;
    TFDC_TRY(waiting_messages(j->ask->api, &waiting, err));
    if (waiting < AHEAD) {
      j->room = (uint32_t)(AHEAD - waiting) - 1;
      break;
    }
    if (waiting < least) until = port_mono(o->clock).us + IDLE_US;
    least = waiting;
    await_pause(o->await, (tfdc_dur){ROOM_WAIT_US});
    TFDC_TRY(go_on(j, err));
  }
  return TFDC_OK;
}

/* ---- runs ---- */

static tfdc_rc note_run(struct rejudging *j, const struct model_context *c, const struct store_req *verdict,
                        struct tfdc_error *err) {
  if (verdict->base.rc != TFDC_OK && verdict->base.rc != TFDC_E_NOT_FOUND)
    return tfdc_fail(err, verdict->base.rc, "%s", tfdc_error_msg(&verdict->base.err));
  j->seen++;
  if (verdict->base.rc == TFDC_OK && verdict->verdicts[0].judgement > j->judgement)
    j->judgement = verdict->verdicts[0].judgement;
  int64_t newest = newest_of(j, c);
  bool whole;
  if (newest < j->recent_from_us || newest <= j->probe_us) return TFDC_OK;
  TFDC_TRY(api_trace_is_whole(j->ask->api, c, &whole, err));
  if (!whole) return TFDC_OK;
  tfdc_arena_reset(&j->mem);
  if (model_context_copy(c, &j->mem, &j->probe) != TFDC_OK) return tfdc_fail(err, TFDC_E_NOMEM, "a run");
  j->probe_us = newest;
  return TFDC_OK;
}

static bool is_wanted(const struct rejudging *j, const struct model_context *c) {
  return j->ask->wanted == NULL || j->ask->wanted(j->ask->user, c);
}

/* First all runs are looked at: how often they were judged, and which is the probe. */
static tfdc_rc note_page(void *user, const struct store_req *list, struct tfdc_error *err) {
  struct rejudging *j = user;
  struct tfdc_arena mem = {0};
  struct store_req *verdicts = NULL;
  tfdc_rc rc = api_verdicts(j->ask->api, list, &mem, &verdicts);
  if (rc != TFDC_OK) (void)tfdc_fail(err, rc, "%zu runs", list->n);
  for (size_t i = 0; i < list->n && rc == TFDC_OK; i++)
    if (is_wanted(j, &list->contexts[i])) rc = note_run(j, &list->contexts[i], &verdicts[i], err);
  api_verdicts_deinit(verdicts, list);
  tfdc_arena_deinit(&mem);
  return rc == TFDC_OK ? go_on(j, err) : rc;
}

/* Then they are published. */
static tfdc_rc publish_page(void *user, const struct store_req *list, struct tfdc_error *err) {
  struct rejudging *j = user;
  for (size_t i = 0; i < list->n; i++) {
    const struct model_context *c = &list->contexts[i];
    bool whole;
    if (!is_wanted(j, c)) continue;
    TFDC_TRY(api_trace_is_whole(j->ask->api, c, &whole, err));
    if (!whole) {
      j->result.without_trace++;
      continue;
    }
    TFDC_TRY(wait_for_room(j, err));
    TFDC_TRY(publish(j->ask->api, c, j->judgement, err));
    j->result.published++;
    TFDC_TRY(go_on(j, err));
  }
  return TFDC_OK;
}

static void deinit(struct rejudging *j) {
  catalog_unref(j->catalog);
  api_store_deinit(&j->defs);
  tfdc_arena_deinit(&j->mem);
}

static tfdc_rc begin(struct rejudging *j, const struct rejudge *r, struct tfdc_error *err) {
  /* The first judgement of a run may be under way, by older definitions: its number is never used again. */
  *j = (struct rejudging){.ask = r, .probe_us = INT64_MIN, .judgement = 1};
  if (r->api->options.publish == NULL)
    return tfdc_fail(err, TFDC_E_UNAVAILABLE, "this process cannot have runs judged again");
  return read_definitions(j, err);
}

tfdc_rc rejudge_runs(const struct rejudge *r, struct rejudge_result *ret, struct tfdc_error *err) {
  TFDC_AUTO(deinit) struct rejudging j;
  struct store_filter closed = *r->filter;
  closed.state = MODEL_CONTEXT_CLOSED;
  closed.newest_first = false;
  TFDC_TRY(begin(&j, r, err));
  TFDC_TRY(api_each_page(r->api, &closed, note_page, &j, err));
  TFDC_TRY(wait_until_heard(&j, err));
  j.judgement++;
  TFDC_TRY(api_each_page(r->api, &closed, publish_page, &j, err));
  *ret = j.result;
  return TFDC_OK;
}

tfdc_rc rejudge_run(const struct api *api, const struct model_context *c, uint32_t *ret_judgement,
                    struct tfdc_error *err) {
  TFDC_AUTO(deinit) struct rejudging j;
  TFDC_AUTO(api_store_deinit) struct store_req verdict;
  const struct rejudge ask = {.api = api};
  bool whole;
  store_req_init(&verdict, STORE_VERDICT_GET);
  verdict.id = c->context_id;
  TFDC_TRY(begin(&j, &ask, err));
  if (c->state != MODEL_CONTEXT_CLOSED)
    return tfdc_fail(err, TFDC_E_CONFLICT, "the run is open: it is judged when it is closed");
  TFDC_TRY(api_trace_is_whole(api, c, &whole, err));
  if (!whole) return tfdc_fail(err, TFDC_E_NOT_FOUND, "the trace of the run is no longer kept: its verdict stays");
  tfdc_rc rc = api_store(api, &verdict, err);
  if (rc != TFDC_OK && rc != TFDC_E_NOT_FOUND) return rc;
  TFDC_TRY(note_run(&j, c, &verdict, err));
  TFDC_TRY(wait_until_heard(&j, err));
  if (j.probe_us == INT64_MIN) TFDC_TRY(publish(api, c, ++j.judgement, err));
  *ret_judgement = j.judgement;
  return TFDC_OK;
}

/* ---- routes ---- */

tfdc_rc api_post_run_rejudge(struct api_call *c) {
  TFDC_AUTO(api_store_deinit) struct store_req run;
  uint32_t judgement;
  store_req_init(&run, STORE_CONTEXT_GET);
  TFDC_TRY(api_param_id(c, &run.id));
  if (api_store(c->api, &run, &c->err) == TFDC_E_NOT_FOUND)
    return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "no run %s", c->id);
  if (run.base.rc != TFDC_OK) return run.base.rc;
  TFDC_TRY(rejudge_run(c->api, &run.contexts[0], &judgement, &c->err));
  struct model_json j = model_json_on(&c->ret->body);
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_int(&j, "judgement", judgement);
  model_json_close(&j, '}');
  return TFDC_OK;
}

/* A filter that lives as long as the job. */
struct ask {
  struct store_filter filter;
  struct tfdc_arena mem;
};

static void free_ask(void *arg) {
  struct ask *ask = arg;
  tfdc_arena_deinit(&ask->mem);
  free(ask);
}

static tfdc_rc keep_filter(struct ask *ask) {
  struct store_filter *f = &ask->filter;
  const char **const texts[] = {&f->tool, &f->chamber, &f->recipe, &f->lot, &f->wafer, &f->product};
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) {
    if (*texts[i] == NULL) continue;
    *texts[i] = tfdc_arena_strdup(&ask->mem, *texts[i]);
    if (*texts[i] == NULL) return TFDC_E_NOMEM;
  }
  return TFDC_OK;
}

static tfdc_rc run_rejudge(struct api_job *job, void *arg, struct tfdc_error *err) {
  struct ask *ask = arg;
  const struct rejudge r = {.api = api_job_api(job), .job = job, .filter = &ask->filter};
  struct rejudge_result result;
  TFDC_TRY(rejudge_runs(&r, &result, err));
  struct model_json j = model_json_on(api_job_result(job));
  model_json_open(&j, NULL, '{');
  model_json_u64(&j, "rejudged", result.published);
  model_json_u64(&j, "without_trace", result.without_trace);
  model_json_close(&j, '}');
  return TFDC_OK;
}

tfdc_rc api_post_rejudge(struct api_call *c) {
  struct store_filter filter;
  struct tfdc_id128 id;
  TFDC_TRY(api_param_filter(c, &filter));
  if (c->o->publish == NULL)
    return tfdc_fail(&c->err, TFDC_E_UNAVAILABLE, "this process cannot have runs judged again");
  struct ask *ask = calloc(1, sizeof *ask);
  if (ask == NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "out of memory");
  ask->filter = filter;
  if (keep_filter(ask) != TFDC_OK) {
    free_ask(ask);
    return tfdc_fail(&c->err, TFDC_E_NOMEM, "out of memory");
  }
  TFDC_TRY(api_job_start(c->api, "runs", run_rejudge, ask, free_ask, &id, &c->err));
  api_put_job(c, id);
  return TFDC_OK;
}
