/* SPDX-License-Identifier: Apache-2.0
 * The store port on one SQLite file (tables: store_schema.c; rows: api/records.md). Several processes of one host may
 * open it.
 *
 * One thread writes: it takes all writes that wait (at most 500 requests or 16 MiB), commits them together with one
 * fsync and completes them; a request that fails fails alone. Reader threads answer reads; a read waits for the writes
 * of its own key that were submitted before it. The process must ignore SIGXFSZ (main does), so that a file limit is an
 * error (DISK_FULL) and not its end. cancel() is accepted and changes nothing: requests are short. */
#ifndef ADAPTER_SQLITE_STORE_SQLITE_H
#define ADAPTER_SQLITE_STORE_SQLITE_H

#include "port/store.h"

enum { STORE_SQLITE_SCHEMA = 1 }; /* newest version of the file's schema that this release reads and writes */

struct store_sqlite_options { /* 0 = default */
  uint32_t readers;           /* threads, default 2, at most 16 */
  uint32_t busy_timeout_ms;   /* how long other processes may hold the file, default 10,000; then TIMEOUT */
  uint64_t free_floor_bytes;  /* below so much free disk, chunks and new runs answer DISK_FLOOR; 0 = no floor */
  uint32_t max_requests;      /* default 8192 */
  size_t max_bytes;           /* default 256 MiB */
};

/* Opens or creates the file and starts the threads. o may be NULL. SCHEMA: written by a newer release. CORRUPT: not a
 * database, or damaged. USAGE: a database of another program. IO, NOMEM, TIMEOUT. */
TFDC_MUST_USE tfdc_rc store_sqlite_open(const char *path, const struct store_sqlite_options *o, struct port **ret,
                                        struct tfdc_error *err);
/* Could the file be written to within the time? TIMEOUT: another process holds it. Creates it like store_sqlite_open
 * and has the same errors. For those who would rather look again than wait long in one call. */
TFDC_MUST_USE tfdc_rc store_sqlite_probe(const char *path, uint32_t timeout_ms, struct tfdc_error *err);
/* Ends the threads, closes the file, frees. NULL is fine. After port_close's closed(), or when nothing is in flight. */
void store_sqlite_destroy(struct port *p);

#endif
