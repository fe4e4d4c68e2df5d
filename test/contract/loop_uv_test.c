/* SPDX-License-Identifier: Apache-2.0
 * The loop of the real processes passes the suite of all loops; and what only it can: it stops. */
#include "adapter/posix/clock_posix.h"
#include "contract/loop_suite.h"
#include "run/loop_uv.h"
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct env {
  struct port_clock clock;
  struct loop_uv *loop;
};

static void *begin(void) {
  struct env *e = calloc(1, sizeof *e);
  struct tfdc_error err;
  TFDC_ASSERT(e != NULL);
  clock_posix_init(&e->clock);
  TFDC_ASSERT(loop_uv_start(&e->clock, "test", &e->loop, &err) == TFDC_OK);
  return e;
}
static struct port_loop *loop_of(void *env) { return loop_uv_port(((struct env *)env)->loop); }
static void end(void *env) {
  loop_uv_stop(((struct env *)env)->loop);
  free(env);
}

/* ---- stopping ---- */

struct chain {
  struct port_loop *loop;
  struct port_work work;
  struct port_task first, second;
  struct port_timer timer;
  int computing[2], go_on[2]; /* pipes: the pool has the work, and may end it; -1 = it need not wait */
  unsigned ran;
};

#define CHAIN_OF(ptr, member) ((struct chain *)(void *)((char *)(ptr)-offsetof(struct chain, member)))

static void on_timer(struct port_timer *t) { CHAIN_OF(t, timer)->ran += 1000; }
static void on_second(struct port_task *t) { CHAIN_OF(t, second)->ran++; }
static void on_first(struct port_task *t) {
  struct chain *c = CHAIN_OF(t, first);
  c->ran++;
  c->second.fn = on_second;
  port_post(c->loop, &c->second);
}
static void compute(struct port_work *w) {
  struct chain *c = CHAIN_OF(w, work);
  char byte = '1';
  if (c->go_on[0] < 0) return;
  TFDC_ASSERT(write(c->computing[1], &byte, 1) == 1 && read(c->go_on[0], &byte, 1) == 1);
}
/* As a request does that ends while its process stops: arms the time of its next try, tells others. */
static void computed(struct port_work *w) {
  struct chain *c = CHAIN_OF(w, work);
  c->ran++;
  c->timer.fn = on_timer;
  port_arm(c->loop, &c->timer, (tfdc_mono){port_mono(c->loop->clock).us + 600 * TFDC_US_PER_S});
  c->first.fn = on_first;
  port_post(c->loop, &c->first);
}
static void start_work(struct port_task *t) {
  struct chain *c = CHAIN_OF(t, first);
  c->work = (struct port_work){.run = compute, .done = computed};
  port_start_work(c->loop, &c->work);
}

static void *let_go(void *arg) {
  struct chain *c = arg;
  char byte = '1';
  TFDC_ASSERT(read(c->computing[0], &byte, 1) == 1 && write(c->go_on[1], &byte, 1) == 1);
  return NULL;
}

/* With the work in the pool before stop, or let go only when the loop is on its way out. */
static void stopping_runs_what_work_in_the_pool_leads_to_and_waits_for_no_timer(void **state) {
  (void)state;
  for (int round = 0; round < 20; round++) {
    bool waits = round % 2 == 0;
    struct env *e = begin();
    struct chain c = {.loop = loop_of(e), .computing = {-1, -1}, .go_on = {-1, -1}};
    pthread_t other;
    if (waits) assert_true(pipe(c.computing) == 0 && pipe(c.go_on) == 0);
    c.first.fn = start_work;
    port_post(c.loop, &c.first);
    if (waits) assert_int_equal(pthread_create(&other, NULL, let_go, &c), 0);
    end(e);
    if (waits) assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(c.ran, 3);
    for (int i = 0; waits && i < 2; i++) assert_true(close(c.computing[i]) == 0 && close(c.go_on[i]) == 0);
  }
}

static void arm_far(struct port_task *t) {
  struct chain *c = CHAIN_OF(t, first);
  c->timer.fn = on_timer;
  port_arm(c->loop, &c->timer, (tfdc_mono){port_mono(c->loop->clock).us + 600 * TFDC_US_PER_S});
  c->ran++;
}

static void timers_that_nobody_forgot_end_with_the_loop(void **state) {
  (void)state;
  struct env *e = begin();
  struct chain c = {.loop = loop_of(e)};
  c.first.fn = arm_far;
  port_post(c.loop, &c.first);
  end(e);
  assert_int_equal(c.ran, 1);
}

static void stopping_no_loop_is_nothing(void **state) {
  (void)state;
  loop_uv_stop(NULL);
}

int main(void) {
  const struct loop_suite_maker uv = {.name = "loop on libuv", .begin = begin, .loop = loop_of, .end = end};
  const struct CMUnitTest own[] = {
      cmocka_unit_test(stopping_runs_what_work_in_the_pool_leads_to_and_waits_for_no_timer),
      cmocka_unit_test(timers_that_nobody_forgot_end_with_the_loop),
      cmocka_unit_test(stopping_no_loop_is_nothing),
  };
  return loop_suite_run(&uv) + cmocka_run_group_tests(own, NULL, NULL);
}
