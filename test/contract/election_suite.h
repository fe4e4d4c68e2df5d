/* SPDX-License-Identifier: Apache-2.0
 * The contract of port/election.h as tests that every adapter passes. */
#ifndef TEST_CONTRACT_ELECTION_SUITE_H
#define TEST_CONTRACT_ELECTION_SUITE_H

#include "contract/world.h"
#include "port/election.h"

struct election_suite_maker {
  const char *name;
  bool simulated; /* runs in a simulated world */
  void *(*begin)(void);
  struct port *(*open)(void *env, struct world *w);
  void (*destroy)(void *env); /* the port is closed */
  void (*end)(void *env);
};

/* Runs all; the number of failed tests, as cmocka counts. */
int election_suite_run(const struct election_suite_maker *maker);

#endif
