/* SPDX-License-Identifier: Apache-2.0
 * Lists: SQL put together from the filter, so that the planner sees only the conditions that are there and takes the
 * index that fits them. Text of the request is bound, never pasted. */
#include "adapter/sqlite/store_db.h"

#include <string.h>

/* The parts in which the three filtered lists differ. */
struct list {
  const char *select, *time, *id; /* columns */
  enum store_rows kind;
  bool backwards;
};
/* Numbers of the parameters, the same in every statement. */
enum {
  P_TOOL = 1,
  P_CHAMBER,
  P_RECIPE,
  P_LOT,
  P_WAFER,
  P_PRODUCT,
  P_FROM,
  P_TO,
  P_T,
  P_ID,
  P_LIMIT,
  P_STATE,
  P_VERDICT
};

static bool literal(const char *pattern) {
  return pattern != NULL && pattern[0] != '\0' && strpbrk(pattern, "*?") == NULL;
}

static void put_glob(struct tfdc_buf *sql, const char *pattern, int parameter, const char *column) {
  if (pattern == NULL || pattern[0] == '\0') return;
  if (literal(pattern))
    tfdc_put_fmt(sql, " AND %s = ?%d", column, parameter);
  else
    tfdc_put_fmt(sql, " AND tglob(?%d, %s)", parameter, column);
}

static void put_conditions(struct tfdc_buf *sql, const struct store_req *r, const struct list *l) {
  const struct store_filter *f = &r->filter;
  put_glob(sql, f->tool, P_TOOL, "tool");
  put_glob(sql, f->chamber, P_CHAMBER, "chamber");
  put_glob(sql, f->recipe, P_RECIPE, "recipe");
  put_glob(sql, f->lot, P_LOT, "lot");
  put_glob(sql, f->wafer, P_WAFER, "wafer");
  if (f->from_us != 0 || f->to_us != 0) {
    tfdc_put_fmt(sql, " AND %s >= ?%d AND %s < ?%d", l->time, P_FROM, l->time, P_TO);
  }
  if (r->page.cursor != NULL) {
    tfdc_put_fmt(sql, " AND (%s, %s) %s (?%d, ?%d)", l->time, l->id, l->backwards ? "<" : ">", P_T, P_ID);
  }
}

static void put_order(struct tfdc_buf *sql, const struct list *l) {
  const char *way = l->backwards ? " DESC" : "";
  tfdc_put_fmt(sql, " ORDER BY %s%s, %s%s LIMIT ?%d", l->time, way, l->id, way, P_LIMIT);
  tfdc_put_u8(sql, 0);
}

static tfdc_rc bind_all(sqlite3_stmt *st, struct store_req *r) {
  const struct store_filter *f = &r->filter;
  const char *const texts[] = {f->tool, f->chamber, f->recipe, f->lot, f->wafer, f->product};
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) store_bind_text(st, P_TOOL + (int)i, texts[i]);
  store_bind_int(st, P_FROM, f->from_us);
  store_bind_int(st, P_TO, f->to_us);
  store_bind_int(st, P_STATE, f->state == MODEL_CONTEXT_OPEN);
  store_bind_int(st, P_VERDICT, f->verdict);
  store_bind_int(st, P_LIMIT, (int64_t)store_page_limit(r) + 1);
  if (r->page.cursor == NULL) return TFDC_OK;
  struct store_pos pos;
  TFDC_TRY(store_cursor_parse(r->page.cursor, &pos, &r->base.err));
  store_bind_int(st, P_T, pos.t);
  store_bind_id(st, P_ID, pos.id);
  return TFDC_OK;
}

static tfdc_rc set_cursor(struct store_req *r, struct store_pos at) {
  r->ret_cursor = store_cursor_make(at, &r->base.mem);
  return r->ret_cursor == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

static struct store_pos last_pos(const struct store_req *r, enum store_rows kind) {
  size_t i = r->n - 1;
  switch (kind) {
  case ROWS_CONTEXTS: return (struct store_pos){store_context_time(&r->contexts[i]), r->contexts[i].context_id};
  case ROWS_VERDICTS: return (struct store_pos){r->verdicts[i].order_us, r->verdicts[i].context_id};
  case ROWS_U: return (struct store_pos){r->u_records[i].order_us, r->u_records[i].context_id};
  default: return (struct store_pos){r->alarms[i].opened_us, r->alarms[i].alarm_id};
  }
}

static tfdc_rc prepare(struct store_db *d, const struct tfdc_buf *sql, sqlite3_stmt **ret, struct tfdc_error *err) {
  TFDC_TRY(tfdc_buf_status(sql));
  if (sqlite3_prepare_v2(d->db, (const char *)sql->data, -1, ret, NULL) == SQLITE_OK) return TFDC_OK;
  return sqlite_fail(d->db, err, "store");
}

static tfdc_rc run_list(struct store_db *d, struct store_req *r, const struct list *l, const struct tfdc_buf *sql) {
  sqlite3_stmt *st = NULL;
  bool more = false;
  TFDC_TRY(prepare(d, sql, &st, &r->base.err));
  tfdc_rc rc = bind_all(st, r);
  if (rc == TFDC_OK) rc = store_rows_take(d, st, r, l->kind, store_page_limit(r), &more);
  (void)sqlite3_finalize(st);
  if (rc == TFDC_OK && more) rc = set_cursor(r, last_pos(r, l->kind));
  return rc;
}

tfdc_rc store_list_contexts(struct store_db *d, struct store_req *r) {
  const struct store_filter *f = &r->filter;
  const struct list l = {.time = "time_us", .id = "context_id", .kind = ROWS_CONTEXTS, .backwards = f->newest_first};
  TFDC_AUTO(tfdc_buf_deinit) struct tfdc_buf sql = {0};
  tfdc_put_fmt(&sql, "SELECT row, published FROM contexts AS c WHERE 1");
  put_conditions(&sql, r, &l);
  put_glob(&sql, f->product, P_PRODUCT, "product");
  /* As literals: a partial index is only taken for a condition that the planner can see. */
  if (f->state >= 0) tfdc_put_fmt(&sql, " AND open = %d", f->state == MODEL_CONTEXT_OPEN);
  if (f->unpublished_only) tfdc_put_fmt(&sql, " AND open = 0 AND published = 0");
  if (f->verdict >= 0) {
    tfdc_put_fmt(&sql,
                 " AND EXISTS(SELECT 1 FROM verdicts AS v WHERE v.context_id = c.context_id AND v.current = 1 AND "
                 "v.verdict = ?%d)",
                 P_VERDICT);
  }
  put_order(&sql, &l);
  return run_list(d, r, &l, &sql);
}

tfdc_rc store_list_verdicts(struct store_db *d, struct store_req *r) {
  const struct store_filter *f = &r->filter;
  const struct list l = {.time = "order_us", .id = "context_id", .kind = ROWS_VERDICTS, .backwards = f->newest_first};
  TFDC_AUTO(tfdc_buf_deinit) struct tfdc_buf sql = {0};
  tfdc_put_fmt(&sql, "SELECT row FROM verdicts AS v WHERE current = 1");
  put_conditions(&sql, r, &l);
  if (f->verdict >= 0) tfdc_put_fmt(&sql, " AND verdict = ?%d", P_VERDICT);
  if (f->product != NULL) {
    tfdc_put_fmt(&sql,
                 " AND EXISTS(SELECT 1 FROM contexts AS c WHERE c.context_id = v.context_id AND "
                 "tglob(?%d, c.product))",
                 P_PRODUCT);
  }
  put_order(&sql, &l);
  return run_list(d, r, &l, &sql);
}

tfdc_rc store_list_alarms(struct store_db *d, struct store_req *r) {
  const struct list l = {.time = "opened_us", .id = "alarm_id", .kind = ROWS_ALARMS, .backwards = true};
  TFDC_AUTO(tfdc_buf_deinit) struct tfdc_buf sql = {0};
  tfdc_put_fmt(&sql, "SELECT row FROM alarms WHERE 1");
  put_conditions(&sql, r, &l);
  if (r->filter.open_only) tfdc_put_fmt(&sql, " AND open = 1");
  put_order(&sql, &l);
  return run_list(d, r, &l, &sql);
}

/* The current record of a run may stand in another partition than the one that is asked for: then the run is not shown.
 */
tfdc_rc store_list_u(struct store_db *d, struct store_req *r) {
  const struct list l = {.time = "order_us", .id = "context_id", .kind = ROWS_U, .backwards = r->filter.newest_first};
  enum { P_SET = P_VERDICT + 1, P_PARTITION };
  TFDC_AUTO(tfdc_buf_deinit) struct tfdc_buf sql = {0};
  tfdc_put_fmt(&sql, "SELECT cell FROM u_records AS u WHERE tool = ?%d AND chamber = ?%d AND chart_set = ?%d", P_TOOL,
               P_CHAMBER, P_SET);
  if (r->u_key.partition != NULL) tfdc_put_fmt(&sql, " AND partition = ?%d", P_PARTITION);
  tfdc_put_fmt(&sql, " AND NOT EXISTS(SELECT 1 FROM u_records AS v WHERE v.context_id = u.context_id AND "
                     "v.chart_set = u.chart_set AND (v.revision, v.judgement) > (u.revision, u.judgement))");
  struct store_req view = *r; /* the key and times of this op, in the places where the other lists have them */
  view.filter = (struct store_filter){.from_us = r->from_us, .to_us = r->to_us};
  put_conditions(&sql, &view, &l);
  put_order(&sql, &l);
  view.filter.tool = r->u_key.key.tool;
  view.filter.chamber = r->u_key.key.chamber;

  sqlite3_stmt *st = NULL;
  bool more = false;
  TFDC_TRY(prepare(d, &sql, &st, &r->base.err));
  tfdc_rc rc = bind_all(st, &view);
  store_bind_text(st, P_SET, r->u_key.chart_set);
  if (r->u_key.partition != NULL) store_bind_text(st, P_PARTITION, r->u_key.partition);
  if (rc == TFDC_OK) rc = store_rows_take(d, st, r, ROWS_U, store_page_limit(r), &more);
  (void)sqlite3_finalize(st);
  if (rc == TFDC_OK && more) rc = set_cursor(r, last_pos(r, ROWS_U));
  return rc;
}

tfdc_rc store_list_unjudged(struct store_db *d, struct store_req *r) {
  struct store_pos from = {.t = INT64_MIN};
  if (r->page.cursor != NULL) TFDC_TRY(store_cursor_parse(r->page.cursor, &from, &r->base.err));
  sqlite3_stmt *st;
  bool more;
  uint32_t limit = store_page_limit(r);
  TFDC_TRY(store_db_get(d, SQL_UNJUDGED, &st, &r->base.err));
  store_bind_int(st, 1, r->before_us);
  store_bind_int(st, 2, from.t);
  store_bind_id(st, 3, from.id);
  store_bind_int(st, 4, (int64_t)limit + 1);
  TFDC_TRY(store_rows_take(d, st, r, ROWS_CONTEXTS, limit, &more));
  if (!more) return TFDC_OK;
  const struct model_context *last = &r->contexts[r->n - 1];
  return set_cursor(r, (struct store_pos){last->stored_us, last->context_id});
}

tfdc_rc store_list_chambers(struct store_db *d, struct store_req *r) {
  char tool[65] = "", chamber[65] = "";
  if (r->page.cursor != NULL) TFDC_TRY(store_cursor_parse_key(r->page.cursor, tool, chamber, &r->base.err));
  sqlite3_stmt *st;
  bool more;
  uint32_t limit = store_page_limit(r);
  TFDC_TRY(store_db_get(d, SQL_CHAMBER_LIST, &st, &r->base.err));
  store_bind_text(st, 1, tool);
  store_bind_text(st, 2, chamber);
  store_bind_text(st, 3, r->filter.tool == NULL ? "" : r->filter.tool);
  store_bind_text(st, 4, r->filter.chamber == NULL ? "" : r->filter.chamber);
  store_bind_int(st, 5, (int64_t)limit + 1);
  TFDC_TRY(store_rows_take(d, st, r, ROWS_CHAMBERS, limit, &more));
  if (!more) return TFDC_OK;
  const char *cursor = store_cursor_make_key(r->chambers[limit - 1].key, &r->base.mem);
  r->ret_cursor = cursor;
  return cursor == NULL ? TFDC_E_NOMEM : TFDC_OK;
}
