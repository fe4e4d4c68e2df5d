/* SPDX-License-Identifier: Apache-2.0
 * Members of the API's answers; what is absent or of another type is "not known", never a crash. */
#ifndef APP_JSON_GET_H
#define APP_JSON_GET_H

#include "model/records.h"

#include <jansson.h>
#include <math.h>

static inline const char *json_get_text(const json_t *o, const char *key) { /* "" when absent */
  const char *s = json_string_value(json_object_get(o, key));
  return s != NULL ? s : "";
}
static inline int64_t json_get_int(const json_t *o, const char *key, int64_t absent) {
  const json_t *v = json_object_get(o, key);
  return json_is_integer(v) ? (int64_t)json_integer_value(v) : absent;
}
static inline int64_t json_get_time(const json_t *o, const char *key) { return json_get_int(o, key, MODEL_NO_TIME); }
static inline double json_get_real(const json_t *o, const char *key) { /* NaN when absent */
  const json_t *v = json_object_get(o, key);
  return json_is_number(v) ? json_number_value(v) : NAN;
}
static inline bool json_get_bool(const json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }

#endif
