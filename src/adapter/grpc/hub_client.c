/* SPDX-License-Identifier: Apache-2.0
 *
 *                      +------------- back-off over ------------+
 *                      v                                        |
 *   create --> CONNECTING --connected--> CONNECTED --over--> WAITING        any --close--> CLOSING --> freed
 *                      |                        |
 *                      +--over, permanent-------+--> STOPPED
 *
 * The loop's thread owns the state; the stream's thread hands what comes over to it through one inbox and one task, and
 * feeds the stream from the queue of encoded messages. */
#include "adapter/grpc/hub_client_grpc.h"

#include "adapter/grpc/ingest_wire.h"
#include "adapter/grpc/rpc_core.h"
#include "base/sm.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTING, CONNECTED, WAITING, STOPPED, CLOSING, N_STATES };
static const struct tfdc_sm_state states[N_STATES] = {
    [CONNECTING] = {"CONNECTING",
                    TFDC_SM_TO(CONNECTED) | TFDC_SM_TO(WAITING) | TFDC_SM_TO(STOPPED) | TFDC_SM_TO(CLOSING)},
    [CONNECTED] = {"CONNECTED", TFDC_SM_TO(WAITING) | TFDC_SM_TO(STOPPED) | TFDC_SM_TO(CLOSING)},
    [WAITING] = {"WAITING", TFDC_SM_TO(CONNECTING) | TFDC_SM_TO(STOPPED) | TFDC_SM_TO(CLOSING) | TFDC_SM_TO(WAITING)},
    [STOPPED] = {"STOPPED", TFDC_SM_TO(CLOSING)},
    [CLOSING] = {"CLOSING", 0},
};
enum { CLOSE_LIMIT_S = 10 };

struct message { /* encoded, waits to be sent */
  struct message *next;
  uint8_t *data; /* owned */
  size_t n;
};
struct incoming { /* decoded, waits for the loop */
  struct incoming *next;
  struct tfdc_arena mem;
  struct model_hub_reply r;
};
struct client {
  struct hub_client base; /* first: a hub_client is a client */
  struct hub_client_grpc_options o;
  char *strings[5]; /* owned: what o points to */
  struct port_loop *loop;
  struct hub_client_events events;
  void *user;
  /* the loop's thread */
  struct tfdc_sm sm;
  struct rpc_stream *stream;
  struct port_timer timer; /* back-off, or the limit of closing */
  int64_t backoff_ms;
  uint64_t random;
  struct port_task *closed;
  /* mtx */
  pthread_mutex_t mtx;
  struct port_task task;
  bool posted;
  struct message *out, **out_tail;
  size_t out_bytes; /* in flight included */
  size_t flight;    /* bytes of the message in flight */
  bool sending, half_close, want_writable;
  struct incoming *in, **in_tail;
  bool came_connected, came_writable, came_over;
  enum rpc_status status;
  char text[256], reason[64];
};

/* ---- the stream's thread ---- */
/* Holds mtx. */
static void post(struct client *c) {
  if (c->posted) return;
  c->posted = true;
  port_post(c->loop, &c->task);
}

static void on_connected(void *user) {
  struct client *c = user;
  (void)pthread_mutex_lock(&c->mtx);
  c->came_connected = true;
  post(c);
  (void)pthread_mutex_unlock(&c->mtx);
}

static void on_message(void *user, const uint8_t *data, size_t n) {
  struct client *c = user;
  struct incoming *in = calloc(1, sizeof *in);
  if (in == NULL || ingest_decode_reply(data, n, &in->mem, &in->r) != TFDC_OK) { /* of a newer release, or no memory */
    if (in != NULL) tfdc_arena_deinit(&in->mem);
    free(in);
    return;
  }
  (void)pthread_mutex_lock(&c->mtx);
  *c->in_tail = in;
  c->in_tail = &in->next;
  post(c);
  (void)pthread_mutex_unlock(&c->mtx);
}

/* Holds mtx: sends the next message, or the half close when all have left. */
static void send_next(struct client *c) {
  struct message *m = c->out;
  if (m == NULL) {
    if (c->half_close) rpc_stream_half_close(c->stream);
    c->half_close = false;
    return;
  }
  c->out = m->next;
  if (c->out == NULL) c->out_tail = &c->out;
  c->sending = true;
  c->flight = m->n;
  rpc_stream_send(c->stream, m->data, m->n, c->out != NULL); /* takes the bytes */
  free(m);
}

static void on_sent(void *user) {
  struct client *c = user;
  (void)pthread_mutex_lock(&c->mtx);
  c->sending = false;
  c->out_bytes -= c->flight;
  c->flight = 0;
  send_next(c);
  if (c->want_writable && c->out_bytes <= c->o.queue_bytes / 2) {
    c->want_writable = false;
    c->came_writable = true;
    post(c);
  }
  (void)pthread_mutex_unlock(&c->mtx);
}

static void on_over(void *user, enum rpc_status status, const char *text, const char *reason) {
  struct client *c = user;
  (void)pthread_mutex_lock(&c->mtx);
  c->came_over = true;
  c->status = status;
  (void)snprintf(c->text, sizeof c->text, "%s", text);
  (void)snprintf(c->reason, sizeof c->reason, "%s", reason);
  post(c);
  (void)pthread_mutex_unlock(&c->mtx);
}

/* ---- the loop's thread ---- */
static void drop_queue(struct client *c) {
  while (c->out != NULL) {
    struct message *m = c->out;
    c->out = m->next;
    free(m->data);
    free(m);
  }
  c->out_tail = &c->out;
  c->out_bytes = c->flight = 0;
  c->sending = c->half_close = c->want_writable = c->came_writable = false;
}

static void drop_incoming(struct incoming *list) {
  while (list != NULL) {
    struct incoming *next = list->next;
    tfdc_arena_deinit(&list->mem);
    free(list);
    list = next;
  }
}

static void free_client(struct client *c) {
  drop_queue(c);
  drop_incoming(c->in);
  for (size_t i = 0; i < TFDC_COUNT(c->strings); i++) free(c->strings[i]);
  (void)pthread_mutex_destroy(&c->mtx);
  free(c);
}

static void finish_close(struct client *c) {
  struct port_loop *loop = c->loop;
  struct port_task *closed = c->closed;
  port_forget(loop, &c->timer);
  free_client(c);
  port_post(loop, closed);
}

/* Which error a stream's end is. */
static tfdc_rc rc_of(enum rpc_status status, const char *reason) {
  tfdc_rc rc;
  if (tfdc_rc_parse(reason, &rc)) return rc;
  switch (status) {
  case RPC_OK: return TFDC_E_CLOSED;
  case RPC_CANCELLED: return TFDC_E_CANCELLED;
  case RPC_INVALID_ARGUMENT: return TFDC_E_MALFORMED;
  case RPC_NOT_FOUND:
  case RPC_UNIMPLEMENTED: return TFDC_E_UNSUPPORTED; /* not a collector */
  case RPC_PERMISSION_DENIED:
  case RPC_UNAUTHENTICATED: return TFDC_E_AUTH;
  case RPC_RESOURCE_EXHAUSTED: return TFDC_E_LIMIT; /* a message over the limit would be so again */
  case RPC_FAILED_PRECONDITION: return TFDC_E_NO_HELLO;
  case RPC_INTERNAL: return TFDC_E_INTERNAL;
  case RPC_UNAVAILABLE: return TFDC_E_UNAVAILABLE;
  }
  return TFDC_E_UNAVAILABLE;
}

static tfdc_rc open_stream(struct client *c, struct tfdc_error *err) {
  const struct rpc_tls tls = {.cert = c->o.tls_cert, .key = c->o.tls_key, .ca = c->o.tls_ca};
  bool secure = tls.cert != NULL || tls.key != NULL || tls.ca != NULL;
  const struct rpc_stream_options o = {.address = c->o.address,
                                       .tls = secure ? &tls : NULL,
                                       .server_name = c->o.server_name,
                                       .path = "/tfdc.ingest.v1.Ingest/Stream",
                                       .max_message_bytes = c->o.max_message_bytes,
                                       .keepalive_ms = c->o.keepalive_ms,
                                       .keepalive_timeout_ms = c->o.keepalive_timeout_ms,
                                       .connect_timeout_ms = c->o.connect_timeout_ms,
                                       .user = c,
                                       .connected = on_connected,
                                       .message = on_message,
                                       .sent = on_sent,
                                       .over = on_over};
  return rpc_stream_open(&o, &c->stream, err);
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void disconnected(struct client *c, tfdc_rc rc, const char *text) {
  bool permanent = tfdc_rc_action(rc) == TFDC_ACTION_TERMINATE;
  tfdc_sm_move(&c->sm, permanent ? STOPPED : WAITING);
  if (!permanent) {
    int64_t half_us = c->backoff_ms * TFDC_US_PER_MS / 2;
    int64_t wait_us = half_us + (int64_t)(next_random(&c->random) % (uint64_t)(half_us + 1));
    c->backoff_ms = c->backoff_ms * 2 < c->o.backoff_max_ms ? c->backoff_ms * 2 : c->o.backoff_max_ms;
    port_arm(c->loop, &c->timer, tfdc_mono_add(port_mono(c->loop->clock), (tfdc_dur){wait_us}));
  }
  c->events.disconnected(c->user, rc, text, permanent);
}

static void on_timer(struct port_timer *t) {
  struct client *c = (struct client *)((char *)t - offsetof(struct client, timer));
  if (c->sm.state == CLOSING) {
    if (c->stream != NULL) rpc_stream_cancel(c->stream);
    return;
  }
  struct tfdc_error err = {.code = TFDC_OK};
  tfdc_rc rc = open_stream(c, &err);
  if (rc == TFDC_OK)
    tfdc_sm_move(&c->sm, CONNECTING);
  else
    disconnected(c, rc, tfdc_error_msg(&err));
}

static void handle_over(struct client *c, enum rpc_status status, const char *text, const char *reason) {
  rpc_stream_destroy(c->stream);
  c->stream = NULL;
  (void)pthread_mutex_lock(&c->mtx);
  drop_queue(c);
  (void)pthread_mutex_unlock(&c->mtx);
  if (c->sm.state == CLOSING)
    finish_close(c);
  else
    disconnected(c, rc_of(status, reason), text[0] != '\0' ? text : "the collector ended the stream");
}

static void on_task(struct port_task *t) {
  struct client *c = (struct client *)((char *)t - offsetof(struct client, task));
  char text[256], reason[64];
  (void)pthread_mutex_lock(&c->mtx);
  c->posted = false;
  struct incoming *in = c->in;
  c->in = NULL;
  c->in_tail = &c->in;
  bool connected = c->came_connected, writable = c->came_writable, over = c->came_over;
  c->came_connected = c->came_writable = c->came_over = false;
  enum rpc_status status = c->status;
  memcpy(text, c->text, sizeof text);
  memcpy(reason, c->reason, sizeof reason);
  (void)pthread_mutex_unlock(&c->mtx);
  if (connected && c->sm.state == CONNECTING) {
    tfdc_sm_move(&c->sm, CONNECTED);
    c->events.connected(c->user);
  }
  for (struct incoming *i = in; i != NULL; i = i->next) {
    c->backoff_ms = c->o.backoff_min_ms; /* it speaks with us: not refused */
    c->events.reply(c->user, &i->r);
  }
  drop_incoming(in);
  if (writable && c->sm.state == CONNECTED) c->events.writable(c->user);
  if (over)
    handle_over(c, status, text, reason);
  else if (c->sm.state == CLOSING && c->stream == NULL)
    finish_close(c);
}

static tfdc_rc client_send(struct hub_client *base, const struct model_hub_msg *msg) {
  struct client *c = (struct client *)base;
  if (c->sm.state != CONNECTED) return TFDC_E_CLOSED;
  (void)pthread_mutex_lock(&c->mtx);
  bool full = c->out_bytes >= c->o.queue_bytes;
  c->want_writable |= full;
  (void)pthread_mutex_unlock(&c->mtx);
  if (full) return TFDC_E_BUSY;
  struct tfdc_buf buf = {.limit = 0};
  struct message *m = calloc(1, sizeof *m);
  tfdc_rc rc = m == NULL ? TFDC_E_NOMEM : ingest_encode(msg, &buf);
  if (rc != TFDC_OK) {
    tfdc_buf_deinit(&buf);
    free(m);
    return rc;
  }
  m->data = buf.data;
  m->n = buf.size;
  (void)pthread_mutex_lock(&c->mtx);
  *c->out_tail = m;
  c->out_tail = &m->next;
  c->out_bytes += m->n;
  if (!c->sending) send_next(c);
  (void)pthread_mutex_unlock(&c->mtx);
  return TFDC_OK;
}

static void client_close(struct hub_client *base, struct port_task *closed) {
  struct client *c = (struct client *)base;
  c->closed = closed;
  port_forget(c->loop, &c->timer);
  tfdc_sm_move(&c->sm, CLOSING);
  (void)pthread_mutex_lock(&c->mtx);
  if (c->stream == NULL) { /* the task frees: never inside this call */
    post(c);
  } else {
    c->half_close = true;
    if (!c->sending) send_next(c);
  }
  (void)pthread_mutex_unlock(&c->mtx);
  if (c->stream != NULL)
    port_arm(c->loop, &c->timer, tfdc_mono_add(port_mono(c->loop->clock), tfdc_seconds(CLOSE_LIMIT_S)));
}

static const struct hub_client_ops ops = {.send = client_send, .close = client_close};

static bool copy_strings(struct client *c) {
  const char **from[] = {&c->o.address, &c->o.tls_ca, &c->o.tls_cert, &c->o.tls_key, &c->o.server_name};
  for (size_t i = 0; i < TFDC_COUNT(from); i++) {
    if (*from[i] == NULL) continue;
    c->strings[i] = strdup(*from[i]);
    if (c->strings[i] == NULL) return false;
    *from[i] = c->strings[i];
  }
  return true;
}

tfdc_rc hub_client_grpc_create(const struct hub_client_grpc_options *o, struct port_loop *loop,
                               const struct hub_client_events *events, void *user, struct hub_client **ret,
                               struct tfdc_error *err) {
  struct client *c = calloc(1, sizeof *c);
  if (c == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "hub client");
  c->base.ops = &ops;
  c->o = *o;
  c->loop = loop;
  c->events = *events;
  c->user = user;
  c->task.fn = on_task;
  c->timer.fn = on_timer;
  c->backoff_ms = o->backoff_min_ms;
  c->random = o->seed != 0 ? o->seed : (uint64_t)port_mono(loop->clock).us;
  c->out_tail = &c->out;
  c->in_tail = &c->in;
  tfdc_sm_init(&c->sm, states, N_STATES, CONNECTING);
  (void)pthread_mutex_init(&c->mtx, NULL);
  tfdc_rc rc = copy_strings(c) ? open_stream(c, err) : tfdc_fail(err, TFDC_E_NOMEM, "hub client");
  if (rc != TFDC_OK) {
    free_client(c);
    return rc;
  }
  *ret = &c->base;
  return TFDC_OK;
}
