/* SPDX-License-Identifier: Apache-2.0
 * What the columns of a CSV mean: the map of `tfdc replay`, read from YAML. docs/guide/replay-a-csv.md describes every
 * key. The struct mirrors the YAML; strings point into the arena that it was read into. */
#ifndef APP_REPLAY_MAP_H
#define APP_REPLAY_MAP_H

#include "app/replay/value.h"
#include "base/arena.h"
#include "base/cursor.h"
#include "model/strategy.h"

enum map_separator { MAP_SEP_AUTO, MAP_SEP_COMMA, MAP_SEP_SEMICOLON, MAP_SEP_TAB, MAP_SEP_PIPE };
enum map_decimal { MAP_DEC_AUTO, MAP_DEC_POINT, MAP_DEC_COMMA };
enum map_layout { MAP_WIDE, MAP_LONG };
enum map_empty { MAP_EMPTY_ABSENT, MAP_EMPTY_MISSING };

/* A text of the run: from a column, or the same for all runs. Both NULL: not known. */
struct map_source {
  const char *column, *constant;
};
struct map_tag {
  const char *name, *column;
};
struct map_sensor {
  const char *column; /* wide: its column; long: the text in the svid column */
  const char *name;   /* NULL = as `column` */
  const char *unit;
  double resolution; /* 0 = not known */
  bool round;        /* values are rounded to the resolution */
};
struct map_rule { /* a row for which the column's cell is the text `equals` */
  const char *column, *equals;
};
struct replay_map {
  enum map_separator separator;
  enum map_decimal decimal;
  uint32_t skip_lines;        /* before the header */
  struct model_globs columns; /* names, for a file without a header; n = 0: the first line is the header */
  enum map_layout layout;
  struct model_globs missing; /* cells that are missing readings, beside NaN, NA and the like */
  enum map_empty empty;       /* what an empty cell is: no sample, or a missing reading */
  struct model_globs run;     /* columns that name the run, joined by '/'; n = 0: see run_gap_s */
  double run_gap_s;
  struct map_source tool, chamber, tool_type, recipe, product, lot, lot_type, wafer, slot;
  const struct map_tag *tags;
  size_t n_tags;
  struct {
    const char *number, *name; /* columns; NULL = none */
  } step;
  struct {
    const char *column;
    enum value_time kind;
    const char *base; /* ISO 8601: start of the first run of each chamber, for relative times */
    int64_t base_us;  /* the same; by map_from_yaml */
  } time;
  struct {
    const char *svid, *value, *unit; /* columns */
  } by_row;                          /* layout long */
  const struct map_sensor *sensors;
  size_t n_sensors; /* 0: wide: all columns that have no other meaning; long: all SVIDs of the file */
  const struct map_rule *drop, *good;
  size_t n_drop, n_good;
  struct model_globs partition; /* fields of the context that split limits */
};

enum { MAP_SENSORS_MAX = 4000, MAP_TEXTS_MAX = 256 };
extern const struct replay_map map_defaults;

/* Errors as of model_strategies_from_yaml: "line 7 column 5: sensors[2].unit: ...". *ret points into mem. */
TFDC_MUST_USE tfdc_rc map_from_yaml(const char *text, size_t n, struct tfdc_arena *mem, struct replay_map *ret,
                                    struct tfdc_error *err);
/* The map as YAML that map_from_yaml reads back the same; what is a default is left out. NOMEM. */
TFDC_MUST_USE tfdc_rc map_to_yaml(const struct replay_map *m, struct tfdc_buf *out);

/* Of ',' ';' '\t' '|'. */
enum map_separator map_separator_of(char separator);

/* All columns that the map names, for checks against the header: calls fn for each. */
void map_each_column(const struct replay_map *m, void (*fn)(void *user, const char *column), void *user);

#endif
