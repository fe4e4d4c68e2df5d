/* SPDX-License-Identifier: Apache-2.0
 * Collects encoded metrics, then lays the blob out: order, shared time stamps, index, payloads. */
#include "mebo.h"

#include "base/hash.h"
#include "mebo/codec.h"
#include "mebo/format.h"

#include <inttypes.h>

struct span {
  size_t at, n;
};

struct metric {
  uint64_t id, ts_hash;
  struct span ts, values, name; /* in the writer's buffers */
  uint32_t points;
};

/* A metric's place in the index. */
struct place {
  uint64_t id;
  uint32_t metric;    /* in the order added */
  uint32_t canonical; /* place whose time stamps it shares; its own if none */
};

/* Open addressing; a slot holds 1 + an index, 0 is free. */
struct table {
  uint32_t *slots;
  size_t mask, cap;
};

enum identity { BY_NONE, BY_NAME, BY_ID };

struct mebo_writer {
  struct mebo_options o;
  struct tfdc_buf ts, values, names; /* encoded, in the order added */
  struct metric *metrics;
  size_t count, cap;
  struct table ids; /* of metrics, by id */
  int64_t *last_t;  /* time stamps of the metric that was encoded last */
  size_t last_n, last_cap;
  enum identity identity;
  bool collided, finished;

  /* working memory of finish */
  struct place *places;
  size_t places_cap;
  struct table shared; /* of places, by hash of the encoded time stamps */
  struct tfdc_buf payload;
  struct ZSTD_CCtx_s *zstd;
  struct mebo_alp *alp;
};

/* ---- options, life ---- */

struct mebo_options mebo_options_default(void) {
  return (struct mebo_options){.layout = 2,
                               .ts_encoding = MEBO_TS_DELTA,
                               .value_encoding = MEBO_VALUE_ALP,
                               .ts_compression = MEBO_NONE,
                               .value_compression = MEBO_NONE,
                               .shared_timestamps = true,
                               .zstd_level = 1};
}

static tfdc_rc check_options(const struct mebo_options *o, struct tfdc_error *err) {
  if (o->layout != 1 && o->layout != 2) return tfdc_fail(err, TFDC_E_USAGE, "layout %u", (unsigned)o->layout);
  if (o->layout == 1 && o->shared_timestamps) return tfdc_fail(err, TFDC_E_USAGE, "shared time stamps need layout 2");
  if (!mebo_ts_supported(o->ts_encoding))
    return tfdc_fail(err, TFDC_E_UNSUPPORTED, "time stamp encoding %u", (unsigned)o->ts_encoding);
  if (!mebo_value_supported(o->value_encoding))
    return tfdc_fail(err, TFDC_E_UNSUPPORTED, "value encoding %u", (unsigned)o->value_encoding);
  if (!mebo_compression_supported(o->ts_compression) || !mebo_compression_supported(o->value_compression))
    return tfdc_fail(err, TFDC_E_UNSUPPORTED, "compression %u, %u", (unsigned)o->ts_compression,
                     (unsigned)o->value_compression);
  bool zstd = o->ts_compression == MEBO_ZSTD || o->value_compression == MEBO_ZSTD;
  if (zstd && (o->zstd_level < 1 || o->zstd_level > 19))
    return tfdc_fail(err, TFDC_E_USAGE, "zstd level %d, 1..19", o->zstd_level);
  return TFDC_OK;
}

tfdc_rc mebo_writer_create(const struct mebo_options *options, struct mebo_writer **ret, struct tfdc_error *err) {
  TFDC_TRY(check_options(options, err));
  struct mebo_writer *w = calloc(1, sizeof *w);
  if (w == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "mebo writer");
  if (options->value_encoding == MEBO_VALUE_ALP && mebo_alp_create(&w->alp) != TFDC_OK) {
    free(w);
    return tfdc_fail(err, TFDC_E_NOMEM, "mebo writer");
  }
  w->o = *options;
  w->ts.limit = w->values.limit = w->names.limit = w->payload.limit = UINT32_MAX;
  *ret = w;
  return TFDC_OK;
}

void mebo_writer_destroy(struct mebo_writer *w) {
  if (w == NULL) return;
  tfdc_buf_deinit(&w->ts);
  tfdc_buf_deinit(&w->values);
  tfdc_buf_deinit(&w->names);
  tfdc_buf_deinit(&w->payload);
  free(w->metrics);
  free(w->ids.slots);
  free(w->shared.slots);
  free(w->places);
  free(w->last_t);
  mebo_compressor_destroy(w->zstd);
  mebo_alp_destroy(w->alp);
  free(w);
}

void mebo_writer_reset(struct mebo_writer *w, int64_t start_us) {
  w->o.start_us = start_us;
  w->ts.size = w->values.size = w->names.size = 0;
  w->count = w->last_n = 0;
  if (w->ids.slots != NULL) memset(w->ids.slots, 0, (w->ids.mask + 1) * sizeof *w->ids.slots);
  w->identity = BY_NONE;
  w->collided = w->finished = false;
}

size_t mebo_writer_count(const struct mebo_writer *w) { return w->count; }

size_t mebo_writer_size(const struct mebo_writer *w) {
  return MEBO_HEADER_BYTES + MEBO_ENTRY_BYTES * w->count + w->ts.size + w->values.size;
}

/* ---- tables and room ---- */

/* Room for `count` entries at most half full, all slots free. */
static tfdc_rc table_clear(struct table *t, size_t count) {
  size_t slots = 64;
  while (slots < 2 * count) slots *= 2;
  if (slots > t->cap) {
    uint32_t *bigger = calloc(slots, sizeof *bigger);
    if (bigger == NULL) return TFDC_E_NOMEM;
    free(t->slots);
    t->slots = bigger;
    t->cap = slots;
  } else {
    memset(t->slots, 0, slots * sizeof *t->slots);
  }
  t->mask = slots - 1;
  return TFDC_OK;
}

/* Ids are often hashes, but need not be. */
static size_t slot_of(const struct table *t, uint64_t key) {
  return (size_t)((key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 40) & t->mask;
}

static void table_put(struct table *t, uint64_t key, size_t index) {
  size_t s = slot_of(t, key);
  while (t->slots[s] != 0) s = (s + 1) & t->mask;
  t->slots[s] = (uint32_t)index + 1;
}

static tfdc_rc grow_array(void **array, size_t *cap, size_t need, size_t item) {
  if (need <= *cap) return TFDC_OK;
  size_t bigger = *cap < 32 ? 64 : *cap * 2;
  if (bigger < need) bigger = need;
  void *p = realloc(*array, bigger * item);
  if (p == NULL) return TFDC_E_NOMEM;
  *array = p;
  *cap = bigger;
  return TFDC_OK;
}

static tfdc_rc reserve(struct tfdc_buf *b, size_t n) {
  if (tfdc_buf_reserve(b, n)) return TFDC_OK;
  bool limit = n > b->limit - b->size;
  b->failed = false; /* nothing was put: the writer goes on as it was */
  return limit ? TFDC_E_LIMIT : TFDC_E_NOMEM;
}

/* ---- adding ---- */

static bool same_name(const struct mebo_writer *w, const struct metric *m, const char *name, size_t name_n) {
  return m->name.n == name_n && memcmp(w->names.data + m->name.at, name, name_n) == 0;
}

static tfdc_rc check_identity(struct mebo_writer *w, uint64_t id, const char *name, size_t name_n, bool *ret_collides,
                              struct tfdc_error *err) {
  if (w->count > 0 && w->identity != (name != NULL ? BY_NAME : BY_ID))
    return tfdc_fail(err, TFDC_E_USAGE, "metrics of a blob are all by name or all by id");
  bool collides = false;
  if (w->ids.slots != NULL) {
    for (size_t s = slot_of(&w->ids, id); w->ids.slots[s] != 0; s = (s + 1) & w->ids.mask) {
      const struct metric *m = &w->metrics[w->ids.slots[s] - 1];
      if (m->id != id) continue;
      if (name == NULL) return tfdc_fail(err, TFDC_E_EXISTS, "metric %016" PRIx64, id);
      if (same_name(w, m, name, name_n)) return tfdc_fail(err, TFDC_E_EXISTS, "metric %.200s", name);
      collides = true;
    }
  }
  size_t most = collides || w->collided ? MEBO_MAX_METRICS - 1 : MEBO_MAX_METRICS;
  if (w->count >= most) return tfdc_fail(err, TFDC_E_LIMIT, "%zu metrics", most);
  *ret_collides = collides;
  return TFDC_OK;
}

/* The 16-byte entries of layout 1 bound a metric: its points by the largest encoding, its bytes by the next step. */
static tfdc_rc check_layout1(const struct mebo_writer *w, size_t n, struct tfdc_error *err) {
  static const uint8_t largest[] = {[MEBO_TS_RAW] = 8, [MEBO_TS_DELTA] = 9, [MEBO_TS_DELTA_PACKED] = 5};
  size_t t = largest[w->o.ts_encoding], v = w->o.value_encoding == MEBO_VALUE_RAW ? 8 : 9;
  size_t most = UINT16_MAX / (t > v ? t : v);
  if (n > most) return tfdc_fail(err, TFDC_E_LIMIT, "%zu points, at most %zu in layout 1", n, most);
  if (w->count == 0) return TFDC_OK;
  const struct metric *before = &w->metrics[w->count - 1];
  if (before->ts.n > UINT16_MAX || before->values.n > UINT16_MAX)
    return tfdc_fail(err, TFDC_E_LIMIT, "no metric can follow one of more than 65,535 bytes in layout 1");
  return TFDC_OK;
}

static tfdc_rc reserve_add(struct mebo_writer *w, size_t name_n, size_t n) {
  void *array = w->metrics;
  tfdc_rc rc = grow_array(&array, &w->cap, w->count + 1, sizeof *w->metrics);
  w->metrics = array;
  if (rc != TFDC_OK) return rc;
  array = w->last_t;
  rc = grow_array(&array, &w->last_cap, n, sizeof *w->last_t);
  w->last_t = array;
  if (rc != TFDC_OK) return rc;
  if (w->ids.slots == NULL || 2 * (w->count + 1) > w->ids.mask + 1) {
    TFDC_TRY(table_clear(&w->ids, 2 * (w->count + 1)));
    for (size_t i = 0; i < w->count; i++) table_put(&w->ids, w->metrics[i].id, i);
  }
  TFDC_TRY(reserve(&w->names, name_n));
  TFDC_TRY(reserve(&w->ts, mebo_ts_most(w->o.ts_encoding, n) + MEBO_ENCODE_SLACK));
  return reserve(&w->values, mebo_value_most(w->o.value_encoding, n) + MEBO_ENCODE_SLACK);
}

static void encode_times(struct mebo_writer *w, struct metric *m, const int64_t *t, size_t n) {
  if (w->count > 0 && n == w->last_n && (t == NULL || memcmp(t, w->last_t, n * sizeof *t) == 0)) {
    const struct metric *before = &w->metrics[w->count - 1];
    m->ts = before->ts;
    m->ts_hash = before->ts_hash;
    return;
  }
  size_t size = mebo_ts_encode(w->o.ts_encoding, w->o.big_endian, t, n, w->ts.data + w->ts.size);
  m->ts = (struct span){w->ts.size, size};
  if (w->o.shared_timestamps) m->ts_hash = tfdc_xxh3_64(w->ts.data + w->ts.size, size);
  w->ts.size += size;
  memcpy(w->last_t, t, n * sizeof *t);
  w->last_n = n;
}

static tfdc_rc add(struct mebo_writer *w, struct metric m, const char *name, const int64_t *t, const double *v,
                   struct tfdc_error *err) {
  size_t n = m.points;
  bool collides = false;
  TFDC_TRY(check_identity(w, m.id, name, m.name.n, &collides, err));
  if (w->o.layout == 1) TFDC_TRY(check_layout1(w, n, err));
  if (t == NULL && (w->count == 0 || n != w->last_n))
    return tfdc_fail(err, TFDC_E_USAGE, "no time stamps, and no metric of %zu points before", n);
  tfdc_rc rc = reserve_add(w, m.name.n, n);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "metric of %zu points", n);
  encode_times(w, &m, t, n);
  m.values.at = w->values.size;
  m.values.n = mebo_value_encode(w->o.value_encoding, w->o.big_endian, v, n, w->values.data + w->values.size, w->alp);
  w->values.size += m.values.n;
  m.name.at = w->names.size;
  if (name != NULL) tfdc_put(&w->names, name, m.name.n);
  w->metrics[w->count] = m;
  table_put(&w->ids, m.id, w->count++);
  w->identity = name != NULL ? BY_NAME : BY_ID;
  w->collided |= collides;
  return TFDC_OK;
}

static tfdc_rc check_add(const struct mebo_writer *w, size_t n, struct tfdc_error *err) {
  if (w->finished) return tfdc_fail(err, TFDC_E_USAGE, "the blob is finished: reset the writer");
  if (n == 0) return tfdc_fail(err, TFDC_E_USAGE, "a metric has at least 1 point");
  if (n > UINT32_MAX) return tfdc_fail(err, TFDC_E_LIMIT, "%zu points, at most 2^32-1", n);
  return TFDC_OK;
}

tfdc_rc mebo_writer_add(struct mebo_writer *w, const char *name, size_t n, const int64_t *times_us,
                        const double *values, struct tfdc_error *err) {
  TFDC_TRY(check_add(w, n, err));
  size_t name_n = strlen(name);
  if (name_n == 0) return tfdc_fail(err, TFDC_E_USAGE, "empty name of a metric");
  if (name_n > MEBO_MAX_NAME_BYTES)
    return tfdc_fail(err, TFDC_E_LIMIT, "name of %zu bytes, at most %u", name_n, MEBO_MAX_NAME_BYTES);
  struct metric m = {.id = tfdc_xxh64(name, name_n), .points = (uint32_t)n, .name.n = name_n};
  tfdc_rc rc = add(w, m, name, times_us, values, err);
  return rc == TFDC_OK ? TFDC_OK : tfdc_wrap(err, rc, "add metric %.100s", name);
}

tfdc_rc mebo_writer_add_id(struct mebo_writer *w, uint64_t id, size_t n, const int64_t *times_us, const double *values,
                           struct tfdc_error *err) {
  TFDC_TRY(check_add(w, n, err));
  if (id == 0) return tfdc_fail(err, TFDC_E_USAGE, "id 0 of a metric");
  struct metric m = {.id = id, .points = (uint32_t)n};
  tfdc_rc rc = add(w, m, NULL, times_us, values, err);
  return rc == TFDC_OK ? TFDC_OK : tfdc_wrap(err, rc, "add metric %016" PRIx64, id);
}

/* ---- laying out ---- */

static int by_id_then_added(const void *a, const void *b) {
  const struct place *x = a, *y = b;
  if (x->id != y->id) return x->id < y->id ? -1 : 1;
  return x->metric < y->metric ? -1 : 1;
}

static const struct metric *metric_at(const struct mebo_writer *w, size_t place) {
  return &w->metrics[w->places[place].metric];
}

static tfdc_rc order_metrics(struct mebo_writer *w) {
  void *array = w->places;
  tfdc_rc rc = grow_array(&array, &w->places_cap, w->count, sizeof *w->places);
  w->places = array;
  if (rc != TFDC_OK) return rc;
  for (size_t i = 0; i < w->count; i++) w->places[i] = (struct place){.id = w->metrics[i].id, .metric = (uint32_t)i};
  if (w->o.layout == 2) qsort(w->places, w->count, sizeof *w->places, by_id_then_added);
  for (size_t i = 0; i < w->count; i++) w->places[i].canonical = (uint32_t)i;
  return TFDC_OK;
}

static bool same_times(const struct mebo_writer *w, const struct metric *a, const struct metric *b) {
  if (a->ts_hash != b->ts_hash || a->ts.n != b->ts.n) return false;
  return a->ts.at == b->ts.at || memcmp(w->ts.data + a->ts.at, w->ts.data + b->ts.at, a->ts.n) == 0;
}

/* The first metric of the index with the same encoded time stamps is canonical. */
static tfdc_rc share_times(struct mebo_writer *w) {
  TFDC_TRY(table_clear(&w->shared, w->count));
  for (size_t i = 0; i < w->count; i++) {
    const struct metric *m = metric_at(w, i);
    size_t s = slot_of(&w->shared, m->ts_hash);
    while (w->shared.slots[s] != 0 && !same_times(w, metric_at(w, w->shared.slots[s] - 1), m))
      s = (s + 1) & w->shared.mask;
    if (w->shared.slots[s] == 0)
      w->shared.slots[s] = (uint32_t)i + 1;
    else
      w->places[i].canonical = w->shared.slots[s] - 1;
  }
  return TFDC_OK;
}

/* How far the offset moves from the metric before to this one. */
static size_t ts_step(const struct mebo_writer *w, size_t place) {
  return place > 0 && w->places[place - 1].canonical == place - 1 ? metric_at(w, place - 1)->ts.n : 0;
}
static size_t value_step(const struct mebo_writer *w, size_t place) {
  return place > 0 ? metric_at(w, place - 1)->values.n : 0;
}

static bool needs_extended(const struct mebo_writer *w) {
  if (w->o.layout == 1) return false;
  for (size_t i = 0; i < w->count; i++)
    if (metric_at(w, i)->points > UINT16_MAX || ts_step(w, i) > UINT16_MAX || value_step(w, i) > UINT16_MAX)
      return true;
  return false;
}

static void put_names(const struct mebo_writer *w, struct tfdc_buf *out) {
  tfdc_put_u16(out, w->o.big_endian, (uint16_t)w->count);
  for (size_t i = 0; i < w->count; i++) {
    struct span name = metric_at(w, i)->name;
    tfdc_put_u16(out, w->o.big_endian, (uint16_t)name.n);
    tfdc_put(out, w->names.data + name.at, name.n);
  }
}

static void put_index(const struct mebo_writer *w, bool extended, struct tfdc_buf *out) {
  bool big = w->o.big_endian;
  for (size_t i = 0; i < w->count; i++) {
    size_t numbers[4] = {metric_at(w, i)->points, ts_step(w, i), value_step(w, i), 0};
    tfdc_put_u64(out, big, w->places[i].id);
    for (size_t k = 0; k < 4; k++) {
      if (extended)
        tfdc_put_u32(out, big, (uint32_t)numbers[k]);
      else
        tfdc_put_u16(out, big, (uint16_t)numbers[k]);
    }
    if (extended) tfdc_put_u64(out, big, 0);
  }
}

/* Places chained by canonical: next[i] is the next member after i, so that each group is walked once. */
static tfdc_rc put_shared(const struct mebo_writer *w, struct tfdc_buf *out) {
  bool big = w->o.big_endian;
  uint32_t *links = calloc(w->count, 3 * sizeof *links);
  if (links == NULL) return TFDC_E_NOMEM;
  uint32_t *next = links, *last = links + w->count, *members = links + 2 * w->count;
  uint16_t groups = 0;
  for (size_t i = 0; i < w->count; i++) {
    uint32_t c = w->places[i].canonical;
    last[i] = (uint32_t)i;
    if (c == i) continue;
    groups = (uint16_t)(groups + (members[c] == 0));
    members[c]++;
    next[last[c]] = (uint32_t)i;
    last[c] = (uint32_t)i;
  }
  tfdc_put_u16(out, big, groups);
  for (size_t i = 0; i < w->count; i++) {
    if (members[i] == 0) continue;
    tfdc_put_u16(out, big, (uint16_t)i);
    tfdc_put_u16(out, big, (uint16_t)members[i]);
    for (uint32_t k = next[i]; k != 0; k = next[k]) tfdc_put_u16(out, big, (uint16_t)k);
  }
  free(links);
  return TFDC_OK;
}

static tfdc_rc put_times(struct mebo_writer *w, struct tfdc_buf *out) {
  w->payload.size = 0;
  for (size_t i = 0; i < w->count; i++) {
    if (w->places[i].canonical != i) continue;
    struct span ts = metric_at(w, i)->ts;
    TFDC_TRY(reserve(&w->payload, ts.n));
    tfdc_put(&w->payload, w->ts.data + ts.at, ts.n);
  }
  return mebo_compress(&w->zstd, w->o.ts_compression, w->o.zstd_level, &w->payload, out);
}

static tfdc_rc put_values(struct mebo_writer *w, struct tfdc_buf *out) {
  w->payload.size = 0;
  TFDC_TRY(reserve(&w->payload, w->values.size));
  for (size_t i = 0; i < w->count; i++) {
    struct span values = metric_at(w, i)->values;
    tfdc_put(&w->payload, w->values.data + values.at, values.n);
  }
  return mebo_compress(&w->zstd, w->o.value_compression, w->o.zstd_level, &w->payload, out);
}

/* Offsets from the start of the blob. */
struct offsets {
  size_t index, ts, values, end;
};

static void put_header(const struct mebo_writer *w, unsigned options, struct offsets at, struct tfdc_buf *out) {
  bool big = w->o.big_endian;
  tfdc_put_u16(out, false, (uint16_t)options);
  tfdc_put_u8(out, (uint8_t)(w->o.ts_encoding | w->o.value_encoding << 4));
  tfdc_put_u8(out, (uint8_t)(w->o.ts_compression | w->o.value_compression << 4));
  tfdc_put_u64(out, big, (uint64_t)w->o.start_us);
  tfdc_put_u32(out, big, (uint32_t)w->count);
  tfdc_put_u32(out, big, (uint32_t)at.index);
  tfdc_put_u32(out, big, (uint32_t)at.ts);
  tfdc_put_u32(out, big, (uint32_t)at.values);
  tfdc_put_u32(out, big, (uint32_t)at.end);
}

static tfdc_rc lay_out(struct mebo_writer *w, struct tfdc_buf *out) {
  size_t start = out->size;
  TFDC_TRY(order_metrics(w));
  if (w->o.shared_timestamps) TFDC_TRY(share_times(w));
  bool shared = false;
  for (size_t i = 0; i < w->count; i++) shared |= w->places[i].canonical != i;
  bool extended = needs_extended(w);
  unsigned options = w->o.layout == 1 ? MEBO_MAGIC_LAYOUT1 : extended ? MEBO_MAGIC_EXTENDED : MEBO_MAGIC_LAYOUT2;
  options |= (w->o.big_endian ? MEBO_OPTION_BIG : 0u) | (w->collided ? MEBO_OPTION_NAMES : 0u) |
             (shared ? MEBO_OPTION_SHARED : 0u);

  struct offsets at = {0};
  put_header(w, options, at, out); /* again below, when the offsets are known */
  if (w->collided) put_names(w, out);
  at.index = out->size - start;
  put_index(w, extended, out);
  if (shared) TFDC_TRY(put_shared(w, out));
  at.ts = out->size - start;
  TFDC_TRY(put_times(w, out));
  at.values = out->size - start;
  TFDC_TRY(put_values(w, out));
  at.end = out->size - start;
  TFDC_TRY(tfdc_buf_status(out));
  if (at.end > UINT32_MAX) return TFDC_E_LIMIT;
  out->size = start;
  put_header(w, options, at, out);
  out->size = start + at.end;
  return TFDC_OK;
}

tfdc_rc mebo_writer_finish(struct mebo_writer *w, struct tfdc_buf *out, struct tfdc_error *err) {
  if (w->finished) return tfdc_fail(err, TFDC_E_USAGE, "the blob is finished already: reset the writer");
  if (w->count == 0) return tfdc_fail(err, TFDC_E_USAGE, "a blob has at least one metric");
  size_t start = out->size;
  tfdc_rc rc = lay_out(w, out);
  if (rc != TFDC_OK) {
    out->size = start;
    return tfdc_fail(err, rc, "blob of %zu metrics", w->count);
  }
  w->finished = true;
  return TFDC_OK;
}
