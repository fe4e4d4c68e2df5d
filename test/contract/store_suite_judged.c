/* SPDX-License-Identifier: Apache-2.0
 * What the judge writes, definitions, retention and statistics. */
#include "contract/store_suite_rig.h"
#include "model/codec.h"

#include <stdio.h>
#include <string.h>

static void assert_same_u(const struct model_u_record *a, const struct model_u_record *b) {
  struct tfdc_buf x = {0}, y = {0};
  assert_int_equal(model_u_record_encode(a, &x), TFDC_OK);
  assert_int_equal(model_u_record_encode(b, &y), TFDC_OK);
  assert_int_equal(x.size, y.size);
  assert_memory_equal(x.data, y.data, x.size);
  tfdc_buf_deinit(&x);
  tfdc_buf_deinit(&y);
}

static void put_u(struct rig *g, uint32_t n, uint32_t revision, uint32_t judgement, const char *partition) {
  struct model_u_record u = suite_u(n);
  u.revision = revision;
  u.judgement = judgement;
  u.partition = partition;
  rig_put_u(g, &u);
}

static tfdc_rc prev(struct rig *g, int64_t order_us, struct tfdc_id128 id, const char *partition, struct store_req *r) {
  store_req_init(r, STORE_U_PREV);
  r->u_key.key = (struct model_key){.tool = "T1", .chamber = "A"};
  r->u_key.chart_set = "S1";
  r->u_key.partition = partition;
  r->order_us = order_us;
  r->id = id;
  return test_await(g->port, &r->base, &g->loop);
}

static void expect_prev(struct rig *g, uint32_t of, uint32_t number, uint32_t revision, uint32_t judgement) {
  struct store_req r;
  tfdc_rc rc = prev(g, suite_time(of), suite_id(of), "R1", &r);
  assert_int_equal(rc, number == 0 ? TFDC_E_NOT_FOUND : TFDC_OK);
  assert_int_equal(r.n, number == 0 ? 0 : 1);
  if (number != 0) {
    assert_int_equal(r.u_records[0].context_id.lo, number);
    assert_int_equal(r.u_records[0].revision, revision);
    assert_int_equal(r.u_records[0].judgement, judgement);
  }
  rig_release(&r);
}

static void a_u_record_is_read_back_whole(void **state) {
  struct rig *g = *state;
  struct model_u_record u = suite_u(1);
  rig_put_u(g, &u);
  struct store_req r;
  assert_int_equal(prev(g, INT64_MAX, suite_id(9), "R1", &r), TFDC_OK);
  assert_same_u(&u, &r.u_records[0]);
  rig_release(&r);
  u.late = true; /* the same judgement repeated: replaced */
  u.n_points = 1;
  rig_put_u(g, &u);
  assert_int_equal(prev(g, INT64_MAX, suite_id(9), "R1", &r), TFDC_OK);
  assert_same_u(&u, &r.u_records[0]);
  rig_release(&r);
}

static void the_row_before_a_run_is_its_predecessors_newest(void **state) {
  struct rig *g = *state;
  expect_prev(g, 5, 0, 0, 0);
  put_u(g, 5, 1, 1, "R1");
  expect_prev(g, 5, 0, 0, 0); /* never the run itself */
  put_u(g, 3, 1, 1, "R1");
  expect_prev(g, 5, 3, 1, 1);
  put_u(g, 3, 1, 3, "R1");
  expect_prev(g, 5, 3, 1, 3);
  put_u(g, 3, 2, 1, "R1");
  expect_prev(g, 5, 3, 2, 1);
  put_u(g, 3, 1, 9, "R1");
  expect_prev(g, 5, 3, 2, 1);
  put_u(g, 7, 1, 1, "R1");
  expect_prev(g, 5, 3, 2, 1);
  expect_prev(g, 7, 5, 1, 1);
  put_u(g, 4, 1, 1, "R1"); /* a late one takes its place in the order */
  expect_prev(g, 5, 4, 1, 1);
  expect_prev(g, 4, 3, 2, 1);
  expect_prev(g, 3, 0, 0, 0);
}

static void the_row_before_a_run_is_of_its_own_chart_set_and_partition(void **state) {
  struct rig *g = *state;
  struct model_u_record u = suite_u(3);
  u.partition = "R0";
  rig_put_u(g, &u);
  u.partition = "R2";
  rig_put_u(g, &u);
  u = suite_u(3), u.chart_set = "S0";
  rig_put_u(g, &u);
  u = suite_u(3), u.key.chamber = "B";
  rig_put_u(g, &u);
  u = suite_u(3), u.key.tool = "T0";
  rig_put_u(g, &u);
  expect_prev(g, 5, 0, 0, 0);
  struct store_req r;
  assert_int_equal(prev(g, suite_time(5), suite_id(5), "R2", &r), TFDC_OK);
  assert_string_equal(r.u_records[0].partition, "R2");
  rig_release(&r);
}

static void of_two_runs_with_one_order_time_the_id_decides(void **state) {
  struct rig *g = *state;
  uint32_t first = 1, second = 2;
  if (tfdc_id128_cmp(suite_id(1), suite_id(2)) > 0) first = 2, second = 1;
  for (uint32_t n = 1; n <= 2; n++) {
    struct model_u_record u = suite_u(n);
    u.order_us = suite_time(8);
    rig_put_u(g, &u);
  }
  struct store_req r;
  assert_int_equal(prev(g, suite_time(8), suite_id(second), "R1", &r), TFDC_OK);
  assert_int_equal(r.u_records[0].context_id.lo, first);
  rig_release(&r);
  assert_int_equal(prev(g, suite_time(8), suite_id(first), "R1", &r), TFDC_E_NOT_FOUND);
  rig_release(&r);
  assert_int_equal(prev(g, suite_time(8) + 1, (struct tfdc_id128){0}, "R1", &r), TFDC_OK);
  assert_int_equal(r.u_records[0].context_id.lo, second);
  rig_release(&r);
}

static void all_chart_sets_of_a_run_come_with_their_newest_record(void **state) {
  struct rig *g = *state;
  put_u(g, 1, 1, 1, "R1");
  put_u(g, 1, 2, 1, "R2"); /* an amended recipe: another partition */
  put_u(g, 2, 1, 1, "R1");
  struct model_u_record u = suite_u(1);
  u.chart_set = "S0";
  rig_put_u(g, &u);
  u.judgement = 2;
  rig_put_u(g, &u);
  struct store_req r;
  store_req_init(&r, STORE_U_GET);
  r.id = suite_id(1);
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, 2);
  assert_string_equal(r.u_records[0].chart_set, "S0");
  assert_int_equal(r.u_records[0].judgement, 2);
  assert_string_equal(r.u_records[1].partition, "R2");
  rig_release(&r);
  store_req_init(&r, STORE_U_GET);
  r.id = suite_id(7);
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, 0);
  rig_release(&r);
}

struct walk {
  const char *partition;
  int64_t from_us, to_us;
  uint32_t limit;
  bool backwards;
};
static void expect_u_list(struct rig *g, struct walk w, const char *want) {
  char cursor[200] = "", seen[300] = "";
  for (int page = 0; page < 20; page++) {
    struct store_req r;
    char text[200];
    store_req_init(&r, STORE_U_LIST);
    r.u_key.key = (struct model_key){.tool = "T1", .chamber = "A"};
    r.u_key.chart_set = "S1";
    r.u_key.partition = w.partition;
    r.from_us = w.from_us;
    r.to_us = w.to_us;
    r.page.limit = w.limit;
    r.page.cursor = page == 0 ? NULL : cursor;
    r.filter.newest_first = w.backwards;
    rig_call(g, &r, TFDC_OK);
    suite_numbers(&r, text, sizeof text);
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", page == 0 ? "" : "; ", text);
    for (size_t i = 0; i < r.n; i++) {
      if (r.u_records[i].context_id.lo == 2) assert_int_equal(r.u_records[i].revision, 2);
      if (r.u_records[i].context_id.lo == 3) assert_int_equal(r.u_records[i].judgement, 2);
    }
    bool more = r.ret_cursor != NULL;
    if (more) (void)snprintf(cursor, sizeof cursor, "%s", r.ret_cursor);
    rig_release(&r);
    if (!more) break;
  }
  assert_string_equal(seen, want);
}

static void a_u_chart_shows_the_current_record_of_each_run(void **state) {
  struct rig *g = *state;
  put_u(g, 4, 1, 1, "R1");
  put_u(g, 1, 1, 1, "R2");
  put_u(g, 2, 1, 1, "R1");
  put_u(g, 2, 2, 1, "R1");
  put_u(g, 3, 1, 1, "R1");
  put_u(g, 3, 1, 2, "R1");
  put_u(g, 5, 1, 1, "R1");
  put_u(g, 5, 2, 1, "R2"); /* moved */
  struct model_u_record u = suite_u(6);
  u.key.chamber = "B";
  rig_put_u(g, &u);
  u = suite_u(6), u.chart_set = "S2";
  rig_put_u(g, &u);
  expect_u_list(g, (struct walk){.partition = "R1"}, "2 3 4");
  expect_u_list(g, (struct walk){.partition = "R2"}, "1 5");
  expect_u_list(g, (struct walk){0}, "1 2 3 4 5");
  expect_u_list(g, (struct walk){.backwards = true, .limit = 2}, "5 4; 3 2; 1");
  expect_u_list(g, (struct walk){.limit = 2}, "1 2; 3 4; 5");
  expect_u_list(g, (struct walk){.partition = "R1", .limit = 1, .backwards = true}, "4; 3; 2");
  expect_u_list(g, (struct walk){.from_us = suite_time(2), .to_us = suite_time(4)}, "2 3");
}

static void the_newest_verdict_of_a_run_is_current(void **state) {
  struct rig *g = *state;
  struct store_req r;
  store_req_init(&r, STORE_VERDICT_GET);
  r.id = suite_id(1);
  rig_call(g, &r, TFDC_E_NOT_FOUND);
  rig_release(&r);
  const uint32_t puts[][2] = {{1, 1}, {2, 1}, {1, 5}, {2, 3}, {2, 2}},
                 newest[][2] = {{1, 1}, {2, 1}, {2, 1}, {2, 3}, {2, 3}};
  for (size_t i = 0; i < TFDC_COUNT(puts); i++) {
    struct model_run_verdict v = suite_verdict(1);
    v.revision = puts[i][0];
    v.judgement = puts[i][1];
    v.text = "why \"so\"";
    v.verdict = MODEL_NOT_JUDGED;
    v.reason = MODEL_REASON_PARTIAL;
    rig_put_verdict(g, &v);
    store_req_init(&r, STORE_VERDICT_GET);
    r.id = suite_id(1);
    rig_call(g, &r, TFDC_OK);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.verdicts[0].revision, newest[i][0]);
    assert_int_equal(r.verdicts[0].judgement, newest[i][1]);
    assert_int_equal(r.verdicts[0].reason, MODEL_REASON_PARTIAL);
    assert_string_equal(r.verdicts[0].text, "why \"so\"");
    assert_int_equal(r.verdicts[0].latency_us, 12345);
    rig_release(&r);
  }
}

static void expect_verdicts(struct rig *g, struct store_filter f, uint32_t limit, const char *want) {
  char cursor[200] = "", seen[300] = "";
  for (int page = 0; page < 20; page++) {
    struct store_req r;
    char text[200];
    store_req_init(&r, STORE_VERDICT_LIST);
    r.filter = f;
    r.page.limit = limit;
    r.page.cursor = page == 0 ? NULL : cursor;
    rig_call(g, &r, TFDC_OK);
    suite_numbers(&r, text, sizeof text);
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", page == 0 ? "" : "; ", text);
    bool more = r.ret_cursor != NULL;
    if (more) (void)snprintf(cursor, sizeof cursor, "%s", r.ret_cursor);
    rig_release(&r);
    if (!more) break;
  }
  assert_string_equal(seen, want);
}

static void verdicts_are_listed_one_a_run_through_filters(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 5; n >= 1; n--) {
    struct model_run_verdict v = suite_verdict(n);
    v.verdict = n % 2 == 0 ? MODEL_OOC : MODEL_OK;
    if (n == 4) v.key.tool = "T2";
    rig_put_verdict(g, &v);
  }
  struct model_run_verdict v = suite_verdict(2);
  v.revision = 2; /* was OOC, is OK */
  rig_put_verdict(g, &v);
  struct model_context c = suite_context(3);
  c.product = "P7";
  rig_put_context(g, &c);
  struct store_filter f = STORE_FILTER_ALL;
  expect_verdicts(g, f, 0, "1 2 3 4 5");
  expect_verdicts(g, f, 2, "1 2; 3 4; 5");
  f.newest_first = true;
  expect_verdicts(g, f, 2, "5 4; 3 2; 1");
  f = STORE_FILTER_ALL, f.verdict = MODEL_OOC;
  expect_verdicts(g, f, 0, "4");
  f = STORE_FILTER_ALL, f.tool = "T1", f.chamber = "A", f.from_us = suite_time(2), f.to_us = suite_time(5);
  expect_verdicts(g, f, 0, "2 3");
  f = STORE_FILTER_ALL, f.product = "P?";
  expect_verdicts(g, f, 0, "3");
  f = STORE_FILTER_ALL, f.lot = "L1", f.wafer = "W1", f.recipe = "R1";
  expect_verdicts(g, f, 0, "1 2 3 4 5");
  f.lot = "L2";
  expect_verdicts(g, f, 0, "");
}

static void expect_unjudged(struct rig *g, int64_t before_us, uint32_t limit, const char *want) {
  char cursor[200] = "", seen[300] = "";
  for (int page = 0; page < 20; page++) {
    struct store_req r;
    char text[200];
    store_req_init(&r, STORE_UNJUDGED_LIST);
    r.before_us = before_us;
    r.page.limit = limit;
    r.page.cursor = page == 0 ? NULL : cursor;
    rig_call(g, &r, TFDC_OK);
    suite_numbers(&r, text, sizeof text);
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", page == 0 ? "" : "; ", text);
    bool more = r.ret_cursor != NULL;
    if (more) (void)snprintf(cursor, sizeof cursor, "%s", r.ret_cursor);
    rig_release(&r);
    if (!more) break;
  }
  assert_string_equal(seen, want);
}

static void runs_without_a_verdict_of_their_revision_are_unjudged(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 1; n <= 4; n++) {
    struct model_context c = suite_context(n);
    if (n == 2) c.state = MODEL_CONTEXT_OPEN, c.revision = 0;
    rig_put_context(g, &c);
  }
  const int64_t late = suite_time(100);
  expect_unjudged(g, late, 0, "1 3 4");
  expect_unjudged(g, late, 1, "1; 3; 4");
  expect_unjudged(g, suite_time(3) + 20, 0, "1"); /* stored before, not at */
  expect_unjudged(g, suite_time(3) + 21, 0, "1 3");
  struct model_run_verdict v = suite_verdict(3);
  rig_put_verdict(g, &v);
  expect_unjudged(g, late, 0, "1 4");
  struct model_context c = suite_context(3);
  c.state = MODEL_CONTEXT_OPEN; /* re-opened: revision 1 is judged */
  rig_put_context(g, &c);
  expect_unjudged(g, late, 0, "1 4");
  c.state = MODEL_CONTEXT_CLOSED;
  c.revision = 2;
  rig_put_context(g, &c);
  expect_unjudged(g, late, 0, "1 3 4");
  v.revision = 2;
  v.judgement = 7;
  rig_put_verdict(g, &v);
  expect_unjudged(g, late, 0, "1 4");
  v = suite_verdict(9); /* the verdict is here before its context */
  rig_put_verdict(g, &v);
  c = suite_context(9);
  rig_put_context(g, &c);
  expect_unjudged(g, late, 0, "1 4");
}

static tfdc_rc put_def(struct rig *g, struct model_def d) {
  struct store_req r;
  store_req_init(&r, STORE_DEF_PUT);
  r.def = &d;
  tfdc_rc rc = test_await(g->port, &r.base, &g->loop);
  rig_release(&r);
  return rc;
}

static void definitions_are_immutable_but_for_their_flags(void **state) {
  struct rig *g = *state;
  struct model_def d = {.kind = MODEL_DEF_STRATEGY,
                        .id = "press",
                        .version = 2,
                        .effective_us = 5,
                        .created_us = 6,
                        .author = "me",
                        .comment = "first",
                        .body = "{\"a\":1}"};
  assert_int_equal(put_def(g, d), TFDC_OK);
  assert_int_equal(put_def(g, d), TFDC_OK);
  d.body = "{\"a\":2}";
  assert_int_equal(put_def(g, d), TFDC_E_EXISTS);
  d.version = 10;
  assert_int_equal(put_def(g, d), TFDC_OK);
  d.kind = MODEL_DEF_LIMITS, d.version = 1;
  assert_int_equal(put_def(g, d), TFDC_OK);
  d.kind = MODEL_DEF_STRATEGY, d.id = "aaa";
  assert_int_equal(put_def(g, d), TFDC_OK);
  d.id = "press", d.version = 2, d.body = "{\"a\":1}", d.approved = true;
  assert_int_equal(put_def(g, d), TFDC_OK);

  struct store_req r;
  store_req_init(&r, STORE_DEF_LIST);
  r.def_kind = MODEL_DEF_STRATEGY;
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, 3);
  assert_string_equal(r.defs[0].id, "aaa");
  assert_int_equal(r.defs[1].version, 2);
  assert_true(r.defs[1].approved);
  assert_string_equal(r.defs[1].body, "{\"a\":1}");
  assert_string_equal(r.defs[1].comment, "first");
  assert_int_equal(r.defs[1].effective_us, 5);
  assert_int_equal(r.defs[2].version, 10);
  assert_false(r.defs[2].approved);
  rig_release(&r);
  store_req_init(&r, STORE_DEF_LIST);
  r.def_kind = MODEL_DEF_STRATEGY;
  r.def_id = "press";
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, 2);
  rig_release(&r);

  store_req_init(&r, STORE_DEF_LIST);
  r.def_kind = -1;
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, 4);
  assert_int_equal(r.defs[2].kind, MODEL_DEF_STRATEGY);
  assert_int_equal(r.defs[3].kind, MODEL_DEF_LIMITS);
  rig_release(&r);
}

static void expect_alarms(struct rig *g, struct store_filter f, const char *want) {
  struct store_req r;
  char text[200];
  store_req_init(&r, STORE_ALARM_LIST);
  r.filter = f;
  rig_call(g, &r, TFDC_OK);
  suite_numbers(&r, text, sizeof text);
  assert_string_equal(text, want);
  rig_release(&r);
}

static void an_alarm_keeps_its_highest_update(void **state) {
  struct rig *g = *state;
  const struct { uint32_t update, want; } steps[] = {{1, 1}, {3, 3}, {2, 3}, {3, 3}, {4, 4}};
  for (size_t i = 0; i < TFDC_COUNT(steps); i++) {
    struct model_alarm a = suite_alarm(1);
    a.update = steps[i].update;
    a.bad_runs = steps[i].update;
    rig_put_alarm(g, &a);
    struct store_req r;
    store_req_init(&r, STORE_ALARM_GET);
    r.id = suite_id(1);
    rig_call(g, &r, TFDC_OK);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.alarms[0].bad_runs, steps[i].want);
    assert_string_equal(r.alarms[0].text, a.text);
    assert_string_equal(r.alarms[0].charts, "c1,c2");
    rig_release(&r);
  }
  struct store_req r;
  store_req_init(&r, STORE_ALARM_GET);
  r.id = suite_id(2);
  rig_call(g, &r, TFDC_E_NOT_FOUND);
  rig_release(&r);
}

static void alarms_are_listed_newest_first(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 1; n <= 4; n++) {
    struct model_alarm a = suite_alarm(n);
    if (n == 2) a.state = MODEL_ALARM_CLEARED, a.cleared_us = suite_time(9);
    if (n == 3) a.key.tool = "T2";
    rig_put_alarm(g, &a);
  }
  struct store_filter f = STORE_FILTER_ALL;
  expect_alarms(g, f, "4 3 2 1");
  f.open_only = true;
  expect_alarms(g, f, "4 3 1");
  f.tool = "T1", f.chamber = "A";
  expect_alarms(g, f, "4 1");
  f = STORE_FILTER_ALL, f.from_us = suite_time(2), f.to_us = suite_time(4);
  expect_alarms(g, f, "3 2");
  struct store_req r;
  store_req_init(&r, STORE_ALARM_LIST);
  r.page.limit = 3;
  rig_call(g, &r, TFDC_OK);
  assert_non_null(r.ret_cursor);
  struct store_req next;
  store_req_init(&next, STORE_ALARM_LIST);
  next.page.cursor = r.ret_cursor;
  rig_call(g, &next, TFDC_OK);
  assert_int_equal(next.n, 1);
  assert_int_equal(next.alarms[0].alarm_id.lo, 1);
  rig_release(&next);
  rig_release(&r);
}

static struct store_stats stats(struct rig *g) {
  struct store_req r;
  store_req_init(&r, STORE_STATS);
  rig_call(g, &r, TFDC_OK);
  struct store_stats ret = r.stats;
  rig_release(&r);
  return ret;
}

static void fill_for_retention(struct rig *g, uint32_t n) {
  uint8_t blob[300] = {(uint8_t)n};
  struct model_context c = suite_context(n);
  struct model_chunk k = suite_chunk(n, 1, 1, blob, sizeof blob);
  struct model_u_record u = suite_u(n);
  struct model_run_verdict v = suite_verdict(n);
  struct model_alarm a = suite_alarm(n);
  if (n % 2 == 0) a.state = MODEL_ALARM_CLEARED;
  rig_put_context(g, &c);
  rig_put_chunk(g, &k);
  rig_put_u(g, &u);
  rig_put_verdict(g, &v);
  rig_put_alarm(g, &a);
}

static void retention_counts_age_from_the_time_stored(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 1; n <= 4; n++) fill_for_retention(g, n);
  struct model_context open = suite_context(5);
  open.state = MODEL_CONTEXT_OPEN, open.revision = 0, open.stored_us = suite_time(1);
  rig_put_context(g, &open);
  const int64_t s = TFDC_US_PER_S, now = suite_time(1000);
  assert_int_equal(rig_retain(g, now, 2000 * s, 5000 * s, 0), 0);
  assert_int_equal(rig_retain(g, now, 998 * s, 5000 * s, 0), 1); /* chunk 1; chunk 2 is just 998 s old */
  assert_int_equal(stats(g).chunks, 3);
  assert_int_equal(stats(g).contexts, 5);
  assert_int_equal(rig_retain(g, now, 0, 0, 0), 0); /* 0 keeps for ever */
  /* u 1-2, context 1-2, verdict 1-2 and the cleared alarm 2 are older than 997.9 s */
  assert_int_equal(rig_retain(g, now, 0, 997 * s + 900000, 0), 7);
  struct store_stats st = stats(g);
  assert_int_equal(st.contexts, 3);
  assert_int_equal(st.open_contexts, 1);
  assert_int_equal(st.u_records, 2);
  assert_int_equal(st.verdicts, 2);
  assert_int_equal(st.alarms_open, 2);
  assert_int_equal(st.unjudged, 0);
  assert_int_equal(st.chunks, 3);
}

static void retention_works_in_bounded_batches(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 1; n <= 5; n++) fill_for_retention(g, n);
  uint64_t all = 0, batches = 0;
  for (uint64_t n = 1; n != 0 && batches < 100; batches++) {
    n = rig_retain(g, suite_time(5000), 1, 1, 3);
    assert_true(n <= 3);
    all += n;
  }
  assert_int_equal(all, 5 * 4 + 2);
  struct store_stats st = stats(g);
  assert_int_equal(st.chunks + st.contexts + st.u_records + st.verdicts, 0);
  assert_int_equal(st.chunk_bytes, 0);
  assert_int_equal(st.points, 0);
  assert_int_equal(st.alarms_open, 3);
}

/* Else the run would be judged again because its verdict is gone. */
static void a_verdict_stays_as_long_as_its_context(void **state) {
  struct rig *g = *state;
  struct model_context c = suite_context(1);
  c.stored_us = suite_time(900);
  rig_put_context(g, &c);
  struct model_run_verdict v = suite_verdict(1);
  rig_put_verdict(g, &v);
  assert_int_equal(rig_retain(g, suite_time(1000), 0, 500 * TFDC_US_PER_S, 0), 0);
  expect_unjudged(g, suite_time(5000), 0, "");
  assert_int_equal(rig_retain(g, suite_time(2000), 0, 500 * TFDC_US_PER_S, 0), 2);
}

static void statistics_follow_what_is_stored(void **state) {
  struct rig *g = *state;
  fill_for_retention(g, 1);
  fill_for_retention(g, 1);
  struct model_context c = suite_context(2);
  c.state = MODEL_CONTEXT_OPEN, c.revision = 0;
  rig_put_context(g, &c);
  struct store_stats st = stats(g);
  assert_int_equal(st.contexts, 2);
  assert_int_equal(st.open_contexts, 1);
  assert_int_equal(st.chunks, 1);
  assert_int_equal(st.chunk_bytes, 300);
  assert_int_equal(st.points, 10);
  assert_int_equal(st.u_records, 1);
  assert_int_equal(st.verdicts, 1);
  assert_int_equal(st.unjudged, 0);
  assert_int_equal(st.alarms_open, 1);
  assert_true(st.used_bytes > 0);
  c.state = MODEL_CONTEXT_CLOSED, c.revision = 1;
  rig_put_context(g, &c);
  struct model_alarm a = suite_alarm(1);
  a.state = MODEL_ALARM_CLEARED, a.update = 2;
  rig_put_alarm(g, &a);
  st = stats(g);
  assert_int_equal(st.open_contexts, 0);
  assert_int_equal(st.unjudged, 1);
  assert_int_equal(st.alarms_open, 0);
}

const struct CMUnitTest store_suite_judged[] = {
    SUITE_TEST(a_u_record_is_read_back_whole),
    SUITE_TEST(the_row_before_a_run_is_its_predecessors_newest),
    SUITE_TEST(the_row_before_a_run_is_of_its_own_chart_set_and_partition),
    SUITE_TEST(of_two_runs_with_one_order_time_the_id_decides),
    SUITE_TEST(all_chart_sets_of_a_run_come_with_their_newest_record),
    SUITE_TEST(a_u_chart_shows_the_current_record_of_each_run),
    SUITE_TEST(the_newest_verdict_of_a_run_is_current),
    SUITE_TEST(verdicts_are_listed_one_a_run_through_filters),
    SUITE_TEST(runs_without_a_verdict_of_their_revision_are_unjudged),
    SUITE_TEST(definitions_are_immutable_but_for_their_flags),
    SUITE_TEST(an_alarm_keeps_its_highest_update),
    SUITE_TEST(alarms_are_listed_newest_first),
    SUITE_TEST(retention_counts_age_from_the_time_stored),
    SUITE_TEST(retention_works_in_bounded_batches),
    SUITE_TEST(a_verdict_stays_as_long_as_its_context),
    SUITE_TEST(statistics_follow_what_is_stored),
};
const size_t store_suite_judged_n = TFDC_COUNT(store_suite_judged);
