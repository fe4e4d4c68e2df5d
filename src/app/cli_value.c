/* SPDX-License-Identifier: Apache-2.0
 * Values of options. */
#include "app/cli_priv.h"

#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EPOCH_DIGITS = 14, AGO_MAX = 100000 };

int64_t cli_now_us(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * TFDC_US_PER_S + t.tv_nsec / 1000;
}

static bool parse_int(const char *text, int64_t *ret) {
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') return false;
  *ret = n;
  return true;
}

static bool parse_real(const char *text, double *ret) {
  char *end;
  double v = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(v)) return false;
  *ret = v;
  return true;
}

/* "2h" and "-2h": two hours before now. */
static bool parse_ago(const char *text, int64_t *ret) {
  static const struct {
    char name;
    int64_t s;
  } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
  text += *text == '-';
  size_t digits = strspn(text, "0123456789");
  int64_t n = digits > 0 && digits < 9 ? strtoll(text, NULL, 10) : AGO_MAX + 1;
  if (n > AGO_MAX || text[digits] == '\0' || text[digits + 1] != '\0') return false;
  for (size_t i = 0; i < TFDC_COUNT(units); i++) {
    if (units[i].name != text[digits]) continue;
    *ret = cli_now_us() - n * units[i].s * TFDC_US_PER_S;
    return true;
  }
  return false;
}

/* Microseconds since 1970. Fewer digits would be seconds or milliseconds, or a year: all that is refused but 0. */
static bool parse_epoch(const char *text, int64_t *ret) {
  size_t n = strlen(text);
  if (strspn(text, "0123456789") != n || (n < EPOCH_DIGITS && strcmp(text, "0") != 0)) return false;
  return parse_int(text, ret);
}

static bool parse_time(const char *text, int64_t *ret) {
  tfdc_wall t;
  if (strcmp(text, "now") == 0) {
    *ret = cli_now_us();
    return true;
  }
  if (parse_ago(text, ret) || parse_epoch(text, ret)) return true;
  if (!tfdc_wall_parse(text, strlen(text), &t)) return false;
  *ret = t.us;
  return true;
}

static tfdc_rc no_value(const struct cli_option *o, const char *text, const char *want, struct tfdc_error *err) {
  return tfdc_fail(err, TFDC_E_USAGE, "--%s: '%.80s' is not %s", o->name, text, want);
}

static tfdc_rc add_item(const struct cli_option *o, const char *text, struct tfdc_error *err) {
  struct cli_list *list = o->to;
  if (list->n == CLI_LIST_MAX) return tfdc_fail(err, TFDC_E_USAGE, "--%s: at most %d", o->name, CLI_LIST_MAX);
  list->items[list->n++] = text;
  return TFDC_OK;
}

tfdc_rc cli_take_value(const struct cli_option *o, const char *text, struct tfdc_error *err) {
  switch (o->type) {
  case CLI_FLAG: *(bool *)o->to = true; return TFDC_OK;
  case CLI_TEXT: *(const char **)o->to = text; return TFDC_OK;
  case CLI_INT: return parse_int(text, o->to) ? TFDC_OK : no_value(o, text, "a whole number", err);
  case CLI_REAL: return parse_real(text, o->to) ? TFDC_OK : no_value(o, text, "a number", err);
  case CLI_TIME:
    if (parse_time(text, o->to)) return TFDC_OK;
    return no_value(o, text,
                    "a time: 2h (ago; s m h d w), now, 2026-11-25, 2026-11-25T08:00:00Z, 2026-11-25T09:00+01:00 or "
                    "microseconds since 1970",
                    err);
  case CLI_LIST: return add_item(o, text, err);
  }
  return TFDC_OK;
}
