/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_GEN_EQ_PAGE_H
#define TOOLS_GEN_EQ_PAGE_H

#include <stdio.h>

/* docs/eq-functions.md: the manual of the equation language. Its examples are compiled; one that does not compile ends
 * the program. */
void eq_page_print(FILE *out);

#endif
