/* SPDX-License-Identifier: Apache-2.0
 * The truth about a simulated fab as JSON: every run, and every fault with its runs. Only the scorer opens it.
 *
 * {"v":1, "seed":1, "learn_runs":25, "size":[6,15],
 *  "runs": [{"tool","chamber","run_id","recipe","learning":true|false}, ...],
 *  "faults": [{"kind":"offset","tool","chamber","recipe","step","sensor","unit","statistic":"mean","size":7.2,
 *              "normal_mean","normal_sd","amount","runs":["R1-000053", ...]}, ...]} */
#ifndef APP_SIM_TRUTH_H
#define APP_SIM_TRUTH_H

#include "app/sim/fault.h"

/* Writes the file anew. IO, NOMEM. */
TFDC_MUST_USE tfdc_rc sim_truth_write(const char *path, const struct sim_fab *f, const struct sim_faults *faults,
                                      struct tfdc_error *err);

#endif
