/* SPDX-License-Identifier: Apache-2.0
 * A collector without a store, for tests of hubs and of the server: it keeps a ledger of what it has acked in memory,
 * and rejects or drops on request. It prints "port N", then obeys one command a line on standard input, each answered
 * by one line: stats, full, resume, serving, notserving, starve, feed, drain MS, quit.
 *
 *   hub_sink_echo [--listen HOST:PORT] [--tls CERT KEY CA] [--drop-every N] [--reject-every N] [--max-message N]
 *                 [--max-streams N] [--max-connections N] [--watchdog-ms N] [--keepalive-ms N] [--silent] */
#include "adapter/grpc/hub_server_grpc.h"
#include "model/metric_list.h"
#include "support/loop_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { RUNS_MAX = 64, HANDLES_MAX = 256, FDS_MAX = 256 };

struct ledger_run {
  char run_id[80];
  uint64_t last, blocks, points, repeats, gaps, rejects;
  double sum; /* of all values: tells whether the right ones came */
  bool ended;
};
struct handle { /* a stream's number of a run */
  uint64_t stream, run;
  struct ledger_run *of;
};
struct echo {
  struct hub_sink sink;
  struct port_metrics metrics;
  struct hub_server *server;
  unsigned long drop_every, reject_every;
  bool silent; /* answers nothing but the hello */
  pthread_mutex_t mtx;
  struct ledger_run runs[RUNS_MAX];
  struct handle handles[HANDLES_MAX];
  size_t n_runs, n_handles;
  unsigned long seen, streams, closed, drops;
  bool full;
  uint64_t waiting; /* stream whose message was refused */
  char peer[128];
  double counts[MODEL_METRIC_COUNT];
  char text[300]; /* of the last message that was to be rejected */
  int fds[FDS_MAX];
  size_t n_fds;
  struct rlimit limit;
};

/* ---- metrics ---- */
static struct echo *of_metrics(struct port_metrics *m) {
  return (struct echo *)((char *)m - offsetof(struct echo, metrics));
}
static void metric_add(struct port_metrics *m, int metric, const char *const labels[3], double by) {
  (void)labels;
  struct echo *e = of_metrics(m);
  (void)pthread_mutex_lock(&e->mtx);
  e->counts[metric] += by;
  (void)pthread_mutex_unlock(&e->mtx);
}
static void metric_set(struct port_metrics *m, int metric, const char *const labels[3], double value) {
  (void)labels;
  struct echo *e = of_metrics(m);
  (void)pthread_mutex_lock(&e->mtx);
  e->counts[metric] = value;
  (void)pthread_mutex_unlock(&e->mtx);
}
static const struct port_metrics_ops metrics_ops = {.add = metric_add, .set = metric_set, .observe = metric_add};

/* ---- ledger ---- */
static struct ledger_run *open_run(struct echo *e, uint64_t stream, const struct model_hub_msg *m) {
  struct ledger_run *r = NULL;
  for (size_t i = 0; i < e->n_runs && r == NULL; i++) {
    if (strcmp(e->runs[i].run_id, m->context->run_id) == 0) r = &e->runs[i];
  }
  if (r == NULL) {
    TFDC_ASSERT(e->n_runs < RUNS_MAX);
    r = &e->runs[e->n_runs++];
    (void)snprintf(r->run_id, sizeof r->run_id, "%s", m->context->run_id);
  }
  e->handles[e->n_handles++ % HANDLES_MAX] = (struct handle){.stream = stream, .run = m->run, .of = r};
  return r;
}

static struct ledger_run *find_run(struct echo *e, uint64_t stream, uint64_t run) {
  for (size_t i = 0; i < HANDLES_MAX; i++) {
    if (e->handles[i].stream == stream && e->handles[i].run == run) return e->handles[i].of;
  }
  return NULL;
}

static void book(struct ledger_run *r, const struct model_hub_msg *m) {
  if (m->seq <= r->last) {
    r->repeats++;
    return;
  }
  r->gaps += m->seq != r->last + 1;
  r->last = m->seq;
  if (m->kind == MODEL_HUB_RUN_END) r->ended = true;
  if (m->kind != MODEL_HUB_BLOCK) return;
  r->blocks++;
  r->points += m->block->points;
  for (size_t c = 0; c < m->block->n_columns; c++) {
    for (size_t i = 0; i < m->block->columns[c].n; i++) r->sum += m->block->columns[c].v[i];
  }
}

/* Books the message and decides the answer. False: none. */
static bool decide(struct echo *e, uint64_t stream, const struct model_hub_msg *m, struct model_hub_reply *r) {
  *r = (struct model_hub_reply){.kind = MODEL_REPLY_ACK, .run = m->run, .seq = m->seq};
  if (m->kind == MODEL_HUB_HELLO) {
    *r = (struct model_hub_reply){.kind = MODEL_REPLY_HELLO, .keep_s = 3600, .keep_bytes = 1u << 30};
    e->streams++;
    return true;
  }
  struct ledger_run *run =
      m->kind == MODEL_HUB_RUN_START && m->code == TFDC_OK ? open_run(e, stream, m) : find_run(e, stream, m->run);
  tfdc_rc code = m->code;
  const char *text = m->text;
  if (m->kind == MODEL_HUB_BLOCK && code == TFDC_OK && e->reject_every > 0 && m->seq % e->reject_every == 0 &&
      m->seq > run->last) {
    code = TFDC_E_TIME_BACKWARDS;
    text = "rejected on request";
  }
  if (code != TFDC_OK) {
    if (run != NULL && m->seq > run->last) run->last = m->seq;
    if (run != NULL) run->rejects++;
    (void)snprintf(e->text, sizeof e->text, "%s", text);
    r->kind = MODEL_REPLY_REJECT;
    r->code = code;
    r->text = text;
    return true;
  }
  if (m->kind == MODEL_HUB_RUN_START) {
    r->kind = MODEL_REPLY_RESUME;
    r->seq = run->last;
    r->closed = run->ended;
    return !e->silent;
  }
  if (run != NULL) book(run, m);
  r->end = m->kind == MODEL_HUB_RUN_END;
  return !e->silent;
}

static bool on_message(struct hub_sink *base, uint64_t stream, const char *peer, const struct model_hub_msg *m) {
  struct echo *e = (struct echo *)base;
  struct model_hub_reply r;
  bool drop = false, answer = false;
  (void)pthread_mutex_lock(&e->mtx);
  bool take = !(e->full && m->kind == MODEL_HUB_BLOCK);
  (void)snprintf(e->peer, sizeof e->peer, "%s", peer);
  if (!take) {
    e->waiting = stream;
  } else if (m->kind == MODEL_HUB_CLOSED) {
    e->closed++;
  } else {
    e->seen++;
    drop = e->drop_every > 0 && e->seen % e->drop_every == 0 && m->kind != MODEL_HUB_HELLO;
    e->drops += drop;
    if (!drop) answer = decide(e, stream, m, &r);
  }
  (void)pthread_mutex_unlock(&e->mtx);
  if (drop) e->server->ops->end(e->server, stream, TFDC_E_NOT_DURABLE, "dropped on request");
  if (answer) e->server->ops->reply(e->server, stream, &r);
  if (take) model_block_unref(m->block);
  return take;
}

/* ---- commands ---- */
static long vm_hwm_kb(void) {
  FILE *f = fopen("/proc/self/status", "r");
  char line[200];
  long kb = 0;
  while (f != NULL && fgets(line, sizeof line, f) != NULL) {
    if (strncmp(line, "VmHWM:", 6) == 0) kb = strtol(line + 6, NULL, 10);
  }
  if (f != NULL) (void)fclose(f);
  return kb;
}

static void print_stats(struct echo *e) {
  long hwm = vm_hwm_kb();
  (void)pthread_mutex_lock(&e->mtx);
  printf("{\"seen\": %lu, \"streams\": %lu, \"closed\": %lu, \"drops\": %lu, \"hwm_kb\": %ld, \"peer\": \"%s\", ",
         e->seen, e->streams, e->closed, e->drops, hwm, e->peer);
  printf("\"live\": %.0f, \"restarts\": %.0f, \"refused\": %.0f, \"tls_reloads\": %.0f, \"ended\": %.0f, \"runs\": {",
         e->counts[MODEL_METRIC_INGEST_STREAMS], e->counts[MODEL_METRIC_INGEST_LISTENER_RESTARTS],
         e->counts[MODEL_METRIC_INGEST_REFUSED], e->counts[MODEL_METRIC_INGEST_TLS_RELOADS],
         e->counts[MODEL_METRIC_INGEST_STREAMS_ENDED]);
  for (size_t i = 0; i < e->n_runs; i++) {
    const struct ledger_run *r = &e->runs[i];
    printf("%s\"%s\": {\"last\": %llu, \"blocks\": %llu, \"points\": %llu, \"repeats\": %llu, \"gaps\": %llu, "
           "\"rejects\": %llu, \"sum\": %.17g, \"ended\": %s}",
           i == 0 ? "" : ", ", r->run_id, (unsigned long long)r->last, (unsigned long long)r->blocks,
           (unsigned long long)r->points, (unsigned long long)r->repeats, (unsigned long long)r->gaps,
           (unsigned long long)r->rejects, r->sum, r->ended ? "true" : "false");
  }
  printf("}}\n");
  (void)pthread_mutex_unlock(&e->mtx);
}

/* Uses up every descriptor, so that the next accept fails with EMFILE. */
static void starve(struct echo *e) {
  (void)getrlimit(RLIMIT_NOFILE, &e->limit);
  struct rlimit low = {.rlim_cur = 128, .rlim_max = e->limit.rlim_max};
  (void)setrlimit(RLIMIT_NOFILE, &low);
  int fd = 0;
  while (e->n_fds < FDS_MAX && (fd = dup(0)) >= 0) e->fds[e->n_fds++] = fd;
  printf("starved %zu\n", e->n_fds);
}
static void feed(struct echo *e) {
  while (e->n_fds > 0) (void)close(e->fds[--e->n_fds]);
  (void)setrlimit(RLIMIT_NOFILE, &e->limit);
  printf("fed\n");
}

static void set_full(struct echo *e, bool full) {
  (void)pthread_mutex_lock(&e->mtx);
  e->full = full;
  uint64_t stream = e->waiting;
  (void)pthread_mutex_unlock(&e->mtx);
  if (!full) e->server->ops->resume(e->server, stream);
  printf("ok\n");
}

struct drain_wait {
  struct port_task task;
  struct test_loop *loop;
  unsigned done;
};
static void on_drained(struct port_task *t) {
  struct drain_wait *w = (struct drain_wait *)t;
  test_loop_add(w->loop, &w->done, 1);
}
static void drain(struct echo *e, struct test_loop *loop, long ms) {
  struct drain_wait w = {.task = {.fn = on_drained}, .loop = loop};
  e->server->ops->drain(e->server, &loop->loop, tfdc_millis(ms), &w.task);
  test_loop_wait(loop, &w.done, 1);
  printf("drained\n");
}

static bool obey(struct echo *e, struct test_loop *loop, const char *line) {
  if (strcmp(line, "stats\n") == 0)
    print_stats(e);
  else if (strcmp(line, "full\n") == 0)
    set_full(e, true);
  else if (strcmp(line, "resume\n") == 0)
    set_full(e, false);
  else if (strcmp(line, "starve\n") == 0)
    starve(e);
  else if (strcmp(line, "feed\n") == 0)
    feed(e);
  else if (strncmp(line, "drain ", 6) == 0)
    drain(e, loop, strtol(line + 6, NULL, 10));
  else if (strcmp(line, "serving\n") == 0 || strcmp(line, "notserving\n") == 0) {
    e->server->ops->set_serving(e->server, line[0] == 's');
    printf("ok\n");
  } else {
    return false;
  }
  return true;
}

static bool parse(int argc, char **argv, struct echo *e, struct hub_server_grpc_options *o) {
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
    unsigned long n = strtoul(v, NULL, 10);
    if (strcmp(a, "--silent") == 0)
      e->silent = true;
    else if (strcmp(a, "--tls") == 0 && i + 3 < argc) {
      o->tls_cert = argv[i + 1];
      o->tls_key = argv[i + 2];
      o->tls_ca = argv[i + 3];
      i += 3;
    } else {
      if (strcmp(a, "--listen") == 0)
        o->address = v;
      else if (strcmp(a, "--drop-every") == 0)
        e->drop_every = n;
      else if (strcmp(a, "--reject-every") == 0)
        e->reject_every = n;
      else if (strcmp(a, "--max-message") == 0)
        o->max_message_bytes = n;
      else if (strcmp(a, "--max-streams") == 0)
        o->max_streams = (uint32_t)n;
      else if (strcmp(a, "--max-connections") == 0)
        o->max_connections = (uint32_t)n;
      else if (strcmp(a, "--watchdog-ms") == 0)
        o->watchdog_ms = (int64_t)n;
      else if (strcmp(a, "--keepalive-ms") == 0)
        o->keepalive_ms = o->keepalive_timeout_ms = (int64_t)n;
      else
        return false;
      i++;
    }
  }
  return true;
}

int main(int argc, char **argv) {
  static struct echo e;
  static struct test_loop loop;
  struct hub_server_grpc_options o = HUB_SERVER_GRPC_DEFAULTS;
  o.collector = "echo";
  o.watchdog_ms = 0;
  if (!parse(argc, argv, &e, &o)) return 2;
  e.sink.message = on_message;
  e.metrics.ops = &metrics_ops;
  (void)pthread_mutex_init(&e.mtx, NULL);
  struct tfdc_error err = {.code = TFDC_OK};
  uint16_t port;
  if (hub_server_grpc_create(&o, &e.sink, &e.metrics, &e.server, &port, &err) != TFDC_OK) {
    fprintf(stderr, "%s: %s\n", tfdc_rc_name(err.code), tfdc_error_msg(&err));
    return 1;
  }
  test_loop_start(&loop);
  (void)setvbuf(stdout, NULL, _IOLBF, 0);
  printf("port %u\n", (unsigned)port);
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL && obey(&e, &loop, line)) {
  }
  hub_server_grpc_destroy(e.server);
  test_loop_stop(&loop);
  return 0;
}
