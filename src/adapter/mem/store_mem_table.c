/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/store_mem_table.h"

#include <stdlib.h>
#include <string.h>

struct mem_row *mem_row_create(void) {
  return calloc(1, sizeof(struct mem_row));
}

void mem_row_destroy(struct mem_row *row) {
  if (row == NULL) return;
  tfdc_arena_deinit(&row->mem);
  free(row);
}

size_t mem_table_bound(const struct mem_table *t, const struct mem_row *probe) {
  size_t lo = 0, hi = t->n;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (t->cmp(t->rows[mid], probe) < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

struct mem_row *mem_table_find(const struct mem_table *t, const struct mem_row *probe) {
  size_t at = mem_table_bound(t, probe);
  return at < t->n && t->cmp(t->rows[at], probe) == 0 ? t->rows[at] : NULL;
}

tfdc_rc mem_table_put(struct mem_table *t, struct mem_row *row) {
  size_t at = mem_table_bound(t, row);
  if (at < t->n && t->cmp(t->rows[at], row) == 0) {
    mem_row_destroy(t->rows[at]);
    t->rows[at] = row;
    return TFDC_OK;
  }
  if (t->n == t->cap) {
    size_t cap = t->cap == 0 ? 64 : t->cap * 2;
    struct mem_row **rows = realloc(t->rows, cap * sizeof(struct mem_row *));
    if (rows == NULL) return TFDC_E_NOMEM;
    t->rows = rows;
    t->cap = cap;
  }
  memmove(t->rows + at + 1, t->rows + at, (t->n - at) * sizeof(struct mem_row *));
  t->rows[at] = row;
  t->n++;
  return TFDC_OK;
}

size_t mem_table_sweep(struct mem_table *t, bool (*gone)(const struct mem_row *row, void *user), void *user,
                       size_t limit) {
  size_t kept = 0, removed = 0;
  for (size_t i = 0; i < t->n; i++) {
    if (removed < limit && gone(t->rows[i], user)) {
      mem_row_destroy(t->rows[i]);
      removed++;
    } else {
      t->rows[kept++] = t->rows[i];
    }
  }
  t->n = kept;
  return removed;
}

void mem_table_deinit(struct mem_table *t) {
  for (size_t i = 0; i < t->n; i++) mem_row_destroy(t->rows[i]);
  free(t->rows);
  t->rows = NULL;
  t->n = t->cap = 0;
}
