/* SPDX-License-Identifier: Apache-2.0
 * The collector: routes the messages of hubs to shards, each of which owns an ingest machine (core/ingest.h) on its own
 * loop, and carries out what the machines decide through the store and publish ports. */
#ifndef RUN_COLLECTOR_H
#define RUN_COLLECTOR_H

#include "base/log.h"
#include "core/ingest.h"
#include "port/hub.h"
#include "port/metrics.h"

struct collector_options {
  struct ingest_options ingest;
  size_t memory_bytes;    /* of blocks on their way and in open chunks, all shards; above: streams are not read */
  uint32_t max_open_runs; /* of one stream */
  uint32_t max_inbox;     /* messages on their way to one shard */
  uint32_t keep_s;        /* the hub's duty */
  uint64_t keep_bytes;
  uint64_t max_message_bytes, max_block_points; /* told to hubs */
};
void collector_options_default(struct collector_options *o);

struct collector_ports {
  struct port *store, *publish;
  struct port_metrics *metrics;   /* or NULL */
  struct tfdc_log *log;           /* or NULL */
  struct port_loop *const *loops; /* one shard each; borrowed */
  size_t n_loops;
};

struct collector;
TFDC_MUST_USE tfdc_rc collector_create(const struct collector_options *options, const struct collector_ports *ports,
                                       struct collector **ret, struct tfdc_error *err);
/* What the hub server gives its messages to. */
struct hub_sink *collector_sink(struct collector *c);
/* Where replies go, to be set before any stream is read: what a server's create function takes, since it may give
 * messages before it returns. */
struct hub_server **collector_server(struct collector *c);
/* Publishes what is closed and unpublished, adopts open runs; posts `started` to loop when every row was seen. Any
 * thread. */
void collector_start(struct collector *c, struct port_loop *loop, struct port_task *started);
/* Commits everything in memory; posts `drained` to loop then. Streams may still be read: their blocks are committed at
 * once. */
void collector_drain(struct collector *c, struct port_loop *loop, struct port_task *drained);
size_t collector_memory(const struct collector *c); /* bytes held now; any thread */
size_t collector_inbox(const struct collector *c);  /* messages on their way to their shard; any thread */
size_t collector_open_runs(const struct collector *c);
bool collector_is_paused(const struct collector *c);
/* Why the store or the queue did not take the last thing that they were given; OK: they took it. Any thread. */
tfdc_rc collector_trouble(const struct collector *c);
/* When no request is in flight and no loop runs any more (after drain and stopping the loops), or in a simulation after
 * the loops died. */
void collector_destroy(struct collector *c);

#endif
