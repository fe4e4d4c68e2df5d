/* SPDX-License-Identifier: Apache-2.0 */
#include "support/loop_thread.h"

#include "base/err.h"

#include <stddef.h>
#include <time.h>

static int64_t now_us(clockid_t id) {
  struct timespec t;
  TFDC_ASSERT(clock_gettime(id, &t) == 0);
  return (int64_t)t.tv_sec * TFDC_US_PER_S + t.tv_nsec / 1000;
}

static tfdc_mono clock_mono(struct port_clock *c) {
  (void)c;
  return (tfdc_mono){now_us(CLOCK_MONOTONIC)};
}

static tfdc_wall clock_wall(struct port_clock *c) {
  (void)c;
  return (tfdc_wall){now_us(CLOCK_REALTIME)};
}

static struct test_loop *of(struct port_loop *l) {
  return (struct test_loop *)((char *)l - offsetof(struct test_loop, loop));
}

static void loop_post(struct port_loop *pl, struct port_task *t) {
  struct test_loop *l = of(pl);
  t->next = NULL;
  (void)pthread_mutex_lock(&l->mtx);
  *l->tail = t;
  l->tail = &t->next;
  (void)pthread_cond_signal(&l->work);
  (void)pthread_mutex_unlock(&l->mtx);
}

static void unlink_timer(struct test_loop *l, struct port_timer *t) {
  for (struct port_timer **at = &l->timers; *at != NULL; at = (struct port_timer **)&(*at)->impl) {
    if (*at != t) continue;
    *at = t->impl;
    break;
  }
  t->armed = false;
}

static void loop_forget(struct port_loop *pl, struct port_timer *t) {
  if (t->armed) unlink_timer(of(pl), t);
}

static void loop_arm(struct port_loop *pl, struct port_timer *t, tfdc_mono deadline) {
  struct test_loop *l = of(pl);
  loop_forget(pl, t);
  if (deadline.us == TFDC_NEVER) return;
  t->deadline = deadline;
  t->impl = l->timers;
  t->armed = true;
  l->timers = t;
}

/* Only the loop's own thread comes here, and the turn that it is in ends with run_works(). */
static void loop_work(struct port_loop *pl, struct port_work *w) {
  struct test_loop *l = of(pl);
  w->loop = pl;
  w->impl = NULL;
  *l->works_tail = w;
  l->works_tail = (struct port_work **)&w->impl;
}

static struct port_timer *first_timer(const struct test_loop *l) {
  struct port_timer *first = NULL;
  for (struct port_timer *t = l->timers; t != NULL; t = t->impl) {
    if (first == NULL || t->deadline.us <= first->deadline.us) first = t; /* the list is newest first */
  }
  return first;
}

static void run_timers(struct test_loop *l) {
  int64_t now = now_us(CLOCK_MONOTONIC);
  for (struct port_timer *t = first_timer(l); t != NULL && t->deadline.us <= now; t = first_timer(l)) {
    unlink_timer(l, t);
    t->fn(t);
  }
}

static void run_works(struct test_loop *l) {
  while (l->works != NULL) {
    struct port_work *w = l->works;
    l->works = w->impl;
    if (l->works == NULL) l->works_tail = &l->works;
    w->run(w);
    w->done(w);
  }
}

/* The next task, after a wait until one is there, a timer is due, or the loop stops (then NULL). */
static struct port_task *take_task(struct test_loop *l) {
  (void)pthread_mutex_lock(&l->mtx);
  const struct port_timer *t = first_timer(l);
  while (l->head == NULL && !l->stop) {
    if (t == NULL) {
      (void)pthread_cond_wait(&l->work, &l->mtx);
      continue;
    }
    struct timespec until = {.tv_sec = (time_t)(t->deadline.us / TFDC_US_PER_S),
                             .tv_nsec = (long)(t->deadline.us % TFDC_US_PER_S) * 1000};
    if (pthread_cond_timedwait(&l->work, &l->mtx, &until) != 0) break;
  }
  struct port_task *task = l->head;
  if (task != NULL) l->head = task->next;
  if (l->head == NULL) l->tail = &l->head;
  (void)pthread_mutex_unlock(&l->mtx);
  return task;
}

static bool stopped(struct test_loop *l) {
  (void)pthread_mutex_lock(&l->mtx);
  bool ret = l->stop && l->head == NULL;
  (void)pthread_mutex_unlock(&l->mtx);
  return ret;
}

static void *loop_main(void *arg) {
  struct test_loop *l = arg;
  while (!stopped(l)) {
    struct port_task *t = take_task(l);
    if (t != NULL) t->fn(t);
    run_works(l);
    run_timers(l);
    run_works(l);
  }
  return NULL;
}

static const struct port_loop_ops ops = {.post = loop_post, .arm = loop_arm, .forget = loop_forget, .work = loop_work};

void test_loop_start(struct test_loop *l) {
  *l = (struct test_loop){.clock = {.mono = clock_mono, .wall = clock_wall}};
  l->loop = (struct port_loop){.ops = &ops, .clock = &l->clock};
  l->tail = &l->head;
  l->works_tail = &l->works;
  pthread_condattr_t attr;
  TFDC_ASSERT(pthread_condattr_init(&attr) == 0);
  TFDC_ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
  TFDC_ASSERT(pthread_mutex_init(&l->mtx, NULL) == 0);
  TFDC_ASSERT(pthread_cond_init(&l->work, &attr) == 0);
  TFDC_ASSERT(pthread_cond_init(&l->changed, &attr) == 0);
  (void)pthread_condattr_destroy(&attr);
  TFDC_ASSERT(pthread_create(&l->thread, NULL, loop_main, l) == 0);
}

void test_loop_stop(struct test_loop *l) {
  (void)pthread_mutex_lock(&l->mtx);
  l->stop = true;
  (void)pthread_cond_signal(&l->work);
  (void)pthread_mutex_unlock(&l->mtx);
  TFDC_ASSERT(pthread_join(l->thread, NULL) == 0);
  (void)pthread_cond_destroy(&l->changed);
  (void)pthread_cond_destroy(&l->work);
  (void)pthread_mutex_destroy(&l->mtx);
}

bool test_loop_here(const struct test_loop *l) { return pthread_equal(pthread_self(), l->thread) != 0; }

void test_loop_add(struct test_loop *l, unsigned *counter, unsigned by) {
  (void)pthread_mutex_lock(&l->mtx);
  *counter += by;
  (void)pthread_cond_broadcast(&l->changed);
  (void)pthread_mutex_unlock(&l->mtx);
}

void test_loop_wait(struct test_loop *l, const unsigned *counter, unsigned at_least) {
  (void)pthread_mutex_lock(&l->mtx);
  while (*counter < at_least) (void)pthread_cond_wait(&l->changed, &l->mtx);
  (void)pthread_mutex_unlock(&l->mtx);
}

struct call {
  struct port_task task;
  struct test_loop *loop;
  void (*fn)(void *arg);
  void *arg;
  unsigned done;
};

static void call_run(struct port_task *t) {
  struct call *c = (struct call *)((char *)t - offsetof(struct call, task));
  TFDC_ASSERT(test_loop_here(c->loop));
  if (c->fn != NULL) c->fn(c->arg);
  test_loop_add(c->loop, &c->done, 1);
}

void test_loop_run(struct test_loop *l, void (*fn)(void *arg), void *arg) {
  struct call c = {.task = {.fn = call_run}, .loop = l, .fn = fn, .arg = arg};
  port_post(&l->loop, &c.task);
  test_loop_wait(l, &c.done, 1);
}

struct await {
  struct test_loop *loop;
  unsigned done;
};

static void await_done(struct port_req *r) {
  struct await *a = r->user;
  TFDC_ASSERT(test_loop_here(a->loop));
  test_loop_add(a->loop, &a->done, 1);
}

tfdc_rc test_await(struct port *p, struct port_req *r, struct test_loop *l) {
  struct await a = {.loop = l};
  TFDC_TRY(port_submit(p, r, &l->loop, await_done, &a));
  test_loop_wait(l, &a.done, 1);
  return r->rc;
}

void test_close(struct port *p, struct test_loop *l) {
  struct call c = {.task = {.fn = call_run}, .loop = l};
  port_close(p, &l->loop, &c.task);
  test_loop_wait(l, &c.done, 1);
}
