/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_check.h"

#include "base/text.h"

#include <string.h>

const char *eq_type_name(enum eq_type type) {
  static const char *const names[] = {"a number", "a condition", "a series", "a condition on a series",
                                      "a list",   "a window",    "a text"};
  return names[type];
}

/* --- names --- */

bool eq_is_let(const struct eq_checker *ck, const char *name) {
  for (size_t i = 0; i < ck->n_lets; i++)
    if (strcmp(ck->tree->lets[i].name, name) == 0) return true;
  return false;
}

static void consider(const char *name, const char *candidate, size_t *best, const char **ret) {
  size_t d = tfdc_distance(name, candidate);
  if (d >= *best) return;
  *best = d;
  *ret = candidate;
}

static tfdc_rc fail_unknown_svid(struct eq_checker *ck, const struct eq_ast *a) {
  size_t best = 1 + strlen(a->text) / 2;
  const char *near = NULL;
  for (size_t i = 0; i < ck->n_lets; i++) consider(a->text, ck->tree->lets[i].name, &best, &near);
  if (ck->cat != NULL && ck->cat->name_at != NULL) {
    const char *name;
    for (size_t i = 0; (name = ck->cat->name_at(ck->cat->user, i)) != NULL; i++) consider(a->text, name, &best, &near);
  }
  if (near != NULL)
    return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "no SVID `%s`; the nearest name is `%s`", a->text, near);
  if (a->kind == EQ_AST_NAME && eq_func_find(a->text) != NULL)
    return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "no SVID `%s`; the function is written %s(%s)", a->text, a->text,
                      eq_func_find(a->text)->doc.args);
  return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "no SVID `%s`", a->text);
}

static tfdc_rc unit_of_svid(struct eq_checker *ck, const struct eq_ast *a, struct eq_unit *ret) {
  *ret = eq_unit_unknown;
  if (ck->cat == NULL) return TFDC_OK;
  const char *text = ck->cat->unit(ck->cat->user, a->text);
  if (text == NULL) return fail_unknown_svid(ck, a);
  if (text[0] != '\0' && eq_unit_parse(text, strlen(text), ret)) {
    static const int8_t kelvin[EQ_UNIT_DIMS] = {0, 0, 0, 0, 1};
    bool temperature = memcmp(ret->dim, kelvin, sizeof kelvin) == 0;
    if (temperature && ret->class == EQ_UNIT_PLAIN) ret->class = EQ_UNIT_POINT;
    return TFDC_OK;
  }
  return TFDC_OK;
}

static tfdc_rc svid_index(struct eq_checker *ck, const struct eq_ast *a, const struct eq_unit *unit, int16_t *ret) {
  struct eq_program *p = ck->prog;
  for (size_t i = 0; i < p->n_svids; i++) {
    if (strcmp(p->svids[i], a->text) != 0) continue;
    *ret = (int16_t)i;
    return TFDC_OK;
  }
  if (p->n_svids == ck->limits->svids)
    return eq_fail_at(ck->err, TFDC_E_EQ_COST, a->at, "more than %zu SVIDs", ck->limits->svids);
  if (unit->unknown) TFDC_TRY(eq_warn(ck, a->at, "unit unknown, taken as what the equation needs:", a->text));
  char *name = tfdc_arena_strdup(&p->arena, a->text);
  if (name == NULL) return tfdc_fail(ck->err, TFDC_E_NOMEM, "no memory for the equation");
  *ret = (int16_t)p->n_svids;
  p->svids[p->n_svids++] = name;
  return TFDC_OK;
}

static tfdc_rc check_svid(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  struct eq_val v = {.type = EQ_T_SERIES, .win = -1, .node = -1};
  struct eq_node node;
  eq_node_init(&node, EQ_OP_SVID, EQ_T_SERIES);
  TFDC_TRY(unit_of_svid(ck, a, &v.unit));
  TFDC_TRY(svid_index(ck, a, &v.unit, &node.ref));
  v.node = eq_emit(ck, &node);
  *ret = v;
  return TFDC_OK;
}

static tfdc_rc check_name(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  for (size_t i = 0; i < ck->n_lets; i++) {
    if (strcmp(ck->tree->lets[i].name, a->text) != 0) continue;
    ck->let_used[i] = true;
    *ret = ck->lets[i];
    return TFDC_OK;
  }
  return check_svid(ck, a, ret);
}

static tfdc_rc check_number(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  struct eq_val v = {.type = EQ_T_SCALAR, .win = -1, .node = -1, .is_const = true, .k = a->number};
  v.unit = eq_unit_one;
  if (a->text != NULL && !eq_unit_parse(a->text, strlen(a->text), &v.unit)) {
    const char *near = eq_unit_nearest(a->text);
    if (near != NULL)
      return eq_fail_at(ck->err, TFDC_E_EQ_UNIT, a->at, "unknown unit [%s] behind %g; the nearest is [%s]", a->text,
                        a->number, near);
    return eq_fail_at(ck->err, TFDC_E_EQ_UNIT, a->at,
                      "unknown unit [%s] behind %g (a product of two values is written with *)", a->text, a->number);
  }
  *ret = v;
  return TFDC_OK;
}

/* --- functions --- */

struct agg_args {
  uint32_t min_n;
  double min_good;
  int64_t max_gap;
};

static tfdc_rc check_share(struct eq_checker *ck, const struct eq_arg *arg, double *ret) {
  struct eq_val v;
  TFDC_TRY(eq_check_expr(ck, arg->value, &v));
  double k = eq_unit_is_percent(&v.unit) ? v.k / 100 : v.k * v.unit.scale; /* 70 % is 0.7, not 70 * 0.01 */
  bool fine = v.is_const && v.type == EQ_T_SCALAR && eq_unit_is_dimensionless(&v.unit) && k >= 0 && k <= 1;
  if (!fine)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "%s takes a constant from 0 to 1 (or 0 %% to 100 %%)",
                      arg->name);
  *ret = k;
  return TFDC_OK;
}

static tfdc_rc check_agg_args(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f, bool list,
                              struct agg_args *ret) {
  bool bare = f->fn == EQ_FN_COUNT;
  *ret = (struct agg_args){list && !bare ? 1 : f->min_n, f->min_good, 0};
  for (size_t i = 0; i < a->n_args; i++) {
    const struct eq_arg *arg = &a->args[i];
    if (arg->name == NULL) continue;
    if (strcmp(arg->name, "min_n") == 0) {
      int64_t n;
      TFDC_TRY(eq_check_whole(ck, arg, 0, 1000000000, &n));
      ret->min_n = (uint32_t)n;
    } else if (strcmp(arg->name, "min_good") == 0) {
      TFDC_TRY(check_share(ck, arg, &ret->min_good));
    } else if (!list) {
      struct eq_span_arg gap;
      TFDC_TRY(eq_check_span(ck, arg, false, &gap));
      if (gap.us <= 0) return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "max_gap must be longer than 0 s");
      ret->max_gap = gap.us;
    } else {
      return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "a list has no max_gap");
    }
  }
  return TFDC_OK;
}

static tfdc_rc unit_by_rule(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f,
                            const struct eq_unit *x, struct eq_unit *ret) {
  struct eq_unit second, delta = eq_unit_delta(x);
  bool ok = eq_unit_parse("s", 1, &second);
  switch (f->rule) {
  case EQ_RULE_DELTA: *ret = delta; break;
  case EQ_RULE_DELTA_S: ok = ok && eq_unit_product(&delta, &second, 1, ret); break;
  case EQ_RULE_DELTA_BY_S: ok = ok && eq_unit_product(&delta, &second, -1, ret); break;
  case EQ_RULE_ONE: *ret = eq_unit_one; break;
  case EQ_RULE_S: *ret = second; break;
  default: *ret = *x; break;
  }
  return ok ? TFDC_OK : eq_fail_at(ck->err, TFDC_E_EQ_UNIT, a->at, "the unit of %s is too complicated", a->text);
}

static tfdc_rc check_span_of(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f,
                             const struct eq_val *w, struct eq_val *ret) {
  if (w->type != EQ_T_WINDOW)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "span takes a window, as span(step(\"ME\")), not %s",
                      eq_type_name(w->type));
  struct eq_val v = {.win = w->win};
  bool each = ck->prog->wins[w->win].each;
  struct eq_node node;
  v.type = each ? EQ_T_LIST : EQ_T_SCALAR;
  eq_node_init(&node, EQ_OP_SPAN, v.type);
  node.ref = (int16_t)w->win;
  TFDC_TRY(unit_by_rule(ck, a, f, &eq_unit_one, &v.unit));
  v.node = eq_emit(ck, &node);
  *ret = v;
  return TFDC_OK;
}

static tfdc_rc check_aggregate(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f, struct eq_val *x,
                               struct eq_val *ret) {
  if (f->fn == EQ_FN_SPAN) return check_span_of(ck, a, f, x, ret);
  if (x->type == EQ_T_WINDOW)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "%s takes a series in a window, as %s(Press in step(\"ME\"))",
                      a->text, a->text);
  bool list = x->type == EQ_T_LIST;
  if (x->type != EQ_T_SERIES && !list)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "%s takes a series, not %s", a->text, eq_type_name(x->type));
  if (list && f->fn == EQ_FN_AREA) return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "area takes a series, not a list");
  struct agg_args q;
  TFDC_TRY(check_agg_args(ck, a, f, list, &q));
  struct eq_val v = {.win = x->win};
  if (v.win < 0) TFDC_TRY(eq_run_window(ck, a->at, &v.win));
  bool each = !list && ck->prog->wins[v.win].each;
  struct eq_node node;
  v.type = each ? EQ_T_LIST : EQ_T_SCALAR;
  eq_node_init(&node, list ? EQ_OP_AGG_LIST : EQ_OP_AGG, v.type);
  node.fn = (uint8_t)f->fn;
  node.arg[0] = (int16_t)x->node;
  node.ref = (int16_t)v.win;
  node.min_n = q.min_n;
  node.min_good = q.min_good;
  node.max_gap = q.max_gap;
  TFDC_TRY(unit_by_rule(ck, a, f, &x->unit, &v.unit));
  v.node = eq_emit(ck, &node);
  *ret = v;
  return TFDC_OK;
}

static tfdc_rc check_arity(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f) {
  size_t positional = 0;
  for (size_t i = 0; i < a->n_args; i++) {
    const char *name = a->args[i].name;
    positional += name == NULL;
    if (name == NULL) continue;
    char key[64];
    size_t len = strlen(name);
    bool known = len + 2 < sizeof key;
    if (known) {
      memcpy(key, name, len);
      memcpy(key + len, "=", 2);
      const char *hit = strstr(f->doc.args, key);
      known = hit != NULL && (hit == f->doc.args || hit[-1] == ' ');
    }
    if (!known)
      return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->args[i].at, "%s has no argument %s=; it is written %s(%s)", a->text,
                        name, a->text, f->doc.args);
    for (size_t j = 0; j < i; j++)
      if (a->args[j].name != NULL && strcmp(a->args[j].name, name) == 0)
        return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->args[i].at, "%s= is given twice", name);
  }
  if (positional < f->min_args || positional > f->max_args)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "%s takes %u argument%s, not %zu: %s(%s)", a->text,
                      positional < f->min_args ? f->min_args : f->max_args, f->max_args == 1 ? "" : "s", positional,
                      a->text, f->doc.args);
  return TFDC_OK;
}

static tfdc_rc check_call(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  const struct eq_func *f = eq_func_find(a->text);
  if (f == NULL) {
    const char *near = eq_func_nearest(a->text);
    return near == NULL
               ? eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "no function %s", a->text)
               : eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "no function %s; the nearest is %s", a->text, near);
  }
  if (!f->doc.available)
    return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "the function %s is not available in this release", a->text);
  TFDC_TRY(check_arity(ck, a, f));
  if (eq_func_is_window(f)) return eq_check_window(ck, a, f, ret);
  struct eq_val args[4];
  for (size_t i = 0; i < a->n_args && i < TFDC_COUNT(args) && a->args[i].name == NULL; i++)
    TFDC_TRY(eq_check_expr(ck, a->args[i].value, &args[i]));
  return eq_func_is_aggregate(f) ? check_aggregate(ck, a, f, &args[0], ret) : eq_check_function(ck, a, f, args, ret);
}

static tfdc_rc check_in(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  struct eq_val x, w;
  TFDC_TRY(eq_check_expr(ck, a->args[0].value, &x));
  TFDC_TRY(eq_check_expr(ck, a->args[1].value, &w));
  if (w.type != EQ_T_WINDOW)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->args[1].at, "expected a window behind in, not %s",
                      eq_type_name(w.type));
  if (x.type != EQ_T_SERIES && x.type != EQ_T_MASK)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "expected a series before in, not %s", eq_type_name(x.type));
  if (x.win >= 0 && x.win != w.win)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, "the series before in has a window already");
  x.win = w.win;
  *ret = x;
  return TFDC_OK;
}

tfdc_rc eq_check_expr(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  switch (a->kind) {
  case EQ_AST_NUMBER: return check_number(ck, a, ret);
  case EQ_AST_NAME: return check_name(ck, a, ret);
  case EQ_AST_SVID: return check_svid(ck, a, ret);
  case EQ_AST_STRING:
    *ret = (struct eq_val){.type = EQ_T_STRING, .win = -1, .node = -1, .str = a->text};
    return TFDC_OK;
  case EQ_AST_RUN: *ret = (struct eq_val){.type = EQ_T_WINDOW, .node = -1}; return eq_run_window(ck, a->at, &ret->win);
  case EQ_AST_UNARY:
  case EQ_AST_BINARY: return eq_check_operator(ck, a, ret);
  case EQ_AST_CALL: return check_call(ck, a, ret);
  case EQ_AST_METHOD: return eq_check_method(ck, a, ret);
  case EQ_AST_IN: return check_in(ck, a, ret);
  }
  return eq_fail_at(ck->err, TFDC_E_INTERNAL, a->at, "a node of no kind");
}

static tfdc_rc check_let(struct eq_checker *ck, size_t i) {
  const struct eq_let *let = &ck->tree->lets[i];
  for (size_t j = 0; j < i; j++)
    if (strcmp(ck->tree->lets[j].name, let->name) == 0)
      return eq_fail_at(ck->err, TFDC_E_EQ_NAME, let->at, "%s is defined twice", let->name);
  TFDC_TRY(eq_check_expr(ck, let->value, &ck->lets[i]));
  ck->n_lets = i + 1;
  return TFDC_OK;
}

tfdc_rc eq_check(struct eq_checker *ck) {
  struct eq_val v;
  const struct eq_tree *t = ck->tree;
  for (size_t i = 0; i < t->n_lets; i++) TFDC_TRY(check_let(ck, i));
  TFDC_TRY(eq_check_expr(ck, t->root, &v));
  for (size_t i = 0; i < t->n_lets; i++)
    if (!ck->let_used[i]) TFDC_TRY(eq_warn(ck, t->lets[i].at, "never used:", t->lets[i].name));
  if (v.type != EQ_T_SCALAR && v.type != EQ_T_BOOL)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, t->root->at,
                      "an equation gives one number, this gives %s: use an aggregate, as mean(...)",
                      eq_type_name(v.type));
  ck->prog->root = eq_node_of(ck, &v);
  eq_unit_format(&v.unit, ck->prog->unit);
  return TFDC_OK;
}
