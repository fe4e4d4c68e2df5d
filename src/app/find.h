/* SPDX-License-Identifier: Apache-2.0
 * Names as people type them, resolved by asking the API. */
#ifndef APP_FIND_H
#define APP_FIND_H

#include "app/client.h"

/* A run by its whole id, by the beginning of its id (4 digits and more), by the hub's run id, or by its wafer.
 * NOT_FOUND; USAGE where several runs fit (err names some). Looks at the newest FIND_RUNS_MAX runs where the id is not
 * whole. */
enum { FIND_RUNS_MAX = 50000 };
TFDC_MUST_USE tfdc_rc find_run(struct client *c, const char *text, char ret_id[33], struct tfdc_error *err);

/* "/api/v1/runs/<id><rest>" */
void find_run_path(const char id[33], const char *rest, char *ret, size_t size);

#endif
