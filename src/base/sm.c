/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sm.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

void tfdc_sm_init(struct tfdc_sm *m, const struct tfdc_sm_state *table, int count, int state) {
  TFDC_ASSERT(count > 0 && count <= 32 && state >= 0 && state < count);
  *m = (struct tfdc_sm){.table = table, .count = count, .state = state};
}

void tfdc_sm_move(struct tfdc_sm *m, int to) {
  TFDC_ASSERT(to >= 0 && to < m->count);
  if ((m->table[m->state].next & TFDC_SM_TO(to)) == 0) {
    (void)fprintf(stderr, "no way from state %s to %s\n", m->table[m->state].name, m->table[to].name);
    abort();
  }
  m->state = to;
  m->moves++;
}
