/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUN_DEFENDER_PRIV_H
#define RUN_DEFENDER_PRIV_H

#include "base/map.h"
#include "port/alarm.h"
#include "port/kv.h"
#include "port/queue.h"
#include "port/store.h"
#include "run/defender.h"

#include <pthread.h>
#include <stdatomic.h>

#define DEFENDER_CLAIM_BUCKET    "stable-ids"
#define DEFENDER_ATTEMPTS_BUCKET "defender-attempts"

/* A request of a job; what it returned lives until the job is forgotten. */
struct job_req {
  struct job_req *next;
  struct djob *job;
  union {
    struct port_req base;
    struct store_req store;
    struct kv_req kv;
    struct workqueue_req queue;
    struct alarm_req alarm;
  } u;
  size_t pick; /* HISTORY */
};

/* The driver's side of one job of a judge machine. Owned by its shard's loop. */
struct djob {
  struct dshard *shard;
  uint64_t id;
  uint64_t token;
  struct job_req *reqs, *mark; /* the newest first; mark: the newest before the action under way */
  bool failed;                 /* the action under way did: it is tried again */
  struct tfdc_arena mem;
  size_t waiting; /* requests of the action under way */
  tfdc_rc rc;     /* the first failure among them */
  const struct model_completion *completion;
  const struct model_context *context;
  /* LOAD */
  struct job_req *context_req, *verdict_req, *chamber_req, *attempts_req;
  /* TRACE */
  struct model_chunk *chunks;
  size_t n_chunks, cap_chunks, bytes;
  /* HISTORY */
  struct judge_history *history;
  const struct verdict_pick *picks;
  size_t n_picks;
  struct job_req *old_req;
  /* ALARM */
  const struct model_alarm *alarm;
  /* COMPUTE */
  struct port_work work;
  struct port_task gate_task, later;
  struct djob *gate_next;
  const struct verdict_input *input;
  struct verdict_output output;
  bool alone, in_gate;     /* in_gate: from its note until it is over */
  struct tfdc_id128 noted; /* whose attempt; the machine's job is gone when this one is forgotten */
  uint32_t attempts;
};

struct dshard {
  struct defender *defender;
  struct port_loop *loop;
  struct judge *machine;
  struct port_timer timer;
  tfdc_mono armed;
  struct tfdc_map jobs;
  bool stopping, stopped;
  atomic_size_t load;
};

struct defender {
  struct defender_options options;
  char consumer[129], name[65];
  struct port *store, *workqueue, *alarm, *kv;
  struct port_metrics *metrics;
  struct tfdc_log *log;
  struct dshard *shards;
  size_t n_shards;
  atomic_size_t on_the_way; /* messages pulled, not yet at their shard */
  atomic_int trouble;       /* tfdc_rc of what failed last and is tried again */
  /* owned by the first loop */
  struct port_loop *loop;
  struct workqueue_req pull, consumer_req;
  struct store_req defs;
  struct kv_req watch, claim;
  struct port_timer retry;
  struct port_task again, start_task, stop_task;
  uint64_t watch_handle;
  bool pulling, pull_wanted, stopping, fenced, creating, consumer_there, catalog_there, started_told, watching,
      reload_wanted, loading;
  size_t to_stop;
  tfdc_mono stop_began;
  struct port_loop *told_loop;
  struct port_task *started, *stopped;
  /* lock: the gate of the pool */
  pthread_mutex_t lock;
  size_t computing;
  bool alone;
  struct djob *gate_head, *gate_tail;
};

/* defender.c */
void defender_room(struct defender *d); /* a message is over: pull more; any thread */
void defender_shard_stopped(struct defender *d);
/* defender_shard.c */
void dshard_step(struct dshard *s, struct judge_event *e);
struct dshard *defender_shard_of(struct defender *d, struct model_key key);
void dshard_free_jobs(struct dshard *s);
/* defender_job.c: carries out one action */
void djob_perform(struct dshard *s, const struct judge_action *a);
void djob_free(struct djob *job);

#endif
