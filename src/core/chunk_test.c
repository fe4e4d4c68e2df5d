/* SPDX-License-Identifier: Apache-2.0
 * A long run in many chunks gives the same bits as in one. */
#include "support/cmocka_all.h"

#include "base/hash.h"
#include "core/chunk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TFDC_SANITIZED
enum { SVIDS = 12 };
#else
enum { SVIDS = 250 };
#endif
enum { RATE = 10, HOURS = 2, POINTS = HOURS * 3600 * RATE, BLOCK = 100, BLOCKS = POINTS / BLOCK, PERIOD_US = 100000 };
enum { CHUNK = 3, CHUNKS = BLOCKS / CHUNK }; /* blocks of one chunk: 30 s */
enum { MOST = 64 << 20 };
static const int64_t START = INT64_C(1790000000000007);

static const char *const NAMES[] = {"S000", "S001", "S002", "S005", "Absent"};
static const struct chunk_names WANTED = {NAMES, TFDC_COUNT(NAMES)};

struct chunks {
  struct chunk_blob blob[CHUNKS];
  size_t n;
  struct tfdc_buf bytes[CHUNKS];
};
/* The run as its blocks. */
struct world {
  struct model_block *blocks[BLOCKS];
  char names[SVIDS][8];
  struct chunk_encoder *encoder;
  struct chunks one, many, overlapping;
};

/* Sensor k at sample i: ripple, a step, quantised as sensors are; S002 has missing readings. */
static double value_of(size_t k, size_t i) {
  if (k == 2 && i % 97 == 13) return i % 2 == 0 ? (double)NAN : (double)INFINITY;
  uint64_t h = (uint64_t)(i * SVIDS + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
  double noise = (double)((h >> 40) & 63) / 64;
  return (double)(k * 10) + (i > POINTS / 3 ? 5 : 0) + (double)(i % 600) / 1024 + noise;
}

static struct model_block *make_block(struct world *w, size_t b) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *block = model_block_create(SVIDS, BLOCK, (size_t)SVIDS * BLOCK, &columns, &times, &values);
  assert_non_null(block);
  for (size_t i = 0; i < BLOCK; i++) times[i] = START + (int64_t)(b * BLOCK + i) * PERIOD_US;
  for (size_t k = 0; k < SVIDS; k++) {
    double *v = values + k * BLOCK;
    for (size_t i = 0; i < BLOCK; i++) v[i] = value_of(k, b * BLOCK + i);
    columns[k] = (struct model_column){(uint32_t)(1000 + k), w->names[k], BLOCK, times, v};
  }
  block->seq = b + 1;
  block->points = (uint64_t)SVIDS * BLOCK;
  return block;
}

static void encode(struct world *w, struct chunks *to, size_t from, size_t n) {
  struct tfdc_arena scratch = {.limit = (size_t)1 << 30};
  struct model_chunk chunk = {0};
  struct tfdc_buf *bytes = &to->bytes[to->n];
  assert_int_equal(chunk_encode(w->encoder, w->blocks + from, n, &scratch, bytes, &chunk, NULL), TFDC_OK);
  assert_int_equal(chunk.points, n * BLOCK * SVIDS);
  assert_int_equal(chunk.first_us, START + (int64_t)(from * BLOCK) * PERIOD_US);
  assert_int_equal(chunk.last_us, START + (int64_t)((from + n) * BLOCK - 1) * PERIOD_US);
  to->blob[to->n++] = (struct chunk_blob){chunk.blob, chunk.blob_n, chunk.checksum};
  tfdc_arena_deinit(&scratch);
}

static int set_up(void **state) {
  struct world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  for (size_t k = 0; k < SVIDS; k++) (void)snprintf(w->names[k], sizeof w->names[k], "S%03u", (unsigned)k % 1000);
  for (size_t b = 0; b < BLOCKS; b++) w->blocks[b] = make_block(w, b);
  assert_int_equal(chunk_encoder_create(&w->encoder), TFDC_OK);
  encode(w, &w->one, 0, BLOCKS);
  for (size_t c = 0; c < CHUNKS; c++) encode(w, &w->many, c * CHUNK, CHUNK);
  for (size_t c = 0; c < CHUNKS; c++) /* each repeats the last block before it and begins the next one */
    encode(w, &w->overlapping, c * CHUNK - (size_t)(c > 0), CHUNK + (size_t)(c > 0) + (size_t)(c + 1 < CHUNKS));
  *state = w;
  return 0;
}

static void free_chunks(struct chunks *c) {
  for (size_t i = 0; i < c->n; i++) tfdc_buf_deinit(&c->bytes[i]);
}

static int tear_down(void **state) {
  struct world *w = *state;
  for (size_t b = 0; b < BLOCKS; b++) model_block_unref(w->blocks[b]);
  chunk_encoder_destroy(w->encoder);
  free_chunks(&w->one);
  free_chunks(&w->many);
  free_chunks(&w->overlapping);
  free(w);
  return 0;
}

static const char *const EQUATIONS[] = {
    "mean(S000)",
    "std(S001 in run.at(100 s, 200 s))",
    "slope(S000 in run.at(3333.3 s, 6666.6 s))",
    "area(S001 in step(\"ME\"))",
    "median(S002 in step(\"ME\").trim(2 s, 0.5 s))",
    "std(S002)",
    "sum(S005 in step(\"OE\"))",
    "mean(abs(S000 - S001) in step(\"OE\").first(95 s))",
    "span(while(S005 > 53, min=1 s))",
    "range(mean(S001 in while(S000 > 5, min=0.2 s).each), min_good=0)",
};
enum { N_EQ = TFDC_COUNT(EQUATIONS) };

static void evaluate(const struct eq_series *series, size_t n, struct eq_value ret[N_EQ]) {
  const struct eq_step steps[] = {{"ME", 1, 0, START + 1234567890, START + INT64_C(4000000001)},
                                  {"OE", 2, 0, START + INT64_C(4000000001), INT64_MIN}};
  struct eq_run run = {.start_us = START,
                       .end_us = START + (int64_t)POINTS * PERIOD_US,
                       .series = series,
                       .n_series = n,
                       .steps = steps,
                       .n_steps = TFDC_COUNT(steps)};
  for (size_t i = 0; i < N_EQ; i++) {
    struct tfdc_arena scratch = {0};
    struct eq_program *p = NULL;
    assert_int_equal(eq_compile(EQUATIONS[i], strlen(EQUATIONS[i]), NULL, NULL, &p, NULL), TFDC_OK);
    assert_int_equal(eq_eval(p, &run, &scratch, &ret[i]), TFDC_OK);
    assert_int_equal(ret[i].reason, EQ_OK);
    eq_program_destroy(p);
    tfdc_arena_deinit(&scratch);
  }
}

static void evaluate_chunks(const struct chunks *c, struct eq_value ret[N_EQ]) {
  struct tfdc_arena mem = {.limit = MOST * 2};
  struct eq_series *series = NULL;
  size_t n = 0;
  assert_int_equal(chunk_decode(c->blob, c->n, &WANTED, MOST, &mem, &series, &n, NULL), TFDC_OK);
  assert_int_equal(n, TFDC_COUNT(NAMES) - 1); /* what no chunk has is left out */
  for (size_t s = 0; s < n; s++) assert_int_equal(series[s].n, POINTS);
  evaluate(series, n, ret);
  tfdc_arena_deinit(&mem);
}

static void assert_same_bits(const struct eq_value *a, const struct eq_value *b) {
  for (size_t i = 0; i < N_EQ; i++) {
    bool same = memcmp(&a[i].value, &b[i].value, sizeof a[i].value) == 0 && a[i].n == b[i].n &&
                memcmp(&a[i].quality, &b[i].quality, sizeof a[i].quality) == 0;
    if (!same) fail_msg("%s: %a and %a", EQUATIONS[i], a[i].value, b[i].value);
  }
}

/* From the numbers themselves, no chunk between. */
static void evaluate_raw(struct eq_value ret[N_EQ]) {
  static const size_t sensors[] = {0, 1, 2, 5};
  struct eq_series series[4];
  int64_t *t = malloc(POINTS * sizeof *t);
  double *v = malloc(4 * POINTS * sizeof *v);
  assert_true(t != NULL && v != NULL);
  for (size_t i = 0; i < POINTS; i++) t[i] = START + (int64_t)i * PERIOD_US;
  for (size_t s = 0; s < 4; s++) {
    for (size_t i = 0; i < POINTS; i++) v[s * POINTS + i] = value_of(sensors[s], i);
    series[s] = (struct eq_series){NAMES[s], POINTS, t, v + s * POINTS};
  }
  evaluate(series, 4, ret);
  free(t);
  free(v);
}

static void many_chunks_give_the_bits_of_one(void **state) {
  struct world *w = *state;
  struct eq_value raw[N_EQ], one[N_EQ], many[N_EQ];
  evaluate_raw(raw);
  evaluate_chunks(&w->one, one);
  evaluate_chunks(&w->many, many);
  assert_same_bits(raw, one);
  assert_same_bits(one, many);
  print_message("%d SVIDs, %d points in %zu chunks of %zu bytes on average\n", SVIDS, POINTS, w->many.n,
                w->many.blob[1].n);
}

static void chunks_that_repeat_equal_blocks_count_them_once(void **state) {
  struct world *w = *state;
  struct eq_value one[N_EQ], overlapping[N_EQ];
  evaluate_chunks(&w->one, one);
  evaluate_chunks(&w->overlapping, overlapping);
  assert_same_bits(one, overlapping);
}

static tfdc_rc decode(const struct chunk_blob *blobs, size_t n, size_t most, struct tfdc_error *err) {
  struct tfdc_arena mem = {.limit = MOST * 2};
  struct eq_series *series = NULL;
  size_t n_series = 77;
  tfdc_rc rc = chunk_decode(blobs, n, &WANTED, most, &mem, &series, &n_series, err);
  assert_true(rc == TFDC_OK || (series == NULL && n_series == 77));
  tfdc_arena_deinit(&mem);
  return rc;
}

/* A chunk of one SVID and four samples, the third of them `third`. */
static void tiny(struct world *w, struct chunks *to, int64_t first_us, double third) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *b = model_block_create(1, 4, 4, &columns, &times, &values);
  assert_non_null(b);
  for (int i = 0; i < 4; i++) times[i] = first_us + i * PERIOD_US;
  for (int i = 0; i < 4; i++) values[i] = (double)(times[i] / PERIOD_US);
  values[2] = third;
  columns[0] = (struct model_column){1, "S000", 4, times, values};
  struct tfdc_arena scratch = {0};
  struct model_chunk chunk = {0};
  assert_int_equal(chunk_encode(w->encoder, &b, 1, &scratch, &to->bytes[to->n], &chunk, NULL), TFDC_OK);
  to->blob[to->n++] = (struct chunk_blob){chunk.blob, chunk.blob_n, chunk.checksum};
  tfdc_arena_deinit(&scratch);
  model_block_unref(b);
}

static tfdc_rc decode_two(struct world *w, int64_t first, double a, int64_t second, double b) {
  struct chunks two = {0};
  struct tfdc_error err = {0};
  tiny(w, &two, first, a);
  tiny(w, &two, second, b);
  tfdc_rc rc = decode(two.blob, two.n, MOST, &err);
  if (rc == TFDC_E_CONFLICT) assert_non_null(strstr(err.msg, "S000 has two histories at "));
  free_chunks(&two);
  return rc;
}

static void the_same_time_with_other_bits_is_a_conflict(void **state) {
  struct world *w = *state;
  assert_int_equal(decode_two(w, 0, 2, 0, 2), TFDC_OK);
  assert_int_equal(decode_two(w, 0, 2, 0, nextafter(2, 3)), TFDC_E_CONFLICT);
  assert_int_equal(decode_two(w, 0, (double)NAN, 0, (double)NAN), TFDC_OK);
  assert_int_equal(decode_two(w, 0, 0.0, 0, -0.0), TFDC_E_CONFLICT);
  assert_int_equal(decode_two(w, 4 * PERIOD_US, 6, 0, 2), TFDC_E_CONFLICT);    /* back, and new there */
  assert_int_equal(decode_two(w, 0, 2, PERIOD_US / 2, 2), TFDC_E_CONFLICT);    /* between what is there */
  assert_int_equal(decode_two(w, 0, 2, 2 * PERIOD_US, 4), TFDC_OK);            /* half repeated, half new */
  assert_int_equal(decode_two(w, 0, 2, INT64_C(4) * PERIOD_US, 6), TFDC_OK);   /* right behind */
  assert_int_equal(decode_two(w, 0, 2, INT64_C(40) * PERIOD_US, 42), TFDC_OK); /* after a hole */
}

static void a_flipped_byte_is_found_wherever_it_is(void **state) {
  struct world *w = *state;
  struct tfdc_buf *bytes = &w->many.bytes[5];
  for (size_t at = 0; at < bytes->size; at += 1 + bytes->size / 50) {
    struct tfdc_error err = {0};
    bytes->data[at] ^= 0x10;
    assert_int_equal(decode(w->many.blob + 4, 3, MOST, &err), TFDC_E_CORRUPT);
    assert_non_null(strstr(err.msg, "chunk 2 of 3"));
    bytes->data[at] ^= 0x10;
  }
  assert_int_equal(decode(w->many.blob + 4, 3, MOST, NULL), TFDC_OK);
}

static void bytes_that_are_no_chunk_are_corrupt_although_their_checksum_fits(void **state) {
  struct world *w = *state;
  struct chunk_blob cut = w->many.blob[5];
  for (size_t n = 1; n < cut.n; n += 1 + cut.n / 40) {
    cut.n = n;
    cut.checksum = tfdc_xxh3_64(cut.data, n);
    assert_int_equal(decode(&cut, 1, MOST, NULL), TFDC_E_CORRUPT);
    cut.n = w->many.blob[5].n;
  }
}

static void more_than_the_bytes_allowed_is_over_the_limit(void **state) {
  struct world *w = *state;
  struct tfdc_error err = {0};
  size_t need = 4 * POINTS * sizeof(double) + POINTS * sizeof(int64_t);
  assert_int_equal(decode(w->many.blob, w->many.n, need, NULL), TFDC_OK);
  assert_int_equal(decode(w->many.blob, w->many.n, need - 1, &err), TFDC_E_LIMIT);
  assert_non_null(strstr(err.msg, "the traces need more than"));
}

static void no_chunks_are_no_series(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct eq_series *series = NULL;
  size_t n = 77;
  assert_int_equal(chunk_decode(NULL, 0, &WANTED, MOST, &mem, &series, &n, NULL), TFDC_OK);
  assert_int_equal(n, 0);
  tfdc_arena_deinit(&mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_chunks_give_the_bits_of_one),
      cmocka_unit_test(chunks_that_repeat_equal_blocks_count_them_once),
      cmocka_unit_test(the_same_time_with_other_bits_is_a_conflict),
      cmocka_unit_test(a_flipped_byte_is_found_wherever_it_is),
      cmocka_unit_test(bytes_that_are_no_chunk_are_corrupt_although_their_checksum_fits),
      cmocka_unit_test(more_than_the_bytes_allowed_is_over_the_limit),
      cmocka_unit_test(no_chunks_are_no_series),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
