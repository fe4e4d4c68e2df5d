/* SPDX-License-Identifier: Apache-2.0
 * tfdc status: what there is, and how the process does. */
#include "app/commands.h"
#include "app/json_get.h"
#include "app/session.h"
#include "app/text_out.h"

#include <string.h>

static void line(const char *name, const char *value) {
  (void)printf("%-20s", name);
  text_print(stdout, value);
  (void)putchar('\n');
}

static void print_store(const json_t *store) {
  char a[40], b[40], c[40], text[160];
  double points = json_get_real(store, "points"), bytes = json_get_real(store, "chunk_bytes");
  (void)snprintf(text, sizeof text, "%s (%s open), %s judged", text_count(json_get_int(store, "contexts", 0), a),
                 text_count(json_get_int(store, "open_contexts", 0), b),
                 text_count(json_get_int(store, "verdicts", 0), c));
  line("runs", text);
  int n = snprintf(text, sizeof text, "%s points in %s chunks, %s", text_count(json_get_int(store, "points", 0), a),
                   text_count(json_get_int(store, "chunks", 0), b), text_bytes(bytes, c));
  if (points > 0) (void)snprintf(text + n, sizeof text - (size_t)n, ", %.2f bytes a point", bytes / points);
  line("traces", text);
  line("U records", text_count(json_get_int(store, "u_records", 0), a));
  n = snprintf(text, sizeof text, "%s used", text_bytes(json_get_real(store, "used_bytes"), a));
  if (json_object_get(store, "free_bytes") != NULL)
    (void)snprintf(text + n, sizeof text - (size_t)n, ", %s free", text_bytes(json_get_real(store, "free_bytes"), b));
  line("disk", text);
}

static bool ends_in(const char *key, const char *end) {
  size_t n = strlen(key), m = strlen(end);
  return n > m && strcmp(key + n - m, end) == 0;
}

static void print_integer(const char *key, int64_t v) {
  char text[40];
  if (ends_in(key, "_us"))
    (void)text_time(v, text);
  else if (ends_in(key, "_port"))
    (void)snprintf(text, sizeof text, "%lld", (long long)v);
  else if (ends_in(key, "_bytes"))
    (void)text_bytes((double)v, text);
  else if (ends_in(key, "_s"))
    (void)text_duration(v * TFDC_US_PER_S, text);
  else
    (void)text_count(v, text);
  line(key, text);
}

/* What the process says of itself, whatever that is. */
static void print_others(json_t *status) {
  static const char *const known[] = {"v",        "version",     "now_us",     "store",
                                      "unjudged", "alarms_open", "strategies", "limit_sets"};
  const char *key;
  json_t *v;
  json_object_foreach(status, key, v) {
    bool other = true;
    for (size_t i = 0; i < TFDC_COUNT(known); i++) other = other && strcmp(key, known[i]) != 0;
    char text[40];
    if (other && json_is_string(v)) line(key, json_string_value(v));
    if (other && json_is_integer(v)) print_integer(key, (int64_t)json_integer_value(v));
    if (other && json_is_real(v)) line(key, text_value(json_real_value(v), text));
    if (other && json_is_boolean(v)) line(key, json_is_true(v) ? "yes" : "no");
  }
}

static void print_status(const struct client *c, json_t *status) {
  char a[40], b[40], text[160];
  (void)snprintf(text, sizeof text, "%.32s, %.120s", json_get_text(status, "version"), client_where(c));
  line("tfdc", text);
  line("now", text_time(json_get_time(status, "now_us"), a));
  print_store(json_object_get(status, "store"));
  line("not yet judged", text_count(json_get_int(status, "unjudged", 0), a));
  line("open alarms", text_count(json_get_int(status, "alarms_open", 0), a));
  (void)snprintf(text, sizeof text, "%s strategies, %s limit sets",
                 text_count(json_get_int(status, "strategies", 0), a),
                 text_count(json_get_int(status, "limit_sets", 0), b));
  line("definitions", text);
  print_others(status);
}

int cmd_status(int argc, char **argv) {
  struct client_args args = {0};
  const struct cli_option options[] = {CLIENT_OPTIONS(&args)};
  const struct cli_command command = {.name = "status",
                                      .summary = "what there is, and how the process does",
                                      .operands = "",
                                      .example = "tfdc status\ntfdc status --json | jq .unjudged",
                                      .more = "Exit status: 0; 3 when nobody answers and there is no file.",
                                      .options = options,
                                      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args, (const int[]){0, 0}, &argc, argv, &status)) return status;
  json_t *answer = NULL;
  tfdc_rc rc = client_get(s.client, "/api/v1/status", NULL, &answer, &s.err);
  if (rc == TFDC_OK && args.json) rc = text_print_json(stdout, answer, &s.err);
  if (rc == TFDC_OK && !args.json) print_status(s.client, answer);
  if (rc == TFDC_OK) rc = text_flush(stdout, &s.err);
  json_decref(answer);
  return session_end(&s, rc);
}
