/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sim/clock_sim.h"

#include "base/err.h"

static tfdc_mono ask_mono(struct port_clock *c) { return ((struct clock_sim *)c)->now; }

static tfdc_wall ask_wall(struct port_clock *c) {
  const struct clock_sim *s = (const struct clock_sim *)c;
  return (tfdc_wall){s->now.us + s->wall_offset_us};
}

void clock_sim_init(struct clock_sim *c, tfdc_mono now, tfdc_wall wall) {
  *c = (struct clock_sim){.base = {.mono = ask_mono, .wall = ask_wall}, .now = now, .wall_offset_us = wall.us - now.us};
}

void clock_sim_advance(struct clock_sim *c, tfdc_dur by) {
  TFDC_ASSERT(by.us >= 0);
  c->now = tfdc_mono_add(c->now, by);
}

void clock_sim_jump_wall(struct clock_sim *c, tfdc_dur by) { c->wall_offset_us += by.us; }
