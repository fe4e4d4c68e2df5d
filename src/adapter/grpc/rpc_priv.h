/* SPDX-License-Identifier: Apache-2.0
 * Private to rpc_*.c. */
#ifndef ADAPTER_GRPC_RPC_PRIV_H
#define ADAPTER_GRPC_RPC_PRIV_H

#include "adapter/grpc/rpc_core.h"
#include "base/address.h"
#include "base/map.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <pthread.h>
#include <stdatomic.h>

/* What a completion queue gives back. Every batch that was started gives exactly one, also after a cancel. */
struct rpc_tag {
  void (*fn)(void *owner, bool ok);
  void *owner;
};

/* One grpc_server. The watchdog adds another one when this one no longer accepts: its streams may finish. All are kept
 * until the server is destroyed, because a queue's thread may still hold one. */
struct rpc_listener {
  struct rpc_server *server;
  grpc_server *core;
  void **methods; /* registered, as many as the server's, owned */
  struct rpc_tag on_down;
  bool started, shut, down; /* server's mtx */
  struct rpc_listener *next;
};

struct rpc_queue {
  struct rpc_server *server;
  grpc_completion_queue *cq;
  pthread_t thread;
};

struct rpc_server {
  /* fixed after creation */
  struct rpc_server_options o;
  struct tfdc_address at;   /* its port is the one found, once it listens */
  struct rpc_queue *queues; /* owned */
  uint32_t n_queues;
  struct rpc_tls_state *tls; /* owned, NULL = plaintext */
  pthread_t keeper;
  /* mtx */
  pthread_mutex_t mtx;
  pthread_cond_t changed;
  struct rpc_listener *listeners; /* the newest first */
  struct rpc_call *live;
  struct tfdc_map connections; /* hash of a peer's address -> its limited calls */
  uint32_t misses;             /* knocks in a row that nobody answered */
  bool dead;                   /* nobody accepts and listening again has failed so far */
  bool draining, cancelled, drain_done, stop;
  int64_t drain_deadline_us; /* monotonic */
  void (*drained)(void *arg);
  void *drained_arg;
  atomic_bool drain_seen; /* = draining, for the queue threads */
};

/* Arms one request for a method; index n_methods = any other method. */
void rpc_call_arm(struct rpc_listener *l, struct rpc_queue *q, size_t method);

/* Flat bytes of a received buffer: *data is valid until rpc_flat_done. False when it cannot be read. */
struct rpc_flat {
  grpc_slice slice;
  const uint8_t *data;
  size_t n;
};
bool rpc_flat_take(grpc_byte_buffer *bb, struct rpc_flat *ret);
void rpc_flat_done(struct rpc_flat *f);

/* google.rpc.Status with one ErrorInfo as the trailer's value; an empty slice when memory is short. */
grpc_slice rpc_status_details(enum rpc_status status, tfdc_rc rc, const char *text);
/* The reason in such a value into buf ("" when there is none). */
void rpc_status_reason(const uint8_t *data, size_t n, char *buf, size_t size);

/* tls.c: credentials of either side. */
TFDC_MUST_USE tfdc_rc rpc_tls_server(const struct rpc_server_options *o, struct rpc_tls_state **ret,
                                     struct tfdc_error *err);
grpc_server_credentials *rpc_tls_server_credentials(struct rpc_tls_state *t);
void rpc_tls_destroy(struct rpc_tls_state *t);
TFDC_MUST_USE tfdc_rc rpc_tls_client_credentials(const struct rpc_tls *files, grpc_channel_credentials **ret,
                                                 struct tfdc_error *err);

grpc_arg rpc_arg_int(const char *key, int64_t v);

#endif
