/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/election_mem.h"
#include "contract/election_suite.h"

#include <stdlib.h>

static void *begin(void) { return calloc(1, sizeof(struct election_mem *)); }

static struct port *open_election(void *env, struct world *w) {
  struct election_mem *e = *(struct election_mem **)env = election_mem_create(w->server);
  TFDC_ASSERT(e != NULL);
  return election_mem_port(e);
}

static void destroy(void *env) { election_mem_destroy(*(struct election_mem **)env); }

int main(void) {
  struct election_suite_maker maker = {
      .name = "election in memory", .begin = begin, .open = open_election, .destroy = destroy, .end = free};
  int failed = election_suite_run(&maker);
  maker.name = "election in memory, simulated";
  maker.simulated = true;
  return failed + election_suite_run(&maker);
}
