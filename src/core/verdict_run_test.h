/* SPDX-License-Identifier: Apache-2.0
 * For the tests of verdict: one run of one chamber, its traces packed into chunks, and one strategy. */
#ifndef CORE_VERDICT_RUN_TEST_H
#define CORE_VERDICT_RUN_TEST_H

#include "support/cmocka_all.h"

#include "core/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_POINTS = 101, BENCH_CHARTS = 8, BENCH_SECOND = 1000000 };

static const struct model_svid BENCH_SVIDS[] = {{.number = 1, .name = "Press", .unit = "mTorr"},
                                                {.number = 2, .name = "RfFwd", .unit = "W"}};
static const struct model_chamber BENCH_CHAMBER = {.key = {"ETCH-1", "A"}, .svids = BENCH_SVIDS, .n_svids = 2};

/* 10 s at 10 Hz: Press as filled by the test, RfFwd ten times that; step ME to 6 s, then OE. */
struct bench {
  double press[BENCH_POINTS];
  struct model_chart charts[BENCH_CHARTS];
  struct model_strategy strategy;
  struct model_step steps[2];
  struct model_context context;
  struct tfdc_buf bytes;
  struct chunk_blob blob;
  struct verdict_pick pick;
  struct verdict_input in;
};

static inline void bench_fill(struct bench *b, double level) {
  for (size_t i = 0; i < BENCH_POINTS; i++) b->press[i] = level;
}

/* The id and the order time of the run follow from its number. */
static inline void bench_number(struct bench *b, uint64_t number) {
  b->context.context_id = (struct tfdc_id128){.hi = 7, .lo = number};
  b->context.start_us = (int64_t)number * 60 * BENCH_SECOND;
  b->context.end_us = b->context.order_us = b->context.start_us + 10 * BENCH_SECOND;
  b->context.received_us = b->context.end_us + 5;
  b->steps[0] = (struct model_step){1, 1, "ME", b->context.start_us, MODEL_NO_TIME};
  b->steps[1] = (struct model_step){2, 1, "OE", b->context.start_us + 6 * BENCH_SECOND, MODEL_NO_TIME};
}

static inline void bench_init(struct bench *b) {
  *b = (struct bench){0};
  b->strategy = (struct model_strategy){.id = "watch", .severity = MODEL_WARNING, .clear_runs = 2, .charts = b->charts};
  b->context = (struct model_context){.key = {"ETCH-1", "A"},
                                      .tool_type = "ETCH",
                                      .run_id = "r",
                                      .state = MODEL_CONTEXT_CLOSED,
                                      .revision = 1,
                                      .recipe_id = "R1",
                                      .lot_id = "L",
                                      .substrate_id = "W",
                                      .steps = b->steps,
                                      .n_steps = 2};
  b->pick = (struct verdict_pick){.from = {.strategy = &b->strategy, .version = 3}, .partition = "R1"};
  b->in = (struct verdict_input){.context = &b->context,
                                 .chamber = &BENCH_CHAMBER,
                                 .picks = &b->pick,
                                 .n_picks = 1,
                                 .judgement = 1,
                                 .max_bytes = (size_t)64 << 20,
                                 .defender = "defender-0"};
  bench_number(b, 1);
  bench_fill(b, 50);
}

/* A chart with fixed limits; NaN = none. */
static inline struct model_chart *bench_chart(struct bench *b, const char *chart, const char *eq, double lcl,
                                              double ucl) {
  struct model_chart *c = &b->charts[b->strategy.n_charts++];
  *c = (struct model_chart){.chart = chart, .eq = eq, .alarm = true};
  c->limits = (struct model_fixed_limits){true, (double)NAN, ucl, lcl, (double)NAN, (double)NAN};
  return c;
}

static inline void bench_pack(struct bench *b) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct chunk_encoder *encoder = NULL;
  struct tfdc_arena scratch = {0};
  struct model_chunk chunk = {0};
  struct model_block *block = model_block_create(2, BENCH_POINTS, (size_t)2 * BENCH_POINTS, &columns, &times, &values);
  assert_non_null(block);
  for (size_t i = 0; i < BENCH_POINTS; i++) {
    times[i] = b->context.start_us + (int64_t)i * BENCH_SECOND / 10;
    values[i] = b->press[i];
    values[BENCH_POINTS + i] = 10 * b->press[i];
  }
  columns[0] = (struct model_column){1, "Press", BENCH_POINTS, times, values};
  columns[1] = (struct model_column){2, "RfFwd", BENCH_POINTS, times, values + BENCH_POINTS};
  tfdc_buf_deinit(&b->bytes);
  assert_int_equal(chunk_encoder_create(&encoder), TFDC_OK);
  assert_int_equal(chunk_encode(encoder, &block, 1, &scratch, &b->bytes, &chunk, NULL), TFDC_OK);
  b->blob = (struct chunk_blob){chunk.blob, chunk.blob_n, chunk.checksum};
  chunk_encoder_destroy(encoder);
  tfdc_arena_deinit(&scratch);
  model_block_unref(block);
  b->in.chunks = &b->blob;
  b->in.n_chunks = 1;
}

/* The judgement of the run as it stands; to be released. */
static inline struct verdict_output bench_judge(struct bench *b) {
  struct verdict_output out = {0};
  b->in.now.us = b->context.received_us + 1000;
  bench_pack(b);
  assert_int_equal(verdict_compute(&b->in, &out), TFDC_OK);
  assert_int_equal(out.n_records, b->in.n_picks);
  return out;
}

/* The point of that chart in the first record; the test fails when there is none. */
static inline const struct model_point *bench_point(const struct verdict_output *out, const char *chart) {
  for (size_t i = 0; i < out->records[0].n_points; i++)
    if (strcmp(out->records[0].points[i].chart, chart) == 0) return &out->records[0].points[i];
  fail_msg("no point of %s", chart);
  return NULL;
}

static inline void bench_done(struct bench *b, struct verdict_output *out) {
  verdict_release(out);
  tfdc_buf_deinit(&b->bytes);
}

#endif
