/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/value.h"

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

/* Days since 1970-01-01 of a date of the Gregorian calendar (years of March to February, eras of 400 years). */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400, year_of_era = y - era * 400;
  int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

struct text {
  const char *s;
  size_t n;
};

static bool take_digits(struct text *t, size_t count, int64_t *ret) {
  int64_t v = 0;
  if (t->n < count) return false;
  for (size_t i = 0; i < count; i++) {
    if (!is_digit(t->s[i])) return false;
    v = v * 10 + (t->s[i] - '0');
  }
  t->s += count;
  t->n -= count;
  *ret = v;
  return true;
}

static bool take_any(struct text *t, const char *of) {
  if (t->n == 0 || strchr(of, t->s[0]) == NULL) return false;
  t->s++;
  t->n--;
  return true;
}

static bool take_date(struct text *t, int64_t *ret_days) {
  static const int8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t y, m, d;
  if (!take_digits(t, 4, &y) || !take_any(t, "-/") || !take_digits(t, 2, &m) || !take_any(t, "-/") ||
      !take_digits(t, 2, &d))
    return false;
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  if (m < 1 || m > 12 || d < 1 || d > length[m - 1] + (m == 2 && leap)) return false;
  *ret_days = days_from_civil(y, m, d);
  return true;
}

static bool take_clock(struct text *t, int64_t *ret_us) {
  int64_t h, m, s = 0, fraction = 0, scale = 100000;
  if (!take_digits(t, 2, &h) || !take_any(t, ":") || !take_digits(t, 2, &m)) return false;
  if (take_any(t, ":") && !take_digits(t, 2, &s)) return false;
  if (h > 23 || m > 59 || s > 60) return false;
  if (take_any(t, ".,")) {
    int64_t digit;
    if (!take_digits(t, 1, &digit)) return false;
    do {
      fraction += digit * scale;
      scale /= 10;
    } while (take_digits(t, 1, &digit));
  }
  *ret_us = ((h * 60 + m) * 60 + s) * 1000000 + fraction;
  return true;
}

static bool take_zone(struct text *t, int64_t *ret_us) {
  int64_t h, m = 0;
  *ret_us = 0;
  if (t->n == 0 || take_any(t, "Zz")) return true;
  bool west = t->s[0] == '-';
  if (!take_any(t, "+-") || !take_digits(t, 2, &h)) return false;
  if (t->n > 0) {
    (void)take_any(t, ":");
    if (!take_digits(t, 2, &m)) return false;
  }
  if (h > 23 || m > 59) return false;
  *ret_us = (h * 60 + m) * 60 * 1000000 * (west ? -1 : 1);
  return true;
}

static bool iso8601(const char *s, size_t n, int64_t *ret) {
  struct text t = {s, n};
  int64_t days, clock = 0, zone = 0;
  if (!take_date(&t, &days)) return false;
  if (t.n > 0 && (!take_any(&t, "Tt ") || !take_clock(&t, &clock) || !take_zone(&t, &zone))) return false;
  if (t.n > 0) return false;
  *ret = days * INT64_C(86400000000) + clock - zone;
  return true;
}

bool value_time(const char *s, size_t n, enum value_time kind, char decimal, int64_t *ret) {
  static const double us[VALUE_TIME_COUNT] = {1e6, 1e3, 1, 6e7, 0, 1e6, 1e3, 1, 1e-3};
  int64_t t;
  double v;
  value_trim(&s, &n);
  if (kind == VALUE_ISO8601) {
    if (!iso8601(s, n, &t)) return false;
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
