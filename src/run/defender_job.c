/* SPDX-License-Identifier: Apache-2.0
 * The requests of one job: loads, traces, history, compute, writes, acks. */
#include "run/defender_priv.h"

#include "model/codec.h"
#include "model/metric_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_PAGE_BYTES ((size_t)8 << 20)
#define ATTEMPTS_TTL_US  (INT64_C(7) * 86400 * TFDC_US_PER_S)

static struct djob *job_of(struct dshard *s, const struct judge_action *a) {
  struct tfdc_id128 key = {0, a->job};
  struct djob *job = tfdc_map_get(&s->jobs, key);
  if (job != NULL) return job;
  job = calloc(1, sizeof *job);
  TFDC_ASSERT(job != NULL && tfdc_map_put(&s->jobs, key, job) == TFDC_OK);
  job->shard = s;
  job->id = a->job;
  job->token = a->token;
  job->completion = a->completion;
  return job;
}

/* Requests made since that one. */
static void free_reqs(struct djob *job, const struct job_req *since) {
  while (job->reqs != since) {
    struct job_req *r = job->reqs;
    job->reqs = r->next;
    port_req_deinit(&r->u.base);
    free(r);
  }
}

void djob_free(struct djob *job) {
  free_reqs(job, NULL);
  verdict_release(&job->output);
  free(job->chunks);
  tfdc_arena_deinit(&job->mem);
  free(job);
}

/* ---- answers ---- */

static void tell(struct djob *job, struct judge_event *e) {
  job->failed = e->rc != TFDC_OK && e->rc != TFDC_E_LIMIT; /* what is over a limit is an answer */
  e->kind = JUDGE_DONE;
  e->job = job->id;
  dshard_step(job->shard, e);
}

static void run_later(struct port_task *t) {
  struct djob *job = (struct djob *)((char *)t - offsetof(struct djob, later));
  struct judge_event e = {.rc = job->rc};
  tell(job, &e);
}

static void fail_later(struct djob *job, tfdc_rc rc) {
  job->rc = rc;
  job->later.fn = run_later;
  port_post(job->shard->loop, &job->later);
}

/* ---- requests ---- */

static struct job_req *new_req(struct djob *job) {
  struct job_req *r = calloc(1, sizeof *r);
  TFDC_ASSERT(r != NULL); /* the machine waits; the message comes again to the next process */
  r->job = job;
  r->next = job->reqs;
  job->reqs = r;
  return r;
}

static struct job_req *new_store_req(struct djob *job, enum store_op op) {
  struct job_req *r = new_req(job);
  store_req_init(&r->u.store, op);
  return r;
}

/* One action may wait for several requests; `all` is called after the last. A refusal is an answer like any other. */
static void begin(struct djob *job) {
  job->waiting = 1;
  job->rc = TFDC_OK;
}

static void submit(struct djob *job, struct port *to, struct job_req *r, void (*done)(struct port_req *)) {
  tfdc_rc rc = port_submit(to, &r->u.base, job->shard->loop, done, r);
  if (rc == TFDC_OK) {
    job->waiting++;
    return;
  }
  r->u.base.rc = rc;
  if (job->rc == TFDC_OK) job->rc = rc;
}

/* Ends the submitting part: true when nothing is in flight, so that the answer must be given later from here. */
static bool all_refused(struct djob *job) {
  if (--job->waiting > 0) return false;
  fail_later(job, job->rc);
  return true;
}

static bool last_answer(struct djob *job, tfdc_rc rc) {
  if (rc != TFDC_OK && job->rc == TFDC_OK) job->rc = rc;
  return --job->waiting == 0;
}

static void on_simple(struct port_req *r) {
  struct djob *job = ((struct job_req *)r->user)->job;
  struct judge_event e = {.rc = r->rc};
  if (last_answer(job, r->rc)) tell(job, &e);
}

static void submit_alone(struct djob *job, struct port *to, struct job_req *r) {
  begin(job);
  submit(job, to, r, on_simple);
  (void)all_refused(job);
}

/* ---- J1: what is known of the run ---- */

static uint32_t attempts_of(const struct job_req *r) {
  if (r == NULL || r->u.kv.base.rc != TFDC_OK || r->u.kv.n_entries != 1) return 0;
  const struct kv_entry *e = &r->u.kv.entries[0];
  uint32_t n = 0;
  for (size_t i = 0; i < e->n && i < 9; i++) {
    char digit = ((const char *)e->value)[i];
    if (digit < '0' || digit > '9') return 0;
    n = n * 10 + (uint32_t)(digit - '0');
  }
  return n;
}

static void on_load(struct port_req *r) {
  struct djob *job = ((struct job_req *)r->user)->job;
  if (!last_answer(job, r->rc == TFDC_E_NOT_FOUND ? TFDC_OK : r->rc)) return;
  struct judge_event e = {.rc = job->rc, .attempts = attempts_of(job->attempts_req)};
  const struct store_req *c = &job->context_req->u.store, *v = &job->verdict_req->u.store;
  const struct store_req *m = &job->chamber_req->u.store;
  if (c->base.rc == TFDC_OK && c->n == 1) e.context = &c->contexts[0];
  if (v->base.rc == TFDC_OK && v->n == 1) e.verdict = &v->verdicts[0];
  if (m->base.rc == TFDC_OK && m->n == 1) e.chamber = &m->chambers[0];
  job->context = e.context;
  tell(job, &e);
}

static void load(struct djob *job, const struct judge_action *a) {
  struct defender *d = job->shard->defender;
  job->context_req = new_store_req(job, STORE_CONTEXT_GET);
  job->context_req->u.store.id = a->completion->context_id;
  job->verdict_req = new_store_req(job, STORE_VERDICT_GET);
  job->verdict_req->u.store.id = a->completion->context_id;
  job->chamber_req = new_store_req(job, STORE_CHAMBER_GET);
  job->chamber_req->u.store.key = a->completion->key;
  begin(job);
  submit(job, d->store, job->context_req, on_load);
  submit(job, d->store, job->verdict_req, on_load);
  submit(job, d->store, job->chamber_req, on_load);
  if (a->attempts > 0) {
    char key[33];
    job->attempts_req = new_req(job);
    kv_req_init(&job->attempts_req->u.kv, KV_GET);
    job->attempts_req->u.kv.bucket = DEFENDER_ATTEMPTS_BUCKET;
    job->attempts_req->u.kv.key = tfdc_arena_strdup(&job->mem, tfdc_id128_format(a->completion->context_id, key));
    submit(job, d->kv, job->attempts_req, on_load);
  }
  (void)all_refused(job);
}

/* ---- J2: the T-chart ---- */

static void trace_page(struct djob *job, const char *cursor);

static bool add_chunks(struct djob *job, const struct store_req *r) {
  if (job->n_chunks + r->n > job->cap_chunks) {
    size_t cap = (job->n_chunks + r->n) * 2;
    struct model_chunk *bigger = realloc(job->chunks, cap * sizeof *bigger);
    if (bigger == NULL) return false;
    job->chunks = bigger;
    job->cap_chunks = cap;
  }
  for (size_t i = 0; i < r->n; i++) {
    job->chunks[job->n_chunks++] = r->chunks[i];
    job->bytes += r->chunks[i].blob_n;
  }
  return true;
}

static void on_page(struct port_req *req) {
  struct job_req *r = req->user;
  struct djob *job = r->job;
  job->waiting = 0;
  tfdc_rc rc = req->rc;
  if (rc == TFDC_OK && !add_chunks(job, &r->u.store)) rc = TFDC_E_NOMEM;
  if (rc == TFDC_OK && job->bytes > job->shard->defender->options.judge.max_bytes) rc = TFDC_E_LIMIT;
  if (rc == TFDC_OK && r->u.store.ret_cursor != NULL) {
    trace_page(job, r->u.store.ret_cursor);
    return;
  }
  struct judge_event e = {.rc = rc, .chunks = job->chunks, .n_chunks = job->n_chunks};
  tell(job, &e);
}

static void trace_page(struct djob *job, const char *cursor) {
  struct job_req *r = new_store_req(job, STORE_CHUNK_GET);
  r->u.store.id = job->context->context_id;
  r->u.store.revision = job->context->revision;
  r->u.store.max_bytes = TRACE_PAGE_BYTES;
  r->u.store.page.limit = 1000;
  r->u.store.page.cursor = cursor;
  begin(job);
  submit(job, job->shard->defender->store, r, on_page);
  (void)all_refused(job);
}

static void trace(struct djob *job) {
  job->n_chunks = 0;
  job->bytes = 0;
  trace_page(job, NULL);
}

/* ---- J3: the rows before it ---- */

static void on_history(struct port_req *req);

static void ask_before(struct djob *job, size_t pick, int64_t order_us, struct tfdc_id128 id) {
  struct job_req *r = new_store_req(job, STORE_U_PREV);
  r->pick = pick;
  r->u.store.u_key.key = job->context->key;
  r->u.store.u_key.chart_set = job->picks[pick].from.strategy->id;
  r->u.store.u_key.partition = job->picks[pick].partition;
  r->u.store.order_us = order_us;
  r->u.store.id = id;
  submit(job, job->shard->defender->store, r, on_history);
}

static void find_old(struct djob *job) {
  const struct store_req *r = job->old_req != NULL ? &job->old_req->u.store : NULL;
  for (size_t i = 0; r != NULL && r->base.rc == TFDC_OK && i < r->n; i++)
    for (size_t k = 0; k < job->n_picks; k++)
      if (strcmp(r->u_records[i].chart_set, job->picks[k].from.strategy->id) == 0)
        job->history[k].old = &r->u_records[i];
}

static void history_answer(struct djob *job, tfdc_rc rc) {
  if (!last_answer(job, rc)) return;
  find_old(job);
  struct judge_event e = {.rc = job->rc, .history = job->history};
  tell(job, &e);
}

static int order_to_run(const struct djob *job, const struct model_u_record *u) {
  return model_run_order(u->order_us, u->context_id, job->context->order_us, job->context->context_id);
}

static void ask_after(struct djob *job, size_t pick, const char *cursor);

static void on_after(struct port_req *req) {
  struct job_req *r = req->user;
  const struct store_req *s = &r->u.store;
  size_t at = 0;
  while (req->rc == TFDC_OK && at < s->n && order_to_run(r->job, &s->u_records[at]) <= 0) at++;
  if (req->rc == TFDC_OK && at < s->n)
    r->job->history[r->pick].later = s->u_records[at].judgement >= r->job->completion->judgement;
  else if (req->rc == TFDC_OK && s->ret_cursor != NULL)
    ask_after(r->job, r->pick, s->ret_cursor);
  history_answer(r->job, req->rc);
}

/* While a chamber is judged again in run order, later runs still have rows of a lower judgement, which do not make a
 * run late, and new runs come in at the end: it is the run right after this one that tells. */
static void ask_after(struct djob *job, size_t pick, const char *cursor) {
  struct job_req *r = new_store_req(job, STORE_U_LIST);
  r->pick = pick;
  r->u.store.u_key.key = job->context->key;
  r->u.store.u_key.chart_set = job->picks[pick].from.strategy->id;
  r->u.store.u_key.partition = job->picks[pick].partition;
  r->u.store.from_us = job->context->order_us;
  r->u.store.to_us = INT64_MAX;
  r->u.store.page.limit = 4;
  r->u.store.page.cursor = cursor;
  submit(job, job->shard->defender->store, r, on_after);
}

static void on_history(struct port_req *req) {
  struct job_req *r = req->user;
  struct djob *job = r->job;
  const struct model_context *c = job->context;
  if (req->rc == TFDC_OK && r != job->old_req && r->u.store.n == 1) {
    const struct model_u_record *u = &r->u.store.u_records[0];
    int order = order_to_run(job, u);
    if (order < 0) {
      job->history[r->pick].prev = u;
    } else { /* the newest row is this run's own, or a later one: look right before the run */
      bool later = order > 0 && u->judgement >= job->completion->judgement;
      job->history[r->pick].later = later;
      ask_before(job, r->pick, c->order_us, c->context_id);
      if (order > 0 && !later) ask_after(job, r->pick, NULL);
    }
  }
  history_answer(job, req->rc == TFDC_E_NOT_FOUND ? TFDC_OK : req->rc);
}

static void history(struct djob *job, const struct judge_action *a) {
  job->picks = a->picks;
  job->n_picks = a->n_picks;
  job->history = tfdc_arena_alloc(&job->mem, (a->n_picks + 1) * sizeof *job->history);
  if (job->history == NULL) {
    fail_later(job, TFDC_E_NOMEM);
    return;
  }
  begin(job);
  struct tfdc_id128 last = {UINT64_MAX, UINT64_MAX};
  for (size_t i = 0; i < a->n_picks; i++) ask_before(job, i, INT64_MAX, last);
  if (job->context->revision > 1 || job->completion->judgement > 1) {
    job->old_req = new_store_req(job, STORE_U_GET);
    job->old_req->u.store.id = job->context->context_id;
    submit(job, job->shard->defender->store, job->old_req, on_history);
  }
  (void)all_refused(job);
}

/* ---- J4: the pool, and its gate for runs that must be alone ---- */

/* Under the lock: lets in whoever may compute now, in order. */
static void open_gate(struct defender *d) {
  while (d->gate_head != NULL && !d->alone && (!d->gate_head->alone || d->computing == 0)) {
    struct djob *job = d->gate_head;
    d->gate_head = job->gate_next;
    if (d->gate_head == NULL) d->gate_tail = NULL;
    d->computing++;
    d->alone = job->alone;
    port_post(job->shard->loop, &job->gate_task);
  }
}

static void enter_gate(struct djob *job, bool alone, void (*then)(struct port_task *t)) {
  struct defender *d = job->shard->defender;
  job->alone = alone;
  job->gate_task.fn = then;
  job->gate_next = NULL;
  pthread_mutex_lock(&d->lock);
  if (d->gate_tail != NULL)
    d->gate_tail->gate_next = job;
  else
    d->gate_head = job;
  d->gate_tail = job;
  open_gate(d);
  pthread_mutex_unlock(&d->lock);
}

static void leave_gate(struct djob *job) {
  struct defender *d = job->shard->defender;
  job->in_gate = false;
  pthread_mutex_lock(&d->lock);
  d->computing--;
  if (job->alone) d->alone = false;
  open_gate(d);
  pthread_mutex_unlock(&d->lock);
}

static void on_noted(struct port_req *r) {
  struct djob *job = ((struct job_req *)r->user)->job;
  job->waiting = 0;
  if (r->rc != TFDC_OK) leave_gate(job);
  struct judge_event e = {.rc = r->rc};
  tell(job, &e);
}

static void put_attempt(struct port_task *t) {
  struct djob *job = (struct djob *)((char *)t - offsetof(struct djob, gate_task));
  char key[33], value[16];
  struct job_req *r = new_req(job);
  job->in_gate = true;
  kv_req_init(&r->u.kv, KV_PUT);
  int n = snprintf(value, sizeof value, "%" PRIu32, job->attempts);
  r->u.kv.bucket = DEFENDER_ATTEMPTS_BUCKET;
  r->u.kv.key = tfdc_arena_strdup(&job->mem, tfdc_id128_format(job->noted, key));
  r->u.kv.value = tfdc_arena_strdup(&job->mem, value);
  r->u.kv.n = (size_t)n;
  r->u.kv.ttl_us = ATTEMPTS_TTL_US;
  begin(job);
  submit(job, job->shard->defender->kv, r, on_noted);
  if (all_refused(job)) leave_gate(job);
}

/* The run is alone from here until it is over, and noted only then: another run that waits for its turn did not end the
 * process when this one does. */
static void note_attempt(struct djob *job, const struct judge_action *a) {
  job->attempts = a->attempts;
  job->noted = a->completion->context_id;
  enter_gate(job, true, put_attempt);
}

static void run_compute(struct port_work *w) {
  struct djob *job = (struct djob *)((char *)w - offsetof(struct djob, work));
  job->rc = verdict_compute(job->input, &job->output);
}

static void on_computed(struct port_work *w) {
  struct djob *job = (struct djob *)((char *)w - offsetof(struct djob, work));
  if (!job->in_gate) leave_gate(job);
  struct judge_event e = {.rc = job->rc, .output = &job->output};
  tell(job, &e);
}

static void enter_pool(struct port_task *t) {
  struct djob *job = (struct djob *)((char *)t - offsetof(struct djob, gate_task));
  job->work = (struct port_work){.run = run_compute, .done = on_computed};
  port_start_work(job->shard->loop, &job->work);
}

static void compute(struct djob *job, const struct judge_action *a) {
  job->input = a->input;
  verdict_release(&job->output);
  if (job->in_gate)
    enter_pool(&job->gate_task);
  else
    enter_gate(job, a->alone, enter_pool);
}

/* ---- J5-J8 ---- */

static void on_alarm_stored(struct port_req *req) {
  struct job_req *r = req->user;
  struct djob *job = r->job;
  job->waiting = 0;
  if (req->rc != TFDC_OK) {
    struct judge_event e = {.rc = req->rc};
    tell(job, &e);
    return;
  }
  struct job_req *publish = new_req(job);
  alarm_req_init(&publish->u.alarm);
  publish->u.alarm.alarm = job->alarm;
  submit_alone(job, job->shard->defender->alarm, publish);
}

static void raise(struct djob *job, const struct judge_action *a) {
  job->alarm = a->alarm;
  struct job_req *r = new_store_req(job, STORE_ALARM_PUT);
  r->u.store.alarm = a->alarm;
  begin(job);
  submit(job, job->shard->defender->store, r, on_alarm_stored);
  (void)all_refused(job);
}

static void store(struct djob *job, const struct judge_action *a) {
  struct job_req *r = new_store_req(job, a->kind == JUDGE_STORE ? STORE_U_PUT : STORE_VERDICT_PUT);
  r->u.store.u = a->record;
  r->u.store.verdict = a->verdict;
  submit_alone(job, job->shard->defender->store, r);
}

static void acknowledge(struct djob *job, const struct judge_action *a) {
  struct job_req *r = new_req(job);
  workqueue_req_init(&r->u.queue, a->kind == JUDGE_ACK ? WORKQUEUE_ACK : WORKQUEUE_DEAD_LETTER);
  r->u.queue.token = job->token;
  r->u.queue.reason = a->reason;
  submit_alone(job, job->shard->defender->workqueue, r);
}

struct record_of_attempts {
  struct kv_req req;
  char key[33];
};

static void on_erased(struct port_req *r) {
  port_req_deinit(r);
  free(r->user);
}

/* The run was judged, so what ended the process before was not the run. If this is lost, the record only counts on. */
static void erase_attempts(const struct djob *job) {
  struct record_of_attempts *e = calloc(1, sizeof *e);
  if (e == NULL) return;
  kv_req_init(&e->req, KV_DELETE);
  e->req.bucket = DEFENDER_ATTEMPTS_BUCKET;
  e->req.key = tfdc_id128_format(job->noted, e->key);
  if (port_submit(job->shard->defender->kv, &e->req.base, job->shard->loop, on_erased, e) != TFDC_OK) free(e);
}

static void forget(struct djob *job) {
  if (job->in_gate) {
    erase_attempts(job);
    leave_gate(job);
  }
  tfdc_map_remove(&job->shard->jobs, (struct tfdc_id128){0, job->id});
  djob_free(job);
}

void djob_perform(struct dshard *s, const struct judge_action *a) {
  struct djob *job = job_of(s, a);
  if (job->failed) free_reqs(job, job->mark); /* a store may be away for hours: a try leaves nothing behind */
  job->failed = false;
  job->mark = job->reqs;
  switch (a->kind) {
  case JUDGE_LOAD: load(job, a); break;
  case JUDGE_NOTE_ATTEMPT: note_attempt(job, a); break;
  case JUDGE_TRACE: trace(job); break;
  case JUDGE_HISTORY: history(job, a); break;
  case JUDGE_COMPUTE: compute(job, a); break;
  case JUDGE_STORE:
  case JUDGE_WRITE: store(job, a); break;
  case JUDGE_ALARM: raise(job, a); break;
  case JUDGE_ACK:
  case JUDGE_DEAD_LETTER: acknowledge(job, a); break;
  case JUDGE_FORGET: forget(job); break;
  default: break;
  }
}
