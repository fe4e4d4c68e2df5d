/* SPDX-License-Identifier: Apache-2.0 */
#include "app/report/tchart.h"

#include "app/report/html.h"
#include "app/report/scale.h"
#include "app/report/uchart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 960, LEFT = 74, RIGHT = 836, X_TICKS = 10, Y_TICKS = 5, GRID = 240, GOOD_MAX = 64 };
enum { TOP = 26, BOTTOM = 206, LOW_TOP = 236, LOW_BOTTOM = 316, HEIGHT = 356 };

struct panel {
  struct scale x, y;
  const char *clip;
};
/* What the good runs do at the times of the lower panel. */
struct band {
  double low[GRID], high[GRID], middle[GRID];
  bool known; /* two good runs and more */
};

double tchart_at(const struct tchart_run *r, double t_s) {
  size_t lo = 0, hi = r->n;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (r->t_s[mid] <= t_s)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (lo == 0) return NAN;
  if (r->t_s[lo - 1] == t_s) return r->v[lo - 1];
  if (lo == r->n) return NAN;
  double part = (t_s - r->t_s[lo - 1]) / (r->t_s[lo] - r->t_s[lo - 1]);
  return r->v[lo - 1] + part * (r->v[lo] - r->v[lo - 1]);
}

/* ---- scales ---- */

static void include(double v, double *lo, double *hi) {
  if (!isfinite(v)) return;
  if (!(*lo <= v)) *lo = v;
  if (!(*hi >= v)) *hi = v;
}

static struct scale value_scale(const struct tchart *c) {
  struct scale y = {.lo = NAN, .hi = NAN, .from = BOTTOM, .to = TOP};
  double from = isnan(c->focus_from_s) ? c->from_s : c->focus_from_s,
         to = isnan(c->focus_to_s) ? c->to_s : c->focus_to_s;
  for (size_t i = 0; i < c->n; i++)
    for (size_t k = 0; k < c->runs[i].n; k++)
      if (c->runs[i].t_s[k] >= from && c->runs[i].t_s[k] <= to) include(c->runs[i].v[k], &y.lo, &y.hi);
  scale_widen(&y.lo, &y.hi);
  double room = (y.hi - y.lo) * 0.06;
  y.lo -= room;
  y.hi += room;
  return y;
}

static double grid_time(const struct tchart *c, size_t k) {
  return c->from_s + (c->to_s - c->from_s) * (double)k / (GRID - 1);
}

static int rising(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void fill_band(const struct tchart *c, struct band *band) {
  for (size_t k = 0; k < GRID; k++) {
    double v[GOOD_MAX];
    size_t n = 0;
    for (size_t i = 0; i < c->n && n < GOOD_MAX; i++) {
      double at = c->runs[i].alarmed ? NAN : tchart_at(&c->runs[i], grid_time(c, k));
      if (isfinite(at)) v[n++] = at;
    }
    qsort(v, n, sizeof *v, rising);
    bool enough = n >= 2;
    band->known |= enough;
    band->low[k] = enough ? v[0] : NAN;
    band->high[k] = enough ? v[n - 1] : NAN;
    band->middle[k] = enough ? (v[(n - 1) / 2] + v[n / 2]) / 2 : NAN;
  }
}

/* ---- pieces ---- */

static void put_point(struct tfdc_buf *b, const char *move, const struct panel *p, double t, double v) {
  html_put(b, move);
  html_coordinate(b, scale_at(&p->x, t));
  html_put(b, " ");
  html_coordinate(b, scale_at(&p->y, fmax(fmin(v, 2 * p->y.hi - p->y.lo), 2 * p->y.lo - p->y.hi)));
}

static void put_trace(struct tfdc_buf *b, const struct panel *p, const struct tchart_run *r, const char *class) {
  bool open = false, any = false;
  for (size_t i = 0; i < r->n; i++) {
    if (!isfinite(r->v[i])) {
      open = false;
      continue;
    }
    if ((r->t_s[i] < p->x.lo && i + 1 < r->n && r->t_s[i + 1] < p->x.lo) ||
        (r->t_s[i] > p->x.hi && i > 0 && r->t_s[i - 1] > p->x.hi))
      continue;
    if (!any) html_fmt(b, "<path class=\"%s\" d=\"", class);
    put_point(b, open ? "L" : "M", p, r->t_s[i], r->v[i]);
    open = any = true;
  }
  if (any) html_put(b, "\"/>");
}

static void put_rect(struct tfdc_buf *b, const char *class, double x1, double x2, double y1, double y2) {
  html_fmt(b, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class, x1, y1, x2 - x1,
           y2 - y1);
}

static void put_steps(struct tfdc_buf *b, const struct tchart *c, const struct panel *p, double bottom) {
  double free_from = 0;
  for (size_t i = 0; i < c->n_steps; i++) {
    const struct tchart_step *s = &c->steps[i];
    double from = fmax(s->from_s, p->x.lo), to = fmin(s->to_s, p->x.hi);
    if (!(from < to)) continue;
    double x1 = scale_at(&p->x, from), x2 = scale_at(&p->x, to);
    put_rect(b, i % 2 == 0 ? "step" : "step other", x1, x2, TOP, bottom);
    double columns = (x2 - x1 - 6) / 7;
    if (s->name == NULL || columns < 2 || x1 < free_from) continue;
    free_from = x1 + 14;
    html_fmt(b, "<text class=\"note\" x=\"%.1f\" y=\"%d\">", x1 + 3, TOP - 8);
    html_text_cut(b, s->name, (size_t)columns);
    html_put(b, "</text>");
  }
}

static void put_y_axis(struct tfdc_buf *b, const struct panel *p, size_t most) {
  struct ticks t = scale_ticks(p->y.lo, p->y.hi, most);
  char text[40];
  for (size_t i = 0; i < t.n; i++) {
    double y = scale_at(&p->y, scale_tick(&t, i));
    html_fmt(b,
             "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/><text class=\"tick end\" x=\"%d\" "
             "y=\"%.1f\">%s</text>",
             LEFT, y, RIGHT, y, LEFT - 8, y + 4, scale_tick_text(&t, i, text));
  }
}

static void put_x_axis(struct tfdc_buf *b, const struct tchart *c, const struct panel *p, int bottom) {
  struct ticks t = scale_ticks(p->x.lo, p->x.hi, X_TICKS);
  char text[40];
  html_fmt(b, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", LEFT, bottom, RIGHT, bottom);
  for (size_t i = 0; i < t.n; i++) {
    double x = scale_at(&p->x, scale_tick(&t, i));
    html_fmt(b, "<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x, bottom, x, bottom + 4);
    html_fmt(b, "<text class=\"tick mid\" x=\"%.1f\" y=\"%d\">%s</text>", x, bottom + 19, scale_tick_text(&t, i, text));
  }
  html_fmt(b, "<text class=\"tick\" x=\"%d\" y=\"%d\">s</text><text class=\"tick faint\" x=\"%d\" y=\"%d\">0 s = ",
           RIGHT + 22, bottom + 19, LEFT, bottom + 36);
  html_text_cut(b, c->zero, 80);
  html_put(b, "</text>");
}

/* ---- panels ---- */

static const char *class_of_alarmed(size_t k) { return k == 0 ? "bad" : "bad more"; }

static void put_overlay(struct tfdc_buf *b, const struct tchart *c, const struct panel *p) {
  html_fmt(b, "<g clip-path=\"url(#%s)\">", p->clip);
  for (size_t i = 0; i < c->n; i++)
    if (!c->runs[i].alarmed) put_trace(b, p, &c->runs[i], "good");
  for (size_t i = c->n, k = 0; i-- > 0;) /* the first one on top */
    if (c->runs[i].alarmed) {
      k = 0;
      for (size_t before = 0; before < i; before++) k += c->runs[before].alarmed;
      put_trace(b, p, &c->runs[i], class_of_alarmed(k));
    }
  html_put(b, "</g>");
}

/* Labels at the right edge, where each line ends. */
static void put_labels(struct tfdc_buf *b, const struct tchart *c) {
  double y = TOP + 12;
  size_t k = 0, good = 0;
  for (size_t i = 0; i < c->n; i++) {
    if (!c->runs[i].alarmed) {
      good++;
      continue;
    }
    html_fmt(b, "<path class=\"%s\" d=\"M%d %.1fh16\"/><text class=\"%s\" x=\"%d\" y=\"%.1f\">", class_of_alarmed(k),
             RIGHT + 8, y - 4, k == 0 ? "bad-label" : "more-label", RIGHT + 28, y);
    html_text_cut(b, c->runs[i].label, 13);
    html_put(b, "</text>");
    y += 18;
    k++;
  }
  html_fmt(b, "<path class=\"good\" d=\"M%d %.1fh16\"/><text class=\"tick\" x=\"%d\" y=\"%.1f\">%zu good run%s</text>",
           RIGHT + 8, y - 4, RIGHT + 28, y, good, good == 1 ? "" : "s");
}

static void put_band(struct tfdc_buf *b, const struct tchart *c, const struct panel *p, const struct band *band) {
  bool any = false;
  for (size_t k = 0; k < GRID; k++) {
    if (isnan(band->middle[k])) continue;
    put_point(b, any ? "L" : "<path class=\"band\" d=\"M", p, grid_time(c, k), band->high[k] - band->middle[k]);
    any = true;
  }
  for (size_t k = GRID; k-- > 0;)
    if (!isnan(band->middle[k])) put_point(b, "L", p, grid_time(c, k), band->low[k] - band->middle[k]);
  if (any) html_put(b, "Z\"/>");
}

static void put_difference(struct tfdc_buf *b, const struct tchart *c, const struct panel *p, const struct band *band) {
  double t[GRID], v[GRID];
  html_fmt(b, "<g clip-path=\"url(#%s)\">", p->clip);
  put_band(b, c, p, band);
  html_fmt(b, "<line class=\"centre\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>", LEFT, scale_at(&p->y, 0), RIGHT,
           scale_at(&p->y, 0));
  size_t k = 0;
  for (size_t i = 0; i < c->n; i++) {
    if (!c->runs[i].alarmed) continue;
    for (size_t g = 0; g < GRID; g++) {
      t[g] = grid_time(c, g);
      v[g] = tchart_at(&c->runs[i], t[g]) - band->middle[g];
    }
    const struct tchart_run line = {.t_s = t, .v = v, .n = GRID};
    put_trace(b, p, &line, class_of_alarmed(k++));
  }
  html_put(b, "</g>");
  html_fmt(b,
           "<text class=\"tick\" x=\"%d\" y=\"%d\">difference from</text><text class=\"tick\" x=\"%d\" y=\"%d\">the "
           "middle of</text><text class=\"tick\" x=\"%d\" y=\"%d\">the good runs</text>",
           RIGHT + 10, LOW_TOP + 14, RIGHT + 10, LOW_TOP + 30, RIGHT + 10, LOW_TOP + 46);
}

/* The scale of the differences: within the focus, so that the edges of steps do not flatten it. */
static struct scale difference_scale(const struct tchart *c, const struct band *band) {
  struct scale y = {.lo = NAN, .hi = NAN, .from = LOW_BOTTOM, .to = LOW_TOP};
  for (size_t k = 0; k < GRID; k++) {
    double t = grid_time(c, k);
    if (t < c->focus_from_s || t > c->focus_to_s) continue;
    include(band->low[k] - band->middle[k], &y.lo, &y.hi);
    include(band->high[k] - band->middle[k], &y.lo, &y.hi);
    for (size_t i = 0; i < c->n; i++)
      if (c->runs[i].alarmed) include(tchart_at(&c->runs[i], t) - band->middle[k], &y.lo, &y.hi);
  }
  scale_widen(&y.lo, &y.hi);
  double room = (y.hi - y.lo) * 0.08;
  y.lo -= room;
  y.hi += room;
  return y;
}

static void put_head(struct tfdc_buf *b, const struct tchart *c, int height) {
  html_fmt(b, "<figure class=\"chart t\" id=\"%s\"><figcaption>", c->id);
  html_text(b, c->title);
  html_fmt(b, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">",
           WIDTH, height, c->id, c->id, c->id);
  html_text(b, c->title);
  html_fmt(b, "</title><desc id=\"%s-d\">", c->id);
  for (size_t i = 0, k = 0; i < c->n; i++) {
    if (!c->runs[i].alarmed) continue;
    html_put(b, k++ > 0 ? ", " : "Alarmed: ");
    html_text(b, c->runs[i].label);
  }
  html_fmt(b, "; drawn over good runs of the same chamber and recipe.</desc>");
  html_fmt(b, "<clipPath id=\"%s-a\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>", c->id, LEFT, TOP,
           RIGHT - LEFT, BOTTOM - TOP);
  html_fmt(b, "<clipPath id=\"%s-b\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>", c->id, LEFT,
           LOW_TOP, RIGHT - LEFT, LOW_BOTTOM - LOW_TOP);
}

void tchart_draw(struct tfdc_buf *b, const struct tchart *c) {
  struct band *band = calloc(1, sizeof *band);
  if (band == NULL) {
    b->failed = true;
    return;
  }
  fill_band(c, band);
  char clip[2][80];
  (void)snprintf(clip[0], sizeof clip[0], "%.60s-a", c->id);
  (void)snprintf(clip[1], sizeof clip[1], "%.60s-b", c->id);
  struct panel upper = {.x = {c->from_s, c->to_s, LEFT, RIGHT}, .y = value_scale(c), .clip = clip[0]};
  scale_widen(&upper.x.lo, &upper.x.hi);
  int bottom = band->known ? LOW_BOTTOM : BOTTOM;
  put_head(b, c, bottom + HEIGHT - LOW_BOTTOM);
  put_steps(b, c, &upper, bottom);
  put_y_axis(b, &upper, Y_TICKS);
  const char *unit = uchart_unit(c->unit);
  html_fmt(b, "<text class=\"tick end\" x=\"%d\" y=\"%d\">", LEFT - 8, TOP - 10);
  html_text_cut(b, unit, 12);
  html_put(b, "</text>");
  put_overlay(b, c, &upper);
  put_labels(b, c);
  if (band->known) {
    struct panel lower = {.x = upper.x, .y = difference_scale(c, band), .clip = clip[1]};
    put_y_axis(b, &lower, 3);
    put_difference(b, c, &lower, band);
  }
  put_x_axis(b, c, &upper, bottom);
  html_put(b, "</svg></figure>\n");
  free(band);
}
