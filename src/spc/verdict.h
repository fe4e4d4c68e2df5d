/* SPDX-License-Identifier: Apache-2.0
 * The verdicts. Pure, no state; every function may be called from any thread. */
#ifndef SPC_VERDICT_H
#define SPC_VERDICT_H

/* In order of severity; NOT_JUDGED is no severity and its numbers are stored: never renumber. */
enum spc_verdict { SPC_OK = 0, SPC_WARN = 1, SPC_OOC = 2, SPC_ACTION = 3, SPC_NOT_JUDGED = 4 };

/* "OK", "WARN", "OOC", "ACTION", "NOT_JUDGED"; "?" for other numbers. Static. */
const char *spc_verdict_name(enum spc_verdict v);
/* The worse of two, where NOT_JUDGED yields to whatever was judged (the run's "judged n of m" is the caller's). */
static inline enum spc_verdict spc_verdict_worst(enum spc_verdict a, enum spc_verdict b) {
  if (a == SPC_NOT_JUDGED) return b;
  if (b == SPC_NOT_JUDGED) return a;
  return a > b ? a : b;
}

#endif
