/* SPDX-License-Identifier: Apache-2.0 */
#include "app/find.h"

#include "app/json_get.h"

#include <stdio.h>
#include <string.h>

enum { LEAST_DIGITS = 4, NAMED = 3 };

struct search {
  const char *text;
  size_t n;
  bool prefix; /* text may be the beginning of an id */
  char id[33];
  size_t found, looked_at;
  char names[NAMED * 36];
};

static bool is_hex(const char *s) { return s[0] != '\0' && s[strspn(s, "0123456789abcdefABCDEF")] == '\0'; }

static bool same_start(const char *a, const char *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  return true;
}

static bool on_run(void *user, json_t *run) {
  struct search *s = user;
  const json_t *c = json_object_get(run, "context");
  const char *id = json_get_text(c, "context_id");
  s->looked_at++;
  bool fits = strcmp(json_get_text(c, "run_id"), s->text) == 0 ||
              strcmp(json_get_text(c, "substrate_id"), s->text) == 0 ||
              (s->prefix && strlen(id) >= s->n && same_start(id, s->text, s->n));
  if (!fits) return true;
  s->found++;
  (void)snprintf(s->id, sizeof s->id, "%s", id);
  size_t at = strlen(s->names);
  if (s->found <= NAMED) (void)snprintf(s->names + at, sizeof s->names - at, "%s%.32s", s->found > 1 ? ", " : "", id);
  return s->found <= NAMED;
}

tfdc_rc find_run(struct client *c, const char *text, char ret_id[33], struct tfdc_error *err) {
  struct search s = {.text = text, .n = strlen(text), .prefix = is_hex(text) && strlen(text) >= LEAST_DIGITS};
  if (s.n == 32 && is_hex(text)) {
    for (size_t i = 0; i < 33; i++) ret_id[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
    return TFDC_OK;
  }
  const char *const params[] = {"newest", "1", NULL};
  TFDC_TRY(client_list(c, "/api/v1/runs", params, "runs", FIND_RUNS_MAX, on_run, &s, err));
  if (s.found == 0 && s.looked_at == FIND_RUNS_MAX)
    return tfdc_fail(err, TFDC_E_NOT_FOUND, "no run '%s' among the newest %d: give the whole id", text, FIND_RUNS_MAX);
  if (s.found == 0) return tfdc_fail(err, TFDC_E_NOT_FOUND, "no run '%s'", text);
  if (s.found > 1)
    return tfdc_fail(err, TFDC_E_USAGE, "'%s' fits several runs: %s%s", text, s.names, s.found > NAMED ? " ..." : "");
  memcpy(ret_id, s.id, sizeof s.id);
  return TFDC_OK;
}

void find_run_path(const char id[33], const char *rest, char *ret, size_t size) {
  (void)snprintf(ret, size, "/api/v1/runs/%.32s%s", id, rest);
}
