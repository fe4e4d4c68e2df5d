/* SPDX-License-Identifier: Apache-2.0
 * Leader election in memory, for one process and for simulations. A term ends by the clock of the adapter's loop. */
#ifndef ADAPTER_MEM_ELECTION_MEM_H
#define ADAPTER_MEM_ELECTION_MEM_H

#include "port/election.h"

struct election_mem;

/* Requests are carried out on `loop`, which must outlive it. NULL when memory is out. */
struct election_mem *election_mem_create(struct port_loop *loop);
/* After the port was closed, or when it was never used. NULL is fine. */
void election_mem_destroy(struct election_mem *e);
struct port *election_mem_port(struct election_mem *e);

#endif
