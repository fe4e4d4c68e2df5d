/* SPDX-License-Identifier: Apache-2.0
 * The report of a period as one self-contained HTML page: counts, alarms, U-charts with their limits, traces of alarmed
 * runs over good ones. It is built in memory (bounded) from the API. One thread. */
#ifndef APP_REPORT_REPORT_H
#define APP_REPORT_REPORT_H

#include "app/client.h"
#include "app/filter.h"

enum { REPORT_ALARMS_MAX = 300 }; /* rows of the table of alarms */
struct report_options {
  struct filter filter; /* tool, chamber, recipe, from, to */
  const char *title;    /* NULL = "tFDC report" */
  size_t alarms_most;   /* alarms shown with charts and traces, <= REPORT_ALARMS_MAX */
  size_t others_most;   /* charts without an alarm */
  size_t bytes_most;    /* of the page: past it alarms are listed only */
  int64_t now_us;
};
#define REPORT_OPTIONS_DEFAULT                                                                                         \
  { .alarms_most = 40, .others_most = 12, .bytes_most = 4500000 }

struct report_summary {
  size_t runs, ok, warn, ooc, action, not_judged, waiting;
  size_t chambers, alarms, alarms_open;
  size_t charts, traces; /* drawn */
  size_t alarms_without_charts;
  size_t bytes;
};
/* Adds the page to `page`, which the caller releases. Errors of the client, NOMEM, LIMIT. */
TFDC_MUST_USE tfdc_rc report_build(struct client *c, const struct report_options *o, struct tfdc_buf *page,
                                   struct report_summary *ret, struct tfdc_error *err);

#endif
