/* SPDX-License-Identifier: Apache-2.0
 * tfdc export: points of U-charts, or the traces of runs, as CSV (RFC 4180). */
#include "app/commands.h"
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
  const char *strategy, *partition, *output;
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

static tfdc_rc check(struct session *s, int argc, char **argv, const struct args *a) {
  bool trace = strcmp(argv[1], "trace") == 0, filters = !filter_is_empty(&a->filter);
  if (!trace && strcmp(argv[1], "charts") != 0)
    return tfdc_fail(&s->err, TFDC_E_USAGE, "export what: charts or trace, not '%s'", argv[1]);
  if (!trace && argc > 2) return tfdc_fail(&s->err, TFDC_E_USAGE, "unexpected argument %s", argv[2]);
  if (trace && argc == 2 && !filters)
    return tfdc_fail(&s->err, TFDC_E_USAGE, "which runs: the IDs, or options such as --lot");
  if (trace && argc > 2 && filters) return tfdc_fail(&s->err, TFDC_E_USAGE, "either IDs or options that choose runs");
  if (trace && a->wide && argc != 3)
    return tfdc_fail(&s->err, TFDC_E_USAGE, "--wide is for one run, since each has columns of its own");
  if (!trace && (a->svids.n > 0 || a->wide))
    return tfdc_fail(&s->err, TFDC_E_USAGE, "--svid and --wide are for `export trace`");
  if (!trace && (a->filter.product != NULL || a->filter.verdict != NULL))
    return tfdc_fail(&s->err, TFDC_E_USAGE, "--product and --verdict are for `export trace`");
  if (trace && (a->charts.n > 0 || a->strategy != NULL || a->partition != NULL))
    return tfdc_fail(&s->err, TFDC_E_USAGE, "--chart, --strategy and --partition are for `export charts`");
  return TFDC_OK;
}

static tfdc_rc run(struct session *s, int argc, char **argv, const struct args *a) {
  struct out_file out;
  TFDC_TRY(check(s, argc, argv, a));
  TFDC_TRY(out_file_open(&out, a->output, &s->err));
  const struct export_points what = {.filter = &a->filter,
                                     .strategy = a->strategy,
                                     .partition = a->partition,
                                     .charts = &a->charts,
                                     .json = a->client.json};
  tfdc_rc rc = strcmp(argv[1], "trace") == 0 ? traces(s, argc, argv, a, out.f) : export_points(s, &what, out.f);
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
      {"wide", CLI_FLAG, &a.wide, NULL, "trace: a column for each SVID, its unit in the title [a line a reading]"},
      CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "export",
      .summary = "points of U-charts, or the traces of runs, as CSV (RFC 4180, UTF-8)",
      .operands = "charts | trace [ID ...]",
      .example = "tfdc export charts --chamber ETCH-01:A --from -7d -o points.csv\n"
                 "tfdc export trace 3f9a01c2 --svid Press --svid 'RF Power' --wide -o run.csv\n"
                 "tfdc export trace --lot LOT-77 --svid Press > lot.csv",
      .more = "Numbers read back as the same bits; what is not known is empty. --json prints a JSON object a line\n"
              "instead of CSV. The table that --wide writes can be read again by `tfdc replay`.\n"
              "Exit status: 0 also where nothing fits; 4 when there is no such run, SVID or chamber.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &a.client, (const int[]){1, RUNS_MAX}, &argc, argv, &status)) return status;
  return session_end(&s, run(&s, argc, argv, &a));
}
