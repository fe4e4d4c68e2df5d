/* SPDX-License-Identifier: Apache-2.0
 * What a replay says at its end. */
#include "app/json_get.h"
#include "app/replay/replay.h"
#include "app/text_out.h"

#include <inttypes.h>
#include <string.h>

static const char *rule_text(const struct replay_map *m, size_t rule, char *buf, size_t size) {
  if (rule == m->n_drop) return "SVIDs that the map does not have";
  (void)snprintf(buf, size, "%.100s = %.100s", m->drop[rule].column, m->drop[rule].equals);
  return buf;
}

/* ---- for programs ---- */

static json_t *count_of(uint64_t n) { return json_integer((json_int_t)n); }

static json_t *lines_json(const struct replay *r) {
  char text[256];
  json_t *lines = json_object(), *rules = json_array(), *bad = json_array();
  for (size_t i = 0; i <= r->input.map.n_drop; i++) {
    if (r->input.dropped[i] == 0) continue;
    (void)json_array_append_new(rules, json_pack("{s:s, s:o}", "rule", rule_text(&r->input.map, i, text, sizeof text),
                                                 "lines", count_of(r->input.dropped[i])));
  }
  for (size_t i = 0; i < r->bad.n && i < INPUT_BAD_SHOWN; i++)
    (void)json_array_append_new(
        bad, json_pack("{s:I, s:s}", "line", (json_int_t)r->bad.first[i].line, "why", r->bad.first[i].why));
  (void)json_object_set_new(lines, "data", count_of(r->input.rows));
  (void)json_object_set_new(lines, "dropped", count_of(replay_dropped(r)));
  (void)json_object_set_new(lines, "dropped_by", rules);
  (void)json_object_set_new(lines, "bad", count_of(r->bad.n));
  (void)json_object_set_new(lines, "first_bad", bad);
  return lines;
}

static json_t *verdicts_json(const struct outcome *o) {
  json_t *verdicts = json_object();
  for (int v = MODEL_OK; v <= MODEL_NOT_JUDGED; v++)
    (void)json_object_set_new(verdicts, model_verdict_name((enum model_verdict)v), count_of(o->verdicts[v]));
  return verdicts;
}

static json_t *reasons_json(const struct outcome *o) {
  json_t *reasons = json_object();
  for (int i = 0; i <= MODEL_REASON_UNDEFINED; i++)
    if (o->reasons[i] > 0)
      (void)json_object_set_new(reasons, model_reason_name((enum model_reason)i), count_of(o->reasons[i]));
  return reasons;
}

static void add_sent(json_t *all, const struct replay *r, const struct host *h) {
  (void)json_object_set_new(all, "server", h->dev != NULL ? json_null() : json_string(client_where(h->client)));
  (void)json_object_set_new(all, "runs_sent", count_of(r->sent.runs));
  (void)json_object_set_new(all, "runs_refused", count_of(r->sent.refused_runs));
  (void)json_object_set_new(all, "messages_rejected", count_of(r->sent.rejects));
  (void)json_object_set_new(all, "first_reject", json_string(r->sent.first_reject));
  (void)json_object_set_new(all, "points", count_of(r->points));
}

static void add_judged(json_t *all, const struct replay *r) {
  const struct outcome *o = &r->outcome;
  (void)json_object_set_new(all, "learned", r->learned != NULL ? json_incref(r->learned) : json_null());
  (void)json_object_set_new(all, "not_learned",
                            r->no_learn.code != TFDC_OK ? json_string(tfdc_error_msg(&r->no_learn)) : json_null());
  (void)json_object_set_new(all, "runs_judged", count_of(r->plan.n_runs - o->waiting - o->verdicts[MODEL_NOT_JUDGED]));
  (void)json_object_set_new(all, "verdicts", verdicts_json(o));
  (void)json_object_set_new(all, "not_judged_reasons", reasons_json(o));
  (void)json_object_set_new(all, "without_strategy", count_of(o->not_selected));
  (void)json_object_set_new(all, "waiting", count_of(o->waiting));
  (void)json_object_set_new(all, "u_points", count_of(o->charts));
  (void)json_object_set_new(all, "u_points_judged", count_of(o->charts_judged));
  (void)json_object_set_new(all, "alarms", count_of(r->alarms));
  if (r->input.map.n_good == 0) return;
  (void)json_object_set_new(
      all, "good", json_pack("{s:o, s:o}", "runs", count_of(o->good), "out_of_control", count_of(o->good_alarmed)));
  (void)json_object_set_new(
      all, "other", json_pack("{s:o, s:o}", "runs", count_of(o->other), "out_of_control", count_of(o->other_alarmed)));
}

static tfdc_rc print_json(const struct replay *r, const struct host *h, struct tfdc_error *err) {
  struct tfdc_buf yaml = {0};
  TFDC_TRY(map_to_yaml(&r->input.map, &yaml));
  tfdc_put_u8(&yaml, 0);
  json_t *all = json_object();
  (void)json_object_set_new(all, "v", json_integer(1));
  (void)json_object_set_new(all, "file", json_string(r->input.path));
  (void)json_object_set_new(all, "map_guessed", json_boolean(r->input.notes != NULL));
  (void)json_object_set_new(all, "map", json_string(yaml.failed ? NULL : (const char *)yaml.data));
  tfdc_buf_deinit(&yaml);
  (void)json_object_set_new(all, "lines", lines_json(r));
  (void)json_object_set_new(all, "runs", count_of(r->plan.n_runs));
  (void)json_object_set_new(all, "chambers", count_of(r->plan.n_chambers));
  if (h != NULL) add_sent(all, r, h);
  if (r->has_outcome) add_judged(all, r);
  tfdc_rc rc = text_print_json(stdout, all, err);
  json_decref(all);
  return rc == TFDC_OK ? text_flush(stdout, err) : rc;
}

/* ---- for people ---- */

static const char *n_text(uint64_t n, char buf[40]) { return text_count((int64_t)n, buf); }

static void print_lines(const struct replay *r) {
  char a[40], b[40], text[256];
  (void)printf("lines         %s of data", n_text(r->input.rows, a));
  for (size_t i = 0; i <= r->input.map.n_drop; i++) {
    if (r->input.dropped[i] == 0) continue;
    (void)printf(", %s dropped (", n_text(r->input.dropped[i], b));
    text_print(stdout, rule_text(&r->input.map, i, text, sizeof text));
    (void)printf(")");
  }
  (void)printf(", %s bad\n", n_text(r->bad.n, a));
}

static void print_sent(const struct replay *r) {
  char a[40], b[40], c[40];
  (void)printf("runs sent     %s of %s chamber%s, %s points, in %s\n", n_text(r->sent.runs, a),
               n_text(r->plan.n_chambers, b), r->plan.n_chambers == 1 ? "" : "s", n_text(r->points, c),
               text_duration(r->send_us, (char[40]){0}));
  if (r->sent.rejects == 0 && r->sent.refused_runs == 0) return;
  (void)printf("rejected      %s messages, %s whole runs; the first: ", n_text(r->sent.rejects, a),
               n_text(r->sent.refused_runs, b));
  text_print(stdout, r->sent.first_reject);
  (void)printf("\n");
}

static void print_learned(const struct replay *r) {
  const json_t *strategy, *group, *skipped;
  size_t i;
  char a[40], b[40];
  if (r->no_learn.code != TFDC_OK) (void)printf("not learned   %s\n", tfdc_error_msg(&r->no_learn));
  json_array_foreach(json_object_get(r->learned, "strategies"), i, strategy) {
    (void)printf("learned       strategy ");
    text_print(stdout, json_get_text(strategy, "strategy"));
    (void)printf(": %s charts from %s %s runs\n", text_count(json_get_int(strategy, "charts", 0), a),
                 text_count(json_get_int(strategy, "runs", 0), b), r->input.map.n_good > 0 ? "good" : "first");
  }
  json_array_foreach(json_object_get(r->learned, "groups"), i, group) {
    (void)printf("              ");
    text_print(stdout, json_get_text(group, "partition"));
    (void)printf(": %s runs, limits at %.3g sigma\n", text_count(json_get_int(group, "n_runs", 0), a),
                 json_get_real(group, "width"));
  }
  json_array_foreach(json_object_get(r->learned, "skipped"), i, skipped) {
    (void)printf("not learned   recipe ");
    text_print(stdout, json_get_text(skipped, "recipe"));
    (void)printf(": ");
    text_print(stdout, json_get_text(skipped, "reason"));
    (void)printf("\n");
  }
}

static void print_judged(const struct replay *r) {
  const struct outcome *o = &r->outcome;
  uint64_t judged = r->plan.n_runs - o->waiting - o->verdicts[MODEL_NOT_JUDGED];
  char a[40], b[40];
  const char *before = ": ";
  (void)printf("judged        %s of %s runs", n_text(judged, a), n_text(r->plan.n_runs, b));
  for (int v = MODEL_OK; v < MODEL_NOT_JUDGED; v++) {
    if (o->verdicts[v] == 0) continue;
    (void)printf("%s%s %s", before, n_text(o->verdicts[v], a), model_verdict_name((enum model_verdict)v));
    before = ", ";
  }
  before = ": ";
  (void)printf("\nnot judged    %s runs", n_text(o->verdicts[MODEL_NOT_JUDGED], a));
  for (int i = 0; i <= MODEL_REASON_UNDEFINED; i++) {
    if (o->reasons[i] == 0) continue;
    const char *name = i == MODEL_REASON_NONE ? "no strategy selects them" : model_reason_name((enum model_reason)i);
    (void)printf("%s%s %s", before, n_text(o->reasons[i], a), name);
    before = ", ";
  }
  (void)printf("\n");
  if (o->waiting > 0)
    (void)printf("waiting       %s runs have no verdict yet: see `tfdc runs`\n", n_text(o->waiting, a));
  (void)printf("U points      %s, of them %s judged\n", n_text(o->charts, a), n_text(o->charts_judged, b));
  (void)printf("alarms        %s\n", n_text(r->alarms, a));
  if (r->input.map.n_good == 0) return;
  (void)printf("good runs     %s of %s are out of control\n", n_text(o->good_alarmed, a), n_text(o->good, b));
  (void)printf("other runs    %s of %s are out of control\n", n_text(o->other_alarmed, a), n_text(o->other, b));
}

static tfdc_rc print_text(const struct replay *r, const struct host *h, struct tfdc_error *err) {
  print_lines(r);
  if (h != NULL) print_sent(r);
  char a[40], b[40];
  if (h == NULL)
    (void)printf("runs          %s of %s chambers; nothing was sent\n", n_text(r->plan.n_runs, a),
                 n_text(r->plan.n_chambers, b));
  if (r->has_outcome) {
    print_learned(r);
    print_judged(r);
  }
  return text_flush(stdout, err);
}

tfdc_rc replay_print(const struct replay *r, const struct host *h, bool json, struct tfdc_error *err) {
  return json ? print_json(r, h, err) : print_text(r, h, err);
}

tfdc_rc replay_print_map(const struct replay *r, FILE *out, struct tfdc_error *err) {
  struct tfdc_buf yaml = {0};
  tfdc_rc rc = map_to_yaml(&r->input.map, &yaml);
  if (rc != TFDC_OK) {
    tfdc_buf_deinit(&yaml);
    return tfdc_fail(err, rc, "no memory for the map");
  }
  for (const char *s = r->input.notes; s != NULL && *s != '\0';) {
    size_t n = strcspn(s, "\n");
    (void)fprintf(out, "# %.*s\n", (int)n, s);
    s += n + (s[n] != '\0');
  }
  (void)fwrite(yaml.data, 1, yaml.size, out);
  tfdc_buf_deinit(&yaml);
  return text_flush(out, err);
}
