/* SPDX-License-Identifier: Apache-2.0 */
#include "port/flight.h"

#include <stddef.h>

void port_flight_init(struct port_flight *f, const struct port *p) {
  *f = (struct port_flight){.port = p};
  TFDC_ASSERT(pthread_mutex_init(&f->mtx, NULL) == 0);
}

void port_flight_deinit(struct port_flight *f) { (void)pthread_mutex_destroy(&f->mtx); }

tfdc_rc port_flight_enter(struct port_flight *f, struct port_req *r) {
  tfdc_rc rc = TFDC_OK;
  (void)pthread_mutex_lock(&f->mtx);
  bool full = f->requests >= f->port->max_requests ||
              (f->requests > 0 && (r->bytes > f->port->max_bytes || f->bytes > f->port->max_bytes - r->bytes));
  if (f->closing)
    rc = TFDC_E_CLOSED;
  else if (full)
    rc = TFDC_E_BUSY;
  if (rc == TFDC_OK) {
    f->requests++;
    f->owed++;
    f->bytes += r->bytes;
  }
  (void)pthread_mutex_unlock(&f->mtx);
  return rc;
}

/* The request stops counting before its done runs, so that done may submit the next one into a full port; close waits
 * until done has returned. The request's memory may be gone by then. */
static void run_done(struct port_task *t) {
  struct port_req *r = (struct port_req *)((char *)t - offsetof(struct port_req, task));
  struct port_flight *f = r->impl;
  (void)pthread_mutex_lock(&f->mtx);
  f->requests--;
  f->bytes -= r->bytes;
  (void)pthread_mutex_unlock(&f->mtx);

  r->done(r);

  (void)pthread_mutex_lock(&f->mtx);
  f->owed--;
  struct port_task *closed = f->owed == 0 ? f->closed : NULL;
  struct port_loop *loop = f->closed_loop;
  (void)pthread_mutex_unlock(&f->mtx);
  if (closed != NULL) port_post(loop, closed);
}

void port_flight_complete(struct port_flight *f, struct port_req *r, tfdc_rc rc) {
  r->rc = rc;
  if (rc == TFDC_OK)
    r->err = (struct tfdc_error){.code = TFDC_OK};
  else if (r->err.msg[0] == '\0')
    (void)tfdc_fail(&r->err, rc, "%s", tfdc_rc_text(rc));
  r->err.code = rc;
  r->impl = f;
  r->task.fn = run_done;
  port_post(r->loop, &r->task);
}

void port_flight_close(struct port_flight *f, struct port_loop *loop, struct port_task *closed) {
  (void)pthread_mutex_lock(&f->mtx);
  TFDC_ASSERT(!f->closing);
  f->closing = true;
  f->closed_loop = loop;
  f->closed = closed;
  bool now = f->owed == 0;
  (void)pthread_mutex_unlock(&f->mtx);
  if (now) port_post(loop, closed);
}
