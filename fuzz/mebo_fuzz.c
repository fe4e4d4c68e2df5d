/* SPDX-License-Identifier: Apache-2.0
 * mebo_reader_open, mebo_reader_times, mebo_reader_values, mebo_validate on any bytes; and a blob written from any
 * bytes gives them back. The first byte picks: even = a blob follows; odd = options, then metrics. */
#include "mebo.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mebo_limits limits = {.max_decompressed = 1 << 20, .max_metrics = 4096, .max_points = 1 << 20};

static void must(bool holds) {
  if (!holds) abort();
}

static void decode(const struct mebo_reader *r) {
  for (size_t i = 0; i < mebo_reader_count(r); i++) {
    struct mebo_metric m;
    size_t at;
    mebo_reader_metric(r, i, &m);
    must(m.ts_group < mebo_reader_count(r));
    must(mebo_reader_find_id(r, m.id, &at));
    int64_t *t = malloc(m.points * sizeof *t);
    double *v = malloc(m.points * sizeof *v);
    must(t != NULL && v != NULL);
    struct tfdc_error err;
    (void)(mebo_reader_times(r, i, t, &err) == TFDC_OK && mebo_reader_values(r, i, v, &err) == TFDC_OK);
    free(t);
    free(v);
  }
}

static void read_any(const uint8_t *data, size_t size) {
  struct mebo_reader *r = NULL;
  struct tfdc_error err = {0};
  if (mebo_reader_open(data, size, &limits, &r, &err) == TFDC_OK) {
    (void)mebo_reader_find(r, "a", &(size_t){0});
    decode(r);
    mebo_reader_destroy(r);
  } else {
    must(err.msg[0] != '\0');
  }
  (void)(mebo_validate(data, size, &limits, &err) == TFDC_OK);
}

enum { most_metrics = 8, most_points = 256 };

struct metric {
  size_t n;
  int64_t t[most_points];
  double v[most_points];
};

/* count, then per point a byte of how: small steps, or 8 bytes of time and of value. */
static bool take_metric(struct tfdc_cursor *c, struct metric *m) {
  uint8_t n, how;
  uint64_t t = 0;
  double v = 0;
  if (tfdc_take_u8(c, &n) != TFDC_OK) return false;
  m->n = 0;
  for (size_t i = 0; i <= n && i < most_points && tfdc_take_u8(c, &how) == TFDC_OK; i++) {
    if (how < 128) {
      t += 1000;
      v += (double)how / 100;
    } else if (tfdc_take_u64(c, false, &t) != TFDC_OK || tfdc_take_f64(c, false, &v) != TFDC_OK) {
      break;
    }
    m->t[m->n] = (int64_t)t;
    m->v[m->n++] = v;
  }
  return m->n > 0;
}

static struct mebo_options take_options(uint8_t a, uint8_t b) {
  static const uint8_t ts[] = {MEBO_TS_RAW, MEBO_TS_DELTA, MEBO_TS_DELTA_PACKED, MEBO_TS_DELTA};
  static const uint8_t values[] = {MEBO_VALUE_RAW, MEBO_VALUE_GORILLA, MEBO_VALUE_CHIMP, MEBO_VALUE_ALP};
  struct mebo_options o = mebo_options_default();
  o.layout = a & 2 ? 2 : 1;
  o.shared_timestamps = (a & 6) == 6;
  o.big_endian = (a & 8) != 0;
  o.ts_compression = a & 16 ? MEBO_ZSTD : MEBO_NONE;
  o.value_compression = a & 32 ? MEBO_ZSTD : MEBO_NONE;
  o.ts_encoding = ts[b & 3];
  o.value_encoding = values[b >> 2 & 3];
  return o;
}

static void expect(const struct mebo_reader *r, uint64_t id, const struct metric *m) {
  static struct metric got;
  struct mebo_metric is;
  size_t at;
  must(mebo_reader_find_id(r, id, &at));
  mebo_reader_metric(r, at, &is);
  must(is.points == m->n);
  must(mebo_reader_times(r, at, got.t, NULL) == TFDC_OK && mebo_reader_values(r, at, got.v, NULL) == TFDC_OK);
  must(memcmp(got.t, m->t, m->n * sizeof *m->t) == 0 && memcmp(got.v, m->v, m->n * sizeof *m->v) == 0);
}

static void write_any(const uint8_t *data, size_t size) {
  static struct metric metrics[most_metrics];
  struct tfdc_cursor c = tfdc_cursor_on(data, size);
  uint8_t a, b;
  if (tfdc_take_u8(&c, &a) != TFDC_OK || tfdc_take_u8(&c, &b) != TFDC_OK) return;
  struct mebo_options o = take_options(a, b);
  struct mebo_writer *w = NULL;
  must(mebo_writer_create(&o, &w, NULL) == TFDC_OK);
  size_t n = 0;
  for (; n < most_metrics && take_metric(&c, &metrics[n]); n++)
    must(mebo_writer_add_id(w, n * n * 31 + 1, metrics[n].n, metrics[n].t, metrics[n].v, NULL) == TFDC_OK);
  struct tfdc_buf out = {0};
  must((mebo_writer_finish(w, &out, NULL) == TFDC_OK) == (n > 0));
  if (n > 0) {
    struct mebo_reader *r = NULL;
    must(mebo_validate(out.data, out.size, NULL, NULL) == TFDC_OK);
    must(mebo_reader_open(out.data, out.size, NULL, &r, NULL) == TFDC_OK);
    for (size_t i = 0; i < n; i++) expect(r, i * i * 31 + 1, &metrics[i]);
    mebo_reader_destroy(r);
  }
  tfdc_buf_deinit(&out);
  mebo_writer_destroy(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  if (data[0] & 1)
    write_any(data + 1, size - 1);
  else
    read_any(data + 1, size - 1);
  return 0;
}
