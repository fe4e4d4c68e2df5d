/* SPDX-License-Identifier: Apache-2.0
 * The operating system's clock: CLOCK_MONOTONIC and CLOCK_REALTIME. Any thread. */
#ifndef ADAPTER_POSIX_CLOCK_POSIX_H
#define ADAPTER_POSIX_CLOCK_POSIX_H

#include "port/clock.h"

/* Caller's memory; nothing to free. */
void clock_posix_init(struct port_clock *c);

#endif
