/* SPDX-License-Identifier: Apache-2.0
 * Limits of one chart for one centre group, and the deviation of a value in units of them.
 *
 * u = (x - centre) / (width * s_pred) with s_pred = s * sqrt(1 + 1/n_centre): a fresh run differs from the centre by
 * its own scatter and by the error of the centre. |u| > 1 is beyond the limit; equality is inside. Widths are per
 * side; a side without a limit has u = 0 there. All values are in the chart's unit, widths in units of s_pred.
 * Plain values, no ownership, no library functions but sqrt: the same bits on every machine. Any thread. */
#ifndef SPC_LIMITS_H
#define SPC_LIMITS_H

#include "base/err.h"
#include "spc/verdict.h"

/* What docs/learning.md measures with an adapting centre: a twentieth of each good run's deviation, at most 2 s away.
 */
#define SPC_ADAPT_DEFAULT     0.05
#define SPC_ADAPT_MAX_DEFAULT 2.0

struct spc_limit {
  double centre;             /* NaN: none */
  double s;                  /* run-to-run standard deviation behind the limits; 0: fixed limits, no run rules */
  double width_lo, width_up; /* of the side below and above; 0: that side has no limit, or the limits are fixed */
  double n_centre;           /* runs behind the centre; 0: not from runs */
  double n_pool;             /* degrees of freedom behind s */
  double lcl, ucl;           /* effective limits; NaN: that side has none */
  double act_lo, act_up;     /* fixed action or spec limits: beyond them is ACTION; NaN: none */
  double adapt;              /* part of a good run's deviation that the centre follows; 0: it stays */
  double adapt_max;          /* farthest that the centre may go from `centre`, in units of s */
};

/* What a limit is made of when it was learned (or given as centre and s). */
struct spc_limit_basis {
  double centre, s;          /* finite; s > 0 */
  double width_lo, width_up; /* >= 0; 0: no limit on that side */
  double n_centre;           /* >= 1, or 0 when the centre is given and taken as exact */
  double n_pool;
};

/* Limits centre -+ width * s * sqrt(1 + 1/n_centre). RANGE with the field's name; *ret untouched then. */
TFDC_MUST_USE tfdc_rc spc_limit_init_basis(struct spc_limit *ret, const struct spc_limit_basis *basis,
                                           struct tfdc_error *err);
/* Fixed limits given by a person: NaN = not given; at least one of lcl and ucl. A missing centre becomes the middle of
 * two limits; with one limit and no centre u is 0 inside and 1.25 beyond, since no scale is known. Run rules are not
 * evaluated on fixed limits. RANGE when lcl >= ucl or the centre is not between them. */
TFDC_MUST_USE tfdc_rc spc_limit_init_fixed(struct spc_limit *ret, double centre, double lcl, double ucl,
                                           struct tfdc_error *err);
/* Adds fixed action limits (NaN = none). RANGE when act_lo >= act_up. */
TFDC_MUST_USE tfdc_rc spc_limit_set_action(struct spc_limit *limit, double act_lo, double act_up,
                                           struct tfdc_error *err);
/* Lets the centre follow slow drift: after a run that did not alarm it moves by `adapt` (0 = off, at most 0.3) of the
 * deviation, never farther than adapt_max (0..5) s from where it was learned; where it has got to is part of the rule
 * state. MacGregor and Harris 1993. RANGE; also for fixed limits. */
TFDC_MUST_USE tfdc_rc spc_limit_set_adapt(struct spc_limit *limit, double adapt, double adapt_max,
                                          struct tfdc_error *err);
/* The same limits with the centre moved by `offset` times s; action limits stay. */
struct spc_limit spc_limit_moved(const struct spc_limit *limit, double offset);
/* Whether the numbers fit together: for limits that were read from a store. RANGE. */
TFDC_MUST_USE tfdc_rc spc_limit_check(const struct spc_limit *limit, struct tfdc_error *err);

/* Deviation in units of the limit, signed; u > 1 exactly when x > ucl, u < -1 exactly when x < lcl. NaN for NaN. */
double spc_limit_u(const struct spc_limit *limit, double x);
/* Deviation in units of s_pred, signed (for rule sets in sigmas such as Nelson's); NaN without s. */
double spc_limit_z(const struct spc_limit *limit, double x);
/* Verdict of the value alone, without run rules: ACTION beyond the action limits, OOC beyond lcl/ucl, else OK;
 * NOT_JUDGED for NaN. */
enum spc_verdict spc_limit_verdict(const struct spc_limit *limit, double x);

#endif
