/* SPDX-License-Identifier: Apache-2.0 */
#include "port/flight.h"

#include "model/metric_list.h"
#include "port/metrics.h"
#include "port/store_util.h"

#include <stddef.h>
#include <stdlib.h>

void port_flight_init(struct port_flight *f, const struct port *p) {
  *f = (struct port_flight){.port = p};
  TFDC_ASSERT(pthread_mutex_init(&f->mtx, NULL) == 0);
}

void port_flight_deinit(struct port_flight *f) {
  while (f->shares != NULL) {
    struct port_flight_share *next = f->shares->next;
    free(f->shares);
    f->shares = next;
  }
  (void)pthread_mutex_destroy(&f->mtx);
}

/* The loop's share, made when it is not there; NULL when memory is out. Under mtx. */
static struct port_flight_share *share_of(struct port_flight *f, const struct port_loop *loop) {
  struct port_flight_share *s = f->shares;
  while (s != NULL && s->loop != loop) s = s->next;
  if (s != NULL) return s;
  s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  *s = (struct port_flight_share){.next = f->shares, .loop = loop};
  f->shares = s;
  return s;
}

/* ---- what is measured of a store ---- */

static bool is_measured(const struct port_flight *f) { return f->port->metrics != NULL && f->port->kind == PORT_STORE; }

static void note_entered(const struct port_flight *f, struct port_req *r) {
  r->begun_us = port_mono(r->loop->clock).us;
  metrics_add(f->port->metrics, MODEL_METRIC_STORE_IN_FLIGHT, NULL, 1);
}

static void note_completed(const struct port_flight *f, const struct port_req *r) {
  struct port_metrics *m = f->port->metrics;
  const char *op = r->op < STORE_OPS ? store_op_names[r->op] : "";
  double took = (double)(port_mono(r->loop->clock).us - r->begun_us) / (double)TFDC_US_PER_S;
  metrics_add(m, MODEL_METRIC_STORE_IN_FLIGHT, NULL, -1);
  metrics_observe(m, MODEL_METRIC_STORE_LATENCY, op, took);
  if (r->rc != TFDC_OK && r->rc != TFDC_E_NOT_FOUND)
    m->ops->add(m, MODEL_METRIC_STORE_ERRORS, (const char *const[3]){op, tfdc_rc_label(r->rc), NULL}, 1);
}

tfdc_rc port_flight_enter(struct port_flight *f, struct port_req *r) {
  tfdc_rc rc = TFDC_OK;
  (void)pthread_mutex_lock(&f->mtx);
  bool full = f->requests >= f->port->max_requests ||
              (f->requests > 0 && (r->bytes > f->port->max_bytes || f->bytes > f->port->max_bytes - r->bytes));
  if (f->closing)
    rc = TFDC_E_CLOSED;
  else if (full)
    rc = TFDC_E_BUSY;
  struct port_flight_share *share = rc == TFDC_OK ? share_of(f, r->loop) : NULL;
  if (rc == TFDC_OK && share == NULL) rc = TFDC_E_NOMEM;
  if (rc == TFDC_OK) {
    share->requests++;
    share->owed++;
    share->bytes += r->bytes;
    f->requests++;
    f->owed++;
    f->bytes += r->bytes;
  }
  (void)pthread_mutex_unlock(&f->mtx);
  if (rc == TFDC_OK && is_measured(f)) note_entered(f, r);
  return rc == TFDC_OK ? rc : tfdc_fail(&r->err, rc, "%s: %s", f->port->ops->name, tfdc_rc_text(rc));
}

/* The request stops counting before its done runs, so that done may submit the next one into a full port; close waits
 * until done has returned. The request's memory may be gone by then. */
static void run_done(struct port_task *t) {
  struct port_req *r = (struct port_req *)((char *)t - offsetof(struct port_req, task));
  struct port_flight *f = r->impl;
  (void)pthread_mutex_lock(&f->mtx);
  struct port_flight_share *share = share_of(f, r->loop);
  share->requests--;
  share->bytes -= r->bytes;
  f->requests--;
  f->bytes -= r->bytes;
  (void)pthread_mutex_unlock(&f->mtx);

  r->done(r);

  (void)pthread_mutex_lock(&f->mtx);
  share->owed--;
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
  if (is_measured(f)) note_completed(f, r);
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

void port_flight_forget(struct port_flight *f, const struct port_loop *loop) {
  (void)pthread_mutex_lock(&f->mtx);
  struct port_flight_share **at = &f->shares;
  while (*at != NULL && (*at)->loop != loop) at = &(*at)->next;
  struct port_flight_share *s = *at;
  struct port_task *closed = NULL;
  if (s != NULL) {
    f->requests -= s->requests;
    f->owed -= s->owed;
    f->bytes -= s->bytes;
    if (s->owed > 0 && f->owed == 0) closed = f->closed;
    *at = s->next;
    free(s);
  }
  (void)pthread_mutex_unlock(&f->mtx);
  if (closed != NULL) port_post(f->closed_loop, closed);
}
