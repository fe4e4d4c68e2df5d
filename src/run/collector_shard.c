/* SPDX-License-Identifier: Apache-2.0
 * One shard of the collector: feeds its ingest machine and carries out what it decides. */
#include "run/collector_priv.h"

#include "base/text.h"
#include "core/chunk.h"
#include "model/codec.h"
#include "model/metric_list.h"
#include "run/completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_US (10 * TFDC_US_PER_S)

/* One ticketed action under way: its requests, the copies they point to, the answer. */
struct op {
  struct shard *shard;
  uint64_t ticket;
  struct tfdc_arena mem; /* inputs */
  union {
    struct store_req store;
    struct publish_req publish;
  } req;
  struct tfdc_id128 context_id;   /* LOAD */
  struct store_req chunks, again; /* LOAD: the second and the third request */
  bool have_chunks, have_again, writes;
  struct model_context context;
  struct model_chamber chamber;
  struct model_chunk chunk;
  struct port_work work;
  struct port_task later;
  struct tfdc_buf blob;
  struct model_block *const *blocks;
  size_t n_blocks;
  tfdc_rc rc;
};

static void free_op(struct op *op) {
  port_req_deinit(&op->req.store.base);
  if (op->have_chunks) port_req_deinit(&op->chunks.base);
  if (op->have_again) port_req_deinit(&op->again.base);
  tfdc_arena_deinit(&op->mem);
  tfdc_buf_deinit(&op->blob);
  free(op);
}

/* The answer to a write that is neither the disk's nor the store's fault says nothing of them. */
static bool refuses(tfdc_rc rc) {
  tfdc_class class = tfdc_rc_class(rc);
  return class == TFDC_CLASS_IO || class == TFDC_CLASS_INTERNAL || rc == TFDC_E_DISK_FLOOR;
}

/* Says once that writes fail, and once that they succeed again; an operator looks at the log when hubs wait. */
static void note_trouble(struct op *op, tfdc_rc rc) {
  if (rc != TFDC_OK && !refuses(rc)) return;
  struct collector *c = op->shard->collector;
  int64_t now = port_mono(op->shard->loop->clock).us, told = atomic_load(&c->told_us);
  if (atomic_exchange(&c->trouble, rc) != (int)rc)
    metrics_set(c->metrics, MODEL_METRIC_INGEST_PAUSED, "store", rc == TFDC_OK ? 0 : 1);
  if (c->log == NULL || (rc == TFDC_OK) == (told == 0)) return;
  if (rc == TFDC_OK && now - told < QUIET_US) return; /* others may still fail */
  if (!atomic_compare_exchange_strong(&c->told_us, &told, rc == TFDC_OK ? 0 : now)) return;
  if (rc == TFDC_OK) {
    tfdc_log_write(c->log, TFDC_LOG_INFO, "collector", "the store takes data again: ingest goes on");
    return;
  }
  struct tfdc_error err = op->req.store.base.err;
  if (err.code != rc) (void)tfdc_fail(&err, rc, "%s", tfdc_rc_text(rc));
  tfdc_log_write(c->log, TFDC_LOG_ERROR, "collector",
                 "the store takes no data: ingest waits, hubs keep what is not acked", LOG_FAIL(&err));
}

static void tell_done(struct op *op, struct ingest_event *e) {
  if (op->writes) note_trouble(op, e->rc);
  op->shard->under_way--;
  e->kind = INGEST_DONE;
  e->ticket = op->ticket;
  shard_step(op->shard, e);
  free_op(op);
}

static void finish_later(struct port_task *t) {
  struct op *op = (struct op *)((char *)t - offsetof(struct op, later));
  struct ingest_event e = {.rc = op->rc};
  tell_done(op, &e);
}

/* The machine hears of it in a turn of its own, never inside the step that asked. */
static void finish(struct op *op, tfdc_rc rc) {
  op->rc = rc;
  op->later.fn = finish_later;
  port_post(op->shard->loop, &op->later);
}

static void on_simple_done(struct port_req *r) {
  struct op *op = r->user;
  struct ingest_event e = {.rc = r->rc};
  tell_done(op, &e);
}

static void submit(struct op *op, struct port *to, struct port_req *r, void (*done)(struct port_req *)) {
  tfdc_rc rc = port_submit(to, r, op->shard->loop, done, op);
  if (rc != TFDC_OK) finish(op, rc);
}

/* ---- the actions ---- */

static void fail_load(struct op *op, tfdc_rc rc) {
  struct ingest_event e = {.rc = rc};
  tell_done(op, &e);
}

static const struct model_context *found(const struct store_req *r) {
  return r->base.rc == TFDC_OK && r->n == 1 ? &r->contexts[0] : NULL;
}

static bool same_row(const struct model_context *a, const struct model_context *b) {
  if (a == NULL || b == NULL) return a == b;
  return a->revision == b->revision && a->state == b->state && a->seen_seq == b->seen_seq && a->last_seq == b->last_seq;
}

static void ask_row(struct op *op);

/* Chunks that were listed between two looks at the same row belong to it. */
static void on_row_again(struct port_req *r) {
  struct op *op = r->user;
  if (r->rc != TFDC_OK && r->rc != TFDC_E_NOT_FOUND) {
    fail_load(op, r->rc);
    return;
  }
  if (!same_row(found(&op->req.store), found(&op->again))) { /* another collector is at it */
    port_req_deinit(&op->req.store.base);
    port_req_deinit(&op->chunks.base);
    port_req_deinit(&op->again.base);
    op->have_chunks = op->have_again = false;
    ask_row(op);
    return;
  }
  struct ingest_event e = {.context = found(&op->again), .chunks = op->chunks.chunks, .n_chunks = op->chunks.n};
  tell_done(op, &e);
}

static void on_chunks_listed(struct port_req *r) {
  struct op *op = r->user;
  if (r->rc != TFDC_OK) {
    fail_load(op, r->rc);
    return;
  }
  store_req_init(&op->again, STORE_CONTEXT_GET);
  op->have_again = true;
  op->again.id = op->context_id;
  submit(op, op->shard->collector->store, &op->again.base, on_row_again);
}

static void on_context_read(struct port_req *r) {
  struct op *op = r->user;
  if (r->rc != TFDC_OK && r->rc != TFDC_E_NOT_FOUND) {
    fail_load(op, r->rc);
    return;
  }
  store_req_init(&op->chunks, STORE_CHUNK_LIST);
  op->have_chunks = true;
  op->chunks.id = op->context_id;
  op->chunks.revision = UINT32_MAX;
  submit(op, op->shard->collector->store, &op->chunks.base, on_chunks_listed);
}

static void ask_row(struct op *op) {
  store_req_init(&op->req.store, STORE_CONTEXT_GET);
  op->req.store.id = op->context_id;
  submit(op, op->shard->collector->store, &op->req.store.base, on_context_read);
}

static void load(struct op *op, const struct ingest_action *a) {
  op->context_id = a->context_id;
  ask_row(op);
}

static void put_context(struct op *op, const struct ingest_action *a) {
  if (model_context_copy(a->context, &op->mem, &op->context) != TFDC_OK) {
    finish(op, TFDC_E_NOMEM);
    return;
  }
  store_req_init(&op->req.store, STORE_CONTEXT_PUT);
  op->req.store.context = &op->context;
  submit(op, op->shard->collector->store, &op->req.store.base, on_simple_done);
}

static void put_chamber(struct op *op, const struct ingest_action *a) {
  if (model_chamber_copy(a->chamber, &op->mem, &op->chamber) != TFDC_OK) {
    finish(op, TFDC_E_NOMEM);
    return;
  }
  store_req_init(&op->req.store, STORE_CHAMBER_PUT);
  op->req.store.chamber = &op->chamber;
  submit(op, op->shard->collector->store, &op->req.store.base, on_simple_done);
}

static void mark(struct op *op, const struct ingest_action *a) {
  store_req_init(&op->req.store, STORE_CONTEXT_MARK_PUBLISHED);
  op->req.store.id = a->context_id;
  op->req.store.revision = a->revision;
  submit(op, op->shard->collector->store, &op->req.store.base, on_simple_done);
}

static void publish(struct op *op, const struct ingest_action *a) {
  if (completion_request(&a->completion, "", &op->mem, &op->req.publish) != TFDC_OK) {
    finish(op, TFDC_E_NOMEM);
    return;
  }
  submit(op, op->shard->collector->publish, &op->req.publish.base, on_simple_done);
}

static void run_encode(struct port_work *w) {
  struct op *op = (struct op *)((char *)w - offsetof(struct op, work));
  tfdc_mono began = port_mono(op->shard->loop->clock);
  struct chunk_encoder *encoder = collector_take_encoder(op->shard->collector);
  struct tfdc_arena scratch = {.limit = (size_t)1 << 30};
  op->rc = encoder == NULL ? TFDC_E_NOMEM
                           : chunk_encode(encoder, op->blocks, op->n_blocks, &scratch, &op->blob, &op->chunk, NULL);
  tfdc_arena_deinit(&scratch);
  tfdc_dur took = tfdc_mono_sub(port_mono(op->shard->loop->clock), began);
  metrics_observe(op->shard->collector->metrics, MODEL_METRIC_CHUNK_ENCODE, NULL,
                  (double)took.us / (double)TFDC_US_PER_S);
  if (encoder != NULL) collector_give_encoder(op->shard->collector, encoder);
}

static void on_chunk_stored(struct port_req *r) {
  struct op *op = r->user;
  struct ingest_event e = {.rc = r->rc, .chunks = &op->chunk, .n_chunks = 1};
  tell_done(op, &e);
}

static void on_encoded(struct port_work *w) {
  struct op *op = (struct op *)((char *)w - offsetof(struct op, work));
  if (op->rc != TFDC_OK) {
    struct ingest_event e = {.rc = op->rc};
    tell_done(op, &e);
    return;
  }
  store_req_init(&op->req.store, STORE_CHUNK_PUT);
  op->req.store.chunk = &op->chunk;
  op->req.store.base.bytes = op->chunk.blob_n;
  submit(op, op->shard->collector->store, &op->req.store.base, on_chunk_stored);
}

static void cut(struct op *op, const struct ingest_action *a) {
  op->chunk = (struct model_chunk){.context_id = a->cut.context_id,
                                   .first_seq = a->cut.first_seq,
                                   .last_seq = a->cut.last_seq,
                                   .revision = a->cut.revision,
                                   .stored_us = a->cut.stored_us};
  op->blocks = a->cut.blocks;
  op->n_blocks = a->cut.n_blocks;
  op->work = (struct port_work){.run = run_encode, .done = on_encoded};
  port_start_work(op->shard->loop, &op->work);
}

static void perform(struct shard *s, const struct ingest_action *a) {
  if (a->kind == INGEST_REPLY) {
    collector_replied(s->collector, a->stream, &a->reply);
    return;
  }
  if (a->kind == INGEST_COUNT) {
    collector_count(s->collector, a);
    return;
  }
  struct op *op = calloc(1, sizeof *op);
  TFDC_ASSERT(op != NULL); /* the machine waits for its ticket; nothing acked is lost by ending here */
  op->shard = s;
  op->ticket = a->ticket;
  op->writes = a->kind != INGEST_LOAD;
  switch (a->kind) {
  case INGEST_PUT_CHAMBER: put_chamber(op, a); break;
  case INGEST_LOAD: load(op, a); break;
  case INGEST_PUT_CONTEXT: put_context(op, a); break;
  case INGEST_CUT: cut(op, a); break;
  case INGEST_PUBLISH: publish(op, a); break;
  case INGEST_MARK: mark(op, a); break;
  default: free_op(op); return;
  }
  s->under_way++;
}

void collector_count(struct collector *c, const struct ingest_action *a) {
  static const int metric[] = {
      [INGEST_N_BLOCKS] = MODEL_METRIC_INGEST_BLOCKS,
      [INGEST_N_POINTS] = MODEL_METRIC_INGEST_POINTS,
      [INGEST_N_MISSING] = MODEL_METRIC_INGEST_MISSING_READINGS,
      [INGEST_N_CHUNK_POINTS] = MODEL_METRIC_CHUNK_POINTS,
      [INGEST_N_BYTES] = MODEL_METRIC_INGEST_BYTES,
      [INGEST_N_REJECTS] = MODEL_METRIC_INGEST_REJECTS,
      [INGEST_N_DUPLICATES] = MODEL_METRIC_INGEST_DUPLICATES,
      [INGEST_N_CHUNKS] = MODEL_METRIC_CHUNKS,
      [INGEST_N_CHUNK_BYTES] = MODEL_METRIC_CHUNK_BYTES,
      [INGEST_N_RUNS_STARTED] = MODEL_METRIC_RUNS_STARTED,
      [INGEST_N_RUNS_CLOSED] = MODEL_METRIC_RUNS_CLOSED,
      [INGEST_N_REOPENED] = MODEL_METRIC_RUNS_REOPENED,
      [INGEST_N_COMPLETIONS] = MODEL_METRIC_COMPLETIONS,
      [INGEST_N_RETRIES] = MODEL_METRIC_INGEST_RETRIES,
      [INGEST_T_ACK] = MODEL_METRIC_INGEST_ACK_LATENCY,
  };
  if (a->count == INGEST_T_ACK)
    metrics_observe(c->metrics, metric[a->count], a->label, a->by);
  else
    metrics_add(c->metrics, metric[a->count], a->label, a->by);
}

/* ---- steps ---- */

static void on_timer(struct port_timer *t) {
  struct shard *s = (struct shard *)((char *)t - offsetof(struct shard, timer));
  s->armed.us = TFDC_NEVER;
  if (s->drained_told) return;
  struct ingest_event e = {.kind = INGEST_TICK};
  shard_step(s, &e);
}

static void note_drained(struct shard *s) {
  if (!s->draining || s->drained_told) return;
  struct collector *c = s->collector;
  bool drained = ingest_is_drained(s->machine);
  tfdc_rc rc = collector_trouble(c);
  if (!drained && (s->under_way > 0 || (rc != TFDC_E_DISK_FULL && rc != TFDC_E_DISK_FLOOR))) return;
  s->drained_told = true;
  if (!drained) /* a disk that takes nothing ends the drain as well */
    tfdc_log_write(c->log, TFDC_LOG_ERROR, "collector",
                   "stopped with open runs not stored; hubs keep what is not acked", LOG_STR("error", tfdc_rc_name(rc)),
                   LOG_STR("error_text", tfdc_rc_text(rc)), LOG_U64("open_runs", ingest_open_runs(s->machine)),
                   LOG_U64("bytes", ingest_bytes(s->machine)));
  if (!drained) atomic_store(&c->refused, true);
  if (atomic_fetch_sub(&c->draining, 1) > 1) return;
  if (atomic_load(&c->refused)) collector_end_streams(c); /* they would wait for their acks */
  port_post(c->drain_loop, c->drained);
}

void shard_step(struct shard *s, struct ingest_event *e) {
  e->now = port_mono(s->loop->clock);
  e->wall = port_wall(s->loop->clock);
  ingest_step(s->machine, e);
  size_t n;
  const struct ingest_action *actions = ingest_actions(s->machine, &n);
  for (size_t i = 0; i < n; i++) perform(s, &actions[i]);
  atomic_store(&s->held, ingest_bytes(s->machine));
  atomic_store(&s->open, ingest_open_runs(s->machine));
  tfdc_mono due = ingest_deadline(s->machine);
  if (due.us != s->armed.us) {
    s->armed = due;
    s->timer.fn = on_timer;
    port_arm(s->loop, &s->timer, due);
  }
  collector_relieved(s->collector);
  note_drained(s);
}

struct shard *collector_shard_of(struct collector *c, struct model_key key) {
  char text[2 * TFDC_ID_MAX + 2];
  int n = snprintf(text, sizeof text, "%.64s:%.64s", key.tool, key.chamber);
  return &c->shards[tfdc_xxh3_64(text, (size_t)n) % c->n_shards];
}

/* ---- start: open runs and closes that were not published ---- */

struct adoption {
  struct port_task task;
  struct shard *shard;
  struct store_req req;
  struct port_timer retry;
  bool unpublished; /* the second list */
};

static void ask(struct adoption *a);

static void forget_adoption(struct shard *s) {
  if (s->adoption == NULL) return;
  port_req_deinit(&s->adoption->req.base);
  free(s->adoption);
  s->adoption = NULL;
}

static void adoption_over(struct adoption *a) {
  struct collector *c = a->shard->collector;
  port_forget(a->shard->loop, &a->retry);
  forget_adoption(a->shard);
  if (atomic_fetch_sub(&c->starting, 1) == 1) port_post(c->told_loop, c->started);
}

static void on_retry(struct port_timer *t) { ask((struct adoption *)((char *)t - offsetof(struct adoption, retry))); }

static void again_later(struct adoption *a) {
  a->retry.fn = on_retry;
  port_arm(a->shard->loop, &a->retry, tfdc_mono_add(port_mono(a->shard->loop->clock), tfdc_millis(200)));
}

static void on_listed(struct port_req *r) {
  struct adoption *a = r->user;
  if (r->rc != TFDC_OK) {
    again_later(a);
    return;
  }
  for (size_t i = 0; i < a->req.n; i++) {
    if (collector_shard_of(a->shard->collector, a->req.contexts[i].key) != a->shard) continue;
    struct ingest_event e = {.kind = INGEST_ADOPT, .context = &a->req.contexts[i]};
    shard_step(a->shard, &e);
    metrics_add(a->shard->collector->metrics, MODEL_METRIC_RUNS_ADOPTED, NULL, 1);
  }
  if (a->req.ret_cursor != NULL) {
    char cursor[512];
    (void)snprintf(cursor, sizeof cursor, "%s", a->req.ret_cursor);
    port_req_reset(&a->req.base);
    a->req.page.cursor = tfdc_arena_strdup(&a->req.base.mem, cursor);
    ask(a);
  } else if (!a->unpublished) {
    a->unpublished = true;
    a->req.page.cursor = NULL;
    port_req_reset(&a->req.base);
    a->req.filter = STORE_FILTER_ALL;
    a->req.filter.unpublished_only = true;
    ask(a);
  } else {
    adoption_over(a);
  }
}

static void ask(struct adoption *a) {
  a->req.page.limit = 1000;
  tfdc_rc rc = port_submit(a->shard->collector->store, &a->req.base, a->shard->loop, on_listed, a);
  if (rc != TFDC_OK) again_later(a);
}

static void run_adoption(struct port_task *t) { ask((struct adoption *)t); }

void shard_start(struct shard *s) {
  s->armed.us = TFDC_NEVER;
  struct adoption *a = calloc(1, sizeof *a);
  TFDC_ASSERT(a != NULL);
  a->task.fn = run_adoption;
  a->shard = s;
  s->adoption = a;
  store_req_init(&a->req, STORE_CONTEXT_LIST);
  a->req.filter.state = MODEL_CONTEXT_OPEN;
  port_post(s->loop, &a->task);
}

void shard_deinit(struct shard *s) {
  forget_adoption(s);
  ingest_destroy(s->machine);
}
