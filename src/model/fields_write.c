/* SPDX-License-Identifier: Apache-2.0
 * JSON out of a record, written straight into the buffer: rows are written with every run. */
#include "base/hash.h"
#include "base/text.h"
#include "model/fields.h"
#include "model/records.h"
#include "model/strategy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct writer {
  struct tfdc_buf *out;
  bool over; /* something is longer than a decoder would take */
};

static void put_text(struct writer *w, const char *s) { tfdc_put(w->out, s, strlen(s)); }

static bool is_plain(char c) { return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\'; }

static void put_string(struct writer *w, const char *s, size_t n) {
  tfdc_put_u8(w->out, '"');
  for (size_t i = 0; i < n;) {
    size_t run = i;
    while (run < n && is_plain(s[run])) run++;
    tfdc_put(w->out, s + i, run - i);
    i = run;
    if (i == n) break;
    uint32_t c;
    size_t len = tfdc_utf8_next(s + i, n - i, &c);
    if (len == 0) {
      put_text(w, "\xef\xbf\xbd");
      len = 1;
    } else if (len > 1) {
      tfdc_put(w->out, s + i, len);
    } else if (c == '"' || c == '\\') {
      tfdc_put_u8(w->out, '\\');
      tfdc_put_u8(w->out, (uint8_t)c);
    } else if (c == '\n' || c == '\t') {
      put_text(w, c == '\n' ? "\\n" : "\\t");
    } else {
      tfdc_put_fmt(w->out, "\\u%04" PRIx32, c);
    }
    i += len;
  }
  tfdc_put_u8(w->out, '"');
}

static void put_int(struct writer *w, int64_t v) {
  char digits[20];
  size_t n = sizeof digits;
  uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  do {
    digits[--n] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (v < 0) tfdc_put_u8(w->out, '-');
  tfdc_put(w->out, digits + n, sizeof digits - n);
}

/* The fewest of 15 to 17 digits that read back as the same bits, always with a point or an exponent, so that a JSON
 * reader keeps it a real (and -0.0 its sign). */
static void put_f64(struct writer *w, double v) {
  if (!isfinite(v)) {
    put_text(w, "null");
    return;
  }
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    (void)snprintf(text, sizeof text, "%.*g", digits, v);
    if (digits == 17 || strtod(text, NULL) == v) break;
  }
  char *comma = strchr(text, ','); /* of some locale */
  if (comma != NULL) *comma = '.';
  put_text(w, text);
  if (strpbrk(text, ".e") == NULL) put_text(w, ".0");
}

static void put_hex(struct writer *w, const uint8_t *bytes, size_t n) {
  static const char digits[] = "0123456789abcdef";
  tfdc_put_u8(w->out, '"');
  for (size_t i = 0; i < n; i++) {
    tfdc_put_u8(w->out, (uint8_t)digits[bytes[i] >> 4]);
    tfdc_put_u8(w->out, (uint8_t)digits[bytes[i] & 15]);
  }
  tfdc_put_u8(w->out, '"');
}

static void put_table(struct writer *w, const struct model_table *t, const void *base, bool versioned);

static void put_list(struct writer *w, const struct model_field *f, const void *base) {
  const char *items = model_get_ptr(base, f->offset);
  size_t n = model_get_size(base, f->offset_n);
  if (n > (size_t)f->max) w->over = true;
  tfdc_put_u8(w->out, '[');
  for (size_t i = 0; i < n && !w->over && !w->out->failed; i++) {
    if (i > 0) tfdc_put_u8(w->out, ',');
    put_table(w, f->sub, items + i * f->sub->size, false);
  }
  tfdc_put_u8(w->out, ']');
}

static void put_strings(struct writer *w, const struct model_field *f, const void *base) {
  struct model_globs g;
  memcpy(&g, (const char *)base + f->offset, sizeof g);
  if (g.n > (size_t)f->max) w->over = true;
  tfdc_put_u8(w->out, '[');
  for (size_t i = 0; i < g.n && !w->over; i++) {
    if (i > 0) tfdc_put_u8(w->out, ',');
    put_string(w, g.items[i], strlen(g.items[i]));
  }
  tfdc_put_u8(w->out, ']');
}

static bool is_absent(const struct model_field *f, const void *base) {
  if (model_field_is_text(f)) return model_field_text(f, base) == NULL;
  if (f->type == MODEL_F_TIME) return model_get_int(f, base) == MODEL_NO_TIME;
  if (f->type == MODEL_F_OBJECT) return f->offset_n != SIZE_MAX && !*((const bool *)base + f->offset_n);
  return false;
}

static void put_long_text(struct writer *w, const struct model_field *f, const char *s) {
  size_t n = strlen(s);
  if (n > (size_t)(f->max > 0 ? f->max : TFDC_TEXT_MAX)) w->over = true;
  if (!w->over) put_string(w, s, n);
}

static void put_value(struct writer *w, const struct model_field *f, const void *base) {
  const char *at = (const char *)base + f->offset;
  double d;
  uint64_t u;
  struct tfdc_id128 id;
  char hex[33];
  switch (f->type) {
  case MODEL_F_BOOL: put_text(w, model_get_int(f, base) ? "true" : "false"); break;
  case MODEL_F_U64:
    if (model_get_int(f, base) < 0) w->over = true;
    put_int(w, model_get_int(f, base));
    break;
  case MODEL_F_U32:
  case MODEL_F_I32:
  case MODEL_F_I64:
  case MODEL_F_TIME: put_int(w, model_get_int(f, base)); break;
  case MODEL_F_HEX64:
    memcpy(&u, at, sizeof u);
    tfdc_put_fmt(w->out, "\"%016" PRIx64 "\"", u);
    break;
  case MODEL_F_ID128:
    memcpy(&id, at, sizeof id);
    put_string(w, tfdc_id128_format(id, hex), 32);
    break;
  case MODEL_F_F64:
    memcpy(&d, at, sizeof d);
    put_f64(w, d);
    break;
  case MODEL_F_ENUM:
    u = (uint64_t)model_get_int(f, base);
    TFDC_ASSERT(u < f->names->n);
    put_string(w, f->names->names[u], strlen(f->names->names[u]));
    break;
  case MODEL_F_BLOB:
    if (model_get_size(base, f->offset_n) > (size_t)f->max) w->over = true;
    if (!w->over) put_hex(w, (const uint8_t *)model_get_ptr(base, f->offset), model_get_size(base, f->offset_n));
    break;
  case MODEL_F_LIST: put_list(w, f, base); break;
  case MODEL_F_STRINGS: put_strings(w, f, base); break;
  case MODEL_F_OBJECT: put_table(w, f->sub, base, false); break;
  default: put_long_text(w, f, model_field_text(f, base)); break;
  }
}

static void put_table(struct writer *w, const struct model_table *t, const void *base, bool versioned) {
  tfdc_put_u8(w->out, '{');
  if (versioned) tfdc_put_fmt(w->out, "\"v\":%d", MODEL_VERSION);
  bool comma = versioned;
  for (size_t i = 0; i < t->n; i++) {
    const struct model_field *f = &t->fields[i];
    if (is_absent(f, base)) continue;
    if (comma) tfdc_put_u8(w->out, ',');
    comma = true;
    tfdc_put_u8(w->out, '"');
    put_text(w, f->name);
    tfdc_put(w->out, "\":", 2);
    put_value(w, f, base);
  }
  tfdc_put_u8(w->out, '}');
}

tfdc_rc model_fields_to_json(const struct model_table *t, const void *record, size_t max, struct tfdc_buf *out) {
  struct writer w = {.out = out};
  size_t start = out->size;
  put_table(&w, t, record, true);
  tfdc_rc rc = tfdc_buf_status(out);
  if (rc == TFDC_OK && (w.over || out->size - start > max)) rc = TFDC_E_LIMIT;
  if (rc != TFDC_OK && !out->failed) out->size = start;
  return rc;
}
