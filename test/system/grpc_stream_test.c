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

static void a_message_without_room_is_kept_and_offered_again(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  assert_int_equal(TFDC_OK, test_hub_start_run(&p->hub, 7));
  test_sink_wait(&p->sink, 2);
  test_sink_set_full(&p->sink, true);
  for (uint64_t seq = 1; seq <= 10; seq++) assert_int_equal(TFDC_OK, test_hub_send_block(&p->hub, 7, seq, 10));
  test_sink_wait_refused(&p->sink, 1);
  p->server->ops->resume(p->server, p->sink.last_stream); /* too early: it is offered and refused again */
  test_sink_wait_refused(&p->sink, 2);
  assert_int_equal(2, p->sink.n);
  test_sink_set_full(&p->sink, false);
  p->server->ops->resume(p->server, p->sink.last_stream);
  test_sink_wait(&p->sink, 12);
  for (uint64_t seq = 1; seq <= 10; seq++) assert_int_equal(seq, p->sink.got[1 + seq].seq);
  close_pair(p);
}

static void a_kept_block_is_freed_when_the_stream_breaks(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  assert_int_equal(TFDC_OK, test_hub_start_run(&p->hub, 7));
  test_sink_set_full(&p->sink, true);
  assert_int_equal(TFDC_OK, test_hub_send_block(&p->hub, 7, 1, 10));
  test_sink_wait_refused(&p->sink, 1);
  p->server->ops->end(p->server, p->sink.last_stream, TFDC_E_NOT_DURABLE, "disk");
  test_loop_wait(&p->loop, &p->hub.disconnected, 1);
  assert_int_equal(TFDC_E_NOT_DURABLE, p->hub.code);
  assert_string_equal("disk", p->hub.text);
  assert_false(p->hub.permanent);
  test_sink_wait_closed(&p->sink, 1);
  close_pair(p);
}

static void a_client_is_told_when_its_queue_is_full_and_when_there_is_room(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  struct hub_client_grpc_options o = test_hub_options(p->address, sizeof p->address, p->port);
  o.queue_bytes = 100000;
  test_hub_start(&p->hub, &p->loop, &o);
  test_loop_wait(&p->loop, &p->hub.connected, 1);
  assert_int_equal(TFDC_OK, test_hub_start_run(&p->hub, 7));
  test_sink_wait(&p->sink, 2);
  test_sink_set_full(&p->sink, true);
  uint64_t seq = 0;
  tfdc_rc rc = TFDC_OK;
  while (rc == TFDC_OK && seq < 2000) rc = test_hub_send_block(&p->hub, 7, ++seq, 1000); /* 16 kB each */
  assert_int_equal(TFDC_E_BUSY, rc);
  assert_int_equal(0, p->hub.writable);
  test_sink_set_full(&p->sink, false);
  p->server->ops->resume(p->server, p->sink.last_stream);
  test_loop_wait(&p->loop, &p->hub.writable, 1);
  assert_int_equal(TFDC_OK, test_hub_send_block(&p->hub, 7, seq, 1000));
  test_sink_wait(&p->sink, 2 + seq);
  close_pair(p);
}

static void a_client_connects_again_by_itself(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  for (unsigned i = 1; i <= 3; i++) {
    test_loop_wait(&p->loop, &p->hub.replies, i); /* the hello's */
    assert_int_equal(TFDC_OK, test_hub_start_run(&p->hub, 7));
    test_sink_wait(&p->sink, 2 * i);
    p->server->ops->end(p->server, p->sink.last_stream, TFDC_E_UNAVAILABLE, "again");
    test_loop_wait(&p->loop, &p->hub.disconnected, i);
    test_loop_wait(&p->loop, &p->hub.connected, i + 1);
  }
  close_pair(p);
}

static void a_client_comes_back_to_a_server_that_was_away(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  hub_server_grpc_destroy(p->server);
  test_loop_wait(&p->loop, &p->hub.disconnected, 2); /* the broken stream, and a refused connect */
  assert_int_equal(TFDC_E_UNAVAILABLE, p->hub.code);
  assert_int_equal(TFDC_E_CLOSED, test_hub_start_run(&p->hub, 7));
  char address[64];
  (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)p->port);
  struct hub_server_grpc_options o = HUB_SERVER_GRPC_DEFAULTS;
  o.address = address;
  struct tfdc_error err = {.code = TFDC_OK};
  assert_int_equal(TFDC_OK, hub_server_grpc_create(&o, &p->sink.sink, NULL, &p->server, &p->port, &err));
  p->sink.server = p->server;
  test_loop_wait(&p->loop, &p->hub.connected, 2);
  close_pair(p);
}

static void a_client_gives_up_on_what_no_reconnect_cures(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  p->hub.no_hello = true;
  start_hub(p);
  assert_int_equal(TFDC_OK, test_hub_end_run(&p->hub, 7, 1));
  test_loop_wait(&p->loop, &p->hub.disconnected, 1);
  assert_int_equal(TFDC_E_NO_HELLO, p->hub.code);
  assert_true(p->hub.permanent);
  close_pair(p);
}

static void a_client_with_bad_certificates_is_told_at_once(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  struct hub_client_grpc_options o = test_hub_options(p->address, sizeof p->address, p->port);
  o.tls_ca = "/nonexistent/ca.pem";
  test_hub_start(&p->hub, &p->loop, &o);
  assert_int_equal(TFDC_E_CONFIG_VALUE, p->hub.code);
  assert_non_null(strstr(p->hub.text, "/nonexistent/ca.pem"));
  close_pair(p);
}

static void a_client_may_close_while_it_waits_to_connect_again(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  hub_server_grpc_destroy(p->server);
  p->server = NULL;
  test_loop_wait(&p->loop, &p->hub.disconnected, 1);
  close_pair(p);
}

static void a_waiting_ack_is_replaced_by_a_later_one(void **state) {
  (void)state;
  struct pair *p = open_pair(false);
  start_hub(p);
  test_sink_wait(&p->sink, 1);
  for (uint64_t seq = 1; seq <= 100000; seq++) {
    const struct model_hub_reply ack = {.kind = MODEL_REPLY_ACK, .run = 7, .seq = seq, .end = seq == 99999};
    p->server->ops->reply(p->server, p->sink.last_stream, &ack);
  }
  const struct model_hub_reply reject = {
      .kind = MODEL_REPLY_REJECT, .run = 8, .seq = 1, .code = TFDC_E_SEQ, .text = "last"};
  p->server->ops->reply(p->server, p->sink.last_stream, &reject);
  p->server->ops->end(p->server, p->sink.last_stream, TFDC_E_UNAVAILABLE, "end");
  test_loop_wait(&p->loop, &p->hub.disconnected, 1);
  assert_in_range(p->hub.replies, 2, 99000);
  assert_int_equal(MODEL_REPLY_REJECT, p->hub.got[(p->hub.replies - 1) % REPLIES_MAX].kind);
  assert_string_equal("last", p->hub.got_text);
  assert_int_equal(100000, p->hub.got[(p->hub.replies - 2) % REPLIES_MAX].seq);
  bool end = false;
  for (size_t i = 0; i < REPLIES_MAX; i++) end |= p->hub.got[i].kind == MODEL_REPLY_ACK && p->hub.got[i].end;
  assert_true(end); /* an end that was replaced is not forgotten */
  close_pair(p);
}

static void replies_to_streams_that_are_gone_are_ignored(void **state) {
  (void)state;
  struct pair *p = open_pair(true);
  start_hub(p);
  test_sink_wait(&p->sink, 1);
  uint64_t old = p->sink.last_stream;
  p->server->ops->end(p->server, old, TFDC_E_UNAVAILABLE, NULL);
  test_sink_wait_closed(&p->sink, 1);
  test_loop_wait(&p->loop, &p->hub.connected, 2);
  test_loop_wait(&p->loop, &p->hub.replies, 2);
  const struct model_hub_reply ack = {.kind = MODEL_REPLY_ACK, .run = 7, .seq = 1};
  p->server->ops->reply(p->server, old, &ack);
  p->server->ops->reply(p->server, 0, &ack);
  p->server->ops->resume(p->server, UINT64_MAX);
  p->server->ops->end(p->server, old, TFDC_E_UNAVAILABLE, NULL);
  assert_int_equal(TFDC_OK, test_hub_start_run(&p->hub, 7)); /* the new stream has the slot, and lives */
  test_loop_wait(&p->loop, &p->hub.replies, 3);
  assert_int_equal(MODEL_REPLY_RESUME, p->hub.got[2].kind);
  close_pair(p);
}

static void an_address_that_is_none_is_named(void **state) {
  (void)state;
  static const char *const bad[] = {"nowhere", "127.0.0.1:x", "127.0.0.1:70000"};
  struct test_sink sink;
  test_sink_init(&sink, true);
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    struct hub_server_grpc_options o = HUB_SERVER_GRPC_DEFAULTS;
    o.address = bad[i];
    struct hub_server *server = NULL;
    uint16_t port = 1;
    struct tfdc_error err = {.code = TFDC_OK};
    assert_int_equal(TFDC_E_CONFIG_VALUE, hub_server_grpc_create(&o, &sink.sink, NULL, &server, &port, &err));
    assert_null(server);
    assert_int_equal(1, port);
    assert_non_null(strstr(err.msg, bad[i]));
  }
  test_sink_deinit(&sink);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_goes_through_and_is_acked),
      cmocka_unit_test(a_message_without_room_is_kept_and_offered_again),
      cmocka_unit_test(a_kept_block_is_freed_when_the_stream_breaks),
      cmocka_unit_test(a_client_is_told_when_its_queue_is_full_and_when_there_is_room),
      cmocka_unit_test(a_client_connects_again_by_itself),
      cmocka_unit_test(a_client_comes_back_to_a_server_that_was_away),
      cmocka_unit_test(a_client_gives_up_on_what_no_reconnect_cures),
      cmocka_unit_test(a_client_with_bad_certificates_is_told_at_once),
      cmocka_unit_test(a_client_may_close_while_it_waits_to_connect_again),
      cmocka_unit_test(a_waiting_ack_is_replaced_by_a_later_one),
      cmocka_unit_test(replies_to_streams_that_are_gone_are_ignored),
      cmocka_unit_test(an_address_that_is_none_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
