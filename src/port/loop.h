/* SPDX-License-Identifier: Apache-2.0
 * Port: one event loop = one thread that owns state. Adapters: run/loop_uv (libuv), adapter/sim (seeded order,
 * simulated time, no thread). Everything that a loop calls back runs on its thread, one at a time, never inside the
 * call that started it. */
#ifndef PORT_LOOP_H
#define PORT_LOOP_H

#include "port/clock.h"

#include <stdbool.h>

struct port_loop;

/* A piece of work for a loop; embedded in its owner, which must outlive the call of fn. Posted once at a time. */
struct port_task {
  void (*fn)(struct port_task *t);
  struct port_task *next; /* the loop's */
};
/* Fires once at its deadline, on the loop's thread. Embedded; init by zeroing and setting fn. */
struct port_timer {
  void (*fn)(struct port_timer *t);
  tfdc_mono deadline; /* the loop's: as armed */
  void *impl;         /* the loop's */
  bool armed;
};
/* CPU work for the pool: run() on a pool thread, no shared state, then done() on the loop. Embedded. */
struct port_work {
  void (*run)(struct port_work *w);
  void (*done)(struct port_work *w);
  struct port_loop *loop; /* the loop's */
  void *impl;             /* the loop's */
};

struct port_loop_ops {
  /* Any thread. FIFO per posting thread. Always accepted until the loop is destroyed. */
  void (*post)(struct port_loop *l, struct port_task *t);
  /* Loop thread. (Re-)arms; a deadline in the past fires at the next turn; TFDC_NEVER disarms. */
  void (*arm)(struct port_loop *l, struct port_timer *t, tfdc_mono deadline);
  /* Loop thread: disarms and forgets the timer; afterwards its memory may go. */
  void (*forget)(struct port_loop *l, struct port_timer *t);
  /* Loop thread. Always accepted; the caller bounds how much it has in flight. */
  void (*work)(struct port_loop *l, struct port_work *w);
};
struct port_loop {
  const struct port_loop_ops *ops;
  struct port_clock *clock;
};

static inline void port_post(struct port_loop *l, struct port_task *t) { l->ops->post(l, t); }
static inline void port_arm(struct port_loop *l, struct port_timer *t, tfdc_mono at) { l->ops->arm(l, t, at); }
static inline void port_forget(struct port_loop *l, struct port_timer *t) { l->ops->forget(l, t); }
static inline void port_start_work(struct port_loop *l, struct port_work *w) { l->ops->work(l, w); }

#endif
