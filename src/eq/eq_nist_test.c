/* SPDX-License-Identifier: Apache-2.0
 * Mean and standard deviation against the certified values of the NIST Statistical Reference Datasets (univariate,
 * public domain; the numbers are in test/golden/nist_strd). Accuracy is counted as NIST does: LRE =
 * -log10(|x - certified| / |certified|), the number of agreeing digits; 15 where they are equal. */
#include "eq/eq_run_test.h"

#include <stdio.h>

enum { MOST = 5000 };

struct sample {
  double v[MOST];
  int64_t t[MOST];
  size_t n;
};

static struct sample *read_sample(const char *name) {
  char path[512], line[64];
  struct sample *s = calloc(1, sizeof *s);
  assert_non_null(s);
  (void)snprintf(path, sizeof path, "%s/test/golden/nist_strd/%s.txt", TFDC_SOURCE_DIR, name);
  FILE *f = fopen(path, "r");
  if (f == NULL) fail_msg("%s cannot be read", path);
  while (s->n < MOST && fgets(line, sizeof line, f) != NULL) s->v[s->n++] = strtod(line, NULL);
  (void)fclose(f);
  return s;
}

/* The centre, then 500 x (centre - 0.1, centre + 0.1) as decimals. */
static struct sample *num_acc(const char *centre, const char *below, const char *above) {
  struct sample *s = calloc(1, sizeof *s);
  assert_non_null(s);
  s->v[s->n++] = strtod(centre, NULL);
  for (int i = 0; i < 500; i++) {
    s->v[s->n++] = strtod(below, NULL);
    s->v[s->n++] = strtod(above, NULL);
  }
  return s;
}

static double of(const char *text, struct sample *s) {
  for (size_t i = 0; i < s->n; i++) s->t[i] = (int64_t)i * 100000;
  struct eq_series series = {"Count", s->n, s->t, s->v};
  struct eq_run run = {.end_us = s->t[s->n - 1], .series = &series, .n_series = 1};
  return eval_on(text, &run).value;
}

static double lre(double x, double certified) {
  if (x == certified) return 15;
  double digits = -log10(fabs(x - certified) / fabs(certified));
  return digits < 15 ? digits : 15;
}

static void check(const char *name, struct sample *s, double mean, double sd, double want_sd) {
  double m = lre(of("mean(Count)", s), mean), d = lre(of("std(Count)", s), sd);
  print_message("%-9s n = %4zu  LRE of the mean %.1f, of the standard deviation %.1f\n", name, s->n, m, d);
  assert_true(m >= 14.5);
  assert_true(d >= want_sd);
  free(s);
}

static void the_certified_values_are_met(void **state) {
  (void)state;
  check("PiDigits", read_sample("PiDigits"), 4.53480000000000, 2.86733906028871, 14);
  check("Lottery", read_sample("Lottery"), 518.958715596330, 291.699727470969, 14);
  check("Lew", read_sample("Lew"), -177.435000000000, 277.332168044316, 14);
  check("Mavro", read_sample("Mavro"), 2.00185600000000, 0.000429123454003053, 13);
  check("Michelso", read_sample("Michelso"), 299.852400000000, 0.0790105478190518, 13);
}

static void a_small_spread_on_a_large_level_keeps_what_a_double_can_hold(void **state) {
  (void)state;
  struct sample *one = calloc(1, sizeof *one);
  assert_non_null(one);
  one->v[0] = 10000001;
  one->v[1] = 10000003;
  one->v[2] = 10000002;
  one->n = 3;
  check("NumAcc1", one, 10000002, 1, 15);
  check("NumAcc2", num_acc("1.2", "1.1", "1.3"), 1.2, 0.1, 14);
  /* The decimals themselves are rounded to binary: no program can do better on these two. */
  check("NumAcc3", num_acc("1000000.2", "1000000.1", "1000000.3"), 1000000.2, 0.1, 9);
  check("NumAcc4", num_acc("10000000.2", "10000000.1", "10000000.3"), 10000000.2, 0.1, 8);
}

/* The textbook formula on the same numbers must not pass: else the test could not tell. */
static void the_naive_formula_would_fail(void **state) {
  (void)state;
  struct sample *s = num_acc("10000000.2", "10000000.1", "10000000.3");
  double sum = 0, squares = 0, n = (double)s->n;
  for (size_t i = 0; i < s->n; i++) {
    sum += s->v[i];
    squares += s->v[i] * s->v[i];
  }
  double variance = (squares - n * (sum / n) * (sum / n)) / (n - 1);
  assert_true(!(variance > 0) || lre(sqrt(variance), 0.1) < 2);
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_certified_values_are_met),
      cmocka_unit_test(a_small_spread_on_a_large_level_keeps_what_a_double_can_hold),
      cmocka_unit_test(the_naive_formula_would_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
