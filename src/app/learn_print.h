/* SPDX-License-Identifier: Apache-2.0
 * The result of learning, for people. */
#ifndef APP_LEARN_PRINT_H
#define APP_LEARN_PRINT_H

#include "base/err.h"

#include <jansson.h>
#include <stdio.h>

TFDC_MUST_USE tfdc_rc learn_print(const json_t *result, FILE *out, struct tfdc_error *err);

#endif
