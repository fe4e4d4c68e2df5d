/* SPDX-License-Identifier: Apache-2.0
 * Calls of a gRPC server and of a client, without any of gRPC's headers: bytes, flags and hooks. What its core asks of
 * its users (tags, batches, queues, shutdown order) stays behind this header.
 *
 * Server: a call belongs to one queue thread. Every hook of its method runs there, one at a time, and must not block.
 * After each hook and each thing that happened (sent, half-closed, woken, draining) `pump` is called: it looks at the
 * call and decides what is next. */
#ifndef ADAPTER_GRPC_RPC_CORE_H
#define ADAPTER_GRPC_RPC_CORE_H

#include "base/err.h"
#include "base/time.h"

#include <stdint.h>

struct rpc_server;
struct rpc_call;

/* Status numbers of gRPC that this code sends or looks at. */
enum rpc_status {
  RPC_OK = 0,
  RPC_CANCELLED = 1,
  RPC_INVALID_ARGUMENT = 3,
  RPC_NOT_FOUND = 5,
  RPC_PERMISSION_DENIED = 7,
  RPC_RESOURCE_EXHAUSTED = 8,
  RPC_FAILED_PRECONDITION = 9,
  RPC_UNIMPLEMENTED = 12,
  RPC_INTERNAL = 13,
  RPC_UNAVAILABLE = 14,
  RPC_UNAUTHENTICATED = 16
};

struct rpc_method {
  const char *path; /* "/package.Service/Method" */
  bool
      one_request; /* the request is one message, which comes with the call: `message` is called right after `opened` */
  bool limited;    /* counts its connections against max_connections */
  size_t state_size;                  /* zeroed memory for rpc_call_state() */
  void (*opened)(struct rpc_call *c); /* NULL: nothing to do */
  /* One message; data is valid during the call only. Not called again before rpc_call_read(). */
  void (*message)(struct rpc_call *c, const uint8_t *data, size_t n);
  void (*pump)(struct rpc_call *c);
  void (*closed)(struct rpc_call *c); /* last; after it nobody may wake the call. NULL: nothing to do */
};

/* Files in PEM. To rotate: write the key first, rename the certificate last. They are read again at a handshake when
 * the certificate's file has changed; a pair that does not fit keeps the old one in use. */
struct rpc_tls {
  const char *cert, *key;
  const char *ca; /* whose certificates the peer must show */
};

enum rpc_event {
  RPC_LISTENER_DEAD, /* the watchdog found that nobody accepts */
  RPC_LISTENER_BACK,
  RPC_TLS_LOADED,
  RPC_TLS_REFUSED, /* changed files that cannot be used; text says why */
  RPC_CONNECTION_REFUSED
};
struct rpc_server_options {
  const char *address;       /* "host:port"; port 0 = a free one */
  const struct rpc_tls *tls; /* NULL: plaintext */
  size_t max_message_bytes;
  uint32_t max_connections;
  int64_t keepalive_ms, keepalive_timeout_ms; /* a silent peer is asked after the first, dropped after the second */
  int64_t watchdog_ms;                        /* how often it knocks at its own door; 0 = never */
  uint32_t threads;                           /* queues; 1 is best for few streams */
  const struct rpc_method *methods;           /* must outlive the server */
  size_t n_methods;
  void *user;                                                    /* rpc_call_user() */
  void (*event)(void *user, enum rpc_event e, const char *text); /* any thread */
  /* Or NULL: connections that carry limited calls are n now. Any thread, under the server's lock: calls nothing of it.
   */
  void (*connections)(void *user, size_t n);
};

/* Listens and serves. USAGE: address or port in use; CONFIG_VALUE: bad certificate files; NOMEM. */
TFDC_MUST_USE tfdc_rc rpc_server_create(const struct rpc_server_options *o, struct rpc_server **ret,
                                        struct tfdc_error *err);
uint16_t rpc_server_port(const struct rpc_server *s);
/* Any thread, once: no new calls; every live call is pumped and sees rpc_call_draining(); after `limit` what still
 * lives is cancelled; then drained(arg) on a thread of the server. */
void rpc_server_drain(struct rpc_server *s, tfdc_dur limit, void (*drained)(void *arg), void *arg);
/* Any thread: pumps every live call. */
void rpc_server_wake_all(struct rpc_server *s);
/* Blocks until all threads have ended; drains with limit 0 first if that was not done. NULL ok. Nobody may wake a call
 * any more. */
void rpc_server_destroy(struct rpc_server *s);

/* ---- queue thread of the call ---- */
void *rpc_call_state(struct rpc_call *c);
void *rpc_call_user(struct rpc_call *c);
const char *rpc_call_peer(struct rpc_call *c); /* common name of the verified certificate, or "" */
bool rpc_call_draining(const struct rpc_call *c);
bool rpc_call_half_closed(const struct rpc_call *c); /* the peer sends no more */
bool rpc_call_can_send(const struct rpc_call *c);    /* no message in flight and no status given */
/* Asks for the next message; nothing happens when that was done already or none can come. Not to call it is the
 * back-pressure: the peer's window closes. */
void rpc_call_read(struct rpc_call *c);
void rpc_call_send(struct rpc_call *c, const uint8_t *data, size_t n); /* copied; only when rpc_call_can_send() */
/* Ends the call after the message in flight. rc (not OK) goes into the details; text may be NULL. The first one counts.
 */
void rpc_call_finish(struct rpc_call *c, enum rpc_status status, tfdc_rc rc, const char *text);
/* ---- any thread, as long as `closed` was not called ---- */
void rpc_call_wake(struct rpc_call *c);

/* ---- client: one stream on one connection of its own ---- */
struct rpc_stream;
struct rpc_stream_options {
  const char *address;
  const struct rpc_tls *tls;
  const char *server_name; /* expected in the server's certificate; NULL = the host of address */
  const char *path;
  size_t max_message_bytes;
  int64_t keepalive_ms, keepalive_timeout_ms;
  int64_t connect_timeout_ms;
  void *user;
  /* On the stream's own thread, one at a time. */
  void (*connected)(void *user);
  void (*message)(void *user, const uint8_t *data, size_t n);
  void (*sent)(void *user); /* the message given to rpc_stream_send() has left */
  /* Last: how it ended. The thread is about to end: rpc_stream_destroy() joins it, from another thread. */
  void (*over)(void *user, enum rpc_status status, const char *text, const char *reason);
};
/* CONFIG_VALUE: bad certificate files; NOMEM. Failing to connect is told by over(). */
TFDC_MUST_USE tfdc_rc rpc_stream_open(const struct rpc_stream_options *o, struct rpc_stream **ret,
                                      struct tfdc_error *err);
/* Any thread, one at a time; one message in flight: wait for sent(). Takes data (malloc'ed). more: another message
 * follows at once, so this one may wait for it and share a packet. */
void rpc_stream_send(struct rpc_stream *s, uint8_t *data, size_t n, bool more);
void rpc_stream_half_close(struct rpc_stream *s); /* any thread, not with a message in flight */
void rpc_stream_cancel(struct rpc_stream *s);     /* any thread */
void rpc_stream_destroy(struct rpc_stream *s);    /* after over() */

#endif
