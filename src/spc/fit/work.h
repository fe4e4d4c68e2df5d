/* SPDX-License-Identifier: Apache-2.0
 * Steps of learning. Private to spc/fit. */
#ifndef SPC_FIT_WORK_H
#define SPC_FIT_WORK_H

#include "spc/fit/learn.h"

#include <math.h>

/* Sums of squares of larger values are beyond a double. */
#define SPC_FIT_VALUE_MAX 1e140
/* Readings that are no number, or one that no sensor has, are none. */
static inline bool spc_fit_counts(double x) { return fabs(x) <= SPC_FIT_VALUE_MAX; }

/* Sums of powers of the deviations of a chart, outliers aside. */
struct spc_fit_moments {
  double n, sum[4];
};
/* What the charts of the partition have in common in their shapes: mean and true (not sampling) variance. */
struct spc_fit_pool {
  double skew, skew_var, kurtosis, kurtosis_var;
};

/* The chart in hand: its values gathered, its residuals and left-out deviations; arrays of n_runs. */
struct spc_fit_chart {
  const uint32_t *order; /* all runs, groups one after the other, in order time within a group */
  const uint32_t *all;   /* n_groups + 1: where each group begins in order */
  size_t n;              /* judged runs */
  uint32_t *run;         /* row of each judged run, in that order */
  uint32_t *begin;       /* n_groups + 1: first judged run of each group */
  double *x;             /* value */
  double *r;             /* x - centre of its group */
  double *z;             /* left-out studentised deviation on the scale of a normal deviate; NaN: cannot be left out */
  double *sorted;        /* scratch */
  uint8_t *aside;        /* n_runs, by row: 1 = an outlier that is kept out of all of the above */
  size_t n_aside;
  size_t centres;   /* groups with runs enough for a centre */
  double bulk_z;    /* deviations beyond it are no part of the bulk; set by the caller */
  double magnitude; /* largest |x| */
  double floor;     /* of s */
  double ss;        /* sum of r^2 over groups of at least two */
  double dof;
  double inflation; /* of the variance of a mean by autocorrelation, >= 1 */
  struct spc_fit_moments moments;
};

/* The column, its centres, residuals, spread, left-out deviations and moments, and what they say (notes, but SKEWED).
 * Returns false (TOO_FEW) when there is too little to go by. Repeatable: a second call gives the same. */
bool spc_fit_chart(struct spc_fit_chart *c, const struct spc_learn_input *in, const struct spc_learn_options *options,
                   size_t chart, struct spc_learned *learned);
double spc_fit_skew(const struct spc_fit_moments *m);
double spc_fit_kurtosis(const struct spc_fit_moments *m); /* excess */
/* Without one deviation. */
struct spc_fit_moments spc_fit_without(const struct spc_fit_moments *m, double z);
/* How much farther than a normal the chart reaches on its upper (sign 1) or lower (-1) side; >= 1. */
double spc_fit_factor(const struct spc_fit_moments *m, const struct spc_fit_pool *pool, int sign);
/* The factor of a chart of the pooled shape, on its longer side. */
double spc_fit_pool_factor(const struct spc_fit_pool *pool);
/* Charts' shapes pooled. n may be 0. */
void spc_fit_pool_shapes(const struct spc_fit_moments *moments, size_t n, struct spc_fit_pool *ret);
/* Width that a part alpha of the runs exceeds with their largest deviation; maxima sorted, n >= 1; charts >= 1. */
double spc_fit_width(const double *maxima, size_t n, double alpha, double *ret_charts_eff);

void spc_fit_sort(double *v, size_t n);

#endif
