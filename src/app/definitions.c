/* SPDX-License-Identifier: Apache-2.0 */
#include "app/definitions.h"

#include "app/json_get.h"
#include "base/text.h"

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

/* The nearest of the names looked at. */
struct nearest {
  const char *wanted, *name;
  size_t far, most;
};

static struct nearest nearest_to(const char *wanted) {
  return (struct nearest){.wanted = wanted, .far = SIZE_MAX, .most = strlen(wanted) / 3 + 1};
}

static void look_at(struct nearest *n, const char *name) {
  size_t far = tfdc_distance(n->wanted, name);
  if (far >= n->far) return;
  n->far = far;
  n->name = name;
}

static tfdc_rc not_found(const struct nearest *n, const char *what, struct tfdc_error *err) {
  if (n->far <= n->most)
    return tfdc_fail(err, TFDC_E_NOT_FOUND, "there is no %s %s; did you mean %s?", what, n->wanted, n->name);
  return tfdc_fail(err, TFDC_E_NOT_FOUND, "there is no %s %s", what, n->wanted);
}

static tfdc_rc check_strategy(const json_t *defs, const char *id, struct tfdc_error *err) {
  struct nearest near = nearest_to(id);
  for (size_t i = 0; i < json_array_size(defs); i++) look_at(&near, json_get_text(json_array_get(defs, i), "id"));
  return near.far == 0 ? TFDC_OK : not_found(&near, "strategy", err);
}

static tfdc_rc check_chart(const json_t *defs, const char *strategy, const char *chart, struct tfdc_error *err) {
  struct nearest near = nearest_to(chart);
  for (size_t i = 0; i < json_array_size(defs); i++) {
    const json_t *def = json_array_get(defs, i), *charts = json_object_get(json_object_get(def, "body"), "charts");
    if (strategy != NULL && strcmp(strategy, json_get_text(def, "id")) != 0) continue;
    for (size_t k = 0; k < json_array_size(charts); k++)
      look_at(&near, json_get_text(json_array_get(charts, k), "chart"));
  }
  return near.far == 0 ? TFDC_OK : not_found(&near, "chart", err);
}

tfdc_rc definitions_check(struct client *c, const char *strategy, const char *const *charts, size_t n,
                          struct tfdc_error *err) {
  json_t *defs = NULL;
  TFDC_TRY(definitions_get(c, "strategy", NULL, &defs, err));
  tfdc_rc rc = strategy != NULL ? check_strategy(defs, strategy, err) : TFDC_OK;
  for (size_t i = 0; i < n && rc == TFDC_OK; i++) rc = check_chart(defs, strategy, charts[i], err);
  json_decref(defs);
  return rc;
}

const json_t *definitions_chart(const json_t *body, const char *chart) {
  const json_t *charts = json_object_get(body, "charts");
  for (size_t i = 0; i < json_array_size(charts); i++)
    if (strcmp(json_get_text(json_array_get(charts, i), "chart"), chart) == 0) return json_array_get(charts, i);
  return NULL;
}
