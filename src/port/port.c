/* SPDX-License-Identifier: Apache-2.0 */
#include "port/port.h"

#include <stddef.h>

tfdc_rc port_submit(struct port *p, struct port_req *r, struct port_loop *loop, void (*done)(struct port_req *r),
                    void *user) {
  if (r->kind != p->kind)
    return tfdc_fail(&r->err, TFDC_E_USAGE, "request of port %d at port %d", r->kind, (int)p->kind);
  r->loop = loop;
  r->done = done;
  r->user = user;
  r->rc = TFDC_OK;
  r->err = (struct tfdc_error){.code = TFDC_OK};
  return p->ops->submit(p, r);
}

static void run_done(struct port_task *t) {
  struct port_req *r = (struct port_req *)((char *)t - offsetof(struct port_req, task));
  r->done(r);
}

void port_complete(struct port_req *r, tfdc_rc rc) {
  r->rc = rc;
  if (rc != TFDC_OK && r->err.msg[0] == '\0') (void)tfdc_fail(&r->err, rc, "%s", tfdc_rc_text(rc));
  r->err.code = rc;
  r->task.fn = run_done;
  port_post(r->loop, &r->task);
}

void port_req_reset(struct port_req *r) {
  tfdc_arena_reset(&r->mem);
  r->rc = TFDC_OK;
  r->err = (struct tfdc_error){.code = TFDC_OK};
}

void port_req_deinit(struct port_req *r) { tfdc_arena_deinit(&r->mem); }
