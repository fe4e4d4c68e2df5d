/* SPDX-License-Identifier: Apache-2.0
 * Rules of the store port that do not depend on the technology: what a well-formed request is, the order of rows, which
 * rows a filter takes, cursors. Adapters share them, so that they cannot differ. Pure functions. */
#ifndef PORT_STORE_UTIL_H
#define PORT_STORE_UTIL_H

#include "port/store.h"

enum { STORE_PAGE_DEFAULT = 100, STORE_PAGE_MAX = 10000 };
/* CHUNK_GET with max_bytes 0 */
#define STORE_CHUNK_GET_BYTES ((size_t)64 << 20)

static inline struct store_req *store_req_of(struct port_req *r) { return (struct store_req *)(void *)r; }

/* USAGE (missing or bad input), BAD_ID, RANGE (page limit, sequence numbers above INT64_MAX). Also sets base.bytes. */
TFDC_MUST_USE tfdc_rc store_req_check(struct store_req *r);
bool store_op_writes(uint16_t op);
enum { STORE_OPS = STORE_STATS + 1 };
extern const char *const store_op_names[STORE_OPS]; /* "CHUNK_GET" */
static inline uint32_t store_page_limit(const struct store_req *r) {
  return r->page.limit == 0 ? (uint32_t)STORE_PAGE_DEFAULT : r->page.limit;
}

/* Place of a row in a list: a time and an id (runs, alarms), or three numbers (chunks: first_seq, last_seq, checksum).
 * Compared part by part; t as signed, the rest as unsigned. */
struct store_pos {
  int64_t t;
  struct tfdc_id128 id;
};
int store_pos_cmp(struct store_pos a, struct store_pos b);
/* In the arena, or NULL. */
const char *store_cursor_make(struct store_pos p, struct tfdc_arena *mem);
TFDC_MUST_USE tfdc_rc store_cursor_parse(const char *text, struct store_pos *ret, struct tfdc_error *err);
/* Cursor of CHAMBER_LIST: the last key, "tool:chamber". Buffers hold an id and its NUL. */
const char *store_cursor_make_key(struct model_key key, struct tfdc_arena *mem);
TFDC_MUST_USE tfdc_rc store_cursor_parse_key(const char *text, char tool[65], char chamber[65], struct tfdc_error *err);
int store_key_cmp(struct model_key a, struct model_key b);

/* Time by which CONTEXT_LIST orders and filters: order time, or the start until the first close. */
static inline int64_t store_context_time(const struct model_context *c) {
  return c->revision == 0 ? c->start_us : c->order_us;
}
static inline uint64_t store_context_rank(const struct model_context *c) {
  return 2 * (uint64_t)c->revision + (c->state == MODEL_CONTEXT_OPEN ? 1 : 0);
}
/* The row changes nothing: the stored one is further. */
static inline bool store_context_behind(const struct model_context *next, const struct model_context *stored) {
  uint64_t rank = store_context_rank(next), than = store_context_rank(stored);
  if (rank != than) return rank < than;
  if (next->seen_seq != stored->seen_seq) return next->seen_seq < stored->seen_seq;
  return next->last_seq < stored->last_seq;
}
static inline bool store_context_unpublished(const struct model_context *c) {
  return c->state == MODEL_CONTEXT_CLOSED && !c->published;
}
/* What `next` leaves of `old` when both have one rank: published stays once it is true of a revision. */
static inline bool store_context_published(const struct model_context *old, const struct model_context *next) {
  return next->published || (old->revision == next->revision && old->published);
}

/* All parts of the filter but those that need other rows: `verdict` of a context, `product` of a verdict. */
bool store_match_time(const struct store_filter *f, int64_t t);
bool store_match_context(const struct store_filter *f, const struct model_context *c);
bool store_match_verdict(const struct store_filter *f, const struct model_run_verdict *v);
bool store_match_alarm(const struct store_filter *f, const struct model_alarm *a);
/* tfdc_glob where NULL text counts as "". */
bool store_glob(const char *pattern, const char *text);

/* Deep copy, blob included when `blob`. NOMEM. */
TFDC_MUST_USE tfdc_rc store_chunk_copy(const struct model_chunk *from, bool blob, struct tfdc_arena *mem,
                                       struct model_chunk *ret);

#endif
