/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
  tfdc_rc code;
  tfdc_class class;
  const char *name, *text, *hint;
};
static const struct row rows[] = {
#define X(name, number, class, text, hint) {TFDC_E_##name, TFDC_CLASS_##class, #name, text, hint},
    TFDC_ERR_LIST(X)
#undef X
};

static const struct {
  tfdc_action action;
  int grpc, http;
  const char *label;
} classes[] = {
#define Y(name, action, grpc, http, label) {TFDC_ACTION_##action, grpc, http, label},
    TFDC_CLASS_LIST(Y)
#undef Y
};

static const struct row *row_of(tfdc_rc rc) {
  const struct row *internal = NULL;
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    if (rows[i].code == rc) return &rows[i];
    if (rows[i].code == TFDC_E_INTERNAL) internal = &rows[i];
  }
  return internal;
}

const char *tfdc_rc_name(tfdc_rc rc) { return row_of(rc)->name; }
const char *tfdc_rc_text(tfdc_rc rc) { return row_of(rc)->text; }
const char *tfdc_rc_hint(tfdc_rc rc) { return row_of(rc)->hint; }
tfdc_class tfdc_rc_class(tfdc_rc rc) { return row_of(rc)->class; }
tfdc_action tfdc_rc_action(tfdc_rc rc) { return classes[row_of(rc)->class].action; }
int tfdc_rc_grpc(tfdc_rc rc) { return classes[row_of(rc)->class].grpc; }
int tfdc_rc_http(tfdc_rc rc) { return classes[row_of(rc)->class].http; }
const char *tfdc_rc_label(tfdc_rc rc) { return classes[row_of(rc)->class].label; }

bool tfdc_rc_at(size_t index, tfdc_rc *ret) {
  if (index >= TFDC_COUNT(rows)) return false;
  *ret = rows[index].code;
  return true;
}

bool tfdc_rc_parse(const char *name, tfdc_rc *ret) {
  for (size_t i = 0; name != NULL && i < TFDC_COUNT(rows); i++) {
    if (rows[i].code == TFDC_OK || strcmp(rows[i].name, name) != 0) continue;
    *ret = rows[i].code;
    return true;
  }
  return false;
}

tfdc_rc tfdc_fail(struct tfdc_error *err, tfdc_rc rc, const char *fmt, ...) {
  if (err == NULL) return rc;
  va_list ap;
  va_start(ap, fmt);
  err->code = rc;
  if (vsnprintf(err->msg, sizeof err->msg, fmt, ap) < 0) err->msg[0] = '\0';
  va_end(ap);
  return rc;
}

tfdc_rc tfdc_wrap(struct tfdc_error *err, tfdc_rc rc, const char *fmt, ...) {
  if (err == NULL) return rc;
  char prefix[sizeof err->msg], joined[2 * sizeof err->msg + 2];
  va_list ap;
  va_start(ap, fmt);
  if (vsnprintf(prefix, sizeof prefix, fmt, ap) < 0) prefix[0] = '\0';
  va_end(ap);
  const char *inner = err->code == rc && err->msg[0] != '\0' ? err->msg : tfdc_rc_text(rc);
  int len = snprintf(joined, sizeof joined, "%s: %s", prefix, inner);
  size_t keep = len < 0 ? 0 : (size_t)len;
  if (keep >= sizeof err->msg) keep = sizeof err->msg - 1;
  memcpy(err->msg, joined, keep);
  err->msg[keep] = '\0';
  err->code = rc;
  return rc;
}

const char *tfdc_error_msg(const struct tfdc_error *err) {
  return err->msg[0] != '\0' ? err->msg : tfdc_rc_text(err->code);
}

void tfdc_assert_failed(const char *what, const char *file, int line) {
  (void)fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, what);
  abort();
}
