/* SPDX-License-Identifier: Apache-2.0 */
#include "app/export_points.h"

#include "app/csv_out.h"
#include "app/definitions.h"
#include "app/json_get.h"
#include "app/text_out.h"

static const char of_run[] =
    "order_time,tool,chamber,strategy,partition,context_id,revision,judgement,recipe_id,lot_id,"
    "substrate_id,late";
static const char of_points[] = ",chart,unit,value,n,quality,centre,stddev,lcl,ucl,eq_version,limit_version,verdict,"
                                "reason,score";

struct writer {
  const struct export_points *what;
  FILE *out;
  const char *tool, *chamber, *strategy;
  json_t *columns; /* chart -> unit, of the wide form */
  bool collects;   /* the columns, and writes nothing yet */
  struct tfdc_buf line;
  struct cli_progress progress;
  int64_t n;
};

static void put_run(struct writer *w, const json_t *row) {
  static const char *const of_row[] = {"partition", "context_id", "revision",    "judgement",
                                       "recipe_id", "lot_id",     "substrate_id"};
  const char *const texts[] = {w->tool, w->chamber, w->strategy};
  char time[40];
  struct tfdc_buf *b = &w->line;
  b->size = 0;
  csv_put_text(b, text_time_exact(json_get_time(row, "order_us"), time));
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) {
    csv_next(b);
    csv_put_text(b, texts[i]);
  }
  for (size_t i = 0; i < TFDC_COUNT(of_row); i++) {
    csv_next(b);
    csv_put_value(b, json_object_get(row, of_row[i]));
  }
  csv_next(b);
  csv_put_text(b, json_get_bool(row, "late") ? "true" : "false");
}

static void end_line(struct writer *w) {
  csv_end_line(&w->line);
  (void)fwrite(w->line.data, 1, w->line.size, w->out);
}

static void put_point(struct writer *w, const json_t *row, const json_t *p) {
  static const char *const of_point[] = {"chart",         "unit",    "value",  "n",    "quality",
                                         "centre",        "stddev",  "lcl",    "ucl",  "eq_version",
                                         "limit_version", "verdict", "reason", "score"};
  put_run(w, row);
  for (size_t i = 0; i < TFDC_COUNT(of_point); i++) {
    csv_next(&w->line);
    csv_put_value(&w->line, json_object_get(p, of_point[i]));
  }
  end_line(w);
}

/* ---- a column for each chart ---- */

static bool collect(struct writer *w, const json_t *points) {
  bool ok = true;
  for (size_t i = 0; i < json_array_size(points) && ok; i++) {
    const json_t *p = json_array_get(points, i);
    const char *chart = json_get_text(p, "chart");
    if (json_object_get(w->columns, chart) == NULL)
      ok = json_object_set_new(w->columns, chart, json_string(json_get_text(p, "unit"))) == 0;
  }
  w->line.failed = w->line.failed || !ok;
  return ok;
}

/* The point of a chart; looks first behind the last one found, since both lists mostly have one order. */
static const json_t *point_of(const json_t *points, const char *chart, size_t *at) {
  size_t n = json_array_size(points);
  for (size_t i = 0; i < n; i++) {
    const json_t *p = json_array_get(points, (*at + i) % n);
    if (strcmp(json_get_text(p, "chart"), chart) != 0) continue;
    *at += i + 1;
    return p;
  }
  return NULL;
}

static void put_values(struct writer *w, const json_t *row, const json_t *points) {
  const char *chart;
  json_t *unit;
  size_t at = 0;
  put_run(w, row);
  json_object_foreach(w->columns, chart, unit) {
    csv_next(&w->line);
    csv_put_value(&w->line, json_object_get(point_of(points, chart, &at), "value"));
  }
  end_line(w);
}

static void put_titles(struct writer *w) {
  const char *chart;
  json_t *unit;
  w->line.size = 0;
  tfdc_put(&w->line, of_run, sizeof of_run - 1);
  if (!w->what->wide) tfdc_put(&w->line, of_points, sizeof of_points - 1);
  json_object_foreach(w->columns, chart, unit) {
    csv_next(&w->line);
    csv_put_title(&w->line, chart, json_string_value(unit));
  }
  end_line(w);
}

/* ---- rows ---- */

static bool put_json(struct writer *w, const json_t *row) {
  json_t *with = json_pack("{s:s, s:s, s:s}", "tool", w->tool, "chamber", w->chamber, "strategy", w->strategy);
  bool ok = with != NULL && json_object_update(with, (json_t *)row) == 0;
  if (ok) ok = text_print_json(w->out, with, NULL) == TFDC_OK; /* what cannot be written shows on the file */
  json_decref(with);
  return ok;
}

static bool on_row(void *user, json_t *row) {
  struct writer *w = user;
  const json_t *points = json_object_get(row, "points");
  if (!filter_takes(w->what->filter, row)) return true;
  if (w->collects) return collect(w, points);
  if (w->what->json && !put_json(w, row)) return false;
  if (w->what->wide && !w->what->json && json_array_size(points) > 0) put_values(w, row, points);
  for (size_t i = 0; i < json_array_size(points) && !w->what->json && !w->what->wide; i++)
    put_point(w, row, json_array_get(points, i));
  w->n += (int64_t)json_array_size(points);
  cli_progress_update(&w->progress, (double)w->n, 0);
  return !ferror(w->out) && !w->line.failed;
}

static tfdc_rc export_series(struct session *s, struct writer *w) {
  const struct export_points *what = w->what;
  const struct filter times = {.from_us = what->filter->from_us, .to_us = what->filter->to_us};
  struct filter_params p;
  TFDC_TRY(filter_params(&times, &p, &s->err));
  filter_add(&p, "tool", w->tool);
  filter_add(&p, "chamber", w->chamber);
  filter_add(&p, "strategy", w->strategy);
  filter_add(&p, "partition", what->partition);
  for (size_t i = 0; i < what->charts->n; i++) filter_add(&p, "chart", what->charts->items[i]);
  return client_list(s->client, "/api/v1/charts", p.list, "points", 0, on_row, w, &s->err);
}

static bool add_item(void *user, json_t *item) { return json_array_append(user, item) == 0; }

/* The ids of strategies, as a new array of texts. */
static tfdc_rc strategies_of(struct session *s, const char *named, json_t **ret) {
  json_t *ids = json_array(), *defs = NULL;
  bool ok = ids != NULL && (named == NULL || json_array_append_new(ids, json_string(named)) == 0);
  tfdc_rc rc = TFDC_OK;
  if (ok && named == NULL) rc = definitions_get(s->client, "strategy", NULL, &defs, &s->err);
  for (size_t i = 0; ok && i < json_array_size(defs); i++)
    ok = json_array_append(ids, json_object_get(json_array_get(defs, i), "id")) == 0;
  json_decref(defs);
  if (rc == TFDC_OK && !ok) rc = tfdc_fail(&s->err, TFDC_E_NOMEM, "strategies");
  if (rc == TFDC_OK)
    *ret = ids;
  else
    json_decref(ids);
  return rc;
}

static tfdc_rc export_all(struct session *s, struct writer *w, const json_t *chambers, const json_t *strategies) {
  for (size_t i = 0; i < json_array_size(chambers); i++) {
    for (size_t k = 0; k < json_array_size(strategies); k++) {
      w->tool = json_get_text(json_array_get(chambers, i), "tool");
      w->chamber = json_get_text(json_array_get(chambers, i), "chamber");
      w->strategy = json_string_value(json_array_get(strategies, k));
      TFDC_TRY(export_series(s, w));
      if (ferror(w->out)) return TFDC_OK;
    }
  }
  return w->line.failed ? tfdc_fail(&s->err, TFDC_E_NOMEM, "a line") : TFDC_OK;
}

static tfdc_rc write_all(struct session *s, struct writer *w, const json_t *chambers, const json_t *strategies) {
  if (w->what->json) return export_all(s, w, chambers, strategies);
  if (w->what->wide) { /* the columns are known when all rows were seen once */
    w->columns = json_object();
    if (w->columns == NULL) return tfdc_fail(&s->err, TFDC_E_NOMEM, "columns");
    w->collects = true;
    TFDC_TRY(export_all(s, w, chambers, strategies));
    w->collects = false;
  }
  put_titles(w);
  return export_all(s, w, chambers, strategies);
}

tfdc_rc export_points(struct session *s, const struct export_points *what, FILE *out) {
  const struct filter where = {.tool = what->filter->tool, .chamber = what->filter->chamber};
  struct writer w = {.what = what, .out = out};
  struct filter_params p;
  TFDC_TRY(filter_params(&where, &p, &s->err));
  json_t *chambers = json_array(), *strategies = NULL;
  if (chambers == NULL) return tfdc_fail(&s->err, TFDC_E_NOMEM, "chambers");
  cli_progress_begin(&w.progress, "points");
  tfdc_rc rc = client_list(s->client, "/api/v1/chambers", p.list, "chambers", 0, add_item, chambers, &s->err);
  if (rc == TFDC_OK && json_array_size(chambers) == 0)
    rc = tfdc_fail(&s->err, TFDC_E_NOT_FOUND, "no such chamber at %s", client_where(s->client));
  if (rc == TFDC_OK) rc = strategies_of(s, what->strategy, &strategies);
  if (rc == TFDC_OK) rc = write_all(s, &w, chambers, strategies);
  cli_progress_end(&w.progress);
  if (rc == TFDC_OK && w.n == 0)
    rc = definitions_check(s->client, what->strategy, what->charts->items, what->charts->n, &s->err);
  if (rc == TFDC_OK && w.n == 0) (void)fprintf(stderr, "no point fits\n");
  tfdc_buf_deinit(&w.line);
  json_decref(w.columns);
  json_decref(chambers);
  json_decref(strategies);
  return rc;
}
