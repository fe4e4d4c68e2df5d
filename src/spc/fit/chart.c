/* SPDX-License-Identifier: Apache-2.0
 * One chart: centres, spread, left-out deviations. Sums run in the order of the groups and of time. */
#include "spc/fit/work.h"

#include <float.h>
#include <math.h>
#include <sleef.h>
#include <stdlib.h>
#include <string.h>

/* A constant must not alarm on its last bits: rounding of a mean over many samples stays far below this. */
#define FLOOR_RELATIVE 1e-10
#define FLOOR_ABSOLUTE 1e-200
/* Up to this many distinct values, and not more than a fifth of the runs: a chart counts steps, it does not measure. */
#define DISTINCT_MAX 8
/* Autocorrelation inflates the variance of a mean at most this much. */
#define INFLATION_MAX 5.0
/* A group is left out in this many parts when each has at least two runs, else run by run. */
enum { BLOCKS = 5, ASIDE_ROUNDS = 3 };
#define D2 1.1283791670955126 /* 2 / sqrt(pi): mean moving range over sigma */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void spc_fit_sort(double *v, size_t n) { qsort(v, n, sizeof *v, compare); }

/* Scale of a normal deviate for a t deviate (Wallace 1959). */
static double normal_of_t(double t, double dof) {
  return (8 * dof + 1) / (8 * dof + 3) * sqrt(dof * Sleef_cinz_log1pd1_u10purec(t * t / dof));
}

static double mean_of(const double *x, size_t n) {
  double sum = 0, rest = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  double mean = sum / (double)n;
  for (size_t i = 0; i < n; i++) rest += x[i] - mean;
  return mean + rest / (double)n;
}

/* Centre and residuals of one group, and its share of the spread; from the values that are not set aside. */
static void gather_group(struct spc_fit_chart *c, size_t first, size_t end, size_t min_centre,
                         struct spc_learned_centre *ret) {
  size_t n = end - first;
  *ret = (struct spc_learned_centre){.centre = (double)NAN, .n = (uint32_t)n};
  if (n == 0) return;
  double mean = mean_of(c->x + first, n);
  for (size_t i = first; i < end; i++) c->r[i] = c->x[i] - mean;
  if (n >= min_centre) ret->centre = mean;
  if (n < 2) return;
  for (size_t i = first; i < end; i++) c->ss += c->r[i] * c->r[i];
  c->dof += (double)(n - 1);
}

static void gather(struct spc_fit_chart *c, const struct spc_learn_input *in, size_t chart, size_t min_centre,
                   struct spc_learned *learned) {
  c->n = c->centres = 0;
  c->ss = c->dof = c->magnitude = 0;
  for (size_t g = 0; g < in->n_groups; g++) {
    c->begin[g] = (uint32_t)c->n;
    for (size_t i = c->all[g]; i < c->all[g + 1]; i++) {
      double x = in->x[c->order[i] * in->n_charts + chart];
      if (!spc_fit_counts(x) || c->aside[c->order[i]]) continue;
      c->run[c->n] = c->order[i];
      c->x[c->n++] = x;
      if (fabs(x) > c->magnitude) c->magnitude = fabs(x);
    }
    struct spc_learned_centre *centre = &learned->centre[g * in->n_charts + chart];
    gather_group(c, c->begin[g], c->n, min_centre, centre);
    if (isnan(centre->centre))
      learned->chart[chart].notes |= SPC_NOTE_GROUP;
    else
      c->centres++;
  }
  c->begin[in->n_groups] = (uint32_t)c->n;
  double floor = in->floor && in->floor[chart] > 0 && spc_fit_counts(in->floor[chart]) ? in->floor[chart] : 0;
  c->floor = fmax(floor, fmax(FLOOR_RELATIVE * c->magnitude, FLOOR_ABSOLUTE));
  learned->chart[chart].n = (uint32_t)(c->n + c->n_aside);
}

/* Neighbouring runs that are alike make a centre worth fewer runs, and its residuals too small: with first-order
 * autocorrelation a the variance of a mean is (1 + a) / (1 - a) times that of independent runs. Only an
 * autocorrelation beyond two standard errors counts. */
static void take_autocorrelation(struct spc_fit_chart *c, size_t n_groups) {
  double product = 0, pairs = 0;
  for (size_t g = 0; g < n_groups; g++)
    for (size_t i = c->begin[g] + 1; i < c->begin[g + 1]; i++, pairs++) product += c->r[i] * c->r[i - 1];
  c->inflation = 1;
  if (!(pairs >= 20) || !(c->ss > 0)) return;
  double groups = (double)c->n - c->dof;
  double a = product / c->ss + groups / (double)c->n; /* the centres are estimates: that pulls it down by 1/n */
  if (a * sqrt(pairs) < 2) return;
  c->inflation = a < (INFLATION_MAX - 1) / (INFLATION_MAX + 1) ? (1 + a) / (1 - a) : INFLATION_MAX;
  c->dof = fmax((double)c->n - groups * c->inflation, c->dof / 2);
}

/* Number of distinct values, and the smallest step between neighbours that is not rounding. */
static size_t distinct(struct spc_fit_chart *c, double *ret_step) {
  for (size_t i = 0; i < c->n; i++) c->sorted[i] = c->x[i];
  spc_fit_sort(c->sorted, c->n);
  size_t count = 1;
  double step = 0;
  for (size_t i = 1; i < c->n; i++) {
    double d = c->sorted[i] - c->sorted[i - 1];
    if (!(d > FLOOR_RELATIVE * c->magnitude)) continue;
    count++;
    if (step == 0 || d < step) step = d;
  }
  *ret_step = step;
  return count;
}

/* Spread from the ranges between neighbouring runs of a group; 0 when there are none. */
static double moving_range_s(const struct spc_fit_chart *c, size_t n_groups) {
  double sum = 0;
  size_t n = 0;
  for (size_t g = 0; g < n_groups; g++)
    for (size_t i = c->begin[g] + 1; i < c->begin[g + 1]; i++, n++) sum += fabs(c->x[i] - c->x[i - 1]);
  return n > 0 ? sum / (double)n / D2 : 0;
}

static void take_spread(struct spc_fit_chart *c, struct spc_learned_chart *ret, size_t n_groups, double drift_ratio) {
  ret->dof = c->dof;
  ret->s_raw = sqrt(c->ss / c->dof);
  double step;
  size_t values = distinct(c, &step);
  if (ret->s_raw <= FLOOR_RELATIVE * c->magnitude) {
    ret->notes |= SPC_NOTE_CONSTANT;
  } else if (values <= DISTINCT_MAX && values * 5 <= c->n) {
    ret->notes |= SPC_NOTE_DISCRETE;
    c->floor = fmax(c->floor, step / sqrt(12.0));
  }
  ret->s = ret->s_raw;
  if (ret->s < c->floor) {
    ret->s = c->floor;
    ret->notes |= SPC_NOTE_FLOORED;
  }
  double mr = moving_range_s(c, n_groups);
  ret->ratio_mr = mr > 0 ? ret->s_raw / mr : (double)NAN;
  if (ret->ratio_mr > drift_ratio && !(ret->notes & (SPC_NOTE_CONSTANT | SPC_NOTE_DISCRETE)))
    ret->notes |= SPC_NOTE_DRIFT;
}

/* Leaves the runs first..end of a group of n out of its centre and of s, and studentises them. Neighbours in time are
 * left out together, so that a slow drift shows as it will show to the runs that come after learning. */
static void leave_out_block(struct spc_fit_chart *c, size_t first, size_t end, size_t n) {
  double sum = 0, square = 0, out = (double)(end - first), left = (double)n - out;
  for (size_t i = first; i < end; i++) {
    sum += c->r[i];
    square += c->r[i] * c->r[i];
  }
  double shift = -sum / left; /* of the centre */
  double dof = c->dof - out;
  double ss = c->ss - square - sum * sum / left;
  double s = ss > 0 ? fmax(sqrt(ss / dof), c->floor) : c->floor;
  double scale = s * sqrt(1 + c->inflation / left);
  for (size_t i = first; i < end; i++) {
    double t = (c->r[i] - shift) / scale;
    c->z[i] = copysign(normal_of_t(t, dof), t);
  }
}

static void leave_out(struct spc_fit_chart *c, size_t n_groups) {
  for (size_t g = 0; g < n_groups; g++) {
    size_t first = c->begin[g], n = c->begin[g + 1] - first;
    size_t blocks = n >= BLOCKS * 2 ? BLOCKS : n;
    for (size_t b = 0; b < blocks; b++) {
      size_t from = first + b * n / blocks, to = first + (b + 1) * n / blocks;
      if (n >= 3 && c->dof - (double)(to - from) >= 1) {
        leave_out_block(c, from, to, n);
      } else {
        for (size_t i = from; i < to; i++) c->z[i] = (double)NAN;
      }
    }
  }
}

static void take_moments(struct spc_fit_chart *c) {
  c->moments = (struct spc_fit_moments){0};
  for (size_t i = 0; i < c->n; i++) {
    if (!(fabs(c->z[i]) <= c->bulk_z)) continue;
    double power = 1;
    c->moments.n += 1;
    for (int k = 0; k < 4; k++) c->moments.sum[k] += power *= c->z[i];
  }
}

/* Sets the values aside that lie outside the bulk, unless they are so many that they are the tail of the chart. */
static bool set_aside(struct spc_fit_chart *c) {
  size_t count = 0, most = (c->n + c->n_aside) / 50 + 1;
  for (size_t i = 0; i < c->n; i++) count += fabs(c->z[i]) > c->bulk_z;
  if (count == 0 || c->n_aside + count > most) return false;
  for (size_t i = 0; i < c->n; i++)
    if (fabs(c->z[i]) > c->bulk_z) c->aside[c->run[i]] = 1;
  c->n_aside += count;
  return true;
}

bool spc_fit_chart(struct spc_fit_chart *c, const struct spc_learn_input *in, const struct spc_learn_options *options,
                   size_t chart, struct spc_learned *learned) {
  struct spc_learned_chart *ret = &learned->chart[chart];
  memset(c->aside, 0, in->n_runs);
  c->n_aside = 0;
  ret->notes = 0;
  for (int round = 0;; round++) {
    gather(c, in, chart, options->min_centre, learned);
    take_autocorrelation(c, in->n_groups);
    if (c->centres == 0 || c->n < options->min_runs || c->dof < SPC_LEARN_DOF_MIN) {
      ret->notes |= SPC_NOTE_TOO_FEW;
      return false;
    }
    ret->notes &= SPC_NOTE_GROUP;
    take_spread(c, ret, in->n_groups, options->drift_ratio);
    leave_out(c, in->n_groups);
    bool measures = !(ret->notes & (SPC_NOTE_CONSTANT | SPC_NOTE_DISCRETE));
    if (!measures || round == ASIDE_ROUNDS || !set_aside(c)) break;
  }
  if (c->n_aside > 0) ret->notes |= SPC_NOTE_OUTLIER;
  take_moments(c);
  ret->inflation = c->inflation;
  ret->skew = spc_fit_skew(&c->moments);
  ret->kurtosis = spc_fit_kurtosis(&c->moments);
  return true;
}
