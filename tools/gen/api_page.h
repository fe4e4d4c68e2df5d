/* SPDX-License-Identifier: Apache-2.0
 * docs/api.md: the routes of the HTTP API. */
#ifndef GEN_API_PAGE_H
#define GEN_API_PAGE_H

#include <stdio.h>

void api_page_print(FILE *out);

#endif
