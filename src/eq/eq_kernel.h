/* SPDX-License-Identifier: Apache-2.0
 * The loops over samples. These scalar loops are the definition: sums run in 8 lanes (sample i into lane i mod 8) and
 * are joined in one fixed tree, so that a vector version gives the same bits. Samples are finite unless said
 * otherwise; arrays are contiguous. Internal to eq. */
#ifndef EQ_EQ_KERNEL_H
#define EQ_EQ_KERNEL_H

#include "eq/eq_program.h"

struct eq_scan {
  double min, max;
  double mean0; /* first guess of the mean */
  bool finite;  /* false: bad samples are among them, the rest means nothing */
};
/* n >= 1; samples may be bad. */
void eq_kernel_scan(const double *x, size_t n, struct eq_scan *ret);
/* Corrected two-pass mean and M2 (Chan, Golub, LeVeque 1983), from the guess of the scan. */
void eq_kernel_spread(const double *x, size_t n, double mean0, double *ret_mean, double *ret_m2);
/* Compensated sum (Neumaier 1974, branch-free by Knuth's two-sum). */
double eq_kernel_sum(const double *x, size_t n);
/* Seconds since the mean time, and the sum of their squares. */
void eq_kernel_centre_clock(const int64_t *t_us, size_t n, double *ret_tc, double *ret_mtt);
/* sum tc (x - mean) */
double eq_kernel_cross(const double *tc, const double *x, size_t n, double mean);
/* Trapezoids in unit * s over gaps with 2 gap <= twice_max_gap. */
double eq_kernel_area(const int64_t *t_us, const double *x, size_t n, int64_t twice_max_gap);
/* Shortest and longest step of a clock; n >= 2. */
void eq_kernel_gaps(const int64_t *t_us, size_t n, int64_t *ret_min, int64_t *ret_max);
/* Sum of the steps with 2 gap <= twice_max_gap. */
uint64_t eq_kernel_covered(const int64_t *t_us, size_t n, int64_t twice_max_gap);
/* The two middle values (equal for odd n) of n >= 1; the array is reordered. Exact, at most O(n log n)-like time. */
void eq_kernel_middle(double *x, size_t n, double *ret_low, double *ret_high);

/* out[i] = node(x[i], y[i], z[i]): missing where an operand is. out may be one of the operands. */
void eq_kernel_apply(const struct eq_node *node, const double *x, const double *y, const double *z, size_t n,
                     double *out);

/* b - a for time stamps of which b is the later, bounded so that no sum or product of a few overflows. */
static inline int64_t eq_diff_us(int64_t a, int64_t b) {
  const uint64_t most = UINT64_C(1) << 56;
  uint64_t d = b > a ? (uint64_t)b - (uint64_t)a : 0;
  return (int64_t)(d < most ? d : most);
}

#endif
