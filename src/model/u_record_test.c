/* SPDX-License-Identifier: Apache-2.0 */
#include "model/codec.h"
#include "model/golden_test.h"
#include "model/samples_test.h"
#include "support/cmocka_all.h"

static void golden_records_are_written_and_read(void **state) {
  (void)state;
  static const struct {
    const char *file;
    const struct model_u_record *record;
  } rows[] = {{"u_record.bin", &sample_u}, {"u_record_least.bin", &sample_u_least}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct tfdc_buf out = {0}, again = {0};
    struct tfdc_arena mem = {0}, copies = {0};
    struct model_u_record back, copy;
    struct tfdc_error err = {0};
    assert_int_equal(model_u_record_encode(rows[i].record, &out), TFDC_OK);
    golden_is(rows[i].file, &out);
    tfdc_rc rc = model_u_record_decode(out.data, out.size, &mem, &back, &err);
    if (rc != TFDC_OK) fail_msg("%s: %s", rows[i].file, err.msg);
    assert_int_equal(model_u_record_copy(&back, &copies, &copy), TFDC_OK);
    tfdc_arena_deinit(&mem);
    assert_int_equal(model_u_record_encode(&copy, &again), TFDC_OK);
    assert_int_equal(out.size, again.size);
    assert_memory_equal(out.data, again.data, out.size);
    tfdc_arena_deinit(&copies);
    tfdc_buf_deinit(&out);
    tfdc_buf_deinit(&again);
  }
}

static void the_values_come_back(void **state) {
  (void)state;
  struct tfdc_buf out = {0};
  struct tfdc_arena mem = {0};
  struct model_u_record r;
  assert_int_equal(model_u_record_encode(&sample_u, &out), TFDC_OK);
  assert_int_equal(model_u_record_decode(out.data, out.size, &mem, &r, NULL), TFDC_OK);
  assert_string_equal(r.key.tool, "ETCH-01");
  assert_string_equal(r.partition, "POLY_ETCH");
  assert_true(r.late && r.revision == 1 && r.judgement == 2 && r.order_us == sample_u.order_us);
  assert_true(r.stored_us == sample_u.stored_us && tfdc_id128_eq(r.context_id, sample_id));
  assert_int_equal(r.episode_n, 2);
  assert_int_equal(r.n_points, 2);
  const struct model_point *p = &r.points[0], *q = &r.points[1];
  assert_string_equal(p->unit, "mTorr");
  assert_true(p->value == 52.3 && p->quality == 1 && p->centre == 50 && p->stddev == 0.1 + 0.2 && p->ucl == DBL_MAX);
  assert_true(p->lcl == 0 && signbit(p->lcl) && p->score == 5e-324 && p->n == 80);
  assert_true(p->eq_version == 3 && p->limit_version == 7 && p->verdict == MODEL_OOC && p->reason == 0);
  assert_memory_equal(p->state, sample_state, sizeof sample_state);
  assert_true(isnan(q->value) && q->quality == 0 && isnan(q->centre) && isnan(q->stddev) && isnan(q->score));
  assert_true(q->ucl == INFINITY && q->lcl == -INFINITY && q->reason == MODEL_REASON_NO_LIMITS && q->state_n == 0);
  tfdc_arena_deinit(&mem);
  tfdc_buf_deinit(&out);
}

static void every_nan_is_the_same(void **state) {
  (void)state;
  struct model_point p = sample_points[0];
  struct model_u_record r = sample_u;
  r.points = &p;
  r.n_points = 1;
  struct tfdc_buf a = {0}, b = {0};
  const uint64_t bits[] = {UINT64_C(0x7ff8000000000000), UINT64_C(0xfff0000000000123)};
  memcpy(&p.value, &bits[0], sizeof p.value);
  assert_int_equal(model_u_record_encode(&r, &a), TFDC_OK);
  memcpy(&p.value, &bits[1], sizeof p.value);
  assert_int_equal(model_u_record_encode(&r, &b), TFDC_OK);
  assert_int_equal(a.size, b.size);
  assert_memory_equal(a.data, b.data, a.size);
  tfdc_buf_deinit(&a);
  tfdc_buf_deinit(&b);
}

static tfdc_rc decode(const struct tfdc_buf *b, size_t n, struct tfdc_error *err) {
  struct tfdc_arena mem = {.limit = 256 << 10};
  struct model_u_record r;
  tfdc_rc rc = model_u_record_decode(b->data, n, &mem, &r, err);
  tfdc_arena_deinit(&mem);
  return rc;
}

static void a_cut_or_longer_record_is_refused(void **state) {
  (void)state;
  struct tfdc_buf out = {0};
  assert_int_equal(model_u_record_encode(&sample_u, &out), TFDC_OK);
  for (size_t n = 0; n < out.size; n++) assert_int_equal(decode(&out, n, NULL), TFDC_E_TRUNCATED);
  tfdc_put_u8(&out, 0);
  assert_int_equal(decode(&out, out.size, NULL), TFDC_E_MALFORMED);
  tfdc_buf_deinit(&out);
}

static void a_newer_version_is_refused_and_newer_fields_are_skipped(void **state) {
  (void)state;
  struct tfdc_error err = {0};
  struct tfdc_buf out = {0}, longer = {0};
  assert_int_equal(model_u_record_encode(&sample_u_least, &out), TFDC_OK);
  out.data[0] = MODEL_VERSION + 1;
  assert_int_equal(decode(&out, out.size, &err), TFDC_E_SCHEMA);
  out.data[0] = 0;
  assert_int_equal(decode(&out, out.size, &err), TFDC_E_MALFORMED);
  /* version, header with two bytes more, no points */
  tfdc_put_u8(&longer, MODEL_VERSION);
  tfdc_put_u8(&longer, (uint8_t)(out.data[1] + 2));
  tfdc_put(&longer, out.data + 2, out.data[1]);
  tfdc_put_u16(&longer, false, 0xffff);
  tfdc_put_u8(&longer, 0);
  assert_int_equal(decode(&longer, longer.size, &err), TFDC_OK);
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&longer);
}

static void impossible_contents_are_refused(void **state) {
  (void)state;
  struct tfdc_error err = {0};
  struct tfdc_buf out = {0};
  struct model_u_record r = sample_u;
  struct model_point p = sample_points[0];
  r.points = &p;
  r.n_points = 1;
  p.chart = "no blanks";
  assert_int_equal(model_u_record_encode(&r, &out), TFDC_OK);
  assert_int_equal(decode(&out, out.size, &err), TFDC_E_BAD_ID);
  assert_non_null(strstr(err.msg, "chart"));
  p = sample_points[0];
  p.verdict = (enum model_verdict)77;
  out.size = 0;
  assert_int_equal(model_u_record_encode(&r, &out), TFDC_OK);
  assert_int_equal(decode(&out, out.size, &err), TFDC_E_RANGE);
  p = sample_points[0];
  p.unit = "\x01";
  out.size = 0;
  assert_int_equal(model_u_record_encode(&r, &out), TFDC_OK);
  assert_int_equal(decode(&out, out.size, &err), TFDC_E_BAD_TEXT);
  p = sample_points[0];
  p.state_n = MODEL_STATE_BYTES_MAX + 1;
  assert_int_equal(model_u_record_encode(&r, &out), TFDC_E_LIMIT);
  r.n_points = MODEL_POINTS_MAX + 1;
  assert_int_equal(model_u_record_encode(&r, &out), TFDC_E_LIMIT);
  /* says that it has many points but holds none: refused before memory is taken for them */
  out.size = 0;
  assert_int_equal(model_u_record_encode(&sample_u_least, &out), TFDC_OK);
  out.size--;
  tfdc_put_uvarint(&out, MODEL_POINTS_MAX);
  assert_int_equal(decode(&out, out.size, &err), TFDC_E_TRUNCATED);
  tfdc_buf_deinit(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_records_are_written_and_read),
      cmocka_unit_test(the_values_come_back),
      cmocka_unit_test(every_nan_is_the_same),
      cmocka_unit_test(a_cut_or_longer_record_is_refused),
      cmocka_unit_test(a_newer_version_is_refused_and_newer_fields_are_skipped),
      cmocka_unit_test(impossible_contents_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
