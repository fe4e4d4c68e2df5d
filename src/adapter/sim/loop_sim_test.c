/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sim/loop_sim.h"
#include "support/cmocka_all.h"

#include <string.h>

enum { TASKS = 40 };
struct probe;
struct item {
  union {
    struct port_task task;
    struct port_timer timer;
    struct port_work work;
  } as;
  struct probe *probe;
  char name;
};
struct probe {
  char log[256];
  size_t n;
  struct item items[TASKS];
};

static void note(struct item *i, char name) {
  assert_true(i->probe->n < sizeof i->probe->log - 1);
  i->probe->log[i->probe->n++] = name;
}
static void task_ran(struct port_task *t) { note((struct item *)t, ((struct item *)t)->name); }
static void timer_ran(struct port_timer *t) { note((struct item *)t, ((struct item *)t)->name); }
static void work_ran(struct port_work *w) { note((struct item *)w, 'r'); }
static void work_done(struct port_work *w) { note((struct item *)w, ((struct item *)w)->name); }

static struct item *item(struct probe *p, size_t i, char name) {
  p->items[i] = (struct item){.probe = p, .name = name};
  return &p->items[i];
}
static void post(struct probe *p, struct port_loop *l, size_t i, char name) {
  item(p, i, name)->as.task.fn = task_ran;
  port_post(l, &p->items[i].as.task);
}
static void arm(struct probe *p, struct port_loop *l, size_t i, char name, int64_t in_us) {
  item(p, i, name)->as.timer.fn = timer_ran;
  port_arm(l, &p->items[i].as.timer, (tfdc_mono){port_mono(l->clock).us + in_us});
}

static void mixed_course(uint64_t seed, struct probe *p) {
  memset(p, 0, sizeof *p);
  struct loop_sim *w = loop_sim_create(seed);
  struct port_loop *a = loop_sim_add(w), *b = loop_sim_add(w);
  for (size_t i = 0; i < 10; i++) post(p, a, i, (char)('a' + i));
  for (size_t i = 10; i < 20; i++) post(p, b, i, (char)('A' + i - 10));
  for (size_t i = 20; i < 25; i++) arm(p, a, i, (char)('0' + i - 20), 0);
  for (size_t i = 25; i < 28; i++) {
    item(p, i, (char)('x' + i - 25))->as.work = (struct port_work){.run = work_ran, .done = work_done};
    port_start_work(b, &p->items[i].as.work);
  }
  while (loop_sim_step(w)) {
  }
  assert_int_equal(loop_sim_steps(w), 31);
  loop_sim_destroy(w);
}

static void the_course_follows_from_the_seed(void **state) {
  (void)state;
  struct probe one, two;
  unsigned different = 0;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    mixed_course(seed, &one);
    mixed_course(seed, &two);
    assert_string_equal(one.log, two.log);
    mixed_course(seed + 1000, &two);
    different += strcmp(one.log, two.log) != 0;
  }
  assert_int_equal(different, 20);
}

static void tasks_of_one_poster_keep_their_order(void **state) {
  (void)state;
  struct probe p;
  for (uint64_t seed = 0; seed < 50; seed++) {
    mixed_course(seed, &p);
    const char *last_small = NULL, *last_big = NULL;
    for (const char *c = "abcdefghij"; *c != '\0'; c++) {
      assert_true(strchr(p.log, *c) > last_small);
      last_small = strchr(p.log, *c);
      assert_true(strchr(p.log, *c - 'a' + 'A') > last_big);
      last_big = strchr(p.log, *c - 'a' + 'A');
    }
  }
}

static void time_goes_to_the_next_deadline_only_when_nothing_is_ready(void **state) {
  (void)state;
  struct probe p = {.n = 0};
  struct loop_sim *w = loop_sim_create(3);
  struct port_loop *a = loop_sim_add(w);
  arm(&p, a, 0, 'z', 60 * TFDC_US_PER_S);
  arm(&p, a, 1, 'y', 30 * TFDC_US_PER_S);
  arm(&p, a, 2, 'n', 40 * TFDC_US_PER_S);
  arm(&p, a, 3, 'm', 50 * TFDC_US_PER_S);
  port_forget(a, &p.items[2].as.timer);
  port_arm(a, &p.items[3].as.timer, (tfdc_mono){TFDC_NEVER});
  post(&p, a, 4, 'a');
  tfdc_mono start = port_mono(a->clock);
  assert_true(loop_sim_step(w));
  assert_string_equal(p.log, "a");
  assert_true(loop_sim_step(w));
  assert_int_equal(port_mono(a->clock).us - start.us, 30 * TFDC_US_PER_S + 1);
  loop_sim_run_for(w, (tfdc_dur){100 * TFDC_US_PER_S});
  assert_string_equal(p.log, "ayz");
  assert_false(loop_sim_step(w));
  loop_sim_destroy(w);
}

static void the_wall_clock_may_jump_without_the_monotonic_one(void **state) {
  (void)state;
  struct loop_sim *w = loop_sim_create(3);
  struct port_clock *c = loop_sim_clock(w);
  tfdc_mono mono = port_mono(c);
  tfdc_wall wall = port_wall(c);
  loop_sim_jump_wall(w, (tfdc_dur){-3600 * TFDC_US_PER_S});
  assert_int_equal(port_mono(c).us, mono.us);
  assert_int_equal(port_wall(c).us, wall.us - 3600 * TFDC_US_PER_S);
  loop_sim_destroy(w);
}

struct crash {
  struct probe p;
  struct port_loop *victim, *server;
  struct port_task start;
};
static void victim_posts(struct port_task *t) {
  struct crash *c = (struct crash *)((char *)t - offsetof(struct crash, start));
  for (size_t i = 0; i < 5; i++) post(&c->p, c->server, i, (char)('a' + i));
  for (size_t i = 5; i < 8; i++) post(&c->p, c->victim, i, 'X');
  arm(&c->p, c->victim, 8, 'X', 10);
  item(&c->p, 9, 'X')->as.work = (struct port_work){.run = work_ran, .done = work_done};
  port_start_work(c->victim, &c->p.items[9].as.work);
}

static void a_killed_loop_leaves_a_seeded_beginning_of_what_it_posted(void **state) {
  (void)state;
  unsigned lengths[6] = {0};
  for (uint64_t seed = 0; seed < 200; seed++) {
    struct loop_sim *w = loop_sim_create(seed);
    struct crash c = {.victim = loop_sim_add(w), .server = loop_sim_add(w), .start.fn = victim_posts};
    port_post(c.victim, &c.start);
    assert_true(loop_sim_step(w));
    loop_sim_kill(w, &c.victim, 1);
    assert_memory_equal(c.p.log, "abcde", c.p.n);
    lengths[c.p.n]++;
    post(&c.p, c.victim, 10, 'X');
    post(&c.p, c.server, 11, 's');
    while (loop_sim_step(w)) {
    }
    assert_null(strchr(c.p.log, 'X'));
    assert_null(strchr(c.p.log, 'r'));
    assert_int_equal(c.p.log[c.p.n - 1], 's');
    loop_sim_destroy(w);
  }
  for (size_t i = 0; i < 6; i++) assert_true(lengths[i] > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_course_follows_from_the_seed),
      cmocka_unit_test(tasks_of_one_poster_keep_their_order),
      cmocka_unit_test(time_goes_to_the_next_deadline_only_when_nothing_is_ready),
      cmocka_unit_test(the_wall_clock_may_jump_without_the_monotonic_one),
      cmocka_unit_test(a_killed_loop_leaves_a_seeded_beginning_of_what_it_posted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
