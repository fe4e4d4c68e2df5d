/* SPDX-License-Identifier: Apache-2.0
 * Memory that is freed all at once. Zero-initialise with an optional limit in bytes (0 = 256 MiB). Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"

#include <stdint.h>

struct tfdc_arena_block;
struct tfdc_arena {
  struct tfdc_arena_block *head; /* owned */
  size_t used, limit;            /* bytes handed to blocks */
  bool full;                     /* the limit refused something: it was not the machine's memory */
};

/* n bytes, zeroed, aligned for any type; NULL when memory or the limit is exhausted. Valid until reset or deinit. */
void *tfdc_arena_alloc(struct tfdc_arena *a, size_t n);
/* The same, not zeroed, and checked against overflow of count * size. */
void *tfdc_arena_array(struct tfdc_arena *a, size_t count, size_t size);
/* Copies with a NUL behind; NULL on failure. */
char *tfdc_arena_strndup(struct tfdc_arena *a, const char *s, size_t n);
char *tfdc_arena_strdup(struct tfdc_arena *a, const char *s);
/* Frees what was allocated; keeps one block for reuse. */
void tfdc_arena_reset(struct tfdc_arena *a);
void tfdc_arena_deinit(struct tfdc_arena *a);

#endif
