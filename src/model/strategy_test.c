/* SPDX-License-Identifier: Apache-2.0 */
#include "model/golden_test.h"
#include "model/samples_test.h"
#include "model/strategy.h"
#include "support/cmocka_all.h"

static const char *const one_tool[] = {"ETCH-*"};
static const char *const recipes[] = {"POLY*", "OXIDE?"};
static const char *const fields[] = {"recipe_id", "product"};
static const char *const rules[] = {"beyond(1)", "beyond(2 of 3, 0.67)"};
static const char *const actions[] = {"notify", "hold_lot"};
static const struct model_chart charts[] = {
    {.chart = "press_me_mean",
     .eq = "mean(Press in step(\"ME\")\n  .trim(2 s, 0.5 s))",
     .optional = true,
     .alarm = true,
     .limits = {true, 50, 52, 48, 55.5, NAN},
     .resolution = 0.01},
    {.chart = "n", .eq = "count(Press)", .limits = {false, NAN, NAN, NAN, NAN, NAN}},
};
static const struct model_strategy full = {
    .id = "etch_main",
    .tools = {one_tool, 1},
    .chambers = {one_tool, 1},
    .tool_types = {one_tool, 1},
    .recipes = {recipes, 2},
    .products = {recipes, 2},
    .lot_types = {recipes, 2},
    .partition = {fields, 2},
    .severity = MODEL_CRITICAL,
    .rules = {rules, 2},
    .actions = {actions, 2},
    .clear_runs = 5,
    .charts = charts,
    .n_charts = 2,
};
static const struct model_limit_centre centres[] = {{"ETCH-01:A", 50.1, 25}, {"ETCH-02:B", -0.0, 0}};
static const struct model_limit_chart limit_charts[] = {
    {"press_me_mean", 0.1 + 0.2, 48, 4.417, 0, NULL, centres, 2},
    {"n", NAN, 0, 0, 0, "constant", NULL, 0},
};
static const struct model_limit_group groups[] = {{"POLY_ETCH", "ETCH", 50, 4.4, 0.75, limit_charts, 2},
                                                  {"", "", 0, NAN, 0, NULL, 0}};
static const struct model_limit_set limit_set = {"etch_main", groups, 2};

static void strategies_are_written_and_read(void **state) {
  (void)state;
  struct tfdc_buf out = {0}, again = {0};
  struct tfdc_arena mem = {0}, copies = {0};
  struct tfdc_error err = {0};
  struct model_strategy back, copy;
  assert_int_equal(model_strategy_to_json(&full, &out), TFDC_OK);
  golden_is("strategy.json", &out);
  tfdc_rc rc = model_strategy_from_json((char *)out.data, out.size, &mem, &back, &err);
  if (rc != TFDC_OK) fail_msg("%s", err.msg);
  assert_true(back.severity == MODEL_CRITICAL && back.clear_runs == 5 && back.n_charts == 2);
  assert_string_equal(back.recipes.items[1], "OXIDE?");
  assert_true(back.charts[0].limits.present && back.charts[0].limits.action_ucl == 55.5);
  assert_true(isnan(back.charts[0].limits.action_lcl) && back.charts[0].resolution == 0.01);
  assert_true(!back.charts[1].limits.present && !back.charts[1].alarm && back.charts[0].optional);
  assert_string_equal(back.charts[0].eq, charts[0].eq);
  assert_int_equal(model_strategy_copy(&back, &copies, &copy), TFDC_OK);
  tfdc_arena_deinit(&mem);
  assert_int_equal(model_strategy_to_json(&copy, &again), TFDC_OK);
  assert_int_equal(again.size, out.size);
  assert_memory_equal(again.data, out.data, out.size);
  tfdc_arena_deinit(&copies);
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&again);
}

static void limit_sets_are_written_and_read(void **state) {
  (void)state;
  struct tfdc_buf out = {0}, again = {0};
  struct tfdc_arena mem = {0}, copies = {0};
  struct tfdc_error err = {0};
  struct model_limit_set back, copy;
  assert_int_equal(model_limit_set_to_json(&limit_set, &out), TFDC_OK);
  golden_is("limit_set.json", &out);
  tfdc_rc rc = model_limit_set_from_json((char *)out.data, out.size, &mem, &back, &err);
  if (rc != TFDC_OK) fail_msg("%s", err.msg);
  const struct model_limit_chart *c = &back.groups[0].charts[0];
  assert_true(c->s == 0.1 + 0.2 && c->dof == 48 && c->width_lo == 4.417 && c->width_up == 0 && c->left_out == NULL);
  assert_true(c->centres[0].centre == 50.1 && c->centres[0].n == 25 && signbit(c->centres[1].centre));
  assert_true(isnan(c[1].s) && isnan(back.groups[1].width) && back.groups[0].warn_at == 0.75);
  assert_string_equal(c[1].left_out, "constant");
  assert_int_equal(model_limit_set_copy(&back, &copies, &copy), TFDC_OK);
  tfdc_arena_deinit(&mem);
  assert_int_equal(model_limit_set_to_json(&copy, &again), TFDC_OK);
  assert_int_equal(again.size, out.size);
  assert_memory_equal(again.data, out.data, out.size);
  tfdc_arena_deinit(&copies);
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&again);
}

static void json_of_definitions_is_checked(void **state) {
  (void)state;
  static const struct {
    const char *text;
    tfdc_rc rc;
    const char *says;
  } rows[] = {
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"}],\"later\":1}", TFDC_OK, ""},
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[]}", TFDC_E_MALFORMED, "charts: must not be empty"},
      {"{\"v\":1,\"strategy\":\"s\"}", TFDC_E_MALFORMED, "charts: missing"},
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[{\"chart\":\"c\"}]}", TFDC_E_MALFORMED, "charts[0].eq: missing"},
      {"{\"v\":1,\"strategy\":\"s\",\"partition\":[\"recipe\"],\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"}]}",
       TFDC_E_MALFORMED, "partition[0]: \"recipe\" is no text field of a run, did you mean \"recipe_id\"?"},
      {"{\"v\":1,\"strategy\":\"s\",\"partition\":[\"slot\"],\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"}]}",
       TFDC_E_MALFORMED, "partition[0]"},
      {"{\"v\":1,\"strategy\":\"s\",\"select\":{\"tools\":[\"\"]},\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"}]}",
       TFDC_E_MALFORMED, "select.tools[0]: must not be empty"},
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"},{\"chart\":\"c\",\"eq\":\"1\"}]}",
       TFDC_E_MALFORMED, "charts[1].chart: \"c\" is the id of charts[0] already"},
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[{\"chart\":\"c\",\"eq\":\"1\",\"limits\":{\"ucl\":1,\"lcl\":2}}]}",
       TFDC_E_RANGE, "charts[0].limits: ucl 1 is below lcl 2"},
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[{\"chart\":\"c\",\"eq\":\"1\",\"limits\":{\"centre\":1}}]}",
       TFDC_E_MALFORMED, "charts[0].limits: no limit given"},
      {"{\"v\":1,\"strategy\":\"s\",\"clear_runs\":0,\"charts\":[{\"chart\":\"c\",\"eq\":\"1\"}]}", TFDC_E_RANGE,
       "clear_runs: 0 is not in 1..1000"},
      {"{\"v\":1,\"strategy\":\"s\",\"charts\":[{\"chart\":\"c\",\"eq\":\"1\",\"resolution\":-1}]}", TFDC_E_RANGE,
       "resolution"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct tfdc_arena mem = {0};
    struct tfdc_error err = {0};
    struct model_strategy s;
    tfdc_rc rc = model_strategy_from_json(rows[i].text, strlen(rows[i].text), &mem, &s, &err);
    if (rc != rows[i].rc || strstr(err.msg, rows[i].says) == NULL)
      fail_msg("%s gave %s: %s", rows[i].text, tfdc_rc_name(rc), err.msg);
    tfdc_arena_deinit(&mem);
  }
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct model_limit_set l;
  const char *text =
      "{\"v\":1,\"limits\":\"s\",\"groups\":[{\"charts\":[{\"chart\":\"c\",\"centres\":[{\"chamber\":\"a.b\"}]}]}]}";
  assert_int_equal(model_limit_set_from_json(text, strlen(text), &mem, &l, &err), TFDC_E_BAD_ID);
  assert_non_null(strstr(err.msg, "groups[0].charts[0].centres[0].chamber"));
  tfdc_arena_deinit(&mem);
}

static void a_run_is_selected_by_all_lists(void **state) {
  (void)state;
  struct model_context c = sample_context;
  struct model_strategy s = {.id = "s"};
  assert_true(model_strategy_selects(&s, &c));
  s.tools = (struct model_globs){one_tool, 1};
  s.recipes = (struct model_globs){recipes, 2};
  assert_true(model_strategy_selects(&s, &c));
  c.recipe_id = NULL;
  assert_false(model_strategy_selects(&s, &c));
  c.recipe_id = "OXIDE3";
  assert_true(model_strategy_selects(&s, &c));
  c.recipe_id = "OXIDE33";
  assert_false(model_strategy_selects(&s, &c));
  c = sample_context;
  c.key.tool = "CVD-01";
  assert_false(model_strategy_selects(&s, &c));
  static const char *const chamber[] = {"B", "ETCH-0?:A"};
  s = (struct model_strategy){.chambers = {chamber, 2}};
  c = sample_context;
  assert_true(model_strategy_selects(&s, &c));
  s.chambers.n = 1;
  assert_false(model_strategy_selects(&s, &c));
  s = (struct model_strategy){.lot_types = {one_tool, 1}};
  assert_false(model_strategy_selects(&s, &c));
}

static void a_partition_joins_its_fields(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct model_context c = sample_context;
  struct model_strategy s = {.partition = {fields, 1}};
  assert_string_equal(model_strategy_partition(&s, &c, &mem), "POLY_ETCH");
  c.recipe_id = "a|b";
  assert_string_equal(model_strategy_partition(&s, &c, &mem), "a|b");
  s.partition.n = 2;
  assert_string_equal(model_strategy_partition(&s, &c, &mem), "a\\|b|prod");
  c.product = NULL;
  assert_string_equal(model_strategy_partition(&s, &c, &mem), "a\\|b|");
  s.partition.n = 0;
  assert_string_equal(model_strategy_partition(&s, &c, &mem), "");
  char long_a[256], long_b[256];
  for (size_t i = 0; i < 254; i += 2) memcpy(long_a + i, "\xc3\xbc", 2);
  long_a[254] = '\0';
  memcpy(long_b, long_a, sizeof long_b);
  s.partition.n = 2;
  c.recipe_id = long_a;
  c.product = "x";
  const char *x = model_strategy_partition(&s, &c, &mem);
  assert_true(strlen(x) == 256);
  c.product = "xy";
  const char *xy = model_strategy_partition(&s, &c, &mem);
  assert_true(strlen(xy) <= 256 && strlen(xy) > 230 && strcmp(x, xy) != 0);
  c.product = "xz";
  assert_string_not_equal(xy, model_strategy_partition(&s, &c, &mem));
  tfdc_arena_deinit(&mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(strategies_are_written_and_read), cmocka_unit_test(limit_sets_are_written_and_read),
      cmocka_unit_test(json_of_definitions_is_checked),  cmocka_unit_test(a_run_is_selected_by_all_lists),
      cmocka_unit_test(a_partition_joins_its_fields),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
