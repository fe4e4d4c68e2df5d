/* SPDX-License-Identifier: Apache-2.0
 * Maps and cells. */
#include "app/replay/map.h"

#include "support/cmocka_all.h"

#include <math.h>
#include <stdio.h>

static double number(const char *text, char decimal) {
  double v = NAN;
  return value_number(text, strlen(text), decimal, &v) ? v : NAN;
}

static void numbers_are_read_to_the_nearest_double(void **state) {
  (void)state;
  assert_true(number("1.5", '.') == 1.5 && number(" -0,25 ", ',') == -0.25 && number("+7", '.') == 7);
  assert_true(number("0.1", '.') == 0.1 && number("123456.789012345", '.') == 123456.789012345);
  assert_true(number("3.141592653589793238", '.') == 3.141592653589793 && number("1e-7", '.') == 1e-7);
  assert_true(number("9007199254740993", '.') == 9007199254740992.0 && number("1,5e3", ',') == 1500);
  assert_true(number(".5", '.') == 0.5 && number("5.", '.') == 5);
  static const char *const none[] = {"",      "abc", "1.2.3", "1,5", "0x10", "nan", "inf",
                                     "1e999", "--1", "1 2",   "-",   "e5",   "."};
  for (size_t i = 0; i < TFDC_COUNT(none); i++) {
    double v = 77;
    assert_false(value_number(none[i], strlen(none[i]), '.', &v));
    assert_true(v == 77);
  }
  assert_true(isnan(number("1.5", ',')));
  for (int i = 0; i < 20000; i++) { /* both ways of reading agree */
    char text[40], longer[64];
    (void)snprintf(text, sizeof text, "%d.%04d", i * 7919 % 100003, i * 31 % 10000);
    (void)snprintf(longer, sizeof longer, "%s000000000000", text);
    assert_true(number(text, '.') == number(longer, '.'));
  }
}

static void values_are_rounded_to_their_resolution(void **state) {
  (void)state;
  assert_true(value_round(2.5, 1) == 2 && value_round(3.5, 1) == 4 && value_round(-1.4, 1) == -1);
  assert_true(value_round(0.30000000000000004, 0.1) == 0.3 && value_round(1.26, 0.25) == 1.25);
  assert_true(value_round(17, 5) == 15 && value_round(7.3, 0) == 7.3);
}

static int64_t time_of(const char *text, enum value_time kind) {
  int64_t t = -1;
  return value_time(text, strlen(text), kind, '.', &t) ? t : -1;
}

static void times_are_read_in_every_unit(void **state) {
  (void)state;
  assert_int_equal(time_of("11.946", VALUE_S), 11946000);
  assert_int_equal(time_of("1.5", VALUE_MS), 1500);
  assert_int_equal(time_of("3", VALUE_US), 3);
  assert_int_equal(time_of("2", VALUE_MIN), 120000000);
  const int64_t wanted = INT64_C(1764057600000000); /* 2025-11-25T08:00:00Z */
  assert_int_equal(time_of("2025-11-25T08:00:00Z", VALUE_ISO8601), wanted);
  assert_int_equal(time_of("2025-11-25 08:00", VALUE_ISO8601), wanted);
  assert_int_equal(time_of("2025/11/25 09:00:00.000001+01:00", VALUE_ISO8601), wanted + 1);
  assert_int_equal(time_of("2025-11-25T03:00:00,5-0500", VALUE_ISO8601), wanted + 500000);
  assert_int_equal(time_of("2025-11-25", VALUE_ISO8601), wanted - INT64_C(28800000000));
  assert_int_equal(time_of("1970-01-01T00:00:00.1234567Z", VALUE_ISO8601), 123456);
  assert_int_equal(time_of("2000-02-29", VALUE_ISO8601), INT64_C(951782400000000));
  assert_int_equal(time_of("1764057600", VALUE_EPOCH_S), wanted);
  assert_int_equal(time_of("1764057600000.5", VALUE_EPOCH_MS), wanted + 500);
  assert_int_equal(time_of("1764057600000001", VALUE_EPOCH_US), wanted + 1);
  assert_int_equal(time_of("1764057600000000000", VALUE_EPOCH_NS), wanted);
  static const char *const none[] = {"2025-02-29", "2025-13-01",  "2025-11-25T24:00",     "2025-11-25T08:00:00X",
                                     "25.11.2025", "2025-11-25T", "2025-11-25T08:00:00.", ""};
  for (size_t i = 0; i < TFDC_COUNT(none); i++) assert_int_equal(time_of(none[i], VALUE_ISO8601), -1);
  assert_int_equal(time_of("1e30", VALUE_S), -1);
}

static const char full[] = "separator: semicolon\n"
                           "decimal: comma\n"
                           "skip_lines: 2\n"
                           "layout: wide\n"
                           "missing: [\"-999\", bad]\n"
                           "empty: missing\n"
                           "run: [lot, wafer]\n"
                           "run_gap_s: 12.5\n"
                           "tool: {constant: ETCH-01}\n"
                           "chamber: {column: \"Chamber Id\"}\n"
                           "tool_type: {constant: ETCH}\n"
                           "recipe: {column: recipe}\n"
                           "wafer: {column: wafer}\n"
                           "tags:\n"
                           "  - {name: experiment, column: exp}\n"
                           "step: {number: step_no, name: step}\n"
                           "time: {column: t, unit: ms, base: \"2026-01-01T00:00:00Z\"}\n"
                           "sensors:\n"
                           "  - {column: \"p [mTorr]\", name: Press, unit: mTorr, resolution: 0.1, round: true}\n"
                           "  - {column: flow}\n"
                           "drop:\n"
                           "  - {column: dup, equals: 1}\n"
                           "good:\n"
                           "  - {column: fault, equals: normal}\n"
                           "partition: [recipe_id, product]\n";

static void every_key_of_a_map_is_read_and_written_back(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct replay_map m, back;
  if (map_from_yaml(full, sizeof full - 1, &mem, &m, &err) != TFDC_OK) fail_msg("%s", err.msg);
  assert_true(m.separator == MAP_SEP_SEMICOLON && m.decimal == MAP_DEC_COMMA && m.skip_lines == 2);
  assert_true(m.missing.n == 2 && m.empty == MAP_EMPTY_MISSING && m.run.n == 2 && m.run_gap_s == 12.5);
  assert_string_equal(m.tool.constant, "ETCH-01");
  assert_string_equal(m.chamber.column, "Chamber Id");
  assert_string_equal(m.tags[0].column, "exp");
  assert_string_equal(m.step.number, "step_no");
  assert_true(m.time.kind == VALUE_MS && m.time.base_us == INT64_C(1767225600000000));
  assert_true(m.n_sensors == 2 && m.sensors[0].resolution == 0.1 && m.sensors[0].round && !m.sensors[1].round);
  assert_string_equal(m.drop[0].equals, "1");
  assert_string_equal(m.good[0].equals, "normal");
  assert_true(m.partition.n == 2);
  struct tfdc_buf out = {0}, again = {0};
  assert_int_equal(map_to_yaml(&m, &out), TFDC_OK);
  if (map_from_yaml((char *)out.data, out.size, &mem, &back, &err) != TFDC_OK)
    fail_msg("%s in\n%.*s", err.msg, (int)out.size, (char *)out.data);
  assert_int_equal(map_to_yaml(&back, &again), TFDC_OK);
  assert_true(out.size == again.size && memcmp(out.data, again.data, out.size) == 0);
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&again);
  tfdc_arena_deinit(&mem);
}

static void a_map_needs_little_more_than_the_time(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct replay_map m;
  static const char text[] = "time: {column: t, unit: s}\n";
  assert_int_equal(map_from_yaml(text, sizeof text - 1, &mem, &m, NULL), TFDC_OK);
  assert_string_equal(m.tool.constant, "TOOL-1");
  assert_string_equal(m.partition.items[0], "recipe_id");
  assert_true(m.time.base_us == INT64_C(946684800000000) && m.run_gap_s == 60);
  tfdc_arena_deinit(&mem);
}

static void a_wrong_map_is_told_line_and_column(void **state) {
  (void)state;
#define T "time: {column: t, unit: s}\n"
  static const struct {
    const char *text, *wanted;
  } cases[] = {
      {"", "no map in the file"},
      {"run: wafer\n", "line 1 column 1: time: missing"},
      {T "runn: wafer\n", "line 2 column 1: runn: unknown key, did you mean \"run\"?"},
      {"time: {column: t, unit: sec}\n", "line 1 column 25: time.unit: unknown value"},
      {"time: {colum: t, unit: s}\n", "line 1 column 8: time.colum: unknown key, did you mean \"column\"?"},
      {T "tool: ETCH\n", "line 2 column 7: tool: must be a mapping"},
      {T "tool: {constant: a b}\n", "line 2 column 18: tool.constant: ids match"},
      {T "tool: {constant: a, column: b}\n", "line 2 column 7: tool: either column or constant"},
      {T "layout: long\nrun: w\n", "line 2 column 9: layout: a long file needs `long:"},
      {T "layout: long\nlong: {svid: s, value: v}\n", "a long file needs `run: COLUMN`"},
      {T "long: {svid: s, value: v}\n", "line 2 column 7: long: only with `layout: long`"},
      {T "sensors:\n  - {column: a}\n  - {column: a}\n", "line 4 column 14: sensors[1].column: is there twice"},
      {T "sensors:\n  - {column: a, round: true}\n", "line 3 column 24: sensors[0].round: needs a resolution"},
      {T "partition: [recipe]\n", "line 2 column 13: partition[0]: is no text field of a run"},
      {T "run_gap_s: -1\n", "line 2 column 12: run_gap_s:"},
      {T "drop: [{column: a}]\n", "drop[0].equals: missing"},
      {"time: {column: t, unit: s, base: yesterday}\n", "line 1 column 34: time.base: must be a date"},
      {T "---\n" T, "line 3 column 1: one document only"},
      {T "run: &a x\n", "anchors are not supported"},
  };
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    struct tfdc_arena mem = {0};
    struct tfdc_error err = {0};
    struct replay_map m;
    tfdc_rc rc = map_from_yaml(cases[i].text, strlen(cases[i].text), &mem, &m, &err);
    if (rc == TFDC_OK || strstr(err.msg, cases[i].wanted) == NULL)
      fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].wanted, err.msg);
    tfdc_arena_deinit(&mem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_read_to_the_nearest_double),
      cmocka_unit_test(values_are_rounded_to_their_resolution),
      cmocka_unit_test(times_are_read_in_every_unit),
      cmocka_unit_test(every_key_of_a_map_is_read_and_written_back),
      cmocka_unit_test(a_map_needs_little_more_than_the_time),
      cmocka_unit_test(a_wrong_map_is_told_line_and_column),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
