/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/guess.h"

#include "app/replay/text_file_test.h"
#include "support/cmocka_all.h"

static tfdc_rc guess(const char *csv, struct tfdc_arena *mem, struct replay_map *m, const char **notes,
                     struct tfdc_error *err) {
  struct csv_look look;
  struct text_file f = text_file_of(csv, 100);
  TFDC_TRY(csv_look_at(csv, strlen(csv), &look, err));
  return guess_map(text_file_read, &f, &look, mem, m, notes, err);
}

/* The guessed map as YAML. */
static void expect(const char *csv, const char *wanted) {
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct tfdc_buf out = {0};
  struct replay_map m, back;
  const char *notes;
  if (guess(csv, &mem, &m, &notes, &err) != TFDC_OK) fail_msg("%s", err.msg);
  assert_int_equal(map_to_yaml(&m, &out), TFDC_OK);
  if (map_from_yaml((char *)out.data, out.size, &mem, &back, &err) != TFDC_OK) fail_msg("%s", err.msg);
  tfdc_put_u8(&out, 0);
  assert_string_equal((const char *)out.data, wanted);
  assert_true(strlen(notes) > 0);
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
}

static void a_wide_table_of_wafers_is_understood(void **state) {
  (void)state;
  expect(
      "wafer,experiment,fault,sample,Time,Step_Number,Pressure [mTorr],Cl2 (sccm),Vat_Valve\n"
      "2901,29,normal,0,11.9,4,1227,753,49\n2901,29,normal,1,13.0,4,1229,753,49\n2901,29,normal,2,14.1,5,1221,755,49\n"
      "3122,31,RF +8,0,10.1,4,1227,753,49\n3122,31,RF +8,1,11.2,5,1227,753,49\n",
      "separator: comma\ndecimal: point\nrun: [wafer]\ntool: {constant: TOOL-1}\nchamber: {constant: A}\n"
      "recipe: {column: experiment}\nwafer: {column: wafer}\ntags:\n  - {name: fault, column: fault}\n"
      "step: {number: Step_Number}\ntime: {column: Time, unit: s}\nsensors:\n"
      "  - {column: \"Pressure [mTorr]\", name: Pressure, unit: mTorr}\n"
      "  - {column: \"Cl2 (sccm)\", name: Cl2, unit: sccm}\n  - {column: Vat_Valve}\n"
      "good:\n  - {column: fault, equals: normal}\n");
}

static void a_long_table_with_dates_is_understood(void **state) {
  (void)state;
  expect("Timestamp;Tool ID;Chamber;Lot;Wafer;Recipe;Step;Parameter;Value;Unit\n"
         "2026-11-25 08:00:00,000;ETCH-01;PM1;L1;W1;POLY;ME;Druck;1,5;Pa\n"
         "2026-11-25 08:00:01,000;ETCH-01;PM1;L1;W1;POLY;OE;Druck;1,75;Pa\n",
         "separator: semicolon\ndecimal: comma\nlayout: long\nrun: [Lot, Wafer]\ntool: {column: \"Tool ID\"}\n"
         "chamber: {column: Chamber}\nrecipe: {column: Recipe}\nlot: {column: Lot}\nwafer: {column: Wafer}\n"
         "step: {name: Step}\ntime: {column: Timestamp, unit: iso8601}\n"
         "long: {svid: Parameter, value: Value, unit: Unit}\n");
}

static void german_headers_are_understood(void **state) {
  (void)state;
  expect("Anlage;Los;Scheibe;Rezept;Zeit;Schritt;Druck [mTorr]\nE1;L1;1;R;0,0;4;8,01\nE1;L1;1;R;0,5;5;8,02\n",
         "separator: semicolon\ndecimal: comma\nrun: [Los, Scheibe]\ntool: {column: Anlage}\nchamber: {constant: A}\n"
         "recipe: {column: Rezept}\nlot: {column: Los}\nwafer: {column: Scheibe}\nstep: {number: Schritt}\n"
         "time: {column: Zeit, unit: s}\nsensors:\n  - {column: \"Druck [mTorr]\", name: Druck, unit: mTorr}\n");
}

static void a_table_with_nothing_but_time_and_readings_is_understood(void **state) {
  (void)state;
  expect("x,p,q\n0.0,5,7\n0.1,6,7\n0.2,7,7\n0.3,6,7\n0.4,6,7\n0.5,6,7\n0.6,7,8\n0.7,5,7\n0.8,5,7\n0.9,4,7\n1.0,5,7\n0."
         "0,5,7\n",
         "separator: comma\ndecimal: point\ntool: {constant: TOOL-1}\nchamber: {constant: A}\n"
         "time: {column: x, unit: s}\nsensors:\n  - {column: p}\n  - {column: q}\n");
  expect("time_ms\tp\n1764057600000\t1\n1764057600100\t2\n",
         "separator: tab\ndecimal: point\ntool: {constant: TOOL-1}\nchamber: {constant: A}\n"
         "time: {column: time_ms, unit: epoch_ms}\nsensors:\n  - {column: p}\n");
}

static void what_cannot_be_understood_asks_for_a_map(void **state) {
  (void)state;
  static const struct {
    const char *csv, *wanted;
  } cases[] = {
      {"a,b\nx,y\n", "no column looks like a time"},
      {"time,text\n0,a\n1,b\n", "no column of numbers is left for sensors"},
      {"time,sensor,value\n0,p,1\n1,p,2\n", "no column looks like the name of a run"},
      {"time,p\n", "no rows below its header"},
      {"", "the file is empty"},
  };
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    struct tfdc_arena mem = {0};
    struct tfdc_error err = {0};
    struct replay_map m;
    const char *notes;
    assert_int_not_equal(guess(cases[i].csv, &mem, &m, &notes, &err), TFDC_OK);
    if (strstr(err.msg, cases[i].wanted) == NULL) fail_msg("case %zu: %s", i, err.msg);
    tfdc_arena_deinit(&mem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_wide_table_of_wafers_is_understood),
      cmocka_unit_test(a_long_table_with_dates_is_understood),
      cmocka_unit_test(german_headers_are_understood),
      cmocka_unit_test(a_table_with_nothing_but_time_and_readings_is_understood),
      cmocka_unit_test(what_cannot_be_understood_asks_for_a_map),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
