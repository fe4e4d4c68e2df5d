/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/queue_mem.h"
#include "contract/queue_suite.h"

#include <stdlib.h>

static void *begin(void) { return calloc(1, sizeof(struct queue_mem *)); }

static struct queue_suite_ports open_queue(void *env, struct world *w) {
  struct queue_mem *q = *(struct queue_mem **)env = queue_mem_create(w->server);
  TFDC_ASSERT(q != NULL);
  return (struct queue_suite_ports){queue_mem_publish(q), queue_mem_work(q)};
}

static void destroy(void *env) { queue_mem_destroy(*(struct queue_mem **)env); }

int main(void) {
  struct queue_suite_maker maker = {
      .name = "queue in memory", .begin = begin, .open = open_queue, .destroy = destroy, .end = free};
  int failed = queue_suite_run(&maker);
  maker.name = "queue in memory, simulated";
  maker.simulated = true;
  return failed + queue_suite_run(&maker);
}
