/* SPDX-License-Identifier: Apache-2.0 */
#include "support/loop_thread.h"

#include "support/cmocka_all.h"

struct rig {
  struct test_loop loop;
  struct port_timer timer[3];
  struct port_work work;
  unsigned fired, worked;
  int order[3], n;
};

static struct rig *rig_of_timer(struct port_timer *t, int i) {
  return (struct rig *)((char *)t - offsetof(struct rig, timer) - (size_t)i * sizeof *t);
}
static void note(struct rig *r, int i) {
  r->order[r->n++] = i;
  test_loop_add(&r->loop, &r->fired, 1);
}
static void fire0(struct port_timer *t) { note(rig_of_timer(t, 0), 0); }
static void fire1(struct port_timer *t) { note(rig_of_timer(t, 1), 1); }
static void fire2(struct port_timer *t) { note(rig_of_timer(t, 2), 2); }

static void arm_all(void *arg) {
  struct rig *r = arg;
  int64_t now = port_mono(r->loop.loop.clock).us;
  void (*const fns[])(struct port_timer *) = {fire0, fire1, fire2};
  const int64_t after[] = {2000, 1000, 1500};
  for (int i = 0; i < 3; i++) {
    r->timer[i].fn = fns[i];
    port_arm(&r->loop.loop, &r->timer[i], (tfdc_mono){now + after[i]});
  }
  port_forget(&r->loop.loop, &r->timer[2]);
}

static void timers_fire_in_order_of_their_deadlines_and_forgotten_ones_not(void **state) {
  (void)state;
  struct rig r = {0};
  test_loop_start(&r.loop);
  test_loop_run(&r.loop, arm_all, &r);
  test_loop_wait(&r.loop, &r.fired, 2);
  test_loop_stop(&r.loop);
  assert_int_equal(r.n, 2);
  assert_int_equal(r.order[0], 1);
  assert_int_equal(r.order[1], 0);
}

static struct rig *rig_of_work(struct port_work *w) { return (struct rig *)((char *)w - offsetof(struct rig, work)); }
static void work_run(struct port_work *w) { rig_of_work(w)->n = 7; }
static void work_done(struct port_work *w) {
  struct rig *r = rig_of_work(w);
  test_loop_add(&r->loop, &r->worked, r->n == 7 ? 1 : 0);
}
static void start_work(void *arg) {
  struct rig *r = arg;
  r->work = (struct port_work){.run = work_run, .done = work_done};
  port_start_work(&r->loop.loop, &r->work);
  assert_int_equal(r->n, 0);
}

static void work_runs_after_the_call_that_started_it(void **state) {
  (void)state;
  struct rig r = {0};
  test_loop_start(&r.loop);
  test_loop_run(&r.loop, start_work, &r);
  test_loop_wait(&r.loop, &r.worked, 1);
  test_loop_stop(&r.loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(timers_fire_in_order_of_their_deadlines_and_forgotten_ones_not),
      cmocka_unit_test(work_runs_after_the_call_that_started_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
