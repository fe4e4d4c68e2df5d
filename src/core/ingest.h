/* SPDX-License-Identifier: Apache-2.0
 * The collector's decisions (life of a run, steps I1-I9) for the chambers of one shard. Sans-I/O: step() takes an event
 * and appends the actions that the driver must carry out, in order; no clock, no thread, no log. Time comes in the
 * event.
 *
 *                 RUN_START                 loaded                     RUN_END / idle
 *     (none) ------------------> LOADING ------------> OPEN ----------------------------> CLOSING
 *                                   |                   ^                                    | chunks durable (I6)
 *                                   | closed already    | late samples                       v
 *                                   +---------------> CLOSED <--- published, marked --- PUBLISHING (I7, I8)
 *
 * Every action with a ticket is answered by exactly one DONE event with that ticket. The machine repeats what failed
 * with a class of IO or BUSY, with back-off, for ever: blocks stay in memory until they are durable and the driver
 * stops reading above the memory budget. One machine belongs to one loop thread. */
#ifndef CORE_INGEST_H
#define CORE_INGEST_H

#include "base/time.h"
#include "model/ingest.h"

struct ingest_options {
  size_t chunk_bytes;  /* cut at about so many encoded bytes */
  tfdc_dur chunk_age;  /* ... or when the oldest sample waits so long */
  tfdc_dur idle_close; /* a run without end closes after so long without a message, while reading */
  tfdc_dur grace;      /* after the first close: late samples re-open within it */
  tfdc_dur late_close; /* a re-opened run closes again after so long without a message */
  uint64_t max_run_points;
  uint32_t max_steps;     /* steps and events of a run */
  size_t memory_pressure; /* bytes held by this shard above which chunks are cut early */
};
void ingest_options_default(struct ingest_options *o);

enum ingest_event_kind {
  INGEST_CHAMBER, /* a hub said hello with this chamber */
  INGEST_MESSAGE, /* a hub's message for a run of this shard (all kinds but HELLO), or its stream's end (CLOSED) */
  INGEST_ADOPT,   /* start: a context row that is OPEN, or CLOSED and not published */
  INGEST_DONE,    /* an action's result */
  INGEST_TICK,    /* next_deadline has come */
  INGEST_READING, /* reading = false: the driver stopped reading (budget, store down); idle time stands still */
  INGEST_DRAIN    /* cut and commit everything open now; runs stay OPEN for the next collector */
};
struct ingest_event {
  enum ingest_event_kind kind;
  tfdc_mono now;
  tfdc_wall wall;
  uint64_t stream;
  bool historical;                     /* of the stream */
  const struct model_chamber *chamber; /* CHAMBER; copied */
  const struct model_hub_msg *msg;     /* MESSAGE; a block's reference passes to the machine */
  const struct model_context *context; /* ADOPT, DONE of LOAD (NULL = there is none); copied */
  bool reading;
  /* DONE */
  uint64_t ticket;
  tfdc_rc rc;
  const struct model_chunk *chunks; /* LOAD: without blobs, in order of first_seq; CUT: the one that was stored */
  size_t n_chunks;
};

enum ingest_action_kind {
  INGEST_REPLY,       /* reply to stream */
  INGEST_PUT_CHAMBER, /* ticket */
  INGEST_LOAD,        /* ticket: the context row of context_id and the list of its chunks */
  INGEST_PUT_CONTEXT, /* ticket: durable */
  INGEST_CUT,         /* ticket: encode the blocks (core/chunk.h) on the pool, then commit the chunk durably (I3, I4) */
  INGEST_PUBLISH,     /* ticket: the completion, confirmed (I7) */
  INGEST_MARK,        /* ticket: mark published (I8) */
  INGEST_COUNT        /* a metric: which, by how much */
};
enum ingest_count {
  INGEST_N_BLOCKS,
  INGEST_N_POINTS,
  INGEST_N_MISSING,
  INGEST_N_BYTES,
  INGEST_N_REJECTS /* label = code name */,
  INGEST_N_DUPLICATES,
  INGEST_N_CHUNKS /* label = why it was cut */,
  INGEST_N_CHUNK_BYTES,
  INGEST_N_CHUNK_POINTS,
  INGEST_N_RUNS_STARTED,
  INGEST_N_RUNS_CLOSED /* label = end reason */,
  INGEST_N_REOPENED /* label: late, amended */,
  INGEST_N_COMPLETIONS,
  INGEST_N_RETRIES /* label = class */,
  INGEST_T_ACK /* seconds from a chunk's first block to its ack */
};
struct ingest_action {
  enum ingest_action_kind kind;
  uint64_t ticket;
  uint64_t stream;
  struct model_hub_reply reply;        /* valid until the next step */
  const struct model_chamber *chamber; /* valid until the next step: copy what must live longer */
  const struct model_context *context; /* the same */
  struct tfdc_id128 context_id;
  uint32_t revision;
  struct model_completion completion; /* pointers valid until the next step */
  struct {
    struct model_block *const *blocks; /* the machine keeps a reference until DONE; valid until then */
    size_t n_blocks;
    struct tfdc_id128 context_id;
    uint64_t first_seq, last_seq;
    uint32_t revision;
    int64_t stored_us;
  } cut;
  enum ingest_count count;
  const char *label;
  double by;
};

struct ingest;
/* NOMEM. */
TFDC_MUST_USE tfdc_rc ingest_create(const struct ingest_options *options, struct ingest **ret);
/* Drops everything that is in memory, as a crash would. */
void ingest_destroy(struct ingest *g);
/* Takes one event. Afterwards ingest_actions() holds what to do, in order, until the next step. Never fails: what goes
 * wrong becomes a reject. */
void ingest_step(struct ingest *g, const struct ingest_event *e);
const struct ingest_action *ingest_actions(const struct ingest *g, size_t *ret_n);
/* When TICK is due; TFDC_NEVER = not at all. */
tfdc_mono ingest_deadline(const struct ingest *g);
/* Bytes of blocks held; the driver's budget. */
size_t ingest_bytes(const struct ingest *g);
size_t ingest_open_runs(const struct ingest *g);
/* True when nothing is in memory that is not durable (after DRAIN: the driver may stop). */
bool ingest_is_drained(const struct ingest *g);

#endif
