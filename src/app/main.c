/* SPDX-License-Identifier: Apache-2.0
 * The executable: finds the command. */
#include "app/cli.h"
#include "app/commands.h"
#include "base/text.h"

#include <string.h>

static const struct command {
  const char *name, *help; /* name NULL: the title of a group */
  int (*run)(int argc, char **argv);
} commands[] = {
    {NULL, "run it", NULL},
    {"dev", "everything in one process on one file: the way to begin", cmd_dev},
    {"replay", "a CSV of your runs: charted and judged", cmd_replay},
    {"sim", "a simulated fab with faults, and the score of what was found", cmd_sim},
    {NULL, "look", NULL},
    {"status", "what there is, and how the process does", cmd_status},
    {"runs", "list and search runs with their verdicts", cmd_runs},
    {"inspect", "all that is known of one run", cmd_inspect},
    {"alarms", "list alarms, or follow them", cmd_alarms},
    {"charts", "the charts in force, or the points of one with their limits", cmd_charts},
    {"export", "points, traces and definitions, as CSV and YAML", cmd_export},
    {NULL, "say what is judged, and how", NULL},
    {"learn", "charts and limits from good runs", cmd_learn},
    {"apply", "strategies and limit sets from YAML", cmd_apply},
    {"rejudge", "judge runs again by what is in force now", cmd_rejudge},
    {"report", "one HTML file: alarms, charts with limits, traces", cmd_report},
    {NULL, "about the program", NULL},
    {"config", "each effective setting and where it came from", cmd_config},
    {"version", "the version of this program", cmd_version},
};

static int usage(FILE *to) {
  (void)fprintf(to, "usage: tfdc COMMAND [ARGUMENT ...]      tfdc COMMAND --help says more\n");
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    if (commands[i].name == NULL)
      (void)fprintf(to, "\n%s\n", commands[i].help);
    else
      (void)fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
  return to == stdout ? CLI_OK : CLI_USAGE;
}

/* docs/cli.md: each command describes itself. */
static int print_markdown(void) {
  (void)printf(
      "# The command line\n\n<!-- Written by `make docs` from the commands: change it there. -->\n\n"
      "`tfdc COMMAND --help` says the same. Any setting of `tfdc config` is an option of every command\n"
      "(`--http.listen 127.0.0.1:9000`).\n\n"
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
  for (size_t i = 0; i < TFDC_COUNT(commands); i++) {
    char name[32], option[] = "--help-markdown";
    if (commands[i].name == NULL) continue;
    (void)snprintf(name, sizeof name, "%s", commands[i].name);
    char *argv[] = {name, option, NULL};
    int status = commands[i].run(2, argv);
    if (status != CLI_OK) return status;
  }
  return CLI_OK;
}

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    if (commands[i].name != NULL && strcmp(name, commands[i].name) == 0) return &commands[i];
  return NULL;
}

static int no_command(const char *name) {
  const char *near = NULL;
  size_t best = 3;
  for (size_t i = 0; i < TFDC_COUNT(commands); i++) {
    size_t far = commands[i].name != NULL ? tfdc_distance(commands[i].name, name) : SIZE_MAX;
    if (far < best) best = far, near = commands[i].name;
  }
  (void)fprintf(stderr, "tfdc: no command '%.80s'", name);
  if (near != NULL) (void)fprintf(stderr, "; did you mean `tfdc %s`?", near);
  (void)fprintf(stderr, "\n`tfdc help` lists the commands\n");
  return CLI_USAGE;
}

static int help_of(char *name) {
  char option[] = "--help";
  const struct command *c = find_command(name);
  return c != NULL ? c->run(2, (char *[]){name, option, NULL}) : no_command(name);
}

int main(int argc, char **argv) {
  if (argc < 2) return usage(stderr);
  if (strcmp(argv[1], "help") == 0 && argc == 3 && strcmp(argv[2], "--markdown") == 0) return print_markdown();
  if (strcmp(argv[1], "help") == 0 && argc == 3) return help_of(argv[2]);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
    return usage(stdout);
  if (strcmp(argv[1], "--version") == 0) argv[1] += 2;
  const struct command *c = find_command(argv[1]);
  return c != NULL ? c->run(argc - 1, argv + 1) : no_command(argv[1]);
}
