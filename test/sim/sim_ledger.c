/* SPDX-License-Identifier: Apache-2.0
 * The ledger: what the watching taps see, and the rules that hold after every step. It reads the contents of the
 * adapters directly, never through the code under test. */
#include "sim/sim.h"

#include "core/chunk.h"
#include "model/codec.h"

#include <stdlib.h>
#include <string.h>

static void touch(struct sim *s, struct sim_run *r) {
  if (r == NULL) return;
  r->dirty = true;
  s->dirty = true;
}

static const char *name(const struct sim_run *r) { return r->plan.run_id; }

void sim_ledger_told(struct sim *s, struct sim_run *r, uint64_t seq, bool end) {
  if (seq > r->acked) r->acked = seq;
  if (end) r->end_acked = true;
  touch(s, r);
}

/* ---- chunks: each holds exactly what the plan says of its messages ---- */

static bool block_in(const struct sim_run *r, uint64_t seq) {
  return r->plan.msgs[seq - 1].kind == PLAN_BLOCK && (r->rejected >> seq & 1) == 0;
}

static bool same_series(const struct sim_run *r, const struct model_chunk *c, size_t svid,
                        const struct eq_series *got) {
  size_t at = 0;
  for (uint64_t seq = c->first_seq; seq <= c->last_seq; seq++) {
    const struct plan_msg *m = &r->plan.msgs[seq - 1];
    for (size_t i = 0; block_in(r, seq) && i < m->n; i++, at++) {
      if (at >= got->n || got->t_us[at] != plan_time(&r->plan, m->first + i)) return false;
      if (got->v[at] != plan_value(&r->plan, svid, m->first + i)) return false;
    }
  }
  return at == got->n;
}

static void check_chunk(struct sim *s, struct sim_run *r, const struct model_chunk *c) {
  static const char *const names[] = {"Press", "RfFwd"};
  struct chunk_names wanted = {names, PLAN_SVIDS};
  struct chunk_blob blob = {c->blob, c->blob_n, c->checksum};
  struct tfdc_arena mem = {.limit = (size_t)16 << 20};
  struct eq_series *series = NULL;
  size_t n = 0, same = 0;
  tfdc_rc rc = TFDC_E_RANGE;
  if (c->first_seq >= 1 && c->last_seq <= r->plan.n_msgs)
    rc = chunk_decode(&blob, 1, &wanted, (size_t)1 << 20, &mem, &series, &n, NULL);
  for (size_t i = 0; rc == TFDC_OK && i < n; i++)
    for (size_t k = 0; k < PLAN_SVIDS; k++)
      same += strcmp(series[i].name, names[k]) == 0 && same_series(r, c, k, &series[i]);
  if (same != PLAN_SVIDS)
    sim_break(s, SIM_ACKED, "%s: the chunk of %llu..%llu is not what was sent (%s)", name(r),
              (unsigned long long)c->first_seq, (unsigned long long)c->last_seq, tfdc_rc_name(rc));
  tfdc_arena_deinit(&mem);
}

static bool has_chunk(struct sim *s, const struct sim_run *r, uint64_t seq) {
  const struct mem_table *t = &sim_store(s)->chunks;
  struct mem_row probe = {.chunk = {.context_id = r->plan.id}};
  for (size_t i = mem_table_bound(t, &probe); i < t->n; i++) {
    const struct model_chunk *c = &t->rows[i]->chunk;
    if (!tfdc_id128_eq(c->context_id, r->plan.id)) return false;
    if (c->first_seq <= seq && seq <= c->last_seq) return true;
  }
  return false;
}

static bool digest_fits(const struct model_context *row, const struct model_chunk *const *chunks, size_t n) {
  uint64_t sums[SIM_CHUNKS];
  for (size_t i = 0; i < n; i++) sums[i] = chunks[i]->checksum;
  return n == row->chunk_count && model_chunk_digest(sums, n) == row->chunk_digest;
}

/* Tries all ways to leave out chunks that came after the close. */
static bool leave_out(const struct model_context *row, const struct model_chunk **chunks, size_t *n, size_t from) {
  if (digest_fits(row, chunks, *n)) return true;
  for (size_t i = from; i<*n && * n> row->chunk_count; i++) {
    const struct model_chunk *left_out = chunks[i];
    memmove(&chunks[i], &chunks[i + 1], (--*n - i) * sizeof(chunks[0]));
    if (leave_out(row, chunks, n, i)) return true;
    memmove(&chunks[i + 1], &chunks[i], ((*n)++ - i) * sizeof(chunks[0]));
    chunks[i] = left_out;
  }
  return false;
}

size_t sim_ledger_counted(struct sim *s, const struct model_context *row, const struct model_chunk **ret) {
  const struct mem_table *t = &sim_store(s)->chunks;
  struct mem_row probe = {.chunk = {.context_id = row->context_id}};
  size_t n = 0;
  for (size_t i = mem_table_bound(t, &probe); i < t->n && n < SIM_CHUNKS; i++) {
    const struct model_chunk *c = &t->rows[i]->chunk;
    if (!tfdc_id128_eq(c->context_id, row->context_id)) break;
    if (c->revision <= row->revision) ret[n++] = c;
  }
  return leave_out(row, ret, &n, 0) ? n : 0;
}

/* ---- what was acked is there ---- */

static bool has_step(const struct model_context *row, const char *step) {
  size_t n = 0;
  for (size_t i = 0; i < row->n_steps; i++) n += strcmp(row->steps[i].name, step) == 0;
  return n == 1;
}

/* Later amendments may be in the row already. */
static bool is_amended(const struct sim_run *r, const struct model_context *row, uint64_t seq) {
  const struct plan_msg *want = &r->plan.msgs[seq - 1];
  const char *have = want->recipe ? row->recipe_id : row->lot_id;
  for (uint64_t i = seq; i <= r->plan.n_msgs; i++) {
    const struct plan_msg *m = &r->plan.msgs[i - 1];
    if (m->kind == PLAN_AMEND && m->recipe == want->recipe && strcmp(have, m->text) == 0) return true;
  }
  return false;
}

static bool is_kept(struct sim *s, const struct sim_run *r, const struct model_context *row, uint64_t seq) {
  const struct plan_msg *m = &r->plan.msgs[seq - 1];
  switch (m->kind) {
  case PLAN_STEP: return row != NULL && has_step(row, m->text);
  case PLAN_BLOCK: return has_chunk(s, r, seq);
  case PLAN_AMEND: return row != NULL && is_amended(r, row, seq);
  default: return row != NULL && row->revision > 0 && row->end_us == r->plan.end_us;
  }
}

static void check_acked(struct sim *s, const struct sim_run *r, const struct model_context *row) {
  for (uint64_t seq = 1; seq <= r->acked; seq++) {
    if ((r->rejected >> seq & 1) != 0 || is_kept(s, r, row, seq)) continue;
    sim_break(s, SIM_ACKED, "%s: message %llu was acked and is not in the store", name(r), (unsigned long long)seq);
    return;
  }
  if (r->end_acked && (row == NULL || row->revision == 0))
    sim_break(s, SIM_ACKED, "%s: its end was acked, but the run is not closed", name(r));
}

static void check_published(struct sim *s, const struct sim_run *r, const struct model_context *row) {
  if (row == NULL || !row->published || (r->published >> row->revision & 1) != 0) return;
  sim_break(s, SIM_PUBLISHED, "%s: marked published, but no message of revision %u was ever stored", name(r),
            row->revision);
}

static struct tfdc_id128 content_of(const struct model_run_verdict *v) {
  uint32_t content[] = {(uint32_t)v->verdict, (uint32_t)v->reason, v->judged, v->charts};
  return tfdc_xxh3_128(content, sizeof content);
}

static void check_verdicts(struct sim *s, struct sim_run *r, const struct model_context *row) {
  const struct mem_table *t = &sim_store(s)->verdicts;
  struct mem_row probe = {.verdict = {.context_id = r->plan.id}};
  for (size_t i = mem_table_bound(t, &probe); i < t->n; i++) {
    const struct model_run_verdict *v = &t->rows[i]->verdict;
    if (!tfdc_id128_eq(v->context_id, r->plan.id)) return;
    if (row == NULL || v->revision == 0 || v->revision > row->revision || v->revision >= SIM_REVISIONS) {
      sim_break(s, SIM_ONE_VERDICT, "%s: a verdict of revision %u, which there is not", name(r), v->revision);
      return;
    }
    if (v->judgement > 1 || v->reason == MODEL_REASON_DEAD_LETTER) continue;
    struct tfdc_id128 content = content_of(v), *seen = &r->verdicts[v->revision];
    if (seen->hi == 0 && seen->lo == 0) *seen = content;
    if (tfdc_id128_eq(*seen, content)) continue;
    sim_break(s, SIM_ONE_VERDICT, "%s: the verdict of revision %u changed", name(r), v->revision);
  }
}

/* ---- jobs: what a defender does with a run ---- */

static struct sim_job *job_of(struct sim_process *p, const struct sim_run *r) {
  struct sim_job *job = p->jobs;
  while (job != NULL && job->run != r) job = job->next;
  return job;
}

static void end_job(struct sim_process *p, const struct sim_run *r) {
  struct sim_job **at = &p->jobs;
  while (*at != NULL && (*at)->run != r) at = &(*at)->next;
  struct sim_job *job = *at;
  if (job == NULL) return;
  *at = job->next;
  tfdc_arena_deinit(&job->mem);
  free(job);
}

void sim_ledger_drop_jobs(struct sim_process *p) {
  while (p->jobs != NULL) end_job(p, p->jobs->run);
}

/* J1. One run of a chamber at a time. */
static void begin_job(struct sim_process *p, struct sim_run *r) {
  struct sim *s = p->sim;
  struct sim_job *job = job_of(p, r);
  for (const struct sim_job *other = p->jobs; other != NULL; other = other->next)
    if (other->run != r && other->run->plan.chamber == r->plan.chamber)
      sim_break(s, SIM_ORDER, "%s is judged while %s of its chamber is", name(r), name(other->run));
  if (job == NULL) {
    job = calloc(1, sizeof *job);
    TFDC_ASSERT(job != NULL);
    job->run = r;
    sim_trace(s, r, "process %zu life %u begins", p->index, p->life);
    job->next = p->jobs;
    p->jobs = job;
    r->begun++;
  }
  const struct model_context *row = store_mem_context(sim_store(s), r->plan.id);
  tfdc_arena_reset(&job->mem);
  job->have_row = row != NULL;
  if (row != NULL) TFDC_ASSERT(model_context_copy(row, &job->mem, &job->row) == TFDC_OK);
}

/* ---- J7 ---- */

static const struct model_u_record *record_of(struct sim *s, const struct model_run_verdict *v, const char *strategy) {
  const struct mem_table *t = &sim_store(s)->u;
  for (size_t i = t->n; i-- > 0;) {
    const struct model_u_record *u = &t->rows[i]->u;
    if (tfdc_id128_eq(u->context_id, v->context_id) && u->revision == v->revision && u->judgement == v->judgement &&
        strcmp(u->chart_set, strategy) == 0)
      return u;
  }
  return NULL;
}

/* The worst of the judged charts; NOT_JUDGED where that would be OK but a chart has no value. */
static void check_sum(struct sim *s, struct sim_run *r, const struct model_run_verdict *v) {
  uint32_t charts = 0, judged = 0;
  enum model_verdict worst = MODEL_NOT_JUDGED;
  for (size_t k = 0; k < SIM_STRATEGIES; k++) {
    if (!sim_strategy_selects(k, &r->plan)) continue;
    const struct model_u_record *u = record_of(s, v, sim_strategy_id(k));
    if (u == NULL) {
      sim_break(s, SIM_RIGHT, "%s: a verdict without the points of %s", name(r), sim_strategy_id(k));
      return;
    }
    for (size_t i = 0; i < u->n_points; i++, charts++) {
      enum model_verdict one = u->points[i].verdict;
      if (one == MODEL_NOT_JUDGED) continue;
      judged++;
      if (worst == MODEL_NOT_JUDGED || one > worst) worst = one;
    }
  }
  if (worst == MODEL_OK && judged < charts) worst = MODEL_NOT_JUDGED;
  if (v->verdict != worst || v->judged != judged || v->charts != charts)
    sim_break(s, SIM_RIGHT, "%s: %s, %u of %u judged; its points say %s, %u of %u", name(r),
              model_verdict_name(v->verdict), v->judged, v->charts, model_verdict_name(worst), judged, charts);
}

static void check_verdict(struct sim_process *p, struct sim_run *r, const struct model_run_verdict *v) {
  struct sim *s = p->sim;
  const struct sim_job *job = job_of(p, r);
  if (v->reason == MODEL_REASON_DEAD_LETTER) {
    s->dead++;
    if (r->begun < 3 || !r->plan.poison)
      sim_break(s, SIM_RIGHT, "%s is a dead letter after %u attempts", name(r), r->begun);
    return;
  }
  check_sum(s, r, v);
  sim_alarms_look(s);
  for (size_t i = 0; job != NULL && i < job->n_alarms; i++) {
    const struct sim_alarm_due *due = &job->alarms[i];
    if (due->revision == v->revision && due->judgement == v->judgement && !sim_alarms_raised(s, r, due))
      sim_break(s, SIM_ALARMED, "%s: judged, but its alarm by %s was not published", name(r),
                sim_strategy_id(due->strategy));
  }
}

/* ---- what the watching taps see ---- */

static struct sim_run *run_of_store_req(struct sim *s, const struct store_req *q) {
  switch ((enum store_op)q->base.op) {
  case STORE_CONTEXT_PUT: return sim_run_of(s, q->context->context_id);
  case STORE_CHUNK_PUT: return sim_run_of(s, q->chunk->context_id);
  case STORE_U_PUT: return sim_run_of(s, q->u->context_id);
  case STORE_VERDICT_PUT: return sim_run_of(s, q->verdict->context_id);
  case STORE_CONTEXT_MARK_PUBLISHED:
  case STORE_CONTEXT_GET: return sim_run_of(s, q->id);
  default: return NULL;
  }
}

static void trace_store(struct sim_process *p, const struct sim_run *r, const struct store_req *q) {
  const struct model_context *c = q->base.op == STORE_CONTEXT_PUT ? q->context : NULL;
  const char *name_of_op = q->base.op == STORE_CONTEXT_PUT              ? "put row"
                           : q->base.op == STORE_CONTEXT_MARK_PUBLISHED ? "mark"
                           : q->base.op == STORE_CONTEXT_GET            ? "get row"
                           : q->base.op == STORE_CHUNK_PUT              ? "put chunk"
                           : q->base.op == STORE_U_PUT                  ? "put points"
                                                                        : "put verdict";
  if (c != NULL)
    sim_trace(p->sim, r, "process %zu: %s: %s revision %u seq %llu steps %zu chunks %u", p->index, name_of_op,
              model_context_state_name(c->state), c->revision, (unsigned long long)c->last_seq, c->n_steps,
              c->chunk_count);
  else if (q->base.op == STORE_CHUNK_PUT)
    sim_trace(p->sim, r, "process %zu: %s %llu..%llu of revision %u", p->index, name_of_op,
              (unsigned long long)q->chunk->first_seq, (unsigned long long)q->chunk->last_seq, q->chunk->revision);
  else if (q->base.op == STORE_U_PUT)
    sim_trace(p->sim, r, "process %zu: %s %s %s revision %u judgement %u late %d: %s %g", p->index, name_of_op,
              q->u->chart_set, q->u->partition, q->u->revision, q->u->judgement, q->u->late,
              model_verdict_name(q->u->points[0].verdict), q->u->points[0].value);
  else
    sim_trace(p->sim, r, "process %zu: %s", p->index, name_of_op);
}

static void store_taken(struct sim_process *p, const struct store_req *q) {
  struct sim *s = p->sim;
  struct sim_run *r = run_of_store_req(s, q);
  if (r == NULL) return;
  trace_store(p, r, q);
  if (q->base.op == STORE_CONTEXT_GET) {
    if (p->role == SIM_DEFENDER) begin_job(p, r);
    return;
  }
  if (q->base.rc != TFDC_OK) return;
  touch(s, r);
  if (q->base.op == STORE_CHUNK_PUT) check_chunk(s, r, q->chunk);
  if (q->base.op == STORE_U_PUT) sim_reference_check(p, job_of(p, r), q->u);
  if (q->base.op == STORE_VERDICT_PUT) check_verdict(p, r, q->verdict);
}

static void taken(struct tap *t, struct tap_call *c) {
  struct sim_line *l = t->user;
  if (c->req->kind == PORT_STORE) store_taken(l->process, (const struct store_req *)c->req);
}

static void *message_of(const struct sim_run *r, const struct sim *s, uint32_t revision) {
  return (void *)(((uintptr_t)(r - s->runs) + 1) * SIM_REVISIONS + revision);
}

static bool read_message(struct sim *s, const void *data, size_t n, struct sim_run **ret, struct model_completion *m) {
  struct tfdc_arena mem = {.limit = 1 << 20};
  bool ok = model_completion_from_json(data, n, &mem, m, NULL) == TFDC_OK;
  if (ok) *ret = sim_run_of(s, m->context_id);
  tfdc_arena_deinit(&mem);
  return ok && *ret != NULL;
}

static struct tfdc_id128 text_id(const char *text) { return tfdc_xxh3_128(text, strlen(text)); }

static void publishing(struct sim *s, const struct publish_req *q) {
  struct sim_run *r;
  struct model_completion m;
  if (!read_message(s, q->data, q->n, &r, &m) || tfdc_map_get(&s->by_msg_id, text_id(q->msg_id)) != NULL) return;
  TFDC_ASSERT(tfdc_map_put(&s->by_msg_id, text_id(q->msg_id), message_of(r, s, m.revision)) == TFDC_OK);
}

/* A duplicate is as good as stored if the first message under its id said the same. */
static void published(struct sim *s, const struct publish_req *q) {
  struct sim_run *r;
  struct model_completion m;
  if (q->base.rc != TFDC_OK || !read_message(s, q->data, q->n, &r, &m)) return;
  if (q->duplicate && tfdc_map_get(&s->by_msg_id, text_id(q->msg_id)) != message_of(r, s, m.revision)) return;
  r->published |= UINT32_C(1) << m.revision;
}

static void pulled(struct sim_process *p, const struct workqueue_req *q) {
  struct sim *s = p->sim;
  for (size_t i = 0; q->base.rc == TFDC_OK && i < q->n; i++) {
    const struct workqueue_msg *m = &q->msgs[i];
    struct sim_run *r;
    struct model_completion c;
    if (!read_message(s, m->data, m->n, &r, &c)) continue;
    if (m->token >= s->n_tokens) {
      size_t n = (size_t)m->token * 2 + 16;
      struct sim_token *bigger = realloc(s->tokens, n * sizeof *bigger);
      TFDC_ASSERT(bigger != NULL);
      memset(bigger + s->n_tokens, 0, (n - s->n_tokens) * sizeof *bigger);
      s->tokens = bigger;
      s->n_tokens = n;
    }
    s->tokens[m->token] = (struct sim_token){r, c.revision, c.judgement, m->deliveries, p};
  }
}

/* The newest delivery of the run to the process. */
struct sim_token *sim_token_of(struct sim *s, const struct sim_process *p, const struct sim_run *r) {
  for (size_t i = s->n_tokens; i-- > 0;)
    if (s->tokens[i].run == r && s->tokens[i].process == p) return &s->tokens[i];
  return NULL;
}

/* J8: the message goes away for good. */
static void acking(struct sim_process *p, const struct workqueue_req *q) {
  struct sim *s = p->sim;
  const struct sim_token *t = q->token < s->n_tokens ? &s->tokens[q->token] : NULL;
  if (t == NULL || t->run == NULL) return;
  const struct model_run_verdict *v = store_mem_verdict(sim_store(s), t->run->plan.id);
  const struct model_context *row = store_mem_context(sim_store(s), t->run->plan.id);
  bool judged =
      v != NULL && (v->revision > t->revision || (v->revision == t->revision && v->judgement >= t->judgement));
  if (!judged && (row == NULL || row->revision <= t->revision))
    sim_break(s, SIM_VERDICT_FIRST, "%s: the message of revision %u is acked without a verdict", name(t->run),
              t->revision);
  end_job(p, t->run);
}

/* The first that one sees of what was computed. */
static bool is_poisonous(struct sim *s, const struct port_req *r) {
  if (r->kind != PORT_STORE || r->op != STORE_U_PUT) return false;
  const struct sim_run *run = sim_run_of(s, ((const struct store_req *)r)->u->context_id);
  return run != NULL && run->plan.poison;
}

static bool before(struct tap *t, struct tap_call *c) {
  struct sim_line *l = t->user;
  struct sim_process *p = l->process;
  if (is_poisonous(p->sim, c->req)) {
    p->dies = true;
    return false;
  }
  if (c->req->kind == PORT_PUBLISH) publishing(p->sim, (const struct publish_req *)c->req);
  if (c->req->kind == PORT_WORKQUEUE && (c->req->op == WORKQUEUE_ACK || c->req->op == WORKQUEUE_DEAD_LETTER))
    acking(p, (const struct workqueue_req *)c->req);
  return true;
}

static bool after(struct tap *t, struct tap_call *c) {
  struct sim_line *l = t->user;
  if (c->req->kind == PORT_PUBLISH) published(l->process->sim, (const struct publish_req *)c->req);
  if (c->req->kind == PORT_WORKQUEUE && c->req->op == WORKQUEUE_PULL)
    pulled(l->process, (const struct workqueue_req *)c->req);
  return true;
}

const struct tap_ops sim_watch_ops = {before, taken, after};

/* ---- after every step ---- */

void sim_ledger_check(struct sim *s) {
  if (!s->dirty) return;
  s->dirty = false;
  for (size_t i = 0; i < s->n_runs && s->broken == SIM_NONE_BROKEN; i++) {
    struct sim_run *r = &s->runs[i];
    if (!r->dirty) continue;
    r->dirty = false;
    const struct model_context *row = store_mem_context(sim_store(s), r->plan.id);
    check_acked(s, r, row);
    check_published(s, r, row);
    check_verdicts(s, r, row);
  }
}

/* ---- at last ---- */

/* Every block that was acked is in the chunks that the last revision counts. */
static bool counts_acked(struct sim *s, const struct sim_run *r, const struct model_context *row) {
  const struct model_chunk *chunks[SIM_CHUNKS];
  size_t n = sim_ledger_counted(s, row, chunks);
  for (uint64_t seq = 1; seq <= r->acked; seq++) {
    size_t i = 0;
    while (i < n && (seq < chunks[i]->first_seq || seq > chunks[i]->last_seq)) i++;
    if (i == n && block_in(r, seq)) return false;
  }
  return true;
}

static const char *not_over(struct sim *s, const struct sim_run *r) {
  const struct model_context *row = store_mem_context(sim_store(s), r->plan.id);
  const struct model_run_verdict *v = store_mem_verdict(sim_store(s), r->plan.id);
  if (!r->given_up && !r->ended) return "its hub still waits";
  if (row == NULL) return r->acked > 0 || !r->given_up ? "has no row" : NULL;
  if (row->state != MODEL_CONTEXT_CLOSED) return "is not closed";
  if (!row->published) return "is not marked published";
  if (!counts_acked(s, r, row)) return "does not count all that was acked";
  if (v == NULL) return "is not judged";
  if (v->revision != row->revision) return "is not judged with its last revision";
  if (r->asked_revision == v->revision && v->judgement < r->asked) return "was not judged again when asked";
  return NULL;
}

bool sim_ledger_all_over(struct sim *s) {
  for (size_t i = 0; i < s->n_runs; i++)
    if (not_over(s, &s->runs[i]) != NULL) return false;
  return true;
}

void sim_ledger_check_last(struct sim *s) {
  for (size_t i = 0; i < s->n_runs && s->broken == SIM_NONE_BROKEN; i++) {
    struct sim_run *r = &s->runs[i];
    const char *why = not_over(s, r);
    if (why != NULL) sim_break(s, SIM_AT_LAST, "%s %s", name(r), why);
    r->dirty = s->dirty = true;
  }
  sim_ledger_check(s);
  sim_alarms_check_last(s);
}
