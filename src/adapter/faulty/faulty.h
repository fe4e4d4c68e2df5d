/* SPDX-License-Identifier: Apache-2.0
 * Wraps any port and makes it fail as the world does: refusals, lost answers, delays, repeats, a process that dies
 * right before or after a call. Without rules it passes everything on unchanged.
 *
 * Rules come as structs or as text, one after the other with ';' (TFDC_FAULTS of a process under test):
 *
 *   PORT.OP:ACTION[:N][:KEY=VALUE,...]
 *
 *   PORT    store publish workqueue kv alarm election; OP as in the port's enum without its prefix, or * for all
 *   ACTION  fail=CODE         completes with the error, not carried out
 *           fail-after=CODE   carried out, but the answer is lost: completes with the error
 *           drop=US           not carried out, TIMEOUT after so many microseconds
 *           delay=US          carried out, answered so much later
 *           repeat            carried out twice, the second answer counts
 *           kill-before       SIGKILL to the own process instead of the call
 *           kill-after        SIGKILL when the call was carried out, before its answer is given
 *   N       the N-th matching call only (1 = first); without it every one
 *   KEY     p=0.1 with this probability only; seed=N for it (default 1)
 *
 *   store.CHUNK_PUT:kill-after:3;publish.SEND:fail-after=TIMEOUT:p=0.1,seed=7 */
#ifndef ADAPTER_FAULTY_FAULTY_H
#define ADAPTER_FAULTY_FAULTY_H

#include "port/port.h"

enum faulty_action {
  FAULTY_FAIL,
  FAULTY_FAIL_AFTER,
  FAULTY_DROP,
  FAULTY_DELAY,
  FAULTY_REPEAT,
  FAULTY_KILL_BEFORE,
  FAULTY_KILL_AFTER
};
enum { FAULTY_ANY_OP = -1, FAULTY_MAX_RULES = 32, FAULTY_MAX_TEXT = 4096 };
struct faulty_rule {
  enum port_kind port;
  int op; /* FAULTY_ANY_OP */
  enum faulty_action action;
  tfdc_rc rc;         /* FAIL, FAIL_AFTER */
  tfdc_dur by;        /* DROP, DELAY */
  uint64_t nth;       /* 0 = every matching call */
  double probability; /* 0 = always */
  uint64_t seed;
};

/* Reads at most FAULTY_MAX_RULES rules; USAGE names the rule and what is wrong with it. NULL or "" are no rules. */
TFDC_MUST_USE tfdc_rc faulty_parse(const char *text, struct faulty_rule rules[FAULTY_MAX_RULES], size_t *ret_n,
                                   struct tfdc_error *err);

struct faulty;
/* Wraps `inner`, which the caller still owns; of the rules those for its kind are copied, at most FAULTY_MAX_RULES.
 * Where several rules match, the first that fires counts. NULL when memory is out. */
struct faulty *faulty_create(struct port *inner, const struct faulty_rule *rules, size_t n);
/* After the port was closed (that closes `inner` too), or when it was never used. NULL is fine. */
void faulty_destroy(struct faulty *f);
struct port *faulty_port(struct faulty *f);

/* Adds a rule, or forgets all, while requests go on. LIMIT above FAULTY_MAX_RULES. Any thread. */
TFDC_MUST_USE tfdc_rc faulty_add(struct faulty *f, const struct faulty_rule *rule);
void faulty_clear(struct faulty *f);
/* Submitted calls of an op so far (FAULTY_ANY_OP: all), refused ones included. Any thread. */
uint64_t faulty_calls(struct faulty *f, int op);
/* Calls that a rule changed. */
uint64_t faulty_faults(struct faulty *f);

#endif
