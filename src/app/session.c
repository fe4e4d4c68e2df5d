/* SPDX-License-Identifier: Apache-2.0 */
#include "app/session.h"

#include <signal.h>

bool session_begin(struct session *s, const struct cli_command *c, const struct client_args *args,
                   const int operands[2], int *argc, char **argv, int *ret_status) {
  *s = (struct session){.name = c->name};
  if (!cli_parse(c, argc, argv, &s->config, ret_status)) return false;
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL); /* a closed pipe is an error of the write */
  (void)sigaction(SIGXFSZ, &ignore, NULL);
  tfdc_rc rc = cli_operands(c, *argc, argv, operands[0], operands[1], &s->err);
  if (rc == TFDC_OK) rc = client_open(args, &s->config, &s->client, &s->err);
  if (rc == TFDC_OK) return true;
  *ret_status = session_end(s, rc);
  return false;
}

int session_end(struct session *s, tfdc_rc rc) {
  if (rc != TFDC_OK && s->err.code != rc) (void)tfdc_fail(&s->err, rc, "%s", tfdc_rc_text(rc));
  client_close(s->client);
  app_config_deinit(&s->config);
  return rc == TFDC_OK ? CLI_OK : cli_fail(s->name, &s->err);
}
