/* SPDX-License-Identifier: Apache-2.0
 * Ports: HTTP as the API and its clients need it: whole requests, whole responses. Server side: an adapter calls the
 * handler on threads of its own, several at once; a handler may block. Client side: one blocking call at a time.
 * Adapter: http (libmicrohttpd, libcurl). */
#ifndef PORT_HTTP_H
#define PORT_HTTP_H

#include "base/cursor.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct http_param {
  const char *name, *value; /* percent-decoded UTF-8 */
};
struct http_request {
  const char *method; /* "GET", "POST", "DELETE" */
  const char *path;   /* percent-decoded, "/api/v1/runs" */
  const struct http_param *params;
  size_t n_params;
  const char *body; /* "" where there is none; NUL behind it */
  size_t body_n;
  bool may_write; /* the bearer token fits, or no token is set and the peer is this host */
};
struct http_response {
  int status;
  const char *type; /* Content-Type, static; NULL = application/json */
  struct tfdc_buf body;
  const char *allow; /* Allow header of a 405, static; or NULL */
};
/* The value of the first parameter of that name, or NULL. */
static inline const char *http_param(const struct http_request *q, const char *name) {
  for (size_t i = 0; i < q->n_params; i++) {
    const char *a = q->params[i].name, *b = name;
    while (*a != '\0' && *a == *b) a++, b++;
    if (*a == *b) return q->params[i].value;
  }
  return NULL;
}

struct http_handler {
  /* Fills *ret (zero-initialised by the caller, who frees its body). Any thread. */
  void (*handle)(struct http_handler *h, const struct http_request *q, struct http_response *ret);
};

struct http_client;
struct http_client_ops {
  /* Blocks. OK whatever the status says; UNAVAILABLE (nobody answers at the address: err names it), TIMEOUT, LIMIT (a
   * response above 256 MiB), NOMEM. The caller frees ret's body. */
  tfdc_rc (*call)(struct http_client *c, const struct http_request *q, struct http_response *ret,
                  struct tfdc_error *err);
  void (*destroy)(struct http_client *c);
};
struct http_client {
  const struct http_client_ops *ops;
};

#endif
