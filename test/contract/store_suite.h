/* SPDX-License-Identifier: Apache-2.0
 * The contract of port/store.h as tests that every adapter passes. */
#ifndef TEST_CONTRACT_STORE_SUITE_H
#define TEST_CONTRACT_STORE_SUITE_H

#include "port/store.h"
#include "support/loop_thread.h"

/* How the suite gets stores of one adapter. Every test has a world of its own: begin, open, (close, open)*, end. */
struct store_suite_maker {
  const char *name;
  void *(*begin)(void); /* an empty store, not open */
  struct port *(*open)(void *world,
                       struct test_loop *l);    /* opens the world's data, all that was written before included */
  void (*destroy)(void *world, struct port *p); /* of a port that was closed */
  void (*end)(void *world);
};

/* Runs all; the number of failed tests, as cmocka counts. */
int store_suite_run(const struct store_suite_maker *maker);

#endif
