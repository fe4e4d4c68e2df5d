/* SPDX-License-Identifier: Apache-2.0
 * tfdc learn: charts and limits from good runs. */
#include "app/commands.h"
#include "app/filter.h"
#include "app/in_file.h"
#include "app/json_get.h"
#include "app/judged_wait.h"
#include "app/learn_print.h"
#include "app/session.h"
#include "app/text_out.h"
#include "model/records.h"

#include <inttypes.h>
#include <stdlib.h>

struct args {
  struct client_args client;
  struct filter filter;
  const char *strategy, *tool_type, *charts, *partition, *good, *author, *comment;
  int64_t runs, charts_max, effective_us;
  double alpha;
  bool no_rejudge, wait;
};

/* Of a file nobody judges the runs again. */
static bool rejudges(const struct session *s, const struct args *a) {
  return !a->no_rejudge && !client_is_file(s->client);
}

static tfdc_rc post(struct session *s, const struct args *a, const char *good, json_t **ret) {
  char runs[24], charts_max[24], effective[24], alpha[40];
  (void)snprintf(runs, sizeof runs, "%" PRId64, a->runs);
  (void)snprintf(charts_max, sizeof charts_max, "%" PRId64, a->charts_max);
  (void)snprintf(effective, sizeof effective, "%" PRId64, a->effective_us);
  (void)snprintf(alpha, sizeof alpha, "%.17g", a->alpha);
  struct filter_params p;
  TFDC_TRY(filter_params(&a->filter, &p, &s->err));
  filter_add(&p, "strategy", a->strategy);
  filter_add(&p, "tool_type", a->tool_type);
  filter_add(&p, "charts", a->charts);
  filter_add(&p, "partition", a->partition);
  filter_add(&p, "author", a->author != NULL ? a->author : getenv("USER"));
  filter_add(&p, "comment", a->comment);
  filter_add(&p, "runs_per_group", a->runs != 0 ? runs : NULL);
  filter_add(&p, "charts_max", a->charts_max != 0 ? charts_max : NULL);
  filter_add(&p, "effective_us", a->effective_us != MODEL_NO_TIME ? effective : NULL);
  filter_add(&p, "alpha", a->alpha > 0 ? alpha : NULL);
  filter_add(&p, "rejudge", rejudges(s, a) ? "1" : "0");
  return client_job(s->client, "/api/v1/learn", p.list, good, ret, &s->err);
}

static tfdc_rc learn(struct session *s, const struct args *a) {
  struct tfdc_buf file = {0};
  const char *good = a->good;
  if (good != NULL && good[0] == '@') {
    TFDC_TRY(in_file_read(good + 1, &file, &s->err));
    good = (const char *)file.data;
  }
  json_t *result = NULL;
  int64_t since_us = 0;
  tfdc_rc rc = a->wait ? judged_wait_begin(s, &since_us) : TFDC_OK;
  if (rc == TFDC_OK) rc = post(s, a, good, &result);
  tfdc_buf_deinit(&file);
  if (rc == TFDC_OK && a->wait) rc = judged_wait(s, &a->filter, since_us, json_get_int(result, "rejudged", 0));
  if (rc == TFDC_OK && a->client.json) rc = text_print_json(stdout, result, &s->err);
  if (rc == TFDC_OK && !a->client.json) rc = learn_print(result, stdout, &s->err);
  if (rc == TFDC_OK) rc = text_flush(stdout, &s->err);
  if (rc == TFDC_OK && !a->no_rejudge && !rejudges(s, a))
    (void)fprintf(stderr, "runs judged before keep their verdicts: start `tfdc dev`, then `tfdc rejudge --all`\n");
  json_decref(result);
  return rc;
}

int cmd_learn(int argc, char **argv) {
  struct args a = {.effective_us = MODEL_NO_TIME};
  const struct cli_option options[] = {
      {"strategy", CLI_TEXT, &a.strategy, "ID", "one strategy for all the runs [one for each tool type and recipe]"},
      {"tool-type", CLI_TEXT, &a.tool_type, "TYPE", "of this type of tools [every one]"},
      FILTER_CHAMBER_OPTIONS(&a.filter),
      {"recipe", CLI_TEXT, &a.filter.recipe, "GLOB", "from runs of these recipes [all]"},
      FILTER_TIME_OPTIONS(&a.filter),
      {"runs", CLI_INT, &a.runs, "N", "from the first N runs of each chamber and recipe [25]"},
      {"good", CLI_TEXT, &a.good, "ID,ID...",
       "from these runs instead; @FILE reads their ids from a file, @- from stdin"},
      {"charts", CLI_TEXT, &a.charts, "auto|keep", "make the charts, or keep those of --strategy [auto]"},
      {"charts-max", CLI_INT, &a.charts_max, "N", "make at most so many [1000]"},
      {"partition", CLI_TEXT, &a.partition, "FIELDS", "context fields that split the limits [recipe_id]"},
      {"alpha", CLI_REAL, &a.alpha, "P", "share of good runs that may be judged out of control [0.01]"},
      {"effective", CLI_TIME, &a.effective_us, "TIME", "judges runs from then on [all runs, also old ones]"},
      {"no-rejudge", CLI_FLAG, &a.no_rejudge, NULL, "leave the verdicts of runs that were judged before"},
      {"wait", CLI_FLAG, &a.wait, NULL, "until the runs are judged again"},
      {"author", CLI_TEXT, &a.author, "NAME", "who made it [$USER]"},
      {"comment", CLI_TEXT, &a.comment, "TEXT", "why"},
      CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "learn",
      .summary = "makes charts and limits from good runs, puts them in force and judges the runs by them",
      .operands = "",
      .example = "tfdc learn\n"
                 "tfdc learn --strategy etch_main --charts keep --recipe 'POLY*' --runs 40\n"
                 "tfdc runs --verdict OK --limit 50 --json | jq -r .context.context_id | tfdc learn --good @-",
      .more = "docs/learning.md says how. It prints the groups, how many charts each got, and which were left out and\n"
              "why. WIDTH is the width of the limits in standard deviations.\n"
              "Exit status: 0; 2 when it cannot learn, such as from too few runs.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &a.client, (const int[]){0, 0}, &argc, argv, &status)) return status;
  tfdc_rc rc = a.runs < 0 || a.charts_max < 0
                   ? tfdc_fail(&s.err, TFDC_E_USAGE, "--runs and --charts-max are not negative")
                   : learn(&s, &a);
  return session_end(&s, rc);
}
