/* SPDX-License-Identifier: Apache-2.0
 * The files page.css and page.js, as bytes; the build makes them. */
#ifndef APP_REPORT_PAGE_EMBED_H
#define APP_REPORT_PAGE_EMBED_H

#include <stddef.h>

extern const unsigned char page_css[];
extern const size_t page_css_n;
extern const unsigned char page_js[];
extern const size_t page_js_n;

#endif
