/* SPDX-License-Identifier: Apache-2.0
 * Charts without an alarm: of each chamber the one that comes nearest to its limits. */
#include "app/report/report_priv.h"

#include "app/find.h"
#include "app/json_get.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nearest {
  const struct fab_chamber *chamber;
  const struct fab_run *run;
  char strategy[65], chart[65];
  char partition[257];
  double score;
};

/* The newest run that was near a limit, else the newest that was judged. */
static const struct fab_run *run_of(const struct fab_chamber *c) {
  const struct fab_run *judged = NULL;
  for (size_t i = c->n; i-- > 0;) {
    if (c->runs[i].verdict == MODEL_WARN) return &c->runs[i];
    if (judged == NULL && c->runs[i].verdict == MODEL_OK) judged = &c->runs[i];
  }
  return judged;
}

static void look_at_record(struct report *r, const json_t *record, struct nearest *n) {
  const json_t *points = json_object_get(record, "points");
  for (size_t i = 0; i < json_array_size(points); i++) {
    const json_t *p = json_array_get(points, i);
    double score = json_get_real(p, "score");
    struct series_of of = {.tool = n->chamber->tool,
                           .chamber = n->chamber->chamber,
                           .strategy = json_get_text(record, "chart_set"),
                           .partition = json_get_text(record, "partition"),
                           .charts = {json_get_text(p, "chart")},
                           .n_charts = 1};
    if (!(score > n->score) || series_is_drawn(r, &of, 0)) continue;
    n->score = score;
    (void)snprintf(n->strategy, sizeof n->strategy, "%s", of.strategy);
    (void)snprintf(n->partition, sizeof n->partition, "%s", of.partition);
    (void)snprintf(n->chart, sizeof n->chart, "%s", of.charts[0]);
  }
}

static tfdc_rc look(struct report *r, struct nearest *n) {
  char path[128];
  json_t *run = NULL;
  find_run_path(n->run->id, "", path, sizeof path);
  tfdc_rc rc = client_get(r->client, path, NULL, &run, r->err);
  if (rc == TFDC_E_NOT_FOUND) return TFDC_OK;
  const json_t *records = json_object_get(run, "records");
  for (size_t i = 0; rc == TFDC_OK && i < json_array_size(records); i++)
    look_at_record(r, json_array_get(records, i), n);
  json_decref(run);
  return rc;
}

static tfdc_rc draw(struct report *r, const struct nearest *n, size_t number) {
  struct series_of of = {.tool = n->chamber->tool,
                         .chamber = n->chamber->chamber,
                         .strategy = n->strategy,
                         .partition = n->partition,
                         .charts = {n->chart},
                         .n_charts = 1};
  struct series s;
  char id[40];
  (void)snprintf(id, sizeof id, "o%zu", number);
  series_around(r, of.tool, of.chamber, n->run->order_us, n->run->order_us, &of);
  TFDC_TRY(series_load(r, &of, &s));
  bool calm = s.n[0] > 0;
  for (size_t i = 0; i < s.n[0]; i++)
    calm = calm && s.points[0][i].verdict != MODEL_OOC && s.points[0][i].verdict != MODEL_ACTION;
  if (calm && series_draw_once(r, &of, 0)) series_draw(r, &of, &s, 0, id, MODEL_NO_TIME, MODEL_NO_TIME);
  tfdc_arena_reset(&r->mem);
  return TFDC_OK;
}

static int nearer_first(const void *a, const void *b) {
  const struct nearest *x = a, *y = b;
  return (x->score < y->score) - (x->score > y->score);
}

static tfdc_rc draw_all(struct report *r, struct nearest *list, size_t n) {
  qsort(list, n, sizeof *list, nearer_first);
  if (n == 0) return TFDC_OK;
  html_put(r->page,
           "<section id=\"others\"><h2>Charts without an alarm</h2><p>Of each chamber the one that came nearest "
           "to its limits in the newest run that was near any of them.");
  if (r->fab.n_chambers > n) html_fmt(r->page, " %zu of %zu chambers.", n, r->fab.n_chambers);
  html_put(r->page, "</p>\n");
  for (size_t i = 0; i < n && r->page->size < r->o->bytes_most; i++) TFDC_TRY(draw(r, &list[i], i + 1));
  html_put(r->page, "</section>\n");
  return TFDC_OK;
}

tfdc_rc report_put_others(struct report *r) {
  struct nearest *list = calloc(r->o->others_most + 1, sizeof *list);
  if (list == NULL) return tfdc_fail(r->err, TFDC_E_NOMEM, "charts");
  size_t n = 0;
  tfdc_rc rc = TFDC_OK;
  for (size_t i = 0; rc == TFDC_OK && i < r->fab.n_chambers && n < r->o->others_most; i++) {
    struct nearest *at = &list[n];
    *at = (struct nearest){.chamber = &r->fab.chambers[i], .run = run_of(&r->fab.chambers[i])};
    if (at->run == NULL) continue;
    rc = look(r, at);
    n += at->score > 0;
  }
  if (rc == TFDC_OK) rc = draw_all(r, list, n);
  free(list);
  return rc;
}
