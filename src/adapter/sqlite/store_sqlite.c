/* SPDX-License-Identifier: Apache-2.0
 *
 *   submit --> writes (FIFO) ----------------> writer thread: batch, one commit --> completions
 *          --> reads (FIFO) -----------------> reader threads ------------------> completions
 *          --> waiting: reads whose key has writes queued before them; the writer moves them to reads
 */
#include "adapter/sqlite/store_sqlite.h"

#include "adapter/sqlite/store_db.h"
#include "port/flight.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 500, READERS_MAX = 16, KEYS = 256 };
#define BATCH_BYTES ((size_t)16 << 20)

struct queue {
  struct port_req *head, **tail;
};
struct reader {
  struct store_sqlite *s;
  struct store_db db;
  pthread_t thread;
};
struct store_sqlite {
  struct port port; /* first: what callers hold */
  struct port_flight flight;
  char *path; /* owned */
  pthread_mutex_t mtx;
  pthread_cond_t written, asked; /* there is something to write, to read */
  /* mtx */
  struct queue writes, reads, waiting;
  uint64_t accepted, finished; /* writes, counted */
  uint64_t last_write[KEYS];   /* count of the newest write of the keys with this hash */
  bool stop;
  /* the writer thread */
  struct store_db db;
  struct sqlite_lock lock;
  struct store_req *batch[BATCH_MAX];
  tfdc_rc results[BATCH_MAX];
  /* set by open */
  pthread_t writer;
  struct reader readers[READERS_MAX];
  size_t n_readers; /* that run */
  bool writer_runs;
};

static struct store_sqlite *of(struct port *p) { return (struct store_sqlite *)(void *)p; }

static void queue_init(struct queue *q) {
  q->head = NULL;
  q->tail = &q->head;
}
static void queue_push(struct queue *q, struct port_req *r) {
  r->next = NULL;
  *q->tail = r;
  q->tail = &r->next;
}
static struct port_req *queue_pop(struct queue *q) {
  struct port_req *r = q->head;
  if (r == NULL) return NULL;
  q->head = r->next;
  if (q->head == NULL) q->tail = &q->head;
  return r;
}

/* ---- which requests speak of one key ---- */

static unsigned hash_id(struct tfdc_id128 id) { return (unsigned)((id.hi ^ id.lo ^ id.hi >> 32 ^ id.lo >> 32) % KEYS); }
static unsigned hash_text(const char *text) { return (unsigned)(tfdc_xxh3_64(text, strlen(text)) % KEYS); }
static unsigned hash_key(struct model_key key) { return (hash_text(key.tool) * 31 + hash_text(key.chamber)) % KEYS; }

/* Hashes of the keys of a request; their number: 0 for lists over many keys. */
static size_t keys_of(const struct store_req *r, unsigned ret[2]) {
  switch ((enum store_op)r->base.op) {
  case STORE_CHAMBER_PUT: ret[0] = hash_key(r->chamber->key); return 1;
  case STORE_CHAMBER_GET: ret[0] = hash_key(r->key); return 1;
  case STORE_CONTEXT_PUT: ret[0] = hash_id(r->context->context_id); return 1;
  case STORE_CHUNK_PUT: ret[0] = hash_id(r->chunk->context_id); return 1;
  case STORE_VERDICT_PUT: ret[0] = hash_id(r->verdict->context_id); return 1;
  case STORE_ALARM_PUT: ret[0] = hash_id(r->alarm->alarm_id); return 1;
  case STORE_U_PUT:
    ret[0] = hash_id(r->u->context_id);
    ret[1] = hash_key(r->u->key);
    return 2;
  case STORE_CONTEXT_MARK_PUBLISHED:
  case STORE_CONTEXT_GET:
  case STORE_CHUNK_LIST:
  case STORE_CHUNK_GET:
  case STORE_U_GET:
  case STORE_VERDICT_GET:
  case STORE_ALARM_GET: ret[0] = hash_id(r->id); return 1;
  case STORE_U_PREV:
  case STORE_U_LIST: ret[0] = hash_key(r->u_key.key); return 1;
  case STORE_DEF_PUT:
  case STORE_DEF_LIST: ret[0] = 0; return 1; /* few, and one list may ask for all kinds */
  default: return 0;
  }
}

/* ---- the writer ---- */

/* Answers of a write that did nothing to the transaction; any other failure spoils it. */
static bool clean(tfdc_rc rc) { return rc == TFDC_OK || rc == TFDC_E_EXISTS || rc == TFDC_E_DISK_FLOOR; }

/* Carries out the requests in one transaction. False: nothing was kept, because of *ret_rc at the request *ret_at
 * (n: at the commit or before the first). */
static bool transact(struct store_sqlite *s, struct store_req **reqs, tfdc_rc *results, size_t n,
                     struct tfdc_error *err) {
  tfdc_rc rc = store_db_exec(&s->db, SQL_BEGIN, err);
  for (size_t i = 0; i < n && rc == TFDC_OK; i++) {
    results[i] = store_db_write(&s->db, reqs[i]);
    if (clean(results[i])) continue;
    rc = results[i];
    *err = reqs[i]->base.err;
  }
  if (rc == TFDC_OK) rc = store_db_exec(&s->db, SQL_COMMIT, err);
  if (rc == TFDC_OK) return true;
  store_db_roll_back(&s->db);
  err->code = rc;
  return false;
}

/* A batch that fails is carried out again one by one, so that each request gets its own answer. */
static void write_batch(struct store_sqlite *s, size_t n) {
  struct tfdc_error err = {.code = TFDC_OK};
  tfdc_rc rc = sqlite_lock_take(&s->lock, &err);
  if (rc != TFDC_OK) {
    for (size_t i = 0; i < n; i++) {
      s->results[i] = rc;
      s->batch[i]->base.err = err;
    }
    return;
  }
  s->db.below_floor = store_below_floor(s->db.below_floor, store_db_free_bytes(&s->db), s->db.floor);
  bool done = transact(s, s->batch, s->results, n, &err), retained = false;
  for (size_t i = 0; i < n; i++) {
    if (!done && !transact(s, &s->batch[i], &s->results[i], 1, &err)) {
      s->results[i] = err.code;
      s->batch[i]->base.err = err;
    }
    retained = retained || s->batch[i]->base.op == STORE_RETENTION;
  }
  if (retained) store_db_shrink(&s->db);
  sqlite_lock_release(&s->lock);
}

/* Takes what waits, up to the bounds of a batch. 0: stop. */
static size_t take_batch(struct store_sqlite *s) {
  size_t n = 0, bytes = 0;
  (void)pthread_mutex_lock(&s->mtx);
  while (s->writes.head == NULL && !s->stop) (void)pthread_cond_wait(&s->written, &s->mtx);
  while (s->writes.head != NULL && n < BATCH_MAX && (n == 0 || bytes + s->writes.head->bytes <= BATCH_BYTES)) {
    bytes += s->writes.head->bytes;
    s->batch[n++] = store_req_of(queue_pop(&s->writes));
  }
  (void)pthread_mutex_unlock(&s->mtx);
  return n;
}

/* Reads that waited for these writes may go. */
static void finish_batch(struct store_sqlite *s, size_t n) {
  (void)pthread_mutex_lock(&s->mtx);
  s->finished += n;
  struct queue rest;
  queue_init(&rest);
  for (struct port_req *r = queue_pop(&s->waiting); r != NULL; r = queue_pop(&s->waiting)) {
    queue_push((uintptr_t)r->impl <= s->finished ? &s->reads : &rest, r);
  }
  queue_init(&s->waiting);
  for (struct port_req *r = queue_pop(&rest); r != NULL; r = queue_pop(&rest)) queue_push(&s->waiting, r);
  if (s->reads.head != NULL) (void)pthread_cond_broadcast(&s->asked);
  (void)pthread_mutex_unlock(&s->mtx);
}

static void *writer_main(void *arg) {
  struct store_sqlite *s = arg;
  for (size_t n = take_batch(s); n > 0; n = take_batch(s)) {
    write_batch(s, n);
    finish_batch(s, n);
    for (size_t i = 0; i < n; i++) port_flight_complete(&s->flight, &s->batch[i]->base, s->results[i]);
  }
  return NULL;
}

/* ---- the readers ---- */

static void *reader_main(void *arg) {
  struct reader *self = arg;
  struct store_sqlite *s = self->s;
  for (;;) {
    (void)pthread_mutex_lock(&s->mtx);
    while (s->reads.head == NULL && !s->stop) (void)pthread_cond_wait(&s->asked, &s->mtx);
    struct port_req *r = queue_pop(&s->reads);
    (void)pthread_mutex_unlock(&s->mtx);
    if (r == NULL) return NULL;
    tfdc_rc rc = store_db_read(&self->db, store_req_of(r));
    if (rc != TFDC_OK) store_req_of(r)->n = 0;
    port_flight_complete(&s->flight, r, rc);
  }
}

/* ---- the port ---- */

static tfdc_rc sqlite_submit(struct port *p, struct port_req *req) {
  struct store_sqlite *s = of(p);
  struct store_req *r = store_req_of(req);
  unsigned keys[2];
  TFDC_TRY(store_req_check(r));
  TFDC_TRY(port_flight_enter(&s->flight, req));
  r->n = 0;
  r->count = 0;
  r->ret_cursor = NULL;
  size_t n_keys = keys_of(r, keys);
  (void)pthread_mutex_lock(&s->mtx);
  if (store_op_writes(req->op)) {
    s->accepted++;
    for (size_t i = 0; i < n_keys; i++) s->last_write[keys[i]] = s->accepted;
    queue_push(&s->writes, req);
    (void)pthread_cond_signal(&s->written);
  } else {
    uint64_t after = n_keys > 0 ? s->last_write[keys[0]] : 0;
    req->impl = (void *)(uintptr_t)after;
    queue_push(after > s->finished ? &s->waiting : &s->reads, req);
    (void)pthread_cond_signal(&s->asked);
  }
  (void)pthread_mutex_unlock(&s->mtx);
  return TFDC_OK;
}

static void sqlite_cancel(struct port *p, struct port_req *r) {
  (void)p;
  (void)r;
}

static void sqlite_close_port(struct port *p, struct port_loop *loop, struct port_task *closed) {
  port_flight_close(&of(p)->flight, loop, closed);
}

static const struct port_ops ops = {
    .name = "sqlite", .submit = sqlite_submit, .cancel = sqlite_cancel, .close = sqlite_close_port};

/* The writer's connection makes or checks the file first; then the readers find it ready. All under the lock: a reader
 * that is the first after a crash recovers the log. */
static tfdc_rc open_files(struct store_sqlite *s, uint32_t timeout_ms, size_t n_readers, struct tfdc_error *err) {
  TFDC_TRY(store_db_open(&s->db, s->path, timeout_ms, true, err));
  TFDC_TRY(store_db_migrate(&s->db, err));
  for (size_t i = 0; i < n_readers; i++) {
    s->readers[i].s = s;
    TFDC_TRY(store_db_open(&s->readers[i].db, s->path, timeout_ms, false, err));
  }
  return TFDC_OK;
}

static tfdc_rc start_threads(struct store_sqlite *s, size_t n_readers, struct tfdc_error *err) {
  s->writer_runs = pthread_create(&s->writer, NULL, writer_main, s) == 0;
  for (size_t i = 0; i < n_readers && s->writer_runs; i++) {
    if (pthread_create(&s->readers[i].thread, NULL, reader_main, &s->readers[i]) != 0) break;
    s->n_readers++;
  }
  if (s->n_readers == n_readers) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_NOMEM, "the system refuses a thread");
}

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value == 0 ? fallback : value; }

static struct store_sqlite *create(const char *path, const struct store_sqlite_options *o) {
  struct store_sqlite *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  size_t n = strlen(path) + 1;
  s->path = malloc(n);
  if (s->path == NULL) {
    free(s);
    return NULL;
  }
  memcpy(s->path, path, n);
  s->lock.fd = -1;
  s->port = (struct port){.ops = &ops,
                          .kind = PORT_STORE,
                          .max_requests = or_default(o->max_requests, 8192),
                          .max_bytes = o->max_bytes == 0 ? (size_t)256 << 20 : o->max_bytes};
  port_flight_init(&s->flight, &s->port);
  TFDC_ASSERT(pthread_mutex_init(&s->mtx, NULL) == 0);
  TFDC_ASSERT(pthread_cond_init(&s->written, NULL) == 0);
  TFDC_ASSERT(pthread_cond_init(&s->asked, NULL) == 0);
  queue_init(&s->writes);
  queue_init(&s->reads);
  queue_init(&s->waiting);
  return s;
}

tfdc_rc store_sqlite_open(const char *path, const struct store_sqlite_options *o, struct port **ret,
                          struct tfdc_error *err) {
  static const struct store_sqlite_options defaults = {0};
  if (o == NULL) o = &defaults;
  uint32_t timeout_ms = or_default(o->busy_timeout_ms, 10000), readers = or_default(o->readers, 2);
  if (readers > READERS_MAX) return tfdc_fail(err, TFDC_E_RANGE, "a store has at most %d readers", READERS_MAX);
  struct store_sqlite *s = create(path, o);
  if (s == NULL) return TFDC_E_NOMEM;
  tfdc_rc rc = sqlite_lock_open(&s->lock, path, timeout_ms, err);
  if (rc == TFDC_OK) rc = sqlite_lock_take(&s->lock, err);
  if (rc == TFDC_OK) {
    rc = open_files(s, timeout_ms, readers, err);
    sqlite_lock_release(&s->lock);
  }
  s->db.floor = o->free_floor_bytes;
  if (rc == TFDC_OK) rc = start_threads(s, readers, err);
  if (rc != TFDC_OK) {
    store_sqlite_destroy(&s->port);
    return tfdc_wrap(err, rc, "open the store");
  }
  *ret = &s->port;
  return TFDC_OK;
}

tfdc_rc store_sqlite_probe(const char *path, uint32_t timeout_ms, struct tfdc_error *err) {
  struct sqlite_lock lock;
  TFDC_TRY(sqlite_lock_open(&lock, path, timeout_ms, err));
  tfdc_rc rc = sqlite_lock_take(&lock, err);
  if (rc == TFDC_OK) {
    sqlite3 *db = NULL;
    rc = sqlite_file_open(path, timeout_ms, true, &db, err);
    if (rc == TFDC_OK) rc = sqlite_run(db, "BEGIN IMMEDIATE; ROLLBACK", err);
    if (db != NULL) (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* that takes long */
    (void)sqlite3_close(db);
    sqlite_lock_release(&lock);
  }
  sqlite_lock_close(&lock);
  return rc;
}

void store_sqlite_destroy(struct port *p) {
  if (p == NULL) return;
  struct store_sqlite *s = of(p);
  (void)pthread_mutex_lock(&s->mtx);
  s->stop = true;
  (void)pthread_cond_broadcast(&s->written);
  (void)pthread_cond_broadcast(&s->asked);
  (void)pthread_mutex_unlock(&s->mtx);
  for (size_t i = 0; i < s->n_readers; i++) (void)pthread_join(s->readers[i].thread, NULL);
  if (s->writer_runs) (void)pthread_join(s->writer, NULL);
  /* The last connection to close writes the log back into the file: under the lock, like every checkpoint. */
  bool locked = s->lock.fd >= 0 && sqlite_lock_take(&s->lock, NULL) == TFDC_OK;
  for (size_t i = 0; i < READERS_MAX; i++) store_db_close(&s->readers[i].db);
  if (!locked && s->db.db != NULL) (void)sqlite3_db_config(s->db.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  store_db_close(&s->db);
  if (locked) sqlite_lock_release(&s->lock);
  sqlite_lock_close(&s->lock);
  (void)pthread_cond_destroy(&s->asked);
  (void)pthread_cond_destroy(&s->written);
  (void)pthread_mutex_destroy(&s->mtx);
  port_flight_deinit(&s->flight);
  free(s->path);
  free(s);
}
