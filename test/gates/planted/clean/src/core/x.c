/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <string.h>

/* strcpy(a, b), sleep(1) and TODAY in a comment are no calls and no note. */
static const char *const names[] = {"printf(", "sleep(1)"};
const char *f(const struct tfdc_error *e);
const char *f(const struct tfdc_error *e) { return strcmp(e->msg, names[0]) == 0 ? names[1] : names[0]; }
