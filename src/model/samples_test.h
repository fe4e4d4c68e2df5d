/* SPDX-License-Identifier: Apache-2.0
 * Records with every field set to something of its own, and with none but the required ones, for the codec tests and
 * the golden files: do not change them, add new ones. */
#ifndef MODEL_SAMPLES_TEST_H
#define MODEL_SAMPLES_TEST_H

#include "base/cursor.h"
#include "model/records.h"
#include "model/strategy.h"

#include <float.h>
#include <math.h>

static const struct tfdc_id128 sample_id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};
static const struct tfdc_id128 sample_id2 = {1, UINT64_MAX};

static const struct model_svid sample_svids[] = {
    {1, "Press", "mTorr", 10, 0.01},
    {UINT32_MAX, "Temperatur \xc3\xbc \"A\\B\"", NULL, 0.1, DBL_MIN},
};
static const struct model_chamber sample_chamber = {
    .key = {"ETCH-01", "A"}, .tool_type = "ETCH", .svids = sample_svids, .n_svids = 2, .seen_us = INT64_MAX};
static const struct model_chamber sample_chamber_least = {.key = {"t", "c"}, .seen_us = MODEL_NO_TIME};

static const struct model_step sample_steps[] = {
    {1, 1, "ME", 1700000000000000, 1700000010000000},
    {2, 2, "", 1700000010000000, MODEL_NO_TIME},
};
static const struct model_event sample_events[] = {{"RF on", 1700000001500000}};
static const struct model_tag sample_tags[] = {{"operator shift", "B"}, {"empty", ""}};
static const struct model_context sample_context = {
    .context_id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .key = {"ETCH-01", "A"},
    .tool_type = "ETCH",
    .run_id = "run 17/3",
    .state = MODEL_CONTEXT_CLOSED,
    .revision = 3,
    .reopened = true,
    .published = true,
    .historical = true,
    .order_clock = true,
    .start_us = 1700000000000000,
    .end_us = 1700000060000000,
    .received_us = 1700000060100000,
    .stored_us = 1700000060200000,
    .order_us = -1,
    .end_reason = MODEL_END_ABORT,
    .chunk_count = 4,
    .chunk_digest = UINT64_C(0xffeeddccbbaa9988),
    .points = INT64_MAX,
    .last_seq = 99,
    .seen_seq = 101,
    .rejected_blocks = 2,
    .missing_blocks = 1,
    .reject_code = "TIME_BACKWARDS",
    .fab = "F1",
    .area = "dry",
    .supplier = "sup",
    .software_rev = "1.2",
    .lot_id = "L1",
    .carrier_id = "C1",
    .port_id = "P1",
    .substrate_id = "W7",
    .product = "prod",
    .technology = "tech",
    .route = "rt",
    .operation = "op",
    .layer = "M1",
    .lot_type = "production",
    .slot = 7,
    .ctrl_job_id = "CJ",
    .pr_job_id = "PJ",
    .recipe_id = "POLY_ETCH",
    .recipe_rev = "5",
    .recipe_body_hash = "abc",
    .chamber_recipe = "cr",
    .ept_state = "BUSY",
    .process_state = "EXECUTING",
    .pm_id = "pm1",
    .runs_since_pm = 12,
    .wafers_since_clean = 3,
    .rf_hours = 0.1,
    .first_wafer_of_lot = true,
    .steps = sample_steps,
    .n_steps = 2,
    .events = sample_events,
    .n_events = 1,
    .tags = sample_tags,
    .n_tags = 2,
};
static const struct model_context sample_context_least = {
    .context_id = {1, UINT64_MAX},
    .key = {"t", "c"},
    .run_id = "",
    .start_us = 0,
    .end_us = MODEL_NO_TIME,
    .received_us = MODEL_NO_TIME,
    .stored_us = MODEL_NO_TIME,
    .order_us = MODEL_NO_TIME,
    .slot = -1,
    .runs_since_pm = -1,
    .wafers_since_clean = -1,
    .rf_hours = NAN,
};

static const struct model_completion sample_completion = {
    .key = {"ETCH-01", "A"},
    .context_id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .revision = 2,
    .judgement = 3,
    .timestamp_us = 1700000060000000,
    .order_us = 1700000060000001,
    .chunk_count = 4,
    .recipe_id = "POLY_ETCH",
    .end_reason = MODEL_END_COMPLETE,
};
static const struct model_completion sample_completion_least = {
    .key = {"t", "c"}, .context_id = {1, UINT64_MAX}, .revision = 1, .judgement = 1, .timestamp_us = 5, .order_us = 5};

static const struct model_run_verdict sample_verdict = {
    .context_id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .revision = 1,
    .judgement = 2,
    .key = {"ETCH-01", "A"},
    .order_us = 1700000060000000,
    .verdict = MODEL_NOT_JUDGED,
    .reason = MODEL_REASON_MISSING_STEP,
    .judged = 11,
    .charts = 12,
    .late = true,
    .judged_us = 1700000060500000,
    .latency_us = -3,
    .defender = "defender-3",
    .text = "step \"ME\" did not come",
    .recipe_id = "POLY_ETCH",
    .lot_id = "L1",
    .substrate_id = "W7",
};
static const struct model_run_verdict sample_verdict_least = {.context_id = {1, UINT64_MAX},
                                                              .revision = 1,
                                                              .judgement = 1,
                                                              .key = {"t", "c"},
                                                              .order_us = 5,
                                                              .judged_us = MODEL_NO_TIME};

static const struct model_alarm sample_alarm = {
    .alarm_id = {2, 3},
    .state = MODEL_ALARM_CLEARED,
    .severity = MODEL_CRITICAL,
    .key = {"ETCH-01", "A"},
    .strategy = "etch_main",
    .partition = "POLY_ETCH",
    .first_context = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .last_context = {1, UINT64_MAX},
    .opened_us = 1,
    .updated_us = 2,
    .cleared_us = 3,
    .published_us = 4,
    .bad_runs = 5,
    .update = 6,
    .reason = "OOC",
    .text = "mean(Press) 52.3 mTorr > UCL 51.9 (limits 7, 412 runs)",
    .charts = "press_me_mean,press_me_std",
    .recipe_id = "POLY_ETCH",
    .lot_id = "L1",
    .substrate_id = "W7",
};
static const struct model_alarm sample_alarm_least = {.key = {"t", "c"},
                                                      .strategy = "s",
                                                      .opened_us = 0,
                                                      .updated_us = MODEL_NO_TIME,
                                                      .cleared_us = MODEL_NO_TIME,
                                                      .published_us = MODEL_NO_TIME};

static const struct model_def sample_def = {
    .kind = MODEL_DEF_LIMITS,
    .id = "etch_main",
    .version = 7,
    .approved = true,
    .retired = true,
    .effective_us = 1700000000000000,
    .created_us = 1700000000000001,
    .author = "process group",
    .comment = "after the PM\n\tsecond line",
    .body = "{\"v\":1,\"limits\":\"etch_main\",\n \"groups\":[]}",
};
static const struct model_def sample_def_least = {
    .id = "s", .effective_us = MODEL_NO_TIME, .created_us = MODEL_NO_TIME, .body = "{}"};

static const uint8_t sample_state[] = {1, 0, 0xff, 0x80};
static const struct model_point sample_points[] = {
    {.chart = "press_me_mean",
     .unit = "mTorr",
     .value = 52.3,
     .n = 80,
     .quality = 1,
     .centre = 50,
     .stddev = 0.1 + 0.2,
     .ucl = DBL_MAX,
     .lcl = -0.0,
     .eq_version = 3,
     .limit_version = 7,
     .verdict = MODEL_OOC,
     .score = 5e-324,
     .state = sample_state,
     .state_n = sizeof sample_state},
    {.chart = "c",
     .unit = "",
     .value = NAN,
     .quality = 0,
     .centre = NAN,
     .stddev = NAN,
     .ucl = INFINITY,
     .lcl = -INFINITY,
     .verdict = MODEL_NOT_JUDGED,
     .reason = MODEL_REASON_NO_LIMITS,
     .score = NAN},
};
static const struct model_u_record sample_u = {
    .key = {"ETCH-01", "A"},
    .chart_set = "etch_main",
    .partition = "POLY_ETCH",
    .order_us = 1700000060000000,
    .context_id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .revision = 1,
    .judgement = 2,
    .late = true,
    .stored_us = 1700000060600000,
    .episode = sample_state,
    .episode_n = 2,
    .points = sample_points,
    .n_points = 2,
};
static const struct model_u_record sample_u_least = {
    .key = {"t", "c"}, .chart_set = "s", .partition = "", .order_us = MODEL_NO_TIME + 1, .stored_us = MODEL_NO_TIME};

#endif
