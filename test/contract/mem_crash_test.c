/* SPDX-License-Identifier: Apache-2.0
 * A defender's process dies in a simulated world while the queue lives on: seeded crashes at any moment, one after the
 * other; in the end each message was judged to its ack, and none that was acked came again. */
#include "adapter/mem/kv_mem.h"
#include "adapter/mem/queue_mem.h"
#include "adapter/sim/loop_sim.h"
#include "port/kv.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES = 40, SEEDS = 60, CRASHES = 6 };

struct world {
  struct loop_sim *sim;
  struct queue_mem *queue;
  struct kv_mem *kv;
  unsigned acks[MESSAGES]; /* confirmed to some defender */
  unsigned seen_after_ack;
};
/* All memory of one process: it goes at once. */
struct defender {
  struct world *world;
  struct port_loop *loop;
  char name[32];
  struct workqueue_req pull, ack, create;
  struct kv_req open, next;
  const char *filter;
  size_t at;
};

static void pull_next(struct defender *d);

static void acked(struct port_req *r) {
  struct defender *d = r->user;
  if (r->rc == TFDC_OK) d->world->acks[strtol(d->pull.msgs[d->at].msg_id, NULL, 10)]++;
  port_req_reset(r);
  d->at++;
  pull_next(d);
}

static void pulled(struct port_req *r) {
  struct defender *d = r->user;
  if (r->rc == TFDC_E_CLOSED) return; /* the end of the course */
  assert_int_equal(r->rc, TFDC_OK);
  for (size_t i = 0; i < d->pull.n; i++)
    d->world->seen_after_ack += d->world->acks[strtol(d->pull.msgs[i].msg_id, NULL, 10)];
  d->at = 0;
  pull_next(d);
}

static void pull_next(struct defender *d) {
  tfdc_rc rc;
  if (d->at < d->pull.n) {
    workqueue_req_init(&d->ack, WORKQUEUE_ACK);
    d->ack.token = d->pull.msgs[d->at].token;
    rc = port_submit(queue_mem_work(d->world->queue), &d->ack.base, d->loop, acked, d);
  } else {
    port_req_reset(&d->pull.base);
    rc = port_submit(queue_mem_work(d->world->queue), &d->pull.base, d->loop, pulled, d);
  }
  assert_int_equal(rc, TFDC_OK);
}

static void created(struct port_req *r) {
  struct defender *d = r->user;
  assert_int_equal(r->rc, TFDC_OK);
  workqueue_req_init(&d->pull, WORKQUEUE_PULL);
  d->pull.consumer = d->name;
  d->pull.max = 3;
  d->pull.expires_us = 10 * TFDC_US_PER_S;
  pull_next(d);
}

static void watched(struct port_req *r) {
  struct defender *d = r->user;
  if (r->rc == TFDC_E_CLOSED) return;
  assert_int_equal(r->rc, TFDC_OK);
  port_req_reset(r);
  d->next.watch = d->open.watch;
  assert_int_equal(port_submit(kv_mem_port(d->world->kv), &d->next.base, d->loop, watched, d), TFDC_OK);
}

static void submit_first(void *arg) {
  struct defender *d = arg;
  assert_int_equal(port_submit(queue_mem_work(d->world->queue), &d->create.base, d->loop, created, d), TFDC_OK);
  assert_int_equal(port_submit(kv_mem_port(d->world->kv), &d->open.base, d->loop, watched, d), TFDC_OK);
}

static struct defender *start_defender(struct world *w, unsigned number) {
  struct defender *d = calloc(1, sizeof *d);
  d->world = w;
  d->loop = loop_sim_add(w->sim);
  d->filter = ">";
  (void)snprintf(d->name, sizeof d->name, "defender-%u", number);
  workqueue_req_init(&d->create, WORKQUEUE_CREATE);
  d->create.consumer = d->name;
  d->create.filters = &d->filter;
  d->create.n_filters = 1;
  d->create.ack_wait_us = TFDC_US_PER_S;
  kv_req_init(&d->open, KV_WATCH_OPEN);
  kv_req_init(&d->next, KV_WATCH_NEXT);
  d->open.bucket = "assignments";
  d->open.key = "";
  loop_sim_run_on(w->sim, d->loop, submit_first, d);
  return d;
}

static void free_defender(struct defender *d) {
  struct port_req *all[] = {&d->pull.base, &d->ack.base, &d->create.base, &d->open.base, &d->next.base};
  for (size_t i = 0; i < TFDC_COUNT(all); i++) port_req_deinit(all[i]);
  free(d);
}

static void count_done(struct port_req *r) { ++*(unsigned *)r->user; }

static void fence(struct world *w, struct port_loop *admin, unsigned number) {
  char name[32];
  unsigned done = 0;
  (void)snprintf(name, sizeof name, "defender-%u", number);
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_DELETE);
  r.consumer = name;
  assert_int_equal(port_submit(queue_mem_work(w->queue), &r.base, admin, count_done, &done), TFDC_OK);
  while (done == 0) assert_true(loop_sim_step(w->sim));
  port_req_deinit(&r.base);
}

static void send_all(struct world *w, struct port_loop *admin) {
  for (unsigned i = 0; i < MESSAGES; i++) {
    char id[16];
    unsigned done = 0;
    struct publish_req r;
    publish_req_init(&r);
    (void)snprintf(id, sizeof id, "%u", i);
    r.subject = "dc.T1.A.completed";
    r.msg_id = id;
    assert_int_equal(port_submit(queue_mem_publish(w->queue), &r.base, admin, count_done, &done), TFDC_OK);
    while (done == 0) assert_true(loop_sim_step(w->sim));
    port_req_deinit(&r.base);
  }
}

static void set_flag(struct port_task *t) { t->fn = NULL; }

static void close_port(struct world *w, struct port *p, struct port_loop *admin) {
  struct port_task closed = {.fn = set_flag};
  port_close(p, admin, &closed);
  while (closed.fn != NULL) assert_true(loop_sim_step(w->sim));
}

static unsigned crash_course(uint64_t seed) {
  struct world w = {.sim = loop_sim_create(seed)};
  struct port_loop *server = loop_sim_add(w.sim), *admin = loop_sim_add(w.sim);
  w.queue = queue_mem_create(server);
  w.kv = kv_mem_create(server);
  send_all(&w, admin);
  struct defender *d = NULL;
  for (unsigned i = 0; i <= CRASHES; i++) {
    d = start_defender(&w, i);
    if (i == CRASHES) break;
    for (uint64_t steps = loop_sim_random(w.sim, 40); steps > 0; steps--) (void)loop_sim_step(w.sim);
    loop_sim_kill(w.sim, &d->loop, 1);
    queue_mem_forget_loop(w.queue, d->loop);
    kv_mem_forget_loop(w.kv, d->loop);
    free_defender(d);
    fence(&w, admin, i);
  }
  loop_sim_run_for(w.sim, tfdc_seconds(5));
  close_port(&w, queue_mem_work(w.queue), admin);
  close_port(&w, queue_mem_publish(w.queue), admin);
  close_port(&w, kv_mem_port(w.kv), admin);
  unsigned acks = 0;
  for (unsigned i = 0; i < MESSAGES; i++) {
    assert_in_range(w.acks[i], 0, 1);
    acks += w.acks[i];
  }
  assert_int_equal(w.seen_after_ack, 0);
  free_defender(d);
  queue_mem_destroy(w.queue);
  kv_mem_destroy(w.kv);
  loop_sim_destroy(w.sim);
  return acks;
}

static void messages_survive_the_death_of_who_judges_them(void **state) {
  (void)state;
  unsigned unheard = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    unsigned acks = crash_course(seed);
    assert_in_range(acks, MESSAGES - CRASHES, MESSAGES); /* each crash may swallow one answer to an ack */
    unheard += MESSAGES - acks;
  }
  assert_true(unheard > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(messages_survive_the_death_of_who_judges_them)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
