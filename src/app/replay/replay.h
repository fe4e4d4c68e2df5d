/* SPDX-License-Identifier: Apache-2.0
 * A replay from its file to its verdicts, and what it says at its end. Blocking; one thread. */
#ifndef APP_REPLAY_REPLAY_H
#define APP_REPLAY_REPLAY_H

#include "app/replay/feed.h"
#include "app/replay/host.h"
#include "app/replay/input.h"
#include "app/replay/outcome.h"

struct replay {
  struct input input;
  struct bad_lines bad;
  struct plan plan;
  bool has_plan;
  struct feed_counts sent;
  uint64_t points;
  int64_t send_us; /* time that sending took */
  struct outcome outcome;
  bool has_outcome;
  json_t *learned;            /* owned; of POST /api/v1/learn, NULL = nothing was learned */
  struct tfdc_error no_learn; /* why not, where it was tried; code OK else */
  uint64_t alarms;
};

/* Reads the file once: the runs, and what is wrong with it. CSV: it has no usable row. Errors of input_read, plan_*. */
TFDC_MUST_USE tfdc_rc replay_scan(struct replay *r, struct tfdc_error *err);
/* Reads it again and sends it; returns when all is durable. Errors of feed_*, input_read; CONFLICT: the file changed.
 */
TFDC_MUST_USE tfdc_rc replay_send(struct replay *r, const struct feed_options *o, struct port_clock *clock,
                                  struct tfdc_error *err);
/* Waits for the verdicts; where `learn` and no strategy selects runs, learns and waits again. Errors of the client. */
TFDC_MUST_USE tfdc_rc replay_judge(struct replay *r, struct client *client, bool learn, struct tfdc_error *err);
void replay_deinit(struct replay *r);

/* Lines that rules of the map dropped. */
uint64_t replay_dropped(const struct replay *r);
/* Was everything of the file used, taken and judged? */
bool replay_is_whole(const struct replay *r);
/* The summary, for people or as one JSON object. h NULL: nothing was sent. IO, NOMEM. */
TFDC_MUST_USE tfdc_rc replay_print(const struct replay *r, const struct host *h, bool json, struct tfdc_error *err);
/* The counts of lines and runs as Prometheus text, whole or not at all, as the textfile collector of node_exporter
 * wants it. IO, NOMEM. */
TFDC_MUST_USE tfdc_rc replay_write_metrics(const struct replay *r, const char *path, struct tfdc_error *err);
/* The map as YAML, under comments that say what was guessed and how to keep it. */
TFDC_MUST_USE tfdc_rc replay_print_map(const struct replay *r, FILE *out, struct tfdc_error *err);

#endif
