/* SPDX-License-Identifier: Apache-2.0
 * Limits of charts that somebody wrote, against sums done by hand, printed tables and certified data. What is said of
 * the numbers stands in docs/learning.md. */
#include "core/learn_school_test.h"

#include "model/codec.h"
#include "spc/fit/dist.h"
#include "support/random.h"

/* Student's t and the normal distribution, two-sided 1 %, as tables print them. */
#define NORMAL_995 2.575829303548901
#define T_995_7    3.4994832973505
#define T_995_15   2.9467128834752

static bool near(double a, double b, double relative) { return fabs(a - b) <= relative * fabs(b); }

/* ---- centres and spread ---- */

struct cell {
  const char *chamber, *recipe;
  size_t n;
};

/* Six values of cell 0, then of the others: uneven, so that each mean is another. */
static void fill_cells(struct school *s, const struct cell *cells, size_t n_cells) {
  struct random_source random = {42};
  for (size_t k = 0; k < n_cells; k++)
    for (size_t i = 0; i < cells[k].n; i++)
      *school_run(s, "E-1", cells[k].chamber, cells[k].recipe) = 100 * (double)(k + 1) + random_normal(&random);
}

static void centres_are_per_chamber_and_recipe_and_the_spread_is_pooled_over_chambers(void **state) {
  (void)state;
  static const struct cell cells[] = {{"A", "R1", 5}, {"B", "R1", 9}, {"A", "R2", 8}};
  struct school s;
  school_init(&s, 1, 32);
  fill_cells(&s, cells, TFDC_COUNT(cells));
  school_learn_ok(&s);
  const struct model_limit_chart *r1 = school_limits(&s, "R1", "c0"), *r2 = school_limits(&s, "R2", "c0");
  assert_true(r1->n_centres == 2 && r2->n_centres == 1 && r1->dof == 12 && r2->dof == 7);
  double ss[2] = {0, 0};
  size_t first = 0;
  for (size_t k = 0; k < TFDC_COUNT(cells); first += cells[k].n, k++) {
    double mean = 0;
    for (size_t i = 0; i < cells[k].n; i++) mean += s.x[first + i] / (double)cells[k].n;
    for (size_t i = 0; i < cells[k].n; i++) ss[k / 2] += (s.x[first + i] - mean) * (s.x[first + i] - mean);
    const struct model_limit_centre *c =
        school_centre(k < 2 ? r1 : r2, strcmp(cells[k].chamber, "A") == 0 ? "E-1:A" : "E-1:B");
    assert_true(c != NULL && near(c->centre, mean, 1e-13) && c->n == cells[k].n);
  }
  assert_true(near(r1->s, sqrt(ss[0] / 12), 1e-12) && near(r2->s, sqrt(ss[1] / 7), 1e-12));
  assert_true(s.result.n_runs == 22 && s.result.n_bad_traces == 0 && s.result.n_groups == 2);
  assert_true(s.result.groups[0].n_runs == 14 && s.result.groups[0].n_chambers == 2 &&
              s.result.groups[0].n_charts == 1);
  assert_string_equal(s.result.limits.groups[1].tool_type, "ETCH");
  school_deinit(&s);
}

/* NIST StRD Lottery and Michelso: certified mean, standard deviation and first autocorrelation. The 218 draws of
 * Lottery are independent; neighbours of Michelso are alike, so its mean is worth fewer runs and the degrees of freedom
 * are fewer, as docs/learning.md point 5 says. */
static size_t read_nist(const char *path, double *x, size_t cap) {
  FILE *f = fopen(path, "r");
  char line[256];
  size_t n = 0;
  assert_non_null(f);
  while (n < cap && fgets(line, sizeof line, f) != NULL) x[n++] = strtod(line, NULL);
  assert_int_equal(fclose(f), 0);
  return n;
}

static void learn_nist(struct school *s, const char *path, size_t n_want) {
  double x[300];
  school_init(s, 1, 300);
  size_t n = read_nist(path, x, TFDC_COUNT(x));
  assert_int_equal(n, n_want);
  for (size_t i = 0; i < n; i++) *school_run(s, "E-1", "A", "R") = x[i];
  school_learn_ok(s);
}

static void certified_data_give_the_certified_centre_and_spread(void **state) {
  (void)state;
  struct school s;
  learn_nist(&s, TFDC_SOURCE_DIR "/test/golden/nist_strd/Lottery.txt", 218);
  const struct model_limit_chart *c = school_limits(&s, "R", "c0");
  assert_true(near(c->centres[0].centre, 518.958715596330, 1e-14) && near(c->s, 291.699727470969, 1e-13));
  assert_true(c->dof == 217);
  school_deinit(&s);
  learn_nist(&s, TFDC_SOURCE_DIR "/test/golden/nist_strd/Michelso.txt", 100);
  c = school_limits(&s, "R", "c0");
  double a = 0.535199668621283 + 1.0 / 100, dof = 100 - (1 + a) / (1 - a);
  assert_true(near(c->centres[0].centre, 299.8524, 1e-14) && c->dof == (uint32_t)dof);
  assert_true(near(c->s, 0.0790105478190518 * sqrt(99 / dof), 1e-9));
  school_deinit(&s);
}

/* NIST handbook 6.3.2.2, individuals: mean 50.81; sd with n - 1 from the sum of squares 37.229. */
static void the_individuals_of_the_handbook_have_their_mean_and_deviation(void **state) {
  (void)state;
  static const double x[] = {49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1};
  struct school s;
  school_init(&s, 1, 10);
  for (size_t i = 0; i < TFDC_COUNT(x); i++) *school_run(&s, "E-1", "A", "R") = x[i];
  school_learn_ok(&s);
  const struct model_limit_chart *c = school_limits(&s, "R", "c0");
  assert_true(near(c->centres[0].centre, 50.81, 1e-14) && c->dof == 9);
  assert_true(near(c->s, sqrt(37.229 / 9), 1e-12));
  school_deinit(&s);
}

/* ---- the width ---- */

static double gumbel_quantile(const double *x, size_t n, double alpha) {
  double mean = 0, gini = 0;
  for (size_t i = 0; i < n; i++) {
    mean += x[i] / (double)n;
    for (size_t k = 0; k < i; k++) gini += fabs(x[i] - x[k]);
  }
  double l2 = gini / ((double)n * (double)(n - 1)); /* half the mean difference of two */
  return mean + l2 / log(2) * (-0.577215664901532861 - log(-log(1 - alpha)));
}

/* A run's deviation from the others of its chamber, in their spread; on the scale of a normal deviate (Wallace). */
static double left_out_deviate(const struct school *s, size_t chart, size_t run, size_t per_chamber) {
  size_t first = run / per_chamber * per_chamber, n = s->n_runs;
  double ss = 0, mean_of_own = 0;
  for (size_t g = 0; g < n; g += per_chamber) {
    double mean = 0, count = 0;
    for (size_t i = g; i < g + per_chamber; i++)
      if (i != run) mean += s->x[i * s->n_svids + chart], count++;
    mean /= count;
    for (size_t i = g; i < g + per_chamber; i++)
      if (i != run) ss += (s->x[i * s->n_svids + chart] - mean) * (s->x[i * s->n_svids + chart] - mean);
    if (g == first) mean_of_own = mean;
  }
  double dof = (double)(n - 1) - (double)(n / per_chamber);
  double t =
      (s->x[run * s->n_svids + chart] - mean_of_own) / (sqrt(ss / dof) * sqrt(1 + 1 / (double)(per_chamber - 1)));
  return (8 * dof + 1) / (8 * dof + 3) * sqrt(dof * log(1 + t * t / dof));
}

static void one_width_comes_from_the_largest_left_out_deviation_of_each_run(void **state) {
  (void)state;
  enum { PER_CHAMBER = 9, RUNS = 18, CHARTS = 7 }; /* too few runs for shapes: all factors are 1 */
  struct random_source random = {11};
  struct school s;
  school_init(&s, CHARTS, RUNS);
  for (size_t i = 0; i < RUNS; i++) {
    double *x = school_run(&s, "E-1", i < PER_CHAMBER ? "A" : "B", "R");
    for (size_t k = 0; k < CHARTS; k++) x[k] = 50 + (double)k * random_normal(&random) + random_normal(&random);
  }
  school_learn_ok(&s);
  double maxima[RUNS] = {0};
  for (size_t i = 0; i < RUNS; i++)
    for (size_t k = 0; k < CHARTS; k++) maxima[i] = fmax(maxima[i], left_out_deviate(&s, k, i, PER_CHAMBER));
  double width = gumbel_quantile(maxima, RUNS, 0.01);
  /* Seven independent normal charts: 1 - (1 - 0.01)^(1/7) shared by two sides. */
  assert_true(width > spc_normal_upper(0.5 * (1 - pow(0.99, 1.0 / CHARTS))));
  assert_true(near(s.result.groups[0].width, width, 1e-9));
  for (size_t k = 0; k < CHARTS; k++) {
    const struct model_limit_chart *c = school_limits(&s, "R", s.charts[k].chart);
    assert_true(c->dof == 16 && near(c->width_up, spc_t_upper(spc_normal_tail(width), 16), 1e-8));
    assert_true(c->width_lo == c->width_up);
  }
  school_deinit(&s);
}

/* Where all runs are alike nothing can be measured: the limits are those of Student's t for one chart at 1 %, from the
 * resolution, or from a rounding error's worth of the value where that is not known. */
static void equal_values_get_the_limits_of_the_resolution(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 8);
  s.charts[0].resolution = 0.25;
  for (size_t i = 0; i < 8; i++) *school_run(&s, "E-1", "A", "R") = 40;
  school_learn_ok(&s);
  const struct model_limit_chart *c = school_limits(&s, "R", "c0");
  assert_true(c->s == 0.25 && c->centres[0].centre == 40 && c->dof == 7);
  assert_true(near(s.result.groups[0].width, NORMAL_995, 1e-10));
  assert_true(near(c->width_up, T_995_7, 1e-9) && near(c->width_lo, T_995_7, 1e-9));
  assert_true(s.result.groups[0].notes[1] == 1 && s.result.groups[0].notes[2] == 1); /* constant, floored */
  s.charts[0].resolution = 0;
  school_learn_ok(&s);
  c = school_limits(&s, "R", "c0");
  assert_true(c->s > 0 && c->s <= 40 * 1e-9);
  school_deinit(&s);
}

static void chambers_with_few_and_many_runs_share_the_spread_and_not_the_centre(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 17);
  s.charts[0].resolution = 0.5;
  for (size_t i = 0; i < 17; i++) *school_run(&s, "E-1", i < 5 ? "A" : "B", "R") = i < 5 ? 10 : 20;
  school_learn_ok(&s);
  const struct model_limit_chart *c = school_limits(&s, "R", "c0");
  assert_true(c->dof == 15 && near(c->width_up, T_995_15, 1e-9));
  assert_true(school_centre(c, "E-1:A")->n == 5 && school_centre(c, "E-1:B")->n == 12);
  assert_true(school_centre(c, "E-1:A")->centre == 10 && school_centre(c, "E-1:B")->centre == 20);
  school_deinit(&s);
}

static void a_chamber_with_two_runs_lends_its_spread_and_gets_no_centre(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 10);
  for (size_t i = 0; i < 10; i++) *school_run(&s, "E-1", i < 8 ? "A" : "B", "R") = i < 8 ? 10 : 20 + (double)i;
  school_learn_ok(&s);
  const struct model_limit_chart *c = school_limits(&s, "R", "c0");
  assert_true(c->dof == 8 && near(c->s, sqrt(0.5 / 8), 1e-12)); /* 28 and 29 */
  assert_non_null(school_centre(c, "E-1:A"));
  assert_null(school_centre(c, "E-1:B"));
  assert_int_equal(s.result.groups[0].notes[7], 1); /* group */
  school_deinit(&s);
}

/* ---- what is missing ---- */

static void too_few_runs_are_an_error_with_the_numbers(void **state) {
  (void)state;
  for (size_t n = 1; n < 8; n += 6) {
    struct school s;
    school_init(&s, 1, 8);
    for (size_t i = 0; i < n; i++) *school_run(&s, "E-1", "A", "R") = (double)i;
    assert_int_equal(school_learn(&s), TFDC_E_LEARN);
    char found[32];
    (void)snprintf(found, sizeof found, "E-1:A %zu", n);
    assert_non_null(strstr(tfdc_error_msg(&s.err), found));
    assert_non_null(strstr(tfdc_error_msg(&s.err), "8 runs, and 3 of a chamber"));
    school_deinit(&s);
  }
  struct learn *l = NULL;
  struct tfdc_error err = {0};
  struct learn_options o = {.strategy = "watch", .tool_type = ""};
  assert_int_equal(learn_create(&o, NULL, 0, &l, &err), TFDC_E_LEARN);
  assert_null(l);
}

static void a_partition_with_too_few_runs_does_not_hold_up_the_others(void **state) {
  (void)state;
  static const struct cell cells[] = {{"A", "R1", 9}, {"A", "R2", 4}, {"B", "R2", 2}};
  struct school s;
  school_init(&s, 1, 32);
  fill_cells(&s, cells, TFDC_COUNT(cells));
  school_learn_ok(&s);
  assert_true(s.result.limits.n_groups == 1 && s.result.n_groups == 2);
  assert_string_equal(s.result.limits.groups[0].partition, "R1");
  assert_null(s.result.groups[0].failed);
  assert_non_null(strstr(s.result.groups[1].failed, "E-1:A 4, E-1:B 2"));
  school_deinit(&s);
}

static void a_chart_that_is_never_judged_is_left_out_and_the_others_learned(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 3, 12);
  for (size_t i = 0; i < 12; i++) {
    double *x = school_run(&s, "E-1", "A", "R");
    x[0] = (double)(i % 5);
    x[1] = (double)NAN;
    x[2] = i < 7 ? 5 + (double)(i % 3) : (double)NAN; /* seven of eight */
  }
  school_learn_ok(&s);
  assert_null(school_limits(&s, "R", "c0")->left_out);
  for (size_t k = 1; k < 3; k++) {
    const struct model_limit_chart *c = school_limits(&s, "R", s.charts[k].chart);
    assert_non_null(strstr(c->left_out, "too few"));
    assert_true(isnan(c->s) && c->n_centres == 0);
  }
  assert_true(s.result.groups[0].n_left_out == 2 && s.result.groups[0].n_charts == 1);
  assert_true(s.result.groups[0].notes[0] == 2 && s.result.strategy.n_charts == 3);
  school_deinit(&s);
}

static void missing_readings_are_left_out_of_centre_and_count(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 12);
  for (size_t i = 0; i < 12; i++)
    *school_run(&s, "E-1", "A", "R") = i == 3 ? (double)NAN : i == 4 ? (double)INFINITY : (double)i;
  school_learn_ok(&s);
  const struct model_limit_chart *c = school_limits(&s, "R", "c0");
  assert_true(c->centres[0].n == 10 && near(c->centres[0].centre, (66.0 - 7) / 10, 1e-14) && c->dof == 9);
  school_deinit(&s);
}

static void no_values_at_all_are_an_error(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 1, 10);
  for (size_t i = 0; i < 10; i++) *school_run(&s, "E-1", "A", "R") = (double)NAN;
  assert_int_equal(school_learn(&s), TFDC_E_LEARN);
  school_deinit(&s);
}

static void a_trace_that_cannot_be_read_is_counted_and_left_out(void **state) {
  (void)state;
  struct school s;
  struct chunk_encoder *encoder = NULL;
  static const uint8_t rubbish[] = {1, 2, 3};
  struct chunk_blob blob = {rubbish, sizeof rubbish, tfdc_xxh3_64(rubbish, sizeof rubbish)};
  school_init(&s, 1, 10);
  for (size_t i = 0; i < 10; i++) *school_run(&s, "E-1", "A", "R") = (double)i;
  assert_int_equal(learn_create(&s.options, s.runs, 10, &s.learn, &s.err), TFDC_OK);
  assert_int_equal(chunk_encoder_create(&encoder), TFDC_OK);
  assert_int_equal(learn_add_run(s.learn, 0, &blob, 1, &s.err), TFDC_OK);
  assert_int_equal(learn_add_run(s.learn, 1, NULL, 0, &s.err), TFDC_OK);
  for (size_t i = 2; i < 10; i++) school_add(&s, encoder, i);
  assert_int_equal(learn_finish(s.learn, &s.result, &s.err), TFDC_OK);
  assert_true(s.result.n_runs == 8 && s.result.n_bad_traces == 2);
  assert_true(near(school_limits(&s, "R", "c0")->centres[0].centre, 5.5, 1e-14));
  chunk_encoder_destroy(encoder);
  school_deinit(&s);
}

/* ---- hostile ---- */

/* Squares and sums of such values are beyond a double; limits that are written must be numbers. */
static void values_too_large_to_square_give_finite_limits_or_none(void **state) {
  (void)state;
  static const double sizes[] = {1e155, 1e200, 1.7e308, 1e-308, 5e-324};
  for (size_t k = 0; k < TFDC_COUNT(sizes); k++) {
    struct school s;
    school_init(&s, 2, 12);
    for (size_t i = 0; i < 12; i++) {
      double *x = school_run(&s, "E-1", "A", "R");
      x[0] = i % 3 == 0 ? -sizes[k] : sizes[k] * (1 - 0.01 * (double)i);
      x[1] = 7 + (double)(i % 4);
    }
    school_learn_ok(&s);
    struct tfdc_buf json = {0};
    assert_int_equal(model_limit_set_to_json(&s.result.limits, &json), TFDC_OK);
    tfdc_buf_deinit(&json);
    const struct model_limit_chart *c = school_limits(&s, "R", "c0"), *other = school_limits(&s, "R", "c1");
    if (c->left_out == NULL)
      assert_true(isfinite(c->s) && c->s > 0 && isfinite(c->width_up) && isfinite(c->centres[0].centre));
    assert_true(other->left_out == NULL && other->s > 1 && other->s < 2 && other->width_up < 20);
    school_deinit(&s);
  }
}

static void more_values_than_fit_are_refused_before_any_memory_is_taken(void **state) {
  (void)state;
  enum { RUNS = 40000, CHARTS = 801 };
  struct school s;
  school_init(&s, CHARTS, 1);
  (void)school_run(&s, "E-1", "A", "R");
  struct learn_run *runs = calloc(RUNS, sizeof *runs);
  assert_non_null(runs);
  for (size_t i = 0; i < RUNS; i++) runs[i] = s.runs[0];
  assert_int_equal(learn_create(&s.options, runs, RUNS, &s.learn, &s.err), TFDC_E_LIMIT);
  assert_non_null(strstr(tfdc_error_msg(&s.err), "40000 runs times 801 charts"));
  free(runs);
  school_deinit(&s);
}

static void a_kept_chart_that_cannot_be_compiled_is_an_error_with_its_name(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 2, 8);
  for (size_t i = 0; i < 8; i++) school_run(&s, "E-1", "A", "R")[0] = (double)i;
  s.charts[1].eq = "mean(Nowhere in run)";
  assert_int_equal(school_learn(&s), TFDC_E_EQ_NAME);
  assert_non_null(strstr(tfdc_error_msg(&s.err), "chart c1"));
  school_deinit(&s);
}

static void charts_with_limits_of_their_own_are_not_learned(void **state) {
  (void)state;
  struct school s;
  school_init(&s, 2, 9);
  for (size_t i = 0; i < 9; i++) {
    double *x = school_run(&s, "E-1", "A", "R");
    x[0] = x[1] = (double)i;
  }
  s.charts[0].limits = (struct model_fixed_limits){.present = true, .ucl = 3};
  school_learn_ok(&s);
  assert_true(s.result.limits.groups[0].n_charts == 1 && s.result.strategy.n_charts == 2);
  assert_string_equal(s.result.limits.groups[0].charts[0].chart, "c1");
  s.charts[1].limits = s.charts[0].limits;
  assert_int_equal(school_learn(&s), TFDC_E_LEARN);
  assert_non_null(strstr(tfdc_error_msg(&s.err), "all charts have limits of their own"));
  school_deinit(&s);
}

static void the_same_runs_give_the_same_limits_to_the_bit(void **state) {
  (void)state;
  static const struct cell cells[] = {{"A", "R1", 30}, {"B", "R1", 25}};
  struct tfdc_buf json[2] = {{0}, {0}};
  for (size_t k = 0; k < 2; k++) {
    struct school s;
    school_init(&s, 1, 64);
    fill_cells(&s, cells, TFDC_COUNT(cells));
    school_learn_ok(&s);
    assert_int_equal(model_limit_set_to_json(&s.result.limits, &json[k]), TFDC_OK);
    school_deinit(&s);
  }
  assert_int_equal(json[0].size, json[1].size);
  assert_memory_equal(json[0].data, json[1].data, json[0].size);
  tfdc_buf_deinit(&json[0]);
  tfdc_buf_deinit(&json[1]);
}

/* ---- false alarms ---- */

enum { CHAMBERS = 5, GOOD = 25, FRESH = 200 };

static double level_of(size_t chamber, size_t chart) { return 100 + 7 * (double)chamber + (double)(chart % 13); }
static double sd_of(size_t chart) { return 0.5 + 0.01 * (double)(chart % 17); }

static bool is_beyond(const struct model_limit_chart *c, size_t chamber, double x) {
  const struct model_limit_centre *centre = &c->centres[chamber];
  double scale = c->s * sqrt(1 + 1.0 / (double)centre->n), d = (x - centre->centre) / scale;
  return d > c->width_up || d < -c->width_lo;
}

/* The part of 1,000 fresh normal runs that have any chart beyond its limits, and of those with one chart 7 sd off. */
static void rates_of(size_t charts, uint64_t seed, double *ret_normal, double *ret_shifted) {
  static const char *const chambers[] = {"A", "B", "C", "D", "E"};
  struct random_source random = {seed};
  struct school s;
  school_init(&s, charts, (size_t)CHAMBERS * GOOD);
  for (size_t g = 0; g < CHAMBERS; g++)
    for (size_t i = 0; i < GOOD; i++) {
      double *x = school_run(&s, "E-1", chambers[g], "R");
      for (size_t k = 0; k < charts; k++) x[k] = level_of(g, k) + sd_of(k) * random_normal(&random);
    }
  school_learn_ok(&s);
  const struct model_limit_group *group = &s.result.limits.groups[0];
  size_t alarms = 0, found = 0;
  assert_true(group->n_charts == charts && group->charts[0].n_centres == CHAMBERS);
  for (size_t run = 0; run < (size_t)CHAMBERS * FRESH; run++) {
    size_t g = run % CHAMBERS, off = run % charts;
    bool normal = false;
    for (size_t k = 0; k < charts; k++) {
      double x = level_of(g, k) + sd_of(k) * random_normal(&random);
      normal |= is_beyond(&group->charts[k], g, x);
      if (k == off) found += is_beyond(&group->charts[k], g, x + 7 * sd_of(k));
    }
    alarms += normal;
  }
  *ret_normal = (double)alarms / (CHAMBERS * FRESH);
  *ret_shifted = (double)found / (CHAMBERS * FRESH);
  school_deinit(&s);
}

/* 1 % is the aim. One learning from 125 runs knows its own rate badly; all stay within 0.2 % and 2 %. The seeds are
 * fixed, so the figures never change. */
static void normal_runs_keep_the_budget_however_many_charts_there_are(void **state) {
  (void)state;
  static const size_t charts[] = {10, 200, 1000};
  for (size_t k = 0; k < TFDC_COUNT(charts); k++) {
    double normal = 0, shifted = 0;
    uint64_t seeds = 3 - k; /* the larger ones take longer */
    for (uint64_t seed = 1; seed <= seeds; seed++) {
      double a, b;
      rates_of(charts[k], seed, &a, &b);
      normal += a / (double)seeds;
      shifted += b / (double)seeds;
    }
    print_message("%zu charts: %.2f %% of normal runs, %.1f %% of shifts by 7 sd\n", charts[k], 100 * normal,
                  100 * shifted);
    assert_true(normal > 0.002 && normal < 0.02);
    assert_true(shifted > 0.95);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(centres_are_per_chamber_and_recipe_and_the_spread_is_pooled_over_chambers),
      cmocka_unit_test(certified_data_give_the_certified_centre_and_spread),
      cmocka_unit_test(the_individuals_of_the_handbook_have_their_mean_and_deviation),
      cmocka_unit_test(one_width_comes_from_the_largest_left_out_deviation_of_each_run),
      cmocka_unit_test(equal_values_get_the_limits_of_the_resolution),
      cmocka_unit_test(chambers_with_few_and_many_runs_share_the_spread_and_not_the_centre),
      cmocka_unit_test(a_chamber_with_two_runs_lends_its_spread_and_gets_no_centre),
      cmocka_unit_test(too_few_runs_are_an_error_with_the_numbers),
      cmocka_unit_test(a_partition_with_too_few_runs_does_not_hold_up_the_others),
      cmocka_unit_test(a_chart_that_is_never_judged_is_left_out_and_the_others_learned),
      cmocka_unit_test(missing_readings_are_left_out_of_centre_and_count),
      cmocka_unit_test(no_values_at_all_are_an_error),
      cmocka_unit_test(a_trace_that_cannot_be_read_is_counted_and_left_out),
      cmocka_unit_test(values_too_large_to_square_give_finite_limits_or_none),
      cmocka_unit_test(more_values_than_fit_are_refused_before_any_memory_is_taken),
      cmocka_unit_test(a_kept_chart_that_cannot_be_compiled_is_an_error_with_its_name),
      cmocka_unit_test(charts_with_limits_of_their_own_are_not_learned),
      cmocka_unit_test(the_same_runs_give_the_same_limits_to_the_bit),
      cmocka_unit_test(normal_runs_keep_the_budget_however_many_charts_there_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
