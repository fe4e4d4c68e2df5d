/* SPDX-License-Identifier: Apache-2.0
 * Sends the runs of a fab to a collector: one hub for each tool. */
#ifndef APP_SIM_FEED_H
#define APP_SIM_FEED_H

#include "app/sim/fault.h"

struct sim_feed_options {
  const char *hub; /* the collector's ingest address */
  const char *tls_ca, *tls_cert, *tls_key;
  int64_t from, to;  /* numbers of the runs of each chamber: from <= number < to */
  double speed;      /* tool seconds in a second; 0 = as fast as it goes. 1: the first run begins now; else the runs
                        are historical, ordered by the tool's time */
  int64_t threads;   /* when as fast as it goes */
  double patience_s; /* with a collector that does not answer */
};
struct sim_feed_result {
  uint64_t runs, points, rejects;
  uint64_t digest; /* of all that was sent, whatever the order */
  double seconds;  /* from the first connection until all was acked */
  bool stopped;    /* by SIGINT or SIGTERM; what was open was sent as aborted */
};
/* UNAVAILABLE, NOMEM, and what the collector refuses. */
TFDC_MUST_USE tfdc_rc sim_feed(struct sim_fab *f, const struct sim_faults *faults, const struct sim_feed_options *o,
                               struct sim_feed_result *ret, struct tfdc_error *err);

#endif
