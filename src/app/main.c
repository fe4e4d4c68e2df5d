/* SPDX-License-Identifier: Apache-2.0
 * The executable: finds the command. */
#include "app/config.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

static int fail(const struct tfdc_error *err) {
  (void)fprintf(stderr, "tfdc: %s\n%s\n", tfdc_error_msg(err), tfdc_rc_hint(err->code));
  return 2;
}

static int run_config(int argc, char **argv) {
  struct app_config config;
  struct tfdc_error err = {0};
  if (app_config_init(&config, &err) != TFDC_OK) return fail(&err);
  bool json = false;
  int status = 0;
  if (app_config_load(&config, &argc, argv, environ, &err) != TFDC_OK) status = fail(&err);
  for (int i = 1; i < argc && status == 0; i++) {
    if (strcmp(argv[i], "--json") == 0) {
      json = true;
      continue;
    }
    (void)tfdc_fail(&err, TFDC_E_USAGE, "unexpected argument %s", argv[i]);
    status = fail(&err);
  }
  if (status == 0 && app_config_print(&config, stdout, json, &err) != TFDC_OK) status = fail(&err);
  app_config_deinit(&config);
  return status;
}

static int run_version(int argc, char **argv) {
  (void)argc;
  (void)argv;
  (void)printf("tfdc %s\n", TFDC_VERSION);
  return 0;
}

static const struct command {
  const char *name, *help;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"config", "each effective setting and where it came from: tfdc config [--json] [--KEY VALUE]", run_config},
    {"version", "the version of this program", run_version},
};

static int usage(FILE *to) {
  (void)fprintf(to, "usage: tfdc COMMAND [ARGUMENT ...]\n");
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    (void)fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
  return to == stdout ? 0 : 2;
}

int main(int argc, char **argv) {
  if (argc < 2) return usage(stderr);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) return usage(stdout);
  for (size_t i = 0; i < TFDC_COUNT(commands); i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  (void)fprintf(stderr, "tfdc: no command %s\n", argv[1]);
  return usage(stderr);
}
