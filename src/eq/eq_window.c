/* SPDX-License-Identifier: Apache-2.0
 * From the windows of a program to the intervals of a run. */
#include "eq/eq_eval.h"

#include <math.h>
#include <string.h>

/* Intervals are half-open, so that a sample at the border of two steps belongs to the second; only an end that is the
 * end of the run takes the sample at it. */
static struct eq_interval interval(const struct eq_run *run, int64_t start, int64_t end) {
  return (struct eq_interval){start, end < start ? start : end, end >= run->end_us};
}

static void resolve_steps(struct eq_ctx *ctx, const struct eq_win *w, struct eq_rwin *r) {
  const struct eq_run *run = ctx->run;
  int64_t seen = 0;
  r->iv = eq_ctx_alloc(ctx, run->n_steps, sizeof *r->iv);
  for (size_t i = 0; i < run->n_steps && r->iv != NULL; i++) {
    const struct eq_step *s = &run->steps[i];
    bool hit = w->kind == EQ_WIN_STEP_NAME ? s->name != NULL && strcmp(s->name, w->name) == 0 : s->number == w->number;
    if (!hit) continue;
    seen++;
    int64_t occurrence = w->kind == EQ_WIN_STEP_NAME && s->occurrence > 0 ? s->occurrence : seen;
    if (w->occurrence > 0 && w->occurrence != occurrence) continue;
    int64_t next = i + 1 < run->n_steps ? run->steps[i + 1].start_us : run->end_us;
    r->iv[r->n++] = interval(run, s->start_us, s->end_us == INT64_MIN ? next : s->end_us);
  }
  if (r->n == 0) r->reason = EQ_MISSING_STEP;
}

static void resolve_between(struct eq_ctx *ctx, const struct eq_win *w, struct eq_rwin *r) {
  const struct eq_run *run = ctx->run;
  bool open = false;
  int64_t start = 0;
  r->iv = eq_ctx_alloc(ctx, run->n_events, sizeof *r->iv);
  for (size_t i = 0; i < run->n_events && r->iv != NULL; i++) {
    const struct eq_event *e = &run->events[i];
    if (open && e->time_us > start && strcmp(e->name, w->name2) == 0) {
      r->iv[r->n++] = interval(run, start, e->time_us);
      open = false;
    }
    if (!open && strcmp(e->name, w->name) == 0) {
      open = true;
      start = e->time_us;
    }
  }
  if (r->n == 0) r->reason = EQ_MISSING_STEP;
}

static void add_while(struct eq_rwin *r, const struct eq_win *w, int64_t start, int64_t end, bool closed) {
  if (eq_diff_us(start, end) < w->t[0].us) return;
  r->iv[r->n++] = (struct eq_interval){start, end, closed};
}

/* From the first true sample to the next false one; a hole or the end of the samples ends it at the last true one. */
static void while_in(struct eq_rwin *r, const struct eq_win *w, const struct eq_seg *s, const struct eq_interval *iv,
                     int64_t twice_gap) {
  bool open = false;
  int64_t start = 0;
  for (size_t i = 0; i < s->n; i++) {
    bool hole = i > 0 && 2 * eq_diff_us(s->t[i - 1], s->t[i]) > twice_gap;
    if (open && hole) {
      add_while(r, w, start, s->t[i - 1], true);
      open = false;
    }
    if (open && s->v[i] == 0) {
      add_while(r, w, start, s->t[i], false);
      open = false;
    }
    if (!open && s->v[i] != 0) {
      open = true;
      start = s->t[i];
    }
  }
  if (!open) return;
  bool to_end = 2 * eq_diff_us(s->t[s->n - 1], iv->end) <= twice_gap;
  add_while(r, w, start, to_end ? iv->end : s->t[s->n - 1], to_end ? iv->closed : true);
}

static void resolve_while(struct eq_frame *f, const struct eq_win *w, struct eq_rwin *r) {
  static const struct eq_node limits = {.min_n = 3, .min_good = 0.8};
  struct eq_trace *tr = eq_series_of(f, w->cond, w->base);
  if (tr == NULL) return;
  struct eq_data *d = eq_trace_data(f->ctx, tr, SIZE_MAX);
  if (d == NULL) return;
  double quality;
  r->from_while = true;
  r->reason = eq_judge_samples(f->ctx, tr, d, &limits, &quality);
  if (r->reason != EQ_OK) return;
  int64_t twice = eq_data_twice_gap(f->ctx, d, 0);
  r->iv = eq_ctx_alloc(f->ctx, d->n, sizeof *r->iv);
  if (r->iv == NULL) return;
  for (size_t i = 0; i < d->n_seg; i++)
    if (d->seg[i].n > 0) while_in(r, w, &d->seg[i], &d->iv[i], twice);
  if (r->n == 0) r->reason = EQ_NEVER;
}

static int64_t length_of(const struct eq_span_arg *t, int64_t of) {
  if (!t->relative) return t->us < of ? t->us : of;
  return (int64_t)floor((double)of * t->share + 0.5);
}

/* One interval of the base, cut. Nothing left: an empty interval. */
static struct eq_interval cut(const struct eq_win *w, struct eq_interval iv) {
  int64_t whole = eq_diff_us(iv.start, iv.end);
  int64_t a = length_of(&w->t[0], whole), b = length_of(&w->t[1], whole);
  int64_t from = 0, to = whole; /* relative to the start */
  if (w->kind == EQ_WIN_TRIM) {
    from = a;
    to = whole - b;
  } else if (w->kind == EQ_WIN_FIRST) {
    to = a;
  } else if (w->kind == EQ_WIN_LAST) {
    from = whole - a;
  } else if (w->kind == EQ_WIN_AT) {
    from = a;
    to = b;
  }
  if (to < from) to = from;
  bool closed = iv.closed && to == whole && (from < to || whole == 0);
  return (struct eq_interval){iv.start + from, iv.start + to, closed};
}

static void resolve_derived(struct eq_frame *f, const struct eq_win *w, struct eq_rwin *r) {
  const struct eq_rwin *base = eq_window_of(f, w->base);
  if (base == NULL) return;
  *r = *base;
  r->each = w->each;
  if (base->reason != EQ_OK || w->kind == EQ_WIN_EACH) return;
  if (w->kind == EQ_WIN_NTH) {
    int64_t k = w->number > 0 ? w->number - 1 : (int64_t)base->n + w->number;
    bool there = k >= 0 && k < (int64_t)base->n;
    r->iv = there ? base->iv + k : NULL;
    r->n = there ? 1 : 0;
    if (!there) r->reason = base->from_while ? EQ_NEVER : EQ_MISSING_STEP;
    return;
  }
  r->iv = eq_ctx_alloc(f->ctx, base->n, sizeof *r->iv);
  for (size_t i = 0; i < base->n && r->iv != NULL; i++) r->iv[i] = cut(w, base->iv[i]);
}

const struct eq_rwin *eq_window_of(struct eq_frame *f, int win) {
  if (f->wins[win] != NULL) return f->wins[win];
  const struct eq_win *w = &f->prog->wins[win];
  struct eq_rwin r = {.each = false};
  struct eq_interval whole = interval(f->ctx->run, f->ctx->run->start_us, f->ctx->run->end_us);
  switch (w->kind) {
  case EQ_WIN_RUN:
    r.iv = eq_ctx_alloc(f->ctx, 1, sizeof *r.iv);
    if (r.iv != NULL) r.iv[0] = whole;
    r.n = 1;
    break;
  case EQ_WIN_STEP_NAME:
  case EQ_WIN_STEP_NUMBER: resolve_steps(f->ctx, w, &r); break;
  case EQ_WIN_BETWEEN: resolve_between(f->ctx, w, &r); break;
  case EQ_WIN_WHILE: resolve_while(f, w, &r); break;
  default: resolve_derived(f, w, &r); break;
  }
  if (f->ctx->failed) return NULL;
  if (r.reason != EQ_OK) r.n = 0;
  f->wins[win] = eq_ctx_window(f->ctx, &r);
  return f->wins[win];
}
