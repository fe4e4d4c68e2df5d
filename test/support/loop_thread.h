/* SPDX-License-Identifier: Apache-2.0
 * A loop for tests of adapters: one thread, a queue, timers on the real monotonic clock, work done inline. And ways for
 * the test's own thread to wait for what happens on it, without polling. */
#ifndef TEST_SUPPORT_LOOP_THREAD_H
#define TEST_SUPPORT_LOOP_THREAD_H

#include "port/loop.h"
#include "port/port.h"

#include <pthread.h>
#include <stdbool.h>

struct test_loop {
  struct port_loop loop; /* give this one to the adapter */
  struct port_clock clock;
  pthread_t thread;
  pthread_mutex_t mtx;
  pthread_cond_t work;    /* something to do */
  pthread_cond_t changed; /* something was done: test_loop_wait looks again */
  /* mtx */
  struct port_task *head, **tail;
  bool stop;
  /* the loop's thread */
  struct port_timer *timers;
  struct port_work *works, **works_tail;
};

/* Caller's memory, must not move. Aborts when the system refuses a thread. */
void test_loop_start(struct test_loop *l);
/* Runs what is queued, ends the thread; armed timers are dropped. */
void test_loop_stop(struct test_loop *l);
/* True on the loop's own thread. */
bool test_loop_here(const struct test_loop *l);
/* Runs fn(arg) on the loop and returns when it has. Not from the loop's thread. */
void test_loop_run(struct test_loop *l, void (*fn)(void *arg), void *arg);

/* For conditions that callbacks on the loop change: *counter is read and written under the loop's mutex. */
void test_loop_add(struct test_loop *l, unsigned *counter, unsigned by);
void test_loop_wait(struct test_loop *l, const unsigned *counter, unsigned at_least);

/* Submits and waits for the completion: its rc, or that of the refusal. Takes r->user and r->done. Checks that the
 * completion came on the loop's thread. */
tfdc_rc test_await(struct port *p, struct port_req *r, struct test_loop *l);
/* Closes and waits for closed(). */
void test_close(struct port *p, struct test_loop *l);

#endif
