/* SPDX-License-Identifier: Apache-2.0
 * The resolution of a sensor, read off its values: Euclid's algorithm on their distances. */
#include "core/learn_priv.h"

#include <math.h>

/* Enough to know a grid, or that there is none. */
#define VALUES_MAX 20000
/* Values of single precision are that far off a decimal grid. */
#define NOISE 1e-7
/* A finer step than this part of the values is no resolution but rounding. */
#define STEP_MIN 1e-5
/* A sensor that seldom changes shows its set points, not its resolution. */
#define CHANGES_MIN 0.05

static double nearest_rest(double distance, double step) {
  return fabs(distance - step * floor(distance / step + 0.5));
}

static void add_one(struct learn_grid *g, double v) {
  if (g->n++ == 0) {
    g->first = g->last = v;
    g->magnitude = fabs(v);
    return;
  }
  if (fabs(v) > g->magnitude) g->magnitude = fabs(v);
  double distance = fabs(v - g->first), noise = NOISE * g->magnitude;
  g->changes += fabs(v - g->last) > noise;
  g->last = v;
  if (distance <= noise) return;
  if (distance > g->reach) g->reach = distance;
  if (g->step == 0) {
    g->step = distance;
    return;
  }
  for (double rest = nearest_rest(distance, g->step); rest > noise; rest = nearest_rest(distance, g->step)) {
    distance = g->step;
    g->step = rest;
  }
  g->off = g->step < STEP_MIN * g->magnitude;
}

void learn_grid_add(struct learn_grid *g, const double *v, size_t n) {
  for (size_t i = 0; i < n && !g->off && g->n < VALUES_MAX; i++)
    if (isfinite(v[i])) add_one(g, v[i]);
}

double learn_grid_step(const struct learn_grid *g) {
  bool measures = (double)g->changes >= CHANGES_MIN * (double)g->n && g->reach > 1.5 * g->step;
  return g->off || !measures ? 0 : g->step;
}
