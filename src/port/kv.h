/* SPDX-License-Identifier: Apache-2.0
 * Port: key-value buckets with revisions (JetStream KV). Keys match [A-Za-z0-9_.=/-]{1,128}, values <= 1 MB. Revisions
 * rise over a bucket. Expiry by ttl is a hint that arrives as a watch event, never a verdict. Adapters: mem, sqlite;
 * later NATS. */
#ifndef PORT_KV_H
#define PORT_KV_H

#include "port/port.h"

#include <stdint.h>

enum kv_op {
  KV_GET,        /* bucket, key -> entries[0]; NOT_FOUND */
  KV_CREATE,     /* bucket, key, value, ttl_us -> revision; EXISTS. A deleted or expired key can be created. */
  KV_UPDATE,     /* bucket, key, value, ttl_us, revision = expected -> revision; REVISION */
  KV_PUT,        /* bucket, key, value, ttl_us -> revision, unconditional */
  KV_DELETE,     /* bucket, key, revision = expected (0 = any) ; REVISION, NOT_FOUND */
  KV_LIST,       /* bucket, key = prefix -> entries, by key */
  KV_WATCH_OPEN, /* bucket, key = prefix -> watch handle; the first events are what is there, then one with initial_done
                  */
  KV_WATCH_NEXT, /* watch -> entries: at least one event; long-running. CLOSED or UNAVAILABLE: this watch is dead, open
                    a new one */
  KV_WATCH_CLOSE /* watch */
};
enum kv_event { KV_VALUE, KV_DELETED, KV_EXPIRED, KV_INITIAL_DONE };
struct kv_entry {
  enum kv_event event;
  const char *key;
  const void *value;
  size_t n;
  uint64_t revision;
};
struct kv_req {
  struct port_req base;
  const char *bucket, *key;
  const void *value;
  size_t n;
  int64_t ttl_us;    /* 0 = none */
  uint64_t revision; /* in: expected; out: new */
  uint64_t watch;
  struct kv_entry *entries; /* out, in base.mem */
  size_t n_entries;
};
static inline void kv_req_init(struct kv_req *r, enum kv_op op) {
  *r = (struct kv_req){.base = {.kind = PORT_KV, .op = (uint16_t)op}};
}

#endif
