/* SPDX-License-Identifier: Apache-2.0
 * The traces of runs as CSV: one line a reading, or one line a time with a column for each SVID. */
#ifndef APP_EXPORT_TRACE_H
#define APP_EXPORT_TRACE_H

#include "app/cli.h"
#include "app/client.h"

struct export_trace {
  struct client *client;
  FILE *out;
  const struct cli_list *svids; /* none = all */
  bool wide, json;
  struct cli_progress *progress;
  double points;    /* written so far */
  bool said_titles; /* of the long form */
};
/* The long form and JSON hold a few series at a time; the wide form holds all that were chosen, and refuses more than
 * EXPORT_WIDE_POINTS (LIMIT). Errors of the client; NOT_FOUND for an SVID that the run does not have. A failed write is
 * for the caller to notice. */
enum { EXPORT_WIDE_POINTS = 32 << 20 };
TFDC_MUST_USE tfdc_rc export_trace(struct export_trace *t, const char id[33], struct tfdc_error *err);

#endif
