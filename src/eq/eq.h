/* SPDX-License-Identifier: Apache-2.0
 * The equation language: one EQ turns the traces of one run into one number. docs/eq-functions.md is its manual,
 * made from the same function table that drives the parser and the checker.
 *
 * eq_compile parses, checks types and units, and makes an immutable flat program; eq_eval runs it. Pure: no I/O, no
 * clock, no globals, no locale; the same run gives the same bits on every machine. A program may be evaluated by many
 * threads at once, each with its own scratch arena. */
#ifndef EQ_EQ_H
#define EQ_EQ_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/* Why a value is missing (NaN). The names are those of the verdict NOT_JUDGED(reason). */
enum eq_reason {
  EQ_OK,
  EQ_NO_DATA,      /* the SVID is not in the run, or no good sample lies in the window */
  EQ_LOW_QUALITY,  /* fewer good samples than min_n, or quality below min_good */
  EQ_MISSING_STEP, /* the step, occurrence or event of the window did not happen */
  EQ_NEVER,        /* the condition of while(...) was never true (long enough) */
  EQ_UNDEFINED     /* no such number: 0/0, log of a negative, std of one sample */
};
const char *eq_reason_name(enum eq_reason reason); /* "MISSING_STEP"; static */

/* --- what a run looks like; all borrowed for the duration of the call --- */
struct eq_series {
  const char *name;
  size_t n;
  const int64_t *t_us; /* [n], strictly rising; series sampled together may share one array (equal pointers: faster) */
  const double *v;     /* [n]; NaN and +-Inf are bad samples: dropped and counted */
};
struct eq_step {
  const char *name;
  uint32_t number;
  uint32_t occurrence; /* 1-based per name; 0: counted by the evaluation */
  int64_t start_us;
  int64_t end_us; /* INT64_MIN: unknown, the start of the next step, for the last one the end of the run */
};
struct eq_event {
  const char *name;
  int64_t time_us;
};
struct eq_run {
  int64_t start_us, end_us;
  const struct eq_series *series; /* names are distinct (the first of equal ones counts) */
  size_t n_series;
  const struct eq_step *steps; /* in order of start */
  size_t n_steps;
  const struct eq_event *events; /* in order of time */
  size_t n_events;
};

/* --- compiling --- */
/* The SVIDs that there are, with their units. Called only inside eq_compile. */
struct eq_catalogue {
  void *user;
  /* The unit of an SVID as text ("mTorr", "W/s"); "" when nobody knows it; NULL when there is no such SVID. */
  const char *(*unit)(void *user, const char *svid);
  /* The index-th name, NULL after the last: for the "nearest name" of an error. May be NULL. */
  const char *(*name_at)(void *user, size_t index);
};

/* Caps; 0 = the default. Each has its own error (EQ_COST, for the text LIMIT). */
struct eq_limits {
  size_t text_bytes; /* 4096 */
  size_t nodes;      /* 256, after constants are folded and equal parts are shared */
  size_t depth;      /* 32 levels of nesting */
  size_t windows;    /* 16 different windows */
  size_t svids;      /* 64 */
};

struct eq_program;

/* Compiles n bytes of UTF-8. cat NULL: every SVID exists, with unknown unit. limits NULL: the defaults.
 * Errors: EQ_SYNTAX, EQ_NAME, EQ_TYPE, EQ_UNIT, EQ_COST, LIMIT, NOMEM; the message begins with "line:column: " (the
 * column counts bytes from 1) and names what was expected and the nearest name. On success the caller owns *ret. */
TFDC_MUST_USE tfdc_rc eq_compile(const char *text, size_t n, const struct eq_catalogue *cat,
                                 const struct eq_limits *limits, struct eq_program **ret, struct tfdc_error *err);
void eq_program_destroy(struct eq_program *p); /* NULL is fine */

/* What a compiled program says of itself; strings live as long as the program. The accessors by index return NULL
 * after the last. */
const char *eq_program_unit(const struct eq_program *p);           /* canonical text: "mTorr", "W*s", "1"; "" unknown */
const char *eq_program_svid(const struct eq_program *p, size_t i); /* SVIDs it reads, in order of first mention */
const char *eq_program_step(const struct eq_program *p, size_t i); /* names of the steps it asks for */
/* The i-th step that it asks for by number; false after the last. */
bool eq_program_step_number(const struct eq_program *p, size_t i, int64_t *ret);
const char *eq_program_warning(const struct eq_program *p, size_t i); /* "1:8: unit of `Press` is unknown" */
/* Cost of one evaluation on a run of n points per SVID, in units of about one pass over one point. */
double eq_program_cost(const struct eq_program *p, double points);

/* --- evaluating --- */
struct eq_value {
  double value;          /* NaN exactly when reason is not EQ_OK */
  uint32_t n;            /* good samples used; of several aggregates the fewest; 0 when there is none */
  double quality;        /* 0..1, see docs/eq-functions.md; of several aggregates the lowest */
  enum eq_reason reason; /* of several the first, from left to right */
};

/* Evaluates one program. The scratch arena is used, not reset; nothing in ret points into it. TFDC_E_NOMEM when the
 * arena's limit or memory is exhausted (ret untouched); no other error. A missing value is not an error. */
TFDC_MUST_USE tfdc_rc eq_eval(const struct eq_program *p, const struct eq_run *run, struct tfdc_arena *scratch,
                              struct eq_value *ret);
/* Evaluates n programs of one run; windows, clocks and moments of a (series, window) are computed once for all of
 * them. ret[i] has the same bits as eq_eval of programs[i]. */
TFDC_MUST_USE tfdc_rc eq_eval_all(const struct eq_program *const *programs, size_t n, const struct eq_run *run,
                                  struct tfdc_arena *scratch, struct eq_value *ret);

/* --- units --- */
/* True when the text is a unit that tFDC knows ("W/s", "mTorr", "m^2"); the rest is dimensionless with a warning. */
bool eq_unit_is_known(const char *text);

/* --- the language, for documentation and editors --- */
struct eq_function {
  const char *name;
  const char *args; /* "x, min_n=, min_good=, max_gap=" */
  const char *unit; /* unit of the result in words: "of x", "of x * s" */
  const char *text; /* definition */
  const char *kind; /* "aggregate", "window", "elementwise", "logic" */
  bool available;   /* false: known to the language, not in this release */
};
const struct eq_function *eq_function_at(size_t index);      /* NULL after the last */
const char *eq_unit_at(size_t index, const char **ret_text); /* symbols of the unit table; NULL after the last */

#endif
