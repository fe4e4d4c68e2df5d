/* SPDX-License-Identifier: Apache-2.0
 * tfdc runs: list and search. */
#include "app/commands.h"
#include "app/filter.h"
#include "app/json_get.h"
#include "app/session.h"
#include "app/text_out.h"

#include <string.h>

enum { ID_SHOWN = 12 };

struct listing {
  bool json;
  struct text_table table;
  size_t n;
  tfdc_rc rc;
  struct tfdc_error *err;
};

static void row_of(struct text_table *t, const json_t *run) {
  const json_t *c = json_object_get(run, "context"), *v = json_object_get(run, "verdict");
  char text[256], a[40];
  bool open = json_get_int(c, "revision", 0) == 0;
  (void)snprintf(text, sizeof text, "%.*s", ID_SHOWN, json_get_text(c, "context_id"));
  text_table_cell(t, text);
  text_table_cell(t, text_time(json_get_time(c, open ? "start_us" : "order_us"), a));
  (void)snprintf(text, sizeof text, "%.64s:%.64s", json_get_text(c, "tool"), json_get_text(c, "chamber"));
  text_table_cell(t, text);
  text_table_cell(t, json_get_text(c, "recipe_id"));
  text_table_cell(t, json_get_text(c, "lot_id"));
  text_table_cell(t, json_get_text(c, "substrate_id"));
  const char *verdict = json_get_text(v, "verdict");
  if (verdict[0] != '\0')
    text_table_styled(t, text_style_of_verdict(verdict), verdict);
  else
    text_table_styled(t, TEXT_DIM, strcmp(json_get_text(c, "state"), "OPEN") == 0 ? "open" : "waiting");
  text[0] = '\0';
  if (verdict[0] != '\0')
    (void)snprintf(text, sizeof text, "%lld/%lld", (long long)json_get_int(v, "judged", 0),
                   (long long)json_get_int(v, "charts", 0));
  text_table_cell(t, text);
  const char *why = json_get_text(v, "text"), *reason = json_get_text(v, "reason");
  text_table_cell(t, why[0] != '\0' ? why : strcmp(reason, "NONE") == 0 ? "" : reason);
}

static bool on_run(void *user, json_t *run) {
  struct listing *l = user;
  l->n++;
  if (l->json)
    l->rc = text_print_json(stdout, run, l->err);
  else
    row_of(&l->table, run);
  return l->rc == TFDC_OK;
}

static tfdc_rc list(struct session *s, const struct filter *f, bool oldest, int64_t limit, bool json) {
  static const struct text_column columns[] = {{"RUN", false},     {"ENDED", false}, {"CHAMBER", false},
                                               {"RECIPE", false},  {"LOT", false},   {"WAFER", false},
                                               {"VERDICT", false}, {"JUDGED", true}, {"WHY", false}};
  struct filter_params params;
  TFDC_TRY(filter_params(f, &params, &s->err));
  if (!oldest) filter_add(&params, "newest", "1");
  struct listing l = {.json = json, .err = &s->err};
  text_table_begin(&l.table, columns, TFDC_COUNT(columns), stdout);
  size_t most = limit == 0 ? 0 : (size_t)limit;
  tfdc_rc rc = client_list(s->client, "/api/v1/runs", params.list, "runs", most, on_run, &l, &s->err);
  if (rc == TFDC_OK) rc = l.rc;
  tfdc_rc ended = text_table_end(&l.table, rc == TFDC_OK ? &s->err : NULL);
  if (rc == TFDC_OK) rc = ended;
  if (rc == TFDC_OK && !json && l.n == 0) (void)fprintf(stderr, "no run fits\n");
  if (rc == TFDC_OK && !json && most != 0 && l.n == most)
    (void)fprintf(stderr, "the %s %zu; --limit 0 lists all\n", oldest ? "oldest" : "newest", l.n);
  return rc;
}

int cmd_runs(int argc, char **argv) {
  struct client_args args = {0};
  struct filter f = {0};
  int64_t limit = 100;
  bool oldest = false;
  const struct cli_option options[] = {
      FILTER_RUN_OPTIONS(&f),
      {"verdict", CLI_TEXT, &f.verdict, "VERDICT", "OK, WARN, OOC, ACTION or NOT_JUDGED"},
      {"state", CLI_TEXT, &f.state, "STATE", "OPEN or CLOSED"},
      {"limit", CLI_INT, &limit, "N", "at most so many rows, 0 = all [100]"},
      {"oldest", CLI_FLAG, &oldest, NULL, "oldest first [newest first]"},
      CLIENT_OPTIONS(&args)};
  const struct cli_command command = {
      .name = "runs",
      .summary = "lists and searches runs with their verdicts, newest first",
      .operands = "",
      .example = "tfdc runs --chamber ETCH-01:A --verdict OOC --from -24h\n"
                 "tfdc runs --lot 'LOT-77*' --limit 0 --json | jq -r .context.context_id",
      .more =
          "GLOB takes * and ?. ENDED is the run's order time (while it is open: its start); JUDGED says how many of\n"
          "its charts were judged. --json prints one object a line: {\"context\":..., \"verdict\":...}.\n"
          "Exit status: 0 also where no run fits.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args, (const int[]){0, 0}, &argc, argv, &status)) return status;
  tfdc_rc rc =
      limit < 0 ? tfdc_fail(&s.err, TFDC_E_USAGE, "--limit is negative") : list(&s, &f, oldest, limit, args.json);
  return session_end(&s, rc);
}
