/* SPDX-License-Identifier: Apache-2.0
 * JSON out of a record, written straight into the buffer: rows are written with every run. */
#include "base/hash.h"
#include "base/text.h"
#include "model/fields.h"
#include "model/json_out.h"
#include "model/records.h"
#include "model/strategy.h"

#include <inttypes.h>

struct writer {
  struct tfdc_buf *out;
  bool over; /* something is longer than a decoder would take */
};

static void put_text(struct writer *w, const char *s) { tfdc_put(w->out, s, strlen(s)); }

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

static void put_items(struct writer *w, const struct model_table *t, const char *items, size_t n) {
  tfdc_put_u8(w->out, '[');
  for (size_t i = 0; i < n && !w->over && !w->out->failed; i++) {
    if (i > 0) tfdc_put_u8(w->out, ',');
    put_table(w, t, items + i * t->size, false);
  }
  tfdc_put_u8(w->out, ']');
}

static void put_list(struct writer *w, const struct model_field *f, const void *base) {
  size_t n = model_get_size(base, f->offset_n);
  if (n > (size_t)f->max) w->over = true;
  put_items(w, f->sub, model_get_ptr(base, f->offset), n);
}

static void put_strings(struct writer *w, const struct model_field *f, const void *base) {
  struct model_globs g;
  memcpy(&g, (const char *)base + f->offset, sizeof g);
  if (g.n > (size_t)f->max) w->over = true;
  tfdc_put_u8(w->out, '[');
  for (size_t i = 0; i < g.n && !w->over; i++) {
    if (i > 0) tfdc_put_u8(w->out, ',');
    model_json_put_string(w->out, g.items[i], strlen(g.items[i]));
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
  if (!w->over) model_json_put_string(w->out, s, n);
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
    model_json_put_i64(w->out, model_get_int(f, base));
    break;
  case MODEL_F_U32:
  case MODEL_F_I32:
  case MODEL_F_I64:
  case MODEL_F_TIME: model_json_put_i64(w->out, model_get_int(f, base)); break;
  case MODEL_F_HEX64:
    memcpy(&u, at, sizeof u);
    tfdc_put_fmt(w->out, "\"%016" PRIx64 "\"", u);
    break;
  case MODEL_F_ID128:
    memcpy(&id, at, sizeof id);
    model_json_put_string(w->out, tfdc_id128_format(id, hex), 32);
    break;
  case MODEL_F_F64:
    memcpy(&d, at, sizeof d);
    model_json_put_f64(w->out, d);
    break;
  case MODEL_F_ENUM:
    u = (uint64_t)model_get_int(f, base);
    TFDC_ASSERT(u < f->names->n);
    model_json_put_string(w->out, f->names->names[u], strlen(f->names->names[u]));
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

tfdc_rc model_fields_list_to_json(const struct model_table *t, const void *records, size_t n, struct tfdc_buf *out) {
  struct writer w = {.out = out};
  put_items(&w, t, records, n);
  tfdc_rc rc = tfdc_buf_status(out);
  return rc == TFDC_OK && w.over ? TFDC_E_LIMIT : rc;
}
