/* SPDX-License-Identifier: Apache-2.0
 * A listening socket from "host:port". */
#ifndef ADAPTER_HTTP_HTTP_LISTEN_H
#define ADAPTER_HTTP_HTTP_LISTEN_H

#include "base/err.h"

#include <stdint.h>

/* "127.0.0.1:8080", "[::1]:0", "name:80", ":8080" (all addresses). *ret_fd is the caller's. CONFIG_VALUE, USAGE (no
 * such name), IO. */
TFDC_MUST_USE tfdc_rc http_listen(const char *address, int *ret_fd, uint16_t *ret_port, struct tfdc_error *err);

#endif
