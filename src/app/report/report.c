/* SPDX-License-Identifier: Apache-2.0 */
#include "app/report/report_priv.h"

enum { PAGE_BYTES_MAX = 64 << 20, MEM_BYTES_MAX = 64 << 20 };

static tfdc_rc put_details(struct report *r) {
  if (r->n_facts == 0) return TFDC_OK;
  html_put(r->page,
           "<section id=\"details\"><h2>The alarms one by one</h2>\n"
           "<p>U-charts: one point a run, in run order, with the limits that judged it; the shaded part is the "
           "alarm. Below: the sensor during the worst run, over good runs.</p>\n");
  uchart_put_legend(r->page);
  size_t i = 0;
  for (; i < r->n_facts && r->page->size < r->o->bytes_most; i++) TFDC_TRY(report_put_detail(r, i));
  r->sum->alarms_without_charts = r->fab.n_alarms - i;
  if (i < r->fab.n_alarms)
    html_fmt(r->page,
             "<p class=\"cut\">%zu of %zu alarms are shown with charts; the other %zu are in the table only. A shorter "
             "period or one chamber shows them.</p>\n",
             i, r->fab.n_alarms, r->fab.n_alarms - i);
  for (; i < r->n_facts; i++) html_fmt(r->page, "<a id=\"alarm-%zu\"></a>", i + 1); /* the table refers to them */
  html_put(r->page, "</section>\n");
  return TFDC_OK;
}

static void count(struct report *r) {
  const struct fab *f = &r->fab;
  struct report_summary *s = r->sum;
  s->runs = f->n_runs;
  s->ok = f->counts[MODEL_OK];
  s->warn = f->counts[MODEL_WARN];
  s->ooc = f->counts[MODEL_OOC];
  s->action = f->counts[MODEL_ACTION];
  s->not_judged = f->counts[MODEL_NOT_JUDGED];
  s->waiting = f->counts[FAB_WAITING];
  s->chambers = f->n_chambers;
  s->alarms = f->n_alarms;
  s->alarms_open = f->n_open;
}

static tfdc_rc build(struct report *r) {
  TFDC_TRY(fab_load(r->client, &r->o->filter, &r->fab, r->err));
  count(r);
  TFDC_TRY(report_find_facts(r));
  report_put_head(r);
  report_put_alarms(r);
  report_put_overview(r);
  TFDC_TRY(put_details(r));
  TFDC_TRY(report_put_others(r));
  report_put_not_judged(r);
  report_put_foot(r);
  tfdc_rc rc = tfdc_buf_status(r->page);
  return rc == TFDC_OK ? rc : tfdc_fail(r->err, rc, "the page");
}

tfdc_rc report_build(struct client *c, const struct report_options *o, struct tfdc_buf *page,
                     struct report_summary *ret, struct tfdc_error *err) {
  struct tfdc_error ignored = {0};
  *ret = (struct report_summary){0};
  page->limit = PAGE_BYTES_MAX;
  struct report r = {.client = c, .o = o, .page = page, .sum = ret, .err = err != NULL ? err : &ignored};
  r.mem.limit = r.fab.mem.limit = MEM_BYTES_MAX;
  r.drawn = json_object();
  tfdc_rc rc = r.drawn != NULL ? build(&r) : TFDC_E_NOMEM;
  json_decref(r.drawn);
  for (size_t i = 0; i < r.n_defs; i++) json_decref(r.defs[i].body);
  tfdc_arena_deinit(&r.mem);
  fab_deinit(&r.fab);
  ret->bytes = page->size;
  return rc;
}
