/* SPDX-License-Identifier: Apache-2.0
 * tfdc dev: starts everything, says where it is, waits for SIGTERM. */
#include "adapter/posix/clock_posix.h"
#include "app/cli.h"
#include "app/commands.h"
#include "app/dev.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static tfdc_wall wall(void *clock) { return port_wall(clock); }

static void say_ready(const struct dev *d, const struct app_config *config, bool json) {
  const char *data = app_config_text(config, APP_CONFIG_DATA);
  if (json)
    (void)printf("{\"ready\":true,\"pid\":%ld,\"ingest_port\":%u,\"http_port\":%u}\n", (long)getpid(),
                 (unsigned)dev_ingest_port(d), (unsigned)dev_http_port(d));
  else
    (void)printf("tfdc dev is ready: hubs connect to port %u (%s), people and programs to port %u (%s); data in %s\n",
                 (unsigned)dev_ingest_port(d), app_config_text(config, APP_CONFIG_INGEST_LISTEN),
                 (unsigned)dev_http_port(d), app_config_text(config, APP_CONFIG_HTTP_LISTEN), data);
  (void)fflush(stdout);
}

/* A second signal ends the process at once: nothing acked is lost by it. */
static int run(const struct app_config *config, struct tfdc_log *log, bool json) {
  sigset_t wanted;
  (void)sigemptyset(&wanted);
  (void)sigaddset(&wanted, SIGTERM);
  (void)sigaddset(&wanted, SIGINT);
  (void)pthread_sigmask(SIG_BLOCK, &wanted, NULL);
  struct dev *d;
  struct tfdc_error err = {0};
  tfdc_rc rc = dev_start(config, log, &d, &err);
  if (rc == TFDC_E_CANCELLED) {
    tfdc_log_write(log, TFDC_LOG_INFO, "dev", "stopped", LOG_STR("why", err.msg));
    return CLI_OK;
  }
  if (rc != TFDC_OK) return cli_fail("dev", &err);
  say_ready(d, config, json);
  int signal_number = 0;
  (void)sigwait(&wanted, &signal_number);
  tfdc_log_write(log, TFDC_LOG_INFO, "dev", "stopping", LOG_I64("signal", signal_number));
  (void)pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
  bool clean = dev_stop(d);
  tfdc_log_write(log, TFDC_LOG_INFO, "dev", "stopped", LOG_BOOL("clean", clean));
  if (!clean) _exit(CLI_FAILED); /* threads are still at work: no destructor may run under them */
  return CLI_OK;
}

int cmd_dev(int argc, char **argv) {
  bool json = false;
  const struct cli_option options[] = {{"json", CLI_FLAG, &json, NULL, "say that it is ready as one JSON object"}};
  const struct cli_command command = {
      .name = "dev",
      .summary = "every role in one process on one SQLite file, until SIGTERM",
      .operands = "",
      .example = "tfdc dev --data fab.db --http.listen 127.0.0.1:8080",
      .more = "The log is on standard error, a JSON object a line. `tfdc config` lists all settings.",
      .options = options,
      .n_options = TFDC_COUNT(options),
  };
  struct app_config config;
  int status;
  if (!cli_parse(&command, &argc, argv, &config, &status)) return status;
  struct port_clock clock;
  struct tfdc_log log;
  struct tfdc_error err = {0};
  clock_posix_init(&clock);
  tfdc_rc rc = argc > 1 ? tfdc_fail(&err, TFDC_E_USAGE, "unexpected argument %s", argv[1]) : TFDC_OK;
  enum tfdc_log_level level = TFDC_LOG_INFO;
  if (rc == TFDC_OK) rc = tfdc_log_level_parse(app_config_text(&config, APP_CONFIG_LOG_LEVEL), &level);
  if (rc == TFDC_OK) rc = tfdc_log_init(&log, wall, &clock, NULL, TFDC_LOG_FD(STDERR_FILENO));
  if (rc != TFDC_OK) {
    err.code = rc;
    status = cli_fail("dev", &err);
  } else {
    log.level = level;
    dev_process_init(&config);
    status = run(&config, &log, json);
    tfdc_log_deinit(&log);
  }
  app_config_deinit(&config);
  return status;
}
