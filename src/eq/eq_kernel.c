/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_kernel.h"

#include <math.h>
#include <sleef.h>

enum { LANES = 8, SHORT = 16 };

static double join(const double s[LANES]) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }

static double smaller(double a, double b) { return b < a ? b : a; }
static double larger(double a, double b) { return b > a ? b : a; }

void eq_kernel_scan(const double *x, size_t n, struct eq_scan *ret) {
  double sum[LANES] = {0}, low[LANES], high[LANES], poison[LANES] = {0};
  const double x0 = x[0];
  for (int j = 0; j < LANES; j++) low[j] = high[j] = x0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int j = 0; j < LANES; j++) {
      double v = x[i + (size_t)j];
      sum[j] += v - x0;
      poison[j] += v - v;
      low[j] = smaller(low[j], v);
      high[j] = larger(high[j], v);
    }
  }
  for (int j = 0; i < n; i++, j++) {
    sum[j] += x[i] - x0;
    poison[j] += x[i] - x[i];
    low[j] = smaller(low[j], x[i]);
    high[j] = larger(high[j], x[i]);
  }
  for (int j = 1; j < LANES; j++) {
    low[0] = smaller(low[0], low[j]);
    high[0] = larger(high[0], high[j]);
  }
  *ret = (struct eq_scan){low[0], high[0], x0 + join(sum) / (double)n, join(poison) == 0};
}

void eq_kernel_spread(const double *x, size_t n, double mean0, double *ret_mean, double *ret_m2) {
  double sum[LANES] = {0}, squares[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int j = 0; j < LANES; j++) {
      double d = x[i + (size_t)j] - mean0;
      sum[j] += d;
      squares[j] += d * d;
    }
  }
  for (int j = 0; i < n; i++, j++) {
    double d = x[i] - mean0;
    sum[j] += d;
    squares[j] += d * d;
  }
  double s = join(sum), m2 = join(squares) - s * s / (double)n;
  *ret_mean = mean0 + s / (double)n;
  *ret_m2 = m2 > 0 ? m2 : m2 < 0 ? 0 : m2;
}

/* hi + lo is exactly the sum before plus v (but for the rounding of lo). */
static void add_two(double *hi, double *lo, double v) {
  double s = *hi + v, bb = s - *hi;
  *lo += (*hi - (s - bb)) + (v - bb);
  *hi = s;
}

static double join_two(const double hi[LANES], const double lo[LANES]) {
  double h = 0, l = 0;
  for (int j = 0; j < LANES; j++) add_two(&h, &l, hi[j]);
  return h + (l + join(lo));
}

double eq_kernel_sum(const double *x, size_t n) {
  double hi[LANES] = {0}, lo[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) add_two(&hi[j], &lo[j], x[i + (size_t)j]);
  for (int j = 0; i < n; i++, j++) add_two(&hi[j], &lo[j], x[i]);
  return join_two(hi, lo);
}

void eq_kernel_centre_clock(const int64_t *t_us, size_t n, double *ret_tc, double *ret_mtt) {
  double squares[LANES] = {0};
  for (size_t i = 0; i < n; i++) ret_tc[i] = (double)eq_diff_us(t_us[0], t_us[i]) / 1e6;
  double mean = eq_kernel_sum(ret_tc, n) / (double)n;
  for (size_t i = 0; i < n; i++) {
    double d = ret_tc[i] - mean;
    ret_tc[i] = d;
    squares[i % LANES] += d * d;
  }
  *ret_mtt = join(squares);
}

double eq_kernel_cross(const double *tc, const double *x, size_t n, double mean) {
  double sum[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) sum[j] += tc[i + (size_t)j] * (x[i + (size_t)j] - mean);
  for (int j = 0; i < n; i++, j++) sum[j] += tc[i] * (x[i] - mean);
  return join(sum);
}

double eq_kernel_area(const int64_t *t_us, const double *x, size_t n, int64_t twice_max_gap) {
  double hi[LANES] = {0}, lo[LANES] = {0};
  for (size_t i = 0; i + 1 < n; i++) {
    int64_t gap = eq_diff_us(t_us[i], t_us[i + 1]);
    double part = (x[i] * 0.5 + x[i + 1] * 0.5) * ((double)gap / 1e6);
    add_two(&hi[i % LANES], &lo[i % LANES], 2 * gap <= twice_max_gap ? part : 0);
  }
  return join_two(hi, lo);
}

void eq_kernel_gaps(const int64_t *t_us, size_t n, int64_t *ret_min, int64_t *ret_max) {
  int64_t low = eq_diff_us(t_us[0], t_us[1]), high = low;
  for (size_t i = 1; i + 1 < n; i++) {
    int64_t gap = eq_diff_us(t_us[i], t_us[i + 1]);
    low = gap < low ? gap : low;
    high = gap > high ? gap : high;
  }
  *ret_min = low;
  *ret_max = high;
}

uint64_t eq_kernel_covered(const int64_t *t_us, size_t n, int64_t twice_max_gap) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 1 < n; i++) {
    int64_t gap = eq_diff_us(t_us[i], t_us[i + 1]);
    sum += 2 * gap <= twice_max_gap ? (uint64_t)gap : 0;
  }
  return sum;
}

/* --- selection --- */

static void swap(double *a, double *b) {
  double t = *a;
  *a = *b;
  *b = t;
}

/* Shell sort with Ciura's gaps: for short ranges and as the way out of bad pivots. */
static void sort(double *x, size_t n) {
  static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
  for (size_t g = n / 2; g > 1750; g = g * 4 / 9)
    for (size_t i = g; i < n; i++)
      for (size_t j = i; j >= g && x[j] < x[j - g]; j -= g) swap(&x[j], &x[j - g]);
  for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++)
    for (size_t i = gaps[k]; i < n; i++)
      for (size_t j = i; j >= gaps[k] && x[j] < x[j - gaps[k]]; j -= gaps[k]) swap(&x[j], &x[j - gaps[k]]);
}

/* Hoare's selection: afterwards x[k] is the k-th smallest, smaller ones before it, larger ones behind. */
static void select_kth(double *x, size_t n, size_t k) {
  size_t low = 0, high = n, tries = 0;
  while (high - low > SHORT && tries < 64) {
    size_t mid = low + (high - low) / 2;
    if (x[mid] < x[low]) swap(&x[mid], &x[low]);
    if (x[high - 1] < x[low]) swap(&x[high - 1], &x[low]);
    if (x[high - 1] < x[mid]) swap(&x[high - 1], &x[mid]);
    double pivot = x[mid];
    size_t i = low, j = high - 1;
    for (;;) {
      while (x[i] < pivot) i++;
      while (pivot < x[j]) j--;
      if (i >= j) break;
      swap(&x[i++], &x[j--]);
    }
    /* everything before i is <= pivot, from there on >= pivot; low < i < high */
    if (k < i)
      high = i;
    else
      low = i;
    tries++;
  }
  sort(x + low, high - low);
}

void eq_kernel_middle(double *x, size_t n, double *ret_low, double *ret_high) {
  size_t k = n / 2;
  select_kth(x, n, k);
  *ret_low = *ret_high = x[k];
  if (n % 2 == 1) return;
  double below = x[0];
  for (size_t i = 1; i < k; i++) below = larger(below, x[i]);
  *ret_low = below;
}

/* --- elementwise --- */

/* 0 for a number, NaN for a bad one: added to a result, it makes that missing where an operand is. */
static double mark(double x) { return x - x; }

static double compare(enum eq_op op, double x, double y) {
  switch (op) {
  case EQ_OP_LT: return x < y;
  case EQ_OP_LE: return x <= y;
  case EQ_OP_GT: return x > y;
  case EQ_OP_GE: return x >= y;
  case EQ_OP_EQ: return x == y;
  case EQ_OP_NE: return x != y;
  case EQ_OP_AND: return x != 0 && y != 0;
  default: return x != 0 || y != 0;
  }
}

static void apply_unary(const struct eq_node *node, const double *x, size_t n, double *out) {
  switch ((enum eq_op)node->op) {
  case EQ_OP_SCALE:
    for (size_t i = 0; i < n; i++) out[i] = x[i] * node->k + node->k2;
    break;
  case EQ_OP_NEG:
    for (size_t i = 0; i < n; i++) out[i] = -x[i];
    break;
  case EQ_OP_NOT:
    for (size_t i = 0; i < n; i++) out[i] = (x[i] == 0) + mark(x[i]);
    break;
  case EQ_OP_ABS:
    for (size_t i = 0; i < n; i++) out[i] = fabs(x[i]);
    break;
  case EQ_OP_SQRT:
    for (size_t i = 0; i < n; i++) out[i] = sqrt(x[i]);
    break;
  case EQ_OP_LOG:
    for (size_t i = 0; i < n; i++) out[i] = Sleef_cinz_logd1_u10purec(x[i]);
    break;
  default:
    for (size_t i = 0; i < n; i++) out[i] = Sleef_cinz_expd1_u10purec(x[i]) + mark(x[i]);
    break;
  }
}

static void apply_binary(const struct eq_node *node, const double *x, const double *y, size_t n, double *out) {
  enum eq_op op = (enum eq_op)node->op;
  switch (op) {
  case EQ_OP_ADD:
    for (size_t i = 0; i < n; i++) out[i] = x[i] + y[i];
    break;
  case EQ_OP_SUB:
    for (size_t i = 0; i < n; i++) out[i] = x[i] - y[i];
    break;
  case EQ_OP_MUL:
    for (size_t i = 0; i < n; i++) out[i] = x[i] * y[i] + mark(x[i]) + mark(y[i]);
    break;
  case EQ_OP_DIV:
    for (size_t i = 0; i < n; i++) out[i] = x[i] / y[i] + mark(y[i]);
    break;
  case EQ_OP_POW:
    for (size_t i = 0; i < n; i++) out[i] = Sleef_cinz_powd1_u10purec(x[i], y[i]) + mark(x[i]) + mark(y[i]);
    break;
  case EQ_OP_MIN2:
    for (size_t i = 0; i < n; i++) out[i] = smaller(x[i], y[i]) + mark(x[i]) + mark(y[i]);
    break;
  case EQ_OP_MAX2:
    for (size_t i = 0; i < n; i++) out[i] = larger(x[i], y[i]) + mark(x[i]) + mark(y[i]);
    break;
  default:
    for (size_t i = 0; i < n; i++) out[i] = compare(op, x[i], y[i]) + mark(x[i]) + mark(y[i]);
    break;
  }
}

void eq_kernel_apply(const struct eq_node *node, const double *x, const double *y, const double *z, size_t n,
                     double *out) {
  if (node->op == EQ_OP_IF) {
    for (size_t i = 0; i < n; i++) out[i] = (x[i] != 0 ? y[i] : z[i]) + mark(x[i]);
  } else if (node->op >= EQ_OP_ADD) {
    apply_binary(node, x, y, n, out);
  } else {
    apply_unary(node, x, n, out);
  }
}

double eq_apply(const struct eq_node *node, double x, double y, double z) {
  double r;
  eq_kernel_apply(node, &x, &y, &z, 1, &r);
  return r;
}
