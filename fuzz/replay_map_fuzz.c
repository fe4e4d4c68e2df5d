/* SPDX-License-Identifier: Apache-2.0
 * Maps from YAML: an error has its line; what is taken is written and read back the same. */
#include "app/replay/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tfdc_arena mem = {0};
  struct tfdc_error err = {0};
  struct replay_map m, back;
  if (map_from_yaml((const char *)data, size, &mem, &m, &err) == TFDC_OK) {
    struct tfdc_buf out = {0}, again = {0};
    TFDC_ASSERT(map_to_yaml(&m, &out) == TFDC_OK);
    TFDC_ASSERT(map_from_yaml((const char *)out.data, out.size, &mem, &back, &err) == TFDC_OK);
    TFDC_ASSERT(map_to_yaml(&back, &again) == TFDC_OK);
    TFDC_ASSERT(out.size == again.size && memcmp(out.data, again.data, out.size) == 0);
    tfdc_buf_deinit(&out);
    tfdc_buf_deinit(&again);
  } else {
    TFDC_ASSERT(strncmp(err.msg, "line ", 5) == 0 || strncmp(err.msg, "byte ", 5) == 0 || err.code == TFDC_E_LIMIT);
  }
  tfdc_arena_deinit(&mem);
  return 0;
}
