/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/grpc/ingest_block.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { ENDED_KEPT = 64 };

void ingest_dict_deinit(struct ingest_dict *d) {
  tfdc_arena_deinit(&d->mem);
  free(d->runs);
  *d = (struct ingest_dict){.chambers = NULL};
}

const struct ingest_svid *ingest_chamber_svid(const struct ingest_chamber *c, uint32_t number,
                                              const struct ingest_svid *after) {
  if (after != NULL && after + 1 < c->svids + c->n_svids && after[1].number == number) return after + 1;
  size_t lo = 0, hi = c->n_svids;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (c->svids[mid].number < number)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < c->n_svids && c->svids[lo].number == number ? &c->svids[lo] : NULL;
}

static int by_number(const void *a, const void *b) {
  const struct ingest_svid *x = a, *y = b;
  return x->number < y->number ? -1 : x->number > y->number;
}

static tfdc_rc take_chamber(struct ingest_dict *d, const struct model_chamber *from, struct ingest_chamber *to,
                            struct tfdc_error *err) {
  to->tool = tfdc_arena_strdup(&d->mem, from->key.tool);
  to->chamber = tfdc_arena_strdup(&d->mem, from->key.chamber);
  to->svids = tfdc_arena_array(&d->mem, from->n_svids + 1, sizeof *to->svids);
  if (to->tool == NULL || to->chamber == NULL || to->svids == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < from->n_svids; i++) {
    const struct model_svid *s = &from->svids[i];
    to->svids[i] = (struct ingest_svid){.number = s->number, .name_n = strlen(s->name)};
    to->svids[i].name = tfdc_arena_strndup(&d->mem, s->name, to->svids[i].name_n);
    if (to->svids[i].name == NULL) return TFDC_E_NOMEM;
  }
  to->n_svids = from->n_svids;
  qsort(to->svids, to->n_svids, sizeof *to->svids, by_number);
  for (size_t i = 1; i < to->n_svids; i++) {
    if (to->svids[i].number == to->svids[i - 1].number)
      return tfdc_fail(err, TFDC_E_MALFORMED, "SVID %u stands twice in the dictionary of %s:%s",
                       (unsigned)to->svids[i].number, to->tool, to->chamber);
  }
  return TFDC_OK;
}

static tfdc_rc check_chamber(const struct model_chamber *c, const struct ingest_limits *limits,
                             struct tfdc_error *err) {
  if (!tfdc_is_id(c->key.tool, strlen(c->key.tool)) || !tfdc_is_id(c->key.chamber, strlen(c->key.chamber)))
    return tfdc_fail(err, TFDC_E_BAD_ID, "tool or chamber of a dictionary: ids match [A-Za-z0-9_-]{1,64}");
  if (c->tool_type != NULL && !tfdc_is_text(c->tool_type, strlen(c->tool_type)))
    return tfdc_fail(err, TFDC_E_BAD_TEXT, "tool type of %s:%s", c->key.tool, c->key.chamber);
  if (c->n_svids > limits->max_svids)
    return tfdc_fail(err, TFDC_E_TOO_MANY_SVIDS, "%zu SVIDs in the dictionary of %s:%s, at most %zu", c->n_svids,
                     c->key.tool, c->key.chamber, limits->max_svids);
  for (size_t i = 0; i < c->n_svids; i++) {
    const struct model_svid *s = &c->svids[i];
    if (s->name[0] == '\0' || !tfdc_is_text(s->name, strlen(s->name)))
      return tfdc_fail(err, TFDC_E_BAD_TEXT, "name of SVID %u of %s:%s", (unsigned)s->number, c->key.tool,
                       c->key.chamber);
    if (s->unit != NULL && !tfdc_is_text(s->unit, strlen(s->unit)))
      return tfdc_fail(err, TFDC_E_BAD_TEXT, "unit of SVID %u of %s:%s", (unsigned)s->number, c->key.tool,
                       c->key.chamber);
  }
  return TFDC_OK;
}

tfdc_rc ingest_dict_hello(struct ingest_dict *d, const struct ingest_limits *limits, const struct model_hub_msg *hello,
                          struct tfdc_error *err) {
  if (hello->n_chambers > limits->max_chambers)
    return tfdc_fail(err, TFDC_E_LIMIT, "%zu chambers of one hub, at most %zu", hello->n_chambers,
                     limits->max_chambers);
  struct ingest_chamber *chambers = tfdc_arena_array(&d->mem, hello->n_chambers + 1, sizeof *chambers);
  if (chambers == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < hello->n_chambers; i++) {
    TFDC_TRY(check_chamber(&hello->chambers[i], limits, err));
    TFDC_TRY(take_chamber(d, &hello->chambers[i], &chambers[i], err));
  }
  d->chambers = chambers;
  d->n_chambers = hello->n_chambers;
  d->hello = true;
  d->historical = hello->historical;
  return TFDC_OK;
}

struct ingest_run *ingest_dict_run(struct ingest_dict *d, uint64_t run) {
  for (size_t i = d->n_runs; i > 0; i--) { /* the newest first: they are the busy ones */
    if (d->runs[i - 1].run == run) return &d->runs[i - 1];
  }
  return NULL;
}

static void forget(struct ingest_dict *d, struct ingest_run *r) {
  if (r->ended) d->n_ended--;
  size_t behind = d->n_runs - (size_t)(r - d->runs) - 1;
  memmove(r, r + 1, behind * sizeof *r);
  d->n_runs--;
}

/* Ended runs are kept for late samples and amendments, the oldest go first. */
static void end_run(struct ingest_dict *d, struct ingest_run *run) {
  if (!run->ended) d->n_ended++;
  run->ended = true;
  if (d->n_ended <= ENDED_KEPT) return;
  for (size_t i = 0; i < d->n_runs; i++) {
    if (!d->runs[i].ended) continue;
    forget(d, &d->runs[i]);
    return;
  }
}

static const struct ingest_chamber *find_chamber(const struct ingest_dict *d, struct model_key key) {
  for (size_t i = 0; i < d->n_chambers; i++) {
    if (strcmp(d->chambers[i].tool, key.tool) == 0 && strcmp(d->chambers[i].chamber, key.chamber) == 0)
      return &d->chambers[i];
  }
  return NULL;
}

tfdc_rc ingest_dict_start(struct ingest_dict *d, const struct ingest_limits *limits, uint64_t run, struct model_key key,
                          struct tfdc_error *err) {
  const struct ingest_chamber *c = find_chamber(d, key);
  if (c == NULL)
    return tfdc_fail(err, TFDC_E_RUN_UNKNOWN, "the hello has no dictionary of %s:%s", key.tool, key.chamber);
  struct ingest_run *r = ingest_dict_run(d, run);
  if (r == NULL) {
    if (d->n_runs - d->n_ended >= limits->max_runs)
      return tfdc_fail(err, TFDC_E_TOO_MANY_RUNS, "at most %zu open runs on one stream", limits->max_runs);
    if (d->n_runs == d->cap_runs) {
      size_t cap = d->cap_runs == 0 ? 16 : d->cap_runs * 2;
      struct ingest_run *bigger = realloc(d->runs, cap * sizeof *bigger);
      if (bigger == NULL) return TFDC_E_NOMEM;
      d->runs = bigger;
      d->cap_runs = cap;
    }
    r = &d->runs[d->n_runs++];
    r->ended = false;
  }
  if (r->ended) d->n_ended--;
  *r = (struct ingest_run){.run = run, .chamber = c};
  return TFDC_OK;
}

void ingest_dict_taken(struct ingest_dict *d, const struct model_hub_msg *m) {
  struct ingest_run *run = m->kind == MODEL_HUB_HELLO ? NULL : ingest_dict_run(d, m->run);
  if (run == NULL) return;
  if (m->kind == MODEL_HUB_RUN_START) run->start_due = true;
  if (m->seq > run->seen_seq) run->seen_seq = m->seq;
}

void ingest_dict_replied(struct ingest_dict *d, const struct model_hub_reply *r) {
  struct ingest_run *run = r->kind == MODEL_REPLY_HELLO ? NULL : ingest_dict_run(d, r->run);
  if (run == NULL) return;
  if (r->kind == MODEL_REPLY_RESUME) run->start_due = false;
  if (r->kind == MODEL_REPLY_REJECT && r->seq == 0) {
    forget(d, run);
    return;
  }
  /* An ack speaks for all before it. A reject speaks for its message only, but it is given in order, so when it is for
   * the newest message, what came before waits for its own ack below seen_seq. */
  if (r->kind == MODEL_REPLY_REJECT && r->seq == run->seen_seq) run->seen_seq--;
  if (r->kind != MODEL_REPLY_REJECT && r->seq > run->done_seq) run->done_seq = r->seq;
  if ((r->kind == MODEL_REPLY_ACK && r->end) || (r->kind == MODEL_REPLY_RESUME && r->closed)) end_run(d, run);
}

bool ingest_dict_due(const struct ingest_dict *d) {
  for (size_t i = 0; i < d->n_runs; i++) {
    if (d->runs[i].start_due || d->runs[i].seen_seq > d->runs[i].done_seq) return true;
  }
  return false;
}
