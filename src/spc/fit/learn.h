/* SPDX-License-Identifier: Apache-2.0
 * Learning the limits of one partition (tool type and recipe) from its good runs. docs/learning.md explains the method
 * and shows the false-alarm rates that were measured with it.
 *
 * Centres are per group (chamber); the run-to-run spread is pooled over the groups; one width serves all charts of the
 * partition, so that about alpha of the normal runs have any chart beyond its limit. Deterministic: the same input
 * gives the same bits on every machine. Pure; any thread. */
#ifndef SPC_FIT_LEARN_H
#define SPC_FIT_LEARN_H

#include "base/arena.h"
#include "spc/limits.h"
#include "spc/rules.h"

/* What learning noticed about a chart (bits). */
enum spc_learn_note {
  SPC_NOTE_TOO_FEW = 1 << 0,  /* not enough judged runs: the chart gets no limits */
  SPC_NOTE_CONSTANT = 1 << 1, /* every good run has the same value in its group: limits from the resolution alone */
  SPC_NOTE_FLOORED = 1 << 2,  /* the spread is the floor of the resolution, not the measured one */
  SPC_NOTE_DISCRETE = 1 << 3, /* few distinct values: left out of the common width */
  SPC_NOTE_OUTLIER = 1 << 4,  /* at most 2 % of its good runs lie far out: not in centre, s and common width; limits
                                 hold them where more than alpha of all runs are such */
  SPC_NOTE_SKEWED = 1 << 5,   /* lopsided or heavy-tailed: the longer side is wider */
  SPC_NOTE_DRIFT = 1 << 6,    /* s over the spread from moving ranges is above 1.3: drift or shifts between runs */
  SPC_NOTE_GROUP = 1 << 7,    /* at least one group has too few runs for a centre: no limits there */
};
enum { SPC_LEARN_NOTES = 8, SPC_LEARN_DOF_MIN = 4 };
/* One sentence for one bit; "" for others. Static. */
const char *spc_learn_note_text(enum spc_learn_note note);

struct spc_learn_input {
  size_t n_runs, n_charts, n_groups;
  const double *x;       /* n_runs x n_charts, a run's values together, runs in order time; NaN, or beyond 1e140:
                            not judged */
  const uint32_t *group; /* n_runs, each < n_groups */
  const double *floor;   /* n_charts: sd of the resolution (LSB/sqrt(12 n) for means and sds of n samples, LSB/sqrt 12
                            for order statistics); NULL: unknown */
};
struct spc_learn_options {
  double alpha;       /* part of normal runs that may alarm; default 0.01 */
  double alpha_warn;  /* the same for the smaller limit; default 0.05 */
  size_t min_runs;    /* judged good runs in all; default 8 */
  size_t min_centre;  /* judged good runs a group needs for its centre; default 3 */
  double drift_ratio; /* s over the moving-range spread from which a chart is noted; default 1.3 */
};
void spc_learn_options_init(struct spc_learn_options *ret);

struct spc_learned_chart {
  double s;                    /* pooled and floored; > 0 when learned */
  double s_raw;                /* before the floor */
  double dof;                  /* behind s */
  double width_lo, width_up;   /* in units of s sqrt(1 + 1/n): the common width times the chart's own factor */
  double factor_lo, factor_up; /* >= 1 */
  double far_lo, far_up;       /* farthest good run below and above its centre, in units of s sqrt(1 + 1/n); >= 0 */
  double ratio_mr;             /* s over the spread from moving ranges; NaN: unknown */
  double skew, kurtosis;       /* of the left-out deviations; kurtosis 0 for a normal */
  double inflation;            /* >= 1: by autocorrelation a centre is worth this many times fewer runs */
  double t_max;                /* largest left-out studentised deviation of a good run */
  uint32_t t_max_run;          /* that run */
  uint32_t n;                  /* judged good runs */
  uint32_t notes;              /* bits of spc_learn_note */
};
struct spc_learned_centre {
  double centre; /* NaN: too few runs */
  uint32_t n;    /* runs behind it */
};
struct spc_learned {
  size_t n_charts, n_groups;
  struct spc_learned_chart *chart;   /* n_charts; in the arena */
  struct spc_learned_centre *centre; /* n_groups x n_charts; in the arena */
  double width, width_warn;          /* common widths on the scale of a normal deviate, for alpha and alpha_warn */
  double warn_at;                    /* width_warn / width within [0.7, 0.95]: for spc_rules_init_default */
  double charts_eff;                 /* how many independent charts the largest deviations look like */
  size_t n_runs;                     /* good runs with at least one judged chart */
  size_t n_family;                   /* charts behind the common width */
};

/* Learns into ret; its arrays live in the arena until that is reset. LEARN with a clear text when the runs are too few
 * or no chart can be learned; USAGE for sizes of zero or a group out of range; NOMEM. */
TFDC_MUST_USE tfdc_rc spc_learn(const struct spc_learn_input *in, const struct spc_learn_options *options,
                                struct tfdc_arena *arena, struct spc_learned *ret, struct tfdc_error *err);
/* The limits of one chart in one group. NOT_FOUND when the chart or the group has none (NO_LIMITS, LEARNING). */
TFDC_MUST_USE tfdc_rc spc_learned_limit(const struct spc_learned *learned, size_t group, size_t chart,
                                        struct spc_limit *ret, struct tfdc_error *err);

#endif
