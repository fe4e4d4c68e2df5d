/* SPDX-License-Identifier: Apache-2.0
 * Parameters of requests: text to values, with errors that name the parameter. */
#include "port/store_util.h"
#include "run/api_call.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

const char *api_param(const struct api_call *c, const char *name) {
  const char *value = http_param(c->q, name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

tfdc_rc api_param_need(struct api_call *c, const char *name, const char **ret) {
  *ret = api_param(c, name);
  return *ret != NULL ? TFDC_OK : tfdc_fail(&c->err, TFDC_E_USAGE, "parameter %s is needed", name);
}

tfdc_rc api_param_all(struct api_call *c, const char *name, const char *const **ret, size_t *ret_n) {
  const char **values = tfdc_arena_array(&c->mem, c->q->n_params, sizeof *values);
  size_t n = 0;
  if (values == NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "parameter %s", name);
  for (size_t i = 0; i < c->q->n_params; i++) {
    const struct http_param *p = &c->q->params[i];
    if (strcmp(p->name, name) == 0 && p->value[0] != '\0') values[n++] = p->value;
  }
  *ret = values;
  *ret_n = n;
  return TFDC_OK;
}

static tfdc_rc bad(struct api_call *c, const char *name, const char *want) {
  return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter %s: \"%.64s\" is not %s", name, api_param(c, name), want);
}

tfdc_rc api_param_int(struct api_call *c, const char *name, int64_t min, int64_t max, int64_t *ret) {
  const char *text = api_param(c, name);
  if (text == NULL) return TFDC_OK;
  char *end;
  errno = 0;
  long long v = strtoll(text, &end, 10);
  bool digits = text[strspn(text, "-0123456789")] == '\0';
  if (!digits || *end != '\0' || end == text) return bad(c, name, "a whole number");
  if (errno != 0 || v < min || v > max)
    return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter %s: %.32s is not within %lld to %lld", name, text,
                     (long long)min, (long long)max);
  *ret = v;
  return TFDC_OK;
}

tfdc_rc api_param_real(struct api_call *c, const char *name, double min, double max, double *ret) {
  const char *text = api_param(c, name);
  if (text == NULL) return TFDC_OK;
  char *end;
  double v = strtod(text, &end);
  if (*end != '\0' || end == text || !isfinite(v)) return bad(c, name, "a number");
  if (v < min || v > max)
    return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter %s: %.32s is not within %g to %g", name, text, min, max);
  *ret = v;
  return TFDC_OK;
}

tfdc_rc api_param_flag(struct api_call *c, const char *name, bool *ret) {
  const char *text = api_param(c, name);
  if (text == NULL) return TFDC_OK;
  bool yes = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
  if (!yes && strcmp(text, "0") != 0 && strcmp(text, "false") != 0) return bad(c, name, "1 or 0");
  *ret = yes;
  return TFDC_OK;
}

tfdc_rc api_param_filter(struct api_call *c, struct store_filter *ret) {
  struct store_filter f = STORE_FILTER_ALL;
  f.tool = api_param(c, "tool");
  f.chamber = api_param(c, "chamber");
  f.recipe = api_param(c, "recipe");
  f.lot = api_param(c, "lot");
  f.wafer = api_param(c, "wafer");
  f.product = api_param(c, "product");
  const char *verdict = api_param(c, "verdict"), *state = api_param(c, "state");
  enum model_verdict v;
  enum model_context_state s;
  if (verdict != NULL && !model_verdict_parse(verdict, &v))
    return bad(c, "verdict", "OK, WARN, OOC, ACTION or NOT_JUDGED");
  if (verdict != NULL) f.verdict = (int)v;
  if (state != NULL && !model_context_state_parse(state, &s)) return bad(c, "state", "OPEN or CLOSED");
  if (state != NULL) f.state = (int)s;
  TFDC_TRY(api_param_int(c, "from", INT64_MIN, INT64_MAX, &f.from_us));
  f.to_us = f.from_us != 0 ? INT64_MAX : 0;
  TFDC_TRY(api_param_int(c, "to", INT64_MIN, INT64_MAX, &f.to_us));
  TFDC_TRY(api_param_flag(c, "newest", &f.newest_first));
  if (f.to_us != 0 && f.from_us == 0 && api_param(c, "from") == NULL) f.from_us = INT64_MIN;
  *ret = f;
  return TFDC_OK;
}

tfdc_rc api_param_page(struct api_call *c, struct store_req *r) {
  int64_t limit = STORE_PAGE_DEFAULT;
  TFDC_TRY(api_param_int(c, "limit", 1, STORE_PAGE_MAX, &limit));
  r->page.limit = (uint32_t)limit;
  r->page.cursor = api_param(c, "cursor");
  return TFDC_OK;
}

tfdc_rc api_param_id(struct api_call *c, struct tfdc_id128 *ret) {
  if (tfdc_id128_parse(c->id, ret)) return TFDC_OK;
  return tfdc_fail(&c->err, TFDC_E_BAD_ID, "\"%.64s\" is not an id of 32 hex digits", c->id);
}
