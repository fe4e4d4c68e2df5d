/* SPDX-License-Identifier: Apache-2.0
 * The executable: finds the command. */
#include "app/cli.h"
#include "app/commands.h"

#include <string.h>

static const struct command {
  const char *name, *help;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"dev", "everything in one process on one file: the way to begin", cmd_dev},
    {"config", "each effective setting and where it came from", cmd_config},
    {"version", "the version of this program", cmd_version},
};

static int usage(FILE *to) {
  (void)fprintf(to, "usage: tfdc COMMAND [ARGUMENT ...]      tfdc COMMAND --help says more\n");
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    (void)fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
  return to == stdout ? CLI_OK : CLI_USAGE;
}

int main(int argc, char **argv) {
  if (argc < 2) return usage(stderr);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) return usage(stdout);
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  (void)fprintf(stderr, "tfdc: no command %s\n", argv[1]);
  return usage(stderr);
}
