/* SPDX-License-Identifier: Apache-2.0
 * The golden corpus of the format: blobs of the original library, what they were written from, and broken blobs.
 * Its folder is not part of this repository; README.md there explains the columns and rules used here. */
#include "mebo.h"

#include "mebo/codec.h"
#include "support/cmocka_all.h"

#include <stdio.h>

struct file {
  uint8_t *data;
  size_t size;
};

struct corpus {
  struct file inputs, blobs, invalid, inputs_tsv, cases_tsv, invalid_tsv;
};

/* An input set: metrics in the order added. */
struct input {
  size_t metrics;
  bool by_name;
  struct tfdc_cursor ids, counts, names, times, values;
};

struct options {
  bool numeric, tags;
  struct mebo_options o;
};

enum { max_columns = 24 };
struct row {
  char *column[max_columns];
};

/* ---- files and rows ---- */

static char *corpus_path(const char *name, char *path, size_t size) {
  const char *shared = getenv("TFDC_SHARED");
  int n = shared != NULL ? snprintf(path, size, "%s/mebo/%s", shared, name)
                         : snprintf(path, size, "%s/../shared/data/mebo/%s", TFDC_SOURCE_DIR, name);
  assert_true(n > 0 && (size_t)n < size);
  return path;
}

static struct file load(const char *name) {
  char path[4096];
  struct file f = {0};
  FILE *in = fopen(corpus_path(name, path, sizeof path), "rb");
  if (in == NULL) return f;
  assert_int_equal(fseek(in, 0, SEEK_END), 0);
  long size = ftell(in);
  assert_true(size > 0);
  rewind(in);
  f.size = (size_t)size;
  f.data = malloc(f.size + 1);
  assert_non_null(f.data);
  assert_int_equal(fread(f.data, 1, f.size, in), f.size);
  f.data[f.size] = '\0';
  (void)fclose(in);
  return f;
}

static int open_corpus(void **state) {
  struct corpus *c = calloc(1, sizeof *c);
  assert_non_null(c);
  struct file *files[] = {&c->inputs, &c->blobs, &c->invalid, &c->inputs_tsv, &c->cases_tsv, &c->invalid_tsv};
  const char *names[] = {"inputs.bin", "blobs.bin", "invalid.bin", "inputs.tsv", "cases.tsv", "invalid.tsv"};
  for (size_t i = 0; i < TFDC_COUNT(files); i++) *files[i] = load(names[i]);
  *state = c;
  return 0;
}

static int close_corpus(void **state) {
  struct corpus *c = *state;
  struct file *files[] = {&c->inputs, &c->blobs, &c->invalid, &c->inputs_tsv, &c->cases_tsv, &c->invalid_tsv};
  for (size_t i = 0; i < TFDC_COUNT(files); i++) free(files[i]->data);
  free(c);
  return 0;
}

static void need_corpus(const struct corpus *c) {
  if (c->invalid_tsv.data != NULL && c->blobs.data != NULL) return;
  const char *ci = getenv("CI");
  if (ci != NULL && strcmp(ci, "true") == 0) fail_msg("the golden corpus is missing (TFDC_SHARED)");
  printf("skipped: the golden corpus is not here (TFDC_SHARED)\n");
  skip();
}

/* Cuts the line at *text into its columns, in place; false at the end. */
static bool next_row(char **text, struct row *row) {
  if (**text == '\0') return false;
  for (size_t i = 0; i < max_columns; i++) row->column[i] = NULL;
  char *p = *text, *end = p + strcspn(p, "\n");
  *text = *end == '\n' ? end + 1 : end;
  *end = '\0';
  for (size_t i = 0; i < max_columns; i++) {
    row->column[i] = p;
    p += strcspn(p, "\t");
    if (*p == '\0') return true;
    *p++ = '\0';
  }
  return true;
}

static struct file copy_of(struct file f) {
  struct file copy = {.data = malloc(f.size + 1), .size = f.size};
  assert_non_null(copy.data);
  memcpy(copy.data, f.data, f.size + 1);
  return copy;
}

static size_t number(const char *text) { return (size_t)strtoull(text, NULL, 10); }

/* The column "ids:OFFSET:SIZE" of an input set. */
static struct tfdc_cursor part(const struct corpus *c, const struct row *row, const char *role) {
  size_t n = strlen(role);
  for (size_t i = 6; i < max_columns && row->column[i] != NULL; i++) {
    const char *p = row->column[i];
    if (strncmp(p, role, n) != 0 || p[n] != ':') continue;
    char *size_at;
    size_t offset = (size_t)strtoull(p + n + 1, &size_at, 10), size = number(size_at + 1);
    assert_true(offset + size <= c->inputs.size);
    return tfdc_cursor_on(c->inputs.data + offset, size);
  }
  return tfdc_cursor_on(NULL, 0);
}

static struct input find_input(const struct corpus *c, const char *name) {
  struct file copy = copy_of(c->inputs_tsv);
  char *text = (char *)copy.data;
  struct input in = {0};
  for (struct row row; next_row(&text, &row);) {
    if (strcmp(row.column[0], name) != 0) continue;
    in.metrics = number(row.column[2]);
    in.by_name = strcmp(row.column[4], "name") == 0;
    in.ids = part(c, &row, "ids");
    in.counts = part(c, &row, "counts");
    in.names = part(c, &row, "names");
    in.times = part(c, &row, "timestamps");
    in.values = part(c, &row, "values");
    break;
  }
  free(copy.data);
  assert_true(in.metrics > 0);
  return in;
}

/* One metric of an input set. */
struct series {
  uint64_t id;
  char name[4096]; /* empty: by id */
  size_t n;
  int64_t *t; /* owned */
  double *v;  /* owned */
};

static void next_series(struct input *in, struct series *s) {
  uint32_t n, name_n;
  const uint8_t *name = NULL;
  assert_int_equal(tfdc_take_u64(&in->ids, false, &s->id), TFDC_OK);
  assert_int_equal(tfdc_take_u32(&in->counts, false, &n), TFDC_OK);
  s->name[0] = '\0';
  if (in->by_name) {
    assert_int_equal(tfdc_take_u32(&in->names, false, &name_n), TFDC_OK);
    assert_true(name_n < sizeof s->name);
    assert_int_equal(tfdc_take(&in->names, name_n, &name), TFDC_OK);
    memcpy(s->name, name, name_n);
    s->name[name_n] = '\0';
    assert_int_equal(strlen(s->name), name_n);
  }
  s->n = n;
  s->t = malloc(n * sizeof *s->t);
  s->v = malloc(n * sizeof *s->v);
  assert_true(s->t != NULL && s->v != NULL);
  for (size_t i = 0; i < n; i++) {
    uint64_t t;
    assert_int_equal(tfdc_take_u64(&in->times, false, &t), TFDC_OK);
    s->t[i] = (int64_t)t;
    assert_int_equal(tfdc_take_f64(&in->values, false, &s->v[i]), TFDC_OK);
  }
}

static void free_series(struct series *s) {
  free(s->t);
  free(s->v);
}

/* ---- reading ---- */

/* NULL if the blob gives the input back bit for bit, else what is different. */
static const char *compare_series(const struct mebo_reader *r, const struct series *s) {
  size_t index;
  struct mebo_metric m;
  if (s->name[0] != '\0' ? !mebo_reader_find(r, s->name, &index) : !mebo_reader_find_id(r, s->id, &index))
    return "a metric is not found";
  mebo_reader_metric(r, index, &m);
  if (m.points != s->n || m.id != s->id) return "the number of points";
  int64_t *t = malloc(s->n * sizeof *t);
  double *v = malloc(s->n * sizeof *v);
  assert_true(t != NULL && v != NULL);
  const char *bad = NULL;
  if (mebo_reader_times(r, index, t, NULL) != TFDC_OK || memcmp(t, s->t, s->n * sizeof *t) != 0) bad = "time stamps";
  if (mebo_reader_values(r, index, v, NULL) != TFDC_OK || memcmp(v, s->v, s->n * sizeof *v) != 0) bad = "values";
  free(t);
  free(v);
  return bad;
}

static const char *compare_blob(struct input in, const uint8_t *blob, size_t size) {
  struct mebo_reader *r = NULL;
  static struct tfdc_error err;
  if (mebo_reader_open(blob, size, NULL, &r, &err) != TFDC_OK) return err.msg;
  const char *bad = mebo_reader_count(r) == in.metrics ? NULL : "the number of metrics";
  for (size_t i = 0; i < in.metrics && bad == NULL; i++) {
    struct series s;
    next_series(&in, &s);
    bad = compare_series(r, &s);
    free_series(&s);
  }
  mebo_reader_destroy(r);
  return bad;
}

/* ---- writing ---- */

static uint8_t code_of(const char *name) {
  static const struct {
    const char *name;
    uint8_t code;
  } codes[] = {{"raw", 1}, {"delta", 2}, {"gorilla", 3}, {"chimp", 4}, {"deltapacked", 5},
               {"alp", 6}, {"none", 1},  {"zstd", 2},    {"s2", 3},    {"lz4", 4}};
  for (size_t i = 0; i < TFDC_COUNT(codes); i++)
    if (strcmp(name, codes[i].name) == 0) return codes[i].code;
  return 0;
}

static struct options options_of(const struct row *row) {
  char *const *c = row->column;
  return (struct options){.numeric = strcmp(c[1], "numeric") == 0,
                          .tags = strcmp(c[10], "true") == 0,
                          .o = {.layout = (uint8_t)number(c[3]),
                                .shared_timestamps = strcmp(c[4], "true") == 0,
                                .big_endian = strcmp(c[5], "big") == 0,
                                .ts_encoding = code_of(c[6]),
                                .value_encoding = code_of(c[7]),
                                .ts_compression = code_of(c[8]),
                                .value_compression = code_of(c[9]),
                                .zstd_level = 1,
                                .start_us = strtoll(c[11], NULL, 10)}};
}

static bool in_scope(const struct options *o) {
  return o->numeric && mebo_ts_supported(o->o.ts_encoding) && mebo_value_supported(o->o.value_encoding) &&
         mebo_compression_supported(o->o.ts_compression) && mebo_compression_supported(o->o.value_compression);
}

static void write_blob(struct input in, const struct mebo_options *o, struct tfdc_buf *out) {
  struct mebo_writer *w = NULL;
  assert_int_equal(mebo_writer_create(o, &w, NULL), TFDC_OK);
  for (size_t i = 0; i < in.metrics; i++) {
    struct series s;
    next_series(&in, &s);
    struct tfdc_error err = {0};
    tfdc_rc rc = s.name[0] != '\0' ? mebo_writer_add(w, s.name, s.n, s.t, s.v, &err)
                                   : mebo_writer_add_id(w, s.id, s.n, s.t, s.v, &err);
    if (rc != TFDC_OK) fail_msg("%s", err.msg);
    free_series(&s);
  }
  assert_int_equal(mebo_writer_finish(w, out, NULL), TFDC_OK);
  mebo_writer_destroy(w);
}

struct offsets {
  uint32_t index, ts, values, tags;
};

static struct offsets offsets_of(const uint8_t *blob, size_t size, bool big) {
  struct tfdc_cursor c = {.data = blob, .size = size, .pos = 16};
  struct offsets o;
  assert_int_equal(tfdc_take_u32(&c, big, &o.index), TFDC_OK);
  assert_int_equal(tfdc_take_u32(&c, big, &o.ts), TFDC_OK);
  assert_int_equal(tfdc_take_u32(&c, big, &o.values), TFDC_OK);
  assert_int_equal(tfdc_take_u32(&c, big, &o.tags), TFDC_OK);
  assert_true(o.index <= o.ts && o.ts <= o.values && o.values <= o.tags && o.tags <= size);
  return o;
}

static bool same_payload(uint8_t type, const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n) {
  struct mebo_payload x, y;
  assert_int_equal(mebo_decompress(type, a, a_n, MEBO_MAX_PAYLOAD, &x, NULL), TFDC_OK);
  assert_int_equal(mebo_decompress(type, b, b_n, MEBO_MAX_PAYLOAD, &y, NULL), TFDC_OK);
  bool same = x.size == y.size && (x.size == 0 || memcmp(x.data, y.data, x.size) == 0);
  free(x.owned);
  free(y.owned);
  return same;
}

/* Rule "sections" of the corpus: all but compressed bytes and the offsets that follow from them. */
static const char *compare_sections(const struct mebo_options *o, const uint8_t *golden, size_t golden_n,
                                    const struct tfdc_buf *ours) {
  struct offsets g = offsets_of(golden, golden_n, o->big_endian);
  struct offsets u = offsets_of(ours->data, ours->size, o->big_endian);
  if (memcmp(golden, ours->data, 20) != 0) return "header";
  if (g.ts != u.ts || memcmp(golden + 32, ours->data + 32, g.ts - 32) != 0) return "index";
  if (!same_payload(o->ts_compression, golden + g.ts, g.values - g.ts, ours->data + u.ts, u.values - u.ts))
    return "time stamps";
  if (!same_payload(o->value_compression, golden + g.values, g.tags - g.values, ours->data + u.values,
                    u.tags - u.values))
    return "values";
  return NULL;
}

static const char *compare_written(struct input in, const struct options *o, bool bytes, const uint8_t *golden,
                                   size_t golden_n) {
  struct tfdc_buf ours = {0};
  write_blob(in, &o->o, &ours);
  const char *bad = NULL;
  if (!bytes)
    bad = compare_sections(&o->o, golden, golden_n, &ours);
  else if (ours.size != golden_n || memcmp(ours.data, golden, golden_n) != 0)
    bad = "bytes";
  tfdc_buf_deinit(&ours);
  return bad;
}

/* ---- the cases ---- */

struct tally {
  size_t read, unharmed, refused, written_bytes, written_sections, out_of_scope, failed;
};

/* Old versions wrote wrong time stamps (D7). A D6 case with the same time stamp payload has that defect too. */
static bool times_are_lost(const struct corpus *c, const char *ts_sha256) {
  struct file copy = copy_of(c->cases_tsv);
  char *text = (char *)copy.data;
  bool lost = false;
  for (struct row row; !lost && next_row(&text, &row);)
    lost = strcmp(row.column[13], "D7") == 0 && strcmp(row.column[18], ts_sha256) == 0;
  free(copy.data);
  return lost;
}

static void run_case(const struct corpus *c, const struct row *row, struct tally *t) {
  char *const *column = row->column;
  struct options o = options_of(row);
  const uint8_t *blob = c->blobs.data + number(column[15]);
  size_t size = number(column[16]);
  const char *defect = column[13];
  if (!in_scope(&o)) {
    t->out_of_scope++;
    assert_int_equal(mebo_validate(blob, size, NULL, NULL), TFDC_E_UNSUPPORTED);
    return;
  }
  if (strncmp(defect, "D6", 2) == 0 || strncmp(defect, "D7", 2) == 0) {
    if (times_are_lost(c, column[18])) {
      t->unharmed++;
      (void)(mebo_validate(blob, size, NULL, NULL) == TFDC_OK);
      return;
    }
  }
  struct input in = find_input(c, column[2]);
  const char *bad = compare_blob(in, blob, size);
  if (strcmp(defect, "D3") == 0) { /* ours has the names in index order and is read */
    struct tfdc_buf ours = {0};
    write_blob(in, &o.o, &ours);
    assert_null(compare_blob(in, ours.data, ours.size));
    tfdc_buf_deinit(&ours);
  }
  if (bad != NULL && strcmp(defect, "D3") == 0) { /* names not in index order: refused, as the format says */
    assert_int_equal(mebo_validate(blob, size, NULL, NULL), TFDC_E_MALFORMED);
    t->refused++;
    return;
  }
  if (bad != NULL) {
    printf("case %s (%s %s) read: %s\n", column[0], column[2], defect, bad);
    t->failed++;
    return;
  }
  t->read++;
  bool tags = (blob[0] & 1) != 0, decode_only = strcmp(column[12], "decode-only") == 0;
  if (tags || decode_only || strstr(defect, "D3") != NULL) return;
  bool bytes = strcmp(column[12], "bytes") == 0;
  bad = compare_written(in, &o, bytes, blob, size);
  if (bad != NULL) {
    printf("case %s (%s) written: differs in %s\n", column[0], column[2], bad);
    t->failed++;
    return;
  }
  if (bytes)
    t->written_bytes++;
  else
    t->written_sections++;
}

static void each_case_is_read_and_rewritten(void **state) {
  const struct corpus *c = *state;
  need_corpus(c);
  struct file copy = copy_of(c->cases_tsv);
  char *text = (char *)copy.data;
  struct tally t = {0};
  struct row row;
  assert_true(next_row(&text, &row));
  while (next_row(&text, &row)) run_case(c, &row, &t);
  free(copy.data);
  printf("golden cases: %zu read, %zu refused (D3), %zu whose times are lost (D7), %zu written to equal bytes, "
         "%zu to equal sections, %zu out of scope\n",
         t.read, t.refused, t.unharmed, t.written_bytes, t.written_sections, t.out_of_scope);
  assert_int_equal(t.failed, 0);
  /* What is proven may grow, never shrink. */
  assert_true(t.read >= 842 && t.written_bytes >= 654 && t.written_sections >= 22 && t.out_of_scope <= 239);
}

/* ---- broken blobs ---- */

/* Largest single allocation since it was set to 0 (the linker sends malloc, calloc and realloc here). */
static size_t largest;
void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n) {
  if (n > largest) largest = n;
  return __real_malloc(n);
}
void *__wrap_calloc(size_t count, size_t n) {
  if (n > 0 && count > largest / n) largest = count * n;
  return __real_calloc(count, n);
}
void *__wrap_realloc(void *p, size_t n) {
  if (n > largest) largest = n;
  return __real_realloc(p, n);
}

struct verdicts {
  size_t accepted, rejected, tolerated, refused, unharmed, out_of_scope, failed;
};

/* The case that a broken blob was made from: "n1081 with a 32-byte index". False if there is none in scope. */
static bool base_of(const struct corpus *c, const char *base, struct input *ret, bool *ret_d5) {
  struct file copy = copy_of(c->cases_tsv);
  char *text = (char *)copy.data;
  size_t n = strcspn(base, " ");
  bool found = false;
  for (struct row row; !found && next_row(&text, &row);) {
    if (strlen(row.column[0]) != n || strncmp(row.column[0], base, n) != 0) continue;
    struct options o = options_of(&row);
    if (!in_scope(&o)) break;
    *ret = find_input(c, row.column[2]);
    *ret_d5 = strcmp(row.column[13], "D5") == 0;
    found = true;
  }
  free(copy.data);
  return found;
}

static const char *judge_broken(const char *advice, const struct input *base, bool d5, struct file blob,
                                struct verdicts *v) {
  largest = 0;
  tfdc_rc rc = mebo_validate(blob.data, blob.size, NULL, NULL);
  if (largest > ((size_t)1 << 20) + 1024 * blob.size) return "too much memory";
  bool read_right = rc == TFDC_OK && base != NULL && compare_blob(*base, blob.data, blob.size) == NULL;
  if (base == NULL) {
    v->out_of_scope++;
    return NULL;
  }
  if (strcmp(advice, "accept") == 0) {
    v->accepted++;
    return read_right ? NULL : "not read";
  }
  if (strcmp(advice, "reject") == 0) {
    v->rejected++;
    return rc != TFDC_OK ? NULL : "not rejected";
  }
  if (strcmp(advice, "tolerate") == 0) {
    if (rc != TFDC_OK)
      v->refused++;
    else
      v->tolerated++;
    /* D5: the original saw only one of the colliding metrics and so missed what changed in the other. */
    return rc != TFDC_OK || read_right || d5 ? NULL : "read wrong";
  }
  v->unharmed++;
  return NULL;
}

static void each_broken_blob_is_treated_as_advised(void **state) {
  const struct corpus *c = *state;
  need_corpus(c);
  struct file copy = copy_of(c->invalid_tsv);
  char *text = (char *)copy.data;
  struct verdicts v = {0};
  struct row row;
  size_t total = 0;
  assert_true(next_row(&text, &row));
  for (; next_row(&text, &row); total++) {
    struct input base = {0};
    size_t size = number(row.column[9]);
    bool d5 = false, in_scope_base = base_of(c, row.column[1], &base, &d5);
    uint8_t *blob = malloc(size + 1); /* of its own, so that sanitizers see reads outside */
    assert_non_null(blob);
    memcpy(blob, c->invalid.data + number(row.column[8]), size);
    const char *bad = judge_broken(row.column[4], in_scope_base ? &base : NULL, d5, (struct file){blob, size}, &v);
    if (bad != NULL) {
      printf("%s (%s: %s; %s): %s\n", row.column[0], row.column[2], row.column[3], row.column[4], bad);
      v.failed++;
    }
    free(blob);
  }
  free(copy.data);
  printf("broken blobs: %zu, of which %zu read (accept), %zu rejected, %zu tolerated and %zu refused (tolerate), "
         "%zu unharmed (no-crash), %zu out of scope\n",
         total, v.accepted, v.rejected, v.tolerated, v.refused, v.unharmed, v.out_of_scope);
  assert_int_equal(v.failed, 0);
  assert_true(v.accepted >= 2 && v.rejected >= 267 && v.tolerated >= 11 && v.out_of_scope <= 202);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_case_is_read_and_rewritten),
      cmocka_unit_test(each_broken_blob_is_treated_as_advised),
  };
  return cmocka_run_group_tests(tests, open_corpus, close_corpus);
}
