/* SPDX-License-Identifier: Apache-2.0
 * A map for a file that has none: from the words of its header and from what its first rows hold. */
#ifndef APP_REPLAY_GUESS_H
#define APP_REPLAY_GUESS_H

#include "app/replay/csv.h"
#include "app/replay/map.h"

enum { GUESS_ROWS_MAX = 20000 };

/* Reads at most GUESS_ROWS_MAX rows. look: what the first bytes said. *ret points into mem, *ret_notes too: lines
 * "time: column Time, seconds" that say what was seen where, each ending in a newline. DEFINITION: nothing looks like a
 * time or like readings; CSV: no usable header; those of read(). */
TFDC_MUST_USE tfdc_rc guess_map(csv_read_fn *read, void *user, const struct csv_look *look, struct tfdc_arena *mem,
                                struct replay_map *ret, const char **ret_notes, struct tfdc_error *err);

#endif
