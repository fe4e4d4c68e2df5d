/* SPDX-License-Identifier: Apache-2.0
 * The target of a request line ("/api/v1/runs?tool=ETCH%2A&limit=5") to a path and parameters. Pure. */
#ifndef ADAPTER_HTTP_HTTP_TARGET_H
#define ADAPTER_HTTP_HTTP_TARGET_H

#include "base/arena.h"
#include "port/http.h"

enum { HTTP_PARAMS_MAX = 256 };

struct http_target {
  const char *path; /* percent-decoded UTF-8, begins with '/', no control characters */
  const struct http_param *params;
  size_t n_params;
};
/* *ret points into mem. MALFORMED: does not begin with '/', a broken percent escape, a NUL, bytes that are not UTF-8;
 * LIMIT: too many parameters; NOMEM. In names and values '+' is a blank. */
TFDC_MUST_USE tfdc_rc http_target_parse(const char *text, struct tfdc_arena *mem, struct http_target *ret,
                                        struct tfdc_error *err);

#endif
