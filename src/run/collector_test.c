/* SPDX-License-Identifier: Apache-2.0
 * What the collector's driver itself decides: who may speak, how much at once, when streams are not read, what a store
 * that fails does to hubs, start and drain. Simulated loops, adapters in memory. */
#include "run/collector.h"

#include "adapter/faulty/faulty.h"
#include "adapter/mem/metrics_mem.h"
#include "adapter/mem/queue_mem.h"
#include "adapter/mem/store_mem.h"
#include "adapter/sim/loop_sim.h"
#include "port/queue.h"
#include "port/store.h"
#include "support/block.h"
#include "support/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LOOPS = 2, SAMPLES = 100, LINE = 4096 };
#define SECOND INT64_C(1000000)

static const struct model_svid SVID = {.number = 1, .name = "Press"};
static const struct model_chamber CHAMBERS[] = {{.key = {"T1", "A"}, .tool_type = "T", .svids = &SVID, .n_svids = 1},
                                                {.key = {"T1", "B"}, .tool_type = "T", .svids = &SVID, .n_svids = 1}};

struct world {
  struct loop_sim *sim;
  struct port_loop *loops[LOOPS], *broker, *test;
  struct port *store;
  struct queue_mem *queue;
  struct metrics_mem *metrics;
  struct faulty *faulty;
  struct collector_options options;
  struct collector *collector;
  struct hub_server server;
  char line[LINE]; /* what hubs were told: "s1 resume 7:0; s1 ack 7:3 end; s2 ends NO_HELLO; s1 go on" */
  unsigned told;   /* started, drained */
  struct port_task told_task;
};

/* ---- the hub server ---- */

static struct world *world_of(struct hub_server *s) {
  return (struct world *)(void *)((char *)s - offsetof(struct world, server));
}
static void say(struct world *w, const char *text) {
  size_t n = strlen(w->line);
  (void)snprintf(w->line + n, sizeof w->line - n, "%s%s", n > 0 ? "; " : "", text);
}
static void on_reply(struct hub_server *s, uint64_t stream, const struct model_hub_reply *r) {
  char text[128];
  unsigned long long st = stream, run = r->run, seq = r->seq;
  if (r->kind == MODEL_REPLY_HELLO)
    (void)snprintf(text, sizeof text, "s%llu hello", st);
  else if (r->kind == MODEL_REPLY_REJECT)
    (void)snprintf(text, sizeof text, "s%llu reject %llu:%llu %s", st, run, seq, tfdc_rc_name(r->code));
  else
    (void)snprintf(text, sizeof text, "s%llu %s %llu:%llu%s%s", st, r->kind == MODEL_REPLY_RESUME ? "resume" : "ack",
                   run, seq, r->closed ? " closed" : "", r->end ? " end" : "");
  say(world_of(s), text);
}
static void on_resume(struct hub_server *s, uint64_t stream) {
  char text[64];
  (void)snprintf(text, sizeof text, "s%llu go on", (unsigned long long)stream);
  say(world_of(s), text);
}
static void on_end(struct hub_server *s, uint64_t stream, tfdc_rc code, const char *why) {
  char text[64];
  assert_true(why != NULL && why[0] != '\0');
  (void)snprintf(text, sizeof text, "s%llu ends %s", (unsigned long long)stream, tfdc_rc_name(code));
  say(world_of(s), text);
}
static void on_drain(struct hub_server *s, struct port_loop *loop, tfdc_dur limit, struct port_task *drained) {
  (void)s;
  (void)limit;
  port_post(loop, drained);
}
static void on_serving(struct hub_server *s, bool serving) {
  (void)s;
  (void)serving;
}
static const struct hub_server_ops server_ops = {on_reply, on_resume, on_end, on_drain, on_serving};

/* ---- the world ---- */

static int begin(void **state) {
  struct world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  w->sim = loop_sim_create(3);
  assert_non_null(w->sim);
  for (size_t i = 0; i < LOOPS; i++) w->loops[i] = loop_sim_add(w->sim);
  w->broker = loop_sim_add(w->sim);
  w->test = loop_sim_add(w->sim);
  w->store = store_mem_create(0, 0);
  w->queue = queue_mem_create(w->broker);
  w->metrics = metrics_mem_create();
  w->faulty = faulty_create(w->store, NULL, 0);
  assert_true(w->store && w->queue && w->metrics && w->faulty);
  w->server.ops = &server_ops;
  collector_options_default(&w->options);
  *state = w;
  return 0;
}

static void on_told(struct port_task *t) { ((struct world *)((char *)t - offsetof(struct world, told_task)))->told++; }

static void create(struct world *w) {
  struct collector_ports ports = {.store = faulty_port(w->faulty),
                                  .publish = queue_mem_publish(w->queue),
                                  .metrics = metrics_mem_port(w->metrics),
                                  .loops = w->loops,
                                  .n_loops = LOOPS};
  assert_int_equal(collector_create(&w->options, &ports, &w->collector, NULL), TFDC_OK);
  *collector_server(w->collector) = &w->server;
  w->told_task.fn = on_told;
  collector_start(w->collector, w->test, &w->told_task);
}

static void pass(struct world *w, int64_t us) {
  w->line[0] = '\0';
  loop_sim_run_for(w->sim, (tfdc_dur){us});
}

static void up(struct world *w) {
  create(w);
  pass(w, SECOND);
  assert_int_equal(w->told, 1);
  w->told = 0;
}

static int end(void **state) {
  struct world *w = *state;
  pass(w, SECOND); /* nothing on its way to a shard: it would be nobody's */
  loop_sim_kill(w->sim, w->loops, LOOPS);
  store_mem_restart(w->store);
  collector_destroy(w->collector);
  loop_sim_destroy(w->sim);
  faulty_destroy(w->faulty);
  queue_mem_destroy(w->queue);
  store_mem_destroy(w->store);
  metrics_mem_destroy(w->metrics);
  free(w);
  return 0;
}

static double metric(struct world *w, int which, const char *label) {
  return metrics_mem_value(w->metrics, which, (const char *const[]){label, NULL, NULL});
}

/* ---- hubs ---- */

static bool give(struct world *w, uint64_t stream, struct model_hub_msg msg) {
  struct hub_sink *sink = collector_sink(w->collector);
  struct model_block *block = msg.block;
  bool taken = sink->message(sink, stream, "", &msg);
  if (!taken) model_block_unref(block);
  return taken;
}
static void hello(struct world *w, uint64_t stream) {
  assert_true(give(w, stream, (struct model_hub_msg){.kind = MODEL_HUB_HELLO, .chambers = CHAMBERS, .n_chambers = 2}));
}
/* The run of that handle, in chamber A or B by its number. */
static bool start(struct world *w, uint64_t stream, uint64_t run) {
  char id[16];
  (void)snprintf(id, sizeof id, "r%u", (unsigned)run);
  const struct model_context c = {.key = CHAMBERS[run % 2].key,
                                  .run_id = id,
                                  .start_us = 1000,
                                  .end_us = MODEL_NO_TIME,
                                  .slot = -1,
                                  .runs_since_pm = -1,
                                  .wafers_since_clean = -1,
                                  .rf_hours = (double)NAN};
  return give(w, stream, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .run = run, .context = &c});
}
static bool block(struct world *w, uint64_t stream, uint64_t run, uint64_t seq) {
  struct model_block *b = block_of_one(seq, 1, 2000 + (int64_t)(seq * SAMPLES), 1, SAMPLES);
  return give(w, stream, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .run = run, .seq = seq, .block = b});
}
static bool finish(struct world *w, uint64_t stream, uint64_t run, uint64_t seq) {
  return give(w, stream, (struct model_hub_msg){.kind = MODEL_HUB_RUN_END, .run = run, .seq = seq, .end_us = 100000});
}
static void hang_up(struct world *w, uint64_t stream) {
  assert_true(give(w, stream, (struct model_hub_msg){.kind = MODEL_HUB_CLOSED}));
}

static void open_run(struct world *w, uint64_t run) {
  up(w);
  hello(w, 1);
  assert_true(start(w, 1, run));
  pass(w, SECOND);
}

/* ---- the store behind the collector's back ---- */

static void on_done(struct port_req *r) { *(bool *)r->user = true; }
static bool is_done(void *user) { return *(bool *)user; }

static struct store_stats stats(struct world *w) {
  struct store_req r;
  bool done = false;
  store_req_init(&r, STORE_STATS);
  assert_int_equal(port_submit(w->store, &r.base, w->test, on_done, &done), TFDC_OK);
  assert_true(loop_sim_run_until(w->sim, is_done, &done, 1000000));
  port_req_deinit(&r.base);
  return r.stats;
}

static void fail_all(struct world *w, int op, tfdc_rc rc) {
  const struct faulty_rule rule = {.port = PORT_STORE, .op = op, .action = FAULTY_FAIL, .rc = rc};
  assert_int_equal(faulty_add(w->faulty, &rule), TFDC_OK);
}

#define EXPECT(w, text) assert_string_equal((w)->line, text)

/* ---- who may speak ---- */

static void the_first_message_of_a_stream_is_a_hello(void **state) {
  struct world *w = *state;
  up(w);
  w->line[0] = '\0';
  assert_true(start(w, 1, 7));
  EXPECT(w, "s1 ends NO_HELLO");
  w->line[0] = '\0';
  hello(w, 2);
  EXPECT(w, "s2 hello");
  assert_true(metric(w, MODEL_METRIC_INGEST_STREAMS, NULL) == 2);
  hang_up(w, 1);
  hang_up(w, 2);
  assert_true(metric(w, MODEL_METRIC_INGEST_STREAMS, NULL) == 0);
}

static void a_run_goes_through_and_its_hub_is_told_each_step(void **state) {
  struct world *w = *state;
  open_run(w, 7);
  EXPECT(w, "s1 resume 7:0");
  assert_true(block(w, 1, 7, 1) && finish(w, 1, 7, 2));
  pass(w, SECOND);
  EXPECT(w, "s1 ack 7:1; s1 ack 7:2 end");
  struct store_stats st = stats(w);
  assert_true(st.contexts == 1 && st.open_contexts == 0 && st.points == SAMPLES && st.unjudged == 1);
  assert_true(collector_memory(w->collector) == 0 && collector_open_runs(w->collector) == 0);
}

static void what_cannot_be_routed_is_rejected(void **state) {
  struct world *w = *state;
  open_run(w, 7);
  w->line[0] = '\0';
  assert_true(block(w, 1, 8, 1));
  EXPECT(w, "s1 reject 8:1 RUN_UNKNOWN");
  w->line[0] = '\0';
  assert_true(
      give(w, 1, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .run = 9, .seq = 5, .code = TFDC_E_BAD_ID}));
  EXPECT(w, "s1 reject 9:0 BAD_ID");
  assert_true(metric(w, MODEL_METRIC_INGEST_REJECTS, "RUN_UNKNOWN") == 1);
}

static void a_stream_has_so_many_open_runs_and_gets_room_when_one_ends(void **state) {
  struct world *w = *state;
  w->options.max_open_runs = 2;
  open_run(w, 1);
  assert_true(start(w, 1, 2) && start(w, 1, 3));
  EXPECT(w, "s1 resume 1:0; s1 reject 3:0 TOO_MANY_RUNS");
  pass(w, SECOND);
  assert_true(start(w, 1, 2)); /* again: it is open already */
  pass(w, SECOND);
  EXPECT(w, "s1 resume 2:0");
  for (int i = 0; i < 3; i++) /* rejects of messages end no run */
    assert_true(block(w, 1, 1, 0));
  pass(w, SECOND);
  assert_true(start(w, 1, 3));
  assert_non_null(strstr(w->line, "s1 reject 3:0 TOO_MANY_RUNS"));
  assert_true(finish(w, 1, 1, 1));
  pass(w, SECOND);
  assert_true(start(w, 1, 3));
  pass(w, SECOND);
  EXPECT(w, "s1 resume 3:0");
  assert_true(start(w, 1, 4));
  assert_non_null(strstr(w->line, "s1 reject 4:0 TOO_MANY_RUNS"));
}

/* ---- memory ---- */

/* Blocks are given until the collector takes no more; what it refused is given again, and all is stored once. */
static void push_until_full(struct world *w, uint64_t most, uint64_t *ret_sent) {
  uint64_t seq = 1;
  while (seq <= most && block(w, 1, 7, seq)) {
    seq++;
    loop_sim_run_for(w->sim, (tfdc_dur){10000});
  }
  *ret_sent = seq - 1;
}

static void full_memory_stops_reading_until_the_store_has_caught_up(void **state) {
  struct world *w = *state;
  const struct faulty_rule slow = {
      .port = PORT_STORE, .op = STORE_CHUNK_PUT, .action = FAULTY_DELAY, .by = {5 * SECOND}};
  w->options.memory_bytes = 30000;
  w->options.ingest.memory_pressure = 10000;
  open_run(w, 7);
  assert_int_equal(faulty_add(w->faulty, &slow), TFDC_OK);
  uint64_t sent = 0;
  push_until_full(w, 1000, &sent);
  assert_true(sent > 5 && sent < 30);
  assert_true(collector_is_paused(w->collector) && metric(w, MODEL_METRIC_INGEST_PAUSED, "memory") == 1);
  assert_false(block(w, 1, 7, sent + 1));
  pass(w, 60 * SECOND);
  assert_non_null(strstr(w->line, "s1 go on"));
  assert_false(collector_is_paused(w->collector));
  assert_true(metric(w, MODEL_METRIC_INGEST_PAUSED, "memory") == 0);
  faulty_clear(w->faulty);
  assert_true(block(w, 1, 7, sent + 1) && finish(w, 1, 7, sent + 2));
  pass(w, 60 * SECOND);
  assert_int_equal(stats(w).points, (sent + 1) * SAMPLES);
  assert_int_equal(collector_memory(w->collector), 0);
}

static void a_shard_that_falls_behind_stops_reading_too(void **state) {
  struct world *w = *state;
  w->options.max_inbox = 8;
  open_run(w, 7);
  uint64_t seq = 1;
  while (block(w, 1, 7, seq)) seq++;
  assert_true(seq == 9 && collector_is_paused(w->collector));
  assert_int_equal(collector_inbox(w->collector), 8);
  pass(w, SECOND);
  EXPECT(w, "s1 go on");
  assert_true(block(w, 1, 7, seq));
}

/* ---- a store that fails ---- */

static void hubs_wait_for_a_store_that_is_down_and_hear_nothing_wrong(void **state) {
  struct world *w = *state;
  open_run(w, 7);
  fail_all(w, FAULTY_ANY_OP, TFDC_E_UNAVAILABLE);
  assert_true(block(w, 1, 7, 1) && finish(w, 1, 7, 2));
  pass(w, 100 * SECOND);
  EXPECT(w, "");
  assert_int_equal(collector_trouble(w->collector), TFDC_E_UNAVAILABLE);
  assert_true(metric(w, MODEL_METRIC_INGEST_PAUSED, "store") == 1);
  assert_true(metric(w, MODEL_METRIC_INGEST_RETRIES, tfdc_rc_label(TFDC_E_UNAVAILABLE)) > 5);
  faulty_clear(w->faulty);
  pass(w, 100 * SECOND);
  EXPECT(w, "s1 ack 7:1; s1 ack 7:2 end");
  assert_int_equal(collector_trouble(w->collector), TFDC_OK);
  assert_true(metric(w, MODEL_METRIC_INGEST_PAUSED, "store") == 0);
}

static double published(struct world *w) {
  return metric(w, MODEL_METRIC_COMPLETIONS, "first") + metric(w, MODEL_METRIC_COMPLETIONS, "recovery");
}

static void a_start_waits_for_the_store_and_adopts_every_page(void **state) {
  enum { RUNS = 250 };
  struct world *w = *state;
  for (uint32_t n = 0; n < RUNS; n++) {
    struct model_context c = {.context_id = {.hi = n + 1, .lo = 1}, .key = CHAMBERS[0].key, .tool_type = "T"};
    c.run_id = "r";
    c.state = n % 2 == 0 ? MODEL_CONTEXT_OPEN : MODEL_CONTEXT_CLOSED;
    c.revision = n % 2;
    c.start_us = c.stored_us = 1000;
    c.end_us = c.order_us = c.received_us = n % 2 == 0 ? MODEL_NO_TIME : 2000;
    c.slot = -1;
    struct store_req r;
    bool done = false;
    store_req_init(&r, STORE_CONTEXT_PUT);
    r.context = &c;
    assert_int_equal(port_submit(w->store, &r.base, w->test, on_done, &done), TFDC_OK);
    assert_true(loop_sim_run_until(w->sim, is_done, &done, 100000) && r.base.rc == TFDC_OK);
    port_req_deinit(&r.base);
  }
  fail_all(w, STORE_CONTEXT_LIST, TFDC_E_IO);
  create(w);
  pass(w, 10 * SECOND);
  assert_int_equal(w->told, 0);
  faulty_clear(w->faulty);
  pass(w, 30 * SECOND);
  assert_int_equal(w->told, 1);
  assert_int_equal(collector_open_runs(w->collector), RUNS / 2);
  assert_true(published(w) == RUNS / 2 && metric(w, MODEL_METRIC_COMPLETIONS, "recovery") == RUNS / 2);
  pass(w, 400 * SECOND); /* nobody comes for the open ones */
  assert_int_equal(collector_open_runs(w->collector), 0);
  assert_true(published(w) == RUNS && stats(w).open_contexts == 0);
}

/* ---- the end ---- */

static void a_drain_stores_what_is_in_memory_and_leaves_the_run_open(void **state) {
  struct world *w = *state;
  open_run(w, 7);
  assert_true(block(w, 1, 7, 1) && block(w, 1, 7, 2));
  pass(w, SECOND);
  EXPECT(w, "");
  collector_drain(w->collector, w->test, &w->told_task);
  pass(w, SECOND);
  EXPECT(w, "s1 ack 7:2");
  assert_int_equal(w->told, 1);
  struct store_stats st = stats(w);
  assert_true(st.points == 2 * SAMPLES && st.open_contexts == 1);
}

static void a_full_disk_ends_the_drain_and_tells_the_hubs_to_go(void **state) {
  struct world *w = *state;
  open_run(w, 7);
  fail_all(w, FAULTY_ANY_OP, TFDC_E_DISK_FLOOR);
  assert_true(block(w, 1, 7, 1));
  pass(w, SECOND);
  collector_drain(w->collector, w->test, &w->told_task);
  pass(w, 20 * SECOND);
  assert_non_null(strstr(w->line, "s1 ends DRAINING"));
  assert_int_equal(w->told, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_first_message_of_a_stream_is_a_hello, begin, end),
      cmocka_unit_test_setup_teardown(a_run_goes_through_and_its_hub_is_told_each_step, begin, end),
      cmocka_unit_test_setup_teardown(what_cannot_be_routed_is_rejected, begin, end),
      cmocka_unit_test_setup_teardown(a_stream_has_so_many_open_runs_and_gets_room_when_one_ends, begin, end),
      cmocka_unit_test_setup_teardown(full_memory_stops_reading_until_the_store_has_caught_up, begin, end),
      cmocka_unit_test_setup_teardown(a_shard_that_falls_behind_stops_reading_too, begin, end),
      cmocka_unit_test_setup_teardown(hubs_wait_for_a_store_that_is_down_and_hear_nothing_wrong, begin, end),
      cmocka_unit_test_setup_teardown(a_start_waits_for_the_store_and_adopts_every_page, begin, end),
      cmocka_unit_test_setup_teardown(a_drain_stores_what_is_in_memory_and_leaves_the_run_open, begin, end),
      cmocka_unit_test_setup_teardown(a_full_disk_ends_the_drain_and_tells_the_hubs_to_go, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
