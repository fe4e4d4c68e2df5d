/* SPDX-License-Identifier: Apache-2.0
 * What part of a run each window takes. */
#include "eq/eq_run_test.h"

#include <stdio.h>

enum { N = 21, S = 1000000 };

/* `Press` is the time in seconds, 0 to 20; `RfFwd` is 30 W from 3 to 6 s, at 9 s and from 12 to 20 s, else 0. */
struct fixture {
  struct test_run r;
  double press[N], rf[N];
  struct eq_step steps[5];
  struct eq_event events[9];
};

static const struct eq_step STEPS[] = {
    {"DEP", 1, 0, 0, 5 * S},         {"PURGE", 2, 0, 5 * S, 10 * S},
    {"DEP", 3, 0, 10 * S, 15 * S},   {"ME", 4, 0, 15 * S, INT64_MIN}, /* ends where the next one starts */
    {"OE", 4, 0, 18 * S, INT64_MIN},                                  /* ends with the run */
};
static const struct eq_event EVENTS[] = {
    {"OFF", 1 * S},  {"ON", 2 * S},    {"ON", 3 * S},  {"OFF", 4 * S},   {"TICK", 6 * S},
    {"TICK", 9 * S}, {"TICK", 11 * S}, {"ON", 16 * S}, {"MARK", 17 * S},
};

static void fill(struct fixture *f) {
  *f = (struct fixture){0};
  for (size_t i = 0; i < N; i++) {
    f->press[i] = (double)i;
    f->rf[i] = (i >= 3 && i <= 6) || i == 9 || i >= 12 ? 30 : 0;
  }
  memcpy(f->steps, STEPS, sizeof STEPS);
  memcpy(f->events, EVENTS, sizeof EVENTS);
  add_series(&f->r, "Press", f->press, NULL, N);
  add_series(&f->r, "RfFwd", f->rf, NULL, N);
  f->r.run.steps = f->steps;
  f->r.run.n_steps = TFDC_COUNT(STEPS);
  f->r.run.events = f->events;
  f->r.run.n_events = TFDC_COUNT(EVENTS);
}

/* First and last sample, their number and the length in seconds; or why there is none. */
struct row {
  const char *window;
  double first, last;
  uint32_t n;
  double span;
  enum eq_reason reason;
};

static struct eq_value with(const struct fixture *f, const char *before, const char *window, const char *after) {
  char text[256];
  (void)snprintf(text, sizeof text, "%s%s%s", before, window, after);
  return eval_on(text, &f->r.run);
}

static void check(const struct fixture *f, const struct row *w) {
  const char *loose = ", min_n=1, min_good=0)";
  struct eq_value first = with(f, "first(Press in ", w->window, loose),
                  last = with(f, "last(Press in ", w->window, loose), n = with(f, "count(Press in ", w->window, ")"),
                  span = with(f, "span(", w->window, ")");
  bool fine = first.reason == w->reason && last.reason == w->reason;
  if (w->reason == EQ_OK)
    fine = fine && first.value == w->first && last.value == w->last && n.value == w->n && first.n == w->n;
  if (w->reason == EQ_NO_DATA) fine = fine && n.reason == EQ_OK && n.value == 0;
  bool there = w->reason == EQ_OK || w->reason == EQ_NO_DATA;
  fine = fine && (there ? fabs(span.value - w->span) < 1e-12 : span.reason == w->reason && n.reason == w->reason);
  if (!fine)
    fail_msg("%s: %g to %g, %g samples, %g s, %s", w->window, first.value, last.value, n.value, span.value,
             eq_reason_name(first.reason));
}

static void every_kind_of_window_takes_its_samples(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"run", 0, 20, 21, 20, EQ_OK},
      {"step(\"DEP\")", 0, 14, 10, 10, EQ_OK}, /* both; the sample at a border belongs to the later step */
      {"step(\"DEP\", 1)", 0, 4, 5, 5, EQ_OK},
      {"step(\"DEP\", 2)", 10, 14, 5, 5, EQ_OK},
      {"step(\"DEP\", 3)", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"step(\"PURGE\")", 5, 9, 5, 5, EQ_OK},
      {"step(\"ME\")", 15, 17, 3, 3, EQ_OK},
      {"step(\"OE\")", 18, 20, 3, 2, EQ_OK}, /* the end of the run belongs to it */
      {"step(\"NONE\")", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"step(2)", 5, 9, 5, 5, EQ_OK},
      {"step(4)", 15, 20, 6, 5, EQ_OK},
      {"step(4, 2)", 18, 20, 3, 2, EQ_OK},
      {"step(5)", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"run.trim(2 s)", 2, 20, 19, 18, EQ_OK},
      {"run.trim(2 s, 3 s)", 2, 16, 15, 15, EQ_OK},
      {"run.trim(10 %, 25 %)", 2, 14, 13, 13, EQ_OK},
      {"run.trim(12 s, 12 s)", 0, 0, 0, 0, EQ_NO_DATA},
      {"run.trim(500 ms, 0 s)", 1, 20, 20, 19.5, EQ_OK},
      {"step(\"DEP\").trim(1 s, 1 s)", 1, 13, 6, 6, EQ_OK}, /* each occurrence */
      {"run.first(4 s)", 0, 3, 4, 4, EQ_OK},
      {"run.first(100 s)", 0, 20, 21, 20, EQ_OK},
      {"step(\"DEP\").first(2 s)", 0, 11, 4, 4, EQ_OK},
      {"run.last(4 s)", 16, 20, 5, 4, EQ_OK},
      {"run.last(20 %)", 16, 20, 5, 4, EQ_OK},
      {"step(\"DEP\").last(2 s)", 3, 14, 4, 4, EQ_OK},
      {"run.at(3 s, 7 s)", 3, 6, 4, 4, EQ_OK},
      {"run.at(50 %, 100 %)", 10, 20, 11, 10, EQ_OK},
      {"run.at(7 s, 3 s)", 0, 0, 0, 0, EQ_NO_DATA},
      {"run.at(19.5 s, 90 s)", 20, 20, 1, 0.5, EQ_OK},
      {"step(\"DEP\").nth(2)", 10, 14, 5, 5, EQ_OK},
      {"step(\"DEP\").nth(-1)", 10, 14, 5, 5, EQ_OK},
      {"step(\"DEP\").nth(-2)", 0, 4, 5, 5, EQ_OK},
      {"step(\"DEP\").nth(3)", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"step(\"DEP\").nth(-3)", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"step(\"DEP\").nth(2).trim(1 s).first(2 s)", 11, 12, 2, 2, EQ_OK},
      {"between(\"ON\", \"OFF\")", 2, 3, 2, 2, EQ_OK}, /* from the first ON; the ON without OFF gives none */
      {"between(ON, MARK)", 2, 16, 15, 15, EQ_OK},
      {"between(\"TICK\", \"TICK\")", 6, 10, 5, 5, EQ_OK}, /* 6..9 and 9..11 */
      {"between(\"TICK\", \"TICK\").nth(2)", 9, 10, 2, 2, EQ_OK},
      {"between(\"MARK\", \"OFF\")", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"between(\"NOT\", \"OFF\")", 0, 0, 0, 0, EQ_MISSING_STEP},
      {"while(RfFwd > 20 W)", 3, 20, 14, 4 + 1 + 8, EQ_OK}, /* to the next false sample, or the end of the run */
      {"while(RfFwd > 20 W, min=2 s)", 3, 20, 13, 12, EQ_OK},
      {"while(RfFwd > 20 W).nth(2)", 9, 9, 1, 1, EQ_OK},
      {"while(RfFwd > 20 W).nth(4)", 0, 0, 0, 0, EQ_NEVER},
      {"while(RfFwd > 20 W, min=9 s)", 0, 0, 0, 0, EQ_NEVER},
      {"while(RfFwd > 40 W)", 0, 0, 0, 0, EQ_NEVER},
      {"while(RfFwd > 20 W and Press < 5 mTorr)", 3, 4, 2, 2, EQ_OK},
      {"while(not RfFwd > 20 W or Press == 4 mTorr).nth(2)", 4, 4, 1, 1, EQ_OK},
      {"while(RfFwd > 20 W in step(\"DEP\"))", 3, 14, 5, 5, EQ_OK},
      {"while(RfRefl > 20 W)", 0, 0, 0, 0, EQ_NO_DATA},
      {"while(RfFwd > 20 W in step(\"NONE\"))", 0, 0, 0, 0, EQ_MISSING_STEP},
  };
  struct fixture f;
  fill(&f);
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    if (strstr(rows[i].window, "RfRefl") == NULL)
      check(&f, &rows[i]);
    else
      assert_int_equal(with(&f, "mean(Press in ", rows[i].window, ")").reason, EQ_NO_DATA);
  }
}

static void each_gives_one_value_per_occurrence(void **state) {
  (void)state;
  struct fixture f;
  fill(&f);
  static const struct {
    const char *text;
    double value;
  } rows[] = {
      {"range(mean(Press in step(\"DEP\").each))", 10},
      {"mean(mean(Press in step(\"DEP\").each))", 7},
      {"count(mean(Press in step(\"DEP\").each))", 2},
      {"max(span(step(4).each))", 3},
      {"last(max(Press in step(4).each))", 20},
      {"first(max(Press in step(\"DEP\").each.trim(1 s)))", 4},
      {"std(span(while(RfFwd > 20 W).each))", 3.5118845842842465}, /* 4, 1, 8 */
      {"slope(mean(Press in step(\"DEP\").each) * 2)", 2},         /* 4 and 24, ten seconds apart */
      {"sum(mean(Press in step(\"DEP\").each) - min(Press in step(\"DEP\").each))", 4},
      {"mean(Press in step(\"DEP\").each.nth(2))", 12},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct eq_value v = eval_on(rows[i].text, &f.r.run);
    if (v.reason != EQ_OK || fabs(v.value - rows[i].value) > 1e-13)
      fail_msg("%s gives %.17g, %s", rows[i].text, v.value, eq_reason_name(v.reason));
  }
  assert_int_equal(eval_on("range(mean(Press in step(\"NONE\").each))", &f.r.run).reason, EQ_MISSING_STEP);
  /* of three stretches one has a single sample: two of three are good, below 80 % */
  struct eq_value v = eval_on("range(mean(Press in while(RfFwd > 20 W).each))", &f.r.run);
  assert_true(v.reason == EQ_LOW_QUALITY && v.n == 2);
  v = eval_on("range(mean(Press in while(RfFwd > 20 W).each), min_good=60 %)", &f.r.run);
  assert_true(v.value == 16 - 4.5 && v.n == 2);
  assert_close(v.quality, 2.0 / 3, 1e-15);
}

static void occurrences_given_by_the_run_count_before_those_counted(void **state) {
  (void)state;
  struct fixture f;
  fill(&f);
  f.steps[0].occurrence = 3;
  f.steps[2].occurrence = 1;
  assert_true(eval_on("first(Press in step(\"DEP\", 1))", &f.r.run).value == 10);
  assert_true(eval_on("first(Press in step(\"DEP\", 3))", &f.r.run).value == 0);
  assert_int_equal(eval_on("first(Press in step(\"DEP\", 2))", &f.r.run).reason, EQ_MISSING_STEP);
}

static void a_step_without_an_end_ends_at_the_first_sample_of_the_next(void **state) {
  (void)state;
  struct fixture f;
  fill(&f);
  for (size_t i = 0; i < TFDC_COUNT(STEPS); i++) f.steps[i].end_us = INT64_MIN;
  static const struct row rows[] = {
      {"step(\"DEP\", 1)", 0, 4, 5, 5, EQ_OK},   {"step(\"PURGE\")", 5, 9, 5, 5, EQ_OK},
      {"step(\"DEP\", 2)", 10, 14, 5, 5, EQ_OK}, {"step(\"ME\")", 15, 17, 3, 3, EQ_OK},
      {"step(\"OE\")", 18, 20, 3, 2, EQ_OK},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) check(&f, &rows[i]);
}

static void a_step_of_no_length_has_no_data(void **state) {
  (void)state;
  struct fixture f;
  fill(&f);
  f.steps[1].end_us = f.steps[1].start_us;
  f.steps[2].end_us = f.steps[2].start_us - S; /* a clock that went back */
  check(&f, &(struct row){"step(\"PURGE\")", 0, 0, 0, 0, EQ_NO_DATA});
  check(&f, &(struct row){"step(\"DEP\", 2)", 0, 0, 0, 0, EQ_NO_DATA});
}

static void a_step_with_a_hole_is_low_quality_and_its_neighbours_are_not(void **state) {
  (void)state;
  /* 4 Hz-like: the second half of the first step is missing */
  double v[30], t[30];
  size_t n = 0;
  for (int i = 0; i <= 40; i++) {
    if (i >= 6 && i < 19) continue;
    t[n] = i * 0.5;
    v[n++] = i;
  }
  struct test_run r = {0};
  add_series(&r, "Press", v, t, n);
  static const struct eq_step steps[] = {{"A", 1, 0, 0, 10 * S}, {"B", 2, 0, 10 * S, INT64_MIN}};
  r.run.steps = steps;
  r.run.n_steps = 2;
  struct eq_value a = eval_on("mean(Press in step(\"A\"))", &r.run), b = eval_on("mean(Press in step(\"B\"))", &r.run);
  assert_true(a.reason == EQ_LOW_QUALITY && a.n == 7);
  assert_close(a.quality, (2.5 + 0.5) / 10, 1e-12); /* 0 to 2.5 s, 9.5 to 10 s */
  assert_true(b.reason == EQ_OK && b.n == 21 && b.value == 30 && b.quality == 1);
}

static void a_hole_ends_a_while_at_its_last_true_sample(void **state) {
  (void)state;
  static const double v[] = {0, 30, 30, 30, 30, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                      t[] = {0,  1,  2,  3,  10, 11, 12, 13, 14, 15, 16, 17, 18,
                             19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
  struct test_run r = {0};
  add_series(&r, "RfFwd", v, t, TFDC_COUNT(v));
  assert_true(eval_on("span(while(RfFwd > 20 W, min=0 s))", &r.run).reason == EQ_LOW_QUALITY); /* 24 of 31 s */
  r.run.end_us = 35 * S;
  assert_true(eval_on("span(while(RfFwd > 20 W))", &r.run).value == 2 + 2);
  assert_true(eval_on("span(while(RfFwd > 20 W).nth(1))", &r.run).value == 2);
  assert_true(eval_on("count(RfFwd in while(RfFwd > 20 W).nth(1))", &r.run).value == 3);
}

static void series_of_different_clocks_meet_where_both_have_a_sample(void **state) {
  (void)state;
  static const double a[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, b[] = {1, 3, 5, 7, 9}, tb[] = {0, 2, 4, 6, 8};
  struct test_run r = {0};
  add_series(&r, "Press", a, NULL, 9);
  add_series(&r, "PressSp", b, tb, 5);
  struct eq_value v = eval_on("max(abs(Press - PressSp), min_good=0)", &r.run);
  assert_true(v.reason == EQ_OK && v.value == 0 && v.n == 5);
  assert_close(v.quality, 5.0 / 9, 1e-15);
  assert_int_equal(eval_on("max(abs(Press - PressSp))", &r.run).reason, EQ_LOW_QUALITY);
}

static void programs_together_give_the_bits_of_each_alone(void **state) {
  (void)state;
  static const char *const texts[] = {
      "mean(Press in step(\"DEP\"))",
      "std(Press in step(\"DEP\"))",
      "slope(Press in run.trim(1 s, 1 s))",
      "area(Press - RfFwd * 1 [mTorr/W])",
      "median(Press in while(RfFwd > 20 W))",
      "mean(Press in step(\"NONE\"))",
      "range(mean(Press in step(\"DEP\").each))",
      "area(Press)",
      "area(Press, max_gap=0.5 s)",
      "slope(RfFwd in run.trim(1 s, 1 s))",
  };
  enum { P = TFDC_COUNT(texts) };
  struct fixture f;
  fill(&f);
  struct eq_program *programs[P];
  const struct eq_program *list[P];
  struct eq_value all[P];
  struct tfdc_arena scratch = {0};
  for (size_t i = 0; i < P; i++) list[i] = programs[i] = must_compile(texts[i]);
  assert_int_equal(eq_eval_all(list, P, &f.r.run, &scratch, all), TFDC_OK);
  for (size_t i = 0; i < P; i++) {
    struct eq_value one = eval_on(texts[i], &f.r.run);
    assert_memory_equal(&one.value, &all[i].value, sizeof one.value);
    assert_memory_equal(&one.quality, &all[i].quality, sizeof one.quality);
    assert_true(one.n == all[i].n && one.reason == all[i].reason);
    eq_program_destroy(programs[i]);
  }
  tfdc_arena_deinit(&scratch);
}

static void a_run_without_anything_gives_reasons_and_no_crash(void **state) {
  (void)state;
  struct eq_run empty = {0};
  assert_int_equal(eval_on("mean(Press)", &empty).reason, EQ_NO_DATA);
  assert_int_equal(eval_on("mean(Press in step(1))", &empty).reason, EQ_MISSING_STEP);
  assert_int_equal(eval_on("span(between(A, B))", &empty).reason, EQ_MISSING_STEP);
  assert_true(eval_on("span(run)", &empty).value == 0);
  struct test_run r = {0};
  add_series(&r, "Press", NULL, NULL, 0);
  assert_int_equal(eval_on("mean(Press)", &r.run).reason, EQ_NO_DATA);
  assert_true(eval_on("count(Press)", &r.run).value == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_window_takes_its_samples),
      cmocka_unit_test(each_gives_one_value_per_occurrence),
      cmocka_unit_test(occurrences_given_by_the_run_count_before_those_counted),
      cmocka_unit_test(a_step_without_an_end_ends_at_the_first_sample_of_the_next),
      cmocka_unit_test(a_step_of_no_length_has_no_data),
      cmocka_unit_test(a_step_with_a_hole_is_low_quality_and_its_neighbours_are_not),
      cmocka_unit_test(a_hole_ends_a_while_at_its_last_true_sample),
      cmocka_unit_test(series_of_different_clocks_meet_where_both_have_a_sample),
      cmocka_unit_test(programs_together_give_the_bits_of_each_alone),
      cmocka_unit_test(a_run_without_anything_gives_reasons_and_no_crash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
