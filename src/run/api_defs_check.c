/* SPDX-License-Identifier: Apache-2.0 */
#include "run/api_defs_check.h"

#include "core/catalog.h"
#include "model/codec.h"
#include "run/api_defs.h"

enum { CHAMBERS_OF_READ = 500 };

static tfdc_rc fail_at(const struct model_place *at, tfdc_rc rc, const char *where, size_t index,
                       struct tfdc_error *err) {
  return tfdc_wrap(err, rc, "line %zu column %zu: %s[%zu]", at->line, at->column, where, index);
}

static tfdc_rc check_rules(const struct model_definition *d, struct tfdc_error *err) {
  size_t bad;
  tfdc_rc rc = catalog_check_rules(&d->strategy.rules, &bad, err);
  return rc == TFDC_OK ? rc : fail_at(&d->rules[bad], rc, "rules", bad, err);
}

/* ---- equations ---- */

/* One strategy while chambers go by. */
struct checking {
  const struct model_definition *d;
  struct model_strategy wide; /* selects what the strategy may select, going by the chamber alone */
  struct tfdc_id128 *seen;    /* dictionaries that were tried */
  size_t n_seen, cap_seen, n_chambers;
  bool *compiled; /* of each chart: for some chamber */
};

static tfdc_rc compile(const struct checking *k, size_t chart, const struct model_chamber *chamber,
                       struct tfdc_error *err) {
  const char *eq = k->d->strategy.charts[chart].eq;
  struct eq_program *program = NULL;
  struct eq_catalogue units = programs_units(chamber);
  tfdc_rc rc = eq_compile(eq, strlen(eq), chamber != NULL ? &units : NULL, NULL, &program, err);
  eq_program_destroy(program);
  return rc;
}

static tfdc_rc begin(struct defs_check *c, const struct model_definition *d, struct checking *k,
                     struct tfdc_error *err) {
  const struct model_strategy *s = &d->strategy;
  *k = (struct checking){.d = d, .wide = *s};
  k->wide.recipes = k->wide.products = k->wide.lot_types = (struct model_globs){0};
  k->compiled = tfdc_arena_alloc(c->mem, s->n_charts * sizeof *k->compiled);
  if (k->compiled == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "strategy %s", s->id);
  TFDC_TRY(check_rules(d, err));
  for (size_t i = 0; i < s->n_charts; i++) {
    tfdc_rc rc = compile(k, i, NULL, err);
    if (rc != TFDC_OK) return fail_at(&d->eqs[i], rc, "charts", i, err);
  }
  return TFDC_OK;
}

/* Is this the first chamber with this dictionary? */
static tfdc_rc note_dictionary(struct checking *k, const struct model_chamber *chamber, struct tfdc_arena *mem,
                               bool *ret_first) {
  struct tfdc_id128 key = programs_key("", 0, chamber);
  *ret_first = false;
  for (size_t i = 0; i < k->n_seen; i++)
    if (tfdc_id128_eq(k->seen[i], key)) return TFDC_OK;
  if (k->n_seen == k->cap_seen) {
    size_t cap = 2 * k->cap_seen + 16;
    struct tfdc_id128 *seen = tfdc_arena_array(mem, cap, sizeof *seen);
    if (seen == NULL) return TFDC_E_NOMEM;
    if (k->n_seen > 0) memcpy(seen, k->seen, k->n_seen * sizeof *seen);
    k->seen = seen;
    k->cap_seen = cap;
  }
  k->seen[k->n_seen++] = key;
  *ret_first = true;
  return TFDC_OK;
}

static tfdc_rc try_chamber(struct checking *k, const struct model_chamber *chamber, struct tfdc_arena *mem,
                           struct tfdc_error *err) {
  const struct model_context like = {.key = chamber->key, .tool_type = chamber->tool_type};
  bool first;
  if (!model_strategy_selects(&k->wide, &like)) return TFDC_OK;
  k->n_chambers++;
  if (note_dictionary(k, chamber, mem, &first) != TFDC_OK) return tfdc_fail(err, TFDC_E_NOMEM, "dictionaries");
  for (size_t i = 0; first && i < k->d->strategy.n_charts; i++) {
    struct tfdc_error why = {0};
    tfdc_rc rc = compile(k, i, chamber, &why);
    k->compiled[i] = k->compiled[i] || rc == TFDC_OK;
    if (rc == TFDC_OK || (rc == TFDC_E_EQ_NAME && k->d->strategy.charts[i].optional)) continue;
    (void)tfdc_fail(err, rc, "%s (chamber %s:%s)", why.msg, chamber->key.tool, chamber->key.chamber);
    return fail_at(&k->d->eqs[i], rc, "charts", i, err);
  }
  return TFDC_OK;
}

static tfdc_rc try_chambers(struct defs_check *c, struct checking *all, size_t n, struct tfdc_error *err) {
  const char *cursor = NULL;
  do {
    TFDC_AUTO(api_store_deinit) struct store_req r;
    store_req_init(&r, STORE_CHAMBER_LIST);
    r.page.limit = CHAMBERS_OF_READ;
    r.page.cursor = cursor;
    TFDC_TRY(api_store(c->api, &r, err));
    for (size_t i = 0; i < r.n; i++)
      for (size_t k = 0; k < n; k++) TFDC_TRY(try_chamber(&all[k], &r.chambers[i], c->mem, err));
    cursor = r.ret_cursor == NULL ? NULL : tfdc_arena_strdup(c->mem, r.ret_cursor);
    if (cursor == NULL && r.ret_cursor != NULL) return tfdc_fail(err, TFDC_E_NOMEM, "chambers");
  } while (cursor != NULL);
  return TFDC_OK;
}

static tfdc_rc end(const struct checking *k, struct tfdc_error *err) {
  for (size_t i = 0; k->n_chambers > 0 && i < k->d->strategy.n_charts; i++) {
    if (k->compiled[i]) continue;
    (void)tfdc_fail(err, TFDC_E_EQ_NAME, "none of the %zu chambers that the strategy selects has its SVIDs",
                    k->n_chambers);
    return fail_at(&k->d->eqs[i], TFDC_E_EQ_NAME, "charts", i, err);
  }
  return TFDC_OK;
}

/* ---- limits ---- */

static tfdc_rc check_limits(struct defs_check *c, const struct model_definition *d, struct tfdc_error *err) {
  const char *id = model_definition_id(d);
  for (size_t i = 0; i < c->n; i++)
    if (c->definitions[i].kind == MODEL_DEF_STRATEGY && strcmp(model_definition_id(&c->definitions[i]), id) == 0)
      return TFDC_OK;
  struct tfdc_arena mem = {.limit = 4 * (size_t)MODEL_BODY_MAX};
  struct model_def def;
  tfdc_rc rc = api_def_newest(c->api, MODEL_DEF_STRATEGY, id, &mem, &def, err);
  bool there = rc == TFDC_OK && def.version > 0;
  tfdc_arena_deinit(&mem);
  if (rc != TFDC_OK || there) return rc;
  return tfdc_fail(err, TFDC_E_DEFINITION, "line %zu column %zu: limits: there is no strategy %s", d->at.line,
                   d->at.column, id);
}

tfdc_rc defs_check(struct defs_check *c, struct tfdc_error *err) {
  struct checking *all = tfdc_arena_array(c->mem, c->n, sizeof *all);
  c->chambers = tfdc_arena_alloc(c->mem, c->n * sizeof *c->chambers);
  if (all == NULL || c->chambers == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%zu definitions", c->n);
  size_t n = 0;
  for (size_t i = 0; i < c->n; i++) {
    const struct model_definition *d = &c->definitions[i];
    if (d->kind == MODEL_DEF_STRATEGY)
      TFDC_TRY(begin(c, d, &all[n++], err));
    else
      TFDC_TRY(check_limits(c, d, err));
  }
  if (n > 0) TFDC_TRY(try_chambers(c, all, n, err));
  for (size_t i = 0; i < n; i++) {
    TFDC_TRY(end(&all[i], err));
    c->chambers[all[i].d - c->definitions] = all[i].n_chambers;
  }
  return TFDC_OK;
}
