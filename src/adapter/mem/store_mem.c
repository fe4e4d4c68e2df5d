/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/store_mem.h"

#include "adapter/mem/store_mem_table.h"
#include "model/codec.h"

#include <stdlib.h>
#include <string.h>

static int cmp_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }
static int cmp_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int cmp_chamber(const struct mem_row *a, const struct mem_row *b) {
  return store_key_cmp(a->chamber.key, b->chamber.key);
}
static int cmp_context(const struct mem_row *a, const struct mem_row *b) {
  return tfdc_id128_cmp(a->context.context_id, b->context.context_id);
}
static int cmp_chunk(const struct mem_row *ra, const struct mem_row *rb) {
  const struct model_chunk *a = &ra->chunk, *b = &rb->chunk;
  int c = tfdc_id128_cmp(a->context_id, b->context_id);
  if (c == 0) c = cmp_u64(a->first_seq, b->first_seq);
  if (c == 0) c = cmp_u64(a->last_seq, b->last_seq);
  return c != 0 ? c : cmp_u64(a->checksum, b->checksum);
}
static int cmp_u(const struct mem_row *ra, const struct mem_row *rb) {
  const struct model_u_record *a = &ra->u, *b = &rb->u;
  int c = store_key_cmp(a->key, b->key);
  if (c == 0) c = strcmp(a->chart_set, b->chart_set);
  if (c == 0) c = strcmp(a->partition, b->partition);
  if (c == 0) c = model_run_order(a->order_us, a->context_id, b->order_us, b->context_id);
  if (c == 0) c = cmp_u64(a->revision, b->revision);
  return c != 0 ? c : cmp_u64(a->judgement, b->judgement);
}
static int cmp_verdict(const struct mem_row *ra, const struct mem_row *rb) {
  const struct model_run_verdict *a = &ra->verdict, *b = &rb->verdict;
  int c = tfdc_id128_cmp(a->context_id, b->context_id);
  if (c == 0) c = cmp_u64(a->revision, b->revision);
  return c != 0 ? c : cmp_u64(a->judgement, b->judgement);
}
static int cmp_def(const struct mem_row *a, const struct mem_row *b) {
  int c = cmp_i64(a->def.kind, b->def.kind);
  if (c == 0) c = strcmp(a->def.id, b->def.id);
  return c != 0 ? c : cmp_u64(a->def.version, b->def.version);
}
static int cmp_alarm(const struct mem_row *a, const struct mem_row *b) {
  return tfdc_id128_cmp(a->alarm.alarm_id, b->alarm.alarm_id);
}

/* Puts the row whose record was copied with `copied`; destroys it on failure. */
static tfdc_rc put_row(struct mem_table *t, struct mem_row *row, tfdc_rc copied) {
  if (copied == TFDC_OK) copied = mem_table_put(t, row);
  if (copied != TFDC_OK) mem_row_destroy(row);
  return copied;
}

static tfdc_rc chamber_put(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.chamber = {.key = r->chamber->key}};
  const struct mem_row *old = mem_table_find(&s->chambers, &probe);
  if (old != NULL && old->chamber.seen_us > r->chamber->seen_us) return TFDC_OK;
  struct model_chamber next = *r->chamber;
  if (old != NULL && next.n_svids == 0) {
    next.svids = old->chamber.svids;
    next.n_svids = old->chamber.n_svids;
  }
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->chambers, row, model_chamber_copy(&next, &row->mem, &row->chamber));
}

static tfdc_rc chamber_get(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.chamber = {.key = r->key}};
  const struct mem_row *row = mem_table_find(&s->chambers, &probe);
  if (row == NULL) return TFDC_E_NOT_FOUND;
  r->chambers = tfdc_arena_array(&r->base.mem, 1, sizeof *r->chambers);
  if (r->chambers == NULL) return TFDC_E_NOMEM;
  r->n = 1;
  return model_chamber_copy(&row->chamber, &r->base.mem, r->chambers);
}

const struct model_context *store_mem_context(const struct store_mem *s, struct tfdc_id128 id) {
  struct mem_row probe = {.context = {.context_id = id}};
  const struct mem_row *row = mem_table_find(&s->contexts, &probe);
  return row == NULL ? NULL : &row->context;
}

static tfdc_rc context_put(struct store_mem *s, struct store_req *r) {
  const struct model_context *old = store_mem_context(s, r->context->context_id);
  struct model_context next = *r->context;
  if (old != NULL && store_context_behind(&next, old)) return TFDC_OK;
  if (old != NULL) next.published = store_context_published(old, &next);
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->contexts, row, model_context_copy(&next, &row->mem, &row->context));
}

static tfdc_rc context_mark_published(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.context = {.context_id = r->id}};
  struct mem_row *row = mem_table_find(&s->contexts, &probe);
  if (row != NULL && row->context.revision == r->revision) row->context.published = true;
  return TFDC_OK;
}

static tfdc_rc context_get(struct store_mem *s, struct store_req *r) {
  const struct model_context *c = store_mem_context(s, r->id);
  if (c == NULL) return TFDC_E_NOT_FOUND;
  r->contexts = tfdc_arena_array(&r->base.mem, 1, sizeof *r->contexts);
  if (r->contexts == NULL) return TFDC_E_NOMEM;
  r->n = 1;
  return model_context_copy(c, &r->base.mem, r->contexts);
}

static tfdc_rc chunk_put(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.chunk = *r->chunk};
  if (mem_table_find(&s->chunks, &probe) != NULL) return TFDC_OK;
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->chunks, row, store_chunk_copy(r->chunk, true, &row->mem, &row->chunk));
}

static tfdc_rc u_put(struct store_mem *s, struct store_req *r) {
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->u, row, model_u_record_copy(r->u, &row->mem, &row->u));
}

static tfdc_rc u_prev(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.u = {.key = r->u_key.key,
                                .chart_set = r->u_key.chart_set,
                                .partition = r->u_key.partition,
                                .order_us = r->order_us,
                                .context_id = r->id}};
  size_t at = mem_table_bound(&s->u, &probe); /* revisions begin at 1: the first row of (order_us, id) or after it */
  if (at == 0) return TFDC_E_NOT_FOUND;
  const struct model_u_record *u = &s->u.rows[at - 1]->u;
  bool same = store_key_cmp(u->key, r->u_key.key) == 0 && strcmp(u->chart_set, r->u_key.chart_set) == 0 &&
              strcmp(u->partition, r->u_key.partition) == 0;
  if (!same) return TFDC_E_NOT_FOUND;
  r->u_records = tfdc_arena_array(&r->base.mem, 1, sizeof *r->u_records);
  if (r->u_records == NULL) return TFDC_E_NOMEM;
  r->n = 1;
  return model_u_record_copy(u, &r->base.mem, r->u_records);
}

/* Of two records of one run and chart set: `a` takes the place of `b`. */
static bool u_supersedes(const struct model_u_record *a, const struct model_u_record *b) {
  if (a->revision != b->revision) return a->revision > b->revision;
  return a->judgement > b->judgement;
}

static int by_chart_set(const void *a, const void *b) {
  const struct model_u_record *const *x = a, *const *y = b;
  return strcmp((*x)->chart_set, (*y)->chart_set);
}

static tfdc_rc u_get(struct store_mem *s, struct store_req *r) {
  const struct model_u_record **found = tfdc_arena_array(&r->base.mem, s->u.n + 1, sizeof *found);
  if (found == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < s->u.n; i++) {
    const struct model_u_record *u = &s->u.rows[i]->u;
    if (!tfdc_id128_eq(u->context_id, r->id)) continue;
    size_t at = 0;
    while (at < n && strcmp(found[at]->chart_set, u->chart_set) != 0) at++;
    if (at == n || u_supersedes(u, found[at])) found[at] = u;
    if (at == n) n++;
  }
  qsort(found, n, sizeof(const struct model_u_record *), by_chart_set);
  r->u_records = tfdc_arena_array(&r->base.mem, n + 1, sizeof *r->u_records);
  if (r->u_records == NULL) return TFDC_E_NOMEM;
  for (; r->n < n; r->n++) TFDC_TRY(model_u_record_copy(found[r->n], &r->base.mem, &r->u_records[r->n]));
  return TFDC_OK;
}

static tfdc_rc verdict_put(struct store_mem *s, struct store_req *r) {
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->verdicts, row, model_run_verdict_copy(r->verdict, &row->mem, &row->verdict));
}

const struct model_run_verdict *store_mem_verdict(const struct store_mem *s, struct tfdc_id128 id) {
  struct mem_row probe = {.verdict = {.context_id = id, .revision = UINT32_MAX, .judgement = UINT32_MAX}};
  size_t at = mem_table_bound(&s->verdicts, &probe);
  if (at == 0) return NULL;
  const struct model_run_verdict *v = &s->verdicts.rows[at - 1]->verdict;
  return tfdc_id128_eq(v->context_id, id) ? v : NULL;
}

bool store_mem_judged(const struct store_mem *s, struct tfdc_id128 id, uint32_t revision) {
  struct mem_row probe = {.verdict = {.context_id = id, .revision = revision}};
  size_t at = mem_table_bound(&s->verdicts, &probe);
  if (at == s->verdicts.n) return false;
  const struct model_run_verdict *v = &s->verdicts.rows[at]->verdict;
  return tfdc_id128_eq(v->context_id, id) && v->revision == revision;
}

static tfdc_rc verdict_get(struct store_mem *s, struct store_req *r) {
  const struct model_run_verdict *v = store_mem_verdict(s, r->id);
  if (v == NULL) return TFDC_E_NOT_FOUND;
  r->verdicts = tfdc_arena_array(&r->base.mem, 1, sizeof *r->verdicts);
  if (r->verdicts == NULL) return TFDC_E_NOMEM;
  r->n = 1;
  return model_run_verdict_copy(v, &r->base.mem, r->verdicts);
}

static tfdc_rc def_put(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.def = *r->def};
  const struct mem_row *old = mem_table_find(&s->defs, &probe);
  if (old != NULL && strcmp(old->def.body, r->def->body) != 0) return TFDC_E_EXISTS;
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->defs, row, model_def_copy(r->def, &row->mem, &row->def));
}

static tfdc_rc alarm_put(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.alarm = {.alarm_id = r->alarm->alarm_id}};
  const struct mem_row *old = mem_table_find(&s->alarms, &probe);
  if (old != NULL && old->alarm.update > r->alarm->update) return TFDC_OK;
  struct mem_row *row = mem_row_create();
  if (row == NULL) return TFDC_E_NOMEM;
  return put_row(&s->alarms, row, model_alarm_copy(r->alarm, &row->mem, &row->alarm));
}

static tfdc_rc alarm_get(struct store_mem *s, struct store_req *r) {
  struct mem_row probe = {.alarm = {.alarm_id = r->id}};
  const struct mem_row *row = mem_table_find(&s->alarms, &probe);
  if (row == NULL) return TFDC_E_NOT_FOUND;
  r->alarms = tfdc_arena_array(&r->base.mem, 1, sizeof *r->alarms);
  if (r->alarms == NULL) return TFDC_E_NOMEM;
  r->n = 1;
  return model_alarm_copy(&row->alarm, &r->base.mem, r->alarms);
}

struct sweep {
  const struct store_mem *s;
  int64_t before;
};
static bool old_chunk(const struct mem_row *row, void *user) {
  return row->chunk.stored_us < ((const struct sweep *)user)->before;
}
static bool old_u(const struct mem_row *row, void *user) {
  return row->u.stored_us < ((const struct sweep *)user)->before;
}
static bool old_context(const struct mem_row *row, void *user) {
  return row->context.state == MODEL_CONTEXT_CLOSED && row->context.stored_us < ((const struct sweep *)user)->before;
}
/* A verdict goes after its context: without it the run would count as not judged. */
static bool old_verdict(const struct mem_row *row, void *user) {
  const struct sweep *w = user;
  return row->verdict.judged_us < w->before && store_mem_context(w->s, row->verdict.context_id) == NULL;
}
static bool old_alarm(const struct mem_row *row, void *user) {
  return row->alarm.state == MODEL_ALARM_CLEARED && row->alarm.published_us < ((const struct sweep *)user)->before;
}

static tfdc_rc retention(struct store_mem *s, struct store_req *r) {
  size_t left = store_page_limit(r), limit = left;
  struct sweep w = {.s = s};
  if (r->tchart_us > 0) {
    w.before = r->now_us - r->tchart_us;
    left -= mem_table_sweep(&s->chunks, old_chunk, &w, left);
  }
  if (r->uchart_us > 0) {
    w.before = r->now_us - r->uchart_us;
    left -= mem_table_sweep(&s->u, old_u, &w, left);
    left -= mem_table_sweep(&s->contexts, old_context, &w, left);
    left -= mem_table_sweep(&s->verdicts, old_verdict, &w, left);
    left -= mem_table_sweep(&s->alarms, old_alarm, &w, left);
  }
  r->count = limit - left;
  return TFDC_OK;
}

static tfdc_rc stats(struct store_mem *s, struct store_req *r) {
  struct store_stats st = {.chambers = s->chambers.n,
                           .contexts = s->contexts.n,
                           .chunks = s->chunks.n,
                           .u_records = s->u.n,
                           .verdicts = s->verdicts.n,
                           .free_bytes = UINT64_MAX};
  for (size_t i = 0; i < s->contexts.n; i++) {
    const struct model_context *c = &s->contexts.rows[i]->context;
    if (c->state == MODEL_CONTEXT_OPEN) st.open_contexts++;
    if (c->revision > 0 && !store_mem_judged(s, c->context_id, c->revision)) st.unjudged++;
  }
  for (size_t i = 0; i < s->chunks.n; i++) {
    st.chunk_bytes += s->chunks.rows[i]->chunk.blob_n;
    st.points += s->chunks.rows[i]->chunk.points;
  }
  for (size_t i = 0; i < s->alarms.n; i++) {
    if (s->alarms.rows[i]->alarm.state == MODEL_ALARM_OPEN) st.alarms_open++;
  }
  st.used_bytes = st.chunk_bytes;
  r->stats = st;
  return TFDC_OK;
}

static tfdc_rc (*const ops_of_store[])(struct store_mem *s, struct store_req *r) = {
    [STORE_CHAMBER_PUT] = chamber_put,
    [STORE_CHAMBER_GET] = chamber_get,
    [STORE_CHAMBER_LIST] = store_mem_chamber_list,
    [STORE_CONTEXT_PUT] = context_put,
    [STORE_CONTEXT_MARK_PUBLISHED] = context_mark_published,
    [STORE_CONTEXT_GET] = context_get,
    [STORE_CONTEXT_LIST] = store_mem_context_list,
    [STORE_CHUNK_PUT] = chunk_put,
    [STORE_CHUNK_LIST] = store_mem_chunk_list,
    [STORE_CHUNK_GET] = store_mem_chunk_get,
    [STORE_U_PUT] = u_put,
    [STORE_U_PREV] = u_prev,
    [STORE_U_GET] = u_get,
    [STORE_U_LIST] = store_mem_u_list,
    [STORE_VERDICT_PUT] = verdict_put,
    [STORE_VERDICT_GET] = verdict_get,
    [STORE_VERDICT_LIST] = store_mem_verdict_list,
    [STORE_DEF_PUT] = def_put,
    [STORE_DEF_LIST] = store_mem_def_list,
    [STORE_ALARM_PUT] = alarm_put,
    [STORE_ALARM_GET] = alarm_get,
    [STORE_ALARM_LIST] = store_mem_alarm_list,
    [STORE_UNJUDGED_LIST] = store_mem_unjudged_list,
    [STORE_RETENTION] = retention,
    [STORE_STATS] = stats,
};

static struct store_mem *of(struct port *p) { return (struct store_mem *)(void *)p; }

static tfdc_rc mem_submit(struct port *p, struct port_req *req) {
  struct store_mem *s = of(p);
  struct store_req *r = store_req_of(req);
  TFDC_TRY(store_req_check(r));
  TFDC_TRY(port_flight_enter(&s->flight, req));
  (void)pthread_mutex_lock(&s->mtx);
  r->n = 0;
  r->count = 0;
  r->ret_cursor = NULL;
  tfdc_rc rc = ops_of_store[req->op](s, r);
  if (rc != TFDC_OK) r->n = 0;
  port_flight_complete(&s->flight, req, rc); /* inside the mutex: completions are posted in the order of execution */
  (void)pthread_mutex_unlock(&s->mtx);
  return TFDC_OK;
}

/* Nothing is ever left to cancel: the result is on its way when submit returns. */
static void mem_cancel(struct port *p, struct port_req *r) {
  (void)p;
  (void)r;
}

static void mem_close(struct port *p, struct port_loop *loop, struct port_task *closed) {
  port_flight_close(&of(p)->flight, loop, closed);
}

static const struct port_ops ops = {.name = "mem", .submit = mem_submit, .cancel = mem_cancel, .close = mem_close};

struct port *store_mem_create(uint32_t max_requests, size_t max_bytes) {
  struct store_mem *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->port = (struct port){.ops = &ops,
                          .kind = PORT_STORE,
                          .max_requests = max_requests == 0 ? 4096 : max_requests,
                          .max_bytes = max_bytes == 0 ? (size_t)256 << 20 : max_bytes};
  port_flight_init(&s->flight, &s->port);
  TFDC_ASSERT(pthread_mutex_init(&s->mtx, NULL) == 0);
  s->chambers.cmp = cmp_chamber;
  s->contexts.cmp = cmp_context;
  s->chunks.cmp = cmp_chunk;
  s->u.cmp = cmp_u;
  s->verdicts.cmp = cmp_verdict;
  s->defs.cmp = cmp_def;
  s->alarms.cmp = cmp_alarm;
  return &s->port;
}

void store_mem_restart(struct port *p) {
  struct store_mem *s = of(p);
  port_flight_deinit(&s->flight);
  port_flight_init(&s->flight, p);
}

void store_mem_destroy(struct port *p) {
  if (p == NULL) return;
  struct store_mem *s = of(p);
  struct mem_table *tables[] = {&s->chambers, &s->contexts, &s->chunks, &s->u, &s->verdicts, &s->defs, &s->alarms};
  for (size_t i = 0; i < TFDC_COUNT(tables); i++) mem_table_deinit(tables[i]);
  (void)pthread_mutex_destroy(&s->mtx);
  port_flight_deinit(&s->flight);
  free(s);
}
