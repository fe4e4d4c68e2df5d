/* SPDX-License-Identifier: Apache-2.0
 * What the model cannot say of a definition alone: its rules parse, its equations compile with the dictionaries of the
 * chambers that it selects, limits belong to a strategy. Internal to run/api*. */
#ifndef RUN_API_DEFS_CHECK_H
#define RUN_API_DEFS_CHECK_H

#include "model/strategy.h"
#include "run/api_call.h"

struct defs_check {
  const struct api *api;
  struct tfdc_arena *mem;
  const struct model_definition *definitions;
  size_t n;
  size_t *chambers; /* set by the check: of each strategy, how many known chambers it selects; in mem */
};
/* Errors name line and column of the YAML and, behind them, of the equation: DEFINITION, EQ_*, LIMIT; else of the
 * store, NOMEM. An SVID that only some of the chambers have is taken in a chart that is optional. */
TFDC_MUST_USE tfdc_rc defs_check(struct defs_check *c, struct tfdc_error *err);

#endif
