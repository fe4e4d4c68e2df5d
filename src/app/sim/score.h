/* SPDX-License-Identifier: Apache-2.0
 * Compares what a running system found with the truth about a simulated fab. */
#ifndef APP_SIM_SCORE_H
#define APP_SIM_SCORE_H

#include "app/client.h"

/* A fault is found when one of its runs alarms. A run alarms when a chart of it that may alarm is OOC, ACTION or
 * NOT_JUDGED(MISSING_STEP) and an alarm of its chamber covers it; for a lost step MISSING_STEP alone counts. */
struct sim_score_options {
  const char *truth;      /* file */
  double max_false_share; /* of the normal judged runs: above it the score is "failed" */
  double wait_s;          /* for runs that are not judged yet */
};
/* *ret_json = the score, the caller's: {"v":1, "passed":bool, "faults":[...], "found":n, "planted":n,
 * "false_alarms":n, "normal_judged":n, "latency_ms":{"p50","p95","p99"}, "bytes_per_point", "points_per_second", ...}.
 * CONTENT errors of the truth file, those of the API, TIMEOUT: runs are not judged. */
TFDC_MUST_USE tfdc_rc sim_score(struct client *c, const struct sim_score_options *o, json_t **ret_json,
                                struct tfdc_error *err);
/* For people. IO. */
TFDC_MUST_USE tfdc_rc sim_score_print(FILE *out, const json_t *score, struct tfdc_error *err);

#endif
