/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/queue_mem.h"

#include "adapter/mem/mem_port.h"
#include "port/queue_state.h"

#include <stdlib.h>
#include <string.h>

/* A payload; queue_item.keep points here. */
struct blob {
  struct blob *prev, *next;
  size_t n;
  uint8_t data[];
};
struct dead {
  struct dead *next;
  struct workqueue_msg msg; /* its texts and data are behind the struct */
};
struct queue_mem {
  struct queue_log log; /* first: the log's functions cast back */
  struct mem_port publish, work;
  struct port_loop *loop;
  struct port_timer timer; /* loop */
  pthread_mutex_t mu;
  /* mu */
  struct queue_state *state;
  struct blob *blobs;
  struct dead *dead, **dead_tail;
  uint64_t dead_n, last_dead;
};

/* ---- the log ---- */

static tfdc_rc log_add(struct queue_log *l, struct queue_item *item, const void *data, size_t n,
                       struct tfdc_error *err) {
  struct queue_mem *q = (struct queue_mem *)l;
  struct blob *b = malloc(sizeof *b + n);
  if (b == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "message of %zu bytes", n);
  *b = (struct blob){.next = q->blobs, .n = n};
  if (n > 0) memcpy(b->data, data, n);
  if (b->next != NULL) b->next->prev = b;
  q->blobs = b;
  item->keep = b;
  return TFDC_OK;
}

static tfdc_rc log_delivered(struct queue_log *l, const struct queue_item *item, uint32_t deliveries,
                             struct tfdc_error *err) {
  (void)l, (void)item, (void)deliveries, (void)err; /* queue_state counts; nothing outlives the process */
  return TFDC_OK;
}

static tfdc_rc log_load(struct queue_log *l, const struct queue_item *item, struct tfdc_arena *mem,
                        struct workqueue_msg *ret, struct tfdc_error *err) {
  (void)l;
  const struct blob *b = item->keep;
  void *copy = tfdc_arena_strndup(mem, (const char *)b->data, b->n);
  if (copy == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "message of %zu bytes", b->n);
  ret->data = copy;
  ret->n = b->n;
  return TFDC_OK;
}

static tfdc_rc log_remove(struct queue_log *l, const struct queue_item *item, struct tfdc_error *err) {
  (void)err;
  struct queue_mem *q = (struct queue_mem *)l;
  struct blob *b = item->keep;
  *(b->prev != NULL ? &b->prev->next : &q->blobs) = b->next;
  if (b->next != NULL) b->next->prev = b->prev;
  free(b);
  return TFDC_OK;
}

static void *append(char **at, const void *from, size_t n) {
  char *to = *at;
  if (n > 0) memcpy(to, from, n);
  *at += n;
  return to;
}

static tfdc_rc log_bury(struct queue_log *l, const struct queue_item *item, const char *reason,
                        struct tfdc_error *err) {
  struct queue_mem *q = (struct queue_mem *)l;
  const struct blob *b = item->keep;
  size_t subject_n = strlen(item->subject) + 1, id_n = strlen(item->msg_id) + 1, reason_n = strlen(reason) + 1;
  struct dead *d = malloc(sizeof *d + subject_n + id_n + reason_n + b->n);
  if (d == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "dead letter");
  char *at = (char *)(d + 1);
  *d = (struct dead){.msg = {.token = ++q->last_dead, .deliveries = item->deliveries, .stored_us = item->stored_us}};
  d->msg.subject = append(&at, item->subject, subject_n);
  d->msg.msg_id = append(&at, item->msg_id, id_n);
  d->msg.reason = append(&at, reason, reason_n);
  d->msg.data = append(&at, b->data, b->n);
  d->msg.n = b->n;
  *q->dead_tail = d;
  q->dead_tail = &d->next;
  q->dead_n++;
  return log_remove(l, item, err);
}

static tfdc_rc copy_dead(struct tfdc_arena *mem, const struct workqueue_msg *from, struct workqueue_msg *to) {
  *to = *from;
  to->subject = tfdc_arena_strdup(mem, from->subject);
  to->msg_id = tfdc_arena_strdup(mem, from->msg_id);
  to->reason = tfdc_arena_strdup(mem, from->reason);
  to->data = tfdc_arena_strndup(mem, from->data, from->n);
  bool ok = to->subject != NULL && to->msg_id != NULL && to->reason != NULL && to->data != NULL;
  return ok ? TFDC_OK : TFDC_E_NOMEM;
}

static tfdc_rc log_dead_list(struct queue_log *l, struct workqueue_req *r) {
  const struct queue_mem *q = (const struct queue_mem *)l;
  uint32_t max = r->max < QUEUE_MAX_PULL ? r->max : QUEUE_MAX_PULL;
  if (max > q->dead_n) max = (uint32_t)q->dead_n;
  r->msgs = tfdc_arena_array(&r->base.mem, max, sizeof *r->msgs);
  if (r->msgs == NULL) return TFDC_E_NOMEM;
  size_t bytes = 0, n = 0;
  for (const struct dead *d = q->dead; d != NULL && n < max && bytes < QUEUE_MAX_PULL_BYTES; d = d->next) {
    if (d->msg.token <= r->token) continue;
    TFDC_TRY(copy_dead(&r->base.mem, &d->msg, &r->msgs[n++]));
    bytes += d->msg.n;
  }
  r->n = n;
  return TFDC_OK;
}

static tfdc_rc log_dead_remove(struct queue_log *l, uint64_t token, struct tfdc_error *err) {
  struct queue_mem *q = (struct queue_mem *)l;
  struct dead **at = &q->dead;
  while (*at != NULL && (*at)->msg.token != token) at = &(*at)->next;
  struct dead *d = *at;
  if (d == NULL) return tfdc_fail(err, TFDC_E_NOT_FOUND, "no such dead letter");
  *at = d->next;
  if (*at == NULL) q->dead_tail = at;
  q->dead_n--;
  free(d);
  return TFDC_OK;
}

static uint64_t log_dead_count(struct queue_log *l) { return ((const struct queue_mem *)l)->dead_n; }

static const struct queue_log mem_log = {.add = log_add,
                                         .delivered = log_delivered,
                                         .load = log_load,
                                         .remove = log_remove,
                                         .bury = log_bury,
                                         .dead_list = log_dead_list,
                                         .dead_remove = log_dead_remove,
                                         .dead_count = log_dead_count};

/* ---- the ports ---- */

static struct queue_now now_of(struct queue_mem *q) {
  return (struct queue_now){port_mono(q->loop->clock), port_wall(q->loop->clock)};
}

/* On the loop. A closed work queue needs no timer, and its owner may destroy it. */
static void rearm(struct queue_mem *q) {
  if (!mem_port_is_closing(&q->work)) port_arm(q->loop, &q->timer, queue_state_deadline(q->state));
}

static void complete(void *user, struct port_req *r, tfdc_rc rc) {
  struct queue_mem *q = user;
  mem_port_complete(r->kind == PORT_PUBLISH ? &q->publish : &q->work, r, rc);
}

static void execute(void *owner, struct port_req *r) {
  struct queue_mem *q = owner;
  if (r->kind == PORT_PUBLISH)
    queue_state_publish(q->state, (struct publish_req *)r, now_of(q));
  else if (r->op == WORKQUEUE_PULL && mem_port_is_cancelled(r))
    mem_port_complete(&q->work, r, TFDC_E_CANCELLED);
  else if (r->op == WORKQUEUE_PULL && mem_port_is_closing(&q->work))
    mem_port_complete(&q->work, r, TFDC_E_CLOSED);
  else
    queue_state_work(q->state, (struct workqueue_req *)r, now_of(q));
  rearm(q);
}

static void cancel(void *owner, struct port_req *r) {
  queue_state_end_pull(((struct queue_mem *)owner)->state, r, TFDC_E_CANCELLED);
}

static void end_pulls(void *owner) {
  struct queue_mem *q = owner;
  queue_state_end_pulls(q->state, TFDC_E_CLOSED);
  port_forget(q->loop, &q->timer);
}

static void tick(struct port_timer *t) {
  struct queue_mem *q = (struct queue_mem *)((char *)t - offsetof(struct queue_mem, timer));
  (void)pthread_mutex_lock(&q->mu);
  queue_state_tick(q->state, now_of(q));
  rearm(q);
  (void)pthread_mutex_unlock(&q->mu);
}

static const struct mem_port_ops publish_ops = {.execute = execute};
static const struct mem_port_ops work_ops = {.execute = execute, .cancel = cancel, .end = end_pulls};

struct queue_mem *queue_mem_create(struct port_loop *loop) {
  struct queue_mem *q = calloc(1, sizeof *q);
  if (q == NULL) return NULL;
  q->log = mem_log;
  q->loop = loop;
  q->timer.fn = tick;
  q->dead_tail = &q->dead;
  q->state = queue_state_create(&q->log, complete, q);
  if (q->state == NULL) {
    free(q);
    return NULL;
  }
  TFDC_ASSERT(pthread_mutex_init(&q->mu, NULL) == 0);
  mem_port_init(&q->publish, PORT_PUBLISH, &publish_ops, q, loop, &q->mu);
  mem_port_init(&q->work, PORT_WORKQUEUE, &work_ops, q, loop, &q->mu);
  return q;
}

void queue_mem_destroy(struct queue_mem *q) {
  if (q == NULL) return;
  mem_port_deinit(&q->publish);
  mem_port_deinit(&q->work);
  queue_state_destroy(q->state);
  while (q->blobs != NULL) {
    struct blob *next = q->blobs->next;
    free(q->blobs);
    q->blobs = next;
  }
  while (q->dead != NULL) {
    struct dead *next = q->dead->next;
    free(q->dead);
    q->dead = next;
  }
  (void)pthread_mutex_destroy(&q->mu);
  free(q);
}

struct port *queue_mem_publish(struct queue_mem *q) {
  return &q->publish.port;
}
struct port *queue_mem_work(struct queue_mem *q) {
  return &q->work.port;
}

void queue_mem_forget_loop(struct queue_mem *q, const struct port_loop *loop) {
  (void)pthread_mutex_lock(&q->mu);
  queue_state_forget_loop(q->state, loop);
  (void)pthread_mutex_unlock(&q->mu);
  port_flight_forget(&q->publish.flight, loop);
  port_flight_forget(&q->work.flight, loop);
}
