/* SPDX-License-Identifier: Apache-2.0
 * A port between a process and an adapter that lets a test see every request and every answer, and change them: the
 * simulation watches through one and puts its mutations into another. One thread only. */
#ifndef TEST_SIM_TAP_H
#define TEST_SIM_TAP_H

#include "port/port.h"

struct tap;
/* A request from submit to its done. */
struct tap_call {
  struct tap_call *prev, *next;
  struct tap *tap;
  struct port_req *req;
  void (*done)(struct port_req *r); /* the caller's */
  void *user;
  int stage;  /* the hooks': 0 at first */
  void *note; /* the hooks': freed with the call */
};
struct tap_ops { /* each may be NULL */
  /* On its way in, inside submit. False: held; the hook ends it later with tap_pass or tap_answer. */
  bool (*before)(struct tap *t, struct tap_call *c);
  /* The inner port has accepted it; a store in memory has carried it out. */
  void (*taken)(struct tap *t, struct tap_call *c);
  /* Its answer, on the request's loop. False: held as above. */
  bool (*after)(struct tap *t, struct tap_call *c);
};
struct tap {
  struct port port; /* what the process submits to */
  struct port *inner;
  const struct tap_ops *ops;
  void *user;
  struct tap_call *calls;
};

/* Must not move. ops NULL passes everything on. */
void tap_init(struct tap *t, struct port *inner, const struct tap_ops *ops, void *user);
/* When nothing is in flight, or after the loops died. */
void tap_deinit(struct tap *t);
/* Gives a held request to the inner port; a refusal becomes its answer. */
void tap_pass(struct tap_call *c);
/* Answers a held request in a turn of its own; it is not carried out. */
void tap_answer(struct tap_call *c, tfdc_rc rc);

#endif
