/* SPDX-License-Identifier: Apache-2.0 */
#include "app/session.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

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

bool session_output_is_closed(void) {
  struct pollfd out = {.fd = STDOUT_FILENO};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* Whoever reads has enough: the end that is usual for it, without a word. */
static void end_by_closed_pipe(void) {
  struct sigaction usual = {.sa_handler = SIG_DFL};
  (void)sigaction(SIGPIPE, &usual, NULL);
  (void)raise(SIGPIPE);
}

int session_end(struct session *s, tfdc_rc rc) {
  if (rc != TFDC_OK && s->err.code != rc) (void)tfdc_fail(&s->err, rc, "%s", tfdc_rc_text(rc));
  client_close(s->client);
  app_config_deinit(&s->config);
  if (rc != TFDC_OK && ferror(stdout) && session_output_is_closed()) end_by_closed_pipe();
  return rc == TFDC_OK ? CLI_OK : cli_fail(s->name, &s->err);
}
