/* SPDX-License-Identifier: Apache-2.0
 * Bodies of definitions, parsed: what `tfdc apply` reads as YAML and the store keeps as JSON.
 *
 * Strategy (YAML; the JSON has the same names and "v"; YAML example values, defaults in brackets):
 *   strategy: etch_main              # id
 *   select:                          # globs [all]; begin a pattern with * only in quotes
 *     tools: [ETCH-*]                # also chambers, tool_types, recipes, products, lot_types
 *   partition: [recipe_id]           # text fields of the context that split limits and series [recipe_id]; [] = one
 *   severity: warning                # of its alarms: info | warning | critical [warning]
 *   rules: ["beyond(1)"]             # [the default policy of spc]
 *   clear_runs: 3                    # 1..1000 [3]
 *   actions: [notify]                # ids [notify]
 *   charts:                          # at least one
 *     - chart: press_me_mean         # id
 *       eq: mean(Press in step("ME").trim(2 s, 0.5 s))
 *       optional: false              # true: not judged does not make the run NOT_JUDGED [false]
 *       alarm: true                  # false: drawn and judged, never alarms [true]
 *       limits: {centre: 50, ucl: 52, lcl: 48, action_ucl: 55, action_lcl: 45}   # fixed, each optional [learned]
 *       resolution: 0.01             # of the statistic, for the floor of the spread [0 = not known]
 *
 * Limit set (id = the strategy's id; one version = all its partitions):
 *   limits: etch_main
 *   groups:
 *     - partition, tool_type, n_runs, width, warn_at
 *       charts:
 *         - chart, s, dof, width_lo, width_up
 *           left_out                 # why the chart has no limit, or absent
 *           centres: [{chamber: "T:C", centre, n}] */
#ifndef MODEL_STRATEGY_H
#define MODEL_STRATEGY_H

#include "base/arena.h"
#include "base/cursor.h"
#include "model/records.h"

struct model_globs {
  const char *const *items;
  size_t n;
};
struct model_fixed_limits {
  bool present;
  double centre, ucl, lcl, action_ucl, action_lcl; /* NaN = none */
};
struct model_chart {
  const char *chart, *eq;
  bool optional, alarm;
  struct model_fixed_limits limits;
  double resolution;
};
struct model_strategy {
  const char *id;
  struct model_globs tools, chambers, tool_types, recipes, products, lot_types;
  struct model_globs partition; /* names of context fields */
  enum model_severity severity;
  struct model_globs rules, actions;
  uint32_t clear_runs;
  const struct model_chart *charts;
  size_t n_charts;
};

struct model_limit_centre {
  const char *chamber; /* "tool:chamber" */
  double centre;
  uint32_t n;
};
struct model_limit_chart {
  const char *chart;
  double s; /* pooled spread, floored */
  uint32_t dof;
  double width_lo, width_up; /* widths below and above the centre, in units of s * sqrt(1 + 1/n); 0 = no limit there */
  const char *left_out;      /* why it has no limit, or NULL */
  const struct model_limit_centre *centres;
  size_t n_centres;
};
struct model_limit_group {
  const char *partition, *tool_type;
  uint32_t n_runs;
  double width;   /* common width of the group's charts, for people */
  double warn_at; /* smaller limit over the limit, for the default rules; 0 = the default of spc */
  const struct model_limit_chart *charts;
  size_t n_charts;
};
struct model_limit_set {
  const char *id;
  const struct model_limit_group *groups;
  size_t n_groups;
};

/* Decoders of stored JSON bodies (at most MODEL_BODY_MAX bytes, validated; errors name the field; unknown fields are
 * ignored). *ret points into mem. */
TFDC_MUST_USE tfdc_rc model_strategy_from_json(const char *text, size_t n, struct tfdc_arena *mem,
                                               struct model_strategy *ret, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_strategy_to_json(const struct model_strategy *s, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_limit_set_from_json(const char *text, size_t n, struct tfdc_arena *mem,
                                                struct model_limit_set *ret, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_limit_set_to_json(const struct model_limit_set *s, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_strategy_copy(const struct model_strategy *from, struct tfdc_arena *mem,
                                          struct model_strategy *ret);
TFDC_MUST_USE tfdc_rc model_limit_set_copy(const struct model_limit_set *from, struct tfdc_arena *mem,
                                           struct model_limit_set *ret);

/* YAML with line and column in every error ("line 7 column 5: charts[2].eq: ..."). Several documents in one file, each
 * with an id of its own; at least one. At most 1 MB. Unknown keys are errors that name the nearest key; anchors,
 * aliases and tags are refused. One text may stand for a list of one. Errors: YAML (syntax), DEFINITION (content),
 * LIMIT, SCHEMA, NOMEM. */
TFDC_MUST_USE tfdc_rc model_strategies_from_yaml(const char *text, size_t n, struct tfdc_arena *mem,
                                                 struct model_strategy **ret, size_t *ret_n, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_limit_sets_from_yaml(const char *text, size_t n, struct tfdc_arena *mem,
                                                 struct model_limit_set **ret, size_t *ret_n, struct tfdc_error *err);

/* YAML as a person would write it, which the readers take back to the same record. NOMEM, LIMIT (out's own). */
TFDC_MUST_USE tfdc_rc model_strategy_to_yaml(const struct model_strategy *s, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_limit_set_to_yaml(const struct model_limit_set *s, struct tfdc_buf *out);

/* A document of what `tfdc apply` takes: a strategy or a limit set, and where in the text its parts stand (from 1). */
struct model_place {
  size_t line, column;
};
struct model_definition {
  enum model_def_kind kind;
  struct model_strategy strategy; /* of kind MODEL_DEF_STRATEGY */
  struct model_limit_set limits;  /* of kind MODEL_DEF_LIMITS */
  struct model_place at;
  const struct model_place *eqs, *rules; /* of each chart's equation; of each rule */
};
static inline const char *model_definition_id(const struct model_definition *d) {
  return d->kind == MODEL_DEF_STRATEGY ? d->strategy.id : d->limits.id;
}
/* Documents of both kinds mixed; an id once of each kind. At most 16 MiB, else as above. */
TFDC_MUST_USE tfdc_rc model_definitions_from_yaml(const char *text, size_t n, struct tfdc_arena *mem,
                                                  struct model_definition **ret, size_t *ret_n, struct tfdc_error *err);

/* Does the strategy judge this run? All of its lists must have a match (an empty list has one); what is not known of
 * the run is "". A pattern for chambers that has a ':' is matched with "tool:chamber". */
bool model_strategy_selects(const struct model_strategy *s, const struct model_context *c);
/* Partition text of the run: the values of the fields joined by '|'; unknown fields give "". Where there are several
 * fields, '|' and '\\' in a value get a '\\' in front. Text longer than 256 bytes is cut and ends in '#' and the
 * XXH3-64 of the whole as hex digits. NULL when out of memory. */
const char *model_strategy_partition(const struct model_strategy *s, const struct model_context *c,
                                     struct tfdc_arena *mem);

#endif
