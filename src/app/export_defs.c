/* SPDX-License-Identifier: Apache-2.0 */
#include "app/export_defs.h"

#include "app/text_out.h"

static const char path[] = "/api/v1/definitions";

struct writer {
  FILE *out;
  size_t n;
};

static bool on_definition(void *user, json_t *d) {
  struct writer *w = user;
  w->n++;
  return text_print_json(w->out, d, NULL) == TFDC_OK;
}

static tfdc_rc write_some(struct client *c, const char *kind, const char *id, bool json, struct writer *w,
                          struct tfdc_error *err) {
  const char *const params[] = {"newest", "1", "kind", kind, "id", id, json ? "bodies" : "yaml", "1", NULL};
  if (json) return client_list(c, path, params, "definitions", 0, on_definition, w, err);
  struct tfdc_buf text = {0};
  TFDC_TRY(client_get_text(c, path, params, &text, err));
  w->n += text.size - 1;
  (void)fwrite(text.data, 1, text.size - 1, w->out);
  tfdc_buf_deinit(&text);
  return TFDC_OK;
}

tfdc_rc export_defs(struct client *c, const char *kind, char **ids, size_t n, bool json, FILE *out,
                    struct tfdc_error *err) {
  struct writer w = {.out = out};
  for (size_t i = 0; i < n || i == 0; i++) {
    size_t before = w.n;
    TFDC_TRY(write_some(c, kind, n > 0 ? ids[i] : NULL, json, &w, err));
    if (n > 0 && w.n == before)
      return tfdc_fail(err, TFDC_E_NOT_FOUND, "there is no %s %s", kind != NULL ? kind : "strategy or limit set",
                       ids[i]);
  }
  if (w.n == 0) (void)fprintf(stderr, "no definitions: `tfdc learn` makes some, `tfdc apply` takes yours\n");
  return TFDC_OK;
}
