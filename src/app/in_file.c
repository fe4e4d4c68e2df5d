/* SPDX-License-Identifier: Apache-2.0 */
#include "app/in_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PIECE_BYTES = 65536 };

static tfdc_rc check(const char *path, const struct tfdc_buf *text, struct tfdc_error *err) {
  if (text->size > IN_FILE_MAX_BYTES + 1)
    return tfdc_fail(err, TFDC_E_LIMIT, "%s: above %d MiB", path, IN_FILE_MAX_BYTES >> 20);
  tfdc_rc rc = tfdc_buf_status(text);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "%s", path);
  size_t n = strlen((const char *)text->data);
  if (n + 1 != text->size)
    return tfdc_fail(err, TFDC_E_MALFORMED, "%s: a NUL after %zu bytes: this is no text", path, n);
  return TFDC_OK;
}

tfdc_rc in_file_read(const char *path, struct tfdc_buf *ret, struct tfdc_error *err) {
  FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
  if (f == NULL) return tfdc_fail(err, errno == ENOENT ? TFDC_E_NOT_FOUND : TFDC_E_IO, "%s: %s", path, strerror(errno));
  struct tfdc_buf text = {.limit = IN_FILE_MAX_BYTES + 2 * PIECE_BYTES};
  for (bool more = true; more && text.size <= IN_FILE_MAX_BYTES && tfdc_buf_reserve(&text, PIECE_BYTES);) {
    size_t n = fread(text.data + text.size, 1, PIECE_BYTES, f);
    text.size += n;
    more = n > 0;
  }
  tfdc_rc rc = ferror(f) ? tfdc_fail(err, TFDC_E_IO, "%s: %s", path, strerror(errno)) : TFDC_OK;
  if (f != stdin) (void)fclose(f);
  tfdc_put_u8(&text, '\0');
  if (rc == TFDC_OK) rc = check(path, &text, err);
  if (rc == TFDC_OK)
    *ret = text;
  else
    tfdc_buf_deinit(&text);
  return rc;
}
