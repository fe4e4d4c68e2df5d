/* SPDX-License-Identifier: Apache-2.0
 * The samples of one run. Series are decoded a few at a time, so that memory holds the encoded run, a few series and
 * the answer. */
#include "run/api_trace.h"

#include "base/text.h"
#include "run/api_handlers.h"

#include <inttypes.h>
#include <math.h>

enum { BLOBS_OF_READ = 500, SERIES_AT_ONCE = 16, POINTS_MIN = 2, POINTS_MAX = 10000000, NEAR_MAX = 5 };
#define BLOBS_MAX  ((size_t)512 << 20) /* of a run, encoded */
#define READ_BYTES ((size_t)16 << 20)
#define SERIES_MAX ((size_t)256 << 20) /* decoded, of those at once */
#define ANSWER_MAX ((size_t)192 << 20) /* clients take 256 MiB */

/* ---- chunks ---- */

static tfdc_rc no_room(const struct tfdc_arena *mem, struct tfdc_error *err) {
  if (mem->full) return tfdc_fail(err, TFDC_E_LIMIT, "the trace is larger than %zu MiB", mem->limit >> 20);
  return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the trace");
}

static tfdc_rc keep_blobs(const struct store_req *r, struct tfdc_arena *mem, struct api_blobs *b) {
  if (b->n + r->n > b->cap) {
    size_t cap = 2 * b->cap + r->n;
    struct chunk_blob *more = tfdc_arena_array(mem, cap, sizeof *more);
    if (more == NULL) return TFDC_E_NOMEM;
    if (b->n > 0) memcpy(more, b->items, b->n * sizeof *more);
    b->items = more;
    b->cap = cap;
  }
  for (size_t i = 0; i < r->n; i++) {
    const struct model_chunk *c = &r->chunks[i];
    uint8_t *copy = tfdc_arena_array(mem, c->blob_n, 1);
    if (copy == NULL) return TFDC_E_NOMEM;
    if (c->blob_n > 0) memcpy(copy, c->blob, c->blob_n);
    b->items[b->n++] = (struct chunk_blob){copy, c->blob_n, c->checksum};
  }
  return TFDC_OK;
}

tfdc_rc api_trace_blobs(const struct api *a, struct tfdc_id128 id, uint32_t revision, struct tfdc_arena *mem,
                        struct api_blobs *ret, struct tfdc_error *err) {
  struct api_blobs blobs = {0};
  const char *cursor = NULL;
  do {
    TFDC_AUTO(api_store_deinit) struct store_req r;
    store_req_init(&r, STORE_CHUNK_GET);
    r.id = id;
    r.revision = revision;
    r.max_bytes = READ_BYTES;
    r.page.limit = BLOBS_OF_READ;
    r.page.cursor = cursor;
    TFDC_TRY(api_store(a, &r, err));
    cursor = r.ret_cursor == NULL ? NULL : tfdc_arena_strdup(mem, r.ret_cursor);
    if (cursor == NULL && r.ret_cursor != NULL) return no_room(mem, err);
    if (keep_blobs(&r, mem, &blobs) != TFDC_OK) return no_room(mem, err);
  } while (cursor != NULL);
  *ret = blobs;
  return TFDC_OK;
}

tfdc_rc api_trace_is_whole(const struct api *a, const struct model_context *c, bool *ret, struct tfdc_error *err) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_CHUNK_LIST);
  r.id = c->context_id;
  r.revision = c->revision;
  TFDC_TRY(api_store(a, &r, err));
  *ret = r.n >= c->chunk_count;
  return TFDC_OK;
}

/* ---- which series ---- */

struct wish {
  const char *name, *unit;
  bool known; /* in the dictionary */
};
struct tracing {
  struct api_call *call;
  struct api_blobs blobs;
  struct wish *wishes;
  size_t n_wishes;
  bool named; /* by the caller: each is answered, also with no samples */
  size_t max; /* points of a series; 0 = all */
  struct model_json out;
};

static tfdc_rc wish_for(struct tracing *t, const struct model_chamber *chamber, const char *name) {
  struct wish w = {.name = name};
  for (size_t i = 0; chamber != NULL && i < chamber->n_svids && !w.known; i++) {
    w.known = strcmp(chamber->svids[i].name, name) == 0;
    if (w.known) w.unit = chamber->svids[i].unit;
  }
  for (size_t i = 0; i < t->n_wishes; i++)
    if (strcmp(t->wishes[i].name, name) == 0)
      return tfdc_fail(&t->call->err, TFDC_E_USAGE, "parameter svid: \"%.256s\" is given twice", name);
  t->wishes[t->n_wishes++] = w;
  return TFDC_OK;
}

static tfdc_rc choose(struct tracing *t, const struct model_chamber *chamber) {
  struct api_call *c = t->call;
  const char *const *names;
  size_t n;
  TFDC_TRY(api_param_all(c, "svid", &names, &n));
  t->named = n > 0;
  size_t all = t->named || chamber == NULL ? n : chamber->n_svids;
  t->wishes = tfdc_arena_array(&c->mem, all, sizeof *t->wishes);
  if (t->wishes == NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "%zu series", all);
  for (size_t i = 0; i < n; i++) TFDC_TRY(wish_for(t, chamber, names[i]));
  for (size_t i = 0; i < all && !t->named; i++)
    t->wishes[t->n_wishes++] = (struct wish){chamber->svids[i].name, chamber->svids[i].unit, true};
  return TFDC_OK;
}

static tfdc_rc no_such_svid(struct api_call *c, const struct model_chamber *chamber, const char *name) {
  const char *near = NULL;
  size_t best = NEAR_MAX;
  for (size_t i = 0; chamber != NULL && i < chamber->n_svids; i++) {
    size_t far = tfdc_distance(chamber->svids[i].name, name);
    if (far >= best) continue;
    best = far;
    near = chamber->svids[i].name;
  }
  return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "the run has no SVID \"%.256s\"%s%s%s", name,
                   near != NULL ? "; the nearest is \"" : "", near != NULL ? near : "", near != NULL ? "\"" : "");
}

/* ---- thinning out ---- */

/* Keeps the least and the greatest value of each of max / 2 equal pieces of time, in order; a piece in which all are
 * missing keeps one, so that a hole stays a hole. */
struct thin {
  const struct eq_series *s;
  size_t *at; /* indexes that are kept */
  size_t n;
};

static void keep_piece(struct thin *t, size_t from, size_t to) {
  const double *v = t->s->v;
  size_t least = to, greatest = to;
  for (size_t i = from; i < to; i++) {
    if (!isfinite(v[i])) continue;
    if (least == to || v[i] < v[least]) least = i;
    if (greatest == to || v[i] > v[greatest]) greatest = i;
  }
  if (least == to) least = greatest = from;
  t->at[t->n++] = least < greatest ? least : greatest;
  if (least != greatest) t->at[t->n++] = least < greatest ? greatest : least;
}

static size_t piece_of(const struct eq_series *s, size_t i, size_t pieces) {
  double span = (double)(s->t_us[s->n - 1] - s->t_us[0]) + 1;
  size_t piece = (size_t)((double)(s->t_us[i] - s->t_us[0]) / span * (double)pieces);
  return piece < pieces ? piece : pieces - 1;
}

static void thin_out(struct thin *t, size_t pieces) {
  size_t from = 0, piece = 0;
  for (size_t i = 1; i < t->s->n; i++) {
    size_t p = piece_of(t->s, i, pieces);
    if (p == piece) continue;
    keep_piece(t, from, i);
    from = i;
    piece = p;
  }
  keep_piece(t, from, t->s->n);
}

/* ---- writing ---- */

static void put_series(struct tracing *t, const struct wish *w, const struct eq_series *s, const struct thin *thin) {
  struct model_json *j = &t->out;
  size_t n = thin != NULL ? thin->n : s->n;
  model_json_open(j, NULL, '{');
  model_json_text(j, "svid", w->name);
  model_json_text(j, "unit", w->unit != NULL ? w->unit : "");
  model_json_open(j, "t_us", '[');
  for (size_t i = 0; i < n && !j->out->failed; i++) model_json_int(j, NULL, s->t_us[thin != NULL ? thin->at[i] : i]);
  model_json_close(j, ']');
  model_json_open(j, "v", '[');
  for (size_t i = 0; i < n && !j->out->failed; i++) model_json_real(j, NULL, s->v[thin != NULL ? thin->at[i] : i]);
  model_json_close(j, ']');
  model_json_close(j, '}');
}

static tfdc_rc put_found(struct tracing *t, const struct wish *w, const struct eq_series *s, struct tfdc_arena *mem) {
  struct thin thin = {.s = s};
  bool all = t->max == 0 || s->n <= t->max;
  if (!all) {
    thin.at = tfdc_arena_array(mem, t->max, sizeof *thin.at);
    if (thin.at == NULL) return tfdc_fail(&t->call->err, TFDC_E_NOMEM, "%zu points", t->max);
    thin_out(&thin, t->max / 2);
  }
  put_series(t, w, s, all ? NULL : &thin);
  if (tfdc_buf_status(t->out.out) != TFDC_E_LIMIT) return TFDC_OK;
  return tfdc_fail(
      &t->call->err, TFDC_E_LIMIT,
      "the answer is larger than %zu MiB: name SVIDs with svid=, or thin them out with max=", ANSWER_MAX >> 20);
}

static tfdc_rc put_wishes(struct tracing *t, const struct model_chamber *chamber, const struct wish *wishes, size_t n,
                          struct tfdc_arena *mem) {
  struct api_call *c = t->call;
  const char *names[SERIES_AT_ONCE];
  struct eq_series *series;
  size_t n_series, at = 0;
  for (size_t i = 0; i < n; i++) names[i] = wishes[i].name;
  struct chunk_names list = {names, n};
  TFDC_TRY(chunk_decode(t->blobs.items, t->blobs.n, &list, SERIES_MAX, mem, &series, &n_series, &c->err));
  for (size_t i = 0; i < n; i++) {
    const struct eq_series none = {.name = wishes[i].name};
    bool there = at < n_series && strcmp(series[at].name, wishes[i].name) == 0;
    if (!there && t->named && !wishes[i].known) return no_such_svid(c, chamber, wishes[i].name);
    if (there || t->named) TFDC_TRY(put_found(t, &wishes[i], there ? &series[at] : &none, mem));
    at += there;
  }
  return TFDC_OK;
}

static tfdc_rc put_all(struct tracing *t, const struct model_chamber *chamber) {
  for (size_t i = 0; i < t->n_wishes; i += SERIES_AT_ONCE) {
    size_t n = t->n_wishes - i < SERIES_AT_ONCE ? t->n_wishes - i : SERIES_AT_ONCE;
    struct tfdc_arena mem = {.limit = 2 * SERIES_MAX};
    tfdc_rc rc = put_wishes(t, chamber, &t->wishes[i], n, &mem);
    tfdc_arena_deinit(&mem);
    TFDC_TRY(rc);
  }
  return TFDC_OK;
}

/* ---- the route ---- */

static tfdc_rc put_trace(struct tracing *t, const struct model_context *run, const struct model_chamber *chamber) {
  struct api_call *c = t->call;
  bool closed = run->state == MODEL_CONTEXT_CLOSED;
  struct tfdc_arena mem = {.limit = BLOBS_MAX};
  tfdc_rc rc = api_trace_blobs(c->api, run->context_id, closed ? run->revision : UINT32_MAX, &mem, &t->blobs, &c->err);
  if (rc == TFDC_OK && t->blobs.n == 0 && run->chunk_count > 0)
    rc = tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "the trace of run %s is no longer kept", c->id);
  if (rc == TFDC_OK) {
    c->ret->body.limit = ANSWER_MAX;
    t->out = model_json_on(&c->ret->body);
    model_json_open(&t->out, NULL, '{');
    model_json_int(&t->out, "v", 1);
    model_json_id(&t->out, "context_id", run->context_id);
    model_json_bool(&t->out, "complete", closed && t->blobs.n >= run->chunk_count);
    model_json_open(&t->out, "series", '[');
    rc = put_all(t, chamber);
    model_json_close(&t->out, ']');
    model_json_close(&t->out, '}');
  }
  tfdc_arena_deinit(&mem);
  return rc == TFDC_OK ? rc : tfdc_wrap(&c->err, rc, "trace of run %s", c->id);
}

tfdc_rc api_get_trace(struct api_call *c) {
  struct tracing t = {.call = c};
  int64_t max = 0;
  TFDC_AUTO(api_store_deinit) struct store_req run, chamber;
  store_req_init(&run, STORE_CONTEXT_GET);
  store_req_init(&chamber, STORE_CHAMBER_GET);
  TFDC_TRY(api_param_id(c, &run.id));
  TFDC_TRY(api_param_int(c, "max", POINTS_MIN, POINTS_MAX, &max));
  t.max = (size_t)max;
  if (api_store(c->api, &run, &c->err) == TFDC_E_NOT_FOUND)
    return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "no run %s", c->id);
  if (run.base.rc != TFDC_OK) return run.base.rc;
  chamber.key = run.contexts[0].key;
  tfdc_rc rc = api_store(c->api, &chamber, &c->err);
  if (rc != TFDC_OK && rc != TFDC_E_NOT_FOUND) return rc;
  const struct model_chamber *dictionary = rc == TFDC_OK ? &chamber.chambers[0] : NULL;
  TFDC_TRY(choose(&t, dictionary));
  return put_trace(&t, &run.contexts[0], dictionary);
}
