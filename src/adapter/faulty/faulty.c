/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/faulty/faulty.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_OPS = 64 };

/* A call that a rule changes, from submit to its done. */
struct call {
  struct call *prev, *next;
  struct faulty *f;
  struct port_req *req;
  void (*done)(struct port_req *r); /* the caller's */
  void *user;
  struct faulty_rule rule;
  struct port_timer timer;
  bool inside;   /* the inner port has it */
  bool repeated; /* its second time */
};
struct active {
  struct faulty_rule rule;
  uint64_t calls, rng;
};
struct faulty {
  struct port port;
  struct port *inner;
  pthread_mutex_t mu;
  /* mu */
  struct active rules[FAULTY_MAX_RULES];
  size_t n_rules;
  uint64_t calls[MAX_OPS], all_calls, faults;
  struct call *held;
  bool inner_closed;
  struct port_loop *closed_loop;
  struct port_task *closed, inner_close;
};

static struct faulty *lock(struct faulty *f) {
  (void)pthread_mutex_lock(&f->mu);
  return f;
}
static void unlock(struct faulty *f) { (void)pthread_mutex_unlock(&f->mu); }

/* ---- which rule ---- */

/* SplitMix64; true with the rule's probability. */
static bool draw(struct active *a) {
  if (a->rule.probability <= 0) return true;
  uint64_t z = (a->rng += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0 < a->rule.probability;
}

/* Counts the call at every rule that matches; the first that fires is the one. */
static bool choose(struct faulty *f, const struct port_req *r, struct faulty_rule *ret) {
  bool found = false;
  f->all_calls++;
  if (r->op < MAX_OPS) f->calls[r->op]++;
  for (size_t i = 0; i < f->n_rules; i++) {
    struct active *a = &f->rules[i];
    if (a->rule.op != FAULTY_ANY_OP && a->rule.op != r->op) continue;
    a->calls++;
    bool fires = (a->rule.nth == 0 || a->rule.nth == a->calls) && draw(a);
    if (!fires || found) continue;
    *ret = a->rule;
    found = true;
  }
  f->faults += found;
  return found;
}

/* ---- a changed call ---- */

static void die(void) {
  (void)kill(getpid(), SIGKILL);
  for (;;) (void)pause(); /* the signal may arrive on another thread first */
}

static void tell_closed(struct faulty *f) {
  if (!f->inner_closed || f->held != NULL || f->closed == NULL) return;
  struct port_task *closed = f->closed;
  f->closed = NULL;
  port_post(f->closed_loop, closed);
}

static void release(struct call *c) {
  struct faulty *f = lock(c->f);
  *(c->prev != NULL ? &c->prev->next : &f->held) = c->next;
  if (c->next != NULL) c->next->prev = c->prev;
  free(c);
  tell_closed(f);
  unlock(f);
}

/* On the request's loop: its answer is the caller's. */
static void finish(struct call *c) {
  struct port_req *r = c->req;
  r->done = c->done;
  r->user = c->user;
  r->done(r);
  release(c);
}

static void finish_with(struct call *c, tfdc_rc rc) {
  port_req_reset(c->req);
  c->req->rc = tfdc_fail(&c->req->err, rc, "injected: %s", tfdc_rc_text(rc));
  finish(c);
}

static void time_is_up(struct port_timer *t) {
  struct call *c = (struct call *)((char *)t - offsetof(struct call, timer));
  port_forget(c->req->loop, t);
  if (c->rule.action == FAULTY_DROP)
    finish_with(c, TFDC_E_TIMEOUT);
  else
    finish(c);
}

static void wait_on_loop(struct call *c) {
  struct port_loop *l = c->req->loop;
  c->timer.fn = time_is_up;
  port_arm(l, &c->timer, tfdc_mono_add(port_mono(l->clock), c->rule.by));
}

/* Not carried out; on the request's loop, because no completion comes inside submit. */
static void refuse_on_loop(struct port_task *t) {
  struct call *c = ((struct port_req *)((char *)t - offsetof(struct port_req, task)))->impl;
  if (c->rule.action == FAULTY_DROP)
    wait_on_loop(c);
  else
    finish_with(c, c->rule.rc);
}

static void carried_out(struct port_req *r);

static void again(struct call *c) {
  struct port_req *r = c->req;
  port_req_reset(r);
  c->repeated = true;
  tfdc_rc rc = port_submit(c->f->inner, r, r->loop, carried_out, c);
  if (rc == TFDC_OK) return;
  r->rc = rc;
  finish(c);
}

static void carried_out(struct port_req *r) {
  struct call *c = r->user;
  (void)lock(c->f);
  c->inside = c->rule.action == FAULTY_REPEAT && !c->repeated;
  unlock(c->f);
  switch (c->rule.action) {
  case FAULTY_KILL_AFTER: die(); break;
  case FAULTY_FAIL_AFTER: finish_with(c, c->rule.rc); break;
  case FAULTY_DELAY: wait_on_loop(c); break;
  case FAULTY_REPEAT:
    if (c->repeated)
      finish(c);
    else
      again(c);
    break;
  default: finish(c); break;
  }
}

static struct call *hold(struct faulty *f, struct port_req *r, const struct faulty_rule *rule) {
  struct call *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  *c = (struct call){.f = f, .req = r, .done = r->done, .user = r->user, .rule = *rule};
  c->inside = rule->action != FAULTY_FAIL && rule->action != FAULTY_DROP;
  c->next = f->held;
  if (c->next != NULL) c->next->prev = c;
  f->held = c;
  return c;
}

static tfdc_rc submit(struct port *p, struct port_req *r) {
  struct faulty *f = lock((struct faulty *)p), *wrapper = f;
  struct faulty_rule rule = {.rc = TFDC_OK};
  bool closed = f->closed_loop != NULL, changed = !closed && choose(f, r, &rule);
  if (changed && rule.action == FAULTY_KILL_BEFORE) die();
  struct call *c = changed ? hold(f, r, &rule) : NULL;
  unlock(f);
  if (closed) return TFDC_E_CLOSED;
  if (!changed) return wrapper->inner->ops->submit(wrapper->inner, r);
  if (c == NULL) return TFDC_E_NOMEM;
  if (!c->inside) {
    r->impl = c;
    r->task.fn = refuse_on_loop;
    port_post(r->loop, &r->task);
    return TFDC_OK;
  }
  r->done = carried_out;
  r->user = c;
  tfdc_rc rc = wrapper->inner->ops->submit(wrapper->inner, r);
  if (rc == TFDC_OK) return TFDC_OK;
  r->done = c->done;
  r->user = c->user;
  release(c);
  return rc;
}

static void cancel(struct port *p, struct port_req *r) {
  struct faulty *f = lock((struct faulty *)p);
  const struct call *c = f->held;
  while (c != NULL && c->req != r) c = c->next;
  bool inside = c == NULL || c->inside;
  unlock(f);
  if (inside) port_cancel(f->inner, r);
}

static void inner_closed(struct port_task *t) {
  struct faulty *f = lock((struct faulty *)((char *)t - offsetof(struct faulty, inner_close)));
  f->inner_closed = true;
  tell_closed(f);
  unlock(f);
}

static void begin_close(struct port *p, struct port_loop *loop, struct port_task *closed) {
  struct faulty *f = lock((struct faulty *)p);
  f->closed_loop = loop;
  f->closed = closed;
  f->inner_close.fn = inner_closed;
  unlock(f);
  port_close(f->inner, loop, &f->inner_close);
}

static const struct port_ops ops = {.name = "faulty", .submit = submit, .cancel = cancel, .close = begin_close};

struct faulty *faulty_create(struct port *inner, const struct faulty_rule *rules, size_t n) {
  struct faulty *f = calloc(1, sizeof *f);
  if (f == NULL) return NULL;
  f->inner = inner;
  f->port = *inner;
  f->port.ops = &ops;
  TFDC_ASSERT(pthread_mutex_init(&f->mu, NULL) == 0);
  for (size_t i = 0; i < n; i++)
    if (rules[i].port == inner->kind && faulty_add(f, &rules[i]) != TFDC_OK) break;
  return f;
}

void faulty_destroy(struct faulty *f) {
  if (f == NULL) return;
  while (f->held != NULL) {
    struct call *next = f->held->next;
    free(f->held);
    f->held = next;
  }
  (void)pthread_mutex_destroy(&f->mu);
  free(f);
}

struct port *faulty_port(struct faulty *f) {
  return &f->port;
}

tfdc_rc faulty_add(struct faulty *f, const struct faulty_rule *rule) {
  (void)lock(f);
  bool full = f->n_rules == FAULTY_MAX_RULES;
  if (!full) f->rules[f->n_rules++] = (struct active){.rule = *rule, .rng = rule->seed};
  unlock(f);
  return full ? TFDC_E_LIMIT : TFDC_OK;
}

void faulty_clear(struct faulty *f) {
  (void)lock(f);
  f->n_rules = 0;
  unlock(f);
}

uint64_t faulty_calls(struct faulty *f, int op) {
  (void)lock(f);
  uint64_t n = op == FAULTY_ANY_OP ? f->all_calls : op >= 0 && op < MAX_OPS ? f->calls[op] : 0;
  unlock(f);
  return n;
}

uint64_t faulty_faults(struct faulty *f) {
  (void)lock(f);
  uint64_t n = f->faults;
  unlock(f);
  return n;
}
