/* SPDX-License-Identifier: Apache-2.0 */
#include "app/json_get.h"
#include "app/sim/score.h"
#include "app/sim/trace.h"
#include "app/text_out.h"

#include <string.h>

enum { BUCKETS = 3 };

struct tally {
  int planted[BUCKETS + 1], found[BUCKETS + 1]; /* the last: all */
};

static size_t bucket_of(double size, double low, double high) {
  double at = (size - low) / (high - low) * BUCKETS;
  return at >= BUCKETS ? BUCKETS - 1 : at > 0 ? (size_t)at : 0;
}

static void tally_kind(const json_t *score, const char *kind, double low, double high, struct tally *t) {
  size_t i;
  json_t *x;
  *t = (struct tally){0};
  json_array_foreach(json_object_get(score, "faults"), i, x) {
    if (strcmp(json_get_text(x, "kind"), kind) != 0) continue;
    double size = json_get_real(x, "size");
    bool found = json_get_bool(x, "found");
    t->planted[BUCKETS]++;
    t->found[BUCKETS] += found;
    if (!(size > 0)) continue;
    size_t b = bucket_of(size, low, high);
    t->planted[b]++;
    t->found[b] += found;
  }
}

static void cell(struct text_table *table, int found, int planted, bool always) {
  char text[40] = "";
  if (planted > 0 || always) (void)snprintf(text, sizeof text, "%d of %d", found, planted);
  if (found < planted)
    text_table_styled(table, TEXT_BAD, text);
  else
    text_table_cell(table, text);
}

static tfdc_rc print_faults(FILE *out, const json_t *score, struct tfdc_error *err) {
  const json_t *size = json_object_get(score, "size");
  double low = json_number_value(json_array_get(size, 0)), high = json_number_value(json_array_get(size, 1));
  if (!(high > low)) high = low + 1;
  char titles[BUCKETS][32];
  struct text_column columns[BUCKETS + 2] = {{"FAULT", false}};
  for (size_t b = 0; b < BUCKETS; b++) {
    (void)snprintf(titles[b], sizeof titles[b], "%.3g-%.3g SD", low + (high - low) * (double)b / BUCKETS,
                   low + (high - low) * (double)(b + 1) / BUCKETS);
    columns[b + 1] = (struct text_column){titles[b], true};
  }
  columns[BUCKETS + 1] = (struct text_column){"FOUND", true};
  struct text_table table;
  text_table_begin(&table, columns, BUCKETS + 2, out);
  for (int k = 0; k < SIM_FAULT_KINDS; k++) {
    struct tally t;
    tally_kind(score, sim_fault_name((enum sim_fault_kind)k), low, high, &t);
    if (t.planted[BUCKETS] == 0) continue;
    text_table_cell(&table, sim_fault_name((enum sim_fault_kind)k));
    for (size_t b = 0; b <= BUCKETS; b++) cell(&table, t.found[b], t.planted[b], b == BUCKETS);
  }
  return text_table_end(&table, err);
}

static void print_missed(FILE *out, const json_t *score) {
  size_t i;
  json_t *x;
  json_array_foreach(json_object_get(score, "faults"), i, x) {
    if (json_get_bool(x, "found")) continue;
    const char *first = json_string_value(json_array_get(json_object_get(x, "runs"), 0));
    (void)fprintf(out, "missed: %s of %.1f sd on %s in %s, %s:%s %s from run %s\n", json_get_text(x, "kind"),
                  json_get_real(x, "size"), json_get_text(x, "sensor"), json_get_text(x, "step"),
                  json_get_text(x, "tool"), json_get_text(x, "chamber"), json_get_text(x, "recipe"),
                  first != NULL ? first : "-");
  }
  json_array_foreach(json_object_get(score, "false_alarm_runs"), i, x) {
    (void)fprintf(out, "false alarm: %s:%s run %s: ", json_get_text(x, "tool"), json_get_text(x, "chamber"),
                  json_get_text(x, "run_id"));
    text_print(out, json_get_text(x, "text"));
    (void)fputc('\n', out);
  }
}

tfdc_rc sim_score_print(FILE *out, const json_t *score, struct tfdc_error *err) {
  char a[40], b[40];
  const json_t *latency = json_object_get(score, "latency_ms");
  TFDC_TRY(print_faults(out, score, err));
  print_missed(out, score);
  (void)fprintf(out, "\n%-22s %lld of %lld planted\n", "faults found", (long long)json_get_int(score, "found", 0),
                (long long)json_get_int(score, "planted", 0));
  (void)fprintf(out, "%-22s %lld of %s normal judged runs: %.2f %% (at most %.2g %%); %lld warnings, %lld not judged\n",
                "false alarms", (long long)json_get_int(score, "false_alarms", 0),
                text_count(json_get_int(score, "normal_judged", 0), a), 100 * json_get_real(score, "false_alarm_share"),
                100 * json_get_real(score, "max_false_share"), (long long)json_get_int(score, "warnings", 0),
                (long long)json_get_int(score, "normal_not_judged", 0));
  (void)fprintf(out, "%-22s p50 %.1f ms, p95 %.1f ms, p99 %.1f ms\n", "run end to verdict",
                json_get_real(latency, "p50"), json_get_real(latency, "p95"), json_get_real(latency, "p99"));
  (void)fprintf(out, "%-22s %.2f bytes a point; %s points/s through to the verdict (%s runs)\n", "traces",
                json_get_real(score, "bytes_per_point"),
                text_count((int64_t)json_get_real(score, "points_per_second"), a),
                text_count(json_get_int(score, "runs", 0), b));
  (void)fprintf(out, "%-22s %s\n", "score", json_get_bool(score, "passed") ? "passed" : "FAILED");
  return text_flush(out, err);
}
