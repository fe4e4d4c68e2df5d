/* SPDX-License-Identifier: Apache-2.0 */
#include "app/out_file.h"

#include "app/text_out.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

tfdc_rc out_file_open(struct out_file *o, const char *path, struct tfdc_error *err) {
  o->f = stdout;
  o->path[0] = '\0';
  if (path == NULL || strcmp(path, "-") == 0) return TFDC_OK;
  if ((size_t)snprintf(o->path, sizeof o->path, "%s", path) >= sizeof o->path)
    return tfdc_fail(err, TFDC_E_USAGE, "the name of the file is too long");
  (void)snprintf(o->part, sizeof o->part, "%s.part", o->path);
  o->f = fopen(o->part, "wb");
  if (o->f == NULL) return tfdc_fail(err, TFDC_E_IO, "cannot write %s: %s", o->part, strerror(errno));
  return TFDC_OK;
}

tfdc_rc out_file_close(struct out_file *o, tfdc_rc rc, struct tfdc_error *err) {
  if (o->f == NULL) return rc;
  tfdc_rc flushed = text_flush(o->f, rc == TFDC_OK ? err : NULL);
  if (rc == TFDC_OK) rc = flushed;
  if (o->path[0] == '\0') return rc;
  if (fclose(o->f) != 0 && rc == TFDC_OK)
    rc = tfdc_fail(err, TFDC_E_IO, "cannot write %s: %s", o->part, strerror(errno));
  if (rc == TFDC_OK && rename(o->part, o->path) != 0)
    rc = tfdc_fail(err, TFDC_E_IO, "cannot write %s: %s", o->path, strerror(errno));
  if (rc != TFDC_OK) (void)unlink(o->part);
  return rc;
}
