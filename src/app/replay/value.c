/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/value.h"

#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 63, EXACT_DIGITS = 15, EXACT_POWER = 22 };
#define TIME_MAX_US (INT64_C(1) << 53)

static bool is_digit(char b) { return b >= '0' && b <= '9'; }

void value_trim(const char **s, size_t *n) {
  while (*n > 0 && (**s == ' ' || **s == '\t')) ++*s, --*n;
  while (*n > 0 && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t')) --*n;
}

/* Numbers of at most 15 digits need no more than one exact division: m / 10^k is rounded once. */
static bool plain_number(const char *s, size_t n, char decimal, double *ret) {
  static const double power[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  bool negative = n > 0 && *s == '-', point = false;
  size_t i = negative || (n > 0 && *s == '+'), digits = 0, behind = 0;
  int64_t m = 0;
  for (; i < n; i++) {
    if (s[i] == decimal && !point) {
      point = true;
    } else if (is_digit(s[i]) && digits < EXACT_DIGITS) {
      m = m * 10 + (s[i] - '0');
      digits++;
      behind += point;
    } else {
      return false;
    }
  }
  if (digits == 0) return false;
  double v = (double)m / power[behind];
  *ret = negative ? -v : v;
  return true;
}

bool value_number(const char *s, size_t n, char decimal, double *ret) {
  char text[NUMBER_MAX + 1];
  value_trim(&s, &n);
  if (plain_number(s, n, decimal, ret)) return true;
  if (n == 0 || n > NUMBER_MAX) return false;
  bool digits = false;
  for (size_t i = 0; i < n; i++) {
    text[i] = s[i] == decimal ? '.' : s[i] == '.' ? '?' : s[i];
    digits = digits || is_digit(text[i]);
    if (!is_digit(text[i]) && memchr("+-.eE", text[i], 5) == NULL) return false;
  }
  text[n] = '\0';
  char *end;
  double v = strtod(text, &end); /* the program never sets a locale: the decimal sign is a point */
  if (!digits || *end != '\0' || !isfinite(v)) return false;
  *ret = v;
  return true;
}

double value_round(double v, double resolution) {
  if (!(resolution > 0)) return v;
  double parts = rint(1 / resolution);
  bool whole = resolution < 1 && fabs(parts * resolution - 1) < 1e-12;
  double rounded = whole ? rint(v * parts) / parts : rint(v / resolution) * resolution;
  return isfinite(rounded) ? rounded : v;
}

/* ---- times ---- */

bool value_time(const char *s, size_t n, enum value_time kind, char decimal, int64_t *ret) {
  static const double us[VALUE_TIME_COUNT] = {1e6, 1e3, 1, 6e7, 0, 1e6, 1e3, 1, 1e-3};
  int64_t t;
  double v;
  value_trim(&s, &n);
  if (kind == VALUE_ISO8601) {
    tfdc_wall wall;
    if (!tfdc_wall_parse(s, n, &wall)) return false;
    t = wall.us;
  } else {
    if (!value_number(s, n, decimal, &v)) return false;
    v = kind == VALUE_EPOCH_NS ? v / 1e3 : v * us[kind];
    if (!(fabs(v) <= (double)TIME_MAX_US)) return false;
    t = (int64_t)rint(v);
  }
  if (t > TIME_MAX_US || t < -TIME_MAX_US) return false;
  *ret = t;
  return true;
}
