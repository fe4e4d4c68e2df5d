/* SPDX-License-Identifier: Apache-2.0 */
#include "app/report/scale.h"

#include <math.h>
#include <stdio.h>

double scale_at(const struct scale *s, double v) { return s->from + (v - s->lo) / (s->hi - s->lo) * (s->to - s->from); }

void scale_widen(double *lo, double *hi) {
  if (!isfinite(*lo) || !isfinite(*hi)) *lo = 0, *hi = 1;
  if (*lo > *hi) {
    double lower = *hi;
    *hi = *lo;
    *lo = lower;
  }
  double least = fmax(fabs(*lo), fabs(*hi)) * 1e-9;
  if (*hi - *lo > least) return;
  double by = *lo == 0 ? 1 : fabs(*lo) * 0.05;
  *lo -= by;
  *hi += by;
}

struct ticks scale_ticks(double lo, double hi, size_t most) {
  double rough = (hi - lo) / (double)(most > 0 ? most : 1);
  double power = pow(10, floor(log10(rough))), part = rough / power;
  double step = power * (part <= 1.0 + 1e-9 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
  struct ticks t = {.step = step};
  t.first = ceil(lo / step - 1e-9) * step;
  double n = floor((hi - t.first) / step + 1e-9) + 1;
  t.n = n > 0 && n <= (double)most + 1 ? (size_t)n : 0;
  return t;
}

char *scale_tick_text(const struct ticks *t, size_t i, char *buf) {
  enum { BUF = 40 };
  double v = scale_tick(t, i);
  if (fabs(v) < t->step * 1e-6) v = 0;
  int digits = (int)-floor(log10(t->step) + 1e-9);
  double largest = fmax(fabs(t->first), fabs(scale_tick(t, t->n)));
  if (digits > 6 || largest >= 1e12) {
    int significant = (int)ceil(log10(largest / t->step) + 1.0001);
    (void)snprintf(buf, BUF, "%.*g", significant < 3 ? 3 : significant > 15 ? 15 : significant, v);
  } else {
    (void)snprintf(buf, BUF, "%.*f", digits > 0 ? digits : 0, v);
  }
  return buf;
}

void scale_spread(double *at, size_t n, double least, double from, double to) {
  for (size_t i = 0; i < n; i++) {
    double low = i == 0 ? from : at[i - 1] + least;
    if (at[i] < low) at[i] = low;
  }
  for (size_t i = n; i-- > 0;) {
    double high = i + 1 == n ? to : at[i + 1] - least;
    if (at[i] > high) at[i] = high;
  }
}
