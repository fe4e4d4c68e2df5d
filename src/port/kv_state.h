/* SPDX-License-Identifier: Apache-2.0
 * The rules of port/kv.h, kept once for the adapters that hold buckets themselves (mem, sqlite): values, revisions,
 * expiry, watches. No I/O, no clock, no lock: the adapter calls it on one thread and tells it the time. Everything is
 * in memory; what must outlive the process goes through struct kv_log before it changes here. */
#ifndef PORT_KV_STATE_H
#define PORT_KV_STATE_H

#include "port/kv.h"

enum {
  KV_MAX_KEY = 128,
  KV_MAX_VALUE = 1 << 20,
  KV_MAX_WATCHES = 1000,
  KV_MAX_BACKLOG = 10000, /* events that wait for a slow watcher; above, the watch dies */
  KV_MAX_EVENTS = 1000    /* in one answer */
};

struct kv_now {
  tfdc_mono mono;
  tfdc_wall wall;
};
/* One write. value NULL = the key goes. expires_us: wall clock, 0 = never. */
struct kv_write {
  const char *bucket, *key;
  const void *value;
  size_t n;
  uint64_t revision;
  int64_t expires_us;
};
struct kv_log {
  /* Does the whole write or fails. NULL function: nothing is kept. */
  tfdc_rc (*write)(struct kv_log *l, const struct kv_write *w, struct tfdc_error *err);
};

struct kv_state;

/* complete(user, r, rc) is called for each request that was given in, once. NULL when memory is out. */
struct kv_state *kv_state_create(struct kv_log *log, void (*complete)(void *user, struct port_req *r, tfdc_rc rc),
                                 void *user);
/* No watch request may be waiting. NULL is fine. */
void kv_state_destroy(struct kv_state *s);

/* At start: a value (or with value NULL only the revision that the bucket has reached). */
TFDC_MUST_USE tfdc_rc kv_state_restore(struct kv_state *s, const struct kv_write *w, struct kv_now now);
/* Forgets all values and kills all watches (UNAVAILABLE), before the log is read again. */
void kv_state_reset(struct kv_state *s);

void kv_state_execute(struct kv_state *s, struct kv_req *r, struct kv_now now);
/* A waiting WATCH_NEXT ends with rc; anything else is left alone. The pointer is only compared. */
void kv_state_end_wait(struct kv_state *s, const struct port_req *r, tfdc_rc rc);
/* All watches die with rc. */
void kv_state_end_watches(struct kv_state *s, tfdc_rc rc);
/* Watches of a loop whose process died: gone without a completion, memory of their requests is not touched. */
void kv_state_forget_loop(struct kv_state *s, const struct port_loop *loop);
/* Lets values expire. */
void kv_state_tick(struct kv_state *s, struct kv_now now);
tfdc_mono kv_state_deadline(const struct kv_state *s); /* TFDC_NEVER */

#endif
