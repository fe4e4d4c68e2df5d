/* SPDX-License-Identifier: Apache-2.0
 * Private to the services of the gRPC server. */
#ifndef ADAPTER_GRPC_HUB_SERVER_PRIV_H
#define ADAPTER_GRPC_HUB_SERVER_PRIV_H

#include "adapter/grpc/hub_server_grpc.h"
#include "adapter/grpc/ingest_wire.h"
#include "adapter/grpc/rpc_core.h"

#include <pthread.h>
#include <stdatomic.h>

enum { HUB_METHODS = 5 };

struct hub_stream;
struct hub_slot {
  struct hub_stream *stream; /* NULL = free */
  uint32_t generation;       /* so that an old id never means a new stream */
};
struct hub_grpc {
  struct hub_server base; /* first: a hub_server is a hub_grpc */
  struct hub_sink *sink;
  struct port_metrics *metrics;
  char *collector; /* owned */
  struct ingest_limits limits;
  uint32_t max_streams;
  struct rpc_server *rpc;     /* owned */
  struct rpc_method *methods; /* owned, HUB_METHODS */
  struct port_loop *drain_loop;
  struct port_task *drain_task;
  atomic_bool serving;
  /* mtx: the table and every stream's inbox */
  pthread_mutex_t mtx;
  struct hub_slot *slots; /* owned, max_streams */
  uint32_t n_streams;
};

/* hub_stream.c */
extern const struct rpc_method hub_stream_method;
void hub_stream_reply(struct hub_grpc *s, uint64_t id, const struct model_hub_reply *r);
void hub_stream_resume(struct hub_grpc *s, uint64_t id);
void hub_stream_end(struct hub_grpc *s, uint64_t id, tfdc_rc code, const char *text);
/* health.c, reflection.c */
extern const struct rpc_method health_check_method, health_watch_method, reflection_method, reflection_alpha_method;

#endif
