/* SPDX-License-Identifier: Apache-2.0
 * The first bytes of a file: which separator, which decimal sign. */
#include "app/replay/csv.h"

#include <string.h>

enum { LINES_MAX = 50, SEPARATORS = 4 };
static const char separators[SEPARATORS + 1] = ",;\t|";

/* How often each separator stands outside quotes in one line; moves *at behind the line. */
static void count_line(const char *s, size_t n, size_t *at, unsigned counts[SEPARATORS]) {
  bool quoted = false;
  memset(counts, 0, SEPARATORS * sizeof *counts);
  for (; *at < n; ++*at) {
    char b = s[*at];
    if (b == '"') quoted = !quoted;
    if (quoted) continue;
    if (b == '\n' || b == '\r') break;
    const char *sep = memchr(separators, b, SEPARATORS);
    if (sep != NULL) counts[sep - separators]++;
  }
  while (*at < n && (s[*at] == '\n' || s[*at] == '\r')) ++*at;
}

/* The separator that stands equally often in most lines; of several, the one that splits most. A decimal comma varies
 * with the values, or stands as often as a semicolon does or less. */
static char find_separator(const char *s, size_t n) {
  unsigned first[SEPARATORS], counts[SEPARATORS], same[SEPARATORS] = {0}, lines = 0;
  size_t at = 0;
  while (at < n && lines < LINES_MAX) {
    size_t begin = at;
    count_line(s, n, &at, lines == 0 ? first : counts);
    bool cut_off = at == n && n > begin && s[n - 1] != '\n' && s[n - 1] != '\r';
    if (cut_off && lines > 1) break;
    for (size_t i = 0; i < SEPARATORS && lines > 0; i++) same[i] += counts[i] == first[i];
    lines++;
  }
  size_t best = 0;
  unsigned best_score = 0;
  for (size_t i = 0; i < SEPARATORS && lines > 0; i++) {
    if (first[i] == 0) continue;
    bool steady = lines < 2 || same[i] * 10 >= (lines - 1) * 8;
    bool stronger = separators[i] != ','; /* a comma may be a decimal sign beside it */
    unsigned score = (steady ? 1000000u : 0) + (steady && stronger ? 100000u : 0) + first[i];
    if (score > best_score) best_score = score, best = i;
  }
  return separators[best];
}

static bool is_digit(char b) { return b >= '0' && b <= '9'; }

/* One cell: -1 written with a comma, +1 with a point, 0 neither. */
static int decimal_of(const char *s, size_t n) {
  while (n > 0 && (*s == '"' || *s == ' ')) s++, n--;
  while (n > 0 && (s[n - 1] == '"' || s[n - 1] == ' ')) n--;
  size_t commas = 0, points = 0, digits = 0;
  for (size_t i = 0; i < n; i++) {
    commas += s[i] == ',';
    points += s[i] == '.';
    digits += is_digit(s[i]);
    if (!is_digit(s[i]) && strchr("+-.,eE", s[i]) == NULL) return 0;
  }
  if (digits == 0 || commas + points != 1) return 0;
  return commas == 1 ? -1 : 1;
}

static bool finds_decimal_comma(const char *s, size_t n, char separator) {
  if (separator == ',') return false;
  size_t with_comma = 0, with_point = 0, begin = 0;
  for (size_t i = 0; i <= n; i++) {
    if (i < n && s[i] != separator && s[i] != '\n' && s[i] != '\r') continue;
    int d = decimal_of(s + begin, i - begin);
    with_comma += d < 0;
    with_point += d > 0;
    begin = i + 1;
  }
  return with_comma > with_point;
}

tfdc_rc csv_look_at(const char *text, size_t n, struct csv_look *ret, struct tfdc_error *err) {
  static const struct {
    const char *bytes, *what;
    size_t n;
  } marks[] = {{"\xff\xfe", "UTF-16; save it as CSV UTF-8", 2},
               {"\xfe\xff", "UTF-16; save it as CSV UTF-8", 2},
               {"\x1f\x8b", "compressed; unpack it first", 2},
               {"PK\x03\x04", "a zip archive or a spreadsheet; save it as CSV UTF-8", 4}};
  for (size_t i = 0; i < TFDC_COUNT(marks); i++) {
    if (n >= marks[i].n && memcmp(text, marks[i].bytes, marks[i].n) == 0)
      return tfdc_fail(err, TFDC_E_UNSUPPORTED, "the file is %s", marks[i].what);
  }
  ret->separator = find_separator(text, n);
  ret->decimal_comma = finds_decimal_comma(text, n, ret->separator);
  return TFDC_OK;
}
