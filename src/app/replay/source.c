/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/source.h"

#include "app/replay/map_table.h"
#include "base/map.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NO_COLUMN = -1, TEXTS_BYTES = 1 << 15, WHY_MAX = 400, RUN_COLUMNS_MAX = 8 };

enum text_at {
#define X(member) TEXT_##member,
  MAP_SOURCES(X)
#undef X
      TEXT_COUNT
};

struct source {
  const struct replay_map *map;
  struct csv *csv;       /* owned */
  struct tfdc_arena mem; /* what lives as long as the source */
  const char **names;    /* of the columns; NULL = without a usable name */
  size_t n_columns;
  const struct map_sensor *sensors;
  size_t n_sensors;
  struct tfdc_map by_svid; /* long: the sensors, by the text in the svid column */
  int texts[TEXT_COUNT], run[RUN_COLUMNS_MAX], step_number, step_name, time, svid, value, unit;
  int *tags, *drop, *good, *sensor_columns;
  const char **tag_texts;
  char decimal;
  double *values;
  bool *present;
  char why[WHY_MAX];
  char kept[TEXTS_BYTES]; /* texts of the row */
  size_t kept_n;
};

/* ---- the header ---- */

static int find_column(const struct source *s, const char *name) {
  for (size_t i = 0; i < s->n_columns; i++)
    if (s->names[i] != NULL && strcmp(s->names[i], name) == 0) return (int)i;
  return NO_COLUMN;
}

static tfdc_rc need_column(const struct source *s, const char *name, int *ret, struct tfdc_error *err) {
  const char *near = NULL;
  size_t least = 4;
  *ret = NO_COLUMN;
  if (name == NULL) return TFDC_OK;
  *ret = find_column(s, name);
  if (*ret == NO_COLUMN) {
    for (size_t i = 0; i < s->n_columns; i++) {
      size_t d = s->names[i] != NULL ? tfdc_distance(s->names[i], name) : SIZE_MAX;
      if (d < least) least = d, near = s->names[i];
    }
    if (near != NULL)
      return tfdc_fail(err, TFDC_E_DEFINITION, "the file has no column \"%s\"; did you mean \"%s\"?", name, near);
    return tfdc_fail(err, TFDC_E_DEFINITION, "the file has no column \"%s\"", name);
  }
  for (size_t i = (size_t)*ret + 1; i < s->n_columns; i++) {
    if (s->names[i] != NULL && strcmp(s->names[i], name) == 0)
      return tfdc_fail(err, TFDC_E_CSV, "the header has the column \"%s\" twice", name);
  }
  return TFDC_OK;
}

static tfdc_rc nomem(struct tfdc_error *err) { return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the rows"); }

static tfdc_rc take_header(struct source *s, struct tfdc_error *err) {
  struct csv_record r;
  bool more;
  TFDC_TRY(csv_next(s->csv, &r, &more, err));
  if (!more) return tfdc_fail(err, TFDC_E_CSV, "the file is empty");
  if (r.bad == NULL && r.n == 1 && r.fields[0].n == 5 && memcmp(r.fields[0].s, "sep=", 4) == 0)
    TFDC_TRY(csv_next(s->csv, &r, &more, err));
  if (!more || r.bad != NULL)
    return tfdc_fail(err, TFDC_E_CSV, "line %lld, the header: %s", (long long)r.line, more ? r.bad : "missing");
  s->names = tfdc_arena_array(&s->mem, r.n, sizeof *s->names);
  if (s->names == NULL) return nomem(err);
  for (size_t i = 0; i < r.n; i++) {
    const char *name = r.fields[i].s;
    size_t n = r.fields[i].n;
    value_trim(&name, &n);
    s->names[i] = NULL;
    if (n == 0) continue;
    if (!tfdc_is_text(name, n))
      return tfdc_fail(err, TFDC_E_CSV,
                       "line %lld: the name of column %zu is not UTF-8 of at most 256 bytes; save the file as UTF-8",
                       (long long)r.line, i + 1);
    s->names[i] = tfdc_arena_strndup(&s->mem, name, n);
    if (s->names[i] == NULL) return nomem(err);
  }
  s->n_columns = r.n;
  return TFDC_OK;
}

struct used {
  const struct source *s;
  bool *columns;
};
static void note_used(void *user, const char *column) {
  struct used *u = user;
  int at = find_column(u->s, column);
  if (at != NO_COLUMN) u->columns[at] = true;
}

/* Wide without a list of sensors: all columns that have no other meaning. */
static tfdc_rc default_sensors(struct source *s, struct tfdc_error *err) {
  struct used used = {.s = s, .columns = tfdc_arena_alloc(&s->mem, s->n_columns + 1)};
  struct map_sensor *list = tfdc_arena_array(&s->mem, s->n_columns + 1, sizeof *list);
  if (used.columns == NULL || list == NULL) return nomem(err);
  map_each_column(s->map, note_used, &used);
  for (size_t i = 0; i < s->n_columns; i++) {
    if (used.columns[i] || s->names[i] == NULL) continue;
    list[s->n_sensors++] = (struct map_sensor){.column = s->names[i]};
  }
  s->sensors = list;
  return TFDC_OK;
}

static tfdc_rc bind_list(struct source *s, size_t n, const char *(*column)(const struct replay_map *, size_t),
                         int **ret, struct tfdc_error *err) {
  *ret = tfdc_arena_array(&s->mem, n, sizeof **ret);
  if (*ret == NULL) return nomem(err);
  for (size_t i = 0; i < n; i++) TFDC_TRY(need_column(s, column(s->map, i), &(*ret)[i], err));
  return TFDC_OK;
}
static const char *tag_column(const struct replay_map *m, size_t i) { return m->tags[i].column; }
static const char *drop_column(const struct replay_map *m, size_t i) { return m->drop[i].column; }
static const char *good_column(const struct replay_map *m, size_t i) { return m->good[i].column; }

static tfdc_rc bind_sensors(struct source *s, struct tfdc_error *err) {
  const struct replay_map *m = s->map;
  s->sensors = m->sensors;
  s->n_sensors = m->n_sensors;
  for (size_t i = 0; i < m->n_sensors && m->layout == MAP_LONG; i++)
    TFDC_TRY(tfdc_map_put(&s->by_svid, tfdc_xxh3_128(m->sensors[i].column, strlen(m->sensors[i].column)),
                          (void *)&m->sensors[i]));
  if (m->layout == MAP_LONG) return TFDC_OK;
  if (m->n_sensors == 0) TFDC_TRY(default_sensors(s, err));
  if (s->n_sensors == 0) return tfdc_fail(err, TFDC_E_CSV, "no column is left for sensors");
  s->sensor_columns = tfdc_arena_array(&s->mem, s->n_sensors, sizeof *s->sensor_columns);
  s->values = tfdc_arena_array(&s->mem, s->n_sensors, sizeof *s->values);
  s->present = tfdc_arena_array(&s->mem, s->n_sensors, sizeof *s->present);
  if (s->sensor_columns == NULL || s->values == NULL || s->present == NULL) return nomem(err);
  for (size_t i = 0; i < s->n_sensors; i++) TFDC_TRY(need_column(s, s->sensors[i].column, &s->sensor_columns[i], err));
  return TFDC_OK;
}

static tfdc_rc bind(struct source *s, struct tfdc_error *err) {
  const struct replay_map *m = s->map;
#define X(member) TFDC_TRY(need_column(s, m->member.column, &s->texts[TEXT_##member], err));
  MAP_SOURCES(X)
#undef X
  TFDC_ASSERT(m->run.n <= RUN_COLUMNS_MAX);
  for (size_t i = 0; i < m->run.n; i++) TFDC_TRY(need_column(s, m->run.items[i], &s->run[i], err));
  TFDC_TRY(need_column(s, m->step.number, &s->step_number, err));
  TFDC_TRY(need_column(s, m->step.name, &s->step_name, err));
  TFDC_TRY(need_column(s, m->time.column, &s->time, err));
  TFDC_TRY(need_column(s, m->by_row.svid, &s->svid, err));
  TFDC_TRY(need_column(s, m->by_row.value, &s->value, err));
  TFDC_TRY(need_column(s, m->by_row.unit, &s->unit, err));
  TFDC_TRY(bind_list(s, m->n_tags, tag_column, &s->tags, err));
  TFDC_TRY(bind_list(s, m->n_drop, drop_column, &s->drop, err));
  TFDC_TRY(bind_list(s, m->n_good, good_column, &s->good, err));
  s->tag_texts = tfdc_arena_array(&s->mem, m->n_tags, sizeof *s->tag_texts);
  if (s->tag_texts == NULL) return nomem(err);
  return bind_sensors(s, err);
}

static tfdc_rc open_csv(struct source *s, csv_read_fn *read, void *user, struct tfdc_error *err) {
  static const char separators[] = {
      [MAP_SEP_COMMA] = ',', [MAP_SEP_SEMICOLON] = ';', [MAP_SEP_TAB] = '\t', [MAP_SEP_PIPE] = '|'};
  const struct replay_map *m = s->map;
  TFDC_ASSERT(m->separator != MAP_SEP_AUTO && m->decimal != MAP_DEC_AUTO);
  s->decimal = m->decimal == MAP_DEC_COMMA ? ',' : '.';
  TFDC_TRY(csv_create(read, user, separators[m->separator], &s->csv, err));
  TFDC_TRY(csv_skip_lines(s->csv, m->skip_lines, err));
  if (m->columns.n == 0) return take_header(s, err);
  s->names = tfdc_arena_array(&s->mem, m->columns.n, sizeof *s->names);
  if (s->names == NULL) return nomem(err);
  memcpy(s->names, m->columns.items, m->columns.n * sizeof *s->names);
  s->n_columns = m->columns.n;
  return TFDC_OK;
}

tfdc_rc source_open(csv_read_fn *read, void *user, const struct replay_map *map, struct source **ret,
                    struct tfdc_error *err) {
  struct source *s = calloc(1, sizeof *s);
  if (s == NULL) return nomem(err);
  s->map = map;
  tfdc_rc rc = open_csv(s, read, user, err);
  if (rc == TFDC_OK) rc = bind(s, err);
  if (rc != TFDC_OK) {
    source_close(s);
    return rc;
  }
  *ret = s;
  return TFDC_OK;
}

void source_close(struct source *s) {
  if (s == NULL) return;
  csv_destroy(s->csv);
  tfdc_map_deinit(&s->by_svid);
  tfdc_arena_deinit(&s->mem);
  free(s);
}

const struct map_sensor *source_sensors(const struct source *s, size_t *ret_n) {
  *ret_n = s->n_sensors;
  return s->sensors;
}

uint64_t source_bytes(const struct source *s) { return csv_bytes(s->csv); }

/* ---- cells ---- */

struct source_cell { /* where a reading goes */
  double *value;
  bool *present;
};

TFDC_PRINTF(2, 3) static bool bad(struct source *s, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(s->why, sizeof s->why, fmt, args);
  va_end(args);
  return false;
}

/* The cell for a message: cut, and without what a terminal could take amiss. */
static const char *shown(const struct csv_field *f, char buf[41]) {
  size_t n = f->n < 40 ? f->n : 40;
  for (size_t i = 0; i < n; i++) buf[i] = f->s[i] >= ' ' && f->s[i] <= '~' ? f->s[i] : '?';
  buf[n] = '\0';
  return buf;
}

static bool equals(const struct csv_field *f, const char *text) {
  const char *s = f->s;
  size_t n = f->n;
  value_trim(&s, &n);
  return strlen(text) == n && memcmp(s, text, n) == 0;
}

/* A copy of the cell that lives as long as the row; an empty one is not known. */
static bool take_text(struct source *s, const struct csv_field *f, int column, const char **ret) {
  const char *text = f->s;
  size_t n = f->n;
  char buf[41];
  value_trim(&text, &n);
  *ret = NULL;
  if (n == 0) return true;
  if (!tfdc_is_text(text, n))
    return bad(s, "column %s: \"%s\" is not UTF-8 text of at most 256 bytes", s->names[column], shown(f, buf));
  if (s->kept_n + n + 1 > sizeof s->kept) return bad(s, "its texts are too long");
  memcpy(s->kept + s->kept_n, text, n);
  s->kept[s->kept_n + n] = '\0';
  *ret = s->kept + s->kept_n;
  s->kept_n += n + 1;
  return true;
}

/* An id from a text; false when there is none. */
static bool make_id(struct source *s, enum text_at at, const char *name, const char **text) {
  if (*text == NULL) return bad(s, "no %s: column %s is empty", name, s->names[s->texts[at]]);
  char *id = s->kept + (*text - s->kept); /* a text of a column, in the row's own memory */
  size_t n = strlen(id);
  if (n > TFDC_ID_MAX) return bad(s, "%s %.40s...: ids have at most 64 bytes", name, id);
  for (size_t i = 0; i < n; i++)
    if (!tfdc_is_id(id + i, 1)) id[i] = '-';
  return true;
}

static bool take_run(struct source *s, const struct csv_field *fields, const char **ret) {
  size_t n = s->map->run.n, length = 0;
  char text[TFDC_TEXT_MAX + 1];
  *ret = NULL;
  if (n == 0) return true;
  for (size_t i = 0; i < n; i++) {
    const struct csv_field *f = &fields[s->run[i]];
    const char *part = f->s;
    size_t part_n = f->n;
    value_trim(&part, &part_n);
    if (part_n == 0) return bad(s, "column %s, which names the run, is empty", s->names[s->run[i]]);
    if (length + part_n + 1 > TFDC_TEXT_MAX) return bad(s, "the run's name is longer than 256 bytes");
    if (i > 0) text[length++] = '/';
    memcpy(text + length, part, part_n);
    length += part_n;
  }
  const struct csv_field whole = {.s = text, .n = length};
  return take_text(s, &whole, s->run[0], ret);
}

static bool take_texts(struct source *s, const struct csv_field *fields, struct source_row *row) {
  const char *texts[TEXT_COUNT];
#define X(member)                                                                                                      \
  texts[TEXT_##member] = s->map->member.constant;                                                                      \
  if (s->texts[TEXT_##member] != NO_COLUMN &&                                                                          \
      !take_text(s, &fields[s->texts[TEXT_##member]], s->texts[TEXT_##member], &texts[TEXT_##member]))                 \
    return false;
  MAP_SOURCES(X)
#undef X
  if (s->texts[TEXT_tool] != NO_COLUMN && !make_id(s, TEXT_tool, "tool", &texts[TEXT_tool])) return false;
  if (s->texts[TEXT_chamber] != NO_COLUMN && !make_id(s, TEXT_chamber, "chamber", &texts[TEXT_chamber])) return false;
  row->tool = texts[TEXT_tool];
  row->chamber = texts[TEXT_chamber];
  row->tool_type = texts[TEXT_tool_type];
  row->recipe = texts[TEXT_recipe];
  row->product = texts[TEXT_product];
  row->lot = texts[TEXT_lot];
  row->lot_type = texts[TEXT_lot_type];
  row->wafer = texts[TEXT_wafer];
  row->slot = -1;
  double slot;
  const char *text = texts[TEXT_slot];
  if (text != NULL) {
    if (!value_number(text, strlen(text), s->decimal, &slot) || slot < 0 || slot > 1e6 || rint(slot) < slot)
      return bad(s, "slot %.40s is no whole number", text);
    row->slot = (int32_t)slot;
  }
  for (size_t i = 0; i < s->map->n_tags; i++)
    if (!take_text(s, &fields[s->tags[i]], s->tags[i], &s->tag_texts[i])) return false;
  row->tags = s->tag_texts;
  return true;
}

static bool take_step(struct source *s, const struct csv_field *fields, struct source_row *row) {
  double number = 0;
  char buf[41];
  row->step_name = NULL;
  if (s->step_name != NO_COLUMN && !take_text(s, &fields[s->step_name], s->step_name, &row->step_name)) return false;
  row->has_step = row->step_name != NULL;
  if (row->step_name == NULL) row->step_name = "";
  row->step_number = 0;
  if (s->step_number == NO_COLUMN) return true;
  const struct csv_field *f = &fields[s->step_number];
  if (equals(f, "")) return true; /* between steps */
  if (!value_number(f->s, f->n, s->decimal, &number) || number < 0 || number > UINT32_MAX || rint(number) < number)
    return bad(s, "column %s: step \"%s\" is no whole number", s->names[s->step_number], shown(f, buf));
  row->step_number = (uint32_t)number;
  row->has_step = true;
  return true;
}

static const char *const missing_words[] = {"nan",  "na",       "n/a",       "null", "none", "-",   "inf",
                                            "-inf", "infinity", "-infinity", "#n/a", "nil",  "+inf"};
bool source_is_missing_word(const char *s, size_t n) {
  value_trim(&s, &n);
  for (size_t i = 0; i < TFDC_COUNT(missing_words); i++)
    if (strlen(missing_words[i]) == n && strncasecmp(missing_words[i], s, n) == 0) return true;
  return false;
}

static bool is_missing(const struct source *s, const struct csv_field *f) {
  if (source_is_missing_word(f->s, f->n)) return true;
  for (size_t i = 0; i < s->map->missing.n; i++)
    if (equals(f, s->map->missing.items[i])) return true;
  return false;
}

/* A reading; *ret_present = false: there is no sample. */
static bool take_value(struct source *s, const struct csv_field *fields, int column, const struct map_sensor *sensor,
                       struct source_cell ret) {
  const struct csv_field *f = &fields[column];
  char buf[41];
  *ret.present = true;
  /* a word of the map may look like a number */
  if (s->map->missing.n > 0 && f->n > 0 && is_missing(s, f)) {
    *ret.value = NAN;
    return true;
  }
  if (value_number(f->s, f->n, s->decimal, ret.value)) {
    if (sensor != NULL && sensor->round) *ret.value = value_round(*ret.value, sensor->resolution);
    return true;
  }
  *ret.value = NAN;
  if (equals(f, "")) {
    *ret.present = s->map->empty == MAP_EMPTY_MISSING;
    return true;
  }
  if (is_missing(s, f)) return true;
  return bad(s, "column %s: \"%s\" is no number", s->names[column], shown(f, buf));
}

static bool take_wide(struct source *s, const struct csv_field *fields, struct source_row *row) {
  for (size_t i = 0; i < s->n_sensors; i++) {
    struct source_cell cell = {&s->values[i], &s->present[i]};
    if (!take_value(s, fields, s->sensor_columns[i], &s->sensors[i], cell)) return false;
  }
  row->values = s->values;
  row->present = s->present;
  return true;
}

static struct tfdc_id128 text_id(const char *s) { return tfdc_xxh3_128(s, strlen(s)); }

static bool take_long(struct source *s, const struct csv_field *fields, struct source_row *row) {
  const struct map_sensor *sensor = NULL;
  struct source_cell cell = {&row->value, &row->has_value};
  if (!take_text(s, &fields[s->svid], s->svid, &row->svid)) return false;
  if (row->svid == NULL) return bad(s, "no SVID: column %s is empty", s->names[s->svid]);
  if (s->unit != NO_COLUMN && !take_text(s, &fields[s->unit], s->unit, &row->unit)) return false;
  if (s->n_sensors > 0) {
    sensor = tfdc_map_get(&s->by_svid, text_id(row->svid));
    if (sensor == NULL) {
      row->kind = SOURCE_DROPPED;
      row->rule = s->map->n_drop;
      return true;
    }
    if (sensor->name != NULL) row->svid = sensor->name;
    if (sensor->unit != NULL) row->unit = sensor->unit;
  }
  return take_value(s, fields, s->value, sensor, cell);
}

static bool take_row(struct source *s, const struct csv_record *r, struct source_row *row) {
  const struct replay_map *m = s->map;
  char buf[41];
  size_t n = r->n;
  while (n > s->n_columns && r->fields[n - 1].n == 0) n--; /* separators at the end of the line */
  if (n != s->n_columns) return bad(s, "%zu fields, the header has %zu", r->n, s->n_columns);
  for (size_t i = 0; i < m->n_drop; i++) {
    if (!equals(&r->fields[s->drop[i]], m->drop[i].equals)) continue;
    row->kind = SOURCE_DROPPED;
    row->rule = i;
    return true;
  }
  s->kept_n = 0;
  const struct csv_field *time = &r->fields[s->time];
  if (!value_time(time->s, time->n, m->time.kind, s->decimal, &row->t_us))
    return bad(s, "column %s: \"%s\" is no time", s->names[s->time], shown(time, buf));
  row->good = true;
  for (size_t i = 0; i < m->n_good; i++) row->good = row->good && equals(&r->fields[s->good[i]], m->good[i].equals);
  return take_texts(s, r->fields, row) && take_run(s, r->fields, &row->run) && take_step(s, r->fields, row) &&
         (m->layout == MAP_WIDE ? take_wide(s, r->fields, row) : take_long(s, r->fields, row));
}

tfdc_rc source_next(struct source *s, struct source_row *ret, bool *ret_more, struct tfdc_error *err) {
  struct csv_record r;
  TFDC_TRY(csv_next(s->csv, &r, ret_more, err));
  if (!*ret_more) return TFDC_OK;
  *ret = (struct source_row){.kind = SOURCE_ROW, .line = r.line, .raw = r.raw, .raw_n = r.raw_n};
  ret->bad = r.bad;
  if (r.bad == NULL && !take_row(s, &r, ret)) ret->bad = s->why;
  if (ret->bad != NULL) ret->kind = SOURCE_BAD;
  return TFDC_OK;
}
