/* SPDX-License-Identifier: Apache-2.0
 * Text for people: aligned tables, times, durations, counts. Names come from hubs, so that what could steer a terminal
 * (control characters, changes of direction, bytes that are not UTF-8) is printed as U+FFFD. */
#ifndef APP_TEXT_OUT_H
#define APP_TEXT_OUT_H

#include "base/cursor.h"

#include <jansson.h>
#include <stdio.h>

enum text_style { TEXT_PLAIN, TEXT_GOOD, TEXT_WARN, TEXT_BAD, TEXT_DIM };
enum text_style text_style_of_verdict(const char *verdict); /* "OOC" -> TEXT_BAD */
bool text_may_color(FILE *out);                             /* a terminal, and NO_COLOR is not set */

/* Columns that a terminal takes for it: wide characters 2, combining ones 0. */
size_t text_width(const char *s);
/* The text, made safe; at most `columns` wide (0 = as it is), then it ends in an ellipsis. */
void text_put(struct tfdc_buf *out, const char *s, size_t columns);
void text_print(FILE *out, const char *s);

/* Into buf of at least 40 bytes, returned. */
char *text_time(int64_t us, char *buf);       /* "2026-11-25T08:00:05Z", "-" when not known */
char *text_time_exact(int64_t us, char *buf); /* with microseconds */
char *text_duration(int64_t us, char *buf);   /* "340 ms", "2.5 s", "3 min 20 s", "2 h 5 min", "3 d 4 h" */
char *text_bytes(double n, char *buf);        /* "19.2 MB" */
char *text_count(int64_t n, char *buf);       /* "1,234" */
char *text_value(double v, char *buf);        /* six digits; "-" when not a number */

struct text_column {
  const char *title;
  bool right; /* numbers */
};
/* Rows are held back until the widths are known: 1,000 rows, then they pass through. Put n cells a row, then end. A
 * lack of memory shows at the end. The last column is cut at the edge of a terminal. */
struct text_table {
  const struct text_column *columns;
  size_t n;
  FILE *out;
  bool color, fixed, said_titles;
  size_t widths[16];
  size_t edge;           /* columns of the terminal, 0 = none */
  struct tfdc_buf cells; /* a style byte, the text, a NUL */
  size_t n_cells, rows;
};
void text_table_begin(struct text_table *t, const struct text_column *columns, size_t n, FILE *out);
void text_table_cell(struct text_table *t, const char *text); /* NULL = "-" */
void text_table_styled(struct text_table *t, enum text_style style, const char *text);
TFDC_MUST_USE tfdc_rc text_table_end(struct text_table *t, struct tfdc_error *err);

/* One JSON text on a line. IO. */
TFDC_MUST_USE tfdc_rc text_print_json(FILE *out, const json_t *v, struct tfdc_error *err);
/* Flushes; IO when something could not be written (a full disk, a closed pipe). */
TFDC_MUST_USE tfdc_rc text_flush(FILE *out, struct tfdc_error *err);

#endif
