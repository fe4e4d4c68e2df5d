/* SPDX-License-Identifier: Apache-2.0
 * For the tests of eq: a catalogue, and a run built from arrays. */
#ifndef EQ_EQ_RUN_TEST_H
#define EQ_EQ_RUN_TEST_H

#include "support/cmocka_all.h"

#include "eq/eq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *svid, *unit;
} test_units[] = {{"Press", "mTorr"}, {"PressSp", "mTorr"}, {"RfFwd", "W"},         {"RfRefl", "W"},
                  {"Temp", "degC"},   {"TempK", "K"},       {"Flow", "sccm"},       {"Valve", "%"},
                  {"Count", "1"},     {"Mystery", ""},      {"Chuck Temp", "degC"}, {"Odd", "furlong"}};

static inline const char *test_unit(void *user, const char *svid) {
  (void)user;
  for (size_t i = 0; i < TFDC_COUNT(test_units); i++)
    if (strcmp(test_units[i].svid, svid) == 0) return test_units[i].unit;
  return NULL;
}
static inline const char *test_name_at(void *user, size_t i) {
  (void)user;
  return i < TFDC_COUNT(test_units) ? test_units[i].svid : NULL;
}
static const struct eq_catalogue test_catalogue = {NULL, test_unit, test_name_at};

static inline struct eq_program *must_compile(const char *text) {
  struct eq_program *p = NULL;
  struct tfdc_error err = {0};
  if (eq_compile(text, strlen(text), &test_catalogue, NULL, &p, &err) != TFDC_OK) fail_msg("%s: %s", text, err.msg);
  return p;
}

static inline struct eq_value eval_on(const char *text, const struct eq_run *run) {
  struct eq_program *p = must_compile(text);
  struct tfdc_arena scratch = {0};
  struct eq_value v = {0};
  assert_int_equal(eq_eval(p, run, &scratch, &v), TFDC_OK);
  tfdc_arena_deinit(&scratch);
  eq_program_destroy(p);
  assert_true(isnan(v.value) == (v.reason != EQ_OK));
  assert_true(v.quality >= 0 && v.quality <= 1);
  return v;
}

/* A run of one series `Press` with samples at whole seconds (or at t_s) from 0; it ends at the last one. */
struct test_run {
  struct eq_run run;
  struct eq_series series[4];
  int64_t t[4][400];
};

static inline void add_series(struct test_run *r, const char *name, const double *v, const double *t_s, size_t n) {
  size_t k = r->run.n_series;
  assert_true(k < 4 && n <= 400);
  for (size_t i = 0; i < n; i++) r->t[k][i] = (int64_t)llround((t_s == NULL ? (double)i : t_s[i]) * 1e6);
  r->series[k] = (struct eq_series){name, n, r->t[k], v};
  r->run.series = r->series;
  r->run.n_series = k + 1;
  if (n > 0 && r->t[k][n - 1] > r->run.end_us) r->run.end_us = r->t[k][n - 1];
}

static inline struct eq_value eval_press(const char *text, const double *v, size_t n) {
  struct test_run r = {0};
  add_series(&r, "Press", v, NULL, n);
  return eval_on(text, &r.run);
}

#define assert_close(a, b, tol) assert_true(fabs((a) - (b)) <= (tol))

#endif
