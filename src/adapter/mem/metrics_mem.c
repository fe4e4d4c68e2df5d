/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/metrics_mem.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 128, LABELS = 3 };

static const double bounds[] = {
#define B(seconds) seconds,
    MODEL_METRIC_BUCKETS(B)
#undef B
};
enum { BOUNDS = TFDC_COUNT(bounds) };

static const struct {
  const char *name, *labels, *help;
  enum model_metric_type type;
} rows[MODEL_METRIC_COUNT] = {
#define X(id, name, type, unit, labels, help) {name, labels, help, MODEL_METRIC_##type},
    MODEL_METRIC_LIST(X)
#undef X
};

/* One label set. Never freed before the end, so readers need no lock. */
struct cell {
  struct cell *next_in_slot; /* fixed once published */
  _Atomic(struct cell *) next;
  uint64_t hash;
  const char *labels[LABELS]; /* behind the struct */
  _Atomic uint64_t value;     /* a double's bits: counter, gauge, sum of a histogram */
  _Atomic uint64_t *counts;   /* histogram: BOUNDS + 1 */
};
struct family {
  _Atomic(struct cell *) slots[SLOTS];
  _Atomic(struct cell *) first;
  struct cell *last; /* mu */
  unsigned n;        /* mu */
};
struct metrics_mem {
  struct port_metrics port;
  pthread_mutex_t mu;
  struct family families[MODEL_METRIC_COUNT];
};

static const char *label_of(const char *const labels[LABELS], size_t i) { return labels[i] != NULL ? labels[i] : ""; }

static bool same(const struct cell *c, uint64_t hash, const char *const labels[LABELS]) {
  if (c->hash != hash) return false;
  for (size_t i = 0; i < LABELS; i++)
    if (strcmp(c->labels[i], label_of(labels, i)) != 0) return false;
  return true;
}

static uint64_t hash_of(const char *const labels[LABELS]) {
  uint64_t h = 0;
  for (size_t i = 0; i < LABELS; i++) {
    const char *s = label_of(labels, i);
    h = h * UINT64_C(0x9e3779b97f4a7c15) + tfdc_xxh3_64(s, strlen(s));
  }
  return h;
}

static struct cell *find(struct family *f, uint64_t hash, const char *const labels[LABELS]) {
  struct cell *c = atomic_load_explicit(&f->slots[hash % SLOTS], memory_order_acquire);
  while (c != NULL && !same(c, hash, labels)) c = c->next_in_slot;
  return c;
}

static struct cell *new_cell(int metric, uint64_t hash, const char *const labels[LABELS]) {
  bool histogram = rows[metric].type == MODEL_METRIC_HISTOGRAM;
  size_t counts_n = histogram ? (BOUNDS + 1) * sizeof(_Atomic uint64_t) : 0, text_n = 0;
  for (size_t i = 0; i < LABELS; i++) text_n += strlen(label_of(labels, i)) + 1;
  struct cell *c = calloc(1, sizeof *c + counts_n + text_n);
  if (c == NULL) return NULL;
  c->hash = hash;
  if (histogram) c->counts = (_Atomic uint64_t *)(c + 1);
  char *text = (char *)(c + 1) + counts_n;
  for (size_t i = 0; i < LABELS; i++) {
    size_t n = strlen(label_of(labels, i)) + 1;
    c->labels[i] = memcpy(text, label_of(labels, i), n);
    text += n;
  }
  return c;
}

/* Under mu. NULL when memory is out. */
static struct cell *add_cell(struct family *f, int metric, uint64_t hash, const char *const labels[LABELS]) {
  struct cell *c = new_cell(metric, hash, labels);
  if (c == NULL) return NULL;
  c->next_in_slot = atomic_load_explicit(&f->slots[hash % SLOTS], memory_order_relaxed);
  atomic_store_explicit(&f->slots[hash % SLOTS], c, memory_order_release);
  atomic_store_explicit(f->last != NULL ? &f->last->next : &f->first, c, memory_order_release);
  f->last = c;
  f->n++;
  return c;
}

static void add_to(_Atomic uint64_t *value, double by) {
  uint64_t old = atomic_load_explicit(value, memory_order_relaxed), fresh;
  do {
    double d;
    memcpy(&d, &old, sizeof d);
    d += by;
    memcpy(&fresh, &d, sizeof fresh);
  } while (!atomic_compare_exchange_weak_explicit(value, &old, fresh, memory_order_relaxed, memory_order_relaxed));
}

static double value_of(const struct cell *c) {
  uint64_t bits = atomic_load_explicit(&c->value, memory_order_relaxed);
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

/* The set's cell, or that of "other" when the metric has too many; NULL when memory is out: the sample is lost. */
static struct cell *cell_of(struct metrics_mem *m, int metric, const char *const labels[LABELS]) {
  TFDC_ASSERT(metric >= 0 && metric < MODEL_METRIC_COUNT);
  struct family *f = &m->families[metric];
  uint64_t hash = hash_of(labels);
  struct cell *c = find(f, hash, labels);
  if (c != NULL) return c;
  static const char *const other[LABELS] = {"other", "other", "other"};
  (void)pthread_mutex_lock(&m->mu);
  c = find(f, hash, labels);
  bool full = c == NULL && f->n >= METRICS_MAX_SETS;
  if (full) {
    hash = hash_of(other);
    c = find(f, hash, other);
  }
  if (c == NULL) c = add_cell(f, metric, hash, full ? other : labels);
  (void)pthread_mutex_unlock(&m->mu);
  if (full && metric != MODEL_METRIC_METRICS_DROPPED) {
    const char *const name[LABELS] = {rows[metric].name, NULL, NULL};
    struct cell *dropped = cell_of(m, MODEL_METRIC_METRICS_DROPPED, name);
    if (dropped != NULL) add_to(&dropped->value, 1);
  }
  return c;
}

static void add(struct port_metrics *p, int metric, const char *const labels[LABELS], double by) {
  struct cell *c = cell_of((struct metrics_mem *)p, metric, labels);
  TFDC_ASSERT(rows[metric].type != MODEL_METRIC_HISTOGRAM);
  if (c != NULL) add_to(&c->value, by);
}

static void set(struct port_metrics *p, int metric, const char *const labels[LABELS], double value) {
  struct cell *c = cell_of((struct metrics_mem *)p, metric, labels);
  TFDC_ASSERT(rows[metric].type == MODEL_METRIC_GAUGE);
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (c != NULL) atomic_store_explicit(&c->value, bits, memory_order_relaxed);
}

static void observe(struct port_metrics *p, int metric, const char *const labels[LABELS], double seconds) {
  struct cell *c = cell_of((struct metrics_mem *)p, metric, labels);
  TFDC_ASSERT(rows[metric].type == MODEL_METRIC_HISTOGRAM);
  if (c == NULL) return;
  size_t i = 0;
  while (i < BOUNDS && seconds > bounds[i]) i++;
  (void)atomic_fetch_add_explicit(&c->counts[i], 1, memory_order_relaxed);
  add_to(&c->value, seconds);
}

static const struct port_metrics_ops ops = {.add = add, .set = set, .observe = observe};

struct metrics_mem *metrics_mem_create(void) {
  struct metrics_mem *m = calloc(1, sizeof *m);
  if (m == NULL) return NULL;
  m->port.ops = &ops;
  TFDC_ASSERT(pthread_mutex_init(&m->mu, NULL) == 0);
  static const char *const none[LABELS] = {NULL, NULL, NULL};
  for (int i = 0; i < MODEL_METRIC_COUNT; i++) {
    if (rows[i].labels[0] != '\0' || cell_of(m, i, none) != NULL) continue;
    metrics_mem_destroy(m);
    return NULL;
  }
  return m;
}

void metrics_mem_destroy(struct metrics_mem *m) {
  if (m == NULL) return;
  for (size_t i = 0; i < MODEL_METRIC_COUNT; i++)
    for (struct cell *c = atomic_load(&m->families[i].first); c != NULL;) {
      struct cell *next = atomic_load(&c->next);
      free(c);
      c = next;
    }
  (void)pthread_mutex_destroy(&m->mu);
  free(m);
}

struct port_metrics *metrics_mem_port(struct metrics_mem *m) {
  return &m->port;
}

static uint64_t count_of(const struct cell *c) {
  uint64_t n = 0;
  for (size_t i = 0; i <= BOUNDS; i++) n += atomic_load_explicit(&c->counts[i], memory_order_relaxed);
  return n;
}

double metrics_mem_value(struct metrics_mem *m, int metric, const char *const labels[LABELS]) {
  TFDC_ASSERT(metric >= 0 && metric < MODEL_METRIC_COUNT);
  const struct cell *c = find(&m->families[metric], hash_of(labels), labels);
  if (c == NULL) return 0;
  return c->counts != NULL ? (double)count_of(c) : value_of(c);
}

/* ---- the text ---- */

/* The shorter of two forms that reads back as the same double. Prometheus spells the special values its own way. */
static void put_number(struct tfdc_buf *out, double d) {
  if (d != d) {
    tfdc_put_fmt(out, "NaN");
    return;
  }
  if (d - d != 0) {
    tfdc_put_fmt(out, d > 0 ? "+Inf" : "-Inf");
    return;
  }
  char text[40];
  (void)snprintf(text, sizeof text, "%.15g", d);
  double back = strtod(text, NULL);
  if (back < d || back > d) (void)snprintf(text, sizeof text, "%.17g", d);
  tfdc_put_fmt(out, "%s", text);
}

static void put_escaped(struct tfdc_buf *out, const char *s) {
  for (; *s != '\0'; s++) {
    if (*s == '\n')
      tfdc_put(out, "\\n", 2);
    else if (*s == '"' || *s == '\\')
      tfdc_put_fmt(out, "\\%c", *s);
    else
      tfdc_put(out, s, 1);
  }
}

/* {verdict="OK",le="0.1"}; nothing when there is no label. */
static void put_labels(struct tfdc_buf *out, const char *names, const struct cell *c, const char *le) {
  const char *before = "{";
  size_t i = 0;
  for (const char *name = names; *name != '\0' && i < LABELS; i++) {
    size_t n = strcspn(name, " ");
    tfdc_put_fmt(out, "%s%.*s=\"", before, (int)n, name);
    put_escaped(out, c->labels[i]);
    tfdc_put(out, "\"", 1);
    before = ",";
    name += n + strspn(name + n, " ");
  }
  if (le != NULL) {
    tfdc_put_fmt(out, "%sle=\"%s\"", before, le);
    before = ",";
  }
  if (before[0] == ',') tfdc_put(out, "}", 1);
}

static void put_histogram(struct tfdc_buf *out, const char *name, const char *labels, const struct cell *c) {
  uint64_t n = 0;
  for (size_t i = 0; i <= BOUNDS; i++) {
    char le[32] = "+Inf";
    if (i < BOUNDS) (void)snprintf(le, sizeof le, "%g", bounds[i]);
    n += atomic_load_explicit(&c->counts[i], memory_order_relaxed);
    tfdc_put_fmt(out, "%s_bucket", name);
    put_labels(out, labels, c, le);
    tfdc_put_fmt(out, " %llu\n", (unsigned long long)n);
  }
  tfdc_put_fmt(out, "%s_sum", name);
  put_labels(out, labels, c, NULL);
  tfdc_put(out, " ", 1);
  put_number(out, value_of(c));
  tfdc_put_fmt(out, "\n%s_count", name);
  put_labels(out, labels, c, NULL);
  tfdc_put_fmt(out, " %llu\n", (unsigned long long)n);
}

tfdc_rc metrics_mem_write(struct metrics_mem *m, struct tfdc_buf *out) {
  static const char *const types[] = {"counter", "gauge", "histogram"};
  for (size_t i = 0; i < MODEL_METRIC_COUNT; i++) {
    const struct cell *c = atomic_load_explicit(&m->families[i].first, memory_order_acquire);
    if (c == NULL) continue;
    tfdc_put_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help, rows[i].name, types[rows[i].type]);
    for (; c != NULL; c = atomic_load_explicit(&c->next, memory_order_acquire)) {
      if (c->counts != NULL) {
        put_histogram(out, rows[i].name, rows[i].labels, c);
        continue;
      }
      tfdc_put_fmt(out, "%s", rows[i].name);
      put_labels(out, rows[i].labels, c, NULL);
      tfdc_put(out, " ", 1);
      put_number(out, value_of(c));
      tfdc_put(out, "\n", 1);
    }
  }
  return tfdc_buf_status(out);
}
