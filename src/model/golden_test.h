/* SPDX-License-Identifier: Apache-2.0
 * Golden files of encoded records: test/golden/model/v1. A release never changes them: the next one and the one before
 * read the same bytes. New ones are written by running the tests with TFDC_WRITE_GOLDEN=1. */
#ifndef MODEL_GOLDEN_TEST_H
#define MODEL_GOLDEN_TEST_H

#include "base/cursor.h"
#include "support/cmocka_all.h"

#include <stdio.h>

/* Fails unless `out` holds the bytes of the golden file. */
static inline void golden_is(const char *file, const struct tfdc_buf *out) {
  char path[512];
  (void)snprintf(path, sizeof path, "%s/test/golden/model/v1/%s", TFDC_SOURCE_DIR, file);
  FILE *f = fopen(path, "rb");
  if (f == NULL && getenv("TFDC_WRITE_GOLDEN") != NULL) {
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(out->data, 1, out->size, f), out->size);
    assert_int_equal(fclose(f), 0);
    return;
  }
  if (f == NULL) fail_msg("no golden file %s", path);
  static uint8_t bytes[65536];
  size_t n = fread(bytes, 1, sizeof bytes, f);
  (void)fclose(f);
  if (n != out->size || memcmp(bytes, out->data, n) != 0)
    fail_msg("%s holds\n%.*s\nand the encoder gives\n%.*s", path, (int)n, (char *)bytes, (int)out->size,
             (char *)out->data);
}

#endif
