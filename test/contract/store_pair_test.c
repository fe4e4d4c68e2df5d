/* SPDX-License-Identifier: Apache-2.0
 * Several processes on one store file: the store's suite carried out by two of them in turn; writers that race, wait
 * for each other, and die. */
#include "adapter/sqlite/sqlite_file.h"
#include "adapter/sqlite/store_sqlite.h"
#include "contract/peer.h"
#include "contract/store_pair.h"
#include "contract/store_suite_rig.h"
#include "contract/temp_dir.h"
#include "support/random.h"

#include <inttypes.h>

/* ---- the suite ---- */

struct file {
  char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 16];
};

static void *begin(void) {
  struct file *f = calloc(1, sizeof *f);
  TFDC_ASSERT(f != NULL);
  temp_dir_make(f->dir);
  temp_dir_file(f->dir, "store.db", f->path, sizeof f->path);
  return f;
}
static struct port *open_pair(void *world, struct test_loop *l) {
  (void)l;
  return store_pair_open(((struct file *)world)->path);
}
static void destroy_pair(void *world, struct port *p) {
  (void)world;
  store_pair_destroy(p);
}
static void end(void *world) {
  temp_dir_remove(((struct file *)world)->dir);
  free(world);
}

/* ---- a process that writes by itself ---- */

struct writer {
  struct test_loop loop;
  struct port *store;
};

static tfdc_rc call(struct writer *w, struct store_req *r) {
  tfdc_rc rc = test_await(w->store, &r->base, &w->loop);
  port_req_deinit(&r->base);
  return rc;
}

static void writer_begin(struct writer *w, const char *file, uint32_t busy_timeout_ms) {
  const struct store_sqlite_options o = {.busy_timeout_ms = busy_timeout_ms};
  test_loop_start(&w->loop);
  TFDC_ASSERT(store_sqlite_open(file, &o, &w->store, NULL) == TFDC_OK);
}

static void writer_end(struct writer *w) {
  test_close(w->store, &w->loop);
  store_sqlite_destroy(w->store);
  test_loop_stop(&w->loop);
}

/* ---- races ---- */

enum { RACES = 40 };

/* Of each definition both write their own body; of one alarm, updates that rise over both; of one run, revisions. Says
 * how many definitions it got. */
static int race(const char *file, uint32_t who) {
  struct writer w;
  uint32_t got = 0;
  char body[32], go;
  writer_begin(&w, file, 0);
  peer_say();
  if (read(STDIN_FILENO, &go, 1) != 1) return 4;
  (void)snprintf(body, sizeof body, "{\"v\":1,\"who\":%" PRIu32 "}", who);
  for (uint32_t n = 1; n <= RACES; n++) {
    struct model_def def = {.kind = MODEL_DEF_STRATEGY, .id = "s", .version = n, .body = body};
    def.author = def.comment = "";
    struct model_alarm alarm = suite_alarm(1);
    struct model_context context = suite_context(2);
    struct store_req r;
    store_req_init(&r, STORE_DEF_PUT);
    r.def = &def;
    tfdc_rc rc = call(&w, &r);
    if (rc != TFDC_OK && rc != TFDC_E_EXISTS) return 5;
    got += rc == TFDC_OK;
    alarm.update = 2 * n + who;
    store_req_init(&r, STORE_ALARM_PUT);
    r.alarm = &alarm;
    if (call(&w, &r) != TFDC_OK) return 6;
    context.revision = 2 * n + who;
    store_req_init(&r, STORE_CONTEXT_PUT);
    r.context = &context;
    if (call(&w, &r) != TFDC_OK) return 7;
  }
  writer_end(&w);
  return write(STDOUT_FILENO, &got, sizeof got) == sizeof got ? 0 : 8;
}

/* Bodies of the definitions by who wrote them. */
static void count_bodies(struct writer *w, uint32_t ret[2]) {
  struct store_req r;
  store_req_init(&r, STORE_DEF_LIST);
  r.def_kind = -1;
  assert_int_equal(test_await(w->store, &r.base, &w->loop), TFDC_OK);
  assert_int_equal(r.n, RACES);
  ret[0] = ret[1] = 0;
  for (size_t i = 0; i < r.n; i++) ret[strstr(r.defs[i].body, "\"who\":1") != NULL]++;
  port_req_deinit(&r.base);
}

static void of_two_writers_at_once_one_is_first_and_the_newest_row_stays(void **state) {
  (void)state;
  struct file *f = begin();
  struct writer w;
  struct peer racers[2];
  uint32_t got[2] = {0}, kept[2];
  writer_begin(&w, f->path, 0);
  for (uint32_t i = 0; i < 2; i++) {
    racers[i] = peer_start((const char *const[]){"store-peer", "race", f->path, i == 0 ? "0" : "1", NULL});
    assert_true(peer_says(&racers[i]));
  }
  for (int i = 0; i < 2; i++) assert_int_equal(write(racers[i].to, "1", 1), 1);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(read(racers[i].from, &got[i], sizeof got[i]), sizeof got[i]);
    assert_int_equal(peer_end(&racers[i], false), 0);
  }
  assert_int_equal(got[0] + got[1], RACES); /* the second of each was told EXISTS */
  count_bodies(&w, kept);
  assert_true(kept[0] == got[0] && kept[1] == got[1]);
  struct store_req r;
  store_req_init(&r, STORE_ALARM_GET);
  r.id = suite_id(1);
  assert_int_equal(test_await(w.store, &r.base, &w.loop), TFDC_OK);
  assert_int_equal(r.alarms[0].update, 2 * RACES + 1);
  port_req_deinit(&r.base);
  store_req_init(&r, STORE_CONTEXT_GET);
  r.id = suite_id(2);
  assert_int_equal(test_await(w.store, &r.base, &w.loop), TFDC_OK);
  assert_int_equal(r.contexts[0].revision, 2 * RACES + 1);
  port_req_deinit(&r.base);
  writer_end(&w);
  end(f);
}

/* ---- waiting ---- */

/* Holds the file as a writer does in the middle of its commit. */
static int hold(const char *file) {
  struct sqlite_lock lock;
  if (sqlite_lock_open(&lock, file, 10000, NULL) != TFDC_OK || sqlite_lock_take(&lock, NULL) != TFDC_OK) return 9;
  peer_say();
  peer_wait();
  return 0;
}

static struct peer holder_of(const struct file *f) {
  struct peer holder = peer_start((const char *const[]){"store-peer", "hold", f->path, NULL});
  assert_true(peer_says(&holder));
  return holder;
}

static void a_write_behind_a_busy_process_times_out_with_a_reason_and_reads_go_on(void **state) {
  (void)state;
  struct file *f = begin();
  struct writer w;
  struct model_run_verdict v = suite_verdict(1);
  struct store_req r;
  writer_begin(&w, f->path, 30);
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  assert_int_equal(call(&w, &r), TFDC_OK);
  struct peer holder = holder_of(f);
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  assert_int_equal(test_await(w.store, &r.base, &w.loop), TFDC_E_TIMEOUT);
  assert_non_null(strstr(tfdc_error_msg(&r.base.err), "another process"));
  port_req_deinit(&r.base);
  store_req_init(&r, STORE_VERDICT_GET);
  r.id = suite_id(1);
  assert_int_equal(call(&w, &r), TFDC_OK);
  struct port *late = NULL;
  const struct store_sqlite_options hasty = {.busy_timeout_ms = 30};
  struct tfdc_error err = {0};
  assert_int_equal(store_sqlite_open(f->path, &hasty, &late, &err), TFDC_E_TIMEOUT);
  assert_null(late);
  assert_int_equal(peer_end(&holder, false), 0);
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  assert_int_equal(call(&w, &r), TFDC_OK);
  writer_end(&w);
  end(f);
}

struct waiting {
  struct writer *w;
  unsigned done;
};
static void on_done(struct port_req *r) {
  struct waiting *x = r->user;
  test_loop_add(&x->w->loop, &x->done, 1);
}

/* Its lock goes with it: nobody waits for a time-out. */
static void a_writer_that_dies_in_its_turn_holds_nobody_up(void **state) {
  (void)state;
  struct file *f = begin();
  struct writer w;
  struct model_run_verdict v = suite_verdict(1);
  struct store_req r;
  writer_begin(&w, f->path, 600000);
  struct peer holder = holder_of(f);
  struct waiting waiting = {.w = &w};
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  assert_int_equal(port_submit(w.store, &r.base, &w.loop.loop, on_done, &waiting), TFDC_OK);
  assert_int_equal(peer_end(&holder, true), -SIGKILL);
  test_loop_wait(&w.loop, &waiting.done, 1);
  assert_int_equal(r.base.rc, TFDC_OK);
  port_req_deinit(&r.base);
  writer_end(&w);
  end(f);
}

/* ---- dying ---- */

enum { KILLS = 10, RUNS_MAX = 100000 };

static tfdc_rc write_run(struct writer *w, uint32_t n) {
  uint8_t blob[3000];
  memset(blob, (int)n, sizeof blob);
  struct model_chunk chunk = suite_chunk(n, 1, 1, blob, sizeof blob);
  struct model_context context = suite_context(n);
  struct model_u_record u = suite_u(n);
  struct model_run_verdict verdict = suite_verdict(n);
  static const enum store_op ops[] = {STORE_CHUNK_PUT, STORE_CONTEXT_PUT, STORE_U_PUT, STORE_VERDICT_PUT};
  for (size_t i = 0; i < TFDC_COUNT(ops); i++) {
    struct store_req r;
    store_req_init(&r, ops[i]);
    r.chunk = &chunk;
    r.context = &context;
    r.u = &u;
    r.verdict = &verdict;
    TFDC_TRY(call(w, &r));
  }
  return TFDC_OK;
}

/* Runs from `first` on; says the number of each that was confirmed. */
static int write_for_ever(const char *file, uint32_t first) {
  struct writer w;
  writer_begin(&w, file, 60000);
  for (uint32_t n = first;; n++) {
    if (write_run(&w, n) != TFDC_OK) return 10;
    if (write(STDOUT_FILENO, &n, sizeof n) != sizeof n) return 11;
  }
}

static struct peer writer_from(const struct file *f, uint32_t first) {
  char text[16];
  (void)snprintf(text, sizeof text, "%" PRIu32, first);
  return peer_start((const char *const[]){"store-peer", "write", f->path, text, NULL});
}

static uint32_t next_of(const struct peer *p) {
  uint32_t n = 0;
  return read(p->from, &n, sizeof n) == sizeof n ? n : 0;
}

static void assert_run(struct writer *w, uint32_t n) {
  static const enum store_op ops[] = {STORE_CHUNK_GET, STORE_CONTEXT_GET, STORE_U_GET, STORE_VERDICT_GET};
  for (size_t i = 0; i < TFDC_COUNT(ops); i++) {
    struct store_req r;
    store_req_init(&r, ops[i]);
    r.id = suite_id(n);
    r.revision = 1;
    assert_int_equal(test_await(w->store, &r.base, &w->loop), TFDC_OK);
    assert_int_equal(r.n, 1);
    if (ops[i] == STORE_CHUNK_GET)
      assert_int_equal(tfdc_xxh3_64(r.chunks[0].blob, r.chunks[0].blob_n), r.chunks[0].checksum);
    port_req_deinit(&r.base);
  }
}

static void check_integrity(const char *file) {
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(st), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
  assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* One process writes all the time; beside it others start and die in the middle of anything. */
static void a_process_that_is_killed_in_a_write_loses_nothing_confirmed_and_leaves_the_others_well(void **state) {
  (void)state;
  struct file *f = begin();
  struct random_source random = {5};
  struct peer steady = writer_from(f, 1);
  uint32_t last = next_of(&steady), confirmed[KILLS], all = 0;
  assert_int_equal(last, 1);
  for (uint32_t k = 0; k < KILLS; k++) {
    struct peer victim = writer_from(f, (k + 1) * RUNS_MAX);
    uint32_t wanted = 1 + (uint32_t)(random_u64(&random) % 12);
    for (uint32_t i = 0; i < wanted; i++) confirmed[k] = next_of(&victim);
    assert_true(confirmed[k] == (k + 1) * RUNS_MAX + wanted - 1);
    assert_int_equal(kill(victim.pid, SIGKILL), 0);
    for (uint32_t n = next_of(&victim); n != 0; n = next_of(&victim)) confirmed[k] = n;
    (void)close(victim.to);
    assert_int_equal(waitpid(victim.pid, NULL, 0), victim.pid);
    (void)close(victim.from);
    uint32_t before = last;
    while (last < before + 3) last = next_of(&steady) != 0 ? last + 1 : 0; /* goes on after the death */
    all += confirmed[k] - (k + 1) * RUNS_MAX + 1;
  }
  assert_int_equal(kill(steady.pid, SIGKILL), 0);
  for (uint32_t n = next_of(&steady); n != 0; n = next_of(&steady)) last = n;
  (void)close(steady.to);
  assert_int_equal(waitpid(steady.pid, NULL, 0), steady.pid);
  (void)close(steady.from);
  struct writer w;
  writer_begin(&w, f->path, 0);
  for (uint32_t n = 1; n <= last; n++) assert_run(&w, n);
  for (uint32_t k = 0; k < KILLS; k++)
    for (uint32_t n = (k + 1) * RUNS_MAX; n <= confirmed[k]; n++) assert_run(&w, n);
  writer_end(&w);
  check_integrity(f->path);
  print_message("%d kills: %" PRIu32 " runs confirmed by the dead, %" PRIu32 " by the living\n", KILLS, all, last);
  end(f);
}

static int role(int argc, char **argv) {
  uint32_t number = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
  if (argc < 3) return 1;
  if (strcmp(argv[1], "serve") == 0) return store_pair_serve(argv[2]);
  if (strcmp(argv[1], "race") == 0) return race(argv[2], number);
  if (strcmp(argv[1], "hold") == 0) return hold(argv[2]);
  return strcmp(argv[1], "write") == 0 ? write_for_ever(argv[2], number) : 1;
}

int main(int argc, char **argv) {
  if (argc > 1) return role(argc, argv);
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL);
  const struct store_suite_maker maker = {.name = "store sqlite, two processes in turn",
                                          .begin = begin,
                                          .open = open_pair,
                                          .destroy = destroy_pair,
                                          .end = end};
  const struct CMUnitTest own[] = {
      cmocka_unit_test(of_two_writers_at_once_one_is_first_and_the_newest_row_stays),
      cmocka_unit_test(a_write_behind_a_busy_process_times_out_with_a_reason_and_reads_go_on),
      cmocka_unit_test(a_writer_that_dies_in_its_turn_holds_nobody_up),
      cmocka_unit_test(a_process_that_is_killed_in_a_write_loses_nothing_confirmed_and_leaves_the_others_well),
  };
  return store_suite_run(&maker) + cmocka_run_group_tests(own, NULL, NULL);
}
