/* SPDX-License-Identifier: Apache-2.0
 * What a replay counted, for a monitoring system. */
#include "app/replay/replay.h"
#include "base/cursor.h"
#include "model/metric_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct count {
  const char *result;
  uint64_t n;
};

static void put_counter(struct tfdc_buf *out, enum model_metric id, const struct count *counts, size_t n) {
  static const struct {
    const char *name, *label, *help;
  } rows[MODEL_METRIC_COUNT] = {
#define X(id, name, type, unit, labels, help) {name, labels, help},
      MODEL_METRIC_LIST(X)
#undef X
  };
  tfdc_put_fmt(out, "# HELP %s %s\n# TYPE %s counter\n", rows[id].name, rows[id].help, rows[id].name);
  for (size_t i = 0; i < n; i++)
    tfdc_put_fmt(out, "%s{%s=\"%s\"} %" PRIu64 "\n", rows[id].name, rows[id].label, counts[i].result, counts[i].n);
}

static tfdc_rc put_all(const struct replay *r, struct tfdc_buf *out) {
  uint64_t dropped = replay_dropped(r);
  const struct count lines[] = {{"used", r->input.rows - dropped - r->bad.n}, {"dropped", dropped}, {"bad", r->bad.n}};
  const struct count runs[] = {{"sent", r->sent.runs}, {"refused", r->sent.refused_runs}};
  put_counter(out, MODEL_METRIC_REPLAY_LINES, lines, TFDC_COUNT(lines));
  put_counter(out, MODEL_METRIC_REPLAY_RUNS, runs, TFDC_COUNT(runs));
  return tfdc_buf_status(out);
}

static tfdc_rc write_file(const char *path, const struct tfdc_buf *text, struct tfdc_error *err) {
  FILE *f = fopen(path, "w");
  if (f == NULL) return tfdc_fail(err, TFDC_E_IO, "%s: %s", path, strerror(errno));
  bool written = fwrite(text->data, 1, text->size, f) == text->size;
  if (fclose(f) == 0 && written) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_IO, "%s: %s", path, strerror(errno));
}

tfdc_rc replay_write_metrics(const struct replay *r, const char *path, struct tfdc_error *err) {
  char temporary[4200];
  struct tfdc_buf text = {0};
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid()) >= sizeof temporary)
    return tfdc_fail(err, TFDC_E_USAGE, "--metrics: the path is too long");
  tfdc_rc rc = put_all(r, &text);
  if (rc != TFDC_OK)
    (void)tfdc_fail(err, rc, "no memory for the metrics");
  else
    rc = write_file(temporary, &text, err);
  tfdc_buf_deinit(&text);
  if (rc == TFDC_OK && rename(temporary, path) != 0) rc = tfdc_fail(err, TFDC_E_IO, "%s: %s", path, strerror(errno));
  if (rc != TFDC_OK) (void)unlink(temporary);
  return rc;
}
