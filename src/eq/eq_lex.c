/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "eq/eq_ast.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tfdc_rc eq_fail_at(struct tfdc_error *err, tfdc_rc rc, struct eq_pos at, const char *fmt, ...) {
  char msg[512];
  va_list ap;
  va_start(ap, fmt);
  int len = vsnprintf(msg, sizeof msg, fmt, ap);
  va_end(ap);
  if (len < 0) msg[0] = '\0';
  return tfdc_fail(err, rc, "%u:%u: %s", at.line, at.col, msg);
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}
static bool is_name(char c) { return is_name_start(c) || is_digit(c); }

static char peek(const struct eq_lexer *lx, size_t ahead) {
  return lx->n - lx->pos > ahead ? lx->text[lx->pos + ahead] : '\0';
}

static void step(struct eq_lexer *lx) {
  if (lx->text[lx->pos++] == '\n') {
    lx->at.line++;
    lx->at.col = 1;
  } else {
    lx->at.col++;
  }
}

static void skip_blank(struct eq_lexer *lx) {
  while (lx->pos < lx->n) {
    char c = lx->text[lx->pos];
    if (c == '#') {
      while (lx->pos < lx->n && lx->text[lx->pos] != '\n') step(lx);
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      step(lx);
    } else {
      return;
    }
  }
}

static tfdc_rc keep_text(struct eq_lexer *lx, const char *s, size_t n, struct eq_token *tok) {
  if (!tfdc_is_text(s, n))
    return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at,
                      "a name is UTF-8 text of at most %d bytes without control characters", TFDC_TEXT_MAX);
  tok->text = tfdc_arena_strndup(lx->arena, s, n);
  return tok->text == NULL ? tfdc_fail(lx->err, TFDC_E_NOMEM, "no memory for the equation") : TFDC_OK;
}

/* Up to the closing quote; a doubled quote stands for itself. */
static tfdc_rc lex_quoted(struct eq_lexer *lx, char quote, struct eq_token *tok) {
  char buf[TFDC_TEXT_MAX + 1];
  size_t len = 0;
  step(lx);
  for (;;) {
    if (lx->pos == lx->n || lx->text[lx->pos] == '\n')
      return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "the closing %c is missing", quote);
    char c = lx->text[lx->pos];
    step(lx);
    if (c == quote && peek(lx, 0) != quote) break;
    if (c == quote) step(lx);
    if (len < sizeof buf) buf[len++] = c;
  }
  if (len == 0) return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "an empty name");
  return keep_text(lx, buf, len, tok);
}

/* The text of a unit between brackets, kept as written. */
static tfdc_rc lex_unit(struct eq_lexer *lx, struct eq_token *tok) {
  step(lx);
  size_t start = lx->pos;
  while (lx->pos < lx->n && lx->text[lx->pos] != ']' && lx->text[lx->pos] != '\n') step(lx);
  size_t len = lx->pos - start;
  if (peek(lx, 0) != ']') return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "the closing ] of the unit is missing");
  step(lx);
  return keep_text(lx, lx->text + start, len, tok);
}

/* Exact where mantissa and power of ten are (nearly every literal); else strtod on digits without a decimal point, so
 * that no locale matters. */
static tfdc_rc lex_number(struct eq_lexer *lx, struct eq_token *tok) {
  char digits[400];
  size_t len = 0;
  int exp10 = 0, written = 0;
  bool point = false;
  for (;; step(lx)) {
    char c = peek(lx, 0);
    if (c == '.' && !point && is_digit(peek(lx, 1))) {
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    if (point) exp10--;
    if (len == 0 && c == '0') continue;
    if (len == sizeof digits - 16) return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "a number of too many digits");
    digits[len++] = c;
  }
  size_t sign = peek(lx, 1) == '-' || peek(lx, 1) == '+';
  if ((peek(lx, 0) == 'e' || peek(lx, 0) == 'E') && is_digit(peek(lx, 1 + sign))) {
    bool minus = peek(lx, 1) == '-';
    for (size_t i = 0; i < 1 + sign; i++) step(lx);
    for (; is_digit(peek(lx, 0)); step(lx))
      if (written < 10000) written = written * 10 + (peek(lx, 0) - '0');
    exp10 += minus ? -written : written;
  }
  if (len == 0) digits[len++] = '0';
  (void)snprintf(digits + len, sizeof digits - len, "e%d", exp10);
  tok->number = strtod(digits, NULL);
  if (!isfinite(tok->number)) return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "the number is too large");
  return TFDC_OK;
}

static tfdc_rc lex_punct(struct eq_lexer *lx, struct eq_token *tok) {
  static const char *const two[] = {"<=", ">=", "==", "!="};
  static const char *const one[] = {"(", ")", ",", ";", ".", "=", "+", "-", "*", "/", "^", "<", ">", "%"};
  for (size_t i = 0; i < TFDC_COUNT(two); i++) {
    if (peek(lx, 0) != two[i][0] || peek(lx, 1) != two[i][1]) continue;
    tok->text = two[i];
    step(lx);
    step(lx);
    return TFDC_OK;
  }
  for (size_t i = 0; i < TFDC_COUNT(one); i++) {
    if (peek(lx, 0) != one[i][0]) continue;
    tok->text = one[i];
    step(lx);
    return TFDC_OK;
  }
  unsigned char c = (unsigned char)peek(lx, 0);
  if (c < 0x20 || c >= 0x7f)
    return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "byte 0x%02x does not belong here", c);
  return eq_fail_at(lx->err, TFDC_E_EQ_SYNTAX, tok->at, "'%c' does not belong here", c);
}

tfdc_rc eq_lex_next(struct eq_lexer *lx, struct eq_token *ret) {
  struct eq_token tok = {0};
  skip_blank(lx);
  tok.at = lx->at;
  char c = peek(lx, 0);
  if (lx->pos == lx->n) {
    tok.kind = EQ_TOK_END;
    tok.text = "the end";
  } else if (is_digit(c)) {
    tok.kind = EQ_TOK_NUMBER;
    TFDC_TRY(lex_number(lx, &tok));
  } else if (is_name_start(c)) {
    tok.kind = EQ_TOK_NAME;
    size_t start = lx->pos;
    while (lx->pos < lx->n && is_name(lx->text[lx->pos])) step(lx);
    TFDC_TRY(keep_text(lx, lx->text + start, lx->pos - start, &tok));
  } else if (c == '`' || c == '"') {
    tok.kind = c == '`' ? EQ_TOK_QUOTED : EQ_TOK_STRING;
    TFDC_TRY(lex_quoted(lx, c, &tok));
  } else if (c == '[') {
    tok.kind = EQ_TOK_UNIT;
    TFDC_TRY(lex_unit(lx, &tok));
  } else {
    tok.kind = EQ_TOK_PUNCT;
    TFDC_TRY(lex_punct(lx, &tok));
  }
  *ret = tok;
  return TFDC_OK;
}
