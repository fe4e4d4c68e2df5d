/* SPDX-License-Identifier: Apache-2.0
 * Values of options, text for people and for programs. */
#include "app/cli_priv.h"
#include "app/csv_out.h"
#include "app/text_out.h"
#include "app/yaml_files.h"
#include "base/time.h"
#include "support/cmocka_all.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static void times_are_taken_as_people_write_them(void **state) {
  (void)state;
  int64_t t = 7;
  struct tfdc_error err = {0};
  const struct cli_option o = {"since", CLI_TIME, &t, "TIME", "not before"};
  static const struct {
    const char *text;
    int64_t ago_s;
  } ago[] = {{"now", 0}, {"90s", 90}, {"5m", 300}, {"2h", 7200}, {"-2h", 7200}, {"7d", 604800}, {"1w", 604800}};
  for (size_t i = 0; i < TFDC_COUNT(ago); i++) {
    int64_t before = cli_now_us() - ago[i].ago_s * TFDC_US_PER_S;
    assert_int_equal(cli_take_value(&o, ago[i].text, &err), TFDC_OK);
    assert_true(t >= before && t <= cli_now_us() - ago[i].ago_s * TFDC_US_PER_S);
  }
  static const struct {
    const char *text;
    int64_t us;
  } fixed[] = {{"0", 0}, {"1795593600000000", 1795593600000000}, {"2026-11-25T09:00+01:00", 1795593600000000}};
  for (size_t i = 0; i < TFDC_COUNT(fixed); i++) {
    assert_int_equal(cli_take_value(&o, fixed[i].text, &err), TFDC_OK);
    assert_int_equal(t, fixed[i].us);
  }
  static const char *const bad[] = {
      "",     "-",  "h",   "2",    "2026",          "1764000000",           "1764000000000",
      "2h30", "2y", "+2h", "--2h", "999999999999h", "99999999999999999999", "2026-02-30"};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    t = 7;
    assert_int_equal(cli_take_value(&o, bad[i], &err), TFDC_E_USAGE);
    assert_int_equal(t, 7);
    assert_non_null(strstr(err.msg, "--since: '"));
  }
}

static void a_field_of_csv_reads_back(void **state) {
  (void)state;
  static const struct {
    const char *text, *field;
  } rows[] = {{"", ""},
              {"Press", "Press"},
              {"a,b", "\"a,b\""},
              {"say \"x\"", "\"say \"\"x\"\"\""},
              {"a\nb", "\"a\nb\""},
              {" blank", "\" blank\""},
              {"blank ", "\"blank \""},
              {"=1+1", "=1+1"}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct tfdc_buf b = {0};
    csv_put_text(&b, rows[i].text);
    tfdc_put_u8(&b, '\0');
    assert_string_equal((const char *)b.data, rows[i].field);
    tfdc_buf_deinit(&b);
  }
  static const double values[] = {0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e22, 0.30000000000000004, 3};
  for (size_t i = 0; i < TFDC_COUNT(values); i++) {
    struct tfdc_buf b = {0};
    csv_put_real(&b, values[i]);
    tfdc_put_u8(&b, '\0');
    double back = strtod((const char *)b.data, NULL);
    assert_memory_equal(&back, &values[i], sizeof back);
    tfdc_buf_deinit(&b);
  }
  struct tfdc_buf none = {0};
  csv_put_real(&none, NAN);
  csv_put_real(&none, INFINITY);
  assert_int_equal(none.size, 0);
}

static void names_from_outside_cannot_steer_a_terminal(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t columns;
    const char *shown;
  } rows[] = {{"\x1b[31mred", 0, "\xEF\xBF\xBD[31mred"},
              {"a\xC2\x9B"
               "b",
               0,
               "a\xEF\xBF\xBD"
               "b"},
              {"\xE2\x80\xAEtxt", 0, "\xEF\xBF\xBDtxt"}, /* right-to-left override */
              {"a\xFF", 0, "a\xEF\xBF\xBD"},
              {"abcdef", 4, "abc\xE2\x80\xA6"},
              {"\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2", 4, "\xE6\xBC\xA2\xE2\x80\xA6"}, /* wide characters */
              {"abcd", 4, "abcd"}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct tfdc_buf b = {0};
    text_put(&b, rows[i].text, rows[i].columns);
    tfdc_put_u8(&b, '\0');
    assert_string_equal((const char *)b.data, rows[i].shown);
    tfdc_buf_deinit(&b);
  }
  assert_int_equal(text_width("\xE6\xBC\xA2x\xCC\x81"), 3);
}

static void values_are_short_and_have_units(void **state) {
  (void)state;
  char a[40];
  assert_string_equal(text_duration(340000, a), "340 ms");
  assert_string_equal(text_duration(200 * TFDC_US_PER_S, a), "3 min 20 s");
  assert_string_equal(text_duration(-7500 * TFDC_US_PER_S, a), "-2 h 5 min");
  assert_string_equal(text_bytes(19240000, a), "19.2 MB");
  assert_string_equal(text_count(-1234567, a), "-1,234,567");
  assert_string_equal(text_value(NAN, a), "-");
  assert_string_equal(text_time(1795593600999999, a), "2026-11-25T08:00:00Z");
}

static char *write_file(const char *folder, const char *name, const char *text, char *path) {
  (void)snprintf(path, 256, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_true(fputs(text, f) >= 0);
  assert_int_equal(fclose(f), 0);
  return path;
}

static void a_line_of_several_files_is_found_in_its_own(void **state) {
  (void)state;
  const char *tmp = getenv("TMPDIR");
  char folder[200], a[256], b[256], c[256], ret[400];
  (void)snprintf(folder, sizeof folder, "%s/tfdc-cli-XXXXXX", tmp != NULL ? tmp : "/tmp");
  assert_non_null(mkdtemp(folder));
  char *names[] = {write_file(folder, "a", "one: 1\ntwo: 2", a), write_file(folder, "b", "---\nthree: 3\n", b),
                   write_file(folder, "c", "", c)};
  struct yaml_files y;
  assert_int_equal(yaml_files_read(&y, names, 3, NULL), TFDC_OK);
  assert_string_equal((const char *)y.text.data, "one: 1\ntwo: 2\n---\nthree: 3\n---\n");
  static const struct {
    unsigned line;
    int file;
    unsigned at;
  } rows[] = {{1, 0, 1}, {2, 0, 2}, {3, 1, 1}, {4, 1, 2}, {6, 2, 1}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    char message[64], expected[400];
    (void)snprintf(message, sizeof message, "line %u column 7: what", rows[i].line);
    (void)snprintf(expected, sizeof expected, "%s:%u:7: what", names[rows[i].file], rows[i].at);
    yaml_files_locate(&y, message, ret, sizeof ret);
    assert_string_equal(ret, expected);
  }
  yaml_files_locate(&y, "of no line", ret, sizeof ret);
  assert_string_equal(ret, "of no line");
  yaml_files_deinit(&y);
  for (size_t i = 0; i < TFDC_COUNT(names); i++) assert_int_equal(unlink(names[i]), 0);
  assert_int_equal(rmdir(folder), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_are_taken_as_people_write_them),        cmocka_unit_test(a_field_of_csv_reads_back),
      cmocka_unit_test(names_from_outside_cannot_steer_a_terminal),  cmocka_unit_test(values_are_short_and_have_units),
      cmocka_unit_test(a_line_of_several_files_is_found_in_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
