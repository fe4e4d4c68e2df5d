/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/outcome.h"

#include "app/cli.h"
#include "app/json_get.h"
#include "base/text.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

enum { POLL_FIRST_MS = 50, POLL_MOST_MS = 2000, GIVE_UP_MS = 60000 };

struct outcome_run {
  struct plan_run *run;
  int64_t order_us;
  struct tfdc_id128 group; /* of its chamber and recipe */
  bool judged;
  uint32_t judgement, before; /* before: at the last outcome_wait */
  enum model_verdict verdict;
  enum model_reason reason;
  uint32_t charts, charts_judged;
};

tfdc_rc outcome_init(struct outcome *o, struct plan *plan, struct client *client, struct tfdc_error *err) {
  *o = (struct outcome){.plan = plan, .client = client, .from_us = INT64_MAX, .to_us = INT64_MIN};
  o->runs = calloc(plan->n_runs + 1, sizeof *o->runs);
  tfdc_rc rc = o->runs != NULL ? TFDC_OK : TFDC_E_NOMEM;
  size_t i = 0;
  for (struct plan_run *r = plan->first_run; r != NULL && rc == TFDC_OK; r = r->next, i++) {
    o->runs[i].run = r;
    r->user = &o->runs[i];
    if (r->end_us < o->from_us) o->from_us = r->end_us;
    if (r->end_us >= o->to_us) o->to_us = r->end_us + 1;
    rc = tfdc_map_put(&o->by_id, r->context_id, &o->runs[i]);
  }
  if (rc == TFDC_OK) return TFDC_OK;
  outcome_deinit(o);
  return tfdc_fail(err, rc, "no memory for the outcome of the runs");
}

void outcome_deinit(struct outcome *o) {
  free(o->runs);
  o->runs = NULL;
  tfdc_map_deinit(&o->by_id);
}

/* ---- one look ---- */

/* Filters for the chambers and times of the replay, as parameters of the client. */
struct filter {
  char from[24], to[24];
  const char *params[20];
  size_t n;
};

static void add(struct filter *f, const char *name, const char *value) {
  f->params[f->n++] = name;
  f->params[f->n++] = value;
  f->params[f->n] = NULL;
}

static struct filter *filter_of(const struct outcome *o, struct filter *f) {
  const struct plan_chamber *first = o->plan->first_chamber;
  bool one_tool = true;
  for (const struct plan_chamber *c = first; c != NULL; c = c->next)
    one_tool = one_tool && strcmp(c->record.key.tool, first->record.key.tool) == 0;
  (void)snprintf(f->from, sizeof f->from, "%" PRId64, o->from_us);
  (void)snprintf(f->to, sizeof f->to, "%" PRId64, o->to_us);
  f->n = 0;
  add(f, "from", f->from);
  add(f, "to", f->to);
  if (one_tool) add(f, "tool", first->record.key.tool);
  if (o->plan->n_chambers == 1) add(f, "chamber", first->record.key.chamber);
  return f;
}

static struct tfdc_id128 group_of(const struct plan_chamber *c, const char *recipe) {
  char text[2 * TFDC_ID_MAX + TFDC_TEXT_MAX + 4];
  int n = snprintf(text, sizeof text, "%s:%s:%s", c->record.key.tool, c->record.key.chamber, recipe);
  return tfdc_xxh3_128(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static bool note_run(void *user, json_t *item) {
  struct outcome *o = user;
  const json_t *context = json_object_get(item, "context"), *verdict = json_object_get(item, "verdict");
  struct tfdc_id128 id;
  if (!tfdc_id128_parse(json_get_text(context, "context_id"), &id)) return true;
  struct outcome_run *r = tfdc_map_get(&o->by_id, id);
  if (r == NULL || json_get_int(verdict, "revision", 0) < json_get_int(context, "revision", 0)) return true;
  if (!model_verdict_parse(json_get_text(verdict, "verdict"), &r->verdict)) return true;
  r->reason = MODEL_REASON_NONE;
  (void)model_reason_parse(json_get_text(verdict, "reason"), &r->reason);
  r->order_us = json_get_time(context, "order_us");
  r->group = group_of(r->run->chamber, json_get_text(context, "recipe_id"));
  r->judged = true;
  r->judgement = (uint32_t)json_get_int(verdict, "judgement", 0);
  r->charts = (uint32_t)json_get_int(verdict, "charts", 0);
  r->charts_judged = (uint32_t)json_get_int(verdict, "judged", 0);
  return true;
}

static void count(struct outcome *o) {
  memset(o->verdicts, 0, sizeof o->verdicts);
  memset(o->reasons, 0, sizeof o->reasons);
  o->not_selected = o->judged_again = o->waiting = o->charts = o->charts_judged = 0;
  o->good = o->good_alarmed = o->other = o->other_alarmed = 0;
  for (size_t i = 0; i < o->plan->n_runs; i++) {
    const struct outcome_run *r = &o->runs[i];
    bool alarmed = r->judged && (r->verdict == MODEL_OOC || r->verdict == MODEL_ACTION);
    o->waiting += !r->judged;
    if (!r->judged) continue;
    o->verdicts[r->verdict]++;
    if (r->verdict == MODEL_NOT_JUDGED) o->reasons[r->reason]++;
    o->not_selected += r->charts == 0;
    o->judged_again += r->judgement > r->before;
    o->charts += r->charts;
    o->charts_judged += r->charts_judged;
    *(r->run->good ? &o->good : &o->other) += 1;
    if (alarmed) *(r->run->good ? &o->good_alarmed : &o->other_alarmed) += 1;
  }
}

static tfdc_rc look(struct outcome *o, struct tfdc_error *err) {
  struct filter f;
  TFDC_TRY(client_list(o->client, "/api/v1/runs", filter_of(o, &f)->params, "runs", 0, note_run, o, err));
  count(o);
  return TFDC_OK;
}

/* ---- until all is judged ---- */

static uint64_t done_of(const struct outcome *o, uint64_t again) {
  return again > 0 ? o->judged_again : o->plan->n_runs - o->waiting;
}

tfdc_rc outcome_wait(struct outcome *o, uint64_t again, struct tfdc_error *err) {
  struct cli_progress progress;
  uint64_t wanted = again > 0 && again < o->plan->n_runs ? again : o->plan->n_runs, before = 0;
  int wait_ms = POLL_FIRST_MS, idle_ms = 0;
  for (size_t i = 0; i < o->plan->n_runs; i++) o->runs[i].before = o->runs[i].judgement;
  cli_progress_begin(&progress, again > 0 ? "runs judged again" : "runs judged");
  int64_t began_us = cli_now_us();
  tfdc_rc rc = look(o, err);
  while (rc == TFDC_OK && done_of(o, again) < wanted && idle_ms < GIVE_UP_MS) {
    bool moved = done_of(o, again) > before;
    before = done_of(o, again);
    cli_progress_update(&progress, (double)before, (double)wanted);
    int64_t look_ms = (cli_now_us() - began_us) / 1000; /* a look at very many runs costs the server as much again */
    wait_ms = moved ? POLL_FIRST_MS : wait_ms < POLL_MOST_MS ? wait_ms * 2 : wait_ms;
    if (wait_ms < look_ms) wait_ms = look_ms < POLL_MOST_MS ? (int)look_ms : POLL_MOST_MS;
    idle_ms = moved ? 0 : idle_ms + wait_ms;
    (void)poll(NULL, 0, wait_ms);
    began_us = cli_now_us();
    rc = look(o, err);
  }
  cli_progress_end(&progress);
  if (rc == TFDC_OK && done_of(o, again) < wanted && again > 0) o->waiting += wanted - done_of(o, again);
  return rc;
}

/* ---- limits ---- */

static int by_order(const void *a, const void *b) {
  const struct outcome_run *x = *(const struct outcome_run *const *)a, *y = *(const struct outcome_run *const *)b;
  return x->order_us < y->order_us ? -1 : x->order_us > y->order_us;
}

/* Context ids of the runs to learn from, a line each; the first ones in order of time. */
static tfdc_rc list_good(struct outcome *o, uint64_t most, struct tfdc_buf *out) {
  const struct outcome_run **runs = calloc(o->plan->n_runs + 1, sizeof *runs);
  uint64_t *taken = calloc(o->plan->n_runs + 1, sizeof *taken); /* of the group that begins with this run */
  struct tfdc_map groups = {0};
  size_t n = 0;
  tfdc_rc rc = runs != NULL && taken != NULL ? TFDC_OK : TFDC_E_NOMEM;
  for (size_t i = 0; i < o->plan->n_runs && rc == TFDC_OK; i++)
    if (o->runs[i].judged && o->runs[i].charts == 0 && o->runs[i].run->good) runs[n++] = &o->runs[i];
  if (n > 1) qsort(runs, n, sizeof *runs, by_order);
  for (size_t i = 0; i < n && rc == TFDC_OK; i++) {
    char hex[33];
    uint64_t *of_group = tfdc_map_get(&groups, runs[i]->group);
    if (of_group == NULL) rc = tfdc_map_put(&groups, runs[i]->group, of_group = &taken[i]);
    if (rc == TFDC_OK && ++*of_group <= most)
      tfdc_put_fmt(out, "%s\n", tfdc_id128_format(runs[i]->run->context_id, hex));
  }
  tfdc_put_u8(out, 0);
  tfdc_map_deinit(&groups);
  free(taken);
  free(runs);
  return rc != TFDC_OK ? rc : tfdc_buf_status(out);
}

static void join(const struct model_globs *list, char *ret, size_t size) {
  size_t n = 0;
  ret[0] = '\0';
  for (size_t i = 0; i < list->n && n < size; i++)
    n += (size_t)snprintf(ret + n, size - n, "%s%s", i > 0 ? "," : "", list->items[i]);
}

tfdc_rc outcome_learn(struct outcome *o, const struct replay_map *map, json_t **ret_result, struct tfdc_error *err) {
  struct tfdc_buf good = {0};
  struct filter f;
  char partition[512];
  join(&map->partition, partition, sizeof partition);
  filter_of(o, &f);
  add(&f, "partition", partition);
  add(&f, "rejudge", "1");
  add(&f, "author", "replay");
  add(&f, "comment", map->n_good > 0 ? "from the runs that the map calls good" : "from the first runs");
  tfdc_rc rc = list_good(o, map->n_good > 0 ? OUTCOME_GOOD_RUNS_MAX : OUTCOME_FIRST_RUNS, &good);
  if (rc != TFDC_OK)
    rc = tfdc_fail(err, rc, "no memory for the list of good runs");
  else if (good.size <= 1)
    rc = tfdc_fail(err, TFDC_E_LEARN, "none of the runs is called good by the map");
  else
    rc = client_job(o->client, "/api/v1/learn", f.params, (const char *)good.data, ret_result, err);
  tfdc_buf_deinit(&good);
  return rc;
}

/* ---- alarms ---- */

static bool count_alarm(void *user, json_t *item) {
  (void)item;
  ++*(uint64_t *)user;
  return true;
}

tfdc_rc outcome_count_alarms(struct outcome *o, uint64_t *ret, struct tfdc_error *err) {
  struct filter f;
  uint64_t n = 0;
  TFDC_TRY(client_list(o->client, "/api/v1/alarms", filter_of(o, &f)->params, "alarms", 0, count_alarm, &n, err));
  *ret = n;
  return TFDC_OK;
}
