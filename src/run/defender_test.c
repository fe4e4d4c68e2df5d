/* SPDX-License-Identifier: Apache-2.0
 * What the defender's driver itself decides: messages that cannot be read, definitions that cannot, stores that take
 * little at once, attempts on record. Simulated loops, adapters in memory. */
#include "run/defender.h"

#include "adapter/mem/alarm_mem.h"
#include "adapter/mem/kv_mem.h"
#include "adapter/mem/metrics_mem.h"
#include "adapter/mem/queue_mem.h"
#include "adapter/mem/store_mem.h"
#include "adapter/sim/loop_sim.h"
#include "model/codec.h"
#include "port/kv.h"
#include "port/queue.h"
#include "port/store.h"
#include "run/completion.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

enum { LOOPS = 2 };
#define SECOND INT64_C(1000000)

struct world {
  struct loop_sim *sim;
  struct port_loop *loops[LOOPS], *broker, *test;
  struct port *store;
  struct queue_mem *queue;
  struct kv_mem *kv;
  struct alarm_mem *alarms;
  struct metrics_mem *metrics;
  struct defender_options options;
  struct defender *defender;
  struct port_task told_task;
  unsigned told; /* started, stopped */
};

static int begin(void **state) {
  struct world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  w->sim = loop_sim_create(5);
  assert_non_null(w->sim);
  for (size_t i = 0; i < LOOPS; i++) w->loops[i] = loop_sim_add(w->sim);
  w->broker = loop_sim_add(w->sim);
  w->test = loop_sim_add(w->sim);
  w->store = store_mem_create(0, 0);
  w->queue = queue_mem_create(w->broker);
  w->kv = kv_mem_create(w->broker);
  w->alarms = alarm_mem_create(w->broker);
  w->metrics = metrics_mem_create();
  assert_true(w->store && w->queue && w->kv && w->alarms && w->metrics);
  defender_options_default(&w->options);
  *state = w;
  return 0;
}

static void on_told(struct port_task *t) { ((struct world *)((char *)t - offsetof(struct world, told_task)))->told++; }
static void pass(struct world *w, int64_t us) { loop_sim_run_for(w->sim, (tfdc_dur){us}); }

static void up(struct world *w) {
  struct defender_ports ports = {.store = w->store,
                                 .workqueue = queue_mem_work(w->queue),
                                 .alarm = alarm_mem_port(w->alarms),
                                 .kv = kv_mem_port(w->kv),
                                 .metrics = metrics_mem_port(w->metrics),
                                 .loops = w->loops,
                                 .n_loops = LOOPS};
  assert_int_equal(defender_create(&w->options, &ports, &w->defender, NULL), TFDC_OK);
  w->told_task.fn = on_told;
  defender_start(w->defender, w->test, &w->told_task);
  pass(w, SECOND);
  assert_int_equal(w->told, 1);
}

static int end(void **state) {
  struct world *w = *state;
  unsigned before = w->told;
  defender_stop(w->defender, w->test, &w->told_task);
  pass(w, 30 * SECOND);
  assert_int_equal(w->told, before + 1);
  defender_destroy(w->defender);
  loop_sim_destroy(w->sim);
  alarm_mem_destroy(w->alarms);
  kv_mem_destroy(w->kv);
  queue_mem_destroy(w->queue);
  store_mem_destroy(w->store);
  metrics_mem_destroy(w->metrics);
  free(w);
  return 0;
}

/* ---- the ports behind the defender's back ---- */

static void on_done(struct port_req *r) { *(bool *)r->user = true; }
static bool is_done(void *user) { return *(bool *)user; }

static tfdc_rc call(struct world *w, struct port *p, struct port_req *r) {
  bool done = false;
  while (port_submit(p, r, w->test, on_done, &done) == TFDC_E_BUSY) pass(w, 1000);
  assert_true(loop_sim_run_until(w->sim, is_done, &done, 1000000));
  return r->rc;
}

static void send(struct world *w, const char *id, const char *data) {
  struct publish_req r;
  publish_req_init(&r);
  r.subject = "dc.T1.A.completed";
  r.msg_id = id;
  r.data = data;
  r.n = strlen(data);
  assert_int_equal(call(w, queue_mem_publish(w->queue), &r.base), TFDC_OK);
  port_req_deinit(&r.base);
}

static struct tfdc_id128 id_of(uint32_t n) { return (struct tfdc_id128){.hi = n, .lo = 1}; }

/* A closed run without samples, stored and published. */
static void add_run(struct world *w, uint32_t n) {
  static const char *const chambers[] = {"A", "B", "C", "D"};
  struct model_context c = {.context_id = id_of(n), .key = {"T1", chambers[n % 4]}, .tool_type = "T", .run_id = "r"};
  c.state = MODEL_CONTEXT_CLOSED;
  c.revision = 1;
  c.start_us = 1000;
  c.end_us = c.order_us = c.received_us = c.stored_us = 2000 + n;
  c.slot = -1;
  struct store_req put;
  store_req_init(&put, STORE_CONTEXT_PUT);
  put.context = &c;
  assert_int_equal(call(w, w->store, &put.base), TFDC_OK);
  port_req_deinit(&put.base);
  struct model_completion m = model_completion_of(&c, 1);
  struct publish_req r;
  struct tfdc_arena mem = {0};
  assert_int_equal(completion_request(&m, "", &mem, &r), TFDC_OK);
  assert_int_equal(call(w, queue_mem_publish(w->queue), &r.base), TFDC_OK);
  port_req_deinit(&r.base);
  tfdc_arena_deinit(&mem);
}

static enum model_reason reason_of(struct world *w, uint32_t n) {
  struct store_req r;
  store_req_init(&r, STORE_VERDICT_GET);
  r.id = id_of(n);
  assert_int_equal(call(w, w->store, &r.base), TFDC_OK);
  enum model_reason reason = r.verdicts[0].reason;
  port_req_deinit(&r.base);
  return reason;
}

static void put_definition(struct world *w, const char *id, const char *body) {
  struct model_def def = {.kind = MODEL_DEF_STRATEGY, .id = id, .version = 1, .approved = true, .body = body};
  def.author = def.comment = "";
  struct store_req r;
  store_req_init(&r, STORE_DEF_PUT);
  r.def = &def;
  assert_int_equal(call(w, w->store, &r.base), TFDC_OK);
  port_req_deinit(&r.base);
}

static double metric(struct world *w, int which, const char *label) {
  return metrics_mem_value(w->metrics, which, (const char *const[]){label, NULL, NULL});
}

/* Messages that wait, are under way, and are dead. */
static void assert_queue(struct world *w, uint64_t left, uint64_t dead) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_INFO);
  assert_int_equal(call(w, queue_mem_work(w->queue), &r.base), TFDC_OK);
  assert_int_equal(r.pending + r.in_flight, left);
  assert_int_equal(r.dead, dead);
  port_req_deinit(&r.base);
}

/* ---- the tests ---- */

static void a_message_that_nobody_can_read_is_a_dead_letter_and_holds_up_no_other(void **state) {
  struct world *w = *state;
  static const char *const bad[] = {"", "{", "{\"v\":1}", "[]", "\xff\xfe"};
  up(w);
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    char id[16];
    (void)snprintf(id, sizeof id, "bad.%zu", i);
    send(w, id, bad[i]);
  }
  add_run(w, 1);
  pass(w, 10 * SECOND);
  assert_queue(w, 0, TFDC_COUNT(bad));
  assert_int_equal(reason_of(w, 1), MODEL_REASON_NO_LIMITS); /* no strategy selects it */
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_DLQ_LIST);
  r.max = 10;
  assert_int_equal(call(w, queue_mem_work(w->queue), &r.base), TFDC_OK);
  assert_int_equal(r.n, TFDC_COUNT(bad));
  for (size_t i = 0; i < r.n; i++) assert_true(r.msgs[i].reason != NULL && r.msgs[i].reason[0] != '\0');
  port_req_deinit(&r.base);
}

static void a_definition_that_cannot_be_read_is_counted_and_the_others_judge(void **state) {
  struct world *w = *state;
  put_definition(w, "bad", "{");
  put_definition(w, "good", "{\"v\":1,\"strategy\":\"good\",\"charts\":[{\"chart\":\"c\",\"eq\":\"span(run)\"}]}");
  up(w);
  assert_true(metric(w, MODEL_METRIC_DEFINITIONS_UNREADABLE, NULL) == 1);
  add_run(w, 1);
  pass(w, 10 * SECOND);
  assert_int_equal(reason_of(w, 1), MODEL_REASON_LEARNING);
}

/* Its refusals are answers like any other: each job tries again. A job asks for three things at once. */
static void a_store_that_takes_few_requests_at_a_time_only_takes_longer(void **state) {
  enum { RUNS = 24 };
  struct world *w = *state;
  up(w);
  w->store->max_requests = 3;
  for (uint32_t n = 1; n <= RUNS; n++) add_run(w, n);
  pass(w, 300 * SECOND);
  for (uint32_t n = 1; n <= RUNS; n++) assert_int_equal(reason_of(w, n), MODEL_REASON_NO_LIMITS);
  assert_queue(w, 0, 0);
  assert_int_equal(defender_load(w->defender), 0);
  w->store->max_requests = 100;
}

/* Another owner takes all messages and goes away with them. */
static void take_and_die(struct world *w, unsigned round) {
  struct workqueue_req r;
  char name[16];
  (void)snprintf(name, sizeof name, "other-%u", round);
  static const enum workqueue_op ops[] = {WORKQUEUE_CREATE, WORKQUEUE_PULL, WORKQUEUE_DELETE};
  for (size_t i = 0; i < TFDC_COUNT(ops); i++) {
    workqueue_req_init(&r, ops[i]);
    r.consumer = name;
    r.filters = (const char *const[]){">"};
    r.n_filters = 1;
    r.ack_wait_us = 600 * SECOND;
    r.max = 100;
    assert_int_equal(call(w, queue_mem_work(w->queue), &r.base), TFDC_OK);
    if (ops[i] == WORKQUEUE_PULL) assert_true(r.n > 0);
    port_req_deinit(&r.base);
  }
}

static void runs_that_come_again_are_judged_one_alone_after_the_other(void **state) {
  enum { RUNS = 12 };
  struct world *w = *state;
  for (uint32_t n = 1; n <= RUNS; n++) add_run(w, n);
  for (unsigned round = 0; round < 5; round++) take_and_die(w, round); /* nobody began with them: no attempt */
  up(w);
  pass(w, 60 * SECOND);
  for (uint32_t n = 1; n <= RUNS; n++) assert_int_equal(reason_of(w, n), MODEL_REASON_NO_LIMITS);
  assert_queue(w, 0, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_message_that_nobody_can_read_is_a_dead_letter_and_holds_up_no_other, begin,
                                      end),
      cmocka_unit_test_setup_teardown(a_definition_that_cannot_be_read_is_counted_and_the_others_judge, begin, end),
      cmocka_unit_test_setup_teardown(a_store_that_takes_few_requests_at_a_time_only_takes_longer, begin, end),
      cmocka_unit_test_setup_teardown(runs_that_come_again_are_judged_one_alone_after_the_other, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
