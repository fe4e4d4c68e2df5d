/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/queue_sqlite.h"

#include "adapter/sqlite/sqlite_actor.h"
#include "port/queue_state.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUE_SCHEMA = 1, PURGE_EACH = 256 };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS queue_meta(one INTEGER PRIMARY KEY CHECK(one = 1), version INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO queue_meta VALUES(1, 1);"
    "CREATE TABLE IF NOT EXISTS queue_msg(seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, msg_id TEXT NOT NULL,"
    " stored_us INTEGER NOT NULL, deliveries INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS queue_dead(id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL,"
    " msg_id TEXT NOT NULL, stored_us INTEGER NOT NULL, deliveries INTEGER NOT NULL, data BLOB NOT NULL,"
    " reason TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS queue_id(msg_id TEXT PRIMARY KEY, stored_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS queue_id_age ON queue_id(stored_us);"
    "COMMIT";

enum sql { ADD, ADD_ID, PURGE_IDS, DELIVERED, LOAD, REMOVE, BURY, DEAD_LIST, DEAD_REMOVE, ALL, ALL_IDS, SQL_N };
static const char *const sql_text[SQL_N] = {
    [ADD] = "INSERT INTO queue_msg VALUES(?1, ?2, ?3, ?4, 0, ?5)",
    [ADD_ID] = "INSERT OR REPLACE INTO queue_id VALUES(?1, ?2)",
    [PURGE_IDS] = "DELETE FROM queue_id WHERE stored_us < ?1",
    [DELIVERED] = "UPDATE queue_msg SET deliveries = ?2 WHERE seq = ?1",
    [LOAD] = "SELECT data FROM queue_msg WHERE seq = ?1",
    [REMOVE] = "DELETE FROM queue_msg WHERE seq = ?1",
    [BURY] = "INSERT INTO queue_dead(subject, msg_id, stored_us, deliveries, data, reason)"
             " SELECT subject, msg_id, stored_us, deliveries, data, ?2 FROM queue_msg WHERE seq = ?1",
    [DEAD_LIST] = "SELECT id, subject, msg_id, stored_us, deliveries, data, reason FROM queue_dead WHERE id > ?1"
                  " ORDER BY id LIMIT ?2",
    [DEAD_REMOVE] = "DELETE FROM queue_dead WHERE id = ?1",
    [ALL] = "SELECT seq, subject, msg_id, stored_us, deliveries FROM queue_msg ORDER BY seq",
    [ALL_IDS] = "SELECT msg_id, stored_us FROM queue_id WHERE stored_us > ?1 ORDER BY stored_us",
};

struct queue_sqlite {
  struct queue_log log; /* first: the log's functions cast back */
  struct sqlite_actor actor;
  struct sqlite_port publish, work;
  /* the actor's thread */
  struct queue_state *state;
  sqlite3_stmt *st[SQL_N];
  uint64_t dead_n;
};

/* ---- the log ---- */

/* A prepared statement with the parameter that most have, inside the batch's transaction. */
static tfdc_rc begin(struct queue_sqlite *q, enum sql which, uint64_t first, sqlite3_stmt **ret,
                     struct tfdc_error *err) {
  TFDC_TRY(sqlite_actor_write(&q->actor, err));
  *ret = q->st[which];
  (void)sqlite3_bind_int64(*ret, 1, (sqlite3_int64)first);
  return TFDC_OK;
}

static tfdc_rc remember_id(struct queue_sqlite *q, const struct queue_item *item, struct tfdc_error *err) {
  sqlite3_stmt *st = q->st[ADD_ID];
  (void)sqlite3_bind_text(st, 1, item->msg_id, -1, SQLITE_STATIC);
  (void)sqlite3_bind_int64(st, 2, item->stored_us);
  TFDC_TRY(sqlite_actor_step(&q->actor, st, err));
  if (item->seq % PURGE_EACH != 0) return TFDC_OK;
  (void)sqlite3_bind_int64(q->st[PURGE_IDS], 1, item->stored_us - QUEUE_DUPLICATE_WINDOW_US);
  return sqlite_actor_step(&q->actor, q->st[PURGE_IDS], err);
}

static tfdc_rc log_add(struct queue_log *l, struct queue_item *item, const void *data, size_t n,
                       struct tfdc_error *err) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  sqlite3_stmt *st = NULL;
  TFDC_TRY(begin(q, ADD, item->seq, &st, err));
  (void)sqlite3_bind_text(st, 2, item->subject, -1, SQLITE_STATIC);
  (void)sqlite3_bind_text(st, 3, item->msg_id, -1, SQLITE_STATIC);
  (void)sqlite3_bind_int64(st, 4, item->stored_us);
  (void)sqlite3_bind_blob(st, 5, n > 0 ? data : "", (int)n, SQLITE_STATIC);
  TFDC_TRY(sqlite_actor_step(&q->actor, st, err));
  return item->msg_id[0] != '\0' ? remember_id(q, item, err) : TFDC_OK;
}

static tfdc_rc log_delivered(struct queue_log *l, const struct queue_item *item, uint32_t deliveries,
                             struct tfdc_error *err) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  sqlite3_stmt *st = NULL;
  TFDC_TRY(begin(q, DELIVERED, item->seq, &st, err));
  (void)sqlite3_bind_int64(st, 2, deliveries);
  return sqlite_actor_step(&q->actor, st, err);
}

static tfdc_rc log_load(struct queue_log *l, const struct queue_item *item, struct tfdc_arena *mem,
                        struct workqueue_msg *ret, struct tfdc_error *err) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  sqlite3_stmt *st = q->st[LOAD];
  (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)item->seq);
  int step = sqlite3_step(st);
  tfdc_rc rc = TFDC_OK;
  if (step == SQLITE_ROW) {
    const char *data = sqlite3_column_blob(st, 0);
    size_t n = (size_t)sqlite3_column_bytes(st, 0);
    char *copy = tfdc_arena_strndup(mem, data, n);
    if (copy == NULL) {
      rc = tfdc_fail(err, TFDC_E_NOMEM, "message of %zu bytes", n);
    } else {
      ret->data = copy;
      ret->n = n;
    }
  } else {
    rc = step == SQLITE_DONE ? tfdc_fail(err, TFDC_E_CORRUPT, "message %llu is gone", (unsigned long long)item->seq)
                             : sqlite_fail(q->actor.db, err, "queue");
  }
  (void)sqlite3_reset(st);
  return rc;
}

static tfdc_rc log_remove(struct queue_log *l, const struct queue_item *item, struct tfdc_error *err) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  sqlite3_stmt *st = NULL;
  TFDC_TRY(begin(q, REMOVE, item->seq, &st, err));
  return sqlite_actor_step(&q->actor, st, err);
}

static tfdc_rc log_bury(struct queue_log *l, const struct queue_item *item, const char *reason,
                        struct tfdc_error *err) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  sqlite3_stmt *st = NULL;
  TFDC_TRY(begin(q, BURY, item->seq, &st, err));
  (void)sqlite3_bind_text(st, 2, reason, -1, SQLITE_STATIC);
  TFDC_TRY(sqlite_actor_step(&q->actor, st, err));
  TFDC_TRY(log_remove(l, item, err));
  q->dead_n++;
  return TFDC_OK;
}

static const char *column_text(struct tfdc_arena *mem, sqlite3_stmt *st, int i) {
  const char *text = (const char *)sqlite3_column_text(st, i);
  return text != NULL ? tfdc_arena_strndup(mem, text, (size_t)sqlite3_column_bytes(st, i)) : NULL;
}

static tfdc_rc read_dead(struct tfdc_arena *mem, sqlite3_stmt *st, struct workqueue_msg *m) {
  *m = (struct workqueue_msg){.token = (uint64_t)sqlite3_column_int64(st, 0),
                              .subject = column_text(mem, st, 1),
                              .msg_id = column_text(mem, st, 2),
                              .stored_us = sqlite3_column_int64(st, 3),
                              .deliveries = (uint32_t)sqlite3_column_int64(st, 4),
                              .reason = column_text(mem, st, 6)};
  const char *data = sqlite3_column_blob(st, 5);
  m->n = (size_t)sqlite3_column_bytes(st, 5);
  m->data = tfdc_arena_strndup(mem, data, m->n);
  bool ok = m->subject != NULL && m->msg_id != NULL && m->reason != NULL && m->data != NULL;
  return ok ? TFDC_OK : TFDC_E_NOMEM;
}

static tfdc_rc log_dead_list(struct queue_log *l, struct workqueue_req *r) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  uint32_t max = r->max < QUEUE_MAX_PULL ? r->max : QUEUE_MAX_PULL;
  r->msgs = tfdc_arena_array(&r->base.mem, max, sizeof *r->msgs);
  if (r->msgs == NULL) return TFDC_E_NOMEM;
  sqlite3_stmt *st = q->st[DEAD_LIST];
  (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)r->token);
  (void)sqlite3_bind_int64(st, 2, max);
  tfdc_rc rc = TFDC_OK;
  size_t bytes = 0, n = 0;
  int step = SQLITE_DONE;
  while (rc == TFDC_OK && bytes < QUEUE_MAX_PULL_BYTES && (step = sqlite3_step(st)) == SQLITE_ROW) {
    rc = read_dead(&r->base.mem, st, &r->msgs[n]);
    bytes += r->msgs[n++].n;
  }
  if (rc == TFDC_OK && step != SQLITE_ROW && step != SQLITE_DONE) rc = sqlite_fail(q->actor.db, &r->base.err, "queue");
  (void)sqlite3_reset(st);
  if (rc == TFDC_OK) r->n = n;
  return rc;
}

static tfdc_rc log_dead_remove(struct queue_log *l, uint64_t token, struct tfdc_error *err) {
  struct queue_sqlite *q = (struct queue_sqlite *)l;
  sqlite3_stmt *st = NULL;
  TFDC_TRY(begin(q, DEAD_REMOVE, token, &st, err));
  TFDC_TRY(sqlite_actor_step(&q->actor, st, err));
  if (sqlite3_changes(q->actor.db) == 0) return tfdc_fail(err, TFDC_E_NOT_FOUND, "no such dead letter");
  q->dead_n--;
  return TFDC_OK;
}

static uint64_t log_dead_count(struct queue_log *l) { return ((const struct queue_sqlite *)l)->dead_n; }

static const struct queue_log sqlite_log = {.add = log_add,
                                            .delivered = log_delivered,
                                            .load = log_load,
                                            .remove = log_remove,
                                            .bury = log_bury,
                                            .dead_list = log_dead_list,
                                            .dead_remove = log_dead_remove,
                                            .dead_count = log_dead_count};

/* ---- the actor ---- */

static struct queue_now now_of(struct queue_sqlite *q) {
  return (struct queue_now){port_mono(q->actor.clock), port_wall(q->actor.clock)};
}

static void complete(void *user, struct port_req *r, tfdc_rc rc) {
  sqlite_actor_complete(&((struct queue_sqlite *)user)->actor, r, rc);
}

static void execute(void *owner, struct port_req *r) {
  struct queue_sqlite *q = owner;
  if (r->kind == PORT_PUBLISH)
    queue_state_publish(q->state, (struct publish_req *)r, now_of(q));
  else if (r->op == WORKQUEUE_PULL && sqlite_actor_is_closing(&q->actor, &q->work))
    sqlite_actor_complete(&q->actor, r, TFDC_E_CLOSED);
  else
    queue_state_work(q->state, (struct workqueue_req *)r, now_of(q));
}

static void cancel(void *owner, const struct port_req *r) {
  queue_state_end_pull(((struct queue_sqlite *)owner)->state, r, TFDC_E_CANCELLED);
}

static void end(void *owner, struct sqlite_port *p) {
  struct queue_sqlite *q = owner;
  if (p == &q->work) queue_state_end_pulls(q->state, TFDC_E_CLOSED);
}

static void tick(void *owner) {
  struct queue_sqlite *q = owner;
  queue_state_tick(q->state, now_of(q));
}

static tfdc_mono deadline(void *owner) { return queue_state_deadline(((struct queue_sqlite *)owner)->state); }

static tfdc_rc restore_messages(struct queue_sqlite *q, struct tfdc_error *err) {
  sqlite3_stmt *st = q->st[ALL];
  tfdc_rc rc = TFDC_OK;
  int step = SQLITE_DONE;
  while (rc == TFDC_OK && (step = sqlite3_step(st)) == SQLITE_ROW) {
    struct queue_item item = {.seq = (uint64_t)sqlite3_column_int64(st, 0),
                              .subject = (const char *)sqlite3_column_text(st, 1),
                              .msg_id = (const char *)sqlite3_column_text(st, 2),
                              .stored_us = sqlite3_column_int64(st, 3),
                              .deliveries = (uint32_t)sqlite3_column_int64(st, 4)};
    rc = item.subject != NULL && item.msg_id != NULL ? queue_state_restore(q->state, &item) : TFDC_E_NOMEM;
  }
  if (rc == TFDC_OK && step != SQLITE_DONE) rc = sqlite_fail(q->actor.db, err, "read the queue");
  (void)sqlite3_reset(st);
  return rc;
}

static tfdc_rc restore_ids(struct queue_sqlite *q, struct tfdc_error *err) {
  struct queue_now now = now_of(q);
  sqlite3_stmt *st = q->st[ALL_IDS];
  (void)sqlite3_bind_int64(st, 1, now.wall.us - QUEUE_DUPLICATE_WINDOW_US);
  tfdc_rc rc = TFDC_OK;
  int step = SQLITE_DONE;
  while (rc == TFDC_OK && (step = sqlite3_step(st)) == SQLITE_ROW) {
    const char *id = (const char *)sqlite3_column_text(st, 0);
    int64_t age_us = now.wall.us - sqlite3_column_int64(st, 1);
    rc = id != NULL ? queue_state_restore_id(q->state, id, age_us, now.mono) : TFDC_E_NOMEM;
  }
  if (rc == TFDC_OK && step != SQLITE_DONE) rc = sqlite_fail(q->actor.db, err, "read the queue's ids");
  (void)sqlite3_reset(st);
  return rc;
}

static tfdc_rc reload(void *owner, struct tfdc_error *err) {
  struct queue_sqlite *q = owner;
  queue_state_reset(q->state);
  TFDC_TRY(restore_messages(q, err));
  TFDC_TRY(restore_ids(q, err));
  int64_t dead = 0;
  TFDC_TRY(sqlite_query_int(q->actor.db, "SELECT count(*) FROM queue_dead", &dead, err));
  q->dead_n = (uint64_t)dead;
  return TFDC_OK;
}

static const struct sqlite_actor_ops actor_ops = {
    .execute = execute, .cancel = cancel, .end = end, .tick = tick, .deadline = deadline, .reload = reload};

/* ---- open and close ---- */

static tfdc_rc open_tables(struct queue_sqlite *q, struct tfdc_error *err) {
  TFDC_TRY(sqlite_lock_take(&q->actor.lock, err));
  tfdc_rc rc = sqlite_run(q->actor.db, schema, err);
  sqlite_lock_release(&q->actor.lock);
  int64_t version = 0;
  if (rc == TFDC_OK) rc = sqlite_query_int(q->actor.db, "SELECT version FROM queue_meta", &version, err);
  if (rc == TFDC_OK && version > QUEUE_SCHEMA)
    rc = tfdc_fail(err, TFDC_E_SCHEMA, "the queue is of version %lld, this release knows %d", (long long)version,
                   QUEUE_SCHEMA);
  return rc != TFDC_OK ? rc : sqlite_actor_prepare(&q->actor, sql_text, q->st, SQL_N, err);
}

static void destroy_state(struct queue_sqlite *q) {
  for (size_t i = 0; i < SQL_N; i++) (void)sqlite3_finalize(q->st[i]);
  queue_state_destroy(q->state);
  free(q);
}

tfdc_rc queue_sqlite_open(const char *path, struct port_clock *clock, struct queue_sqlite **ret,
                          struct tfdc_error *err) {
  struct queue_sqlite *q = calloc(1, sizeof *q);
  if (q == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "open the queue");
  q->log = sqlite_log;
  q->state = queue_state_create(&q->log, complete, q);
  tfdc_rc rc = q->state != NULL ? sqlite_actor_open(&q->actor, path, "queue", err) : TFDC_E_NOMEM;
  if (rc == TFDC_OK) {
    rc = open_tables(q, err);
    if (rc == TFDC_OK) rc = sqlite_actor_start(&q->actor, &actor_ops, q, clock, err);
    if (rc != TFDC_OK) queue_sqlite_destroy(q);
  } else {
    destroy_state(q);
  }
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "open the queue");
  sqlite_actor_serve(&q->actor, &q->publish, PORT_PUBLISH);
  sqlite_actor_serve(&q->actor, &q->work, PORT_WORKQUEUE);
  *ret = q;
  return TFDC_OK;
}

void queue_sqlite_destroy(struct queue_sqlite *q) {
  if (q == NULL) return;
  sqlite_actor_stop(&q->actor);
  for (size_t i = 0; i < SQL_N; i++) {
    (void)sqlite3_finalize(q->st[i]);
    q->st[i] = NULL;
  }
  sqlite_actor_close(&q->actor);
  destroy_state(q);
}

struct port *queue_sqlite_publish(struct queue_sqlite *q) {
  return &q->publish.port;
}
struct port *queue_sqlite_work(struct queue_sqlite *q) {
  return &q->work.port;
}
