/* SPDX-License-Identifier: Apache-2.0
 * The fields of the bodies of definitions. */
#include "model/codec.h"
#include "model/rows.h"

#include <math.h>

enum { GLOBS_MAX = 1000, RULES_MAX = 64, ACTIONS_MAX = 16, PARTITION_MAX = 8, EQ_BYTES_MAX = 16384 };

/* --- strategy --- */
#define REC struct model_chart
static const struct model_field fixed_fields[] = {
    F64("centre", limits.centre),
    F64("ucl", limits.ucl),
    F64("lcl", limits.lcl),
    F64("action_ucl", limits.action_ucl),
    F64("action_lcl", limits.action_lcl),
};
static const struct model_table fixed_table = {.name = "limits", .fields = fixed_fields, .n = TFDC_COUNT(fixed_fields)};
static const struct model_field chart_fields[] = {
    ID("chart", chart, NEED),
    {.name = "eq", AT(eq), .type = MODEL_F_PROSE, .max = EQ_BYTES_MAX, .flags = 0 NEED FULL},
    BOOL("optional", optional),
    BOOL("alarm", alarm),
    {.name = "limits", .offset_n = offsetof(REC, limits.present), .type = MODEL_F_OBJECT, .sub = &fixed_table},
    F64_IN("resolution", resolution, 0, BIG),
};
static const REC chart_defaults = {
    .alarm = true,
    .limits = {.centre = NAN, .ucl = NAN, .lcl = NAN, .action_ucl = NAN, .action_lcl = NAN},
};
static const struct model_table chart_table = TABLE("chart", REC, chart_fields, chart_defaults);
#undef REC

#define REC struct model_strategy
static const struct model_field select_fields[] = {
    STRINGS("tools", tools, GLOBS_MAX),           STRINGS("chambers", chambers, GLOBS_MAX),
    STRINGS("tool_types", tool_types, GLOBS_MAX), STRINGS("recipes", recipes, GLOBS_MAX),
    STRINGS("products", products, GLOBS_MAX),     STRINGS("lot_types", lot_types, GLOBS_MAX),
};
static const struct model_table select_table = {
    .name = "select", .fields = select_fields, .n = TFDC_COUNT(select_fields)};
static const struct model_field strategy_fields[] = {
    ID("strategy", id, NEED),
    {.name = "select", .offset_n = SIZE_MAX, .type = MODEL_F_OBJECT, .sub = &select_table},
    STRINGS("partition", partition, PARTITION_MAX),
    ENUM("severity", severity, model_severity_names),
    STRINGS("rules", rules, RULES_MAX),
    {.name = "clear_runs", AT(clear_runs), .type = MODEL_F_U32, .min = 1, .max = 1000},
    STRINGS("actions", actions, ACTIONS_MAX, IDS),
    LIST("charts", charts, chart_table, MODEL_CHARTS_MAX, NEED FULL),
};
static const char *const default_partition[] = {"recipe_id"};
static const char *const default_actions[] = {"notify"};
static const REC strategy_defaults = {
    .partition = {default_partition, TFDC_COUNT(default_partition)},
    .severity = MODEL_WARNING,
    .clear_runs = 3,
    .actions = {default_actions, TFDC_COUNT(default_actions)},
};
const struct model_table model_strategy_table = TABLE("strategy", REC, strategy_fields, strategy_defaults);
#undef REC

/* --- limit set --- */
#define NOT_NEGATIVE(key, member)                                                                                      \
  { .name = key, AT(member), .type = MODEL_F_F64, .min = 0, .max = INT64_MAX }

#define REC struct model_limit_centre
static const struct model_field centre_fields[] = {
    {.name = "chamber", AT(chamber), .type = MODEL_F_KEY, .flags = MODEL_F_REQUIRED},
    F64("centre", centre),
    U32("n", n),
};
static const REC centre_defaults = {.centre = NAN};
static const struct model_table centre_table = TABLE("centre", REC, centre_fields, centre_defaults);
#undef REC

#define REC struct model_limit_chart
static const struct model_field limit_chart_fields[] = {
    ID("chart", chart, NEED),
    NOT_NEGATIVE("s", s),
    U32("dof", dof),
    NOT_NEGATIVE("width_lo", width_lo),
    NOT_NEGATIVE("width_up", width_up),
    TEXT("left_out", left_out),
    LIST("centres", centres, centre_table, MODEL_CENTRES_MAX),
};
static const REC limit_chart_defaults = {.s = NAN};
static const struct model_table limit_chart_table = TABLE("chart", REC, limit_chart_fields, limit_chart_defaults);
#undef REC

#define REC struct model_limit_group
static const struct model_field group_fields[] = {
    TEXT("partition", partition),
    TEXT("tool_type", tool_type),
    U32("n_runs", n_runs),
    NOT_NEGATIVE("width", width),
    NOT_NEGATIVE("warn_at", warn_at),
    LIST("charts", charts, limit_chart_table, MODEL_CHARTS_MAX),
};
static const REC group_defaults = {.partition = "", .tool_type = "", .width = NAN};
static const struct model_table group_table = TABLE("group", REC, group_fields, group_defaults);
#undef REC

#define REC struct model_limit_set
static const struct model_field limit_set_fields[] = {
    ID("limits", id, NEED),
    LIST("groups", groups, group_table, MODEL_GROUPS_MAX),
};
static const REC limit_set_defaults;
const struct model_table model_limit_set_table = TABLE("limit set", REC, limit_set_fields, limit_set_defaults);
#undef REC
