/* SPDX-License-Identifier: Apache-2.0
 * A strategy and its limits from good runs: which charts there are, their values, their limits. docs/learning.md tells
 * how charts are chosen. Pure and sans-I/O: the caller hands over the runs one by one, so that memory holds one trace
 * at a time. The same runs in the same order give the same bits. One thread at a time.
 *
 *   learn_create(&options, runs, n, &l, &err);
 *   for each run: learn_add_run(l, i, chunks, n_chunks, &err);
 *   learn_finish(l, &result, &err);            result lives until learn_destroy(l)
 */
#ifndef CORE_LEARN_H
#define CORE_LEARN_H

#include "core/chunk.h"
#include "model/strategy.h"

enum { LEARN_CHARTS_DEFAULT = 1000, LEARN_RUNS_MIN = 8, LEARN_RUNS_OF_CHAMBER_MIN = 3 };

struct learn_options {
  const char *strategy;              /* id */
  const char *tool_type;             /* of all runs; "" = not known */
  struct model_globs partition;      /* context fields that split the limits */
  const struct model_strategy *keep; /* its charts are learned; NULL: charts are made */
  size_t charts_max;                 /* of made charts; 0 = LEARN_CHARTS_DEFAULT */
  double alpha;                      /* part of normal runs that may alarm; 0 = 0.01 */
  size_t max_bytes;                  /* of the decoded traces of one run; 0 = 256 MiB */
};
struct learn_run {
  const struct model_context *context;
  const struct model_chamber *chamber; /* its dictionary */
};

struct learn;
/* Plans: the steps that the runs have, the charts to try. options and runs with all they point to are borrowed until
 * learn_destroy. Runs of a chamber are in order time. LEARN when there is nothing to chart, EQ_* when a kept chart
 * cannot be compiled, LIMIT when runs times charts are over 32 million values, NOMEM. */
TFDC_MUST_USE tfdc_rc learn_create(const struct learn_options *options, const struct learn_run *runs, size_t n_runs,
                                   struct learn **ret, struct tfdc_error *err);
void learn_destroy(struct learn *l); /* NULL ok */
/* The values of one run. A trace that cannot be decoded leaves the run out; learn_finish counts it. NOMEM. */
TFDC_MUST_USE tfdc_rc learn_add_run(struct learn *l, size_t run, const struct chunk_blob *chunks, size_t n_chunks,
                                    struct tfdc_error *err);

/* A chart that was tried and is not in the strategy. */
struct learn_left_out {
  const char *chart, *reason;
};
enum { LEARN_NOTES = 8 }; /* = SPC_LEARN_NOTES */
struct learn_group {
  const char *partition;
  size_t n_runs, n_chambers;
  size_t n_charts;           /* with limits */
  size_t n_left_out;         /* of the strategy's charts, without */
  double width;              /* common width on the scale of a normal deviate */
  size_t notes[LEARN_NOTES]; /* charts with each note of spc_learn */
  const char *failed;        /* why the partition has no limits, or NULL */
};
struct learn_result {
  struct model_strategy strategy; /* selects the tool type; the caller narrows it further */
  struct model_limit_set limits;
  const struct learn_group *groups; /* one for each partition, also those that failed */
  size_t n_groups;
  const struct learn_left_out *left_out;
  size_t n_left_out;
  size_t n_runs, n_bad_traces;
};
/* LEARN with the numbers per chamber and partition when no partition can be learned; NOMEM. */
TFDC_MUST_USE tfdc_rc learn_finish(struct learn *l, struct learn_result *ret, struct tfdc_error *err);
/* "too_few", of bit i; static. */
const char *learn_note_name(size_t bit);
/* An id of the parts: letters, digits, _ and - stay, other characters become _, joint stands between parts. Where more
 * than 64 bytes or letters beyond ASCII were lost, it ends in a hash of the parts, so that names stay apart. NULL
 * without memory. */
const char *learn_id(struct tfdc_arena *mem, const char *const *parts, size_t n, char joint);

#endif
