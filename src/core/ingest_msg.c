/* SPDX-License-Identifier: Apache-2.0
 * Messages of hubs. Every numbered message is either taken (and acked once it is durable), or rejected, or known
 * already. */
#include "core/ingest_priv.h"

#include "base/text.h"
#include "model/codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model_hub_reply *reply(struct ingest *g, uint64_t stream, uint64_t handle,
                                     enum model_hub_reply_kind kind) {
  struct ingest_action *a = ingest_act(g, INGEST_REPLY);
  a->stream = stream;
  a->reply = (struct model_hub_reply){.kind = kind, .run = handle};
  return &a->reply;
}

void ingest_reject(struct ingest *g, uint64_t stream, uint64_t handle, uint64_t seq, tfdc_rc code, const char *text) {
  ingest_count(g, INGEST_N_REJECTS, tfdc_rc_name(code), 1);
  struct model_hub_reply *a = reply(g, stream, handle, MODEL_REPLY_REJECT);
  a->seq = seq;
  a->code = code;
  a->text = text != NULL ? tfdc_arena_strdup(&g->step_mem, text) : NULL;
  if (a->text == NULL) a->text = tfdc_rc_text(code);
}

static struct tfdc_id128 handle_id(uint64_t stream, uint64_t handle) { return (struct tfdc_id128){stream, handle}; }

void ingest_detach(struct ingest *g, struct run *r) {
  if (r->attached) tfdc_map_remove(&g->by_handle, handle_id(r->stream, r->handle));
  r->attached = r->announce = false;
}

/* ---- run start ---- */

static tfdc_rc compare(const char *what, const char *ours, const char *theirs, struct tfdc_error *err) {
  if (ours == NULL || theirs == NULL || strcmp(ours, theirs) == 0) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_RUN_CONFLICT, "the run exists with %s %s, not %s", what, ours, theirs);
}

enum { DIGEST_TEXT = 17 };

static void digest_start(const struct model_context *c, char ret[DIGEST_TEXT]) {
  const char *const fields[] = {c->recipe_id, c->lot_id, c->substrate_id, c->product};
  uint64_t h = 0;
  for (size_t i = 0; i < TFDC_COUNT(fields); i++) {
    const char *text = fields[i] != NULL ? fields[i] : "";
    uint64_t both[] = {h, tfdc_xxh3_64(text, strlen(text))};
    h = tfdc_xxh3_64(both, sizeof both);
  }
  (void)snprintf(ret, DIGEST_TEXT, "%016llx", (unsigned long long)h);
}

/* Who the same run id and start stand for; what one side does not know does not contradict the other. A hub that comes
 * back says what it said first, while amendments may have changed the row. */
tfdc_rc ingest_compare(const struct model_context *ours, const struct model_context *theirs, struct tfdc_error *err) {
  char digest[DIGEST_TEXT];
  digest_start(theirs, digest);
  const char *first = theirs->start_digest != NULL ? theirs->start_digest : digest;
  if (ours->start_digest != NULL && strcmp(ours->start_digest, first) == 0) return TFDC_OK;
  TFDC_TRY(compare("recipe", ours->recipe_id, theirs->recipe_id, err));
  TFDC_TRY(compare("lot", ours->lot_id, theirs->lot_id, err));
  TFDC_TRY(compare("wafer", ours->substrate_id, theirs->substrate_id, err));
  return compare("product", ours->product, theirs->product, err);
}

static bool attach(struct ingest *g, struct run *r, uint64_t stream, uint64_t handle) {
  struct run *before = tfdc_map_get(&g->by_handle, handle_id(stream, handle));
  if (before != NULL && before != r) ingest_detach(g, before);
  ingest_detach(g, r);
  if (tfdc_map_put(&g->by_handle, handle_id(stream, handle), r) != TFDC_OK) return false;
  r->attached = r->announce = r->touched = true;
  r->stream = stream;
  r->handle = handle;
  r->idle_from = g->reading_us;
  return true;
}

/* What a hub says of the process counts; what collectors keep begins here. */
static tfdc_rc begin(struct run *r, const struct model_context *given, struct chamber *chamber, bool historical) {
  char digest[DIGEST_TEXT];
  digest_start(given, digest);
  struct model_context *c = &r->ctx;
  struct model_context said = *given;
  said.context_id = model_context_id(given->key, given->run_id, given->start_us);
  said.tool_type = chamber->record.tool_type;
  said.historical = historical;
  said.state = MODEL_CONTEXT_OPEN;
  said.end_us = said.received_us = said.order_us = MODEL_NO_TIME;
  said.end_reason = MODEL_END_NONE;
  said.order_clock = said.published = said.reopened = false;
  said.revision = said.chunk_count = 0;
  said.chunk_digest = said.points = said.last_seq = said.seen_seq = said.missing_blocks = said.rejected_blocks = 0;
  said.reject_code = NULL;
  said.start_digest = digest;
  said.n_steps = said.n_events = 0;
  TFDC_TRY(model_context_copy(&said, &r->mem, c));
  c->steps = r->steps;
  c->events = r->events;
  return TFDC_OK;
}

static void run_start(struct ingest *g, const struct model_hub_msg *msg, uint64_t stream, bool historical) {
  const struct model_context *given = msg->context;
  struct tfdc_error err = {0};
  tfdc_rc rc = model_context_validate(given, &err);
  struct chamber *chamber = rc == TFDC_OK ? tfdc_map_get(&g->chambers, ingest_key_id(given->key)) : NULL;
  if (rc == TFDC_OK && chamber == NULL)
    rc = tfdc_fail(&err, TFDC_E_NOT_FOUND, "chamber %s:%s was not in the hello", given->key.tool, given->key.chamber);
  if (rc != TFDC_OK) {
    ingest_reject(g, stream, msg->run, 0, rc, err.msg);
    return;
  }
  struct tfdc_id128 id = model_context_id(given->key, given->run_id, given->start_us);
  struct run *r = tfdc_map_get(&g->by_id, id);
  bool fresh = r == NULL;
  if (!fresh && r->ctx.run_id != NULL) rc = ingest_compare(&r->ctx, given, &err);
  if (rc != TFDC_OK) {
    ingest_reject(g, stream, msg->run, 0, rc, err.msg);
    return;
  }
  if (fresh) r = ingest_run_create(g, id);
  if (r == NULL) {
    ingest_reject(g, stream, msg->run, 0, TFDC_E_TOO_MANY_RUNS, NULL);
    return;
  }
  if (r->ctx.run_id == NULL) /* new, or adopted and not loaded yet: what the hub says serves until the row is read */
    rc = begin(r, given, chamber, historical);
  if (rc != TFDC_OK || !attach(g, r, stream, msg->run)) {
    ingest_reject(g, stream, msg->run, 0, TFDC_E_NOMEM, NULL);
    if (fresh) ingest_run_free(g, r);
    return;
  }
  r->chamber = chamber;
  r->reload = !fresh;
  ingest_advance(g, r);
}

/* ---- blocks ---- */

static size_t svid_index(const struct chamber *c, uint32_t number) {
  size_t lo = 0, n = c->record.n_svids;
  while (n > 0) {
    size_t half = n / 2;
    if (c->numbers[lo + half] < number) {
      lo += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return lo < c->record.n_svids && c->numbers[lo] == number ? lo : SIZE_MAX;
}

static bool know_times(struct run *r) {
  if (r->last_us != NULL) return true;
  size_t n = r->chamber->record.n_svids;
  r->last_us = malloc((n + 1) * sizeof *r->last_us);
  if (r->last_us == NULL) return false;
  for (size_t i = 0; i < n; i++) r->last_us[i] = INT64_MIN;
  return true;
}

/* Whether every column belongs to the dictionary and goes on in time; nothing changes unless all do. */
static tfdc_rc check_columns(struct run *r, const struct model_block *b, struct tfdc_error *err) {
  for (size_t i = 0; i < b->n_columns; i++) {
    const struct model_column *c = &b->columns[i];
    size_t at = svid_index(r->chamber, c->svid);
    if (at == SIZE_MAX) return tfdc_fail(err, TFDC_E_UNKNOWN_SVID, "SVID %u is not in the dictionary", c->svid);
    if (c->n > 0 && c->t_us[0] <= r->last_us[at])
      return tfdc_fail(err, TFDC_E_TIME_BACKWARDS, "SVID %u (%s) at %lld us, the sample before at %lld us", c->svid,
                       c->name, (long long)c->t_us[0], (long long)r->last_us[at]);
  }
  return TFDC_OK;
}

static void note_times(struct run *r, const struct model_block *b) {
  for (size_t i = 0; i < b->n_columns; i++) {
    const struct model_column *c = &b->columns[i];
    if (c->n == 0) continue;
    int64_t last = c->t_us[c->n - 1];
    r->last_us[svid_index(r->chamber, c->svid)] = last;
    if (last > r->last_sample_us) r->last_sample_us = last;
  }
}

static bool have_block_room(struct run *r) {
  if (r->n_blocks < r->blocks_cap) return true;
  size_t cap = r->blocks_cap == 0 ? 16 : r->blocks_cap * 2;
  struct model_block **bigger = realloc(r->blocks, cap * sizeof *bigger);
  if (bigger == NULL) return false;
  r->blocks = bigger;
  r->blocks_cap = cap;
  return true;
}

static tfdc_rc take_block(struct ingest *g, struct run *r, const struct model_hub_msg *msg, struct tfdc_error *err) {
  struct model_block *b = msg->block;
  if (b == NULL) return tfdc_fail(err, msg->code, "%s", msg->text != NULL ? msg->text : tfdc_rc_text(msg->code));
  if (r->ctx.points + r->open_points + b->points > g->options.max_run_points)
    return tfdc_fail(err, TFDC_E_TOO_MANY_POINTS, "the run has more than %llu points",
                     (unsigned long long)g->options.max_run_points);
  if (!know_times(r) || !have_block_room(r)) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the block");
  TFDC_TRY(check_columns(r, b, err));
  note_times(r, b);
  if (r->n_blocks == 0) {
    r->open_first_seq = msg->seq;
    r->open_since = g->now;
  }
  model_block_ref(b);
  r->blocks[r->n_blocks++] = b;
  r->open_last_seq = msg->seq;
  r->open_points += b->points;
  r->open_bytes += b->bytes;
  g->bytes += b->bytes;
  ingest_count(g, INGEST_N_BLOCKS, NULL, 1);
  ingest_count(g, INGEST_N_POINTS, NULL, (double)b->points);
  if (b->missing > 0) ingest_count(g, INGEST_N_MISSING, NULL, (double)b->missing);
  return TFDC_OK;
}

/* ---- steps, events, amendments, the end ---- */

static void mark_dirty(struct ingest *g, struct run *r, uint64_t seq) {
  if (r->dirty_seq != 0) return;
  r->dirty_seq = seq;
  r->dirty_since = g->now;
}

static struct model_step *open_step(struct run *r, const struct model_step *s) {
  for (size_t i = r->ctx.n_steps; i-- > 0;) {
    if (r->steps[i].end_us != MODEL_NO_TIME || r->steps[i].number != s->number) continue;
    if (strcmp(r->steps[i].name, s->name) == 0) return &r->steps[i];
  }
  return NULL;
}

/* After a crash the row may hold steps and events whose messages were not acked yet: they come a second time. */
static bool is_in_row(const struct run *r, const struct model_hub_msg *msg) {
  const struct model_event *v = msg->event;
  const struct model_step *s = msg->step;
  for (size_t i = 0; v != NULL && i < r->ctx.n_events; i++)
    if (r->events[i].time_us == v->time_us && strcmp(r->events[i].name, v->name) == 0) return true;
  if (v != NULL) return false;
  for (size_t i = 0; i < r->ctx.n_steps; i++) {
    const struct model_step *have = &r->steps[i];
    if (have->number != s->number || strcmp(have->name, s->name) != 0) continue;
    if (s->end_us != MODEL_NO_TIME ? have->end_us == s->end_us : have->start_us == s->start_us) return true;
  }
  return false;
}

static tfdc_rc room_for(void **array, size_t n, size_t *cap, size_t size) {
  if (n < *cap) return TFDC_OK;
  size_t more = *cap == 0 ? 16 : *cap * 2;
  void *bigger = realloc(*array, more * size);
  if (bigger == NULL) return TFDC_E_NOMEM;
  *array = bigger;
  *cap = more;
  return TFDC_OK;
}

static tfdc_rc take_step(struct ingest *g, struct run *r, const struct model_hub_msg *msg, struct tfdc_error *err) {
  const struct model_step *s = msg->step;
  if (msg->code != TFDC_OK) return tfdc_fail(err, msg->code, "%s", msg->text ? msg->text : tfdc_rc_text(msg->code));
  if (is_in_row(r, msg)) return TFDC_OK;
  if (r->ctx.n_steps + r->ctx.n_events >= g->options.max_steps)
    return tfdc_fail(err, TFDC_E_TOO_MANY_STEPS, "the run has %u steps and events", g->options.max_steps);
  if (msg->event != NULL) {
    void *array = r->events;
    TFDC_TRY(room_for(&array, r->ctx.n_events, &r->events_cap, sizeof *r->events));
    r->events = array;
    const char *name = tfdc_arena_strdup(&r->mem, msg->event->name);
    if (name == NULL) return TFDC_E_NOMEM;
    r->events[r->ctx.n_events++] = (struct model_event){name, msg->event->time_us};
    r->ctx.events = r->events;
  } else if (s->end_us != MODEL_NO_TIME) {
    struct model_step *open = open_step(r, s);
    if (open == NULL) return tfdc_fail(err, TFDC_E_MALFORMED, "end of step %s, which is not open", s->name);
    if (s->end_us < open->start_us)
      return tfdc_fail(err, TFDC_E_TIME_BACKWARDS, "step %s ends before it starts", s->name);
    open->end_us = s->end_us;
  } else {
    if (r->ctx.n_steps > 0 && s->start_us < r->steps[r->ctx.n_steps - 1].start_us)
      return tfdc_fail(err, TFDC_E_TIME_BACKWARDS, "step %s starts before the step before it", s->name);
    void *array = r->steps;
    TFDC_TRY(room_for(&array, r->ctx.n_steps, &r->steps_cap, sizeof *r->steps));
    r->steps = array;
    struct model_step fresh = {.number = s->number, .occurrence = 1, .start_us = s->start_us, .end_us = MODEL_NO_TIME};
    for (size_t i = 0; i < r->ctx.n_steps; i++) fresh.occurrence += strcmp(r->steps[i].name, s->name) == 0;
    fresh.name = tfdc_arena_strdup(&r->mem, s->name);
    if (fresh.name == NULL) return TFDC_E_NOMEM;
    r->steps[r->ctx.n_steps++] = fresh;
    r->ctx.steps = r->steps;
  }
  mark_dirty(g, r, msg->seq);
  return TFDC_OK;
}

static tfdc_rc take_amendment(struct ingest *g, struct run *r, const struct model_hub_msg *msg,
                              struct tfdc_error *err) {
  if (msg->code != TFDC_OK) return tfdc_fail(err, msg->code, "%s", msg->text ? msg->text : tfdc_rc_text(msg->code));
  struct model_context merged = r->ctx;
  TFDC_TRY(model_context_amend(&merged, msg->context, &r->mem));
  r->ctx = merged;
  mark_dirty(g, r, msg->seq);
  if (r->ctx.revision > 0) r->close_now = true;
  return TFDC_OK;
}

static tfdc_rc take_end(struct run *r, const struct model_hub_msg *msg, struct tfdc_error *err) {
  if (msg->end_us != MODEL_NO_TIME && msg->end_us < r->ctx.start_us)
    return tfdc_fail(err, TFDC_E_TIME_BACKWARDS, "the run ends before it starts");
  r->have_end = r->close_now = true;
  r->end_seq = msg->seq;
  r->end_us = msg->end_us;
  r->end_reason = msg->end_reason == MODEL_END_NONE ? MODEL_END_COMPLETE : msg->end_reason;
  return TFDC_OK;
}

/* ---- numbered messages ---- */

static bool takes_now(const struct run *r) {
  return (r->phase.state == OPEN || r->phase.state == CLOSED) && !r->reload;
}

static void hold(struct ingest *g, struct run *r, const struct model_hub_msg *msg, bool historical) {
  struct held *h = calloc(1, sizeof *h);
  TFDC_ASSERT(h != NULL); /* as in ingest_act: a message in hand cannot be given back */
  h->msg = *msg;
  h->historical = historical;
  bool ok = true;
  if (msg->step != NULL) {
    struct model_step *s = tfdc_arena_alloc(&h->mem, sizeof *s);
    char *name = tfdc_arena_strdup(&h->mem, msg->step->name);
    ok = s != NULL && name != NULL;
    if (ok) *s = *msg->step, s->name = name;
    h->msg.step = s;
  }
  if (msg->event != NULL) {
    struct model_event *v = tfdc_arena_alloc(&h->mem, sizeof *v);
    char *name = tfdc_arena_strdup(&h->mem, msg->event->name);
    ok = ok && v != NULL && name != NULL;
    if (v != NULL) *v = (struct model_event){name, msg->event->time_us};
    h->msg.event = v;
  }
  if (msg->context != NULL) {
    struct model_context *c = tfdc_arena_alloc(&h->mem, sizeof *c);
    ok = ok && c != NULL && model_context_copy(msg->context, &h->mem, c) == TFDC_OK;
    h->msg.context = c;
  }
  if (msg->text != NULL) h->msg.text = tfdc_arena_strdup(&h->mem, msg->text);
  TFDC_ASSERT(ok);
  if (msg->block != NULL) g->bytes += msg->block->bytes; /* its reference passes to the held message */
  if (r->held_tail != NULL)
    r->held_tail->next = h;
  else
    r->held = h;
  r->held_tail = h;
}

/* A closed run: within the grace period samples re-open it; a repeated end is only acked again. */
static tfdc_rc reopen(struct ingest *g, struct run *r, const struct model_hub_msg *msg, struct tfdc_error *err) {
  if (g->now.us - r->closed_at.us > g->options.grace.us)
    return tfdc_fail(err, TFDC_E_TOO_LATE, "the run was closed more than %lld s ago",
                     (long long)(g->options.grace.us / TFDC_US_PER_S));
  tfdc_sm_move(&r->phase, OPEN);
  g->n_open++;
  r->ctx.state = MODEL_CONTEXT_OPEN;
  r->ctx.reopened = true;
  mark_dirty(g, r, msg->seq);
  ingest_count(g, INGEST_N_REOPENED, msg->kind == MODEL_HUB_AMEND ? "amended" : "late", 1);
  return TFDC_OK;
}

static tfdc_rc take(struct ingest *g, struct run *r, const struct model_hub_msg *msg, struct tfdc_error *err) {
  if (r->phase.state == CLOSED) TFDC_TRY(reopen(g, r, msg, err));
  if (r->ctx.reopened) r->late_deadline = tfdc_mono_add(g->now, g->options.late_close);
  switch (msg->kind) {
  case MODEL_HUB_BLOCK: return take_block(g, r, msg, err);
  case MODEL_HUB_STEP: return take_step(g, r, msg, err);
  case MODEL_HUB_AMEND: return take_amendment(g, r, msg, err);
  case MODEL_HUB_RUN_END: return take_end(r, msg, err);
  default: return tfdc_fail(err, TFDC_E_USAGE, "unexpected message");
  }
}

static void note_reject(struct ingest *g, struct run *r, const struct model_hub_msg *msg, tfdc_rc rc,
                        const char *text) {
  if (r->attached) ingest_reject(g, r->stream, r->handle, msg->seq, rc, text);
  if (rc == TFDC_E_TOO_LATE) return; /* the row of a run that stays closed is not written again */
  r->ctx.rejected_blocks++;
  r->ctx.reject_code = tfdc_rc_name(rc);
  mark_dirty(g, r, msg->seq);
}

static void ack_again(struct ingest *g, struct run *r) {
  if (!r->attached) return;
  struct model_hub_reply *a = reply(g, r->stream, r->handle, MODEL_REPLY_ACK);
  a->seq = r->acked = ingest_durable(r);
  a->end = r->told_closed = r->phase.state == CLOSED;
}

static void numbered(struct ingest *g, struct run *r, const struct model_hub_msg *msg) {
  struct tfdc_error err = {0};
  r->touched = true;
  r->idle_from = g->reading_us;
  if (msg->seq <= r->last_recv && msg->seq != 0) {
    ingest_count(g, INGEST_N_DUPLICATES, NULL, 1);
    ack_again(g, r);
    return;
  }
  tfdc_rc rc = msg->seq == 0 ? tfdc_fail(&err, TFDC_E_SEQ, "sequence number 0") : take(g, r, msg, &err);
  if (rc != TFDC_OK) note_reject(g, r, msg, rc, err.msg[0] != '\0' ? err.msg : NULL);
  if (msg->seq == 0) return;
  r->ctx.missing_blocks += msg->seq - r->last_recv - 1;
  r->last_recv = msg->seq;
  if (rc == TFDC_E_TOO_LATE && msg->seq > r->ctx.last_seq) r->ctx.last_seq = r->stored_seq = msg->seq;
}

void ingest_release_held(struct ingest *g, struct run *r) {
  while (r->held != NULL && takes_now(r)) {
    struct held *h = r->held;
    r->held = h->next;
    if (r->held == NULL) r->held_tail = NULL;
    if (h->msg.block != NULL) g->bytes -= h->msg.block->bytes;
    numbered(g, r, &h->msg);
    model_block_unref(h->msg.block);
    tfdc_arena_deinit(&h->mem);
    free(h);
    if (r->close_now) break; /* the rest is late: it waits for the close */
  }
}

void ingest_message(struct ingest *g, const struct model_hub_msg *msg, uint64_t stream, bool historical) {
  ingest_count(g, INGEST_N_BYTES, NULL, (double)msg->bytes);
  if (msg->kind == MODEL_HUB_RUN_START) {
    run_start(g, msg, stream, historical);
    return;
  }
  struct run *r = tfdc_map_get(&g->by_handle, handle_id(stream, msg->run));
  if (r == NULL) {
    ingest_reject(g, stream, msg->run, msg->seq, TFDC_E_RUN_UNKNOWN, NULL);
    model_block_unref(msg->block);
    return;
  }
  if (!takes_now(r) || r->held != NULL || r->close_now) {
    hold(g, r, msg, historical);
    return;
  }
  numbered(g, r, msg);
  model_block_unref(msg->block);
  ingest_advance(g, r);
}
