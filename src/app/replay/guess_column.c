/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/guess_column.h"

#include "app/replay/guess.h"
#include "app/replay/source.h"
#include "app/replay/value.h"
#include "base/text.h"
#include "eq/eq.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static tfdc_rc nomem(struct tfdc_error *err) { return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the header"); }

/* "Pressure [mTorr]" or "Pressure (mTorr)": label and unit. */
static bool split_name(struct guess_column *c, struct tfdc_arena *mem) {
  size_t n = strlen(c->name);
  char close = c->name[n - 1], open = close == ']' ? '[' : close == ')' ? '(' : '\0';
  const char *begin = open != '\0' ? strrchr(c->name, open) : NULL;
  c->label = c->name;
  if (begin == NULL || begin == c->name) return true;
  size_t label_n = (size_t)(begin - c->name);
  const char *label = c->name;
  value_trim(&label, &label_n);
  if (label_n == 0) return true;
  c->label = tfdc_arena_strndup(mem, label, label_n);
  c->unit = tfdc_arena_strndup(mem, begin + 1, n - (size_t)(begin - c->name) - 2);
  if (c->label == NULL || c->unit == NULL) return false;
  if (!eq_unit_is_known(c->unit)) c->unit = NULL;
  return true;
}

static void make_word(struct guess_column *c) {
  size_t n = 0;
  for (const char *p = c->label; *p != '\0' && n + 1 < sizeof c->word; p++)
    if (isalnum((unsigned char)*p)) c->word[n++] = (char)tolower((unsigned char)*p);
  c->word[n] = '\0';
}

static tfdc_rc take_header(struct csv *csv, struct tfdc_arena *mem, struct guess_columns *ret, struct tfdc_error *err) {
  struct csv_record r;
  bool more;
  TFDC_TRY(csv_next(csv, &r, &more, err));
  if (more && r.n == 1 && r.fields[0].n == 5 && memcmp(r.fields[0].s, "sep=", 4) == 0)
    TFDC_TRY(csv_next(csv, &r, &more, err));
  if (!more) return tfdc_fail(err, TFDC_E_CSV, "the file is empty");
  if (r.bad != NULL) return tfdc_fail(err, TFDC_E_CSV, "line %lld, the header: %s", (long long)r.line, r.bad);
  ret->items = tfdc_arena_array(mem, r.n, sizeof *ret->items);
  if (ret->items == NULL) return nomem(err);
  memset(ret->items, 0, r.n * sizeof *ret->items);
  ret->n = r.n;
  for (size_t i = 0; i < r.n; i++) {
    struct guess_column *c = &ret->items[i];
    const char *name = r.fields[i].s;
    size_t n = r.fields[i].n;
    value_trim(&name, &n);
    c->counts = true;
    if (n == 0 || !tfdc_is_text(name, n)) continue;
    c->name = tfdc_arena_strndup(mem, name, n);
    if (c->name == NULL || !split_name(c, mem)) return nomem(err);
    make_word(c);
  }
  return TFDC_OK;
}

static void note_number(struct guess_column *c, double v) {
  if (c->numbers == 0) c->first = c->least = c->most = v;
  if (c->numbers > 0) {
    c->falls += v < c->last;
    c->rises += v > c->last;
    c->counts = c->counts && (fabs(v - c->last - 1) < 1e-9 || v < c->last);
  }
  c->numbers++;
  c->whole += !(rint(v) < v) && !(rint(v) > v);
  c->last = v;
  if (v < c->least) c->least = v;
  if (v > c->most) c->most = v;
}

static void note_text(struct guess_column *c, const char *s, size_t n) {
  if (c->n_distinct > GUESS_DISTINCT_MAX) return;
  if (n >= GUESS_VALUE_MAX) n = GUESS_VALUE_MAX - 1;
  for (size_t i = 0; i < c->n_distinct; i++)
    if (strlen(c->distinct[i]) == n && memcmp(c->distinct[i], s, n) == 0) return;
  if (c->n_distinct < GUESS_DISTINCT_MAX) {
    memcpy(c->distinct[c->n_distinct], s, n);
    c->distinct[c->n_distinct][n] = '\0';
  }
  c->n_distinct++;
}

static void note_cell(struct guess_column *c, const struct csv_field *f, char decimal) {
  const char *s = f->s;
  size_t n = f->n;
  double v;
  int64_t t;
  value_trim(&s, &n);
  c->cells++;
  if (n == 0 || source_is_missing_word(s, n)) {
    c->empty++;
    return;
  }
  note_text(c, s, n);
  if (value_number(s, n, decimal, &v))
    note_number(c, v);
  else
    c->times += value_time(s, n, VALUE_ISO8601, decimal, &t);
}

static tfdc_rc read_rows(struct csv *csv, char decimal, struct guess_columns *cs, struct tfdc_error *err) {
  for (bool more = true; cs->rows < GUESS_ROWS_MAX;) {
    struct csv_record r;
    TFDC_TRY(csv_next(csv, &r, &more, err));
    if (!more) break;
    if (r.bad != NULL || r.n < cs->n) continue;
    for (size_t i = 0; i < cs->n; i++) note_cell(&cs->items[i], &r.fields[i], decimal);
    cs->rows++;
  }
  return cs->rows > 0 ? TFDC_OK : tfdc_fail(err, TFDC_E_CSV, "the file has no rows below its header");
}

tfdc_rc guess_columns_read(csv_read_fn *read, void *user, const struct csv_look *look, struct tfdc_arena *mem,
                           struct guess_columns *ret, struct tfdc_error *err) {
  struct csv *csv;
  *ret = (struct guess_columns){0};
  TFDC_TRY(csv_create(read, user, look->separator, &csv, err));
  tfdc_rc rc = take_header(csv, mem, ret, err);
  if (rc == TFDC_OK) rc = read_rows(csv, look->decimal_comma ? ',' : '.', ret, err);
  csv_destroy(csv);
  return rc;
}
