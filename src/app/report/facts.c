/* SPDX-License-Identifier: Apache-2.0
 * Why alarms were raised: the points of some of their bad runs. */
#include "app/report/report_priv.h"

#include "app/find.h"
#include "app/json_get.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKED_AT = 3 }; /* bad runs of an alarm */

const char *fact_why(const struct uchart_point *p, const char *rules, double *ret_limit) {
  *ret_limit = NAN;
  if (p->verdict == MODEL_NOT_JUDGED)
    return p->reason == MODEL_REASON_MISSING_STEP ? "the step is missing" : "not judged";
  if (p->value > p->ucl) {
    *ret_limit = p->ucl;
    return "above UCL";
  }
  if (p->value < p->lcl) {
    *ret_limit = p->lcl;
    return "below LCL";
  }
  if (p->verdict != MODEL_OOC && p->verdict != MODEL_ACTION) return "inside the limits";
  return rules == NULL ? "near a limit, 2 of 3 runs on one side" : "breaks a run rule";
}

char *fact_step_text(const struct report_step *s, char *buf) {
  enum { BUF = 320 };
  if (s->name != NULL)
    (void)snprintf(buf, BUF, "step %.256s", s->name);
  else if (s->has_number)
    (void)snprintf(buf, BUF, "step %lld", (long long)s->number);
  else
    (void)snprintf(buf, BUF, "the run");
  return buf;
}

void fact_put_title(struct tfdc_buf *b, const struct report_fact *f) {
  char step[320];
  double limit;
  if (f->missing.name != NULL || f->missing.has_number) {
    html_text(b, fact_step_text(&f->missing, step));
    html_put(b, " is missing");
    if (f->point.reason == MODEL_REASON_MISSING_STEP) return;
    html_put(b, ", ");
  }
  html_element(b, "code", f->charts[0]);
  html_fmt(b, " %s", fact_why(&f->point, f->rules, &limit));
}

static bool is_out(const json_t *p) {
  struct uchart_point at = series_point(NULL, p);
  return at.verdict == MODEL_OOC || at.verdict == MODEL_ACTION ||
         (at.verdict == MODEL_NOT_JUDGED && at.reason == MODEL_REASON_MISSING_STEP);
}

/* ---- the charts that were out ---- */

/* One chart that was out in a run that is looked at; the point is the worst one. */
struct candidate {
  const json_t *point;
  const char *chart;
  size_t runs;
  double score; /* -1: it has none */
};

/* Those that were out in more runs first, then those that were farther out. */
static int worse_first(const void *a, const void *b) {
  const struct candidate *p = a, *q = b;
  if (p->runs != q->runs) return p->runs > q->runs ? -1 : 1;
  if (p->score != q->score) return p->score > q->score ? -1 : 1;
  return strcmp(p->chart, q->chart);
}

static int by_chart(const void *a, const void *b) {
  return strcmp(((const struct candidate *)a)->chart, ((const struct candidate *)b)->chart);
}

static const json_t *points_of(const json_t *run, const char *strategy) {
  const json_t *records = json_object_get(run, "records"), *points = NULL;
  for (size_t i = 0; i < json_array_size(records); i++) {
    const json_t *u = json_array_get(records, i);
    if (strcmp(json_get_text(u, "chart_set"), strategy) == 0) points = json_object_get(u, "points");
  }
  return points;
}

static size_t add_points(struct candidate *to, const json_t *points) {
  size_t n = 0;
  for (size_t i = 0; i < json_array_size(points); i++) {
    const json_t *p = json_array_get(points, i);
    double score = json_get_real(p, "score");
    if (is_out(p)) to[n++] = (struct candidate){p, json_get_text(p, "chart"), 1, isnan(score) ? -1 : score};
  }
  return n;
}

/* One candidate for each chart, worst first; how many. */
static size_t join(struct candidate *list, size_t n) {
  size_t kept = 0;
  if (n == 0) return 0;
  qsort(list, n, sizeof *list, by_chart);
  for (size_t i = 1; i < n; i++) {
    if (strcmp(list[kept].chart, list[i].chart) != 0) {
      list[++kept] = list[i];
      continue;
    }
    size_t runs = list[kept].runs + 1;
    if (list[i].score > list[kept].score) list[kept] = list[i];
    list[kept].runs = runs;
  }
  qsort(list, kept + 1, sizeof *list, worse_first);
  return kept + 1;
}

/* ---- what is kept of them ---- */

static const char *keep(struct report *r, const char *text) { return tfdc_arena_strdup(&r->fab.mem, text); }

static struct chart_def define(struct report *r, const char *strategy, const struct candidate *c) {
  return define_chart(r, strategy, json_get_int(c->point, "eq_version", 0), c->chart);
}

static struct report_step keep_step(struct report *r, struct report_step step) {
  if (step.name != NULL) step.name = keep(r, step.name);
  return step;
}

/* The worst chart, and the worst of another sensor. */
static void choose_charts(struct report *r, const char *strategy, const struct candidate *out, struct report_fact *f) {
  for (size_t i = 0; i < f->n_out && f->n_charts < FACT_CHARTS; i++) {
    struct chart_def d = define(r, strategy, &out[i]);
    bool other = f->n_charts > 0 && d.svid != NULL && f->svid != NULL && strcmp(d.svid, f->svid) != 0;
    if (f->n_charts > 0 && !other) continue;
    f->charts[f->n_charts++] = keep(r, out[i].chart);
    if (f->n_charts > 1) continue;
    f->point = series_point(NULL, out[i].point);
    f->unit = keep(r, json_get_text(out[i].point, "unit"));
    f->eq = d.eq != NULL ? keep(r, d.eq) : NULL;
    f->svid = d.svid != NULL ? keep(r, d.svid) : NULL;
    f->step = keep_step(r, d.step);
    f->rules = d.rules != NULL ? keep(r, d.rules) : NULL;
  }
}

/* The step of the first chart that could not be judged for want of it. */
static void find_missing(struct report *r, const char *strategy, const struct candidate *out, struct report_fact *f) {
  for (size_t i = 0; i < f->n_out; i++) {
    if (strcmp(json_get_text(out[i].point, "reason"), "MISSING_STEP") != 0) continue;
    f->missing = keep_step(r, define(r, strategy, &out[i]).step);
    return;
  }
}

static tfdc_rc take_points(struct report *r, const char *strategy, json_t *const runs[LOOKED_AT],
                           struct report_fact *f) {
  size_t most = 0, n = 0;
  for (size_t i = 0; i < LOOKED_AT; i++) most += json_array_size(points_of(runs[i], strategy));
  struct candidate *out = calloc(most + 1, sizeof *out);
  if (out == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "points");
  for (size_t i = 0; i < LOOKED_AT; i++) n += add_points(out + n, points_of(runs[i], strategy));
  f->n_out = join(out, n);
  for (size_t i = 0; i < f->n_out && i < FACT_NAMES; i++) f->names[i] = keep(r, out[i].chart);
  choose_charts(r, strategy, out, f);
  find_missing(r, strategy, out, f);
  free(out);
  return TFDC_OK;
}

/* ---- which runs ---- */

static bool is_bad(const struct fab_run *run, const json_t *a) {
  bool bad = run->verdict == MODEL_OOC || run->verdict == MODEL_ACTION ||
             (run->verdict == MODEL_NOT_JUDGED && run->reason == MODEL_REASON_MISSING_STEP);
  return bad && run->order_us > json_get_time(a, "opened_us") && run->order_us <= json_get_time(a, "updated_us") &&
         strcmp(run->recipe, json_get_text(a, "recipe_id")) == 0;
}

/* The first bad run of the alarm, one in the middle, the last one; NULL where there are fewer. */
static void choose_runs(const struct report *r, const json_t *a, const char *ret[LOOKED_AT]) {
  const struct fab_chamber *c = fab_find(&r->fab, json_get_text(a, "tool"), json_get_text(a, "chamber"));
  size_t n = 0, at = 0, all = c != NULL ? c->n : 0;
  ret[0] = json_get_text(a, "first_context");
  for (size_t i = 0; i < all; i++) n += is_bad(&c->runs[i], a);
  for (size_t i = 0; i < all; i++) {
    if (!is_bad(&c->runs[i], a)) continue;
    at++;
    if (at == n)
      ret[2] = c->runs[i].id;
    else if (at == (n + 1) / 2)
      ret[1] = c->runs[i].id;
  }
}

static tfdc_rc get_run(struct report *r, const char *id, json_t **ret) {
  char path[128];
  find_run_path(id, "", path, sizeof path);
  tfdc_rc rc = client_get(r->client, path, NULL, ret, r->err);
  return rc == TFDC_E_NOT_FOUND ? TFDC_OK : rc; /* expired: the alarm's own text has to do */
}

static tfdc_rc find_fact(struct report *r, const json_t *alarm, struct report_fact *f) {
  json_t *runs[LOOKED_AT] = {NULL};
  const char *ids[LOOKED_AT] = {NULL};
  tfdc_rc rc = TFDC_OK;
  choose_runs(r, alarm, ids);
  for (size_t i = 0; i < LOOKED_AT && rc == TFDC_OK; i++)
    if (ids[i] != NULL) rc = get_run(r, ids[i], &runs[i]);
  if (rc == TFDC_OK) rc = take_points(r, json_get_text(alarm, "strategy"), runs, f);
  for (size_t i = 0; i < LOOKED_AT; i++) json_decref(runs[i]);
  tfdc_arena_reset(&r->mem);
  return rc;
}

tfdc_rc report_find_facts(struct report *r) {
  size_t n = r->fab.n_alarms < r->o->alarms_most ? r->fab.n_alarms : r->o->alarms_most;
  r->facts = tfdc_arena_alloc(&r->fab.mem, (n + 1) * sizeof *r->facts);
  if (r->facts == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "alarms");
  for (size_t i = 0; i < n; i++) TFDC_TRY(find_fact(r, r->fab.alarms[i], &r->facts[i]));
  r->n_facts = n;
  return TFDC_OK;
}
