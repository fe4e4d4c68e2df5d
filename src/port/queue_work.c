/* SPDX-License-Identifier: Apache-2.0
 * Consumers of a queue_state, and what they ask. */
#include "port/queue_state_impl.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_IN_FLIGHT = 1000 };

static struct tfdc_id128 token_key(uint64_t token) { return (struct tfdc_id128){0, token}; }

static struct consumer *find_consumer(struct queue_state *s, const char *name) {
  struct consumer *c = s->consumers;
  while (c != NULL && (name == NULL || strcmp(c->name, name) != 0)) c = c->next;
  return c;
}

static tfdc_rc no_consumer(struct workqueue_req *r) {
  return tfdc_fail(&r->base.err, TFDC_E_NOT_FOUND, "no consumer %s", r->consumer != NULL ? r->consumer : "(null)");
}

static void free_filters(char **filters, size_t n) {
  for (size_t i = 0; i < n; i++) free(filters[i]);
  free(filters);
}

void queue_free_consumer(struct consumer *c) {
  TFDC_ASSERT(c->pulls == NULL);
  free_filters(c->filters, c->n_filters);
  free(c);
}

static tfdc_rc copy_filters(const char *const *from, size_t n, char ***ret) {
  char **to = calloc(n, sizeof(char *));
  for (size_t i = 0; to != NULL && i < n; i++) {
    to[i] = strdup(from[i]);
    if (to[i] != NULL) continue;
    free_filters(to, i);
    to = NULL;
  }
  if (to == NULL) return TFDC_E_NOMEM;
  *ret = to;
  return TFDC_OK;
}

/* ---- create, shrink, delete ---- */

static bool is_name(const char *s) {
  size_t n = s != NULL ? strlen(s) : 0;
  if (n == 0 || n > QUEUE_MAX_NAME) return false;
  for (size_t i = 0; i < n; i++)
    if (!tfdc_is_id(&s[i], 1)) return false;
  return true;
}

static tfdc_rc check_filters(struct workqueue_req *r, bool *ret_all) {
  struct tfdc_error *err = &r->base.err;
  if (r->n_filters == 0 || r->n_filters > QUEUE_MAX_FILTERS)
    return tfdc_fail(err, TFDC_E_USAGE, "%zu filters, 1 to %d are possible", r->n_filters, QUEUE_MAX_FILTERS);
  *ret_all = r->n_filters == 1 && strcmp(r->filters[0], ">") == 0;
  for (size_t i = 0; i < r->n_filters && !*ret_all; i++) {
    if (!queue_is_subject(r->filters[i])) return tfdc_fail(err, TFDC_E_USAGE, "filter %zu is not a subject", i + 1);
    for (size_t j = 0; j < i; j++)
      if (strcmp(r->filters[i], r->filters[j]) == 0)
        return tfdc_fail(err, TFDC_E_USAGE, "filter %s is there twice", r->filters[i]);
  }
  return TFDC_OK;
}

static tfdc_rc check_overlap(struct queue_state *s, struct workqueue_req *r, bool all) {
  struct consumer *other = s->all;
  if (all && other == NULL) other = s->consumers;
  for (size_t i = 0; i < r->n_filters && other == NULL; i++)
    other = tfdc_map_get(&s->routes, queue_text_key(r->filters[i]));
  if (other == NULL) return TFDC_OK;
  return tfdc_fail(&r->base.err, TFDC_E_CONFLICT, "a filter overlaps one of consumer %s", other->name);
}

/* All filters are routed, or none. */
static tfdc_rc route_filters(struct queue_state *s, struct consumer *c) {
  for (size_t i = 0; i < c->n_filters && !c->all; i++) {
    if (tfdc_map_put(&s->routes, queue_text_key(c->filters[i]), c) == TFDC_OK) continue;
    while (i-- > 0) tfdc_map_remove(&s->routes, queue_text_key(c->filters[i]));
    return TFDC_E_NOMEM;
  }
  if (c->all) s->all = c;
  return TFDC_OK;
}

/* Undelivered messages go where their subjects are routed now. */
static void reroute(struct queue_state *s, struct msg_list *from) {
  for (struct msg *m = from->first; m != NULL;) {
    struct msg *next = m->next;
    struct msg_list *to = m->owner != NULL ? from : queue_route(s, m->item.subject);
    if (to != from) {
      queue_list_remove(from, m);
      queue_list_by_seq(to, m);
    }
    m = next;
  }
}

static tfdc_rc create_consumer(struct queue_state *s, struct workqueue_req *r) {
  bool all = false;
  if (!is_name(r->consumer)) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "bad consumer name");
  if (r->ack_wait_us <= 0) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "ack wait must be above 0");
  TFDC_TRY(check_filters(r, &all));
  if (find_consumer(s, r->consumer) != NULL)
    return tfdc_fail(&r->base.err, TFDC_E_EXISTS, "consumer %s exists", r->consumer);
  TFDC_TRY(check_overlap(s, r, all));
  size_t name_n = strlen(r->consumer) + 1;
  struct consumer *c = calloc(1, sizeof *c + name_n);
  if (c == NULL) return TFDC_E_NOMEM;
  *c = (struct consumer){.all = all,
                         .ack_wait_us = r->ack_wait_us,
                         .max_in_flight = r->max_in_flight != 0 ? r->max_in_flight : DEFAULT_IN_FLIGHT};
  c->name = memcpy(c + 1, r->consumer, name_n);
  tfdc_rc rc = copy_filters(r->filters, r->n_filters, &c->filters);
  if (rc == TFDC_OK) {
    c->n_filters = r->n_filters;
    rc = route_filters(s, c);
  }
  if (rc != TFDC_OK) {
    queue_free_consumer(c);
    return rc;
  }
  struct consumer **at = &s->consumers;
  while (*at != NULL) at = &(*at)->next;
  *at = c;
  reroute(s, &s->orphans);
  return TFDC_OK;
}

static bool has_filter(char *const *filters, size_t n, const char *filter) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(filters[i], filter) == 0) return true;
  return false;
}

static tfdc_rc shrink_consumer(struct queue_state *s, struct workqueue_req *r) {
  struct consumer *c = find_consumer(s, r->consumer);
  if (c == NULL) return no_consumer(r);
  bool all = false;
  TFDC_TRY(check_filters(r, &all));
  for (size_t i = 0; i < r->n_filters; i++)
    if (!has_filter(c->filters, c->n_filters, r->filters[i]))
      return tfdc_fail(&r->base.err, TFDC_E_USAGE, "consumer %s does not have filter %s", c->name, r->filters[i]);
  char **kept = NULL;
  TFDC_TRY(copy_filters(r->filters, r->n_filters, &kept));
  for (size_t i = 0; i < c->n_filters; i++)
    if (!has_filter(kept, r->n_filters, c->filters[i])) tfdc_map_remove(&s->routes, queue_text_key(c->filters[i]));
  free_filters(c->filters, c->n_filters);
  c->filters = kept;
  c->n_filters = r->n_filters;
  reroute(s, &c->ready);
  return TFDC_OK;
}

static void end_pulls_of(struct queue_state *s, struct consumer *c, tfdc_rc rc) {
  while (c->pulls != NULL) {
    struct pull *p = c->pulls;
    c->pulls = p->next;
    s->complete(s->user, &p->req->base, rc);
    free(p);
  }
}

static tfdc_rc delete_consumer(struct queue_state *s, struct workqueue_req *r) {
  struct consumer **at = &s->consumers;
  while (*at != NULL && (r->consumer == NULL || strcmp((*at)->name, r->consumer) != 0)) at = &(*at)->next;
  struct consumer *c = *at;
  if (c == NULL) return no_consumer(r);
  *at = c->next;
  end_pulls_of(s, c, TFDC_E_CLOSED);
  if (s->all == c) s->all = NULL;
  for (size_t i = 0; i < c->n_filters && !c->all; i++) tfdc_map_remove(&s->routes, queue_text_key(c->filters[i]));
  for (struct msg *m = s->due.first; m != NULL;) {
    struct msg *next = m->next;
    if (m->owner == c) queue_make_ready(s, m);
    m = next;
  }
  for (struct msg *m = c->ready.first; m != NULL; m = m->next) m->owner = NULL;
  reroute(s, &c->ready);
  queue_free_consumer(c);
  return TFDC_OK;
}

/* ---- pull ---- */

static tfdc_rc deliver_one(struct queue_state *s, struct consumer *c, struct workqueue_req *r, tfdc_mono now) {
  struct msg *m = c->ready.first;
  struct tfdc_error *err = &r->base.err;
  struct workqueue_msg out = {.token = s->last_token + 1,
                              .deliveries = m->item.deliveries + 1,
                              .stored_us = m->item.stored_us,
                              .subject = tfdc_arena_strdup(&r->base.mem, m->item.subject),
                              .msg_id = tfdc_arena_strdup(&r->base.mem, m->item.msg_id)};
  if (out.subject == NULL || out.msg_id == NULL) return TFDC_E_NOMEM;
  TFDC_TRY(s->log->load(s->log, &m->item, &r->base.mem, &out, err));
  TFDC_TRY(tfdc_map_put(&s->tokens, token_key(out.token), m));
  tfdc_rc rc = s->log->delivered(s->log, &m->item, out.deliveries, err);
  if (rc != TFDC_OK) {
    tfdc_map_remove(&s->tokens, token_key(out.token));
    return rc;
  }
  queue_list_remove(&c->ready, m);
  m->place = MSG_IN_FLIGHT;
  m->owner = c;
  m->token = ++s->last_token;
  m->item.deliveries = out.deliveries;
  m->due = tfdc_mono_add(now, (tfdc_dur){c->ack_wait_us});
  queue_list_by_due(&s->due, m);
  c->in_flight++;
  r->msgs[r->n++] = out;
  return TFDC_OK;
}

static bool can_deliver(const struct consumer *c) { return c->ready.first != NULL && c->in_flight < c->max_in_flight; }

/* Fills the answer with what is ready. A failure counts only when there is nothing to hand out. */
static tfdc_rc deliver(struct queue_state *s, struct consumer *c, struct workqueue_req *r, tfdc_mono now) {
  uint32_t max = r->max < QUEUE_MAX_PULL ? r->max : QUEUE_MAX_PULL;
  if (max > c->ready.n) max = (uint32_t)c->ready.n;
  r->msgs = tfdc_arena_array(&r->base.mem, max, sizeof *r->msgs);
  if (r->msgs == NULL) return TFDC_E_NOMEM;
  size_t bytes = 0;
  while (r->n < max && can_deliver(c) && bytes < QUEUE_MAX_PULL_BYTES) {
    tfdc_rc rc = deliver_one(s, c, r, now);
    if (rc != TFDC_OK) return r->n > 0 ? TFDC_OK : rc;
    bytes += r->msgs[r->n - 1].n;
  }
  return TFDC_OK;
}

void queue_serve(struct queue_state *s, struct consumer *c, tfdc_mono now) {
  while (c->pulls != NULL && can_deliver(c)) {
    struct pull *p = c->pulls;
    tfdc_rc rc = deliver(s, c, p->req, now);
    c->pulls = p->next;
    s->complete(s->user, &p->req->base, rc);
    free(p);
  }
}

void queue_serve_all(struct queue_state *s, tfdc_mono now) {
  for (struct consumer *c = s->consumers; c != NULL; c = c->next) queue_serve(s, c, now);
}

static void pull(struct queue_state *s, struct workqueue_req *r, tfdc_mono now) {
  struct consumer *c = find_consumer(s, r->consumer);
  r->msgs = NULL;
  r->n = 0;
  tfdc_rc rc = TFDC_OK;
  if (c == NULL)
    rc = no_consumer(r);
  else if (r->max == 0)
    rc = tfdc_fail(&r->base.err, TFDC_E_USAGE, "a pull of no messages");
  if (rc != TFDC_OK) {
    s->complete(s->user, &r->base, rc);
    return;
  }
  if (c->pulls == NULL && can_deliver(c)) {
    s->complete(s->user, &r->base, deliver(s, c, r, now));
    return;
  }
  struct pull *p = r->expires_us > 0 ? malloc(sizeof *p) : NULL;
  if (p == NULL) {
    s->complete(s->user, &r->base, r->expires_us > 0 ? TFDC_E_NOMEM : TFDC_OK);
    return;
  }
  *p = (struct pull){.req = r, .loop = r->base.loop, .expires = tfdc_mono_add(now, (tfdc_dur){r->expires_us})};
  struct pull **at = &c->pulls;
  while (*at != NULL) at = &(*at)->next;
  *at = p;
}

void queue_state_end_pulls(struct queue_state *s, tfdc_rc rc) {
  for (struct consumer *c = s->consumers; c != NULL; c = c->next) end_pulls_of(s, c, rc);
}

static struct pull **find_pull(struct consumer *c, const struct port_req *r, const struct port_loop *loop) {
  for (struct pull **at = &c->pulls; *at != NULL; at = &(*at)->next)
    if (&(*at)->req->base == r || (*at)->loop == loop) return at;
  return NULL;
}

static struct pull *take_pull(struct pull **at) {
  struct pull *p = *at;
  *at = p->next;
  return p;
}

void queue_state_end_pull(struct queue_state *s, const struct port_req *r, tfdc_rc rc) {
  for (struct consumer *c = s->consumers; c != NULL; c = c->next) {
    struct pull **at = find_pull(c, r, NULL);
    if (at == NULL) continue;
    struct pull *p = take_pull(at);
    s->complete(s->user, &p->req->base, rc);
    free(p);
    return;
  }
}

void queue_state_forget_loop(struct queue_state *s, const struct port_loop *loop) {
  for (struct consumer *c = s->consumers; c != NULL; c = c->next)
    for (struct pull **at = find_pull(c, NULL, loop); at != NULL; at = find_pull(c, NULL, loop)) free(take_pull(at));
}

/* ---- what is done with a delivery ---- */

static tfdc_rc find_delivery(struct queue_state *s, struct workqueue_req *r, struct msg **ret) {
  struct msg *m = tfdc_map_get(&s->tokens, token_key(r->token));
  if (m == NULL) return tfdc_fail(&r->base.err, TFDC_E_NOT_FOUND, "the message was redelivered or removed");
  *ret = m;
  return TFDC_OK;
}

static tfdc_rc ack(struct queue_state *s, struct workqueue_req *r) {
  struct msg *m = NULL;
  TFDC_TRY(find_delivery(s, r, &m));
  TFDC_TRY(s->log->remove(s->log, &m->item, &r->base.err));
  queue_drop(s, m);
  return TFDC_OK;
}

static tfdc_rc progress(struct queue_state *s, struct workqueue_req *r, tfdc_mono now) {
  struct msg *m = NULL;
  TFDC_TRY(find_delivery(s, r, &m));
  queue_list_remove(&s->due, m);
  m->due = tfdc_mono_add(now, (tfdc_dur){m->owner->ack_wait_us});
  queue_list_by_due(&s->due, m);
  return TFDC_OK;
}

static tfdc_rc nak(struct queue_state *s, struct workqueue_req *r, tfdc_mono now) {
  struct msg *m = NULL;
  if (r->delay_us < 0) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "negative delay");
  TFDC_TRY(find_delivery(s, r, &m));
  queue_make_ready(s, m);
  if (r->delay_us == 0) return TFDC_OK;
  queue_list_remove(&m->owner->ready, m);
  m->place = MSG_DELAYED;
  m->due = tfdc_mono_add(now, (tfdc_dur){r->delay_us});
  queue_list_by_due(&s->due, m);
  return TFDC_OK;
}

static tfdc_rc dead_letter(struct queue_state *s, struct workqueue_req *r) {
  struct msg *m = NULL;
  if (r->reason == NULL || strlen(r->reason) > QUEUE_MAX_REASON)
    return tfdc_fail(&r->base.err, TFDC_E_USAGE, "a dead letter needs a reason of at most %d bytes", QUEUE_MAX_REASON);
  TFDC_TRY(find_delivery(s, r, &m));
  TFDC_TRY(s->log->bury(s->log, &m->item, r->reason, &r->base.err));
  queue_drop(s, m);
  return TFDC_OK;
}

static tfdc_rc dead_list(struct queue_state *s, struct workqueue_req *r) {
  r->msgs = NULL;
  r->n = 0;
  if (r->max == 0) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "a page of no messages");
  return s->log->dead_list(s->log, r);
}

static tfdc_rc info(struct queue_state *s, struct workqueue_req *r) {
  const struct consumer *one = NULL;
  if (r->consumer != NULL && (one = find_consumer(s, r->consumer)) == NULL) return no_consumer(r);
  uint64_t pending = one != NULL ? 0 : s->orphans.n, in_flight = 0;
  for (const struct consumer *c = s->consumers; c != NULL; c = c->next)
    if (one == NULL || one == c) pending += c->ready.n;
  for (const struct msg *m = s->due.first; m != NULL; m = m->next) {
    if (one != NULL && m->owner != one) continue;
    in_flight += m->place == MSG_IN_FLIGHT;
    pending += m->place == MSG_DELAYED;
  }
  r->pending = pending;
  r->in_flight = in_flight;
  r->dead = s->log->dead_count(s->log);
  return TFDC_OK;
}

void queue_state_work(struct queue_state *s, struct workqueue_req *r, struct queue_now now) {
  tfdc_rc rc = TFDC_OK;
  switch ((enum workqueue_op)r->base.op) {
  case WORKQUEUE_PULL: pull(s, r, now.mono); return;
  case WORKQUEUE_CREATE: rc = create_consumer(s, r); break;
  case WORKQUEUE_SHRINK: rc = shrink_consumer(s, r); break;
  case WORKQUEUE_DELETE: rc = delete_consumer(s, r); break;
  case WORKQUEUE_ACK: rc = ack(s, r); break;
  case WORKQUEUE_PROGRESS: rc = progress(s, r, now.mono); break;
  case WORKQUEUE_NAK: rc = nak(s, r, now.mono); break;
  case WORKQUEUE_DEAD_LETTER: rc = dead_letter(s, r); break;
  case WORKQUEUE_DLQ_LIST: rc = dead_list(s, r); break;
  case WORKQUEUE_DLQ_REMOVE: rc = s->log->dead_remove(s->log, r->token, &r->base.err); break;
  case WORKQUEUE_INFO: rc = info(s, r); break;
  default: rc = tfdc_fail(&r->base.err, TFDC_E_USAGE, "no such operation: %d", r->base.op); break;
  }
  s->complete(s->user, &r->base, rc);
  queue_serve_all(s, now.mono);
}
