/* SPDX-License-Identifier: Apache-2.0
 * tfdc runs: list and search. */
#include "app/commands.h"
#include "app/json_get.h"
#include "app/listing.h"

#include <string.h>

enum { ID_SHOWN = 12 };

static void row_of(struct session *s, struct text_table *t, const json_t *run) {
  (void)s;
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

static tfdc_rc list(struct session *s, const struct filter *f, bool oldest, int64_t limit, bool json) {
  static const struct text_column columns[] = {{"RUN", false},     {"ENDED", false}, {"CHAMBER", false},
                                               {"RECIPE", false},  {"LOT", false},   {"WAFER", false},
                                               {"VERDICT", false}, {"JUDGED", true}, {"WHY", false}};
  const struct listing runs = {.path = "/api/v1/runs",
                               .member = "runs",
                               .noun = "run",
                               .first = oldest ? "oldest" : "newest",
                               .columns = columns,
                               .n_columns = TFDC_COUNT(columns),
                               .row = row_of};
  struct filter_params params;
  if (limit < 0) return tfdc_fail(&s->err, TFDC_E_USAGE, "--limit is negative");
  TFDC_TRY(filter_params(f, &params, &s->err));
  if (!oldest) filter_add(&params, "newest", "1");
  return listing_print(s, &runs, &params, (size_t)limit, json);
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
  return session_end(&s, list(&s, &f, oldest, limit, args.json));
}
