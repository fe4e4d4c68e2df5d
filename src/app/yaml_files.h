/* SPDX-License-Identifier: Apache-2.0
 * Several YAML files as one text, and where in them a line of it stands. */
#ifndef APP_YAML_FILES_H
#define APP_YAML_FILES_H

#include "base/cursor.h"

struct yaml_files {
  char **names; /* borrowed */
  size_t n;
  struct tfdc_buf text; /* ends in a NUL; a new document begins with each file */
  size_t *first_lines;  /* where in text each file begins, from 1; owned */
};
/* "-" is standard input. The errors of in_file_read; LIMIT above IN_FILE_MAX_BYTES in all. */
TFDC_MUST_USE tfdc_rc yaml_files_read(struct yaml_files *y, char **names, size_t n, struct tfdc_error *err);
void yaml_files_deinit(struct yaml_files *y);
/* "line 13 column 7: text" of the joined text becomes "b.yaml:3:7: text"; what names no line, "b.yaml: text" where
 * there is but one file. Cut where size ends. */
void yaml_files_locate(const struct yaml_files *y, const char *message, char *ret, size_t size);

#endif
