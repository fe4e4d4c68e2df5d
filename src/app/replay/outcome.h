/* SPDX-License-Identifier: Apache-2.0
 * What became of the runs of a replay, asked of the HTTP API; and limits for runs that no strategy selects. */
#ifndef APP_REPLAY_OUTCOME_H
#define APP_REPLAY_OUTCOME_H

#include "app/client.h"
#include "app/replay/plan.h"

#include <jansson.h>

enum { OUTCOME_FIRST_RUNS = 25, OUTCOME_GOOD_RUNS_MAX = 1000 }; /* that are learned from, of a chamber and recipe */

struct outcome_run; /* of a plan_run: its `user` after the file was read */
struct outcome {
  struct plan *plan;
  struct client *client;
  struct outcome_run *runs; /* owned; in the plan's order */
  struct tfdc_map by_id;
  int64_t from_us, to_us; /* order times of all runs: from <= t < to */
  /* after outcome_wait: */
  uint64_t verdicts[MODEL_NOT_JUDGED + 1], reasons[MODEL_REASON_UNDEFINED + 1];
  uint64_t not_selected;          /* judged, but no strategy selects them */
  uint64_t judged_again, waiting; /* waiting: without a verdict */
  uint64_t charts, charts_judged; /* U points of all runs */
  uint64_t good, good_alarmed, other, other_alarmed;
};

/* NOMEM. plan and client must outlive it. */
TFDC_MUST_USE tfdc_rc outcome_init(struct outcome *o, struct plan *plan, struct client *client, struct tfdc_error *err);
void outcome_deinit(struct outcome *o);
/* Until every run has its verdict, or `again` > 0: until so many have a newer judgement than at the last call. Gives
 * up, with o->waiting > 0, when nothing has changed for a minute. Progress on stderr. Errors of the client. */
TFDC_MUST_USE tfdc_rc outcome_wait(struct outcome *o, uint64_t again, struct tfdc_error *err);
/* Learns limits for the runs that no strategy selects, from those that the map calls good, else from the first 25 of
 * each chamber and recipe, and has all runs of the replay judged again. *ret_result: of POST /api/v1/learn, the
 * caller's. LEARN: too few runs; errors of the client. */
TFDC_MUST_USE tfdc_rc outcome_learn(struct outcome *o, const struct replay_map *map, json_t **ret_result,
                                    struct tfdc_error *err);
/* Alarm episodes of the replay's chambers and times. */
TFDC_MUST_USE tfdc_rc outcome_count_alarms(struct outcome *o, uint64_t *ret, struct tfdc_error *err);

#endif
