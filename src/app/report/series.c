/* SPDX-License-Identifier: Apache-2.0
 * The points of U-charts, from the API to the drawing. */
#include "app/report/report_priv.h"

#include "app/json_get.h"

#include <stdio.h>
#include <string.h>

enum { POINTS_MAX = 400 }; /* of one chart: more than the drawing can show apart */

struct loading {
  struct report *r;
  const struct series_of *of;
  struct series *s;
  bool failed;
};

static const char *keep(struct loading *l, const json_t *o, const char *key) {
  const char *copy = tfdc_arena_strdup(&l->r->mem, json_get_text(o, key));
  l->failed |= copy == NULL;
  return copy;
}

struct uchart_point series_point(const json_t *row, const json_t *p) {
  struct uchart_point to = {.run = json_get_text(row, "context_id"),
                            .lot = json_get_text(row, "lot_id"),
                            .wafer = json_get_text(row, "substrate_id"),
                            .order_us = json_get_time(row, "order_us"),
                            .value = json_get_real(p, "value"),
                            .centre = json_get_real(p, "centre"),
                            .ucl = json_get_real(p, "ucl"),
                            .lcl = json_get_real(p, "lcl"),
                            .score = json_get_real(p, "score"),
                            .limit_version = (uint32_t)json_get_int(p, "limit_version", 0),
                            .verdict = MODEL_NOT_JUDGED,
                            .late = json_get_bool(row, "late")};
  (void)model_verdict_parse(json_get_text(p, "verdict"), &to.verdict);
  (void)model_reason_parse(json_get_text(p, "reason"), &to.reason);
  return to;
}

static void add_point(struct loading *l, size_t chart, const json_t *row, const json_t *p) {
  if (l->s->units[chart] == NULL) l->s->units[chart] = keep(l, p, "unit");
  struct uchart_point *to = &l->s->points[chart][l->s->n[chart]++];
  *to = series_point(row, p);
  to->run = keep(l, row, "context_id");
  to->lot = keep(l, row, "lot_id");
  to->wafer = keep(l, row, "substrate_id");
}

static bool on_row(void *user, json_t *row) {
  struct loading *l = user;
  const json_t *points = json_object_get(row, "points");
  for (size_t i = 0; i < json_array_size(points); i++) {
    const json_t *p = json_array_get(points, i);
    for (size_t k = 0; k < l->of->n_charts; k++)
      if (l->s->n[k] < POINTS_MAX && strcmp(l->of->charts[k], json_get_text(p, "chart")) == 0) add_point(l, k, row, p);
  }
  return !l->failed;
}

tfdc_rc series_load(struct report *r, const struct series_of *of, struct series *ret) {
  *ret = (struct series){.n = {0}};
  struct loading l = {.r = r, .of = of, .s = ret};
  char from[24], to[24];
  (void)snprintf(from, sizeof from, "%lld", (long long)of->from_us);
  (void)snprintf(to, sizeof to, "%lld", (long long)of->to_us + 1);
  const char *params[14 + 2 * SERIES_CHARTS + 1] = {"strategy", of->strategy, "tool",      of->tool,
                                                    "chamber",  of->chamber,  "partition", of->partition,
                                                    "from",     from,         "to",        to};
  size_t n = 12;
  for (size_t k = 0; k < of->n_charts; k++) {
    params[n++] = "chart";
    params[n++] = of->charts[k];
    ret->points[k] = tfdc_arena_array(&r->mem, POINTS_MAX, sizeof *ret->points[k]);
    if (ret->points[k] == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "points");
  }
  TFDC_TRY(client_list(r->client, "/api/v1/charts", params, "points", 0, on_row, &l, r->err));
  return l.failed ? tfdc_fail(r->err, TFDC_E_NOMEM, "points") : TFDC_OK;
}

void series_around(const struct report *r, const char *tool, const char *chamber, int64_t first_us, int64_t last_us,
                   struct series_of *ret) {
  ret->from_us = first_us;
  ret->to_us = last_us;
  const struct fab_chamber *c = fab_find(&r->fab, tool, chamber);
  if (c == NULL || c->n == 0) return;
  size_t first = 0, last = 0;
  while (first + 1 < c->n && c->runs[first].order_us < first_us) first++;
  for (last = first; last + 1 < c->n && c->runs[last].order_us < last_us;) last++;
  if (last - first > SERIES_RUNS_BEFORE) last = first + SERIES_RUNS_BEFORE; /* a long episode: how it begins */
  size_t before = first < SERIES_RUNS_BEFORE ? first : SERIES_RUNS_BEFORE,
         after = c->n - 1 - last < SERIES_RUNS_AFTER ? c->n - 1 - last : SERIES_RUNS_AFTER;
  ret->from_us = c->runs[first - before].order_us;
  ret->to_us = c->runs[last + after].order_us;
}

/* ---- on the page ---- */

static const char *key_of(const struct series_of *of, size_t chart, char key[700]) {
  (void)snprintf(key, 700, "%.64s:%.64s %.64s %.64s %.256s", of->tool, of->chamber, of->strategy, of->charts[chart],
                 of->partition);
  return key;
}

bool series_is_drawn(const struct report *r, const struct series_of *of, size_t chart) {
  char key[700];
  return json_object_get(r->drawn, key_of(of, chart, key)) != NULL;
}

bool series_draw_once(struct report *r, const struct series_of *of, size_t chart) {
  char key[700];
  if (series_is_drawn(r, of, chart)) return false;
  return json_object_set_new_nocheck(r->drawn, key_of(of, chart, key), json_true()) == 0;
}

void series_draw(struct report *r, const struct series_of *of, const struct series *s, size_t chart, const char *id,
                 int64_t episode_from_us, int64_t episode_to_us) {
  const struct uchart_point *last = s->n[chart] > 0 ? &s->points[chart][s->n[chart] - 1] : NULL;
  char title[700];
  (void)snprintf(title, sizeof title, "%.64s, %.64s:%.64s%s%.256s", of->charts[chart], of->tool, of->chamber,
                 of->partition[0] != '\0' ? ", " : "", of->partition);
  struct uchart c = {.id = id,
                     .title = title,
                     .unit = s->units[chart],
                     .points = s->points[chart],
                     .n = s->n[chart],
                     .episode_from_us = episode_from_us,
                     .episode_to_us = episode_to_us,
                     .action_ucl = NAN,
                     .action_lcl = NAN,
                     .warn_at = NAN};
  if (last != NULL) {
    struct chart_def d = define_chart(r, of->strategy, 0, of->charts[chart]);
    c.action_ucl = d.action_ucl;
    c.action_lcl = d.action_lcl;
    if (d.rules == NULL) c.warn_at = define_warn_at(r, of->strategy, last->limit_version, of->partition);
  }
  uchart_draw(r->page, &c);
  r->sum->charts++;
}
