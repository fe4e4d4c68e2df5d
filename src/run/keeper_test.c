/* SPDX-License-Identifier: Apache-2.0
 * Housekeeping on simulated time: years pass in a test, nothing waits. The adapters are the ones in memory. */
#include "run/keeper.h"

#include "adapter/faulty/faulty.h"
#include "adapter/mem/metrics_mem.h"
#include "adapter/mem/queue_mem.h"
#include "adapter/mem/store_mem.h"
#include "adapter/sim/loop_sim.h"
#include "port/queue.h"
#include "port/store.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

/* A store whose disk the test fills and empties, and whose retention is watched. */
struct disk {
  struct port port;
  struct port *inner;
  uint64_t free_bytes;
  void (*done)(struct port_req *r); /* of the keeper's request; it has one at a time */
  void *user;
  uint64_t looks, retentions, deleted, most_deleted;
};

struct world {
  struct loop_sim *sim;
  struct port_loop *loop, *broker, *test;
  struct port *store;
  struct queue_mem *queue;
  struct metrics_mem *metrics;
  struct disk disk;
  struct faulty *faulty, *publish;
  struct keeper_options options;
  struct keeper *keeper;
  struct port_task stopped_task;
  unsigned stopped;
};

static void on_disk_done(struct port_req *r) {
  struct disk *d = r->user;
  struct store_req *s = (struct store_req *)r;
  r->user = d->user;
  r->done = d->done;
  if (r->op == STORE_STATS) {
    d->looks++;
    s->stats.free_bytes = d->free_bytes;
  }
  if (r->op == STORE_RETENTION && r->rc == TFDC_OK) {
    d->retentions++;
    d->deleted += s->count;
    if (s->count > d->most_deleted) d->most_deleted = s->count;
  }
  r->done(r);
}
static tfdc_rc disk_submit(struct port *p, struct port_req *r) {
  struct disk *d = (struct disk *)p;
  d->done = r->done;
  d->user = r->user;
  r->done = on_disk_done;
  r->user = d;
  tfdc_rc rc = d->inner->ops->submit(d->inner, r);
  if (rc != TFDC_OK) {
    r->done = d->done;
    r->user = d->user;
  }
  return rc;
}
static void disk_cancel(struct port *p, struct port_req *r) {
  struct disk *d = (struct disk *)p;
  d->inner->ops->cancel(d->inner, r);
}
static const struct port_ops disk_ops = {.name = "disk", .submit = disk_submit, .cancel = disk_cancel};

/* ---- the world ---- */

static int begin(void **state) {
  struct world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  w->sim = loop_sim_create(7);
  assert_non_null(w->sim);
  w->loop = loop_sim_add(w->sim);
  w->broker = loop_sim_add(w->sim);
  w->test = loop_sim_add(w->sim);
  w->store = store_mem_create(0, 0);
  w->queue = queue_mem_create(w->broker);
  w->metrics = metrics_mem_create();
  assert_true(w->store && w->queue && w->metrics);
  w->disk = (struct disk){.port = *w->store, .inner = w->store, .free_bytes = UINT64_MAX};
  w->disk.port.ops = &disk_ops;
  w->faulty = faulty_create(&w->disk.port, NULL, 0);
  w->publish = faulty_create(queue_mem_publish(w->queue), NULL, 0);
  assert_true(w->faulty && w->publish);
  keeper_options_default(&w->options);
  *state = w;
  return 0;
}

static void start(struct world *w) {
  struct keeper_ports ports = {.store = faulty_port(w->faulty),
                               .publish = faulty_port(w->publish),
                               .workqueue = queue_mem_work(w->queue),
                               .metrics = metrics_mem_port(w->metrics),
                               .loop = w->loop};
  assert_int_equal(keeper_create(&w->options, &ports, &w->keeper, NULL), TFDC_OK);
  keeper_start(w->keeper);
}

static void on_stopped(struct port_task *t) {
  ((struct world *)((char *)t - offsetof(struct world, stopped_task)))->stopped++;
}

static void stop(struct world *w) {
  w->stopped_task.fn = on_stopped;
  keeper_stop(w->keeper, w->test, &w->stopped_task);
}

static bool has_stopped(void *user) { return ((struct world *)user)->stopped > 0; }

static int end(void **state) {
  struct world *w = *state;
  if (w->keeper != NULL && w->stopped == 0) {
    stop(w);
    assert_true(loop_sim_run_until(w->sim, has_stopped, w, 1000000));
  }
  keeper_destroy(w->keeper);
  loop_sim_destroy(w->sim);
  faulty_destroy(w->faulty);
  faulty_destroy(w->publish);
  queue_mem_destroy(w->queue);
  store_mem_destroy(w->store);
  metrics_mem_destroy(w->metrics);
  free(w);
  return 0;
}

static void pass(struct world *w, int64_t us) { loop_sim_run_for(w->sim, (tfdc_dur){us}); }
static int64_t wall(const struct world *w) { return port_wall(w->loop->clock).us; }
static double metric(struct world *w, int which, const char *label) {
  return metrics_mem_value(w->metrics, which, (const char *const[]){label, NULL, NULL});
}

/* ---- the store behind the keeper's back ---- */

static void on_done(struct port_req *r) { *(bool *)r->user = true; }
static bool is_done(void *user) { return *(bool *)user; }

static tfdc_rc call(struct world *w, struct port *p, struct port_req *r) {
  bool done = false;
  assert_int_equal(port_submit(p, r, w->test, on_done, &done), TFDC_OK);
  assert_true(loop_sim_run_until(w->sim, is_done, &done, 1000000));
  return r->rc;
}

static void put(struct world *w, struct store_req *r) {
  assert_int_equal(call(w, w->store, &r->base), TFDC_OK);
  port_req_deinit(&r->base);
}

static struct tfdc_id128 id_of(uint32_t n) { return (struct tfdc_id128){.hi = n, .lo = 1}; }

static void put_revision(struct world *w, uint32_t n, enum model_context_state state, uint32_t revision) {
  struct model_context c = {.context_id = id_of(n), .key = {"T1", "A"}, .tool_type = "T", .run_id = "r"};
  c.state = state;
  c.revision = revision;
  c.start_us = c.order_us = c.end_us = 1; /* age does not count from there */
  c.stored_us = c.received_us = wall(w);
  c.recipe_id = c.lot_id = c.substrate_id = c.product = "";
  c.slot = -1;
  struct store_req r;
  store_req_init(&r, STORE_CONTEXT_PUT);
  r.context = &c;
  put(w, &r);
}

static void put_context(struct world *w, uint32_t n, enum model_context_state state) {
  put_revision(w, n, state, state == MODEL_CONTEXT_OPEN ? 0 : 1);
}

static void put_chunk(struct world *w, uint32_t n) {
  static const uint8_t blob[] = {1, 2, 3};
  struct model_chunk c = {.context_id = id_of(n), .first_seq = 1, .last_seq = 2, .revision = 1, .points = 1};
  c.stored_us = wall(w);
  c.blob = blob;
  c.blob_n = sizeof blob;
  c.checksum = tfdc_xxh3_64(blob, sizeof blob);
  struct store_req r;
  store_req_init(&r, STORE_CHUNK_PUT);
  r.chunk = &c;
  put(w, &r);
}

static void put_verdict(struct world *w, uint32_t n) {
  struct model_run_verdict v = {.context_id = id_of(n), .revision = 1, .judgement = 1, .key = {"T1", "A"}};
  v.judged_us = wall(w);
  v.defender = v.recipe_id = v.lot_id = v.substrate_id = "";
  struct store_req r;
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  put(w, &r);
}

static void put_u(struct world *w, uint32_t n) {
  struct model_u_record u = {.key = {"T1", "A"}, .chart_set = "S", .partition = "", .context_id = id_of(n)};
  u.revision = u.judgement = 1;
  u.order_us = 1;
  u.stored_us = wall(w);
  struct store_req r;
  store_req_init(&r, STORE_U_PUT);
  r.u = &u;
  put(w, &r);
}

static void put_alarm(struct world *w, uint32_t n, enum model_alarm_state state) {
  struct model_alarm a = {.alarm_id = id_of(n), .state = state, .key = {"T1", "A"}, .strategy = "S", .partition = ""};
  a.published_us = a.opened_us = a.updated_us = wall(w);
  a.reason = a.text = a.charts = a.recipe_id = a.lot_id = a.substrate_id = "";
  a.update = 1;
  struct store_req r;
  store_req_init(&r, STORE_ALARM_PUT);
  r.alarm = &a;
  put(w, &r);
}

/* A run that was collected and judged just now; every third one opened an alarm, every fifth one that was cleared. */
static void put_judged(struct world *w, uint32_t n) {
  put_context(w, n, MODEL_CONTEXT_CLOSED);
  put_chunk(w, n);
  put_u(w, n);
  put_verdict(w, n);
  if (n % 3 == 0) put_alarm(w, n, MODEL_ALARM_OPEN);
  if (n % 5 == 0) put_alarm(w, n + 1000000, MODEL_ALARM_CLEARED);
}

static bool has(struct world *w, enum store_op op, struct tfdc_id128 id) {
  struct store_req r;
  store_req_init(&r, op);
  r.id = id;
  r.revision = UINT32_MAX;
  tfdc_rc rc = call(w, w->store, &r.base);
  size_t n = r.n;
  port_req_deinit(&r.base);
  return rc == TFDC_OK && n > 0;
}

static struct store_stats stats(struct world *w) {
  struct store_req r;
  store_req_init(&r, STORE_STATS);
  assert_int_equal(call(w, w->store, &r.base), TFDC_OK);
  port_req_deinit(&r.base);
  return r.stats;
}

/* ---- retention ---- */

static void assert_run(struct world *w, uint32_t n, bool trace, bool rows) {
  assert_int_equal(has(w, STORE_CHUNK_LIST, id_of(n)), trace);
  assert_int_equal(has(w, STORE_CONTEXT_GET, id_of(n)), rows);
  assert_int_equal(has(w, STORE_U_GET, id_of(n)), rows);
  assert_int_equal(has(w, STORE_VERDICT_GET, id_of(n)), rows);
  if (n % 3 == 0) assert_true(has(w, STORE_ALARM_GET, id_of(n))); /* open: stays until somebody clears it */
  if (n % 5 == 0) assert_int_equal(has(w, STORE_ALARM_GET, id_of(n + 1000000)), rows);
}

/* A run each day for 400 days. An hour before midnight the run of a day is 23 h old, the one of the day before 47 h:
 * traces go after three days, the rest after 365. A run that is open all the time stays. */
static void a_run_goes_with_all_its_rows_when_its_time_is_over_and_no_sooner(void **state) {
  enum { DAYS = 400, OPEN = 9000 };
  struct world *w = *state;
  w->options.stats_every = w->options.sweep_every = tfdc_seconds(6 * 3600);
  w->options.retention_every = tfdc_seconds(3600);
  start(w);
  put_context(w, OPEN, MODEL_CONTEXT_OPEN);
  for (uint32_t day = 1; day <= DAYS; day++) {
    put_judged(w, day);
    pass(w, DAY - HOUR);
    assert_run(w, day, true, true);
    if (day > 2) assert_run(w, day - 2, true, true);
    if (day > 3) assert_run(w, day - 3, false, true);
    if (day > 364) assert_run(w, day - 364, false, true);
    if (day > 365) assert_run(w, day - 365, false, false);
    pass(w, HOUR);
  }
  assert_true(has(w, STORE_CONTEXT_GET, id_of(OPEN)));
  struct store_stats st = stats(w);
  assert_true(st.contexts == 366 && st.u_records == 365 && st.verdicts == 365 && st.open_contexts == 1);
  assert_int_equal(st.unjudged, 0); /* a verdict never goes before its context */
  assert_true(metric(w, MODEL_METRIC_RETENTION_DELETED, "all") == (double)w->disk.deleted);
}

/* A trace that is still being collected is as old as its chunks, its run is not. */
static void an_open_run_stays_however_old_it_is(void **state) {
  struct world *w = *state;
  w->options.stats_every = w->options.sweep_every = tfdc_seconds(86400);
  w->options.retention_every = tfdc_seconds(86400);
  put_context(w, 1, MODEL_CONTEXT_OPEN);
  put_chunk(w, 1);
  start(w);
  pass(w, 1000 * DAY);
  put_chunk(w, 2);
  put_context(w, 2, MODEL_CONTEXT_OPEN);
  pass(w, DAY);
  assert_true(has(w, STORE_CONTEXT_GET, id_of(1)) && !has(w, STORE_CHUNK_LIST, id_of(1)));
  assert_true(has(w, STORE_CONTEXT_GET, id_of(2)) && has(w, STORE_CHUNK_LIST, id_of(2)));
}

static void keeping_for_ever_is_a_choice(void **state) {
  struct world *w = *state;
  w->options.tchart = w->options.uchart = (tfdc_dur){0};
  w->options.stats_every = w->options.sweep_every = w->options.retention_every = tfdc_seconds(86400);
  for (uint32_t n = 1; n <= 5; n++) put_judged(w, n);
  start(w);
  pass(w, 1000 * DAY);
  for (uint32_t n = 1; n <= 5; n++) assert_run(w, n, true, true);
  assert_true(w->disk.retentions > 900);
}

/* 1,000 old rows, at most 30 at a time, each request 2 s long: the gauges are asked every 5 s all the same. */
static void old_rows_go_in_batches_between_which_others_have_their_turn(void **state) {
  struct world *w = *state;
  const struct faulty_rule slow = {
      .port = PORT_STORE, .op = STORE_RETENTION, .action = FAULTY_DELAY, .by = {2 * SECOND}};
  for (uint32_t n = 1; n <= 1000; n++) put_chunk(w, n);
  pass(w, 4 * DAY);
  assert_int_equal(faulty_add(w->faulty, &slow), TFDC_OK);
  w->options.batch = 30;
  start(w);
  pass(w, 60 * SECOND);
  assert_true(w->disk.retentions >= 20 && w->disk.deleted < 1000);
  assert_true(w->disk.looks >= 8);
  pass(w, 60 * SECOND);
  assert_true(w->disk.deleted == 1000 && w->disk.most_deleted == 30);
  assert_int_equal(stats(w).chunks, 0);
  uint64_t before = w->disk.retentions;
  pass(w, 600 * SECOND); /* nothing is left: once a minute again */
  assert_true(w->disk.retentions - before <= 11);
}

static void faults_of_the_store_delay_retention_and_lose_nothing_young(void **state) {
  struct world *w = *state;
  static const struct faulty_rule rules[] = {
      {.port = PORT_STORE, .op = FAULTY_ANY_OP, .action = FAULTY_FAIL, .rc = TFDC_E_UNAVAILABLE, .probability = 0.3},
      {.port = PORT_STORE, .op = FAULTY_ANY_OP, .action = FAULTY_FAIL_AFTER, .rc = TFDC_E_TIMEOUT, .probability = 0.2},
      {.port = PORT_STORE, .op = FAULTY_ANY_OP, .action = FAULTY_DROP, .by = {30 * SECOND}, .probability = 0.1},
      {.port = PORT_STORE, .op = FAULTY_ANY_OP, .action = FAULTY_REPEAT, .probability = 0.2}};
  for (size_t i = 0; i < TFDC_COUNT(rules); i++) {
    struct faulty_rule rule = rules[i];
    rule.seed = i + 1;
    assert_int_equal(faulty_add(w->faulty, &rule), TFDC_OK);
  }
  w->options.batch = 7;
  w->options.stats_every = tfdc_seconds(60);
  for (uint32_t n = 1; n <= 60; n++) put_judged(w, n);
  start(w);
  pass(w, 2 * DAY);
  for (uint32_t n = 61; n <= 90; n++) put_judged(w, n);
  pass(w, DAY + HOUR);
  assert_true(faulty_faults(w->faulty) > 1000);
  for (uint32_t n = 1; n <= 60; n++) assert_run(w, n, false, true);
  for (uint32_t n = 61; n <= 90; n++) assert_run(w, n, true, true);
}

static void a_store_that_refuses_everything_is_asked_again(void **state) {
  struct world *w = *state;
  static const struct faulty_rule dead = {
      .port = PORT_STORE, .op = FAULTY_ANY_OP, .action = FAULTY_FAIL, .rc = TFDC_E_UNAVAILABLE};
  static const struct faulty_rule busy = {
      .port = PORT_STORE, .op = FAULTY_ANY_OP, .action = FAULTY_FAIL, .rc = TFDC_E_BUSY};
  for (uint32_t n = 1; n <= 10; n++) put_chunk(w, n);
  pass(w, 4 * DAY);
  assert_int_equal(faulty_add(w->faulty, &dead), TFDC_OK);
  start(w);
  assert_true(keeper_store_answers(w->keeper)); /* nobody has looked yet */
  pass(w, 600 * SECOND);
  assert_false(keeper_store_answers(w->keeper));
  assert_true(faulty_calls(w->faulty, STORE_RETENTION) >= 9 && faulty_calls(w->faulty, STORE_RETENTION) <= 11);
  assert_int_equal(stats(w).chunks, 10);
  faulty_clear(w->faulty);
  assert_int_equal(faulty_add(w->faulty, &busy), TFDC_OK); /* busy is an answer */
  pass(w, 10 * SECOND);
  assert_true(keeper_store_answers(w->keeper));
  faulty_clear(w->faulty);
  pass(w, 61 * SECOND);
  assert_true(keeper_store_answers(w->keeper));
  assert_int_equal(stats(w).chunks, 0);
}

/* ---- the floor of the disk ---- */

static void assert_floor(struct world *w, uint64_t free_bytes, bool below) {
  w->disk.free_bytes = free_bytes;
  pass(w, 6 * SECOND);
  assert_int_equal(keeper_below_floor(w->keeper), below);
  assert_true(metric(w, MODEL_METRIC_INGEST_PAUSED, "disk_floor") == (below ? 1 : 0));
}

static void a_disk_below_its_floor_is_said_until_it_is_well_above(void **state) {
  struct world *w = *state;
  w->options.free_floor_bytes = 8000;
  start(w);
  assert_floor(w, UINT64_MAX, false); /* not known */
  assert_floor(w, 8000, false);
  assert_floor(w, 7999, true);
  assert_floor(w, 8000, true);
  assert_floor(w, 8999, true);
  assert_floor(w, 9000, false); /* an eighth more */
  assert_floor(w, 8000, false);
  assert_floor(w, 0, true);
  assert_true(metric(w, MODEL_METRIC_STORE_FREE, NULL) == 0);
  assert_floor(w, UINT64_MAX, false);
}

static void without_a_floor_a_full_disk_is_only_a_number(void **state) {
  struct world *w = *state;
  start(w);
  assert_floor(w, 0, false);
}

static void a_look_that_fails_leaves_the_floor_as_it_was(void **state) {
  struct world *w = *state;
  static const struct faulty_rule dead = {
      .port = PORT_STORE, .op = STORE_STATS, .action = FAULTY_FAIL, .rc = TFDC_E_TIMEOUT};
  w->options.free_floor_bytes = 8000;
  start(w);
  assert_floor(w, 10, true);
  assert_int_equal(faulty_add(w->faulty, &dead), TFDC_OK);
  assert_floor(w, UINT64_MAX, true);
  faulty_clear(w->faulty);
  assert_floor(w, UINT64_MAX, false);
}

static void the_floor_of_any_size_has_no_overflow(void **state) {
  (void)state;
  assert_true(store_below_floor(false, 5, UINT64_MAX) && store_below_floor(true, UINT64_MAX - 1, UINT64_MAX));
  assert_false(store_below_floor(true, UINT64_MAX, UINT64_MAX));
  assert_false(store_below_floor(true, 0, 0));
  assert_false(store_below_floor(true, 7, 7));
}

/* ---- the sweep ---- */

static uint64_t pending(struct world *w) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_INFO);
  assert_int_equal(call(w, queue_mem_work(w->queue), &r.base), TFDC_OK);
  port_req_deinit(&r.base);
  return r.pending;
}

static void a_closed_run_without_a_verdict_is_published_again_once_in_ten_minutes(void **state) {
  struct world *w = *state;
  start(w);
  put_context(w, 1, MODEL_CONTEXT_CLOSED);
  put_context(w, 2, MODEL_CONTEXT_OPEN);
  put_revision(w, 4, MODEL_CONTEXT_OPEN, 1); /* late samples opened it again; it will be published at its end */
  put_judged(w, 3);
  pass(w, 110 * SECOND);
  assert_int_equal(pending(w), 0); /* less than two minutes: its defender may still be at it */
  pass(w, 80 * SECOND);
  assert_int_equal(pending(w), 1);
  assert_true(metric(w, MODEL_METRIC_CLOSED_UNJUDGED, NULL) == 2);
  pass(w, 500 * SECOND);
  assert_int_equal(pending(w), 1);
  pass(w, 200 * SECOND);
  assert_int_equal(pending(w), 2);
  put_verdict(w, 1);
  put_verdict(w, 4);
  pass(w, 2 * HOUR);
  assert_int_equal(pending(w), 2);
  assert_true(metric(w, MODEL_METRIC_CLOSED_UNJUDGED, NULL) == 0);
  assert_true(metric(w, MODEL_METRIC_SWEEP_REPUBLISHED, NULL) == 2);
}

static void the_message_of_a_sweep_names_the_run_and_revision(void **state) {
  struct world *w = *state;
  struct workqueue_req create, pull;
  workqueue_req_init(&create, WORKQUEUE_CREATE);
  create.consumer = "c";
  create.filters = (const char *const[]){">"};
  create.n_filters = 1;
  create.ack_wait_us = HOUR;
  assert_int_equal(call(w, queue_mem_work(w->queue), &create.base), TFDC_OK);
  start(w);
  put_context(w, 1, MODEL_CONTEXT_CLOSED);
  pass(w, 200 * SECOND);
  workqueue_req_init(&pull, WORKQUEUE_PULL);
  pull.consumer = "c";
  pull.max = 10;
  assert_int_equal(call(w, queue_mem_work(w->queue), &pull.base), TFDC_OK);
  assert_int_equal(pull.n, 1);
  assert_string_equal(pull.msgs[0].subject, "dc.T1.A.completed");
  char head[64];
  (void)snprintf(head, sizeof head, "%016x%016x.1.", 1, 1);
  assert_true(strncmp(pull.msgs[0].msg_id, head, strlen(head)) == 0 && strlen(pull.msgs[0].msg_id) > strlen(head));
  port_req_deinit(&create.base);
  port_req_deinit(&pull.base);
}

static void a_sweep_walks_all_pages(void **state) {
  enum { RUNS = 1203 };
  struct world *w = *state;
  for (uint32_t n = 1; n <= RUNS; n++) put_context(w, n, MODEL_CONTEXT_CLOSED);
  pass(w, 121 * SECOND);
  start(w);
  pass(w, 10 * SECOND);
  assert_int_equal(pending(w), RUNS);
  assert_true(metric(w, MODEL_METRIC_CLOSED_UNJUDGED, NULL) == RUNS);
}

/* The first failure ends the sweep; what was not published comes in the next, what was is not sent twice. */
static void a_queue_that_fails_is_tried_again_by_the_next_sweep(void **state) {
  struct world *w = *state;
  static const struct faulty_rule third = {
      .port = PORT_PUBLISH, .op = PUBLISH_SEND, .action = FAULTY_FAIL, .rc = TFDC_E_UNAVAILABLE, .nth = 3};
  for (uint32_t n = 1; n <= 10; n++) put_context(w, n, MODEL_CONTEXT_CLOSED);
  pass(w, 121 * SECOND);
  assert_int_equal(faulty_add(w->publish, &third), TFDC_OK);
  start(w);
  pass(w, 10 * SECOND);
  assert_int_equal(pending(w), 2);
  pass(w, 61 * SECOND);
  assert_int_equal(pending(w), 10);
  assert_int_equal(faulty_calls(w->publish, PUBLISH_SEND), 11);
}

/* ---- gauges, and the end ---- */

static void the_gauges_show_store_and_queue(void **state) {
  struct world *w = *state;
  put_chunk(w, 1);
  w->disk.free_bytes = 12345;
  start(w);
  struct publish_req send;
  publish_req_init(&send);
  send.subject = "dc.T1.A.completed";
  send.msg_id = "1";
  send.data = "x";
  send.n = 1;
  assert_int_equal(call(w, queue_mem_publish(w->queue), &send.base), TFDC_OK);
  port_req_deinit(&send.base);
  pass(w, 6 * SECOND);
  assert_true(metric(w, MODEL_METRIC_STORE_BYTES, NULL) == 3);
  assert_true(metric(w, MODEL_METRIC_STORE_FREE, NULL) == 12345);
  assert_true(metric(w, MODEL_METRIC_JUDGE_QUEUE, NULL) == 1);
  assert_true(metric(w, MODEL_METRIC_QUEUE_MESSAGES, "dc-notifications") == 1);
  assert_true(metric(w, MODEL_METRIC_QUEUE_MESSAGES, "dc-dlq") == 0);
}

static void stopping_waits_for_the_request_under_way_and_is_told_once(void **state) {
  static const int ops[] = {STORE_STATS, STORE_RETENTION, STORE_UNJUDGED_LIST};
  for (size_t i = 0; i < TFDC_COUNT(ops); i++) {
    assert_int_equal(i == 0 ? 0 : end(state) + begin(state), 0);
    struct world *w = *state;
    const struct faulty_rule slow = {.port = PORT_STORE, .op = ops[i], .action = FAULTY_DELAY, .by = {10 * SECOND}};
    assert_int_equal(faulty_add(w->faulty, &slow), TFDC_OK);
    put_context(w, 1, MODEL_CONTEXT_CLOSED);
    pass(w, 121 * SECOND);
    start(w);
    pass(w, 4 * SECOND);
    assert_int_equal(faulty_calls(w->faulty, ops[i]), 1);
    stop(w);
    pass(w, SECOND);
    assert_int_equal(w->stopped, 0);
    pass(w, HOUR);
    assert_int_equal(w->stopped, 1);
    assert_int_equal(faulty_calls(w->faulty, ops[i]), 1); /* and nothing came after */
    assert_false(loop_sim_step(w->sim));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_run_goes_with_all_its_rows_when_its_time_is_over_and_no_sooner, begin, end),
      cmocka_unit_test_setup_teardown(an_open_run_stays_however_old_it_is, begin, end),
      cmocka_unit_test_setup_teardown(keeping_for_ever_is_a_choice, begin, end),
      cmocka_unit_test_setup_teardown(old_rows_go_in_batches_between_which_others_have_their_turn, begin, end),
      cmocka_unit_test_setup_teardown(faults_of_the_store_delay_retention_and_lose_nothing_young, begin, end),
      cmocka_unit_test_setup_teardown(a_store_that_refuses_everything_is_asked_again, begin, end),
      cmocka_unit_test_setup_teardown(a_disk_below_its_floor_is_said_until_it_is_well_above, begin, end),
      cmocka_unit_test_setup_teardown(without_a_floor_a_full_disk_is_only_a_number, begin, end),
      cmocka_unit_test_setup_teardown(a_look_that_fails_leaves_the_floor_as_it_was, begin, end),
      cmocka_unit_test_setup_teardown(the_floor_of_any_size_has_no_overflow, begin, end),
      cmocka_unit_test_setup_teardown(a_closed_run_without_a_verdict_is_published_again_once_in_ten_minutes, begin,
                                      end),
      cmocka_unit_test_setup_teardown(the_message_of_a_sweep_names_the_run_and_revision, begin, end),
      cmocka_unit_test_setup_teardown(a_sweep_walks_all_pages, begin, end),
      cmocka_unit_test_setup_teardown(a_queue_that_fails_is_tried_again_by_the_next_sweep, begin, end),
      cmocka_unit_test_setup_teardown(the_gauges_show_store_and_queue, begin, end),
      cmocka_unit_test_setup_teardown(stopping_waits_for_the_request_under_way_and_is_told_once, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
