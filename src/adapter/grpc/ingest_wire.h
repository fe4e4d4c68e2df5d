/* SPDX-License-Identifier: Apache-2.0
 * Messages of api/ingest.proto <-> the records of model/ingest.h. Pure: bytes in, records out. Blocks are read and
 * written by hand, doubles are copied from the wire straight into the block; all else goes through protobuf-c. */
#ifndef ADAPTER_GRPC_INGEST_WIRE_H
#define ADAPTER_GRPC_INGEST_WIRE_H

#include "base/arena.h"
#include "base/cursor.h"
#include "model/ingest.h"

struct ingest_limits {
  size_t max_block_points;
  size_t max_block_bytes; /* 0 = none */
  size_t max_chambers;    /* of one hub */
  size_t max_svids;       /* of one chamber */
  size_t max_runs;        /* open on one stream */
};
#define INGEST_LIMITS_DEFAULT                                                                                          \
  ((struct ingest_limits){.max_block_points = 1u << 20, .max_chambers = 256, .max_svids = 4096, .max_runs = 1024})

/* ---- what a collector remembers of one stream: the dictionaries of its hello, and its runs ---- */
struct ingest_svid {
  uint32_t number;
  const char *name;
  size_t name_n;
  uint64_t seen_in; /* the block that used it last: finds an SVID that stands twice in a block */
};
struct ingest_chamber {
  const char *tool, *chamber;
  struct ingest_svid *svids; /* by number */
  size_t n_svids;
};
struct ingest_run {
  uint64_t run; /* the hub's handle */
  const struct ingest_chamber *chamber;
  uint64_t seen_seq, done_seq; /* highest that came; highest acked or rejected */
  bool start_due;              /* the run start was not answered yet */
  bool ended;                  /* its end was acked */
};
/* Not thread-safe. Zero-initialise. */
struct ingest_dict {
  struct tfdc_arena mem;
  struct ingest_chamber *chambers;
  size_t n_chambers;
  bool hello; /* has come */
  bool historical;
  struct ingest_run *runs; /* owned */
  size_t n_runs, cap_runs, n_ended;
  uint64_t blocks; /* decoded so far */
};
void ingest_dict_deinit(struct ingest_dict *d);
/* Takes a hello's dictionaries: ids, names, numbers are checked. LIMIT, BAD_ID, BAD_TEXT, MALFORMED, NOMEM. */
TFDC_MUST_USE tfdc_rc ingest_dict_hello(struct ingest_dict *d, const struct ingest_limits *limits,
                                        const struct model_hub_msg *hello, struct tfdc_error *err);
/* Opens a run or finds it again. RUN_UNKNOWN: its chamber is not in the hello; TOO_MANY_RUNS; NOMEM. */
TFDC_MUST_USE tfdc_rc ingest_dict_start(struct ingest_dict *d, const struct ingest_limits *limits, uint64_t run,
                                        struct model_key key, struct tfdc_error *err);
struct ingest_run *ingest_dict_run(struct ingest_dict *d,
                                   uint64_t run); /* NULL: not open; valid until the next start */
/* Books what was handed on, ... */
void ingest_dict_taken(struct ingest_dict *d, const struct model_hub_msg *m);
/* ... and what was replied; forgets runs that have ended or could not start. */
void ingest_dict_replied(struct ingest_dict *d, const struct model_hub_reply *r);
/* True while messages of some run wait for an ack or reject, or a run start for its answer. */
bool ingest_dict_due(const struct ingest_dict *d);

/* ---- hub to collector ---- */
/* One HubMessage. OK: *ret is filled, its strings live in mem (or point into data), its block is the caller's
 * reference. ret->code not OK: the message is understood but must be rejected, with ret->run, seq, text. Any other
 * return: the stream cannot go on: MALFORMED not protobuf, NO_HELLO, or what is wrong in a hello; err says what. mem is
 * the caller's to reset. */
TFDC_MUST_USE tfdc_rc ingest_decode(const uint8_t *data, size_t n, const struct ingest_limits *limits,
                                    struct ingest_dict *d, struct tfdc_arena *mem, struct model_hub_msg *ret,
                                    struct tfdc_error *err);
/* Only the block walk: data is one encoded Block. The same results as ingest_decode. */
TFDC_MUST_USE tfdc_rc ingest_decode_block(const uint8_t *data, size_t n, const struct ingest_limits *limits,
                                          struct ingest_dict *d, struct tfdc_arena *mem, struct model_hub_msg *ret,
                                          struct tfdc_error *err);
/* Appends one HubMessage. USAGE for a kind that hubs don't send (CLOSED); NOMEM, LIMIT. Regular sampling is found and
 * written as start, period, count. */
TFDC_MUST_USE tfdc_rc ingest_encode(const struct model_hub_msg *m, struct tfdc_buf *out);

/* ---- collector to hub ---- */
TFDC_MUST_USE tfdc_rc ingest_encode_reply(const struct model_hub_reply *r, const char *collector, struct tfdc_buf *out);
/* MALFORMED; NOMEM. Strings live in mem. An unknown reject code becomes INTERNAL. A reply of a newer kind: UNSUPPORTED.
 */
TFDC_MUST_USE tfdc_rc ingest_decode_reply(const uint8_t *data, size_t n, struct tfdc_arena *mem,
                                          struct model_hub_reply *ret);

#endif
