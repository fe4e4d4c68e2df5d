/* SPDX-License-Identifier: Apache-2.0
 * Run rules: parametric primitives over the deviations u of one chart, newest last.
 *
 *   beyond(z0, k of n)   k of the last n points beyond z0 on the same side, the newest one of them (Nelson 1, 5, 6)
 *   side(n)              n in a row on one side of the centre; a point on the centre breaks it       (Nelson 2)
 *   trend(n)             n points strictly rising or strictly falling; equal neighbours break it     (Nelson 3)
 *   alternate(n)         n points alternately up and down; equal neighbours break it                 (Nelson 4)
 *   inside(z0, n)        n in a row not beyond z0 on either side                                     (Nelson 7)
 *   outside_both(z0, n)  n in a row beyond z0, sides may differ                                      (Nelson 8)
 *
 * A point is flagged when it completes a pattern, and again by each further point that does. Equality with z0 is
 * inside. `beyond(z0)` is short for `beyond(z0, 1 of 1)`. z0 is in the unit of what is fed in: units of the limit for
 * the default rules, sigmas for the presets "nelson" and "we". A rule is a row of one table in rules.c.
 *
 * The default policy ("default"; spc_rules_init_default):
 *   warn   beyond(w)           once beyond the smaller limit: shown, no alarm
 *   ooc    beyond(1)           once beyond the family limit (learned so that about 1 % of normal runs have any)
 *   ooc    beyond(w, 2 of 3)   twice in three runs beyond the smaller limit, same chart, same side
 *   action beyond(1.5)         far beyond the family limit
 * where w (0.9 unless learned) is the width for a 5 % rate over the width for 1 %. Values only; any thread. */
#ifndef SPC_RULES_H
#define SPC_RULES_H

#include "base/err.h"
#include "spc/verdict.h"

#include <stdint.h>

enum { SPC_RULES_MAX = 16, SPC_RING_MAX = 15, SPC_RULE_N_MAX = 1000, SPC_RULE_TEXT_MAX = 64 };

enum spc_rule_kind {
  SPC_BEYOND,
  SPC_SIDE,
  SPC_TREND,
  SPC_ALTERNATE,
  SPC_INSIDE,
  SPC_OUTSIDE_BOTH,
  SPC_RULE_KIND_COUNT
};

struct spc_rule {
  enum spc_rule_kind kind;
  double z0;                /* beyond, inside, outside_both: > 0 */
  uint32_t k, n;            /* beyond: 1 <= k <= n <= 15; the others: k = n, 2..1000 (those with z0: 2..15) */
  enum spc_verdict verdict; /* of the point that completes the pattern: WARN, OOC or ACTION */
};

struct spc_rules {
  struct spc_rule rule[SPC_RULES_MAX];
  uint32_t count;
  uint32_t depth; /* points that the ring must keep: the widest n of rules that look at the ring, at least 2 */
};

/* Empty set: nothing is ever flagged by rules. */
void spc_rules_init(struct spc_rules *ret);
/* The default policy; warn_at in [0.5, 1), else 0.9 is taken. */
void spc_rules_init_default(struct spc_rules *ret, double warn_at);
/* "default", "nelson" (all eight, in sigmas), "we" (Western Electric 1956: rules 1, 5, 6 and 8 in a row; in sigmas).
 * NOT_FOUND for other names. */
TFDC_MUST_USE tfdc_rc spc_rules_init_preset(struct spc_rules *ret, const char *name, struct tfdc_error *err);
/* Adds a copy. LIMIT above SPC_RULES_MAX, DEFINITION when a parameter is out of range. */
TFDC_MUST_USE tfdc_rc spc_rules_add(struct spc_rules *rules, const struct spc_rule *rule, struct tfdc_error *err);

/* One rule text such as "beyond(1.0, 2 of 3)"; the verdict is set to OOC. DEFINITION with the position (columns from 1)
 * and what was expected there. Text of n bytes, need not end in NUL. */
TFDC_MUST_USE tfdc_rc spc_rule_parse(const char *text, size_t n, struct spc_rule *ret, struct tfdc_error *err);
/* A set: rules separated by `;` or newlines, each with an optional severity before it:
 * "warn beyond(0.9); ooc beyond(1); action beyond(1.5); side(9)". Without a severity: ooc. */
TFDC_MUST_USE tfdc_rc spc_rules_parse(const char *text, size_t n, struct spc_rules *ret, struct tfdc_error *err);
/* The text of a rule, which parses to the same rule; returns buf. */
char *spc_rule_format(const struct spc_rule *rule, char buf[SPC_RULE_TEXT_MAX]);

#endif
