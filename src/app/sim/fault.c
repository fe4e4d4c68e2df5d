/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sim/fault.h"

#include <math.h>
#include <stdlib.h>

enum {
  SLOT_RUNS = 10,    /* of a chamber and recipe, for one fault */
  NORMAL_RUNS = 200, /* on which the statistic's spread is measured */
  EFFECT_RUNS = 20,  /* on which a fault's effect is measured */
  BISECTIONS = 24,
  TRIES = 200,    /* sensors, steps and places, until one can have the fault */
  DRIFT_GROWS = 3 /* runs until a drift is at its full size */
};
#define UNSENT_RUNS (UINT64_C(1) << 40) /* draws of runs that are never sent begin here */

static enum sim_statistic statistic_of(enum sim_fault_kind k) {
  switch (k) {
  case SIM_SPIKE:
  case SIM_RF_BURST: return SIM_MAX;
  case SIM_OSCILLATION:
  case SIM_STUCK: return SIM_STD;
  default: return SIM_MEAN;
  }
}

/* ---- how large ---- */

struct probe { /* measures one sensor in one step */
  const struct sim_fab *fab;
  const struct sim_fault *fault;
  double *v;
  size_t cap;
};

static double measure(struct probe *p, uint64_t draw, const struct sim_effect *e) {
  const struct sim_fault *x = p->fault;
  struct sim_run r;
  sim_run_plan(p->fab, x->chamber, sim_run_number(p->fab, x->recipe, x->first_index), &r);
  r.draw = UNSENT_RUNS + draw;
  sim_run_lay_steps(p->fab, &r);
  size_t rate = sim_type_of(p->fab, x->chamber)->sensors[x->sensor].rate;
  size_t from = sim_first_sample(p->fab, &r, rate, x->step), to = sim_first_sample(p->fab, &r, rate, x->step + 1);
  if (to > p->cap) to = p->cap;
  if (from >= to) return (double)NAN;
  sim_sensor(p->fab, &r, x->sensor, e, p->v, to);
  return sim_statistic_of(x->statistic, p->v + from, to - from);
}

static void measure_normal(struct probe *p, struct sim_fault *x) {
  double sum = 0, squares = 0;
  for (uint64_t i = 0; i < NORMAL_RUNS; i++) {
    double v = measure(p, i, NULL);
    sum += v;
    squares += v * v;
  }
  x->normal_mean = sum / NORMAL_RUNS;
  x->normal_sd = sqrt(fmax(0, (squares - sum * x->normal_mean) / (NORMAL_RUNS - 1)));
}

/* How far the amount moves the statistic, on the same runs with and without the fault. */
static double effect_of(struct probe *p, double amount) {
  const struct sim_effect e = {p->fault->kind, p->fault->sensor, p->fault->step, amount};
  double sum = 0;
  for (uint64_t i = 0; i < EFFECT_RUNS; i++) sum += measure(p, i, &e) - measure(p, i, NULL);
  return fabs(sum / EFFECT_RUNS);
}

/* The bounds between which an amount is looked for. */
static void bounds_of(const struct sim_fault *x, double *low, double *high) {
  double wanted = x->size * x->normal_sd;
  *low = x->kind == SIM_SETTLING ? 1 : 0;
  switch (x->kind) {
  case SIM_SETTLING: *high = 50; break;
  case SIM_STUCK: *high = 1; break;
  case SIM_OSCILLATION:
  case SIM_RF_BURST: *high = 4 * wanted + 4 * x->normal_sd + 10 * fabs(x->normal_mean); break;
  default: *high = 2 * wanted; break;
  }
}

/* The amount that moves the statistic by the fault's size. False: none does, or the sensor cannot show so little. */
static bool find_amount(struct probe *p, struct sim_fault *x, bool upwards) {
  double low, high, wanted = x->size * x->normal_sd;
  double lsb = sim_type_of(p->fab, x->chamber)->sensors[x->sensor].svid.resolution;
  if (!(x->normal_sd > 0) || wanted < 2 * lsb) return false;
  bounds_of(x, &low, &high);
  if (effect_of(p, high) < wanted) return false;
  for (int i = 0; i < BISECTIONS; i++) {
    double middle = (low + high) / 2;
    if (effect_of(p, middle) < wanted)
      low = middle;
    else
      high = middle;
  }
  if (fabs(effect_of(p, high) - wanted) > 0.2 * wanted) return false; /* the statistic only jumps */
  x->amount = upwards || (x->kind != SIM_OFFSET && x->kind != SIM_DRIFT) ? high : -high;
  return true;
}

/* ---- where ---- */

static bool may_have(const struct sim_fab *f, const struct sim_fault *x) {
  enum sim_behaviour b = sim_type_of(f, x->chamber)->sensors[x->sensor].behaviour;
  if (x->kind == SIM_RF_BURST) return b == SIM_REFLECTED;
  if (x->kind == SIM_SETTLING) return x->step > 0 && (b == SIM_FIRST_ORDER || b == SIM_SECOND_ORDER);
  return b != SIM_SET_POINT && b != SIM_REFLECTED;
}

/* Draws sensors and steps until one can have the fault. */
static bool place(struct probe *p, struct sim_fault *x, struct random_source *random) {
  size_t steps = sim_type_of(p->fab, x->chamber)->recipes[x->recipe].n_steps;
  x->statistic = statistic_of(x->kind);
  for (int i = 0; i < TRIES; i++) {
    x->sensor = random_u64(random) % (size_t)p->fab->o.svids;
    x->step = x->kind == SIM_LOST_STEP ? 1 + random_u64(random) % (steps - 1) : random_u64(random) % steps;
    if (x->kind == SIM_LOST_STEP) return true;
    if (!may_have(p->fab, x)) continue;
    bool upwards = random_u64(random) % 2 == 0;
    measure_normal(p, x);
    if (find_amount(p, x, upwards)) return true;
  }
  return false;
}

/* Chambers and recipes have slots of SLOT_RUNS runs behind the learning runs. */
static int64_t slots_of(const struct sim_fab *f, size_t recipe) {
  int64_t left = sim_runs_of_recipe(f, recipe) - f->o.learn_runs - (SIM_LOT - 1);
  return left < 0 ? 0 : left / SLOT_RUNS;
}

static void take_slot(const struct sim_fab *f, size_t slot, struct sim_fault *x, struct random_source *random) {
  size_t recipes = (size_t)f->o.recipes, cells = f->n_chambers * recipes, cell = slot % cells;
  x->chamber = cell / recipes;
  x->recipe = cell % recipes;
  int64_t turn = (int64_t)(slot / cells), first = f->o.learn_runs;
  while (sim_run_number(f, x->recipe, first) < sim_learning_runs(f)) first++;
  x->n_runs = x->kind == SIM_DRIFT ? 2 * DRIFT_GROWS : 3 + (int64_t)(random_u64(random) % 3);
  int64_t room = SLOT_RUNS - x->n_runs - 1;
  x->first_index = first + turn * SLOT_RUNS + (int64_t)(random_u64(random) % (uint64_t)room);
}

static size_t count_slots(const struct sim_fab *f) {
  int64_t least = INT64_MAX;
  for (size_t r = 0; r < (size_t)f->o.recipes; r++) least = slots_of(f, r) < least ? slots_of(f, r) : least;
  return (size_t)least * f->n_chambers * (size_t)f->o.recipes;
}

static void shuffle(size_t *list, size_t n, struct random_source *random) {
  for (size_t i = 0; i < n; i++) list[i] = i;
  for (size_t i = n; i > 1; i--) {
    size_t j = random_u64(random) % i, kept = list[i - 1];
    list[i - 1] = list[j];
    list[j] = kept;
  }
}

static tfdc_rc plan_all(const struct sim_fab *f, struct probe *p, size_t *slots, size_t n_slots, struct sim_faults *ret,
                        struct tfdc_error *err) {
  struct random_source random = sim_random(f, SIM_FOR_FAULTS, 0, 0, 0);
  size_t turn = random_u64(&random) % SIM_FAULT_KINDS, used = 0;
  shuffle(slots, n_slots, &random);
  for (size_t i = 0; i < (size_t)f->o.faults; i++) {
    struct sim_fault x = {.kind = (enum sim_fault_kind)((turn + i) % SIM_FAULT_KINDS)};
    x.size = f->o.size_min + (f->o.size_max - f->o.size_min) * random_unit(&random);
    p->fault = &x;
    bool placed = false;
    while (!placed && used < n_slots) {
      take_slot(f, slots[used++], &x, &random);
      placed = place(p, &x, &random);
    }
    if (!placed)
      return tfdc_fail(err, TFDC_E_USAGE,
                       "only %zu faults fit behind the learning runs: more --runs, or fewer --faults", i);
    ret->list[ret->n++] = x;
  }
  return TFDC_OK;
}

tfdc_rc sim_faults_plan(const struct sim_fab *f, struct sim_faults *ret, struct tfdc_error *err) {
  size_t n_slots = count_slots(f);
  double longest = f->o.run_s * 1.2 + 10;
  struct probe p = {.fab = f, .cap = (size_t)(longest * f->o.rate_hz)};
  p.v = calloc(p.cap, sizeof *p.v);
  size_t *slots = calloc(n_slots + 1, sizeof *slots);
  *ret = (struct sim_faults){.list = calloc((size_t)f->o.faults + 1, sizeof *ret->list)};
  tfdc_rc rc = p.v != NULL && slots != NULL && ret->list != NULL ? TFDC_OK : tfdc_fail(err, TFDC_E_NOMEM, "faults");
  if (rc == TFDC_OK) rc = plan_all(f, &p, slots, n_slots, ret, err);
  if (rc != TFDC_OK) sim_faults_deinit(ret);
  free(slots);
  free(p.v);
  return rc;
}

void sim_faults_deinit(struct sim_faults *faults) {
  free(faults->list);
  *faults = (struct sim_faults){0};
}

const struct sim_fault *sim_fault_of(const struct sim_fab *f, const struct sim_faults *faults, struct sim_run *r,
                                     struct sim_effect *ret_effect) {
  for (size_t i = 0; i < faults->n; i++) {
    const struct sim_fault *x = &faults->list[i];
    if (x->chamber != r->chamber || x->recipe != r->recipe) continue;
    if (r->index < x->first_index || r->index >= x->first_index + x->n_runs) continue;
    if (x->kind == SIM_LOST_STEP) {
      r->lost_step = x->step;
      sim_run_lay_steps(f, r);
      return x;
    }
    *ret_effect = (struct sim_effect){x->kind, x->sensor, x->step, x->amount};
    int64_t age = r->index - x->first_index + 1;
    if (x->kind == SIM_DRIFT && age < DRIFT_GROWS + 1) ret_effect->amount *= (double)age / (DRIFT_GROWS + 1);
    return x;
  }
  return NULL;
}
