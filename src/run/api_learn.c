/* SPDX-License-Identifier: Apache-2.0 */
#include "run/api_learn.h"

#include "base/text.h"
#include "model/codec.h"
#include "run/api_defs.h"
#include "run/api_learn_priv.h"
#include "run/api_rejudge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_PER_GROUP = 25, RUNS_PER_GROUP_MAX = 1000, LEFT_OUT_SHOWN = 200, PARTITION_FIELDS = 8 };

/* ---- what was asked for ---- */

/* Words between commas and white space, copied. */
static tfdc_rc split(struct tfdc_arena *mem, const char *text, bool blanks, struct model_globs *ret) {
  const char *separators = blanks ? ", \t\r\n" : ",";
  size_t cap = 1, n = 0;
  for (const char *s = text; *s != '\0'; s++) cap += strchr(separators, *s) != NULL;
  const char **items = tfdc_arena_array(mem, cap, sizeof *items);
  if (items == NULL) return TFDC_E_NOMEM;
  for (const char *s = text; *s != '\0';) {
    size_t len = strcspn(s, separators);
    if (len > 0 && (items[n++] = tfdc_arena_strndup(mem, s, len)) == NULL) return TFDC_E_NOMEM;
    s += len;
    if (*s != '\0') s++;
  }
  *ret = (struct model_globs){items, n};
  return TFDC_OK;
}

static tfdc_rc copy_text(struct tfdc_arena *mem, const char *from, const char **ret) {
  if (from == NULL) return TFDC_OK;
  *ret = tfdc_arena_strdup(mem, from);
  return *ret != NULL ? TFDC_OK : TFDC_E_NOMEM;
}

static tfdc_rc copy_texts(struct api_call *c, struct learn_ask *ask) {
  struct tfdc_arena *m = &ask->mem;
  const char *good = api_param(c, "good"), *by = api_param(c, "partition");
  TFDC_TRY(copy_text(m, api_param(c, "tool"), &ask->filter.tool));
  TFDC_TRY(copy_text(m, api_param(c, "chamber"), &ask->filter.chamber));
  TFDC_TRY(copy_text(m, api_param(c, "recipe"), &ask->filter.recipe));
  TFDC_TRY(copy_text(m, api_param(c, "tool_type"), &ask->tool_type));
  TFDC_TRY(copy_text(m, api_param(c, "strategy"), &ask->strategy));
  TFDC_TRY(copy_text(m, api_param(c, "author"), &ask->author));
  TFDC_TRY(copy_text(m, api_param(c, "comment"), &ask->comment));
  TFDC_TRY(split(m, good != NULL ? good : c->q->body != NULL ? c->q->body : "", true, &ask->good));
  if (ask->good.n > 1) qsort((void *)(uintptr_t)ask->good.items, ask->good.n, sizeof *ask->good.items, tfdc_text_order);
  return split(m, by != NULL ? by : "recipe_id", false, &ask->partition);
}

static tfdc_rc check_ask(struct api_call *c, const struct learn_ask *ask) {
  const char *charts = api_param(c, "charts");
  if (charts != NULL && strcmp(charts, "auto") != 0 && !ask->keep)
    return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter charts: \"%.64s\" is neither auto nor keep", charts);
  if (ask->keep && ask->strategy == NULL)
    return tfdc_fail(&c->err, TFDC_E_USAGE, "charts=keep needs the strategy whose charts are kept");
  if (ask->strategy != NULL && !tfdc_is_id(ask->strategy, strlen(ask->strategy)))
    return tfdc_fail(&c->err, TFDC_E_BAD_ID, "parameter strategy: \"%.64s\" is not an id", ask->strategy);
  if (ask->partition.n > PARTITION_FIELDS)
    return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter partition: more than %d fields", PARTITION_FIELDS);
  const char *const texts[] = {ask->author, ask->comment};
  for (size_t i = 0; i < TFDC_COUNT(texts); i++)
    if (texts[i] != NULL && !tfdc_is_text(texts[i], strlen(texts[i])))
      return tfdc_fail(&c->err, TFDC_E_BAD_TEXT, "parameters author and comment are one line of text");
  return TFDC_OK;
}

static tfdc_rc read_ask(struct api_call *c, struct learn_ask *ask) {
  const char *charts = api_param(c, "charts");
  ask->mem.limit = (size_t)64 << 20;
  ask->keep = charts != NULL && strcmp(charts, "keep") == 0;
  ask->runs_per_group = RUNS_PER_GROUP;
  TFDC_TRY(api_param_filter(c, &ask->filter));
  ask->filter.state = MODEL_CONTEXT_CLOSED;
  TFDC_TRY(api_param_int(c, "runs_per_group", LEARN_RUNS_OF_CHAMBER_MIN, RUNS_PER_GROUP_MAX, &ask->runs_per_group));
  TFDC_TRY(api_param_int(c, "charts_max", 1, MODEL_CHARTS_MAX, &ask->charts_max));
  TFDC_TRY(api_param_int(c, "effective_us", INT64_MIN + 1, INT64_MAX, &ask->effective_us));
  TFDC_TRY(api_param_real(c, "alpha", 1e-6, 0.2, &ask->alpha));
  TFDC_TRY(api_param_flag(c, "rejudge", &ask->rejudge));
  if (copy_texts(c, ask) != TFDC_OK) return tfdc_fail(&c->err, TFDC_E_NOMEM, "out of memory");
  return check_ask(c, ask);
}

/* ---- one unit ---- */

/* Is the id that of a strategy for other runs: a recipe whose name has the same letters, another tool or chamber? */
static tfdc_rc is_taken(struct learn_task *t, const char *id, const struct learn_unit *u, bool *ret,
                        struct tfdc_error *err) {
  struct model_def def;
  struct model_strategy s;
  *ret = false;
  TFDC_TRY(api_def_newest(t->api, MODEL_DEF_STRATEGY, id, &t->mem, &def, err));
  if (def.version == 0) return TFDC_OK;
  TFDC_TRY(model_strategy_from_json(def.body, strlen(def.body), &t->mem, &s, err));
  for (size_t i = 0; i < u->n_runs; i++)
    if (model_strategy_selects(&s, u->runs[i].context)) return TFDC_OK;
  *ret = true;
  return TFDC_OK;
}

static tfdc_rc name_unit(struct learn_task *t, const struct learn_unit *u, const char **ret, struct tfdc_error *err) {
  const char *parts[4] = {"auto"};
  size_t n = 1;
  if (u->tool_type[0] != '\0') parts[n++] = u->tool_type;
  if (u->recipe != NULL && u->recipe[0] != '\0') parts[n++] = u->recipe;
  const char *id = t->ask->strategy != NULL ? t->ask->strategy : learn_id(&t->mem, parts, n, '-');
  bool taken = false;
  if (id != NULL && t->ask->strategy == NULL) TFDC_TRY(is_taken(t, id, u, &taken, err));
  const struct model_context *first = u->runs[0].context;
  char of_these[TFDC_TEXT_MAX + 2 * TFDC_ID_MAX + 4], hash[33];
  int length = snprintf(of_these, sizeof of_these, "%s:%s:%s", first->key.tool, first->key.chamber,
                        u->recipe != NULL ? u->recipe : "");
  parts[n++] = tfdc_id128_format(tfdc_xxh3_128(of_these, (size_t)length), hash);
  if (taken) id = learn_id(&t->mem, parts, n, '-');
  *ret = id;
  return id != NULL ? TFDC_OK : tfdc_fail(err, TFDC_E_NOMEM, "strategy");
}

/* The texts of one field of the unit's runs, once each, sorted. */
static tfdc_rc distinct(struct tfdc_arena *mem, const struct learn_unit *u, bool tools, struct model_globs *ret) {
  const char **items = tfdc_arena_array(mem, u->n_runs, sizeof *items);
  size_t n = 0, kept = 0;
  if (items == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < u->n_runs; i++) {
    const char *text = tools ? u->runs[i].context->key.tool : u->runs[i].context->recipe_id;
    if (text != NULL && text[0] != '\0') items[n++] = text;
  }
  if (n > 1) qsort(items, n, sizeof *items, tfdc_text_order);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || strcmp(items[i], items[kept - 1]) != 0) items[kept++] = items[i];
  *ret = (struct model_globs){items, kept};
  return TFDC_OK;
}

/* A made strategy judges what it was learned for: the recipes, and where the filter named tools or chambers, those. */
static tfdc_rc narrow(struct learn_task *t, const struct learn_unit *u, struct model_strategy *s) {
  TFDC_TRY(distinct(&t->mem, u, false, &s->recipes));
  if (s->tool_types.n == 0) TFDC_TRY(distinct(&t->mem, u, true, &s->tools));
  const struct store_filter *f = &t->ask->filter;
  if (f->tool != NULL) s->tools = (struct model_globs){&f->tool, 1};
  if (f->chamber != NULL) s->chambers = (struct model_globs){&f->chamber, 1};
  return TFDC_OK;
}

/* Groups of the newest limit set that were not learned now stay as they are. */
static tfdc_rc join_old_limits(struct learn_task *t, struct model_limit_set *set, struct tfdc_error *err) {
  struct model_def def;
  struct model_limit_set old;
  TFDC_TRY(api_def_newest(t->api, MODEL_DEF_LIMITS, set->id, &t->mem, &def, err));
  if (def.version == 0) return TFDC_OK;
  TFDC_TRY(model_limit_set_from_json(def.body, strlen(def.body), &t->mem, &old, err));
  struct model_limit_group *groups = tfdc_arena_array(&t->mem, set->n_groups + old.n_groups, sizeof *groups);
  if (groups == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "limit set %s", set->id);
  size_t n = set->n_groups;
  if (n > 0) memcpy(groups, set->groups, n * sizeof *groups);
  for (size_t i = 0; i < old.n_groups; i++) {
    bool learned = false;
    for (size_t k = 0; k < set->n_groups; k++)
      learned |= strcmp(groups[k].partition, old.groups[i].partition) == 0 &&
                 strcmp(groups[k].tool_type, old.groups[i].tool_type) == 0;
    if (!learned) groups[n++] = old.groups[i];
  }
  set->groups = groups;
  set->n_groups = n;
  return TFDC_OK;
}

static tfdc_rc put_def(const struct learn_task *t, enum model_def_kind kind, const char *id,
                       const struct tfdc_buf *body, uint32_t *ret_version, struct tfdc_error *err) {
  const struct api_def_put put = {.kind = kind,
                                  .id = id,
                                  .author = t->ask->author,
                                  .comment = t->ask->comment,
                                  .body = (const char *)body->data,
                                  .effective_us = t->ask->effective_us};
  return api_def_put(t->api, &put, ret_version, err);
}

static tfdc_rc write_limits(struct learn_task *t, const struct model_limit_set *set, struct learn_written *w,
                            struct tfdc_error *err) {
  struct tfdc_buf body = {0};
  tfdc_rc rc = model_limit_set_to_json(set, &body);
  tfdc_put_u8(&body, 0);
  if (rc != TFDC_OK)
    (void)tfdc_fail(err, rc, "limit set %s is too large: take fewer charts (charts_max)", set->id);
  else
    rc = put_def(t, MODEL_DEF_LIMITS, set->id, &body, &w->limits_version, err);
  tfdc_buf_deinit(&body);
  return rc;
}

static tfdc_rc write_strategy(struct learn_task *t, struct learn_written *w, struct tfdc_error *err) {
  struct tfdc_buf body = {0};
  tfdc_rc rc = model_strategy_to_json(&w->strategy, &body);
  tfdc_put_u8(&body, 0);
  if (rc != TFDC_OK)
    (void)tfdc_fail(err, rc, "strategy %s", w->strategy.id);
  else
    rc = put_def(t, MODEL_DEF_STRATEGY, w->strategy.id, &body, &w->version, err);
  tfdc_buf_deinit(&body);
  return rc;
}

/* Limits first: a strategy never stands without them. */
static tfdc_rc write_unit(struct learn_task *t, const struct learn_unit *u, struct learn_result *r,
                          struct learn_written *w, struct tfdc_error *err) {
  if (t->ask->keep) TFDC_TRY(join_old_limits(t, &r->limits, err));
  if (!t->ask->keep && narrow(t, u, &r->strategy) != TFDC_OK)
    return tfdc_fail(err, TFDC_E_NOMEM, "strategy %s", r->strategy.id);
  tfdc_rc rc = model_strategy_copy(&r->strategy, &t->mem, &w->strategy);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "strategy %s", r->strategy.id);
  pthread_mutex_t *lock = &api_job_api(t->job)->publish;
  (void)pthread_mutex_lock(lock);
  rc = write_limits(t, &r->limits, w, err);
  if (rc == TFDC_OK) rc = write_strategy(t, w, err);
  (void)pthread_mutex_unlock(lock);
  return rc;
}

/* ---- the result ---- */

/* Three lists of the result are written as their parts become known. */
struct report {
  struct tfdc_buf strategies, groups, skipped;
  struct model_json s, g, k;
  struct learn_written *written;
  size_t n_written;
};

static void report_init(struct report *p) {
  p->s = model_json_on(&p->strategies);
  p->g = model_json_on(&p->groups);
  p->k = model_json_on(&p->skipped);
}

static void report_deinit(struct report *p) {
  tfdc_buf_deinit(&p->strategies);
  tfdc_buf_deinit(&p->groups);
  tfdc_buf_deinit(&p->skipped);
}

static void report_skipped(struct report *p, const struct learn_unit *u, const char *partition, const char *reason) {
  model_json_open(&p->k, NULL, '{');
  model_json_text(&p->k, "tool_type", u->tool_type);
  model_json_text(&p->k, "recipe", u->recipe != NULL ? u->recipe : partition);
  model_json_text(&p->k, "reason", reason);
  model_json_close(&p->k, '}');
}

static void report_group(struct report *p, const struct learn_unit *u, const char *strategy,
                         const struct learn_group *g) {
  struct model_json *j = &p->g;
  model_json_open(j, NULL, '{');
  model_json_text(j, "strategy", strategy);
  model_json_text(j, "partition", g->partition);
  model_json_text(j, "tool_type", u->tool_type);
  model_json_u64(j, "n_runs", g->n_runs);
  model_json_u64(j, "chambers", g->n_chambers);
  model_json_u64(j, "charts", g->n_charts);
  model_json_u64(j, "left_out", g->n_left_out);
  model_json_real(j, "width", g->width);
  model_json_open(j, "notes", '{');
  for (size_t i = 0; i < LEARN_NOTES; i++)
    if (g->notes[i] > 0) model_json_u64(j, learn_note_name(i), g->notes[i]);
  model_json_close(j, '}');
  model_json_close(j, '}');
}

static void report_strategy(struct report *p, const struct learn_unit *u, const struct learn_result *r,
                            const struct learn_written *w) {
  struct model_json *j = &p->s;
  model_json_open(j, NULL, '{');
  model_json_text(j, "strategy", w->strategy.id);
  model_json_u64(j, "version", w->version);
  model_json_u64(j, "limits_version", w->limits_version);
  model_json_text(j, "tool_type", u->tool_type);
  model_json_open(j, "recipes", '[');
  for (size_t i = 0; i < w->strategy.recipes.n; i++) model_json_text(j, NULL, w->strategy.recipes.items[i]);
  model_json_close(j, ']');
  model_json_u64(j, "runs", r->n_runs);
  model_json_u64(j, "bad_traces", r->n_bad_traces);
  model_json_u64(j, "charts", w->strategy.n_charts);
  model_json_u64(j, "left_out", r->n_left_out);
  model_json_open(j, "left_out_charts", '[');
  for (size_t i = 0; i < r->n_left_out && i < LEFT_OUT_SHOWN; i++) {
    model_json_open(j, NULL, '{');
    model_json_text(j, "chart", r->left_out[i].chart);
    model_json_text(j, "reason", r->left_out[i].reason);
    model_json_close(j, '}');
  }
  model_json_close(j, ']');
  model_json_close(j, '}');
  for (size_t i = 0; i < r->n_groups; i++) {
    if (r->groups[i].failed == NULL)
      report_group(p, u, w->strategy.id, &r->groups[i]);
    else
      report_skipped(p, u, r->groups[i].partition, r->groups[i].failed);
  }
}

static tfdc_rc put_list(struct model_json *j, const char *key, const struct tfdc_buf *items) {
  model_json_open(j, key, '[');
  tfdc_put(j->out, items->data, items->size);
  model_json_close(j, ']');
  return tfdc_buf_status(items);
}

static tfdc_rc put_result(struct learn_task *t, const struct report *p, uint64_t rejudged) {
  struct model_json j = model_json_on(api_job_result(t->job));
  model_json_open(&j, NULL, '{');
  model_json_text(&j, "strategy", p->written[0].strategy.id);
  model_json_u64(&j, "version", p->written[0].version);
  model_json_u64(&j, "limits_version", p->written[0].limits_version);
  TFDC_TRY(put_list(&j, "strategies", &p->strategies));
  TFDC_TRY(put_list(&j, "groups", &p->groups));
  TFDC_TRY(put_list(&j, "skipped", &p->skipped));
  model_json_u64(&j, "runs_without_trace", t->n_no_trace);
  model_json_u64(&j, "rejudged", rejudged);
  model_json_close(&j, '}');
  return TFDC_OK;
}

/* ---- the job ---- */

static tfdc_rc kept_strategy(struct learn_task *t, struct model_strategy *ret, struct tfdc_error *err) {
  struct model_def def;
  TFDC_TRY(api_def_newest(t->api, MODEL_DEF_STRATEGY, t->ask->strategy, &t->mem, &def, err));
  if (def.version == 0) return tfdc_fail(err, TFDC_E_NOT_FOUND, "no strategy %s whose charts could be kept", def.id);
  return model_strategy_from_json(def.body, strlen(def.body), &t->mem, ret, err);
}

static tfdc_rc feed(struct learn_task *t, const struct learn_unit *u, struct learn *l, struct tfdc_error *err) {
  for (size_t i = 0; i < u->n_runs; i++) {
    TFDC_TRY(learn_feed_run(t, l, i, u->runs[i].context, err));
    if (!api_job_progress(t->job, ++t->done, t->n_picked)) return tfdc_fail(err, TFDC_E_CANCELLED, "the process stops");
  }
  return TFDC_OK;
}

static tfdc_rc learn_unit(struct learn_task *t, const struct learn_unit *u, struct report *p, struct tfdc_error *err) {
  struct model_strategy kept;
  struct learn_options o = {.tool_type = u->tool_type, .partition = t->ask->partition};
  o.charts_max = (size_t)t->ask->charts_max;
  o.alpha = t->ask->alpha;
  TFDC_TRY(name_unit(t, u, &o.strategy, err));
  if (t->ask->keep) {
    TFDC_TRY(kept_strategy(t, &kept, err));
    o.keep = &kept;
    o.partition = kept.partition;
  }
  struct learn *l = NULL;
  struct learn_result r;
  struct learn_written w = {.version = 0};
  uint64_t before = t->done;
  tfdc_rc rc = learn_create(&o, u->runs, u->n_runs, &l, err);
  if (rc == TFDC_OK) rc = feed(t, u, l, err);
  if (rc == TFDC_OK) rc = learn_finish(l, &r, err);
  if (rc == TFDC_OK) rc = write_unit(t, u, &r, &w, err);
  if (rc == TFDC_OK) {
    report_strategy(p, u, &r, &w);
    p->written[p->n_written++] = w;
  } else if (rc == TFDC_E_LEARN) {
    report_skipped(p, u, NULL, tfdc_error_msg(err));
  }
  t->done = before + u->n_runs;
  learn_destroy(l);
  return rc;
}

/* A unit that cannot be learned does not keep the others from it; when none can, its error is the job's. */
static tfdc_rc learn_units(struct learn_task *t, struct report *p, struct tfdc_error *err) {
  struct tfdc_error first = {0};
  for (size_t i = 0; i < t->n_units; i++) {
    struct learn_unit *u = &t->units[i];
    struct tfdc_error why = {0};
    tfdc_rc rc = learn_unit(t, u, p, &why);
    if (rc != TFDC_OK && first.code == TFDC_OK)
      (void)tfdc_fail(&first, rc, "%s%s%s: %s", u->tool_type, u->recipe != NULL ? " " : "",
                      u->recipe != NULL ? u->recipe : "", tfdc_error_msg(&why));
    if (rc != TFDC_OK && rc != TFDC_E_LEARN) break;
  }
  if (first.code == TFDC_OK || (first.code == TFDC_E_LEARN && p->n_written > 0)) return TFDC_OK;
  if (p->n_written > 0) TFDC_TRY(api_defs_announce(t->api, err)); /* what was written is in force */
  return tfdc_fail(err, first.code, "%s", first.msg);
}

/* ---- judging again ---- */

static bool is_selected(void *user, const struct model_context *c) {
  const struct report *p = user;
  for (size_t i = 0; i < p->n_written; i++)
    if (model_strategy_selects(&p->written[i].strategy, c)) return true;
  return false;
}

static tfdc_rc judge_again(struct learn_task *t, struct report *p, uint64_t *ret_n, struct tfdc_error *err) {
  const struct rejudge r = {.api = t->api, .job = t->job, .filter = &t->ask->filter, .wanted = is_selected, .user = p};
  struct rejudge_result result;
  TFDC_TRY(rejudge_runs(&r, &result, err));
  *ret_n = result.published;
  return TFDC_OK;
}

/* ---- all of it ---- */

static int unit_order(const void *a, const void *b) {
  const struct learn_unit *x = a, *y = b;
  int by_type = strcmp(x->tool_type, y->tool_type);
  return by_type != 0 || x->recipe == NULL ? by_type : strcmp(x->recipe, y->recipe);
}

static tfdc_rc work(struct learn_task *t, struct report *p, struct tfdc_error *err) {
  TFDC_TRY(learn_pick_runs(t, err));
  qsort(t->units, t->n_units, sizeof *t->units, unit_order);
  if (t->ask->strategy != NULL && !t->ask->keep && t->n_units > 1)
    return tfdc_fail(err, TFDC_E_USAGE,
                     "strategy %s: the runs are of %zu tool types (\"%s\", \"%s\" ...); give tool_type, or no strategy",
                     t->ask->strategy, t->n_units, t->units[0].tool_type, t->units[1].tool_type);
  p->written = tfdc_arena_array(&t->mem, t->n_units, sizeof *p->written);
  if (p->written == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%zu strategies", t->n_units);
  TFDC_TRY(learn_units(t, p, err));
  TFDC_TRY(api_defs_announce(t->api, err));
  uint64_t rejudged = 0;
  if (t->ask->rejudge) TFDC_TRY(judge_again(t, p, &rejudged, err));
  tfdc_rc rc = put_result(t, p, rejudged);
  return rc == TFDC_OK ? rc : tfdc_fail(err, rc, "the result");
}

static tfdc_rc run_learn(struct api_job *job, void *arg, struct tfdc_error *err) {
  struct learn_task t = {.job = job, .api = api_job_api(job), .ask = arg, .mem = {.limit = (size_t)2 << 30}};
  struct report p = {0};
  report_init(&p);
  tfdc_rc rc = work(&t, &p, err);
  report_deinit(&p);
  tfdc_arena_deinit(&t.mem);
  return rc;
}

static void free_ask(void *arg) {
  struct learn_ask *ask = arg;
  tfdc_arena_deinit(&ask->mem);
  free(ask);
}

tfdc_rc api_post_learn(struct api_call *c) {
  struct learn_ask *ask = calloc(1, sizeof *ask);
  if (ask == NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "out of memory");
  tfdc_rc rc = read_ask(c, ask);
  if (rc != TFDC_OK) {
    free_ask(ask);
    return rc;
  }
  struct tfdc_id128 id;
  TFDC_TRY(api_job_start(c->api, "runs", run_learn, ask, free_ask, &id, &c->err));
  api_put_job(c, id);
  return TFDC_OK;
}
