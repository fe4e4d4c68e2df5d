/* SPDX-License-Identifier: Apache-2.0
 * Which of the tried charts become charts of the strategy: those that normal runs have, that vary, and that do not say
 * the same twice. */
#include "core/learn_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TIERS = 5, TIERS_KEPT = 3, CELL_RUNS_MIN = 3, COUNTER_RUNS = 8, VALUES_OF_SET_MAX = 200000 };
/* A chart belongs to a chamber when this part of its good runs have a value; it is one that must be judged when so many
 * of all have. */
#define CELL_SHARE 0.5
#define MUST_SHARE 0.95
/* A sensor moves at the beginning of a step when its standard deviation over all of it is so many times that of the
 * rest. */
#define MOVES 1.25
/* A sensor that varies less than this part of its resolution within a window is not dithered: then averaging does not
 * help. */
#define DITHER 0.5
/* Values that differ by less than this part of their size are equal. */
#define EQUAL 1e-10

static size_t cell_of(const struct learn *l, size_t run) {
  return l->partition_of[run] * l->n_chambers + l->chamber_of[run];
}

/* ---- is it there? ---- */

struct cells {
  size_t n;
  size_t *runs, *good;
};

static void look_for_values(const struct learn *l, size_t chart, struct cells *cells, struct learn_chart *c) {
  memset(cells->good, 0, cells->n * sizeof *cells->good);
  size_t runs = 0, good = 0;
  for (size_t i = 0; i < l->n_runs; i++) {
    if (!l->there[i]) continue;
    bool is = isfinite(learn_value(l, i, chart));
    runs++;
    good += is;
    cells->good[cell_of(l, i)] += is;
  }
  bool somewhere = false, everywhere = true;
  for (size_t k = 0; k < cells->n; k++) {
    if (cells->runs[k] < CELL_RUNS_MIN) continue;
    bool is = (double)cells->good[k] >= CELL_SHARE * (double)cells->runs[k];
    somewhere |= is;
    everywhere &= is;
  }
  if (!somewhere) {
    c->dropped = true;
    c->left_out = "most good runs have no value";
  } else if (!everywhere || (double)good < MUST_SHARE * (double)runs) {
    c->def.optional = true;
  }
}

/* ---- one way or the other ---- */

static size_t find_chart(const struct learn *l, size_t from, enum learn_stat stat, enum learn_part part) {
  const struct learn_chart *like = &l->charts[from];
  for (size_t i = from; i < l->n_charts; i++) {
    const struct learn_chart *c = &l->charts[i];
    if (c->sensor != like->sensor || c->step != like->step || c->stat > LEARN_MEDIAN) break;
    if (c->stat == stat && c->part == part) return i;
  }
  return SIZE_MAX;
}

static int number_order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Half of the runs or more do. */
static bool moves(const struct learn *l, size_t whole, size_t settled, double least) {
  size_t n = 0, far = 0;
  for (size_t i = 0; i < l->n_runs; i++) {
    double all = learn_value(l, i, whole), rest = learn_value(l, i, settled);
    if (!isfinite(all) || !isfinite(rest)) continue;
    n++;
    far += all > MOVES * fmax(rest, least);
  }
  return far * 2 > n;
}

/* The charts of one sensor and step begin at `from`; returns where they end. */
static size_t choose_way(struct learn *l, size_t from) {
  size_t end = from;
  while (end < l->n_charts && l->charts[end].stat <= LEARN_MEDIAN && l->charts[end].sensor == l->charts[from].sensor &&
         l->charts[end].step == l->charts[from].step)
    end++;
  size_t whole = find_chart(l, from, LEARN_STD, LEARN_WHOLE), settled = find_chart(l, from, LEARN_STD, LEARN_SETTLED);
  bool parts = settled != SIZE_MAX && !l->charts[settled].dropped &&
               moves(l, whole, settled, l->sensors[l->charts[from].sensor].resolution);
  for (size_t i = from; i < end; i++) {
    struct learn_chart *c = &l->charts[i];
    if (parts == (c->part != LEARN_WHOLE)) continue;
    c->dropped = true;
    c->left_out = NULL;
  }
  return end;
}

/* ---- resolution ---- */

/* Median over the runs. */
static double typical(const struct learn *l, size_t chart, double *scratch) {
  size_t n = 0;
  for (size_t i = 0; i < l->n_runs; i++)
    if (isfinite(learn_value(l, i, chart))) scratch[n++] = learn_value(l, i, chart);
  if (n == 0) return 0;
  qsort(scratch, n, sizeof *scratch, number_order);
  return scratch[n / 2];
}

/* Seconds between samples of a sensor, from the rate of its dictionary or from its mean chart. */
static double interval_of(const struct learn *l, const struct learn_chart *c) {
  double rate = l->sensors[c->sensor].rate_hz;
  if (rate > 0) return 1 / rate;
  for (size_t i = 0; i < l->n_charts; i++) {
    const struct learn_chart *m = &l->charts[i];
    if (m->stat != LEARN_MEAN || m->part != LEARN_WHOLE || m->sensor != c->sensor || m->n_good == 0) continue;
    if (m->n_sum > 0) return l->steps[m->step].span_s / (m->n_sum / (double)m->n_good);
  }
  return 0;
}

/* Standard deviation that the resolution alone gives the statistic (docs/learning.md). */
static double resolution_of(const struct learn *l, size_t chart, double *scratch) {
  const struct learn_chart *c = &l->charts[chart];
  if (c->stat == LEARN_KEPT) return c->def.resolution;
  if (c->stat == LEARN_SPAN) return interval_of(l, c) / sqrt(6.0);
  if (c->stat == LEARN_COUNT) return 1 / sqrt(6.0);
  const struct learn_sensor *s = &l->sensors[c->sensor];
  double lsb = s->resolution > 0 ? s->resolution : learn_grid_step(&s->grid);
  if (!(lsb > 0) || c->n_good == 0) return 0;
  double one = lsb / sqrt(12.0), n = fmax(c->n_sum / (double)c->n_good, 1);
  if (c->stat == LEARN_RANGE) return one * sqrt(2.0);
  if (c->stat == LEARN_MIN || c->stat == LEARN_MAX) return one;
  /* The chart of the deviation follows the one of the mean; where there is none, the sensor counts as dithered. */
  size_t first = chart;
  while (first > 0 && l->charts[first - 1].sensor == c->sensor && l->charts[first - 1].step == c->step &&
         l->charts[first - 1].stat <= LEARN_MEDIAN)
    first--;
  size_t std = find_chart(l, first, LEARN_STD, c->part == LEARN_HEAD ? LEARN_SETTLED : c->part);
  bool dithered = std == SIZE_MAX || typical(l, std, scratch) >= DITHER * lsb;
  double of_mean = dithered ? one / sqrt(n) : one;
  double span = l->steps[c->step].span_s;
  if (c->stat == LEARN_SLOPE) return span > 0 ? of_mean * sqrt(12.0) / span : 0;
  return of_mean;
}

/* ---- does it vary, does it count? ---- */

static bool is_constant(const struct learn *l, size_t chart) {
  double lo = INFINITY, hi = -INFINITY;
  for (size_t i = 0; i < l->n_runs; i++) {
    double v = learn_value(l, i, chart);
    if (!isfinite(v)) continue;
    lo = fmin(lo, v);
    hi = fmax(hi, v);
  }
  return !(hi - lo > EQUAL * fmax(fabs(lo), fabs(hi)));
}

/* Rises, or falls, from each good run of a chamber to the next: hours, wafer counts. Such a value says nothing about
 * the run, and leaves any limits. */
static bool is_counter(const struct learn *l, size_t chart, double *last, size_t *rises, size_t *falls, size_t cells) {
  for (size_t k = 0; k < cells; k++) {
    last[k] = (double)NAN;
    rises[k] = falls[k] = 0;
  }
  for (size_t i = 0; i < l->n_runs; i++) {
    double v = learn_value(l, i, chart);
    size_t k = cell_of(l, i);
    if (!isfinite(v)) continue;
    rises[k] += v >= last[k]; /* equal neighbours are neither */
    falls[k] += v <= last[k];
    last[k] = v;
  }
  bool long_enough = false, up = true, down = true;
  for (size_t k = 0; k < cells; k++) {
    up &= falls[k] == 0;
    down &= rises[k] == 0;
    long_enough |= rises[k] + falls[k] + 1 >= COUNTER_RUNS;
  }
  return long_enough && (up || down);
}

/* ---- not too many ---- */

/* So many charts fit into a limit set with all its centres. */
static size_t most_charts(const struct learn *l) {
  size_t wanted = l->options->charts_max > 0 ? l->options->charts_max : (size_t)LEARN_CHARTS_DEFAULT;
  size_t room = VALUES_OF_SET_MAX / (l->n_partitions * l->n_chambers);
  return wanted < room ? wanted : room;
}

static void leave_tiers_out(struct learn *l) {
  size_t count[TIERS] = {0}, sum = 0, most = most_charts(l);
  for (size_t i = 0; i < l->n_charts; i++)
    if (!l->charts[i].dropped) count[l->charts[i].tier]++;
  uint8_t kept = 0;
  while (kept < TIERS && (kept < TIERS_KEPT || sum + count[kept] <= most)) sum += count[kept++];
  size_t hard = VALUES_OF_SET_MAX / (l->n_partitions * l->n_chambers);
  for (; kept > 1 && sum > hard; kept--) sum -= count[kept - 1];
  for (size_t i = 0; i < l->n_charts; i++) {
    if (l->charts[i].dropped || l->charts[i].tier < kept) continue;
    l->charts[i].dropped = true;
    l->charts[i].left_out = "too many charts";
  }
}

tfdc_rc learn_choose(struct learn *l) {
  size_t n_cells = l->n_partitions * l->n_chambers;
  struct cells cells = {.n = n_cells};
  cells.runs = tfdc_arena_alloc(&l->scratch, n_cells * sizeof *cells.runs);
  cells.good = tfdc_arena_array(&l->scratch, n_cells, sizeof *cells.good);
  size_t *rises = tfdc_arena_array(&l->scratch, n_cells, sizeof *rises);
  size_t *falls = tfdc_arena_array(&l->scratch, n_cells, sizeof *falls);
  double *last = tfdc_arena_array(&l->scratch, n_cells, sizeof *last);
  double *scratch = tfdc_arena_array(&l->scratch, l->n_runs, sizeof *scratch);
  if (!cells.runs || !cells.good || !rises || !falls || !last || !scratch) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_runs; i++) cells.runs[cell_of(l, i)] += l->there[i];
  bool keep = l->options->keep != NULL;
  for (size_t i = 0; i < l->n_charts && !keep; i++)
    if (!l->charts[i].dropped) look_for_values(l, i, &cells, &l->charts[i]);
  for (size_t i = 0; i < l->n_charts;) i = l->charts[i].stat <= LEARN_MEDIAN ? choose_way(l, i) : i + 1;
  for (size_t i = 0; i < l->n_charts; i++) {
    struct learn_chart *c = &l->charts[i];
    if (c->dropped) continue;
    c->def.resolution = resolution_of(l, i, scratch);
    if (keep) continue;
    if (c->def.resolution == 0 && is_constant(l, i)) {
      c->dropped = true;
      c->left_out = "constant, and the resolution of the sensor is not known";
    } else if (is_counter(l, i, last, rises, falls, n_cells)) {
      c->dropped = true;
      c->left_out = "counts from run to run";
    } else {
      learn_heed_loss(l, i, scratch, rises);
    }
  }
  if (!keep) leave_tiers_out(l);
  return TFDC_OK;
}
