/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/queue_suite.h"

#include "support/cmocka_all.h"
#include "support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S1 "dc.T1.A.completed"
#define S2 "dc.T1.B.completed"
#define S3 "dc.T2.A.completed"
enum { LONG_WAIT = 60 * 1000000, SHORT_WAIT = 40000, LONG_POLL = 20 * 1000000 };

struct rig {
  const struct queue_suite_maker *maker;
  void *env;
  struct world world;
  struct queue_suite_ports ports;
};

/* cmocka hands over only one pointer, and a process runs one suite at a time per thread. */
static int setup(void **state) {
  struct rig *g = calloc(1, sizeof *g);
  g->maker = *state;
  if (g->maker->simulated)
    world_begin_sim(&g->world, 42);
  else
    world_begin_threads(&g->world);
  g->env = g->maker->begin();
  g->ports = g->maker->open(g->env, &g->world);
  *state = g;
  return 0;
}

static void shut(struct rig *g) {
  if (g->ports.work != NULL) world_close(&g->world, g->ports.work);
  world_close(&g->world, g->ports.publish);
  g->maker->destroy(g->env);
}

static int teardown(void **state) {
  struct rig *g = *state;
  shut(g);
  g->maker->end(g->env);
  world_end(&g->world);
  *state = (void *)(uintptr_t)g->maker;
  free(g);
  return 0;
}

static void check(struct port_req *r, tfdc_rc got, tfdc_rc want) {
  if (got != want) print_error("%s: %s\n", tfdc_rc_name(got), r->err.msg);
  assert_int_equal(got, want);
}

static tfdc_rc try_send(struct rig *g, const char *subject, const char *id, const char *text, bool *duplicate) {
  struct publish_req r;
  publish_req_init(&r);
  r.subject = subject;
  r.msg_id = id;
  r.data = text;
  r.n = r.base.bytes = strlen(text);
  tfdc_rc rc = world_call(&g->world, g->ports.publish, &r.base);
  if (duplicate != NULL) *duplicate = r.duplicate;
  port_req_deinit(&r.base);
  return rc;
}

static void send(struct rig *g, const char *subject, const char *id, const char *text) {
  bool duplicate = false;
  assert_int_equal(try_send(g, subject, id, text, &duplicate), TFDC_OK);
  assert_false(duplicate);
}

static bool is_duplicate(struct rig *g, const char *subject, const char *id) {
  bool duplicate = false;
  assert_int_equal(try_send(g, subject, id, "again", &duplicate), TFDC_OK);
  return duplicate;
}

static void work(struct rig *g, struct workqueue_req *r, tfdc_rc want) {
  check(&r->base, world_call(&g->world, g->ports.work, &r->base), want);
}

static void filters(struct rig *g, enum workqueue_op op, const char *name, const char *const *list, tfdc_rc want) {
  struct workqueue_req r;
  workqueue_req_init(&r, op);
  r.consumer = name;
  r.filters = list;
  while (list != NULL && list[r.n_filters] != NULL) r.n_filters++;
  r.ack_wait_us = LONG_WAIT;
  work(g, &r, want);
  port_req_deinit(&r.base);
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void create(struct rig *g, const char *name, const char *filter, int64_t ack_wait_us, uint32_t max_in_flight) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_CREATE);
  r.consumer = name;
  r.filters = LIST(filter);
  r.n_filters = 1;
  r.ack_wait_us = ack_wait_us;
  r.max_in_flight = max_in_flight;
  work(g, &r, TFDC_OK);
  port_req_deinit(&r.base);
}

static void pull_init(struct workqueue_req *r, const char *name, uint32_t max, int64_t expires_us) {
  workqueue_req_init(r, WORKQUEUE_PULL);
  r->consumer = name;
  r->max = max;
  r->expires_us = expires_us;
}

/* The caller releases r. */
static void pull(struct rig *g, struct workqueue_req *r, const char *name, uint32_t max, int64_t expires_us) {
  pull_init(r, name, max, expires_us);
  work(g, r, TFDC_OK);
}

/* One message that must be there, now or soon; the token. */
static uint64_t take(struct rig *g, const char *name, const char *id, uint32_t deliveries) {
  struct workqueue_req r;
  pull(g, &r, name, 1, LONG_POLL);
  assert_int_equal(r.n, 1);
  assert_string_equal(r.msgs[0].msg_id, id);
  assert_int_equal(r.msgs[0].deliveries, deliveries);
  uint64_t token = r.msgs[0].token;
  port_req_deinit(&r.base);
  return token;
}

static void nothing(struct rig *g, const char *name) {
  struct workqueue_req r;
  pull(g, &r, name, 10, 0);
  assert_int_equal(r.n, 0);
  port_req_deinit(&r.base);
}

static void on_token(struct rig *g, enum workqueue_op op, uint64_t token, int64_t delay_us, tfdc_rc want) {
  struct workqueue_req r;
  workqueue_req_init(&r, op);
  r.token = token;
  r.delay_us = delay_us;
  r.reason = "EQ_NAME: no sensor Pres";
  work(g, &r, want);
  port_req_deinit(&r.base);
}
static void ack(struct rig *g, uint64_t token) { on_token(g, WORKQUEUE_ACK, token, 0, TFDC_OK); }

static tfdc_rc try_ack(struct rig *g, uint64_t token) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_ACK);
  r.token = token;
  tfdc_rc rc = world_call(&g->world, g->ports.work, &r.base);
  port_req_deinit(&r.base);
  return rc;
}

static void counts(struct rig *g, const char *name, uint64_t pending, uint64_t in_flight, uint64_t dead) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_INFO);
  r.consumer = name;
  work(g, &r, TFDC_OK);
  assert_int_equal(r.pending, pending);
  assert_int_equal(r.in_flight, in_flight);
  assert_int_equal(r.dead, dead);
  port_req_deinit(&r.base);
}

/* ---- tests ---- */

static void messages_come_in_order_and_whole_and_go_when_acked(void **state) {
  struct rig *g = *state;
  send(g, S1, "a.1", "first");
  send(g, S2, "b.1", "");
  send(g, S1, "c.1", "third");
  create(g, "all", ">", LONG_WAIT, 0);
  counts(g, NULL, 3, 0, 0);
  struct workqueue_req r;
  pull(g, &r, "all", 10, 0);
  assert_int_equal(r.n, 3);
  assert_string_equal(r.msgs[0].subject, S1);
  assert_string_equal(r.msgs[0].msg_id, "a.1");
  assert_int_equal(r.msgs[0].n, 5);
  assert_memory_equal(r.msgs[0].data, "first", 5);
  assert_int_equal(r.msgs[0].deliveries, 1);
  assert_true(r.msgs[0].stored_us > 0);
  assert_string_equal(r.msgs[1].msg_id, "b.1");
  assert_int_equal(r.msgs[1].n, 0);
  assert_string_equal(r.msgs[2].msg_id, "c.1");
  counts(g, "all", 0, 3, 0);
  for (size_t i = 0; i < 3; i++) ack(g, r.msgs[i].token);
  counts(g, NULL, 0, 0, 0);
  on_token(g, WORKQUEUE_ACK, r.msgs[0].token, 0, TFDC_E_NOT_FOUND);
  nothing(g, "all");
  port_req_deinit(&r.base);
}

static void equal_ids_are_stored_once_in_two_minutes(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  send(g, S1, "x.1", "1");
  assert_true(is_duplicate(g, S1, "x.1"));
  assert_false(is_duplicate(g, S1, "x.2"));
  ack(g, take(g, "c", "x.1", 1));
  assert_true(is_duplicate(g, S1, "x.1"));
  ack(g, take(g, "c", "x.2", 1));
  assert_false(is_duplicate(g, S1, NULL));
  assert_false(is_duplicate(g, S1, NULL));
  ack(g, take(g, "c", "", 1));
  ack(g, take(g, "c", "", 1));
  if (!world_pass(&g->world, INT64_C(119) * 1000000)) return;
  assert_true(is_duplicate(g, S1, "x.1"));
  (void)world_pass(&g->world, 1000000);
  assert_false(is_duplicate(g, S1, "x.1"));
}

static void filters_are_checked_and_never_overlap(void **state) {
  struct rig *g = *state;
  filters(g, WORKQUEUE_CREATE, "a", LIST(S1, S2), TFDC_OK);
  filters(g, WORKQUEUE_CREATE, "a", LIST(S3), TFDC_E_EXISTS);
  filters(g, WORKQUEUE_CREATE, "b", LIST(S3, S2), TFDC_E_CONFLICT);
  filters(g, WORKQUEUE_CREATE, "b", LIST(">"), TFDC_E_CONFLICT);
  filters(g, WORKQUEUE_CREATE, "b", LIST(S3, S3), TFDC_E_USAGE);
  filters(g, WORKQUEUE_CREATE, "b", LIST("dc.*.A.completed"), TFDC_E_USAGE);
  filters(g, WORKQUEUE_CREATE, "b", LIST("dc..A"), TFDC_E_USAGE);
  filters(g, WORKQUEUE_CREATE, "b", NULL, TFDC_E_USAGE);
  filters(g, WORKQUEUE_CREATE, "b b", LIST(S3), TFDC_E_USAGE);
  char text[201][32];
  const char *many[202] = {NULL};
  for (size_t i = 0; i < 201; i++) {
    (void)snprintf(text[i], sizeof text[i], "dc.T9.C%zu.completed", i);
    many[i] = text[i];
  }
  filters(g, WORKQUEUE_CREATE, "b", many, TFDC_E_USAGE);
  many[200] = NULL;
  filters(g, WORKQUEUE_CREATE, "b", many, TFDC_OK);
  filters(g, WORKQUEUE_DELETE, "a", NULL, TFDC_OK);
  filters(g, WORKQUEUE_DELETE, "a", NULL, TFDC_E_NOT_FOUND);
  filters(g, WORKQUEUE_CREATE, "c", LIST(S1), TFDC_OK);
}

static void a_consumer_gets_only_its_subjects_and_later_ones_find_the_rest(void **state) {
  struct rig *g = *state;
  send(g, S1, "a", "1");
  send(g, S2, "b", "2");
  send(g, S3, "c", "3");
  filters(g, WORKQUEUE_CREATE, "two", LIST(S2), TFDC_OK);
  ack(g, take(g, "two", "b", 1));
  nothing(g, "two");
  filters(g, WORKQUEUE_CREATE, "rest", LIST(S3, S1), TFDC_OK);
  ack(g, take(g, "rest", "a", 1));
  ack(g, take(g, "rest", "c", 1));
  nothing(g, "rest");
}

static void what_is_not_acked_in_time_comes_back(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", SHORT_WAIT, 0);
  send(g, S1, "a", "1");
  uint64_t first = take(g, "c", "a", 1);
  uint64_t again = take(g, "c", "a", 2);
  on_token(g, WORKQUEUE_ACK, first, 0, TFDC_E_NOT_FOUND);
  on_token(g, WORKQUEUE_PROGRESS, first, 0, TFDC_E_NOT_FOUND);
  on_token(g, WORKQUEUE_NAK, first, 0, TFDC_E_NOT_FOUND);
  on_token(g, WORKQUEUE_DEAD_LETTER, first, 0, TFDC_E_NOT_FOUND);
  /* On a slow machine the wait may be over again before the ack is there. */
  for (uint32_t deliveries = 3; try_ack(g, again) != TFDC_OK; deliveries++) again = take(g, "c", "a", deliveries);
  counts(g, NULL, 0, 0, 0);
}

static void progress_starts_the_wait_anew(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", g->maker->simulated ? SHORT_WAIT : LONG_WAIT, 0);
  send(g, S1, "a", "1");
  uint64_t token = take(g, "c", "a", 1);
  for (int i = 0; i < 5; i++) {
    on_token(g, WORKQUEUE_PROGRESS, token, 0, TFDC_OK);
    (void)world_pass(&g->world, SHORT_WAIT - 1000);
    counts(g, "c", 0, 1, 0);
  }
  ack(g, token);
}

static void a_nak_delays_the_next_delivery(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  send(g, S1, "a", "1");
  send(g, S1, "b", "2");
  tfdc_mono before = port_mono(g->world.client->clock);
  on_token(g, WORKQUEUE_NAK, take(g, "c", "a", 1), SHORT_WAIT, TFDC_OK);
  ack(g, take(g, "c", "b", 1));
  ack(g, take(g, "c", "a", 2));
  assert_true(port_mono(g->world.client->clock).us - before.us >= SHORT_WAIT);
}

static void what_comes_back_comes_before_what_was_sent_later(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  send(g, S1, "a", "1");
  send(g, S1, "b", "2");
  send(g, S1, "c", "3");
  uint64_t a = take(g, "c", "a", 1), b = take(g, "c", "b", 1);
  on_token(g, WORKQUEUE_NAK, b, 0, TFDC_OK);
  on_token(g, WORKQUEUE_NAK, a, 0, TFDC_OK);
  ack(g, take(g, "c", "a", 2));
  ack(g, take(g, "c", "b", 2));
  ack(g, take(g, "c", "c", 1));
}

static void shrinking_keeps_what_is_in_flight(void **state) {
  struct rig *g = *state;
  filters(g, WORKQUEUE_CREATE, "old", LIST(S1, S2), TFDC_OK);
  send(g, S1, "a", "1");
  send(g, S2, "b", "2");
  send(g, S2, "c", "3");
  uint64_t a = take(g, "old", "a", 1), b = take(g, "old", "b", 1);
  filters(g, WORKQUEUE_SHRINK, "old", LIST(S1, S3), TFDC_E_USAGE);
  filters(g, WORKQUEUE_SHRINK, "old", NULL, TFDC_E_USAGE);
  filters(g, WORKQUEUE_SHRINK, "none", LIST(S1), TFDC_E_NOT_FOUND);
  filters(g, WORKQUEUE_CREATE, "new", LIST(S2), TFDC_E_CONFLICT);
  on_token(g, WORKQUEUE_NAK, b, 0, TFDC_OK); /* waits for its consumer, who had it already */
  filters(g, WORKQUEUE_SHRINK, "old", LIST(S1), TFDC_OK);
  filters(g, WORKQUEUE_CREATE, "new", LIST(S2), TFDC_OK);
  ack(g, take(g, "new", "c", 1));
  nothing(g, "new");
  on_token(g, WORKQUEUE_NAK, take(g, "old", "b", 2), 0, TFDC_OK);
  nothing(g, "new");
  ack(g, take(g, "old", "b", 3));
  nothing(g, "old");
  ack(g, a);
  counts(g, NULL, 0, 0, 0);
}

static void deleting_frees_what_is_in_flight_and_ends_pulls(void **state) {
  struct rig *g = *state;
  filters(g, WORKQUEUE_CREATE, "dead", LIST(S1), TFDC_OK);
  send(g, S1, "a", "1");
  send(g, S1, "b", "1");
  uint64_t a = take(g, "dead", "a", 1);
  on_token(g, WORKQUEUE_NAK, take(g, "dead", "b", 1), LONG_WAIT, TFDC_OK);
  struct workqueue_req r;
  struct flight f;
  pull_init(&r, "dead", 1, LONG_POLL);
  assert_int_equal(world_start(&g->world, g->ports.work, &r.base, &f), TFDC_OK);
  filters(g, WORKQUEUE_DELETE, "dead", NULL, TFDC_OK);
  world_wait(&f);
  check(&r.base, r.base.rc, TFDC_E_CLOSED);
  port_req_deinit(&r.base);
  on_token(g, WORKQUEUE_ACK, a, 0, TFDC_E_NOT_FOUND);
  create(g, "next", ">", LONG_WAIT, 0);
  ack(g, take(g, "next", "a", 2));
  ack(g, take(g, "next", "b", 2));
}

static void a_waiting_pull_is_woken_ends_by_time_or_is_cancelled(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  struct workqueue_req woken, late, cancelled;
  struct flight f1, f2;
  pull_init(&woken, "c", 5, LONG_POLL);
  assert_int_equal(world_start(&g->world, g->ports.work, &woken.base, &f1), TFDC_OK);
  send(g, S1, "a", "1");
  world_wait(&f1);
  check(&woken.base, woken.base.rc, TFDC_OK);
  assert_int_equal(woken.n, 1);
  ack(g, woken.msgs[0].token);
  pull(g, &late, "c", 5, SHORT_WAIT);
  assert_int_equal(late.n, 0);
  pull_init(&cancelled, "c", 5, LONG_POLL);
  assert_int_equal(world_start(&g->world, g->ports.work, &cancelled.base, &f2), TFDC_OK);
  port_cancel(g->ports.work, &cancelled.base);
  world_wait(&f2);
  check(&cancelled.base, cancelled.base.rc, TFDC_E_CANCELLED);
  port_req_deinit(&woken.base);
  port_req_deinit(&late.base);
  port_req_deinit(&cancelled.base);
  pull_init(&late, "none", 1, 0);
  work(g, &late, TFDC_E_NOT_FOUND);
  port_req_deinit(&late.base);
  pull_init(&late, "c", 0, 0);
  work(g, &late, TFDC_E_USAGE);
  port_req_deinit(&late.base);
}

static void no_more_than_allowed_are_in_flight(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 2);
  send(g, S1, "a", "1");
  send(g, S1, "b", "2");
  send(g, S2, "c", "3");
  struct workqueue_req r;
  pull(g, &r, "c", 10, 0);
  assert_int_equal(r.n, 2);
  nothing(g, "c");
  ack(g, r.msgs[0].token);
  (void)take(g, "c", "c", 1);
  port_req_deinit(&r.base);
}

static void dead_letters_are_kept_with_the_reason(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  for (int i = 0; i < 3; i++) {
    char id[32];
    (void)snprintf(id, sizeof id, "d.%d", i);
    send(g, S1, id, "poison");
    on_token(g, WORKQUEUE_DEAD_LETTER, take(g, "c", id, 1), 0, TFDC_OK);
  }
  counts(g, NULL, 0, 0, 3);
  struct workqueue_req r;
  uint64_t after = 0;
  for (int i = 0; i < 3; i++) {
    workqueue_req_init(&r, WORKQUEUE_DLQ_LIST);
    r.token = after;
    r.max = 1;
    work(g, &r, TFDC_OK);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.msgs[0].msg_id[2], '0' + i);
    assert_string_equal(r.msgs[0].subject, S1);
    assert_string_equal(r.msgs[0].reason, "EQ_NAME: no sensor Pres");
    assert_memory_equal(r.msgs[0].data, "poison", 6);
    assert_int_equal(r.msgs[0].deliveries, 1);
    after = r.msgs[0].token;
    port_req_deinit(&r.base);
  }
  workqueue_req_init(&r, WORKQUEUE_DLQ_LIST);
  r.token = after;
  r.max = 10;
  work(g, &r, TFDC_OK);
  assert_int_equal(r.n, 0);
  port_req_deinit(&r.base);
  on_token(g, WORKQUEUE_DLQ_REMOVE, after, 0, TFDC_OK);
  on_token(g, WORKQUEUE_DLQ_REMOVE, after, 0, TFDC_E_NOT_FOUND);
  counts(g, NULL, 0, 0, 2);
  nothing(g, "c");
}

static void sizes_and_names_are_checked(void **state) {
  struct rig *g = *state;
  size_t n = ((size_t)1 << 20) + 1;
  char *big = malloc(n + 1);
  memset(big, 'x', n);
  big[n] = '\0';
  assert_int_equal(try_send(g, S1, "big", big, NULL), TFDC_E_LIMIT);
  big[n - 1] = '\0';
  assert_int_equal(try_send(g, S1, "big", big, NULL), TFDC_OK);
  create(g, "c", ">", LONG_WAIT, 0);
  struct workqueue_req r;
  pull(g, &r, "c", 1, 0);
  assert_int_equal(r.msgs[0].n, n - 1);
  assert_memory_equal(r.msgs[0].data, big, n - 1);
  port_req_deinit(&r.base);
  free(big);
  assert_int_equal(try_send(g, "dc.>", "i", "1", NULL), TFDC_E_USAGE);
  assert_int_equal(try_send(g, "", "i", "1", NULL), TFDC_E_USAGE);
  assert_int_equal(try_send(g, S1, "a\nb", "1", NULL), TFDC_E_USAGE);
}

static void too_many_requests_are_refused(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  uint32_t n = g->ports.work->max_requests;
  struct workqueue_req *r = calloc(n + 1, sizeof *r);
  struct flight *f = calloc(n + 1, sizeof *f);
  for (uint32_t i = 0; i <= n; i++) {
    pull_init(&r[i], "c", 1, LONG_POLL);
    assert_int_equal(world_start(&g->world, g->ports.work, &r[i].base, &f[i]), i < n ? TFDC_OK : TFDC_E_BUSY);
  }
  for (uint32_t i = 0; i < n; i++) port_cancel(g->ports.work, &r[i].base);
  for (uint32_t i = 0; i < n; i++) {
    world_wait(&f[i]);
    assert_int_equal(r[i].base.rc, TFDC_E_CANCELLED);
    port_req_deinit(&r[i].base);
  }
  free(r);
  free(f);
}

static void closing_ends_pulls_and_refuses(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  struct workqueue_req r, later;
  struct flight f;
  pull_init(&r, "c", 1, LONG_POLL);
  assert_int_equal(world_start(&g->world, g->ports.work, &r.base, &f), TFDC_OK);
  world_close(&g->world, g->ports.work);
  assert_true(world_is_done(&f));
  check(&r.base, r.base.rc, TFDC_E_CLOSED);
  port_req_deinit(&r.base);
  pull_init(&later, "c", 1, 0);
  assert_int_equal(world_call(&g->world, g->ports.work, &later.base), TFDC_E_CLOSED);
  port_req_deinit(&later.base);
  g->ports.work = NULL;
}

/* Sends, and takes with two consumers that ack, nak or forget at random: each message is acked exactly once, and first
 * deliveries of a subject keep its order. */
static void random_course(struct rig *g, uint64_t seed) {
  enum { SUBJECTS = 4, MESSAGES = 120 };
  struct random_source rnd = {seed};
  static const char *const subjects[SUBJECTS] = {S1, S2, S3, "dc.T3.X.completed"};
  unsigned acked[MESSAGES] = {0}, n_acked = 0;
  int last_first[SUBJECTS] = {-1, -1, -1, -1};
  filters(g, WORKQUEUE_CREATE, "even", LIST(S1, S3), TFDC_OK);
  int64_t ack_wait = g->maker->simulated ? SHORT_WAIT : LONG_WAIT;
  create(g, "odd", S2, ack_wait, 3);
  create(g, "last", subjects[3], ack_wait, 0);
  static const char *const names[] = {"even", "odd", "last"};
  char id[32];
  for (int sent = 0; n_acked < MESSAGES;) {
    if (sent < MESSAGES && random_u64(&rnd) % 2 == 0) {
      (void)snprintf(id, sizeof id, "%d", sent);
      send(g, subjects[random_u64(&rnd) % SUBJECTS], id, id);
      sent++;
      continue;
    }
    struct workqueue_req r;
    pull(g, &r, names[random_u64(&rnd) % 3], 3, sent < MESSAGES ? 0 : SHORT_WAIT);
    for (size_t i = 0; i < r.n; i++) {
      int number = (int)strtol(r.msgs[i].msg_id, NULL, 10);
      size_t s = 0;
      while (strcmp(r.msgs[i].subject, subjects[s]) != 0) s++;
      if (r.msgs[i].deliveries == 1) {
        assert_true(number > last_first[s]);
        last_first[s] = number;
      }
      uint64_t choice = random_u64(&rnd) % 4;
      if (choice == 0) on_token(g, WORKQUEUE_NAK, r.msgs[i].token, (int64_t)(random_u64(&rnd) % 2000), TFDC_OK);
      if (choice == 1 && s != 0 && s != 2 && g->maker->simulated) continue; /* comes back after its ack wait */
      if (choice == 0) continue;
      tfdc_rc rc = try_ack(g, r.msgs[i].token);
      if (rc == TFDC_OK) {
        acked[number]++;
        n_acked++;
      } else {
        assert_int_equal(rc, TFDC_E_NOT_FOUND);
      }
    }
    port_req_deinit(&r.base);
  }
  for (int i = 0; i < MESSAGES; i++) assert_int_equal(acked[i], 1);
  counts(g, NULL, 0, 0, 0);
}

static void each_message_is_acked_once_and_subjects_keep_their_order(void **state) { random_course(*state, 7); }

static void what_was_sent_survives_a_restart(void **state) {
  struct rig *g = *state;
  create(g, "c", ">", LONG_WAIT, 0);
  send(g, S1, "acked", "1");
  send(g, S1, "judging", "two");
  send(g, S2, "dead", "3");
  send(g, S2, "waiting", "4");
  ack(g, take(g, "c", "acked", 1));
  (void)take(g, "c", "judging", 1);
  on_token(g, WORKQUEUE_DEAD_LETTER, take(g, "c", "dead", 1), 0, TFDC_OK);
  shut(g);
  g->ports = g->maker->open(g->env, &g->world);
  counts(g, NULL, 2, 0, 1);
  assert_true(is_duplicate(g, S1, "acked"));
  create(g, "c", ">", LONG_WAIT, 0);
  send(g, S1, "new", "5");
  struct workqueue_req r;
  pull(g, &r, "c", 10, 0);
  assert_int_equal(r.n, 3);
  assert_string_equal(r.msgs[0].msg_id, "judging");
  assert_int_equal(r.msgs[0].deliveries, 2);
  assert_memory_equal(r.msgs[0].data, "two", 3);
  assert_string_equal(r.msgs[1].msg_id, "waiting");
  assert_int_equal(r.msgs[1].deliveries, 1);
  assert_string_equal(r.msgs[2].msg_id, "new");
  port_req_deinit(&r.base);
}

int queue_suite_run(const struct queue_suite_maker *maker) {
#define T(name)                                                                                                        \
  { #name, name, setup, teardown, (void *)(uintptr_t)maker }
  const struct CMUnitTest tests[] = {
      T(messages_come_in_order_and_whole_and_go_when_acked),
      T(equal_ids_are_stored_once_in_two_minutes),
      T(filters_are_checked_and_never_overlap),
      T(a_consumer_gets_only_its_subjects_and_later_ones_find_the_rest),
      T(what_is_not_acked_in_time_comes_back),
      T(progress_starts_the_wait_anew),
      T(a_nak_delays_the_next_delivery),
      T(what_comes_back_comes_before_what_was_sent_later),
      T(shrinking_keeps_what_is_in_flight),
      T(deleting_frees_what_is_in_flight_and_ends_pulls),
      T(a_waiting_pull_is_woken_ends_by_time_or_is_cancelled),
      T(no_more_than_allowed_are_in_flight),
      T(dead_letters_are_kept_with_the_reason),
      T(sizes_and_names_are_checked),
      T(too_many_requests_are_refused),
      T(closing_ends_pulls_and_refuses),
      T(each_message_is_acked_once_and_subjects_keep_their_order),
      T(what_was_sent_survives_a_restart),
  };
#undef T
  /* The last test is for those that keep what they have. */
  return _cmocka_run_group_tests(maker->name, tests, TFDC_COUNT(tests) - !maker->durable, NULL, NULL);
}
