/* SPDX-License-Identifier: Apache-2.0
 * Decoders of the records. The first byte selects one; what it takes must pass the checks, and must be written and read
 * again to the same bytes. */
#include "model/codec.h"
#include "model/fields.h"
#include "model/strategy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct model_table *const tables[] = {
    &model_context_table, &model_chamber_table,  &model_completion_table, &model_run_verdict_table, &model_alarm_table,
    &model_def_table,     &model_u_record_table, &model_strategy_table,   &model_limit_set_table};
union any {
  struct model_context context;
  struct model_chamber chamber;
  struct model_completion completion;
  struct model_run_verdict verdict;
  struct model_alarm alarm;
  struct model_def def;
  struct model_u_record u;
  struct model_strategy strategy;
  struct model_limit_set limits;
};

static void same(const struct tfdc_buf *a, const struct tfdc_buf *b) {
  TFDC_ASSERT(a->size == b->size && memcmp(a->data, b->data, a->size) == 0);
}

static void try_json(const struct model_table *t, const char *text, size_t n) {
  struct tfdc_arena mem = {0}, mem2 = {0};
  struct tfdc_buf out = {0}, again = {0};
  struct tfdc_error err = {0};
  union any record, back, copy;
  if (model_fields_from_json(t, text, n, MODEL_MESSAGE_MAX, &mem, &record, &err) != TFDC_OK) {
    TFDC_ASSERT(err.msg[0] != '\0');
  } else {
    TFDC_ASSERT(model_fields_check(t, &record, &err) == TFDC_OK);
    TFDC_ASSERT(model_fields_to_json(t, &record, SIZE_MAX, &out) == TFDC_OK);
    TFDC_ASSERT(model_fields_from_json(t, (char *)out.data, out.size, SIZE_MAX, &mem2, &back, &err) == TFDC_OK);
    TFDC_ASSERT(model_fields_copy(t, &back, &mem2, &copy) == TFDC_OK);
    TFDC_ASSERT(model_fields_to_json(t, &copy, SIZE_MAX, &again) == TFDC_OK);
    same(&out, &again);
  }
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&again);
  tfdc_arena_deinit(&mem);
  tfdc_arena_deinit(&mem2);
}

static void try_binary(const uint8_t *data, size_t size) {
  struct tfdc_arena mem = {0};
  struct tfdc_buf out = {0}, again = {0};
  struct tfdc_error err = {0};
  struct model_u_record record, back;
  if (model_u_record_decode(data, size, &mem, &record, &err) != TFDC_OK) {
    TFDC_ASSERT(err.msg[0] != '\0');
  } else {
    TFDC_ASSERT(model_u_record_encode(&record, &out) == TFDC_OK);
    TFDC_ASSERT(model_u_record_decode(out.data, out.size, &mem, &back, &err) == TFDC_OK);
    TFDC_ASSERT(model_u_record_encode(&back, &again) == TFDC_OK);
    same(&out, &again);
  }
  tfdc_buf_deinit(&out);
  tfdc_buf_deinit(&again);
  tfdc_arena_deinit(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  size_t which = data[0] % (TFDC_COUNT(tables) + 1);
  if (which < TFDC_COUNT(tables))
    try_json(tables[which], (const char *)data + 1, size - 1);
  else
    try_binary(data + 1, size - 1);
  return 0;
}
