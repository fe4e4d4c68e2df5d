/* SPDX-License-Identifier: Apache-2.0
 * Port: the clock. Any thread may ask. Adapters: posix (the real one), sim (moves only when told). */
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H

#include "base/time.h"

struct port_clock {
  tfdc_mono (*mono)(struct port_clock *c); /* never goes back */
  tfdc_wall (*wall)(struct port_clock *c); /* may jump */
};

static inline tfdc_mono port_mono(struct port_clock *c) { return c->mono(c); }
static inline tfdc_wall port_wall(struct port_clock *c) { return c->wall(c); }

#endif
