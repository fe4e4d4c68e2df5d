/* SPDX-License-Identifier: Apache-2.0 */
#include "run/text_diff.h"

#include "base/cursor.h"
#include "support/cmocka_all.h"

#include <string.h>

static void note(void *user, char sign, const char *text, size_t n) {
  tfdc_put_u8(user, (uint8_t)sign);
  tfdc_put(user, text, n);
  tfdc_put_u8(user, '\n');
}

static void expect(const char *from, const char *to, size_t most, const char *want) {
  struct tfdc_arena mem = {0};
  struct tfdc_buf out = {0};
  assert_int_equal(text_diff(from, to, most, &mem, note, &out), TFDC_OK);
  tfdc_put_u8(&out, 0);
  assert_string_equal((const char *)out.data, want);
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
}

static void equal_texts_have_no_difference(void **state) {
  (void)state;
  expect("", "", 100, "");
  expect("a\nb\n", "a\nb\n", 100, "");
}

static void lines_are_added_and_removed(void **state) {
  (void)state;
  expect("", "a\nb\n", 100, "+a\n+b\n");
  expect("a\nb\n", "", 100, "-a\n-b\n");
  expect("a\nb\nc\n", "a\nx\nc\n", 100, " a\n-b\n+x\n c\n");
  expect("a\nb\nc\nd\n", "b\nc\nnew\nd\n", 100, "-a\n b\n c\n+new\n d\n");
  expect("a", "a\nb", 100, " a\n+b\n");
}

static void lines_far_from_a_change_are_left_out(void **state) {
  (void)state;
  expect("1\n2\n3\n4\n5\n6\n7\n8\n9\nx\nb\nc\nd\ne\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\ny\nb\nc\nd\ne\n", 100,
         "@6 lines\n 7\n 8\n 9\n-x\n+y\n b\n c\n d\n@1 line\n");
  expect("", "a\nb\nc\nd\n", 2, "+a\n+b\n@2 lines\n");
}

/* More than the table takes: all is removed and added, and what is equal at the ends still stands. */
static void a_large_change_is_told_as_a_whole(void **state) {
  (void)state;
  struct tfdc_buf a = {0}, b = {0}, out = {0};
  struct tfdc_arena mem = {0};
  tfdc_put_fmt(&a, "same\n");
  tfdc_put_fmt(&b, "same\n");
  for (int i = 0; i < 3000; i++) {
    tfdc_put_fmt(&a, "a%d\n", i);
    tfdc_put_fmt(&b, "b%d\n", i);
  }
  tfdc_put_u8(&a, 0);
  tfdc_put_u8(&b, 0);
  assert_int_equal(text_diff((char *)a.data, (char *)b.data, 2, &mem, note, &out), TFDC_OK);
  tfdc_put_u8(&out, 0);
  assert_string_equal((char *)out.data, " same\n-a0\n@5999 lines\n");
  tfdc_buf_deinit(&a);
  tfdc_buf_deinit(&b);
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
}

static void little_memory_is_an_error(void **state) {
  (void)state;
  struct tfdc_arena mem = {.limit = 64};
  struct tfdc_buf out = {0};
  assert_int_equal(text_diff("a\nb\n", "a\nc\n", 100, &mem, note, &out), TFDC_E_NOMEM);
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_texts_have_no_difference),
      cmocka_unit_test(lines_are_added_and_removed),
      cmocka_unit_test(lines_far_from_a_change_are_left_out),
      cmocka_unit_test(a_large_change_is_told_as_a_whole),
      cmocka_unit_test(little_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
