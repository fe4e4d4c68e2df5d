/* SPDX-License-Identifier: Apache-2.0
 * The watches of a kv_state: who looks at which keys, and the events that wait for them. */
#ifndef PORT_KV_WATCH_H
#define PORT_KV_WATCH_H

#include "port/kv_state.h"

struct kv_watch;
struct kv_watches {
  void (*complete)(void *user, struct port_req *r, tfdc_rc rc);
  void *user;
  struct kv_watch *first; /* owned */
  uint32_t n;
  uint64_t last_handle;
};

void kv_watches_deinit(struct kv_watches *ws);
/* Sets r->watch. BUSY above KV_MAX_WATCHES, NOMEM. */
TFDC_MUST_USE tfdc_rc kv_watches_open(struct kv_watches *ws, struct kv_req *r, struct kv_watch **ret);
/* Its waiting request ends with CLOSED. NOT_FOUND. */
tfdc_rc kv_watches_close(struct kv_watches *ws, uint64_t handle);
/* Answers or keeps the request. */
void kv_watches_next(struct kv_watches *ws, struct kv_req *r);
/* Appends an event for this watch, where the key fits. LIMIT when too many wait, NOMEM. */
TFDC_MUST_USE tfdc_rc kv_watch_add(struct kv_watch *w, const struct kv_entry *e);
/* Tells all watches of the bucket; one that cannot take it dies. */
void kv_watches_tell(struct kv_watches *ws, const char *bucket, const struct kv_entry *e);
/* All watches are dead: waiting requests end with rc, later ones with UNAVAILABLE. */
void kv_watches_end(struct kv_watches *ws, tfdc_rc rc);
void kv_watches_end_wait(struct kv_watches *ws, const struct port_req *r, tfdc_rc rc);
void kv_watches_forget_loop(struct kv_watches *ws, const struct port_loop *loop);

/* A deep copy into the arena. NOMEM. */
TFDC_MUST_USE tfdc_rc kv_entry_copy(struct tfdc_arena *mem, const struct kv_entry *from, struct kv_entry *to);

#endif
