/* SPDX-License-Identifier: Apache-2.0
 * Port: leader election with a term (the Election Agent's contract: Campaign, ExtendElectedTerm, Resign, GetLeader).
 * A term ends by itself; nobody may act as leader later than 0.6 x term after its last confirmed call. Adapters: mem;
 * over kv; later the agent itself. */
#ifndef PORT_ELECTION_H
#define PORT_ELECTION_H

#include "port/port.h"

#include <stdint.h>

enum election_op {
  ELECTION_CAMPAIGN, /* election, candidate, term_us -> won, leader, epoch (rises with each new leader) */
  ELECTION_EXTEND,   /* election, candidate, epoch, term_us; CONFLICT: no longer the leader */
  ELECTION_RESIGN,   /* election, candidate, epoch; CONFLICT */
  ELECTION_LEADER    /* election -> leader or NULL, epoch */
};
struct election_req {
  struct port_req base;
  const char *election, *candidate;
  int64_t term_us;
  uint64_t epoch; /* in and out */
  bool won;
  const char *leader; /* in base.mem */
};
static inline void election_req_init(struct election_req *r, enum election_op op) {
  *r = (struct election_req){.base = {.kind = PORT_ELECTION, .op = (uint16_t)op}};
}

#endif
