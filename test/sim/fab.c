/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/fab.h"

#include "run/completion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_PER_BLOCK = 20, BLOCKS = 4 };

/* ---- the process ---- */

static void on_started(struct port_task *t) {
  ((struct fab *)((char *)t - offsetof(struct fab, started_task)))->collector_started = true;
}
static void on_defender_started(struct port_task *t) {
  ((struct fab *)((char *)t - offsetof(struct fab, defender_started_task)))->defender_started = true;
}

static bool is_up(void *user) {
  struct fab *f = user;
  return f->collector_started && f->defender_started;
}

void fab_up(struct fab *f) {
  for (size_t i = 0; i < FAB_SHARDS; i++) f->loops[i] = loop_sim_add(f->world);
  struct collector_options co;
  collector_options_default(&co);
  co.ingest.chunk_bytes = 4096;
  co.ingest.chunk_age = tfdc_seconds(3);
  co.ingest.idle_close = tfdc_seconds(60);
  struct collector_ports cp = {
      .store = f->store_port, .publish = f->publish_port, .loops = f->loops, .n_loops = FAB_SHARDS};
  TFDC_ASSERT(collector_create(&co, &cp, &f->collector, NULL) == TFDC_OK);
  *collector_server(f->collector) = &f->server;
  struct defender_options defend;
  defender_options_default(&defend);
  char consumer[64];
  (void)snprintf(consumer, sizeof consumer, "defender-0-%d", f->crashes);
  defend.consumer = consumer;
  struct defender_ports dp = {.store = f->store_port,
                              .workqueue = f->work_port,
                              .alarm = f->alarm_port,
                              .kv = f->kv_port,
                              .loops = f->loops,
                              .n_loops = FAB_SHARDS};
  TFDC_ASSERT(defender_create(&defend, &dp, &f->defender, NULL) == TFDC_OK);
  f->collector_started = f->defender_started = false;
  f->started_task.fn = on_started;
  f->defender_started_task.fn = on_defender_started;
  collector_start(f->collector, f->hub_loop, &f->started_task);
  defender_start(f->defender, f->hub_loop, &f->defender_started_task);
  TFDC_ASSERT(loop_sim_run_until(f->world, is_up, f, 1000000));
  f->up = true;
}

void fab_crash(struct fab *f) {
  loop_sim_kill(f->world, f->loops, FAB_SHARDS);
  for (size_t i = 0; i < FAB_SHARDS; i++) {
    queue_mem_forget_loop(f->queue, f->loops[i]);
    kv_mem_forget_loop(f->kv, f->loops[i]);
    alarm_mem_forget_loop(f->alarms, f->loops[i]);
  }
  store_mem_restart(f->store);
  collector_destroy(f->collector);
  defender_destroy(f->defender);
  f->collector = NULL;
  f->defender = NULL;
  f->up = f->connected = false;
  f->crashes++;
}

/* ---- the hub's side ---- */

static struct fab_run *run_of(struct fab *f, uint64_t handle) {
  return handle >= 1 && handle <= f->n_runs ? &f->runs[handle - 1] : NULL;
}

static void on_reply(struct hub_server *s, uint64_t stream, const struct model_hub_reply *r) {
  struct fab *f = (struct fab *)((char *)s - offsetof(struct fab, server));
  if (stream != f->stream || !f->connected) return;
  struct fab_run *run = run_of(f, r->run);
  switch (r->kind) {
  case MODEL_REPLY_HELLO: break;
  case MODEL_REPLY_RESUME:
    TFDC_ASSERT(run != NULL && r->seq >= run->acked);
    run->started = true;
    run->sent = run->acked = r->seq;
    break;
  case MODEL_REPLY_ACK:
    TFDC_ASSERT(run != NULL);
    f->acks++;
    if (r->seq > run->acked) run->acked = r->seq;
    if (r->end) run->ended = true;
    break;
  case MODEL_REPLY_REJECT: f->rejects++; break;
  }
}
static void on_resume(struct hub_server *s, uint64_t stream) {
  (void)s;
  (void)stream;
}
static void on_end(struct hub_server *s, uint64_t stream, tfdc_rc code, const char *text) {
  (void)s;
  (void)stream;
  (void)code;
  (void)text;
  TFDC_ASSERT(!"the collector ended the stream");
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

static bool give(struct fab *f, const struct model_hub_msg *m) {
  struct hub_sink *sink = collector_sink(f->collector);
  return sink->message(sink, f->stream, "", m);
}

static const struct model_svid svids[FAB_SVIDS] = {
    {1, "Press", "mTorr", 10, 0.01}, {2, "RfFwd", "W", 10, 0.1}, {3, "Temp", "degC", 10, 0.1}};
static const char *const chamber_names[FAB_CHAMBERS] = {"A", "B", "C", "D"};

static struct model_key key_of(int chamber) { return (struct model_key){"ETCH-01", chamber_names[chamber]}; }

void fab_connect(struct fab *f) {
  f->stream++;
  f->connected = true;
  struct model_chamber chambers[FAB_CHAMBERS];
  for (int i = 0; i < FAB_CHAMBERS; i++)
    chambers[i] = (struct model_chamber){key_of(i), "ETCH", svids, FAB_SVIDS, MODEL_NO_TIME};
  struct model_hub_msg hello = {
      .kind = MODEL_HUB_HELLO, .hub = "hub-1", .chambers = chambers, .n_chambers = FAB_CHAMBERS};
  TFDC_ASSERT(give(f, &hello));
  for (size_t i = 0; i < f->n_runs; i++) f->runs[i].started = false;
}

struct fab_run *fab_add_run(struct fab *f, int chamber, double offset) {
  TFDC_ASSERT(f->n_runs < FAB_RUNS);
  struct fab_run *r = &f->runs[f->n_runs++];
  *r = (struct fab_run){.chamber = chamber,
                        .number = f->n_runs,
                        .start_us = port_wall(loop_sim_clock(f->world)).us,
                        .period_us = 100000,
                        .n_blocks = BLOCKS,
                        .n_msgs = BLOCKS + 3,
                        .offset = offset};
  (void)snprintf(r->run_id, sizeof r->run_id, "run-%zu", f->n_runs);
  r->id = model_context_id(key_of(chamber), r->run_id, r->start_us);
  return r;
}

static void start_run(struct fab *f, struct fab_run *r) {
  struct model_context c = {.key = key_of(r->chamber),
                            .run_id = r->run_id,
                            .start_us = r->start_us,
                            .end_us = MODEL_NO_TIME,
                            .received_us = MODEL_NO_TIME,
                            .stored_us = MODEL_NO_TIME,
                            .order_us = MODEL_NO_TIME,
                            .recipe_id = "POLY",
                            .slot = -1,
                            .runs_since_pm = -1,
                            .wafers_since_clean = -1,
                            .rf_hours = NAN};
  struct model_hub_msg m = {.kind = MODEL_HUB_RUN_START, .run = (uint64_t)(r - f->runs) + 1, .context = &c};
  (void)give(f, &m);
}

static struct model_block *make_block(const struct fab_run *r, uint64_t block) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *b =
      model_block_create(FAB_SVIDS, POINTS_PER_BLOCK, (size_t)FAB_SVIDS * POINTS_PER_BLOCK, &columns, &times, &values);
  TFDC_ASSERT(b != NULL);
  for (uint64_t i = 0; i < POINTS_PER_BLOCK; i++)
    times[i] = r->start_us + (int64_t)((block * POINTS_PER_BLOCK + i) * (uint64_t)r->period_us);
  for (size_t s = 0; s < FAB_SVIDS; s++) {
    double *v = values + s * POINTS_PER_BLOCK;
    for (uint64_t i = 0; i < POINTS_PER_BLOCK; i++)
      v[i] = 50.0 * (double)(s + 1) + (s == 0 ? r->offset : 0) + 0.01 * (double)((r->number * 7 + i * 3 + block) % 11);
    columns[s] = (struct model_column){svids[s].number, svids[s].name, POINTS_PER_BLOCK, times, v};
  }
  b->points = (uint64_t)FAB_SVIDS * POINTS_PER_BLOCK;
  return b;
}

/* Messages of a run: 1 step RAMP, then blocks with step MAIN before the second one, last the end. */
bool fab_send(struct fab *f, struct fab_run *r) {
  if (!f->connected || r->ended || r->sent >= r->n_msgs) return false;
  uint64_t seq = r->sent + 1, block_us = POINTS_PER_BLOCK * (uint64_t)r->period_us;
  struct model_step step = {.name = seq == 1 ? "RAMP" : "MAIN",
                            .number = seq == 1 ? 1 : 2,
                            .start_us = r->start_us + (seq == 1 ? 0 : (int64_t)block_us),
                            .end_us = MODEL_NO_TIME};
  struct model_hub_msg m = {.run = (uint64_t)(r - f->runs) + 1, .seq = seq};
  if (seq == 1 || seq == 3) {
    m.kind = MODEL_HUB_STEP;
    m.step = &step;
  } else if (seq == r->n_msgs) {
    m.kind = MODEL_HUB_RUN_END;
    m.end_us = r->start_us + (int64_t)(block_us * r->n_blocks);
    m.end_reason = MODEL_END_COMPLETE;
  } else {
    m.kind = MODEL_HUB_BLOCK;
    m.block = make_block(r, seq == 2 ? 0 : seq - 3);
    m.block->seq = seq;
  }
  if (!give(f, &m)) {
    model_block_unref(m.block);
    return false;
  }
  r->sent = seq;
  return true;
}

/* ---- the world ---- */

void fab_init(struct fab *f, uint64_t seed) {
  memset(f, 0, sizeof *f);
  f->world = loop_sim_create(seed);
  f->broker = loop_sim_add(f->world);
  f->hub_loop = loop_sim_add(f->world);
  f->store = f->store_port = store_mem_create(10000, (size_t)1 << 30);
  f->queue = queue_mem_create(f->broker);
  f->kv = kv_mem_create(f->broker);
  f->alarms = alarm_mem_create(f->broker);
  f->publish_port = queue_mem_publish(f->queue);
  f->work_port = queue_mem_work(f->queue);
  f->alarm_port = alarm_mem_port(f->alarms);
  f->kv_port = kv_mem_port(f->kv);
  f->server.ops = &server_ops;
}

void fab_deinit(struct fab *f) {
  if (f->up) fab_crash(f);
  alarm_mem_destroy(f->alarms);
  kv_mem_destroy(f->kv);
  queue_mem_destroy(f->queue);
  store_mem_destroy(f->store);
  loop_sim_destroy(f->world);
}

struct wait {
  bool done;
};
static void on_awaited(struct port_req *r) { ((struct wait *)r->user)->done = true; }
static bool is_done(void *user) { return ((struct wait *)user)->done; }

tfdc_rc fab_await(struct fab *f, struct port *p, struct port_req *r) {
  struct wait w = {false};
  tfdc_rc rc = port_submit(p, r, f->hub_loop, on_awaited, &w);
  if (rc != TFDC_OK) return rc;
  TFDC_ASSERT(loop_sim_run_until(f->world, is_done, &w, 1000000));
  return r->rc;
}

tfdc_rc fab_verdict(struct fab *f, const struct fab_run *r, struct model_run_verdict *ret) {
  struct store_req q;
  store_req_init(&q, STORE_VERDICT_GET);
  q.id = r->id;
  tfdc_rc rc = fab_await(f, f->store, &q.base);
  if (rc == TFDC_OK) *ret = q.verdicts[0];
  port_req_deinit(&q.base);
  return rc;
}

void fab_strategy(struct fab *f) {
  static const char body[] =
      "{\"v\":1,\"strategy\":\"watch\",\"charts\":["
      "{\"chart\":\"press_mean\",\"eq\":\"mean(Press in step(\\\"MAIN\\\"))\",\"limits\":{\"lcl\":48,\"ucl\":52}},"
      "{\"chart\":\"main_span\",\"eq\":\"span(step(\\\"MAIN\\\"))\",\"limits\":{\"lcl\":1,\"ucl\":100}}]}";
  struct model_def def = {.kind = MODEL_DEF_STRATEGY,
                          .id = "watch",
                          .version = 1,
                          .approved = true,
                          .effective_us = 0,
                          .author = "test",
                          .body = body};
  struct store_req q;
  store_req_init(&q, STORE_DEF_PUT);
  q.def = &def;
  TFDC_ASSERT(fab_await(f, f->store, &q.base) == TFDC_OK);
  port_req_deinit(&q.base);
}

static bool all_over(struct fab *f) {
  for (size_t i = 0; i < f->n_runs; i++) {
    struct model_run_verdict v;
    if (!f->runs[i].ended || fab_verdict(f, &f->runs[i], &v) != TFDC_OK) return false;
  }
  return true;
}

bool fab_settle(struct fab *f, int64_t max_us) {
  int64_t until = port_mono(loop_sim_clock(f->world)).us + max_us;
  while (port_mono(loop_sim_clock(f->world)).us < until) {
    bool moved = false;
    for (size_t i = 0; f->connected && i < f->n_runs; i++) {
      if (f->runs[i].ended) continue;
      if (!f->runs[i].started)
        start_run(f, &f->runs[i]);
      else
        moved |= fab_send(f, &f->runs[i]);
    }
    loop_sim_run_for(f->world, tfdc_millis(moved ? 20 : 200));
    if (!moved && all_over(f)) return true;
  }
  return false;
}

void fab_rejudge(struct fab *f, const struct fab_run *r, uint32_t judgement) {
  struct store_req q;
  struct publish_req publish;
  struct tfdc_arena mem = {0};
  char suffix[16];
  store_req_init(&q, STORE_CONTEXT_GET);
  q.id = r->id;
  TFDC_ASSERT(fab_await(f, f->store, &q.base) == TFDC_OK);
  struct model_completion m = model_completion_of(&q.contexts[0], judgement);
  (void)snprintf(suffix, sizeof suffix, ".j%u", judgement);
  TFDC_ASSERT(completion_request(&m, suffix, &mem, &publish) == TFDC_OK);
  TFDC_ASSERT(fab_await(f, f->publish_port, &publish.base) == TFDC_OK && !publish.duplicate);
  port_req_deinit(&publish.base);
  port_req_deinit(&q.base);
  tfdc_arena_deinit(&mem);
}

bool fab_await_judgement(struct fab *f, const struct fab_run *r, uint32_t judgement) {
  for (int i = 0; i < 600; i++) {
    struct model_run_verdict v;
    if (fab_verdict(f, r, &v) == TFDC_OK && v.judgement == judgement) return true;
    loop_sim_run_for(f->world, tfdc_millis(100));
  }
  return false;
}
