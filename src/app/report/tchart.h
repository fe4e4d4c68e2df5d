/* SPDX-License-Identifier: Apache-2.0
 * Draws one sensor's trace in alarmed runs over the same trace in good ones, aligned in time, steps shaded; below it
 * how far the alarmed runs are from the middle of the good ones. SVG. Pure. */
#ifndef APP_REPORT_TCHART_H
#define APP_REPORT_TCHART_H

#include "base/cursor.h"

struct tchart_run {
  const char *label; /* of an alarmed run: drawn in front, labelled */
  bool alarmed;
  const double *t_s; /* [n], rising, 0 = where the runs are aligned */
  const double *v;   /* NaN: a reading is missing, the line breaks */
  size_t n;
};
struct tchart_step {
  const char *name;
  double from_s, to_s;
};
struct tchart {
  const char *id; /* unique on the page: [a-z0-9-] */
  const char *title;
  const char *unit;
  const char *zero; /* what 0 s is: "start of step ETCH" */
  const struct tchart_run *runs;
  size_t n;
  const struct tchart_step *steps; /* of the alarmed run */
  size_t n_steps;
  double from_s, to_s;             /* what is drawn */
  double focus_from_s, focus_to_s; /* what the equation looks at: decides the scale; NaN = all that is drawn */
};
void tchart_draw(struct tfdc_buf *b, const struct tchart *c);

/* The trace at a time, on the straight line between two readings; NaN outside of them and beside a missing one. */
double tchart_at(const struct tchart_run *r, double t_s);

#endif
