/* SPDX-License-Identifier: Apache-2.0
 * One shard of the defender: feeds its judge machine and carries out what it decides. */
#include "run/defender_priv.h"

#include "base/text.h"
#include "model/metric_list.h"

#include <stdio.h>
#include <stdlib.h>

struct progress {
  struct workqueue_req req; /* first */
};

static void on_progress(struct port_req *r) {
  port_req_deinit(r);
  free(r->user);
}

/* In progress is said for the broker's sake; a failure only means that the message may come again. */
static void say_progress(struct dshard *s, uint64_t token) {
  struct progress *p = calloc(1, sizeof *p);
  if (p == NULL) return;
  workqueue_req_init(&p->req, WORKQUEUE_PROGRESS);
  p->req.token = token;
  if (port_submit(s->defender->workqueue, &p->req.base, s->loop, on_progress, p) != TFDC_OK) free(p);
}

static void count(struct defender *d, const struct judge_action *a) {
  static const struct {
    int metric;
    const char *label;
  } rows[] = {
      [JUDGE_N_RECEIVED] = {MODEL_METRIC_MESSAGES_RECEIVED, NULL},
      [JUDGE_N_JUDGED] = {MODEL_METRIC_RUNS_JUDGED, NULL},
      [JUDGE_N_POINTS] = {MODEL_METRIC_POINTS_JUDGED, NULL},
      [JUDGE_N_NOT_JUDGED] = {MODEL_METRIC_POINTS_NOT_JUDGED, NULL},
      [JUDGE_N_ALARMS] = {MODEL_METRIC_ALARMS, NULL},
      [JUDGE_N_SKIPPED] = {MODEL_METRIC_MESSAGES_PROCESSED, "duplicate"},
      [JUDGE_N_DEAD] = {MODEL_METRIC_DEAD_LETTERS, NULL},
      [JUDGE_N_RETRIES] = {MODEL_METRIC_MESSAGES_FAILED, NULL},
      [JUDGE_N_RUNS_NOT_JUDGED] = {MODEL_METRIC_RUNS_NOT_JUDGED, NULL},
      [JUDGE_N_LATE] = {MODEL_METRIC_RUNS_LATE, NULL},
      [JUDGE_T_LATENCY] = {MODEL_METRIC_JUDGE_LATENCY, NULL},
      [JUDGE_T_FETCH] = {MODEL_METRIC_JUDGE_STAGE, "fetch"},
      [JUDGE_T_HISTORY] = {MODEL_METRIC_JUDGE_STAGE, "history"},
      [JUDGE_T_COMPUTE] = {MODEL_METRIC_UCHART_TIME, NULL},
      [JUDGE_T_STORE] = {MODEL_METRIC_JUDGE_STAGE, "store"},
      [JUDGE_T_ALARM] = {MODEL_METRIC_JUDGE_STAGE, "alarm"},
      [JUDGE_T_VERDICT] = {MODEL_METRIC_JUDGE_STAGE, "verdict"},
      [JUDGE_T_ACK] = {MODEL_METRIC_JUDGE_STAGE, "ack"},
      [JUDGE_T_TOTAL] = {MODEL_METRIC_PROCESS_TIME, NULL},
  };
  const char *label = rows[a->count].label != NULL ? rows[a->count].label : a->label;
  if (a->kind == JUDGE_OBSERVE)
    metrics_observe(d->metrics, rows[a->count].metric, label, a->by);
  else
    metrics_add(d->metrics, rows[a->count].metric, label, a->by);
  if (a->count == JUDGE_T_COMPUTE) metrics_observe(d->metrics, MODEL_METRIC_JUDGE_STAGE, "compute", a->by);
  if (a->count == JUDGE_N_JUDGED) metrics_add(d->metrics, MODEL_METRIC_MESSAGES_PROCESSED, "judged", a->by);
}

static void on_timer(struct port_timer *t) {
  struct dshard *s = (struct dshard *)((char *)t - offsetof(struct dshard, timer));
  s->armed.us = TFDC_NEVER;
  struct judge_event e = {.kind = JUDGE_TICK};
  dshard_step(s, &e);
}

static void note_stopped(struct dshard *s) {
  if (!s->stopping || s->stopped || !judge_stop(s->machine)) return;
  s->stopped = true;
  defender_shard_stopped(s->defender);
}

void dshard_step(struct dshard *s, struct judge_event *e) {
  e->now = port_mono(s->loop->clock);
  e->wall = port_wall(s->loop->clock);
  judge_step(s->machine, e);
  size_t n;
  const struct judge_action *actions = judge_actions(s->machine, &n);
  for (size_t i = 0; i < n; i++) {
    if (actions[i].kind == JUDGE_COUNT || actions[i].kind == JUDGE_OBSERVE)
      count(s->defender, &actions[i]);
    else if (actions[i].kind == JUDGE_PROGRESS)
      say_progress(s, actions[i].token);
    else
      djob_perform(s, &actions[i]);
  }
  size_t before = atomic_exchange(&s->load, judge_load(s->machine));
  if (judge_load(s->machine) < before) defender_room(s->defender);
  tfdc_mono due = judge_deadline(s->machine);
  if (due.us != s->armed.us) {
    s->armed = due;
    s->timer.fn = on_timer;
    port_arm(s->loop, &s->timer, due);
  }
  note_stopped(s);
}

struct dshard *defender_shard_of(struct defender *d, struct model_key key) {
  char text[2 * TFDC_ID_MAX + 2];
  int n = snprintf(text, sizeof text, "%.64s:%.64s", key.tool, key.chamber);
  return &d->shards[tfdc_xxh3_64(text, (size_t)n) % d->n_shards];
}

void dshard_free_jobs(struct dshard *s) {
  size_t at = 0;
  for (struct djob *job = tfdc_map_next(&s->jobs, &at); job != NULL; job = tfdc_map_next(&s->jobs, &at)) djob_free(job);
  tfdc_map_deinit(&s->jobs);
}
