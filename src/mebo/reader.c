/* SPDX-License-Identifier: Apache-2.0
 * Opens a blob: every count, offset and length is checked against the bytes that are there before it is used. */
#include "mebo.h"

#include "base/hash.h"
#include "mebo/codec.h"
#include "mebo/format.h"

#include <inttypes.h>

struct span {
  size_t at, n;
};

struct metric {
  uint64_t id;
  struct span ts, values; /* in the payloads */
  size_t tags_at;         /* in the decompressed tags */
  const char *name;       /* in the blob; NULL if names are not stored */
  uint32_t name_n, points;
  uint32_t ts_group;
  bool in_table; /* named by the shared table */
};

struct mebo_reader {
  struct mebo_payload ts, values;
  struct tfdc_cursor tags; /* compressed, in the blob; empty without tags */
  struct metric *metrics;
  uint32_t *by_id; /* indices, by id, then by place */
  size_t count;
  int64_t start_us;
  uint8_t ts_encoding, value_encoding;
  bool big, has_tags;
};

struct header {
  unsigned options, magic;
  uint8_t ts_compression, value_compression;
  uint32_t count, index_at, ts_at, values_at, tags_at;
};

static const struct mebo_limits defaults = {
    .max_decompressed = MEBO_MAX_PAYLOAD, .max_metrics = MEBO_MAX_METRICS, .max_points = (size_t)1 << 25};

static struct mebo_limits effective(const struct mebo_limits *asked) {
  struct mebo_limits l = asked != NULL ? *asked : defaults;
  if (l.max_decompressed == 0 || l.max_decompressed > defaults.max_decompressed)
    l.max_decompressed = defaults.max_decompressed;
  if (l.max_metrics == 0) l.max_metrics = defaults.max_metrics;
  if (l.max_points == 0) l.max_points = defaults.max_points;
  return l;
}

/* ---- header ---- */

static tfdc_rc check_magic(unsigned magic, struct tfdc_error *err) {
  if (magic == MEBO_MAGIC_LAYOUT1 || magic == MEBO_MAGIC_LAYOUT2 || magic == MEBO_MAGIC_EXTENDED) return TFDC_OK;
  if (magic == MEBO_MAGIC_TEXT) return tfdc_fail(err, TFDC_E_UNSUPPORTED, "text blob");
  return tfdc_fail(err, TFDC_E_MALFORMED, "byte 0: magic %04x is not of a Mebo blob", magic);
}

/* Numbers of the format that this library does not read are UNSUPPORTED, others MALFORMED. */
static tfdc_rc check_codes(const struct mebo_reader *r, const struct header *h, struct tfdc_error *err) {
  unsigned ts = r->ts_encoding, v = r->value_encoding;
  if (!mebo_ts_supported(r->ts_encoding)) return tfdc_fail(err, TFDC_E_MALFORMED, "byte 2: time stamp encoding %u", ts);
  if (!mebo_value_supported(r->value_encoding)) return tfdc_fail(err, TFDC_E_MALFORMED, "byte 2: value encoding %u", v);
  uint8_t compressions[2] = {h->ts_compression, h->value_compression};
  for (size_t i = 0; i < 2; i++) {
    unsigned c = compressions[i];
    if (mebo_compression_supported(compressions[i])) continue;
    return tfdc_fail(err, c == MEBO_S2 || c == MEBO_LZ4 ? TFDC_E_UNSUPPORTED : TFDC_E_MALFORMED,
                     "byte 3: %s compression %u", i == 0 ? "time stamp" : "value", c);
  }
  return TFDC_OK;
}

static tfdc_rc take_header(struct tfdc_cursor *c, struct mebo_reader *r, struct header *h, struct tfdc_error *err) {
  uint16_t options;
  uint8_t encodings, compressions;
  uint64_t start;
  if (tfdc_cursor_left(c) < MEBO_HEADER_BYTES)
    return tfdc_fail(err, TFDC_E_TRUNCATED, "%zu bytes, the header has %d", tfdc_cursor_left(c), MEBO_HEADER_BYTES);
  TFDC_TRY(tfdc_take_u16(c, false, &options));
  h->options = options & ~(unsigned)MEBO_MAGIC_MASK;
  h->magic = options & MEBO_MAGIC_MASK;
  TFDC_TRY(check_magic(h->magic, err));
  r->big = (h->options & MEBO_OPTION_BIG) != 0;
  TFDC_TRY(tfdc_take_u8(c, &encodings));
  TFDC_TRY(tfdc_take_u8(c, &compressions));
  TFDC_TRY(tfdc_take_u64(c, r->big, &start));
  r->ts_encoding = encodings & 15;
  r->value_encoding = encodings >> 4;
  h->ts_compression = compressions & 15;
  h->value_compression = compressions >> 4;
  r->start_us = (int64_t)start;
  uint32_t *numbers[] = {&h->count, &h->index_at, &h->ts_at, &h->values_at, &h->tags_at};
  for (size_t i = 0; i < TFDC_COUNT(numbers); i++) TFDC_TRY(tfdc_take_u32(c, r->big, numbers[i]));
  TFDC_TRY(check_codes(r, h, err));
  if (h->tags_at > c->size)
    return tfdc_fail(err, TFDC_E_TRUNCATED, "byte 28: values end at %u of %zu", h->tags_at, c->size);
  if (h->ts_at > h->values_at || h->values_at > h->tags_at)
    return tfdc_fail(err, TFDC_E_MALFORMED, "byte 20: offsets %u, %u, %u do not rise", h->ts_at, h->values_at,
                     h->tags_at);
  return TFDC_OK;
}

/* ---- names, index, shared time stamps ---- */

static tfdc_rc take_names(struct tfdc_cursor *c, struct mebo_reader *r, struct tfdc_error *err) {
  uint16_t count, n;
  const uint8_t *name;
  if (tfdc_take_u16(c, r->big, &count) != TFDC_OK) return tfdc_fail(err, TFDC_E_TRUNCATED, "names end early");
  if (count != r->count) return tfdc_fail(err, TFDC_E_MALFORMED, "%u names for %zu metrics", (unsigned)count, r->count);
  for (size_t i = 0; i < r->count; i++) {
    if (tfdc_take_u16(c, r->big, &n) != TFDC_OK || tfdc_take(c, n, &name) != TFDC_OK)
      return tfdc_fail(err, TFDC_E_TRUNCATED, "byte %zu: name %zu ends early", c->pos, i);
    r->metrics[i].name = (const char *)name;
    r->metrics[i].name_n = n;
  }
  return TFDC_OK;
}

struct entry {
  uint64_t id;
  uint32_t points, ts_step, value_step, tag_step;
};

static tfdc_rc take_entry(struct tfdc_cursor *c, bool big, bool extended, struct entry *ret) {
  uint64_t reserved = 0;
  uint32_t *numbers[] = {&ret->points, &ret->ts_step, &ret->value_step, &ret->tag_step};
  TFDC_TRY(tfdc_take_u64(c, big, &ret->id));
  for (size_t k = 0; k < TFDC_COUNT(numbers); k++) {
    uint16_t small;
    if (extended) {
      TFDC_TRY(tfdc_take_u32(c, big, numbers[k]));
    } else {
      TFDC_TRY(tfdc_take_u16(c, big, &small));
      *numbers[k] = small;
    }
  }
  if (extended) TFDC_TRY(tfdc_take_u64(c, big, &reserved));
  return reserved == 0 ? TFDC_OK : TFDC_E_MALFORMED;
}

static tfdc_rc take_index(struct tfdc_cursor *c, struct mebo_reader *r, const struct header *h, size_t max_points,
                          struct tfdc_error *err) {
  bool extended = h->magic == MEBO_MAGIC_EXTENDED;
  size_t ts_at = 0, values_at = 0, tags_at = 0; /* 65,536 steps of u32 fit */
  uint64_t points = 0;
  for (size_t i = 0; i < r->count; i++) {
    struct metric *m = &r->metrics[i];
    struct entry e;
    size_t at = c->pos;
    tfdc_rc rc = take_entry(c, r->big, extended, &e);
    if (rc != TFDC_OK) return tfdc_fail(err, rc, "byte %zu: index entry %zu", at, i);
    if (e.points == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: metric %zu has no points", at, i);
    points += e.points;
    if (points > max_points) return tfdc_fail(err, TFDC_E_LIMIT, "byte %zu: over %zu points", at, max_points);
    if (m->name != NULL && tfdc_xxh64(m->name, m->name_n) != e.id)
      return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: id of metric %zu is not its name's hash", at, i);
    ts_at += e.ts_step;
    values_at += e.value_step;
    tags_at += e.tag_step;
    /* Without tags there are no steps; but old versions left those of empty tags, one byte a point. */
    if (!(h->options & MEBO_OPTION_TAGS) && e.tag_step != 0 && (i == 0 || e.tag_step != r->metrics[i - 1].points))
      return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: metric %zu has tags, the blob has none", at, i);
    m->id = e.id;
    m->points = e.points;
    m->ts.at = ts_at;
    m->values.at = values_at;
    m->tags_at = tags_at;
    m->ts_group = (uint32_t)i;
    if (h->magic != MEBO_MAGIC_LAYOUT1 && i > 0 && r->metrics[i - 1].id > e.id)
      return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: metric %zu is not in order of ids", at, i);
  }
  return TFDC_OK;
}

/* One index of the table, and that no earlier one named it. */
static tfdc_rc take_shared_index(struct tfdc_cursor *c, struct mebo_reader *r, uint16_t *ret, struct tfdc_error *err) {
  size_t at = c->pos;
  if (tfdc_take_u16(c, r->big, ret) != TFDC_OK) return tfdc_fail(err, TFDC_E_TRUNCATED, "byte %zu", at);
  if (*ret >= r->count)
    return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: metric %u of %zu", at, (unsigned)*ret, r->count);
  if (r->metrics[*ret].in_table)
    return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: metric %u again", at, (unsigned)*ret);
  r->metrics[*ret].in_table = true;
  return TFDC_OK;
}

static tfdc_rc take_shared(struct tfdc_cursor *c, struct mebo_reader *r, struct tfdc_error *err) {
  uint16_t groups, canonical, members, member;
  TFDC_TRY(tfdc_take_u16(c, r->big, &groups));
  if (groups == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "no groups");
  for (unsigned g = 0; g < groups; g++) {
    TFDC_TRY(take_shared_index(c, r, &canonical, err));
    TFDC_TRY(tfdc_take_u16(c, r->big, &members));
    for (unsigned k = 0; k < members; k++) {
      TFDC_TRY(take_shared_index(c, r, &member, err));
      if (r->metrics[member].points != r->metrics[canonical].points)
        return tfdc_fail(err, TFDC_E_MALFORMED, "metrics %u and %u differ in points", (unsigned)canonical,
                         (unsigned)member);
      r->metrics[member].ts_group = canonical;
    }
  }
  return tfdc_cursor_left(c) == 0 ? TFDC_OK
                                  : tfdc_fail(err, TFDC_E_MALFORMED, "%zu bytes left over", tfdc_cursor_left(c));
}

/* ---- payloads ---- */

/* A metric's bytes end where the next one's begin; they must be able to hold its points. */
static tfdc_rc place_metrics(struct mebo_reader *r, struct tfdc_error *err) {
  size_t ts_end = r->ts.size, values_end = r->values.size;
  for (size_t i = r->count; i-- > 0;) {
    struct metric *m = &r->metrics[i];
    if (m->ts.at > ts_end || m->values.at > values_end)
      return tfdc_fail(err, TFDC_E_TRUNCATED, "metric %zu begins behind the payload", i);
    m->ts.n = ts_end - m->ts.at;
    m->values.n = values_end - m->values.at;
    ts_end = m->ts.at;
    values_end = m->values.at;
  }
  for (size_t i = 0; i < r->count; i++) {
    struct metric *m = &r->metrics[i];
    m->ts = r->metrics[m->ts_group].ts;
    if (mebo_ts_least(r->ts_encoding, m->points) > m->ts.n)
      return tfdc_fail(err, TFDC_E_TRUNCATED, "metric %zu: %zu bytes of time stamps for %u points", i, m->ts.n,
                       m->points);
    if (mebo_value_least(r->value_encoding, m->points) > m->values.n)
      return tfdc_fail(err, TFDC_E_TRUNCATED, "metric %zu: %zu bytes of values for %u points", i, m->values.n,
                       m->points);
  }
  return TFDC_OK;
}

struct id_at {
  uint64_t id;
  uint32_t at;
};

static int by_id_then_place(const void *a, const void *b) {
  const struct id_at *x = a, *y = b;
  if (x->id != y->id) return x->id < y->id ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

static tfdc_rc sort_ids(struct mebo_reader *r, struct tfdc_error *err) {
  bool sorted = true;
  for (size_t i = 0; i < r->count; i++) {
    r->by_id[i] = (uint32_t)i;
    sorted = sorted && (i == 0 || r->metrics[i - 1].id <= r->metrics[i].id);
  }
  if (!sorted) {
    struct id_at *ids = malloc(r->count * sizeof *ids);
    if (ids == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%zu metrics", r->count);
    for (size_t i = 0; i < r->count; i++) ids[i] = (struct id_at){r->metrics[i].id, (uint32_t)i};
    qsort(ids, r->count, sizeof *ids, by_id_then_place);
    for (size_t i = 0; i < r->count; i++) r->by_id[i] = ids[i].at;
    free(ids);
  }
  for (size_t i = 1; i < r->count; i++) {
    const struct metric *m = &r->metrics[r->by_id[i]];
    if (m->name == NULL && m->id == r->metrics[r->by_id[i - 1]].id)
      return tfdc_fail(err, TFDC_E_MALFORMED, "two metrics have the id %016" PRIx64, m->id);
  }
  return TFDC_OK;
}

/* ---- open ---- */

static tfdc_rc make_room(struct mebo_reader *r, const struct tfdc_cursor *c, const struct header *h, size_t max,
                         struct tfdc_error *err) {
  size_t entry = h->magic == MEBO_MAGIC_EXTENDED ? MEBO_EXTENDED_ENTRY_BYTES : MEBO_ENTRY_BYTES;
  if (h->count == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "byte 12: no metrics");
  if (h->count > max) return tfdc_fail(err, TFDC_E_LIMIT, "byte 12: %u metrics, limit %zu", h->count, max);
  if (h->ts_at < c->pos || (h->ts_at - c->pos) / entry < h->count)
    return tfdc_fail(err, TFDC_E_TRUNCATED, "byte 12: no room for an index of %u metrics", h->count);
  r->count = h->count;
  r->metrics = calloc(r->count, sizeof *r->metrics);
  r->by_id = malloc(r->count * sizeof *r->by_id);
  if (r->metrics == NULL || r->by_id == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "%zu metrics", r->count);
  return TFDC_OK;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* A payload longer than any encoding of its metrics is not decompressed. */
static tfdc_rc take_payloads(struct mebo_reader *r, const struct tfdc_cursor *c, const struct header *h, size_t max,
                             struct tfdc_error *err) {
  const struct metric *last = &r->metrics[r->count - 1];
  size_t most_points = 0;
  for (size_t i = 0; i < r->count; i++)
    if (r->metrics[i].points > most_points) most_points = r->metrics[i].points;
  size_t most = 32 + 24 * most_points; /* no encoding takes more for one metric */
  tfdc_rc rc = mebo_decompress(h->ts_compression, c->data + h->ts_at, h->values_at - h->ts_at,
                               smaller(max, last->ts.at + most), &r->ts, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "byte %u: time stamps", h->ts_at);
  rc = mebo_decompress(h->value_compression, c->data + h->values_at, h->tags_at - h->values_at,
                       smaller(max, last->values.at + most), &r->values, err);
  return rc == TFDC_OK ? TFDC_OK : tfdc_wrap(err, rc, "byte %u: values", h->values_at);
}

static tfdc_rc open_blob(struct mebo_reader *r, struct tfdc_cursor c, const struct mebo_limits *limits,
                         struct tfdc_error *err) {
  struct header h;
  TFDC_TRY(take_header(&c, r, &h, err));
  TFDC_TRY(make_room(r, &c, &h, limits->max_metrics, err));
  struct tfdc_cursor front = {.data = c.data, .size = h.ts_at, .pos = c.pos};
  if (h.options & MEBO_OPTION_NAMES) TFDC_TRY(take_names(&front, r, err));
  if (front.pos != h.index_at)
    return tfdc_fail(err, TFDC_E_MALFORMED, "byte 16: index at %u, but names end at %zu", h.index_at, front.pos);
  TFDC_TRY(take_index(&front, r, &h, limits->max_points, err));
  if (h.options & MEBO_OPTION_SHARED) {
    size_t at = front.pos;
    tfdc_rc rc = take_shared(&front, r, err);
    if (rc != TFDC_OK) return tfdc_fail(err, rc, "byte %zu: table of shared time stamps", at);
  }
  if (tfdc_cursor_left(&front) > 0)
    return tfdc_fail(err, TFDC_E_MALFORMED, "byte %zu: gap before the time stamps", front.pos);
  TFDC_TRY(sort_ids(r, err));
  if (h.options & MEBO_OPTION_TAGS)
    r->tags = tfdc_cursor_on(c.data + h.tags_at, c.size - h.tags_at);
  else if (h.tags_at < c.size)
    return tfdc_fail(err, TFDC_E_MALFORMED, "byte %u: %zu bytes behind the values", h.tags_at, c.size - h.tags_at);
  r->has_tags = (h.options & MEBO_OPTION_TAGS) != 0;
  TFDC_TRY(take_payloads(r, &c, &h, limits->max_decompressed, err));
  return place_metrics(r, err);
}

tfdc_rc mebo_reader_open(const void *data, size_t size, const struct mebo_limits *limits, struct mebo_reader **ret,
                         struct tfdc_error *err) {
  struct mebo_limits l = effective(limits);
  struct mebo_reader *r = calloc(1, sizeof *r);
  if (r == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "mebo reader");
  tfdc_rc rc = open_blob(r, tfdc_cursor_on(data, size), &l, err);
  if (rc != TFDC_OK) {
    mebo_reader_destroy(r);
    return tfdc_wrap(err, rc, "mebo blob of %zu bytes", size);
  }
  *ret = r;
  return TFDC_OK;
}

void mebo_reader_destroy(struct mebo_reader *r) {
  if (r == NULL) return;
  free(r->ts.owned);
  free(r->values.owned);
  free(r->metrics);
  free(r->by_id);
  free(r);
}

/* ---- what is in it ---- */

size_t mebo_reader_count(const struct mebo_reader *r) { return r->count; }
int64_t mebo_reader_start_us(const struct mebo_reader *r) { return r->start_us; }

void mebo_reader_metric(const struct mebo_reader *r, size_t index, struct mebo_metric *ret) {
  TFDC_ASSERT(index < r->count);
  const struct metric *m = &r->metrics[index];
  *ret = (struct mebo_metric){
      .id = m->id, .name = m->name, .name_n = m->name_n, .points = m->points, .ts_group = m->ts_group};
}

/* First position in by_id whose id is not below. */
static size_t lower_bound(const struct mebo_reader *r, uint64_t id) {
  size_t lo = 0, hi = r->count;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (r->metrics[r->by_id[mid]].id < id)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

bool mebo_reader_find_id(const struct mebo_reader *r, uint64_t id, size_t *ret_index) {
  size_t k = lower_bound(r, id);
  if (k == r->count || r->metrics[r->by_id[k]].id != id) return false;
  *ret_index = r->by_id[k];
  return true;
}

bool mebo_reader_find(const struct mebo_reader *r, const char *name, size_t *ret_index) {
  size_t n = strlen(name);
  uint64_t id = tfdc_xxh64(name, n);
  for (size_t k = lower_bound(r, id); k < r->count; k++) {
    const struct metric *m = &r->metrics[r->by_id[k]];
    if (m->id != id) return false;
    if (m->name != NULL && (m->name_n != n || memcmp(m->name, name, n) != 0)) continue;
    *ret_index = r->by_id[k];
    return true;
  }
  return false;
}

static tfdc_rc decode_failed(const struct mebo_reader *r, size_t index, const char *what, tfdc_rc rc,
                             struct tfdc_error *err) {
  return tfdc_fail(err, rc, "metric %zu (id %016" PRIx64 ", %u points): %s", index, r->metrics[index].id,
                   r->metrics[index].points, what);
}

tfdc_rc mebo_reader_times(const struct mebo_reader *r, size_t index, int64_t *times_us, struct tfdc_error *err) {
  TFDC_ASSERT(index < r->count);
  const struct metric *m = &r->metrics[index];
  tfdc_rc rc =
      mebo_ts_decode(r->ts_encoding, r->big, tfdc_cursor_on(r->ts.data + m->ts.at, m->ts.n), times_us, m->points);
  return rc == TFDC_OK ? TFDC_OK : decode_failed(r, index, "time stamps", rc, err);
}

tfdc_rc mebo_reader_values(const struct mebo_reader *r, size_t index, double *values, struct tfdc_error *err) {
  TFDC_ASSERT(index < r->count);
  const struct metric *m = &r->metrics[index];
  tfdc_rc rc = mebo_value_decode(r->value_encoding, r->big, tfdc_cursor_on(r->values.data + m->values.at, m->values.n),
                                 values, m->points);
  return rc == TFDC_OK ? TFDC_OK : decode_failed(r, index, "values", rc, err);
}

/* ---- validate ---- */

static tfdc_rc decode_all(const struct mebo_reader *r, void *points, struct tfdc_error *err) {
  for (size_t i = 0; i < r->count; i++) {
    if (r->metrics[i].ts_group == i) TFDC_TRY(mebo_reader_times(r, i, points, err));
    TFDC_TRY(mebo_reader_values(r, i, points, err));
  }
  return TFDC_OK;
}

/* Tags: each point's length and bytes, metric after metric. */
static tfdc_rc check_tags(const struct mebo_reader *r, struct tfdc_cursor tags, struct tfdc_error *err) {
  for (size_t i = 0; i < r->count; i++) {
    const uint8_t *tag;
    size_t n, end = i + 1 < r->count ? r->metrics[i + 1].tags_at : tags.size;
    if (r->metrics[i].tags_at > end || end > tags.size)
      return tfdc_fail(err, TFDC_E_TRUNCATED, "metric %zu: tags begin behind the payload", i);
    struct tfdc_cursor c = {.data = tags.data, .size = end, .pos = r->metrics[i].tags_at};
    for (uint32_t k = 0; k < r->metrics[i].points; k++) {
      tfdc_rc rc = tfdc_take_bytes(&c, SIZE_MAX, &tag, &n);
      if (rc != TFDC_OK) return decode_failed(r, i, "tags", rc, err);
    }
  }
  return TFDC_OK;
}

static tfdc_rc validate_tags(const struct mebo_reader *r, size_t max, struct tfdc_error *err) {
  struct mebo_payload tags;
  if (!r->has_tags) return TFDC_OK;
  tfdc_rc rc = mebo_decompress(MEBO_ZSTD, r->tags.data, r->tags.size, max, &tags, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "tags");
  rc = check_tags(r, tfdc_cursor_on(tags.data, tags.size), err);
  free(tags.owned);
  return rc;
}

tfdc_rc mebo_validate(const void *data, size_t size, const struct mebo_limits *limits, struct tfdc_error *err) {
  struct mebo_reader *r = NULL;
  TFDC_TRY(mebo_reader_open(data, size, limits, &r, err));
  size_t most = 0;
  for (size_t i = 0; i < r->count; i++)
    if (r->metrics[i].points > most) most = r->metrics[i].points;
  void *points = malloc(most * sizeof(int64_t)); /* times and values in turn */
  tfdc_rc rc = points != NULL ? decode_all(r, points, err) : tfdc_fail(err, TFDC_E_NOMEM, "%zu points", most);
  free(points);
  if (rc == TFDC_OK) rc = validate_tags(r, effective(limits).max_decompressed, err);
  mebo_reader_destroy(r);
  return rc;
}
