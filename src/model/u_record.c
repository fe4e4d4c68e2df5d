/* SPDX-License-Identifier: Apache-2.0
 * The binary U record; api/records.md describes it byte by byte. */
#include "model/codec.h"
#include "model/fields.h"

#include <math.h>

enum { FLAG_LATE = 1, POINT_DOUBLES = 7, POINT_LEAST = 11 /* bytes of the shortest point with its length */ };

/* The doubles of a point, in the order of their bits in the mask. */
static void point_doubles(struct model_point *p, double *ret[POINT_DOUBLES]) {
  double *const all[POINT_DOUBLES] = {&p->value, &p->quality, &p->centre, &p->stddev, &p->ucl, &p->lcl, &p->score};
  memcpy(ret, all, sizeof all);
}

static void put_str(struct tfdc_buf *out, const char *s) {
  if (s == NULL) s = "";
  tfdc_put_bytes(out, s, strlen(s));
}

static void put_header(const struct model_u_record *r, struct tfdc_buf *out) {
  tfdc_put_uvarint(out, r->late ? FLAG_LATE : 0);
  put_str(out, r->key.tool);
  put_str(out, r->key.chamber);
  put_str(out, r->chart_set);
  put_str(out, r->partition);
  tfdc_put_u64(out, false, r->context_id.hi);
  tfdc_put_u64(out, false, r->context_id.lo);
  tfdc_put_u64(out, false, (uint64_t)r->order_us);
  tfdc_put_u64(out, false, (uint64_t)r->stored_us);
  tfdc_put_uvarint(out, r->revision);
  tfdc_put_uvarint(out, r->judgement);
  tfdc_put_bytes(out, r->episode, r->episode_n);
}

static void put_point(const struct model_point *from, struct tfdc_buf *out) {
  struct model_point p = *from;
  double *doubles[POINT_DOUBLES];
  point_doubles(&p, doubles);
  uint8_t mask = 0;
  for (size_t i = 0; i < POINT_DOUBLES; i++) {
    if (!isnan(*doubles[i])) mask = (uint8_t)(mask | 1u << i);
  }
  put_str(out, p.chart);
  put_str(out, p.unit);
  tfdc_put_u8(out, mask);
  for (size_t i = 0; i < POINT_DOUBLES; i++) {
    if (mask & 1u << i) tfdc_put_f64(out, false, *doubles[i]);
  }
  tfdc_put_uvarint(out, p.n);
  tfdc_put_uvarint(out, p.eq_version);
  tfdc_put_uvarint(out, p.limit_version);
  tfdc_put_uvarint(out, (uint64_t)p.verdict);
  tfdc_put_uvarint(out, (uint64_t)p.reason);
  tfdc_put_bytes(out, p.state, p.state_n);
}

/* Writes what is in piece behind its length, and empties piece. */
static tfdc_rc put_piece(struct tfdc_buf *piece, struct tfdc_buf *out) {
  TFDC_TRY(tfdc_buf_status(piece));
  tfdc_put_bytes(out, piece->data, piece->size);
  piece->size = 0;
  return TFDC_OK;
}

tfdc_rc model_u_record_encode(const struct model_u_record *r, struct tfdc_buf *out) {
  if (r->n_points > MODEL_POINTS_MAX || r->episode_n > MODEL_STATE_BYTES_MAX) return TFDC_E_LIMIT;
  TFDC_AUTO(tfdc_buf_deinit) struct tfdc_buf piece = {0};
  tfdc_put_u8(out, MODEL_VERSION);
  put_header(r, &piece);
  TFDC_TRY(put_piece(&piece, out));
  tfdc_put_uvarint(out, r->n_points);
  for (size_t i = 0; i < r->n_points; i++) {
    if (r->points[i].state_n > MODEL_STATE_BYTES_MAX) return TFDC_E_LIMIT;
    put_point(&r->points[i], &piece);
    TFDC_TRY(put_piece(&piece, out));
  }
  return tfdc_buf_status(out);
}

/* --- decode --- */

struct reader {
  struct tfdc_cursor c;
  struct tfdc_arena *mem;
};

static tfdc_rc take_str(struct reader *r, const char **ret) {
  const uint8_t *p;
  size_t n;
  TFDC_TRY(tfdc_take_bytes(&r->c, SIZE_MAX, &p, &n));
  if (memchr(p, '\0', n) != NULL) return TFDC_E_BAD_TEXT;
  *ret = tfdc_arena_strndup(r->mem, (const char *)p, n);
  return *ret == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

static tfdc_rc take_blob(struct reader *r, const uint8_t **ret, size_t *ret_n) {
  const uint8_t *p;
  TFDC_TRY(tfdc_take_bytes(&r->c, MODEL_STATE_BYTES_MAX, &p, ret_n));
  *ret = (const uint8_t *)tfdc_arena_strndup(r->mem, (const char *)p, *ret_n);
  return *ret == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

static tfdc_rc take_u32(struct reader *r, uint32_t *ret) {
  uint64_t v;
  TFDC_TRY(tfdc_take_uvarint(&r->c, &v));
  if (v > UINT32_MAX) return TFDC_E_RANGE;
  *ret = (uint32_t)v;
  return TFDC_OK;
}

static tfdc_rc take_time(struct reader *r, int64_t *ret) {
  uint64_t v;
  TFDC_TRY(tfdc_take_u64(&r->c, false, &v));
  memcpy(ret, &v, sizeof *ret);
  return TFDC_OK;
}

static tfdc_rc take_header(struct reader *r, struct model_u_record *ret) {
  uint64_t flags;
  TFDC_TRY(tfdc_take_uvarint(&r->c, &flags));
  ret->late = (flags & FLAG_LATE) != 0;
  TFDC_TRY(take_str(r, &ret->key.tool));
  TFDC_TRY(take_str(r, &ret->key.chamber));
  TFDC_TRY(take_str(r, &ret->chart_set));
  TFDC_TRY(take_str(r, &ret->partition));
  TFDC_TRY(tfdc_take_u64(&r->c, false, &ret->context_id.hi));
  TFDC_TRY(tfdc_take_u64(&r->c, false, &ret->context_id.lo));
  TFDC_TRY(take_time(r, &ret->order_us));
  TFDC_TRY(take_time(r, &ret->stored_us));
  TFDC_TRY(take_u32(r, &ret->revision));
  TFDC_TRY(take_u32(r, &ret->judgement));
  return take_blob(r, &ret->episode, &ret->episode_n);
}

static tfdc_rc take_point(struct reader *r, struct model_point *ret) {
  double *doubles[POINT_DOUBLES];
  uint8_t mask;
  uint32_t verdict, reason;
  *ret = (struct model_point){0};
  point_doubles(ret, doubles);
  TFDC_TRY(take_str(r, &ret->chart));
  TFDC_TRY(take_str(r, &ret->unit));
  TFDC_TRY(tfdc_take_u8(&r->c, &mask));
  for (size_t i = 0; i < POINT_DOUBLES; i++) {
    *doubles[i] = NAN;
    if (mask & 1u << i) TFDC_TRY(tfdc_take_f64(&r->c, false, doubles[i]));
  }
  TFDC_TRY(take_u32(r, &ret->n));
  TFDC_TRY(take_u32(r, &ret->eq_version));
  TFDC_TRY(take_u32(r, &ret->limit_version));
  TFDC_TRY(take_u32(r, &verdict));
  TFDC_TRY(take_u32(r, &reason));
  if (verdict >= model_verdict_names.n || reason >= model_reason_names.n) return TFDC_E_RANGE;
  ret->verdict = (enum model_verdict)verdict;
  ret->reason = (enum model_reason)reason;
  return take_blob(r, &ret->state, &ret->state_n);
}

/* The next length-prefixed piece of c as a reader of its own. */
static tfdc_rc take_piece(struct tfdc_cursor *c, struct tfdc_arena *mem, struct reader *ret) {
  const uint8_t *p;
  size_t n;
  TFDC_TRY(tfdc_take_bytes(c, SIZE_MAX, &p, &n));
  *ret = (struct reader){.c = tfdc_cursor_on(p, n), .mem = mem};
  return TFDC_OK;
}

static tfdc_rc take_points(struct tfdc_cursor *c, struct tfdc_arena *mem, struct model_u_record *ret,
                           struct tfdc_error *err) {
  uint64_t n;
  tfdc_rc rc = tfdc_take_uvarint(c, &n);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "number of points");
  if (n > MODEL_POINTS_MAX) return tfdc_fail(err, TFDC_E_LIMIT, "more than %d points", MODEL_POINTS_MAX);
  if (n > tfdc_cursor_left(c) / POINT_LEAST) return tfdc_fail(err, TFDC_E_TRUNCATED, "points");
  struct model_point *points = tfdc_arena_array(mem, (size_t)n, sizeof *points);
  if (points == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "points");
  for (size_t i = 0; i < n; i++) {
    struct reader piece;
    rc = take_piece(c, mem, &piece);
    if (rc == TFDC_OK) rc = take_point(&piece, &points[i]);
    if (rc != TFDC_OK) return tfdc_fail(err, rc, "points[%zu]: %s", i, tfdc_rc_text(rc));
  }
  if (tfdc_cursor_left(c) > 0) return tfdc_fail(err, TFDC_E_MALFORMED, "bytes behind the last point");
  ret->points = points;
  ret->n_points = (size_t)n;
  return TFDC_OK;
}

tfdc_rc model_u_record_decode(const void *data, size_t n, struct tfdc_arena *mem, struct model_u_record *ret,
                              struct tfdc_error *err) {
  struct tfdc_cursor c = tfdc_cursor_on(data, n);
  struct model_u_record draft = {0};
  uint8_t version;
  tfdc_rc rc = tfdc_take_u8(&c, &version);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "u record: no version");
  if (version > MODEL_VERSION)
    return tfdc_fail(err, TFDC_E_SCHEMA, "u record: written as version %d, this release reads up to %d", version,
                     MODEL_VERSION);
  if (version == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "u record: version 0");
  struct reader header;
  rc = take_piece(&c, mem, &header);
  if (rc == TFDC_OK) rc = take_header(&header, &draft);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "u record: header: %s", tfdc_rc_text(rc));
  rc = take_points(&c, mem, &draft, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "u record");
  TFDC_TRY(model_fields_check(&model_u_record_table, &draft, err));
  *ret = draft;
  return TFDC_OK;
}
