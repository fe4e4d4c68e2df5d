/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include <jansson.h>
#include <string.h>

static const char *shown(const struct app_config *c, enum app_config_id id) {
  const char *text = c->values[id].text;
  return app_config_row(id)->type == APP_CONFIG_SECRET && text[0] != '\0' ? "***" : text;
}

static tfdc_rc print_json(const struct app_config *c, FILE *out, struct tfdc_error *err) {
  json_t *list = json_array();
  bool ok = list != NULL;
  for (int i = 0; ok && i < APP_CONFIG_COUNT; i++) {
    enum app_config_id id = (enum app_config_id)i;
    const struct app_config_value *v = &c->values[i];
    json_t *row = json_pack("{s:s, s:s, s:s, s:s*}", "key", app_config_row(id)->key, "value", shown(c, id), "source",
                            app_config_source_name(v->source), "where", v->where);
    ok = row != NULL && json_array_append_new(list, row) == 0;
  }
  tfdc_rc rc = TFDC_OK;
  if (!ok)
    rc = tfdc_fail(err, TFDC_E_NOMEM, "configuration as JSON (a value that is not UTF-8?)");
  else if (json_dumpf(list, out, JSON_INDENT(2)) != 0 || fputc('\n', out) == EOF)
    rc = tfdc_fail(err, TFDC_E_IO, "print the configuration");
  json_decref(list);
  return rc;
}

tfdc_rc app_config_print(const struct app_config *c, FILE *out, bool json, struct tfdc_error *err) {
  if (json) return print_json(c, out, err);
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    enum app_config_id id = (enum app_config_id)i;
    const struct app_config_value *v = &c->values[i];
    const char *gap = v->where != NULL ? " " : "";
    if (fprintf(out, "%-36s = %-28s # %s%s%s\n", app_config_row(id)->key, shown(c, id),
                app_config_source_name(v->source), gap, v->where != NULL ? v->where : "") < 0)
      return tfdc_fail(err, TFDC_E_IO, "print the configuration");
  }
  return TFDC_OK;
}

static void print_range(FILE *out, const struct app_config_row *row) {
  static const char *const names[] = {"bool", "int", "float", "duration", "size", "text", "path", "secret"};
  const char *unit = row->type == APP_CONFIG_DUR || row->type == APP_CONFIG_SIZE ? strrchr(row->key, '_') : NULL;
  fprintf(out, "%s", names[row->type]);
  if (row->type >= APP_CONFIG_TEXT)
    fprintf(out, ", at most %.0f bytes", row->max);
  else if (row->type != APP_CONFIG_BOOL)
    fprintf(out, ", %.15g to %.15g%s%s", row->min, row->max, unit != NULL ? " " : "", unit != NULL ? unit + 1 : "");
}

void app_config_print_docs(FILE *out) {
  fprintf(out,
          "# Configuration\n\n"
          "<!-- Written by `make docs` from src/model/config_list.h: change it there. -->\n\n"
          "A flag (`--set key=value`, `--key value`) beats the environment, the environment beats the YAML file "
          "(`--config\n"
          "FILE` or `TFDC_CONFIG`), the file beats the default. `tfdc config` prints each effective value and where it "
          "came\n"
          "from. An unknown key is an error that names the nearest one. Durations are in the unit that ends the key's "
          "name,\n"
          "or carry their own (`90s`, `5m`, `2h`, `7d`, `250ms`); sizes likewise (`64KiB`, `4MiB`, `1GiB`). Secrets "
          "may be\n"
          "given as a file (`<key>_file`, `<ENVIRONMENT>_FILE`) and are never printed.\n\n"
          "```yaml\ningest:\n  listen: 0.0.0.0:50051\n  idle_close_s: 5m\nstore:\n  retention_tchart_days: 7\n```\n\n"
          "| key | default | type and range | environment | meaning |\n|---|---|---|---|---|\n");
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    const struct app_config_row *row = app_config_row((enum app_config_id)i);
    fprintf(out, "| `%s` | %s%s%s | ", row->key, row->initial[0] != '\0' ? "`" : "", row->initial,
            row->initial[0] != '\0' ? "`" : "");
    print_range(out, row);
    fprintf(out, " | `%s`", row->env);
    for (const char *p = row->aliases; *p != '\0'; p += strspn(p, " ")) {
      size_t n = strcspn(p, " ");
      fprintf(out, " `%.*s`", (int)n, p);
      p += n;
    }
    fprintf(out, " | %s |\n", row->help);
  }
}
