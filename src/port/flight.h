/* SPDX-License-Identifier: Apache-2.0
 * What every adapter owes the contract in port.h, kept once: counts the requests in flight against the port's limits,
 * completes each exactly once on its loop, and tells close() when the last completion has run.
 *
 *   submit:   TFDC_TRY(port_flight_enter(&f, r));   ... later, on any thread:   port_flight_complete(&f, r, rc);
 *
 * Between the two the adapter may use r->next, r->impl and r->task. All functions may be called from any thread. */
#ifndef PORT_FLIGHT_H
#define PORT_FLIGHT_H

#include "port/port.h"

#include <pthread.h>

struct port_flight_share { /* what one loop has in flight */
  struct port_flight_share *next;
  const struct port_loop *loop;
  uint32_t requests, owed;
  size_t bytes;
};
struct port_flight {
  const struct port *port; /* its limits */
  pthread_mutex_t mtx;
  /* mtx */
  uint32_t requests; /* accepted, done not yet called */
  uint32_t owed;     /* accepted, done not yet returned */
  size_t bytes;
  struct port_flight_share *shares; /* owned */
  bool closing;
  struct port_loop *closed_loop;
  struct port_task *closed;
};

void port_flight_init(struct port_flight *f, const struct port *p);
/* After closed() has run, or when nothing was ever submitted. */
void port_flight_deinit(struct port_flight *f);
/* OK, BUSY above port->max_requests or max_bytes (one request alone is always accepted), CLOSED after close, NOMEM. */
TFDC_MUST_USE tfdc_rc port_flight_enter(struct port_flight *f, struct port_req *r);
/* Exactly once for each request that entered. */
void port_flight_complete(struct port_flight *f, struct port_req *r, tfdc_rc rc);
/* Refuses what comes later; posts `closed` to the loop when the last done has returned. At most once. */
void port_flight_close(struct port_flight *f, struct port_loop *loop, struct port_task *closed);
/* For simulations: the process that owns the loop died, so the completions of what it has in flight never run. */
void port_flight_forget(struct port_flight *f, const struct port_loop *loop);

#endif
