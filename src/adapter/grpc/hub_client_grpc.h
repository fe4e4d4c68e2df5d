/* SPDX-License-Identifier: Apache-2.0
 * The hub's side of the ingest API over gRPC (port/hub.h). Connects, and connects again with jittered back-off, by
 * itself. What was not acked when a stream broke is the user's to send again: RUN_START of each run, and after its
 * RESUME everything behind. */
#ifndef ADAPTER_GRPC_HUB_CLIENT_GRPC_H
#define ADAPTER_GRPC_HUB_CLIENT_GRPC_H

#include "port/hub.h"

struct hub_client_grpc_options {
  const char *address; /* "host:port" */
  const char *tls_ca;  /* PEM files; all NULL = plaintext. Read again at each connect */
  const char *tls_cert, *tls_key;
  const char *server_name;                /* expected in the collector's certificate; NULL = the host of address */
  size_t queue_bytes;                     /* encoded messages that wait here; above: BUSY (one alone is always taken) */
  size_t max_message_bytes;               /* of a reply */
  int64_t backoff_min_ms, backoff_max_ms; /* each wait is drawn from the upper half of a doubling interval */
  int64_t connect_timeout_ms;             /* TLS included */
  int64_t keepalive_ms, keepalive_timeout_ms; /* the collector wants at least 5 s between pings */
  uint64_t seed;                              /* of the jitter; 0 = from the clock */
};
#define HUB_CLIENT_GRPC_DEFAULTS                                                                                       \
  ((struct hub_client_grpc_options){.queue_bytes = 4u << 20,                                                           \
                                    .max_message_bytes = 1u << 20,                                                     \
                                    .backoff_min_ms = 100,                                                             \
                                    .backoff_max_ms = 10000,                                                           \
                                    .connect_timeout_ms = 10000,                                                       \
                                    .keepalive_ms = 20000,                                                             \
                                    .keepalive_timeout_ms = 10000})

/* Any thread. Begins to connect at once; strings of o and *events are copied. Events come on the loop, never before
 * this returns when it is called there. The first message after each connected() must be HELLO. CONFIG_VALUE: bad
 * certificate files; NOMEM. */
TFDC_MUST_USE tfdc_rc hub_client_grpc_create(const struct hub_client_grpc_options *o, struct port_loop *loop,
                                             const struct hub_client_events *events, void *user,
                                             struct hub_client **ret, struct tfdc_error *err);

#endif
