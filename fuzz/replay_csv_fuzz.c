/* SPDX-License-Identifier: Apache-2.0
 * A CSV of any bytes (the first byte is the size of a read): every line is accounted for, fields stay inside the file
 * or the reader, the look at it and the guess of a map never fail badly, a guessed map reads the file, and both
 * readings see the same runs. */
#include "app/replay/assemble.h"
#include "app/replay/guess.h"
#include "model/codec.h"

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

/* Runs that were begun, and points, for what comes back to be checked. */
struct tally {
  uint64_t begun, ended, points;
};
static tfdc_rc on_start(void *user, const struct model_context *c, uint64_t *ret_handle, struct tfdc_error *err) {
  struct tally *t = user;
  TFDC_ASSERT(model_context_validate(c, err) == TFDC_OK);
  *ret_handle = ++t->begun;
  return TFDC_OK;
}
static tfdc_rc on_send(void *user, uint64_t handle, const struct model_hub_msg *msg, struct tfdc_error *err) {
  struct tally *t = user;
  (void)err;
  TFDC_ASSERT(handle <= t->begun);
  if (msg->block != NULL) t->points += msg->block->points;
  model_block_unref(msg->block);
  return TFDC_OK;
}
static tfdc_rc on_end(void *user, uint64_t handle, const struct plan_run *run, struct tfdc_error *err) {
  struct tally *t = user;
  (void)handle;
  (void)err;
  TFDC_ASSERT(run->seen == run->rows && run->end_us >= run->start_us);
  t->ended++;
  return TFDC_OK;
}

/* One reading; a NULL: the first. */
static tfdc_rc read_rows(struct source *s, struct plan *p, struct assemble *a) {
  struct source_row row;
  bool more = true;
  for (int64_t line = 0;; line = row.line) {
    struct plan_run *run;
    const char *bad = NULL;
    TFDC_TRY(source_next(s, &row, &more, NULL));
    if (!more) return TFDC_OK;
    TFDC_ASSERT(row.line > line && (row.kind == SOURCE_BAD) == (row.bad != NULL));
    if (row.kind != SOURCE_ROW) continue;
    TFDC_TRY(a != NULL ? assemble_take(a, &row, &bad, NULL) : plan_take(p, &row, &run, &bad, NULL));
  }
}

static void send_runs(struct file f, const struct replay_map *map, struct plan *p) {
  struct tally t = {0};
  const struct assemble_sink sink = {&t, on_start, on_send, on_end};
  struct assemble *a = NULL;
  struct source *s = NULL;
  if (source_open(read_file, &f, map, &s, NULL) != TFDC_OK) return;
  if (assemble_create(p, &sink, &a, NULL) == TFDC_OK && read_rows(s, p, a) == TFDC_OK) {
    TFDC_ASSERT(assemble_finish(a, NULL) == TFDC_OK);
    TFDC_ASSERT(t.begun == p->n_runs && t.ended == p->n_runs && t.points == assemble_points(a));
  }
  assemble_destroy(a);
  source_close(s);
}

/* Both readings, as a replay has them. */
static void read_runs(struct file f, const struct replay_map *map) {
  struct file again = f;
  struct source *s;
  struct plan p;
  if (source_open(read_file, &again, map, &s, NULL) != TFDC_OK) return;
  tfdc_rc rc = plan_init(&p, map, s, NULL);
  if (rc == TFDC_OK) {
    rc = read_rows(s, &p, NULL);
    if (rc == TFDC_OK) rc = plan_finish(&p, NULL);
  }
  source_close(s);
  if (rc == TFDC_OK) send_runs(f, map, &p);
  plan_deinit(&p);
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
    if (rc == TFDC_OK) read_runs(f, &map);
  }
  tfdc_arena_deinit(&mem);
  return 0;
}
