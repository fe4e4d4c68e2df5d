/* SPDX-License-Identifier: Apache-2.0
 * JSON written straight into a buffer: strings are escaped, bytes that are not UTF-8 become U+FFFD, numbers read back
 * as the same bits, commas are put where they belong. Errors stay in the buffer (tfdc_buf_status). Pure. */
#ifndef MODEL_JSON_OUT_H
#define MODEL_JSON_OUT_H

#include "base/cursor.h"
#include "base/hash.h"

/* --- single values --- */
void model_json_put_string(struct tfdc_buf *out, const char *s, size_t n);
void model_json_put_i64(struct tfdc_buf *out, int64_t v);
/* The fewest of 15 to 17 digits that read back as the same bits, always with a point or an exponent, so that a JSON
 * reader keeps it a real (and -0.0 its sign); null when not finite. */
void model_json_put_f64(struct tfdc_buf *out, double v);

/* --- members and items; key NULL = an item of a list, or the text as a whole --- */
struct model_json {
  struct tfdc_buf *out;
  bool comma; /* something stands before the next member */
};
static inline struct model_json model_json_on(struct tfdc_buf *out) { return (struct model_json){.out = out}; }
void model_json_key(struct model_json *j, const char *key); /* what follows is written to j->out by the caller */
void model_json_open(struct model_json *j, const char *key, char bracket);  /* '{' or '[' */
void model_json_close(struct model_json *j, char bracket);                  /* '}' or ']' */
void model_json_text(struct model_json *j, const char *key, const char *s); /* NULL: left out */
void model_json_int(struct model_json *j, const char *key, int64_t v);
void model_json_u64(struct model_json *j, const char *key, uint64_t v); /* above INT64_MAX: left out, = not known */
void model_json_real(struct model_json *j, const char *key, double v);
void model_json_bool(struct model_json *j, const char *key, bool v);
void model_json_null(struct model_json *j, const char *key);
void model_json_id(struct model_json *j, const char *key, struct tfdc_id128 id);
/* Member "error" as every answer of the HTTP API has it: {"code":"NOT_FOUND","text":"...","hint":"..."} */
void model_json_error(struct model_json *j, tfdc_rc rc, const struct tfdc_error *err);

#endif
