/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ingest.h"

#include <stdatomic.h>
#include <stdlib.h>

/* One allocation: the header, then columns, times, values. */
struct owned_block {
  struct model_block block; /* first: a model_block is an owned_block */
  atomic_uint refs;
};

void model_block_ref(struct model_block *b) {
  atomic_fetch_add_explicit(&((struct owned_block *)b)->refs, 1, memory_order_relaxed);
}

void model_block_unref(struct model_block *b) {
  if (b == NULL) return;
  struct owned_block *o = (struct owned_block *)b;
  if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1) free(o);
}

struct model_block *model_block_create(size_t n_columns, size_t times, size_t values, struct model_column **ret_columns,
                                       int64_t **ret_times, double **ret_values) {
  const size_t most = (size_t)1 << 40;
  if (n_columns > most / sizeof(struct model_column) || times > most / 8 || values > most / 8) return NULL;
  size_t head = (sizeof(struct owned_block) + 15) / 16 * 16;
  size_t columns = (n_columns * sizeof(struct model_column) + 15) / 16 * 16;
  size_t bytes = head + columns + times * 8 + values * 8;
  uint8_t *p = malloc(bytes);
  if (p == NULL) return NULL;
  struct owned_block *o = (struct owned_block *)(void *)p;
  *ret_columns = (struct model_column *)(void *)(p + head);
  *ret_times = (int64_t *)(void *)(p + head + columns);
  *ret_values = (double *)(void *)(p + head + columns + times * 8);
  o->block = (struct model_block){.n_columns = n_columns, .columns = *ret_columns, .bytes = bytes};
  atomic_init(&o->refs, 1);
  return &o->block;
}
