/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/loop_suite.h"

#include "base/err.h"
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { POSTERS = 4, POSTS = 200, WORKS = 20 };

struct rig {
  const struct loop_suite_maker *maker;
  void *env;
  struct port_loop *loop;
  pthread_mutex_t mu;
  pthread_cond_t changed;
  /* mu */
  unsigned done;
  char log[64]; /* what happened on the loop, a letter each */
  /* the loop's thread */
  bool busy; /* inside a callback: no other may run */
  bool has_thread_id;
  pthread_t thread_id;
};

static int setup(void **state) {
  struct rig *g = calloc(1, sizeof *g);
  g->maker = *state;
  g->env = g->maker->begin();
  g->loop = g->maker->loop(g->env);
  assert_int_equal(pthread_mutex_init(&g->mu, NULL), 0);
  assert_int_equal(pthread_cond_init(&g->changed, NULL), 0);
  *state = g;
  return 0;
}

static int teardown(void **state) {
  struct rig *g = *state;
  g->maker->end(g->env);
  (void)pthread_cond_destroy(&g->changed);
  (void)pthread_mutex_destroy(&g->mu);
  *state = (void *)(uintptr_t)g->maker;
  free(g);
  return 0;
}

/* Around every callback: always the same thread, never one inside the other. */
static void enter(struct rig *g) {
  TFDC_ASSERT(!g->busy);
  g->busy = true;
  if (!g->has_thread_id) g->thread_id = pthread_self();
  g->has_thread_id = true;
  TFDC_ASSERT(pthread_equal(g->thread_id, pthread_self()));
}

static void leave(struct rig *g, char letter) {
  g->busy = false;
  (void)pthread_mutex_lock(&g->mu);
  size_t n = strlen(g->log);
  if (n < sizeof g->log - 1) g->log[n] = letter;
  g->done++;
  (void)pthread_cond_signal(&g->changed);
  (void)pthread_mutex_unlock(&g->mu);
}

static void wait_for(struct rig *g, unsigned done) {
  if (g->maker->step != NULL) {
    while (g->done < done) assert_true(g->maker->step(g->env));
    return;
  }
  (void)pthread_mutex_lock(&g->mu);
  while (g->done < done) (void)pthread_cond_wait(&g->changed, &g->mu);
  (void)pthread_mutex_unlock(&g->mu);
}

/* A task that runs `then` and notes its letter. */
struct step {
  struct port_task task;
  struct rig *g;
  char letter;
  void (*then)(struct rig *g, void *arg);
  void *arg;
};

static void run_step(struct port_task *t) {
  struct step *s = (struct step *)((char *)t - offsetof(struct step, task));
  enter(s->g);
  if (s->then != NULL) s->then(s->g, s->arg);
  leave(s->g, s->letter);
}

static void post(struct rig *g, struct step *s, char letter, void (*then)(struct rig *g, void *arg), void *arg) {
  *s = (struct step){.task.fn = run_step, .g = g, .letter = letter, .then = then, .arg = arg};
  port_post(g->loop, &s->task);
}

static void post_more(struct rig *g, void *arg) {
  struct step *more = arg;
  for (size_t i = 0; i < 3; i++) post(g, &more[i], (char)('b' + i), NULL, NULL);
}

static void tasks_run_in_order_and_never_inside_the_post(void **state) {
  struct rig *g = *state;
  struct step first, more[3];
  post(g, &first, 'a', post_more, more);
  wait_for(g, 4);
  assert_string_equal(g->log, "abcd");
}

struct poster {
  struct rig *g;
  struct numbered {
    struct port_task task;
    struct poster *from;
    unsigned number;
  } tasks[POSTS];
  unsigned seen; /* loop */
};

static void run_numbered(struct port_task *t) {
  struct numbered *n = (struct numbered *)t;
  struct rig *g = n->from->g;
  enter(g);
  TFDC_ASSERT(n->number == n->from->seen);
  n->from->seen++;
  leave(g, 'n');
}

static void *post_all(void *arg) {
  struct poster *p = arg;
  for (unsigned i = 0; i < POSTS; i++) {
    p->tasks[i] = (struct numbered){.task.fn = run_numbered, .from = p, .number = i};
    port_post(p->g->loop, &p->tasks[i].task);
  }
  return NULL;
}

static void each_posting_thread_keeps_its_order(void **state) {
  struct rig *g = *state;
  if (g->maker->step != NULL) return; /* it has no threads */
  struct poster *p = calloc(POSTERS, sizeof *p);
  pthread_t threads[POSTERS];
  for (int i = 0; i < POSTERS; i++) {
    p[i].g = g;
    assert_int_equal(pthread_create(&threads[i], NULL, post_all, &p[i]), 0);
  }
  for (int i = 0; i < POSTERS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  wait_for(g, POSTERS * POSTS);
  free(p);
}

struct alarm_clock {
  struct port_timer timer;
  struct rig *g;
  char letter;
};

static void ring(struct port_timer *t) {
  struct alarm_clock *a = (struct alarm_clock *)t;
  enter(a->g);
  TFDC_ASSERT(!t->armed);
  TFDC_ASSERT(port_mono(a->g->loop->clock).us >= t->deadline.us);
  leave(a->g, a->letter);
}

static void arm_in(struct rig *g, struct alarm_clock *a, char letter, int64_t us) {
  *a = (struct alarm_clock){.timer.fn = ring, .g = g, .letter = letter};
  port_arm(g->loop, &a->timer, (tfdc_mono){port_mono(g->loop->clock).us + us});
}

static void arm_all(struct rig *g, void *arg) {
  struct alarm_clock *a = arg;
  arm_in(g, &a[0], 'd', 30000);
  arm_in(g, &a[1], 'c', 20000);
  arm_in(g, &a[2], 'b', -5); /* past: at the next turn, not in here */
  arm_in(g, &a[3], 'X', 1000);
  port_forget(g->loop, &a[3].timer);
  arm_in(g, &a[4], 'X', 2000);
  port_arm(g->loop, &a[4].timer, (tfdc_mono){TFDC_NEVER});
  arm_in(g, &a[5], 'e', 3000);
  port_arm(g->loop, &a[5].timer, (tfdc_mono){port_mono(g->loop->clock).us + 40000}); /* later, once */
  TFDC_ASSERT(a[0].timer.armed && !a[3].timer.armed && !a[4].timer.armed);
}

static void forget_all(struct rig *g, void *arg) {
  struct alarm_clock *a = arg;
  for (size_t i = 0; i < 6; i++) port_forget(g->loop, &a[i].timer);
}

static void timers_fire_once_in_order_and_not_early(void **state) {
  struct rig *g = *state;
  struct alarm_clock a[6];
  struct step start, end;
  post(g, &start, 'a', arm_all, a);
  wait_for(g, 5);
  post(g, &end, 'f', forget_all, a);
  wait_for(g, 6);
  assert_string_equal(g->log, "abcdef");
}

struct job {
  struct port_work work;
  struct rig *g;
  unsigned input, result;
};

static void compute(struct port_work *w) {
  struct job *j = (struct job *)w;
  j->result = j->input * j->input;
}

static void computed(struct port_work *w) {
  struct job *j = (struct job *)w;
  enter(j->g);
  TFDC_ASSERT(j->result == j->input * j->input);
  leave(j->g, 'w');
}

static void start_all(struct rig *g, void *arg) {
  struct job *j = arg;
  for (unsigned i = 0; i < WORKS; i++) {
    j[i] = (struct job){.work = {.run = compute, .done = computed}, .g = g, .input = i + 2};
    port_start_work(g->loop, &j[i].work);
  }
}

static void work_is_computed_and_comes_back_to_the_loop(void **state) {
  struct rig *g = *state;
  struct job jobs[WORKS];
  struct step start;
  post(g, &start, 's', start_all, jobs);
  wait_for(g, WORKS + 1);
  assert_int_equal(g->log[0], 's');
  for (unsigned i = 0; i < WORKS; i++) assert_int_equal(jobs[i].result, (i + 2) * (i + 2));
}

int loop_suite_run(const struct loop_suite_maker *maker) {
#define T(name)                                                                                                        \
  { #name, name, setup, teardown, (void *)(uintptr_t)maker }
  const struct CMUnitTest tests[] = {
      T(tasks_run_in_order_and_never_inside_the_post),
      T(each_posting_thread_keeps_its_order),
      T(timers_fire_once_in_order_and_not_early),
      T(work_is_computed_and_comes_back_to_the_loop),
  };
#undef T
  return cmocka_run_group_tests_name(maker->name, tests, NULL, NULL);
}
