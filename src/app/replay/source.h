/* SPDX-License-Identifier: Apache-2.0
 * A CSV through its map: typed rows, one at a time, in constant memory. */
#ifndef APP_REPLAY_SOURCE_H
#define APP_REPLAY_SOURCE_H

#include "app/replay/csv.h"
#include "app/replay/map.h"
#include "model/records.h"

enum source_kind {
  SOURCE_ROW,
  SOURCE_DROPPED, /* by the map's rule `rule`; n_drop: the map's sensors do not have its SVID */
  SOURCE_BAD      /* `bad` says why */
};
/* Valid until the next one. Texts that are not known are NULL. */
struct source_row {
  enum source_kind kind;
  int64_t line;
  size_t rule;
  const char *bad;
  const char *raw; /* the line as it stands in the file */
  size_t raw_n;
  const char *tool, *chamber; /* ids: what ids may not hold became '-' */
  const char *run;            /* NULL: the map names no column for it */
  const char *tool_type, *recipe, *product, *lot, *lot_type, *wafer;
  int32_t slot;            /* -1 = not known */
  const char *const *tags; /* one for each of the map's */
  int64_t t_us;
  bool has_step;
  uint32_t step_number;
  const char *step_name; /* may be "" */
  bool good;             /* by the map's rules; true when it has none */
  /* wide: one for each sensor; NaN = missing reading */
  const double *values;
  const bool *present; /* false: no sample */
  /* long */
  const char *svid, *unit;
  double value;
  bool has_value; /* false: no sample */
};

struct source;
/* Reads the header and finds the map's columns. The map's separator and decimal sign are not AUTO. read, user and map
 * must outlive it. DEFINITION: a column that the file does not have; CSV: no usable header; those of read(). */
TFDC_MUST_USE tfdc_rc source_open(csv_read_fn *read, void *user, const struct replay_map *map, struct source **ret,
                                  struct tfdc_error *err);
void source_close(struct source *s); /* NULL ok */
/* *ret_more = false at the end. */
TFDC_MUST_USE tfdc_rc source_next(struct source *s, struct source_row *ret, bool *ret_more, struct tfdc_error *err);
/* The sensors: the map's, or what its absence stands for (wide: all columns without another meaning). In a long file
 * without a list there are none. */
const struct map_sensor *source_sensors(const struct source *s, size_t *ret_n);
uint64_t source_bytes(const struct source *s); /* read so far */

/* Is the cell a word for a missing reading that needs no entry in the map (NaN, NA, null ...)? */
bool source_is_missing_word(const char *s, size_t n);

#endif
