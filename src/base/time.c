/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *tfdc_wall_format(tfdc_wall t, char buf[32]) {
  int64_t seconds = t.us / TFDC_US_PER_S, micros = t.us % TFDC_US_PER_S;
  if (micros < 0) {
    micros += TFDC_US_PER_S;
    seconds--;
  }
  time_t clock = (time_t)seconds;
  struct tm tm;
  if (gmtime_r(&clock, &tm) == NULL || tm.tm_year < -1899 || tm.tm_year > 8099) {
    (void)snprintf(buf, 32, "%" PRId64, t.us);
    return buf;
  }
  char date[24];
  (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  (void)snprintf(buf, 32, "%s.%06dZ", date, (int)micros);
  return buf;
}

/* ---- reading ---- */

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
    if (t->s[i] < '0' || t->s[i] > '9') return false;
    v = v * 10 + (t->s[i] - '0');
  }
  t->s += count;
  t->n -= count;
  *ret = v;
  return true;
}

static bool take_any(struct text *t, const char *of) {
  if (t->n == 0 || t->s[0] == '\0' || strchr(of, t->s[0]) == NULL) return false;
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

bool tfdc_wall_parse(const char *s, size_t n, tfdc_wall *ret) {
  struct text t = {s, n};
  int64_t days, clock = 0, zone = 0;
  if (!take_date(&t, &days)) return false;
  if (t.n > 0 && (!take_any(&t, "Tt ") || !take_clock(&t, &clock) || !take_zone(&t, &zone))) return false;
  if (t.n > 0) return false;
  ret->us = days * INT64_C(86400000000) + clock - zone;
  return true;
}
