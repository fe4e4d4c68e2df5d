/* SPDX-License-Identifier: Apache-2.0
 * For the tests of the ingest machine: a store that answers when the test says so, and what the machine asked for, as
 * a line of text a step:
 *
 *   load                        the row and its chunks
 *   chamber                     a dictionary is to be stored
 *   put open r0 s5              the row: state, revision, last seq
 *   cut 1-3 r1                  a chunk of messages 1 to 3 for revision 1
 *   publish r1, mark r1         the completion; that it was published
 *   resume 5, ack 5, reject 6 TOO_LATE (of the hub of `stream`; of others with @stream behind), closed and end */
#ifndef CORE_INGEST_RIG_TEST_H
#define CORE_INGEST_RIG_TEST_H

#include "core/ingest.h"
#include "support/block.h"
#include "support/cmocka_all.h"

#include "model/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RIG_PENDING = 64, RIG_CHUNKS = 64, RIG_LINE = 1024, RIG_RUN = 7, RIG_SVIDS = 2 };
#define RIG_START INT64_C(1000000000) /* of the run, and of the wall clock */

static const struct model_svid RIG_DICTIONARY[] = {{.number = 1, .name = "Press", .rate_hz = 10},
                                                   {.number = 4, .name = "RfFwd", .rate_hz = 10}};
static const struct model_chamber RIG_CHAMBER = {
    .key = {"T1", "C1"}, .tool_type = "T", .svids = RIG_DICTIONARY, .n_svids = RIG_SVIDS};

struct rig_action {
  enum ingest_action_kind kind;
  uint64_t ticket;
  struct model_chunk chunk; /* CUT */
  struct model_context row; /* PUT_CONTEXT, in the rig's mem */
};
struct rig {
  struct ingest *g;
  struct ingest_options options;
  int64_t now;
  uint64_t stream;
  struct rig_action pending[RIG_PENDING];
  size_t n_pending;
  char line[RIG_LINE];
  double counts[32]; /* by enum ingest_count */
  /* the store: what was answered OK */
  struct tfdc_arena mem;
  struct model_context row;
  bool there;
  struct model_chunk chunks[RIG_CHUNKS];
  size_t n_chunks;
};

static inline void rig_note(struct rig *r, const char *text) {
  size_t n = strlen(r->line);
  (void)snprintf(r->line + n, sizeof r->line - n, "%s%s", n > 0 ? "; " : "", text);
}

static inline void rig_note_reply(struct rig *r, const struct ingest_action *a) {
  char text[128], other[32] = "";
  const struct model_hub_reply *p = &a->reply;
  unsigned long long seq = p->seq;
  if (a->stream != r->stream) (void)snprintf(other, sizeof other, "@%llu", (unsigned long long)a->stream);
  if (p->kind == MODEL_REPLY_RESUME)
    (void)snprintf(text, sizeof text, "resume %llu%s%s", seq, p->closed ? " closed" : "", other);
  else if (p->kind == MODEL_REPLY_ACK)
    (void)snprintf(text, sizeof text, "ack %llu%s%s", seq, p->end ? " end" : "", other);
  else
    (void)snprintf(text, sizeof text, "reject %llu %s%s", seq, tfdc_rc_name(p->code), other);
  assert_int_equal(p->run, RIG_RUN);
  rig_note(r, text);
}

static inline void rig_take(struct rig *r, const struct ingest_action *a) {
  char text[128];
  unsigned revision = a->context != NULL ? a->context->revision : a->revision;
  if (a->kind == INGEST_COUNT) {
    assert_true((size_t)a->count < TFDC_COUNT(r->counts));
    r->counts[a->count] += a->by;
    return;
  }
  if (a->kind == INGEST_REPLY) {
    rig_note_reply(r, a);
    return;
  }
  assert_true(r->n_pending < RIG_PENDING);
  struct rig_action *p = &r->pending[r->n_pending++];
  *p = (struct rig_action){.kind = a->kind, .ticket = a->ticket};
  switch (a->kind) {
  case INGEST_LOAD: (void)snprintf(text, sizeof text, "load"); break;
  case INGEST_PUT_CHAMBER: (void)snprintf(text, sizeof text, "chamber"); break;
  case INGEST_PUBLISH: (void)snprintf(text, sizeof text, "publish r%u", a->completion.revision); break;
  case INGEST_MARK: (void)snprintf(text, sizeof text, "mark r%u", revision); break;
  case INGEST_CUT:
    (void)snprintf(text, sizeof text, "cut %llu-%llu r%u", (unsigned long long)a->cut.first_seq,
                   (unsigned long long)a->cut.last_seq, a->cut.revision);
    p->chunk = (struct model_chunk){.first_seq = a->cut.first_seq, .last_seq = a->cut.last_seq};
    p->chunk.revision = a->cut.revision;
    p->chunk.checksum = 1000 * a->cut.first_seq + a->cut.last_seq;
    p->chunk.stored_us = a->cut.stored_us;
    p->chunk.blob_n = 1;
    p->chunk.last_us = MODEL_NO_TIME;
    for (size_t i = 0; i < a->cut.n_blocks; i++) {
      const struct model_block *b = a->cut.blocks[i];
      p->chunk.points += b->points;
      for (size_t k = 0; k < b->n_columns; k++) p->chunk.last_us = b->columns[k].t_us[b->columns[k].n - 1];
    }
    break;
  default:
    assert_int_equal(model_context_copy(a->context, &r->mem, &p->row), TFDC_OK);
    (void)snprintf(text, sizeof text, "put %s r%u s%llu", a->context->state == MODEL_CONTEXT_OPEN ? "open" : "closed",
                   revision, (unsigned long long)a->context->last_seq);
    break;
  }
  rig_note(r, text);
}

static inline void rig_step(struct rig *r, struct ingest_event *e) {
  r->line[0] = '\0';
  e->now.us = r->now;
  e->wall.us = RIG_START + r->now;
  ingest_step(r->g, e);
  size_t n;
  const struct ingest_action *actions = ingest_actions(r->g, &n);
  for (size_t i = 0; i < n; i++) rig_take(r, &actions[i]);
}

/* What the last step asked for. */
#define EXPECT(r, text) assert_string_equal((r)->line, text)

/* ---- what comes from outside ---- */

static inline void rig_hello(struct rig *r, const struct model_chamber *c) {
  rig_step(r, &(struct ingest_event){.kind = INGEST_CHAMBER, .stream = r->stream, .chamber = c});
}
static inline void rig_send(struct rig *r, struct model_hub_msg msg) {
  msg.run = RIG_RUN;
  rig_step(r, &(struct ingest_event){.kind = INGEST_MESSAGE, .stream = r->stream, .msg = &msg});
}
static inline struct model_context rig_context(void) {
  return (struct model_context){.key = RIG_CHAMBER.key,
                                .run_id = "r",
                                .recipe_id = "R",
                                .lot_id = "L",
                                .start_us = RIG_START,
                                .end_us = MODEL_NO_TIME,
                                .slot = -1,
                                .runs_since_pm = -1,
                                .wafers_since_clean = -1,
                                .rf_hours = (double)NAN};
}
static inline void rig_start(struct rig *r) {
  struct model_context c = rig_context();
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
}
/* From `at_ms` of the run on. */
static inline struct model_block *rig_block_of(uint64_t seq, uint32_t svid, int64_t at_ms, size_t samples) {
  return block_of_one(seq, svid, RIG_START + at_ms * 1000, 1000, samples);
}
static inline size_t rig_block_bytes(void) {
  struct model_block *b = rig_block_of(1, 1, 0, 10);
  size_t bytes = b->bytes;
  model_block_unref(b);
  return bytes;
}
static inline void rig_block_at(struct rig *r, uint64_t seq, int64_t at_ms) {
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = seq, .block = rig_block_of(seq, 1, at_ms, 10)});
}
static inline void rig_block(struct rig *r, uint64_t seq) { rig_block_at(r, seq, (int64_t)seq * 10); }
static inline void rig_step_begins(struct rig *r, uint64_t seq, const char *name, int64_t at_ms) {
  struct model_step s = {.name = name, .number = 1, .start_us = RIG_START + at_ms * 1000, .end_us = MODEL_NO_TIME};
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = seq, .step = &s});
}
static inline void rig_step_ends(struct rig *r, uint64_t seq, const char *name, int64_t at_ms) {
  struct model_step s = {.name = name, .number = 1, .end_us = RIG_START + at_ms * 1000};
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = seq, .step = &s});
}
static inline void rig_end(struct rig *r, uint64_t seq, int64_t at_ms) {
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_END, .seq = seq, .end_us = RIG_START + at_ms * 1000});
}
static inline void rig_hang_up(struct rig *r) {
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_CLOSED});
  r->stream++;
}
static inline void rig_tick(struct rig *r) { rig_step(r, &(struct ingest_event){.kind = INGEST_TICK}); }
static inline void rig_wait(struct rig *r, int64_t ms) {
  r->now += ms * 1000;
  rig_tick(r);
}
/* Lets time go on to the machine's deadline. */
static inline void rig_next(struct rig *r) {
  tfdc_mono due = ingest_deadline(r->g);
  assert_true(due.us != TFDC_NEVER);
  if (due.us > r->now) r->now = due.us;
  rig_tick(r);
}

/* ---- what the store says ---- */

/* Answers the oldest request of this kind. OK also changes the store. */
static inline void rig_answer(struct rig *r, enum ingest_action_kind kind, tfdc_rc rc) {
  size_t at = 0;
  while (at < r->n_pending && r->pending[at].kind != kind) at++;
  if (at == r->n_pending) fail_msg("nothing of kind %d was asked for", (int)kind);
  struct rig_action a = r->pending[at];
  memmove(&r->pending[at], &r->pending[at + 1], (--r->n_pending - at) * sizeof a);
  struct ingest_event done = {.kind = INGEST_DONE, .ticket = a.ticket, .rc = rc};
  if (kind == INGEST_LOAD && rc == TFDC_OK) {
    done.context = r->there ? &r->row : NULL;
    done.chunks = r->chunks;
    done.n_chunks = r->n_chunks;
  }
  if (kind == INGEST_PUT_CONTEXT && rc == TFDC_OK) {
    r->row = a.row;
    r->there = true;
  }
  if (kind == INGEST_MARK && rc == TFDC_OK) r->row.published = true;
  if (kind == INGEST_CUT && rc == TFDC_OK) {
    assert_true(r->n_chunks < RIG_CHUNKS);
    r->chunks[r->n_chunks++] = a.chunk;
    done.chunks = &a.chunk;
    done.n_chunks = 1;
  }
  rig_step(r, &done);
}
static inline void rig_ok(struct rig *r, enum ingest_action_kind kind) { rig_answer(r, kind, TFDC_OK); }

/* ---- life ---- */

static inline void rig_init(struct rig *r) {
  *r = (struct rig){.now = 1000000, .stream = 1, .mem.limit = (size_t)64 << 20};
  ingest_options_default(&r->options);
}
static inline void rig_boot(struct rig *r) {
  ingest_destroy(r->g);
  r->n_pending = 0;
  assert_int_equal(ingest_create(&r->options, &r->g), TFDC_OK);
}
/* A collector that knows the chamber. */
static inline void rig_up(struct rig *r) {
  rig_init(r);
  rig_boot(r);
  rig_hello(r, &RIG_CHAMBER);
  EXPECT(r, "chamber");
  rig_ok(r, INGEST_PUT_CHAMBER);
}
/* ... and has a new run open. */
static inline void rig_open(struct rig *r) {
  rig_up(r);
  rig_start(r);
  rig_ok(r, INGEST_LOAD);
  EXPECT(r, "put open r0 s0");
  rig_ok(r, INGEST_PUT_CONTEXT);
  EXPECT(r, "resume 0");
}
/* From the listing on: everything is answered OK. */
static inline void rig_finish_close(struct rig *r) {
  rig_ok(r, INGEST_LOAD);
  rig_ok(r, INGEST_PUT_CONTEXT);
  rig_ok(r, INGEST_PUBLISH);
  rig_ok(r, INGEST_MARK);
}
/* A run of the blocks 1 to 3 that ended at 4. */
static inline void rig_closed(struct rig *r) {
  rig_open(r);
  for (uint64_t seq = 1; seq <= 3; seq++) rig_block(r, seq);
  rig_end(r, 4, 50);
  rig_ok(r, INGEST_CUT);
  rig_finish_close(r);
  EXPECT(r, "ack 4 end");
}
static inline void rig_down(struct rig *r) {
  ingest_destroy(r->g);
  tfdc_arena_deinit(&r->mem);
}

#endif
