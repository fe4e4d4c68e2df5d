/* SPDX-License-Identifier: Apache-2.0
 * One strategy's judgement of one run: points, episode, alarm. */
#include "core/verdict_priv.h"

#include "base/cursor.h"

#include <math.h>
#include <string.h>

enum { ALARM_CHARTS = 20 };

/* ---- points ---- */

/* `at`: the chart's place in its strategy. Rows and limits nearly always have it at the same place: begins there. */
static const struct model_point *point_of(const struct model_u_record *r, const char *chart, size_t at) {
  for (size_t i = 0; r != NULL && i < r->n_points; i++) {
    const struct model_point *p = &r->points[(at + i) % r->n_points];
    if (strcmp(p->chart, chart) == 0) return p;
  }
  return NULL;
}

static const struct model_limit_group *group_of(const struct model_limit_set *set, const char *partition,
                                                const char *tool_type) {
  for (size_t i = 0; set != NULL && i < set->n_groups; i++) {
    const struct model_limit_group *g = &set->groups[i];
    if (strcmp(g->partition, partition) == 0 && strcmp(g->tool_type, tool_type) == 0) return g;
  }
  return NULL;
}

static const struct model_limit_chart *chart_of(const struct model_limit_group *g, const char *chart, size_t at) {
  for (size_t i = 0; g != NULL && i < g->n_charts; i++) {
    const struct model_limit_chart *c = &g->charts[(at + i) % g->n_charts];
    if (strcmp(c->chart, chart) == 0) return c;
  }
  return NULL;
}

static size_t place_of(const struct verdict_pick *p, const struct model_chart *chart) {
  return (size_t)(chart - p->from.strategy->charts);
}

static const struct model_limit_centre *centre_of(const struct model_limit_chart *c, struct model_key key) {
  size_t tool = strlen(key.tool);
  for (size_t i = 0; c != NULL && i < c->n_centres; i++) {
    const char *name = c->centres[i].chamber;
    if (strncmp(name, key.tool, tool) == 0 && name[tool] == ':' && strcmp(name + tool + 1, key.chamber) == 0)
      return &c->centres[i];
  }
  return NULL;
}

/* The limit that judges this chart on this chamber. NONE and *ret set, or the reason why there is none. */
static enum model_reason find_limit(const struct verdict_pick *p, const struct model_chart *chart,
                                    const struct model_limit_group *group, struct model_key key,
                                    struct spc_limit *ret) {
  const struct model_fixed_limits *f = &chart->limits;
  if (f->present) {
    bool bounded = !isnan(f->lcl) || !isnan(f->ucl);
    if (bounded && spc_limit_init_fixed(ret, f->centre, f->lcl, f->ucl, NULL) != TFDC_OK) return MODEL_REASON_NO_LIMITS;
    if (!bounded) *ret = (struct spc_limit){.centre = f->centre, .lcl = NAN, .ucl = NAN};
    return spc_limit_set_action(ret, f->action_lcl, f->action_ucl, NULL) == TFDC_OK ? MODEL_REASON_NONE
                                                                                    : MODEL_REASON_NO_LIMITS;
  }
  if (p->from.limits == NULL) return MODEL_REASON_LEARNING;
  const struct model_limit_chart *learned = chart_of(group, chart->chart, place_of(p, chart));
  const struct model_limit_centre *centre = centre_of(learned, key);
  if (learned == NULL || learned->left_out != NULL || centre == NULL) return MODEL_REASON_NO_LIMITS;
  struct spc_limit_basis basis = {.centre = centre->centre,
                                  .s = learned->s,
                                  .width_lo = learned->width_lo,
                                  .width_up = learned->width_up,
                                  .n_centre = centre->n,
                                  .n_pool = learned->dof};
  /* A centre that stays gives false alarms under slow drift: docs/learning.md has the numbers. */
  bool ok = spc_limit_init_basis(ret, &basis, NULL) == TFDC_OK &&
            spc_limit_set_adapt(ret, SPC_ADAPT_DEFAULT, SPC_ADAPT_MAX_DEFAULT, NULL) == TFDC_OK;
  return ok ? MODEL_REASON_NONE : MODEL_REASON_NO_LIMITS;
}

static enum model_reason reason_of_eq(enum eq_reason r) {
  switch (r) {
  case EQ_OK: return MODEL_REASON_NONE;
  case EQ_NO_DATA: return MODEL_REASON_NO_DATA;
  case EQ_LOW_QUALITY: return MODEL_REASON_LOW_QUALITY;
  case EQ_MISSING_STEP: return MODEL_REASON_MISSING_STEP;
  case EQ_NEVER: return MODEL_REASON_NEVER;
  default: return MODEL_REASON_UNDEFINED;
  }
}

/* The state before this point: of the row before it, if the same limits judged there; else a fresh one. */
static struct spc_state state_before(const struct verdict_pick *p, const struct model_chart *chart) {
  struct spc_state s;
  spc_state_init(&s);
  const struct model_point *before = point_of(p->prev, chart->chart, place_of(p, chart));
  if (before == NULL || before->limit_version != p->from.limit_version || before->state_n == 0) return s;
  struct tfdc_cursor at = tfdc_cursor_on(before->state, before->state_n);
  struct spc_state read;
  return spc_state_decode(&at, &read, NULL) == TFDC_OK ? read : s;
}

static tfdc_rc keep_state(struct tfdc_arena *mem, const struct spc_state *s, struct model_point *p) {
  struct tfdc_buf bytes = {0};
  spc_state_encode(s, &bytes);
  tfdc_rc rc = tfdc_buf_status(&bytes);
  uint8_t *copy = rc == TFDC_OK ? tfdc_arena_array(mem, bytes.size, 1) : NULL;
  if (copy != NULL) {
    memcpy(copy, bytes.data, bytes.size);
    p->state = copy;
    p->state_n = bytes.size;
  }
  tfdc_buf_deinit(&bytes);
  return copy != NULL ? TFDC_OK : TFDC_E_NOMEM;
}

struct judging {
  const struct verdict_pick *pick;
  const struct model_limit_group *group;
  struct spc_rules rules;
};

static tfdc_rc judge_point(struct work *w, const struct judging *j, const struct model_chart *chart,
                           const struct eq_value *v, struct model_point *p) {
  struct spc_limit limit;
  enum model_reason no_limit = find_limit(j->pick, chart, j->group, w->in->context->key, &limit);
  bool have = no_limit == MODEL_REASON_NONE;
  struct spc_state before = state_before(j->pick, chart), after;
  struct spc_point judged;
  spc_judge(have ? &limit : NULL, &j->rules, v->value, &before, &after, &judged);
  p->value = v->value;
  p->n = v->n;
  p->quality = v->quality;
  p->centre = judged.centre;
  p->stddev = have && limit.s > 0 ? limit.s : NAN;
  p->ucl = judged.ucl;
  p->lcl = judged.lcl;
  p->eq_version = j->pick->from.version;
  p->limit_version = chart->limits.present ? 0 : j->pick->from.limit_version;
  p->verdict = (enum model_verdict)judged.verdict;
  p->score = judged.score;
  if (p->reason == MODEL_REASON_NONE && p->verdict == MODEL_NOT_JUDGED)
    p->reason = have ? MODEL_REASON_UNDEFINED : no_limit;
  return keep_state(w->mem, &after, p);
}

static tfdc_rc evaluate(struct work *w, const struct programs *programs, struct eq_value *values) {
  const struct eq_program **list = tfdc_arena_array(&w->scratch, programs->n, sizeof *list);
  struct eq_value *some = tfdc_arena_array(&w->scratch, programs->n, sizeof *some);
  if (list == NULL || some == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < programs->n; i++)
    if (programs->charts[i] != NULL) list[n++] = programs->charts[i];
  TFDC_TRY(eq_eval_all(list, n, &w->run, &w->scratch, some));
  n = 0;
  for (size_t i = 0; i < programs->n; i++)
    values[i] = programs->charts[i] != NULL ? some[n++] : (struct eq_value){.value = NAN};
  return TFDC_OK;
}

static void fill_rules(const struct model_strategy *s, const struct model_limit_group *group, struct spc_rules *ret) {
  spc_rules_init_default(ret, group != NULL && group->warn_at > 0 ? group->warn_at : 0.9);
  if (s->rules.n == 0) return;
  struct spc_rules given;
  spc_rules_init(&given);
  for (size_t i = 0; i < s->rules.n; i++) {
    struct spc_rules one;
    if (spc_rules_parse(s->rules.items[i], strlen(s->rules.items[i]), &one, NULL) != TFDC_OK) return;
    for (uint32_t k = 0; k < one.count; k++)
      if (spc_rules_add(&given, &one.rule[k], NULL) != TFDC_OK) return;
  }
  *ret = given;
}

static tfdc_rc judge_points(struct work *w, size_t pick, struct model_u_record *r) {
  const struct verdict_pick *p = &w->in->picks[pick];
  const struct model_strategy *s = p->from.strategy;
  const struct programs *programs = w->programs[pick];
  struct model_point *points = tfdc_arena_alloc(w->mem, (s->n_charts + 1) * sizeof *points);
  struct eq_value *values = tfdc_arena_array(&w->scratch, s->n_charts, sizeof *values);
  if (points == NULL || values == NULL) return TFDC_E_NOMEM;
  if (w->trace == MODEL_REASON_NONE) TFDC_TRY(evaluate(w, programs, values));
  const char *type = w->in->context->tool_type != NULL ? w->in->context->tool_type : "";
  struct judging j = {.pick = p, .group = group_of(p->from.limits, p->partition, type)};
  fill_rules(s, j.group, &j.rules);
  for (size_t i = 0; i < s->n_charts; i++) {
    struct eq_value none = {.value = NAN};
    const struct eq_value *v = w->trace == MODEL_REASON_NONE ? &values[i] : &none;
    points[i].chart = s->charts[i].chart;
    points[i].unit =
        programs->charts[i] != NULL ? tfdc_arena_strdup(w->mem, eq_program_unit(programs->charts[i])) : NULL;
    points[i].reason = w->trace != MODEL_REASON_NONE ? w->trace
                       : programs->charts[i] == NULL ? programs->reasons[i]
                                                     : reason_of_eq(v->reason);
    TFDC_TRY(judge_point(w, &j, &s->charts[i], v, &points[i]));
  }
  r->points = points;
  r->n_points = s->n_charts;
  return TFDC_OK;
}

/* ---- episode and alarm ---- */

static void id_bytes(struct tfdc_id128 id, uint8_t ret[16]) {
  for (size_t i = 0; i < 8; i++) {
    ret[i] = (uint8_t)(id.hi >> (56 - 8 * i));
    ret[8 + i] = (uint8_t)(id.lo >> (56 - 8 * i));
  }
}

static struct tfdc_id128 id_of_bytes(const uint8_t bytes[16]) {
  struct tfdc_id128 id = {0, 0};
  for (size_t i = 0; i < 8; i++) {
    id.hi = id.hi << 8 | bytes[i];
    id.lo = id.lo << 8 | bytes[8 + i];
  }
  return id;
}

static bool read_episode(const struct model_u_record *r, struct spc_episode *ret) {
  if (r == NULL || r->episode_n == 0) return false;
  struct tfdc_cursor at = tfdc_cursor_on(r->episode, r->episode_n);
  return spc_episode_decode(&at, ret, NULL) == TFDC_OK;
}

static tfdc_rc keep_episode(struct tfdc_arena *mem, const struct spc_episode *e, struct model_u_record *r) {
  struct tfdc_buf bytes = {0};
  spc_episode_encode(e, &bytes);
  uint8_t *copy = tfdc_buf_status(&bytes) == TFDC_OK ? tfdc_arena_array(mem, bytes.size, 1) : NULL;
  if (copy != NULL) {
    memcpy(copy, bytes.data, bytes.size);
    r->episode = copy;
    r->episode_n = bytes.size;
  }
  tfdc_buf_deinit(&bytes);
  return copy != NULL ? TFDC_OK : TFDC_E_NOMEM;
}

/* What the run means for the strategy's alarm: the worst of the charts that may alarm. */
static struct spc_episode_run episode_run(const struct work *w, const struct model_strategy *s,
                                          const struct model_u_record *r) {
  struct spc_episode_run run = {.order_time_us = r->order_us, .verdict = SPC_NOT_JUDGED, .score = NAN};
  id_bytes(w->in->context->context_id, run.id);
  for (size_t i = 0; i < r->n_points; i++) {
    const struct model_point *p = &r->points[i];
    if (!s->charts[i].alarm) continue;
    run.verdict = spc_verdict_worst(run.verdict, (enum spc_verdict)p->verdict);
    run.missing_step |= p->reason == MODEL_REASON_MISSING_STEP && !s->charts[i].optional;
    if (p->verdict != MODEL_NOT_JUDGED && !(run.score >= p->score)) run.score = p->score;
  }
  if (run.missing_step && (run.verdict == SPC_OK || run.verdict == SPC_WARN)) run.verdict = SPC_NOT_JUDGED;
  run.missing_step = run.missing_step && run.verdict == SPC_NOT_JUDGED;
  return run;
}

static bool alarms(const struct model_point *p) {
  return p->verdict == MODEL_OOC || p->verdict == MODEL_ACTION ||
         (p->verdict == MODEL_NOT_JUDGED && p->reason == MODEL_REASON_MISSING_STEP);
}

static const struct model_point *worst_point(const struct model_u_record *r) {
  const struct model_point *worst = NULL;
  for (size_t i = 0; i < r->n_points; i++) {
    const struct model_point *p = &r->points[i];
    if (!alarms(p)) continue;
    if (worst == NULL || (worst->verdict == MODEL_NOT_JUDGED && p->verdict != MODEL_NOT_JUDGED) ||
        (p->verdict != MODEL_NOT_JUDGED && p->score > worst->score))
      worst = p;
  }
  return worst;
}

/* Ids of the alarming charts, worst first. */
static const char *alarming_charts(struct tfdc_arena *mem, const struct model_u_record *r) {
  const struct model_point *top[ALARM_CHARTS];
  size_t n = 0;
  for (size_t i = 0; i < r->n_points; i++) {
    const struct model_point *p = &r->points[i];
    if (!alarms(p)) continue;
    size_t at = n < ALARM_CHARTS ? n++ : ALARM_CHARTS;
    for (; at > 0 && !(top[at - 1]->score >= p->score); at--)
      if (at < ALARM_CHARTS) top[at] = top[at - 1];
    if (at < ALARM_CHARTS) top[at] = p;
  }
  struct tfdc_buf text = {0};
  for (size_t i = 0; i < n; i++) tfdc_put_fmt(&text, "%s%s", i > 0 ? "," : "", top[i]->chart);
  const char *copy = tfdc_buf_status(&text) == TFDC_OK
                         ? tfdc_arena_strndup(mem, text.data ? (const char *)text.data : "", text.size)
                         : NULL;
  tfdc_buf_deinit(&text);
  return copy;
}

static struct tfdc_id128 alarm_id(const struct model_u_record *r, const uint8_t first[16]) {
  struct tfdc_buf text = {0};
  tfdc_put_bytes(&text, r->chart_set, strlen(r->chart_set));
  tfdc_put_bytes(&text, r->key.tool, strlen(r->key.tool));
  tfdc_put_bytes(&text, r->key.chamber, strlen(r->key.chamber));
  tfdc_put_bytes(&text, r->partition, strlen(r->partition));
  tfdc_put(&text, first, 16);
  struct tfdc_id128 id = tfdc_xxh3_128(text.data, text.size);
  tfdc_buf_deinit(&text);
  return id;
}

/* The alarm of the row's episode, where its run was a bad one of it. */
static bool alarmed(const struct model_u_record *row, struct spc_episode *ret) {
  return read_episode(row, ret) && ret->open && ret->last_time_us == row->order_us;
}

static bool same_alarm(const struct spc_episode *a, const struct spc_episode *b) {
  return memcmp(a->first_id, b->first_id, sizeof a->first_id) == 0;
}

/* Readers keep the highest update. It rises with each run that changes the alarm, and within that with each revision
 * and judgement of the run: what a run is judged again to does not count above what later runs made of the alarm. A run
 * that came late has its place before the run that was judged in its stead, as has one that was not bad before. */
static uint32_t update_number(const struct verdict_pick *p, const struct model_u_record *r,
                              const struct spc_episode *e) {
  enum { STEP = 32768, LATE = STEP / 2, PLACES = 16, PLACE = LATE / PLACES, MOST = UINT32_MAX / STEP - 1 };
  struct spc_episode old;
  bool in_place = alarmed(p->old, &old) && !p->old->late && old.alarms == e->alarms && same_alarm(&old, e);
  bool came_late = p->later && !in_place;
  uint32_t changes = e->alarms + !e->open;
  uint32_t revisions = came_late ? 32 : 128, judgements = PLACE / 2 / 32;
  uint32_t revision = r->revision < revisions ? r->revision - 1 : revisions - 1;
  uint32_t judgement = r->judgement < judgements ? r->judgement - 1 : judgements - 1;
  uint32_t again = 2 * (revision * judgements + judgement); /* the odd one: cleared at once */
  if (changes > MOST) changes = MOST;
  if (!came_late) return changes * STEP + again;
  return (changes - 1) * STEP + LATE + (uint32_t)(r->context_id.lo % PLACES) * PLACE + again;
}

static struct model_alarm make_alarm(const struct work *w, const struct verdict_pick *p, const struct model_u_record *r,
                                     const struct spc_episode *e) {
  const struct model_context *c = w->in->context;
  return (struct model_alarm){
      .alarm_id = alarm_id(r, e->first_id),
      .state = e->open ? MODEL_ALARM_OPEN : MODEL_ALARM_CLEARED,
      .severity = e->worst == SPC_ACTION ? MODEL_CRITICAL : p->from.strategy->severity,
      .key = r->key,
      .strategy = r->chart_set,
      .partition = r->partition,
      .first_context = id_of_bytes(e->first_id),
      .last_context = c->context_id,
      .opened_us = e->first_time_us,
      .updated_us = r->order_us,
      .cleared_us = e->open ? MODEL_NO_TIME : r->order_us,
      .published_us = w->in->now.us,
      .bad_runs = e->alarms,
      .update = update_number(p, r, e),
      .recipe_id = c->recipe_id,
      .lot_id = c->lot_id,
      .substrate_id = c->substrate_id,
  };
}

static tfdc_rc add_alarm(struct work *w, const struct verdict_pick *p, const struct model_u_record *r,
                         const struct spc_episode *e, struct verdict_output *out) {
  struct model_alarm a = make_alarm(w, p, r, e);
  const struct model_point *worst = worst_point(r);
  a.reason = !e->open                             ? "CLEARED"
             : worst == NULL                      ? "OOC"
             : worst->verdict == MODEL_NOT_JUDGED ? "MISSING_STEP"
                                                  : model_verdict_name(worst->verdict);
  a.text = worst != NULL ? verdict_point_text(w->mem, worst) : "back to normal";
  a.charts = alarming_charts(w->mem, r);
  if (a.text == NULL || a.charts == NULL) return TFDC_E_NOMEM;
  out->alarms[out->n_alarms++] = a;
  return TFDC_OK;
}

/* Runs after this one were judged without the alarm that it, or a late one before it, opens: none of them would ever
 * clear it. */
static void clear_at_once(const struct verdict_pick *p, const struct model_u_record *r, struct verdict_output *out) {
  struct spc_episode old;
  struct model_alarm a = out->alarms[out->n_alarms - 1];
  bool known = p->old != NULL && !p->old->late && strcmp(p->old->partition, r->partition) == 0 &&
               alarmed(p->old, &old) && tfdc_id128_eq(id_of_bytes(old.first_id), a.first_context);
  if (!p->later || known) return;
  a.state = MODEL_ALARM_CLEARED;
  a.cleared_us = r->order_us;
  a.update++;
  a.reason = "CLEARED";
  a.text = "came late: runs after it were judged before";
  out->alarms[out->n_alarms++] = a;
}

/* This run was in an alarm when it was judged before, and now is not (or in another partition): it is taken back,
 * unless later runs made more of it. */
static void take_back(struct work *w, const struct verdict_pick *p, const struct model_u_record *r,
                      const struct spc_episode *now, enum spc_episode_act act, struct verdict_output *out) {
  struct spc_episode old;
  if (!alarmed(p->old, &old)) return;
  bool moved = strcmp(p->old->partition, r->partition) != 0;
  if (!moved && (now->open || act == SPC_EPISODE_CLEAR) && same_alarm(now, &old)) return;
  struct model_u_record there = *r;
  there.partition = p->old->partition;
  struct model_alarm a = make_alarm(w, p, &there, &old); /* in the place of the run's own alarm */
  a.state = MODEL_ALARM_CLEARED;
  a.cleared_us = r->order_us;
  a.reason = "REVISED";
  a.text = "judged again with late samples or an amended context: no longer alarms";
  a.charts = "";
  out->alarms[out->n_alarms++] = a;
}

tfdc_rc verdict_judge_pick(struct work *w, size_t pick, struct verdict_output *out) {
  const struct verdict_pick *p = &w->in->picks[pick];
  const struct model_context *c = w->in->context;
  struct model_u_record *r = &out->records[pick];
  *r = (struct model_u_record){.key = c->key,
                               .chart_set = p->from.strategy->id,
                               .partition = p->partition,
                               .order_us = c->order_us,
                               .context_id = c->context_id,
                               .revision = c->revision,
                               .judgement = w->in->judgement,
                               .late = w->in->late,
                               .stored_us = w->in->now.us};
  TFDC_TRY(judge_points(w, pick, r));
  struct spc_episode before, after;
  bool known = read_episode(p->prev, &before);
  struct spc_episode_run run = episode_run(w, p->from.strategy, r);
  enum spc_episode_act act = spc_episode_step(known ? &before : NULL, &run, p->from.strategy->clear_runs, &after);
  TFDC_TRY(keep_episode(w->mem, &after, r));
  if (act != SPC_EPISODE_NONE) TFDC_TRY(add_alarm(w, p, r, &after, out));
  bool unknown = act == SPC_EPISODE_OPEN || (act == SPC_EPISODE_UPDATE && p->prev != NULL && p->prev->late);
  if (unknown) clear_at_once(p, r, out);
  take_back(w, p, r, &after, act, out);
  return TFDC_OK;
}

/* ---- texts ---- */

const char *verdict_point_text(struct tfdc_arena *mem, const struct model_point *p) {
  struct tfdc_buf text = {0};
  const char *unit = p->unit != NULL && strcmp(p->unit, "1") != 0 ? p->unit : "";
  const char *gap = unit[0] != '\0' ? " " : "";
  if (p->verdict == MODEL_NOT_JUDGED)
    tfdc_put_fmt(&text, "%s not judged: %s", p->chart, model_reason_name(p->reason));
  else if (p->value > p->ucl)
    tfdc_put_fmt(&text, "%s %.6g%s%s above UCL %.6g (limits %u)", p->chart, p->value, gap, unit, p->ucl,
                 p->limit_version);
  else if (p->value < p->lcl)
    tfdc_put_fmt(&text, "%s %.6g%s%s below LCL %.6g (limits %u)", p->chart, p->value, gap, unit, p->lcl,
                 p->limit_version);
  else
    tfdc_put_fmt(&text, "%s %.6g%s%s breaks a run rule, centre %.6g (limits %u)", p->chart, p->value, gap, unit,
                 p->centre, p->limit_version);
  const char *copy =
      tfdc_buf_status(&text) == TFDC_OK ? tfdc_arena_strndup(mem, (const char *)text.data, text.size) : NULL;
  tfdc_buf_deinit(&text);
  return copy;
}

const char *verdict_text(struct work *w, const struct verdict_output *out) {
  const struct model_point *worst = NULL;
  for (size_t i = 0; i < out->n_records; i++) {
    const struct model_point *p = worst_point(&out->records[i]);
    if (p != NULL && (worst == NULL || p->score > worst->score)) worst = p;
  }
  return worst != NULL ? verdict_point_text(w->mem, worst) : NULL;
}
