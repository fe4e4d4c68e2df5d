/* SPDX-License-Identifier: Apache-2.0
 * Which version of which strategy and limit set judges a run. */
#include "support/cmocka_all.h"

#include "core/catalog.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 8 };

static const char PLAIN[] = "{\"v\":1,\"strategy\":\"a\",\"charts\":[{\"chart\":\"c\",\"eq\":\"mean(Press)\"}]}";
static const char ETCH[] = "{\"v\":1,\"strategy\":\"b\",\"select\":{\"tools\":[\"ETCH-*\"],\"recipes\":[\"R1\"]},"
                           "\"charts\":[{\"chart\":\"c\",\"eq\":\"max(Press)\"}]}";
static const char LIMITS[] = "{\"v\":1,\"limits\":\"a\",\"groups\":[]}";

static struct model_def strategy(const char *id, uint32_t version, int64_t effective_us, const char *body) {
  return (struct model_def){.kind = MODEL_DEF_STRATEGY,
                            .id = id,
                            .version = version,
                            .approved = true,
                            .effective_us = effective_us,
                            .body = body};
}
static struct model_def limits(const char *id, uint32_t version, int64_t effective_us) {
  struct model_def d = strategy(id, version, effective_us, LIMITS);
  d.kind = MODEL_DEF_LIMITS;
  return d;
}

static struct catalog *create(const struct model_def *defs, size_t n) {
  struct catalog *c = NULL;
  struct tfdc_error err = {0};
  if (catalog_create(defs, n, &c, &err) != TFDC_OK) fail_msg("%s", err.msg);
  assert_string_equal(err.msg, "");
  assert_int_equal(catalog_count(c), n);
  return c;
}

static size_t pick(const struct catalog *c, const char *tool, const char *recipe, int64_t order_us,
                   struct catalog_pick ret[MOST]) {
  struct model_context run = {.key = {tool, "A"}, .recipe_id = recipe, .order_us = order_us};
  return catalog_select(c, &run, ret, MOST);
}

static void the_newest_version_in_force_at_the_order_time_judges(void **state) {
  (void)state;
  const struct model_def defs[] = {strategy("a", 3, 300, PLAIN), strategy("a", 1, 100, PLAIN),
                                   strategy("a", 2, 200, PLAIN)};
  struct catalog *c = create(defs, 3);
  static const struct {
    int64_t order_us;
    uint32_t version; /* 0: none */
  } rows[] = {{99, 0}, {100, 1}, {199, 1}, {200, 2}, {299, 2}, {300, 3}, {INT64_MAX, 3}, {INT64_MIN, 0}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct catalog_pick p[MOST];
    size_t n = pick(c, "ETCH-1", "R1", rows[i].order_us, p);
    assert_int_equal(n, rows[i].version > 0);
    if (n > 0) assert_int_equal(p[0].version, rows[i].version);
  }
  catalog_unref(c);
}

static void a_later_version_with_an_earlier_time_replaces_the_one_before_it(void **state) {
  (void)state;
  const struct model_def defs[] = {strategy("a", 1, 100, PLAIN), strategy("a", 2, 50, PLAIN)};
  struct catalog *c = create(defs, 2);
  struct catalog_pick p[MOST];
  assert_int_equal(pick(c, "T", "R", 60, p), 1);
  assert_int_equal(p[0].version, 2);
  assert_int_equal(pick(c, "T", "R", 200, p), 1);
  assert_int_equal(p[0].version, 2);
  catalog_unref(c);
}

static void versions_that_are_not_approved_or_retired_judge_nothing(void **state) {
  (void)state;
  struct model_def defs[] = {strategy("a", 1, 0, PLAIN), strategy("a", 2, 0, PLAIN), strategy("a", 3, 0, PLAIN)};
  defs[1].retired = true;
  defs[2].approved = false;
  struct catalog *c = create(defs, 3);
  struct catalog_pick p[MOST];
  assert_int_equal(pick(c, "T", "R", 10, p), 1);
  assert_int_equal(p[0].version, 1);
  catalog_unref(c);
  c = create(defs + 1, 2);
  assert_int_equal(pick(c, "T", "R", 10, p), 0);
  catalog_unref(c);
}

static void limits_have_versions_and_times_of_their_own(void **state) {
  (void)state;
  const struct model_def defs[] = {limits("a", 1, 150), strategy("a", 1, 100, PLAIN), limits("a", 2, 250),
                                   limits("b", 9, 0)};
  struct catalog *c = create(defs, 4);
  static const struct {
    int64_t order_us;
    uint32_t limits;
  } rows[] = {{100, 0}, {149, 0}, {150, 1}, {249, 1}, {250, 2}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct catalog_pick p[MOST];
    assert_int_equal(pick(c, "T", "R", rows[i].order_us, p), 1);
    assert_int_equal(p[0].limit_version, rows[i].limits);
    assert_true((p[0].limits != NULL) == (rows[i].limits > 0));
  }
  catalog_unref(c);
}

static void strategies_that_select_the_run_come_in_order_of_their_ids(void **state) {
  (void)state;
  const struct model_def defs[] = {strategy("z", 1, 0, PLAIN), strategy("b", 1, 0, ETCH), strategy("a", 1, 0, PLAIN)};
  struct catalog *c = create(defs, 3);
  struct catalog_pick p[MOST];
  assert_int_equal(pick(c, "ETCH-7", "R1", 5, p), 3);
  assert_string_equal(p[1].strategy->charts[0].eq, "max(Press)");
  assert_int_equal(pick(c, "ETCH-7", "R2", 5, p), 2);
  assert_int_equal(pick(c, "CVD-7", "R1", 5, p), 2);
  assert_int_equal(pick(c, "ETCH-7", NULL, 5, p), 2);
  struct model_context run = {.key = {"ETCH-7", "A"}, .recipe_id = "R1", .order_us = 5};
  assert_int_equal(catalog_select(c, &run, p, 2), 2); /* never more than asked for */
  catalog_unref(c);
}

static void a_definition_that_cannot_be_read_is_left_out_and_named(void **state) {
  (void)state;
  struct model_def defs[] = {strategy("a", 1, 0, PLAIN), strategy("bad", 7, 0, "{\"v\":1,"), limits("a", 1, 0)};
  struct catalog *c = NULL;
  struct tfdc_error err = {0};
  assert_int_equal(catalog_create(defs, 3, &c, &err), TFDC_OK);
  assert_int_equal(catalog_count(c), 2);
  assert_non_null(strstr(err.msg, "definition bad version 7"));
  struct catalog_pick p[MOST];
  assert_int_equal(pick(c, "T", "R", 10, p), 1);
  catalog_unref(c);
}

static void picks_live_as_long_as_a_reference(void **state) {
  (void)state;
  struct model_def def = strategy("a", 1, 0, PLAIN);
  struct catalog *c = create(&def, 1);
  catalog_ref(c);
  struct catalog_pick p[MOST];
  assert_int_equal(pick(c, "T", "R", 10, p), 1);
  catalog_unref(c);
  assert_string_equal(p[0].strategy->charts[0].chart, "c");
  catalog_unref(c);
  catalog_unref(NULL);
}

/* --- programs --- */

static const struct model_svid SVIDS[] = {{.number = 1, .name = "Press", .unit = "mTorr"},
                                          {.number = 2, .name = "Odd", .unit = NULL}};
static const struct model_chamber CHAMBER = {.key = {"T", "A"}, .svids = SVIDS, .n_svids = 2};

static void charts_are_compiled_for_the_dictionary_of_the_chamber(void **state) {
  (void)state;
  static const struct model_chart charts[] = {{.chart = "good", .eq = "mean(Press) / 1 Torr"},
                                              {.chart = "absent", .eq = "mean(Temp)"},
                                              {.chart = "unit", .eq = "mean(Press) + 1 s"},
                                              {.chart = "unknown", .eq = "mean(Odd) + 1 s"}};
  struct model_strategy s = {.id = "a", .charts = charts, .n_charts = 4};
  struct programs *p = NULL;
  assert_int_equal(programs_create(&s, &CHAMBER, &p), TFDC_OK);
  assert_int_equal(p->n, 4);
  assert_string_equal(eq_program_unit(p->charts[0]), "1");
  assert_true(p->charts[1] == NULL && p->reasons[1] == MODEL_REASON_NO_DATA);
  assert_true(p->charts[2] == NULL && p->reasons[2] == MODEL_REASON_UNDEFINED);
  assert_string_equal(eq_program_unit(p->charts[3]), "s");
  programs_ref(p);
  programs_unref(p);
  programs_unref(p);
  programs_unref(NULL);
  assert_int_equal(programs_create(&s, NULL, &p), TFDC_OK); /* without a dictionary every SVID may exist */
  assert_non_null(p->charts[1]);
  programs_unref(p);
}

static void the_key_of_programs_changes_with_what_they_depend_on(void **state) {
  (void)state;
  struct tfdc_id128 key = programs_key("a", 1, &CHAMBER);
  struct model_svid other[2] = {SVIDS[0], SVIDS[1]};
  struct model_chamber chamber = {.key = {"T2", "B"}, .svids = other, .n_svids = 2};
  assert_true(tfdc_id128_eq(key, programs_key("a", 1, &chamber))); /* another chamber of the same dictionary */
  assert_false(tfdc_id128_eq(key, programs_key("a", 2, &chamber)));
  assert_false(tfdc_id128_eq(key, programs_key("b", 1, &chamber)));
  assert_false(tfdc_id128_eq(key, programs_key("a", 1, NULL)));
  other[0].unit = "Torr";
  assert_false(tfdc_id128_eq(key, programs_key("a", 1, &chamber)));
  other[0] = SVIDS[0];
  other[0].name = "Pressm"; /* name and unit don't run into each other */
  other[0].unit = "Torr";
  assert_false(tfdc_id128_eq(key, programs_key("a", 1, &chamber)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_newest_version_in_force_at_the_order_time_judges),
      cmocka_unit_test(a_later_version_with_an_earlier_time_replaces_the_one_before_it),
      cmocka_unit_test(versions_that_are_not_approved_or_retired_judge_nothing),
      cmocka_unit_test(limits_have_versions_and_times_of_their_own),
      cmocka_unit_test(strategies_that_select_the_run_come_in_order_of_their_ids),
      cmocka_unit_test(a_definition_that_cannot_be_read_is_left_out_and_named),
      cmocka_unit_test(picks_live_as_long_as_a_reference),
      cmocka_unit_test(charts_are_compiled_for_the_dictionary_of_the_chamber),
      cmocka_unit_test(the_key_of_programs_changes_with_what_they_depend_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
