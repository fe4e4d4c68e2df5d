/* SPDX-License-Identifier: Apache-2.0
 * The drawings: scales, U-charts, traces, HTML text. */
#include "app/report/html.h"
#include "app/report/markup_test.h"
#include "app/report/scale.h"
#include "app/report/tchart.h"
#include "app/report/uchart.h"

#include <math.h>
#include <stdio.h>

#define HOSTILE "<script>alert(\"x\")</script> & 'y' \x01\xff"

/* ---- text ---- */

static void text_from_outside_is_escaped(void **state) {
  (void)state;
  struct tfdc_buf b = {0};
  html_text(&b, HOSTILE);
  assert_string_equal(markup_text(&b), "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39; "
                                       "\xEF\xBF\xBD\xEF\xBF\xBD");
  b.size = 0;
  html_text_cut(&b, "0123456789", 5);
  html_text(&b, NULL);
  assert_string_equal(markup_text(&b), "0123\xE2\x80\xA6");
  tfdc_buf_deinit(&b);
}

static void coordinates_are_short(void **state) {
  (void)state;
  static const struct {
    double at;
    const char *text;
  } cases[] = {{12, "12"}, {12.34, "12.3"}, {-0.26, "-0.3"}, {-0.04, "0"}, {99.96, "100"}, {NAN, "0"}, {1e30, "0"}};
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    struct tfdc_buf b = {0};
    html_coordinate(&b, cases[i].at);
    assert_string_equal(markup_text(&b), cases[i].text);
    tfdc_buf_deinit(&b);
  }
}

/* ---- scales ---- */

static void ticks_are_round_numbers_inside(void **state) {
  (void)state;
  static const struct {
    double lo, hi;
    size_t most, n;
    const char *first, *last;
  } cases[] = {{0, 1, 5, 6, "0.0", "1.0"},
               {47.3, 52.9, 5, 3, "48", "52"},
               {-0.031, 0.029, 5, 3, "-0.02", "0.02"},
               {1e9, 1.00001e9, 5, 6, "1000000000", "1000010000"},
               {1, 129, 8, 6, "20", "120"}};
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    struct ticks t = scale_ticks(cases[i].lo, cases[i].hi, cases[i].most);
    char a[40], b[40];
    assert_int_equal(t.n, cases[i].n);
    assert_true(scale_tick(&t, 0) >= cases[i].lo - 1e-9 && scale_tick(&t, t.n - 1) <= cases[i].hi * (1 + 1e-9) + 1e-9);
    assert_string_equal(scale_tick_text(&t, 0, a), cases[i].first);
    assert_string_equal(scale_tick_text(&t, t.n - 1, b), cases[i].last);
  }
}

static void any_two_numbers_make_a_scale(void **state) {
  (void)state;
  const double pairs[][2] = {{5, 5}, {0, 0}, {NAN, 3}, {INFINITY, -INFINITY}, {2, 1}, {-1e-300, 1e-300}};
  for (size_t i = 0; i < TFDC_COUNT(pairs); i++) {
    double lo = pairs[i][0], hi = pairs[i][1];
    scale_widen(&lo, &hi);
    assert_true(isfinite(lo) && isfinite(hi) && lo < hi);
    assert_true(scale_ticks(lo, hi, 5).n <= 6);
  }
}

static void labels_are_moved_apart(void **state) {
  (void)state;
  double at[] = {10, 12, 13, 100};
  scale_spread(at, 4, 14, 0, 110);
  for (size_t i = 1; i < 4; i++) assert_true(at[i] - at[i - 1] >= 14 - 1e-9);
  assert_true(at[0] >= 0 && at[3] <= 110);
}

/* ---- U-charts ---- */

/* How often a letter stands in the first path that begins so. */
static size_t moves_of(const char *text, const char *begin, const char *letter) {
  const char *at = strstr(text, begin);
  assert_non_null(at);
  size_t n = strcspn(at + strlen(begin), "\"");
  char *path = strndup(at + strlen(begin), n);
  assert_non_null(path);
  size_t count = markup_count(path, letter);
  free(path);
  return count;
}

enum { N = 40 };
struct made {
  struct uchart_point points[N];
  struct uchart c;
  struct tfdc_buf out;
};

static void make(struct made *m) {
  memset(m, 0, sizeof *m);
  for (size_t i = 0; i < N; i++)
    m->points[i] = (struct uchart_point){.run = "0123456789abcdef0123456789abcdef",
                                         .lot = "LOT",
                                         .wafer = "W1",
                                         .order_us = 1764000000000000 + (int64_t)i * 600000000,
                                         .value = 50 + 0.1 * (double)(i % 5),
                                         .centre = 50,
                                         .ucl = 52,
                                         .lcl = 48,
                                         .score = 0.1,
                                         .limit_version = 1};
  m->c = (struct uchart){.id = "u1",
                         .title = "mean",
                         .unit = "mTorr",
                         .points = m->points,
                         .n = N,
                         .episode_from_us = MODEL_NO_TIME,
                         .action_ucl = NAN,
                         .action_lcl = NAN,
                         .warn_at = NAN};
}

static const char *draw(struct made *m) {
  m->out.size = 0;
  uchart_draw(&m->out, &m->c);
  const char *text = markup_text(&m->out);
  markup_check(text);
  return text;
}

static void a_calm_chart_has_limits_and_no_marks(void **state) {
  (void)state;
  struct made m;
  make(&m);
  const char *text = draw(&m);
  assert_int_equal(markup_count(text, "<use "), 0);
  assert_int_equal(markup_count(text, "class=\"limit\""), 2);
  assert_int_equal(markup_count(text, "class=\"centre\""), 1);
  assert_non_null(strstr(text, "UCL 52<"));
  assert_non_null(strstr(text, "centre 50<"));
  assert_non_null(strstr(text, "LCL 48<"));
  assert_non_null(strstr(text, "mTorr"));
  assert_int_equal(markup_count(text, "h0"), N);
  assert_int_equal(markup_count(text, "<tr>"), N + 1);
  assert_non_null(strstr(text, "40 runs from 2025-11-24 16:00:00 to 2025-11-24 22:30:00: 40 OK."));
  tfdc_buf_deinit(&m.out);
}

static void each_kind_of_point_has_its_mark(void **state) {
  (void)state;
  struct made m;
  make(&m);
  m.points[10].verdict = MODEL_WARN;
  m.points[20].verdict = MODEL_OOC;
  m.points[20].value = 52.3;
  m.points[21].verdict = MODEL_ACTION;
  m.points[21].value = 53.4;
  m.points[30].verdict = MODEL_NOT_JUDGED;
  m.points[30].reason = MODEL_REASON_PARTIAL;
  m.points[30].value = NAN;
  m.points[31].late = true;
  m.c.episode_from_us = m.points[20].order_us;
  m.c.episode_to_us = m.points[24].order_us;
  const char *text = draw(&m);
  static const char *const marks[] = {"#m-warn", "#m-ooc", "#m-action", "#m-none", "#m-late", "class=\"episode\""};
  for (size_t i = 0; i < TFDC_COUNT(marks); i++) assert_int_equal(markup_count(text, marks[i]), 1);
  assert_non_null(strstr(text, "NOT_JUDGED(PARTIAL)"));
  assert_non_null(strstr(text, "OK, late"));
  assert_int_equal(moves_of(text, "class=\"joined\" d=\"", "M"), 2); /* the line breaks where a value is missing */
  tfdc_buf_deinit(&m.out);
}

static void one_spike_does_not_flatten_the_chart(void **state) {
  (void)state;
  struct made m;
  make(&m);
  m.points[20].verdict = MODEL_ACTION;
  m.points[20].value = 5000;
  m.points[22].verdict = MODEL_ACTION;
  m.points[22].value = -5000;
  const char *text = draw(&m);
  assert_int_equal(markup_count(text, "#m-up"), 1);
  assert_int_equal(markup_count(text, "#m-down"), 1);
  assert_non_null(strstr(text, ">5000</text>"));
  assert_non_null(strstr(text, "UCL 52<")); /* still on the drawing */
  tfdc_buf_deinit(&m.out);
}

static void old_points_keep_the_limits_that_judged_them(void **state) {
  (void)state;
  struct made m;
  make(&m);
  for (size_t i = 25; i < N; i++) m.points[i].ucl = 51, m.points[i].limit_version = 2;
  const char *text = draw(&m);
  assert_non_null(strstr(text, "limits 2<"));
  assert_int_equal(moves_of(text, "class=\"limit\" d=\"", "V"), 1);
  assert_non_null(strstr(text, "UCL 51<"));
  assert_int_equal(moves_of(text, "class=\"joined\" d=\"", "M"), 2);
  tfdc_buf_deinit(&m.out);
}

static void a_pause_of_the_chamber_is_a_gap(void **state) {
  (void)state;
  struct made m;
  make(&m);
  for (size_t i = 15; i < N; i++) m.points[i].order_us += INT64_C(3) * 86400 * 1000000;
  const char *text = draw(&m);
  assert_int_equal(markup_count(text, "class=\"gap\""), 1);
  assert_non_null(strstr(text, "3 d 0 h"));
  assert_int_equal(moves_of(text, "class=\"joined\" d=\"", "M"), 2);
  tfdc_buf_deinit(&m.out);
}

static void smaller_limits_are_dotted_where_they_are_known(void **state) {
  (void)state;
  struct made m;
  make(&m);
  assert_int_equal(markup_count(draw(&m), "class=\"warn-limit\""), 0);
  m.c.warn_at = 0.75;
  m.points[5].centre = 50.5; /* a centre that follows moves them with it */
  const char *text = draw(&m);
  assert_int_equal(markup_count(text, "class=\"warn-limit\""), 2);
  assert_int_equal(moves_of(text, "class=\"warn-limit\" d=\"", "V"), 2);
  for (size_t i = 0; i < N; i++) m.points[i].ucl = NAN;
  assert_int_equal(markup_count(draw(&m), "class=\"warn-limit\""), 1);
  m.c.action_ucl = 51;
  assert_int_equal(markup_count(draw(&m), "class=\"action\""), 1);
  tfdc_buf_deinit(&m.out);
}

static void one_sided_and_missing_limits_are_left_out(void **state) {
  (void)state;
  struct made m;
  make(&m);
  for (size_t i = 0; i < N; i++) m.points[i].lcl = NAN;
  const char *text = draw(&m);
  assert_int_equal(markup_count(text, "class=\"limit\""), 1);
  assert_null(strstr(text, "LCL "));
  for (size_t i = 0; i < N; i++) {
    m.points[i].ucl = m.points[i].centre = NAN;
    m.points[i].verdict = MODEL_NOT_JUDGED;
    m.points[i].reason = MODEL_REASON_NO_LIMITS;
  }
  text = draw(&m);
  assert_int_equal(markup_count(text, "class=\"limit\""), 0);
  assert_int_equal(markup_count(text, "#m-none"), N);
  m.c.n = 1;
  (void)draw(&m);
  m.c.n = 0;
  assert_non_null(strstr(draw(&m), "No points."));
  tfdc_buf_deinit(&m.out);
}

static void hostile_names_stay_text(void **state) {
  (void)state;
  struct made m;
  make(&m);
  m.points[3].lot = m.points[3].wafer = HOSTILE;
  m.c.title = HOSTILE;
  m.c.unit = HOSTILE;
  const char *text = draw(&m);
  assert_null(strstr(text, "<script"));
  assert_non_null(strstr(text, "&lt;script&gt;"));
  tfdc_buf_deinit(&m.out);
}

/* ---- traces ---- */

enum { SAMPLES = 100, GOOD = 5 };
struct traces {
  double t[SAMPLES], v[GOOD + 1][SAMPLES];
  struct tchart_run runs[GOOD + 1];
  struct tchart_step steps[2];
  struct tchart c;
  struct tfdc_buf out;
};

static void make_traces(struct traces *m) {
  memset(m, 0, sizeof *m);
  for (size_t i = 0; i < SAMPLES; i++) {
    m->t[i] = 0.1 * (double)i;
    for (size_t k = 0; k <= GOOD; k++) m->v[k][i] = 50 + 0.01 * (double)k + (k == 0 ? 1 : 0);
  }
  for (size_t k = 0; k <= GOOD; k++)
    m->runs[k] = (struct tchart_run){.label = "wafer <7>", .alarmed = k == 0, .t_s = m->t, .v = m->v[k], .n = SAMPLES};
  m->steps[0] = (struct tchart_step){.name = "PUMP", .from_s = 0, .to_s = 4};
  m->steps[1] = (struct tchart_step){.name = "<ETCH>", .from_s = 4, .to_s = 10};
  m->c = (struct tchart){.id = "t1",
                         .title = "press",
                         .unit = "mTorr",
                         .zero = "start of the run",
                         .runs = m->runs,
                         .n = GOOD + 1,
                         .steps = m->steps,
                         .n_steps = 2,
                         .from_s = 0,
                         .to_s = 10,
                         .focus_from_s = NAN,
                         .focus_to_s = NAN};
}

static const char *draw_traces(struct traces *m) {
  m->out.size = 0;
  tchart_draw(&m->out, &m->c);
  const char *text = markup_text(&m->out);
  markup_check(text);
  return text;
}

static void the_alarmed_run_lies_over_the_good_ones(void **state) {
  (void)state;
  struct traces m;
  make_traces(&m);
  const char *text = draw_traces(&m);
  assert_int_equal(markup_count(text, "<path class=\"good\""), GOOD + 1); /* and the sample at the label */
  assert_int_equal(markup_count(text, "<path class=\"bad\""), 3);         /* trace, label, difference */
  assert_int_equal(markup_count(text, "class=\"band\""), 1);
  assert_int_equal(markup_count(text, "<rect class=\"step"), 2);
  assert_non_null(strstr(text, ">&lt;ETCH&gt;<"));
  assert_non_null(strstr(text, "wafer &lt;7&gt;"));
  assert_non_null(strstr(text, "5 good runs"));
  assert_true(strstr(text, "\"good\"") < strstr(text, "\"bad\""));
  tfdc_buf_deinit(&m.out);
}

static void a_trace_without_good_runs_or_readings_is_drawn(void **state) {
  (void)state;
  struct traces m;
  make_traces(&m);
  m.c.n = 1;
  for (size_t i = 40; i < 60; i++) m.v[0][i] = NAN;
  const char *text = draw_traces(&m);
  assert_int_equal(markup_count(text, "class=\"band\""), 0);
  assert_int_equal(moves_of(text, "class=\"bad\" d=\"", "M"), 2); /* two stretches */
  for (size_t i = 0; i < SAMPLES; i++) m.v[0][i] = NAN;
  (void)draw_traces(&m);
  tfdc_buf_deinit(&m.out);
}

static void between_two_readings_a_trace_is_a_straight_line(void **state) {
  (void)state;
  const double t[] = {0, 1, 2, 3}, v[] = {10, 20, NAN, 5};
  const struct tchart_run r = {.t_s = t, .v = v, .n = 4};
  assert_true(isnan(tchart_at(&r, -0.1)) && isnan(tchart_at(&r, 1.5)) && isnan(tchart_at(&r, 2.5)));
  assert_true(isnan(tchart_at(&r, 3.1)) && tchart_at(&r, 3) == 5);
  assert_true(tchart_at(&r, 0) == 10 && tchart_at(&r, 0.25) == 12.5 && tchart_at(&r, 1) == 20);
  const struct tchart_run none = {.n = 0};
  assert_true(isnan(tchart_at(&none, 0)));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(text_from_outside_is_escaped),
                                     cmocka_unit_test(coordinates_are_short),
                                     cmocka_unit_test(ticks_are_round_numbers_inside),
                                     cmocka_unit_test(any_two_numbers_make_a_scale),
                                     cmocka_unit_test(labels_are_moved_apart),
                                     cmocka_unit_test(a_calm_chart_has_limits_and_no_marks),
                                     cmocka_unit_test(each_kind_of_point_has_its_mark),
                                     cmocka_unit_test(one_spike_does_not_flatten_the_chart),
                                     cmocka_unit_test(old_points_keep_the_limits_that_judged_them),
                                     cmocka_unit_test(a_pause_of_the_chamber_is_a_gap),
                                     cmocka_unit_test(smaller_limits_are_dotted_where_they_are_known),
                                     cmocka_unit_test(one_sided_and_missing_limits_are_left_out),
                                     cmocka_unit_test(hostile_names_stay_text),
                                     cmocka_unit_test(the_alarmed_run_lies_over_the_good_ones),
                                     cmocka_unit_test(a_trace_without_good_runs_or_readings_is_drawn),
                                     cmocka_unit_test(between_two_readings_a_trace_is_a_straight_line)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
