/* SPDX-License-Identifier: Apache-2.0
 * The rule state of one chart after one point. It is a value: the state before a run comes from the row before it, the
 * state after it goes into the run's own row. Nothing is kept in memory and nothing is applied twice. A new limit
 * version, a PM or a change of partition starts from spc_state_init. Any thread. */
#ifndef SPC_STATE_H
#define SPC_STATE_H

#include "base/cursor.h"
#include "spc/limits.h"
#include "spc/rules.h"

/* After more NOT_JUDGED points in a row than this the patterns start anew. */
enum { SPC_STATE_GAP_MAX = 10, SPC_STATE_BYTES_MAX = 160 };

struct spc_state {
  double ring[SPC_RING_MAX]; /* last deviations, oldest first; ring[n_ring - 1] is the newest */
  uint32_t n_ring;
  uint32_t n_points; /* judged points so far */
  uint32_t gap;      /* NOT_JUDGED points since the last judged one */
  int32_t side;      /* points in a row above (> 0) or below (< 0) the centre */
  int32_t trend;     /* steps in a row up (> 0) or down (< 0) */
  double offset;     /* of an adapting centre from the learned one, in units of s */
  int32_t alternate; /* steps in a row each opposite to the one before; the sign is the last step's */
};

struct spc_hits {
  uint32_t fired;           /* bit i: rule i of the set is completed by this point */
  enum spc_verdict verdict; /* the worst of the fired rules, OK when none, NOT_JUDGED for a NaN */
};

void spc_state_init(struct spc_state *ret);
/* One point of deviation z (NaN = NOT_JUDGED: patterns skip it). `after` may be `before`. before NULL = init. */
void spc_state_step(const struct spc_state *before, double z, const struct spc_rules *rules, struct spc_state *after,
                    struct spc_hits *ret);

/* Compact versioned bytes, at most SPC_STATE_BYTES_MAX. */
void spc_state_encode(const struct spc_state *state, struct tfdc_buf *out);
/* Reads one state and moves past it. SCHEMA for a newer version, TRUNCATED, MALFORMED for impossible counters. */
TFDC_MUST_USE tfdc_rc spc_state_decode(struct tfdc_cursor *in, struct spc_state *ret, struct tfdc_error *err);

/* The judgement of one value by limits and rules together. */
struct spc_point {
  double u;                 /* signed deviation in units of the limit; NaN when not judged */
  double score;             /* |u| */
  enum spc_verdict verdict; /* worst of the rules and the fixed limits; NOT_JUDGED for a value that is not finite */
  uint32_t fired;           /* rules completed, as in spc_hits */
  double centre, lcl, ucl;  /* that judged it: those of the limit, moved by the state's offset; NaN: none */
};
/* Limits with s: rules on u, and ACTION beyond act_lo/act_up. Fixed limits (s = 0): OOC beyond lcl/ucl, ACTION beyond
 * act_lo/act_up, no rules. limit NULL (none in force): NOT_JUDGED. An adapting centre learns from OK and WARN
 * points only, and is judged against before it learns. after is the state to store with the point. */
void spc_judge(const struct spc_limit *limit, const struct spc_rules *rules, double x, const struct spc_state *before,
               struct spc_state *after, struct spc_point *ret);

#endif
