/* SPDX-License-Identifier: Apache-2.0
 * The file that a command writes: whole or not at all. It is written beside its place and then renamed. */
#ifndef APP_OUT_FILE_H
#define APP_OUT_FILE_H

#include "base/err.h"

#include <stdio.h>

struct out_file {
  FILE *f;
  char path[4096], part[4104]; /* path "" = standard output */
};
/* path NULL or "-": standard output. IO. */
TFDC_MUST_USE tfdc_rc out_file_open(struct out_file *o, const char *path, struct tfdc_error *err);
/* rc OK: finishes the file; else removes it and returns rc. IO, DISK_FULL. */
TFDC_MUST_USE tfdc_rc out_file_close(struct out_file *o, tfdc_rc rc, struct tfdc_error *err);

#endif
