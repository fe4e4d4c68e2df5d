/* SPDX-License-Identifier: Apache-2.0
 * The parts of the page before and after the charts. */
#include "app/report/report_priv.h"

#include "app/json_get.h"
#include "app/report/page_embed.h"

#include <string.h>

enum { CHAMBERS_SHOWN = 200, NUMBERS_SHOWN = 8, NOT_JUDGED_SHOWN = 20, STRIP_RUNS = 200 };

/* ---- head ---- */

static const char *title_of(const struct report *r) { return r->o->title != NULL ? r->o->title : "tFDC report"; }

static void put_selection(struct report *r) {
  const struct filter *f = &r->o->filter;
  struct tfdc_buf *b = r->page;
  int64_t from = f->from_us != 0 ? f->from_us : r->fab.first_us, to = f->to_us != 0 ? f->to_us : r->fab.last_us;
  html_put(b, "<p class=\"selection\">Runs that ended from <b>");
  html_time(b, from);
  html_put(b, "</b> to <b>");
  html_time(b, to);
  html_put(b, "</b> UTC");
  const struct {
    const char *name, *value;
  } given[] = {{"tool", f->tool}, {"chamber", f->chamber}, {"recipe", f->recipe}};
  for (size_t i = 0; i < TFDC_COUNT(given); i++) {
    if (given[i].value == NULL) continue;
    html_fmt(b, ", %s ", given[i].name);
    html_element(b, "b", given[i].value);
  }
  if (f->tool == NULL && f->chamber == NULL) html_put(b, ", all chambers");
  html_put(b, ". Source: ");
  html_text(b, client_where(r->client));
  html_put(b, ". Written ");
  html_time(b, r->o->now_us);
  html_put(b, " UTC.</p>\n");
}

static void put_tile(struct tfdc_buf *b, const char *class, size_t n, const char *name) {
  html_fmt(b, "<div class=\"tile %s\"><b>", class);
  html_count(b, n);
  html_fmt(b, "</b><span>%s</span></div>", name);
}

static void put_tiles(struct report *r) {
  static const char *const classes[FAB_VERDICTS] = {"t-ok", "t-warn", "t-bad", "t-bad", "t-none", "t-none"};
  struct tfdc_buf *b = r->page;
  html_put(b, "<div class=\"tiles\">");
  put_tile(b,
           r->fab.n_open > 0     ? "t-bad"
           : r->fab.n_alarms > 0 ? "t-warn"
                                 : "t-ok",
           r->fab.n_alarms, r->fab.n_alarms == 1 ? "alarm" : "alarms");
  put_tile(b, r->fab.n_open > 0 ? "t-bad" : "t-ok", r->fab.n_open, "still open");
  put_tile(b, "", r->fab.n_runs, "runs");
  for (size_t v = 0; v < FAB_VERDICTS; v++)
    if (r->fab.counts[v] > 0 || v != FAB_WAITING) put_tile(b, classes[v], r->fab.counts[v], fab_verdict_name(v));
  html_put(b, "</div>\n");
}

static void put_sentence(struct report *r) {
  struct tfdc_buf *b = r->page;
  size_t hit = 0;
  for (size_t i = 0; i < r->fab.n_chambers; i++) hit += r->fab.chambers[i].alarms > 0;
  html_put(b, "<p class=\"lead\">");
  if (r->fab.n_runs == 0) {
    html_put(b, "No run fits this selection.</p>\n");
    return;
  }
  if (r->fab.n_alarms == 0) {
    html_put(b, "No alarm.");
  } else {
    html_count(b, r->fab.n_alarms);
    html_fmt(b, " alarm%s on %zu of %zu chamber%s", r->fab.n_alarms == 1 ? "" : "s", hit, r->fab.n_chambers,
             r->fab.n_chambers == 1 ? "" : "s");
    html_fmt(b, r->fab.n_open == 0 ? ", all cleared." : ", %zu still open.", r->fab.n_open);
  }
  size_t judged = r->fab.n_runs - r->fab.counts[FAB_WAITING] - r->fab.counts[MODEL_NOT_JUDGED];
  html_fmt(b, " %.4g %% of the runs were judged", 100.0 * (double)judged / (double)r->fab.n_runs);
  html_put(b, r->fab.counts[MODEL_NOT_JUDGED] > 0 ? " (<a href=\"#not-judged\">why not all</a>).</p>\n" : ".</p>\n");
  if (r->fab.runs_cut)
    html_fmt(b,
             "<p class=\"cut\">There are more runs: this report counts the newest %d. Choose a shorter period.</p>\n",
             FAB_RUNS_MAX);
}

void report_put_head(struct report *r) {
  struct tfdc_buf *b = r->page;
  html_put(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n");
  html_element(b, "title", title_of(r));
  html_put(b, "\n<style>\n");
  tfdc_put(b, page_css, page_css_n);
  html_put(b, "</style>\n</head>\n<body>\n");
  uchart_put_shapes(b);
  html_put(b, "<header>");
  html_element(b, "h1", title_of(r));
  put_selection(r);
  html_put(b, "</header>\n<main>\n");
  put_tiles(r);
  put_sentence(r);
}

/* ---- chambers ---- */

/* How high a bar of the strip is: the worse the higher, so that colour is not needed. */
static const struct {
  const char *class;
  int height;
  double width; /* of the room for a run */
} bars[FAB_VERDICTS] = {{"s-ok", 7, 0.72},   {"s-warn", 13, 0.72}, {"s-bad", 22, 0.72},
                        {"s-bad", 22, 0.72}, {"s-none", 22, 0.2},  {"s-wait", 3, 0.72}};

/* One path for all runs of a verdict. */
static void put_bars(struct tfdc_buf *b, const struct fab_run *runs, size_t n, size_t verdict, double dx) {
  bool any = false;
  for (size_t i = 0; i < n; i++) {
    if (runs[i].verdict != verdict) continue;
    if (!any)
      html_fmt(b, "<path class=\"%s\" stroke-width=\"%.2f\" d=\"", bars[verdict].class, dx * bars[verdict].width);
    any = true;
    html_put(b, "M");
    html_coordinate(b, ((double)i + 0.5) * dx);
    html_fmt(b, " 24v%d", -bars[verdict].height);
  }
  if (any) html_put(b, "\"/>");
}

static void put_strip(struct tfdc_buf *b, const struct fab_chamber *c) {
  size_t n = c->n < STRIP_RUNS ? c->n : STRIP_RUNS;
  const struct fab_run *runs = c->runs + (c->n - n);
  double dx = 600.0 / (double)(n < 60 ? 60 : n);
  html_put(b, "<svg class=\"strip\" viewBox=\"0 0 600 26\" role=\"img\" preserveAspectRatio=\"none\"><title>");
  html_fmt(b, "the %s%zu runs in order:", n < c->n ? "newest " : "", n);
  for (size_t v = 0; v < FAB_VERDICTS; v++)
    if (c->counts[v] > 0) html_fmt(b, " %zu %s", c->counts[v], fab_verdict_name(v));
  html_put(b, "</title>");
  for (size_t v = 0; v < FAB_VERDICTS; v++) put_bars(b, runs, n, v, dx);
  html_put(b, "</svg>");
}

static void put_numbers(struct report *r, const struct fab_chamber *c) {
  size_t shown = 0;
  for (size_t i = 0; i < r->fab.n_alarms && shown < NUMBERS_SHOWN; i++) {
    const json_t *a = r->fab.alarms[i];
    if (strcmp(json_get_text(a, "tool"), c->tool) != 0 || strcmp(json_get_text(a, "chamber"), c->chamber) != 0)
      continue;
    if (i < REPORT_ALARMS_MAX) html_fmt(r->page, "<a class=\"number\" href=\"#row-%zu\">%zu</a> ", i + 1, i + 1);
    shown++;
  }
  if (c->alarms > shown) html_fmt(r->page, "+%zu", c->alarms - shown);
}

static void put_chamber(struct report *r, const struct fab_chamber *c) {
  struct tfdc_buf *b = r->page;
  html_fmt(b, "<tr><th scope=\"row\">%.64s:%.64s</th><td>", c->tool, c->chamber);
  put_numbers(r, c);
  html_put(b, "</td><td class=\"strip-cell\">");
  put_strip(b, c);
  html_fmt(b, "</td><td class=\"r\">%zu</td>", c->n);
  for (size_t v = 0; v < FAB_VERDICTS; v++) {
    if (v == FAB_WAITING && r->fab.counts[v] == 0) continue;
    html_fmt(b, c->counts[v] > 0 ? "<td class=\"r\">%zu</td>" : "<td class=\"r faint\">%zu</td>", c->counts[v]);
  }
  html_put(b, "</tr>\n");
}

void report_put_overview(struct report *r) {
  struct tfdc_buf *b = r->page;
  if (r->fab.n_chambers == 0) return;
  html_put(b,
           "<section id=\"chambers\"><h2>Chambers</h2>\n<div class=\"wide\"><table class=\"chambers\"><thead><tr><th>"
           "chamber</th><th>alarms</th><th>runs in order: the worse the higher, not judged thin</th><th "
           "class=\"r\">runs</th>");
  for (size_t v = 0; v < FAB_VERDICTS; v++)
    if (v != FAB_WAITING || r->fab.counts[v] > 0) html_fmt(b, "<th class=\"r\">%s</th>", fab_verdict_name(v));
  html_put(b, "</tr></thead><tbody>\n");
  size_t n = r->fab.n_chambers < CHAMBERS_SHOWN ? r->fab.n_chambers : CHAMBERS_SHOWN;
  for (size_t i = 0; i < n; i++) put_chamber(r, &r->fab.chambers[i]);
  html_put(b, "</tbody></table></div>\n");
  if (n < r->fab.n_chambers)
    html_fmt(b, "<p class=\"cut\">%zu more chambers are left out; none of them has more alarms than those above.</p>\n",
             r->fab.n_chambers - n);
  html_put(b, "</section>\n");
}

/* ---- alarms ---- */

static void put_value(struct tfdc_buf *b, double v, const char *unit) {
  html_put(b, "<td class=\"r\">");
  html_value(b, v);
  if (!isnan(v) && uchart_unit(unit)[0] != '\0') {
    html_put(b, " ");
    html_text(b, unit);
  }
  html_put(b, "</td>");
}

static void put_what(struct report *r, size_t i) {
  const json_t *a = r->fab.alarms[i];
  const struct report_fact *f = i < r->n_facts ? &r->facts[i] : NULL;
  struct tfdc_buf *b = r->page;
  double limit;
  if (f == NULL || f->n_charts == 0) {
    html_put(b, "<td colspan=\"3\">");
    html_text(b, json_get_text(a, "text"));
    html_put(b, "</td>");
    return;
  }
  html_fmt(b, "<td><a href=\"#alarm-%zu\">", i + 1);
  fact_put_title(b, f);
  html_put(b, "</a>");
  (void)fact_why(&f->point, f->rules, &limit);
  if (f->n_out > 1) html_fmt(b, " <span class=\"faint\">and %zu more</span>", f->n_out - 1);
  html_put(b, "</td>");
  put_value(b, f->point.value, f->unit);
  put_value(b, limit, f->unit);
}

static void put_alarm_row(struct report *r, size_t i) {
  const json_t *a = r->fab.alarms[i];
  struct tfdc_buf *b = r->page;
  bool open = strcmp(json_get_text(a, "state"), "OPEN") == 0;
  html_fmt(b, "<tr id=\"row-%zu\"><td><span class=\"number\">%zu</span></td><td>", i + 1, i + 1);
  html_time(b, json_get_time(a, "opened_us"));
  html_fmt(b, "</td><th scope=\"row\">%.64s:%.64s</th>", json_get_text(a, "tool"), json_get_text(a, "chamber"));
  html_element(b, "td", json_get_text(a, "recipe_id"));
  put_what(r, i);
  html_put(b, open ? "<td><b class=\"open\">open</b>" : "<td>cleared");
  html_put(b, "<br>");
  html_text(b, json_get_text(a, "severity"));
  html_put(b, "</td>");
  html_fmt(b, "<td class=\"r\">%lld</td><td><code>%.8s</code> <code>%.8s</code></td></tr>\n",
           (long long)json_get_int(a, "bad_runs", 0), json_get_text(a, "first_context"),
           json_get_text(a, "last_context"));
}

void report_put_alarms(struct report *r) {
  struct tfdc_buf *b = r->page;
  html_put(b, "<section id=\"alarms\"><h2>Alarms</h2>\n");
  if (r->fab.n_alarms == 0) {
    html_put(b, "<p>No alarm was raised.</p></section>\n");
    return;
  }
  html_put(b,
           "<p>An alarm is one episode of a chamber: it opens with the first bad run and clears after good ones in a "
           "row. Open ones come first, then the severe ones, then the newest.</p>\n"
           "<div class=\"wide\"><table class=\"alarms\"><thead><tr><th>#</th><th>opened (UTC)</th><th>chamber</th>"
           "<th>recipe</th><th>what</th><th class=\"r\">value</th><th class=\"r\">limit</th>"
           "<th>state</th><th class=\"r\">bad runs</th><th>first, last run</th></tr></thead><tbody>\n");
  size_t n = r->fab.n_alarms < REPORT_ALARMS_MAX ? r->fab.n_alarms : REPORT_ALARMS_MAX;
  for (size_t i = 0; i < n; i++) put_alarm_row(r, i);
  html_put(b, "</tbody></table></div>\n");
  if (n < r->fab.n_alarms) html_fmt(b, "<p class=\"cut\">%zu more alarms are left out.</p>\n", r->fab.n_alarms - n);
  if (r->fab.alarms_cut)
    html_fmt(b, "<p class=\"cut\">There are more alarms: this report counts the newest %d.</p>\n", FAB_ALARMS_MAX);
  html_put(b, "</section>\n");
}

/* ---- not judged ---- */

static void put_reasons(struct report *r) {
  static const char *const names[] = {
#define X(name) #name,
      MODEL_REASON_LIST(X)
#undef X
  };
  size_t counts[TFDC_COUNT(names)] = {0};
  for (size_t i = 0; i < r->fab.n_runs; i++)
    if (r->fab.runs[i].verdict == MODEL_NOT_JUDGED) counts[r->fab.runs[i].reason]++;
  html_put(r->page, "<p>By reason:");
  for (size_t i = 0; i < TFDC_COUNT(names); i++)
    if (counts[i] > 0) html_fmt(r->page, " %s %zu", names[i], counts[i]);
  html_put(r->page, ".</p>\n");
}

void report_put_not_judged(struct report *r) {
  struct tfdc_buf *b = r->page;
  size_t all = r->fab.counts[MODEL_NOT_JUDGED], shown = 0;
  if (all == 0) return;
  html_put(b, "<section id=\"not-judged\"><h2>Runs that were not judged</h2>\n");
  put_reasons(r);
  html_put(b, "<div class=\"wide\"><table><thead><tr><th>ended (UTC)</th><th>chamber</th><th>recipe</th><th>lot</th>"
              "<th>wafer</th><th>reason</th><th>run</th></tr></thead><tbody>\n");
  for (size_t i = 0; i < r->fab.n_runs && shown < NOT_JUDGED_SHOWN; i++) {
    const struct fab_run *run = &r->fab.runs[i];
    if (run->verdict != MODEL_NOT_JUDGED) continue;
    shown++;
    html_put(b, "<tr><td>");
    html_time(b, run->order_us);
    html_fmt(b, "</td><th scope=\"row\">%.64s:%.64s</th>", run->tool, run->chamber);
    html_element(b, "td", run->recipe);
    html_element(b, "td", run->lot);
    html_element(b, "td", run->wafer);
    html_fmt(b, "<td>%s</td><td><code>%.12s</code></td></tr>\n", model_reason_name((enum model_reason)run->reason),
             run->id);
  }
  html_put(b, "</tbody></table></div>\n");
  if (shown < all) html_fmt(b, "<p class=\"cut\">%zu more runs are left out.</p>\n", all - shown);
  html_put(b, "</section>\n");
}

/* ---- foot ---- */

void report_put_foot(struct report *r) {
  struct tfdc_buf *b = r->page;
  html_put(b, "</main>\n<footer><p>tFDC " TFDC_VERSION ". Every chart has its numbers as a table below it; "
              "<code>tfdc inspect RUN</code> tells all of a run.</p></footer>\n<script>\n");
  tfdc_put(b, page_js, page_js_n);
  html_put(b, "</script>\n</body>\n</html>\n");
}
