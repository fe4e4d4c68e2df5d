/* SPDX-License-Identifier: Apache-2.0
 * A clock that moves only when told. Not thread-safe: it belongs to a simulation, which has one thread. */
#ifndef ADAPTER_SIM_CLOCK_SIM_H
#define ADAPTER_SIM_CLOCK_SIM_H

#include "port/clock.h"

struct clock_sim {
  struct port_clock base;
  tfdc_mono now;
  int64_t wall_offset_us; /* wall = now + offset */
};

void clock_sim_init(struct clock_sim *c, tfdc_mono now, tfdc_wall wall);
/* Both clocks go on; by.us >= 0. */
void clock_sim_advance(struct clock_sim *c, tfdc_dur by);
/* Only the wall clock jumps, forward or back. */
void clock_sim_jump_wall(struct clock_sim *c, tfdc_dur by);

#endif
