/* SPDX-License-Identifier: Apache-2.0
 * The text of TFDC_FAULTS: any bytes are rules within their limits, or a USAGE error with a text. */
#include "adapter/faulty/faulty.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return 0;
  if (size > 0) memcpy(text, data, size);
  text[size] = '\0';
  struct faulty_rule rules[FAULTY_MAX_RULES];
  size_t n = FAULTY_MAX_RULES + 1;
  struct tfdc_error err = {0};
  tfdc_rc rc = faulty_parse(text, rules, &n, &err);
  if (rc == TFDC_OK)
    TFDC_ASSERT(n <= FAULTY_MAX_RULES);
  else
    TFDC_ASSERT(rc == TFDC_E_USAGE && err.msg[0] != '\0' && n == FAULTY_MAX_RULES + 1);
  for (size_t i = 0; rc == TFDC_OK && i < n; i++)
    TFDC_ASSERT(rules[i].probability >= 0 && rules[i].probability <= 1 && rules[i].by.us >= 0 && rules[i].op >= -1);
  free(text);
  return 0;
}
