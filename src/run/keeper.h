/* SPDX-License-Identifier: Apache-2.0
 * Housekeeping of a store, on one loop: the sweep that publishes closed runs without a verdict again (DESIGN 6.9), the
 * retention (DESIGN 7), and the gauges of store and queue. One process of a system keeps house. */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include "base/log.h"
#include "port/metrics.h"
#include "port/port.h"

struct keeper_options {
  tfdc_dur sweep_every;
  tfdc_dur sweep_age;       /* of a close without a verdict before it is published again */
  tfdc_dur republish_every; /* the same run at most once in this time */
  tfdc_dur retention_every;
  tfdc_dur tchart, uchart; /* how long they are kept */
  tfdc_dur stats_every;
  uint32_t batch;            /* rows of one retention request */
  uint64_t free_floor_bytes; /* of the store's disk; 0 = none */
};
void keeper_options_default(struct keeper_options *o);

struct keeper_ports {
  struct port *store, *publish, *workqueue; /* workqueue NULL: no queue gauges */
  struct port_metrics *metrics;             /* or NULL */
  struct tfdc_log *log;                     /* or NULL */
  struct port_loop *loop;
};

struct keeper;
TFDC_MUST_USE tfdc_rc keeper_create(const struct keeper_options *options, const struct keeper_ports *ports,
                                    struct keeper **ret, struct tfdc_error *err);
void keeper_start(struct keeper *k); /* any thread */
/* Finishes the request under way and posts `stopped`. Any thread. */
void keeper_stop(struct keeper *k, struct port_loop *loop, struct port_task *stopped);
/* After stopped, or in a simulation after the loop died. NULL ok. */
void keeper_destroy(struct keeper *k);

/* What the last look at the store said; any thread. */
bool keeper_store_answers(const struct keeper *k);
bool keeper_below_floor(const struct keeper *k);

#endif
