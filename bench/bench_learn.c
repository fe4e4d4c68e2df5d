/* SPDX-License-Identifier: Apache-2.0
 * The simulation study behind docs/learning.md: how many fresh normal runs alarm under limits learned from good runs,
 * and whether a shift is caught. Usage: bench_learn [fresh runs per line, default 20000] [seed] [scenario from 0, -1
 * all] [adapting centre 0 or 1]. */
#include "spc/fit/learn.h"
#include "spc/state.h"
#include "support/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS_PER_GROUP = 25, FRESH = 50, SHIFT_RUNS = 3 };

/* The centre follows a twentieth of each good run's deviation, at most this many s. */
#define ADAPT     0.05
#define ADAPT_MAX 2.0

enum shape { NORMAL, BLOCKS, T8, SKEWED, MIXED, DRIFT, DRIFT_ON, AUTOCORR, BAD_RUN };
static const struct scenario {
  const char *name;
  enum shape shape;
} shapes[] = {{"independent, normal", NORMAL},
              {"correlated in blocks of 8", BLOCKS},
              {"t with 8 dof", T8},
              {"a third are maxima of 50", SKEWED},
              {"correlated, a third maxima, a third t8", MIXED},
              {"drift 0.5 sd over 25 runs, then flat", DRIFT},
              {"drift 0.5 sd over 25 runs that goes on", DRIFT_ON},
              {"autocorrelation 0.5", AUTOCORR},
              {"normal, one good run 10 sd off on every tenth chart", BAD_RUN}};

struct fab {
  enum shape shape;
  size_t charts, groups;
  struct random_source random;
  double adapt;
  double *offset; /* groups x charts: centres */
  double *memory; /* groups x charts: AR(1) */
};

static double t8(struct random_source *r) {
  double q = 0, z = random_normal(r);
  for (int i = 0; i < 8; i++) {
    double v = random_normal(r);
    q += v * v;
  }
  return z / sqrt(q / 8) / sqrt(8.0 / 6.0);
}

/* Largest of 50 normal readings, to mean 0 and sd 1. */
static double maximum(struct random_source *r) {
  double m = -INFINITY;
  for (int i = 0; i < 50; i++) m = fmax(m, random_normal(r));
  return (m - 2.24907) / 0.46478;
}

static double draw(struct fab *f, size_t chart, double common, double block) {
  bool correlated = f->shape == BLOCKS || f->shape == MIXED;
  bool tail = f->shape == T8 || (f->shape == MIXED && chart % 3 == 1);
  bool skewed = (f->shape == SKEWED || f->shape == MIXED) && chart % 3 == 0;
  double own = skewed ? maximum(&f->random) : tail ? t8(&f->random) : random_normal(&f->random);
  /* Shares of variance: 0.2 common to the run, 0.5 to the block, 0.3 its own. */
  if (correlated && !skewed && !tail) return sqrt(0.2) * common + sqrt(0.5) * block + sqrt(0.3) * own;
  return own;
}

/* One run of a group; `index` counts its runs from 0. */
static void run_values(struct fab *f, size_t group, size_t index, bool learning, double *x) {
  double common = random_normal(&f->random), block = 0;
  for (size_t j = 0; j < f->charts; j++) {
    if (j % 8 == 0) block = random_normal(&f->random);
    double v = draw(f, j, common, block);
    size_t at = group * f->charts + j;
    if (f->shape == DRIFT_ON) v += 0.5 * (double)index / RUNS_PER_GROUP;
    if (f->shape == AUTOCORR) v = f->memory[at] = 0.5 * f->memory[at] + sqrt(0.75) * v;
    if (f->shape == DRIFT) v += 0.5 * fmin((double)index, RUNS_PER_GROUP) / RUNS_PER_GROUP;
    if (f->shape == BAD_RUN && learning && group == 0 && index == 7 && j % 10 == 0) v += 10;
    x[j] = f->offset[at] + v;
  }
}

struct tally {
  uint64_t runs, alarms, warns, naive, shifts, caught;
  double width, charts_eff, worst; /* worst: largest false-alarm rate of one learning */
  uint64_t learnings;
};

static void *array(size_t n, size_t size) {
  void *p = calloc(n, size);
  if (!p) exit(1);
  return p;
}

/* Judges fresh runs of one group. Shifts one chart by `shift` sd in the last SHIFT_RUNS of them, which are counted
 * apart; returns the alarms among the others. */
static uint64_t judge_group(struct fab *f, const struct spc_learned *learned, const struct spc_rules *rules,
                            size_t group, struct tally *tally) {
  struct spc_state *state = array(f->charts, sizeof *state);
  struct spc_limit *limit = array(f->charts, sizeof *limit);
  double *x = array(f->charts, sizeof *x);
  size_t shifted = (size_t)(random_u64(&f->random) % f->charts);
  uint64_t alarms = 0, caught = 0;
  for (size_t j = 0; j < f->charts; j++)
    if (spc_learned_limit(learned, group, j, &limit[j], NULL) != TFDC_OK ||
        spc_limit_set_adapt(&limit[j], f->adapt, ADAPT_MAX, NULL) != TFDC_OK)
      exit(1);
  for (size_t i = 0; i < FRESH + SHIFT_RUNS; i++) {
    run_values(f, group, RUNS_PER_GROUP + i, false, x);
    bool late = i >= FRESH;
    if (late) x[shifted] += 6;
    enum spc_verdict worst = SPC_OK;
    bool naive = false;
    for (size_t j = 0; j < f->charts; j++) {
      struct spc_point p;
      spc_judge(&limit[j], rules, x[j], &state[j], &state[j], &p);
      naive = naive || fabs(spc_limit_z(&limit[j], x[j])) > 3;
      if (!late) worst = spc_verdict_worst(worst, p.verdict);
      if (late && j == shifted && p.verdict >= SPC_OOC) caught = 1;
    }
    if (late) continue;
    tally->runs++;
    alarms += worst >= SPC_OOC;
    tally->warns += worst == SPC_WARN;
    tally->naive += naive;
  }
  tally->shifts++;
  tally->caught += caught;
  free(state);
  free(limit);
  free(x);
  return alarms;
}

static void learn_once(struct fab *f, struct tally *tally) {
  size_t n = f->groups * RUNS_PER_GROUP;
  double *x = array(n * f->charts, sizeof *x);
  uint32_t *group = array(n, sizeof *group);
  for (size_t at = 0; at < f->groups * f->charts; at++) {
    f->offset[at] = 3 * random_normal(&f->random);
    f->memory[at] = random_normal(&f->random);
  }
  for (size_t i = 0; i < n; i++) {
    group[i] = (uint32_t)(i % f->groups);
    run_values(f, group[i], i / f->groups, true, x + i * f->charts);
  }
  struct spc_learn_input in = {.n_runs = n, .n_charts = f->charts, .n_groups = f->groups, .x = x, .group = group};
  struct spc_learn_options options;
  spc_learn_options_init(&options);
  struct tfdc_arena arena = {0};
  struct spc_learned learned;
  struct tfdc_error err = {0};
  if (spc_learn(&in, &options, &arena, &learned, &err) != TFDC_OK) {
    (void)fprintf(stderr, "%s\n", err.msg);
    exit(1);
  }
  struct spc_rules rules;
  spc_rules_init_default(&rules, learned.warn_at);
  uint64_t alarms = 0;
  for (size_t g = 0; g < f->groups; g++) alarms += judge_group(f, &learned, &rules, g, tally);
  tally->alarms += alarms;
  tally->worst = fmax(tally->worst, (double)alarms / (double)(f->groups * FRESH));
  tally->width += learned.width;
  tally->charts_eff += learned.charts_eff;
  tally->learnings++;
  tfdc_arena_deinit(&arena);
  free(x);
  free(group);
}

int main(int argc, char **argv) {
  static const size_t charts[] = {20, 200, 1000}, groups[] = {6, 12};
  uint64_t fresh = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  size_t first = 0, end = TFDC_COUNT(shapes);
  double adapt = argc > 4 && argv[4][0] == '1' ? ADAPT : 0;
  if (argc > 3 && argv[3][0] != '-') first = strtoull(argv[3], NULL, 10), end = first < end ? first + 1 : end;
  (void)printf("| good runs | charts | chambers | width | alarm %% | worst learning %% | warn %% | 3 sigma would %% | "
               "6 sd shift caught |\n|---|---|---|---|---|---|---|---|---|\n");
  for (size_t s = first; s < end; s++)
    for (size_t c = 0; c < TFDC_COUNT(charts); c++)
      for (size_t g = 0; g < TFDC_COUNT(groups); g++) {
        struct fab f = {
            .shape = shapes[s].shape, .charts = charts[c], .groups = groups[g], .random = {seed}, .adapt = adapt};
        f.offset = array(f.groups * f.charts, sizeof *f.offset);
        f.memory = array(f.groups * f.charts, sizeof *f.memory);
        struct tally t = {0};
        while (t.runs < fresh) learn_once(&f, &t);
        double runs = (double)t.runs / 100, n = (double)t.learnings;
        (void)printf("| %s | %zu | %zu | %.2f | %.2f | %.1f | %.1f | %.0f | %llu of %llu |\n", shapes[s].name, f.charts,
                     f.groups, t.width / n, (double)t.alarms / runs, t.worst * 100, (double)t.warns / runs,
                     (double)t.naive / runs, (unsigned long long)t.caught, (unsigned long long)t.shifts);
        (void)fflush(stdout);
        free(f.offset);
        free(f.memory);
      }
  return 0;
}
