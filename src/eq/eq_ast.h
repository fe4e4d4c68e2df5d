/* SPDX-License-Identifier: Apache-2.0
 * Tokens and the syntax tree. Internal to eq. */
#ifndef EQ_EQ_AST_H
#define EQ_EQ_AST_H

#include "eq/eq.h"

#include <stdbool.h>

struct eq_pos {
  uint32_t line, col; /* from 1; the column counts bytes */
};

enum eq_tok {
  EQ_TOK_END,
  EQ_TOK_NUMBER,
  EQ_TOK_NAME,   /* identifier or keyword */
  EQ_TOK_QUOTED, /* `name` */
  EQ_TOK_STRING, /* "text" */
  EQ_TOK_UNIT,   /* [W/s] */
  EQ_TOK_PUNCT   /* text holds the operator: ( ) , ; . = + - * / ^ < <= > >= == != % */
};
struct eq_token {
  enum eq_tok kind;
  struct eq_pos at;
  const char *text; /* without quotes; in the arena */
  double number;
};
struct eq_lexer {
  const char *text;
  size_t n, pos;
  struct eq_pos at;
  struct tfdc_arena *arena;
  struct tfdc_error *err;
};
TFDC_MUST_USE tfdc_rc eq_lex_next(struct eq_lexer *lx, struct eq_token *ret);

enum eq_ast_kind {
  EQ_AST_NUMBER, /* number, text = unit or NULL */
  EQ_AST_NAME,   /* a let or an SVID */
  EQ_AST_SVID,   /* `quoted` */
  EQ_AST_STRING,
  EQ_AST_RUN,
  EQ_AST_UNARY,  /* text = "-" or "not", arg 0 */
  EQ_AST_BINARY, /* text = operator, args 0 1 */
  EQ_AST_CALL,   /* text = function */
  EQ_AST_METHOD, /* text = method, arg 0 = the window */
  EQ_AST_IN      /* arg 0 in arg 1 */
};
struct eq_arg {
  const char *name; /* NULL: positional */
  struct eq_pos at;
  struct eq_ast *value;
};
struct eq_ast {
  enum eq_ast_kind kind;
  struct eq_pos at;
  const char *text;
  double number;
  struct eq_arg *args;
  size_t n_args;
};
struct eq_let {
  const char *name;
  struct eq_pos at;
  struct eq_ast *value;
};
struct eq_tree {
  struct eq_let *lets;
  size_t n_lets;
  struct eq_ast *root;
  size_t n_nodes;
};

/* "line:column: message" */
TFDC_PRINTF(4, 5) tfdc_rc eq_fail_at(struct tfdc_error *err, tfdc_rc rc, struct eq_pos at, const char *fmt, ...);

TFDC_MUST_USE tfdc_rc eq_parse(const char *text, size_t n, const struct eq_limits *limits, struct tfdc_arena *arena,
                               struct eq_tree *ret, struct tfdc_error *err);

#endif
