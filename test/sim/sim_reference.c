/* SPDX-License-Identifier: Apache-2.0
 * What a run's points must be, from the ledger's samples: values counted here, limits by the order time, rule state and
 * episode stepped from the row that stands right before the run in the store. */
#include "sim/sim.h"

#include "spc/episode.h"
#include "spc/state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the strategies ---- */

enum { WATCH, RAMP, CLEAR_RUNS = 2, RAMP_UCL = 1000, COUNT_UCL = 50 };

struct chart {
  const char *name, *step;
  size_t svid;
  bool counts; /* samples, else the largest */
};
static const struct chart watch_charts[] = {{"peak", "MAIN", 0, false}, {"samples", "MAIN", 0, true}};
static const struct chart ramp_charts[] = {{"ramp_peak", "RAMP", 1, false}};
static const struct {
  const char *id;
  const struct chart *charts;
  size_t n_charts;
} strategies[SIM_STRATEGIES] = {{"watch", watch_charts, 2}, {"ramp", ramp_charts, 1}};

const char *sim_strategy_id(size_t strategy) { return strategies[strategy].id; }
bool sim_strategy_selects(size_t strategy, const struct plan *p) {
  return strategy == WATCH || plan_hub(p->chamber) == 0;
}
const char *sim_strategy_partition(size_t strategy, const struct model_context *c) {
  return strategy == WATCH ? c->recipe_id : "";
}

/* Upper limits: of the peak as given (it changes over time); so few samples as only a run cut short has are OOC too. */
static double upper(size_t strategy, size_t chart, double ucl) {
  if (strategy == RAMP) return RAMP_UCL;
  return chart == 0 ? ucl : PLAN_SAMPLES;
}
static double lower(size_t strategy, size_t chart) { return strategy == WATCH && chart == 1 ? COUNT_UCL : 0; }

char *sim_strategy_body(size_t strategy, double ucl, char *buf, size_t n) {
  static const char good[] = ", min_n=1, min_good=0 %";
  int at = snprintf(buf, n, "{\"v\":1,\"strategy\":\"%s\",\"clear_runs\":%d,", strategies[strategy].id, CLEAR_RUNS);
  if (strategy == RAMP)
    at += snprintf(buf + at, n - (size_t)at, "\"select\":{\"tools\":[\"ETCH-0\"]},\"partition\":[],");
  at += snprintf(buf + at, n - (size_t)at, "\"charts\":[");
  for (size_t i = 0; i < strategies[strategy].n_charts; i++) {
    const struct chart *c = &strategies[strategy].charts[i];
    at += snprintf(buf + at, n - (size_t)at,
                   "%s{\"chart\":\"%s\",\"eq\":\"%s(%s in step(\\\"%s\\\")%s)\",\"limits\":{\"lcl\":%g,\"ucl\":%g}}",
                   i > 0 ? "," : "", c->name, c->counts ? "count" : "max", plan_svids[c->svid].name, c->step,
                   c->counts ? "" : good, lower(strategy, i), upper(strategy, i, ucl));
  }
  at += snprintf(buf + at, n - (size_t)at, "]}");
  TFDC_ASSERT((size_t)at < n);
  return buf;
}

/* The newest version in force at the run's order time: versions take effect in order. */
static uint32_t version_of(const struct sim *s, size_t strategy, int64_t order_us) {
  uint32_t best = strategy == RAMP ? 1 : 0;
  for (size_t i = 0; strategy == WATCH && i < s->n_versions; i++)
    if (s->versions[i].effective_us <= order_us) best = (uint32_t)i + 1;
  return best;
}

/* ---- values ---- */

struct value {
  double value;
  enum model_reason reason;
};

static bool step_times(const struct model_context *row, const char *step, int64_t *from, int64_t *to, bool *closed) {
  for (size_t i = 0; i < row->n_steps; i++) {
    if (strcmp(row->steps[i].name, step) != 0) continue;
    *from = row->steps[i].start_us;
    *to = i + 1 < row->n_steps ? row->steps[i + 1].start_us : row->end_us;
    if (*to < *from) *to = *from;
    *closed = *to >= row->end_us;
    return true;
  }
  return false;
}

static bool has(const struct model_chunk *const *chunks, size_t n, uint64_t seq) {
  for (size_t i = 0; i < n; i++)
    if (chunks[i]->first_seq <= seq && seq <= chunks[i]->last_seq) return true;
  return false;
}

static struct value value_of(struct sim *s, const struct sim_run *r, const struct model_context *row,
                             const struct chart *c) {
  const struct plan *p = &r->plan;
  const struct model_chunk *chunks[SIM_CHUNKS];
  size_t n_chunks = sim_ledger_counted(s, row, chunks);
  int64_t from = 0, to = 0;
  bool closed = false, there = step_times(row, c->step, &from, &to, &closed);
  size_t n = 0, of_run = 0;
  double peak = -INFINITY;
  for (uint64_t seq = 1; seq <= p->n_msgs; seq++) {
    const struct plan_msg *m = &p->msgs[seq - 1];
    if (m->kind != PLAN_BLOCK || (r->rejected >> seq & 1) != 0 || !has(chunks, n_chunks, seq)) continue;
    for (size_t i = m->first; i < m->first + m->n; i++) {
      int64_t t = plan_time(p, i);
      of_run++;
      if (!there || t < from || t > to || (t == to && !closed)) continue;
      n++;
      if (plan_value(p, c->svid, i) > peak) peak = plan_value(p, c->svid, i);
    }
  }
  if (of_run == 0) return (struct value){NAN, MODEL_REASON_NO_DATA};
  if (!there) return (struct value){NAN, MODEL_REASON_MISSING_STEP};
  if (c->counts) return (struct value){(double)n, MODEL_REASON_NONE};
  return n > 0 ? (struct value){peak, MODEL_REASON_NONE} : (struct value){NAN, MODEL_REASON_NO_DATA};
}

/* ---- the row before ---- */

static bool same_series(const struct model_u_record *a, const struct model_u_record *b) {
  return store_key_cmp(a->key, b->key) == 0 && strcmp(a->chart_set, b->chart_set) == 0 &&
         strcmp(a->partition, b->partition) == 0;
}

static int newer(const struct model_u_record *a, const struct model_u_record *b) {
  int c = model_run_order(a->order_us, a->context_id, b->order_us, b->context_id);
  if (c == 0) c = (a->revision > b->revision) - (a->revision < b->revision);
  return c != 0 ? c : (int)(a->judgement > b->judgement) - (int)(a->judgement < b->judgement);
}

/* Of all rows of the series: the newest of the run right before, and whether a later run has one. */
static const struct model_u_record *row_before(struct sim *s, const struct model_u_record *u, bool *later) {
  const struct mem_table *t = &sim_store(s)->u;
  const struct model_u_record *best = NULL;
  *later = false;
  for (size_t i = 0; i < t->n; i++) {
    const struct model_u_record *other = &t->rows[i]->u;
    if (!same_series(other, u)) continue;
    int order = model_run_order(other->order_us, other->context_id, u->order_us, u->context_id);
    if (order > 0) *later = true;
    if (order < 0 && (best == NULL || newer(other, best) > 0)) best = other;
  }
  return best;
}

static const struct model_point *point_of(const struct model_u_record *u, const char *chart) {
  for (size_t i = 0; u != NULL && i < u->n_points; i++)
    if (strcmp(u->points[i].chart, chart) == 0) return &u->points[i];
  return NULL;
}

static bool same_bytes(const struct tfdc_buf *want, const uint8_t *got, size_t n) {
  return want->size == n && (n == 0 || memcmp(want->data, got, n) == 0);
}

/* ---- points ---- */

/* False when the point differs. Sums what it means for the episode. */
static bool check_point(struct sim *s, const struct sim_run *r, size_t strategy, size_t chart, uint32_t version,
                        struct value want, const struct model_u_record *prev, const struct model_point *got,
                        struct spc_episode_run *run) {
  struct spc_rules rules;
  struct spc_limit limit;
  struct spc_state before, after;
  struct spc_point judged;
  const struct model_point *old = point_of(prev, strategies[strategy].charts[chart].name);
  double ucl = strategy == WATCH && version > 0 ? s->versions[version - 1].ucl : 0;
  spc_rules_init_default(&rules, 0.9);
  spc_state_init(&before);
  struct tfdc_cursor at = tfdc_cursor_on(old != NULL ? old->state : NULL, old != NULL ? old->state_n : 0);
  if (old != NULL && old->state_n > 0) TFDC_ASSERT(spc_state_decode(&at, &before, NULL) == TFDC_OK);
  TFDC_ASSERT(spc_limit_init_fixed(&limit, NAN, lower(strategy, chart), upper(strategy, chart, ucl), NULL) == TFDC_OK);
  spc_judge(&limit, &rules, want.value, &before, &after, &judged);
  struct tfdc_buf state = {0};
  spc_state_encode(&after, &state);
  bool no_trace = want.reason == MODEL_REASON_NO_DATA && got->reason == MODEL_REASON_MISSING_STEP;
  bool value = got->value == want.value || (isnan(got->value) && isnan(want.value));
  bool right = value && (got->reason == want.reason || no_trace) && (int)got->verdict == (int)judged.verdict &&
               got->eq_version == version;
  bool follows = same_bytes(&state, got->state, got->state_n);
  tfdc_buf_deinit(&state);
  if (!right)
    sim_break(s, SIM_RIGHT, "%s %s: %g %s %s by version %u, must be %g %s %s by version %u", r->plan.run_id, got->chart,
              got->value, model_verdict_name(got->verdict), model_reason_name(got->reason), got->eq_version, want.value,
              spc_verdict_name(judged.verdict), model_reason_name(want.reason), version);
  else if (!follows)
    sim_break(s, SIM_ORDER, "%s %s: its rule state does not follow from the run right before it", r->plan.run_id,
              got->chart);
  run->verdict = spc_verdict_worst(run->verdict, judged.verdict);
  run->missing_step |= got->reason == MODEL_REASON_MISSING_STEP;
  if (judged.verdict != SPC_NOT_JUDGED && !(run->score >= judged.score)) run->score = judged.score;
  return right && follows;
}

/* ---- episode and alarms ---- */

static void id_bytes(struct tfdc_id128 id, uint8_t ret[16]) {
  for (size_t i = 0; i < 8; i++) {
    ret[i] = (uint8_t)(id.hi >> (56 - 8 * i));
    ret[8 + i] = (uint8_t)(id.lo >> (56 - 8 * i));
  }
}

struct tfdc_id128 sim_id_of(const uint8_t bytes[16]) {
  struct tfdc_id128 id = {0, 0};
  for (size_t i = 0; i < 8; i++) {
    id.hi = id.hi << 8 | bytes[i];
    id.lo = id.lo << 8 | bytes[8 + i];
  }
  return id;
}

static void forget_due(struct sim_job *job, size_t strategy) {
  size_t n = 0;
  for (size_t i = 0; i < job->n_alarms; i++)
    if (job->alarms[i].strategy != strategy) job->alarms[n++] = job->alarms[i];
  job->n_alarms = n;
}

static void check_episode(struct sim *s, struct sim_job *job, size_t strategy, const struct model_u_record *prev,
                          struct spc_episode_run *run, const struct model_u_record *u) {
  struct spc_episode before, after;
  spc_episode_init(&before);
  struct tfdc_cursor at = tfdc_cursor_on(prev != NULL ? prev->episode : NULL, prev != NULL ? prev->episode_n : 0);
  bool known = prev != NULL && prev->episode_n > 0;
  if (known) TFDC_ASSERT(spc_episode_decode(&at, &before, NULL) == TFDC_OK);
  run->order_time_us = u->order_us;
  id_bytes(u->context_id, run->id);
  if (run->missing_step && (run->verdict == SPC_OK || run->verdict == SPC_WARN)) run->verdict = SPC_NOT_JUDGED;
  run->missing_step = run->missing_step && run->verdict == SPC_NOT_JUDGED;
  enum spc_episode_act act = spc_episode_step(known ? &before : NULL, run, CLEAR_RUNS, &after);
  struct tfdc_buf bytes = {0};
  spc_episode_encode(&after, &bytes);
  if (!same_bytes(&bytes, u->episode, u->episode_n))
    sim_break(s, SIM_ORDER, "%s %s: its episode does not follow from the run right before it", job->run->plan.run_id,
              u->chart_set);
  tfdc_buf_deinit(&bytes);
  forget_due(job, strategy);
  if (act == SPC_EPISODE_NONE) return;
  job->alarms[job->n_alarms++] = (struct sim_alarm_due){.first = sim_id_of(after.first_id),
                                                        .strategy = strategy,
                                                        .state = after.open ? MODEL_ALARM_OPEN : MODEL_ALARM_CLEARED,
                                                        .revision = u->revision,
                                                        .judgement = u->judgement};
}

/* Later runs were judged: by any of the strategies that judge the run. */
static bool is_late(struct sim *s, const struct sim_run *r, const struct model_context *row,
                    const struct model_u_record *u) {
  bool late = false;
  for (size_t k = 0; k < SIM_STRATEGIES; k++) {
    bool later = false;
    struct model_u_record probe = *u;
    probe.chart_set = strategies[k].id;
    probe.partition = sim_strategy_partition(k, row);
    if (sim_strategy_selects(k, &r->plan)) (void)row_before(s, &probe, &later);
    late |= later;
  }
  return late;
}

void sim_reference_check(struct sim_process *p, struct sim_job *job, const struct model_u_record *u) {
  struct sim *s = p->sim;
  size_t k = strcmp(u->chart_set, strategies[WATCH].id) == 0 ? WATCH : RAMP;
  const struct sim_run *r = job != NULL ? job->run : NULL;
  if (r == NULL || !job->have_row || job->row.revision != u->revision || !sim_strategy_selects(k, &r->plan)) {
    sim_break(s, SIM_RIGHT, "points of %s, revision %u, that nobody asked for", u->chart_set, u->revision);
    return;
  }
  bool later;
  const struct model_u_record *prev = row_before(s, u, &later);
  uint32_t version = version_of(s, k, job->row.order_us);
  bool fits = u->n_points == strategies[k].n_charts && u->order_us == job->row.order_us &&
              strcmp(u->partition, sim_strategy_partition(k, &job->row)) == 0;
  if (!fits) sim_break(s, SIM_RIGHT, "%s: a record that does not fit its run", r->plan.run_id);
  struct spc_episode_run run = {.verdict = SPC_NOT_JUDGED, .score = NAN};
  for (size_t i = 0; fits && i < u->n_points; i++) {
    struct value want = value_of(s, r, &job->row, &strategies[k].charts[i]);
    if (!check_point(s, r, k, i, version, want, prev, &u->points[i], &run)) return;
  }
  if (fits) check_episode(s, job, k, prev, &run, u);
  if (u->judgement == 1 && u->late != is_late(s, r, &job->row, u))
    sim_break(s, SIM_ORDER, "%s: late is %d", r->plan.run_id, u->late);
}
