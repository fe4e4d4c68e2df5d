/* SPDX-License-Identifier: Apache-2.0
 * Waiting for runs that are judged again. */
#ifndef APP_JUDGED_WAIT_H
#define APP_JUDGED_WAIT_H

#include "app/filter.h"
#include "app/session.h"

/* The system's time: what is judged from now on has a later one. Errors of client_get. */
TFDC_MUST_USE tfdc_rc judged_wait_begin(struct session *s, int64_t *ret_us);
/* Until the run's verdict is that of this judgement or a later one. */
TFDC_MUST_USE tfdc_rc judged_wait_run(struct session *s, const char id[33], int64_t judgement);
/* Until n runs of the filter (its verdict aside: that changes) were judged at `since_us` or later, with progress. A
 * system that stops ends it with its error. */
TFDC_MUST_USE tfdc_rc judged_wait(struct session *s, const struct filter *f, int64_t since_us, int64_t n);

#endif
