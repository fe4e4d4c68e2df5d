/* SPDX-License-Identifier: Apache-2.0
 * Port: the store, the truth of the system. A write that completes OK is durable (survives power loss). Writes with
 * equal content are idempotent. Requests of one submitter to one key are carried out in the order of submission.
 * Adapters: mem, sqlite; later Cassandra. Errors of every op: IO, DISK_FULL, TIMEOUT, UNAVAILABLE, BUSY, CLOSED, NOMEM;
 * CORRUPT for a row that cannot be decoded. */
#ifndef PORT_STORE_H
#define PORT_STORE_H

#include "model/records.h"
#include "port/port.h"

enum store_op {
  STORE_CHAMBER_PUT,  /* chamber: registers or updates; keeps the newest dictionary */
  STORE_CHAMBER_GET,  /* key -> chambers[0]; NOT_FOUND */
  STORE_CHAMBER_LIST, /* filter.tool/chamber globs, page -> chambers */
  STORE_CONTEXT_PUT,  /* context: by context_id; a row of a lower rank than the stored one, or of the same rank and a
                         lower (seen_seq, last_seq), changes nothing (OK); else it replaces. rank = 2 * revision + (state
                         is OPEN): a  closed run can be re-opened at its revision */
  STORE_CONTEXT_MARK_PUBLISHED, /* id, revision: published = true if the row still has that revision, else nothing (OK)
                                 */
  STORE_CONTEXT_GET,            /* id -> contexts[0]; NOT_FOUND */
  STORE_CONTEXT_LIST, /* filter, page -> contexts, in order (order_us or start_us while open, context_id), newest first
                         if filter.newest_first */
  STORE_CHUNK_PUT,    /* chunk: by (context_id, first_seq, last_seq, checksum); equal key = nothing to do */
  STORE_CHUNK_LIST,   /* id, revision (max) -> chunks without blobs, in order of (first_seq, last_seq) */
  STORE_CHUNK_GET, /* id, revision (max), page.limit, cursor -> chunks with blobs, at most max_bytes of them (at least
                      one) */
  STORE_U_PUT,     /* u: by its whole key; equal key with other content = replaced (same judgement repeated) */
  STORE_U_PREV,    /* u_key, order_us, id -> u[0]: newest revision and judgement of the run right before (order_us, id);
                      NOT_FOUND */
  STORE_U_GET,     /* id -> u: all chart sets of the run's newest (revision, judgement) each */
  STORE_U_LIST, /* u_key (partition NULL = all), time range, page -> u: the current record of each run, in run order */
  STORE_VERDICT_PUT,  /* verdict: by (context_id, revision, judgement) */
  STORE_VERDICT_GET,  /* id -> verdicts[0]: the newest (revision, judgement); NOT_FOUND */
  STORE_VERDICT_LIST, /* filter, page -> current verdict of each run, newest first if asked */
  STORE_DEF_PUT, /* def: EXISTS if (kind, id, version) is there with another body; approving/retiring = same body, other
                    flags */
  STORE_DEF_LIST,      /* def_kind (-1 = all), optional def_id -> defs, by kind, id, version */
  STORE_ALARM_PUT,     /* alarm: by alarm_id; a lower `update` than the stored one changes nothing (OK) */
  STORE_ALARM_GET,     /* id -> alarms[0]; NOT_FOUND */
  STORE_ALARM_LIST,    /* filter (open_only, key, time), page -> alarms, newest first */
  STORE_UNJUDGED_LIST, /* before_us, page -> contexts with revision > 0 and stored_us < before_us whose revision has no
                          verdict */
  STORE_RETENTION, /* now_us, tchart_us, uchart_us, page.limit: deletes at most so many rows older than that -> count */
  STORE_STATS,     /* -> stats */
};

struct store_filter {
  const char *tool, *chamber;                 /* globs, NULL = all */
  const char *recipe, *lot, *wafer, *product; /* globs on text fields; wafer = substrate_id */
  int64_t from_us, to_us;                     /* order time (start while open): from <= t < to; 0, 0 = all */
  int verdict;                                /* enum model_verdict, -1 = all (zero-initialise with STORE_FILTER_ALL) */
  int state;                                  /* enum model_context_state, -1 = all */
  bool unpublished_only;                      /* CLOSED and not published */
  bool open_only;                             /* alarms */
  bool newest_first;
};
#define STORE_FILTER_ALL ((struct store_filter){.verdict = -1, .state = -1})

struct store_stats {
  uint64_t chambers, contexts, open_contexts, chunks, chunk_bytes, points, u_records, verdicts, unjudged, alarms_open;
  uint64_t used_bytes, free_bytes; /* of the disk; free UINT64_MAX = not known */
};

struct store_req {
  struct port_req base; /* op = enum store_op */
  /* in */
  const struct model_chamber *chamber;
  const struct model_context *context;
  const struct model_chunk *chunk;
  const struct model_u_record *u;
  const struct model_run_verdict *verdict;
  const struct model_def *def;
  const struct model_alarm *alarm;
  struct model_key key;
  struct tfdc_id128 id;
  uint32_t revision;
  struct {
    struct model_key key;
    const char *chart_set, *partition;
  } u_key;
  int64_t order_us;
  int64_t from_us, to_us; /* U_LIST: 0, 0 = all */
  int def_kind;
  const char *def_id;
  int64_t before_us, now_us, tchart_us, uchart_us;
  size_t max_bytes;
  struct store_filter filter;
  struct {
    uint32_t limit;     /* rows; 0 = 100, at most 10,000 */
    const char *cursor; /* NULL = from the start, else ret_cursor of the page before */
  } page;
  /* out, in base.mem; n rows of the array that fits the op */
  size_t n;
  struct model_chamber *chambers;
  struct model_context *contexts;
  struct model_chunk *chunks;
  struct model_u_record *u_records;
  struct model_run_verdict *verdicts;
  struct model_def *defs;
  struct model_alarm *alarms;
  const char *ret_cursor; /* NULL = that was all */
  uint64_t count;
  struct store_stats stats;
};

/* Is free disk below the floor? Once it is, only an eighth more than the floor ends it, so that ingest does not start
 * and stop with every deleted row. `was` is the last answer; a floor of 0 is none. */
static inline bool store_below_floor(bool was, uint64_t free_bytes, uint64_t floor_bytes) {
  uint64_t more = was ? floor_bytes / 8 : 0;
  return floor_bytes > 0 && free_bytes < (floor_bytes > UINT64_MAX - more ? UINT64_MAX : floor_bytes + more);
}

static inline void store_req_init(struct store_req *r, enum store_op op) {
  *r = (struct store_req){.base = {.kind = PORT_STORE, .op = (uint16_t)op}, .filter = STORE_FILTER_ALL};
}

#endif
