/* SPDX-License-Identifier: Apache-2.0
 * What is new among the alarms since the last look, by asking the API again and again. */
#ifndef APP_ALARM_WATCH_H
#define APP_ALARM_WATCH_H

#include "app/client.h"
#include "app/filter.h"

/* Alarms are listed by the order time at which they opened, and historical runs open alarms of long ago. So each look
 * takes all that are open, the newest of all, and those that were open and are no more; every ALARM_WATCH_WHOLE-th look
 * takes all, for one that opened and ended between two looks. Nothing is kept but here: a server that restarts, or
 * another one on the same store, changes nothing. */
enum { ALARM_WATCH_NEWEST = 1000, ALARM_WATCH_WHOLE = 30 };

struct alarm_watch {
  struct client *client;             /* borrowed, as the next */
  const struct filter_params *where; /* tool, chamber, times */
  json_t *seen;                      /* alarm id -> its last update */
  json_t *open;                      /* alarm id -> alarm, of those that were open at the last look */
  uint64_t looks;
};
void alarm_watch_deinit(struct alarm_watch *w);
/* *ret_news: a new array, the caller's, of the alarms that changed, in order of their change; those of the first look
 * too. After an error as well: what was seen until then, for it is not news again. Errors of client_list. */
TFDC_MUST_USE tfdc_rc alarm_watch_look(struct alarm_watch *w, json_t **ret_news, struct tfdc_error *err);

#endif
