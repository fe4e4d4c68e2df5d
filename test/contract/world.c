/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/world.h"

void world_begin_threads(struct world *w) {
  *w = (struct world){.sim = NULL};
  test_loop_start(&w->client_thread);
  test_loop_start(&w->server_thread);
  w->client = &w->client_thread.loop;
  w->server = &w->server_thread.loop;
}

void world_begin_sim(struct world *w, uint64_t seed) {
  *w = (struct world){.sim = loop_sim_create(seed)};
  TFDC_ASSERT(w->sim != NULL);
  w->client = loop_sim_add(w->sim);
  w->server = loop_sim_add(w->sim);
  TFDC_ASSERT(w->client != NULL && w->server != NULL);
}

void world_end(struct world *w) {
  if (w->sim != NULL) {
    loop_sim_destroy(w->sim);
    return;
  }
  test_loop_stop(&w->client_thread);
  test_loop_stop(&w->server_thread);
}

static void landed(struct port_req *r) {
  struct flight *f = r->user;
  if (f->world->sim != NULL)
    f->done++;
  else
    test_loop_add(&f->world->client_thread, &f->done, 1);
}

tfdc_rc world_start(struct world *w, struct port *p, struct port_req *r, struct flight *f) {
  *f = (struct flight){.world = w};
  return port_submit(p, r, w->client, landed, f);
}

bool world_is_done(const struct flight *f) { return f->done > 0; }

static bool done(void *user) { return ((struct flight *)user)->done > 0; }

void world_wait(struct flight *f) {
  if (f->world->sim != NULL)
    TFDC_ASSERT(loop_sim_run_until(f->world->sim, done, f, 1000000));
  else
    test_loop_wait(&f->world->client_thread, &f->done, 1);
}

tfdc_rc world_call(struct world *w, struct port *p, struct port_req *r) {
  struct flight f;
  TFDC_TRY(world_start(w, p, r, &f));
  world_wait(&f);
  return r->rc;
}

struct closing {
  struct port_task task;
  struct flight flight;
};

static void closed(struct port_task *t) {
  struct closing *c = (struct closing *)t;
  if (c->flight.world->sim != NULL)
    c->flight.done++;
  else
    test_loop_add(&c->flight.world->client_thread, &c->flight.done, 1);
}

void world_close(struct world *w, struct port *p) {
  struct closing c = {.task.fn = closed, .flight.world = w};
  port_close(p, w->client, &c.task);
  world_wait(&c.flight);
}

bool world_pass(struct world *w, int64_t us) {
  if (w->sim == NULL) return false;
  loop_sim_run_for(w->sim, (tfdc_dur){us});
  return true;
}
