/* SPDX-License-Identifier: Apache-2.0
 * The contract of port/alarm.h as tests that every adapter passes. */
#ifndef TEST_CONTRACT_ALARM_SUITE_H
#define TEST_CONTRACT_ALARM_SUITE_H

#include "contract/world.h"
#include "port/alarm.h"

struct alarm_suite_maker {
  const char *name;
  bool simulated; /* runs in a simulated world */
  void *(*begin)(void);
  struct port *(*open)(void *env, struct world *w);
  /* The i-th alarm that a reader got (texts in mem), false when there are not so many. */
  bool (*read)(void *env, size_t i, struct tfdc_arena *mem, struct model_alarm *ret);
  void (*destroy)(void *env); /* the port is closed */
  void (*end)(void *env);
};

/* Runs all; the number of failed tests, as cmocka counts. */
int alarm_suite_run(const struct alarm_suite_maker *maker);

#endif
