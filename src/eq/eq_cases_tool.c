/* SPDX-License-Identifier: Apache-2.0
 * Evaluates cases from stdin, for comparison with another implementation (test/golden/eq_numpy_test.py). Lines:
 *
 *   run START END                    begins a run; times in us
 *   series UNIT N NAME               followed by N lines "time value"; unit "-": unknown
 *   step NUMBER START END|- NAME     END "-": unknown
 *   event TIME NAME
 *   eq TEXT                          answered by "value n quality REASON unit" or "error message"
 *
 * Values are written as hexadecimal floating point. */
#include "eq/eq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 256 };

struct world {
  struct eq_run run;
  struct eq_series series[MAX_ITEMS];
  char *units[MAX_ITEMS];
  struct eq_step steps[MAX_ITEMS];
  struct eq_event events[MAX_ITEMS];
  struct tfdc_arena arena, scratch;
};

static const char *unit_of(void *user, const char *svid) {
  const struct world *w = user;
  for (size_t i = 0; i < w->run.n_series; i++)
    if (strcmp(w->series[i].name, svid) == 0) return w->units[i];
  return strcmp(svid, "Absent") == 0 ? "" : NULL;
}
static const char *name_at(void *user, size_t i) {
  const struct world *w = user;
  return i < w->run.n_series ? w->series[i].name : NULL;
}

static void begin(struct world *w, const char *args) {
  tfdc_arena_reset(&w->arena);
  memset(&w->run, 0, sizeof w->run);
  if (sscanf(args, "%" SCNd64 " %" SCNd64, &w->run.start_us, &w->run.end_us) != 2) exit(2);
  w->run.series = w->series;
  w->run.steps = w->steps;
  w->run.events = w->events;
}

static void read_series(struct world *w, const char *args) {
  char unit[64], line[256];
  size_t n;
  int used = 0;
  if (w->run.n_series == MAX_ITEMS || sscanf(args, "%63s %zu %n", unit, &n, &used) != 2) exit(2);
  int64_t *t = tfdc_arena_array(&w->arena, n + 1, sizeof *t);
  double *v = tfdc_arena_array(&w->arena, n + 1, sizeof *v);
  if (t == NULL || v == NULL) exit(2);
  for (size_t i = 0; i < n; i++) {
    char *end;
    if (fgets(line, sizeof line, stdin) == NULL) exit(2);
    t[i] = strtoll(line, &end, 10);
    v[i] = strtod(end, NULL);
  }
  w->units[w->run.n_series] = tfdc_arena_strdup(&w->arena, strcmp(unit, "-") == 0 ? "" : unit);
  w->series[w->run.n_series++] = (struct eq_series){tfdc_arena_strdup(&w->arena, args + used), n, t, v};
}

static void read_step(struct world *w, const char *args) {
  char end[64];
  struct eq_step s = {0};
  int used = 0;
  if (w->run.n_steps == MAX_ITEMS) exit(2);
  if (sscanf(args, "%" SCNu32 " %" SCNd64 " %63s %n", &s.number, &s.start_us, end, &used) != 3) exit(2);
  s.end_us = end[0] == '-' && end[1] == '\0' ? INT64_MIN : strtoll(end, NULL, 10);
  s.name = tfdc_arena_strdup(&w->arena, args + used);
  w->steps[w->run.n_steps++] = s;
}

static void read_event(struct world *w, const char *args) {
  struct eq_event e = {0};
  int used = 0;
  if (w->run.n_events == MAX_ITEMS || sscanf(args, "%" SCNd64 " %n", &e.time_us, &used) != 1) exit(2);
  e.name = tfdc_arena_strdup(&w->arena, args + used);
  w->events[w->run.n_events++] = e;
}

static void answer(struct world *w, const char *text) {
  struct eq_catalogue cat = {.user = w, .unit = unit_of, .name_at = name_at};
  struct eq_program *p = NULL;
  struct tfdc_error err = {0};
  struct eq_value v;
  if (eq_compile(text, strlen(text), &cat, NULL, &p, &err) != TFDC_OK) {
    printf("error %s\n", tfdc_error_msg(&err));
    return;
  }
  tfdc_arena_reset(&w->scratch);
  if (eq_eval(p, &w->run, &w->scratch, &v) == TFDC_OK)
    printf("%a %u %a %s %s\n", v.value, v.n, v.quality, eq_reason_name(v.reason), eq_program_unit(p));
  else
    printf("error no memory\n");
  eq_program_destroy(p);
}

int main(void) {
  static const struct {
    const char *word;
    void (*fn)(struct world *, const char *);
  } words[] = {
      {"run ", begin}, {"series ", read_series}, {"step ", read_step}, {"event ", read_event}, {"eq ", answer}};
  char line[8192];
  struct world *w = calloc(1, sizeof *w);
  if (w == NULL) return 2;
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < TFDC_COUNT(words); i++)
      if (strncmp(line, words[i].word, strlen(words[i].word)) == 0) words[i].fn(w, line + strlen(words[i].word));
  }
  tfdc_arena_deinit(&w->arena);
  tfdc_arena_deinit(&w->scratch);
  free(w);
  return 0;
}
