/* SPDX-License-Identifier: Apache-2.0
 * The loops that need no library: the simulated one, and the one that the other suites run on. */
#include "adapter/sim/loop_sim.h"
#include "base/err.h"
#include "contract/loop_suite.h"
#include "support/loop_thread.h"

#include <stdlib.h>

struct sim_env {
  struct loop_sim *world;
  struct port_loop *loop;
};

static void *sim_begin(void) {
  struct sim_env *e = calloc(1, sizeof *e);
  TFDC_ASSERT(e != NULL);
  e->world = loop_sim_create(11);
  e->loop = loop_sim_add(e->world);
  return e;
}
static struct port_loop *sim_loop(void *env) { return ((struct sim_env *)env)->loop; }
static bool sim_step(void *env) { return loop_sim_step(((struct sim_env *)env)->world); }
static void sim_end(void *env) {
  loop_sim_destroy(((struct sim_env *)env)->world);
  free(env);
}

static void *thread_begin(void) {
  struct test_loop *l = calloc(1, sizeof *l);
  TFDC_ASSERT(l != NULL);
  test_loop_start(l);
  return l;
}
static struct port_loop *thread_loop(void *env) { return &((struct test_loop *)env)->loop; }
static void thread_end(void *env) {
  test_loop_stop(env);
  free(env);
}

int main(void) {
  const struct loop_suite_maker sim = {
      .name = "simulated loop", .begin = sim_begin, .loop = sim_loop, .step = sim_step, .end = sim_end};
  const struct loop_suite_maker thread = {
      .name = "loop of the tests", .begin = thread_begin, .loop = thread_loop, .end = thread_end};
  return loop_suite_run(&sim) + loop_suite_run(&thread);
}
