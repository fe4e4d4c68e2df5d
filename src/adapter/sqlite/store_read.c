/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/store_db.h"
#include "model/codec.h"

#include <string.h>
#include <sys/stat.h>

/* What cannot be decoded is damage of the file, whatever the decoder calls it; only memory is another matter. */
static tfdc_rc row_status(struct store_req *r, tfdc_rc rc) {
  if (rc == TFDC_OK || rc == TFDC_E_NOMEM || rc == TFDC_E_SCHEMA) return rc;
  (void)tfdc_wrap(&r->base.err, rc, "a row of the store is damaged");
  r->base.err.code = TFDC_E_CORRUPT;
  return TFDC_E_CORRUPT;
}

static tfdc_rc chunk_row(sqlite3_stmt *st, struct store_req *r, bool blob, struct model_chunk *ret) {
  struct model_chunk c = {.context_id = r->id,
                          .first_seq = (uint64_t)sqlite3_column_int64(st, 0),
                          .last_seq = (uint64_t)sqlite3_column_int64(st, 1),
                          .checksum = (uint64_t)sqlite3_column_int64(st, 2),
                          .revision = (uint32_t)sqlite3_column_int64(st, 3),
                          .points = (uint64_t)sqlite3_column_int64(st, 4),
                          .first_us = sqlite3_column_int64(st, 5),
                          .last_us = sqlite3_column_int64(st, 6),
                          .stored_us = sqlite3_column_int64(st, 7),
                          .blob_n = (size_t)sqlite3_column_int64(st, 8)};
  if (blob && (size_t)sqlite3_column_bytes(st, 9) != c.blob_n) return TFDC_E_MALFORMED;
  if (blob) c.blob = sqlite3_column_blob(st, 9);
  return store_chunk_copy(&c, blob, &r->base.mem, ret);
}

/* The array of the request that takes such rows, and the size of one. */
static void **array_of(struct store_req *r, enum store_rows kind, size_t *ret_size) {
  switch (kind) {
  case ROWS_CHAMBERS: *ret_size = sizeof *r->chambers; return (void **)&r->chambers;
  case ROWS_CONTEXTS: *ret_size = sizeof *r->contexts; return (void **)&r->contexts;
  case ROWS_CHUNKS:
  case ROWS_BLOBS: *ret_size = sizeof *r->chunks; return (void **)&r->chunks;
  case ROWS_U: *ret_size = sizeof *r->u_records; return (void **)&r->u_records;
  case ROWS_VERDICTS: *ret_size = sizeof *r->verdicts; return (void **)&r->verdicts;
  case ROWS_DEFS: *ret_size = sizeof *r->defs; return (void **)&r->defs;
  default: *ret_size = sizeof *r->alarms; return (void **)&r->alarms;
  }
}

static tfdc_rc decode(sqlite3_stmt *st, struct store_req *r, enum store_rows kind) {
  const void *data = sqlite3_column_blob(st, 0);
  size_t n = (size_t)sqlite3_column_bytes(st, 0), at = r->n;
  struct tfdc_arena *mem = &r->base.mem;
  struct tfdc_error *err = &r->base.err;
  if (data == NULL) data = "";
  switch (kind) {
  case ROWS_CHAMBERS: return model_chamber_from_json(data, n, mem, &r->chambers[at], err);
  case ROWS_CONTEXTS:
    TFDC_TRY(model_context_from_json(data, n, mem, &r->contexts[at], err));
    r->contexts[at].published = sqlite3_column_int(st, 1) != 0; /* also what MARK_PUBLISHED said later */
    return TFDC_OK;
  case ROWS_CHUNKS: return chunk_row(st, r, false, &r->chunks[at]);
  case ROWS_BLOBS: return chunk_row(st, r, true, &r->chunks[at]);
  case ROWS_U: return model_u_record_decode(data, n, mem, &r->u_records[at], err);
  case ROWS_VERDICTS: return model_run_verdict_from_json(data, n, mem, &r->verdicts[at], err);
  case ROWS_DEFS: return model_def_from_json(data, n, mem, &r->defs[at], err);
  default: return model_alarm_from_json(data, n, mem, &r->alarms[at], err);
  }
}

tfdc_rc store_rows_add(sqlite3_stmt *st, struct store_req *r, enum store_rows kind, size_t *cap) {
  size_t size;
  void **array = array_of(r, kind, &size);
  if (r->n == *cap) {
    size_t next = *cap == 0 ? 8 : *cap * 2;
    void *fresh = tfdc_arena_array(&r->base.mem, next, size);
    if (fresh == NULL) return TFDC_E_NOMEM;
    if (r->n > 0) memcpy(fresh, *array, r->n * size);
    *array = fresh;
    *cap = next;
  }
  TFDC_TRY(row_status(r, decode(st, r, kind)));
  r->n++;
  return TFDC_OK;
}

tfdc_rc store_rows_take(struct store_db *d, sqlite3_stmt *st, struct store_req *r, enum store_rows kind, size_t limit,
                        bool *ret_more) {
  size_t cap = 0;
  bool row = true;
  *ret_more = false;
  tfdc_rc rc = store_db_step(d, st, &row, &r->base.err);
  while (rc == TFDC_OK && row && r->n < limit) {
    rc = store_rows_add(st, r, kind, &cap);
    if (rc == TFDC_OK) rc = store_db_step(d, st, &row, &r->base.err);
  }
  *ret_more = rc == TFDC_OK && row;
  store_db_reset(st);
  return rc;
}

/* The one row of a lookup. */
static tfdc_rc take_one(struct store_db *d, sqlite3_stmt *st, struct store_req *r, enum store_rows kind) {
  bool more;
  TFDC_TRY(store_rows_take(d, st, r, kind, 1, &more));
  return r->n == 1 ? TFDC_OK : TFDC_E_NOT_FOUND;
}

static tfdc_rc take_all(struct store_db *d, sqlite3_stmt *st, struct store_req *r, enum store_rows kind) {
  bool more;
  return store_rows_take(d, st, r, kind, SIZE_MAX, &more);
}

static tfdc_rc chamber_get(struct store_db *d, struct store_req *r) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CHAMBER_GET, &st, &r->base.err));
  store_bind_text(st, 1, r->key.tool);
  store_bind_text(st, 2, r->key.chamber);
  return take_one(d, st, r, ROWS_CHAMBERS);
}

/* Lookups by r->id alone. */
static tfdc_rc by_id(struct store_db *d, struct store_req *r, enum store_sql sql, enum store_rows kind) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, sql, &st, &r->base.err));
  store_bind_id(st, 1, r->id);
  return kind == ROWS_U ? take_all(d, st, r, kind) : take_one(d, st, r, kind);
}

static tfdc_rc u_prev(struct store_db *d, struct store_req *r) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_U_PREV, &st, &r->base.err));
  store_bind_text(st, 1, r->u_key.key.tool);
  store_bind_text(st, 2, r->u_key.key.chamber);
  store_bind_text(st, 3, r->u_key.chart_set);
  store_bind_text(st, 4, r->u_key.partition);
  store_bind_int(st, 5, r->order_us);
  store_bind_id(st, 6, r->id);
  return take_one(d, st, r, ROWS_U);
}

static tfdc_rc def_list(struct store_db *d, struct store_req *r) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_DEF_LIST, &st, &r->base.err));
  store_bind_int(st, 1, r->def_kind);
  store_bind_text(st, 2, r->def_id);
  return take_all(d, st, r, ROWS_DEFS);
}

static tfdc_rc chunk_list(struct store_db *d, struct store_req *r) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CHUNK_LIST, &st, &r->base.err));
  store_bind_id(st, 1, r->id);
  store_bind_int(st, 2, r->revision);
  return take_all(d, st, r, ROWS_CHUNKS);
}

/* Takes rows until the page or its bytes are full: *ret_more. */
static tfdc_rc take_blobs(struct store_db *d, sqlite3_stmt *st, struct store_req *r, bool *ret_more) {
  size_t most = r->max_bytes == 0 ? STORE_CHUNK_GET_BYTES : r->max_bytes, bytes = 0, cap = 0;
  uint32_t limit = store_page_limit(r);
  bool row;
  TFDC_TRY(store_db_step(d, st, &row, &r->base.err));
  while (row) {
    size_t n = (size_t)sqlite3_column_int64(st, 8);
    if (r->n == limit || (r->n > 0 && (n > most || bytes > most - n))) break;
    bytes += n;
    TFDC_TRY(store_rows_add(st, r, ROWS_BLOBS, &cap));
    TFDC_TRY(store_db_step(d, st, &row, &r->base.err));
  }
  *ret_more = row;
  return TFDC_OK;
}

static tfdc_rc chunk_get(struct store_db *d, struct store_req *r) {
  struct store_pos from = {.t = -1};
  if (r->page.cursor != NULL) TFDC_TRY(store_cursor_parse(r->page.cursor, &from, &r->base.err));
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_CHUNK_GET, &st, &r->base.err));
  store_bind_id(st, 1, r->id);
  store_bind_int(st, 2, r->revision);
  store_bind_int(st, 3, from.t);
  store_bind_int(st, 4, (int64_t)from.id.hi);
  store_bind_int(st, 5, (int64_t)from.id.lo);
  bool more = false;
  tfdc_rc rc = take_blobs(d, st, r, &more);
  store_db_reset(st);
  if (rc != TFDC_OK || !more) return rc;
  const struct model_chunk *last = &r->chunks[r->n - 1];
  struct store_pos at = {.t = (int64_t)last->first_seq, .id = {.hi = last->last_seq, .lo = last->checksum}};
  r->ret_cursor = store_cursor_make(at, &r->base.mem);
  return r->ret_cursor == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

static uint64_t file_bytes(const char *path, const char *suffix) {
  struct tfdc_buf name = {0};
  struct stat sb;
  uint64_t ret = 0;
  tfdc_put_fmt(&name, "%s%s", path, suffix);
  tfdc_put_u8(&name, 0);
  if (!name.failed && stat((const char *)name.data, &sb) == 0) ret = (uint64_t)sb.st_size;
  tfdc_buf_deinit(&name);
  return ret;
}

static tfdc_rc stats(struct store_db *d, struct store_req *r) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, SQL_STATS, &st, &r->base.err));
  bool row;
  TFDC_TRY(store_db_step(d, st, &row, &r->base.err));
  if (!row) return tfdc_fail(&r->base.err, TFDC_E_CORRUPT, "the store's counters are gone");
  struct store_stats s = {0};
  uint64_t *const fields[] = {&s.contexts, &s.open_contexts, &s.unjudged, &s.chunks,      &s.chunk_bytes,
                              &s.points,   &s.u_records,     &s.verdicts, &s.alarms_open, &s.chambers};
  for (size_t i = 0; i < TFDC_COUNT(fields); i++) *fields[i] = (uint64_t)sqlite3_column_int64(st, (int)i);
  store_db_reset(st);
  s.used_bytes = file_bytes(d->path, "") + file_bytes(d->path, "-wal");
  s.free_bytes = store_db_free_bytes(d);
  r->stats = s;
  return TFDC_OK;
}

tfdc_rc store_db_read(struct store_db *d, struct store_req *r) {
  switch ((enum store_op)r->base.op) {
  case STORE_CHAMBER_GET: return chamber_get(d, r);
  case STORE_CHAMBER_LIST: return store_list_chambers(d, r);
  case STORE_CONTEXT_GET: return by_id(d, r, SQL_CONTEXT_GET, ROWS_CONTEXTS);
  case STORE_CONTEXT_LIST: return store_list_contexts(d, r);
  case STORE_CHUNK_LIST: return chunk_list(d, r);
  case STORE_CHUNK_GET: return chunk_get(d, r);
  case STORE_U_PREV: return u_prev(d, r);
  case STORE_U_GET: return by_id(d, r, SQL_U_GET, ROWS_U);
  case STORE_U_LIST: return store_list_u(d, r);
  case STORE_VERDICT_GET: return by_id(d, r, SQL_VERDICT_GET, ROWS_VERDICTS);
  case STORE_VERDICT_LIST: return store_list_verdicts(d, r);
  case STORE_DEF_LIST: return def_list(d, r);
  case STORE_ALARM_GET: return by_id(d, r, SQL_ALARM_GET, ROWS_ALARMS);
  case STORE_ALARM_LIST: return store_list_alarms(d, r);
  case STORE_UNJUDGED_LIST: return store_list_unjudged(d, r);
  case STORE_STATS: return stats(d, r);
  default: return tfdc_fail(&r->base.err, TFDC_E_USAGE, "store op %u does not read", r->base.op);
  }
}
