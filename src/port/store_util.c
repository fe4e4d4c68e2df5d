/* SPDX-License-Identifier: Apache-2.0 */
#include "port/store_util.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OP(name) [STORE_##name] = #name
const char *const store_op_names[STORE_OPS] = {
    OP(CHAMBER_PUT),  OP(CHAMBER_GET), OP(CHAMBER_LIST),  OP(CONTEXT_PUT), OP(CONTEXT_GET),
    OP(CONTEXT_LIST), OP(CHUNK_PUT),   OP(CHUNK_LIST),    OP(CHUNK_GET),   OP(U_PUT),
    OP(U_PREV),       OP(U_GET),       OP(U_LIST),        OP(VERDICT_PUT), OP(VERDICT_GET),
    OP(VERDICT_LIST), OP(DEF_PUT),     OP(DEF_LIST),      OP(ALARM_PUT),   OP(ALARM_GET),
    OP(ALARM_LIST),   OP(RETENTION),   OP(UNJUDGED_LIST), OP(STATS),       OP(CONTEXT_MARK_PUBLISHED)};
#undef OP

static tfdc_rc need(struct store_req *r, const void *input, const char *what) {
  if (input != NULL) return TFDC_OK;
  return tfdc_fail(&r->base.err, TFDC_E_USAGE, "store request %u without %s", r->base.op, what);
}

static tfdc_rc check_id(struct store_req *r, const char *id, const char *what) {
  TFDC_TRY(need(r, id, what));
  if (tfdc_is_id(id, strnlen(id, TFDC_ID_MAX + 1))) return TFDC_OK;
  return tfdc_fail(&r->base.err, TFDC_E_BAD_ID, "%s: %s", what, tfdc_rc_text(TFDC_E_BAD_ID));
}

static tfdc_rc check_key(struct store_req *r, struct model_key key) {
  TFDC_TRY(check_id(r, key.tool, "tool"));
  return check_id(r, key.chamber, "chamber");
}

static tfdc_rc check_chunk(struct store_req *r) {
  TFDC_TRY(need(r, r->chunk, "chunk"));
  const struct model_chunk *c = r->chunk;
  if (c->blob_n > 0) TFDC_TRY(need(r, c->blob, "blob"));
  if (c->first_seq > INT64_MAX || c->last_seq > INT64_MAX || c->first_seq > c->last_seq) {
    return tfdc_fail(&r->base.err, TFDC_E_RANGE, "chunk of blocks %" PRIu64 "..%" PRIu64, c->first_seq, c->last_seq);
  }
  r->base.bytes += c->blob_n;
  return TFDC_OK;
}

static tfdc_rc check_u(struct store_req *r) {
  TFDC_TRY(need(r, r->u, "U record"));
  TFDC_TRY(check_key(r, r->u->key));
  TFDC_TRY(check_id(r, r->u->chart_set, "chart set"));
  TFDC_TRY(need(r, r->u->partition, "partition"));
  r->base.bytes += r->u->n_points * 256;
  return TFDC_OK;
}

static tfdc_rc check_u_key(struct store_req *r) {
  TFDC_TRY(check_key(r, r->u_key.key));
  TFDC_TRY(check_id(r, r->u_key.chart_set, "chart set"));
  return r->base.op == STORE_U_PREV ? need(r, r->u_key.partition, "partition") : TFDC_OK;
}

static tfdc_rc check_def(struct store_req *r) {
  TFDC_TRY(need(r, r->def, "definition"));
  TFDC_TRY(check_id(r, r->def->id, "definition"));
  TFDC_TRY(need(r, r->def->body, "body"));
  r->base.bytes += strlen(r->def->body);
  return TFDC_OK;
}

static tfdc_rc check_input(struct store_req *r) {
  switch ((enum store_op)r->base.op) {
  case STORE_CHAMBER_PUT: TFDC_TRY(need(r, r->chamber, "chamber")); return check_key(r, r->chamber->key);
  case STORE_CHAMBER_GET: return check_key(r, r->key);
  case STORE_CONTEXT_PUT: TFDC_TRY(need(r, r->context, "context")); return check_key(r, r->context->key);
  case STORE_CHUNK_PUT: return check_chunk(r);
  case STORE_U_PUT: return check_u(r);
  case STORE_U_PREV:
  case STORE_U_LIST: return check_u_key(r);
  case STORE_VERDICT_PUT: TFDC_TRY(need(r, r->verdict, "verdict")); return check_key(r, r->verdict->key);
  case STORE_DEF_PUT: return check_def(r);
  case STORE_ALARM_PUT: TFDC_TRY(need(r, r->alarm, "alarm")); return check_key(r, r->alarm->key);
  case STORE_CHAMBER_LIST:
  case STORE_CONTEXT_MARK_PUBLISHED:
  case STORE_CONTEXT_GET:
  case STORE_CONTEXT_LIST:
  case STORE_CHUNK_LIST:
  case STORE_CHUNK_GET:
  case STORE_U_GET:
  case STORE_VERDICT_GET:
  case STORE_VERDICT_LIST:
  case STORE_DEF_LIST:
  case STORE_ALARM_GET:
  case STORE_ALARM_LIST:
  case STORE_UNJUDGED_LIST:
  case STORE_RETENTION:
  case STORE_STATS: return TFDC_OK;
  }
  return tfdc_fail(&r->base.err, TFDC_E_USAGE, "unknown store request %u", r->base.op);
}

tfdc_rc store_req_check(struct store_req *r) {
  r->base.bytes = sizeof *r;
  TFDC_TRY(check_input(r));
  if (r->page.limit > STORE_PAGE_MAX) {
    return tfdc_fail(&r->base.err, TFDC_E_RANGE, "a page has at most %d rows, not %u", STORE_PAGE_MAX, r->page.limit);
  }
  if (r->page.cursor == NULL) return TFDC_OK;
  char tool[65], chamber[65];
  struct store_pos pos;
  if (r->base.op == STORE_CHAMBER_LIST) return store_cursor_parse_key(r->page.cursor, tool, chamber, &r->base.err);
  return store_cursor_parse(r->page.cursor, &pos, &r->base.err);
}

bool store_op_writes(uint16_t op) {
  switch ((enum store_op)op) {
  case STORE_CHAMBER_PUT:
  case STORE_CONTEXT_PUT:
  case STORE_CONTEXT_MARK_PUBLISHED:
  case STORE_CHUNK_PUT:
  case STORE_U_PUT:
  case STORE_VERDICT_PUT:
  case STORE_DEF_PUT:
  case STORE_ALARM_PUT:
  case STORE_RETENTION: return true;
  default: return false;
  }
}

int store_pos_cmp(struct store_pos a, struct store_pos b) { return model_run_order(a.t, a.id, b.t, b.id); }

const char *store_cursor_make(struct store_pos p, struct tfdc_arena *mem) {
  char text[49], id[33];
  (void)snprintf(text, sizeof text, "%016" PRIx64 "%s", (uint64_t)p.t, tfdc_id128_format(p.id, id));
  return tfdc_arena_strdup(mem, text);
}

tfdc_rc store_cursor_parse(const char *text, struct store_pos *ret, struct tfdc_error *err) {
  struct tfdc_id128 t, id;
  char wide[33] = "0000000000000000";
  size_t n = strnlen(text, 49);
  bool ok = n == 48;
  if (ok) {
    memcpy(wide + 16, text, 16);
    ok = tfdc_id128_parse(wide, &t) && tfdc_id128_parse(text + 16, &id);
  }
  if (!ok) return tfdc_fail(err, TFDC_E_USAGE, "this cursor is not one of this list");
  *ret = (struct store_pos){.t = (int64_t)t.lo, .id = id};
  return TFDC_OK;
}

const char *store_cursor_make_key(struct model_key key, struct tfdc_arena *mem) {
  char text[2 * TFDC_ID_MAX + 2];
  (void)snprintf(text, sizeof text, "%s:%s", key.tool, key.chamber);
  return tfdc_arena_strdup(mem, text);
}

tfdc_rc store_cursor_parse_key(const char *text, char tool[65], char chamber[65], struct tfdc_error *err) {
  const char *colon = strchr(text, ':');
  size_t n = colon == NULL ? 0 : (size_t)(colon - text), m = colon == NULL ? 0 : strlen(colon + 1);
  if (!tfdc_is_id(text, n) || !tfdc_is_id(colon + 1, m)) {
    return tfdc_fail(err, TFDC_E_USAGE, "this cursor is not one of this list");
  }
  memcpy(tool, text, n);
  tool[n] = '\0';
  memcpy(chamber, colon + 1, m + 1);
  return TFDC_OK;
}

int store_key_cmp(struct model_key a, struct model_key b) {
  int c = strcmp(a.tool, b.tool);
  return c != 0 ? c : strcmp(a.chamber, b.chamber);
}

bool store_glob(const char *pattern, const char *text) { return tfdc_glob(pattern, text == NULL ? "" : text); }

bool store_match_time(const struct store_filter *f, int64_t t) {
  return (f->from_us == 0 && f->to_us == 0) || (t >= f->from_us && t < f->to_us);
}

static bool match_key(const struct store_filter *f, struct model_key key) {
  return store_glob(f->tool, key.tool) && store_glob(f->chamber, key.chamber);
}

bool store_match_context(const struct store_filter *f, const struct model_context *c) {
  if (!match_key(f, c->key) || !store_match_time(f, store_context_time(c))) return false;
  if (f->state >= 0 && (int)c->state != f->state) return false;
  if (f->unpublished_only && !store_context_unpublished(c)) return false;
  return store_glob(f->recipe, c->recipe_id) && store_glob(f->lot, c->lot_id) &&
         store_glob(f->wafer, c->substrate_id) && store_glob(f->product, c->product);
}

bool store_match_verdict(const struct store_filter *f, const struct model_run_verdict *v) {
  if (!match_key(f, v->key) || !store_match_time(f, v->order_us)) return false;
  if (f->verdict >= 0 && (int)v->verdict != f->verdict) return false;
  return store_glob(f->recipe, v->recipe_id) && store_glob(f->lot, v->lot_id) && store_glob(f->wafer, v->substrate_id);
}

bool store_match_alarm(const struct store_filter *f, const struct model_alarm *a) {
  if (!match_key(f, a->key) || !store_match_time(f, a->opened_us)) return false;
  if (f->open_only && a->state != MODEL_ALARM_OPEN) return false;
  return store_glob(f->recipe, a->recipe_id) && store_glob(f->lot, a->lot_id) && store_glob(f->wafer, a->substrate_id);
}

tfdc_rc store_chunk_copy(const struct model_chunk *from, bool blob, struct tfdc_arena *mem, struct model_chunk *ret) {
  struct model_chunk c = *from;
  c.blob = NULL;
  if (blob) {
    uint8_t *data = tfdc_arena_array(mem, from->blob_n == 0 ? 1 : from->blob_n, 1);
    if (data == NULL) return TFDC_E_NOMEM;
    if (from->blob_n > 0) memcpy(data, from->blob, from->blob_n);
    c.blob = data;
  }
  *ret = c;
  return TFDC_OK;
}
