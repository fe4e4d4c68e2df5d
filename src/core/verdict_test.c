/* SPDX-License-Identifier: Apache-2.0
 * The judgement of one run: points, the run's verdict, reasons, alarms. */
#include "core/verdict_run_test.h"

#define NONE ((double)NAN)

/* --- the run's verdict --- */

static void every_chart_has_a_point_that_tells_what_judged_it(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press in step(\"ME\"))", 48, 52);
  bench_chart(&b, "span", "span(step(\"ME\"))", NONE, 7);
  struct verdict_output out = bench_judge(&b);
  const struct model_point *mean = bench_point(&out, "mean"), *span = bench_point(&out, "span");
  assert_true(mean->value == 50 && mean->n == 60 && mean->quality == 1 && mean->verdict == MODEL_OK);
  assert_true(mean->centre == 50 && mean->lcl == 48 && mean->ucl == 52 && mean->score == 0);
  assert_true(mean->eq_version == 3 && mean->limit_version == 0 && mean->reason == MODEL_REASON_NONE);
  assert_string_equal(mean->unit, "mTorr");
  assert_true(span->value == 6 && isnan(span->lcl) && span->ucl == 7 && span->verdict == MODEL_OK);
  const struct model_u_record *r = &out.records[0];
  assert_string_equal(r->chart_set, "watch");
  assert_string_equal(r->partition, "R1");
  assert_true(r->order_us == b.context.order_us && r->revision == 1 && r->judgement == 1 && !r->late);
  assert_true(tfdc_id128_eq(r->context_id, b.context.context_id));
  const struct model_run_verdict *v = &out.verdict;
  assert_true(v->verdict == MODEL_OK && v->judged == 2 && v->charts == 2 && v->reason == MODEL_REASON_NONE);
  assert_int_equal(v->latency_us, 1000);
  assert_string_equal(v->lot_id, "L");
  assert_int_equal(out.n_alarms, 0);
  bench_done(&b, &out);
}

struct worst_row {
  double levels[3]; /* of charts a, b, c: 1 inside, 2 beyond the limits, 3 beyond the action limits, NaN not judged */
  bool c_optional;
  enum model_verdict verdict;
  enum model_reason reason;
  uint32_t judged;
};

static void the_worst_judged_chart_is_the_verdict_of_the_run(void **state) {
  (void)state;
  static const struct worst_row rows[] = {
      {{1, 1, 1}, false, MODEL_OK, MODEL_REASON_NONE, 3},
      {{1, 2, 1}, false, MODEL_OOC, MODEL_REASON_NONE, 3},
      {{3, 2, 1}, false, MODEL_ACTION, MODEL_REASON_NONE, 3},
      {{1, 1, NAN}, false, MODEL_NOT_JUDGED, MODEL_REASON_MISSING_STEP, 2},
      {{1, 1, NAN}, true, MODEL_OK, MODEL_REASON_NONE, 2},
      {{2, 1, NAN}, false, MODEL_OOC, MODEL_REASON_NONE, 2},
      {{NAN, 1, NAN}, true, MODEL_NOT_JUDGED, MODEL_REASON_MISSING_STEP, 1},
      {{NAN, NAN, NAN}, true, MODEL_NOT_JUDGED, MODEL_REASON_MISSING_STEP, 0},
  };
  static const char *const names[] = {"a", "b", "c"};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct bench b;
    bench_init(&b);
    for (size_t k = 0; k < 3; k++) {
      double level = rows[i].levels[k];
      struct model_chart *c =
          bench_chart(&b, names[k], isnan(level) ? "mean(Press in step(\"NONE\"))" : "mean(Press)", NONE, NONE);
      if (level == 2) c->limits.ucl = 49;
      if (level == 3) c->limits.action_ucl = 49;
      c->limits.centre = 48;
      c->optional = k == 2 && rows[i].c_optional;
    }
    struct verdict_output out = bench_judge(&b);
    const struct model_run_verdict *v = &out.verdict;
    if (v->verdict != rows[i].verdict || v->reason != rows[i].reason || v->judged != rows[i].judged || v->charts != 3)
      fail_msg("row %zu: %s(%s), %u of %u", i, model_verdict_name(v->verdict), model_reason_name(v->reason), v->judged,
               v->charts);
    bench_done(&b, &out);
  }
}

static void nothing_but_optional_charts_that_are_not_judged_is_not_ok(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "a", "mean(Press in step(\"NONE\"))", 1, 2)->optional = true;
  struct verdict_output out = bench_judge(&b);
  assert_int_equal(out.verdict.verdict, MODEL_NOT_JUDGED);
  assert_int_equal(out.verdict.reason, MODEL_REASON_NO_DATA);
  bench_done(&b, &out);
}

static void a_run_that_no_strategy_selects_is_not_judged(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  b.in.n_picks = 0;
  struct verdict_output out = bench_judge(&b);
  assert_true(out.verdict.verdict == MODEL_NOT_JUDGED && out.verdict.reason == MODEL_REASON_NO_LIMITS);
  assert_true(out.verdict.charts == 0 && out.n_alarms == 0);
  bench_done(&b, &out);
}

static void two_strategies_judge_one_run_together(void **state) {
  (void)state;
  struct bench b, other;
  bench_init(&b);
  bench_init(&other);
  bench_chart(&b, "a", "mean(Press)", 48, 52);
  bench_chart(&other, "b", "max(RfFwd)", 0, 499);
  other.strategy.id = "watch-too";
  struct verdict_pick picks[] = {b.pick, other.pick};
  b.in.picks = picks;
  b.in.n_picks = 2;
  struct verdict_output out = bench_judge(&b);
  assert_true(out.records[0].n_points == 1 && out.records[1].n_points == 1);
  assert_true(out.verdict.verdict == MODEL_OOC && out.verdict.judged == 2 && out.verdict.charts == 2);
  assert_int_equal(out.n_alarms, 1);
  assert_string_equal(out.alarms[0].strategy, "watch-too");
  bench_done(&b, &out);
}

/* --- reasons --- */

static void without_a_trace_every_chart_says_why(void **state) {
  (void)state;
  static const enum model_reason reasons[] = {MODEL_REASON_PARTIAL, MODEL_REASON_TRACE_EXPIRED, MODEL_REASON_TOO_LARGE};
  for (size_t i = 0; i < TFDC_COUNT(reasons); i++) {
    struct bench b;
    bench_init(&b);
    bench_chart(&b, "mean", "mean(Press)", 48, 52);
    bench_chart(&b, "span", "span(run)", 9, 11); /* needs no trace, yet the run is not whole */
    b.in.trace = reasons[i];
    struct verdict_output out = bench_judge(&b);
    for (size_t k = 0; k < 2; k++) {
      const struct model_point *p = &out.records[0].points[k];
      assert_true(p->verdict == MODEL_NOT_JUDGED && p->reason == reasons[i] && isnan(p->value));
    }
    assert_true(out.verdict.verdict == MODEL_NOT_JUDGED && out.verdict.reason == reasons[i]);
    assert_true(out.verdict.judged == 0 && out.n_alarms == 0);
    bench_done(&b, &out);
  }
}

static enum model_reason reason_with(struct bench *b) {
  struct verdict_output out = {0};
  assert_int_equal(verdict_compute(&b->in, &out), TFDC_OK);
  enum model_reason r = out.verdict.reason;
  assert_int_equal(out.verdict.verdict, MODEL_NOT_JUDGED);
  assert_int_equal(out.records[0].points[0].reason, r);
  verdict_release(&out);
  return r;
}

static void chunks_that_are_damaged_or_contradict_are_never_judged(void **state) {
  (void)state;
  struct bench b, other;
  bench_init(&b);
  bench_init(&other);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  other.press[40] = 51;
  bench_pack(&b);
  bench_pack(&other);
  struct chunk_blob two[] = {b.blob, other.blob};
  b.in.chunks = two;
  b.in.n_chunks = 2;
  assert_int_equal(reason_with(&b), MODEL_REASON_CONFLICT);
  two[1] = b.blob;
  struct verdict_output out = {0};
  assert_int_equal(verdict_compute(&b.in, &out), TFDC_OK); /* the same chunk twice counts once */
  assert_true(out.verdict.verdict == MODEL_OK && out.records[0].points[0].n == BENCH_POINTS);
  verdict_release(&out);
  b.in.max_bytes = 1000;
  assert_int_equal(reason_with(&b), MODEL_REASON_TOO_LARGE);
  b.in.max_bytes = (size_t)64 << 20;
  b.bytes.data[b.bytes.size / 2] ^= 1;
  assert_int_equal(reason_with(&b), MODEL_REASON_CORRUPT);
  tfdc_buf_deinit(&b.bytes);
  tfdc_buf_deinit(&other.bytes);
}

/* Decoding fits, the work of the equations does not: an answer, not a job that is tried for ever. */
static void equations_that_need_more_than_the_limit_are_too_large(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "deep",
              "mean(((Press + 1 mTorr) * 2 - 3 mTorr) * 5 + abs(Press - 7 mTorr) * 3 - Press ^ 2 / 1 mTorr)", NONE,
              1e9);
  bench_pack(&b);
  bool judged = false;
  for (size_t most = 1000; most < 400000 && !judged; most += most / 4) {
    b.in.max_bytes = most;
    struct verdict_output out = {0};
    assert_int_equal(verdict_compute(&b.in, &out), TFDC_OK);
    judged = out.verdict.verdict == MODEL_OK;
    if (!judged) assert_int_equal(out.verdict.reason, MODEL_REASON_TOO_LARGE);
    verdict_release(&out);
  }
  assert_true(judged);
  tfdc_buf_deinit(&b.bytes);
}

static void what_an_equation_lacks_is_the_reason(void **state) {
  (void)state;
  static const struct {
    const char *eq;
    enum model_reason reason;
  } rows[] = {
      {"mean(Press in step(\"NONE\"))", MODEL_REASON_MISSING_STEP},
      {"mean(Press in while(Press > 90 mTorr))", MODEL_REASON_NEVER},
      {"mean(Press, min_n=500)", MODEL_REASON_LOW_QUALITY},
      {"mean(Temp)", MODEL_REASON_NO_DATA}, /* not in the dictionary */
      {"mean(Press) + 1 s", MODEL_REASON_UNDEFINED},
      {"1 / range(Press)", MODEL_REASON_UNDEFINED},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct bench b;
    bench_init(&b);
    bench_chart(&b, "c", rows[i].eq, 0, 1);
    bench_pack(&b);
    assert_int_equal(reason_with(&b), rows[i].reason);
    tfdc_buf_deinit(&b.bytes);
  }
}

/* --- alarms --- */

static void an_alarm_opens_is_updated_and_clears_with_one_id(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  static const double levels[] = {50, 55, 56, 50, 50, 50};
  static const enum model_alarm_state states[] = {0, MODEL_ALARM_OPEN, MODEL_ALARM_OPEN, 0, MODEL_ALARM_CLEARED, 0};
  static const size_t alarms[] = {0, 1, 1, 0, 1, 0};
  struct verdict_output out[6];
  struct tfdc_id128 id = {0, 0};
  uint32_t update = 0;
  for (size_t i = 0; i < 6; i++) {
    bench_number(&b, 10 + i);
    bench_fill(&b, levels[i]);
    b.pick.prev = i > 0 ? &out[i - 1].records[0] : NULL;
    out[i] = bench_judge(&b);
    assert_int_equal(out[i].n_alarms, alarms[i]);
    if (alarms[i] == 0) continue;
    const struct model_alarm *a = &out[i].alarms[0];
    assert_int_equal(a->state, states[i]);
    assert_true(a->update > update);
    if (update > 0) assert_true(tfdc_id128_eq(a->alarm_id, id));
    assert_int_equal(a->first_context.lo, 11);
    assert_string_equal(a->reason, a->state == MODEL_ALARM_OPEN ? "OOC" : "CLEARED");
    id = a->alarm_id;
    update = a->update;
  }
  assert_string_equal(out[1].alarms[0].charts, "mean");
  assert_non_null(strstr(out[1].alarms[0].text, "mean 55 mTorr above UCL 52"));
  assert_int_equal(out[2].alarms[0].bad_runs, 2);
  for (size_t i = 0; i < 6; i++) verdict_release(&out[i]);
  tfdc_buf_deinit(&b.bytes);
}

static void a_lost_step_alarms_and_other_reasons_do_not(void **state) {
  (void)state;
  static const struct {
    const char *eq;
    size_t alarms;
    bool optional;
  } rows[] = {{"mean(Press in step(\"NONE\"))", 1, false},
              {"mean(Press in step(\"NONE\"))", 0, true},
              {"mean(Press, min_n=500)", 0, false},
              {"mean(Temp)", 0, false}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct bench b;
    bench_init(&b);
    bench_chart(&b, "fine", "mean(Press)", 48, 52);
    bench_chart(&b, "lost", rows[i].eq, 0, 100)->optional = rows[i].optional;
    struct verdict_output out = bench_judge(&b);
    assert_int_equal(out.n_alarms, rows[i].alarms);
    if (out.n_alarms > 0) {
      assert_string_equal(out.alarms[0].reason, "MISSING_STEP");
      assert_string_equal(out.alarms[0].text, "lost not judged: MISSING_STEP");
      assert_string_equal(out.verdict.text, "lost not judged: MISSING_STEP");
    }
    bench_done(&b, &out);
  }
}

static void a_chart_without_alarm_is_judged_and_stays_silent(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 10, 20)->alarm = false;
  struct verdict_output out = bench_judge(&b);
  assert_true(out.verdict.verdict == MODEL_OOC && out.n_alarms == 0);
  bench_done(&b, &out);
}

static void action_makes_an_alarm_critical(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  struct model_chart *c = bench_chart(&b, "mean", "mean(Press)", 10, 20);
  struct verdict_output out = bench_judge(&b);
  assert_int_equal(out.alarms[0].severity, MODEL_WARNING);
  bench_done(&b, &out);
  c->limits.action_ucl = 30;
  out = bench_judge(&b);
  assert_int_equal(out.alarms[0].severity, MODEL_CRITICAL);
  assert_string_equal(out.alarms[0].reason, "ACTION");
  bench_done(&b, &out);
}

static void a_revision_that_no_longer_alarms_takes_its_alarm_back(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  bench_fill(&b, 60);
  struct verdict_output old = bench_judge(&b);
  assert_int_equal(old.n_alarms, 1);
  bench_fill(&b, 50); /* late samples changed the mean */
  b.context.revision = 2;
  b.pick.old = &old.records[0];
  struct verdict_output out = bench_judge(&b);
  assert_true(out.verdict.verdict == MODEL_OK && out.verdict.revision == 2 && out.n_alarms == 1);
  const struct model_alarm *a = &out.alarms[0];
  assert_string_equal(a->reason, "REVISED");
  assert_int_equal(a->state, MODEL_ALARM_CLEARED);
  assert_true(tfdc_id128_eq(a->alarm_id, old.alarms[0].alarm_id) && a->update > old.alarms[0].update);
  verdict_release(&out);
  bench_fill(&b, 61); /* a revision that still alarms says so under the same id */
  out = bench_judge(&b);
  assert_int_equal(out.n_alarms, 1);
  assert_string_equal(out.alarms[0].reason, "OOC");
  assert_true(tfdc_id128_eq(out.alarms[0].alarm_id, old.alarms[0].alarm_id));
  assert_true(out.alarms[0].update > old.alarms[0].update);
  verdict_release(&old);
  bench_done(&b, &out);
}

/* Run 1 bad, bad again in its second revision, 2 bad, 3 and 4 good: readers keep the highest update, so each counts. */
static void an_alarm_that_a_revision_raised_again_still_clears(void **state) {
  (void)state;
  static const struct {
    uint64_t run;
    uint32_t revision;
    double level;
    size_t alarms;
  } rows[] = {{1, 1, 55, 1}, {1, 2, 56, 1}, {2, 1, 57, 1}, {3, 1, 50, 0}, {4, 1, 50, 1}};
  struct bench b;
  struct verdict_output out[TFDC_COUNT(rows)];
  uint32_t update = 0;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    bench_number(&b, rows[i].run);
    bench_fill(&b, rows[i].level);
    b.context.revision = rows[i].revision;
    b.pick.old = rows[i].revision > 1 ? &out[i - 1].records[0] : NULL;
    b.pick.prev = rows[i].run > 1 ? &out[i - 1].records[0] : NULL;
    out[i] = bench_judge(&b);
    assert_int_equal(out[i].n_alarms, rows[i].alarms);
    if (rows[i].alarms == 0) continue;
    assert_true(out[i].alarms[0].update > update);
    assert_true(tfdc_id128_eq(out[i].alarms[0].alarm_id, out[0].alarms[0].alarm_id));
    update = out[i].alarms[0].update;
  }
  assert_int_equal(out[4].alarms[0].state, MODEL_ALARM_CLEARED);
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) verdict_release(&out[i]);
  tfdc_buf_deinit(&b.bytes);
}

static void what_a_run_is_judged_again_to_does_not_undo_later_runs(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  bench_fill(&b, 55);
  struct verdict_output first = bench_judge(&b);
  bench_number(&b, 2);
  b.pick.prev = &first.records[0];
  struct verdict_output second = bench_judge(&b);
  bench_number(&b, 1);
  bench_fill(&b, 50); /* the first run is good after all; the second was judged from it and still is bad */
  b.context.revision = 2;
  b.pick = (struct verdict_pick){.from = b.pick.from, .partition = "R1", .old = &first.records[0], .later = true};
  struct verdict_output again = bench_judge(&b);
  assert_int_equal(again.n_alarms, 1);
  assert_string_equal(again.alarms[0].reason, "REVISED");
  assert_true(again.alarms[0].update > first.alarms[0].update && again.alarms[0].update < second.alarms[0].update);
  verdict_release(&first);
  verdict_release(&second);
  bench_done(&b, &again);
}

static void an_alarm_of_a_run_that_came_late_is_cleared_at_once(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  bench_fill(&b, 55);
  b.pick.later = b.in.late = true;
  struct verdict_output out = bench_judge(&b);
  assert_int_equal(out.n_alarms, 2);
  assert_true(out.alarms[0].state == MODEL_ALARM_OPEN && out.alarms[1].state == MODEL_ALARM_CLEARED);
  assert_int_equal(out.alarms[1].update, out.alarms[0].update + 1);
  assert_true(tfdc_id128_eq(out.alarms[1].alarm_id, out.alarms[0].alarm_id));
  bench_done(&b, &out);
}

static void a_run_that_moves_to_another_partition_takes_its_alarm_along(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  bench_fill(&b, 55);
  struct verdict_output old = bench_judge(&b);
  b.context.revision = 2; /* its recipe was amended */
  b.pick.partition = "R2";
  b.pick.old = &old.records[0];
  struct verdict_output out = bench_judge(&b);
  assert_int_equal(out.n_alarms, 2);
  assert_true(out.alarms[0].state == MODEL_ALARM_OPEN && out.alarms[1].state == MODEL_ALARM_CLEARED);
  assert_string_equal(out.alarms[0].partition, "R2");
  assert_true(tfdc_id128_eq(out.alarms[1].alarm_id, old.alarms[0].alarm_id));
  assert_true(out.alarms[1].update > old.alarms[0].update);
  verdict_release(&old);
  bench_done(&b, &out);
}

static void a_late_run_is_marked_and_a_historical_one_has_no_latency(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  b.in.late = true;
  b.context.historical = true;
  struct verdict_output out = bench_judge(&b);
  assert_true(out.records[0].late && out.verdict.late && out.verdict.latency_us == 0);
  bench_done(&b, &out);
}

/* --- */

static void programs_given_are_used_and_those_compiled_are_handed_back(void **state) {
  (void)state;
  struct bench b;
  bench_init(&b);
  bench_chart(&b, "mean", "mean(Press)", 48, 52);
  struct verdict_output out = bench_judge(&b);
  struct programs *kept = out.programs[0];
  assert_non_null(kept);
  programs_ref(kept);
  verdict_release(&out);
  b.pick.programs = kept;
  out = bench_judge(&b);
  assert_null(out.programs[0]);
  assert_int_equal(out.verdict.verdict, MODEL_OK);
  bench_done(&b, &out);
  programs_unref(kept);
}

static void the_row_of_a_run_that_was_not_judged_has_the_reason(void **state) {
  (void)state;
  struct model_completion m = {.key = {"ETCH-1", "A"},
                               .context_id = {1, 2},
                               .revision = 4,
                               .judgement = 1,
                               .timestamp_us = 70,
                               .order_us = 60,
                               .recipe_id = "R1"};
  struct model_run_verdict v = verdict_of_nothing(&m, MODEL_REASON_DEAD_LETTER, (tfdc_wall){100}, "d");
  assert_true(v.verdict == MODEL_NOT_JUDGED && v.reason == MODEL_REASON_DEAD_LETTER && v.charts == 0);
  assert_true(v.revision == 4 && v.order_us == 60 && v.latency_us == 30 && v.judged_us == 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_chart_has_a_point_that_tells_what_judged_it),
      cmocka_unit_test(the_worst_judged_chart_is_the_verdict_of_the_run),
      cmocka_unit_test(nothing_but_optional_charts_that_are_not_judged_is_not_ok),
      cmocka_unit_test(a_run_that_no_strategy_selects_is_not_judged),
      cmocka_unit_test(two_strategies_judge_one_run_together),
      cmocka_unit_test(without_a_trace_every_chart_says_why),
      cmocka_unit_test(chunks_that_are_damaged_or_contradict_are_never_judged),
      cmocka_unit_test(equations_that_need_more_than_the_limit_are_too_large),
      cmocka_unit_test(what_an_equation_lacks_is_the_reason),
      cmocka_unit_test(an_alarm_opens_is_updated_and_clears_with_one_id),
      cmocka_unit_test(a_lost_step_alarms_and_other_reasons_do_not),
      cmocka_unit_test(a_chart_without_alarm_is_judged_and_stays_silent),
      cmocka_unit_test(action_makes_an_alarm_critical),
      cmocka_unit_test(a_revision_that_no_longer_alarms_takes_its_alarm_back),
      cmocka_unit_test(an_alarm_that_a_revision_raised_again_still_clears),
      cmocka_unit_test(what_a_run_is_judged_again_to_does_not_undo_later_runs),
      cmocka_unit_test(an_alarm_of_a_run_that_came_late_is_cleared_at_once),
      cmocka_unit_test(a_run_that_moves_to_another_partition_takes_its_alarm_along),
      cmocka_unit_test(a_late_run_is_marked_and_a_historical_one_has_no_latency),
      cmocka_unit_test(programs_given_are_used_and_those_compiled_are_handed_back),
      cmocka_unit_test(the_row_of_a_run_that_was_not_judged_has_the_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
