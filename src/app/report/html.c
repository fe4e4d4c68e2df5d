/* SPDX-License-Identifier: Apache-2.0 */
#include "app/report/html.h"

#include "app/text_out.h"
#include "model/records.h"

#include <math.h>
#include <string.h>

void html_put(struct tfdc_buf *b, const char *markup) { tfdc_put(b, markup, strlen(markup)); }

static const char *entity_of(char c) {
  switch (c) {
  case '&': return "&amp;";
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '"': return "&quot;";
  case '\'': return "&#39;";
  default: return NULL;
  }
}

void html_text_cut(struct tfdc_buf *b, const char *s, size_t columns) {
  if (s == NULL) return;
  struct tfdc_buf safe = {0};
  text_put(&safe, s, columns);
  b->failed = b->failed || safe.failed;
  size_t from = 0;
  for (size_t i = 0; i < safe.size; i++) {
    const char *entity = entity_of((char)safe.data[i]);
    if (entity == NULL) continue;
    tfdc_put(b, safe.data + from, i - from);
    html_put(b, entity);
    from = i + 1;
  }
  if (safe.size > from) tfdc_put(b, safe.data + from, safe.size - from);
  tfdc_buf_deinit(&safe);
}

void html_text(struct tfdc_buf *b, const char *s) { html_text_cut(b, s, 0); }

void html_element(struct tfdc_buf *b, const char *name, const char *text) {
  html_fmt(b, "<%s>", name);
  html_text(b, text);
  html_fmt(b, "</%.*s>", (int)strcspn(name, " "), name);
}

void html_value(struct tfdc_buf *b, double v) {
  char text[40];
  html_put(b, text_value(v, text));
}

void html_count(struct tfdc_buf *b, size_t n) {
  char text[40];
  html_put(b, text_count((int64_t)n, text));
}

void html_time(struct tfdc_buf *b, int64_t us) {
  char text[40];
  (void)text_time(us, text);
  text[strcspn(text, "Z")] = '\0';
  char *between = strchr(text, 'T');
  if (between != NULL) *between = ' ';
  html_put(b, text);
}

void html_duration(struct tfdc_buf *b, int64_t us) {
  char text[40];
  html_put(b, text_duration(us, text));
}

void html_coordinate(struct tfdc_buf *b, double at) {
  double tenths = round(at * 10);
  if (!(fabs(tenths) < 1e7)) tenths = 0;
  int whole = (int)(fabs(tenths) / 10), rest = (int)(fabs(tenths) - 10.0 * whole);
  const char *sign = tenths < 0 ? "-" : "";
  if (rest == 0)
    html_fmt(b, "%s%d", sign, whole);
  else
    html_fmt(b, "%s%d.%d", sign, whole, rest);
}
