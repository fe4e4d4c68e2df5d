/* SPDX-License-Identifier: Apache-2.0
 * The one table of rule kinds: a row gives the text, the parameters and the pattern. Private to spc. */
#ifndef SPC_RULE_KIND_H
#define SPC_RULE_KIND_H

#include "spc/rules.h"
#include "spc/state.h"

struct spc_rule_row {
  const char *name;
  bool has_z0;           /* first parameter */
  bool has_of;           /* second parameter is "k of n", and may be left out for 1 of 1 */
  bool looks_at_ring;    /* n counts towards rules.depth */
  uint32_t n_min, n_max; /* of n */
  /* Whether the newest point of the state completes the pattern. */
  bool (*complete)(const struct spc_state *state, const struct spc_rule *rule);
};

extern const struct spc_rule_row spc_rule_rows[SPC_RULE_KIND_COUNT];

#endif
