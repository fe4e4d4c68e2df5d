/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the ingest machine share: ingest.c (events, tickets, time), ingest_msg.c (messages of hubs),
 * ingest_run.c (what a run does next). */
#ifndef CORE_INGEST_PRIV_H
#define CORE_INGEST_PRIV_H

#include "base/arena.h"
#include "base/map.h"
#include "base/sm.h"
#include "core/ingest.h"

enum { MAX_CUTS = 4, MAX_SLOTS = 1 << 20 };

struct chamber {
  struct model_chamber record; /* in mem */
  struct tfdc_arena mem;
  uint32_t *numbers; /* SVID numbers, sorted; in mem */
  uint64_t ticket;   /* of the PUT in flight, 0 = none */
  bool durable;
  bool stale;      /* the one in flight is not the newest */
  tfdc_mono retry; /* when to put it again; TFDC_NEVER = no need */
};

/* Blocks that are on their way into one chunk. */
struct cut {
  struct model_block **blocks; /* owned list of references */
  size_t n_blocks;
  uint64_t first_seq, last_seq;
  size_t bytes;
  const char *why; /* it was cut */
  tfdc_mono since; /* receipt of the first block */
  bool in_flight;
  uint32_t part; /* of its ticket, 1..255, unique among the cuts of a run */
  uint32_t failures;
  tfdc_mono retry;
};

/* A message that waits until its run can take it: while the run is loaded or closed. */
struct held {
  struct held *next;
  struct tfdc_arena mem;
  struct model_hub_msg msg;
  bool historical;
};

enum phase { LOADING, OPENING, OPEN, CLOSING, LISTING, COMMITTING, PUBLISHING, MARKING, CLOSED, GONE, N_PHASES };
enum op { OP_NONE, OP_LOAD, OP_PUT, OP_PUBLISH, OP_MARK };

struct run {
  struct tfdc_sm phase;
  uint32_t slot, last_part;
  struct model_context ctx; /* strings in mem; steps and events are the arrays below */
  struct tfdc_arena mem;
  struct model_step *steps;
  struct model_event *events;
  size_t steps_cap, events_cap;
  struct chamber *chamber;
  /* the hub's side */
  bool attached, announce; /* announce: RESUME is still owed */
  bool told_closed;        /* the last answer said that the run is closed */
  uint64_t stream, handle;
  uint64_t last_recv, acked;
  uint64_t stored_seq; /* what the store would tell a hub that comes back */
  bool touched;        /* got a message from a hub in this process */
  bool reload;         /* a hub came back to what is in memory here: the store decides */
  /* samples */
  int64_t *last_us;            /* per SVID of the dictionary, INT64_MIN = none */
  struct model_block **blocks; /* the open chunk */
  size_t n_blocks, blocks_cap, open_bytes;
  uint64_t open_points, open_first_seq, open_last_seq;
  tfdc_mono open_since;
  struct cut cuts[MAX_CUTS]; /* oldest first */
  size_t n_cuts;
  struct model_chunk *chunks; /* durable ones, without blobs */
  size_t n_chunks, chunks_cap;
  int64_t last_sample_us;
  /* steps, events and amendments that the context row does not hold yet */
  uint64_t dirty_seq, put_seq; /* the first of them; of those in the PUT in flight; 0 = none */
  tfdc_mono dirty_since;
  /* the end */
  bool have_end, close_now;
  uint64_t end_seq;
  int64_t end_us;
  enum model_end_reason end_reason;
  tfdc_mono closed_at, late_deadline;
  int64_t idle_from; /* on the reading clock */
  /* the one operation on the row in flight */
  enum op op;
  tfdc_mono retry; /* an operation failed: not before then */
  uint32_t failures;
  struct held *held, *held_tail;
};

struct ingest {
  struct ingest_options options;
  struct tfdc_map by_id;     /* context_id -> run */
  struct tfdc_map by_handle; /* (stream, handle) -> run */
  struct tfdc_map chambers;  /* hash of the key -> chamber */
  struct run **slots;
  size_t n_slots, n_open;
  struct ingest_action *actions;
  size_t n_actions, actions_cap;
  struct tfdc_arena step_mem; /* what actions of this step point to */
  tfdc_mono now, deadline;
  tfdc_wall wall;
  int64_t reading_us;   /* clock that runs only while reading */
  tfdc_mono reading_at; /* when it was last moved */
  bool reading, draining, pressed;
  size_t bytes;
  double bytes_per_point; /* running estimate of encoded size */
};

/* ingest.c */
struct ingest_action *ingest_act(struct ingest *g, enum ingest_action_kind kind);
void ingest_count(struct ingest *g, enum ingest_count count, const char *label, double by);
void ingest_want(struct ingest *g, tfdc_mono at); /* a TICK is due at `at` at the latest */
struct tfdc_id128 ingest_key_id(struct model_key key);
struct run *ingest_run_create(struct ingest *g, struct tfdc_id128 id);
void ingest_run_free(struct ingest *g, struct run *r);
void ingest_drop_samples(struct ingest *g, struct run *r); /* and messages that wait; nothing of it is in flight */
uint64_t ingest_ticket(const struct run *r, uint32_t part);
tfdc_mono ingest_backoff(struct ingest *g, uint32_t failures);

/* ingest_msg.c */
void ingest_message(struct ingest *g, const struct model_hub_msg *msg, uint64_t stream, bool historical);
void ingest_release_held(struct ingest *g, struct run *r); /* takes what had to wait */
void ingest_detach(struct ingest *g, struct run *r);
TFDC_MUST_USE tfdc_rc ingest_compare(const struct model_context *ours, const struct model_context *theirs,
                                     struct tfdc_error *err);
void ingest_reject(struct ingest *g, uint64_t stream, uint64_t handle, uint64_t seq, tfdc_rc code, const char *text);

/* ingest_run.c */
void ingest_advance(struct ingest *g, struct run *r); /* does whatever is next for the run */
void ingest_loaded(struct ingest *g, struct run *r, const struct ingest_event *e);
void ingest_op_done(struct ingest *g, struct run *r, const struct ingest_event *e);
void ingest_cut_done(struct ingest *g, struct run *r, struct cut *c, const struct ingest_event *e);
uint64_t ingest_durable(const struct run *r);

#endif
