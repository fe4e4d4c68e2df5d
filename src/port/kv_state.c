/* SPDX-License-Identifier: Apache-2.0 */
#include "port/kv_state.h"

#include "port/kv_watch.h"

#include <stdlib.h>
#include <string.h>

/* Buckets are few and small (ids, heartbeats, one map): sorted lists are simple and fast enough. */
struct pair {
  struct pair *next;
  const char *key;   /* behind the struct */
  const void *value; /* behind the key */
  size_t n;
  uint64_t revision;
  tfdc_mono expires;
};
struct bucket {
  struct bucket *next;
  const char *name;   /* behind the struct */
  struct pair *pairs; /* owned, by key */
  uint64_t revision;  /* the newest */
};
struct kv_state {
  struct kv_log *log;
  void (*complete)(void *user, struct port_req *r, tfdc_rc rc);
  void *user;
  struct bucket *buckets; /* owned */
  struct kv_watches watches;
};

struct kv_state *kv_state_create(struct kv_log *log, void (*complete)(void *user, struct port_req *r, tfdc_rc rc),
                                 void *user) {
  struct kv_state *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  *s = (struct kv_state){.log = log, .complete = complete, .user = user};
  s->watches = (struct kv_watches){.complete = complete, .user = user};
  return s;
}

static void free_buckets(struct kv_state *s) {
  while (s->buckets != NULL) {
    struct bucket *b = s->buckets;
    s->buckets = b->next;
    while (b->pairs != NULL) {
      struct pair *next = b->pairs->next;
      free(b->pairs);
      b->pairs = next;
    }
    free(b);
  }
}

void kv_state_destroy(struct kv_state *s) {
  if (s == NULL) return;
  kv_watches_deinit(&s->watches);
  free_buckets(s);
  free(s);
}

void kv_state_reset(struct kv_state *s) {
  kv_watches_end(&s->watches, TFDC_E_UNAVAILABLE);
  free_buckets(s);
}

static struct bucket *find_bucket(struct kv_state *s, const char *name) {
  struct bucket *b = s->buckets;
  while (b != NULL && strcmp(b->name, name) != 0) b = b->next;
  return b;
}

static struct bucket *make_bucket(struct kv_state *s, const char *name) {
  struct bucket *b = find_bucket(s, name);
  if (b != NULL) return b;
  size_t n = strlen(name) + 1;
  b = calloc(1, sizeof *b + n);
  if (b == NULL) return NULL;
  b->name = memcpy(b + 1, name, n);
  b->next = s->buckets;
  s->buckets = b;
  return b;
}

/* Where the key is or would be. */
static struct pair **place_of(struct bucket *b, const char *key) {
  struct pair **at = &b->pairs;
  while (*at != NULL && strcmp((*at)->key, key) < 0) at = &(*at)->next;
  return at;
}

static struct pair *find_pair(struct bucket *b, const char *key) {
  if (b == NULL) return NULL;
  struct pair *p = *place_of(b, key);
  return p != NULL && strcmp(p->key, key) == 0 ? p : NULL;
}

static struct pair *new_pair(const struct kv_write *w, tfdc_mono expires) {
  size_t key_n = strlen(w->key) + 1;
  struct pair *p = malloc(sizeof *p + key_n + w->n);
  if (p == NULL) return NULL;
  char *text = (char *)(p + 1);
  *p = (struct pair){.n = w->n, .revision = w->revision, .expires = expires};
  p->key = memcpy(text, w->key, key_n);
  p->value = text + key_n;
  if (w->n > 0) memcpy(text + key_n, w->value, w->n);
  return p;
}

static void insert(struct bucket *b, struct pair *fresh) {
  struct pair **at = place_of(b, fresh->key), *old = *at;
  bool replaces = old != NULL && strcmp(old->key, fresh->key) == 0;
  fresh->next = replaces ? old->next : old;
  *at = fresh;
  if (replaces) free(old);
  if (fresh->revision > b->revision) b->revision = fresh->revision;
}

static void remove_pair(struct bucket *b, const char *key) {
  struct pair **at = place_of(b, key), *p = *at;
  *at = p->next;
  free(p);
}

tfdc_rc kv_state_restore(struct kv_state *s, const struct kv_write *w, struct kv_now now) {
  struct bucket *b = make_bucket(s, w->bucket);
  if (b == NULL) return TFDC_E_NOMEM;
  if (w->value != NULL) {
    tfdc_mono expires = {TFDC_NEVER};
    if (w->expires_us != 0) expires.us = now.mono.us + (w->expires_us - now.wall.us);
    struct pair *p = new_pair(w, expires);
    if (p == NULL) return TFDC_E_NOMEM;
    insert(b, p);
  }
  if (w->revision > b->revision) b->revision = w->revision;
  return TFDC_OK;
}

/* ---- writes ---- */

static tfdc_rc keep(struct kv_state *s, const struct kv_write *w, struct tfdc_error *err) {
  return s->log == NULL || s->log->write == NULL ? TFDC_OK : s->log->write(s->log, w, err);
}

static tfdc_rc set(struct kv_state *s, struct kv_req *r, struct kv_now now) {
  struct bucket *b = make_bucket(s, r->bucket);
  if (b == NULL) return TFDC_E_NOMEM;
  struct kv_write w = {.bucket = r->bucket, .key = r->key, .value = r->n > 0 ? r->value : "", .n = r->n};
  w.revision = b->revision + 1;
  if (r->ttl_us > 0) w.expires_us = now.wall.us + r->ttl_us;
  struct pair *p =
      new_pair(&w, r->ttl_us > 0 ? tfdc_mono_add(now.mono, (tfdc_dur){r->ttl_us}) : (tfdc_mono){TFDC_NEVER});
  if (p == NULL) return TFDC_E_NOMEM;
  tfdc_rc rc = keep(s, &w, &r->base.err);
  if (rc != TFDC_OK) {
    free(p);
    return rc;
  }
  insert(b, p);
  r->revision = p->revision;
  kv_watches_tell(&s->watches, b->name, &(struct kv_entry){KV_VALUE, p->key, p->value, p->n, p->revision});
  return TFDC_OK;
}

static tfdc_rc take_away(struct kv_state *s, struct bucket *b, struct pair *p, enum kv_event why,
                         struct tfdc_error *err) {
  struct kv_write w = {.bucket = b->name, .key = p->key, .revision = b->revision + 1};
  TFDC_TRY(keep(s, &w, err));
  b->revision = w.revision;
  kv_watches_tell(&s->watches, b->name, &(struct kv_entry){why, p->key, NULL, 0, w.revision});
  remove_pair(b, p->key);
  return TFDC_OK;
}

static tfdc_rc create(struct kv_state *s, struct kv_req *r, struct kv_now now) {
  if (find_pair(find_bucket(s, r->bucket), r->key) != NULL)
    return tfdc_fail(&r->base.err, TFDC_E_EXISTS, "%s/%s exists", r->bucket, r->key);
  return set(s, r, now);
}

static tfdc_rc wrong_revision(struct kv_req *r, const struct pair *p) {
  return tfdc_fail(&r->base.err, TFDC_E_REVISION, "%s/%s is at revision %llu, not %llu", r->bucket, r->key,
                   p != NULL ? (unsigned long long)p->revision : 0ULL, (unsigned long long)r->revision);
}

static tfdc_rc update(struct kv_state *s, struct kv_req *r, struct kv_now now) {
  const struct pair *p = find_pair(find_bucket(s, r->bucket), r->key);
  if (p == NULL || p->revision != r->revision) return wrong_revision(r, p);
  return set(s, r, now);
}

static tfdc_rc not_found(struct kv_req *r) {
  return tfdc_fail(&r->base.err, TFDC_E_NOT_FOUND, "%s/%s is not there", r->bucket, r->key);
}

static tfdc_rc delete_key(struct kv_state *s, struct kv_req *r) {
  struct bucket *b = find_bucket(s, r->bucket);
  struct pair *p = find_pair(b, r->key);
  if (p == NULL) return not_found(r);
  if (r->revision != 0 && p->revision != r->revision) return wrong_revision(r, p);
  TFDC_TRY(take_away(s, b, p, KV_DELETED, &r->base.err));
  r->revision = b->revision;
  return TFDC_OK;
}

/* ---- reads ---- */

static tfdc_rc get(struct kv_state *s, struct kv_req *r) {
  const struct pair *p = find_pair(find_bucket(s, r->bucket), r->key);
  if (p == NULL) return not_found(r);
  struct kv_entry *e = tfdc_arena_array(&r->base.mem, 1, sizeof *e);
  if (e == NULL) return TFDC_E_NOMEM;
  TFDC_TRY(kv_entry_copy(&r->base.mem, &(struct kv_entry){KV_VALUE, p->key, p->value, p->n, p->revision}, e));
  r->entries = e;
  r->n_entries = 1;
  r->revision = p->revision;
  return TFDC_OK;
}

static tfdc_rc list(struct kv_state *s, struct kv_req *r) {
  struct bucket *b = find_bucket(s, r->bucket);
  size_t prefix = strlen(r->key), n = 0;
  for (const struct pair *p = b != NULL ? b->pairs : NULL; p != NULL; p = p->next)
    n += strncmp(p->key, r->key, prefix) == 0;
  struct kv_entry *e = tfdc_arena_array(&r->base.mem, n, sizeof *e);
  if (e == NULL) return TFDC_E_NOMEM;
  size_t i = 0;
  for (const struct pair *p = b != NULL ? b->pairs : NULL; p != NULL; p = p->next) {
    if (strncmp(p->key, r->key, prefix) != 0) continue;
    TFDC_TRY(kv_entry_copy(&r->base.mem, &(struct kv_entry){KV_VALUE, p->key, p->value, p->n, p->revision}, &e[i++]));
  }
  r->entries = e;
  r->n_entries = n;
  return TFDC_OK;
}

static tfdc_rc open_watch(struct kv_state *s, struct kv_req *r) {
  struct kv_watch *w = NULL;
  TFDC_TRY(kv_watches_open(&s->watches, r, &w));
  struct bucket *b = find_bucket(s, r->bucket);
  tfdc_rc rc = TFDC_OK;
  for (const struct pair *p = b != NULL ? b->pairs : NULL; p != NULL && rc == TFDC_OK; p = p->next)
    rc = kv_watch_add(w, &(struct kv_entry){KV_VALUE, p->key, p->value, p->n, p->revision});
  if (rc == TFDC_OK) rc = kv_watch_add(w, &(struct kv_entry){.event = KV_INITIAL_DONE, .key = ""});
  if (rc != TFDC_OK) {
    uint64_t handle = r->watch;
    (void)kv_watches_close(&s->watches, handle);
  }
  return rc;
}

/* ---- all ---- */

/* [A-Za-z0-9_.=/-], at least `least` of them. */
static bool is_key(const char *s, size_t least) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.=/-";
  if (s == NULL) return false;
  size_t n = strspn(s, allowed);
  return s[n] == '\0' && n >= least && n <= KV_MAX_KEY;
}

static tfdc_rc check(const struct kv_req *r, struct tfdc_error *err) {
  bool by_handle = r->base.op == KV_WATCH_NEXT || r->base.op == KV_WATCH_CLOSE;
  bool by_prefix = r->base.op == KV_LIST || r->base.op == KV_WATCH_OPEN;
  if (by_handle) return TFDC_OK;
  if (!is_key(r->bucket, 1)) return tfdc_fail(err, TFDC_E_USAGE, "bad bucket name");
  if (!is_key(r->key, by_prefix ? 0 : 1)) return tfdc_fail(err, TFDC_E_USAGE, "bad key");
  if (r->n > KV_MAX_VALUE) return tfdc_fail(err, TFDC_E_LIMIT, "value of %zu bytes, at most %d", r->n, KV_MAX_VALUE);
  if (r->ttl_us < 0) return tfdc_fail(err, TFDC_E_USAGE, "negative ttl");
  return TFDC_OK;
}

void kv_state_execute(struct kv_state *s, struct kv_req *r, struct kv_now now) {
  kv_state_tick(s, now);
  r->entries = NULL;
  r->n_entries = 0;
  tfdc_rc rc = check(r, &r->base.err);
  if (rc == TFDC_OK) {
    switch ((enum kv_op)r->base.op) {
    case KV_WATCH_NEXT: kv_watches_next(&s->watches, r); return;
    case KV_GET: rc = get(s, r); break;
    case KV_CREATE: rc = create(s, r, now); break;
    case KV_UPDATE: rc = update(s, r, now); break;
    case KV_PUT: rc = set(s, r, now); break;
    case KV_DELETE: rc = delete_key(s, r); break;
    case KV_LIST: rc = list(s, r); break;
    case KV_WATCH_OPEN: rc = open_watch(s, r); break;
    case KV_WATCH_CLOSE: rc = kv_watches_close(&s->watches, r->watch); break;
    default: rc = tfdc_fail(&r->base.err, TFDC_E_USAGE, "no such operation: %d", r->base.op); break;
    }
  }
  s->complete(s->user, &r->base, rc);
}

void kv_state_end_wait(struct kv_state *s, const struct port_req *r, tfdc_rc rc) {
  kv_watches_end_wait(&s->watches, r, rc);
}
void kv_state_end_watches(struct kv_state *s, tfdc_rc rc) { kv_watches_end(&s->watches, rc); }
void kv_state_forget_loop(struct kv_state *s, const struct port_loop *loop) {
  kv_watches_forget_loop(&s->watches, loop);
}

/* A value whose expiry cannot be kept stays until the next tick: expiry is a hint. */
void kv_state_tick(struct kv_state *s, struct kv_now now) {
  for (struct bucket *b = s->buckets; b != NULL; b = b->next)
    for (struct pair *p = b->pairs; p != NULL;) {
      struct pair *next = p->next;
      if (p->expires.us <= now.mono.us && take_away(s, b, p, KV_EXPIRED, NULL) != TFDC_OK)
        p->expires = tfdc_mono_add(now.mono, tfdc_seconds(1));
      p = next;
    }
}

tfdc_mono kv_state_deadline(const struct kv_state *s) {
  tfdc_mono first = {TFDC_NEVER};
  for (const struct bucket *b = s->buckets; b != NULL; b = b->next)
    for (const struct pair *p = b->pairs; p != NULL; p = p->next)
      if (p->expires.us < first.us) first = p->expires;
  return first;
}
