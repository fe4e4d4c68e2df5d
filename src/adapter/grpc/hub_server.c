/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/grpc/hub_server_grpc.h"

#include "adapter/grpc/hub_server_priv.h"
#include "model/metric_list.h"

#include <stdlib.h>
#include <string.h>

/* A block up to so many times over the limit is read, so that it can be rejected; a larger message ends its stream. */
enum { REJECTED = 4 };

static struct hub_grpc *of(struct hub_server *s) { return (struct hub_grpc *)s; }

static void server_reply(struct hub_server *s, uint64_t stream, const struct model_hub_reply *r) {
  hub_stream_reply(of(s), stream, r);
}
static void server_resume(struct hub_server *s, uint64_t stream) { hub_stream_resume(of(s), stream); }
static void server_end(struct hub_server *s, uint64_t stream, tfdc_rc code, const char *text) {
  hub_stream_end(of(s), stream, code, text);
}

static void server_set_serving(struct hub_server *s, bool serving) {
  atomic_store(&of(s)->serving, serving);
  rpc_server_wake_all(of(s)->rpc); /* who watches hears of it */
}

static void post_drained(void *arg) {
  struct hub_grpc *s = arg;
  if (s->drain_task != NULL) port_post(s->drain_loop, s->drain_task);
}

static void server_drain(struct hub_server *base, struct port_loop *loop, tfdc_dur limit, struct port_task *drained) {
  struct hub_grpc *s = of(base);
  s->drain_loop = loop;
  s->drain_task = drained;
  atomic_store(&s->serving, false);
  rpc_server_drain(s->rpc, limit, post_drained, s);
}

static void on_event(void *user, enum rpc_event e, const char *text) {
  struct hub_grpc *s = user;
  (void)text;
  switch (e) {
  case RPC_LISTENER_DEAD: break;
  case RPC_LISTENER_BACK: metrics_add(s->metrics, MODEL_METRIC_INGEST_LISTENER_RESTARTS, NULL, 1); break;
  case RPC_TLS_LOADED: metrics_add(s->metrics, MODEL_METRIC_INGEST_TLS_RELOADS, "ok", 1); break;
  case RPC_TLS_REFUSED: metrics_add(s->metrics, MODEL_METRIC_INGEST_TLS_RELOADS, "failed", 1); break;
  case RPC_CONNECTION_REFUSED: metrics_add(s->metrics, MODEL_METRIC_INGEST_REFUSED, "connections", 1); break;
  }
}

static void on_connections(void *user, size_t n) {
  metrics_set(((struct hub_grpc *)user)->metrics, MODEL_METRIC_INGEST_CONNECTIONS, NULL, (double)n);
}

static const struct hub_server_ops ops = {.reply = server_reply,
                                          .resume = server_resume,
                                          .end = server_end,
                                          .drain = server_drain,
                                          .set_serving = server_set_serving};

static void free_server(struct hub_grpc *s) {
  (void)pthread_mutex_destroy(&s->mtx);
  free(s->slots);
  free(s->collector);
  free(s->methods);
  free(s);
}

static struct hub_grpc *alloc_server(const struct hub_server_grpc_options *o, struct hub_sink *sink,
                                     struct port_metrics *metrics) {
  struct hub_grpc *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->base.ops = &ops;
  s->sink = sink;
  s->metrics = metrics;
  s->limits = (struct ingest_limits){.max_block_points = o->max_block_points,
                                     .max_block_bytes = o->max_message_bytes,
                                     .max_chambers = o->max_chambers,
                                     .max_svids = o->max_svids,
                                     .max_runs = o->max_runs};
  s->max_streams = o->max_streams;
  atomic_init(&s->serving, true);
  (void)pthread_mutex_init(&s->mtx, NULL);
  s->slots = calloc(o->max_streams, sizeof *s->slots);
  s->collector = strdup(o->collector == NULL ? "" : o->collector);
  s->methods = calloc(HUB_METHODS, sizeof *s->methods);
  if (s->slots != NULL && s->collector != NULL && s->methods != NULL) {
    s->methods[0] = hub_stream_method;
    s->methods[1] = health_check_method;
    s->methods[2] = health_watch_method;
    s->methods[3] = reflection_method;
    s->methods[4] = reflection_alpha_method;
    return s;
  }
  free_server(s);
  return NULL;
}

tfdc_rc hub_server_grpc_create(const struct hub_server_grpc_options *o, struct hub_sink *sink,
                               struct port_metrics *metrics, struct hub_server **ret, uint16_t *ret_port,
                               struct tfdc_error *err) {
  struct hub_grpc *s = alloc_server(o, sink, metrics);
  if (s == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "hub server");
  const struct rpc_tls tls = {.cert = o->tls_cert, .key = o->tls_key, .ca = o->tls_ca};
  bool secure = tls.cert != NULL || tls.key != NULL || tls.ca != NULL;
  const struct rpc_server_options rpc = {.address = o->address,
                                         .tls = secure ? &tls : NULL,
                                         .max_message_bytes = REJECTED * o->max_message_bytes,
                                         .max_connections = o->max_connections,
                                         .keepalive_ms = o->keepalive_ms,
                                         .keepalive_timeout_ms = o->keepalive_timeout_ms,
                                         .watchdog_ms = o->watchdog_ms,
                                         .threads = o->threads,
                                         .methods = s->methods,
                                         .n_methods = HUB_METHODS,
                                         .user = s,
                                         .event = on_event,
                                         .connections = on_connections};
  struct hub_server *before = *ret;
  *ret = &s->base; /* a hub may be there at once: the sink must know whom to answer */
  tfdc_rc rc = rpc_server_create(&rpc, &s->rpc, err);
  if (rc != TFDC_OK) {
    *ret = before;
    free_server(s);
    return tfdc_wrap(err, rc, "ingest server");
  }
  *ret_port = rpc_server_port(s->rpc);
  return TFDC_OK;
}

void hub_server_grpc_destroy(struct hub_server *base) {
  if (base == NULL) return;
  struct hub_grpc *s = of(base);
  rpc_server_destroy(s->rpc);
  free_server(s);
}
