/* SPDX-License-Identifier: Apache-2.0
 * The contract of port/kv.h as tests that every adapter passes. */
#ifndef TEST_CONTRACT_KV_SUITE_H
#define TEST_CONTRACT_KV_SUITE_H

#include "contract/world.h"
#include "port/kv.h"

struct kv_suite_maker {
  const char *name;
  bool simulated; /* runs in a simulated world */
  bool durable;   /* what was written survives close and open */
  void *(*begin)(void);
  struct port *(*open)(void *env, struct world *w);
  void (*destroy)(void *env); /* the port is closed */
  void (*end)(void *env);
};

/* Runs all; the number of failed tests, as cmocka counts. */
int kv_suite_run(const struct kv_suite_maker *maker);

#endif
