/* SPDX-License-Identifier: Apache-2.0
 * tfdc report: alarms, U-charts and traces as one HTML file. */
#include "app/commands.h"
#include "app/out_file.h"
#include "app/report/report.h"
#include "app/session.h"
#include "app/text_out.h"

#include <stdio.h>
#include <string.h>

static tfdc_rc print_json(const char *path, const struct report_summary *s, struct tfdc_error *err) {
  json_t *o = json_pack("{s:s, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I}", "path", path,
                        "bytes", (json_int_t)s->bytes, "runs", (json_int_t)s->runs, "verdicts", "OK", (json_int_t)s->ok,
                        "WARN", (json_int_t)s->warn, "OOC", (json_int_t)s->ooc, "ACTION", (json_int_t)s->action,
                        "NOT_JUDGED", (json_int_t)s->not_judged, "waiting", (json_int_t)s->waiting, "chambers",
                        (json_int_t)s->chambers, "alarms", (json_int_t)s->alarms, "alarms_open",
                        (json_int_t)s->alarms_open, "charts", (json_int_t)s->charts, "traces", (json_int_t)s->traces,
                        "alarms_without_charts", (json_int_t)s->alarms_without_charts);
  if (o == NULL) return tfdc_fail(err, TFDC_E_USAGE, "the path is not UTF-8");
  tfdc_rc rc = text_print_json(stdout, o, err);
  json_decref(o);
  return rc;
}

static tfdc_rc print_text(const char *path, const struct report_summary *s, struct tfdc_error *err) {
  char bytes[40], runs[40];
  text_print(stdout, path);
  (void)printf(": %s; %s runs of %zu chamber%s, %zu alarm%s (%zu open), %zu charts, %zu traces\n",
               text_bytes((double)s->bytes, bytes), text_count((int64_t)s->runs, runs), s->chambers,
               s->chambers == 1 ? "" : "s", s->alarms, s->alarms == 1 ? "" : "s", s->alarms_open, s->charts, s->traces);
  if (s->alarms_without_charts > 0)
    (void)printf("%zu alarms are listed without charts; a shorter period or --alarms N shows more\n",
                 s->alarms_without_charts);
  return text_flush(stdout, err);
}

static tfdc_rc write_page(const char *path, const struct tfdc_buf *page, struct tfdc_error *err) {
  struct out_file out;
  TFDC_TRY(out_file_open(&out, path, err));
  (void)fwrite(page->data, 1, page->size, out.f); /* a failure shows when it is closed */
  return out_file_close(&out, TFDC_OK, err);
}

static tfdc_rc run(struct session *s, const char *path, const struct report_options *o, bool json) {
  struct tfdc_buf page = {0};
  struct report_summary sum;
  tfdc_rc rc = report_build(s->client, o, &page, &sum, &s->err);
  if (rc == TFDC_OK) rc = write_page(path, &page, &s->err);
  tfdc_buf_deinit(&page);
  if (rc != TFDC_OK || strcmp(path, "-") == 0) return rc;
  return json ? print_json(path, &sum, &s->err) : print_text(path, &sum, &s->err);
}

int cmd_report(int argc, char **argv) {
  struct client_args args = {0};
  struct report_options o = REPORT_OPTIONS_DEFAULT;
  const char *path = "tfdc-report.html";
  int64_t alarms = (int64_t)o.alarms_most;
  const struct cli_option options[] = {
      {"out", CLI_TEXT, &path, "FILE", "the file to write, - is standard output [tfdc-report.html]"},
      {"output", CLI_TEXT, &path, "FILE", "the same as --out"},
      FILTER_TIME_OPTIONS(&o.filter),
      FILTER_CHAMBER_OPTIONS(&o.filter),
      {"recipe", CLI_TEXT, &o.filter.recipe, "GLOB", "of this recipe"},
      {"title", CLI_TEXT, &o.title, "TEXT", "the heading [tFDC report]"},
      {"alarms", CLI_INT, &alarms, "N", "at most so many alarms with charts and traces [40]"},
      CLIENT_OPTIONS(&args)};
  const struct cli_command command = {
      .name = "report",
      .summary = "writes alarms, U-charts with their limits and the traces of alarmed runs as one HTML file",
      .operands = "",
      .example = "tfdc report --since 24h --out today.html\n"
                 "tfdc report --chamber ETCH-01:A --recipe 'ETCH*' --data fab.db --json",
      .more =
          "The file needs nothing else: open it in any browser, print it, send it. It is written whole or not at\n"
          "all. docs/guide/read-the-report.md explains the drawings. --json prints the path and the counts.\n"
          "Exit status: 0, also with alarms or without runs; 1 when the file cannot be written; 3 when nobody answers.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args, (const int[]){0, 0}, &argc, argv, &status)) return status;
  tfdc_rc rc = TFDC_OK;
  if (alarms < 0 || alarms > REPORT_ALARMS_MAX)
    rc = tfdc_fail(&s.err, TFDC_E_USAGE, "--alarms is 0 to %d", REPORT_ALARMS_MAX);
  o.alarms_most = (size_t)alarms;
  o.now_us = cli_now_us();
  if (rc == TFDC_OK) rc = run(&s, path, &o, args.json);
  return session_end(&s, rc);
}
