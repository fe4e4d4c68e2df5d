/* SPDX-License-Identifier: Apache-2.0 */
#include "run/completion.h"

#include "model/codec.h"

#include <inttypes.h>
#include <stdio.h>

tfdc_rc completion_request(const struct model_completion *m, const char *suffix, struct tfdc_arena *mem,
                           struct publish_req *r) {
  struct tfdc_buf text = {0};
  tfdc_rc rc = model_completion_to_json(m, &text);
  char id[33], msg_id[96], subject[160];
  (void)snprintf(msg_id, sizeof msg_id, "%s.%" PRIu32 "%.40s", tfdc_id128_format(m->context_id, id), m->revision,
                 suffix);
  (void)snprintf(subject, sizeof subject, "dc.%s.%s.completed", m->key.tool, m->key.chamber);
  publish_req_init(r);
  r->subject = tfdc_arena_strdup(mem, subject);
  r->msg_id = tfdc_arena_strdup(mem, msg_id);
  r->data = rc == TFDC_OK ? tfdc_arena_strndup(mem, (const char *)text.data, text.size) : NULL;
  r->n = text.size;
  tfdc_buf_deinit(&text);
  return r->subject == NULL || r->msg_id == NULL || r->data == NULL ? TFDC_E_NOMEM : TFDC_OK;
}
