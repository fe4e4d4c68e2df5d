/* SPDX-License-Identifier: Apache-2.0
 *   set      = [ item { (";" | newline) [ item ] } ]
 *   item     = [ "warn" | "ooc" | "action" ] rule
 *   rule     = name "(" parameter { "," parameter } ")"
 *   "beyond" takes z0 [, k of n]; "side", "trend", "alternate" take n; "inside", "outside_both" take z0, n. */
#include "spc/rule_kind.h"
#include "spc/rules.h"

#include <string.h>

enum { TEXT_MAX = 4096 };

struct text {
  const char *s;
  size_t n, pos;
  struct tfdc_error *err;
};

static tfdc_rc expected(const struct text *t, size_t pos, const char *what) {
  if (pos >= t->n) return tfdc_fail(t->err, TFDC_E_DEFINITION, "column %zu: expected %s, the text ends", pos + 1, what);
  return tfdc_fail(t->err, TFDC_E_DEFINITION, "column %zu: expected %s", pos + 1, what);
}

static void skip_blanks(struct text *t) {
  while (t->pos < t->n && (t->s[t->pos] == ' ' || t->s[t->pos] == '\t' || t->s[t->pos] == '\r')) t->pos++;
}

static bool at_char(const struct text *t, char c) { return t->pos < t->n && t->s[t->pos] == c; }
static bool at_digit(const struct text *t) { return t->pos < t->n && t->s[t->pos] >= '0' && t->s[t->pos] <= '9'; }

static tfdc_rc take_char(struct text *t, char c, const char *what) {
  skip_blanks(t);
  if (!at_char(t, c)) return expected(t, t->pos, what);
  t->pos++;
  return TFDC_OK;
}

/* Letters and `_` at the cursor; does not move. */
static size_t word_length(const struct text *t) {
  size_t i = t->pos;
  while (i < t->n && ((t->s[i] >= 'a' && t->s[i] <= 'z') || t->s[i] == '_')) i++;
  return i - t->pos;
}

static bool word_is(const struct text *t, size_t length, const char *word) {
  return length == strlen(word) && memcmp(t->s + t->pos, word, length) == 0;
}

static tfdc_rc take_count(struct text *t, uint32_t *ret) {
  skip_blanks(t);
  size_t start = t->pos;
  uint32_t v = 0;
  while (at_digit(t) && t->pos - start < 6) v = v * 10 + (uint32_t)(t->s[t->pos++] - '0');
  if (t->pos == start || at_digit(t)) return expected(t, start, "a whole number of at most 6 digits");
  *ret = v;
  return TFDC_OK;
}

/* Decimals such as 2, 0.85 or 1.500: at most 4 digits before the point and 6 behind, so that the quotient of two exact
 * doubles is the nearest double. */
static tfdc_rc take_decimal(struct text *t, double *ret) {
  skip_blanks(t);
  size_t start = t->pos;
  double v = 0, scale = 1;
  while (at_digit(t) && t->pos - start < 4) v = v * 10 + (t->s[t->pos++] - '0');
  if (t->pos == start || at_digit(t)) return expected(t, start, "a number below 10000");
  if (at_char(t, '.')) {
    size_t dot = ++t->pos;
    for (; at_digit(t) && t->pos - dot < 6; scale *= 10) v = v * 10 + (t->s[t->pos++] - '0');
    if (t->pos == dot || at_digit(t)) return expected(t, dot, "1 to 6 decimals");
  }
  *ret = v / scale;
  return TFDC_OK;
}

static tfdc_rc take_kind(struct text *t, enum spc_rule_kind *ret) {
  skip_blanks(t);
  size_t length = word_length(t);
  for (int k = 0; k < SPC_RULE_KIND_COUNT; k++) {
    if (!word_is(t, length, spc_rule_rows[k].name)) continue;
    t->pos += length;
    *ret = (enum spc_rule_kind)k;
    return TFDC_OK;
  }
  return expected(t, t->pos, "beyond, side, trend, alternate, inside or outside_both");
}

static tfdc_rc take_of(struct text *t, struct spc_rule *r) {
  TFDC_TRY(take_count(t, &r->k));
  skip_blanks(t);
  size_t length = word_length(t);
  if (!word_is(t, length, "of")) return expected(t, t->pos, "\"of\" (as in 2 of 3)");
  t->pos += length;
  return take_count(t, &r->n);
}

static tfdc_rc take_rule(struct text *t, struct spc_rule *ret) {
  struct spc_rule r = {.k = 1, .n = 1, .verdict = SPC_OOC};
  TFDC_TRY(take_kind(t, &r.kind));
  const struct spc_rule_row *row = &spc_rule_rows[r.kind];
  TFDC_TRY(take_char(t, '(', "\"(\""));
  if (row->has_z0) TFDC_TRY(take_decimal(t, &r.z0));
  skip_blanks(t);
  if (row->has_of) {
    if (at_char(t, ',')) {
      t->pos++;
      TFDC_TRY(take_of(t, &r));
    }
  } else {
    if (row->has_z0) TFDC_TRY(take_char(t, ',', "\",\" and the number of points"));
    TFDC_TRY(take_count(t, &r.n));
  }
  TFDC_TRY(take_char(t, ')', "\")\""));
  *ret = r;
  return TFDC_OK;
}

/* Adds to the set, which checks the ranges; the error names the column where the rule begins. */
static tfdc_rc add_at(struct text *t, size_t column, const struct spc_rule *r, struct spc_rules *rules) {
  tfdc_rc rc = spc_rules_add(rules, r, t->err);
  return rc == TFDC_OK ? rc : tfdc_wrap(t->err, rc, "column %zu", column);
}

static tfdc_rc check_length(const struct text *t) {
  if (t->n > TEXT_MAX) return tfdc_fail(t->err, TFDC_E_LIMIT, "rule text of more than %d bytes", (int)TEXT_MAX);
  return TFDC_OK;
}

tfdc_rc spc_rule_parse(const char *s, size_t n, struct spc_rule *ret, struct tfdc_error *err) {
  struct text t = {.s = s, .n = n, .err = err};
  TFDC_TRY(check_length(&t));
  skip_blanks(&t);
  size_t column = t.pos + 1;
  struct spc_rule r;
  TFDC_TRY(take_rule(&t, &r));
  skip_blanks(&t);
  if (t.pos < t.n) return expected(&t, t.pos, "the end of the rule");
  struct spc_rules scratch;
  spc_rules_init(&scratch);
  TFDC_TRY(add_at(&t, column, &r, &scratch));
  *ret = r;
  return TFDC_OK;
}

static enum spc_verdict take_severity(struct text *t) {
  static const struct {
    const char *word;
    enum spc_verdict verdict;
  } severities[] = {{"warn", SPC_WARN}, {"ooc", SPC_OOC}, {"action", SPC_ACTION}};
  size_t length = word_length(t);
  for (size_t i = 0; i < TFDC_COUNT(severities); i++) {
    if (!word_is(t, length, severities[i].word)) continue;
    t->pos += length;
    return severities[i].verdict;
  }
  return SPC_OOC;
}

tfdc_rc spc_rules_parse(const char *s, size_t n, struct spc_rules *ret, struct tfdc_error *err) {
  struct text t = {.s = s, .n = n, .err = err};
  TFDC_TRY(check_length(&t));
  struct spc_rules rules;
  spc_rules_init(&rules);
  for (;;) {
    skip_blanks(&t);
    if (t.pos < t.n && !at_char(&t, ';') && !at_char(&t, '\n')) {
      size_t column = t.pos + 1;
      struct spc_rule r;
      enum spc_verdict verdict = take_severity(&t);
      TFDC_TRY(take_rule(&t, &r));
      r.verdict = verdict;
      TFDC_TRY(add_at(&t, column, &r, &rules));
      skip_blanks(&t);
    }
    if (t.pos >= t.n) break;
    if (!at_char(&t, ';') && !at_char(&t, '\n')) return expected(&t, t.pos, "\";\" or the end");
    t.pos++;
  }
  *ret = rules;
  return TFDC_OK;
}
