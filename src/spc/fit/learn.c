/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/fit/learn.h"

#include "spc/fit/dist.h"
#include "spc/fit/work.h"

#include <math.h>
#include <sleef.h>

/* Degrees of freedom below which no limits are given: a quantile far out in the tail of t would be without meaning. */
#define DOF_MIN 4.0
/* A chart that had to be widened holds its own good runs with this much to spare. */
#define OUTLIER_MARGIN 1.05
#define EULER_GAMMA    0.57721566490153286061
#define LN2            0.69314718055994530942

static double ln(double x) { return Sleef_cinz_logd1_u10purec(x); }

void spc_learn_options_init(struct spc_learn_options *ret) {
  *ret =
      (struct spc_learn_options){.alpha = 0.01, .alpha_warn = 0.05, .min_runs = 8, .min_centre = 3, .drift_ratio = 1.3};
}

const char *spc_learn_note_text(enum spc_learn_note note) {
  switch (note) {
  case SPC_NOTE_TOO_FEW: return "too few judged good runs: no limits";
  case SPC_NOTE_CONSTANT: return "constant in the good runs: limits from the resolution alone";
  case SPC_NOTE_FLOORED: return "spread below the resolution: the resolution is taken";
  case SPC_NOTE_DISCRETE: return "few distinct values: left out of the common width";
  case SPC_NOTE_OUTLIER: return "a good run lies far out: limits widened to hold it, left out of the common width";
  case SPC_NOTE_SKEWED: return "lopsided or heavy-tailed: widened on the longer side";
  case SPC_NOTE_DRIFT: return "spread above 1.3 times that of neighbouring runs: drift or shifts";
  case SPC_NOTE_GROUP: return "at least one chamber has too few good runs: no limits there";
  }
  return "";
}

/* Quantile 1 - alpha of the largest of m independent normal deviates, both sides. */
static double width_of_charts(double m, double alpha) {
  double p = -Sleef_cinz_expm1d1_u10purec(Sleef_cinz_log1pd1_u10purec(-alpha) / m);
  return spc_normal_upper(p / 2);
}

double spc_fit_width(const double *maxima, size_t n, double alpha, double *ret_charts_eff) {
  /* Gumbel's distribution by L-moments (Hosking 1990). */
  double b0 = 0, b1 = 0;
  for (size_t i = 0; i < n; i++) {
    b0 += maxima[i] / (double)n;
    if (n > 1) b1 += maxima[i] * (double)i / ((double)n * (double)(n - 1));
  }
  double beta = n > 1 ? (2 * b1 - b0) / LN2 : 0;
  double gumbel = b0 - EULER_GAMMA * beta - beta * ln(-Sleef_cinz_log1pd1_u10purec(-alpha));
  /* As many independent normal charts as have the same median. */
  double median = n % 2 ? maxima[n / 2] : 0.5 * (maxima[n / 2 - 1] + maxima[n / 2]);
  double charts = fmin(fmax(-LN2 / Sleef_cinz_log1pd1_u10purec(-2 * spc_normal_tail(median)), 1), 1e6);
  *ret_charts_eff = charts;
  return fmax(gumbel, width_of_charts(charts, alpha));
}

static bool in_family(const struct spc_learned_chart *c) {
  return !(c->notes & (SPC_NOTE_TOO_FEW | SPC_NOTE_CONSTANT | SPC_NOTE_DISCRETE | SPC_NOTE_OUTLIER));
}

/* Everything about one chart but its width; takes its deviations into the runs' maxima. */
static void fit_chart(struct spc_fit_chart *work, const struct spc_learn_input *in,
                      const struct spc_learn_options *options, size_t j, struct spc_learned *learned, double *maxima) {
  struct spc_learned_chart *c = &learned->chart[j];
  spc_fit_gather(work, in, j, learned, options->min_centre);
  if (work->n < options->min_runs || work->dof < DOF_MIN) {
    c->notes |= SPC_NOTE_TOO_FEW;
    return;
  }
  spc_fit_spread(work, c, in->n_groups, options->drift_ratio);
  spc_fit_leave_out(work, c, in->n_groups);
  spc_fit_shape(work, c);
  for (size_t g = 0; g < in->n_groups; g++) {
    double scale = c->s * sqrt(1 + 1 / (double)(work->begin[g + 1] - work->begin[g]));
    for (size_t i = work->begin[g]; i < work->begin[g + 1]; i++) {
      double d = work->r[i] / scale;
      c->far_up = fmax(c->far_up, d);
      c->far_lo = fmax(c->far_lo, -d);
    }
  }
  if (!in_family(c)) return;
  learned->n_family++;
  for (size_t i = 0; i < work->n; i++) {
    double z = work->z[i] / (work->z[i] > 0 ? c->factor_up : c->factor_lo);
    double *max = &maxima[work->run[i]];
    if (fabs(z) > *max) *max = fabs(z);
  }
}

static void fit_widths(struct spc_learned *learned) {
  double p = spc_normal_tail(learned->width), dof = 0, t = 0;
  for (size_t j = 0; j < learned->n_charts; j++) {
    struct spc_learned_chart *c = &learned->chart[j];
    if (c->notes & SPC_NOTE_TOO_FEW) continue;
    if (c->dof != dof) t = spc_t_upper(p, dof = c->dof);
    bool widen = (c->notes & (SPC_NOTE_OUTLIER | SPC_NOTE_DISCRETE)) != 0;
    c->width_up = fmax(t * c->factor_up, widen ? OUTLIER_MARGIN * c->far_up : 0);
    c->width_lo = fmax(t * c->factor_lo, widen ? OUTLIER_MARGIN * c->far_lo : 0);
  }
}

static tfdc_rc check_input(const struct spc_learn_input *in, const struct spc_learn_options *options,
                           struct tfdc_error *err) {
  if (in->n_runs == 0 || in->n_charts == 0 || in->n_groups == 0)
    return tfdc_fail(err, TFDC_E_LEARN, "no runs, no charts or no groups");
  if (in->n_runs > UINT32_MAX / 2 || in->n_groups > in->n_runs)
    return tfdc_fail(err, TFDC_E_USAGE, "%zu groups of %zu runs", in->n_groups, in->n_runs);
  for (size_t i = 0; i < in->n_runs; i++)
    if (in->group[i] >= in->n_groups) return tfdc_fail(err, TFDC_E_USAGE, "run %zu is of no group", i);
  if (!(options->alpha > 0 && options->alpha <= options->alpha_warn && options->alpha_warn < 0.5))
    return tfdc_fail(err, TFDC_E_USAGE, "alpha %g and alpha_warn %g do not rise within 0..0.5", options->alpha,
                     options->alpha_warn);
  if (in->n_runs < options->min_runs)
    return tfdc_fail(err, TFDC_E_LEARN, "%zu good runs; at least %zu are needed", in->n_runs, options->min_runs);
  return TFDC_OK;
}

static tfdc_rc alloc_all(const struct spc_learn_input *in, struct tfdc_arena *arena, struct spc_fit_chart *work,
                         double **maxima, struct spc_learned *ret) {
  size_t n = in->n_runs;
  ret->n_charts = in->n_charts;
  ret->n_groups = in->n_groups;
  ret->chart = tfdc_arena_array(arena, in->n_charts, sizeof *ret->chart);
  if (in->n_charts > SIZE_MAX / in->n_groups) return TFDC_E_NOMEM;
  ret->centre = tfdc_arena_array(arena, in->n_groups * in->n_charts, sizeof *ret->centre);
  work->run = tfdc_arena_array(arena, n, sizeof *work->run);
  work->begin = tfdc_arena_array(arena, in->n_groups + 1, sizeof *work->begin);
  work->x = tfdc_arena_array(arena, n, sizeof *work->x);
  work->r = tfdc_arena_array(arena, n, sizeof *work->r);
  work->z = tfdc_arena_array(arena, n, sizeof *work->z);
  work->sorted = tfdc_arena_array(arena, n, sizeof *work->sorted);
  *maxima = tfdc_arena_array(arena, n, sizeof **maxima);
  bool ok =
      ret->chart && ret->centre && work->run && work->begin && work->x && work->r && work->z && work->sorted && *maxima;
  if (!ok) return TFDC_E_NOMEM;
  for (size_t j = 0; j < in->n_charts; j++) ret->chart[j] = (struct spc_learned_chart){.ratio_mr = (double)NAN};
  for (size_t i = 0; i < n; i++) (*maxima)[i] = 0;
  return TFDC_OK;
}

static void common_width(struct spc_learned *learned, double *maxima, size_t n_runs,
                         const struct spc_learn_options *options, size_t n_limits) {
  size_t n = 0;
  for (size_t i = 0; i < n_runs; i++)
    if (maxima[i] > 0) maxima[n++] = maxima[i];
  spc_fit_sort(maxima, n);
  if (n >= options->min_runs) {
    learned->width = spc_fit_width(maxima, n, options->alpha, &learned->charts_eff);
    learned->width_warn = spc_fit_width(maxima, n, options->alpha_warn, &learned->charts_eff);
  } else { /* every chart is odd in some way: as for normal, independent ones */
    learned->charts_eff = (double)n_limits;
    learned->width = width_of_charts(learned->charts_eff, options->alpha);
    learned->width_warn = width_of_charts(learned->charts_eff, options->alpha_warn);
  }
  learned->warn_at = fmin(fmax(learned->width_warn / learned->width, 0.7), 0.95);
}

static size_t count_runs(const struct spc_learn_input *in) {
  size_t runs = 0;
  for (size_t i = 0; i < in->n_runs; i++) {
    size_t j = 0;
    while (j < in->n_charts && !isfinite(in->x[i * in->n_charts + j])) j++;
    runs += j < in->n_charts;
  }
  return runs;
}

tfdc_rc spc_learn(const struct spc_learn_input *in, const struct spc_learn_options *options, struct tfdc_arena *arena,
                  struct spc_learned *ret, struct tfdc_error *err) {
  TFDC_TRY(check_input(in, options, err));
  struct spc_learned learned = {0};
  struct spc_fit_chart work = {0};
  double *maxima = NULL;
  tfdc_rc rc = alloc_all(in, arena, &work, &maxima, &learned);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "learn %zu charts of %zu runs", in->n_charts, in->n_runs);
  size_t n_limits = 0, most = 0;
  for (size_t j = 0; j < in->n_charts; j++) {
    fit_chart(&work, in, options, j, &learned, maxima);
    n_limits += !(learned.chart[j].notes & SPC_NOTE_TOO_FEW);
    if (learned.chart[j].n > most) most = learned.chart[j].n;
  }
  if (n_limits == 0)
    return tfdc_fail(err, TFDC_E_LEARN,
                     "no chart has enough judged good runs: the best has %zu in %zu groups; at least %zu, and %g more "
                     "than groups, are needed",
                     most, in->n_groups, options->min_runs, DOF_MIN);
  learned.n_runs = count_runs(in);
  common_width(&learned, maxima, in->n_runs, options, n_limits);
  fit_widths(&learned);
  *ret = learned;
  return TFDC_OK;
}

tfdc_rc spc_learned_limit(const struct spc_learned *learned, size_t group, size_t chart, struct spc_limit *ret,
                          struct tfdc_error *err) {
  TFDC_ASSERT(group < learned->n_groups && chart < learned->n_charts);
  const struct spc_learned_chart *c = &learned->chart[chart];
  const struct spc_learned_centre *centre = &learned->centre[group * learned->n_charts + chart];
  if ((c->notes & SPC_NOTE_TOO_FEW) || isnan(centre->centre))
    return tfdc_fail(err, TFDC_E_NOT_FOUND, "chart %zu has no limits in group %zu: %u good runs there, %u in all",
                     chart, group, centre->n, c->n);
  struct spc_limit_basis basis = {.centre = centre->centre,
                                  .s = c->s,
                                  .width_lo = c->width_lo,
                                  .width_up = c->width_up,
                                  .n_centre = centre->n,
                                  .n_pool = c->dof};
  return spc_limit_init_basis(ret, &basis, err);
}
