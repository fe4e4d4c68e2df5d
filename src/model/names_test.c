/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ingest.h"
#include "model/records.h"
#include "support/cmocka_all.h"

static void names_are_read_back(void **state) {
  (void)state;
  for (int v = MODEL_OK; v <= MODEL_NOT_JUDGED; v++) {
    enum model_verdict back;
    assert_true(model_verdict_parse(model_verdict_name((enum model_verdict)v), &back));
    assert_int_equal(back, v);
  }
  enum model_reason r;
  assert_true(model_reason_parse("MISSING_STEP", &r));
  assert_int_equal(r, MODEL_REASON_MISSING_STEP);
  assert_false(model_reason_parse("nonsense", &r));
}

static void the_context_id_depends_on_every_part(void **state) {
  (void)state;
  struct model_key ab = {"ab", "c"}, a = {"a", "bc"};
  struct tfdc_id128 first = model_context_id(ab, "r", 1);
  assert_true(tfdc_id128_eq(first, model_context_id(ab, "r", 1)));
  assert_false(tfdc_id128_eq(first, model_context_id(a, "r", 1)));
  assert_false(tfdc_id128_eq(first, model_context_id(ab, "r", 2)));
  assert_false(tfdc_id128_eq(first, model_context_id(ab, "s", 1)));
}

static void the_digest_depends_on_order_and_number(void **state) {
  (void)state;
  const uint64_t x[] = {1, 2}, y[] = {2, 1};
  assert_int_not_equal(model_chunk_digest(x, 2), model_chunk_digest(y, 2));
  assert_int_not_equal(model_chunk_digest(x, 1), model_chunk_digest(x, 2));
}

static void a_block_lives_until_its_last_holder_lets_go(void **state) {
  (void)state;
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *b = model_block_create(2, 3, 6, &columns, &times, &values);
  assert_non_null(b);
  for (int i = 0; i < 3; i++) times[i] = i;
  for (int i = 0; i < 6; i++) values[i] = i;
  model_block_ref(b);
  model_block_unref(b);
  assert_true(b->bytes >= 3 * 8 + 6 * 8);
  model_block_unref(b);
  assert_null(model_block_create(1, (size_t)1 << 60, 1, &columns, &times, &values));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_read_back),
      cmocka_unit_test(the_context_id_depends_on_every_part),
      cmocka_unit_test(the_digest_depends_on_order_and_number),
      cmocka_unit_test(a_block_lives_until_its_last_holder_lets_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
