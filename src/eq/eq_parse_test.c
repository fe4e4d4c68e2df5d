/* SPDX-License-Identifier: Apache-2.0
 * What compiles, and what each error says and where. */
#include "eq/eq_run_test.h"

#include <stdio.h>

static void every_indicator_form_of_the_manual_compiles(void **state) {
  (void)state;
  static const char *const texts[] = {
      "mean(Press in step(\"ME\").trim(2 s, 0.5 s))",
      "std(RfFwd in step(\"ME\").trim(1 s, 0.5 s)) / mean(RfFwd in step(\"ME\").trim(1 s, 0.5 s)) # relative ripple",
      "max(RfRefl in step(\"ME\"))",
      "area(RfRefl in step(\"ME\"))",
      "mean(abs(Press - PressSp) in step(\"ME\").trim(3 s)) / mean(PressSp in step(\"ME\"))",
      "slope(Flow in step(\"ME\").trim(2 s))",
      "span(step(\"ME\"))",
      "range(mean(Press in step(\"DEP\").each))",
      "let w = step(\"ME\").trim(5 s);\nlet early = w.first(3 s);\nmean(Press in w) - mean(Press in early)",
      "mean(Press in step(4))",
      "mean(Press in step(\"DEP\", 2))",
      "mean(`Chuck Temp` in between(\"RF_ON\", RF_OFF).nth(-1))",
      "mean(Press in while(RfFwd > 20 W and not RfRefl > 5 W, min=2 s).last(10 %))",
      "mean(Press in run.at(5 s, 50 %))",
      "slope(Press) < 1 [mTorr/s]",
      "if(mean(Valve) > 50 %, mean(Press), or_else(median(Press, min_n=10, min_good=90 %, max_gap=2 s), 5 mTorr))",
      "exp(log(mean(Count)) * 2) ^ 0.5 - min2(1, 2) * max2(3e-2, 4E+1) ^ 2 ^ -1",
      "mean(Press^2) ^ 1 - 1 [mTorr^2]",
      "sqrt(mean(Press) * 2 mTorr) - 1 mTorr",
      "(mean(Press) - 2 Torr) / 1 Pa",
  };
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) eq_program_destroy(must_compile(texts[i]));
}

struct bad {
  const char *text;
  tfdc_rc rc;
  const char *msg;
};

static void check_bad(const struct bad *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    struct eq_program *p = NULL;
    struct tfdc_error err = {0};
    tfdc_rc rc = eq_compile(rows[i].text, strlen(rows[i].text), &test_catalogue, NULL, &p, &err);
    if (rc != rows[i].rc || strcmp(err.msg, rows[i].msg) != 0)
      fail_msg("%s\n  gives %s \"%s\"\n  not   %s \"%s\"", rows[i].text, tfdc_rc_name(rc), err.msg,
               tfdc_rc_name(rows[i].rc), rows[i].msg);
    assert_null(p);
  }
}

static void syntax_errors_say_where_and_what_was_expected(void **state) {
  (void)state;
  static const struct bad rows[] = {
      {"", TFDC_E_EQ_SYNTAX, "1:1: expected a value, but the equation ends here"},
      {"mean(Press", TFDC_E_EQ_SYNTAX, "1:11: expected ',' or ')', but the equation ends here"},
      {"1 +\n  * 2", TFDC_E_EQ_SYNTAX, "2:3: expected a value, not '*'"},
      {"(1 + 2", TFDC_E_EQ_SYNTAX, "1:7: expected an operator or ')', but the equation ends here"},
      {"1 2", TFDC_E_EQ_SYNTAX, "1:3: expected an operator or the end, not the number 2"},
      {"2 (3)", TFDC_E_EQ_SYNTAX, "1:3: expected an operator: a product is written with *"},
      {"1 < 2 < 3", TFDC_E_EQ_SYNTAX, "1:7: comparisons don't chain: write a < b and b < c"},
      {"1 = 2", TFDC_E_EQ_SYNTAX, "1:3: to compare, write =="},
      {"let = 3; 1", TFDC_E_EQ_SYNTAX, "1:5: expected a name behind let, not '='"},
      {"let in = 3; 1", TFDC_E_EQ_SYNTAX, "1:5: expected a name behind let, not 'in'"},
      {"let a = 3 4", TFDC_E_EQ_SYNTAX, "1:11: expected an operator or ';' at the end of let, not the number 4"},
      {"let a 3; a", TFDC_E_EQ_SYNTAX, "1:7: expected '=', not the number 3"},
      {"`Press", TFDC_E_EQ_SYNTAX, "1:1: the closing ` is missing"},
      {"step(\"ME)", TFDC_E_EQ_SYNTAX, "1:6: the closing \" is missing"},
      {"step(\"\")", TFDC_E_EQ_SYNTAX, "1:6: an empty name"},
      {"1 [W/s", TFDC_E_EQ_SYNTAX, "1:3: the closing ] of the unit is missing"},
      {"1 ? 2", TFDC_E_EQ_SYNTAX, "1:3: '?' does not belong here"},
      {"1 \x01", TFDC_E_EQ_SYNTAX, "1:3: byte 0x01 does not belong here"},
      {"\xff", TFDC_E_EQ_SYNTAX, "1:1: a name is UTF-8 text of at most 256 bytes without control characters"},
      {"1e999", TFDC_E_EQ_SYNTAX, "1:1: the number is too large"},
      {"run.3", TFDC_E_EQ_SYNTAX, "1:5: expected trim, first, last, at, nth or each behind '.', not the number 3"},
      {"mean(min_n=3, Press)", TFDC_E_EQ_SYNTAX, "1:15: positional arguments stand before named ones"},
      {"mean(Press) in", TFDC_E_EQ_SYNTAX, "1:15: expected a value, but the equation ends here"},
      {"1 and", TFDC_E_EQ_SYNTAX, "1:6: expected a value, but the equation ends here"},
      {"f(1,2,3,4,5,6,7,8,9)", TFDC_E_EQ_SYNTAX, "1:19: too many arguments"},
  };
  check_bad(rows, TFDC_COUNT(rows));
}

static void unknown_names_come_with_the_nearest_one(void **state) {
  (void)state;
  static const struct bad rows[] = {
      {"mean(Pres)", TFDC_E_EQ_NAME, "1:6: no SVID `Pres`; the nearest name is `Press`"},
      {"mean(`Chuck temp`)", TFDC_E_EQ_NAME, "1:6: no SVID `Chuck temp`; the nearest name is `Chuck Temp`"},
      {"let window = run; mean(Press in windo)", TFDC_E_EQ_NAME, "1:33: no SVID `windo`; the nearest name is `window`"},
      {"mean(Qqqqqqqqqqqqqqqqqqq)", TFDC_E_EQ_NAME, "1:6: no SVID `Qqqqqqqqqqqqqqqqqqq`"},
      {"median + 1", TFDC_E_EQ_NAME,
       "1:1: no SVID `median`; the function is written median(x, min_n=, min_good=, max_gap=)"},
      {"maen(Press)", TFDC_E_EQ_NAME, "1:1: no function maen; the nearest is mean"},
      {"frobnicate(Press)", TFDC_E_EQ_NAME, "1:1: no function frobnicate"},
      {"settle(Press in run, target=1)", TFDC_E_EQ_NAME, "1:1: the function settle is not available in this release"},
      {"u(\"press_me_mean\")", TFDC_E_EQ_NAME, "1:1: the function u is not available in this release"},
      {"mean(Press, minn=3)", TFDC_E_EQ_NAME,
       "1:13: mean has no argument minn=; it is written mean(x, min_n=, min_good=, max_gap=)"},
      {"mean(Press, min_n=3, min_n=4)", TFDC_E_EQ_NAME, "1:22: min_n= is given twice"},
      {"span(run.trin(1 s))", TFDC_E_EQ_NAME, "1:10: a window has no .trin; the nearest is .trim"},
      {"span(run.whatever(1 s))", TFDC_E_EQ_NAME,
       "1:10: a window has no .whatever: it has trim, first, last, at, nth and each"},
      {"span(run.first(d=1 s))", TFDC_E_EQ_NAME, "1:16: .first has no argument d=: it is written .first(duration)"},
      {"mean(Chamber.Press)", TFDC_E_EQ_NAME, "1:6: no window Chamber (a name with a dot is written `Chamber.Press`)"},
      {"let a = 1; let a = 2; a", TFDC_E_EQ_NAME, "1:16: a is defined twice"},
      {"let a = b; let b = 2; a", TFDC_E_EQ_NAME, "1:9: no SVID `b`"},
  };
  check_bad(rows, TFDC_COUNT(rows));
}

static void types_are_checked(void **state) {
  (void)state;
  static const struct bad rows[] = {
      {"Press", TFDC_E_EQ_TYPE,
       "1:1: an equation gives one number, this gives a series: use an aggregate, as mean(...)"},
      {"run", TFDC_E_EQ_TYPE, "1:1: an equation gives one number, this gives a window: use an aggregate, as mean(...)"},
      {"mean(Press in run.each)", TFDC_E_EQ_TYPE,
       "1:1: an equation gives one number, this gives a list: use an aggregate, as mean(...)"},
      {"mean(1)", TFDC_E_EQ_TYPE, "1:1: mean takes a series, not a number"},
      {"mean(Press > 3 mTorr)", TFDC_E_EQ_TYPE, "1:1: mean takes a series, not a condition on a series"},
      {"mean(run)", TFDC_E_EQ_TYPE, "1:1: mean takes a series in a window, as mean(Press in step(\"ME\"))"},
      {"mean()", TFDC_E_EQ_TYPE, "1:1: mean takes 1 argument, not 0: mean(x, min_n=, min_good=, max_gap=)"},
      {"or_else(1)", TFDC_E_EQ_TYPE, "1:1: or_else takes 2 arguments, not 1: or_else(x, y)"},
      {"span(Press)", TFDC_E_EQ_TYPE, "1:1: span takes a window, as span(step(\"ME\")), not a series"},
      {"mean(Press in 3)", TFDC_E_EQ_TYPE, "1:15: expected a window behind in, not a number"},
      {"mean(3 in run)", TFDC_E_EQ_TYPE, "1:8: expected a series before in, not a number"},
      {"mean((Press in run) in step(1))", TFDC_E_EQ_TYPE, "1:21: the series before in has a window already"},
      {"mean((Press in run) - (Press in step(1)))", TFDC_E_EQ_TYPE, "1:21: '-' joins values of different windows"},
      {"mean(Press).first(3 s)", TFDC_E_EQ_TYPE, "1:13: .first belongs behind a window, not behind a number"},
      {"1 and 2", TFDC_E_EQ_TYPE, "1:3: and takes a condition, not a number"},
      {"(1 < 2) + 1", TFDC_E_EQ_TYPE, "1:9: '+' takes numbers, not a condition"},
      {"not 1", TFDC_E_EQ_TYPE, "1:1: not takes a condition, not a number"},
      {"\"a\" + 1", TFDC_E_EQ_TYPE, "1:5: '+' takes numbers, not a text"},
      {"or_else(Press, 1)", TFDC_E_EQ_TYPE, "1:1: or_else takes single numbers, not a series"},
      {"span(step(Press))", TFDC_E_EQ_TYPE,
       "1:11: step takes the name of a step in double quotes or its number: step(\"ME\"), step(4)"},
      {"span(step(1.5))", TFDC_E_EQ_TYPE, "1:11: expected a constant whole number from 0 to 4294967295"},
      {"span(step(\"ME\", 0))", TFDC_E_EQ_TYPE, "1:17: expected a constant whole number from 1 to 1000000"},
      {"span(run.nth(0))", TFDC_E_EQ_TYPE, "1:14: nth counts from 1, or from -1 backwards"},
      {"span(run.trim())", TFDC_E_EQ_TYPE, "1:10: .trim with 0 arguments: it is written .trim(head, tail)"},
      {"span(run.trim(mean(Press)))", TFDC_E_EQ_TYPE, "1:15: expected a constant duration, as 2 s or 10 %"},
      {"span(run.trim(-1 s))", TFDC_E_EQ_TYPE, "1:15: a duration lies between 0 s and 1e+09 s"},
      {"span(run.trim(101 %))", TFDC_E_EQ_TYPE, "1:15: expected 0 % to 100 %"},
      {"span(while(1 < 2))", TFDC_E_EQ_TYPE,
       "1:12: while takes a condition on a series, as while(RfFwd > 20 W), not a condition"},
      {"span(between(1, 2))", TFDC_E_EQ_TYPE,
       "1:14: between takes the names of two events: between(\"RF_ON\", \"RF_OFF\")"},
      {"mean(Press, min_good=2)", TFDC_E_EQ_TYPE, "1:13: min_good takes a constant from 0 to 1 (or 0 % to 100 %)"},
      {"mean(Press, max_gap=0 s)", TFDC_E_EQ_TYPE, "1:13: max_gap must be longer than 0 s"},
      {"mean(mean(Press in run.each), max_gap=1 s)", TFDC_E_EQ_TYPE, "1:31: a list has no max_gap"},
      {"area(mean(Press in run.each))", TFDC_E_EQ_TYPE, "1:1: area takes a series, not a list"},
  };
  check_bad(rows, TFDC_COUNT(rows));
}

static void units_are_checked(void **state) {
  (void)state;
  static const struct bad rows[] = {
      {"mean(Press) + 1 s", TFDC_E_EQ_UNIT, "1:13: '+' with [mTorr] and [s]: both sides must have the same dimension"},
      {"mean(Press) < 5", TFDC_E_EQ_UNIT, "1:13: '<' with [mTorr] and [1]: both sides must have the same dimension"},
      {"5 mTor", TFDC_E_EQ_UNIT, "1:1: unknown unit [mTor] behind 5; the nearest is [mTorr]"},
      {"5 [mTorr/sek]", TFDC_E_EQ_UNIT,
       "1:1: unknown unit [mTorr/sek] behind 5 (a product of two values is written with *)"},
      {"span(run.first(3))", TFDC_E_EQ_UNIT, "1:16: expected a constant duration, as 2 s or 10 %"},
      {"mean(Press, max_gap=3 %)", TFDC_E_EQ_UNIT, "1:13: expected a constant duration, as 2 s"},
      {"log(mean(Press))", TFDC_E_EQ_UNIT, "1:1: log with [mTorr] and [mTorr]: it takes a number without a unit"},
      {"sqrt(mean(Press))", TFDC_E_EQ_UNIT, "1:1: sqrt with [mTorr] and [mTorr]: the unit has no square root"},
      {"2 ^ (1 s)", TFDC_E_EQ_UNIT, "1:3: '^' with [1] and [s]: an exponent has no unit"},
      {"mean(Press) ^ 0.5", TFDC_E_EQ_UNIT,
       "1:13: '^' with [mTorr] and [1]: a value with a unit takes a constant whole exponent from -9 to 9"},
      {"mean(Temp) + mean(Temp)", TFDC_E_EQ_UNIT,
       "1:12: '+' with [degC] and [degC]: two temperatures can't be added; a difference is written in K"},
      {"mean(Temp) * 2", TFDC_E_EQ_UNIT,
       "1:12: '*' with a temperature in degC, whose zero is arbitrary: use a difference of temperatures or K"},
      {"std(Temp) < mean(Temp)", TFDC_E_EQ_UNIT,
       "1:11: '<' with [delta_degC] and [degC]: a temperature and a difference of temperatures don't go together"},
  };
  check_bad(rows, TFDC_COUNT(rows));
}

static void each_cap_has_its_own_error(void **state) {
  (void)state;
  struct {
    const char *head, *part, *tail;
    size_t n;
    tfdc_rc rc;
    const char *says;
  } rows[] = {
      {"1", "          ", "", 500, TFDC_E_LIMIT, "the equation has 5001 bytes, more than 4096"},
      {"1", "+1", "", 200, TFDC_E_EQ_COST, "more than 256 nodes"},
      {"", "(", "", 40, TFDC_E_EQ_COST, "nested deeper than 32 levels"},
      {"1", "^-1", "", 40, TFDC_E_EQ_COST, "nested deeper than 32 levels"},
      {"", "not ", "1", 40, TFDC_E_EQ_COST, "nested deeper than 32 levels"},
      {"span(run", ".first(9 s).last(8 s)", ")", 9, TFDC_E_EQ_COST, "more than 16 different windows"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    char text[8192];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", rows[i].head);
    for (size_t k = 0; k < rows[i].n; k++) len += (size_t)snprintf(text + len, sizeof text - len, "%s", rows[i].part);
    len += (size_t)snprintf(text + len, sizeof text - len, "%s", rows[i].tail);
    struct eq_program *p = NULL;
    struct tfdc_error err = {0};
    tfdc_rc rc = eq_compile(text, len, &test_catalogue, NULL, &p, &err);
    if (rc != rows[i].rc || strstr(err.msg, rows[i].says) == NULL) fail_msg("%.60s: %s", text, err.msg);
  }
}

static void more_than_64_svids_are_refused(void **state) {
  (void)state;
  char text[4096] = "0";
  size_t len = 1;
  for (int k = 0; k < 65; k++) len += (size_t)snprintf(text + len, sizeof text - len, "+max(A%d)", k);
  struct eq_program *p = NULL;
  struct tfdc_error err = {0};
  assert_int_equal(eq_compile(text, len, NULL, NULL, &p, &err), TFDC_E_EQ_COST);
  assert_non_null(strstr(err.msg, "more than 64 SVIDs"));
}

static void the_unit_of_the_result_is_canonical(void **state) {
  (void)state;
  static const struct {
    const char *text, *unit;
  } rows[] = {
      {"mean(Press)", "mTorr"},
      {"area(RfFwd)", "W*s"},
      {"slope(Flow)", "sccm/s"},
      {"std(Press) / mean(Press)", "1"},
      {"mean(Press) / 1 Torr", "1"},
      {"count(Press) / span(run)", "1/s"},
      {"std(Temp)", "delta_degC"},
      {"mean(Temp)", "degC"},
      {"slope(Temp)", "delta_degC/s"},
      {"mean(Temp - 20 degC)", "delta_degC"},
      {"mean(Temp) + 5 K", "degC"},
      {"mean(TempK) / 2", "K"},
      {"mean(Valve)", "%"},
      {"mean(RfFwd) * 50 %", "W"},
      {"mean(RfFwd)^2 / mean(Flow)", "W^2/sccm"},
      {"sqrt(mean(Press)^2)", "mTorr"},
      {"mean(Mystery)", ""},
      {"mean(Press) > 1 Pa", "1"},
      {"5 \xc2\xb5m", "um"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct eq_program *p = must_compile(rows[i].text);
    assert_string_equal(eq_program_unit(p), rows[i].unit);
    assert_true(rows[i].unit[0] == '\0' || eq_unit_is_known(rows[i].unit));
    eq_program_destroy(p);
  }
}

static void a_program_tells_what_it_reads_and_warns_of(void **state) {
  (void)state;
  struct eq_program *p = must_compile("let unused = 3;\nmean(Press - Mystery in step(\"ME\")) + max(Odd in step(\"B\"))"
                                      " + max(Press in step(\"ME\").first(1 s))");
  assert_string_equal(eq_program_svid(p, 0), "Press");
  assert_string_equal(eq_program_svid(p, 1), "Mystery");
  assert_string_equal(eq_program_svid(p, 2), "Odd");
  assert_null(eq_program_svid(p, 3));
  assert_string_equal(eq_program_step(p, 0), "ME");
  assert_string_equal(eq_program_step(p, 1), "B");
  assert_null(eq_program_step(p, 2));
  int64_t number = -1;
  assert_false(eq_program_step_number(p, 0, &number));
  assert_string_equal(eq_program_warning(p, 0), "2:14: unit unknown, taken as what the equation needs: `Mystery`");
  assert_string_equal(eq_program_warning(p, 1), "2:43: unit unknown, taken as what the equation needs: `Odd`");
  assert_string_equal(eq_program_warning(p, 2), "1:5: never used: `unused`");
  assert_null(eq_program_warning(p, 3));
  struct eq_program *by_number = must_compile("mean(Press in step(4)) - mean(Press in step(5, 2))");
  assert_true(eq_program_step_number(by_number, 0, &number) && number == 4);
  assert_true(eq_program_step_number(by_number, 1, &number) && number == 5);
  assert_false(eq_program_step_number(by_number, 2, &number));
  assert_null(eq_program_step(by_number, 0));
  eq_program_destroy(by_number);
  struct eq_program *cheap = must_compile("max(Press)");
  assert_true(eq_program_cost(p, 1000) > eq_program_cost(cheap, 1000));
  eq_program_destroy(cheap);
  eq_program_destroy(p);
}

static void without_memory_compiling_fails_cleanly(void **state) {
  (void)state;
  struct eq_limits huge = {.nodes = 100000};
  struct eq_program *p = NULL;
  struct tfdc_error err = {0};
  assert_int_equal(eq_compile("1", 1, NULL, &huge, &p, &err), TFDC_E_LIMIT);
  p = must_compile("mean(Press - PressSp)");
  double v[3] = {1, 2, 3};
  struct test_run r = {0};
  add_series(&r, "Press", v, NULL, 3);
  add_series(&r, "PressSp", v, NULL, 3);
  bool done = false;
  for (size_t limit = 16; limit < 100000 && !done; limit += 64) {
    struct tfdc_arena small = {.limit = limit};
    struct eq_value out = {.n = 77};
    tfdc_rc rc = eq_eval(p, &r.run, &small, &out);
    done = rc == TFDC_OK;
    if (!done) assert_true(rc == TFDC_E_NOMEM && out.n == 77);
    tfdc_arena_deinit(&small);
  }
  assert_true(done);
  eq_program_destroy(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_indicator_form_of_the_manual_compiles),
      cmocka_unit_test(syntax_errors_say_where_and_what_was_expected),
      cmocka_unit_test(unknown_names_come_with_the_nearest_one),
      cmocka_unit_test(types_are_checked),
      cmocka_unit_test(units_are_checked),
      cmocka_unit_test(each_cap_has_its_own_error),
      cmocka_unit_test(more_than_64_svids_are_refused),
      cmocka_unit_test(the_unit_of_the_result_is_canonical),
      cmocka_unit_test(a_program_tells_what_it_reads_and_warns_of),
      cmocka_unit_test(without_memory_compiling_fails_cleanly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
