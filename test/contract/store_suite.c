/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/store_suite.h"

#include "contract/store_suite_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rig_setup(void **state) {
  struct rig *g = calloc(1, sizeof *g);
  assert_non_null(g);
  g->maker = *state;
  g->world = g->maker->begin();
  test_loop_start(&g->loop);
  g->port = g->maker->open(g->world, &g->loop);
  assert_non_null(g->port);
  *state = g;
  return 0;
}

int rig_teardown(void **state) {
  struct rig *g = *state;
  if (g->port != NULL) {
    test_close(g->port, &g->loop);
    g->maker->destroy(g->world, g->port);
  }
  test_loop_stop(&g->loop);
  g->maker->end(g->world);
  free(g);
  return 0;
}

void rig_reopen(struct rig *g) {
  test_close(g->port, &g->loop);
  g->maker->destroy(g->world, g->port);
  g->port = g->maker->open(g->world, &g->loop);
  assert_non_null(g->port);
}

void rig_call(struct rig *g, struct store_req *r, tfdc_rc want) {
  tfdc_rc rc = test_await(g->port, &r->base, &g->loop);
  if (rc != want) {
    fail_msg("store op %u: %s (%s), expected %s", r->base.op, tfdc_rc_name(rc), tfdc_error_msg(&r->base.err),
             tfdc_rc_name(want));
  }
}

void rig_release(struct store_req *r) { port_req_deinit(&r->base); }

static void put(struct rig *g, struct store_req *r) {
  rig_call(g, r, TFDC_OK);
  rig_release(r);
}

void rig_put_context(struct rig *g, const struct model_context *c) {
  struct store_req r;
  store_req_init(&r, STORE_CONTEXT_PUT);
  r.context = c;
  put(g, &r);
}
void rig_put_chunk(struct rig *g, const struct model_chunk *c) {
  struct store_req r;
  store_req_init(&r, STORE_CHUNK_PUT);
  r.chunk = c;
  put(g, &r);
}
void rig_put_u(struct rig *g, const struct model_u_record *u) {
  struct store_req r;
  store_req_init(&r, STORE_U_PUT);
  r.u = u;
  put(g, &r);
}
void rig_put_verdict(struct rig *g, const struct model_run_verdict *v) {
  struct store_req r;
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = v;
  put(g, &r);
}
void rig_put_alarm(struct rig *g, const struct model_alarm *a) {
  struct store_req r;
  store_req_init(&r, STORE_ALARM_PUT);
  r.alarm = a;
  put(g, &r);
}

uint64_t rig_retain(struct rig *g, int64_t now_us, int64_t tchart_us, int64_t uchart_us, uint32_t limit) {
  struct store_req r;
  store_req_init(&r, STORE_RETENTION);
  r.now_us = now_us;
  r.tchart_us = tchart_us;
  r.uchart_us = uchart_us;
  r.page.limit = limit;
  put(g, &r);
  return r.count;
}

/* Scattered over the upper half, so that the order of ids is not that of the numbers; the lower half is the number. */
struct tfdc_id128 suite_id(uint32_t n) {
  return (struct tfdc_id128){.hi = (uint64_t)n * UINT64_C(0x9E3779B97F4A7C15), .lo = n};
}

int64_t suite_time(uint32_t n) { return INT64_C(1790000000000000) + (int64_t)n * TFDC_US_PER_S; }

struct model_context suite_context(uint32_t n) {
  static const struct model_step steps[] = {
      {.number = 1, .occurrence = 1, .name = "pump", .start_us = 1000, .end_us = 2000},
      {.number = 2, .occurrence = 1, .name = "\xc3\xa4tch \"main\"", .start_us = 2000, .end_us = MODEL_NO_TIME}};
  static const struct model_event events[] = {{.name = "arc", .time_us = 1500}};
  static const struct model_tag tags[] = {{.name = "shift", .value = "night"}, {.name = "empty", .value = ""}};
  return (struct model_context){.context_id = suite_id(n),
                                .key = {.tool = "T1", .chamber = "A"},
                                .tool_type = "T1",
                                .run_id = "run",
                                .state = MODEL_CONTEXT_CLOSED,
                                .revision = 1,
                                .start_us = suite_time(n) - 500,
                                .end_us = suite_time(n),
                                .received_us = suite_time(n) + 10,
                                .stored_us = suite_time(n) + 20,
                                .order_us = suite_time(n),
                                .end_reason = MODEL_END_COMPLETE,
                                .chunk_count = 2,
                                .chunk_digest = UINT64_C(0xFEDCBA9876543210),
                                .points = 4711,
                                .last_seq = 12,
                                .lot_id = "L1",
                                .substrate_id = "W1",
                                .product = "P1",
                                .recipe_id = "R1",
                                .slot = -1,
                                .runs_since_pm = -1,
                                .wafers_since_clean = 3,
                                .rf_hours = 1.5,
                                .steps = steps,
                                .n_steps = TFDC_COUNT(steps),
                                .events = events,
                                .n_events = TFDC_COUNT(events),
                                .tags = tags,
                                .n_tags = TFDC_COUNT(tags)};
}

struct model_chunk suite_chunk(uint32_t run, uint64_t first_seq, uint64_t last_seq, const uint8_t *blob, size_t n) {
  return (struct model_chunk){.context_id = suite_id(run),
                              .first_seq = first_seq,
                              .last_seq = last_seq,
                              .revision = 1,
                              .checksum = tfdc_xxh3_64(blob, n),
                              .points = 10,
                              .first_us = suite_time(run),
                              .last_us = suite_time(run) + 5,
                              .stored_us = suite_time(run),
                              .blob = blob,
                              .blob_n = n};
}

struct model_u_record suite_u(uint32_t n) {
  static const uint8_t rule_state[] = {1, 2, 0, 255};
  static const struct model_point points[] = {
      {.chart = "c1",
       .unit = "mTorr",
       .value = 52.25,
       .n = 100,
       .quality = 1,
       .centre = 50,
       .stddev = 0.5,
       .ucl = 51.5,
       .lcl = 48.5,
       .eq_version = 3,
       .limit_version = 7,
       .verdict = MODEL_OOC,
       .score = 1.5,
       .state = rule_state,
       .state_n = sizeof rule_state},
      {.chart = "c2", .verdict = MODEL_NOT_JUDGED, .reason = MODEL_REASON_NO_DATA}};
  return (struct model_u_record){.key = {.tool = "T1", .chamber = "A"},
                                 .chart_set = "S1",
                                 .partition = "R1",
                                 .order_us = suite_time(n),
                                 .context_id = suite_id(n),
                                 .revision = 1,
                                 .judgement = 1,
                                 .stored_us = suite_time(n) + 30,
                                 .episode = rule_state,
                                 .episode_n = 2,
                                 .points = points,
                                 .n_points = TFDC_COUNT(points)};
}

struct model_run_verdict suite_verdict(uint32_t n) {
  return (struct model_run_verdict){.context_id = suite_id(n),
                                    .revision = 1,
                                    .judgement = 1,
                                    .key = {.tool = "T1", .chamber = "A"},
                                    .order_us = suite_time(n),
                                    .verdict = MODEL_OK,
                                    .judged = 3,
                                    .charts = 3,
                                    .judged_us = suite_time(n) + 40,
                                    .latency_us = 12345,
                                    .defender = "defender-1",
                                    .recipe_id = "R1",
                                    .lot_id = "L1",
                                    .substrate_id = "W1"};
}

struct model_alarm suite_alarm(uint32_t n) {
  return (struct model_alarm){.alarm_id = suite_id(n),
                              .state = MODEL_ALARM_OPEN,
                              .severity = MODEL_CRITICAL,
                              .key = {.tool = "T1", .chamber = "A"},
                              .strategy = "S1",
                              .partition = "R1",
                              .first_context = suite_id(n),
                              .last_context = suite_id(n),
                              .opened_us = suite_time(n),
                              .updated_us = suite_time(n),
                              .cleared_us = MODEL_NO_TIME,
                              .published_us = suite_time(n) + 50,
                              .bad_runs = 1,
                              .update = 1,
                              .reason = "OOC",
                              .text = "mean(Press) 52.3 mTorr > UCL 51.9",
                              .charts = "c1,c2",
                              .recipe_id = "R1",
                              .lot_id = "L1",
                              .substrate_id = "W1"};
}

void suite_numbers(const struct store_req *r, char *text, size_t n) {
  size_t at = 0;
  text[0] = '\0';
  for (size_t i = 0; i < r->n && at < n; i++) {
    uint64_t number = r->contexts != NULL    ? r->contexts[i].context_id.lo
                      : r->u_records != NULL ? r->u_records[i].context_id.lo
                      : r->verdicts != NULL  ? r->verdicts[i].context_id.lo
                                             : r->alarms[i].alarm_id.lo;
    int len = snprintf(text + at, n - at, "%s%" PRIu64, i == 0 ? "" : " ", number);
    at += (size_t)len;
  }
}

int store_suite_run(const struct store_suite_maker *maker) {
  const struct CMUnitTest *parts[] = {store_suite_runs, store_suite_judged, store_suite_port};
  const size_t counts[] = {store_suite_runs_n, store_suite_judged_n, store_suite_port_n};
  int failed = 0;
  for (size_t i = 0; i < TFDC_COUNT(parts); i++) {
    struct CMUnitTest *tests = calloc(counts[i], sizeof *tests);
    if (tests == NULL) return 1;
    memcpy(tests, parts[i], counts[i] * sizeof *tests);
    for (size_t k = 0; k < counts[i]; k++) tests[k].initial_state = (void *)(uintptr_t)maker;
    failed += _cmocka_run_group_tests(maker->name, tests, counts[i], NULL, NULL);
    free(tests);
  }
  return failed;
}
