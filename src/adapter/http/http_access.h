/* SPDX-License-Identifier: Apache-2.0
 * Who may write (http_server_mhd.h says the rule). Pure. */
#ifndef ADAPTER_HTTP_HTTP_ACCESS_H
#define ADAPTER_HTTP_HTTP_ACCESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct http_access {
  const char *token;                         /* of the server; "" = none */
  const struct sockaddr *peer;               /* NULL = not known */
  const char *authorization, *host, *origin; /* headers, NULL = not there */
};
bool http_access_may_write(const struct http_access *a);

#endif
