/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/kv_mem.h"

#include "adapter/mem/mem_port.h"
#include "port/kv_state.h"

#include <stdlib.h>

struct kv_mem {
  struct mem_port port;
  struct port_loop *loop;
  struct port_timer timer; /* loop */
  pthread_mutex_t mu;
  struct kv_state *state; /* mu */
};

static struct kv_now now_of(struct kv_mem *k) {
  return (struct kv_now){port_mono(k->loop->clock), port_wall(k->loop->clock)};
}

static void rearm(struct kv_mem *k) {
  if (!mem_port_is_closing(&k->port)) port_arm(k->loop, &k->timer, kv_state_deadline(k->state));
}

static void complete(void *user, struct port_req *r, tfdc_rc rc) {
  mem_port_complete(&((struct kv_mem *)user)->port, r, rc);
}

static void execute(void *owner, struct port_req *r) {
  struct kv_mem *k = owner;
  if (r->op == KV_WATCH_NEXT && mem_port_is_cancelled(r))
    mem_port_complete(&k->port, r, TFDC_E_CANCELLED);
  else if (r->op == KV_WATCH_NEXT && mem_port_is_closing(&k->port))
    mem_port_complete(&k->port, r, TFDC_E_CLOSED);
  else
    kv_state_execute(k->state, (struct kv_req *)r, now_of(k));
  rearm(k);
}

static void cancel(void *owner, struct port_req *r) {
  kv_state_end_wait(((struct kv_mem *)owner)->state, r, TFDC_E_CANCELLED);
}

static void end_watches(void *owner) {
  struct kv_mem *k = owner;
  kv_state_end_watches(k->state, TFDC_E_CLOSED);
  port_forget(k->loop, &k->timer);
}

static void tick(struct port_timer *t) {
  struct kv_mem *k = (struct kv_mem *)((char *)t - offsetof(struct kv_mem, timer));
  (void)pthread_mutex_lock(&k->mu);
  kv_state_tick(k->state, now_of(k));
  rearm(k);
  (void)pthread_mutex_unlock(&k->mu);
}

static const struct mem_port_ops ops = {.execute = execute, .cancel = cancel, .end = end_watches};

struct kv_mem *kv_mem_create(struct port_loop *loop) {
  struct kv_mem *k = calloc(1, sizeof *k);
  if (k == NULL) return NULL;
  k->loop = loop;
  k->timer.fn = tick;
  k->state = kv_state_create(NULL, complete, k);
  if (k->state == NULL) {
    free(k);
    return NULL;
  }
  TFDC_ASSERT(pthread_mutex_init(&k->mu, NULL) == 0);
  mem_port_init(&k->port, PORT_KV, &ops, k, loop, &k->mu);
  return k;
}

void kv_mem_destroy(struct kv_mem *k) {
  if (k == NULL) return;
  mem_port_deinit(&k->port);
  kv_state_destroy(k->state);
  (void)pthread_mutex_destroy(&k->mu);
  free(k);
}

struct port *kv_mem_port(struct kv_mem *k) {
  return &k->port.port;
}

void kv_mem_forget_loop(struct kv_mem *k, const struct port_loop *loop) {
  (void)pthread_mutex_lock(&k->mu);
  kv_state_forget_loop(k->state, loop);
  (void)pthread_mutex_unlock(&k->mu);
  port_flight_forget(&k->port.flight, loop);
}

void kv_mem_break_watches(struct kv_mem *k) {
  (void)pthread_mutex_lock(&k->mu);
  kv_state_end_watches(k->state, TFDC_E_UNAVAILABLE);
  (void)pthread_mutex_unlock(&k->mu);
}
