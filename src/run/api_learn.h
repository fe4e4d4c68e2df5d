/* SPDX-License-Identifier: Apache-2.0
 * POST /api/v1/learn: charts and limits from good runs, as a job. docs/learning.md says how.
 *
 * Which runs: closed ones, not aborted, whose traces are still there, that the filters take.
 *   tool, chamber, recipe    globs
 *   from, to                 order time, us
 *   tool_type                exact; none = every one, each with strategies of its own
 *   good                     ids of the good runs (the hub's run id or the context id), separated by commas or white
 *                            space; a long list may be the body instead. None: the first runs_per_group (25; 3..1000)
 *                            runs of each chamber and recipe
 * What is made:
 *   strategy                 id. None: one for each tool type and recipe, "auto-<tool type>-<recipe>", since recipes
 *                            have steps of their own. Given: one for all runs, which must be of one tool type
 *   charts                   auto: charts are made | keep: those of the existing strategy, which must be given
 *   charts_max               of auto (1000)
 *   partition                context fields that split the limits (recipe_id), separated by commas
 *   alpha                    part of normal runs that may alarm (0.01)
 *   effective_us             order time from which the versions judge; default 0 = all runs
 *   author, comment          of the versions
 *   rejudge                  1: afterwards, all closed runs that the filters take and the strategies select are judged
 *                            again, in order
 * Result: {"strategy","version","limits_version" (of the first), "strategies":[{"strategy","version","limits_version",
 * "tool_type","recipes":[...],"runs","bad_traces","charts","left_out",
 * "left_out_charts":[{"chart","reason"}] (the first 200)}], "groups":[{"strategy","partition","tool_type","n_runs",
 * "chambers","charts","left_out","width","notes":{"skewed":n, ...}}], "skipped":[{"tool_type","recipe","reason"}],
 * "rejudged":n} */
#ifndef RUN_API_LEARN_H
#define RUN_API_LEARN_H

#include "run/api_call.h"

#define API_LEARN_PARAMS                                                                                               \
  "tool chamber recipe from to tool_type good runs_per_group strategy charts charts_max partition alpha effective_us " \
  "author comment rejudge"
tfdc_rc api_post_learn(struct api_call *c);

#endif
