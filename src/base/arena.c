/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct tfdc_arena_block {
  struct tfdc_arena_block *next;
  size_t size, pos;
  alignas(max_align_t) uint8_t data[];
};

enum { FIRST_BLOCK = 8192, ALIGN = alignof(max_align_t) };

static void *refuse(struct tfdc_arena *a) {
  a->full = true;
  return NULL;
}

static void *take(struct tfdc_arena *a, size_t n) {
  size_t limit = a->limit ? a->limit : (size_t)256 << 20;
  if (n > limit) return refuse(a);
  size_t need = (n + ALIGN - 1) / ALIGN * ALIGN;
  struct tfdc_arena_block *b = a->head;
  if (b == NULL || b->size - b->pos < need) {
    size_t size = b == NULL ? FIRST_BLOCK : b->size * 2;
    if (size > ((size_t)4 << 20)) size = (size_t)4 << 20;
    if (size < need) size = need;
    if (a->used > limit || size > limit - a->used) size = need;
    if (a->used > limit || size > limit - a->used) return refuse(a);
    struct tfdc_arena_block *fresh = malloc(sizeof *fresh + size);
    if (fresh == NULL) return NULL;
    fresh->next = b;
    fresh->size = size;
    fresh->pos = 0;
    a->head = b = fresh;
    a->used += size;
  }
  void *p = b->data + b->pos;
  b->pos += need;
  return p;
}

void *tfdc_arena_alloc(struct tfdc_arena *a, size_t n) {
  void *p = take(a, n);
  return p == NULL ? NULL : memset(p, 0, n);
}

void *tfdc_arena_array(struct tfdc_arena *a, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) return NULL;
  return take(a, count * size);
}

char *tfdc_arena_strndup(struct tfdc_arena *a, const char *s, size_t n) {
  if (n == SIZE_MAX) return NULL;
  char *p = take(a, n + 1);
  if (p == NULL) return NULL;
  if (n > 0) memcpy(p, s, n);
  p[n] = '\0';
  return p;
}

char *tfdc_arena_strdup(struct tfdc_arena *a, const char *s) { return tfdc_arena_strndup(a, s, strlen(s)); }

void tfdc_arena_reset(struct tfdc_arena *a) {
  struct tfdc_arena_block *keep = a->head;
  if (keep == NULL) return;
  while (keep->next != NULL) {
    struct tfdc_arena_block *next = keep->next->next;
    a->used -= keep->next->size;
    free(keep->next);
    keep->next = next;
  }
  keep->pos = 0;
}

void tfdc_arena_deinit(struct tfdc_arena *a) {
  while (a->head != NULL) {
    struct tfdc_arena_block *next = a->head->next;
    free(a->head);
    a->head = next;
  }
  a->used = 0;
}
