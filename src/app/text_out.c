/* SPDX-License-Identifier: Apache-2.0 */
#include "app/text_out.h"

#include "base/text.h"
#include "base/time.h"
#include "model/json_out.h"
#include "model/records.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { HOLD_ROWS = 1000, GAP = 2, LAST_LEAST = 20 };

/* ---- characters ---- */

struct range {
  uint32_t from, to;
};
/* Combining marks and joiners of the scripts that names use. */
static const struct range zero_wide[] = {
    {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},   {0x64B, 0x65F},   {0x6D6, 0x6DC},
    {0x900, 0x902},   {0x93C, 0x93C},   {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},   {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0x1F3FB, 0x1F3FF}};
/* East Asian wide and full-width characters, emoji. */
static const struct range double_wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xA960, 0xA97C}, {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

static bool within(uint32_t code, const struct range *ranges, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (code >= ranges[i].from && code <= ranges[i].to) return true;
  return false;
}

static bool is_unsafe(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static size_t width_of(uint32_t code) {
  if (code < 0x300) return 1;
  if (within(code, zero_wide, TFDC_COUNT(zero_wide))) return 0;
  return within(code, double_wide, TFDC_COUNT(double_wide)) ? 2 : 1;
}

/* The next character of s as it is printed; moves *s on. */
static const char *next(const char **s, const char *end, size_t *ret_bytes, size_t *ret_width) {
  uint32_t code = 0;
  const char *at = *s;
  size_t n = tfdc_utf8_next(at, (size_t)(end - at), &code);
  if (n == 0 || is_unsafe(code)) {
    *s += n == 0 ? 1 : n;
    *ret_bytes = 3;
    *ret_width = 1;
    return "\xEF\xBF\xBD";
  }
  *s += n;
  *ret_bytes = n;
  *ret_width = width_of(code);
  return at;
}

size_t text_width(const char *s) {
  size_t sum = 0, bytes, width;
  for (const char *end = s + strlen(s); s < end; sum += width) (void)next(&s, end, &bytes, &width);
  return sum;
}

void text_put(struct tfdc_buf *out, const char *s, size_t columns) {
  size_t left = columns == 0 || text_width(s) <= columns ? SIZE_MAX : columns - 1;
  for (const char *end = s + strlen(s); s < end;) {
    size_t bytes, width;
    const char *c = next(&s, end, &bytes, &width);
    if (width > left) break;
    left -= left == SIZE_MAX ? 0 : width;
    tfdc_put(out, c, bytes);
  }
  if (left != SIZE_MAX) tfdc_put(out, "\xE2\x80\xA6", 3);
}

void text_print(FILE *out, const char *s) {
  size_t bytes, width;
  for (const char *end = s + strlen(s); s < end;) {
    const char *c = next(&s, end, &bytes, &width);
    (void)fwrite(c, 1, bytes, out);
  }
}

/* ---- values ---- */

enum { BUF = 40 };

char *text_time(int64_t us, char *buf) {
  char exact[32];
  if (us == MODEL_NO_TIME) return memcpy(buf, "-", 2);
  (void)tfdc_wall_format((tfdc_wall){us}, exact);
  char *dot = strchr(exact, '.');
  if (dot != NULL) (void)snprintf(dot, 2, "Z");
  return memcpy(buf, exact, sizeof exact);
}

char *text_time_exact(int64_t us, char *buf) {
  char exact[32];
  if (us == MODEL_NO_TIME) return memcpy(buf, "-", 2);
  return memcpy(buf, tfdc_wall_format((tfdc_wall){us}, exact), sizeof exact);
}

char *text_duration(int64_t us, char *buf) {
  static const struct {
    int64_t us, less_us;
    const char *name, *less;
  } pairs[] = {{86400 * TFDC_US_PER_S, 3600 * TFDC_US_PER_S, "d", "h"},
               {3600 * TFDC_US_PER_S, 60 * TFDC_US_PER_S, "h", "min"},
               {60 * TFDC_US_PER_S, TFDC_US_PER_S, "min", "s"}};
  const char *sign = us < 0 ? "-" : "";
  if (us == INT64_MIN) return memcpy(buf, "-", 2);
  us = us < 0 ? -us : us;
  for (size_t i = 0; i < TFDC_COUNT(pairs); i++) {
    if (us < pairs[i].us) continue;
    (void)snprintf(buf, BUF, "%s%" PRId64 " %s %" PRId64 " %s", sign, us / pairs[i].us, pairs[i].name,
                   us % pairs[i].us / pairs[i].less_us, pairs[i].less);
    return buf;
  }
  if (us >= TFDC_US_PER_S)
    (void)snprintf(buf, BUF, "%s%.*f s", sign, us < 10 * TFDC_US_PER_S ? 2 : 1, (double)us / 1e6);
  else if (us >= 1000)
    (void)snprintf(buf, BUF, "%s%.*f ms", sign, us < 10000 ? 1 : 0, (double)us / 1e3);
  else
    (void)snprintf(buf, BUF, "%s%" PRId64 " us", sign, us);
  return buf;
}

char *text_bytes(double n, char *buf) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  size_t i = 0;
  while (n >= 999.5 && i + 1 < TFDC_COUNT(units)) n /= 1000, i++;
  (void)snprintf(buf, BUF, "%.*f %s", i == 0 || n >= 99.95 ? 0 : 1, n, units[i]);
  return buf;
}

char *text_count(int64_t n, char *buf) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%" PRId64, n < 0 ? -n : n);
  char *to = buf;
  if (n < 0) *to++ = '-';
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0) *to++ = ',';
    *to++ = digits[i];
  }
  *to = '\0';
  return buf;
}

char *text_value(double v, char *buf) {
  if (isnan(v)) return memcpy(buf, "-", 2);
  (void)snprintf(buf, BUF, "%.6g", v);
  return buf;
}

/* ---- styles ---- */

enum text_style text_style_of_verdict(const char *verdict) {
  if (strcmp(verdict, "OK") == 0) return TEXT_GOOD;
  if (strcmp(verdict, "OOC") == 0 || strcmp(verdict, "ACTION") == 0) return TEXT_BAD;
  if (strcmp(verdict, "WARN") == 0 || strcmp(verdict, "NOT_JUDGED") == 0) return TEXT_WARN;
  return TEXT_PLAIN;
}

bool text_may_color(FILE *out) {
  const char *no = getenv("NO_COLOR");
  return isatty(fileno(out)) == 1 && (no == NULL || no[0] == '\0');
}

static const char *style_code(enum text_style style) {
  static const char *const codes[] = {
      [TEXT_GOOD] = "\033[32m", [TEXT_WARN] = "\033[33m", [TEXT_BAD] = "\033[1;31m", [TEXT_DIM] = "\033[2m"};
  return codes[style];
}

/* ---- tables ---- */

void text_table_begin(struct text_table *t, const struct text_column *columns, size_t n, FILE *out) {
  TFDC_ASSERT(n > 0 && n <= TFDC_COUNT(t->widths));
  *t = (struct text_table){.columns = columns, .n = n, .out = out, .color = text_may_color(out)};
  struct winsize size;
  if (isatty(fileno(out)) == 1 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0) t->edge = size.ws_col;
  for (size_t i = 0; i < n; i++) t->widths[i] = text_width(columns[i].title);
}

static void put_spaces(struct tfdc_buf *b, size_t n) {
  for (size_t i = 0; i < n; i++) tfdc_put_u8(b, ' ');
}

/* Columns that are left for the last cell of a row; 0 = all it wants. */
static size_t room_for_last(const struct text_table *t) {
  size_t used = 0;
  for (size_t i = 0; i + 1 < t->n; i++) used += t->widths[i] + GAP;
  return t->edge >= used + LAST_LEAST ? t->edge - used : 0;
}

static void put_cell(struct text_table *t, struct tfdc_buf *line, size_t column, enum text_style style, const char *s) {
  bool last = column + 1 == t->n;
  size_t width = text_width(s), pad = width < t->widths[column] ? t->widths[column] - width : 0;
  if (t->columns[column].right) put_spaces(line, pad);
  const char *code = t->color ? style_code(style) : NULL;
  if (code != NULL) tfdc_put(line, code, strlen(code));
  text_put(line, s, last ? room_for_last(t) : 0);
  if (code != NULL) tfdc_put(line, "\033[0m", 4);
  if (!t->columns[column].right && !last) put_spaces(line, pad);
  if (!last) put_spaces(line, GAP);
}

static void print_rows(struct text_table *t) {
  struct tfdc_buf line = {0};
  const char *at = (const char *)t->cells.data;
  for (size_t i = 0; !t->said_titles && i < t->n; i++) put_cell(t, &line, i, TEXT_DIM, t->columns[i].title);
  if (!t->said_titles) tfdc_put_u8(&line, '\n');
  t->said_titles = true;
  for (size_t i = 0; i < t->n_cells; i++) {
    put_cell(t, &line, i % t->n, (enum text_style) * at, at + 1);
    at += strlen(at + 1) + 2;
    if (i % t->n + 1 < t->n) continue;
    tfdc_put_u8(&line, '\n');
    (void)fwrite(line.data, 1, line.size, t->out);
    line.size = 0;
  }
  if (line.size > 0) (void)fwrite(line.data, 1, line.size, t->out);
  t->cells.failed = t->cells.failed || line.failed;
  tfdc_buf_deinit(&line);
  t->cells.size = 0;
  t->n_cells = 0;
}

void text_table_styled(struct text_table *t, enum text_style style, const char *text) {
  const char *s = text == NULL || text[0] == '\0' ? "-" : text;
  size_t column = t->n_cells % t->n, width = text_width(s);
  if (!t->fixed && width > t->widths[column]) t->widths[column] = width;
  tfdc_put_u8(&t->cells, (uint8_t)style);
  tfdc_put(&t->cells, s, strlen(s) + 1);
  if (t->cells.failed) return;
  t->n_cells++;
  if (t->n_cells % t->n != 0) return;
  t->rows++;
  if (t->rows < HOLD_ROWS) return;
  t->fixed = true;
  print_rows(t);
}

void text_table_cell(struct text_table *t, const char *text) { text_table_styled(t, TEXT_PLAIN, text); }

tfdc_rc text_flush(FILE *out, struct tfdc_error *err) {
  if (fflush(out) == 0 && !ferror(out)) return TFDC_OK;
  return tfdc_fail(err, errno == ENOSPC ? TFDC_E_DISK_FULL : TFDC_E_IO, "cannot write the output: %s", strerror(errno));
}

tfdc_rc text_table_end(struct text_table *t, struct tfdc_error *err) {
  if (t->rows > 0) print_rows(t);
  tfdc_rc rc = tfdc_buf_status(&t->cells);
  tfdc_buf_deinit(&t->cells);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "the table is too large");
  return text_flush(t->out, err);
}

/* ---- JSON ---- */

static void put_json(struct model_json *j, const char *key, const json_t *v);

static void put_members(struct model_json *j, const json_t *v) {
  const char *name;
  json_t *member;
  json_object_foreach((json_t *)v, name, member) put_json(j, name, member);
}

static void put_json(struct model_json *j, const char *key, const json_t *v) {
  switch (json_typeof(v)) {
  case JSON_OBJECT:
    model_json_open(j, key, '{');
    put_members(j, v);
    model_json_close(j, '}');
    return;
  case JSON_ARRAY:
    model_json_open(j, key, '[');
    for (size_t i = 0; i < json_array_size(v); i++) put_json(j, NULL, json_array_get(v, i));
    model_json_close(j, ']');
    return;
  case JSON_STRING: model_json_text(j, key, json_string_value(v)); return;
  case JSON_INTEGER: model_json_int(j, key, json_integer_value(v)); return;
  case JSON_REAL: model_json_real(j, key, json_real_value(v)); return;
  case JSON_NULL: model_json_null(j, key); return;
  default: model_json_bool(j, key, json_is_true(v)); return;
  }
}

tfdc_rc text_print_json(FILE *out, const json_t *v, struct tfdc_error *err) {
  struct tfdc_buf text = {0};
  struct model_json j = model_json_on(&text);
  if (v != NULL)
    put_json(&j, NULL, v);
  else
    model_json_null(&j, NULL);
  tfdc_put_u8(&text, '\n');
  tfdc_rc rc = tfdc_buf_status(&text);
  if (rc != TFDC_OK) rc = tfdc_fail(err, rc, "%s", tfdc_rc_text(rc));
  if (rc == TFDC_OK && fwrite(text.data, 1, text.size, out) != text.size) rc = text_flush(out, err);
  tfdc_buf_deinit(&text);
  return rc;
}
