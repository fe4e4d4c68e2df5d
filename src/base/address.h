/* SPDX-License-Identifier: Apache-2.0
 * Network addresses as people write them: "127.0.0.1:8080", "[::1]:0", "name:80", ":8080" (all addresses). */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/err.h"

#include <stdint.h>

enum { TFDC_ADDRESS_BYTES = 272 };

struct tfdc_address {
  char host[256]; /* a name, or a number without brackets; "" = all addresses */
  uint16_t port;  /* 0 = a free one */
};
/* CONFIG_VALUE: not host:port. Names are not looked up. */
TFDC_MUST_USE tfdc_rc tfdc_address_parse(const char *text, struct tfdc_address *ret, struct tfdc_error *err);
/* The host at which a listener on this address is reached from its own machine: itself, or loopback where it listens on
 * all. Points into a, or to a constant. */
const char *tfdc_address_near(const struct tfdc_address *a);
/* "host:port", with brackets where the host has colons; buf of TFDC_ADDRESS_BYTES, returned. */
char *tfdc_address_format(const char *host, uint16_t port, char *buf);

#endif
