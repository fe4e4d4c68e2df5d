/* SPDX-License-Identifier: Apache-2.0
 * Blocks by hand, because they are all of the volume: one walk that measures, one allocation, one walk that copies. */
#include "adapter/grpc/ingest_block.h"

#include "adapter/grpc/pb_walk.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "doubles and times are copied from the wire as they are");

enum { BLOCK_RUN = 1, BLOCK_SEQ = 2, BLOCK_CLOCKS = 3, BLOCK_COLUMNS = 4 };
enum { CLOCK_START = 1, CLOCK_PERIOD = 2, CLOCK_COUNT = 3, CLOCK_TIMES = 4 };
enum { COLUMN_SVID = 1, COLUMN_CLOCK = 2, COLUMN_VALUES = 3 };
/* The times of a regular clock stay exact in a double up to here: 142 years of microseconds. */
#define SPAN_MAX 4503599627370496.0

struct clock_in {
  const uint8_t *data; /* encoded */
  size_t size;
  int64_t start;
  double period;
  size_t n;
  bool regular, used;
  const int64_t *times; /* in the block */
};
struct column_in {
  const uint8_t *data;
  size_t size;
  const struct ingest_svid *svid;
  uint64_t clock;
  size_t n;
};
struct walk {
  const struct ingest_limits *limits;
  struct ingest_dict *dict;
  const struct ingest_chamber *chamber;
  struct clock_in *clocks;
  struct column_in *columns;
  size_t n_clocks, n_columns;
  size_t times, values, name_bytes;
  struct tfdc_error *err;
};

/* Counts the elements of a repeated 8-byte field, packed or not. */
static tfdc_rc count_fixed64(const struct pb_field *f, size_t *n, struct tfdc_error *err) {
  if (f->wire != PB_BYTES && f->wire != PB_FIXED64)
    return tfdc_fail(err, TFDC_E_MALFORMED, "values are not 8 bytes each");
  if (f->n % 8 != 0)
    return tfdc_fail(err, TFDC_E_MALFORMED, "%zu bytes of packed values are not a multiple of 8", f->n);
  *n += f->n / 8;
  return TFDC_OK;
}

/* data was walked before. */
static void copy_fixed64(const uint8_t *data, size_t size, uint32_t number, void *out) {
  struct tfdc_cursor c = tfdc_cursor_on(data, size);
  uint8_t *to = out;
  struct pb_field f;
  while (tfdc_cursor_left(&c) > 0 && pb_next(&c, &f) == TFDC_OK) {
    if (f.number != number || f.n == 0) continue;
    memcpy(to, f.data, f.n);
    to += f.n;
  }
}

static tfdc_rc measure_clock(struct walk *w, struct clock_in *k) {
  struct tfdc_cursor c = tfdc_cursor_on(k->data, k->size);
  struct pb_field f;
  uint64_t count = 0;
  size_t explicit_n = 0;
  while (tfdc_cursor_left(&c) > 0) {
    if (pb_next(&c, &f) != TFDC_OK) return tfdc_fail(w->err, TFDC_E_MALFORMED, "a clock is not protobuf");
    if (f.number == CLOCK_START && f.wire == PB_VARINT) memcpy(&k->start, &f.value, 8);
    if (f.number == CLOCK_PERIOD && f.wire == PB_FIXED64) memcpy(&k->period, f.data, 8);
    if (f.number == CLOCK_COUNT && f.wire == PB_VARINT) count = f.value & UINT32_MAX;
    if (f.number == CLOCK_TIMES) TFDC_TRY(count_fixed64(&f, &explicit_n, w->err));
  }
  k->regular = explicit_n == 0;
  if (!k->regular && (count != 0 || k->period != 0))
    return tfdc_fail(w->err, TFDC_E_MALFORMED, "a clock has explicit times and also a period or count");
  k->n = k->regular ? (size_t)count : explicit_n;
  if (!k->regular || count == 0) return TFDC_OK;
  if (!isfinite(k->period) || k->period < 0 || (count > 1 && k->period < 1))
    return tfdc_fail(w->err, TFDC_E_RANGE, "period of %g us; at least 1 is needed", k->period);
  if ((double)(count - 1) * k->period > SPAN_MAX || k->start < -(INT64_C(1) << 62) || k->start > INT64_C(1) << 62)
    return tfdc_fail(w->err, TFDC_E_RANGE, "a clock of %llu x %g us from %lld does not fit", (unsigned long long)count,
                     k->period, (long long)k->start);
  return TFDC_OK;
}

static tfdc_rc measure_column(struct walk *w, struct column_in *col, const struct ingest_svid **last) {
  struct tfdc_cursor c = tfdc_cursor_on(col->data, col->size);
  struct pb_field f;
  uint64_t number = 0;
  while (tfdc_cursor_left(&c) > 0) {
    if (pb_next(&c, &f) != TFDC_OK) return tfdc_fail(w->err, TFDC_E_MALFORMED, "a column is not protobuf");
    if (f.number == COLUMN_SVID && f.wire == PB_VARINT) number = f.value & UINT32_MAX;
    if (f.number == COLUMN_CLOCK && f.wire == PB_VARINT) col->clock = f.value & UINT32_MAX;
    if (f.number == COLUMN_VALUES) TFDC_TRY(count_fixed64(&f, &col->n, w->err));
  }
  col->svid = ingest_chamber_svid(w->chamber, (uint32_t)number, *last);
  if (col->svid == NULL)
    return tfdc_fail(w->err, TFDC_E_UNKNOWN_SVID, "SVID %llu is not in the dictionary of %s:%s",
                     (unsigned long long)number, w->chamber->tool, w->chamber->chamber);
  *last = col->svid;
  struct ingest_svid *mark = w->chamber->svids + (col->svid - w->chamber->svids);
  if (mark->seen_in == w->dict->blocks)
    return tfdc_fail(w->err, TFDC_E_MALFORMED, "SVID %llu stands twice in the block", (unsigned long long)number);
  mark->seen_in = w->dict->blocks;
  if (col->clock >= w->n_clocks)
    return tfdc_fail(w->err, TFDC_E_MALFORMED, "SVID %llu refers to clock %llu of %zu", (unsigned long long)number,
                     (unsigned long long)col->clock, w->n_clocks);
  struct clock_in *k = &w->clocks[col->clock];
  if (col->n != k->n)
    return tfdc_fail(w->err, TFDC_E_MALFORMED, "SVID %llu has %zu values, its clock %zu samples",
                     (unsigned long long)number, col->n, k->n);
  if (!k->used) w->times += k->n; /* an unused clock is never expanded: 10 bytes cannot ask for megabytes */
  k->used = true;
  w->values += col->n;
  w->name_bytes += col->svid->name_n + 1;
  return TFDC_OK;
}

static tfdc_rc measure(struct walk *w) {
  const struct ingest_svid *last = NULL;
  for (size_t i = 0; i < w->n_clocks; i++) TFDC_TRY(measure_clock(w, &w->clocks[i]));
  w->dict->blocks++;
  for (size_t i = 0; i < w->n_columns; i++) {
    TFDC_TRY(measure_column(w, &w->columns[i], &last));
    if (w->values > w->limits->max_block_points)
      return tfdc_fail(w->err, TFDC_E_BLOCK_TOO_LARGE, "more than %zu points in one block",
                       w->limits->max_block_points);
  }
  return TFDC_OK;
}

static tfdc_rc fill_clock(struct walk *w, struct clock_in *k, int64_t *out) {
  if (k->regular) {
    for (size_t i = 0; i < k->n; i++) out[i] = k->start + (int64_t)((double)i * k->period + 0.5);
  } else {
    copy_fixed64(k->data, k->size, CLOCK_TIMES, out);
  }
  bool rises = true;
  for (size_t i = 1; i < k->n; i++) rises &= out[i] > out[i - 1];
  if (!rises || (k->n > 0 && out[0] == MODEL_NO_TIME))
    return tfdc_fail(w->err, TFDC_E_TIME_BACKWARDS, "the times of a clock do not rise");
  k->times = out;
  return TFDC_OK;
}

/* Names are copied behind the values: a block outlives its stream. */
static tfdc_rc fill(struct walk *w, struct model_block **ret) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *b =
      model_block_create(w->n_columns, w->times, w->values + (w->name_bytes + 7) / 8, &columns, &times, &values);
  if (b == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < w->n_clocks; i++) {
    struct clock_in *k = &w->clocks[i];
    if (!k->used) continue;
    tfdc_rc rc = fill_clock(w, k, times);
    if (rc != TFDC_OK) {
      model_block_unref(b);
      return rc;
    }
    times += k->n;
  }
  char *names = (char *)(values + w->values);
  for (size_t i = 0; i < w->n_columns; i++) {
    const struct column_in *col = &w->columns[i];
    memcpy(names, col->svid->name, col->svid->name_n + 1);
    columns[i] = (struct model_column){
        .svid = col->svid->number, .name = names, .n = col->n, .t_us = w->clocks[col->clock].times, .v = values};
    copy_fixed64(col->data, col->size, COLUMN_VALUES, values);
    for (size_t k = 0; k < col->n; k++) b->missing += isfinite(values[k]) ? 0U : 1U;
    values += col->n;
    names += col->svid->name_n + 1;
  }
  b->points = w->values;
  *ret = b;
  return TFDC_OK;
}

/* The block's own fields: what cannot be read here is not protobuf and ends the stream. */
static tfdc_rc walk_top(struct tfdc_cursor c, struct walk *w, struct model_hub_msg *m) {
  struct pb_field f;
  size_t n_clocks = 0, n_columns = 0;
  while (tfdc_cursor_left(&c) > 0) {
    if (pb_next(&c, &f) != TFDC_OK) return TFDC_E_MALFORMED;
    if (f.number == BLOCK_RUN && f.wire == PB_VARINT) m->run = f.value;
    if (f.number == BLOCK_SEQ && f.wire == PB_VARINT) m->seq = f.value;
    if (f.number == BLOCK_CLOCKS && f.wire == PB_BYTES) {
      if (w->clocks != NULL) w->clocks[n_clocks] = (struct clock_in){.data = f.data, .size = f.n};
      n_clocks++;
    }
    if (f.number == BLOCK_COLUMNS && f.wire == PB_BYTES) {
      if (w->columns != NULL) w->columns[n_columns] = (struct column_in){.data = f.data, .size = f.n};
      n_columns++;
    }
  }
  w->n_clocks = n_clocks;
  w->n_columns = n_columns;
  return TFDC_OK;
}

static tfdc_rc decode(struct tfdc_cursor top, struct walk *w, struct tfdc_arena *mem, struct model_hub_msg *m) {
  const struct ingest_run *run = ingest_dict_run(w->dict, m->run);
  if (run == NULL)
    return tfdc_fail(w->err, TFDC_E_RUN_UNKNOWN, "no run start with handle %llu on this stream",
                     (unsigned long long)m->run);
  w->chamber = run->chamber;
  if (w->limits->max_block_bytes > 0 && m->bytes > w->limits->max_block_bytes)
    return tfdc_fail(w->err, TFDC_E_BLOCK_TOO_LARGE, "a block of %zu bytes, at most %zu", m->bytes,
                     w->limits->max_block_bytes);
  if (w->n_columns > w->limits->max_svids || w->n_clocks > w->limits->max_svids)
    return tfdc_fail(w->err, TFDC_E_TOO_MANY_SVIDS, "%zu columns with %zu clocks in one block, at most %zu",
                     w->n_columns, w->n_clocks, w->limits->max_svids);
  w->clocks = tfdc_arena_array(mem, w->n_clocks + 1, sizeof *w->clocks);
  w->columns = tfdc_arena_array(mem, w->n_columns + 1, sizeof *w->columns);
  if (w->clocks == NULL || w->columns == NULL) return TFDC_E_NOMEM;
  TFDC_TRY(walk_top(top, w, m));
  TFDC_TRY(measure(w));
  return fill(w, &m->block);
}

tfdc_rc ingest_decode_block(const uint8_t *data, size_t n, const struct ingest_limits *limits, struct ingest_dict *d,
                            struct tfdc_arena *mem, struct model_hub_msg *ret, struct tfdc_error *err) {
  struct tfdc_error why = {.code = TFDC_OK};
  struct walk w = {.limits = limits, .dict = d, .err = &why};
  struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK, .bytes = n};
  struct tfdc_cursor top = tfdc_cursor_on(data, n);
  if (walk_top(top, &w, &m) != TFDC_OK) return tfdc_fail(err, TFDC_E_MALFORMED, "a block is not protobuf");
  if (m.seq == 0) return tfdc_fail(err, TFDC_E_MALFORMED, "a block of run %llu has no seq", (unsigned long long)m.run);
  tfdc_rc rc = decode(top, &w, mem, &m);
  if (rc == TFDC_E_NOMEM) return tfdc_fail(err, rc, "block of %zu bytes", n);
  if (rc == TFDC_OK) {
    m.block->seq = m.seq;
  } else {
    m.code = rc;
    m.text = tfdc_arena_strdup(mem, tfdc_error_msg(&why));
    if (m.text == NULL) m.text = tfdc_rc_text(rc);
  }
  *ret = m;
  return TFDC_OK;
}
