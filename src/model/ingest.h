/* SPDX-License-Identifier: Apache-2.0
 * What hubs and collectors say to each other, decoded: the messages of api/ingest.proto as plain records. Strings and
 * arrays are borrowed from the message's owner (struct model_block_mem for blocks). */
#ifndef MODEL_INGEST_H
#define MODEL_INGEST_H

#include "base/err.h"
#include "model/records.h"

/* One SVID's samples of a block. Regular sampling has been expanded: times are always there. */
struct model_column {
  uint32_t svid;    /* number; the collector maps it to its dictionary index */
  const char *name; /* from the stream's dictionary */
  size_t n;
  const int64_t *t_us; /* strictly rising; several columns may share one array (equal pointers) */
  const double *v;     /* NaN and Inf are missing readings, kept as they are */
};

/* A decoded block: immutable, counted, freed when the last holder drops it. Thread-safe counting. */
struct model_block {
  uint64_t seq; /* of the run, from 1, rising */
  size_t n_columns;
  const struct model_column *columns;
  uint64_t points;
  uint64_t missing; /* of the points: NaN or Inf */
  size_t bytes;     /* memory it holds, for budgets */
};
void model_block_ref(struct model_block *b);
void model_block_unref(struct model_block *b); /* NULL ok */
/* A block with room for arrays: n_columns columns, `times` time stamps and `values` values to be filled by the maker
 * before anybody else sees it. NULL when out of memory. One reference, the caller's. */
struct model_block *model_block_create(size_t n_columns, size_t times, size_t values, struct model_column **ret_columns,
                                       int64_t **ret_times, double **ret_values);

enum model_hub_msg_kind {
  MODEL_HUB_HELLO,
  MODEL_HUB_RUN_START,
  MODEL_HUB_BLOCK,
  MODEL_HUB_STEP,
  MODEL_HUB_RUN_END,
  MODEL_HUB_AMEND,
  MODEL_HUB_CLOSED /* the stream ended: by the hub, or broken; the last message of a stream */
};
/* Hub to collector. */
struct model_hub_msg {
  enum model_hub_msg_kind kind;
  uint64_t run; /* the hub's handle of the run on this stream, chosen by the hub at run start; unique in the stream */
  /* HELLO: */
  const char *hub; /* name */
  bool historical;
  const struct model_chamber *chambers; /* dictionaries of all chambers of this hub */
  size_t n_chambers;
  /* RUN_START (all known fields) and AMEND (known fields replace, NULL/-1/NaN/NO_TIME keep): */
  const struct model_context *context;
  /* BLOCK: one reference passes to the receiver. A block that could not be decoded: block NULL, code says why. */
  struct model_block *block;
  uint64_t seq; /* BLOCK, STEP, RUN_END, AMEND: sequence number in the run; blocks, steps, end and amendments share one
                   count */
  tfdc_rc code; /* not OK: to be rejected with this code and text */
  const char *text;
  /* STEP: step with end MODEL_NO_TIME = it starts; or an event */
  const struct model_step *step;
  const struct model_event *event;
  /* RUN_END: */
  int64_t end_us;
  enum model_end_reason end_reason;
  uint64_t bytes; /* size on the wire, for metrics */
};

enum model_hub_reply_kind { MODEL_REPLY_HELLO, MODEL_REPLY_RESUME, MODEL_REPLY_ACK, MODEL_REPLY_REJECT };
/* Collector to hub. */
struct model_hub_reply {
  enum model_hub_reply_kind kind;
  uint64_t run;
  bool closed;  /* RESUME: the run is closed already */
  uint64_t seq; /* RESUME: last durable seq of the run, continue behind it; ACK: everything up to it is durable; REJECT:
                   this one */
  bool end;     /* ACK: the run's end is durable and handed on */
  tfdc_rc code; /* REJECT */
  const char *text;
  /* HELLO: the hub's duty to keep what is not acked, for at least so long and so much */
  uint32_t keep_s;
  uint64_t keep_bytes;
  uint64_t max_message_bytes, max_block_points;
};

#endif
