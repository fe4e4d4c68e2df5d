/* SPDX-License-Identifier: Apache-2.0
 * One program under evaluation on one run. Internal to eq. */
#ifndef EQ_EQ_EVAL_H
#define EQ_EQ_EVAL_H

#include "eq/eq_data.h"

struct eq_slot { /* the value of a node that is a number, a condition or a list */
  struct eq_value v;
  struct eq_value *list; /* [n_list], one per interval */
  size_t n_list;
};

struct eq_frame {
  struct eq_ctx *ctx;
  const struct eq_program *prog;
  struct eq_slot *slots;       /* [n_nodes] */
  const struct eq_rwin **wins; /* [n_wins], NULL until resolved */
  struct eq_trace **memo;      /* [n_nodes * n_wins] of elementwise series; NULL until one is needed */
};

/* NULL without memory (ctx->failed). */
const struct eq_rwin *eq_window_of(struct eq_frame *f, int win);
struct eq_trace *eq_series_of(struct eq_frame *f, int node, int win);
/* Enough samples of enough quality for an aggregate? */
enum eq_reason eq_judge_samples(struct eq_ctx *ctx, const struct eq_trace *tr, struct eq_data *d,
                                const struct eq_node *limits, double *ret_quality);

#endif
