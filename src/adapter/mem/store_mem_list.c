/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/store_mem_table.h"
#include "model/codec.h"

#include <stdlib.h>
#include <string.h>

/* A row and its place in the list that is asked for. */
struct hit {
  struct store_pos pos;
  const struct mem_row *row;
};
/* Gathers hits in scratch memory, then sorts them and cuts the page out. */
struct page {
  struct tfdc_arena scratch;
  struct hit *hits;
  size_t n;
  bool backwards;
  bool has_cursor;
  struct store_pos cursor;
};

static void page_deinit(struct page *p) { tfdc_arena_deinit(&p->scratch); }

static tfdc_rc page_init(struct page *p, struct store_req *r, size_t most, bool backwards) {
  *p = (struct page){.scratch = {.limit = SIZE_MAX / 2}, .backwards = backwards, .has_cursor = r->page.cursor != NULL};
  if (p->has_cursor) TFDC_TRY(store_cursor_parse(r->page.cursor, &p->cursor, &r->base.err));
  p->hits = tfdc_arena_array(&p->scratch, most + 1, sizeof *p->hits);
  return p->hits == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

static void page_add(struct page *p, struct store_pos pos, const struct mem_row *row) {
  if (p->has_cursor) {
    int c = store_pos_cmp(pos, p->cursor);
    if (p->backwards ? c >= 0 : c <= 0) return;
  }
  p->hits[p->n++] = (struct hit){.pos = pos, .row = row};
}

static int by_pos(const void *a, const void *b) {
  return store_pos_cmp(((const struct hit *)a)->pos, ((const struct hit *)b)->pos);
}
static int by_pos_backwards(const void *a, const void *b) { return by_pos(b, a); }

/* Sorts, cuts to the request's limit and sets its cursor. */
static tfdc_rc page_cut(struct page *p, struct store_req *r) {
  qsort(p->hits, p->n, sizeof *p->hits, p->backwards ? by_pos_backwards : by_pos);
  uint32_t limit = store_page_limit(r);
  if (p->n <= limit) return TFDC_OK;
  p->n = limit;
  r->ret_cursor = store_cursor_make(p->hits[limit - 1].pos, &r->base.mem);
  return r->ret_cursor == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

tfdc_rc store_mem_chamber_list(struct store_mem *s, struct store_req *r) {
  size_t at = 0;
  char tool[65], chamber[65];
  if (r->page.cursor != NULL) {
    TFDC_TRY(store_cursor_parse_key(r->page.cursor, tool, chamber, &r->base.err));
    struct mem_row probe = {.chamber = {.key = {.tool = tool, .chamber = chamber}}};
    at = mem_table_bound(&s->chambers, &probe);
    if (mem_table_find(&s->chambers, &probe) != NULL) at++;
  }
  uint32_t limit = store_page_limit(r);
  r->chambers = tfdc_arena_array(&r->base.mem, s->chambers.n - at + 1, sizeof *r->chambers);
  if (r->chambers == NULL) return TFDC_E_NOMEM;
  for (; at < s->chambers.n; at++) {
    const struct model_chamber *c = &s->chambers.rows[at]->chamber;
    if (!store_glob(r->filter.tool, c->key.tool) || !store_glob(r->filter.chamber, c->key.chamber)) continue;
    if (r->n == limit) {
      r->ret_cursor = store_cursor_make_key(r->chambers[limit - 1].key, &r->base.mem);
      return r->ret_cursor == NULL ? TFDC_E_NOMEM : TFDC_OK;
    }
    TFDC_TRY(model_chamber_copy(c, &r->base.mem, &r->chambers[r->n]));
    r->n++;
  }
  return TFDC_OK;
}

static tfdc_rc emit_contexts(struct page *p, struct store_req *r) {
  TFDC_TRY(page_cut(p, r));
  r->contexts = tfdc_arena_array(&r->base.mem, p->n + 1, sizeof *r->contexts);
  if (r->contexts == NULL) return TFDC_E_NOMEM;
  for (; r->n < p->n; r->n++) {
    TFDC_TRY(model_context_copy(&p->hits[r->n].row->context, &r->base.mem, &r->contexts[r->n]));
  }
  return TFDC_OK;
}

tfdc_rc store_mem_context_list(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(page_init(&p, r, s->contexts.n, r->filter.newest_first));
  for (size_t i = 0; i < s->contexts.n; i++) {
    const struct model_context *c = &s->contexts.rows[i]->context;
    if (!store_match_context(&r->filter, c)) continue;
    if (r->filter.verdict >= 0) {
      const struct model_run_verdict *v = store_mem_verdict(s, c->context_id);
      if (v == NULL || (int)v->verdict != r->filter.verdict) continue;
    }
    page_add(&p, (struct store_pos){.t = store_context_time(c), .id = c->context_id}, s->contexts.rows[i]);
  }
  return emit_contexts(&p, r);
}

tfdc_rc store_mem_unjudged_list(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(page_init(&p, r, s->contexts.n, false));
  for (size_t i = 0; i < s->contexts.n; i++) {
    const struct model_context *c = &s->contexts.rows[i]->context;
    if (c->revision == 0 || c->stored_us >= r->before_us || store_mem_judged(s, c->context_id, c->revision)) continue;
    page_add(&p, (struct store_pos){.t = c->stored_us, .id = c->context_id}, s->contexts.rows[i]);
  }
  return emit_contexts(&p, r);
}

tfdc_rc store_mem_verdict_list(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(page_init(&p, r, s->verdicts.n, r->filter.newest_first));
  for (size_t i = 0; i < s->verdicts.n; i++) {
    const struct model_run_verdict *v = &s->verdicts.rows[i]->verdict;
    bool newest = i + 1 == s->verdicts.n || !tfdc_id128_eq(s->verdicts.rows[i + 1]->verdict.context_id, v->context_id);
    if (!newest || !store_match_verdict(&r->filter, v)) continue;
    if (r->filter.product != NULL) {
      const struct model_context *c = store_mem_context(s, v->context_id);
      if (c == NULL || !store_glob(r->filter.product, c->product)) continue;
    }
    page_add(&p, (struct store_pos){.t = v->order_us, .id = v->context_id}, s->verdicts.rows[i]);
  }
  TFDC_TRY(page_cut(&p, r));
  r->verdicts = tfdc_arena_array(&r->base.mem, p.n + 1, sizeof *r->verdicts);
  if (r->verdicts == NULL) return TFDC_E_NOMEM;
  for (; r->n < p.n; r->n++) {
    TFDC_TRY(model_run_verdict_copy(&p.hits[r->n].row->verdict, &r->base.mem, &r->verdicts[r->n]));
  }
  return TFDC_OK;
}

tfdc_rc store_mem_alarm_list(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(page_init(&p, r, s->alarms.n, true));
  for (size_t i = 0; i < s->alarms.n; i++) {
    const struct model_alarm *a = &s->alarms.rows[i]->alarm;
    if (!store_match_alarm(&r->filter, a)) continue;
    page_add(&p, (struct store_pos){.t = a->opened_us, .id = a->alarm_id}, s->alarms.rows[i]);
  }
  TFDC_TRY(page_cut(&p, r));
  r->alarms = tfdc_arena_array(&r->base.mem, p.n + 1, sizeof *r->alarms);
  if (r->alarms == NULL) return TFDC_E_NOMEM;
  for (; r->n < p.n; r->n++) {
    TFDC_TRY(model_alarm_copy(&p.hits[r->n].row->alarm, &r->base.mem, &r->alarms[r->n]));
  }
  return TFDC_OK;
}

static int by_u_run(const void *a, const void *b) {
  const struct hit *x = a, *y = b;
  int c = store_pos_cmp(x->pos, y->pos);
  if (c != 0) return c;
  const struct model_u_record *u = &x->row->u, *v = &y->row->u;
  if (u->revision != v->revision) return u->revision < v->revision ? -1 : 1;
  return (u->judgement > v->judgement) - (u->judgement < v->judgement);
}

/* A run's records of all partitions compete: an amended recipe moves the run to another one. */
static tfdc_rc gather_u(struct store_mem *s, const struct store_req *r, struct page *all) {
  struct mem_row probe = {
      .u = {.key = r->u_key.key, .chart_set = r->u_key.chart_set, .partition = "", .order_us = INT64_MIN}};
  for (size_t i = mem_table_bound(&s->u, &probe); i < s->u.n; i++) {
    const struct model_u_record *u = &s->u.rows[i]->u;
    if (store_key_cmp(u->key, r->u_key.key) != 0 || strcmp(u->chart_set, r->u_key.chart_set) != 0) break;
    all->hits[all->n++] = (struct hit){.pos = {.t = u->order_us, .id = u->context_id}, .row = s->u.rows[i]};
  }
  qsort(all->hits, all->n, sizeof *all->hits, by_u_run);
  return TFDC_OK;
}

tfdc_rc store_mem_u_list(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page all = {0};
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(page_init(&all, r, s->u.n, false));
  TFDC_TRY(page_init(&p, r, s->u.n, r->filter.newest_first));
  TFDC_TRY(gather_u(s, r, &all));
  struct store_filter time = {.from_us = r->from_us, .to_us = r->to_us};
  for (size_t i = 0; i < all.n; i++) {
    const struct model_u_record *u = &all.hits[i].row->u;
    if (i + 1 < all.n && store_pos_cmp(all.hits[i].pos, all.hits[i + 1].pos) == 0) continue;
    if (r->u_key.partition != NULL && strcmp(r->u_key.partition, u->partition) != 0) continue;
    if (store_match_time(&time, u->order_us)) page_add(&p, all.hits[i].pos, all.hits[i].row);
  }
  TFDC_TRY(page_cut(&p, r));
  r->u_records = tfdc_arena_array(&r->base.mem, p.n + 1, sizeof *r->u_records);
  if (r->u_records == NULL) return TFDC_E_NOMEM;
  for (; r->n < p.n; r->n++) {
    TFDC_TRY(model_u_record_copy(&p.hits[r->n].row->u, &r->base.mem, &r->u_records[r->n]));
  }
  return TFDC_OK;
}

static struct store_pos chunk_pos(const struct model_chunk *c) {
  return (struct store_pos){.t = (int64_t)c->first_seq, .id = {.hi = c->last_seq, .lo = c->checksum}};
}

/* Chunks of the run r->id up to revision r->revision, in order, after the cursor. */
static tfdc_rc gather_chunks(struct store_mem *s, struct store_req *r, struct page *p) {
  struct mem_row probe = {.chunk = {.context_id = r->id}};
  size_t from = mem_table_bound(&s->chunks, &probe), to = from;
  while (to < s->chunks.n && tfdc_id128_eq(s->chunks.rows[to]->chunk.context_id, r->id)) to++;
  TFDC_TRY(page_init(p, r, to - from, false));
  for (; from < to; from++) {
    const struct model_chunk *c = &s->chunks.rows[from]->chunk;
    if (c->revision <= r->revision) page_add(p, chunk_pos(c), s->chunks.rows[from]);
  }
  r->chunks = tfdc_arena_array(&r->base.mem, p->n + 1, sizeof *r->chunks);
  return r->chunks == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

tfdc_rc store_mem_chunk_list(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(gather_chunks(s, r, &p));
  for (; r->n < p.n; r->n++) {
    TFDC_TRY(store_chunk_copy(&p.hits[r->n].row->chunk, false, &r->base.mem, &r->chunks[r->n]));
  }
  return TFDC_OK;
}

tfdc_rc store_mem_chunk_get(struct store_mem *s, struct store_req *r) {
  TFDC_AUTO(page_deinit) struct page p = {0};
  TFDC_TRY(gather_chunks(s, r, &p));
  size_t most = r->max_bytes == 0 ? STORE_CHUNK_GET_BYTES : r->max_bytes, bytes = 0;
  uint32_t limit = store_page_limit(r);
  for (; r->n < p.n && r->n < limit; r->n++) {
    const struct model_chunk *c = &p.hits[r->n].row->chunk;
    if (r->n > 0 && (c->blob_n > most || bytes > most - c->blob_n)) break;
    TFDC_TRY(store_chunk_copy(c, true, &r->base.mem, &r->chunks[r->n]));
    bytes += c->blob_n;
  }
  if (r->n == p.n) return TFDC_OK;
  r->ret_cursor = store_cursor_make(chunk_pos(&r->chunks[r->n - 1]), &r->base.mem);
  return r->ret_cursor == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

tfdc_rc store_mem_def_list(struct store_mem *s, struct store_req *r) {
  r->defs = tfdc_arena_array(&r->base.mem, s->defs.n + 1, sizeof *r->defs);
  if (r->defs == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < s->defs.n; i++) {
    const struct model_def *d = &s->defs.rows[i]->def;
    if ((r->def_kind >= 0 && (int)d->kind != r->def_kind) || (r->def_id != NULL && strcmp(d->id, r->def_id) != 0))
      continue;
    TFDC_TRY(model_def_copy(d, &r->base.mem, &r->defs[r->n]));
    r->n++;
  }
  return TFDC_OK;
}
