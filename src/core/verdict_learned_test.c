/* SPDX-License-Identifier: Apache-2.0
 * The judgement of one run by learned limits: which, their state, the centre that follows. */
#include "core/verdict_run_test.h"

#include "model/codec.h"

static const struct model_limit_centre CENTRES[] = {{"ETCH-1:A", 50, 25}, {"ETCH-1:B", 70, 25}};
static const struct model_limit_chart LEARNED[] = {
    {.chart = "mean", .s = 1, .dof = 40, .width_lo = 4, .width_up = 4, .centres = CENTRES, .n_centres = 2},
    {.chart = "out",
     .s = 1,
     .dof = 40,
     .width_lo = 4,
     .width_up = 4,
     .left_out = "too few",
     .centres = CENTRES,
     .n_centres = 2},
};
static const struct model_limit_group GROUPS[] = {{.partition = "R2", .tool_type = "ETCH"},
                                                  {.partition = "R1",
                                                   .tool_type = "ETCH",
                                                   .n_runs = 50,
                                                   .width = 4,
                                                   .warn_at = 0.8,
                                                   .charts = LEARNED,
                                                   .n_charts = 2}};
static const struct model_limit_set SET = {.id = "watch", .groups = GROUPS, .n_groups = 2};
#define WIDTH (4 * 1.019803902718557) /* 4 s sqrt(1 + 1/25) */

static void with_learned(struct bench *b, const char *chart) {
  bench_init(b);
  bench_chart(b, chart, "mean(Press)", (double)NAN, (double)NAN)->limits.present = false;
  b->pick.from.limits = &SET;
  b->pick.from.limit_version = 5;
}

static void learned_limits_are_those_of_chamber_partition_and_tool_type(void **state) {
  (void)state;
  struct bench b;
  with_learned(&b, "mean");
  struct verdict_output out = bench_judge(&b);
  const struct model_point *p = bench_point(&out, "mean");
  assert_true(p->verdict == MODEL_OK && p->centre == 50 && p->stddev == 1 && p->limit_version == 5);
  assert_true(fabs(p->ucl - (50 + WIDTH)) < 1e-12 && fabs(p->lcl - (50 - WIDTH)) < 1e-12);
  bench_done(&b, &out);
  b.context.key.chamber = "B";
  out = bench_judge(&b);
  assert_true(bench_point(&out, "mean")->centre == 70 && out.verdict.verdict == MODEL_ACTION); /* 20 s away */
  bench_done(&b, &out);
}

static void without_limits_the_point_says_learning_or_no_limits(void **state) {
  (void)state;
  struct bench b;
  with_learned(&b, "mean");
  b.pick.from.limits = NULL;
  struct verdict_output out = bench_judge(&b);
  assert_true(bench_point(&out, "mean")->reason == MODEL_REASON_LEARNING && bench_point(&out, "mean")->value == 50);
  assert_int_equal(out.verdict.reason, MODEL_REASON_LEARNING);
  bench_done(&b, &out);
  for (int i = 0; i < 5; i++) {
    with_learned(&b, i == 0 ? "out" : i == 1 ? "other" : "mean");
    if (i == 2) b.context.key.chamber = "C";
    if (i == 3) b.pick.partition = "R3";
    if (i == 4) b.context.tool_type = "CVD";
    out = bench_judge(&b);
    assert_int_equal(out.verdict.reason, MODEL_REASON_NO_LIMITS);
    assert_true(out.records[0].points[0].value == 50);
    bench_done(&b, &out);
  }
}

static void the_rule_state_comes_from_the_row_before_and_no_other(void **state) {
  (void)state;
  struct bench b;
  with_learned(&b, "mean");
  bench_fill(&b, 50 + 0.85 * WIDTH); /* beyond the smaller limit: a warning, and twice in three runs out of control */
  struct verdict_output first = bench_judge(&b);
  assert_int_equal(first.verdict.verdict, MODEL_WARN);
  bench_number(&b, 2);
  struct verdict_output again = bench_judge(&b);
  assert_int_equal(again.verdict.verdict, MODEL_WARN); /* nothing is kept in memory */
  verdict_release(&again);
  b.pick.prev = &first.records[0];
  struct verdict_output second = bench_judge(&b);
  assert_int_equal(second.verdict.verdict, MODEL_OOC);
  assert_int_equal(second.n_alarms, 1);
  verdict_release(&second);
  b.pick.from.limit_version = 6; /* new limits begin anew */
  second = bench_judge(&b);
  assert_int_equal(second.verdict.verdict, MODEL_WARN);
  verdict_release(&first);
  bench_done(&b, &second);
}

/* The rules of a strategy stand instead of the default ones, not beside them. */
static void a_strategy_with_rules_of_its_own_is_judged_by_those_alone(void **state) {
  (void)state;
  static const char *const rules[] = {"beyond(1, 2 of 3)"};
  struct bench b;
  with_learned(&b, "mean");
  b.strategy.rules = (struct model_globs){rules, 1};
  bench_fill(&b, 50 + 1.2 * WIDTH); /* by the default rules out of control at once */
  struct verdict_output first = bench_judge(&b);
  assert_int_equal(first.verdict.verdict, MODEL_OK);
  bench_number(&b, 2);
  b.pick.prev = &first.records[0];
  struct verdict_output second = bench_judge(&b);
  assert_int_equal(second.verdict.verdict, MODEL_OOC);
  verdict_release(&first);
  bench_done(&b, &second);
}

/* What docs/learning.md measures: a twentieth of a good run's deviation, at most 2 s from where it was learned. */
static void a_learned_centre_follows_slow_drift_and_the_point_shows_it(void **state) {
  (void)state;
  struct bench b;
  with_learned(&b, "mean");
  struct verdict_output before = {0}, out;
  double centre = 50;
  for (uint64_t i = 1; i <= 200; i++) {
    double level = 50 + 0.01 * (double)i;
    bench_number(&b, i);
    bench_fill(&b, level);
    b.pick.prev = i > 1 ? &before.records[0] : NULL;
    out = bench_judge(&b);
    const struct model_point *p = bench_point(&out, "mean");
    assert_int_equal(p->verdict, MODEL_OK);
    assert_true(fabs(p->centre - centre) < 1e-9);
    assert_true(fabs(p->ucl - (centre + WIDTH)) < 1e-9 && fabs(p->lcl - (centre - WIDTH)) < 1e-9);
    centre += 0.05 * (level - centre);
    verdict_release(&before);
    before = out;
  }
  assert_true(centre > 51.7);
  for (uint64_t i = 201; i <= 400; i++) { /* no farther than 2 s, and limits given by a person never move */
    bench_number(&b, i);
    bench_fill(&b, 55);
    b.pick.prev = &before.records[0];
    out = bench_judge(&b);
    assert_true(bench_point(&out, "mean")->centre <= 52);
    verdict_release(&before);
    before = out;
  }
  assert_true(bench_point(&before, "mean")->centre == 52);
  b.pick.prev = &before.records[0];
  b.pick.from.limit_version = 6; /* new limits begin where they were learned */
  out = bench_judge(&b);
  assert_true(bench_point(&out, "mean")->centre == 50);
  verdict_release(&before);
  bench_done(&b, &out);
}

static void a_run_that_alarms_teaches_the_centre_nothing(void **state) {
  (void)state;
  struct bench b;
  with_learned(&b, "mean");
  bench_fill(&b, 56);
  struct verdict_output bad = bench_judge(&b);
  assert_int_equal(bad.verdict.verdict, MODEL_OOC);
  bench_number(&b, 2);
  bench_fill(&b, 50);
  b.pick.prev = &bad.records[0];
  struct verdict_output out = bench_judge(&b);
  assert_true(bench_point(&out, "mean")->centre == 50);
  verdict_release(&bad);
  bench_done(&b, &out);
}

static void the_same_run_gives_the_same_bytes(void **state) {
  (void)state;
  struct bench b;
  with_learned(&b, "mean");
  bench_chart(&b, "std", "std(Press)", 0, 1);
  for (size_t i = 0; i < BENCH_POINTS; i++) b.press[i] = 50 + (double)(i * 37 % 101) / 128;
  struct tfdc_buf bytes[2] = {0};
  for (size_t i = 0; i < 2; i++) {
    struct verdict_output out = bench_judge(&b);
    assert_int_equal(model_u_record_encode(&out.records[0], &bytes[i]), TFDC_OK);
    bench_done(&b, &out);
  }
  assert_int_equal(bytes[0].size, bytes[1].size);
  assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].size);
  tfdc_buf_deinit(&bytes[0]);
  tfdc_buf_deinit(&bytes[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(learned_limits_are_those_of_chamber_partition_and_tool_type),
      cmocka_unit_test(without_limits_the_point_says_learning_or_no_limits),
      cmocka_unit_test(the_rule_state_comes_from_the_row_before_and_no_other),
      cmocka_unit_test(a_strategy_with_rules_of_its_own_is_judged_by_those_alone),
      cmocka_unit_test(a_learned_centre_follows_slow_drift_and_the_point_shows_it),
      cmocka_unit_test(a_run_that_alarms_teaches_the_centre_nothing),
      cmocka_unit_test(the_same_run_gives_the_same_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
