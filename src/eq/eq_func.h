/* SPDX-License-Identifier: Apache-2.0
 * The one table of functions: parser, checker, evaluation, docs and tests read it. Internal to eq. */
#ifndef EQ_EQ_FUNC_H
#define EQ_EQ_FUNC_H

#include "eq/eq.h"

enum eq_fn {
  EQ_FN_NONE, /* not in this release */
  EQ_FN_COUNT,
  EQ_FN_SPAN,
  EQ_FN_MEAN,
  EQ_FN_STD,
  EQ_FN_MIN,
  EQ_FN_MAX,
  EQ_FN_RANGE,
  EQ_FN_FIRST,
  EQ_FN_LAST,
  EQ_FN_MEDIAN,
  EQ_FN_SUM,
  EQ_FN_AREA,
  EQ_FN_SLOPE,
  EQ_FN_OR_ELSE,
  EQ_FN_IF,
  EQ_FN_ABS,
  EQ_FN_SQRT,
  EQ_FN_LOG,
  EQ_FN_EXP,
  EQ_FN_MIN2,
  EQ_FN_MAX2,
  EQ_FN_STEP,
  EQ_FN_BETWEEN,
  EQ_FN_WHILE
};

/* How the unit of a result comes from that of its argument. */
enum eq_unit_rule {
  EQ_RULE_SAME,
  EQ_RULE_DELTA,      /* that of a difference */
  EQ_RULE_DELTA_S,    /* difference * s */
  EQ_RULE_DELTA_BY_S, /* difference / s */
  EQ_RULE_ONE,
  EQ_RULE_S,
  EQ_RULE_ROOT,
  EQ_RULE_PURE /* the argument must be dimensionless, so is the result */
};

struct eq_func {
  struct eq_function doc;
  enum eq_fn fn;
  uint8_t min_args, max_args; /* positional */
  enum eq_unit_rule rule;
  uint32_t min_n; /* defaults of an aggregate */
  double min_good;
};

/* NULL when there is no such function. */
const struct eq_func *eq_func_find(const char *name);
/* The nearest name of the wanted kind (aggregates, windows ...); NULL when none is near. */
const char *eq_func_nearest(const char *name);

static inline bool eq_func_is_aggregate(const struct eq_func *f) {
  return f->fn >= EQ_FN_COUNT && f->fn <= EQ_FN_SLOPE;
}
static inline bool eq_func_is_window(const struct eq_func *f) { return f->fn >= EQ_FN_STEP; }

#endif
