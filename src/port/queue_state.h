/* SPDX-License-Identifier: Apache-2.0
 * The rules of port/queue.h, kept once for the adapters that hold a queue themselves (mem, sqlite): which message goes
 * to whom and when. No I/O, no clock, no lock: the adapter calls it on one thread, tells it the time and carries out
 * what is to be kept through struct queue_log. Payloads are not held here. */
#ifndef PORT_QUEUE_STATE_H
#define PORT_QUEUE_STATE_H

#include "port/queue.h"

enum {
  QUEUE_MAX_DATA = 1 << 20,
  QUEUE_MAX_FILTERS = 200,
  QUEUE_MAX_NAME = 128,
  QUEUE_MAX_SUBJECT = 256,
  QUEUE_MAX_PULL = 1000,           /* messages in one answer */
  QUEUE_MAX_PULL_BYTES = 16 << 20, /* data in one answer; one message always fits */
  QUEUE_MAX_REASON = 1024
};
#define QUEUE_DUPLICATE_WINDOW_US (INT64_C(120) * TFDC_US_PER_S)

struct queue_now {
  tfdc_mono mono;
  tfdc_wall wall;
};

/* A message as the log keeps it. */
struct queue_item {
  uint64_t seq;                 /* rises with each message, never reused */
  const char *subject, *msg_id; /* msg_id may be "" */
  int64_t stored_us;
  uint32_t deliveries;
  void *keep; /* the log's own handle, set by add or at restore */
};

/* Where messages are kept. Each function either does the whole thing or fails and changes nothing; `err` gets the text.
 */
struct queue_log {
  tfdc_rc (*add)(struct queue_log *l, struct queue_item *item, const void *data, size_t n, struct tfdc_error *err);
  tfdc_rc (*delivered)(struct queue_log *l, const struct queue_item *item, uint32_t deliveries, struct tfdc_error *err);
  tfdc_rc (*load)(struct queue_log *l, const struct queue_item *item, struct tfdc_arena *mem, struct workqueue_msg *ret,
                  struct tfdc_error *err); /* sets data and n */
  tfdc_rc (*remove)(struct queue_log *l, const struct queue_item *item, struct tfdc_error *err);
  /* Copies the message to the dead letters and removes it. */
  tfdc_rc (*bury)(struct queue_log *l, const struct queue_item *item, const char *reason, struct tfdc_error *err);
  tfdc_rc (*dead_list)(struct queue_log *l, struct workqueue_req *r); /* r->token, r->max -> r->msgs */
  tfdc_rc (*dead_remove)(struct queue_log *l, uint64_t token, struct tfdc_error *err);
  uint64_t (*dead_count)(struct queue_log *l);
};

struct queue_state;

/* complete(user, r, rc) is called for each request that was given in, once, possibly inside that very call. NULL when
 * memory is out. */
struct queue_state *queue_state_create(struct queue_log *log,
                                       void (*complete)(void *user, struct port_req *r, tfdc_rc rc), void *user);
/* No pull may be waiting. NULL is fine. */
void queue_state_destroy(struct queue_state *s);

/* At start, in order of seq: a message that the log holds. NOMEM. */
TFDC_MUST_USE tfdc_rc queue_state_restore(struct queue_state *s, const struct queue_item *item);
/* At start, in order of time: an id that was published age_us ago. NOMEM. */
TFDC_MUST_USE tfdc_rc queue_state_restore_id(struct queue_state *s, const char *msg_id, int64_t age_us, tfdc_mono now);
/* Forgets messages, deliveries and ids (not consumers and waiting pulls), before the log is read again. */
void queue_state_reset(struct queue_state *s);

void queue_state_publish(struct queue_state *s, struct publish_req *r, struct queue_now now);
void queue_state_work(struct queue_state *s, struct workqueue_req *r, struct queue_now now);
/* A waiting pull ends with rc; anything else is left alone. The pointer is only compared. */
void queue_state_end_pull(struct queue_state *s, const struct port_req *r, tfdc_rc rc);
void queue_state_end_pulls(struct queue_state *s, tfdc_rc rc);
/* Waiting pulls of a loop whose process died: dropped without a completion, their memory is not touched. */
void queue_state_forget_loop(struct queue_state *s, const struct port_loop *loop);

/* Redelivers and ends pulls whose time is up. */
void queue_state_tick(struct queue_state *s, struct queue_now now);
/* When to tick next; TFDC_NEVER. */
tfdc_mono queue_state_deadline(const struct queue_state *s);
/* The next seq, after restore, when the log has given out higher ones. */
void queue_state_set_next_seq(struct queue_state *s, uint64_t seq);

#endif
