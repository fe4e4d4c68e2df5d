/* SPDX-License-Identifier: Apache-2.0
 * How the small adapters in memory serve a port: each request is posted to the adapter's own loop and carried out
 * there, so that timers need no lock and a simulated crash finds requests on their way. */
#ifndef ADAPTER_MEM_MEM_PORT_H
#define ADAPTER_MEM_MEM_PORT_H

#include "port/flight.h"

#include <stdatomic.h>

struct mem_port;
struct mem_port_ops {                               /* all under `mu` */
  void (*execute)(void *owner, struct port_req *r); /* on the adapter's loop; ends in mem_port_complete, now or later */
  void (*cancel)(void *owner, struct port_req *r);  /* any thread; NULL: nothing ever waits */
  void (*end)(void *owner);                         /* on the adapter's loop, at close: end what waits. May be NULL */
};
struct mem_port {
  struct port port;
  struct port_flight flight;
  const struct mem_port_ops *ops;
  void *owner;
  struct port_loop *loop; /* the adapter's */
  pthread_mutex_t *mu;    /* the adapter's state */
  atomic_bool closing;
  struct port_task close_task;
  struct port_loop *closed_loop;
  struct port_task *closed;
};

/* Must not move. The loop and mu outlive it. */
void mem_port_init(struct mem_port *p, enum port_kind kind, const struct mem_port_ops *ops, void *owner,
                   struct port_loop *loop, pthread_mutex_t *mu);
/* After closed(), or when nothing was ever submitted. */
void mem_port_deinit(struct mem_port *p);
void mem_port_complete(struct mem_port *p, struct port_req *r, tfdc_rc rc);
/* Somebody asked to cancel before the request was carried out. Under mu. */
bool mem_port_is_cancelled(const struct port_req *r);
bool mem_port_is_closing(const struct mem_port *p);

#endif
