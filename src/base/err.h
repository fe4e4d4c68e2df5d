/* SPDX-License-Identifier: Apache-2.0
 * Results and errors.
 *
 * Every function that can fail returns tfdc_rc, TFDC_OK (0) on success, and must be looked at. Where it takes a
 * `struct tfdc_error *err` (may be NULL) it leaves a chain "outer: inner: cause" there, context added on the way out.
 * Outputs (ret_*) are untouched on failure. Libraries (base, mebo, eq, spc, model, core) never log. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/err_list.h"

#include <stdbool.h>
#include <stddef.h>

#define TFDC_MUST_USE     __attribute__((warn_unused_result))
#define TFDC_PRINTF(f, a) __attribute__((format(printf, f, a)))

typedef enum tfdc_rc {
#define X(name, number, class, text, hint) TFDC_E_##name = number,
  TFDC_ERR_LIST(X)
#undef X
      TFDC_OK = 0
} tfdc_rc;

typedef enum tfdc_class {
#define Y(name, action, grpc, http, label) TFDC_CLASS_##name,
  TFDC_CLASS_LIST(Y)
#undef Y
      TFDC_CLASS_COUNT
} tfdc_class;

/* What a message handler does with the message that failed. */
typedef enum tfdc_action { TFDC_ACTION_ACK, TFDC_ACTION_RETRY, TFDC_ACTION_TERMINATE } tfdc_action;

struct tfdc_error {
  tfdc_rc code;
  char msg[600]; /* without a newline, UTF-8, cut at the end if too long */
};

/* Facts about a code; unknown codes count as INTERNAL. Static strings. */
const char *tfdc_rc_name(tfdc_rc rc); /* "TIME_BACKWARDS" */
const char *tfdc_rc_text(tfdc_rc rc);
const char *tfdc_rc_hint(tfdc_rc rc);
tfdc_class tfdc_rc_class(tfdc_rc rc);
tfdc_action tfdc_rc_action(tfdc_rc rc);
int tfdc_rc_grpc(tfdc_rc rc);          /* gRPC status number */
int tfdc_rc_http(tfdc_rc rc);          /* HTTP status number */
const char *tfdc_rc_label(tfdc_rc rc); /* label of the class for metrics */
/* All rows in order: index from 0; false after the last. */
bool tfdc_rc_at(size_t index, tfdc_rc *ret);
/* The failure of that name ("TIME_BACKWARDS"); false for other texts, for "OK" and for NULL. */
bool tfdc_rc_parse(const char *name, tfdc_rc *ret);

/* Sets the error (err may be NULL) and returns rc: `return tfdc_fail(err, TFDC_E_RANGE, "rate %g", r);` */
TFDC_PRINTF(3, 4) tfdc_rc tfdc_fail(struct tfdc_error *err, tfdc_rc rc, const char *fmt, ...);
/* Puts context before what is there: "read header of x: ends too early". rc is returned unchanged. */
TFDC_PRINTF(3, 4) tfdc_rc tfdc_wrap(struct tfdc_error *err, tfdc_rc rc, const char *fmt, ...);
/* Message of an error that may have none: its msg, else the code's text. */
const char *tfdc_error_msg(const struct tfdc_error *err);

/* Returns the failure of expr to the caller. */
#define TFDC_TRY(expr)                                                                                                 \
  do {                                                                                                                 \
    tfdc_rc try_rc_ = (expr);                                                                                          \
    if (try_rc_ != TFDC_OK) return try_rc_;                                                                            \
  } while (0)

/* A broken promise inside the program: prints the place and aborts, in every build. Never for bytes from outside. */
#define TFDC_ASSERT(cond) ((cond) ? (void)0 : tfdc_assert_failed(#cond, __FILE__, __LINE__))
__attribute__((noreturn)) void tfdc_assert_failed(const char *what, const char *file, int line);

/* Runs fn(&var) when the variable leaves its scope: TFDC_AUTO(free_str) char *s = NULL; */
#define TFDC_AUTO(fn) __attribute__((cleanup(fn)))

#define TFDC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
