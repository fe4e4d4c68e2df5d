/* SPDX-License-Identifier: Apache-2.0
 * The contract of port/loop.h as tests that every loop passes. */
#ifndef TEST_CONTRACT_LOOP_SUITE_H
#define TEST_CONTRACT_LOOP_SUITE_H

#include "port/loop.h"

struct loop_suite_maker {
  const char *name;
  void *(*begin)(void);
  struct port_loop *(*loop)(void *env);
  /* Lets the loop do something; NULL: it has a thread of its own. False: nothing is left to do. */
  bool (*step)(void *env);
  void (*end)(void *env);
};

/* Runs all; the number of failed tests, as cmocka counts. */
int loop_suite_run(const struct loop_suite_maker *maker);

#endif
