/* SPDX-License-Identifier: Apache-2.0
 * Pulling, definitions, start and stop of the defender. Everything here but the gate runs on the first loop. */
#include "run/defender_priv.h"

#include "model/codec.h"
#include "model/metric_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PULL_EXPIRES_S = 5, RETRY_MS = 200 };

void defender_options_default(struct defender_options *o) {
  *o = (struct defender_options){.consumer = "defender-0", .ack_wait = tfdc_seconds(30), .look_ahead = 10};
  judge_options_default(&o->judge);
  o->judge.progress = tfdc_seconds(10);
}

tfdc_rc defender_create(const struct defender_options *options, const struct defender_ports *ports,
                        struct defender **ret, struct tfdc_error *err) {
  struct defender *d = calloc(1, sizeof *d);
  if (d == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "defender");
  (void)pthread_mutex_init(&d->lock, NULL);
  d->options = *options;
  (void)snprintf(d->name, sizeof d->name, "%s", options->judge.defender);
  d->options.judge.defender = d->name;
  (void)snprintf(d->consumer, sizeof d->consumer, "%s", options->consumer);
  d->store = ports->store;
  d->workqueue = ports->workqueue;
  d->alarm = ports->alarm;
  d->kv = ports->kv;
  d->metrics = ports->metrics;
  d->log = ports->log;
  d->loop = ports->loops[0];
  d->shards = calloc(ports->n_loops, sizeof *d->shards);
  tfdc_rc rc = d->shards == NULL ? TFDC_E_NOMEM : TFDC_OK;
  for (size_t i = 0; i < ports->n_loops && rc == TFDC_OK; i++) {
    rc = judge_create(&options->judge, &d->shards[i].machine);
    if (rc != TFDC_OK) break;
    d->shards[i].defender = d;
    d->shards[i].loop = ports->loops[i];
    d->shards[i].armed.us = TFDC_NEVER;
    d->n_shards++;
  }
  if (rc != TFDC_OK) {
    defender_destroy(d);
    return tfdc_fail(err, rc, "defender");
  }
  *ret = d;
  return TFDC_OK;
}

void defender_destroy(struct defender *d) {
  if (d == NULL) return;
  for (size_t i = 0; i < d->n_shards; i++) {
    judge_destroy(d->shards[i].machine);
    dshard_free_jobs(&d->shards[i]);
  }
  port_req_deinit(&d->pull.base);
  port_req_deinit(&d->consumer_req.base);
  port_req_deinit(&d->defs.base);
  port_req_deinit(&d->watch.base);
  port_req_deinit(&d->claim.base);
  free(d->shards);
  (void)pthread_mutex_destroy(&d->lock);
  free(d);
}

size_t defender_load(const struct defender *d) {
  size_t load = atomic_load(&d->on_the_way);
  for (size_t i = 0; i < d->n_shards; i++) load += atomic_load(&d->shards[i].load);
  return load;
}

tfdc_rc defender_trouble(const struct defender *d) { return (tfdc_rc)atomic_load(&d->trouble); }

/* ---- small things ---- */

static void next(struct defender *d);

static void on_retry(struct port_timer *t) { next((struct defender *)((char *)t - offsetof(struct defender, retry))); }

static void retry_later(struct defender *d) {
  d->retry.fn = on_retry;
  port_arm(d->loop, &d->retry, tfdc_mono_add(port_mono(d->loop->clock), tfdc_millis(RETRY_MS)));
}

/* Something failed. A stop waits for every answer, and this may be the last one. */
static void again_or_stop(struct defender *d, tfdc_rc rc) {
  atomic_store(&d->trouble, rc);
  if (d->stopping)
    next(d);
  else
    retry_later(d);
}

/* ---- definitions ---- */

struct catalog_note {
  struct port_task task;
  struct dshard *shard;
  struct catalog *catalog;
};

static void run_catalog(struct port_task *t) {
  struct catalog_note *n = (struct catalog_note *)t;
  struct judge_event e = {.kind = JUDGE_CATALOG, .catalog = n->catalog};
  dshard_step(n->shard, &e);
  catalog_unref(n->catalog);
  free(n);
}

static void hand_out(struct defender *d, struct catalog *c) {
  for (size_t i = 0; i < d->n_shards; i++) {
    struct catalog_note *n = malloc(sizeof *n);
    TFDC_ASSERT(n != NULL); /* a shard with old definitions would judge wrong */
    catalog_ref(c);
    *n = (struct catalog_note){{run_catalog, NULL}, &d->shards[i], c};
    port_post(d->shards[i].loop, &n->task);
  }
}

static void on_defs(struct port_req *r) {
  struct defender *d = r->user;
  d->loading = false;
  struct catalog *c = NULL;
  struct tfdc_error bad = {.code = TFDC_OK};
  tfdc_rc rc = r->rc;
  if (rc == TFDC_OK) rc = catalog_create(d->defs.defs, d->defs.n, &c, &bad);
  if (rc == TFDC_OK) {
    metrics_set(d->metrics, MODEL_METRIC_DEFINITIONS_UNREADABLE, NULL, (double)(d->defs.n - catalog_count(c)));
    if (bad.code != TFDC_OK)
      tfdc_log_write(d->log, TFDC_LOG_ERROR, "defender", "a definition cannot be read: it judges nothing",
                     LOG_FAIL(&bad));
    hand_out(d, c);
    catalog_unref(c);
    d->catalog_there = true;
  } else {
    d->reload_wanted = true;
  }
  if (rc != TFDC_OK)
    again_or_stop(d, rc);
  else
    next(d);
}

static void load_definitions(struct defender *d) {
  port_req_deinit(&d->defs.base);
  store_req_init(&d->defs, STORE_DEF_LIST);
  d->defs.def_kind = -1;
  d->defs.page.limit = 10000;
  d->reload_wanted = false;
  d->loading = port_submit(d->store, &d->defs.base, d->loop, on_defs, d) == TFDC_OK;
  if (d->loading) return;
  d->reload_wanted = true;
  retry_later(d);
}

static void watch_again(struct defender *d);

static void on_watch_event(struct port_req *r) {
  struct defender *d = r->user;
  if (r->rc != TFDC_OK) { /* the watch died: open a new one, and read what was missed */
    d->watching = false;
    d->watch_handle = 0;
    d->reload_wanted = true;
    again_or_stop(d, r->rc);
    return;
  }
  for (size_t i = 0; i < d->watch.n_entries; i++)
    if (d->watch.entries[i].event != KV_INITIAL_DONE) d->reload_wanted = true;
  d->watching = false;
  next(d);
}

static void on_watch_open(struct port_req *r) {
  struct defender *d = r->user;
  d->watching = false;
  if (r->rc != TFDC_OK) {
    again_or_stop(d, r->rc);
    return;
  }
  d->watch_handle = d->watch.watch;
  next(d);
}

static void watch_again(struct defender *d) {
  if (d->watching || d->stopping) return;
  uint64_t handle = d->watch_handle;
  port_req_deinit(&d->watch.base);
  kv_req_init(&d->watch, handle == 0 ? KV_WATCH_OPEN : KV_WATCH_NEXT);
  d->watch.bucket = DEFENDER_CONFIG_BUCKET;
  d->watch.key = "";
  d->watch.watch = handle;
  d->watching = port_submit(d->kv, &d->watch.base, d->loop, handle == 0 ? on_watch_open : on_watch_event, d) == TFDC_OK;
  if (!d->watching) retry_later(d);
}

/* ---- messages ---- */

struct delivery {
  struct port_task task;
  struct dshard *shard;
  uint64_t token;
  uint32_t deliveries;
  struct tfdc_arena mem;
  struct model_completion completion;
};

static void run_delivery(struct port_task *t) {
  struct delivery *v = (struct delivery *)t;
  struct judge_event e = {
      .kind = JUDGE_DELIVERED, .token = v->token, .deliveries = v->deliveries, .completion = &v->completion};
  dshard_step(v->shard, &e);
  atomic_fetch_sub(&v->shard->defender->on_the_way, 1);
  tfdc_arena_deinit(&v->mem);
  free(v);
}

static void on_bad_message(struct port_req *r) {
  port_req_deinit(r);
  free(r->user);
}

/* Nobody can judge what cannot be read: a dead letter at once, with the reason. */
static void put_aside(struct defender *d, const struct workqueue_msg *m, const struct tfdc_error *err) {
  struct workqueue_req *r = calloc(1, sizeof *r);
  if (r == NULL) return; /* it comes again */
  workqueue_req_init(r, WORKQUEUE_DEAD_LETTER);
  r->token = m->token;
  r->reason = tfdc_arena_strdup(&r->base.mem, err->msg);
  if (port_submit(d->workqueue, &r->base, d->loop, on_bad_message, r) != TFDC_OK) on_bad_message(&r->base);
  metrics_add(d->metrics, MODEL_METRIC_DEAD_LETTERS, tfdc_rc_name(err->code), 1);
}

static void give(struct defender *d, const struct workqueue_msg *m) {
  struct delivery *v = calloc(1, sizeof *v);
  if (v == NULL) return; /* it comes again */
  struct tfdc_error err = {0};
  tfdc_rc rc = model_completion_from_json(m->data, m->n, &v->mem, &v->completion, &err);
  if (rc != TFDC_OK) {
    if (rc != TFDC_E_NOMEM) put_aside(d, m, &err);
    tfdc_arena_deinit(&v->mem);
    free(v);
    return;
  }
  v->task.fn = run_delivery;
  v->shard = defender_shard_of(d, v->completion.key);
  v->token = m->token;
  v->deliveries = m->deliveries;
  atomic_fetch_add(&d->on_the_way, 1);
  port_post(v->shard->loop, &v->task);
}

static void on_pulled(struct port_req *r) {
  struct defender *d = r->user;
  d->pulling = false;
  if (r->rc != TFDC_OK) {
    if (r->rc == TFDC_E_NOT_FOUND) d->consumer_there = false;
    again_or_stop(d, r->rc);
    return;
  }
  atomic_store(&d->trouble, TFDC_OK);
  for (size_t i = 0; i < d->pull.n && !d->stopping; i++) give(d, &d->pull.msgs[i]);
  next(d);
}

static void pull(struct defender *d) {
  size_t load = defender_load(d);
  if (load >= d->options.look_ahead) return; /* defender_room comes back */
  port_req_deinit(&d->pull.base);
  workqueue_req_init(&d->pull, WORKQUEUE_PULL);
  d->pull.consumer = d->consumer;
  d->pull.max = d->options.look_ahead - (uint32_t)load;
  d->pull.expires_us = PULL_EXPIRES_S * TFDC_US_PER_S;
  d->pulling = port_submit(d->workqueue, &d->pull.base, d->loop, on_pulled, d) == TFDC_OK;
  if (!d->pulling) retry_later(d);
}

static void run_room(struct port_task *t) {
  struct defender *d = (struct defender *)((char *)t - offsetof(struct defender, again));
  pthread_mutex_lock(&d->lock);
  d->pull_wanted = false;
  pthread_mutex_unlock(&d->lock);
  next(d);
}

void defender_room(struct defender *d) {
  pthread_mutex_lock(&d->lock);
  bool first = !d->pull_wanted;
  d->pull_wanted = true;
  if (first) {
    d->again.fn = run_room;
    port_post(d->loop, &d->again);
  }
  pthread_mutex_unlock(&d->lock);
}

/* ---- the consumer: the one of a crashed predecessor is deleted before our own is made ---- */

static void creation_failed(struct defender *d, tfdc_rc rc) {
  d->creating = false;
  again_or_stop(d, rc);
}

static void on_created(struct port_req *r) {
  struct defender *d = r->user;
  if (r->rc != TFDC_OK && r->rc != TFDC_E_EXISTS) {
    d->fenced = false;
    creation_failed(d, r->rc);
    return;
  }
  d->creating = false;
  d->consumer_there = true;
  atomic_store(&d->trouble, TFDC_OK);
  next(d);
}

static void create_consumer(struct defender *d) {
  static const char *const everything[] = {">"};
  port_req_deinit(&d->consumer_req.base);
  workqueue_req_init(&d->consumer_req, WORKQUEUE_CREATE);
  d->consumer_req.consumer = d->consumer;
  d->consumer_req.filters = everything;
  d->consumer_req.n_filters = 1;
  d->consumer_req.ack_wait_us = d->options.ack_wait.us;
  tfdc_rc rc = port_submit(d->workqueue, &d->consumer_req.base, d->loop, on_created, d);
  if (rc != TFDC_OK) creation_failed(d, rc);
}

static void on_claimed(struct port_req *r) {
  struct defender *d = r->user;
  d->fenced = r->rc == TFDC_OK;
  if (d->fenced)
    create_consumer(d);
  else
    creation_failed(d, r->rc);
}

static void write_claim(struct defender *d) {
  port_req_deinit(&d->claim.base);
  kv_req_init(&d->claim, KV_PUT);
  d->claim.bucket = DEFENDER_CLAIM_BUCKET;
  d->claim.key = d->options.judge.defender;
  d->claim.value = d->consumer;
  d->claim.n = strlen(d->consumer);
  tfdc_rc rc = port_submit(d->kv, &d->claim.base, d->loop, on_claimed, d);
  if (rc != TFDC_OK) creation_failed(d, rc);
}

static void on_old_deleted(struct port_req *r) {
  struct defender *d = r->user;
  if (r->rc == TFDC_OK || r->rc == TFDC_E_NOT_FOUND)
    write_claim(d);
  else
    creation_failed(d, r->rc);
}

static void on_claim_read(struct port_req *r) {
  struct defender *d = r->user;
  const struct kv_entry *e = r->rc == TFDC_OK && d->claim.n_entries == 1 ? &d->claim.entries[0] : NULL;
  if (r->rc != TFDC_OK && r->rc != TFDC_E_NOT_FOUND) {
    creation_failed(d, r->rc);
    return;
  }
  if (e == NULL || e->n == 0 || (e->n == strlen(d->consumer) && memcmp(e->value, d->consumer, e->n) == 0)) {
    write_claim(d);
    return;
  }
  port_req_deinit(&d->consumer_req.base);
  workqueue_req_init(&d->consumer_req, WORKQUEUE_DELETE);
  d->consumer_req.consumer = tfdc_arena_strndup(&d->consumer_req.base.mem, e->value, e->n);
  tfdc_rc rc = d->consumer_req.consumer == NULL
                   ? TFDC_E_NOMEM
                   : port_submit(d->workqueue, &d->consumer_req.base, d->loop, on_old_deleted, d);
  if (rc != TFDC_OK) creation_failed(d, rc);
}

static void make_consumer(struct defender *d) {
  d->creating = true;
  if (d->fenced) {
    create_consumer(d);
    return;
  }
  port_req_deinit(&d->claim.base);
  kv_req_init(&d->claim, KV_GET);
  d->claim.bucket = DEFENDER_CLAIM_BUCKET;
  d->claim.key = d->options.judge.defender;
  tfdc_rc rc = port_submit(d->kv, &d->claim.base, d->loop, on_claim_read, d);
  if (rc != TFDC_OK) creation_failed(d, rc);
}

/* ---- start and stop ---- */

static void stop_over(struct defender *d) {
  tfdc_dur took = tfdc_mono_sub(port_mono(d->loop->clock), d->stop_began);
  metrics_observe(d->metrics, MODEL_METRIC_DEFENDER_SHUTDOWN_TIME, NULL, (double)took.us / (double)TFDC_US_PER_S);
  port_forget(d->loop, &d->retry);
  port_post(d->told_loop, d->stopped);
}

static void on_deleted(struct port_req *r) {
  struct defender *d = r->user;
  d->consumer_there = false;
  stop_over(d);
}

static void finish_stop(struct defender *d) {
  if (d->to_stop > 0 || d->pulling || d->watching || d->loading || d->creating) return;
  port_req_deinit(&d->consumer_req.base);
  workqueue_req_init(&d->consumer_req, WORKQUEUE_DELETE);
  d->consumer_req.consumer = d->consumer;
  d->to_stop = SIZE_MAX;
  if (port_submit(d->workqueue, &d->consumer_req.base, d->loop, on_deleted, d) == TFDC_OK) return;
  stop_over(d);
}

/* Whatever is next for the first loop's part; may be called at any time. */
static void next(struct defender *d) {
  if (d->stopping) {
    finish_stop(d);
    return;
  }
  if ((!d->catalog_there || d->reload_wanted) && !d->loading) load_definitions(d);
  if (!d->catalog_there) return;
  watch_again(d);
  if (!d->consumer_there) {
    if (!d->creating) make_consumer(d);
    return;
  }
  if (!d->started_told) {
    d->started_told = true;
    if (d->started != NULL) port_post(d->told_loop, d->started);
  }
  if (!d->pulling) pull(d);
}

static void run_start(struct port_task *t) {
  next((struct defender *)((char *)t - offsetof(struct defender, start_task)));
}

void defender_start(struct defender *d, struct port_loop *loop, struct port_task *started) {
  d->told_loop = loop;
  d->started = started;
  d->start_task.fn = run_start;
  port_post(d->loop, &d->start_task);
}

struct stop_note {
  struct port_task task;
  struct dshard *shard;
};

static void run_stop(struct port_task *t) {
  struct stop_note *n = (struct stop_note *)t;
  n->shard->stopping = true;
  struct judge_event e = {.kind = JUDGE_TICK};
  dshard_step(n->shard, &e);
  free(n);
}

static void run_shard_stopped(struct port_task *t) {
  struct stop_note *n = (struct stop_note *)t;
  struct defender *d = n->shard->defender;
  free(n);
  d->to_stop--;
  next(d);
}

void defender_shard_stopped(struct defender *d) {
  struct stop_note *n = malloc(sizeof *n);
  TFDC_ASSERT(n != NULL);
  *n = (struct stop_note){{run_shard_stopped, NULL}, &d->shards[0]};
  port_post(d->loop, &n->task);
}

static void begin_stop(struct port_task *t) {
  struct defender *d = (struct defender *)((char *)t - offsetof(struct defender, stop_task));
  d->stop_began = port_mono(d->loop->clock);
  metrics_add(d->metrics, MODEL_METRIC_DEFENDER_SHUTDOWNS, NULL, 1);
  metrics_set(d->metrics, MODEL_METRIC_DEFENDER_SHUTDOWN_INFLIGHT, NULL, (double)defender_load(d));
  d->stopping = true;
  d->to_stop = d->n_shards;
  if (d->pulling) port_cancel(d->workqueue, &d->pull.base);
  if (d->watching) port_cancel(d->kv, &d->watch.base);
  for (size_t i = 0; i < d->n_shards; i++) {
    struct stop_note *n = malloc(sizeof *n);
    TFDC_ASSERT(n != NULL);
    *n = (struct stop_note){{run_stop, NULL}, &d->shards[i]};
    port_post(d->shards[i].loop, &n->task);
  }
}

void defender_stop(struct defender *d, struct port_loop *loop, struct port_task *stopped) {
  d->told_loop = loop;
  d->stopped = stopped;
  d->stop_task.fn = begin_stop;
  port_post(d->loop, &d->stop_task);
}
