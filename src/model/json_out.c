/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_out.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void put_text(struct tfdc_buf *out, const char *s) { tfdc_put(out, s, strlen(s)); }

static bool is_plain(char c) { return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\'; }

/* One character that is not plain; returns its length in s. */
static size_t put_escaped(struct tfdc_buf *out, const char *s, size_t n) {
  uint32_t c;
  size_t len = tfdc_utf8_next(s, n, &c);
  if (len == 0) {
    put_text(out, "\xef\xbf\xbd");
    return 1;
  }
  if (len > 1) {
    tfdc_put(out, s, len);
  } else if (c == '"' || c == '\\') {
    tfdc_put_u8(out, '\\');
    tfdc_put_u8(out, (uint8_t)c);
  } else if (c == '\n' || c == '\t') {
    put_text(out, c == '\n' ? "\\n" : "\\t");
  } else {
    tfdc_put_fmt(out, "\\u%04" PRIx32, c);
  }
  return len;
}

void model_json_put_string(struct tfdc_buf *out, const char *s, size_t n) {
  tfdc_put_u8(out, '"');
  for (size_t i = 0; i < n;) {
    size_t run = i;
    while (run < n && is_plain(s[run])) run++;
    tfdc_put(out, s + i, run - i);
    i = run;
    if (i < n) i += put_escaped(out, s + i, n - i);
  }
  tfdc_put_u8(out, '"');
}

void model_json_put_i64(struct tfdc_buf *out, int64_t v) {
  char digits[20];
  size_t n = sizeof digits;
  uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  do {
    digits[--n] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (v < 0) tfdc_put_u8(out, '-');
  tfdc_put(out, digits + n, sizeof digits - n);
}

/* Readings mostly have a few decimals. m and 10^k are exact, so that m / 10^k is the double nearest to that decimal: it
 * reads back as v, and with at most 15 digits there is no shorter one. */
static bool put_decimal(struct tfdc_buf *out, double v) {
  static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
  double size = fabs(v);
  if (!(size >= 1e-4 && size < 1e8)) return false;
  for (size_t k = 0; k < TFDC_COUNT(powers); k++) {
    double m = (double)(int64_t)(size * (double)powers[k] + 0.5);
    if (m / (double)powers[k] != size) continue;
    int64_t whole = (int64_t)m / powers[k], part = (int64_t)m % powers[k];
    if (v < 0) tfdc_put_u8(out, '-');
    model_json_put_i64(out, whole);
    tfdc_put_u8(out, '.');
    for (size_t i = k; i-- > 1; part %= powers[i]) tfdc_put_u8(out, (uint8_t)('0' + part / powers[i]));
    tfdc_put_u8(out, (uint8_t)('0' + part));
    return true;
  }
  return false;
}

void model_json_put_f64(struct tfdc_buf *out, double v) {
  if (!isfinite(v)) {
    put_text(out, "null");
    return;
  }
  if (put_decimal(out, v)) return;
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    (void)snprintf(text, sizeof text, "%.*g", digits, v);
    if (digits == 17 || strtod(text, NULL) == v) break;
  }
  char *comma = strchr(text, ','); /* of some locale */
  if (comma != NULL) *comma = '.';
  put_text(out, text);
  if (strpbrk(text, ".e") == NULL) put_text(out, ".0");
}

/* --- members and items --- */

void model_json_key(struct model_json *j, const char *key) {
  if (j->comma) tfdc_put_u8(j->out, ',');
  j->comma = true;
  if (key == NULL) return;
  model_json_put_string(j->out, key, strlen(key));
  tfdc_put_u8(j->out, ':');
}

void model_json_open(struct model_json *j, const char *key, char bracket) {
  model_json_key(j, key);
  tfdc_put_u8(j->out, (uint8_t)bracket);
  j->comma = false;
}

void model_json_close(struct model_json *j, char bracket) {
  tfdc_put_u8(j->out, (uint8_t)bracket);
  j->comma = true;
}

void model_json_text(struct model_json *j, const char *key, const char *s) {
  if (s == NULL) return;
  model_json_key(j, key);
  model_json_put_string(j->out, s, strlen(s));
}

void model_json_int(struct model_json *j, const char *key, int64_t v) {
  model_json_key(j, key);
  model_json_put_i64(j->out, v);
}

void model_json_u64(struct model_json *j, const char *key, uint64_t v) {
  if (v <= INT64_MAX) model_json_int(j, key, (int64_t)v);
}

void model_json_real(struct model_json *j, const char *key, double v) {
  model_json_key(j, key);
  model_json_put_f64(j->out, v);
}

void model_json_bool(struct model_json *j, const char *key, bool v) {
  model_json_key(j, key);
  put_text(j->out, v ? "true" : "false");
}

void model_json_null(struct model_json *j, const char *key) {
  model_json_key(j, key);
  put_text(j->out, "null");
}

void model_json_id(struct model_json *j, const char *key, struct tfdc_id128 id) {
  char hex[33];
  model_json_text(j, key, tfdc_id128_format(id, hex));
}

void model_json_error(struct model_json *j, tfdc_rc rc, const struct tfdc_error *err) {
  model_json_open(j, "error", '{');
  model_json_text(j, "code", tfdc_rc_name(rc));
  model_json_text(j, "text", tfdc_error_msg(err));
  model_json_text(j, "hint", tfdc_rc_hint(rc));
  model_json_close(j, '}');
}
