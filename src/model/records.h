/* SPDX-License-Identifier: Apache-2.0
 * The words of the field as plain records (DESIGN section 2).
 *
 * A record is a struct whose pointers (strings, arrays, blobs) point into memory that somebody else owns: the caller's,
 * or the arena that a decoder was given. Records never own memory. NULL strings mean "not known" and are encoded as
 * absent. Every encoded form carries `v`; readers ignore fields that they don't know. Times are microseconds since the
 * Unix epoch, UTC; MODEL_NO_TIME = not known. */
#ifndef MODEL_RECORDS_H
#define MODEL_RECORDS_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_NO_TIME INT64_MIN
enum { MODEL_VERSION = 1 }; /* newest `v` that this release writes and reads */

/* tool:chamber. Both are ids (base/text.h). */
struct model_key {
  const char *tool, *chamber;
};

/* One sensor of a chamber. */
struct model_svid {
  uint32_t number;
  const char *name;  /* unique in its dictionary */
  const char *unit;  /* E145 symbol, "" or NULL = dimensionless */
  double rate_hz;    /* expected; 0 = not known */
  double resolution; /* of one reading (LSB); 0 = not known */
};

/* A chamber of the catalogue with its newest dictionary. */
struct model_chamber {
  struct model_key key;
  const char *tool_type; /* groups chambers whose runs are comparable; default = the tool id up to the last '-' */
  const struct model_svid *svids;
  size_t n_svids;
  int64_t seen_us; /* last registration */
};

struct model_step {
  uint32_t number;     /* as the recipe counts */
  uint32_t occurrence; /* 1-based, per name */
  const char *name;    /* may be "" */
  int64_t start_us;
  int64_t end_us; /* MODEL_NO_TIME: ends at the first sample of the next step */
};
struct model_event {
  const char *name;
  int64_t time_us;
};
struct model_tag {
  const char *name, *value;
};

enum model_context_state { MODEL_CONTEXT_OPEN, MODEL_CONTEXT_CLOSED };
enum model_end_reason {
  MODEL_END_NONE,
  MODEL_END_COMPLETE,
  MODEL_END_ABORT,
  MODEL_END_UNKNOWN /* closed by the idle timer */
};

/* One process run. Field names of the material, job and recipe parts follow SEMI standards (domain.md 3.3). */
struct model_context {
  struct tfdc_id128 context_id; /* model_context_id() */
  struct model_key key;
  const char *tool_type;
  const char *run_id;       /* the hub's, text */
  const char *start_digest; /* of what the hub's first run start said, or NULL: amendments change the fields below */
  enum model_context_state state;
  uint32_t revision;        /* 0 while open for the first time, then of the newest close */
  bool reopened;            /* CLOSED once, late samples came, the next close has revision + 1 */
  bool published;           /* the completion of `revision` was confirmed */
  bool historical;          /* replayed: order time is the tool's end time in any case */
  bool order_clock;         /* order time is the receipt time (mark CLOCK) */
  int64_t start_us, end_us; /* tool clock; end MODEL_NO_TIME while open */
  int64_t received_us;      /* first close: collector's wall clock */
  int64_t stored_us;        /* last write of the row: collector's wall clock; retention counts from here */
  int64_t order_us;         /* order time, fixed at the first close */
  enum model_end_reason end_reason;
  /* T-chart of `revision`: chunks with chunk.revision <= revision, in order of first_seq */
  uint32_t chunk_count;
  uint64_t chunk_digest; /* model_chunk_digest() over their checksums */
  uint64_t points;
  uint64_t last_seq; /* last durable message */
  uint64_t seen_seq; /* the row has all steps, events and amendments up to here; of two rows the further counts */
  uint64_t rejected_blocks; /* consumed without being stored */
  uint64_t missing_blocks;  /* sequence numbers that never came */
  const char *reject_code;  /* of the last reject, or NULL */
  const char *fab, *area, *supplier, *software_rev;
  const char *lot_id, *carrier_id, *port_id, *substrate_id, *product, *technology, *route, *operation, *layer,
      *lot_type;
  int32_t slot; /* -1 = not known */
  const char *ctrl_job_id, *pr_job_id;
  const char *recipe_id, *recipe_rev, *recipe_body_hash, *chamber_recipe;
  const char *ept_state, *process_state;
  const char *pm_id;
  int64_t runs_since_pm, wafers_since_clean; /* -1 = not known */
  double rf_hours;                           /* NaN = not known */
  bool first_wafer_of_lot;
  const struct model_step *steps;
  size_t n_steps;
  const struct model_event *events;
  size_t n_events;
  const struct model_tag *tags;
  size_t n_tags;
};

/* One piece of a T-chart: a Mebo blob of the blocks first_seq..last_seq. Key (context_id, first_seq, writer). */
struct model_chunk {
  struct tfdc_id128 context_id;
  uint64_t first_seq, last_seq;
  uint32_t revision; /* of the close it will be part of: 1, or closed revision + 1 for late samples */
  uint64_t checksum; /* XXH3-64 of the blob */
  uint64_t points;
  int64_t first_us, last_us; /* least and greatest sample time */
  int64_t stored_us;
  const uint8_t *blob;
  size_t blob_n;
};

/* The message that hands a finished run to a defender. Msg-Id: "<context_id>.<revision>", a sweep adds ".<n>", an
 * explicit re-judge ".j<judgement>". Subject "dc.<tool>.<chamber>.completed". */
struct model_completion {
  struct model_key key;
  struct tfdc_id128 context_id;
  uint32_t revision;
  uint32_t judgement; /* 1; above only for an explicit re-judge */
  int64_t timestamp_us;
  int64_t order_us;
  uint32_t chunk_count;
  const char *recipe_id;
  enum model_end_reason end_reason;
};

enum model_verdict { MODEL_OK, MODEL_WARN, MODEL_OOC, MODEL_ACTION, MODEL_NOT_JUDGED };
#define MODEL_REASON_LIST(X)                                                                                           \
  X(NONE)                                                                                                              \
  X(NO_DATA)                                                                                                           \
  X(PARTIAL)                                                                                                           \
  X(LOW_QUALITY)                                                                                                       \
  X(MISSING_STEP)                                                                                                      \
  X(NO_LIMITS) X(CORRUPT) X(CONFLICT) X(TRACE_EXPIRED) X(TOO_LARGE) X(NEVER) X(LEARNING) X(DEAD_LETTER) X(UNDEFINED)
enum model_reason {
#define X(name) MODEL_REASON_##name,
  MODEL_REASON_LIST(X)
#undef X
};
enum model_severity { MODEL_INFO, MODEL_WARNING, MODEL_CRITICAL };

/* One point of a U-chart: the value and all that judged it. NaN = none. */
struct model_point {
  const char *chart; /* id */
  const char *unit;
  double value;
  uint32_t n;
  double quality; /* 0..1 */
  double centre, stddev, ucl, lcl;
  uint32_t eq_version;    /* version of the strategy that holds the equation */
  uint32_t limit_version; /* version of the limit set, 0 = none */
  enum model_verdict verdict;
  enum model_reason reason;
  double score;         /* |deviation| in units of the limit: above 1 is beyond it */
  const uint8_t *state; /* rule state after this point, encoded by spc */
  size_t state_n;
};

/* All points of one run and one chart set: one row, one cell. The chart set is the strategy that selected the run.
 * Key (tool, chamber, chart_set, partition, order_us, context_id, revision, judgement). */
struct model_u_record {
  struct model_key key;
  const char *chart_set; /* strategy id */
  const char *partition; /* e.g. the recipe; text */
  int64_t order_us;
  struct tfdc_id128 context_id;
  uint32_t revision, judgement;
  bool late; /* judged after later runs: changes no later verdict */
  int64_t stored_us;
  const uint8_t *episode; /* alarm episode after this run, encoded by spc */
  size_t episode_n;
  const struct model_point *points;
  size_t n_points;
};

/* A run counts as judged only by this row. Key (context_id, revision, judgement); the newest one is current. */
struct model_run_verdict {
  struct tfdc_id128 context_id;
  uint32_t revision, judgement;
  struct model_key key;
  int64_t order_us;
  enum model_verdict
      verdict; /* worst of the judged charts; NOT_JUDGED where that would be OK but a chart was not judged */
  enum model_reason reason;
  uint32_t judged, charts; /* "judged n of m" */
  bool late;
  int64_t judged_us;
  int64_t latency_us; /* receipt of the run's end to this row */
  const char *defender;
  const char *text;                              /* one line that says why, or NULL */
  const char *recipe_id, *lot_id, *substrate_id; /* copied for lists */
};

enum model_alarm_state { MODEL_ALARM_OPEN, MODEL_ALARM_CLEARED };
/* Alarm episode of one chamber and strategy. alarm_id is fixed by what opened it, so readers see one however often it
 * is published. */
struct model_alarm {
  struct tfdc_id128 alarm_id;
  enum model_alarm_state state;
  enum model_severity severity;
  struct model_key key;
  const char *strategy, *partition;
  struct tfdc_id128 first_context, last_context; /* opened by, last bad run */
  int64_t opened_us, updated_us, cleared_us;     /* order times; cleared MODEL_NO_TIME while open */
  int64_t published_us;                          /* wall clock of the last change */
  uint32_t bad_runs;
  uint32_t update;    /* rises with each change: readers keep the highest */
  const char *reason; /* "OOC", "ACTION", "MISSING_STEP", "REVISED" ... */
  const char *text;   /* "mean(Press) 52.3 mTorr > UCL 51.9 (limits 7, 412 runs)" */
  const char *charts; /* ids of the charts that alarm, worst first, comma-separated, at most 20 */
  const char *recipe_id, *lot_id, *substrate_id;
};

/* Definitions (strategies, limit sets): immutable versions; the body is JSON. Key (kind, id, version). */
enum model_def_kind { MODEL_DEF_STRATEGY, MODEL_DEF_LIMITS };
struct model_def {
  enum model_def_kind kind;
  const char *id;
  uint32_t version;
  bool approved, retired;
  int64_t effective_us; /* judges runs whose order time is not before this */
  int64_t created_us;
  const char *author, *comment;
  const char *body; /* JSON text */
};

/* context_id = XXH3-128 of (tool, chamber, the hub's run id, run start): every collector computes the same. */
struct tfdc_id128 model_context_id(struct model_key key, const char *run_id, int64_t start_us);
/* Digest of the chunks of one revision: pass checksums in order of first_seq. */
uint64_t model_chunk_digest(const uint64_t *checksums, size_t n);
/* The completion of the newest revision of a closed run; its strings are the context's. */
struct model_completion model_completion_of(const struct model_context *c, uint32_t judgement);
/* Order of a chamber's runs: order time, then context_id. */
int model_run_order(int64_t order_a, struct tfdc_id128 a, int64_t order_b, struct tfdc_id128 b);

const char *model_verdict_name(enum model_verdict v);
const char *model_reason_name(enum model_reason r);
const char *model_severity_name(enum model_severity s);
const char *model_end_reason_name(enum model_end_reason r);
const char *model_context_state_name(enum model_context_state s);
const char *model_alarm_state_name(enum model_alarm_state s);
const char *model_def_kind_name(enum model_def_kind k);
bool model_verdict_parse(const char *text, enum model_verdict *ret);
bool model_reason_parse(const char *text, enum model_reason *ret);
bool model_severity_parse(const char *text, enum model_severity *ret);
bool model_context_state_parse(const char *text, enum model_context_state *ret);
bool model_def_kind_parse(const char *text, enum model_def_kind *ret);

#endif
