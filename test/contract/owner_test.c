/* SPDX-License-Identifier: Apache-2.0
 * Queue and KV belong to one process, the store of the same file to all: a second process is told who the owner is,
 * and takes over, with everything that was confirmed, at the moment the owner dies. */
#include "adapter/sqlite/kv_sqlite.h"
#include "adapter/sqlite/queue_sqlite.h"
#include "adapter/sqlite/store_sqlite.h"
#include "contract/peer.h"
#include "contract/store_suite_rig.h"
#include "contract/temp_dir.h"
#include "contract/world.h"
#include "port/kv.h"
#include "port/queue.h"
#include "support/random.h"

#include <inttypes.h>

static const char *const BUCKET = "stable-ids", *const KEY = "defender-0";

struct owner {
  struct world world;
  struct queue_sqlite *queue;
  struct kv_sqlite *kv;
};

static tfdc_rc own(struct owner *o, const char *file, struct tfdc_error *err) {
  TFDC_TRY(queue_sqlite_open(file, o->world.server->clock, &o->queue, err));
  return kv_sqlite_open(file, o->world.server->clock, &o->kv, err);
}

static void disown(struct owner *o) {
  if (o->queue != NULL) {
    world_close(&o->world, queue_sqlite_publish(o->queue));
    world_close(&o->world, queue_sqlite_work(o->queue));
  }
  if (o->kv != NULL) world_close(&o->world, kv_sqlite_port(o->kv));
  queue_sqlite_destroy(o->queue);
  kv_sqlite_destroy(o->kv);
  o->queue = NULL;
  o->kv = NULL;
}

static tfdc_rc put(struct owner *o, uint64_t *revision, uint64_t value) {
  struct kv_req r;
  kv_req_init(&r, *revision == 0 ? KV_CREATE : KV_UPDATE);
  r.bucket = BUCKET;
  r.key = KEY;
  r.value = &value;
  r.n = sizeof value;
  r.revision = *revision;
  tfdc_rc rc = world_call(&o->world, kv_sqlite_port(o->kv), &r.base);
  if (rc == TFDC_OK) *revision = r.revision;
  port_req_deinit(&r.base);
  return rc;
}

static tfdc_rc get(struct owner *o, uint64_t *revision, uint64_t *value) {
  struct kv_req r;
  kv_req_init(&r, KV_GET);
  r.bucket = BUCKET;
  r.key = KEY;
  tfdc_rc rc = world_call(&o->world, kv_sqlite_port(o->kv), &r.base);
  if (rc == TFDC_OK) {
    TFDC_ASSERT(r.entries[0].n == sizeof *value);
    memcpy(value, r.entries[0].value, sizeof *value);
    *revision = r.entries[0].revision;
  }
  port_req_deinit(&r.base);
  return rc;
}

static tfdc_rc send(struct owner *o, const char *id) {
  struct publish_req r;
  publish_req_init(&r);
  r.subject = "dc.T1.A.completed";
  r.msg_id = id;
  r.data = id;
  r.n = strlen(id);
  tfdc_rc rc = world_call(&o->world, queue_sqlite_publish(o->queue), &r.base);
  port_req_deinit(&r.base);
  return rc;
}

static tfdc_rc consume(struct owner *o) {
  struct workqueue_req r;
  workqueue_req_init(&r, WORKQUEUE_CREATE);
  r.consumer = "c";
  r.filters = (const char *const[]){">"};
  r.n_filters = 1;
  r.ack_wait_us = 600 * TFDC_US_PER_S;
  tfdc_rc rc = world_call(&o->world, queue_sqlite_work(o->queue), &r.base);
  port_req_deinit(&r.base);
  return rc;
}

/* *r is to be released. */
static tfdc_rc pull(struct owner *o, uint32_t max, struct workqueue_req *r) {
  workqueue_req_init(r, WORKQUEUE_PULL);
  r->consumer = "c";
  r->max = max;
  return world_call(&o->world, queue_sqlite_work(o->queue), &r->base);
}

/* ---- the other process ---- */

/* Owns both, has sent two messages and holds the first of them. */
static int be_owner(const char *file) {
  struct owner o = {0};
  struct workqueue_req r;
  uint64_t revision = 0;
  world_begin_threads(&o.world);
  if (own(&o, file, NULL) != TFDC_OK || put(&o, &revision, 7) != TFDC_OK) return 2;
  if (send(&o, "m.1") != TFDC_OK || send(&o, "m.2") != TFDC_OK || consume(&o) != TFDC_OK) return 3;
  if (pull(&o, 1, &r) != TFDC_OK || r.n != 1) return 4;
  port_req_deinit(&r.base);
  peer_say();
  peer_wait();
  disown(&o);
  world_end(&o.world);
  return 0;
}

/* Counts in one key by compare-and-set; says each number that was confirmed. */
static int count(const char *file) {
  struct owner o = {0};
  uint64_t revision = 0, value = 0;
  world_begin_threads(&o.world);
  if (own(&o, file, NULL) != TFDC_OK) return 2;
  if (get(&o, &revision, &value) != TFDC_OK) revision = value = 0;
  for (;;) {
    if (put(&o, &revision, ++value) != TFDC_OK) return 3;
    if (write(STDOUT_FILENO, &value, sizeof value) != sizeof value) return 4;
  }
}

/* ---- the tests ---- */

struct rig_of_owner {
  char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 16];
  struct owner own;
  struct peer peer;
};

static void begin(struct rig_of_owner *g, const char *role) {
  *g = (struct rig_of_owner){0};
  temp_dir_make(g->dir);
  temp_dir_file(g->dir, "tfdc.db", g->path, sizeof g->path);
  world_begin_threads(&g->own.world);
  g->peer = peer_start((const char *const[]){"owner", role, g->path, NULL});
}

static void end(struct rig_of_owner *g) {
  disown(&g->own);
  world_end(&g->own.world);
  temp_dir_remove(g->dir);
}

static void the_second_process_is_told_who_owns_queue_and_kv_and_shares_the_store(void **state) {
  (void)state;
  struct rig_of_owner g;
  struct tfdc_error err = {0};
  char pid[32];
  begin(&g, "own");
  assert_true(peer_says(&g.peer));
  (void)snprintf(pid, sizeof pid, "process %ld", (long)g.peer.pid);
  struct world *w = &g.own.world;
  assert_int_equal(queue_sqlite_open(g.path, w->server->clock, &g.own.queue, &err), TFDC_E_LOCKED);
  assert_non_null(strstr(tfdc_error_msg(&err), pid));
  assert_int_equal(kv_sqlite_open(g.path, w->server->clock, &g.own.kv, &err), TFDC_E_LOCKED);
  assert_non_null(strstr(tfdc_error_msg(&err), pid));
  assert_true(g.own.queue == NULL && g.own.kv == NULL);
  struct port *store = NULL;
  struct model_run_verdict v = suite_verdict(1);
  struct store_req r;
  assert_int_equal(store_sqlite_open(g.path, NULL, &store, &err), TFDC_OK);
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  assert_int_equal(world_call(w, store, &r.base), TFDC_OK);
  port_req_deinit(&r.base);
  world_close(w, store);
  store_sqlite_destroy(store);
  assert_int_equal(peer_end(&g.peer, false), 0);
  assert_int_equal(own(&g.own, g.path, &err), TFDC_OK);
  end(&g);
}

static void the_next_owner_finds_everything_the_moment_the_last_one_died(void **state) {
  (void)state;
  struct rig_of_owner g;
  struct tfdc_error err = {0};
  uint64_t revision = 0, value = 0;
  begin(&g, "own");
  assert_true(peer_says(&g.peer));
  assert_int_equal(peer_end(&g.peer, true), -SIGKILL);
  if (own(&g.own, g.path, &err) != TFDC_OK) fail_msg("%s", tfdc_error_msg(&err));
  assert_int_equal(get(&g.own, &revision, &value), TFDC_OK);
  assert_int_equal(value, 7);
  assert_int_equal(put(&g.own, &revision, 8), TFDC_OK); /* by the revision that the dead one was told */
  struct workqueue_req r;
  assert_int_equal(consume(&g.own), TFDC_OK);
  assert_int_equal(pull(&g.own, 10, &r), TFDC_OK); /* its ack wait of 10 minutes died with it */
  assert_int_equal(r.n, 2);
  for (size_t i = 0; i < 2; i++) { /* the one that it held has had an attempt */
    bool first = strcmp(r.msgs[i].msg_id, "m.1") == 0;
    assert_string_equal(r.msgs[i].msg_id, first ? "m.1" : "m.2");
    assert_int_equal(r.msgs[i].deliveries, first ? 2 : 1);
  }
  port_req_deinit(&r.base);
  end(&g);
}

static void a_key_never_goes_back_behind_what_was_confirmed(void **state) {
  (void)state;
  enum { KILLS = 10 };
  struct rig_of_owner g;
  struct random_source random = {3};
  uint64_t last = 0, last_revision = 0;
  begin(&g, "count");
  for (int k = 0; k < KILLS; k++) {
    uint64_t said = 0, revision = 0, value = 0;
    uint64_t wanted = 1 + random_u64(&random) % 15;
    if (k > 0) g.peer = peer_start((const char *const[]){"owner", "count", g.path, NULL});
    for (uint64_t i = 0; i < wanted; i++) assert_int_equal(read(g.peer.from, &said, sizeof said), sizeof said);
    assert_int_equal(kill(g.peer.pid, SIGKILL), 0);
    while (read(g.peer.from, &said, sizeof said) == sizeof said) continue;
    assert_int_equal(peer_end(&g.peer, true), -SIGKILL);
    assert_int_equal(own(&g.own, g.path, NULL), TFDC_OK);
    assert_int_equal(get(&g.own, &revision, &value), TFDC_OK);
    assert_true(said >= last + wanted &&
                (value == said || value == said + 1)); /* one may have had no time to be said */
    assert_true(revision > last_revision);
    last = value;
    last_revision = revision;
    disown(&g.own);
  }
  end(&g);
}

int main(int argc, char **argv) {
  if (argc > 2) return strcmp(argv[1], "own") == 0 ? be_owner(argv[2]) : count(argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_second_process_is_told_who_owns_queue_and_kv_and_shares_the_store),
      cmocka_unit_test(the_next_owner_finds_everything_the_moment_the_last_one_died),
      cmocka_unit_test(a_key_never_goes_back_behind_what_was_confirmed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
