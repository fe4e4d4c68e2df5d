/* SPDX-License-Identifier: Apache-2.0
 * A list of the API on standard output: an aligned table for people, or one JSON object a line. */
#ifndef APP_LISTING_H
#define APP_LISTING_H

#include "app/filter.h"
#include "app/session.h"
#include "app/text_out.h"

struct listing {
  const char *path, *member; /* "/api/v1/runs", "runs" */
  const char *noun;          /* "run": where none fits */
  const char *first;         /* "newest": which ones a limit keeps */
  const struct text_column *columns;
  size_t n_columns;
  /* As many cells as there are columns; s for what else it has to ask. */
  void (*row)(struct session *s, struct text_table *t, const json_t *item);
  const struct filter *filter; /* of filter_takes(); NULL = the API has chosen already */
};
/* limit 0 = all. The errors of client_list and text_out. */
TFDC_MUST_USE tfdc_rc listing_print(struct session *s, const struct listing *l, const struct filter_params *params,
                                    size_t limit, bool json);

#endif
