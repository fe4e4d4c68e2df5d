/* SPDX-License-Identifier: Apache-2.0
 * All charts of one run: 200 series x 12,000 points, mean, std, min, max and slope over two steps each. */
#include "eq/eq.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SERIES = 200, POINTS = 12000, STATS = 5, STEPS = 2, PROGRAMS = SERIES * STATS * STEPS, ROUNDS = 20 };

struct bench {
  char names[SERIES][16];
  struct eq_series series[SERIES];
  struct eq_program *programs[PROGRAMS];
  struct eq_value values[PROGRAMS];
};

static double now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void make_series(struct bench *b, size_t i, const int64_t *shared) {
  double *v = calloc(POINTS, sizeof *v);
  int64_t *t = calloc(POINTS, sizeof *t);
  if (v == NULL || t == NULL) exit(1);
  uint64_t x = 88172645463325252u + i;
  for (size_t k = 0; k < POINTS; k++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    v[k] = 50 + (double)(x >> 40) / 16777216.0;
    t[k] = (int64_t)k * 100000;
  }
  (void)snprintf(b->names[i], sizeof b->names[i], "SV%zu", i);
  b->series[i] = (struct eq_series){b->names[i], POINTS, shared != NULL ? shared : t, v};
  if (shared != NULL) free(t);
}

static void compile_all(struct bench *b) {
  static const char *const stats[STATS] = {"mean", "std", "min", "max", "slope"};
  static const char *const steps[STEPS] = {"A", "B"};
  char text[128];
  for (size_t i = 0; i < PROGRAMS; i++) {
    struct tfdc_error err;
    (void)snprintf(text, sizeof text, "%s(SV%zu in step(\"%s\"))", stats[i % STATS], i / STATS % SERIES,
                   steps[i / STATS / SERIES]);
    if (eq_compile(text, strlen(text), NULL, NULL, &b->programs[i], &err) != TFDC_OK) {
      (void)fprintf(stderr, "%s\n", err.msg);
      exit(1);
    }
  }
}

static void measure(struct bench *b, const char *what) {
  static const struct eq_step steps[] = {{"A", 1, 1, 0, INT64_MIN}, {"B", 2, 1, 600000000, INT64_MIN}};
  struct eq_run run = {0, 1200000000, b->series, SERIES, steps, STEPS, NULL, 0};
  struct tfdc_arena scratch = {0};
  double best = 1e9;
  for (int r = 0; r < ROUNDS; r++) {
    double start = now_ms();
    tfdc_arena_reset(&scratch);
    if (eq_eval_all((const struct eq_program *const *)b->programs, PROGRAMS, &run, &scratch, b->values) != TFDC_OK)
      exit(1);
    double took = now_ms() - start;
    best = took < best ? took : best;
  }
  printf("%s: %d programs on %d x %d points: %.2f ms a run (best of %d), scratch %.1f MB\n", what, PROGRAMS, SERIES,
         POINTS, best, ROUNDS, (double)scratch.used / 1e6);
  tfdc_arena_deinit(&scratch);
}

int main(void) {
  struct bench *b = calloc(1, sizeof *b);
  if (b == NULL) return 1;
  int64_t *clock_us = calloc(POINTS, sizeof *clock_us);
  if (clock_us == NULL) return 1;
  for (size_t k = 0; k < POINTS; k++) clock_us[k] = (int64_t)k * 100000;
  double start = now_ms();
  compile_all(b);
  printf("compile: %.1f us a program\n", (now_ms() - start) * 1e3 / PROGRAMS);
  for (size_t i = 0; i < SERIES; i++) make_series(b, i, clock_us);
  measure(b, "one clock");
  for (size_t i = 0; i < SERIES; i++) free((void *)(uintptr_t)b->series[i].v);
  for (size_t i = 0; i < SERIES; i++) make_series(b, i, NULL);
  measure(b, "own clocks");
  for (size_t i = 0; i < SERIES; i++) free((void *)(uintptr_t)b->series[i].v);
  for (size_t i = 0; i < SERIES; i++) free((void *)(uintptr_t)b->series[i].t_us);
  for (size_t i = 0; i < PROGRAMS; i++) eq_program_destroy(b->programs[i]);
  free(clock_us);
  free(b);
  return 0;
}
