/* SPDX-License-Identifier: Apache-2.0 */
#include "core/verdict.h"

#include "core/verdict_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int name_order(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The SVIDs that any program of the run reads, once each. */
static tfdc_rc wanted_names(const struct work *w, struct chunk_names *ret) {
  size_t n = 0, distinct = 0;
  for (size_t i = 0; i < w->in->n_picks; i++)
    for (size_t k = 0; k < w->programs[i]->n; k++)
      for (size_t s = 0; w->programs[i]->charts[k] && eq_program_svid(w->programs[i]->charts[k], s); s++) n++;
  const char **names = tfdc_arena_array(w->mem, n, sizeof *names);
  if (names == NULL) return TFDC_E_NOMEM;
  n = 0;
  for (size_t i = 0; i < w->in->n_picks; i++)
    for (size_t k = 0; k < w->programs[i]->n; k++)
      for (size_t s = 0; w->programs[i]->charts[k] && eq_program_svid(w->programs[i]->charts[k], s); s++)
        names[n++] = eq_program_svid(w->programs[i]->charts[k], s);
  if (n > 0) qsort(names, n, sizeof *names, name_order);
  for (size_t i = 0; i < n; i++)
    if (distinct == 0 || strcmp(names[distinct - 1], names[i]) != 0) names[distinct++] = names[i];
  *ret = (struct chunk_names){names, distinct};
  return TFDC_OK;
}

static enum model_reason reason_of_rc(tfdc_rc rc) {
  switch (rc) {
  case TFDC_OK: return MODEL_REASON_NONE;
  case TFDC_E_LIMIT: return MODEL_REASON_TOO_LARGE;
  case TFDC_E_CONFLICT: return MODEL_REASON_CONFLICT;
  default: return MODEL_REASON_CORRUPT;
  }
}

/* The run as equations see it, or the reason why they cannot. */
static tfdc_rc make_run(struct work *w) {
  struct chunk_names names;
  TFDC_TRY(wanted_names(w, &names));
  struct eq_series *series = NULL;
  size_t n_series = 0;
  if (w->trace == MODEL_REASON_NONE) {
    tfdc_rc rc =
        chunk_decode(w->in->chunks, w->in->n_chunks, &names, w->in->max_bytes, &w->scratch, &series, &n_series, NULL);
    if (rc == TFDC_E_NOMEM) return rc;
    w->trace = reason_of_rc(rc);
  }
  return chunk_eq_run(w->in->context, series, n_series, w->mem, &w->run);
}

static tfdc_rc compile_missing(struct work *w, struct verdict_output *out) {
  out->programs = tfdc_arena_alloc(w->mem, (w->in->n_picks + 1) * sizeof(struct programs *));
  w->programs = tfdc_arena_array(w->mem, w->in->n_picks, sizeof(struct programs *));
  if (out->programs == NULL || w->programs == NULL) return TFDC_E_NOMEM;
  out->n_records = w->in->n_picks; /* so that what was compiled is released */
  for (size_t i = 0; i < w->in->n_picks; i++) {
    w->programs[i] = w->in->picks[i].programs;
    if (w->programs[i] != NULL) continue;
    TFDC_TRY(programs_create(w->in->picks[i].from.strategy, w->in->chamber, &out->programs[i]));
    w->programs[i] = out->programs[i];
  }
  return TFDC_OK;
}

/* Worst of the judged charts; where that would be OK but a chart not marked optional was not judged: NOT_JUDGED with
 * the reason of the first such chart (DESIGN section 2). */
static void sum_up(struct work *w, const struct verdict_output *out, struct model_run_verdict *v) {
  enum model_reason missing = MODEL_REASON_NONE;
  enum spc_verdict worst = SPC_NOT_JUDGED;
  for (size_t i = 0; i < out->n_records; i++) {
    const struct model_u_record *r = &out->records[i];
    for (size_t k = 0; k < r->n_points; k++) {
      const struct model_point *p = &r->points[k];
      worst = spc_verdict_worst(worst, (enum spc_verdict)p->verdict);
      v->judged += p->verdict != MODEL_NOT_JUDGED;
      bool optional = w->in->picks[i].from.strategy->charts[k].optional;
      if (p->verdict == MODEL_NOT_JUDGED && !optional && missing == MODEL_REASON_NONE) missing = p->reason;
    }
    v->charts += (uint32_t)r->n_points;
  }
  v->verdict = (enum model_verdict)worst;
  if (worst == SPC_OK && missing != MODEL_REASON_NONE) v->verdict = MODEL_NOT_JUDGED;
  if (v->verdict == MODEL_NOT_JUDGED) {
    v->reason = missing;
    if (missing == MODEL_REASON_NONE) v->reason = v->charts == 0 ? MODEL_REASON_NO_LIMITS : MODEL_REASON_NO_DATA;
  }
}

static void fill_verdict(struct work *w, struct verdict_output *out) {
  const struct model_context *c = w->in->context;
  out->verdict = (struct model_run_verdict){
      .context_id = c->context_id,
      .revision = c->revision,
      .judgement = w->in->judgement,
      .key = c->key,
      .order_us = c->order_us,
      .late = w->in->late,
      .judged_us = w->in->now.us,
      .latency_us = c->historical ? 0 : w->in->now.us - c->received_us,
      .defender = w->in->defender,
      .recipe_id = c->recipe_id,
      .lot_id = c->lot_id,
      .substrate_id = c->substrate_id,
  };
  sum_up(w, out, &out->verdict);
  out->verdict.text = verdict_text(w, out);
}

static tfdc_rc compute(struct work *w, struct verdict_output *out) {
  TFDC_TRY(compile_missing(w, out));
  TFDC_TRY(make_run(w));
  out->records = tfdc_arena_alloc(w->mem, (w->in->n_picks + 1) * sizeof *out->records);
  out->alarms = tfdc_arena_alloc(w->mem, (w->in->n_picks * 3 + 1) * sizeof *out->alarms);
  if (out->records == NULL || out->alarms == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < w->in->n_picks; i++) TFDC_TRY(verdict_judge_pick(w, i, out));
  fill_verdict(w, out);
  return TFDC_OK;
}

static tfdc_rc compute_as(const struct verdict_input *in, enum model_reason trace, struct verdict_output *ret,
                          bool *ret_full) {
  struct work w = {.in = in, .mem = &ret->mem, .trace = trace, .scratch = {.limit = in->max_bytes + in->max_bytes / 2}};
  tfdc_rc rc = compute(&w, ret);
  *ret_full = w.scratch.full;
  tfdc_arena_deinit(&w.scratch);
  return rc;
}

tfdc_rc verdict_compute(const struct verdict_input *in, struct verdict_output *ret) {
  bool full;
  tfdc_rc rc = compute_as(in, in->trace, ret, &full);
  if (rc != TFDC_E_NOMEM || !full || in->trace != MODEL_REASON_NONE) return rc;
  verdict_release(ret); /* it was the job's own limit: no retry will do better */
  return compute_as(in, MODEL_REASON_TOO_LARGE, ret, &full);
}

void verdict_release(struct verdict_output *out) {
  for (size_t i = 0; out->programs != NULL && i < out->n_records; i++) programs_unref(out->programs[i]);
  tfdc_arena_deinit(&out->mem);
  *out = (struct verdict_output){0};
}

struct model_run_verdict verdict_of_nothing(const struct model_completion *m, enum model_reason reason, tfdc_wall now,
                                            const char *defender) {
  return (struct model_run_verdict){.context_id = m->context_id,
                                    .revision = m->revision,
                                    .judgement = m->judgement,
                                    .key = m->key,
                                    .order_us = m->order_us,
                                    .verdict = MODEL_NOT_JUDGED,
                                    .reason = reason,
                                    .judged_us = now.us,
                                    .latency_us = now.us - m->timestamp_us,
                                    .defender = defender,
                                    .recipe_id = m->recipe_id};
}
