/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/http/http_listen.h"

#include "base/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int open_at(const struct addrinfo *a, bool all) {
  int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol), on = 1, off = 0;
  if (fd < 0) return -1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (all && a->ai_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
  int saved = errno;
  (void)close(fd);
  errno = saved;
  return -1;
}

static uint16_t port_of(int fd) {
  struct sockaddr_storage a = {0};
  socklen_t n = sizeof a;
  if (getsockname(fd, (struct sockaddr *)&a, &n) != 0) return 0;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  memcpy(&v4, &a, sizeof v4);
  memcpy(&v6, &a, sizeof v6);
  return ntohs(a.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

tfdc_rc http_listen(const char *address, int *ret_fd, uint16_t *ret_port, struct tfdc_error *err) {
  struct tfdc_address at;
  char port[8];
  TFDC_TRY(tfdc_address_parse(address, &at, err));
  (void)snprintf(port, sizeof port, "%u", (unsigned)at.port);
  bool all = at.host[0] == '\0';
  struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
  int rc = getaddrinfo(all ? NULL : at.host, port, &want, &found);
  if (rc != 0) return tfdc_fail(err, TFDC_E_USAGE, "%.256s: %s", address, gai_strerror(rc));
  int fd = -1;
  errno = 0;
  for (int pass = 0; pass < 2; pass++) /* all addresses: one socket for both families where the system can */
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
      if (!all || (a->ai_family == AF_INET6) == (pass == 0)) fd = open_at(a, all);
  int why = errno;
  freeaddrinfo(found);
  if (fd < 0) return tfdc_fail(err, TFDC_E_IO, "cannot listen at %.256s: %s", address, strerror(why));
  *ret_fd = fd;
  *ret_port = port_of(fd);
  return TFDC_OK;
}
