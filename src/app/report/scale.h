/* SPDX-License-Identifier: Apache-2.0
 * From values to places on a drawing, and the round numbers that stand at an axis. Pure. */
#ifndef APP_REPORT_SCALE_H
#define APP_REPORT_SCALE_H

#include "base/err.h"

struct scale {
  double lo, hi;   /* values, lo < hi */
  double from, to; /* where they are drawn; to < from for an axis that points up */
};
double scale_at(const struct scale *s, double v);
/* Makes lo < hi of any two numbers, also of equal ones and NaN. */
void scale_widen(double *lo, double *hi);

/* Round numbers (1, 2, 5 times a power of ten) inside lo..hi. */
struct ticks {
  double first, step;
  size_t n; /* at most the number asked for + 1 */
};
struct ticks scale_ticks(double lo, double hi, size_t most);
static inline double scale_tick(const struct ticks *t, size_t i) { return t->first + (double)i * t->step; }
/* The number with as many digits as the step needs; buf of at least 40 bytes, returned. */
char *scale_tick_text(const struct ticks *t, size_t i, char *buf);

/* Moves labels apart: at[0..n) rise; afterwards neighbours are `least` apart where from..to has room. n <= 16. */
void scale_spread(double *at, size_t n, double least, double from, double to);

#endif
