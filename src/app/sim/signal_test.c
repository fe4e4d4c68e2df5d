/* SPDX-License-Identifier: Apache-2.0
 * Responses, quantisation, statistics. */
#include "app/sim/signal.h"

#include "base/err.h"
#include "support/cmocka_all.h"

#include <math.h>

static double after(struct sim_response *r, double target, double seconds, double dt) {
  for (size_t i = 0; i < (size_t)(seconds / dt + 0.5); i++) (void)sim_response_step(r, target);
  return r->value;
}

/* 1 - exp(-t/tau), whatever the sampling. */
static void a_first_order_response_settles_exponentially(void **state) {
  (void)state;
  static const double dts[] = {0.01, 0.1, 0.5};
  for (size_t i = 0; i < TFDC_COUNT(dts); i++) {
    struct sim_response r = {.value = 10};
    sim_response_set(&r, 2, 0, dts[i]);
    assert_true(fabs(after(&r, 110, 2, dts[i]) - (110 - 100 * exp(-1))) < 1e-9);
    assert_true(fabs(after(&r, 110, 6, dts[i]) - (110 - 100 * exp(-4))) < 1e-9);
  }
}

/* The first peak of an underdamped response: at pi/wd, exp(-pi z/sqrt(1 - z^2)) above the set point. */
static void a_second_order_response_overshoots_as_its_damping_says(void **state) {
  (void)state;
  static const double dampings[] = {0.3, 0.5, 0.7};
  const double tau = 1, dt = 0.001, pi = 3.141592653589793;
  for (size_t i = 0; i < TFDC_COUNT(dampings); i++) {
    double z = dampings[i], peak = 0, at = 0;
    struct sim_response r = {0};
    sim_response_set(&r, tau, z, dt);
    for (int k = 1; k < 20000; k++) {
      double y = sim_response_step(&r, 1);
      if (y > peak) peak = y, at = k * dt;
    }
    assert_true(fabs(peak - 1 - exp(-pi * z / sqrt(1 - z * z))) < 1e-5);
    assert_true(fabs(at - pi / sqrt(1 - z * z)) < 2 * dt);
    assert_true(fabs(r.value - 1) < 0.01); /* and settles */
  }
}

static void a_response_keeps_its_state_when_its_time_constant_changes(void **state) {
  (void)state;
  struct sim_response r = {.value = 5};
  sim_response_set(&r, 1, 0, 0.1);
  double before = after(&r, 6, 1, 0.1);
  sim_response_set(&r, 10, 0, 0.1);
  assert_true(r.value == before);
  assert_true(fabs(sim_response_step(&r, 6) - (6 + (before - 6) * exp(-0.01))) < 1e-12);
}

static void quantised_values_are_multiples_within_half_a_step(void **state) {
  (void)state;
  static const double steps[] = {0.01, 0.25, 1, 10};
  for (size_t i = 0; i < TFDC_COUNT(steps); i++)
    for (double v = -37.123; v < 50; v += 0.777) {
      double q = sim_quantise(v, steps[i]), n = q / steps[i];
      assert_true(fabs(q - v) <= steps[i] / 2 * (1 + 1e-9));
      assert_true(fabs(n - floor(n + 0.5)) < 1e-6);
    }
  assert_true(sim_quantise(1.2345, 0) == 1.2345);
}

static void statistics_take_the_finite_readings(void **state) {
  (void)state;
  const double v[] = {2, (double)NAN, 4, 9, (double)INFINITY};
  assert_true(sim_statistic_of(SIM_MEAN, v, 5) == 5);
  assert_true(sim_statistic_of(SIM_MAX, v, 5) == 9);
  assert_true(fabs(sim_statistic_of(SIM_STD, v, 5) - sqrt(13)) < 1e-12);
  assert_true(isnan(sim_statistic_of(SIM_MEAN, v, 2)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_first_order_response_settles_exponentially),
      cmocka_unit_test(a_second_order_response_overshoots_as_its_damping_says),
      cmocka_unit_test(a_response_keeps_its_state_when_its_time_constant_changes),
      cmocka_unit_test(quantised_values_are_multiples_within_half_a_step),
      cmocka_unit_test(statistics_take_the_finite_readings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
