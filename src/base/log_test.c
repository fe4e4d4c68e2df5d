/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "support/cmocka_all.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct capture {
  char text[65536];
  size_t n, lines;
};

static void keep(void *arg, const char *line, size_t n) {
  struct capture *c = arg;
  if (c->n + n < sizeof c->text) {
    memcpy(c->text + c->n, line, n);
    c->n += n;
    c->text[c->n] = '\0';
  }
  c->lines++;
}

static tfdc_wall noon(void *arg) {
  (void)arg;
  return (tfdc_wall){INT64_C(1764072570123456)};
}

static struct tfdc_log *open_log(struct capture *c) {
  struct tfdc_log *log = calloc(1, sizeof *log);
  assert_non_null(log);
  assert_int_equal(tfdc_log_init(log, noon, NULL, keep, c), TFDC_OK);
  *c = (struct capture){.n = 0};
  return log;
}

static void close_log(struct tfdc_log *log) {
  tfdc_log_deinit(log);
  free(log);
}

static json_t *parse(const struct capture *c) {
  json_error_t error;
  json_t *line = json_loadb(c->text, c->n, 0, &error);
  if (line == NULL) fail_msg("%s in: %s", error.text, c->text);
  return line;
}

static void a_line_is_one_object_with_typed_fields(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  struct tfdc_error err = {0};
  (void)tfdc_fail(&err, TFDC_E_TIME_BACKWARDS, "seq %d", 7);
  tfdc_log_write(log, TFDC_LOG_WARN, "ingest", "block rejected", LOG_STR("tool", "ETCH01"), LOG_I64("min", INT64_MIN),
                 LOG_U64("max", INT64_MAX), LOG_F64("third", 1.0 / 3), LOG_F64("nan", NAN), LOG_BOOL("late", true),
                 LOG_ID("context", ((struct tfdc_id128){1, 2})), LOG_STR("none", NULL), LOG_BYTES("part", "abcdef", 3),
                 LOG_FAIL(&err));
  assert_int_equal(c.text[c.n - 1], '\n');
  json_t *line = parse(&c);
  assert_string_equal(json_string_value(json_object_get(line, "t")), "2025-11-25T12:09:30.123456Z");
  assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
  assert_string_equal(json_string_value(json_object_get(line, "module")), "ingest");
  assert_true(json_integer_value(json_object_get(line, "min")) == INT64_MIN);
  assert_non_null(strstr(c.text, "\"max\":9223372036854775807"));
  assert_true(json_real_value(json_object_get(line, "third")) == 1.0 / 3);
  assert_true(json_is_null(json_object_get(line, "nan")));
  assert_true(json_is_true(json_object_get(line, "late")));
  assert_string_equal(json_string_value(json_object_get(line, "context")), "00000000000000010000000000000002");
  assert_string_equal(json_string_value(json_object_get(line, "part")), "abc");
  assert_string_equal(json_string_value(json_object_get(line, "error")), "TIME_BACKWARDS");
  assert_string_equal(json_string_value(json_object_get(line, "error_text")), "seq 7");
  assert_null(json_object_get(line, "cut"));
  json_decref(line);
  close_log(log);
}

static void any_bytes_come_back_or_are_replaced(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  char every[256];
  for (int i = 0; i < 256; i++) every[i] = (char)i;
  tfdc_log_write(log, TFDC_LOG_INFO, "m", "x", LOG_BYTES("every", every, sizeof every),
                 LOG_STR("good", "\xc2\xb5m \xe2\x82\xac \xf0\x9f\x98\x80 \"q\" \\ \n\t\x7f"),
                 LOG_STR("bad", "a\xff\xc0\x80z"));
  assert_ptr_equal(memchr(c.text, '\n', c.n), c.text + c.n - 1);
  char *nul = strstr(c.text, "\\u0000");
  assert_non_null(nul);
  memcpy(nul, "\\u0020", 6); /* jansson refuses NUL in strings */
  json_t *line = parse(&c);
  assert_string_equal(json_string_value(json_object_get(line, "good")),
                      "\xc2\xb5m \xe2\x82\xac \xf0\x9f\x98\x80 \"q\" \\ \n\t\x7f");
  assert_string_equal(json_string_value(json_object_get(line, "bad")), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
  json_decref(line);
  close_log(log);
}

static void a_line_is_bounded_and_stays_json_at_every_length(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  char *text = malloc(3 * TFDC_LOG_LINE_MAX);
  assert_non_null(text);
  struct tfdc_error err = {.code = TFDC_E_IO, .msg = "the disk is gone"};
  for (size_t n = TFDC_LOG_LINE_MAX - 400; n < TFDC_LOG_LINE_MAX + 50; n++) {
    for (size_t i = 0; i < n; i++) text[i] = i % 7 == 3 ? '\x01' : 'x';
    if (n % 2) memset(text, 'y', n);
    c = (struct capture){.n = 0};
    tfdc_log_write(log, TFDC_LOG_INFO, "m", "long", LOG_BYTES("text", text, n), LOG_I64("after", 7), LOG_FAIL(&err));
    assert_true(c.n <= TFDC_LOG_LINE_MAX);
    json_t *line = parse(&c);
    bool whole = json_object_get(line, "error_text") != NULL;
    assert_true(whole != json_is_true(json_object_get(line, "cut")));
    assert_true(json_string_length(json_object_get(line, "text")) > 300);
    json_decref(line);
  }
  free(text);
  close_log(log);
}

static void lines_below_the_level_are_dropped(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  tfdc_log_write(log, TFDC_LOG_DEBUG, "m", "no");
  assert_int_equal(c.lines, 0);
  assert_int_equal(tfdc_log_level_parse("debug", &log->level), TFDC_OK);
  tfdc_log_write(log, TFDC_LOG_DEBUG, "m", "yes");
  assert_int_equal(c.lines, 1);
  assert_int_equal(tfdc_log_level_parse("loud", &log->level), TFDC_E_CONFIG_VALUE);
  assert_int_equal(log->level, TFDC_LOG_DEBUG);
  tfdc_log_write(NULL, TFDC_LOG_ERROR, "m", "nobody listens");
  close_log(log);
}

static void a_secret_is_never_written(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  tfdc_log_write(log, TFDC_LOG_INFO, "m", "x", LOG_SECRET("token", "hunter2"), LOG_SECRET("empty", ""));
  assert_null(strstr(c.text, "hunter2"));
  assert_non_null(strstr(c.text, "\"token\":\"***\",\"empty\":\"\""));
  close_log(log);
}

static void repeated_lines_are_counted_instead_of_written(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  static const char site[] = "here", other[] = "there";
  uint64_t suppressed = 99;
  int written = 0;
  for (int i = 0; i < 10; i++)
    written += tfdc_log_allow(log, site, 3, tfdc_seconds(1), (tfdc_wall){i}, &suppressed) ? 1 : 0;
  assert_int_equal(written, 3);
  assert_int_equal(suppressed, 0);
  assert_true(tfdc_log_allow(log, other, 3, tfdc_seconds(1), (tfdc_wall){10}, &suppressed));
  assert_true(tfdc_log_allow(log, site, 3, tfdc_seconds(1), (tfdc_wall){TFDC_US_PER_S}, &suppressed));
  assert_int_equal(suppressed, 7);
  close_log(log);
}

static void the_default_sink_writes_to_the_descriptor(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct tfdc_log *log = calloc(1, sizeof *log);
  assert_non_null(log);
  assert_int_equal(tfdc_log_init(log, noon, NULL, NULL, TFDC_LOG_FD(ends[1])), TFDC_OK);
  tfdc_log_write(log, TFDC_LOG_INFO, "m", "through the pipe");
  char text[256] = {0};
  assert_true(read(ends[0], text, sizeof text - 1) > 0);
  assert_non_null(strstr(text, "\"msg\":\"through the pipe\"}\n"));
  (void)close(ends[0]);
  (void)close(ends[1]);
  close_log(log);
}

enum { THREADS = 4, LINES_EACH = 200 };

static void *write_lines(void *arg) {
  for (int i = 0; i < LINES_EACH; i++) tfdc_log_write(arg, TFDC_LOG_INFO, "m", "line", LOG_I64("i", i));
  return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state) {
  (void)state;
  struct capture c;
  struct tfdc_log *log = open_log(&c);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log), 0);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(c.lines, THREADS * LINES_EACH);
  close_log(log);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_one_object_with_typed_fields),
      cmocka_unit_test(any_bytes_come_back_or_are_replaced),
      cmocka_unit_test(a_line_is_bounded_and_stays_json_at_every_length),
      cmocka_unit_test(lines_below_the_level_are_dropped),
      cmocka_unit_test(a_secret_is_never_written),
      cmocka_unit_test(repeated_lines_are_counted_instead_of_written),
      cmocka_unit_test(the_default_sink_writes_to_the_descriptor),
      cmocka_unit_test(lines_of_several_threads_do_not_mix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
