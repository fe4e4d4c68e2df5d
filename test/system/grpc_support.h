/* SPDX-License-Identifier: Apache-2.0
 * Both sides of the ingest API in one test: a sink that books what comes and can be full, and a hub that books replies.
 */
#ifndef TEST_SYSTEM_GRPC_SUPPORT_H
#define TEST_SYSTEM_GRPC_SUPPORT_H

#include "adapter/grpc/hub_client_grpc.h"
#include "adapter/grpc/hub_server_grpc.h"
#include "support/loop_thread.h"

#include <stdatomic.h>

enum { MESSAGES_MAX = 4096 };

struct got_message {
  enum model_hub_msg_kind kind;
  uint64_t stream, run, seq;
  tfdc_rc code;
  char text[640];
  struct model_block *block; /* owned */
};
/* Acks every message by itself when `auto_ack`. Everything else under mtx. */
struct test_sink {
  struct hub_sink sink; /* give this one to the server */
  struct hub_server *server;
  bool auto_ack;
  pthread_mutex_t mtx;
  pthread_cond_t changed;
  bool full; /* refuses blocks */
  size_t refused;
  size_t n, closed;
  uint64_t points, last_stream;
  char peer[128], run_id[64], chamber[64];
  struct got_message got[MESSAGES_MAX];
};
void test_sink_init(struct test_sink *s, bool auto_ack);
void test_sink_deinit(struct test_sink *s);
/* Waits until n messages (CLOSED aside) have come, or n streams were closed, or n times a block was refused. */
void test_sink_wait(struct test_sink *s, size_t n);
void test_sink_wait_closed(struct test_sink *s, size_t n);
void test_sink_wait_refused(struct test_sink *s, size_t n);
void test_sink_set_full(struct test_sink *s, bool full);

enum { REPLIES_MAX = 4096 };
/* Runs on its loop; counters are waited for with test_loop_wait. Sends HELLO when connected. */
struct test_hub {
  struct test_loop *loop;
  struct hub_client *client;
  bool no_hello;
  unsigned connected, replies, disconnected, writable, closed;
  tfdc_rc code;
  char text[640];
  bool permanent;
  struct model_hub_reply got[REPLIES_MAX]; /* without text */
  char got_text[300];                      /* of the last reject */
  struct port_task closed_task;
};
struct hub_client_grpc_options test_hub_options(char *address, size_t size, uint16_t port);
void test_hub_start(struct test_hub *h, struct test_loop *loop, const struct hub_client_grpc_options *o);
tfdc_rc test_hub_send(struct test_hub *h, const struct model_hub_msg *m);
void test_hub_close(struct test_hub *h);

/* Messages of run 7 of T1:C1, SVIDs 11 "press" and 12 "temp". */
extern const struct model_chamber test_chamber;
tfdc_rc test_hub_start_run(struct test_hub *h, uint64_t run);
/* n samples of both SVIDs, 100 ms apart, values i and -i. The caller unrefs. */
struct model_block *test_block(uint64_t seq, size_t n);
tfdc_rc test_hub_send_block(struct test_hub *h, uint64_t run, uint64_t seq, size_t n);
tfdc_rc test_hub_end_run(struct test_hub *h, uint64_t run, uint64_t seq);

#endif
