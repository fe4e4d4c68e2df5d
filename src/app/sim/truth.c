/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sim/truth.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static json_t *runs_of(const struct sim_fab *f) {
  json_t *list = json_array();
  int64_t learning = sim_learning_runs(f);
  for (size_t chamber = 0; chamber < f->n_chambers; chamber++) {
    const struct model_key key = f->chambers[chamber].model.key;
    for (int64_t number = 0; number < f->o.runs; number++) {
      struct sim_run r;
      char id[32];
      sim_run_plan(f, chamber, number, &r);
      sim_run_id(&r, id);
      json_t *run = json_pack("{s:s, s:s, s:s, s:s, s:b}", "tool", key.tool, "chamber", key.chamber, "run_id", id,
                              "recipe", sim_type_of(f, chamber)->recipes[r.recipe].id, "learning", number < learning);
      if (json_array_append_new(list, run) != 0) { /* takes NULL for a failure */
        json_decref(list);
        return NULL;
      }
    }
  }
  return list;
}

static json_t *fault_runs(const struct sim_fab *f, const struct sim_fault *x) {
  json_t *list = json_array();
  for (int64_t i = 0; i < x->n_runs; i++) {
    struct sim_run r;
    char id[32];
    sim_run_plan(f, x->chamber, sim_run_number(f, x->recipe, x->first_index + i), &r);
    sim_run_id(&r, id);
    (void)json_array_append_new(list, json_string(id));
  }
  return list;
}

static json_t *fault_json(const struct sim_fab *f, const struct sim_fault *x) {
  const struct sim_type *type = sim_type_of(f, x->chamber);
  const struct model_key key = f->chambers[x->chamber].model.key;
  json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "kind", sim_fault_name(x->kind), "tool", key.tool, "chamber",
                        key.chamber, "recipe", type->recipes[x->recipe].id, "step",
                        type->recipes[x->recipe].steps[x->step].name, "runs", fault_runs(f, x));
  if (o == NULL || x->kind == SIM_LOST_STEP) return o;
  const struct sim_sensor *s = &type->sensors[x->sensor];
  json_t *more = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f}", "sensor", s->name, "unit", s->svid.unit, "statistic",
                           sim_statistic_name(x->statistic), "size", x->size, "normal_mean", x->normal_mean,
                           "normal_sd", x->normal_sd, "amount", x->amount);
  if (more == NULL || json_object_update(o, more) != 0) {
    json_decref(o);
    o = NULL;
  }
  json_decref(more);
  return o;
}

static json_t *truth_of(const struct sim_fab *f, const struct sim_faults *faults) {
  json_t *list = json_array();
  for (size_t i = 0; i < faults->n && list != NULL; i++)
    if (json_array_append_new(list, fault_json(f, &faults->list[i])) != 0) {
      json_decref(list);
      list = NULL;
    }
  return json_pack("{s:i, s:I, s:I, s:[f, f], s:o, s:o}", "v", 1, "seed", (json_int_t)f->o.seed, "learn_runs",
                   (json_int_t)f->o.learn_runs, "size", f->o.size_min, f->o.size_max, "faults", list, "runs",
                   runs_of(f));
}

tfdc_rc sim_truth_write(const char *path, const struct sim_fab *f, const struct sim_faults *faults,
                        struct tfdc_error *err) {
  json_t *truth = truth_of(f, faults);
  if (truth == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "truth");
  int failed = json_dump_file(truth, path, JSON_INDENT(1));
  json_decref(truth);
  return failed == 0 ? TFDC_OK : tfdc_fail(err, TFDC_E_IO, "cannot write %s: %s", path, strerror(errno));
}
