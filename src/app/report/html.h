/* SPDX-License-Identifier: Apache-2.0
 * HTML and SVG written into a buffer. Only html_text takes what comes from outside: it escapes, and shows what is not
 * printable as U+FFFD. Errors stay in the buffer (tfdc_buf_status). Pure. */
#ifndef APP_REPORT_HTML_H
#define APP_REPORT_HTML_H

#include "base/cursor.h"

/* Markup of ours, as it is. */
void html_put(struct tfdc_buf *b, const char *markup);
#define html_fmt tfdc_put_fmt /* markup with numbers and words of ours */
/* Text of anybody, for content and for attributes in double quotes; NULL = "". */
void html_text(struct tfdc_buf *b, const char *s);
/* The same, at most so many columns wide (then it ends in an ellipsis). */
void html_text_cut(struct tfdc_buf *b, const char *s, size_t columns);
/* <name>text</name>; name is ours and may have attributes: "td class=\"r\"". */
void html_element(struct tfdc_buf *b, const char *name, const char *text);

/* Numbers for people; six digits, "-" for NaN. */
void html_value(struct tfdc_buf *b, double v);
void html_count(struct tfdc_buf *b, size_t n);       /* "1,234" */
void html_time(struct tfdc_buf *b, int64_t us);      /* "2026-11-25 08:00:05", "-" when not known */
void html_duration(struct tfdc_buf *b, int64_t us);  /* "3 min 20 s" */
void html_coordinate(struct tfdc_buf *b, double at); /* one decimal, none where it is 0 */

#endif
