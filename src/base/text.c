/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

bool tfdc_is_id(const char *s, size_t n) {
  if (n < 1 || n > TFDC_ID_MAX) return false;
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!ok) return false;
  }
  return true;
}

size_t tfdc_utf8_next(const char *s, size_t n, uint32_t *ret_code) {
  if (n == 0) return 0;
  const uint8_t *p = (const uint8_t *)s;
  uint8_t lead = p[0];
  if (lead < 0x80) {
    *ret_code = lead;
    return 1;
  }
  size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || n < len) return 0;
  uint32_t c = lead & (0xffu >> (len + 1));
  for (size_t i = 1; i < len; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    c = c << 6 | (p[i] & 0x3f);
  }
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
  *ret_code = c;
  return len;
}

bool tfdc_is_text(const char *s, size_t n) {
  if (n > TFDC_TEXT_MAX) return false;
  for (size_t i = 0; i < n;) {
    uint32_t code;
    size_t len = tfdc_utf8_next(s + i, n - i, &code);
    if (len == 0 || code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false;
    i += len;
  }
  return true;
}

bool tfdc_glob(const char *pattern, const char *s) {
  if (pattern == NULL || pattern[0] == '\0') return true;
  const char *star = NULL, *retry = NULL;
  while (*s != '\0') {
    if (*pattern == '*') {
      star = ++pattern;
      retry = s;
    } else if (*pattern == '?' || (*pattern != '\0' && *pattern == *s)) {
      pattern++;
      s++;
    } else if (star != NULL) {
      pattern = star;
      s = ++retry;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

int tfdc_text_order(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

size_t tfdc_distance(const char *a, const char *b) {
  size_t na = strlen(a), nb = strlen(b), row[65];
  if (na > 64 || nb > 64) return SIZE_MAX;
  for (size_t j = 0; j <= nb; j++) row[j] = j;
  for (size_t i = 1; i <= na; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= nb; j++) {
      size_t best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[nb];
}
