/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/http/http_access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* In a time that depends on what the peer sent, not on how much of it fits. */
static bool same_secret(const char *secret, const char *given) {
  size_t n = strlen(secret), m = strlen(given);
  volatile unsigned char diff = n != m;
  for (size_t i = 0; i < m; i++) {
    unsigned char want = n > 0 ? (unsigned char)secret[i % n] : 0;
    diff = (unsigned char)(diff | ((unsigned char)given[i] ^ want));
  }
  return diff == 0;
}

static bool token_fits(const char *token, const char *authorization) {
  if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0) return false;
  const char *given = authorization + 7;
  given += strspn(given, " ");
  return same_secret(token, given);
}

static bool is_this_host(const struct sockaddr *peer) {
  if (peer == NULL) return false;
  if (peer->sa_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, peer, sizeof v4);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (peer->sa_family != AF_INET6) return false;
  struct sockaddr_in6 v6;
  memcpy(&v6, peer, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
}

/* Is the host of "host:port" an IP address or localhost? Another name could be a foreign page's, led here by DNS. */
static bool is_plain_host(const char *host) {
  char name[80];
  struct in6_addr address;
  if (host == NULL) return false;
  bool v6 = host[0] == '[';
  size_t n = v6 ? strcspn(++host, "]") : strcspn(host, ":");
  if (n == 0 || n >= sizeof name) return false;
  (void)snprintf(name, sizeof name, "%.*s", (int)n, host);
  if (v6) return inet_pton(AF_INET6, name, &address) == 1;
  return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

/* Origin is "scheme://host:port", or "null". */
static bool is_same_origin(const char *origin, const char *host) {
  const char *at = strstr(origin, "://");
  return at != NULL && host != NULL && strcasecmp(at + 3, host) == 0;
}

bool http_access_may_write(const struct http_access *a) {
  if (a->origin != NULL && !is_same_origin(a->origin, a->host)) return false;
  if (a->token[0] != '\0') return token_fits(a->token, a->authorization);
  return is_this_host(a->peer) && is_plain_host(a->host);
}
