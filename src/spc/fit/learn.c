/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/fit/learn.h"

#include "spc/fit/dist.h"
#include "spc/fit/work.h"

#include <math.h>
#include <sleef.h>

/* A chart that had to be widened holds its own good runs with this much to spare. */
#define OUTLIER_MARGIN 1.05
/* No normal run of a chart lies this far out, in units of its factor on the scale of a normal deviate. */
#define OUTLIER_Z 6.0
/* Factor from which a chart is noted as lopsided or heavy-tailed. */
#define SKEWED_FACTOR 1.1
#define EULER_GAMMA   0.57721566490153286061
#define LN3           1.09861228866810969140
/* Shape of the extreme-value distribution at most: 1 over the degrees of freedom of t. */
#define XI_MAX 0.2
#define LN2    0.69314718055994530942

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
  case SPC_NOTE_OUTLIER:
    return "a good run lies far out: left out of centre and spread, limits widened to hold it, left out of the common "
           "width";
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

/* Quantile 1 - alpha of the generalised extreme-value distribution fitted by L-moments (Hosking, J. Royal Statistical
 * Society B 52 (1990), table 2). Its shape counts only where the tail is heavier than Gumbel's, and as far as it stands
 * out of its standard error, about 0.75 / sqrt(n). */
static double extreme_value_quantile(const double *maxima, size_t n, double alpha) {
  double b0 = 0, b1 = 0, b2 = 0, count = (double)n;
  for (size_t i = 0; i < n; i++) {
    double at = (double)i;
    b0 += maxima[i] / count;
    b1 += maxima[i] * at / (count * (count - 1));
    b2 += maxima[i] * at * (at - 1) / (count * (count - 1) * (count - 2));
  }
  double l2 = 2 * b1 - b0, l3 = 6 * b2 - 6 * b1 + b0;
  double rate = -Sleef_cinz_log1pd1_u10purec(-alpha);
  if (!(l2 > 0)) return b0;
  double c = 2 / (3 + l3 / l2) - LN2 / LN3;
  double xi = -(7.8590 * c + 2.9554 * c * c), error = 0.75 / sqrt(count);
  if (xi < error) {
    double beta = l2 / LN2;
    return b0 - EULER_GAMMA * beta - beta * ln(rate);
  }
  xi = fmin(xi * (1 - error * error / (xi * xi)), XI_MAX);
  if (xi < 1e-6) xi = 1e-6;
  double gamma = Sleef_cinz_tgammad1_u10purec(1 - xi);
  double sigma = l2 * xi / (gamma * (Sleef_cinz_expd1_u10purec(xi * LN2) - 1));
  return b0 + sigma / xi * (Sleef_cinz_expd1_u10purec(-xi * ln(rate)) - gamma);
}

double spc_fit_width(const double *maxima, size_t n, double alpha, double *ret_charts_eff) {
  TFDC_ASSERT(n >= 3);
  /* As many independent normal charts as have the same median. */
  double median = n % 2 ? maxima[n / 2] : 0.5 * (maxima[n / 2 - 1] + maxima[n / 2]);
  double charts = fmin(fmax(-LN2 / Sleef_cinz_log1pd1_u10purec(-2 * spc_normal_tail(median)), 1), 1e6);
  *ret_charts_eff = charts;
  return fmax(extreme_value_quantile(maxima, n, alpha), width_of_charts(charts, alpha));
}

static bool in_family(const struct spc_learned_chart *c) {
  return !(c->notes & (SPC_NOTE_TOO_FEW | SPC_NOTE_CONSTANT | SPC_NOTE_DISCRETE | SPC_NOTE_OUTLIER));
}

/* What learning holds while it goes on; arrays in the arena. */
struct fit {
  const struct spc_learn_input *in;
  const struct spc_learn_options *options;
  struct spc_fit_chart work;
  struct spc_fit_moments *moments; /* of the charts of the family */
  struct spc_fit_pool pool;
  uint8_t *outlying; /* n_runs: 1 = some chart set this run aside */
  double *maxima;    /* n_runs: largest deviation of each run over the family, each in units of its chart's factor */
};

/* First round: every chart by itself. */
static void fit_alone(struct fit *f, struct spc_learned *learned) {
  f->work.bulk_z = OUTLIER_Z;
  for (size_t j = 0; j < learned->n_charts; j++) {
    if (!spc_fit_chart(&f->work, f->in, f->options, j, learned)) continue;
    if (in_family(&learned->chart[j])) f->moments[learned->n_family++] = f->work.moments;
  }
  spc_fit_pool_shapes(f->moments, learned->n_family, &f->pool);
}

/* The farthest good runs, those set aside included. */
static void take_farthest(struct fit *f, size_t j, const struct spc_learned *learned, struct spc_learned_chart *c) {
  const struct spc_fit_chart *work = &f->work;
  for (size_t g = 0; g < f->in->n_groups; g++) {
    const struct spc_learned_centre *centre = &learned->centre[g * learned->n_charts + j];
    if (isnan(centre->centre)) continue;
    double scale = c->s * sqrt(1 + 1.0 / centre->n);
    for (size_t i = work->all[g]; i < work->all[g + 1]; i++) {
      double x = f->in->x[work->order[i] * learned->n_charts + j];
      if (!spc_fit_counts(x)) continue;
      double d = (x - centre->centre) / scale;
      c->far_up = fmax(c->far_up, d);
      c->far_lo = fmax(c->far_lo, -d);
      if (!work->aside[work->order[i]]) continue;
      f->outlying[work->order[i]] = 1;
      if (fabs(d) <= c->t_max) continue;
      c->t_max = fabs(d);
      c->t_max_run = work->order[i];
    }
  }
}

/* Deviations of the chart's runs in units of its factors, into work->sorted by judged run, and the largest. A deviation
 * is measured by the factor that the chart would have without it; else far runs would excuse themselves. */
static void scale_deviations(struct fit *f, struct spc_learned_chart *c) {
  struct spc_fit_chart *work = &f->work;
  c->t_max = 0;
  for (size_t i = 0; i < work->n; i++) {
    work->sorted[i] = 0;
    if (isnan(work->z[i])) continue;
    struct spc_fit_moments rest = spc_fit_without(&work->moments, work->z[i]);
    work->sorted[i] = fabs(work->z[i]) / spc_fit_factor(&rest, &f->pool, work->z[i] > 0 ? 1 : -1);
    if (!(work->sorted[i] > c->t_max)) continue;
    c->t_max = work->sorted[i];
    c->t_max_run = work->run[i];
  }
  if (c->t_max > OUTLIER_Z) c->notes |= SPC_NOTE_OUTLIER;
}

/* Second round: the factors of each chart, and the maxima. */
static void fit_together(struct fit *f, struct spc_learned *learned) {
  struct spc_fit_chart *work = &f->work;
  learned->n_family = 0;
  work->bulk_z = OUTLIER_Z * spc_fit_pool_factor(&f->pool);
  for (size_t j = 0; j < learned->n_charts; j++) {
    struct spc_learned_chart *c = &learned->chart[j];
    if (!spc_fit_chart(work, f->in, f->options, j, learned)) continue;
    c->factor_up = spc_fit_factor(&work->moments, &f->pool, 1);
    c->factor_lo = spc_fit_factor(&work->moments, &f->pool, -1);
    if (c->factor_up > SKEWED_FACTOR || c->factor_lo > SKEWED_FACTOR) c->notes |= SPC_NOTE_SKEWED;
    scale_deviations(f, c);
    take_farthest(f, j, learned, c);
    if (!in_family(c)) continue;
    learned->n_family++;
    for (size_t i = 0; i < work->n; i++) {
      double *max = &f->maxima[work->run[i]];
      if (work->sorted[i] > *max) *max = work->sorted[i];
    }
  }
}

/* One good run far out, on however many charts, is within the budget of about alpha n alarms; when more runs are, the
 * charts are widened to hold them. */
static bool within_budget(const struct fit *f) {
  double count = 0, n = (double)f->in->n_runs;
  for (size_t i = 0; i < f->in->n_runs; i++) count += f->outlying[i];
  return count <= f->options->alpha * n + 0.5;
}

/* Autocorrelation makes a centre worth fewer runs than stand behind it. The limits know only those runs, so the widths
 * take the difference, by the centre with the fewest. */
static double centre_factor(const struct spc_learned *learned, size_t j) {
  uint32_t fewest = UINT32_MAX;
  for (size_t g = 0; g < learned->n_groups; g++) {
    const struct spc_learned_centre *centre = &learned->centre[g * learned->n_charts + j];
    if (!isnan(centre->centre) && centre->n < fewest) fewest = centre->n;
  }
  return sqrt((1 + learned->chart[j].inflation / fewest) / (1 + 1.0 / fewest));
}

static void fit_widths(const struct fit *f, struct spc_learned *learned) {
  uint32_t widened = SPC_NOTE_DISCRETE | (within_budget(f) ? 0 : SPC_NOTE_OUTLIER);
  double p = spc_normal_tail(learned->width), dof = 0, t = 0;
  for (size_t j = 0; j < learned->n_charts; j++) {
    struct spc_learned_chart *c = &learned->chart[j];
    if (c->notes & SPC_NOTE_TOO_FEW) continue;
    if (c->dof != dof) t = spc_t_upper(p, dof = c->dof);
    bool widen = (c->notes & widened) != 0;
    double by = t * centre_factor(learned, j);
    c->width_up = fmax(by * c->factor_up, widen ? OUTLIER_MARGIN * c->far_up : 0);
    c->width_lo = fmax(by * c->factor_lo, widen ? OUTLIER_MARGIN * c->far_lo : 0);
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

static tfdc_rc fit_alloc(struct fit *f, struct tfdc_arena *arena, struct spc_learned *ret) {
  size_t n = f->in->n_runs, charts = f->in->n_charts, groups = f->in->n_groups;
  struct spc_fit_chart *w = &f->work;
  if (charts > SIZE_MAX / groups) return TFDC_E_NOMEM;
  uint32_t *order = tfdc_arena_array(arena, n, sizeof *order), *all = tfdc_arena_array(arena, groups + 1, sizeof *all);
  ret->n_charts = charts;
  ret->n_groups = groups;
  bool ok = order && all && (ret->chart = tfdc_arena_array(arena, charts, sizeof *ret->chart)) &&
            (ret->centre = tfdc_arena_array(arena, groups * charts, sizeof *ret->centre)) &&
            (f->moments = tfdc_arena_array(arena, charts, sizeof *f->moments)) &&
            (f->outlying = tfdc_arena_array(arena, n, sizeof *f->outlying)) &&
            (f->maxima = tfdc_arena_array(arena, n, sizeof *f->maxima)) &&
            (w->aside = tfdc_arena_array(arena, n, sizeof *w->aside)) &&
            (w->run = tfdc_arena_array(arena, n, sizeof *w->run)) &&
            (w->begin = tfdc_arena_array(arena, groups + 1, sizeof *w->begin)) &&
            (w->x = tfdc_arena_array(arena, n, sizeof *w->x)) && (w->r = tfdc_arena_array(arena, n, sizeof *w->r)) &&
            (w->z = tfdc_arena_array(arena, n, sizeof *w->z)) &&
            (w->sorted = tfdc_arena_array(arena, n, sizeof *w->sorted));
  if (!ok) return TFDC_E_NOMEM;
  for (size_t j = 0; j < charts; j++)
    ret->chart[j] = (struct spc_learned_chart){.ratio_mr = (double)NAN, .inflation = 1, .factor_lo = 1, .factor_up = 1};
  for (size_t i = 0; i < n; i++) f->maxima[i] = f->outlying[i] = 0;
  /* Runs by group, in their order: counting sort. */
  for (size_t g = 0; g <= groups; g++) all[g] = 0;
  for (size_t i = 0; i < n; i++) all[f->in->group[i] + 1]++;
  for (size_t g = 0; g < groups; g++) all[g + 1] += all[g];
  for (size_t g = 0; g < groups; g++) w->begin[g] = all[g];
  for (size_t i = 0; i < n; i++) order[w->begin[f->in->group[i]]++] = (uint32_t)i;
  w->order = order;
  w->all = all;
  return TFDC_OK;
}

static void common_width(const struct fit *f, size_t n_limits, struct spc_learned *learned) {
  const struct spc_learn_options *options = f->options;
  double *maxima = f->maxima;
  size_t n = 0;
  for (size_t i = 0; i < f->in->n_runs; i++)
    if (maxima[i] > 0) maxima[n++] = maxima[i];
  spc_fit_sort(maxima, n);
  if (n >= 3 && n >= options->min_runs) {
    /* Heavy tails are known worse: what is promised is divided by how heavy they are. */
    double heavy = 1 + f->pool.kurtosis;
    learned->width = spc_fit_width(maxima, n, options->alpha / heavy, &learned->charts_eff);
    learned->width_warn = spc_fit_width(maxima, n, options->alpha_warn / heavy, &learned->charts_eff);
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
    while (j < in->n_charts && !spc_fit_counts(in->x[i * in->n_charts + j])) j++;
    runs += j < in->n_charts;
  }
  return runs;
}

tfdc_rc spc_learn(const struct spc_learn_input *in, const struct spc_learn_options *options, struct tfdc_arena *arena,
                  struct spc_learned *ret, struct tfdc_error *err) {
  TFDC_TRY(check_input(in, options, err));
  struct spc_learned learned = {0};
  struct fit f = {.in = in, .options = options};
  tfdc_rc rc = fit_alloc(&f, arena, &learned);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "learn %zu charts of %zu runs", in->n_charts, in->n_runs);
  fit_alone(&f, &learned);
  size_t n_limits = 0, most = 0;
  for (size_t j = 0; j < in->n_charts; j++) {
    n_limits += !(learned.chart[j].notes & SPC_NOTE_TOO_FEW);
    if (learned.chart[j].n > most) most = learned.chart[j].n;
  }
  if (n_limits == 0)
    return tfdc_fail(err, TFDC_E_LEARN,
                     "no chart has enough judged good runs: the best has %zu in %zu groups; at least %zu, %u more "
                     "than groups, and %zu in a group are needed",
                     most, in->n_groups, options->min_runs, (unsigned)SPC_LEARN_DOF_MIN, options->min_centre);
  learned.n_runs = count_runs(in);
  fit_together(&f, &learned);
  common_width(&f, n_limits, &learned);
  fit_widths(&f, &learned);
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
