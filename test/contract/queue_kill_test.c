/* SPDX-License-Identifier: Apache-2.0
 * A process that sends, takes and acks is killed with SIGKILL, again and again on one file: at calls that the seed
 * picks, and in the middle of anything. What it was told through the ports it had told the parent's ledger. */
#include "adapter/faulty/faulty.h"
#include "adapter/sqlite/queue_sqlite.h"
#include "contract/temp_dir.h"
#include "contract/world.h"
#include "port/queue.h"
#include "support/cmocka_all.h"
#include "support/random.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

enum { ROUNDS = 30, MAX_IDS = 20000 };

/* The ledger, by id. */
struct entry {
  bool confirmed, ack_tried, acked;
  uint32_t delivered;
};
struct ledger {
  struct entry *entries;
  unsigned next_id; /* the next child's first */
};

struct child {
  struct world world;
  struct port *publish, *work;
  int out;
};

static void tell(const struct child *c, char what, const char *id) {
  char line[64];
  int n = snprintf(line, sizeof line, "%c%s\n", what, id);
  if (write(c->out, line, (size_t)n) != n) _exit(3);
}

static bool take_some(struct child *c, struct random_source *rnd) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_PULL);
  r.consumer = "c";
  r.max = 3;
  tfdc_rc rc = world_call(&c->world, c->work, &r.base);
  for (size_t i = 0; rc == TFDC_OK && i < r.n; i++) {
    tell(c, 'D', r.msgs[i].msg_id);
    if (random_u64(rnd) % 3 == 0) continue;
    struct workqueue_req a;
    workqueue_req_init(&a, WORKQUEUE_ACK);
    a.token = r.msgs[i].token;
    tell(c, 'a', r.msgs[i].msg_id);
    if (world_call(&c->world, c->work, &a.base) == TFDC_OK) tell(c, 'A', r.msgs[i].msg_id);
    port_req_deinit(&a.base);
  }
  port_req_deinit(&r.base);
  return rc == TFDC_OK;
}

static bool send_one(struct child *c, unsigned id) {
  char text[32];
  struct publish_req r;
  (void)snprintf(text, sizeof text, "%u", id);
  publish_req_init(&r);
  r.subject = "dc.T1.A.completed";
  r.msg_id = text;
  r.data = text;
  r.n = strlen(text);
  tfdc_rc rc = world_call(&c->world, c->publish, &r.base);
  port_req_deinit(&r.base);
  if (rc == TFDC_OK) tell(c, 'S', text);
  return rc == TFDC_OK;
}

static void child_main(const char *file, int out, unsigned first_id, uint64_t seed) {
  struct child c = {.out = out};
  struct random_source rnd = {seed};
  struct queue_sqlite *q = NULL;
  world_begin_threads(&c.world);
  if (queue_sqlite_open(file, c.world.server->clock, &q, NULL) != TFDC_OK) _exit(4);
  struct faulty_rule rules[FAULTY_MAX_RULES];
  size_t n = 0;
  static const char *const points[] = {
      "publish.SEND:kill-before:",  "publish.SEND:kill-after:",  "workqueue.PULL:kill-after:",
      "workqueue.ACK:kill-before:", "workqueue.ACK:kill-after:", NULL};
  const char *point = points[seed % TFDC_COUNT(points)];
  char text[64] = "";
  if (point != NULL) (void)snprintf(text, sizeof text, "%s%u", point, 1 + (unsigned)(random_u64(&rnd) % 12));
  if (faulty_parse(text, rules, &n, NULL) != TFDC_OK) _exit(5);
  c.publish = faulty_port(faulty_create(queue_sqlite_publish(q), rules, n));
  c.work = faulty_port(faulty_create(queue_sqlite_work(q), rules, n));
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_CREATE);
  r.consumer = "c";
  r.filters = (const char *const[]){">"};
  r.n_filters = 1;
  r.ack_wait_us = 1000000;
  if (world_call(&c.world, c.work, &r.base) != TFDC_OK) _exit(6);
  for (unsigned id = first_id; id < first_id + 500; id++)
    if (!send_one(&c, id) || (random_u64(&rnd) % 2 == 0 && !take_some(&c, &rnd))) _exit(7);
  _exit(0);
}

static void enter(struct ledger *l, const char *line) {
  unsigned long id = strtoul(line + 1, NULL, 10);
  assert_true(id < MAX_IDS);
  struct entry *e = &l->entries[id];
  if (line[0] == 'S') e->confirmed = true;
  if (line[0] == 'D') e->delivered++;
  if (line[0] == 'a') e->ack_tried = true;
  if (line[0] == 'A') e->acked = true;
  if (line[0] == 'S' && id >= l->next_id) l->next_id = (unsigned)id + 1;
}

/* Reads what the child tells; where no rule kills it, it is killed after `limit` lines. */
static void run_child(struct ledger *l, const char *file, uint64_t seed) {
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    (void)close(fds[0]);
    child_main(file, fds[1], l->next_id, seed);
  }
  (void)close(fds[1]);
  FILE *in = fdopen(fds[0], "r");
  assert_non_null(in);
  char line[64];
  unsigned limit = 5 + (unsigned)(seed * 7 % 60);
  for (unsigned n = 0; fgets(line, sizeof line, in) != NULL; n++) {
    enter(l, line);
    if (n == limit && seed % 6 == 5) (void)kill(pid, SIGKILL);
  }
  (void)fclose(in);
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (!WIFSIGNALED(status)) print_error("seed %u: exit %d\n", (unsigned)seed, WEXITSTATUS(status));
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  l->next_id += 10; /* the send that was under way may have been carried out */
}

static void check_integrity(const char *file) {
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(st), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
  (void)sqlite3_finalize(st);
  (void)sqlite3_close(db);
}

/* What the file holds, id and deliveries, against the ledger. Only looks. */
static void check_ledger(const struct ledger *l, const char *file) {
  bool *there = calloc(MAX_IDS, sizeof *there);
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT msg_id, deliveries FROM queue_msg", -1, &st, NULL), SQLITE_OK);
  while (sqlite3_step(st) == SQLITE_ROW) {
    long id = strtol((const char *)sqlite3_column_text(st, 0), NULL, 10);
    assert_false(there[id]);
    there[id] = true;
    assert_false(l->entries[id].acked);
    assert_true((uint32_t)sqlite3_column_int(st, 1) >= l->entries[id].delivered);
  }
  (void)sqlite3_finalize(st);
  (void)sqlite3_close(db);
  for (size_t id = 0; id < MAX_IDS; id++)
    if (l->entries[id].confirmed && !l->entries[id].ack_tried) assert_true(there[id]);
  free(there);
}

/* All that is left comes again, and can be acked. */
static void drain(const char *file) {
  struct world w;
  struct queue_sqlite *q = NULL;
  world_begin_threads(&w);
  assert_int_equal(queue_sqlite_open(file, w.server->clock, &q, NULL), TFDC_OK);
  struct port *work = queue_sqlite_work(q);
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_CREATE);
  r.consumer = "last";
  r.filters = (const char *const[]){">"};
  r.n_filters = 1;
  r.ack_wait_us = 60 * TFDC_US_PER_S;
  assert_int_equal(world_call(&w, work, &r.base), TFDC_OK);
  for (bool more = true; more;) {
    struct workqueue_req p;
    workqueue_req_init(&p, WORKQUEUE_PULL);
    p.consumer = "last";
    p.max = 100;
    assert_int_equal(world_call(&w, work, &p.base), TFDC_OK);
    more = p.n > 0;
    for (size_t i = 0; i < p.n; i++) {
      workqueue_req_init(&r, WORKQUEUE_ACK);
      r.token = p.msgs[i].token;
      assert_int_equal(world_call(&w, work, &r.base), TFDC_OK);
    }
    port_req_deinit(&p.base);
  }
  workqueue_req_init(&r, WORKQUEUE_INFO);
  assert_int_equal(world_call(&w, work, &r.base), TFDC_OK);
  assert_true(r.pending == 0 && r.in_flight == 0);
  world_close(&w, work);
  world_close(&w, queue_sqlite_publish(q));
  queue_sqlite_destroy(q);
  world_end(&w);
}

static void nothing_confirmed_is_lost_and_nothing_acked_comes_back(void **state) {
  (void)state;
  char dir[TEMP_DIR_MAX], file[TEMP_DIR_MAX + 16];
  temp_dir_make(dir);
  temp_dir_file(dir, "queue.db", file, sizeof file);
  struct ledger l = {.entries = calloc(MAX_IDS, sizeof(struct entry))};
  for (uint64_t seed = 0; seed < ROUNDS; seed++) {
    run_child(&l, file, seed);
    check_integrity(file);
    check_ledger(&l, file);
  }
  unsigned confirmed = 0, acked = 0;
  for (size_t id = 0; id < MAX_IDS; id++) {
    confirmed += l.entries[id].confirmed;
    acked += l.entries[id].acked;
  }
  print_message("%d kills: %u sends confirmed, %u acks confirmed\n", ROUNDS, confirmed, acked);
  assert_true(confirmed > ROUNDS && acked > 0);
  drain(file);
  check_integrity(file);
  free(l.entries);
  temp_dir_remove(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_confirmed_is_lost_and_nothing_acked_comes_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
