/* SPDX-License-Identifier: Apache-2.0
 * Fields of CSV (RFC 4180). A text that a spreadsheet would take for a formula is left as it is: the file is data. */
#ifndef APP_CSV_OUT_H
#define APP_CSV_OUT_H

#include "base/cursor.h"

#include <jansson.h>

void csv_put_text(struct tfdc_buf *b, const char *s); /* quoted where it has to be */
void csv_put_title(struct tfdc_buf *b, const char *name,
                   const char *unit); /* "Press [mTorr]"; without a unit the name */
/* So that it reads back as the same bits; not finite = empty. */
void csv_put_real(struct tfdc_buf *b, double v);
/* A string or a number; whatever else is empty. */
void csv_put_value(struct tfdc_buf *b, const json_t *v);
static inline void csv_next(struct tfdc_buf *b) { tfdc_put_u8(b, ','); }
static inline void csv_end_line(struct tfdc_buf *b) { tfdc_put(b, "\r\n", 2); }

#endif
