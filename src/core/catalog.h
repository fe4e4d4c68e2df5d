/* SPDX-License-Identifier: Apache-2.0
 * The definitions in force: strategies and limit sets, parsed. A catalog is immutable and counted (thread-safe
 * counting); a change makes a new one. The version for a run is the newest approved one with effective_us <= the run's
 * order time. */
#ifndef CORE_CATALOG_H
#define CORE_CATALOG_H

#include "base/arena.h"
#include "eq/eq.h"
#include "model/strategy.h"

struct catalog;

/* Parses the bodies; a definition that cannot be read is left out and named in err (the rest is used; rc stays OK).
 * NOMEM. One reference, the caller's. */
TFDC_MUST_USE tfdc_rc catalog_create(const struct model_def *defs, size_t n, struct catalog **ret,
                                     struct tfdc_error *err);
void catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c);         /* NULL ok */
size_t catalog_count(const struct catalog *c); /* definitions in it */

/* What judges a run by one strategy. Pointers live as long as the catalog. */
struct catalog_pick {
  const struct model_strategy *strategy;
  uint32_t version;
  const struct model_limit_set *limits; /* NULL = none learned yet */
  uint32_t limit_version;
};
/* The strategies that select the run, by id; at most max. Returns how many. */
size_t catalog_select(const struct catalog *c, const struct model_context *run, struct catalog_pick *ret, size_t max);

/* Can the rules of a strategy be used together? DEFINITION or LIMIT otherwise, *ret_bad is the first that cannot. */
TFDC_MUST_USE tfdc_rc catalog_check_rules(const struct model_globs *rules, size_t *ret_bad, struct tfdc_error *err);

/* The charts of one strategy version compiled for one dictionary; immutable, counted. */
struct programs {
  const struct eq_program **charts; /* n; NULL = could not be compiled */
  enum model_reason *reasons;       /* why not: NO_DATA (an SVID is not in the dictionary), UNDEFINED (unit, type) */
  size_t n;
};
/* chamber NULL: every SVID may exist. One reference, the caller's. NOMEM. */
TFDC_MUST_USE tfdc_rc programs_create(const struct model_strategy *s, const struct model_chamber *chamber,
                                      struct programs **ret);
void programs_ref(struct programs *p);
void programs_unref(struct programs *p);
/* Hash of what programs depend on: strategy id, version and the dictionary. */
struct tfdc_id128 programs_key(const char *strategy, uint32_t version, const struct model_chamber *chamber);
/* Units of a chamber's dictionary for eq_compile. */
struct eq_catalogue programs_units(const struct model_chamber *chamber);

#endif
