/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/kv_sqlite.h"

#include "adapter/sqlite/sqlite_actor.h"
#include "port/kv_state.h"

#include <stdlib.h>

enum { KV_SCHEMA = 1 };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS kv_meta(one INTEGER PRIMARY KEY CHECK(one = 1), version INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO kv_meta VALUES(1, 1);"
    "CREATE TABLE IF NOT EXISTS kv_value(bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " revision INTEGER NOT NULL, expires_us INTEGER NOT NULL, PRIMARY KEY(bucket, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS kv_bucket(bucket TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;"
    "COMMIT";

enum sql { SET, UNSET, REVISION, ALL, ALL_REVISIONS, SQL_N };
static const char *const sql_text[SQL_N] = {
    [SET] = "INSERT OR REPLACE INTO kv_value VALUES(?1, ?2, ?3, ?4, ?5)",
    [UNSET] = "DELETE FROM kv_value WHERE bucket = ?1 AND key = ?2",
    [REVISION] = "INSERT OR REPLACE INTO kv_bucket VALUES(?1, ?2)",
    [ALL] = "SELECT bucket, revision, key, value, expires_us FROM kv_value",
    [ALL_REVISIONS] = "SELECT bucket, revision FROM kv_bucket",
};

struct kv_sqlite {
  struct kv_log log; /* first: the log's function casts back */
  struct sqlite_actor actor;
  struct sqlite_port port;
  /* the actor's thread */
  struct kv_state *state;
  sqlite3_stmt *st[SQL_N];
};

static tfdc_rc log_write(struct kv_log *l, const struct kv_write *w, struct tfdc_error *err) {
  struct kv_sqlite *k = (struct kv_sqlite *)l;
  TFDC_TRY(sqlite_actor_write(&k->actor, err));
  sqlite3_stmt *st = k->st[w->value != NULL ? SET : UNSET];
  (void)sqlite3_bind_text(st, 1, w->bucket, -1, SQLITE_STATIC);
  (void)sqlite3_bind_text(st, 2, w->key, -1, SQLITE_STATIC);
  if (w->value != NULL) {
    (void)sqlite3_bind_blob(st, 3, w->value, (int)w->n, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 4, (sqlite3_int64)w->revision);
    (void)sqlite3_bind_int64(st, 5, w->expires_us);
  }
  TFDC_TRY(sqlite_actor_step(&k->actor, st, err));
  st = k->st[REVISION];
  (void)sqlite3_bind_text(st, 1, w->bucket, -1, SQLITE_STATIC);
  (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)w->revision);
  return sqlite_actor_step(&k->actor, st, err);
}

static struct kv_now now_of(struct kv_sqlite *k) {
  return (struct kv_now){port_mono(k->actor.clock), port_wall(k->actor.clock)};
}

static void complete(void *user, struct port_req *r, tfdc_rc rc) {
  sqlite_actor_complete(&((struct kv_sqlite *)user)->actor, r, rc);
}

static void execute(void *owner, struct port_req *r) {
  struct kv_sqlite *k = owner;
  if (r->op == KV_WATCH_NEXT && sqlite_actor_is_closing(&k->actor, &k->port))
    sqlite_actor_complete(&k->actor, r, TFDC_E_CLOSED);
  else
    kv_state_execute(k->state, (struct kv_req *)r, now_of(k));
}

static void cancel(void *owner, const struct port_req *r) {
  kv_state_end_wait(((struct kv_sqlite *)owner)->state, r, TFDC_E_CANCELLED);
}

static void end(void *owner, struct sqlite_port *p) {
  (void)p;
  kv_state_end_watches(((struct kv_sqlite *)owner)->state, TFDC_E_CLOSED);
}

static void tick(void *owner) {
  struct kv_sqlite *k = owner;
  kv_state_tick(k->state, now_of(k));
}

static tfdc_mono deadline(void *owner) { return kv_state_deadline(((struct kv_sqlite *)owner)->state); }

static tfdc_rc restore(struct kv_sqlite *k, enum sql which, struct tfdc_error *err) {
  sqlite3_stmt *st = k->st[which];
  struct kv_now now = now_of(k);
  tfdc_rc rc = TFDC_OK;
  int step = SQLITE_DONE;
  while (rc == TFDC_OK && (step = sqlite3_step(st)) == SQLITE_ROW) {
    struct kv_write w = {.bucket = (const char *)sqlite3_column_text(st, 0),
                         .revision = (uint64_t)sqlite3_column_int64(st, 1)};
    if (which == ALL) {
      w.key = (const char *)sqlite3_column_text(st, 2);
      w.value = sqlite3_column_blob(st, 3);
      w.n = (size_t)sqlite3_column_bytes(st, 3);
      if (w.n == 0) w.value = "";
      w.expires_us = sqlite3_column_int64(st, 4);
    }
    bool read = w.bucket != NULL && (which != ALL || (w.key != NULL && w.value != NULL));
    rc = read ? kv_state_restore(k->state, &w, now) : TFDC_E_NOMEM;
  }
  if (rc == TFDC_OK && step != SQLITE_DONE) rc = sqlite_fail(k->actor.db, err, "read the buckets");
  (void)sqlite3_reset(st);
  return rc;
}

static tfdc_rc reload(void *owner, struct tfdc_error *err) {
  struct kv_sqlite *k = owner;
  kv_state_reset(k->state);
  TFDC_TRY(restore(k, ALL, err));
  return restore(k, ALL_REVISIONS, err);
}

static const struct sqlite_actor_ops actor_ops = {
    .execute = execute, .cancel = cancel, .end = end, .tick = tick, .deadline = deadline, .reload = reload};

static tfdc_rc open_tables(struct kv_sqlite *k, struct tfdc_error *err) {
  TFDC_TRY(sqlite_lock_take(&k->actor.lock, err));
  tfdc_rc rc = sqlite_run(k->actor.db, schema, err);
  sqlite_lock_release(&k->actor.lock);
  int64_t version = 0;
  if (rc == TFDC_OK) rc = sqlite_query_int(k->actor.db, "SELECT version FROM kv_meta", &version, err);
  if (rc == TFDC_OK && version > KV_SCHEMA)
    rc = tfdc_fail(err, TFDC_E_SCHEMA, "the buckets are of version %lld, this release knows %d", (long long)version,
                   KV_SCHEMA);
  return rc != TFDC_OK ? rc : sqlite_actor_prepare(&k->actor, sql_text, k->st, SQL_N, err);
}

tfdc_rc kv_sqlite_open(const char *path, struct port_clock *clock, struct kv_sqlite **ret, struct tfdc_error *err) {
  struct kv_sqlite *k = calloc(1, sizeof *k);
  if (k == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "open the buckets");
  k->log.write = log_write;
  k->state = kv_state_create(&k->log, complete, k);
  tfdc_rc rc = k->state != NULL ? sqlite_actor_open(&k->actor, path, "kv", err) : TFDC_E_NOMEM;
  if (rc == TFDC_OK) {
    rc = open_tables(k, err);
    if (rc == TFDC_OK) rc = sqlite_actor_start(&k->actor, &actor_ops, k, clock, err);
    if (rc != TFDC_OK) kv_sqlite_destroy(k);
  } else {
    kv_state_destroy(k->state);
    free(k);
  }
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "open the buckets");
  sqlite_actor_serve(&k->actor, &k->port, PORT_KV);
  *ret = k;
  return TFDC_OK;
}

void kv_sqlite_destroy(struct kv_sqlite *k) {
  if (k == NULL) return;
  sqlite_actor_stop(&k->actor);
  for (size_t i = 0; i < SQL_N; i++) (void)sqlite3_finalize(k->st[i]);
  sqlite_actor_close(&k->actor);
  kv_state_destroy(k->state);
  free(k);
}

struct port *kv_sqlite_port(struct kv_sqlite *k) {
  return &k->port.port;
}
