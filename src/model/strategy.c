/* SPDX-License-Identifier: Apache-2.0
 * Strategies and limit sets: what the tables cannot say about them, and which runs a strategy selects. */
#include "model/strategy.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/codec.h"
#include "model/definition.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* --- checks --- */

static void at(struct model_path *where, const char *key) {
  where->steps[where->n++] = (struct model_path_step){.key = key};
}

static void at_item(struct model_path *where, size_t index) {
  where->steps[where->n++] = (struct model_path_step){.index = index};
}

static tfdc_rc check_partition(const struct model_strategy *s, struct model_path *where, struct tfdc_error *err) {
  for (size_t i = 0; i < s->partition.n; i++) {
    const struct model_field *f = model_table_find(&model_context_table, s->partition.items[i]);
    if (f != NULL && model_field_is_text(f)) continue;
    at(where, "partition");
    at_item(where, i);
    const char *near = model_table_nearest_text(&model_context_table, s->partition.items[i]);
    return tfdc_fail(err, TFDC_E_MALFORMED, "\"%.80s\" is no text field of a run%s%s%s", s->partition.items[i],
                     near == NULL ? "" : ", did you mean \"", near == NULL ? "" : near, near == NULL ? "" : "\"?");
  }
  return TFDC_OK;
}

static tfdc_rc check_fixed(const struct model_fixed_limits *l, struct tfdc_error *err) {
  if (!l->present) return TFDC_OK;
  const double sides[] = {l->action_lcl, l->lcl, l->centre, l->ucl, l->action_ucl};
  static const char *const names[] = {"action_lcl", "lcl", "centre", "ucl", "action_ucl"};
  size_t last = TFDC_COUNT(sides);
  for (size_t i = 0; i < TFDC_COUNT(sides); i++) {
    if (isnan(sides[i])) continue;
    if (last < TFDC_COUNT(sides) && sides[i] < sides[last])
      return tfdc_fail(err, TFDC_E_RANGE, "%s %g is below %s %g", names[i], sides[i], names[last], sides[last]);
    last = i;
  }
  if (isnan(l->action_lcl) && isnan(l->lcl) && isnan(l->ucl) && isnan(l->action_ucl))
    return tfdc_fail(err, TFDC_E_MALFORMED, "no limit given: ucl, lcl, action_ucl or action_lcl");
  return TFDC_OK;
}

static int by_chart(const void *a, const void *b) {
  const struct model_chart *const *x = a, *const *y = b;
  int order = strcmp((*x)->chart, (*y)->chart);
  return order != 0 ? order : (*x > *y) - (*x < *y);
}

static tfdc_rc check_unique_charts(const struct model_strategy *s, struct tfdc_arena *mem, struct model_path *where,
                                   struct tfdc_error *err) {
  const struct model_chart **sorted = tfdc_arena_array(mem, s->n_charts, sizeof *sorted);
  if (sorted == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "out of memory");
  for (size_t i = 0; i < s->n_charts; i++) sorted[i] = &s->charts[i];
  qsort(sorted, s->n_charts, sizeof(const struct model_chart *), by_chart);
  for (size_t i = 1; i < s->n_charts; i++) {
    if (strcmp(sorted[i - 1]->chart, sorted[i]->chart) != 0) continue;
    at(where, "charts");
    at_item(where, (size_t)(sorted[i] - s->charts));
    at(where, "chart");
    return tfdc_fail(err, TFDC_E_MALFORMED, "\"%s\" is the id of charts[%zu] already", sorted[i]->chart,
                     (size_t)(sorted[i - 1] - s->charts));
  }
  return TFDC_OK;
}

tfdc_rc model_strategy_check(const void *record, struct tfdc_arena *mem, struct model_path *where,
                             struct tfdc_error *err) {
  const struct model_strategy *s = record;
  TFDC_TRY(check_partition(s, where, err));
  TFDC_TRY(check_unique_charts(s, mem, where, err));
  for (size_t i = 0; i < s->n_charts; i++) {
    tfdc_rc rc = check_fixed(&s->charts[i].limits, err);
    if (rc == TFDC_OK) continue;
    at(where, "charts");
    at_item(where, i);
    at(where, "limits");
    return rc;
  }
  return TFDC_OK;
}

/* --- JSON --- */

tfdc_rc model_strategy_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_strategy *ret,
                                 struct tfdc_error *err) {
  struct model_strategy draft;
  struct model_path where = {0};
  char path[200];
  TFDC_TRY(model_fields_from_json(&model_strategy_table, text, n, MODEL_BODY_MAX, mem, &draft, err));
  tfdc_rc rc = model_strategy_check(&draft, mem, &where, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "strategy: %s", model_path_format(&where, path, sizeof path));
  *ret = draft;
  return TFDC_OK;
}

tfdc_rc model_strategy_to_json(const struct model_strategy *s, struct tfdc_buf *out) {
  return model_fields_to_json(&model_strategy_table, s, MODEL_BODY_MAX, out);
}

tfdc_rc model_limit_set_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_limit_set *ret,
                                  struct tfdc_error *err) {
  return model_fields_from_json(&model_limit_set_table, text, n, MODEL_BODY_MAX, mem, ret, err);
}

tfdc_rc model_limit_set_to_json(const struct model_limit_set *s, struct tfdc_buf *out) {
  return model_fields_to_json(&model_limit_set_table, s, MODEL_BODY_MAX, out);
}

tfdc_rc model_strategy_copy(const struct model_strategy *from, struct tfdc_arena *mem, struct model_strategy *ret) {
  return model_fields_copy(&model_strategy_table, from, mem, ret);
}

tfdc_rc model_limit_set_copy(const struct model_limit_set *from, struct tfdc_arena *mem, struct model_limit_set *ret) {
  return model_fields_copy(&model_limit_set_table, from, mem, ret);
}

tfdc_rc model_strategy_to_yaml(const struct model_strategy *s, struct tfdc_buf *out) {
  return model_fields_to_yaml(&model_strategy_table, s, out);
}

tfdc_rc model_limit_set_to_yaml(const struct model_limit_set *s, struct tfdc_buf *out) {
  return model_fields_to_yaml(&model_limit_set_table, s, out);
}

/* --- selection --- */

static bool any_matches(const struct model_globs *globs, const char *value) {
  for (size_t i = 0; i < globs->n; i++) {
    if (tfdc_glob(globs->items[i], value == NULL ? "" : value)) return true;
  }
  return globs->n == 0;
}

/* A pattern with a ':' is one for tool:chamber. */
static bool any_matches_chamber(const struct model_globs *globs, const struct model_key *key) {
  char both[2 * TFDC_ID_MAX + 2];
  (void)snprintf(both, sizeof both, "%s:%s", key->tool, key->chamber);
  for (size_t i = 0; i < globs->n; i++) {
    if (tfdc_glob(globs->items[i], strchr(globs->items[i], ':') == NULL ? key->chamber : both)) return true;
  }
  return globs->n == 0;
}

bool model_strategy_selects(const struct model_strategy *s, const struct model_context *c) {
  return any_matches(&s->tools, c->key.tool) && any_matches_chamber(&s->chambers, &c->key) &&
         any_matches(&s->tool_types, c->tool_type) && any_matches(&s->recipes, c->recipe_id) &&
         any_matches(&s->products, c->product) && any_matches(&s->lot_types, c->lot_type);
}

static void put_part(struct tfdc_buf *out, const char *value, bool escape) {
  for (; *value != '\0'; value++) {
    if (escape && (*value == '|' || *value == '\\')) tfdc_put_u8(out, '\\');
    tfdc_put_u8(out, (uint8_t)*value);
  }
}

const char *model_strategy_partition(const struct model_strategy *s, const struct model_context *c,
                                     struct tfdc_arena *mem) {
  enum { HASH_BYTES = 17 };
  TFDC_AUTO(tfdc_buf_deinit) struct tfdc_buf out = {0};
  for (size_t i = 0; i < s->partition.n; i++) {
    const struct model_field *f = model_table_find(&model_context_table, s->partition.items[i]);
    const char *value = f != NULL && model_field_is_text(f) ? model_field_text(f, c) : NULL;
    if (i > 0) tfdc_put_u8(&out, '|');
    if (value != NULL) put_part(&out, value, s->partition.n > 1);
  }
  if (tfdc_buf_status(&out) != TFDC_OK) return NULL;
  if (out.size <= TFDC_TEXT_MAX) return tfdc_arena_strndup(mem, (char *)out.data, out.size);
  uint64_t hash = tfdc_xxh3_64(out.data, out.size);
  out.size = TFDC_TEXT_MAX - HASH_BYTES;
  while ((out.data[out.size] & 0xc0) == 0x80) out.size--;
  tfdc_put_fmt(&out, "#%016" PRIx64, hash);
  if (tfdc_buf_status(&out) != TFDC_OK) return NULL;
  return tfdc_arena_strndup(mem, (char *)out.data, out.size);
}
