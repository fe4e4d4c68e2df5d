/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sim/signal.h"

#include <math.h>

void sim_response_set(struct sim_response *r, double tau_s, double damping, double dt_s) {
  r->second_order = damping > 0;
  if (!r->second_order) {
    r->keep = exp(-dt_s / tau_s);
    return;
  }
  /* Solution of y'' + 2 z w y' + w^2 y = 0 for z < 1. */
  double w = 1 / tau_s, wd = w * sqrt(1 - damping * damping);
  double e = exp(-damping * w * dt_s), c = cos(wd * dt_s), s = sin(wd * dt_s);
  r->m[0][0] = e * (c + damping * w / wd * s);
  r->m[0][1] = e * s / wd;
  r->m[1][0] = -e * w * w / wd * s;
  r->m[1][1] = e * (c - damping * w / wd * s);
}

double sim_response_step(struct sim_response *r, double set_point) {
  double y = r->value - set_point;
  if (!r->second_order) {
    r->value = set_point + y * r->keep;
  } else {
    double rate = r->m[1][0] * y + r->m[1][1] * r->rate;
    r->value = set_point + r->m[0][0] * y + r->m[0][1] * r->rate;
    r->rate = rate;
  }
  return r->value;
}

double sim_quantise(double v, double lsb) { return lsb > 0 ? floor(v / lsb + 0.5) * lsb : v; }

double sim_statistic_of(enum sim_statistic s, const double *v, size_t n) {
  double sum = 0, most = -INFINITY, squares = 0;
  size_t good = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(v[i])) continue;
    sum += v[i];
    most = fmax(most, v[i]);
    good++;
  }
  if (good < 2) return (double)NAN;
  if (s == SIM_MAX) return most;
  double mean = sum / (double)good;
  if (s == SIM_MEAN) return mean;
  for (size_t i = 0; i < n; i++)
    if (isfinite(v[i])) squares += (v[i] - mean) * (v[i] - mean);
  return sqrt(squares / (double)(good - 1));
}

const char *sim_statistic_name(enum sim_statistic s) {
  static const char *const names[] = {[SIM_MEAN] = "mean", [SIM_STD] = "std", [SIM_MAX] = "max"};
  return names[s];
}
