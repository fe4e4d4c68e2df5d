/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/sqlite_file.h"

#include "base/cursor.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static tfdc_rc open_lock_file(const char *path, const char *suffix, int *ret, struct tfdc_error *err) {
  struct tfdc_buf name = {0};
  tfdc_put_fmt(&name, "%s%s", path, suffix);
  tfdc_put_u8(&name, 0);
  tfdc_rc rc = tfdc_buf_status(&name);
  if (rc == TFDC_OK) {
    *ret = open((const char *)name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*ret < 0) rc = tfdc_fail(err, TFDC_E_IO, "open %s: %s", (const char *)name.data, strerror(errno));
  }
  tfdc_buf_deinit(&name);
  return rc;
}

tfdc_rc sqlite_lock_open(struct sqlite_lock *l, const char *path, uint32_t timeout_ms, struct tfdc_error *err) {
  *l = (struct sqlite_lock){.fd = -1, .turn = -1, .timeout_ms = timeout_ms};
  TFDC_TRY(open_lock_file(path, "-turn", &l->turn, err));
  tfdc_rc rc = open_lock_file(path, "-writer", &l->fd, err);
  if (rc != TFDC_OK) (void)close(l->turn);
  return rc;
}

void sqlite_lock_close(struct sqlite_lock *l) {
  if (l->fd < 0) return;
  (void)close(l->fd);
  (void)close(l->turn);
  l->fd = -1;
}

/* flock has no time-out: asks again in steps that grow from 0.05 to 1 ms, a commit's order of size. */
static tfdc_rc wait_for(int fd, uint32_t timeout_ms, struct tfdc_error *err) {
  int64_t waited_ns = 0, step_ns = 50000;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return tfdc_fail(err, TFDC_E_IO, "lock the store: %s", strerror(errno));
    if (waited_ns > (int64_t)timeout_ms * 1000000) {
      return tfdc_fail(err, TFDC_E_TIMEOUT, "another process has been writing to the store for %u ms", timeout_ms);
    }
    struct timespec t = {.tv_nsec = step_ns};
    (void)nanosleep(&t, NULL);
    waited_ns += step_ns;
    if (step_ns < 1000000) step_ns += step_ns / 4;
  }
  return TFDC_OK;
}

tfdc_rc sqlite_lock_take(struct sqlite_lock *l, struct tfdc_error *err) {
  TFDC_TRY(wait_for(l->turn, l->timeout_ms, err));
  tfdc_rc rc = wait_for(l->fd, l->timeout_ms, err);
  (void)flock(l->turn, LOCK_UN);
  return rc;
}

void sqlite_lock_release(struct sqlite_lock *l) { (void)flock(l->fd, LOCK_UN); }

static bool disk_is_full(int system_errno) {
  return system_errno == ENOSPC || system_errno == EFBIG || system_errno == EDQUOT;
}

/* SQLite forgets the system's error when a COMMIT fails; then the thread's own still has it (sqlite_run clears it). */
static int system_error(sqlite3 *db) {
  int sys = sqlite3_system_errno(db);
  return sys == 0 && sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE ? errno : sys;
}

static tfdc_rc code_of(sqlite3 *db, int sys) {
  int ext = sqlite3_extended_errcode(db);
  if (ext == SQLITE_IOERR_NOMEM) return TFDC_E_NOMEM;
  switch (ext & 0xff) {
  case SQLITE_FULL: return TFDC_E_DISK_FULL;
  case SQLITE_IOERR: return disk_is_full(sys) ? TFDC_E_DISK_FULL : TFDC_E_IO;
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
  case SQLITE_READONLY:
  case SQLITE_AUTH: return TFDC_E_IO;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB: return TFDC_E_CORRUPT;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL: return TFDC_E_TIMEOUT;
  case SQLITE_NOMEM: return TFDC_E_NOMEM;
  case SQLITE_TOOBIG: return TFDC_E_LIMIT;
  default: return TFDC_E_INTERNAL;
  }
}

tfdc_rc sqlite_fail(sqlite3 *db, struct tfdc_error *err, const char *what) {
  int sys = system_error(db);
  tfdc_rc rc = code_of(db, sys);
  if ((rc == TFDC_E_IO || rc == TFDC_E_DISK_FULL) && sys != 0) {
    return tfdc_fail(err, rc, "%s: %s: %s", what, sqlite3_errmsg(db), strerror(sys));
  }
  return tfdc_fail(err, rc, "%s: %s", what, sqlite3_errmsg(db));
}

tfdc_rc sqlite_run(sqlite3 *db, const char *sql, struct tfdc_error *err) {
  errno = 0;
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) return TFDC_OK;
  return sqlite_fail(db, err, "store");
}

tfdc_rc sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret, struct tfdc_error *err) {
  sqlite3_stmt *st = NULL;
  tfdc_rc rc = TFDC_OK;
  if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW) {
    rc = sqlite_fail(db, err, "store");
  } else {
    *ret = sqlite3_column_int64(st, 0);
  }
  (void)sqlite3_finalize(st);
  return rc;
}

/* tglob(pattern, text): this system's globs; SQLite's own have [sets] too. */
static void sql_glob(sqlite3_context *ctx, int n, sqlite3_value **v) {
  (void)n;
  const char *pattern = (const char *)sqlite3_value_text(v[0]), *text = (const char *)sqlite3_value_text(v[1]);
  sqlite3_result_int(ctx, tfdc_glob(pattern, text == NULL ? "" : text) ? 1 : 0);
}

/* Only before the first table can a file get its page size and auto-vacuum. */
static tfdc_rc set_up_file(sqlite3 *db, struct tfdc_error *err) {
  int64_t application = 0, objects = 0;
  TFDC_TRY(sqlite_query_int(db, "PRAGMA application_id", &application, err));
  if (application == SQLITE_FILE_APPLICATION_ID) return TFDC_OK;
  TFDC_TRY(sqlite_query_int(db, "SELECT count(*) FROM sqlite_schema", &objects, err));
  if (application != 0 || objects != 0) return tfdc_fail(err, TFDC_E_USAGE, "this is a database, but not one of tFDC");
  TFDC_TRY(sqlite_run(db, "PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL", err));
  return sqlite_run(db, "PRAGMA application_id=0x74464443", err);
}

static tfdc_rc set_up_connection(sqlite3 *db, bool writer, struct tfdc_error *err) {
  /* 4,096 pages of 16 KB: a checkpoint each 64 MB of log. The log file is cut to that size when it starts again. */
  TFDC_TRY(sqlite_run(db,
                      writer ? "PRAGMA wal_autocheckpoint=4096; PRAGMA journal_size_limit=134217728;"
                               "PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY"
                             : "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-16384;"
                               "PRAGMA temp_store=MEMORY",
                      err));
  if (!writer) (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (sqlite3_create_function(db, "tglob", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_glob, NULL, NULL) !=
      SQLITE_OK)
    return sqlite_fail(db, err, "store");
  return TFDC_OK;
}

tfdc_rc sqlite_file_open(const char *path, uint32_t timeout_ms, bool writer, sqlite3 **ret, struct tfdc_error *err) {
  sqlite3 *db = NULL;
  tfdc_rc rc = TFDC_OK;
  if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    rc = db == NULL ? TFDC_E_NOMEM : sqlite_fail(db, err, "open");
  }
  if (rc == TFDC_OK) {
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, (int)timeout_ms);
    rc = set_up_file(db, err);
  }
  if (rc == TFDC_OK) rc = set_up_connection(db, writer, err);
  if (rc != TFDC_OK) {
    (void)sqlite3_close(db);
    return tfdc_wrap(err, rc, "%s", path);
  }
  *ret = db;
  return TFDC_OK;
}

void sqlite_id_bytes(struct tfdc_id128 id, uint8_t bytes[16]) {
  for (int i = 0; i < 8; i++) {
    bytes[i] = (uint8_t)(id.hi >> (56 - 8 * i));
    bytes[8 + i] = (uint8_t)(id.lo >> (56 - 8 * i));
  }
}
