/* SPDX-License-Identifier: Apache-2.0 */
#include "run/api_job.h"

#include "run/api_handlers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { JOBS_MAX = 64, RUNNING_MAX = 4, RESULT_MAX = 4 << 20 };
#define KEEP_US (3600 * TFDC_US_PER_S)

enum state { RUNNING, DONE, FAILED };

struct api_job {
  struct api *api; /* constant */
  struct tfdc_id128 id;
  const char *what;
  api_job_fn *fn;
  void *arg;
  void (*free_arg)(void *);
  pthread_t thread;
  struct tfdc_buf result; /* the job's thread until it is over */
  /* jobs' lock */
  enum state state;
  uint64_t done, total;
  int64_t ended_us;
  struct tfdc_error err;
};
struct api_jobs {
  pthread_mutex_t lock;
  atomic_bool stopping;
  /* lock */
  struct api_job *items[JOBS_MAX]; /* oldest first */
  size_t n;
  uint64_t started;
};

tfdc_rc api_jobs_create(struct api_jobs **ret) {
  struct api_jobs *jobs = calloc(1, sizeof *jobs);
  if (jobs == NULL) return TFDC_E_NOMEM;
  (void)pthread_mutex_init(&jobs->lock, NULL);
  *ret = jobs;
  return TFDC_OK;
}

static void free_job(struct api_job *j) {
  if (j->free_arg != NULL) j->free_arg(j->arg);
  tfdc_buf_deinit(&j->result);
  free(j);
}

void api_jobs_destroy(struct api_jobs *jobs) {
  if (jobs == NULL) return;
  atomic_store(&jobs->stopping, true);
  for (size_t i = 0; i < jobs->n; i++) {
    (void)pthread_join(jobs->items[i]->thread, NULL);
    free_job(jobs->items[i]);
  }
  (void)pthread_mutex_destroy(&jobs->lock);
  free(jobs);
}

/* ---- the job's thread ---- */

bool api_job_progress(struct api_job *j, uint64_t done, uint64_t total) {
  struct api_jobs *jobs = j->api->jobs;
  (void)pthread_mutex_lock(&jobs->lock);
  j->done = done;
  j->total = total;
  (void)pthread_mutex_unlock(&jobs->lock);
  return !atomic_load(&jobs->stopping);
}

struct tfdc_buf *api_job_result(struct api_job *j) {
  return &j->result;
}
struct api *api_job_api(struct api_job *j) {
  return j->api;
}

static void *run_job(void *arg) {
  struct api_job *j = arg;
  struct tfdc_error err = {0};
  tfdc_rc rc = j->fn(j, j->arg, &err);
  if (rc == TFDC_OK) rc = tfdc_buf_status(&j->result);
  if (rc != TFDC_OK && err.code != rc) (void)tfdc_fail(&err, rc, "%s", tfdc_rc_text(rc));
  struct api_jobs *jobs = j->api->jobs;
  (void)pthread_mutex_lock(&jobs->lock);
  j->state = rc == TFDC_OK ? DONE : FAILED;
  j->err = err;
  j->ended_us = port_mono(j->api->options.clock).us;
  (void)pthread_mutex_unlock(&jobs->lock);
  return NULL;
}

/* ---- starting ---- */

static void drop(struct api_jobs *jobs, size_t at) {
  (void)pthread_join(jobs->items[at]->thread, NULL); /* it is over */
  free_job(jobs->items[at]);
  jobs->n--;
  for (size_t i = at; i < jobs->n; i++) jobs->items[i] = jobs->items[i + 1];
}

/* Forgets what ended an hour ago and, where there is no room, the oldest that ended. */
static void make_room(struct api_jobs *jobs, int64_t now_us) {
  for (size_t i = jobs->n; i-- > 0;)
    if (jobs->items[i]->state != RUNNING && now_us - jobs->items[i]->ended_us > KEEP_US) drop(jobs, i);
  for (size_t i = 0; i < jobs->n && jobs->n == JOBS_MAX; i++)
    if (jobs->items[i]->state != RUNNING) drop(jobs, i);
}

static size_t count_running(const struct api_jobs *jobs) {
  size_t n = 0;
  for (size_t i = 0; i < jobs->n; i++) n += jobs->items[i]->state == RUNNING;
  return n;
}

/* Under the lock. */
static tfdc_rc start(struct api_jobs *jobs, struct api_job *j, struct tfdc_error *err) {
  struct port_clock *clock = j->api->options.clock;
  if (atomic_load(&jobs->stopping)) return tfdc_fail(err, TFDC_E_CLOSED, "the process stops");
  make_room(jobs, port_mono(clock).us);
  if (count_running(jobs) >= RUNNING_MAX)
    return tfdc_fail(err, TFDC_E_BUSY, "%d jobs run already; try again when one is over", RUNNING_MAX);
  int64_t seed[4] = {port_wall(clock).us, port_mono(clock).us, (int64_t)++jobs->started, (int64_t)(intptr_t)j};
  j->id = tfdc_xxh3_128(seed, sizeof seed);
  if (pthread_create(&j->thread, NULL, run_job, j) != 0) return tfdc_fail(err, TFDC_E_IO, "no thread for a job");
  jobs->items[jobs->n++] = j;
  return TFDC_OK;
}

tfdc_rc api_job_start(struct api *a, const char *what, api_job_fn *fn, void *arg, void (*free_arg)(void *),
                      struct tfdc_id128 *ret_id, struct tfdc_error *err) {
  struct api_job *j = calloc(1, sizeof *j);
  if (j == NULL) {
    if (free_arg != NULL) free_arg(arg);
    return tfdc_fail(err, TFDC_E_NOMEM, "job");
  }
  *j = (struct api_job){.api = a, .what = what, .fn = fn, .arg = arg, .free_arg = free_arg};
  j->result.limit = RESULT_MAX;
  (void)pthread_mutex_lock(&a->jobs->lock);
  tfdc_rc rc = start(a->jobs, j, err);
  if (rc == TFDC_OK) *ret_id = j->id;
  (void)pthread_mutex_unlock(&a->jobs->lock);
  if (rc != TFDC_OK) free_job(j);
  return rc;
}

/* ---- asking ---- */

void api_put_job(struct api_call *c, struct tfdc_id128 job) {
  struct model_json j = model_json_on(&c->ret->body);
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_id(&j, "job", job);
  model_json_close(&j, '}');
}

/* Under the lock. */
static void put_state(struct tfdc_buf *out, const struct api_job *job) {
  static const char *const names[] = {"running", "done", "failed"};
  struct model_json j = model_json_on(out);
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_id(&j, "job", job->id);
  model_json_text(&j, "state", names[job->state]);
  model_json_u64(&j, "done", job->done);
  model_json_u64(&j, "total", job->total);
  model_json_text(&j, "what", job->what);
  if (job->state == DONE && job->result.size > 0) {
    model_json_key(&j, "result");
    tfdc_put(out, job->result.data, job->result.size);
  } else {
    model_json_null(&j, "result");
  }
  if (job->state == FAILED)
    model_json_error(&j, job->err.code, &job->err);
  else
    model_json_null(&j, "error");
  model_json_close(&j, '}');
}

tfdc_rc api_get_job(struct api_call *c) {
  struct tfdc_id128 id;
  TFDC_TRY(api_param_id(c, &id));
  struct api_jobs *jobs = c->api->jobs;
  bool found = false;
  (void)pthread_mutex_lock(&jobs->lock);
  for (size_t i = 0; i < jobs->n && !found; i++) {
    found = tfdc_id128_eq(jobs->items[i]->id, id);
    if (found) put_state(&c->ret->body, jobs->items[i]);
  }
  (void)pthread_mutex_unlock(&jobs->lock);
  if (found) return TFDC_OK;
  return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "no job %s: jobs are kept for an hour, and not over a restart", c->id);
}
