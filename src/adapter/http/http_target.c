/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/http/http_target.h"

#include "base/text.h"

#include <string.h>

struct piece {
  const char *s;
  size_t n;
};

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static tfdc_rc check_utf8(const char *s, size_t n, const char *what, struct tfdc_error *err) {
  for (size_t i = 0; i < n;) {
    uint32_t code;
    size_t len = tfdc_utf8_next(s + i, n - i, &code);
    if (len == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "%s: not UTF-8 at byte %zu", what, i);
    if (code == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "%s: a NUL at byte %zu", what, i);
    i += len;
  }
  return TFDC_OK;
}

static tfdc_rc decode(struct piece p, const char *what, struct tfdc_arena *mem, char **ret, struct tfdc_error *err) {
  char *out = tfdc_arena_alloc(mem, p.n + 1);
  if (out == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "out of memory");
  size_t to = 0;
  for (size_t i = 0; i < p.n; i++) {
    if (p.s[i] != '%') {
      out[to++] = p.s[i];
      continue;
    }
    int high = i + 1 < p.n ? hex(p.s[i + 1]) : -1, low = i + 2 < p.n ? hex(p.s[i + 2]) : -1;
    if (high < 0 || low < 0)
      return tfdc_fail(err, TFDC_E_MALFORMED, "%s: %% without two hex digits at byte %zu", what, i);
    out[to++] = (char)(high * 16 + low);
    i += 2;
  }
  TFDC_TRY(check_utf8(out, to, what, err));
  *ret = out;
  return TFDC_OK;
}

static tfdc_rc decode_path(struct piece p, struct tfdc_arena *mem, const char **ret, struct tfdc_error *err) {
  char *path;
  if (p.n == 0 || p.s[0] != '/') return tfdc_fail(err, TFDC_E_MALFORMED, "path: does not begin with /");
  TFDC_TRY(decode(p, "path", mem, &path, err));
  for (const char *c = path; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f)
      return tfdc_fail(err, TFDC_E_MALFORMED, "path: a control character at byte %td", c - path);
  *ret = path;
  return TFDC_OK;
}

/* In a query '+' is a blank; an escaped one stays. */
static tfdc_rc decode_word(struct piece p, const char *what, struct tfdc_arena *mem, const char **ret,
                           struct tfdc_error *err) {
  char *copy = tfdc_arena_strndup(mem, p.s, p.n), *word;
  if (copy == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "out of memory");
  for (size_t i = 0; i < p.n; i++)
    if (copy[i] == '+') copy[i] = ' ';
  TFDC_TRY(decode((struct piece){copy, p.n}, what, mem, &word, err));
  *ret = word;
  return TFDC_OK;
}

static tfdc_rc decode_query(const char *s, struct tfdc_arena *mem, struct http_target *ret, struct tfdc_error *err) {
  size_t most = 1;
  for (const char *c = s; *c != '\0'; c++) most += *c == '&';
  if (most > HTTP_PARAMS_MAX) return tfdc_fail(err, TFDC_E_LIMIT, "%zu parameters, at most %d", most, HTTP_PARAMS_MAX);
  struct http_param *params = tfdc_arena_array(mem, most, sizeof *params);
  if (params == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "out of memory");
  size_t n = 0;
  while (*s != '\0') {
    size_t pair = strcspn(s, "&"), name = strcspn(s, "=&");
    if (pair > 0) {
      struct piece value = {s + name + (name < pair), pair - name - (name < pair)};
      TFDC_TRY(decode_word((struct piece){s, name}, "name of a parameter", mem, &params[n].name, err));
      TFDC_TRY(decode_word(value, "value of a parameter", mem, &params[n].value, err));
      n++;
    }
    s += pair;
    s += *s == '&';
  }
  ret->params = params;
  ret->n_params = n;
  return TFDC_OK;
}

tfdc_rc http_target_parse(const char *text, struct tfdc_arena *mem, struct http_target *ret, struct tfdc_error *err) {
  struct http_target t = {0};
  size_t path = strcspn(text, "?#"), all = strcspn(text, "#");
  TFDC_TRY(decode_path((struct piece){text, path}, mem, &t.path, err));
  if (text[path] == '?') {
    char *query = tfdc_arena_strndup(mem, text + path + 1, all - path - 1);
    if (query == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "out of memory");
    TFDC_TRY(decode_query(query, mem, &t, err));
  }
  *ret = t;
  return TFDC_OK;
}
