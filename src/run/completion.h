/* SPDX-License-Identifier: Apache-2.0
 * The message that hands a run to a defender: subject and msg-id by the rules of model/records.h. */
#ifndef RUN_COMPLETION_H
#define RUN_COMPLETION_H

#include "model/records.h"
#include "port/queue.h"

/* Makes *r a request that sends m; what it points to lives in mem. suffix: "" at the first close, ".<n>" of a sweep,
 * ".j<judgement>" of an explicit re-judge. NOMEM. */
TFDC_MUST_USE tfdc_rc completion_request(const struct model_completion *m, const char *suffix, struct tfdc_arena *mem,
                                         struct publish_req *r);

#endif
