/* SPDX-License-Identifier: Apache-2.0
 * Stories of a run, told to the real drivers in a simulated world. */
#include "sim/fab.h"
#include "spc/episode.h"
#include "support/cmocka_all.h"

#include <stdlib.h>

static struct fab *new_fab(uint64_t seed) {
  struct fab *f = malloc(sizeof *f);
  assert_non_null(f);
  fab_init(f, seed);
  fab_strategy(f);
  fab_up(f);
  fab_connect(f);
  return f;
}

static void free_fab(struct fab *f) {
  fab_deinit(f);
  free(f);
}

static void a_run_goes_in_and_is_judged(void **state) {
  (void)state;
  struct fab *f = new_fab(1);
  struct fab_run *good = fab_add_run(f, 0, 0), *bad = fab_add_run(f, 1, 5);
  assert_true(fab_settle(f, 120 * TFDC_US_PER_S));
  struct model_run_verdict v;
  assert_int_equal(fab_verdict(f, good, &v), TFDC_OK);
  assert_int_equal(v.verdict, MODEL_OK);
  assert_int_equal(v.judged, 2);
  assert_int_equal(fab_verdict(f, bad, &v), TFDC_OK);
  assert_int_equal(v.verdict, MODEL_OOC);
  assert_int_equal(alarm_mem_count(f->alarms), 1);
  free_fab(f);
}

static void runs_survive_crashes_of_the_process(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct fab *f = new_fab(seed);
    for (int round = 0; round < 4; round++) {
      for (int i = 0; i < FAB_CHAMBERS; i++) (void)fab_add_run(f, i, i == 2 ? 5 : 0);
      (void)fab_settle(f, (int64_t)loop_sim_random(f->world, 2000000));
      fab_crash(f);
      fab_up(f);
      fab_connect(f);
    }
    assert_true(fab_settle(f, 600 * TFDC_US_PER_S));
    for (size_t i = 0; i < f->n_runs; i++) {
      struct model_run_verdict v;
      assert_int_equal(fab_verdict(f, &f->runs[i], &v), TFDC_OK);
      assert_int_equal(v.verdict, f->runs[i].chamber == 2 ? MODEL_OOC : MODEL_OK);
    }
    free_fab(f);
  }
}

/* What the store holds of one run's chart set. */
static void record_of(struct fab *f, const struct fab_run *r, struct store_req *q) {
  store_req_init(q, STORE_U_GET);
  q->id = r->id;
  assert_int_equal(fab_await(f, f->store, &q->base), TFDC_OK);
  assert_int_equal(q->n, 1);
}

static uint32_t bad_runs(const struct model_u_record *r) {
  struct tfdc_cursor at = tfdc_cursor_on(r->episode, r->episode_n);
  struct spc_episode e;
  assert_int_equal(spc_episode_decode(&at, &e, NULL), TFDC_OK);
  return e.alarms;
}

static void assert_judged(struct fab *f, const struct fab_run *r, uint32_t judgement, bool late, uint32_t bad) {
  struct store_req q;
  record_of(f, r, &q);
  assert_int_equal(q.u_records[0].judgement, judgement);
  assert_int_equal(q.u_records[0].late, late);
  assert_int_equal(bad_runs(&q.u_records[0]), bad);
  port_req_deinit(&q.base);
}

/* A chamber judged again in run order: each run's state is that of the newest judgement of the run before it, and the
 * rows that later runs have from the first pass make nothing late. */
static void a_pass_that_judges_a_chamber_again_in_order_is_not_late(void **state) {
  (void)state;
  struct fab *f = new_fab(7);
  struct fab_run *runs[6];
  for (size_t i = 0; i < 4; i++) {
    runs[i] = fab_add_run(f, 0, 5);
    assert_true(fab_settle(f, 120 * TFDC_US_PER_S));
    assert_judged(f, runs[i], 1, false, (uint32_t)i + 1);
  }
  for (size_t i = 0; i < 4; i++) {
    fab_rejudge(f, runs[i], 2);
    assert_true(fab_await_judgement(f, runs[i], 2));
    assert_judged(f, runs[i], 2, false, (uint32_t)i + 1);
    if (i != 1) continue;
    runs[4] = fab_add_run(f, 0, 5); /* a new run in the middle of the pass */
    assert_true(fab_settle(f, 120 * TFDC_US_PER_S));
    assert_judged(f, runs[4], 1, false, 5);
  }
  free_fab(f);
}

static void a_run_judged_again_after_a_later_one_is_late(void **state) {
  (void)state;
  struct fab *f = new_fab(8);
  struct fab_run *runs[4];
  for (size_t i = 0; i < 4; i++) {
    runs[i] = fab_add_run(f, 0, 5);
    assert_true(fab_settle(f, 120 * TFDC_US_PER_S));
  }
  fab_rejudge(f, runs[2], 2);
  assert_true(fab_await_judgement(f, runs[2], 2));
  assert_judged(f, runs[2], 2, false, 3);
  fab_rejudge(f, runs[1], 2); /* behind it: the run right after has this judgement, the newest has not */
  assert_true(fab_await_judgement(f, runs[1], 2));
  assert_judged(f, runs[1], 2, true, 2);
  fab_rejudge(f, runs[3], 2);
  assert_true(fab_await_judgement(f, runs[3], 2));
  assert_judged(f, runs[3], 2, false, 4);
  fab_rejudge(f, runs[0], 2);
  assert_true(fab_await_judgement(f, runs[0], 2));
  assert_judged(f, runs[0], 2, true, 1);
  free_fab(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_goes_in_and_is_judged),
      cmocka_unit_test(runs_survive_crashes_of_the_process),
      cmocka_unit_test(a_pass_that_judges_a_chamber_again_in_order_is_not_late),
      cmocka_unit_test(a_run_judged_again_after_a_later_one_is_late),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
