/* SPDX-License-Identifier: Apache-2.0
 * Normal tail: power series (Abramowitz and Stegun 26.2.11) below 2.5, continued fraction (26.2.14) above. Student's t:
 * incomplete beta function by its continued fraction (26.5.8, evaluated by the method of Lentz). */
#include "spc/fit/dist.h"

#include "base/err.h"

#include <float.h>
#include <math.h>
#include <sleef.h>

#define INV_SQRT_2PI 0.39894228040143267794
#define INV_SQRT_PI  0.56418958354775628695

static double ln(double x) { return Sleef_cinz_logd1_u10purec(x); }
static double ex(double x) { return Sleef_cinz_expd1_u10purec(x); }

static double normal_density(double z) { return INV_SQRT_2PI * ex(-0.5 * z * z); }

double spc_normal_tail(double z) {
  if (z < 0) return 1 - spc_normal_tail(-z);
  if (z > 38) return 0;
  if (z < 2.5) {
    double term = z, sum = z;
    for (int k = 3; term > sum * DBL_EPSILON * 0.25; k += 2) {
      term *= z * z / k;
      sum += term;
    }
    return 0.5 - normal_density(z) * sum;
  }
  double f = z;
  for (int k = 120; k >= 1; k--) f = z + k / f;
  return normal_density(z) / f;
}

double spc_normal_upper(double p) {
  TFDC_ASSERT(p > 0 && p < 1);
  if (p > 0.5) return -spc_normal_upper(1 - p);
  double z = p < 0.1 ? sqrt(-2 * ln(p * 2.5)) : 0.5;
  /* Newton on ln tail, which is concave: converges from anywhere. */
  for (int i = 0; i < 60; i++) {
    double tail = spc_normal_tail(z);
    double step = (ln(tail) - ln(p)) * tail / normal_density(z);
    z += step;
    if (fabs(step) <= 4e-16 * fabs(z)) break;
  }
  return z;
}

/* ln of Gamma(a + 1/2) / Gamma(a): asymptotic series after shifting a to 20 or more. */
static double ln_gamma_half_ratio(double a) {
  double product = 1;
  for (; a < 20; a += 1) product *= (a + 0.5) / a;
  double q = 1 / (a * a);
  double series = (-1.0 / 8 + q * (1.0 / 192 + q * (-1.0 / 640 + q * (17.0 / 14336 - q * 31.0 / 18432)))) / a;
  return 0.5 * ln(a) + series - ln(product);
}

static double away_from_zero(double v) { return fabs(v) < 1e-300 ? 1e-300 : v; }

/* Continued fraction of the incomplete beta function I_x(a, b), without its factor in front. */
static double beta_fraction(double x, double a, double b) {
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), f = d;
  for (int m = 1; m <= 500; m++) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    f *= d * c;
    double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    f *= d * c;
    if (fabs(d * c - 1) < 3e-16) break;
  }
  return f;
}

/* Density of t without the factor (1 + t^2/dof)^(-1/2): the factor that the incomplete beta function shares. */
static double t_core(double t, double dof) {
  double a = dof / 2;
  return ex(ln_gamma_half_ratio(a) - a * Sleef_cinz_log1pd1_u10purec(t * t / dof)) * INV_SQRT_PI;
}

double spc_t_tail(double t, double dof) {
  TFDC_ASSERT(dof > 0);
  if (t < 0) return 1 - spc_t_tail(-t, dof);
  if (isinf(t)) return 0;
  double a = dof / 2, w = t * t / (dof + t * t); /* w = 1 - x */
  double front = t_core(t, dof) * sqrt(w);
  if (dof / (dof + t * t) < (a + 1) / (a + 2.5)) return 0.5 * front / a * beta_fraction(1 - w, a, 0.5);
  return 0.5 * (1 - front / 0.5 * beta_fraction(w, 0.5, a));
}

static double t_density(double t, double dof) { return t_core(t, dof) / sqrt(dof + t * t); }

double spc_t_upper(double p, double dof) {
  TFDC_ASSERT(p > 0 && p < 1 && dof > 0);
  if (p == 0.5) return 0;
  if (p > 0.5) return -spc_t_upper(1 - p, dof);
  double lo = 0, hi = 1;
  while (spc_t_tail(hi, dof) > p && hi < 1e100) lo = hi, hi *= 2;
  double t = 0.5 * (lo + hi);
  for (int i = 0; i < 200; i++) {
    double tail = spc_t_tail(t, dof);
    if (tail > p)
      lo = t;
    else
      hi = t;
    double next = t + (ln(tail) - ln(p)) * tail / t_density(t, dof);
    if (!(next > lo && next < hi)) next = 0.5 * (lo + hi);
    if (fabs(next - t) <= 4e-16 * t) return next;
    t = next;
  }
  return t;
}
