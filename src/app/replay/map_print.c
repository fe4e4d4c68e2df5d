/* SPDX-License-Identifier: Apache-2.0
 * A map as YAML, from the same field tables that read it. */
#include "app/replay/map.h"
#include "app/replay/map_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that YAML reads back as itself: plain when it is made of letters, digits and the like, else in double quotes.
 * Texts hold no control characters. */
static void put_text(struct tfdc_buf *out, const char *s) {
  bool plain = s[0] != '\0' && strchr("-.~", s[0]) == NULL && strcmp(s, "null") != 0;
  for (const char *p = s; *p != '\0'; p++) {
    bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    plain = plain && (word || strchr("_-./", *p) != NULL);
  }
  if (plain) {
    tfdc_put(out, s, strlen(s));
    return;
  }
  tfdc_put_u8(out, '"');
  for (const char *p = s; *p != '\0'; p++) {
    if (*p == '"' || *p == '\\') tfdc_put_u8(out, '\\');
    tfdc_put_u8(out, (uint8_t)*p);
  }
  tfdc_put_u8(out, '"');
}

static void put_strings(struct tfdc_buf *out, const struct model_globs *g) {
  tfdc_put_u8(out, '[');
  for (size_t i = 0; i < g->n; i++) {
    if (i > 0) tfdc_put(out, ", ", 2);
    put_text(out, g->items[i]);
  }
  tfdc_put_u8(out, ']');
}

static bool same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static bool same_strings(const struct model_globs *a, const struct model_globs *b) {
  bool same = a->n == b->n;
  for (size_t i = 0; i < a->n && same; i++) same = strcmp(a->items[i], b->items[i]) == 0;
  return same;
}

static bool is_default(const struct model_field *f, const void *record, const void *defaults) {
  struct model_globs a, b;
  double x, y;
  switch (f->type) {
  case MODEL_F_TEXT: return same_text(model_field_text(f, record), model_field_text(f, defaults));
  case MODEL_F_F64:
    memcpy(&x, (const char *)record + f->offset, sizeof x);
    memcpy(&y, (const char *)defaults + f->offset, sizeof y);
    return !(x < y || x > y);
  case MODEL_F_STRINGS:
    memcpy(&a, (const char *)record + f->offset, sizeof a);
    memcpy(&b, (const char *)defaults + f->offset, sizeof b);
    return same_strings(&a, &b);
  case MODEL_F_LIST: return model_get_size(record, f->offset_n) == 0;
  case MODEL_F_OBJECT:
    for (size_t i = 0; i < f->sub->n; i++) {
      if (!is_default(&f->sub->fields[i], record, defaults)) return false;
    }
    return true;
  default: return (f->flags & MODEL_F_REQUIRED) == 0 && model_get_int(f, record) == model_get_int(f, defaults);
  }
}

/* The shortest of 15 and 17 digits that reads back the same. */
static void put_number(struct tfdc_buf *out, double v) {
  char text[40];
  (void)snprintf(text, sizeof text, "%.15g", v);
  double back = strtod(text, NULL);
  tfdc_put_fmt(out, "%.*g", back < v || back > v ? 17 : 15, v);
}

/* "{column: a, name: b}" of the fields that are not defaults. */
static void put_flow(struct tfdc_buf *out, const struct model_table *t, const void *record, const void *defaults);

static void put_value(struct tfdc_buf *out, const struct model_field *f, const void *record, const void *defaults) {
  struct model_globs g;
  double v;
  switch (f->type) {
  case MODEL_F_TEXT: put_text(out, model_field_text(f, record)); break;
  case MODEL_F_F64:
    memcpy(&v, (const char *)record + f->offset, sizeof v);
    put_number(out, v);
    break;
  case MODEL_F_STRINGS:
    memcpy(&g, (const char *)record + f->offset, sizeof g);
    put_strings(out, &g);
    break;
  case MODEL_F_BOOL: tfdc_put_fmt(out, "%s", model_get_int(f, record) != 0 ? "true" : "false"); break;
  case MODEL_F_ENUM: tfdc_put_fmt(out, "%s", f->names->names[model_get_int(f, record)]); break;
  case MODEL_F_OBJECT: put_flow(out, f->sub, record, defaults); break;
  default: tfdc_put_fmt(out, "%lld", (long long)model_get_int(f, record)); break;
  }
}

static void put_flow(struct tfdc_buf *out, const struct model_table *t, const void *record, const void *defaults) {
  const char *before = "{";
  for (size_t i = 0; i < t->n; i++) {
    if (is_default(&t->fields[i], record, defaults)) continue;
    tfdc_put_fmt(out, "%s%s: ", before, t->fields[i].name);
    put_value(out, &t->fields[i], record, defaults);
    before = ", ";
  }
  tfdc_put_fmt(out, "%s}", before[0] == '{' ? "{" : "");
}

static void put_list(struct tfdc_buf *out, const struct model_field *f, const void *record) {
  const char *items = model_get_ptr(record, f->offset);
  size_t n = model_get_size(record, f->offset_n);
  for (size_t i = 0; i < n; i++) {
    tfdc_put_fmt(out, "\n  - ");
    put_flow(out, f->sub, items + i * f->sub->size, f->sub->defaults);
  }
}

tfdc_rc map_to_yaml(const struct replay_map *m, struct tfdc_buf *out) {
  for (size_t i = 0; i < map_table.n; i++) {
    const struct model_field *f = &map_table.fields[i];
    if (is_default(f, m, map_table.defaults)) continue;
    tfdc_put_fmt(out, f->type == MODEL_F_LIST ? "%s:" : "%s: ", f->name);
    if (f->type == MODEL_F_LIST)
      put_list(out, f, m);
    else
      put_value(out, f, m, map_table.defaults);
    tfdc_put_u8(out, '\n');
  }
  return tfdc_buf_status(out);
}
