/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/election_suite.h"

#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

enum { LONG_TERM = 60 * 1000000, SHORT_TERM = 30000 };

struct rig {
  const struct election_suite_maker *maker;
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
  world_close(&g->world, g->port);
  g->maker->destroy(g->env);
  g->maker->end(g->env);
  world_end(&g->world);
  *state = (void *)(uintptr_t)g->maker;
  free(g);
  return 0;
}

/* A call that must give `want`; whether it won; the epoch goes in and out. */
static bool call(struct rig *g, enum election_op op, const char *candidate, int64_t term_us, uint64_t *epoch,
                 tfdc_rc want) {
  struct election_req r;
  election_req_init(&r, op);
  r.election = "controller";
  r.candidate = candidate;
  r.term_us = term_us;
  r.epoch = *epoch;
  assert_int_equal(world_call(&g->world, g->port, &r.base), want);
  if (want == TFDC_OK && op != ELECTION_RESIGN) *epoch = r.epoch;
  port_req_deinit(&r.base);
  return r.won;
}

static void leads(struct rig *g, const char *want) {
  struct election_req r;
  election_req_init(&r, ELECTION_LEADER);
  r.election = "controller";
  assert_int_equal(world_call(&g->world, g->port, &r.base), TFDC_OK);
  if (want == NULL)
    assert_null(r.leader);
  else
    assert_string_equal(r.leader, want);
  port_req_deinit(&r.base);
}

static void one_candidate_wins_and_keeps_others_out(void **state) {
  struct rig *g = *state;
  uint64_t a = 0, b = 0;
  leads(g, NULL);
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-1", LONG_TERM, &a, TFDC_OK));
  assert_true(a > 0);
  assert_false(call(g, ELECTION_CAMPAIGN, "defender-2", LONG_TERM, &b, TFDC_OK));
  assert_int_equal(a, b);
  leads(g, "defender-1");
  uint64_t again = 0;
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-1", LONG_TERM, &again, TFDC_OK));
  assert_int_equal(again, a);
  (void)call(g, ELECTION_EXTEND, "defender-1", LONG_TERM, &a, TFDC_OK);
  (void)call(g, ELECTION_EXTEND, "defender-2", LONG_TERM, &a, TFDC_E_CONFLICT);
  uint64_t wrong = a + 1;
  (void)call(g, ELECTION_EXTEND, "defender-1", LONG_TERM, &wrong, TFDC_E_CONFLICT);
}

static void who_resigns_makes_room_at_once(void **state) {
  struct rig *g = *state;
  uint64_t a = 0, b = 0;
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-1", LONG_TERM, &a, TFDC_OK));
  (void)call(g, ELECTION_RESIGN, "defender-2", 0, &a, TFDC_E_CONFLICT);
  (void)call(g, ELECTION_RESIGN, "defender-1", 0, &a, TFDC_OK);
  leads(g, NULL);
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-2", LONG_TERM, &b, TFDC_OK));
  assert_true(b > a);
  (void)call(g, ELECTION_EXTEND, "defender-1", LONG_TERM, &a, TFDC_E_CONFLICT);
  (void)call(g, ELECTION_RESIGN, "defender-1", 0, &a, TFDC_E_CONFLICT);
  leads(g, "defender-2");
}

static void a_term_ends_by_itself(void **state) {
  struct rig *g = *state;
  uint64_t a = 0, b = 0, again = 0;
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-1", SHORT_TERM, &a, TFDC_OK));
  (void)world_pass(&g->world, SHORT_TERM);
  /* On threads the other asks until the term is over: each round is a request. */
  while (!call(g, ELECTION_CAMPAIGN, "defender-2", LONG_TERM, &b, TFDC_OK)) assert_false(g->maker->simulated);
  assert_true(b > a);
  (void)call(g, ELECTION_EXTEND, "defender-1", LONG_TERM, &a, TFDC_E_CONFLICT);
  if (!g->maker->simulated) return;
  (void)call(g, ELECTION_RESIGN, "defender-2", 0, &b, TFDC_OK);
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-2", SHORT_TERM, &again, TFDC_OK));
  for (int i = 0; i < 5; i++) {
    (void)world_pass(&g->world, SHORT_TERM - 1000);
    (void)call(g, ELECTION_EXTEND, "defender-2", SHORT_TERM, &again, TFDC_OK);
  }
  uint64_t last = 0;
  (void)world_pass(&g->world, SHORT_TERM);
  assert_true(call(g, ELECTION_CAMPAIGN, "defender-2", SHORT_TERM, &last, TFDC_OK));
  assert_true(last > again);
}

static void names_and_terms_are_checked(void **state) {
  struct rig *g = *state;
  uint64_t epoch = 0;
  (void)call(g, ELECTION_CAMPAIGN, "", LONG_TERM, &epoch, TFDC_E_USAGE);
  (void)call(g, ELECTION_CAMPAIGN, NULL, LONG_TERM, &epoch, TFDC_E_USAGE);
  (void)call(g, ELECTION_CAMPAIGN, "a\nb", LONG_TERM, &epoch, TFDC_E_USAGE);
  (void)call(g, ELECTION_CAMPAIGN, "defender-1", 0, &epoch, TFDC_E_USAGE);
}

int election_suite_run(const struct election_suite_maker *maker) {
#define T(name)                                                                                                        \
  { #name, name, setup, teardown, (void *)(uintptr_t)maker }
  const struct CMUnitTest tests[] = {
      T(one_candidate_wins_and_keeps_others_out),
      T(who_resigns_makes_room_at_once),
      T(a_term_ends_by_itself),
      T(names_and_terms_are_checked),
  };
#undef T
  return cmocka_run_group_tests_name(maker->name, tests, NULL, NULL);
}
