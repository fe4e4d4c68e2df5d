/* SPDX-License-Identifier: Apache-2.0
 * Events, tickets and time of the ingest machine. */
#include "core/ingest_priv.h"

#include "model/codec.h"

#include <stdlib.h>
#include <string.h>

/* Tickets of chambers have this bit; the rest is the chamber's key id. Tickets of runs are slot and part: part 0 is the
 * operation on the row, the others are cuts. A run with something in flight is never freed. */
#define CHAMBER_TICKET (UINT64_C(1) << 63)
enum { PART_BITS = 8, SLOT_BITS = 20, TICK_GRAIN_US = 5000 };

static const struct tfdc_sm_state phases[N_PHASES] = {
    [LOADING] = {"LOADING", TFDC_SM_TO(OPENING) | TFDC_SM_TO(OPEN) | TFDC_SM_TO(CLOSED) | TFDC_SM_TO(GONE)},
    [OPENING] = {"OPENING", TFDC_SM_TO(OPEN)},
    [OPEN] = {"OPEN", TFDC_SM_TO(CLOSING) | TFDC_SM_TO(LOADING)},
    [CLOSING] = {"CLOSING", TFDC_SM_TO(LISTING)},
    [LISTING] = {"LISTING", TFDC_SM_TO(COMMITTING) | TFDC_SM_TO(OPEN) | TFDC_SM_TO(CLOSED)},
    [COMMITTING] = {"COMMITTING", TFDC_SM_TO(PUBLISHING)},
    [PUBLISHING] = {"PUBLISHING", TFDC_SM_TO(MARKING)},
    [MARKING] = {"MARKING", TFDC_SM_TO(CLOSED)},
    [CLOSED] = {"CLOSED", TFDC_SM_TO(OPEN) | TFDC_SM_TO(CLOSING) | TFDC_SM_TO(PUBLISHING) | TFDC_SM_TO(GONE) |
                              TFDC_SM_TO(LOADING)},
    [GONE] = {"GONE", 0},
};

void ingest_options_default(struct ingest_options *o) {
  *o = (struct ingest_options){
      .chunk_bytes = 65536,
      .chunk_age = tfdc_seconds(30),
      .idle_close = tfdc_seconds(300),
      .grace = tfdc_seconds(600),
      .late_close = tfdc_seconds(1),
      .max_run_points = 20000000,
      .max_steps = 10000,
      .memory_pressure = (size_t)256 << 20,
  };
}

tfdc_rc ingest_create(const struct ingest_options *options, struct ingest **ret) {
  struct ingest *g = calloc(1, sizeof *g);
  if (g == NULL) return TFDC_E_NOMEM;
  g->options = *options;
  g->deadline.us = TFDC_NEVER;
  g->reading = true;
  g->bytes_per_point = 2.0;
  *ret = g;
  return TFDC_OK;
}

void ingest_destroy(struct ingest *g) {
  if (g == NULL) return;
  for (size_t i = 0; i < g->n_slots; i++)
    if (g->slots[i] != NULL) ingest_run_free(g, g->slots[i]);
  size_t at = 0;
  for (struct chamber *c = tfdc_map_next(&g->chambers, &at); c != NULL; c = tfdc_map_next(&g->chambers, &at)) {
    tfdc_arena_deinit(&c->mem);
    free(c);
  }
  tfdc_map_deinit(&g->by_id);
  tfdc_map_deinit(&g->by_handle);
  tfdc_map_deinit(&g->chambers);
  tfdc_arena_deinit(&g->step_mem);
  free(g->slots);
  free(g->actions);
  free(g);
}

const struct ingest_action *ingest_actions(const struct ingest *g, size_t *ret_n) {
  *ret_n = g->n_actions;
  return g->actions;
}

tfdc_mono ingest_deadline(const struct ingest *g) { return g->deadline; }
size_t ingest_bytes(const struct ingest *g) { return g->bytes; }
size_t ingest_open_runs(const struct ingest *g) { return g->n_open; }

/* The list of actions grows before anything is decided, so that deciding cannot fail: an action that finds no memory
 * would be a promise broken in silence. Out of memory here ends the process; nothing acked is lost by that. */
struct ingest_action *ingest_act(struct ingest *g, enum ingest_action_kind kind) {
  if (g->n_actions == g->actions_cap) {
    size_t cap = g->actions_cap == 0 ? 64 : g->actions_cap * 2;
    struct ingest_action *bigger = realloc(g->actions, cap * sizeof *bigger);
    TFDC_ASSERT(bigger != NULL);
    g->actions = bigger;
    g->actions_cap = cap;
  }
  struct ingest_action *a = &g->actions[g->n_actions++];
  *a = (struct ingest_action){.kind = kind};
  return a;
}

void ingest_count(struct ingest *g, enum ingest_count count, const char *label, double by) {
  struct ingest_action *a = ingest_act(g, INGEST_COUNT);
  a->count = count;
  a->label = label;
  a->by = by;
}

void ingest_want(struct ingest *g, tfdc_mono at) {
  if (at.us == TFDC_NEVER) return;
  if (at.us < g->now.us + TICK_GRAIN_US) at.us = g->now.us + TICK_GRAIN_US;
  if (at.us < g->deadline.us) g->deadline = at;
}

tfdc_mono ingest_backoff(struct ingest *g, uint32_t failures) {
  int64_t wait = INT64_C(50000) << (failures > 6 ? 6 : failures);
  return (tfdc_mono){g->now.us + wait};
}

struct tfdc_id128 ingest_key_id(struct model_key key) {
  char text[2 * 65 + 1];
  size_t tool = strlen(key.tool), chamber = strlen(key.chamber);
  TFDC_ASSERT(tool <= 64 && chamber <= 64);
  memcpy(text, key.tool, tool);
  text[tool] = ':';
  memcpy(text + tool + 1, key.chamber, chamber);
  struct tfdc_id128 id = tfdc_xxh3_128(text, tool + 1 + chamber);
  id.lo &= ~CHAMBER_TICKET;
  return id;
}

/* ---- runs ---- */

uint64_t ingest_ticket(const struct run *r, uint32_t part) { return ((uint64_t)r->slot << PART_BITS) | part; }

static struct run *run_of_ticket(const struct ingest *g, uint64_t ticket) {
  size_t slot = (size_t)(ticket >> PART_BITS) & ((1u << SLOT_BITS) - 1);
  return slot < g->n_slots ? g->slots[slot] : NULL;
}

static bool free_slot(struct ingest *g, uint32_t *ret) {
  for (size_t i = 0; i < g->n_slots; i++) {
    if (g->slots[i] != NULL) continue;
    *ret = (uint32_t)i;
    return true;
  }
  if (g->n_slots == MAX_SLOTS) return false;
  size_t more = g->n_slots == 0 ? 64 : g->n_slots;
  struct run **bigger = realloc(g->slots, (g->n_slots + more) * sizeof(struct run *));
  if (bigger == NULL) return false;
  memset(bigger + g->n_slots, 0, more * sizeof(struct run *));
  g->slots = bigger;
  *ret = (uint32_t)g->n_slots;
  g->n_slots += more;
  return true;
}

struct run *ingest_run_create(struct ingest *g, struct tfdc_id128 id) {
  struct run *r = calloc(1, sizeof *r);
  uint32_t slot;
  if (r == NULL || !free_slot(g, &slot) || tfdc_map_put(&g->by_id, id, r) != TFDC_OK) {
    free(r);
    return NULL;
  }
  tfdc_sm_init(&r->phase, phases, N_PHASES, LOADING);
  r->slot = slot;
  r->ctx.context_id = id;
  r->last_sample_us = MODEL_NO_TIME;
  r->retry = r->late_deadline = (tfdc_mono){TFDC_NEVER};
  r->idle_from = g->reading_us;
  g->slots[slot] = r;
  return r;
}

static void drop_cut(struct ingest *g, struct cut *c) {
  for (size_t i = 0; i < c->n_blocks; i++) model_block_unref(c->blocks[i]);
  free(c->blocks);
  g->bytes -= c->bytes;
  *c = (struct cut){0};
}

void ingest_drop_samples(struct ingest *g, struct run *r) {
  for (size_t i = 0; i < r->n_cuts; i++) drop_cut(g, &r->cuts[i]);
  for (size_t i = 0; i < r->n_blocks; i++) model_block_unref(r->blocks[i]);
  g->bytes -= r->open_bytes;
  r->n_cuts = r->n_blocks = r->open_bytes = 0;
  r->open_points = 0;
  while (r->held != NULL) {
    struct held *h = r->held;
    r->held = h->next;
    if (h->msg.block != NULL) g->bytes -= h->msg.block->bytes;
    model_block_unref(h->msg.block);
    tfdc_arena_deinit(&h->mem);
    free(h);
  }
  r->held_tail = NULL;
}

void ingest_run_free(struct ingest *g, struct run *r) {
  ingest_detach(g, r);
  tfdc_map_remove(&g->by_id, r->ctx.context_id);
  g->slots[r->slot] = NULL;
  ingest_drop_samples(g, r);
  free(r->blocks);
  free(r->chunks);
  free(r->steps);
  free(r->events);
  free(r->last_us);
  tfdc_arena_deinit(&r->mem);
  free(r);
}

/* ---- chambers ---- */

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static bool same_dictionary(const struct model_chamber *a, const struct model_chamber *b) {
  if (a->n_svids != b->n_svids || strcmp(a->tool_type ? a->tool_type : "", b->tool_type ? b->tool_type : "") != 0)
    return false;
  for (size_t i = 0; i < a->n_svids; i++) {
    const struct model_svid *x = &a->svids[i], *y = &b->svids[i];
    if (x->number != y->number || strcmp(x->name, y->name) != 0 || x->rate_hz != y->rate_hz) return false;
    if (strcmp(x->unit ? x->unit : "", y->unit ? y->unit : "") != 0 || x->resolution != y->resolution) return false;
  }
  return true;
}

static void put_chamber(struct ingest *g, struct chamber *c) {
  c->ticket = CHAMBER_TICKET | ingest_key_id(c->record.key).lo;
  c->retry.us = TFDC_NEVER;
  struct ingest_action *a = ingest_act(g, INGEST_PUT_CHAMBER);
  a->ticket = c->ticket;
  a->chamber = &c->record;
}

/* Runs of this chamber that are in memory index their last times by the dictionary: a longer one keeps the old order
 * only if it begins with it, so the times start anew and only the judge sees a step back. */
static void forget_times(struct ingest *g, const struct chamber *c) {
  for (size_t i = 0; i < g->n_slots; i++) {
    struct run *r = g->slots[i];
    if (r == NULL || r->chamber != c) continue;
    free(r->last_us);
    r->last_us = NULL;
  }
}

static void chamber_event(struct ingest *g, const struct model_chamber *given) {
  struct tfdc_id128 id = ingest_key_id(given->key);
  struct chamber *c = tfdc_map_get(&g->chambers, id);
  if (c != NULL && same_dictionary(&c->record, given)) return;
  struct tfdc_arena mem = {0};
  struct model_chamber copy;
  bool fresh = c == NULL;
  if (fresh) c = calloc(1, sizeof *c);
  uint32_t *numbers = tfdc_arena_array(&mem, given->n_svids, sizeof *numbers);
  bool ok = c != NULL && numbers != NULL && model_chamber_copy(given, &mem, &copy) == TFDC_OK;
  if (ok && fresh) ok = tfdc_map_put(&g->chambers, id, c) == TFDC_OK;
  if (!ok) {
    tfdc_arena_deinit(&mem);
    if (fresh) free(c);
    return; /* its runs are rejected: not in the hello */
  }
  for (size_t i = 0; i < copy.n_svids; i++) numbers[i] = copy.svids[i].number;
  qsort(numbers, copy.n_svids, sizeof *numbers, by_number);
  tfdc_arena_deinit(&c->mem);
  c->mem = mem;
  c->numbers = numbers;
  c->record = copy;
  c->record.seen_us = g->wall.us;
  c->durable = false;
  forget_times(g, c);
  if (c->ticket == 0)
    put_chamber(g, c);
  else
    c->stale = true;
}

static void chamber_done(struct ingest *g, const struct ingest_event *e) {
  size_t at = 0;
  for (struct chamber *c = tfdc_map_next(&g->chambers, &at); c != NULL; c = tfdc_map_next(&g->chambers, &at)) {
    if (c->ticket != e->ticket) continue;
    c->ticket = 0;
    if (c->stale) {
      c->stale = false;
      put_chamber(g, c);
      return;
    }
    c->durable = e->rc == TFDC_OK;
    if (!c->durable) c->retry = ingest_backoff(g, 3);
    ingest_want(g, c->retry);
    for (size_t i = 0; c->durable && i < g->n_slots; i++)
      if (g->slots[i] != NULL && g->slots[i]->chamber == c) ingest_advance(g, g->slots[i]);
    return;
  }
}

/* ---- events ---- */

static void adopt(struct ingest *g, const struct model_context *context) {
  if (tfdc_map_get(&g->by_id, context->context_id) != NULL) return;
  struct run *r = ingest_run_create(g, context->context_id);
  if (r == NULL) return; /* the sweep of the next start finds it again */
  r->ctx.key = context->key;
  ingest_advance(g, r);
}

static void done_event(struct ingest *g, const struct ingest_event *e) {
  if ((e->ticket & CHAMBER_TICKET) != 0) {
    chamber_done(g, e);
    return;
  }
  struct run *r = run_of_ticket(g, e->ticket);
  TFDC_ASSERT(r != NULL);
  uint32_t part = (uint32_t)e->ticket & ((1u << PART_BITS) - 1);
  if (part > 0) {
    for (size_t i = 0; i < r->n_cuts; i++) {
      if (r->cuts[i].part != part) continue;
      ingest_cut_done(g, r, &r->cuts[i], e);
      break;
    }
  } else if (r->op == OP_LOAD) {
    ingest_loaded(g, r, e);
  } else {
    ingest_op_done(g, r, e);
  }
  ingest_advance(g, r);
}

static void tick(struct ingest *g) {
  size_t at = 0;
  for (struct chamber *c = tfdc_map_next(&g->chambers, &at); c != NULL; c = tfdc_map_next(&g->chambers, &at)) {
    if (c->retry.us <= g->now.us && c->ticket == 0 && !c->durable) put_chamber(g, c);
    ingest_want(g, c->retry);
  }
  for (size_t i = 0; i < g->n_slots; i++)
    if (g->slots[i] != NULL) ingest_advance(g, g->slots[i]);
}

static void drain(struct ingest *g) {
  g->draining = true;
  tick(g);
}

static void stream_closed(struct ingest *g, uint64_t stream) {
  for (size_t i = 0; i < g->n_slots; i++)
    if (g->slots[i] != NULL && g->slots[i]->attached && g->slots[i]->stream == stream) ingest_detach(g, g->slots[i]);
}

static void move_clock(struct ingest *g, const struct ingest_event *e) {
  g->now = e->now;
  g->wall = e->wall;
  if (g->reading && g->reading_at.us != 0) g->reading_us += e->now.us - g->reading_at.us;
  g->reading_at = e->now;
}

/* A run whose chunk is under way goes on when that is done. */
static void relieve(struct ingest *g) {
  bool pressed = g->bytes > g->options.memory_pressure;
  for (size_t i = 0; pressed && !g->pressed && i < g->n_slots; i++)
    if (g->slots[i] != NULL && g->slots[i]->n_blocks > 0) ingest_advance(g, g->slots[i]);
  g->pressed = pressed;
}

void ingest_step(struct ingest *g, const struct ingest_event *e) {
  g->n_actions = 0;
  tfdc_arena_reset(&g->step_mem);
  move_clock(g, e);
  switch (e->kind) {
  case INGEST_CHAMBER: chamber_event(g, e->chamber); break;
  case INGEST_MESSAGE:
    if (e->msg->kind == MODEL_HUB_CLOSED)
      stream_closed(g, e->stream);
    else
      ingest_message(g, e->msg, e->stream, e->historical);
    relieve(g);
    break;
  case INGEST_ADOPT: adopt(g, e->context); break;
  case INGEST_DONE:
    done_event(g, e);
    relieve(g);
    break;
  case INGEST_TICK:
    g->deadline.us = TFDC_NEVER;
    tick(g);
    break;
  case INGEST_READING: g->reading = e->reading; break;
  case INGEST_DRAIN: drain(g); break;
  }
}

bool ingest_is_drained(const struct ingest *g) {
  for (size_t i = 0; i < g->n_slots; i++) {
    const struct run *r = g->slots[i];
    if (r == NULL) continue;
    if (r->n_blocks > 0 || r->n_cuts > 0 || r->op != OP_NONE || r->dirty_seq != 0) return false;
    if (r->phase.state != OPEN && r->phase.state != CLOSED) return false;
  }
  return true;
}
