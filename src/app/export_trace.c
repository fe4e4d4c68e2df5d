/* SPDX-License-Identifier: Apache-2.0 */
#include "app/export_trace.h"

#include "app/csv_out.h"
#include "app/find.h"
#include "app/json_get.h"
#include "app/text_out.h"
#include "model/json_out.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FLUSH_BYTES = 1 << 16, SVIDS_AT_ONCE = 16, POINTS_AT_ONCE = 500000 };

/* ---- series ---- */

struct series {
  char *name, *unit;
  int64_t *t_us;
  double *v;
  size_t n, at;
};

static void free_series(struct series *s) {
  free(s->name);
  free(s->unit);
  free(s->t_us);
  free(s->v);
  *s = (struct series){0};
}

static tfdc_rc read_series(const json_t *j, struct series *ret, struct tfdc_error *err) {
  const json_t *t = json_object_get(j, "t_us"), *v = json_object_get(j, "v");
  size_t n = json_array_size(t);
  if (n != json_array_size(v)) return tfdc_fail(err, TFDC_E_MALFORMED, "a trace of the server cannot be read");
  struct series s = {.name = strdup(json_get_text(j, "svid")),
                     .unit = strdup(json_get_text(j, "unit")),
                     .t_us = malloc((n + 1) * sizeof(int64_t)),
                     .v = malloc((n + 1) * sizeof(double)),
                     .n = n};
  if (s.name == NULL || s.unit == NULL || s.t_us == NULL || s.v == NULL) {
    free_series(&s);
    return tfdc_fail(err, TFDC_E_NOMEM, "trace");
  }
  for (size_t i = 0; i < n; i++) {
    const json_t *one = json_array_get(v, i);
    s.t_us[i] = json_integer_value(json_array_get(t, i));
    s.v[i] = json_is_number(one) ? json_number_value(one) : NAN;
  }
  *ret = s;
  return TFDC_OK;
}

/* ---- lines ---- */

struct writer {
  struct export_trace *t;
  const char *id;
  const json_t *context;
  int64_t start_us;
  struct tfdc_buf b;
  struct series *kept; /* of the wide form */
  size_t n_kept, kept_points;
};

static const char *step_at(const json_t *steps, int64_t us) {
  const char *name = "";
  for (size_t i = 0; i < json_array_size(steps); i++) {
    const json_t *s = json_array_get(steps, i);
    int64_t end = json_get_time(s, "end_us");
    if (json_get_time(s, "start_us") <= us && (end == MODEL_NO_TIME || us < end)) name = json_get_text(s, "name");
  }
  return name;
}

static void flush_lines(struct writer *w, size_t above) {
  if (w->b.size <= above) return;
  (void)fwrite(w->b.data, 1, w->b.size, w->t->out);
  w->b.size = 0;
}

/* Seconds since the start with all their microseconds: no rounding. */
static void put_elapsed(struct tfdc_buf *b, int64_t us) {
  uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
  tfdc_put_fmt(b, "%s%" PRIu64 ".%06u", us < 0 ? "-" : "", size / 1000000, (unsigned)(size % 1000000));
}

static void put_head(struct writer *w, int64_t us) {
  char time[40];
  csv_put_text(&w->b, w->id);
  csv_next(&w->b);
  csv_put_text(&w->b, text_time_exact(us, time));
  csv_next(&w->b);
  put_elapsed(&w->b, us - w->start_us);
  csv_next(&w->b);
  csv_put_text(&w->b, step_at(json_object_get(w->context, "steps"), us));
}

static void put_long(struct writer *w, const struct series *s) {
  if (!w->t->said_titles) tfdc_put_fmt(&w->b, "context_id,time,elapsed_s,step,svid,unit,value\r\n");
  w->t->said_titles = true;
  for (size_t i = 0; i < s->n; i++) {
    put_head(w, s->t_us[i]);
    csv_next(&w->b);
    csv_put_text(&w->b, s->name);
    csv_next(&w->b);
    csv_put_text(&w->b, s->unit);
    csv_next(&w->b);
    csv_put_real(&w->b, s->v[i]);
    csv_end_line(&w->b);
    flush_lines(w, FLUSH_BYTES);
  }
}

static void put_json_series(struct writer *w, const struct series *s) {
  struct model_json j = model_json_on(&w->b);
  model_json_open(&j, NULL, '{');
  model_json_text(&j, "context_id", w->id);
  model_json_text(&j, "svid", s->name);
  model_json_text(&j, "unit", s->unit);
  model_json_open(&j, "t_us", '[');
  for (size_t i = 0; i < s->n; i++) model_json_int(&j, NULL, s->t_us[i]);
  model_json_close(&j, ']');
  model_json_open(&j, "v", '[');
  for (size_t i = 0; i < s->n; i++) model_json_real(&j, NULL, s->v[i]);
  model_json_close(&j, ']');
  model_json_close(&j, '}');
  tfdc_put_u8(&w->b, '\n');
  flush_lines(w, 0);
}

static void put_wide_titles(struct writer *w) {
  tfdc_put_fmt(&w->b, "context_id,time,elapsed_s,step");
  for (size_t i = 0; i < w->n_kept; i++) {
    csv_next(&w->b);
    csv_put_title(&w->b, w->kept[i].name, w->kept[i].unit);
  }
  csv_end_line(&w->b);
}

/* One line for each time at which any SVID has a reading. */
static void put_wide(struct writer *w) {
  put_wide_titles(w);
  for (;;) {
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < w->n_kept; i++) {
      const struct series *s = &w->kept[i];
      if (s->at < s->n && s->t_us[s->at] < next) next = s->t_us[s->at];
    }
    if (next == INT64_MAX || ferror(w->t->out)) return;
    put_head(w, next);
    for (size_t i = 0; i < w->n_kept; i++) {
      struct series *s = &w->kept[i];
      csv_next(&w->b);
      if (s->at < s->n && s->t_us[s->at] == next) csv_put_real(&w->b, s->v[s->at++]);
    }
    csv_end_line(&w->b);
    flush_lines(w, FLUSH_BYTES);
  }
}

/* Takes over what s holds. */
static tfdc_rc put_series(struct writer *w, struct series *s, struct tfdc_error *err) {
  w->t->points += (double)s->n;
  cli_progress_update(w->t->progress, w->t->points, 0);
  if (!w->t->wide || w->t->json) {
    if (w->t->json)
      put_json_series(w, s);
    else
      put_long(w, s);
    free_series(s);
    return TFDC_OK;
  }
  w->kept[w->n_kept++] = *s;
  w->kept_points += s->n;
  if (w->kept_points <= EXPORT_WIDE_POINTS) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_LIMIT,
                   "--wide holds the run in memory, at most %d readings: name fewer SVIDs with "
                   "--svid, or leave --wide out",
                   EXPORT_WIDE_POINTS);
}

/* ---- the run ---- */

static bool keep_chamber(void *user, json_t *chamber) {
  *(json_t **)user = json_incref(chamber);
  return false;
}

/* The names asked for, or all of the chamber's dictionary: a new array of texts. */
static tfdc_rc names_of(struct export_trace *t, const json_t *context, json_t **ret, struct tfdc_error *err) {
  json_t *names = json_array(), *chamber = NULL;
  bool ok = names != NULL;
  for (size_t i = 0; ok && i < t->svids->n; i++)
    ok = json_array_append_new(names, json_string(t->svids->items[i])) == 0;
  tfdc_rc rc = TFDC_OK;
  if (t->svids->n == 0) {
    const char *const params[] = {"tool", json_get_text(context, "tool"), "chamber", json_get_text(context, "chamber"),
                                  NULL};
    rc = client_list(t->client, "/api/v1/chambers", params, "chambers", 1, keep_chamber, &chamber, err);
  }
  const json_t *svids = json_object_get(chamber, "svids");
  for (size_t i = 0; ok && i < json_array_size(svids); i++)
    ok = json_array_append(names, json_object_get(json_array_get(svids, i), "name")) == 0;
  json_decref(chamber);
  if (rc == TFDC_OK && !ok) rc = tfdc_fail(err, TFDC_E_NOMEM, "SVIDs");
  if (rc == TFDC_OK)
    *ret = names;
  else
    json_decref(names);
  return rc;
}

static tfdc_rc write_some(struct writer *w, const json_t *names, size_t from, size_t n, struct tfdc_error *err) {
  const char *params[2 * SVIDS_AT_ONCE + 1] = {NULL};
  char path[128];
  for (size_t i = 0; i < n; i++) {
    params[2 * i] = "svid";
    params[2 * i + 1] = json_string_value(json_array_get(names, from + i));
  }
  find_run_path(w->id, "/trace", path, sizeof path);
  json_t *answer = NULL;
  TFDC_TRY(client_get(w->t->client, path, params, &answer, err));
  const json_t *list = json_object_get(answer, "series");
  tfdc_rc rc = TFDC_OK;
  for (size_t i = 0; i < json_array_size(list) && rc == TFDC_OK; i++) {
    struct series s = {0};
    rc = read_series(json_array_get(list, i), &s, err);
    if (rc == TFDC_OK && s.n == 0 && w->t->svids->n == 0)
      free_series(&s);
    else if (rc == TFDC_OK)
      rc = put_series(w, &s, err);
  }
  json_decref(answer);
  return rc;
}

static tfdc_rc write_run(struct writer *w, const json_t *names, struct tfdc_error *err) {
  size_t n = json_array_size(names);
  double each = (double)json_get_int(w->context, "points", 0) / (double)(n > 0 ? n : 1);
  size_t at_once = each * SVIDS_AT_ONCE < POINTS_AT_ONCE ? SVIDS_AT_ONCE : (size_t)(POINTS_AT_ONCE / each) + 1;
  for (size_t i = 0; i < n && !ferror(w->t->out); i += at_once)
    TFDC_TRY(write_some(w, names, i, n - i < at_once ? n - i : at_once, err));
  if (w->t->wide && !w->t->json) put_wide(w);
  flush_lines(w, 0);
  return w->b.failed ? tfdc_fail(err, TFDC_E_NOMEM, "a line") : TFDC_OK;
}

tfdc_rc export_trace(struct export_trace *t, const char id[33], struct tfdc_error *err) {
  char path[128];
  json_t *run = NULL, *names = NULL;
  find_run_path(id, "", path, sizeof path);
  TFDC_TRY(client_get(t->client, path, NULL, &run, err));
  const json_t *context = json_object_get(run, "context");
  struct writer w = {.t = t, .id = id, .context = context, .start_us = json_get_time(context, "start_us")};
  tfdc_rc rc = names_of(t, context, &names, err);
  w.kept = rc == TFDC_OK ? calloc(json_array_size(names) + 1, sizeof *w.kept) : NULL;
  if (rc == TFDC_OK && w.kept == NULL) rc = tfdc_fail(err, TFDC_E_NOMEM, "traces");
  if (rc == TFDC_OK) rc = write_run(&w, names, err);
  for (size_t i = 0; i < w.n_kept; i++) free_series(&w.kept[i]);
  free(w.kept);
  tfdc_buf_deinit(&w.b);
  json_decref(names);
  json_decref(run);
  return rc;
}
