/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sim/trace.h"

#include "app/sim/signal.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586
enum { GAPS_PER_LOSS = 50, GAP_MOST = 4 }; /* share of runs with a gap, for a share of lost samples; samples of a gap */
static const double OSCILLATION_SAMPLES = 7.3;           /* period of an oscillation */
static const double BURST_S = 0.5;                       /* half width of a burst */
static const double STEP_SCATTER = 0.3;                  /* of a step's level, in run scatters */
static const double PEAK_SHARE = 0.3, PEAK_SPREAD = 0.1; /* of reflected power when power is switched on */
static const double PEAK_LATER = 0.4;                    /* and when it changes */

const char *sim_fault_name(enum sim_fault_kind k) {
  static const char *const names[] = {
#define X(name, text) text,
      SIM_FAULT_LIST(X)
#undef X
  };
  return names[k];
}

size_t sim_first_sample(const struct sim_fab *f, const struct sim_run *r, size_t rate, size_t step) {
  return (size_t)ceil(r->begin_s[step] * f->rates[rate] - 1e-9);
}

size_t sim_samples(const struct sim_fab *f, const struct sim_run *r, size_t rate) {
  return sim_first_sample(f, r, rate, sim_type_of(f, r->chamber)->recipes[r->recipe].n_steps);
}

/* ---- one sensor ---- */

struct shape { /* how this sensor is in this chamber and run */
  double own, level, gain, tau_s;
};

static struct shape shape_of(const struct sim_fab *f, const struct sim_run *r, const struct sim_sensor *s,
                             size_t sensor, struct random_source *random) {
  struct random_source chamber = sim_random(f, SIM_FOR_CHAMBER, r->chamber, sensor, 1);
  struct shape h = {.own = f->o.offset * s->range * random_normal(&chamber)};
  h.tau_s = s->tau_s * (0.9 + 0.2 * random_unit(&chamber));
  double drift = f->o.drift * s->scatter * (double)r->number / 100 * (random_unit(&chamber) > 0.5 ? 1 : -1);
  /* A part of the scatter is the same for all sensors of a run: the room, the gas, the mains. */
  struct random_source common = sim_random(f, SIM_FOR_RUN, r->chamber, r->draw, 1);
  double shared = random_normal(&common);
  h.level = drift + s->scatter * (0.4 * shared + sqrt(1 - 0.16) * random_normal(random));
  h.gain = 1 + PEAK_SPREAD * random_normal(random);
  return h;
}

/* The undisturbed readings without noise of samples [from, to) of a step. */
static void follow(const struct sim_sensor *s, const struct shape *h, double target, struct sim_response *response,
                   double *v, size_t n) {
  if (s->behaviour == SIM_SET_POINT || s->behaviour == SIM_LEVEL)
    for (size_t i = 0; i < n; i++) v[i] = target;
  else
    for (size_t i = 0; i < n; i++) v[i] = sim_response_step(response, target);
  if (s->behaviour == SIM_REFLECTED && target <= 0)
    for (size_t i = 0; i < n; i++) v[i] = fmax(v[i], 0);
  if (s->behaviour == SIM_SET_POINT) return;
  for (size_t i = 0; i < n; i++) v[i] += h->own + h->level;
}

static void disturb(const struct sim_effect *e, double rate, double *v, size_t n, struct random_source *random) {
  size_t at = (size_t)(random_unit(random) * (double)n);
  double phase = TWO_PI * random_unit(random), most = -INFINITY;
  for (size_t i = 0; i < n; i++) most = fmax(most, v[i]);
  for (size_t i = 0; i < n; i++) {
    double distance = ((double)i - (double)at) / (BURST_S * rate);
    switch (e->kind) {
    case SIM_OFFSET:
    case SIM_DRIFT: v[i] += e->amount; break;
    case SIM_SPIKE: v[i] = i == at ? most + e->amount : v[i]; break;
    case SIM_OSCILLATION: v[i] += e->amount * sin(TWO_PI * (double)i / OSCILLATION_SAMPLES + phase); break;
    case SIM_RF_BURST: v[i] += e->amount * exp(-0.5 * distance * distance); break;
    default: break;
    }
  }
}

/* After quantisation: the reading itself stands still. */
static void stick(const struct sim_effect *e, double *v, size_t n) {
  size_t from = n - (size_t)(e->amount * (double)n);
  for (size_t i = from > 0 ? from : 1; i < n; i++) v[i] = v[i - 1];
}

void sim_sensor(const struct sim_fab *f, const struct sim_run *r, size_t sensor, const struct sim_effect *e, double *v,
                size_t n) {
  const struct sim_type *type = sim_type_of(f, r->chamber);
  const struct sim_sensor *s = &type->sensors[sensor];
  struct random_source random = sim_random(f, SIM_FOR_SENSOR, r->chamber, r->draw, sensor);
  struct random_source odd = sim_random(f, SIM_FOR_FAULTS, r->chamber, r->draw, sensor);
  struct shape h = shape_of(f, r, s, sensor, &random);
  struct sim_response response = {.value = sim_target(f, r, 0, sensor)};
  double rate = f->rates[s->rate], dt = 1 / rate, before = response.value;
  if (e != NULL && e->sensor != sensor) e = NULL;
  for (size_t k = 0; k < type->recipes[r->recipe].n_steps; k++) {
    size_t from = sim_first_sample(f, r, s->rate, k), to = sim_first_sample(f, r, s->rate, k + 1);
    from = from < n ? from : n;
    to = to < n ? to : n;
    double target = sim_target(f, r, k, sensor), step_level = STEP_SCATTER * s->scatter * random_normal(&random);
    const struct sim_effect *here = e != NULL && e->step == k ? e : NULL;
    double slow = here != NULL && here->kind == SIM_SETTLING ? here->amount : 1;
    sim_response_set(&response, h.tau_s * slow, s->damping, dt);
    if (s->behaviour == SIM_REFLECTED && target > 0 && from < to)
      response.value = (before <= 0 ? 1 : PEAK_LATER) * PEAK_SHARE * s->range * h.gain;
    before = target;
    follow(s, &h, target, &response, v + from, to - from);
    if (s->behaviour != SIM_SET_POINT)
      for (size_t i = from; i < to; i++) v[i] += step_level + s->noise * random_normal(&random);
    if (here != NULL) disturb(here, rate, v + from, to - from, &odd);
    for (size_t i = from; i < to; i++) v[i] = sim_quantise(v[i], s->svid.resolution);
    if (here != NULL && here->kind == SIM_STUCK) stick(here, v + from, to - from);
  }
}

/* ---- all sensors ---- */

static tfdc_rc make_times(const struct sim_fab *f, const struct sim_run *r, size_t rate, struct sim_trace *t) {
  t->n[rate] = sim_samples(f, r, rate);
  t->t_us[rate] = tfdc_arena_array(&t->mem, t->n[rate] + 1, sizeof *t->t_us[rate]);
  if (t->t_us[rate] == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < t->n[rate]; i++)
    t->t_us[rate][i] = r->start_us + (int64_t)((double)i * 1e6 / f->rates[rate] + 0.5);
  return TFDC_OK;
}

/* A few samples of one rate never came. */
static void cut_gap(const struct sim_fab *f, const struct sim_run *r, struct sim_trace *t) {
  struct random_source random = sim_random(f, SIM_FOR_GAPS, r->chamber, r->draw, 0);
  size_t rate = random_u64(&random) % SIM_RATES, n = t->n[rate], gap = 2 + random_u64(&random) % (GAP_MOST - 1);
  if (random_unit(&random) >= GAPS_PER_LOSS * f->o.missing || n < 10 * gap) return;
  size_t at = (size_t)(random_unit(&random) * (double)(n - gap)), rest = n - at - gap;
  const struct sim_type *type = sim_type_of(f, r->chamber);
  memmove(t->t_us[rate] + at, t->t_us[rate] + at + gap, rest * sizeof **t->t_us);
  for (size_t i = 0; i < (size_t)f->o.svids; i++)
    if (type->sensors[i].rate == rate) memmove(t->v[i] + at, t->v[i] + at + gap, rest * sizeof **t->v);
  t->n[rate] -= gap;
}

static void lose_samples(const struct sim_fab *f, const struct sim_run *r, size_t sensor, double *v, size_t n) {
  if (f->o.missing <= 0) return;
  struct random_source random = sim_random(f, SIM_FOR_GAPS, r->chamber, r->draw, sensor + 1);
  /* Distances between losses are geometric. */
  double scale = 1 / log(1 - f->o.missing), at = floor(log(random_unit(&random)) * scale);
  while (at < (double)n) {
    v[(size_t)at] = (double)NAN;
    at += 1 + floor(log(random_unit(&random)) * scale);
  }
}

tfdc_rc sim_trace_make(const struct sim_fab *f, const struct sim_run *r, const struct sim_effect *e,
                       struct sim_trace *t) {
  const struct sim_type *type = sim_type_of(f, r->chamber);
  size_t svids = (size_t)f->o.svids;
  tfdc_arena_reset(&t->mem);
  t->mem.limit = (size_t)4 << 30;
  t->points = 0;
  for (size_t g = 0; g < SIM_RATES; g++) TFDC_TRY(make_times(f, r, g, t));
  t->v = tfdc_arena_array(&t->mem, svids, sizeof *t->v);
  if (t->v == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < svids; i++) {
    size_t n = t->n[type->sensors[i].rate];
    t->v[i] = tfdc_arena_array(&t->mem, n + 1, sizeof **t->v);
    if (t->v[i] == NULL) return TFDC_E_NOMEM;
    sim_sensor(f, r, i, e, t->v[i], n);
    lose_samples(f, r, i, t->v[i], n);
  }
  cut_gap(f, r, t);
  for (size_t i = 0; i < svids; i++) t->points += t->n[type->sensors[i].rate];
  return TFDC_OK;
}

void sim_trace_deinit(struct sim_trace *t) { tfdc_arena_deinit(&t->mem); }
