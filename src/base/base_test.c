/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/sm.h"
#include "base/text.h"
#include "base/time.h"
#include "support/cmocka_all.h"

static void errors_have_context_from_outside_in(void **state) {
  (void)state;
  struct tfdc_error err = {0};
  tfdc_rc rc = tfdc_fail(&err, TFDC_E_TRUNCATED, "byte %d", 7);
  rc = tfdc_wrap(&err, rc, "read %s", "x.mebo");
  assert_int_equal(rc, TFDC_E_TRUNCATED);
  assert_string_equal(err.msg, "read x.mebo: byte 7");
  assert_int_equal(tfdc_rc_action(TFDC_E_IO), TFDC_ACTION_RETRY);
  assert_int_equal(tfdc_rc_http(TFDC_E_NOT_FOUND), 404);
  assert_string_equal(tfdc_rc_name(TFDC_E_TIME_BACKWARDS), "TIME_BACKWARDS");
  struct tfdc_error bare = {0};
  (void)tfdc_wrap(&bare, TFDC_E_IO, "open");
  assert_string_equal(bare.msg, "open: input or output failed");
}

static void error_numbers_and_names_are_unique(void **state) {
  (void)state;
  tfdc_rc a, b;
  for (size_t i = 0; tfdc_rc_at(i, &a); i++)
    for (size_t j = 0; j < i && tfdc_rc_at(j, &b); j++) assert_int_not_equal(a, b);
}

static void each_failure_is_found_by_its_name(void **state) {
  (void)state;
  tfdc_rc rc, found;
  for (size_t i = 0; tfdc_rc_at(i, &rc); i++) {
    assert_int_equal(tfdc_rc_parse(tfdc_rc_name(rc), &found), rc != TFDC_OK);
    if (rc != TFDC_OK) assert_int_equal(found, rc);
  }
  assert_false(tfdc_rc_parse("TIME_BACKWARD", &found) || tfdc_rc_parse("", &found) || tfdc_rc_parse(NULL, &found));
}

static void a_long_message_is_cut_not_overrun(void **state) {
  (void)state;
  struct tfdc_error err = {0};
  char big[2000];
  memset(big, 'x', sizeof big - 1);
  big[sizeof big - 1] = '\0';
  (void)tfdc_fail(&err, TFDC_E_IO, "%s", big);
  (void)tfdc_wrap(&err, TFDC_E_IO, "%s", big);
  assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

static void what_was_written_is_read_back(void **state) {
  (void)state;
  struct tfdc_buf b = {0};
  for (int big = 0; big < 2; big++) {
    tfdc_put_u8(&b, 200);
    tfdc_put_u16(&b, big, 0x1234);
    tfdc_put_u32(&b, big, 0xdeadbeef);
    tfdc_put_u64(&b, big, UINT64_C(0x0123456789abcdef));
    tfdc_put_f64(&b, big, -1.5);
    tfdc_put_uvarint(&b, UINT64_MAX);
    tfdc_put_svarint(&b, INT64_MIN);
    tfdc_put_bytes(&b, "abc", 3);
  }
  struct tfdc_cursor c = tfdc_cursor_on(b.data, b.size);
  for (int big = 0; big < 2; big++) {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64, uv;
    double f;
    int64_t sv;
    const uint8_t *p;
    size_t n;
    assert_int_equal(tfdc_take_u8(&c, &u8), 0);
    assert_int_equal(tfdc_take_u16(&c, big, &u16), 0);
    assert_int_equal(tfdc_take_u32(&c, big, &u32), 0);
    assert_int_equal(tfdc_take_u64(&c, big, &u64), 0);
    assert_int_equal(tfdc_take_f64(&c, big, &f), 0);
    assert_int_equal(tfdc_take_uvarint(&c, &uv), 0);
    assert_int_equal(tfdc_take_svarint(&c, &sv), 0);
    assert_int_equal(tfdc_take_bytes(&c, 3, &p, &n), 0);
    assert_true(u8 == 200 && u16 == 0x1234 && u32 == 0xdeadbeef && u64 == UINT64_C(0x0123456789abcdef));
    assert_true(f == -1.5 && uv == UINT64_MAX && sv == INT64_MIN && n == 3);
    assert_memory_equal(p, "abc", 3);
  }
  assert_int_equal(tfdc_cursor_left(&c), 0);
  tfdc_buf_deinit(&b);
}

static void every_truncation_fails_and_moves_nothing(void **state) {
  (void)state;
  static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  for (size_t n = 0; n <= sizeof bytes; n++) {
    struct tfdc_cursor c = tfdc_cursor_on(bytes, n);
    uint64_t v = 42;
    const uint8_t *p;
    size_t got;
    assert_int_equal(tfdc_take_uvarint(&c, &v), n < 10 ? TFDC_E_TRUNCATED : TFDC_E_MALFORMED);
    assert_int_not_equal(tfdc_take_bytes(&c, 100, &p, &got), 0);
    assert_int_equal(c.pos, 0);
    assert_int_equal(v, 42);
  }
}

static void a_buffer_stops_at_its_limit(void **state) {
  (void)state;
  struct tfdc_buf b = {.limit = 10};
  tfdc_put(&b, "0123456789", 10);
  assert_int_equal(tfdc_buf_status(&b), 0);
  tfdc_put_u8(&b, 1);
  assert_int_equal(tfdc_buf_status(&b), TFDC_E_LIMIT);
  assert_int_equal(b.size, 10);
  tfdc_buf_deinit(&b);
}

static void an_arena_is_bounded_and_reusable(void **state) {
  (void)state;
  struct tfdc_arena a = {.limit = 100000};
  for (int round = 0; round < 3; round++) {
    char *s = tfdc_arena_strdup(&a, "hello");
    assert_string_equal(s, "hello");
    uint8_t *z = tfdc_arena_alloc(&a, 1000);
    for (size_t i = 0; i < 1000; i++) assert_int_equal(z[i], 0);
    assert_null(tfdc_arena_alloc(&a, 200000));
    assert_null(tfdc_arena_array(&a, SIZE_MAX / 2, 4));
    tfdc_arena_reset(&a);
  }
  tfdc_arena_deinit(&a);
}

static void names_follow_the_rules(void **state) {
  (void)state;
  assert_true(tfdc_is_id("ETCH-07_a", 9));
  assert_false(tfdc_is_id("", 0));
  assert_false(tfdc_is_id("a.b", 3));
  assert_false(tfdc_is_id("a*", 2));
  char long_id[65];
  memset(long_id, 'a', sizeof long_id);
  assert_true(tfdc_is_id(long_id, 64));
  assert_false(tfdc_is_id(long_id, 65));
  assert_true(tfdc_is_text("\xc3\xa4 50 \xc2\xb5m", 9));
  assert_false(tfdc_is_text("a\nb", 3));
  assert_false(tfdc_is_text("\xc0\x80", 2));
  assert_false(tfdc_is_text("\xed\xa0\x80", 3));
  assert_false(tfdc_is_text("\xc3", 1));
  assert_true(tfdc_glob("etch-*-?", "etch-07-a"));
  assert_false(tfdc_glob("etch-*-?", "etch-07"));
  assert_true(tfdc_glob("*", ""));
  assert_int_equal(tfdc_distance("Press", "Pres"), 1);
}

static void ids_and_times_print(void **state) {
  (void)state;
  char id[33], t[32];
  struct tfdc_id128 h = tfdc_xxh3_128("abc", 3), back;
  assert_true(tfdc_id128_parse(tfdc_id128_format(h, id), &back));
  assert_true(tfdc_id128_eq(h, back));
  assert_false(tfdc_id128_parse("12", &back));
  assert_string_equal(tfdc_wall_format((tfdc_wall){0}, t), "1970-01-01T00:00:00.000000Z");
  assert_string_equal(tfdc_wall_format((tfdc_wall){-1}, t), "1969-12-31T23:59:59.999999Z");
}

static void times_are_read_back(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t us;
  } good[] = {{"1970-01-01", 0},
              {"2026-11-25T08:00:00Z", 1795593600000000},
              {"2026-11-25T08:00:00.123456Z", 1795593600123456},
              {"2026-11-25 09:00+01:00", 1795593600000000},
              {"2026/11/25t0300-0500", -1},
              {"2026/11/25t03:00-0500", 1795593600000000},
              {"2024-02-29T23:59:59,5", 1709251199500000},
              {"0001-01-01", -62135596800000000}};
  static const char *const bad[] = {"",
                                    "2026",
                                    "2026-13-01",
                                    "2026-02-29",
                                    "2026-11-25T",
                                    "2026-11-25T24:00",
                                    "2026-11-25T08:00:00.",
                                    "2026-11-25T08:00ZZ",
                                    "2026-11-25 08:00+1",
                                    " 2026-11-25",
                                    "2026-11-25 "};
  for (size_t i = 0; i < TFDC_COUNT(good); i++) {
    tfdc_wall t = {7};
    bool read = tfdc_wall_parse(good[i].text, strlen(good[i].text), &t);
    assert_int_equal(read, good[i].us != -1);
    if (read) assert_int_equal(t.us, good[i].us);
  }
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    tfdc_wall t = {7};
    assert_false(tfdc_wall_parse(bad[i], strlen(bad[i]), &t));
    assert_int_equal(t.us, 7);
  }
}

enum { IDLE, RUNNING, ENDED };
static const struct tfdc_sm_state table[] = {
    [IDLE] = {"IDLE", TFDC_SM_TO(RUNNING)}, [RUNNING] = {"RUNNING", TFDC_SM_TO(ENDED)}, [ENDED] = {"ENDED", 0}};

static void a_machine_moves_along_its_edges(void **state) {
  (void)state;
  struct tfdc_sm m;
  tfdc_sm_init(&m, table, 3, IDLE);
  tfdc_sm_move(&m, RUNNING);
  assert_string_equal(tfdc_sm_name(&m), "RUNNING");
  tfdc_sm_move(&m, ENDED);
  assert_int_equal(m.moves, 2);
}

static void a_map_finds_what_was_put_and_not_removed(void **state) {
  (void)state;
  struct tfdc_map m = {0};
  static int values[1000];
  for (uint64_t i = 0; i < 1000; i++) assert_int_equal(tfdc_map_put(&m, (struct tfdc_id128){i % 7, i}, &values[i]), 0);
  for (uint64_t i = 0; i < 1000; i += 3) tfdc_map_remove(&m, (struct tfdc_id128){i % 7, i});
  for (uint64_t i = 0; i < 1000; i++) {
    void *want = i % 3 == 0 ? NULL : &values[i];
    assert_ptr_equal(tfdc_map_get(&m, (struct tfdc_id128){i % 7, i}), want);
  }
  size_t at = 0, seen = 0;
  while (tfdc_map_next(&m, &at) != NULL) seen++;
  assert_int_equal(seen, m.n);
  tfdc_map_deinit(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_have_context_from_outside_in),
      cmocka_unit_test(error_numbers_and_names_are_unique),
      cmocka_unit_test(each_failure_is_found_by_its_name),
      cmocka_unit_test(a_long_message_is_cut_not_overrun),
      cmocka_unit_test(what_was_written_is_read_back),
      cmocka_unit_test(every_truncation_fails_and_moves_nothing),
      cmocka_unit_test(a_buffer_stops_at_its_limit),
      cmocka_unit_test(an_arena_is_bounded_and_reusable),
      cmocka_unit_test(names_follow_the_rules),
      cmocka_unit_test(ids_and_times_print),
      cmocka_unit_test(times_are_read_back),
      cmocka_unit_test(a_machine_moves_along_its_edges),
      cmocka_unit_test(a_map_finds_what_was_put_and_not_removed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
