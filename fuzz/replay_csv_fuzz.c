/* SPDX-License-Identifier: Apache-2.0
 * A CSV of any bytes (the first byte is the size of a read): every line is accounted for, fields stay inside the file
 * or the reader, the look at it and the guess of a map never fail badly, and a guessed map reads the file. */
#include "app/replay/guess.h"
#include "app/replay/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file {
  const uint8_t *data;
  size_t n, at, piece;
};
static tfdc_rc read_file(void *user, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  struct file *f = user;
  (void)err;
  if (n > f->piece) n = f->piece;
  if (n > f->n - f->at) n = f->n - f->at;
  if (n > 0) memcpy(buf, f->data + f->at, n);
  f->at += n;
  *ret_n = n;
  return TFDC_OK;
}

static void read_records(struct file f, char separator) {
  struct csv *c;
  struct csv_record r;
  bool more = true;
  int64_t line = 0;
  uint64_t sum = 0;
  if (csv_create(read_file, &f, separator, &c, NULL) != TFDC_OK) return;
  while (csv_next(c, &r, &more, NULL) == TFDC_OK && more) {
    TFDC_ASSERT(r.line > line && (r.bad != NULL) == (r.n == 0));
    line = r.line;
    for (size_t i = 0; i < r.n; i++)
      for (size_t k = 0; k < r.fields[i].n; k++) sum += (uint8_t)r.fields[i].s[k];
    for (size_t k = 0; k < r.raw_n; k++) sum += (uint8_t)r.raw[k];
  }
  TFDC_ASSERT(csv_bytes(c) == f.n && sum != UINT64_MAX);
  csv_destroy(c);
}

static void read_rows(struct file f, const struct replay_map *map) {
  struct source *s;
  struct source_row row;
  bool more = true;
  int64_t line = 0;
  if (source_open(read_file, &f, map, &s, NULL) != TFDC_OK) return;
  while (source_next(s, &row, &more, NULL) == TFDC_OK && more) {
    TFDC_ASSERT(row.line > line && (row.kind == SOURCE_BAD) == (row.bad != NULL));
    line = row.line;
  }
  source_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct file f = {.data = data + 1, .n = size - 1, .piece = (size_t)data[0] + 1};
  struct csv_look look;
  struct tfdc_arena mem = {0};
  struct replay_map map;
  const char *notes;
  struct tfdc_error err = {0};
  read_records(f, ',');
  if (csv_look_at((const char *)f.data, f.n, &look, &err) != TFDC_OK) return 0;
  read_records(f, look.separator);
  struct file again = f;
  if (guess_map(read_file, &again, &look, &mem, &map, &notes, &err) == TFDC_OK) {
    struct tfdc_buf out = {0};
    TFDC_ASSERT(map_to_yaml(&map, &out) == TFDC_OK);
    tfdc_rc rc = map_from_yaml((const char *)out.data, out.size, &mem, &map, &err);
    TFDC_ASSERT(rc == TFDC_OK || rc == TFDC_E_DEFINITION);
    tfdc_buf_deinit(&out);
    if (rc == TFDC_OK) read_rows(f, &map);
  }
  tfdc_arena_deinit(&mem);
  return 0;
}
