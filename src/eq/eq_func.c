/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_func.h"

#include "base/text.h"

#include <string.h>

#define QUALITY ", min_n=, min_good=, max_gap="
#define AGG(name, fn, unit, text, rule)                                                                                \
  { {name, "x" QUALITY, unit, text, "aggregate", true}, fn, 1, 1, rule, 3, 0.8 }
#define LATER(name, args, unit, text, kind)                                                                            \
  { {name, args, unit, text, kind, false}, EQ_FN_NONE, 0, 8, EQ_RULE_SAME, 0, 0 }

static const struct eq_func functions[] = {
    {{"count", "x" QUALITY, "1",
      "Number of good samples. Its min_n and min_good are 0 unless given: none is 0, not missing.", "aggregate", true},
     EQ_FN_COUNT,
     1,
     1,
     EQ_RULE_ONE,
     0,
     0},
    {{"span", "window", "s", "Duration of the window: the sum of its intervals, whether there are samples or not.",
      "aggregate", true},
     EQ_FN_SPAN,
     1,
     1,
     EQ_RULE_S,
     0,
     0},
    AGG("mean", EQ_FN_MEAN, "of x", "Arithmetic mean of the good samples, each counted once (not weighted by time).",
        EQ_RULE_SAME),
    AGG("std", EQ_FN_STD, "of a difference of x",
        "Standard deviation sqrt(M2/(n-1)), M2 the sum of squared deviations from the mean in two corrected passes "
        "(Chan, Golub, LeVeque 1983). UNDEFINED for one sample; exactly 0 for constant samples.",
        EQ_RULE_DELTA),
    AGG("min", EQ_FN_MIN, "of x", "Smallest good sample.", EQ_RULE_SAME),
    AGG("max", EQ_FN_MAX, "of x", "Largest good sample.", EQ_RULE_SAME),
    AGG("range", EQ_FN_RANGE, "of a difference of x", "max - min.", EQ_RULE_DELTA),
    AGG("first", EQ_FN_FIRST, "of x", "First good sample of the window.", EQ_RULE_SAME),
    AGG("last", EQ_FN_LAST, "of x", "Last good sample of the window.", EQ_RULE_SAME),
    AGG("median", EQ_FN_MEDIAN, "of x",
        "Exact median, type 7 of Hyndman and Fan (1996): the middle sample, or the mean of the two middle ones.",
        EQ_RULE_SAME),
    AGG("slope", EQ_FN_SLOPE, "of a difference of x / s",
        "Least-squares slope over time in seconds, counted from integer microseconds. UNDEFINED for one sample.",
        EQ_RULE_DELTA_BY_S),
    AGG("sum", EQ_FN_SUM, "of a difference of x", "Compensated sum of the good samples.", EQ_RULE_DELTA),
    AGG("area", EQ_FN_AREA, "of a difference of x * s",
        "Trapezoids between neighbouring good samples; gaps longer than max_gap are skipped (they lower the quality). "
        "UNDEFINED for one sample.",
        EQ_RULE_DELTA_S),
    {{"or_else", "x, y", "of x", "x, or y where x is missing. The only way to swallow a missing value.", "logic", true},
     EQ_FN_OR_ELSE,
     2,
     2,
     EQ_RULE_SAME,
     0,
     0},
    {{"if", "c, a, b", "of a", "a where c holds, else b; missing where c is.", "logic", true},
     EQ_FN_IF,
     3,
     3,
     EQ_RULE_SAME,
     0,
     0},
    {{"abs", "x", "of a difference of x", "|x|.", "elementwise", true}, EQ_FN_ABS, 1, 1, EQ_RULE_DELTA, 0, 0},
    {{"sqrt", "x", "root of that of x", "Square root; UNDEFINED below 0.", "elementwise", true},
     EQ_FN_SQRT,
     1,
     1,
     EQ_RULE_ROOT,
     0,
     0},
    {{"log", "x", "1", "Natural logarithm of a dimensionless x; UNDEFINED at 0 and below.", "elementwise", true},
     EQ_FN_LOG,
     1,
     1,
     EQ_RULE_PURE,
     0,
     0},
    {{"exp", "x", "1", "e^x of a dimensionless x.", "elementwise", true}, EQ_FN_EXP, 1, 1, EQ_RULE_PURE, 0, 0},
    {{"min2", "a, b", "of a", "The smaller of two values, sample by sample for series.", "elementwise", true},
     EQ_FN_MIN2,
     2,
     2,
     EQ_RULE_SAME,
     0,
     0},
    {{"max2", "a, b", "of a", "The larger of two values, sample by sample for series.", "elementwise", true},
     EQ_FN_MAX2,
     2,
     2,
     EQ_RULE_SAME,
     0,
     0},
    {{"step", "\"NAME\" | number, occurrence", "",
      "All occurrences of the recipe step, or the given one (1 = the first).", "window", true},
     EQ_FN_STEP,
     1,
     2,
     EQ_RULE_SAME,
     0,
     0},
    {{"between", "event, event", "", "From each first event to the next second event after it.", "window", true},
     EQ_FN_BETWEEN,
     2,
     2,
     EQ_RULE_SAME,
     0,
     0},
    {{"while", "condition, min=", "",
      "Where a comparison of series holds, from its first true sample to its next false one; shorter than min: "
      "dropped.",
      "window", true},
     EQ_FN_WHILE,
     1,
     1,
     EQ_RULE_SAME,
     0,
     0},
    LATER("twa", "x", "of x", "Time-weighted average.", "aggregate"),
    LATER("var", "x", "of x ^2", "Variance.", "aggregate"),
    LATER("pct", "x, p", "of x", "Percentile.", "aggregate"),
    LATER("mad", "x", "of x", "Median absolute deviation.", "aggregate"),
    LATER("iqr", "x", "of x", "Interquartile range.", "aggregate"),
    LATER("rms", "x", "of x", "Root mean square.", "aggregate"),
    LATER("skew", "x", "1", "Skewness.", "aggregate"),
    LATER("kurt", "x", "1", "Kurtosis.", "aggregate"),
    LATER("r2", "x", "1", "Coefficient of determination of the slope.", "aggregate"),
    LATER("resid_std", "x", "of x", "Standard deviation about the slope's line.", "aggregate"),
    LATER("roc", "x, span", "of x / s", "Local rate of change.", "elementwise"),
    LATER("noise", "x", "of x", "Noise without drift.", "aggregate"),
    LATER("duration", "mask", "s", "Time in which a condition holds.", "aggregate"),
    LATER("fraction", "mask", "1", "Share of the time in which a condition holds.", "aggregate"),
    LATER("crossings", "x, level=, hyst=", "1", "Crossings of a level.", "aggregate"),
    LATER("settle", "x, target=, band=", "s", "Settling time.", "aggregate"),
    LATER("overshoot", "x, target=", "1", "Overshoot.", "aggregate"),
    LATER("rise_time", "x", "s", "Rise time from 10 % to 90 %.", "aggregate"),
    LATER("first_time", "mask, hold=", "s", "First time at which a condition holds.", "aggregate"),
    LATER("corr", "x, y", "1", "Correlation.", "aggregate"),
    LATER("autocorr", "x", "1", "Autocorrelation at lag 1.", "aggregate"),
    LATER("clamp", "x, low, high", "of x", "x, not below low nor above high.", "elementwise"),
    LATER("diff", "x", "of x", "Differences of neighbouring samples.", "elementwise"),
    LATER("resample", "x, period", "of x", "The series on another clock.", "elementwise"),
    LATER("smooth", "x, kind, span", "of x", "Smoothed series.", "elementwise"),
    LATER("history", "name, last=", "", "Values of earlier runs.", "history"),
    LATER("u", "name", "", "Another indicator of this run.", "history"),
    LATER("golden", "name, rev=", "", "Reference traces.", "history"),
    LATER("outside", "x, golden, k=", "1", "Share of the time out of the reference band.", "aggregate"),
};

const struct eq_func *eq_func_find(const char *name) {
  for (size_t i = 0; i < TFDC_COUNT(functions); i++)
    if (strcmp(functions[i].doc.name, name) == 0) return &functions[i];
  return NULL;
}

const char *eq_func_nearest(const char *name) {
  size_t best = SIZE_MAX;
  const char *found = NULL;
  for (size_t i = 0; i < TFDC_COUNT(functions); i++) {
    size_t d = tfdc_distance(name, functions[i].doc.name);
    if (d < best) {
      best = d;
      found = functions[i].doc.name;
    }
  }
  return best <= 2 ? found : NULL;
}

const struct eq_function *eq_function_at(size_t index) {
  return index < TFDC_COUNT(functions) ? &functions[index].doc : NULL;
}
