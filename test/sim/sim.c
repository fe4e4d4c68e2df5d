/* SPDX-License-Identifier: Apache-2.0
 * The simulation itself: the world, chaos, the people, the steps. */
#include "sim/sim.h"

#include "run/completion.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A change takes effect so much later, for the news to reach every defender (DESIGN section 5 asks for 10 s). */
#define ANNOUNCED_US (INT64_C(12) * TFDC_US_PER_S)
#define SETTLE_S     900

const char *sim_rule_text(enum sim_rule rule) {
  static const char *const texts[] = {
#define X(name, text) text,
      SIM_RULES(X)
#undef X
          "",
      "nothing",
  };
  return texts[rule];
}

uint64_t sim_dice(struct sim *s, uint64_t n) { return loop_sim_random(s->world, n); }
int64_t sim_wall(struct sim *s) { return port_wall(loop_sim_clock(s->world)).us; }
tfdc_mono sim_after(struct sim *s, int64_t us) {
  return tfdc_mono_add(port_mono(loop_sim_clock(s->world)), (tfdc_dur){us});
}
struct store_mem *sim_store(struct sim *s) {
  return (struct store_mem *)(void *)s->store;
}
struct sim_run *sim_run_of(struct sim *s, struct tfdc_id128 id) {
  return tfdc_map_get(&s->by_id, id);
}

void sim_break(struct sim *s, enum sim_rule rule, const char *fmt, ...) {
  if (s->broken != SIM_NONE_BROKEN) return;
  s->broken = rule;
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(s->what, sizeof s->what, fmt, args);
  va_end(args);
}

void sim_trace(struct sim *s, const struct sim_run *r, const char *fmt, ...) {
  if (s->options.trace == NULL || strcmp(s->options.trace, r->plan.run_id) != 0) return;
  char text[256];
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  (void)fprintf(stderr, "%8llu %10.6f s  %s\n", (unsigned long long)s->steps,
                (double)port_mono(loop_sim_clock(s->world)).us / 1e6, text);
}

/* ---- people: new definitions, judging again ---- */

struct order {
  struct port_task task;
  struct sim *sim;
  struct store_req store;
  struct kv_req kv;
  struct publish_req publish;
  struct tfdc_arena mem;
  struct model_def def;
  char body[1024];
};

static struct order *new_order(struct sim *s) {
  struct order *o = calloc(1, sizeof *o);
  TFDC_ASSERT(o != NULL);
  o->sim = s;
  return o;
}

static void free_order(struct port_req *r) {
  struct order *o = r->user;
  TFDC_ASSERT(r->rc == TFDC_OK);
  port_req_deinit(&o->store.base);
  port_req_deinit(&o->kv.base);
  port_req_deinit(&o->publish.base);
  tfdc_arena_deinit(&o->mem);
  free(o);
}

/* Store first, then the head that all defenders watch. */
static void announce(struct port_req *r) {
  struct order *o = r->user;
  TFDC_ASSERT(r->rc == TFDC_OK);
  kv_req_init(&o->kv, KV_PUT);
  o->kv.bucket = DEFENDER_CONFIG_BUCKET;
  o->kv.key = "generation";
  o->kv.value = "new";
  o->kv.n = 3;
  TFDC_ASSERT(port_submit(kv_mem_port(o->sim->kv), &o->kv.base, o->sim->people, free_order, o) == TFDC_OK);
}

static void define(struct sim *s, size_t strategy, double ucl, int64_t effective_us) {
  struct order *o = new_order(s);
  uint32_t version = 1;
  if (strategy == 0) {
    s->versions[s->n_versions++] = (struct sim_version){ucl, effective_us};
    version = (uint32_t)s->n_versions;
  }
  o->def = (struct model_def){.kind = MODEL_DEF_STRATEGY,
                              .id = sim_strategy_id(strategy),
                              .version = version,
                              .approved = true,
                              .effective_us = effective_us,
                              .author = "engineer",
                              .body = sim_strategy_body(strategy, ucl, o->body, sizeof o->body)};
  store_req_init(&o->store, STORE_DEF_PUT);
  o->store.def = &o->def;
  TFDC_ASSERT(port_submit(s->store, &o->store.base, s->people, announce, o) == TFDC_OK);
}

static void judge_again(struct sim *s, struct sim_run *r) {
  const struct model_context *row = store_mem_context(sim_store(s), r->plan.id);
  const struct model_run_verdict *v = store_mem_verdict(sim_store(s), r->plan.id);
  if (row == NULL || v == NULL || row->state != MODEL_CONTEXT_CLOSED || v->revision != row->revision) return;
  struct order *o = new_order(s);
  char suffix[16];
  r->asked = v->judgement + 1;
  r->asked_revision = v->revision;
  struct model_completion m = model_completion_of(row, r->asked);
  (void)snprintf(suffix, sizeof suffix, ".j%u", r->asked);
  TFDC_ASSERT(completion_request(&m, suffix, &o->mem, &o->publish) == TFDC_OK);
  TFDC_ASSERT(port_submit(queue_mem_publish(s->queue), &o->publish.base, s->people, free_order, o) == TFDC_OK);
}

/* One run, or all of its chamber from it on, in order. */
static void judge_some_again(struct sim *s) {
  if (s->n_runs == 0) return;
  size_t first = sim_dice(s, s->n_runs);
  bool all = sim_chance(s, 2);
  for (size_t i = first; i < s->n_runs && (all || i == first); i++)
    if (s->runs[i].plan.chamber == s->runs[first].plan.chamber) judge_again(s, &s->runs[i]);
}

static void on_engineer(struct port_timer *t) {
  struct sim *s = (struct sim *)((char *)t - offsetof(struct sim, engineer));
  if (s->calm) return;
  if (s->n_versions < SIM_VERSIONS && sim_chance(s, 2))
    define(s, 0, sim_chance(s, 2) ? 52 : 58, sim_wall(s) + ANNOUNCED_US);
  else
    judge_some_again(s);
  port_arm(s->people, t, sim_after(s, 3 * TFDC_US_PER_S + (int64_t)sim_dice(s, 10000000)));
}

/* ---- chaos ---- */

static void look_after(struct sim *s, struct sim_process *p) {
  if (!p->up) {
    if (sim_wall(s) >= p->start_us) sim_process_start(p);
    return;
  }
  bool dies = p->dies || (!s->calm && s->storm > 0 && sim_chance(s, 6000));
  for (const struct sim_job *job = p->jobs; dies && job != NULL; job = job->next)
    sim_trace(s, job->run, "process %zu dies%s", p->index, p->dies ? " of poison" : "");
  if (p->left || dies) {
    s->crashes += dies;
    sim_process_kill(p);
  } else if (!s->calm && p->ready && !p->leaving && sim_chance(s, 20000)) {
    sim_process_leave(p);
  }
}

static bool step(struct sim *s) {
  for (size_t i = 0; i < SIM_PROCESSES; i++) look_after(s, &s->processes[i]);
  if (!s->calm && sim_chance(s, 10000)) kv_mem_break_watches(s->kv);
  if (!s->calm && sim_chance(s, 5000)) loop_sim_jump_wall(s->world, tfdc_millis((int64_t)sim_dice(s, 4000) - 2000));
  (void)loop_sim_step(s->world);
  s->steps++;
  sim_mutation_step(s);
  sim_ledger_check(s);
  return s->broken == SIM_NONE_BROKEN;
}

void sim_storm(struct sim *s, uint64_t steps) {
  for (uint64_t i = 0; i < steps && step(s); i++) continue;
}

/* Messages that nobody acked yet; asked of the queue itself. */
struct asking {
  struct workqueue_req req;
  bool done;
};
static void on_asked(struct port_req *r) { ((struct asking *)r->user)->done = true; }

static uint64_t messages_left(struct sim *s) {
  struct asking a = {.done = false};
  workqueue_req_init(&a.req, WORKQUEUE_INFO);
  TFDC_ASSERT(port_submit(queue_mem_work(s->queue), &a.req.base, s->people, on_asked, &a) == TFDC_OK);
  while (!a.done) (void)step(s);
  uint64_t left = a.req.pending + a.req.in_flight;
  port_req_deinit(&a.req.base);
  return left;
}

void sim_settle(struct sim *s) {
  if (s->broken != SIM_NONE_BROKEN) return;
  s->calm = true;
  for (size_t i = 0; i < SIM_PROCESSES; i++) sim_process_calm(&s->processes[i]);
  int64_t until = sim_wall(s) + SETTLE_S * TFDC_US_PER_S;
  uint64_t left = 1;
  while (step(s) && sim_wall(s) < until) {
    if (s->steps % 64 != 0) continue;
    left = messages_left(s);
    if (left == 0 && sim_ledger_all_over(s)) break;
  }
  sim_ledger_check_last(s);
  if (left > 0) sim_break(s, SIM_AT_LAST, "%llu messages are left in the queue", (unsigned long long)left);
  for (size_t i = 0; i < SIM_PROCESSES; i++)
    if (s->processes[i].up) sim_process_kill(&s->processes[i]);
}

/* ---- life ---- */

struct sim *sim_create(const struct sim_options *options) {
  struct sim *s = calloc(1, sizeof *s);
  TFDC_ASSERT(s != NULL);
  s->options = *options;
  s->broken = SIM_NONE_BROKEN;
  s->world = loop_sim_create(options->seed);
  s->broker = loop_sim_add(s->world);
  s->people = loop_sim_add(s->world);
  s->store = store_mem_create(10000, (size_t)1 << 30);
  s->queue = queue_mem_create(s->broker);
  s->kv = kv_mem_create(s->broker);
  s->alarms = alarm_mem_create(s->broker);
  s->runs = calloc(SIM_RUNS, sizeof *s->runs);
  TFDC_ASSERT(s->runs != NULL);
  s->alarm_mem.limit = (size_t)256 << 20;
  s->storm = sim_dice(s, 4);
  for (size_t i = 0; i < SIM_PROCESSES; i++)
    sim_process_init(s, i,
                     i < SIM_COLLECTORS                   ? SIM_COLLECTOR
                     : i < SIM_COLLECTORS + SIM_DEFENDERS ? SIM_DEFENDER
                                                          : SIM_KEEPER);
  for (size_t i = 0; i < PLAN_HUBS; i++) sim_hub_init(s, i);
  define(s, 0, 52, 0);
  define(s, 1, 0, 0);
  s->engineer.fn = on_engineer;
  port_arm(s->people, &s->engineer, sim_after(s, 3 * TFDC_US_PER_S));
  return s;
}

void sim_destroy(struct sim *s) {
  for (size_t i = 0; i < SIM_PROCESSES; i++)
    if (s->processes[i].up) sim_process_kill(&s->processes[i]);
  sim_mutation_forget(s, NULL);
  sim_hub_end(s);
  loop_sim_destroy(s->world);
  alarm_mem_destroy(s->alarms);
  kv_mem_destroy(s->kv);
  queue_mem_destroy(s->queue);
  store_mem_destroy(s->store);
  tfdc_map_deinit(&s->by_id);
  tfdc_map_deinit(&s->by_msg_id);
  tfdc_arena_deinit(&s->alarm_mem);
  free(s->alarm_list);
  free(s->tokens);
  free(s->runs);
  free(s);
}
