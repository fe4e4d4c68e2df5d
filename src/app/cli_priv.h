/* SPDX-License-Identifier: Apache-2.0
 * Between the files of cli. */
#ifndef APP_CLI_PRIV_H
#define APP_CLI_PRIV_H

#include "app/cli.h"

/* *o->to from the text of the command line. USAGE, with what would be right. */
TFDC_MUST_USE tfdc_rc cli_take_value(const struct cli_option *o, const char *text, struct tfdc_error *err);

/* Prints what argv asks for: --help; --help-markdown, its section of docs/cli.md; --help-man, its part of the manual
 * page; --help-words, its options for completion. False: it asks for none. */
bool cli_print_help(const struct cli_command *c, int argc, char **argv);

#endif
