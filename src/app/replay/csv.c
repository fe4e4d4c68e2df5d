/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/csv.h"

#include <stdlib.h>
#include <string.h>

enum { READ_AT_ONCE = 1 << 16, BUFFER_FIRST = 2 * READ_AT_ONCE, BUFFER_MAX = CSV_RECORD_MAX + READ_AT_ONCE };

struct csv {
  csv_read_fn *read;
  void *user;
  char separator;
  bool eof, begun;
  int64_t line; /* of buf[at] */
  uint64_t used;
  size_t at, end;           /* the unread part of buf */
  size_t size;              /* of both buffers; grows to BUFFER_MAX for long records */
  char *buf;                /* owned */
  char *plain;              /* owned: fields without their doubled quotes */
  struct csv_field *fields; /* owned, CSV_FIELDS_MAX */
};

/* One record in the buffer. */
struct span {
  size_t n;     /* without the line end */
  size_t whole; /* with it */
  int64_t lines;
  const char *bad;
};

tfdc_rc csv_create(csv_read_fn *read, void *user, char separator, struct csv **ret, struct tfdc_error *err) {
  TFDC_ASSERT(separator != '"' && separator != '\n' && separator != '\r' && separator != '\0');
  struct csv *c = calloc(1, sizeof *c);
  if (c != NULL) {
    c->size = BUFFER_FIRST;
    c->buf = malloc(c->size);
    c->plain = malloc(c->size);
    c->fields = malloc(CSV_FIELDS_MAX * sizeof *c->fields);
  }
  if (c == NULL || c->buf == NULL || c->plain == NULL || c->fields == NULL) {
    csv_destroy(c);
    return tfdc_fail(err, TFDC_E_NOMEM, "no memory for a CSV reader");
  }
  c->read = read;
  c->user = user;
  c->separator = separator;
  c->line = 1;
  *ret = c;
  return TFDC_OK;
}

void csv_destroy(struct csv *c) {
  if (c == NULL) return;
  free(c->buf);
  free(c->plain);
  free(c->fields);
  free(c);
}

uint64_t csv_bytes(const struct csv *c) { return c->used; }

/* Room for a longer record. */
static tfdc_rc grow(struct csv *c, struct tfdc_error *err) {
  size_t size = 2 * c->size < BUFFER_MAX ? 2 * c->size : BUFFER_MAX;
  char *buf = realloc(c->buf, size);
  if (buf != NULL) c->buf = buf;
  char *plain = buf != NULL ? realloc(c->plain, size) : NULL;
  if (plain == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for a long record");
  c->plain = plain;
  c->size = size;
  return TFDC_OK;
}

/* More bytes behind those that are there; nothing when the buffer is full or the file ends. */
static tfdc_rc fill(struct csv *c, struct tfdc_error *err) {
  if (c->at > 0) {
    memmove(c->buf, c->buf + c->at, c->end - c->at);
    c->end -= c->at;
    c->at = 0;
  }
  size_t n = 0;
  if (c->eof || c->end == BUFFER_MAX) return TFDC_OK;
  if (c->end == c->size) TFDC_TRY(grow(c, err));
  TFDC_TRY(c->read(c->user, c->buf + c->end, c->size - c->end, &n, err));
  TFDC_ASSERT(n <= c->size - c->end);
  c->end += n;
  c->eof = n == 0;
  return TFDC_OK;
}

static void consume(struct csv *c, size_t n, int64_t lines) {
  c->at += n;
  c->used += n;
  c->line += lines;
}

/* Length of the line end at s[i]: 1 or 2; 0 = a CR whose successor is not read yet. */
static size_t line_end(const struct csv *c, const char *s, size_t i, size_t n) {
  if (s[i] == '\n') return 1;
  if (i + 1 < n) return s[i + 1] == '\n' ? 2 : 1;
  return c->eof ? 1 : 0;
}

/* The first line of the buffer, whatever quotes it holds. False: it does not end in the buffer. */
static bool find_line(const struct csv *c, struct span *ret) {
  const char *s = c->buf + c->at;
  size_t n = c->end - c->at, i = 0;
  while (i < n && s[i] != '\n' && s[i] != '\r') i++;
  if (i == n && !c->eof) return false;
  size_t ending = i < n ? line_end(c, s, i, n) : 0;
  if (i < n && ending == 0) return false;
  *ret = (struct span){.n = i, .whole = i + ending, .lines = ending > 0};
  return true;
}

/* The first record of the buffer: line ends inside quotes belong to it. False: it does not end in the buffer. */
static bool find_record(const struct csv *c, struct span *ret) {
  const char *s = c->buf + c->at;
  size_t n = c->end - c->at;
  int64_t lines = 0;
  bool quoted = false, field_begins = true;
  for (size_t i = 0; i < n; i++) {
    char b = s[i];
    if (quoted) {
      if (b == '"') quoted = false; /* of a doubled one the second opens again */
      lines += b == '\n' || (b == '\r' && (i + 1 >= n || s[i + 1] != '\n'));
      field_begins = b == '"';
    } else if (b == '"' && field_begins) {
      quoted = true;
    } else if (b == '\n' || b == '\r') {
      size_t ending = line_end(c, s, i, n);
      if (ending == 0) return false;
      *ret = (struct span){.n = i, .whole = i + ending, .lines = lines + 1};
      return true;
    } else {
      field_begins = b == c->separator;
    }
  }
  if (!c->eof) return false;
  *ret = (struct span){.n = n, .whole = n, .lines = lines, .bad = quoted ? "its quote is never closed" : NULL};
  return true;
}

/* Room for one more field, or NULL. */
static struct csv_field *add_field(struct csv *c, size_t *n) { return *n < CSV_FIELDS_MAX ? &c->fields[(*n)++] : NULL; }

/* The quoted field that begins at s[*at]; moves *at to its separator or the end. Text or NULL as `bad` of a record. */
static const char *take_quoted(struct csv *c, const char *s, size_t n, size_t *at, size_t *plain_n,
                               struct csv_field *ret) {
  size_t begin = *at + 1, i = begin, kept = *plain_n;
  bool doubled = false;
  for (; i < n; i++) {
    if (s[i] == '"') {
      if (i + 1 >= n || s[i + 1] != '"') break;
      doubled = true;
      i++;
    }
    c->plain[(*plain_n)++] = s[i];
  }
  if (i >= n) return "its quote is never closed";
  *ret = (struct csv_field){.s = doubled ? c->plain + kept : s + begin, .n = *plain_n - kept, .quoted = true};
  if (!doubled) *plain_n = kept;
  *at = i + 1;
  return *at < n && s[*at] != c->separator ? "something stands behind a closing quote" : NULL;
}

/* Splits a record into its fields; text or NULL as `bad`. */
static const char *split(struct csv *c, const char *s, size_t n, size_t *ret_n) {
  size_t at = 0, count = 0, plain_n = 0;
  if (memchr(s, '\0', n) != NULL) return "a NUL byte stands in it";
  for (;;) {
    struct csv_field *f = add_field(c, &count);
    if (f == NULL) return "more than 8192 fields";
    if (at < n && s[at] == '"') {
      const char *bad = take_quoted(c, s, n, &at, &plain_n, f);
      if (bad != NULL) return bad;
    } else {
      const char *sep = memchr(s + at, c->separator, n - at);
      size_t end = sep != NULL ? (size_t)(sep - s) : n;
      *f = (struct csv_field){.s = s + at, .n = end - at};
      at = end;
    }
    if (at >= n) break;
    at++;
  }
  *ret_n = count;
  return NULL;
}

/* A line that does not fit: dropped up to its end. */
static tfdc_rc drop_long_line(struct csv *c, struct csv_record *ret, struct tfdc_error *err) {
  struct span line;
  enum { SHOWN = 200 };
  ret->bad = "longer than 1 MiB";
  memcpy(c->plain, c->buf + c->at, SHOWN);
  ret->raw = c->plain;
  ret->raw_n = SHOWN;
  while (!find_line(c, &line)) {
    bool cr = c->buf[c->end - 1] == '\r'; /* stays: its LF may come */
    consume(c, c->end - c->at - cr, 0);
    TFDC_TRY(fill(c, err));
  }
  consume(c, line.whole, line.lines);
  return TFDC_OK;
}

/* The record at the front of the buffer; *ret_have = false: more must be read first. */
static tfdc_rc take_record(struct csv *c, struct csv_record *ret, bool *ret_have, struct tfdc_error *err) {
  struct span span = {0}, line;
  bool full = c->end - c->at >= CSV_RECORD_MAX, found = find_record(c, &span);
  *ret_have = found || full;
  if (!*ret_have) return TFDC_OK;
  *ret = (struct csv_record){.line = c->line, .raw = c->buf + c->at};
  if (!found || span.n > CSV_RECORD_MAX) {
    bool one_line = find_line(c, &line) && line.n <= CSV_RECORD_MAX;
    if (!one_line) return drop_long_line(c, ret, err);
    span.bad = "its quote is not closed within 1 MiB";
  }
  ret->bad = span.bad != NULL ? span.bad : split(c, ret->raw, span.n, &ret->n);
  /* an open quote must not swallow the lines behind it */
  if (ret->bad != NULL && find_line(c, &line)) span = line;
  ret->fields = c->fields;
  ret->raw_n = span.n;
  consume(c, span.whole, span.lines);
  return TFDC_OK;
}

static tfdc_rc skip_mark(struct csv *c, struct tfdc_error *err) {
  static const char bom[] = "\xef\xbb\xbf";
  c->begun = true;
  while (c->end - c->at < 3 && !c->eof) TFDC_TRY(fill(c, err));
  if (c->end - c->at >= 3 && memcmp(c->buf + c->at, bom, 3) == 0) consume(c, 3, 0);
  return TFDC_OK;
}

tfdc_rc csv_skip_lines(struct csv *c, uint32_t n, struct tfdc_error *err) {
  if (!c->begun) TFDC_TRY(skip_mark(c, err));
  struct csv_record ignored;
  for (uint32_t i = 0; i < n && (c->at < c->end || !c->eof);) {
    struct span line;
    if (find_line(c, &line)) {
      consume(c, line.whole, line.lines);
      i++;
    } else if (c->end - c->at >= CSV_RECORD_MAX) {
      TFDC_TRY(drop_long_line(c, &ignored, err));
      i++;
    } else {
      TFDC_TRY(fill(c, err));
    }
  }
  return TFDC_OK;
}

tfdc_rc csv_next(struct csv *c, struct csv_record *ret, bool *ret_more, struct tfdc_error *err) {
  if (!c->begun) TFDC_TRY(skip_mark(c, err));
  for (;;) {
    bool have = false;
    if (c->at == c->end) {
      TFDC_TRY(fill(c, err));
      if (c->at == c->end && c->eof) break;
      continue;
    }
    TFDC_TRY(take_record(c, ret, &have, err));
    if (!have) TFDC_TRY(fill(c, err));
    if (!have || (ret->bad == NULL && ret->raw_n == 0)) continue;
    *ret_more = true;
    return TFDC_OK;
  }
  *ret_more = false;
  return TFDC_OK;
}
