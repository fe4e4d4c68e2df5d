/* SPDX-License-Identifier: Apache-2.0
 * What a chart is: its equation, and the sensor and the step that the equation looks at. */
#include "app/report/report_priv.h"

#include "app/json_get.h"
#include "eq/eq.h"

#include <stdio.h>
#include <string.h>

/* The body is an object, or the text of one. */
static json_t *body_of(const json_t *def) {
  json_t *body = json_object_get(def, "body");
  if (json_is_object(body)) return json_incref(body);
  const char *text = json_string_value(body);
  return text != NULL ? json_loads(text, 0, NULL) : NULL;
}

/* Limit sets are large: what is kept of them is partition -> warn_at. */
static json_t *short_limits(json_t *body) {
  const json_t *groups = json_object_get(body, "groups");
  json_t *kept = json_object();
  for (size_t i = 0; kept != NULL && i < json_array_size(groups); i++) {
    const json_t *g = json_array_get(groups, i);
    (void)json_object_set(kept, json_get_text(g, "partition"), json_object_get(g, "warn_at"));
  }
  json_decref(body);
  return kept;
}

static bool on_def(void *user, json_t *def) {
  struct report_def *d = user;
  d->body = body_of(def);
  if (d->body != NULL && strcmp(d->kind, "limits") == 0) d->body = short_limits(d->body);
  return false;
}

/* Version 0 = the newest. An answer that cannot be had is no failure of the report: a chart is drawn without it. */
static json_t *find_def(struct report *r, const char *kind, const char *strategy, int64_t version) {
  for (size_t i = 0; i < r->n_defs; i++) {
    const struct report_def *d = &r->defs[i];
    if (d->kind == kind && d->version == version && strcmp(d->strategy, strategy) == 0) return d->body;
  }
  struct report_def *at = &r->defs[r->next_def];
  r->next_def = (r->next_def + 1) % REPORT_DEFS;
  if (r->n_defs < REPORT_DEFS)
    r->n_defs++;
  else
    json_decref(at->body);
  *at = (struct report_def){.kind = kind, .version = version};
  (void)snprintf(at->strategy, sizeof at->strategy, "%s", strategy);
  char text[24];
  (void)snprintf(text, sizeof text, "%lld", (long long)version);
  const char *const params[] = {"kind",   kind, "id", strategy, "version", version > 0 ? text : NULL,
                                "bodies", "1",  NULL};
  tfdc_rc rc = client_list(r->client, "/api/v1/definitions", params, "definitions", 1, on_def, at, NULL);
  return rc == TFDC_OK ? at->body : NULL;
}

static const char kind_strategy[] = "strategy", kind_limits[] = "limits";

static const char *copy(struct report *r, const char *text) {
  return text != NULL ? tfdc_arena_strdup(&r->mem, text) : NULL;
}

static void look_into(struct report *r, struct chart_def *d) {
  struct eq_program *p = NULL;
  if (d->eq == NULL || eq_compile(d->eq, strlen(d->eq), NULL, NULL, &p, NULL) != TFDC_OK) return;
  d->svid = copy(r, eq_program_svid(p, 0));
  d->step.name = copy(r, eq_program_step(p, 0));
  d->step.has_number = d->step.name == NULL && eq_program_step_number(p, 0, &d->step.number);
  eq_program_destroy(p);
}

/* "warn beyond(0.9); ooc beyond(1)"; NULL: the default ones. */
static const char *rules_of(struct report *r, const json_t *strategy) {
  const json_t *rules = json_object_get(strategy, "rules");
  struct tfdc_buf text = {0};
  for (size_t i = 0; i < json_array_size(rules); i++) {
    const char *rule = json_string_value(json_array_get(rules, i));
    tfdc_put_fmt(&text, "%s%s", i > 0 ? "; " : "", rule != NULL ? rule : "");
  }
  const char *all = text.size == 0 || text.failed ? NULL : tfdc_arena_strndup(&r->mem, (char *)text.data, text.size);
  tfdc_buf_deinit(&text);
  return all != NULL && strcmp(all, "default") == 0 ? NULL : all;
}

struct chart_def define_chart(struct report *r, const char *strategy, int64_t version, const char *chart) {
  struct chart_def d = {.action_ucl = NAN, .action_lcl = NAN};
  const json_t *body = find_def(r, kind_strategy, strategy, version), *charts = json_object_get(body, "charts");
  for (size_t i = 0; i < json_array_size(charts); i++) {
    const json_t *c = json_array_get(charts, i), *limits = json_object_get(c, "limits");
    if (strcmp(json_get_text(c, "chart"), chart) != 0) continue;
    d.eq = copy(r, json_get_text(c, "eq"));
    d.action_ucl = json_get_real(limits, "action_ucl");
    d.action_lcl = json_get_real(limits, "action_lcl");
    d.rules = rules_of(r, body);
    look_into(r, &d);
    break;
  }
  return d;
}

double define_warn_at(struct report *r, const char *strategy, int64_t limit_version, const char *partition) {
  double warn_at =
      limit_version > 0 ? json_get_real(find_def(r, kind_limits, strategy, limit_version), partition) : NAN;
  return warn_at > 0 && warn_at < 1 ? warn_at : NAN;
}
