/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/queue_sqlite.h"
#include "contract/queue_suite.h"
#include "contract/temp_dir.h"
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static tfdc_rc send_big(struct world *w, struct port *p, unsigned number, const char *data) {
  struct publish_req r;
  char id[32];
  (void)snprintf(id, sizeof id, "m.%u", number);
  publish_req_init(&r);
  r.subject = "dc.T1.A.completed";
  r.msg_id = id;
  r.data = data;
  r.n = (size_t)200 << 10;
  tfdc_rc rc = world_call(w, p, &r.base);
  port_req_deinit(&r.base);
  return rc;
}

static void limit_files(rlim_t bytes) {
  struct rlimit l;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
  l.rlim_cur = bytes < l.rlim_max ? bytes : l.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* What was confirmed before, and after there is room again, is there; what was refused is not; waiting pulls live on.
 */
static void a_full_disk_is_an_error_and_the_queue_goes_on(void **state) {
  (void)state;
  struct env *e = begin();
  struct world w;
  char *data = calloc(1, (size_t)200 << 10);
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
  world_begin_threads(&w);
  struct queue_suite_ports ports = open_queue(e, &w);
  struct workqueue_req r, waiting;
  struct flight f;
  workqueue_req_init(&r, WORKQUEUE_CREATE);
  r.consumer = "other";
  r.filters = (const char *const[]){"dc.T2.A.completed"};
  r.n_filters = 1;
  r.ack_wait_us = 60 * TFDC_US_PER_S;
  assert_int_equal(world_call(&w, ports.work, &r.base), TFDC_OK);
  workqueue_req_init(&waiting, WORKQUEUE_PULL);
  waiting.consumer = "other";
  waiting.max = 1;
  waiting.expires_us = 60 * TFDC_US_PER_S;
  assert_int_equal(world_start(&w, ports.work, &waiting.base, &f), TFDC_OK);
  limit_files((rlim_t)4 << 20);
  unsigned sent = 0;
  tfdc_rc rc = TFDC_OK;
  while (sent < 1000 && (rc = send_big(&w, ports.publish, sent, data)) == TFDC_OK) sent++;
  assert_int_equal(rc, TFDC_E_DISK_FULL);
  assert_true(sent > 5);
  assert_int_equal(send_big(&w, ports.publish, sent, data), TFDC_E_DISK_FULL);
  limit_files(RLIM_INFINITY);
  assert_int_equal(send_big(&w, ports.publish, sent, data), TFDC_OK);
  workqueue_req_init(&r, WORKQUEUE_INFO);
  assert_int_equal(world_call(&w, ports.work, &r.base), TFDC_OK);
  assert_int_equal(r.pending, sent + 1);
  assert_false(world_is_done(&f));
  world_close(&w, ports.work);
  world_close(&w, ports.publish);
  assert_int_equal(waiting.base.rc, TFDC_E_CLOSED);
  port_req_deinit(&waiting.base);
  destroy(e);
  world_end(&w);
  end(e);
  free(data);
}

int main(void) {
  const struct queue_suite_maker maker = {
      .name = "queue on SQLite", .durable = true, .begin = begin, .open = open_queue, .destroy = destroy, .end = end};
  const struct CMUnitTest own[] = {
      cmocka_unit_test(a_second_opener_is_refused_by_the_first_ones_process_id),
      cmocka_unit_test(a_full_disk_is_an_error_and_the_queue_goes_on),
  };
  return queue_suite_run(&maker) + cmocka_run_group_tests(own, NULL, NULL);
}
