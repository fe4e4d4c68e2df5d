/* SPDX-License-Identifier: Apache-2.0
 * The points of a U-chart, their labels, and the same as text. */
#include "app/report/html.h"
#include "app/report/uchart_priv.h"

#include <stdio.h>
#include <string.h>

enum { FAR_WIDTH = 74 }; /* of the value beside an arrow */

char *uchart_verdict(const struct uchart_point *p, char *buf) {
  enum { BUF = 40 };
  if (p->verdict == MODEL_NOT_JUDGED)
    (void)snprintf(buf, BUF, "NOT_JUDGED(%s)", model_reason_name(p->reason));
  else
    (void)snprintf(buf, BUF, "%s", model_verdict_name(p->verdict));
  return buf;
}

/* ---- shapes: the form tells as much as the colour ---- */

void uchart_put_shapes(struct tfdc_buf *b) {
  html_put(b, "<svg class=\"shapes\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
              "<path id=\"m-ok\" class=\"ok\" d=\"M0 0h0\"/>"
              "<path id=\"m-warn\" class=\"warn\" d=\"M0-5.5L5 3.5H-5Z\"/>"
              "<path id=\"m-ooc\" class=\"ooc\" d=\"M0-6.5L6.5 0 0 6.5-6.5 0Z\"/>"
              "<path id=\"m-action\" class=\"ooc\" d=\"M-5-5H5V5H-5Z\"/>"
              "<path id=\"m-none\" class=\"none\" d=\"M0-5L5 0 0 5-5 0Z\"/>"
              "<path id=\"m-late\" class=\"late\" d=\"M-8-8H8V8H-8Z\"/>"
              "<path id=\"m-up\" class=\"ooc\" d=\"M0-7L7 4H-7Z\"/>"
              "<path id=\"m-down\" class=\"ooc\" d=\"M0 7L7-4H-7Z\"/>");
  html_fmt(b, "<clipPath id=\"clip-u\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath></defs></svg>\n",
           UCHART_LEFT, UCHART_TOP, UCHART_RIGHT - UCHART_LEFT, UCHART_BOTTOM - UCHART_TOP);
}

static void put_sign(struct tfdc_buf *b, const char *shape, const char *text) {
  html_fmt(b,
           "<li><svg class=\"sign\" viewBox=\"-10 -10 20 20\" aria-hidden=\"true\"><use href=\"#%s\"/></svg> %s</li>",
           shape, text);
}

static void put_stroke(struct tfdc_buf *b, const char *class, const char *text) {
  html_fmt(b,
           "<li><svg class=\"sign\" viewBox=\"-10 -10 20 20\" aria-hidden=\"true\"><path class=\"%s\" d=\"M-10 0H10\"/>"
           "</svg> %s</li>",
           class, text);
}

void uchart_put_legend(struct tfdc_buf *b) {
  html_put(b, "<ul class=\"legend\">");
  put_sign(b, "m-ok", "OK");
  put_sign(b, "m-warn", "WARN: near the limit, no alarm");
  put_sign(b, "m-ooc", "OOC: out of control");
  put_sign(b, "m-action", "ACTION: far out");
  put_sign(b, "m-up", "beyond the drawing, with its value");
  put_sign(b, "m-none", "NOT_JUDGED, on the axis");
  put_sign(b, "m-late", "judged late: after runs that followed it");
  put_stroke(b, "centre", "centre");
  put_stroke(b, "limit", "control limits (UCL, LCL) that judged each run");
  put_stroke(b, "warn-limit", "warning limits: twice in 3 runs beyond one of them alarms");
  put_stroke(b, "gap", "a pause of the chamber");
  html_put(b, "</ul>");
}

/* ---- points ---- */

static const char *shape_of(const struct uchart_point *p) {
  switch (p->verdict) {
  case MODEL_WARN: return "m-warn";
  case MODEL_OOC: return "m-ooc";
  case MODEL_ACTION: return "m-action";
  default: return "m-ok";
  }
}

static void use(struct tfdc_buf *b, const char *shape, double x, double y) {
  html_fmt(b, "<use href=\"#%s\" x=\"", shape);
  html_coordinate(b, x);
  html_put(b, "\" y=\"");
  html_coordinate(b, y);
  html_put(b, "\"/>");
}

/* All points that are OK in one path: round ends of lines without length. */
static void put_good(struct tfdc_buf *b, const struct uchart_frame *f) {
  bool any = false;
  for (size_t i = 0; i < f->c->n; i++) {
    const struct uchart_point *p = &f->c->points[i];
    if (p->verdict != MODEL_OK || !uchart_is_shown(f, p->value)) continue;
    html_put(b, any ? "M" : "<path class=\"ok\" d=\"M");
    any = true;
    html_coordinate(b, uchart_x(f, i));
    html_put(b, " ");
    html_coordinate(b, scale_at(&f->y, p->value));
    html_put(b, "h0");
  }
  if (any) html_put(b, "\"/>");
}

/* Arrows side by side share one label: the value farthest out. */
struct far {
  double first_x, last_x, value; /* value NaN: none */
  bool up;
};

static void put_far_label(struct tfdc_buf *b, const struct far *far) {
  if (isnan(far->value)) return;
  bool left = far->last_x > UCHART_RIGHT - FAR_WIDTH;
  html_fmt(b, "<text class=\"mark%s\" x=\"%.1f\" y=\"%d\">", left ? " end" : "",
           left ? far->first_x - 10 : far->last_x + 10, far->up ? UCHART_TOP + 12 : UCHART_BOTTOM - 4);
  html_value(b, far->value);
  html_put(b, "</text>");
}

static double put_far(struct tfdc_buf *b, const struct uchart_frame *f, size_t i, struct far *far) {
  double x = uchart_x(f, i), v = f->c->points[i].value;
  bool up = v > f->y.hi;
  double y = up ? UCHART_TOP + 8 : UCHART_BOTTOM - 8;
  use(b, up ? "m-up" : "m-down", x, y);
  if (!isnan(far->value) && (far->up != up || x - far->last_x > FAR_WIDTH)) {
    put_far_label(b, far);
    far->value = NAN;
  }
  if (isnan(far->value)) *far = (struct far){.first_x = x, .value = v, .up = up};
  far->last_x = x;
  far->value = up ? fmax(far->value, v) : fmin(far->value, v);
  return y;
}

void uchart_put_marks(struct tfdc_buf *b, const struct uchart_frame *f) {
  struct far far = {.value = NAN};
  put_good(b, f);
  for (size_t i = 0; i < f->c->n; i++) {
    const struct uchart_point *p = &f->c->points[i];
    double x = uchart_x(f, i), y = isfinite(p->value) ? scale_at(&f->y, p->value) : UCHART_BOTTOM;
    if (p->verdict == MODEL_NOT_JUDGED) {
      y = UCHART_BOTTOM;
      use(b, "m-none", x, y);
    } else if (isfinite(p->value) && !uchart_is_shown(f, p->value)) {
      y = put_far(b, f, i, &far);
    } else if (p->verdict != MODEL_OK) {
      use(b, shape_of(p), x, y);
    }
    if (p->late) use(b, "m-late", x, y);
  }
  put_far_label(b, &far);
}

/* ---- labels at the right edge ---- */

void uchart_put_limit_labels(struct tfdc_buf *b, const struct uchart_frame *f) {
  const struct uchart_point *last = NULL;
  for (size_t i = f->c->n; i-- > 0 && last == NULL;)
    if (isfinite(f->c->points[i].centre) || isfinite(f->c->points[i].ucl) || isfinite(f->c->points[i].lcl))
      last = &f->c->points[i];
  if (last == NULL) return;
  const struct {
    const char *name, *class;
    double v;
  } all[] = {
      {"UCL", "limit-label", last->ucl}, {"centre", "centre-label", last->centre}, {"LCL", "limit-label", last->lcl}};
  double at[TFDC_COUNT(all)];
  size_t which[TFDC_COUNT(all)], n = 0;
  for (size_t i = 0; i < TFDC_COUNT(all); i++) {
    if (!uchart_is_shown(f, all[i].v)) continue;
    at[n] = scale_at(&f->y, all[i].v);
    which[n++] = i;
  }
  scale_spread(at, n, 14, UCHART_TOP, UCHART_BOTTOM - 4);
  for (size_t i = 0; i < n; i++) {
    html_fmt(b, "<text class=\"%s\" x=\"%d\" y=\"%.1f\">%s ", all[which[i]].class, UCHART_RIGHT + 10, at[i] + 4,
             all[which[i]].name);
    html_fmt(b, "%.5g", all[which[i]].v);
    html_put(b, "</text>");
  }
}

/* ---- as text ---- */

void uchart_put_summary(struct tfdc_buf *b, const struct uchart *c) {
  size_t counts[MODEL_NOT_JUDGED + 1] = {0}, late = 0;
  for (size_t i = 0; i < c->n; i++) {
    counts[c->points[i].verdict]++;
    late += c->points[i].late;
  }
  html_fmt(b, "%zu runs from ", c->n);
  html_time(b, c->points[0].order_us);
  html_put(b, " to ");
  html_time(b, c->points[c->n - 1].order_us);
  html_put(b, ":");
  for (size_t v = 0; v <= MODEL_NOT_JUDGED; v++)
    if (counts[v] > 0) html_fmt(b, " %zu %s", counts[v], model_verdict_name((enum model_verdict)v));
  if (late > 0) html_fmt(b, ", %zu judged late", late);
  html_put(b, ".");
}

static void put_number(struct tfdc_buf *b, double v) {
  html_put(b, "<td>");
  html_value(b, v);
  html_put(b, "</td>");
}

static void put_row(struct tfdc_buf *b, const struct uchart_point *p, size_t i) {
  char verdict[40];
  html_fmt(b, "<tr><td>%zu</td><td>", i + 1);
  html_time(b, p->order_us);
  html_put(b, "</td>");
  put_number(b, p->value);
  html_fmt(b, "<td>%s%s</td>", uchart_verdict(p, verdict), p->late ? ", late" : "");
  put_number(b, p->lcl);
  put_number(b, p->centre);
  put_number(b, p->ucl);
  html_put(b, "<td>");
  if (isfinite(p->score)) html_fmt(b, "%.2f", p->score);
  html_fmt(b, p->limit_version > 0 ? "</td><td>%u</td>" : "</td><td></td>", p->limit_version);
  html_element(b, "td", p->lot);
  html_element(b, "td", p->wafer);
  html_fmt(b, "<td>%.12s</td></tr>", p->run);
}

void uchart_put_table(struct tfdc_buf *b, const struct uchart *c) {
  html_put(b, "<details><summary>Table</summary><div class=\"wide\"><table class=\"points\"><thead><tr><th>#</th>"
              "<th>ended (UTC)</th><th>value");
  if (uchart_unit(c->unit)[0] != '\0') {
    html_put(b, ", ");
    html_text(b, uchart_unit(c->unit));
  }
  html_put(b, "</th><th>verdict</th><th>LCL</th><th>centre</th><th>UCL</th><th>score</th><th>limits</th><th>lot</"
              "th><th>wafer</th><th>run</th></tr>"
              "</thead><tbody>\n");
  for (size_t i = 0; i < c->n; i++) put_row(b, &c->points[i], i);
  html_put(b, "</tbody></table></div></details>");
}
