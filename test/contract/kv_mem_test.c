/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/kv_mem.h"
#include "contract/kv_suite.h"

#include <stdlib.h>

static void *begin(void) { return calloc(1, sizeof(struct kv_mem *)); }

static struct port *open_kv(void *env, struct world *w) {
  struct kv_mem *k = *(struct kv_mem **)env = kv_mem_create(w->server);
  TFDC_ASSERT(k != NULL);
  return kv_mem_port(k);
}

static void destroy(void *env) { kv_mem_destroy(*(struct kv_mem **)env); }

int main(void) {
  struct kv_suite_maker maker = {
      .name = "kv in memory", .begin = begin, .open = open_kv, .destroy = destroy, .end = free};
  int failed = kv_suite_run(&maker);
  maker.name = "kv in memory, simulated";
  maker.simulated = true;
  return failed + kv_suite_run(&maker);
}
