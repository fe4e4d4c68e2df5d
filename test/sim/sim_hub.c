/* SPDX-License-Identifier: Apache-2.0
 * The hubs of the simulated fab, and the network between them and the collectors: they do what
 * docs/guide/connect-a-hub.md asks, or go away. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

/* A reply on its way to a hub, or the end of a stream on its way to a collector. */
struct sim_letter {
  struct sim_letter *prev, *next;
  struct port_task task;
  struct port_timer timer;
  struct sim *sim;
  uint64_t stream;
  struct model_hub_reply reply;
  struct sim_process *to;
  uint32_t life;
};

static struct sim_letter *new_letter(struct sim *s, uint64_t stream) {
  struct sim_letter *l = calloc(1, sizeof *l);
  TFDC_ASSERT(l != NULL);
  *l = (struct sim_letter){.next = s->letters, .sim = s, .stream = stream};
  if (l->next != NULL) l->next->prev = l;
  s->letters = l;
  return l;
}

static void free_letter(struct sim_letter *l) {
  *(l->prev != NULL ? &l->prev->next : &l->sim->letters) = l->next;
  if (l->next != NULL) l->next->prev = l->prev;
  free(l);
}

void sim_hub_end(struct sim *s) {
  while (s->letters != NULL) free_letter(s->letters);
}

/* ---- to a collector ---- */

static bool give(struct sim_process *to, uint64_t stream, const struct model_hub_msg *m) {
  struct hub_sink *sink = collector_sink(to->collector);
  return sink->message(sink, stream, "", m);
}

static bool is_alive(const struct sim_process *p, uint32_t life) { return p->up && p->life == life; }

static void tell_closed(struct sim_process *to, uint64_t stream) {
  struct model_hub_msg m = {.kind = MODEL_HUB_CLOSED};
  (void)give(to, stream, &m);
}

static void on_closed_late(struct port_timer *t) {
  struct sim_letter *l = (struct sim_letter *)((char *)t - offsetof(struct sim_letter, timer));
  if (is_alive(l->to, l->life)) tell_closed(l->to, l->stream);
  free_letter(l);
}

/* The collector hears of it at once, or when the network gets round to it. */
static void disconnect(struct sim_hub *h) {
  struct sim *s = h->sim;
  h->connected = false;
  if (!is_alive(h->to, h->life)) return;
  if (sim_chance(s, 2)) {
    tell_closed(h->to, h->stream);
    return;
  }
  struct sim_letter *l = new_letter(s, h->stream);
  l->to = h->to;
  l->life = h->life;
  l->timer.fn = on_closed_late;
  port_arm(s->people, &l->timer, sim_after(s, (int64_t)sim_dice(s, 5000000)));
}

static uint64_t handle_of(const struct sim_hub *h, const struct sim_run *r) { return (uint64_t)(r - h->sim->runs) + 1; }

static void start_run(struct sim_hub *h, struct sim_run *r) {
  struct model_context c = plan_context(&r->plan);
  struct model_hub_msg m = {.kind = MODEL_HUB_RUN_START, .run = handle_of(h, r), .context = &c};
  sim_trace(h->sim, r, "start on stream %llu to process %zu", (unsigned long long)h->stream, h->to->index);
  (void)give(h->to, h->stream, &m);
}

static bool is_open(const struct sim_hub *h, const struct sim_run *r) {
  return plan_hub(r->plan.chamber) == h->index && !r->ended && !r->given_up;
}

static void connect(struct sim_hub *h) {
  struct sim *s = h->sim;
  struct sim_process *p = &s->processes[sim_dice(s, SIM_COLLECTORS)];
  if (!p->up || !p->ready || p->leaving) return;
  h->to = p;
  h->life = p->life;
  h->stream = ++s->streams;
  h->connected = true;
  struct model_chamber chambers[2];
  for (size_t i = 0; i < 2; i++)
    chambers[i] = (struct model_chamber){plan_key(2 * h->index + i), "ETCH", plan_svids, PLAN_SVIDS, MODEL_NO_TIME};
  struct model_hub_msg hello = {.kind = MODEL_HUB_HELLO, .hub = "hub", .chambers = chambers, .n_chambers = 2};
  (void)give(p, h->stream, &hello);
  for (size_t i = 0; i < s->n_runs; i++) {
    if (!is_open(h, &s->runs[i])) continue;
    s->runs[i].started = false;
    start_run(h, &s->runs[i]);
  }
}

/* ---- from a collector ---- */

static void on_rejected(struct sim *s, struct sim_run *r, const struct model_hub_reply *a) {
  const struct plan *p = &r->plan;
  bool late = a->code == TFDC_E_TOO_LATE && a->seq > 0 && a->seq <= p->n_msgs;
  if (!late) {
    sim_break(s, SIM_HUB, "%s seq %llu: %s", p->run_id, (unsigned long long)a->seq, tfdc_rc_name(a->code));
    return;
  }
  r->rejected |= UINT64_C(1) << a->seq;
}

static void on_answer(struct sim_hub *h, struct sim_run *r, const struct model_hub_reply *a) {
  struct sim *s = h->sim;
  const struct plan *p = &r->plan;
  if (a->seq > r->sent_ever) {
    sim_break(s, SIM_HUB, "%s: told %llu, but only %llu was sent", p->run_id, (unsigned long long)a->seq,
              (unsigned long long)r->sent_ever);
    return;
  }
  if (a->seq > r->sent) r->sent = a->seq;
  if (a->kind == MODEL_REPLY_RESUME) {
    if (a->seq < r->acked)
      sim_break(s, SIM_ACKED, "%s: told to go on behind %llu after %llu was acked", p->run_id,
                (unsigned long long)a->seq, (unsigned long long)r->acked);
    r->started = true;
    r->sent = a->seq;
  }
  bool end = (a->end || (a->kind == MODEL_REPLY_RESUME && a->closed)) && a->seq >= p->end_seq;
  sim_ledger_told(s, r, a->seq, end);
  if (end && a->seq == p->n_msgs) r->ended = true;
}

static void deliver(struct port_task *t) {
  struct sim_letter *l = (struct sim_letter *)((char *)t - offsetof(struct sim_letter, task));
  struct sim *s = l->sim;
  const struct model_hub_reply *a = &l->reply;
  for (size_t i = 0; i < PLAN_HUBS; i++) {
    struct sim_hub *h = &s->hubs[i];
    if (!h->connected || h->stream != l->stream || a->run == 0) continue;
    struct sim_run *r = &s->runs[a->run - 1];
    static const char *const kinds[] = {"hello", "resume", "ack", "reject"};
    sim_trace(s, r, "told %s %llu end %d closed %d", kinds[a->kind], (unsigned long long)a->seq, a->end, a->closed);
    if (a->kind == MODEL_REPLY_REJECT)
      on_rejected(s, r, a);
    else
      on_answer(h, r, a);
  }
  free_letter(l);
}

static struct sim *sim_of(struct hub_server *server) {
  return ((struct sim_process *)((char *)server - offsetof(struct sim_process, server)))->sim;
}

static void on_reply(struct hub_server *server, uint64_t stream, const struct model_hub_reply *r) {
  struct sim *s = sim_of(server);
  struct sim_letter *l = new_letter(s, stream);
  l->reply = *r;
  l->reply.text = NULL;
  l->task.fn = deliver;
  port_post(s->people, &l->task);
}

static void on_resume(struct hub_server *server, uint64_t stream) {
  (void)server;
  (void)stream;
}

static void on_end(struct hub_server *server, uint64_t stream, tfdc_rc code, const char *text) {
  (void)stream;
  sim_break(sim_of(server), SIM_HUB, "a stream was ended: %s: %s", tfdc_rc_name(code), text);
}

static void on_drain(struct hub_server *server, struct port_loop *loop, tfdc_dur limit, struct port_task *drained) {
  (void)server;
  (void)limit;
  port_post(loop, drained);
}

static void on_serving(struct hub_server *server, bool serving) {
  (void)server;
  (void)serving;
}

const struct hub_server_ops sim_server_ops = {on_reply, on_resume, on_end, on_drain, on_serving};

/* ---- what a hub does ---- */

/* False: no room now. */
static bool send_next(struct sim_hub *h, struct sim_run *r) {
  struct model_step step;
  struct model_context context;
  struct model_hub_msg m = plan_message(&r->plan, r->sent + 1, &step, &context);
  m.run = handle_of(h, r);
  if (!give(h->to, h->stream, &m)) {
    model_block_unref(m.block);
    return false;
  }
  r->sent++;
  sim_trace(h->sim, r, "sent %llu kind %d", (unsigned long long)r->sent, (int)m.kind);
  if (r->sent > r->sent_ever) r->sent_ever = r->sent;
  return true;
}

static void begin_run(struct sim_hub *h, size_t k) {
  struct sim *s = h->sim;
  if (s->n_runs == SIM_RUNS) return;
  struct sim_run *r = &s->runs[s->n_runs++];
  struct plan_dice dice = {(uint64_t(*)(void *, uint64_t))sim_dice, s};
  *r = (struct sim_run){.dirty = true};
  plan_init(&r->plan, 2 * h->index + k, s->n_runs, sim_wall(s), &dice);
  TFDC_ASSERT(tfdc_map_put(&s->by_id, r->plan.id, r) == TFDC_OK);
  h->now[k] = r;
  start_run(h, r);
}

/* Its end is on the way: the chamber may begin the next one. */
static void look_at_chambers(struct sim_hub *h) {
  int64_t now = sim_wall(h->sim);
  for (size_t k = 0; k < 2; k++) {
    struct sim_run *r = h->now[k];
    if (r != NULL && (r->given_up || r->ended || now > r->plan.end_us)) {
      h->now[k] = NULL;
      h->next_us[k] = now + (int64_t)sim_dice(h->sim, 3000000);
    }
    if (h->now[k] == NULL && !h->sim->calm && now >= h->next_us[k]) begin_run(h, k);
  }
}

static void send_due(struct sim_hub *h) {
  struct sim *s = h->sim;
  int64_t now = sim_wall(s);
  for (size_t i = 0; i < s->n_runs; i++) {
    struct sim_run *r = &s->runs[i];
    if (!is_open(h, r) || !r->started) continue;
    if (!s->calm && sim_chance(s, 4000)) r->given_up = true; /* the hub lost it: power, disk */
    if (sim_chance(s, 200)) r->sent = r->acked;              /* sends again what was not acked */
    for (int n = 0; n < 3 && !r->given_up && r->sent < r->plan.n_msgs && r->plan.msgs[r->sent].due_us <= now; n++)
      if (!send_next(h, r)) return;
  }
}

static void go_away(struct sim_hub *h) {
  if (h->connected) disconnect(h);
  h->gone = true;
  for (size_t i = 0; i < h->sim->n_runs; i++)
    if (is_open(h, &h->sim->runs[i])) h->sim->runs[i].given_up = true;
}

static bool anybody_gone(const struct sim *s) {
  for (size_t i = 0; i < PLAN_HUBS; i++)
    if (s->hubs[i].gone) return true;
  return false;
}

static void live(struct sim_hub *h) {
  struct sim *s = h->sim;
  if (h->connected && !is_alive(h->to, h->life)) h->connected = false;
  if (!s->calm && !anybody_gone(s) && sim_chance(s, 2000)) {
    go_away(h);
    return;
  }
  if (!h->connected) {
    if (sim_chance(s, 3)) connect(h);
    return;
  }
  if (h->to->leaving || (!s->calm && sim_chance(s, 200))) {
    disconnect(h);
    return;
  }
  look_at_chambers(h);
  send_due(h);
}

static void on_tick(struct port_timer *t) {
  struct sim_hub *h = (struct sim_hub *)((char *)t - offsetof(struct sim_hub, timer));
  live(h);
  if (!h->gone) port_arm(h->sim->people, t, sim_after(h->sim, 50000 + (int64_t)sim_dice(h->sim, 400000)));
}

void sim_hub_init(struct sim *s, size_t index) {
  struct sim_hub *h = &s->hubs[index];
  *h = (struct sim_hub){.sim = s, .index = index};
  h->timer.fn = on_tick;
  port_arm(s->people, &h->timer, sim_after(s, (int64_t)sim_dice(s, 500000)));
}

void sim_hub_lost(struct sim *s, const struct sim_process *p) {
  for (size_t i = 0; i < PLAN_HUBS; i++)
    if (s->hubs[i].to == p) s->hubs[i].connected = false;
}
