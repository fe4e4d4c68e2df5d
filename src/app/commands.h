/* SPDX-License-Identifier: Apache-2.0
 * The commands of the executable, one file each (cmd_NAME.c). Each gets its own name as argv[0] and returns the exit
 * status (app/cli.h). */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include <stddef.h>
#include <stdio.h>

struct command {
  const char *name, *help; /* name NULL: the title of a group */
  int (*run)(int argc, char **argv);
};
const struct command *command_at(size_t i); /* of the table in main.c; NULL behind the last */
const struct command *command_find(const char *name);
int command_list(FILE *to);            /* the exit status: USAGE on standard error */
int command_unknown(const char *name); /* tells the nearest; the exit status */

int cmd_alarms(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_rejudge(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_dev(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_charts(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
