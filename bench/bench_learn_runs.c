/* SPDX-License-Identifier: Apache-2.0
 * Learning from traces and judging fresh ones, from end to end without a store: time to learn, false alarms of normal
 * runs, planted faults that alarm within three runs. Usage: bench_learn_runs [seed] [SVIDs] [drift sd per 100 runs]
 * [rate Hz] [resolution known 0 or 1]. */
#include "core/learn.h"
#include "core/learn_fab_test.h"
#include "core/verdict.h"

#include <stdlib.h>
#include <time.h>

enum { CHAMBERS = 12, RECIPES = 2, GOOD = 25, FRESH = 40, FAULTS = 400, FAULT_RUNS = 3 };

static double seconds(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void need(tfdc_rc rc, const char *what, const struct tfdc_error *err) {
  if (rc == TFDC_OK) return;
  (void)fprintf(stderr, "%s: %s\n", what, tfdc_error_msg(err));
  exit(1);
}

struct bench {
  struct learn_fab fab;
  struct model_chamber chamber; /* one dictionary for all */
  struct learn *learn[RECIPES];
  struct learn_result learned[RECIPES];
  struct programs *programs[RECIPES];
};

/* Judges a run after prev; returns the record in a copy of its own arena. */
struct judged {
  struct verdict_output out;
  bool alarm;
};

static void judge(struct bench *b, size_t recipe, const struct model_context *c, const struct model_chunk *chunk,
                  const struct judged *prev, struct judged *ret) {
  struct chunk_blob blob = {chunk->blob, chunk->blob_n, chunk->checksum};
  struct verdict_pick pick = {.from = {&b->learned[recipe].strategy, 1, &b->learned[recipe].limits, 1}};
  pick.partition = c->recipe_id;
  pick.programs = b->programs[recipe];
  pick.prev = prev != NULL && prev->out.n_records > 0 ? &prev->out.records[0] : NULL;
  struct verdict_input in = {.context = c, .chamber = &b->chamber, .chunks = &blob, .n_chunks = 1};
  in.picks = &pick;
  in.n_picks = 1;
  in.judgement = 1;
  in.max_bytes = (size_t)256 << 20;
  in.defender = "bench";
  *ret = (struct judged){0};
  need(verdict_compute(&in, &ret->out), "judge", NULL);
  ret->alarm = false;
  const struct model_u_record *r = &ret->out.records[0];
  for (size_t i = 0; i < r->n_points; i++)
    if (b->learned[recipe].strategy.charts[i].alarm)
      ret->alarm |=
          r->points[i].verdict == MODEL_OOC || r->points[i].verdict == MODEL_ACTION ||
          (r->points[i].reason == MODEL_REASON_MISSING_STEP && !b->learned[recipe].strategy.charts[i].optional);
}

static void learn_recipe(struct bench *b, size_t recipe) {
  static struct learn_run runs[RECIPES][CHAMBERS * GOOD];
  static struct model_context contexts[RECIPES][CHAMBERS * GOOD];
  static const char *const by[] = {"recipe_id"};
  static struct learn_options options[RECIPES];
  static char id[RECIPES][32];
  struct tfdc_error err = {0};
  static struct tfdc_arena mem;
  static struct tfdc_buf blobs[CHAMBERS * GOOD];
  static struct model_chunk chunks[CHAMBERS * GOOD];
  mem.limit = SIZE_MAX / 2;
  for (size_t i = 0; i < CHAMBERS * GOOD; i++) {
    need(learn_fab_run(&b->fab, i / GOOD, recipe, i % GOOD, NULL, &mem, &blobs[i], &contexts[recipe][i], &chunks[i]),
         "make", &err);
    runs[recipe][i] = (struct learn_run){&contexts[recipe][i], &b->chamber};
  }
  (void)snprintf(id[recipe], sizeof id[recipe], "auto-%zu", recipe);
  options[recipe] = (struct learn_options){.strategy = id[recipe], .tool_type = "ETCH", .partition = {by, 1}};
  double began = seconds();
  need(learn_create(&options[recipe], runs[recipe], CHAMBERS * GOOD, &b->learn[recipe], &err), "plan", &err);
  for (size_t i = 0; i < CHAMBERS * GOOD; i++) {
    struct chunk_blob blob = {chunks[i].blob, chunks[i].blob_n, chunks[i].checksum};
    need(learn_add_run(b->learn[recipe], i, &blob, 1, &err), "add", &err);
  }
  double added = seconds();
  need(learn_finish(b->learn[recipe], &b->learned[recipe], &err), "finish", &err);
  double done = seconds();
  const struct learn_result *r = &b->learned[recipe];
  printf("recipe %zu: %zu runs of %llu points, %zu charts (%zu left out), width %.2f; values %.2f s, limits %.2f s\n",
         recipe + 1, r->n_runs, (unsigned long long)contexts[recipe][0].points, r->strategy.n_charts, r->n_left_out,
         r->groups[0].width, added - began, done - added);
  for (size_t bit = 0; bit < LEARN_NOTES; bit++) printf("  %s %zu", learn_note_name(bit), r->groups[0].notes[bit]);
  printf("\n");
  need(programs_create(&r->strategy, &b->chamber, &b->programs[recipe]), "programs", &err);
  for (size_t i = 0; i < CHAMBERS * GOOD; i++) tfdc_buf_deinit(&blobs[i]);
}

static void normal_runs(struct bench *b) {
  size_t alarms = 0, warns = 0, not_judged = 0, n = 0;
  struct tfdc_error err = {0};
  struct tfdc_buf blob = {0};
  size_t by_stat[16] = {0};
  static const char *const stats[] = {"_mean",  "_std",        "_min",     "_max",   "_slope",
                                      "_range", "head_median", "duration", "samples"};
  for (size_t cell = 0; cell < CHAMBERS * RECIPES; cell++) {
    struct judged prev = {0};
    for (size_t i = 0; i < FRESH; i++, n++) {
      struct tfdc_arena mem = {0};
      struct model_context c;
      struct model_chunk chunk;
      struct judged now;
      need(learn_fab_run(&b->fab, cell / RECIPES, cell % RECIPES, GOOD + i, NULL, &mem, &blob, &c, &chunk), "make",
           &err);
      judge(b, cell % RECIPES, &c, &chunk, &prev, &now);
      alarms += now.alarm;
      warns += now.out.verdict.verdict == MODEL_WARN;
      not_judged += now.out.verdict.verdict == MODEL_NOT_JUDGED;
      for (size_t k = 0; now.alarm && k < now.out.records[0].n_points; k++) {
        const struct model_point *p = &now.out.records[0].points[k];
        if (p->verdict != MODEL_OOC && p->verdict != MODEL_ACTION) continue;
        if (getenv("TFDC_BENCH_VERBOSE") != NULL)
          printf("    false: run %zu of cell %zu: %s %.6g centre %.6g s %.4g score %.2f\n", i, cell, p->chart, p->value,
                 p->centre, p->stddev, p->score);
        for (size_t s = 0; s < TFDC_COUNT(stats); s++) by_stat[s] += strstr(p->chart, stats[s]) != NULL;
      }
      verdict_release(&prev.out);
      prev = now;
      tfdc_arena_deinit(&mem);
    }
    verdict_release(&prev.out);
  }
  printf("normal: %zu runs, alarms %.2f %%, warnings %.2f %%, not judged %zu\n", n, 100.0 * (double)alarms / (double)n,
         100.0 * (double)warns / (double)n, not_judged);
  for (size_t s = 0; s < TFDC_COUNT(stats); s++) printf("  %s %zu", stats[s], by_stat[s]);
  printf("\n");
  tfdc_buf_deinit(&blob);
}

/* s sqrt(1 + 1/n) of a chart, NaN when there is none. */
static double spread_of(const struct bench *b, size_t recipe, const char *sensor, const char *step, const char *stat) {
  char id[100];
  (void)snprintf(id, sizeof id, "%s_%s_%s", sensor, step, stat);
  const struct model_limit_group *g = &b->learned[recipe].limits.groups[0];
  for (size_t i = 0; i < g->n_charts; i++)
    if (strcmp(g->charts[i].chart, id) == 0) return g->charts[i].s;
  return (double)NAN;
}

static void faults(struct bench *b, struct random_source *r) {
  static const char *const names[] = {"",         "offset", "slope",     "spike", "oscillation",
                                      "settling", "stuck",  "lost step", "burst"};
  static const char *const steps[] = {"Ramp", "ME", "OE", "Vent"};
  static const char *const stats[] = {"", "mean", "slope", "max", "std", "head_median", "std", "", "max"};
  size_t planted[9] = {0}, found[9] = {0}, first[9] = {0};
  struct tfdc_error err = {0};
  struct tfdc_buf blob = {0};
  for (size_t i = 0; i < FAULTS; i++) {
    struct learn_fab_plant p = {.fault = (enum learn_fab_fault)(1 + i % 8)};
    size_t chamber = random_u64(r) % CHAMBERS, recipe = random_u64(r) % RECIPES;
    double s = (double)NAN, size = 6 + 9 * random_unit(r);
    for (int tries = 0; tries < 1000 && !(s > 0); tries++) {
      p.svid = random_u64(r) % b->fab.n_svids;
      p.step = random_u64(r) % LEARN_FAB_STEPS;
      s = stats[p.fault][0] == '\0' ? 1 : spread_of(b, recipe, b->fab.names[p.svid], steps[p.step], stats[p.fault]);
    }
    if (!(s > 0)) continue;
    p.size = size * s;
    double seconds_of = b->fab.step_s * (p.step == 1 ? 2 : 1);
    if (p.fault == FAB_SLOPE) p.size *= seconds_of;
    if (p.fault == FAB_OSCILLATE) { /* the deviation becomes size sd larger */
      double sd = NAN;
      const struct model_limit_group *g = &b->learned[recipe].limits.groups[0];
      for (size_t k = 0; k < g->n_charts; k++)
        if (strstr(g->charts[k].chart, b->fab.names[p.svid]) && strstr(g->charts[k].chart, steps[p.step]) &&
            strstr(g->charts[k].chart, "_std"))
          sd = g->charts[k].centres[0].centre;
      p.size = sqrt(2 * ((sd + p.size) * (sd + p.size) - sd * sd));
    }
    if (p.fault == FAB_SETTLE) p.size = 3;
    planted[p.fault]++;
    bool alarm = false;
    struct judged prev = {0};
    for (size_t k = 0; k < FAULT_RUNS && !alarm; k++) {
      struct tfdc_arena mem = {0};
      struct model_context c;
      struct model_chunk chunk;
      struct judged now;
      need(learn_fab_run(&b->fab, chamber, recipe, GOOD + k, &p, &mem, &blob, &c, &chunk), "make", &err);
      judge(b, recipe, &c, &chunk, &prev, &now);
      alarm |= now.alarm;
      first[p.fault] += now.alarm && k == 0;
      verdict_release(&prev.out);
      prev = now;
      tfdc_arena_deinit(&mem);
    }
    verdict_release(&prev.out);
    found[p.fault] += alarm;
    if (!alarm) printf("  missed: %s of %.1f sd on %s %s\n", names[p.fault], size, b->fab.names[p.svid], steps[p.step]);
  }
  for (size_t k = 1; k < 9; k++)
    printf("%s: %zu of %zu, %zu on the first run\n", names[k], found[k], planted[k], first[k]);
  tfdc_buf_deinit(&blob);
}

int main(int argc, char **argv) {
  static struct bench b;
  b.fab = (struct learn_fab){.n_chambers = CHAMBERS,
                             .n_recipes = RECIPES,
                             .n_svids = 30,
                             .rate_hz = 10,
                             .step_s = 20,
                             .drift_sd = 1,
                             .missing = 0.002};
  b.fab.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  if (argc > 2) b.fab.n_svids = strtoull(argv[2], NULL, 10);
  if (argc > 3) b.fab.drift_sd = strtod(argv[3], NULL);
  if (argc > 4) b.fab.rate_hz = strtod(argv[4], NULL);
  if (argc > 5) b.fab.resolution_known = argv[5][0] == '1';
  if (b.fab.n_svids == 0 || b.fab.n_svids > LEARN_FAB_SVIDS_MAX) return 2;
  struct tfdc_error err = {0};
  need(learn_fab_init(&b.fab), "fab", &err);
  b.chamber = (struct model_chamber){.tool_type = "ETCH", .svids = b.fab.svids, .n_svids = b.fab.n_svids};
  for (size_t r = 0; r < RECIPES; r++) learn_recipe(&b, r);
  double began = seconds();
  normal_runs(&b);
  printf("%.2f ms to make and judge a run\n", (seconds() - began) * 1000 / (CHAMBERS * RECIPES * FRESH));
  struct random_source random = {b.fab.seed + 99};
  faults(&b, &random);
  for (size_t r = 0; r < RECIPES; r++) {
    programs_unref(b.programs[r]);
    learn_destroy(b.learn[r]);
  }
  learn_fab_deinit(&b.fab);
  return 0;
}
