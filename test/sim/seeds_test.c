/* SPDX-License-Identifier: Apache-2.0
 * Random storms over the real drivers in a simulated world, and the proof that they find planted errors. More than
 * 100,000 steps in every build; ten times as many without a sanitizer.
 *
 *   TFDC_SIM_SEED=N     the first test runs that seed alone: what failed replays exactly
 *   TFDC_SIM_TRACE=ID   ... and prints what happens to that run ("run-14")
 *   TFDC_SIM_SEEDS=N    so many seeds (a soak) */
#include "sim/sim.h"
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STORM_STEPS = 8000, LEAST_STEPS = 100000, FIRST_SEED = 10000 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MORE_SEEDS = 0 };
#else
enum { MORE_SEEDS = 116 }; /* FIRST_SEED and on */
#endif

/* Chosen blindly; some of them found errors. */
static const uint64_t seed_table[] = {1,  2,  3,    4,    5,     6,     7,     8,     9,     10,    29,   42,
                                      73, 88, 1346, 1835, 10110, 10119, 10519, 10689, 10722, 11299, 2101, 2105};

/* What a process had in hand when it died is never released, as after a real death: not a leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:src/run/collector\nleak:src/run/defender\n"; }

struct outcome {
  uint64_t steps, crashes, faults, dead;
  size_t runs;
  enum sim_rule broken;
  char what[512];
};

static struct outcome run_seed(uint64_t seed, enum sim_mutation mutation) {
  struct sim_options o = {.seed = seed, .mutation = mutation, .trace = getenv("TFDC_SIM_TRACE")};
  struct sim *s = sim_create(&o);
  sim_storm(s, STORM_STEPS);
  sim_settle(s);
  struct outcome ret = {.steps = s->steps,
                        .crashes = s->crashes,
                        .faults = s->faults,
                        .dead = s->dead,
                        .runs = s->n_runs,
                        .broken = s->broken};
  (void)snprintf(ret.what, sizeof ret.what, "%s", s->what);
  sim_destroy(s);
  return ret;
}

static uint64_t number_of(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void no_storm_breaks_a_rule(void **state) {
  (void)state;
  struct outcome sum = {0};
  uint64_t one = number_of("TFDC_SIM_SEED", 0), n = number_of("TFDC_SIM_SEEDS", TFDC_COUNT(seed_table) + MORE_SEEDS),
           broken = 0;
  if (one > 0) n = 1;
  for (uint64_t i = 0; i < n; i++) {
    uint64_t seed = one > 0 ? one : i < TFDC_COUNT(seed_table) ? seed_table[i] : FIRST_SEED + i;
    struct outcome got = run_seed(seed, SIM_AS_IT_IS);
    sum.steps += got.steps;
    sum.crashes += got.crashes;
    sum.faults += got.faults;
    sum.dead += got.dead;
    sum.runs += got.runs;
    if (got.broken == SIM_NONE_BROKEN) continue;
    broken++;
    print_message("seed %" PRIu64 ", step %" PRIu64 ": broken: %s\n  %s\n  again: TFDC_SIM_SEED=%" PRIu64 "\n", seed,
                  got.steps, sim_rule_text(got.broken), got.what, seed);
  }
  print_message("%" PRIu64 " seeds, %" PRIu64 " steps, %zu runs, %" PRIu64 " crashes, %" PRIu64
                " injected faults, %" PRIu64 " dead letters\n",
                n, sum.steps, sum.runs, sum.crashes, sum.faults, sum.dead);
  assert_int_equal(broken, 0);
  assert_true(n < TFDC_COUNT(seed_table) || sum.steps >= LEAST_STEPS);
}

/* The same seed gives the same course, whatever the addresses of the machine are. */
static void a_seed_replays_exactly(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 3; seed++) {
    struct outcome a = run_seed(seed, SIM_AS_IT_IS), b = run_seed(seed, SIM_AS_IT_IS);
    assert_true(a.steps == b.steps && a.runs == b.runs && a.crashes == b.crashes && a.faults == b.faults);
  }
}

static void expect_found(enum sim_mutation mutation, enum sim_rule rule) {
  uint64_t steps = 0;
  for (uint64_t seed = 1; steps < LEAST_STEPS; seed++) {
    struct outcome got = run_seed(seed, mutation);
    steps += got.steps;
    if (got.broken == SIM_NONE_BROKEN) continue;
    print_message("found with seed %" PRIu64 " after %" PRIu64 " steps in all: %s\n  %s\n", seed, steps,
                  sim_rule_text(got.broken), got.what);
    assert_int_equal(got.broken, rule);
    return;
  }
  fail_msg("not found in %llu steps", (unsigned long long)steps);
}

static void an_ack_before_the_commit_is_found(void **state) {
  (void)state;
  expect_found(SIM_ACK_BEFORE_COMMIT, SIM_ACKED);
}
static void a_message_acked_before_its_verdict_is_found(void **state) {
  (void)state;
  expect_found(SIM_ACK_BEFORE_VERDICT, SIM_VERDICT_FIRST);
}
static void an_alarm_skipped_on_redelivery_is_found(void **state) {
  (void)state;
  expect_found(SIM_NO_ALARM_ON_REDELIVERY, SIM_ALARMED);
}
static void a_message_id_without_revision_is_found(void **state) {
  (void)state;
  expect_found(SIM_MESSAGE_WITHOUT_REVISION, SIM_PUBLISHED);
}
static void two_runs_of_a_chamber_at_once_are_found(void **state) {
  (void)state;
  expect_found(SIM_TWO_AT_ONCE, SIM_ORDER);
}
static void state_from_the_wrong_predecessor_is_found(void **state) {
  (void)state;
  expect_found(SIM_WRONG_PREDECESSOR, SIM_ORDER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_storm_breaks_a_rule),
      cmocka_unit_test(a_seed_replays_exactly),
      cmocka_unit_test(an_ack_before_the_commit_is_found),
      cmocka_unit_test(a_message_acked_before_its_verdict_is_found),
      cmocka_unit_test(an_alarm_skipped_on_redelivery_is_found),
      cmocka_unit_test(a_message_id_without_revision_is_found),
      cmocka_unit_test(two_runs_of_a_chamber_at_once_are_found),
      cmocka_unit_test(state_from_the_wrong_predecessor_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
