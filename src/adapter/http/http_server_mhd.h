/* SPDX-License-Identifier: Apache-2.0
 * The HTTP server, on libmicrohttpd. One thread ("http") does all socket work; whole requests go to a few worker
 * threads, which call the handler, so that one that blocks on the store holds up neither clients nor health checks.
 *
 * Refused without asking the handler: 400 (a broken percent escape, bytes that are not UTF-8, a NUL), 413 (the body),
 * 414 and 431 (the request line and headers, 32 KB together), 503 (stopping). A request that is not whole after
 * timeout_ms, and an answer not taken after ten times that, end the connection. HEAD is GET without the body.
 *
 * may_write of a request: with a token, the header "Authorization: Bearer <token>" fits. Without one, the peer is this
 * host and Host is an IP address or localhost (no page of a foreign name can have sent it). In both cases a request
 * with an Origin header must come from a page of the same host and port. */
#ifndef ADAPTER_HTTP_HTTP_SERVER_MHD_H
#define ADAPTER_HTTP_HTTP_SERVER_MHD_H

#include "port/http.h"
#include "port/metrics.h"

#include <stdint.h>

struct http_server_mhd_options {
  const char *address;      /* "127.0.0.1:8080", "[::1]:0", ":8080" = all addresses; port 0 = any */
  const char *token;        /* NULL or "" = none; copied */
  uint32_t max_connections; /* 0 = 256; above: closed at once and counted */
  size_t max_body;          /* bytes, 0 = 4 MiB */
  uint32_t threads;         /* that call the handler; 0 = 4 */
  uint32_t timeout_ms;      /* 0 = 30,000 */
};

struct http_server;
/* Listens and answers from now on. o is copied; h and m (or NULL) must outlive the server. USAGE: a bad address; IO:
 * the address is in use or not ours; NOMEM. ret_port: the port that it listens at. */
TFDC_MUST_USE tfdc_rc http_server_mhd_create(const struct http_server_mhd_options *o, struct http_handler *h,
                                             struct port_metrics *m, struct http_server **ret, uint16_t *ret_port,
                                             struct tfdc_error *err);
/* Stops listening, waits for the handlers under way, answers 503 to what came meanwhile, closes. NULL ok. */
void http_server_mhd_destroy(struct http_server *s);

#endif
