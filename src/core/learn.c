/* SPDX-License-Identifier: Apache-2.0 */
#include "core/learn.h"

#include "core/catalog.h"
#include "core/learn_priv.h"
#include "spc/fit/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX      (SIZE_MAX < UINT64_C(32000000) ? SIZE_MAX / 64 : (size_t)32000000)
#define TRACE_BYTES_MAX ((size_t)256 << 20)
/* Values of so many runs tell the grid of a sensor. */
enum { GRID_RUNS = 40 };

/* ---- compiling ---- */

static const char *unit_of(void *user, const char *svid) {
  const struct learn_sensor *s = learn_find_sensor(user, svid);
  return s != NULL ? s->unit : NULL;
}

static const char *name_at(void *user, size_t index) {
  const struct learn *l = user;
  return index < l->n_sensors ? l->sensors[index].name : NULL;
}

/* A made chart whose sensor has a unit that its statistic cannot take, or a name that cannot be written, is no chart. A
 * kept one is somebody's mistake. */
static tfdc_rc compile_charts(struct learn *l, struct tfdc_error *err) {
  struct eq_catalogue cat = {.user = l, .unit = unit_of, .name_at = name_at};
  l->programs = calloc(l->n_charts, sizeof *l->programs);
  l->complete = calloc(l->n_charts, sizeof *l->complete);
  if (l->programs == NULL || l->complete == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_charts; i++) {
    struct learn_chart *c = &l->charts[i];
    struct eq_program *program = NULL;
    tfdc_rc rc = eq_compile(c->def.eq, strlen(c->def.eq), &cat, NULL, &program, err);
    if (rc == TFDC_E_NOMEM || (rc != TFDC_OK && c->stat == LEARN_KEPT))
      return tfdc_wrap(err, rc, "chart %s", c->def.chart);
    l->programs[i] = program;
    if (rc == TFDC_OK && c->complete_eq != NULL) {
      struct eq_program *complete = NULL;
      TFDC_TRY(eq_compile(c->complete_eq, strlen(c->complete_eq), &cat, NULL, &complete, err));
      l->complete[i] = complete;
    }
    if (rc == TFDC_OK) continue;
    c->dropped = true;
    c->left_out = "its equation cannot be compiled";
  }
  return TFDC_OK;
}

/* ---- life ---- */

static tfdc_rc plan(struct learn *l, struct tfdc_error *err) {
  TFDC_TRY(learn_plan_cells(l));
  TFDC_TRY(learn_plan_charts(l, err));
  if (l->n_charts > VALUES_MAX / l->n_runs)
    return tfdc_fail(err, TFDC_E_LIMIT, "%zu runs times %zu charts are more than %zu values: take fewer runs",
                     l->n_runs, l->n_charts, VALUES_MAX);
  l->values = malloc(l->n_runs * l->n_charts * sizeof *l->values);
  l->is_complete = calloc(l->n_runs * l->n_charts, sizeof *l->is_complete);
  l->there = calloc(l->n_runs, sizeof *l->there);
  if (l->values == NULL || l->is_complete == NULL || l->there == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_runs * l->n_charts; i++) l->values[i] = (double)NAN;
  return compile_charts(l, err);
}

tfdc_rc learn_create(const struct learn_options *options, const struct learn_run *runs, size_t n_runs,
                     struct learn **ret, struct tfdc_error *err) {
  if (n_runs == 0) return tfdc_fail(err, TFDC_E_LEARN, "no runs");
  struct learn *l = calloc(1, sizeof *l);
  if (l == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "learning from %zu runs", n_runs);
  l->options = options;
  l->runs = runs;
  l->n_runs = n_runs;
  l->alpha = options->alpha > 0 ? options->alpha : 0.01;
  l->scratch.limit = (options->max_bytes > 0 ? options->max_bytes : TRACE_BYTES_MAX) * 3 / 2;
  l->mem.limit = (size_t)1 << 30;
  tfdc_rc rc = plan(l, err);
  tfdc_arena_reset(&l->scratch);
  if (rc != TFDC_OK) {
    learn_destroy(l);
    return rc == TFDC_E_NOMEM ? tfdc_fail(err, rc, "learning from %zu runs", n_runs) : rc;
  }
  *ret = l;
  return TFDC_OK;
}

void learn_destroy(struct learn *l) {
  if (l == NULL) return;
  for (size_t i = 0; l->programs != NULL && l->complete != NULL && i < l->n_charts; i++) {
    eq_program_destroy((struct eq_program *)(uintptr_t)l->programs[i]);
    eq_program_destroy((struct eq_program *)(uintptr_t)l->complete[i]);
  }
  free(l->programs);
  free(l->complete);
  free(l->is_complete);
  free(l->values);
  free(l->there);
  tfdc_arena_deinit(&l->scratch);
  tfdc_arena_deinit(&l->mem);
  free(l);
}

/* ---- values ---- */

static void look_at_grids(struct learn *l, const struct eq_series *series, size_t n_series) {
  for (size_t i = 0; i < n_series; i++) {
    struct learn_sensor *s = learn_find_sensor(l, series[i].name);
    if (s != NULL && s->resolution == 0) learn_grid_add(&s->grid, series[i].v, series[i].n);
  }
}

static tfdc_rc evaluate(struct learn *l, size_t run, const struct eq_run *data) {
  const struct eq_program **programs = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *programs);
  struct eq_value *values = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *values);
  if (programs == NULL || values == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < l->n_charts; i++)
    if (l->programs[i] != NULL) programs[n++] = l->programs[i];
  TFDC_TRY(eq_eval_all(programs, n, data, &l->scratch, values));
  n = 0;
  for (size_t i = 0; i < l->n_charts; i++) {
    if (l->programs[i] == NULL) continue;
    const struct eq_value *v = &values[n++];
    l->values[run * l->n_charts + i] = v->value;
    if (v->reason != EQ_OK) continue;
    l->charts[i].n_sum += v->n;
    l->charts[i].n_good++;
  }
  return TFDC_OK;
}

static tfdc_rc add_run(struct learn *l, size_t run, const struct chunk_blob *chunks, size_t n_chunks) {
  size_t max = l->options->max_bytes > 0 ? l->options->max_bytes : TRACE_BYTES_MAX;
  struct eq_series *series = NULL;
  size_t n_series = 0;
  struct eq_run data;
  tfdc_rc rc = n_chunks == 0 ? TFDC_E_NOT_FOUND
                             : chunk_decode(chunks, n_chunks, &l->names, max, &l->scratch, &series, &n_series, NULL);
  if (rc == TFDC_E_NOMEM) return rc;
  if (rc != TFDC_OK) {
    l->n_bad_traces++;
    return TFDC_OK;
  }
  if (run < GRID_RUNS || run % (l->n_runs / GRID_RUNS + 1) == 0) look_at_grids(l, series, n_series);
  TFDC_TRY(chunk_eq_run(l->runs[run].context, series, n_series, &l->scratch, &data));
  TFDC_TRY(evaluate(l, run, &data));
  if (l->options->keep == NULL) TFDC_TRY(learn_look_at_loss(l, run, &data));
  l->there[run] = true;
  return TFDC_OK;
}

tfdc_rc learn_add_run(struct learn *l, size_t run, const struct chunk_blob *chunks, size_t n_chunks,
                      struct tfdc_error *err) {
  TFDC_ASSERT(run < l->n_runs && !l->there[run]);
  tfdc_rc rc = add_run(l, run, chunks, n_chunks);
  tfdc_arena_reset(&l->scratch);
  return rc == TFDC_OK ? rc : tfdc_fail(err, rc, "values of %zu charts", l->n_charts);
}

tfdc_rc learn_finish(struct learn *l, struct learn_result *ret, struct tfdc_error *err) {
  tfdc_rc rc = learn_choose(l);
  if (rc == TFDC_OK) rc = learn_fit(l, ret, err);
  tfdc_arena_reset(&l->scratch);
  return rc == TFDC_E_NOMEM ? tfdc_fail(err, rc, "learning from %zu runs", l->n_runs) : rc;
}

const char *learn_note_name(size_t bit) {
  static const char *const names[] = {"too_few", "constant", "floored", "discrete",
                                      "outlier", "skewed",   "drift",   "group"};
  _Static_assert(TFDC_COUNT(names) == SPC_LEARN_NOTES && (int)LEARN_NOTES == (int)SPC_LEARN_NOTES, "a name each");
  return names[bit];
}
