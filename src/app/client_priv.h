/* SPDX-License-Identifier: Apache-2.0
 * The parts of the client, so that tests can join them otherwise. */
#ifndef APP_CLIENT_PRIV_H
#define APP_CLIENT_PRIV_H

#include "app/client.h"
#include "run/api.h"

/* A client over any way to the API; it owns http on success. where: what it talks to, for people; copied. NOMEM. */
TFDC_MUST_USE tfdc_rc client_create(struct http_client *http, const char *where, bool is_file, struct client **ret,
                                    struct tfdc_error *err);

/* The API in this process on a file, which it opens and owns. UNAVAILABLE where there is no such file; errors of the
 * store. */
TFDC_MUST_USE tfdc_rc client_local_open(const char *path, struct http_client **ret, struct tfdc_error *err);

#endif
