/* SPDX-License-Identifier: Apache-2.0
 * Hubs that come back, come twice, or come with something else: the ingest machine while a run is loaded, and what it
 * does with messages that nobody owns any more. */
#include "core/ingest_rig_test.h"

static void a_hub_that_comes_back_is_told_the_last_durable_message(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_wait(&r, 30000);
  rig_ok(&r, INGEST_CUT);
  EXPECT(&r, "ack 1");
  rig_block(&r, 2); /* in memory only */
  rig_hang_up(&r);
  rig_start(&r);
  EXPECT(&r, "load");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "resume 1");
  rig_block(&r, 2);
  rig_end(&r, 3, 50);
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  EXPECT(&r, "ack 3 end");
  assert_true(r.row.points == 20 && r.row.missing_blocks == 0);
  rig_down(&r);
}

static void a_hub_that_comes_back_while_the_store_is_at_work_waits_for_it(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_end(&r, 2, 50);
  rig_hang_up(&r);
  rig_start(&r);
  EXPECT(&r, ""); /* the cut is under way */
  rig_ok(&r, INGEST_CUT);
  EXPECT(&r, "load");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put closed r1 s2");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  rig_ok(&r, INGEST_PUBLISH);
  rig_ok(&r, INGEST_MARK);
  EXPECT(&r, "load"); /* and now what the store says */
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "resume 2 closed");
  rig_down(&r);
}

static void a_message_on_the_old_stream_is_of_no_run(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  uint64_t old = r.stream++;
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "resume 0");
  struct model_hub_msg msg = {.kind = MODEL_HUB_BLOCK, .run = RIG_RUN, .seq = 1, .block = rig_block_of(1, 1, 0, 10)};
  rig_step(&r, &(struct ingest_event){.kind = INGEST_MESSAGE, .stream = old, .msg = &msg});
  EXPECT(&r, "reject 1 RUN_UNKNOWN@1");
  rig_down(&r);
}

static void an_adopted_run_is_closed_or_published_where_its_collector_stopped(void **state) {
  (void)state;
  struct rig r;
  rig_closed(&r);
  r.row.published = false; /* it died between I6 and I8 */
  rig_boot(&r);
  rig_step(&r, &(struct ingest_event){.kind = INGEST_ADOPT, .context = &r.row});
  EXPECT(&r, "load");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "publish r1");
  rig_ok(&r, INGEST_PUBLISH);
  rig_ok(&r, INGEST_MARK);
  EXPECT(&r, "");
  rig_boot(&r);
  r.row.state = MODEL_CONTEXT_OPEN; /* it died before I6 */
  r.row.revision = 0;
  r.row.end_us = r.row.order_us = MODEL_NO_TIME;
  rig_step(&r, &(struct ingest_event){.kind = INGEST_ADOPT, .context = &r.row});
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "");
  rig_wait(&r, 299000);
  EXPECT(&r, "");
  rig_wait(&r, 2000);
  EXPECT(&r, "load");
  rig_finish_close(&r);
  assert_true(r.row.revision == 1 && r.row.points == 30 && r.row.end_reason == MODEL_END_UNKNOWN);
  rig_down(&r);
}

static void an_adopted_run_whose_row_is_gone_is_forgotten(void **state) {
  (void)state;
  struct rig r;
  rig_closed(&r);
  struct model_context row = r.row;
  rig_boot(&r);
  rig_step(&r, &(struct ingest_event){.kind = INGEST_ADOPT, .context = &row});
  r.there = false;
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "");
  assert_true(ingest_is_drained(r.g) && ingest_open_runs(r.g) == 0);
  rig_down(&r);
}

/* While this collector made its last chunk durable, another one closed the run. Ours is a further revision where we
 * know more than its row says, or where it did not count all chunks; else the run is closed. */
static void a_run_that_another_collector_closed_meanwhile_is_closed_once_more_or_not(void **state) {
  (void)state;
  static const struct {
    uint64_t last_seq;
    uint32_t counted;
    const char *then;
  } rows[] = {{1, 1, "put closed r2 s2"}, {2, 0, "put closed r2 s2; ack 2"}, {2, 1, "ack 2 end"}};
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct rig r;
    rig_open(&r);
    rig_block(&r, 1);
    rig_end(&r, 2, 50);
    rig_ok(&r, INGEST_CUT);
    EXPECT(&r, "load; ack 1");
    r.row.state = MODEL_CONTEXT_CLOSED;
    r.row.published = true;
    r.row.revision = 1;
    r.row.last_seq = rows[i].last_seq;
    r.row.end_us = r.row.order_us = r.row.received_us = RIG_START + 50000;
    r.row.end_reason = MODEL_END_COMPLETE;
    r.row.chunk_count = rows[i].counted;
    r.row.chunk_digest = model_chunk_digest(&r.chunks[0].checksum, rows[i].counted);
    rig_ok(&r, INGEST_LOAD);
    EXPECT(&r, rows[i].then);
    if (i < 2) {
      rig_ok(&r, INGEST_PUT_CONTEXT);
      EXPECT(&r, "publish r2");
      assert_true(r.row.chunk_count == 1 && r.row.order_us == RIG_START + 50000);
    }
    assert_int_equal(ingest_open_runs(r.g), 0);
    rig_down(&r);
  }
}

/* ---- messages that come before the run is loaded ---- */

static void messages_wait_while_their_run_is_loaded(void **state) {
  (void)state;
  struct rig r;
  struct model_event v = {"arc", RIG_START};
  struct model_context c = {.lot_id = "L2", .slot = -1, .runs_since_pm = -1, .wafers_since_clean = -1};
  c.rf_hours = (double)NAN;
  rig_up(&r);
  rig_start(&r);
  rig_block(&r, 1);
  rig_step_begins(&r, 2, "A", 0);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = 3, .event = &v});
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_AMEND, .seq = 4, .context = &c});
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 5, .code = TFDC_E_LIMIT, .text = "much"});
  rig_end(&r, 6, 50);
  EXPECT(&r, "");
  assert_int_equal(ingest_bytes(r.g), rig_block_bytes());
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put open r0 s0");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "reject 5 LIMIT; cut 1-1 r1; resume 0");
  while (r.n_pending > 0) rig_ok(&r, r.pending[0].kind);
  EXPECT(&r, "ack 6 end");
  assert_true(r.row.points == 10 && r.row.n_steps == 1 && r.row.n_events == 1 && r.row.rejected_blocks == 1);
  assert_string_equal(r.row.lot_id, "L2");
  assert_int_equal(ingest_bytes(r.g), 0);
  rig_down(&r);
}

/* Nothing was acked: the hub has it all, and finds no trace of its first attempt. */
static void a_hub_that_hangs_up_before_its_new_run_is_loaded_can_begin_again(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_start(&r);
  rig_block(&r, 1);
  rig_hang_up(&r);
  rig_ok(&r, INGEST_LOAD); /* nobody knows the run */
  EXPECT(&r, "");
  assert_true(ingest_bytes(r.g) == 0 && ingest_is_drained(r.g));
  rig_start(&r);
  EXPECT(&r, "load");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put open r0 s0");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "resume 0");
  rig_block(&r, 1);
  rig_end(&r, 2, 50);
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  EXPECT(&r, "ack 2 end");
  assert_int_equal(r.row.points, 10);
  rig_down(&r);
}

/* ---- the same run id with other content ---- */

static void start_other(struct rig *r, const char *recipe) {
  struct model_context c = rig_context();
  c.recipe_id = recipe;
  rig_send(r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
}

static void another_run_under_the_same_id_is_a_conflict(void **state) {
  (void)state;
  struct rig r;
  rig_closed(&r);
  r.stream++;
  start_other(&r, "OTHER");
  EXPECT(&r, "reject 0 RUN_CONFLICT");
  start_other(&r, NULL); /* not known is no contradiction */
  EXPECT(&r, "load");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "resume 4 closed");
  rig_down(&r);
}

/* The hub sends on before it hears of the conflict: its samples are of another run. */
static void samples_of_a_conflicting_run_never_get_into_the_first(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_boot(&r); /* another collector: it knows the run only from the store */
  r.stream++;
  rig_hello(&r, &RIG_CHAMBER);
  rig_ok(&r, INGEST_PUT_CHAMBER);
  start_other(&r, "OTHER");
  EXPECT(&r, "load");
  rig_block(&r, 1);
  rig_end(&r, 2, 50);
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "reject 0 RUN_CONFLICT");
  assert_int_equal(ingest_bytes(r.g), 0);
  rig_wait(&r, 301000);
  rig_finish_close(&r);
  assert_true(r.row.points == 0 && r.row.end_reason == MODEL_END_UNKNOWN);
  assert_string_equal(r.row.recipe_id, "R");
  rig_down(&r);
}

static void of_two_hubs_with_one_run_id_the_second_conflicts_also_while_it_is_loaded(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_start(&r);
  r.stream++;
  start_other(&r, "OTHER");
  EXPECT(&r, "reject 0 RUN_CONFLICT");
  r.stream--;
  rig_ok(&r, INGEST_LOAD);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "resume 0");
  rig_down(&r);
}

/* ---- dictionaries ---- */

static const struct model_svid LONGER[] = {{.number = 1, .name = "Press", .rate_hz = 10},
                                           {.number = 4, .name = "RfFwd", .rate_hz = 10},
                                           {.number = 9, .name = "Temp", .rate_hz = 10}};

static void a_new_dictionary_serves_the_runs_that_are_open(void **state) {
  (void)state;
  struct rig r;
  struct model_chamber longer = {.key = RIG_CHAMBER.key, .tool_type = "T", .svids = LONGER, .n_svids = 3};
  rig_open(&r);
  rig_block(&r, 1);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 2, .block = rig_block_of(2, 9, 20, 5)});
  EXPECT(&r, "reject 2 UNKNOWN_SVID");
  rig_hello(&r, &RIG_CHAMBER);
  EXPECT(&r, ""); /* the same: nothing to do */
  rig_hello(&r, &longer);
  EXPECT(&r, "chamber");
  rig_ok(&r, INGEST_PUT_CHAMBER);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 3, .block = rig_block_of(3, 9, 30, 5)});
  EXPECT(&r, "");
  rig_end(&r, 4, 50);
  while (r.n_pending > 0) rig_ok(&r, r.pending[0].kind);
  EXPECT(&r, "ack 4 end");
  assert_true(r.row.points == 15);
  assert_string_equal(r.row.tool_type, "T"); /* of the hello that is gone */
  rig_down(&r);
}

/* Both writes of the chamber go under one name: the answer to the first says nothing about the second. */
static void a_dictionary_that_changes_while_it_is_stored_is_stored_again(void **state) {
  (void)state;
  struct rig r;
  struct model_chamber longer = {.key = RIG_CHAMBER.key, .tool_type = "T", .svids = LONGER, .n_svids = 3};
  rig_init(&r);
  rig_boot(&r);
  rig_hello(&r, &RIG_CHAMBER);
  EXPECT(&r, "chamber");
  rig_hello(&r, &longer);
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  rig_ok(&r, INGEST_PUT_CHAMBER); /* of the first */
  EXPECT(&r, "chamber");
  rig_answer(&r, INGEST_PUT_CHAMBER, TFDC_E_IO);
  EXPECT(&r, "");
  rig_next(&r);
  EXPECT(&r, "chamber");
  rig_ok(&r, INGEST_PUT_CHAMBER);
  EXPECT(&r, "put open r0 s0");
  rig_down(&r);
}

static void what_a_run_start_says_of_steps_and_revisions_is_not_believed(void **state) {
  (void)state;
  static const struct model_step step = {
      .number = 1, .occurrence = 1, .name = "A", .start_us = RIG_START, .end_us = MODEL_NO_TIME};
  struct rig r;
  struct model_context c = rig_context();
  c.steps = &step;
  c.n_steps = 1;
  c.revision = 7;
  c.last_seq = 99;
  c.points = 1000;
  rig_up(&r);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put open r0 s0");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  rig_step_begins(&r, 1, "B", 10);
  rig_end(&r, 2, 50);
  rig_finish_close(&r);
  assert_true(r.row.n_steps == 1 && r.row.revision == 1 && r.row.points == 0);
  assert_string_equal(r.row.steps[0].name, "B");
  rig_down(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_hub_that_comes_back_is_told_the_last_durable_message),
      cmocka_unit_test(a_hub_that_comes_back_while_the_store_is_at_work_waits_for_it),
      cmocka_unit_test(a_message_on_the_old_stream_is_of_no_run),
      cmocka_unit_test(an_adopted_run_is_closed_or_published_where_its_collector_stopped),
      cmocka_unit_test(an_adopted_run_whose_row_is_gone_is_forgotten),
      cmocka_unit_test(a_run_that_another_collector_closed_meanwhile_is_closed_once_more_or_not),
      cmocka_unit_test(messages_wait_while_their_run_is_loaded),
      cmocka_unit_test(a_hub_that_hangs_up_before_its_new_run_is_loaded_can_begin_again),
      cmocka_unit_test(another_run_under_the_same_id_is_a_conflict),
      cmocka_unit_test(samples_of_a_conflicting_run_never_get_into_the_first),
      cmocka_unit_test(of_two_hubs_with_one_run_id_the_second_conflicts_also_while_it_is_loaded),
      cmocka_unit_test(a_new_dictionary_serves_the_runs_that_are_open),
      cmocka_unit_test(a_dictionary_that_changes_while_it_is_stored_is_stored_again),
      cmocka_unit_test(what_a_run_start_says_of_steps_and_revisions_is_not_believed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
