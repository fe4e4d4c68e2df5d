/* SPDX-License-Identifier: Apache-2.0
 * The job of learning. Internal to run/api_learn*. */
#ifndef RUN_API_LEARN_PRIV_H
#define RUN_API_LEARN_PRIV_H

#include "core/learn.h"
#include "run/api_handlers.h"
#include "run/api_job.h"
#include "run/api_learn.h"

/* What was asked for; lives as long as the job. */
struct learn_ask {
  struct tfdc_arena mem;
  struct store_filter filter;
  const char *tool_type, *strategy, *author, *comment;
  struct model_globs good; /* sorted */
  struct model_globs partition;
  bool keep, rejudge;
  int64_t runs_per_group, charts_max, effective_us;
  double alpha;
};

/* Runs that are learned together: into one strategy. */
struct learn_unit {
  const char *tool_type, *recipe; /* recipe NULL: all */
  struct learn_run *runs;
  size_t n_runs, cap_runs;
};
struct learn_task {
  struct api_job *job;
  const struct api *api;
  const struct learn_ask *ask;
  struct tfdc_arena mem; /* contexts, chambers, results; until the job is over */
  struct learn_unit *units;
  size_t n_units, cap_units;
  const struct model_chamber **chambers;
  size_t n_chambers, cap_chambers;
  size_t n_seen, n_picked, n_no_trace; /* runs */
  uint64_t done;
};

/* api_learn_runs.c */
/* Picks the runs and sorts them into units. LEARN when there is none. */
TFDC_MUST_USE tfdc_rc learn_pick_runs(struct learn_task *t, struct tfdc_error *err);
/* Reads the trace of a run and hands it to l. */
TFDC_MUST_USE tfdc_rc learn_feed_run(struct learn_task *t, struct learn *l, size_t run,
                                     const struct model_context *context, struct tfdc_error *err);

/* What was written of one strategy. */
struct learn_written {
  struct model_strategy strategy;
  uint32_t version, limits_version;
};

#endif
