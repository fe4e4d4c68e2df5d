/* SPDX-License-Identifier: Apache-2.0
 * The equation language: the first 8 bytes seed a run with holes, bad samples and looped steps, the rest is the text.
 */
#include "eq/eq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERIES = 4, POINTS = 48, STEPS = 6, EVENTS = 6 };

struct world {
  int64_t clock[SERIES][POINTS];
  double values[SERIES][POINTS];
  struct eq_series series[SERIES];
  struct eq_step steps[STEPS];
  struct eq_event events[EVENTS];
  struct eq_run run;
};

static uint64_t draw(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static double sample(uint64_t *rng) {
  static const double odd[] = {0, -0.0, 1e308, -1e308, 5e-324, 1};
  uint64_t r = draw(rng);
  if (r % 16 == 0) return (double)NAN;
  if (r % 32 == 1) return (double)INFINITY;
  if (r % 32 == 2) return odd[r / 32 % TFDC_COUNT(odd)];
  return (double)(int64_t)(r >> 11) * 1e-12;
}

static void make_world(uint64_t seed, struct world *w) {
  static const char *const names[] = {"A", "B", "C D", "Temp"};
  static const char *const steps[] = {"ME", "DEP", "DEP", "STAB"};
  uint64_t rng = seed | 1;
  int64_t base = rng % 5 == 0 ? INT64_MIN / 4 : 1700000000000000;
  for (size_t s = 0; s < SERIES; s++) {
    int64_t t = base;
    for (size_t i = 0; i < POINTS; i++) {
      t += draw(&rng) % 9 == 0 ? (int64_t)(draw(&rng) % 40000000) + 1 : 1000000;
      w->clock[s][i] = t;
      w->values[s][i] = sample(&rng);
    }
    size_t n = draw(&rng) % 8 == 0 ? draw(&rng) % 4 : POINTS;
    w->series[s] = (struct eq_series){names[s], n, w->clock[draw(&rng) % (s + 1)], w->values[s]};
  }
  int64_t at = base;
  for (size_t i = 0; i < STEPS; i++) {
    w->steps[i] = (struct eq_step){steps[draw(&rng) % 4], (uint32_t)(draw(&rng) % 4), 0, at, INT64_MIN};
    if (draw(&rng) % 2 == 0) w->steps[i].end_us = at + (int64_t)(draw(&rng) % 20000000) - 1000000;
    w->events[i] = (struct eq_event){draw(&rng) % 2 == 0 ? "ON" : "OFF", at};
    at += (int64_t)(draw(&rng) % 20000000);
  }
  w->run = (struct eq_run){base, at, w->series, draw(&rng) % (SERIES + 1), w->steps, STEPS, w->events, EVENTS};
}

static const char *unit(void *user, const char *svid) {
  (void)user;
  if (strcmp(svid, "A") == 0 || strcmp(svid, "B") == 0) return "mTorr";
  if (strcmp(svid, "Temp") == 0) return "degC";
  return strlen(svid) < 8 ? "" : NULL;
}
static const char *name_at(void *user, size_t i) {
  static const char *const names[] = {"A", "B", "C D", "Temp"};
  (void)user;
  return i < TFDC_COUNT(names) ? names[i] : NULL;
}

static bool same_bits(const struct eq_value *a, const struct eq_value *b) {
  return memcmp(&a->value, &b->value, sizeof a->value) == 0 && a->n == b->n && a->reason == b->reason &&
         memcmp(&a->quality, &b->quality, sizeof a->quality) == 0;
}

static void check_program(const struct eq_program *p, const struct world *w) {
  struct tfdc_arena scratch = {.limit = (size_t)64 << 20};
  struct eq_value one, both[2];
  const struct eq_program *twice[2] = {p, p};
  TFDC_ASSERT(eq_program_cost(p, 1000) > 0);
  if (eq_eval(p, &w->run, &scratch, &one) == TFDC_OK) {
    TFDC_ASSERT(isfinite(one.value) == (one.reason == EQ_OK));
    TFDC_ASSERT(one.quality >= 0 && one.quality <= 1);
    if (eq_eval_all(twice, 2, &w->run, &scratch, both) == TFDC_OK)
      TFDC_ASSERT(same_bits(&one, &both[0]) && same_bits(&one, &both[1]));
  }
  tfdc_arena_deinit(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct eq_catalogue cat = {NULL, unit, name_at};
  if (size < 8) return 0;
  uint64_t seed;
  memcpy(&seed, data, sizeof seed);
  struct world *w = malloc(sizeof *w);
  char *text = malloc(size);
  if (w == NULL || text == NULL) abort();
  make_world(seed, w);
  memcpy(text, data + 8, size - 8);
  for (int with = 0; with < 2; with++) {
    struct eq_program *p = NULL;
    struct tfdc_error err = {0};
    tfdc_rc rc = eq_compile(text, size - 8, with ? &cat : NULL, NULL, &p, &err);
    TFDC_ASSERT((rc == TFDC_OK) == (p != NULL) && (rc == TFDC_OK || err.msg[0] != '\0'));
    if (p != NULL) check_program(p, w);
    eq_program_destroy(p);
  }
  free(text);
  free(w);
  return 0;
}
