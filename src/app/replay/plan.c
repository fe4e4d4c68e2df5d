/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/plan.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PLAN_MEMORY ((size_t)1 << 31)

static tfdc_rc nomem(struct tfdc_error *err) { return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the runs"); }

/* A copy: the sensors of the source live as long as that does, which is one reading. */
static tfdc_rc copy_sensors(struct plan *p, const struct map_sensor *sensors, size_t n) {
  p->n_sensors = n;
  p->wide_svids = tfdc_arena_array(&p->mem, n, sizeof *p->wide_svids);
  if (p->wide_svids == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < n; i++) {
    const char *name = sensors[i].name != NULL ? sensors[i].name : sensors[i].column;
    struct model_svid *svid = &p->wide_svids[i];
    *svid = (struct model_svid){.number = (uint32_t)i + 1, .name = tfdc_arena_strdup(&p->mem, name)};
    svid->resolution = sensors[i].resolution;
    if (sensors[i].unit != NULL) svid->unit = tfdc_arena_strdup(&p->mem, sensors[i].unit);
    if (svid->name == NULL || (sensors[i].unit != NULL && svid->unit == NULL)) return TFDC_E_NOMEM;
  }
  return TFDC_OK;
}

tfdc_rc plan_init(struct plan *p, const struct replay_map *map, const struct source *source, struct tfdc_error *err) {
  size_t n;
  const struct map_sensor *sensors = source_sensors(source, &n);
  *p = (struct plan){.map = map, .mem = {.limit = PLAN_MEMORY}};
  if (copy_sensors(p, sensors, n) == TFDC_OK) return TFDC_OK;
  plan_deinit(p);
  return nomem(err);
}

void plan_deinit(struct plan *p) {
  for (struct plan_chamber *c = p->first_chamber; c != NULL; c = c->next) tfdc_map_deinit(&c->by_svid);
  tfdc_map_deinit(&p->runs);
  tfdc_map_deinit(&p->chambers);
  tfdc_arena_deinit(&p->mem);
}

static tfdc_rc changed(struct tfdc_error *err) {
  return tfdc_fail(err, TFDC_E_CONFLICT, "the file changed while it was read");
}

/* One hash over a chamber and what follows; the parts cannot run into each other, since ids hold no ':'. */
static struct tfdc_id128 id_of(const struct source_row *row, const char *rest) {
  char text[2 * TFDC_ID_MAX + TFDC_TEXT_MAX + 4];
  int n = snprintf(text, sizeof text, "%s:%s:%s", row->tool, row->chamber, rest);
  return tfdc_xxh3_128(text, (size_t)n);
}

/* ---- chambers and SVIDs ---- */

static tfdc_rc add_chamber(struct plan *p, const struct source_row *row, struct plan_chamber **ret,
                           struct tfdc_error *err) {
  if (p->n_chambers == PLAN_CHAMBERS_MAX)
    return tfdc_fail(err, TFDC_E_LIMIT, "line %lld: more than %d chambers: are the tool and chamber columns right?",
                     (long long)row->line, PLAN_CHAMBERS_MAX);
  struct plan_chamber *c = tfdc_arena_alloc(&p->mem, sizeof *c);
  if (c == NULL) return nomem(err);
  c->record.key = (struct model_key){tfdc_arena_strdup(&p->mem, row->tool), tfdc_arena_strdup(&p->mem, row->chamber)};
  if (row->tool_type != NULL) c->record.tool_type = tfdc_arena_strdup(&p->mem, row->tool_type);
  c->last_us = INT64_MIN;
  c->next_start_us = p->map->time.base_us;
  if (c->record.key.tool == NULL || c->record.key.chamber == NULL) return nomem(err);
  if (tfdc_map_put(&p->chambers, id_of(row, ""), c) != TFDC_OK) return nomem(err);
  if (p->last_chamber == NULL)
    p->first_chamber = c;
  else
    p->last_chamber->next = c;
  p->last_chamber = c;
  p->n_chambers++;
  *ret = c;
  return TFDC_OK;
}

static struct tfdc_id128 text_id(const char *s) { return tfdc_xxh3_128(s, strlen(s)); }

const struct plan_svid *plan_svid(const struct plan_chamber *c, const char *svid) {
  return tfdc_map_get(&c->by_svid, text_id(svid));
}

static const struct map_sensor *listed(const struct plan *p, const char *name) {
  for (size_t i = 0; i < p->map->n_sensors; i++) {
    const struct map_sensor *s = &p->map->sensors[i];
    if (strcmp(s->name != NULL ? s->name : s->column, name) == 0) return s;
  }
  return NULL;
}

static tfdc_rc note_svid(struct plan *p, struct plan_chamber *c, const struct source_row *row, struct tfdc_error *err) {
  if (row->svid == NULL || plan_svid(c, row->svid) != NULL) return TFDC_OK;
  if (c->record.n_svids == MAP_SENSORS_MAX)
    return tfdc_fail(err, TFDC_E_TOO_MANY_SVIDS,
                     "line %lld: chamber %s:%s has more than %d SVIDs: is the svid column right?", (long long)row->line,
                     row->tool, row->chamber, MAP_SENSORS_MAX);
  struct plan_svid *s = tfdc_arena_alloc(&p->mem, sizeof *s);
  const struct map_sensor *sensor = listed(p, row->svid);
  if (s == NULL) return nomem(err);
  s->index = c->record.n_svids++;
  s->svid = (struct model_svid){.number = (uint32_t)s->index + 1, .name = tfdc_arena_strdup(&p->mem, row->svid)};
  if (row->unit != NULL) s->svid.unit = tfdc_arena_strdup(&p->mem, row->unit);
  if (sensor != NULL) s->svid.resolution = sensor->resolution;
  if (s->svid.name == NULL || tfdc_map_put(&c->by_svid, text_id(row->svid), s) != TFDC_OK) return nomem(err);
  if (c->last_svid == NULL)
    c->first_svid = s;
  else
    c->last_svid->next = s;
  c->last_svid = s;
  return TFDC_OK;
}

/* ---- runs ---- */

static tfdc_rc add_run(struct plan *p, struct plan_chamber *c, struct tfdc_id128 key, const struct source_row *row,
                       struct plan_run **ret, struct tfdc_error *err) {
  if (p->finished) return changed(err);
  if (p->n_runs == PLAN_RUNS_MAX)
    return tfdc_fail(err, TFDC_E_LIMIT, "line %lld: more than %d runs: are the columns of `run` right?",
                     (long long)row->line, PLAN_RUNS_MAX);
  struct plan_run *r = tfdc_arena_alloc(&p->mem, sizeof *r);
  if (r == NULL || tfdc_map_put(&p->runs, key, r) != TFDC_OK) return nomem(err);
  *r = (struct plan_run){.key = key, .chamber = c, .first_us = INT64_MAX, .last_us = INT64_MIN, .row_us = INT64_MIN};
  r->good = true;
  r->ordinal = c->n_runs;
  if (p->last_run == NULL)
    p->first_run = r;
  else
    p->last_run->next = r;
  p->last_run = r;
  p->n_runs++;
  *ret = r;
  return TFDC_OK;
}

/* The next run with the same key, in the second reading. */
static struct plan_run *next_same(struct plan_run *r) {
  struct tfdc_id128 key = r->key;
  do r = r->next;
  while (r != NULL && !tfdc_id128_eq(r->key, key));
  return r;
}

/* Whether a row that names a known run begins another one of that name: the chamber did something else in between, and
 * absolute times are further apart than the pause. */
static bool is_another(const struct plan *p, const struct plan_chamber *c, const struct plan_run *r, int64_t t_us) {
  if (value_time_is_relative(p->map->time.kind) || c->current == r || r->row_us == INT64_MIN) return false;
  return (double)(t_us - r->row_us) > p->map->run_gap_s * 1e6;
}

static tfdc_rc find_named(struct plan *p, struct plan_chamber *c, const struct source_row *row, struct plan_run **ret,
                          struct tfdc_error *err) {
  struct tfdc_id128 key = id_of(row, row->run);
  struct plan_run *r = tfdc_map_get(&p->runs, key);
  if (r != NULL && is_another(p, c, r, row->t_us)) {
    r = p->finished ? next_same(r) : NULL;
    if (r != NULL && tfdc_map_put(&p->runs, key, r) != TFDC_OK) return nomem(err);
  }
  if (r == NULL) return add_run(p, c, key, row, ret, err);
  *ret = r;
  return TFDC_OK;
}

/* Without a name: a run ends where time falls back, or where absolute times pause. */
static tfdc_rc find_nameless(struct plan *p, struct plan_chamber *c, const struct source_row *row,
                             struct plan_run **ret, struct tfdc_error *err) {
  bool pause = !value_time_is_relative(p->map->time.kind) && c->last_us != INT64_MIN &&
               (double)(row->t_us - c->last_us) > p->map->run_gap_s * 1e6;
  *ret = c->current;
  if (c->current != NULL && row->t_us >= c->last_us && !pause) return TFDC_OK;
  char name[16];
  c->n_runs++;
  (void)snprintf(name, sizeof name, "%" PRIu32, c->n_runs);
  struct tfdc_id128 key = id_of(row, name);
  *ret = tfdc_map_get(&p->runs, key);
  return *ret != NULL ? TFDC_OK : add_run(p, c, key, row, ret, err);
}

static void note_row(struct plan *p, struct plan_run *r, const struct source_row *row) {
  r->row_us = row->t_us;
  r->chamber->current = r;
  r->chamber->last_us = row->t_us;
  if (p->finished) {
    r->seen++;
    return;
  }
  r->rows++;
  r->good = r->good && row->good;
  if (row->t_us < r->first_us) r->first_us = row->t_us;
  if (row->t_us > r->last_us) r->last_us = row->t_us;
}

tfdc_rc plan_take(struct plan *p, const struct source_row *row, struct plan_run **ret, const char **ret_bad,
                  struct tfdc_error *err) {
  struct plan_chamber *c = tfdc_map_get(&p->chambers, id_of(row, ""));
  struct plan_run *r = NULL;
  *ret_bad = NULL;
  if (c == NULL && p->finished) return changed(err);
  if (c == NULL) TFDC_TRY(add_chamber(p, row, &c, err));
  TFDC_TRY(row->run != NULL ? find_named(p, c, row, &r, err) : find_nameless(p, c, row, &r, err));
  if (p->map->layout == MAP_WIDE && row->t_us <= r->row_us) {
    (void)snprintf(p->why, sizeof p->why, "time does not rise: %.6f s after %.6f s%s%.60s", (double)row->t_us / 1e6,
                   (double)r->row_us / 1e6, row->run != NULL ? " in run " : "", row->run != NULL ? row->run : "");
    *ret_bad = p->why;
    return TFDC_OK;
  }
  if (!p->finished) TFDC_TRY(note_svid(p, c, row, err));
  note_row(p, r, row);
  if (p->finished && r->seen > r->rows) return changed(err);
  *ret = r;
  return TFDC_OK;
}

/* ---- between the readings ---- */

static tfdc_rc make_dictionaries(struct plan *p, struct tfdc_error *err) {
  for (struct plan_chamber *c = p->first_chamber; c != NULL; c = c->next) {
    struct model_svid *svids = p->wide_svids;
    if (p->map->layout == MAP_LONG) {
      svids = tfdc_arena_array(&p->mem, c->record.n_svids, sizeof *svids);
      if (svids == NULL) return nomem(err);
      for (struct plan_svid *s = c->first_svid; s != NULL; s = s->next) svids[s->index] = s->svid;
    } else {
      c->record.n_svids = p->n_sensors;
    }
    c->record.svids = svids;
    c->current = NULL;
    c->n_runs = 0;
    c->last_us = INT64_MIN;
  }
  return TFDC_OK;
}

tfdc_rc plan_finish(struct plan *p, struct tfdc_error *err) {
  TFDC_TRY(make_dictionaries(p, err));
  bool relative = value_time_is_relative(p->map->time.kind);
  int64_t gap = (int64_t)(p->map->run_gap_s * 1e6);
  for (struct plan_run *r = p->first_run; r != NULL; r = r->next) {
    r->start_us = relative ? r->chamber->next_start_us : r->first_us;
    r->end_us = r->start_us + (r->last_us - r->first_us);
    r->chamber->next_start_us = r->end_us + gap;
    r->row_us = INT64_MIN;
  }
  /* of several runs of one name the first is met first again */
  for (struct plan_run *r = p->first_run; r != NULL; r = r->next) {
    struct plan_run *known = tfdc_map_get(&p->runs, r->key);
    TFDC_ASSERT(known != NULL);
    if (known->row_us != INT64_MAX && tfdc_map_put(&p->runs, r->key, r) != TFDC_OK) return nomem(err);
    r->row_us = INT64_MAX;
  }
  for (struct plan_run *r = p->first_run; r != NULL; r = r->next) r->row_us = INT64_MIN;
  p->finished = true;
  return TFDC_OK;
}

int64_t plan_time(const struct plan *p, const struct plan_run *r, int64_t t_us) {
  return value_time_is_relative(p->map->time.kind) ? r->start_us + (t_us - r->first_us) : t_us;
}

const char *plan_name_run(struct plan_run *r, const struct source_row *row, char buf[16]) {
  const char *name = row->run;
  if (name == NULL) {
    (void)snprintf(buf, 16, "%" PRIu32, r->ordinal);
    name = buf;
  }
  r->context_id = model_context_id(r->chamber->record.key, name, r->start_us);
  return name;
}
