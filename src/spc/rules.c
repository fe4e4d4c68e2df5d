/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/rules.h"

#include "spc/rule_kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define Z0_MIN 0.01
#define Z0_MAX 1000.0

void spc_rules_init(struct spc_rules *ret) { *ret = (struct spc_rules){.depth = 2}; }

tfdc_rc spc_rules_add(struct spc_rules *rules, const struct spc_rule *r, struct tfdc_error *err) {
  if (rules->count >= SPC_RULES_MAX)
    return tfdc_fail(err, TFDC_E_LIMIT, "more than %d rules in a set", (int)SPC_RULES_MAX);
  if ((unsigned)r->kind >= SPC_RULE_KIND_COUNT)
    return tfdc_fail(err, TFDC_E_DEFINITION, "unknown rule kind %d", (int)r->kind);
  const struct spc_rule_row *row = &spc_rule_rows[r->kind];
  if (r->verdict != SPC_WARN && r->verdict != SPC_OOC && r->verdict != SPC_ACTION)
    return tfdc_fail(err, TFDC_E_DEFINITION, "%s: the severity is warn, ooc or action", row->name);
  if (row->has_z0 && !(r->z0 >= Z0_MIN && r->z0 <= Z0_MAX))
    return tfdc_fail(err, TFDC_E_DEFINITION, "%s: z0 %g is not in %g..%g", row->name, r->z0, Z0_MIN, Z0_MAX);
  if (r->n < row->n_min || r->n > row->n_max)
    return tfdc_fail(err, TFDC_E_DEFINITION, "%s: n %u is not in %u..%u", row->name, r->n, row->n_min, row->n_max);
  if (r->k < 1 || r->k > r->n)
    return tfdc_fail(err, TFDC_E_DEFINITION, "%s: k %u is not in 1..%u", row->name, r->k, r->n);
  rules->rule[rules->count++] = *r;
  if (row->looks_at_ring && r->n > rules->depth) rules->depth = r->n;
  if (rules->depth < 2) rules->depth = 2;
  return TFDC_OK;
}

static void add_known(struct spc_rules *rules, enum spc_rule_kind kind, double z0, uint32_t k, uint32_t n) {
  struct spc_rule rule = {.kind = kind, .z0 = z0, .k = k, .n = n, .verdict = SPC_OOC};
  tfdc_rc rc = spc_rules_add(rules, &rule, NULL);
  TFDC_ASSERT(rc == TFDC_OK);
}

void spc_rules_init_default(struct spc_rules *ret, double warn_at) {
  double w = warn_at >= 0.5 && warn_at < 1 ? floor(warn_at * 1000 + 0.5) / 1000 : 0.9;
  struct spc_rules rules;
  spc_rules_init(&rules);
  add_known(&rules, SPC_BEYOND, w, 1, 1);
  rules.rule[0].verdict = SPC_WARN;
  add_known(&rules, SPC_BEYOND, 1, 1, 1);
  add_known(&rules, SPC_BEYOND, w, 2, 3);
  add_known(&rules, SPC_BEYOND, 1.5, 1, 1);
  rules.rule[3].verdict = SPC_ACTION;
  *ret = rules;
}

tfdc_rc spc_rules_init_preset(struct spc_rules *ret, const char *name, struct tfdc_error *err) {
  struct spc_rules rules;
  spc_rules_init(&rules);
  bool nelson = strcmp(name, "nelson") == 0;
  if (strcmp(name, "default") == 0) {
    spc_rules_init_default(&rules, 0);
  } else if (nelson || strcmp(name, "we") == 0) {
    add_known(&rules, SPC_BEYOND, 3, 1, 1);
    add_known(&rules, SPC_BEYOND, 2, 2, 3);
    add_known(&rules, SPC_BEYOND, 1, 4, 5);
    add_known(&rules, SPC_SIDE, 0, 1, nelson ? 9 : 8);
    if (nelson) {
      add_known(&rules, SPC_TREND, 0, 1, 6);
      add_known(&rules, SPC_ALTERNATE, 0, 1, 14);
      add_known(&rules, SPC_INSIDE, 1, 1, 15);
      add_known(&rules, SPC_OUTSIDE_BOTH, 1, 1, 8);
    }
  } else {
    return tfdc_fail(err, TFDC_E_NOT_FOUND, "no rule preset \"%.40s\": there are default, nelson, we", name);
  }
  *ret = rules;
  return TFDC_OK;
}

char *spc_rule_format(const struct spc_rule *r, char buf[SPC_RULE_TEXT_MAX]) {
  const struct spc_rule_row *row = &spc_rule_rows[r->kind];
  char z0[24] = "", of[24] = "";
  if (row->has_z0) {
    /* By whole numbers: independent of the locale. The parser takes up to six decimals. */
    unsigned long micro = (unsigned long)(r->z0 * 1e6 + 0.5);
    int n = snprintf(z0, sizeof z0, "%lu.%06lu", micro / 1000000, micro % 1000000);
    while (z0[n - 1] == '0' && z0[n - 2] != '.') z0[--n] = '\0';
  }
  if (row->has_of) (void)snprintf(of, sizeof of, "%u of ", r->k);
  (void)snprintf(buf, SPC_RULE_TEXT_MAX, "%s(%s%s%s%u)", row->name, z0, row->has_z0 ? ", " : "", of, r->n);
  return buf;
}
