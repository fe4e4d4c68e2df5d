/* SPDX-License-Identifier: Apache-2.0
 * tfdc export: points of U-charts and the traces of runs as CSV (RFC 4180); definitions as YAML. */
#include "app/commands.h"
#include "app/export_defs.h"
#include "app/export_points.h"
#include "app/export_trace.h"
#include "app/find.h"
#include "app/json_get.h"
#include "app/out_file.h"

#include <string.h>

enum { RUNS_MAX = 1000 }; /* named at once */

struct args {
  struct client_args client;
  struct filter filter;
  const char *strategy, *partition, *kind, *output;
  struct cli_list charts, svids;
  bool wide;
};

/* ---- the traces of runs ---- */

struct chosen {
  struct session *s;
  struct export_trace *t;
  size_t n;
  tfdc_rc rc;
};

static bool on_run(void *user, json_t *run) {
  struct chosen *c = user;
  char id[33];
  (void)snprintf(id, sizeof id, "%s", json_get_text(json_object_get(run, "context"), "context_id"));
  c->n++;
  c->rc = export_trace(c->t, id, &c->s->err);
  return c->rc == TFDC_OK && !ferror(c->t->out);
}

static tfdc_rc chosen_runs(struct session *s, const struct filter *f, struct export_trace *t) {
  struct chosen c = {.s = s, .t = t};
  struct filter_params p;
  TFDC_TRY(filter_params(f, &p, &s->err));
  TFDC_TRY(client_list(s->client, "/api/v1/runs", p.list, "runs", 0, on_run, &c, &s->err));
  if (c.n == 0) (void)fprintf(stderr, "no run fits\n");
  return c.rc;
}

static tfdc_rc named_runs(struct session *s, int argc, char **argv, struct export_trace *t) {
  for (int i = 2; i < argc && !ferror(t->out); i++) {
    char id[33];
    TFDC_TRY(find_run(s->client, argv[i], id, &s->err));
    TFDC_TRY(export_trace(t, id, &s->err));
  }
  return TFDC_OK;
}

static tfdc_rc traces(struct session *s, int argc, char **argv, const struct args *a, FILE *out) {
  struct cli_progress progress;
  cli_progress_begin(&progress, "readings");
  struct export_trace t = {.client = s->client,
                           .out = out,
                           .svids = &a->svids,
                           .wide = a->wide,
                           .json = a->client.json,
                           .progress = &progress};
  tfdc_rc rc = argc > 2 ? named_runs(s, argc, argv, &t) : chosen_runs(s, &a->filter, &t);
  cli_progress_end(&progress);
  return rc;
}

/* ---- the command ---- */

enum what { CHARTS, TRACE, DEFINITIONS, WHATS };
static const char *const whats[WHATS] = {"charts", "trace", "definitions"};

/* Options that say nothing of what is exported would else be ignored in silence. */
static tfdc_rc check_options(struct session *s, enum what what, const struct args *a) {
  const struct filter *f = &a->filter;
  const struct {
    const char *names;
    bool given, fits;
  } rows[] = {{"--svid", a->svids.n > 0, what == TRACE},
              {"--wide", a->wide, what != DEFINITIONS},
              {"--product and --verdict", f->product != NULL || f->verdict != NULL, what == TRACE},
              {"--chart, --strategy and --partition", a->charts.n > 0 || a->strategy != NULL || a->partition != NULL,
               what == CHARTS},
              {"--kind", a->kind != NULL, what == DEFINITIONS},
              {"options that choose runs", !filter_is_empty(f), what != DEFINITIONS}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++)
    if (rows[i].given && !rows[i].fits)
      return tfdc_fail(&s->err, TFDC_E_USAGE, "no %s with `export %s`", rows[i].names, whats[what]);
  return TFDC_OK;
}

static tfdc_rc check_runs(struct session *s, int argc, const struct args *a) {
  bool filters = !filter_is_empty(&a->filter);
  if (argc == 2 && !filters) return tfdc_fail(&s->err, TFDC_E_USAGE, "which runs: the IDs, or options such as --lot");
  if (argc > 2 && filters) return tfdc_fail(&s->err, TFDC_E_USAGE, "either IDs or options that choose runs");
  if (a->wide && argc != 3)
    return tfdc_fail(&s->err, TFDC_E_USAGE, "--wide is for one run, since each has columns of its own");
  return TFDC_OK;
}

static tfdc_rc check(struct session *s, int argc, char **argv, const struct args *a, enum what *ret) {
  enum what what = CHARTS;
  while (what < WHATS && strcmp(whats[what], argv[1]) != 0) what++;
  if (what == WHATS)
    return tfdc_fail(&s->err, TFDC_E_USAGE, "export what: charts, trace or definitions, not '%s'", argv[1]);
  if (what == CHARTS && argc > 2) return tfdc_fail(&s->err, TFDC_E_USAGE, "unexpected argument %s", argv[2]);
  TFDC_TRY(check_options(s, what, a));
  if (what == TRACE) TFDC_TRY(check_runs(s, argc, a));
  *ret = what;
  return TFDC_OK;
}

static tfdc_rc write_what(struct session *s, enum what what, int argc, char **argv, const struct args *a, FILE *out) {
  const struct export_points points = {.filter = &a->filter,
                                       .strategy = a->strategy,
                                       .partition = a->partition,
                                       .charts = &a->charts,
                                       .wide = a->wide,
                                       .json = a->client.json};
  if (what == TRACE) return traces(s, argc, argv, a, out);
  if (what == CHARTS) return export_points(s, &points, out);
  return export_defs(s->client, a->kind, argv + 2, (size_t)argc - 2, a->client.json, out, &s->err);
}

static tfdc_rc run(struct session *s, int argc, char **argv, const struct args *a) {
  struct out_file out;
  enum what what = CHARTS;
  TFDC_TRY(check(s, argc, argv, a, &what));
  TFDC_TRY(out_file_open(&out, a->output, &s->err));
  tfdc_rc rc = write_what(s, what, argc, argv, a, out.f);
  return out_file_close(&out, rc, &s->err);
}

int cmd_export(int argc, char **argv) {
  struct args a = {0};
  const struct cli_option options[] = {
      {"output", CLI_TEXT, &a.output, "FILE", "write to FILE, whole or not at all [standard output]"},
      FILTER_RUN_OPTIONS(&a.filter),
      {"verdict", CLI_TEXT, &a.filter.verdict, "VERDICT", "trace: of runs with this verdict"},
      {"strategy", CLI_TEXT, &a.strategy, "ID", "charts: of this strategy [all]"},
      {"chart", CLI_LIST, &a.charts, "CHART", "charts: this chart; may be repeated [all]"},
      {"partition", CLI_TEXT, &a.partition, "TEXT", "charts: of this partition [all]"},
      {"svid", CLI_LIST, &a.svids, "NAME", "trace: this SVID; may be repeated [all]"},
      {"wide", CLI_FLAG, &a.wide, NULL,
       "a column for each chart or SVID, its unit in the title [a line for each value]"},
      {"kind", CLI_TEXT, &a.kind, "KIND", "definitions: strategy or limits [both]"},
      CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "export",
      .summary = "points of U-charts or the traces of runs as CSV (RFC 4180, UTF-8); strategies and limits as YAML",
      .operands = "charts | trace [ID ...] | definitions [ID ...]",
      .example = "tfdc export charts --chamber ETCH-01:A --from -7d -o points.csv\n"
                 "tfdc export charts --strategy etch --wide > runs.csv\n"
                 "tfdc export trace 3f9a01c2 --svid Press --svid 'RF Power' --wide -o run.csv\n"
                 "tfdc export trace --lot LOT-77 --svid Press > lot.csv\n"
                 "tfdc export definitions auto-ETCH-POLY > etch.yaml",
      .more = "Numbers read back as the same bits; what is not known is empty. --json prints a JSON object a line\n"
              "instead. The table of `trace --wide` can be read again by `tfdc replay`, what `definitions` writes by\n"
              "`tfdc apply`.\n"
              "Exit status: 0 also where nothing fits; 4 when there is no such run, SVID or chamber.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &a.client, (const int[]){1, RUNS_MAX}, &argc, argv, &status)) return status;
  return session_end(&s, run(&s, argc, argv, &a));
}
