/* SPDX-License-Identifier: Apache-2.0 */
#include "port/kv_watch.h"

#include <stdlib.h>
#include <string.h>

struct event {
  struct event *next;
  struct kv_entry entry; /* key and value behind the struct */
};
struct kv_watch {
  struct kv_watch *next;
  uint64_t handle;
  char *bucket, *prefix; /* behind the struct */
  const struct port_loop *loop;
  struct kv_req *waiting; /* a WATCH_NEXT, or NULL */
  struct event *events, **tail;
  uint32_t n;
  bool dead;
};

tfdc_rc kv_entry_copy(struct tfdc_arena *mem, const struct kv_entry *from, struct kv_entry *to) {
  char *key = tfdc_arena_strdup(mem, from->key);
  char *value = from->value != NULL ? tfdc_arena_strndup(mem, from->value, from->n) : NULL;
  if (key == NULL || (from->value != NULL && value == NULL)) return TFDC_E_NOMEM;
  *to = *from;
  to->key = key;
  to->value = value;
  return TFDC_OK;
}

static void free_events(struct kv_watch *w) {
  while (w->events != NULL) {
    struct event *next = w->events->next;
    free(w->events);
    w->events = next;
  }
  w->tail = &w->events;
  w->n = 0;
}

static void remove_watch(struct kv_watches *ws, struct kv_watch **at) {
  struct kv_watch *w = *at;
  *at = w->next;
  ws->n--;
  free_events(w);
  free(w);
}

void kv_watches_deinit(struct kv_watches *ws) {
  while (ws->first != NULL) {
    TFDC_ASSERT(ws->first->waiting == NULL);
    remove_watch(ws, &ws->first);
  }
}

tfdc_rc kv_watches_open(struct kv_watches *ws, struct kv_req *r, struct kv_watch **ret) {
  if (ws->n >= KV_MAX_WATCHES) return tfdc_fail(&r->base.err, TFDC_E_BUSY, "%u watches are open", (unsigned)ws->n);
  size_t bucket_n = strlen(r->bucket) + 1, prefix_n = strlen(r->key) + 1;
  struct kv_watch *w = calloc(1, sizeof *w + bucket_n + prefix_n);
  if (w == NULL) return TFDC_E_NOMEM;
  w->bucket = memcpy(w + 1, r->bucket, bucket_n);
  w->prefix = memcpy(w->bucket + bucket_n, r->key, prefix_n);
  w->handle = ++ws->last_handle;
  w->loop = r->base.loop;
  w->tail = &w->events;
  w->next = ws->first;
  ws->first = w;
  ws->n++;
  r->watch = w->handle;
  *ret = w;
  return TFDC_OK;
}

static void end_wait(struct kv_watches *ws, struct kv_watch *w, tfdc_rc rc) {
  struct kv_req *r = w->waiting;
  if (r == NULL) return;
  w->waiting = NULL;
  ws->complete(ws->user, &r->base, rc);
}

static struct kv_watch **find(struct kv_watches *ws, uint64_t handle) {
  struct kv_watch **at = &ws->first;
  while (*at != NULL && (*at)->handle != handle) at = &(*at)->next;
  return at;
}

tfdc_rc kv_watches_close(struct kv_watches *ws, uint64_t handle) {
  struct kv_watch **at = find(ws, handle);
  if (*at == NULL) return TFDC_E_NOT_FOUND;
  end_wait(ws, *at, TFDC_E_CLOSED);
  remove_watch(ws, at);
  return TFDC_OK;
}

/* Moves waiting events into the answer; those that do not fit any more stay. */
static tfdc_rc hand_over(struct kv_watch *w, struct kv_req *r) {
  uint32_t max = w->n < KV_MAX_EVENTS ? w->n : KV_MAX_EVENTS;
  r->entries = tfdc_arena_array(&r->base.mem, max, sizeof *r->entries);
  if (r->entries == NULL) return TFDC_E_NOMEM;
  while (r->n_entries < max) {
    struct event *e = w->events;
    if (kv_entry_copy(&r->base.mem, &e->entry, &r->entries[r->n_entries]) != TFDC_OK) break;
    r->n_entries++;
    w->events = e->next;
    if (w->events == NULL) w->tail = &w->events;
    w->n--;
    free(e);
  }
  return r->n_entries > 0 ? TFDC_OK : TFDC_E_NOMEM;
}

void kv_watches_next(struct kv_watches *ws, struct kv_req *r) {
  struct kv_watch *w = *find(ws, r->watch);
  tfdc_rc rc = TFDC_OK;
  if (w == NULL)
    rc = tfdc_fail(&r->base.err, TFDC_E_CLOSED, "no such watch");
  else if (w->dead)
    rc = tfdc_fail(&r->base.err, TFDC_E_UNAVAILABLE, "the watch missed events: open a new one");
  else if (w->waiting != NULL)
    rc = tfdc_fail(&r->base.err, TFDC_E_USAGE, "the watch has a waiting request");
  else if (w->n > 0)
    rc = hand_over(w, r);
  else {
    w->waiting = r;
    return;
  }
  ws->complete(ws->user, &r->base, rc);
}

tfdc_rc kv_watch_add(struct kv_watch *w, const struct kv_entry *from) {
  if (strncmp(from->key, w->prefix, strlen(w->prefix)) != 0 && from->event != KV_INITIAL_DONE) return TFDC_OK;
  if (w->n >= KV_MAX_BACKLOG) return TFDC_E_LIMIT;
  size_t key_n = strlen(from->key) + 1;
  struct event *e = malloc(sizeof *e + key_n + from->n);
  if (e == NULL) return TFDC_E_NOMEM;
  char *text = (char *)(e + 1);
  *e = (struct event){.entry = *from};
  e->entry.key = memcpy(text, from->key, key_n);
  if (from->n > 0) memcpy(text + key_n, from->value, from->n);
  e->entry.value = from->value != NULL ? text + key_n : NULL;
  *w->tail = e;
  w->tail = &e->next;
  w->n++;
  return TFDC_OK;
}

static void die(struct kv_watches *ws, struct kv_watch *w, tfdc_rc rc) {
  w->dead = true;
  free_events(w);
  end_wait(ws, w, rc);
}

void kv_watches_tell(struct kv_watches *ws, const char *bucket, const struct kv_entry *e) {
  for (struct kv_watch *w = ws->first; w != NULL; w = w->next) {
    if (w->dead || strcmp(w->bucket, bucket) != 0) continue;
    if (kv_watch_add(w, e) != TFDC_OK) {
      die(ws, w, TFDC_E_UNAVAILABLE);
    } else if (w->waiting != NULL && w->n > 0) {
      tfdc_rc rc = hand_over(w, w->waiting);
      end_wait(ws, w, rc);
    }
  }
}

void kv_watches_end(struct kv_watches *ws, tfdc_rc rc) {
  for (struct kv_watch *w = ws->first; w != NULL; w = w->next) die(ws, w, rc);
}

void kv_watches_end_wait(struct kv_watches *ws, const struct port_req *r, tfdc_rc rc) {
  for (struct kv_watch *w = ws->first; w != NULL; w = w->next)
    if ((const void *)w->waiting == (const void *)r) {
      end_wait(ws, w, rc);
      return;
    }
}

void kv_watches_forget_loop(struct kv_watches *ws, const struct port_loop *loop) {
  for (struct kv_watch **at = &ws->first; *at != NULL;) {
    if ((*at)->loop == loop)
      remove_watch(ws, at);
    else
      at = &(*at)->next;
  }
}
