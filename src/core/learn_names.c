/* SPDX-License-Identifier: Apache-2.0
 * Ids and texts of made charts. */
#include "base/hash.h"
#include "base/text.h"
#include "core/learn_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HASH_DIGITS = 6 };

const char *learn_text(struct tfdc_arena *mem, const char *fmt, ...) {
  char text[2048];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return n < 0 || (size_t)n >= sizeof text ? NULL : tfdc_arena_strndup(mem, text, (size_t)n);
}

const char *learn_id(struct tfdc_arena *mem, const char *const *parts, size_t n, char joint) {
  char id[TFDC_ID_MAX + 1];
  size_t len = 0, whole = 0;
  uint64_t hash = 0;
  bool changed = false;
  for (size_t i = 0; i < n; i++) {
    if (i > 0 && len < TFDC_ID_MAX) id[len++] = joint;
    whole += i > 0;
    size_t bytes = strlen(parts[i]);
    hash = hash * 31 + tfdc_xxh3_64(parts[i], bytes);
    for (size_t k = 0; k < bytes; k++) {
      bool keep = tfdc_is_id(&parts[i][k], 1);
      if (!keep && len > 0 && id[len - 1] == '_') continue; /* one _ for a stretch of others */
      changed |= (unsigned char)parts[i][k] >= 0x80;
      whole++;
      if (len < TFDC_ID_MAX) id[len++] = keep ? parts[i][k] : '_';
    }
  }
  if (whole > len || changed) { /* names that differ only in what was lost stay apart */
    if (len > TFDC_ID_MAX - HASH_DIGITS - 1) len = TFDC_ID_MAX - HASH_DIGITS - 1;
    (void)snprintf(id + len, sizeof id - len, "-%06x", (unsigned)(hash & 0xffffff));
    len += HASH_DIGITS + 1;
  }
  return tfdc_arena_strndup(mem, id, len);
}

static const char *quote(struct tfdc_arena *mem, const char *name, char mark) {
  char text[2 * TFDC_TEXT_MAX + 3];
  size_t len = 0;
  text[len++] = mark;
  for (size_t i = 0; name[i] != '\0' && len + 3 < sizeof text; i++) {
    if (name[i] == mark) text[len++] = mark;
    text[len++] = name[i];
  }
  text[len++] = mark;
  return tfdc_arena_strndup(mem, text, len);
}

static bool is_bare(const char *name) {
  static const char *const words[] = {"let", "in", "and", "or", "not", "run"};
  for (size_t i = 0; i < TFDC_COUNT(words); i++)
    if (strcmp(words[i], name) == 0) return false;
  if (name[0] >= '0' && name[0] <= '9') return false;
  for (size_t i = 0; name[i] != '\0'; i++)
    if (!tfdc_is_id(&name[i], 1) || name[i] == '-') return false;
  return name[0] != '\0';
}

const char *learn_quote_svid(struct tfdc_arena *mem, const char *name) {
  return is_bare(name) ? tfdc_arena_strdup(mem, name) : quote(mem, name, '`');
}

const char *learn_quote_step(struct tfdc_arena *mem, const char *name) { return quote(mem, name, '"'); }
