/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/guess.h"

#include "app/replay/guess_column.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TAGS_MAX = 16, NOTE_MAX = 600 };

struct guesser {
  struct guess_columns cs;
  struct tfdc_arena *mem;
  struct replay_map *m;
  struct tfdc_buf notes;
  struct map_tag tags[TAGS_MAX];
  size_t n_tags;
};

/* Words of headers, letters and digits only; the first ones fit best. */
static const char *const time_words[] = {
    "time",    "timestamp", "datetime",    "times", "t",  "timesec", "timems", "elapsedtime", "elapsed",    "date",
    "seconds", "zeit",      "zeitstempel", "sec",   "ms", "timeus",  "epoch",  "runtime",     "processtime"};
static const char *const run_words[] = {"run",   "runid", "runno",   "runnumber", "contextid", "processrun",
                                        "jobid", "cycle", "cycleid", "lauf",      "fahrt"};
static const char *const wafer_words[] = {"wafer",     "waferid",     "waferno",  "wafernumber",
                                          "substrate", "substrateid", "wafernum", "scheibe"};
static const char *const lot_words[] = {"lot",     "lotid", "lotno",     "batch", "batchid",
                                        "lotname", "los",   "losnummer", "charge"};
static const char *const tool_words[] = {"tool",  "toolid",  "toolname",  "equipment", "equipmentid", "eqp",
                                         "eqpid", "machine", "machineid", "entity",    "anlage",      "maschine"};
static const char *const chamber_words[] = {"chamber",  "chamberid",     "chambername", "module",
                                            "moduleid", "processmodule", "pm",          "kammer"};
static const char *const tool_type_words[] = {"tooltype", "equipmenttype", "eqptype", "toolmodel"};
static const char *const recipe_words[] = {"recipe",  "recipeid",      "recipename", "ppid",
                                           "program", "processrecipe", "experiment", "rezept"};
static const char *const product_words[] = {"product", "productid", "device", "part", "partid", "produkt"};
static const char *const slot_words[] = {"slot", "slotid", "slotno"};
static const char *const step_number_words[] = {"step",    "stepnumber",    "stepno",   "stepid",
                                                "stepnum", "recipestep",    "stage",    "phase",
                                                "schritt", "schrittnummer", "schrittnr"};
static const char *const step_name_words[] = {"stepname", "stepdescription", "step",    "stage",
                                              "phase",    "recipestep",      "schritt", "schrittname"};
static const char *const svid_words[] = {"svid",     "sensor",     "sensorname", "parameter", "param", "variable",
                                         "tag",      "tagname",    "signal",     "channel",   "name",  "svname",
                                         "svidname", "variableid", "sensorid",   "kanal"};
static const char *const value_words[] = {"value",       "val",      "reading", "data",
                                          "measurement", "rawvalue", "wert",    "messwert"};
static const char *const unit_words[] = {"unit", "units", "uom", "einheit"};
static const char *const label_words[] = {"fault", "label",  "class",   "status", "result",  "faultname", "good",  "ok",
                                          "pass",  "normal", "anomaly", "fail",   "failure", "target",    "faulty"};
static const char *const good_values[] = {"normal", "good", "ok", "pass", "passed", "no fault", "healthy", "none"};

TFDC_PRINTF(2, 3) static void note(struct guesser *g, const char *fmt, ...) {
  char text[NOTE_MAX];
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  tfdc_put_fmt(&g->notes, "%s\n", text);
}

static bool is_numeric(const struct guess_column *c) {
  return c->numbers > 0 && c->numbers * 100 >= (c->cells - c->empty) * 95;
}
static bool is_whole(const struct guess_column *c) { return is_numeric(c) && c->whole == c->numbers && c->least >= 0; }
static bool is_text(const struct guess_column *c) { return c->cells > c->empty && !is_numeric(c); }
static bool any(const struct guess_column *c) { return c->cells > c->empty; }

/* The first unused column whose word is one of these and for which fits() holds. */
static struct guess_column *find(struct guesser *g, const char *const *words, size_t n,
                                 bool (*fits)(const struct guess_column *)) {
  for (size_t w = 0; w < n; w++) {
    for (size_t i = 0; i < g->cs.n; i++) {
      struct guess_column *c = &g->cs.items[i];
      if (c->name == NULL || c->used || strcmp(c->word, words[w]) != 0 || !fits(c)) continue;
      c->used = true;
      return c;
    }
  }
  return NULL;
}
#define FIND(g, words, fits) find(g, words, TFDC_COUNT(words), fits)

/* ---- time ---- */

static bool is_iso(const struct guess_column *c) { return c->times * 10 >= (c->cells - c->empty) * 9 && c->times > 0; }
static bool is_time(const struct guess_column *c) { return is_iso(c) || (is_numeric(c) && c->rises > 0); }

static enum value_time time_kind(const struct guess_column *c) {
  if (is_iso(c)) return VALUE_ISO8601;
  if (c->least > 1e17) return VALUE_EPOCH_NS;
  if (c->least > 1e14) return VALUE_EPOCH_US;
  if (c->least > 1e11) return VALUE_EPOCH_MS;
  if (c->least > 1e8) return VALUE_EPOCH_S;
  const char *unit = c->unit != NULL ? c->unit : "";
  if (strcmp(unit, "ms") == 0 || strcmp(c->word, "ms") == 0 || strcmp(c->word, "timems") == 0) return VALUE_MS;
  if (strcmp(unit, "us") == 0 || strcmp(c->word, "timeus") == 0) return VALUE_US;
  return strcmp(unit, "min") == 0 ? VALUE_MIN : VALUE_S;
}

/* Without a word that fits: the first column that holds dates, else the first that mostly rises and now and then falls
 * back. */
static struct guess_column *find_any_time(struct guesser *g) {
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < g->cs.n; i++) {
      struct guess_column *c = &g->cs.items[i];
      bool rises = is_numeric(c) && !c->counts && c->rises * 10 >= c->numbers * 9 - 9 && c->falls * 10 <= c->numbers;
      if (c->name == NULL || c->used || !(pass == 0 ? is_iso(c) : rises)) continue;
      c->used = true;
      return c;
    }
  }
  return NULL;
}

static tfdc_rc guess_time(struct guesser *g, struct tfdc_error *err) {
  static const char *const said[VALUE_TIME_COUNT] = {"seconds",
                                                     "milliseconds",
                                                     "microseconds",
                                                     "minutes",
                                                     "dates (ISO 8601, UTC where no zone is given)",
                                                     "seconds since 1970",
                                                     "milliseconds since 1970",
                                                     "microseconds since 1970",
                                                     "nanoseconds since 1970"};
  struct guess_column *c = FIND(g, time_words, is_time);
  if (c == NULL) c = find_any_time(g);
  if (c == NULL) return tfdc_fail(err, TFDC_E_DEFINITION, "no column looks like a time; write a map (see `time`)");
  g->m->time.column = c->name;
  g->m->time.kind = time_kind(c);
  note(g, "time: column \"%s\", %s", c->name, said[g->m->time.kind]);
  if (value_time_is_relative(g->m->time.kind))
    note(g, "      it falls back %zu times in the first %zu rows; runs are laid one after another from %s on", c->falls,
         g->cs.rows, g->m->time.base);
  return TFDC_OK;
}

/* ---- texts of a run ---- */

static void guess_source(struct guesser *g, const char *what, struct map_source *to, const struct guess_column *c) {
  if (c == NULL) return;
  *to = (struct map_source){.column = c->name};
  note(g, "%s: column \"%s\"", what, c->name);
}

static tfdc_rc guess_run(struct guesser *g, const struct guess_column *wafer, const struct guess_column *lot) {
  const struct guess_column *run = FIND(g, run_words, any);
  const char **names = tfdc_arena_array(g->mem, 2, sizeof *names);
  if (names == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  if (run != NULL) {
    names[n++] = run->name;
  } else {
    if (wafer != NULL && lot != NULL) names[n++] = lot->name;
    if (wafer != NULL) names[n++] = wafer->name;
  }
  g->m->run = (struct model_globs){names, n};
  if (n == 0 && value_time_is_relative(g->m->time.kind))
    note(g, "run: no column; a new run begins where time falls back");
  else if (n == 0)
    note(g, "run: no column; a new run begins after a pause of %g s", g->m->run_gap_s);
  else
    note(g, "run: column \"%s\"%s%s%s", names[0], n > 1 ? " and \"" : "", n > 1 ? names[1] : "", n > 1 ? "\"" : "");
  return TFDC_OK;
}

static tfdc_rc guess_texts(struct guesser *g) {
  struct replay_map *m = g->m;
  guess_source(g, "tool", &m->tool, FIND(g, tool_words, any));
  guess_source(g, "chamber", &m->chamber, FIND(g, chamber_words, any));
  guess_source(g, "tool_type", &m->tool_type, FIND(g, tool_type_words, is_text));
  guess_source(g, "recipe", &m->recipe, FIND(g, recipe_words, any));
  guess_source(g, "product", &m->product, FIND(g, product_words, any));
  guess_source(g, "slot", &m->slot, FIND(g, slot_words, is_whole));
  const struct guess_column *wafer = FIND(g, wafer_words, any), *lot = FIND(g, lot_words, any);
  guess_source(g, "wafer", &m->wafer, wafer);
  guess_source(g, "lot", &m->lot, lot);
  if (m->tool.column == NULL) note(g, "tool: no column, so it is called %s", m->tool.constant);
  const struct guess_column *number = FIND(g, step_number_words, is_whole), *name = FIND(g, step_name_words, is_text);
  m->step.number = number != NULL ? number->name : NULL;
  m->step.name = name != NULL ? name->name : NULL;
  if (number != NULL) note(g, "step: number in column \"%s\"", number->name);
  if (name != NULL) note(g, "step: name in column \"%s\"", name->name);
  return guess_run(g, wafer, lot);
}

/* ---- good runs ---- */

static bool is_label(const struct guess_column *c) { return any(c) && c->n_distinct <= GUESS_DISTINCT_MAX; }

static const char *good_value(const struct guess_column *c) {
  for (size_t w = 0; w < TFDC_COUNT(good_values); w++) {
    for (size_t i = 0; i < c->n_distinct; i++) {
      char lower[GUESS_VALUE_MAX];
      size_t n = strlen(c->distinct[i]);
      for (size_t k = 0; k <= n; k++)
        lower[k] =
            (char)(c->distinct[i][k] >= 'A' && c->distinct[i][k] <= 'Z' ? c->distinct[i][k] + 32 : c->distinct[i][k]);
      if (strcmp(lower, good_values[w]) == 0) return c->distinct[i];
    }
  }
  static const char *const one_is_good[] = {"good", "ok", "pass", "normal"};
  const char *wanted = "0";
  for (size_t i = 0; i < TFDC_COUNT(one_is_good); i++)
    if (strcmp(c->word, one_is_good[i]) == 0) wanted = "1";
  for (size_t i = 0; i < c->n_distinct && c->n_distinct == 2; i++)
    if (strcmp(c->distinct[i], wanted) == 0) return c->distinct[i];
  return NULL;
}

static tfdc_rc guess_good(struct guesser *g) {
  struct guess_column *c = FIND(g, label_words, is_label);
  const char *value = c != NULL ? good_value(c) : NULL;
  if (value == NULL) {
    if (c != NULL) c->used = false;
    note(g, "good: nothing says which runs are good; limits are learned from the first ones of each recipe");
    return TFDC_OK;
  }
  struct map_rule *rule = tfdc_arena_alloc(g->mem, sizeof *rule);
  if (rule == NULL) return TFDC_E_NOMEM;
  *rule = (struct map_rule){c->name, tfdc_arena_strdup(g->mem, value)};
  if (rule->equals == NULL) return TFDC_E_NOMEM;
  g->m->good = rule;
  g->m->n_good = 1;
  note(g, "good: runs in which column \"%s\" is \"%s\"", c->name, value);
  if (g->n_tags < TAGS_MAX) g->tags[g->n_tags++] = (struct map_tag){c->word[0] != '\0' ? c->word : c->name, c->name};
  return TFDC_OK;
}

/* ---- readings ---- */

static bool is_svid(const struct guess_column *c) { return is_text(c) || is_whole(c); }

static bool guess_long(struct guesser *g) {
  struct guess_column *value = FIND(g, value_words, is_numeric);
  struct guess_column *svid = value != NULL ? FIND(g, svid_words, is_svid) : NULL;
  if (svid == NULL) {
    if (value != NULL) value->used = false;
    return false;
  }
  const struct guess_column *unit = FIND(g, unit_words, is_text);
  g->m->layout = MAP_LONG;
  g->m->by_row.svid = svid->name;
  g->m->by_row.value = value->name;
  g->m->by_row.unit = unit != NULL ? unit->name : NULL;
  note(g, "layout: long, the SVID in column \"%s\", its reading in column \"%s\"", svid->name, value->name);
  return true;
}

static bool is_counter(const struct guess_column *c) {
  static const char *const words[] = {"sample", "index",   "row", "idx",      "n",
                                      "no",     "counter", "seq", "unnamed0", "rowid"};
  if (!is_whole(c) || !c->counts || c->rises == 0) return false;
  for (size_t i = 0; i < TFDC_COUNT(words); i++)
    if (strcmp(c->word, words[i]) == 0) return true;
  return false;
}

static void guess_tag(struct guesser *g, struct guess_column *c, struct tfdc_buf *unused) {
  if (is_text(c) && c->n_distinct <= GUESS_DISTINCT_MAX && g->n_tags < TAGS_MAX) {
    g->tags[g->n_tags++] = (struct map_tag){c->name, c->name};
    note(g, "tag: column \"%s\" (%zu texts)", c->name, c->n_distinct);
  } else if (unused->size < NOTE_MAX - 300) {
    tfdc_put_fmt(unused, "%s\"%s\"", unused->size > 0 ? ", " : "", c->name);
  }
}

static tfdc_rc guess_rest(struct guesser *g, struct tfdc_error *err) {
  struct map_sensor *list = tfdc_arena_array(g->mem, g->cs.n, sizeof *list);
  struct tfdc_buf unused = {0};
  size_t n = 0;
  if (list == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < g->cs.n; i++) {
    struct guess_column *c = &g->cs.items[i];
    if (c->name == NULL || c->used) continue;
    bool sensor = g->m->layout == MAP_WIDE && is_numeric(c) && !is_counter(c) && n < MAP_SENSORS_MAX;
    for (size_t k = 0; k < n && sensor; k++) sensor = strcmp(list[k].column, c->name) != 0;
    if (!sensor) {
      guess_tag(g, c, &unused);
      continue;
    }
    bool split = c->label != c->name;
    for (size_t k = 0; k < n && split; k++)
      split = strcmp(list[k].name != NULL ? list[k].name : list[k].column, c->label) != 0;
    list[n++] = (struct map_sensor){.column = c->name, .name = split ? c->label : NULL, .unit = c->unit};
  }
  if (unused.size > 0) note(g, "not used: %.*s", (int)unused.size, (const char *)unused.data);
  tfdc_buf_deinit(&unused);
  if (g->m->layout == MAP_WIDE) note(g, "sensors: %zu columns of numbers", n);
  if (g->m->layout == MAP_WIDE && n == 0)
    return tfdc_fail(err, TFDC_E_DEFINITION, "no column of numbers is left for sensors; write a map");
  g->m->sensors = list;
  g->m->n_sensors = n;
  return TFDC_OK;
}

static tfdc_rc keep_tags(struct guesser *g) {
  struct map_tag *tags = tfdc_arena_array(g->mem, g->n_tags, sizeof *tags);
  if (tags == NULL) return TFDC_E_NOMEM;
  if (g->n_tags > 0) memcpy(tags, g->tags, g->n_tags * sizeof *tags);
  g->m->tags = tags;
  g->m->n_tags = g->n_tags;
  return TFDC_OK;
}

static tfdc_rc guess_all(struct guesser *g, struct tfdc_error *err) {
  TFDC_TRY(guess_time(g, err));
  bool by_row = guess_long(g);
  TFDC_TRY(guess_texts(g));
  TFDC_TRY(guess_good(g));
  TFDC_TRY(guess_rest(g, err));
  TFDC_TRY(keep_tags(g));
  if (by_row && g->m->run.n == 0)
    return tfdc_fail(err, TFDC_E_DEFINITION,
                     "no column looks like the name of a run (run, wafer ...); write a map (see `run`)");
  return TFDC_OK;
}

tfdc_rc guess_map(csv_read_fn *read, void *user, const struct csv_look *look, struct tfdc_arena *mem,
                  struct replay_map *ret, const char **ret_notes, struct tfdc_error *err) {
  struct replay_map m = map_defaults;
  m.separator = map_separator_of(look->separator);
  m.decimal = look->decimal_comma ? MAP_DEC_COMMA : MAP_DEC_POINT;
  struct guesser *g = tfdc_arena_alloc(mem, sizeof *g);
  if (g == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the map");
  g->mem = mem;
  g->m = &m;
  TFDC_TRY(guess_columns_read(read, user, look, mem, &g->cs, err));
  tfdc_rc rc = guess_all(g, err);
  const char *notes = rc == TFDC_OK ? tfdc_arena_strndup(mem, (const char *)g->notes.data, g->notes.size) : NULL;
  if ((rc == TFDC_OK && (notes == NULL || g->notes.failed)) || rc == TFDC_E_NOMEM)
    rc = tfdc_fail(err, TFDC_E_NOMEM, "no memory for the map");
  tfdc_buf_deinit(&g->notes);
  TFDC_TRY(rc);
  *ret = m;
  *ret_notes = notes;
  return TFDC_OK;
}
