/* SPDX-License-Identifier: Apache-2.0
 * What changed between two texts, line by line, as people read it. Pure. */
#ifndef RUN_TEXT_DIFF_H
#define RUN_TEXT_DIFF_H

#include "base/arena.h"

/* sign '+', '-', ' ' (three lines around a change) or '@' (lines that are left out; the text says how many). */
typedef void text_diff_line(void *user, char sign, const char *text, size_t n);
/* Tells the lines of the difference in order; none when the texts are equal. Where much differs, all of it is told as
 * removed and added. At most max_lines, then one '@'. Scratch memory from mem; NOMEM. */
TFDC_MUST_USE tfdc_rc text_diff(const char *from, const char *to, size_t max_lines, struct tfdc_arena *mem,
                                text_diff_line *line, void *user);

#endif
