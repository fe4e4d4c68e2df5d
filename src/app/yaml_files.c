/* SPDX-License-Identifier: Apache-2.0 */
#include "app/yaml_files.h"

#include "app/in_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t lines_of(const struct tfdc_buf *b) {
  size_t n = 0;
  for (size_t i = 0; i < b->size; i++) n += b->data[i] == '\n';
  return n;
}

static tfdc_rc add_file(struct yaml_files *y, size_t i, struct tfdc_error *err) {
  struct tfdc_buf file = {0};
  TFDC_TRY(in_file_read(y->names[i], &file, err));
  if (i > 0 && strncmp((const char *)file.data, "---", 3) != 0) tfdc_put_fmt(&y->text, "---\n");
  y->first_lines[i] = lines_of(&y->text) + 1;
  tfdc_put(&y->text, file.data, file.size - 1);
  if (file.size > 1 && file.data[file.size - 2] != '\n') tfdc_put_u8(&y->text, '\n');
  tfdc_buf_deinit(&file);
  return TFDC_OK;
}

tfdc_rc yaml_files_read(struct yaml_files *y, char **names, size_t n, struct tfdc_error *err) {
  *y = (struct yaml_files){.names = names, .n = n, .text.limit = IN_FILE_MAX_BYTES};
  y->first_lines = calloc(n + 1, sizeof *y->first_lines);
  tfdc_rc rc = y->first_lines != NULL ? TFDC_OK : tfdc_fail(err, TFDC_E_NOMEM, "%zu files", n);
  for (size_t i = 0; i < n && rc == TFDC_OK; i++) rc = add_file(y, i, err);
  tfdc_put_u8(&y->text, '\0');
  if (rc == TFDC_OK && tfdc_buf_status(&y->text) != TFDC_OK)
    rc = tfdc_fail(err, tfdc_buf_status(&y->text), "the files are larger than %d MiB: apply them one by one",
                   IN_FILE_MAX_BYTES >> 20);
  if (rc != TFDC_OK) yaml_files_deinit(y);
  return rc;
}

void yaml_files_deinit(struct yaml_files *y) {
  free(y->first_lines);
  tfdc_buf_deinit(&y->text);
  y->first_lines = NULL;
}

static const char *shown(const char *name) { return strcmp(name, "-") == 0 ? "<stdin>" : name; }

void yaml_files_locate(const struct yaml_files *y, const char *message, char *ret, size_t size) {
  unsigned line = 0, column = 0;
  int used = 0;
  size_t at = 0;
  if (sscanf(message, "line %u column %u: %n", &line, &column, &used) != 2 || used == 0) {
    (void)snprintf(ret, size, y->n == 1 ? "%s: %s" : "%.0s%s", shown(y->names[0]), message);
    return;
  }
  while (at + 1 < y->n && y->first_lines[at + 1] <= line) at++;
  (void)snprintf(ret, size, "%s:%zu:%u: %s", shown(y->names[at]), line - y->first_lines[at] + 1, column,
                 message + used);
}
