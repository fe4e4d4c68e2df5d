/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the page share. */
#ifndef APP_REPORT_REPORT_PRIV_H
#define APP_REPORT_REPORT_PRIV_H

#include "app/report/fab.h"
#include "app/report/html.h"
#include "app/report/report.h"
#include "app/report/uchart.h"

enum { REPORT_DEFS = 16 };
struct report_def { /* one version of a strategy or of its limits */
  const char *kind; /* "strategy", "limits" */
  char strategy[65];
  int64_t version;
  json_t *body; /* owned; of limits only partition -> warn_at; NULL: could not be had */
};
/* The step that an equation looks at. */
struct report_step {
  const char *name; /* or NULL */
  int64_t number;   /* where it is asked for by number */
  bool has_number;
};
/* Why an alarm was raised: the points of its first bad run, one in the middle, the last. Texts in fab.mem; chart NULL:
 * not known. */
enum { FACT_CHARTS = 2, FACT_NAMES = 12 };
struct report_fact {
  const char *charts[FACT_CHARTS]; /* the worst one, then one of another sensor */
  size_t n_charts;
  const char *names[FACT_NAMES]; /* all that are out, worst first */
  size_t n_out;                  /* of them, names or not */
  struct uchart_point point;     /* of the worst chart */
  const char *unit, *eq, *svid;
  struct report_step step;
  const char *rules;          /* of the strategy; NULL: the default ones */
  struct report_step missing; /* a step that the run lacks */
};
struct report {
  struct client *client;
  const struct report_options *o;
  struct tfdc_buf *page;
  struct fab fab;
  struct tfdc_arena mem; /* of the alarm at hand */
  struct report_def defs[REPORT_DEFS];
  size_t n_defs, next_def;
  struct report_fact *facts; /* [n_facts], of the first alarms, in fab.mem */
  size_t n_facts;
  json_t *drawn; /* object: keys of the charts that are on the page */
  struct report_summary *sum;
  struct tfdc_error *err;
};

/* --- facts.c --- */
TFDC_MUST_USE tfdc_rc report_find_facts(struct report *r);
/* "above UCL", "below LCL", "run rule", "not judged: MISSING_STEP"; the limit that it broke, or NaN. */
const char *fact_why(const struct uchart_point *p, const char *rules, double *ret_limit);
/* "step ETCH is missing, mean_press above UCL" */
void fact_put_title(struct tfdc_buf *b, const struct report_fact *f);
/* "step ETCH", "step 4"; "the run" where there is none. buf of at least 320 bytes, returned. */
char *fact_step_text(const struct report_step *s, char *buf);

/* --- page.c --- */
void report_put_head(struct report *r);
void report_put_overview(struct report *r);
void report_put_alarms(struct report *r);
void report_put_not_judged(struct report *r);
void report_put_foot(struct report *r);

/* --- series.c: points of U-charts --- */
enum { SERIES_RUNS_BEFORE = 120, SERIES_RUNS_AFTER = 30, SERIES_CHARTS = 4 };
struct series_of {
  const char *tool, *chamber, *strategy, *partition;
  const char *charts[SERIES_CHARTS];
  size_t n_charts;
  int64_t from_us, to_us; /* order times, both included */
};
struct series {
  struct uchart_point *points[SERIES_CHARTS]; /* in r->mem */
  size_t n[SERIES_CHARTS];
  const char *units[SERIES_CHARTS];
};
TFDC_MUST_USE tfdc_rc series_load(struct report *r, const struct series_of *of, struct series *ret);
/* From..to around a run of a chamber: so many runs before and after it. */
void series_around(const struct report *r, const char *tool, const char *chamber, int64_t first_us, int64_t last_us,
                   struct series_of *ret);
/* Whether a chart is on the page or known to be out; the second remembers that it is, false when it was. */
bool series_is_drawn(const struct report *r, const struct series_of *of, size_t chart);
bool series_draw_once(struct report *r, const struct series_of *of, size_t chart);
void series_draw(struct report *r, const struct series_of *of, const struct series *s, size_t chart, const char *id,
                 int64_t episode_from_us, int64_t episode_to_us);

/* A point as the API gives it; its texts are borrowed from the JSON. row: the object around it, or NULL. */
struct uchart_point series_point(const json_t *row, const json_t *p);

/* --- define.c: what a chart is --- */
struct chart_def {
  const char *eq, *svid, *rules; /* svid: the first that the equation names; rules: NULL for the default ones */
  struct report_step step;       /* the first */
  double action_ucl, action_lcl;
};
/* Of one version of a strategy, in r->mem; all NULL where it is not known. */
struct chart_def define_chart(struct report *r, const char *strategy, int64_t version, const char *chart);
/* The smaller limit of the default rules over the limit; NaN where it is not known. */
double define_warn_at(struct report *r, const char *strategy, int64_t limit_version, const char *partition);

/* --- traces.c --- */
struct traces_of {
  const char *id; /* of the figure */
  const char *tool, *chamber, *recipe, *svid;
  struct report_step step;
  const struct uchart_point *points; /* of the chart: good runs are those that are good here */
  size_t n_points;
  const char *runs[2]; /* alarmed ones, the more important first; the second may be NULL */
  int64_t order_us[2];
  int64_t opened_us, updated_us; /* good runs are looked for before, then after */
};
TFDC_MUST_USE tfdc_rc traces_draw(struct report *r, const struct traces_of *of);

/* --- detail.c, others.c --- */
TFDC_MUST_USE tfdc_rc report_put_detail(struct report *r, size_t alarm);
TFDC_MUST_USE tfdc_rc report_put_others(struct report *r);

#endif
