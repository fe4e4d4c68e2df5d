/* SPDX-License-Identifier: Apache-2.0
 * Names of enums, ids and the order of runs. */
#include "base/cursor.h"
#include "model/fields.h"
#include "model/records.h"

#include <string.h>

static const char *const verdicts[] = {"OK", "WARN", "OOC", "ACTION", "NOT_JUDGED"};
static const char *const severities[] = {"info", "warning", "critical"};
static const char *const end_reasons[] = {"none", "complete", "abort", "unknown"};
static const char *const context_states[] = {"OPEN", "CLOSED"};
static const char *const alarm_states[] = {"OPEN", "CLEARED"};
static const char *const def_kinds[] = {"strategy", "limits"};
static const char *const reasons[] = {
#define X(name) #name,
    MODEL_REASON_LIST(X)
#undef X
};

const struct model_names model_verdict_names = {verdicts, TFDC_COUNT(verdicts)};
const struct model_names model_reason_names = {reasons, TFDC_COUNT(reasons)};
const struct model_names model_severity_names = {severities, TFDC_COUNT(severities)};
const struct model_names model_end_reason_names = {end_reasons, TFDC_COUNT(end_reasons)};
const struct model_names model_context_state_names = {context_states, TFDC_COUNT(context_states)};
const struct model_names model_alarm_state_names = {alarm_states, TFDC_COUNT(alarm_states)};
const struct model_names model_def_kind_names = {def_kinds, TFDC_COUNT(def_kinds)};

static const char *name_at(const struct model_names *names, int value) {
  return value >= 0 && (size_t)value < names->n ? names->names[value] : "?";
}

bool model_names_find(const struct model_names *names, const char *text, int *ret) {
  for (size_t i = 0; i < names->n; i++) {
    if (strcmp(names->names[i], text) != 0) continue;
    *ret = (int)i;
    return true;
  }
  return false;
}

const char *model_verdict_name(enum model_verdict v) { return name_at(&model_verdict_names, (int)v); }
const char *model_reason_name(enum model_reason r) { return name_at(&model_reason_names, (int)r); }
const char *model_severity_name(enum model_severity s) { return name_at(&model_severity_names, (int)s); }
const char *model_end_reason_name(enum model_end_reason r) { return name_at(&model_end_reason_names, (int)r); }
const char *model_context_state_name(enum model_context_state s) { return name_at(&model_context_state_names, (int)s); }
const char *model_alarm_state_name(enum model_alarm_state s) { return name_at(&model_alarm_state_names, (int)s); }
const char *model_def_kind_name(enum model_def_kind k) { return name_at(&model_def_kind_names, (int)k); }

bool model_verdict_parse(const char *text, enum model_verdict *ret) {
  int v;
  if (!model_names_find(&model_verdict_names, text, &v)) return false;
  *ret = (enum model_verdict)v;
  return true;
}

bool model_reason_parse(const char *text, enum model_reason *ret) {
  int v;
  if (!model_names_find(&model_reason_names, text, &v)) return false;
  *ret = (enum model_reason)v;
  return true;
}

bool model_severity_parse(const char *text, enum model_severity *ret) {
  int v;
  if (!model_names_find(&model_severity_names, text, &v)) return false;
  *ret = (enum model_severity)v;
  return true;
}

bool model_context_state_parse(const char *text, enum model_context_state *ret) {
  int v;
  if (!model_names_find(&model_context_state_names, text, &v)) return false;
  *ret = (enum model_context_state)v;
  return true;
}

bool model_def_kind_parse(const char *text, enum model_def_kind *ret) {
  int v;
  if (!model_names_find(&model_def_kind_names, text, &v)) return false;
  *ret = (enum model_def_kind)v;
  return true;
}

struct tfdc_id128 model_context_id(struct model_key key, const char *run_id, int64_t start_us) {
  /* ids are at most 64 bytes, run ids 256: each with its length in front, so that no two tuples look alike */
  uint8_t bytes[4 + 64 + 64 + 256 + 8 + 8];
  const char *const parts[] = {key.tool, key.chamber, run_id};
  size_t n = 0;
  for (size_t i = 0; i < TFDC_COUNT(parts); i++) {
    size_t len = strlen(parts[i]);
    TFDC_ASSERT(len <= 256 && n + len + 2 + 8 <= sizeof bytes);
    bytes[n++] = (uint8_t)(len & 0xff);
    bytes[n++] = (uint8_t)(len >> 8);
    memcpy(bytes + n, parts[i], len);
    n += len;
  }
  for (size_t i = 0; i < 8; i++) bytes[n++] = (uint8_t)((uint64_t)start_us >> (8 * i));
  return tfdc_xxh3_128(bytes, n);
}

uint64_t model_chunk_digest(const uint64_t *checksums, size_t n) {
  uint64_t digest = 0;
  for (size_t i = 0; i < n; i++) {
    uint8_t pair[16];
    for (size_t k = 0; k < 8; k++) {
      pair[k] = (uint8_t)(digest >> (8 * k));
      pair[8 + k] = (uint8_t)(checksums[i] >> (8 * k));
    }
    digest = tfdc_xxh3_64(pair, sizeof pair);
  }
  return digest;
}

struct model_completion model_completion_of(const struct model_context *c, uint32_t judgement) {
  return (struct model_completion){
      .key = c->key,
      .context_id = c->context_id,
      .revision = c->revision,
      .judgement = judgement,
      .timestamp_us = c->received_us,
      .order_us = c->order_us,
      .chunk_count = c->chunk_count,
      .recipe_id = c->recipe_id,
      .end_reason = c->end_reason,
  };
}

int model_run_order(int64_t order_a, struct tfdc_id128 a, int64_t order_b, struct tfdc_id128 b) {
  if (order_a != order_b) return order_a < order_b ? -1 : 1;
  return tfdc_id128_cmp(a, b);
}
