/* SPDX-License-Identifier: Apache-2.0
 * Hash map from a 128-bit key to a pointer: open addressing, grows, keeps no order. Zero-initialise. Not thread-safe.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/hash.h"

struct tfdc_map_slot {
  struct tfdc_id128 key;
  void *value; /* NULL = free */
};
struct tfdc_map {
  struct tfdc_map_slot *slots; /* owned */
  size_t n, cap;
};

/* NULL when the key is not there. */
void *tfdc_map_get(const struct tfdc_map *m, struct tfdc_id128 key);
/* Adds or replaces; value is not NULL. NOMEM leaves the map as it was. */
TFDC_MUST_USE tfdc_rc tfdc_map_put(struct tfdc_map *m, struct tfdc_id128 key, void *value);
void tfdc_map_remove(struct tfdc_map *m, struct tfdc_id128 key);
/* Walks in slot order: start with *at = 0; NULL after the last. The map must not change meanwhile. */
void *tfdc_map_next(const struct tfdc_map *m, size_t *at);
void tfdc_map_deinit(struct tfdc_map *m);

#endif
