/* SPDX-License-Identifier: Apache-2.0
 * Stories of a run, told to the real drivers in a simulated world. */
#include "sim/fab.h"
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_goes_in_and_is_judged),
      cmocka_unit_test(runs_survive_crashes_of_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
