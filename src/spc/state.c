/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/state.h"

#include "spc/rule_kind.h"
#include "spc/take.h"

#include <math.h>
#include <stdlib.h>

enum { STATE_VERSION = 1, RUN_MAX = 1000000, OFFSET_MAX = 5 };

void spc_state_init(struct spc_state *ret) { *ret = (struct spc_state){0}; }

static void forget_patterns(struct spc_state *s) {
  *s = (struct spc_state){.n_points = s->n_points, .gap = s->gap, .offset = s->offset};
}

/* One more in a row of the same sign, else the first of a new row; sign 0 (a tie, the centre itself) ends it. */
static int32_t lengthen(int32_t run, int sign) {
  bool same = (sign > 0 && run > 0) || (sign < 0 && run < 0);
  if (!same) return sign;
  return labs(run) >= RUN_MAX ? run : run + sign;
}

static int sign_of(double d) { return (d > 0) - (d < 0); }

static void push(struct spc_state *s, double z, uint32_t depth) {
  if (s->n_ring > 0) {
    int step = sign_of(z - s->ring[s->n_ring - 1]);
    s->trend = lengthen(s->trend, step);
    /* Opposite to the step before: the row goes on with the sign turned. */
    s->alternate = lengthen(-s->alternate, step);
  }
  s->side = lengthen(s->side, sign_of(z));
  uint32_t keep = s->n_ring < depth ? s->n_ring : depth - 1;
  memmove(s->ring, s->ring + (s->n_ring - keep), keep * sizeof s->ring[0]);
  memset(s->ring + keep, 0, sizeof s->ring - keep * sizeof s->ring[0]);
  s->ring[keep] = z;
  s->n_ring = keep + 1;
  s->gap = 0;
  if (s->n_points < UINT32_MAX) s->n_points++;
}

void spc_state_step(const struct spc_state *before, double z, const struct spc_rules *rules, struct spc_state *after,
                    struct spc_hits *ret) {
  struct spc_state s = {0};
  if (before) s = *before;
  *ret = (struct spc_hits){.verdict = SPC_NOT_JUDGED};
  if (isnan(z)) {
    if (s.gap < UINT32_MAX) s.gap++;
    if (s.gap > SPC_STATE_GAP_MAX) forget_patterns(&s);
    *after = s;
    return;
  }
  uint32_t depth = rules->depth < 2 ? 2 : rules->depth;
  TFDC_ASSERT(depth <= SPC_RING_MAX && s.n_ring <= SPC_RING_MAX && rules->count <= SPC_RULES_MAX);
  push(&s, z, depth);
  ret->verdict = SPC_OK;
  for (uint32_t i = 0; i < rules->count; i++) {
    const struct spc_rule *rule = &rules->rule[i];
    if (!spc_rule_rows[rule->kind].complete(&s, rule)) continue;
    ret->fired |= UINT32_C(1) << i;
    ret->verdict = spc_verdict_worst(ret->verdict, rule->verdict);
  }
  *after = s;
}

void spc_state_encode(const struct spc_state *s, struct tfdc_buf *out) {
  tfdc_put_u8(out, STATE_VERSION);
  tfdc_put_u8(out, (uint8_t)s->n_ring);
  for (uint32_t i = 0; i < s->n_ring; i++) tfdc_put_f64(out, false, s->ring[i]);
  tfdc_put_uvarint(out, s->n_points);
  tfdc_put_uvarint(out, s->gap);
  tfdc_put_svarint(out, s->side);
  tfdc_put_svarint(out, s->trend);
  tfdc_put_svarint(out, s->alternate);
  tfdc_put_f64(out, false, s->offset);
}

static tfdc_rc take_run(struct tfdc_cursor *in, int32_t *ret) {
  int64_t v;
  TFDC_TRY(tfdc_take_svarint(in, &v));
  if (v > RUN_MAX || v < -RUN_MAX) return TFDC_E_MALFORMED;
  *ret = (int32_t)v;
  return TFDC_OK;
}

static tfdc_rc take_state(struct tfdc_cursor *in, struct spc_state *s) {
  uint8_t version, n_ring;
  TFDC_TRY(tfdc_take_u8(in, &version));
  if (version > STATE_VERSION) return TFDC_E_SCHEMA;
  if (version == 0) return TFDC_E_MALFORMED;
  TFDC_TRY(tfdc_take_u8(in, &n_ring));
  if (n_ring > SPC_RING_MAX) return TFDC_E_MALFORMED;
  s->n_ring = n_ring;
  for (uint32_t i = 0; i < s->n_ring; i++) {
    TFDC_TRY(tfdc_take_f64(in, false, &s->ring[i]));
    if (!isfinite(s->ring[i])) return TFDC_E_MALFORMED;
  }
  TFDC_TRY(spc_take_u32(in, &s->n_points));
  TFDC_TRY(spc_take_u32(in, &s->gap));
  TFDC_TRY(take_run(in, &s->side));
  TFDC_TRY(take_run(in, &s->trend));
  TFDC_TRY(take_run(in, &s->alternate));
  TFDC_TRY(tfdc_take_f64(in, false, &s->offset));
  if (!(fabs(s->offset) <= OFFSET_MAX)) return TFDC_E_MALFORMED;
  bool sane = s->n_points >= s->n_ring && (s->n_ring > 0 || (s->side == 0 && s->trend == 0 && s->alternate == 0)) &&
              labs(s->side) <= (long)s->n_points && labs(s->trend) <= (long)s->n_points &&
              labs(s->alternate) <= (long)s->n_points;
  return sane ? TFDC_OK : TFDC_E_MALFORMED;
}

tfdc_rc spc_state_decode(struct tfdc_cursor *in, struct spc_state *ret, struct tfdc_error *err) {
  struct tfdc_cursor c = *in;
  struct spc_state s = {0};
  tfdc_rc rc = take_state(&c, &s);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "rule state: byte %zu", c.pos);
  *in = c;
  *ret = s;
  return TFDC_OK;
}

/* The centre follows a point that did not alarm; what a lone far point teaches is bounded by the limit. */
static double follow(const struct spc_limit *limit, const struct spc_limit *moved, double offset, double x) {
  double next = offset + limit->adapt * (x - moved->centre) / limit->s;
  return next > limit->adapt_max ? limit->adapt_max : next < -limit->adapt_max ? -limit->adapt_max : next;
}

void spc_judge(const struct spc_limit *limit, const struct spc_rules *rules, double x, const struct spc_state *before,
               struct spc_state *after, struct spc_point *ret) {
  static const struct spc_rules none = {.depth = 2};
  const double missing = (double)NAN;
  double offset = before ? before->offset : 0;
  struct spc_limit moved = {.centre = missing, .lcl = missing, .ucl = missing};
  if (limit) moved = spc_limit_moved(limit, limit->adapt > 0 ? offset : 0);
  bool judged = limit && isfinite(x);
  bool fixed = judged && !(limit->s > 0);
  double u = judged ? spc_limit_u(&moved, x) : missing;
  struct spc_hits hits;
  spc_state_step(before, u, fixed ? &none : rules, after, &hits);
  enum spc_verdict verdict = hits.verdict;
  if (judged && (fixed || x > limit->act_up || x < limit->act_lo))
    verdict = spc_verdict_worst(verdict, spc_limit_verdict(&moved, x));
  if (judged && limit->adapt > 0 && verdict <= SPC_WARN) after->offset = follow(limit, &moved, offset, x);
  *ret = (struct spc_point){.u = u,
                            .score = fabs(u),
                            .verdict = verdict,
                            .fired = hits.fired,
                            .centre = moved.centre,
                            .lcl = moved.lcl,
                            .ucl = moved.ucl};
}
