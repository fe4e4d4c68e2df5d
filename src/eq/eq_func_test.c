/* SPDX-License-Identifier: Apache-2.0
 * What every function gives, its defaults, and why a value is missing. Expected values are worked out by hand or quoted
 * with their source. */
#include "eq/eq_run_test.h"

#include <stdio.h>

/* 0.25 steps and powers of two: sums are exact. */
static const double EIGHT[] = {2, 4, 4, 4, 5, 5, 7, 9};                                        /* mean 5, M2 32 */
static const double POWERS[] = {1, 2, 4, 8, 16, 32};                                           /* type 7 median 6 */
static const double LINE[] = {10, 12.5, 15, 17.5, 20, 22.5};                                   /* 2.5 a second */
static const double HANDBOOK[] = {49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1}; /* NIST, I-MR chart */
static const double HOLES[] = {1, NAN, 3, INFINITY, 5, 6, 7, 8, 9, 10, -INFINITY, 12};

#define ON(a) a, TFDC_COUNT(a)

struct row {
  const char *function; /* that the row tests */
  const double *v;
  size_t n_v;
  const char *text;
  double value; /* NaN: missing for the reason */
  uint32_t n;
  enum eq_reason reason;
};

static const struct row rows[] = {
    {"count", ON(EIGHT), "count(Press)", 8, 8, EQ_OK},
    {"count", ON(HOLES), "count(Press)", 9, 9, EQ_OK},
    {"count", ON(EIGHT), "count(Press in run.at(2.5 s, 2.75 s))", 0, 0, EQ_OK},
    {"count", ON(EIGHT), "count(Press, min_n=9)", NAN, 8, EQ_LOW_QUALITY},
    {"span", ON(EIGHT), "span(run)", 7, 0, EQ_OK},
    {"span", ON(EIGHT), "span(run.trim(1 s, 0.25 s))", 5.75, 0, EQ_OK},
    {"mean", ON(EIGHT), "mean(Press)", 5, 8, EQ_OK},
    {"mean", ON(HANDBOOK), "mean(Press)", 50.81, 10, EQ_OK},
    {"mean", ON(HOLES), "mean(Press, min_good=0)", 61.0 / 9, 9, EQ_OK},
    {"std", ON(EIGHT), "std(Press)", 2.1380899352993952, 8, EQ_OK}, /* sqrt(32/7) */
    {"std", ON(LINE), "std(Press in run.last(0 s), min_n=1)", NAN, 0, EQ_NO_DATA},
    {"std", ON(LINE), "std(Press in run.last(0.5 s), min_n=1, min_good=0)", NAN, 1, EQ_UNDEFINED},
    {"min", ON(EIGHT), "min(Press)", 2, 8, EQ_OK},
    {"max", ON(EIGHT), "max(Press)", 9, 8, EQ_OK},
    {"range", ON(EIGHT), "range(Press)", 7, 8, EQ_OK},
    {"first", ON(LINE), "first(Press)", 10, 6, EQ_OK},
    {"first", ON(HOLES), "first(Press in run.at(3 s, 9 s), min_good=0)", 5, 5, EQ_OK},
    {"last", ON(LINE), "last(Press)", 22.5, 6, EQ_OK},
    {"last", ON(HOLES), "last(Press in run.at(4 s, 11 s), min_good=0)", 12, 7, EQ_OK},
    {"median", ON(EIGHT), "median(Press)", 4.5, 8, EQ_OK},
    {"median", ON(POWERS), "median(Press)", 6, 6, EQ_OK},
    {"median", ON(POWERS), "median(Press in run.first(4.5 s))", 4, 5, EQ_OK},
    {"slope", ON(LINE), "slope(Press)", 2.5, 6, EQ_OK},
    {"slope", ON(EIGHT), "slope(Press)", 34.0 / 42, 8, EQ_OK}, /* sum tc x = 34, sum tc^2 = 42 */
    {"slope", ON(LINE), "slope(Press in run.last(0.5 s), min_n=1, min_good=0)", NAN, 1, EQ_UNDEFINED},
    {"sum", ON(EIGHT), "sum(Press)", 40, 8, EQ_OK},
    {"area", ON(EIGHT), "area(Press)", 34.5, 8, EQ_OK}, /* 40 - (2 + 9)/2 */
    {"area", ON(LINE), "area(Press in run.last(0.5 s), min_n=1, min_good=0)", NAN, 1, EQ_UNDEFINED},
    {"or_else", ON(EIGHT), "or_else(mean(Press in step(\"X\")), 3 mTorr)", 3, 0, EQ_OK},
    {"or_else", ON(EIGHT), "or_else(mean(Press), 3 mTorr)", 5, 8, EQ_OK},
    {"or_else", ON(EIGHT), "or_else(mean(Press in step(9)), 2 Torr)", 2000, 0, EQ_OK},
    {"if", ON(EIGHT), "if(mean(Press) > 4 mTorr, max(Press), min(Press))", 9, 8, EQ_OK},
    {"if", ON(EIGHT), "if(mean(Press) > 4 mTorr, max(Press), mean(Press in step(\"X\")))", 9, 8, EQ_OK},
    {"if", ON(EIGHT), "if(mean(Press in step(\"X\")) > 4 mTorr, 1, 2)", NAN, 0, EQ_MISSING_STEP},
    {"if", ON(EIGHT), "sum(if(Press > 4 mTorr, 1, 0))", 4, 8, EQ_OK},
    {"abs", ON(EIGHT), "abs(min(Press) - max(Press))", 7, 8, EQ_OK},
    {"abs", ON(EIGHT), "mean(abs(Press - 5 mTorr))", 1.5, 8, EQ_OK},
    {"sqrt", ON(EIGHT), "sqrt(sum(Press) * 40 mTorr)", 40, 8, EQ_OK},
    {"sqrt", ON(EIGHT), "sqrt(0 - count(Press))", NAN, 8, EQ_UNDEFINED},
    {"log", ON(EIGHT), "log(count(Press))", 2.0794415416798357, 8, EQ_OK},
    {"log", ON(EIGHT), "log(0 * count(Press))", NAN, 8, EQ_UNDEFINED},
    {"log", ON(EIGHT), "log(0 - count(Press))", NAN, 8, EQ_UNDEFINED},
    {"exp", ON(EIGHT), "exp(count(Press) / 8)", 2.718281828459045, 8, EQ_OK},
    {"exp", ON(EIGHT), "exp(count(Press) * 100)", NAN, 8, EQ_UNDEFINED},
    {"min2", ON(EIGHT), "min2(mean(Press), 4 mTorr)", 4, 8, EQ_OK},
    {"min2", ON(EIGHT), "max(min2(Press, 6 mTorr))", 6, 8, EQ_OK},
    {"max2", ON(EIGHT), "max2(mean(Press), 6 mTorr)", 6, 8, EQ_OK},
    {"max2", ON(EIGHT), "min(max2(Press, 6 mTorr))", 6, 8, EQ_OK},
    {"step", ON(EIGHT), "mean(Press in step(\"X\"))", NAN, 0, EQ_MISSING_STEP},
    {"between", ON(EIGHT), "mean(Press in between(\"ON\", \"OFF\"))", NAN, 0, EQ_MISSING_STEP},
    {"while", ON(EIGHT), "span(while(Press > 4 mTorr))", 3, 0, EQ_OK},
    {"while", ON(EIGHT), "span(while(Press > 40 mTorr))", NAN, 0, EQ_NEVER},
    {"operators", ON(EIGHT), "-(2 + 3 * 4 ^ 2 - 10 / 4)", -47.5, 0, EQ_OK},
    {"operators", ON(EIGHT), "2 ^ 3 ^ 2", 512, 0, EQ_OK},
    {"operators", ON(EIGHT), "-2 ^ 2", -4, 0, EQ_OK},
    {"operators", ON(EIGHT), "2 ^ -1", 0.5, 0, EQ_OK},
    {"operators", ON(EIGHT), "1 / (count(Press) - 8)", NAN, 8, EQ_UNDEFINED},
    {"operators", ON(EIGHT), "not (1 < 2 and 3 <= 3) or 4 != 4", 0, 0, EQ_OK},
    {"operators", ON(EIGHT), "count(Press) == 8 and count(Press) >= 8 and not count(Press) > 8", 1, 8, EQ_OK},
    {"operators", ON(EIGHT), "let m = mean(Press); # twice\n (m + m) / 1 mTorr", 10, 8, EQ_OK},
};

static void check_row(const struct row *r) {
  struct eq_value v = eval_press(r->text, r->v, r->n_v);
  bool same = isnan(r->value) ? isnan(v.value) : fabs(v.value - r->value) <= 1e-14 * fabs(r->value);
  if (!same || v.n != r->n || v.reason != r->reason)
    fail_msg("%s gives %.17g, n %u, %s; not %.17g, n %u, %s", r->text, v.value, v.n, eq_reason_name(v.reason), r->value,
             r->n, eq_reason_name(r->reason));
}

static void each_function_gives_what_its_definition_says(void **state) {
  (void)state;
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) check_row(&rows[i]);
}

static void no_available_function_is_without_a_case(void **state) {
  (void)state;
  const struct eq_function *f;
  for (size_t i = 0; (f = eq_function_at(i)) != NULL; i++) {
    bool found = !f->available;
    for (size_t k = 0; k < TFDC_COUNT(rows) && !found; k++) found = strcmp(rows[k].function, f->name) == 0;
    if (!found) fail_msg("no case for %s", f->name);
  }
}

static void a_function_of_a_later_release_says_so(void **state) {
  (void)state;
  const struct eq_function *f;
  size_t later = 0;
  for (size_t i = 0; (f = eq_function_at(i)) != NULL; i++) {
    if (f->available) continue;
    char text[64];
    struct eq_program *p = NULL;
    struct tfdc_error err = {0};
    (void)snprintf(text, sizeof text, "%s(Press)", f->name);
    assert_int_equal(eq_compile(text, strlen(text), &test_catalogue, NULL, &p, &err), TFDC_E_EQ_NAME);
    assert_non_null(strstr(err.msg, "is not available in this release"));
    later++;
  }
  assert_true(later > 0);
}

/* --- defaults and quality --- */

static void fewer_than_three_samples_are_low_quality_unless_asked(void **state) {
  (void)state;
  static const double two[] = {1, 2};
  struct eq_value v = eval_press("mean(Press)", two, 2);
  assert_true(v.reason == EQ_LOW_QUALITY && v.n == 2);
  assert_true(eval_press("mean(Press)", LINE, 3).value == 12.5);
  v = eval_press("mean(Press, min_n=2)", two, 2);
  assert_true(v.reason == EQ_OK && v.value == 1.5 && v.quality == 1);
}

static void bad_samples_lower_the_quality_and_below_eighty_percent_nothing_is_given(void **state) {
  (void)state;
  double v[10];
  for (size_t bad = 0; bad <= 3; bad++) {
    for (size_t i = 0; i < 10; i++) v[i] = i < 4 || i >= 4 + bad ? 1 : (double)NAN;
    struct eq_value r = eval_press("mean(Press)", v, 10);
    assert_int_equal(r.n, 10 - bad);
    assert_close(r.quality, 1 - (double)bad / 10, 1e-15);
    assert_int_equal(r.reason, bad <= 2 ? EQ_OK : EQ_LOW_QUALITY);
  }
  assert_int_equal(eval_press("mean(Press, min_good=70 %)", v, 10).reason, EQ_OK);
  assert_int_equal(eval_press("mean(Press, min_good=0.71)", v, 10).reason, EQ_LOW_QUALITY);
}

static void nothing_but_bad_samples_is_no_data(void **state) {
  (void)state;
  static const double bad[] = {NAN, INFINITY, -INFINITY, NAN};
  struct eq_value v = eval_press("mean(Press, min_n=0, min_good=0)", bad, 4);
  assert_true(v.reason == EQ_NO_DATA && v.n == 0 && v.quality == 0);
  assert_int_equal(eval_press("mean(RfFwd)", LINE, 6).reason, EQ_NO_DATA); /* the SVID is not in the run */
  assert_int_equal(eval_press("count(RfFwd)", LINE, 6).reason, EQ_NO_DATA);
  assert_true(eval_press("count(Press)", bad, 4).value == 0);
}

static void a_gap_of_more_than_five_median_intervals_is_not_covered(void **state) {
  (void)state;
  static const double v[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, five[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14},
                      six[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 13.000001, 14};
  struct test_run exact = {0}, over = {0};
  add_series(&exact, "Press", v, five, 11);
  add_series(&over, "Press", v, six, 11);
  struct eq_value r = eval_on("area(Press)", &exact.run);
  assert_true(r.reason == EQ_OK && r.quality == 1 && r.value == 14);
  r = eval_on("area(Press, min_good=0)", &over.run);
  assert_close(r.value, 8.999999, 1e-12);
  assert_close(r.quality, 8.999999 / 14, 1e-12);
  assert_int_equal(eval_on("mean(Press)", &over.run).reason, EQ_LOW_QUALITY);
  r = eval_on("area(Press, max_gap=5.1 s)", &over.run);
  assert_true(r.reason == EQ_OK && r.quality == 1 && r.value == 14);
  assert_int_equal(eval_on("area(Press, max_gap=0.5 s)", &over.run).reason, EQ_LOW_QUALITY);
}

static void samples_that_begin_late_or_end_early_do_not_cover_the_window(void **state) {
  (void)state;
  static const double v[] = {1, 1, 1, 1, 1, 1, 1, 1};
  struct test_run r = {0};
  add_series(&r, "Press", v, NULL, 8);
  r.run.start_us = -5000000;
  r.run.end_us = 12000000;
  assert_true(eval_on("mean(Press)", &r.run).quality == 1); /* 5 s at both ends */
  r.run.start_us = -13000001;
  struct eq_value q = eval_on("mean(Press)", &r.run);
  assert_int_equal(q.reason, EQ_LOW_QUALITY);
  assert_close(q.quality, 12 / 25.000001, 1e-12);
}

static void the_first_reason_from_left_to_right_is_given(void **state) {
  (void)state;
  struct eq_value v = eval_press("mean(RfFwd) / mean(Press in step(1))", LINE, 6);
  assert_int_equal(v.reason, EQ_NO_DATA);
  v = eval_press("mean(RfFwd in step(1)) / mean(Press)", LINE, 6);
  assert_true(v.reason == EQ_MISSING_STEP && v.n == 0 && v.quality == 0);
}

/* --- numbers that are hard to keep --- */

static void a_constant_window_has_spread_zero_exactly(void **state) {
  (void)state;
  static const double levels[] = {0.1, -1e-300, 1e300, 1234567.890123, 0};
  for (size_t k = 0; k < TFDC_COUNT(levels); k++) {
    double v[37];
    for (size_t i = 0; i < 37; i++) v[i] = levels[k];
    assert_true(eval_press("std(Press)", v, 37).value == 0);
    assert_true(eval_press("slope(Press)", v, 37).value == 0);
    assert_true(eval_press("mean(Press)", v, 37).value == levels[k]);
  }
}

static void spreads_whose_squares_are_no_doubles_are_given(void **state) {
  (void)state;
  static const double sizes[] = {0x1p-1060, 0x1p-900, 0x1p-200, 0x1p200, 0x1p900, 0x1p1019};
  for (size_t k = 0; k < TFDC_COUNT(sizes); k++) {
    double v[8];
    for (size_t i = 0; i < 8; i++) v[i] = EIGHT[i] * sizes[k];
    double sd = eval_press("std(Press)", v, 8).value / sizes[k];
    assert_close(sd, 2.1380899352993952, sizes[k] < 0x1p-1022 ? 0.01 : 1e-15);
    assert_true(eval_press("mean(Press)", v, 8).value == 5 * sizes[k]);
    for (size_t i = 0; i < 8; i += 2) v[i] = -v[i];
    assert_true(eval_press("std(Press)", v, 8).value > 5 * sizes[k]);
  }
}

static void time_is_counted_in_whole_microseconds_from_the_window(void **state) {
  (void)state;
  struct test_run r = {0};
  add_series(&r, "Press", LINE, NULL, 6);
  for (size_t i = 0; i < 6; i++) r.t[0][i] += INT64_C(1790000000000001); /* 2026 */
  r.run.start_us = r.t[0][0];
  r.run.end_us = r.t[0][5];
  assert_true(eval_on("slope(Press)", &r.run).value == 2.5);
  assert_true(eval_on("area(Press)", &r.run).value == 81.25);
  assert_true(eval_on("span(run)", &r.run).value == 5);
}

static void the_sum_keeps_what_a_plain_sum_loses(void **state) {
  (void)state;
  static const double v[] = {1, 1e100, 1, -1e100, 1e100, 3, -1e100, 0.5};
  assert_true(eval_press("sum(Press)", v, 8).value == 5.5);
}

static void order_does_not_change_order_statistics(void **state) {
  (void)state;
  double v[300], w[300];
  for (size_t i = 0; i < 300; i++) {
    v[i] = (double)(i * 7919 % 300) * 0.37;
    w[299 - i] = v[i];
  }
  static const char *const texts[] = {"min(Press)", "max(Press)", "median(Press)", "range(Press)"};
  for (size_t k = 0; k < TFDC_COUNT(texts); k++)
    assert_true(eval_press(texts[k], v, 300).value == eval_press(texts[k], w, 300).value);
  assert_close(eval_press("median(Press)", v, 300).value, 149.5 * 0.37, 1e-12);
  assert_close(eval_press("slope(Press)", v, 300).value, -eval_press("slope(Press)", w, 300).value, 1e-12);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void the_median_of_adverse_orders_is_exact(void **state) {
  (void)state;
  double v[399];
  for (int shape = 0; shape < 5; shape++) {
    for (int i = 0; i < 399; i++)
      v[i] = shape == 0   ? i
             : shape == 1 ? 398 - i
             : shape == 2 ? (i < 200 ? i : 597 - i)
             : shape == 3 ? (i % 2 == 0 ? i : 398 - i + (i % 2))
                          : i / 100;
    double sorted[399];
    for (size_t n = 398; n <= 399; n++) {
      memcpy(sorted, v, sizeof v);
      qsort(sorted, n, sizeof *sorted, by_value);
      double want = sorted[(n - 1) / 2] + 0.5 * (sorted[n / 2] - sorted[(n - 1) / 2]);
      struct eq_value r = eval_press(n == 399 ? "median(Press)" : "median(Press in run.first(397.5 s))", v, 399);
      assert_true(r.n == n && r.value == want);
    }
  }
}

/* --- units --- */

static void values_are_converted_to_the_unit_of_the_result(void **state) {
  (void)state;
  static const double press[] = {5, 5, 5, 5}, temp[] = {20, 20, 25, 15}, kelvin[] = {300, 300, 300, 300},
                      valve[] = {50, 50, 50, 50};
  static const struct {
    const char *text;
    double value;
  } cases[] = {
      {"mean(Press) + 1 Torr", 1005},
      {"mean(Press) / 1 Torr", 0.005},
      {"mean(Press) / 1 Pa", 0.66661184210526316},
      {"mean(Temp) + 5 K", 25},
      {"mean(Temp - 20 degC)", 0},
      {"mean(Temp) - 5 K", 15},
      {"mean(TempK) - mean(Temp)", 6.85},
      {"if(mean(Temp) == 293.15 K, 1, 0)", 1},
      {"mean(Temp) - 68 degF", 0},
      {"mean(Valve) / 25 %", 2},
      {"mean(Valve) * 10 mTorr", 5},
      {"0 mTorr + mean(Press) / 1 min * 2 h", 600},
      {"max2(mean(Press), 0.1 Torr)", 100},
  };
  struct test_run r = {0};
  add_series(&r, "Press", press, NULL, 4);
  add_series(&r, "Temp", temp, NULL, 4);
  add_series(&r, "TempK", kelvin, NULL, 4);
  add_series(&r, "Valve", valve, NULL, 4);
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    double v = eval_on(cases[i].text, &r.run).value;
    if (!(fabs(v - cases[i].value) <= 1e-12 * fmax(1, fabs(cases[i].value))))
      fail_msg("%s gives %.17g, not %.17g", cases[i].text, v, cases[i].value);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_function_gives_what_its_definition_says),
      cmocka_unit_test(no_available_function_is_without_a_case),
      cmocka_unit_test(a_function_of_a_later_release_says_so),
      cmocka_unit_test(fewer_than_three_samples_are_low_quality_unless_asked),
      cmocka_unit_test(bad_samples_lower_the_quality_and_below_eighty_percent_nothing_is_given),
      cmocka_unit_test(nothing_but_bad_samples_is_no_data),
      cmocka_unit_test(a_gap_of_more_than_five_median_intervals_is_not_covered),
      cmocka_unit_test(samples_that_begin_late_or_end_early_do_not_cover_the_window),
      cmocka_unit_test(the_first_reason_from_left_to_right_is_given),
      cmocka_unit_test(a_constant_window_has_spread_zero_exactly),
      cmocka_unit_test(spreads_whose_squares_are_no_doubles_are_given),
      cmocka_unit_test(time_is_counted_in_whole_microseconds_from_the_window),
      cmocka_unit_test(the_sum_keeps_what_a_plain_sum_loses),
      cmocka_unit_test(order_does_not_change_order_statistics),
      cmocka_unit_test(the_median_of_adverse_orders_is_exact),
      cmocka_unit_test(values_are_converted_to_the_unit_of_the_result),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
