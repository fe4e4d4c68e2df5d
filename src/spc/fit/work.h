/* SPDX-License-Identifier: Apache-2.0
 * Steps of learning. Private to spc/fit. */
#ifndef SPC_FIT_WORK_H
#define SPC_FIT_WORK_H

#include "spc/fit/learn.h"

/* The chart in hand: its values gathered, its residuals and left-out deviations; arrays of n_runs. */
struct spc_fit_chart {
  size_t n;         /* judged runs */
  uint32_t *run;    /* row of each judged run, groups one after the other, in order time within a group */
  uint32_t *begin;  /* n_groups + 1: first judged run of each group */
  double *x;        /* value */
  double *r;        /* x - centre of its group */
  double *z;        /* left-out studentised deviation on the scale of a normal deviate; NaN: cannot be left out */
  double *sorted;   /* scratch */
  double magnitude; /* largest |x| */
  double floor;     /* of s */
  double ss;        /* sum of r^2 over groups of at least two */
  double dof;
};

/* Gathers the column, the centres and the residuals. */
void spc_fit_gather(struct spc_fit_chart *c, const struct spc_learn_input *in, size_t chart,
                    struct spc_learned *learned, size_t min_centre);
/* s, notes CONSTANT, DISCRETE, FLOORED, DRIFT; the floor. */
void spc_fit_spread(struct spc_fit_chart *c, struct spc_learned_chart *ret, size_t n_groups, double drift_ratio);
/* The left-out deviations z, t_max, note OUTLIER. */
void spc_fit_leave_out(struct spc_fit_chart *c, struct spc_learned_chart *ret, size_t n_groups);
/* Factors of the two sides from the shape of z; note SKEWED. */
void spc_fit_shape(struct spc_fit_chart *c, struct spc_learned_chart *ret);
/* Width that a part alpha of the runs exceeds with their largest deviation; maxima sorted, n >= 1; charts >= 1. */
double spc_fit_width(const double *maxima, size_t n, double alpha, double *ret_charts_eff);

void spc_fit_sort(double *v, size_t n);
/* Scale of a normal deviate for a t deviate, and back (Wallace 1959). */
double spc_fit_normal_of_t(double t, double dof);

#endif
