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

void port_req_reset(struct port_req *r) {
  tfdc_arena_reset(&r->mem);
  r->rc = TFDC_OK;
  r->err = (struct tfdc_error){.code = TFDC_OK};
}

void port_req_deinit(struct port_req *r) { tfdc_arena_deinit(&r->mem); }
