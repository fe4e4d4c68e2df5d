/* SPDX-License-Identifier: Apache-2.0
 * Inside of queue_state: the parts that queue_state.c (messages and time) and queue_work.c (consumers and their
 * requests) share. */
#ifndef PORT_QUEUE_STATE_IMPL_H
#define PORT_QUEUE_STATE_IMPL_H

#include "base/map.h"
#include "port/queue_state.h"

enum msg_place { MSG_READY, MSG_IN_FLIGHT, MSG_DELAYED };
/* In exactly one list: READY in the ready list of its owner (or of who its subject is routed to, or the orphans), by
 * seq; else in the due list, by due. */
struct msg {
  struct msg *prev, *next;
  struct queue_item item; /* text behind the struct */
  enum msg_place place;
  struct consumer *owner; /* whom it was delivered to; it stays his until he is deleted */
  uint64_t token;         /* while IN_FLIGHT */
  tfdc_mono due;
};
struct msg_list {
  struct msg *first, *last;
  uint64_t n;
};
struct pull { /* a waiting one */
  struct pull *next;
  struct workqueue_req *req;
  const struct port_loop *loop;
  tfdc_mono expires;
};
struct consumer {
  struct consumer *next;
  const char *name;
  char **filters; /* owned, as each text; NULL with `all` */
  size_t n_filters;
  bool all;
  int64_t ack_wait_us;
  uint32_t max_in_flight, in_flight;
  struct msg_list ready;
  struct pull *pulls; /* owned, oldest first */
};
struct known_id {
  struct known_id *next;
  struct tfdc_id128 key;
  tfdc_mono at;
};
struct queue_state {
  struct queue_log *log;
  void (*complete)(void *user, struct port_req *r, tfdc_rc rc);
  void *user;
  uint64_t next_seq, last_token;
  struct msg_list orphans; /* nobody's subject */
  struct msg_list due;     /* in flight and delayed */
  struct tfdc_map tokens;  /* -> msg */
  struct consumer *consumers;
  struct tfdc_map routes; /* subject -> consumer */
  struct consumer *all;   /* the one with ">" */
  struct tfdc_map ids;    /* -> known_id */
  struct known_id *oldest_id, **newest_id;
};

struct tfdc_id128 queue_text_key(const char *text);
/* Who gets a message that was not delivered yet. */
struct msg_list *queue_route(struct queue_state *s, const char *subject);
void queue_list_remove(struct msg_list *l, struct msg *m);
void queue_list_by_seq(struct msg_list *l, struct msg *m);
void queue_list_by_due(struct msg_list *l, struct msg *m);
/* In flight or delayed -> ready. */
void queue_make_ready(struct queue_state *s, struct msg *m);
/* Takes the message out of all and frees it. */
void queue_drop(struct queue_state *s, struct msg *m);
/* Gives ready messages to waiting pulls. */
void queue_serve(struct queue_state *s, struct consumer *c, tfdc_mono now);
void queue_serve_all(struct queue_state *s, tfdc_mono now);
void queue_free_consumer(struct consumer *c);
bool queue_is_subject(const char *text);

#endif
