/* SPDX-License-Identifier: Apache-2.0
 * A T-chart that is not whole is read once more and then never judged: the judge machine with verdict_compute. */
#include "core/verdict_run_test.h"

#include "core/judge.h"

enum { CHUNKS = 3 };

struct rig {
  struct judge *judge;
  struct catalog *catalog;
  struct bench bench;
  struct model_completion completion;
  struct model_chunk chunks[CHUNKS];
  uint64_t checksums[CHUNKS];
  struct tfdc_buf bytes[CHUNKS];
  struct verdict_output out;
  bool computed;
  int reads;
  struct model_run_verdict verdict;
  bool acked;
};

/* The run in three chunks, as a collector cuts it. */
static void cut(struct rig *r) {
  struct chunk_encoder *encoder = NULL;
  assert_int_equal(chunk_encoder_create(&encoder), TFDC_OK);
  for (size_t c = 0; c < CHUNKS; c++) {
    struct model_column *columns;
    int64_t *times;
    double *values;
    struct tfdc_arena scratch = {0};
    struct model_block *block = model_block_create(1, 34, 34, &columns, &times, &values);
    assert_non_null(block);
    for (size_t i = 0; i < 34; i++) {
      times[i] = r->bench.context.start_us + (int64_t)(c * 34 + i) * BENCH_SECOND / 10;
      values[i] = 50 + (double)c;
    }
    columns[0] = (struct model_column){1, "Press", 34, times, values};
    assert_int_equal(chunk_encode(encoder, &block, 1, &scratch, &r->bytes[c], &r->chunks[c], NULL), TFDC_OK);
    r->chunks[c].first_seq = r->chunks[c].last_seq = c + 1;
    r->checksums[c] = r->chunks[c].checksum;
    tfdc_arena_deinit(&scratch);
    model_block_unref(block);
  }
  chunk_encoder_destroy(encoder);
}

static void init(struct rig *r) {
  static const char body[] = "{\"v\":1,\"strategy\":\"watch\",\"charts\":[{\"chart\":\"mean\",\"eq\":\"mean(Press)\","
                             "\"limits\":{\"lcl\":40,\"ucl\":60}}]}";
  const struct model_def def = {
      .kind = MODEL_DEF_STRATEGY, .id = "watch", .version = 1, .approved = true, .body = body};
  struct judge_options options;
  *r = (struct rig){0};
  bench_init(&r->bench);
  cut(r);
  r->bench.context.chunk_count = CHUNKS;
  r->bench.context.chunk_digest = model_chunk_digest(r->checksums, CHUNKS);
  r->completion = model_completion_of(&r->bench.context, 1);
  judge_options_default(&options);
  assert_int_equal(judge_create(&options, &r->judge), TFDC_OK);
  assert_int_equal(catalog_create(&def, 1, &r->catalog, NULL), TFDC_OK);
  judge_step(r->judge, &(struct judge_event){.kind = JUDGE_CATALOG, .catalog = r->catalog});
}

static void deinit(struct rig *r) {
  judge_destroy(r->judge);
  catalog_unref(r->catalog);
  verdict_release(&r->out);
  for (size_t c = 0; c < CHUNKS; c++) tfdc_buf_deinit(&r->bytes[c]);
}

/* What a store of little memory gives for each read. */
typedef void (*trace_fn)(struct rig *r, int read, struct judge_event *ret);

static void answer(struct rig *r, const struct judge_action *a, trace_fn trace, struct judge_event *ret) {
  static const struct judge_history history[1];
  switch (a->kind) {
  case JUDGE_LOAD:
    ret->context = &r->bench.context;
    ret->chamber = &BENCH_CHAMBER;
    break;
  case JUDGE_TRACE:
    ret->chunks = r->chunks;
    ret->n_chunks = CHUNKS;
    trace(r, ++r->reads, ret);
    break;
  case JUDGE_HISTORY: ret->history = history; break;
  case JUDGE_COMPUTE:
    assert_int_equal(verdict_compute(a->input, &r->out), TFDC_OK);
    r->computed = true;
    ret->output = &r->out;
    break;
  case JUDGE_WRITE: r->verdict = *a->verdict; break;
  case JUDGE_ACK: r->acked = true; break;
  default: break;
  }
}

/* From delivery to ack. */
static void run(struct rig *r, trace_fn trace) {
  struct judge_event e = {.kind = JUDGE_DELIVERED, .token = 1, .deliveries = 1, .completion = &r->completion};
  for (int i = 0; i < 100 && !r->acked; i++) {
    struct judge_event next = {.kind = JUDGE_DONE, .now = {(int64_t)(i + 1) * 1000}};
    bool found = false;
    size_t n;
    judge_step(r->judge, &e);
    const struct judge_action *a = judge_actions(r->judge, &n);
    for (size_t k = 0; k < n && !found; k++) {
      found = a[k].kind < JUDGE_PROGRESS;
      if (!found) continue;
      next.job = a[k].job;
      answer(r, &a[k], trace, &next);
    }
    assert_true(found);
    e = next;
  }
  assert_true(r->acked);
}

static void whole(struct rig *r, int read, struct judge_event *ret) {
  (void)r;
  (void)read;
  (void)ret;
}
static void one_lost(struct rig *r, int read, struct judge_event *ret) {
  (void)read;
  struct model_chunk last = r->chunks[CHUNKS - 1]; /* the middle one is not there */
  r->chunks[1] = last;
  ret->n_chunks = CHUNKS - 1;
}
static void lost_at_first(struct rig *r, int read, struct judge_event *ret) {
  (void)r;
  if (read == 1) ret->n_chunks = CHUNKS - 1;
}
static void another_chunk(struct rig *r, int read, struct judge_event *ret) {
  (void)read;
  (void)ret;
  r->chunks[1].checksum = r->checksums[1] ^ 1; /* of other content than the context row says */
}
static void all_gone(struct rig *r, int read, struct judge_event *ret) {
  (void)r;
  (void)read;
  ret->n_chunks = 0;
}
static void damaged(struct rig *r, int read, struct judge_event *ret) {
  (void)ret;
  if (read == 1) r->bytes[1].data[r->bytes[1].size / 2] ^= 1; /* the checksum beside it is the right one */
}

struct story {
  trace_fn trace;
  enum model_verdict verdict;
  enum model_reason reason;
  int reads;
};

static void a_trace_that_is_not_whole_after_two_reads_is_not_judged(void **state) {
  (void)state;
  static const struct story rows[] = {
      {whole, MODEL_OK, MODEL_REASON_NONE, 1},
      {lost_at_first, MODEL_OK, MODEL_REASON_NONE, 2},
      {one_lost, MODEL_NOT_JUDGED, MODEL_REASON_PARTIAL, 2},
      {another_chunk, MODEL_NOT_JUDGED, MODEL_REASON_PARTIAL, 2},
      {all_gone, MODEL_NOT_JUDGED, MODEL_REASON_TRACE_EXPIRED, 2},
      {damaged, MODEL_NOT_JUDGED, MODEL_REASON_CORRUPT, 1},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct rig r;
    init(&r);
    run(&r, rows[i].trace);
    if (r.verdict.verdict != rows[i].verdict || r.verdict.reason != rows[i].reason || r.reads != rows[i].reads)
      fail_msg("story %zu: %s(%s) after %d reads", i, model_verdict_name(r.verdict.verdict),
               model_reason_name(r.verdict.reason), r.reads);
    const struct model_point *p = &r.out.records[0].points[0];
    assert_true(r.computed && p->reason == rows[i].reason && (p->verdict == MODEL_NOT_JUDGED) == isnan(p->value));
    deinit(&r);
  }
}

/* Chunks that a collector stored after another one had closed the run: the row does not count them. */
static void chunks_that_came_after_the_close_are_left_out(void **state) {
  (void)state;
  static const struct {
    size_t counted[CHUNKS], n;
    double mean;
  } rows[] = {{{0, 1}, 2, 50.5}, {{2}, 1, 52}, {{0}, 1, 50}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct rig r;
    uint64_t sums[CHUNKS];
    init(&r);
    for (size_t k = 0; k < rows[i].n; k++) sums[k] = r.checksums[rows[i].counted[k]];
    r.bench.context.chunk_count = (uint32_t)rows[i].n;
    r.bench.context.chunk_digest = model_chunk_digest(sums, rows[i].n);
    run(&r, whole);
    assert_int_equal(r.reads, 1);
    const struct model_point *p = &r.out.records[0].points[0];
    assert_true(p->reason == MODEL_REASON_LOW_QUALITY || p->value == rows[i].mean);
    assert_true(p->n == 34 * rows[i].n || p->n + 1 == 34 * rows[i].n); /* the last sample lies behind the run's end */
    deinit(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_trace_that_is_not_whole_after_two_reads_is_not_judged),
      cmocka_unit_test(chunks_that_came_after_the_close_are_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
