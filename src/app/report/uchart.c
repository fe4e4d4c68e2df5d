/* SPDX-License-Identifier: Apache-2.0
 * The frame of a U-chart: axes, limits, the line. */
#include "app/report/uchart_priv.h"

#include "app/report/html.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The limits take this part of their distance more on each side; points farther out enlarge it up to the second. What
 * lies beyond becomes an arrow at the edge, so that one spike does not flatten the chart. */
#define ROOM      0.2
#define ROOM_MOST 1.25
/* A pause of so many usual intervals is shown as a gap. */
enum { GAP_INTERVALS = 8, Y_TICKS = 5, X_TICKS = 8 };

const char *uchart_unit(const char *unit) { return unit == NULL || strcmp(unit, "1") == 0 ? "" : unit; }

/* ---- scale ---- */

static void include(double v, double *lo, double *hi) {
  if (!isfinite(v)) return;
  if (!(*lo <= v)) *lo = v;
  if (!(*hi >= v)) *hi = v;
}

static void choose_scale(struct uchart_frame *f) {
  const struct uchart *c = f->c;
  double lo = NAN, hi = NAN, low = NAN, high = NAN; /* of limits; of values */
  for (size_t i = 0; i < c->n; i++) {
    const struct uchart_point *p = &c->points[i];
    include(p->ucl, &lo, &hi);
    include(p->lcl, &lo, &hi);
    include(p->centre, &lo, &hi);
    include(p->value, &low, &high);
  }
  if (!(hi > lo)) { /* no limits, or a centre alone */
    include(low, &lo, &hi);
    include(high, &lo, &hi);
    scale_widen(&lo, &hi);
  }
  double height = hi - lo;
  f->y.lo = fmax(fmin(lo - ROOM * height, low - ROOM / 4 * height), lo - ROOM_MOST * height);
  f->y.hi = fmin(fmax(hi + ROOM * height, high + ROOM / 4 * height), hi + ROOM_MOST * height);
  scale_widen(&f->y.lo, &f->y.hi);
}

/* ---- axes ---- */

static void put_line(struct tfdc_buf *b, const char *class, double x1, double y1, double x2, double y2) {
  html_fmt(b, "<line class=\"%s\" x1=\"", class);
  html_coordinate(b, x1);
  html_put(b, "\" y1=\"");
  html_coordinate(b, y1);
  html_put(b, "\" x2=\"");
  html_coordinate(b, x2);
  html_put(b, "\" y2=\"");
  html_coordinate(b, y2);
  html_put(b, "\"/>");
}

static void put_y_axis(struct tfdc_buf *b, const struct uchart_frame *f) {
  struct ticks t = scale_ticks(f->y.lo, f->y.hi, Y_TICKS);
  char text[40];
  for (size_t i = 0; i < t.n; i++) {
    double y = scale_at(&f->y, scale_tick(&t, i));
    put_line(b, "grid", UCHART_LEFT, y, UCHART_RIGHT, y);
    html_fmt(b, "<text class=\"tick end\" x=\"%d\" y=\"%.1f\">%s</text>", UCHART_LEFT - 8, y + 4,
             scale_tick_text(&t, i, text));
  }
  const char *unit = uchart_unit(f->c->unit);
  if (unit[0] == '\0') return;
  html_fmt(b, "<text class=\"tick end\" x=\"%d\" y=\"%d\">", UCHART_LEFT - 8, UCHART_TOP - 8);
  html_text_cut(b, unit, 12);
  html_put(b, "</text>");
}

/* "11-25 08:00" */
static void put_short_time(struct tfdc_buf *b, int64_t us) {
  char text[32];
  if (us == MODEL_NO_TIME) return;
  (void)tfdc_wall_format((tfdc_wall){us}, text);
  if (strlen(text) < 16 || text[10] != 'T') return;
  html_fmt(b, "%.5s %.5s", text + 5, text + 11);
}

static void put_x_axis(struct tfdc_buf *b, const struct uchart_frame *f) {
  put_line(b, "axis", UCHART_LEFT, UCHART_BOTTOM, UCHART_RIGHT, UCHART_BOTTOM);
  struct ticks t = scale_ticks(1, (double)f->c->n, X_TICKS);
  if (t.step < 1) t = (struct ticks){.first = 1, .step = 1, .n = f->c->n};
  for (size_t k = 0; k < t.n; k++) {
    size_t i = (size_t)scale_tick(&t, k) - 1;
    double x = uchart_x(f, i);
    put_line(b, "axis", x, UCHART_BOTTOM, x, UCHART_BOTTOM + 4);
    html_fmt(b, "<text class=\"tick mid\" x=\"%.1f\" y=\"%d\">%zu</text>", x, UCHART_BOTTOM + 19, i + 1);
    html_fmt(b, "<text class=\"tick mid faint\" x=\"%.1f\" y=\"%d\">", x, UCHART_BOTTOM + 34);
    put_short_time(b, f->c->points[i].order_us);
    html_put(b, "</text>");
  }
  html_fmt(b,
           "<text class=\"tick\" x=\"%d\" y=\"%d\">run</text><text class=\"tick faint\" x=\"%d\" y=\"%d\">ended, "
           "UTC</text>",
           UCHART_RIGHT + 48, UCHART_BOTTOM + 19, UCHART_RIGHT + 48, UCHART_BOTTOM + 34);
}

/* ---- what lies behind the points ---- */

static void put_episode(struct tfdc_buf *b, const struct uchart_frame *f) {
  const struct uchart *c = f->c;
  size_t first = c->n, last = 0;
  if (c->episode_from_us == MODEL_NO_TIME) return;
  for (size_t i = 0; i < c->n; i++) {
    if (c->points[i].order_us < c->episode_from_us || c->points[i].order_us > c->episode_to_us) continue;
    if (first == c->n) first = i;
    last = i;
  }
  if (first == c->n) return;
  html_fmt(b, "<rect class=\"episode\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>",
           uchart_x(f, first) - f->dx / 2, UCHART_TOP, (double)(last - first + 1) * f->dx, UCHART_BOTTOM - UCHART_TOP);
}

enum level { LEVEL_CENTRE, LEVEL_UCL, LEVEL_LCL, LEVEL_WARN_UP, LEVEL_WARN_LOW };

static double level_of(const struct uchart *c, size_t i, enum level level) {
  const struct uchart_point *p = &c->points[i];
  switch (level) {
  case LEVEL_UCL: return p->ucl;
  case LEVEL_LCL: return p->lcl;
  case LEVEL_WARN_UP: return p->centre + c->warn_at * (p->ucl - p->centre);
  case LEVEL_WARN_LOW: return p->centre + c->warn_at * (p->lcl - p->centre);
  default: return p->centre;
  }
}

/* Steps in time: each run has the limits that judged it. */
static void put_level(struct tfdc_buf *b, const struct uchart_frame *f, const char *class, enum level level) {
  double before = NAN;
  bool open = false;
  for (size_t i = 0; i < f->c->n; i++) {
    double v = level_of(f->c, i, level), x = uchart_x(f, i) - f->dx / 2;
    if (!isfinite(v) || !uchart_is_shown(f, v)) v = NAN;
    if (!isnan(v)) {
      if (!open) html_fmt(b, "<path class=\"%s\" d=\"", class);
      open = true;
      if (isnan(before)) {
        html_put(b, "M");
        html_coordinate(b, x);
        html_put(b, " ");
        html_coordinate(b, scale_at(&f->y, v));
      } else if (v != before) {
        html_put(b, "V");
        html_coordinate(b, scale_at(&f->y, v));
      }
      if (i + 1 == f->c->n || level_of(f->c, i + 1, level) != v) {
        html_put(b, "H");
        html_coordinate(b, x + f->dx);
      }
    }
    before = v;
  }
  if (open) html_put(b, "\"/>");
}

static void put_action_limit(struct tfdc_buf *b, const struct uchart_frame *f, double v) {
  if (uchart_is_shown(f, v)) put_line(b, "action", UCHART_LEFT, scale_at(&f->y, v), UCHART_RIGHT, scale_at(&f->y, v));
}

static int rising(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Intervals longer than this are gaps. */
static int64_t gap_of(const struct uchart *c) {
  int64_t *intervals = c->n > 2 ? malloc((c->n - 1) * sizeof *intervals) : NULL;
  if (intervals == NULL) return INT64_MAX;
  for (size_t i = 0; i + 1 < c->n; i++) intervals[i] = c->points[i + 1].order_us - c->points[i].order_us;
  qsort(intervals, c->n - 1, sizeof *intervals, rising);
  int64_t usual = intervals[(c->n - 1) / 2];
  free(intervals);
  return usual > 0 && usual < INT64_MAX / GAP_INTERVALS ? usual * GAP_INTERVALS : INT64_MAX;
}

static void put_gap(struct tfdc_buf *b, const struct uchart_frame *f, size_t i) {
  double x = uchart_x(f, i) + f->dx / 2;
  put_line(b, "gap", x, UCHART_TOP, x, UCHART_BOTTOM);
  html_fmt(b, "<text class=\"note mid\" x=\"%.1f\" y=\"%d\">", x, UCHART_TOP - 8);
  html_duration(b, f->c->points[i + 1].order_us - f->c->points[i].order_us);
  html_put(b, "</text>");
}

static void put_version(struct tfdc_buf *b, const struct uchart_frame *f, size_t i) {
  double x = uchart_x(f, i) + f->dx / 2;
  put_line(b, "version", x, UCHART_TOP, x, UCHART_BOTTOM);
  html_fmt(b, "<text class=\"note\" x=\"%.1f\" y=\"%d\">limits %u</text>", x + 3, UCHART_TOP + 10,
           f->c->points[i + 1].limit_version);
}

static bool breaks(const struct uchart_point *a, const struct uchart_point *b, int64_t gap) {
  return b->order_us - a->order_us > gap || a->limit_version != b->limit_version;
}

/* Markers between runs: pauses, new limits. */
static void put_markers(struct tfdc_buf *b, const struct uchart_frame *f, int64_t gap) {
  const struct uchart_point *p = f->c->points;
  double free_from = 0; /* texts do not cover each other */
  for (size_t i = 0; i + 1 < f->c->n; i++) {
    bool room = uchart_x(f, i) >= free_from;
    if (!breaks(&p[i], &p[i + 1], gap) || !room) continue;
    free_from = uchart_x(f, i) + 56;
    if (p[i + 1].limit_version != p[i].limit_version && p[i + 1].limit_version != 0 && p[i].limit_version != 0)
      put_version(b, f, i);
    else if (p[i + 1].order_us - p[i].order_us > gap)
      put_gap(b, f, i);
  }
}

/* Joins points within one version of the limits, and not over a pause or a run without a value. */
static void put_line_of_points(struct tfdc_buf *b, const struct uchart_frame *f, int64_t gap) {
  const struct uchart_point *p = f->c->points, *before = NULL;
  html_fmt(b, "<g clip-path=\"url(#clip-u)\"><path class=\"joined\" d=\"");
  for (size_t i = 0; i < f->c->n; i++) {
    if (!isfinite(p[i].value)) {
      before = NULL;
      continue;
    }
    html_put(b, before == NULL || breaks(before, &p[i], gap) ? "M" : "L");
    html_coordinate(b, uchart_x(f, i));
    html_put(b, " ");
    html_coordinate(b, scale_at(&f->y, fmax(fmin(p[i].value, 2 * f->y.hi - f->y.lo), 2 * f->y.lo - f->y.hi)));
    before = &p[i];
  }
  html_put(b, "\"/></g>");
}

/* ---- the whole ---- */

void uchart_draw(struct tfdc_buf *b, const struct uchart *c) {
  struct uchart_frame f = {.c = c, .y = {.from = UCHART_BOTTOM, .to = UCHART_TOP}};
  html_fmt(b, "<figure class=\"chart u\" id=\"%s\"><figcaption>", c->id);
  html_text(b, c->title);
  html_put(b, "</figcaption>");
  if (c->n == 0) {
    html_put(b, "<p class=\"empty\">No points.</p></figure>\n");
    return;
  }
  f.dx = (double)(UCHART_RIGHT - UCHART_LEFT) / (double)c->n;
  choose_scale(&f);
  int64_t gap = gap_of(c);
  html_fmt(b,
           "<svg viewBox=\"0 0 %d %d\" role=\"img\" tabindex=\"0\" aria-labelledby=\"%s-t %s-d\" data-x=\"%d\" "
           "data-dx=\"%.4f\"><title id=\"%s-t\">",
           UCHART_WIDTH, UCHART_HEIGHT, c->id, c->id, UCHART_LEFT, f.dx, c->id);
  html_text(b, c->title);
  html_fmt(b, "</title><desc id=\"%s-d\">", c->id);
  uchart_put_summary(b, c);
  html_put(b, "</desc>");
  put_episode(b, &f);
  put_y_axis(b, &f);
  put_level(b, &f, "warn-limit", LEVEL_WARN_UP);
  put_level(b, &f, "warn-limit", LEVEL_WARN_LOW);
  put_level(b, &f, "limit", LEVEL_UCL);
  put_level(b, &f, "limit", LEVEL_LCL);
  put_level(b, &f, "centre", LEVEL_CENTRE);
  put_action_limit(b, &f, c->action_ucl);
  put_action_limit(b, &f, c->action_lcl);
  put_markers(b, &f, gap);
  put_line_of_points(b, &f, gap);
  put_x_axis(b, &f);
  uchart_put_marks(b, &f);
  uchart_put_limit_labels(b, &f);
  html_put(b, "</svg>");
  uchart_put_table(b, c);
  html_put(b, "</figure>\n");
}
