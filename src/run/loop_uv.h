/* SPDX-License-Identifier: Apache-2.0
 * A port_loop on a thread of its own, over libuv: timers, wake-ups, the process's worker pool (UV_THREADPOOL_SIZE
 * threads). */
#ifndef RUN_LOOP_UV_H
#define RUN_LOOP_UV_H

#include "base/err.h"
#include "port/loop.h"

struct loop_uv;
/* Starts the thread. clock is borrowed for the loop's life. IO, NOMEM. */
TFDC_MUST_USE tfdc_rc loop_uv_start(struct port_clock *clock, const char *name, struct loop_uv **ret,
                                    struct tfdc_error *err);
struct port_loop *loop_uv_port(struct loop_uv *l);
/* Runs what is posted already, waits for work on the pool and runs what that posts; timers are dropped. Ends the
 * thread, frees. Not from the loop's own thread. NULL ok. */
void loop_uv_stop(struct loop_uv *l);

#endif
