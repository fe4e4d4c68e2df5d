/* SPDX-License-Identifier: Apache-2.0
 * Why alarms were raised: the points of the runs that opened them. */
#include "app/report/report_priv.h"

#include "app/find.h"
#include "app/json_get.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int worse_first(const void *a, const void *b) {
  const json_t *p = *(json_t *const *)a, *q = *(json_t *const *)b;
  double x = json_get_real(p, "score"), y = json_get_real(q, "score");
  x = isnan(x) ? -1 : x;
  y = isnan(y) ? -1 : y;
  if (x != y) return x > y ? -1 : 1;
  return strcmp(json_get_text(p, "chart"), json_get_text(q, "chart"));
}

static const char *keep(struct report *r, const char *text) { return tfdc_arena_strdup(&r->fab.mem, text); }

/* The worst chart, and the worst of another sensor. */
static void choose_charts(struct report *r, const char *strategy, json_t *const *out, struct report_fact *f) {
  for (size_t i = 0; i < f->n_out && f->n_charts < FACT_CHARTS; i++) {
    struct chart_def d =
        define_chart(r, strategy, json_get_int(out[i], "eq_version", 0), json_get_text(out[i], "chart"));
    bool other = f->n_charts > 0 && d.svid != NULL && f->svid != NULL && strcmp(d.svid, f->svid) != 0;
    if (f->n_charts > 0 && !other) continue;
    f->charts[f->n_charts++] = keep(r, json_get_text(out[i], "chart"));
    if (f->n_charts > 1) continue;
    f->point = series_point(NULL, out[i]);
    f->unit = keep(r, json_get_text(out[i], "unit"));
    f->eq = d.eq != NULL ? keep(r, d.eq) : NULL;
    f->svid = d.svid != NULL ? keep(r, d.svid) : NULL;
    f->step = d.step;
    f->step.name = d.step.name != NULL ? keep(r, d.step.name) : NULL;
    f->rules = d.rules != NULL ? keep(r, d.rules) : NULL;
  }
}

/* The step of the first chart that could not be judged for want of it. */
static void find_missing(struct report *r, const char *strategy, json_t *const *out, struct report_fact *f) {
  for (size_t i = 0; i < f->n_out; i++) {
    if (strcmp(json_get_text(out[i], "reason"), "MISSING_STEP") != 0) continue;
    struct chart_def d =
        define_chart(r, strategy, json_get_int(out[i], "eq_version", 0), json_get_text(out[i], "chart"));
    f->missing = d.step;
    f->missing.name = d.step.name != NULL ? keep(r, d.step.name) : NULL;
    return;
  }
}

static tfdc_rc take_points(struct report *r, const json_t *alarm, const json_t *run, struct report_fact *f) {
  const json_t *records = json_object_get(run, "records"), *points = NULL;
  for (size_t i = 0; i < json_array_size(records); i++) {
    const json_t *u = json_array_get(records, i);
    if (strcmp(json_get_text(u, "chart_set"), json_get_text(alarm, "strategy")) == 0)
      points = json_object_get(u, "points");
  }
  json_t **out = calloc(json_array_size(points) + 1, sizeof(json_t *));
  if (out == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "points");
  for (size_t i = 0; i < json_array_size(points); i++)
    if (is_out(json_array_get(points, i))) out[f->n_out++] = json_array_get(points, i);
  qsort(out, f->n_out, sizeof *out, worse_first);
  for (size_t i = 0; i < f->n_out && i < FACT_NAMES; i++) f->names[i] = keep(r, json_get_text(out[i], "chart"));
  choose_charts(r, json_get_text(alarm, "strategy"), out, f);
  find_missing(r, json_get_text(alarm, "strategy"), out, f);
  free(out);
  return TFDC_OK;
}

static tfdc_rc find_fact(struct report *r, const json_t *alarm, struct report_fact *f) {
  char path[128];
  json_t *run = NULL;
  find_run_path(json_get_text(alarm, "first_context"), "", path, sizeof path);
  tfdc_rc rc = client_get(r->client, path, NULL, &run, r->err);
  if (rc == TFDC_E_NOT_FOUND) return TFDC_OK; /* expired: the alarm's own text has to do */
  if (rc == TFDC_OK) rc = take_points(r, alarm, run, f);
  json_decref(run);
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
