/* SPDX-License-Identifier: Apache-2.0
 * Ports: the ingest API on both of its sides. Server: hubs open streams and send messages (model/ingest.h); the
 * collector answers. Client: the simulator and replay are hubs. Adapters: grpc (both), mem/sim (both, for tests). */
#ifndef PORT_HUB_H
#define PORT_HUB_H

#include "model/ingest.h"
#include "port/port.h"

/* ---- server side ---- */
struct hub_server;
/* What the collector gives to a server. Called on the server's own threads; must not block; must be thread-safe. */
struct hub_sink {
  /* A stream's next message. True: taken (msg's block reference passes; everything else is only valid during the call).
   * False: no room now; the server keeps this one message, stops reading that stream and offers it again after
   * hub_server_ops.resume(stream). HELLO and CLOSED are always taken. peer = authenticated name (certificate CN) or "".
   */
  bool (*message)(struct hub_sink *s, uint64_t stream, const char *peer, const struct model_hub_msg *msg);
};
struct hub_server_ops {
  /* Sends to a stream; replies are copied and may be coalesced: a later ACK of the same run replaces an earlier one
   * that is still waiting. Any thread. Unknown or closed streams are ignored. */
  void (*reply)(struct hub_server *s, uint64_t stream, const struct model_hub_reply *r);
  void (*resume)(struct hub_server *s, uint64_t stream);
  /* Ends the stream with a status after what was replied so far (protocol error, drain). */
  void (*end)(struct hub_server *s, uint64_t stream, tfdc_rc code, const char *text);
  /* No new streams; live streams are told to go (UNAVAILABLE) after the replies still due or the deadline. Health:
   * NOT_SERVING. */
  void (*drain)(struct hub_server *s, struct port_loop *loop, tfdc_dur limit, struct port_task *drained);
  void (*set_serving)(struct hub_server *s, bool serving); /* health */
};
struct hub_server {
  const struct hub_server_ops *ops;
};

/* ---- client side ---- */
struct hub_client;
struct hub_client_events { /* on the loop given at creation */
  void (*connected)(void *user);
  void (*reply)(void *user, const struct model_hub_reply *r);
  /* The stream broke or was refused; the client reconnects by itself with back-off unless permanent (class
   * CONTENT/USAGE/AUTH). The user resends what was not acked after the next connected(). */
  void (*disconnected)(void *user, tfdc_rc code, const char *text, bool permanent);
  void (*writable)(void *user); /* after send() had answered BUSY */
};
struct hub_client_ops {
  /* Loop thread. Encodes and queues; BUSY when the queue is full (wait for writable), CLOSED while disconnected. */
  tfdc_rc (*send)(struct hub_client *c, const struct model_hub_msg *msg);
  void (*close)(struct hub_client *c, struct port_task *closed); /* half-closes, waits, frees itself after closed */
};
struct hub_client {
  const struct hub_client_ops *ops;
};

#endif
