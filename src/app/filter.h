/* SPDX-License-Identifier: Apache-2.0
 * The options by which commands choose runs, as parameters of the API. */
#ifndef APP_FILTER_H
#define APP_FILTER_H

#include "app/cli.h"

#include <jansson.h>

struct filter {
  const char *tool, *chamber, *recipe, *lot, *wafer, *product, *verdict, *state;
  int64_t from_us, to_us; /* 0 = not given */
};
/* For a command's table. */
#define FILTER_CHAMBER_OPTIONS(f)                                                                                      \
  {"tool", CLI_TEXT, &(f)->tool, "GLOB", "of this tool"}, {                                                            \
    "chamber", CLI_TEXT, &(f)->chamber, "GLOB", "of this chamber: CHAMBER or TOOL:CHAMBER"                             \
  }
#define FILTER_TIME_OPTIONS(f)                                                                                         \
  {"since", CLI_TIME, &(f)->from_us, "TIME", "not before: 2h (ago), 2026-11-25, 2026-11-25T08:00:00Z"},                \
      {"until", CLI_TIME, &(f)->to_us, "TIME", "before"},                                                              \
      {"from", CLI_TIME, &(f)->from_us, "TIME", "the same as --since"}, {                                              \
    "to", CLI_TIME, &(f)->to_us, "TIME", "the same as --until"                                                         \
  }
#define FILTER_RUN_OPTIONS(f)                                                                                          \
  FILTER_CHAMBER_OPTIONS(f), {"recipe", CLI_TEXT, &(f)->recipe, "GLOB", "of this recipe"},                             \
      {"lot", CLI_TEXT, &(f)->lot, "GLOB", "of this lot"}, {"wafer", CLI_TEXT, &(f)->wafer, "GLOB", "of this wafer"},  \
      {"product", CLI_TEXT, &(f)->product, "GLOB", "of this product"}, FILTER_TIME_OPTIONS(f)

enum { FILTER_PARAMS = 64 };
struct filter_params {
  char tool[256], from[24], to[24];
  const char *list[2 * FILTER_PARAMS]; /* name, value ..., NULL: what client.h takes; points into this and the filter */
  size_t n;
};
/* USAGE: a chamber is given in two ways. */
TFDC_MUST_USE tfdc_rc filter_params(const struct filter *f, struct filter_params *ret, struct tfdc_error *err);
void filter_add(struct filter_params *p, const char *name, const char *value); /* value NULL: left out */
bool filter_is_empty(const struct filter *f);
/* Recipe, lot and wafer over "recipe_id", "lot_id", "substrate_id": for lists that the API does not choose by them. */
bool filter_takes(const struct filter *f, const json_t *row);

#endif
