/* SPDX-License-Identifier: Apache-2.0
 * One hub's stream. Messages go straight to the sink on the queue's thread; a message that the sink has no room for is
 * kept and the stream is not read until resume(). Replies wait in an inbox, where a later ack replaces an earlier one,
 * so a hub that never reads costs a bounded amount: above INBOX_READ its stream is not read either. */
#include "adapter/grpc/hub_server_priv.h"

#include "model/metric_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INBOX_READ = 1024, TEXT_MAX = 200, MEM_FACTOR = 8 };

struct waiting {
  struct model_hub_reply r; /* text: NULL or the text behind */
  char text[TEXT_MAX];
};
struct hub_stream {
  struct hub_grpc *server;
  struct rpc_call *call;
  uint64_t id;  /* 0: not in the table, refused */
  bool greeted; /* the sink knows of it */
  bool keeping; /* `kept` waits for room in the sink */
  struct ingest_dict dict;
  struct tfdc_arena mem; /* of the message at hand */
  struct model_hub_msg kept;
  struct tfdc_buf out;
  const char *end_reason; /* for the metric */
  /* server's mtx */
  struct waiting *inbox; /* owned: from head to n */
  size_t head, n, cap;
  bool resumed, end_asked;
  tfdc_rc end_code;
  char end_text[TEXT_MAX];
};

static enum rpc_status status_of(tfdc_rc rc) {
  return rc == TFDC_E_NO_HELLO ? RPC_FAILED_PRECONDITION : (enum rpc_status)tfdc_rc_grpc(rc);
}

static void finish(struct hub_stream *st, tfdc_rc rc, const char *text) {
  st->end_reason = rc == TFDC_OK ? "hub" : tfdc_rc_name(rc);
  rpc_call_finish(st->call, status_of(rc), rc, text);
}

/* Copies, cut at the border of a character: hubs refuse text that is not UTF-8. */
static void copy_text(char to[TEXT_MAX], const char *from) {
  size_t n = from == NULL ? 0 : strlen(from);
  if (n >= TEXT_MAX) {
    n = TEXT_MAX - 1;
    while (n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80) n--;
  }
  if (n > 0) memcpy(to, from, n);
  to[n] = '\0';
}

/* ---- the table ---- */
static bool take_slot(struct hub_stream *st) {
  struct hub_grpc *s = st->server;
  (void)pthread_mutex_lock(&s->mtx);
  for (uint32_t i = 0; i < s->max_streams && st->id == 0; i++) {
    if (s->slots[i].stream != NULL) continue;
    s->slots[i].stream = st;
    s->slots[i].generation++;
    st->id = (uint64_t)s->slots[i].generation << 32 | (i + 1);
    s->n_streams++;
  }
  uint32_t n = s->n_streams;
  (void)pthread_mutex_unlock(&s->mtx);
  if (st->id != 0) metrics_set(s->metrics, MODEL_METRIC_INGEST_STREAMS, NULL, n);
  return st->id != 0;
}

static void give_slot(struct hub_stream *st) {
  struct hub_grpc *s = st->server;
  (void)pthread_mutex_lock(&s->mtx);
  s->slots[(uint32_t)st->id - 1].stream = NULL;
  s->n_streams--;
  uint32_t n = s->n_streams;
  (void)pthread_mutex_unlock(&s->mtx);
  metrics_set(s->metrics, MODEL_METRIC_INGEST_STREAMS, NULL, n);
}

/* Holds mtx. NULL: unknown or closed. */
static struct hub_stream *find(struct hub_grpc *s, uint64_t id) {
  uint64_t slot = id & UINT32_MAX;
  if (slot == 0 || slot > s->max_streams || s->slots[slot - 1].generation != id >> 32) return NULL;
  return s->slots[slot - 1].stream;
}

/* ---- any thread ---- */
static struct waiting *place_for(struct hub_stream *st, const struct model_hub_reply *r) {
  for (size_t i = st->head; i < st->n && r->kind == MODEL_REPLY_ACK; i++) {
    if (st->inbox[i].r.kind == MODEL_REPLY_ACK && st->inbox[i].r.run == r->run) return &st->inbox[i];
  }
  if (st->n == st->cap && st->head > 0) {
    memmove(st->inbox, st->inbox + st->head, (st->n - st->head) * sizeof *st->inbox);
    st->n -= st->head;
    st->head = 0;
  }
  if (st->n == st->cap) {
    size_t cap = st->cap == 0 ? 8 : st->cap * 2;
    struct waiting *bigger = realloc(st->inbox, cap * sizeof *bigger);
    if (bigger == NULL) return NULL;
    st->inbox = bigger;
    st->cap = cap;
  }
  st->inbox[st->n].r = (struct model_hub_reply){.kind = MODEL_REPLY_HELLO};
  return &st->inbox[st->n++];
}

void hub_stream_reply(struct hub_grpc *s, uint64_t id, const struct model_hub_reply *r) {
  (void)pthread_mutex_lock(&s->mtx);
  struct hub_stream *st = find(s, id);
  if (st != NULL) {
    struct waiting *w = place_for(st, r);
    if (w == NULL) { /* an answer that cannot be given: the hub must ask again */
      st->end_asked = true;
      st->end_code = TFDC_E_NOMEM;
    } else {
      bool end = w->r.kind == MODEL_REPLY_ACK && w->r.end;
      w->r = *r;
      w->r.end |= end;
      w->r.text = NULL;
      copy_text(w->text, r->text);
    }
    rpc_call_wake(st->call);
  }
  (void)pthread_mutex_unlock(&s->mtx);
}

void hub_stream_resume(struct hub_grpc *s, uint64_t id) {
  (void)pthread_mutex_lock(&s->mtx);
  struct hub_stream *st = find(s, id);
  if (st != NULL) {
    st->resumed = true;
    rpc_call_wake(st->call);
  }
  (void)pthread_mutex_unlock(&s->mtx);
}

void hub_stream_end(struct hub_grpc *s, uint64_t id, tfdc_rc code, const char *text) {
  (void)pthread_mutex_lock(&s->mtx);
  struct hub_stream *st = find(s, id);
  if (st != NULL && !st->end_asked) {
    st->end_asked = true;
    st->end_code = code;
    copy_text(st->end_text, text == NULL ? tfdc_rc_text(code) : text);
    rpc_call_wake(st->call);
  }
  (void)pthread_mutex_unlock(&s->mtx);
}

/* ---- the call's thread ---- */
static void offer(struct hub_stream *st) {
  st->keeping = !st->server->sink->message(st->server->sink, st->id, rpc_call_peer(st->call), &st->kept);
  if (st->keeping) return;
  ingest_dict_taken(&st->dict, &st->kept);
  st->kept.block = NULL; /* the sink's now */
  tfdc_arena_reset(&st->mem);
}

static void on_opened(struct rpc_call *c) {
  struct hub_stream *st = rpc_call_state(c);
  st->server = rpc_call_user(c);
  st->call = c;
  st->end_reason = "broken";
  if (take_slot(st)) return;
  metrics_add(st->server->metrics, MODEL_METRIC_INGEST_REFUSED, "streams", 1);
  char text[96];
  (void)snprintf(text, sizeof text, "more than %u streams", (unsigned)st->server->max_streams);
  rpc_call_finish(c, RPC_RESOURCE_EXHAUSTED, TFDC_E_TOO_MANY_STREAMS, text);
}

static void on_message(struct rpc_call *c, const uint8_t *data, size_t n) {
  struct hub_stream *st = rpc_call_state(c);
  struct tfdc_error err = {.code = TFDC_OK};
  st->mem.limit = MEM_FACTOR * n + (1u << 20); /* what unpacking may ask for */
  tfdc_rc rc = ingest_decode(data, n, &st->server->limits, &st->dict, &st->mem, &st->kept, &err);
  if (rc != TFDC_OK) {
    tfdc_arena_reset(&st->mem);
    finish(st, rc, tfdc_error_msg(&err));
    return;
  }
  st->greeted = true;
  offer(st);
}

/* Takes the next reply out of the inbox into st->out. False: nothing waits. */
static bool encode_next(struct hub_stream *st) {
  struct hub_grpc *s = st->server;
  struct waiting w;
  (void)pthread_mutex_lock(&s->mtx);
  bool any = st->head < st->n;
  if (any) w = st->inbox[st->head++];
  if (st->head == st->n) st->head = st->n = 0;
  (void)pthread_mutex_unlock(&s->mtx);
  if (!any) return false;
  if (w.text[0] != '\0') w.r.text = w.text;
  ingest_dict_replied(&st->dict, &w.r);
  st->out.size = 0;
  tfdc_rc rc = ingest_encode_reply(&w.r, s->collector, &st->out);
  if (rc != TFDC_OK) finish(st, rc, "a reply could not be encoded");
  return rc == TFDC_OK;
}

/* What the other threads have asked for since the last time. */
struct asked {
  bool resumed, end;
  size_t waiting;
};
static struct asked look(struct hub_stream *st) {
  (void)pthread_mutex_lock(&st->server->mtx);
  struct asked a = {.resumed = st->resumed, .end = st->end_asked, .waiting = st->n - st->head};
  st->resumed = false;
  (void)pthread_mutex_unlock(&st->server->mtx);
  return a;
}

static void on_pump(struct rpc_call *c) {
  struct hub_stream *st = rpc_call_state(c);
  struct asked a = look(st);
  if (a.resumed && st->keeping) offer(st);
  if (rpc_call_can_send(c) && encode_next(st)) {
    rpc_call_send(c, st->out.data, st->out.size);
  } else if (rpc_call_can_send(c)) { /* nothing in flight: all that was replied has left */
    if (a.end)
      finish(st, st->end_code, st->end_text);
    else if (rpc_call_half_closed(c) && !st->keeping)
      finish(st, TFDC_OK, NULL);
    else if (rpc_call_draining(c) && (st->keeping || !ingest_dict_due(&st->dict)))
      finish(st, TFDC_E_DRAINING, tfdc_rc_text(TFDC_E_DRAINING));
  }
  if (!st->keeping && !a.end && !rpc_call_draining(c) && a.waiting < INBOX_READ) rpc_call_read(c);
}

static void on_closed(struct rpc_call *c) {
  struct hub_stream *st = rpc_call_state(c);
  struct hub_grpc *s = st->server;
  if (st->id != 0) give_slot(st);
  if (st->id != 0) metrics_add(s->metrics, MODEL_METRIC_INGEST_STREAMS_ENDED, st->end_reason, 1);
  if (st->keeping) model_block_unref(st->kept.block); /* never acked: the hub sends it again */
  if (st->greeted) {
    const struct model_hub_msg closed = {.kind = MODEL_HUB_CLOSED};
    (void)s->sink->message(s->sink, st->id, rpc_call_peer(c), &closed);
  }
  ingest_dict_deinit(&st->dict);
  tfdc_arena_deinit(&st->mem);
  tfdc_buf_deinit(&st->out);
  free(st->inbox);
}

const struct rpc_method hub_stream_method = {.path = "/tfdc.ingest.v1.Ingest/Stream",
                                             .limited = true,
                                             .state_size = sizeof(struct hub_stream),
                                             .opened = on_opened,
                                             .message = on_message,
                                             .pump = on_pump,
                                             .closed = on_closed};
