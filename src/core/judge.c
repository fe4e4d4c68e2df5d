/* SPDX-License-Identifier: Apache-2.0 */
#include "core/judge.h"

#include "base/map.h"
#include "base/sm.h"
#include "model/codec.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STRAY = 2, MAX_STRAY_OF = 256 };

enum step {
  QUEUED,
  LOADING,
  NOTING,
  TRACE,
  HISTORY,
  COMPUTING,
  STORING,
  ALARMING,
  WRITING,
  DYING,
  ACKING,
  OVER,
  N_STEPS
};
static const struct tfdc_sm_state steps[N_STEPS] = {
    [QUEUED] = {"QUEUED", TFDC_SM_TO(LOADING) | TFDC_SM_TO(OVER)},
    [LOADING] = {"LOADING", TFDC_SM_TO(NOTING) | TFDC_SM_TO(TRACE) | TFDC_SM_TO(HISTORY) | TFDC_SM_TO(WRITING) |
                                TFDC_SM_TO(ACKING)},
    [NOTING] = {"NOTING", TFDC_SM_TO(TRACE) | TFDC_SM_TO(HISTORY)},
    [TRACE] = {"TRACE", TFDC_SM_TO(HISTORY)},
    [HISTORY] = {"HISTORY", TFDC_SM_TO(COMPUTING)},
    [COMPUTING] = {"COMPUTING", TFDC_SM_TO(STORING)},
    [STORING] = {"STORING", TFDC_SM_TO(ALARMING)},
    [ALARMING] = {"ALARMING", TFDC_SM_TO(WRITING)},
    [WRITING] = {"WRITING", TFDC_SM_TO(ACKING) | TFDC_SM_TO(DYING)},
    [DYING] = {"DYING", TFDC_SM_TO(OVER)},
    [ACKING] = {"ACKING", TFDC_SM_TO(OVER)},
    [OVER] = {"OVER", 0},
};

struct job {
  struct job *next; /* of its chamber, in run order */
  struct tfdc_sm step;
  uint64_t id, token;
  uint32_t deliveries, attempts;
  struct tfdc_arena mem;
  struct model_completion completion;
  const struct model_context *context;
  const struct model_chamber *chamber;
  struct catalog *catalog;    /* referenced */
  struct verdict_pick *picks; /* in mem */
  size_t n_picks;
  struct verdict_input input;
  struct verdict_output *output;
  struct model_run_verdict verdict;
  size_t index; /* of the record or alarm that is next */
  bool in_flight, reread, dead;
  uint32_t failures;
  tfdc_mono retry, began, step_began, progress;
};
struct chamber {
  struct job *head; /* the one under way, then those that wait */
};
struct cached {
  struct tfdc_id128 key;
  struct programs *programs;
};

struct judge {
  struct judge_options options;
  char defender[65];
  struct catalog *catalog;
  struct tfdc_map chambers, jobs, programs;
  uint64_t last_job;
  size_t load;
  struct judge_action *actions;
  size_t n_actions, cap_actions;
  tfdc_mono now, deadline;
  tfdc_wall wall;
  bool stopping;
};

void judge_options_default(struct judge_options *o) {
  *o = (struct judge_options){
      .progress = tfdc_seconds(10), .max_attempts = 3, .max_bytes = (size_t)256 << 20, .defender = "defender-0"};
}

tfdc_rc judge_create(const struct judge_options *options, struct judge **ret) {
  struct judge *j = calloc(1, sizeof *j);
  if (j == NULL) return TFDC_E_NOMEM;
  j->options = *options;
  size_t n = strlen(options->defender);
  memcpy(j->defender, options->defender, n < sizeof j->defender ? n : sizeof j->defender - 1);
  j->deadline.us = TFDC_NEVER;
  *ret = j;
  return TFDC_OK;
}

static void free_job(struct job *job) {
  catalog_unref(job->catalog);
  for (size_t i = 0; i < job->n_picks; i++) programs_unref(job->picks[i].programs);
  tfdc_arena_deinit(&job->mem);
  free(job);
}

static void drop_programs(struct judge *j) {
  size_t at = 0;
  for (struct cached *c = tfdc_map_next(&j->programs, &at); c != NULL; c = tfdc_map_next(&j->programs, &at)) {
    programs_unref(c->programs);
    free(c);
  }
  tfdc_map_deinit(&j->programs);
}

void judge_destroy(struct judge *j) {
  if (j == NULL) return;
  size_t at = 0;
  for (struct job *job = tfdc_map_next(&j->jobs, &at); job != NULL; job = tfdc_map_next(&j->jobs, &at)) free_job(job);
  at = 0;
  for (struct chamber *c = tfdc_map_next(&j->chambers, &at); c != NULL; c = tfdc_map_next(&j->chambers, &at)) free(c);
  drop_programs(j);
  tfdc_map_deinit(&j->chambers);
  tfdc_map_deinit(&j->jobs);
  catalog_unref(j->catalog);
  free(j->actions);
  free(j);
}

const struct judge_action *judge_actions(const struct judge *j, size_t *ret_n) {
  *ret_n = j->n_actions;
  return j->actions;
}

tfdc_mono judge_deadline(const struct judge *j) { return j->deadline; }
size_t judge_load(const struct judge *j) { return j->load; }

/* ---- actions ---- */

static struct judge_action *act(struct judge *j, enum judge_action_kind kind) {
  if (j->n_actions == j->cap_actions) {
    size_t cap = j->cap_actions == 0 ? 64 : j->cap_actions * 2;
    struct judge_action *bigger = realloc(j->actions, cap * sizeof *bigger);
    TFDC_ASSERT(bigger != NULL); /* nothing judged is lost: the message comes again to the next process */
    j->actions = bigger;
    j->cap_actions = cap;
  }
  struct judge_action *a = &j->actions[j->n_actions++];
  *a = (struct judge_action){.kind = kind};
  return a;
}

static void count(struct judge *j, enum judge_count which, const char *label, double by) {
  struct judge_action *a = act(j, JUDGE_COUNT);
  a->count = which;
  a->label = label;
  a->by = by;
}

static void observe(struct judge *j, enum judge_count which, int64_t us) {
  struct judge_action *a = act(j, JUDGE_OBSERVE);
  a->count = which;
  a->by = (double)us / 1e6;
}

static void want(struct judge *j, tfdc_mono at) {
  if (at.us < j->deadline.us) j->deadline = at;
}

static struct judge_action *start(struct judge *j, struct job *job, enum judge_action_kind kind) {
  job->in_flight = true;
  struct judge_action *a = act(j, kind);
  a->job = job->id;
  a->token = job->token;
  a->completion = &job->completion;
  a->context = job->context;
  return a;
}

/* ---- what a job does next ---- */

static struct programs *cached_programs(struct judge *j, struct tfdc_id128 key) {
  struct cached *c = tfdc_map_get(&j->programs, key);
  return c != NULL ? c->programs : NULL;
}

static void keep_programs(struct judge *j, struct tfdc_id128 key, struct programs *p) {
  if (tfdc_map_get(&j->programs, key) != NULL) return;
  struct cached *c = calloc(1, sizeof *c);
  if (c == NULL) return;
  *c = (struct cached){key, p};
  if (tfdc_map_put(&j->programs, key, c) != TFDC_OK) {
    free(c);
    return;
  }
  programs_ref(p);
}

/* All that select the run, however many: a strategy left out would be a silent pass. */
static struct catalog_pick *select_all(struct judge *j, struct job *job, size_t *ret_n) {
  for (size_t cap = 16;; cap *= 4) {
    struct catalog_pick *found = tfdc_arena_array(&job->mem, cap, sizeof *found);
    if (found == NULL) return NULL;
    *ret_n = j->catalog != NULL ? catalog_select(j->catalog, job->context, found, cap) : 0;
    if (*ret_n < cap) return found;
  }
}

static bool pick_strategies(struct judge *j, struct job *job) {
  size_t n = 0;
  struct catalog_pick *found = select_all(j, job, &n);
  job->picks = tfdc_arena_array(&job->mem, n, sizeof *job->picks);
  if (found == NULL || job->picks == NULL) return false;
  job->catalog = j->catalog;
  if (job->catalog != NULL) catalog_ref(job->catalog);
  for (size_t i = 0; i < n; i++) {
    struct verdict_pick *p = &job->picks[job->n_picks];
    *p = (struct verdict_pick){.from = found[i]};
    p->partition = model_strategy_partition(found[i].strategy, job->context, &job->mem);
    if (p->partition == NULL) return false;
    p->programs = cached_programs(j, programs_key(found[i].strategy->id, found[i].version, job->chamber));
    if (p->programs != NULL) programs_ref(p->programs);
    job->n_picks++;
  }
  return true;
}

static void start_compute(struct judge *j, struct job *job) {
  job->input.context = job->context;
  job->input.chamber = job->chamber;
  job->input.picks = job->picks;
  job->input.n_picks = job->n_picks;
  job->input.judgement = job->completion.judgement;
  job->input.max_bytes = j->options.max_bytes;
  job->input.now = j->wall;
  job->input.defender = j->defender;
  struct judge_action *a = start(j, job, JUDGE_COMPUTE);
  a->input = &job->input;
  a->alone = job->deliveries > 1;
}

static void start_step(struct judge *j, struct job *job) {
  job->step_began = j->now;
  struct judge_action *a;
  switch ((enum step)job->step.state) {
  case LOADING:
    a = start(j, job, JUDGE_LOAD);
    a->attempts = job->deliveries > 1;
    break;
  case NOTING:
    a = start(j, job, JUDGE_NOTE_ATTEMPT);
    a->attempts = job->attempts + 1;
    break;
  case TRACE: (void)start(j, job, JUDGE_TRACE); break;
  case HISTORY:
    a = start(j, job, JUDGE_HISTORY);
    a->picks = job->picks;
    a->n_picks = job->n_picks;
    break;
  case COMPUTING: start_compute(j, job); break;
  case STORING:
    a = start(j, job, JUDGE_STORE);
    a->record = &job->output->records[job->index];
    break;
  case ALARMING:
    a = start(j, job, JUDGE_ALARM);
    a->alarm = &job->output->alarms[job->index];
    break;
  case WRITING:
    a = start(j, job, JUDGE_WRITE);
    a->verdict = &job->verdict;
    break;
  case DYING:
    a = start(j, job, JUDGE_DEAD_LETTER);
    a->reason = "gave up after repeated attempts, each of which ended the process or failed by the run's content";
    break;
  case ACKING: (void)start(j, job, JUDGE_ACK); break;
  default: break;
  }
}

static void go(struct judge *j, struct job *job, enum step to) {
  tfdc_sm_move(&job->step, (int)to);
  job->index = 0;
  job->failures = 0;
  (void)j;
}

/* Steps without anything to do are passed. */
static void pass_empty(struct judge *j, struct job *job) {
  if (job->step.state == HISTORY && job->n_picks == 0) go(j, job, COMPUTING);
  if (job->step.state == STORING && job->index == job->output->n_records) go(j, job, ALARMING);
  if (job->step.state == ALARMING && job->index == job->output->n_alarms) go(j, job, WRITING);
}

/* ---- what came back ---- */

static void write_nothing(struct judge *j, struct job *job, enum model_reason reason) {
  job->verdict = verdict_of_nothing(&job->completion, reason, j->wall, j->defender);
  go(j, job, WRITING);
}

static bool judged_already(const struct job *job, const struct model_run_verdict *v) {
  if (v == NULL || v->reason == MODEL_REASON_DEAD_LETTER) return false;
  return v->revision > job->completion.revision ||
         (v->revision == job->completion.revision && v->judgement >= job->completion.judgement);
}

static void after_attempts(struct judge *j, struct job *job) {
  if (job->context->chunk_count == 0)
    go(j, job, HISTORY);
  else
    go(j, job, TRACE);
}

static void loaded(struct judge *j, struct job *job, const struct judge_event *e) {
  if (judged_already(job, e->verdict) || (e->context != NULL && e->context->revision > job->completion.revision)) {
    count(j, JUDGE_N_SKIPPED, NULL, 1);
    go(j, job, ACKING);
    return;
  }
  job->attempts = e->attempts;
  if (job->deliveries > 1 && job->attempts + 1 >= j->options.max_attempts) {
    job->dead = true;
    count(j, JUDGE_N_DEAD, NULL, 1);
    write_nothing(j, job, MODEL_REASON_DEAD_LETTER);
    return;
  }
  if (e->context == NULL || e->context->revision < job->completion.revision) {
    write_nothing(j, job, MODEL_REASON_TRACE_EXPIRED); /* the row is gone: older than its retention */
    return;
  }
  job->context = e->context;
  job->chamber = e->chamber;
  if (!pick_strategies(j, job)) {
    write_nothing(j, job, MODEL_REASON_TOO_LARGE);
    return;
  }
  if (job->deliveries > 1)
    go(j, job, NOTING);
  else
    after_attempts(j, job);
}

/* Fills the list without those two (or one, or none) and says whether they are what the row counts. */
static bool is_counted(const struct job *job, const struct judge_event *e, size_t without, size_t and_without,
                       uint64_t *sums) {
  size_t n = 0;
  for (size_t i = 0; i < e->n_chunks; i++)
    if (i != without && i != and_without) sums[n++] = e->chunks[i].checksum;
  return n == job->context->chunk_count && model_chunk_digest(sums, n) == job->context->chunk_digest;
}

/* The chunks of the revision: all that there are, by count and digest. A collector that lost the run's hub to another
 * one may have stored a chunk or two after the close, which the row does not count: they are left out. */
static bool complete(struct job *job, const struct judge_event *e, size_t *without, size_t *and_without) {
  uint64_t *sums = tfdc_arena_array(&job->mem, e->n_chunks, sizeof *sums);
  size_t n = e->n_chunks, stray = n - job->context->chunk_count;
  *without = *and_without = SIZE_MAX;
  if (sums == NULL || n < job->context->chunk_count || stray > MAX_STRAY || (stray > 0 && n > MAX_STRAY_OF))
    return false;
  if (stray == 0) return is_counted(job, e, SIZE_MAX, SIZE_MAX, sums);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = stray == 1 ? i : i + 1; k < (stray == 1 ? i + 1 : n); k++) {
      if (!is_counted(job, e, i, k, sums)) continue;
      *without = i;
      *and_without = k;
      return true;
    }
  }
  return false;
}

static void traced(struct judge *j, struct job *job, const struct judge_event *e) {
  struct chunk_blob *blobs = tfdc_arena_array(&job->mem, e->n_chunks, sizeof *blobs);
  size_t without, and_without, n = 0;
  bool whole = complete(job, e, &without, &and_without);
  if (!whole && !job->reread) { /* one more, stronger read */
    job->reread = true;
    return;
  }
  if (blobs == NULL)
    job->input.trace = MODEL_REASON_TOO_LARGE;
  else if (e->rc == TFDC_E_LIMIT)
    job->input.trace = MODEL_REASON_TOO_LARGE;
  else if (!whole)
    job->input.trace = e->n_chunks == 0 ? MODEL_REASON_TRACE_EXPIRED : MODEL_REASON_PARTIAL;
  for (size_t i = 0; blobs != NULL && i < e->n_chunks; i++)
    if (i != without && i != and_without)
      blobs[n++] = (struct chunk_blob){e->chunks[i].blob, e->chunks[i].blob_n, e->chunks[i].checksum};
  job->input.chunks = blobs;
  job->input.n_chunks = n;
  go(j, job, HISTORY);
}

static void recalled(struct judge *j, struct job *job, const struct judge_event *e) {
  for (size_t i = 0; i < job->n_picks; i++) {
    job->picks[i].prev = e->history[i].prev;
    job->picks[i].old = e->history[i].old;
    job->picks[i].later = e->history[i].later;
    job->input.late |= e->history[i].later;
  }
  go(j, job, COMPUTING);
}

static void count_output(struct judge *j, const struct verdict_output *out) {
  double verdicts[MODEL_NOT_JUDGED + 1] = {0}, reasons[MODEL_REASON_UNDEFINED + 1] = {0};
  for (size_t i = 0; i < out->n_records; i++) {
    for (size_t k = 0; k < out->records[i].n_points; k++) {
      verdicts[out->records[i].points[k].verdict]++;
      reasons[out->records[i].points[k].reason]++;
    }
  }
  for (int v = 0; v <= MODEL_NOT_JUDGED; v++)
    if (verdicts[v] > 0) count(j, JUDGE_N_POINTS, model_verdict_name((enum model_verdict)v), verdicts[v]);
  for (int r = 1; r <= MODEL_REASON_UNDEFINED; r++)
    if (reasons[r] > 0) count(j, JUDGE_N_NOT_JUDGED, model_reason_name((enum model_reason)r), reasons[r]);
}

static void computed(struct judge *j, struct job *job, const struct judge_event *e) {
  job->output = e->output;
  job->verdict = e->output->verdict;
  for (size_t i = 0; i < e->output->n_records; i++) {
    if (e->output->programs[i] == NULL) continue;
    const struct catalog_pick *from = &job->picks[i].from;
    keep_programs(j, programs_key(from->strategy->id, from->version, job->chamber), e->output->programs[i]);
  }
  count_output(j, e->output);
  go(j, job, STORING);
}

static void written(struct judge *j, struct job *job) {
  count(j, JUDGE_N_JUDGED, model_verdict_name(job->verdict.verdict), 1);
  if (job->verdict.verdict == MODEL_NOT_JUDGED)
    count(j, JUDGE_N_RUNS_NOT_JUDGED, model_reason_name(job->verdict.reason), 1);
  if (job->verdict.late) count(j, JUDGE_N_LATE, NULL, 1);
  if (job->context == NULL || !job->context->historical)
    observe(j, JUDGE_T_LATENCY, j->wall.us - job->completion.timestamp_us);
  observe(j, JUDGE_T_TOTAL, j->now.us - job->began.us);
  go(j, job, job->dead ? DYING : ACKING);
}

static void observe_step(struct judge *j, const struct job *job) {
  static const enum judge_count stages[N_STEPS] = {
      [TRACE] = JUDGE_T_FETCH,    [HISTORY] = JUDGE_T_HISTORY, [COMPUTING] = JUDGE_T_COMPUTE, [STORING] = JUDGE_T_STORE,
      [ALARMING] = JUDGE_T_ALARM, [WRITING] = JUDGE_T_VERDICT, [ACKING] = JUDGE_T_ACK};
  enum judge_count stage = stages[job->step.state];
  if (stage != JUDGE_N_RECEIVED) observe(j, stage, j->now.us - job->step_began.us);
}

static void step_done(struct judge *j, struct job *job, const struct judge_event *e) {
  observe_step(j, job);
  switch ((enum step)job->step.state) {
  case LOADING: loaded(j, job, e); break;
  case NOTING: after_attempts(j, job); break;
  case TRACE: traced(j, job, e); break;
  case HISTORY: recalled(j, job, e); break;
  case COMPUTING: computed(j, job, e); break;
  case STORING: job->index++; break;
  case ALARMING:
    count(j, JUDGE_N_ALARMS, job->output->alarms[job->index].reason, 1);
    job->index++;
    break;
  case WRITING: written(j, job); break;
  case DYING:
  case ACKING: go(j, job, OVER); break;
  default: break;
  }
}

/* Failures that are answers: the delivery is no longer ours, the traces are too large. */
static bool is_answer(const struct job *job, tfdc_rc rc) {
  if (rc == TFDC_OK) return true;
  if (job->step.state == ACKING || job->step.state == DYING) return rc == TFDC_E_NOT_FOUND;
  if (job->step.state == TRACE) return rc == TFDC_E_LIMIT;
  return false;
}

static void done(struct judge *j, struct job *job, const struct judge_event *e) {
  job->in_flight = false;
  if (is_answer(job, e->rc)) {
    step_done(j, job, e);
    return;
  }
  count(j, JUDGE_N_RETRIES, tfdc_rc_label(e->rc), 1);
  uint32_t shift = job->failures < 6 ? job->failures : 6;
  job->failures++;
  job->retry.us = j->now.us + (INT64_C(50000) << shift);
  want(j, job->retry);
}

/* ---- chambers ---- */

static struct tfdc_id128 key_id(struct model_key key) {
  char text[2 * 65 + 1];
  size_t tool = strlen(key.tool), chamber = strlen(key.chamber);
  TFDC_ASSERT(tool <= 64 && chamber <= 64);
  memcpy(text, key.tool, tool);
  text[tool] = ':';
  memcpy(text + tool + 1, key.chamber, chamber);
  return tfdc_xxh3_128(text, tool + 1 + chamber);
}

static void forget(struct judge *j, struct chamber *c, struct job *job) {
  struct judge_action *a = act(j, JUDGE_FORGET);
  a->job = job->id;
  struct tfdc_id128 key = key_id(job->completion.key);
  c->head = job->next;
  tfdc_map_remove(&j->jobs, (struct tfdc_id128){0, job->id});
  free_job(job);
  j->load--;
  if (c->head != NULL) return;
  tfdc_map_remove(&j->chambers, key);
  free(c);
}

static void advance(struct judge *j, struct chamber *c) {
  while (c->head != NULL) {
    struct job *job = c->head;
    if (job->in_flight) return;
    if (job->step.state == OVER) {
      bool last = job->next == NULL;
      forget(j, c, job);
      if (last) return;
      continue;
    }
    if (job->retry.us > j->now.us) {
      want(j, job->retry);
      return;
    }
    if (job->step.state == QUEUED) {
      if (j->stopping) return;
      job->began = j->now;
      go(j, job, LOADING);
    }
    pass_empty(j, job);
    start_step(j, job);
  }
}

/* In run order behind the one under way. */
static void enqueue(struct chamber *c, struct job *job) {
  struct job **at = &c->head;
  while (*at != NULL) {
    const struct model_completion *a = &(*at)->completion, *b = &job->completion;
    if ((*at)->step.state == QUEUED && model_run_order(b->order_us, b->context_id, a->order_us, a->context_id) < 0)
      break;
    at = &(*at)->next;
  }
  job->next = *at;
  *at = job;
}

static tfdc_rc copy_completion(struct job *job, const struct model_completion *m) {
  job->completion = *m;
  job->completion.key.tool = tfdc_arena_strdup(&job->mem, m->key.tool);
  job->completion.key.chamber = tfdc_arena_strdup(&job->mem, m->key.chamber);
  if (m->recipe_id != NULL) job->completion.recipe_id = tfdc_arena_strdup(&job->mem, m->recipe_id);
  bool ok = job->completion.key.tool != NULL && job->completion.key.chamber != NULL;
  return ok ? TFDC_OK : TFDC_E_NOMEM;
}

/* A delivery that finds no memory is left alone: the queue delivers it again. */
static void delivered(struct judge *j, const struct judge_event *e) {
  if (j->stopping) return;
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL) return;
  job->id = ++j->last_job;
  tfdc_sm_init(&job->step, steps, N_STEPS, QUEUED);
  struct tfdc_id128 key = key_id(e->completion->key), id = {0, job->id};
  struct chamber *c = tfdc_map_get(&j->chambers, key), *fresh = NULL;
  if (c == NULL) c = fresh = calloc(1, sizeof *c);
  bool ok = c != NULL && copy_completion(job, e->completion) == TFDC_OK && tfdc_map_put(&j->jobs, id, job) == TFDC_OK;
  if (ok && fresh != NULL && tfdc_map_put(&j->chambers, key, fresh) != TFDC_OK) {
    tfdc_map_remove(&j->jobs, id);
    ok = false;
  }
  if (!ok) {
    free(fresh);
    free_job(job);
    return;
  }
  job->token = e->token;
  job->deliveries = e->deliveries;
  job->progress = tfdc_mono_add(j->now, j->options.progress);
  want(j, job->progress);
  j->load++;
  count(j, JUDGE_N_RECEIVED, NULL, 1);
  enqueue(c, job);
  advance(j, c);
}

static void tick(struct judge *j) {
  j->deadline.us = TFDC_NEVER;
  size_t at = 0;
  for (struct job *job = tfdc_map_next(&j->jobs, &at); job != NULL; job = tfdc_map_next(&j->jobs, &at)) {
    if (job->progress.us <= j->now.us) {
      act(j, JUDGE_PROGRESS)->token = job->token;
      job->progress = tfdc_mono_add(j->now, j->options.progress);
    }
    want(j, job->progress);
  }
  /* a chamber may go while it advances: collect first */
  size_t n = 0, cap = j->chambers.n;
  struct chamber **list = calloc(cap + 1, sizeof *list);
  if (list == NULL) return;
  at = 0;
  for (struct chamber *c = tfdc_map_next(&j->chambers, &at); c != NULL; c = tfdc_map_next(&j->chambers, &at))
    list[n++] = c;
  for (size_t i = 0; i < n; i++) advance(j, list[i]);
  free(list);
}

static void new_catalog(struct judge *j, struct catalog *c) {
  if (c != NULL) catalog_ref(c);
  catalog_unref(j->catalog);
  j->catalog = c;
  drop_programs(j);
}

void judge_step(struct judge *j, const struct judge_event *e) {
  j->n_actions = 0;
  j->now = e->now;
  j->wall = e->wall;
  switch (e->kind) {
  case JUDGE_DELIVERED: delivered(j, e); break;
  case JUDGE_CATALOG: new_catalog(j, e->catalog); break;
  case JUDGE_TICK: tick(j); break;
  case JUDGE_DONE: {
    struct job *job = tfdc_map_get(&j->jobs, (struct tfdc_id128){0, e->job});
    TFDC_ASSERT(job != NULL && job->in_flight);
    done(j, job, e);
    struct chamber *c = tfdc_map_get(&j->chambers, key_id(job->completion.key));
    advance(j, c);
    break;
  }
  }
}

bool judge_stop(struct judge *j) {
  j->stopping = true;
  size_t at = 0, busy = 0;
  for (struct job *job = tfdc_map_next(&j->jobs, &at); job != NULL; job = tfdc_map_next(&j->jobs, &at))
    busy += job->step.state != QUEUED;
  return busy == 0;
}
