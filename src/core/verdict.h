/* SPDX-License-Identifier: Apache-2.0
 * The judgement of one run as a pure function (step J4): traces, programs, limits and the state rows before it give U
 * records, alarms and the run's verdict. Runs on the worker pool; the same input gives the same bits everywhere. */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

#include "base/time.h"
#include "core/catalog.h"
#include "core/chunk.h"

struct verdict_pick {
  struct catalog_pick from;
  const char *partition;
  struct programs *programs;         /* NULL: compiled here and returned in output.programs */
  const struct model_u_record *prev; /* the row right before the run, or NULL */
  const struct model_u_record *old;  /* this run's row of an earlier revision or judgement, or NULL */
  bool later;                        /* later runs of the partition were judged already */
};
struct verdict_input {
  const struct model_context *context;
  const struct model_chamber *chamber; /* NULL = not known */
  const struct chunk_blob *chunks;
  size_t n_chunks;
  enum model_reason trace; /* NONE, or why there is no trace: PARTIAL, TRACE_EXPIRED, CORRUPT ... */
  const struct verdict_pick *picks;
  size_t n_picks;
  bool late;
  uint32_t judgement;
  size_t max_bytes; /* of decoded traces, and half as much for the work of the equations; above: TOO_LARGE */
  tfdc_wall now;
  const char *defender;
};
struct verdict_output {
  struct tfdc_arena mem;          /* owns what the records point to */
  struct model_u_record *records; /* one for each pick */
  struct programs **programs;     /* one for each pick: compiled here, one reference each, or NULL */
  struct model_alarm *alarms;     /* changes to publish, in order */
  size_t n_records, n_alarms;
  struct model_run_verdict verdict;
};
/* ret is zero-initialised by the caller and released with verdict_release, also after a failure. NOMEM only. */
TFDC_MUST_USE tfdc_rc verdict_compute(const struct verdict_input *in, struct verdict_output *ret);
void verdict_release(struct verdict_output *out);
/* The row of a run that was not judged at all (dead letter, no trace row). Strings are those of the completion. */
struct model_run_verdict verdict_of_nothing(const struct model_completion *m, enum model_reason reason, tfdc_wall now,
                                            const char *defender);

#endif
