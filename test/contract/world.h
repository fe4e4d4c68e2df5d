/* SPDX-License-Identifier: Apache-2.0
 * Where a contract suite runs: on real threads, or in a simulated world where time stands still while nobody steps. The
 * client's loop takes completions; the server's is given to adapters that need one. */
#ifndef TEST_CONTRACT_WORLD_H
#define TEST_CONTRACT_WORLD_H

#include "adapter/sim/loop_sim.h"
#include "port/port.h"
#include "support/loop_thread.h"

struct world {
  struct loop_sim *sim; /* NULL = threads */
  struct test_loop client_thread, server_thread;
  struct port_loop *client, *server;
};
/* A request on its way. */
struct flight {
  struct world *world;
  unsigned done;
};

void world_begin_threads(struct world *w);
void world_begin_sim(struct world *w, uint64_t seed);
void world_end(struct world *w);

/* Submits; the flight must live until it is done. The rc of the refusal, or OK. */
tfdc_rc world_start(struct world *w, struct port *p, struct port_req *r, struct flight *f);
void world_wait(struct flight *f);
/* Submits and waits: the result, or the refusal. */
tfdc_rc world_call(struct world *w, struct port *p, struct port_req *r);
void world_close(struct world *w, struct port *p);
/* Simulation only: lets time pass; false on threads, where nothing is done. */
bool world_pass(struct world *w, int64_t us);
bool world_is_done(const struct flight *f);

#endif
