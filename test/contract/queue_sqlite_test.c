/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/queue_sqlite.h"
#include "contract/queue_suite.h"
#include "contract/temp_dir.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct env {
  char dir[TEMP_DIR_MAX], file[TEMP_DIR_MAX + 16];
  struct queue_sqlite *queue;
};

static void *begin(void) {
  struct env *e = calloc(1, sizeof *e);
  temp_dir_make(e->dir);
  temp_dir_file(e->dir, "queue.db", e->file, sizeof e->file);
  return e;
}

static struct queue_suite_ports open_queue(void *env, struct world *w) {
  struct env *e = env;
  struct tfdc_error err = {0};
  if (queue_sqlite_open(e->file, w->server->clock, &e->queue, &err) != TFDC_OK) fail_msg("%s", err.msg);
  return (struct queue_suite_ports){queue_sqlite_publish(e->queue), queue_sqlite_work(e->queue)};
}

static void destroy(void *env) { queue_sqlite_destroy(((struct env *)env)->queue); }

static void end(void *env) {
  temp_dir_remove(((struct env *)env)->dir);
  free(env);
}

static void a_second_opener_is_refused_by_the_first_ones_process_id(void **state) {
  (void)state;
  struct env *e = begin();
  struct world w;
  world_begin_threads(&w);
  (void)open_queue(e, &w);
  struct queue_sqlite *second = NULL;
  struct tfdc_error err = {0};
  assert_int_equal(queue_sqlite_open(e->file, w.server->clock, &second, &err), TFDC_E_LOCKED);
  assert_null(second);
  char pid[32];
  (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
  assert_non_null(strstr(err.msg, pid));
  destroy(e);
  assert_int_equal(queue_sqlite_open(e->file, w.server->clock, &second, &err), TFDC_OK);
  queue_sqlite_destroy(second);
  world_end(&w);
  end(e);
}

int main(void) {
  const struct queue_suite_maker maker = {
      .name = "queue on SQLite", .durable = true, .begin = begin, .open = open_queue, .destroy = destroy, .end = end};
  const struct CMUnitTest own[] = {cmocka_unit_test(a_second_opener_is_refused_by_the_first_ones_process_id)};
  return queue_suite_run(&maker) + cmocka_run_group_tests(own, NULL, NULL);
}
