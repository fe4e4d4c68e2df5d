/* SPDX-License-Identifier: Apache-2.0
 * tfdc help, tfdc completion: what the commands say of themselves, for people, docs/cli.md, man and the shell. */
#include "app/cli_priv.h"
#include "app/commands.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

int command_list(FILE *to) {
  (void)fprintf(to, "usage: tfdc COMMAND [ARGUMENT ...]      tfdc COMMAND --help says more\n");
  const struct command *c;
  for (size_t i = 0; (c = command_at(i)) != NULL; i++)
    if (c->name == NULL)
      (void)fprintf(to, "\n%s\n", c->help);
    else
      (void)fprintf(to, "  %-10s %s\n", c->name, c->help);
  return to == stdout ? CLI_OK : CLI_USAGE;
}

const struct command *command_find(const char *name) {
  const struct command *c;
  for (size_t i = 0; (c = command_at(i)) != NULL; i++)
    if (c->name != NULL && strcmp(name, c->name) == 0) return c;
  return NULL;
}

int command_unknown(const char *name) {
  const struct command *c, *near = NULL;
  size_t best = 3;
  for (size_t i = 0; (c = command_at(i)) != NULL; i++) {
    size_t far = c->name != NULL ? tfdc_distance(c->name, name) : SIZE_MAX;
    if (far < best) best = far, near = c;
  }
  (void)fprintf(stderr, "tfdc: no command '%.80s'", name);
  if (near != NULL) (void)fprintf(stderr, "; did you mean `tfdc %s`?", near->name);
  (void)fprintf(stderr, "\n`tfdc help` lists the commands\n");
  return CLI_USAGE;
}

/* Lets each command describe itself, by an option of cli.c. */
static int all_say(const char *how) {
  const struct command *c;
  for (size_t i = 0; (c = command_at(i)) != NULL; i++) {
    char name[32], option[32];
    if (c->name == NULL) continue;
    (void)snprintf(name, sizeof name, "%s", c->name);
    (void)snprintf(option, sizeof option, "%s", how);
    int status = c->run(2, (char *[]){name, option, NULL});
    if (status != CLI_OK) return status;
  }
  return CLI_OK;
}

/* docs/cli.md */
static int print_markdown(void) {
  (void)printf(
      "# The command line\n\n<!-- Written by `make docs` from the commands: change it there. -->\n\n"
      "`tfdc COMMAND --help` says the same; `tfdc help --man | man -l -` too. Any setting of `tfdc config` is an "
      "option\n"
      "of every command (`--http.listen 127.0.0.1:9000`). `eval \"$(tfdc completion bash)\"` completes commands and\n"
      "options in bash.\n\n"
      "Commands talk to the system that answers at `http.listen`, or at `--server URL`. Where none answers they work "
      "on\n"
      "the file `data` in their own process. What needs somebody who judges (`rejudge`) says so then.\n\n"
      "Times are UTC unless they say otherwise: `2h` (ago; `s` `m` `h` `d` `w`), `now`, `2026-11-25`,\n"
      "`2026-11-25T08:00:00Z`, `2026-11-25T09:00+01:00`, or microseconds since 1970. Patterns take `*` and `?`.\n\n"
      "Lists are tables for people: with colours on a terminal only, and not where `NO_COLOR` is set. `--json` prints\n"
      "one object a line for programs. Progress and remarks go to standard error.\n\n"
      "| exit status | meaning |\n|---|---|\n");
#define X(name, number, text) (void)printf("| %d | %s |\n", number, text);
  CLI_STATUS_LIST(X)
#undef X
  (void)printf("\nA command whose reader goes away (`tfdc runs | head`) ends by SIGPIPE without a word.\n\n");
  return all_say("--help-markdown");
}

/* A manual page in the man macros. */
static int print_man(void) {
  (void)printf(
      ".TH TFDC 1 \"\" \"tFDC " TFDC_VERSION "\"\n.SH NAME\ntfdc \\- fault detection and classification for "
      "semiconductor fabs\n.SH SYNOPSIS\n.B tfdc\n.I COMMAND\n[ARGUMENT ...]\n.SH DESCRIPTION\n"
      "Commands talk to the system that answers at http.listen, or at \\-\\-server URL. Where none answers they "
      "work on the file data in their own process. Any setting of\n.B tfdc config\nis an option of every "
      "command.\n.SH COMMANDS\n");
  int status = all_say("--help-man");
  (void)printf(".SH EXIT STATUS\n");
#define X(name, number, text) (void)printf(".TP\n%d\n%s\n", number, text);
  CLI_STATUS_LIST(X)
#undef X
  return status;
}

/* Parsed here and not by cli_parse: help is there whatever the configuration is like. */
int cmd_help(int argc, char **argv) {
  bool markdown = false, man = false;
  const struct cli_option options[] = {{"markdown", CLI_FLAG, &markdown, NULL, "of all commands, as docs/cli.md"},
                                       {"man", CLI_FLAG, &man, NULL, "of all commands, as a manual page"}};
  const struct cli_command command = {.name = "help",
                                      .summary = "lists the commands, or says more of one",
                                      .operands = "[COMMAND]",
                                      .example = "tfdc help runs\ntfdc help --man | man -l -",
                                      .options = options,
                                      .n_options = TFDC_COUNT(options)};
  char option[] = "--help";
  if (cli_print_help(&command, argc, argv)) return CLI_OK;
  if (argc == 1) return command_list(stdout);
  if (strcmp(argv[1], "--markdown") == 0) return print_markdown();
  if (strcmp(argv[1], "--man") == 0) return print_man();
  const struct command *c = command_find(argv[1]);
  return c != NULL ? c->run(2, (char *[]){argv[1], option, NULL}) : command_unknown(argv[1]);
}

/* ---- completion ---- */

static void print_names(void) {
  const struct command *c;
  for (size_t i = 0; (c = command_at(i)) != NULL; i++)
    if (c->name != NULL) (void)printf("%s ", c->name);
}

static void print_bash(void) {
  (void)printf("# eval \"$(tfdc completion bash)\", or this text as a file in /etc/bash_completion.d\n"
               "_tfdc() {\n"
               "  local cur=${COMP_WORDS[COMP_CWORD]}\n"
               "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
               "    mapfile -t COMPREPLY < <(compgen -W \"");
  print_names();
  (void)printf("\" -- \"$cur\")\n"
               "  elif [[ $cur == -* ]]; then\n"
               "    mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" \"${COMP_WORDS[1]}\" --help-words "
               "2>/dev/null)\" -- \"$cur\")\n"
               "  else\n"
               "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
               "  fi\n"
               "}\n"
               "complete -o filenames -F _tfdc tfdc\n");
}

int cmd_completion(int argc, char **argv) {
  const struct cli_command command = {.name = "completion",
                                      .summary = "prints what bash needs to complete commands and options",
                                      .operands = "bash",
                                      .example = "tfdc completion bash > /etc/bash_completion.d/tfdc\n"
                                                 "eval \"$(tfdc completion bash)\""};
  struct app_config config;
  struct tfdc_error err = {0};
  int status;
  if (!cli_parse(&command, &argc, argv, &config, &status)) return status;
  app_config_deinit(&config);
  tfdc_rc rc = cli_operands(&command, argc, argv, 1, 1, &err);
  if (rc == TFDC_OK && strcmp(argv[1], "bash") != 0)
    rc = tfdc_fail(&err, TFDC_E_USAGE, "only for bash, not for %s", argv[1]);
  if (rc != TFDC_OK) return cli_fail("completion", &err);
  print_bash();
  return CLI_OK;
}
