/* SPDX-License-Identifier: Apache-2.0
 * One request at a time: of the chores that are due, the one that waited longest. */
#include "run/keeper.h"

#include "base/map.h"
#include "model/metric_list.h"
#include "port/queue.h"
#include "port/store.h"
#include "run/completion.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, REMEMBERED = 100000 };

enum chore { SWEEP, RETENTION, STATS, N_CHORES };

struct keeper {
  struct keeper_options options;
  struct keeper_ports ports;
  struct port_task start_task, stop_task;
  struct port_timer timer;
  tfdc_mono due[N_CHORES];
  bool busy, stopping, stopped_told;
  struct port_loop *told_loop;
  struct port_task *stopped;
  struct store_req store;
  struct workqueue_req queue;
  struct publish_req publish;
  struct tfdc_arena publish_mem;
  /* sweep */
  size_t row; /* of the page in `store` */
  uint64_t unjudged, republished;
  struct tfdc_map told; /* context_id -> when it was published again, as an address-sized number of seconds */
  atomic_bool answers, below_floor;
};

void keeper_options_default(struct keeper_options *o) {
  *o = (struct keeper_options){
      .sweep_every = tfdc_seconds(60),
      .sweep_age = tfdc_seconds(120),
      .republish_every = tfdc_seconds(600),
      .retention_every = tfdc_seconds(60),
      .tchart = tfdc_seconds(INT64_C(3) * 86400),
      .uchart = tfdc_seconds(INT64_C(365) * 86400),
      .stats_every = tfdc_seconds(5),
      .batch = 1000,
  };
}

tfdc_rc keeper_create(const struct keeper_options *options, const struct keeper_ports *ports, struct keeper **ret,
                      struct tfdc_error *err) {
  struct keeper *k = calloc(1, sizeof *k);
  if (k == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "keeper");
  k->options = *options;
  k->ports = *ports;
  atomic_store(&k->answers, true);
  *ret = k;
  return TFDC_OK;
}

void keeper_destroy(struct keeper *k) {
  if (k == NULL) return;
  port_req_deinit(&k->store.base);
  port_req_deinit(&k->queue.base);
  port_req_deinit(&k->publish.base);
  tfdc_arena_deinit(&k->publish_mem);
  tfdc_map_deinit(&k->told);
  free(k);
}

bool keeper_store_answers(const struct keeper *k) { return atomic_load(&k->answers); }
bool keeper_below_floor(const struct keeper *k) { return atomic_load(&k->below_floor); }

/* ---- the round ---- */

static void next(struct keeper *k);

static tfdc_mono now(const struct keeper *k) { return port_mono(k->ports.loop->clock); }

static void chore_over(struct keeper *k, enum chore chore, tfdc_dur every) {
  k->busy = false;
  k->due[chore] = tfdc_mono_add(now(k), every);
  next(k);
}

static void complain(struct keeper *k, const char *what, const struct port_req *r) {
  struct tfdc_error err = r->err;
  err.code = r->rc;
  tfdc_log_write(k->ports.log, TFDC_LOG_WARN, "keeper", what, LOG_FAIL(&err));
}

static bool submit(struct keeper *k, struct port *to, struct port_req *r, void (*done)(struct port_req *)) {
  return port_submit(to, r, k->ports.loop, done, k) == TFDC_OK;
}

/* ---- sweep ---- */

static void sweep_over(struct keeper *k) {
  metrics_set(k->ports.metrics, MODEL_METRIC_CLOSED_UNJUDGED, NULL, (double)k->unjudged);
  if (k->republished > 0)
    tfdc_log_write(k->ports.log, TFDC_LOG_WARN, "keeper", "closed runs had no verdict and were published again",
                   LOG_U64("runs", k->republished), LOG_U64("unjudged", k->unjudged));
  chore_over(k, SWEEP, k->options.sweep_every);
}

static void ask_unjudged(struct keeper *k, const char *cursor);

static uintptr_t seconds_of(const struct keeper *k) { return (uintptr_t)(now(k).us / TFDC_US_PER_S) + 1; }

static bool told_lately(struct keeper *k, struct tfdc_id128 id) {
  uintptr_t then = (uintptr_t)tfdc_map_get(&k->told, id);
  return then != 0 && seconds_of(k) - then < (uintptr_t)(k->options.republish_every.us / TFDC_US_PER_S);
}

static void remember(struct keeper *k, struct tfdc_id128 id) {
  if (k->told.n >= REMEMBERED) tfdc_map_deinit(&k->told);
  tfdc_rc rc = tfdc_map_put(&k->told, id, (void *)seconds_of(k));
  (void)rc; /* no memory: it is published once more, which does no harm */
}

static void sweep_rows(struct keeper *k);

static void on_republished(struct port_req *r) {
  struct keeper *k = r->user;
  if (r->rc == TFDC_OK) {
    remember(k, k->store.contexts[k->row].context_id);
    k->republished++;
    metrics_add(k->ports.metrics, MODEL_METRIC_SWEEP_REPUBLISHED, NULL, 1);
    metrics_add(k->ports.metrics, MODEL_METRIC_COMPLETIONS, "sweep", 1);
  } else {
    complain(k, "a closed run without a verdict cannot be published", r);
  }
  k->row++;
  if (r->rc == TFDC_OK && !k->stopping)
    sweep_rows(k);
  else
    sweep_over(k);
}

/* Publishes the row and says true, or false when there was nothing to do. */
static bool republish(struct keeper *k, const struct model_context *c) {
  if (c->state != MODEL_CONTEXT_CLOSED || told_lately(k, c->context_id)) return false;
  struct model_completion m = model_completion_of(c, 1);
  char suffix[32];
  (void)snprintf(suffix, sizeof suffix, ".%" PRId64,
                 port_wall(k->ports.loop->clock).us / k->options.republish_every.us);
  port_req_deinit(&k->publish.base);
  tfdc_arena_reset(&k->publish_mem);
  return completion_request(&m, suffix, &k->publish_mem, &k->publish) == TFDC_OK &&
         submit(k, k->ports.publish, &k->publish.base, on_republished);
}

static void sweep_rows(struct keeper *k) {
  for (; k->row < k->store.n; k->row++)
    if (republish(k, &k->store.contexts[k->row])) return;
  if (k->store.ret_cursor == NULL) {
    sweep_over(k);
    return;
  }
  tfdc_arena_reset(&k->publish_mem);
  const char *cursor = tfdc_arena_strdup(&k->publish_mem, k->store.ret_cursor);
  if (cursor != NULL)
    ask_unjudged(k, cursor);
  else
    sweep_over(k);
}

static void on_unjudged(struct port_req *r) {
  struct keeper *k = r->user;
  if (r->rc != TFDC_OK) {
    complain(k, "the sweep cannot read the store", r);
    sweep_over(k);
    return;
  }
  k->unjudged += k->store.n;
  k->row = 0;
  sweep_rows(k);
}

/* cursor NULL or in publish_mem */
static void ask_unjudged(struct keeper *k, const char *cursor) {
  port_req_deinit(&k->store.base);
  store_req_init(&k->store, STORE_UNJUDGED_LIST);
  k->store.before_us = port_wall(k->ports.loop->clock).us - k->options.sweep_age.us;
  k->store.page.limit = PAGE;
  k->store.page.cursor = cursor;
  if (!submit(k, k->ports.store, &k->store.base, on_unjudged)) sweep_over(k);
}

static void sweep(struct keeper *k) {
  k->unjudged = k->republished = 0;
  ask_unjudged(k, NULL);
}

/* ---- retention ---- */

static void on_retained(struct port_req *r) {
  struct keeper *k = r->user;
  if (r->rc != TFDC_OK) {
    complain(k, "old rows cannot be deleted", r);
    chore_over(k, RETENTION, k->options.retention_every);
    return;
  }
  metrics_add(k->ports.metrics, MODEL_METRIC_RETENTION_DELETED, "all", (double)k->store.count);
  bool more = k->store.count >= k->options.batch; /* a full batch: there is probably more; others go first */
  chore_over(k, RETENTION, more ? (tfdc_dur){0} : k->options.retention_every);
}

static void retain(struct keeper *k) {
  port_req_deinit(&k->store.base);
  store_req_init(&k->store, STORE_RETENTION);
  k->store.now_us = port_wall(k->ports.loop->clock).us;
  k->store.tchart_us = k->options.tchart.us;
  k->store.uchart_us = k->options.uchart.us;
  k->store.page.limit = k->options.batch;
  if (!submit(k, k->ports.store, &k->store.base, on_retained)) chore_over(k, RETENTION, k->options.retention_every);
}

/* ---- gauges ---- */

static void note_floor(struct keeper *k, uint64_t free_bytes) {
  bool below = store_below_floor(atomic_load(&k->below_floor), free_bytes, k->options.free_floor_bytes);
  metrics_set(k->ports.metrics, MODEL_METRIC_INGEST_PAUSED, "disk_floor", below ? 1 : 0);
  if (atomic_exchange(&k->below_floor, below) == below) return;
  if (below)
    tfdc_log_write(k->ports.log, TFDC_LOG_ERROR, "keeper",
                   "free disk is below store.free_floor_mb: ingest waits, hubs keep what is not acked; free space",
                   LOG_U64("free_bytes", free_bytes), LOG_U64("floor_bytes", k->options.free_floor_bytes));
  else
    tfdc_log_write(k->ports.log, TFDC_LOG_INFO, "keeper", "free disk is above the floor again: ingest goes on",
                   LOG_U64("free_bytes", free_bytes));
}

static void on_queue_info(struct port_req *r) {
  struct keeper *k = r->user;
  if (r->rc == TFDC_OK) {
    metrics_set(k->ports.metrics, MODEL_METRIC_JUDGE_QUEUE, NULL, (double)k->queue.pending);
    metrics_set(k->ports.metrics, MODEL_METRIC_QUEUE_MESSAGES, "dc-notifications",
                (double)(k->queue.pending + k->queue.in_flight));
    metrics_set(k->ports.metrics, MODEL_METRIC_QUEUE_MESSAGES, "dc-dlq", (double)k->queue.dead);
  }
  chore_over(k, STATS, k->options.stats_every);
}

static void ask_queue(struct keeper *k) {
  port_req_deinit(&k->queue.base);
  workqueue_req_init(&k->queue, WORKQUEUE_INFO);
  if (k->ports.workqueue == NULL || !submit(k, k->ports.workqueue, &k->queue.base, on_queue_info))
    chore_over(k, STATS, k->options.stats_every);
}

static void on_stats(struct port_req *r) {
  struct keeper *k = r->user;
  bool answers = r->rc == TFDC_OK || tfdc_rc_class(r->rc) == TFDC_CLASS_BUSY;
  if (atomic_exchange(&k->answers, answers) && !answers) complain(k, "the store does not answer", r);
  if (r->rc == TFDC_OK) {
    metrics_set(k->ports.metrics, MODEL_METRIC_STORE_BYTES, NULL, (double)k->store.stats.used_bytes);
    if (k->store.stats.free_bytes != UINT64_MAX)
      metrics_set(k->ports.metrics, MODEL_METRIC_STORE_FREE, NULL, (double)k->store.stats.free_bytes);
    metrics_set(k->ports.metrics, MODEL_METRIC_ALARMS_OPEN, NULL, (double)k->store.stats.alarms_open);
    /* static mode: the one defender judges every chamber */
    metrics_set(k->ports.metrics, MODEL_METRIC_DEFENDER_ASSIGNED, NULL, (double)k->store.stats.chambers);
    note_floor(k, k->store.stats.free_bytes);
  }
  ask_queue(k);
}

static void look(struct keeper *k) {
  port_req_deinit(&k->store.base);
  store_req_init(&k->store, STORE_STATS);
  if (!submit(k, k->ports.store, &k->store.base, on_stats)) chore_over(k, STATS, k->options.stats_every);
}

/* ---- life ---- */

static void on_timer(struct port_timer *t) { next((struct keeper *)((char *)t - offsetof(struct keeper, timer))); }

static void next(struct keeper *k) {
  static void (*const chores[N_CHORES])(struct keeper *) = {sweep, retain, look};
  if (k->busy) return;
  if (k->stopping) {
    if (k->stopped_told) return;
    k->stopped_told = true;
    port_forget(k->ports.loop, &k->timer);
    port_post(k->told_loop, k->stopped);
    return;
  }
  int first = 0;
  for (int i = 1; i < N_CHORES; i++)
    if (k->due[i].us < k->due[first].us) first = i;
  if (k->due[first].us > now(k).us) {
    port_arm(k->ports.loop, &k->timer, k->due[first]);
    return;
  }
  k->busy = true;
  chores[first](k);
}

static void run_start(struct port_task *t) {
  struct keeper *k = (struct keeper *)((char *)t - offsetof(struct keeper, start_task));
  k->timer.fn = on_timer;
  tfdc_mono at = now(k);
  k->due[STATS] = at;
  k->due[RETENTION] = tfdc_mono_add(at, tfdc_seconds(1));
  k->due[SWEEP] = tfdc_mono_add(at, tfdc_seconds(2));
  next(k);
}

void keeper_start(struct keeper *k) {
  k->start_task.fn = run_start;
  port_post(k->ports.loop, &k->start_task);
}

static void run_stop(struct port_task *t) {
  struct keeper *k = (struct keeper *)((char *)t - offsetof(struct keeper, stop_task));
  k->stopping = true;
  next(k);
}

void keeper_stop(struct keeper *k, struct port_loop *loop, struct port_task *stopped) {
  k->told_loop = loop;
  k->stopped = stopped;
  k->stop_task.fn = run_stop;
  port_post(k->ports.loop, &k->stop_task);
}
