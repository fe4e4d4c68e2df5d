/* SPDX-License-Identifier: Apache-2.0
 * The parts of learning. Internal to core/learn*. */
#ifndef CORE_LEARN_PRIV_H
#define CORE_LEARN_PRIV_H

#include "core/learn.h"

/* Is there a step that all values of a sensor are multiples of, seen from the first of them? */
struct learn_grid {
  double first, last, step, magnitude; /* step 0: only one value so far */
  double reach;                        /* farthest from the first */
  size_t n, changes;                   /* values; how many differ from the one before */
  bool off;                            /* the values are on no grid */
};
void learn_grid_add(struct learn_grid *g, const double *v, size_t n);
double learn_grid_step(const struct learn_grid *g); /* 0 = not known */

struct learn_sensor {
  const char *name, *unit;
  double rate_hz, resolution;
  bool everywhere; /* in the dictionary of every chamber */
  struct learn_grid grid;
};
/* A step of the recipe, or the whole run. */
struct learn_step {
  bool is_run, by_name;
  const char *name;
  uint32_t number;
  const char *label;  /* part of chart ids */
  const char *window; /* text in equations */
  double span_s;      /* median */
};
enum learn_stat {
  LEARN_MEAN,
  LEARN_STD,
  LEARN_MIN,
  LEARN_MAX,
  LEARN_SLOPE,
  LEARN_RANGE,
  LEARN_MEDIAN,
  LEARN_SPAN,
  LEARN_COUNT,
  LEARN_KEPT
};
/* Of a step: all of it, what follows the settling, the settling. */
enum learn_part { LEARN_WHOLE, LEARN_SETTLED, LEARN_HEAD };

struct learn_chart {
  struct model_chart def;
  enum learn_stat stat;
  enum learn_part part;
  uint8_t tier; /* the higher, the sooner left out */
  size_t sensor, step;
  bool dropped;
  const char *left_out; /* why dropped, when people want to know */
  double n_sum;         /* samples behind its values */
  size_t n_good;
  const char *complete_eq; /* the same for complete windows; NULL: nobody knows when one is */
  double loss;             /* sum of squares of what lost samples change */
  size_t n_loss;
};

struct learn {
  const struct learn_options *options;
  const struct learn_run *runs;
  size_t n_runs;
  struct tfdc_arena mem, scratch;
  double alpha;
  struct learn_sensor *sensors;
  size_t n_sensors;
  struct learn_step *steps;
  size_t n_steps;
  struct learn_chart *charts;
  size_t n_charts, cap_charts;
  const struct eq_program **programs; /* one for each chart */
  const struct eq_program **complete; /* of complete_eq, or NULL */
  struct chunk_names names;
  double *values;    /* n_runs x n_charts */
  bool *is_complete; /* the same: the window was, where anybody knows */
  bool *there;       /* n_runs: the trace was read */
  size_t n_bad_traces;
  /* cells: a chamber of a partition */
  const char **partitions; /* sorted */
  size_t n_partitions;
  struct model_key *chambers; /* sorted */
  size_t n_chambers;
  size_t *partition_of, *chamber_of; /* n_runs */
};

/* learn_plan.c */
TFDC_MUST_USE tfdc_rc learn_plan_cells(struct learn *l);
TFDC_MUST_USE tfdc_rc learn_plan_charts(struct learn *l, struct tfdc_error *err);
struct learn_sensor *learn_find_sensor(const struct learn *l, const char *name); /* or NULL */
/* learn_names.c */
/* A name as equations write it: bare or in backquotes. */
const char *learn_quote_svid(struct tfdc_arena *mem, const char *name);
const char *learn_quote_step(struct tfdc_arena *mem, const char *name);
const char *learn_text(struct tfdc_arena *mem, const char *fmt, ...) TFDC_PRINTF(2, 3);
/* learn_loss.c: charts that lost samples move are judged on complete windows only */
/* "mean(Press in run)" with the arguments that ask for every sample of a sensor of this rate. */
const char *learn_complete_eq(struct tfdc_arena *mem, const char *call, double rate_hz);
/* After the run's values. */
TFDC_MUST_USE tfdc_rc learn_look_at_loss(struct learn *l, size_t run, const struct eq_run *data);
/* After the chart's resolution. scratch: n_runs; last: one for each cell. */
void learn_heed_loss(struct learn *l, size_t chart, double *scratch, size_t *last);
/* learn_choose.c: which of the tried charts the strategy has, and the resolution of each. */
TFDC_MUST_USE tfdc_rc learn_choose(struct learn *l);
static inline double learn_value(const struct learn *l, size_t run, size_t chart) {
  return l->values[run * l->n_charts + chart];
}
/* learn_fit.c */
TFDC_MUST_USE tfdc_rc learn_fit(struct learn *l, struct learn_result *ret, struct tfdc_error *err);

#endif
