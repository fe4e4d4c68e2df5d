/* SPDX-License-Identifier: Apache-2.0
 *
 * Each worker has some of the tools, with a hub for each, and a loop of its own under the hubs. It always sends what is
 * next in the tools' time. Worker 0 is the caller's thread. At a speed there is only that one, which waits between
 * blocks. */
#include "app/sim/feed.h"

#include "adapter/grpc/hub_client_grpc.h"
#include "adapter/posix/clock_posix.h"
#include "app/cli.h"
#include "run/feeder.h"
#include "run/loop_uv.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 16, WINDOW = 4, BLOCK_POINTS = 16384, FAST_BLOCK_S = 10, WAIT_S = 600 };

struct source { /* a chamber */
  size_t chamber;
  struct hub *hub;
  int64_t number;  /* of the run that is open, or comes next */
  int64_t next_us; /* tool time at which there is something to send */
  bool open;
  uint64_t handle;
  struct sim_run run;
  struct sim_trace trace;
  size_t at[SIM_RATES]; /* samples sent */
  size_t steps;         /* step starts and ends sent: 2 a step */
};
struct hub { /* a tool */
  struct feeder *feeder;
  struct hub_client *client;
  uint64_t sent[WINDOW]; /* runs whose end is on its way */
  size_t n_sent;
};
struct feed;
struct worker {
  struct feed *feed;
  pthread_t thread;
  struct loop_uv *loop;
  struct hub *hubs;
  size_t n_hubs;
  struct source *sources;
  size_t n_sources;
  tfdc_rc rc;
  struct tfdc_error err;
};
struct feed {
  const struct sim_fab *fab;
  const struct sim_faults *faults;
  const struct sim_feed_options *o;
  struct port_clock clock;
  int64_t block_us;
  int64_t begin_us, tool_begin_us; /* the same moment on the wall clock and on the tools' */
  double total;                    /* runs */
  struct cli_progress progress;
  struct worker workers[THREADS_MAX];
  size_t n_workers;
  atomic_uint_fast64_t runs, points, rejects, digest;
  atomic_bool stop; /* a signal, or a worker has failed */
};

static bool is_live(const struct sim_feed_options *o) { return fabs(o->speed - 1) < 1e-9; }

/* ---- one run ---- */

static uint64_t digest_of(const struct sim_fab *f, const struct source *s) {
  uint64_t h[2] = {s->run.chamber * UINT64_C(1000003) + (uint64_t)s->run.number, 0};
  for (size_t g = 0; g < SIM_RATES; g++) {
    h[1] = tfdc_xxh3_64(s->trace.t_us[g], s->trace.n[g] * sizeof(int64_t));
    h[0] = tfdc_xxh3_64(h, sizeof h);
  }
  const struct sim_type *type = sim_type_of(f, s->run.chamber);
  for (size_t i = 0; i < (size_t)f->o.svids; i++) {
    h[1] = tfdc_xxh3_64(s->trace.v[i], s->trace.n[type->sensors[i].rate] * sizeof(double));
    h[0] = tfdc_xxh3_64(h, sizeof h);
  }
  return h[0];
}

static tfdc_rc open_run(struct worker *w, struct source *s) {
  const struct sim_fab *f = w->feed->fab;
  const struct sim_type *type = sim_type_of(f, s->chamber);
  struct sim_effect effect;
  const struct sim_fault *fault = sim_fault_of(f, w->feed->faults, &s->run, &effect);
  const struct sim_effect *e = fault != NULL && fault->kind != SIM_LOST_STEP ? &effect : NULL;
  if (sim_trace_make(f, &s->run, e, &s->trace) != TFDC_OK) return tfdc_fail(&w->err, TFDC_E_NOMEM, "trace");
  char run_id[32], lot[48], wafer[64];
  sim_run_id(&s->run, run_id);
  (void)snprintf(lot, sizeof lot, "L%zu-%05lld", s->chamber + 1, (long long)(s->run.number / SIM_LOT + 1));
  (void)snprintf(wafer, sizeof wafer, "%s.%02lld", lot, (long long)(s->run.number % SIM_LOT + 1));
  struct model_context c = {.key = f->chambers[s->chamber].model.key,
                            .tool_type = type->name,
                            .run_id = run_id,
                            .start_us = s->run.start_us,
                            .recipe_id = type->recipes[s->run.recipe].id,
                            .lot_id = lot,
                            .substrate_id = wafer,
                            .slot = (int32_t)(s->run.number % SIM_LOT + 1),
                            .runs_since_pm = s->run.number,
                            .wafers_since_clean = -1,
                            .rf_hours = (double)NAN,
                            .first_wafer_of_lot = s->run.number % SIM_LOT == 0};
  c.end_us = c.received_us = c.stored_us = c.order_us = MODEL_NO_TIME;
  TFDC_TRY(feeder_start(s->hub->feeder, &c, &s->handle, &w->err));
  memset(s->at, 0, sizeof s->at);
  s->steps = 0;
  s->open = true;
  atomic_fetch_add(&w->feed->digest, digest_of(f, s));
  return TFDC_OK;
}

static int64_t tool_us(const struct source *s, double seconds) {
  return s->run.start_us + (int64_t)(seconds * 1e6 + 0.5);
}

/* Starts and ends of steps before until_us. A lost step has neither. */
static tfdc_rc send_steps(struct worker *w, struct source *s, int64_t until_us) {
  const struct sim_recipe *recipe = &sim_type_of(w->feed->fab, s->chamber)->recipes[s->run.recipe];
  for (; s->steps < 2 * recipe->n_steps; s->steps++) {
    size_t k = s->steps / 2;
    bool ends = s->steps % 2 == 1;
    int64_t start_us = tool_us(s, s->run.begin_s[k]), end_us = tool_us(s, s->run.begin_s[k + 1]);
    if ((ends ? end_us : start_us) > until_us) return TFDC_OK;
    if (k == s->run.lost_step) continue;
    const struct model_step step = {.number = (uint32_t)k + 1,
                                    .occurrence = 1,
                                    .name = recipe->steps[k].name,
                                    .start_us = start_us,
                                    .end_us = ends ? end_us : MODEL_NO_TIME};
    const struct model_hub_msg m = {.kind = MODEL_HUB_STEP, .step = &step};
    TFDC_TRY(feeder_send(s->hub->feeder, s->handle, &m, &w->err));
  }
  return TFDC_OK;
}

/* What is to be sent of each rate: samples [at, to). */
static size_t window_of(const struct source *s, int64_t until_us, size_t to[SIM_RATES]) {
  size_t samples = 0;
  for (size_t g = 0; g < SIM_RATES; g++) {
    to[g] = s->at[g];
    while (to[g] < s->trace.n[g] && s->trace.t_us[g][to[g]] < until_us) to[g]++;
    samples += to[g] - s->at[g];
  }
  return samples;
}

static struct model_block *make_block(const struct sim_fab *f, const struct source *s, const size_t to[SIM_RATES],
                                      size_t times) {
  const struct sim_type *type = sim_type_of(f, s->chamber);
  size_t columns = 0, points = 0;
  for (size_t i = 0; i < (size_t)f->o.svids; i++) {
    size_t g = type->sensors[i].rate, n = to[g] - s->at[g];
    columns += n > 0;
    points += n;
  }
  struct model_column *column;
  int64_t *t;
  double *v;
  struct model_block *b = model_block_create(columns, times, points, &column, &t, &v);
  if (b == NULL) return NULL;
  b->points = points;
  const int64_t *times_of[SIM_RATES];
  for (size_t g = 0; g < SIM_RATES; g++) {
    size_t n = to[g] - s->at[g];
    if (n > 0) memcpy(t, s->trace.t_us[g] + s->at[g], n * sizeof *t);
    times_of[g] = t;
    t += n;
  }
  for (size_t i = 0; i < (size_t)f->o.svids; i++) {
    size_t g = type->sensors[i].rate, n = to[g] - s->at[g];
    if (n == 0) continue;
    memcpy(v, s->trace.v[i] + s->at[g], n * sizeof *v);
    *column++ = (struct model_column){
        .svid = type->sensors[i].svid.number, .name = type->sensors[i].name, .n = n, .t_us = times_of[g], .v = v};
    v += n;
  }
  return b;
}

static tfdc_rc send_block(struct worker *w, struct source *s, int64_t until_us) {
  size_t to[SIM_RATES], times = window_of(s, until_us, to);
  if (times == 0) return TFDC_OK;
  const struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK, .block = make_block(w->feed->fab, s, to, times)};
  if (m.block == NULL) return tfdc_fail(&w->err, TFDC_E_NOMEM, "block");
  atomic_fetch_add(&w->feed->points, m.block->points);
  memcpy(s->at, to, sizeof to);
  return feeder_send(s->hub->feeder, s->handle, &m, &w->err);
}

/* Waits for the oldest run whose end is not acked. */
static tfdc_rc wait_oldest(struct worker *w, struct hub *h) {
  struct feeder_result result;
  TFDC_TRY(feeder_wait(h->feeder, h->sent[0], tfdc_seconds(WAIT_S), &result, &w->err));
  memmove(h->sent, h->sent + 1, --h->n_sent * sizeof *h->sent);
  atomic_fetch_add(&w->feed->rejects, result.rejects);
  if (!result.ended) return tfdc_fail(&w->err, result.reject_code, "a run was rejected: %s", result.reject_text);
  atomic_fetch_add(&w->feed->runs, 1);
  return TFDC_OK;
}

static tfdc_rc end_run(struct worker *w, struct source *s, bool abort) {
  size_t n_steps = sim_type_of(w->feed->fab, s->chamber)->recipes[s->run.recipe].n_steps;
  const struct model_hub_msg m = {.kind = MODEL_HUB_RUN_END,
                                  .end_us = abort ? s->next_us : tool_us(s, s->run.begin_s[n_steps]),
                                  .end_reason = abort ? MODEL_END_ABORT : MODEL_END_COMPLETE};
  TFDC_TRY(feeder_send(s->hub->feeder, s->handle, &m, &w->err));
  s->open = false;
  if (s->hub->n_sent == WINDOW) TFDC_TRY(wait_oldest(w, s->hub));
  s->hub->sent[s->hub->n_sent++] = s->handle;
  return TFDC_OK;
}

/* ---- a worker ---- */

/* Plans the source's next run, if it has one. */
static void next_run(const struct feed *d, struct source *s) {
  s->next_us = INT64_MAX;
  if (s->number >= d->o->to) return;
  sim_run_plan(d->fab, s->chamber, s->number, &s->run);
  s->next_us = s->run.start_us;
}

static tfdc_rc advance(struct worker *w, struct source *s) {
  struct feed *d = w->feed;
  if (!s->open) {
    TFDC_TRY(open_run(w, s));
    s->next_us += d->block_us;
    return send_steps(w, s, s->run.start_us);
  }
  size_t n_steps = sim_type_of(d->fab, s->chamber)->recipes[s->run.recipe].n_steps;
  int64_t end_us = tool_us(s, s->run.begin_s[n_steps]), until_us = s->next_us;
  TFDC_TRY(send_steps(w, s, until_us));
  TFDC_TRY(send_block(w, s, until_us));
  s->next_us += d->block_us;
  if (until_us < end_us) return TFDC_OK;
  TFDC_TRY(end_run(w, s, false));
  s->number++;
  next_run(d, s);
  return TFDC_OK;
}

static struct source *first_due(struct worker *w) {
  struct source *first = NULL;
  for (size_t i = 0; i < w->n_sources; i++)
    if (w->sources[i].next_us < INT64_MAX && (first == NULL || w->sources[i].next_us < first->next_us))
      first = &w->sources[i];
  return first;
}

/* At a speed: waits until it is due_us at the tool. A signal stops the feed. */
static void wait_until(struct feed *d, int64_t due_us) {
  sigset_t wanted;
  (void)sigemptyset(&wanted);
  (void)sigaddset(&wanted, SIGTERM);
  (void)sigaddset(&wanted, SIGINT);
  int64_t wall_us = d->begin_us + (int64_t)((double)(due_us - d->tool_begin_us) / d->o->speed);
  int64_t left_us = wall_us - port_wall(&d->clock).us;
  if (left_us < 0) left_us = 0;
  const struct timespec left = {.tv_sec = (time_t)(left_us / TFDC_US_PER_S),
                                .tv_nsec = (long)(left_us % TFDC_US_PER_S) * 1000};
  if (sigtimedwait(&wanted, NULL, &left) > 0) atomic_store(&d->stop, true);
}

static tfdc_rc send_all(struct worker *w) {
  struct feed *d = w->feed;
  for (struct source *s; (s = first_due(w)) != NULL;) {
    if (d->o->speed > 0) wait_until(d, s->next_us);
    if (atomic_load(&d->stop)) break;
    TFDC_TRY(advance(w, s));
    if (w == d->workers) cli_progress_update(&d->progress, (double)atomic_load(&d->runs), d->total);
  }
  for (size_t i = 0; i < w->n_sources; i++)
    if (w->sources[i].open) TFDC_TRY(end_run(w, &w->sources[i], true));
  for (size_t i = 0; i < w->n_hubs; i++)
    while (w->hubs[i].n_sent > 0) TFDC_TRY(wait_oldest(w, &w->hubs[i]));
  return TFDC_OK;
}

static tfdc_rc open_hub(struct worker *w, struct hub *h, size_t tool) {
  const struct sim_fab *f = w->feed->fab;
  const struct sim_feed_options *o = w->feed->o;
  size_t n = (size_t)f->o.chambers;
  struct model_chamber chambers[SIM_CHAMBERS_MAX];
  for (size_t i = 0; i < n; i++) chambers[i] = f->chambers[tool * n + i].model;
  const struct feeder_options options = {.hub = chambers[0].key.tool,
                                         .historical = !is_live(o),
                                         .chambers = chambers,
                                         .n_chambers = n,
                                         .patience = {(int64_t)(o->patience_s * 1e6)}};
  TFDC_TRY(feeder_create(&options, loop_uv_port(w->loop), &h->feeder, &w->err));
  struct hub_client_grpc_options grpc = HUB_CLIENT_GRPC_DEFAULTS;
  grpc.address = o->hub;
  grpc.tls_ca = o->tls_ca;
  grpc.tls_cert = o->tls_cert;
  grpc.tls_key = o->tls_key;
  TFDC_TRY(hub_client_grpc_create(&grpc, loop_uv_port(w->loop), feeder_events(), h->feeder, &h->client, &w->err));
  feeder_set_client(h->feeder, h->client);
  return TFDC_OK;
}

/* The worker's share of the tools: every n_workers-th. */
static tfdc_rc open_hubs(struct worker *w, size_t first) {
  struct feed *d = w->feed;
  size_t tools = (size_t)d->fab->o.tools, per_tool = (size_t)d->fab->o.chambers;
  w->hubs = calloc(tools + 1, sizeof *w->hubs);
  w->sources = calloc(tools * per_tool + 1, sizeof *w->sources);
  if (w->hubs == NULL || w->sources == NULL) return tfdc_fail(&w->err, TFDC_E_NOMEM, "hubs");
  TFDC_TRY(loop_uv_start(&d->clock, "sim", &w->loop, &w->err));
  for (size_t tool = first; tool < tools; tool += d->n_workers) {
    struct hub *h = &w->hubs[w->n_hubs++];
    TFDC_TRY(open_hub(w, h, tool));
    for (size_t i = 0; i < per_tool; i++) {
      struct source *s = &w->sources[w->n_sources++];
      *s = (struct source){.chamber = tool * per_tool + i, .hub = h, .number = d->o->from};
      next_run(d, s);
    }
  }
  return TFDC_OK;
}

static void close_hubs(struct worker *w) {
  for (size_t i = 0; i < w->n_hubs; i++) feeder_destroy(w->hubs[i].feeder);
  for (size_t i = 0; i < w->n_sources; i++) sim_trace_deinit(&w->sources[i].trace);
  loop_uv_stop(w->loop);
  free(w->hubs);
  free(w->sources);
}

static void *work(void *arg) {
  struct worker *w = arg;
  w->rc = open_hubs(w, (size_t)(w - w->feed->workers));
  if (w->rc == TFDC_OK) w->rc = send_all(w);
  if (w->rc != TFDC_OK) atomic_store(&w->feed->stop, true);
  close_hubs(w);
  return NULL;
}

/* ---- all of it ---- */

/* The first run to send begins now; live, also on the tools' clock. */
static void set_begin(struct feed *d, struct sim_fab *f) {
  d->begin_us = port_wall(&d->clock).us;
  d->tool_begin_us = INT64_MAX;
  for (size_t i = 0; i < f->n_chambers; i++) {
    struct sim_run r;
    sim_run_plan(f, i, d->o->from, &r);
    if (r.start_us < d->tool_begin_us) d->tool_begin_us = r.start_us;
  }
  if (!is_live(d->o)) return;
  f->o.begin_us += d->begin_us - d->tool_begin_us;
  d->tool_begin_us = d->begin_us;
}

static void run_workers(struct feed *d) {
  size_t started = 1;
  for (; started < d->n_workers; started++) {
    struct worker *w = &d->workers[started];
    if (pthread_create(&w->thread, NULL, work, w) == 0) continue;
    w->rc = tfdc_fail(&w->err, TFDC_E_IO, "the system refuses another thread");
    atomic_store(&d->stop, true);
    break;
  }
  (void)work(&d->workers[0]);
  for (size_t i = 1; i < started; i++) (void)pthread_join(d->workers[i].thread, NULL);
}

tfdc_rc sim_feed(struct sim_fab *f, const struct sim_faults *faults, const struct sim_feed_options *o,
                 struct sim_feed_result *ret, struct tfdc_error *err) {
  struct feed *d = calloc(1, sizeof *d);
  if (d == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "feed");
  *d = (struct feed){.fab = f, .faults = faults, .o = o, .n_workers = 1};
  double block_s = o->speed > 0 ? fmin(fmax(1, o->speed / 10), FAST_BLOCK_S) : FAST_BLOCK_S;
  d->block_us = (int64_t)(fmin(block_s, BLOCK_POINTS / (f->o.rate_hz * (double)f->o.svids)) * 1e6) + 1;
  d->total = (double)(o->to - o->from) * (double)f->n_chambers;
  if (o->speed <= 0) d->n_workers = (size_t)(o->threads < f->o.tools ? o->threads : f->o.tools);
  if (d->n_workers > THREADS_MAX) d->n_workers = THREADS_MAX;
  for (size_t i = 0; i < d->n_workers; i++) d->workers[i].feed = d;
  sigset_t mine, before;
  (void)sigemptyset(&mine);
  if (o->speed > 0) (void)sigaddset(&mine, SIGINT), (void)sigaddset(&mine, SIGTERM);
  (void)pthread_sigmask(SIG_BLOCK, &mine, &before);
  clock_posix_init(&d->clock);
  set_begin(d, f);
  int64_t began_us = port_mono(&d->clock).us;
  cli_progress_begin(&d->progress, "runs");
  run_workers(d);
  cli_progress_end(&d->progress);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  tfdc_rc rc = TFDC_OK;
  for (size_t i = 0; i < d->n_workers && rc == TFDC_OK; i++)
    if (d->workers[i].rc != TFDC_OK) {
      rc = d->workers[i].rc;
      *err = d->workers[i].err;
    }
  *ret = (struct sim_feed_result){.runs = atomic_load(&d->runs),
                                  .points = atomic_load(&d->points),
                                  .rejects = atomic_load(&d->rejects),
                                  .digest = atomic_load(&d->digest),
                                  .seconds = (double)(port_mono(&d->clock).us - began_us) / 1e6,
                                  .stopped = atomic_load(&d->stop)};
  free(d);
  return rc;
}
