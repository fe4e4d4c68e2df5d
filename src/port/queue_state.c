/* SPDX-License-Identifier: Apache-2.0 */
#include "port/queue_state.h"

#include "base/text.h"
#include "port/queue_state_impl.h"

#include <stdlib.h>
#include <string.h>

struct tfdc_id128 queue_text_key(const char *text) {
  return tfdc_xxh3_128(text, strlen(text));
}
static struct tfdc_id128 token_key(uint64_t token) { return (struct tfdc_id128){0, token}; }

void queue_list_remove(struct msg_list *l, struct msg *m) {
  *(m->prev != NULL ? &m->prev->next : &l->first) = m->next;
  *(m->next != NULL ? &m->next->prev : &l->last) = m->prev;
  l->n--;
}

static void insert_before(struct msg_list *l, struct msg *m, struct msg *next) {
  m->next = next;
  m->prev = next != NULL ? next->prev : l->last;
  *(m->prev != NULL ? &m->prev->next : &l->first) = m;
  *(next != NULL ? &next->prev : &l->last) = m;
  l->n++;
}

/* New messages go to the end, redelivered ones are among the first: both are found at once. */
void queue_list_by_seq(struct msg_list *l, struct msg *m) {
  struct msg *next = NULL;
  if (l->last != NULL && l->last->item.seq > m->item.seq) {
    next = l->first;
    while (next->item.seq < m->item.seq) next = next->next;
  }
  insert_before(l, m, next);
}

void queue_list_by_due(struct msg_list *l, struct msg *m) {
  struct msg *prev = l->last;
  while (prev != NULL && prev->due.us > m->due.us) prev = prev->prev;
  insert_before(l, m, prev != NULL ? prev->next : l->first);
}

struct msg_list *queue_route(struct queue_state *s, const char *subject) {
  if (s->all != NULL) return &s->all->ready;
  struct consumer *c = tfdc_map_get(&s->routes, queue_text_key(subject));
  return c != NULL ? &c->ready : &s->orphans;
}

void queue_make_ready(struct queue_state *s, struct msg *m) {
  queue_list_remove(&s->due, m);
  if (m->place == MSG_IN_FLIGHT) {
    tfdc_map_remove(&s->tokens, token_key(m->token));
    m->owner->in_flight--;
  }
  m->place = MSG_READY;
  queue_list_by_seq(&m->owner->ready, m);
}

void queue_drop(struct queue_state *s, struct msg *m) {
  if (m->place == MSG_READY) {
    queue_list_remove(m->owner != NULL ? &m->owner->ready : queue_route(s, m->item.subject), m);
  } else {
    queue_list_remove(&s->due, m);
    if (m->place == MSG_IN_FLIGHT) {
      tfdc_map_remove(&s->tokens, token_key(m->token));
      m->owner->in_flight--;
    }
  }
  free(m);
}

struct queue_state *queue_state_create(struct queue_log *log,
                                       void (*complete)(void *user, struct port_req *r, tfdc_rc rc), void *user) {
  struct queue_state *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->log = log;
  s->complete = complete;
  s->user = user;
  s->next_seq = 1;
  s->newest_id = &s->oldest_id;
  return s;
}

static void free_messages(struct msg_list *l) {
  while (l->first != NULL) {
    struct msg *next = l->first->next;
    free(l->first);
    l->first = next;
  }
  *l = (struct msg_list){.n = 0};
}

void queue_state_reset(struct queue_state *s) {
  free_messages(&s->orphans);
  free_messages(&s->due);
  for (struct consumer *c = s->consumers; c != NULL; c = c->next) {
    free_messages(&c->ready);
    c->in_flight = 0;
  }
  tfdc_map_deinit(&s->tokens);
  while (s->oldest_id != NULL) {
    struct known_id *next = s->oldest_id->next;
    free(s->oldest_id);
    s->oldest_id = next;
  }
  s->newest_id = &s->oldest_id;
  tfdc_map_deinit(&s->ids);
}

void queue_state_destroy(struct queue_state *s) {
  if (s == NULL) return;
  queue_state_reset(s);
  while (s->consumers != NULL) {
    struct consumer *c = s->consumers;
    s->consumers = c->next;
    queue_free_consumer(c);
  }
  tfdc_map_deinit(&s->routes);
  free(s);
}

void queue_state_set_next_seq(struct queue_state *s, uint64_t seq) {
  if (seq > s->next_seq) s->next_seq = seq;
}

static struct msg *new_msg(const struct queue_item *item) {
  size_t subject_n = strlen(item->subject) + 1, id_n = strlen(item->msg_id) + 1;
  struct msg *m = calloc(1, sizeof *m + subject_n + id_n);
  if (m == NULL) return NULL;
  char *text = (char *)(m + 1);
  m->item = *item;
  m->item.subject = memcpy(text, item->subject, subject_n);
  m->item.msg_id = memcpy(text + subject_n, item->msg_id, id_n);
  return m;
}

tfdc_rc queue_state_restore(struct queue_state *s, const struct queue_item *item) {
  struct msg *m = new_msg(item);
  if (m == NULL) return TFDC_E_NOMEM;
  queue_list_by_seq(queue_route(s, m->item.subject), m);
  queue_state_set_next_seq(s, item->seq + 1);
  return TFDC_OK;
}

static void forget_old_ids(struct queue_state *s, tfdc_mono now) {
  while (s->oldest_id != NULL && now.us - s->oldest_id->at.us >= QUEUE_DUPLICATE_WINDOW_US) {
    struct known_id *id = s->oldest_id;
    s->oldest_id = id->next;
    if (s->oldest_id == NULL) s->newest_id = &s->oldest_id;
    tfdc_map_remove(&s->ids, id->key);
    free(id);
  }
}

static tfdc_rc remember_id(struct queue_state *s, const char *msg_id, tfdc_mono at) {
  struct known_id *id = malloc(sizeof *id);
  if (id == NULL) return TFDC_E_NOMEM;
  *id = (struct known_id){.key = queue_text_key(msg_id), .at = at};
  if (tfdc_map_put(&s->ids, id->key, id) != TFDC_OK) {
    free(id);
    return TFDC_E_NOMEM;
  }
  *s->newest_id = id;
  s->newest_id = &id->next;
  return TFDC_OK;
}

tfdc_rc queue_state_restore_id(struct queue_state *s, const char *msg_id, int64_t age_us, tfdc_mono now) {
  if (age_us >= QUEUE_DUPLICATE_WINDOW_US || tfdc_map_get(&s->ids, queue_text_key(msg_id)) != NULL) return TFDC_OK;
  return remember_id(s, msg_id, (tfdc_mono){now.us - (age_us > 0 ? age_us : 0)});
}

/* Tokens of [A-Za-z0-9_-], separated by single dots. */
bool queue_is_subject(const char *text) {
  size_t token = 0, n = 0;
  for (; text[n] != '\0' && n <= QUEUE_MAX_SUBJECT; n++) {
    if (text[n] == '.' && token == 0) return false;
    if (text[n] != '.' && !tfdc_is_id(&text[n], 1)) return false;
    token = text[n] == '.' ? 0 : token + 1;
  }
  return token > 0 && n <= QUEUE_MAX_SUBJECT;
}

static tfdc_rc check_publish(struct publish_req *r) {
  struct tfdc_error *err = &r->base.err;
  if (r->subject == NULL || !queue_is_subject(r->subject)) return tfdc_fail(err, TFDC_E_USAGE, "bad subject");
  if (r->msg_id != NULL && !tfdc_is_text(r->msg_id, strlen(r->msg_id)))
    return tfdc_fail(err, TFDC_E_USAGE, "bad message id");
  if (r->n > QUEUE_MAX_DATA)
    return tfdc_fail(err, TFDC_E_LIMIT, "message of %zu bytes, at most %d", r->n, QUEUE_MAX_DATA);
  return TFDC_OK;
}

static tfdc_rc publish(struct queue_state *s, struct publish_req *r, struct queue_now now) {
  TFDC_TRY(check_publish(r));
  const char *id = r->msg_id != NULL ? r->msg_id : "";
  r->duplicate = id[0] != '\0' && tfdc_map_get(&s->ids, queue_text_key(id)) != NULL;
  if (r->duplicate) return TFDC_OK;
  struct msg *m =
      new_msg(&(struct queue_item){.seq = s->next_seq, .subject = r->subject, .msg_id = id, .stored_us = now.wall.us});
  if (m == NULL) return TFDC_E_NOMEM;
  tfdc_rc rc = s->log->add(s->log, &m->item, r->data, r->n, &r->base.err);
  if (rc != TFDC_OK) {
    free(m);
    return rc;
  }
  /* An id that could not be remembered costs a repeat at worst, which at-least-once allows. */
  if (id[0] != '\0') (void)remember_id(s, id, now.mono);
  s->next_seq++;
  queue_list_by_seq(queue_route(s, m->item.subject), m);
  return TFDC_OK;
}

void queue_state_publish(struct queue_state *s, struct publish_req *r, struct queue_now now) {
  forget_old_ids(s, now.mono);
  tfdc_rc rc = publish(s, r, now);
  struct consumer *c = NULL;
  if (rc == TFDC_OK && !r->duplicate)
    c = s->all != NULL ? s->all : tfdc_map_get(&s->routes, queue_text_key(r->subject));
  s->complete(s->user, &r->base, rc);
  if (c != NULL) queue_serve(s, c, now.mono);
}

static void end_expired_pulls(struct queue_state *s, struct consumer *c, tfdc_mono now) {
  for (struct pull **at = &c->pulls; *at != NULL;) {
    struct pull *p = *at;
    if (p->expires.us > now.us) {
      at = &p->next;
      continue;
    }
    *at = p->next;
    s->complete(s->user, &p->req->base, TFDC_OK);
    free(p);
  }
}

void queue_state_tick(struct queue_state *s, struct queue_now now) {
  while (s->due.first != NULL && s->due.first->due.us <= now.mono.us) queue_make_ready(s, s->due.first);
  queue_serve_all(s, now.mono);
  for (struct consumer *c = s->consumers; c != NULL; c = c->next) end_expired_pulls(s, c, now.mono);
}

tfdc_mono queue_state_deadline(const struct queue_state *s) {
  tfdc_mono first = s->due.first != NULL ? s->due.first->due : (tfdc_mono){TFDC_NEVER};
  for (const struct consumer *c = s->consumers; c != NULL; c = c->next)
    for (const struct pull *p = c->pulls; p != NULL; p = p->next)
      if (p->expires.us < first.us) first = p->expires;
  return first;
}
