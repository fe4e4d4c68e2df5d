/* SPDX-License-Identifier: Apache-2.0
 * tfdc inspect: all that is known of one run. */
#include "app/commands.h"
#include "app/find.h"
#include "app/json_get.h"
#include "app/session.h"
#include "app/text_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OK_SHOWN = 20, CHUNKS_SHOWN = 20 };

/* ---- context ---- */

static void field(const char *name, const char *value) {
  if (value[0] == '\0') return;
  (void)printf("  %-16s", name);
  text_print(stdout, value);
  (void)putchar('\n');
}

static void title(const char *text) { (void)printf("\n%s\n", text); }

static void print_texts(const json_t *c) {
  static const struct {
    const char *key, *name;
  } rows[] = {{"run_id", "hub's run id"},
              {"tool_type", "tool type"},
              {"recipe_id", "recipe"},
              {"recipe_rev", "recipe rev"},
              {"chamber_recipe", "chamber recipe"},
              {"lot_id", "lot"},
              {"carrier_id", "carrier"},
              {"substrate_id", "wafer"},
              {"product", "product"},
              {"technology", "technology"},
              {"route", "route"},
              {"operation", "operation"},
              {"layer", "layer"},
              {"lot_type", "lot type"},
              {"ctrl_job_id", "control job"},
              {"pr_job_id", "process job"},
              {"pm_id", "PM"},
              {"fab", "fab"},
              {"area", "area"},
              {"supplier", "supplier"},
              {"software_rev", "software"}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) field(rows[i].name, json_get_text(c, rows[i].key));
  char text[40];
  if (json_get_int(c, "slot", -1) >= 0) field("slot", text_count(json_get_int(c, "slot", -1), text));
  if (json_get_int(c, "runs_since_pm", -1) >= 0)
    field("runs since PM", text_count(json_get_int(c, "runs_since_pm", -1), text));
  if (!isnan(json_get_real(c, "rf_hours"))) field("RF hours", text_value(json_get_real(c, "rf_hours"), text));
  const json_t *tags = json_object_get(c, "tags");
  for (size_t i = 0; i < json_array_size(tags); i++)
    field(json_get_text(json_array_get(tags, i), "name"), json_get_text(json_array_get(tags, i), "value"));
}

static void print_times(const json_t *c) {
  char a[40], b[40], text[240];
  int64_t start = json_get_time(c, "start_us"), end = json_get_time(c, "end_us");
  field("start", text_time_exact(start, a));
  if (end != MODEL_NO_TIME) {
    const char *reason = json_get_text(c, "end_reason");
    (void)snprintf(text, sizeof text, "%s, after %s, %s", text_time_exact(end, a), text_duration(end - start, b),
                   reason[0] != '\0' ? reason : "-");
    field("end", text);
  }
  (void)snprintf(text, sizeof text, "%s%s%s", text_time_exact(json_get_time(c, "order_us"), a),
                 json_get_bool(c, "order_clock") ? " (CLOCK: time of receipt)" : "",
                 json_get_bool(c, "historical") ? ", historical" : "");
  field("order time", text);
}

static void print_state(const json_t *c) {
  char a[40], b[40], text[200];
  (void)snprintf(text, sizeof text, "%s, revision %lld%s%s", json_get_text(c, "state"),
                 (long long)json_get_int(c, "revision", 0), json_get_bool(c, "reopened") ? ", reopened" : "",
                 json_get_bool(c, "published") ? "" : ", not yet published");
  field("state", text);
  (void)snprintf(text, sizeof text, "%s points in %s chunks", text_count(json_get_int(c, "points", 0), a),
                 text_count(json_get_int(c, "chunk_count", 0), b));
  field("trace", text);
  if (json_get_int(c, "rejected_blocks", 0) > 0) {
    (void)snprintf(text, sizeof text, "%s, the last for %s", text_count(json_get_int(c, "rejected_blocks", 0), a),
                   json_get_text(c, "reject_code"));
    field("rejected blocks", text);
  }
  if (json_get_int(c, "missing_blocks", 0) > 0)
    field("missing blocks", text_count(json_get_int(c, "missing_blocks", 0), a));
}

static tfdc_rc print_steps(const json_t *c, struct tfdc_error *err) {
  static const struct text_column columns[] = {{"STEP", true}, {"NAME", false}, {"BEGINS", true}, {"LASTS", true}};
  const json_t *steps = json_object_get(c, "steps");
  if (json_array_size(steps) == 0) return TFDC_OK;
  title("steps");
  struct text_table t;
  text_table_begin(&t, columns, TFDC_COUNT(columns), stdout);
  int64_t start = json_get_time(c, "start_us");
  for (size_t i = 0; i < json_array_size(steps); i++) {
    const json_t *s = json_array_get(steps, i);
    char text[300], a[40];
    int64_t from = json_get_time(s, "start_us"), to = json_get_time(s, "end_us");
    if (to == MODEL_NO_TIME && i + 1 < json_array_size(steps))
      to = json_get_time(json_array_get(steps, i + 1), "start_us");
    text_table_cell(&t, text_count(json_get_int(s, "number", 0), a));
    (void)snprintf(text, sizeof text, "%s", json_get_text(s, "name"));
    if (json_get_int(s, "occurrence", 1) > 1)
      (void)snprintf(text, sizeof text, "%s (%lld)", json_get_text(s, "name"),
                     (long long)json_get_int(s, "occurrence", 1));
    text_table_cell(&t, text);
    (void)snprintf(text, sizeof text, "+%s", text_duration(from - start, a));
    text_table_cell(&t, text);
    text_table_cell(&t, to == MODEL_NO_TIME ? NULL : text_duration(to - from, a));
  }
  return text_table_end(&t, err);
}

static tfdc_rc print_chunks(const json_t *run, struct tfdc_error *err) {
  static const struct text_column columns[] = {{"BLOCKS", true}, {"REVISION", true}, {"POINTS", true},
                                               {"BYTES", true},  {"STORED", false},  {"CHECKSUM", false}};
  const json_t *chunks = json_object_get(run, "chunks");
  size_t n = json_array_size(chunks);
  title(n > 0 ? "chunks" : "chunks: none (expired, or nothing was sent)");
  if (n == 0) return TFDC_OK;
  struct text_table t;
  text_table_begin(&t, columns, TFDC_COUNT(columns), stdout);
  for (size_t i = 0; i < n && i < CHUNKS_SHOWN; i++) {
    const json_t *k = json_array_get(chunks, i);
    char text[64], a[40];
    (void)snprintf(text, sizeof text, "%lld-%lld", (long long)json_get_int(k, "first_seq", 0),
                   (long long)json_get_int(k, "last_seq", 0));
    text_table_cell(&t, text);
    text_table_cell(&t, text_count(json_get_int(k, "revision", 0), a));
    text_table_cell(&t, text_count(json_get_int(k, "points", 0), a));
    text_table_cell(&t, text_count(json_get_int(k, "bytes", 0), a));
    text_table_cell(&t, text_time(json_get_time(k, "stored_us"), a));
    text_table_cell(&t, json_get_text(k, "checksum"));
  }
  TFDC_TRY(text_table_end(&t, err));
  if (n > CHUNKS_SHOWN) (void)printf("and %zu more\n", n - CHUNKS_SHOWN);
  return TFDC_OK;
}

/* ---- what judged it ---- */

static void print_verdict(const json_t *run) {
  const json_t *v = json_object_get(run, "verdict");
  char a[40], b[40], text[400];
  title("verdict");
  if (!json_is_object(v)) {
    field("verdict", "none yet");
    return;
  }
  const char *reason = json_get_text(v, "reason");
  bool has_reason = reason[0] != '\0' && strcmp(reason, "NONE") != 0;
  (void)snprintf(text, sizeof text, "%s%s%s%s, judged %lld of %lld charts%s", json_get_text(v, "verdict"),
                 has_reason ? "(" : "", has_reason ? reason : "", has_reason ? ")" : "",
                 (long long)json_get_int(v, "judged", 0), (long long)json_get_int(v, "charts", 0),
                 json_get_bool(v, "late") ? ", late: after runs that followed it" : "");
  field("verdict", text);
  field("why", json_get_text(v, "text"));
  int64_t latency = json_get_int(v, "latency_us", MODEL_NO_TIME);
  bool timed = latency > 0; /* of historical runs and of runs judged again it says nothing */
  (void)snprintf(text, sizeof text, "%s by %s%s%s%s; revision %lld, judgement %lld",
                 text_time_exact(json_get_time(v, "judged_us"), a), json_get_text(v, "defender"), timed ? ", " : "",
                 timed ? text_duration(latency, b) : "", timed ? " after its end was received" : "",
                 (long long)json_get_int(v, "revision", 0), (long long)json_get_int(v, "judgement", 0));
  field("judged", text);
}

/* Worst first: the order of verdicts, then the score. */
static int rank_of(const json_t *p) {
  static const char *const order[] = {"ACTION", "OOC", "WARN", "NOT_JUDGED"};
  const char *v = json_get_text(p, "verdict");
  for (int i = 0; i < (int)TFDC_COUNT(order); i++)
    if (strcmp(order[i], v) == 0) return i;
  return (int)TFDC_COUNT(order);
}

static int worse_first(const void *a, const void *b) {
  const json_t *p = *(json_t *const *)a, *q = *(json_t *const *)b;
  int rank = rank_of(p) - rank_of(q);
  if (rank != 0) return rank;
  double x = json_get_real(p, "score"), y = json_get_real(q, "score");
  x = isnan(x) ? -1 : x;
  y = isnan(y) ? -1 : y;
  if (x != y) return x > y ? -1 : 1;
  return strcmp(json_get_text(p, "chart"), json_get_text(q, "chart"));
}

static void point_row(struct text_table *t, const json_t *p) {
  char a[40], text[64];
  text_table_cell(t, json_get_text(p, "chart"));
  const char *verdict = json_get_text(p, "verdict"), *reason = json_get_text(p, "reason");
  if (strcmp(verdict, "NOT_JUDGED") == 0)
    (void)snprintf(text, sizeof text, "%s(%s)", verdict, reason);
  else
    (void)snprintf(text, sizeof text, "%s", verdict);
  text_table_styled(t, text_style_of_verdict(verdict), text);
  text_table_cell(t, text_value(json_get_real(p, "value"), a));
  text_table_cell(t, text_value(json_get_real(p, "lcl"), a));
  text_table_cell(t, text_value(json_get_real(p, "centre"), a));
  text_table_cell(t, text_value(json_get_real(p, "ucl"), a));
  double score = json_get_real(p, "score");
  (void)snprintf(text, sizeof text, "%.2f", score);
  text_table_cell(t, isnan(score) ? NULL : text);
  text_table_cell(t, text_count(json_get_int(p, "n", 0), a));
  text_table_cell(t,
                  json_get_int(p, "limit_version", 0) > 0 ? text_count(json_get_int(p, "limit_version", 0), a) : NULL);
  text_table_cell(t, json_get_text(p, "unit"));
}

static tfdc_rc print_points(json_t **points, size_t n, bool all, struct tfdc_error *err) {
  static const struct text_column columns[] = {{"CHART", false}, {"VERDICT", false}, {"VALUE", true}, {"LCL", true},
                                               {"CENTRE", true}, {"UCL", true},      {"SCORE", true}, {"N", true},
                                               {"LIMITS", true}, {"UNIT", false}};
  qsort(points, n, sizeof *points, worse_first);
  size_t shown = 0;
  struct text_table t;
  text_table_begin(&t, columns, TFDC_COUNT(columns), stdout);
  for (size_t i = 0; i < n; i++) {
    bool fine = strcmp(json_get_text(points[i], "verdict"), "OK") == 0;
    if (fine && !all && shown == OK_SHOWN) {
      TFDC_TRY(text_table_end(&t, err));
      (void)printf("and %zu more that are OK; --all shows them\n", n - i);
      return TFDC_OK;
    }
    shown += fine;
    point_row(&t, points[i]);
  }
  return text_table_end(&t, err);
}

static tfdc_rc print_records(const json_t *run, bool all, struct tfdc_error *err) {
  const json_t *records = json_object_get(run, "records");
  for (size_t i = 0; i < json_array_size(records); i++) {
    const json_t *r = json_array_get(records, i), *points = json_object_get(r, "points");
    size_t n = json_array_size(points);
    (void)printf("\ncharts of strategy %s, partition ", json_get_text(r, "chart_set"));
    text_print(stdout, json_get_text(r, "partition"));
    (void)printf("\n");
    json_t **sorted = calloc(n + 1, sizeof(json_t *));
    if (sorted == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "points");
    for (size_t k = 0; k < n; k++) sorted[k] = json_array_get(points, k);
    tfdc_rc rc = print_points(sorted, n, all, err);
    free(sorted);
    TFDC_TRY(rc);
  }
  return TFDC_OK;
}

static void print_alarms(const json_t *run) {
  const json_t *alarms = json_object_get(run, "alarms");
  if (json_array_size(alarms) == 0) return;
  title("alarms");
  for (size_t i = 0; i < json_array_size(alarms); i++) {
    const json_t *a = json_array_get(alarms, i);
    (void)printf("  %s %s %s, %lld bad runs: ", json_get_text(a, "state"), json_get_text(a, "severity"),
                 json_get_text(a, "strategy"), (long long)json_get_int(a, "bad_runs", 0));
    text_print(stdout, json_get_text(a, "text"));
    (void)printf("\n");
  }
}

static tfdc_rc print_run(const json_t *run, bool all, struct tfdc_error *err) {
  const json_t *c = json_object_get(run, "context");
  (void)printf("run %s of %s:%s\n", json_get_text(c, "context_id"), json_get_text(c, "tool"),
               json_get_text(c, "chamber"));
  print_texts(c);
  print_times(c);
  print_state(c);
  print_verdict(run);
  TFDC_TRY(print_records(run, all, err));
  print_alarms(run);
  TFDC_TRY(print_steps(c, err));
  TFDC_TRY(print_chunks(run, err));
  return text_flush(stdout, err);
}

int cmd_inspect(int argc, char **argv) {
  struct client_args args = {0};
  bool all = false;
  const struct cli_option options[] = {{"all", CLI_FLAG, &all, NULL, "the points that are OK as well, all of them"},
                                       CLIENT_OPTIONS(&args)};
  const struct cli_command command = {
      .name = "inspect",
      .summary = "all that is known of one run: context, verdict and why, points, alarms, steps, chunks",
      .operands = "ID",
      .example = "tfdc inspect 3f9a01c2\ntfdc inspect WAFER-3125-run-7 --json | jq .verdict",
      .more = "ID: the id of the run, the beginning of it (4 digits and more), the run id of the hub, or the wafer. "
              "Points that\n"
              "are not OK come first, the worst at the top.\n"
              "Exit status: 0; 4 when there is no such run; 2 when several fit.",
      .options = options,
      .n_options = TFDC_COUNT(options)};
  struct session s;
  int status;
  if (!session_begin(&s, &command, &args, (const int[]){1, 1}, &argc, argv, &status)) return status;
  char id[33], path[128];
  json_t *run = NULL;
  tfdc_rc rc = find_run(s.client, argv[1], id, &s.err);
  if (rc == TFDC_OK) {
    find_run_path(id, "", path, sizeof path);
    rc = client_get(s.client, path, NULL, &run, &s.err);
  }
  if (rc == TFDC_OK) rc = args.json ? text_print_json(stdout, run, &s.err) : print_run(run, all, &s.err);
  if (rc == TFDC_OK) rc = text_flush(stdout, &s.err);
  json_decref(run);
  return session_end(&s, rc);
}
