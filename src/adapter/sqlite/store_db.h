/* SPDX-License-Identifier: Apache-2.0
 * Private: one connection of the store with its kept statements, and what the ops do on it. Used by one thread. */
#ifndef ADAPTER_SQLITE_STORE_DB_H
#define ADAPTER_SQLITE_STORE_DB_H

#include "adapter/sqlite/sqlite_file.h"
#include "base/cursor.h"
#include "port/store_util.h"

/* Statements that are kept prepared; their SQL stands in store_db.c. */
enum store_sql {
  SQL_BEGIN,
  SQL_COMMIT,
  SQL_CHAMBER_PUT,
  SQL_CHAMBER_GET,
  SQL_CHAMBER_LIST,
  SQL_CONTEXT_RANK,
  SQL_CONTEXT_PUT,
  SQL_CONTEXT_MARK,
  SQL_CONTEXT_GET,
  SQL_CHUNK_PUT,
  SQL_CHUNK_LIST,
  SQL_CHUNK_GET,
  SQL_U_PUT,
  SQL_U_PREV,
  SQL_U_GET,
  SQL_VERDICT_NEWEST,
  SQL_VERDICT_OLD,
  SQL_VERDICT_PUT,
  SQL_VERDICT_JUDGED,
  SQL_VERDICT_GET,
  SQL_DEF_GET,
  SQL_DEF_PUT,
  SQL_DEF_LIST,
  SQL_ALARM_UPDATE,
  SQL_ALARM_PUT,
  SQL_ALARM_GET,
  SQL_UNJUDGED,
  SQL_RETAIN_CHUNKS,
  SQL_RETAIN_U,
  SQL_RETAIN_CONTEXTS,
  SQL_RETAIN_VERDICTS,
  SQL_RETAIN_ALARMS,
  SQL_STATS,
  SQL_COUNT
};
struct store_db {
  sqlite3 *db;
  sqlite3_stmt *st[SQL_COUNT];
  struct tfdc_buf text; /* scratch of the writer for rows */
  const char *path;     /* borrowed */
  uint64_t floor;       /* 0 = none */
  bool below_floor;     /* as looked up at the start of the batch */
};

TFDC_MUST_USE tfdc_rc store_db_open(struct store_db *d, const char *path, uint32_t timeout_ms, bool writer,
                                    struct tfdc_error *err);
void store_db_close(struct store_db *d);
/* Creates the tables of an empty file; SCHEMA when they are of a newer release. Under the writer lock. */
TFDC_MUST_USE tfdc_rc store_db_migrate(struct store_db *d, struct tfdc_error *err);
/* Free bytes of the file system; UINT64_MAX when the system does not say. */
uint64_t store_db_free_bytes(const struct store_db *d);

/* A kept statement, reset and with its bindings cleared. */
TFDC_MUST_USE tfdc_rc store_db_get(struct store_db *d, enum store_sql which, sqlite3_stmt **ret,
                                   struct tfdc_error *err);
/* One statement without rows. */
TFDC_MUST_USE tfdc_rc store_db_exec(struct store_db *d, enum store_sql which, struct tfdc_error *err);
/* Ends the transaction if one is left open by a failure. */
void store_db_roll_back(struct store_db *d);
/* Steps to the next row: *ret_row false at the end (the statement is reset then, so that it holds no read lock). */
TFDC_MUST_USE tfdc_rc store_db_step(struct store_db *d, sqlite3_stmt *st, bool *ret_row, struct tfdc_error *err);
/* Steps a statement that gives no rows, and resets it. */
TFDC_MUST_USE tfdc_rc store_db_done(struct store_db *d, sqlite3_stmt *st, struct tfdc_error *err);
void store_db_reset(sqlite3_stmt *st);

/* Bindings of values that stay until the statement is reset. */
void store_bind_id(sqlite3_stmt *st, int at, struct tfdc_id128 id);
void store_bind_text(sqlite3_stmt *st, int at, const char *text); /* NULL = SQL NULL */
void store_bind_text_n(sqlite3_stmt *st, int at, const struct tfdc_buf *text);
void store_bind_int(sqlite3_stmt *st, int at, int64_t v);

/* One write inside the current transaction. EXISTS and DISK_FLOOR leave it as it was; after any other failure the
 * transaction must be rolled back. */
TFDC_MUST_USE tfdc_rc store_db_write(struct store_db *d, struct store_req *r);
/* One read; its own snapshot. */
TFDC_MUST_USE tfdc_rc store_db_read(struct store_db *d, struct store_req *r);
/* After a retention op: gives pages back when much of the file is free. What fails is tried again by the next one. */
void store_db_shrink(struct store_db *d);

/* Kinds of rows, by the array of the request that takes them. Their columns: the encoded row first (contexts: and
 * `published`); chunks: see store_read.c. */
enum store_rows {
  ROWS_CHAMBERS,
  ROWS_CONTEXTS,
  ROWS_CHUNKS,
  ROWS_BLOBS,
  ROWS_U,
  ROWS_VERDICTS,
  ROWS_DEFS,
  ROWS_ALARMS
};
/* Decodes the statement's current row as the next one of the request: CORRUPT when it cannot be. */
TFDC_MUST_USE tfdc_rc store_rows_add(sqlite3_stmt *st, struct store_req *r, enum store_rows kind, size_t *cap);
/* All rows of the statement up to `limit`, and whether there was one more; resets the statement. */
TFDC_MUST_USE tfdc_rc store_rows_take(struct store_db *d, sqlite3_stmt *st, struct store_req *r, enum store_rows kind,
                                      size_t limit, bool *ret_more);

/* store_list.c */
tfdc_rc store_list_contexts(struct store_db *d, struct store_req *r);
tfdc_rc store_list_verdicts(struct store_db *d, struct store_req *r);
tfdc_rc store_list_alarms(struct store_db *d, struct store_req *r);
tfdc_rc store_list_u(struct store_db *d, struct store_req *r);
tfdc_rc store_list_unjudged(struct store_db *d, struct store_req *r);
tfdc_rc store_list_chambers(struct store_db *d, struct store_req *r);

#endif
