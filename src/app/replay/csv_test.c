/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/csv.h"

#include "app/replay/text_file_test.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

/* All records as "line:field|field" or "line!why", in one text. */
static void read_all(const char *text, size_t n, size_t piece, char separator, char *out, size_t out_size) {
  struct text_file f = {.text = text, .n = n, .piece = piece};
  struct csv *c;
  struct csv_record r;
  bool more;
  size_t at = 0;
  out[0] = '\0';
  assert_int_equal(csv_create(text_file_read, &f, separator, &c, NULL), TFDC_OK);
  for (;;) {
    assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
    if (!more) break;
    at += (size_t)snprintf(out + at, out_size - at, "%lld%s", (long long)r.line, r.bad != NULL ? "!" : ":");
    if (r.bad != NULL) at += (size_t)snprintf(out + at, out_size - at, "%s", r.bad);
    for (size_t i = 0; i < r.n; i++)
      at += (size_t)snprintf(out + at, out_size - at, "%s%.*s", i > 0 ? "|" : "", (int)r.fields[i].n, r.fields[i].s);
    at += (size_t)snprintf(out + at, out_size - at, "\n");
  }
  assert_int_equal(csv_bytes(c), n);
  csv_destroy(c);
}

static void expect_n(const char *text, size_t n, char separator, const char *wanted) {
  char got[4096];
  for (size_t piece = 1; piece <= n + 1; piece++) {
    read_all(text, n, piece, separator, got, sizeof got);
    assert_string_equal(got, wanted);
  }
}
static void expect(const char *text, char separator, const char *wanted) {
  expect_n(text, strlen(text), separator, wanted);
}

static void quotes_hold_separators_line_ends_and_quotes(void **state) {
  (void)state;
  expect("a,b\n\"x,1\",\"say \"\"hi\"\"\"\n\"two\nlines\",\"\"\nlast,1\n", ',',
         "1:a|b\n2:x,1|say \"hi\"\n3:two\nlines|\n5:last|1\n");
  expect("5\" wafer,a\"b\n", ',', "1:5\" wafer|a\"b\n");
}

static void lines_end_in_lf_crlf_or_cr(void **state) {
  (void)state;
  expect("a,b\n1,2\n", ',', "1:a|b\n2:1|2\n");
  expect("a,b\r\n1,2\r\n\r\n3,4", ',', "1:a|b\n2:1|2\n4:3|4\n");
  expect("a,b\r1,2\r", ',', "1:a|b\n2:1|2\n");
  expect("a,\"x\r\ny\"\r\n1,2\r\n", ',', "1:a|x\r\ny\n3:1|2\n");
}

static void a_byte_order_mark_is_no_part_of_the_first_name(void **state) {
  (void)state;
  expect("\xef\xbb\xbf"
         "a;b\n1;2\n",
         ';', "1:a|b\n2:1|2\n");
  expect("\xef\xbb\xbf", ';', "");
  expect("", ';', "");
}

static void empty_fields_are_fields(void **state) {
  (void)state;
  expect(",,\n;\n", ',', "1:||\n2:;\n");
  expect("\t\n\"\"\n", '\t', "1:|\n2:\n");
}

static void a_broken_line_is_named_and_the_next_one_is_read(void **state) {
  (void)state;
  expect("a,b\n\"x\"y,2\n3,4\n", ',', "1:a|b\n2!something stands behind a closing quote\n3:3|4\n");
  expect("a,b\n\"open,2\n3,4\n5,6\n", ',', "1:a|b\n2!its quote is never closed\n3:3|4\n4:5|6\n");
  expect_n("a,b\n1\0,2\n3,4\n", 13, ',', "1:a|b\n2!a NUL byte stands in it\n3:3|4\n");
}

static void a_line_that_is_too_long_is_named_and_passed_over(void **state) {
  (void)state;
  size_t n = 3 * (size_t)CSV_RECORD_MAX;
  char *text = malloc(n + 64), got[256];
  assert_non_null(text);
  memset(text, 'x', n);
  memcpy(text, "a,b\n1,", 6);
  memcpy(text + n, "\r\n3,4\r\n", 8);
  read_all(text, n + 7, 100000, ',', got, sizeof got);
  assert_string_equal(got, "1:a|b\n2!longer than 1 MiB\n3:3|4\n");
  text[6] = '"'; /* an open quote over more than a record's room, on short lines */
  for (size_t i = 100; i < n; i += 100) text[i] = '\n';
  memcpy(text, "a,b\n\"1,", 7);
  struct text_file f = {.text = text, .n = n, .piece = n};
  struct csv *c;
  struct csv_record r;
  bool more;
  assert_int_equal(csv_create(text_file_read, &f, ',', &c, NULL), TFDC_OK);
  assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
  assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
  assert_string_equal(r.bad, "its quote is not closed within 1 MiB");
  assert_int_equal(r.line, 2);
  assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
  assert_true(more && r.bad == NULL && r.line == 3 && r.raw_n == 99);
  csv_destroy(c);
  free(text);
}

static void lines_before_the_header_can_be_skipped(void **state) {
  (void)state;
  struct text_file f = text_file_of("Tool log \"2026\r\n\r\na,b\r\n1,2\r\n", 3);
  struct csv *c;
  struct csv_record r;
  bool more;
  assert_int_equal(csv_create(text_file_read, &f, ',', &c, NULL), TFDC_OK);
  assert_int_equal(csv_skip_lines(c, 2, NULL), TFDC_OK);
  assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
  assert_true(more && r.line == 3 && r.n == 2 && r.fields[0].s[0] == 'a');
  csv_destroy(c);
  f.at = 0;
  assert_int_equal(csv_create(text_file_read, &f, ',', &c, NULL), TFDC_OK);
  assert_int_equal(csv_skip_lines(c, 9, NULL), TFDC_OK);
  assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
  assert_false(more);
  csv_destroy(c);
}

static void expect_look(const char *text, char separator, bool decimal_comma) {
  struct csv_look look;
  assert_int_equal(csv_look_at(text, strlen(text), &look, NULL), TFDC_OK);
  assert_int_equal(look.separator, separator);
  assert_int_equal(look.decimal_comma, decimal_comma);
}

static void separator_and_decimal_sign_are_seen(void **state) {
  (void)state;
  expect_look("a,b\n1.5,2\n", ',', false);
  expect_look("a;b;c\n1,5;2,25;3\n4,5;6,25;7\n", ';', true);
  expect_look("a;b\n1.5;2\n", ';', false);
  expect_look("a\tb\n1,5\t\"x,y\"\n", '\t', true);
  expect_look("a|b\n1|2\n", '|', false);
  expect_look("name,text\n1,\"a;b\"\n2,\"c;d;e\"\n", ',', false);
  expect_look("one\n1\n", ',', false);
  expect_look("", ',', false);
  expect_look("time;sensor (a,b);x\n1;2,0;3\n", ';', true);
}

static void files_that_are_no_text_are_told_so(void **state) {
  (void)state;
  struct csv_look look;
  struct tfdc_error err = {0};
  assert_int_equal(csv_look_at("\xff\xfe"
                               "a",
                               3, &look, &err),
                   TFDC_E_UNSUPPORTED);
  assert_non_null(strstr(err.msg, "UTF-16"));
  assert_int_equal(csv_look_at("PK\x03\x04", 4, &look, &err), TFDC_E_UNSUPPORTED);
  assert_int_equal(csv_look_at("\x1f\x8b\x08", 3, &look, &err), TFDC_E_UNSUPPORTED);
}

/* A file of a given size that exists nowhere. */
struct generator {
  uint64_t left, row;
  char line[160];
  size_t line_n, line_at;
};
static tfdc_rc generate(void *user, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  struct generator *g = user;
  char *to = buf;
  size_t done = 0;
  (void)err;
  while (done < n && (g->left > 0 || g->line_at < g->line_n)) {
    if (g->line_at == g->line_n) {
      int k = snprintf(g->line, sizeof g->line, "%llu,\"a \"\"b\"\" %llu\",%llu.25,,-1e3,x%060d\r\n",
                       (unsigned long long)g->row, (unsigned long long)g->row, (unsigned long long)g->row % 977, 7);
      g->row++;
      g->line_n = (size_t)k;
      g->line_at = 0;
      g->left = g->left > g->line_n ? g->left - g->line_n : 0;
    }
    size_t take = g->line_n - g->line_at < n - done ? g->line_n - g->line_at : n - done;
    memcpy(to + done, g->line + g->line_at, take);
    g->line_at += take;
    done += take;
  }
  *ret_n = done;
  return TFDC_OK;
}

/* The reader's memory grows with the longest record alone: what it hands out always points into the same. */
static void a_file_larger_than_memory_passes_through(void **state) {
  (void)state;
  struct generator g = {.left = UINT64_C(1) << 26};
  struct csv *c;
  struct csv_record r;
  bool more;
  uint64_t rows = 0;
  const char *least = NULL, *most = NULL;
  assert_int_equal(csv_create(generate, &g, ',', &c, NULL), TFDC_OK);
  for (;; rows++) {
    assert_int_equal(csv_next(c, &r, &more, NULL), TFDC_OK);
    if (!more) break;
    if (r.bad != NULL || r.n != 6 || r.line != (int64_t)rows + 1) fail_msg("row %llu", (unsigned long long)rows);
    if (least == NULL || r.raw < least) least = r.raw;
    if (most == NULL || r.raw > most) most = r.raw;
  }
  assert_true(rows == g.row && csv_bytes(c) >= UINT64_C(1) << 26);
  assert_true((size_t)(most - least) <= CSV_RECORD_MAX + (1 << 16));
  csv_destroy(c);
}

static tfdc_rc refuse(void *user, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  (void)user, (void)buf, (void)n, (void)ret_n;
  return tfdc_fail(err, TFDC_E_IO, "the disk is gone");
}

static void an_error_of_the_file_comes_through(void **state) {
  (void)state;
  struct csv *c;
  struct csv_record r;
  bool more;
  struct tfdc_error err = {0};
  assert_int_equal(csv_create(refuse, NULL, ',', &c, NULL), TFDC_OK);
  assert_int_equal(csv_next(c, &r, &more, &err), TFDC_E_IO);
  assert_string_equal(err.msg, "the disk is gone");
  csv_destroy(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quotes_hold_separators_line_ends_and_quotes),
      cmocka_unit_test(lines_end_in_lf_crlf_or_cr),
      cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_name),
      cmocka_unit_test(empty_fields_are_fields),
      cmocka_unit_test(a_broken_line_is_named_and_the_next_one_is_read),
      cmocka_unit_test(a_line_that_is_too_long_is_named_and_passed_over),
      cmocka_unit_test(lines_before_the_header_can_be_skipped),
      cmocka_unit_test(separator_and_decimal_sign_are_seen),
      cmocka_unit_test(files_that_are_no_text_are_told_so),
      cmocka_unit_test(a_file_larger_than_memory_passes_through),
      cmocka_unit_test(an_error_of_the_file_comes_through),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
