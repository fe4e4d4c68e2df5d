/* SPDX-License-Identifier: Apache-2.0
 * From the text of a value to what the program uses: numbers with units, ranges. */
#include "app/config.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
  const char *name;
  double factor; /* to microseconds or bytes */
};
static const struct unit durations[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}};
static const struct unit sizes[] = {{"B", 1},          {"KB", 1e3},        {"MB", 1e6},    {"GB", 1e9},
                                    {"K", 1024},       {"KiB", 1024},      {"M", 1048576}, {"MiB", 1048576},
                                    {"G", 1073741824}, {"GiB", 1073741824}};
/* The unit that ends a key's name. */
static const struct unit key_units[] = {{"_us", 1},         {"_ms", 1e3},     {"_s", 1e6},
                                        {"_days", 8.64e10}, {"_mb", 1048576}, {"_bytes", 1}};

static double key_factor(const char *key) {
  size_t n = strlen(key);
  for (size_t i = 0; i < TFDC_COUNT(key_units); i++) {
    size_t m = strlen(key_units[i].name);
    if (n > m && strcmp(key + n - m, key_units[i].name) == 0) return key_units[i].factor;
  }
  return 1;
}

static tfdc_rc bad(const struct app_config_row *row, const char *text, const char *wanted, struct tfdc_error *err) {
  const char *shown = row->type == APP_CONFIG_SECRET ? "***" : text;
  return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: '%.80s' is not %s", row->key, shown, wanted);
}

/* The number at the start of text, in full or followed by a unit's name: *ret_unit points to what follows it. */
static bool number(const char *text, double *ret, const char **ret_unit) {
  const char *p = text;
  if (*p == '-' || *p == '+') p++;
  if (!isdigit((unsigned char)*p)) return false; /* strtod also takes "inf", "nan", "0x1p3" and leading blanks */
  if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) return false;
  char *end = NULL;
  errno = 0;
  double v = strtod(text, &end);
  if (errno != 0 || !isfinite(v)) return false;
  while (*end == ' ') end++;
  *ret = v;
  *ret_unit = end;
  return true;
}

static tfdc_rc parse_measure(const struct app_config_row *row, const char *text, const struct unit *units, size_t count,
                             const char *wanted, struct app_config_value *ret, struct tfdc_error *err) {
  double v;
  const char *unit;
  if (!number(text, &v, &unit)) return bad(row, text, wanted, err);
  double own = key_factor(row->key), factor = *unit == '\0' ? own : 0;
  for (size_t i = 0; i < count && factor == 0; i++)
    if (strcasecmp(unit, units[i].name) == 0) factor = units[i].factor;
  if (factor == 0) return bad(row, text, wanted, err);
  double in_key_units = v * (factor / own);
  if (!(in_key_units >= row->min && in_key_units <= row->max))
    return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: '%.80s' is not in [%.15g, %.15g] %s", row->key, text, row->min,
                     row->max, strrchr(row->key, '_') != NULL ? strrchr(row->key, '_') + 1 : "");
  ret->number = (int64_t)llround(v * factor);
  return TFDC_OK;
}

static tfdc_rc parse_number(const struct app_config_row *row, const char *text, struct app_config_value *ret,
                            struct tfdc_error *err) {
  double v;
  const char *rest;
  bool whole = row->type == APP_CONFIG_INT;
  if (!number(text, &v, &rest) || *rest != '\0' || (whole && (v != floor(v) || fabs(v) > 9e15)))
    return bad(row, text, whole ? "a whole number" : "a number", err);
  if (!(v >= row->min && v <= row->max))
    return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: '%.80s' is not in [%.15g, %.15g]", row->key, text, row->min,
                     row->max);
  ret->real = v;
  ret->number = whole ? (int64_t)v : 0;
  return TFDC_OK;
}

static tfdc_rc parse_bool(const struct app_config_row *row, const char *text, struct app_config_value *ret,
                          struct tfdc_error *err) {
  static const char *const words[2][4] = {{"false", "no", "off", "0"}, {"true", "yes", "on", "1"}};
  for (int value = 0; value < 2; value++)
    for (size_t i = 0; i < TFDC_COUNT(words[0]); i++)
      if (strcasecmp(text, words[value][i]) == 0) {
        ret->number = value;
        return TFDC_OK;
      }
  return bad(row, text, "true or false", err);
}

static tfdc_rc check_text(const struct app_config_row *row, const char *text, struct tfdc_error *err) {
  size_t n = strlen(text);
  if ((double)n < row->min || (double)n > row->max)
    return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: %zu bytes, not %.0f to %.0f", row->key, n, row->min, row->max);
  for (const char *p = text; *p != '\0'; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f)
      return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s: holds a control character", row->key);
  return TFDC_OK;
}

tfdc_rc app_config_parse(const struct app_config_row *row, const char *text, struct app_config_value *ret,
                         struct tfdc_error *err) {
  switch (row->type) {
  case APP_CONFIG_BOOL: return parse_bool(row, text, ret, err);
  case APP_CONFIG_INT:
  case APP_CONFIG_FLOAT: return parse_number(row, text, ret, err);
  case APP_CONFIG_DUR:
    return parse_measure(row, text, durations, TFDC_COUNT(durations), "a duration (90, 90s, 5m, 2h, 7d)", ret, err);
  case APP_CONFIG_SIZE:
    return parse_measure(row, text, sizes, TFDC_COUNT(sizes), "a size (4096, 64KiB, 4MiB, 1GiB)", ret, err);
  case APP_CONFIG_TEXT:
  case APP_CONFIG_PATH:
  case APP_CONFIG_SECRET: return check_text(row, text, err);
  }
  return TFDC_E_INTERNAL;
}
