/* SPDX-License-Identifier: Apache-2.0
 * Streams, routing, memory budget, start and drain of the collector. */
#include "run/collector_priv.h"

#include "model/codec.h"
#include "model/metric_list.h"

#include <stdlib.h>
#include <string.h>

void collector_options_default(struct collector_options *o) {
  *o = (struct collector_options){
      .memory_bytes = (size_t)512 << 20,
      .max_open_runs = 64,
      .max_inbox = 4096,
      .keep_s = 120,
      .keep_bytes = (uint64_t)64 << 20,
      .max_message_bytes = (uint64_t)4 << 20,
      .max_block_points = 65536,
  };
  ingest_options_default(&o->ingest);
}

/* ---- messages on their way to a shard ---- */

struct item {
  struct port_task task;
  struct shard *shard;
  uint64_t stream;
  bool historical;
  struct tfdc_arena mem;
  struct model_hub_msg msg;
  const struct model_chamber *chamber; /* of a hello, else NULL */
  size_t bytes;
};

static void run_item(struct port_task *t) {
  struct item *it = (struct item *)t;
  struct shard *s = it->shard;
  struct ingest_event e = {.kind = it->chamber != NULL ? INGEST_CHAMBER : INGEST_MESSAGE,
                           .stream = it->stream,
                           .historical = it->historical,
                           .chamber = it->chamber,
                           .msg = &it->msg};
  atomic_fetch_sub(&s->inbox, 1);
  shard_step(s, &e);
  atomic_fetch_sub(&s->collector->on_the_way, it->bytes);
  collector_relieved(s->collector);
  tfdc_arena_deinit(&it->mem);
  free(it);
}

static const char *dup_text(struct tfdc_arena *mem, const char *s, bool *ok) {
  if (s == NULL) return NULL;
  char *copy = tfdc_arena_strdup(mem, s);
  *ok &= copy != NULL;
  return copy;
}

static bool copy_message(struct item *it, const struct model_hub_msg *msg) {
  bool ok = true;
  it->msg = *msg;
  it->msg.hub = NULL;
  it->msg.chambers = NULL;
  it->msg.text = dup_text(&it->mem, msg->text, &ok);
  if (msg->context != NULL) {
    struct model_context *c = tfdc_arena_alloc(&it->mem, sizeof *c);
    ok = ok && c != NULL && model_context_copy(msg->context, &it->mem, c) == TFDC_OK;
    it->msg.context = c;
  }
  if (msg->step != NULL) {
    struct model_step *s = tfdc_arena_alloc(&it->mem, sizeof *s);
    ok = ok && s != NULL;
    if (s != NULL) *s = *msg->step, s->name = dup_text(&it->mem, msg->step->name, &ok);
    it->msg.step = s;
  }
  if (msg->event != NULL) {
    struct model_event *v = tfdc_arena_alloc(&it->mem, sizeof *v);
    ok = ok && v != NULL;
    if (v != NULL) *v = *msg->event, v->name = dup_text(&it->mem, msg->event->name, &ok);
    it->msg.event = v;
  }
  return ok;
}

static struct item *make_item(struct shard *s, const struct stream *st, const struct model_hub_msg *msg) {
  struct item *it = calloc(1, sizeof *it);
  if (it == NULL) return NULL;
  it->shard = s;
  it->stream = st->id;
  it->historical = st->historical;
  if (msg != NULL && !copy_message(it, msg)) {
    tfdc_arena_deinit(&it->mem);
    free(it);
    return NULL;
  }
  return it;
}

static void send_item(struct collector *c, struct item *it) {
  it->bytes = it->msg.block != NULL ? it->msg.block->bytes : 0;
  atomic_fetch_add(&c->on_the_way, it->bytes);
  atomic_fetch_add(&it->shard->inbox, 1);
  it->task.fn = run_item;
  port_post(it->shard->loop, &it->task);
}

/* ---- streams ---- */

static struct tfdc_id128 number(uint64_t n) { return (struct tfdc_id128){0, n}; }

static struct stream *stream_of(struct collector *c, uint64_t id) {
  struct stream *st = tfdc_map_get(&c->streams, number(id));
  if (st != NULL) return st;
  st = calloc(1, sizeof *st);
  if (st == NULL) return NULL;
  st->id = id;
  if (tfdc_map_put(&c->streams, number(id), st) != TFDC_OK) {
    free(st);
    return NULL;
  }
  metrics_set(c->metrics, MODEL_METRIC_INGEST_STREAMS, NULL, (double)c->streams.n);
  return st;
}

static void drop_stream(struct collector *c, struct stream *st) {
  tfdc_map_remove(&c->streams, number(st->id));
  tfdc_map_deinit(&st->runs);
  tfdc_map_deinit(&st->open);
  free(st);
  metrics_set(c->metrics, MODEL_METRIC_INGEST_STREAMS, NULL, (double)c->streams.n);
}

static void hello(struct collector *c, struct stream *st, const struct model_hub_msg *msg) {
  st->hello = true;
  st->historical = msg->historical;
  for (size_t i = 0; i < msg->n_chambers; i++) {
    struct item *it = make_item(collector_shard_of(c, msg->chambers[i].key), st, NULL);
    struct model_chamber *copy = it != NULL ? tfdc_arena_alloc(&it->mem, sizeof *copy) : NULL;
    if (copy == NULL || model_chamber_copy(&msg->chambers[i], &it->mem, copy) != TFDC_OK) {
      if (it != NULL) tfdc_arena_deinit(&it->mem);
      free(it);
      c->server->ops->end(c->server, st->id, TFDC_E_NOMEM, "no memory for the dictionary");
      return;
    }
    it->chamber = copy;
    send_item(c, it);
  }
  struct model_hub_reply r = {.kind = MODEL_REPLY_HELLO,
                              .keep_s = c->options.keep_s,
                              .keep_bytes = c->options.keep_bytes,
                              .max_message_bytes = c->options.max_message_bytes,
                              .max_block_points = c->options.max_block_points};
  c->server->ops->reply(c->server, st->id, &r);
}

static void stream_ended(struct collector *c, struct stream *st, const struct model_hub_msg *msg) {
  for (size_t i = 0; i < c->n_shards; i++) {
    struct item *it = make_item(&c->shards[i], st, msg);
    TFDC_ASSERT(it != NULL); /* else a later stream of this number would own its runs */
    send_item(c, it);
  }
  drop_stream(c, st);
}

static void refuse(struct collector *c, const struct stream *st, const struct model_hub_msg *msg, tfdc_rc code) {
  const char *text = msg->code == code && msg->text != NULL ? msg->text : tfdc_rc_text(code);
  struct model_hub_reply r = {.kind = MODEL_REPLY_REJECT, .run = msg->run, .seq = msg->seq, .code = code, .text = text};
  if (msg->kind == MODEL_HUB_RUN_START) r.seq = 0;
  metrics_add(c->metrics, MODEL_METRIC_INGEST_REJECTS, tfdc_rc_name(code), 1);
  model_block_unref(msg->block);
  c->server->ops->reply(c->server, st->id, &r);
}

/* The shard of a run's message; NULL: answered with a reject. */
static struct shard *route(struct collector *c, struct stream *st, const struct model_hub_msg *msg) {
  struct shard *s = tfdc_map_get(&st->runs, number(msg->run));
  if (msg->kind != MODEL_HUB_RUN_START) {
    if (s == NULL) refuse(c, st, msg, TFDC_E_RUN_UNKNOWN);
    return s;
  }
  if (msg->code != TFDC_OK) {
    refuse(c, st, msg, msg->code);
    return NULL;
  }
  bool open = tfdc_map_get(&st->open, number(msg->run)) != NULL;
  if (!open && st->open.n >= c->options.max_open_runs) {
    refuse(c, st, msg, TFDC_E_TOO_MANY_RUNS);
    return NULL;
  }
  struct shard *to = collector_shard_of(c, msg->context->key);
  if (tfdc_map_put(&st->runs, number(msg->run), to) != TFDC_OK ||
      tfdc_map_put(&st->open, number(msg->run), to) != TFDC_OK) {
    refuse(c, st, msg, TFDC_E_NOMEM);
    return NULL;
  }
  return to;
}

static bool over_budget(const struct collector *c, const struct shard *s) {
  if (s != NULL && atomic_load(&s->inbox) >= c->options.max_inbox) return true;
  return collector_memory(c) >= c->options.memory_bytes;
}

static void tell_reading(struct collector *c, bool reading);

static bool take(struct collector *c, struct stream *st, const struct model_hub_msg *msg) {
  if (!st->hello) {
    c->server->ops->end(c->server, st->id, TFDC_E_NO_HELLO, tfdc_rc_text(TFDC_E_NO_HELLO));
    model_block_unref(msg->block);
    return true;
  }
  struct shard *known = tfdc_map_get(&st->runs, number(msg->run));
  if (over_budget(c, known)) {
    st->paused = true;
    if (!atomic_exchange(&c->paused, true)) tell_reading(c, false);
    return false;
  }
  struct shard *s = route(c, st, msg);
  if (s == NULL) return true;
  struct item *it = make_item(s, st, msg);
  if (it == NULL) {
    refuse(c, st, msg, TFDC_E_NOMEM);
    return true;
  }
  send_item(c, it);
  return true;
}

static void count_message(struct collector *c, enum model_hub_msg_kind kind) {
  static const char *const names[] = {
      [MODEL_HUB_HELLO] = "hello", [MODEL_HUB_RUN_START] = "run_start", [MODEL_HUB_BLOCK] = "block",
      [MODEL_HUB_STEP] = "step",   [MODEL_HUB_RUN_END] = "run_end",     [MODEL_HUB_AMEND] = "amendment"};
  if (kind != MODEL_HUB_CLOSED) metrics_add(c->metrics, MODEL_METRIC_INGEST_MESSAGES, names[kind], 1);
}

static void count_ack(struct collector *c, const struct model_hub_reply *r) {
  const char *kind = r->kind == MODEL_REPLY_RESUME ? "start"
                     : r->kind != MODEL_REPLY_ACK  ? NULL
                     : r->end                      ? "end"
                                                   : "block";
  if (kind != NULL) metrics_add(c->metrics, MODEL_METRIC_INGEST_ACKS, kind, 1);
}

static bool on_message(struct hub_sink *sink, uint64_t stream, const char *peer, const struct model_hub_msg *msg) {
  struct collector *c = (struct collector *)sink;
  (void)peer;
  enum model_hub_msg_kind kind = msg->kind;
  bool taken = true;
  pthread_mutex_lock(&c->lock);
  struct stream *st = stream_of(c, stream);
  if (st == NULL) {
    c->server->ops->end(c->server, stream, TFDC_E_NOMEM, "no memory for the stream");
    model_block_unref(msg->block);
  } else if (msg->kind == MODEL_HUB_HELLO) {
    hello(c, st, msg);
  } else if (msg->kind == MODEL_HUB_CLOSED) {
    stream_ended(c, st, msg);
  } else {
    taken = take(c, st, msg);
  }
  pthread_mutex_unlock(&c->lock);
  /* what freed memory before the stream was marked did not see it: look again */
  if (!taken) collector_relieved(c);
  if (taken) count_message(c, kind);
  return taken;
}

void collector_replied(struct collector *c, uint64_t stream, const struct model_hub_reply *r) {
  bool refused = r->kind == MODEL_REPLY_REJECT && r->seq == 0 && r->code != TFDC_E_SEQ; /* the run start itself */
  bool over = (r->kind == MODEL_REPLY_ACK && r->end) || (r->kind == MODEL_REPLY_RESUME && r->closed) || refused;
  if (over) {
    pthread_mutex_lock(&c->lock);
    struct stream *st = tfdc_map_get(&c->streams, number(stream));
    if (st != NULL) tfdc_map_remove(&st->open, number(r->run));
    pthread_mutex_unlock(&c->lock);
  }
  count_ack(c, r);
  c->server->ops->reply(c->server, stream, r);
}

/* ---- memory ---- */

size_t collector_inbox(const struct collector *c) {
  size_t n = 0;
  for (size_t i = 0; i < c->n_shards; i++) n += atomic_load(&c->shards[i].inbox);
  return n;
}

size_t collector_memory(const struct collector *c) {
  size_t bytes = atomic_load(&c->on_the_way);
  for (size_t i = 0; i < c->n_shards; i++) bytes += atomic_load(&c->shards[i].held);
  return bytes;
}

size_t collector_open_runs(const struct collector *c) {
  size_t open = 0;
  for (size_t i = 0; i < c->n_shards; i++) open += atomic_load(&c->shards[i].open);
  return open;
}

bool collector_is_paused(const struct collector *c) { return atomic_load(&c->paused); }
tfdc_rc collector_trouble(const struct collector *c) { return (tfdc_rc)atomic_load(&c->trouble); }

struct note {
  struct port_task task;
  struct shard *shard;
  bool reading;
};

static void run_note(struct port_task *t) {
  struct note *n = (struct note *)t;
  struct ingest_event e = {.kind = INGEST_READING, .reading = n->reading};
  shard_step(n->shard, &e);
  free(n);
}

static void tell_reading(struct collector *c, bool reading) {
  metrics_set(c->metrics, MODEL_METRIC_INGEST_PAUSED, "memory", reading ? 0 : 1);
  for (size_t i = 0; i < c->n_shards; i++) {
    struct note *n = malloc(sizeof *n);
    if (n == NULL) return; /* idle time then goes on counting; nothing is lost by it */
    *n = (struct note){{run_note, NULL}, &c->shards[i], reading};
    port_post(c->shards[i].loop, &n->task);
  }
}

void collector_relieved(struct collector *c) {
  if (!atomic_load(&c->paused)) return;
  if (collector_memory(c) > c->options.memory_bytes / 4 * 3) return;
  for (size_t i = 0; i < c->n_shards; i++)
    if (atomic_load(&c->shards[i].inbox) > c->options.max_inbox / 2) return;
  if (!atomic_exchange(&c->paused, false)) return;
  tell_reading(c, true);
  pthread_mutex_lock(&c->lock);
  size_t at = 0;
  for (struct stream *st = tfdc_map_next(&c->streams, &at); st != NULL; st = tfdc_map_next(&c->streams, &at)) {
    if (!st->paused) continue;
    st->paused = false;
    c->server->ops->resume(c->server, st->id);
  }
  pthread_mutex_unlock(&c->lock);
}

void collector_end_streams(struct collector *c) {
  pthread_mutex_lock(&c->lock);
  size_t at = 0;
  for (struct stream *st = tfdc_map_next(&c->streams, &at); st != NULL; st = tfdc_map_next(&c->streams, &at))
    c->server->ops->end(c->server, st->id, TFDC_E_DRAINING, tfdc_rc_text(TFDC_E_DRAINING));
  pthread_mutex_unlock(&c->lock);
}

struct chunk_encoder *collector_take_encoder(struct collector *c) {
  struct chunk_encoder *w = NULL;
  pthread_mutex_lock(&c->lock);
  if (c->n_encoders > 0) w = c->encoders[--c->n_encoders];
  pthread_mutex_unlock(&c->lock);
  if (w == NULL && chunk_encoder_create(&w) != TFDC_OK) return NULL;
  return w;
}

void collector_give_encoder(struct collector *c, struct chunk_encoder *w) {
  pthread_mutex_lock(&c->lock);
  if (c->n_encoders < c->encoders_cap) {
    c->encoders[c->n_encoders++] = w;
    w = NULL;
  }
  pthread_mutex_unlock(&c->lock);
  chunk_encoder_destroy(w);
}

/* ---- life ---- */

tfdc_rc collector_create(const struct collector_options *options, const struct collector_ports *ports,
                         struct collector **ret, struct tfdc_error *err) {
  struct collector *c = calloc(1, sizeof *c);
  if (c == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "collector");
  c->sink.message = on_message;
  c->options = *options;
  c->store = ports->store;
  c->publish = ports->publish;
  c->metrics = ports->metrics;
  c->log = ports->log;
  c->encoders_cap = 16;
  c->encoders = calloc(c->encoders_cap, sizeof(struct chunk_encoder *));
  c->shards = calloc(ports->n_loops, sizeof *c->shards);
  (void)pthread_mutex_init(&c->lock, NULL);
  tfdc_rc rc = c->encoders == NULL || c->shards == NULL ? TFDC_E_NOMEM : TFDC_OK;
  for (size_t i = 0; i < ports->n_loops && rc == TFDC_OK; i++) {
    rc = ingest_create(&options->ingest, &c->shards[i].machine);
    if (rc != TFDC_OK) break;
    c->shards[i].collector = c;
    c->shards[i].loop = ports->loops[i];
    c->n_shards++;
  }
  if (rc != TFDC_OK) {
    collector_destroy(c);
    return tfdc_fail(err, rc, "collector");
  }
  *ret = c;
  return TFDC_OK;
}

struct hub_sink *collector_sink(struct collector *c) {
  return &c->sink;
}
struct hub_server **collector_server(struct collector *c) {
  return &c->server;
}

void collector_start(struct collector *c, struct port_loop *loop, struct port_task *started) {
  c->told_loop = loop;
  c->started = started;
  atomic_store(&c->starting, c->n_shards);
  for (size_t i = 0; i < c->n_shards; i++) shard_start(&c->shards[i]);
}

static void run_drain(struct port_task *t) {
  struct note *n = (struct note *)t;
  n->shard->draining = true;
  struct ingest_event e = {.kind = INGEST_DRAIN};
  shard_step(n->shard, &e);
  free(n);
}

void collector_drain(struct collector *c, struct port_loop *loop, struct port_task *drained) {
  c->drain_loop = loop;
  c->drained = drained;
  atomic_store(&c->draining, c->n_shards);
  for (size_t i = 0; i < c->n_shards; i++) {
    struct note *n = calloc(1, sizeof *n);
    TFDC_ASSERT(n != NULL);
    n->task.fn = run_drain;
    n->shard = &c->shards[i];
    port_post(c->shards[i].loop, &n->task);
  }
}

void collector_destroy(struct collector *c) {
  if (c == NULL) return;
  for (size_t i = 0; i < c->n_shards; i++) shard_deinit(&c->shards[i]);
  size_t at = 0;
  for (struct stream *st = tfdc_map_next(&c->streams, &at); st != NULL; st = tfdc_map_next(&c->streams, &at)) {
    tfdc_map_deinit(&st->runs);
    tfdc_map_deinit(&st->open);
    free(st);
  }
  tfdc_map_deinit(&c->streams);
  for (size_t i = 0; i < c->n_encoders; i++) chunk_encoder_destroy(c->encoders[i]);
  free(c->encoders);
  free(c->shards);
  (void)pthread_mutex_destroy(&c->lock);
  free(c);
}
