/* SPDX-License-Identifier: Apache-2.0
 * Strategies and limit sets from YAML (the first byte says which): an error has its line, what is taken goes to JSON
 * and comes back the same. */
#include "model/codec.h"
#include "model/strategy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_strategies(const char *text, size_t n, struct tfdc_arena *mem) {
  struct tfdc_error err = {0};
  struct model_strategy *s, back;
  size_t count;
  if (model_strategies_from_yaml(text, n, mem, &s, &count, &err) != TFDC_OK) {
    TFDC_ASSERT(strncmp(err.msg, "line ", 5) == 0 || strncmp(err.msg, "byte ", 5) == 0);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    struct tfdc_buf out = {0}, again = {0};
    TFDC_ASSERT(model_strategy_to_json(&s[i], &out) == TFDC_OK);
    TFDC_ASSERT(model_strategy_from_json((char *)out.data, out.size, mem, &back, &err) == TFDC_OK);
    TFDC_ASSERT(model_strategy_to_json(&back, &again) == TFDC_OK);
    TFDC_ASSERT(out.size == again.size && memcmp(out.data, again.data, out.size) == 0);
    tfdc_buf_deinit(&out);
    tfdc_buf_deinit(&again);
  }
}

static void try_limit_sets(const char *text, size_t n, struct tfdc_arena *mem) {
  struct tfdc_error err = {0};
  struct model_limit_set *l, back;
  size_t count;
  if (model_limit_sets_from_yaml(text, n, mem, &l, &count, &err) != TFDC_OK) return;
  for (size_t i = 0; i < count; i++) {
    struct tfdc_buf out = {0};
    TFDC_ASSERT(model_limit_set_to_json(&l[i], &out) == TFDC_OK);
    TFDC_ASSERT(model_limit_set_from_json((char *)out.data, out.size, mem, &back, &err) == TFDC_OK);
    tfdc_buf_deinit(&out);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct tfdc_arena mem = {0};
  if (data[0] == 'l')
    try_limit_sets((const char *)data + 1, size - 1, &mem);
  else
    try_strategies((const char *)data + 1, size - 1, &mem);
  tfdc_arena_deinit(&mem);
  return 0;
}
