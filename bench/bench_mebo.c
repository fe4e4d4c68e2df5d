/* SPDX-License-Identifier: Apache-2.0
 * Nanoseconds and bytes per point of Mebo blobs, by data, encoding and compression.
 * Usage: bench_mebo [LAM9600.csv]; default ../shared/data/lam9600/lam9600_machine_long.csv beside the sources. */
#include "mebo.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { max_metrics = 64 };

/* Metrics with one array of time stamps. */
struct chunk {
  size_t metrics, points;
  int64_t *t;
  double *v[max_metrics];
};

struct set {
  const char *name;
  struct chunk *chunks;
  size_t n;
};

static void *must(void *p) {
  if (p == NULL) abort();
  return p;
}

static double now_ns(void) {
  struct timespec ts;
  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static uint64_t next_random(uint64_t *s) {
  *s ^= *s << 13;
  *s ^= *s >> 7;
  *s ^= *s << 17;
  return *s;
}

static void chunk_init(struct chunk *c, size_t metrics, size_t points) {
  c->metrics = metrics;
  c->points = points;
  c->t = must(malloc((points + 1) * sizeof *c->t));
  for (size_t m = 0; m < metrics; m++) c->v[m] = must(malloc((points + 1) * sizeof **c->v));
}

/* 10 Hz with or without jitter of +-2 ms; random walks around a set point, rounded to `decimals`. */
static struct set make_sensors(const char *name, size_t n, bool jitter, double decimals) {
  struct set s = {.name = name, .chunks = must(calloc(n, sizeof *s.chunks)), .n = n};
  uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
  for (size_t i = 0; i < n; i++) {
    struct chunk *c = &s.chunks[i];
    chunk_init(c, 50, 300);
    for (size_t k = 0; k < c->points; k++)
      c->t[k] = INT64_C(1760000000000000) + (int64_t)(i * 300 + k) * 100000 +
                (jitter ? (int64_t)(next_random(&seed) % 4001) - 2000 : 0);
    for (size_t m = 0; m < c->metrics; m++) {
      double level = 10.0 * (double)(1 + m * m), at = level;
      for (size_t k = 0; k < c->points; k++) {
        at += 0.3 * (level - at) + ((double)(next_random(&seed) % 2001) - 1000.0) * 1e-5 * level;
        c->v[m][k] = round(at * decimals) / decimals;
      }
    }
  }
  return s;
}

/* One chunk a wafer: column 0 wafer, 4 dup_tail, 5 time in s, from 7 on sensors. */
static struct set load_lam(const char *path) {
  struct set s = {.name = "Lam 9600"};
  FILE *f = fopen(path, "r");
  if (f == NULL) return s;
  s.chunks = must(calloc(256, sizeof *s.chunks));
  char line[4096];
  long last = -1;
  struct chunk *c = NULL;
  while (fgets(line, sizeof line, f) != NULL) {
    char *p = line, *end;
    long wafer = strtol(p, &end, 10);
    if (end == p) continue;
    if (wafer != last && s.n < 256) {
      c = &s.chunks[s.n++];
      chunk_init(c, 19, 1024);
      c->points = 0;
      last = wafer;
    }
    if (c == NULL || c->points == 1024) continue;
    for (size_t column = 0; column < 26; column++) {
      double x = strtod(p, &end);
      if (column == 5) c->t[c->points] = (int64_t)(x * 1e6 + 0.5);
      if (column >= 7) c->v[column - 7][c->points] = x;
      p += strcspn(p, ",\n");
      if (*p == ',') p++;
    }
    c->points++;
  }
  (void)fclose(f);
  return s;
}

static size_t write_chunk(struct mebo_writer *w, const struct chunk *c, struct tfdc_buf *out) {
  mebo_writer_reset(w, c->t[0]);
  for (size_t m = 0; m < c->metrics; m++) {
    char name[32];
    (void)snprintf(name, sizeof name, "sensor_%zu", m);
    if (mebo_writer_add(w, name, c->points, m == 0 ? c->t : NULL, c->v[m], NULL) != TFDC_OK) abort();
  }
  out->size = 0;
  if (mebo_writer_finish(w, out, NULL) != TFDC_OK) abort();
  return out->size;
}

static void read_chunk(const struct tfdc_buf *blob, int64_t *t, double *v) {
  struct mebo_reader *r = NULL;
  if (mebo_reader_open(blob->data, blob->size, NULL, &r, NULL) != TFDC_OK) abort();
  for (size_t i = 0; i < mebo_reader_count(r); i++) {
    struct mebo_metric m;
    mebo_reader_metric(r, i, &m);
    if (m.ts_group == i && mebo_reader_times(r, i, t, NULL) != TFDC_OK) abort();
    if (mebo_reader_values(r, i, v, NULL) != TFDC_OK) abort();
  }
  mebo_reader_destroy(r);
}

static void run(const struct set *s, const char *label, struct mebo_options o) {
  struct mebo_writer *w = NULL;
  if (mebo_writer_create(&o, &w, NULL) != TFDC_OK) return;
  struct tfdc_buf *blobs = must(calloc(s->n, sizeof *blobs));
  int64_t *t = must(malloc(2048 * sizeof *t));
  double *v = must(malloc(2048 * sizeof *v));
  double write_ns = INFINITY, read_ns = INFINITY;
  size_t bytes = 0, points = 0;
  for (int round = 0; round < 7; round++) {
    double start = now_ns();
    bytes = points = 0;
    for (size_t i = 0; i < s->n; i++) {
      bytes += write_chunk(w, &s->chunks[i], &blobs[i]);
      points += s->chunks[i].metrics * s->chunks[i].points;
    }
    double middle = now_ns();
    for (size_t i = 0; i < s->n; i++) read_chunk(&blobs[i], t, v);
    write_ns = fmin(write_ns, middle - start);
    read_ns = fmin(read_ns, now_ns() - middle);
  }
  printf("%-22s %-28s %6.2f %6.2f %7.3f\n", s->name, label, write_ns / (double)points, read_ns / (double)points,
         (double)bytes / (double)points);
  for (size_t i = 0; i < s->n; i++) tfdc_buf_deinit(&blobs[i]);
  free(blobs);
  free(t);
  free(v);
  mebo_writer_destroy(w);
}

static void run_all(const struct set *s) {
  static const struct {
    const char *name;
    uint8_t code;
  } values[] = {
      {"raw", MEBO_VALUE_RAW}, {"gorilla", MEBO_VALUE_GORILLA}, {"chimp", MEBO_VALUE_CHIMP}, {"alp", MEBO_VALUE_ALP}};
  static const int levels[] = {0, 1, 3, 6};
  for (size_t i = 0; i < TFDC_COUNT(values); i++) {
    for (size_t k = 0; k < TFDC_COUNT(levels); k++) {
      struct mebo_options o = mebo_options_default();
      o.value_encoding = values[i].code;
      o.ts_compression = MEBO_NONE;
      o.value_compression = levels[k] > 0 ? MEBO_ZSTD : MEBO_NONE;
      o.zstd_level = levels[k] > 0 ? levels[k] : 1;
      char label[64];
      (void)snprintf(label, sizeof label, "%s, zstd %d on values", values[i].name, levels[k]);
      run(s, label, o);
    }
  }
  struct mebo_options o = mebo_options_default();
  run(s, "default", o);
  o.ts_encoding = MEBO_TS_DELTA_PACKED;
  run(s, "default, delta packed", o);
  o = mebo_options_default();
  o.shared_timestamps = false;
  run(s, "default, not shared", o);
}

static void set_deinit(struct set *s) {
  for (size_t i = 0; i < s->n; i++) {
    for (size_t m = 0; m < s->chunks[i].metrics; m++) free(s->chunks[i].v[m]);
    free(s->chunks[i].t);
  }
  free(s->chunks);
}

int main(int argc, char **argv) {
  const char *lam = argc > 1 ? argv[1] : TFDC_SOURCE_DIR "/../shared/data/lam9600/lam9600_machine_long.csv";
  struct set sets[] = {make_sensors("2 decimals, jitter", 64, true, 100.0),
                       make_sensors("2 decimals, regular", 64, false, 100.0),
                       make_sensors("no decimals, regular", 64, false, 1.0),
                       make_sensors("full precision", 64, false, 1e15), load_lam(lam)};
  printf("%-22s %-28s %6s %6s %7s\n", "data", "options", "ns/w", "ns/r", "bytes/p");
  for (size_t i = 0; i < TFDC_COUNT(sets); i++) {
    if (sets[i].n == 0)
      printf("%s: not here\n", sets[i].name);
    else
      run_all(&sets[i]);
    set_deinit(&sets[i]);
  }
  return 0;
}
