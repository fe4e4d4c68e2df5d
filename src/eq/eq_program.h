/* SPDX-License-Identifier: Apache-2.0
 * The compiled program: a flat list of nodes, operands before users, and of windows. Internal to eq. */
#ifndef EQ_EQ_PROGRAM_H
#define EQ_EQ_PROGRAM_H

#include "eq/eq.h"
#include "eq/eq_func.h"

enum eq_op {
  EQ_OP_CONST, /* k */
  EQ_OP_SVID,  /* ref = index of the SVID */
  EQ_OP_SCALE, /* a * k + k2: change of unit */
  EQ_OP_NEG,
  EQ_OP_NOT,
  EQ_OP_ABS,
  EQ_OP_SQRT,
  EQ_OP_LOG,
  EQ_OP_EXP,
  EQ_OP_ADD,
  EQ_OP_SUB,
  EQ_OP_MUL,
  EQ_OP_DIV,
  EQ_OP_POW,
  EQ_OP_MIN2,
  EQ_OP_MAX2,
  EQ_OP_LT,
  EQ_OP_LE,
  EQ_OP_GT,
  EQ_OP_GE,
  EQ_OP_EQ,
  EQ_OP_NE,
  EQ_OP_AND,
  EQ_OP_OR,
  EQ_OP_IF,
  EQ_OP_OR_ELSE,
  EQ_OP_SPAN,    /* of window ref */
  EQ_OP_AGG,     /* fn of the series a in window ref */
  EQ_OP_AGG_LIST /* fn of the list a */
};

/* A list has one value per interval of a window with .each. Conditions are numbers too: 1, 0 or NaN. */
enum eq_type { EQ_T_SCALAR, EQ_T_BOOL, EQ_T_SERIES, EQ_T_MASK, EQ_T_LIST, EQ_T_WINDOW, EQ_T_STRING };

struct eq_node {
  uint8_t op, type, fn;
  bool boolean;    /* the value is a condition */
  int16_t arg[3];  /* earlier nodes; -1 none */
  int16_t ref;     /* SVID or window; -1 none */
  uint32_t min_n;  /* of aggregates */
  int64_t max_gap; /* us; 0: 5 x the median interval */
  double min_good;
  double k, k2;
};

enum eq_win_kind {
  EQ_WIN_RUN,
  EQ_WIN_STEP_NAME,
  EQ_WIN_STEP_NUMBER,
  EQ_WIN_BETWEEN,
  EQ_WIN_WHILE, /* cond in window base */
  EQ_WIN_TRIM,
  EQ_WIN_FIRST,
  EQ_WIN_LAST,
  EQ_WIN_AT,
  EQ_WIN_NTH,
  EQ_WIN_EACH
};
struct eq_span_arg {
  int64_t us;
  double share; /* used instead when `relative`: part of the interval */
  bool relative;
};
struct eq_win {
  enum eq_win_kind kind;
  int base; /* an earlier window; -1 none */
  int cond; /* node of the mask */
  const char *name, *name2;
  int64_t number;     /* of the step, of nth */
  int64_t occurrence; /* 0: all */
  struct eq_span_arg t[2];
  bool each;
};

struct eq_program {
  struct tfdc_arena arena; /* owns all of the below */
  struct eq_node *nodes;
  size_t n_nodes;
  struct eq_win *wins;
  size_t n_wins;
  const char **svids, **warnings, **steps;
  size_t n_svids, n_warnings, n_steps;
  int root;
  char unit[100];
};

/* The scalar meaning of every elementwise operator: also the definition of the series loops. x, y, z: arguments. */
double eq_apply(const struct eq_node *node, double x, double y, double z);

#endif
