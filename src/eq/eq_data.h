/* SPDX-License-Identifier: Apache-2.0
 * One run under evaluation: windows resolved to intervals, traces cut by them, and the statistics of each, made on
 * demand and kept for all programs of the run. Everything lives in the scratch arena. Internal to eq. */
#ifndef EQ_EQ_DATA_H
#define EQ_EQ_DATA_H

#include "eq/eq_kernel.h"

struct eq_interval {
  int64_t start, end;
  bool closed; /* a sample at `end` belongs to it */
};
/* A window of this run. Windows with equal intervals are one object. */
struct eq_rwin {
  struct eq_rwin *next;
  size_t n;
  struct eq_interval *iv;
  bool each;
  bool from_while;       /* its intervals come from a condition */
  enum eq_reason reason; /* why there is none */
};

/* The steps of a clock; shared by all series with that clock in that window. */
struct eq_clock {
  struct eq_clock *next;
  const int64_t *t;
  size_t n;
  int64_t gap_min, gap_max; /* when n > 1 */
  int64_t twice_median;     /* -1: not known yet */
  double *tc, mtt;          /* of the slope; tc NULL: not known yet */
};

struct eq_seg { /* the samples of one interval */
  const int64_t *t;
  const double *v;
  size_t n;
};

/* Good samples of one interval, or of all pooled, and what is known of them. */
struct eq_data {
  size_t n, n_bad;
  const int64_t *t; /* contiguous */
  const double *x;
  const struct eq_interval *iv; /* [n_seg] */
  struct eq_seg *seg;           /* [n_seg] parts of t and x */
  size_t n_seg;
  struct eq_scan scan; /* when n > 0 */
  struct eq_clock *clock;
  int64_t twice_gap; /* the default of max_gap; -1: not known yet */
  bool has_spread, has_sum, has_slope, has_area, has_median;
  double mean, m2, sum, slope, area, median;
  int spread_exp; /* m2 is in units of 4^spread_exp */
};

/* A series (or condition) in a window. */
struct eq_trace {
  struct eq_trace *next;
  const struct eq_rwin *win;
  enum eq_reason reason; /* why there are no samples at all */
  struct eq_seg *seg;    /* [win->n]; bad samples included */
  struct eq_data *pooled, **each;
};

enum { EQ_CLOCK_SLOTS = 256 };
struct eq_ctx {
  const struct eq_run *run;
  struct tfdc_arena *arena;
  bool failed;     /* no memory */
  uint32_t *index; /* series by hash of the name; 0 none, else number + 1 */
  size_t index_mask;
  struct eq_trace **leaves; /* [n_series] traces made so far */
  struct eq_rwin *wins;
  struct eq_clock *clocks[EQ_CLOCK_SLOTS];
  double *buffer; /* for selections */
  size_t buffer_n;
};

/* NULL and ctx->failed without memory. */
void *eq_ctx_alloc(struct eq_ctx *ctx, size_t count, size_t size);
TFDC_MUST_USE bool eq_ctx_init(struct eq_ctx *ctx, const struct eq_run *run, struct tfdc_arena *arena);
/* SIZE_MAX when the run does not have it. */
size_t eq_ctx_series(const struct eq_ctx *ctx, const char *name);
/* The one object for these intervals. */
const struct eq_rwin *eq_ctx_window(struct eq_ctx *ctx, const struct eq_rwin *like);
struct eq_trace *eq_trace_new(struct eq_ctx *ctx, const struct eq_rwin *win);
/* Trace of a series of the run; NULL without memory. */
struct eq_trace *eq_trace_leaf(struct eq_ctx *ctx, size_t series, const struct eq_rwin *win);
/* Good samples of interval i, or of all together (SIZE_MAX); NULL without memory. */
struct eq_data *eq_trace_data(struct eq_ctx *ctx, struct eq_trace *tr, size_t i);

/* Longest gap that counts as covered, doubled to stay whole: 5 medians, or the one asked for (us; 0 none asked). */
int64_t eq_data_twice_gap(struct eq_ctx *ctx, struct eq_data *d, int64_t max_gap);
/* Covered share times good share, 0..1. */
double eq_data_quality(struct eq_ctx *ctx, struct eq_data *d, int64_t max_gap);
/* NaN where it is not defined (std of one sample); n >= 1. */
double eq_data_stat(struct eq_ctx *ctx, struct eq_data *d, enum eq_fn fn, int64_t max_gap);

#endif
