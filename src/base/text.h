/* SPDX-License-Identifier: Apache-2.0
 * Rules for names that come from outside (DESIGN section 2). */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TFDC_ID_MAX = 64, TFDC_TEXT_MAX = 256 };

/* Ids of tools, chambers, strategies and charts: [A-Za-z0-9_-]{1,64}. */
bool tfdc_is_id(const char *s, size_t n);
/* Valid UTF-8 (no surrogates, no overlong forms), at most 256 bytes, no control characters (C0, DEL, C1). May be empty.
 */
bool tfdc_is_text(const char *s, size_t n);
/* Length of the valid UTF-8 sequence (RFC 3629) with which s begins; 0 when it is not valid or n is 0. */
size_t tfdc_utf8_next(const char *s, size_t n, uint32_t *ret_code);
/* Glob match with * and ? only, case-sensitive, linear time. NULL or "" matches everything. */
bool tfdc_glob(const char *pattern, const char *s);
/* Order of two `const char *` by strcmp, for qsort and bsearch. */
int tfdc_text_order(const void *a, const void *b);
/* Levenshtein distance, for "nearest name" hints; strings over 64 bytes count as far (SIZE_MAX). */
size_t tfdc_distance(const char *a, const char *b);

#endif
