/* SPDX-License-Identifier: Apache-2.0
 * The simulated fab: its order of runs, its readings, its faults. */
#include "app/sim/fault.h"
#include "support/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct sim_options small(void) {
  struct sim_options o = SIM_OPTIONS_DEFAULT;
  o.tools = 2;
  o.chambers = 1;
  o.runs = 100;
  o.svids = 18;
  o.run_s = 30;
  o.missing = 0;
  return o;
}

static struct sim_fab fab_of(const struct sim_options *o) {
  struct sim_fab f;
  struct tfdc_error err = {0};
  if (sim_fab_init(&f, o, &err) != TFDC_OK) fail_msg("%s", tfdc_error_msg(&err));
  return f;
}

static void options_out_of_bounds_are_named(void **state) {
  (void)state;
  struct sim_fab f;
  struct tfdc_error err = {0};
  struct sim_options o = small();
  o.svids = 1;
  assert_int_equal(sim_fab_init(&f, &o, &err), TFDC_E_USAGE);
  assert_non_null(strstr(tfdc_error_msg(&err), "--svids 1"));
  o = small();
  o.size_min = 9;
  o.size_max = 6;
  assert_int_equal(sim_fab_init(&f, &o, &err), TFDC_E_USAGE);
  assert_non_null(strstr(tfdc_error_msg(&err), "--size"));
  o = small();
  o.drift = (double)NAN;
  assert_int_equal(sim_fab_init(&f, &o, &err), TFDC_E_USAGE);
}

static void runs_alternate_between_recipes_lot_by_lot(void **state) {
  (void)state;
  struct sim_options o = small();
  o.runs = 33;
  struct sim_fab f = fab_of(&o);
  int64_t count[2] = {0}, last_us = INT64_MIN;
  for (int64_t n = 0; n < o.runs; n++) {
    struct sim_run r;
    sim_run_plan(&f, 1, n, &r);
    assert_int_equal(r.recipe, n / SIM_LOT % 2);
    assert_int_equal(r.index, count[r.recipe]++);
    assert_int_equal(sim_run_number(&f, r.recipe, r.index), n);
    assert_true(r.start_us > last_us);
    last_us = r.start_us + (int64_t)(r.begin_s[f.types[1].recipes[r.recipe].n_steps] * 1e6);
  }
  for (size_t k = 0; k < 2; k++) assert_int_equal(sim_runs_of_recipe(&f, k), count[k]);
  sim_fab_deinit(&f);
  o.runs = 100;
  f = fab_of(&o);
  assert_int_equal(sim_learning_runs(&f), 50);
  sim_fab_deinit(&f);
}

static void the_same_seed_gives_the_same_bits_and_another_one_others(void **state) {
  (void)state;
  struct sim_options o = small();
  o.missing = 0.01;
  struct sim_fab f = fab_of(&o), same = fab_of(&o);
  o.seed = 2;
  struct sim_fab other = fab_of(&o);
  struct sim_trace a = {0}, b = {0}, c = {0};
  struct sim_run r;
  sim_run_plan(&f, 0, 7, &r);
  assert_int_equal(sim_trace_make(&f, &r, NULL, &a), TFDC_OK);
  sim_run_plan(&same, 0, 7, &r);
  assert_int_equal(sim_trace_make(&same, &r, NULL, &b), TFDC_OK);
  sim_run_plan(&other, 0, 7, &r);
  assert_int_equal(sim_trace_make(&other, &r, NULL, &c), TFDC_OK);
  size_t differ = 0;
  for (size_t i = 0; i < (size_t)o.svids; i++) {
    size_t n = a.n[f.types[0].sensors[i].rate];
    assert_int_equal(n, b.n[f.types[0].sensors[i].rate]);
    assert_memory_equal(a.v[i], b.v[i], n * sizeof *a.v[i]);
    differ += memcmp(a.v[i], c.v[i], 10 * sizeof *a.v[i]) != 0;
  }
  assert_true(differ > 10);
  sim_trace_deinit(&a);
  sim_trace_deinit(&b);
  sim_trace_deinit(&c);
  sim_fab_deinit(&f);
  sim_fab_deinit(&same);
  sim_fab_deinit(&other);
}

/* Chuck_Temp holds one level: what is left after the run's mean is its noise and its resolution. */
static void noise_offsets_and_resolution_are_those_of_the_sensor(void **state) {
  (void)state;
  enum { SENSOR = 6, RUNS = 60, CHAMBERS = 40 };
  struct sim_options o = small();
  o.tools = CHAMBERS;
  o.drift = 0;
  struct sim_fab f = fab_of(&o);
  const struct sim_sensor *s = &f.types[0].sensors[SENSOR];
  assert_int_equal(s->behaviour, SIM_LEVEL);
  double v[1000], squares = 0, dof = 0, sum = 0, sum_squares = 0;
  for (size_t chamber = 0; chamber < CHAMBERS; chamber += 2) {
    double level = 0;
    for (int64_t n = 0; n < RUNS; n++) {
      struct sim_run r;
      sim_run_plan(&f, chamber, n * SIM_LOT * 2, &r);
      size_t end = sim_first_sample(&f, &r, s->rate, 1);
      sim_sensor(&f, &r, SENSOR, NULL, v, end);
      double sd = sim_statistic_of(SIM_STD, v, end);
      squares += sd * sd * (double)(end - 1);
      dof += (double)(end - 1);
      level += sim_statistic_of(SIM_MEAN, v, end) / RUNS;
      assert_true(fabs(v[0] / s->svid.resolution - floor(v[0] / s->svid.resolution + 0.5)) < 1e-6);
    }
    sum += level;
    sum_squares += level * level;
  }
  double lsb = s->svid.resolution, expected = sqrt(s->noise * s->noise + lsb * lsb / 12);
  assert_true(fabs(sqrt(squares / dof) / expected - 1) < 0.03);
  double n = CHAMBERS / 2, spread = sqrt((sum_squares - sum * sum / n) / (n - 1));
  assert_true(spread > 0.5 * o.offset * s->range && spread < 1.6 * o.offset * s->range); /* 20 chambers */
  sim_fab_deinit(&f);
}

static void missing_samples_are_as_many_as_asked_for(void **state) {
  (void)state;
  struct sim_options o = small();
  o.missing = 0.01;
  struct sim_fab f = fab_of(&o);
  struct sim_trace t = {0};
  size_t missing = 0, all = 0, shorter = 0;
  for (int64_t k = 0; k < 60; k++) {
    struct sim_run r;
    sim_run_plan(&f, 0, k, &r);
    assert_int_equal(sim_trace_make(&f, &r, NULL, &t), TFDC_OK);
    for (size_t i = 0; i < (size_t)o.svids; i++)
      for (size_t j = 0; j < t.n[f.types[0].sensors[i].rate]; j++, all++) missing += isnan(t.v[i][j]) != 0;
    for (size_t g = 0; g < SIM_RATES; g++) {
      shorter += t.n[g] < sim_samples(&f, &r, g);
      for (size_t j = 1; j < t.n[g]; j++) assert_true(t.t_us[g][j] > t.t_us[g][j - 1]);
    }
  }
  double part = (double)missing / (double)all;
  assert_true(part > 0.008 && part < 0.012);
  assert_true(shorter > 10 && shorter < 50); /* a gap in every second run */
  sim_trace_deinit(&t);
  sim_fab_deinit(&f);
}

/* ---- faults ---- */

static struct sim_faults faults_of(const struct sim_fab *f) {
  struct sim_faults faults;
  struct tfdc_error err = {0};
  if (sim_faults_plan(f, &faults, &err) != TFDC_OK) fail_msg("%s", tfdc_error_msg(&err));
  return faults;
}

static void faults_come_behind_the_learning_and_never_two_at_once(void **state) {
  (void)state;
  struct sim_options o = small();
  o.tools = 4;
  o.faults = 16;
  struct sim_fab f = fab_of(&o);
  struct sim_faults faults = faults_of(&f);
  size_t of_kind[SIM_FAULT_KINDS] = {0};
  assert_int_equal(faults.n, 16);
  for (size_t i = 0; i < faults.n; i++) {
    const struct sim_fault *x = &faults.list[i];
    of_kind[x->kind]++;
    assert_true(x->n_runs >= 3 && x->n_runs <= SIM_FAULT_RUNS_MAX);
    assert_true(sim_run_number(&f, x->recipe, x->first_index) >= sim_learning_runs(&f));
    assert_true(x->first_index + x->n_runs <= sim_runs_of_recipe(&f, x->recipe));
    for (size_t k = 0; k < i; k++) {
      const struct sim_fault *y = &faults.list[k];
      if (y->chamber != x->chamber || y->recipe != x->recipe) continue;
      assert_true(y->first_index + y->n_runs < x->first_index || x->first_index + x->n_runs < y->first_index);
    }
  }
  for (size_t k = 0; k < SIM_FAULT_KINDS; k++) assert_int_equal(of_kind[k], 2);
  sim_faults_deinit(&faults);
  sim_fab_deinit(&f);
}

/* On runs that did not help to find the amount. */
static double moved_by(const struct sim_fab *f, const struct sim_fault *x, bool faulty, double *ret_sd) {
  enum { RUNS = 300 };
  double sum = 0, squares = 0, *v = calloc(4000, sizeof *v);
  size_t rate = sim_type_of(f, x->chamber)->sensors[x->sensor].rate;
  const struct sim_effect e = {x->kind, x->sensor, x->step, x->amount};
  assert_non_null(v);
  for (uint64_t i = 0; i < RUNS; i++) {
    struct sim_run r;
    sim_run_plan(f, x->chamber, sim_run_number(f, x->recipe, x->first_index), &r);
    r.draw = (UINT64_C(1) << 50) + i;
    sim_run_lay_steps(f, &r);
    size_t from = sim_first_sample(f, &r, rate, x->step), to = sim_first_sample(f, &r, rate, x->step + 1);
    sim_sensor(f, &r, x->sensor, faulty ? &e : NULL, v, to);
    double s = sim_statistic_of(x->statistic, v + from, to - from);
    sum += s;
    squares += s * s;
  }
  free(v);
  if (ret_sd != NULL) *ret_sd = sqrt((squares - sum * sum / RUNS) / (RUNS - 1));
  return sum / RUNS;
}

static void a_fault_moves_its_statistic_by_its_size(void **state) {
  (void)state;
  struct sim_options o = small();
  o.tools = 4;
  o.faults = 16;
  o.seed = 3;
  struct sim_fab f = fab_of(&o);
  struct sim_faults faults = faults_of(&f);
  for (size_t i = 0; i < faults.n; i++) {
    const struct sim_fault *x = &faults.list[i];
    if (x->kind == SIM_LOST_STEP) continue;
    double sd, normal = moved_by(&f, x, false, &sd), moved = fabs(moved_by(&f, x, true, NULL) - normal) / sd;
    assert_true(x->size >= o.size_min && x->size <= o.size_max);
    if (fabs(moved / x->size - 1) > 0.3)
      fail_msg("%s: %.1f sd instead of %.1f", sim_fault_name(x->kind), moved, x->size);
  }
  sim_faults_deinit(&faults);
  sim_fab_deinit(&f);
}

static void a_fault_touches_its_own_runs_only(void **state) {
  (void)state;
  struct sim_options o = small();
  o.faults = 8;
  struct sim_fab f = fab_of(&o);
  struct sim_faults faults = faults_of(&f);
  size_t touched = 0, planned = 0;
  for (size_t i = 0; i < faults.n; i++) planned += (size_t)faults.list[i].n_runs;
  for (size_t chamber = 0; chamber < f.n_chambers; chamber++)
    for (int64_t n = 0; n < o.runs; n++) {
      struct sim_run r, plain;
      struct sim_effect e = {0};
      sim_run_plan(&f, chamber, n, &r);
      plain = r;
      const struct sim_fault *x = sim_fault_of(&f, &faults, &r, &e);
      touched += x != NULL;
      if (x == NULL) assert_memory_equal(&r, &plain, sizeof r);
      if (x != NULL && x->kind == SIM_LOST_STEP) {
        assert_true(r.begin_s[x->step] == r.begin_s[x->step + 1]);
        assert_true(r.begin_s[f.types[f.chambers[chamber].type].recipes[r.recipe].n_steps] <
                    plain.begin_s[f.types[f.chambers[chamber].type].recipes[r.recipe].n_steps]);
      }
    }
  assert_int_equal(touched, planned);
  sim_faults_deinit(&faults);
  sim_fab_deinit(&f);
}

static void more_faults_than_runs_are_refused(void **state) {
  (void)state;
  struct sim_options o = small();
  struct tfdc_error err = {0};
  o.faults = 1000;
  struct sim_fab f = fab_of(&o);
  struct sim_faults faults;
  assert_int_equal(sim_faults_plan(&f, &faults, &err), TFDC_E_USAGE);
  assert_non_null(strstr(tfdc_error_msg(&err), "faults fit"));
  sim_fab_deinit(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_out_of_bounds_are_named),
      cmocka_unit_test(runs_alternate_between_recipes_lot_by_lot),
      cmocka_unit_test(the_same_seed_gives_the_same_bits_and_another_one_others),
      cmocka_unit_test(noise_offsets_and_resolution_are_those_of_the_sensor),
      cmocka_unit_test(missing_samples_are_as_many_as_asked_for),
      cmocka_unit_test(faults_come_behind_the_learning_and_never_two_at_once),
      cmocka_unit_test(a_fault_moves_its_statistic_by_its_size),
      cmocka_unit_test(a_fault_touches_its_own_runs_only),
      cmocka_unit_test(more_faults_than_runs_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
