/* SPDX-License-Identifier: Apache-2.0
 * The executable: finds the command. */
#include "app/cli.h"
#include "app/commands.h"

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
    {"export", "points of charts, or the traces of runs, as CSV", cmd_export},
    {NULL, "say what is judged, and how", NULL},
    {"learn", "charts and limits from good runs", cmd_learn},
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
  (void)printf("# The command line\n\n<!-- Written by `make docs` from the commands: change it there. -->\n\n"
               "`tfdc COMMAND --help` says the same. Any setting of `tfdc config` is an option of every command\n"
               "(`--http.listen 127.0.0.1:9000`). Times are UTC: `2026-11-25T08:00:00Z`, `2026-11-25`, or `-2h` ago.\n"
               "Exit status: 0 done, 1 failed, 2 wrong use, 3 nobody answers, 4 not found.\n\n");
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

int main(int argc, char **argv) {
  if (argc < 2) return usage(stderr);
  if (strcmp(argv[1], "help") == 0 && argc == 3 && strcmp(argv[2], "--markdown") == 0) return print_markdown();
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) return usage(stdout);
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    if (commands[i].name != NULL && strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  (void)fprintf(stderr, "tfdc: no command %s\n", argv[1]);
  return usage(stderr);
}
