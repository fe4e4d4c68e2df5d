/* SPDX-License-Identifier: Apache-2.0
 * What lost samples do to the charts. Where a sensor moves, the mean, the largest, the median of a window depend on
 * which samples came; a reading lost on the way then looks like a fault. So some of the good runs are evaluated a
 * second time with a part of their samples taken away: a chart whose value moves with that, measured by its spread from
 * run to run, is judged only where its window is complete. */
#include "core/learn_priv.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOSS_RUNS = 256, LOST_ONE_IN = 12, RUNS_MIN = 8 };
/* A chart is one of those when the loss moves it by so many of its run-to-run spreads (root mean square). */
#define LOSS_MATTERS 0.5
/* It is judged only on complete windows when so many of the good runs have them. */
#define COMPLETE_SHARE 0.8
/* Median of |x - y| over the standard deviation, for two normal values. */
#define MEDIAN_OF_DIFFERENCE 0.9539

const char *learn_complete_eq(struct tfdc_arena *mem, const char *call, double rate_hz) {
  /* Any sample that is bad or missing lowers the quality below 0.9999, unless there are 10,000 of them. */
  return learn_text(mem, "%.*s, min_good=0.9999, max_gap=%.4g s)", (int)strlen(call) - 1, call, 1.1 / rate_hz);
}

static tfdc_rc thin(struct learn *l, size_t run, const struct eq_run *data, struct eq_run *ret) {
  struct eq_series *series = tfdc_arena_array(&l->scratch, data->n_series + 1, sizeof *series);
  if (series == NULL) return TFDC_E_NOMEM;
  struct random_source random = {run};
  for (size_t i = 0; i < data->n_series; i++) {
    double *v = tfdc_arena_array(&l->scratch, data->series[i].n + 1, sizeof *v);
    if (v == NULL) return TFDC_E_NOMEM;
    memcpy(v, data->series[i].v, data->series[i].n * sizeof *v);
    for (size_t k = 0; k < data->series[i].n; k++)
      if (random_u64(&random) % LOST_ONE_IN == 0) v[k] = (double)NAN;
    series[i] = data->series[i];
    series[i].v = v;
  }
  *ret = *data;
  ret->series = series;
  return TFDC_OK;
}

/* Evaluates the programs that are there; calls back with each chart's value. */
static tfdc_rc each_value(struct learn *l, const struct eq_program *const *programs, const struct eq_run *data,
                          size_t run,
                          void (*use)(struct learn *l, size_t run, size_t chart, const struct eq_value *v)) {
  const struct eq_program **list = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *list);
  struct eq_value *values = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *values);
  if (list == NULL || values == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < l->n_charts; i++)
    if (l->complete[i] != NULL) list[n++] = programs[i];
  TFDC_TRY(eq_eval_all(list, n, data, &l->scratch, values));
  n = 0;
  for (size_t i = 0; i < l->n_charts; i++)
    if (l->complete[i] != NULL) use(l, run, i, &values[n++]);
  return TFDC_OK;
}

static void note_complete(struct learn *l, size_t run, size_t chart, const struct eq_value *v) {
  l->is_complete[run * l->n_charts + chart] = v->reason == EQ_OK;
}

static void note_loss(struct learn *l, size_t run, size_t chart, const struct eq_value *v) {
  double moved = v->value - learn_value(l, run, chart);
  if (!isfinite(moved) || !l->is_complete[run * l->n_charts + chart]) return;
  l->charts[chart].loss += moved * moved;
  l->charts[chart].n_loss++;
}

tfdc_rc learn_look_at_loss(struct learn *l, size_t run, const struct eq_run *data) {
  TFDC_TRY(each_value(l, l->complete, data, run, note_complete));
  if (l->n_runs > LOSS_RUNS && run % (l->n_runs / LOSS_RUNS + 1) != 0) return TFDC_OK;
  struct eq_run thinned;
  TFDC_TRY(thin(l, run, data, &thinned));
  return each_value(l, l->programs, &thinned, run, note_loss);
}

static int number_order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* From run to run of a chamber, by the median of the differences of neighbours: a few odd runs count little. */
static double spread_of(const struct learn *l, size_t chart, double *scratch, size_t *last) {
  size_t n = 0, cells = l->n_partitions * l->n_chambers;
  for (size_t k = 0; k < cells; k++) last[k] = SIZE_MAX;
  for (size_t i = 0; i < l->n_runs; i++) {
    if (!isfinite(learn_value(l, i, chart))) continue;
    size_t cell = l->partition_of[i] * l->n_chambers + l->chamber_of[i];
    if (last[cell] != SIZE_MAX) scratch[n++] = fabs(learn_value(l, i, chart) - learn_value(l, last[cell], chart));
    last[cell] = i;
  }
  if (n == 0) return 0;
  qsort(scratch, n, sizeof *scratch, number_order);
  return scratch[n / 2] / MEDIAN_OF_DIFFERENCE;
}

static bool is_usually_complete(const struct learn *l, size_t chart) {
  size_t good = 0, complete = 0;
  for (size_t i = 0; i < l->n_runs; i++) {
    if (!isfinite(learn_value(l, i, chart))) continue;
    good++;
    complete += l->is_complete[i * l->n_charts + chart];
  }
  return (double)complete >= COMPLETE_SHARE * (double)good;
}

void learn_heed_loss(struct learn *l, size_t chart, double *scratch, size_t *last) {
  struct learn_chart *c = &l->charts[chart];
  if (l->complete[chart] == NULL || c->n_loss < RUNS_MIN) return;
  double least = fmax(spread_of(l, chart, scratch, last), c->def.resolution);
  if (!(sqrt(c->loss / (double)c->n_loss) > LOSS_MATTERS * least) || !is_usually_complete(l, chart)) return;
  c->def.eq = c->complete_eq;
  c->def.optional = true;
  for (size_t i = 0; i < l->n_runs; i++)
    if (!l->is_complete[i * l->n_charts + chart]) l->values[i * l->n_charts + chart] = (double)NAN;
}
