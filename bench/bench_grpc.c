/* SPDX-License-Identifier: Apache-2.0
 * The ingest API: decoding alone, and client to server over loopback into a sink that only counts. Usage: bench_grpc
 * [million points, default 200] [points of a block, default 1000]. CPU is of the whole process: both sides. */
#include "adapter/grpc/hub_client_grpc.h"
#include "adapter/grpc/hub_server_grpc.h"
#include "adapter/grpc/ingest_wire.h"
#include "support/loop_thread.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { SVIDS = 10 };

static struct model_svid svids[SVIDS];
static char names[SVIDS][16];
static const struct model_chamber chamber = {.key = {"T1", "C1"}, .svids = svids, .n_svids = SVIDS};

static void must(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s failed\n", what);
  exit(1);
}

static double now_s(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static double cpu_s(void) {
  struct rusage u;
  (void)getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
static void print(const char *what, double points, double wall, double cpu) {
  printf("%-36s %8.1f Mpt/s  %7.2f CPU ms/Mpt\n", what, points / wall / 1e6, cpu * 1e3 / (points / 1e6));
}

/* A block of all SVIDs on one clock; regular or with times that jitter by a microsecond. */
static struct model_block *make_block(size_t points, bool regular) {
  struct model_column *columns;
  int64_t *t;
  double *v;
  size_t n = points / SVIDS;
  struct model_block *b = model_block_create(SVIDS, n, n * SVIDS, &columns, &t, &v);
  must(b != NULL, "memory");
  for (size_t i = 0; i < n; i++) t[i] = 1700000000000000 + (int64_t)i * 100000 + (regular ? 0 : (int64_t)(i * 7 % 5));
  for (size_t c = 0; c < SVIDS; c++) {
    for (size_t i = 0; i < n; i++) v[c * n + i] = 20 + sin((double)i / 50) * (double)(c + 1);
    columns[c] =
        (struct model_column){.svid = svids[c].number, .name = svids[c].name, .n = n, .t_us = t, .v = v + c * n};
  }
  b->points = n * SVIDS;
  return b;
}

static void bench_decode(double points, size_t per_block, bool regular) {
  const struct ingest_limits limits = INGEST_LIMITS_DEFAULT;
  struct ingest_dict d = {.chambers = NULL};
  struct tfdc_arena mem = {.limit = 0};
  struct tfdc_buf buf = {.limit = 0};
  const struct model_hub_msg hello = {.kind = MODEL_HUB_HELLO, .hub = "", .chambers = &chamber, .n_chambers = 1};
  must(ingest_dict_hello(&d, &limits, &hello, NULL) == TFDC_OK, "hello");
  must(ingest_dict_start(&d, &limits, 1, chamber.key, NULL) == TFDC_OK, "start");
  struct model_block *b = make_block(per_block, regular);
  b->seq = 1;
  const struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK, .run = 1, .seq = 1, .block = b};
  must(ingest_encode(&m, &buf) == TFDC_OK, "encode");
  double done = 0, cpu = cpu_s(), wall = now_s();
  while (done < points) {
    struct model_hub_msg got;
    must(ingest_decode(buf.data, buf.size, &limits, &d, &mem, &got, NULL) == TFDC_OK && got.code == TFDC_OK, "decode");
    done += (double)got.block->points;
    model_block_unref(got.block);
    tfdc_arena_reset(&mem);
  }
  print(regular ? "decode, start and period" : "decode, explicit times", done, now_s() - wall, cpu_s() - cpu);
  model_block_unref(b);
  ingest_dict_deinit(&d);
  tfdc_arena_deinit(&mem);
  tfdc_buf_deinit(&buf);
}

struct loopback {
  struct hub_sink sink; /* first */
  struct hub_server *server;
  struct test_loop loop;
  struct hub_client *client;
  struct model_block *block;
  uint64_t seq, last;
  unsigned finished, closed;
  struct port_task closed_task;
};

static bool count(struct hub_sink *base, uint64_t stream, const char *peer, const struct model_hub_msg *m) {
  struct loopback *l = (struct loopback *)base;
  (void)peer;
  struct model_hub_reply r = {.kind = MODEL_REPLY_ACK, .run = m->run, .seq = m->seq};
  if (m->kind == MODEL_HUB_CLOSED) return true;
  if (m->kind == MODEL_HUB_HELLO) r.kind = MODEL_REPLY_HELLO;
  if (m->kind == MODEL_HUB_RUN_START) r.kind = MODEL_REPLY_RESUME;
  must(m->code == TFDC_OK, m->text);
  l->server->ops->reply(l->server, stream, &r);
  model_block_unref(m->block);
  return true;
}

static void send_more(void *user) {
  struct loopback *l = user;
  while (l->seq < l->last) {
    l->block->seq = l->seq + 1;
    const struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK, .run = 1, .seq = l->seq + 1, .block = l->block};
    tfdc_rc rc = l->client->ops->send(l->client, &m);
    if (rc == TFDC_E_BUSY) return;
    must(rc == TFDC_OK, "send");
    l->seq++;
  }
}
static void on_connected(void *user) {
  struct loopback *l = user;
  const struct model_hub_msg hello = {.kind = MODEL_HUB_HELLO, .hub = "", .chambers = &chamber, .n_chambers = 1};
  const struct model_context c = {.key = chamber.key, .run_id = "r", .slot = -1, .rf_hours = NAN};
  const struct model_hub_msg start = {.kind = MODEL_HUB_RUN_START, .run = 1, .context = &c};
  must(l->client->ops->send(l->client, &hello) == TFDC_OK && l->client->ops->send(l->client, &start) == TFDC_OK,
       "start");
  send_more(l);
}
static void on_reply(void *user, const struct model_hub_reply *r) {
  struct loopback *l = user;
  if (r->kind == MODEL_REPLY_ACK && r->seq == l->last) test_loop_add(&l->loop, &l->finished, 1);
}
static void on_disconnected(void *user, tfdc_rc code, const char *text, bool permanent) {
  (void)user;
  (void)code;
  (void)permanent;
  must(false, text);
}
static void on_closed(struct port_task *t) {
  struct loopback *l = (struct loopback *)((char *)t - offsetof(struct loopback, closed_task));
  test_loop_add(&l->loop, &l->closed, 1);
}
static void start_client(void *arg) {
  static const struct hub_client_events events = {
      .connected = on_connected, .reply = on_reply, .disconnected = on_disconnected, .writable = send_more};
  struct loopback *l = arg;
  struct hub_client_grpc_options o = HUB_CLIENT_GRPC_DEFAULTS;
  char address[64];
  (void)snprintf(address, sizeof address, "127.0.0.1:%u", l->finished);
  l->finished = 0;
  o.address = address;
  must(hub_client_grpc_create(&o, &l->loop.loop, &events, l, &l->client, NULL) == TFDC_OK, "client");
}
static void close_client(void *arg) {
  struct loopback *l = arg;
  l->client->ops->close(l->client, &l->closed_task);
}

static void bench_loopback(double points, size_t per_block, bool regular) {
  static struct loopback l;
  l = (struct loopback){.sink = {.message = count}, .closed_task = {.fn = on_closed}};
  struct hub_server_grpc_options o = HUB_SERVER_GRPC_DEFAULTS;
  uint16_t port;
  must(hub_server_grpc_create(&o, &l.sink, NULL, &l.server, &port, NULL) == TFDC_OK, "server");
  l.block = make_block(per_block, regular);
  l.last = (uint64_t)(points / (double)l.block->points);
  test_loop_start(&l.loop);
  l.finished = port;
  double cpu = cpu_s(), wall = now_s();
  test_loop_run(&l.loop, start_client, &l);
  test_loop_wait(&l.loop, &l.finished, 1);
  print(regular ? "client to server, start and period" : "client to server, explicit times",
        (double)l.last * (double)l.block->points, now_s() - wall, cpu_s() - cpu);
  test_loop_run(&l.loop, close_client, &l);
  test_loop_wait(&l.loop, &l.closed, 1);
  hub_server_grpc_destroy(l.server);
  test_loop_stop(&l.loop);
  model_block_unref(l.block);
}

int main(int argc, char **argv) {
  double points = (argc > 1 ? strtod(argv[1], NULL) : 200) * 1e6;
  size_t per_block = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
  for (uint32_t i = 0; i < SVIDS; i++) {
    (void)snprintf(names[i], sizeof names[i], "sensor %u", (unsigned)i);
    svids[i] = (struct model_svid){.number = 100 + i, .name = names[i]};
  }
  for (int regular = 1; regular >= 0; regular--) bench_decode(points * 4, per_block, regular != 0);
  for (int regular = 1; regular >= 0; regular--) bench_loopback(points, per_block, regular != 0);
  return 0;
}
