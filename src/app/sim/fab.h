/* SPDX-License-Identifier: Apache-2.0
 * The simulated fab: its tools, chambers, sensors and recipes, and when each run is. Everything follows from the
 * options; nothing here knows of charts or limits. Immutable once made, so that any thread may read it. */
#ifndef APP_SIM_FAB_H
#define APP_SIM_FAB_H

#include "base/arena.h"
#include "base/random.h"
#include "base/time.h"
#include "model/records.h"

enum {
  SIM_STEPS_MAX = 8,
  SIM_RATES = 3,
  SIM_LOT = 5, /* wafers of a lot; lots of the recipes alternate */
  SIM_TOOLS_MAX = 2000,
  SIM_CHAMBERS_MAX = 6,
  SIM_RECIPES_MAX = 8,
  SIM_SVIDS_MAX = 1000,
  SIM_RUNS_MAX = 100000
};

struct sim_options {
  uint64_t seed;
  int64_t tools, chambers; /* tools; chambers of each */
  int64_t recipes;         /* of each tool type */
  int64_t runs;            /* of each chamber */
  int64_t svids;           /* of each chamber */
  double rate_hz;          /* of the fastest sensors; others have half and a tenth of it */
  double run_s;            /* about how long a run is */
  int64_t learn_runs;      /* the first of each chamber and recipe have no faults */
  int64_t faults;
  double size_min, size_max; /* of the faults, in normal run-to-run standard deviations of the statistic */
  double drift;              /* of each sensor, in run-to-run standard deviations of its level, over 100 runs */
  double offset;             /* between chambers, as standard deviation, part of the sensor's range */
  double noise;              /* factor on all noise */
  double missing;            /* part of the samples */
  int64_t begin_us;          /* of the first run */
};
#define SIM_OPTIONS_DEFAULT                                                                                            \
  ((struct sim_options){.seed = 1,                                                                                     \
                        .tools = 6,                                                                                    \
                        .chambers = 2,                                                                                 \
                        .recipes = 2,                                                                                  \
                        .runs = 100,                                                                                   \
                        .svids = 24,                                                                                   \
                        .rate_hz = 10,                                                                                 \
                        .run_s = 60,                                                                                   \
                        .learn_runs = 25,                                                                              \
                        .faults = 16,                                                                                  \
                        .size_min = 6,                                                                                 \
                        .size_max = 15,                                                                                \
                        .drift = 0.5,                                                                                  \
                        .offset = 0.01,                                                                                \
                        .noise = 1,                                                                                    \
                        .missing = 0.0002,                                                                             \
                        .begin_us = INT64_C(1767225600000000)}) /* 2026-01-01 */

enum sim_behaviour {
  SIM_SET_POINT,    /* exactly what the recipe says */
  SIM_FIRST_ORDER,  /* follows it */
  SIM_SECOND_ORDER, /* follows it and overshoots */
  SIM_LEVEL,        /* the same in all steps */
  SIM_REFLECTED     /* small, with a peak when power is switched on or changed */
};
struct sim_sensor {
  char name[40];
  struct model_svid svid;
  enum sim_behaviour behaviour;
  double range;          /* of its set points */
  double noise, scatter; /* standard deviations: of a reading, of a run's level */
  double tau_s, damping;
  size_t rate; /* which of the fab's rates */
  bool off;    /* zero in the first and the last step */
};
struct sim_step {
  char name[16];
  double seconds, jitter_s; /* jitter: standard deviation, of a step that ends by end point */
};
struct sim_recipe {
  char id[32];
  size_t n_steps;
  struct sim_step steps[SIM_STEPS_MAX];
};
struct sim_type { /* of tools: chambers with the same sensors and recipes */
  const char *name;
  struct sim_sensor *sensors;
  struct model_svid *svids;
  double *targets; /* set points: [recipe][step][sensor] */
  struct sim_recipe recipes[SIM_RECIPES_MAX];
};
struct sim_chamber {
  struct model_chamber model; /* key and dictionary */
  size_t type;
};
struct sim_fab {
  struct sim_options o;
  struct tfdc_arena mem;
  size_t n_types, n_chambers; /* chambers of a tool are neighbours */
  struct sim_type types[2];
  struct sim_chamber *chambers;
  double rates[SIM_RATES];
  int64_t period_us; /* between the beginnings of two runs of a chamber */
};

/* USAGE: an option is out of bounds, err names it; NOMEM. */
TFDC_MUST_USE tfdc_rc sim_fab_init(struct sim_fab *f, const struct sim_options *o, struct tfdc_error *err);
void sim_fab_deinit(struct sim_fab *f);

/* One run. Lots of SIM_LOT wafers of one recipe follow each other. */
struct sim_run {
  size_t chamber, recipe;
  int64_t number; /* of the chamber, from 0 */
  int64_t index;  /* of the chamber and recipe, from 0 */
  uint64_t draw;  /* what its random numbers follow from, beside the seed */
  int64_t start_us;
  size_t lost_step;                  /* SIM_STEPS_MAX: none */
  double begin_s[SIM_STEPS_MAX + 1]; /* of each step, from the start; [n_steps]: the end. A lost step has no length */
};
void sim_run_plan(const struct sim_fab *f, size_t chamber, int64_t number, struct sim_run *ret);
/* Times of the steps; draws their jitter from r->draw. */
void sim_run_lay_steps(const struct sim_fab *f, struct sim_run *r);
int64_t sim_run_number(const struct sim_fab *f, size_t recipe, int64_t index); /* of the chamber */
int64_t sim_runs_of_recipe(const struct sim_fab *f, size_t recipe);            /* of one chamber */
/* The first runs of every chamber, in which each recipe comes learn_runs times: no faults there. */
int64_t sim_learning_runs(const struct sim_fab *f);
void sim_run_id(const struct sim_run *r, char buf[32]);

const struct sim_type *sim_type_of(const struct sim_fab *f, size_t chamber);
double sim_target(const struct sim_fab *f, const struct sim_run *r, size_t step, size_t sensor);
/* A random source for one purpose: the same arguments, the same numbers. */
struct random_source sim_random(const struct sim_fab *f, uint64_t purpose, uint64_t a, uint64_t b, uint64_t c);
enum { SIM_FOR_FAB = 1, SIM_FOR_CHAMBER, SIM_FOR_RUN, SIM_FOR_SENSOR, SIM_FOR_FAULTS, SIM_FOR_GAPS };

#endif
