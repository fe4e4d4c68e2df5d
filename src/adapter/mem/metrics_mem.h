/* SPDX-License-Identifier: Apache-2.0
 * Metrics in memory and their text for Prometheus (exposition format 0.0.4). Any thread. A label set is allocated under
 * a lock when it is first used; afterwards add, set and observe only touch atomics. */
#ifndef ADAPTER_MEM_METRICS_MEM_H
#define ADAPTER_MEM_METRICS_MEM_H

#include "base/cursor.h"
#include "model/metric_list.h"
#include "port/metrics.h"

enum { METRICS_MAX_SETS = 10000 }; /* label sets of one metric */

struct metrics_mem;

/* NULL when memory is out. */
struct metrics_mem *metrics_mem_create(void);
/* When no other thread uses it any more. NULL is fine. */
void metrics_mem_destroy(struct metrics_mem *m);
struct port_metrics *metrics_mem_port(struct metrics_mem *m);

/* The value of a counter or gauge, or the number of observations of a histogram; 0 for a label set that was never used.
 * Labels as in port/metrics.h. */
double metrics_mem_value(struct metrics_mem *m, int metric, const char *const labels[3]);
/* Appends HELP, TYPE and samples of all metrics that have any; metrics without labels always have one. The errors of
 * the buffer: NOMEM, LIMIT. */
TFDC_MUST_USE tfdc_rc metrics_mem_write(struct metrics_mem *m, struct tfdc_buf *out);

#endif
