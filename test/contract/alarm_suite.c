/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/alarm_suite.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
  const struct alarm_suite_maker *maker;
  void *env;
  struct world world;
  struct port *port;
};

static int setup(void **state) {
  struct rig *g = calloc(1, sizeof *g);
  g->maker = *state;
  if (g->maker->simulated)
    world_begin_sim(&g->world, 42);
  else
    world_begin_threads(&g->world);
  g->env = g->maker->begin();
  g->port = g->maker->open(g->env, &g->world);
  *state = g;
  return 0;
}

static int teardown(void **state) {
  struct rig *g = *state;
  if (g->port != NULL) world_close(&g->world, g->port);
  g->maker->destroy(g->env);
  g->maker->end(g->env);
  world_end(&g->world);
  *state = (void *)(uintptr_t)g->maker;
  free(g);
  return 0;
}

static tfdc_rc publish(struct rig *g, uint64_t id, uint32_t update, const char *text) {
  char copy[64];
  (void)snprintf(copy, sizeof copy, "%s", text);
  struct model_alarm a = {.alarm_id = {1, id},
                          .state = MODEL_ALARM_OPEN,
                          .severity = MODEL_CRITICAL,
                          .key = {"ETCH-01", "A"},
                          .strategy = "press",
                          .partition = "R1",
                          .opened_us = 1000,
                          .updated_us = 2000,
                          .cleared_us = MODEL_NO_TIME,
                          .bad_runs = 1,
                          .update = update,
                          .reason = "OOC",
                          .text = copy};
  struct alarm_req r;
  alarm_req_init(&r);
  r.alarm = &a;
  tfdc_rc rc = world_call(&g->world, g->port, &r.base);
  port_req_deinit(&r.base);
  memset(copy, 'x', sizeof copy - 1);
  return rc;
}

static void what_is_published_arrives_whole_and_in_order(void **state) {
  struct rig *g = *state;
  assert_int_equal(publish(g, 1, 1, "mean(Press) 52.3 > UCL 51.9"), TFDC_OK);
  assert_int_equal(publish(g, 1, 2, "two bad runs"), TFDC_OK);
  assert_int_equal(publish(g, 2, 1, "another"), TFDC_OK);
  struct tfdc_arena mem = {0};
  struct model_alarm a;
  assert_true(g->maker->read(g->env, 0, &mem, &a));
  assert_true(a.alarm_id.hi == 1 && a.alarm_id.lo == 1 && a.update == 1 && a.severity == MODEL_CRITICAL);
  assert_string_equal(a.key.tool, "ETCH-01");
  assert_string_equal(a.text, "mean(Press) 52.3 > UCL 51.9");
  assert_string_equal(a.reason, "OOC");
  assert_true(a.lot_id == NULL || a.lot_id[0] == '\0');
  assert_true(a.cleared_us == MODEL_NO_TIME);
  assert_true(g->maker->read(g->env, 1, &mem, &a));
  assert_int_equal(a.update, 2);
  assert_true(g->maker->read(g->env, 2, &mem, &a));
  assert_int_equal(a.alarm_id.lo, 2);
  assert_false(g->maker->read(g->env, 3, &mem, &a));
  tfdc_arena_deinit(&mem);
}

static void a_request_without_alarm_or_after_close_is_refused(void **state) {
  struct rig *g = *state;
  struct alarm_req r;
  alarm_req_init(&r);
  assert_int_equal(world_call(&g->world, g->port, &r.base), TFDC_E_USAGE);
  port_req_deinit(&r.base);
  world_close(&g->world, g->port);
  assert_int_equal(publish(g, 1, 1, "late"), TFDC_E_CLOSED);
  g->port = NULL;
}

int alarm_suite_run(const struct alarm_suite_maker *maker) {
#define T(name)                                                                                                        \
  { #name, name, setup, teardown, (void *)(uintptr_t)maker }
  const struct CMUnitTest tests[] = {
      T(what_is_published_arrives_whole_and_in_order),
      T(a_request_without_alarm_or_after_close_is_refused),
  };
#undef T
  return cmocka_run_group_tests_name(maker->name, tests, NULL, NULL);
}
