/* SPDX-License-Identifier: Apache-2.0
 * What a run does next. ingest_advance() looks at the state and starts whatever is due; it may be called at any time.
 */
#include "core/ingest_priv.h"

#include "model/codec.h"

#include <stdlib.h>
#include <string.h>

/* A clock difference above this between the tool and the collector makes the receipt time the order time. */
#define CLOCK_TOLERANCE_US (INT64_C(300) * TFDC_US_PER_S)
/* Raw bytes at which a chunk is cut whatever it may pack to. */
#define RAW_CHUNK_BYTES ((size_t)8 << 20)
/* A run that is over stays while its hub spoke of it so lately: what follows is told that it is too late. */
#define LINGER_US (INT64_C(60) * TFDC_US_PER_S)

static uint64_t before(uint64_t seq) { return seq - 1; }

/* Everything up to here is in the row or the chunks of the store, or was rejected. */
static uint64_t covered(const struct run *r) {
  uint64_t durable = r->last_recv;
  if (r->n_cuts > 0 && before(r->cuts[0].first_seq) < durable) durable = before(r->cuts[0].first_seq);
  if (r->n_blocks > 0 && before(r->open_first_seq) < durable) durable = before(r->open_first_seq);
  if (r->dirty_seq > 0 && before(r->dirty_seq) < durable) durable = before(r->dirty_seq);
  if (r->put_seq > 0 && before(r->put_seq) < durable) durable = before(r->put_seq);
  if (r->have_end && before(r->end_seq) < durable) durable = before(r->end_seq);
  return durable;
}

/* Everything up to here is durable and a hub that comes back is told so, whatever dies meanwhile: a step may be in the
 * row before a block in front of it has its chunk, and then the row cannot say so. */
uint64_t ingest_durable(const struct run *r) {
  uint64_t seq = covered(r);
  return seq < r->stored_seq ? seq : r->stored_seq;
}

/* The row has more than it says: it is written again, so that the hub may forget. */
static void note_lag(struct ingest *g, struct run *r) {
  if (r->phase.state != OPEN || r->dirty_seq > 0 || r->put_seq > 0 || covered(r) <= r->stored_seq) return;
  r->dirty_seq = r->stored_seq + 1;
  r->dirty_since = g->now;
}

static void answer_hub(struct ingest *g, struct run *r) {
  int phase = r->phase.state;
  if (!r->attached || r->reload || phase == LOADING || phase == OPENING) return;
  uint64_t durable = ingest_durable(r);
  /* A hub that resumed between the close and its publication was told "not closed": it still waits for the end. */
  if (!r->announce && durable <= r->acked && (phase != CLOSED || r->told_closed)) return;
  struct ingest_action *a = ingest_act(g, INGEST_REPLY);
  a->stream = r->stream;
  a->reply = (struct model_hub_reply){.run = r->handle, .seq = durable};
  if (r->announce) {
    a->reply.kind = MODEL_REPLY_RESUME;
    a->reply.closed = phase == CLOSED;
  } else {
    a->reply.kind = MODEL_REPLY_ACK;
    a->reply.end = phase == CLOSED;
  }
  r->announce = false;
  r->acked = durable;
  r->told_closed = phase == CLOSED;
}

/* ---- operations on the row ---- */

static struct ingest_action *start_op(struct ingest *g, struct run *r, enum op op, enum ingest_action_kind kind) {
  r->op = op;
  struct ingest_action *a = ingest_act(g, kind);
  a->ticket = ingest_ticket(r, 0);
  a->context_id = r->ctx.context_id;
  a->revision = r->ctx.revision;
  a->context = &r->ctx;
  return a;
}

/* What was read from the row stays in it, also where the hub was told to begin before it. */
static void note_seen(struct run *r) {
  if (r->last_recv > r->ctx.seen_seq) r->ctx.seen_seq = r->last_recv;
}

static void start_put(struct ingest *g, struct run *r) {
  r->put_seq = r->dirty_seq;
  r->dirty_seq = 0;
  uint64_t held = r->put_seq;
  r->put_seq = 0;
  r->ctx.last_seq = covered(r); /* the row makes what it holds durable, up to the first block that is not */
  r->put_seq = held;
  note_seen(r);
  r->ctx.stored_us = g->wall.us;
  (void)start_op(g, r, OP_PUT, INGEST_PUT_CONTEXT);
}

static void count_points(struct run *r) {
  r->ctx.points = 0;
  for (size_t i = 0; i < r->n_chunks; i++) r->ctx.points += r->chunks[i].points;
}

static void close_row(struct ingest *g, struct run *r) {
  struct model_context *c = &r->ctx;
  c->state = MODEL_CONTEXT_CLOSED;
  c->revision++;
  c->published = false;
  c->reopened = false;
  if (r->have_end) {
    c->end_us = r->end_us != MODEL_NO_TIME ? r->end_us : r->last_sample_us;
    c->end_reason = r->end_reason;
  } else if (c->end_us == MODEL_NO_TIME || c->end_reason == MODEL_END_UNKNOWN) {
    if (r->last_sample_us > c->end_us) c->end_us = r->last_sample_us;
    c->end_reason = MODEL_END_UNKNOWN;
  }
  if (c->end_us == MODEL_NO_TIME) c->end_us = c->start_us;
  if (c->revision == 1) {
    c->received_us = g->wall.us;
    int64_t apart = c->end_us > g->wall.us ? c->end_us - g->wall.us : g->wall.us - c->end_us;
    c->order_clock = !c->historical && apart > CLOCK_TOLERANCE_US;
    c->order_us = c->order_clock ? c->received_us : c->end_us;
  }
  count_points(r);
  c->chunk_count = (uint32_t)r->n_chunks;
}

static bool digest_row(struct ingest *g, struct run *r) {
  uint64_t *sums = tfdc_arena_array(&g->step_mem, r->n_chunks, sizeof *sums);
  if (sums == NULL) return false;
  for (size_t i = 0; i < r->n_chunks; i++) sums[i] = r->chunks[i].checksum;
  r->ctx.chunk_digest = model_chunk_digest(sums, r->n_chunks);
  return true;
}

static void start_commit(struct ingest *g, struct run *r) {
  if (!digest_row(g, r)) return; /* out of memory: the next tick tries again */
  close_row(g, r);
  r->put_seq = r->dirty_seq;
  r->dirty_seq = 0;
  r->ctx.last_seq = r->last_recv;
  note_seen(r);
  r->ctx.stored_us = g->wall.us;
  (void)start_op(g, r, OP_PUT, INGEST_PUT_CONTEXT);
}

static void start_publish(struct ingest *g, struct run *r) {
  struct ingest_action *a = start_op(g, r, OP_PUBLISH, INGEST_PUBLISH);
  a->completion = model_completion_of(&r->ctx, 1);
}

/* ---- cuts ---- */

static void cut_open(struct run *r, const char *why) {
  if (r->n_blocks == 0 || r->n_cuts == MAX_CUTS) return;
  struct cut *c = &r->cuts[r->n_cuts++];
  r->last_part = r->last_part % 255 + 1;
  *c = (struct cut){
      .blocks = r->blocks,
      .n_blocks = r->n_blocks,
      .first_seq = r->open_first_seq,
      .last_seq = r->open_last_seq,
      .bytes = r->open_bytes,
      .why = why,
      .since = r->open_since,
      .part = r->last_part,
  };
  r->ctx.points += r->open_points;
  r->blocks = NULL;
  r->n_blocks = r->blocks_cap = 0;
  r->open_bytes = 0;
  r->open_points = 0;
}

static void start_cut(struct ingest *g, struct run *r, struct cut *c) {
  c->in_flight = true;
  struct ingest_action *a = ingest_act(g, INGEST_CUT);
  a->ticket = ingest_ticket(r, c->part);
  a->cut.blocks = c->blocks;
  a->cut.n_blocks = c->n_blocks;
  a->cut.context_id = r->ctx.context_id;
  a->cut.first_seq = c->first_seq;
  a->cut.last_seq = c->last_seq;
  a->cut.revision = r->ctx.revision + 1;
  a->cut.stored_us = g->wall.us;
}

/* Why the open chunk is cut now; NULL: it is not. */
static const char *cut_reason(struct ingest *g, const struct run *r) {
  if (r->n_blocks == 0) return NULL;
  if (r->phase.state == CLOSING || r->close_now) return "end";
  if (g->draining) return "drain";
  if ((double)r->open_points * g->bytes_per_point >= (double)g->options.chunk_bytes) return "size";
  if (r->open_bytes >= RAW_CHUNK_BYTES) return "size";
  if (g->bytes > g->options.memory_pressure && r->n_cuts == 0) return "memory";
  tfdc_mono due = tfdc_mono_add(r->open_since, g->options.chunk_age);
  if (due.us <= g->now.us) return "age";
  ingest_want(g, due);
  return NULL;
}

/* One chunk at a time, in order: a resumed hub is told to go on behind the last durable chunk, so that none before it
 * may still be under way. The row with the steps that lie before a chunk's samples is durable before the chunk, for the
 * same reason; and the row of a run that late samples open again, so that whoever finds it closes it again. */
static void advance_cuts(struct ingest *g, struct run *r) {
  const char *why = cut_reason(g, r);
  if (why != NULL) cut_open(r, why);
  if (r->n_cuts == 0 || r->cuts[0].in_flight) return;
  struct cut *c = &r->cuts[0];
  if (c->retry.us > g->now.us) {
    ingest_want(g, c->retry);
    return;
  }
  bool row_first = (r->dirty_seq > 0 && r->dirty_seq <= c->last_seq) || (r->put_seq > 0 && r->put_seq <= c->last_seq);
  if (!row_first) {
    start_cut(g, r, c);
    return;
  }
  bool waits = r->retry.us > g->now.us && r->retry.us != TFDC_NEVER;
  if (r->op == OP_NONE && r->dirty_seq > 0 && !waits) start_put(g, r);
}

static void insert_chunk(struct run *r, const struct model_chunk *chunk) {
  if (r->n_chunks == r->chunks_cap) {
    size_t cap = r->chunks_cap == 0 ? 8 : r->chunks_cap * 2;
    struct model_chunk *bigger = realloc(r->chunks, cap * sizeof *bigger);
    TFDC_ASSERT(bigger != NULL); /* the chunk is durable: forgetting it would close the run without it */
    r->chunks = bigger;
    r->chunks_cap = cap;
  }
  size_t at = r->n_chunks++;
  for (; at > 0 && r->chunks[at - 1].first_seq > chunk->first_seq; at--) r->chunks[at] = r->chunks[at - 1];
  r->chunks[at] = *chunk;
  r->chunks[at].blob = NULL;
}

void ingest_cut_done(struct ingest *g, struct run *r, struct cut *c, const struct ingest_event *e) {
  c->in_flight = false;
  if (e->rc != TFDC_OK) {
    c->retry = ingest_backoff(g, c->failures++);
    ingest_count(g, INGEST_N_RETRIES, tfdc_rc_label(e->rc), 1);
    ingest_want(g, c->retry);
    return;
  }
  TFDC_ASSERT(e->n_chunks == 1 && c == &r->cuts[0]);
  const struct model_chunk *chunk = &e->chunks[0];
  insert_chunk(r, chunk);
  if (chunk->last_seq > r->stored_seq) r->stored_seq = chunk->last_seq;
  ingest_count(g, INGEST_N_CHUNKS, c->why, 1);
  ingest_count(g, INGEST_T_ACK, NULL, (double)(g->now.us - c->since.us) / (double)TFDC_US_PER_S);
  ingest_count(g, INGEST_N_CHUNK_BYTES, NULL, (double)chunk->blob_n);
  ingest_count(g, INGEST_N_CHUNK_POINTS, NULL, (double)chunk->points);
  if (chunk->points >= 1000)
    g->bytes_per_point += ((double)chunk->blob_n / (double)chunk->points - g->bytes_per_point) / 16;
  for (size_t i = 0; i < c->n_blocks; i++) model_block_unref(c->blocks[i]);
  free(c->blocks);
  g->bytes -= c->bytes;
  memmove(&r->cuts[0], &r->cuts[1], (--r->n_cuts) * sizeof r->cuts[0]);
  note_lag(g, r);
}

/* ---- loading ---- */

static bool take_chunk_list(struct run *r, const struct model_chunk *chunks, size_t n) {
  struct model_chunk *list = malloc((n + 1) * sizeof *list);
  if (list == NULL) return false;
  if (n > 0) memcpy(list, chunks, n * sizeof *list);
  for (size_t i = 0; i < n; i++) list[i].blob = NULL;
  free(r->chunks);
  r->chunks = list;
  r->n_chunks = n;
  r->chunks_cap = n + 1;
  for (size_t i = 0; i < n; i++)
    if (list[i].last_us != MODEL_NO_TIME && list[i].last_us > r->last_sample_us) r->last_sample_us = list[i].last_us;
  return true;
}

static bool take_row(struct run *r, const struct model_context *row) {
  struct tfdc_arena mem = {0};
  struct model_context copy;
  if (model_context_copy(row, &mem, &copy) != TFDC_OK) return false;
  struct model_step *steps = malloc((copy.n_steps + 1) * sizeof *steps);
  struct model_event *events = malloc((copy.n_events + 1) * sizeof *events);
  if (steps == NULL || events == NULL) {
    free(steps);
    free(events);
    tfdc_arena_deinit(&mem);
    return false;
  }
  if (copy.n_steps > 0) memcpy(steps, copy.steps, copy.n_steps * sizeof *steps);
  if (copy.n_events > 0) memcpy(events, copy.events, copy.n_events * sizeof *events);
  tfdc_arena_deinit(&r->mem);
  free(r->steps);
  free(r->events);
  r->mem = mem;
  r->ctx = copy;
  r->ctx.steps = r->steps = steps;
  r->ctx.events = r->events = events;
  r->steps_cap = copy.n_steps + 1;
  r->events_cap = copy.n_events + 1;
  return true;
}

static uint64_t last_stored(const struct model_context *row, const struct model_chunk *chunks, size_t n) {
  uint64_t seq = row->last_seq;
  for (size_t i = 0; i < n; i++)
    if (chunks[i].last_seq > seq) seq = chunks[i].last_seq;
  return seq;
}

/* The furthest message that left anything in the store. */
static uint64_t last_seen(const struct model_context *row, const struct model_chunk *chunks, size_t n) {
  uint64_t seq = last_stored(row, chunks, n);
  return seq > row->seen_seq ? seq : row->seen_seq;
}

static void resume_from_store(struct run *r) {
  r->last_recv = r->stored_seq = last_stored(&r->ctx, r->chunks, r->n_chunks);
}

/* A hub that comes back may have been with another collector meanwhile, so the row and the chunks are read again. What
 * is only in memory the hub still has and sends again. */
static bool reload(struct ingest *g, struct run *r) {
  if (r->op != OP_NONE || (r->n_cuts > 0 && r->cuts[0].in_flight)) return false;
  ingest_drop_samples(g, r);
  free(r->last_us);
  r->last_us = NULL;
  r->last_sample_us = MODEL_NO_TIME;
  r->dirty_seq = r->put_seq = 0;
  r->have_end = r->close_now = r->reload = false;
  r->late_deadline.us = r->retry.us = TFDC_NEVER;
  if (r->phase.state == OPEN && g->n_open > 0) g->n_open--;
  tfdc_sm_move(&r->phase, LOADING);
  return true;
}

static void first_load(struct ingest *g, struct run *r, const struct ingest_event *e) {
  if (e->context == NULL) { /* nobody knows it: it begins here */
    if (!r->attached) {     /* its hub hung up again; nothing was acked */
      ingest_drop_samples(g, r);
      tfdc_sm_move(&r->phase, GONE);
      return;
    }
    r->ctx.stored_us = g->wall.us;
    tfdc_sm_move(&r->phase, OPENING);
    return;
  }
  struct tfdc_error err = {0};
  if (r->attached && r->ctx.run_id != NULL && ingest_compare(e->context, &r->ctx, &err) != TFDC_OK) {
    ingest_reject(g, r->stream, r->handle, 0, err.code, err.msg);
    ingest_detach(g, r);
    ingest_drop_samples(g, r); /* of another run */
  }
  if (!take_row(r, e->context) || !take_chunk_list(r, e->chunks, e->n_chunks)) {
    r->retry = ingest_backoff(g, r->failures++);
    return;
  }
  resume_from_store(r);
  count_points(r); /* the row of an open run lags behind */
  r->acked = r->last_recv;
  if (r->ctx.state == MODEL_CONTEXT_CLOSED) {
    tfdc_sm_move(&r->phase, CLOSED);
    int64_t age = g->wall.us - r->ctx.received_us;
    r->closed_at.us = g->now.us - (age < 0 ? 0 : age);
    if (!r->ctx.published) tfdc_sm_move(&r->phase, PUBLISHING);
    return;
  }
  tfdc_sm_move(&r->phase, OPEN);
  g->n_open++;
  if (r->ctx.reopened) r->late_deadline = tfdc_mono_add(g->now, g->options.late_close);
}

/* Somebody else's run (its collector stopped, or is alive elsewhere): closed only when nothing was stored lately. */
static bool somebody_else_feeds(struct ingest *g, const struct run *r, const struct ingest_event *e) {
  if (r->touched || r->have_end) return false;
  for (size_t i = 0; i < e->n_chunks; i++)
    if (g->wall.us - e->chunks[i].stored_us < g->options.idle_close.us) return true;
  return false;
}

/* The chunks are those that the row counts. */
static bool is_whole(struct ingest *g, const struct run *r) {
  uint64_t *sums = tfdc_arena_array(&g->step_mem, r->n_chunks, sizeof *sums);
  if (sums == NULL || r->n_chunks != r->ctx.chunk_count) return false;
  for (size_t i = 0; i < r->n_chunks; i++) sums[i] = r->chunks[i].checksum;
  return model_chunk_digest(sums, r->n_chunks) == r->ctx.chunk_digest;
}

/* Another collector closed the run. Ours is a further close where we know more, or where a chunk of ours came after
 * theirs. */
static void closed_elsewhere(struct ingest *g, struct run *r, const struct ingest_event *e) {
  bool more = r->last_recv > last_seen(e->context, e->chunks, e->n_chunks);
  if (!take_chunk_list(r, e->chunks, e->n_chunks)) return;
  if (more) {
    r->ctx.revision = e->context->revision;
    r->ctx.received_us = e->context->received_us;
    r->ctx.order_us = e->context->order_us;
    r->ctx.order_clock = e->context->order_clock;
    tfdc_sm_move(&r->phase, COMMITTING);
    return;
  }
  if (!take_row(r, e->context)) return;
  resume_from_store(r);
  r->dirty_seq = 0;
  r->have_end = r->close_now = false;
  r->closed_at = g->now;
  if (!is_whole(g, r)) {
    tfdc_sm_move(&r->phase, COMMITTING);
    return;
  }
  tfdc_sm_move(&r->phase, CLOSED);
  if (g->n_open > 0) g->n_open--;
}

static void closing_load(struct ingest *g, struct run *r, const struct ingest_event *e) {
  if (e->context != NULL && e->context->revision > r->ctx.revision) {
    closed_elsewhere(g, r, e);
    return;
  }
  if (somebody_else_feeds(g, r, e)) {
    r->idle_from = g->reading_us;
    r->close_now = false;
    tfdc_sm_move(&r->phase, OPEN);
    return;
  }
  bool ahead = e->context != NULL && last_seen(e->context, e->chunks, e->n_chunks) > r->last_recv;
  if (ahead && !take_row(r, e->context)) return; /* another collector got further and is gone */
  if (!take_chunk_list(r, e->chunks, e->n_chunks)) return;
  if (ahead) {
    resume_from_store(r);
    r->dirty_seq = 0;
  }
  tfdc_sm_move(&r->phase, COMMITTING);
}

static bool op_failed(struct ingest *g, struct run *r, tfdc_rc rc) {
  r->op = OP_NONE;
  if (rc == TFDC_OK) {
    r->failures = 0;
    r->retry.us = TFDC_NEVER;
    return false;
  }
  ingest_count(g, INGEST_N_RETRIES, tfdc_rc_label(rc), 1);
  r->retry = ingest_backoff(g, r->failures++);
  ingest_want(g, r->retry);
  return true;
}

void ingest_loaded(struct ingest *g, struct run *r, const struct ingest_event *e) {
  tfdc_rc rc = e->rc == TFDC_E_NOT_FOUND ? TFDC_OK : e->rc;
  if (op_failed(g, r, rc)) return;
  if (r->phase.state == LOADING)
    first_load(g, r, e);
  else
    closing_load(g, r, e);
}

static void put_done(struct ingest *g, struct run *r, bool failed) {
  if (failed) { /* what the row was to make durable is still owed */
    if (r->put_seq > 0 && (r->dirty_seq == 0 || r->put_seq < r->dirty_seq)) {
      r->dirty_seq = r->put_seq;
      r->dirty_since = g->now;
    }
    r->put_seq = 0;
    if (r->phase.state == COMMITTING) { /* the close is decided anew, with the same number */
      r->ctx.revision--;
      r->ctx.state = MODEL_CONTEXT_OPEN;
      r->ctx.reopened = r->ctx.revision > 0;
    }
    return;
  }
  r->put_seq = 0;
  if (r->ctx.last_seq > r->stored_seq) r->stored_seq = r->ctx.last_seq;
  note_lag(g, r);
  if (r->phase.state == OPENING) {
    tfdc_sm_move(&r->phase, OPEN);
    g->n_open++;
    ingest_count(g, INGEST_N_RUNS_STARTED, NULL, 1);
  } else if (r->phase.state == COMMITTING) {
    if (r->ctx.revision == 1) r->closed_at = g->now;
    tfdc_sm_move(&r->phase, PUBLISHING);
    if (g->n_open > 0) g->n_open--;
    ingest_count(g, INGEST_N_RUNS_CLOSED, model_end_reason_name(r->ctx.end_reason), 1);
  }
}

void ingest_op_done(struct ingest *g, struct run *r, const struct ingest_event *e) {
  enum op op = r->op;
  bool failed = op_failed(g, r, e->rc);
  if (op == OP_PUT) {
    put_done(g, r, failed);
  } else if (op == OP_PUBLISH && !failed) {
    ingest_count(g, INGEST_N_COMPLETIONS, r->touched ? "first" : "recovery", 1);
    tfdc_sm_move(&r->phase, MARKING);
  } else if (op == OP_MARK && !failed) {
    r->ctx.published = true;
    r->have_end = r->close_now = false;
    r->late_deadline.us = TFDC_NEVER;
    tfdc_sm_move(&r->phase, CLOSED);
  }
}

/* ---- advancing ---- */

static void advance_open(struct ingest *g, struct run *r) {
  advance_cuts(g, r);
  if (r->dirty_seq > 0 && r->op == OP_NONE && !r->close_now) {
    tfdc_mono due = tfdc_mono_add(r->dirty_since, g->options.chunk_age);
    if (r->retry.us != TFDC_NEVER && r->retry.us > due.us) due = r->retry;
    if (due.us <= g->now.us || (g->draining && r->retry.us == TFDC_NEVER))
      start_put(g, r);
    else
      ingest_want(g, due);
  }
  if (g->draining && !r->close_now) return;
  bool late_over = r->ctx.reopened && r->late_deadline.us <= g->now.us;
  int64_t idle_left = r->idle_from + g->options.idle_close.us - g->reading_us;
  if (r->close_now || late_over || idle_left <= 0) {
    if (r->op != OP_NONE) return; /* a row on its way: afterwards */
    r->close_now = true;
    tfdc_sm_move(&r->phase, CLOSING);
    return;
  }
  ingest_want(g, r->late_deadline);
  if (g->reading) ingest_want(g, (tfdc_mono){g->now.us + idle_left});
}

/* One look at the phase; true when the next look may find more to do. */
static bool advance_once(struct ingest *g, struct run *r) {
  int phase = r->phase.state;
  bool waits = r->retry.us != TFDC_NEVER && r->retry.us > g->now.us;
  if (waits) ingest_want(g, r->retry);
  if (r->reload && (phase == OPEN || phase == CLOSED)) return reload(g, r);
  switch (phase) {
  case OPEN: advance_open(g, r); break;
  case CLOSING:
    advance_cuts(g, r);
    if (r->n_cuts == 0 && r->n_blocks == 0) tfdc_sm_move(&r->phase, LISTING);
    break;
  case CLOSED:
    if (r->close_now)
      tfdc_sm_move(&r->phase, CLOSING);
    else if (r->held != NULL)
      ingest_release_held(g, r);
    break;
  default:
    if (r->op != OP_NONE || waits) break;
    if (phase == LOADING || phase == LISTING)
      (void)start_op(g, r, OP_LOAD, INGEST_LOAD);
    else if (phase == OPENING && r->chamber->durable)
      start_put(g, r);
    else if (phase == COMMITTING)
      start_commit(g, r);
    else if (phase == PUBLISHING)
      start_publish(g, r);
    else if (phase == MARKING)
      (void)start_op(g, r, OP_MARK, INGEST_MARK);
    break;
  }
  return r->phase.state != phase;
}

static bool is_over(const struct ingest *g, const struct run *r) {
  if (r->op != OP_NONE || r->held != NULL) return false;
  if (r->phase.state == GONE) return true;
  if (r->attached && g->reading_us - r->idle_from <= LINGER_US) return false;
  return r->phase.state == CLOSED && g->now.us - r->closed_at.us > g->options.grace.us && r->n_blocks == 0 &&
         r->n_cuts == 0;
}

void ingest_advance(struct ingest *g, struct run *r) {
  while (advance_once(g, r)) continue;
  if (r->phase.state == OPEN && r->held != NULL && !r->close_now) {
    ingest_release_held(g, r);
    while (advance_once(g, r)) continue;
  }
  answer_hub(g, r);
  if (r->phase.state == CLOSED) {
    tfdc_mono over = tfdc_mono_add(r->closed_at, (tfdc_dur){g->options.grace.us + TFDC_US_PER_S});
    tfdc_mono quiet = tfdc_mono_add(g->now, (tfdc_dur){LINGER_US});
    ingest_want(g, over.us > g->now.us ? over : quiet);
  }
  if (is_over(g, r)) ingest_run_free(g, r);
}
