/* SPDX-License-Identifier: Apache-2.0
 * Opens, joins and closes the parts. Started in this order, stopped in the reverse one; what is NULL was not started.
 */
#include "app/dev.h"

#include "adapter/faulty/faulty.h"
#include "adapter/grpc/hub_server_grpc.h"
#include "adapter/http/http_server_mhd.h"
#include "adapter/log/alarm_log.h"
#include "adapter/mem/metrics_mem.h"
#include "adapter/posix/clock_posix.h"
#include "adapter/sqlite/kv_sqlite.h"
#include "adapter/sqlite/queue_sqlite.h"
#include "adapter/sqlite/store_sqlite.h"
#include "app/dev_process.h"
#include "model/json_out.h"
#include "run/api.h"
#include "run/await.h"
#include "run/collector.h"
#include "run/defender.h"
#include "run/keeper.h"
#include "run/loop_uv.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOPS_MAX = 16, PORTS = 5 };
enum { STORE, PUBLISH, WORKQUEUE, KV, ALARM };

struct dev {
  const struct app_config *config;
  struct tfdc_log *log;
  struct port_clock clock;
  tfdc_mono began;
  char node[65], consumer[129];
  struct metrics_mem *metrics;
  struct port *store;
  struct queue_sqlite *queue;
  struct kv_sqlite *kv;
  struct alarm_log *alarm;
  struct faulty *faults[PORTS];
  struct port *ports[PORTS]; /* what the parts see */
  struct await *await;
  struct loop_uv *loops[LOOPS_MAX];
  struct port_loop *loop_ports[LOOPS_MAX];
  size_t n_loops;
  struct collector *collector;
  struct defender *defender;
  struct keeper *keeper;
  struct hub_server *hubs;
  struct api *api;
  struct http_server *http;
  uint16_t ingest_port, http_port;
  struct await_task collector_started, defender_started;
  struct await_task collector_task, defender_task, keeper_task, hubs_task;
  bool defender_on, keeper_on;
  atomic_bool ready, stopping;
};

static int64_t number(const struct dev *d, enum app_config_id id) { return app_config_int(d->config, id); }
static const char *text(const struct dev *d, enum app_config_id id) { return app_config_text(d->config, id); }
static size_t bytes(const struct dev *d, enum app_config_id id) { return (size_t)app_config_bytes(d->config, id); }

/* ---- the ports ---- */

/* The log says what a start waits for, now and then; a signal ends it. n: looks so far, five a second. */
static tfdc_rc keep_waiting(struct dev *d, unsigned n, const char *what, const struct tfdc_error *why,
                            struct tfdc_error *err) {
  if (dev_stop_signalled()) return tfdc_fail(err, TFDC_E_CANCELLED, "asked to stop before it was ready");
  if (n % 50 == 5)
    tfdc_log_write(d->log, TFDC_LOG_ERROR, "dev", "the start waits", LOG_STR("for", what), LOG_FAIL(why));
  return TFDC_OK;
}

/* Another process that holds the file for long, say a backup: the opens below would wait without a word. */
static tfdc_rc wait_for_file(struct dev *d, const char *path, struct tfdc_error *err) {
  for (unsigned n = 1;; n++) {
    struct tfdc_error why = {.code = TFDC_OK};
    tfdc_rc rc = store_sqlite_probe(path, 200, &why);
    if (rc == TFDC_OK) return rc;
    bool unheard = d->log == NULL && n >= 50; /* ten seconds without a word are enough */
    if (rc != TFDC_E_TIMEOUT || unheard) return tfdc_fail(err, rc, "open the store: %s", tfdc_error_msg(&why));
    TFDC_TRY(keep_waiting(d, n, "the file", &why, err));
  }
}

static tfdc_rc open_ports(struct dev *d, struct tfdc_error *err) {
  const char *path = text(d, APP_CONFIG_DATA);
  struct store_sqlite_options o = {.readers = (uint32_t)number(d, APP_CONFIG_STORE_READERS),
                                   .free_floor_bytes = bytes(d, APP_CONFIG_STORE_FREE_FLOOR)};
  TFDC_TRY(wait_for_file(d, path, err));
  TFDC_TRY(queue_sqlite_open(path, &d->clock, &d->queue, err)); /* first: it refuses a second process */
  TFDC_TRY(kv_sqlite_open(path, &d->clock, &d->kv, err));
  TFDC_TRY(store_sqlite_open(path, &o, &d->store, err));
  d->store->metrics = metrics_mem_port(d->metrics);
  d->alarm = alarm_log_create(d->log);
  if (d->alarm == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "alarms");
  d->ports[STORE] = d->store;
  d->ports[PUBLISH] = queue_sqlite_publish(d->queue);
  d->ports[WORKQUEUE] = queue_sqlite_work(d->queue);
  d->ports[KV] = kv_sqlite_port(d->kv);
  d->ports[ALARM] = alarm_log_port(d->alarm);
  return TFDC_OK;
}

/* TFDC_FAULTS makes the ports fail as a test says (adapter/faulty/faulty.h). */
static tfdc_rc wrap_ports(struct dev *d, struct tfdc_error *err) {
  struct faulty_rule rules[FAULTY_MAX_RULES];
  size_t n = 0;
  TFDC_TRY(faulty_parse(getenv("TFDC_FAULTS"), rules, &n, err));
  if (n == 0) return TFDC_OK;
  tfdc_log_write(d->log, TFDC_LOG_WARN, "dev", "TFDC_FAULTS is set: this process fails on purpose",
                 LOG_U64("rules", n));
  for (size_t i = 0; i < PORTS; i++) {
    d->faults[i] = faulty_create(d->ports[i], rules, n);
    if (d->faults[i] == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "faults");
    d->ports[i] = faulty_port(d->faults[i]);
  }
  return TFDC_OK;
}

static void close_ports(struct dev *d) {
  for (size_t i = 0; i < PORTS && d->await != NULL; i++)
    if (d->ports[i] != NULL) await_close(d->await, d->ports[i]);
  for (size_t i = 0; i < PORTS; i++) faulty_destroy(d->faults[i]);
  alarm_log_destroy(d->alarm);
  kv_sqlite_destroy(d->kv);
  queue_sqlite_destroy(d->queue);
  store_sqlite_destroy(d->store);
}

static tfdc_rc start_loops(struct dev *d, struct tfdc_error *err) {
  TFDC_TRY(await_create(&d->clock, &d->await, err));
  size_t n = (size_t)number(d, APP_CONFIG_INGEST_SHARDS);
  if (n == 0) n = dev_cores();
  if (n > LOOPS_MAX) n = LOOPS_MAX;
  for (; d->n_loops < n; d->n_loops++) {
    char name[16];
    (void)snprintf(name, sizeof name, "shard-%zu", d->n_loops);
    TFDC_TRY(loop_uv_start(&d->clock, name, &d->loops[d->n_loops], err));
    d->loop_ports[d->n_loops] = loop_uv_port(d->loops[d->n_loops]);
  }
  return TFDC_OK;
}

/* ---- the roles ---- */

/* A store that answers late or takes nothing keeps a start waiting. */
static tfdc_rc wait_started(struct dev *d, struct await_task *t, const char *what, struct tfdc_error *err) {
  for (unsigned n = 1; !await_task_wait_for(t, tfdc_millis(200)); n++) {
    tfdc_rc rc = d->defender_on ? defender_trouble(d->defender) : TFDC_OK;
    struct tfdc_error why = {.code = TFDC_OK};
    if (rc == TFDC_OK)
      (void)tfdc_fail(&why, TFDC_E_BUSY, "no answer yet");
    else
      (void)tfdc_fail(&why, rc, "%s", tfdc_rc_text(rc));
    TFDC_TRY(keep_waiting(d, n, what, &why, err));
  }
  return TFDC_OK;
}

static tfdc_rc start_collector(struct dev *d, struct tfdc_error *err) {
  struct collector_options o;
  collector_options_default(&o);
  o.ingest.chunk_bytes = bytes(d, APP_CONFIG_INGEST_CHUNK_BYTES);
  o.ingest.chunk_age = app_config_dur(d->config, APP_CONFIG_INGEST_CHUNK_AGE_S);
  o.ingest.idle_close = app_config_dur(d->config, APP_CONFIG_INGEST_IDLE_CLOSE_S);
  o.ingest.grace = app_config_dur(d->config, APP_CONFIG_INGEST_GRACE_S);
  o.ingest.max_run_points = (uint64_t)number(d, APP_CONFIG_INGEST_MAX_RUN_POINTS);
  o.ingest.max_steps = (uint32_t)number(d, APP_CONFIG_INGEST_MAX_STEPS);
  o.memory_bytes = bytes(d, APP_CONFIG_INGEST_MEMORY);
  o.max_open_runs = (uint32_t)number(d, APP_CONFIG_INGEST_MAX_OPEN_RUNS);
  o.keep_s = (uint32_t)(app_config_dur(d->config, APP_CONFIG_INGEST_KEEP_S).us / TFDC_US_PER_S);
  o.keep_bytes = bytes(d, APP_CONFIG_INGEST_KEEP_MB);
  o.max_message_bytes = bytes(d, APP_CONFIG_INGEST_MAX_MESSAGE);
  o.max_block_points = (uint64_t)number(d, APP_CONFIG_INGEST_MAX_BLOCK_POINTS);
  struct collector_ports ports = {.store = d->ports[STORE],
                                  .publish = d->ports[PUBLISH],
                                  .metrics = metrics_mem_port(d->metrics),
                                  .log = d->log,
                                  .loops = d->loop_ports,
                                  .n_loops = d->n_loops};
  TFDC_TRY(collector_create(&o, &ports, &d->collector, err));
  await_task_init(d->await, &d->collector_started);
  collector_start(d->collector, await_loop(d->await), &d->collector_started.task);
  return wait_started(d, &d->collector_started, "the list of open runs", err);
}

static tfdc_rc start_defender(struct dev *d, struct tfdc_error *err) {
  struct defender_options o;
  defender_options_default(&o);
  (void)snprintf(d->consumer, sizeof d->consumer, "%s-%" PRId64, d->node, port_wall(&d->clock).us);
  o.consumer = d->consumer;
  o.judge.defender = d->node;
  o.judge.max_bytes = bytes(d, APP_CONFIG_JUDGE_MEMORY);
  o.look_ahead = (uint32_t)number(d, APP_CONFIG_JUDGE_MAX_IN_FLIGHT);
  struct defender_ports ports = {.store = d->ports[STORE],
                                 .workqueue = d->ports[WORKQUEUE],
                                 .alarm = d->ports[ALARM],
                                 .kv = d->ports[KV],
                                 .metrics = metrics_mem_port(d->metrics),
                                 .log = d->log,
                                 .loops = d->loop_ports,
                                 .n_loops = d->n_loops};
  TFDC_TRY(defender_create(&o, &ports, &d->defender, err));
  await_task_init(d->await, &d->defender_started);
  defender_start(d->defender, await_loop(d->await), &d->defender_started.task);
  d->defender_on = true;
  return wait_started(d, &d->defender_started, "definitions and queue", err);
}

static tfdc_rc start_keeper(struct dev *d, struct tfdc_error *err) {
  struct keeper_options o;
  keeper_options_default(&o);
  o.sweep_every = app_config_dur(d->config, APP_CONFIG_JUDGE_SWEEP_S);
  o.tchart = app_config_dur(d->config, APP_CONFIG_STORE_RETENTION_TCHART);
  o.uchart = app_config_dur(d->config, APP_CONFIG_STORE_RETENTION_UCHART);
  o.free_floor_bytes = bytes(d, APP_CONFIG_STORE_FREE_FLOOR);
  struct keeper_ports ports = {.store = d->ports[STORE],
                               .publish = d->ports[PUBLISH],
                               .workqueue = d->ports[WORKQUEUE],
                               .metrics = metrics_mem_port(d->metrics),
                               .log = d->log,
                               .loop = d->loop_ports[0]};
  TFDC_TRY(keeper_create(&o, &ports, &d->keeper, err));
  keeper_start(d->keeper);
  d->keeper_on = true;
  return TFDC_OK;
}

static const char *or_null(const char *s) { return s[0] != '\0' ? s : NULL; }

static tfdc_rc start_hubs(struct dev *d, struct tfdc_error *err) {
  struct hub_server_grpc_options o = HUB_SERVER_GRPC_DEFAULTS;
  o.address = text(d, APP_CONFIG_INGEST_LISTEN);
  o.tls_cert = or_null(text(d, APP_CONFIG_INGEST_TLS_CERT));
  o.tls_key = or_null(text(d, APP_CONFIG_INGEST_TLS_KEY));
  o.tls_ca = or_null(text(d, APP_CONFIG_INGEST_TLS_CA));
  o.collector = d->node;
  o.max_message_bytes = bytes(d, APP_CONFIG_INGEST_MAX_MESSAGE);
  o.max_streams = (uint32_t)number(d, APP_CONFIG_INGEST_MAX_STREAMS);
  o.max_connections = (uint32_t)number(d, APP_CONFIG_INGEST_MAX_CONNECTIONS);
  o.max_block_points = (size_t)number(d, APP_CONFIG_INGEST_MAX_BLOCK_POINTS);
  o.max_svids = (size_t)number(d, APP_CONFIG_INGEST_MAX_SVIDS);
  o.max_runs = (size_t)number(d, APP_CONFIG_INGEST_MAX_OPEN_RUNS);
  TFDC_TRY(hub_server_grpc_create(&o, collector_sink(d->collector), metrics_mem_port(d->metrics),
                                  collector_server(d->collector), &d->ingest_port, err));
  d->hubs = *collector_server(d->collector);
  return TFDC_OK;
}

/* ---- what the process says of itself ---- */

static void put_metrics(void *user, struct tfdc_buf *out) {
  struct dev *d = user;
  struct port_metrics *m = metrics_mem_port(d->metrics);
  metrics_set(m, MODEL_METRIC_INGEST_OPEN_RUNS, NULL, (double)collector_open_runs(d->collector));
  metrics_set(m, MODEL_METRIC_INBOX_DEPTH, "collector", (double)collector_inbox(d->collector));
  metrics_set(m, MODEL_METRIC_INGEST_MEMORY, NULL, (double)collector_memory(d->collector));
  metrics_set(m, MODEL_METRIC_JUDGE_IN_FLIGHT, NULL, (double)defender_load(d->defender));
  dev_put_process_metrics(m);
  tfdc_rc rc = metrics_mem_write(d->metrics, out);
  (void)rc; /* the buffer remembers that it failed */
}

static bool is_ready(void *user, struct tfdc_buf *why_not) {
  struct dev *d = user;
  const struct {
    bool wrong;
    const char *text;
  } reasons[] = {
      {!atomic_load(&d->ready), "starting\n"},
      {atomic_load(&d->stopping), "stopping\n"},
      {!keeper_store_answers(d->keeper), "the store does not answer\n"},
      {keeper_below_floor(d->keeper), "free disk is below store.free_floor_mb: ingest waits\n"},
  };
  tfdc_rc trouble = collector_trouble(d->collector);
  bool ready = trouble == TFDC_OK;
  if (!ready) tfdc_put_fmt(why_not, "the store takes no data: %s: ingest waits\n", tfdc_rc_text(trouble));
  for (size_t i = 0; i < TFDC_COUNT(reasons); i++) {
    if (!reasons[i].wrong) continue;
    tfdc_put(why_not, reasons[i].text, strlen(reasons[i].text));
    ready = false;
  }
  return ready;
}

static void put_status(void *user, struct tfdc_buf *out) {
  struct dev *d = user;
  const char *data = text(d, APP_CONFIG_DATA);
  char *whole = realpath(data, NULL); /* clients compare it with the file that they were given */
  tfdc_put_fmt(out, "\"data\":");
  model_json_put_string(out, whole != NULL ? whole : data, strlen(whole != NULL ? whole : data));
  tfdc_put_u8(out, ',');
  free(whole);
  tfdc_put_fmt(out, "\"role\":\"dev\",\"node\":\"%s\",\"uptime_s\":%" PRId64 ",\"ingest_port\":%u,\"http_port\":%u,",
               d->node, tfdc_mono_sub(port_mono(&d->clock), d->began).us / TFDC_US_PER_S, (unsigned)d->ingest_port,
               (unsigned)d->http_port);
  tfdc_put_fmt(out, "\"open_runs\":%zu,\"ingest_memory_bytes\":%zu,\"paused\":%s,\"below_floor\":%s,\"in_flight\":%zu",
               collector_open_runs(d->collector), collector_memory(d->collector),
               collector_is_paused(d->collector) ? "true" : "false", keeper_below_floor(d->keeper) ? "true" : "false",
               defender_load(d->defender));
}

static tfdc_rc start_http(struct dev *d, struct tfdc_error *err) {
  struct api_options o = {.store = d->ports[STORE],
                          .publish = d->ports[PUBLISH],
                          .workqueue = d->ports[WORKQUEUE],
                          .kv = d->ports[KV],
                          .metrics = metrics_mem_port(d->metrics),
                          .clock = &d->clock,
                          .await = d->await,
                          .process = {d, put_metrics, is_ready, put_status}};
  TFDC_TRY(api_create(&o, &d->api, err));
  struct http_server_mhd_options h = {.address = text(d, APP_CONFIG_HTTP_LISTEN),
                                      .token = text(d, APP_CONFIG_HTTP_TOKEN),
                                      .max_connections = (uint32_t)number(d, APP_CONFIG_HTTP_MAX_CONNECTIONS),
                                      .max_body = bytes(d, APP_CONFIG_HTTP_MAX_BODY)};
  return http_server_mhd_create(&h, api_handler(d->api), o.metrics, &d->http, &d->http_port, err);
}

/* ---- start ---- */

static tfdc_rc start_all(struct dev *d, struct tfdc_error *err) {
  TFDC_TRY(open_ports(d, err));
  TFDC_TRY(wrap_ports(d, err));
  TFDC_TRY(start_loops(d, err));
  TFDC_TRY(start_collector(d, err));
  TFDC_TRY(start_defender(d, err));
  TFDC_TRY(start_keeper(d, err));
  TFDC_TRY(start_http(d, err));
  return start_hubs(d, err);
}

tfdc_rc dev_start(const struct app_config *config, struct tfdc_log *log, struct dev **ret, struct tfdc_error *err) {
  struct dev *d = calloc(1, sizeof *d);
  if (d == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "dev");
  d->config = config;
  d->log = log;
  clock_posix_init(&d->clock);
  d->began = port_mono(&d->clock);
  dev_node_name(config, d->node);
  d->metrics = metrics_mem_create();
  tfdc_rc rc = d->metrics != NULL ? start_all(d, err) : tfdc_fail(err, TFDC_E_NOMEM, "metrics");
  if (rc != TFDC_OK) {
    bool freed = dev_stop(d);
    (void)freed; /* else it is left to the end of the process */
    return rc;
  }
  dev_put_start_metrics(metrics_mem_port(d->metrics), port_wall(&d->clock));
  atomic_store(&d->ready, true);
  *ret = d;
  return TFDC_OK;
}

uint16_t dev_ingest_port(const struct dev *d) { return d->ingest_port; }
uint16_t dev_http_port(const struct dev *d) { return d->http_port; }

/* ---- stop ---- */

static bool wait_until(struct dev *d, struct await_task *t, tfdc_mono until, const char *what) {
  tfdc_dur left = tfdc_mono_sub(until, port_mono(&d->clock));
  if (await_task_wait_for(t, left.us > 0 ? left : (tfdc_dur){0})) return true;
  tfdc_log_write(d->log, TFDC_LOG_WARN, "dev", "not finished in time; the next start goes on with it",
                 LOG_STR("what", what));
  return false;
}

/* Acks what is in memory, then lets the hubs go. */
static bool stop_ingest(struct dev *d, tfdc_mono until) {
  if (d->hubs == NULL) return true;
  await_task_init(d->await, &d->hubs_task);
  await_task_init(d->await, &d->collector_task);
  collector_drain(d->collector, await_loop(d->await), &d->collector_task.task);
  d->hubs->ops->drain(d->hubs, await_loop(d->await), tfdc_mono_sub(until, port_mono(&d->clock)), &d->hubs_task.task);
  bool ok = wait_until(d, &d->collector_task, until, "committing what is in memory");
  ok = wait_until(d, &d->hubs_task, until, "answering the hubs") && ok;
  if (ok) hub_server_grpc_destroy(d->hubs);
  return ok;
}

static bool stop_defender(struct dev *d, tfdc_mono until) {
  if (!d->defender_on) return true;
  await_task_init(d->await, &d->defender_task);
  defender_stop(d->defender, await_loop(d->await), &d->defender_task.task);
  return wait_until(d, &d->defender_task, until, "judging what was begun");
}

static bool stop_keeper(struct dev *d, tfdc_mono until) {
  if (!d->keeper_on) return true;
  await_task_init(d->await, &d->keeper_task);
  keeper_stop(d->keeper, await_loop(d->await), &d->keeper_task.task);
  return wait_until(d, &d->keeper_task, until, "housekeeping");
}

bool dev_stop(struct dev *d) {
  atomic_store(&d->stopping, true);
  tfdc_mono until = tfdc_mono_add(port_mono(&d->clock), app_config_dur(d->config, APP_CONFIG_DRAIN_S));
  if (!stop_ingest(d, until)) return false;
  if (d->http != NULL) http_server_mhd_destroy(d->http);
  api_destroy(d->api);
  if (!stop_defender(d, until) || !stop_keeper(d, until)) return false;
  close_ports(d);
  for (size_t i = 0; i < d->n_loops; i++) loop_uv_stop(d->loops[i]);
  collector_destroy(d->collector);
  defender_destroy(d->defender);
  keeper_destroy(d->keeper);
  await_destroy(d->await);
  metrics_mem_destroy(d->metrics);
  free(d);
  return true;
}
