/* SPDX-License-Identifier: Apache-2.0
 * From the contexts of the good runs to the charts that are tried. */
#include "base/text.h"
#include "core/learn_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sensor may settle in this part of a step, but not longer than HEAD_MAX_S; the last samples may belong to the next
 * step already. */
#define HEAD_SHARE 0.2
#define HEAD_MAX_S 5.0
#define TAIL_SHARE 0.02
#define TAIL_MAX_S 0.5
/* Samples that the settled part must have for the step to be looked at without its beginning, and the beginning to be
 * looked at by itself. */
#define SETTLED_SAMPLES 8
#define HEAD_SAMPLES    8
/* A step is one of the recipe when this part of the runs of a partition have it. */
#define STEP_SHARE 0.5

/* ---- cells ---- */

static int key_order(const void *a, const void *b) {
  const struct model_key *x = a, *y = b;
  int by_tool = strcmp(x->tool, y->tool);
  return by_tool != 0 ? by_tool : strcmp(x->chamber, y->chamber);
}

tfdc_rc learn_plan_cells(struct learn *l) {
  struct model_strategy by = {.partition = l->options->partition};
  const char **texts = tfdc_arena_array(&l->mem, l->n_runs, sizeof *texts);
  l->partitions = tfdc_arena_array(&l->mem, l->n_runs, sizeof *l->partitions);
  l->chambers = tfdc_arena_array(&l->mem, l->n_runs, sizeof *l->chambers);
  l->partition_of = tfdc_arena_array(&l->mem, l->n_runs, sizeof *l->partition_of);
  l->chamber_of = tfdc_arena_array(&l->mem, l->n_runs, sizeof *l->chamber_of);
  if (!texts || !l->partitions || !l->chambers || !l->partition_of || !l->chamber_of) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_runs; i++) {
    texts[i] = model_strategy_partition(&by, l->runs[i].context, &l->mem);
    if (texts[i] == NULL) return TFDC_E_NOMEM;
    l->partitions[i] = texts[i];
    l->chambers[i] = l->runs[i].context->key;
  }
  qsort(l->partitions, l->n_runs, sizeof *l->partitions, tfdc_text_order);
  qsort(l->chambers, l->n_runs, sizeof *l->chambers, key_order);
  for (size_t i = 0; i < l->n_runs; i++) {
    if (i == 0 || strcmp(l->partitions[i], l->partitions[l->n_partitions - 1]) != 0)
      l->partitions[l->n_partitions++] = l->partitions[i];
    if (i == 0 || key_order(&l->chambers[i], &l->chambers[l->n_chambers - 1]) != 0)
      l->chambers[l->n_chambers++] = l->chambers[i];
  }
  for (size_t i = 0; i < l->n_runs; i++) {
    const char **text = bsearch(&texts[i], l->partitions, l->n_partitions, sizeof *text, tfdc_text_order);
    const struct model_key *key = bsearch(&l->runs[i].context->key, l->chambers, l->n_chambers, sizeof *key, key_order);
    l->partition_of[i] = (size_t)(text - l->partitions);
    l->chamber_of[i] = (size_t)(key - l->chambers);
  }
  return TFDC_OK;
}

/* ---- sensors ---- */

struct learn_sensor *learn_find_sensor(const struct learn *l, const char *name) {
  for (size_t i = 0; i < l->n_sensors; i++)
    if (strcmp(l->sensors[i].name, name) == 0) return &l->sensors[i];
  return NULL;
}

static void join_dictionary(struct learn *l, const struct model_chamber *c) {
  for (size_t i = 0; i < c->n_svids; i++) {
    const struct model_svid *v = &c->svids[i];
    struct learn_sensor *s = learn_find_sensor(l, v->name);
    if (s == NULL) {
      s = &l->sensors[l->n_sensors++];
      *s = (struct learn_sensor){.name = v->name, .unit = v->unit != NULL ? v->unit : "", .everywhere = true};
    }
    if (v->rate_hz > 0 && (s->rate_hz == 0 || v->rate_hz < s->rate_hz)) s->rate_hz = v->rate_hz;
    if (v->resolution > s->resolution) s->resolution = v->resolution;
  }
}

static bool has_sensor(const struct model_chamber *c, const char *name) {
  for (size_t i = 0; i < c->n_svids; i++)
    if (strcmp(c->svids[i].name, name) == 0) return true;
  return false;
}

/* The dictionary of each chamber once: runs of a chamber share it. */
static bool first_of_dictionary(const struct learn *l, size_t run) {
  for (size_t i = 0; i < run; i++)
    if (l->runs[i].chamber == l->runs[run].chamber) return false;
  return true;
}

static tfdc_rc plan_sensors(struct learn *l) {
  size_t most = 0;
  bool *first = tfdc_arena_array(&l->scratch, l->n_runs, sizeof *first);
  if (first == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_runs; i++) {
    first[i] = first_of_dictionary(l, i);
    if (first[i]) most += l->runs[i].chamber->n_svids;
  }
  l->sensors = tfdc_arena_array(&l->mem, most, sizeof *l->sensors);
  if (l->sensors == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_runs; i++)
    if (first[i]) join_dictionary(l, l->runs[i].chamber);
  for (size_t i = 0; i < l->n_runs; i++)
    for (size_t k = 0; first[i] && k < l->n_sensors; k++)
      l->sensors[k].everywhere &= has_sensor(l->runs[i].chamber, l->sensors[k].name);
  const char **names = tfdc_arena_array(&l->mem, l->n_sensors, sizeof *names);
  if (names == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_sensors; i++) names[i] = l->sensors[i].name;
  l->names = (struct chunk_names){names, l->n_sensors};
  return TFDC_OK;
}

/* ---- steps ---- */

static bool is_step(const struct learn_step *s, const struct model_step *step) {
  bool named = step->name != NULL && step->name[0] != '\0';
  if (named != s->by_name) return false;
  return named ? strcmp(step->name, s->name) == 0 : step->number == s->number;
}

/* Seconds of the step in a run, all occurrences; negative when it is not there. */
static double span_in(const struct learn_step *s, const struct model_context *c) {
  double sum = -1;
  for (size_t i = 0; i < c->n_steps; i++) {
    if (!is_step(s, &c->steps[i])) continue;
    int64_t next = i + 1 < c->n_steps ? c->steps[i + 1].start_us : c->end_us;
    int64_t end = c->steps[i].end_us == MODEL_NO_TIME ? next : c->steps[i].end_us;
    if (sum < 0) sum = 0;
    if (end > c->steps[i].start_us) sum += (double)(end - c->steps[i].start_us) / 1e6;
  }
  return sum;
}

static int number_order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median_of(double *v, size_t n) {
  if (n == 0) return 0;
  qsort(v, n, sizeof *v, number_order);
  return n % 2 != 0 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

/* Does some partition have it in enough of its runs? Sets the median span of the runs that have it. */
static bool is_usual(const struct learn *l, struct learn_step *s, double *spans, size_t *seen, size_t *runs) {
  size_t n = 0;
  memset(seen, 0, l->n_partitions * sizeof *seen);
  memset(runs, 0, l->n_partitions * sizeof *runs);
  for (size_t i = 0; i < l->n_runs; i++) {
    double span = span_in(s, l->runs[i].context);
    runs[l->partition_of[i]]++;
    if (span < 0) continue;
    seen[l->partition_of[i]]++;
    spans[n++] = span;
  }
  s->span_s = median_of(spans, n);
  for (size_t p = 0; p < l->n_partitions; p++)
    if ((double)seen[p] >= STEP_SHARE * (double)runs[p] && seen[p] > 0) return true;
  return false;
}

static bool known_step(const struct learn *l, const struct model_step *step) {
  for (size_t i = 0; i < l->n_steps; i++)
    if (is_step(&l->steps[i], step)) return true;
  return false;
}

static tfdc_rc name_step(struct learn *l, struct learn_step *s) {
  const char *quoted = s->by_name ? learn_quote_step(&l->mem, s->name) : learn_text(&l->mem, "%u", s->number);
  if (quoted == NULL) return TFDC_E_NOMEM;
  s->label = s->by_name ? s->name : learn_text(&l->mem, "step%u", s->number);
  s->window = learn_text(&l->mem, "step(%s)", quoted);
  return s->label != NULL && s->window != NULL ? TFDC_OK : TFDC_E_NOMEM;
}

/* The whole run: the last of the steps, and the only window where runs have no steps. */
static struct learn_step whole_run(const struct learn *l, double *spans) {
  for (size_t i = 0; i < l->n_runs; i++)
    spans[i] = (double)(l->runs[i].context->end_us - l->runs[i].context->start_us) / 1e6;
  return (struct learn_step){.is_run = true, .label = "run", .window = "run", .span_s = median_of(spans, l->n_runs)};
}

static tfdc_rc plan_steps(struct learn *l) {
  size_t cap = 64;
  l->steps = tfdc_arena_array(&l->mem, cap + 1, sizeof *l->steps);
  double *spans = tfdc_arena_array(&l->scratch, l->n_runs, sizeof *spans);
  size_t *seen = tfdc_arena_array(&l->scratch, l->n_partitions, sizeof *seen);
  size_t *runs = tfdc_arena_array(&l->scratch, l->n_partitions, sizeof *runs);
  if (!l->steps || !spans || !seen || !runs) return TFDC_E_NOMEM;
  /* Steps in the order in which a run has them; runs that have others add theirs. */
  for (size_t i = 0; i < l->n_runs; i++) {
    const struct model_context *c = l->runs[i].context;
    for (size_t k = 0; k < c->n_steps && l->n_steps < cap; k++) {
      bool named = c->steps[k].name != NULL && c->steps[k].name[0] != '\0';
      if (known_step(l, &c->steps[k])) continue;
      l->steps[l->n_steps++] =
          (struct learn_step){.by_name = named, .name = c->steps[k].name, .number = c->steps[k].number};
    }
  }
  size_t n = 0;
  for (size_t i = 0; i < l->n_steps; i++) {
    struct learn_step s = l->steps[i];
    if (!is_usual(l, &s, spans, seen, runs)) continue;
    TFDC_TRY(name_step(l, &s));
    l->steps[n++] = s;
  }
  l->n_steps = n;
  l->steps[l->n_steps++] = whole_run(l, spans);
  return TFDC_OK;
}

/* ---- charts ---- */

static const char *const stat_names[] = {"mean",  "std",    "min",      "max",     "slope",
                                         "range", "median", "duration", "samples", ""};
static const uint8_t stat_tiers[] = {0, 0, 2, 1, 3, 4, 1, 0, 0, 0};
static const char *const part_names[] = {NULL, NULL, "head"};

static tfdc_rc add_chart(struct learn *l, const struct learn_chart *c) {
  if (l->n_charts == l->cap_charts) {
    size_t cap = l->cap_charts * 2 + 256;
    struct learn_chart *charts = tfdc_arena_array(&l->mem, cap, sizeof *charts);
    if (charts == NULL) return TFDC_E_NOMEM;
    if (l->n_charts > 0) memcpy(charts, l->charts, l->n_charts * sizeof *charts);
    l->charts = charts;
    l->cap_charts = cap;
  }
  l->charts[l->n_charts++] = *c;
  return TFDC_OK;
}

/* A chart whose limits are to be learned. */
static struct model_chart unlimited(void) {
  struct model_chart c = {.alarm = true, .limits = {.centre = NAN, .ucl = NAN, .lcl = NAN}};
  c.limits.action_ucl = c.limits.action_lcl = NAN;
  return c;
}

static tfdc_rc make_chart(struct learn *l, size_t sensor, size_t step, enum learn_stat stat, enum learn_part part,
                          const char *window) {
  const struct learn_sensor *v = &l->sensors[sensor];
  const char *parts[4];
  size_t n = 0;
  parts[n++] = v->name;
  parts[n++] = l->steps[step].label;
  if (part_names[part] != NULL) parts[n++] = part_names[part];
  parts[n++] = stat_names[stat];
  struct learn_chart c = {.stat = stat, .part = part, .tier = stat_tiers[stat], .sensor = sensor, .step = step};
  c.def = unlimited();
  const char *name = learn_quote_svid(&l->mem, v->name);
  if (name == NULL) return TFDC_E_NOMEM;
  c.def.chart = learn_id(&l->mem, parts, n, '_');
  c.def.eq = learn_text(&l->mem, "%s(%s in %s)", stat_names[stat], name, window);
  if (c.def.chart == NULL || c.def.eq == NULL) return TFDC_E_NOMEM;
  if (v->rate_hz > 0) {
    c.complete_eq = learn_complete_eq(&l->mem, c.def.eq, v->rate_hz);
    if (c.complete_eq == NULL) return TFDC_E_NOMEM;
  }
  return add_chart(l, &c);
}

/* A sensor in a step: as a whole, and without its beginning, in which it may settle. learn_choose takes one of the two
 * ways. Minimum and maximum of the settled part go to the very end of the step, and the beginning has its own, so that
 * a spike is seen wherever it is. The beginning is judged by its median: slow settling moves it. */
static tfdc_rc sensor_charts(struct learn *l, size_t sensor, size_t step, double rate) {
  const struct learn_step *s = &l->steps[step];
  for (enum learn_stat stat = LEARN_MEAN; stat <= LEARN_RANGE; stat++)
    TFDC_TRY(make_chart(l, sensor, step, stat, LEARN_WHOLE, s->window));
  double head = fmin(HEAD_SHARE * s->span_s, HEAD_MAX_S), tail = fmin(TAIL_SHARE * s->span_s, TAIL_MAX_S);
  if (!(s->span_s > 0) || rate * (s->span_s - head - tail) < SETTLED_SAMPLES) return TFDC_OK;
  char settled[2 * TFDC_TEXT_MAX + 100], rest[sizeof settled], begin[sizeof settled];
  (void)snprintf(settled, sizeof settled, "%s.trim(%.2g s, %.2g s)", s->window, head, tail);
  (void)snprintf(rest, sizeof rest, "%s.trim(%.2g s)", s->window, head);
  (void)snprintf(begin, sizeof begin, "%s.first(%.2g s)", s->window, head);
  for (enum learn_stat stat = LEARN_MEAN; stat <= LEARN_RANGE; stat++) {
    bool extreme = stat == LEARN_MIN || stat == LEARN_MAX;
    TFDC_TRY(make_chart(l, sensor, step, stat, LEARN_SETTLED, extreme ? rest : settled));
  }
  if (rate * head < HEAD_SAMPLES) return TFDC_OK;
  TFDC_TRY(make_chart(l, sensor, step, LEARN_MEDIAN, LEARN_HEAD, begin));
  TFDC_TRY(make_chart(l, sensor, step, LEARN_MIN, LEARN_HEAD, begin));
  return make_chart(l, sensor, step, LEARN_MAX, LEARN_HEAD, begin);
}

/* Durations, and how many samples came; only where samples cover the window, so that a hole is a hole and not a value.
 */
static tfdc_rc time_charts(struct learn *l, size_t sensor) {
  const char *name = learn_quote_svid(&l->mem, l->sensors[sensor].name);
  if (name == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_steps; i++) {
    const struct learn_step *s = &l->steps[i];
    struct learn_chart c = {.stat = LEARN_SPAN, .sensor = sensor, .step = i};
    c.def = unlimited();
    c.def.chart = learn_id(&l->mem, (const char *const[]){s->label, stat_names[LEARN_SPAN]}, 2, '_');
    c.def.eq = learn_text(&l->mem, "if(count(%s in %s, min_n=3, min_good=0.8) > 0, span(%s), 0 s)", name, s->window,
                          s->window);
    if (c.def.chart == NULL || c.def.eq == NULL) return TFDC_E_NOMEM;
    TFDC_TRY(add_chart(l, &c));
    if (!s->is_run) continue;
    c.stat = LEARN_COUNT;
    c.def.alarm = false; /* about the data, not the process */
    c.def.chart = learn_id(&l->mem, (const char *const[]){s->label, stat_names[LEARN_COUNT]}, 2, '_');
    c.def.eq = learn_text(&l->mem, "count(%s in %s, min_n=3, min_good=0.8)", name, s->window);
    if (c.def.chart == NULL || c.def.eq == NULL) return TFDC_E_NOMEM;
    TFDC_TRY(add_chart(l, &c));
  }
  return TFDC_OK;
}

/* Samples per second of a sensor: as the dictionary says, else as the runs had on average. */
static double usual_rate(const struct learn *l) {
  double points = 0, seconds = 0;
  for (size_t i = 0; i < l->n_runs; i++) {
    const struct model_context *c = l->runs[i].context;
    points += (double)c->points;
    seconds += (double)(c->end_us - c->start_us) / 1e6 * (double)l->runs[i].chamber->n_svids;
  }
  return seconds > 0 ? points / seconds : 0;
}

static int chart_id_order(const void *a, const void *b) {
  const struct learn_chart *const *x = a, *const *y = b;
  int by_id = strcmp((*x)->def.chart, (*y)->def.chart);
  return by_id != 0 ? by_id : (*x < *y ? -1 : *x > *y);
}

/* The two ways to look at a sensor share ids, only one of them stays. Other charts with one id (`A b` and `A_b`) get a
 * number. */
static tfdc_rc separate_ids(struct learn *l) {
  const struct learn_chart **order = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *order);
  if (order == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_charts; i++) order[i] = &l->charts[i];
  qsort(order, l->n_charts, sizeof *order, chart_id_order);
  const struct learn_chart *first = l->n_charts > 0 ? order[0] : NULL; /* of those with one id */
  for (size_t i = 1, owners = 1; i < l->n_charts; i++) {
    const struct learn_chart *b = order[i];
    if (strcmp(first->def.chart, b->def.chart) != 0) {
      first = b;
      owners = 1;
      continue;
    }
    owners += order[i - 1]->sensor != b->sensor || order[i - 1]->step != b->step;
    if (owners == 1) continue;
    char number[16];
    (void)snprintf(number, sizeof number, "%zu", owners);
    const char *id = learn_id(&l->mem, (const char *const[]){b->def.chart, number}, 2, '_');
    if (id == NULL) return TFDC_E_NOMEM;
    l->charts[b - l->charts].def.chart = id;
  }
  return TFDC_OK;
}

static tfdc_rc made_charts(struct learn *l, struct tfdc_error *err) {
  double usual = usual_rate(l);
  size_t steps = l->n_steps > 1 ? l->n_steps - 1 : 1; /* the run itself only where there are no steps */
  for (size_t i = 0; i < l->n_sensors; i++)
    for (size_t k = 0; k < steps; k++)
      TFDC_TRY(sensor_charts(l, i, k, l->sensors[i].rate_hz > 0 ? l->sensors[i].rate_hz : usual));
  size_t watch = 0;
  while (watch < l->n_sensors && !l->sensors[watch].everywhere) watch++;
  if (watch < l->n_sensors) TFDC_TRY(time_charts(l, watch));
  if (l->n_charts == 0) return tfdc_fail(err, TFDC_E_LEARN, "the chambers have no SVIDs to chart");
  return separate_ids(l);
}

static tfdc_rc kept_charts(struct learn *l) {
  const struct model_strategy *s = l->options->keep;
  for (size_t i = 0; i < s->n_charts; i++) {
    struct learn_chart c = {.def = s->charts[i], .stat = LEARN_KEPT};
    if (c.def.limits.present) continue; /* judged by limits that a person gave */
    TFDC_TRY(add_chart(l, &c));
  }
  return TFDC_OK;
}

tfdc_rc learn_plan_charts(struct learn *l, struct tfdc_error *err) {
  TFDC_TRY(plan_sensors(l));
  if (l->options->keep == NULL) {
    TFDC_TRY(plan_steps(l));
    return made_charts(l, err);
  }
  TFDC_TRY(kept_charts(l));
  return l->n_charts > 0
             ? TFDC_OK
             : tfdc_fail(err, TFDC_E_LEARN, "strategy %s: all charts have limits of their own", l->options->keep->id);
}
