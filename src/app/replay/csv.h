/* SPDX-License-Identifier: Apache-2.0
 * CSV as programs and people write it, record by record in constant memory: RFC 4180 quotes (separators, line ends and
 * doubled quotes inside), a byte order mark, lines that end in LF, CRLF or CR, any one-byte separator. What is wrong
 * with a record is said of that record; reading goes on with the next line. No thread rules: one reader, one thread. */
#ifndef APP_REPLAY_CSV_H
#define APP_REPLAY_CSV_H

#include "base/err.h"

#include <stdint.h>

enum { CSV_RECORD_MAX = 1 << 20, CSV_FIELDS_MAX = 8192 };

/* Up to n bytes into buf; *ret_n 0 = the end. An error ends the reading with it. */
typedef tfdc_rc csv_read_fn(void *user, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err);

struct csv_field {
  const char *s; /* no NUL behind; never holds a NUL */
  size_t n;
  bool quoted;
};
struct csv_record { /* valid until the next call */
  int64_t line;     /* where it begins, from 1 */
  const struct csv_field *fields;
  size_t n;
  const char *bad; /* what is wrong with it, static text; NULL = fine. Then there are no fields */
  const char *raw; /* as it stands in the file, without its line end; of a record that is too long: its begin */
  size_t raw_n;
};

struct csv;
/* separator: not a quote, CR, LF or NUL. NOMEM. */
TFDC_MUST_USE tfdc_rc csv_create(csv_read_fn *read, void *user, char separator, struct csv **ret,
                                 struct tfdc_error *err);
void csv_destroy(struct csv *c); /* NULL ok */
/* Skips n lines, before the first record. */
TFDC_MUST_USE tfdc_rc csv_skip_lines(struct csv *c, uint32_t n, struct tfdc_error *err);
/* The next record; empty lines are passed over. *ret_more = false at the end. Errors: those of read(). */
TFDC_MUST_USE tfdc_rc csv_next(struct csv *c, struct csv_record *ret, bool *ret_more, struct tfdc_error *err);
uint64_t csv_bytes(const struct csv *c); /* read and used so far */

/* What a file's first bytes say of it. UNSUPPORTED: UTF-16 or UTF-32, compressed. */
struct csv_look {
  char separator;     /* ',' ';' '\t' or '|'; ',' when nothing separates */
  bool decimal_comma; /* numbers are written 1,5 */
};
TFDC_MUST_USE tfdc_rc csv_look_at(const char *text, size_t n, struct csv_look *ret, struct tfdc_error *err);

#endif
