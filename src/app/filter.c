/* SPDX-License-Identifier: Apache-2.0 */
#include "app/filter.h"

#include "app/json_get.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

void filter_add(struct filter_params *p, const char *name, const char *value) {
  if (value == NULL) return;
  TFDC_ASSERT(p->n + 3 <= TFDC_COUNT(p->list));
  p->list[p->n++] = name;
  p->list[p->n++] = value;
  p->list[p->n] = NULL;
}

tfdc_rc filter_params(const struct filter *f, struct filter_params *ret, struct tfdc_error *err) {
  *ret = (struct filter_params){.n = 0};
  const char *tool = f->tool, *chamber = f->chamber, *colon = chamber != NULL ? strchr(chamber, ':') : NULL;
  if (colon != NULL) {
    if (tool != NULL) return tfdc_fail(err, TFDC_E_USAGE, "--chamber %s names the tool already", chamber);
    if ((size_t)(colon - chamber) >= sizeof ret->tool) return tfdc_fail(err, TFDC_E_USAGE, "--chamber is too long");
    (void)snprintf(ret->tool, sizeof ret->tool, "%.*s", (int)(colon - chamber), chamber);
    tool = ret->tool;
    chamber = colon + 1;
  }
  if (f->from_us != 0) (void)snprintf(ret->from, sizeof ret->from, "%" PRId64, f->from_us);
  if (f->to_us != 0) (void)snprintf(ret->to, sizeof ret->to, "%" PRId64, f->to_us);
  filter_add(ret, "tool", tool);
  filter_add(ret, "chamber", chamber);
  filter_add(ret, "recipe", f->recipe);
  filter_add(ret, "lot", f->lot);
  filter_add(ret, "wafer", f->wafer);
  filter_add(ret, "product", f->product);
  filter_add(ret, "verdict", f->verdict);
  filter_add(ret, "state", f->state);
  filter_add(ret, "from", f->from_us != 0 ? ret->from : NULL);
  filter_add(ret, "to", f->to_us != 0 ? ret->to : NULL);
  return TFDC_OK;
}

bool filter_is_empty(const struct filter *f) {
  return f->tool == NULL && f->chamber == NULL && f->recipe == NULL && f->lot == NULL && f->wafer == NULL &&
         f->product == NULL && f->verdict == NULL && f->state == NULL && f->from_us == 0 && f->to_us == 0;
}

bool filter_takes(const struct filter *f, const json_t *row) {
  return tfdc_glob(f->recipe, json_get_text(row, "recipe_id")) && tfdc_glob(f->lot, json_get_text(row, "lot_id")) &&
         tfdc_glob(f->wafer, json_get_text(row, "substrate_id"));
}
