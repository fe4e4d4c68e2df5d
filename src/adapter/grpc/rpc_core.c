/* SPDX-License-Identifier: Apache-2.0
 * Life of a server's call:
 *
 *   armed --new--> open --status--> finished --close and no tag outstanding--> freed
 *                   |                               ^
 *                   +--- close (cancelled) ---------+
 *
 * Outstanding tags are counted; the call is freed when none is left and RECV_CLOSE has come. At most one receive and
 * one send are in flight, the status never while a send is. */
#include "adapter/grpc/rpc_priv.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct rpc_call {
  struct rpc_listener *listener;
  struct rpc_server *server;
  struct rpc_queue *queue;
  const struct rpc_method *method; /* NULL: a method that is not served */
  size_t method_i;
  grpc_call *call;
  grpc_call_details details; /* method NULL */
  grpc_metadata_array metadata;
  gpr_timespec deadline;
  grpc_byte_buffer *received, *sending;
  grpc_metadata trailer;
  struct rpc_tag on_new, on_opening, on_recv, on_send, on_close, on_status, on_wake;
  /* the queue's thread */
  int pending; /* tags outstanding, wakes aside */
  int was_cancelled;
  bool opened, close_came, ended, recv_on, send_on, half_closed, finishing, status_started, has_trailer;
  enum rpc_status status;
  tfdc_rc rc;
  char text[256];
  char peer[128];
  char address[64];
  /* server's mtx */
  struct rpc_call *prev, *next;
  bool linked, counted;
  atomic_uint wake; /* RUNNING | DIRTY | POSTED */
  _Alignas(max_align_t) char state[];
};

enum { RUNNING = 1, DIRTY = 2, POSTED = 4 };

static void try_free(struct rpc_call *c);

/* ---- batches ---- */
static void start(struct rpc_call *c, const grpc_op *ops, size_t n, struct rpc_tag *tag) {
  grpc_call_error e = grpc_call_start_batch(c->call, ops, n, tag, NULL);
  TFDC_ASSERT(e == GRPC_CALL_OK);
  c->pending++;
}

static void start_status(struct rpc_call *c) {
  grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
  grpc_slice text = grpc_slice_from_copied_string(c->text);
  op.data.send_status_from_server.status = (grpc_status_code)c->status;
  op.data.send_status_from_server.status_details = &text; /* read during start_batch only */
  if (c->rc != TFDC_OK) {
    c->trailer = (grpc_metadata){.key = grpc_slice_from_static_string("grpc-status-details-bin"),
                                 .value = rpc_status_details(c->status, c->rc, c->text)};
    c->has_trailer = true;
    op.data.send_status_from_server.trailing_metadata = &c->trailer;
    op.data.send_status_from_server.trailing_metadata_count = 1;
  }
  c->status_started = true;
  start(c, &op, 1, &c->on_status);
  grpc_slice_unref(text);
}

void rpc_call_finish(struct rpc_call *c, enum rpc_status status, tfdc_rc rc, const char *text) {
  if (c->finishing || c->close_came) return;
  c->finishing = true;
  c->status = status;
  c->rc = rc;
  (void)snprintf(c->text, sizeof c->text, "%s", text == NULL ? "" : text);
  if (!c->send_on) start_status(c);
}

void rpc_call_read(struct rpc_call *c) {
  if (c->recv_on || c->half_closed || c->finishing || c->close_came) return;
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &c->received;
  c->recv_on = true;
  start(c, &op, 1, &c->on_recv);
}

void rpc_call_send(struct rpc_call *c, const uint8_t *data, size_t n) {
  TFDC_ASSERT(rpc_call_can_send(c));
  grpc_slice slice = grpc_slice_from_copied_buffer((const char *)data, n);
  c->sending = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
  op.data.send_message.send_message = c->sending;
  c->send_on = true;
  start(c, &op, 1, &c->on_send);
}

/* While the call's own thread is at work for it, a mark is enough: the thread looks before it leaves. Else an empty
 * batch is posted, whose tag comes at once; one is enough however many ask. */
void rpc_call_wake(struct rpc_call *c) {
  unsigned was = atomic_load(&c->wake), now;
  do {
    now = was | DIRTY | ((was & RUNNING) != 0 ? 0 : POSTED);
  } while (!atomic_compare_exchange_weak(&c->wake, &was, now));
  if ((now & POSTED) == 0 || (was & POSTED) != 0) return;
  grpc_call_error e = grpc_call_start_batch(c->call, NULL, 0, &c->on_wake, NULL);
  TFDC_ASSERT(e == GRPC_CALL_OK);
}

void rpc_server_wake_all(struct rpc_server *s) {
  (void)pthread_mutex_lock(&s->mtx);
  for (struct rpc_call *c = s->live; c != NULL; c = c->next) rpc_call_wake(c);
  (void)pthread_mutex_unlock(&s->mtx);
}

/* ---- what hooks may ask ---- */
void *rpc_call_state(struct rpc_call *c) { return c->state; }
void *rpc_call_user(struct rpc_call *c) { return c->server->o.user; }
const char *rpc_call_peer(struct rpc_call *c) { return c->peer; }
bool rpc_call_draining(const struct rpc_call *c) { return atomic_load(&c->server->drain_seen); }
bool rpc_call_half_closed(const struct rpc_call *c) { return c->half_closed; }
bool rpc_call_can_send(const struct rpc_call *c) { return !c->send_on && !c->finishing && !c->close_came; }

/* ---- bytes ---- */
bool rpc_flat_take(grpc_byte_buffer *bb, struct rpc_flat *ret) {
  grpc_byte_buffer_reader reader;
  if (!grpc_byte_buffer_reader_init(&reader, bb)) return false;
  ret->slice = grpc_byte_buffer_reader_readall(&reader);
  grpc_byte_buffer_reader_destroy(&reader);
  ret->data = GRPC_SLICE_START_PTR(ret->slice);
  ret->n = GRPC_SLICE_LENGTH(ret->slice);
  return true;
}
void rpc_flat_done(struct rpc_flat *f) { grpc_slice_unref(f->slice); }

/* ---- completions ---- */
static void pump(struct rpc_call *c) {
  if (c->method != NULL && !c->finishing && !c->close_came) c->method->pump(c);
}

/* Every completion is handled between these two. */
static void enter(struct rpc_call *c) { (void)atomic_fetch_or(&c->wake, RUNNING); }
static void leave(struct rpc_call *c) {
  pump(c);
  unsigned was = atomic_load(&c->wake);
  for (;;) {
    if ((was & DIRTY) != 0) {
      (void)atomic_fetch_and(&c->wake, ~(unsigned)DIRTY);
      pump(c);
      was = atomic_load(&c->wake);
    } else if (atomic_compare_exchange_weak(&c->wake, &was, was & ~(unsigned)RUNNING)) {
      break;
    }
  }
  try_free(c);
}

static void deliver(struct rpc_call *c) {
  grpc_byte_buffer *bb = c->received;
  c->received = NULL;
  struct rpc_flat flat;
  if (!rpc_flat_take(bb, &flat)) {
    rpc_call_finish(c, RPC_INTERNAL, TFDC_E_INTERNAL, "a message could not be read");
  } else {
    if (!c->finishing && !c->close_came) c->method->message(c, flat.data, flat.n);
    rpc_flat_done(&flat);
  }
  grpc_byte_buffer_destroy(bb);
}

static void came_recv(void *owner, bool ok) {
  struct rpc_call *c = owner;
  c->pending--;
  c->recv_on = false;
  if (ok && c->received != NULL)
    deliver(c);
  else
    c->half_closed = true; /* or cancelled: RECV_CLOSE tells */
  pump(c);
  try_free(c);
}

static void came_send(void *owner, bool ok) {
  (void)ok; /* a failed send is followed by RECV_CLOSE */
  struct rpc_call *c = owner;
  enter(c);
  c->pending--;
  c->send_on = false;
  grpc_byte_buffer_destroy(c->sending);
  c->sending = NULL;
  if (c->finishing && !c->status_started && !c->close_came) start_status(c);
  leave(c);
}

static void came_close(void *owner, bool ok) {
  (void)ok;
  struct rpc_call *c = owner;
  c->pending--;
  c->close_came = true;
  try_free(c);
}

static void came_nothing(void *owner, bool ok) { /* opening, status */
  (void)ok;
  struct rpc_call *c = owner;
  c->pending--;
  try_free(c);
}

static void came_wake(void *owner, bool ok) {
  (void)ok;
  struct rpc_call *c = owner;
  enter(c);
  (void)atomic_fetch_and(&c->wake, ~(unsigned)(POSTED | DIRTY));
  leave(c);
}

static void release(struct rpc_call *c) {
  if (c->received != NULL) grpc_byte_buffer_destroy(c->received);
  if (c->has_trailer) grpc_slice_unref(c->trailer.value);
  grpc_metadata_array_destroy(&c->metadata);
  if (c->method == NULL) grpc_call_details_destroy(&c->details);
  if (c->call != NULL) grpc_call_unref(c->call);
  gpr_free(c);
}

/* Under mtx. Core has no limit of connections and tells of none, so those that carry a limited call are counted by
 * their peers' addresses. False: no memory; never for a call that goes. */
static bool count_call(struct rpc_call *c, bool comes) {
  struct rpc_server *s = c->server;
  struct tfdc_id128 key = tfdc_xxh3_128(c->address, strlen(c->address));
  uintptr_t calls = (uintptr_t)tfdc_map_get(&s->connections, key) + (comes ? 1 : UINTPTR_MAX);
  size_t before = s->connections.n;
  if (calls == 0)
    tfdc_map_remove(&s->connections, key);
  else if (tfdc_map_put(&s->connections, key, (void *)calls) != TFDC_OK)
    return false;
  if (s->connections.n != before && s->o.connections != NULL) s->o.connections(s->o.user, s->connections.n);
  return true;
}

static void unlink_call(struct rpc_call *c) {
  (void)pthread_mutex_lock(&c->server->mtx);
  if (c->prev != NULL)
    c->prev->next = c->next;
  else
    c->server->live = c->next;
  if (c->next != NULL) c->next->prev = c->prev;
  c->linked = false;
  if (c->counted) c->counted = !count_call(c, false);
  (void)pthread_mutex_unlock(&c->server->mtx);
}

static void try_free(struct rpc_call *c) {
  if (c->pending > 0 || !c->close_came) return;
  if (!c->ended && c->opened && c->method->closed != NULL) c->method->closed(c);
  c->ended = true;
  if (c->linked) unlink_call(c);
  if ((atomic_load(&c->wake) & POSTED) != 0) return; /* nobody posts another one; its tag brings us back */
  release(c);
}

/* ---- new calls ---- */
static void read_peer(struct rpc_call *c) {
  grpc_auth_context *ctx = grpc_call_auth_context(c->call);
  if (ctx != NULL) { /* it is there on plaintext too */
    grpc_auth_property_iterator it = grpc_auth_context_find_properties_by_name(ctx, GRPC_X509_CN_PROPERTY_NAME);
    const grpc_auth_property *p = grpc_auth_property_iterator_next(&it);
    if (p != NULL && grpc_auth_context_peer_is_authenticated(ctx))
      (void)snprintf(c->peer, sizeof c->peer, "%.*s", (int)p->value_length, p->value);
    grpc_auth_context_release(ctx);
  }
  char *address = grpc_call_get_peer(c->call);
  (void)snprintf(c->address, sizeof c->address, "%s", address == NULL ? "" : address);
  gpr_free(address);
}

/* Links the call; false when its connection is one too many. */
static bool link_call(struct rpc_call *c) {
  struct rpc_server *s = c->server;
  (void)pthread_mutex_lock(&s->mtx);
  c->next = s->live;
  if (s->live != NULL) s->live->prev = c;
  s->live = c;
  c->linked = true;
  bool limited = c->method != NULL && c->method->limited;
  c->counted = limited && count_call(c, true);
  bool room = !limited || (c->counted && s->connections.n <= s->o.max_connections);
  (void)pthread_mutex_unlock(&s->mtx);
  return room;
}

static void open_call(struct rpc_call *c) {
  grpc_op close_op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
  close_op.data.recv_close_on_server.cancelled = &c->was_cancelled;
  start(c, &close_op, 1, &c->on_close);
  grpc_op opening = {.op = GRPC_OP_SEND_INITIAL_METADATA};
  start(c, &opening, 1, &c->on_opening);
}

/* What the new call is told first. */
static void begin(struct rpc_call *c) {
  char text[96];
  if (!link_call(c)) {
    c->server->o.event(c->server->o.user, RPC_CONNECTION_REFUSED, c->address);
    (void)snprintf(text, sizeof text, "more than %u connections", (unsigned)c->server->o.max_connections);
    rpc_call_finish(c, RPC_RESOURCE_EXHAUSTED, TFDC_E_TOO_MANY_STREAMS, text);
  } else if (c->method == NULL) {
    rpc_call_finish(c, RPC_UNIMPLEMENTED, TFDC_E_UNSUPPORTED, "unknown method");
  } else {
    c->opened = true;
    if (c->method->opened != NULL) c->method->opened(c);
    if (c->method->one_request && c->received != NULL)
      deliver(c);
    else if (c->method->one_request)
      rpc_call_finish(c, RPC_INVALID_ARGUMENT, TFDC_E_MALFORMED, "no request message");
  }
}

static void came_new(void *owner, bool ok) {
  struct rpc_call *c = owner;
  if (!ok) { /* the listener goes down: nothing was received */
    release(c);
    return;
  }
  rpc_call_arm(c->listener, c->queue, c->method_i);
  enter(c);
  read_peer(c);
  open_call(c);
  begin(c);
  leave(c);
}

/* The core aborts when memory is short, and so does gpr_zalloc: there is nothing to be saved here. */
void rpc_call_arm(struct rpc_listener *l, struct rpc_queue *q, size_t method) {
  struct rpc_server *s = l->server;
  const struct rpc_method *m = method < s->o.n_methods ? &s->o.methods[method] : NULL;
  struct rpc_call *c = gpr_zalloc(sizeof *c + (m == NULL ? 0 : m->state_size));
  c->listener = l;
  c->server = s;
  c->queue = q;
  c->method = m;
  c->method_i = method;
  c->on_new = (struct rpc_tag){came_new, c};
  c->on_opening = c->on_status = (struct rpc_tag){came_nothing, c};
  c->on_recv = (struct rpc_tag){came_recv, c};
  c->on_send = (struct rpc_tag){came_send, c};
  c->on_close = (struct rpc_tag){came_close, c};
  c->on_wake = (struct rpc_tag){came_wake, c};
  atomic_init(&c->wake, 0);
  grpc_metadata_array_init(&c->metadata);
  grpc_call_error e;
  if (m == NULL) {
    grpc_call_details_init(&c->details);
    e = grpc_server_request_call(l->core, &c->call, &c->details, &c->metadata, q->cq, q->cq, &c->on_new);
  } else {
    e = grpc_server_request_registered_call(l->core, l->methods[method], &c->call, &c->deadline, &c->metadata,
                                            m->one_request ? &c->received : NULL, q->cq, q->cq, &c->on_new);
  }
  TFDC_ASSERT(e == GRPC_CALL_OK);
}
