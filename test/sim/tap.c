/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/tap.h"

#include <stdlib.h>

static void forget(struct tap_call *c) {
  *(c->prev != NULL ? &c->prev->next : &c->tap->calls) = c->next;
  if (c->next != NULL) c->next->prev = c->prev;
  free(c->note);
  free(c);
}

static void give_back(struct tap_call *c) {
  struct port_req *r = c->req;
  r->done = c->done;
  r->user = c->user;
  forget(c);
}

static void finish(struct tap_call *c) {
  struct port_req *r = c->req;
  give_back(c);
  r->done(r);
}

static void on_done(struct port_req *r) {
  struct tap_call *c = r->user;
  struct tap *t = c->tap;
  if (t->ops->after == NULL || t->ops->after(t, c)) finish(c);
}

static void on_answer(struct port_task *task) {
  struct port_req *r = (struct port_req *)((char *)task - offsetof(struct port_req, task));
  finish(r->impl);
}

void tap_answer(struct tap_call *c, tfdc_rc rc) {
  struct port_req *r = c->req;
  r->rc = rc;
  if (rc != TFDC_OK) (void)tfdc_fail(&r->err, rc, "%s", tfdc_rc_text(rc));
  r->impl = c;
  r->task.fn = on_answer;
  port_post(r->loop, &r->task);
}

static tfdc_rc pass(struct tap_call *c) {
  struct tap *t = c->tap;
  c->req->done = on_done;
  c->req->user = c;
  tfdc_rc rc = t->inner->ops->submit(t->inner, c->req);
  if (rc == TFDC_OK && t->ops->taken != NULL) t->ops->taken(t, c);
  return rc;
}

void tap_pass(struct tap_call *c) {
  tfdc_rc rc = pass(c);
  if (rc != TFDC_OK) tap_answer(c, rc);
}

static tfdc_rc submit(struct port *p, struct port_req *r) {
  struct tap *t = (struct tap *)p;
  if (t->ops == NULL) return t->inner->ops->submit(t->inner, r);
  struct tap_call *c = calloc(1, sizeof *c);
  TFDC_ASSERT(c != NULL);
  *c = (struct tap_call){.next = t->calls, .tap = t, .req = r, .done = r->done, .user = r->user};
  if (c->next != NULL) c->next->prev = c;
  t->calls = c;
  if (t->ops->before != NULL && !t->ops->before(t, c)) return TFDC_OK;
  tfdc_rc rc = pass(c);
  if (rc != TFDC_OK) give_back(c);
  return rc;
}

static void cancel(struct port *p, struct port_req *r) { port_cancel(((struct tap *)p)->inner, r); }

static void begin_close(struct port *p, struct port_loop *loop, struct port_task *closed) {
  port_close(((struct tap *)p)->inner, loop, closed);
}

static const struct port_ops tap_port = {.name = "tap", .submit = submit, .cancel = cancel, .close = begin_close};

void tap_init(struct tap *t, struct port *inner, const struct tap_ops *ops, void *user) {
  *t = (struct tap){.port = *inner, .inner = inner, .ops = ops, .user = user};
  t->port.ops = &tap_port;
}

void tap_deinit(struct tap *t) {
  while (t->calls != NULL) forget(t->calls);
}
