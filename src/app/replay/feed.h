/* SPDX-License-Identifier: Apache-2.0
 * The sink of a replay: one historical hub stream to a collector. A run that the collector refuses is counted and the
 * next ones go on. Blocking; one thread. */
#ifndef APP_REPLAY_FEED_H
#define APP_REPLAY_FEED_H

#include "app/replay/assemble.h"
#include "port/clock.h"

struct feed_options {
  const char *address; /* host:port of the collector */
  const char *tls_ca, *tls_cert, *tls_key;
};
struct feed_counts {
  uint64_t runs;          /* whose end is durable */
  uint64_t rejects;       /* messages that the collector rejected */
  uint64_t refused_runs;  /* runs that it did not take at all */
  char first_reject[300]; /* "run W12: TIME_BACKWARDS: ..." */
};

struct feed;
/* plan is finished. All must outlive it. IO, NOMEM, CONFIG_VALUE. */
TFDC_MUST_USE tfdc_rc feed_create(const struct feed_options *o, struct port_clock *clock, const struct plan *plan,
                                  struct feed **ret, struct tfdc_error *err);
const struct assemble_sink *feed_sink(struct feed *f);
/* Waits until every run that ended is durable and handed on. */
TFDC_MUST_USE tfdc_rc feed_finish(struct feed *f, struct tfdc_error *err);
void feed_counts(const struct feed *f, struct feed_counts *ret);
void feed_destroy(struct feed *f); /* NULL ok */

#endif
