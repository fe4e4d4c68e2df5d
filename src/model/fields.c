/* SPDX-License-Identifier: Apache-2.0
 * Walks over the field tables that need no JSON: access, check, copy. */
#include "model/fields.h"
#include "base/text.h"
#include "model/records.h"
#include "model/strategy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

bool model_field_is_text(const struct model_field *f) { return f->type <= MODEL_F_KEY; }

const char *model_field_text(const struct model_field *f, const void *record) {
  return model_get_ptr(record, f->offset);
}

const struct model_field *model_table_find(const struct model_table *t, const char *name) {
  for (size_t i = 0; i < t->n; i++) {
    if (strcmp(t->fields[i].name, name) == 0) return &t->fields[i];
  }
  return NULL;
}

int64_t model_get_int(const struct model_field *f, const void *base) {
  const char *p = (const char *)base + f->offset;
  uint32_t u32;
  int32_t i32;
  uint64_t u64;
  int64_t i64;
  switch (f->type) {
  case MODEL_F_BOOL: return *(const bool *)p;
  case MODEL_F_U32: memcpy(&u32, p, sizeof u32); return u32;
  case MODEL_F_I32:
  case MODEL_F_ENUM: memcpy(&i32, p, sizeof i32); return i32;
  case MODEL_F_U64: memcpy(&u64, p, sizeof u64); return u64 > INT64_MAX ? -1 : (int64_t)u64;
  default: memcpy(&i64, p, sizeof i64); return i64;
  }
}

void model_set_int(const struct model_field *f, void *base, int64_t v) {
  bool b = v != 0;
  uint32_t u32 = (uint32_t)v;
  switch (f->type) {
  case MODEL_F_BOOL: model_set(base, f->offset, &b, sizeof b); break;
  case MODEL_F_U32:
  case MODEL_F_I32:
  case MODEL_F_ENUM: model_set(base, f->offset, &u32, sizeof u32); break;
  default: model_set(base, f->offset, &v, sizeof v); break;
  }
}

static bool is_line(const char *s, size_t n, bool breaks) {
  for (size_t i = 0; i < n;) {
    uint32_t c;
    size_t len = tfdc_utf8_next(s + i, n - i, &c);
    if (len == 0) return false;
    bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    if (control && !(breaks && (c == '\n' || c == '\r' || c == '\t'))) return false;
    i += len;
  }
  return true;
}

tfdc_rc model_field_check_text(const struct model_field *f, const char *s, size_t n, struct tfdc_error *err) {
  if ((f->flags & MODEL_F_NONEMPTY) && n == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "must not be empty");
  const char *colon;
  switch (f->type) {
  case MODEL_F_ID:
    if (!tfdc_is_id(s, n)) return tfdc_fail(err, TFDC_E_BAD_ID, "ids match [A-Za-z0-9_-]{1,64}");
    return TFDC_OK;
  case MODEL_F_KEY:
    colon = memchr(s, ':', n);
    if (colon == NULL || !tfdc_is_id(s, (size_t)(colon - s)) || !tfdc_is_id(colon + 1, n - 1 - (size_t)(colon - s)))
      return tfdc_fail(err, TFDC_E_BAD_ID, "must be tool:chamber, both [A-Za-z0-9_-]{1,64}");
    return TFDC_OK;
  case MODEL_F_TEXT:
    if (!tfdc_is_text(s, n))
      return tfdc_fail(err, TFDC_E_BAD_TEXT, "text is UTF-8 of at most %d bytes without control characters",
                       TFDC_TEXT_MAX);
    return TFDC_OK;
  default:
    if (n > (size_t)f->max) return tfdc_fail(err, TFDC_E_LIMIT, "%zu bytes, at most %" PRId64, n, f->max);
    if (!is_line(s, n, f->type != MODEL_F_LINE))
      return tfdc_fail(err, TFDC_E_BAD_TEXT, "must be UTF-8 without control characters");
    return TFDC_OK;
  }
}

tfdc_rc model_field_check_int(const struct model_field *f, int64_t v, struct tfdc_error *err) {
  if (f->min == f->max || (v >= f->min && v <= f->max)) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_RANGE, "%" PRId64 " is not in %" PRId64 "..%" PRId64, v, f->min, f->max);
}

tfdc_rc model_field_check_f64(const struct model_field *f, double v, struct tfdc_error *err) {
  if (!isfinite(v)) {
    return f->flags & MODEL_F_FINITE ? tfdc_fail(err, TFDC_E_RANGE, "must be a finite number") : TFDC_OK;
  }
  if (f->min == f->max || (v >= (double)f->min && v <= (double)f->max)) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_RANGE, "%g is not in %" PRId64 "..%" PRId64, v, f->min, f->max);
}

char *model_path_format(const struct model_path *path, char *buf, size_t size) {
  size_t n = 0;
  buf[0] = '\0';
  for (size_t i = 0; i < path->n && n < size; i++) {
    const struct model_path_step *s = &path->steps[i];
    int len = s->key == NULL ? snprintf(buf + n, size - n, "[%zu]", s->index)
                             : snprintf(buf + n, size - n, "%s%.80s", i > 0 ? "." : "", s->key);
    if (len < 0) break;
    n += (size_t)len;
  }
  return buf;
}

/* --- check --- */

static tfdc_rc check_table(const struct model_table *t, const void *base, struct tfdc_error *err);

static tfdc_rc check_count(const struct model_field *f, size_t n, struct tfdc_error *err) {
  if (n > (size_t)f->max) return tfdc_fail(err, TFDC_E_LIMIT, "%zu items, at most %" PRId64, n, f->max);
  if (n == 0 && (f->flags & MODEL_F_NONEMPTY)) return tfdc_fail(err, TFDC_E_MALFORMED, "must not be empty");
  return TFDC_OK;
}

static tfdc_rc check_list(const struct model_field *f, const void *base, struct tfdc_error *err) {
  const char *items = model_get_ptr(base, f->offset);
  size_t n = model_get_size(base, f->offset_n);
  TFDC_TRY(check_count(f, n, err));
  for (size_t i = 0; i < n; i++) {
    tfdc_rc rc = check_table(f->sub, items + i * f->sub->size, err);
    if (rc != TFDC_OK) return tfdc_wrap(err, rc, "[%zu]", i);
  }
  return TFDC_OK;
}

static tfdc_rc check_strings(const struct model_field *f, const void *base, struct tfdc_error *err) {
  struct model_globs g;
  memcpy(&g, (const char *)base + f->offset, sizeof g);
  TFDC_TRY(check_count(f, g.n, err));
  const struct model_field item = {.type = f->flags & MODEL_F_IDS ? MODEL_F_ID : MODEL_F_TEXT,
                                   .flags = MODEL_F_NONEMPTY};
  for (size_t i = 0; i < g.n; i++) {
    tfdc_rc rc = model_field_check_text(&item, g.items[i], strlen(g.items[i]), err);
    if (rc != TFDC_OK) return tfdc_wrap(err, rc, "[%zu]", i);
  }
  return TFDC_OK;
}

static tfdc_rc check_field(const struct model_field *f, const void *base, struct tfdc_error *err) {
  double d;
  switch (f->type) {
  case MODEL_F_BOOL:
  case MODEL_F_HEX64:
  case MODEL_F_ID128: return TFDC_OK;
  case MODEL_F_F64: memcpy(&d, (const char *)base + f->offset, sizeof d); return model_field_check_f64(f, d, err);
  case MODEL_F_LIST: return check_list(f, base, err);
  case MODEL_F_STRINGS: return check_strings(f, base, err);
  case MODEL_F_BLOB: return check_count(f, model_get_size(base, f->offset_n), err);
  case MODEL_F_OBJECT:
    if (f->offset_n != SIZE_MAX && !*((const bool *)base + f->offset_n)) return TFDC_OK;
    return check_table(f->sub, base, err);
  case MODEL_F_ENUM:
    if ((uint64_t)model_get_int(f, base) < f->names->n) return TFDC_OK;
    return tfdc_fail(err, TFDC_E_RANGE, "unknown value %" PRId64, model_get_int(f, base));
  case MODEL_F_TIME:
    if ((f->flags & MODEL_F_REQUIRED) && model_get_int(f, base) == MODEL_NO_TIME)
      return tfdc_fail(err, TFDC_E_MALFORMED, "missing");
    return TFDC_OK;
  case MODEL_F_U32:
  case MODEL_F_I32:
  case MODEL_F_U64:
  case MODEL_F_I64: return model_field_check_int(f, model_get_int(f, base), err);
  default: break;
  }
  const char *s = model_field_text(f, base);
  if (s != NULL) return model_field_check_text(f, s, strlen(s), err);
  return f->flags & MODEL_F_REQUIRED ? tfdc_fail(err, TFDC_E_MALFORMED, "missing") : TFDC_OK;
}

static tfdc_rc check_table(const struct model_table *t, const void *base, struct tfdc_error *err) {
  for (size_t i = 0; i < t->n; i++) {
    tfdc_rc rc = check_field(&t->fields[i], base, err);
    if (rc != TFDC_OK) return tfdc_wrap(err, rc, "%s", t->fields[i].name);
  }
  return TFDC_OK;
}

tfdc_rc model_fields_check(const struct model_table *t, const void *record, struct tfdc_error *err) {
  tfdc_rc rc = check_table(t, record, err);
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "%s", t->name);
}

/* --- copy --- */

static tfdc_rc copy_pointers(const struct model_table *t, void *to, struct tfdc_arena *mem);

static tfdc_rc copy_bytes(const struct model_field *f, void *to, size_t n, struct tfdc_arena *mem) {
  const char *from = model_get_ptr(to, f->offset);
  char *p = NULL;
  if (n > 0) {
    p = tfdc_arena_array(mem, 1, n);
    if (p == NULL) return TFDC_E_NOMEM;
    memcpy(p, from, n);
  }
  model_set(to, f->offset, &p, sizeof p);
  return TFDC_OK;
}

static tfdc_rc copy_strings(const struct model_field *f, void *to, struct tfdc_arena *mem) {
  struct model_globs g;
  memcpy(&g, (char *)to + f->offset, sizeof g);
  const char **items = NULL;
  if (g.n > 0) {
    items = tfdc_arena_array(mem, g.n, sizeof *items);
    if (items == NULL) return TFDC_E_NOMEM;
  }
  for (size_t i = 0; i < g.n; i++) {
    items[i] = tfdc_arena_strdup(mem, g.items[i]);
    if (items[i] == NULL) return TFDC_E_NOMEM;
  }
  g.items = items;
  model_set(to, f->offset, &g, sizeof g);
  return TFDC_OK;
}

static tfdc_rc copy_list(const struct model_field *f, void *to, struct tfdc_arena *mem) {
  size_t n = model_get_size(to, f->offset_n);
  TFDC_TRY(copy_bytes(f, to, n * f->sub->size, mem));
  char *items;
  memcpy(&items, (char *)to + f->offset, sizeof items);
  for (size_t i = 0; i < n; i++) TFDC_TRY(copy_pointers(f->sub, items + i * f->sub->size, mem));
  return TFDC_OK;
}

static tfdc_rc copy_pointers(const struct model_table *t, void *to, struct tfdc_arena *mem) {
  for (size_t i = 0; i < t->n; i++) {
    const struct model_field *f = &t->fields[i];
    if (f->flags & MODEL_F_WRITE_ONLY) continue;
    if (model_field_is_text(f)) {
      const char *s = model_field_text(f, to);
      if (s != NULL) TFDC_TRY(copy_bytes(f, to, strlen(s) + 1, mem));
    } else if (f->type == MODEL_F_BLOB) {
      TFDC_TRY(copy_bytes(f, to, model_get_size(to, f->offset_n), mem));
    } else if (f->type == MODEL_F_LIST) {
      TFDC_TRY(copy_list(f, to, mem));
    } else if (f->type == MODEL_F_STRINGS) {
      TFDC_TRY(copy_strings(f, to, mem));
    } else if (f->type == MODEL_F_OBJECT) {
      TFDC_TRY(copy_pointers(f->sub, to, mem));
    }
  }
  return TFDC_OK;
}

tfdc_rc model_fields_copy(const struct model_table *t, const void *from, struct tfdc_arena *mem, void *ret) {
  void *draft = tfdc_arena_array(mem, 1, t->size);
  if (draft == NULL) return TFDC_E_NOMEM;
  memcpy(draft, from, t->size);
  TFDC_TRY(copy_pointers(t, draft, mem));
  memcpy(ret, draft, t->size);
  return TFDC_OK;
}

/* --- amend --- */

static bool is_known(const struct model_table *t, const struct model_field *f, const void *from) {
  double d;
  if (model_field_is_text(f)) return model_field_text(f, from) != NULL;
  if (f->type != MODEL_F_F64) return model_get_int(f, from) != model_get_int(f, t->defaults);
  memcpy(&d, (const char *)from + f->offset, sizeof d);
  return !isnan(d);
}

tfdc_rc model_fields_amend(const struct model_table *t, void *into, const void *from, struct tfdc_arena *mem) {
  for (size_t i = 0; i < t->n; i++) {
    const struct model_field *f = &t->fields[i];
    if (!(f->flags & MODEL_F_AMENDABLE) || !is_known(t, f, from)) continue;
    if (model_field_is_text(f)) {
      const char *s = model_field_text(f, from);
      model_set(into, f->offset, &s, sizeof s);
      TFDC_TRY(copy_bytes(f, into, strlen(s) + 1, mem));
    } else if (f->type == MODEL_F_F64) {
      model_set(into, f->offset, (const char *)from + f->offset, sizeof(double));
    } else {
      model_set_int(f, into, model_get_int(f, from));
    }
  }
  return TFDC_OK;
}
