/* SPDX-License-Identifier: Apache-2.0
 * From the values of the chosen charts to the strategy and its limit set. */
#include "core/learn_priv.h"
#include "spc/fit/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fitting {
  struct learn *l;
  size_t *columns; /* charts that are not dropped */
  size_t n_columns;
  double *floors;
  /* one partition */
  size_t *rows; /* its runs that were read */
  size_t n_rows;
  uint32_t *group_of; /* n_chambers: number of the chamber in this partition; UINT32_MAX none */
  size_t *chamber_of_group;
  uint32_t n_groups;
  /* over all partitions */
  size_t *limits;   /* n_columns: partitions in which the chart has limits */
  size_t n_learned; /* partitions with limits */
};

static void gather_rows(struct fitting *f, size_t partition) {
  struct learn *l = f->l;
  f->n_rows = f->n_groups = 0;
  for (size_t c = 0; c < l->n_chambers; c++) f->group_of[c] = UINT32_MAX;
  for (size_t i = 0; i < l->n_runs; i++)
    if (l->there[i] && l->partition_of[i] == partition) {
      f->rows[f->n_rows++] = i;
      f->group_of[l->chamber_of[i]] = 0;
    }
  for (size_t c = 0; c < l->n_chambers; c++) {
    if (f->group_of[c] == UINT32_MAX) continue;
    f->chamber_of_group[f->n_groups] = c;
    f->group_of[c] = f->n_groups++;
  }
}

/* "ETCH-01:A 4, ETCH-01:B 3 ..." */
static const char *counts_text(const struct fitting *f) {
  struct tfdc_buf text = {0};
  for (uint32_t g = 0; g < f->n_groups; g++) {
    size_t n = 0;
    for (size_t i = 0; i < f->n_rows; i++) n += f->group_of[f->l->chamber_of[f->rows[i]]] == g;
    const struct model_key *key = &f->l->chambers[f->chamber_of_group[g]];
    if (g == 8) {
      tfdc_put_fmt(&text, " ...");
      break;
    }
    tfdc_put_fmt(&text, "%s%s:%s %zu", g > 0 ? ", " : "", key->tool, key->chamber, n);
  }
  const char *copy = tfdc_buf_status(&text) == TFDC_OK
                         ? tfdc_arena_strndup(&f->l->mem, text.data ? (const char *)text.data : "", text.size)
                         : NULL;
  tfdc_buf_deinit(&text);
  return copy;
}

static tfdc_rc learn_partition(struct fitting *f, struct spc_learned *ret, struct tfdc_error *err) {
  struct learn *l = f->l;
  double *x = tfdc_arena_array(&l->scratch, f->n_rows * f->n_columns, sizeof *x);
  uint32_t *group = tfdc_arena_array(&l->scratch, f->n_rows, sizeof *group);
  if (x == NULL || group == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < f->n_rows; i++) {
    group[i] = f->group_of[l->chamber_of[f->rows[i]]];
    for (size_t k = 0; k < f->n_columns; k++) x[i * f->n_columns + k] = learn_value(l, f->rows[i], f->columns[k]);
  }
  struct spc_learn_input in = {.n_runs = f->n_rows, .n_charts = f->n_columns, .n_groups = f->n_groups};
  in.x = x;
  in.group = group;
  in.floor = f->floors;
  struct spc_learn_options o;
  spc_learn_options_init(&o);
  o.alpha = l->alpha;
  if (o.alpha_warn < o.alpha) o.alpha_warn = o.alpha;
  return spc_learn(&in, &o, &l->scratch, ret, err);
}

static const char *chamber_text(struct learn *l, size_t chamber) {
  return learn_text(&l->mem, "%s:%s", l->chambers[chamber].tool, l->chambers[chamber].chamber);
}

/* The limits of one chart in one partition. */
static tfdc_rc fill_chart(struct fitting *f, const struct spc_learned *learned, size_t column,
                          const char *const *chambers, struct model_limit_chart *ret) {
  struct learn *l = f->l;
  const struct spc_learned_chart *c = &learned->chart[column];
  *ret = (struct model_limit_chart){.chart = l->charts[f->columns[column]].def.chart, .s = (double)NAN};
  if (c->notes & SPC_NOTE_TOO_FEW) {
    ret->left_out = spc_learn_note_text(SPC_NOTE_TOO_FEW);
    return TFDC_OK;
  }
  struct model_limit_centre *centres = tfdc_arena_array(&l->mem, f->n_groups, sizeof *centres);
  if (centres == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (uint32_t g = 0; g < f->n_groups; g++) {
    const struct spc_learned_centre *from = &learned->centre[g * learned->n_charts + column];
    if (!isnan(from->centre)) centres[n++] = (struct model_limit_centre){chambers[g], from->centre, from->n};
  }
  ret->s = c->s;
  ret->dof = (uint32_t)c->dof;
  ret->width_lo = c->width_lo;
  ret->width_up = c->width_up;
  ret->centres = centres;
  ret->n_centres = n;
  f->limits[column]++;
  return TFDC_OK;
}

static void count_notes(const struct spc_learned *learned, struct learn_group *ret) {
  for (size_t k = 0; k < learned->n_charts; k++) {
    for (size_t bit = 0; bit < LEARN_NOTES; bit++) ret->notes[bit] += (learned->chart[k].notes >> bit) & 1;
    if (learned->chart[k].notes & SPC_NOTE_TOO_FEW)
      ret->n_left_out++;
    else
      ret->n_charts++;
  }
}

static tfdc_rc fill_group(struct fitting *f, size_t partition, const struct spc_learned *learned,
                          struct model_limit_group *ret) {
  struct learn *l = f->l;
  struct model_limit_chart *charts = tfdc_arena_array(&l->mem, f->n_columns, sizeof *charts);
  const char **chambers = tfdc_arena_array(&l->mem, f->n_groups, sizeof *chambers);
  if (charts == NULL || chambers == NULL) return TFDC_E_NOMEM;
  for (uint32_t g = 0; g < f->n_groups; g++) {
    chambers[g] = chamber_text(l, f->chamber_of_group[g]);
    if (chambers[g] == NULL) return TFDC_E_NOMEM;
  }
  for (size_t k = 0; k < f->n_columns; k++) TFDC_TRY(fill_chart(f, learned, k, chambers, &charts[k]));
  *ret = (struct model_limit_group){.partition = l->partitions[partition],
                                    .tool_type = l->options->tool_type,
                                    .n_runs = (uint32_t)learned->n_runs,
                                    .width = learned->width,
                                    .warn_at = floor(learned->warn_at * 1000 + 0.5) / 1000,
                                    .charts = charts,
                                    .n_charts = f->n_columns};
  return TFDC_OK;
}

/* LEARN leaves the partition without limits and its reason in the group; other partitions go on. */
static tfdc_rc fit_partition(struct fitting *f, size_t partition, struct model_limit_group *limits,
                             struct learn_group *group, struct tfdc_error *err) {
  struct learn *l = f->l;
  gather_rows(f, partition);
  *group = (struct learn_group){.partition = l->partitions[partition], .n_runs = f->n_rows, .n_chambers = f->n_groups};
  struct spc_learned learned;
  struct tfdc_error why = {0};
  tfdc_rc rc =
      f->n_rows == 0 ? tfdc_fail(&why, TFDC_E_LEARN, "no good run has a trace") : learn_partition(f, &learned, &why);
  if (rc == TFDC_OK) {
    group->width = learned.width;
    count_notes(&learned, group);
    f->n_learned++;
    return fill_group(f, partition, &learned, &limits[f->n_learned - 1]);
  }
  if (rc != TFDC_E_LEARN) return tfdc_fail(err, rc, "%s", tfdc_error_msg(&why));
  const char *counts = counts_text(f);
  group->failed = counts == NULL ? NULL
                                 : learn_text(&l->mem, "%.400s (found %.600s; needed are %d runs, and %d of a chamber)",
                                              tfdc_error_msg(&why), f->n_rows > 0 ? counts : "none", LEARN_RUNS_MIN,
                                              LEARN_RUNS_OF_CHAMBER_MIN);
  return group->failed == NULL ? TFDC_E_NOMEM : TFDC_OK;
}

/* ---- the result ---- */

/* A made chart without limits anywhere is none; one that lacks them in some partition does not spoil its runs. */
static void drop_unlearned(struct fitting *f) {
  for (size_t k = 0; k < f->n_columns; k++) {
    struct learn_chart *c = &f->l->charts[f->columns[k]];
    if (c->stat == LEARN_KEPT) continue;
    if (f->limits[k] == 0) {
      c->dropped = true;
      c->left_out = "too few judged good runs";
    } else if (f->limits[k] < f->n_learned) {
      c->def.optional = true;
    }
  }
}

static void drop_limits(const struct learn *l, const struct fitting *f, struct model_limit_group *g) {
  struct model_limit_chart *charts = (struct model_limit_chart *)(uintptr_t)g->charts;
  size_t n = 0;
  for (size_t k = 0; k < f->n_columns; k++)
    if (!l->charts[f->columns[k]].dropped) charts[n++] = charts[k];
  g->n_charts = n;
}

static tfdc_rc fill_strategy(struct fitting *f, struct model_strategy *ret) {
  struct learn *l = f->l;
  if (l->options->keep != NULL) return model_strategy_copy(l->options->keep, &l->mem, ret);
  static const char *const notify[] = {"notify"};
  struct model_chart *charts = tfdc_arena_array(&l->mem, f->n_columns, sizeof *charts);
  const char **type = tfdc_arena_array(&l->mem, 1, sizeof *type);
  if (charts == NULL || type == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (size_t k = 0; k < f->n_columns; k++)
    if (!l->charts[f->columns[k]].dropped) charts[n++] = l->charts[f->columns[k]].def;
  *ret = (struct model_strategy){.id = l->options->strategy,
                                 .partition = l->options->partition,
                                 .severity = MODEL_WARNING,
                                 .actions = {notify, 1},
                                 .clear_runs = 3,
                                 .charts = charts,
                                 .n_charts = n};
  *type = l->options->tool_type;
  if ((*type)[0] != '\0') ret->tool_types = (struct model_globs){type, 1};
  return TFDC_OK;
}

static tfdc_rc list_left_out(struct learn *l, struct learn_result *ret) {
  struct learn_left_out *list = tfdc_arena_array(&l->mem, l->n_charts, sizeof *list);
  if (list == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_charts; i++)
    if (l->charts[i].dropped && l->charts[i].left_out != NULL)
      list[ret->n_left_out++] = (struct learn_left_out){l->charts[i].def.chart, l->charts[i].left_out};
  ret->left_out = list;
  return TFDC_OK;
}

static tfdc_rc prepare(struct fitting *f) {
  struct learn *l = f->l;
  f->columns = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *f->columns);
  f->floors = tfdc_arena_array(&l->scratch, l->n_charts, sizeof *f->floors);
  f->limits = tfdc_arena_alloc(&l->scratch, l->n_charts * sizeof *f->limits);
  f->rows = tfdc_arena_array(&l->scratch, l->n_runs, sizeof *f->rows);
  f->group_of = tfdc_arena_array(&l->scratch, l->n_chambers, sizeof *f->group_of);
  f->chamber_of_group = tfdc_arena_array(&l->scratch, l->n_chambers, sizeof *f->chamber_of_group);
  if (!f->columns || !f->floors || !f->limits || !f->rows || !f->group_of || !f->chamber_of_group) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_charts; i++) {
    if (l->charts[i].dropped) continue;
    f->floors[f->n_columns] = l->charts[i].def.resolution;
    f->columns[f->n_columns++] = i;
  }
  return TFDC_OK;
}

tfdc_rc learn_fit(struct learn *l, struct learn_result *ret, struct tfdc_error *err) {
  struct fitting f = {.l = l};
  struct learn_result out = {.n_bad_traces = l->n_bad_traces, .n_groups = l->n_partitions};
  struct model_limit_group *limits = tfdc_arena_array(&l->mem, l->n_partitions, sizeof *limits);
  struct learn_group *groups = tfdc_arena_array(&l->mem, l->n_partitions, sizeof *groups);
  TFDC_TRY(prepare(&f));
  if (limits == NULL || groups == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < l->n_runs; i++) out.n_runs += l->there[i];
  if (f.n_columns == 0)
    return tfdc_fail(err, TFDC_E_LEARN, "none of the %zu charts that were tried has values that vary in the %zu runs",
                     l->n_charts, out.n_runs);
  for (size_t p = 0; p < l->n_partitions; p++) TFDC_TRY(fit_partition(&f, p, limits, &groups[p], err));
  if (f.n_learned == 0)
    return tfdc_fail(err, TFDC_E_LEARN, "\"%s\": %s", groups[0].partition,
                     groups[0].failed != NULL ? groups[0].failed : "no runs");
  drop_unlearned(&f);
  for (size_t g = 0; g < f.n_learned; g++) drop_limits(l, &f, &limits[g]);
  TFDC_TRY(fill_strategy(&f, &out.strategy));
  TFDC_TRY(list_left_out(l, &out));
  out.limits = (struct model_limit_set){.id = out.strategy.id, .groups = limits, .n_groups = f.n_learned};
  out.groups = groups;
  *ret = out;
  return TFDC_OK;
}
