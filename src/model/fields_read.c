/* SPDX-License-Identifier: Apache-2.0
 * A record out of JSON, or out of a tree that was read from YAML. */
#include "base/hash.h"
#include "base/text.h"
#include "model/fields.h"
#include "model/records.h"
#include "model/strategy.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct reader {
  bool yaml; /* scalars are strings, unknown keys are refused */
  bool on_key;
  struct tfdc_arena *mem;
  struct tfdc_error *err;
  struct model_path path;
};

static void push(struct reader *r, const char *key, size_t index) {
  TFDC_ASSERT(r->path.n < MODEL_PATH_MAX);
  r->path.steps[r->path.n++] = (struct model_path_step){.key = key, .index = index};
}

static tfdc_rc wrong_type(struct reader *r, const char *wanted) {
  return tfdc_fail(r->err, TFDC_E_MALFORMED, "must be %s", wanted);
}

/* --- scalars --- */

static bool scan_int(const char *s, int64_t *ret) {
  const char *digit = s + (*s == '-' || *s == '+');
  if (strspn(digit, "0123456789") != strlen(digit) || *digit == '\0') return false;
  errno = 0;
  long long v = strtoll(s, NULL, 10);
  if (errno != 0) return false;
  *ret = v;
  return true;
}

static bool scan_f64(const char *s, double *ret) {
  if (*s == '\0' || strspn(s, "0123456789+-.eE") != strlen(s)) return false;
  char *end;
  double v = strtod(s, &end);
  if (*end != '\0' || !isfinite(v)) return false;
  *ret = v;
  return true;
}

static tfdc_rc read_int(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  int64_t i;
  if (json_is_integer(v))
    i = json_integer_value(v);
  else if (!r->yaml || !json_is_string(v) || !scan_int(json_string_value(v), &i))
    return wrong_type(r, "an integer");
  if (f->type == MODEL_F_TIME && i == MODEL_NO_TIME) return tfdc_fail(r->err, TFDC_E_RANGE, "is no time");
  TFDC_TRY(model_field_check_int(f, i, r->err));
  model_set_int(f, base, i);
  return TFDC_OK;
}

static tfdc_rc read_bool(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  const char *s = r->yaml && json_is_string(v) ? json_string_value(v) : "";
  bool yes = json_is_true(v) || strcmp(s, "true") == 0;
  if (!yes && !json_is_false(v) && strcmp(s, "false") != 0) return wrong_type(r, "true or false");
  model_set_int(f, base, yes);
  return TFDC_OK;
}

static tfdc_rc read_f64(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  double d;
  if (json_is_null(v))
    d = NAN;
  else if (json_is_number(v))
    d = json_number_value(v);
  else if (!r->yaml || !json_is_string(v) || !scan_f64(json_string_value(v), &d))
    return wrong_type(r, "a number");
  TFDC_TRY(model_field_check_f64(f, d, r->err));
  model_set(base, f->offset, &d, sizeof d);
  return TFDC_OK;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static bool scan_hex(const char *s, size_t n, uint8_t *ret) {
  for (size_t i = 0; i < n; i++) {
    int hi = hex_digit(s[2 * i]), lo = hi < 0 ? -1 : hex_digit(s[2 * i + 1]);
    if (lo < 0) return false;
    ret[i] = (uint8_t)(hi << 4 | lo);
  }
  return true;
}

static tfdc_rc read_hex64(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  uint8_t bytes[8];
  if (!json_is_string(v) || json_string_length(v) != 16 || !scan_hex(json_string_value(v), 8, bytes))
    return wrong_type(r, "16 hex digits");
  uint64_t u = 0;
  for (size_t i = 0; i < 8; i++) u = u << 8 | bytes[i];
  model_set(base, f->offset, &u, sizeof u);
  return TFDC_OK;
}

static tfdc_rc read_id128(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  struct tfdc_id128 id;
  if (!json_is_string(v) || !tfdc_id128_parse(json_string_value(v), &id)) return wrong_type(r, "32 hex digits");
  model_set(base, f->offset, &id, sizeof id);
  return TFDC_OK;
}

static tfdc_rc read_blob(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  size_t n = json_string_length(v) / 2;
  if (!json_is_string(v) || json_string_length(v) % 2 != 0) return wrong_type(r, "hex digits");
  if (n > (size_t)f->max) return tfdc_fail(r->err, TFDC_E_LIMIT, "%zu bytes, at most %" PRId64, n, f->max);
  uint8_t *bytes = tfdc_arena_array(r->mem, 1, n);
  if (bytes == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "out of memory");
  if (!scan_hex(json_string_value(v), n, bytes)) return wrong_type(r, "hex digits");
  model_set(base, f->offset, &bytes, sizeof bytes);
  model_set(base, f->offset_n, &n, sizeof n);
  return TFDC_OK;
}

/* Keeps in *best the name that is nearest to s, when it is near enough to be a slip; *least comes as SLIP_MAX + 1. */
enum { SLIP_MAX = 3 };
static void keep_nearest(const char *s, const char *name, size_t *least, const char **best) {
  size_t d = tfdc_distance(s, name);
  if (d >= *least || d >= strlen(name)) return;
  *least = d;
  *best = name;
}

static const char *nearest_name(const struct model_names *names, const char *s) {
  const char *best = NULL;
  size_t least = SLIP_MAX + 1;
  for (size_t i = 0; i < names->n; i++) keep_nearest(s, names->names[i], &least, &best);
  return best;
}

static const char *nearest_field(const struct model_table *t, const char *s, bool texts_only) {
  const char *best = NULL;
  size_t least = SLIP_MAX + 1;
  for (size_t i = 0; i < t->n; i++) {
    if (!texts_only || model_field_is_text(&t->fields[i])) keep_nearest(s, t->fields[i].name, &least, &best);
  }
  return best;
}

const char *model_table_nearest_text(const struct model_table *t, const char *name) {
  return nearest_field(t, name, true);
}

static tfdc_rc unknown(struct reader *r, const char *what, const char *near) {
  if (near == NULL) return tfdc_fail(r->err, TFDC_E_MALFORMED, "unknown %s", what);
  return tfdc_fail(r->err, TFDC_E_MALFORMED, "unknown %s, did you mean \"%s\"?", what, near);
}

static tfdc_rc read_enum(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  if (!json_is_string(v)) return wrong_type(r, "a name");
  int i;
  if (!model_names_find(f->names, json_string_value(v), &i))
    return unknown(r, "value", nearest_name(f->names, json_string_value(v)));
  model_set_int(f, base, i);
  return TFDC_OK;
}

static tfdc_rc read_text(struct reader *r, const struct model_field *f, const json_t *v, const char **ret) {
  if (!json_is_string(v)) return wrong_type(r, "a text");
  const char *s = json_string_value(v);
  size_t n = json_string_length(v);
  if (strlen(s) != n) return tfdc_fail(r->err, TFDC_E_BAD_TEXT, "a NUL inside the text");
  TFDC_TRY(model_field_check_text(f, s, n, r->err));
  *ret = tfdc_arena_strndup(r->mem, s, n);
  return *ret == NULL ? tfdc_fail(r->err, TFDC_E_NOMEM, "out of memory") : TFDC_OK;
}

/* --- lists and objects --- */

static tfdc_rc read_table(struct reader *r, const struct model_table *t, const json_t *v, void *base);

/* Counts the items of a list; in YAML one scalar stands for a list of one. */
static tfdc_rc list_size(struct reader *r, const struct model_field *f, const json_t *v, bool one, size_t *ret) {
  if (!json_is_array(v) && !one) return wrong_type(r, "a list");
  size_t n = one ? 1 : json_array_size(v);
  if (n > (size_t)f->max) return tfdc_fail(r->err, TFDC_E_LIMIT, "%zu items, at most %" PRId64, n, f->max);
  if (n == 0 && (f->flags & MODEL_F_NONEMPTY)) return tfdc_fail(r->err, TFDC_E_MALFORMED, "must not be empty");
  *ret = n;
  return TFDC_OK;
}

static tfdc_rc read_list(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  size_t n;
  TFDC_TRY(list_size(r, f, v, false, &n));
  char *items = tfdc_arena_array(r->mem, n, f->sub->size);
  if (items == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "out of memory");
  for (size_t i = 0; i < n; i++) {
    push(r, NULL, i);
    memcpy(items + i * f->sub->size, f->sub->defaults, f->sub->size);
    TFDC_TRY(read_table(r, f->sub, json_array_get(v, i), items + i * f->sub->size));
    r->path.n--;
  }
  model_set(base, f->offset, &items, sizeof items);
  model_set(base, f->offset_n, &n, sizeof n);
  return TFDC_OK;
}

static tfdc_rc read_strings(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  bool one = r->yaml && json_is_string(v);
  struct model_globs g = {0};
  TFDC_TRY(list_size(r, f, v, one, &g.n));
  const char **items = tfdc_arena_array(r->mem, g.n, sizeof *items);
  if (items == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "out of memory");
  const struct model_field item = {.type = f->flags & MODEL_F_IDS ? MODEL_F_ID : MODEL_F_TEXT,
                                   .flags = MODEL_F_NONEMPTY};
  for (size_t i = 0; i < g.n; i++) {
    if (!one) push(r, NULL, i);
    TFDC_TRY(read_text(r, &item, one ? v : json_array_get(v, i), &items[i]));
    if (!one) r->path.n--;
  }
  g.items = items;
  model_set(base, f->offset, &g, sizeof g);
  return TFDC_OK;
}

static tfdc_rc read_object(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  TFDC_TRY(read_table(r, f->sub, v, base));
  bool yes = true;
  if (f->offset_n != SIZE_MAX) model_set(base, f->offset_n, &yes, sizeof yes);
  return TFDC_OK;
}

static tfdc_rc read_value(struct reader *r, const struct model_field *f, const json_t *v, void *base) {
  const char *s;
  switch (f->type) {
  case MODEL_F_BOOL: return read_bool(r, f, v, base);
  case MODEL_F_U32:
  case MODEL_F_I32:
  case MODEL_F_U64:
  case MODEL_F_I64:
  case MODEL_F_TIME: return read_int(r, f, v, base);
  case MODEL_F_HEX64: return read_hex64(r, f, v, base);
  case MODEL_F_ID128: return read_id128(r, f, v, base);
  case MODEL_F_F64: return read_f64(r, f, v, base);
  case MODEL_F_ENUM: return read_enum(r, f, v, base);
  case MODEL_F_BLOB: return read_blob(r, f, v, base);
  case MODEL_F_LIST: return read_list(r, f, v, base);
  case MODEL_F_STRINGS: return read_strings(r, f, v, base);
  case MODEL_F_OBJECT: return read_object(r, f, v, base);
  default: break;
  }
  TFDC_TRY(read_text(r, f, v, &s));
  model_set(base, f->offset, &s, sizeof s);
  return TFDC_OK;
}

static tfdc_rc refuse_unknown_keys(struct reader *r, const struct model_table *t, const json_t *v) {
  for (void *it = json_object_iter((json_t *)v); it != NULL; it = json_object_iter_next((json_t *)v, it)) {
    const char *key = json_object_iter_key(it);
    if (model_table_find(t, key) != NULL || (r->path.n == 0 && strcmp(key, "v") == 0)) continue;
    push(r, key, 0);
    r->on_key = true;
    return unknown(r, "key", nearest_field(t, key, false));
  }
  return TFDC_OK;
}

static tfdc_rc read_table(struct reader *r, const struct model_table *t, const json_t *v, void *base) {
  if (!json_is_object(v)) return wrong_type(r, r->yaml ? "a mapping" : "an object");
  if (r->yaml) TFDC_TRY(refuse_unknown_keys(r, t, v));
  for (size_t i = 0; i < t->n; i++) {
    const struct model_field *f = &t->fields[i];
    if (f->flags & MODEL_F_WRITE_ONLY) continue;
    const json_t *member = json_object_get(v, f->name);
    bool absent = member == NULL || (json_is_null(member) && f->type != MODEL_F_F64);
    if (absent && !(f->flags & MODEL_F_REQUIRED)) continue;
    push(r, f->name, 0);
    if (absent) return tfdc_fail(r->err, TFDC_E_MALFORMED, "missing");
    TFDC_TRY(read_value(r, f, member, base));
    r->path.n--;
  }
  return TFDC_OK;
}

static tfdc_rc check_version(struct reader *r, const json_t *tree) {
  const json_t *v = json_object_get(tree, "v");
  if (v == NULL && (r->yaml || !json_is_object(tree))) return TFDC_OK;
  push(r, "v", 0);
  int64_t version;
  if (v == NULL) return tfdc_fail(r->err, TFDC_E_MALFORMED, "missing");
  if (json_is_integer(v))
    version = json_integer_value(v);
  else if (!r->yaml || !json_is_string(v) || !scan_int(json_string_value(v), &version))
    return wrong_type(r, "an integer");
  if (version < 1) return tfdc_fail(r->err, TFDC_E_MALFORMED, "%" PRId64 " is no version", version);
  if (version > MODEL_VERSION)
    return tfdc_fail(r->err, TFDC_E_SCHEMA, "written as version %" PRId64 ", this release reads up to %d", version,
                     MODEL_VERSION);
  r->path.n--;
  return TFDC_OK;
}

static tfdc_rc read_record(struct reader *r, const struct model_table *t, const json_t *tree, void *ret) {
  TFDC_TRY(check_version(r, tree));
  void *draft = tfdc_arena_array(r->mem, 1, t->size);
  if (draft == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "out of memory");
  memcpy(draft, t->defaults, t->size);
  TFDC_TRY(read_table(r, t, tree, draft));
  memcpy(ret, draft, t->size);
  return TFDC_OK;
}

/* Depth and number of values before a tree is built: jansson would take more than 40 bytes of memory for each byte of
 * "[[],[],...". Strings are skipped; what is not JSON is left to the parser. */
static tfdc_rc check_shape(const char *text, size_t n, struct tfdc_error *err) {
  size_t depth = 0, values = 0;
  bool quoted = false;
  for (size_t i = 0; i < n; i++) {
    char c = text[i];
    if (quoted) {
      if (c == '\\') i++;
      quoted = c != '"';
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '[' || c == '{') depth++;
    if ((c == ']' || c == '}') && depth > 0) depth--;
    if (c == '[' || c == '{' || c == ',') values++;
    if (depth > MODEL_JSON_DEPTH_MAX)
      return tfdc_fail(err, TFDC_E_LIMIT, "nested more than %d deep", MODEL_JSON_DEPTH_MAX);
  }
  if (values > MODEL_JSON_VALUES_MAX) return tfdc_fail(err, TFDC_E_LIMIT, "more than %d values", MODEL_JSON_VALUES_MAX);
  return TFDC_OK;
}

tfdc_rc model_fields_from_json(const struct model_table *t, const char *text, size_t n, size_t max,
                               struct tfdc_arena *mem, void *ret, struct tfdc_error *err) {
  if (n > max) return tfdc_fail(err, TFDC_E_LIMIT, "%s: %zu bytes, at most %zu", t->name, n, max);
  tfdc_rc rc = check_shape(text, n, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "%s", t->name);
  json_error_t json_err;
  json_t *tree = json_loadb(text, n, JSON_REJECT_DUPLICATES, &json_err);
  if (tree == NULL) {
    if (json_error_code(&json_err) == json_error_out_of_memory) return tfdc_fail(err, TFDC_E_NOMEM, "out of memory");
    return tfdc_fail(err, TFDC_E_MALFORMED, "%s: JSON line %d column %d: %s", t->name, json_err.line, json_err.column,
                     json_err.text);
  }
  struct reader r = {.mem = mem, .err = err};
  char where[200];
  rc = read_record(&r, t, tree, ret);
  if (rc != TFDC_OK && r.path.n > 0) (void)tfdc_wrap(err, rc, "%s", model_path_format(&r.path, where, sizeof where));
  if (rc != TFDC_OK) (void)tfdc_wrap(err, rc, "%s", t->name);
  json_decref(tree);
  return rc;
}

tfdc_rc model_fields_from_tree(const struct model_table *t, const json_t *tree, struct tfdc_arena *mem, void *ret,
                               struct model_tree_where *ret_where, struct tfdc_error *err) {
  struct reader r = {.yaml = true, .mem = mem, .err = err};
  tfdc_rc rc = read_record(&r, t, tree, ret);
  *ret_where = (struct model_tree_where){.path = r.path, .on_key = r.on_key};
  return rc;
}
