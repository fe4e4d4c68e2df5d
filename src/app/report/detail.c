/* SPDX-License-Identifier: Apache-2.0
 * One alarm: what happened, its U-charts, the traces of its runs over good ones; and charts without an alarm. */
#include "app/report/report_priv.h"

#include "app/find.h"
#include "app/json_get.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the text of an alarm ---- */

static void put_fact(struct tfdc_buf *b, const char *name, const char *text) {
  if (text == NULL || text[0] == '\0') return;
  html_fmt(b, "<div><dt>%s</dt>", name);
  html_element(b, "dd", text);
  html_put(b, "</div>");
}

static void put_times(struct tfdc_buf *b, const json_t *a) {
  int64_t opened = json_get_time(a, "opened_us"), cleared = json_get_time(a, "cleared_us");
  html_put(b, "<div><dt>opened</dt><dd>");
  html_time(b, opened);
  html_put(b, "</dd></div>");
  if (cleared != MODEL_NO_TIME) {
    html_put(b, "<div><dt>cleared</dt><dd>");
    html_time(b, cleared);
    html_put(b, " (after ");
    html_duration(b, cleared - opened);
    html_put(b, ")</dd></div>");
  }
  html_fmt(b, "<div><dt>bad runs</dt><dd>%lld</dd></div>", (long long)json_get_int(a, "bad_runs", 0));
  html_fmt(b, "<div><dt>first run</dt><dd><code>%.12s</code></dd></div>", json_get_text(a, "first_context"));
  html_fmt(b, "<div><dt>last run</dt><dd><code>%.12s</code></dd></div>", json_get_text(a, "last_context"));
}

static void put_names(struct tfdc_buf *b, const struct report_fact *f) {
  if (f->n_out < 2) return;
  html_fmt(b, "<p class=\"names\">%zu charts are out in its bad runs, worst first: ", f->n_out);
  for (size_t i = 0; i < f->n_out && i < FACT_NAMES; i++) {
    if (i > 0) html_put(b, ", ");
    html_element(b, "code", f->names[i]);
  }
  html_put(b, f->n_out > FACT_NAMES ? " ...</p>" : "</p>");
}

static void put_alarm(struct report *r, size_t i) {
  const json_t *a = r->fab.alarms[i];
  const struct report_fact *f = &r->facts[i];
  struct tfdc_buf *b = r->page;
  html_fmt(b, "<article class=\"alarm\" id=\"alarm-%zu\"><h3><a class=\"number\" href=\"#row-%zu\">%zu</a> %.64s:%.64s",
           i + 1, i + 1, i + 1, json_get_text(a, "tool"), json_get_text(a, "chamber"));
  if (f->n_charts > 0) {
    html_put(b, " &middot; ");
    fact_put_title(b, f);
  }
  html_put(b, "</h3><dl class=\"facts\">");
  put_fact(b, "state", json_get_text(a, "state"));
  put_fact(b, "severity", json_get_text(a, "severity"));
  put_fact(b, "recipe", json_get_text(a, "recipe_id"));
  put_times(b, a);
  put_fact(b, "strategy", json_get_text(a, "strategy"));
  put_fact(b, "equation", f->eq);
  put_fact(b, "rules", f->rules);
  html_put(b, "</dl>");
  put_names(b, f);
}

/* ---- its charts and traces ---- */

/* The worst point of the episode, and the first one that is out; NULL where none is. */
static const struct uchart_point *worst_of(const struct series *s, int64_t from_us, int64_t to_us,
                                           const struct uchart_point **ret_first) {
  const struct uchart_point *worst = NULL;
  for (size_t i = 0; i < s->n[0]; i++) {
    const struct uchart_point *p = &s->points[0][i];
    if (p->order_us < from_us || p->order_us > to_us) continue;
    bool out = p->verdict == MODEL_OOC || p->verdict == MODEL_ACTION || p->reason == MODEL_REASON_MISSING_STEP;
    if (!out) continue;
    if (worst == NULL) *ret_first = p;
    if (worst == NULL || isnan(worst->score) || p->score > worst->score) worst = p;
  }
  return worst;
}

static void put_worst(struct tfdc_buf *b, const struct uchart_point *p, const char *unit) {
  double half = p->value > p->centre ? p->ucl - p->centre : p->centre - p->lcl;
  if (!isfinite(p->value)) return;
  html_put(b, "<p class=\"names\">Worst run: ");
  html_value(b, p->value);
  if (uchart_unit(unit)[0] != '\0') html_put(b, " ");
  html_text(b, uchart_unit(unit));
  if (half > 0) html_fmt(b, ", %.3g times as far from the centre as the limit", fabs(p->value - p->centre) / half);
  if (p->wafer[0] != '\0') html_put(b, "; wafer ");
  html_text(b, p->wafer);
  if (p->lot[0] != '\0') html_put(b, " of lot ");
  html_text(b, p->lot);
  html_fmt(b, ", run <code>%.12s</code>.</p>\n", p->run);
}

static tfdc_rc put_traces(struct report *r, size_t i, const struct series *s) {
  const json_t *a = r->fab.alarms[i];
  const struct report_fact *f = &r->facts[i];
  char id[40];
  (void)snprintf(id, sizeof id, "a%zu-t", i + 1);
  struct traces_of of = {.id = id,
                         .tool = json_get_text(a, "tool"),
                         .chamber = json_get_text(a, "chamber"),
                         .recipe = json_get_text(a, "recipe_id"),
                         .svid = f->svid,
                         .step = f->step,
                         .points = s->points[0],
                         .n_points = s->n[0],
                         .opened_us = json_get_time(a, "opened_us"),
                         .updated_us = json_get_time(a, "updated_us")};
  const struct uchart_point *first = NULL, *worst = worst_of(s, of.opened_us, of.updated_us, &first);
  if (worst != NULL) put_worst(r->page, worst, s->units[0]);
  if (f->missing.name != NULL || f->missing.has_number)
    of.step = (struct report_step){.name = NULL}; /* the whole run */
  if (of.svid == NULL) return TFDC_OK;
  of.runs[0] = worst != NULL ? worst->run : json_get_text(a, "first_context");
  of.order_us[0] = worst != NULL ? worst->order_us : of.opened_us;
  if (first != worst) {
    of.runs[1] = first->run;
    of.order_us[1] = first->order_us;
  }
  return traces_draw(r, &of);
}

static struct series_of charts_of(const struct report *r, size_t i) {
  const json_t *a = r->fab.alarms[i];
  const struct report_fact *f = &r->facts[i];
  struct series_of of = {.tool = json_get_text(a, "tool"),
                         .chamber = json_get_text(a, "chamber"),
                         .strategy = json_get_text(a, "strategy"),
                         .partition = json_get_text(a, "partition"),
                         .n_charts = f->n_charts};
  for (size_t k = 0; k < f->n_charts; k++) of.charts[k] = f->charts[k];
  int64_t updated = json_get_time(a, "updated_us"), opened = json_get_time(a, "opened_us");
  series_around(r, of.tool, of.chamber, opened, updated == MODEL_NO_TIME ? opened : updated, &of);
  return of;
}

tfdc_rc report_put_detail(struct report *r, size_t i) {
  const json_t *a = r->fab.alarms[i];
  const struct report_fact *f = &r->facts[i];
  put_alarm(r, i);
  if (f->n_charts == 0) {
    html_put(r->page, "<p class=\"empty\">The points of the run have expired. The alarm says: ");
    html_text(r->page, json_get_text(a, "text"));
    html_put(r->page, "</p></article>\n");
    return TFDC_OK;
  }
  struct series_of of = charts_of(r, i);
  struct series s;
  TFDC_TRY(series_load(r, &of, &s));
  for (size_t k = 0; k < of.n_charts; k++) {
    char id[40];
    (void)snprintf(id, sizeof id, "a%zu-u%zu", i + 1, k + 1);
    series_draw(r, &of, &s, k, id, json_get_time(a, "opened_us"), json_get_time(a, "updated_us"));
    if (k == 0) TFDC_TRY(put_traces(r, i, &s));
  }
  for (size_t k = 0; k < f->n_out && k < FACT_NAMES; k++) { /* they are no charts without an alarm */
    of.charts[0] = f->names[k];
    (void)series_draw_once(r, &of, 0);
  }
  html_put(r->page, "</article>\n");
  tfdc_arena_reset(&r->mem);
  return TFDC_OK;
}
