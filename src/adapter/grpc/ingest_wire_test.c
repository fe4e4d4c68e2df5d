/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cmocka_all.h"

#include "adapter/grpc/ingest_wire.h"

#include <math.h>
#include <string.h>

static const struct model_svid svids[] = {{.number = 12, .name = "temp"}, {.number = 11, .name = "pr\xc3\xa4zise"}};
static const struct model_chamber chambers[] = {{.key = {"T1", "C1"}, .svids = svids, .n_svids = 2},
                                                {.key = {"T1", "C2"}, .svids = svids, .n_svids = 1}};

struct wire {
  struct ingest_limits limits;
  struct ingest_dict dict;
  struct tfdc_arena mem;
  struct tfdc_buf buf;
  struct tfdc_error err;
};

static int open_wire(void **state) {
  static struct wire w;
  w = (struct wire){.limits = INGEST_LIMITS_DEFAULT};
  *state = &w;
  return 0;
}
static int close_wire(void **state) {
  struct wire *w = *state;
  ingest_dict_deinit(&w->dict);
  tfdc_arena_deinit(&w->mem);
  tfdc_buf_deinit(&w->buf);
  return 0;
}

/* Encodes and decodes; the outcome of the decoder. */
static tfdc_rc pass(struct wire *w, const struct model_hub_msg *in, struct model_hub_msg *out) {
  w->buf.size = 0;
  assert_int_equal(TFDC_OK, ingest_encode(in, &w->buf));
  w->err = (struct tfdc_error){.code = TFDC_OK};
  return ingest_decode(w->buf.data, w->buf.size, &w->limits, &w->dict, &w->mem, out, &w->err);
}

static void say_hello(struct wire *w) {
  const struct model_hub_msg hello = {
      .kind = MODEL_HUB_HELLO, .hub = "h", .historical = true, .chambers = chambers, .n_chambers = 2};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &hello, &m));
  assert_int_equal(MODEL_HUB_HELLO, m.kind);
  assert_int_equal(2, m.n_chambers);
  assert_string_equal("temp", m.chambers[0].svids[0].name);
}
static void start_run(struct wire *w, uint64_t run, const char *chamber) {
  const struct model_context c = {.key = {"T1", chamber},
                                  .run_id = "r",
                                  .start_us = 5,
                                  .slot = -1,
                                  .runs_since_pm = -1,
                                  .wafers_since_clean = -1,
                                  .rf_hours = NAN};
  const struct model_hub_msg start = {.kind = MODEL_HUB_RUN_START, .run = run, .context = &c};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &start, &m));
  assert_int_equal(TFDC_OK, m.code);
  assert_true(m.context->historical);
  ingest_dict_taken(&w->dict, &m);
}

static struct model_block *make_block(size_t n, int64_t step) {
  struct model_column *columns;
  int64_t *t;
  double *v;
  struct model_block *b = model_block_create(1, n, n, &columns, &t, &v);
  assert_non_null(b);
  for (size_t i = 0; i < n; i++) {
    t[i] = -7 + (int64_t)i * step;
    v[i] = (double)i / 3;
  }
  columns[0] = (struct model_column){.svid = 12, .name = "temp", .n = n, .t_us = t, .v = v};
  b->seq = 4;
  b->points = n;
  return b;
}

static void every_field_of_a_context_passes(void **state) {
  struct wire *w = *state;
  say_hello(w);
  const struct model_tag tags[] = {{"a", "1"}, {"b", ""}};
  const struct model_context c = {.key = {"T1", "C1"},
                                  .run_id = "run 1",
                                  .start_us = -5,
                                  .recipe_id = "rec",
                                  .lot_id = "lot",
                                  .substrate_id = "w\xc3\xa4",
                                  .slot = 0,
                                  .runs_since_pm = 0,
                                  .wafers_since_clean = 9,
                                  .rf_hours = 0.5,
                                  .first_wafer_of_lot = true,
                                  .pm_id = "pm",
                                  .tags = tags,
                                  .n_tags = 2};
  const struct model_hub_msg start = {.kind = MODEL_HUB_RUN_START, .run = 1, .context = &c};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &start, &m));
  assert_string_equal("run 1", m.context->run_id);
  assert_int_equal(-5, m.context->start_us);
  assert_string_equal("rec", m.context->recipe_id);
  assert_string_equal("w\xc3\xa4", m.context->substrate_id);
  assert_null(m.context->product);
  assert_int_equal(0, m.context->slot);
  assert_int_equal(0, m.context->runs_since_pm);
  assert_int_equal(9, m.context->wafers_since_clean);
  assert_true(m.context->rf_hours == 0.5 && m.context->first_wafer_of_lot);
  assert_int_equal(2, m.context->n_tags);
  assert_string_equal("b", m.context->tags[1].name);
}

static void what_is_not_known_stays_unknown(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  const struct model_context c = {.slot = -1, .runs_since_pm = -1, .wafers_since_clean = -1, .rf_hours = NAN};
  const struct model_hub_msg amend = {.kind = MODEL_HUB_AMEND, .run = 1, .seq = 2, .context = &c};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &amend, &m));
  assert_int_equal(-1, m.context->slot);
  assert_int_equal(-1, m.context->runs_since_pm);
  assert_true(isnan(m.context->rf_hours));
  assert_null(m.context->recipe_id);
}

static void steps_events_and_ends_pass(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  struct model_step step = {.number = 3, .name = "main", .start_us = 10, .end_us = MODEL_NO_TIME};
  struct model_hub_msg in = {.kind = MODEL_HUB_STEP, .run = 1, .seq = 1, .step = &step}, m;
  assert_int_equal(TFDC_OK, pass(w, &in, &m));
  assert_int_equal(10, m.step->start_us);
  assert_true(m.step->end_us == MODEL_NO_TIME && m.event == NULL);
  step.end_us = 20;
  assert_int_equal(TFDC_OK, pass(w, &in, &m));
  assert_int_equal(20, m.step->end_us);
  const struct model_event event = {.name = "arc", .time_us = 11};
  in = (struct model_hub_msg){.kind = MODEL_HUB_STEP, .run = 1, .seq = 2, .event = &event};
  assert_int_equal(TFDC_OK, pass(w, &in, &m));
  assert_true(m.step == NULL && m.event->time_us == 11);
  for (int reason = MODEL_END_COMPLETE; reason <= MODEL_END_UNKNOWN; reason++) {
    in = (struct model_hub_msg){
        .kind = MODEL_HUB_RUN_END, .run = 1, .seq = 3, .end_us = 30, .end_reason = (enum model_end_reason)reason};
    assert_int_equal(TFDC_OK, pass(w, &in, &m));
    assert_int_equal(reason, m.end_reason);
  }
}

static void regular_times_are_sent_as_start_period_and_count(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  struct model_block *b = make_block(1000, 100000);
  const struct model_hub_msg in = {.kind = MODEL_HUB_BLOCK, .run = 1, .seq = 4, .block = b};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &in, &m));
  assert_in_range(w->buf.size, 8000, 8060);
  assert_memory_equal(b->columns[0].t_us, m.block->columns[0].t_us, 8000);
  assert_memory_equal(b->columns[0].v, m.block->columns[0].v, 8000);
  assert_string_equal("temp", m.block->columns[0].name);
  assert_int_equal(4, m.block->seq);
  model_block_unref(b);
  model_block_unref(m.block);
}

static void irregular_times_pass_bit_for_bit(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  struct model_block *b = make_block(50, 100000);
  int64_t times[50];
  memcpy(times, b->columns[0].t_us, sizeof times);
  times[7] += 1;
  struct model_column odd = b->columns[0];
  odd.t_us = times;
  b->columns = &odd;
  const struct model_hub_msg in = {.kind = MODEL_HUB_BLOCK, .run = 1, .seq = 4, .block = b};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &in, &m));
  assert_memory_equal(times, m.block->columns[0].t_us, sizeof times);
  model_block_unref(b);
  model_block_unref(m.block);
}

static void the_dictionary_of_the_runs_chamber_counts(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  start_run(w, 2, "C2");
  const uint8_t one[] = {0x08, 1, 0x10, 1, 0x1a, 0, 0x22, 2, 0x08, 11},
                two[] = {0x08, 2, 0x10, 1, 0x1a, 0, 0x22, 2, 0x08, 11};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, ingest_decode_block(one, sizeof one, &w->limits, &w->dict, &w->mem, &m, &w->err));
  assert_int_equal(TFDC_OK, m.code);
  assert_string_equal("pr\xc3\xa4zise", m.block->columns[0].name);
  model_block_unref(m.block);
  assert_int_equal(TFDC_OK, ingest_decode_block(two, sizeof two, &w->limits, &w->dict, &w->mem, &m, &w->err));
  assert_int_equal(TFDC_E_UNKNOWN_SVID, m.code);
  assert_non_null(strstr(m.text, "T1:C2"));
}

static void values_may_come_unpacked_and_in_pieces(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  struct tfdc_buf column = {.limit = 0}, block = {.limit = 0};
  const double v[] = {1.5, -2.5, 3.5};
  tfdc_put(&column, "\x08\x0c\x19", 3); /* svid 12; field 3 as one fixed64 */
  tfdc_put_f64(&column, false, v[0]);
  tfdc_put(&column, "\x1a\x10", 2); /* field 3, two packed */
  tfdc_put(&column, &v[1], 16);
  tfdc_put(&block, "\x08\x01\x10\x01\x22", 5); /* the column before its clock */
  tfdc_put_bytes(&block, column.data, column.size);
  tfdc_put(&block, "\x1a\x0d\x08\x05\x11", 5);
  tfdc_put_f64(&block, false, 10);
  tfdc_put(&block, "\x18\x03", 2);
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, ingest_decode_block(block.data, block.size, &w->limits, &w->dict, &w->mem, &m, &w->err));
  assert_int_equal(TFDC_OK, m.code);
  assert_memory_equal(v, m.block->columns[0].v, sizeof v);
  assert_int_equal(25, m.block->columns[0].t_us[2]);
  model_block_unref(m.block);
  tfdc_buf_deinit(&column);
  tfdc_buf_deinit(&block);
}

static void an_unused_clock_takes_no_memory(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  /* period 1, count 2^31 - 1, no column */
  const uint8_t data[] = {0x08, 1, 0x10, 1,    0x1a, 15,   0x11, 0,    0,    0,   0,
                          0,    0, 0xf0, 0x3f, 0x18, 0xff, 0xff, 0xff, 0xff, 0x07};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, ingest_decode_block(data, sizeof data, &w->limits, &w->dict, &w->mem, &m, &w->err));
  assert_int_equal(TFDC_OK, m.code);
  assert_in_range(m.block->bytes, 0, 1000);
  model_block_unref(m.block);
}

static void periods_that_cannot_rise_are_out_of_range(void **state) {
  struct wire *w = *state;
  say_hello(w);
  start_run(w, 1, "C1");
  const double bad[] = {0, 0.5, -1, NAN, INFINITY, 1e300};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    struct tfdc_buf b = {.limit = 0};
    tfdc_put(&b, "\x08\x01\x10\x01\x1a\x0b\x11", 7);
    tfdc_put_f64(&b, false, bad[i]);
    tfdc_put(&b, "\x18\x03", 2);
    struct model_hub_msg m;
    assert_int_equal(TFDC_OK, ingest_decode_block(b.data, b.size, &w->limits, &w->dict, &w->mem, &m, &w->err));
    assert_int_equal(TFDC_E_RANGE, m.code);
    tfdc_buf_deinit(&b);
  }
}

static void nested_empty_messages_cannot_ask_for_much_memory(void **state) {
  struct wire *w = *state;
  static uint8_t data[200006];
  memcpy(data, "\x0a\x82\x9a\x0c\x1a\xfe\x99\x0c", 8); /* hello { chamber { svid {} svid {} ... } } */
  for (size_t i = 8; i + 1 < sizeof data; i += 2) memcpy(data + i, "\x22\x00", 2);
  w->mem.limit = 1u << 20;
  struct model_hub_msg m;
  assert_int_not_equal(TFDC_OK, ingest_decode(data, sizeof data, &w->limits, &w->dict, &w->mem, &m, &w->err));
  assert_in_range(w->mem.used, 0, 1u << 20);
}

static void runs_beyond_the_limit_are_to_be_rejected(void **state) {
  struct wire *w = *state;
  w->limits.max_runs = 2;
  say_hello(w);
  start_run(w, 1, "C1");
  start_run(w, 2, "C2");
  const struct model_context c = {.key = {"T1", "C1"}, .run_id = "r", .start_us = 5, .rf_hours = NAN};
  const struct model_hub_msg third = {.kind = MODEL_HUB_RUN_START, .run = 3, .context = &c};
  struct model_hub_msg m;
  assert_int_equal(TFDC_OK, pass(w, &third, &m));
  assert_int_equal(TFDC_E_TOO_MANY_RUNS, m.code);
  const struct model_hub_reply ended = {.kind = MODEL_REPLY_ACK, .run = 1, .seq = 9, .end = true};
  ingest_dict_replied(&w->dict, &ended);
  assert_int_equal(TFDC_OK, pass(w, &third, &m));
  assert_int_equal(TFDC_OK, m.code);
}

static void a_run_that_resumes_closed_is_not_open(void **state) {
  struct wire *w = *state;
  w->limits.max_runs = 2;
  say_hello(w);
  for (uint64_t run = 1; run <= 5; run++) {
    start_run(w, run, "C1");
    const struct model_hub_reply closed = {.kind = MODEL_REPLY_RESUME, .run = run, .seq = 9, .closed = true};
    ingest_dict_replied(&w->dict, &closed);
  }
}

static void late_messages_of_an_ended_run_still_find_it(void **state) {
  struct wire *w = *state;
  say_hello(w);
  for (uint64_t run = 1; run <= 500; run++) {
    start_run(w, run, "C1");
    const struct model_hub_reply ended = {.kind = MODEL_REPLY_ACK, .run = run, .seq = 1, .end = true};
    ingest_dict_replied(&w->dict, &ended);
  }
  assert_non_null(ingest_dict_run(&w->dict, 500));
  assert_non_null(ingest_dict_run(&w->dict, 450));
  assert_null(ingest_dict_run(&w->dict, 1)); /* but memory is bounded */
  assert_in_range(w->dict.n_runs, 1, 100);
}

static void what_is_not_answered_is_due(void **state) {
  struct wire *w = *state;
  say_hello(w);
  assert_false(ingest_dict_due(&w->dict));
  start_run(w, 1, "C1");
  assert_true(ingest_dict_due(&w->dict));
  struct model_hub_reply r = {.kind = MODEL_REPLY_RESUME, .run = 1, .seq = 3};
  ingest_dict_replied(&w->dict, &r);
  assert_false(ingest_dict_due(&w->dict));
  for (uint64_t seq = 4; seq <= 5; seq++) {
    const struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK, .run = 1, .seq = seq};
    ingest_dict_taken(&w->dict, &m);
  }
  r = (struct model_hub_reply){.kind = MODEL_REPLY_REJECT, .run = 1, .seq = 5};
  ingest_dict_replied(&w->dict, &r);
  assert_true(ingest_dict_due(&w->dict));
  r = (struct model_hub_reply){.kind = MODEL_REPLY_ACK, .run = 1, .seq = 4};
  ingest_dict_replied(&w->dict, &r);
  assert_false(ingest_dict_due(&w->dict));
}

static void every_reply_passes(void **state) {
  struct wire *w = *state;
  const struct model_hub_reply all[] = {
      {.kind = MODEL_REPLY_HELLO, .keep_s = 60, .keep_bytes = 1u << 30, .max_message_bytes = 4, .max_block_points = 5},
      {.kind = MODEL_REPLY_RESUME, .run = 1, .seq = 9, .closed = true},
      {.kind = MODEL_REPLY_ACK, .run = 1, .seq = 10, .end = true},
      {.kind = MODEL_REPLY_REJECT, .run = 1, .seq = 11, .code = TFDC_E_UNKNOWN_SVID, .text = "no"}};
  for (size_t i = 0; i < TFDC_COUNT(all); i++) {
    struct model_hub_reply r;
    w->buf.size = 0;
    assert_int_equal(TFDC_OK, ingest_encode_reply(&all[i], "c", &w->buf));
    assert_int_equal(TFDC_OK, ingest_decode_reply(w->buf.data, w->buf.size, &w->mem, &r));
    assert_int_equal(all[i].kind, r.kind);
    assert_true(all[i].run == r.run && all[i].seq == r.seq && all[i].end == r.end && all[i].closed == r.closed);
    assert_true(all[i].keep_s == r.keep_s && all[i].keep_bytes == r.keep_bytes && all[i].code == r.code);
    assert_true(all[i].max_message_bytes == r.max_message_bytes && all[i].max_block_points == r.max_block_points);
    if (all[i].text != NULL) assert_string_equal(all[i].text, r.text);
  }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_wire, close_wire)
  const struct CMUnitTest tests[] = {
      TEST(every_field_of_a_context_passes),
      TEST(what_is_not_known_stays_unknown),
      TEST(steps_events_and_ends_pass),
      TEST(regular_times_are_sent_as_start_period_and_count),
      TEST(irregular_times_pass_bit_for_bit),
      TEST(the_dictionary_of_the_runs_chamber_counts),
      TEST(values_may_come_unpacked_and_in_pieces),
      TEST(an_unused_clock_takes_no_memory),
      TEST(periods_that_cannot_rise_are_out_of_range),
      TEST(nested_empty_messages_cannot_ask_for_much_memory),
      TEST(runs_beyond_the_limit_are_to_be_rejected),
      TEST(a_run_that_resumes_closed_is_not_open),
      TEST(late_messages_of_an_ended_run_still_find_it),
      TEST(what_is_not_answered_is_due),
      TEST(every_reply_passes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
