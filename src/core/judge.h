/* SPDX-License-Identifier: Apache-2.0
 * The defender's decisions (life of a run, steps J1-J8) for the chambers of one shard. Sans-I/O like core/ingest.h. One
 * context of a chamber at a time, in run order; a message whose chamber is busy waits here and holds no worker.
 *
 *   QUEUED -> LOADING (J1) -> TRACE (J2) -> HISTORY (J3) -> COMPUTING (J4) -> STORING (J5) -> ALARMING (J6)
 *                |                                                                                 |
 *                +--> ACKING (judged already, or an older revision)      ACKING (J8) <- WRITING (J7)
 *                +--> WRITING (nothing to judge: dead letter, no row)
 *
 * What fails with an action of RETRY is repeated in place with back-off while the message is kept in progress, so that
 * no later run of the chamber overtakes. Only the content's own failures count as attempts (DESIGN 6.8). */
#ifndef CORE_JUDGE_H
#define CORE_JUDGE_H

#include "core/verdict.h"

struct judge_options {
  tfdc_dur progress;     /* how often a kept message is said to be in progress: a third of the queue's ack wait */
  uint32_t max_attempts; /* then the message is a dead letter */
  size_t max_bytes;      /* of decoded traces of one run */
  const char *defender;  /* name in verdict rows; copied */
};
void judge_options_default(struct judge_options *o);

enum judge_event_kind { JUDGE_DELIVERED, JUDGE_CATALOG, JUDGE_DONE, JUDGE_TICK };
struct judge_event {
  enum judge_event_kind kind;
  tfdc_mono now;
  tfdc_wall wall;
  /* DELIVERED; the completion is copied */
  uint64_t token;
  uint32_t deliveries;
  const struct model_completion *completion;
  struct catalog *catalog; /* CATALOG: the machine takes its own reference */
  /* DONE; what is pointed to lives in the driver's memory of the job until FORGET */
  uint64_t job;
  tfdc_rc rc;
  const struct model_context *context;     /* LOAD: NULL = no such row */
  const struct model_run_verdict *verdict; /* LOAD: the newest, or NULL */
  const struct model_chamber *chamber;     /* LOAD: or NULL */
  uint32_t attempts;                       /* LOAD: attempts on record before this one */
  const struct model_chunk *chunks;        /* TRACE, with blobs */
  size_t n_chunks;
  const struct judge_history *history; /* HISTORY: one for each pick */
  struct verdict_output *output;       /* COMPUTE */
};
/* Rows before the run, of one strategy and partition. */
struct judge_history {
  const struct model_u_record *prev; /* right before it, or NULL */
  const struct model_u_record *old;  /* its own newest row, or NULL */
  bool later;                        /* later runs were judged already */
};

enum judge_action_kind {
  JUDGE_LOAD,         /* context, verdict, chamber of job.completion; attempts if deliveries > 1 */
  JUDGE_TRACE,        /* chunks with blobs of the context's revision */
  JUDGE_HISTORY,      /* rows before the run for each pick */
  JUDGE_COMPUTE,      /* verdict_compute(input) on the pool; `alone`: nothing else computes meanwhile */
  JUDGE_NOTE_ATTEMPT, /* once nothing else computes, and nothing else begins to until the job is forgotten: record
                         attempts for the context, durably */
  JUDGE_STORE,        /* output.records[index] */
  JUDGE_ALARM,        /* output.alarms[index]: stored, then published, confirmed */
  JUDGE_WRITE,        /* the run-verdict row (J7) */
  JUDGE_ACK,          /* confirmed (J8) */
  JUDGE_DEAD_LETTER,  /* to the dead letters with `reason`, confirmed */
  JUDGE_PROGRESS,     /* fire and forget; token */
  JUDGE_FORGET,       /* the job is over: release its memory */
  JUDGE_COUNT,
  JUDGE_OBSERVE /* a duration in seconds */
};
enum judge_count {
  JUDGE_N_RECEIVED,
  JUDGE_N_JUDGED /* label = verdict */,
  JUDGE_N_POINTS /* label = verdict */,
  JUDGE_N_NOT_JUDGED /* label = reason, points */,
  JUDGE_N_ALARMS /* label = reason */,
  JUDGE_N_SKIPPED /* judged already or older */,
  JUDGE_N_DEAD,
  JUDGE_N_RETRIES /* label = class */,
  JUDGE_N_LATE,
  JUDGE_N_RUNS_NOT_JUDGED /* label = reason */,
  JUDGE_T_LATENCY /* receipt to J7 */,
  JUDGE_T_FETCH,
  JUDGE_T_HISTORY,
  JUDGE_T_COMPUTE,
  JUDGE_T_STORE,
  JUDGE_T_ALARM,
  JUDGE_T_VERDICT,
  JUDGE_T_ACK,
  JUDGE_T_TOTAL
};
struct judge_action {
  enum judge_action_kind kind;
  uint64_t job; /* DONE answers with it; one action of a job is in flight at a time */
  uint64_t token;
  const struct model_completion *completion; /* the job's, until FORGET */
  const struct model_context *context;       /* the job's */
  uint32_t attempts;                         /* LOAD: > 0 = read the record of attempts; NOTE_ATTEMPT: write this */
  const struct verdict_pick *picks;          /* HISTORY */
  size_t n_picks;
  const struct verdict_input *input; /* COMPUTE; valid until FORGET */
  bool alone;
  const struct model_u_record *record;     /* STORE */
  const struct model_alarm *alarm;         /* ALARM */
  const struct model_run_verdict *verdict; /* WRITE */
  const char *reason;                      /* DEAD_LETTER */
  enum judge_count count;
  const char *label;
  double by;
};

struct judge;
TFDC_MUST_USE tfdc_rc judge_create(const struct judge_options *options, struct judge **ret);
/* Drops everything in memory, as a crash would (outputs handed over by COMPUTE are the driver's to release). */
void judge_destroy(struct judge *j);
void judge_step(struct judge *j, const struct judge_event *e);
const struct judge_action *judge_actions(const struct judge *j, size_t *ret_n);
tfdc_mono judge_deadline(const struct judge *j);
/* Messages taken and not over; the driver pulls at most twice its free workers. */
size_t judge_load(const struct judge *j);
/* Messages that no work was begun for are dropped (another owner gets them); true when nothing is under way any more.
 */
bool judge_stop(struct judge *j);

#endif
