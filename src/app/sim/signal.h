/* SPDX-License-Identifier: Apache-2.0
 * What a sensor's readings are made of: the response of a controlled quantity to its set point, quantisation, and the
 * statistics by which a fault's size is measured. Pure. */
#ifndef APP_SIM_SIGNAL_H
#define APP_SIM_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>

/* A quantity that follows a set point, sampled every dt_s. First order: time constant tau_s. Second order: natural
 * period 2 pi tau_s, damping between 0 and 1 (it overshoots). Exact for a set point that is constant between samples.
 */
struct sim_response {
  bool second_order;
  double keep;    /* first order: share of the distance that is left after dt */
  double m[2][2]; /* second order: transition of (distance, its rate of change) */
  double value, rate;
};
/* damping 0: first order. Keeps value and rate: a time constant may change in the middle of a run. */
void sim_response_set(struct sim_response *r, double tau_s, double damping, double dt_s);
/* The value one sample later. */
double sim_response_step(struct sim_response *r, double set_point);

/* The nearest multiple of lsb; lsb 0: v. */
double sim_quantise(double v, double lsb);

enum sim_statistic { SIM_MEAN, SIM_STD, SIM_MAX };
/* Of the finite ones among v[0..n); std with n - 1. NaN for fewer than two of them. */
double sim_statistic_of(enum sim_statistic s, const double *v, size_t n);
const char *sim_statistic_name(enum sim_statistic s);

#endif
