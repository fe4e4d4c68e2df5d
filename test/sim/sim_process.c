/* SPDX-License-Identifier: Apache-2.0
 * The processes of the simulated fab: start, SIGTERM, death. Their drivers see each adapter through a tap for planted
 * errors, injected faults and the watching tap. */
#include "sim/sim.h"

#include <stdio.h>

enum { KEEP_HOUSE_S = 5 };

struct port *sim_port_of(struct sim *s, enum sim_port port) {
  switch (port) {
  case SIM_STORE: return s->store;
  case SIM_PUBLISH: return queue_mem_publish(s->queue);
  case SIM_WORK: return queue_mem_work(s->queue);
  case SIM_ALARM: return alarm_mem_port(s->alarms);
  default: return kv_mem_port(s->kv);
  }
}

/* What may go wrong with a call. A repeat only where the contract says that a call may come twice: not with a look at a
 * watch or a pull, which take something away. */
static const struct {
  enum faulty_action action;
  tfdc_rc rc;
  int64_t by_ms;
  double p;
  bool idempotent;
} troubles[] = {
    {FAULTY_FAIL, TFDC_E_IO, 0, 0.010, false},
    {FAULTY_FAIL, TFDC_E_BUSY, 0, 0.010, false},
    {FAULTY_FAIL_AFTER, TFDC_E_TIMEOUT, 0, 0.015, false}, /* unknown outcome */
    {FAULTY_DROP, TFDC_E_TIMEOUT, 300, 0.005, false},
    {FAULTY_DELAY, TFDC_OK, 20, 0.030, false},
    {FAULTY_DELAY, TFDC_OK, 1500, 0.004, false},
    {FAULTY_REPEAT, TFDC_OK, 0, 0.015, true},
};

static bool takes_away(enum sim_port port) { return port == SIM_WORK || port == SIM_KV; }

static void add_troubles(struct sim_line *l, enum sim_port port) {
  struct sim *s = l->process->sim;
  for (size_t i = 0; i < TFDC_COUNT(troubles) && s->storm > 0 && !s->calm; i++) {
    if (troubles[i].idempotent && takes_away(port)) continue;
    struct faulty_rule rule = {.port = l->watch.port.kind,
                               .op = FAULTY_ANY_OP,
                               .action = troubles[i].action,
                               .rc = troubles[i].rc,
                               .by = tfdc_millis(troubles[i].by_ms),
                               .probability = troubles[i].p * (double)s->storm,
                               .seed = sim_dice(s, UINT64_MAX)};
    TFDC_ASSERT(faulty_add(l->faults, &rule) == TFDC_OK);
  }
}

static void open_lines(struct sim_process *p) {
  for (int i = 0; i < SIM_N_PORTS; i++) {
    struct sim_line *l = &p->lines[i];
    enum sim_port port = (enum sim_port)i;
    l->process = p;
    tap_init(&l->watch, sim_port_of(p->sim, port), &sim_watch_ops, l);
    l->faults = faulty_create(&l->watch.port, NULL, 0);
    TFDC_ASSERT(l->faults != NULL);
    add_troubles(l, port);
    tap_init(&l->mutant, faulty_port(l->faults), sim_mutant_ops(p->sim->options.mutation, p->role, port), l);
  }
}

static void on_started(struct port_task *t) {
  ((struct sim_process *)((char *)t - offsetof(struct sim_process, started)))->ready = true;
}
static void on_stopped(struct port_task *t) {
  ((struct sim_process *)((char *)t - offsetof(struct sim_process, stopped)))->left = true;
}

static struct port *line(struct sim_process *p, enum sim_port port) { return &p->lines[port].mutant.port; }

static void start_collector(struct sim_process *p) {
  struct collector_options o;
  collector_options_default(&o);
  o.ingest.chunk_bytes = 256; /* some chunks in a run */
  o.ingest.chunk_age = tfdc_seconds(3);
  o.ingest.idle_close = tfdc_seconds(20);
  o.ingest.grace = tfdc_seconds(120);
  if (p->sim->options.seed % 3 == 0) o.memory_bytes = 16384; /* streams wait now and then */
  struct collector_ports ports = {
      .store = line(p, SIM_STORE), .publish = line(p, SIM_PUBLISH), .loops = p->loops, .n_loops = p->n_loops};
  TFDC_ASSERT(collector_create(&o, &ports, &p->collector, NULL) == TFDC_OK);
  p->server.ops = &sim_server_ops;
  *collector_server(p->collector) = &p->server;
  collector_start(p->collector, p->sim->people, &p->started);
}

static void start_defender(struct sim_process *p) {
  static const char *const names[SIM_DEFENDERS] = {"defender-0", "defender-1"};
  struct defender_options o;
  defender_options_default(&o);
  o.judge.defender = names[p->index - SIM_COLLECTORS];
  o.judge.progress = tfdc_seconds(2);
  o.ack_wait = tfdc_seconds(6);
  (void)snprintf(p->consumer, sizeof p->consumer, "%s-%u", o.judge.defender, p->life);
  o.consumer = p->consumer;
  struct defender_ports ports = {.store = line(p, SIM_STORE),
                                 .workqueue = line(p, SIM_WORK),
                                 .alarm = line(p, SIM_ALARM),
                                 .kv = line(p, SIM_KV),
                                 .loops = p->loops,
                                 .n_loops = p->n_loops};
  TFDC_ASSERT(defender_create(&o, &ports, &p->defender, NULL) == TFDC_OK);
  defender_start(p->defender, p->sim->people, &p->started);
}

static void start_keeper(struct sim_process *p) {
  struct keeper_options o;
  keeper_options_default(&o);
  o.sweep_every = tfdc_seconds(KEEP_HOUSE_S);
  o.sweep_age = tfdc_seconds(2 * KEEP_HOUSE_S);
  o.republish_every = tfdc_seconds(4 * KEEP_HOUSE_S);
  struct keeper_ports ports = {.store = line(p, SIM_STORE),
                               .publish = line(p, SIM_PUBLISH),
                               .workqueue = line(p, SIM_WORK),
                               .loop = p->loops[0]};
  TFDC_ASSERT(keeper_create(&o, &ports, &p->keeper, NULL) == TFDC_OK);
  keeper_start(p->keeper);
  p->ready = true;
}

void sim_process_init(struct sim *s, size_t index, enum sim_role role) {
  s->processes[index] = (struct sim_process){
      .sim = s, .role = role, .index = index, .n_loops = role == SIM_KEEPER ? 1 : SIM_SHARDS, .start_us = INT64_MIN};
}

void sim_process_start(struct sim_process *p) {
  for (size_t i = 0; i < p->n_loops; i++) p->loops[i] = loop_sim_add(p->sim->world);
  p->life++;
  p->up = true;
  p->ready = p->leaving = p->left = p->dies = false;
  p->started.fn = on_started;
  p->stopped.fn = on_stopped;
  open_lines(p);
  switch (p->role) {
  case SIM_COLLECTOR: start_collector(p); break;
  case SIM_DEFENDER: start_defender(p); break;
  case SIM_KEEPER: start_keeper(p); break;
  }
}

void sim_process_leave(struct sim_process *p) {
  p->leaving = true;
  switch (p->role) {
  case SIM_COLLECTOR: collector_drain(p->collector, p->sim->people, &p->stopped); break;
  case SIM_DEFENDER: defender_stop(p->defender, p->sim->people, &p->stopped); break;
  case SIM_KEEPER: keeper_stop(p->keeper, p->sim->people, &p->stopped); break;
  }
}

void sim_process_kill(struct sim_process *p) {
  struct sim *s = p->sim;
  loop_sim_kill(s->world, p->loops, p->n_loops);
  for (size_t i = 0; i < p->n_loops; i++) {
    queue_mem_forget_loop(s->queue, p->loops[i]);
    kv_mem_forget_loop(s->kv, p->loops[i]);
    alarm_mem_forget_loop(s->alarms, p->loops[i]);
    port_flight_forget(&sim_store(s)->flight, p->loops[i]);
  }
  sim_mutation_forget(s, p);
  collector_destroy(p->collector);
  defender_destroy(p->defender);
  keeper_destroy(p->keeper);
  p->collector = NULL;
  p->defender = NULL;
  p->keeper = NULL;
  for (int i = 0; i < SIM_N_PORTS; i++) {
    s->faults += faulty_faults(p->lines[i].faults);
    tap_deinit(&p->lines[i].mutant);
    faulty_destroy(p->lines[i].faults);
    tap_deinit(&p->lines[i].watch);
  }
  sim_ledger_drop_jobs(p);
  sim_hub_lost(s, p);
  p->up = false;
  p->start_us = sim_wall(s) + 100000 + (int64_t)sim_dice(s, 4000000);
}

void sim_process_calm(struct sim_process *p) {
  for (int i = 0; p->up && i < SIM_N_PORTS; i++) faulty_clear(p->lines[i].faults);
}
