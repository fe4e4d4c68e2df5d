/* SPDX-License-Identifier: Apache-2.0
 * tfdc alarms: list them, or follow them until SIGINT. */
#include "app/commands.h"
#include "app/json_get.h"
#include "app/listing.h"

#include <signal.h>
#include <string.h>

enum { WATCHED = 1000 }; /* newest alarms, and as many open ones, that --follow looks at each time */

/* ---- list ---- */

static enum text_style style_of(const json_t *a) {
  if (strcmp(json_get_text(a, "state"), "CLEARED") == 0) return TEXT_DIM;
  return strcmp(json_get_text(a, "severity"), "critical") == 0 ? TEXT_BAD : TEXT_WARN;
}

static void row_of(struct text_table *t, const json_t *a) {
  char text[300], b[40];
  text_table_cell(t, text_time(json_get_time(a, "opened_us"), b));
  text_table_styled(t, style_of(a), json_get_text(a, "state"));
  text_table_cell(t, json_get_text(a, "severity"));
  (void)snprintf(text, sizeof text, "%.64s:%.64s", json_get_text(a, "tool"), json_get_text(a, "chamber"));
  text_table_cell(t, text);
  text_table_cell(t, json_get_text(a, "recipe_id"));
  text_table_cell(t, json_get_text(a, "lot_id"));
  text_table_cell(t, json_get_text(a, "substrate_id"));
  text_table_cell(t, text_count(json_get_int(a, "bad_runs", 0), b));
  (void)snprintf(text, sizeof text, "%.12s", json_get_text(a, "last_context"));
  text_table_cell(t, text);
  const char *why = json_get_text(a, "text");
  text_table_cell(t, why[0] != '\0' ? why : json_get_text(a, "reason"));
}

static tfdc_rc list(struct session *s, const struct filter_params *params, int64_t limit, bool json) {
  static const struct text_column columns[] = {
      {"OPENED", false}, {"STATE", false}, {"SEVERITY", false}, {"CHAMBER", false},  {"RECIPE", false},
      {"LOT", false},    {"WAFER", false}, {"RUNS", true},      {"LAST RUN", false}, {"WHY", false}};
  static const struct listing alarms = {.path = "/api/v1/alarms",
                                        .member = "alarms",
                                        .noun = "alarm",
                                        .first = "newest",
                                        .columns = columns,
                                        .n_columns = TFDC_COUNT(columns),
                                        .row = row_of};
  return listing_print(s, &alarms, params, (size_t)limit, json);
}

/* ---- follow ---- */

struct follow {
  json_t *seen; /* alarm id -> its last update, of the alarms of the last look */
  json_t *now;  /* of this look */
  json_t *news; /* what changed, newest first */
};

static bool on_watched(void *user, json_t *a) {
  struct follow *f = user;
  const char *id = json_get_text(a, "alarm_id");
  if (json_object_get(f->now, id) != NULL) return true;
  int64_t update = json_get_int(a, "update", 0);
  const json_t *before = json_object_get(f->seen, id);
  if (before == NULL || json_integer_value(before) < update) (void)json_array_append(f->news, a);
  return json_object_set_new(f->now, id, json_integer(update)) == 0;
}

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

/* One look: prints what changed since the last one, oldest first. Alarms of before the first look are not news. */
static tfdc_rc look(struct session *s, const struct filter_params *params, struct follow *f, bool first, bool json) {
  f->now = json_object();
  f->news = json_array();
  if (f->now == NULL || f->news == NULL) return tfdc_fail(&s->err, TFDC_E_NOMEM, "alarms");
  struct filter_params open = *params;
  filter_add(&open, "open", "1");
  TFDC_TRY(client_list(s->client, "/api/v1/alarms", params->list, "alarms", WATCHED, on_watched, f, &s->err));
  TFDC_TRY(client_list(s->client, "/api/v1/alarms", open.list, "alarms", WATCHED, on_watched, f, &s->err));
  for (size_t i = json_array_size(f->news); !first && i-- > 0;) say(json_array_get(f->news, i), json);
  json_decref(f->seen);
  f->seen = json_incref(f->now);
  return text_flush(stdout, &s->err);
}

/* Until SIGINT or SIGTERM, which end it with success. A server that is away is waited for. */
static tfdc_rc follow(struct session *s, const struct filter_params *params, int64_t every_us, bool json) {
  sigset_t wanted;
  (void)sigemptyset(&wanted);
  (void)sigaddset(&wanted, SIGINT);
  (void)sigaddset(&wanted, SIGTERM);
  (void)pthread_sigmask(SIG_BLOCK, &wanted, NULL);
  const struct timespec every = {.tv_sec = (time_t)(every_us / TFDC_US_PER_S),
                                 .tv_nsec = (long)(every_us % TFDC_US_PER_S) * 1000};
  struct follow f = {.seen = json_object()};
  bool first = true, away = false;
  tfdc_rc rc = TFDC_OK;
  do {
    rc = look(s, params, &f, first, json);
    json_decref(f.now);
    json_decref(f.news);
    tfdc_class class = tfdc_rc_class(rc);
    bool waits = rc != TFDC_OK && !first && !ferror(stdout) &&
                 (class == TFDC_CLASS_IO || class == TFDC_CLASS_BUSY || class == TFDC_CLASS_CANCELLED);
    if (waits && !away) (void)fprintf(stderr, "tfdc alarms: %s; waiting for it\n", tfdc_error_msg(&s->err));
    if (rc == TFDC_OK && away) (void)fprintf(stderr, "tfdc alarms: it answers again\n");
    away = waits;
    if (rc == TFDC_OK && first && !json) (void)fprintf(stderr, "following alarms at %s\n", client_where(s->client));
    first = first && rc != TFDC_OK;
    if (waits) rc = TFDC_OK;
  } while (rc == TFDC_OK && sigtimedwait(&wanted, NULL, &every) < 0);
  json_decref(f.seen);
  return rc;
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
      FILTER_TIME_OPTIONS(&f),
      {"limit", CLI_INT, &limit, "N", "at most so many rows, 0 = all [100]"},
      CLIENT_OPTIONS(&args)};
  const struct cli_command command = {
      .name = "alarms",
      .summary = "lists alarms, newest first, or follows them",
      .operands = "",
      .example = "tfdc alarms --open\ntfdc alarms --follow --chamber ETCH-01:A --json",
      .more =
          "RUNS counts the bad runs of the episode; `tfdc inspect` shows its last run. --follow waits for a server\n"
          "that restarts. --json prints one object a line; of each alarm the highest `update` counts.\n"
          "Exit status: 0, also after Ctrl-C; 3 when nobody answers at the start.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args, (const int[]){0, 0}, &argc, argv, &status)) return status;
  struct filter_params params;
  tfdc_rc rc = filter_params(&f, &params, &s.err);
  if (rc == TFDC_OK && (limit < 0 || !(every >= 0.05 && every <= 3600)))
    rc = tfdc_fail(&s.err, TFDC_E_USAGE, limit < 0 ? "--limit is negative" : "--every is 0.05 to 3600 seconds");
  if (rc == TFDC_OK && open) filter_add(&params, "open", "1");
  if (rc == TFDC_OK && follows) rc = follow(&s, &params, (int64_t)(every * 1e6), args.json);
  if (rc == TFDC_OK && !follows) rc = list(&s, &params, limit, args.json);
  return session_end(&s, rc);
}
