/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/input.h"

#include "app/cli.h"
#include "app/in_file.h"
#include "app/replay/guess.h"
#include "app/text_out.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_BYTES = 1 << 16, ROWS_PER_LOOK = 1024 };

/* ---- bytes ---- */

static tfdc_rc io_error(const char *path, struct tfdc_error *err) {
  tfdc_rc rc = errno == ENOENT || errno == ENOTDIR ? TFDC_E_NOT_FOUND : TFDC_E_IO;
  return tfdc_fail(err, rc, "%s: %s", path, strerror(errno));
}

static tfdc_rc read_fd(int fd, const char *path, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  ssize_t got;
  do got = read(fd, buf, n);
  while (got < 0 && errno == EINTR);
  if (got < 0) return io_error(path, err);
  *ret_n = (size_t)got;
  return TFDC_OK;
}

static tfdc_rc read_input(void *user, void *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  const struct input *in = user;
  return read_fd(in->fd, in->path, buf, n, ret_n, err);
}

static tfdc_rc rewind_input(const struct input *in, struct tfdc_error *err) {
  if (lseek(in->fd, 0, SEEK_SET) == 0) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "%s is read twice, so it must be a file, not a pipe", in->path);
}

/* At most n bytes of a file, fewer at its end. */
static tfdc_rc read_begin(int fd, const char *path, char *buf, size_t n, size_t *ret_n, struct tfdc_error *err) {
  size_t have = 0, got = 1;
  while (have < n && got > 0) {
    TFDC_TRY(read_fd(fd, path, buf + have, n - have, &got, err));
    have += got;
  }
  *ret_n = have;
  return TFDC_OK;
}

/* ---- the map ---- */

/* Where the lines begin that separator and decimal sign are seen from. */
static size_t skip_lines(const char *text, size_t n, uint32_t lines) {
  size_t at = 0;
  for (uint32_t i = 0; i < lines; i++) {
    const char *end = memchr(text + at, '\n', n - at);
    if (end == NULL) return n;
    at = (size_t)(end - text) + 1;
  }
  return at;
}

static tfdc_rc given_map(struct input *in, const char *path, const char *begin, size_t begin_n,
                         struct tfdc_error *err) {
  struct tfdc_buf text = {0};
  struct csv_look look;
  TFDC_TRY(in_file_read(path, &text, err));
  tfdc_rc rc = map_from_yaml((const char *)text.data, text.size - 1, &in->mem, &in->map, err);
  tfdc_buf_deinit(&text);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "%s", path);
  size_t skipped = skip_lines(begin, begin_n, in->map.skip_lines);
  TFDC_TRY(csv_look_at(begin + skipped, begin_n - skipped, &look, err));
  if (in->map.separator == MAP_SEP_AUTO) in->map.separator = map_separator_of(look.separator);
  if (in->map.decimal == MAP_DEC_AUTO) in->map.decimal = look.decimal_comma ? MAP_DEC_COMMA : MAP_DEC_POINT;
  return TFDC_OK;
}

static tfdc_rc guessed_map(struct input *in, const char *begin, size_t begin_n, struct tfdc_error *err) {
  struct csv_look look;
  TFDC_TRY(csv_look_at(begin, begin_n, &look, err));
  TFDC_TRY(rewind_input(in, err));
  return guess_map(read_input, in, &look, &in->mem, &in->map, &in->notes, err);
}

static tfdc_rc find_map(struct input *in, const char *map_path, char *begin, struct tfdc_error *err) {
  size_t n = 0;
  TFDC_TRY(read_begin(in->fd, in->path, begin, LOOK_BYTES, &n, err));
  if (map_path != NULL) TFDC_TRY(given_map(in, map_path, begin, n, err));
  if (map_path == NULL) {
    tfdc_rc rc = guessed_map(in, begin, n, err);
    if (rc != TFDC_OK) return tfdc_wrap(err, rc, "%s", in->path);
  }
  in->dropped = tfdc_arena_alloc(&in->mem, (in->map.n_drop + 1) * sizeof *in->dropped);
  return in->dropped != NULL ? TFDC_OK : tfdc_fail(err, TFDC_E_NOMEM, "no memory for the map");
}

tfdc_rc input_open(struct input *in, const char *path, const char *map_path, struct tfdc_error *err) {
  struct stat st;
  *in = (struct input){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC), .mem = {.limit = (size_t)64 << 20}};
  if (in->fd < 0) return io_error(path, err);
  if (fstat(in->fd, &st) != 0) return io_error(path, err);
  if (S_ISDIR(st.st_mode)) return tfdc_fail(err, TFDC_E_USAGE, "%s is a directory", path);
  in->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
  TFDC_TRY(rewind_input(in, err));
  char *begin = malloc(LOOK_BYTES);
  if (begin == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory to look at the file");
  tfdc_rc rc = find_map(in, map_path, begin, err);
  free(begin);
  return rc;
}

void input_close(struct input *in) {
  if (in->fd >= 0) (void)close(in->fd);
  in->fd = -1;
  tfdc_arena_deinit(&in->mem);
}

/* ---- lines that cannot be used ---- */

void bad_lines_note(struct bad_lines *b, const struct source_row *row, const char *why) {
  if (b->n < INPUT_BAD_SHOWN) {
    b->first[b->n].line = row->line;
    (void)snprintf(b->first[b->n].why, sizeof b->first[b->n].why, "%s", why);
    (void)fprintf(stderr, "%s:%" PRId64 ": ", b->file, row->line);
    text_print(stderr, why);
    (void)fprintf(stderr, "; not used\n");
  }
  b->n++;
  if (b->all == NULL) return;
  (void)fprintf(b->all, "%" PRId64 "\t%s\t", row->line, why);
  (void)fwrite(row->raw, 1, row->raw_n, b->all);
  (void)fputc('\n', b->all);
}

tfdc_rc bad_lines_end(struct bad_lines *b, struct tfdc_error *err) {
  if (b->n > INPUT_BAD_SHOWN) {
    (void)fprintf(stderr, "%s: and %" PRIu64 " more lines that are not used%s\n", b->file, b->n - INPUT_BAD_SHOWN,
                  b->all == NULL ? "; --bad-lines FILE writes them all down" : "");
  }
  return b->all != NULL ? text_flush(b->all, err) : TFDC_OK;
}

/* ---- a reading ---- */

static tfdc_rc take_row(struct input *in, const struct input_visit *v, const struct source_row *row,
                        struct tfdc_error *err) {
  const char *bad = v->again ? NULL : row->bad;
  in->rows++;
  if (row->kind == SOURCE_DROPPED) in->dropped[row->rule]++;
  if (row->kind == SOURCE_ROW) TFDC_TRY(v->row(v->user, row, &bad, err));
  if (bad != NULL) bad_lines_note(v->bad, row, bad);
  return TFDC_OK;
}

static tfdc_rc read_rows(struct input *in, const struct input_visit *v, struct source *s, struct tfdc_error *err) {
  struct cli_progress progress;
  tfdc_rc rc = TFDC_OK;
  cli_progress_begin(&progress, v->what);
  for (;;) {
    struct source_row row;
    bool more;
    rc = source_next(s, &row, &more, err);
    if (rc == TFDC_OK && more) rc = take_row(in, v, &row, err);
    if (rc != TFDC_OK || !more) break;
    if (in->rows % ROWS_PER_LOOK == 0)
      cli_progress_update(&progress, (double)source_bytes(s) / 1e6, (double)in->size / 1e6);
  }
  cli_progress_end(&progress);
  return rc;
}

tfdc_rc input_read(struct input *in, const struct input_visit *v, struct tfdc_error *err) {
  struct source *s;
  TFDC_TRY(rewind_input(in, err));
  tfdc_rc rc = source_open(read_input, in, &in->map, &s, err);
  if (rc != TFDC_OK) return tfdc_wrap(err, rc, "%s", in->path);
  in->rows = 0;
  memset(in->dropped, 0, (in->map.n_drop + 1) * sizeof *in->dropped);
  if (v->opened != NULL) rc = v->opened(v->user, s, err);
  if (rc == TFDC_OK) rc = read_rows(in, v, s, err);
  source_close(s);
  return rc;
}
