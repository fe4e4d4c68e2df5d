/* SPDX-License-Identifier: Apache-2.0
 * Client and server of the ingest API talk over a real connection. */
#include "support/cmocka_all.h"

#include "grpc_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
  struct test_loop loop;
  struct test_sink sink;
  struct hub_server *server;
  uint16_t port;
  struct test_hub hub;
  char address[64];
};

static struct pair *open_pair_with(const struct hub_server_grpc_options *o, bool auto_ack) {
  struct pair *p = calloc(1, sizeof *p);
  assert_non_null(p);
  test_loop_start(&p->loop);
  test_sink_init(&p->sink, auto_ack);
  struct tfdc_error err = {.code = TFDC_OK};
  assert_int_equal(TFDC_OK, hub_server_grpc_create(o, &p->sink.sink, NULL, &p->server, &p->port, &err));
  p->sink.server = p->server;
  return p;
}
static struct pair *open_pair(bool auto_ack) {
  struct hub_server_grpc_options o = HUB_SERVER_GRPC_DEFAULTS;
  return open_pair_with(&o, auto_ack);
}
static void start_hub(struct pair *p) {
  struct hub_client_grpc_options o = test_hub_options(p->address, sizeof p->address, p->port);
  test_hub_start(&p->hub, &p->loop, &o);
  assert_int_equal(TFDC_OK, p->hub.code);
  test_loop_wait(&p->loop, &p->hub.connected, 1);
}
static void close_pair(struct pair *p) {
  if (p->hub.client != NULL) test_hub_close(&p->hub);
  hub_server_grpc_destroy(p->server);
  test_loop_stop(&p->loop);
  test_sink_deinit(&p->sink);
  free(p);
}

static void a_run_goes_through_and_is_acked(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  assert_int_equal(TFDC_OK, test_hub_start_run(&p->hub, 7));
  for (uint64_t seq = 1; seq <= 20; seq++) assert_int_equal(TFDC_OK, test_hub_send_block(&p->hub, 7, seq, 100));
  assert_int_equal(TFDC_OK, test_hub_end_run(&p->hub, 7, 21));
  test_sink_wait(&p->sink, 23);
  assert_int_equal(MODEL_HUB_HELLO, p->sink.got[0].kind);
  assert_int_equal(MODEL_HUB_RUN_START, p->sink.got[1].kind);
  assert_string_equal("run-1", p->sink.run_id);
  assert_string_equal("T1:C1", p->sink.chamber);
  assert_int_equal(20 * 200, p->sink.points);
  const struct model_block *b = p->sink.got[2].block;
  assert_int_equal(1, b->seq);
  assert_int_equal(2, b->n_columns);
  assert_string_equal("temp", b->columns[1].name);
  assert_ptr_equal(b->columns[0].t_us, b->columns[1].t_us);
  assert_int_equal(1000000 + (int64_t)(1000000 + 99) * 100000, b->columns[0].t_us[99]);
  assert_true(b->columns[1].v[99] == -99);
  test_hub_close(&p->hub);
  assert_int_equal(MODEL_REPLY_HELLO, p->hub.got[0].kind);
  assert_int_equal(60, p->hub.got[0].keep_s);
  assert_int_equal(MODEL_REPLY_RESUME, p->hub.got[1].kind);
  const struct model_hub_reply *last = &p->hub.got[p->hub.replies - 1];
  assert_int_equal(MODEL_REPLY_ACK, last->kind);
  assert_int_equal(21, last->seq);
  assert_true(last->end);
  test_sink_wait_closed(&p->sink, 1);
  assert_int_equal(0, p->hub.disconnected);
  close_pair(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_goes_through_and_is_acked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
