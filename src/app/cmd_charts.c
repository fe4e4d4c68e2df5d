/* SPDX-License-Identifier: Apache-2.0
 * tfdc charts: which charts there are; the points of one, with its limits, and a plot in text. */
#include "app/commands.h"
#include "app/definitions.h"
#include "app/filter.h"
#include "app/json_get.h"
#include "app/session.h"
#include "app/text_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct args {
  struct client_args client;
  struct filter filter; /* exact ids here */
  const char *strategy, *partition, *verdict;
  int64_t limit;
  bool plot;
};

/* ---- which charts there are ---- */

static void chart_row(struct text_table *t, const json_t *def, const json_t *chart) {
  char a[40], text[120];
  text_table_cell(t, json_get_text(def, "id"));
  text_table_cell(t, text_count(json_get_int(def, "version", 0), a));
  text_table_cell(t, json_get_text(chart, "chart"));
  const json_t *alarm = json_object_get(chart, "alarm"), *fixed = json_object_get(chart, "limits");
  (void)snprintf(text, sizeof text, "%s%s", json_is_false(alarm) ? "no" : "yes",
                 json_get_bool(chart, "optional") ? ", optional" : "");
  text_table_cell(t, text);
  if (json_is_object(fixed)) {
    char b[40];
    (void)snprintf(text, sizeof text, "%s..%s", text_value(json_get_real(fixed, "lcl"), a),
                   text_value(json_get_real(fixed, "ucl"), b));
  }
  text_table_cell(t, json_is_object(fixed) ? text : "learned");
  text_table_cell(t, json_get_text(chart, "eq"));
}

static tfdc_rc list_charts(const json_t *defs, const struct args *args, struct tfdc_error *err) {
  static const struct text_column columns[] = {{"STRATEGY", false}, {"VERSION", true}, {"CHART", false},
                                               {"ALARMS", false},   {"LIMITS", false}, {"EQUATION", false}};
  struct text_table t;
  text_table_begin(&t, columns, TFDC_COUNT(columns), stdout);
  tfdc_rc rc = TFDC_OK;
  size_t n = 0;
  for (size_t i = 0; i < json_array_size(defs) && rc == TFDC_OK; i++) {
    const json_t *def = json_array_get(defs, i), *charts = json_object_get(json_object_get(def, "body"), "charts");
    for (size_t k = 0; k < json_array_size(charts) && rc == TFDC_OK; k++, n++) {
      json_t *chart = json_array_get(charts, k);
      if (!args->client.json) {
        chart_row(&t, def, chart);
        continue;
      }
      json_t *line = json_pack("{s:s, s:I, s:O}", "strategy", json_get_text(def, "id"), "version",
                               (json_int_t)json_get_int(def, "version", 0), "chart", chart);
      rc = line == NULL ? tfdc_fail(err, TFDC_E_NOMEM, "charts") : text_print_json(stdout, line, err);
      json_decref(line);
    }
  }
  tfdc_rc ended = text_table_end(&t, rc == TFDC_OK ? err : NULL);
  if (rc == TFDC_OK && n == 0 && !args->client.json)
    (void)fprintf(stderr, "no charts: `tfdc learn` makes some from good runs, `tfdc apply` takes yours\n");
  return rc == TFDC_OK ? ended : rc;
}

/* ---- the points of one ---- */

enum { PLOT_COLUMNS = 41, LIMIT_MAX = 1000000 };

struct points {
  const struct args *args;
  struct text_table table;
  json_t **newest; /* a ring of --limit rows; NULL where all are shown as they come */
  size_t n;
  tfdc_rc rc;
  struct tfdc_error *err;
};

static size_t column_of(double v, double low, double high) {
  double at = (v - low) / (high - low) * (PLOT_COLUMNS - 1);
  return at <= 0 ? 0 : at >= PLOT_COLUMNS - 1 ? PLOT_COLUMNS - 1 : (size_t)(at + 0.5);
}

/* The limits as '|', the centre as ':', the point as its mark; what is off the scale as an arrow at the edge. */
static void plot(const json_t *p, char *text) {
  double value = json_get_real(p, "value"), lcl = json_get_real(p, "lcl"), ucl = json_get_real(p, "ucl");
  double centre = json_get_real(p, "centre");
  text[0] = '\0';
  if (isnan(lcl) && isnan(ucl)) return;
  double width =
      isnan(lcl) || isnan(ucl) ? 2 * fabs((isnan(lcl) ? ucl : lcl) - (isnan(centre) ? 0 : centre)) : ucl - lcl;
  double low = (isnan(lcl) ? ucl - width : lcl) - 0.3 * width, high = (isnan(ucl) ? lcl + width : ucl) + 0.3 * width;
  if (!(high > low)) return;
  memset(text, ' ', PLOT_COLUMNS);
  text[PLOT_COLUMNS] = '\0';
  if (!isnan(centre)) text[column_of(centre, low, high)] = ':';
  if (!isnan(lcl)) text[column_of(lcl, low, high)] = '|';
  if (!isnan(ucl)) text[column_of(ucl, low, high)] = '|';
  if (isnan(value)) return;
  bool bad = strcmp(json_get_text(p, "verdict"), "OOC") == 0 || strcmp(json_get_text(p, "verdict"), "ACTION") == 0;
  text[column_of(value, low, high)] = value < low ? '<' : value > high ? '>' : bad ? 'X' : 'o';
}

static void point_row(struct text_table *t, const json_t *row, const json_t *p, bool with_plot) {
  char a[40], text[64];
  text_table_cell(t, text_time(json_get_time(row, "order_us"), a));
  (void)snprintf(text, sizeof text, "%.12s", json_get_text(row, "context_id"));
  text_table_cell(t, text);
  text_table_cell(t, json_get_text(row, "partition"));
  text_table_cell(t, json_get_text(row, "substrate_id"));
  const char *verdict = json_get_text(p, "verdict");
  bool not_judged = strcmp(verdict, "NOT_JUDGED") == 0;
  (void)snprintf(text, sizeof text, "%s%s%s%s", verdict, not_judged ? "(" : "",
                 not_judged ? json_get_text(p, "reason") : "", not_judged ? ")" : "");
  text_table_styled(t, text_style_of_verdict(verdict), text);
  static const char *const reals[] = {"value", "lcl", "centre", "ucl"};
  for (size_t i = 0; i < TFDC_COUNT(reals); i++) text_table_cell(t, text_value(json_get_real(p, reals[i]), a));
  double score = json_get_real(p, "score");
  (void)snprintf(text, sizeof text, "%.2f", score);
  text_table_cell(t, isnan(score) ? NULL : text);
  if (!with_plot) return;
  plot(p, text);
  text_table_styled(t, text_style_of_verdict(verdict), text);
}

static bool is_wanted(const struct args *a, const json_t *row) {
  const json_t *p = json_array_get(json_object_get(row, "points"), 0);
  if (p == NULL || !filter_takes(&a->filter, row)) return false; /* without points: its strategy had other charts */
  return a->verdict == NULL || strcmp(a->verdict, json_get_text(p, "verdict")) == 0;
}

static bool show_row(struct points *s, const json_t *row) {
  const json_t *points = json_object_get(row, "points");
  if (s->args->client.json) s->rc = text_print_json(stdout, row, s->err);
  for (size_t i = 0; i < json_array_size(points) && !s->args->client.json; i++)
    point_row(&s->table, row, json_array_get(points, i), s->args->plot);
  return s->rc == TFDC_OK && !ferror(stdout);
}

static bool on_row(void *user, json_t *row) {
  struct points *s = user;
  if (!is_wanted(s->args, row)) return true;
  size_t at = s->n++;
  if (s->newest == NULL) return show_row(s, row);
  at %= (size_t)s->args->limit;
  json_decref(s->newest[at]);
  s->newest[at] = json_incref(row);
  return true;
}

static void show_newest(struct points *s) {
  size_t limit = (size_t)s->args->limit, n = s->n < limit ? s->n : limit;
  bool more = true;
  for (size_t i = 0; i < n; i++) {
    json_t *row = s->newest[(s->n - n + i) % limit];
    if (more) more = show_row(s, row);
    json_decref(row);
  }
  free(s->newest);
}

/* The strategy that has the chart, where only one has. */
static tfdc_rc choose_strategy(struct session *s, const char *chart, char ret[65]) {
  json_t *defs = NULL;
  ret[0] = '\0';
  TFDC_TRY(definitions_get(s->client, "strategy", NULL, &defs, &s->err));
  tfdc_rc rc = TFDC_OK;
  for (size_t i = 0; i < json_array_size(defs) && rc == TFDC_OK; i++) {
    const json_t *def = json_array_get(defs, i);
    const char *id = json_get_text(def, "id");
    if (definitions_chart(json_object_get(def, "body"), chart) == NULL) continue;
    if (ret[0] != '\0')
      rc = tfdc_fail(&s->err, TFDC_E_USAGE, "chart %s is in %s and in %s: name one with --strategy", chart, ret, id);
    else
      (void)snprintf(ret, 65, "%s", id);
  }
  json_decref(defs);
  if (rc != TFDC_OK || ret[0] != '\0') return rc;
  TFDC_TRY(definitions_check(s->client, NULL, &chart, 1, &s->err));
  return tfdc_fail(&s->err, TFDC_E_NOT_FOUND, "there is no chart %s", chart);
}

struct only {
  char tool[65], chamber[65];
  size_t n;
};

static bool on_chamber(void *user, json_t *c) {
  struct only *o = user;
  (void)snprintf(o->tool, sizeof o->tool, "%s", json_get_text(c, "tool"));
  (void)snprintf(o->chamber, sizeof o->chamber, "%s", json_get_text(c, "chamber"));
  o->n++;
  return o->n < 2;
}

static bool has_param(const struct filter_params *p, const char *name) {
  for (size_t i = 0; i < p->n; i += 2)
    if (strcmp(p->list[i], name) == 0) return true;
  return false;
}

/* Where the chamber was not named and there is but one. */
static tfdc_rc choose_chamber(struct session *s, struct filter_params *p, struct only *only) {
  if (has_param(p, "tool") && has_param(p, "chamber")) return TFDC_OK;
  *only = (struct only){.n = 0};
  TFDC_TRY(client_list(s->client, "/api/v1/chambers", p->list, "chambers", 2, on_chamber, only, &s->err));
  if (only->n == 0) return tfdc_fail(&s->err, TFDC_E_NOT_FOUND, "no such chamber");
  if (only->n > 1)
    return tfdc_fail(&s->err, TFDC_E_USAGE, "there are several chambers: name one with --chamber TOOL:CHAMBER");
  p->n = 0;
  filter_add(p, "tool", only->tool);
  filter_add(p, "chamber", only->chamber);
  return TFDC_OK;
}

static tfdc_rc print_points(struct session *s, const struct filter_params *p, const char *chart,
                            const struct args *args) {
  static const struct text_column columns[] = {
      {"ENDED", false}, {"RUN", false},   {"PARTITION", false}, {"WAFER", false}, {"VERDICT", false}, {"VALUE", true},
      {"LCL", true},    {"CENTRE", true}, {"UCL", true},        {"SCORE", true},  {"", false}};
  struct points out = {.args = args, .err = &s->err};
  size_t limit = (size_t)args->limit;
  out.newest = limit > 0 ? calloc(limit, sizeof(json_t *)) : NULL;
  if (limit > 0 && out.newest == NULL) return tfdc_fail(&s->err, TFDC_E_NOMEM, "%zu points", limit);
  text_table_begin(&out.table, columns, TFDC_COUNT(columns) - (args->plot ? 0 : 1), stdout);
  tfdc_rc rc = client_list(s->client, "/api/v1/charts", p->list, "points", 0, on_row, &out, &s->err);
  if (out.newest != NULL) show_newest(&out);
  if (rc == TFDC_OK) rc = out.rc;
  tfdc_rc ended = text_table_end(&out.table, rc == TFDC_OK ? &s->err : NULL);
  if (rc == TFDC_OK) rc = ended;
  if (rc == TFDC_OK && out.n == 0) rc = definitions_check(s->client, args->strategy, &chart, 1, &s->err);
  if (rc == TFDC_OK && out.n == 0 && !args->client.json) (void)fprintf(stderr, "no point fits\n");
  return rc;
}

static tfdc_rc show_points(struct session *s, const char *chart, const struct args *args) {
  char strategy[65], from[24], to[24];
  struct filter_params p;
  struct only only;
  if (args->strategy == NULL) TFDC_TRY(choose_strategy(s, chart, strategy));
  TFDC_TRY(filter_params(&(struct filter){.tool = args->filter.tool, .chamber = args->filter.chamber}, &p, &s->err));
  TFDC_TRY(choose_chamber(s, &p, &only));
  (void)snprintf(from, sizeof from, "%" PRId64, args->filter.from_us);
  (void)snprintf(to, sizeof to, "%" PRId64, args->filter.to_us);
  filter_add(&p, "strategy", args->strategy != NULL ? args->strategy : strategy);
  filter_add(&p, "chart", chart);
  filter_add(&p, "partition", args->partition);
  filter_add(&p, "from", args->filter.from_us != 0 ? from : NULL);
  filter_add(&p, "to", args->filter.to_us != 0 ? to : NULL);
  return print_points(s, &p, chart, args);
}

static tfdc_rc show_list(struct session *s, const struct args *args) {
  json_t *defs = NULL;
  if (args->strategy != NULL) TFDC_TRY(definitions_check(s->client, args->strategy, NULL, 0, &s->err));
  TFDC_TRY(definitions_get(s->client, "strategy", args->strategy, &defs, &s->err));
  tfdc_rc rc = list_charts(defs, args, &s->err);
  json_decref(defs);
  return rc;
}

int cmd_charts(int argc, char **argv) {
  struct args args = {.plot = isatty(STDOUT_FILENO) == 1};
  const struct cli_option options[] = {
      {"strategy", CLI_TEXT, &args.strategy, "ID", "of this strategy"},
      {"tool", CLI_TEXT, &args.filter.tool, "TOOL", "of this tool"},
      {"chamber", CLI_TEXT, &args.filter.chamber, "TOOL:CHAMBER", "of this chamber; needed where there are several"},
      {"partition", CLI_TEXT, &args.partition, "TEXT", "of this partition, such as the recipe"},
      {"recipe", CLI_TEXT, &args.filter.recipe, "GLOB", "points of this recipe"},
      {"lot", CLI_TEXT, &args.filter.lot, "GLOB", "points of this lot"},
      {"wafer", CLI_TEXT, &args.filter.wafer, "GLOB", "points of this wafer"},
      {"verdict", CLI_TEXT, &args.verdict, "VERDICT", "points with this verdict"},
      FILTER_TIME_OPTIONS(&args.filter),
      {"limit", CLI_INT, &args.limit, "N", "the newest N points, 0 = all [0]"},
      {"plot", CLI_FLAG, &args.plot, NULL, "draw each point between its limits [on a terminal]"},
      CLIENT_OPTIONS(&args.client)};
  const struct cli_command command = {
      .name = "charts",
      .summary = "lists the charts of the strategies in force, or the points of one with the limits that judged them",
      .operands = "[CHART]",
      .example = "tfdc charts\ntfdc charts Press_ME_mean --chamber ETCH-01:A --partition POLY_ETCH_3 --from -7d --plot",
      .more = "The plot shows the limits as |, the centre as :, a point as o, one beyond its limits as X, one off the\n"
              "scale as < or >. SCORE is the distance from the centre in units of the limit: above 1 is beyond it.\n"
              "Exit status: 0; 4 when there is no such chart or chamber.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args.client, (const int[]){0, 1}, &argc, argv, &status)) return status;
  tfdc_rc rc = args.limit < 0 || args.limit > LIMIT_MAX
                   ? tfdc_fail(&s.err, TFDC_E_USAGE, "--limit is 0 to %d", LIMIT_MAX)
               : argc > 1 ? show_points(&s, argv[1], &args)
                          : show_list(&s, &args);
  if (rc == TFDC_OK) rc = text_flush(stdout, &s.err);
  return session_end(&s, rc);
}
