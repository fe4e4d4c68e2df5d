/* SPDX-License-Identifier: Apache-2.0
 * The file of a replay and its map, read as often as needed; what became of its lines. One thread. */
#ifndef APP_REPLAY_INPUT_H
#define APP_REPLAY_INPUT_H

#include "app/replay/source.h"

#include <stdio.h>

enum { INPUT_BAD_SHOWN = 20 };

/* Lines that could not be used, each with its number and why. */
struct bad_lines {
  const char *file;
  FILE *all; /* --bad-lines: gets every one; NULL = none */
  uint64_t n;
  struct {
    int64_t line;
    char why[160];
  } first[INPUT_BAD_SHOWN]; /* the first ones, which are on stderr too */
};

struct input {
  const char *path;
  int fd;
  uint64_t size;
  struct tfdc_arena mem; /* of the map */
  struct replay_map map; /* separator and decimal sign are known */
  const char *notes;     /* what the guess of the map saw; NULL: the map was given */
  uint64_t rows;         /* lines with data, of the last whole reading */
  uint64_t *dropped;     /* of them, by rule; the last: SVIDs that the map does not have */
};

/* map_path NULL: a map is guessed. path is borrowed. NOT_FOUND, IO, UNSUPPORTED (compressed, UTF-16), USAGE (cannot be
 * read twice), and the errors of the map, which begin with its path. Close it in any case. */
TFDC_MUST_USE tfdc_rc input_open(struct input *in, const char *path, const char *map_path, struct tfdc_error *err);
void input_close(struct input *in);

/* The whole file from its begin. row() gets each row of kind SOURCE_ROW; *ret_bad says why it is not used (NULL = it
 * is). opened() gets the source before the first row; may be NULL. again: lines that are no row were reported by an
 * earlier reading. */
struct input_visit {
  void *user;
  tfdc_rc (*opened)(void *user, const struct source *s, struct tfdc_error *err);
  tfdc_rc (*row)(void *user, const struct source_row *row, const char **ret_bad, struct tfdc_error *err);
  struct bad_lines *bad;
  bool again;
  const char *what; /* of the progress: "MB read" */
};
TFDC_MUST_USE tfdc_rc input_read(struct input *in, const struct input_visit *v, struct tfdc_error *err);

void bad_lines_note(struct bad_lines *b, const struct source_row *row, const char *why);
/* After the last reading: how many more there are than were shown. IO: --bad-lines could not be written. */
TFDC_MUST_USE tfdc_rc bad_lines_end(struct bad_lines *b, struct tfdc_error *err);

#endif
