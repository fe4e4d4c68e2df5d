/* SPDX-License-Identifier: Apache-2.0
 * What strategy.c and the YAML reader share. Internal to model. */
#ifndef MODEL_DEFINITION_H
#define MODEL_DEFINITION_H

#include "model/fields.h"

/* What the table of a strategy cannot say: partition fields exist, chart ids are unique, fixed limits are in order. On
 * failure *where says where; it comes empty. Scratch memory from mem. */
TFDC_MUST_USE tfdc_rc model_strategy_check(const void *record, struct tfdc_arena *mem, struct model_path *where,
                                           struct tfdc_error *err);

#endif
