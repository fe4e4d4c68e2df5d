/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_COLLECTOR_PRIV_H
#define RUN_COLLECTOR_PRIV_H

#include "base/map.h"
#include "core/chunk.h"
#include "port/queue.h"
#include "port/store.h"
#include "run/collector.h"

#include <pthread.h>
#include <stdatomic.h>

/* One chamber shard. Everything but the atomics is owned by its loop. */
struct shard {
  struct collector *collector;
  struct port_loop *loop;
  struct ingest *machine;
  struct port_timer timer;
  tfdc_mono armed;
  bool draining, drained_told;
  size_t under_way;          /* ticketed actions */
  struct adoption *adoption; /* during the start */
  /* any thread */
  atomic_size_t held; /* ingest_bytes, as of the last step */
  atomic_size_t open; /* runs */
  atomic_uint inbox;  /* messages on their way */
};

/* A hub's stream. Owned by the collector under its lock. */
struct stream {
  uint64_t id;
  bool hello, historical, paused;
  struct tfdc_map runs; /* handle -> shard */
  struct tfdc_map open; /* the same, of run starts without an end acked */
};

struct collector {
  struct hub_sink sink; /* first */
  struct collector_options options;
  struct port *store, *publish;
  struct port_metrics *metrics;
  struct tfdc_log *log;
  struct hub_server *server;
  struct shard *shards;
  size_t n_shards;
  atomic_size_t on_the_way; /* bytes of blocks in inboxes */
  atomic_bool paused;
  atomic_int trouble;           /* tfdc_rc of the last write */
  atomic_int_least64_t told_us; /* monotonic: when the log was last told of trouble, 0 = it knows of none */
  pthread_mutex_t lock;
  /* lock */
  struct tfdc_map streams;
  struct chunk_encoder **encoders; /* idle ones, for chunk encoding */
  size_t n_encoders, encoders_cap;
  /* start and drain */
  atomic_size_t starting;
  atomic_size_t draining;
  atomic_bool refused; /* the disk took not all */
  struct port_loop *told_loop;
  struct port_task *started, *drained;
  struct port_loop *drain_loop;
};

/* collector_shard.c */
void shard_step(struct shard *s, struct ingest_event *e); /* stamps the time, steps, carries out the actions */
void shard_start(struct shard *s);
void shard_deinit(struct shard *s); /* when its loop has died */
struct shard *collector_shard_of(struct collector *c, struct model_key key);
void collector_count(struct collector *c, const struct ingest_action *a);
/* collector.c */
void collector_replied(struct collector *c, uint64_t stream, const struct model_hub_reply *r);
void collector_relieved(struct collector *c); /* memory may have become free */
void collector_end_streams(struct collector *c);
struct chunk_encoder *collector_take_encoder(struct collector *c);
void collector_give_encoder(struct collector *c, struct chunk_encoder *w);

#endif
