/* SPDX-License-Identifier: Apache-2.0
 * Between the files of cli. */
#ifndef APP_CLI_PRIV_H
#define APP_CLI_PRIV_H

#include "app/cli.h"

/* *o->to from the text of the command line. USAGE, with what would be right. */
TFDC_MUST_USE tfdc_rc cli_take_value(const struct cli_option *o, const char *text, struct tfdc_error *err);

void cli_print_help(const struct cli_command *c);
void cli_print_markdown(const struct cli_command *c); /* its section of docs/cli.md */

#endif
