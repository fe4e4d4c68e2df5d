/* SPDX-License-Identifier: Apache-2.0
 * The collector's side of the ingest API over gRPC (port/hub.h), with the standard health and reflection services. */
#ifndef ADAPTER_GRPC_HUB_SERVER_GRPC_H
#define ADAPTER_GRPC_HUB_SERVER_GRPC_H

#include "port/hub.h"
#include "port/metrics.h"

struct hub_server_grpc_options {
  const char *address; /* "host:port"; port 0 = a free one. Raise RLIMIT_NOFILE before: a stream is a descriptor */
  /* PEM files. All NULL = plaintext. With TLS every hub must show a certificate of tls_ca. Rotation without restart:
   * write the key first, then rename the new certificate over the old one; it counts from the next connection on. */
  const char *tls_cert, *tls_key, *tls_ca;
  const char *collector;    /* name in the hello reply, NULL = "" */
  size_t max_message_bytes; /* above: the block is rejected BLOCK_TOO_LARGE; 4 times above: the stream ends */
  uint32_t max_streams;     /* in all; above: RESOURCE_EXHAUSTED, TOO_MANY_STREAMS */
  uint32_t max_connections; /* that carry ingest streams; above: the same. Others are closed after 5 idle minutes */
  size_t max_block_points;  /* above: the block is rejected BLOCK_TOO_LARGE */
  size_t max_chambers;      /* of one hub */
  size_t max_svids;         /* of one chamber */
  size_t max_runs;          /* open on one stream; above: the run start is rejected TOO_MANY_RUNS */
  int64_t keepalive_ms, keepalive_timeout_ms; /* a silent hub is pinged after the first and dropped after the second */
  int64_t watchdog_ms; /* how often the server connects to its own port to see that somebody accepts; 0 = never */
  uint32_t threads;    /* queue threads; 1 is best below some hundred streams */
};
#define HUB_SERVER_GRPC_DEFAULTS                                                                                       \
  ((struct hub_server_grpc_options){.address = "127.0.0.1:0",                                                          \
                                    .max_message_bytes = 4u << 20,                                                     \
                                    .max_streams = 1024,                                                               \
                                    .max_connections = 1024,                                                           \
                                    .max_block_points = 1u << 18,                                                      \
                                    .max_chambers = 256,                                                               \
                                    .max_svids = 4096,                                                                 \
                                    .max_runs = 1024,                                                                  \
                                    .keepalive_ms = 20000,                                                             \
                                    .keepalive_timeout_ms = 10000,                                                     \
                                    .watchdog_ms = 5000,                                                               \
                                    .threads = 1})

/* Listens and serves at once (health: SERVING); strings of o are copied. sink and metrics (NULL ok) must outlive it.
 * The sink may be called before this returns; *ret is set by then. *ret_port is the port that was bound. Block signals
 * that the program waits for before: the threads inherit the mask. CONFIG_VALUE: bad address or certificate files;
 * USAGE: cannot bind; NOMEM.
 *
 * What a hub sends that is understood but wrong (unknown SVID, counts that differ, times that do not rise ...) reaches
 * sink->message with `code` and `text` set, to be answered by a reject. A stream ends with a status and, in
 * grpc-status-details-bin, the error's name: no hello first FAILED_PRECONDITION, bytes that are not the protocol and a
 * wrong hello INVALID_ARGUMENT, drain UNAVAILABLE. Before a drain ends a stream it is not read any more, and what was
 * read is answered, unless the limit comes first. */
TFDC_MUST_USE tfdc_rc hub_server_grpc_create(const struct hub_server_grpc_options *o, struct hub_sink *sink,
                                             struct port_metrics *metrics, struct hub_server **ret, uint16_t *ret_port,
                                             struct tfdc_error *err);
/* After drain; or without, then live streams are cut. Blocks until its threads have ended; nobody may use it any more;
 * the last messages (CLOSED) are given to the sink before it returns. NULL ok. */
void hub_server_grpc_destroy(struct hub_server *s);

#endif
