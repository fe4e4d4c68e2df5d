/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/store_db.h"

#include "adapter/sqlite/store_schema.h"
#include "adapter/sqlite/store_sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/statvfs.h>

/* Rows that a retention op takes: the oldest ones first, through the index on their age. */
#define RETAIN(table, key, age, also)                                                                                  \
  "DELETE FROM " table " WHERE (" key ") IN (SELECT " key " FROM " table " WHERE " age " < ?1" also " ORDER BY " age   \
  " LIMIT ?2)"

static const char *const sqls[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_CHAMBER_PUT] =
        "INSERT INTO chambers(tool, chamber, seen_us, row) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
        "SET seen_us = excluded.seen_us, row = excluded.row",
    [SQL_CHAMBER_GET] = "SELECT row FROM chambers WHERE tool = ?1 AND chamber = ?2",
    [SQL_CHAMBER_LIST] = "SELECT row FROM chambers WHERE (tool, chamber) > (?1, ?2) AND tglob(?3, tool) AND "
                         "tglob(?4, chamber) ORDER BY tool, chamber LIMIT ?5",
    [SQL_CONTEXT_RANK] =
        "SELECT revision, open, published, json_extract(row, '$.seen_seq'), json_extract(row, '$.last_seq') "
        "FROM contexts WHERE context_id = ?1",
    [SQL_CONTEXT_PUT] =
        "INSERT INTO contexts(context_id, tool, chamber, time_us, revision, open, published, unjudged, stored_us, "
        "recipe, "
        "lot, wafer, product, row) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?5 > 0 AND NOT EXISTS(SELECT 1 FROM verdicts "
        "WHERE "
        "context_id = ?1 AND revision = ?5), ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO UPDATE SET tool = "
        "excluded.tool, "
        "chamber = excluded.chamber, time_us = excluded.time_us, revision = excluded.revision, open = excluded.open, "
        "published = excluded.published, unjudged = excluded.unjudged, stored_us = excluded.stored_us, "
        "recipe = excluded.recipe, lot = excluded.lot, wafer = excluded.wafer, product = excluded.product, "
        "row = excluded.row",
    [SQL_CONTEXT_MARK] = "UPDATE contexts SET published = 1 WHERE context_id = ?1 AND revision = ?2",
    [SQL_CONTEXT_GET] = "SELECT row, published FROM contexts WHERE context_id = ?1",
    [SQL_CHUNK_PUT] =
        "INSERT INTO chunks(context_id, first_seq, last_seq, checksum, revision, points, first_us, last_us, "
        "stored_us, blob_n, blob) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
        "ON CONFLICT DO NOTHING",
    [SQL_CHUNK_LIST] =
        "SELECT first_seq, last_seq, checksum, revision, points, first_us, last_us, stored_us, blob_n FROM "
        "chunks WHERE context_id = ?1 AND revision <= ?2 ORDER BY first_seq, last_seq, checksum",
    [SQL_CHUNK_GET] =
        "SELECT first_seq, last_seq, checksum, revision, points, first_us, last_us, stored_us, blob_n, blob "
        "FROM chunks WHERE context_id = ?1 AND revision <= ?2 AND (first_seq, last_seq, checksum) > "
        "(?3, ?4, ?5) ORDER BY first_seq, last_seq, checksum",
    [SQL_U_PUT] =
        "INSERT INTO u_records(tool, chamber, chart_set, partition, order_us, context_id, revision, judgement, "
        "stored_us, cell) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET "
        "stored_us = excluded.stored_us, cell = excluded.cell",
    [SQL_U_PREV] =
        "SELECT cell FROM u_records WHERE tool = ?1 AND chamber = ?2 AND chart_set = ?3 AND partition = ?4 AND "
        "(order_us, context_id) < (?5, ?6) ORDER BY order_us DESC, context_id DESC, revision DESC, "
        "judgement DESC LIMIT 1",
    [SQL_U_GET] =
        "SELECT cell FROM u_records AS u WHERE context_id = ?1 AND NOT EXISTS(SELECT 1 FROM u_records AS v WHERE "
        "v.context_id = u.context_id AND v.chart_set = u.chart_set AND (v.revision, v.judgement) > "
        "(u.revision, u.judgement)) ORDER BY chart_set",
    [SQL_VERDICT_NEWEST] = "SELECT revision, judgement FROM verdicts WHERE context_id = ?1 AND current = 1 "
                           "ORDER BY revision DESC, judgement DESC LIMIT 1",
    [SQL_VERDICT_OLD] = "UPDATE verdicts SET current = 0 WHERE context_id = ?1 AND current = 1",
    [SQL_VERDICT_PUT] =
        "INSERT INTO verdicts(context_id, revision, judgement, tool, chamber, order_us, current, verdict, "
        "judged_us, recipe, lot, wafer, row) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13) ON CONFLICT DO UPDATE SET order_us = excluded.order_us, current = excluded.current, "
        "verdict = excluded.verdict, judged_us = excluded.judged_us, recipe = excluded.recipe, "
        "lot = excluded.lot, wafer = excluded.wafer, row = excluded.row",
    [SQL_VERDICT_JUDGED] = "UPDATE contexts SET unjudged = 0 WHERE context_id = ?1 AND revision = ?2 AND unjudged = 1",
    [SQL_VERDICT_GET] = "SELECT row FROM verdicts WHERE context_id = ?1 ORDER BY revision DESC, judgement DESC LIMIT 1",
    [SQL_DEF_GET] = "SELECT row FROM defs WHERE kind = ?1 AND id = ?2 AND version = ?3",
    [SQL_DEF_PUT] = "INSERT INTO defs(kind, id, version, row) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
                    "row = excluded.row",
    [SQL_DEF_LIST] =
        "SELECT row FROM defs WHERE (?1 < 0 OR kind = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY kind, id, version",
    [SQL_ALARM_UPDATE] = "SELECT update_n FROM alarms WHERE alarm_id = ?1",
    [SQL_ALARM_PUT] =
        "INSERT INTO alarms(alarm_id, opened_us, open, update_n, published_us, tool, chamber, recipe, lot, "
        "wafer, row) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO UPDATE SET "
        "opened_us = excluded.opened_us, open = excluded.open, update_n = excluded.update_n, "
        "published_us = excluded.published_us, tool = excluded.tool, chamber = excluded.chamber, "
        "recipe = excluded.recipe, lot = excluded.lot, wafer = excluded.wafer, row = excluded.row",
    [SQL_ALARM_GET] = "SELECT row FROM alarms WHERE alarm_id = ?1",
    [SQL_UNJUDGED] =
        "SELECT row, published, stored_us, context_id FROM contexts WHERE unjudged = 1 AND stored_us < ?1 AND "
        "(stored_us, context_id) > (?2, ?3) ORDER BY stored_us, context_id LIMIT ?4",
    [SQL_RETAIN_CHUNKS] = RETAIN("chunks", "n", "stored_us", ""),
    [SQL_RETAIN_U] = RETAIN("u_records", "n", "stored_us", ""),
    [SQL_RETAIN_CONTEXTS] = RETAIN("contexts", "n", "stored_us", " AND open = 0"),
    [SQL_RETAIN_VERDICTS] =
        RETAIN("verdicts", "context_id, revision, judgement", "judged_us",
               " AND NOT EXISTS(SELECT 1 FROM contexts AS c WHERE c.context_id = verdicts.context_id)"),
    [SQL_RETAIN_ALARMS] = RETAIN("alarms", "alarm_id", "published_us", " AND open = 0"),
    [SQL_STATS] =
        "SELECT contexts, open_contexts, unjudged, chunks, chunk_bytes, points, u_records, verdicts, alarms_open, "
        "(SELECT count(*) FROM chambers) FROM counters",
};

tfdc_rc store_db_open(struct store_db *d, const char *path, uint32_t timeout_ms, bool writer, struct tfdc_error *err) {
  *d = (struct store_db){.path = path};
  return sqlite_file_open(path, timeout_ms, writer, &d->db, err);
}

void store_db_close(struct store_db *d) {
  for (size_t i = 0; i < SQL_COUNT; i++) (void)sqlite3_finalize(d->st[i]);
  (void)sqlite3_close(d->db);
  tfdc_buf_deinit(&d->text);
  *d = (struct store_db){0};
}

tfdc_rc store_db_migrate(struct store_db *d, struct tfdc_error *err) {
  int64_t version = 0;
  TFDC_TRY(sqlite_query_int(d->db, "PRAGMA user_version", &version, err));
  if (version > STORE_SQLITE_SCHEMA) {
    return tfdc_fail(err, TFDC_E_SCHEMA, "%s has schema %" PRId64 ", this release knows %d: %s", d->path, version,
                     STORE_SQLITE_SCHEMA, tfdc_rc_text(TFDC_E_SCHEMA));
  }
  if (version == STORE_SQLITE_SCHEMA) return TFDC_OK;
  TFDC_TRY(sqlite_run(d->db, "BEGIN IMMEDIATE", err));
  tfdc_rc rc = sqlite_run(d->db, store_schema_v1, err);
  if (rc == TFDC_OK) rc = sqlite_run(d->db, "COMMIT", err);
  if (rc != TFDC_OK) (void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
  return rc;
}

uint64_t store_db_free_bytes(const struct store_db *d) {
  struct statvfs v;
  if (statvfs(d->path, &v) != 0) return UINT64_MAX;
  return (uint64_t)v.f_bavail * v.f_frsize;
}

tfdc_rc store_db_get(struct store_db *d, enum store_sql which, sqlite3_stmt **ret, struct tfdc_error *err) {
  sqlite3_stmt **st = &d->st[which];
  if (*st == NULL) {
    if (sqlite3_prepare_v3(d->db, sqls[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
      return sqlite_fail(d->db, err, "store");
  } else {
    store_db_reset(*st);
  }
  *ret = *st;
  return TFDC_OK;
}

void store_db_reset(sqlite3_stmt *st) {
  (void)sqlite3_reset(st);
  (void)sqlite3_clear_bindings(st);
}

tfdc_rc store_db_step(struct store_db *d, sqlite3_stmt *st, bool *ret_row, struct tfdc_error *err) {
  errno = 0; /* sqlite_fail may need what the system says now */
  int rc = sqlite3_step(st);
  tfdc_rc result = TFDC_OK;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) result = sqlite_fail(d->db, err, "store");
  if (rc != SQLITE_ROW) store_db_reset(st);
  *ret_row = rc == SQLITE_ROW;
  return result;
}

tfdc_rc store_db_done(struct store_db *d, sqlite3_stmt *st, struct tfdc_error *err) {
  bool row;
  tfdc_rc rc = store_db_step(d, st, &row, err);
  store_db_reset(st);
  return rc;
}

tfdc_rc store_db_exec(struct store_db *d, enum store_sql which, struct tfdc_error *err) {
  sqlite3_stmt *st;
  TFDC_TRY(store_db_get(d, which, &st, err));
  return store_db_done(d, st, err);
}

void store_db_roll_back(struct store_db *d) {
  if (sqlite3_get_autocommit(d->db) == 0) (void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
}

/* A failed binding (out of memory) leaves NULL, which the tables' NOT NULL then refuse. */
void store_bind_id(sqlite3_stmt *st, int at, struct tfdc_id128 id) {
  uint8_t bytes[16];
  sqlite_id_bytes(id, bytes);
  (void)sqlite3_bind_blob(st, at, bytes, sizeof bytes, SQLITE_TRANSIENT);
}
void store_bind_text(sqlite3_stmt *st, int at, const char *text) {
  (void)sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}
void store_bind_text_n(sqlite3_stmt *st, int at, const struct tfdc_buf *text) {
  (void)sqlite3_bind_text64(st, at, (const char *)text->data, text->size, SQLITE_STATIC, SQLITE_UTF8);
}
void store_bind_int(sqlite3_stmt *st, int at, int64_t v) { (void)sqlite3_bind_int64(st, at, v); }
