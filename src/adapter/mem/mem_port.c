/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/mem_port.h"

enum { MAX_REQUESTS = 4096 };

static void execute(struct port_task *t) {
  struct port_req *r = (struct port_req *)((char *)t - offsetof(struct port_req, task));
  struct mem_port *p = r->impl;
  (void)pthread_mutex_lock(p->mu);
  p->ops->execute(p->owner, r);
  (void)pthread_mutex_unlock(p->mu);
}

static tfdc_rc submit(struct port *port, struct port_req *r) {
  struct mem_port *p = (struct mem_port *)port;
  if (atomic_load(&p->closing)) return TFDC_E_CLOSED;
  TFDC_TRY(port_flight_enter(&p->flight, r));
  r->impl = p;
  r->next = NULL;
  r->task.fn = execute;
  port_post(p->loop, &r->task);
  return TFDC_OK;
}

/* A request that was not carried out yet carries the mark itself: its own address in next. */
static void cancel(struct port *port, struct port_req *r) {
  struct mem_port *p = (struct mem_port *)port;
  (void)pthread_mutex_lock(p->mu);
  r->next = r;
  if (p->ops->cancel != NULL) p->ops->cancel(p->owner, r);
  (void)pthread_mutex_unlock(p->mu);
}

bool mem_port_is_cancelled(const struct port_req *r) { return r->next == r; }
bool mem_port_is_closing(const struct mem_port *p) { return atomic_load(&p->closing); }

static void close_on_loop(struct port_task *t) {
  struct mem_port *p = (struct mem_port *)((char *)t - offsetof(struct mem_port, close_task));
  (void)pthread_mutex_lock(p->mu);
  if (p->ops->end != NULL) p->ops->end(p->owner);
  (void)pthread_mutex_unlock(p->mu);
  port_flight_close(&p->flight, p->closed_loop, p->closed);
}

static void begin_close(struct port *port, struct port_loop *loop, struct port_task *closed) {
  struct mem_port *p = (struct mem_port *)port;
  TFDC_ASSERT(!atomic_exchange(&p->closing, true));
  p->closed_loop = loop;
  p->closed = closed;
  p->close_task.fn = close_on_loop;
  port_post(p->loop, &p->close_task);
}

static const struct port_ops mem_ops = {.name = "mem", .submit = submit, .cancel = cancel, .close = begin_close};

void mem_port_init(struct mem_port *p, enum port_kind kind, const struct mem_port_ops *ops, void *owner,
                   struct port_loop *loop, pthread_mutex_t *mu) {
  *p = (struct mem_port){.ops = ops, .owner = owner, .loop = loop, .mu = mu};
  p->port = (struct port){.ops = &mem_ops, .kind = kind, .max_requests = MAX_REQUESTS, .max_bytes = (size_t)64 << 20};
  port_flight_init(&p->flight, &p->port);
}

void mem_port_deinit(struct mem_port *p) { port_flight_deinit(&p->flight); }

void mem_port_complete(struct mem_port *p, struct port_req *r, tfdc_rc rc) { port_flight_complete(&p->flight, r, rc); }
