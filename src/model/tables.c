/* SPDX-License-Identifier: Apache-2.0
 * The fields of every record, each written down once, in the order of the encoded form. A field keeps its name and type
 * for ever; new ones go to the end and must have a default that old writers would have meant. */
#include "base/text.h"
#include "model/codec.h"
#include "model/rows.h"

#include <math.h>

/* --- chamber --- */
#define REC struct model_svid
static const struct model_field svid_fields[] = {
    U32("number", number, NEED),
    TEXT("name", name, NEED FULL),
    TEXT("unit", unit),
    F64_IN("rate_hz", rate_hz, 0, BIG),
    F64_IN("resolution", resolution, 0, BIG),
};
static const REC svid_defaults;
static const struct model_table svid_table = TABLE("svid", REC, svid_fields, svid_defaults);
#undef REC

#define REC struct model_chamber
static const struct model_field chamber_fields[] = {
    ID("tool", key.tool, NEED),
    ID("chamber", key.chamber, NEED),
    TEXT("tool_type", tool_type),
    TIME("seen_us", seen_us),
    LIST("svids", svids, svid_table, MODEL_SVIDS_MAX),
};
static const REC chamber_defaults = {.seen_us = MODEL_NO_TIME};
const struct model_table model_chamber_table = TABLE("chamber", REC, chamber_fields, chamber_defaults);
#undef REC

/* --- context --- */
#define REC struct model_step
static const struct model_field step_fields[] = {
    U32("number", number),  U32("occurrence", occurrence), TEXT("name", name), TIME("start_us", start_us, NEED),
    TIME("end_us", end_us),
};
static const REC step_defaults = {.occurrence = 1, .name = "", .start_us = MODEL_NO_TIME, .end_us = MODEL_NO_TIME};
static const struct model_table step_table = TABLE("step", REC, step_fields, step_defaults);
#undef REC

#define REC struct model_event
static const struct model_field event_fields[] = {TEXT("name", name, NEED), TIME("time_us", time_us, NEED)};
static const REC event_defaults = {.time_us = MODEL_NO_TIME};
static const struct model_table event_table = TABLE("event", REC, event_fields, event_defaults);
#undef REC

#define REC struct model_tag
static const struct model_field tag_fields[] = {TEXT("name", name, NEED FULL), TEXT("value", value, NEED)};
static const REC tag_defaults;
static const struct model_table tag_table = TABLE("tag", REC, tag_fields, tag_defaults);
#undef REC

#define REC struct model_context
static const struct model_field context_fields[] = {
    ID128("context_id", context_id, NEED),
    ID("tool", key.tool, NEED),
    ID("chamber", key.chamber, NEED),
    TEXT("tool_type", tool_type),
    TEXT("run_id", run_id, NEED),
    TEXT("start_digest", start_digest),
    ENUM("state", state, model_context_state_names, NEED),
    U32("revision", revision),
    BOOL("reopened", reopened),
    BOOL("published", published),
    BOOL("historical", historical),
    BOOL("order_clock", order_clock),
    TIME("start_us", start_us, NEED),
    TIME("end_us", end_us),
    TIME("received_us", received_us),
    TIME("stored_us", stored_us),
    TIME("order_us", order_us),
    ENUM("end_reason", end_reason, model_end_reason_names),
    U32("chunk_count", chunk_count),
    HEX64("chunk_digest", chunk_digest),
    U64("points", points),
    U64("last_seq", last_seq),
    U64("seen_seq", seen_seq),
    U64("rejected_blocks", rejected_blocks),
    U64("missing_blocks", missing_blocks),
    TEXT("reject_code", reject_code),
    TEXT("fab", fab, AMEND),
    TEXT("area", area, AMEND),
    TEXT("supplier", supplier, AMEND),
    TEXT("software_rev", software_rev, AMEND),
    TEXT("lot_id", lot_id, AMEND),
    TEXT("carrier_id", carrier_id, AMEND),
    TEXT("port_id", port_id, AMEND),
    TEXT("substrate_id", substrate_id, AMEND),
    TEXT("product", product, AMEND),
    TEXT("technology", technology, AMEND),
    TEXT("route", route, AMEND),
    TEXT("operation", operation, AMEND),
    TEXT("layer", layer, AMEND),
    TEXT("lot_type", lot_type, AMEND),
    {.name = "slot", AT(slot), .type = MODEL_F_I32, .min = -1, .max = INT32_MAX, .flags = 0 AMEND},
    TEXT("ctrl_job_id", ctrl_job_id, AMEND),
    TEXT("pr_job_id", pr_job_id, AMEND),
    TEXT("recipe_id", recipe_id, AMEND),
    TEXT("recipe_rev", recipe_rev, AMEND),
    TEXT("recipe_body_hash", recipe_body_hash, AMEND),
    TEXT("chamber_recipe", chamber_recipe, AMEND),
    TEXT("ept_state", ept_state, AMEND),
    TEXT("process_state", process_state, AMEND),
    TEXT("pm_id", pm_id, AMEND),
    I64("runs_since_pm", runs_since_pm, -1, AMEND),
    I64("wafers_since_clean", wafers_since_clean, -1, AMEND),
    F64("rf_hours", rf_hours, AMEND),
    BOOL("first_wafer_of_lot", first_wafer_of_lot, AMEND),
    LIST("steps", steps, step_table, MODEL_STEPS_MAX),
    LIST("events", events, event_table, MODEL_EVENTS_MAX),
    LIST("tags", tags, tag_table, MODEL_TAGS_MAX),
};
static const REC context_defaults = {
    .start_us = MODEL_NO_TIME,
    .end_us = MODEL_NO_TIME,
    .received_us = MODEL_NO_TIME,
    .stored_us = MODEL_NO_TIME,
    .order_us = MODEL_NO_TIME,
    .slot = -1,
    .runs_since_pm = -1,
    .wafers_since_clean = -1,
    .rf_hours = NAN,
};
const struct model_table model_context_table = TABLE("context", REC, context_fields, context_defaults);
#undef REC

/* --- completion: the names of the broker's message --- */
#define REC struct model_completion
static const struct model_field completion_fields[] = {
    ID("toolId", key.tool, NEED),
    ID("chamberId", key.chamber, NEED),
    ID128("contextId", context_id, NEED),
    U32("revision", revision, NEED),
    U32("judgement", judgement),
    ID128("tChartKey", context_id, | MODEL_F_WRITE_ONLY),
    TIME("timestamp", timestamp_us, NEED),
    TIME("orderTime", order_us),
    U32("chunkCount", chunk_count),
    TEXT("recipe", recipe_id),
    ENUM("endReason", end_reason, model_end_reason_names),
};
static const REC completion_defaults = {.judgement = 1, .timestamp_us = MODEL_NO_TIME, .order_us = MODEL_NO_TIME};
const struct model_table model_completion_table = TABLE("completion", REC, completion_fields, completion_defaults);
#undef REC

/* --- what judging writes --- */
#define REC struct model_point
static const struct model_field point_fields[] = {
    ID("chart", chart, NEED),
    TEXT("unit", unit),
    F64("value", value),
    U32("n", n),
    F64("quality", quality),
    F64("centre", centre),
    F64("stddev", stddev),
    F64("ucl", ucl),
    F64("lcl", lcl),
    U32("eq_version", eq_version),
    U32("limit_version", limit_version),
    ENUM("verdict", verdict, model_verdict_names, NEED),
    ENUM("reason", reason, model_reason_names),
    F64("score", score),
    BLOB("state", state, MODEL_STATE_BYTES_MAX),
};
static const REC point_defaults = {
    .unit = "", .value = NAN, .quality = NAN, .centre = NAN, .stddev = NAN, .ucl = NAN, .lcl = NAN, .score = NAN};
const struct model_table model_point_table = TABLE("point", REC, point_fields, point_defaults);
#undef REC

#define REC struct model_u_record
static const struct model_field u_record_fields[] = {
    ID("tool", key.tool, NEED),
    ID("chamber", key.chamber, NEED),
    ID("chart_set", chart_set, NEED),
    TEXT("partition", partition),
    TIME("order_us", order_us, NEED),
    ID128("context_id", context_id, NEED),
    U32("revision", revision, NEED),
    U32("judgement", judgement),
    BOOL("late", late),
    TIME("stored_us", stored_us),
    BLOB("episode", episode, MODEL_STATE_BYTES_MAX),
    LIST("points", points, model_point_table, MODEL_POINTS_MAX),
};
static const REC u_record_defaults = {
    .partition = "", .order_us = MODEL_NO_TIME, .judgement = 1, .stored_us = MODEL_NO_TIME};
const struct model_table model_u_record_table = TABLE("u record", REC, u_record_fields, u_record_defaults);
#undef REC

#define REC struct model_run_verdict
static const struct model_field run_verdict_fields[] = {
    ID128("context_id", context_id, NEED),
    U32("revision", revision, NEED),
    U32("judgement", judgement),
    ID("tool", key.tool, NEED),
    ID("chamber", key.chamber, NEED),
    TIME("order_us", order_us, NEED),
    ENUM("verdict", verdict, model_verdict_names, NEED),
    ENUM("reason", reason, model_reason_names),
    U32("judged", judged),
    U32("charts", charts),
    BOOL("late", late),
    TIME("judged_us", judged_us),
    I64("latency_us", latency_us, INT64_MIN),
    TEXT("defender", defender),
    LINE("text", text, LINE_MAX_BYTES),
    TEXT("recipe_id", recipe_id),
    TEXT("lot_id", lot_id),
    TEXT("substrate_id", substrate_id),
};
static const REC run_verdict_defaults = {.judgement = 1, .order_us = MODEL_NO_TIME, .judged_us = MODEL_NO_TIME};
const struct model_table model_run_verdict_table = TABLE("run verdict", REC, run_verdict_fields, run_verdict_defaults);
#undef REC

#define REC struct model_alarm
static const struct model_field alarm_fields[] = {
    ID128("alarm_id", alarm_id, NEED),
    ENUM("state", state, model_alarm_state_names, NEED),
    ENUM("severity", severity, model_severity_names, NEED),
    ID("tool", key.tool, NEED),
    ID("chamber", key.chamber, NEED),
    ID("strategy", strategy, NEED),
    TEXT("partition", partition),
    ID128("first_context", first_context, NEED),
    ID128("last_context", last_context, NEED),
    TIME("opened_us", opened_us, NEED),
    TIME("updated_us", updated_us),
    TIME("cleared_us", cleared_us),
    TIME("published_us", published_us),
    U32("bad_runs", bad_runs),
    U32("update", update),
    TEXT("reason", reason),
    LINE("text", text, LINE_MAX_BYTES),
    LINE("charts", charts, LINE_MAX_BYTES),
    TEXT("recipe_id", recipe_id),
    TEXT("lot_id", lot_id),
    TEXT("substrate_id", substrate_id),
};
static const REC alarm_defaults = {.opened_us = MODEL_NO_TIME,
                                   .updated_us = MODEL_NO_TIME,
                                   .cleared_us = MODEL_NO_TIME,
                                   .published_us = MODEL_NO_TIME};
const struct model_table model_alarm_table = TABLE("alarm", REC, alarm_fields, alarm_defaults);
#undef REC

#define REC struct model_def
static const struct model_field def_fields[] = {
    ENUM("kind", kind, model_def_kind_names, NEED),
    ID("id", id, NEED),
    U32("version", version, NEED),
    BOOL("approved", approved),
    BOOL("retired", retired),
    TIME("effective_us", effective_us),
    TIME("created_us", created_us),
    TEXT("author", author),
    {.name = "comment", AT(comment), .type = MODEL_F_PROSE, .max = PROSE_MAX_BYTES},
    {.name = "body", AT(body), .type = MODEL_F_BODY, .max = MODEL_BODY_MAX, .flags = MODEL_F_REQUIRED},
};
static const REC def_defaults = {.effective_us = MODEL_NO_TIME, .created_us = MODEL_NO_TIME};
const struct model_table model_def_table = TABLE("definition", REC, def_fields, def_defaults);
#undef REC
