/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sim/score.h"

#include "app/cli.h"
#include "app/json_get.h"
#include "base/map.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 50, NO_FAULT = -1, LISTED = 20 };

struct score_run {
  const char *tool, *chamber, *run_id; /* the truth's */
  bool learning;
  int fault; /* index or NO_FAULT */
  /* what the system says */
  bool known, judged, out, missing_step, alarmed;
  char context_id[33], verdict[16], reason[32], text[160];
  int64_t order_us, received_us, judged_us;
  uint64_t points;
};
struct scoring {
  struct client *client;
  const struct sim_score_options *o;
  struct tfdc_error *err;
  json_t *truth, *alarms; /* alarms: array of all */
  json_t *quiet;          /* set of the charts that may not alarm */
  struct score_run *runs;
  size_t n_runs;
  struct tfdc_map by_id;
  bool failed; /* inside a callback */
};

static struct tfdc_id128 id_of(const char *tool, const char *chamber, const char *run_id) {
  char text[3 * 300];
  int n = snprintf(text, sizeof text, "%.256s:%.256s/%.256s", tool, chamber, run_id);
  return tfdc_xxh3_128(text, n > 0 ? (size_t)n : 0);
}

/* ---- the truth ---- */

static tfdc_rc read_runs(struct scoring *s) {
  json_t *list = json_object_get(s->truth, "runs");
  s->runs = calloc(json_array_size(list) + 1, sizeof *s->runs);
  if (s->runs == NULL) return tfdc_fail(s->err, TFDC_E_NOMEM, "runs");
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item) {
    struct score_run *r = &s->runs[s->n_runs++];
    *r = (struct score_run){.tool = json_get_text(item, "tool"),
                            .chamber = json_get_text(item, "chamber"),
                            .run_id = json_get_text(item, "run_id"),
                            .learning = json_get_bool(item, "learning"),
                            .fault = NO_FAULT};
    TFDC_TRY(tfdc_map_put(&s->by_id, id_of(r->tool, r->chamber, r->run_id), r));
  }
  return TFDC_OK;
}

static tfdc_rc read_faults(struct scoring *s) {
  size_t i, k;
  json_t *fault, *run;
  json_array_foreach(json_object_get(s->truth, "faults"), i, fault) {
    json_array_foreach(json_object_get(fault, "runs"), k, run) {
      const char *run_id = json_is_string(run) ? json_string_value(run) : "";
      struct score_run *r =
          tfdc_map_get(&s->by_id, id_of(json_get_text(fault, "tool"), json_get_text(fault, "chamber"), run_id));
      if (r == NULL) return tfdc_fail(s->err, TFDC_E_MALFORMED, "%s: fault %zu names run %s", s->o->truth, i, run_id);
      r->fault = (int)i;
    }
  }
  return TFDC_OK;
}

static tfdc_rc read_truth(struct scoring *s) {
  json_error_t e;
  s->truth = json_load_file(s->o->truth, 0, &e);
  if (s->truth == NULL)
    return tfdc_fail(s->err, e.line < 0 ? TFDC_E_IO : TFDC_E_MALFORMED, "%s: %s", s->o->truth, e.text);
  if (json_get_int(s->truth, "v", 0) != 1 || json_array_size(json_object_get(s->truth, "runs")) == 0)
    return tfdc_fail(s->err, TFDC_E_MALFORMED, "%s is no truth file of tfdc sim", s->o->truth);
  TFDC_TRY(read_runs(s));
  return read_faults(s);
}

/* ---- what the system found ---- */

static bool on_run(void *user, json_t *item) {
  struct scoring *s = user;
  const json_t *c = json_object_get(item, "context"), *v = json_object_get(item, "verdict");
  struct score_run *r =
      tfdc_map_get(&s->by_id, id_of(json_get_text(c, "tool"), json_get_text(c, "chamber"), json_get_text(c, "run_id")));
  if (r == NULL) return true; /* not the simulator's */
  r->known = true;
  r->judged = json_is_object(v);
  r->order_us = json_get_time(c, "order_us");
  r->received_us = json_get_time(c, "received_us");
  r->points = (uint64_t)json_get_int(c, "points", 0);
  r->judged_us = json_get_time(v, "judged_us");
  (void)snprintf(r->context_id, sizeof r->context_id, "%s", json_get_text(c, "context_id"));
  (void)snprintf(r->verdict, sizeof r->verdict, "%s", json_get_text(v, "verdict"));
  (void)snprintf(r->reason, sizeof r->reason, "%s", json_get_text(v, "reason"));
  (void)snprintf(r->text, sizeof r->text, "%s", json_get_text(v, "text"));
  return true;
}

static size_t count_open(const struct scoring *s) {
  size_t n = 0;
  for (size_t i = 0; i < s->n_runs; i++) n += !s->runs[i].judged && !s->runs[i].learning;
  return n;
}

/* Reads the runs until all that came are judged. */
static tfdc_rc read_verdicts(struct scoring *s) {
  int64_t until_us = cli_now_us() + (int64_t)(s->o->wait_s * 1e6);
  struct cli_progress progress;
  cli_progress_begin(&progress, "runs wait for their verdict");
  for (;;) {
    json_t *status;
    TFDC_TRY(client_get(s->client, "/api/v1/status", (const char *const[]){NULL}, &status, s->err));
    int64_t open =
        json_get_int(status, "unjudged", 0) + json_get_int(json_object_get(status, "store"), "open_contexts", 0);
    json_decref(status);
    if (open == 0) break;
    if (cli_now_us() > until_us)
      return tfdc_fail(s->err, TFDC_E_TIMEOUT, "%lld runs are not judged after %g s", (long long)open, s->o->wait_s);
    cli_progress_update(&progress, (double)open, 0);
    (void)poll(NULL, 0, POLL_MS);
  }
  cli_progress_end(&progress);
  TFDC_TRY(client_list(s->client, "/api/v1/runs", (const char *const[]){NULL}, "runs", 0, on_run, s, s->err));
  size_t open = count_open(s);
  if (open > 0) return tfdc_fail(s->err, TFDC_E_NOT_FOUND, "%zu runs of %s are not in the system", open, s->o->truth);
  return TFDC_OK;
}

static bool on_alarm(void *user, json_t *item) {
  struct scoring *s = user;
  s->failed = json_array_append(s->alarms, item) != 0;
  return !s->failed;
}

/* The alarm of the run's chamber whose bad runs begin at or before the run and end at or behind it. */
static const json_t *alarm_of(const struct scoring *s, const struct score_run *r) {
  size_t i;
  json_t *a;
  json_array_foreach(s->alarms, i, a) {
    if (strcmp(json_get_text(a, "tool"), r->tool) != 0 || strcmp(json_get_text(a, "chamber"), r->chamber) != 0)
      continue;
    if (json_get_time(a, "opened_us") <= r->order_us && r->order_us <= json_get_time(a, "updated_us")) return a;
  }
  return NULL;
}

/* Charts that may not alarm, as "strategy/chart". */
static bool on_strategy(void *user, json_t *item) {
  struct scoring *s = user;
  json_t *body = json_object_get(item, "body"), *chart;
  body = json_is_string(body) ? json_loads(json_string_value(body), 0, NULL) : json_incref(body);
  size_t i;
  json_array_foreach(json_object_get(body, "charts"), i, chart) {
    if (!json_is_false(json_object_get(chart, "alarm"))) continue;
    char key[2 * 64 + 2];
    (void)snprintf(key, sizeof key, "%.64s/%.64s", json_get_text(item, "id"), json_get_text(chart, "chart"));
    s->failed |= json_object_set_new(s->quiet, key, json_true()) != 0;
  }
  json_decref(body);
  return !s->failed;
}

static void look_at_point(const struct scoring *s, const json_t *record, const json_t *point, struct score_run *r) {
  char key[2 * 64 + 2];
  (void)snprintf(key, sizeof key, "%.64s/%.64s", json_get_text(record, "chart_set"), json_get_text(point, "chart"));
  if (json_object_get(s->quiet, key) != NULL) return;
  const char *verdict = json_get_text(point, "verdict");
  r->out |= strcmp(verdict, "OOC") == 0 || strcmp(verdict, "ACTION") == 0;
  r->missing_step |= strcmp(json_get_text(point, "reason"), "MISSING_STEP") == 0;
}

/* Which of the run's charts made it bad: those that may alarm? */
static tfdc_rc look_at_run(struct scoring *s, struct score_run *r) {
  char path[80];
  (void)snprintf(path, sizeof path, "/api/v1/runs/%s", r->context_id);
  json_t *run;
  TFDC_TRY(client_get(s->client, path, (const char *const[]){NULL}, &run, s->err));
  size_t i, k;
  json_t *record, *point;
  json_array_foreach(json_object_get(run, "records"), i, record) {
    json_array_foreach(json_object_get(record, "points"), k, point) { look_at_point(s, record, point, r); }
  }
  json_decref(run);
  return TFDC_OK;
}

static bool is_lost_step(const struct scoring *s, int fault) {
  const json_t *x = fault != NO_FAULT ? json_array_get(json_object_get(s->truth, "faults"), (size_t)fault) : NULL;
  return strcmp(json_get_text(x, "kind"), "lost step") == 0;
}

static tfdc_rc look_at_runs(struct scoring *s) {
  static const char *const strategies[] = {"kind", "strategy", "bodies", "1", NULL};
  s->alarms = json_array();
  s->quiet = json_object();
  TFDC_TRY(client_list(s->client, "/api/v1/alarms", (const char *const[]){NULL}, "alarms", 0, on_alarm, s, s->err));
  TFDC_TRY(client_list(s->client, "/api/v1/definitions", strategies, "definitions", 0, on_strategy, s, s->err));
  if (s->failed || s->alarms == NULL || s->quiet == NULL) return tfdc_fail(s->err, TFDC_E_NOMEM, "alarms");
  for (size_t i = 0; i < s->n_runs; i++) {
    struct score_run *r = &s->runs[i];
    bool no_step = strcmp(r->reason, "MISSING_STEP") == 0 && strcmp(r->verdict, "NOT_JUDGED") == 0;
    bool bad = strcmp(r->verdict, "OOC") == 0 || strcmp(r->verdict, "ACTION") == 0 || no_step;
    if (!bad || r->learning || alarm_of(s, r) == NULL) continue;
    TFDC_TRY(look_at_run(s, r));
    r->alarmed = is_lost_step(s, r->fault) ? r->missing_step : r->out || r->missing_step;
  }
  return TFDC_OK;
}

/* ---- the sums ---- */

static json_t *score_faults(const struct scoring *s, size_t *ret_found) {
  json_t *list = json_array(), *fault;
  size_t i;
  *ret_found = 0;
  json_array_foreach(json_object_get(s->truth, "faults"), i, fault) {
    json_t *x = json_copy(fault);
    json_int_t alarmed = 0;
    for (size_t k = 0; k < s->n_runs; k++) alarmed += s->runs[k].fault == (int)i && s->runs[k].alarmed;
    *ret_found += alarmed > 0;
    (void)json_object_set_new(x, "found", json_boolean(alarmed > 0));
    (void)json_object_set_new(x, "alarmed_runs", json_integer(alarmed));
    (void)json_array_append_new(list, x);
  }
  return list;
}

static int order_of(const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static json_t *score_latency(const struct scoring *s) {
  double *ms = calloc(s->n_runs + 1, sizeof *ms);
  size_t n = 0;
  for (size_t i = 0; i < s->n_runs && ms != NULL; i++) {
    const struct score_run *r = &s->runs[i];
    if (r->judged && !r->learning) ms[n++] = (double)(r->judged_us - r->received_us) / 1000;
  }
  if (n > 0) qsort(ms, n, sizeof *ms, order_of);
  json_t *o = json_object();
  static const struct {
    const char *name;
    double share;
  } parts[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
  for (size_t i = 0; i < TFDC_COUNT(parts) && n > 0; i++)
    (void)json_object_set_new(o, parts[i].name, json_real(ms[(size_t)((double)(n - 1) * parts[i].share + 0.5)]));
  free(ms);
  return o;
}

static json_t *score_false(const struct scoring *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->n_runs && json_array_size(list) < LISTED; i++) {
    const struct score_run *r = &s->runs[i];
    if (r->learning || r->fault != NO_FAULT || !r->alarmed) continue;
    (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "run_id", r->run_id, "tool", r->tool,
                                                "chamber", r->chamber, "context_id", r->context_id, "verdict",
                                                r->verdict, "text", r->text));
  }
  return list;
}

struct counts {
  json_int_t runs, normal, judged, not_judged, alarms, warnings;
  uint64_t points; /* of the runs behind the learning */
  int64_t first_us, last_us;
};

static struct counts count_runs(const struct scoring *s) {
  struct counts c = {.first_us = INT64_MAX};
  for (size_t i = 0; i < s->n_runs; i++) {
    const struct score_run *r = &s->runs[i];
    c.runs += r->known;
    if (r->learning || !r->judged) continue;
    c.points += r->points;
    if (r->received_us < c.first_us) c.first_us = r->received_us;
    if (r->judged_us > c.last_us) c.last_us = r->judged_us;
    if (r->fault != NO_FAULT) continue;
    bool counts_as_judged = r->alarmed || strcmp(r->verdict, "NOT_JUDGED") != 0;
    c.normal++;
    c.judged += counts_as_judged;
    c.not_judged += !counts_as_judged;
    c.alarms += r->alarmed;
    c.warnings += strcmp(r->verdict, "WARN") == 0;
  }
  return c;
}

static tfdc_rc sum_up(struct scoring *s, json_t **ret) {
  struct counts c = count_runs(s);
  json_t *status;
  TFDC_TRY(client_get(s->client, "/api/v1/status", (const char *const[]){NULL}, &status, s->err));
  const json_t *store = json_object_get(status, "store");
  double bytes = json_get_real(store, "chunk_bytes") / json_get_real(store, "points");
  json_decref(status);
  size_t found, planted = json_array_size(json_object_get(s->truth, "faults"));
  json_t *faults = score_faults(s, &found);
  double share = c.judged > 0 ? (double)c.alarms / (double)c.judged : 0;
  double seconds = (double)(c.last_us - c.first_us) / 1e6;
  bool passed = found == planted && c.judged > 0 && share <= s->o->max_false_share;
  *ret = json_pack("{s:i, s:b, s:o*, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:o*, s:o*, s:f, s:f, s:O*}", "v", 1,
                   "passed", passed, "faults", faults, "planted", (json_int_t)planted, "found", (json_int_t)found,
                   "runs", c.runs, "normal_judged", c.judged, "normal_not_judged", c.not_judged, "false_alarms",
                   c.alarms, "false_alarm_share", share, "max_false_share", s->o->max_false_share, "warnings",
                   c.warnings, "false_alarm_runs", score_false(s), "latency_ms", score_latency(s), "bytes_per_point",
                   bytes >= 0 ? bytes : 0, "points_per_second", seconds > 0 ? (double)c.points / seconds : 0, "size",
                   json_object_get(s->truth, "size"));
  return *ret != NULL ? TFDC_OK : tfdc_fail(s->err, TFDC_E_NOMEM, "score");
}

tfdc_rc sim_score(struct client *c, const struct sim_score_options *o, json_t **ret_json, struct tfdc_error *err) {
  struct scoring s = {.client = c, .o = o, .err = err};
  json_t *score = NULL;
  tfdc_rc rc = read_truth(&s);
  if (rc == TFDC_OK) rc = read_verdicts(&s);
  if (rc == TFDC_OK) rc = look_at_runs(&s);
  if (rc == TFDC_OK) rc = sum_up(&s, &score);
  if (rc == TFDC_OK) *ret_json = score;
  tfdc_map_deinit(&s.by_id);
  free(s.runs);
  json_decref(s.alarms);
  json_decref(s.quiet);
  json_decref(s.truth);
  return rc;
}
