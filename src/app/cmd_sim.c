/* SPDX-License-Identifier: Apache-2.0
 * tfdc sim: a simulated fab, and the score of what was found in it. */
#include "app/commands.h"
#include "app/session.h"
#include "app/sim/feed.h"
#include "app/sim/score.h"
#include "app/sim/truth.h"
#include "app/text_out.h"

#include <stdlib.h>
#include <string.h>

struct args {
  struct client_args client;
  struct sim_options fab;
  struct sim_feed_options feed;
  struct sim_score_options score;
  int64_t seed;
  const char *hub, *truth, *phase, *speed, *size;
};

static tfdc_rc parse_size(struct args *a, struct tfdc_error *err) {
  char *end = NULL;
  if (a->size == NULL) return TFDC_OK;
  a->fab.size_min = a->fab.size_max = strtod(a->size, &end);
  if (end != a->size && *end == '-') a->fab.size_max = strtod(end + 1, &end);
  if (end != a->size && *end == '\0') return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "--size %s: LOW-HIGH, such as 6-15", a->size);
}

static tfdc_rc parse_speed(struct args *a, struct tfdc_error *err) {
  if (strcmp(a->speed, "historical") == 0) return TFDC_OK;
  char *end;
  a->feed.speed = strtod(a->speed, &end);
  if (end != a->speed && *end == '\0' && a->feed.speed >= 0.01 && a->feed.speed <= 10000) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "--speed %s: `historical`, or a factor from 0.01 to 10000", a->speed);
}

static tfdc_rc parse_phase(struct args *a, const struct sim_fab *f, struct tfdc_error *err) {
  a->feed.from = 0;
  a->feed.to = f->o.runs;
  if (strcmp(a->phase, "learn") == 0)
    a->feed.to = sim_learning_runs(f);
  else if (strcmp(a->phase, "after") == 0)
    a->feed.from = sim_learning_runs(f);
  else if (strcmp(a->phase, "all") != 0)
    return tfdc_fail(err, TFDC_E_USAGE, "--phase %s: learn, after or all", a->phase);
  return TFDC_OK;
}

static tfdc_rc parse(struct args *a, const struct app_config *config, struct tfdc_error *err) {
  TFDC_TRY(parse_size(a, err));
  TFDC_TRY(parse_speed(a, err));
  if (a->feed.threads < 1) return tfdc_fail(err, TFDC_E_USAGE, "--threads is at least 1");
  a->fab.seed = (uint64_t)a->seed;
  a->feed.hub = a->hub != NULL ? a->hub : app_config_text(config, APP_CONFIG_INGEST_LISTEN);
  return TFDC_OK;
}

static tfdc_rc print_result(const struct args *a, const struct sim_fab *f, const struct sim_faults *faults,
                            const struct sim_feed_result *r, struct tfdc_error *err) {
  char b[40], c[40], digest[20];
  double rate = r->seconds > 0 ? (double)r->points / r->seconds : 0;
  (void)snprintf(digest, sizeof digest, "%016llx", (unsigned long long)r->digest);
  if (a->client.json) {
    json_t *o =
        json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:s, s:b}", "v", 1, "seed", (json_int_t)a->seed,
                  "chambers", (json_int_t)f->n_chambers, "runs", (json_int_t)r->runs, "points", (json_int_t)r->points,
                  "rejects", (json_int_t)r->rejects, "faults", (json_int_t)faults->n, "seconds", r->seconds,
                  "points_per_second", rate, "digest", digest, "stopped", r->stopped);
    if (o == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "result");
    tfdc_rc rc = text_print_json(stdout, o, err);
    json_decref(o);
    return rc;
  }
  (void)printf("%s runs of %zu chambers, %s points", text_count((int64_t)r->runs, b), f->n_chambers,
               text_count((int64_t)r->points, c));
  (void)printf(" in %.1f s: %s points/s, all durable; %llu rejects%s\n", r->seconds, text_count((int64_t)rate, b),
               (unsigned long long)r->rejects, r->stopped ? "; stopped" : "");
  return text_flush(stdout, err);
}

static tfdc_rc simulate(struct args *a, const struct app_config *config, struct tfdc_error *err) {
  struct sim_fab fab;
  struct sim_faults faults = {0};
  struct sim_feed_result result;
  TFDC_TRY(parse(a, config, err));
  TFDC_TRY(sim_fab_init(&fab, &a->fab, err));
  tfdc_rc rc = parse_phase(a, &fab, err);
  if (rc == TFDC_OK) rc = sim_faults_plan(&fab, &faults, err);
  if (rc == TFDC_OK && a->truth != NULL) rc = sim_truth_write(a->truth, &fab, &faults, err);
  if (rc == TFDC_OK) rc = sim_feed(&fab, &faults, &a->feed, &result, err);
  if (rc == TFDC_OK) rc = print_result(a, &fab, &faults, &result, err);
  sim_faults_deinit(&faults);
  sim_fab_deinit(&fab);
  return rc;
}

/* 0 passed, 1 not passed. */
static int score(struct args *a, struct session *s) {
  json_t *result = NULL;
  bool passed = false;
  tfdc_rc rc = client_open(&a->client, &s->config, &s->client, &s->err);
  if (rc == TFDC_OK) rc = sim_score(s->client, &a->score, &result, &s->err);
  if (rc == TFDC_OK)
    rc = a->client.json ? text_print_json(stdout, result, &s->err) : sim_score_print(stdout, result, &s->err);
  if (rc == TFDC_OK) passed = json_is_true(json_object_get(result, "passed"));
  json_decref(result);
  int status = session_end(s, rc);
  return status == CLI_OK && !passed ? CLI_FAILED : status;
}

int cmd_sim(int argc, char **argv) {
  struct args a = {.fab = SIM_OPTIONS_DEFAULT,
                   .feed = {.threads = 2, .patience_s = 30},
                   .score = {.max_false_share = 0.02, .wait_s = 60},
                   .seed = 1,
                   .phase = "all",
                   .speed = "historical"};
  const struct cli_option options[] = {
      {"seed", CLI_INT, &a.seed, "N", "what all random numbers follow from [1]"},
      {"hub", CLI_TEXT, &a.hub, "HOST:PORT", "the collector [ingest.listen]"},
      {"truth", CLI_TEXT, &a.truth, "FILE", "write what was planted, for --score"},
      {"phase", CLI_TEXT, &a.phase, "PHASE", "learn: the runs without faults; after: the others; all [all]"},
      {"speed", CLI_TEXT, &a.speed, "SPEED",
       "historical: as fast as it goes; 1: live; N: historical at N times the tools' pace [historical]"},
      {"begin", CLI_TIME, &a.fab.begin_us, "TIME", "of the first historical run [2026-01-01]"},
      {"tools", CLI_INT, &a.fab.tools, "N", "tools; every second one is of another type [6]"},
      {"chambers", CLI_INT, &a.fab.chambers, "N", "chambers of each tool, 1-6 [2]"},
      {"recipes", CLI_INT, &a.fab.recipes, "N", "recipes of each tool type, 1-8 [2]"},
      {"runs", CLI_INT, &a.fab.runs, "N", "runs of each chamber [100]"},
      {"svids", CLI_INT, &a.fab.svids, "N", "sensors of each chamber, 2-1000 [24]"},
      {"rate", CLI_REAL, &a.fab.rate_hz, "HZ", "of the fastest sensors; others have a half or a tenth of it [10]"},
      {"run-seconds", CLI_REAL, &a.fab.run_s, "S", "length of a run, about [60]"},
      {"noise", CLI_REAL, &a.fab.noise, "FACTOR", "on all noise [1]"},
      {"drift", CLI_REAL, &a.fab.drift, "SD", "drift of each sensor over 100 runs, in run-to-run sd [0.5]"},
      {"offset", CLI_REAL, &a.fab.offset, "PART", "sd of offsets between chambers, part of the range [0.01]"},
      {"missing", CLI_REAL, &a.fab.missing, "PART", "part of the samples that are missing [0.0002]"},
      {"learn-runs", CLI_INT, &a.fab.learn_runs, "N", "first runs of each chamber and recipe without faults [25]"},
      {"faults", CLI_INT, &a.fab.faults, "N", "faults to plant behind them [16]"},
      {"size", CLI_TEXT, &a.size, "LOW-HIGH", "their sizes, in run-to-run sd of the affected statistic [6-15]"},
      {"threads", CLI_INT, &a.feed.threads, "N", "that make and send historical runs [2]"},
      {"tls-ca", CLI_TEXT, &a.feed.tls_ca, "FILE", "PEM of the authority of the collector's certificate"},
      {"tls-cert", CLI_TEXT, &a.feed.tls_cert, "FILE", "PEM of the hub's certificate"},
      {"tls-key", CLI_TEXT, &a.feed.tls_key, "FILE", "PEM of its key"},
      {"patience", CLI_REAL, &a.feed.patience_s, "S", "with a collector that cannot be reached [30]"},
      {"score", CLI_TEXT, &a.score.truth, "TRUTH", "send nothing: compare the system's verdicts with a truth file"},
      {"max-false", CLI_REAL, &a.score.max_false_share, "PART", "of normal judged runs that may alarm [0.02]"},
      {"wait", CLI_REAL, &a.score.wait_s, "S", "for runs that are not judged yet [60]"},
      CLIENT_OPTIONS(&a.client)};
  const struct cli_command command = {
      .name = "sim",
      .summary = "simulates a fab: its runs through the ingest API, with planted faults; and scores what was found",
      .operands = "",
      .example = "tfdc sim --phase learn && tfdc learn\n"
                 "tfdc sim --phase after --truth truth.json && tfdc sim --score truth.json\n"
                 "tfdc sim --speed 1 --svids 100 --rate 20",
      .more = "Each tool is a hub. The same seed and options give the same runs and faults. Faults: offset, drift,\n"
              "spike, oscillation, slow settling, stuck sensor, lost step, RF reflection burst, each on 3 to 6 runs.\n"
              "Exit status of --score: 0 when every fault was found and no more normal runs alarmed than --max-false,\n"
              "else 1.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s = {.name = "sim"};
  int status;
  if (!cli_parse(&command, &argc, argv, &s.config, &status)) return status;
  tfdc_rc rc = cli_operands(&command, argc, argv, 0, 0, &s.err);
  if (rc == TFDC_OK && a.score.truth != NULL) return score(&a, &s);
  if (rc == TFDC_OK) rc = simulate(&a, &s.config, &s.err);
  return session_end(&s, rc);
}
