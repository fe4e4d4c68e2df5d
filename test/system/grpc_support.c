/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc_support.h"

#include "base/err.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the sink ---- */
static void answer(struct test_sink *s, uint64_t stream, const struct model_hub_msg *m) {
  struct model_hub_reply r = {.kind = MODEL_REPLY_ACK, .run = m->run, .seq = m->seq};
  if (m->kind == MODEL_HUB_HELLO)
    r = (struct model_hub_reply){.kind = MODEL_REPLY_HELLO, .keep_s = 60, .keep_bytes = 1000};
  if (m->kind == MODEL_HUB_RUN_START) r.kind = MODEL_REPLY_RESUME;
  if (m->kind == MODEL_HUB_RUN_END) r.end = true;
  if (m->code != TFDC_OK) {
    r.kind = MODEL_REPLY_REJECT;
    r.code = m->code;
    r.text = m->text;
  }
  s->server->ops->reply(s->server, stream, &r);
}

static bool sink_message(struct hub_sink *base, uint64_t stream, const char *peer, const struct model_hub_msg *m) {
  struct test_sink *s = (struct test_sink *)base;
  (void)pthread_mutex_lock(&s->mtx);
  bool take = !(s->full && m->kind == MODEL_HUB_BLOCK);
  if (!take) {
    s->refused++;
  } else if (m->kind == MODEL_HUB_CLOSED) {
    s->closed++;
  } else {
    TFDC_ASSERT(s->n < MESSAGES_MAX);
    struct got_message *g = &s->got[s->n++];
    *g = (struct got_message){
        .kind = m->kind, .stream = stream, .run = m->run, .seq = m->seq, .code = m->code, .block = m->block};
    (void)snprintf(g->text, sizeof g->text, "%s", m->text == NULL ? "" : m->text);
    s->last_stream = stream;
    if (m->block != NULL) s->points += m->block->points;
    (void)snprintf(s->peer, sizeof s->peer, "%s", peer);
    if (m->kind == MODEL_HUB_RUN_START) {
      (void)snprintf(s->run_id, sizeof s->run_id, "%s", m->context->run_id);
      (void)snprintf(s->chamber, sizeof s->chamber, "%s:%s", m->context->key.tool, m->context->key.chamber);
    }
  }
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->mtx);
  if (take && s->auto_ack && m->kind != MODEL_HUB_CLOSED) answer(s, stream, m);
  return take;
}

void test_sink_init(struct test_sink *s, bool auto_ack) {
  memset(s, 0, sizeof *s);
  s->sink.message = sink_message;
  s->auto_ack = auto_ack;
  (void)pthread_mutex_init(&s->mtx, NULL);
  (void)pthread_cond_init(&s->changed, NULL);
}

void test_sink_deinit(struct test_sink *s) {
  for (size_t i = 0; i < s->n; i++) model_block_unref(s->got[i].block);
  (void)pthread_mutex_destroy(&s->mtx);
  (void)pthread_cond_destroy(&s->changed);
}

static void wait_for(struct test_sink *s, const size_t *counter, size_t n) {
  (void)pthread_mutex_lock(&s->mtx);
  while (*counter < n) (void)pthread_cond_wait(&s->changed, &s->mtx);
  (void)pthread_mutex_unlock(&s->mtx);
}
void test_sink_wait(struct test_sink *s, size_t n) { wait_for(s, &s->n, n); }
void test_sink_wait_closed(struct test_sink *s, size_t n) { wait_for(s, &s->closed, n); }
void test_sink_wait_refused(struct test_sink *s, size_t n) { wait_for(s, &s->refused, n); }
void test_sink_set_full(struct test_sink *s, bool full) {
  (void)pthread_mutex_lock(&s->mtx);
  s->full = full;
  (void)pthread_mutex_unlock(&s->mtx);
}

/* ---- the hub ---- */
static const struct model_svid svids[] = {{.number = 11, .name = "press", .unit = "mTorr", .rate_hz = 10},
                                          {.number = 12, .name = "temp", .unit = "Cel", .rate_hz = 10}};
const struct model_chamber test_chamber = {.key = {"T1", "C1"}, .tool_type = "T", .svids = svids, .n_svids = 2};

static void on_connected(void *user) {
  struct test_hub *h = user;
  const struct model_hub_msg hello = {
      .kind = MODEL_HUB_HELLO, .hub = "test hub", .chambers = &test_chamber, .n_chambers = 1};
  if (!h->no_hello) TFDC_ASSERT(h->client->ops->send(h->client, &hello) == TFDC_OK);
  test_loop_add(h->loop, &h->connected, 1);
}
static void on_reply(void *user, const struct model_hub_reply *r) {
  struct test_hub *h = user;
  h->got[h->replies % REPLIES_MAX] = *r;
  if (r->text != NULL) (void)snprintf(h->got_text, sizeof h->got_text, "%s", r->text);
  test_loop_add(h->loop, &h->replies, 1);
}
static void on_disconnected(void *user, tfdc_rc code, const char *text, bool permanent) {
  struct test_hub *h = user;
  h->code = code;
  h->permanent = permanent;
  (void)snprintf(h->text, sizeof h->text, "%s", text);
  test_loop_add(h->loop, &h->disconnected, 1);
}
static void on_writable(void *user) {
  struct test_hub *h = user;
  test_loop_add(h->loop, &h->writable, 1);
}
static void on_closed(struct port_task *t) {
  struct test_hub *h = (struct test_hub *)((char *)t - offsetof(struct test_hub, closed_task));
  h->client = NULL;
  test_loop_add(h->loop, &h->closed, 1);
}

struct hub_client_grpc_options test_hub_options(char *address, size_t size, uint16_t port) {
  (void)snprintf(address, size, "127.0.0.1:%u", (unsigned)port);
  struct hub_client_grpc_options o = HUB_CLIENT_GRPC_DEFAULTS;
  o.address = address;
  o.backoff_max_ms = 400;
  return o;
}

struct starting {
  struct test_hub *h;
  const struct hub_client_grpc_options *o;
};
static void start_on_loop(void *arg) {
  static const struct hub_client_events events = {
      .connected = on_connected, .reply = on_reply, .disconnected = on_disconnected, .writable = on_writable};
  struct starting *s = arg;
  struct tfdc_error err = {.code = TFDC_OK};
  s->h->code = hub_client_grpc_create(s->o, &s->h->loop->loop, &events, s->h, &s->h->client, &err);
  (void)snprintf(s->h->text, sizeof s->h->text, "%s", err.msg);
}
void test_hub_start(struct test_hub *h, struct test_loop *loop, const struct hub_client_grpc_options *o) {
  h->loop = loop;
  h->closed_task.fn = on_closed;
  struct starting s = {h, o};
  test_loop_run(loop, start_on_loop, &s);
}

struct sending {
  struct test_hub *h;
  const struct model_hub_msg *m;
  tfdc_rc rc;
};
static void send_on_loop(void *arg) {
  struct sending *s = arg;
  s->rc = s->h->client->ops->send(s->h->client, s->m);
}
tfdc_rc test_hub_send(struct test_hub *h, const struct model_hub_msg *m) {
  struct sending s = {h, m, TFDC_OK};
  test_loop_run(h->loop, send_on_loop, &s);
  return s.rc;
}

static void close_on_loop(void *arg) {
  struct test_hub *h = arg;
  h->client->ops->close(h->client, &h->closed_task);
}
void test_hub_close(struct test_hub *h) {
  test_loop_run(h->loop, close_on_loop, h);
  test_loop_wait(h->loop, &h->closed, 1);
}

/* ---- messages ---- */
tfdc_rc test_hub_start_run(struct test_hub *h, uint64_t run) {
  struct model_context c = {.key = test_chamber.key,
                            .run_id = "run-1",
                            .start_us = 1000000,
                            .slot = 3,
                            .recipe_id = "etch \xc3\xa4",
                            .runs_since_pm = 0,
                            .wafers_since_clean = -1,
                            .rf_hours = NAN};
  const struct model_hub_msg m = {.kind = MODEL_HUB_RUN_START, .run = run, .context = &c};
  return test_hub_send(h, &m);
}

struct model_block *test_block(uint64_t seq, size_t n) {
  struct model_column *columns;
  int64_t *t;
  double *v;
  struct model_block *b = model_block_create(2, n, 2 * n, &columns, &t, &v);
  TFDC_ASSERT(b != NULL);
  for (size_t i = 0; i < n; i++) {
    t[i] = 1000000 + (int64_t)(seq * 1000000 + i) * 100000;
    v[i] = (double)i;
    v[n + i] = -(double)i;
  }
  columns[0] = (struct model_column){.svid = 11, .name = "press", .n = n, .t_us = t, .v = v};
  columns[1] = (struct model_column){.svid = 12, .name = "temp", .n = n, .t_us = t, .v = v + n};
  b->seq = seq;
  b->points = 2 * n;
  return b;
}

tfdc_rc test_hub_send_block(struct test_hub *h, uint64_t run, uint64_t seq, size_t n) {
  struct model_block *b = test_block(seq, n);
  const struct model_hub_msg m = {.kind = MODEL_HUB_BLOCK, .run = run, .seq = seq, .block = b};
  tfdc_rc rc = test_hub_send(h, &m);
  model_block_unref(b);
  return rc;
}

tfdc_rc test_hub_end_run(struct test_hub *h, uint64_t run, uint64_t seq) {
  const struct model_hub_msg m = {
      .kind = MODEL_HUB_RUN_END, .run = run, .seq = seq, .end_us = 9000000, .end_reason = MODEL_END_COMPLETE};
  return test_hub_send(h, &m);
}
