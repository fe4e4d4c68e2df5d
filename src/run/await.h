/* SPDX-License-Identifier: Apache-2.0
 * Blocking calls of ports, for threads that have nothing else to do: handlers of the HTTP API, the command line. */
#ifndef RUN_AWAIT_H
#define RUN_AWAIT_H

#include "port/port.h"

struct await;
/* Starts a loop of its own for the completions. clock is borrowed. IO, NOMEM. */
TFDC_MUST_USE tfdc_rc await_create(struct port_clock *clock, struct await **ret, struct tfdc_error *err);
/* When no call is under way. NULL ok. */
void await_destroy(struct await *a);
struct port_loop *await_loop(struct await *a);
/* Submits and waits; returns the request's rc, with r->err set. BUSY is tried again for up to 10 s. Any thread but a
 * loop's. */
TFDC_MUST_USE tfdc_rc await_call(struct await *a, struct port *p, struct port_req *r);
/* Submits n requests, up to 64 at once, and waits for all; each has its own rc. BUSY as above. */
void await_call_all(struct await *a, struct port *p, struct port_req *const *r, size_t n);
/* Closes the port and waits until it is closed. */
void await_close(struct await *a, struct port *p);

/* A task that somebody else posts to await_loop() when a start or a stop is over. */
struct await_task {
  struct port_task task; /* give this away */
  struct await *await;
  bool done; /* under await's lock */
};
void await_task_init(struct await *a, struct await_task *t);
void await_task_wait(struct await_task *t);
/* False when limit passed first; the task may still come, so that it must live on. */
TFDC_MUST_USE bool await_task_wait_for(struct await_task *t, tfdc_dur limit);
/* Blocks the caller for so long. */
void await_pause(struct await *a, tfdc_dur time);

#endif
