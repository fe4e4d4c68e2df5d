/* SPDX-License-Identifier: Apache-2.0
 * Checked state machines: the states are a table, every move asserts that its edge is in the table. */
#ifndef BASE_SM_H
#define BASE_SM_H

#include <stdint.h>

struct tfdc_sm_state {
  const char *name;
  uint32_t next; /* bit s set: may go to state s */
};
struct tfdc_sm {
  const struct tfdc_sm_state *table; /* static */
  int count, state;
  uint32_t moves; /* how many moves so far */
};

#define TFDC_SM_TO(state) (UINT32_C(1) << (state))

/* Starts in `state`. The table must outlive the machine and have at most 32 rows. */
void tfdc_sm_init(struct tfdc_sm *m, const struct tfdc_sm_state *table, int count, int state);
/* Moves; aborts with both names when the table has no such edge. Staying is a move only if the table allows it. */
void tfdc_sm_move(struct tfdc_sm *m, int to);
static inline const char *tfdc_sm_name(const struct tfdc_sm *m) { return m->table[m->state].name; }

#endif
