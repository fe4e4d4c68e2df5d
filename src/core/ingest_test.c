/* SPDX-License-Identifier: Apache-2.0
 * The collector's decisions, I1 to I9, step by step: what is asked for, in which order, and what a hub is told. */
#include "core/ingest_rig_test.h"

static void a_run_is_stored_before_it_is_acked_and_published_before_its_end_is(void **state) {
  (void)state;
  struct rig r;
  rig_up(&r);
  rig_start(&r);
  EXPECT(&r, "load");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put open r0 s0");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "resume 0");
  for (uint64_t seq = 1; seq <= 3; seq++) {
    rig_block(&r, seq);
    EXPECT(&r, "");
  }
  rig_end(&r, 4, 50);
  EXPECT(&r, "cut 1-3 r1");
  rig_ok(&r, INGEST_CUT);
  EXPECT(&r, "load; ack 3");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put closed r1 s4");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "publish r1");
  assert_false(r.row.published);
  rig_ok(&r, INGEST_PUBLISH);
  EXPECT(&r, "mark r1");
  rig_ok(&r, INGEST_MARK);
  EXPECT(&r, "ack 4 end");
  assert_true(r.row.chunk_count == 1 && r.row.points == 30 && r.row.revision == 1 && r.row.end_us == RIG_START + 50000);
  assert_int_equal(r.row.chunk_digest, model_chunk_digest(&r.chunks[0].checksum, 1));
  assert_true(r.counts[INGEST_N_RUNS_CLOSED] == 1 && r.counts[INGEST_N_COMPLETIONS] == 1);
  assert_true(ingest_bytes(r.g) == 0 && ingest_open_runs(r.g) == 0 && ingest_is_drained(r.g));
  rig_down(&r);
}

/* Each of the operations fails twice, in each of the classes that are repeated; the next is asked for only when it is
 * done, and the hub is told nothing meanwhile. */
static void what_fails_is_repeated_with_growing_pauses_and_nothing_comes_before_it(void **state) {
  (void)state;
  static const struct {
    enum ingest_action_kind kind;
    const char *again, *after;
  } ops[] = {{INGEST_LOAD, "load", "put open r0 s0"},
             {INGEST_PUT_CONTEXT, "put open r0 s0", "resume 0"},
             {INGEST_CUT, "cut 1-1 r1", "load; ack 1"},
             {INGEST_LOAD, "load", "put closed r1 s2"},
             {INGEST_PUT_CONTEXT, "put closed r1 s2", "publish r1"},
             {INGEST_PUBLISH, "publish r1", "mark r1"},
             {INGEST_MARK, "mark r1", "ack 2 end"}};
  struct rig r;
  rig_up(&r);
  rig_start(&r);
  double retries = 0;
  for (size_t i = 0; i < TFDC_COUNT(ops); i++) {
    int64_t before = 0;
    for (int failure = 0; failure < 4; failure++) {
      rig_answer(&r, ops[i].kind, failure % 2 == 0 ? TFDC_E_IO : TFDC_E_BUSY);
      EXPECT(&r, "");
      rig_tick(&r); /* not at once */
      EXPECT(&r, "");
      int64_t began = r.now;
      rig_next(&r);
      EXPECT(&r, ops[i].again);
      assert_true(r.now - began > before);
      before = r.now - began;
      retries++;
    }
    rig_ok(&r, ops[i].kind);
    EXPECT(&r, ops[i].after);
    if (i == 1) {
      rig_block(&r, 1);
      rig_end(&r, 2, 50);
      EXPECT(&r, "cut 1-1 r1");
    }
  }
  assert_true(r.counts[INGEST_N_RETRIES] == retries);
  rig_down(&r);
}

static void a_run_opens_only_when_its_chamber_is_durable(void **state) {
  (void)state;
  struct rig r;
  rig_init(&r);
  rig_boot(&r);
  rig_hello(&r, &RIG_CHAMBER);
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "");
  rig_answer(&r, INGEST_PUT_CHAMBER, TFDC_E_IO);
  EXPECT(&r, "");
  rig_next(&r);
  EXPECT(&r, "chamber");
  rig_ok(&r, INGEST_PUT_CHAMBER);
  EXPECT(&r, "put open r0 s0");
  rig_down(&r);
}

/* ---- bad input ---- */

static void messages_of_unknown_runs_and_chambers_are_rejected(void **state) {
  (void)state;
  struct rig r;
  struct model_context c = rig_context();
  rig_up(&r);
  rig_block(&r, 3);
  EXPECT(&r, "reject 3 RUN_UNKNOWN");
  rig_end(&r, 4, 10);
  EXPECT(&r, "reject 4 RUN_UNKNOWN");
  c.key.chamber = "C9";
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
  EXPECT(&r, "reject 0 NOT_FOUND");
  c = rig_context();
  c.run_id = NULL;
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_START, .context = &c});
  assert_non_null(strstr(r.line, "reject 0 "));
  assert_true(r.counts[INGEST_N_REJECTS] == 4 && ingest_bytes(r.g) == 0);
  rig_down(&r);
}

static void a_bad_block_is_rejected_consumed_and_shown_on_the_run(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 1, .block = rig_block_of(1, 2, 0, 5)});
  EXPECT(&r, "reject 1 UNKNOWN_SVID");
  rig_block_at(&r, 2, 100);
  EXPECT(&r, "");
  rig_block_at(&r, 3, 105); /* goes back behind 109 */
  EXPECT(&r, "reject 3 TIME_BACKWARDS");
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 4, .code = TFDC_E_LIMIT, .text = "much"});
  EXPECT(&r, "reject 4 LIMIT");
  rig_block_at(&r, 5, 110);
  rig_block_at(&r, 0, 200);
  EXPECT(&r, "reject 0 SEQ");
  rig_end(&r, 6, 300);
  EXPECT(&r, "put open r0 s1"); /* the row that shows the rejects comes before the chunk behind them */
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "cut 2-5 r1; ack 1");
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  EXPECT(&r, "ack 6 end");
  assert_true(r.row.rejected_blocks == 4 && r.row.points == 20);
  assert_string_equal(r.row.reject_code, "SEQ");
  rig_down(&r);
}

static void a_block_of_which_one_sensor_goes_back_in_time_is_rejected_whole(void **state) {
  (void)state;
  struct rig r;
  struct model_column *columns;
  int64_t *times;
  double *values;
  rig_open(&r);
  rig_block_at(&r, 1, 100);
  struct model_block *b = model_block_create(2, 2, 2, &columns, &times, &values);
  assert_non_null(b);
  times[0] = RIG_START + 500000;
  times[1] = RIG_START + 50000;
  values[0] = values[1] = 1;
  columns[0] = (struct model_column){4, "RfFwd", 1, &times[0], &values[0]};
  columns[1] = (struct model_column){1, "Press", 1, &times[1], &values[1]};
  b->points = 2;
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 2, .block = b});
  EXPECT(&r, "reject 2 TIME_BACKWARDS");
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .seq = 3, .block = rig_block_of(3, 4, 120, 5)});
  EXPECT(&r, ""); /* RfFwd did not move to 500 */
  rig_down(&r);
}

static void a_gap_is_counted_and_a_repeated_message_is_not_taken_twice(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_block(&r, 4); /* 2 and 3 are missing */
  rig_block(&r, 4);
  EXPECT(&r, "ack 0");
  rig_block(&r, 1);
  EXPECT(&r, "ack 0");
  rig_end(&r, 5, 50);
  EXPECT(&r, "cut 1-4 r1");
  rig_ok(&r, INGEST_CUT);
  rig_end(&r, 5, 50); /* the end is known already: its answer comes when it is durable */
  rig_finish_close(&r);
  assert_true(r.row.missing_blocks == 2 && r.row.points == 20 && r.counts[INGEST_N_DUPLICATES] >= 2);
  rig_end(&r, 5, 50);
  EXPECT(&r, "ack 5 end");
  rig_down(&r);
}

static void limits_of_a_run_have_their_own_answers(void **state) {
  (void)state;
  struct rig r;
  rig_init(&r);
  r.options.max_run_points = 25;
  r.options.max_steps = 2;
  rig_boot(&r);
  rig_hello(&r, &RIG_CHAMBER);
  rig_ok(&r, INGEST_PUT_CHAMBER);
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  rig_block(&r, 1);
  rig_block(&r, 2);
  rig_block(&r, 3);
  EXPECT(&r, "reject 3 TOO_MANY_POINTS");
  rig_step_begins(&r, 4, "A", 0);
  rig_step_begins(&r, 5, "B", 10);
  rig_step_begins(&r, 6, "C", 20);
  EXPECT(&r, "reject 6 TOO_MANY_STEPS");
  rig_down(&r);
}

static void the_limit_of_points_also_counts_what_an_earlier_collector_stored(void **state) {
  (void)state;
  struct rig r;
  rig_init(&r);
  r.options.max_run_points = 25;
  r.options.chunk_bytes = 1;
  rig_boot(&r);
  rig_hello(&r, &RIG_CHAMBER);
  rig_ok(&r, INGEST_PUT_CHAMBER);
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  for (uint64_t seq = 1; seq <= 2; seq++) {
    rig_block(&r, seq);
    rig_ok(&r, INGEST_CUT);
  }
  rig_boot(&r);
  r.stream++;
  rig_hello(&r, &RIG_CHAMBER);
  rig_ok(&r, INGEST_PUT_CHAMBER);
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "resume 2");
  rig_block(&r, 3);
  EXPECT(&r, "reject 3 TOO_MANY_POINTS");
  rig_down(&r);
}

/* ---- steps and events ---- */

static void steps_are_in_the_row_before_the_chunk_of_the_samples_behind_them(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_step_begins(&r, 1, "A", 0);
  rig_block(&r, 2);
  rig_step_ends(&r, 3, "A", 25);
  rig_step_begins(&r, 4, "B", 25);
  rig_block(&r, 5);
  EXPECT(&r, "");
  rig_wait(&r, 30000); /* chunk age */
  EXPECT(&r, "put open r0 s1");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "cut 2-5 r1; ack 1");
  rig_ok(&r, INGEST_CUT);
  EXPECT(&r, "ack 5");
  assert_true(r.row.n_steps == 2 && r.row.steps[0].end_us == RIG_START + 25000);
  assert_true(r.row.steps[1].end_us == MODEL_NO_TIME && r.row.steps[1].occurrence == 1);
  rig_down(&r);
}

static void a_step_that_comes_again_is_its_second_occurrence(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_step_begins(&r, 1, "A", 0);
  rig_step_ends(&r, 2, "A", 10);
  rig_step_begins(&r, 3, "A", 20);
  rig_step_ends(&r, 4, "A", 30);
  rig_end(&r, 5, 50);
  EXPECT(&r, "load");
  rig_finish_close(&r);
  assert_true(r.row.n_steps == 2 && r.row.steps[1].occurrence == 2 && r.row.steps[1].end_us == RIG_START + 30000);
  rig_down(&r);
}

static void steps_that_make_no_sense_are_rejected(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_step_ends(&r, 1, "A", 10);
  EXPECT(&r, "reject 1 MALFORMED");
  rig_step_begins(&r, 2, "A", 100);
  rig_step_ends(&r, 3, "A", 50);
  EXPECT(&r, "reject 3 TIME_BACKWARDS");
  rig_step_begins(&r, 4, "B", 50);
  EXPECT(&r, "reject 4 TIME_BACKWARDS");
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = 5, .code = TFDC_E_BAD_TEXT});
  EXPECT(&r, "reject 5 BAD_TEXT");
  rig_end(&r, 6, -10);
  EXPECT(&r, "reject 6 TIME_BACKWARDS");
  rig_down(&r);
}

static void events_are_kept_with_their_time(void **state) {
  (void)state;
  struct rig r;
  struct model_event v = {"arc", RIG_START + 7000};
  rig_open(&r);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = 1, .event = &v});
  rig_send(&r,
           (struct model_hub_msg){.kind = MODEL_HUB_STEP, .seq = 2, .event = &v}); /* after a crash: known already */
  rig_end(&r, 3, 50);
  rig_finish_close(&r);
  assert_true(r.row.n_events == 1 && r.row.events[0].time_us == RIG_START + 7000);
  assert_string_equal(r.row.events[0].name, "arc");
  rig_down(&r);
}

/* ---- the end without a hub ---- */

static void a_run_without_end_closes_by_the_time_in_which_the_collector_was_reading(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_hang_up(&r);
  rig_wait(&r, 200000);
  EXPECT(&r, "cut 1-1 r1"); /* its age */
  rig_ok(&r, INGEST_CUT);
  rig_step(&r, &(struct ingest_event){.kind = INGEST_READING, .reading = false});
  rig_wait(&r, 10000000);
  EXPECT(&r, "");
  rig_step(&r, &(struct ingest_event){.kind = INGEST_READING, .reading = true});
  rig_wait(&r, 99000);
  EXPECT(&r, "");
  rig_wait(&r, 2000);
  EXPECT(&r, "load");
  rig_finish_close(&r);
  assert_true(r.row.end_reason == MODEL_END_UNKNOWN && r.row.end_us == RIG_START + 19000); /* its last sample */
  assert_true(r.row.order_clock == true);                                                  /* 10,000 s apart */
  rig_down(&r);
}

static void the_order_time_is_the_tools_unless_its_clock_is_far_off(void **state) {
  (void)state;
  static const struct {
    int64_t end_ms;
    bool historical, clock;
  } cases[] = {{299000, false, false}, {-1, false, false}, {302000, false, true}, {900000000, true, false}};
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    struct rig r;
    struct model_context c = rig_context();
    rig_up(&r);
    struct model_hub_msg msg = {.kind = MODEL_HUB_RUN_START, .run = RIG_RUN, .context = &c};
    rig_step(&r, &(struct ingest_event){
                     .kind = INGEST_MESSAGE, .stream = 1, .msg = &msg, .historical = cases[i].historical});
    rig_ok(&r, INGEST_LOAD);
    rig_ok(&r, INGEST_PUT_CONTEXT);
    if (cases[i].end_ms < 0)
      rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_RUN_END, .seq = 1, .end_us = MODEL_NO_TIME});
    else
      rig_end(&r, 1, cases[i].end_ms);
    rig_finish_close(&r);
    assert_int_equal(r.row.order_clock, cases[i].clock);
    assert_true(r.row.order_us == (cases[i].clock ? r.row.received_us : r.row.end_us));
    if (cases[i].end_ms < 0) assert_true(r.row.end_us == r.row.start_us); /* neither end nor samples */
    rig_down(&r);
  }
}

/* ---- late ---- */

static void late_samples_open_the_run_again_and_close_it_with_the_next_revision(void **state) {
  (void)state;
  struct rig r;
  rig_closed(&r);
  int64_t order = r.row.order_us;
  rig_block(&r, 5);
  EXPECT(&r, "");
  rig_wait(&r, 500);
  rig_block(&r, 6);
  rig_wait(&r, 900);
  EXPECT(&r, ""); /* a second after the last of them */
  rig_wait(&r, 200);
  EXPECT(&r, "put open r1 s4"); /* whoever finds it closes it again */
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "cut 5-6 r2");
  rig_ok(&r, INGEST_CUT);
  EXPECT(&r, "load; ack 6");
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "put closed r2 s6");
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "publish r2");
  rig_ok(&r, INGEST_PUBLISH);
  rig_ok(&r, INGEST_MARK);
  EXPECT(&r, "ack 6 end");
  assert_true(r.row.chunk_count == 2 && r.row.points == 50 && r.row.order_us == order && !r.row.reopened);
  assert_true(r.counts[INGEST_N_REOPENED] == 1);
  rig_down(&r);
}

/* Nobody said when the run ended, so it ends with its last sample, whenever that came. */
static void late_samples_of_a_run_without_end_move_its_end(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_wait(&r, 301000);
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  int64_t order = r.row.order_us;
  assert_true(r.row.end_us == RIG_START + 19000);
  rig_block(&r, 2);
  rig_wait(&r, 1100);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  assert_true(r.row.revision == 2 && r.row.end_us == RIG_START + 29000 && r.row.order_us == order);
  rig_down(&r);
}

static void an_end_that_comes_after_the_idle_close_is_the_end(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_wait(&r, 301000);
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  rig_end(&r, 2, 40);
  EXPECT(&r, "load");
  rig_finish_close(&r);
  EXPECT(&r, "ack 2 end");
  assert_true(r.row.revision == 2 && r.row.end_us == RIG_START + 40000 && r.row.end_reason == MODEL_END_COMPLETE);
  rig_down(&r);
}

static void after_the_grace_samples_are_too_late_and_the_row_stays(void **state) {
  (void)state;
  struct rig r;
  rig_closed(&r);
  rig_start(&r); /* the hub is still there */
  rig_ok(&r, INGEST_LOAD);
  EXPECT(&r, "resume 4 closed");
  r.now += 601 * TFDC_US_PER_S;
  rig_block(&r, 5);
  EXPECT(&r, "reject 5 TOO_LATE; ack 5 end");
  assert_true(r.n_pending == 0 && r.row.revision == 1);
  rig_down(&r);
}

static void an_amendment_of_a_closed_run_is_a_revision_and_of_an_open_one_is_not(void **state) {
  (void)state;
  struct rig r;
  struct model_context c = {.lot_id = "L2", .slot = -1, .runs_since_pm = -1, .wafers_since_clean = -1};
  c.rf_hours = (double)NAN;
  rig_open(&r);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_AMEND, .seq = 1, .context = &c});
  rig_end(&r, 2, 50);
  rig_finish_close(&r);
  assert_true(r.row.revision == 1 && strcmp(r.row.lot_id, "L2") == 0 && strcmp(r.row.recipe_id, "R") == 0);
  c.lot_id = "L3";
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_AMEND, .seq = 3, .context = &c});
  EXPECT(&r, "load");
  rig_finish_close(&r);
  EXPECT(&r, "ack 3 end");
  assert_true(r.row.revision == 2 && strcmp(r.row.lot_id, "L3") == 0);
  rig_send(&r, (struct model_hub_msg){.kind = MODEL_HUB_AMEND, .seq = 4, .code = TFDC_E_BAD_TEXT});
  assert_non_null(strstr(r.line, "reject 4 BAD_TEXT"));
  rig_down(&r);
}

/* What comes between an end and its publication waits: it belongs to the next revision. */
static void samples_behind_the_end_wait_until_the_close_is_through(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_end(&r, 2, 30);
  rig_block(&r, 3);
  EXPECT(&r, "");
  rig_ok(&r, INGEST_CUT);
  rig_block(&r, 4);
  rig_finish_close(&r);
  assert_true(r.row.points == 10 && r.row.revision == 1);
  rig_wait(&r, 1100);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  EXPECT(&r, "cut 3-4 r2");
  rig_ok(&r, INGEST_CUT);
  rig_finish_close(&r);
  EXPECT(&r, "ack 4 end");
  assert_true(r.row.points == 30 && r.row.revision == 2);
  rig_down(&r);
}

/* ---- memory, drain ---- */

static void memory_pressure_cuts_what_is_open(void **state) {
  (void)state;
  struct rig r;
  rig_init(&r);
  r.options.memory_pressure = 2 * rig_block_bytes();
  rig_boot(&r);
  rig_hello(&r, &RIG_CHAMBER);
  rig_ok(&r, INGEST_PUT_CHAMBER);
  rig_start(&r);
  rig_ok(&r, INGEST_LOAD);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  rig_block(&r, 1);
  rig_block(&r, 2);
  EXPECT(&r, "");
  rig_block(&r, 3);
  EXPECT(&r, "cut 1-3 r1");
  for (uint64_t seq = 4; seq <= 6; seq++) {
    rig_block(&r, seq);
    EXPECT(&r, ""); /* one chunk at a time */
  }
  rig_ok(&r, INGEST_CUT); /* nothing may come any more: the driver reads no stream while memory is full */
  EXPECT(&r, "cut 4-6 r1; ack 3");
  rig_ok(&r, INGEST_CUT);
  EXPECT(&r, "ack 6");
  assert_int_equal(ingest_bytes(r.g), 0);
  rig_down(&r);
}

static void a_drain_makes_everything_durable_and_leaves_runs_open(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r);
  rig_block(&r, 1);
  rig_step_begins(&r, 2, "A", 20);
  assert_false(ingest_is_drained(r.g));
  rig_step(&r, &(struct ingest_event){.kind = INGEST_DRAIN});
  EXPECT(&r, "cut 1-1 r1; put open r0 s0");
  rig_ok(&r, INGEST_CUT);
  rig_ok(&r, INGEST_PUT_CONTEXT);
  while (r.n_pending > 0) rig_ok(&r, r.pending[0].kind);
  assert_true(ingest_is_drained(r.g) && r.row.state == MODEL_CONTEXT_OPEN && r.row.n_steps == 1);
  assert_int_equal(r.row.last_seq, 2);
  rig_wait(&r, 10000000);
  EXPECT(&r, ""); /* the next collector closes it */
  rig_down(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_is_stored_before_it_is_acked_and_published_before_its_end_is),
      cmocka_unit_test(what_fails_is_repeated_with_growing_pauses_and_nothing_comes_before_it),
      cmocka_unit_test(a_run_opens_only_when_its_chamber_is_durable),
      cmocka_unit_test(messages_of_unknown_runs_and_chambers_are_rejected),
      cmocka_unit_test(a_bad_block_is_rejected_consumed_and_shown_on_the_run),
      cmocka_unit_test(a_block_of_which_one_sensor_goes_back_in_time_is_rejected_whole),
      cmocka_unit_test(a_gap_is_counted_and_a_repeated_message_is_not_taken_twice),
      cmocka_unit_test(limits_of_a_run_have_their_own_answers),
      cmocka_unit_test(the_limit_of_points_also_counts_what_an_earlier_collector_stored),
      cmocka_unit_test(steps_are_in_the_row_before_the_chunk_of_the_samples_behind_them),
      cmocka_unit_test(a_step_that_comes_again_is_its_second_occurrence),
      cmocka_unit_test(steps_that_make_no_sense_are_rejected),
      cmocka_unit_test(events_are_kept_with_their_time),
      cmocka_unit_test(a_run_without_end_closes_by_the_time_in_which_the_collector_was_reading),
      cmocka_unit_test(the_order_time_is_the_tools_unless_its_clock_is_far_off),
      cmocka_unit_test(late_samples_open_the_run_again_and_close_it_with_the_next_revision),
      cmocka_unit_test(late_samples_of_a_run_without_end_move_its_end),
      cmocka_unit_test(an_end_that_comes_after_the_idle_close_is_the_end),
      cmocka_unit_test(after_the_grace_samples_are_too_late_and_the_row_stays),
      cmocka_unit_test(an_amendment_of_a_closed_run_is_a_revision_and_of_an_open_one_is_not),
      cmocka_unit_test(samples_behind_the_end_wait_until_the_close_is_through),
      cmocka_unit_test(memory_pressure_cuts_what_is_open),
      cmocka_unit_test(a_drain_makes_everything_durable_and_leaves_runs_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
