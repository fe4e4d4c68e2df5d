/* SPDX-License-Identifier: Apache-2.0
 * Strategies and limit sets as YAML that `tfdc apply` takes. */
#ifndef APP_EXPORT_DEFS_H
#define APP_EXPORT_DEFS_H

#include "app/client.h"

#include <stdio.h>

/* The newest versions of these ids, or of all where n is 0. kind: "strategy", "limits", or NULL = both. json: one
 * object a line. NOT_FOUND: nothing has the id. A failed write is for the caller to notice. */
TFDC_MUST_USE tfdc_rc export_defs(struct client *c, const char *kind, char **ids, size_t n, bool json, FILE *out,
                                  struct tfdc_error *err);

#endif
