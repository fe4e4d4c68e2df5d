/* SPDX-License-Identifier: Apache-2.0
 * What port/port.h promises of every request, shown on the store. */
#include "contract/store_suite_rig.h"

#include "port/store_util.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 32 };

/* Requests submitted from the loop's own thread: none of them can complete before the submitting function returns. */
struct burst {
  struct rig *g;
  struct store_req reqs[MANY];
  struct model_chunk chunks[MANY];
  uint8_t blobs[MANY][64];
  tfdc_rc submitted[MANY];
  unsigned calls[MANY];
  unsigned done, accepted;
  bool submitting;
};

static void burst_done(struct port_req *r) {
  struct burst *b = r->user;
  size_t i = (size_t)(store_req_of(r) - b->reqs);
  TFDC_ASSERT(test_loop_here(&b->g->loop));
  TFDC_ASSERT(!b->submitting);
  b->calls[i]++;
  test_loop_add(&b->g->loop, &b->done, 1);
}

static void burst_submit(void *arg) {
  struct burst *b = arg;
  b->submitting = true;
  for (unsigned i = 0; i < MANY; i++) {
    memset(b->blobs[i], (int)i, sizeof b->blobs[i]);
    b->chunks[i] = suite_chunk(1, i + 1, i + 1, b->blobs[i], sizeof b->blobs[i]);
    store_req_init(&b->reqs[i], STORE_CHUNK_PUT);
    b->reqs[i].chunk = &b->chunks[i];
    b->submitted[i] = port_submit(b->g->port, &b->reqs[i].base, &b->g->loop.loop, burst_done, b);
    if (b->submitted[i] == TFDC_OK) b->accepted++;
  }
  b->submitting = false;
}

static void burst_check(struct burst *b) {
  test_loop_wait(&b->g->loop, &b->done, b->accepted);
  for (unsigned i = 0; i < MANY; i++) {
    assert_int_equal(b->calls[i], b->submitted[i] == TFDC_OK ? 1 : 0);
    if (b->submitted[i] == TFDC_OK) assert_int_equal(b->reqs[i].base.rc, TFDC_OK);
    rig_release(&b->reqs[i]);
  }
  struct store_req r;
  store_req_init(&r, STORE_CHUNK_LIST);
  r.id = suite_id(1);
  r.revision = 1;
  rig_call(b->g, &r, TFDC_OK);
  assert_int_equal(r.n, b->accepted);
  rig_release(&r);
}

static struct burst *burst_create(struct rig *g) {
  struct burst *b = calloc(1, sizeof *b);
  assert_non_null(b);
  b->g = g;
  return b;
}

static void completions_come_once_on_the_loop_and_never_inside_submit(void **state) {
  struct burst *b = burst_create(*state);
  test_loop_run(&b->g->loop, burst_submit, b);
  assert_int_equal(b->accepted, MANY);
  burst_check(b);
  free(b);
}

static void above_the_most_requests_a_store_answers_busy(void **state) {
  struct burst *b = burst_create(*state);
  b->g->port->max_requests = 5;
  test_loop_run(&b->g->loop, burst_submit, b);
  assert_int_equal(b->accepted, 5);
  for (unsigned i = 5; i < MANY; i++) assert_int_equal(b->submitted[i], TFDC_E_BUSY);
  burst_check(b);
  rig_put_chunk(b->g, &b->chunks[MANY - 1]); /* there is room again */
  free(b);
}

static void above_the_most_bytes_a_store_answers_busy(void **state) {
  struct burst *b = burst_create(*state);
  b->g->port->max_bytes = 1; /* one request alone is always accepted */
  test_loop_run(&b->g->loop, burst_submit, b);
  assert_int_equal(b->accepted, 1);
  burst_check(b);
  free(b);
}

struct closing {
  struct burst *b;
  struct port_task task;
  unsigned closed, done_then;
};
static void closed(struct port_task *t) {
  struct closing *c = (struct closing *)((char *)t - offsetof(struct closing, task));
  c->done_then = c->b->done;
  test_loop_add(&c->b->g->loop, &c->closed, 1);
}
static void submit_and_close(void *arg) {
  struct closing *c = arg;
  burst_submit(c->b);
  c->task.fn = closed;
  port_close(c->b->g->port, &c->b->g->loop.loop, &c->task);
}

static void close_waits_for_all_and_then_nothing_is_accepted(void **state) {
  struct rig *g = *state;
  struct burst *b = burst_create(g);
  struct closing c = {.b = b};
  test_loop_run(&g->loop, submit_and_close, &c);
  test_loop_wait(&g->loop, &c.closed, 1);
  assert_int_equal(c.done_then, b->accepted);
  struct store_req r;
  store_req_init(&r, STORE_STATS);
  assert_int_equal(port_submit(g->port, &r.base, &g->loop.loop, burst_done, b), TFDC_E_CLOSED);
  g->maker->destroy(g->world, g->port);
  g->port = g->maker->open(g->world, &g->loop);
  assert_non_null(g->port);
  burst_check(b);
  free(b);
}

static void what_was_written_is_there_after_close_and_open(void **state) {
  struct rig *g = *state;
  struct model_context c = suite_context(1);
  struct model_u_record u = suite_u(1);
  rig_put_context(g, &c);
  rig_put_u(g, &u);
  rig_reopen(g);
  struct store_req r;
  store_req_init(&r, STORE_CONTEXT_GET);
  r.id = suite_id(1);
  rig_call(g, &r, TFDC_OK);
  rig_release(&r);
  store_req_init(&r, STORE_U_GET);
  r.id = suite_id(1);
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, 1);
  rig_release(&r);
}

static void results_stay_when_inputs_and_rows_are_gone(void **state) {
  struct rig *g = *state;
  char lot[] = "LOT-9";
  struct model_context c = suite_context(1);
  c.lot_id = lot;
  rig_put_context(g, &c);
  memset(lot, 'x', sizeof lot - 1); /* the store kept a copy */
  struct store_req r;
  store_req_init(&r, STORE_CONTEXT_GET);
  r.id = suite_id(1);
  rig_call(g, &r, TFDC_OK);
  assert_string_equal(r.contexts[0].lot_id, "LOT-9");
  c.revision = 2;
  rig_put_context(g, &c);
  rig_reopen(g);
  assert_string_equal(r.contexts[0].lot_id, "LOT-9");
  assert_int_equal(r.contexts[0].revision, 1);
  port_req_reset(&r.base); /* memory is kept for the next request */
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.contexts[0].revision, 2);
  rig_release(&r);
}

/* Puts and gets of one key, all in flight at once: the get sees what was submitted before it. */
struct pipeline {
  struct rig *g;
  struct store_req put[MANY], get[MANY];
  struct model_context c[MANY];
  unsigned done;
};
static void pipeline_done(struct port_req *r) {
  struct pipeline *p = r->user;
  test_loop_add(&p->g->loop, &p->done, 1);
}
static void pipeline_submit(void *arg) {
  struct pipeline *p = arg;
  for (uint32_t i = 0; i < MANY; i++) {
    p->c[i] = suite_context(1);
    p->c[i].revision = i + 1;
    store_req_init(&p->put[i], STORE_CONTEXT_PUT);
    p->put[i].context = &p->c[i];
    store_req_init(&p->get[i], STORE_CONTEXT_GET);
    p->get[i].id = suite_id(1);
    TFDC_ASSERT(port_submit(p->g->port, &p->put[i].base, &p->g->loop.loop, pipeline_done, p) == TFDC_OK);
    TFDC_ASSERT(port_submit(p->g->port, &p->get[i].base, &p->g->loop.loop, pipeline_done, p) == TFDC_OK);
  }
}

static void requests_for_one_key_are_carried_out_in_order(void **state) {
  struct rig *g = *state;
  struct pipeline *p = calloc(1, sizeof *p);
  assert_non_null(p);
  p->g = g;
  test_loop_run(&g->loop, pipeline_submit, p);
  test_loop_wait(&g->loop, &p->done, 2 * MANY);
  for (uint32_t i = 0; i < MANY; i++) {
    assert_int_equal(p->put[i].base.rc, TFDC_OK);
    assert_int_equal(p->get[i].base.rc, TFDC_OK);
    assert_true(p->get[i].contexts[0].revision >= i + 1);
    rig_release(&p->put[i]);
    rig_release(&p->get[i]);
  }
  assert_int_equal(p->get[MANY - 1].base.rc, TFDC_OK);
  free(p);
}

static void each_completion_comes_on_the_loop_of_its_request(void **state) {
  struct rig *g = *state;
  struct test_loop other;
  test_loop_start(&other);
  struct store_req r;
  store_req_init(&r, STORE_STATS);
  assert_int_equal(test_await(g->port, &r.base, &other), TFDC_OK); /* it checks the thread */
  rig_release(&r);
  rig_call(g, &r, TFDC_OK);
  rig_release(&r);
  test_loop_stop(&other);
}

static void submit_and_cancel(void *arg) {
  struct burst *b = arg;
  burst_submit(b);
  for (unsigned i = 0; i < MANY; i += 2) port_cancel(b->g->port, &b->reqs[i].base);
}

static void a_cancelled_request_still_completes_once(void **state) {
  struct rig *g = *state;
  struct burst *b = burst_create(g);
  test_loop_run(&g->loop, submit_and_cancel, b);
  test_loop_wait(&g->loop, &b->done, MANY);
  size_t kept = 0;
  for (unsigned i = 0; i < MANY; i++) {
    assert_int_equal(b->calls[i], 1);
    tfdc_rc rc = b->reqs[i].base.rc;
    assert_true(rc == TFDC_OK || (rc == TFDC_E_CANCELLED && i % 2 == 0));
    if (rc == TFDC_OK) kept++;
    rig_release(&b->reqs[i]);
  }
  struct store_req r;
  store_req_init(&r, STORE_CHUNK_LIST);
  r.id = suite_id(1);
  r.revision = 1;
  rig_call(g, &r, TFDC_OK);
  assert_int_equal(r.n, kept);
  rig_release(&r);
  free(b);
}

static void expect_refused(struct rig *g, struct store_req *r, tfdc_rc want) {
  assert_int_equal(test_await(g->port, &r->base, &g->loop), want);
  assert_int_equal(r->base.err.code, want);
  assert_true(r->base.err.msg[0] != '\0');
  rig_release(r);
}

static void broken_requests_are_refused_with_a_reason(void **state) {
  struct rig *g = *state;
  struct store_req r;
  store_req_init(&r, STORE_CONTEXT_PUT);
  expect_refused(g, &r, TFDC_E_USAGE);
  store_req_init(&r, (enum store_op)999);
  expect_refused(g, &r, TFDC_E_USAGE);
  store_req_init(&r, STORE_CONTEXT_LIST);
  r.page.cursor = "x";
  expect_refused(g, &r, TFDC_E_USAGE);
  store_req_init(&r, STORE_CHAMBER_LIST);
  r.page.cursor = "no colon";
  expect_refused(g, &r, TFDC_E_USAGE);
  store_req_init(&r, STORE_CONTEXT_LIST);
  r.page.limit = 10001;
  expect_refused(g, &r, TFDC_E_RANGE);
  store_req_init(&r, STORE_CHAMBER_GET);
  r.key = (struct model_key){.tool = "T 1", .chamber = "A"};
  expect_refused(g, &r, TFDC_E_BAD_ID);
  store_req_init(&r, STORE_STATS);
  r.base.kind = PORT_KV;
  expect_refused(g, &r, TFDC_E_USAGE);
}

const struct CMUnitTest store_suite_port[] = {
    SUITE_TEST(completions_come_once_on_the_loop_and_never_inside_submit),
    SUITE_TEST(above_the_most_requests_a_store_answers_busy),
    SUITE_TEST(above_the_most_bytes_a_store_answers_busy),
    SUITE_TEST(close_waits_for_all_and_then_nothing_is_accepted),
    SUITE_TEST(what_was_written_is_there_after_close_and_open),
    SUITE_TEST(results_stay_when_inputs_and_rows_are_gone),
    SUITE_TEST(requests_for_one_key_are_carried_out_in_order),
    SUITE_TEST(each_completion_comes_on_the_loop_of_its_request),
    SUITE_TEST(a_cancelled_request_still_completes_once),
    SUITE_TEST(broken_requests_are_refused_with_a_reason),
};
const size_t store_suite_port_n = TFDC_COUNT(store_suite_port);
