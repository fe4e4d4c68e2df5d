/* SPDX-License-Identifier: Apache-2.0
 * The trace of one sensor in the alarmed runs and in good runs of the same chamber and recipe. */
#include "app/report/report_priv.h"

#include "app/find.h"
#include "app/json_get.h"
#include "app/report/tchart.h"

#include <stdio.h>
#include <string.h>

/* Points a run, at most: whole runs; runs of which a part is drawn get so many more. */
enum { GOOD_RUNS = 8, RUNS = GOOD_RUNS + 2, STEPS = 64, POINTS = 360, POINTS_MOST = 3000 };
enum { LOOKED_AT = 24 }; /* runs among which the good ones are looked for */
/* A step is drawn with so much of the run around it; one that is longer than so much of the run with all of it. */
#define AROUND     0.3
#define MOST_OF_IT 0.6

struct run {
  char id[33];
  bool alarmed;
  json_t *context; /* owned */
  json_t *trace;   /* owned */
  int64_t start_us, end_us, zero_us;
};
struct set {
  const struct traces_of *of;
  struct run runs[RUNS];
  size_t n;
  bool failed;
};

static void set_deinit(struct set *s) {
  for (size_t i = 0; i < s->n; i++) {
    json_decref(s->runs[i].context);
    json_decref(s->runs[i].trace);
  }
}

/* ---- which runs ---- */

static bool is_in(const struct set *s, const char *id) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->runs[i].id, id) == 0) return true;
  return false;
}

static void add_run(struct set *s, const json_t *item, bool alarmed) {
  json_t *c = json_object_get(item, "context");
  const char *id = json_get_text(c, "context_id");
  if (s->n == RUNS || is_in(s, id)) return;
  struct run *r = &s->runs[s->n++];
  *r = (struct run){.alarmed = alarmed, .context = json_incref(c)};
  (void)snprintf(r->id, sizeof r->id, "%s", id);
  r->start_us = json_get_time(c, "start_us");
  r->end_us = json_get_time(c, "end_us");
  if (r->end_us == MODEL_NO_TIME || r->end_us < r->start_us) r->end_us = r->start_us;
}

struct wanted {
  struct set *set;
  const char *id; /* NULL: a good run of the recipe */
  size_t most;    /* runs in the set */
};

/* Good where the chart was good, when that is known: so it is of the same partition as well. */
static bool is_good(const struct traces_of *of, const char *id) {
  for (size_t i = 0; i < of->n_points; i++)
    if (strcmp(of->points[i].run, id) == 0) return of->points[i].verdict == MODEL_OK;
  return of->n_points == 0;
}

static bool on_run(void *user, json_t *item) {
  struct wanted *w = user;
  const json_t *c = json_object_get(item, "context");
  if (w->id != NULL ? strcmp(w->id, json_get_text(c, "context_id")) == 0
                    : strcmp(w->set->of->recipe, json_get_text(c, "recipe_id")) == 0 &&
                          is_good(w->set->of, json_get_text(c, "context_id")))
    add_run(w->set, item, w->id != NULL);
  return w->set->n < w->most;
}

/* Runs of the chamber with from <= order time < to; 0 = open. */
static tfdc_rc find_runs(struct report *r, struct wanted *w, int64_t from_us, int64_t to_us, bool newest) {
  const struct traces_of *of = w->set->of;
  struct filter f = {.tool = of->tool, .chamber = of->chamber, .from_us = from_us, .to_us = to_us};
  if (w->id == NULL) {
    f.verdict = "OK";
    f.recipe = of->recipe;
  }
  struct filter_params params;
  TFDC_TRY(filter_params(&f, &params, r->err));
  if (newest) filter_add(&params, "newest", "1");
  return client_list(r->client, "/api/v1/runs", params.list, "runs", LOOKED_AT, on_run, w, r->err);
}

static tfdc_rc choose_runs(struct report *r, struct set *s) {
  const struct traces_of *of = s->of;
  for (size_t i = 0; i < TFDC_COUNT(of->runs); i++) {
    struct wanted w = {.set = s, .id = of->runs[i], .most = RUNS};
    if (of->runs[i] != NULL) TFDC_TRY(find_runs(r, &w, of->order_us[i], of->order_us[i] + 1, false));
  }
  struct wanted good = {.set = s, .most = s->n + GOOD_RUNS};
  TFDC_TRY(find_runs(r, &good, 0, of->opened_us, true));
  if (s->n < good.most) TFDC_TRY(find_runs(r, &good, of->updated_us, 0, false));
  return TFDC_OK;
}

/* ---- time ---- */

/* The first step of the name or of the number; NULL where the run has none. */
static const json_t *step_of(const struct run *r, const struct report_step *wanted) {
  const json_t *steps = json_object_get(r->context, "steps");
  for (size_t i = 0; i < json_array_size(steps); i++) {
    const json_t *s = json_array_get(steps, i);
    if (wanted->name != NULL ? strcmp(json_get_text(s, "name"), wanted->name) == 0
                             : wanted->has_number && json_get_int(s, "number", -1) == wanted->number)
      return s;
  }
  return NULL;
}

static int64_t end_of_step(const struct run *r, size_t i) {
  const json_t *steps = json_object_get(r->context, "steps");
  int64_t end = json_get_time(json_array_get(steps, i), "end_us");
  if (end != MODEL_NO_TIME) return end;
  return i + 1 < json_array_size(steps) ? json_get_time(json_array_get(steps, i + 1), "start_us") : r->end_us;
}

/* Where 0 s is in each run; true: at the start of the step, which every run has. */
static bool align(struct set *s) {
  bool all = true;
  for (size_t i = 0; i < s->n; i++) all = all && step_of(&s->runs[i], &s->of->step) != NULL;
  for (size_t i = 0; i < s->n; i++)
    s->runs[i].zero_us = all ? json_get_time(step_of(&s->runs[i], &s->of->step), "start_us") : s->runs[i].start_us;
  return all;
}

static double seconds(int64_t us) { return (double)us / 1e6; }

/* What is drawn: the step and some of the run around it, or the whole run. */
static void choose_window(const struct set *s, bool by_step, struct tchart *c) {
  const struct run *first = &s->runs[0];
  c->from_s = INFINITY;
  c->to_s = -INFINITY;
  c->focus_from_s = c->focus_to_s = NAN;
  for (size_t i = 0; i < s->n; i++) {
    c->from_s = fmin(c->from_s, seconds(s->runs[i].start_us - s->runs[i].zero_us));
    c->to_s = fmax(c->to_s, seconds(s->runs[i].end_us - s->runs[i].zero_us));
  }
  if (!by_step) return;
  const json_t *steps = json_object_get(first->context, "steps"), *step = step_of(first, &s->of->step);
  for (size_t i = 0; i < json_array_size(steps); i++) {
    if (json_array_get(steps, i) != step) continue;
    double lasts = seconds(end_of_step(first, i) - first->zero_us);
    if (!(lasts > 0)) return;
    c->focus_from_s = 0;
    c->focus_to_s = lasts;
    if (lasts > MOST_OF_IT * (c->to_s - c->from_s)) return;
    c->from_s = fmax(c->from_s, -AROUND * lasts);
    c->to_s = fmin(c->to_s, (1 + AROUND) * lasts);
  }
}

static const char *name_of_step(struct report *r, const json_t *step) {
  const char *name = json_get_text(step, "name");
  char text[40];
  if (name[0] != '\0') return name;
  (void)snprintf(text, sizeof text, "step %lld", (long long)json_get_int(step, "number", 0));
  return tfdc_arena_strdup(&r->mem, text);
}

static size_t put_steps(struct report *report, const struct run *r, struct tchart_step *to) {
  const json_t *steps = json_object_get(r->context, "steps");
  size_t n = json_array_size(steps) < STEPS ? json_array_size(steps) : STEPS;
  for (size_t i = 0; i < n; i++) {
    const json_t *s = json_array_get(steps, i);
    to[i] = (struct tchart_step){.name = name_of_step(report, s),
                                 .from_s = seconds(json_get_time(s, "start_us") - r->zero_us),
                                 .to_s = seconds(end_of_step(r, i) - r->zero_us)};
  }
  return n;
}

/* ---- traces ---- */

static const char *label_of(const struct set *s, size_t i) {
  bool several = s->n > 1 && s->runs[1].alarmed;
  return !several ? "alarmed run" : i == 0 ? "worst run" : "first run";
}

static tfdc_rc load_trace(struct report *r, struct set *s, struct run *run, double share) {
  char path[128], most[24];
  double points = POINTS / fmax(share, 1e-3);
  (void)snprintf(most, sizeof most, "%d", points < POINTS_MOST ? (int)points : POINTS_MOST);
  find_run_path(run->id, "/trace", path, sizeof path);
  const char *const params[] = {"svid", s->of->svid, "max", most, NULL};
  tfdc_rc rc = client_get(r->client, path, params, &run->trace, r->err);
  /* An expired or a broken trace is left out; what can't be asked at all is a failure. */
  tfdc_class class = tfdc_rc_class(rc);
  return class == TFDC_CLASS_IO || class == TFDC_CLASS_BUSY || rc == TFDC_E_NOMEM ? rc : TFDC_OK;
}

/* "press in wafer W3 (worst run) and wafer W1 (first run) over good runs of the same chamber and recipe" */
static const char *title_of(struct report *r, const struct set *s, bool good) {
  struct tfdc_buf text = {0};
  tfdc_put_fmt(&text, "%s in ", s->of->svid);
  for (size_t i = 0; i < s->n && s->runs[i].alarmed; i++) {
    const char *wafer = json_get_text(s->runs[i].context, "substrate_id");
    tfdc_put_fmt(&text, "%s", i > 0 ? " and " : "");
    if (wafer[0] != '\0')
      tfdc_put_fmt(&text, "wafer %s (%s)", wafer, label_of(s, i));
    else
      tfdc_put_fmt(&text, "the %s", label_of(s, i));
  }
  tfdc_put_fmt(&text,
               good ? " over good runs of the same chamber and recipe" : "; no good run of the same kind is there");
  const char *copy = text.failed ? NULL : tfdc_arena_strndup(&r->mem, (char *)text.data, text.size);
  tfdc_buf_deinit(&text);
  return copy;
}

/* False: there is nothing to draw. */
static bool take_trace(struct report *r, const struct run *run, const char *label, struct tchart_run *ret,
                       const char **unit) {
  const json_t *series = json_array_get(json_object_get(run->trace, "series"), 0);
  const json_t *t = json_object_get(series, "t_us"), *v = json_object_get(series, "v");
  size_t n = json_array_size(t);
  double *times = tfdc_arena_array(&r->mem, n + 1, sizeof *times),
         *values = tfdc_arena_array(&r->mem, n + 1, sizeof *values);
  if (n == 0 || json_array_size(v) != n || times == NULL || values == NULL) return false;
  for (size_t i = 0; i < n; i++) {
    const json_t *value = json_array_get(v, i);
    times[i] = seconds((int64_t)json_integer_value(json_array_get(t, i)) - run->zero_us);
    values[i] = json_is_number(value) ? json_number_value(value) : NAN;
  }
  *ret = (struct tchart_run){.label = label, .alarmed = run->alarmed, .t_s = times, .v = values, .n = n};
  if (json_get_text(series, "unit")[0] != '\0') *unit = json_get_text(series, "unit");
  return true;
}

static tfdc_rc draw(struct report *r, struct set *s) {
  struct tchart_step steps[STEPS];
  struct tchart_run runs[RUNS];
  char step[320], zero[340];
  bool by_step = align(s);
  struct tchart c = {.id = s->of->id, .zero = zero, .runs = runs, .steps = steps};
  choose_window(s, by_step, &c);
  double whole = seconds(s->runs[0].end_us - s->runs[0].start_us);
  bool alarmed = false, good = false;
  for (size_t i = 0; i < s->n; i++) {
    TFDC_TRY(load_trace(r, s, &s->runs[i], (c.to_s - c.from_s) / fmax(whole, 1e-3)));
    if (!take_trace(r, &s->runs[i], label_of(s, i), &runs[c.n], &c.unit)) continue;
    alarmed |= s->runs[i].alarmed;
    good |= !s->runs[i].alarmed;
    c.n++;
  }
  if (!alarmed) {
    html_put(r->page, "<p class=\"empty\">No trace of the alarmed run: it has expired, or the sensor ");
    html_text(r->page, s->of->svid);
    html_put(r->page, " is not in it.</p>\n");
    return TFDC_OK;
  }
  c.n_steps = put_steps(r, &s->runs[0], steps);
  const struct report_step none = {.name = NULL};
  (void)snprintf(zero, sizeof zero, "start of %s", fact_step_text(by_step ? &s->of->step : &none, step));
  c.title = title_of(r, s, good);
  tchart_draw(r->page, &c);
  r->sum->traces++;
  return TFDC_OK;
}

tfdc_rc traces_draw(struct report *r, const struct traces_of *of) {
  struct set s = {.of = of};
  tfdc_rc rc = choose_runs(r, &s);
  if (rc == TFDC_OK && s.n > 0 && s.runs[0].alarmed) rc = draw(r, &s);
  set_deinit(&s);
  return rc;
}
