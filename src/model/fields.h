/* SPDX-License-Identifier: Apache-2.0
 * One table of fields per record. JSON encode and decode, validation and deep copies all walk these tables, so a field
 * is written down once. Internal to model. */
#ifndef MODEL_FIELDS_H
#define MODEL_FIELDS_H

#include "base/arena.h"
#include "base/cursor.h"
#include "model/codec.h"

#include <jansson.h>
#include <stdint.h>

enum model_field_type {
  MODEL_F_ID,      /* const char *: id */
  MODEL_F_TEXT,    /* const char *: text of at most 256 bytes without control characters */
  MODEL_F_LINE,    /* const char *: the same, at most `max` bytes */
  MODEL_F_PROSE,   /* const char *: UTF-8 of at most `max` bytes; line breaks and tabs are welcome */
  MODEL_F_BODY,    /* const char *: JSON text in a JSON string, at most `max` bytes */
  MODEL_F_KEY,     /* const char *: "tool:chamber" */
  MODEL_F_BOOL,    /* bool */
  MODEL_F_U32,     /* uint32_t in min..max */
  MODEL_F_I32,     /* int32_t in min..max */
  MODEL_F_U64,     /* uint64_t in min..max; at most INT64_MAX, which is what JSON readers take */
  MODEL_F_I64,     /* int64_t in min..max */
  MODEL_F_TIME,    /* int64_t microseconds; MODEL_NO_TIME = absent */
  MODEL_F_HEX64,   /* uint64_t as 16 hex digits */
  MODEL_F_ID128,   /* struct tfdc_id128 as 32 hex digits */
  MODEL_F_F64,     /* double; not finite = null; min..max where they differ */
  MODEL_F_ENUM,    /* enum as its name in `names` */
  MODEL_F_BLOB,    /* const uint8_t * and size_t (at offset_n), at most `max` bytes, as hex digits */
  MODEL_F_LIST,    /* const struct * and size_t (at offset_n), at most `max` items of `sub` */
  MODEL_F_STRINGS, /* struct model_globs: at most `max` texts, none empty */
  MODEL_F_OBJECT   /* fields of `sub` in an object of their own; bool at offset_n says whether it is there, SIZE_MAX =
                      always */
};
enum {
  MODEL_F_REQUIRED = 1,   /* must be there and not null; texts must not be NULL */
  MODEL_F_FINITE = 2,     /* F64: null is refused */
  MODEL_F_NONEMPTY = 4,   /* a text or list must not be empty */
  MODEL_F_WRITE_ONLY = 8, /* a second name of another field: written for readers, not read */
  MODEL_F_IDS = 16,       /* STRINGS: each is an id */
  MODEL_F_AMENDABLE = 32  /* an amendment of a run may replace it */
};

struct model_names {
  const char *const *names;
  size_t n;
};
extern const struct model_names model_verdict_names, model_reason_names, model_severity_names, model_end_reason_names,
    model_context_state_names, model_alarm_state_names, model_def_kind_names;
bool model_names_find(const struct model_names *names, const char *text, int *ret);

struct model_table;
struct model_field {
  const char *name; /* in JSON and YAML */
  size_t offset, offset_n;
  enum model_field_type type;
  unsigned flags;
  int64_t min, max;
  const struct model_names *names;
  const struct model_table *sub;
};
struct model_table {
  const char *name; /* of the record, for messages */
  size_t size;
  const void *defaults; /* a record as it is when all fields are absent */
  const struct model_field *fields;
  size_t n;
};
extern const struct model_table model_context_table, model_chamber_table, model_completion_table,
    model_run_verdict_table, model_alarm_table, model_def_table, model_u_record_table, model_point_table,
    model_strategy_table, model_limit_set_table;

/* Where a walk stands: "charts[2].eq". */
enum { MODEL_PATH_MAX = 8 };
struct model_path {
  struct model_path_step {
    const char *key; /* borrowed from the table or the document; NULL = an item */
    size_t index;
  } steps[MODEL_PATH_MAX];
  size_t n;
};

enum { MODEL_JSON_DEPTH_MAX = 32, MODEL_JSON_VALUES_MAX = 1000000 };

/* Encodes {"v":1, ...}: compact, fields in the table's order. Bytes that are not UTF-8 are written as U+FFFD. */
TFDC_MUST_USE tfdc_rc model_fields_to_json(const struct model_table *t, const void *record, size_t max,
                                           struct tfdc_buf *out);
/* Encodes [{...}, ...] of n records, without "v". NOMEM, LIMIT. */
TFDC_MUST_USE tfdc_rc model_fields_list_to_json(const struct model_table *t, const void *records, size_t n,
                                                struct tfdc_buf *out);
/* Decodes at most `max` bytes. *ret is untouched on failure. */
TFDC_MUST_USE tfdc_rc model_fields_from_json(const struct model_table *t, const char *text, size_t n, size_t max,
                                             struct tfdc_arena *mem, void *ret, struct tfdc_error *err);
/* Decodes a tree whose scalars are all strings (YAML): numbers and booleans are parsed as the field asks, one scalar
 * stands for a list of one, unknown keys are refused, `v` may be absent. On failure ret_path says where; with
 * *ret_on_key the key itself is meant. */
struct model_tree_where {
  struct model_path path;
  bool on_key;
};
TFDC_MUST_USE tfdc_rc model_fields_from_tree(const struct model_table *t, const json_t *tree, struct tfdc_arena *mem,
                                             void *ret, struct model_tree_where *ret_where, struct tfdc_error *err);
/* What a table cannot say of a record; on failure *where, which comes empty, says where. Scratch memory from mem. */
typedef tfdc_rc model_check_fn(const void *record, struct tfdc_arena *mem, struct model_path *where,
                               struct tfdc_error *err);
/* Decodes the one document of a YAML text; limits, errors and marks as of model_strategies_from_yaml. check may be
 * NULL. *ret is untouched on failure where check is NULL. */
TFDC_MUST_USE tfdc_rc model_fields_from_yaml(const struct model_table *t, model_check_fn *check, const char *text,
                                             size_t n, struct tfdc_arena *mem, void *ret, struct tfdc_error *err);
/* Encodes as block-style YAML that ends in a line break; fields that are as by default are left out. Definitions only.
 * NOMEM, LIMIT (out's own). */
TFDC_MUST_USE tfdc_rc model_fields_to_yaml(const struct model_table *t, const void *record, struct tfdc_buf *out);
/* Checks a record in memory by the same rules as a decoder. */
TFDC_MUST_USE tfdc_rc model_fields_check(const struct model_table *t, const void *record, struct tfdc_error *err);
/* Deep copy; NOMEM. */
TFDC_MUST_USE tfdc_rc model_fields_copy(const struct model_table *t, const void *from, struct tfdc_arena *mem,
                                        void *ret);
/* Amendable fields of `from` other than lists that differ from the defaults replace those of `into`, texts copied;
 * NOMEM. */
TFDC_MUST_USE tfdc_rc model_fields_amend(const struct model_table *t, void *into, const void *from,
                                         struct tfdc_arena *mem);
/* A field by its name, NULL when there is none. */
const struct model_field *model_table_find(const struct model_table *t, const char *name);
/* The text field whose name is nearest to what was written, NULL when none is near. */
const char *model_table_nearest_text(const struct model_table *t, const char *name);
/* The text of a string field, NULL when not known. */
const char *model_field_text(const struct model_field *f, const void *record);
bool model_field_is_text(const struct model_field *f);
/* "charts[2].eq", cut at the end if too long; returns buf. */
char *model_path_format(const struct model_path *path, char *buf, size_t size);

/* One value, checked against its field: OK, or a code and a text in err. Used by decode and check. */
TFDC_MUST_USE tfdc_rc model_field_check_text(const struct model_field *f, const char *s, size_t n,
                                             struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_field_check_int(const struct model_field *f, int64_t v, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_field_check_f64(const struct model_field *f, double v, struct tfdc_error *err);

/* Members of a record at an offset; memcpy keeps them free of aliasing rules. */
static inline const char *model_get_ptr(const void *base, size_t offset) {
  const char *p;
  memcpy(&p, (const char *)base + offset, sizeof p);
  return p;
}
static inline size_t model_get_size(const void *base, size_t offset) {
  size_t n;
  memcpy(&n, (const char *)base + offset, sizeof n);
  return n;
}
static inline void model_set(void *base, size_t offset, const void *value, size_t size) {
  memcpy((char *)base + offset, value, size);
}
/* BOOL, U32, I32, U64, I64, TIME, ENUM as int64; a U64 above INT64_MAX becomes -1, which no range admits. */
int64_t model_get_int(const struct model_field *f, const void *base);
void model_set_int(const struct model_field *f, void *base, int64_t v);

#endif
