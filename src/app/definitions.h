/* SPDX-License-Identifier: Apache-2.0
 * The strategies and limit sets in force, as the API gives them: the newest approved version of each. */
#ifndef APP_DEFINITIONS_H
#define APP_DEFINITIONS_H

#include "app/client.h"

/* *ret: a new array of {"id", "version", "effective_us", ..., "body": {...}}, the caller's. kind: "strategy", "limits".
 * id NULL = all. */
TFDC_MUST_USE tfdc_rc definitions_get(struct client *c, const char *kind, const char *id, json_t **ret,
                                      struct tfdc_error *err);
/* Where nothing was found: NOT_FOUND when there is no such strategy (NULL = any) or when none of those has one of the
 * charts, with the nearest name; OK when all are there. */
TFDC_MUST_USE tfdc_rc definitions_check(struct client *c, const char *strategy, const char *const *charts, size_t n,
                                        struct tfdc_error *err);
/* The chart of a strategy's body; NULL when there is none. Borrowed. */
const json_t *definitions_chart(const json_t *body, const char *chart);

#endif
