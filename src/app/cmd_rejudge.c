/* SPDX-License-Identifier: Apache-2.0
 * tfdc rejudge: runs judged before, by the definitions in force now. */
#include "app/commands.h"
#include "app/filter.h"
#include "app/find.h"
#include "app/json_get.h"
#include "app/judged_wait.h"
#include "app/session.h"
#include "app/text_out.h"

struct args {
  struct client_args client;
  struct filter filter;
  bool all, wait;
};

static tfdc_rc one(struct session *s, const char *text, const struct args *a) {
  char id[33], path[128];
  TFDC_TRY(find_run(s->client, text, id, &s->err));
  find_run_path(id, "/rejudge", path, sizeof path);
  json_t *answer = NULL;
  TFDC_TRY(client_post(s->client, path, NULL, NULL, &answer, &s->err));
  tfdc_rc rc = a->wait ? judged_wait_run(s, id, json_get_int(answer, "judgement", 0)) : TFDC_OK;
  if (rc == TFDC_OK && a->client.json)
    rc = text_print_json(stdout, answer, &s->err);
  else if (rc == TFDC_OK)
    (void)printf("run %s is judged again: judgement %lld\n", id, (long long)json_get_int(answer, "judgement", 0));
  json_decref(answer);
  return rc;
}

static void say(const json_t *result, bool waited) {
  char a[40];
  int64_t gone = json_get_int(result, "without_trace", 0);
  (void)printf("%s runs %s\n", text_count(json_get_int(result, "rejudged", 0), a),
               waited ? "were judged again" : "are judged again; --wait waits for their verdicts");
  if (gone > 0) (void)printf("%s runs keep their verdict: their traces are no longer there\n", text_count(gone, a));
}

static tfdc_rc many(struct session *s, const struct args *a) {
  struct filter_params params;
  int64_t since_us = 0;
  TFDC_TRY(filter_params(&a->filter, &params, &s->err));
  if (a->wait) TFDC_TRY(judged_wait_begin(s, &since_us));
  json_t *result = NULL;
  TFDC_TRY(client_job(s->client, "/api/v1/rejudge", params.list, NULL, &result, &s->err));
  tfdc_rc rc = a->wait ? judged_wait(s, &a->filter, since_us, json_get_int(result, "rejudged", 0)) : TFDC_OK;
  if (rc == TFDC_OK && a->client.json)
    rc = text_print_json(stdout, result, &s->err);
  else if (rc == TFDC_OK)
    say(result, a->wait);
  json_decref(result);
  return rc;
}

int cmd_rejudge(int argc, char **argv) {
  struct args a = {0};
  const struct cli_option options[] = {FILTER_RUN_OPTIONS(&a.filter),
                                       {"verdict", CLI_TEXT, &a.filter.verdict, "VERDICT", "with this verdict now"},
                                       {"all", CLI_FLAG, &a.all, NULL, "every run"},
                                       {"wait", CLI_FLAG, &a.wait, NULL, "until they are judged"},
                                       CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "rejudge",
      .summary = "judges runs again, by the strategies and limits that are in force now",
      .operands = "[ID]",
      .example = "tfdc rejudge 3f9a01c2\ntfdc rejudge --chamber ETCH-01:A --since 24h --wait",
      .more =
          "Judging goes on in the running system, each chamber's runs in their order; the former judgement is kept.\n"
          "ID as of `tfdc inspect`. Runs whose traces are no longer kept keep their verdict.\n"
          "Exit status: 0; 2 without an ID, a filter or --all; 3 when no system runs.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &a.client, (const int[]){0, 1}, &argc, argv, &status)) return status;
  tfdc_rc rc;
  bool empty = filter_is_empty(&a.filter);
  if (argc > 1 && (a.all || !empty))
    rc = tfdc_fail(&s.err, TFDC_E_USAGE, "either an ID or options that choose runs");
  else if (argc == 1 && empty && !a.all)
    rc = tfdc_fail(&s.err, TFDC_E_USAGE, "which runs: an ID, options such as --lot, or --all");
  else if (client_is_file(s.client))
    rc = tfdc_fail(&s.err, TFDC_E_UNAVAILABLE, "%s is a file, and nobody judges there: start `tfdc dev --data %s`",
                   client_where(s.client), client_where(s.client));
  else
    rc = argc > 1 ? one(&s, argv[1], &a) : many(&s, &a);
  if (rc == TFDC_OK) rc = text_flush(stdout, &s.err);
  return session_end(&s, rc);
}
