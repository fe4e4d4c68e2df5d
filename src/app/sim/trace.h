/* SPDX-License-Identifier: Apache-2.0
 * The readings of one run. The same fab, run and fault give the same bits, in any order and on any thread. */
#ifndef APP_SIM_TRACE_H
#define APP_SIM_TRACE_H

#include "app/sim/fab.h"

#define SIM_FAULT_LIST(X)                                                                                              \
  X(OFFSET, "offset")           /* added to all readings of a step; the mean moves */                                  \
  X(DRIFT, "drift")             /* the same, growing from run to run, then staying */                                  \
  X(SPIKE, "spike")             /* one reading lies so far above the largest; the maximum moves */                     \
  X(OSCILLATION, "oscillation") /* amplitude of a sine; the standard deviation moves */                                \
  X(SETTLING, "slow settling")  /* factor on the time constant; the mean moves */                                      \
  X(STUCK, "stuck sensor")  /* part of the step, at its end, in which the reading does not change; the std moves */    \
  X(LOST_STEP, "lost step") /* the recipe skips it */                                                                  \
  X(RF_BURST, "RF reflection burst") /* height of a burst of reflected power; the maximum moves */
enum sim_fault_kind {
#define X(name, text) SIM_##name,
  SIM_FAULT_LIST(X)
#undef X
      SIM_FAULT_KINDS
};
const char *sim_fault_name(enum sim_fault_kind k);

/* What a fault does to one sensor of one run. */
struct sim_effect {
  enum sim_fault_kind kind; /* not LOST_STEP: that is in the run's plan */
  size_t sensor, step;
  double amount;
};

/* Samples of the sensors of one rate lie at start + i / rate, i < n, before gaps are cut out. */
size_t sim_samples(const struct sim_fab *f, const struct sim_run *r, size_t rate);
size_t sim_first_sample(const struct sim_fab *f, const struct sim_run *r, size_t rate, size_t step); /* of a step */
/* One sensor's readings up to `n` samples, without missing ones. e NULL: normal. */
void sim_sensor(const struct sim_fab *f, const struct sim_run *r, size_t sensor, const struct sim_effect *e, double *v,
                size_t n);

/* All readings of a run: rate by rate the times, sensor by sensor the values on its rate's times. NaN = missing; in
 * gaps a rate has no samples at all. */
struct sim_trace {
  struct tfdc_arena mem;
  int64_t *t_us[SIM_RATES];
  size_t n[SIM_RATES];
  double **v; /* [sensor] */
  uint64_t points;
};
/* t is zeroed, or holds a trace that is replaced. NOMEM. */
TFDC_MUST_USE tfdc_rc sim_trace_make(const struct sim_fab *f, const struct sim_run *r, const struct sim_effect *e,
                                     struct sim_trace *t);
void sim_trace_deinit(struct sim_trace *t);

#endif
