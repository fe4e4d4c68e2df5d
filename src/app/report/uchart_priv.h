/* SPDX-License-Identifier: Apache-2.0
 * What the files uchart*.c share. */
#ifndef APP_REPORT_UCHART_PRIV_H
#define APP_REPORT_UCHART_PRIV_H

#include "app/report/scale.h"
#include "app/report/uchart.h"

#include <math.h>

enum { UCHART_WIDTH = 960, UCHART_HEIGHT = 264, UCHART_LEFT = 74, UCHART_RIGHT = 836, UCHART_TOP = 22 };
enum { UCHART_BOTTOM = 218 };

struct uchart_frame {
  const struct uchart *c;
  struct scale y;
  double dx; /* from run to run */
};
static inline double uchart_x(const struct uchart_frame *f, size_t i) {
  return UCHART_LEFT + ((double)i + 0.5) * f->dx;
}
static inline bool uchart_is_shown(const struct uchart_frame *f, double v) {
  return isfinite(v) && v >= f->y.lo && v <= f->y.hi;
}

/* The marks over the lines: one shape for each kind of point, labels of limits at the right edge. */
void uchart_put_marks(struct tfdc_buf *b, const struct uchart_frame *f);
void uchart_put_limit_labels(struct tfdc_buf *b, const struct uchart_frame *f);
/* The same numbers as text. */
void uchart_put_table(struct tfdc_buf *b, const struct uchart *c);
/* One sentence for readers who do not see the drawing. */
void uchart_put_summary(struct tfdc_buf *b, const struct uchart *c);

#endif
