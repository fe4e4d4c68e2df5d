/* SPDX-License-Identifier: Apache-2.0
 * Judges a made-up fab of historical runs, learned limits included, and prints one line "records DIGEST" over the
 * encoded U records, and one "libm DIGEST" over numbers of the C library, which may differ from CPU to CPU: by it
 * same_bits_test.py sees that it runs on another path. */
#include "base/hash.h"
#include "core/verdict.h"
#include "model/codec.h"
#include "spc/fit/learn.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAMBERS = 4, RUNS = 100, LEARN = 25, POINTS = 301, SECOND = 1000000 };

static const struct model_chart CHARTS[] = {
    {.chart = "mean", .eq = "mean(Press in step(\"ME\").trim(1 s, 0.5 s))", .alarm = true},
    {.chart = "std", .eq = "std(Press in step(\"ME\"))", .alarm = true},
    {.chart = "ripple", .eq = "std(RfFwd in step(\"ME\")) / mean(RfFwd in step(\"ME\"))", .alarm = true},
    {.chart = "slope", .eq = "slope(Press in step(\"ME\"))", .alarm = true},
    {.chart = "area", .eq = "area(RfFwd in step(\"OE\"))", .alarm = true},
    {.chart = "median", .eq = "median(RfFwd)", .alarm = true},
    {.chart = "range", .eq = "range(Press)", .alarm = true},
    {.chart = "sum", .eq = "sum(abs(Press - 50 mTorr))", .alarm = true},
    {.chart = "log", .eq = "log(mean(RfFwd / 1 W))", .alarm = true},
    {.chart = "exp", .eq = "mean(exp(Press / 100 mTorr) in step(\"OE\"))", .alarm = true},
    {.chart = "power", .eq = "mean((RfFwd / 500 W) ^ 1.7)", .alarm = true},
    {.chart = "root", .eq = "sqrt(mean(Press * Press))", .alarm = true},
    {.chart = "while", .eq = "span(while(RfFwd > 500 W))", .alarm = true, .optional = true},
};
enum { N_CHARTS = TFDC_COUNT(CHARTS) };
static const struct model_strategy STRATEGY = {.id = "watch", .clear_runs = 3, .charts = CHARTS, .n_charts = N_CHARTS};
static const char *const NAMES[CHAMBERS] = {"A", "B", "C", "D"};
static const char *const KEYS[CHAMBERS] = {"ETCH-1:A", "ETCH-1:B", "ETCH-1:C", "ETCH-1:D"};

static void must(tfdc_rc rc) {
  if (rc == TFDC_OK) return;
  fprintf(stderr, "%s\n", tfdc_rc_name(rc));
  exit(2);
}

/* --- the runs: whole numbers only, so that no library function has a say --- */

static uint64_t mix(uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}
/* About normal, sd 1. */
static double noise(uint64_t seed) {
  uint64_t h = mix(seed);
  double sum = 0;
  for (int i = 0; i < 4; i++) sum += (double)((h >> (16 * i)) & 0xffff) / 65536;
  return (sum - 2) * 1.75;
}

struct fab {
  struct chunk_encoder *encoder;
  struct model_step steps[2];
  struct model_context context;
  struct tfdc_buf bytes;
  struct chunk_blob blob;
};

/* Some runs are faulty, so that alarms open and clear. */
static void make_run(struct fab *f, uint64_t chamber, uint64_t run) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct tfdc_arena scratch = {0};
  struct model_chunk chunk = {0};
  struct model_block *b = model_block_create(2, POINTS, (size_t)2 * POINTS, &columns, &times, &values);
  if (b == NULL) exit(2);
  int64_t start = INT64_C(1790000000000000) + (int64_t)run * 60 * SECOND;
  uint64_t seed = (chamber * RUNS + run) * 10000;
  double level = 50 + (double)chamber / 3 + noise(seed) / 10 + (run > LEARN && run % 17 < 2 ? 3 : 0);
  for (size_t i = 0; i < POINTS; i++) {
    times[i] = start + (int64_t)i * SECOND / 10 + (int64_t)(mix(seed + i) % 5000);
    values[i] = level + (double)i / 1000 + noise(seed + 1000 + i) / 7;
    values[POINTS + i] = 10 * level + noise(seed + 2000 + i) * 3.1;
  }
  columns[0] = (struct model_column){1, "Press", POINTS, times, values};
  columns[1] = (struct model_column){2, "RfFwd", POINTS, times, values + POINTS};
  f->bytes.size = 0;
  must(chunk_encode(f->encoder, &b, 1, &scratch, &f->bytes, &chunk, NULL));
  f->blob = (struct chunk_blob){chunk.blob, chunk.blob_n, chunk.checksum};
  f->steps[0] = (struct model_step){1, 1, "ME", start, MODEL_NO_TIME};
  f->steps[1] = (struct model_step){2, 1, "OE", start + 20 * SECOND, MODEL_NO_TIME};
  f->context = (struct model_context){.context_id = {chamber, run},
                                      .key = {"ETCH-1", NAMES[chamber]},
                                      .tool_type = "ETCH",
                                      .revision = 1,
                                      .historical = true,
                                      .start_us = start,
                                      .end_us = start + 31 * SECOND,
                                      .order_us = start + 31 * SECOND,
                                      .recipe_id = "R1",
                                      .steps = f->steps,
                                      .n_steps = 2};
  tfdc_arena_deinit(&scratch);
  model_block_unref(b);
}

static void judge(struct fab *f, const struct model_limit_set *limits, const struct model_u_record *prev,
                  struct verdict_output *ret) {
  static const struct model_svid svids[] = {{.number = 1, .name = "Press", .unit = "mTorr"},
                                            {.number = 2, .name = "RfFwd", .unit = "W"}};
  const struct model_chamber chamber = {.key = f->context.key, .svids = svids, .n_svids = 2};
  const struct verdict_pick pick = {
      .from = {.strategy = &STRATEGY, .version = 1, .limits = limits, .limit_version = limits != NULL},
      .partition = "R1",
      .prev = prev};
  const struct verdict_input in = {.context = &f->context,
                                   .chamber = &chamber,
                                   .chunks = &f->blob,
                                   .n_chunks = 1,
                                   .picks = &pick,
                                   .n_picks = 1,
                                   .judgement = 1,
                                   .max_bytes = (size_t)64 << 20,
                                   .now = {f->context.end_us},
                                   .defender = "defender-0"};
  must(verdict_compute(&in, ret));
}

/* --- limits, as `tfdc learn` makes them --- */

static struct model_limit_set learn(const double *x, const uint32_t *group, struct tfdc_arena *mem) {
  struct spc_learn_input in = {
      .n_runs = CHAMBERS * LEARN, .n_charts = N_CHARTS, .n_groups = CHAMBERS, .x = x, .group = group};
  struct spc_learn_options options;
  struct spc_learned learned;
  spc_learn_options_init(&options);
  must(spc_learn(&in, &options, mem, &learned, NULL));
  struct model_limit_group *g = tfdc_arena_alloc(mem, sizeof *g);
  struct model_limit_chart *charts = tfdc_arena_alloc(mem, N_CHARTS * sizeof *charts);
  if (g == NULL || charts == NULL) exit(2);
  for (size_t c = 0; c < N_CHARTS; c++) {
    const struct spc_learned_chart *l = &learned.chart[c];
    struct model_limit_centre *centres = tfdc_arena_alloc(mem, CHAMBERS * sizeof *centres);
    if (centres == NULL) exit(2);
    for (size_t k = 0; k < CHAMBERS; k++) {
      const struct spc_learned_centre *centre = &learned.centre[k * N_CHARTS + c];
      centres[k] = (struct model_limit_centre){KEYS[k], centre->centre, centre->n};
    }
    charts[c] = (struct model_limit_chart){.chart = CHARTS[c].chart,
                                           .s = l->s,
                                           .dof = (uint32_t)l->dof,
                                           .width_lo = l->width_lo,
                                           .width_up = l->width_up,
                                           .left_out = l->s > 0 ? NULL : "no spread",
                                           .centres = centres,
                                           .n_centres = CHAMBERS};
  }
  *g = (struct model_limit_group){.partition = "R1",
                                  .tool_type = "ETCH",
                                  .n_runs = CHAMBERS * LEARN,
                                  .width = learned.width,
                                  .warn_at = learned.warn_at,
                                  .charts = charts,
                                  .n_charts = N_CHARTS};
  return (struct model_limit_set){.id = "watch", .groups = g, .n_groups = 1};
}

static struct model_limit_set learn_from_first(struct fab *f, struct tfdc_arena *mem) {
  double *x = tfdc_arena_array(mem, (size_t)CHAMBERS * LEARN * N_CHARTS, sizeof *x);
  uint32_t *group = tfdc_arena_array(mem, CHAMBERS * LEARN, sizeof *group);
  if (x == NULL || group == NULL) exit(2);
  for (uint32_t i = 0; i < CHAMBERS * LEARN; i++) {
    struct verdict_output out = {0};
    make_run(f, i / LEARN, i % LEARN);
    judge(f, NULL, NULL, &out);
    group[i] = i / LEARN;
    for (size_t c = 0; c < N_CHARTS; c++) x[i * N_CHARTS + c] = out.records[0].points[c].value;
    verdict_release(&out);
  }
  return learn(x, group, mem);
}

static void judge_all(struct fab *f, const struct model_limit_set *limits) {
  size_t verdicts[MODEL_NOT_JUDGED + 1] = {0}, alarms = 0;
  struct tfdc_buf all = {0};
  for (uint64_t k = 0; k < CHAMBERS; k++) {
    struct verdict_output before = {0};
    for (uint64_t run = 0; run < RUNS; run++) {
      struct verdict_output out = {0};
      make_run(f, k, run);
      judge(f, limits, run > 0 ? before.records : NULL, &out);
      must(model_u_record_encode(out.records, &all));
      verdicts[out.verdict.verdict]++;
      alarms += out.n_alarms;
      verdict_release(&before);
      before = out;
    }
    verdict_release(&before);
  }
  struct tfdc_id128 digest = tfdc_xxh3_128(all.data, all.size);
  char text[33];
  printf("records %s\n", tfdc_id128_format(digest, text));
  printf("runs %d OK %zu WARN %zu OOC %zu ACTION %zu NOT_JUDGED %zu alarms %zu\n", CHAMBERS * RUNS, verdicts[MODEL_OK],
         verdicts[MODEL_WARN], verdicts[MODEL_OOC], verdicts[MODEL_ACTION], verdicts[MODEL_NOT_JUDGED], alarms);
  tfdc_buf_deinit(&all);
}

static void print_libm(void) {
  static double v[40000];
  for (size_t i = 0; i < 10000; i++) {
    volatile double x = 0.1 + (double)i * 0.00371;
    v[4 * i] = exp(x);
    v[4 * i + 1] = log(x);
    v[4 * i + 2] = sin(x);
    v[4 * i + 3] = pow(x, 1.7);
  }
  printf("libm %016" PRIx64 "\n", tfdc_xxh3_64(v, sizeof v));
}

int main(void) {
  struct fab f = {0};
  struct tfdc_arena mem = {0};
  must(chunk_encoder_create(&f.encoder));
  struct model_limit_set limits = learn_from_first(&f, &mem);
  judge_all(&f, &limits);
  print_libm();
  chunk_encoder_destroy(f.encoder);
  tfdc_buf_deinit(&f.bytes);
  tfdc_arena_deinit(&mem);
  return 0;
}
