/* SPDX-License-Identifier: Apache-2.0 */
#include "app/definitions.h"

#include "app/json_get.h"

#include <stdio.h>
#include <string.h>

struct gather {
  json_t *list;
  bool failed;
};

/* Rows come by kind, id, version: a later one of the same id is newer. */
static bool on_definition(void *user, json_t *row) {
  struct gather *g = user;
  if (!json_get_bool(row, "approved") || json_get_bool(row, "retired")) return true;
  json_t *body = json_object_get(row, "body");
  if (json_is_string(body)) {
    body = json_loads(json_string_value(body), 0, NULL);
    g->failed = g->failed || body == NULL || json_object_set_new(row, "body", body) != 0;
  }
  size_t n = json_array_size(g->list);
  bool same = n > 0 && strcmp(json_get_text(json_array_get(g->list, n - 1), "id"), json_get_text(row, "id")) == 0;
  int rc = same ? json_array_set(g->list, n - 1, row) : json_array_append(g->list, row);
  g->failed = g->failed || rc != 0;
  return !g->failed;
}

tfdc_rc definitions_get(struct client *c, const char *kind, const char *id, json_t **ret, struct tfdc_error *err) {
  struct gather g = {.list = json_array()};
  const char *const params[] = {"kind", kind, "bodies", "1", "id", id, NULL};
  tfdc_rc rc = g.list == NULL ? tfdc_fail(err, TFDC_E_NOMEM, "definitions")
                              : client_list(c, "/api/v1/definitions", params, "definitions", 0, on_definition, &g, err);
  if (rc == TFDC_OK && g.failed) rc = tfdc_fail(err, TFDC_E_MALFORMED, "a definition of the server cannot be read");
  if (rc == TFDC_OK)
    *ret = g.list;
  else
    json_decref(g.list);
  return rc;
}

static const json_t *find(const json_t *list, const char *key, const char *value) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (strcmp(json_get_text(json_array_get(list, i), key), value) == 0) return json_array_get(list, i);
  return NULL;
}

const json_t *definitions_chart(const json_t *body, const char *chart) {
  return find(json_object_get(body, "charts"), "chart", chart);
}

const json_t *definitions_find_group(const json_t *limits_body, const struct definitions_group *g) {
  const json_t *groups = json_object_get(limits_body, "groups");
  for (size_t i = 0; i < json_array_size(groups); i++) {
    const json_t *one = json_array_get(groups, i);
    if (strcmp(json_get_text(one, "partition"), g->partition) != 0) continue;
    if (g->tool_type == NULL || strcmp(json_get_text(one, "tool_type"), g->tool_type) == 0) return one;
  }
  return NULL;
}

const json_t *definitions_find_centre(const json_t *group, const char *chart, const struct definitions_group *g) {
  char key[160];
  (void)snprintf(key, sizeof key, "%.64s:%.64s", g->tool, g->chamber);
  return find(json_object_get(definitions_chart(group, chart), "centres"), "chamber", key);
}
