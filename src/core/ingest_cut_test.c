/* SPDX-License-Identifier: Apache-2.0
 * The order in which chunks of a run become durable: a crash must never leave a later one without the one before it,
 * because a resumed hub is told to go on behind the last. */
#include "core/ingest.h"
#include "support/block.h"
#include "support/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { BLOCKS = 4, SAMPLES = 10 };
static const struct model_svid svid = {.number = 1, .name = "Press"};
static const struct model_chamber chamber = {.key = {"T1", "C1"}, .tool_type = "T", .svids = &svid, .n_svids = 1};

struct rig {
  struct ingest *g;
  int64_t now;
  uint64_t cut; /* ticket under way */
  size_t in_flight, cuts;
  struct model_chunk chunk;
  uint64_t acked;
};

static void step(struct rig *r, struct ingest_event *e);

/* Loads find nothing and rows are stored at once; chunks wait for the test. */
static void obey(struct rig *r, const struct ingest_action *a) {
  struct ingest_event done = {.kind = INGEST_DONE, .ticket = a->ticket};
  if (a->kind == INGEST_CUT) {
    r->in_flight++;
    r->cuts++;
    r->cut = a->ticket;
    r->chunk = (struct model_chunk){
        .first_seq = a->cut.first_seq, .last_seq = a->cut.last_seq, .checksum = r->cuts, .points = 1, .blob_n = 1};
  } else if (a->kind == INGEST_REPLY) {
    if (a->reply.kind == MODEL_REPLY_ACK) r->acked = a->reply.seq;
  } else if (a->kind != INGEST_COUNT) {
    if (a->kind == INGEST_LOAD) done.rc = TFDC_E_NOT_FOUND;
    step(r, &done);
  }
}

static void step(struct rig *r, struct ingest_event *e) {
  e->now.us = r->now;
  e->wall.us = 1000000000 + r->now;
  ingest_step(r->g, e);
  size_t n;
  const struct ingest_action *actions = ingest_actions(r->g, &n);
  struct ingest_action todo[32];
  assert_true(n <= TFDC_COUNT(todo));
  memcpy(todo, actions, n * sizeof *todo);
  for (size_t i = 0; i < n; i++) obey(r, &todo[i]);
}

static void send(struct rig *r, struct model_hub_msg msg) {
  msg.run = 7;
  struct ingest_event e = {.kind = INGEST_MESSAGE, .stream = 1, .msg = &msg};
  step(r, &e);
}

static void send_block(struct rig *r, uint64_t seq) {
  struct model_block *b = block_of_one(seq, 1, (int64_t)(seq * SAMPLES) * 1000, 1000, SAMPLES);
  send(r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = seq, .block = b});
}

static void init(struct rig *r) {
  struct ingest_options o;
  ingest_options_default(&o);
  o.chunk_bytes = 1; /* each block is a chunk */
  *r = (struct rig){.now = 1000};
  assert_int_equal(ingest_create(&o, &r->g), TFDC_OK);
  struct ingest_event e = {.kind = INGEST_CHAMBER, .stream = 1, .chamber = &chamber};
  step(r, &e);
  const struct model_context c = {.key = chamber.key, .run_id = "r", .slot = -1, .rf_hours = NAN};
  send(r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
}

static void answer_cut(struct rig *r, tfdc_rc rc) {
  r->in_flight--;
  struct model_chunk chunk = r->chunk;
  struct ingest_event e = {.kind = INGEST_DONE, .ticket = r->cut, .rc = rc, .chunks = &chunk, .n_chunks = 1};
  step(r, &e);
}

static void a_chunk_waits_until_the_one_before_it_is_durable(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  for (uint64_t seq = 1; seq <= BLOCKS; seq++) {
    send_block(&r, seq);
    assert_int_equal(r.in_flight, 1);
    assert_int_equal(r.chunk.first_seq, 1);
  }
  uint64_t durable = 0;
  while (r.in_flight > 0) {
    assert_int_equal(r.in_flight, 1);
    assert_int_equal(r.chunk.first_seq, durable + 1);
    durable = r.chunk.last_seq;
    answer_cut(&r, TFDC_OK);
    assert_int_equal(r.acked, durable);
  }
  assert_int_equal(durable, BLOCKS);
  ingest_destroy(r.g);
}

static void a_chunk_that_fails_is_repeated_before_the_next(void **state) {
  (void)state;
  struct rig r;
  init(&r);
  send_block(&r, 1);
  send_block(&r, 2);
  answer_cut(&r, TFDC_E_IO);
  assert_int_equal(r.in_flight, 0);
  tfdc_mono due = ingest_deadline(r.g);
  assert_true(due.us != TFDC_NEVER);
  r.now = due.us;
  struct ingest_event tick = {.kind = INGEST_TICK};
  step(&r, &tick);
  assert_int_equal(r.in_flight, 1);
  assert_int_equal(r.chunk.first_seq, 1);
  answer_cut(&r, TFDC_OK);
  assert_int_equal(r.chunk.first_seq, 2);
  assert_int_equal(r.acked, 1);
  answer_cut(&r, TFDC_OK);
  assert_int_equal(r.acked, 2);
  ingest_destroy(r.g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_chunk_waits_until_the_one_before_it_is_durable),
      cmocka_unit_test(a_chunk_that_fails_is_repeated_before_the_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
