/* SPDX-License-Identifier: Apache-2.0
 * The public names of the codecs; the work is in fields_*.c, driven by tables.c. */
#include "model/codec.h"
#include "model/fields.h"

#include <inttypes.h>

enum { DEF_MAX = 2 * MODEL_BODY_MAX + (64 << 10) };

tfdc_rc model_context_to_json(const struct model_context *c, struct tfdc_buf *out) {
  return model_fields_to_json(&model_context_table, c, MODEL_ROW_MAX, out);
}

tfdc_rc model_context_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_context *ret,
                                struct tfdc_error *err) {
  return model_fields_from_json(&model_context_table, text, n, MODEL_ROW_MAX, mem, ret, err);
}

tfdc_rc model_chamber_to_json(const struct model_chamber *c, struct tfdc_buf *out) {
  return model_fields_to_json(&model_chamber_table, c, MODEL_ROW_MAX, out);
}

tfdc_rc model_chamber_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_chamber *ret,
                                struct tfdc_error *err) {
  return model_fields_from_json(&model_chamber_table, text, n, MODEL_ROW_MAX, mem, ret, err);
}

tfdc_rc model_completion_to_json(const struct model_completion *m, struct tfdc_buf *out) {
  return model_fields_to_json(&model_completion_table, m, MODEL_MESSAGE_MAX, out);
}

tfdc_rc model_completion_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_completion *ret,
                                   struct tfdc_error *err) {
  struct model_completion m;
  TFDC_TRY(model_fields_from_json(&model_completion_table, text, n, MODEL_MESSAGE_MAX, mem, &m, err));
  if (m.order_us == MODEL_NO_TIME) m.order_us = m.timestamp_us;
  *ret = m;
  return TFDC_OK;
}

tfdc_rc model_run_verdict_to_json(const struct model_run_verdict *r, struct tfdc_buf *out) {
  return model_fields_to_json(&model_run_verdict_table, r, MODEL_MESSAGE_MAX, out);
}

tfdc_rc model_run_verdict_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_run_verdict *ret,
                                    struct tfdc_error *err) {
  return model_fields_from_json(&model_run_verdict_table, text, n, MODEL_MESSAGE_MAX, mem, ret, err);
}

tfdc_rc model_alarm_to_json(const struct model_alarm *a, struct tfdc_buf *out) {
  return model_fields_to_json(&model_alarm_table, a, MODEL_MESSAGE_MAX, out);
}

tfdc_rc model_alarm_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_alarm *ret,
                              struct tfdc_error *err) {
  return model_fields_from_json(&model_alarm_table, text, n, MODEL_MESSAGE_MAX, mem, ret, err);
}

tfdc_rc model_def_to_json(const struct model_def *d, struct tfdc_buf *out) {
  return model_fields_to_json(&model_def_table, d, DEF_MAX, out);
}

tfdc_rc model_def_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_def *ret,
                            struct tfdc_error *err) {
  return model_fields_from_json(&model_def_table, text, n, DEF_MAX, mem, ret, err);
}

tfdc_rc model_u_record_to_json(const struct model_u_record *r, struct tfdc_buf *out) {
  return model_fields_to_json(&model_u_record_table, r, SIZE_MAX, out);
}

tfdc_rc model_points_to_json(const struct model_point *points, size_t n, struct tfdc_buf *out) {
  return model_fields_list_to_json(&model_point_table, points, n, out);
}

tfdc_rc model_context_copy(const struct model_context *from, struct tfdc_arena *mem, struct model_context *ret) {
  return model_fields_copy(&model_context_table, from, mem, ret);
}

tfdc_rc model_u_record_copy(const struct model_u_record *from, struct tfdc_arena *mem, struct model_u_record *ret) {
  return model_fields_copy(&model_u_record_table, from, mem, ret);
}

tfdc_rc model_alarm_copy(const struct model_alarm *from, struct tfdc_arena *mem, struct model_alarm *ret) {
  return model_fields_copy(&model_alarm_table, from, mem, ret);
}

tfdc_rc model_run_verdict_copy(const struct model_run_verdict *from, struct tfdc_arena *mem,
                               struct model_run_verdict *ret) {
  return model_fields_copy(&model_run_verdict_table, from, mem, ret);
}

tfdc_rc model_def_copy(const struct model_def *from, struct tfdc_arena *mem, struct model_def *ret) {
  return model_fields_copy(&model_def_table, from, mem, ret);
}

tfdc_rc model_chamber_copy(const struct model_chamber *from, struct tfdc_arena *mem, struct model_chamber *ret) {
  return model_fields_copy(&model_chamber_table, from, mem, ret);
}

/* Tags of `from` replace those of the same name and are appended otherwise. */
static tfdc_rc amend_tags(struct model_context *into, const struct model_context *from, struct tfdc_arena *mem) {
  if (from->n_tags == 0) return TFDC_OK;
  if (from->n_tags > MODEL_TAGS_MAX || into->n_tags > MODEL_TAGS_MAX) return TFDC_E_LIMIT;
  struct model_tag *tags = tfdc_arena_array(mem, into->n_tags + from->n_tags, sizeof *tags);
  if (tags == NULL) return TFDC_E_NOMEM;
  size_t n = into->n_tags;
  for (size_t i = 0; i < n; i++) tags[i] = into->tags[i];
  for (size_t i = 0; i < from->n_tags; i++) {
    size_t at = 0;
    while (at < n && strcmp(tags[at].name, from->tags[i].name) != 0) at++;
    if (at == n) tags[n++].name = tfdc_arena_strdup(mem, from->tags[i].name);
    tags[at].value = tfdc_arena_strdup(mem, from->tags[i].value);
    if (tags[at].name == NULL || tags[at].value == NULL) return TFDC_E_NOMEM;
  }
  into->tags = tags;
  into->n_tags = n;
  return TFDC_OK;
}

tfdc_rc model_context_amend(struct model_context *into, const struct model_context *from, struct tfdc_arena *mem) {
  struct model_context draft = *into;
  TFDC_TRY(model_fields_amend(&model_context_table, &draft, from, mem));
  TFDC_TRY(amend_tags(&draft, from, mem));
  TFDC_TRY(model_fields_check(&model_context_table, &draft, NULL));
  *into = draft;
  return TFDC_OK;
}

tfdc_rc model_context_validate(const struct model_context *c, struct tfdc_error *err) {
  TFDC_TRY(model_fields_check(&model_context_table, c, err));
  if (c->start_us == MODEL_NO_TIME) return tfdc_fail(err, TFDC_E_MALFORMED, "context: start_us: missing");
  if (c->end_us != MODEL_NO_TIME && c->end_us < c->start_us)
    return tfdc_fail(err, TFDC_E_RANGE, "context: end_us: before start_us");
  for (size_t i = 0; i < c->n_steps; i++) {
    const struct model_step *s = &c->steps[i];
    if (s->end_us != MODEL_NO_TIME && s->end_us < s->start_us)
      return tfdc_fail(err, TFDC_E_RANGE, "context: steps[%zu]: ends before it starts", i);
    if (i > 0 && s->start_us < s[-1].start_us)
      return tfdc_fail(err, TFDC_E_RANGE, "context: steps[%zu]: starts before the step in front of it", i);
  }
  return TFDC_OK;
}
