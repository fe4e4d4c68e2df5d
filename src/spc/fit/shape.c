/* SPDX-License-Identifier: Apache-2.0
 * Shapes of the charts' distributions. Skewness and kurtosis of one chart from some hundred runs are noisy, so each is
 * drawn towards the mean of the partition's charts as far as its own noise explains the difference (empirical Bayes).
 */
#include "spc/fit/work.h"

#include <math.h>

/* Deviate for which the tails are compared: about the common width of a few hundred charts. */
#define SHAPE_Z    4.0
#define FACTOR_MAX 2.5
/* Runs from which a shape is worth looking at. */
#define SHAPE_RUNS 20.0

/* Central moment of order 2, 3, 4 in central[0..2]; false when there is nothing to divide by. */
static bool central_moments(const struct spc_fit_moments *m, double central[3]) {
  if (m->n < SHAPE_RUNS) return false;
  double a = m->sum[0] / m->n, b = m->sum[1] / m->n, c = m->sum[2] / m->n, d = m->sum[3] / m->n;
  central[0] = b - a * a;
  central[1] = c - 3 * a * b + 2 * a * a * a;
  central[2] = d - 4 * a * c + 6 * a * a * b - 3 * a * a * a * a;
  return central[0] > 1e-12;
}

double spc_fit_skew(const struct spc_fit_moments *m) {
  double c[3];
  return central_moments(m, c) ? c[1] / (c[0] * sqrt(c[0])) : 0;
}

double spc_fit_kurtosis(const struct spc_fit_moments *m) {
  double c[3];
  return central_moments(m, c) ? c[2] / (c[0] * c[0]) - 3 : 0;
}

struct spc_fit_moments spc_fit_without(const struct spc_fit_moments *m, double z) {
  struct spc_fit_moments ret = *m;
  double power = 1;
  ret.n -= 1;
  for (int k = 0; k < 4; k++) ret.sum[k] -= power *= z;
  return ret;
}

/* Sampling variances: those of a normal sample, grown with the tails by powers that fit t deviates of 6 and more
 * degrees of freedom. */
static double skew_error(double n, double kurtosis) { return 6 / n * (1 + kurtosis) * (1 + kurtosis); }
static double kurtosis_error(double n, double kurtosis) {
  double q = (1 + kurtosis) * (1 + kurtosis);
  return 24 / n * q * q;
}

void spc_fit_pool_shapes(const struct spc_fit_moments *moments, size_t n, struct spc_fit_pool *ret) {
  *ret = (struct spc_fit_pool){0};
  double count = 0;
  for (size_t j = 0; j < n; j++) {
    if (moments[j].n < SHAPE_RUNS) continue;
    count += 1;
    ret->skew += spc_fit_skew(&moments[j]);
    ret->kurtosis += spc_fit_kurtosis(&moments[j]);
  }
  if (count == 0) return;
  ret->skew /= count;
  ret->kurtosis = fmax(ret->kurtosis / count, 0);
  for (size_t j = 0; j < n; j++) {
    const struct spc_fit_moments *m = &moments[j];
    if (m->n < SHAPE_RUNS) continue;
    double s = spc_fit_skew(m) - ret->skew, k = spc_fit_kurtosis(m) - ret->kurtosis;
    ret->skew_var += (s * s - skew_error(m->n, ret->kurtosis)) / count;
    ret->kurtosis_var += (k * k - kurtosis_error(m->n, ret->kurtosis)) / count;
  }
  ret->skew_var = fmax(ret->skew_var, 0);
  ret->kurtosis_var = fmax(ret->kurtosis_var, 0);
}

static double towards(double mean, double variance, double error, double estimate) {
  return mean + variance / (variance + error) * (estimate - mean);
}

/* Third-order Cornish-Fisher expansion of the upper quantile at SHAPE_Z, over that of a normal. */
static double factor_of(double skew, double kurtosis) {
  const double z = SHAPE_Z;
  double q = z + (z * z - 1) * skew / 6 + (z * z * z - 3 * z) * fmax(kurtosis, 0) / 24 -
             (2 * z * z * z - 5 * z) * skew * skew / 36;
  return fmin(fmax(q / z, 1), FACTOR_MAX);
}

double spc_fit_pool_factor(const struct spc_fit_pool *pool) { return factor_of(fabs(pool->skew), pool->kurtosis); }

double spc_fit_factor(const struct spc_fit_moments *m, const struct spc_fit_pool *pool, int sign) {
  if (m->n < SHAPE_RUNS) return 1;
  double skew = towards(pool->skew, pool->skew_var, skew_error(m->n, pool->kurtosis), spc_fit_skew(m));
  double kurtosis =
      towards(pool->kurtosis, pool->kurtosis_var, kurtosis_error(m->n, pool->kurtosis), spc_fit_kurtosis(m));
  return factor_of(sign * skew, kurtosis);
}
