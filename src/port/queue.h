/* SPDX-License-Identifier: Apache-2.0
 * Ports: publish and work queue, shaped after JetStream work-queue streams (DESIGN sections 5 and 6). A message stays
 * until it is acked; each message is delivered to at most one consumer; a consumer's filters are fixed when it is
 * created and can only shrink. Adapters: mem, sqlite (embedded, one process); later NATS, Kafka. */
#ifndef PORT_QUEUE_H
#define PORT_QUEUE_H

#include "port/port.h"

#include <stdint.h>

/* PORT_PUBLISH */
enum publish_op { PUBLISH_SEND };
struct publish_req {
  struct port_req base;
  const char *subject; /* "dc.<tool>.<chamber>.completed" */
  const char *msg_id;  /* equal ids within the duplicate window (2 min) are stored once */
  const void *data;    /* at most 1 MB: LIMIT */
  size_t n;
  bool duplicate; /* out: it was there already */
};
static inline void publish_req_init(struct publish_req *r) {
  *r = (struct publish_req){.base = {.kind = PORT_PUBLISH, .op = PUBLISH_SEND}};
}

/* PORT_WORKQUEUE */
enum workqueue_op {
  WORKQUEUE_CREATE, /* consumer, filters (1..200, or the one filter ">" = everything), ack_wait_us: EXISTS if the name
                       is taken, CONFLICT if a filter overlaps another consumer's. Names are never reused by callers. */
  WORKQUEUE_SHRINK, /* consumer, filters = a non-empty subset of what it has: USAGE otherwise. Messages in flight stay
                       with it. */
  WORKQUEUE_DELETE, /* consumer: its pulls end with CLOSED, messages in flight are free for others; NOT_FOUND */
  WORKQUEUE_PULL,   /* consumer, max messages, expires_us -> messages (0 when the time is up); long-running */
  WORKQUEUE_ACK, /* token: confirmed removal; NOT_FOUND when it is no longer this delivery's (redelivered or removed) */
  WORKQUEUE_PROGRESS,    /* token: starts ack_wait anew; NOT_FOUND as above */
  WORKQUEUE_NAK,         /* token, delay_us: redelivered after the delay */
  WORKQUEUE_DEAD_LETTER, /* token, reason: copied to the dead letters with the reason (durable), then removed */
  WORKQUEUE_DLQ_LIST,    /* page by `token` (start behind it) and max -> messages with reason */
  WORKQUEUE_DLQ_REMOVE,  /* token; NOT_FOUND */
  WORKQUEUE_INFO         /* consumer NULL = whole queue -> pending, in_flight, dead */
};
struct workqueue_msg {
  uint64_t token; /* names this delivery */
  const char *subject, *msg_id;
  const void *data;
  size_t n;
  uint32_t deliveries; /* 1 = first */
  int64_t stored_us;   /* wall clock */
  const char *reason;  /* dead letters */
};
struct workqueue_req {
  struct port_req base;
  const char *consumer;
  const char *const *filters; /* "dc.ETCH-01.A.completed"; ">" */
  size_t n_filters;
  int64_t ack_wait_us;
  uint32_t max_in_flight; /* CREATE; 0 = 1,000 */
  uint32_t max;
  int64_t expires_us; /* PULL: how long to wait for the first message */
  uint64_t token;
  int64_t delay_us;
  const char *reason;
  /* out, in base.mem */
  struct workqueue_msg *msgs;
  size_t n;
  uint64_t pending, in_flight, dead;
};
static inline void workqueue_req_init(struct workqueue_req *r, enum workqueue_op op) {
  *r = (struct workqueue_req){.base = {.kind = PORT_WORKQUEUE, .op = (uint16_t)op}};
}

#endif
