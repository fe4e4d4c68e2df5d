/* SPDX-License-Identifier: Apache-2.0
 * The executable: finds the command. */
#include "app/commands.h"
#include "base/err.h"

#include <string.h>

static const struct command commands[] = {
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
    {"help", "this list; help COMMAND says more", cmd_help},
    {"completion", "commands and options in the shell", cmd_completion},
    {"version", "the version of this program", cmd_version},
};

const struct command *command_at(size_t i) { return i < TFDC_COUNT(commands) ? &commands[i] : NULL; }

int main(int argc, char **argv) {
  if (argc < 2) return command_list(stderr);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return command_list(stdout);
  if (strcmp(argv[1], "--version") == 0) argv[1] += 2;
  const struct command *c = command_find(argv[1]);
  return c != NULL ? c->run(argc - 1, argv + 1) : command_unknown(argv[1]);
}
