/* SPDX-License-Identifier: Apache-2.0
 * What the first rows of a file say of each column. Internal to app/replay. */
#ifndef APP_REPLAY_GUESS_COLUMN_H
#define APP_REPLAY_GUESS_COLUMN_H

#include "app/replay/csv.h"
#include "base/arena.h"

enum { GUESS_DISTINCT_MAX = 64, GUESS_VALUE_MAX = 40 };

struct guess_column {
  const char *name;         /* as in the header; NULL = none that can be used */
  char word[48];            /* its lower-case letters and digits, without a unit in brackets */
  const char *label, *unit; /* the name without that unit; the unit where it is a known one, else NULL */
  size_t cells, empty, numbers, whole, times, falls, rises;
  double first, last, least, most;
  bool counts;       /* each number is one more than the one before, or begins anew */
  size_t n_distinct; /* GUESS_DISTINCT_MAX + 1 = more */
  char distinct[GUESS_DISTINCT_MAX][GUESS_VALUE_MAX];
  bool used;
};
struct guess_columns {
  struct guess_column *items;
  size_t n, rows;
};

/* All points into mem. */
TFDC_MUST_USE tfdc_rc guess_columns_read(csv_read_fn *read, void *user, const struct csv_look *look,
                                         struct tfdc_arena *mem, struct guess_columns *ret, struct tfdc_error *err);

#endif
