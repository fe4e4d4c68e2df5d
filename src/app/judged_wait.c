/* SPDX-License-Identifier: Apache-2.0 */
#include "app/judged_wait.h"

#include "app/find.h"
#include "app/json_get.h"

#include <poll.h>

enum { PAUSE_LEAST_MS = 50, PAUSE_TIMES = 4 }; /* looking takes at most a fifth of the time */

struct count {
  int64_t since_us, n, wanted;
};

static bool on_run(void *user, json_t *run) {
  struct count *c = user;
  c->n += json_get_int(json_object_get(run, "verdict"), "judged_us", INT64_MIN) >= c->since_us;
  return c->n < c->wanted;
}

tfdc_rc judged_wait_begin(struct session *s, int64_t *ret_us) {
  json_t *status = NULL;
  TFDC_TRY(client_get(s->client, "/api/v1/status", NULL, &status, &s->err));
  *ret_us = json_get_int(status, "now_us", 0);
  json_decref(status);
  return TFDC_OK;
}

tfdc_rc judged_wait_run(struct session *s, const char id[33], int64_t judgement) {
  char path[128];
  find_run_path(id, "", path, sizeof path);
  for (bool done = false; !done;) {
    json_t *run = NULL;
    TFDC_TRY(client_get(s->client, path, NULL, &run, &s->err));
    done = json_get_int(json_object_get(run, "verdict"), "judgement", 0) >= judgement;
    json_decref(run);
    if (!done) (void)poll(NULL, 0, PAUSE_LEAST_MS);
  }
  return TFDC_OK;
}

tfdc_rc judged_wait(struct session *s, const struct filter *f, int64_t since_us, int64_t n) {
  struct filter any = *f;
  struct filter_params p;
  struct cli_progress progress;
  any.verdict = NULL;
  TFDC_TRY(filter_params(&any, &p, &s->err));
  cli_progress_begin(&progress, "runs judged again");
  tfdc_rc rc = TFDC_OK;
  for (bool done = n <= 0; !done && rc == TFDC_OK;) {
    struct count c = {.since_us = since_us, .wanted = n};
    int64_t began_us = cli_now_us();
    rc = client_list(s->client, "/api/v1/runs", p.list, "runs", 0, on_run, &c, &s->err);
    done = c.n >= n;
    int64_t took_ms = (cli_now_us() - began_us) / 1000;
    cli_progress_update(&progress, (double)c.n, (double)n);
    if (!done) (void)poll(NULL, 0, PAUSE_LEAST_MS + (int)(PAUSE_TIMES * took_ms));
  }
  cli_progress_end(&progress);
  return rc;
}
