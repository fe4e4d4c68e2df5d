/* SPDX-License-Identifier: Apache-2.0
 * tfdc apply: strategies and limit sets from YAML. */
#include "app/commands.h"
#include "app/json_get.h"
#include "app/session.h"
#include "app/text_out.h"
#include "app/yaml_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 1000, CONTEXT_LINES = 3 };

struct args {
  struct client_args client;
  bool dry_run;
  const char *author, *comment;
  int64_t effective_us;
};

/* ---- what it changes ---- */

static bool is_change(const json_t *diff, size_t i) {
  const char *s = json_string_value(json_array_get(diff, i));
  return s != NULL && (s[0] == '+' || s[0] == '-');
}

static bool is_near_change(const json_t *diff, size_t i) {
  size_t from = i > CONTEXT_LINES ? i - CONTEXT_LINES : 0;
  for (size_t k = from; k <= i + CONTEXT_LINES && k < json_array_size(diff); k++)
    if (is_change(diff, k)) return true;
  return false;
}

static void print_diff_line(const char *s, bool color) {
  const char *code = s[0] == '+' ? "\033[32m" : s[0] == '-' ? "\033[31m" : "";
  if (color) (void)fputs(code, stdout);
  text_print(stdout, s);
  (void)printf("%s\n", color && code[0] != '\0' ? "\033[0m" : "");
}

static void print_diff(const json_t *diff) {
  bool color = text_may_color(stdout), left_out = false;
  for (size_t i = 0; i < json_array_size(diff); i++) {
    const char *s = json_string_value(json_array_get(diff, i));
    bool near = s != NULL && is_near_change(diff, i);
    if (near) print_diff_line(s, color);
    if (!near && !left_out) (void)printf(" ...\n");
    left_out = !near;
  }
}

static void print_change(const json_t *c, bool dry_run) {
  char a[40];
  const char *action = json_get_text(c, "action");
  const json_t *warnings = json_object_get(c, "warnings");
  long long from = (long long)json_get_int(c, "from_version", 0), to = (long long)json_get_int(c, "to_version", 0);
  int64_t effective = json_get_time(c, "effective_us");
  (void)printf("%s %s: %s", json_get_text(c, "kind"), json_get_text(c, "id"), action);
  if (from > 0 && from != to)
    (void)printf(", version %lld -> %lld", from, to);
  else
    (void)printf(", version %lld", to);
  if (strcmp(action, "unchanged") != 0)
    (void)printf("%s%s%s", effective == 0 ? ", for all runs" : ", for runs from ",
                 effective == 0 ? "" : text_time(effective, a), dry_run ? " (dry run: nothing was stored)" : "");
  (void)printf("\n");
  if (dry_run) print_diff(json_object_get(c, "diff"));
  for (size_t i = 0; i < json_array_size(warnings); i++) {
    (void)printf("  warning: ");
    text_print(stdout, json_string_value(json_array_get(warnings, i)));
    (void)printf("\n");
  }
}

/* Runs that were judged by an older version keep their verdicts. */
static void say_what_next(const json_t *changes, const struct args *a) {
  bool old = false;
  for (size_t i = 0; i < json_array_size(changes); i++) {
    const json_t *c = json_array_get(changes, i);
    old |= strcmp(json_get_text(c, "action"), "unchanged") != 0 && json_get_time(c, "effective_us") < cli_now_us();
  }
  if (old && !a->dry_run)
    (void)fprintf(stderr, "runs judged before keep their verdicts; `tfdc rejudge` judges them by this\n");
}

/* ---- the command ---- */

static tfdc_rc post(struct session *s, const struct yaml_files *y, const struct args *a, json_t **ret) {
  char effective[24], message[sizeof s->err.msg];
  (void)snprintf(effective, sizeof effective, "%" PRId64, a->effective_us);
  const char *const params[] = {"dry_run",
                                a->dry_run ? "1" : NULL,
                                "author",
                                a->author != NULL ? a->author : getenv("USER"),
                                "comment",
                                a->comment,
                                "effective_us",
                                a->effective_us != MODEL_NO_TIME ? effective : NULL,
                                NULL};
  tfdc_rc rc = client_post(s->client, "/api/v1/definitions", params, (const char *)y->text.data, ret, &s->err);
  if (rc == TFDC_OK || tfdc_rc_class(rc) == TFDC_CLASS_IO) return rc;
  yaml_files_locate(y, tfdc_error_msg(&s->err), message, sizeof message);
  return tfdc_fail(&s->err, rc, "%s", message);
}

static tfdc_rc apply(struct session *s, char **names, size_t n, const struct args *a) {
  struct yaml_files files;
  json_t *answer = NULL;
  TFDC_TRY(yaml_files_read(&files, names, n, &s->err));
  tfdc_rc rc = post(s, &files, a, &answer);
  yaml_files_deinit(&files);
  if (rc != TFDC_OK) return rc;
  const json_t *changes = json_object_get(answer, "changes");
  if (a->client.json) rc = text_print_json(stdout, answer, &s->err);
  for (size_t i = 0; i < json_array_size(changes) && !a->client.json; i++)
    print_change(json_array_get(changes, i), a->dry_run);
  if (rc == TFDC_OK) rc = text_flush(stdout, &s->err);
  say_what_next(changes, a);
  json_decref(answer);
  return rc;
}

int cmd_apply(int argc, char **argv) {
  struct args a = {.effective_us = MODEL_NO_TIME};
  const struct cli_option options[] = {
      {"dry-run", CLI_FLAG, &a.dry_run, NULL, "check all and show the difference; store nothing"},
      {"author", CLI_TEXT, &a.author, "NAME", "who made it [$USER]"},
      {"comment", CLI_TEXT, &a.comment, "TEXT", "why"},
      {"effective", CLI_TIME, &a.effective_us, "TIME", "judges runs from then on; 0 = all, also old ones [in 10 s]"},
      CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "apply",
      .summary = "checks strategies and limit sets in YAML and puts them in force as new versions",
      .operands = "FILE.yaml ...",
      .example = "tfdc apply etch.yaml --dry-run\n"
                 "tfdc apply strategies/*.yaml --comment 'pressure window narrowed'\n"
                 "tfdc export definitions etch | sed 's/beyond(1)/beyond(2 of 3)/' | tfdc apply - --dry-run",
      .more =
          "FILE may hold several documents; - reads standard input. All files are checked before anything is stored, "
          "and\n"
          "stored together. Equations are checked against the SVIDs of the chambers that the strategy selects. Errors\n"
          "name file, line and column, and the place in the equation.\n"
          "What says the same as the version in force makes no new one. docs/guide/first-strategy.md begins from "
          "nothing.\n"
          "Exit status: 0; 2 when something in a file is wrong (then nothing was stored); 4 when there is no such "
          "file.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &a.client, (const int[]){1, FILES_MAX}, &argc, argv, &status)) return status;
  return session_end(&s, apply(&s, argv + 1, (size_t)argc - 1, &a));
}
