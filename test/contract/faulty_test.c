/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/faulty/faulty.h"

#include "adapter/mem/kv_mem.h"
#include "adapter/mem/queue_mem.h"
#include "contract/kv_suite.h"
#include "contract/queue_suite.h"
#include "port/store.h"
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- without rules it is the port that it wraps ---- */

struct env {
  struct queue_mem *queue;
  struct kv_mem *kv;
  struct faulty *publish, *work, *buckets;
};

static void *begin(void) { return calloc(1, sizeof(struct env)); }

static struct queue_suite_ports open_queue(void *env, struct world *w) {
  struct env *e = env;
  e->queue = queue_mem_create(w->server);
  e->publish = faulty_create(queue_mem_publish(e->queue), NULL, 0);
  e->work = faulty_create(queue_mem_work(e->queue), NULL, 0);
  return (struct queue_suite_ports){faulty_port(e->publish), faulty_port(e->work)};
}

static void destroy_queue(void *env) {
  struct env *e = env;
  faulty_destroy(e->publish);
  faulty_destroy(e->work);
  queue_mem_destroy(e->queue);
}

static struct port *open_kv(void *env, struct world *w) {
  struct env *e = env;
  e->kv = kv_mem_create(w->server);
  e->buckets = faulty_create(kv_mem_port(e->kv), NULL, 0);
  return faulty_port(e->buckets);
}

static void destroy_kv(void *env) {
  struct env *e = env;
  faulty_destroy(e->buckets);
  kv_mem_destroy(e->kv);
}

/* ---- rules ---- */

static void rules_are_read(void **state) {
  (void)state;
  struct faulty_rule r[FAULTY_MAX_RULES];
  size_t n = 0;
  struct tfdc_error err = {0};
  assert_int_equal(faulty_parse(NULL, r, &n, &err), TFDC_OK);
  assert_int_equal(faulty_parse(" ; ", r, &n, &err), TFDC_OK);
  assert_int_equal(n, 0);
  assert_int_equal(faulty_parse("store.CHUNK_PUT:kill-after:3;publish.SEND:fail-after=TIMEOUT:p=0.25,seed=7;"
                                " kv.*:delay=1500:2:p=1",
                                r, &n, &err),
                   TFDC_OK);
  assert_int_equal(n, 3);
  assert_true(r[0].port == PORT_STORE && r[0].op == STORE_CHUNK_PUT && r[0].action == FAULTY_KILL_AFTER);
  assert_true(r[0].nth == 3 && r[0].probability == 0);
  assert_true(r[1].port == PORT_PUBLISH && r[1].op == PUBLISH_SEND && r[1].action == FAULTY_FAIL_AFTER);
  assert_true(r[1].rc == TFDC_E_TIMEOUT && r[1].nth == 0 && r[1].probability == 0.25 && r[1].seed == 7);
  assert_true(r[2].port == PORT_KV && r[2].op == FAULTY_ANY_OP && r[2].by.us == 1500 && r[2].nth == 2);
  assert_int_equal(faulty_parse("store.STATS:repeat;workqueue.INFO:repeat;kv.WATCH_CLOSE:repeat;election.LEADER:repeat",
                                r, &n, &err),
                   TFDC_OK);
}

static void broken_rules_are_refused_with_their_number(void **state) {
  (void)state;
  static const char *const bad[] = {"x",
                                    "disk.PUT:repeat",
                                    "store:repeat",
                                    "store.NONE:repeat",
                                    "store.*",
                                    "store.*:explode",
                                    "store.*:fail",
                                    "store.*:fail=NONE",
                                    "store.*:fail=OK",
                                    "store.*:delay",
                                    "store.*:delay=-1",
                                    "store.*:delay=99999999999",
                                    "store.*:repeat=1",
                                    "store.*:repeat:0",
                                    "store.*:repeat:x",
                                    "store.*:repeat:p=2",
                                    "store.*:repeat:p=nan",
                                    "store.*:repeat:q=1",
                                    "store.*:repeat:seed="};
  struct faulty_rule r[FAULTY_MAX_RULES];
  size_t n = 77;
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    char text[200];
    struct tfdc_error err = {0};
    (void)snprintf(text, sizeof text, "kv.GET:repeat;%s", bad[i]);
    assert_int_equal(faulty_parse(text, r, &n, &err), TFDC_E_USAGE);
    assert_memory_equal(err.msg, "faults: rule 2: ", 16);
    assert_int_equal(n, 77);
  }
  char big[FAULTY_MAX_TEXT + 2];
  memset(big, ';', sizeof big - 1);
  big[sizeof big - 1] = '\0';
  assert_int_equal(faulty_parse(big, r, &n, NULL), TFDC_E_USAGE);
  big[0] = '\0';
  for (int i = 0; i <= FAULTY_MAX_RULES; i++) memcpy(big + i * 12, "kv.*:repeat;", 13);
  assert_int_equal(faulty_parse(big, r, &n, NULL), TFDC_E_USAGE);
}

/* ---- what they do ---- */

struct rig {
  struct world world;
  struct env env;
  struct port *port;
};

static int setup(void **state) {
  struct rig *g = calloc(1, sizeof *g);
  world_begin_sim(&g->world, 5);
  g->port = open_kv(&g->env, &g->world);
  *state = g;
  return 0;
}

static int teardown(void **state) {
  struct rig *g = *state;
  world_close(&g->world, g->port);
  destroy_kv(&g->env);
  world_end(&g->world);
  free(g);
  return 0;
}

static void rule(struct rig *g, const char *text) {
  struct faulty_rule r[FAULTY_MAX_RULES];
  size_t n = 0;
  assert_int_equal(faulty_parse(text, r, &n, NULL), TFDC_OK);
  faulty_clear(g->env.buckets);
  for (size_t i = 0; i < n; i++) assert_int_equal(faulty_add(g->env.buckets, &r[i]), TFDC_OK);
}

/* The result, and the revision that the value has afterwards (0 = none). */
static tfdc_rc put(struct rig *g, uint64_t *ret_revision) {
  struct kv_req r;
  kv_req_init(&r, KV_PUT);
  r.bucket = "b";
  r.key = "k";
  r.value = "v";
  r.n = 1;
  tfdc_rc rc = world_call(&g->world, g->port, &r.base);
  port_req_deinit(&r.base);
  kv_req_init(&r, KV_GET);
  r.bucket = "b";
  r.key = "k";
  *ret_revision = world_call(&g->world, g->port, &r.base) == TFDC_OK ? r.entries[0].revision : 0;
  port_req_deinit(&r.base);
  return rc;
}

static void a_call_fails_before_or_after_it_is_carried_out(void **state) {
  struct rig *g = *state;
  uint64_t revision;
  rule(g, "kv.PUT:fail=IO:2");
  assert_int_equal(put(g, &revision), TFDC_OK);
  assert_int_equal(revision, 1);
  assert_int_equal(put(g, &revision), TFDC_E_IO);
  assert_int_equal(revision, 1);
  assert_int_equal(put(g, &revision), TFDC_OK);
  assert_int_equal(revision, 2);
  rule(g, "kv.PUT:fail-after=TIMEOUT");
  assert_int_equal(put(g, &revision), TFDC_E_TIMEOUT);
  assert_int_equal(revision, 3);
  rule(g, "kv.PUT:repeat");
  assert_int_equal(put(g, &revision), TFDC_OK);
  assert_int_equal(revision, 5);
  assert_int_equal(faulty_calls(g->env.buckets, KV_PUT), 5);
  assert_int_equal(faulty_calls(g->env.buckets, FAULTY_ANY_OP), 10);
  assert_int_equal(faulty_faults(g->env.buckets), 3);
}

static void a_call_is_answered_late_or_never_carried_out(void **state) {
  struct rig *g = *state;
  uint64_t revision;
  int64_t start = port_mono(g->world.client->clock).us;
  rule(g, "kv.PUT:delay=5000000");
  assert_int_equal(put(g, &revision), TFDC_OK);
  assert_int_equal(revision, 1);
  assert_true(port_mono(g->world.client->clock).us - start >= 5000000);
  rule(g, "kv.PUT:drop=7000000");
  assert_int_equal(put(g, &revision), TFDC_E_TIMEOUT);
  assert_int_equal(revision, 1);
  assert_true(port_mono(g->world.client->clock).us - start >= 12000000);
}

static void probabilities_follow_from_the_seed(void **state) {
  struct rig *g = *state;
  uint64_t patterns[2] = {0};
  for (int round = 0; round < 2; round++) {
    rule(g, "kv.PUT:fail=IO:p=0.3,seed=9");
    unsigned failed = 0;
    for (int i = 0; i < 60; i++) {
      uint64_t revision;
      bool fails = put(g, &revision) != TFDC_OK;
      patterns[round] = patterns[round] << 1 | fails;
      failed += fails;
    }
    assert_in_range(failed, 5, 35);
  }
  assert_true(patterns[0] == patterns[1]);
}

static void a_delayed_call_is_awaited_by_close(void **state) {
  struct rig *g = *state;
  rule(g, "kv.GET:drop=1000000");
  struct kv_req r;
  struct flight f;
  kv_req_init(&r, KV_GET);
  r.bucket = "b";
  r.key = "k";
  assert_int_equal(world_start(&g->world, g->port, &r.base, &f), TFDC_OK);
  port_cancel(g->port, &r.base);
  world_close(&g->world, g->port);
  assert_true(world_is_done(&f));
  port_req_deinit(&r.base);
  destroy_kv(&g->env);
  g->port = open_kv(&g->env, &g->world);
}

/* A child writes a byte when it was answered; SIGKILL must come first. */
static void dies(const char *text, size_t answered) {
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    void *state = NULL;
    (void)setup(&state);
    rule(state, text);
    uint64_t revision;
    for (int i = 0; i < 3; i++) {
      (void)put(state, &revision);
      if (write(fds[1], "x", 1) != 1) _exit(2);
    }
    _exit(0);
  }
  (void)close(fds[1]);
  char bytes[8];
  size_t got = 0;
  for (ssize_t n = 1; n > 0; got += n > 0 ? (size_t)n : 0) n = read(fds[0], bytes, sizeof bytes);
  (void)close(fds[0]);
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  assert_int_equal(got, answered);
}

static void a_process_dies_at_the_call_that_was_named(void **state) {
  (void)state;
  dies("kv.PUT:kill-before", 0);
  dies("kv.PUT:kill-after:1", 0);
  dies("kv.PUT:kill-before:3", 2);
  dies("kv.*:kill-after:3", 1);
}

int main(void) {
  const struct CMUnitTest own[] = {
      cmocka_unit_test(rules_are_read),
      cmocka_unit_test(broken_rules_are_refused_with_their_number),
      cmocka_unit_test(a_process_dies_at_the_call_that_was_named),
      cmocka_unit_test_setup_teardown(a_call_fails_before_or_after_it_is_carried_out, setup, teardown),
      cmocka_unit_test_setup_teardown(a_call_is_answered_late_or_never_carried_out, setup, teardown),
      cmocka_unit_test_setup_teardown(probabilities_follow_from_the_seed, setup, teardown),
      cmocka_unit_test_setup_teardown(a_delayed_call_is_awaited_by_close, setup, teardown),
  };
  int failed = cmocka_run_group_tests_name("faulty", own, NULL, NULL);
  for (int simulated = 0; simulated < 2; simulated++) {
    const struct queue_suite_maker queue = {.name = "queue behind faulty",
                                            .simulated = simulated != 0,
                                            .begin = begin,
                                            .open = open_queue,
                                            .destroy = destroy_queue,
                                            .end = free};
    const struct kv_suite_maker kv = {.name = "kv behind faulty",
                                      .simulated = simulated != 0,
                                      .begin = begin,
                                      .open = open_kv,
                                      .destroy = destroy_kv,
                                      .end = free};
    failed += queue_suite_run(&queue) + kv_suite_run(&kv);
  }
  return failed;
}
