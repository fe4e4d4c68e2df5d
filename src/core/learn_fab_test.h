/* SPDX-License-Identifier: Apache-2.0
 * Traces of a small fab for the tests and the benchmark of learning: set points per step, first-order response,
 * run-to-run scatter, drift, offsets between chambers, noise, resolution, missing samples; and faults. Everything
 * follows from the seed. */
#ifndef CORE_LEARN_FAB_TEST_H
#define CORE_LEARN_FAB_TEST_H

#include "core/chunk.h"
#include "support/random.h"

#include <stdio.h>

enum { LEARN_FAB_STEPS = 4, LEARN_FAB_SVIDS_MAX = 64 };
enum learn_fab_fault {
  FAB_NONE,
  FAB_OFFSET,    /* of the settled part of a step, by size */
  FAB_SLOPE,     /* within a step, 0 to size */
  FAB_SPIKE,     /* one sample, size above the largest */
  FAB_OSCILLATE, /* amplitude size */
  FAB_SETTLE,    /* time constant times size */
  FAB_STUCK,     /* one value over the step */
  FAB_LOST_STEP,
  FAB_BURST /* ten samples, size above what they were, anywhere in the step, upwards */
};
struct learn_fab_plant {
  enum learn_fab_fault fault;
  size_t svid, step;
  double size;
};
struct learn_fab {
  size_t n_chambers, n_recipes, n_svids;
  double rate_hz, step_s;
  double drift_sd; /* of each mean over 100 runs, in its run-to-run sd */
  double missing;  /* part of the samples */
  bool resolution_known;
  struct model_svid svids[LEARN_FAB_SVIDS_MAX];
  char names[LEARN_FAB_SVIDS_MAX][16];
  struct chunk_encoder *encoder;
  uint64_t seed;
};

static inline double fab_draw(uint64_t seed, uint64_t a, uint64_t b, uint64_t c) {
  struct random_source r = {seed + a * UINT64_C(1000003) + b * UINT64_C(7368787) + c * UINT64_C(982451653)};
  (void)random_u64(&r);
  return random_unit(&r);
}

static inline tfdc_rc learn_fab_init(struct learn_fab *f) {
  static const double resolutions[] = {0.01, 0.1, 1.0 / 64};
  for (size_t i = 0; i < f->n_svids; i++) {
    (void)snprintf(f->names[i], sizeof f->names[i], "Sensor%02u", (unsigned)i % 1000);
    f->svids[i] = (struct model_svid){.number = (uint32_t)i + 1, .name = f->names[i], .rate_hz = f->rate_hz};
    if (f->resolution_known) f->svids[i].resolution = resolutions[i % 3];
  }
  return chunk_encoder_create(&f->encoder);
}
static inline void learn_fab_deinit(struct learn_fab *f) { chunk_encoder_destroy(f->encoder); }

/* Every sixth sensor is a set point: no noise. The others hold their level over the recipe or follow the steps. */
static inline double fab_target(const struct learn_fab *f, size_t svid, size_t recipe, size_t step) {
  double base = 20 + 180 * fab_draw(f->seed, svid, 0, 1);
  if (svid % 3 == 0) return base * (0.3 + fab_draw(f->seed, svid, recipe * 8 + step, 2));
  return base * (1 + 0.1 * (double)recipe);
}

struct learn_fab_trace {
  double *v;
  int64_t *t;
  size_t n, begin[LEARN_FAB_STEPS + 1]; /* of each step */
};

static inline void fab_fault(struct learn_fab_trace *x, const struct learn_fab_plant *p, struct random_source *r) {
  size_t from = x->begin[p->step], n = x->begin[p->step + 1] - from, settled = n / 4;
  double *v = x->v + from;
  double most = v[0];
  for (size_t i = 0; i < n; i++) most = fmax(most, v[i]);
  size_t at = (size_t)(random_unit(r) * (double)(n - 10));
  for (size_t i = 0; i < n; i++) {
    double share = (double)i / (double)n;
    if (p->fault == FAB_OFFSET && i >= settled) v[i] += p->size;
    if (p->fault == FAB_SLOPE) v[i] += p->size * share;
    if (p->fault == FAB_SPIKE && i == at) v[i] = most + p->size;
    if (p->fault == FAB_OSCILLATE) v[i] += p->size * sin(2 * 3.14159265358979 * 12 * share);
    if (p->fault == FAB_STUCK) v[i] = v[0];
    if (p->fault == FAB_BURST && i >= at && i < at + 10) v[i] = fmax(v[i], most) + p->size;
  }
}

static inline void fab_sensor(const struct learn_fab *f, size_t svid, size_t chamber, size_t recipe, size_t run,
                              const struct learn_fab_plant *p, struct learn_fab_trace *x) {
  static const double resolutions[] = {0.01, 0.1, 1.0 / 64};
  struct random_source r = {f->seed ^ (run * 131071 + chamber * 8191 + recipe * 127 + svid + 1) * UINT64_C(0x9e3779b9)};
  double base = 20 + 180 * fab_draw(f->seed, svid, 0, 1), lsb = resolutions[svid % 3];
  double noise = base * 0.002 * (0.5 + 2 * fab_draw(f->seed, svid, 0, 3)),
         scatter = 0.5 * noise * (0.5 + fab_draw(f->seed, svid, 0, 4));
  bool quiet = svid % 6 == 5;
  double own = base * 0.02 * (fab_draw(f->seed, svid, chamber, 5) - 0.5);
  double tau = 0.3 + fab_draw(f->seed, svid, 0, 6), now = fab_target(f, svid, recipe, 0);
  double drift = f->drift_sd * scatter * (double)run / 100 * (fab_draw(f->seed, svid, chamber, 7) > 0.5 ? 1 : -1);
  double level = own + drift + scatter * random_normal(&r);
  for (size_t s = 0; s < LEARN_FAB_STEPS; s++) {
    double target = fab_target(f, svid, recipe, s), slow = tau;
    if (p != NULL && p->fault == FAB_SETTLE && p->svid == svid && p->step == s) slow *= p->size;
    double keep = exp(-1 / (f->rate_hz * slow)), step_level = level + 0.3 * scatter * random_normal(&r);
    for (size_t i = x->begin[s]; i < x->begin[s + 1]; i++) {
      now = target + (now - target) * keep;
      x->v[i] = quiet ? target : now + step_level + noise * random_normal(&r);
    }
  }
  if (p != NULL && p->svid == svid) fab_fault(x, p, &r);
  for (size_t i = 0; i < x->n; i++) x->v[i] = floor(x->v[i] / lsb + 0.5) * lsb;
  for (size_t i = 0; i < x->n; i++)
    if (random_unit(&r) < f->missing) x->v[i] = (double)NAN;
}

/* One run: its context in mem and its trace as one chunk in out (reset before). plant NULL: normal. */
static inline tfdc_rc learn_fab_run(struct learn_fab *f, size_t chamber, size_t recipe, size_t run,
                                    const struct learn_fab_plant *plant, struct tfdc_arena *mem, struct tfdc_buf *out,
                                    struct model_context *ret, struct model_chunk *ret_chunk) {
  static const char *const names[] = {"Ramp", "ME", "OE", "Vent"};
  struct random_source r = {f->seed + run * 77 + chamber * 7777 + recipe * 777777};
  char text[64];
  struct model_step *steps = tfdc_arena_array(mem, LEARN_FAB_STEPS, sizeof *steps);
  int64_t start = INT64_C(1700000000000000) + (int64_t)run * 600000000 + (int64_t)recipe * 300000000, at = start;
  int64_t period = (int64_t)(1e6 / f->rate_hz);
  struct learn_fab_trace x = {0};
  size_t n_steps = 0;
  for (size_t s = 0; s < LEARN_FAB_STEPS; s++) {
    bool lost = plant != NULL && plant->fault == FAB_LOST_STEP && plant->step == s;
    double seconds = f->step_s * (s == 1 ? 2 : 1) + (s == 2 ? 0.3 * random_normal(&r) : 0);
    size_t n = lost ? 0 : (size_t)(seconds * f->rate_hz);
    if (!lost)
      steps[n_steps++] = (struct model_step){
          .number = (uint32_t)s + 1, .occurrence = 1, .name = names[s], .start_us = at, .end_us = MODEL_NO_TIME};
    x.begin[s + 1] = x.begin[s] + n;
    at += (int64_t)n * period;
  }
  x.n = x.begin[LEARN_FAB_STEPS];
  struct model_column *columns;
  struct model_block *block = model_block_create(f->n_svids, x.n, x.n * f->n_svids, &columns, &x.t, &x.v);
  if (block == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < x.n; i++) x.t[i] = start + (int64_t)i * period;
  for (size_t i = 0; i < f->n_svids; i++, x.v += x.n) {
    fab_sensor(f, i, chamber, recipe, run, plant, &x);
    columns[i] = (struct model_column){.svid = (uint32_t)i + 1, .name = f->names[i], .n = x.n, .t_us = x.t, .v = x.v};
  }
  struct tfdc_arena scratch = {0};
  out->size = 0;
  tfdc_rc rc = chunk_encode(f->encoder, &block, 1, &scratch, out, ret_chunk, NULL);
  tfdc_arena_deinit(&scratch);
  model_block_unref(block);
  *ret = (struct model_context){.tool_type = "ETCH", .state = MODEL_CONTEXT_CLOSED, .revision = 1, .historical = true};
  (void)snprintf(text, sizeof text, "ETCH-%02zu", chamber / 2 + 1);
  ret->key.tool = tfdc_arena_strdup(mem, text);
  ret->key.chamber = chamber % 2 == 0 ? "A" : "B";
  (void)snprintf(text, sizeof text, "RECIPE %zu", recipe + 1);
  ret->recipe_id = tfdc_arena_strdup(mem, text);
  (void)snprintf(text, sizeof text, "run-%zu-%zu", recipe, run);
  ret->run_id = tfdc_arena_strdup(mem, text);
  ret->start_us = start;
  ret->end_us = ret->order_us = ret->received_us = at;
  ret->end_reason = MODEL_END_COMPLETE;
  ret->points = ret_chunk->points;
  ret->chunk_count = 1;
  ret->slot = -1;
  ret->steps = steps;
  ret->n_steps = n_steps;
  ret->context_id = model_context_id(ret->key, ret->run_id, start);
  return rc;
}

#endif
