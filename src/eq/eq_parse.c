/* SPDX-License-Identifier: Apache-2.0
 * Recursive descent, one function per level of precedence:
 *
 *   eq      = { "let" name "=" expr ";" } expr
 *   expr    = or [ "in" postfix ]
 *   or      = and { "or" and }                 and = not { "and" not }            not = "not" not | compare
 *   compare = sum [ ("<"|"<="|">"|">="|"=="|"!=") sum ]
 *   sum     = product { ("+"|"-") product }    product = unary { ("*"|"/") unary }
 *   unary   = "-" unary | power                power = postfix [ "^" unary ]
 *   postfix = primary { "." name [ "(" args ")" ] }
 *   primary = number [unit] | name | `name` | "string" | name "(" args ")" | "(" expr ")" | "run"
 *   args    = [ expr | name "=" expr ] { "," ... }, the positional ones first */
#include "eq/eq_ast.h"

#include <string.h>

enum { MAX_ARGS = 8, MAX_LETS = 64 };

struct parser {
  struct eq_lexer lx;
  struct eq_token tok, next; /* the current one and the one behind it */
  size_t depth, max_depth;
  size_t nodes, max_nodes;
};

static tfdc_rc parse_expr(struct parser *p, struct eq_ast **ret);
static tfdc_rc parse_unary(struct parser *p, struct eq_ast **ret);

static tfdc_rc advance(struct parser *p) {
  p->tok = p->next;
  return eq_lex_next(&p->lx, &p->next);
}

static bool at_punct(const struct parser *p, const char *s) {
  return p->tok.kind == EQ_TOK_PUNCT && strcmp(p->tok.text, s) == 0;
}
static bool at_word(const struct parser *p, const char *s) {
  return p->tok.kind == EQ_TOK_NAME && strcmp(p->tok.text, s) == 0;
}
static bool next_is(const struct parser *p, const char *s) {
  return p->next.kind == EQ_TOK_PUNCT && strcmp(p->next.text, s) == 0;
}
static bool is_keyword(const char *s) {
  static const char *const words[] = {"let", "in", "and", "or", "not", "run"};
  for (size_t i = 0; i < TFDC_COUNT(words); i++)
    if (strcmp(s, words[i]) == 0) return true;
  return false;
}

static tfdc_rc fail_expected(struct parser *p, const char *what) {
  if (p->tok.kind == EQ_TOK_END)
    return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "expected %s, but the equation ends here", what);
  if (p->tok.kind == EQ_TOK_NUMBER)
    return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "expected %s, not the number %g", what, p->tok.number);
  return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "expected %s, not '%s'", what, p->tok.text);
}

static tfdc_rc take_punct(struct parser *p, const char *s, const char *what) {
  if (!at_punct(p, s)) return fail_expected(p, what);
  return advance(p);
}

static tfdc_rc new_node(struct parser *p, enum eq_ast_kind kind, struct eq_pos at, struct eq_ast **ret) {
  if (++p->nodes > p->max_nodes)
    return eq_fail_at(p->lx.err, TFDC_E_EQ_COST, at,
                      "more than %zu nodes (numbers, names, operators and calls): split the equation", p->max_nodes);
  struct eq_ast *a = tfdc_arena_alloc(p->lx.arena, sizeof *a);
  if (a == NULL) return tfdc_fail(p->lx.err, TFDC_E_NOMEM, "no memory for the equation");
  a->kind = kind;
  a->at = at;
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc set_args(struct parser *p, struct eq_ast *a, const struct eq_arg *args, size_t n) {
  a->args = tfdc_arena_array(p->lx.arena, n ? n : 1, sizeof *args);
  if (a->args == NULL) return tfdc_fail(p->lx.err, TFDC_E_NOMEM, "no memory for the equation");
  if (n > 0) memcpy(a->args, args, n * sizeof *args);
  a->n_args = n;
  return TFDC_OK;
}

static tfdc_rc new_binary(struct parser *p, enum eq_ast_kind kind, const struct eq_token *op, struct eq_ast *x,
                          struct eq_ast *y, struct eq_ast **ret) {
  struct eq_arg args[2] = {{.at = x->at, .value = x}, {.at = y->at, .value = y}};
  struct eq_ast *a;
  TFDC_TRY(new_node(p, kind, op->at, &a));
  a->text = op->text;
  TFDC_TRY(set_args(p, a, args, 2));
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc enter(struct parser *p) {
  if (++p->depth > p->max_depth)
    return eq_fail_at(p->lx.err, TFDC_E_EQ_COST, p->tok.at, "nested deeper than %zu levels", p->max_depth);
  return TFDC_OK;
}

static tfdc_rc parse_arg(struct parser *p, struct eq_arg *arg) {
  arg->at = p->tok.at;
  arg->name = NULL;
  if (p->tok.kind == EQ_TOK_NAME && next_is(p, "=")) {
    arg->name = p->tok.text;
    TFDC_TRY(advance(p));
    TFDC_TRY(advance(p));
  }
  return parse_expr(p, &arg->value);
}

/* From behind "(" to behind ")". args[0..*n) may already hold the window of a method. */
static tfdc_rc parse_args(struct parser *p, struct eq_arg args[MAX_ARGS + 1], size_t *n) {
  if (at_punct(p, ")")) return advance(p);
  bool named = false;
  for (;;) {
    if (*n == MAX_ARGS) return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "too many arguments");
    TFDC_TRY(parse_arg(p, &args[*n]));
    if (named && args[*n].name == NULL)
      return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, args[*n].at, "positional arguments stand before named ones");
    named = args[*n].name != NULL;
    (*n)++;
    if (!at_punct(p, ",")) break;
    TFDC_TRY(advance(p));
  }
  return take_punct(p, ")", "',' or ')'");
}

static tfdc_rc parse_number(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *a;
  TFDC_TRY(new_node(p, EQ_AST_NUMBER, p->tok.at, &a));
  a->number = p->tok.number;
  TFDC_TRY(advance(p));
  bool unit =
      p->tok.kind == EQ_TOK_UNIT || at_punct(p, "%") || (p->tok.kind == EQ_TOK_NAME && !is_keyword(p->tok.text));
  if (unit) {
    a->text = p->tok.text;
    TFDC_TRY(advance(p));
  }
  if (at_punct(p, "("))
    return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "expected an operator: a product is written with *");
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc parse_call(struct parser *p, struct eq_ast **ret) {
  struct eq_arg args[MAX_ARGS + 1];
  size_t n = 0;
  struct eq_ast *a;
  TFDC_TRY(new_node(p, EQ_AST_CALL, p->tok.at, &a));
  a->text = p->tok.text;
  TFDC_TRY(advance(p));
  TFDC_TRY(advance(p));
  TFDC_TRY(parse_args(p, args, &n));
  TFDC_TRY(set_args(p, a, args, n));
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc parse_name(struct parser *p, struct eq_ast **ret) {
  if (strcmp(p->tok.text, "run") != 0 && is_keyword(p->tok.text)) return fail_expected(p, "a value");
  if (next_is(p, "(") && !at_word(p, "run")) return parse_call(p, ret);
  struct eq_ast *a;
  TFDC_TRY(new_node(p, at_word(p, "run") ? EQ_AST_RUN : EQ_AST_NAME, p->tok.at, &a));
  a->text = p->tok.text;
  *ret = a;
  return advance(p);
}

static tfdc_rc parse_primary(struct parser *p, struct eq_ast **ret) {
  if (p->tok.kind == EQ_TOK_NUMBER) return parse_number(p, ret);
  if (p->tok.kind == EQ_TOK_NAME) return parse_name(p, ret);
  if (p->tok.kind == EQ_TOK_QUOTED || p->tok.kind == EQ_TOK_STRING) {
    struct eq_ast *a;
    TFDC_TRY(new_node(p, p->tok.kind == EQ_TOK_QUOTED ? EQ_AST_SVID : EQ_AST_STRING, p->tok.at, &a));
    a->text = p->tok.text;
    *ret = a;
    return advance(p);
  }
  if (!at_punct(p, "(")) return fail_expected(p, "a value");
  TFDC_TRY(advance(p));
  TFDC_TRY(parse_expr(p, ret));
  return take_punct(p, ")", "an operator or ')'");
}

static tfdc_rc parse_postfix(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *a, *m;
  TFDC_TRY(parse_primary(p, &a));
  while (at_punct(p, ".")) {
    struct eq_arg args[MAX_ARGS + 1] = {{.at = a->at, .value = a}};
    size_t n = 1;
    TFDC_TRY(advance(p));
    if (p->tok.kind != EQ_TOK_NAME) return fail_expected(p, "trim, first, last, at, nth or each behind '.'");
    TFDC_TRY(new_node(p, EQ_AST_METHOD, p->tok.at, &m));
    m->text = p->tok.text;
    TFDC_TRY(advance(p));
    if (at_punct(p, "(")) {
      TFDC_TRY(advance(p));
      TFDC_TRY(parse_args(p, args, &n));
    }
    TFDC_TRY(set_args(p, m, args, n));
    a = m;
  }
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc parse_power(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *x, *y;
  TFDC_TRY(parse_postfix(p, &x));
  if (at_punct(p, "^")) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_unary(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_BINARY, &op, x, y, &x));
  }
  *ret = x;
  return TFDC_OK;
}

/* "-" and "not" differ only in what stands behind them. */
static tfdc_rc parse_prefix(struct parser *p, tfdc_rc (*operand)(struct parser *, struct eq_ast **),
                            struct eq_ast **ret) {
  struct eq_ast *x, *a;
  struct eq_token op = p->tok;
  TFDC_TRY(advance(p));
  TFDC_TRY(enter(p));
  TFDC_TRY(operand(p, &x));
  p->depth--;
  TFDC_TRY(new_node(p, EQ_AST_UNARY, op.at, &a));
  a->text = op.text;
  TFDC_TRY(set_args(p, a, &(struct eq_arg){.at = x->at, .value = x}, 1));
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc parse_unary(struct parser *p, struct eq_ast **ret) {
  if (at_punct(p, "-")) return parse_prefix(p, parse_unary, ret);
  TFDC_TRY(enter(p));
  TFDC_TRY(parse_power(p, ret));
  p->depth--;
  return TFDC_OK;
}

static tfdc_rc parse_product(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *x, *y;
  TFDC_TRY(parse_unary(p, &x));
  while (at_punct(p, "*") || at_punct(p, "/")) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_unary(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_BINARY, &op, x, y, &x));
  }
  *ret = x;
  return TFDC_OK;
}

static tfdc_rc parse_sum(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *x, *y;
  TFDC_TRY(parse_product(p, &x));
  while (at_punct(p, "+") || at_punct(p, "-")) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_product(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_BINARY, &op, x, y, &x));
  }
  *ret = x;
  return TFDC_OK;
}

static bool at_comparison(const struct parser *p) {
  return at_punct(p, "<") || at_punct(p, "<=") || at_punct(p, ">") || at_punct(p, ">=") || at_punct(p, "==") ||
         at_punct(p, "!=");
}

static tfdc_rc parse_compare(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *x, *y;
  TFDC_TRY(parse_sum(p, &x));
  if (at_punct(p, "=")) return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "to compare, write ==");
  if (at_comparison(p)) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_sum(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_BINARY, &op, x, y, &x));
    if (at_comparison(p))
      return eq_fail_at(p->lx.err, TFDC_E_EQ_SYNTAX, p->tok.at, "comparisons don't chain: write a < b and b < c");
  }
  *ret = x;
  return TFDC_OK;
}

static tfdc_rc parse_not(struct parser *p, struct eq_ast **ret) {
  return at_word(p, "not") ? parse_prefix(p, parse_not, ret) : parse_compare(p, ret);
}

static tfdc_rc parse_and(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *x, *y;
  TFDC_TRY(parse_not(p, &x));
  while (at_word(p, "and")) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_not(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_BINARY, &op, x, y, &x));
  }
  *ret = x;
  return TFDC_OK;
}

static tfdc_rc parse_expr(struct parser *p, struct eq_ast **ret) {
  struct eq_ast *x, *y;
  TFDC_TRY(parse_and(p, &x));
  while (at_word(p, "or")) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_and(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_BINARY, &op, x, y, &x));
  }
  if (at_word(p, "in")) {
    struct eq_token op = p->tok;
    TFDC_TRY(advance(p));
    TFDC_TRY(parse_postfix(p, &y));
    TFDC_TRY(new_binary(p, EQ_AST_IN, &op, x, y, &x));
  }
  *ret = x;
  return TFDC_OK;
}

static tfdc_rc parse_let(struct parser *p, struct eq_let *let) {
  TFDC_TRY(advance(p));
  if (p->tok.kind != EQ_TOK_NAME || is_keyword(p->tok.text)) return fail_expected(p, "a name behind let");
  *let = (struct eq_let){.name = p->tok.text, .at = p->tok.at};
  TFDC_TRY(advance(p));
  TFDC_TRY(take_punct(p, "=", "'='"));
  TFDC_TRY(parse_expr(p, &let->value));
  return take_punct(p, ";", "an operator or ';' at the end of let");
}

tfdc_rc eq_parse(const char *text, size_t n, const struct eq_limits *limits, struct tfdc_arena *arena,
                 struct eq_tree *ret, struct tfdc_error *err) {
  struct parser p = {.lx = {.text = text, .n = n, .at = {1, 1}, .arena = arena, .err = err},
                     .max_depth = limits->depth,
                     .max_nodes = limits->nodes};
  struct eq_tree tree = {0};
  if (n > limits->text_bytes)
    return tfdc_fail(err, TFDC_E_LIMIT, "1:1: the equation has %zu bytes, more than %zu", n, limits->text_bytes);
  tree.lets = tfdc_arena_array(arena, MAX_LETS, sizeof *tree.lets);
  if (tree.lets == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the equation");
  TFDC_TRY(advance(&p));
  TFDC_TRY(advance(&p));
  while (at_word(&p, "let")) {
    if (tree.n_lets == MAX_LETS) return eq_fail_at(err, TFDC_E_EQ_COST, p.tok.at, "more than %d lets", MAX_LETS);
    TFDC_TRY(parse_let(&p, &tree.lets[tree.n_lets]));
    tree.n_lets++;
  }
  TFDC_TRY(parse_expr(&p, &tree.root));
  if (p.tok.kind != EQ_TOK_END) return fail_expected(&p, "an operator or the end");
  tree.n_nodes = p.nodes;
  *ret = tree;
  return TFDC_OK;
}
