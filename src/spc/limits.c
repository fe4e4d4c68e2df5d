/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/limits.h"

#include <float.h>
#include <math.h>

/* Deviations are cut here so that no infinity reaches a record. */
#define U_MAX 1e9

/* Where one limit and no centre gives no scale. */
#define U_BEYOND_UNSCALED 1.25

static double cut(double u) { return u > U_MAX ? U_MAX : u < -U_MAX ? -U_MAX : u; }

static double s_pred(double s, double n_centre) { return n_centre > 0 ? s * sqrt(1.0 + 1.0 / n_centre) : s; }

static tfdc_rc check_width(double width, const char *name, struct tfdc_error *err) {
  if (!(width >= 0 && width <= U_MAX)) return tfdc_fail(err, TFDC_E_RANGE, "%s %g is not in 0..1e9", name, width);
  return TFDC_OK;
}

tfdc_rc spc_limit_init_basis(struct spc_limit *ret, const struct spc_limit_basis *b, struct tfdc_error *err) {
  if (!isfinite(b->centre)) return tfdc_fail(err, TFDC_E_RANGE, "centre %g is not finite", b->centre);
  if (!(b->s > 0) || !isfinite(b->s)) return tfdc_fail(err, TFDC_E_RANGE, "s %g is not above 0", b->s);
  TFDC_TRY(check_width(b->width_lo, "width_lo", err));
  TFDC_TRY(check_width(b->width_up, "width_up", err));
  if (!(b->n_centre == 0 || (b->n_centre >= 1 && isfinite(b->n_centre))))
    return tfdc_fail(err, TFDC_E_RANGE, "n_centre %g is neither 0 nor at least 1", b->n_centre);
  if (!(b->n_pool >= 0) || !isfinite(b->n_pool)) return tfdc_fail(err, TFDC_E_RANGE, "n_pool %g is below 0", b->n_pool);
  double sp = s_pred(b->s, b->n_centre);
  struct spc_limit limit = {.centre = b->centre,
                            .s = b->s,
                            .width_lo = b->width_lo,
                            .width_up = b->width_up,
                            .n_centre = b->n_centre,
                            .n_pool = b->n_pool,
                            .lcl = b->width_lo > 0 ? b->centre - b->width_lo * sp : (double)NAN,
                            .ucl = b->width_up > 0 ? b->centre + b->width_up * sp : (double)NAN,
                            .act_lo = (double)NAN,
                            .act_up = (double)NAN};
  TFDC_TRY(spc_limit_check(&limit, err));
  *ret = limit;
  return TFDC_OK;
}

tfdc_rc spc_limit_init_fixed(struct spc_limit *ret, double centre, double lcl, double ucl, struct tfdc_error *err) {
  if (isnan(lcl) && isnan(ucl)) return tfdc_fail(err, TFDC_E_RANGE, "neither a lower nor an upper limit is given");
  if (isnan(centre) && !isnan(lcl) && !isnan(ucl)) centre = lcl + (ucl - lcl) / 2;
  struct spc_limit limit = {.centre = centre, .lcl = lcl, .ucl = ucl, .act_lo = (double)NAN, .act_up = (double)NAN};
  TFDC_TRY(spc_limit_check(&limit, err));
  *ret = limit;
  return TFDC_OK;
}

tfdc_rc spc_limit_set_action(struct spc_limit *limit, double act_lo, double act_up, struct tfdc_error *err) {
  struct spc_limit copy = *limit;
  copy.act_lo = act_lo;
  copy.act_up = act_up;
  TFDC_TRY(spc_limit_check(&copy, err));
  *limit = copy;
  return TFDC_OK;
}

tfdc_rc spc_limit_set_adapt(struct spc_limit *limit, double adapt, double adapt_max, struct tfdc_error *err) {
  struct spc_limit copy = *limit;
  copy.adapt = adapt;
  copy.adapt_max = adapt_max;
  TFDC_TRY(spc_limit_check(&copy, err));
  *limit = copy;
  return TFDC_OK;
}

struct spc_limit spc_limit_moved(const struct spc_limit *limit, double offset) {
  struct spc_limit moved = *limit;
  if (offset == 0 || !(limit->s > 0)) return moved;
  double by = offset * limit->s;
  moved.centre += by;
  moved.lcl += by;
  moved.ucl += by;
  return moved;
}

tfdc_rc spc_limit_check(const struct spc_limit *l, struct tfdc_error *err) {
  if (isinf(l->centre) || isinf(l->lcl) || isinf(l->ucl) || isinf(l->act_lo) || isinf(l->act_up))
    return tfdc_fail(err, TFDC_E_RANGE, "a limit or the centre is infinite");
  if (!(l->s >= 0) || isinf(l->s)) return tfdc_fail(err, TFDC_E_RANGE, "s %g is below 0 or not finite", l->s);
  if (l->s > 0 && isnan(l->centre)) return tfdc_fail(err, TFDC_E_RANGE, "limits with s have no centre");
  if (l->lcl >= l->ucl) return tfdc_fail(err, TFDC_E_RANGE, "lcl %.17g is not below ucl %.17g", l->lcl, l->ucl);
  if (l->centre <= l->lcl)
    return tfdc_fail(err, TFDC_E_RANGE, "centre %.17g is not above lcl %.17g", l->centre, l->lcl);
  if (l->centre >= l->ucl)
    return tfdc_fail(err, TFDC_E_RANGE, "centre %.17g is not below ucl %.17g", l->centre, l->ucl);
  if (l->act_lo >= l->act_up)
    return tfdc_fail(err, TFDC_E_RANGE, "act_lo %.17g is not below act_up %.17g", l->act_lo, l->act_up);
  if (!(l->adapt >= 0 && l->adapt <= 0.3) || !(l->adapt_max >= 0 && l->adapt_max <= 5))
    return tfdc_fail(err, TFDC_E_RANGE, "adapt %g is not in 0..0.3 or adapt_max %g not in 0..5", l->adapt,
                     l->adapt_max);
  if (l->adapt > 0 && !(l->s > 0)) return tfdc_fail(err, TFDC_E_RANGE, "fixed limits do not adapt");
  return TFDC_OK;
}

double spc_limit_u(const struct spc_limit *l, double x) {
  if (isnan(x)) return (double)NAN;
  if (isnan(l->centre)) return x > l->ucl ? U_BEYOND_UNSCALED : x < l->lcl ? -U_BEYOND_UNSCALED : 0.0;
  double u = 0;
  if (x > l->centre && !isnan(l->ucl)) {
    u = (x - l->centre) / (l->ucl - l->centre);
    /* The subtraction may round both sides to the same number; the limit itself decides. */
    if (x > l->ucl && u <= 1) u = 1 + DBL_EPSILON;
  } else if (x < l->centre && !isnan(l->lcl)) {
    u = (x - l->centre) / (l->centre - l->lcl);
    if (x < l->lcl && u >= -1) u = -1 - DBL_EPSILON;
  }
  return cut(u);
}

double spc_limit_z(const struct spc_limit *l, double x) {
  if (isnan(x) || !(l->s > 0)) return (double)NAN;
  return cut((x - l->centre) / s_pred(l->s, l->n_centre));
}

enum spc_verdict spc_limit_verdict(const struct spc_limit *l, double x) {
  if (isnan(x)) return SPC_NOT_JUDGED;
  if (x > l->act_up || x < l->act_lo) return SPC_ACTION;
  return x > l->ucl || x < l->lcl ? SPC_OOC : SPC_OK;
}
