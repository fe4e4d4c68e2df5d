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
  tfdc_rc rc = cli_operands(&command, argc, argv, 0, 0, &err);
  if (rc == TFDC_OK) rc = app_config_print(&config, stdout, json, &err);
  status = rc == TFDC_OK ? CLI_OK : cli_fail("config", &err);
  app_config_deinit(&config);
  return status;
}

int cmd_version(int argc, char **argv) {
  bool json = false;
  const struct cli_option options[] = {{"json", CLI_FLAG, &json, NULL, "as a JSON object"}};
  const struct cli_command command = {.name = "version",
                                      .summary = "the version of this program",
                                      .operands = "",
                                      .example = "tfdc version",
                                      .options = options,
                                      .n_options = TFDC_COUNT(options)};
  struct app_config config;
  struct tfdc_error err = {0};
  int status;
  if (!cli_parse(&command, &argc, argv, &config, &status)) return status;
  tfdc_rc rc = cli_operands(&command, argc, argv, 0, 0, &err);
  if (rc == TFDC_OK) (void)printf(json ? "{\"version\":\"%s\"}\n" : "tfdc %s\n", TFDC_VERSION);
  app_config_deinit(&config);
  return rc == TFDC_OK ? CLI_OK : cli_fail("version", &err);
}
