/* SPDX-License-Identifier: Apache-2.0 */
#include "mebo.h"

#include "base/hash.h"
#include "mebo/codec.h"
#include "mebo/format.h"
#include "support/cmocka_all.h"

#include <math.h>
#include <stdio.h>

/* ---- allocations that fail: the linker sends malloc, calloc and realloc here ---- */

static size_t allocations_left = SIZE_MAX;
void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);

static bool may_allocate(void) {
  if (allocations_left == 0) return false;
  if (allocations_left != SIZE_MAX) allocations_left--;
  return true;
}
void *__wrap_malloc(size_t n) { return may_allocate() ? __real_malloc(n) : NULL; }
void *__wrap_calloc(size_t count, size_t n) { return may_allocate() ? __real_calloc(count, n) : NULL; }
void *__wrap_realloc(void *p, size_t n) { return may_allocate() ? __real_realloc(p, n) : NULL; }

/* ---- helpers ---- */

enum { most_points = 65537 };

struct points {
  size_t n;
  int64_t t[most_points];
  double v[most_points];
};

static struct points given, got; /* too large for the stack */

static const uint8_t ts_encodings[] = {MEBO_TS_RAW, MEBO_TS_DELTA, MEBO_TS_DELTA_PACKED};
static const uint8_t value_encodings[] = {MEBO_VALUE_RAW, MEBO_VALUE_GORILLA, MEBO_VALUE_CHIMP, MEBO_VALUE_ALP};

static struct mebo_writer *new_writer(const struct mebo_options *o) {
  struct mebo_writer *w = NULL;
  assert_int_equal(mebo_writer_create(o, &w, NULL), TFDC_OK);
  return w;
}

static struct mebo_reader *open_blob(const struct tfdc_buf *b) {
  struct mebo_reader *r = NULL;
  struct tfdc_error err = {0};
  if (mebo_reader_open(b->data, b->size, NULL, &r, &err) != TFDC_OK) fail_msg("%s", err.msg);
  return r;
}

static void expect_points(const struct mebo_reader *r, const char *name, const struct points *p) {
  size_t at;
  struct mebo_metric m;
  assert_true(mebo_reader_find(r, name, &at));
  mebo_reader_metric(r, at, &m);
  assert_int_equal(m.points, p->n);
  assert_int_equal(mebo_reader_times(r, at, got.t, NULL), TFDC_OK);
  assert_int_equal(mebo_reader_values(r, at, got.v, NULL), TFDC_OK);
  assert_memory_equal(got.t, p->t, p->n * sizeof *p->t);
  assert_memory_equal(got.v, p->v, p->n * sizeof *p->v);
}

static void round_trip(const struct mebo_options *o, const struct points *p) {
  struct mebo_writer *w = new_writer(o);
  struct tfdc_buf b = {0};
  assert_int_equal(mebo_writer_add(w, "one", p->n, p->t, p->v, NULL), TFDC_OK);
  assert_int_equal(mebo_writer_add(w, "two", p->n, NULL, p->v, NULL), TFDC_OK);
  assert_int_equal(mebo_writer_finish(w, &b, NULL), TFDC_OK);
  assert_int_equal(mebo_validate(b.data, b.size, NULL, NULL), TFDC_OK);
  struct mebo_reader *r = open_blob(&b);
  assert_int_equal(mebo_reader_count(r), 2);
  assert_int_equal(mebo_reader_start_us(r), o->start_us);
  expect_points(r, "one", p);
  expect_points(r, "two", p);
  mebo_reader_destroy(r);
  tfdc_buf_deinit(&b);
  mebo_writer_destroy(w);
}

/* Every encoding, both byte orders, both layouts where they can hold it, with and without zstd. */
static void round_trip_all(const struct points *p) {
  for (size_t i = 0; i < TFDC_COUNT(ts_encodings) * TFDC_COUNT(value_encodings) * 8; i++) {
    struct mebo_options o = mebo_options_default();
    o.big_endian = i & 1;
    o.layout = i & 2 && p->n <= 4000 ? 1 : 2;
    o.shared_timestamps = o.layout == 2;
    o.ts_compression = o.value_compression = i & 4 ? MEBO_ZSTD : MEBO_NONE;
    o.ts_encoding = ts_encodings[i / 8 % TFDC_COUNT(ts_encodings)];
    o.value_encoding = value_encodings[i / 8 / TFDC_COUNT(ts_encodings)];
    o.start_us = (int64_t)i - 3;
    round_trip(&o, p);
  }
}

static uint64_t next_random(uint64_t *s) {
  *s ^= *s << 13;
  *s ^= *s >> 7;
  *s ^= *s << 17;
  return *s;
}

static double from_bits(uint64_t bits) {
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static void regular(struct points *p, size_t n) {
  p->n = n;
  for (size_t i = 0; i < n; i++) {
    p->t[i] = INT64_C(1760000000000000) + (int64_t)i * 100000;
    p->v[i] = (double)(i % 700) / 100.0;
  }
}

/* ---- round trips ---- */

static void few_points_come_back(void **state) {
  (void)state;
  for (size_t n = 1; n < 12; n++) {
    regular(&given, n);
    round_trip_all(&given);
  }
}

static void every_bit_of_a_value_comes_back(void **state) {
  (void)state;
  const uint64_t odd[] = {
      0x7ff8000000000000, 0x7ff0000000000001, 0xfff8dead0000beef, 0x7ff0000000000000, 0xfff0000000000000,
      0x8000000000000000, 0x0000000000000001, 0x7fefffffffffffff, 0x0010000000000000, 0,
      0xffffffffffffffff, 0x43e0000000000000};
  uint64_t seed = 88172645463325252;
  given.n = 0;
  for (size_t i = 0; i < 300; i++) {
    given.t[given.n] = (int64_t)i;
    given.v[given.n++] = i % 3 == 2 ? from_bits(next_random(&seed)) : from_bits(odd[i % TFDC_COUNT(odd)]);
  }
  round_trip_all(&given);
}

static void times_of_any_kind_come_back(void **state) {
  (void)state;
  uint64_t seed = 362436069;
  for (int kind = 0; kind < 5; kind++) {
    regular(&given, 200);
    for (size_t i = 0; i < given.n; i++) {
      int64_t r = (int64_t)next_random(&seed);
      if (kind == 0) given.t[i] += r % 2000;                     /* jitter */
      if (kind == 1) given.t[i] = -given.t[i];                   /* backwards, negative */
      if (kind == 2) given.t[i] = r;                             /* anything */
      if (kind == 3) given.t[i] = i % 2 ? INT64_MAX : INT64_MIN; /* the largest steps */
      if (kind == 4) given.t[i] = r >> (r & 63);                 /* every width */
    }
    round_trip_all(&given);
  }
}

static void values_of_any_width_come_back(void **state) {
  (void)state;
  uint64_t seed = 521288629, bits = 0;
  regular(&given, 3000);
  for (size_t i = 0; i < given.n; i++) {
    uint64_t r = next_random(&seed);
    bits ^= r >> (r & 63) << (next_random(&seed) & 63);
    given.v[i] = from_bits(bits);
  }
  round_trip_all(&given);
  for (unsigned decimals = 0; decimals < 12; decimals++) {
    for (size_t i = 0; i < given.n; i++)
      given.v[i] = round((double)(next_random(&seed) % 100000)) / pow(10.0, decimals);
    round_trip_all(&given);
  }
}

static void the_short_index_ends_at_65535(void **state) {
  (void)state;
  static const size_t counts[] = {65535, 65536, 65537};
  struct mebo_options o = mebo_options_default();
  for (size_t i = 0; i < TFDC_COUNT(counts); i++) {
    regular(&given, counts[i]);
    struct mebo_writer *w = new_writer(&o);
    struct tfdc_buf b = {0};
    assert_int_equal(mebo_writer_add_id(w, 7, given.n, given.t, given.v, NULL), TFDC_OK);
    assert_int_equal(mebo_writer_finish(w, &b, NULL), TFDC_OK);
    assert_int_equal(b.data[0] & 0xf0, counts[i] > 65535 ? MEBO_MAGIC_EXTENDED & 0xf0 : MEBO_MAGIC_LAYOUT2 & 0xf0);
    tfdc_buf_deinit(&b);
    mebo_writer_destroy(w);
    o.value_encoding = MEBO_VALUE_GORILLA;
    round_trip(&o, &given);
  }
}

/* ---- shared time stamps ---- */

static void equal_times_are_stored_once(void **state) {
  (void)state;
  struct mebo_options o = mebo_options_default();
  o.ts_encoding = MEBO_TS_RAW;
  struct mebo_writer *w = new_writer(&o);
  struct tfdc_buf b = {0};
  regular(&given, 100);
  for (uint64_t id = 1; id <= 6; id++) { /* 2, 4, 6 have other times; the arrays are the same */
    given.t[50] += id % 2 ? 0 : 5;
    assert_int_equal(mebo_writer_add_id(w, id, 100, given.t, given.v, NULL), TFDC_OK);
    given.t[50] -= id % 2 ? 0 : 5;
  }
  assert_int_equal(mebo_writer_finish(w, &b, NULL), TFDC_OK);
  assert_true(b.size < 3 * 800 + 6 * 200);
  struct mebo_reader *r = open_blob(&b);
  size_t groups[7];
  for (uint64_t id = 1; id <= 6; id++) {
    size_t at;
    struct mebo_metric m;
    assert_true(mebo_reader_find_id(r, id, &at));
    mebo_reader_metric(r, at, &m);
    groups[id] = m.ts_group;
    assert_int_equal(mebo_reader_times(r, at, got.t, NULL), TFDC_OK);
    assert_int_equal(got.t[50] - given.t[50], id % 2 ? 0 : 5);
  }
  assert_true(groups[1] == groups[3] && groups[1] == groups[5] && groups[2] == groups[4] && groups[1] != groups[2]);
  mebo_reader_destroy(r);
  tfdc_buf_deinit(&b);
  mebo_writer_destroy(w);
}

/* ---- identity ---- */

static void names_are_found_and_others_not(void **state) {
  (void)state;
  struct mebo_options o = mebo_options_default();
  for (o.layout = 1; o.layout <= 2; o.layout++) {
    o.shared_timestamps = o.layout == 2;
    struct mebo_writer *w = new_writer(&o);
    struct tfdc_buf b = {0};
    char name[32];
    for (int i = 0; i < 1000; i++) {
      (void)snprintf(name, sizeof name, "sensor %d", i);
      double v = i;
      int64_t t = i / 2;
      assert_int_equal(mebo_writer_add(w, name, 1, &t, &v, NULL), TFDC_OK);
    }
    assert_int_equal(mebo_writer_finish(w, &b, NULL), TFDC_OK);
    struct mebo_reader *r = open_blob(&b);
    for (int i = 0; i < 1000; i++) {
      size_t at, by_id;
      double v = -1;
      (void)snprintf(name, sizeof name, "sensor %d", i);
      assert_true(mebo_reader_find(r, name, &at));
      assert_true(mebo_reader_find_id(r, tfdc_xxh64(name, strlen(name)), &by_id));
      assert_int_equal(at, by_id);
      assert_int_equal(mebo_reader_values(r, at, &v, NULL), TFDC_OK);
      assert_true(v == (double)i);
    }
    size_t at;
    assert_false(mebo_reader_find(r, "sensor 1000", &at));
    assert_false(mebo_reader_find_id(r, UINT64_MAX, &at));
    mebo_reader_destroy(r);
    tfdc_buf_deinit(&b);
    mebo_writer_destroy(w);
  }
}

static void a_refused_metric_leaves_the_writer_as_it_was(void **state) {
  (void)state;
  struct mebo_options o = mebo_options_default();
  struct tfdc_buf with = {0}, without = {0};
  regular(&given, 10);
  for (int refuse = 0; refuse < 2; refuse++) {
    struct mebo_writer *w = new_writer(&o);
    struct tfdc_error err = {0};
    if (refuse) assert_int_equal(mebo_writer_add(w, "a", 10, NULL, given.v, &err), TFDC_E_USAGE);
    assert_int_equal(mebo_writer_add(w, "a", 10, given.t, given.v, &err), TFDC_OK);
    if (refuse) {
      assert_int_equal(mebo_writer_add(w, "a", 10, given.t, given.v, &err), TFDC_E_EXISTS);
      assert_non_null(strstr(err.msg, "a"));
      assert_int_equal(mebo_writer_add(w, "", 10, given.t, given.v, &err), TFDC_E_USAGE);
      assert_int_equal(mebo_writer_add(w, "b", 0, given.t, given.v, &err), TFDC_E_USAGE);
      assert_int_equal(mebo_writer_add(w, "b", 9, NULL, given.v, &err), TFDC_E_USAGE);
      assert_int_equal(mebo_writer_add_id(w, 5, 10, given.t, given.v, &err), TFDC_E_USAGE);
      assert_int_equal(mebo_writer_add_id(w, 0, 10, given.t, given.v, &err), TFDC_E_USAGE);
    }
    assert_int_equal(mebo_writer_add(w, "b", 10, NULL, given.v, &err), TFDC_OK);
    assert_int_equal(mebo_writer_finish(w, refuse ? &with : &without, &err), TFDC_OK);
    mebo_writer_destroy(w);
  }
  assert_int_equal(with.size, without.size);
  assert_memory_equal(with.data, without.data, with.size);
  tfdc_buf_deinit(&with);
  tfdc_buf_deinit(&without);
}

static void a_blob_is_finished_once(void **state) {
  (void)state;
  struct mebo_options o = mebo_options_default();
  struct mebo_writer *w = new_writer(&o);
  struct tfdc_buf b = {0};
  struct tfdc_error err = {0};
  assert_int_equal(mebo_writer_finish(w, &b, &err), TFDC_E_USAGE);
  regular(&given, 10);
  assert_int_equal(mebo_writer_add(w, "a", 10, given.t, given.v, &err), TFDC_OK);
  assert_int_equal(mebo_writer_finish(w, &b, &err), TFDC_OK);
  size_t size = b.size;
  assert_int_equal(mebo_writer_finish(w, &b, &err), TFDC_E_USAGE);
  assert_int_equal(mebo_writer_add(w, "b", 10, given.t, given.v, &err), TFDC_E_USAGE);
  assert_int_equal(b.size, size);
  mebo_writer_reset(w, 0);
  assert_int_equal(mebo_writer_count(w), 0);
  assert_int_equal(mebo_writer_add_id(w, 3, 10, given.t, given.v, &err), TFDC_OK);
  assert_int_equal(mebo_writer_finish(w, &b, &err), TFDC_OK);
  assert_int_equal(mebo_validate(b.data + size, b.size - size, NULL, &err), TFDC_OK); /* it was appended */
  tfdc_buf_deinit(&b);
  mebo_writer_destroy(w);
}

static void options_that_cannot_be_are_refused(void **state) {
  (void)state;
  struct mebo_writer *w = NULL;
  struct mebo_options o = mebo_options_default();
  o.value_compression = MEBO_LZ4;
  assert_int_equal(mebo_writer_create(&o, &w, NULL), TFDC_E_UNSUPPORTED);
  o = mebo_options_default();
  o.layout = 1;
  assert_int_equal(mebo_writer_create(&o, &w, NULL), TFDC_E_USAGE);
  o = mebo_options_default();
  o.value_compression = MEBO_ZSTD;
  o.zstd_level = 20;
  assert_int_equal(mebo_writer_create(&o, &w, NULL), TFDC_E_USAGE);
  assert_null(w);
}

static void the_metrics_of_a_blob_are_limited(void **state) {
  (void)state;
  struct mebo_options o = mebo_options_default();
  struct mebo_writer *w = new_writer(&o);
  int64_t t = 0;
  double v = 0;
  for (uint64_t id = 1; id <= MEBO_MAX_METRICS; id++)
    assert_int_equal(mebo_writer_add_id(w, id, 1, &t, &v, NULL), TFDC_OK);
  assert_int_equal(mebo_writer_add_id(w, MEBO_MAX_METRICS + 1, 1, &t, &v, NULL), TFDC_E_LIMIT);
  struct tfdc_buf b = {0};
  assert_int_equal(mebo_writer_finish(w, &b, NULL), TFDC_OK);
  assert_int_equal(mebo_validate(b.data, b.size, NULL, NULL), TFDC_OK);
  struct mebo_limits few = {.max_metrics = MEBO_MAX_METRICS - 1}, small = {.max_points = 1000};
  assert_int_equal(mebo_validate(b.data, b.size, &few, NULL), TFDC_E_LIMIT);
  assert_int_equal(mebo_validate(b.data, b.size, &small, NULL), TFDC_E_LIMIT);
  tfdc_buf_deinit(&b);
  mebo_writer_destroy(w);
}

/* ---- failures ---- */

static void write_some(struct tfdc_buf *b, uint8_t compression) {
  struct mebo_options o = mebo_options_default();
  o.ts_compression = o.value_compression = compression;
  struct mebo_writer *w = new_writer(&o);
  regular(&given, 50);
  for (uint64_t id = 1; id <= 5; id++) {
    assert_int_equal(mebo_writer_add_id(w, id * 77, 50, given.t, given.v, NULL), TFDC_OK);
    given.t[20] += (int64_t)(id & 1);
  }
  assert_int_equal(mebo_writer_finish(w, b, NULL), TFDC_OK);
  mebo_writer_destroy(w);
}

static void a_blob_cut_anywhere_is_refused(void **state) {
  (void)state;
  static const uint8_t compressions[] = {MEBO_NONE, MEBO_ZSTD};
  for (size_t k = 0; k < TFDC_COUNT(compressions); k++) {
    struct tfdc_buf b = {0};
    write_some(&b, compressions[k]);
    for (size_t n = 0; n < b.size; n++) {
      uint8_t *cut = malloc(n + 1);
      assert_non_null(cut);
      memcpy(cut, b.data, n);
      struct tfdc_error err = {0};
      assert_int_not_equal(mebo_validate(cut, n, NULL, &err), TFDC_OK);
      assert_true(err.msg[0] != '\0');
      free(cut);
    }
    tfdc_buf_deinit(&b);
  }
}

static void a_large_payload_needs_permission(void **state) {
  (void)state;
  struct tfdc_buf b = {0};
  struct mebo_options o = mebo_options_default();
  o.value_encoding = MEBO_VALUE_RAW;
  o.value_compression = MEBO_ZSTD;
  struct mebo_writer *w = new_writer(&o);
  regular(&given, 10000);
  assert_int_equal(mebo_writer_add_id(w, 1, given.n, given.t, given.v, NULL), TFDC_OK);
  assert_int_equal(mebo_writer_finish(w, &b, NULL), TFDC_OK);
  struct mebo_limits l = {.max_decompressed = 79999};
  assert_int_equal(mebo_validate(b.data, b.size, &l, NULL), TFDC_E_LIMIT);
  l.max_decompressed = 80000;
  assert_int_equal(mebo_validate(b.data, b.size, &l, NULL), TFDC_OK);
  tfdc_buf_deinit(&b);
  mebo_writer_destroy(w);
}

static tfdc_rc write_and_read(const struct mebo_options *o) {
  struct mebo_writer *w = NULL;
  struct tfdc_buf b = {0};
  tfdc_rc rc = mebo_writer_create(o, &w, NULL);
  for (uint64_t id = 1; id <= 100 && rc == TFDC_OK; id++) {
    rc = mebo_writer_add_id(w, id, 100, given.t, given.v, NULL);
    if (rc == TFDC_OK) continue;
    size_t left = allocations_left;
    allocations_left = SIZE_MAX; /* the writer can go on after a failure */
    assert_int_equal(mebo_writer_add_id(w, id, 100, given.t, given.v, NULL), TFDC_OK);
    allocations_left = left;
  }
  if (rc == TFDC_OK) rc = mebo_writer_finish(w, &b, NULL);
  if (rc == TFDC_OK) rc = mebo_validate(b.data, b.size, NULL, NULL);
  tfdc_buf_deinit(&b);
  mebo_writer_destroy(w);
  return rc;
}

static void each_failed_allocation_is_an_error(void **state) {
  (void)state;
  struct mebo_options o = mebo_options_default();
  o.layout = 1; /* ids are sorted then */
  o.shared_timestamps = false;
  for (int pass = 0; pass < 2; pass++) {
    regular(&given, 100);
    tfdc_rc rc = TFDC_E_NOMEM;
    size_t k = 0;
    for (; rc == TFDC_E_NOMEM; k++) {
      allocations_left = k;
      rc = write_and_read(&o);
      allocations_left = SIZE_MAX;
    }
    assert_int_equal(rc, TFDC_OK);
    assert_true(k > 8);
    o = mebo_options_default();
    o.ts_compression = o.value_compression = MEBO_ZSTD;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(few_points_come_back),
      cmocka_unit_test(every_bit_of_a_value_comes_back),
      cmocka_unit_test(times_of_any_kind_come_back),
      cmocka_unit_test(values_of_any_width_come_back),
      cmocka_unit_test(the_short_index_ends_at_65535),
      cmocka_unit_test(equal_times_are_stored_once),
      cmocka_unit_test(names_are_found_and_others_not),
      cmocka_unit_test(a_refused_metric_leaves_the_writer_as_it_was),
      cmocka_unit_test(a_blob_is_finished_once),
      cmocka_unit_test(options_that_cannot_be_are_refused),
      cmocka_unit_test(the_metrics_of_a_blob_are_limited),
      cmocka_unit_test(a_blob_cut_anywhere_is_refused),
      cmocka_unit_test(a_large_payload_needs_permission),
      cmocka_unit_test(each_failed_allocation_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
