/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_VERDICT_PRIV_H
#define CORE_VERDICT_PRIV_H

#include "core/verdict.h"
#include "spc/episode.h"
#include "spc/state.h"

/* One judgement under way. */
struct work {
  const struct verdict_input *in;
  struct tfdc_arena *mem;     /* of the output */
  struct tfdc_arena scratch;  /* traces; gone afterwards */
  struct programs **programs; /* one for each pick */
  struct eq_run run;
  enum model_reason trace;
};

/* verdict_pick.c: the record of one strategy, and the change of its alarm if any. */
TFDC_MUST_USE tfdc_rc verdict_judge_pick(struct work *w, size_t pick, struct verdict_output *out);
/* "Press_mean 52.3 mTorr above UCL 51.9" of the worst point, or NULL. */
const char *verdict_point_text(struct tfdc_arena *mem, const struct model_point *p);
/* The line of the run's verdict; NULL when all is well. */
const char *verdict_text(struct work *w, const struct verdict_output *out);

#endif
