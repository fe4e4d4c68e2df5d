/* SPDX-License-Identifier: Apache-2.0 */
#include "core/catalog.h"

#include "base/cursor.h"
#include "spc/rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  enum model_def_kind kind;
  const char *id;
  uint32_t version;
  bool usable;
  int64_t effective_us;
  struct model_strategy strategy;
  struct model_limit_set limits;
};
struct catalog {
  atomic_uint refs;
  struct tfdc_arena mem;
  struct entry *entries; /* by kind, id, version */
  size_t n;
};

static int entry_order(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  int by_id = strcmp(x->id, y->id);
  if (by_id != 0) return by_id;
  return x->version < y->version ? -1 : x->version > y->version;
}

static tfdc_rc read_entry(struct catalog *c, const struct model_def *def, struct entry *e, struct tfdc_error *err) {
  *e = (struct entry){.kind = def->kind, .version = def->version, .effective_us = def->effective_us};
  e->usable = def->approved && !def->retired;
  e->id = tfdc_arena_strdup(&c->mem, def->id);
  if (e->id == NULL) return TFDC_E_NOMEM;
  size_t n = strlen(def->body);
  if (def->kind == MODEL_DEF_STRATEGY) return model_strategy_from_json(def->body, n, &c->mem, &e->strategy, err);
  return model_limit_set_from_json(def->body, n, &c->mem, &e->limits, err);
}

tfdc_rc catalog_create(const struct model_def *defs, size_t n, struct catalog **ret, struct tfdc_error *err) {
  struct catalog *c = calloc(1, sizeof *c);
  if (c == NULL) return TFDC_E_NOMEM;
  atomic_init(&c->refs, 1);
  c->mem.limit = (size_t)1 << 30;
  c->entries = tfdc_arena_array(&c->mem, n, sizeof *c->entries);
  tfdc_rc rc = c->entries == NULL ? TFDC_E_NOMEM : TFDC_OK;
  for (size_t i = 0; i < n && rc != TFDC_E_NOMEM; i++) {
    rc = read_entry(c, &defs[i], &c->entries[c->n], err);
    if (rc == TFDC_OK)
      c->n++;
    else
      (void)tfdc_wrap(err, rc, "definition %s version %u", defs[i].id, defs[i].version);
  }
  if (rc == TFDC_E_NOMEM) {
    catalog_unref(c);
    return tfdc_fail(err, rc, "no memory for %zu definitions", n);
  }
  qsort(c->entries, c->n, sizeof *c->entries, entry_order);
  *ret = c;
  return TFDC_OK;
}

void catalog_ref(struct catalog *c) { atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed); }

void catalog_unref(struct catalog *c) {
  if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
  tfdc_arena_deinit(&c->mem);
  free(c);
}

size_t catalog_count(const struct catalog *c) { return c->n; }

/* The version of entries[from..) of one kind and id that is in force at `at`, or NULL; *next = behind that id. */
static const struct entry *in_force(const struct catalog *c, size_t from, int64_t at, size_t *next) {
  const struct entry *best = NULL, *first = &c->entries[from];
  size_t i = from;
  for (; i < c->n; i++) {
    const struct entry *e = &c->entries[i];
    if (e->kind != first->kind || strcmp(e->id, first->id) != 0) break;
    if (e->usable && e->effective_us <= at) best = e;
  }
  *next = i;
  return best;
}

static const struct entry *find_limits(const struct catalog *c, const char *id, int64_t at) {
  for (size_t i = 0, next; i < c->n; i = next) {
    const struct entry *e = in_force(c, i, at, &next);
    if (c->entries[i].kind == MODEL_DEF_LIMITS && strcmp(c->entries[i].id, id) == 0) return e;
  }
  return NULL;
}

size_t catalog_select(const struct catalog *c, const struct model_context *run, struct catalog_pick *ret, size_t max) {
  size_t n = 0;
  for (size_t i = 0, next; i < c->n && n < max; i = next) {
    const struct entry *e = in_force(c, i, run->order_us, &next);
    if (e == NULL || e->kind != MODEL_DEF_STRATEGY || !model_strategy_selects(&e->strategy, run)) continue;
    const struct entry *limits = find_limits(c, e->id, run->order_us);
    ret[n++] = (struct catalog_pick){
        .strategy = &e->strategy,
        .version = e->version,
        .limits = limits != NULL ? &limits->limits : NULL,
        .limit_version = limits != NULL ? limits->version : 0,
    };
  }
  return n;
}

tfdc_rc catalog_check_rules(const struct model_globs *rules, size_t *ret_bad, struct tfdc_error *err) {
  struct spc_rules all;
  spc_rules_init(&all);
  for (size_t i = 0; i < rules->n; i++) {
    struct spc_rules one;
    *ret_bad = i;
    TFDC_TRY(spc_rules_parse(rules->items[i], strlen(rules->items[i]), &one, err));
    for (uint32_t k = 0; k < one.count; k++) TFDC_TRY(spc_rules_add(&all, &one.rule[k], err));
  }
  return TFDC_OK;
}

/* ---- programs ---- */

struct owned_programs {
  struct programs view; /* first */
  atomic_uint refs;
};

static const char *unit_of(void *user, const char *svid) {
  const struct model_chamber *chamber = user;
  for (size_t i = 0; i < chamber->n_svids; i++)
    if (strcmp(chamber->svids[i].name, svid) == 0) return chamber->svids[i].unit ? chamber->svids[i].unit : "";
  return NULL;
}

static const char *name_at(void *user, size_t index) {
  const struct model_chamber *chamber = user;
  return index < chamber->n_svids ? chamber->svids[index].name : NULL;
}

struct eq_catalogue programs_units(const struct model_chamber *chamber) {
  return (struct eq_catalogue){.user = (void *)(uintptr_t)chamber, .unit = unit_of, .name_at = name_at};
}

tfdc_rc programs_create(const struct model_strategy *s, const struct model_chamber *chamber, struct programs **ret) {
  struct owned_programs *p = calloc(1, sizeof *p);
  if (p == NULL) return TFDC_E_NOMEM;
  atomic_init(&p->refs, 1);
  p->view.charts = calloc(s->n_charts + 1, sizeof *p->view.charts);
  p->view.reasons = calloc(s->n_charts + 1, sizeof *p->view.reasons);
  p->view.n = s->n_charts;
  tfdc_rc rc = p->view.charts == NULL || p->view.reasons == NULL ? TFDC_E_NOMEM : TFDC_OK;
  struct eq_catalogue units = programs_units(chamber);
  for (size_t i = 0; i < s->n_charts && rc != TFDC_E_NOMEM; i++) {
    const char *eq = s->charts[i].eq;
    struct eq_program *program = NULL;
    rc = eq_compile(eq, strlen(eq), chamber != NULL ? &units : NULL, NULL, &program, NULL);
    p->view.charts[i] = program;
    if (rc == TFDC_OK) continue;
    p->view.reasons[i] = rc == TFDC_E_EQ_NAME ? MODEL_REASON_NO_DATA : MODEL_REASON_UNDEFINED;
  }
  if (rc == TFDC_E_NOMEM) {
    programs_unref(&p->view);
    return rc;
  }
  *ret = &p->view;
  return TFDC_OK;
}

void programs_ref(struct programs *p) {
  atomic_fetch_add_explicit(&((struct owned_programs *)p)->refs, 1, memory_order_relaxed);
}

void programs_unref(struct programs *p) {
  if (p == NULL) return;
  struct owned_programs *o = (struct owned_programs *)p;
  if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1) return;
  for (size_t i = 0; p->charts != NULL && i < p->n; i++)
    eq_program_destroy((struct eq_program *)(uintptr_t)p->charts[i]);
  free(p->charts);
  free(p->reasons);
  free(o);
}

struct tfdc_id128 programs_key(const char *strategy, uint32_t version, const struct model_chamber *chamber) {
  struct tfdc_buf text = {0};
  tfdc_put_bytes(&text, strategy, strlen(strategy));
  tfdc_put_u32(&text, false, version);
  for (size_t i = 0; chamber != NULL && i < chamber->n_svids; i++) {
    const char *unit = chamber->svids[i].unit ? chamber->svids[i].unit : "";
    tfdc_put_bytes(&text, chamber->svids[i].name, strlen(chamber->svids[i].name));
    tfdc_put_bytes(&text, unit, strlen(unit));
  }
  struct tfdc_id128 key = tfdc_xxh3_128(text.data != NULL ? (const char *)text.data : "", text.size);
  tfdc_buf_deinit(&text);
  return key;
}
