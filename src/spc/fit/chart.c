/* SPDX-License-Identifier: Apache-2.0
 * One chart: centres, spread, left-out deviations, shape. Sums run in the order of the groups and of time. */
#include "spc/fit/work.h"

#include <float.h>
#include <math.h>
#include <sleef.h>
#include <stdlib.h>

/* A constant must not alarm on its last bits: rounding of a mean over many samples stays far below this. */
#define FLOOR_RELATIVE 1e-10
#define FLOOR_ABSOLUTE 1e-200
/* Up to this many distinct values, and not more than a fifth of the runs: a chart counts steps, it does not measure. */
#define DISTINCT_MAX 8
/* No normal run of a chart lies this far out, on the scale of a normal deviate (2 in 10^9). */
#define OUTLIER_Z 6.0
/* Deviate for which the shape of the tails is taken: about the common width of a few hundred charts. */
#define SHAPE_Z    4.0
#define FACTOR_MAX 2.5
#define D2         1.1283791670955126 /* 2 / sqrt(pi): mean moving range over sigma */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void spc_fit_sort(double *v, size_t n) { qsort(v, n, sizeof *v, compare); }

double spc_fit_normal_of_t(double t, double dof) {
  return (8 * dof + 1) / (8 * dof + 3) * sqrt(dof * Sleef_cinz_log1pd1_u10purec(t * t / dof));
}

static double mean_of(const double *x, size_t n) {
  double sum = 0, rest = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  double mean = sum / (double)n;
  for (size_t i = 0; i < n; i++) rest += x[i] - mean;
  return mean + rest / (double)n;
}

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

void spc_fit_gather(struct spc_fit_chart *c, const struct spc_learn_input *in, size_t chart,
                    struct spc_learned *learned, size_t min_centre) {
  c->n = 0;
  c->ss = c->dof = c->magnitude = 0;
  for (size_t g = 0; g < in->n_groups; g++) {
    c->begin[g] = (uint32_t)c->n;
    for (size_t i = 0; i < in->n_runs; i++) {
      double x = in->x[i * in->n_charts + chart];
      if (in->group[i] != g || !isfinite(x)) continue;
      c->run[c->n] = (uint32_t)i;
      c->x[c->n++] = x;
      if (fabs(x) > c->magnitude) c->magnitude = fabs(x);
    }
    struct spc_learned_centre *centre = &learned->centre[g * in->n_charts + chart];
    gather_group(c, c->begin[g], c->n, min_centre, centre);
    if (isnan(centre->centre)) learned->chart[chart].notes |= SPC_NOTE_GROUP;
  }
  c->begin[in->n_groups] = (uint32_t)c->n;
  double floor = in->floor && in->floor[chart] > 0 && isfinite(in->floor[chart]) ? in->floor[chart] : 0;
  c->floor = fmax(floor, fmax(FLOOR_RELATIVE * c->magnitude, FLOOR_ABSOLUTE));
  learned->chart[chart].n = (uint32_t)c->n;
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

void spc_fit_spread(struct spc_fit_chart *c, struct spc_learned_chart *ret, size_t n_groups, double drift_ratio) {
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
  double scale = s * sqrt(1 + 1 / left);
  for (size_t i = first; i < end; i++) {
    double t = (c->r[i] - shift) / scale;
    c->z[i] = copysign(spc_fit_normal_of_t(t, dof), t);
  }
}

void spc_fit_leave_out(struct spc_fit_chart *c, struct spc_learned_chart *ret, size_t n_groups) {
  ret->t_max = 0;
  for (size_t g = 0; g < n_groups; g++) {
    size_t first = c->begin[g], n = c->begin[g + 1] - first;
    size_t blocks = n >= 10 ? 10 : n;
    for (size_t b = 0; b < blocks; b++) {
      size_t from = first + b * n / blocks, to = first + (b + 1) * n / blocks;
      if (n >= 3 && c->dof - (double)(to - from) >= 1) {
        leave_out_block(c, from, to, n);
      } else {
        for (size_t i = from; i < to; i++) c->z[i] = (double)NAN;
      }
    }
  }
  for (size_t i = 0; i < c->n; i++) {
    if (!(fabs(c->z[i]) > ret->t_max)) continue;
    ret->t_max = fabs(c->z[i]);
    ret->t_max_run = c->run[i];
  }
  if (ret->t_max > OUTLIER_Z) ret->notes |= SPC_NOTE_OUTLIER;
}

/* Keeps an estimate only as far as it stands out of its own standard error. */
static double shrink(double estimate, double error) {
  double part = 1 - 4 * error * error / (estimate * estimate);
  return part > 0 ? estimate * part : 0;
}

/* Third-order Cornish-Fisher expansion of the quantile at SHAPE_Z, over that of a normal: >= 1. */
static double shape_factor(double skew, double kurtosis) {
  const double z = SHAPE_Z;
  double q =
      z + (z * z - 1) * skew / 6 + (z * z * z - 3 * z) * kurtosis / 24 - (2 * z * z * z - 5 * z) * skew * skew / 36;
  return fmin(fmax(q / z, 1), FACTOR_MAX);
}

void spc_fit_shape(struct spc_fit_chart *c, struct spc_learned_chart *ret) {
  double n = 0, m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (size_t i = 0; i < c->n; i++)
    if (fabs(c->z[i]) <= OUTLIER_Z) n++, m1 += c->z[i];
  ret->factor_lo = ret->factor_up = 1;
  ret->skew = 0;
  if (n < 20) return;
  m1 /= n;
  for (size_t i = 0; i < c->n; i++) {
    if (!(fabs(c->z[i]) <= OUTLIER_Z)) continue;
    double d = c->z[i] - m1;
    m2 += d * d / n;
    m3 += d * d * d / n;
    m4 += d * d * d * d / n;
  }
  if (!(m2 > 0)) return;
  ret->skew = m3 / (m2 * sqrt(m2));
  double skew = shrink(ret->skew, sqrt(6 / n)), kurtosis = fmax(shrink(m4 / (m2 * m2) - 3, sqrt(24 / n)), 0);
  ret->factor_up = shape_factor(skew, kurtosis);
  ret->factor_lo = shape_factor(-skew, kurtosis);
  if (ret->factor_up > 1.1 || ret->factor_lo > 1.1) ret->notes |= SPC_NOTE_SKEWED;
}
