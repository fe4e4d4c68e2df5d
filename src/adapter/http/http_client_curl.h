/* SPDX-License-Identifier: Apache-2.0
 * The HTTP client, on libcurl. One call at a time (port/http.h); the connection is kept between calls. */
#ifndef ADAPTER_HTTP_HTTP_CLIENT_CURL_H
#define ADAPTER_HTTP_HTTP_CLIENT_CURL_H

#include "port/http.h"

#include <stdint.h>

/* base_url: "http://host:port" or "https://...", a path in front of the API's is kept; token: NULL or "" = none;
 * timeout_ms: of a whole call, 0 = 300,000. The strings are copied. USAGE: not such a URL. NOMEM.
 * Redirects are not followed: a call that is answered by one is UNAVAILABLE and names where it points. */
TFDC_MUST_USE tfdc_rc http_client_curl_create(const char *base_url, const char *token, uint32_t timeout_ms,
                                              struct http_client **ret, struct tfdc_error *err);

#endif
