/* SPDX-License-Identifier: Apache-2.0 */
#include "app/csv_out.h"

#include "model/json_out.h"

#include <math.h>

void csv_put_text(struct tfdc_buf *b, const char *s) {
  size_t n = strlen(s);
  if (strpbrk(s, ",\"\r\n") == NULL && s[0] != ' ' && (n == 0 || s[n - 1] != ' ')) {
    tfdc_put(b, s, n);
    return;
  }
  tfdc_put_u8(b, '"');
  for (; *s != '\0'; s++) {
    if (*s == '"') tfdc_put_u8(b, '"');
    tfdc_put_u8(b, (uint8_t)*s);
  }
  tfdc_put_u8(b, '"');
}

void csv_put_title(struct tfdc_buf *b, const char *name, const char *unit) {
  struct tfdc_buf title = {0};
  tfdc_put_fmt(&title, unit != NULL && unit[0] != '\0' ? "%s [%s]" : "%s", name, unit);
  tfdc_put_u8(&title, '\0');
  if (!title.failed) csv_put_text(b, (const char *)title.data);
  b->failed = b->failed || title.failed;
  tfdc_buf_deinit(&title);
}

void csv_put_real(struct tfdc_buf *b, double v) {
  if (isfinite(v)) model_json_put_f64(b, v);
}

void csv_put_value(struct tfdc_buf *b, const json_t *v) {
  if (json_is_string(v)) csv_put_text(b, json_string_value(v));
  if (json_is_integer(v)) tfdc_put_fmt(b, "%lld", (long long)json_integer_value(v));
  if (json_is_real(v)) csv_put_real(b, json_real_value(v));
}
