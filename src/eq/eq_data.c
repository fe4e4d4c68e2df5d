/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_data.h"

#include "base/hash.h"

#include <math.h>
#include <string.h>

void *eq_ctx_alloc(struct eq_ctx *ctx, size_t count, size_t size) {
  void *p = tfdc_arena_array(ctx->arena, count ? count : 1, size);
  if (p == NULL) ctx->failed = true;
  return p;
}

static void *alloc_zero(struct eq_ctx *ctx, size_t count, size_t size) {
  void *p = eq_ctx_alloc(ctx, count, size);
  return p == NULL ? NULL : memset(p, 0, (count ? count : 1) * size);
}

bool eq_ctx_init(struct eq_ctx *ctx, const struct eq_run *run, struct tfdc_arena *arena) {
  *ctx = (struct eq_ctx){.run = run, .arena = arena};
  size_t slots = 16;
  while (slots < 2 * run->n_series) slots *= 2;
  ctx->index_mask = slots - 1;
  ctx->index = alloc_zero(ctx, slots, sizeof *ctx->index);
  ctx->leaves = alloc_zero(ctx, run->n_series, sizeof(struct eq_trace *));
  if (ctx->failed) return false;
  for (size_t i = 0; i < run->n_series; i++) {
    const char *name = run->series[i].name;
    if (eq_ctx_series(ctx, name) != SIZE_MAX) continue;
    size_t at = tfdc_xxh3_64(name, strlen(name)) & ctx->index_mask;
    while (ctx->index[at] != 0) at = (at + 1) & ctx->index_mask;
    ctx->index[at] = (uint32_t)(i + 1);
  }
  return true;
}

size_t eq_ctx_series(const struct eq_ctx *ctx, const char *name) {
  size_t at = tfdc_xxh3_64(name, strlen(name)) & ctx->index_mask;
  for (; ctx->index[at] != 0; at = (at + 1) & ctx->index_mask)
    if (strcmp(ctx->run->series[ctx->index[at] - 1].name, name) == 0) return ctx->index[at] - 1;
  return SIZE_MAX;
}

/* --- windows and traces --- */

static bool same_intervals(const struct eq_rwin *a, const struct eq_rwin *b) {
  if (a->n != b->n || a->each != b->each || a->reason != b->reason || a->from_while != b->from_while) return false;
  for (size_t i = 0; i < a->n; i++)
    if (a->iv[i].start != b->iv[i].start || a->iv[i].end != b->iv[i].end || a->iv[i].closed != b->iv[i].closed)
      return false;
  return true;
}

const struct eq_rwin *eq_ctx_window(struct eq_ctx *ctx, const struct eq_rwin *like) {
  for (struct eq_rwin *w = ctx->wins; w != NULL; w = w->next)
    if (same_intervals(w, like)) return w;
  struct eq_rwin *w = eq_ctx_alloc(ctx, 1, sizeof *w);
  if (w == NULL) return NULL;
  *w = *like;
  w->next = ctx->wins;
  ctx->wins = w;
  return w;
}

struct eq_trace *eq_trace_new(struct eq_ctx *ctx, const struct eq_rwin *win) {
  struct eq_trace *tr = alloc_zero(ctx, 1, sizeof *tr);
  if (tr == NULL) return NULL;
  tr->win = win;
  tr->seg = alloc_zero(ctx, win->n, sizeof *tr->seg);
  tr->each = alloc_zero(ctx, win->n, sizeof(struct eq_data *));
  return ctx->failed ? NULL : tr;
}

/* Index of the first sample at or after t. */
static size_t lower_bound(const int64_t *t_us, size_t n, int64_t t) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (t_us[mid] < t)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

struct eq_trace *eq_trace_leaf(struct eq_ctx *ctx, size_t series, const struct eq_rwin *win) {
  for (struct eq_trace *tr = ctx->leaves[series]; tr != NULL; tr = tr->next)
    if (tr->win == win) return tr;
  struct eq_trace *tr = eq_trace_new(ctx, win);
  if (tr == NULL) return NULL;
  const struct eq_series *s = &ctx->run->series[series];
  for (size_t i = 0; i < win->n; i++) {
    const struct eq_interval *iv = &win->iv[i];
    size_t from = lower_bound(s->t_us, s->n, iv->start), to = lower_bound(s->t_us, s->n, iv->end);
    if (iv->closed && to < s->n && s->t_us[to] == iv->end) to++;
    if (to <= from) continue;
    tr->seg[i] = (struct eq_seg){s->t_us + from, s->v + from, to - from};
  }
  tr->next = ctx->leaves[series];
  ctx->leaves[series] = tr;
  return tr;
}

/* --- good samples --- */

/* Copies the good samples of all segments behind each other. */
static bool compact(struct eq_ctx *ctx, const struct eq_seg *seg, struct eq_data *d) {
  size_t total = 0, n = 0;
  for (size_t i = 0; i < d->n_seg; i++) total += seg[i].n;
  int64_t *t = eq_ctx_alloc(ctx, total, sizeof *t);
  double *x = eq_ctx_alloc(ctx, total, sizeof *x);
  if (ctx->failed) return false;
  for (size_t i = 0; i < d->n_seg; i++) {
    size_t from = n;
    for (size_t j = 0; j < seg[i].n; j++) {
      if (!isfinite(seg[i].v[j])) continue;
      t[n] = seg[i].t[j];
      x[n++] = seg[i].v[j];
    }
    d->seg[i] = (struct eq_seg){t + from, x + from, n - from};
  }
  d->t = t;
  d->x = x;
  d->n = n;
  d->n_bad = total - n;
  return true;
}

static struct eq_clock *clock_of(struct eq_ctx *ctx, const int64_t *t, size_t n) {
  struct eq_clock **slot = &ctx->clocks[((uintptr_t)t / sizeof *t + n) % EQ_CLOCK_SLOTS];
  for (struct eq_clock *c = *slot; c != NULL; c = c->next)
    if (c->t == t && c->n == n) return c;
  struct eq_clock *c = alloc_zero(ctx, 1, sizeof *c);
  if (c == NULL) return NULL;
  *c = (struct eq_clock){.next = *slot, .t = t, .n = n, .twice_median = -1};
  if (n > 1) eq_kernel_gaps(t, n, &c->gap_min, &c->gap_max);
  *slot = c;
  return c;
}

struct eq_data *eq_trace_data(struct eq_ctx *ctx, struct eq_trace *tr, size_t i) {
  bool all = i == SIZE_MAX;
  if (all && tr->win->n == 1) {
    all = false;
    i = 0;
  }
  struct eq_data **slot = all ? &tr->pooled : &tr->each[i];
  if (*slot != NULL) return *slot;
  struct eq_data *d = alloc_zero(ctx, 1, sizeof *d);
  if (d == NULL) return NULL;
  const struct eq_seg *seg = all ? tr->seg : &tr->seg[i];
  d->n_seg = all ? tr->win->n : 1;
  d->iv = all ? tr->win->iv : &tr->win->iv[i];
  d->seg = alloc_zero(ctx, d->n_seg, sizeof *d->seg);
  d->twice_gap = -1;
  if (d->seg == NULL) return NULL;
  bool borrowed = false;
  if (d->n_seg == 1 && seg[0].n > 0) {
    eq_kernel_scan(seg[0].v, seg[0].n, &d->scan);
    borrowed = d->scan.finite;
  }
  if (borrowed) {
    d->seg[0] = seg[0];
    d->t = seg[0].t;
    d->x = seg[0].v;
    d->n = seg[0].n;
  } else {
    if (!compact(ctx, seg, d)) return NULL;
    if (d->n > 0) eq_kernel_scan(d->x, d->n, &d->scan);
  }
  d->clock = clock_of(ctx, d->t, d->n);
  if (d->clock == NULL) return NULL;
  *slot = d;
  return d;
}

/* Room for n values that nobody keeps; NULL without memory. */
static double *buffer(struct eq_ctx *ctx, size_t n) {
  if (ctx->buffer_n < n) {
    ctx->buffer = eq_ctx_alloc(ctx, n, sizeof *ctx->buffer);
    ctx->buffer_n = ctx->buffer == NULL ? 0 : n;
  }
  return ctx->buffer;
}

/* --- coverage --- */

/* Median of the steps within the segments, doubled; 0 when there is none. */
static int64_t twice_median_gap(struct eq_ctx *ctx, const struct eq_data *d) {
  bool shared = d->n_seg == 1;
  if (shared && d->clock->twice_median >= 0) return d->clock->twice_median;
  double *gaps = buffer(ctx, d->n);
  if (gaps == NULL) return 0;
  size_t n = 0;
  for (size_t i = 0; i < d->n_seg; i++)
    for (size_t j = 0; j + 1 < d->seg[i].n; j++) gaps[n++] = (double)eq_diff_us(d->seg[i].t[j], d->seg[i].t[j + 1]);
  double low = 0, high = 0;
  if (n > 0) eq_kernel_middle(gaps, n, &low, &high);
  int64_t twice = (int64_t)low + (int64_t)high;
  if (shared) d->clock->twice_median = twice;
  return twice;
}

int64_t eq_data_twice_gap(struct eq_ctx *ctx, struct eq_data *d, int64_t max_gap) {
  if (max_gap > 0) return 2 * max_gap;
  if (d->twice_gap < 0) d->twice_gap = 5 * twice_median_gap(ctx, d);
  return d->twice_gap;
}

struct coverage {
  uint64_t covered, length;
};

static struct coverage cover(const struct eq_data *d, int64_t twice_gap) {
  struct coverage c = {0, 0};
  for (size_t i = 0; i < d->n_seg; i++) {
    const struct eq_seg *s = &d->seg[i];
    c.length += (uint64_t)eq_diff_us(d->iv[i].start, d->iv[i].end);
    if (s->n == 0) continue;
    int64_t head = eq_diff_us(d->iv[i].start, s->t[0]), tail = eq_diff_us(s->t[s->n - 1], d->iv[i].end);
    if (2 * head <= twice_gap) c.covered += (uint64_t)head;
    if (2 * tail <= twice_gap) c.covered += (uint64_t)tail;
    bool whole = d->n_seg == 1 && 2 * d->clock->gap_max <= twice_gap;
    c.covered += whole ? (uint64_t)eq_diff_us(s->t[0], s->t[s->n - 1]) : eq_kernel_covered(s->t, s->n, twice_gap);
  }
  return c;
}

/* Quick proof that no gap is too long: all are within 5 of the shortest step, so of the median. */
static bool surely_covered(const struct eq_data *d) {
  if (d->n_seg != 1 || d->n < 2) return false;
  int64_t bound = 5 * d->clock->gap_min;
  return d->clock->gap_max <= bound && eq_diff_us(d->iv[0].start, d->t[0]) <= bound &&
         eq_diff_us(d->t[d->n - 1], d->iv[0].end) <= bound;
}

double eq_data_quality(struct eq_ctx *ctx, struct eq_data *d, int64_t max_gap) {
  if (d->n == 0) return 0;
  double good = (double)d->n / (double)(d->n + d->n_bad);
  if (max_gap == 0 && surely_covered(d)) return good;
  struct coverage c = cover(d, eq_data_twice_gap(ctx, d, max_gap));
  double covered = c.length == 0 ? 1 : (double)c.covered / (double)c.length;
  return (covered < 1 ? covered : 1) * good;
}

/* --- statistics --- */

static double median_of(struct eq_ctx *ctx, struct eq_data *d) {
  if (d->has_median) return d->median;
  double *copy = buffer(ctx, d->n), low, high;
  if (copy == NULL) return (double)NAN;
  memcpy(copy, d->x, d->n * sizeof *copy);
  eq_kernel_middle(copy, d->n, &low, &high);
  d->median = low + 0.5 * (high - low);
  d->has_median = true;
  return d->median;
}

/* Deviations whose squares leave the range of a double are counted in a power of two of their own size. */
static bool wide_spread(struct eq_ctx *ctx, struct eq_data *d) {
  double range = d->scan.max - d->scan.min;
  if (range > 1e-140 && range < 1e140) return false;
  double *copy = buffer(ctx, d->n);
  if (copy == NULL) return true;
  struct eq_scan scan;
  (void)frexp(range < 1 ? range : fmax(fabs(d->scan.min), fabs(d->scan.max)), &d->spread_exp);
  for (size_t i = 0; i < d->n; i++) copy[i] = ldexp(d->x[i], -d->spread_exp);
  eq_kernel_scan(copy, d->n, &scan);
  eq_kernel_spread(copy, d->n, scan.mean0, &d->mean, &d->m2);
  d->mean = ldexp(d->mean, d->spread_exp);
  return true;
}

static void need_spread(struct eq_ctx *ctx, struct eq_data *d) {
  if (d->has_spread) return;
  if (d->scan.min == d->scan.max) {
    d->mean = d->scan.min;
    d->m2 = 0;
  } else if (!wide_spread(ctx, d)) {
    eq_kernel_spread(d->x, d->n, d->scan.mean0, &d->mean, &d->m2);
  }
  d->has_spread = true;
}

static double std_of(struct eq_ctx *ctx, struct eq_data *d) {
  if (d->n < 2) return (double)NAN;
  need_spread(ctx, d);
  return ldexp(sqrt(d->m2 / (double)(d->n - 1)), d->spread_exp);
}

static double slope_of(struct eq_ctx *ctx, struct eq_data *d) {
  if (d->has_slope) return d->slope;
  struct eq_clock *c = d->clock;
  if (d->n < 2) return (double)NAN;
  if (c->tc == NULL) {
    c->tc = eq_ctx_alloc(ctx, c->n, sizeof *c->tc);
    if (c->tc == NULL) return (double)NAN;
    eq_kernel_centre_clock(c->t, c->n, c->tc, &c->mtt);
  }
  need_spread(ctx, d);
  d->slope = eq_kernel_cross(c->tc, d->x, d->n, d->mean) / c->mtt;
  d->has_slope = true;
  return d->slope;
}

static double area_of(struct eq_ctx *ctx, struct eq_data *d, int64_t max_gap) {
  if (d->n < 2) return (double)NAN;
  if (max_gap == 0 && d->has_area) return d->area;
  int64_t twice = max_gap == 0 && surely_covered(d) ? INT64_MAX : eq_data_twice_gap(ctx, d, max_gap);
  double sum = 0;
  for (size_t i = 0; i < d->n_seg; i++)
    if (d->seg[i].n > 1) sum += eq_kernel_area(d->seg[i].t, d->seg[i].v, d->seg[i].n, twice);
  if (max_gap == 0) {
    d->area = sum;
    d->has_area = true;
  }
  return sum;
}

static double sum_of(struct eq_data *d) {
  if (!d->has_sum) d->sum = eq_kernel_sum(d->x, d->n);
  d->has_sum = true;
  return d->sum;
}

double eq_data_stat(struct eq_ctx *ctx, struct eq_data *d, enum eq_fn fn, int64_t max_gap) {
  switch (fn) {
  case EQ_FN_COUNT: return (double)d->n;
  case EQ_FN_MIN: return d->scan.min;
  case EQ_FN_MAX: return d->scan.max;
  case EQ_FN_RANGE: return d->scan.max - d->scan.min;
  case EQ_FN_FIRST: return d->x[0];
  case EQ_FN_LAST: return d->x[d->n - 1];
  case EQ_FN_MEDIAN: return median_of(ctx, d);
  case EQ_FN_SUM: return sum_of(d);
  case EQ_FN_AREA: return area_of(ctx, d, max_gap);
  case EQ_FN_SLOPE: return slope_of(ctx, d);
  case EQ_FN_MEAN: need_spread(ctx, d); return d->mean;
  case EQ_FN_STD: return std_of(ctx, d);
  default: return (double)NAN;
  }
}
