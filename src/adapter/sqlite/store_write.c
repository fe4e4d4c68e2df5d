/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/store_db.h"
#include "model/codec.h"

#include <string.h>

/* Encodes into the scratch buffer. */
#define ENCODE(d, call)                                                                                                \
  do {                                                                                                                 \
    (d)->text.size = 0;                                                                                                \
    TFDC_TRY(call);                                                                                                    \
  } while (0)

/* The row that is there already, as the first of the request's array. */
static tfdc_rc old_row(sqlite3_stmt *st, struct store_req *r, enum store_rows kind) {
  size_t cap = 0;
  r->n = 0;
  tfdc_rc rc = store_rows_add(st, r, kind, &cap);
  store_db_reset(st);
  r->n = 0;
  return rc;
}

static tfdc_rc chamber_put(struct store_db *d, struct store_req *r) {
  struct tfdc_error *err = &r->base.err;
  struct model_chamber next = *r->chamber;
  sqlite3_stmt *st;
  bool row;
  TFDC_TRY(store_db_get(d, SQL_CHAMBER_GET, &st, err));
  store_bind_text(st, 1, next.key.tool);
  store_bind_text(st, 2, next.key.chamber);
  TFDC_TRY(store_db_step(d, st, &row, err));
  if (row) {
    TFDC_TRY(old_row(st, r, ROWS_CHAMBERS));
    if (r->chambers[0].seen_us > next.seen_us) return TFDC_OK;
    if (next.n_svids == 0) {
      next.svids = r->chambers[0].svids;
      next.n_svids = r->chambers[0].n_svids;
    }
  }
  ENCODE(d, model_chamber_to_json(&next, &d->text));
  TFDC_TRY(store_db_get(d, SQL_CHAMBER_PUT, &st, err));
  store_bind_text(st, 1, next.key.tool);
  store_bind_text(st, 2, next.key.chamber);
  store_bind_int(st, 3, next.seen_us);
  store_bind_text_n(st, 4, &d->text);
  return store_db_done(d, st, err);
}

/* What is stored of the context: false when it is not there. */
static tfdc_rc context_rank(struct store_db *d, struct store_req *r, struct model_context *ret_old, bool *ret_there) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CONTEXT_RANK, &st, &r->base.err));
  store_bind_id(st, 1, r->context->context_id);
  TFDC_TRY(store_db_step(d, st, ret_there, &r->base.err));
  if (!*ret_there) return TFDC_OK;
  *ret_old = (struct model_context){.revision = (uint32_t)sqlite3_column_int64(st, 0),
                                    .state = sqlite3_column_int(st, 1) != 0 ? MODEL_CONTEXT_OPEN : MODEL_CONTEXT_CLOSED,
                                    .published = sqlite3_column_int(st, 2) != 0,
                                    .seen_seq = (uint64_t)sqlite3_column_int64(st, 3),
                                    .last_seq = (uint64_t)sqlite3_column_int64(st, 4)};
  store_db_reset(st);
  return TFDC_OK;
}

static tfdc_rc floor_reached(struct store_req *r) {
  return tfdc_fail(&r->base.err, TFDC_E_DISK_FLOOR, "%s", tfdc_rc_text(TFDC_E_DISK_FLOOR));
}

static tfdc_rc context_put(struct store_db *d, struct store_req *r) {
  struct tfdc_error *err = &r->base.err;
  struct model_context c = *r->context, old = {0};
  bool there = false;
  TFDC_TRY(context_rank(d, r, &old, &there));
  if (there && store_context_behind(&c, &old)) return TFDC_OK;
  if (there) c.published = store_context_published(&old, &c);
  if (!there && c.state == MODEL_CONTEXT_OPEN && d->below_floor) return floor_reached(r);
  ENCODE(d, model_context_to_json(&c, &d->text));
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CONTEXT_PUT, &st, err));
  store_bind_id(st, 1, c.context_id);
  store_bind_text(st, 2, c.key.tool);
  store_bind_text(st, 3, c.key.chamber);
  store_bind_int(st, 4, store_context_time(&c));
  store_bind_int(st, 5, c.revision);
  store_bind_int(st, 6, c.state == MODEL_CONTEXT_OPEN);
  store_bind_int(st, 7, c.published);
  store_bind_int(st, 8, c.stored_us);
  store_bind_text(st, 9, c.recipe_id);
  store_bind_text(st, 10, c.lot_id);
  store_bind_text(st, 11, c.substrate_id);
  store_bind_text(st, 12, c.product);
  store_bind_text_n(st, 13, &d->text);
  return store_db_done(d, st, err);
}

static tfdc_rc context_mark_published(struct store_db *d, struct store_req *r) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CONTEXT_MARK, &st, &r->base.err));
  store_bind_id(st, 1, r->id);
  store_bind_int(st, 2, r->revision);
  return store_db_done(d, st, &r->base.err);
}

static tfdc_rc chunk_put(struct store_db *d, struct store_req *r) {
  const struct model_chunk *c = r->chunk;
  if (d->below_floor) return floor_reached(r);
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CHUNK_PUT, &st, &r->base.err));
  store_bind_id(st, 1, c->context_id);
  const int64_t values[] = {(int64_t)c->first_seq, (int64_t)c->last_seq, (int64_t)c->checksum, c->revision,
                            (int64_t)c->points,    c->first_us,          c->last_us,           c->stored_us,
                            (int64_t)c->blob_n};
  for (size_t i = 0; i < TFDC_COUNT(values); i++) store_bind_int(st, (int)i + 2, values[i]);
  (void)sqlite3_bind_blob64(st, 11, c->blob_n == 0 ? (const void *)"" : c->blob, c->blob_n, SQLITE_STATIC);
  return store_db_done(d, st, &r->base.err);
}

static tfdc_rc u_put(struct store_db *d, struct store_req *r) {
  const struct model_u_record *u = r->u;
  ENCODE(d, model_u_record_encode(u, &d->text));
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_U_PUT, &st, &r->base.err));
  store_bind_text(st, 1, u->key.tool);
  store_bind_text(st, 2, u->key.chamber);
  store_bind_text(st, 3, u->chart_set);
  store_bind_text(st, 4, u->partition);
  store_bind_int(st, 5, u->order_us);
  store_bind_id(st, 6, u->context_id);
  store_bind_int(st, 7, u->revision);
  store_bind_int(st, 8, u->judgement);
  store_bind_int(st, 9, u->stored_us);
  (void)sqlite3_bind_blob64(st, 10, d->text.data, d->text.size, SQLITE_STATIC);
  return store_db_done(d, st, &r->base.err);
}

/* Clears the mark of the run's current verdict where `v` takes its place: *ret_current says whether it does. */
static tfdc_rc verdict_supersede(struct store_db *d, struct store_req *r, bool *ret_current) {
  const struct model_run_verdict *v = r->verdict;
  sqlite3_stmt *st;
  bool row;
  TFDC_TRY(store_db_get(d, SQL_VERDICT_NEWEST, &st, &r->base.err));
  store_bind_id(st, 1, v->context_id);
  TFDC_TRY(store_db_step(d, st, &row, &r->base.err));
  *ret_current = true;
  if (!row) return TFDC_OK;
  int64_t revision = sqlite3_column_int64(st, 0), judgement = sqlite3_column_int64(st, 1);
  store_db_reset(st);
  *ret_current = v->revision > revision || (v->revision == revision && v->judgement >= judgement);
  if (!*ret_current) return TFDC_OK;
  TFDC_TRY(store_db_get(d, SQL_VERDICT_OLD, &st, &r->base.err));
  store_bind_id(st, 1, v->context_id);
  return store_db_done(d, st, &r->base.err);
}

static tfdc_rc verdict_put(struct store_db *d, struct store_req *r) {
  const struct model_run_verdict *v = r->verdict;
  struct tfdc_error *err = &r->base.err;
  bool current;
  TFDC_TRY(verdict_supersede(d, r, &current));
  ENCODE(d, model_run_verdict_to_json(v, &d->text));
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_VERDICT_PUT, &st, err));
  store_bind_id(st, 1, v->context_id);
  store_bind_int(st, 2, v->revision);
  store_bind_int(st, 3, v->judgement);
  store_bind_text(st, 4, v->key.tool);
  store_bind_text(st, 5, v->key.chamber);
  store_bind_int(st, 6, v->order_us);
  store_bind_int(st, 7, current);
  store_bind_int(st, 8, v->verdict);
  store_bind_int(st, 9, v->judged_us);
  store_bind_text(st, 10, v->recipe_id);
  store_bind_text(st, 11, v->lot_id);
  store_bind_text(st, 12, v->substrate_id);
  store_bind_text_n(st, 13, &d->text);
  TFDC_TRY(store_db_done(d, st, err));
  TFDC_TRY(store_db_get(d, SQL_VERDICT_JUDGED, &st, err));
  store_bind_id(st, 1, v->context_id);
  store_bind_int(st, 2, v->revision);
  return store_db_done(d, st, err);
}

static void bind_def_key(sqlite3_stmt *st, const struct model_def *f) {
  store_bind_int(st, 1, f->kind);
  store_bind_text(st, 2, f->id);
  store_bind_int(st, 3, f->version);
}

static tfdc_rc def_put(struct store_db *d, struct store_req *r) {
  struct tfdc_error *err = &r->base.err;
  sqlite3_stmt *st;
  bool row;
  TFDC_TRY(store_db_get(d, SQL_DEF_GET, &st, err));
  bind_def_key(st, r->def);
  TFDC_TRY(store_db_step(d, st, &row, err));
  if (row) {
    TFDC_TRY(old_row(st, r, ROWS_DEFS));
    if (r->defs[0].body == NULL || strcmp(r->defs[0].body, r->def->body) != 0)
      return tfdc_fail(err, TFDC_E_EXISTS, "%s version %u is there with another body", r->def->id, r->def->version);
  }
  ENCODE(d, model_def_to_json(r->def, &d->text));
  TFDC_TRY(store_db_get(d, SQL_DEF_PUT, &st, err));
  bind_def_key(st, r->def);
  store_bind_text_n(st, 4, &d->text);
  return store_db_done(d, st, err);
}

static tfdc_rc alarm_put(struct store_db *d, struct store_req *r) {
  const struct model_alarm *a = r->alarm;
  struct tfdc_error *err = &r->base.err;
  sqlite3_stmt *st;
  bool row;
  TFDC_TRY(store_db_get(d, SQL_ALARM_UPDATE, &st, err));
  store_bind_id(st, 1, a->alarm_id);
  TFDC_TRY(store_db_step(d, st, &row, err));
  if (row && sqlite3_column_int64(st, 0) > a->update) {
    store_db_reset(st);
    return TFDC_OK;
  }
  store_db_reset(st);
  ENCODE(d, model_alarm_to_json(a, &d->text));
  TFDC_TRY(store_db_get(d, SQL_ALARM_PUT, &st, err));
  store_bind_id(st, 1, a->alarm_id);
  store_bind_int(st, 2, a->opened_us);
  store_bind_int(st, 3, a->state == MODEL_ALARM_OPEN);
  store_bind_int(st, 4, a->update);
  store_bind_int(st, 5, a->published_us);
  store_bind_text(st, 6, a->key.tool);
  store_bind_text(st, 7, a->key.chamber);
  store_bind_text(st, 8, a->recipe_id);
  store_bind_text(st, 9, a->lot_id);
  store_bind_text(st, 10, a->substrate_id);
  store_bind_text_n(st, 11, &d->text);
  return store_db_done(d, st, err);
}

static tfdc_rc retain(struct store_db *d, struct store_req *r, enum store_sql which, int64_t age_us) {
  uint64_t limit = store_page_limit(r);
  if (age_us <= 0 || r->count >= limit) return TFDC_OK;
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, which, &st, &r->base.err));
  store_bind_int(st, 1, r->now_us - age_us);
  store_bind_int(st, 2, (int64_t)(limit - r->count));
  TFDC_TRY(store_db_done(d, st, &r->base.err));
  r->count += (uint64_t)sqlite3_changes(d->db);
  return TFDC_OK;
}

/* Verdicts after contexts: a run whose verdict went first would count as not judged. */
static tfdc_rc retention(struct store_db *d, struct store_req *r) {
  r->count = 0;
  TFDC_TRY(retain(d, r, SQL_RETAIN_CHUNKS, r->tchart_us));
  const enum store_sql rest[] = {SQL_RETAIN_U, SQL_RETAIN_CONTEXTS, SQL_RETAIN_VERDICTS, SQL_RETAIN_ALARMS};
  for (size_t i = 0; i < TFDC_COUNT(rest); i++) TFDC_TRY(retain(d, r, rest[i], r->uchart_us));
  return TFDC_OK;
}

/* Pages that retention freed are used again by the next writes. Only when more than a quarter of the file is free, some
 * go back to the file system: moving pages costs as much as writing them. */
void store_db_shrink(struct store_db *d) {
  int64_t pages = 0, unused = 0;
  if (sqlite_query_int(d->db, "PRAGMA page_count", &pages, NULL) != TFDC_OK) return;
  if (sqlite_query_int(d->db, "PRAGMA freelist_count", &unused, NULL) != TFDC_OK || unused <= pages / 4) return;
  (void)sqlite3_exec(d->db, "PRAGMA incremental_vacuum(2048)", NULL, NULL, NULL);
}

tfdc_rc store_db_write(struct store_db *d, struct store_req *r) {
  switch ((enum store_op)r->base.op) {
  case STORE_CHAMBER_PUT: return chamber_put(d, r);
  case STORE_CONTEXT_PUT: return context_put(d, r);
  case STORE_CONTEXT_MARK_PUBLISHED: return context_mark_published(d, r);
  case STORE_CHUNK_PUT: return chunk_put(d, r);
  case STORE_U_PUT: return u_put(d, r);
  case STORE_VERDICT_PUT: return verdict_put(d, r);
  case STORE_DEF_PUT: return def_put(d, r);
  case STORE_ALARM_PUT: return alarm_put(d, r);
  case STORE_RETENTION: return retention(d, r);
  default: return tfdc_fail(&r->base.err, TFDC_E_USAGE, "store op %u does not write", r->base.op);
  }
}
