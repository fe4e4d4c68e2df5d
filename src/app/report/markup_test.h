/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the report share: is the markup balanced, how often does something stand in it. */
#ifndef APP_REPORT_MARKUP_TEST_H
#define APP_REPORT_MARKUP_TEST_H

#include "support/cmocka_all.h"

#include "base/cursor.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MARKUP_DEPTH = 64, MARKUP_NAME = 24 };

/* The buffer as text that ends in NUL. */
static inline const char *markup_text(struct tfdc_buf *b) {
  assert_int_equal(tfdc_buf_status(b), TFDC_OK);
  tfdc_put_u8(b, 0);
  b->size--;
  return (const char *)b->data;
}

static inline size_t markup_count(const char *text, const char *part) {
  size_t n = 0;
  for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) n++;
  return n;
}

static inline bool markup_is_void(const char *name) { return strcmp(name, "meta") == 0 || strcmp(name, "br") == 0; }

/* Fails unless every tag is closed in order, attributes are in double quotes, and no < stands in text. */
static inline void markup_check(const char *text) {
  char open[MARKUP_DEPTH][MARKUP_NAME];
  size_t depth = 0;
  for (const char *at = strchr(text, '<'); at != NULL; at = strchr(at, '<')) {
    bool closes = at[1] == '/';
    const char *name = at + 1 + closes, *end = name;
    if (at[1] == '!') {
      at = strchr(at, '>');
      continue;
    }
    size_t n = strcspn(name, " />");
    if (n == 0 || n >= MARKUP_NAME) fail_msg("no tag: %.40s", at);
    for (bool quoted = false; *end != '\0' && (quoted || *end != '>'); end++) {
      if (*end == '"') quoted = !quoted;
      if (*end == '<') fail_msg("< inside a tag: %.60s", at);
    }
    char tag[MARKUP_NAME] = "";
    memcpy(tag, name, n);
    if (closes) {
      if (depth == 0 || strcmp(open[depth - 1], tag) != 0)
        fail_msg("</%s> closes <%s>: ...%.60s", tag, depth > 0 ? open[depth - 1] : "nothing", at);
      depth--;
    } else if (end[-1] != '/' && !markup_is_void(tag)) {
      assert_true(depth < MARKUP_DEPTH);
      memcpy(open[depth++], tag, sizeof tag);
    }
    at = end;
    if (!closes && (strcmp(tag, "style") == 0 || strcmp(tag, "script") == 0)) {
      at = strstr(at, strcmp(tag, "style") == 0 ? "</style>" : "</script>");
      assert_non_null(at);
    }
  }
  if (depth != 0) fail_msg("<%s> is never closed", open[depth - 1]);
}

#endif
