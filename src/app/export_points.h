/* SPDX-License-Identifier: Apache-2.0
 * Points of U-charts as CSV, a line a point or a line a run. */
#ifndef APP_EXPORT_POINTS_H
#define APP_EXPORT_POINTS_H

#include "app/filter.h"
#include "app/session.h"

struct export_points {
  const struct filter *filter;   /* chambers and times by the API; recipe, lot and wafer are globs over its rows */
  const char *strategy;          /* NULL = all that are in force */
  const char *partition;         /* NULL = all */
  const struct cli_list *charts; /* none = all */
  bool wide;                     /* a line a run, a column for each chart, its unit in the title; reads all twice */
  bool json;
};
/* Holds a page at a time. Errors of the client; a failed write is for the caller to notice. */
TFDC_MUST_USE tfdc_rc export_points(struct session *s, const struct export_points *what, FILE *out);

#endif
