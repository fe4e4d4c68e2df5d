/* SPDX-License-Identifier: Apache-2.0 */
#include "app/learn_print.h"

#include "app/json_get.h"
#include "app/text_out.h"

enum { LEFT_OUT_SHOWN = 10 };

static const char *or_all(const char *text) { return text[0] != '\0' ? text : "(all)"; }

/* "skewed 3, drift 1": how many charts each note is of. */
static void put_notes(const json_t *notes, char *text, size_t size) {
  const char *note;
  json_t *n;
  size_t at = 0;
  text[0] = '\0';
  json_object_foreach((json_t *)notes, note, n) {
    if (at + 1 < size)
      at += (size_t)snprintf(text + at, size - at, "%s%.32s %lld", at > 0 ? ", " : "", note,
                             (long long)json_integer_value(n));
  }
}

static tfdc_rc print_groups(const json_t *groups, FILE *out, struct tfdc_error *err) {
  static const struct text_column columns[] = {{"STRATEGY", false}, {"PARTITION", false}, {"CHAMBERS", true},
                                               {"RUNS", true},      {"CHARTS", true},     {"LEFT OUT", true},
                                               {"WIDTH", true},     {"NOTES", false}};
  static const char *const counts[] = {"chambers", "n_runs", "charts", "left_out"};
  char a[256];
  struct text_table t;
  text_table_begin(&t, columns, TFDC_COUNT(columns), out);
  for (size_t i = 0; i < json_array_size(groups); i++) {
    const json_t *g = json_array_get(groups, i);
    text_table_cell(&t, json_get_text(g, "strategy"));
    text_table_cell(&t, or_all(json_get_text(g, "partition")));
    for (size_t k = 0; k < TFDC_COUNT(counts); k++) text_table_cell(&t, text_count(json_get_int(g, counts[k], 0), a));
    text_table_cell(&t, text_value(json_get_real(g, "width"), a));
    put_notes(json_object_get(g, "notes"), a, sizeof a);
    text_table_cell(&t, a);
  }
  return text_table_end(&t, err);
}

static void print_strategy(const json_t *s, FILE *out) {
  (void)fputs("strategy ", out);
  text_print(out, json_get_text(s, "strategy"));
  (void)fprintf(out, " version %lld, limits version %lld\n", (long long)json_get_int(s, "version", 0),
                (long long)json_get_int(s, "limits_version", 0));
  const json_t *left_out = json_object_get(s, "left_out_charts");
  size_t n = json_array_size(left_out);
  for (size_t i = 0; i < n && i < LEFT_OUT_SHOWN; i++) {
    const json_t *c = json_array_get(left_out, i);
    (void)fputs("  left out: ", out);
    text_print(out, json_get_text(c, "chart"));
    (void)fputs(": ", out);
    text_print(out, json_get_text(c, "reason"));
    (void)fputc('\n', out);
  }
  if (n > LEFT_OUT_SHOWN) (void)fprintf(out, "  and %zu more: --json lists them\n", n - LEFT_OUT_SHOWN);
}

static void print_skipped(const json_t *skipped, FILE *out) {
  for (size_t i = 0; i < json_array_size(skipped); i++) {
    const json_t *s = json_array_get(skipped, i);
    (void)fputs("nothing learned for ", out);
    text_print(out, or_all(json_get_text(s, "tool_type")));
    (void)fputs(", recipe ", out);
    text_print(out, or_all(json_get_text(s, "recipe")));
    (void)fputs(": ", out);
    text_print(out, json_get_text(s, "reason"));
    (void)fputc('\n', out);
  }
}

tfdc_rc learn_print(const json_t *result, FILE *out, struct tfdc_error *err) {
  const json_t *strategies = json_object_get(result, "strategies");
  char a[40];
  TFDC_TRY(print_groups(json_object_get(result, "groups"), out, err));
  for (size_t i = 0; i < json_array_size(strategies); i++) print_strategy(json_array_get(strategies, i), out);
  print_skipped(json_object_get(result, "skipped"), out);
  if (json_get_int(result, "rejudged", 0) > 0)
    (void)fprintf(out, "%s runs are judged again\n", text_count(json_get_int(result, "rejudged", 0), a));
  return TFDC_OK;
}
