/* SPDX-License-Identifier: Apache-2.0
 * A text file that a command reads whole. */
#ifndef APP_IN_FILE_H
#define APP_IN_FILE_H

#include "base/cursor.h"

enum { IN_FILE_MAX_BYTES = 4 << 20 };

/* path "-" = standard input. ret->data ends in a NUL; the caller's. NOT_FOUND, IO, LIMIT; MALFORMED where there is a
 * NUL inside: that is no text. */
TFDC_MUST_USE tfdc_rc in_file_read(const char *path, struct tfdc_buf *ret, struct tfdc_error *err);

#endif
