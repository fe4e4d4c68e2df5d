/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/store_pair.h"

#include "adapter/sqlite/store_sqlite.h"
#include "contract/peer.h"
#include "contract/store_wire.h"
#include "port/flight.h"
#include "port/store_util.h"
#include "support/loop_thread.h"

#include <stdlib.h>

struct store_pair {
  struct port port; /* first: what callers hold */
  struct port_flight flight;
  struct peer peers[2];
  pthread_t courier;
  pthread_mutex_t mtx;
  pthread_cond_t asked;
  /* mtx */
  struct port_req *head, **tail;
  bool stop;
  /* the courier */
  struct tfdc_buf message;
  unsigned turn;
};

static struct store_pair *of(struct port *p) { return (struct store_pair *)(void *)p; }

/* ---- the test's process ---- */

static struct port_req *next_request(struct store_pair *s) {
  (void)pthread_mutex_lock(&s->mtx);
  while (s->head == NULL && !s->stop) (void)pthread_cond_wait(&s->asked, &s->mtx);
  struct port_req *r = s->head;
  if (r != NULL) s->head = r->next;
  if (s->head == NULL) s->tail = &s->head;
  (void)pthread_mutex_unlock(&s->mtx);
  return r;
}

static void *courier_main(void *arg) {
  struct store_pair *s = arg;
  for (struct port_req *r = next_request(s); r != NULL; r = next_request(s)) {
    struct peer *peer = &s->peers[s->turn++ % 2];
    s->message.size = 0;
    store_wire_put_request(store_req_of(r), &s->message);
    TFDC_ASSERT(store_wire_send(peer->to, &s->message) && store_wire_receive(peer->from, &s->message));
    struct tfdc_cursor c = tfdc_cursor_on(s->message.data, s->message.size);
    store_wire_take_answer(&c, store_req_of(r));
    port_flight_complete(&s->flight, r, r->rc);
  }
  return NULL;
}

static tfdc_rc pair_submit(struct port *p, struct port_req *r) {
  struct store_pair *s = of(p);
  TFDC_TRY(store_req_check(store_req_of(r)));
  TFDC_TRY(port_flight_enter(&s->flight, r));
  r->next = NULL;
  (void)pthread_mutex_lock(&s->mtx);
  *s->tail = r;
  s->tail = &r->next;
  (void)pthread_cond_signal(&s->asked);
  (void)pthread_mutex_unlock(&s->mtx);
  return TFDC_OK;
}
static void pair_cancel(struct port *p, struct port_req *r) {
  (void)p;
  (void)r;
}
static void pair_close(struct port *p, struct port_loop *loop, struct port_task *closed) {
  port_flight_close(&of(p)->flight, loop, closed);
}
static const struct port_ops pair_ops = {
    .name = "two processes", .submit = pair_submit, .cancel = pair_cancel, .close = pair_close};

struct port *store_pair_open(const char *file) {
  struct store_pair *s = calloc(1, sizeof *s);
  TFDC_ASSERT(s != NULL);
  s->port = (struct port){.ops = &pair_ops, .kind = PORT_STORE, .max_requests = 4096, .max_bytes = (size_t)256 << 20};
  s->tail = &s->head;
  port_flight_init(&s->flight, &s->port);
  for (int i = 0; i < 2; i++) s->peers[i] = peer_start((const char *const[]){"store-peer", "serve", file, NULL});
  for (int i = 0; i < 2; i++) TFDC_ASSERT(peer_says(&s->peers[i]));
  TFDC_ASSERT(pthread_mutex_init(&s->mtx, NULL) == 0 && pthread_cond_init(&s->asked, NULL) == 0);
  TFDC_ASSERT(pthread_create(&s->courier, NULL, courier_main, s) == 0);
  return &s->port;
}

void store_pair_destroy(struct port *p) {
  struct store_pair *s = of(p);
  (void)pthread_mutex_lock(&s->mtx);
  s->stop = true;
  (void)pthread_cond_signal(&s->asked);
  (void)pthread_mutex_unlock(&s->mtx);
  TFDC_ASSERT(pthread_join(s->courier, NULL) == 0);
  TFDC_ASSERT(peer_end(&s->peers[0], true) == -SIGKILL);
  TFDC_ASSERT(peer_end(&s->peers[1], false) == 0);
  tfdc_buf_deinit(&s->message);
  (void)pthread_cond_destroy(&s->asked);
  (void)pthread_mutex_destroy(&s->mtx);
  port_flight_deinit(&s->flight);
  free(s);
}

/* ---- one of the two processes ---- */

static void carry_out(struct port *store, struct test_loop *loop, struct tfdc_buf *message) {
  struct tfdc_cursor c = tfdc_cursor_on(message->data, message->size);
  struct tfdc_arena mem = {0};
  struct store_req r;
  tfdc_rc rc = store_wire_take_request(&c, &mem, &r);
  if (rc == TFDC_OK) rc = test_await(store, &r.base, loop);
  r.base.rc = rc;
  message->size = 0;
  store_wire_put_answer(&r, message);
  port_req_deinit(&r.base);
  tfdc_arena_deinit(&mem);
}

int store_pair_serve(const char *file) {
  struct test_loop loop;
  struct port *store = NULL;
  struct tfdc_buf message = {0};
  test_loop_start(&loop);
  if (store_sqlite_open(file, NULL, &store, NULL) != TFDC_OK) return 2;
  peer_say();
  while (store_wire_receive(STDIN_FILENO, &message)) {
    carry_out(store, &loop, &message);
    if (!store_wire_send(STDOUT_FILENO, &message)) return 3;
  }
  test_close(store, &loop);
  store_sqlite_destroy(store);
  test_loop_stop(&loop);
  tfdc_buf_deinit(&message);
  return 0;
}
