/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller's threads append to a run's list of kept messages; the loop's thread alone sends from it and takes away
 * what was answered. So a message that is being encoded needs no lock. */
#include "run/feeder.h"

#include "base/map.h"
#include "model/codec.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEEP_BYTES_DEFAULT ((size_t)64 << 20)
enum { MESSAGE_COST = 256 }; /* what a message weighs beside its block */

struct kept { /* a message that is not answered yet */
  struct kept *next;
  struct model_hub_msg msg; /* owns a reference of its block */
  struct tfdc_arena mem;    /* what else msg points to */
  size_t bytes;
};
struct run {
  struct run *next;
  uint64_t handle;
  struct tfdc_arena mem;
  struct model_context context;
  struct kept *head, **tail; /* in order of seq */
  struct kept *unsent;       /* first of them that this stream has not seen; NULL = all were sent */
  uint64_t seq;              /* of the last message */
  uint64_t resume_seq;       /* durable when the stream began: never sent */
  bool announced, resumed;   /* on this stream: RUN_START was sent; RESUME has come */
  bool end_given;            /* the caller sent RUN_END */
  bool end_acked;
  bool refused; /* the run or its end was rejected: nothing more will come */
  bool told;    /* acked_end was called */
  struct feeder_result result;
};
struct feeder {
  struct feeder_options o;
  struct tfdc_arena mem; /* what o points to */
  struct port_loop *loop;
  struct port_task pump_task, close_task, closed_task;
  pthread_mutex_t mtx;
  pthread_cond_t changed; /* monotonic clock */
  /* mtx: */
  struct hub_client *client; /* somebody else's until close() */
  bool pump_posted, connected, greeted, closed;
  int64_t down_since_us; /* while not connected */
  tfdc_rc dead;          /* permanent refusal */
  char dead_text[200];
  size_t bytes;
  struct run *runs, **runs_tail;
  struct tfdc_map by_handle;
  uint64_t last_handle;
};

static struct tfdc_id128 handle_key(uint64_t handle) { return (struct tfdc_id128){0, handle}; }

static void free_kept(struct kept *k) {
  model_block_unref(k->msg.block);
  tfdc_arena_deinit(&k->mem);
  free(k);
}

/* ---- the loop's thread ---- */

static void post_pump(struct feeder *f) { /* holds mtx */
  if (f->pump_posted || f->client == NULL) return;
  f->pump_posted = true;
  port_post(f->loop, &f->pump_task);
}

static struct run *first_to_announce(struct feeder *f) {
  for (struct run *r = f->runs; r != NULL; r = r->next)
    if (!r->announced && !r->refused && !r->told) return r;
  return NULL;
}

static struct run *first_to_send(struct feeder *f) {
  for (struct run *r = f->runs; r != NULL; r = r->next)
    if (r->resumed && r->unsent != NULL) return r;
  return NULL;
}

/* Holds mtx, lets it go while the client encodes. */
static tfdc_rc send_unlocked(struct feeder *f, const struct model_hub_msg *m) {
  struct hub_client *client = f->client;
  (void)pthread_mutex_unlock(&f->mtx);
  tfdc_rc rc = client->ops->send(client, m);
  (void)pthread_mutex_lock(&f->mtx);
  return rc;
}

/* Sends the next message there is: hello, run starts, then what follows them. False: nothing more for now. */
static bool send_one(struct feeder *f) {
  if (!f->connected) return false;
  if (!f->greeted) {
    const struct model_hub_msg hello = {.kind = MODEL_HUB_HELLO,
                                        .hub = f->o.hub,
                                        .historical = f->o.historical,
                                        .chambers = f->o.chambers,
                                        .n_chambers = f->o.n_chambers};
    f->greeted = send_unlocked(f, &hello) == TFDC_OK;
    return f->greeted;
  }
  struct run *r = first_to_announce(f);
  if (r != NULL) {
    const struct model_hub_msg start = {.kind = MODEL_HUB_RUN_START, .run = r->handle, .context = &r->context};
    r->announced = send_unlocked(f, &start) == TFDC_OK;
    return r->announced;
  }
  r = first_to_send(f);
  if (r == NULL) return false;
  struct kept *k = r->unsent;
  if (send_unlocked(f, &k->msg) != TFDC_OK) return false;
  r->unsent = k->next;
  return true;
}

static void on_pump(struct port_task *t) {
  struct feeder *f = (struct feeder *)((char *)t - offsetof(struct feeder, pump_task));
  (void)pthread_mutex_lock(&f->mtx);
  f->pump_posted = false;
  while (send_one(f)) {
  }
  (void)pthread_mutex_unlock(&f->mtx);
}

static void on_connected(void *user) {
  struct feeder *f = user;
  (void)pthread_mutex_lock(&f->mtx);
  f->connected = true;
  f->greeted = false;
  for (struct run *r = f->runs; r != NULL; r = r->next) r->announced = r->resumed = false;
  post_pump(f);
  (void)pthread_cond_broadcast(&f->changed);
  (void)pthread_mutex_unlock(&f->mtx);
}

static void on_disconnected(void *user, tfdc_rc code, const char *text, bool permanent) {
  struct feeder *f = user;
  (void)pthread_mutex_lock(&f->mtx);
  if (f->connected) f->down_since_us = port_mono(f->loop->clock).us;
  f->connected = false;
  if (permanent) f->dead = code;
  (void)snprintf(f->dead_text, sizeof f->dead_text, "%s", text);
  (void)pthread_cond_broadcast(&f->changed);
  (void)pthread_mutex_unlock(&f->mtx);
}

static void on_writable(void *user) {
  struct feeder *f = user;
  (void)pthread_mutex_lock(&f->mtx);
  post_pump(f);
  (void)pthread_mutex_unlock(&f->mtx);
}

static void take_away(struct feeder *f, struct run *r, struct kept **at) {
  struct kept *k = *at;
  *at = k->next;
  if (r->tail == &k->next) r->tail = at;
  if (r->unsent == k) r->unsent = k->next;
  f->bytes -= k->bytes;
  free_kept(k);
}

static void take_away_to(struct feeder *f, struct run *r, uint64_t seq) {
  while (r->head != NULL && r->head->msg.seq <= seq) take_away(f, r, &r->head);
}

static void resumed(struct feeder *f, struct run *r, const struct model_hub_reply *m) {
  take_away_to(f, r, m->seq);
  r->resume_seq = m->seq;
  r->resumed = true;
  r->end_acked = m->closed;
  r->unsent = r->head;
}

static void rejected(struct feeder *f, struct run *r, const struct model_hub_reply *m) {
  if (r->result.rejects++ == 0) {
    r->result.reject_code = m->code;
    (void)snprintf(r->result.reject_text, sizeof r->result.reject_text, "%s", m->text != NULL ? m->text : "");
  }
  if (m->seq == 0) {
    r->refused = true;
    take_away_to(f, r, UINT64_MAX);
    return;
  }
  struct kept **at = &r->head;
  while (*at != NULL && (*at)->msg.seq != m->seq) at = &(*at)->next;
  if (*at == NULL) return;
  if ((*at)->msg.kind == MODEL_HUB_RUN_END) r->refused = true;
  take_away(f, r, at);
}

static bool is_over(const struct run *r) { return r->refused || (r->end_given && r->end_acked && r->head == NULL); }

static void on_reply(void *user, const struct model_hub_reply *m) {
  struct feeder *f = user;
  if (m->kind == MODEL_REPLY_HELLO) return;
  bool ended = false;
  struct tfdc_id128 context_id = {0};
  (void)pthread_mutex_lock(&f->mtx);
  struct run *r = tfdc_map_get(&f->by_handle, handle_key(m->run));
  if (r != NULL) {
    if (m->kind == MODEL_REPLY_RESUME) resumed(f, r, m);
    if (m->kind == MODEL_REPLY_ACK) {
      take_away_to(f, r, m->seq);
      r->end_acked = m->end;
    }
    if (m->kind == MODEL_REPLY_REJECT) rejected(f, r, m);
    ended = is_over(r) && !r->refused && !r->told;
    context_id = r->context.context_id;
    post_pump(f);
  }
  (void)pthread_mutex_unlock(&f->mtx);
  if (r == NULL) return;
  if (m->kind == MODEL_REPLY_REJECT && f->o.rejected != NULL)
    f->o.rejected(f->o.user, m->run, m->seq, m->code, m->text != NULL ? m->text : "");
  if (ended && f->o.acked_end != NULL) f->o.acked_end(f->o.user, m->run, &context_id, port_mono(f->loop->clock));
  (void)pthread_mutex_lock(&f->mtx); /* only now may a waiting caller forget the run, or the feeder go */
  if (ended) r->told = true;
  (void)pthread_cond_broadcast(&f->changed);
  (void)pthread_mutex_unlock(&f->mtx);
}

static void on_closed(struct port_task *t) {
  struct feeder *f = (struct feeder *)((char *)t - offsetof(struct feeder, closed_task));
  (void)pthread_mutex_lock(&f->mtx);
  f->closed = true;
  (void)pthread_cond_broadcast(&f->changed);
  (void)pthread_mutex_unlock(&f->mtx);
}

static void on_close(struct port_task *t) {
  struct feeder *f = (struct feeder *)((char *)t - offsetof(struct feeder, close_task));
  (void)pthread_mutex_lock(&f->mtx);
  struct hub_client *client = f->client;
  f->client = NULL;
  f->connected = false;
  (void)pthread_mutex_unlock(&f->mtx);
  client->ops->close(client, &f->closed_task);
}

const struct hub_client_events *feeder_events(void) {
  static const struct hub_client_events events = {
      .connected = on_connected, .reply = on_reply, .disconnected = on_disconnected, .writable = on_writable};
  return &events;
}

/* ---- the caller's threads ---- */

static bool copy_options(struct feeder *f, const struct feeder_options *o) {
  f->o = *o;
  if (f->o.keep_bytes == 0) f->o.keep_bytes = KEEP_BYTES_DEFAULT;
  struct model_chamber *chambers = tfdc_arena_array(&f->mem, o->n_chambers + 1, sizeof *chambers);
  f->o.hub = tfdc_arena_strdup(&f->mem, o->hub);
  if (chambers == NULL || f->o.hub == NULL) return false;
  for (size_t i = 0; i < o->n_chambers; i++)
    if (model_chamber_copy(&o->chambers[i], &f->mem, &chambers[i]) != TFDC_OK) return false;
  f->o.chambers = chambers;
  return true;
}

tfdc_rc feeder_create(const struct feeder_options *options, struct port_loop *loop, struct feeder **ret,
                      struct tfdc_error *err) {
  struct feeder *f = calloc(1, sizeof *f);
  if (f == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "feeder");
  if (!copy_options(f, options)) {
    tfdc_arena_deinit(&f->mem);
    free(f);
    return tfdc_fail(err, TFDC_E_NOMEM, "feeder");
  }
  f->loop = loop;
  f->runs_tail = &f->runs;
  f->down_since_us = port_mono(loop->clock).us;
  f->pump_task.fn = on_pump;
  f->close_task.fn = on_close;
  f->closed_task.fn = on_closed;
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&f->changed, &attr);
  (void)pthread_condattr_destroy(&attr);
  (void)pthread_mutex_init(&f->mtx, NULL);
  *ret = f;
  return TFDC_OK;
}

void feeder_set_client(struct feeder *f, struct hub_client *client) {
  (void)pthread_mutex_lock(&f->mtx);
  f->client = client;
  post_pump(f);
  (void)pthread_mutex_unlock(&f->mtx);
}

/* Holds mtx. Whether the collector can still be hoped for. */
static tfdc_rc check_alive(struct feeder *f, struct tfdc_error *err) {
  if (f->dead != TFDC_OK) return tfdc_fail(err, f->dead, "the collector refuses this hub: %s", f->dead_text);
  if (f->connected || f->o.patience.us == 0) return TFDC_OK;
  int64_t down_us = port_mono(f->loop->clock).us - f->down_since_us;
  if (down_us < f->o.patience.us) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_UNAVAILABLE, "no collector for %.1f s%s%s", (double)down_us / 1e6,
                   f->dead_text[0] != '\0' ? ": " : "", f->dead_text);
}

/* Holds mtx: until something changes, the patience with a dead peer is over, or until_us of the loop's clock. */
static void wait_for_change(struct feeder *f, int64_t until_us) {
  int64_t now = port_mono(f->loop->clock).us, until = until_us;
  if (!f->connected && f->o.patience.us > 0 && f->down_since_us + f->o.patience.us < until)
    until = f->down_since_us + f->o.patience.us;
  if (until == TFDC_NEVER) {
    (void)pthread_cond_wait(&f->changed, &f->mtx);
    return;
  }
  int64_t left = until > now ? until - now : 0;
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t ns = (int64_t)t.tv_nsec + left % TFDC_US_PER_S * 1000;
  t.tv_sec += (time_t)(left / TFDC_US_PER_S + ns / 1000000000);
  t.tv_nsec = (long)(ns % 1000000000);
  (void)pthread_cond_timedwait(&f->changed, &f->mtx, &t);
}

static void free_run(struct run *r) {
  while (r->head != NULL) {
    struct kept *k = r->head;
    r->head = k->next;
    free_kept(k);
  }
  tfdc_arena_deinit(&r->mem);
  free(r);
}

tfdc_rc feeder_start(struct feeder *f, const struct model_context *context, uint64_t *ret_run, struct tfdc_error *err) {
  struct run *r = calloc(1, sizeof *r);
  if (r == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "run");
  r->tail = &r->head;
  tfdc_rc rc = model_context_copy(context, &r->mem, &r->context);
  if (rc != TFDC_OK) {
    free_run(r);
    return tfdc_fail(err, rc, "run");
  }
  r->context.context_id = model_context_id(context->key, context->run_id, context->start_us);
  (void)pthread_mutex_lock(&f->mtx);
  rc = check_alive(f, err);
  r->handle = f->last_handle + 1;
  if (rc == TFDC_OK && tfdc_map_put(&f->by_handle, handle_key(r->handle), r) != TFDC_OK)
    rc = tfdc_fail(err, TFDC_E_NOMEM, "run");
  if (rc == TFDC_OK) {
    f->last_handle = *ret_run = r->handle;
    *f->runs_tail = r;
    f->runs_tail = &r->next;
    post_pump(f);
    r = NULL;
  }
  (void)pthread_mutex_unlock(&f->mtx);
  if (r != NULL) free_run(r);
  return rc;
}

/* What the message points to, copied; the block's reference passes. NULL when out of memory. */
static struct kept *keep(const struct model_hub_msg *msg) {
  struct kept *k = calloc(1, sizeof *k);
  if (k == NULL) return NULL;
  k->msg = *msg;
  k->msg.block = NULL;
  k->bytes = MESSAGE_COST + (msg->block != NULL ? msg->block->bytes : 0);
  bool ok = true;
  if (msg->step != NULL) {
    struct model_step *s = tfdc_arena_alloc(&k->mem, sizeof *s);
    char *name = tfdc_arena_strdup(&k->mem, msg->step->name);
    ok = s != NULL && name != NULL;
    if (ok) *s = *msg->step, s->name = name;
    k->msg.step = s;
  }
  if (msg->event != NULL) {
    struct model_event *e = tfdc_arena_alloc(&k->mem, sizeof *e);
    char *name = tfdc_arena_strdup(&k->mem, msg->event->name);
    ok = ok && e != NULL && name != NULL;
    if (ok) *e = (struct model_event){name, msg->event->time_us};
    k->msg.event = e;
  }
  if (msg->context != NULL) {
    struct model_context *c = tfdc_arena_alloc(&k->mem, sizeof *c);
    ok = ok && c != NULL && model_context_copy(msg->context, &k->mem, c) == TFDC_OK;
    k->msg.context = c;
  }
  if (!ok) {
    free_kept(k);
    return NULL;
  }
  k->msg.block = msg->block;
  return k;
}

/* Holds mtx. Puts k behind the run's messages, unless it is durable from an earlier stream already. */
static struct kept *append(struct feeder *f, struct run *r, struct kept *k) {
  k->msg.run = r->handle;
  k->msg.seq = ++r->seq;
  if (k->msg.block != NULL) k->msg.block->seq = k->msg.seq;
  if (k->msg.kind == MODEL_HUB_RUN_END) r->end_given = true;
  if (r->resumed && k->msg.seq <= r->resume_seq) return k;
  *r->tail = k;
  r->tail = &k->next;
  if (r->unsent == NULL) r->unsent = k;
  f->bytes += k->bytes;
  post_pump(f);
  return NULL;
}

tfdc_rc feeder_send(struct feeder *f, uint64_t run, const struct model_hub_msg *msg, struct tfdc_error *err) {
  struct kept *k = keep(msg);
  if (k == NULL) {
    model_block_unref(msg->block);
    return tfdc_fail(err, TFDC_E_NOMEM, "message");
  }
  tfdc_rc rc = TFDC_OK;
  (void)pthread_mutex_lock(&f->mtx);
  struct run *r = tfdc_map_get(&f->by_handle, handle_key(run));
  if (r == NULL) rc = tfdc_fail(err, TFDC_E_RUN_UNKNOWN, "run %llu", (unsigned long long)run);
  while (rc == TFDC_OK && !r->refused && f->bytes > 0 && f->bytes + k->bytes > f->o.keep_bytes) {
    rc = check_alive(f, err);
    if (rc == TFDC_OK) wait_for_change(f, TFDC_NEVER);
  }
  if (rc == TFDC_OK) rc = check_alive(f, err);
  if (rc == TFDC_OK && r->refused)
    rc = tfdc_fail(err, r->result.reject_code, "the run was rejected: %s", r->result.reject_text);
  if (rc == TFDC_OK) k = append(f, r, k);
  bool over = rc == TFDC_OK && is_over(r) && !r->told;
  struct tfdc_id128 context_id = over ? r->context.context_id : (struct tfdc_id128){0};
  if (over) r->told = true; /* it was closed before this stream began */
  (void)pthread_mutex_unlock(&f->mtx);
  if (over && f->o.acked_end != NULL) f->o.acked_end(f->o.user, run, &context_id, port_mono(f->loop->clock));
  if (k != NULL) free_kept(k);
  return rc;
}

static void forget(struct feeder *f, struct run *r) {
  struct run **at = &f->runs;
  while (*at != r) at = &(*at)->next;
  *at = r->next;
  if (f->runs_tail == &r->next) f->runs_tail = at;
  tfdc_map_remove(&f->by_handle, handle_key(r->handle));
  free_run(r);
}

tfdc_rc feeder_wait(struct feeder *f, uint64_t run, tfdc_dur limit, struct feeder_result *ret, struct tfdc_error *err) {
  int64_t until = tfdc_mono_add(port_mono(f->loop->clock), limit).us;
  tfdc_rc rc = TFDC_OK;
  (void)pthread_mutex_lock(&f->mtx);
  struct run *r = tfdc_map_get(&f->by_handle, handle_key(run));
  if (r == NULL) rc = tfdc_fail(err, TFDC_E_RUN_UNKNOWN, "run %llu", (unsigned long long)run);
  while (rc == TFDC_OK && !r->refused && !r->told) {
    rc = check_alive(f, err);
    if (rc != TFDC_OK) break;
    if (port_mono(f->loop->clock).us >= until)
      rc = tfdc_fail(err, TFDC_E_TIMEOUT, "the end of run %s is not acked", r->context.run_id);
    else
      wait_for_change(f, until);
  }
  if (rc == TFDC_OK) {
    *ret = r->result;
    ret->ended = r->told;
    forget(f, r);
  }
  (void)pthread_mutex_unlock(&f->mtx);
  return rc;
}

size_t feeder_kept(struct feeder *f) {
  (void)pthread_mutex_lock(&f->mtx);
  size_t n = f->bytes;
  (void)pthread_mutex_unlock(&f->mtx);
  return n;
}

void feeder_destroy(struct feeder *f) {
  if (f == NULL) return;
  (void)pthread_mutex_lock(&f->mtx);
  if (f->client != NULL) {
    port_post(f->loop, &f->close_task);
    while (!f->closed) (void)pthread_cond_wait(&f->changed, &f->mtx);
  }
  (void)pthread_mutex_unlock(&f->mtx);
  while (f->runs != NULL) {
    struct run *next = f->runs->next;
    free_run(f->runs);
    f->runs = next;
  }
  tfdc_map_deinit(&f->by_handle);
  tfdc_arena_deinit(&f->mem);
  (void)pthread_cond_destroy(&f->changed);
  (void)pthread_mutex_destroy(&f->mtx);
  free(f);
}
