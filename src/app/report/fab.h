/* SPDX-License-Identifier: Apache-2.0
 * What a report is about: the runs of a period in short, by chamber, and the alarms. Read once over the API; memory is
 * bounded by RUNS_MAX and ALARMS_MAX. One thread. */
#ifndef APP_REPORT_FAB_H
#define APP_REPORT_FAB_H

#include "app/client.h"
#include "app/filter.h"
#include "base/arena.h"
#include "base/map.h"
#include "model/records.h"

enum { FAB_RUNS_MAX = 20000, FAB_ALARMS_MAX = 1000 };
enum { FAB_WAITING = MODEL_NOT_JUDGED + 1, FAB_VERDICTS }; /* closed or open, without a verdict so far */

struct fab_run {
  char id[33];
  uint8_t verdict;                                   /* enum model_verdict or FAB_WAITING */
  uint8_t reason;                                    /* enum model_reason */
  const char *tool, *chamber, *recipe, *lot, *wafer; /* equal texts are one pointer */
  int64_t order_us;
};
struct fab_chamber {
  const char *tool, *chamber;
  const struct fab_run *runs; /* in run order */
  size_t n;
  size_t counts[FAB_VERDICTS];
  size_t alarms, open; /* that opened in the period; of these still open */
};
struct fab {
  struct tfdc_arena mem;
  struct tfdc_map texts;
  struct fab_run *runs; /* by chamber, then in run order */
  size_t n_runs, cap;
  struct fab_chamber *chambers; /* those with open alarms first, then with alarms, then by name */
  size_t n_chambers;
  size_t counts[FAB_VERDICTS];
  int64_t first_us, last_us; /* order times; MODEL_NO_TIME without runs */
  json_t **alarms;           /* owned references; what matters most first */
  size_t n_alarms, cap_alarms, n_open;
  bool runs_cut, alarms_cut; /* there are more; the newest are here */
};
/* ret is zero-initialised by the caller and released with fab_deinit, also after a failure. Errors of the client. */
TFDC_MUST_USE tfdc_rc fab_load(struct client *c, const struct filter *f, struct fab *ret, struct tfdc_error *err);
void fab_deinit(struct fab *fab);
const char *fab_verdict_name(size_t verdict); /* "OK" .. "NOT_JUDGED", "waiting" */
/* The chamber, or NULL. */
const struct fab_chamber *fab_find(const struct fab *fab, const char *tool, const char *chamber);

#endif
