/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EQ_WARNING_MAX = 400 };

int eq_emit(struct eq_checker *ck, const struct eq_node *node) {
  struct eq_program *p = ck->prog;
  for (size_t i = 0; i < p->n_nodes; i++)
    if (memcmp(&p->nodes[i], node, sizeof *node) == 0) return (int)i;
  TFDC_ASSERT(p->n_nodes < ck->max_nodes);
  memcpy(&p->nodes[p->n_nodes], node, sizeof *node);
  return (int)p->n_nodes++;
}

void eq_node_init(struct eq_node *node, enum eq_op op, enum eq_type type) {
  memset(node, 0, sizeof *node);
  node->op = (uint8_t)op;
  node->type = (uint8_t)type;
  node->arg[0] = node->arg[1] = node->arg[2] = node->ref = -1;
}

int eq_node_of(struct eq_checker *ck, const struct eq_val *v) {
  if (v->node >= 0) return v->node;
  struct eq_node node;
  eq_node_init(&node, EQ_OP_CONST, EQ_T_SCALAR);
  node.k = v->k;
  return eq_emit(ck, &node);
}

tfdc_rc eq_warn(struct eq_checker *ck, struct eq_pos at, const char *what, const char *name) {
  char text[EQ_WARNING_MAX];
  (void)snprintf(text, sizeof text, "%u:%u: %s `%s`", at.line, at.col, what, name);
  TFDC_ASSERT(ck->prog->n_warnings < ck->max_warnings);
  char *kept = tfdc_arena_strdup(&ck->prog->arena, text);
  if (kept == NULL) return tfdc_fail(ck->err, TFDC_E_NOMEM, "no memory for the equation");
  ck->prog->warnings[ck->prog->n_warnings++] = kept;
  return TFDC_OK;
}

static bool is_boolean(const struct eq_val *v) { return v->type == EQ_T_BOOL || v->type == EQ_T_MASK; }

/* --- units --- */

static void scale_by(struct eq_checker *ck, double k, double k2, struct eq_val *v) {
  if (k == 1 && k2 == 0) return;
  struct eq_node node;
  eq_node_init(&node, EQ_OP_SCALE, v->type);
  node.k = k;
  node.k2 = k2;
  if (v->is_const) {
    v->k = eq_apply(&node, v->k, 0, 0);
    v->node = -1;
    return;
  }
  node.arg[0] = (int16_t)v->node;
  v->node = eq_emit(ck, &node);
}

/* To another unit of the same dimension; points move with their offset. */
static void convert(struct eq_checker *ck, struct eq_val *v, const struct eq_unit *to, bool point) {
  double k = v->unit.scale / to->scale;
  double k2 = point ? (v->unit.offset - to->offset) / to->scale : 0;
  v->unit = *to;
  scale_by(ck, k, k2, v);
}

/* Dimensionless values count in 1 before they are multiplied, raised or given to log and exp. */
static void to_one(struct eq_checker *ck, struct eq_val *v) {
  if (!v->unit.unknown && eq_unit_is_dimensionless(&v->unit)) convert(ck, v, &eq_unit_one, false);
}

static tfdc_rc fail_units(struct eq_checker *ck, struct eq_pos at, const char *op, const struct eq_val *x,
                          const struct eq_val *y, const char *why) {
  char a[EQ_UNIT_TEXT], b[EQ_UNIT_TEXT];
  eq_unit_format(&x->unit, a);
  eq_unit_format(&y->unit, b);
  return eq_fail_at(ck->err, TFDC_E_EQ_UNIT, at, "%s with [%s] and [%s]: %s", op, a, b, why);
}

enum mix { MIX_SAME, MIX_ADD, MIX_SUB };

static tfdc_rc mix_points(struct eq_checker *ck, struct eq_pos at, const char *op, enum mix mix, struct eq_val *x,
                          struct eq_val *y, struct eq_unit *ret) {
  bool px = x->unit.class == EQ_UNIT_POINT, py = y->unit.class == EQ_UNIT_POINT;
  if (mix == MIX_ADD && px && py) {
    if (x->unit.offset != 0 || y->unit.offset != 0)
      return fail_units(ck, at, op, x, y, "two temperatures can't be added; a difference is written in K");
    *ret = eq_unit_delta(&x->unit);
    convert(ck, y, &x->unit, false);
    return TFDC_OK;
  }
  bool as_points = mix == MIX_SAME || (mix == MIX_SUB && py);
  if (as_points) {
    if (x->unit.class == EQ_UNIT_DELTA || y->unit.class == EQ_UNIT_DELTA)
      return fail_units(ck, at, op, x, y, "a temperature and a difference of temperatures don't go together");
    struct eq_unit to = px ? x->unit : y->unit;
    *ret = mix == MIX_SUB ? eq_unit_delta(&to) : to;
    convert(ck, x, &to, true);
    convert(ck, y, &to, true);
    return TFDC_OK;
  }
  /* a point and a difference */
  struct eq_val *point = px ? x : y, *other = px ? y : x;
  *ret = point->unit;
  convert(ck, other, &point->unit, false);
  return TFDC_OK;
}

/* Brings x and y to one unit for op; ret is the unit of the result. */
static tfdc_rc mix_units(struct eq_checker *ck, struct eq_pos at, const char *op, enum mix mix, struct eq_val *x,
                         struct eq_val *y, struct eq_unit *ret) {
  if (x->unit.unknown || y->unit.unknown) {
    *ret = x->unit.unknown ? y->unit : x->unit;
    return TFDC_OK;
  }
  if (!eq_unit_same_dimension(&x->unit, &y->unit))
    return fail_units(ck, at, op, x, y, "both sides must have the same dimension");
  if (x->unit.class == EQ_UNIT_POINT || y->unit.class == EQ_UNIT_POINT) return mix_points(ck, at, op, mix, x, y, ret);
  *ret = x->unit;
  convert(ck, y, &x->unit, false);
  return TFDC_OK;
}

static tfdc_rc no_offset(struct eq_checker *ck, struct eq_pos at, const char *op, const struct eq_val *v) {
  char text[EQ_UNIT_TEXT];
  if (v->unit.class != EQ_UNIT_POINT || v->unit.offset == 0) return TFDC_OK;
  eq_unit_format(&v->unit, text);
  return eq_fail_at(ck->err, TFDC_E_EQ_UNIT, at,
                    "%s with a temperature in %s, whose zero is arbitrary: use a difference of temperatures or K", op,
                    text);
}

static tfdc_rc product_unit(struct eq_checker *ck, struct eq_pos at, enum eq_op op, struct eq_val *x, struct eq_val *y,
                            struct eq_unit *ret) {
  const char *sign = op == EQ_OP_MUL ? "'*'" : "'/'";
  TFDC_TRY(no_offset(ck, at, sign, x));
  TFDC_TRY(no_offset(ck, at, sign, y));
  to_one(ck, x);
  to_one(ck, y);
  if (!eq_unit_product(&x->unit, &y->unit, op == EQ_OP_MUL ? 1 : -1, ret))
    return fail_units(ck, at, sign, x, y, "the unit of the result is too complicated");
  return TFDC_OK;
}

static tfdc_rc power_unit(struct eq_checker *ck, struct eq_pos at, struct eq_val *x, struct eq_val *y,
                          struct eq_unit *ret) {
  TFDC_TRY(no_offset(ck, at, "'^'", x));
  to_one(ck, x);
  to_one(ck, y);
  if (!y->unit.unknown && !eq_unit_is_dimensionless(&y->unit))
    return fail_units(ck, at, "'^'", x, y, "an exponent has no unit");
  *ret = x->unit;
  if (x->unit.unknown || eq_unit_is_dimensionless(&x->unit)) return TFDC_OK;
  if (!y->is_const || y->k != floor(y->k) || fabs(y->k) > 9)
    return fail_units(ck, at, "'^'", x, y, "a value with a unit takes a constant whole exponent from -9 to 9");
  if (!eq_unit_power(&x->unit, (int)y->k, ret))
    return fail_units(ck, at, "'^'", x, y, "the unit of the result is too complicated");
  return TFDC_OK;
}

/* --- elementwise operators --- */

static const char *op_text(enum eq_op op) {
  static const char *const text[] = {
      [EQ_OP_NEG] = "'-'",   [EQ_OP_NOT] = "not", [EQ_OP_ABS] = "abs",        [EQ_OP_SQRT] = "sqrt",
      [EQ_OP_LOG] = "log",   [EQ_OP_EXP] = "exp", [EQ_OP_ADD] = "'+'",        [EQ_OP_SUB] = "'-'",
      [EQ_OP_MUL] = "'*'",   [EQ_OP_DIV] = "'/'", [EQ_OP_POW] = "'^'",        [EQ_OP_MIN2] = "min2",
      [EQ_OP_MAX2] = "max2", [EQ_OP_LT] = "'<'",  [EQ_OP_LE] = "'<='",        [EQ_OP_GT] = "'>'",
      [EQ_OP_GE] = "'>='",   [EQ_OP_EQ] = "'=='", [EQ_OP_NE] = "'!='",        [EQ_OP_AND] = "and",
      [EQ_OP_OR] = "or",     [EQ_OP_IF] = "if",   [EQ_OP_OR_ELSE] = "or_else"};
  return text[op] != NULL ? text[op] : "?";
}

/* Which of the operands must be conditions. */
static bool wants_boolean(enum eq_op op, size_t i) {
  return op == EQ_OP_AND || op == EQ_OP_OR || op == EQ_OP_NOT || (op == EQ_OP_IF && i == 0);
}

static tfdc_rc check_operand(struct eq_checker *ck, enum eq_op op, struct eq_pos at, size_t i, const struct eq_val *v) {
  bool value = v->type <= EQ_T_LIST;
  if (value && wants_boolean(op, i) == is_boolean(v)) return TFDC_OK;
  return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, at, "%s takes %s, not %s", op_text(op),
                    wants_boolean(op, i) ? "a condition" : "numbers", eq_type_name(v->type));
}

/* Series with series and numbers; lists with lists and numbers; each over one window. */
static tfdc_rc join_shapes(struct eq_checker *ck, enum eq_op op, struct eq_pos at, const struct eq_val *args, size_t n,
                           struct eq_val *ret) {
  bool series = false, list = false;
  ret->win = -1;
  for (size_t i = 0; i < n; i++) {
    TFDC_TRY(check_operand(ck, op, at, i, &args[i]));
    bool s = args[i].type == EQ_T_SERIES || args[i].type == EQ_T_MASK, l = args[i].type == EQ_T_LIST;
    series = series || s;
    list = list || l;
    if ((!s && !l) || args[i].win < 0) continue;
    if (ret->win >= 0 && ret->win != args[i].win)
      return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, at, "%s joins values of different windows", op_text(op));
    ret->win = args[i].win;
  }
  if (series && list) return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, at, "%s joins a series and a list", op_text(op));
  bool condition = (op >= EQ_OP_LT && op <= EQ_OP_OR) || op == EQ_OP_NOT;
  if (list && (condition || op == EQ_OP_IF || op == EQ_OP_OR_ELSE))
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, at, "%s does not take a list (one value per .each)", op_text(op));
  if (series && op == EQ_OP_OR_ELSE)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, at, "or_else takes single numbers, not a series");
  ret->type = series ? (condition ? EQ_T_MASK : EQ_T_SERIES) : list ? EQ_T_LIST : condition ? EQ_T_BOOL : EQ_T_SCALAR;
  return TFDC_OK;
}

static tfdc_rc unit_of_result(struct eq_checker *ck, enum eq_op op, struct eq_pos at, struct eq_val *args,
                              struct eq_unit *ret) {
  *ret = eq_unit_one;
  switch (op) {
  case EQ_OP_ADD: return mix_units(ck, at, op_text(op), MIX_ADD, &args[0], &args[1], ret);
  case EQ_OP_SUB: return mix_units(ck, at, op_text(op), MIX_SUB, &args[0], &args[1], ret);
  case EQ_OP_MIN2:
  case EQ_OP_MAX2:
  case EQ_OP_OR_ELSE: return mix_units(ck, at, op_text(op), MIX_SAME, &args[0], &args[1], ret);
  case EQ_OP_IF: return mix_units(ck, at, op_text(op), MIX_SAME, &args[1], &args[2], ret);
  case EQ_OP_LT:
  case EQ_OP_LE:
  case EQ_OP_GT:
  case EQ_OP_GE:
  case EQ_OP_EQ:
  case EQ_OP_NE: {
    struct eq_unit ignored;
    return mix_units(ck, at, op_text(op), MIX_SAME, &args[0], &args[1], &ignored);
  }
  case EQ_OP_MUL:
  case EQ_OP_DIV: return product_unit(ck, at, op, &args[0], &args[1], ret);
  case EQ_OP_POW: return power_unit(ck, at, &args[0], &args[1], ret);
  case EQ_OP_NEG:
  case EQ_OP_ABS: *ret = eq_unit_delta(&args[0].unit); return TFDC_OK;
  case EQ_OP_SQRT:
    TFDC_TRY(no_offset(ck, at, "sqrt", &args[0]));
    to_one(ck, &args[0]);
    if (eq_unit_root(&args[0].unit, ret)) return TFDC_OK;
    return fail_units(ck, at, "sqrt", &args[0], &args[0], "the unit has no square root");
  case EQ_OP_LOG:
  case EQ_OP_EXP:
    to_one(ck, &args[0]);
    if (args[0].unit.unknown || eq_unit_is_dimensionless(&args[0].unit)) return TFDC_OK;
    return fail_units(ck, at, op_text(op), &args[0], &args[0], "it takes a number without a unit");
  default: return TFDC_OK;
  }
}

tfdc_rc eq_check_elementwise(struct eq_checker *ck, enum eq_op op, struct eq_pos at, struct eq_val *args, size_t n,
                             struct eq_val *ret) {
  struct eq_val v = {.node = -1};
  TFDC_TRY(join_shapes(ck, op, at, args, n, &v));
  TFDC_TRY(unit_of_result(ck, op, at, args, &v.unit));
  struct eq_node node;
  eq_node_init(&node, op, v.type);
  bool all_const = true;
  double k[3] = {0, 0, 0};
  for (size_t i = 0; i < n; i++) {
    all_const = all_const && args[i].is_const;
    k[i] = args[i].k;
  }
  double folded = all_const && v.type == EQ_T_SCALAR ? eq_apply(&node, k[0], k[1], k[2]) : (double)NAN;
  if (fabs(folded) <= DBL_MAX) {
    v.is_const = true;
    v.k = folded;
  } else {
    node.boolean = v.type == EQ_T_BOOL || v.type == EQ_T_MASK;
    for (size_t i = 0; i < n; i++) {
      node.arg[i] = (int16_t)eq_node_of(ck, &args[i]);
    }
    v.node = eq_emit(ck, &node);
  }
  bool product = op == EQ_OP_MUL || op == EQ_OP_DIV || op == EQ_OP_POW;
  if (product) to_one(ck, &v);
  *ret = v;
  return TFDC_OK;
}

tfdc_rc eq_check_operator(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  static const struct {
    const char *text;
    enum eq_op op;
  } binary[] = {{"+", EQ_OP_ADD}, {"-", EQ_OP_SUB},   {"*", EQ_OP_MUL}, {"/", EQ_OP_DIV}, {"^", EQ_OP_POW},
                {"<", EQ_OP_LT},  {"<=", EQ_OP_LE},   {">", EQ_OP_GT},  {">=", EQ_OP_GE}, {"==", EQ_OP_EQ},
                {"!=", EQ_OP_NE}, {"and", EQ_OP_AND}, {"or", EQ_OP_OR}};
  struct eq_val args[2];
  for (size_t i = 0; i < a->n_args; i++) TFDC_TRY(eq_check_expr(ck, a->args[i].value, &args[i]));
  if (a->kind == EQ_AST_UNARY) {
    /* -5 degC is a temperature, not the opposite of one */
    if (a->text[0] == '-' && args[0].is_const && args[0].type == EQ_T_SCALAR) {
      args[0].k = -args[0].k;
      args[0].node = -1;
      *ret = args[0];
      return TFDC_OK;
    }
    if (a->text[0] == '-' && args[0].type <= EQ_T_LIST) TFDC_TRY(no_offset(ck, a->at, "'-'", &args[0]));
    return eq_check_elementwise(ck, a->text[0] == '-' ? EQ_OP_NEG : EQ_OP_NOT, a->at, args, 1, ret);
  }
  for (size_t i = 0; i < TFDC_COUNT(binary); i++)
    if (strcmp(binary[i].text, a->text) == 0) return eq_check_elementwise(ck, binary[i].op, a->at, args, 2, ret);
  return eq_fail_at(ck->err, TFDC_E_EQ_SYNTAX, a->at, "unknown operator '%s'", a->text);
}

tfdc_rc eq_check_function(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f, struct eq_val *args,
                          struct eq_val *ret) {
  static const struct {
    enum eq_fn fn;
    enum eq_op op;
  } map[] = {{EQ_FN_OR_ELSE, EQ_OP_OR_ELSE}, {EQ_FN_IF, EQ_OP_IF},    {EQ_FN_ABS, EQ_OP_ABS},
             {EQ_FN_SQRT, EQ_OP_SQRT},       {EQ_FN_LOG, EQ_OP_LOG},  {EQ_FN_EXP, EQ_OP_EXP},
             {EQ_FN_MIN2, EQ_OP_MIN2},       {EQ_FN_MAX2, EQ_OP_MAX2}};
  for (size_t i = 0; i < TFDC_COUNT(map); i++)
    if (map[i].fn == f->fn) return eq_check_elementwise(ck, map[i].op, a->at, args, a->n_args, ret);
  return eq_fail_at(ck->err, TFDC_E_INTERNAL, a->at, "function %s has no operator", f->doc.name);
}
