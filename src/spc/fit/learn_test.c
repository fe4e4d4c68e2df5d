/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/fit/dist.h"
#include "spc/fit/learn.h"
#include "spc/state.h"
#include "support/cmocka_all.h"
#include "support/random.h"

#include <string.h>

#define NONE ((double)NAN)

/* A partition of `groups` x `runs` good runs of `charts` normal charts: sd 2 + chart, centres 10 * group + 100 * chart.
 */
struct world {
  size_t charts, groups, runs;
  double *x;
  uint32_t *group;
  double *floor;
  struct tfdc_arena arena;
  struct spc_learned learned;
};

static double centre_of(size_t group, size_t chart) { return 10 * (double)group + 100 * (double)chart; }
static double sd_of(size_t chart) { return 2 + (double)chart; }

static struct world world_of(size_t charts, size_t groups, size_t runs, uint64_t seed) {
  struct world w = {.charts = charts, .groups = groups, .runs = groups * runs};
  struct random_source random = {seed};
  w.x = calloc(w.runs * charts, sizeof *w.x);
  w.group = calloc(w.runs, sizeof *w.group);
  w.floor = calloc(charts, sizeof *w.floor);
  assert_true(w.x && w.group && w.floor);
  for (size_t i = 0; i < w.runs; i++) {
    w.group[i] = (uint32_t)(i % groups);
    for (size_t j = 0; j < charts; j++)
      w.x[i * charts + j] = centre_of(i % groups, j) + sd_of(j) * random_normal(&random);
  }
  return w;
}

static double *at(struct world *w, size_t run, size_t chart) { return &w->x[run * w->charts + chart]; }

static tfdc_rc learn(struct world *w, struct tfdc_error *err) {
  struct spc_learn_input in = {w->runs, w->charts, w->groups, w->x, w->group, w->floor};
  struct spc_learn_options options;
  spc_learn_options_init(&options);
  tfdc_arena_reset(&w->arena);
  return spc_learn(&in, &options, &w->arena, &w->learned, err);
}

static void learn_ok(struct world *w) {
  struct tfdc_error err = {0};
  if (learn(w, &err) != TFDC_OK) fail_msg("%s", err.msg);
}

static void end(struct world *w) {
  free(w->x);
  free(w->group);
  free(w->floor);
  tfdc_arena_deinit(&w->arena);
}

/* Tables: normal 0.95, 0.975, 0.995, 0.9995 and 1 - 1e-9; Student t 0.975 and 0.9995 for 1, 4, 10, 30, 120 dof. */
static void quantiles_are_those_of_the_tables(void **state) {
  (void)state;
  static const struct {
    double p, z;
  } normal[] = {{0.05, 1.6448536269514722},   {0.025, 1.9599639845400545}, {0.005, 2.5758293035489004},
                {0.0005, 3.2905267314918945}, {1e-9, 5.997807015008182},   {0.5, 0}};
  for (size_t i = 0; i < TFDC_COUNT(normal); i++) {
    assert_true(fabs(spc_normal_upper(normal[i].p) - normal[i].z) < 1e-12);
    assert_true(fabs(spc_normal_tail(normal[i].z) / normal[i].p - 1) < 1e-11);
    assert_true(fabs(spc_normal_upper(1 - normal[i].p) + normal[i].z) < 1e-6);
  }
  static const struct {
    double dof, t975, t9995;
  } t[] = {{1, 12.706204736174694, 636.6192487687},
           {4, 2.7764451051977987, 8.610301581379},
           {10, 2.2281388519649385, 4.5868938587},
           {30, 2.0422724563012373, 3.6459586350},
           {120, 1.9799304050824413, 3.3734537685}};
  for (size_t i = 0; i < TFDC_COUNT(t); i++) {
    assert_true(fabs(spc_t_upper(0.025, t[i].dof) / t[i].t975 - 1) < 1e-10);
    assert_true(fabs(spc_t_upper(0.0005, t[i].dof) / t[i].t9995 - 1) < 1e-6);
    assert_true(fabs(spc_t_tail(-t[i].t975, t[i].dof) - 0.975) < 1e-12);
  }
  assert_true(fabs(spc_t_upper(1e-5, 1e7) / spc_normal_upper(1e-5) - 1) < 1e-5);
  /* One degree of freedom is Cauchy's distribution: the tail at 1 is 1/4. */
  assert_true(fabs(spc_t_tail(1, 1) - 0.25) < 1e-14);
}

static void tails_and_quantiles_undo_each_other(void **state) {
  (void)state;
  struct random_source random = {5};
  for (int i = 0; i < 2000; i++) {
    double p = exp(-25 * random_unit(&random)), dof = 0.5 + 300 * random_unit(&random);
    assert_true(fabs(spc_normal_tail(spc_normal_upper(p)) / p - 1) < 1e-11);
    assert_true(fabs(spc_t_tail(spc_t_upper(p, dof), dof) / p - 1) < 1e-10);
  }
}

static void centres_are_per_group_and_the_spread_is_pooled(void **state) {
  (void)state;
  struct world w = world_of(3, 2, 40, 1);
  learn_ok(&w);
  for (size_t j = 0; j < 3; j++) {
    const struct spc_learned_chart *c = &w.learned.chart[j];
    assert_true(c->dof == 78 && c->n == 80 && c->inflation == 1);
    assert_true(fabs(c->s / sd_of(j) - 1) < 0.25);
    double ss = 0;
    for (size_t g = 0; g < 2; g++) {
      double sum = 0;
      for (size_t i = g; i < w.runs; i += 2) sum += *at(&w, i, j);
      double mean = sum / 40;
      for (size_t i = g; i < w.runs; i += 2) ss += (*at(&w, i, j) - mean) * (*at(&w, i, j) - mean);
      const struct spc_learned_centre *centre = &w.learned.centre[g * 3 + j];
      assert_true(fabs(centre->centre - mean) < 1e-9 && centre->n == 40);
    }
    assert_true(fabs(c->s - sqrt(ss / 78)) < 1e-9);
    struct spc_limit l;
    assert_int_equal(spc_learned_limit(&w.learned, 1, j, &l, NULL), TFDC_OK);
    assert_true(fabs(l.ucl - (l.centre + c->width_up * c->s * sqrt(1 + 1.0 / 40))) < 1e-9);
    assert_true(c->width_up > 2.5 && c->width_up < 5);
  }
  end(&w);
}

static void the_same_runs_give_the_same_bits(void **state) {
  (void)state;
  struct world a = world_of(20, 3, 12, 2), b = world_of(20, 3, 12, 2);
  learn_ok(&a);
  learn_ok(&b);
  assert_memory_equal(&a.learned.width, &b.learned.width, sizeof a.learned.width);
  for (size_t j = 0; j < 20; j++) {
    assert_memory_equal(&a.learned.chart[j].width_up, &b.learned.chart[j].width_up, sizeof(double));
    assert_memory_equal(&a.learned.chart[j].s, &b.learned.chart[j].s, sizeof(double));
  }
  end(&a);
  end(&b);
}

static void a_constant_chart_does_not_alarm_on_its_last_bit(void **state) {
  (void)state;
  struct world w = world_of(5, 2, 20, 3);
  w.floor[1] = 0.5 / sqrt(12.0);
  for (size_t i = 0; i < w.runs; i++) {
    *at(&w, i, 0) = 0.1 * 3;
    *at(&w, i, 1) = 7;
    *at(&w, i, 2) = 0;
  }
  learn_ok(&w);
  struct spc_limit l;
  for (size_t j = 0; j < 3; j++) assert_true(w.learned.chart[j].notes & SPC_NOTE_CONSTANT);
  assert_int_equal(w.learned.n_family, 2);
  assert_int_equal(spc_learned_limit(&w.learned, 0, 0, &l, NULL), TFDC_OK);
  assert_int_equal(spc_limit_verdict(&l, nextafter(0.1 * 3, 1)), SPC_OK);
  assert_int_equal(spc_limit_verdict(&l, 0.30001), SPC_OOC);
  assert_int_equal(spc_learned_limit(&w.learned, 0, 1, &l, NULL), TFDC_OK);
  assert_int_equal(spc_limit_verdict(&l, 7.2), SPC_OK); /* within the resolution */
  assert_int_equal(spc_limit_verdict(&l, 8), SPC_OOC);
  assert_int_equal(spc_learned_limit(&w.learned, 0, 2, &l, NULL), TFDC_OK);
  assert_int_equal(spc_limit_verdict(&l, 0), SPC_OK);
  assert_int_equal(spc_limit_verdict(&l, 1e-6), SPC_OOC);
  end(&w);
}

static void a_chart_that_counts_steps_allows_one_step_more(void **state) {
  (void)state;
  struct world w = world_of(6, 2, 30, 4);
  for (size_t i = 0; i < w.runs; i++) *at(&w, i, 0) = i == 17 ? 121 : 120;
  learn_ok(&w);
  assert_true(w.learned.chart[0].notes & SPC_NOTE_DISCRETE);
  struct spc_limit l;
  assert_int_equal(spc_learned_limit(&w.learned, 0, 0, &l, NULL), TFDC_OK);
  assert_int_equal(spc_limit_verdict(&l, 119), SPC_OK);
  assert_int_equal(spc_limit_verdict(&l, 121), SPC_OK);
  assert_int_equal(spc_limit_verdict(&l, 110), SPC_OOC);
  end(&w);
}

static void one_bad_run_among_the_good_neither_widens_nor_blinds(void **state) {
  (void)state;
  struct world w = world_of(20, 4, 25, 5);
  learn_ok(&w);
  double width = w.learned.width, s = w.learned.chart[3].s;
  for (size_t j = 0; j < 5; j++) *at(&w, 42, j) += 20 * sd_of(j);
  learn_ok(&w);
  for (size_t j = 0; j < 5; j++) {
    const struct spc_learned_chart *c = &w.learned.chart[j];
    assert_true(c->notes & SPC_NOTE_OUTLIER);
    assert_int_equal(c->t_max_run, 42);
    assert_true(c->t_max > 15);
  }
  assert_int_equal(w.learned.n_family, 15);
  assert_true(fabs(w.learned.width / width - 1) < 0.1);
  assert_true(fabs(w.learned.chart[3].s / s - 1) < 0.1);
  assert_true(w.learned.chart[3].width_up < 6);
  end(&w);
}

static void more_bad_runs_than_the_budget_are_held_by_the_limits(void **state) {
  (void)state;
  struct world w = world_of(20, 4, 25, 6);
  for (size_t j = 0; j < 6; j++) *at(&w, 10 + 7 * j, j) += 12 * sd_of(j);
  learn_ok(&w);
  for (size_t j = 0; j < 6; j++) {
    const struct spc_learned_chart *c = &w.learned.chart[j];
    assert_true(c->notes & SPC_NOTE_OUTLIER);
    struct spc_limit l;
    assert_int_equal(spc_learned_limit(&w.learned, w.group[10 + 7 * j], j, &l, NULL), TFDC_OK);
    assert_int_equal(spc_limit_verdict(&l, *at(&w, 10 + 7 * j, j)), SPC_OK);
    assert_true(c->width_lo < 6);
  }
  end(&w);
}

static void missing_values_are_left_out_and_counted(void **state) {
  (void)state;
  struct world w = world_of(4, 3, 12, 7);
  for (size_t i = 0; i < w.runs; i++) {
    if (w.group[i] == 2) *at(&w, i, 1) = NONE;
    if (i % 2) *at(&w, i, 2) = NONE;
    if (i > 4) *at(&w, i, 3) = NONE;
  }
  for (size_t j = 0; j < 4; j++) *at(&w, 0, j) = NONE;
  learn_ok(&w);
  assert_int_equal(w.learned.n_runs, w.runs - 1);
  assert_int_equal(w.learned.chart[1].n, 23);
  assert_true(w.learned.chart[1].notes & SPC_NOTE_GROUP);
  assert_true(w.learned.chart[1].dof == 21);
  struct spc_limit l;
  struct tfdc_error err = {0};
  assert_int_equal(spc_learned_limit(&w.learned, 1, 1, &l, NULL), TFDC_OK);
  assert_int_equal(spc_learned_limit(&w.learned, 2, 1, &l, &err), TFDC_E_NOT_FOUND);
  assert_non_null(strstr(err.msg, "0 good runs there"));
  assert_true(w.learned.chart[3].notes & SPC_NOTE_TOO_FEW);
  assert_int_equal(spc_learned_limit(&w.learned, 0, 3, &l, &err), TFDC_E_NOT_FOUND);
  end(&w);
}

static void too_few_runs_are_refused_with_the_numbers(void **state) {
  (void)state;
  struct world w = world_of(3, 1, 5, 8);
  struct tfdc_error err = {0};
  assert_int_equal(learn(&w, &err), TFDC_E_LEARN);
  assert_non_null(strstr(err.msg, "5 good runs; at least 8"));
  end(&w);
  w = world_of(3, 5, 2, 8); /* ten runs, two of each group: no group has a centre, 5 degrees of freedom */
  assert_int_equal(learn(&w, &err), TFDC_E_LEARN);
  assert_non_null(strstr(err.msg, "the best has 10 in 5 groups"));
  for (size_t i = 0; i < w.runs; i++) *at(&w, i, 0) = *at(&w, i, 1) = *at(&w, i, 2) = NONE;
  assert_int_equal(learn(&w, &err), TFDC_E_LEARN);
  assert_non_null(strstr(err.msg, "the best has 0 in 5 groups"));
  end(&w);
  w = world_of(3, 2, 10, 8);
  w.group[4] = 2;
  assert_int_equal(learn(&w, &err), TFDC_E_USAGE);
  end(&w);
}

static void a_drifting_chart_is_noted(void **state) {
  (void)state;
  struct world w = world_of(10, 2, 25, 9);
  for (size_t i = 0; i < w.runs; i++) *at(&w, i, 4) += 0.25 * sd_of(4) * (double)(i / 2);
  learn_ok(&w);
  for (size_t j = 0; j < 10; j++) assert_int_equal((w.learned.chart[j].notes & SPC_NOTE_DRIFT) != 0, j == 4);
  assert_true(w.learned.chart[4].ratio_mr > 1.3);
  assert_true(w.learned.chart[4].inflation > 1.5);
  end(&w);
}

static void a_lopsided_chart_is_wider_on_its_longer_side(void **state) {
  (void)state;
  struct world w = world_of(12, 6, 25, 10);
  struct random_source random = {77};
  for (size_t i = 0; i < w.runs; i++) *at(&w, i, 2) = -log(random_unit(&random));
  learn_ok(&w);
  const struct spc_learned_chart *c = &w.learned.chart[2];
  assert_true(c->notes & SPC_NOTE_SKEWED);
  assert_true(c->factor_up > 1.3 && c->width_up > 1.3 * c->width_lo / c->factor_lo);
  assert_true(c->skew > 0.8);
  end(&w);
}

struct rates {
  double ours, naive;
  size_t shifts, caught;
};

/* Learns from 6 x 25 runs of 200 charts and judges 6 x 100 fresh ones; then shifts one chart by 6 sd for 3 runs. */
static struct rates false_alarms(uint64_t seed) {
  enum { CHARTS = 200, GROUPS = 6, FRESH = 100, REPEATS = 5 };
  struct rates ret = {0};
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    struct world w = world_of(CHARTS, GROUPS, 25, seed + 2 * (uint64_t)repeat);
    struct world fresh = world_of(CHARTS, GROUPS, FRESH + 3, seed + 2 * (uint64_t)repeat + 1);
    learn_ok(&w);
    struct spc_rules rules;
    spc_rules_init_default(&rules, w.learned.warn_at);
    struct spc_state *s = calloc(GROUPS * CHARTS, sizeof *s);
    assert_non_null(s);
    bool caught[GROUPS] = {false};
    for (size_t i = 0; i < fresh.runs; i++) {
      size_t g = fresh.group[i];
      bool late = i >= (size_t)GROUPS * FRESH, ours = false, naive = false;
      if (late) *at(&fresh, i, 17 * g) -= 6 * sd_of(17 * g);
      for (size_t j = 0; j < CHARTS; j++) {
        struct spc_limit l;
        struct spc_point p;
        assert_int_equal(spc_learned_limit(&w.learned, g, j, &l, NULL), TFDC_OK);
        spc_judge(&l, &rules, *at(&fresh, i, j), &s[g * CHARTS + j], &s[g * CHARTS + j], &p);
        ours = ours || p.verdict >= SPC_OOC;
        naive = naive || fabs(spc_limit_z(&l, *at(&fresh, i, j))) > 3;
        if (late && j == 17 * g && p.verdict >= SPC_OOC) caught[g] = true;
      }
      if (late) continue;
      ret.ours += ours / (double)(GROUPS * FRESH * REPEATS);
      ret.naive += naive / (double)(GROUPS * FRESH * REPEATS);
    }
    for (size_t g = 0; g < GROUPS; g++) ret.shifts++, ret.caught += caught[g];
    free(s);
    end(&w);
    end(&fresh);
  }
  return ret;
}

/* The must-fail: 200 charts at 3 sigma would alarm on every other run. */
static void two_hundred_charts_keep_the_budget_that_three_sigma_breaks(void **state) {
  (void)state;
  struct rates r = false_alarms(2026);
  const double bar = 0.02;
  if (!(r.ours < bar)) fail_msg("false alarms %.4f", r.ours);
  if (!(r.naive > 0.35)) fail_msg("3 sigma would alarm on %.4f only", r.naive);
  assert_int_equal(r.caught, r.shifts);
}

static void learning_survives_every_failed_allocation(void **state) {
  (void)state;
  struct world w = world_of(6, 2, 12, 12);
  struct tfdc_error err = {0};
  w.arena.limit = 1;
  tfdc_rc rc = TFDC_E_NOMEM;
  for (size_t limit = 1; limit < 10000000 && rc != TFDC_OK; limit = limit * 5 / 4 + 64) {
    tfdc_arena_deinit(&w.arena);
    w.arena = (struct tfdc_arena){.limit = limit};
    rc = learn(&w, &err);
    if (rc != TFDC_OK) assert_int_equal(rc, TFDC_E_NOMEM);
  }
  assert_int_equal(rc, TFDC_OK);
  end(&w);
}

static void every_note_has_a_sentence(void **state) {
  (void)state;
  for (int i = 0; i < SPC_LEARN_NOTES; i++)
    assert_true(strlen(spc_learn_note_text((enum spc_learn_note)(1 << i))) > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quantiles_are_those_of_the_tables),
      cmocka_unit_test(tails_and_quantiles_undo_each_other),
      cmocka_unit_test(centres_are_per_group_and_the_spread_is_pooled),
      cmocka_unit_test(the_same_runs_give_the_same_bits),
      cmocka_unit_test(a_constant_chart_does_not_alarm_on_its_last_bit),
      cmocka_unit_test(a_chart_that_counts_steps_allows_one_step_more),
      cmocka_unit_test(one_bad_run_among_the_good_neither_widens_nor_blinds),
      cmocka_unit_test(more_bad_runs_than_the_budget_are_held_by_the_limits),
      cmocka_unit_test(missing_values_are_left_out_and_counted),
      cmocka_unit_test(too_few_runs_are_refused_with_the_numbers),
      cmocka_unit_test(a_drifting_chart_is_noted),
      cmocka_unit_test(a_lopsided_chart_is_wider_on_its_longer_side),
      cmocka_unit_test(two_hundred_charts_keep_the_budget_that_three_sigma_breaks),
      cmocka_unit_test(learning_survives_every_failed_allocation),
      cmocka_unit_test(every_note_has_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
