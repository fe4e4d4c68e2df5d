/* SPDX-License-Identifier: Apache-2.0
 * Two collectors on one store: what is durable decides, whoever has the run's hub; and what a crash leaves behind. */
#include "core/ingest.h"
#include "support/block.h"
#include "support/cmocka_all.h"

#include "model/codec.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 10, CHUNKS = 8, COLLECTORS = 2 };
static const struct model_svid svid = {.number = 1, .name = "Press"};
static const struct model_chamber chamber = {.key = {"T1", "C1"}, .tool_type = "T", .svids = &svid, .n_svids = 1};

struct rig {
  struct ingest *g[COLLECTORS];
  int64_t now;
  uint64_t streams;
  /* the store */
  struct tfdc_arena mem;
  struct model_context row;
  bool there;
  struct model_chunk chunks[CHUNKS];
  size_t n_chunks;
  bool chunks_fail;
  /* the last answer to the hub */
  struct model_hub_reply told;
  char order[64]; /* what was written: r = row of an open run, R = of a closed one, c = chunk */
};

static void step(struct rig *r, size_t at, struct ingest_event *e);

static void note(struct rig *r, char what) {
  size_t n = strlen(r->order);
  assert_true(n + 1 < sizeof r->order);
  r->order[n] = what;
}

static void put_row(struct rig *r, const struct model_context *c) {
  note(r, c->state == MODEL_CONTEXT_OPEN ? 'r' : 'R');
  assert_int_equal(model_context_copy(c, &r->mem, &r->row), TFDC_OK);
  r->there = true;
}

static void obey(struct rig *r, size_t at, const struct ingest_action *a) {
  struct ingest_event done = {.kind = INGEST_DONE, .ticket = a->ticket};
  struct model_chunk chunk = {.first_seq = a->cut.first_seq,
                              .last_seq = a->cut.last_seq,
                              .revision = a->cut.revision,
                              .checksum = a->cut.first_seq,
                              .points = 1,
                              .blob_n = 1};
  switch (a->kind) {
  case INGEST_REPLY:
  case INGEST_COUNT: return;
  case INGEST_LOAD:
    done.context = r->there ? &r->row : NULL;
    done.chunks = r->chunks;
    done.n_chunks = r->n_chunks;
    break;
  case INGEST_PUT_CONTEXT: put_row(r, a->context); break;
  case INGEST_CUT:
    done.rc = r->chunks_fail ? TFDC_E_IO : TFDC_OK;
    done.chunks = &chunk;
    done.n_chunks = 1;
    if (r->chunks_fail) break;
    note(r, 'c');
    assert_true(r->n_chunks < CHUNKS);
    r->chunks[r->n_chunks++] = chunk;
    break;
  case INGEST_MARK: r->row.published = true; break;
  default: break;
  }
  step(r, at, &done);
}

static void step(struct rig *r, size_t at, struct ingest_event *e) {
  e->now.us = r->now;
  e->wall.us = 1000000000 + r->now;
  ingest_step(r->g[at], e);
  size_t n;
  const struct ingest_action *actions = ingest_actions(r->g[at], &n);
  struct ingest_action todo[32];
  struct model_context context;
  struct tfdc_arena mem = {.limit = 1 << 20};
  assert_true(n <= TFDC_COUNT(todo));
  memcpy(todo, actions, n * sizeof *todo);
  for (size_t i = 0; i < n; i++) { /* what actions point to is valid until the next step */
    if (todo[i].kind != INGEST_PUT_CONTEXT) continue;
    assert_int_equal(model_context_copy(todo[i].context, &mem, &context), TFDC_OK);
    todo[i].context = &context;
  }
  for (size_t i = 0; i < n; i++)
    if (todo[i].kind == INGEST_REPLY) r->told = todo[i].reply;
  for (size_t i = 0; i < n; i++) obey(r, at, &todo[i]);
  tfdc_arena_deinit(&mem);
}

static void send(struct rig *r, size_t at, struct model_hub_msg msg) {
  msg.run = 7;
  struct ingest_event e = {.kind = INGEST_MESSAGE, .stream = r->streams, .msg = &msg};
  step(r, at, &e);
}

static void send_block(struct rig *r, size_t at, uint64_t seq) {
  struct model_block *b = block_of_one(seq, 1, (int64_t)(seq * SAMPLES) * 1000, 1000, SAMPLES);
  send(r, at, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = seq, .block = b});
}

static void send_step(struct rig *r, size_t at, uint64_t seq, const char *name) {
  struct model_step s = {.name = name, .number = (uint32_t)seq, .start_us = (int64_t)seq, .end_us = MODEL_NO_TIME};
  send(r, at, (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = seq, .step = &s});
}

static void send_end(struct rig *r, size_t at, uint64_t seq) {
  send(r, at, (struct model_hub_msg){.kind = MODEL_HUB_RUN_END, .seq = seq, .end_us = 1000000});
}

/* The hub opens a stream to that collector and starts its run there. */
static void come(struct rig *r, size_t at, const char *lot) {
  const struct model_context c = {.key = chamber.key, .run_id = "r", .lot_id = lot, .slot = -1, .rf_hours = NAN};
  r->streams++;
  struct ingest_event e = {.kind = INGEST_CHAMBER, .stream = r->streams, .chamber = &chamber};
  step(r, at, &e);
  send(r, at, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
}

static void wait_s(struct rig *r, size_t at, int64_t seconds) {
  r->now += seconds * TFDC_US_PER_S;
  struct ingest_event tick = {.kind = INGEST_TICK};
  step(r, at, &tick);
}

static void start_collector(struct rig *r, size_t at) {
  struct ingest_options o;
  ingest_options_default(&o);
  ingest_destroy(r->g[at]);
  assert_int_equal(ingest_create(&o, &r->g[at]), TFDC_OK);
}

static void init(struct rig *r) {
  *r = (struct rig){.now = 1000, .mem = {.limit = 1 << 20}};
  for (size_t i = 0; i < COLLECTORS; i++) start_collector(r, i);
}

static void deinit(struct rig *r) {
  for (size_t i = 0; i < COLLECTORS; i++) ingest_destroy(r->g[i]);
  tfdc_arena_deinit(&r->mem);
}

static void expect_told(const struct rig *r, enum model_hub_reply_kind kind, uint64_t seq) {
  assert_int_equal(r->told.kind, kind);
  assert_int_equal(r->told.seq, seq);
}

static void a_hub_that_comes_back_is_told_what_the_store_says(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  come(&r, 0, "L1");
  expect_told(&r, MODEL_REPLY_RESUME, 0);
  send_block(&r, 0, 1); /* never durable here */
  come(&r, 1, "L1");
  expect_told(&r, MODEL_REPLY_RESUME, 0);
  send_block(&r, 1, 1);
  send_step(&r, 1, 2, "MAIN");
  send_block(&r, 1, 3);
  wait_s(&r, 1, 31);
  expect_told(&r, MODEL_REPLY_ACK, 3);
  come(&r, 0, "L1");
  expect_told(&r, MODEL_REPLY_RESUME, 3);
  send_end(&r, 0, 4);
  expect_told(&r, MODEL_REPLY_ACK, 4);
  assert_true(r.told.end);
  assert_int_equal(r.row.n_steps, 1);
  assert_int_equal(r.row.missing_blocks, 0);
  assert_int_equal(r.row.chunk_count, r.n_chunks);
  deinit(&r);
}

/* A step is in the row before the block in front of it has its chunk: after a crash a hub would be told to go on before
 * the step, which it must still have then. */
static void an_ack_is_never_ahead_of_what_a_hub_is_told_after_a_crash(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  come(&r, 0, "L1");
  r.chunks_fail = true;
  send_block(&r, 0, 1);
  send_step(&r, 0, 2, "MAIN");
  wait_s(&r, 0, 31);
  assert_int_equal(r.row.n_steps, 1);
  expect_told(&r, MODEL_REPLY_RESUME, 0);
  r.chunks_fail = false;
  wait_s(&r, 0, 31);
  expect_told(&r, MODEL_REPLY_ACK, 1);
  start_collector(&r, 1);
  come(&r, 1, "L1");
  expect_told(&r, MODEL_REPLY_RESUME, 1);
  deinit(&r);
}

static void an_amended_run_resumes_with_what_its_start_said(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  come(&r, 0, "L1");
  const struct model_context lot = {.lot_id = "L2", .slot = -1, .rf_hours = NAN, .runs_since_pm = -1};
  send(&r, 0, (struct model_hub_msg){.kind = MODEL_HUB_AMEND, .seq = 1, .context = &lot});
  wait_s(&r, 0, 31);
  expect_told(&r, MODEL_REPLY_ACK, 1);
  for (size_t at = 0; at < COLLECTORS; at++) {
    come(&r, at, "L1");
    expect_told(&r, MODEL_REPLY_RESUME, 1);
    come(&r, at, "L2");
    expect_told(&r, MODEL_REPLY_RESUME, 1);
    come(&r, at, "L9");
    expect_told(&r, MODEL_REPLY_REJECT, 0);
    assert_int_equal(r.told.code, TFDC_E_RUN_CONFLICT);
  }
  assert_string_equal(r.row.lot_id, "L2");
  deinit(&r);
}

/* Or else a crash between the chunk and the next close would leave acked samples that nobody judges. */
static void the_row_is_open_again_before_late_samples_are_durable(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  come(&r, 0, "L1");
  send_block(&r, 0, 1);
  send_end(&r, 0, 2);
  assert_int_equal(r.row.revision, 1);
  memset(r.order, 0, sizeof r.order);
  send_block(&r, 0, 3);
  wait_s(&r, 0, 2);
  assert_string_equal(r.order, "rcR");
  assert_int_equal(r.row.revision, 2);
  deinit(&r);
}

/* Both had the run's hub; the first one closes it when nothing comes any more, and keeps what the other stored. */
static void a_collector_that_lost_the_hub_closes_with_what_the_other_stored(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  come(&r, 0, "L1");
  come(&r, 1, "L1");
  send_step(&r, 1, 1, "MAIN");
  send_block(&r, 1, 2);
  wait_s(&r, 1, 31);
  expect_told(&r, MODEL_REPLY_ACK, 2);
  wait_s(&r, 0, 1000);
  assert_int_equal(r.row.state, MODEL_CONTEXT_CLOSED);
  assert_int_equal(r.row.n_steps, 1);
  assert_int_equal(r.row.chunk_count, 1);
  wait_s(&r, 1, 1);
  assert_int_equal(r.row.revision, 1);
  deinit(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_hub_that_comes_back_is_told_what_the_store_says),
      cmocka_unit_test(an_ack_is_never_ahead_of_what_a_hub_is_told_after_a_crash),
      cmocka_unit_test(an_amended_run_resumes_with_what_its_start_said),
      cmocka_unit_test(the_row_is_open_again_before_late_samples_are_durable),
      cmocka_unit_test(a_collector_that_lost_the_hub_closes_with_what_the_other_stored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
