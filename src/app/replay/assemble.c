/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/assemble.h"

#include "base/text.h"
#include "model/codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {  /* long */
  uint32_t svid; /* index */
  int64_t t_us;
  double v;
};
struct open_run {
  struct plan_run *run;
  uint64_t handle;
  int64_t seen_us; /* latest row */
  bool in_step;
  uint32_t step_number;
  char step_name[TFDC_TEXT_MAX + 1];
  size_t n; /* rows (wide) or samples (long) that wait */
  /* wide; owned */
  int64_t *times;
  double *values; /* row by row */
  bool *present;
  /* long; owned */
  struct sample *samples;
  int64_t *last_us; /* of each SVID */
  struct open_run *next;
};
struct assemble {
  struct plan *plan;
  const struct assemble_sink *sink;
  struct open_run *open;
  size_t n_open, block_rows;
  uint64_t points;
  char why[PLAN_WHY_MAX];
};

static tfdc_rc nomem(struct tfdc_error *err) { return tfdc_fail(err, TFDC_E_NOMEM, "no memory for a run's samples"); }

tfdc_rc assemble_create(struct plan *plan, const struct assemble_sink *sink, struct assemble **ret,
                        struct tfdc_error *err) {
  struct assemble *a = calloc(1, sizeof *a);
  if (a == NULL) return nomem(err);
  a->plan = plan;
  a->sink = sink;
  size_t width = plan->map->layout == MAP_LONG || plan->n_sensors == 0 ? 1 : plan->n_sensors;
  a->block_rows = width >= ASSEMBLE_BLOCK_POINTS ? 1 : ASSEMBLE_BLOCK_POINTS / width;
  *ret = a;
  return TFDC_OK;
}

static void free_run(struct open_run *o) {
  free(o->times);
  free(o->values);
  free(o->present);
  free(o->samples);
  free(o->last_us);
  free(o);
}

void assemble_destroy(struct assemble *a) {
  if (a == NULL) return;
  while (a->open != NULL) {
    struct open_run *o = a->open;
    a->open = o->next;
    free_run(o);
  }
  free(a);
}

uint64_t assemble_points(const struct assemble *a) { return a->points; }

/* ---- start ---- */

static bool make_room(const struct assemble *a, struct open_run *o) {
  size_t rows = a->block_rows, width = a->plan->n_sensors, svids = o->run->chamber->record.n_svids;
  if (a->plan->map->layout == MAP_LONG) {
    o->samples = malloc(rows * sizeof *o->samples);
    o->last_us = malloc((svids + 1) * sizeof *o->last_us);
    for (size_t i = 0; i < svids && o->last_us != NULL; i++) o->last_us[i] = INT64_MIN;
    return o->samples != NULL && o->last_us != NULL;
  }
  o->times = malloc(rows * sizeof *o->times);
  o->values = malloc(rows * width * sizeof *o->values);
  o->present = malloc(rows * width * sizeof *o->present);
  return o->times != NULL && o->values != NULL && o->present != NULL;
}

static struct model_context context_of(const struct assemble *a, const struct open_run *o, const char *run_id,
                                       const struct source_row *row, struct model_tag *tags) {
  const struct replay_map *m = a->plan->map;
  struct model_context c = {
      .context_id = o->run->context_id,
      .key = o->run->chamber->record.key,
      .tool_type = o->run->chamber->record.tool_type,
      .run_id = run_id,
      .historical = true,
      .start_us = o->run->start_us,
      .end_us = MODEL_NO_TIME,
      .received_us = MODEL_NO_TIME,
      .stored_us = MODEL_NO_TIME,
      .order_us = MODEL_NO_TIME,
      .lot_id = row->lot,
      .lot_type = row->lot_type,
      .substrate_id = row->wafer,
      .product = row->product,
      .recipe_id = row->recipe,
      .slot = row->slot,
      .runs_since_pm = -1,
      .wafers_since_clean = -1,
      .rf_hours = NAN,
      .tags = tags,
  };
  for (size_t i = 0; i < m->n_tags; i++) {
    if (row->tags[i] != NULL) tags[c.n_tags++] = (struct model_tag){m->tags[i].name, row->tags[i]};
  }
  return c;
}

static tfdc_rc begin(struct assemble *a, struct plan_run *r, const struct source_row *row, struct open_run **ret,
                     struct tfdc_error *err) {
  struct model_tag tags[MODEL_TAGS_MAX];
  char buf[16];
  if (a->n_open == ASSEMBLE_OPEN_MAX)
    return tfdc_fail(
        err, TFDC_E_LIMIT,
        "line %lld: rows of more than %d runs are interleaved; sort the file by run, or check `run` of the map",
        (long long)row->line, ASSEMBLE_OPEN_MAX);
  struct open_run *o = calloc(1, sizeof *o);
  if (o == NULL) return nomem(err);
  o->run = r;
  o->seen_us = INT64_MIN;
  const char *run_id = plan_name_run(r, row, buf);
  const struct model_context c = context_of(a, o, run_id, row, tags);
  tfdc_rc rc = make_room(a, o) ? a->sink->start(a->sink->user, &c, &o->handle, err) : nomem(err);
  if (rc != TFDC_OK) {
    free_run(o);
    return tfdc_wrap(err, rc, "run %s", run_id);
  }
  o->next = a->open;
  a->open = o;
  a->n_open++;
  r->user = o;
  *ret = o;
  return TFDC_OK;
}

/* ---- blocks ---- */

struct fill { /* a block that is being made */
  struct model_column *columns;
  int64_t *times;
  double *values;
  size_t n_columns;
};

/* One sensor of the rows that wait: all rows share one array of times; a sensor with gaps gets its own. */
static void fill_column(const struct assemble *a, const struct open_run *o, size_t at, const int64_t *shared,
                        struct fill *f) {
  size_t width = a->plan->n_sensors, n = 0;
  for (size_t i = 0; i < o->n; i++) n += o->present[i * width + at];
  if (n == 0) return;
  const struct model_svid *s = &a->plan->wide_svids[at];
  f->columns[f->n_columns++] = (struct model_column){
      .svid = s->number, .name = s->name, .n = n, .t_us = n == o->n ? shared : f->times, .v = f->values};
  for (size_t i = 0; i < o->n; i++) {
    if (!o->present[i * width + at]) continue;
    *f->values++ = o->values[i * width + at];
    if (n < o->n) *f->times++ = shared[i];
  }
}

static struct model_block *wide_block(const struct assemble *a, const struct open_run *o) {
  size_t width = a->plan->n_sensors, gaps = 0, columns = 0;
  for (size_t k = 0; k < width; k++) {
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) n += o->present[i * width + k];
    columns += n > 0;
    gaps += n > 0 && n < o->n ? n : 0;
  }
  struct fill f = {0};
  struct model_block *b = model_block_create(columns, o->n + gaps, o->n * width, &f.columns, &f.times, &f.values);
  if (b == NULL) return NULL;
  int64_t *shared = f.times;
  memcpy(shared, o->times, o->n * sizeof *shared);
  f.times += o->n;
  for (size_t k = 0; k < width; k++) fill_column(a, o, k, shared, &f);
  TFDC_ASSERT(f.n_columns == columns);
  for (size_t k = 0; k < columns; k++) b->points += f.columns[k].n;
  return b;
}

static int by_svid(const void *a, const void *b) {
  const struct sample *x = a, *y = b;
  if (x->svid != y->svid) return x->svid < y->svid ? -1 : 1;
  return x->t_us < y->t_us ? -1 : x->t_us > y->t_us;
}

static struct model_block *long_block(struct open_run *o) {
  size_t columns = 0;
  qsort(o->samples, o->n, sizeof *o->samples, by_svid); /* times of an SVID rise strictly: no two are equal */
  for (size_t i = 0; i < o->n; i++) columns += i == 0 || o->samples[i].svid != o->samples[i - 1].svid;
  struct fill f = {0};
  struct model_block *b = model_block_create(columns, o->n, o->n, &f.columns, &f.times, &f.values);
  if (b == NULL) return NULL;
  for (size_t i = 0; i < o->n; i++) {
    const struct sample *s = &o->samples[i];
    f.times[i] = s->t_us;
    f.values[i] = s->v;
    if (i > 0 && s->svid == s[-1].svid) {
      f.columns[f.n_columns - 1].n++;
      continue;
    }
    const struct model_svid *svid = &o->run->chamber->record.svids[s->svid];
    f.columns[f.n_columns++] =
        (struct model_column){.svid = svid->number, .name = svid->name, .n = 1, .t_us = &f.times[i], .v = &f.values[i]};
  }
  b->points = o->n;
  return b;
}

static tfdc_rc flush(struct assemble *a, struct open_run *o, struct tfdc_error *err) {
  if (o->n == 0) return TFDC_OK;
  struct model_block *b = a->plan->map->layout == MAP_LONG ? long_block(o) : wide_block(a, o);
  if (b == NULL) return nomem(err);
  o->n = 0;
  if (b->points == 0) { /* rows without a sample */
    model_block_unref(b);
    return TFDC_OK;
  }
  a->points += b->points;
  const struct model_hub_msg msg = {.kind = MODEL_HUB_BLOCK, .block = b};
  return a->sink->send(a->sink->user, o->handle, &msg, err);
}

/* ---- rows ---- */

/* A step begins where a row that goes on in time names another one. In files that list SVID after SVID only the first
 * one's rows go on in time, so each step begins once. */
static tfdc_rc note_step(struct assemble *a, struct open_run *o, const struct source_row *row, int64_t t_us,
                         struct tfdc_error *err) {
  if (t_us <= o->seen_us) return TFDC_OK;
  o->seen_us = t_us;
  bool same =
      o->in_step && row->has_step && o->step_number == row->step_number && strcmp(o->step_name, row->step_name) == 0;
  if (same || (!o->in_step && !row->has_step)) return TFDC_OK;
  struct model_step step = {.number = o->step_number, .name = o->step_name, .start_us = t_us, .end_us = t_us};
  const struct model_hub_msg msg = {.kind = MODEL_HUB_STEP, .step = &step};
  if (!row->has_step) { /* rows between steps */
    o->in_step = false;
    return a->sink->send(a->sink->user, o->handle, &msg, err);
  }
  o->in_step = true;
  o->step_number = step.number = row->step_number;
  (void)snprintf(o->step_name, sizeof o->step_name, "%s", row->step_name);
  step.end_us = MODEL_NO_TIME;
  return a->sink->send(a->sink->user, o->handle, &msg, err);
}

static const char *keep_long(struct assemble *a, struct open_run *o, const struct source_row *row, int64_t t_us) {
  const struct plan_svid *s = plan_svid(o->run->chamber, row->svid);
  TFDC_ASSERT(s != NULL);
  if (t_us <= o->last_us[s->index]) {
    (void)snprintf(a->why, sizeof a->why, "time of %.60s does not rise in its run", row->svid);
    return a->why;
  }
  o->last_us[s->index] = t_us;
  if (row->has_value) o->samples[o->n++] = (struct sample){(uint32_t)s->index, t_us, row->value};
  return NULL;
}

static void keep_wide(const struct assemble *a, struct open_run *o, const struct source_row *row, int64_t t_us) {
  size_t width = a->plan->n_sensors;
  o->times[o->n] = t_us;
  memcpy(o->values + o->n * width, row->values, width * sizeof *o->values);
  memcpy(o->present + o->n * width, row->present, width * sizeof *o->present);
  o->n++;
}

static tfdc_rc end(struct assemble *a, struct open_run *o, struct tfdc_error *err) {
  TFDC_TRY(flush(a, o, err));
  TFDC_TRY(a->sink->end(a->sink->user, o->handle, o->run, err));
  struct open_run **at = &a->open;
  while (*at != o) at = &(*at)->next;
  *at = o->next;
  a->n_open--;
  o->run->user = NULL;
  free_run(o);
  return TFDC_OK;
}

tfdc_rc assemble_take(struct assemble *a, const struct source_row *row, const char **ret_bad, struct tfdc_error *err) {
  struct plan_run *r = NULL;
  TFDC_TRY(plan_take(a->plan, row, &r, ret_bad, err));
  if (*ret_bad != NULL) { /* the first reading has reported it */
    *ret_bad = NULL;
    return TFDC_OK;
  }
  struct open_run *o = r->user;
  if (o == NULL) TFDC_TRY(begin(a, r, row, &o, err));
  int64_t t_us = plan_time(a->plan, r, row->t_us);
  TFDC_TRY(note_step(a, o, row, t_us, err));
  if (a->plan->map->layout == MAP_LONG)
    *ret_bad = keep_long(a, o, row, t_us);
  else
    keep_wide(a, o, row, t_us);
  if (o->n == a->block_rows) TFDC_TRY(flush(a, o, err));
  return r->seen == r->rows ? end(a, o, err) : TFDC_OK;
}

tfdc_rc assemble_finish(struct assemble *a, struct tfdc_error *err) {
  for (struct plan_run *r = a->plan->first_run; r != NULL; r = r->next)
    if (r->seen != r->rows) return tfdc_fail(err, TFDC_E_CONFLICT, "the file changed while it was read");
  return TFDC_OK;
}
