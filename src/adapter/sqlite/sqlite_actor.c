/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/sqlite_actor.h"

#include "base/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MAX_REQUESTS = 4096, TIMEOUT_MS = 10000 };

struct sqlite_cancel {
  struct sqlite_cancel *next;
  const struct port_req *req; /* only compared */
};

/* ---- open ---- */

static tfdc_rc refuse_second(int fd, const char *path, struct tfdc_error *err) {
  char pid[32] = "";
  ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
  pid[n > 0 ? (size_t)n : 0] = '\0';
  return tfdc_fail(err, TFDC_E_LOCKED, "%s is in use by process %s", path, pid[0] != '\0' ? pid : "(not known)");
}

static tfdc_rc take_ownership(struct sqlite_actor *a, const char *path, const char *name, struct tfdc_error *err) {
  struct tfdc_buf file = {0}, pid = {0};
  tfdc_put_fmt(&file, "%s-%s.lock", path, name);
  tfdc_put_u8(&file, 0);
  tfdc_put_fmt(&pid, "%ld", (long)getpid());
  tfdc_rc rc = tfdc_buf_status(&file) != TFDC_OK ? tfdc_buf_status(&file) : tfdc_buf_status(&pid);
  if (rc == TFDC_OK) {
    a->owner_fd = open((const char *)file.data, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (a->owner_fd < 0)
      rc = tfdc_fail(err, TFDC_E_IO, "open %s: %s", (const char *)file.data, strerror(errno));
    else if (flock(a->owner_fd, LOCK_EX | LOCK_NB) != 0)
      rc = errno == EWOULDBLOCK ? refuse_second(a->owner_fd, path, err)
                                : tfdc_fail(err, TFDC_E_IO, "lock %s: %s", (const char *)file.data, strerror(errno));
    else if (ftruncate(a->owner_fd, 0) != 0 || pwrite(a->owner_fd, pid.data, pid.size, 0) != (ssize_t)pid.size)
      rc = tfdc_fail(err, TFDC_E_IO, "write %s: %s", (const char *)file.data, strerror(errno));
  }
  tfdc_buf_deinit(&file);
  tfdc_buf_deinit(&pid);
  return rc;
}

tfdc_rc sqlite_actor_open(struct sqlite_actor *a, const char *path, const char *name, struct tfdc_error *err) {
  *a = (struct sqlite_actor){.owner_fd = -1, .lock.fd = -1};
  a->inbox_tail = &a->inbox;
  a->answers_tail = &a->answers;
  tfdc_rc rc = take_ownership(a, path, name, err);
  if (rc == TFDC_OK) rc = sqlite_lock_open(&a->lock, path, TIMEOUT_MS, err);
  if (rc == TFDC_OK) rc = sqlite_lock_take(&a->lock, err);
  if (rc == TFDC_OK) {
    rc = sqlite_file_open(path, TIMEOUT_MS, true, &a->db, err);
    sqlite_lock_release(&a->lock);
  }
  if (rc != TFDC_OK) sqlite_actor_close(a);
  return rc;
}

tfdc_rc sqlite_actor_prepare(struct sqlite_actor *a, const char *const *sql, sqlite3_stmt **ret, size_t n,
                             struct tfdc_error *err) {
  for (size_t i = 0; i < n; i++)
    if (sqlite3_prepare_v3(a->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &ret[i], NULL) != SQLITE_OK)
      return sqlite_fail(a->db, err, "prepare");
  return TFDC_OK;
}

/* ---- the batch ---- */

static tfdc_rc fail_batch(struct sqlite_actor *a, tfdc_rc rc, const struct tfdc_error *why) {
  if (!a->failed) a->failure = *why;
  a->failed = true;
  return rc;
}

tfdc_rc sqlite_actor_write(struct sqlite_actor *a, struct tfdc_error *err) {
  if (a->failed) return tfdc_fail(err, a->failure.code, "%s", a->failure.msg);
  if (a->in_transaction) return TFDC_OK;
  struct tfdc_error why = {0};
  tfdc_rc rc = sqlite_lock_take(&a->lock, &why);
  if (rc == TFDC_OK) {
    rc = sqlite_run(a->db, "BEGIN IMMEDIATE", &why);
    if (rc != TFDC_OK) sqlite_lock_release(&a->lock);
  }
  if (rc != TFDC_OK) {
    (void)tfdc_fail(err, rc, "%s", why.msg);
    return fail_batch(a, rc, &why);
  }
  a->in_transaction = true;
  return TFDC_OK;
}

tfdc_rc sqlite_actor_step(struct sqlite_actor *a, sqlite3_stmt *st, struct tfdc_error *err) {
  int step = sqlite3_step(st);
  while (step == SQLITE_ROW) step = sqlite3_step(st);
  struct tfdc_error why = {0};
  tfdc_rc rc = step == SQLITE_DONE ? TFDC_OK : sqlite_fail(a->db, &why, "queue");
  (void)sqlite3_reset(st);
  (void)sqlite3_clear_bindings(st);
  if (rc == TFDC_OK) return rc;
  (void)tfdc_fail(err, rc, "%s", why.msg);
  return fail_batch(a, rc, &why);
}

void sqlite_actor_complete(struct sqlite_actor *a, struct port_req *r, tfdc_rc rc) {
  r->rc = rc;
  r->next = NULL;
  *a->answers_tail = r;
  a->answers_tail = &r->next;
}

static void end_transaction(struct sqlite_actor *a) {
  if (a->in_transaction) {
    struct tfdc_error why = {0};
    tfdc_rc rc = a->failed ? TFDC_OK : sqlite_run(a->db, "COMMIT", &why);
    if (rc != TFDC_OK) (void)fail_batch(a, rc, &why);
    if (a->failed && sqlite3_get_autocommit(a->db) == 0) (void)sqlite3_exec(a->db, "ROLLBACK", NULL, NULL, NULL);
    sqlite_lock_release(&a->lock);
    a->in_transaction = false;
  }
  if (a->failed) a->stale = true;
}

static struct sqlite_port *port_of(struct sqlite_actor *a, const struct port_req *r) {
  struct sqlite_port *p = a->ports;
  while (p->port.kind != (enum port_kind)r->kind) p = p->next;
  return p;
}

/* A cancel that comes while the answer is on its way must not hit the request's next use. */
static void drop_cancels(struct sqlite_actor *a) {
  (void)pthread_mutex_lock(&a->mu);
  for (struct sqlite_cancel **at = &a->cancels; *at != NULL;) {
    const struct port_req *r = a->answers;
    while (r != NULL && r != (*at)->req) r = r->next;
    struct sqlite_cancel *c = *at;
    if (r == NULL) {
      at = &c->next;
      continue;
    }
    *at = c->next;
    free(c);
  }
  (void)pthread_mutex_unlock(&a->mu);
}

static void give_answers(struct sqlite_actor *a) {
  drop_cancels(a);
  struct port_req *r = a->answers;
  a->answers = NULL;
  a->answers_tail = &a->answers;
  while (r != NULL) {
    struct port_req *next = r->next;
    tfdc_rc rc = r->rc;
    if (a->failed && rc == TFDC_OK) rc = tfdc_fail(&r->err, a->failure.code, "%s", a->failure.msg);
    port_flight_complete(&port_of(a, r)->flight, r, rc);
    r = next;
  }
  a->failed = false;
}

static void refresh(struct sqlite_actor *a) {
  struct tfdc_error why = {0};
  tfdc_rc rc = a->ops->reload(a->owner, &why);
  a->stale = rc != TFDC_OK;
  if (a->stale) {
    why.code = rc;
    (void)fail_batch(a, rc, &why);
  }
}

static void run_batch(struct sqlite_actor *a, struct port_req *batch, struct sqlite_cancel *cancels) {
  if (a->stale) refresh(a);
  while (batch != NULL) {
    struct port_req *next = batch->next;
    if (a->stale)
      sqlite_actor_complete(a, batch, tfdc_fail(&batch->err, a->failure.code, "%s", a->failure.msg));
    else
      a->ops->execute(a->owner, batch);
    batch = next;
  }
  while (cancels != NULL) {
    struct sqlite_cancel *next = cancels->next;
    a->ops->cancel(a->owner, cancels->req);
    free(cancels);
    cancels = next;
  }
  if (!a->stale) a->ops->tick(a->owner);
  end_transaction(a);
  give_answers(a);
}

/* ---- the thread ---- */

/* Under mu; releases it while it runs. */
static void end_ports(struct sqlite_actor *a) {
  for (struct sqlite_port *p = a->ports; p != NULL; p = p->next) {
    if (!p->closing || p->told) continue;
    p->told = true;
    (void)pthread_mutex_unlock(&a->mu);
    a->ops->end(a->owner, p);
    give_answers(a);
    port_flight_close(&p->flight, p->closed_loop, p->closed);
    (void)pthread_mutex_lock(&a->mu);
  }
}

static bool port_waits_for_end(const struct sqlite_actor *a) {
  for (const struct sqlite_port *p = a->ports; p != NULL; p = p->next)
    if (p->closing && !p->told) return true;
  return false;
}

/* Under mu. A stale state is tried again after a second at the latest. */
static void wait_for_something(struct sqlite_actor *a) {
  tfdc_mono until = a->stale ? tfdc_mono_add(port_mono(a->clock), tfdc_seconds(1)) : a->ops->deadline(a->owner);
  struct timespec t = {.tv_sec = (time_t)(until.us / TFDC_US_PER_S),
                       .tv_nsec = (long)(until.us % TFDC_US_PER_S) * 1000};
  int rc = 0;
  while (a->inbox == NULL && a->cancels == NULL && !a->stop && !port_waits_for_end(a) && rc == 0) {
    if (until.us == TFDC_NEVER)
      rc = pthread_cond_wait(&a->wake, &a->mu);
    else
      rc = pthread_cond_timedwait(&a->wake, &a->mu, &t);
  }
}

static void *actor_main(void *arg) {
  struct sqlite_actor *a = arg;
  (void)pthread_mutex_lock(&a->mu);
  while (!a->stop) {
    wait_for_something(a);
    struct port_req *batch = a->inbox;
    struct sqlite_cancel *cancels = a->cancels;
    a->inbox = NULL;
    a->inbox_tail = &a->inbox;
    a->cancels = NULL;
    (void)pthread_mutex_unlock(&a->mu);
    run_batch(a, batch, cancels);
    (void)pthread_mutex_lock(&a->mu);
    end_ports(a);
  }
  (void)pthread_mutex_unlock(&a->mu);
  return NULL;
}

static tfdc_rc start_thread(struct sqlite_actor *a, struct tfdc_error *err) {
  pthread_condattr_t attr;
  bool ok = pthread_condattr_init(&attr) == 0;
  TFDC_ASSERT(ok && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
  TFDC_ASSERT(pthread_mutex_init(&a->mu, NULL) == 0 && pthread_cond_init(&a->wake, &attr) == 0);
  (void)pthread_condattr_destroy(&attr);
  int rc = pthread_create(&a->thread, NULL, actor_main, a);
  if (rc == 0) return TFDC_OK;
  (void)pthread_mutex_destroy(&a->mu);
  (void)pthread_cond_destroy(&a->wake);
  return tfdc_fail(err, TFDC_E_NOMEM, "start a thread: %s", strerror(rc));
}

tfdc_rc sqlite_actor_start(struct sqlite_actor *a, const struct sqlite_actor_ops *ops, void *owner,
                           struct port_clock *clock, struct tfdc_error *err) {
  a->owner = owner;
  a->clock = clock;
  TFDC_TRY(ops->reload(owner, err));
  a->ops = ops;
  tfdc_rc rc = start_thread(a, err);
  if (rc != TFDC_OK) a->ops = NULL;
  return rc;
}

void sqlite_actor_stop(struct sqlite_actor *a) {
  if (a->ops == NULL) return;
  (void)pthread_mutex_lock(&a->mu);
  a->stop = true;
  (void)pthread_cond_signal(&a->wake);
  (void)pthread_mutex_unlock(&a->mu);
  TFDC_ASSERT(pthread_join(a->thread, NULL) == 0);
  (void)pthread_mutex_destroy(&a->mu);
  (void)pthread_cond_destroy(&a->wake);
  for (struct sqlite_port *p = a->ports; p != NULL; p = p->next) port_flight_deinit(&p->flight);
  while (a->cancels != NULL) {
    struct sqlite_cancel *next = a->cancels->next;
    free(a->cancels);
    a->cancels = next;
  }
  a->ops = NULL;
}

void sqlite_actor_close(struct sqlite_actor *a) {
  /* Closing the last connection writes the log back, which is a checkpoint. */
  bool locked = a->db != NULL && sqlite_lock_take(&a->lock, NULL) == TFDC_OK;
  if (a->db != NULL) (void)sqlite3_close(a->db);
  if (locked) sqlite_lock_release(&a->lock);
  sqlite_lock_close(&a->lock);
  if (a->owner_fd >= 0) (void)close(a->owner_fd);
  a->owner_fd = -1;
  a->db = NULL;
}

/* ---- the port ---- */

static tfdc_rc submit(struct port *port, struct port_req *r) {
  struct sqlite_port *p = (struct sqlite_port *)port;
  struct sqlite_actor *a = p->actor;
  if (sqlite_actor_is_closing(a, p)) return TFDC_E_CLOSED;
  TFDC_TRY(port_flight_enter(&p->flight, r));
  (void)pthread_mutex_lock(&a->mu);
  r->next = NULL;
  *a->inbox_tail = r;
  a->inbox_tail = &r->next;
  (void)pthread_cond_signal(&a->wake);
  (void)pthread_mutex_unlock(&a->mu);
  return TFDC_OK;
}

static void cancel(struct port *port, struct port_req *r) {
  struct sqlite_actor *a = ((struct sqlite_port *)port)->actor;
  struct sqlite_cancel *c = malloc(sizeof *c);
  if (c == NULL) return; /* asking is all that cancel does */
  (void)pthread_mutex_lock(&a->mu);
  *c = (struct sqlite_cancel){.next = a->cancels, .req = r};
  a->cancels = c;
  (void)pthread_cond_signal(&a->wake);
  (void)pthread_mutex_unlock(&a->mu);
}

static void begin_close(struct port *port, struct port_loop *loop, struct port_task *closed) {
  struct sqlite_port *p = (struct sqlite_port *)port;
  struct sqlite_actor *a = p->actor;
  (void)pthread_mutex_lock(&a->mu);
  TFDC_ASSERT(!p->closing);
  p->closing = true;
  p->closed_loop = loop;
  p->closed = closed;
  (void)pthread_cond_signal(&a->wake);
  (void)pthread_mutex_unlock(&a->mu);
}

static const struct port_ops port_ops = {.name = "sqlite", .submit = submit, .cancel = cancel, .close = begin_close};

bool sqlite_actor_is_closing(struct sqlite_actor *a, const struct sqlite_port *p) {
  (void)pthread_mutex_lock(&a->mu);
  bool closing = p->closing;
  (void)pthread_mutex_unlock(&a->mu);
  return closing;
}

void sqlite_actor_serve(struct sqlite_actor *a, struct sqlite_port *p, enum port_kind kind) {
  *p = (struct sqlite_port){.actor = a};
  p->port = (struct port){.ops = &port_ops, .kind = kind, .max_requests = MAX_REQUESTS, .max_bytes = (size_t)64 << 20};
  port_flight_init(&p->flight, &p->port);
  (void)pthread_mutex_lock(&a->mu);
  p->next = a->ports;
  a->ports = p;
  (void)pthread_mutex_unlock(&a->mu);
}
