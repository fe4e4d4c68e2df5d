/* SPDX-License-Identifier: Apache-2.0
 * What every client command does around its work: options, operands, a client, the exit status. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/cli.h"
#include "app/client.h"

struct session {
  const char *name;
  struct app_config config;
  struct client *client;
  struct tfdc_error err;
};
/* False: the command is over and returns *ret_status. `operands`: at least, at most. */
bool session_begin(struct session *s, const struct cli_command *c, const struct client_args *args,
                   const int operands[2], int *argc, char **argv, int *ret_status);
/* Closes all; prints the error of rc where there is one; the exit status. Where whoever reads the output went away
 * (`| head`), the process ends by SIGPIPE as programs do. */
int session_end(struct session *s, tfdc_rc rc);
bool session_output_is_closed(void); /* standard output is a pipe that nobody reads any more */

#endif
