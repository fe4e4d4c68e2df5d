/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/store_mem.h"
#include "contract/store_suite.h"
#include "support/cmocka_all.h"

static void *begin(void) { return store_mem_create(0, 0); }

static struct port *open_store(void *world, struct test_loop *l) {
  (void)l;
  store_mem_restart(world);
  return world;
}

static void destroy(void *world, struct port *p) {
  (void)world;
  (void)p;
}

static void end(void *world) { store_mem_destroy(world); }

int main(void) {
  const struct store_suite_maker maker = {
      .name = "store mem", .begin = begin, .open = open_store, .destroy = destroy, .end = end};
  return store_suite_run(&maker);
}
