/* SPDX-License-Identifier: Apache-2.0
 * Runs that are judged again on purpose, by the definitions that are in the store now. Internal to run/api*. */
#ifndef RUN_API_REJUDGE_H
#define RUN_API_REJUDGE_H

#include "run/api_call.h"
#include "run/api_job.h"

struct rejudge {
  const struct api *api;
  struct api_job *job;                                       /* hears of the progress; NULL ok */
  const struct store_filter *filter;                         /* of its runs the closed ones; borrowed */
  bool (*wanted)(void *user, const struct model_context *c); /* NULL = all of them */
  void *user;
};
struct rejudge_result {
  uint64_t published;
  uint64_t without_trace; /* runs that keep their verdict, since their trace is no longer there */
};
/* Publishes the completions of the runs in run order, once the defender has heard of the newest definitions. They all
 * get one judgement, above every one that these runs have, so that none is late after another; also a run whose first
 * judgement is under way by older definitions gets it. UNAVAILABLE: this process cannot publish; CANCELLED: the
 * process stops. */
TFDC_MUST_USE tfdc_rc rejudge_runs(const struct rejudge *r, struct rejudge_result *ret, struct tfdc_error *err);
/* One closed run. CONFLICT: it is open. NOT_FOUND: its trace is no longer kept. */
TFDC_MUST_USE tfdc_rc rejudge_run(const struct api *api, const struct model_context *c, uint32_t *ret_judgement,
                                  struct tfdc_error *err);

#endif
