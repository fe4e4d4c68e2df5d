/* SPDX-License-Identifier: Apache-2.0 */
#include "app/report/fab.h"

#include "app/json_get.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct load {
  struct fab *fab;
  const struct filter *filter;
  bool failed; /* no memory */
};

/* ---- runs ---- */

static const char *intern(struct fab *fab, const char *text) {
  struct tfdc_id128 key = tfdc_xxh3_128(text, strlen(text));
  const char *known = tfdc_map_get(&fab->texts, key);
  if (known != NULL) return known;
  char *copy = tfdc_arena_strdup(&fab->mem, text);
  return copy != NULL && tfdc_map_put(&fab->texts, key, copy) == TFDC_OK ? copy : NULL;
}

static bool grow(void **items, size_t *cap, size_t n, size_t size) {
  if (n < *cap) return true;
  size_t more = *cap == 0 ? 256 : 2 * *cap;
  void *moved = realloc(*items, more * size);
  if (moved == NULL) return false;
  *items = moved;
  *cap = more;
  return true;
}

static bool on_run(void *user, json_t *item) {
  struct load *l = user;
  struct fab *fab = l->fab;
  if (fab->n_runs == FAB_RUNS_MAX) {
    fab->runs_cut = true;
    return false;
  }
  if (!grow((void **)&fab->runs, &fab->cap, fab->n_runs, sizeof *fab->runs)) return !(l->failed = true);
  const json_t *c = json_object_get(item, "context"), *v = json_object_get(item, "verdict");
  struct fab_run *r = &fab->runs[fab->n_runs];
  enum model_verdict verdict;
  enum model_reason reason;
  *r = (struct fab_run){.verdict = FAB_WAITING, .order_us = json_get_time(c, "order_us")};
  if (r->order_us == MODEL_NO_TIME) r->order_us = json_get_time(c, "start_us");
  (void)snprintf(r->id, sizeof r->id, "%s", json_get_text(c, "context_id"));
  if (model_verdict_parse(json_get_text(v, "verdict"), &verdict)) r->verdict = (uint8_t)verdict;
  if (model_reason_parse(json_get_text(v, "reason"), &reason)) r->reason = (uint8_t)reason;
  r->tool = intern(fab, json_get_text(c, "tool"));
  r->chamber = intern(fab, json_get_text(c, "chamber"));
  r->recipe = intern(fab, json_get_text(c, "recipe_id"));
  r->lot = intern(fab, json_get_text(c, "lot_id"));
  r->wafer = intern(fab, json_get_text(c, "substrate_id"));
  if (!r->tool || !r->chamber || !r->recipe || !r->lot || !r->wafer) return !(l->failed = true);
  fab->n_runs++;
  return true;
}

static int run_order(const void *a, const void *b) {
  const struct fab_run *x = a, *y = b;
  int by = strcmp(x->tool, y->tool);
  if (by == 0) by = strcmp(x->chamber, y->chamber);
  if (by != 0) return by;
  if (x->order_us != y->order_us) return x->order_us > y->order_us ? 1 : -1;
  return strcmp(x->id, y->id);
}

/* ---- alarms ---- */

static bool on_alarm(void *user, json_t *item) {
  struct load *l = user;
  struct fab *fab = l->fab;
  if (l->filter->recipe != NULL && !tfdc_glob(l->filter->recipe, json_get_text(item, "recipe_id"))) return true;
  if (strcmp(json_get_text(item, "reason"), "REVISED") == 0) return true; /* taken back */
  if (fab->n_alarms == FAB_ALARMS_MAX) {
    fab->alarms_cut = true;
    return false;
  }
  if (!grow((void **)&fab->alarms, &fab->cap_alarms, fab->n_alarms, sizeof(json_t *))) return !(l->failed = true);
  fab->alarms[fab->n_alarms++] = json_incref(item);
  fab->n_open += strcmp(json_get_text(item, "state"), "OPEN") == 0;
  return true;
}

static int weight(const json_t *a) {
  enum model_severity s = MODEL_INFO;
  if (!model_severity_parse(json_get_text(a, "severity"), &s)) s = MODEL_INFO;
  return (int)s + (strcmp(json_get_text(a, "state"), "OPEN") == 0 ? 10 : 0);
}

/* Open ones first, then the severe ones, then the newest. */
static int alarm_order(const void *a, const void *b) {
  const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
  int by = weight(y) - weight(x);
  if (by != 0) return by;
  int64_t s = json_get_time(x, "opened_us"), t = json_get_time(y, "opened_us");
  if (s != t) return s < t ? 1 : -1;
  return strcmp(json_get_text(x, "alarm_id"), json_get_text(y, "alarm_id"));
}

/* ---- chambers ---- */

static int chamber_order(const void *a, const void *b) {
  const struct fab_chamber *x = a, *y = b;
  if ((x->open > 0) != (y->open > 0)) return x->open > 0 ? -1 : 1;
  if ((x->alarms > 0) != (y->alarms > 0)) return x->alarms > 0 ? -1 : 1;
  int by = strcmp(x->tool, y->tool);
  return by != 0 ? by : strcmp(x->chamber, y->chamber);
}

const struct fab_chamber *fab_find(const struct fab *fab, const char *tool, const char *chamber) {
  for (size_t i = 0; i < fab->n_chambers; i++)
    if (strcmp(fab->chambers[i].tool, tool) == 0 && strcmp(fab->chambers[i].chamber, chamber) == 0)
      return &fab->chambers[i];
  return NULL;
}

static tfdc_rc split_by_chamber(struct fab *fab) {
  fab->first_us = fab->last_us = MODEL_NO_TIME;
  if (fab->n_runs == 0) return TFDC_OK;
  qsort(fab->runs, fab->n_runs, sizeof *fab->runs, run_order);
  size_t n = 1;
  for (size_t i = 1; i < fab->n_runs; i++)
    n += fab->runs[i].tool != fab->runs[i - 1].tool || fab->runs[i].chamber != fab->runs[i - 1].chamber;
  fab->chambers = tfdc_arena_alloc(&fab->mem, n * sizeof *fab->chambers);
  if (fab->chambers == NULL) return TFDC_E_NOMEM;
  struct fab_chamber *at = NULL;
  for (size_t i = 0; i < fab->n_runs; i++) {
    const struct fab_run *r = &fab->runs[i];
    if (at == NULL || at->tool != r->tool || at->chamber != r->chamber) {
      at = &fab->chambers[fab->n_chambers++];
      *at = (struct fab_chamber){.tool = r->tool, .chamber = r->chamber, .runs = r};
    }
    at->n++;
    at->counts[r->verdict]++;
    fab->counts[r->verdict]++;
    if (fab->first_us == MODEL_NO_TIME || r->order_us < fab->first_us) fab->first_us = r->order_us;
    if (fab->last_us == MODEL_NO_TIME || r->order_us > fab->last_us) fab->last_us = r->order_us;
  }
  return TFDC_OK;
}

static void count_alarms(struct fab *fab) {
  for (size_t i = 0; i < fab->n_alarms; i++) {
    const json_t *a = fab->alarms[i];
    struct fab_chamber *c = (struct fab_chamber *)fab_find(fab, json_get_text(a, "tool"), json_get_text(a, "chamber"));
    if (c == NULL) continue;
    c->alarms++;
    c->open += strcmp(json_get_text(a, "state"), "OPEN") == 0;
  }
  if (fab->n_chambers > 0) qsort(fab->chambers, fab->n_chambers, sizeof *fab->chambers, chamber_order);
  if (fab->n_alarms > 0) qsort(fab->alarms, fab->n_alarms, sizeof(json_t *), alarm_order);
}

/* ---- all ---- */

tfdc_rc fab_load(struct client *c, const struct filter *f, struct fab *ret, struct tfdc_error *err) {
  struct load l = {.fab = ret, .filter = f};
  struct filter_params params;
  struct filter of_alarms = {.tool = f->tool, .chamber = f->chamber, .from_us = f->from_us, .to_us = f->to_us};
  TFDC_TRY(filter_params(f, &params, err));
  filter_add(&params, "newest", "1");
  TFDC_TRY(client_list(c, "/api/v1/runs", params.list, "runs", FAB_RUNS_MAX + 1, on_run, &l, err));
  TFDC_TRY(filter_params(&of_alarms, &params, err));
  if (!l.failed) TFDC_TRY(client_list(c, "/api/v1/alarms", params.list, "alarms", 0, on_alarm, &l, err));
  if (l.failed || split_by_chamber(ret) != TFDC_OK) return tfdc_fail(err, TFDC_E_NOMEM, "the runs of the report");
  count_alarms(ret);
  return TFDC_OK;
}

void fab_deinit(struct fab *fab) {
  for (size_t i = 0; i < fab->n_alarms; i++) json_decref(fab->alarms[i]);
  free(fab->alarms);
  free(fab->runs);
  tfdc_map_deinit(&fab->texts);
  tfdc_arena_deinit(&fab->mem);
}

const char *fab_verdict_name(size_t verdict) {
  return verdict == FAB_WAITING ? "waiting" : model_verdict_name((enum model_verdict)verdict);
}
