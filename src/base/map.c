/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

/* Keys are hashes or small numbers; a multiplication spreads the latter. */
static size_t home(const struct tfdc_map *m, struct tfdc_id128 key) {
  uint64_t h = (key.lo ^ (key.hi * UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xd6e8feb86659fd93);
  return (size_t)(h >> 20) & (m->cap - 1);
}

static size_t find(const struct tfdc_map *m, struct tfdc_id128 key) {
  size_t at = home(m, key);
  while (m->slots[at].value != NULL && !tfdc_id128_eq(m->slots[at].key, key)) at = (at + 1) & (m->cap - 1);
  return at;
}

void *tfdc_map_get(const struct tfdc_map *m, struct tfdc_id128 key) {
  return m->cap == 0 ? NULL : m->slots[find(m, key)].value;
}

static tfdc_rc grow(struct tfdc_map *m) {
  struct tfdc_map bigger = {.n = m->n, .cap = m->cap == 0 ? 16 : m->cap * 2};
  bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
  if (bigger.slots == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < m->cap; i++)
    if (m->slots[i].value != NULL) bigger.slots[find(&bigger, m->slots[i].key)] = m->slots[i];
  free(m->slots);
  *m = bigger;
  return TFDC_OK;
}

tfdc_rc tfdc_map_put(struct tfdc_map *m, struct tfdc_id128 key, void *value) {
  TFDC_ASSERT(value != NULL);
  if (m->n + 1 > m->cap / 4 * 3) TFDC_TRY(grow(m));
  size_t at = find(m, key);
  if (m->slots[at].value == NULL) m->n++;
  m->slots[at] = (struct tfdc_map_slot){key, value};
  return TFDC_OK;
}

void tfdc_map_remove(struct tfdc_map *m, struct tfdc_id128 key) {
  if (m->cap == 0) return;
  size_t hole = find(m, key);
  if (m->slots[hole].value == NULL) return;
  m->slots[hole].value = NULL;
  m->n--;
  /* close the gap: whoever was pushed past the hole moves back into it */
  for (size_t at = (hole + 1) & (m->cap - 1); m->slots[at].value != NULL; at = (at + 1) & (m->cap - 1)) {
    size_t want = home(m, m->slots[at].key);
    if (((at - want) & (m->cap - 1)) < ((at - hole) & (m->cap - 1))) continue;
    m->slots[hole] = m->slots[at];
    m->slots[at].value = NULL;
    hole = at;
  }
}

void *tfdc_map_next(const struct tfdc_map *m, size_t *at) {
  while (*at < m->cap) {
    void *value = m->slots[(*at)++].value;
    if (value != NULL) return value;
  }
  return NULL;
}

void tfdc_map_deinit(struct tfdc_map *m) {
  free(m->slots);
  *m = (struct tfdc_map){0};
}
