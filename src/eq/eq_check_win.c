/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "eq/eq_check.h"

#include <math.h>
#include <string.h>

static const double MAX_SPAN_S = 1e9;

static bool same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static bool same_span(const struct eq_span_arg *a, const struct eq_span_arg *b) {
  return a->us == b->us && a->share == b->share && a->relative == b->relative;
}

static bool same_win(const struct eq_win *a, const struct eq_win *b) {
  return a->kind == b->kind && a->base == b->base && a->cond == b->cond && a->number == b->number &&
         a->occurrence == b->occurrence && a->each == b->each && same_span(&a->t[0], &b->t[0]) &&
         same_span(&a->t[1], &b->t[1]) && same_text(a->name, b->name) && same_text(a->name2, b->name2);
}

static tfdc_rc add_window(struct eq_checker *ck, const struct eq_win *w, struct eq_pos at, int *ret) {
  struct eq_program *p = ck->prog;
  for (size_t i = 0; i < p->n_wins; i++) {
    if (!same_win(&p->wins[i], w)) continue;
    *ret = (int)i;
    return TFDC_OK;
  }
  if (p->n_wins == ck->limits->windows)
    return eq_fail_at(ck->err, TFDC_E_EQ_COST, at, "more than %zu different windows (each .method makes one)",
                      ck->limits->windows);
  *ret = (int)p->n_wins;
  p->wins[p->n_wins++] = *w;
  return TFDC_OK;
}

static struct eq_win blank(enum eq_win_kind kind) { return (struct eq_win){.kind = kind, .base = -1, .cond = -1}; }

tfdc_rc eq_run_window(struct eq_checker *ck, struct eq_pos at, int *ret) {
  struct eq_win w = blank(EQ_WIN_RUN);
  return add_window(ck, &w, at, ret);
}

tfdc_rc eq_check_span(struct eq_checker *ck, const struct eq_arg *arg, bool relative, struct eq_span_arg *ret) {
  struct eq_val v;
  struct eq_unit second;
  TFDC_TRY(eq_check_expr(ck, arg->value, &v));
  const char *need = relative ? "a constant duration, as 2 s or 10 %" : "a constant duration, as 2 s";
  if (!v.is_const || v.type != EQ_T_SCALAR) return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "expected %s", need);
  if (relative && eq_unit_is_percent(&v.unit)) {
    if (!(v.k >= 0 && v.k <= 100)) return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "expected 0 %% to 100 %%");
    *ret = (struct eq_span_arg){.share = v.k / 100, .relative = true};
    return TFDC_OK;
  }
  if (!eq_unit_parse("s", 1, &second) || !eq_unit_same_dimension(&v.unit, &second))
    return eq_fail_at(ck->err, TFDC_E_EQ_UNIT, arg->at, "expected %s", need);
  double s = v.k * v.unit.scale;
  if (!(s >= 0 && s <= MAX_SPAN_S))
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "a duration lies between 0 s and %g s", MAX_SPAN_S);
  *ret = (struct eq_span_arg){.us = (int64_t)floor(s * 1e6 + 0.5)};
  return TFDC_OK;
}

tfdc_rc eq_check_whole(struct eq_checker *ck, const struct eq_arg *arg, int64_t low, int64_t high, int64_t *ret) {
  struct eq_val v;
  TFDC_TRY(eq_check_expr(ck, arg->value, &v));
  bool fine = v.is_const && v.type == EQ_T_SCALAR && v.unit.n_factors == 0 && v.k == floor(v.k) && v.k >= (double)low &&
              v.k <= (double)high;
  if (!fine)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at, "expected a constant whole number from %lld to %lld",
                      (long long)low, (long long)high);
  *ret = (int64_t)v.k;
  return TFDC_OK;
}

static tfdc_rc keep(struct eq_checker *ck, const char *s, const char **ret) {
  *ret = tfdc_arena_strdup(&ck->prog->arena, s);
  return *ret == NULL ? tfdc_fail(ck->err, TFDC_E_NOMEM, "no memory for the equation") : TFDC_OK;
}

static tfdc_rc check_step(struct eq_checker *ck, const struct eq_ast *a, struct eq_win *w) {
  struct eq_program *p = ck->prog;
  const struct eq_ast *what = a->args[0].value;
  struct eq_val v = {.type = EQ_T_SERIES};
  bool bare = what->kind == EQ_AST_SVID || (what->kind == EQ_AST_NAME && !eq_is_let(ck, what->text));
  if (!bare) TFDC_TRY(eq_check_expr(ck, what, &v));
  if (v.type == EQ_T_STRING) {
    w->kind = EQ_WIN_STEP_NAME;
    TFDC_TRY(keep(ck, v.str, &w->name));
    bool known = false;
    for (size_t i = 0; i < p->n_steps; i++) known = known || strcmp(p->steps[i], w->name) == 0;
    if (!known) p->steps[p->n_steps++] = w->name;
  } else if (v.type == EQ_T_SCALAR) {
    w->kind = EQ_WIN_STEP_NUMBER;
    TFDC_TRY(eq_check_whole(ck, &a->args[0], 0, UINT32_MAX, &w->number));
  } else {
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->args[0].at,
                      "step takes the name of a step in double quotes or its number: step(\"ME\"), step(4)");
  }
  if (a->n_args > 1) TFDC_TRY(eq_check_whole(ck, &a->args[1], 1, 1000000, &w->occurrence));
  return TFDC_OK;
}

static tfdc_rc check_event(struct eq_checker *ck, const struct eq_arg *arg, const char **ret) {
  const struct eq_ast *a = arg->value;
  bool name = a->kind == EQ_AST_STRING || a->kind == EQ_AST_NAME || a->kind == EQ_AST_SVID;
  if (!name)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, arg->at,
                      "between takes the names of two events: between(\"RF_ON\", \"RF_OFF\")");
  return keep(ck, a->text, ret);
}

static tfdc_rc check_while(struct eq_checker *ck, const struct eq_ast *a, struct eq_win *w) {
  struct eq_val cond;
  TFDC_TRY(eq_check_expr(ck, a->args[0].value, &cond));
  if (cond.type != EQ_T_MASK)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->args[0].at,
                      "while takes a condition on a series, as while(RfFwd > 20 W), not %s", eq_type_name(cond.type));
  w->cond = cond.node;
  w->base = cond.win;
  if (w->base < 0) TFDC_TRY(eq_run_window(ck, a->at, &w->base));
  return a->n_args > 1 ? eq_check_span(ck, &a->args[1], false, &w->t[0]) : TFDC_OK;
}

tfdc_rc eq_check_window(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f, struct eq_val *ret) {
  struct eq_win w = blank(f->fn == EQ_FN_WHILE ? EQ_WIN_WHILE : EQ_WIN_BETWEEN);
  struct eq_val v = {.type = EQ_T_WINDOW, .node = -1};
  if (f->fn == EQ_FN_STEP) {
    TFDC_TRY(check_step(ck, a, &w));
  } else if (f->fn == EQ_FN_WHILE) {
    TFDC_TRY(check_while(ck, a, &w));
  } else {
    TFDC_TRY(check_event(ck, &a->args[0], &w.name));
    TFDC_TRY(check_event(ck, &a->args[1], &w.name2));
  }
  TFDC_TRY(add_window(ck, &w, a->at, &v.win));
  *ret = v;
  return TFDC_OK;
}

struct method {
  const char *name, *form;
  enum eq_win_kind kind;
  size_t min_args, max_args;
};
static const struct method methods[] = {
    {"trim", ".trim(head, tail)", EQ_WIN_TRIM, 1, 2},
    {"first", ".first(duration)", EQ_WIN_FIRST, 1, 1},
    {"last", ".last(duration)", EQ_WIN_LAST, 1, 1},
    {"at", ".at(from, to)", EQ_WIN_AT, 2, 2},
    {"nth", ".nth(k)", EQ_WIN_NTH, 1, 1},
    {"each", ".each", EQ_WIN_EACH, 0, 0},
};

static tfdc_rc find_method(struct eq_checker *ck, const struct eq_ast *a, const struct method **ret) {
  const char *near = NULL;
  size_t best = 3;
  for (size_t i = 0; i < TFDC_COUNT(methods); i++) {
    size_t d = tfdc_distance(a->text, methods[i].name);
    if (d == 0) {
      *ret = &methods[i];
      return TFDC_OK;
    }
    if (d < best) near = methods[i].name;
    if (d < best) best = d;
  }
  if (near != NULL)
    return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "a window has no .%s; the nearest is .%s", a->text, near);
  return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->at, "a window has no .%s: it has trim, first, last, at, nth and each",
                    a->text);
}

tfdc_rc eq_check_method(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret) {
  const struct eq_ast *on = a->args[0].value;
  struct eq_val v;
  const struct method *m = NULL;
  bool unknown = on->kind == EQ_AST_NAME && !eq_is_let(ck, on->text) && ck->cat != NULL &&
                 ck->cat->unit(ck->cat->user, on->text) == NULL;
  if (unknown)
    return eq_fail_at(ck->err, TFDC_E_EQ_NAME, on->at, "no window %s (a name with a dot is written `%s.%s`)", on->text,
                      on->text, a->text);
  TFDC_TRY(eq_check_expr(ck, on, &v));
  if (v.type != EQ_T_WINDOW)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, ".%s belongs behind a window, not behind %s", a->text,
                      eq_type_name(v.type));
  TFDC_TRY(find_method(ck, a, &m));
  size_t n = a->n_args - 1;
  if (n < m->min_args || n > m->max_args)
    return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->at, ".%s with %zu arguments: it is written %s", a->text, n, m->form);
  for (size_t i = 1; i <= n; i++)
    if (a->args[i].name != NULL)
      return eq_fail_at(ck->err, TFDC_E_EQ_NAME, a->args[i].at, ".%s has no argument %s=: it is written %s", a->text,
                        a->args[i].name, m->form);
  struct eq_win w = blank(m->kind);
  w.base = v.win;
  w.each = ck->prog->wins[v.win].each;
  if (m->kind == EQ_WIN_NTH) {
    TFDC_TRY(eq_check_whole(ck, &a->args[1], -1000000, 1000000, &w.number));
    if (w.number == 0)
      return eq_fail_at(ck->err, TFDC_E_EQ_TYPE, a->args[1].at, "nth counts from 1, or from -1 backwards");
    w.each = false;
  }
  if (m->kind == EQ_WIN_EACH) w.each = true;
  for (size_t i = 0; i < n && m->kind != EQ_WIN_NTH; i++) TFDC_TRY(eq_check_span(ck, &a->args[i + 1], true, &w.t[i]));
  struct eq_val window = {.type = EQ_T_WINDOW, .node = -1};
  TFDC_TRY(add_window(ck, &w, a->at, &window.win));
  *ret = window;
  return TFDC_OK;
}
