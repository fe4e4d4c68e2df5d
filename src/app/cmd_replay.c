/* SPDX-License-Identifier: Apache-2.0
 * tfdc replay: a CSV of runs through the ingest API, charted and judged. */
#include "app/cli.h"
#include "app/commands.h"
#include "app/replay/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { NOT_WHOLE = 5 };

struct asked {
  struct client_args client;
  const char *map, *ingest, *bad_lines, *metrics;
  const char *tls_ca, *tls_cert, *tls_key;
  bool print_map, check, no_learn;
};

static void ignore_pipes(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL); /* a closed pipe is an error of the write */
  (void)sigaction(SIGXFSZ, &ignore, NULL);
}

static tfdc_rc say_guess(const struct replay *r, bool json, struct tfdc_error *err) {
  FILE *out = json ? stderr : stdout;
  if (r->input.notes == NULL) return TFDC_OK;
  (void)fprintf(out,
                "# No --map, so this one was guessed. To keep it, look through it and replay with it:\n"
                "#   tfdc replay %s --print-map > map.yaml\n#   tfdc replay %s --map map.yaml\n",
                r->input.path, r->input.path);
  TFDC_TRY(replay_print_map(r, out, err));
  (void)fprintf(out, "\n");
  return TFDC_OK;
}

static tfdc_rc send_and_judge(struct replay *r, struct host *h, const struct asked *a, struct app_config *config,
                              struct tfdc_error *err) {
  TFDC_TRY(host_open(h, &a->client, a->ingest, config, err));
  if (h->dev != NULL)
    (void)fprintf(stderr, "no running system answers, so this process judges; data in %s\n",
                  app_config_text(config, APP_CONFIG_DATA));
  const struct feed_options o = {
      .address = h->ingest, .tls_ca = a->tls_ca, .tls_cert = a->tls_cert, .tls_key = a->tls_key};
  TFDC_TRY(replay_send(r, &o, &h->clock, err));
  return replay_judge(r, h->client, !a->no_learn, err);
}

/* What comes next, after a replay into a file of its own. */
static void say_where(const struct app_config *config) {
  const char *data = app_config_text(config, APP_CONFIG_DATA);
  bool named = config->values[APP_CONFIG_DATA].source == APP_CONFIG_FLAG;
  (void)printf("\nAll is in %s. To look at it: tfdc runs%s%s, tfdc alarms, tfdc inspect ID; tfdc dev serves it.\n",
               data, named ? " --data " : "", named ? data : "");
}

static tfdc_rc work(struct replay *r, struct host *h, const struct asked *a, const char *path,
                    struct app_config *config, struct tfdc_error *err) {
  TFDC_TRY(input_open(&r->input, path, a->map, err));
  if (a->print_map) return replay_print_map(r, stdout, err);
  TFDC_TRY(say_guess(r, a->client.json, err));
  tfdc_rc rc = replay_scan(r, err);
  if (rc == TFDC_OK && !a->check) rc = send_and_judge(r, h, a, config, err);
  tfdc_rc ended = bad_lines_end(&r->bad, rc == TFDC_OK ? err : NULL);
  if (rc == TFDC_OK) rc = ended;
  if (rc == TFDC_OK && a->metrics != NULL) rc = replay_write_metrics(r, a->metrics, err);
  return rc == TFDC_OK ? replay_print(r, a->check ? NULL : h, a->client.json, err) : rc;
}

static int run(const struct asked *a, const char *path, struct app_config *config) {
  struct replay r = {.bad.file = path, .input.fd = -1};
  struct host h = {.client = NULL};
  struct tfdc_error err = {0};
  if (a->bad_lines != NULL) r.bad.all = fopen(a->bad_lines, "w");
  tfdc_rc rc = TFDC_OK;
  if (a->bad_lines != NULL && r.bad.all == NULL)
    rc = tfdc_fail(&err, TFDC_E_IO, "%s: %s", a->bad_lines, strerror(errno));
  if (rc == TFDC_OK) rc = work(&r, &h, a, path, config, &err);
  int status = rc != TFDC_OK ? cli_fail("replay", &err) : CLI_OK;
  if (rc == TFDC_OK && !a->print_map && !replay_is_whole(&r)) status = NOT_WHOLE;
  replay_deinit(&r);
  if (r.bad.all != NULL && fclose(r.bad.all) != 0 && status == CLI_OK) status = CLI_FAILED;
  bool own = h.dev != NULL;
  if (!host_close(&h)) _exit(status != CLI_OK ? status : CLI_FAILED); /* threads are still at work */
  if (own && rc == TFDC_OK && !a->client.json) say_where(config);
  return status;
}

int cmd_replay(int argc, char **argv) {
  struct asked a = {.map = NULL};
  const struct cli_option options[] = {
      {"map", CLI_TEXT, &a.map, "FILE", "what the columns mean, as YAML [guessed, and printed]"},
      {"print-map", CLI_FLAG, &a.print_map, NULL, "print the map and do nothing else"},
      {"check", CLI_FLAG, &a.check, NULL, "read the file and report its bad lines; send nothing"},
      {"bad-lines", CLI_TEXT, &a.bad_lines, "FILE", "write every bad line there: number, reason, text"},
      {"metrics", CLI_TEXT, &a.metrics, "FILE", "write the counts as Prometheus text there"},
      {"no-learn", CLI_FLAG, &a.no_learn, NULL, "learn no limits where no strategy selects the runs"},
      {"ingest", CLI_TEXT, &a.ingest, "HOST:PORT", "where hubs connect [as the system says]"},
      {"tls-ca", CLI_TEXT, &a.tls_ca, "FILE", "PEM roots: connect with TLS"},
      {"tls-cert", CLI_TEXT, &a.tls_cert, "FILE", "PEM certificate of this hub"},
      {"tls-key", CLI_TEXT, &a.tls_key, "FILE", "its PEM key"},
      CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "replay",
      .summary = "sends the runs of a CSV file through the ingest API, and has them charted and judged",
      .operands = "FILE.csv",
      .example = "tfdc replay etch.csv --print-map > map.yaml\n"
                 "tfdc replay etch.csv --map map.yaml --data etch.db",
      .more =
          "Long (a reading a line) and wide (a column a sensor) files; ',' ';' TAB or '|', decimal point or comma,\n"
          "relative or absolute times. Where no system answers, this process judges, in --data FILE. Where no "
          "strategy\n"
          "selects the runs, limits are learned from those that the map calls good, else from the first 25 of each\n"
          "chamber and recipe, and all are judged again. docs/guide/replay-a-csv.md describes the map.\n"
          "Exit status: 5 done, but lines were bad, or runs were rejected, not judged yet or selected by no strategy.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct app_config config;
  struct tfdc_error err = {0};
  int status;
  if (!cli_parse(&command, &argc, argv, &config, &status)) return status;
  ignore_pipes();
  if (cli_operands(&command, argc, argv, 1, 1, &err) != TFDC_OK)
    status = cli_fail(command.name, &err);
  else
    status = run(&a, argv[1], &config);
  app_config_deinit(&config);
  return status;
}
