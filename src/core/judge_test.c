/* SPDX-License-Identifier: Apache-2.0
 * The defender's decisions, J1 to J8, step by step: what is asked for and in which order, what a redelivery repeats,
 * what waits for what. */
#include "core/judge_rig_test.h"

static void a_run_is_acked_only_when_its_verdict_is_stored(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  r.out.n_records = r.out.n_alarms = 2;
  rig_deliver(&r, 1);
  EXPECT(&r, "load");
  rig_ok(&r);
  EXPECT(&r, "trace");
  rig_ok(&r);
  EXPECT(&r, "history 1");
  rig_ok(&r);
  EXPECT(&r, "compute");
  assert_true(r.input->n_picks == 1 && r.input->n_chunks == 2 && r.input->trace == MODEL_REASON_NONE);
  assert_true(r.input->judgement == 1 && !r.input->late);
  assert_string_equal(r.input->picks[0].partition, "R");
  rig_ok(&r);
  EXPECT(&r, "store S1");
  rig_ok(&r);
  EXPECT(&r, "store S2");
  rig_ok(&r);
  EXPECT(&r, "alarm A1");
  rig_ok(&r);
  EXPECT(&r, "alarm A2");
  rig_ok(&r);
  EXPECT(&r, "write OK");
  rig_ok(&r);
  EXPECT(&r, "ack");
  assert_int_equal(judge_load(r.judge), 1);
  rig_ok(&r);
  EXPECT(&r, "forget");
  assert_int_equal(judge_load(r.judge), 0);
  assert_true(r.counts[JUDGE_N_RECEIVED] == 1 && r.counts[JUDGE_N_JUDGED] == 1 && r.counts[JUDGE_N_ALARMS] == 2);
  rig_down(&r);
}

static void steps_without_anything_to_do_are_passed(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_strategies(&r, 0);
  r.context.chunk_count = 0;
  r.out.n_records = 0;
  r.out.verdict = (struct model_run_verdict){.verdict = MODEL_NOT_JUDGED, .reason = MODEL_REASON_NO_LIMITS};
  rig_deliver(&r, 1);
  rig_ok(&r);
  EXPECT(&r, "compute"); /* no chunks, no strategies */
  rig_ok(&r);
  EXPECT(&r, "write NOT_JUDGED(NO_LIMITS)");
  rig_ok(&r);
  EXPECT(&r, "ack");
  assert_true(r.counts[JUDGE_N_RUNS_NOT_JUDGED] == 1);
  rig_down(&r);
}

/* ---- what is judged already ---- */

static void a_redelivery_that_finds_the_verdict_only_acks(void **state) {
  (void)state;
  static const struct {
    uint32_t revision, judgement;
    enum model_reason reason;
    bool skips;
  } rows[] = {{1, 1, MODEL_REASON_NONE, true},  {2, 1, MODEL_REASON_NONE, true},
              {1, 2, MODEL_REASON_NONE, true},  {1, 0, MODEL_REASON_NONE, false},
              {0, 5, MODEL_REASON_NONE, false}, {1, 1, MODEL_REASON_DEAD_LETTER, false}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct rig r;
    rig_up(&r);
    r.judged = true;
    r.verdict.revision = rows[i].revision;
    r.verdict.judgement = rows[i].judgement;
    r.verdict.reason = rows[i].reason;
    rig_deliver(&r, 1);
    rig_ok(&r);
    EXPECT(&r, rows[i].skips ? "ack" : "trace");
    assert_true(r.counts[JUDGE_N_SKIPPED] == (rows[i].skips ? 1 : 0));
    rig_down(&r);
  }
}

static void the_message_of_an_older_revision_is_only_acked(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  struct model_completion m = rig_completion(&r, "A", 1);
  r.context.revision = 2;
  rig_step(&r, &(struct judge_event){.kind = JUDGE_DELIVERED, .token = 1, .deliveries = 1, .completion = &m});
  rig_ok(&r);
  EXPECT(&r, "ack");
  rig_ok(&r);
  EXPECT(&r, "forget");
  rig_down(&r);
}

static void a_run_whose_row_is_gone_is_not_judged_for_that_reason(void **state) {
  (void)state;
  for (int older = 0; older < 2; older++) {
    struct rig r;
    rig_up(&r);
    r.no_context = older == 0;
    struct model_completion m = rig_completion(&r, "A", 1);
    if (older) m.revision = 2;
    rig_step(&r, &(struct judge_event){.kind = JUDGE_DELIVERED, .token = 1, .deliveries = 1, .completion = &m});
    rig_ok(&r);
    EXPECT(&r, "write NOT_JUDGED(TRACE_EXPIRED)");
    rig_ok(&r);
    EXPECT(&r, "ack");
    rig_down(&r);
  }
}

/* ---- traces ---- */

static void a_trace_over_the_limit_is_too_large_and_an_incomplete_one_is_read_twice(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver(&r, 1);
  rig_ok(&r);
  r.n_chunks = 0;
  rig_answer(&r, 1, TFDC_E_LIMIT);
  EXPECT(&r, "trace");
  rig_answer(&r, 1, TFDC_E_LIMIT);
  EXPECT(&r, "history 1");
  rig_ok(&r);
  assert_int_equal(r.input->trace, MODEL_REASON_TOO_LARGE);
  rig_down(&r);
  rig_up(&r);
  rig_deliver(&r, 1);
  rig_ok(&r);
  r.n_chunks = 1;
  rig_ok(&r);
  EXPECT(&r, "trace");
  r.n_chunks = 2;
  rig_ok(&r);
  EXPECT(&r, "history 1");
  rig_ok(&r);
  assert_int_equal(r.input->trace, MODEL_REASON_NONE);
  rig_down(&r);
}

/* ---- failures ---- */

static void what_fails_is_repeated_in_place_and_no_later_run_of_the_chamber_overtakes(void **state) {
  (void)state;
  static const char *const again[] = {"load",     "trace",    "history 1", "compute",
                                      "store S1", "alarm A1", "write OK",  "ack"};
  struct rig r;
  rig_up(&r);
  r.out.n_alarms = 1;
  rig_deliver(&r, 1);
  rig_deliver(&r, 2);
  EXPECT(&r, "");
  double retries = 0;
  for (size_t i = 0; i < TFDC_COUNT(again); i++) {
    for (int failure = 0; failure < 3; failure++, retries++) {
      rig_answer(&r, 1, failure == 0 ? TFDC_E_TIMEOUT : failure == 1 ? TFDC_E_UNAVAILABLE : TFDC_E_NOMEM);
      EXPECT(&r, "");
      rig_step(&r, &(struct judge_event){.kind = JUDGE_TICK});
      EXPECT(&r, "");
      rig_next(&r);
      EXPECT(&r, again[i]);
    }
    rig_ok(&r);
  }
  EXPECT(&r, "forget; load#2");
  assert_true(r.counts[JUDGE_N_RETRIES] == retries);
  rig_down(&r);
}

static void a_delivery_that_is_no_longer_ours_needs_no_ack(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver(&r, 1);
  for (int i = 0; i < 6; i++) rig_ok(&r);
  EXPECT(&r, "ack");
  rig_answer(&r, 1, TFDC_E_NOT_FOUND);
  EXPECT(&r, "forget");
  rig_down(&r);
}

static void a_message_that_is_kept_is_said_to_be_in_progress(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver(&r, 1);
  rig_deliver(&r, 2); /* waits */
  rig_wait(&r, 9000);
  EXPECT(&r, "");
  rig_wait(&r, 1100);
  assert_true(strstr(r.line, "progress 1") != NULL && strstr(r.line, "progress 2") != NULL);
  rig_wait(&r, 9000);
  EXPECT(&r, "");
  rig_wait(&r, 1100);
  assert_true(strstr(r.line, "progress 1") != NULL && strstr(r.line, "progress 2") != NULL);
  rig_down(&r);
}

/* ---- attempts ---- */

static void each_further_attempt_is_noted_before_and_computed_alone(void **state) {
  (void)state;
  for (uint32_t attempts = 0; attempts < 2; attempts++) {
    struct rig r;
    char note[16];
    rig_up(&r);
    r.attempts = attempts;
    rig_deliver_to(&r, "A", 1, attempts + 2);
    EXPECT(&r, "load again");
    rig_ok(&r);
    (void)snprintf(note, sizeof note, "note %u", attempts + 1);
    EXPECT(&r, note);
    rig_answer(&r, 1, TFDC_E_IO); /* not before it is noted */
    EXPECT(&r, "");
    rig_next(&r);
    EXPECT(&r, note);
    rig_ok(&r);
    EXPECT(&r, "trace");
    rig_ok(&r);
    rig_ok(&r);
    EXPECT(&r, "compute alone");
    rig_down(&r);
  }
}

static void a_run_that_ended_the_process_three_times_is_a_dead_letter(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  r.attempts = 2;
  rig_deliver_to(&r, "A", 1, 4);
  rig_ok(&r);
  EXPECT(&r, "write NOT_JUDGED(DEAD_LETTER)");
  rig_ok(&r);
  EXPECT(&r, "dead");
  rig_answer(&r, 1, TFDC_E_IO);
  EXPECT(&r, "");
  rig_next(&r);
  EXPECT(&r, "dead");
  rig_answer(&r, 1, TFDC_E_NOT_FOUND);
  EXPECT(&r, "forget");
  assert_true(r.counts[JUDGE_N_DEAD] == 1);
  rig_down(&r);
}

/* A broker that fails over delivers again, however often; only what began counts. */
static void deliveries_without_an_attempt_on_record_are_no_dead_letter(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver_to(&r, "A", 1, 50);
  rig_ok(&r);
  EXPECT(&r, "note 1");
  rig_down(&r);
}

/* ---- order ---- */

static void runs_of_a_chamber_go_one_by_one_in_run_order_and_chambers_side_by_side(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver(&r, 5);
  EXPECT(&r, "load");
  rig_deliver(&r, 7);
  rig_deliver(&r, 6);
  rig_deliver(&r, 3); /* before the others, not before the one under way */
  EXPECT(&r, "");
  rig_deliver_to(&r, "B", 9, 1);
  EXPECT(&r, "load#5");
  assert_int_equal(judge_load(r.judge), 5);
  r.judged = true; /* all were judged: each only acks */
  r.verdict.revision = 9;
  static const uint64_t order[] = {1, 4, 3, 2};
  for (size_t i = 0; i < TFDC_COUNT(order); i++) {
    rig_answer(&r, order[i], TFDC_OK);
    rig_answer(&r, order[i], TFDC_OK);
    char next[32];
    (void)snprintf(next, sizeof next, i + 1 < TFDC_COUNT(order) ? "load#%llu" : "forget",
                   i + 1 < TFDC_COUNT(order) ? (unsigned long long)order[i + 1] : 0);
    assert_non_null(strstr(r.line, next));
  }
  assert_int_equal(judge_load(r.judge), 1);
  rig_down(&r);
}

static void a_stop_drops_what_was_not_begun_and_waits_for_the_rest(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver(&r, 1);
  rig_deliver(&r, 2);
  assert_false(judge_stop(r.judge));
  rig_deliver(&r, 3);
  EXPECT(&r, "");
  assert_int_equal(judge_load(r.judge), 2); /* the third was not taken */
  for (int i = 0; i < 6; i++) rig_ok(&r);
  EXPECT(&r, "ack");
  assert_false(judge_stop(r.judge));
  rig_ok(&r);
  EXPECT(&r, "forget");
  assert_true(judge_stop(r.judge));
  rig_down(&r);
}

/* ---- definitions ---- */

static void compiled_programs_serve_the_next_run_until_definitions_change(void **state) {
  (void)state;
  struct rig r;
  struct catalog_pick pick;
  struct programs *compiled = NULL;
  rig_up(&r);
  assert_int_equal(catalog_select(r.catalog, &r.context, &pick, 1), 1);
  assert_int_equal(programs_create(pick.strategy, NULL, &compiled), TFDC_OK);
  for (uint64_t job = 1; job <= 3; job++) {
    if (job == 3) rig_strategies(&r, 1);
    rig_deliver(&r, (uint32_t)job);
    for (int i = 0; i < 3; i++) rig_answer(&r, job, TFDC_OK);
    assert_true(r.input->picks[0].programs == (job == 2 ? compiled : NULL));
    r.programs[0] = job == 1 ? compiled : NULL;
    for (int i = 0; i < 4; i++) rig_answer(&r, job, TFDC_OK);
    assert_non_null(strstr(r.line, "forget"));
  }
  programs_unref(compiled);
  rig_down(&r);
}

/* Definitions that change while a run is under way count from the next one on. */
static void a_run_is_judged_by_the_definitions_it_began_with(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_deliver(&r, 1);
  rig_ok(&r);
  rig_strategies(&r, 3);
  rig_ok(&r);
  EXPECT(&r, "history 1");
  rig_ok(&r);
  assert_int_equal(r.input->n_picks, 1);
  assert_string_equal(r.input->picks[0].from.strategy->id, "s000");
  for (int i = 0; i < 4; i++) rig_ok(&r);
  rig_deliver(&r, 2);
  rig_answer(&r, 2, TFDC_OK);
  rig_answer(&r, 2, TFDC_OK);
  EXPECT(&r, "history 3#2");
  rig_down(&r);
}

/* No strategy that selects a run may be left out in silence. */
static void a_run_is_judged_by_all_strategies_that_select_it(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_strategies(&r, 100);
  rig_deliver(&r, 1);
  rig_ok(&r);
  rig_ok(&r);
  EXPECT(&r, "history 100");
  rig_down(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_is_acked_only_when_its_verdict_is_stored),
      cmocka_unit_test(steps_without_anything_to_do_are_passed),
      cmocka_unit_test(a_redelivery_that_finds_the_verdict_only_acks),
      cmocka_unit_test(the_message_of_an_older_revision_is_only_acked),
      cmocka_unit_test(a_run_whose_row_is_gone_is_not_judged_for_that_reason),
      cmocka_unit_test(a_trace_over_the_limit_is_too_large_and_an_incomplete_one_is_read_twice),
      cmocka_unit_test(what_fails_is_repeated_in_place_and_no_later_run_of_the_chamber_overtakes),
      cmocka_unit_test(a_delivery_that_is_no_longer_ours_needs_no_ack),
      cmocka_unit_test(a_message_that_is_kept_is_said_to_be_in_progress),
      cmocka_unit_test(each_further_attempt_is_noted_before_and_computed_alone),
      cmocka_unit_test(a_run_that_ended_the_process_three_times_is_a_dead_letter),
      cmocka_unit_test(deliveries_without_an_attempt_on_record_are_no_dead_letter),
      cmocka_unit_test(runs_of_a_chamber_go_one_by_one_in_run_order_and_chambers_side_by_side),
      cmocka_unit_test(a_stop_drops_what_was_not_begun_and_waits_for_the_rest),
      cmocka_unit_test(compiled_programs_serve_the_next_run_until_definitions_change),
      cmocka_unit_test(a_run_is_judged_by_the_definitions_it_began_with),
      cmocka_unit_test(a_run_is_judged_by_all_strategies_that_select_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
