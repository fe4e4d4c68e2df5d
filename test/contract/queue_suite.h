/* SPDX-License-Identifier: Apache-2.0
 * The contract of port/queue.h as tests that every adapter passes. */
#ifndef TEST_CONTRACT_QUEUE_SUITE_H
#define TEST_CONTRACT_QUEUE_SUITE_H

#include "contract/world.h"
#include "port/queue.h"

struct queue_suite_ports {
  struct port *publish, *work;
};
/* How the suite gets queues of one adapter. Every test has an env of its own: begin, open, (close, open)*, end. */
struct queue_suite_maker {
  const char *name;
  bool simulated; /* runs in a simulated world (and so can test what takes long) */
  bool durable;   /* what was sent survives close and open */
  void *(*begin)(void);
  struct queue_suite_ports (*open)(void *env, struct world *w);
  void (*destroy)(void *env); /* both ports are closed */
  void (*end)(void *env);
};

/* Runs all; the number of failed tests, as cmocka counts. */
int queue_suite_run(const struct queue_suite_maker *maker);

#endif
