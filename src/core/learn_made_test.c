/* SPDX-License-Identifier: Apache-2.0
 * Which charts learning makes when nobody wrote any, what their resolution is, and what it leaves out and why. */
#include "core/learn_school_test.h"

#include "base/text.h"
#include "core/catalog.h"
#include "core/learn_fab_test.h"
#include "core/learn_priv.h"

static const struct model_chart *find_chart(const struct learn_result *r, const char *chart) {
  for (size_t i = 0; i < r->strategy.n_charts; i++)
    if (strcmp(r->strategy.charts[i].chart, chart) == 0) return &r->strategy.charts[i];
  return NULL;
}

static const struct model_chart *the_chart(const struct learn_result *r, const char *chart) {
  const struct model_chart *c = find_chart(r, chart);
  if (c == NULL) fail_msg("there is no chart %s", chart);
  return c;
}

static void assert_left_out(const struct learn_result *r, const char *chart, const char *reason) {
  assert_null(find_chart(r, chart));
  for (size_t i = 0; i < r->n_left_out; i++)
    if (strcmp(r->left_out[i].chart, chart) == 0) {
      assert_non_null(strstr(r->left_out[i].reason, reason));
      return;
    }
  fail_msg("%s is not among the charts that were left out", chart);
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

/* P0 quiet and P1 noisy of resolution 0.01; P2 counts, P3 never changes, P4 seldom comes, P5 only chamber B has. */
static void six_sensors(struct school *s) {
  school_init(s, 6, 40);
  s->options.keep = NULL;
  struct model_svid *svids = (struct model_svid *)(uintptr_t)s->dictionary.svids;
  svids[0].resolution = svids[1].resolution = 0.01;
  s->wobble[1] = 0.02;
  for (size_t i = 0; i < 40; i++) {
    bool b = i % 2 != 0;
    double *x = school_run(s, "E-1", b ? "B" : "A", "R");
    x[0] = 5 + 0.01 * (double)(i * i % 17);
    x[1] = 9 + 0.01 * (double)(i * i % 13);
    x[2] = 1000 + (double)i;
    x[3] = 42;
    x[4] = i % 3 == 0 ? (double)(i % 7) : (double)NAN;
    x[5] = b ? 3 + (double)(i * i % 19) : (double)NAN;
  }
}

static void what_does_not_tell_runs_apart_is_left_out_with_the_reason(void **state) {
  (void)state;
  struct school s;
  six_sensors(&s);
  school_learn_ok(&s);
  const struct learn_result *r = &s.result;
  assert_string_equal(the_chart(r, "P0_run_mean")->eq, "mean(P0 in run)");
  assert_false(the_chart(r, "P0_run_mean")->optional);
  assert_left_out(r, "P2_run_mean", "counts from run to run");
  assert_left_out(r, "P2_run_max", "counts from run to run");
  assert_left_out(r, "P3_run_mean", "constant, and the resolution of the sensor is not known");
  assert_left_out(r, "P4_run_mean", "most good runs have no value");
  assert_true(the_chart(r, "P5_run_mean")->optional);
  assert_true(the_chart(r, "run_duration")->alarm && !the_chart(r, "run_samples")->alarm);
  const struct model_limit_chart *only_b = school_limits(&s, "R", "P5_run_mean");
  assert_true(school_centre(only_b, "E-1:B") != NULL && school_centre(only_b, "E-1:A") == NULL);
  for (size_t i = 0; i < r->n_left_out; i++) assert_null(find_chart(r, r->left_out[i].chart));
  assert_int_equal(r->limits.groups[0].n_charts, r->strategy.n_charts);
  assert_true(r->strategy.tool_types.n == 1 && strcmp(r->strategy.tool_types.items[0], "ETCH") == 0);
  school_deinit(&s);
}

/* LSB/sqrt(12 n) for means and deviations of a sensor whose noise dithers its resolution, LSB/sqrt(12) for one whose
 * noise does not, and for single samples; sqrt(2) times that for a difference of two. */
static void the_resolution_of_a_chart_is_that_of_its_statistic(void **state) {
  (void)state;
  struct school s;
  six_sensors(&s);
  school_learn_ok(&s);
  const struct learn_result *r = &s.result;
  double one = 0.01 / sqrt(12.0), span = 0.1 * (SCHOOL_SAMPLES - 1);
  assert_true(near(the_chart(r, "P0_run_mean")->resolution, one));
  assert_true(near(the_chart(r, "P0_run_min")->resolution, one));
  assert_true(near(the_chart(r, "P0_run_range")->resolution, one * sqrt(2.0)));
  assert_true(near(the_chart(r, "P0_run_slope")->resolution, one * sqrt(12.0) / span));
  assert_true(near(the_chart(r, "P1_run_mean")->resolution, one / sqrt(SCHOOL_SAMPLES)));
  assert_true(near(the_chart(r, "P1_run_std")->resolution, one / sqrt(SCHOOL_SAMPLES)));
  assert_true(near(the_chart(r, "P1_run_max")->resolution, one));
  assert_true(near(the_chart(r, "run_samples")->resolution, 1 / sqrt(6.0)));
  /* P0 holds one value over a run: its deviation is 0 in every one, and its limits stand on the resolution. */
  assert_true(near(school_limits(&s, "R", "P0_run_std")->s, one));
  school_deinit(&s);
}

static void too_many_charts_lose_their_least_telling_statistics(void **state) {
  (void)state;
  struct school s;
  six_sensors(&s);
  s.options.charts_max = 1;
  school_learn_ok(&s);
  const struct learn_result *r = &s.result;
  assert_left_out(r, "P0_run_slope", "too many charts");
  assert_left_out(r, "P0_run_range", "too many charts");
  assert_non_null(the_chart(r, "P0_run_mean"));
  assert_non_null(the_chart(r, "P0_run_min"));
  school_deinit(&s);
}

static void sensors_whose_names_become_one_id_keep_their_charts_apart(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 2, 12);
  s.options.keep = NULL;
  struct model_svid *svids = (struct model_svid *)(uintptr_t)s.dictionary.svids;
  svids[0].name = "Flow 1";
  svids[1].name = "Flow/1";
  for (size_t i = 0; i < 12; i++) {
    double *x = school_run(&s, "E-1", "A", "R");
    x[0] = (double)(i * i % 11);
    x[1] = 50 + (double)(i * i % 7);
  }
  school_learn_ok(&s);
  assert_string_equal(the_chart(&s.result, "Flow_1_run_mean")->eq, "mean(`Flow 1` in run)");
  assert_string_equal(the_chart(&s.result, "Flow_1_run_mean_2")->eq, "mean(`Flow/1` in run)");
  school_deinit(&s);
}

static void a_dictionary_without_sensors_is_an_error(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 8);
  s.options.keep = NULL;
  s.dictionary.n_svids = 0;
  for (size_t i = 0; i < 8; i++) *school_run(&s, "E-1", "A", "R") = (double)i;
  assert_int_equal(learn_create(&s.options, s.runs, s.n_runs, &s.learn, &s.err), TFDC_E_LEARN);
  assert_non_null(strstr(tfdc_error_msg(&s.err), "no SVIDs"));
  s.learn = NULL;
  school_deinit(&s);
}

static void runs_in_which_nothing_varies_are_an_error(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 8);
  s.options.keep = NULL;
  for (size_t i = 0; i < 8; i++) {
    *school_run(&s, "E-1", "A", "R") = 4;
    s.contexts[i].end_us = s.contexts[i].start_us; /* nor does anything last */
    s.contexts[i].points = 0;
  }
  assert_int_equal(school_learn(&s), TFDC_E_LEARN);
  assert_non_null(strstr(tfdc_error_msg(&s.err), "has values that vary in the 8 runs"));
  school_deinit(&s);
}

/* ---- a small fab ---- */

enum { FAB_RUNS_OF_CHAMBER = 10, FAB_CHAMBERS = 2, FAB_LEARNED = FAB_RUNS_OF_CHAMBER * FAB_CHAMBERS };

struct small_fab {
  struct learn_fab fab;
  struct tfdc_arena mem;
  struct model_chamber dictionary;
  struct model_context contexts[FAB_LEARNED];
  struct learn_run runs[FAB_LEARNED];
  struct learn_options options;
  struct learn *learn;
  struct learn_result result;
};

static void learn_small_fab(struct small_fab *f, double missing) {
  static const char *const by[] = {"recipe_id"};
  struct tfdc_error err = {0};
  struct model_chunk chunks[FAB_LEARNED];
  struct tfdc_buf blobs[FAB_LEARNED] = {{0}};
  *f = (struct small_fab){.fab = {.n_chambers = FAB_CHAMBERS, .n_recipes = 1, .n_svids = 6, .rate_hz = 10}};
  f->fab.step_s = 20;
  f->fab.missing = missing;
  f->fab.seed = 3;
  f->fab.resolution_known = true;
  assert_int_equal(learn_fab_init(&f->fab), TFDC_OK);
  f->dictionary = (struct model_chamber){.tool_type = "ETCH", .svids = f->fab.svids, .n_svids = f->fab.n_svids};
  f->options = (struct learn_options){.strategy = "auto", .tool_type = "ETCH", .partition = {by, 1}};
  for (size_t i = 0; i < FAB_LEARNED; i++) {
    assert_int_equal(learn_fab_run(&f->fab, i / FAB_RUNS_OF_CHAMBER, 0, i % FAB_RUNS_OF_CHAMBER, NULL, &f->mem,
                                   &blobs[i], &f->contexts[i], &chunks[i]),
                     TFDC_OK);
    f->runs[i] = (struct learn_run){&f->contexts[i], &f->dictionary};
  }
  assert_int_equal(learn_create(&f->options, f->runs, FAB_LEARNED, &f->learn, &err), TFDC_OK);
  for (size_t i = 0; i < FAB_LEARNED; i++) {
    struct chunk_blob blob = {chunks[i].blob, chunks[i].blob_n, chunks[i].checksum};
    assert_int_equal(learn_add_run(f->learn, i, &blob, 1, &err), TFDC_OK);
    tfdc_buf_deinit(&blobs[i]);
  }
  if (learn_finish(f->learn, &f->result, &err) != TFDC_OK) fail_msg("%s", tfdc_error_msg(&err));
}

static void small_fab_end(struct small_fab *f) {
  learn_destroy(f->learn);
  learn_fab_deinit(&f->fab);
  tfdc_arena_deinit(&f->mem);
}

static void a_sensor_that_settles_is_charted_without_its_beginning_and_another_as_a_whole(void **state) {
  (void)state;
  struct small_fab f;
  learn_small_fab(&f, 0);
  assert_non_null(strstr(the_chart(&f.result, "Sensor00_ME_mean")->eq, "step(\"ME\").trim("));
  assert_non_null(strstr(the_chart(&f.result, "Sensor00_ME_head_median")->eq, "step(\"ME\").first("));
  assert_string_equal(the_chart(&f.result, "Sensor01_ME_mean")->eq, "mean(Sensor01 in step(\"ME\"))");
  assert_null(find_chart(&f.result, "Sensor01_ME_head_median"));
  assert_non_null(the_chart(&f.result, "OE_duration"));
  small_fab_end(&f);
}

/* The beginning of a step at which Sensor00 moves: which of its samples came decides on the value. */
static void a_chart_that_lost_samples_move_asks_for_all_of_them(void **state) {
  (void)state;
  struct small_fab f;
  learn_small_fab(&f, 0);
  const struct model_chart *head = the_chart(&f.result, "Sensor00_ME_head_median");
  assert_non_null(strstr(head->eq, ", min_good=0.9999, max_gap=0.11 s)"));
  assert_true(head->optional);
  assert_null(strstr(the_chart(&f.result, "Sensor00_ME_mean")->eq, "min_good"));
  assert_false(the_chart(&f.result, "Sensor01_ME_mean")->optional);
  small_fab_end(&f);
  /* Where good runs seldom have them all, it takes what it gets. */
  learn_small_fab(&f, 0.02);
  head = the_chart(&f.result, "Sensor00_ME_head_median");
  assert_null(strstr(head->eq, "min_good"));
  assert_false(head->optional);
  small_fab_end(&f);
}

static void what_was_made_can_be_written_read_and_compiled(void **state) {
  (void)state;
  struct small_fab f;
  learn_small_fab(&f, 0);
  struct tfdc_error err = {0};
  struct tfdc_buf json = {0}, again = {0};
  struct model_strategy strategy;
  struct model_limit_set limits;
  assert_int_equal(model_strategy_to_json(&f.result.strategy, &json), TFDC_OK);
  if (model_strategy_from_json((const char *)json.data, json.size, &f.mem, &strategy, &err) != TFDC_OK)
    fail_msg("%s", tfdc_error_msg(&err));
  assert_int_equal(strategy.n_charts, f.result.strategy.n_charts);
  struct programs *programs = NULL;
  assert_int_equal(programs_create(&strategy, &f.dictionary, &programs), TFDC_OK);
  programs_unref(programs);
  json.size = 0;
  assert_int_equal(model_limit_set_to_json(&f.result.limits, &json), TFDC_OK);
  assert_int_equal(model_limit_set_from_json((const char *)json.data, json.size, &f.mem, &limits, &err), TFDC_OK);
  assert_int_equal(model_limit_set_to_json(&limits, &again), TFDC_OK);
  assert_int_equal(json.size, again.size);
  assert_memory_equal(json.data, again.data, json.size);
  tfdc_buf_deinit(&json);
  tfdc_buf_deinit(&again);
  small_fab_end(&f);
}

/* ---- small parts ---- */

static double step_of(const double *v, size_t n) {
  struct learn_grid g = {0};
  learn_grid_add(&g, v, n);
  return learn_grid_step(&g);
}

static void the_grid_of_a_sensor_is_read_off_its_values(void **state) {
  (void)state;
  static const double quarter[] = {1, 1.25, 2, 1.75, 0.5, 1.25, 3};
  static const double decimal[] = {20.1, 20.3, 19.9, 20.4, 20.2, 20.1, 20.5};
  static const double holes[] = {1, (double)NAN, 1.5, (double)INFINITY, 3, 2, 1, 2.5};
  static const double none[] = {0.1, 0.3141592653589793, 0.2718281828459045, 0.1414213562373095, 0.577215664901532};
  static const double two[] = {5, 5.5, 5, 5.5};
  double seldom[200];
  assert_true(step_of(quarter, TFDC_COUNT(quarter)) == 0.25);
  assert_true(fabs(step_of(decimal, TFDC_COUNT(decimal)) - 0.1) < 1e-5);
  assert_true(step_of(holes, TFDC_COUNT(holes)) == 0.5);
  assert_true(step_of(none, TFDC_COUNT(none)) == 0);
  assert_true(step_of(two, TFDC_COUNT(two)) == 0); /* two values may be set points */
  for (size_t i = 0; i < TFDC_COUNT(seldom); i++) seldom[i] = (double)(i / 50);
  assert_true(step_of(seldom, TFDC_COUNT(seldom)) == 0); /* and so may values that seldom change */
  assert_true(step_of(NULL, 0) == 0);
}

static void ids_keep_names_apart_that_lose_letters(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  char longer[120], other[120];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  memcpy(other, longer, sizeof other);
  other[100] = 'y';
  assert_string_equal(learn_id(&mem, (const char *const[]){"A b", "mean"}, 2, '_'), "A_b_mean");
  const char *a = learn_id(&mem,
                           (const char *const[]){"Dr\xc3\xbc"
                                                 "ck"},
                           1, '_');
  const char *b = learn_id(&mem,
                           (const char *const[]){"Dr\xc3\xb6"
                                                 "ck"},
                           1, '_');
  assert_true(strcmp(a, b) != 0 && strncmp(a, "Dr_ck-", 6) == 0 && tfdc_is_id(a, strlen(a)));
  const char *c = learn_id(&mem, (const char *const[]){longer, "mean"}, 2, '_');
  const char *d = learn_id(&mem, (const char *const[]){other, "mean"}, 2, '_');
  assert_true(strcmp(c, d) != 0 && strlen(c) == TFDC_ID_MAX && tfdc_is_id(c, strlen(c)));
  tfdc_arena_deinit(&mem);
}

static void names_are_quoted_where_an_equation_would_misread_them(void **state) {
  (void)state;
  static const char *const names[][2] = {{"Press", "Press"}, {"in", "`in`"},    {"2nd", "`2nd`"},
                                         {"A-b", "`A-b`"},   {"a`b", "`a``b`"}, {"RF Power", "`RF Power`"},
                                         {"run", "`run`"},   {"x_1", "x_1"}};
  struct tfdc_arena mem = {0};
  for (size_t i = 0; i < TFDC_COUNT(names); i++) assert_string_equal(learn_quote_svid(&mem, names[i][0]), names[i][1]);
  assert_string_equal(learn_quote_step(&mem, "main \"hot\""), "\"main \"\"hot\"\"\"");
  tfdc_arena_deinit(&mem);
}

static void every_note_has_a_name(void **state) {
  (void)state;
  for (size_t a = 0; a < LEARN_NOTES; a++) {
    assert_true(strlen(learn_note_name(a)) > 0);
    for (size_t b = 0; b < a; b++) assert_string_not_equal(learn_note_name(a), learn_note_name(b));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_does_not_tell_runs_apart_is_left_out_with_the_reason),
      cmocka_unit_test(the_resolution_of_a_chart_is_that_of_its_statistic),
      cmocka_unit_test(too_many_charts_lose_their_least_telling_statistics),
      cmocka_unit_test(sensors_whose_names_become_one_id_keep_their_charts_apart),
      cmocka_unit_test(a_dictionary_without_sensors_is_an_error),
      cmocka_unit_test(runs_in_which_nothing_varies_are_an_error),
      cmocka_unit_test(a_sensor_that_settles_is_charted_without_its_beginning_and_another_as_a_whole),
      cmocka_unit_test(a_chart_that_lost_samples_move_asks_for_all_of_them),
      cmocka_unit_test(what_was_made_can_be_written_read_and_compiled),
      cmocka_unit_test(the_grid_of_a_sensor_is_read_off_its_values),
      cmocka_unit_test(ids_keep_names_apart_that_lose_letters),
      cmocka_unit_test(names_are_quoted_where_an_equation_would_misread_them),
      cmocka_unit_test(every_note_has_a_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
