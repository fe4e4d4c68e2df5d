/* SPDX-License-Identifier: Apache-2.0
 * Planted errors: each is what a driver would do if it had the error, carried out between the driver and its ports, so
 * that the code under test stays as it is. The simulation must find every one. */
#include "sim/sim.h"

#include "model/codec.h"
#include "port/alarm.h"
#include "port/store_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_line *line_of(const struct tap *t) { return t->user; }

/* ---- ack before commit: a chunk counts as stored at once, and is written some steps later ---- */

struct sim_late_write {
  struct sim_late_write *next;
  struct sim_process *process;
  struct port *to;
  uint64_t step;
  struct store_req req;
  struct model_chunk chunk;
  struct tfdc_arena mem;
};

static void free_late_write(struct sim_late_write *w) {
  port_req_deinit(&w->req.base);
  tfdc_arena_deinit(&w->mem);
  free(w);
}

static bool answer_before_commit(struct tap *t, struct tap_call *c) {
  if (c->req->op != STORE_CHUNK_PUT) return true;
  struct sim_process *p = line_of(t)->process;
  struct sim_late_write *w = calloc(1, sizeof *w);
  TFDC_ASSERT(w != NULL);
  w->process = p;
  w->to = t->inner;
  w->step = p->sim->steps + 1 + sim_dice(p->sim, 50);
  TFDC_ASSERT(store_chunk_copy(((struct store_req *)c->req)->chunk, true, &w->mem, &w->chunk) == TFDC_OK);
  store_req_init(&w->req, STORE_CHUNK_PUT);
  w->req.chunk = &w->chunk;
  w->next = p->sim->late_writes;
  p->sim->late_writes = w;
  tap_answer(c, TFDC_OK);
  return false;
}

static void on_written(struct port_req *r) { free_late_write(r->user); }

void sim_mutation_step(struct sim *s) {
  for (struct sim_late_write **at = &s->late_writes; *at != NULL;) {
    struct sim_late_write *w = *at;
    if (w->step > s->steps) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    if (port_submit(w->to, &w->req.base, s->people, on_written, w) != TFDC_OK) free_late_write(w);
  }
}

void sim_mutation_forget(struct sim *s, const struct sim_process *p) {
  for (struct sim_late_write **at = &s->late_writes; *at != NULL;) {
    struct sim_late_write *w = *at;
    if (p != NULL && w->process != p) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    free_late_write(w);
  }
}

/* ---- the message acked before J7 ---- */

struct early_ack {
  struct workqueue_req req;
  struct tap_call *verdict;
};

static void on_acked_early(struct port_req *r) {
  struct early_ack *e = r->user;
  tap_pass(e->verdict); /* frees e with the call, at its end */
}

static bool ack_first(struct tap *t, struct tap_call *c) {
  if (c->req->op != STORE_VERDICT_PUT) return true;
  struct sim_process *p = line_of(t)->process;
  const struct model_run_verdict *v = ((struct store_req *)c->req)->verdict;
  const struct sim_token *token = sim_token_of(p->sim, p, sim_run_of(p->sim, v->context_id));
  struct early_ack *e = c->note != NULL ? NULL : calloc(1, sizeof *e);
  if (token == NULL || e == NULL) return true;
  c->note = e;
  e->verdict = c;
  workqueue_req_init(&e->req, WORKQUEUE_ACK);
  e->req.token = (uint64_t)(token - p->sim->tokens);
  return port_submit(p->lines[SIM_WORK].mutant.inner, &e->req.base, c->req->loop, on_acked_early, e) != TFDC_OK;
}

/* ---- J6 passed on redelivery ---- */

static bool no_alarm_again(struct tap *t, struct tap_call *c) {
  bool stored = c->req->kind == PORT_STORE && c->req->op == STORE_ALARM_PUT;
  if (!stored && c->req->kind != PORT_ALARM) return true;
  struct sim_process *p = line_of(t)->process;
  const struct model_alarm *a = stored ? ((struct store_req *)c->req)->alarm : ((struct alarm_req *)c->req)->alarm;
  const struct sim_token *token = sim_token_of(p->sim, p, sim_run_of(p->sim, a->last_context));
  if (token == NULL || token->deliveries < 2) return true;
  tap_answer(c, TFDC_OK);
  return false;
}

/* ---- a message's id without the revision ---- */

struct short_id {
  const char *whole;
  char text[64];
};

static bool cut_id(struct tap *t, struct tap_call *c) {
  (void)t;
  struct publish_req *q = (struct publish_req *)c->req;
  struct short_id *id = calloc(1, sizeof *id);
  TFDC_ASSERT(id != NULL);
  id->whole = q->msg_id;
  (void)snprintf(id->text, sizeof id->text, "%.*s", (int)strcspn(q->msg_id, "."), q->msg_id);
  q->msg_id = id->text;
  c->note = id;
  return true;
}

static bool give_id_back(struct tap *t, struct tap_call *c) {
  (void)t;
  ((struct publish_req *)c->req)->msg_id = ((struct short_id *)c->note)->whole;
  return true;
}

/* ---- the gate takes each message for a chamber of its own ---- */

static bool scatter_chambers(struct tap *t, struct tap_call *c) {
  (void)t;
  struct workqueue_req *q = (struct workqueue_req *)c->req;
  for (size_t i = 0; q->base.op == WORKQUEUE_PULL && q->base.rc == TFDC_OK && i < q->n; i++) {
    struct model_completion m;
    struct tfdc_buf text = {0};
    char chamber[65];
    struct tfdc_arena *mem = &q->base.mem;
    TFDC_ASSERT(model_completion_from_json(q->msgs[i].data, q->msgs[i].n, mem, &m, NULL) == TFDC_OK);
    (void)snprintf(chamber, sizeof chamber, "%s-%llu", m.key.chamber, (unsigned long long)q->msgs[i].token);
    m.key.chamber = chamber;
    TFDC_ASSERT(model_completion_to_json(&m, &text) == TFDC_OK);
    q->msgs[i].data = tfdc_arena_strndup(mem, (char *)text.data, text.size);
    q->msgs[i].n = text.size;
    tfdc_buf_deinit(&text);
  }
  return true;
}

/* Only the gate errs: the dictionary that is asked for is the chamber's. */
static bool gather_chambers(struct tap *t, struct tap_call *c) {
  (void)t;
  struct store_req *q = (struct store_req *)c->req;
  if (q->base.op != STORE_CHAMBER_GET) return true;
  q->key.chamber = q->key.chamber[0] == 'A' ? "A" : "B";
  return true;
}

/* ---- the state of the wrong predecessor ---- */

static bool one_too_far(struct tap *t, struct tap_call *c) {
  (void)t;
  struct store_req *q = (struct store_req *)c->req;
  if (q->base.op != STORE_U_PREV || q->base.rc != TFDC_OK || c->stage++ > 0) return true;
  q->order_us = q->u_records[0].order_us;
  q->id = q->u_records[0].context_id;
  port_req_reset(&q->base);
  tap_pass(c);
  return false;
}

/* ---- which tap has which error ---- */

static const struct tap_ops early_answers = {.before = answer_before_commit};
static const struct tap_ops early_acks = {.before = ack_first};
static const struct tap_ops silent_redeliveries = {.before = no_alarm_again};
static const struct tap_ops short_ids = {.before = cut_id, .after = give_id_back};
static const struct tap_ops scattered = {.after = scatter_chambers};
static const struct tap_ops gathered = {.before = gather_chambers};
static const struct tap_ops farther = {.after = one_too_far};

const struct tap_ops *sim_mutant_ops(enum sim_mutation m, enum sim_role role, enum sim_port port) {
  static const struct {
    enum sim_mutation m;
    enum sim_role role;
    enum sim_port port;
    const struct tap_ops *ops;
  } rows[] = {
      {SIM_ACK_BEFORE_COMMIT, SIM_COLLECTOR, SIM_STORE, &early_answers},
      {SIM_ACK_BEFORE_VERDICT, SIM_DEFENDER, SIM_STORE, &early_acks},
      {SIM_NO_ALARM_ON_REDELIVERY, SIM_DEFENDER, SIM_STORE, &silent_redeliveries},
      {SIM_NO_ALARM_ON_REDELIVERY, SIM_DEFENDER, SIM_ALARM, &silent_redeliveries},
      {SIM_MESSAGE_WITHOUT_REVISION, SIM_COLLECTOR, SIM_PUBLISH, &short_ids},
      {SIM_MESSAGE_WITHOUT_REVISION, SIM_KEEPER, SIM_PUBLISH, &short_ids},
      {SIM_TWO_AT_ONCE, SIM_DEFENDER, SIM_WORK, &scattered},
      {SIM_TWO_AT_ONCE, SIM_DEFENDER, SIM_STORE, &gathered},
      {SIM_WRONG_PREDECESSOR, SIM_DEFENDER, SIM_STORE, &farther},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++)
    if (rows[i].m == m && rows[i].role == role && rows[i].port == port) return rows[i].ops;
  return NULL;
}
