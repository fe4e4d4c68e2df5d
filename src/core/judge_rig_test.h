/* SPDX-License-Identifier: Apache-2.0
 * For the tests of the judge machine: what it asks for, as a line of text a step, and answers given by the test.
 *
 *   load, load again            the row, verdict and chamber; of a further delivery also the record of attempts
 *   note 2                      the record of attempts is to say 2
 *   trace, history 1, compute   compute alone: nothing else meanwhile
 *   store S1, alarm A1          a record, by its chart set; an alarm, by its id
 *   write OK, write NOT_JUDGED(PARTIAL)
 *   ack, dead, forget           of the job; progress 7: of the token
 *
 * What belongs to a further job than the first has #2 behind. */
#ifndef CORE_JUDGE_RIG_TEST_H
#define CORE_JUDGE_RIG_TEST_H

#include "core/judge.h"
#include "support/cmocka_all.h"

#include "model/codec.h"

#include <stdio.h>
#include <string.h>

enum { RIG_JOBS = 16, RIG_LINE = 2048, RIG_OUT = 4 };

struct rig {
  struct judge *judge;
  struct judge_options options;
  struct catalog *catalog;
  int64_t now;
  char line[RIG_LINE];
  enum judge_action_kind asked[RIG_JOBS]; /* by job: what it waits for; JUDGE_FORGET = nothing */
  const struct verdict_input *input;      /* of the last compute */
  double counts[40];
  /* what the store says */
  struct model_context context;
  struct model_run_verdict verdict;
  bool no_context, judged;
  uint32_t attempts;
  struct model_chunk chunks[8];
  size_t n_chunks;
  /* what computing gives */
  struct model_u_record records[RIG_OUT];
  struct model_alarm alarms[RIG_OUT];
  struct programs *programs[RIG_OUT];
  struct verdict_output out;
};

static inline void rig_note(struct rig *r, const char *text, uint64_t job) {
  size_t n = strlen(r->line);
  char number[32] = "";
  if (job > 1) (void)snprintf(number, sizeof number, "#%llu", (unsigned long long)job);
  (void)snprintf(r->line + n, sizeof r->line - n, "%s%s%s", n > 0 ? "; " : "", text, number);
}

static inline void rig_take(struct rig *r, const struct judge_action *a) {
  char text[128] = "";
  switch (a->kind) {
  case JUDGE_COUNT:
  case JUDGE_OBSERVE: r->counts[a->count] += a->by; return;
  case JUDGE_LOAD: (void)snprintf(text, sizeof text, "load%s", a->attempts > 0 ? " again" : ""); break;
  case JUDGE_NOTE_ATTEMPT: (void)snprintf(text, sizeof text, "note %u", a->attempts); break;
  case JUDGE_TRACE: (void)snprintf(text, sizeof text, "trace"); break;
  case JUDGE_HISTORY: (void)snprintf(text, sizeof text, "history %zu", a->n_picks); break;
  case JUDGE_COMPUTE:
    (void)snprintf(text, sizeof text, "compute%s", a->alone ? " alone" : "");
    r->input = a->input;
    break;
  case JUDGE_STORE: (void)snprintf(text, sizeof text, "store %s", a->record->chart_set); break;
  case JUDGE_ALARM: (void)snprintf(text, sizeof text, "alarm A%u", (unsigned)a->alarm->alarm_id.lo); break;
  case JUDGE_WRITE:
    (void)snprintf(text, sizeof text, "write %s", model_verdict_name(a->verdict->verdict));
    if (a->verdict->verdict == MODEL_NOT_JUDGED)
      (void)snprintf(text, sizeof text, "write NOT_JUDGED(%s)", model_reason_name(a->verdict->reason));
    break;
  case JUDGE_ACK: (void)snprintf(text, sizeof text, "ack"); break;
  case JUDGE_DEAD_LETTER: (void)snprintf(text, sizeof text, "dead"); break;
  case JUDGE_PROGRESS:
    (void)snprintf(text, sizeof text, "progress %llu", (unsigned long long)a->token);
    rig_note(r, text, 0);
    return;
  case JUDGE_FORGET: (void)snprintf(text, sizeof text, "forget"); break;
  }
  assert_true(a->job > 0 && a->job < RIG_JOBS);
  r->asked[a->job] = a->kind;
  rig_note(r, text, a->job);
}

static inline void rig_step(struct rig *r, struct judge_event *e) {
  r->line[0] = '\0';
  e->now.us = r->now;
  e->wall.us = 5000000000 + r->now;
  judge_step(r->judge, e);
  size_t n;
  const struct judge_action *actions = judge_actions(r->judge, &n);
  for (size_t i = 0; i < n; i++) rig_take(r, &actions[i]);
}

#define EXPECT(r, text) assert_string_equal((r)->line, text)

static inline struct model_completion rig_completion(const struct rig *r, const char *chamber, uint32_t number) {
  struct model_completion m = model_completion_of(&r->context, 1);
  m.key.chamber = chamber;
  m.context_id.lo = number;
  m.order_us = number * INT64_C(1000);
  return m;
}

/* The run of that number in chamber A; its token is the number. */
static inline void rig_deliver_to(struct rig *r, const char *chamber, uint32_t number, uint32_t deliveries) {
  struct model_completion m = rig_completion(r, chamber, number);
  rig_step(r,
           &(struct judge_event){.kind = JUDGE_DELIVERED, .token = number, .deliveries = deliveries, .completion = &m});
}
static inline void rig_deliver(struct rig *r, uint32_t number) { rig_deliver_to(r, "A", number, 1); }

/* Answers what the job waits for. */
static inline void rig_answer(struct rig *r, uint64_t job, tfdc_rc rc) {
  static const struct judge_history history[128];
  struct judge_event e = {.kind = JUDGE_DONE, .job = job, .rc = rc};
  if (rc == TFDC_OK && r->asked[job] == JUDGE_LOAD) {
    e.context = r->no_context ? NULL : &r->context;
    e.verdict = r->judged ? &r->verdict : NULL;
    e.attempts = r->attempts;
  }
  if (r->asked[job] == JUDGE_TRACE) {
    e.chunks = r->chunks;
    e.n_chunks = r->n_chunks;
  }
  e.history = history;
  e.output = &r->out;
  r->asked[job] = JUDGE_FORGET;
  rig_step(r, &e);
}
static inline void rig_ok(struct rig *r) { rig_answer(r, 1, TFDC_OK); }
static inline void rig_wait(struct rig *r, int64_t ms) {
  r->now += ms * 1000;
  rig_step(r, &(struct judge_event){.kind = JUDGE_TICK});
}
static inline void rig_next(struct rig *r) {
  tfdc_mono due = judge_deadline(r->judge);
  assert_true(due.us != TFDC_NEVER);
  if (due.us > r->now) r->now = due.us;
  rig_step(r, &(struct judge_event){.kind = JUDGE_TICK});
}

/* `n` strategies that select every run. */
static inline void rig_strategies(struct rig *r, uint32_t n) {
  static const char body[] = "{\"v\":1,\"strategy\":\"%s\",\"charts\":[{\"chart\":\"c\",\"eq\":\"mean(Press)\"}]}";
  struct model_def *defs = calloc(n + 1, sizeof *defs);
  char(*ids)[16] = calloc(n + 1, sizeof *ids), (*bodies)[sizeof body + 16] = calloc(n + 1, sizeof *bodies);
  assert_true(defs && ids && bodies);
  for (uint32_t i = 0; i < n; i++) {
    (void)snprintf(ids[i], sizeof ids[i], "s%03u", i);
    (void)snprintf(bodies[i], sizeof bodies[i], body, ids[i]);
    defs[i] = (struct model_def){.kind = MODEL_DEF_STRATEGY, .id = ids[i], .version = 1, .approved = true};
    defs[i].body = bodies[i];
  }
  catalog_unref(r->catalog);
  assert_int_equal(catalog_create(defs, n, &r->catalog, NULL), TFDC_OK);
  assert_int_equal(catalog_count(r->catalog), n);
  rig_step(r, &(struct judge_event){.kind = JUDGE_CATALOG, .catalog = r->catalog});
  free(defs);
  free(ids);
  free(bodies);
}

/* One strategy, a run of two chunks, a judgement of one record and no alarm. */
static inline void rig_up(struct rig *r) {
  static const char *const sets[RIG_OUT] = {"S1", "S2", "S3", "S4"};
  uint64_t sums[] = {11, 22};
  *r = (struct rig){.now = 1000000, .n_chunks = 2};
  r->context = (struct model_context){.key = {"T1", "A"}, .run_id = "r", .recipe_id = "R", .revision = 1};
  r->context.state = MODEL_CONTEXT_CLOSED;
  r->context.chunk_count = 2;
  r->context.chunk_digest = model_chunk_digest(sums, 2);
  for (size_t i = 0; i < 2; i++) r->chunks[i].checksum = sums[i];
  for (size_t i = 0; i < RIG_OUT; i++) {
    r->records[i].chart_set = sets[i];
    r->alarms[i] = (struct model_alarm){.alarm_id.lo = i + 1, .reason = "OOC"};
  }
  r->out = (struct verdict_output){.records = r->records, .alarms = r->alarms, .programs = r->programs, .n_records = 1};
  r->out.verdict = (struct model_run_verdict){.verdict = MODEL_OK};
  judge_options_default(&r->options);
  assert_int_equal(judge_create(&r->options, &r->judge), TFDC_OK);
  rig_strategies(r, 1);
}

static inline void rig_down(struct rig *r) {
  judge_destroy(r->judge);
  catalog_unref(r->catalog);
}

#endif
