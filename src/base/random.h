/* SPDX-License-Identifier: Apache-2.0
 * Seeded random numbers for the simulator, tests and benchmarks: SplitMix64 and the polar method. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <math.h>
#include <stdint.h>

struct random_source {
  uint64_t state; /* the seed */
};

static inline uint64_t random_u64(struct random_source *r) {
  uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* In (0, 1). */
static inline double random_unit(struct random_source *r) {
  return ((double)(random_u64(r) >> 12) + 0.5) / 4503599627370496.0;
}

static inline double random_normal(struct random_source *r) {
  for (;;) {
    double a = 2 * random_unit(r) - 1, b = 2 * random_unit(r) - 1, q = a * a + b * b;
    if (q > 0 && q < 1) return a * sqrt(-2 * log(q) / q);
  }
}

#endif
