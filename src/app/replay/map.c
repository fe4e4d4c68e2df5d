/* SPDX-License-Identifier: Apache-2.0
 * The map from YAML, through field tables. */
#include "app/replay/map.h"

#include "app/replay/map_table.h"
#include "base/text.h"
#include "model/codec.h"
#include "model/rows.h"

#include <math.h>

#define NAMES(list)                                                                                                    \
  { list, TFDC_COUNT(list) }
static const char *const separator_names[] = {"auto", "comma", "semicolon", "tab", "pipe"};
static const char *const decimal_names[] = {"auto", "point", "comma"};
static const char *const layout_names[] = {"wide", "long"};
static const char *const empty_names[] = {"absent", "missing"};
static const char *const time_names[] = {"s",       "ms",       "us",       "min",     "iso8601",
                                         "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"};
static const struct model_names separators = NAMES(separator_names), decimals = NAMES(decimal_names),
                                layouts = NAMES(layout_names), empties = NAMES(empty_names), times = NAMES(time_names);

#define REC struct map_tag
static const struct model_field tag_fields[] = {TEXT("name", name, NEED FULL), TEXT("column", column, NEED FULL)};
static const REC tag_defaults;
static const struct model_table tag_table = TABLE("tag", REC, tag_fields, tag_defaults);
#undef REC

#define REC struct map_sensor
static const struct model_field sensor_fields[] = {
    TEXT("column", column, NEED FULL),        TEXT("name", name),   TEXT("unit", unit),
    F64_IN("resolution", resolution, 0, BIG), BOOL("round", round),
};
static const REC sensor_defaults;
static const struct model_table sensor_table = TABLE("sensor", REC, sensor_fields, sensor_defaults);
#undef REC

#define REC struct map_rule
static const struct model_field rule_fields[] = {TEXT("column", column, NEED FULL), TEXT("equals", equals, NEED)};
static const REC rule_defaults;
static const struct model_table rule_table = TABLE("rule", REC, rule_fields, rule_defaults);
#undef REC

#define REC struct replay_map
#define SOURCE(member)                                                                                                 \
  static const struct model_field member##_fields[] = {TEXT("column", member.column, FULL),                            \
                                                       TEXT("constant", member.constant, FULL)};                       \
  static const struct model_table member##_table = {                                                                   \
      .name = #member, .fields = member##_fields, .n = TFDC_COUNT(member##_fields)};
MAP_SOURCES(SOURCE)
#define PART(key, table)                                                                                               \
  { .name = key, .offset_n = SIZE_MAX, .type = MODEL_F_OBJECT, .sub = &table }

static const struct model_field step_fields[] = {TEXT("number", step.number, FULL), TEXT("name", step.name, FULL)};
static const struct model_table step_table = {.name = "step", .fields = step_fields, .n = TFDC_COUNT(step_fields)};
static const struct model_field time_fields[] = {TEXT("column", time.column, NEED FULL),
                                                 ENUM("unit", time.kind, times, NEED), TEXT("base", time.base, FULL)};
static const struct model_table time_table = {.name = "time", .fields = time_fields, .n = TFDC_COUNT(time_fields)};
static const struct model_field by_row_fields[] = {
    TEXT("svid", by_row.svid, NEED FULL), TEXT("value", by_row.value, NEED FULL), TEXT("unit", by_row.unit, FULL)};
static const struct model_table by_row_table = {
    .name = "long", .fields = by_row_fields, .n = TFDC_COUNT(by_row_fields)};

#define SOURCE_PART(member) PART(#member, member##_table),
static const struct model_field map_fields[] = {
    ENUM("separator", separator, separators),
    ENUM("decimal", decimal, decimals),
    {.name = "skip_lines", AT(skip_lines), .type = MODEL_F_U32, .max = 100000},
    STRINGS("columns", columns, CSV_FIELDS_MAX),
    ENUM("layout", layout, layouts),
    STRINGS("missing", missing, MAP_TEXTS_MAX),
    ENUM("empty", empty, empties),
    STRINGS("run", run, 8),
    F64_IN("run_gap_s", run_gap_s, 0, 86400),
    MAP_SOURCES(SOURCE_PART) LIST("tags", tags, tag_table, MODEL_TAGS_MAX),
    PART("step", step_table),
    {.name = "time", .offset_n = SIZE_MAX, .type = MODEL_F_OBJECT, .sub = &time_table, .flags = MODEL_F_REQUIRED},
    PART("long", by_row_table),
    LIST("sensors", sensors, sensor_table, MAP_SENSORS_MAX),
    LIST("drop", drop, rule_table, MAP_TEXTS_MAX),
    LIST("good", good, rule_table, MAP_TEXTS_MAX),
    STRINGS("partition", partition, 8),
};
static const char *const default_partition[] = {"recipe_id"};
const REC map_defaults = {
    .run_gap_s = 60,
    .time = {.base = MAP_BASE, .base_us = INT64_C(946684800000000)},
    .tool = {.constant = "TOOL-1"},
    .chamber = {.constant = "A"},
    .partition = {default_partition, TFDC_COUNT(default_partition)},
};
static const REC yaml_defaults = {
    .run_gap_s = 60,
    .time = {.base = MAP_BASE},
    .partition = {default_partition, TFDC_COUNT(default_partition)},
};
const struct model_table map_table = TABLE("map", REC, map_fields, yaml_defaults);
#undef REC

/* ---- what the tables cannot say ---- */

struct check {
  const struct replay_map *m;
  struct model_path *where;
  struct tfdc_error *err;
};

static tfdc_rc wrong(const struct check *c, const char *key, size_t index, const char *inner, const char *text) {
  c->where->steps[c->where->n++] = (struct model_path_step){.key = key};
  if (index != SIZE_MAX) c->where->steps[c->where->n++] = (struct model_path_step){.index = index};
  if (inner != NULL) c->where->steps[c->where->n++] = (struct model_path_step){.key = inner};
  return tfdc_fail(c->err, TFDC_E_DEFINITION, "%s", text);
}

static tfdc_rc check_sources(const struct check *c) {
#define BOTH(member)                                                                                                   \
  if (c->m->member.column != NULL && c->m->member.constant != NULL)                                                    \
    return wrong(c, #member, SIZE_MAX, NULL, "either column or constant");
  MAP_SOURCES(BOTH)
  const char *tool = c->m->tool.constant, *chamber = c->m->chamber.constant;
  if (tool != NULL && !tfdc_is_id(tool, strlen(tool)))
    return wrong(c, "tool", SIZE_MAX, "constant", "ids match [A-Za-z0-9_-]{1,64}");
  if (chamber != NULL && !tfdc_is_id(chamber, strlen(chamber)))
    return wrong(c, "chamber", SIZE_MAX, "constant", "ids match [A-Za-z0-9_-]{1,64}");
  return TFDC_OK;
}

static tfdc_rc check_layout(const struct check *c) {
  const struct replay_map *m = c->m;
  if (m->layout == MAP_LONG && m->by_row.svid == NULL)
    return wrong(c, "layout", SIZE_MAX, NULL, "a long file needs `long: {svid: COLUMN, value: COLUMN}`");
  if (m->layout == MAP_WIDE && m->by_row.svid != NULL)
    return wrong(c, "long", SIZE_MAX, NULL, "only with `layout: long`");
  if (m->layout == MAP_LONG && m->run.n == 0)
    return wrong(c, "layout", SIZE_MAX, NULL, "a long file needs `run: COLUMN`");
  return TFDC_OK;
}

static const char *sensor_name(const struct map_sensor *s) { return s->name != NULL ? s->name : s->column; }

static tfdc_rc check_sensors(const struct check *c) {
  const struct replay_map *m = c->m;
  for (size_t i = 0; i < m->n_sensors; i++) {
    const struct map_sensor *s = &m->sensors[i];
    if (s->round && !(s->resolution > 0))
      return wrong(c, "sensors", i, "round", "needs a resolution above 0 to round to");
    if (s->name != NULL && s->name[0] == '\0') return wrong(c, "sensors", i, "name", "must not be empty");
    for (size_t k = 0; k < i; k++) {
      if (strcmp(s->column, m->sensors[k].column) == 0) return wrong(c, "sensors", i, "column", "is there twice");
      if (strcmp(sensor_name(s), sensor_name(&m->sensors[k])) == 0)
        return wrong(c, "sensors", i, s->name != NULL ? "name" : "column", "two sensors of one name");
    }
  }
  return TFDC_OK;
}

static tfdc_rc check_partition(const struct check *c) {
  for (size_t i = 0; i < c->m->partition.n; i++) {
    const struct model_field *f = model_table_find(&model_context_table, c->m->partition.items[i]);
    const char *near = model_table_nearest_text(&model_context_table, c->m->partition.items[i]);
    char text[160];
    if (f != NULL && model_field_is_text(f)) continue;
    (void)snprintf(text, sizeof text, "is no text field of a run%s%.64s%s", near != NULL ? ", did you mean \"" : "",
                   near != NULL ? near : "", near != NULL ? "\"?" : "");
    return wrong(c, "partition", i, NULL, text);
  }
  return TFDC_OK;
}

static tfdc_rc check_map(const void *record, struct tfdc_arena *mem, struct model_path *where, struct tfdc_error *err) {
  (void)mem;
  struct check c = {.m = record, .where = where, .err = err};
  int64_t base;
  TFDC_TRY(check_sources(&c));
  TFDC_TRY(check_layout(&c));
  TFDC_TRY(check_sensors(&c));
  TFDC_TRY(check_partition(&c));
  if (!value_time(c.m->time.base, strlen(c.m->time.base), VALUE_ISO8601, '.', &base))
    return wrong(&c, "time", SIZE_MAX, "base", "must be a date and time such as 2026-11-25T08:00:00Z");
  return TFDC_OK;
}

tfdc_rc map_from_yaml(const char *text, size_t n, struct tfdc_arena *mem, struct replay_map *ret,
                      struct tfdc_error *err) {
  struct replay_map m;
  TFDC_TRY(model_fields_from_yaml(&map_table, check_map, text, n, mem, &m, err));
  if (m.tool.column == NULL && m.tool.constant == NULL) m.tool = map_defaults.tool;
  if (m.chamber.column == NULL && m.chamber.constant == NULL) m.chamber = map_defaults.chamber;
  (void)value_time(m.time.base, strlen(m.time.base), VALUE_ISO8601, '.', &m.time.base_us); /* check_map has seen it */
  *ret = m;
  return TFDC_OK;
}

enum map_separator map_separator_of(char separator) {
  switch (separator) {
  case ';': return MAP_SEP_SEMICOLON;
  case '\t': return MAP_SEP_TAB;
  case '|': return MAP_SEP_PIPE;
  default: return MAP_SEP_COMMA;
  }
}

static void offer(const char *column, void (*fn)(void *, const char *), void *user) {
  if (column != NULL) fn(user, column);
}

void map_each_column(const struct replay_map *m, void (*fn)(void *user, const char *column), void *user) {
  for (size_t i = 0; i < m->run.n; i++) fn(user, m->run.items[i]);
#define OFFER(member) offer(m->member.column, fn, user);
  MAP_SOURCES(OFFER)
  for (size_t i = 0; i < m->n_tags; i++) fn(user, m->tags[i].column);
  offer(m->step.number, fn, user);
  offer(m->step.name, fn, user);
  offer(m->time.column, fn, user);
  offer(m->by_row.svid, fn, user);
  offer(m->by_row.value, fn, user);
  offer(m->by_row.unit, fn, user);
  for (size_t i = 0; i < m->n_sensors && m->layout == MAP_WIDE; i++) fn(user, m->sensors[i].column);
  for (size_t i = 0; i < m->n_drop; i++) fn(user, m->drop[i].column);
  for (size_t i = 0; i < m->n_good; i++) fn(user, m->good[i].column);
}
