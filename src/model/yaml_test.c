/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"
#include "model/codec.h"
#include "model/strategy.h"
#include "support/cmocka_all.h"

#include <math.h>

static void a_file_holds_several_strategies(void **state) {
  (void)state;
  static const char text[] = "# two of them\n"
                             "strategy: etch_main\n"
                             "select: {tools: [ETCH-*], recipes: POLY*, products: ['*A', 123], chambers: ~}\n"
                             "severity: critical\n"
                             "clear_runs: 5\n"
                             "rules: [\"beyond(1)\"]\n"
                             "charts:\n"
                             "  - chart: press_me_mean\n"
                             "    eq: mean(Press in step(\"ME\").trim(2 s, 0.5 s))\n"
                             "    optional: true\n"
                             "    limits: {ucl: 52, lcl: 4.8e1, centre: null}\n"
                             "    resolution: 0.01\n"
                             "---\n"
                             "v: 1\n"
                             "strategy: second\n"
                             "partition: []\n"
                             "charts:\n"
                             "- chart: c\n"
                             "  eq: |\n"
                             "    let a = mean(Press);\n"
                             "    a\n"
                             "  alarm: false\n"
                             "---\n";
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct model_strategy *s;
  size_t n;
  tfdc_rc rc = model_strategies_from_yaml(text, sizeof text - 1, &mem, &s, &n, &err);
  if (rc != TFDC_OK) fail_msg("%s", err.msg);
  assert_int_equal(n, 2);
  assert_string_equal(s[0].id, "etch_main");
  assert_string_equal(s[0].recipes.items[0], "POLY*");
  assert_string_equal(s[0].products.items[1], "123");
  assert_true(s[0].recipes.n == 1 && s[0].chambers.n == 0 && s[0].severity == MODEL_CRITICAL && s[0].clear_runs == 5);
  assert_string_equal(s[0].partition.items[0], "recipe_id");
  assert_string_equal(s[0].actions.items[0], "notify");
  const struct model_chart *c = &s[0].charts[0];
  assert_string_equal(c->eq, "mean(Press in step(\"ME\").trim(2 s, 0.5 s))");
  assert_true(c->optional && c->alarm && c->limits.present && c->limits.ucl == 52 && c->limits.lcl == 48);
  assert_true(isnan(c->limits.centre) && isnan(c->limits.action_ucl) && c->resolution == 0.01);
  assert_true(s[1].partition.n == 0 && !s[1].charts[0].alarm && !s[1].charts[0].limits.present);
  assert_true(s[1].severity == MODEL_WARNING && s[1].clear_runs == 3);
  assert_string_equal(s[1].charts[0].eq, "let a = mean(Press);\na\n");
  /* what was read goes into the store as JSON and comes back the same */
  struct tfdc_buf out = {0}, again = {0};
  struct model_strategy back;
  assert_int_equal(model_strategy_to_json(&s[0], &out), TFDC_OK);
  assert_int_equal(model_strategy_from_json((char *)out.data, out.size, &mem, &back, &err), TFDC_OK);
  assert_int_equal(model_strategy_to_json(&back, &again), TFDC_OK);
  assert_int_equal(out.size, again.size);
  assert_memory_equal(out.data, again.data, out.size);
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&again);
  tfdc_arena_deinit(&mem);
}

#define CHART "charts:\n- chart: c\n  eq: '1'\n"
static void each_error_has_its_line_and_column(void **state) {
  (void)state;
  static const struct {
    const char *text;
    tfdc_rc rc;
    const char *says;
  } rows[] = {
      {"strategy: s\n" CHART, TFDC_OK, ""},
      {"", TFDC_E_DEFINITION, "no strategy in the file"},
      {"--- ~\n", TFDC_E_DEFINITION, "no strategy"},
      {"- 1\n", TFDC_E_DEFINITION, "line 1 column 1: must be a mapping"},
      {CHART, TFDC_E_DEFINITION, "line 1 column 1: strategy: missing"},
      {"strategy: s\n" CHART "rule: [x]\n", TFDC_E_DEFINITION,
       "line 5 column 1: rule: unknown key, did you mean \"rules\"?"},
      {"strategy: s\n" CHART "  limts: {ucl: 1}\n", TFDC_E_DEFINITION,
       "line 5 column 3: charts[0].limts: unknown key, did you mean \"limits\"?"},
      {"strategy: s\n" CHART "  limits: {uucl: 1}\n", TFDC_E_DEFINITION, "line 5 column 12: charts[0].limits.uucl"},
      {"strategy: s\nwhatever_else: 1\n" CHART, TFDC_E_DEFINITION, "line 2 column 1: whatever_else: unknown key"},
      {"strategy: s\n" CHART "- chart: d\n", TFDC_E_DEFINITION, "line 5 column 3: charts[1].eq: missing"},
      {"strategy: s\n" CHART "  optional: maybe\n", TFDC_E_DEFINITION,
       "line 5 column 13: charts[0].optional: must be true or false"},
      {"strategy: s\n" CHART "  resolution: 0.1x\n", TFDC_E_DEFINITION,
       "line 5 column 15: charts[0].resolution: must be a number"},
      {"strategy: s\n" CHART "  resolution: .nan\n", TFDC_E_DEFINITION, "must be a number"},
      {"strategy: s\n" CHART "  limits: {ucl: 1, lcl: 2}\n", TFDC_E_DEFINITION,
       "line 5 column 11: charts[0].limits: ucl 1 is below lcl 2"},
      {"strategy: s\nclear_runs: 99999999999999999999\n" CHART, TFDC_E_DEFINITION, "line 2 column 13: clear_runs"},
      {"strategy: s\nclear_runs: 1.5\n" CHART, TFDC_E_DEFINITION, "must be an integer"},
      {"strategy: s\nclear_runs: 0\n" CHART, TFDC_E_DEFINITION, "clear_runs: 0 is not in 1..1000"},
      {"strategy: s\nseverity: criticl\n" CHART, TFDC_E_DEFINITION, "did you mean \"critical\"?"},
      {"strategy: s\npartition: [recipe]\n" CHART, TFDC_E_DEFINITION,
       "line 2 column 13: partition[0]: \"recipe\" is no text field of a run, did you mean \"recipe_id\"?"},
      {"strategy: s s\n" CHART, TFDC_E_DEFINITION, "line 1 column 11: strategy: ids match"},
      {"strategy: s\nstrategy: t\n" CHART, TFDC_E_DEFINITION, "line 2 column 1: key \"strategy\" is there twice"},
      {"strategy: s\n" CHART "---\nstrategy: s\n" CHART, TFDC_E_DEFINITION, "line 6 column 1: its id is used"},
      {"strategy: s\nselect: {recipes: [*]}\n" CHART, TFDC_E_YAML, "line 2 column"},
      {"strategy: s\nselect: {recipes: [*]}\n" CHART, TFDC_E_YAML, "needs quotes"},
      {"strategy: s\nselect: {recipes: [*a]}\n" CHART, TFDC_E_DEFINITION,
       "line 2 column 20: aliases are not supported"},
      {"strategy: &a s\n" CHART, TFDC_E_DEFINITION, "line 1 column 11: anchors are not supported"},
      {"strategy: !!str s\n" CHART, TFDC_E_DEFINITION, "tags are not supported"},
      {"strategy: [s\n", TFDC_E_YAML, "line "},
      {"strategy: \"\xff\"\n", TFDC_E_YAML, "byte 11"},
      {"strategy: \"a\\0b\"\n" CHART, TFDC_E_DEFINITION, "strategy: a NUL inside"},
      {"? [a]\n: b\n", TFDC_E_DEFINITION, "a key must be a text"},
      {"v: 2\nstrategy: s\n" CHART, TFDC_E_SCHEMA, "line 1 column 4: v: written as version 2"},
      {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", TFDC_E_LIMIT, "nested too deep"},
      {"%YAML 9.9\n--- {}", TFDC_E_YAML, "line 1"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct tfdc_arena mem = {0};
    struct tfdc_error err = {0};
    struct model_strategy *s;
    size_t n;
    tfdc_rc rc = model_strategies_from_yaml(rows[i].text, strlen(rows[i].text), &mem, &s, &n, &err);
    if (rc != rows[i].rc || strstr(err.msg, rows[i].says) == NULL)
      fail_msg("%s gave %s: %s, not %s: %s", rows[i].text, tfdc_rc_name(rc), err.msg, tfdc_rc_name(rows[i].rc),
               rows[i].says);
    if (rc != TFDC_OK) assert_int_equal(err.code, rc);
    tfdc_arena_deinit(&mem);
  }
}

static void sizes_are_bounded(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct tfdc_buf text = {0};
  struct model_strategy *s;
  size_t n;
  tfdc_put_fmt(&text, "strategy: s\nrules: [");
  for (int i = 0; i < 300000; i++) tfdc_put_fmt(&text, "a,");
  assert_int_equal(model_strategies_from_yaml((char *)text.data, text.size, &mem, &s, &n, &err), TFDC_E_LIMIT);
  while (text.size <= 1 << 20) tfdc_put_fmt(&text, "\n\n\n\n\n\n\n\n");
  assert_int_equal(model_strategies_from_yaml((char *)text.data, text.size, &mem, &s, &n, &err), TFDC_E_LIMIT);
  assert_non_null(strstr(err.msg, "bytes of YAML"));
  text.size = 0;
  tfdc_put_fmt(&text, "strategy: s\ncharts:\n");
  for (int i = 0; i < 2000; i++) tfdc_put_fmt(&text, "- {chart: c%d, eq: mean(S%d)}\n", i, i);
  assert_int_equal(model_strategies_from_yaml((char *)text.data, text.size, &mem, &s, &n, &err), TFDC_OK);
  assert_int_equal(s[0].n_charts, 2000);
  assert_string_equal(s[0].charts[1999].eq, "mean(S1999)");
  tfdc_buf_deinit(&text);
  tfdc_arena_deinit(&mem);
}

static void limit_sets_can_be_written_by_hand(void **state) {
  (void)state;
  static const char text[] = "limits: etch_main\n"
                             "groups:\n"
                             "- partition: POLY\n"
                             "  tool_type: ETCH\n"
                             "  n_runs: 25\n"
                             "  width: 4.5\n"
                             "  charts:\n"
                             "  - {chart: c, s: 0.30000000000000004, dof: 24, width_lo: 4.5, width_up: 4.5,\n"
                             "     centres: [{chamber: \"T:A\", centre: -0.0, n: 25}]}\n";
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct model_limit_set *l;
  size_t n;
  tfdc_rc rc = model_limit_sets_from_yaml(text, sizeof text - 1, &mem, &l, &n, &err);
  if (rc != TFDC_OK) fail_msg("%s", err.msg);
  assert_true(n == 1 && l->groups[0].n_runs == 25 && l->groups[0].charts[0].s == 0.1 + 0.2);
  assert_true(signbit(l->groups[0].charts[0].centres[0].centre));
  assert_string_equal(l->groups[0].charts[0].centres[0].chamber, "T:A");
  const char *bad = "limits: x\ngroups:\n- charts:\n  - chart: c\n    s: -1\n";
  assert_int_equal(model_limit_sets_from_yaml(bad, strlen(bad), &mem, &l, &n, &err), TFDC_E_DEFINITION);
  assert_non_null(strstr(err.msg, "line 5 column 8: groups[0].charts[0].s"));
  tfdc_arena_deinit(&mem);
}

/* Both kinds, in one file; the places of equations and rules. */
static void a_file_holds_strategies_and_limit_sets(void **state) {
  (void)state;
  static const char text[] = "limits: a\n"
                             "groups: [{partition: P}]\n"
                             "---\n"
                             "strategy: a\n"
                             "rules: [beyond(1),\n"
                             "        side(9)]\n"
                             "charts:\n"
                             "  - {chart: c, eq: mean(S)}\n"
                             "  - chart: d\n"
                             "    eq: |\n"
                             "      mean(T)\n"
                             "---\n"
                             "{\"v\":1,\"strategy\":\"b\",\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"}]}\n";
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct model_definition *d;
  size_t n;
  tfdc_rc rc = model_definitions_from_yaml(text, sizeof text - 1, &mem, &d, &n, &err);
  if (rc != TFDC_OK) fail_msg("%s", err.msg);
  assert_int_equal(n, 3);
  assert_true(d[0].kind == MODEL_DEF_LIMITS && d[0].at.line == 1 && strcmp(model_definition_id(&d[0]), "a") == 0);
  assert_true(d[1].kind == MODEL_DEF_STRATEGY && d[1].at.line == 4 && d[1].strategy.n_charts == 2);
  assert_true(d[1].rules[0].line == 5 && d[1].rules[0].column == 9 && d[1].rules[1].line == 6);
  assert_true(d[1].eqs[0].line == 8 && d[1].eqs[0].column == 20);
  assert_true(d[1].eqs[1].line == 10 && d[1].eqs[1].column == 9);
  assert_true(d[2].at.line == 13 && strcmp(d[2].strategy.id, "b") == 0);
  static const struct {
    const char *text, *says;
  } rows[] = {
      {"", "no strategy and no limit set"},
      {"charts: []\n", "line 1 column 1: must have the key"},
      {"- strategy\n", "line 1 column 1: must have the key"},
      {"strategy: s\n" CHART "---\nlimits: s\n---\nlimits: s\n", "line 8 column 1: its id is used"},
      {"strategy: s\nlimits: s\n" CHART, "line 2 column 1: limits: unknown key"},
      {"limits: s\ncharts: []\n", "line 2 column 1: charts: unknown key"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    rc = model_definitions_from_yaml(rows[i].text, strlen(rows[i].text), &mem, &d, &n, &err);
    if (rc != TFDC_E_DEFINITION || strstr(err.msg, rows[i].says) == NULL)
      fail_msg("%s gave %s: %s", rows[i].text, tfdc_rc_name(rc), err.msg);
  }
  tfdc_arena_deinit(&mem);
}

static void what_is_written_as_yaml_reads_the_same(void **state) {
  (void)state;
  static const char plain[] = "strategy: a\n"
                              "select:\n"
                              "  tools: [ETCH-*, \"*X\"]\n"
                              "  recipes: [\"a: b\", \"123\", \"no\"]\n"
                              "partition: []\n"
                              "severity: critical\n"
                              "rules: [beyond(1), \"side(9); beyond(2, 2 of 3)\"]\n"
                              "charts:\n"
                              "- chart: c\n"
                              "  eq: mean(Press in step(\"ME\").trim(2 s, 0.5 s))\n"
                              "  optional: true\n"
                              "  limits: {ucl: 52.0, lcl: -1e-09}\n"
                              "- chart: d\n"
                              "  eq: |\n"
                              "    let a = mean(Press);\n"
                              "\n"
                              "      a  \n"
                              "- chart: e\n"
                              "  eq: \"\\n x # \\\"y\\\": \\\\ \\u2028\xc3\xa4\"\n"
                              "  alarm: false\n"
                              "---\n"
                              "limits: a\n"
                              "groups:\n"
                              "- partition: P | Q\n"
                              "  n_runs: 3\n"
                              "  charts:\n"
                              "  - chart: c\n"
                              "    s: 0.30000000000000004\n"
                              "    centres:\n"
                              "    - {chamber: \"T:A\", centre: -0.0, n: 25}\n"
                              "- {}\n";
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct tfdc_buf out = {0};
  struct model_definition *d;
  size_t n;
  tfdc_rc rc = model_definitions_from_yaml(plain, sizeof plain - 1, &mem, &d, &n, &err);
  if (rc != TFDC_OK) fail_msg("%s", err.msg);
  assert_int_equal(n, 2);
  assert_int_equal(model_strategy_to_yaml(&d[0].strategy, &out), TFDC_OK);
  tfdc_put_fmt(&out, "---\n");
  assert_int_equal(model_limit_set_to_yaml(&d[1].limits, &out), TFDC_OK);
  tfdc_put_u8(&out, 0);
  assert_string_equal((const char *)out.data, plain);
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
}

/* With an arena that ends ever later: NOMEM until it succeeds. */
static void little_memory_is_an_error(void **state) {
  (void)state;
  const char *text = "strategy: s\n" CHART "---\nstrategy: t\n" CHART;
  tfdc_rc rc = TFDC_E_NOMEM;
  for (size_t limit = 1; rc != TFDC_OK; limit += 64) {
    struct tfdc_arena mem = {.limit = limit};
    struct tfdc_error err = {0};
    struct model_strategy *s = NULL;
    size_t n = 77;
    rc = model_strategies_from_yaml(text, strlen(text), &mem, &s, &n, &err);
    if (rc != TFDC_OK) assert_true(rc == TFDC_E_NOMEM && s == NULL && n == 77);
    tfdc_arena_deinit(&mem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_holds_several_strategies),
      cmocka_unit_test(each_error_has_its_line_and_column),
      cmocka_unit_test(sizes_are_bounded),
      cmocka_unit_test(limit_sets_can_be_written_by_hand),
      cmocka_unit_test(a_file_holds_strategies_and_limit_sets),
      cmocka_unit_test(what_is_written_as_yaml_reads_the_same),
      cmocka_unit_test(little_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
