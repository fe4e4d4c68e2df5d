/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_eval.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const uint32_t NO_SAMPLES = UINT32_MAX; /* n of a value that rests on no aggregate */

static struct eq_value missing(enum eq_reason reason, uint32_t n, double quality) {
  return (struct eq_value){.value = (double)NAN, .n = n, .quality = quality, .reason = reason};
}

static struct eq_value number(double value, uint32_t n, double quality) {
  if (!(fabs(value) <= DBL_MAX)) return missing(EQ_UNDEFINED, n, quality);
  return (struct eq_value){.value = value, .n = n, .quality = quality, .reason = EQ_OK};
}

static uint32_t clip_n(size_t n) { return n < NO_SAMPLES ? (uint32_t)n : NO_SAMPLES - 1; }

/* --- elementwise series --- */

static bool is_series(const struct eq_node *n) { return n->type == EQ_T_SERIES || n->type == EQ_T_MASK; }

struct operand {
  const struct eq_trace *tr; /* NULL: the same number everywhere */
  double number;
};

static bool same_clock(const struct eq_seg *a, const struct eq_seg *b) {
  return a->n == b->n && (a->t == b->t || a->n == 0 || memcmp(a->t, b->t, a->n * sizeof *a->t) == 0);
}

/* Values of one operand at every time of the clock; missing where it has no sample. */
static const double *on_clock(struct eq_ctx *ctx, const struct operand *o, size_t i, const struct eq_seg *clock) {
  const struct eq_seg *s = o->tr != NULL ? &o->tr->seg[i] : NULL;
  if (s != NULL && same_clock(s, clock)) return s->v;
  double *v = eq_ctx_alloc(ctx, clock->n, sizeof *v);
  if (v == NULL) return NULL;
  size_t k = 0;
  for (size_t j = 0; j < clock->n; j++) {
    if (s == NULL) {
      v[j] = o->number;
      continue;
    }
    while (k < s->n && s->t[k] < clock->t[j]) k++;
    v[j] = k < s->n && s->t[k] == clock->t[j] ? s->v[k] : (double)NAN;
  }
  return v;
}

/* All times at which any operand has a sample. */
static bool union_clock(struct eq_ctx *ctx, const struct operand o[3], size_t i, struct eq_seg *ret) {
  size_t total = 0, pos[3] = {0, 0, 0};
  bool same = true;
  const struct eq_seg *first = NULL;
  for (int a = 0; a < 3; a++) {
    if (o[a].tr == NULL) continue;
    const struct eq_seg *s = &o[a].tr->seg[i];
    if (first == NULL) first = s;
    same = same && same_clock(first, s);
    total += s->n;
  }
  if (same) {
    *ret = *first;
    return true;
  }
  int64_t *t = eq_ctx_alloc(ctx, total, sizeof *t);
  if (t == NULL) return false;
  size_t n = 0;
  for (;;) {
    const int64_t *next = NULL;
    for (int a = 0; a < 3; a++) {
      if (o[a].tr == NULL || pos[a] == o[a].tr->seg[i].n) continue;
      const int64_t *mine = &o[a].tr->seg[i].t[pos[a]];
      if (next == NULL || *mine < *next) next = mine;
    }
    if (next == NULL) break;
    int64_t now = *next;
    t[n++] = now;
    for (int a = 0; a < 3; a++)
      while (o[a].tr != NULL && pos[a] < o[a].tr->seg[i].n && o[a].tr->seg[i].t[pos[a]] <= now) pos[a]++;
  }
  *ret = (struct eq_seg){t, NULL, n};
  return true;
}

static bool fill_segment(struct eq_ctx *ctx, const struct eq_node *node, const struct operand o[3], size_t i,
                         struct eq_seg *ret) {
  struct eq_seg clock;
  const double *v[3] = {NULL, NULL, NULL};
  if (!union_clock(ctx, o, i, &clock)) return false;
  double *out = eq_ctx_alloc(ctx, clock.n, sizeof *out);
  for (int a = 0; a < 3 && node->arg[a] >= 0; a++) v[a] = on_clock(ctx, &o[a], i, &clock);
  if (ctx->failed) return false;
  if (clock.n > 0) eq_kernel_apply(node, v[0], v[1], v[2], clock.n, out);
  *ret = (struct eq_seg){clock.t, out, clock.n};
  return true;
}

static struct eq_trace *make_series(struct eq_frame *f, const struct eq_node *node, int win) {
  struct operand o[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
  const struct eq_rwin *w = eq_window_of(f, win);
  if (w == NULL) return NULL;
  struct eq_trace *tr = eq_trace_new(f->ctx, w);
  if (tr == NULL) return NULL;
  tr->reason = w->reason;
  for (int a = 0; a < 3 && node->arg[a] >= 0; a++) {
    const struct eq_node *arg = &f->prog->nodes[node->arg[a]];
    enum eq_reason reason;
    if (is_series(arg)) {
      o[a].tr = eq_series_of(f, node->arg[a], win);
      if (o[a].tr == NULL) return NULL;
      reason = o[a].tr->reason;
    } else {
      o[a].number = f->slots[node->arg[a]].v.value;
      reason = f->slots[node->arg[a]].v.reason;
    }
    if (tr->reason == EQ_OK) tr->reason = reason;
  }
  for (size_t i = 0; i < w->n && tr->reason == EQ_OK; i++)
    if (!fill_segment(f->ctx, node, o, i, &tr->seg[i])) return NULL;
  return tr;
}

static struct eq_trace *leaf_of(struct eq_frame *f, const struct eq_node *node, int win) {
  const struct eq_rwin *w = eq_window_of(f, win);
  if (w == NULL) return NULL;
  size_t series = eq_ctx_series(f->ctx, f->prog->svids[node->ref]);
  if (series != SIZE_MAX && w->reason == EQ_OK) return eq_trace_leaf(f->ctx, series, w);
  struct eq_trace *tr = eq_trace_new(f->ctx, w);
  if (tr != NULL) tr->reason = w->reason != EQ_OK ? w->reason : EQ_NO_DATA;
  return tr;
}

struct eq_trace *eq_series_of(struct eq_frame *f, int node, int win) {
  const struct eq_node *n = &f->prog->nodes[node];
  if (n->op == EQ_OP_SVID) return leaf_of(f, n, win);
  if (f->memo == NULL) {
    size_t cells = f->prog->n_nodes * f->prog->n_wins;
    f->memo = eq_ctx_alloc(f->ctx, cells, sizeof(struct eq_trace *));
    if (f->memo == NULL) return NULL;
    for (size_t i = 0; i < cells; i++) f->memo[i] = NULL;
  }
  struct eq_trace **cell = &f->memo[(size_t)node * f->prog->n_wins + (size_t)win];
  if (*cell == NULL) *cell = make_series(f, n, win);
  return *cell;
}

/* --- aggregates --- */

enum eq_reason eq_judge_samples(struct eq_ctx *ctx, const struct eq_trace *tr, struct eq_data *d,
                                const struct eq_node *limits, double *ret_quality) {
  *ret_quality = 0;
  if (tr->reason != EQ_OK) return tr->reason;
  *ret_quality = eq_data_quality(ctx, d, limits->max_gap);
  if (d->n < limits->min_n) return d->n == 0 ? EQ_NO_DATA : EQ_LOW_QUALITY;
  if (*ret_quality < limits->min_good) return d->n == 0 ? EQ_NO_DATA : EQ_LOW_QUALITY;
  if (d->n == 0 && limits->fn != EQ_FN_COUNT) return EQ_NO_DATA;
  return EQ_OK;
}

static struct eq_value aggregate(struct eq_frame *f, const struct eq_node *node, struct eq_trace *tr, size_t i) {
  if (tr->reason != EQ_OK) return missing(tr->reason, 0, 0);
  struct eq_data *d = eq_trace_data(f->ctx, tr, i);
  if (d == NULL) return missing(EQ_UNDEFINED, 0, 0);
  double quality;
  enum eq_reason reason = eq_judge_samples(f->ctx, tr, d, node, &quality);
  if (reason != EQ_OK) return missing(reason, clip_n(d->n), quality);
  return number(eq_data_stat(f->ctx, d, (enum eq_fn)node->fn, node->max_gap), clip_n(d->n), quality);
}

static struct eq_value *new_list(struct eq_frame *f, struct eq_slot *s, size_t n) {
  s->list = eq_ctx_alloc(f->ctx, n, sizeof *s->list);
  s->n_list = n;
  return s->list;
}

static void eval_aggregate(struct eq_frame *f, const struct eq_node *node, struct eq_slot *s) {
  struct eq_trace *tr = eq_series_of(f, node->arg[0], node->ref);
  if (tr == NULL) return;
  if (node->type != EQ_T_LIST) {
    s->v = aggregate(f, node, tr, SIZE_MAX);
    return;
  }
  s->v = missing(tr->reason, 0, 0);
  if (new_list(f, s, tr->win->n) == NULL) return;
  for (size_t i = 0; i < s->n_list; i++) s->list[i] = aggregate(f, node, tr, i);
}

static void eval_span(struct eq_frame *f, const struct eq_node *node, struct eq_slot *s) {
  const struct eq_rwin *w = eq_window_of(f, node->ref);
  if (w == NULL) return;
  s->v = missing(w->reason, 0, w->reason == EQ_OK ? 1 : 0);
  if (node->type == EQ_T_LIST && new_list(f, s, w->n) == NULL) return;
  uint64_t us = 0;
  for (size_t i = 0; i < w->n; i++) {
    uint64_t one = (uint64_t)eq_diff_us(w->iv[i].start, w->iv[i].end);
    if (node->type == EQ_T_LIST) s->list[i] = number((double)one / 1e6, NO_SAMPLES, 1);
    us += one;
  }
  if (node->type != EQ_T_LIST && w->reason == EQ_OK) s->v = number((double)us / 1e6, NO_SAMPLES, 1);
}

/* A list is a series with one sample per interval, at its start. */
static void eval_list_aggregate(struct eq_frame *f, const struct eq_node *node, struct eq_slot *s) {
  const struct eq_slot *list = &f->slots[node->arg[0]];
  const struct eq_rwin *w = eq_window_of(f, node->ref);
  if (w == NULL) return;
  if (w->reason != EQ_OK || list->n_list == 0) {
    s->v = missing(w->reason != EQ_OK ? w->reason : list->v.reason, 0, 0);
    return;
  }
  int64_t *t = eq_ctx_alloc(f->ctx, list->n_list, sizeof *t);
  double *x = eq_ctx_alloc(f->ctx, list->n_list, sizeof *x);
  if (f->ctx->failed) return;
  enum eq_reason first_bad = EQ_OK;
  size_t good = 0;
  for (size_t i = 0; i < list->n_list; i++) {
    t[i] = w->iv[i].start;
    x[i] = list->list[i].value;
    good += list->list[i].reason == EQ_OK;
    if (first_bad == EQ_OK) first_bad = list->list[i].reason;
  }
  double quality = (double)good / (double)list->n_list;
  if (good < node->min_n || quality < node->min_good || (good == 0 && node->fn != EQ_FN_COUNT)) {
    s->v = missing(good == 0 && first_bad != EQ_OK ? first_bad : EQ_LOW_QUALITY, clip_n(good), quality);
    return;
  }
  struct eq_rwin all = {.n = 1, .iv = &(struct eq_interval){t[0], t[list->n_list - 1], true}};
  struct eq_trace *tr = eq_trace_new(f->ctx, &all);
  if (tr == NULL) return;
  tr->seg[0] = (struct eq_seg){t, x, list->n_list};
  struct eq_data *d = eq_trace_data(f->ctx, tr, SIZE_MAX);
  if (d == NULL) return;
  s->v = number(eq_data_stat(f->ctx, d, (enum eq_fn)node->fn, 0), clip_n(good), quality);
}

/* --- numbers --- */

static struct eq_value apply(const struct eq_node *node, const struct eq_value *a[3], size_t n) {
  struct eq_value r = {.n = NO_SAMPLES, .quality = 1};
  bool choose = node->op == EQ_OP_IF && a[0]->reason == EQ_OK;
  size_t unused = choose ? (a[0]->value != 0 ? 2 : 1) : SIZE_MAX;
  if (node->op == EQ_OP_OR_ELSE) return a[0]->reason == EQ_OK ? *a[0] : *a[1];
  for (size_t i = 0; i < n; i++) {
    if (i == unused) continue;
    if (a[i]->n < r.n) r.n = a[i]->n;
    if (a[i]->quality < r.quality) r.quality = a[i]->quality;
    if (r.reason == EQ_OK) r.reason = a[i]->reason;
  }
  if (r.reason != EQ_OK) return missing(r.reason, r.n, r.quality);
  double z = n > 2 ? a[2]->value : 0, y = n > 1 ? a[1]->value : 0;
  return number(eq_apply(node, a[0]->value, y, z), r.n, r.quality);
}

static void eval_elementwise(struct eq_frame *f, const struct eq_node *node, struct eq_slot *s) {
  const struct eq_value *a[3] = {NULL, NULL, NULL};
  size_t n = 0, list = SIZE_MAX;
  for (; n < 3 && node->arg[n] >= 0; n++) {
    a[n] = &f->slots[node->arg[n]].v;
    if (f->prog->nodes[node->arg[n]].type == EQ_T_LIST) list = n;
  }
  if (node->type != EQ_T_LIST) {
    s->v = apply(node, a, n);
    return;
  }
  s->v = f->slots[node->arg[list]].v;
  if (new_list(f, s, f->slots[node->arg[list]].n_list) == NULL) return;
  for (size_t i = 0; i < s->n_list; i++) {
    for (size_t k = 0; k < n; k++) {
      const struct eq_slot *arg = &f->slots[node->arg[k]];
      if (f->prog->nodes[node->arg[k]].type == EQ_T_LIST) a[k] = &arg->list[i];
    }
    s->list[i] = apply(node, a, n);
  }
}

static void eval_node(struct eq_frame *f, size_t i) {
  const struct eq_node *node = &f->prog->nodes[i];
  struct eq_slot *s = &f->slots[i];
  if (is_series(node)) return;
  switch ((enum eq_op)node->op) {
  case EQ_OP_CONST: s->v = number(node->k, NO_SAMPLES, 1); break;
  case EQ_OP_AGG: eval_aggregate(f, node, s); break;
  case EQ_OP_AGG_LIST: eval_list_aggregate(f, node, s); break;
  case EQ_OP_SPAN: eval_span(f, node, s); break;
  default: eval_elementwise(f, node, s); break;
  }
}

static tfdc_rc eval_program(struct eq_ctx *ctx, const struct eq_program *p, struct eq_value *ret) {
  struct eq_frame f = {.ctx = ctx, .prog = p};
  f.slots = eq_ctx_alloc(ctx, p->n_nodes, sizeof *f.slots);
  f.wins = eq_ctx_alloc(ctx, p->n_wins, sizeof(struct eq_rwin *));
  if (ctx->failed) return TFDC_E_NOMEM;
  memset(f.slots, 0, p->n_nodes * sizeof *f.slots);
  for (size_t i = 0; i < p->n_wins; i++) f.wins[i] = NULL;
  for (size_t i = 0; i < p->n_nodes && !ctx->failed; i++) eval_node(&f, i);
  if (ctx->failed) return TFDC_E_NOMEM;
  *ret = f.slots[p->root].v;
  if (ret->n == NO_SAMPLES) ret->n = 0;
  return TFDC_OK;
}

tfdc_rc eq_eval_all(const struct eq_program *const *programs, size_t n, const struct eq_run *run,
                    struct tfdc_arena *scratch, struct eq_value *ret) {
  struct eq_ctx ctx;
  if (!eq_ctx_init(&ctx, run, scratch)) return TFDC_E_NOMEM;
  struct eq_value *values = eq_ctx_alloc(&ctx, n, sizeof *values);
  if (values == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < n; i++) TFDC_TRY(eval_program(&ctx, programs[i], &values[i]));
  if (n > 0) memcpy(ret, values, n * sizeof *values);
  return TFDC_OK;
}

tfdc_rc eq_eval(const struct eq_program *p, const struct eq_run *run, struct tfdc_arena *scratch,
                struct eq_value *ret) {
  return eq_eval_all(&p, 1, run, scratch, ret);
}
