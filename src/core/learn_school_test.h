/* SPDX-License-Identifier: Apache-2.0
 * For the tests of learning: good runs in which each sensor holds one value, so that the mean of a run is that value to
 * the bit, and charts that are learned from them. */
#ifndef CORE_LEARN_SCHOOL_TEST_H
#define CORE_LEARN_SCHOOL_TEST_H

#include "support/cmocka_all.h"

#include "core/learn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHOOL_SAMPLES = 12 };

struct school {
  struct tfdc_arena mem;
  struct model_chamber dictionary; /* P0, P1, ... */
  struct model_chart *charts;      /* c0 = mean(P0 in run), ... */
  struct model_strategy keep;
  struct learn_options options;
  size_t n_svids, n_runs, cap;
  struct model_context *contexts;
  struct learn_run *runs;
  double *x;      /* cap x n_svids */
  double *wobble; /* n_svids: samples lie so far above and below, by turns */
  struct learn *learn;
  struct learn_result result;
  struct tfdc_error err;
};

static inline void school_init(struct school *s, size_t n_svids, size_t cap) {
  static const char *const by[] = {"recipe_id"};
  *s = (struct school){.mem.limit = SIZE_MAX / 2, .n_svids = n_svids, .cap = cap};
  struct model_svid *svids = tfdc_arena_array(&s->mem, n_svids, sizeof *svids);
  s->charts = tfdc_arena_array(&s->mem, n_svids, sizeof *s->charts);
  s->contexts = tfdc_arena_array(&s->mem, cap, sizeof *s->contexts);
  s->runs = tfdc_arena_array(&s->mem, cap, sizeof *s->runs);
  s->x = tfdc_arena_array(&s->mem, cap * n_svids, sizeof *s->x);
  s->wobble = tfdc_arena_array(&s->mem, n_svids, sizeof *s->wobble);
  assert_true(svids && s->charts && s->contexts && s->runs && s->x && s->wobble);
  for (size_t k = 0; k < n_svids; k++) s->wobble[k] = 0;
  for (size_t k = 0; k < n_svids; k++) {
    char text[64];
    (void)snprintf(text, sizeof text, "P%zu", k);
    svids[k] = (struct model_svid){.number = (uint32_t)k + 1, .name = tfdc_arena_strdup(&s->mem, text), .unit = "V"};
    (void)snprintf(text, sizeof text, "mean(P%zu in run)", k);
    s->charts[k] = (struct model_chart){.eq = tfdc_arena_strdup(&s->mem, text), .alarm = true};
    (void)snprintf(text, sizeof text, "c%zu", k);
    s->charts[k].chart = tfdc_arena_strdup(&s->mem, text);
    assert_true(svids[k].name && s->charts[k].eq && s->charts[k].chart);
  }
  s->dictionary = (struct model_chamber){.tool_type = "ETCH", .svids = svids, .n_svids = n_svids};
  s->keep = (struct model_strategy){.id = "watch", .clear_runs = 3, .charts = s->charts, .n_charts = n_svids};
  s->options = (struct learn_options){.strategy = "watch", .tool_type = "ETCH", .partition = {by, 1}, .keep = &s->keep};
}

/* Adds a run; its values are to be filled in, NaN = the sensor is not in the trace. */
static inline double *school_run(struct school *s, const char *tool, const char *chamber, const char *recipe) {
  assert_true(s->n_runs < s->cap);
  struct model_context *c = &s->contexts[s->n_runs];
  int64_t start = INT64_C(1700000000000000) + (int64_t)s->n_runs * 60000000;
  *c = (struct model_context){.key = {tool, chamber}, .tool_type = "ETCH", .run_id = "r", .recipe_id = recipe};
  c->state = MODEL_CONTEXT_CLOSED;
  c->revision = 1;
  c->start_us = start;
  c->end_us = c->order_us = start + (SCHOOL_SAMPLES - 1) * 100000;
  c->points = SCHOOL_SAMPLES * s->n_svids;
  s->runs[s->n_runs] = (struct learn_run){c, &s->dictionary};
  return &s->x[s->n_runs++ * s->n_svids];
}

static inline struct model_block *school_block(const struct school *s, size_t run) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  size_t n = 0;
  struct model_block *b =
      model_block_create(s->n_svids, SCHOOL_SAMPLES, SCHOOL_SAMPLES * s->n_svids, &columns, &times, &values);
  assert_non_null(b);
  for (size_t i = 0; i < SCHOOL_SAMPLES; i++) times[i] = s->contexts[run].start_us + (int64_t)i * 100000;
  for (size_t k = 0; k < s->n_svids; k++) {
    double x = s->x[run * s->n_svids + k];
    if (isnan(x)) continue;
    for (size_t i = 0; i < SCHOOL_SAMPLES; i++)
      values[n * SCHOOL_SAMPLES + i] = x + (i % 2 == 0 ? s->wobble[k] : -s->wobble[k]);
    columns[n] = (struct model_column){s->dictionary.svids[k].number, s->dictionary.svids[k].name, SCHOOL_SAMPLES,
                                       times, values + n * SCHOOL_SAMPLES};
    n++;
  }
  b->n_columns = n;
  return b;
}

static inline void school_add(struct school *s, struct chunk_encoder *encoder, size_t run) {
  struct model_block *b = school_block(s, run);
  struct tfdc_arena scratch = {0};
  struct tfdc_buf bytes = {0};
  struct model_chunk chunk = {0};
  assert_int_equal(chunk_encode(encoder, &b, 1, &scratch, &bytes, &chunk, NULL), TFDC_OK);
  struct chunk_blob blob = {chunk.blob, chunk.blob_n, chunk.checksum};
  assert_int_equal(learn_add_run(s->learn, run, &blob, 1, &s->err), TFDC_OK);
  tfdc_buf_deinit(&bytes);
  tfdc_arena_deinit(&scratch);
  model_block_unref(b);
}

/* Learns from all runs; the result is in s. */
static inline tfdc_rc school_learn(struct school *s) {
  struct chunk_encoder *encoder = NULL;
  learn_destroy(s->learn);
  s->learn = NULL;
  TFDC_TRY(learn_create(&s->options, s->runs, s->n_runs, &s->learn, &s->err));
  assert_int_equal(chunk_encoder_create(&encoder), TFDC_OK);
  for (size_t i = 0; i < s->n_runs; i++) school_add(s, encoder, i);
  chunk_encoder_destroy(encoder);
  return learn_finish(s->learn, &s->result, &s->err);
}

static inline void school_learn_ok(struct school *s) {
  if (school_learn(s) != TFDC_OK) fail_msg("%s", tfdc_error_msg(&s->err));
}

static inline void school_deinit(struct school *s) {
  learn_destroy(s->learn);
  tfdc_arena_deinit(&s->mem);
}

/* The limits of a chart in a partition; the test fails when there are none. */
static inline const struct model_limit_chart *school_limits(const struct school *s, const char *partition,
                                                            const char *chart) {
  for (size_t g = 0; g < s->result.limits.n_groups; g++) {
    const struct model_limit_group *group = &s->result.limits.groups[g];
    if (strcmp(group->partition, partition) != 0) continue;
    for (size_t k = 0; k < group->n_charts; k++)
      if (strcmp(group->charts[k].chart, chart) == 0) return &group->charts[k];
  }
  fail_msg("no limits of %s in %s", chart, partition);
  return NULL;
}

/* The centre of a chamber, NULL when it has none. */
static inline const struct model_limit_centre *school_centre(const struct model_limit_chart *c, const char *chamber) {
  for (size_t i = 0; i < c->n_centres; i++)
    if (strcmp(c->centres[i].chamber, chamber) == 0) return &c->centres[i];
  return NULL;
}

#endif
