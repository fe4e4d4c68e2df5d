/* SPDX-License-Identifier: Apache-2.0
 * Points of U-charts: one row for each run, in run order. Rows are read a few at a time, and a page ends early where
 * its text grows large: its cursor says that there is more. */
#include "base/text.h"
#include "model/codec.h"
#include "run/api_handlers.h"

#include <stdlib.h>

enum { ROWS_OF_READ = 64 };
#define PAGE_BYTES ((size_t)32 << 20)

struct charting {
  struct api_call *call;
  const char *const *charts; /* sorted; n_charts 0 = all */
  size_t n_charts;
  struct model_json out;
  uint32_t rows;
};

static tfdc_rc put_points(struct charting *k, const struct model_u_record *u, struct tfdc_arena *mem) {
  const struct model_point *points = u->points;
  size_t n = u->n_points;
  if (k->n_charts > 0) {
    struct model_point *some = tfdc_arena_array(mem, u->n_points, sizeof *some);
    if (some == NULL) return TFDC_E_NOMEM;
    n = 0;
    for (size_t i = 0; i < u->n_points; i++) {
      const char *const *found =
          bsearch(&u->points[i].chart, k->charts, k->n_charts, sizeof *k->charts, tfdc_text_order);
      if (found != NULL) some[n++] = u->points[i];
    }
    points = some;
  }
  model_json_key(&k->out, "points");
  return model_points_to_json(points, n, k->out.out);
}

static tfdc_rc put_row(struct charting *k, const struct model_u_record *u, const struct store_req *verdict) {
  struct model_json *j = &k->out;
  const struct model_run_verdict *v = verdict->base.rc == TFDC_OK ? &verdict->verdicts[0] : NULL;
  struct tfdc_arena mem = {0};
  model_json_open(j, NULL, '{');
  model_json_int(j, "order_us", u->order_us);
  model_json_id(j, "context_id", u->context_id);
  model_json_int(j, "revision", u->revision);
  model_json_int(j, "judgement", u->judgement);
  model_json_text(j, "recipe_id", v != NULL ? v->recipe_id : NULL);
  model_json_text(j, "lot_id", v != NULL ? v->lot_id : NULL);
  model_json_text(j, "substrate_id", v != NULL ? v->substrate_id : NULL);
  model_json_text(j, "partition", u->partition != NULL ? u->partition : "");
  model_json_bool(j, "late", u->late);
  tfdc_rc rc = put_points(k, u, &mem);
  model_json_close(j, '}');
  tfdc_arena_deinit(&mem);
  return rc == TFDC_OK ? rc : tfdc_fail(&k->call->err, rc, "points of a run");
}

/* The verdicts of the rows' runs, several at once. */
static tfdc_rc put_rows(struct charting *k, const struct store_req *list) {
  struct api_call *c = k->call;
  struct store_req verdicts[ROWS_OF_READ];
  struct port_req *all[ROWS_OF_READ];
  for (size_t i = 0; i < list->n; i++) {
    store_req_init(&verdicts[i], STORE_VERDICT_GET);
    verdicts[i].id = list->u_records[i].context_id;
    all[i] = &verdicts[i].base;
  }
  await_call_all(c->o->await, c->o->store, all, list->n);
  tfdc_rc rc = TFDC_OK;
  for (size_t i = 0; i < list->n && rc == TFDC_OK; i++) {
    tfdc_rc read = verdicts[i].base.rc;
    if (read != TFDC_OK && read != TFDC_E_NOT_FOUND)
      rc = tfdc_fail(&c->err, read, "%s", tfdc_error_msg(&verdicts[i].base.err));
    else
      rc = put_row(k, &list->u_records[i], &verdicts[i]);
  }
  for (size_t i = 0; i < list->n; i++) api_store_deinit(&verdicts[i]);
  return rc;
}

static tfdc_rc put_page(struct charting *k, struct store_req *r, uint32_t limit) {
  struct api_call *c = k->call;
  const char *cursor = r->page.cursor;
  do {
    uint32_t rest = limit - k->rows;
    port_req_reset(&r->base);
    r->page.cursor = cursor;
    r->page.limit = rest < ROWS_OF_READ ? rest : ROWS_OF_READ;
    r->ret_cursor = NULL;
    r->n = 0;
    TFDC_TRY(api_store(c->api, r, &c->err));
    TFDC_TRY(put_rows(k, r));
    k->rows += (uint32_t)r->n;
    cursor = r->ret_cursor == NULL ? NULL : tfdc_arena_strdup(&c->mem, r->ret_cursor);
    if (cursor == NULL && r->ret_cursor != NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "cursor");
  } while (cursor != NULL && k->rows < limit && k->out.out->size < PAGE_BYTES);
  model_json_close(&k->out, ']');
  model_json_text(&k->out, "cursor", cursor);
  model_json_close(&k->out, '}');
  return TFDC_OK;
}

static tfdc_rc need_id(struct api_call *c, const char *name, const char **ret) {
  TFDC_TRY(api_param_need(c, name, ret));
  if (tfdc_is_id(*ret, strlen(*ret))) return TFDC_OK;
  return tfdc_fail(&c->err, TFDC_E_BAD_ID, "parameter %s: \"%.64s\" is not an id (and no pattern is taken here)", name,
                   *ret);
}

static tfdc_rc take_charts(struct charting *k) {
  const char *const *given;
  TFDC_TRY(api_param_all(k->call, "chart", &given, &k->n_charts));
  const char **sorted = tfdc_arena_array(&k->call->mem, k->n_charts, sizeof *sorted);
  if (sorted == NULL) return tfdc_fail(&k->call->err, TFDC_E_NOMEM, "%zu charts", k->n_charts);
  for (size_t i = 0; i < k->n_charts; i++) sorted[i] = given[i];
  qsort(sorted, k->n_charts, sizeof *sorted, tfdc_text_order);
  k->charts = sorted;
  return TFDC_OK;
}

tfdc_rc api_get_charts(struct api_call *c) {
  struct charting k = {.call = c, .out = model_json_on(&c->ret->body)};
  struct store_filter times;
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_U_LIST);
  TFDC_TRY(need_id(c, "strategy", &r.u_key.chart_set));
  TFDC_TRY(need_id(c, "tool", &r.u_key.key.tool));
  TFDC_TRY(need_id(c, "chamber", &r.u_key.key.chamber));
  r.u_key.partition = api_param(c, "partition");
  TFDC_TRY(take_charts(&k));
  TFDC_TRY(api_param_filter(c, &times));
  r.from_us = times.from_us;
  r.to_us = times.to_us;
  TFDC_TRY(api_param_page(c, &r));
  model_json_open(&k.out, NULL, '{');
  model_json_int(&k.out, "v", 1);
  model_json_open(&k.out, "points", '[');
  return put_page(&k, &r, r.page.limit);
}
