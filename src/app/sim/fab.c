/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sim/fab.h"

#include "app/sim/signal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SETTLE_BETWEEN_RUNS_S = 30, REFLECTED_SHARE = 25 };

struct family {
  const char *name, *unit;
  double range;
  enum sim_behaviour behaviour;
  double tau_s, damping;
  bool off;
};
static const struct family families[] = {
    {"RF_Forward", "W", 1000, SIM_SECOND_ORDER, 0.3, 0.7, true},
    {"RF_Reflected", "W", 80, SIM_REFLECTED, 0.4, 0, true},
    {"Pressure", "mTorr", 100, SIM_SECOND_ORDER, 0.8, 0.6, false},
    {"Throttle", "%", 100, SIM_FIRST_ORDER, 1.2, 0, false},
    {"Gas_Flow", "sccm", 200, SIM_FIRST_ORDER, 0.6, 0, false},
    {"Bias_Voltage", "V", 400, SIM_FIRST_ORDER, 0.5, 0, true},
    {"Chuck_Temp", "Cel", 120, SIM_LEVEL, 1, 0, false},
    {"Gas_Set_Point", "sccm", 200, SIM_SET_POINT, 1, 0, false},
    {"He_Pressure", "Torr", 20, SIM_SECOND_ORDER, 0.5, 0.8, false},
    {"He_Flow", "sccm", 30, SIM_FIRST_ORDER, 1.5, 0, false},
    {"Match_Load", "%", 100, SIM_FIRST_ORDER, 0.4, 0, true},
    {"Match_Tune", "%", 100, SIM_FIRST_ORDER, 0.7, 0, true},
    {"ESC_Current", "mA", 5, SIM_FIRST_ORDER, 0.3, 0, false},
    {"Wall_Temp", "Cel", 80, SIM_LEVEL, 1, 0, false},
    {"Foreline_Pressure", "mTorr", 300, SIM_FIRST_ORDER, 2, 0, false},
    {"Pump_Speed", "rpm", 30000, SIM_LEVEL, 1, 0, false},
    {"Coil_Current", "A", 20, SIM_SECOND_ORDER, 0.6, 0.5, true},
    {"End_Point", "", 5, SIM_FIRST_ORDER, 2, 0, false},
};
static const struct {
  const char *type, *steps[SIM_STEPS_MAX];
} kinds[] = {{"ETCH", {"STABLE", "STRIKE", "MAIN", "OVER", "PURGE"}},
             {"CVD", {"HEAT", "PURGE", "DEPO", "TREAT", "COOL", "VENT"}}};

/* ---- options ---- */

static tfdc_rc check_int(const char *name, int64_t v, int64_t min, int64_t max, struct tfdc_error *err) {
  if (v >= min && v <= max) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "--%s %lld: from %lld to %lld", name, (long long)v, (long long)min,
                   (long long)max);
}

static tfdc_rc check_real(const char *name, double v, double min, double max, struct tfdc_error *err) {
  if (v >= min && v <= max) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "--%s %g: from %g to %g", name, v, min, max);
}

static tfdc_rc check(const struct sim_options *o, struct tfdc_error *err) {
  TFDC_TRY(check_int("tools", o->tools, 1, SIM_TOOLS_MAX, err));
  TFDC_TRY(check_int("chambers", o->chambers, 1, SIM_CHAMBERS_MAX, err));
  TFDC_TRY(check_int("recipes", o->recipes, 1, SIM_RECIPES_MAX, err));
  TFDC_TRY(check_int("runs", o->runs, 1, SIM_RUNS_MAX, err));
  TFDC_TRY(check_int("svids", o->svids, 2, SIM_SVIDS_MAX, err));
  TFDC_TRY(check_int("learn-runs", o->learn_runs, 0, SIM_RUNS_MAX, err));
  TFDC_TRY(check_int("faults", o->faults, 0, SIM_RUNS_MAX, err));
  TFDC_TRY(check_real("rate", o->rate_hz, 1, 1000, err));
  TFDC_TRY(check_real("run-seconds", o->run_s, 10, 86400, err));
  TFDC_TRY(check_real("drift", o->drift, 0, 100, err));
  TFDC_TRY(check_real("offset", o->offset, 0, 1, err));
  TFDC_TRY(check_real("noise", o->noise, 0, 100, err));
  TFDC_TRY(check_real("missing", o->missing, 0, 0.5, err));
  if (!(o->size_min > 0 && o->size_min <= o->size_max && o->size_max <= 1000))
    return tfdc_fail(err, TFDC_E_USAGE, "--size: LOW-HIGH with 0 < LOW <= HIGH <= 1000");
  return TFDC_OK;
}

/* ---- random sources ---- */

static uint64_t mix(uint64_t h, uint64_t v) {
  struct random_source r = {h ^ (v + UINT64_C(0x632be59bd9b4e019))};
  return random_u64(&r);
}

struct random_source sim_random(const struct sim_fab *f, uint64_t purpose, uint64_t a, uint64_t b, uint64_t c) {
  return (struct random_source){mix(mix(mix(mix(mix(17, f->o.seed), purpose), a), b), c)};
}

/* ---- what there is ---- */

/* The power of ten that a display of this noise would end with; one sensor in seven is coarser. */
static double resolution_of(double sd, bool coarse) { return pow(10, floor(log10(sd)) + (coarse ? 1 : 0)); }

static void make_sensor(const struct sim_fab *f, size_t type, size_t i, struct sim_sensor *s) {
  const struct family *y = &families[i % TFDC_COUNT(families)];
  size_t copy = i / TFDC_COUNT(families);
  struct random_source r = sim_random(f, SIM_FOR_FAB, type, i, 0);
  if (copy == 0)
    (void)snprintf(s->name, sizeof s->name, "%s", y->name);
  else
    (void)snprintf(s->name, sizeof s->name, "%s_%zu", y->name, copy + 1);
  s->behaviour = y->behaviour;
  s->range = y->range * (0.5 + random_unit(&r));
  double noise = s->range * (0.001 + 0.003 * random_unit(&r));
  s->noise = noise * f->o.noise;
  s->scatter = s->noise * (0.3 + 0.5 * random_unit(&r));
  s->tau_s = y->tau_s * (0.7 + 0.6 * random_unit(&r));
  s->damping = y->damping;
  s->off = y->off;
  double slow = random_unit(&r);
  s->rate = y->behaviour == SIM_REFLECTED || slow < 0.6 ? 0 : slow < 0.9 ? 1 : 2;
  s->svid =
      (struct model_svid){.number = (uint32_t)i + 1, .name = s->name, .unit = y->unit, .rate_hz = f->rates[s->rate]};
  s->svid.resolution = s->behaviour == SIM_SET_POINT ? resolution_of(s->range / 1000, false)
                                                     : resolution_of(noise, random_u64(&r) % 7 == 0);
}

static void make_recipe(const struct sim_fab *f, size_t type, size_t recipe, struct sim_recipe *r) {
  struct random_source random = sim_random(f, SIM_FOR_FAB, type, recipe, 1);
  (void)snprintf(r->id, sizeof r->id, "%s-%zu%zu", kinds[type].type, recipe + 1, recipe % 2);
  double total = 0;
  for (size_t k = 0; k < SIM_STEPS_MAX && kinds[type].steps[k] != NULL; k++) {
    struct sim_step *s = &r->steps[r->n_steps++];
    (void)snprintf(s->name, sizeof s->name, "%s", kinds[type].steps[k]);
    s->seconds = (k == 2 ? 1.6 : 0.7) + 0.6 * random_unit(&random);
    total += s->seconds;
  }
  for (size_t k = 0; k < r->n_steps; k++) {
    r->steps[k].seconds = floor(r->steps[k].seconds / total * f->o.run_s * 10 + 0.5) / 10;
    if (k == 2) r->steps[k].jitter_s = 0.01 * r->steps[k].seconds; /* ends by end point */
  }
}

static double draw_target(const struct sim_fab *f, const struct sim_type *t, size_t type, size_t recipe, size_t step,
                          size_t sensor) {
  const struct sim_sensor *s = &t->sensors[sensor];
  size_t last = t->recipes[recipe].n_steps - 1;
  if (s->off && (step == 0 || step == last)) return 0;
  if (s->behaviour == SIM_REFLECTED) return s->range / REFLECTED_SHARE;
  struct random_source level = sim_random(f, SIM_FOR_FAB, type, sensor, 2);
  if (s->behaviour == SIM_LEVEL) return s->range * (0.5 + 0.4 * random_unit(&level) + 0.02 * (double)recipe);
  /* Steps that hold what the step before had are common. */
  size_t from = step;
  for (; from > 0; from--) {
    struct random_source holds = sim_random(f, SIM_FOR_FAB, type, sensor * 64 + recipe * 8 + from, 3);
    if (random_unit(&holds) > 0.4 || (s->off && from == 1)) break;
  }
  struct random_source r = sim_random(f, SIM_FOR_FAB, type, sensor * 64 + recipe * 8 + from, 4);
  double target = s->range * (0.2 + 0.8 * random_unit(&r));
  return s->behaviour == SIM_SET_POINT ? sim_quantise(target, s->svid.resolution) : target;
}

static size_t target_at(const struct sim_fab *f, size_t recipe, size_t step, size_t sensor) {
  return (recipe * SIM_STEPS_MAX + step) * (size_t)f->o.svids + sensor;
}

static tfdc_rc make_type(struct sim_fab *f, size_t type) {
  struct sim_type *t = &f->types[type];
  size_t n = (size_t)f->o.svids, recipes = (size_t)f->o.recipes;
  t->name = kinds[type].type;
  t->sensors = tfdc_arena_alloc(&f->mem, n * sizeof *t->sensors);
  t->svids = tfdc_arena_array(&f->mem, n, sizeof *t->svids);
  t->targets = tfdc_arena_alloc(&f->mem, recipes * SIM_STEPS_MAX * n * sizeof *t->targets);
  if (t->sensors == NULL || t->svids == NULL || t->targets == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < n; i++) {
    make_sensor(f, type, i, &t->sensors[i]);
    t->svids[i] = t->sensors[i].svid;
  }
  for (size_t r = 0; r < recipes; r++) {
    make_recipe(f, type, r, &t->recipes[r]);
    for (size_t k = 0; k < t->recipes[r].n_steps; k++)
      for (size_t i = 0; i < n; i++) t->targets[target_at(f, r, k, i)] = draw_target(f, t, type, r, k, i);
  }
  return TFDC_OK;
}

static tfdc_rc make_chamber(struct sim_fab *f, size_t i) {
  struct sim_chamber *c = &f->chambers[i];
  size_t tool = i / (size_t)f->o.chambers;
  char id[TFDC_COUNT("ETCH-0000")], chamber[2] = {(char)('A' + i % (size_t)f->o.chambers), '\0'};
  c->type = tool % f->n_types;
  (void)snprintf(id, sizeof id, "%s-%02u", f->types[c->type].name, (unsigned)(tool / f->n_types + 1) % 10000);
  c->model = (struct model_chamber){.tool_type = f->types[c->type].name,
                                    .svids = f->types[c->type].svids,
                                    .n_svids = (size_t)f->o.svids,
                                    .seen_us = MODEL_NO_TIME};
  c->model.key.tool = tfdc_arena_strdup(&f->mem, id);
  c->model.key.chamber = tfdc_arena_strdup(&f->mem, chamber);
  return c->model.key.tool != NULL && c->model.key.chamber != NULL ? TFDC_OK : TFDC_E_NOMEM;
}

tfdc_rc sim_fab_init(struct sim_fab *f, const struct sim_options *o, struct tfdc_error *err) {
  TFDC_TRY(check(o, err));
  *f = (struct sim_fab){.o = *o, .n_types = o->tools > 1 ? 2 : 1, .n_chambers = (size_t)(o->tools * o->chambers)};
  f->rates[0] = o->rate_hz;
  f->rates[1] = o->rate_hz >= 2 ? o->rate_hz / 2 : o->rate_hz;
  f->rates[2] = o->rate_hz >= 10 ? o->rate_hz / 10 : f->rates[1];
  f->period_us = (int64_t)(o->run_s * 1.1 + SETTLE_BETWEEN_RUNS_S) * TFDC_US_PER_S;
  f->chambers = tfdc_arena_alloc(&f->mem, f->n_chambers * sizeof *f->chambers);
  tfdc_rc rc = f->chambers != NULL ? TFDC_OK : TFDC_E_NOMEM;
  for (size_t i = 0; i < f->n_types && rc == TFDC_OK; i++) rc = make_type(f, i);
  for (size_t i = 0; i < f->n_chambers && rc == TFDC_OK; i++) rc = make_chamber(f, i);
  if (rc == TFDC_OK) return TFDC_OK;
  sim_fab_deinit(f);
  return tfdc_fail(err, rc, "the fab");
}

void sim_fab_deinit(struct sim_fab *f) { tfdc_arena_deinit(&f->mem); }

const struct sim_type *sim_type_of(const struct sim_fab *f, size_t chamber) {
  return &f->types[f->chambers[chamber].type];
}

double sim_target(const struct sim_fab *f, const struct sim_run *r, size_t step, size_t sensor) {
  return sim_type_of(f, r->chamber)->targets[target_at(f, r->recipe, step, sensor)];
}

/* ---- when each run is ---- */

int64_t sim_run_number(const struct sim_fab *f, size_t recipe, int64_t index) {
  return (index / SIM_LOT * f->o.recipes + (int64_t)recipe) * SIM_LOT + index % SIM_LOT;
}

int64_t sim_runs_of_recipe(const struct sim_fab *f, size_t recipe) {
  int64_t round = SIM_LOT * f->o.recipes, n = f->o.runs / round * SIM_LOT;
  int64_t rest = f->o.runs % round - (int64_t)recipe * SIM_LOT;
  return n + (rest <= 0 ? 0 : rest < SIM_LOT ? rest : SIM_LOT);
}

int64_t sim_learning_runs(const struct sim_fab *f) {
  if (f->o.learn_runs == 0) return 0;
  int64_t n = sim_run_number(f, (size_t)f->o.recipes - 1, f->o.learn_runs - 1) + 1;
  return n < f->o.runs ? n : f->o.runs;
}

void sim_run_plan(const struct sim_fab *f, size_t chamber, int64_t number, struct sim_run *ret) {
  int64_t lot = number / SIM_LOT;
  *ret = (struct sim_run){.chamber = chamber, .number = number, .draw = (uint64_t)number, .lost_step = SIM_STEPS_MAX};
  ret->recipe = (size_t)(lot % f->o.recipes);
  ret->index = lot / f->o.recipes * SIM_LOT + number % SIM_LOT;
  struct random_source r = sim_random(f, SIM_FOR_CHAMBER, chamber, 0, 0);
  int64_t stagger = (int64_t)(random_unit(&r) * (double)f->period_us);
  ret->start_us = f->o.begin_us + number * f->period_us + stagger / TFDC_US_PER_MS * TFDC_US_PER_MS;
  sim_run_lay_steps(f, ret);
}

void sim_run_lay_steps(const struct sim_fab *f, struct sim_run *r) {
  const struct sim_recipe *recipe = &sim_type_of(f, r->chamber)->recipes[r->recipe];
  struct random_source random = sim_random(f, SIM_FOR_RUN, r->chamber, r->draw, 0);
  for (size_t k = 0; k < recipe->n_steps; k++) {
    const struct sim_step *s = &recipe->steps[k];
    double jitter = s->jitter_s * fmax(-3, fmin(3, random_normal(&random)));
    r->begin_s[k + 1] = r->begin_s[k] + (k == r->lost_step ? 0 : s->seconds + jitter);
  }
}

void sim_run_id(const struct sim_run *r, char buf[32]) {
  (void)snprintf(buf, 32, "R%zu-%06lld", r->chamber % 100000 + 1, (long long)r->number % 1000000);
}
