/* SPDX-License-Identifier: Apache-2.0
 * Requests to a store and their answers as bytes, so that another process can carry them out. Both ends are the same
 * program; a broken message is an assertion. */
#ifndef TEST_CONTRACT_STORE_WIRE_H
#define TEST_CONTRACT_STORE_WIRE_H

#include "base/cursor.h"
#include "port/store.h"

/* Appends all inputs of the request, which store_req_check has passed. */
void store_wire_put_request(const struct store_req *r, struct tfdc_buf *out);
/* *ret points into mem. What the decoders of the records refuse comes back as their code. */
TFDC_MUST_USE tfdc_rc store_wire_take_request(struct tfdc_cursor *c, struct tfdc_arena *mem, struct store_req *ret);
/* Result, error text and all outputs. */
void store_wire_put_answer(const struct store_req *r, struct tfdc_buf *out);
/* Sets rc, err and the outputs of r, in r->base.mem. */
void store_wire_take_answer(struct tfdc_cursor *c, struct store_req *r);

/* One message on a pipe: its length, its bytes. False when the other end is gone. */
bool store_wire_send(int fd, const struct tfdc_buf *message);
bool store_wire_receive(int fd, struct tfdc_buf *message); /* replaces what is in it */

#endif
