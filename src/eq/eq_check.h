/* SPDX-License-Identifier: Apache-2.0
 * The checker: from the syntax tree to a typed program. Internal to eq. */
#ifndef EQ_EQ_CHECK_H
#define EQ_EQ_CHECK_H

#include "eq/eq_ast.h"
#include "eq/eq_program.h"
#include "eq/eq_unit.h"

/* What a part of the equation is. */
struct eq_val {
  enum eq_type type;
  struct eq_unit unit;
  int win;  /* window: its index; series, list: the window it is bound to, -1 none */
  int node; /* -1: a constant that is not in the program yet */
  bool is_const;
  double k;        /* of a constant */
  const char *str; /* of a string */
};

struct eq_checker {
  const struct eq_tree *tree;
  const struct eq_catalogue *cat;
  const struct eq_limits *limits;
  struct eq_program *prog;
  struct eq_val *lets;
  bool *let_used;
  size_t n_lets;                  /* checked so far */
  size_t max_nodes, max_warnings; /* room in prog */
  struct tfdc_error *err;
};

/* --- eq_check.c --- */
TFDC_MUST_USE tfdc_rc eq_check(struct eq_checker *ck);
TFDC_MUST_USE tfdc_rc eq_check_expr(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret);
const char *eq_type_name(enum eq_type type);
bool eq_is_let(const struct eq_checker *ck, const char *name);

/* --- eq_check_op.c: nodes, constants, operators and their units --- */
/* All bytes are set, padding too, so that eq_emit finds equal nodes by memcmp. */
void eq_node_init(struct eq_node *node, enum eq_op op, enum eq_type type);
/* Index of an equal node, or of this one added. */
int eq_emit(struct eq_checker *ck, const struct eq_node *node);
/* The value's node; a constant gets one. */
int eq_node_of(struct eq_checker *ck, const struct eq_val *v);
TFDC_MUST_USE tfdc_rc eq_check_elementwise(struct eq_checker *ck, enum eq_op op, struct eq_pos at, struct eq_val *args,
                                           size_t n, struct eq_val *ret);
TFDC_MUST_USE tfdc_rc eq_check_operator(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret);
TFDC_MUST_USE tfdc_rc eq_check_function(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f,
                                        struct eq_val *args, struct eq_val *ret);
TFDC_MUST_USE tfdc_rc eq_warn(struct eq_checker *ck, struct eq_pos at, const char *what, const char *name);

/* --- eq_check_win.c --- */
TFDC_MUST_USE tfdc_rc eq_check_window(struct eq_checker *ck, const struct eq_ast *a, const struct eq_func *f,
                                      struct eq_val *ret);
TFDC_MUST_USE tfdc_rc eq_check_method(struct eq_checker *ck, const struct eq_ast *a, struct eq_val *ret);
TFDC_MUST_USE tfdc_rc eq_run_window(struct eq_checker *ck, struct eq_pos at, int *ret);
/* A constant duration: of a time, or (relative allowed) of %. */
TFDC_MUST_USE tfdc_rc eq_check_span(struct eq_checker *ck, const struct eq_arg *arg, bool relative,
                                    struct eq_span_arg *ret);
/* A constant whole number within [low, high]. */
TFDC_MUST_USE tfdc_rc eq_check_whole(struct eq_checker *ck, const struct eq_arg *arg, int64_t low, int64_t high,
                                     int64_t *ret);

#endif
