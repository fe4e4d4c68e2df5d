/* SPDX-License-Identifier: Apache-2.0
 * `tfdc dev` as a process of its own under load over gRPC: start-up, memory, points per second and core through
 * gRPC -> Mebo -> SQLite with durable acks, runs judged per second, receipt to verdict, and the latency of other
 * chambers while a thousand runs of one are queued. Usage: bench_dev [TFDC [million points, default 100]]. */
#include "adapter/grpc/hub_client_grpc.h"
#include "adapter/http/http_client_curl.h"
#include "adapter/posix/clock_posix.h"
#include "adapter/sqlite/store_sqlite.h"
#include "model/codec.h"
#include "model/strategy.h"
#include "run/await.h"
#include "run/feeder.h"
#include "run/loop_uv.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  SVIDS = 50,
  CHAMBERS = 8,
  BLOCK = 100,
  CHARTS = 100,
  QUEUED = 1000,
  ROUNDS = 100,
  LONG_BLOCKS = 200,
  PATH_BYTES = 200
};

static struct port_clock clock_;
static struct model_svid svids[SVIDS];
static char names[SVIDS][16];
static struct model_chamber chambers[CHAMBERS];
static char chamber_names[CHAMBERS][8];

struct server {
  pid_t pid;
  FILE *out;
  unsigned ingest_port, http_port;
  double start_s;
  char folder[PATH_BYTES - 32], data[PATH_BYTES];
};

static void must(bool ok, const char *what, const struct tfdc_error *err) {
  if (ok) return;
  (void)fprintf(stderr, "bench_dev: %s: %s\n", what, err != NULL ? tfdc_error_msg(err) : "failed");
  exit(1);
}

static double now_s(void) { return (double)port_mono(&clock_).us / 1e6; }

/* ---- the server process ---- */

static void start_server(struct server *s, const char *program) {
  int fds[2];
  must(pipe(fds) == 0, "pipe", NULL);
  double began = now_s();
  s->pid = fork();
  must(s->pid >= 0, "fork", NULL);
  if (s->pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server outlives a bench that failed */
    (void)dup2(fds[1], STDOUT_FILENO);
    (void)close(fds[0]);
    (void)execl(program, program, "dev", "--json", "--data", s->data, "--ingest.listen", "127.0.0.1:0", "--http.listen",
                "127.0.0.1:0", "--log.level", "warn", (char *)NULL);
    _exit(127);
  }
  (void)close(fds[1]);
  s->out = fdopen(fds[0], "r");
  char line[400] = "";
  must(s->out != NULL && fgets(line, sizeof line, s->out) != NULL, "tfdc dev did not start", NULL);
  const char *port = strstr(line, "\"ingest_port\":");
  must(port != NULL && sscanf(port, "\"ingest_port\":%u,\"http_port\":%u", &s->ingest_port, &s->http_port) == 2, line,
       NULL);
  s->start_s = now_s() - began;
}

static void stop_server(struct server *s) {
  int status = 0;
  (void)kill(s->pid, SIGTERM);
  must(waitpid(s->pid, &status, 0) == s->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "stop", NULL);
  (void)fclose(s->out);
}

static double server_cpu_s(const struct server *s) {
  char path[64], text[1024];
  (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)s->pid);
  FILE *f = fopen(path, "r");
  must(f != NULL, path, NULL);
  size_t n = fread(text, 1, sizeof text - 1, f);
  (void)fclose(f);
  text[n] = '\0';
  long user = 0, system = 0;
  const char *rest = strrchr(text, ')');
  must(rest != NULL && sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) == 2,
       path, NULL);
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double server_rss_mb(const struct server *s) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)s->pid);
  FILE *f = fopen(path, "r");
  long resident = 0;
  must(f != NULL && fscanf(f, "%*d %ld", &resident) == 1, path, NULL);
  (void)fclose(f);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* ---- what is in the file ---- */

static void put_strategy(const char *data, struct await *a) {
  static char ids[CHARTS][32], eqs[CHARTS][48];
  static struct model_chart charts[CHARTS];
  static const char *const stats[] = {"mean", "std"};
  for (size_t i = 0; i < CHARTS; i++) {
    (void)snprintf(ids[i], sizeof ids[i], "c%zu", i);
    (void)snprintf(eqs[i], sizeof eqs[i], "%s(S%zu)", stats[i % 2], i / 2);
    charts[i] =
        (struct model_chart){.chart = ids[i], .eq = eqs[i], .alarm = true, .limits = {true, NAN, 1e9, -1e9, NAN, NAN}};
  }
  static const char *const partition[] = {"recipe_id"};
  struct model_strategy st = {
      .id = "bench", .partition = {partition, 1}, .clear_runs = 3, .charts = charts, .n_charts = CHARTS};
  struct tfdc_buf body = {0};
  must(model_strategy_to_json(&st, &body) == TFDC_OK, "strategy", NULL);
  tfdc_put_u8(&body, 0);
  struct model_def def = {.kind = MODEL_DEF_STRATEGY,
                          .id = "bench",
                          .version = 1,
                          .approved = true,
                          .created_us = 1,
                          .body = (const char *)body.data};
  struct tfdc_error err = {0};
  struct port *store = NULL;
  must(store_sqlite_open(data, NULL, &store, &err) == TFDC_OK, data, &err);
  struct store_req r;
  store_req_init(&r, STORE_DEF_PUT);
  r.def = &def;
  must(await_call(a, store, &r.base) == TFDC_OK, "put strategy", &r.base.err);
  port_req_deinit(&r.base);
  await_close(a, store);
  store_sqlite_destroy(store);
  tfdc_buf_deinit(&body);
}

/* ---- the load ---- */

struct hub {
  struct feeder *feeder;
  struct loop_uv *loop;
};

static void open_hub(struct hub *h, const struct server *s, size_t first, size_t n) {
  struct feeder_options o = {
      .hub = "bench", .chambers = &chambers[first], .n_chambers = n, .patience = tfdc_seconds(30)};
  struct hub_client_grpc_options g = HUB_CLIENT_GRPC_DEFAULTS;
  char address[32];
  (void)snprintf(address, sizeof address, "127.0.0.1:%u", s->ingest_port);
  g.address = address;
  struct hub_client *client = NULL;
  struct tfdc_error err = {0};
  must(loop_uv_start(&clock_, "hub", &h->loop, &err) == TFDC_OK, "loop", &err);
  must(feeder_create(&o, loop_uv_port(h->loop), &h->feeder, &err) == TFDC_OK, "feeder", &err);
  must(hub_client_grpc_create(&g, loop_uv_port(h->loop), feeder_events(), h->feeder, &client, &err) == TFDC_OK,
       "client", &err);
  feeder_set_client(h->feeder, client);
}

static void close_hub(struct hub *h) {
  feeder_destroy(h->feeder);
  loop_uv_stop(h->loop);
}

static struct model_block *make_block(int64_t start_us, unsigned *seed) {
  struct model_column *columns;
  int64_t *t;
  double *v;
  struct model_block *b = model_block_create(SVIDS, BLOCK, (size_t)SVIDS * BLOCK, &columns, &t, &v);
  must(b != NULL, "memory", NULL);
  for (size_t i = 0; i < BLOCK; i++) t[i] = start_us + (int64_t)i * 100000;
  for (size_t c = 0; c < SVIDS; c++) {
    for (size_t i = 0; i < BLOCK; i++) {
      *seed = *seed * 1664525u + 1013904223u;
      v[c * BLOCK + i] = (double)(2000 + (int)(c * 37) + (int)(*seed >> 24) % 60) / 100;
    }
    columns[c] = (struct model_column){
        .svid = svids[c].number, .name = svids[c].name, .n = BLOCK, .t_us = t, .v = v + c * BLOCK};
  }
  b->points = (uint64_t)SVIDS * BLOCK;
  return b;
}

static uint64_t send_run(struct hub *h, size_t chamber, size_t number, size_t blocks, unsigned *seed) {
  char run_id[32];
  (void)snprintf(run_id, sizeof run_id, "r%zu", number);
  int64_t start = port_wall(&clock_).us - (int64_t)blocks * BLOCK * 100000;
  struct model_context c = {.key = chambers[chamber].key,
                            .run_id = run_id,
                            .start_us = start,
                            .slot = -1,
                            .runs_since_pm = -1,
                            .wafers_since_clean = -1,
                            .rf_hours = NAN,
                            .recipe_id = "R1"};
  struct tfdc_error err = {0};
  uint64_t run;
  must(feeder_start(h->feeder, &c, &run, &err) == TFDC_OK, "run start", &err);
  for (size_t b = 0; b < blocks; b++) {
    struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK,
                              .block = make_block(start + (int64_t)(b * BLOCK) * 100000, seed)};
    must(feeder_send(h->feeder, run, &m, &err) == TFDC_OK, "block", &err);
  }
  struct model_hub_msg end = {.kind = MODEL_HUB_RUN_END,
                              .end_us = start + (int64_t)(blocks * BLOCK) * 100000,
                              .end_reason = MODEL_END_COMPLETE};
  must(feeder_send(h->feeder, run, &end, &err) == TFDC_OK, "run end", &err);
  return run;
}

static void wait_run(struct hub *h, uint64_t run) {
  struct feeder_result result = {0};
  struct tfdc_error err = {0};
  must(feeder_wait(h->feeder, run, tfdc_seconds(300), &result, &err) == TFDC_OK, "run", &err);
  must(result.ended && result.rejects == 0, result.reject_text, NULL);
}

/* ---- verdicts ---- */

struct reader {
  struct await *await;
  struct port *store;
};

struct latencies {
  double *ms; /* sorted by print_latency */
  size_t n, size;
};

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void keep(struct latencies *l, double ms) {
  if (l->n == l->size) {
    l->size = l->size == 0 ? 1024 : 2 * l->size;
    l->ms = realloc(l->ms, l->size * sizeof *l->ms);
    must(l->ms != NULL, "memory", NULL);
  }
  l->ms[l->n++] = ms;
}

/* Reads the current verdicts of first judgements since `since`, of chamber C0 alone or of all others; false while
 * fewer than `wanted` are there. */
static bool verdicts_of(struct reader *r, int64_t since_us, bool first_chamber, bool others, size_t wanted,
                        struct latencies *ret) {
  struct latencies l = {0};
  char *cursor = NULL;
  for (bool more = true; more;) {
    struct store_req q;
    store_req_init(&q, STORE_VERDICT_LIST);
    q.filter = STORE_FILTER_ALL;
    q.page.limit = 5000;
    q.page.cursor = cursor;
    must(await_call(r->await, r->store, &q.base) == TFDC_OK, "verdicts", &q.base.err);
    for (size_t i = 0; i < q.n; i++) {
      const struct model_run_verdict *v = &q.verdicts[i];
      bool is_first = strcmp(v->key.chamber, chamber_names[0]) == 0;
      if (v->judgement <= 1 && v->judged_us >= since_us && (is_first ? first_chamber : others))
        keep(&l, (double)v->latency_us / 1e3);
    }
    more = q.ret_cursor != NULL;
    free(cursor);
    cursor = more ? strdup(q.ret_cursor) : NULL;
    port_req_deinit(&q.base);
  }
  if (l.n < wanted) {
    free(l.ms);
    return false;
  }
  *ret = l;
  return true;
}

static struct latencies wait_verdicts(struct reader *r, int64_t since_us, bool first_chamber, bool others,
                                      size_t wanted) {
  struct latencies l = {0};
  for (int round = 0; round < 600; round++) {
    if (verdicts_of(r, since_us, first_chamber, others, wanted, &l)) return l;
    await_pause(r->await, tfdc_millis(100));
  }
  must(false, "not all runs were judged", NULL);
  return l;
}

static void print_latency(const char *what, struct latencies *l) {
  qsort(l->ms, l->n, sizeof *l->ms, by_value);
  (void)printf("%-52s p50 %.1f  p95 %.1f  p99 %.1f  max %.1f ms (%zu runs)\n", what, l->ms[l->n / 2],
               l->ms[l->n * 95 / 100], l->ms[l->n * 99 / 100], l->ms[l->n - 1], l->n);
  free(l->ms);
  *l = (struct latencies){0};
}

/* ---- the three loads ---- */

static void bench_points(struct server *s, const char *program, double points) {
  struct hub h;
  unsigned seed = 1;
  start_server(s, program);
  open_hub(&h, s, 0, CHAMBERS);
  size_t n = (size_t)(points / ((double)LONG_BLOCKS * SVIDS * BLOCK));
  double cpu = server_cpu_s(s), began = now_s();
  for (size_t i = 0; i < n; i++) wait_run(&h, send_run(&h, i % CHAMBERS, i, LONG_BLOCKS, &seed));
  double wall = now_s() - began, used = server_cpu_s(s) - cpu, sent = (double)(n * LONG_BLOCKS * SVIDS * BLOCK);
  (void)printf("%-52s %.2f M points/s per core (%.2f M/s on the wall, client on the same machine)\n",
               "gRPC -> Mebo -> SQLite, durable acks (bar 2, aim 10)", sent / used / 1e6, sent / wall / 1e6);
  close_hub(&h);
  stop_server(s);
}

/* Rounds of one run a chamber, each waited for. */
static void send_rounds(struct hub *h, size_t first, size_t number, size_t rounds, unsigned *seed) {
  uint64_t runs[CHAMBERS];
  for (size_t i = 0; i < rounds; i++) {
    for (size_t c = first; c < CHAMBERS; c++) runs[c] = send_run(h, c, number + i, 6, seed);
    for (size_t c = first; c < CHAMBERS; c++) wait_run(h, runs[c]);
  }
}

static void bench_judging(struct server *s, struct reader *r) {
  struct hub h;
  unsigned seed = 2;
  open_hub(&h, s, 0, CHAMBERS);
  int64_t since = port_wall(&clock_).us;
  double cpu = server_cpu_s(s), began = now_s();
  send_rounds(&h, 0, 1000, ROUNDS, &seed);
  size_t total = (size_t)ROUNDS * CHAMBERS;
  struct latencies l = wait_verdicts(r, since, true, true, total);
  double wall = now_s() - began, used = server_cpu_s(s) - cpu;
  (void)printf("%-52s %.0f runs/s, %.0f per core of the server (30,000 points, 100 charts a run)\n",
               "received, stored and judged", (double)total / wall, (double)total / used);
  print_latency("receipt of the run's end to its verdict (bar p95 100)", &l);
  close_hub(&h);
}

static void post_rejudge(const struct server *s) {
  char url[64];
  (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", s->http_port);
  struct http_client *http = NULL;
  struct tfdc_error err = {0};
  must(http_client_curl_create(url, "", 0, &http, &err) == TFDC_OK, url, &err);
  const struct http_param chamber = {"chamber", chamber_names[0]};
  struct http_request q = {.method = "POST", .path = "/api/v1/rejudge", .params = &chamber, .n_params = 1, .body = ""};
  struct http_response a = {0};
  must(http->ops->call(http, &q, &a, &err) == TFDC_OK, "rejudge", &err);
  must(a.status / 100 == 2, a.body.size > 0 ? (const char *)a.body.data : "rejudge", NULL);
  tfdc_buf_deinit(&a.body);
  http->ops->destroy(http);
}

/* A thousand runs of one chamber are put into the queue at once by a re-judge pass, while the others go on. */
static void bench_fairness(struct server *s, struct reader *r) {
  struct hub crowd, others;
  unsigned seed = 3;
  open_hub(&crowd, s, 0, 1);
  for (size_t i = 0; i < QUEUED - ROUNDS; i++) wait_run(&crowd, send_run(&crowd, 0, 5000 + i, 6, &seed));
  close_hub(&crowd);
  struct latencies l = wait_verdicts(r, 0, true, false, QUEUED);
  free(l.ms);
  open_hub(&others, s, 1, CHAMBERS - 1);
  int64_t since = port_wall(&clock_).us;
  send_rounds(&others, 1, 7000, 30, &seed);
  l = wait_verdicts(r, since, false, true, (size_t)30 * (CHAMBERS - 1));
  print_latency("7 other chambers, nothing queued", &l);
  since = port_wall(&clock_).us;
  post_rejudge(s);
  send_rounds(&others, 1, 8000, 30, &seed);
  l = wait_verdicts(r, since, false, true, (size_t)30 * (CHAMBERS - 1));
  print_latency("7 other chambers, 1,000 runs of one queued", &l);
  close_hub(&others);
}

static void name_all(void) {
  for (size_t i = 0; i < SVIDS; i++) {
    (void)snprintf(names[i], sizeof names[i], "S%zu", i);
    svids[i] = (struct model_svid){.number = (uint32_t)i + 1, .name = names[i], .unit = "V", .resolution = 0.01};
  }
  for (size_t i = 0; i < CHAMBERS; i++) {
    (void)snprintf(chamber_names[i], sizeof chamber_names[i], "C%zu", i);
    chambers[i] =
        (struct model_chamber){.key = {"T1", chamber_names[i]}, .tool_type = "T", .svids = svids, .n_svids = SVIDS};
  }
}

static void make_folder(struct server *s) {
  const char *tmp = getenv("TMPDIR");
  (void)snprintf(s->folder, sizeof s->folder, "%s/bench_dev_XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
  must(mkdtemp(s->folder) != NULL, s->folder, NULL);
  (void)snprintf(s->data, sizeof s->data, "%s/bench.db", s->folder);
}

static void remove_folder(const struct server *s) {
  DIR *d = opendir(s->folder);
  must(d != NULL, s->folder, NULL);
  for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) (void)unlinkat(dirfd(d), e->d_name, 0);
  (void)closedir(d);
  must(rmdir(s->folder) == 0, s->folder, NULL);
}

int main(int argc, char **argv) {
  const char *program = argc > 1 ? argv[1] : TFDC_PROGRAM;
  double points = (argc > 2 ? strtod(argv[2], NULL) : 100) * 1e6;
  struct tfdc_error err = {0};
  struct server s = {0};
  struct reader r = {0};
  clock_posix_init(&clock_);
  (void)setvbuf(stdout, NULL, _IOLBF, 0);
  name_all();
  make_folder(&s);
  start_server(&s, program);
  (void)printf("%-52s %.0f ms (aim 100), %.1f MB resident (aim 40)\n", "start on an empty file", s.start_s * 1e3,
               server_rss_mb(&s));
  stop_server(&s);
  must(await_create(&clock_, &r.await, &err) == TFDC_OK, "await", &err);
  bench_points(&s, program, points);
  put_strategy(s.data, r.await);
  start_server(&s, program);
  (void)printf("%-52s %.0f ms, %.1f MB resident\n", "start on that file", s.start_s * 1e3, server_rss_mb(&s));
  must(store_sqlite_open(s.data, NULL, &r.store, &err) == TFDC_OK, s.data, &err);
  bench_judging(&s, &r);
  bench_fairness(&s, &r);
  (void)printf("%-52s %.1f MB resident\n", "after the load", server_rss_mb(&s));
  await_close(r.await, r.store);
  store_sqlite_destroy(r.store);
  stop_server(&s);
  await_destroy(r.await);
  remove_folder(&s);
  return 0;
}
