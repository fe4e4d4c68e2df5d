/* SPDX-License-Identifier: Apache-2.0
 * The defender: pulls completions, gives each to the judge machine (core/judge.h) of its chamber's shard and carries
 * out what the machine decides. Static mode: one defender takes all chambers. */
#ifndef RUN_DEFENDER_H
#define RUN_DEFENDER_H

#include "base/log.h"
#include "core/judge.h"
#include "port/metrics.h"
#include "port/port.h"

/* Bucket whose changes say that there are new definitions in the store. */
#define DEFENDER_CONFIG_BUCKET "fdc-config"

struct defender_options {
  struct judge_options judge;
  const char *consumer; /* name of its consumer, never used before; copied */
  tfdc_dur ack_wait;
  uint32_t look_ahead; /* messages taken and not over, at most: twice the free workers */
};
void defender_options_default(struct defender_options *o);

struct defender_ports {
  struct port *store, *workqueue, *alarm;
  struct port *kv;                /* bucket fdc-config is watched, attempts are noted; */
  struct port_metrics *metrics;   /* or NULL */
  struct tfdc_log *log;           /* or NULL */
  struct port_loop *const *loops; /* one shard each; the first also pulls; borrowed */
  size_t n_loops;
};

struct defender;
TFDC_MUST_USE tfdc_rc defender_create(const struct defender_options *options, const struct defender_ports *ports,
                                      struct defender **ret, struct tfdc_error *err);
/* Reads the definitions, creates the consumer, begins to pull; posts `started` when it does. Any thread. */
void defender_start(struct defender *d, struct port_loop *loop, struct port_task *started);
/* Stops pulling, finishes what was begun, deletes the consumer; then posts `stopped`. What was only taken is dropped.
 */
void defender_stop(struct defender *d, struct port_loop *loop, struct port_task *stopped);
size_t defender_load(const struct defender *d); /* messages taken and not over; any thread */
/* Why it reads no definitions or gets no messages; OK: it does. Any thread. */
tfdc_rc defender_trouble(const struct defender *d);
/* When no request is in flight, or in a simulation after the loops died. */
void defender_destroy(struct defender *d);

#endif
