/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/replay.h"

#include "app/cli.h"
#include "app/json_get.h"

/* ---- the first reading ---- */

static tfdc_rc begin_plan(void *user, const struct source *s, struct tfdc_error *err) {
  struct replay *r = user;
  TFDC_TRY(plan_init(&r->plan, &r->input.map, s, err));
  r->has_plan = true;
  return TFDC_OK;
}

static tfdc_rc scan_row(void *user, const struct source_row *row, const char **ret_bad, struct tfdc_error *err) {
  struct replay *r = user;
  struct plan_run *run;
  return plan_take(&r->plan, row, &run, ret_bad, err);
}

tfdc_rc replay_scan(struct replay *r, struct tfdc_error *err) {
  const struct input_visit v = {
      .user = r, .opened = begin_plan, .row = scan_row, .bad = &r->bad, .what = "MB looked through"};
  TFDC_TRY(input_read(&r->input, &v, err));
  if (r->plan.n_runs == 0)
    return tfdc_fail(err, TFDC_E_CSV, "%s: none of its %llu lines of data can be used", r->input.path,
                     (unsigned long long)r->input.rows);
  return plan_finish(&r->plan, err);
}

/* ---- the second ---- */

static tfdc_rc send_row(void *user, const struct source_row *row, const char **ret_bad, struct tfdc_error *err) {
  return assemble_take(user, row, ret_bad, err);
}

static tfdc_rc send_file(struct replay *r, struct feed *f, struct tfdc_error *err) {
  struct assemble *a;
  TFDC_TRY(assemble_create(&r->plan, feed_sink(f), &a, err));
  const struct input_visit v = {.user = a, .row = send_row, .bad = &r->bad, .again = true, .what = "MB sent"};
  tfdc_rc rc = input_read(&r->input, &v, err);
  if (rc == TFDC_OK) rc = assemble_finish(a, err);
  if (rc == TFDC_OK) rc = feed_finish(f, err);
  r->points = assemble_points(a);
  assemble_destroy(a);
  return rc;
}

tfdc_rc replay_send(struct replay *r, const struct feed_options *o, struct port_clock *clock, struct tfdc_error *err) {
  struct feed *f;
  int64_t began_us = cli_now_us();
  TFDC_TRY(feed_create(o, clock, &r->plan, &f, err));
  tfdc_rc rc = send_file(r, f, err);
  feed_counts(f, &r->sent);
  feed_destroy(f);
  r->send_us = cli_now_us() - began_us;
  return rc;
}

/* ---- the verdicts ---- */

tfdc_rc replay_judge(struct replay *r, struct client *client, bool learn, struct tfdc_error *err) {
  TFDC_TRY(outcome_init(&r->outcome, &r->plan, client, err));
  r->has_outcome = true;
  struct outcome *o = &r->outcome;
  TFDC_TRY(outcome_wait(o, 0, err));
  if (learn && o->waiting == 0 && o->not_selected > 0) {
    tfdc_rc rc = outcome_learn(o, &r->input.map, &r->learned, &r->no_learn);
    if (rc != TFDC_OK && rc != TFDC_E_LEARN) return tfdc_fail(err, rc, "learning: %s", tfdc_error_msg(&r->no_learn));
    int64_t again = json_get_int(r->learned, "rejudged", 0);
    if (again > 0) TFDC_TRY(outcome_wait(o, (uint64_t)again, err));
  }
  return outcome_count_alarms(o, &r->alarms, err);
}

void replay_deinit(struct replay *r) {
  json_decref(r->learned);
  if (r->has_outcome) outcome_deinit(&r->outcome);
  if (r->has_plan) plan_deinit(&r->plan);
  input_close(&r->input);
}

uint64_t replay_dropped(const struct replay *r) {
  uint64_t sum = 0;
  for (size_t i = 0; i <= r->input.map.n_drop; i++) sum += r->input.dropped[i];
  return sum;
}

bool replay_is_whole(const struct replay *r) {
  const struct outcome *o = &r->outcome;
  return r->bad.n == 0 && r->sent.rejects == 0 && r->sent.refused_runs == 0 && o->waiting == 0 && o->not_selected == 0;
}
