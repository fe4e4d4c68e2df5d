/* SPDX-License-Identifier: Apache-2.0
 * tfdc alarms: list them, or follow them until SIGINT. */
#include "app/alarm_watch.h"
#include "app/commands.h"
#include "app/json_get.h"
#include "app/listing.h"

#include <signal.h>
#include <string.h>

/* ---- list ---- */

static enum text_style style_of(const json_t *a) {
  if (strcmp(json_get_text(a, "state"), "CLEARED") == 0) return TEXT_DIM;
  return strcmp(json_get_text(a, "severity"), "critical") == 0 ? TEXT_BAD : TEXT_WARN;
}

struct wanted {
  const char *context_id;
  json_t *run;
};

static bool on_run(void *user, json_t *run) {
  struct wanted *w = user;
  if (strcmp(json_get_text(json_object_get(run, "context"), "context_id"), w->context_id) != 0) return true;
  w->run = json_incref(run);
  return false;
}

/* The run that opened an alarm, a new reference; NULL where it is gone. An alarm that has ended says only that all is
 * well again; its first run still says what was wrong. */
static json_t *first_run(struct session *s, const json_t *a) {
  int64_t opened_us = json_get_int(a, "opened_us", 0);
  struct wanted w = {.context_id = json_get_text(a, "first_context")};
  const struct filter f = {.tool = json_get_text(a, "tool"),
                           .chamber = json_get_text(a, "chamber"),
                           .from_us = opened_us,
                           .to_us = opened_us + 1};
  struct filter_params p;
  tfdc_rc rc = filter_params(&f, &p, NULL);
  if (rc == TFDC_OK) rc = client_list(s->client, "/api/v1/runs", p.list, "runs", 0, on_run, &w, NULL);
  return rc == TFDC_OK ? w.run : NULL;
}

static void row_of(struct session *s, struct text_table *t, const json_t *a) {
  char text[300], b[40];
  bool ended = strcmp(json_get_text(a, "state"), "CLEARED") == 0;
  json_t *first = ended ? first_run(s, a) : NULL;
  const json_t *of = first != NULL ? json_object_get(first, "context") : a;
  text_table_cell(t, text_time(json_get_time(a, "opened_us"), b));
  text_table_styled(t, style_of(a), json_get_text(a, "state"));
  text_table_cell(t, json_get_text(a, "severity"));
  (void)snprintf(text, sizeof text, "%.64s:%.64s", json_get_text(a, "tool"), json_get_text(a, "chamber"));
  text_table_cell(t, text);
  text_table_cell(t, json_get_text(of, "recipe_id"));
  text_table_cell(t, json_get_text(of, "lot_id"));
  text_table_cell(t, json_get_text(of, "substrate_id"));
  text_table_cell(t, text_count(json_get_int(a, "bad_runs", 0), b));
  (void)snprintf(text, sizeof text, "%.12s", json_get_text(a, ended ? "first_context" : "last_context"));
  text_table_cell(t, text);
  const char *why = json_get_text(first != NULL ? json_object_get(first, "verdict") : a, "text");
  text_table_cell(t, why[0] != '\0' ? why : json_get_text(a, "reason"));
  json_decref(first);
}

static tfdc_rc list(struct session *s, const struct filter_params *params, const struct filter *f, int64_t limit,
                    bool json) {
  static const struct text_column columns[] = {
      {"OPENED", false}, {"STATE", false}, {"SEVERITY", false}, {"CHAMBER", false}, {"RECIPE", false},
      {"LOT", false},    {"WAFER", false}, {"RUNS", true},      {"BAD RUN", false}, {"WHY", false}};
  bool by_api = f->recipe == NULL && f->lot == NULL && f->wafer == NULL;
  const struct listing alarms = {.path = "/api/v1/alarms",
                                 .member = "alarms",
                                 .noun = "alarm",
                                 .first = "newest",
                                 .columns = columns,
                                 .n_columns = TFDC_COUNT(columns),
                                 .row = row_of,
                                 .filter = by_api ? NULL : f};
  return listing_print(s, &alarms, params, (size_t)limit, json);
}

/* ---- follow ---- */

static void say(const json_t *a, bool json) {
  char b[40];
  if (json) {
    if (text_print_json(stdout, a, NULL) != TFDC_OK) return; /* text_flush tells */
    return;
  }
  (void)printf("%s  %-7s  %-8s  %s:%s  ", text_time(json_get_time(a, "updated_us"), b), json_get_text(a, "state"),
               json_get_text(a, "severity"), json_get_text(a, "tool"), json_get_text(a, "chamber"));
  text_print(stdout, json_get_text(a, "text"));
  (void)printf("  (run %.12s, %lld bad)\n", json_get_text(a, "last_context"),
               (long long)json_get_int(a, "bad_runs", 0));
}

struct follow {
  struct session *s;
  const struct filter *filter;
  struct alarm_watch watch;
  bool json, away;
};

/* Prints what changed. Alarms of before the first look are not news. */
static tfdc_rc look(struct follow *f) {
  json_t *news = NULL;
  bool first = f->watch.looks == 0;
  tfdc_rc rc = alarm_watch_look(&f->watch, &news, &f->s->err);
  for (size_t i = 0; i < json_array_size(news) && !first; i++)
    if (filter_takes(f->filter, json_array_get(news, i))) say(json_array_get(news, i), f->json);
  json_decref(news);
  tfdc_rc flushed = text_flush(stdout, rc == TFDC_OK ? &f->s->err : NULL);
  if (rc == TFDC_OK && first) (void)fprintf(stderr, "following alarms at %s\n", client_where(f->s->client));
  return rc == TFDC_OK ? flushed : rc;
}

/* A server that is away, stops or has too much to do is waited for, once it has answered. */
static bool waits_for(const struct follow *f, tfdc_rc rc) {
  tfdc_class class = tfdc_rc_class(rc);
  return f->watch.looks > 0 && !ferror(stdout) &&
         (class == TFDC_CLASS_IO || class == TFDC_CLASS_BUSY || class == TFDC_CLASS_CANCELLED);
}

/* Until SIGINT or SIGTERM, which end it with success, or until nobody reads what it prints. */
static tfdc_rc follow(struct follow *f, int64_t every_us) {
  sigset_t wanted;
  (void)sigemptyset(&wanted);
  (void)sigaddset(&wanted, SIGINT);
  (void)sigaddset(&wanted, SIGTERM);
  (void)pthread_sigmask(SIG_BLOCK, &wanted, NULL);
  const struct timespec every = {.tv_sec = (time_t)(every_us / TFDC_US_PER_S),
                                 .tv_nsec = (long)(every_us % TFDC_US_PER_S) * 1000};
  do {
    tfdc_rc rc = look(f);
    bool away = rc != TFDC_OK && waits_for(f, rc);
    if (rc != TFDC_OK && !away) return rc;
    if (away && !f->away) (void)fprintf(stderr, "tfdc alarms: %s; waiting for it\n", tfdc_error_msg(&f->s->err));
    if (!away && f->away) (void)fprintf(stderr, "tfdc alarms: it answers again\n");
    f->away = away;
    if (session_output_is_closed()) return TFDC_OK;
  } while (sigtimedwait(&wanted, NULL, &every) < 0);
  return TFDC_OK;
}

int cmd_alarms(int argc, char **argv) {
  struct client_args args = {0};
  struct filter f = {0};
  int64_t limit = 100;
  double every = 2;
  bool open = false, follows = false;
  const struct cli_option options[] = {
      {"open", CLI_FLAG, &open, NULL, "only those that are open"},
      {"follow", CLI_FLAG, &follows, NULL, "print new and changed alarms until Ctrl-C"},
      {"every", CLI_REAL, &every, "SECONDS", "how often --follow looks [2]"},
      FILTER_CHAMBER_OPTIONS(&f),
      {"recipe", CLI_TEXT, &f.recipe, "GLOB", "of this recipe"},
      {"lot", CLI_TEXT, &f.lot, "GLOB", "of this lot"},
      {"wafer", CLI_TEXT, &f.wafer, "GLOB", "of this wafer"},
      FILTER_TIME_OPTIONS(&f),
      {"limit", CLI_INT, &limit, "N", "at most so many rows, 0 = all [100]"},
      CLIENT_OPTIONS(&args)};
  const struct cli_command command = {
      .name = "alarms",
      .summary = "lists alarms, newest first, or follows them",
      .operands = "",
      .example = "tfdc alarms --open\ntfdc alarms --follow --chamber ETCH-01:A --json",
      .more =
          "RUNS counts the bad runs of the episode. BAD RUN, for `tfdc inspect`, is the last one, or the first one of\n"
          "an episode that has ended; the columns about it say what was wrong. --recipe, --lot and --wafer look at "
          "the\n"
          "run that changed the alarm last. --follow prints an alarm when it opens, goes on, is revised or is "
          "cleared;\n"
          "it waits for a server that restarts, and then prints what it missed. --json prints one object a line; of\n"
          "each alarm the highest `update` counts.\n"
          "Exit status: 0, also after Ctrl-C; 3 when nobody answers at the start.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args, (const int[]){0, 0}, &argc, argv, &status)) return status;
  struct filter_params params;
  const struct filter where = {.tool = f.tool, .chamber = f.chamber, .from_us = f.from_us, .to_us = f.to_us};
  tfdc_rc rc = filter_params(&where, &params, &s.err);
  if (rc == TFDC_OK && (limit < 0 || !(every >= 0.05 && every <= 3600)))
    rc = tfdc_fail(&s.err, TFDC_E_USAGE, limit < 0 ? "--limit is negative" : "--every is 0.05 to 3600 seconds");
  struct follow watched = {.s = &s, .filter = &f, .json = args.json, .watch = {.client = s.client, .where = &params}};
  if (rc == TFDC_OK && follows && open)
    rc = tfdc_fail(&s.err, TFDC_E_USAGE, "--follow tells of all changes: no --open");
  if (rc == TFDC_OK && open) filter_add(&params, "open", "1");
  if (rc == TFDC_OK && follows) rc = follow(&watched, (int64_t)(every * 1e6));
  if (rc == TFDC_OK && !follows) rc = list(&s, &params, &f, limit, args.json);
  alarm_watch_deinit(&watched.watch);
  return session_end(&s, rc);
}
