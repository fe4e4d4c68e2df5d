/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/plan.h"

#include <math.h>
#include <stdio.h>

const struct model_svid plan_svids[PLAN_SVIDS] = {{1, "Press", "mTorr", 10, 0.01}, {2, "RfFwd", "W", 10, 0.1}};

static const char *const tools[PLAN_HUBS] = {"ETCH-0", "ETCH-1", "ETCH-2"};

size_t plan_hub(size_t chamber) { return chamber / 2; }
struct model_key plan_key(size_t chamber) {
  return (struct model_key){tools[plan_hub(chamber)], chamber % 2 == 0 ? "A" : "B"};
}

/* Half a period off, so that no sample lies on the border of a step. */
int64_t plan_time(const struct plan *p, size_t sample) {
  return p->start_us + (int64_t)sample * PLAN_PERIOD_US + PLAN_PERIOD_US / 2;
}

double plan_value(const struct plan *p, size_t svid, size_t sample) {
  double v = 50.0 * (double)(svid + 1) + 0.01 * (double)((p->number * 7 + sample * 3 + svid) % 23);
  return svid == 0 && sample >= p->offset_from ? v + p->offset : v;
}

static struct plan_msg *add(struct plan *p, enum plan_kind kind, int64_t due_us) {
  TFDC_ASSERT(p->n_msgs < PLAN_MSGS);
  struct plan_msg *m = &p->msgs[p->n_msgs++];
  *m = (struct plan_msg){.kind = kind, .due_us = due_us};
  return m;
}

static void add_block(struct plan *p, size_t first, size_t n, int64_t late_us) {
  struct plan_msg *m = add(p, PLAN_BLOCK, p->start_us + (int64_t)(first + n) * PLAN_PERIOD_US + late_us);
  m->first = first;
  m->n = n;
}

/* A new lot, or a new recipe, which moves the run's points to another partition. */
static void add_amendment(struct plan *p, const char *lot, int64_t due_us, const struct plan_dice *dice) {
  struct plan_msg *m = add(p, PLAN_AMEND, due_us);
  m->recipe = dice->next(dice->user, 3) == 0;
  m->text = m->recipe ? "NITRIDE" : lot;
}

void plan_init(struct plan *p, size_t chamber, uint64_t number, int64_t start_us, const struct plan_dice *dice) {
  *p = (struct plan){.chamber = chamber,
                     .number = number,
                     .recipe = dice->next(dice->user, 4) == 0 ? "OXIDE" : "POLY",
                     .lot = "L1",
                     .start_us = start_us,
                     .end_us = start_us + PLAN_SAMPLES * PLAN_PERIOD_US};
  (void)snprintf(p->run_id, sizeof p->run_id, "run-%llu", (unsigned long long)number);
  p->id = model_context_id(plan_key(chamber), p->run_id, start_us);
  p->poison = dice->next(dice->user, 100) == 0;
  size_t late = dice->next(dice->user, 4) == 0 ? 5 : 0; /* samples that come after the end */
  uint64_t fault = dice->next(dice->user, 6);
  p->offset = fault < 2 ? 5 : 0;
  p->offset_from = fault == 1 ? PLAN_SAMPLES - 5 : PLAN_MAIN_FROM;
  add(p, PLAN_STEP, start_us)->text = "RAMP";
  add_block(p, 0, PLAN_MAIN_FROM, 0);
  add(p, PLAN_STEP, start_us + PLAN_MAIN_FROM * PLAN_PERIOD_US)->text = "MAIN";
  if (dice->next(dice->user, 8) == 0) add_amendment(p, "L2", p->msgs[p->n_msgs - 1].due_us, dice);
  size_t at = PLAN_MAIN_FROM;
  while (at < PLAN_SAMPLES - late) {
    size_t n = 10 + dice->next(dice->user, 25);
    if (at + n > PLAN_SAMPLES - late) n = PLAN_SAMPLES - late - at;
    add_block(p, at, n, 0);
    at += n;
  }
  add(p, PLAN_END, p->end_us);
  p->end_seq = p->n_msgs;
  int64_t after = (int64_t)dice->next(dice->user, 4000000);
  if (late > 0) add_block(p, at, late, after);
  if (dice->next(dice->user, 8) == 0) add_amendment(p, "L3", p->end_us + after + 500000, dice);
}

struct model_context plan_context(const struct plan *p) {
  return (struct model_context){.key = plan_key(p->chamber),
                                .run_id = p->run_id,
                                .start_us = p->start_us,
                                .end_us = MODEL_NO_TIME,
                                .received_us = MODEL_NO_TIME,
                                .stored_us = MODEL_NO_TIME,
                                .order_us = MODEL_NO_TIME,
                                .recipe_id = p->recipe,
                                .lot_id = p->lot,
                                .slot = -1,
                                .runs_since_pm = -1,
                                .wafers_since_clean = -1,
                                .rf_hours = NAN};
}

static struct model_block *make_block(const struct plan *p, const struct plan_msg *m, uint64_t seq) {
  struct model_column *columns;
  int64_t *times;
  double *values;
  struct model_block *b = model_block_create(PLAN_SVIDS, m->n, PLAN_SVIDS * m->n, &columns, &times, &values);
  TFDC_ASSERT(b != NULL);
  for (size_t i = 0; i < m->n; i++) times[i] = plan_time(p, m->first + i);
  for (size_t s = 0; s < PLAN_SVIDS; s++) {
    double *v = values + s * m->n;
    for (size_t i = 0; i < m->n; i++) v[i] = plan_value(p, s, m->first + i);
    columns[s] = (struct model_column){plan_svids[s].number, plan_svids[s].name, m->n, times, v};
  }
  b->points = PLAN_SVIDS * m->n;
  b->seq = seq;
  return b;
}

struct model_hub_msg plan_message(const struct plan *p, uint64_t seq, struct model_step *step,
                                  struct model_context *context) {
  const struct plan_msg *m = &p->msgs[seq - 1];
  struct model_hub_msg msg = {.seq = seq};
  switch (m->kind) {
  case PLAN_STEP: {
    bool ramp = m->text[0] == 'R';
    *step = (struct model_step){.name = m->text,
                                .number = ramp ? 1 : 2,
                                .start_us = p->start_us + (ramp ? 0 : PLAN_MAIN_FROM * PLAN_PERIOD_US),
                                .end_us = MODEL_NO_TIME};
    msg.kind = MODEL_HUB_STEP;
    msg.step = step;
    break;
  }
  case PLAN_BLOCK:
    msg.kind = MODEL_HUB_BLOCK;
    msg.block = make_block(p, m, seq);
    break;
  case PLAN_AMEND:
    *context = plan_context(p);
    *context = (struct model_context){.key = context->key,
                                      .start_us = MODEL_NO_TIME,
                                      .end_us = MODEL_NO_TIME,
                                      .received_us = MODEL_NO_TIME,
                                      .stored_us = MODEL_NO_TIME,
                                      .order_us = MODEL_NO_TIME,
                                      .lot_id = m->recipe ? NULL : m->text,
                                      .recipe_id = m->recipe ? m->text : NULL,
                                      .slot = -1,
                                      .runs_since_pm = -1,
                                      .wafers_since_clean = -1,
                                      .rf_hours = NAN};
    msg.kind = MODEL_HUB_AMEND;
    msg.context = context;
    break;
  case PLAN_END:
    msg.kind = MODEL_HUB_RUN_END;
    msg.end_us = p->end_us;
    msg.end_reason = MODEL_END_COMPLETE;
    break;
  }
  return msg;
}
