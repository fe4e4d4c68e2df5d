/* SPDX-License-Identifier: Apache-2.0
 * YAML out of a record, as a person would write it: block style, one value a line, what is as by default left out. The
 * YAML reader takes it back to the same record. */
#include "base/text.h"
#include "model/fields.h"
#include "model/json_out.h"
#include "model/strategy.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

enum { INDENT = 2, ITEMS_ON_LINE = 8 };

static void put_text(struct tfdc_buf *out, const char *s) { tfdc_put(out, s, strlen(s)); }

static void put_indent(struct tfdc_buf *out, size_t n) {
  while (n-- > 0) tfdc_put_u8(out, ' ');
}

/* --- texts --- */

/* Words that some reader of YAML takes for something else than a text. */
static bool is_word_of_yaml(const char *s) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  for (size_t i = 0; i < TFDC_COUNT(words); i++) {
    size_t k = 0;
    while (words[i][k] != '\0' && tolower((unsigned char)s[k]) == words[i][k]) k++;
    if (words[i][k] == '\0' && s[k] == '\0') return true;
  }
  return false;
}

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

/* May it stand without quotes? In [..] and {..} fewer may. */
static bool is_plain(const char *s, bool flow) {
  if (!is_letter(s[0]) || is_word_of_yaml(s)) return false;
  for (const char *c = s; *c != '\0'; c++) {
    bool simple = is_letter(*c) || (*c >= '0' && *c <= '9') || strchr(".()/*-", *c) != NULL;
    if (simple) continue;
    if (flow || *c < ' ' || *c > '~') return false;
    if ((*c == ':' || *c == ' ') && (c[1] == '\0' || c[1] == ' ')) return false;
    if (*c == '#' && c[-1] == ' ') return false;
  }
  return true;
}

static bool needs_escape(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
         (c >= 0xfffe && c <= 0xffff);
}

static void put_quoted(struct tfdc_buf *out, const char *s) {
  size_t n = strlen(s);
  tfdc_put_u8(out, '"');
  while (n > 0) {
    uint32_t c;
    size_t len = tfdc_utf8_next(s, n, &c);
    if (len == 0) {
      len = 1;
      put_text(out, "\xef\xbf\xbd");
    } else if (c == '"' || c == '\\') {
      tfdc_put_u8(out, '\\');
      tfdc_put_u8(out, (uint8_t)c);
    } else if (c == '\n' || c == '\t') {
      put_text(out, c == '\n' ? "\\n" : "\\t");
    } else if (needs_escape(c)) {
      tfdc_put_fmt(out, "\\u%04" PRIx32, c);
    } else {
      tfdc_put(out, s, len);
    }
    s += len;
    n -= len;
  }
  tfdc_put_u8(out, '"');
}

static void put_scalar(struct tfdc_buf *out, const char *s, bool flow) {
  if (is_plain(s, flow))
    put_text(out, s);
  else
    put_quoted(out, s);
}

/* Several lines of plain ASCII that a literal block keeps as they are. */
static bool is_literal(const char *s) {
  size_t n = strlen(s);
  if (strchr(s, '\n') == NULL || s[0] == ' ' || s[0] == '\n' || (n > 1 && s[n - 1] == '\n' && s[n - 2] == '\n'))
    return false;
  for (size_t i = 0; i < n; i++)
    if ((s[i] < ' ' && s[i] != '\n') || s[i] > '~') return false;
  return true;
}

static void put_literal(struct tfdc_buf *out, const char *s, size_t indent) {
  put_text(out, s[strlen(s) - 1] == '\n' ? "|" : "|-");
  while (*s != '\0') {
    size_t n = strcspn(s, "\n");
    tfdc_put_u8(out, '\n');
    if (n > 0) put_indent(out, indent);
    tfdc_put(out, s, n);
    s += n + (s[n] == '\n');
  }
}

/* --- what is left out --- */

static bool equal_texts(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool equal_strings(const struct model_field *f, const void *a, const void *b) {
  struct model_globs x, y;
  memcpy(&x, (const char *)a + f->offset, sizeof x);
  memcpy(&y, (const char *)b + f->offset, sizeof y);
  if (x.n != y.n) return false;
  for (size_t i = 0; i < x.n; i++)
    if (strcmp(x.items[i], y.items[i]) != 0) return false;
  return true;
}

static bool equal_reals(const struct model_field *f, const void *a, const void *b) {
  double x, y;
  memcpy(&x, (const char *)a + f->offset, sizeof x);
  memcpy(&y, (const char *)b + f->offset, sizeof y);
  return memcmp(&x, &y, sizeof x) == 0 || (!isfinite(x) && !isfinite(y));
}

static bool is_default(const struct model_field *f, const void *base, const void *defaults) {
  if (f->flags & (MODEL_F_REQUIRED | MODEL_F_WRITE_ONLY)) return (f->flags & MODEL_F_WRITE_ONLY) != 0;
  if (model_field_is_text(f)) return equal_texts(model_field_text(f, base), model_field_text(f, defaults));
  switch (f->type) {
  case MODEL_F_STRINGS: return equal_strings(f, base, defaults);
  case MODEL_F_F64: return equal_reals(f, base, defaults);
  case MODEL_F_LIST: return model_get_size(base, f->offset_n) == 0;
  case MODEL_F_OBJECT:
    if (f->offset_n != SIZE_MAX) return !*((const bool *)base + f->offset_n);
    for (size_t i = 0; i < f->sub->n; i++)
      if (!is_default(&f->sub->fields[i], base, defaults)) return false;
    return true;
  default: return model_get_int(f, base) == model_get_int(f, defaults);
  }
}

/* --- tables --- */

/* A value on the line of its key. */
static void put_value(struct tfdc_buf *out, const struct model_field *f, const void *base, bool flow) {
  double d;
  switch (f->type) {
  case MODEL_F_BOOL: put_text(out, model_get_int(f, base) ? "true" : "false"); break;
  case MODEL_F_F64:
    memcpy(&d, (const char *)base + f->offset, sizeof d);
    model_json_put_f64(out, d);
    break;
  case MODEL_F_ENUM: put_text(out, f->names->names[model_get_int(f, base)]); break;
  case MODEL_F_U32:
  case MODEL_F_I32:
  case MODEL_F_I64: model_json_put_i64(out, model_get_int(f, base)); break;
  default:
    TFDC_ASSERT(model_field_is_text(f)); /* definitions have no other types */
    put_scalar(out, model_field_text(f, base), flow);
    break;
  }
}

static void put_flow_map(struct tfdc_buf *out, const struct model_table *t, const void *base, const void *defaults) {
  bool comma = false;
  tfdc_put_u8(out, '{');
  for (size_t i = 0; i < t->n; i++) {
    const struct model_field *f = &t->fields[i];
    if (is_default(f, base, defaults)) continue;
    if (comma) put_text(out, ", ");
    comma = true;
    tfdc_put_fmt(out, "%s: ", f->name);
    put_value(out, f, base, true);
  }
  tfdc_put_u8(out, '}');
}

static void put_strings(struct tfdc_buf *out, const struct model_field *f, const void *base, size_t indent) {
  struct model_globs g;
  memcpy(&g, (const char *)base + f->offset, sizeof g);
  if (g.n > ITEMS_ON_LINE) {
    for (size_t i = 0; i < g.n; i++) {
      tfdc_put_u8(out, '\n');
      put_indent(out, indent);
      put_text(out, "- ");
      put_scalar(out, g.items[i], true);
    }
    return;
  }
  put_text(out, " [");
  for (size_t i = 0; i < g.n; i++) {
    if (i > 0) put_text(out, ", ");
    put_scalar(out, g.items[i], true);
  }
  tfdc_put_u8(out, ']');
}

/* Are all its values such that a line holds them? */
static bool is_flat(const struct model_table *t) {
  for (size_t i = 0; i < t->n; i++) {
    enum model_field_type type = t->fields[i].type;
    if (type == MODEL_F_LIST || type == MODEL_F_OBJECT || type == MODEL_F_STRINGS || type == MODEL_F_PROSE)
      return false;
  }
  return true;
}

static void put_map(struct tfdc_buf *out, const struct model_table *t, const void *base, const void *defaults,
                    size_t indent);

static void put_list(struct tfdc_buf *out, const struct model_field *f, const void *base, size_t indent) {
  const char *items = model_get_ptr(base, f->offset);
  size_t n = model_get_size(base, f->offset_n);
  for (size_t i = 0; i < n && !out->failed; i++) {
    const void *item = items + i * f->sub->size;
    tfdc_put_u8(out, '\n');
    put_indent(out, indent);
    put_text(out, "- ");
    if (is_flat(f->sub))
      put_flow_map(out, f->sub, item, f->sub->defaults);
    else
      put_map(out, f->sub, item, f->sub->defaults, indent + INDENT);
  }
}

static void put_member(struct tfdc_buf *out, const struct model_field *f, const void *base, const void *defaults,
                       size_t indent) {
  tfdc_put_fmt(out, "%s:", f->name);
  const char *text = f->type == MODEL_F_PROSE ? model_field_text(f, base) : NULL;
  if (f->type == MODEL_F_STRINGS) {
    put_strings(out, f, base, indent);
  } else if (f->type == MODEL_F_LIST) {
    put_list(out, f, base, indent);
  } else if (f->type == MODEL_F_OBJECT && !is_flat(f->sub)) {
    tfdc_put_u8(out, '\n');
    put_indent(out, indent + INDENT);
    put_map(out, f->sub, base, defaults, indent + INDENT);
  } else {
    tfdc_put_u8(out, ' ');
    if (f->type == MODEL_F_OBJECT)
      put_flow_map(out, f->sub, base, defaults);
    else if (text != NULL && is_literal(text))
      put_literal(out, text, indent + INDENT);
    else
      put_value(out, f, base, false);
  }
}

/* The first member stands where the writer stands, the others each on a line of their own. */
static void put_map(struct tfdc_buf *out, const struct model_table *t, const void *base, const void *defaults,
                    size_t indent) {
  bool first = true;
  for (size_t i = 0; i < t->n && !out->failed; i++) {
    const struct model_field *f = &t->fields[i];
    if (is_default(f, base, defaults)) continue;
    if (!first) {
      tfdc_put_u8(out, '\n');
      put_indent(out, indent);
    }
    first = false;
    put_member(out, f, base, defaults, indent);
  }
  if (first) put_text(out, "{}");
}

tfdc_rc model_fields_to_yaml(const struct model_table *t, const void *record, struct tfdc_buf *out) {
  put_map(out, t, record, t->defaults, 0);
  tfdc_put_u8(out, '\n');
  return tfdc_buf_status(out);
}
