/* SPDX-License-Identifier: Apache-2.0
 * Lines that are equal at both ends are set aside; between them a longest common subsequence is looked for, where its
 * table is not too large. */
#include "run/text_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CONTEXT_LINES = 3 };
#define TABLE_CELLS ((size_t)4 << 20)

struct line {
  const char *text;
  size_t n;
};
struct lines {
  struct line *items;
  size_t n;
};
/* A line of the whole, with its sign. */
struct entry {
  char sign;
  struct line line;
};
struct entries {
  struct entry *items;
  size_t n;
};

static tfdc_rc split(const char *text, struct tfdc_arena *mem, struct lines *ret) {
  size_t n = 1;
  for (const char *s = text; *s != '\0'; s++) n += *s == '\n';
  ret->items = tfdc_arena_array(mem, n, sizeof *ret->items);
  if (ret->items == NULL) return TFDC_E_NOMEM;
  ret->n = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, "\n");
    ret->items[ret->n++] = (struct line){text, len};
    text += len + (text[len] == '\n');
  }
  return TFDC_OK;
}

static bool same(const struct line *a, const struct line *b) {
  return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

static void add(struct entries *e, char sign, const struct line *lines, size_t n) {
  for (size_t i = 0; i < n; i++) e->items[e->n++] = (struct entry){sign, lines[i]};
}

/* table[i][k] = length of the longest common subsequence of a[i..] and b[k..]. */
static void walk(const uint32_t *table, struct lines a, struct lines b, struct entries *e) {
  size_t width = b.n + 1, i = 0, k = 0;
  while (i < a.n && k < b.n) {
    if (same(&a.items[i], &b.items[k])) {
      add(e, ' ', &a.items[i++], 1);
      k++;
    } else if (table[(i + 1) * width + k] >= table[i * width + k + 1]) {
      add(e, '-', &a.items[i++], 1);
    } else {
      add(e, '+', &b.items[k++], 1);
    }
  }
  add(e, '-', a.items + i, a.n - i);
  add(e, '+', b.items + k, b.n - k);
}

static tfdc_rc compare(struct lines a, struct lines b, struct tfdc_arena *mem, struct entries *e) {
  if (a.n == 0 || b.n == 0 || a.n + 1 > TABLE_CELLS / (b.n + 1)) {
    add(e, '-', a.items, a.n);
    add(e, '+', b.items, b.n);
    return TFDC_OK;
  }
  size_t width = b.n + 1;
  uint32_t *table = tfdc_arena_alloc(mem, (a.n + 1) * width * sizeof *table);
  if (table == NULL) return TFDC_E_NOMEM;
  for (size_t i = a.n; i-- > 0;) {
    for (size_t k = b.n; k-- > 0;) {
      uint32_t down = table[(i + 1) * width + k], right = table[i * width + k + 1];
      table[i * width + k] = same(&a.items[i], &b.items[k]) ? table[(i + 1) * width + k + 1] + 1
                             : down > right                 ? down
                                                            : right;
    }
  }
  walk(table, a, b, e);
  return TFDC_OK;
}

static tfdc_rc mark(struct lines a, struct lines b, struct tfdc_arena *mem, struct entries *ret) {
  size_t head = 0, tail = 0, least = a.n < b.n ? a.n : b.n;
  while (head < least && same(&a.items[head], &b.items[head])) head++;
  while (tail < least - head && same(&a.items[a.n - 1 - tail], &b.items[b.n - 1 - tail])) tail++;
  ret->items = tfdc_arena_array(mem, a.n + b.n, sizeof *ret->items);
  if (ret->items == NULL) return TFDC_E_NOMEM;
  add(ret, ' ', a.items, head);
  struct lines x = {a.items + head, a.n - head - tail}, y = {b.items + head, b.n - head - tail};
  TFDC_TRY(compare(x, y, mem, ret));
  add(ret, ' ', a.items + a.n - tail, tail);
  return TFDC_OK;
}

static void tell_left_out(size_t n, text_diff_line *line, void *user) {
  char text[48];
  int len = snprintf(text, sizeof text, "%zu line%s", n, n == 1 ? "" : "s");
  if (n > 0) line(user, '@', text, (size_t)len);
}

/* Is a change within CONTEXT_LINES of entry i? */
static void find_shown(const struct entries *e, bool *shown) {
  size_t since = SIZE_MAX;
  for (size_t i = 0; i < e->n; i++) {
    since = e->items[i].sign != ' ' ? 0 : since == SIZE_MAX ? since : since + 1;
    shown[i] = since <= CONTEXT_LINES;
  }
  since = SIZE_MAX;
  for (size_t i = e->n; i-- > 0;) {
    since = e->items[i].sign != ' ' ? 0 : since == SIZE_MAX ? since : since + 1;
    shown[i] = shown[i] || since <= CONTEXT_LINES;
  }
}

tfdc_rc text_diff(const char *from, const char *to, size_t max_lines, struct tfdc_arena *mem, text_diff_line *line,
                  void *user) {
  struct lines a, b;
  struct entries e = {0};
  if (strcmp(from, to) == 0) return TFDC_OK;
  TFDC_TRY(split(from, mem, &a));
  TFDC_TRY(split(to, mem, &b));
  TFDC_TRY(mark(a, b, mem, &e));
  bool *shown = tfdc_arena_array(mem, e.n, sizeof *shown);
  if (shown == NULL) return TFDC_E_NOMEM;
  find_shown(&e, shown);
  size_t told = 0, left_out = 0;
  for (size_t i = 0; i < e.n; i++) {
    if (!shown[i] || told == max_lines) {
      left_out++;
      continue;
    }
    tell_left_out(left_out, line, user);
    left_out = 0;
    line(user, e.items[i].sign, e.items[i].line.text, e.items[i].line.n);
    told++;
  }
  tell_left_out(left_out, line, user);
  return TFDC_OK;
}
