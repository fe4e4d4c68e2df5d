/* SPDX-License-Identifier: Apache-2.0
 * Which runs are learned from, and their traces. */
#include "base/text.h"
#include "model/codec.h"
#include "run/api_learn_priv.h"
#include "run/api_trace.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 20000, RUNS_MAX = 100000 };

/* A chamber's runs of one recipe, so far. */
struct group {
  struct model_key key;
  const char *recipe;
  size_t n;
};
struct picking {
  struct learn_task *task;
  struct group *groups;
  size_t n_groups, cap_groups;
  size_t n_good_found;
};

static const char *text_of(const char *s) { return s != NULL ? s : ""; }

static bool is_listed(const struct learn_ask *ask, const struct model_context *c) {
  char hex[33];
  const char *run = text_of(c->run_id), *id = tfdc_id128_format(c->context_id, hex);
  size_t size = sizeof *ask->good.items;
  return bsearch(&run, ask->good.items, ask->good.n, size, tfdc_text_order) != NULL ||
         bsearch(&id, ask->good.items, ask->good.n, size, tfdc_text_order) != NULL;
}

/* Room for one more of n items of `size` bytes; NULL without memory. */
static void *grown(struct tfdc_arena *mem, const void *items, size_t n, size_t *cap, size_t size) {
  if (n < *cap) return (void *)(uintptr_t)items;
  size_t more = *cap * 2 + 64;
  void *bigger = tfdc_arena_array(mem, more, size);
  if (bigger == NULL) return NULL;
  if (n > 0) memcpy(bigger, items, n * size);
  *cap = more;
  return bigger;
}

static struct group *group_of(struct picking *p, const struct model_context *c) {
  const char *recipe = text_of(c->recipe_id);
  for (size_t i = p->n_groups; i-- > 0;) {
    struct group *g = &p->groups[i];
    if (strcmp(g->key.chamber, c->key.chamber) == 0 && strcmp(g->key.tool, c->key.tool) == 0 &&
        strcmp(g->recipe, recipe) == 0)
      return g;
  }
  struct tfdc_arena *mem = &p->task->mem;
  p->groups = grown(mem, p->groups, p->n_groups, &p->cap_groups, sizeof *p->groups);
  struct group g = {.key.tool = tfdc_arena_strdup(mem, c->key.tool),
                    .key.chamber = tfdc_arena_strdup(mem, c->key.chamber),
                    .recipe = tfdc_arena_strdup(mem, recipe)};
  if (p->groups == NULL || g.key.tool == NULL || g.key.chamber == NULL || g.recipe == NULL) return NULL;
  p->groups[p->n_groups] = g;
  return &p->groups[p->n_groups++];
}

static tfdc_rc chamber_of(struct learn_task *t, struct model_key key, const struct model_chamber **ret,
                          struct tfdc_error *err) {
  for (size_t i = 0; i < t->n_chambers; i++) {
    const struct model_chamber *c = t->chambers[i];
    if (strcmp(c->key.tool, key.tool) != 0 || strcmp(c->key.chamber, key.chamber) != 0) continue;
    *ret = c;
    return TFDC_OK;
  }
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_CHAMBER_GET);
  r.key = key;
  tfdc_rc rc = api_store(t->api, &r, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "dictionary of %s:%s", key.tool, key.chamber);
  struct model_chamber *copy = tfdc_arena_array(&t->mem, 1, sizeof *copy);
  t->chambers = grown(&t->mem, t->chambers, t->n_chambers, &t->cap_chambers, sizeof(struct model_chamber *));
  if (copy == NULL || t->chambers == NULL || model_chamber_copy(&r.chambers[0], &t->mem, copy) != TFDC_OK)
    return tfdc_fail(err, TFDC_E_NOMEM, "dictionary of %s:%s", key.tool, key.chamber);
  t->chambers[t->n_chambers++] = copy;
  *ret = copy;
  return TFDC_OK;
}

static struct learn_unit *unit_of(struct learn_task *t, const struct model_context *c) {
  const char *type = text_of(c->tool_type), *recipe = t->ask->strategy == NULL ? text_of(c->recipe_id) : NULL;
  for (size_t i = 0; i < t->n_units; i++) {
    struct learn_unit *u = &t->units[i];
    if (strcmp(u->tool_type, type) == 0 && (recipe == NULL || strcmp(u->recipe, recipe) == 0)) return u;
  }
  t->units = grown(&t->mem, t->units, t->n_units, &t->cap_units, sizeof *t->units);
  struct learn_unit u = {.tool_type = tfdc_arena_strdup(&t->mem, type)};
  u.recipe = recipe != NULL ? tfdc_arena_strdup(&t->mem, recipe) : NULL;
  if (t->units == NULL || u.tool_type == NULL || (recipe != NULL && u.recipe == NULL)) return NULL;
  t->units[t->n_units] = u;
  return &t->units[t->n_units++];
}

static tfdc_rc take(struct learn_task *t, const struct model_context *c, struct tfdc_error *err) {
  if (t->n_picked == RUNS_MAX)
    return tfdc_fail(err, TFDC_E_LIMIT, "more than %d runs: narrow the filter or lower runs_per_group", RUNS_MAX);
  struct model_context *copy = tfdc_arena_array(&t->mem, 1, sizeof *copy);
  struct learn_unit *u = unit_of(t, c);
  const struct model_chamber *chamber = NULL;
  TFDC_TRY(chamber_of(t, c->key, &chamber, err));
  bool ok = copy != NULL && u != NULL && model_context_copy(c, &t->mem, copy) == TFDC_OK;
  if (ok) u->runs = grown(&t->mem, u->runs, u->n_runs, &u->cap_runs, sizeof *u->runs);
  if (!ok || u->runs == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%zu runs", t->n_picked + 1);
  u->runs[u->n_runs++] = (struct learn_run){copy, chamber};
  t->n_picked++;
  return TFDC_OK;
}

static tfdc_rc look_at(struct picking *p, const struct model_context *c, struct tfdc_error *err) {
  struct learn_task *t = p->task;
  const struct learn_ask *ask = t->ask;
  if (ask->tool_type != NULL && strcmp(ask->tool_type, text_of(c->tool_type)) != 0) return TFDC_OK;
  struct group *g = NULL;
  if (ask->good.n > 0) {
    if (!is_listed(ask, c)) return TFDC_OK;
    p->n_good_found++;
  } else {
    if (c->end_reason == MODEL_END_ABORT) return TFDC_OK;
    g = group_of(p, c);
    if (g == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%zu groups", p->n_groups);
    if (p->n_groups > GROUPS_MAX)
      return tfdc_fail(err, TFDC_E_LIMIT, "more than %d chambers times recipes: narrow the filter", GROUPS_MAX);
    if (g->n >= (size_t)ask->runs_per_group) return TFDC_OK;
  }
  t->n_seen++;
  bool whole;
  TFDC_TRY(api_trace_is_whole(t->api, c, &whole, err));
  if (!whole || c->chunk_count == 0) {
    t->n_no_trace++;
    return TFDC_OK;
  }
  if (g != NULL) g->n++;
  return take(t, c, err);
}

static tfdc_rc look_at_page(void *user, const struct store_req *r, struct tfdc_error *err) {
  struct picking *p = user;
  for (size_t i = 0; i < r->n; i++) TFDC_TRY(look_at(p, &r->contexts[i], err));
  if (!api_job_progress(p->task->job, 0, 0)) return tfdc_fail(err, TFDC_E_CANCELLED, "the process stops");
  return TFDC_OK;
}

tfdc_rc learn_pick_runs(struct learn_task *t, struct tfdc_error *err) {
  struct picking p = {.task = t};
  TFDC_TRY(api_each_page(t->api, &t->ask->filter, look_at_page, &p, err));
  if (t->n_picked > 0) return TFDC_OK;
  if (t->n_no_trace > 0)
    return tfdc_fail(err, TFDC_E_LEARN, "%zu runs fit, but their traces are no longer kept", t->n_no_trace);
  if (t->ask->good.n > 0)
    return tfdc_fail(err, TFDC_E_LEARN, "none of the %zu good runs is a closed run of the filter", t->ask->good.n);
  return tfdc_fail(err, TFDC_E_LEARN, "no closed run fits the filter; needed are %d, and %d of a chamber",
                   LEARN_RUNS_MIN, LEARN_RUNS_OF_CHAMBER_MIN);
}

/* ---- traces ---- */

tfdc_rc learn_feed_run(struct learn_task *t, struct learn *l, size_t run, const struct model_context *context,
                       struct tfdc_error *err) {
  struct tfdc_arena mem = {.limit = (size_t)512 << 20};
  struct api_blobs blobs = {0};
  tfdc_rc rc = api_trace_blobs(t->api, context->context_id, context->revision, &mem, &blobs, err);
  if (rc == TFDC_E_CORRUPT) rc = TFDC_OK; /* the learner counts it as a bad trace */
  if (rc != TFDC_OK) (void)tfdc_wrap(err, rc, "trace of run %s", text_of(context->run_id));
  if (rc == TFDC_OK && blobs.n < context->chunk_count) blobs.n = 0; /* lost meanwhile */
  if (rc == TFDC_OK) rc = learn_add_run(l, run, blobs.items, blobs.n, err);
  tfdc_arena_deinit(&mem);
  return rc;
}
