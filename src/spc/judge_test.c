/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/episode.h"
#include "spc/limits.h"
#include "spc/state.h"
#include "support/cmocka_all.h"
#include "support/random.h"

#include <string.h>

#define NONE ((double)NAN)

static const struct spc_limit_basis basis = {
    .centre = 10, .s = 2, .width_lo = 3, .width_up = 4, .n_centre = 25, .n_pool = 144};

static void limits_widen_by_the_error_of_the_centre(void **state) {
  (void)state;
  struct spc_limit l;
  assert_int_equal(spc_limit_init_basis(&l, &basis, NULL), TFDC_OK);
  double sp = 2 * sqrt(1 + 1.0 / 25);
  assert_true(l.ucl == 10 + 4 * sp && l.lcl == 10 - 3 * sp);
  assert_true(fabs(spc_limit_u(&l, 10 + 2 * sp) - 0.5) < 1e-15);
  assert_true(fabs(spc_limit_u(&l, 10 - 1.5 * sp) + 0.5) < 1e-15);
  assert_true(fabs(spc_limit_z(&l, 10 + 2 * sp) - 2) < 1e-15);
  assert_true(spc_limit_u(&l, 10) == 0);
  assert_true(isnan(spc_limit_u(&l, NONE)));
}

/* NIST handbook, individuals chart: mean 50.81, mean moving range 1.8778; 45.8176 / 55.8024 with the exact d2. */
static void the_individuals_chart_of_the_nist_handbook(void **state) {
  (void)state;
  static const double x[] = {49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1};
  double mean = 0, mr = 0;
  for (int i = 0; i < 10; i++) mean += x[i] / 10;
  for (int i = 1; i < 10; i++) mr += fabs(x[i] - x[i - 1]) / 9;
  struct spc_limit_basis b = {.centre = mean, .s = mr / 1.1283791670955126, .width_lo = 3, .width_up = 3};
  struct spc_limit l;
  assert_int_equal(spc_limit_init_basis(&l, &b, NULL), TFDC_OK);
  assert_true(fabs(l.lcl - 45.8176) < 5e-5 && fabs(l.ucl - 55.8024) < 5e-5);
}

static void u_and_the_limit_never_disagree(void **state) {
  (void)state;
  struct random_source random = {3};
  for (int i = 0; i < 100000; i++) {
    struct spc_limit_basis b = basis;
    b.centre = 1e6 * random_normal(&random);
    b.s = exp(-20 * random_unit(&random));
    struct spc_limit l;
    if (spc_limit_init_basis(&l, &b, NULL) != TFDC_OK) continue;
    double x = l.ucl;
    for (int k = 0; k < 4; k++, x = nextafter(x, INFINITY)) assert_int_equal(spc_limit_u(&l, x) > 1, x > l.ucl);
    x = l.lcl;
    for (int k = 0; k < 4; k++, x = nextafter(x, -INFINITY)) assert_int_equal(spc_limit_u(&l, x) < -1, x < l.lcl);
  }
}

static void u_rises_above_one_even_where_the_distance_rounds(void **state) {
  (void)state;
  /* Below 8 doubles lie closer than above it: 8 + 2 and its neighbours' distances from -2 round to the same number. */
  double ucl = 8;
  for (int k = 0; k < 20; k++) {
    ucl = nextafter(ucl, 0);
    struct spc_limit up, down;
    assert_int_equal(spc_limit_init_fixed(&up, -2, NONE, ucl, NULL), TFDC_OK);
    assert_int_equal(spc_limit_init_fixed(&down, 2, -ucl, NONE, NULL), TFDC_OK);
    double x = nextafter(ucl, INFINITY);
    assert_true(spc_limit_u(&up, x) > 1 && spc_limit_u(&up, ucl) <= 1);
    assert_true(spc_limit_u(&down, -x) < -1 && spc_limit_u(&down, -ucl) >= -1);
  }
}

static void a_side_without_a_limit_is_never_violated(void **state) {
  (void)state;
  struct spc_limit_basis b = basis;
  b.width_lo = 0;
  struct spc_limit l;
  assert_int_equal(spc_limit_init_basis(&l, &b, NULL), TFDC_OK);
  assert_true(isnan(l.lcl));
  assert_true(spc_limit_u(&l, -1e300) == 0);
  assert_int_equal(spc_limit_verdict(&l, -1e300), SPC_OK);
  assert_int_equal(spc_limit_verdict(&l, 1e300), SPC_OOC);
}

static void fixed_limits_work_with_either_side_missing(void **state) {
  (void)state;
  struct spc_limit l;
  assert_int_equal(spc_limit_init_fixed(&l, NONE, 2, 4, NULL), TFDC_OK);
  assert_true(l.centre == 3 && spc_limit_u(&l, 3.5) == 0.5 && spc_limit_u(&l, 5) == 2);
  assert_int_equal(spc_limit_init_fixed(&l, NONE, NONE, 4, NULL), TFDC_OK);
  assert_true(spc_limit_u(&l, 4) == 0 && spc_limit_u(&l, 4.5) == 1.25 && spc_limit_u(&l, -1e9) == 0);
  assert_int_equal(spc_limit_init_fixed(&l, 1, NONE, 4, NULL), TFDC_OK);
  assert_true(spc_limit_u(&l, 2.5) == 0.5 && spc_limit_u(&l, -100) == 0);
  struct spc_limit before = l;
  struct tfdc_error err = {0};
  assert_int_equal(spc_limit_init_fixed(&l, NONE, NONE, NONE, &err), TFDC_E_RANGE);
  assert_int_equal(spc_limit_init_fixed(&l, NONE, 4, 4, &err), TFDC_E_RANGE);
  assert_int_equal(spc_limit_init_fixed(&l, 5, 2, 4, &err), TFDC_E_RANGE);
  assert_int_equal(spc_limit_init_fixed(&l, 2, 2, 4, &err), TFDC_E_RANGE);
  assert_int_equal(spc_limit_set_action(&l, 5, 4, &err), TFDC_E_RANGE);
  assert_memory_equal(&l, &before, sizeof l);
}

static void a_basis_out_of_range_is_refused_by_name(void **state) {
  (void)state;
  struct spc_limit l;
  struct tfdc_error err = {0};
  struct spc_limit_basis b = basis;
  b.s = 0;
  assert_int_equal(spc_limit_init_basis(&l, &b, &err), TFDC_E_RANGE);
  assert_non_null(strstr(err.msg, "s 0"));
  b = basis;
  b.n_centre = 0.5;
  assert_int_equal(spc_limit_init_basis(&l, &b, &err), TFDC_E_RANGE);
  b = basis;
  b.width_up = -1;
  assert_int_equal(spc_limit_init_basis(&l, &b, &err), TFDC_E_RANGE);
  b = basis;
  b.s = 1e-20; /* vanishes beside the centre */
  assert_int_equal(spc_limit_init_basis(&l, &b, &err), TFDC_E_RANGE);
}

static void a_point_is_judged_by_limits_and_rules(void **state) {
  (void)state;
  struct spc_limit l;
  assert_int_equal(spc_limit_init_basis(&l, &basis, NULL), TFDC_OK);
  assert_int_equal(spc_limit_set_action(&l, NONE, 15, NULL), TFDC_OK);
  struct spc_rules rules;
  spc_rules_init_default(&rules, 0.9);
  struct spc_state s;
  spc_state_init(&s);
  struct spc_point p;
  spc_judge(&l, &rules, 10, &s, &s, &p);
  assert_int_equal(p.verdict, SPC_OK);
  spc_judge(&l, &rules, 15.1, &s, &s, &p); /* inside the control limit, beyond the action limit */
  assert_int_equal(p.verdict, SPC_ACTION);
  assert_true(p.u > 0 && p.u < 1 && p.score == p.u);
  spc_judge(&l, &rules, 10 - 1.01 * (10 - l.lcl), &s, &s, &p);
  assert_int_equal(p.verdict, SPC_OOC);
  assert_true(p.u < -1 && p.score > 1 && (p.fired & 2));
  struct spc_state before = s;
  spc_judge(&l, &rules, NONE, &before, &s, &p);
  assert_int_equal(p.verdict, SPC_NOT_JUDGED);
  assert_int_equal(s.gap, 1);
  spc_judge(NULL, &rules, 10, &before, &s, &p);
  assert_int_equal(p.verdict, SPC_NOT_JUDGED);
  assert_true(isnan(p.score));
}

static void fixed_limits_are_judged_without_run_rules(void **state) {
  (void)state;
  struct spc_limit l;
  assert_int_equal(spc_limit_init_fixed(&l, NONE, 0, 10, NULL), TFDC_OK);
  assert_int_equal(spc_limit_set_action(&l, -5, 20, NULL), TFDC_OK);
  struct spc_rules rules;
  spc_rules_init_default(&rules, 0.9);
  struct spc_state s;
  spc_state_init(&s);
  static const double x[] = {9.9, 9.9, 10, 10.1, 19, 21, -6};
  static const enum spc_verdict want[] = {SPC_OK, SPC_OK, SPC_OK, SPC_OOC, SPC_OOC, SPC_ACTION, SPC_ACTION};
  for (size_t i = 0; i < TFDC_COUNT(x); i++) {
    struct spc_point p;
    spc_judge(&l, &rules, x[i], &s, &s, &p);
    assert_int_equal(p.verdict, want[i]);
    assert_int_equal(p.fired, 0);
  }
}

static void an_adapting_centre_follows_good_runs_and_no_alarm(void **state) {
  (void)state;
  struct spc_limit l;
  assert_int_equal(spc_limit_init_basis(&l, &basis, NULL), TFDC_OK);
  assert_int_equal(spc_limit_set_adapt(&l, 0.1, 2, NULL), TFDC_OK);
  struct spc_rules rules;
  spc_rules_init_default(&rules, 0.9);
  struct spc_state s;
  struct spc_point p;
  spc_state_init(&s);
  spc_judge(&l, &rules, 12, &s, &s, &p);
  assert_true(p.centre == 10 && p.ucl == l.ucl && p.lcl == l.lcl);
  assert_true(s.offset == 0.1);
  spc_judge(&l, &rules, 30, &s, &s, &p);
  assert_true(p.verdict >= SPC_OOC && s.offset == 0.1 && fabs(p.centre - 10.2) < 1e-12);
  assert_true(fabs(p.ucl - p.centre - (l.ucl - l.centre)) < 1e-12);
  spc_judge(&l, &rules, NONE, &s, &s, &p);
  assert_true(s.offset == 0.1 && fabs(p.centre - 10.2) < 1e-12);
  /* 0.05 s a run: judged without an alarm until the centre may go no farther, and then the fault is seen. */
  bool alarmed = false;
  double last = 0;
  for (int i = 0; i < 400 && !alarmed; i++) {
    spc_judge(&l, &rules, last = 10 + 2 * 0.05 * i, &s, &s, &p);
    alarmed = p.verdict >= SPC_OOC;
    assert_true(fabs(s.offset) <= 2);
  }
  assert_true(alarmed && last > 10 + 2 * 5.6);
  assert_int_equal(spc_limit_set_adapt(&l, 0.5, 2, NULL), TFDC_E_RANGE);
  assert_int_equal(spc_limit_set_adapt(&l, 0.1, 9, NULL), TFDC_E_RANGE);
  assert_int_equal(spc_limit_init_fixed(&l, NONE, 0, 10, NULL), TFDC_OK);
  assert_int_equal(spc_limit_set_adapt(&l, 0.1, 2, NULL), TFDC_E_RANGE);
}

static void the_worst_verdict_is_never_not_judged_beside_a_judged_one(void **state) {
  (void)state;
  assert_int_equal(spc_verdict_worst(SPC_NOT_JUDGED, SPC_OK), SPC_OK);
  assert_int_equal(spc_verdict_worst(SPC_OOC, SPC_NOT_JUDGED), SPC_OOC);
  assert_int_equal(spc_verdict_worst(SPC_WARN, SPC_ACTION), SPC_ACTION);
  assert_int_equal(spc_verdict_worst(SPC_NOT_JUDGED, SPC_NOT_JUDGED), SPC_NOT_JUDGED);
}

static struct spc_episode_run run_of(int i, enum spc_verdict v, double score) {
  struct spc_episode_run r = {.order_time_us = 1000 * i, .verdict = v, .score = score};
  r.id[0] = (uint8_t)i;
  return r;
}

static void an_episode_opens_updates_and_clears(void **state) {
  (void)state;
  static const struct {
    enum spc_verdict verdict;
    enum spc_episode_act act;
  } story[] = {{SPC_OK, SPC_EPISODE_NONE},         {SPC_OOC, SPC_EPISODE_OPEN},      {SPC_OK, SPC_EPISODE_NONE},
               {SPC_OK, SPC_EPISODE_NONE},         {SPC_ACTION, SPC_EPISODE_UPDATE}, {SPC_OK, SPC_EPISODE_NONE},
               {SPC_NOT_JUDGED, SPC_EPISODE_NONE}, {SPC_OK, SPC_EPISODE_NONE},       {SPC_WARN, SPC_EPISODE_NONE},
               {SPC_OK, SPC_EPISODE_NONE},         {SPC_OK, SPC_EPISODE_NONE},       {SPC_OK, SPC_EPISODE_CLEAR},
               {SPC_OK, SPC_EPISODE_NONE},         {SPC_OOC, SPC_EPISODE_OPEN}};
  struct spc_episode e, cleared = {0};
  spc_episode_init(&e);
  for (int i = 0; i < (int)TFDC_COUNT(story); i++) {
    struct spc_episode_run r = run_of(i, story[i].verdict, i);
    assert_int_equal(spc_episode_step(&e, &r, 0, &e), story[i].act);
    if (story[i].act == SPC_EPISODE_CLEAR) cleared = e;
  }
  assert_false(cleared.open);
  assert_int_equal(cleared.serial, 1);
  assert_int_equal(cleared.alarms, 2);
  assert_int_equal(cleared.runs, 10);
  assert_int_equal(cleared.worst, SPC_ACTION);
  assert_int_equal(cleared.first_id[0], 1);
  assert_int_equal(cleared.first_time_us, 1000);
  assert_int_equal(cleared.last_time_us, 4000);
  assert_true(cleared.peak == 4);
  assert_true(e.open && e.serial == 2 && e.alarms == 1 && e.first_id[0] == 13 && e.worst == SPC_OOC);
}

static void a_missing_step_alarms_at_once_and_other_gaps_are_skipped(void **state) {
  (void)state;
  struct spc_episode e;
  spc_episode_init(&e);
  struct spc_episode_run r = run_of(1, SPC_NOT_JUDGED, NONE);
  assert_int_equal(spc_episode_step(&e, &r, 0, &e), SPC_EPISODE_NONE);
  assert_false(e.open);
  r.missing_step = true;
  assert_int_equal(spc_episode_step(&e, &r, 0, &e), SPC_EPISODE_OPEN);
  assert_int_equal(e.worst, SPC_NOT_JUDGED);
  assert_true(isnan(e.peak));
}

static void an_episode_resumed_at_every_run_equals_one_straight_run(void **state) {
  (void)state;
  struct random_source random = {11};
  struct spc_episode straight;
  spc_episode_init(&straight);
  struct tfdc_buf row = {0};
  spc_episode_encode(&straight, &row);
  for (int i = 0; i < 5000; i++) {
    struct spc_episode_run r = run_of(i, (enum spc_verdict)(random_u64(&random) % 5), random_unit(&random));
    if (random_unit(&random) < 0.6) r.verdict = SPC_OK;
    if (r.verdict == SPC_NOT_JUDGED) r.score = NONE;
    r.missing_step = random_unit(&random) < 0.3;
    enum spc_episode_act act = spc_episode_step(&straight, &r, 0, &straight);
    struct spc_episode resumed;
    struct tfdc_cursor in = tfdc_cursor_on(row.data, row.size);
    assert_int_equal(spc_episode_decode(&in, &resumed, NULL), TFDC_OK);
    assert_int_equal(spc_episode_step(&resumed, &r, 0, &resumed), act);
    row.size = 0;
    spc_episode_encode(&resumed, &row);
    struct tfdc_buf again = {0};
    spc_episode_encode(&straight, &again);
    assert_int_equal(row.size, again.size);
    assert_in_range(row.size, 1, SPC_EPISODE_BYTES_MAX);
    assert_memory_equal(row.data, again.data, row.size);
    tfdc_buf_deinit(&again);
  }
  for (size_t n = 0; n < row.size; n++) {
    struct tfdc_cursor in = tfdc_cursor_on(row.data, n);
    struct spc_episode e;
    assert_int_equal(spc_episode_decode(&in, &e, NULL), TFDC_E_TRUNCATED);
  }
  row.data[2] = 9;
  struct tfdc_cursor in = tfdc_cursor_on(row.data, row.size);
  struct spc_episode e;
  assert_int_equal(spc_episode_decode(&in, &e, NULL), TFDC_E_MALFORMED);
  row.data[0] = 2;
  in = tfdc_cursor_on(row.data, row.size);
  assert_int_equal(spc_episode_decode(&in, &e, NULL), TFDC_E_SCHEMA);
  tfdc_buf_deinit(&row);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits_widen_by_the_error_of_the_centre),
      cmocka_unit_test(the_individuals_chart_of_the_nist_handbook),
      cmocka_unit_test(u_and_the_limit_never_disagree),
      cmocka_unit_test(u_rises_above_one_even_where_the_distance_rounds),
      cmocka_unit_test(a_side_without_a_limit_is_never_violated),
      cmocka_unit_test(fixed_limits_work_with_either_side_missing),
      cmocka_unit_test(a_basis_out_of_range_is_refused_by_name),
      cmocka_unit_test(a_point_is_judged_by_limits_and_rules),
      cmocka_unit_test(fixed_limits_are_judged_without_run_rules),
      cmocka_unit_test(an_adapting_centre_follows_good_runs_and_no_alarm),
      cmocka_unit_test(the_worst_verdict_is_never_not_judged_beside_a_judged_one),
      cmocka_unit_test(an_episode_opens_updates_and_clears),
      cmocka_unit_test(a_missing_step_alarms_at_once_and_other_gaps_are_skipped),
      cmocka_unit_test(an_episode_resumed_at_every_run_equals_one_straight_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
