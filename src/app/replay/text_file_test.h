/* SPDX-License-Identifier: Apache-2.0
 * A text that reads like a file, in pieces of a given size. */
#ifndef APP_REPLAY_TEXT_FILE_TEST_H
#define APP_REPLAY_TEXT_FILE_TEST_H

#include "base/err.h"

#include <string.h>

struct text_file {
  const char *text;
  size_t n, at, piece;
};
static inline tfdc_rc text_file_read(void *user, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  struct text_file *f = user;
  (void)err;
  if (n > f->piece) n = f->piece;
  if (n > f->n - f->at) n = f->n - f->at;
  memcpy(buf, f->text + f->at, n);
  f->at += n;
  *ret_n = n;
  return TFDC_OK;
}
static inline struct text_file text_file_of(const char *text, size_t piece) {
  return (struct text_file){.text = text, .n = strlen(text), .piece = piece};
}

#endif
