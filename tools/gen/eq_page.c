/* SPDX-License-Identifier: Apache-2.0 */
#include "eq_page.h"

#include "eq/eq.h"

#include <stdlib.h>
#include <string.h>

/* --- the chamber that the examples speak of --- */

static const struct {
  const char *svid, *unit, *text;
} sensors[] = {{"Press", "mTorr", "chamber pressure"},
               {"PressSp", "mTorr", "its set point"},
               {"RfFwd", "W", "forward power"},
               {"RfRefl", "W", "reflected power"},
               {"GasA", "sccm", "gas flow"},
               {"GasASp", "sccm", "its set point"},
               {"HeFlow", "sccm", "helium behind the wafer"},
               {"EscTemp", "degC", "temperature of the chuck"},
               {"Valve", "%", "position of the throttle valve"},
               {"Chuck Temp.1", "degC", "a name that needs quotes"}};

static const char *unit_of(void *user, const char *svid) {
  (void)user;
  for (size_t i = 0; i < TFDC_COUNT(sensors); i++)
    if (strcmp(sensors[i].svid, svid) == 0) return sensors[i].unit;
  return NULL;
}
static const char *name_at(void *user, size_t i) {
  (void)user;
  return i < TFDC_COUNT(sensors) ? sensors[i].svid : NULL;
}

static tfdc_rc compile(const char *text, struct eq_program **ret, struct tfdc_error *err) {
  static const struct eq_catalogue catalogue = {NULL, unit_of, name_at};
  return eq_compile(text, strlen(text), &catalogue, NULL, ret, err);
}

/* In a table a bar is written with a backslash. */
static void put_cell(FILE *out, const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '|') fputc('\\', out);
    fputc(*text, out);
  }
}

static void put_example(FILE *out, const char *text, const char *meaning) {
  struct eq_program *p = NULL;
  struct tfdc_error err = {0};
  if (compile(text, &p, &err) != TFDC_OK) {
    fprintf(stderr, "docs/eq-functions.md: %s: %s\n", text, tfdc_error_msg(&err));
    exit(1);
  }
  const char *unit = eq_program_unit(p);
  fprintf(out, "| `` %s `` | %s | %s |\n", text, unit[0] != '\0' ? unit : "unknown", meaning);
  eq_program_destroy(p);
}

static void put_error(FILE *out, const char *text) {
  struct eq_program *p = NULL;
  struct tfdc_error err = {0};
  tfdc_rc rc = compile(text, &p, &err);
  if (rc == TFDC_OK) {
    fprintf(stderr, "docs/eq-functions.md: %s compiles, though it is there for its error\n", text);
    exit(1);
  }
  fprintf(out, "| `` %s `` | %s | %s |\n", text, tfdc_rc_name(rc), tfdc_error_msg(&err));
}

/* --- the parts --- */

static const char INTRO[] =
    "# Equations\n\n"
    "<!-- Written by `make docs` from tools/gen/eq_page.c and the tables in src/eq: change it there. -->\n\n"
    "An equation turns the traces of one run into one number, the point of a U-chart. Strategies hold equations\n"
    "(`charts: - eq: ...`); `tfdc apply` checks them. Most are a sensor, a window and a statistic:\n\n"
    "```\nmean(Press in step(\"ME\").trim(2 s, 0.5 s))\n```\n\n"
    "the mean pressure in step ME, without its first 2 and its last 0.5 seconds. The language has no loops, no\n"
    "functions of your own, no clock and no chance: the same run and the same text give the same bits on every "
    "machine.\n\n"
    "## The text\n\n"
    "```\n"
    "equation = { \"let\" name \"=\" expression \";\" } expression\n"
    "expression = or [ \"in\" window ]                      the window binds loosest: A - B in w is (A - B) in w\n"
    "or = and { \"or\" and }      and = not { \"and\" not }    not = \"not\" not | comparison\n"
    "comparison = sum [ (\"<\" | \"<=\" | \">\" | \">=\" | \"==\" | \"!=\") sum ]         no chains: a < b and b < c\n"
    "sum = product { (\"+\" | \"-\") product }              product = unary { (\"*\" | \"/\") unary }\n"
    "unary = \"-\" unary | power                          power = postfix [ \"^\" unary ]     -2 ^ 2 is -4, 2 ^ 3 ^ 2 "
    "is "
    "512\n"
    "postfix = primary { \".\" method }                   the methods of windows\n"
    "primary = number [ unit ] | name | `name` | \"text\" | function \"(\" arguments \")\" | \"(\" expression \")\" | "
    "\"run\"\n"
    "arguments = values, then name=value\n"
    "```\n\n"
    "- **Names** are those of the chamber's SVIDs. A name with other characters than letters, digits and `_`, or one\n"
    "  that is a word of the language (`let in and or not run`), stands in backquotes: `` `Chuck Temp.1` ``. A "
    "doubled\n"
    "  quote stands for itself.\n"
    "- **Numbers** are decimal, with an exponent if you like, and may carry a unit: `5 mTorr`, `2 s`, `80 %`; a "
    "composed\n"
    "  unit stands in brackets: `3 [mTorr/s]`.\n"
    "- **let** names a value, a series or a window for what follows. A `#` begins a comment up to the end of the "
    "line.\n"
    "- There is no multiplication without `*`.\n\n"
    "## What there is\n\n"
    "| kind | what it is | where it comes from |\n|---|---|---|\n"
    "| number | one value | numbers, aggregates, arithmetic |\n"
    "| condition | true or false; as the result of an equation 1 or 0 | comparisons, `and`, `or`, `not` of numbers |\n"
    "| series | a value per sample | an SVID, arithmetic of series and numbers |\n"
    "| condition on a series | true or false per sample | comparisons of series |\n"
    "| window | a part of the run: one or several intervals | `run`, `step`, `between`, `while`, methods |\n"
    "| list | one value per interval of a window | an aggregate over a window with `.each` |\n\n"
    "An equation gives one number or condition. An aggregate makes one of a series (over all intervals of its window "
    "together),\n"
    "or of a list. Series are joined where both have a sample at the same microsecond; where only one has, the result "
    "is\n"
    "missing there and counts as a bad sample.\n\n";

static const char WINDOWS[] =
    "## Windows\n\n"
    "A series without `in` is taken over the whole run.\n\n"
    "| window | what it takes |\n|---|---|\n"
    "| `run` | the run from its start to its end |\n"
    "| `step(\"ME\")`, `step(4)` | all occurrences of the step of that name or number |\n"
    "| `step(\"ME\", 2)` | its second occurrence |\n"
    "| `between(\"RF_ON\", \"RF_OFF\")` | from each first event to the next second event after it |\n"
    "| `while(RfFwd > 20 W, min=2 s)` | where a condition on series holds: from the first true sample to the next "
    "false one; "
    "stretches shorter than `min` don't count. A gap of more than 5 median intervals ends it at the last true sample "
    "before the gap. The condition itself needs 3 samples and a quality of 0.8. `while(c in w)` looks only into w |\n"
    "| `.trim(2 s, 0.5 s)` | without 2 s at its head and 0.5 s at its tail (the tail may be left out) |\n"
    "| `.first(3 s)`, `.last(10 %)` | its first 3 seconds, its last tenth |\n"
    "| `.at(1 s, 4 s)` | from 1 to 4 seconds after its start |\n"
    "| `.nth(2)`, `.nth(-1)` | its second, its last interval |\n"
    "| `.each` | one value per interval: the aggregate becomes a list |\n\n"
    "Durations are constants, in a unit of time or in per cent of the interval. Methods work on each interval by "
    "itself "
    "and can\n"
    "be chained. A cut longer than the interval leaves nothing (NO_DATA).\n\n"
    "- Intervals are half-open: the sample at the border of two steps belongs to the later one. Only the end of the "
    "run\n"
    "  takes the sample at it.\n"
    "- A step without an end ends at the start of the next step, so at its first sample; the last one with the run.\n"
    "- A step that did not happen, or events that did not: MISSING_STEP. A condition that was never true (long "
    "enough): "
    "NEVER.\n\n";

static const char QUALITY[] = "## Samples, quality, and when there is no value\n\n"
                              "NaN, +Inf and -Inf are bad samples: dropped and counted. Every value carries n, the "
                              "number of good samples it used, "
                              "and a\n"
                              "quality from 0 to 1:\n\n"
                              "```\nquality = covered share of the window x good samples / samples\n```\n\n"
                              "The covered share is the sum of the intervals between neighbouring good samples, and "
                              "between them and the borders of "
                              "the\n"
                              "window, that are not longer than `max_gap`, over the length of the window. Where an "
                              "equation has several aggregates, "
                              "the\n"
                              "fewest n and the lowest quality count.\n\n"
                              "| argument of aggregates | default | what it does |\n|---|---|---|\n"
                              "| `min_n=` | 3 (of a list 1) | fewer good samples: LOW_QUALITY |\n"
                              "| `min_good=` | 0.8 (`80 %`) | a lower quality: LOW_QUALITY |\n"
                              "| `max_gap=` | 5 x the median interval of the good samples in the window | longer gaps "
                              "are not covered, and `area` "
                              "skips them |\n\n"
                              "`count` has `min_n=0, min_good=0` unless they are given. A value that is missing makes "
                              "everything missing that is\n"
                              "computed from it; `or_else(x, y)` is the only way out. The point is then NOT_JUDGED "
                              "with the first reason from left "
                              "to\n"
                              "right:\n\n"
                              "| reason | when |\n|---|---|\n";

static const char NUMBERS[] =
    "## Numbers\n\n"
    "- Time is counted in whole microseconds from the window; only differences become seconds, so that slope and area "
    "are\n"
    "  exact to the last digits in any year.\n"
    "- Mean and standard deviation come from two corrected passes; the sums of `sum` and `area` are compensated. "
    "NIST's\n"
    "  certified values are met to at least 13 digits wherever a double can hold them (`src/eq/eq_nist_test.c`).\n"
    "- Sums run in one fixed order, and `log`, `exp` and `^` come from SLEEF's reproducible functions: a value has the "
    "same\n"
    "  bits on every machine, whatever its vector unit, and whether the run came in one chunk or in many.\n"
    "- A result that is no finite number (0/0, overflow) is UNDEFINED.\n\n"
    "## Limits\n\n"
    "A text has at most 4096 bytes, 256 nodes (numbers, names, operators and calls), 32 levels of nesting, 16 "
    "different\n"
    "windows (each method makes one) and 64 SVIDs. Each limit has its own error.\n\n";

static void put_reasons(FILE *out) {
  static const struct {
    enum eq_reason reason;
    const char *text;
  } rows[] = {
      {EQ_NO_DATA, "the SVID is not in the run, or no good sample lies in the window"},
      {EQ_LOW_QUALITY, "fewer good samples than `min_n`, or a quality below `min_good`"},
      {EQ_MISSING_STEP, "the step, occurrence or event of the window did not happen"},
      {EQ_NEVER, "the condition of `while` was never true (long enough)"},
      {EQ_UNDEFINED, "there is no such number: 0/0, the logarithm of a negative, `std` or `slope` of one sample"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++)
    fprintf(out, "| %s | %s |\n", eq_reason_name(rows[i].reason), rows[i].text);
  fputc('\n', out);
}

static void put_functions(FILE *out) {
  static const char *const kinds[] = {"aggregate", "elementwise", "logic", "window"};
  const struct eq_function *f;
  fprintf(out, "## Functions\n\nElementwise functions take numbers, series and lists.\n\n"
               "| function | kind | unit | meaning |\n|---|---|---|---|\n");
  for (size_t k = 0; k < TFDC_COUNT(kinds); k++) {
    for (size_t i = 0; (f = eq_function_at(i)) != NULL; i++) {
      if (!f->available || strcmp(f->kind, kinds[k]) != 0) continue;
      fprintf(out, "| `%s(", f->name);
      put_cell(out, f->args);
      fprintf(out, ")` | %s | %s | ", f->kind, f->unit[0] != '\0' ? f->unit : "-");
      put_cell(out, f->text);
      fprintf(out, " |\n");
    }
  }
  fprintf(out, "\nKnown to the language, not in this release:");
  const char *comma = "";
  for (size_t i = 0; (f = eq_function_at(i)) != NULL; i++) {
    if (f->available) continue;
    fprintf(out, "%s `%s`", comma, f->name);
    comma = ",";
  }
  fprintf(out, ".\n\n");
}

static void put_units(FILE *out) {
  fprintf(
      out,
      "## Units\n\n"
      "SVIDs have units; `+ - < == min2 if ...` need the same dimension on both sides and convert to the unit of the "
      "left one;\n"
      "`*` and `/` compose; `area` multiplies by s, `slope` divides by s. A result without dimension counts in 1: "
      "`mean(Press) / 1 Torr`\n"
      "of 5 mTorr is 0.005. An SVID whose unit nobody knows goes with everything; compiling warns of it.\n\n"
      "degC and degF are points on a scale: they can be compared and subtracted (which gives a difference, "
      "delta_degC), "
      "not added or\n"
      "multiplied. A number in K may be a difference as well: `mean(EscTemp) + 5 K`.\n\n"
      "| unit | meaning |\n|---|---|\n");
  const char *name, *text;
  for (size_t i = 0; (name = eq_unit_at(i, &text)) != NULL; i++) fprintf(out, "| `%s` | %s |\n", name, text);
  fprintf(out, "\nThey compose with `*`, `/` and `^`: `W*s`, `mTorr/s`, `m^2`.\n\n");
}

static void put_examples(FILE *out) {
  static const char *const rows[][2] = {
      {"mean(Press in step(\"ME\").trim(2 s, 0.5 s))", "the work-horse"},
      {"let w = step(\"ME\").trim(1 s, 0.5 s); std(RfFwd in w) / mean(RfFwd in w)", "relative ripple"},
      {"max(RfRefl in step(\"ME\"))", "worst reflection"},
      {"area(RfRefl in step(\"ME\"))", "reflected energy"},
      {"mean(abs(GasA - GasASp) in step(\"ME\").trim(3 s)) / mean(GasASp in step(\"ME\"))",
       "delivery error of a mass-flow controller"},
      {"slope(HeFlow in step(\"ME\").trim(2 s))", "trend of the backside leak"},
      {"span(step(\"ME\"))", "duration of a step"},
      {"range(mean(Press in step(\"DEP\").each))", "a looped step: range over its cycles"},
      {"max(EscTemp in run) - first(EscTemp in run)", "heating up"},
      {"mean(`Chuck Temp.1` in between(\"RF_ON\", \"RF_OFF\"))", "while the plasma was on, by events"},
      {"mean(Press in while(RfFwd > 20 W, min=2 s).trim(1 s, 1 s))", "the same by the power itself"},
      {"median(Valve in step(4), min_n=10, min_good=90 %, max_gap=2 s)", "stricter than the defaults"},
      {"or_else(max(RfRefl in step(\"OE\")), 0 W)", "a step that not every recipe has"},
      {"sum(if(RfRefl > 20 W, 1, 0) in step(\"ME\"))", "samples above a level"},
      {"let w = step(\"ME\"); mean(Press in w.last(3 s)) - mean(Press in w.first(3 s))", "change within a step"},
  };
  fprintf(out, "## Examples\n\nAll of a chamber with these SVIDs:\n\n| name | unit | |\n|---|---|---|\n");
  for (size_t i = 0; i < TFDC_COUNT(sensors); i++)
    fprintf(out, "| `%s` | %s | %s |\n", sensors[i].svid, sensors[i].unit, sensors[i].text);
  fprintf(out, "\n| equation | unit | what it watches |\n|---|---|---|\n");
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) put_example(out, rows[i][0], rows[i][1]);
}

static void put_errors(FILE *out) {
  static const char *const rows[] = {
      "mean(Pres in step(\"ME\"))", "maen(Press)", "mean(Press in step(\"ME\")", "mean(Press) + 1 s", "Press",
      "mean(EscTemp) * 2",          "1 < 2 < 3",   "mean(Press, minn=3)",
  };
  fprintf(out,
          "\n## Errors\n\nAn error has the place (line:column, counted in bytes from 1), what was expected and the "
          "nearest name:\n\n| equation | error | text |\n|---|---|---|\n");
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) put_error(out, rows[i]);
}

void eq_page_print(FILE *out) {
  fputs(INTRO, out);
  fputs(WINDOWS, out);
  fputs(QUALITY, out);
  put_reasons(out);
  put_functions(out);
  put_units(out);
  fputs(NUMBERS, out);
  put_examples(out);
  put_errors(out);
}
