/* SPDX-License-Identifier: Apache-2.0
 * Jobs of the HTTP API: what takes longer than a request may. Each runs on a thread of its own, at most 4 at once;
 * finished ones are kept for an hour, at most 64 jobs in all. GET /api/v1/jobs/ID tells how far one is. */
#ifndef RUN_API_JOB_H
#define RUN_API_JOB_H

#include "base/cursor.h"
#include "base/hash.h"
#include "run/api.h"

struct api_job;

/* The work. On success it has written one JSON object ("{...}") to api_job_result(); on failure err says why, and what
 * it wrote is dropped. It calls api_job_progress() at least once a second and returns CANCELLED when that says stop. */
typedef tfdc_rc api_job_fn(struct api_job *j, void *arg, struct tfdc_error *err);

/* Starts fn(job, arg). what: a plural noun for progress ("runs"), static. free_arg (NULL ok) frees arg when the job is
 * over, and also when it could not be started. Any thread. BUSY: 4 jobs run already; CLOSED, NOMEM, IO. */
TFDC_MUST_USE tfdc_rc api_job_start(struct api *a, const char *what, api_job_fn *fn, void *arg,
                                    void (*free_arg)(void *), struct tfdc_id128 *ret_id, struct tfdc_error *err);

/* The rest is for fn, on the job's thread. */
/* done of total (total 0 = not known yet). False: the process stops; give up soon. */
TFDC_MUST_USE bool api_job_progress(struct api_job *j, uint64_t done, uint64_t total);
/* Where the result's JSON object goes; at most 4 MiB, then the job fails with LIMIT. */
struct tfdc_buf *api_job_result(struct api_job *j);
struct api *api_job_api(struct api_job *j);

#endif
