/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/alarm_mem.h"
#include "contract/alarm_suite.h"

#include <stdlib.h>

static void *begin(void) { return calloc(1, sizeof(struct alarm_mem *)); }

static struct port *open_alarm(void *env, struct world *w) {
  struct alarm_mem *a = *(struct alarm_mem **)env = alarm_mem_create(w->server);
  TFDC_ASSERT(a != NULL);
  return alarm_mem_port(a);
}

static bool read_alarm(void *env, size_t i, struct tfdc_arena *mem, struct model_alarm *ret) {
  struct alarm_mem *a = *(struct alarm_mem **)env;
  if (i >= alarm_mem_count(a)) return false;
  TFDC_ASSERT(alarm_mem_get(a, i, mem, ret) == TFDC_OK);
  return true;
}

static void destroy(void *env) { alarm_mem_destroy(*(struct alarm_mem **)env); }

int main(void) {
  struct alarm_suite_maker maker = {.name = "alarm in memory",
                                    .begin = begin,
                                    .open = open_alarm,
                                    .read = read_alarm,
                                    .destroy = destroy,
                                    .end = free};
  int failed = alarm_suite_run(&maker);
  maker.name = "alarm in memory, simulated";
  maker.simulated = true;
  return failed + alarm_suite_run(&maker);
}
