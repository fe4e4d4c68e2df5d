/* SPDX-License-Identifier: Apache-2.0
 * What all ports to the world share: a request with exactly one completion.
 *
 * - submit() either accepts (OK) and then calls req->done exactly once, on req->loop, never inside submit; or refuses
 *   (BUSY above the adapter's limits, CLOSED after close, USAGE for a broken request) and never calls it.
 * - Everything that the request points to (input) stays the caller's and unchanged until done.
 * - Results live in req->mem; the caller releases them with port_req_deinit (or reuses them with port_req_reset).
 * - cancel() asks for an early end: the request still completes once, with CANCELLED or with its result.
 * - close() refuses what comes later, ends long-running requests (pull, watch) with CLOSED, waits for all completions,
 * then calls closed() on the given loop; then the adapter may be destroyed by its own destroy function.
 * - submit, cancel and close may be called from any thread; adapters lock inside.
 * Because requests are values of one shape, adapter/faulty wraps any port. */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include "base/arena.h"
#include "base/err.h"
#include "port/loop.h"

enum port_kind { PORT_STORE, PORT_PUBLISH, PORT_WORKQUEUE, PORT_KV, PORT_ALARM, PORT_ELECTION };

struct port_req {
  struct port_task task; /* the adapter's: carries the completion to the loop */
  uint16_t kind;         /* enum port_kind */
  uint16_t op;           /* the port's enum */
  size_t bytes;          /* what the input weighs, counted against the adapter's limit */
  struct port_loop *loop;
  void (*done)(struct port_req *r);
  void *user;            /* the caller's */
  tfdc_rc rc;            /* the result */
  struct tfdc_error err; /* its text when rc is not OK */
  struct tfdc_arena mem; /* what the results point into */
  struct port_req *next; /* the adapter's, for its queue */
  void *impl;            /* the adapter's */
  int64_t begun_us;      /* the driver's (flight.h): when it entered, monotonic */
};

struct port;
struct port_metrics;
struct port_ops {
  const char *name; /* "sqlite" */
  tfdc_rc (*submit)(struct port *p, struct port_req *r);
  void (*cancel)(struct port *p, struct port_req *r);
  void (*close)(struct port *p, struct port_loop *loop, struct port_task *closed);
};
struct port {
  const struct port_ops *ops;
  enum port_kind kind;
  uint32_t max_requests;        /* most requests in flight; above: BUSY */
  size_t max_bytes;             /* most input bytes in flight; above: BUSY (one request alone is always accepted) */
  struct port_metrics *metrics; /* or NULL; set before the first request: a store's requests are measured there */
};

/* Sets loop, done and user, checks that the kind fits, and submits. */
TFDC_MUST_USE tfdc_rc port_submit(struct port *p, struct port_req *r, struct port_loop *loop,
                                  void (*done)(struct port_req *r), void *user);
static inline void port_cancel(struct port *p, struct port_req *r) { p->ops->cancel(p, r); }
static inline void port_close(struct port *p, struct port_loop *loop, struct port_task *closed) {
  p->ops->close(p, loop, closed);
}
/* For callers, when the request is not in flight. */
void port_req_reset(struct port_req *r);  /* keeps memory for reuse */
void port_req_deinit(struct port_req *r); /* releases all */

#endif
