/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_program.h"

#include "eq/eq_check.h"

#include <stdlib.h>
#include <string.h>

const char *eq_reason_name(enum eq_reason reason) {
  static const char *const names[] = {"OK", "NO_DATA", "LOW_QUALITY", "MISSING_STEP", "NEVER", "UNDEFINED"};
  return (size_t)reason < TFDC_COUNT(names) ? names[reason] : "UNDEFINED";
}

static struct eq_limits with_defaults(const struct eq_limits *limits) {
  struct eq_limits l = limits != NULL ? *limits : (struct eq_limits){0};
  if (l.text_bytes == 0) l.text_bytes = 4096;
  if (l.nodes == 0) l.nodes = 256;
  if (l.depth == 0) l.depth = 32;
  if (l.windows == 0) l.windows = 16;
  if (l.svids == 0) l.svids = 64;
  return l;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Room for what a tree of this size can need: each of its nodes makes one of the program and at most four changes of
 * unit (of its operands and its result), at most one window and one warning. */
static bool alloc_program(struct eq_checker *ck, const struct eq_tree *tree) {
  struct eq_program *p = ck->prog;
  size_t n = tree->n_nodes + tree->n_lets + 1;
  ck->max_nodes = 5 * n;
  ck->max_warnings = n;
  p->nodes = tfdc_arena_alloc(&p->arena, ck->max_nodes * sizeof *p->nodes);
  p->wins = tfdc_arena_alloc(&p->arena, least(ck->limits->windows, n) * sizeof *p->wins);
  p->svids = tfdc_arena_alloc(&p->arena, least(ck->limits->svids, n) * sizeof *p->svids);
  p->steps = tfdc_arena_alloc(&p->arena, n * sizeof *p->steps);
  p->warnings = tfdc_arena_alloc(&p->arena, ck->max_warnings * sizeof *p->warnings);
  return p->nodes != NULL && p->wins != NULL && p->svids != NULL && p->steps != NULL && p->warnings != NULL;
}

static tfdc_rc compile(const char *text, size_t n, struct eq_checker *ck, struct tfdc_arena *scratch) {
  struct eq_tree tree;
  TFDC_TRY(eq_parse(text, n, ck->limits, scratch, &tree, ck->err));
  ck->tree = &tree;
  ck->lets = tfdc_arena_array(scratch, tree.n_lets + 1, sizeof *ck->lets);
  ck->let_used = tfdc_arena_alloc(scratch, tree.n_lets + 1);
  if (!alloc_program(ck, &tree) || ck->lets == NULL || ck->let_used == NULL)
    return tfdc_fail(ck->err, TFDC_E_NOMEM, "no memory for the equation");
  return eq_check(ck);
}

tfdc_rc eq_compile(const char *text, size_t n, const struct eq_catalogue *cat, const struct eq_limits *limits,
                   struct eq_program **ret, struct tfdc_error *err) {
  struct eq_limits l = with_defaults(limits);
  struct tfdc_arena scratch = {0};
  if (l.nodes > 8192 || l.windows > 4096 || l.svids > 4096 || l.depth > 256)
    return tfdc_fail(err, TFDC_E_LIMIT,
                     "the limits of equations go up to 8192 nodes, 4096 windows and SVIDs, depth 256");
  struct eq_program *p = calloc(1, sizeof *p);
  if (p == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "no memory for the equation");
  struct eq_checker ck = {.cat = cat, .limits = &l, .prog = p, .err = err};
  tfdc_rc rc = compile(text, n, &ck, &scratch);
  tfdc_arena_deinit(&scratch);
  if (rc == TFDC_OK)
    *ret = p;
  else
    eq_program_destroy(p);
  return rc;
}

void eq_program_destroy(struct eq_program *p) {
  if (p == NULL) return;
  tfdc_arena_deinit(&p->arena);
  free(p);
}

const char *eq_program_unit(const struct eq_program *p) { return p->unit; }
const char *eq_program_svid(const struct eq_program *p, size_t i) { return i < p->n_svids ? p->svids[i] : NULL; }
const char *eq_program_step(const struct eq_program *p, size_t i) { return i < p->n_steps ? p->steps[i] : NULL; }

bool eq_program_step_number(const struct eq_program *p, size_t i, int64_t *ret) {
  for (size_t k = 0; k < p->n_wins; k++) {
    if (p->wins[k].kind != EQ_WIN_STEP_NUMBER || i-- > 0) continue;
    *ret = p->wins[k].number;
    return true;
  }
  return false;
}
const char *eq_program_warning(const struct eq_program *p, size_t i) {
  return i < p->n_warnings ? p->warnings[i] : NULL;
}

static double weight(const struct eq_node *node) {
  if (node->op == EQ_OP_AGG && node->fn == EQ_FN_MEDIAN) return 16;
  if (node->op == EQ_OP_AGG && (node->fn == EQ_FN_SLOPE || node->fn == EQ_FN_AREA)) return 6;
  if (node->op == EQ_OP_AGG) return 3;
  if (node->op == EQ_OP_LOG || node->op == EQ_OP_EXP || node->op == EQ_OP_POW) return 30;
  return 1;
}

double eq_program_cost(const struct eq_program *p, double points) {
  double cost = (double)p->n_wins;
  for (size_t i = 0; i < p->n_nodes; i++) {
    const struct eq_node *node = &p->nodes[i];
    bool samples = node->op == EQ_OP_AGG || node->type == EQ_T_SERIES || node->type == EQ_T_MASK;
    cost += weight(node) * (samples && node->op != EQ_OP_SVID ? points : 1);
  }
  return cost;
}
