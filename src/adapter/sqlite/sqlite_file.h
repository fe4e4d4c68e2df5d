/* SPDX-License-Identifier: Apache-2.0
 * Private to adapter/sqlite: connections to the file that may be store, queue and KV at once; statements; errors.
 *
 * Every writing transaction and every checkpoint of every process runs under an advisory lock on "<path>-writer"
 * (sqlite_lock_take). That queues the writers of several processes, and it keeps clear of the WAL-reset race that
 * SQLite has up to 3.51.2: two connections that write or checkpoint at the same instant can lose frames. Readers take
 * no lock, never checkpoint, and see the last commit. */
#ifndef ADAPTER_SQLITE_SQLITE_FILE_H
#define ADAPTER_SQLITE_SQLITE_FILE_H

#include "base/err.h"
#include "base/hash.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SQLITE_FILE_APPLICATION_ID = 0x74464443 }; /* "tFDC" */

struct sqlite_lock {
  int fd;   /* -1: not open */
  int turn; /* "<path>-turn": whoever waits for the lock holds it, so that the last holder cannot come first again */
  uint32_t timeout_ms;
};
/* Creates the two files when they are not there. */
TFDC_MUST_USE tfdc_rc sqlite_lock_open(struct sqlite_lock *l, const char *path, uint32_t timeout_ms,
                                       struct tfdc_error *err);
void sqlite_lock_close(struct sqlite_lock *l);
/* Waits for other holders (also in this process, when they opened the lock themselves): TIMEOUT, IO. */
TFDC_MUST_USE tfdc_rc sqlite_lock_take(struct sqlite_lock *l, struct tfdc_error *err);
void sqlite_lock_release(struct sqlite_lock *l);

/* Opens a connection. A new file gets its page size, incremental auto-vacuum, WAL and application id, so call this
 * under the lock the first time. Foreign databases: USAGE; files that are no database: CORRUPT. */
TFDC_MUST_USE tfdc_rc sqlite_file_open(const char *path, uint32_t timeout_ms, bool writer, sqlite3 **ret,
                                       struct tfdc_error *err);

/* The one mapping of SQLite's codes: DISK_FULL, IO, CORRUPT, TIMEOUT (busy), NOMEM, LIMIT, INTERNAL; with SQLite's
 * text. */
tfdc_rc sqlite_fail(sqlite3 *db, struct tfdc_error *err, const char *what);
TFDC_MUST_USE tfdc_rc sqlite_run(sqlite3 *db, const char *sql, struct tfdc_error *err);
/* First column of the first row. */
TFDC_MUST_USE tfdc_rc sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret, struct tfdc_error *err);

/* Ids are 16 bytes, most significant first: memcmp orders them as numbers. */
void sqlite_id_bytes(struct tfdc_id128 id, uint8_t bytes[16]);

#endif
