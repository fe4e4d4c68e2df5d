/* SPDX-License-Identifier: Apache-2.0
 * The store's suite on a file: alone, and beside a second process that has the file open and never stops writing. */
#include "adapter/sqlite/store_sqlite.h"
#include "contract/store_suite_rig.h"
#include "contract/temp_dir.h"
#include "support/cmocka_all.h"

#include <signal.h>
#include <sys/wait.h>

struct file {
  char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 16];
  pid_t writer; /* 0: alone */
};

static struct port *open_path(const char *path) {
  struct port *p = NULL;
  struct tfdc_error err;
  if (store_sqlite_open(path, NULL, &p, &err) != TFDC_OK) print_error("%s\n", tfdc_error_msg(&err));
  return p;
}

static void *begin(void) {
  struct file *f = calloc(1, sizeof *f);
  TFDC_ASSERT(f != NULL);
  temp_dir_make(f->dir);
  temp_dir_file(f->dir, "store.db", f->path, sizeof f->path);
  return f;
}

/* Registers a chamber that no test looks at, over and over; tells with one byte that the first time is done. */
static void write_for_ever(const char *path, int out) {
  struct test_loop loop;
  test_loop_start(&loop);
  struct port *p = open_path(path);
  if (p == NULL) _exit(1);
  for (int64_t n = 1;; n++) {
    struct model_chamber c = {.key = {.tool = "other", .chamber = "A"}, .tool_type = "other", .seen_us = n};
    struct store_req r;
    store_req_init(&r, STORE_CHAMBER_PUT);
    r.chamber = &c;
    if (test_await(p, &r.base, &loop) != TFDC_OK) _exit(2);
    port_req_deinit(&r.base);
    if (n == 1 && write(out, "1", 1) != 1) _exit(3);
  }
}

/* No thread of the test runs yet, so that a plain fork is safe. */
static void *begin_beside_a_writer(void) {
  struct file *f = begin();
  int fds[2];
  char byte;
  TFDC_ASSERT(pipe(fds) == 0);
  f->writer = fork();
  TFDC_ASSERT(f->writer >= 0);
  if (f->writer == 0) {
    (void)close(fds[0]);
    write_for_ever(f->path, fds[1]);
  }
  (void)close(fds[1]);
  TFDC_ASSERT(read(fds[0], &byte, 1) == 1);
  (void)close(fds[0]);
  return f;
}

static struct port *open_store(void *world, struct test_loop *l) {
  (void)l;
  return open_path(((struct file *)world)->path);
}

static void destroy(void *world, struct port *p) {
  (void)world;
  store_sqlite_destroy(p);
}

static void end(void *world) {
  struct file *f = world;
  if (f->writer != 0) {
    int status = 0;
    TFDC_ASSERT(kill(f->writer, SIGKILL) == 0 && waitpid(f->writer, &status, 0) == f->writer);
    TFDC_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it had not ended by itself */
  }
  temp_dir_remove(f->dir);
  free(f);
}

/* No disk has so much free space. What ends runs, and frees space, is still taken. */
static void below_the_floor_chunks_and_new_runs_wait_and_all_else_goes_on(void **state) {
  (void)state;
  struct file *f = begin();
  struct test_loop loop;
  struct port *p = NULL;
  const struct store_sqlite_options floored = {.free_floor_bytes = UINT64_MAX / 2};
  test_loop_start(&loop);
  assert_int_equal(store_sqlite_open(f->path, &floored, &p, NULL), TFDC_OK);
  static const uint8_t blob[] = {1};
  struct model_chunk chunk = suite_chunk(1, 1, 1, blob, sizeof blob);
  struct model_context closed = suite_context(1), open = suite_context(2);
  struct model_run_verdict verdict = suite_verdict(1);
  open.state = MODEL_CONTEXT_OPEN;
  open.revision = 0;
  static const enum store_op ops[] = {STORE_CHUNK_PUT,   STORE_CONTEXT_PUT, STORE_CONTEXT_PUT,
                                      STORE_VERDICT_PUT, STORE_RETENTION,   STORE_STATS};
  for (size_t i = 0; i < TFDC_COUNT(ops); i++) {
    struct store_req r;
    store_req_init(&r, ops[i]);
    r.chunk = &chunk;
    r.context = i == 1 ? &open : &closed;
    r.verdict = &verdict;
    r.tchart_us = r.uchart_us = 1;
    assert_int_equal(test_await(p, &r.base, &loop), i < 2 ? TFDC_E_DISK_FLOOR : TFDC_OK);
    port_req_deinit(&r.base);
  }
  test_close(p, &loop);
  store_sqlite_destroy(p);
  test_loop_stop(&loop);
  end(f);
}

int main(void) {
  struct store_suite_maker maker = {
      .name = "store sqlite", .begin = begin, .open = open_store, .destroy = destroy, .end = end};
  int failed = store_suite_run(&maker);
  maker.name = "store sqlite, two processes";
  maker.begin = begin_beside_a_writer;
  const struct CMUnitTest own[] = {
      cmocka_unit_test(below_the_floor_chunks_and_new_runs_wait_and_all_else_goes_on),
  };
  failed += store_suite_run(&maker);
  return failed + cmocka_run_group_tests(own, NULL, NULL);
}
