/* SPDX-License-Identifier: Apache-2.0
 * The patterns. Nelson, "The Shewhart control chart: tests for special causes", J. Quality Technology 16 (1984);
 * Western Electric, "Statistical quality control handbook" (1956). */
#include "spc/rule_kind.h"

#include <math.h>
#include <stdlib.h>

/* Nelson 1, 5, 6: "one point beyond 3 sigma", "2 of 3 beyond 2 sigma", "4 of 5 beyond 1 sigma", on the same side. The
 * newest point must be one of them, so that a pattern is flagged when it is completed and not again by a good point. */
static bool beyond(const struct spc_state *s, const struct spc_rule *r) {
  double newest = s->ring[s->n_ring - 1];
  if (!(fabs(newest) > r->z0)) return false;
  uint32_t first = s->n_ring > r->n ? s->n_ring - r->n : 0, count = 0;
  for (uint32_t i = first; i < s->n_ring; i++) count += newest > 0 ? s->ring[i] > r->z0 : s->ring[i] < -r->z0;
  return count >= r->k;
}

/* Nelson 2: "9 in a row on one side of the centre line". */
static bool side(const struct spc_state *s, const struct spc_rule *r) { return labs(s->side) >= (long)r->n; }

/* Nelson 3: "6 points strictly increasing or strictly decreasing", which are 5 steps. */
static bool trend(const struct spc_state *s, const struct spc_rule *r) { return labs(s->trend) >= (long)r->n - 1; }

/* Nelson 4: "14 points alternating up and down", which are 13 steps, each opposite to the last. */
static bool alternate(const struct spc_state *s, const struct spc_rule *r) {
  return labs(s->alternate) >= (long)r->n - 1;
}

/* Nelson 7: "15 in a row within 1 sigma, either side"; equality is inside. */
static bool inside(const struct spc_state *s, const struct spc_rule *r) {
  if (s->n_ring < r->n) return false;
  for (uint32_t i = s->n_ring - r->n; i < s->n_ring; i++)
    if (fabs(s->ring[i]) > r->z0) return false;
  return true;
}

/* Nelson 8: "8 in a row beyond 1 sigma, both sides allowed". */
static bool outside_both(const struct spc_state *s, const struct spc_rule *r) {
  if (s->n_ring < r->n) return false;
  for (uint32_t i = s->n_ring - r->n; i < s->n_ring; i++)
    if (!(fabs(s->ring[i]) > r->z0)) return false;
  return true;
}

const struct spc_rule_row spc_rule_rows[SPC_RULE_KIND_COUNT] = {
    [SPC_BEYOND] = {"beyond", true, true, true, 1, SPC_RING_MAX, beyond},
    [SPC_SIDE] = {"side", false, false, false, 2, SPC_RULE_N_MAX, side},
    [SPC_TREND] = {"trend", false, false, false, 2, SPC_RULE_N_MAX, trend},
    [SPC_ALTERNATE] = {"alternate", false, false, false, 3, SPC_RULE_N_MAX, alternate},
    [SPC_INSIDE] = {"inside", true, false, true, 2, SPC_RING_MAX, inside},
    [SPC_OUTSIDE_BOTH] = {"outside_both", true, false, true, 2, SPC_RING_MAX, outside_both},
};
