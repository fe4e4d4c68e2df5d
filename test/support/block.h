/* SPDX-License-Identifier: Apache-2.0
 * A block of one sensor for tests of what carries blocks and does not look into them. */
#ifndef SUPPORT_BLOCK_H
#define SUPPORT_BLOCK_H

#include "model/ingest.h"
#include "support/cmocka_all.h"

/* n samples 0, 1, 2 ... of "Press", every_us apart from start_us on. The caller owns the reference. */
static inline struct model_block *block_of_one(uint64_t seq, uint32_t svid, int64_t start_us, int64_t every_us,
                                               size_t n) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *b = model_block_create(1, n, n, &columns, &times, &values);
  assert_non_null(b);
  for (size_t i = 0; i < n; i++) {
    times[i] = start_us + (int64_t)i * every_us;
    values[i] = (double)i;
  }
  columns[0] = (struct model_column){svid, "Press", n, times, values};
  b->seq = seq;
  b->points = n;
  return b;
}

#endif
