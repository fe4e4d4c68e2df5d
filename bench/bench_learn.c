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

/* The same limits twice: with the centre where it was learned, and following. */
enum { STAYS, FOLLOWS, POLICIES };

struct tally {
  uint64_t runs, warns, naive, shifts, learnings, alarms[POLICIES], caught[POLICIES];
  double width, worst; /* worst: largest false-alarm rate of one learning, centre staying */
};

static void *array(size_t n, size_t size) {
  void *p = calloc(n, size);
  if (!p) exit(1);
  return p;
}

struct chart {
  struct spc_limit limit[POLICIES];
  struct spc_state state[POLICIES];
};

static struct chart *charts_of(const struct fab *f, const struct spc_learned *learned, size_t group) {
  struct chart *c = array(f->charts, sizeof *c);
  for (size_t j = 0; j < f->charts; j++) {
    if (spc_learned_limit(learned, group, j, &c[j].limit[STAYS], NULL) != TFDC_OK) exit(1);
    c[j].limit[FOLLOWS] = c[j].limit[STAYS];
    if (spc_limit_set_adapt(&c[j].limit[FOLLOWS], SPC_ADAPT_DEFAULT, SPC_ADAPT_MAX_DEFAULT, NULL) != TFDC_OK) exit(1);
  }
  return c;
}

/* Judges fresh runs of one group. One chart is shifted by 6 sd in the last SHIFT_RUNS of them, which are counted apart.
 */
static void judge_group(struct fab *f, const struct spc_learned *learned, const struct spc_rules *rules, size_t group,
                        struct tally *tally) {
  struct chart *charts = charts_of(f, learned, group);
  double *x = array(f->charts, sizeof *x);
  size_t shifted = (size_t)(random_u64(&f->random) % f->charts);
  bool caught[POLICIES] = {false};
  for (size_t i = 0; i < FRESH + SHIFT_RUNS; i++) {
    run_values(f, group, RUNS_PER_GROUP + i, false, x);
    bool late = i >= FRESH, naive = false;
    if (late) x[shifted] += 6;
    enum spc_verdict worst[POLICIES] = {SPC_OK};
    for (size_t j = 0; j < f->charts; j++) {
      naive = naive || fabs(spc_limit_z(&charts[j].limit[STAYS], x[j])) > 3;
      for (int k = 0; k < POLICIES; k++) {
        struct spc_state *state = &charts[j].state[k];
        struct spc_point p;
        spc_judge(&charts[j].limit[k], rules, x[j], state, state, &p);
        worst[k] = spc_verdict_worst(worst[k], p.verdict);
        caught[k] = caught[k] || (late && j == shifted && p.verdict >= SPC_OOC);
      }
    }
    if (late) continue;
    tally->runs++;
    for (int k = 0; k < POLICIES; k++) tally->alarms[k] += worst[k] >= SPC_OOC;
    tally->warns += worst[STAYS] == SPC_WARN;
    tally->naive += naive;
  }
  tally->shifts++;
  for (int k = 0; k < POLICIES; k++) tally->caught[k] += caught[k];
  free(charts);
  free(x);
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
  uint64_t before = tally->alarms[STAYS];
  for (size_t g = 0; g < f->groups; g++) judge_group(f, &learned, &rules, g, tally);
  tally->worst = fmax(tally->worst, (double)(tally->alarms[STAYS] - before) / (double)(f->groups * FRESH));
  tally->width += learned.width;
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
  if (argc > 3) first = strtoull(argv[3], NULL, 10), end = first < end ? first + 1 : end;
  (void)printf(
      "| good runs | charts | chambers | width | alarm %%, centre stays | worst learning %% | follows | warn %% | "
      "3 sigma %% | 6 sd found, stays | follows |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (size_t s = first; s < end; s++)
    for (size_t c = 0; c < TFDC_COUNT(charts); c++)
      for (size_t g = 0; g < TFDC_COUNT(groups); g++) {
        struct fab f = {.shape = shapes[s].shape, .charts = charts[c], .groups = groups[g], .random = {seed}};
        f.offset = array(f.groups * f.charts, sizeof *f.offset);
        f.memory = array(f.groups * f.charts, sizeof *f.memory);
        struct tally t = {0};
        while (t.runs < fresh) learn_once(&f, &t);
        double runs = (double)t.runs / 100, n = (double)t.learnings;
        (void)printf("| %s | %zu | %zu | %.2f | %.2f | %.1f | %.2f | %.1f | %.0f | %.1f %% | %.1f %% |\n",
                     shapes[s].name, f.charts, f.groups, t.width / n, (double)t.alarms[STAYS] / runs, t.worst * 100,
                     (double)t.alarms[FOLLOWS] / runs, (double)t.warns / runs, (double)t.naive / runs,
                     100 * (double)t.caught[STAYS] / (double)t.shifts,
                     100 * (double)t.caught[FOLLOWS] / (double)t.shifts);
        (void)fflush(stdout);
        free(f.offset);
        free(f.memory);
      }
  return 0;
}
