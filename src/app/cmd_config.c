/* SPDX-License-Identifier: Apache-2.0
 * tfdc config, tfdc version. */
#include "app/cli.h"
#include "app/commands.h"

int cmd_config(int argc, char **argv) {
  bool json = false;
  const struct cli_option options[] = {{"json", CLI_FLAG, &json, NULL, "one JSON object a setting"}};
  const struct cli_command command = {
      .name = "config",
      .summary = "each effective setting and where it came from",
      .operands = "",
      .example = "tfdc config --ingest.grace_s 5m",
      .options = options,
      .n_options = TFDC_COUNT(options),
  };
  struct app_config config;
  int status;
  if (!cli_parse(&command, &argc, argv, &config, &status)) return status;
  struct tfdc_error err = {0};
  tfdc_rc rc = argc > 1 ? tfdc_fail(&err, TFDC_E_USAGE, "unexpected argument %s", argv[1])
                        : app_config_print(&config, stdout, json, &err);
  status = rc == TFDC_OK ? CLI_OK : cli_fail("config", &err);
  app_config_deinit(&config);
  return status;
}

int cmd_version(int argc, char **argv) {
  (void)argc;
  (void)argv;
  (void)printf("tfdc %s\n", TFDC_VERSION);
  return CLI_OK;
}
