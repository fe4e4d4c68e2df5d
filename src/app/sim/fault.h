/* SPDX-License-Identifier: Apache-2.0
 * Faults: which, where, how large. Their sizes are drawn in units of the normal run-to-run standard deviation of the
 * statistic that the kind moves (mean, std or max of all readings of one sensor in one step), which is measured here on
 * normal runs that are never sent. */
#ifndef APP_SIM_FAULT_H
#define APP_SIM_FAULT_H

#include "app/sim/signal.h"
#include "app/sim/trace.h"

enum { SIM_FAULT_RUNS_MAX = 6 };
struct sim_fault {
  enum sim_fault_kind kind;
  size_t chamber, recipe;
  size_t step, sensor;          /* sensor: not of a lost step */
  int64_t first_index, n_runs;  /* of the chamber and recipe */
  enum sim_statistic statistic; /* not of a lost step, like all below */
  double size;                  /* how far the statistic moves, in its normal standard deviations */
  double normal_mean, normal_sd;
  double amount; /* struct sim_effect's; DRIFT: of its last runs */
};
struct sim_faults {
  struct sim_fault *list; /* owned */
  size_t n;
};
/* Draws o.faults faults; the kinds take turns. None falls into the learning runs, no two on one run. USAGE: so many do
 * not fit; NOMEM. */
TFDC_MUST_USE tfdc_rc sim_faults_plan(const struct sim_fab *f, struct sim_faults *ret, struct tfdc_error *err);
void sim_faults_deinit(struct sim_faults *faults);
/* The fault of a run, or NULL. Sets r->lost_step and lays the steps again where one is lost; else *ret_effect. */
const struct sim_fault *sim_fault_of(const struct sim_fab *f, const struct sim_faults *faults, struct sim_run *r,
                                     struct sim_effect *ret_effect);

#endif
