/* SPDX-License-Identifier: Apache-2.0
 * The handlers of the routes in api_routes.c, and the object behind them. Internal to run/api*. */
#ifndef RUN_API_HANDLERS_H
#define RUN_API_HANDLERS_H

#include "run/api_call.h"

#include <pthread.h>

struct api_jobs;
TFDC_MUST_USE tfdc_rc api_jobs_create(struct api_jobs **ret);
void api_jobs_destroy(struct api_jobs *jobs); /* tells all to stop and waits; NULL ok */

struct api {
  struct http_handler handler; /* first */
  struct api_options options;
  struct api_jobs *jobs;   /* owned */
  pthread_mutex_t publish; /* one POST of definitions at a time: versions count up */
};

tfdc_rc api_get_metrics(struct api_call *c);
tfdc_rc api_get_live(struct api_call *c);
tfdc_rc api_get_ready(struct api_call *c);
tfdc_rc api_get_status(struct api_call *c);
tfdc_rc api_get_chambers(struct api_call *c);
tfdc_rc api_get_runs(struct api_call *c);
tfdc_rc api_get_run(struct api_call *c);
tfdc_rc api_get_alarms(struct api_call *c);
tfdc_rc api_get_charts(struct api_call *c);
tfdc_rc api_get_trace(struct api_call *c);
tfdc_rc api_get_definitions(struct api_call *c);
tfdc_rc api_post_definitions(struct api_call *c);
tfdc_rc api_post_run_rejudge(struct api_call *c);
tfdc_rc api_post_rejudge(struct api_call *c);
tfdc_rc api_get_job(struct api_call *c);

#endif
