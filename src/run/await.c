/* SPDX-License-Identifier: Apache-2.0 */
#include "run/await.h"

#include "run/loop_uv.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define BUSY_LIMIT_US (10 * TFDC_US_PER_S)
#define BUSY_PAUSE_US INT64_C(2000)
enum { BATCH_MAX = 64 };

struct await {
  struct port_clock *clock;
  struct loop_uv *loop;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* monotonic clock */
};

tfdc_rc await_create(struct port_clock *clock, struct await **ret, struct tfdc_error *err) {
  struct await *a = calloc(1, sizeof *a);
  if (a == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "await");
  a->clock = clock;
  tfdc_rc rc = loop_uv_start(clock, "await", &a->loop, err);
  if (rc != TFDC_OK) {
    free(a);
    return rc;
  }
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&a->changed, &attr);
  (void)pthread_condattr_destroy(&attr);
  (void)pthread_mutex_init(&a->lock, NULL);
  *ret = a;
  return TFDC_OK;
}

void await_destroy(struct await *a) {
  if (a == NULL) return;
  loop_uv_stop(a->loop);
  (void)pthread_cond_destroy(&a->changed);
  (void)pthread_mutex_destroy(&a->lock);
  free(a);
}

struct port_loop *await_loop(struct await *a) {
  return loop_uv_port(a->loop);
}

/* ---- tasks ---- */

static void on_task(struct port_task *task) {
  struct await_task *t = (struct await_task *)task;
  struct await *a = t->await;
  (void)pthread_mutex_lock(&a->lock);
  t->done = true;
  (void)pthread_cond_broadcast(&a->changed);
  (void)pthread_mutex_unlock(&a->lock);
}

void await_task_init(struct await *a, struct await_task *t) {
  *t = (struct await_task){.task = {.fn = on_task}, .await = a};
}

void await_task_wait(struct await_task *t) {
  struct await *a = t->await;
  (void)pthread_mutex_lock(&a->lock);
  while (!t->done) (void)pthread_cond_wait(&a->changed, &a->lock);
  (void)pthread_mutex_unlock(&a->lock);
}

static struct timespec after(tfdc_dur limit) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t ns = (int64_t)t.tv_nsec + limit.us % TFDC_US_PER_S * 1000;
  t.tv_sec += (time_t)(limit.us / TFDC_US_PER_S + ns / 1000000000);
  t.tv_nsec = (long)(ns % 1000000000);
  return t;
}

bool await_task_wait_for(struct await_task *t, tfdc_dur limit) {
  struct await *a = t->await;
  struct timespec until = after(limit);
  (void)pthread_mutex_lock(&a->lock);
  while (!t->done && pthread_cond_timedwait(&a->changed, &a->lock, &until) == 0) {
  }
  bool done = t->done;
  (void)pthread_mutex_unlock(&a->lock);
  return done;
}

/* ---- requests ---- */

static void on_done(struct port_req *r) {
  struct await_task *t = r->user;
  on_task(&t->task);
}

void await_pause(struct await *a, tfdc_dur time) {
  struct timespec until = after(time);
  (void)pthread_mutex_lock(&a->lock);
  while (pthread_cond_timedwait(&a->changed, &a->lock, &until) == 0) {
  }
  (void)pthread_mutex_unlock(&a->lock);
}

tfdc_rc await_call(struct await *a, struct port *p, struct port_req *r) {
  struct await_task t;
  await_task_init(a, &t);
  tfdc_rc rc = port_submit(p, r, await_loop(a), on_done, &t);
  for (int64_t waited = 0; rc == TFDC_E_BUSY && waited < BUSY_LIMIT_US; waited += BUSY_PAUSE_US) {
    await_pause(a, (tfdc_dur){BUSY_PAUSE_US});
    rc = port_submit(p, r, await_loop(a), on_done, &t);
  }
  if (rc != TFDC_OK) {
    r->rc = rc;
    if (r->err.code == rc) return rc; /* a request that is refused for what it says has its reason */
    return tfdc_fail(&r->err, rc, "%s", tfdc_rc_text(rc));
  }
  await_task_wait(&t);
  return r->rc;
}

/* Several requests under way for one caller. */
struct batch {
  struct await *await;
  size_t in_flight; /* under await's lock */
};

static void begin_one(struct batch *b) {
  (void)pthread_mutex_lock(&b->await->lock);
  b->in_flight++;
  (void)pthread_mutex_unlock(&b->await->lock);
}

static void end_one(struct batch *b) {
  (void)pthread_mutex_lock(&b->await->lock);
  b->in_flight--;
  (void)pthread_cond_broadcast(&b->await->changed);
  (void)pthread_mutex_unlock(&b->await->lock);
}

static void on_one_done(struct port_req *r) { end_one(r->user); }

static void wait_until_at_most(struct batch *b, size_t in_flight) {
  (void)pthread_mutex_lock(&b->await->lock);
  while (b->in_flight > in_flight) (void)pthread_cond_wait(&b->await->changed, &b->await->lock);
  (void)pthread_mutex_unlock(&b->await->lock);
}

void await_call_all(struct await *a, struct port *p, struct port_req *const *r, size_t n) {
  struct batch b = {.await = a};
  for (size_t i = 0; i < n; i++) {
    wait_until_at_most(&b, BATCH_MAX - 1);
    begin_one(&b);
    if (port_submit(p, r[i], await_loop(a), on_one_done, &b) == TFDC_OK) continue;
    end_one(&b);
    wait_until_at_most(&b, 0);
    tfdc_rc rc = await_call(a, p, r[i]); /* it is in r[i]->rc as well */
    (void)rc;
  }
  wait_until_at_most(&b, 0);
}

void await_close(struct await *a, struct port *p) {
  struct await_task t;
  await_task_init(a, &t);
  port_close(p, await_loop(a), &t.task);
  await_task_wait(&t);
}
