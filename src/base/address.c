/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DIGITS = 5 };

/* Where the host ends: before the colon, or before the bracket that stands there; NULL: the brackets are wrong. */
static const char *end_of_host(const char *from, const char *colon, bool bracket) {
  if (bracket) return colon - 1 > from && colon[-1] == ']' ? colon - 1 : NULL;
  return memchr(from, ':', (size_t)(colon - from)) == NULL ? colon : NULL;
}

tfdc_rc tfdc_address_parse(const char *text, struct tfdc_address *ret, struct tfdc_error *err) {
  const char *colon = strrchr(text, ':'), *to = NULL, *from = text;
  if (colon != NULL) {
    bool bracket = text[0] == '[';
    from = text + bracket;
    to = end_of_host(from, colon, bracket);
  }
  size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
  long port = digits > 0 && digits <= PORT_DIGITS && colon[1 + digits] == '\0' ? strtol(colon + 1, NULL, 10) : -1;
  if (to == NULL || port < 0 || port > UINT16_MAX || (size_t)(to - from) >= sizeof ret->host ||
      strcspn(from, "[] \t/") < (size_t)(to - from))
    return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "\"%.300s\" is not host:port", text);
  (void)snprintf(ret->host, sizeof ret->host, "%.*s", (int)(to - from), from);
  ret->port = (uint16_t)port;
  return TFDC_OK;
}

const char *tfdc_address_near(const struct tfdc_address *a) {
  if (a->host[0] == '\0' || strcmp(a->host, "0.0.0.0") == 0) return "127.0.0.1";
  return strcmp(a->host, "::") == 0 ? "::1" : a->host;
}

char *tfdc_address_format(const char *host, uint16_t port, char *buf) {
  bool bracket = strchr(host, ':') != NULL;
  (void)snprintf(buf, TFDC_ADDRESS_BYTES, "%s%.255s%s:%u", bracket ? "[" : "", host, bracket ? "]" : "",
                 (unsigned)port);
  return buf;
}
