/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/posix/clock_posix.h"

#include "base/err.h"

#include <time.h>

static int64_t ask(clockid_t id) {
  struct timespec t;
  TFDC_ASSERT(clock_gettime(id, &t) == 0);
  return (int64_t)t.tv_sec * TFDC_US_PER_S + t.tv_nsec / 1000;
}

static tfdc_mono ask_mono(struct port_clock *c) {
  (void)c;
  return (tfdc_mono){ask(CLOCK_MONOTONIC)};
}

static tfdc_wall ask_wall(struct port_clock *c) {
  (void)c;
  return (tfdc_wall){ask(CLOCK_REALTIME)};
}

void clock_posix_init(struct port_clock *c) { *c = (struct port_clock){.mono = ask_mono, .wall = ask_wall}; }
