/* SPDX-License-Identifier: Apache-2.0
 * The reference pages that come from tables in the code: `gen_docs write DIR` writes them, `gen_docs check DIR` fails
 * when one is stale. */
#include "api_page.h"
#include "eq_page.h"

#include "app/config.h"
#include "model/metric_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_errors(FILE *out) {
  static const char *const actions[] = {"ack", "retry", "terminate"};
  fprintf(
      out,
      "# Errors\n\n<!-- Written by `make docs` from src/base/err_list.h: change it there. -->\n\n"
      "Every error has a number and a name that never change. Hubs get the name as the code of a reject, HTTP clients\n"
      "in the body, operators in the log and as a label of metrics. The class says what to do: a message whose error\n"
      "is of class *retry* is kept and tried again, one of class *terminate* is answered, counted and put aside.\n\n"
      "| number | name | what happened | what to do next | class | handling | gRPC | HTTP |\n"
      "|---|---|---|---|---|---|---|---|\n");
  tfdc_rc rc;
  for (size_t i = 0; tfdc_rc_at(i, &rc); i++)
    fprintf(out, "| %d | `%s` | %s | %s | %s | %s | %d | %d |\n", (int)rc, tfdc_rc_name(rc), tfdc_rc_text(rc),
            tfdc_rc_hint(rc), tfdc_rc_label(rc), actions[tfdc_rc_action(rc)], tfdc_rc_grpc(rc), tfdc_rc_http(rc));
}

static void print_metrics(FILE *out) {
  static const struct {
    const char *name, *type, *unit, *labels, *help;
  } rows[] = {
#define X(id, name, type, unit, labels, help) {name, #type, unit, labels, help},
      MODEL_METRIC_LIST(X)
#undef X
  };
  fprintf(out, "# Metrics\n\n<!-- Written by `make docs` from src/model/metric_list.h: change it there. -->\n\n"
               "`/metrics` has these in the Prometheus text format. A metric keeps a bounded number of label sets; the "
               "rest are\n"
               "counted under `other`. Histograms are in seconds, with buckets up to\n");
#define B(bound) " " #bound
  fprintf(out, "%s.\n\n", (MODEL_METRIC_BUCKETS(B)) + 1);
#undef B
  fprintf(out, "| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n");
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    fprintf(out, "| `%s` | ", rows[i].name);
    for (const char *p = rows[i].type; *p != '\0'; p++) fputc(*p - 'A' + 'a', out);
    fprintf(out, " | %s | %s | %s |\n", rows[i].unit, rows[i].labels, rows[i].help);
  }
}

static const struct {
  const char *name;
  void (*print)(FILE *out);
} pages[] = {{"errors.md", print_errors},
             {"metrics.md", print_metrics},
             {"configuration.md", app_config_print_docs},
             {"eq-functions.md", eq_page_print},
             {"api.md", api_page_print}};

/* 0 when the file holds exactly the text. */
static int compare(const char *path, const char *text, size_t n) {
  FILE *f = fopen(path, "rb");
  char *there = malloc(n + 1);
  size_t got = f != NULL && there != NULL ? fread(there, 1, n + 1, f) : 0;
  int same = f != NULL && got == n && memcmp(there, text, n) == 0;
  if (f != NULL) (void)fclose(f);
  free(there);
  if (!same) fprintf(stderr, "%s is stale: run `make docs`\n", path);
  return same ? 0 : 1;
}

static int write_page(const char *path, const char *text, size_t n) {
  FILE *f = fopen(path, "wb");
  int ok = f != NULL && fwrite(text, 1, n, f) == n;
  if (f != NULL && fclose(f) != 0) ok = 0;
  if (!ok) perror(path);
  return ok ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc != 3 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "check") != 0)) {
    fprintf(stderr, "usage: gen_docs write|check DIR\n");
    return 2;
  }
  int failed = 0;
  for (size_t i = 0; i < TFDC_COUNT(pages); i++) {
    char path[4096], *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL) return 2;
    pages[i].print(out);
    (void)fclose(out);
    (void)snprintf(path, sizeof path, "%s/%s", argv[2], pages[i].name);
    failed += strcmp(argv[1], "check") == 0 ? compare(path, text, n) : write_page(path, text, n);
    free(text);
  }
  return failed == 0 ? 0 : 1;
}
