/* SPDX-License-Identifier: Apache-2.0
 * Draws a U-chart as people do: points in run order, centre and limits as the steps that judged them, what is out
 * marked by shape as well as by colour. SVG and a table with the same numbers. Pure. */
#ifndef APP_REPORT_UCHART_H
#define APP_REPORT_UCHART_H

#include "base/cursor.h"
#include "model/records.h"

struct uchart_point {
  const char *run; /* id */
  const char *lot, *wafer;
  int64_t order_us;
  double value, centre, ucl, lcl, score; /* NaN = none */
  uint32_t limit_version;
  enum model_verdict verdict;
  enum model_reason reason;
  bool late;
};
struct uchart {
  const char *id;    /* unique on the page: [a-z0-9-] */
  const char *title; /* the chart's id, with where it is */
  const char *unit;  /* "", "1" or NULL: none */
  const struct uchart_point *points;
  size_t n;
  int64_t episode_from_us, episode_to_us; /* order times of an alarm to shade; MODEL_NO_TIME = none */
  double action_ucl, action_lcl;          /* NaN = none */
  double warn_at;                         /* smaller limits at this part of the way to the limits; NaN = none */
};
void uchart_draw(struct tfdc_buf *b, const struct uchart *c);
/* The shapes that uchart_draw refers to: once on a page, before the charts. */
void uchart_put_shapes(struct tfdc_buf *b);
/* What the marks mean, for people. */
void uchart_put_legend(struct tfdc_buf *b);

/* "OK", "OOC", "NOT_JUDGED(PARTIAL)"; buf of at least 40 bytes, returned. */
char *uchart_verdict(const struct uchart_point *p, char *buf);
/* The unit as it is shown: "" for dimensionless. */
const char *uchart_unit(const char *unit);

#endif
