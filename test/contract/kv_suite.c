/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/kv_suite.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_TTL = 40000 };

struct rig {
  const struct kv_suite_maker *maker;
  void *env;
  struct world world;
  struct port *port;
};

static int setup(void **state) {
  struct rig *g = calloc(1, sizeof *g);
  g->maker = *state;
  if (g->maker->simulated)
    world_begin_sim(&g->world, 42);
  else
    world_begin_threads(&g->world);
  g->env = g->maker->begin();
  g->port = g->maker->open(g->env, &g->world);
  *state = g;
  return 0;
}

static int teardown(void **state) {
  struct rig *g = *state;
  if (g->port != NULL) world_close(&g->world, g->port);
  g->maker->destroy(g->env);
  g->maker->end(g->env);
  world_end(&g->world);
  *state = (void *)(uintptr_t)g->maker;
  free(g);
  return 0;
}

static void call(struct rig *g, struct kv_req *r, tfdc_rc want) {
  tfdc_rc got = world_call(&g->world, g->port, &r->base);
  if (got != want) print_error("%s: %s\n", tfdc_rc_name(got), r->base.err.msg);
  assert_int_equal(got, want);
}

/* A write; the new revision. */
static uint64_t put(struct rig *g, enum kv_op op, const char *key, const char *value, uint64_t revision, tfdc_rc want) {
  struct kv_req r;
  kv_req_init(&r, op);
  r.bucket = "b";
  r.key = key;
  r.value = value;
  r.n = value != NULL ? strlen(value) : 0;
  r.revision = revision;
  call(g, &r, want);
  port_req_deinit(&r.base);
  return r.revision;
}

static uint64_t put_for(struct rig *g, const char *key, int64_t ttl_us) {
  struct kv_req r;
  kv_req_init(&r, KV_PUT);
  r.bucket = "b";
  r.key = key;
  r.ttl_us = ttl_us;
  call(g, &r, TFDC_OK);
  port_req_deinit(&r.base);
  return r.revision;
}

static void holds(struct rig *g, const char *bucket, const char *key, const char *want) {
  struct kv_req r;
  kv_req_init(&r, KV_GET);
  r.bucket = bucket;
  r.key = key;
  call(g, &r, want != NULL ? TFDC_OK : TFDC_E_NOT_FOUND);
  if (want != NULL) {
    assert_int_equal(r.n_entries, 1);
    assert_string_equal(r.entries[0].key, key);
    assert_int_equal(r.entries[0].n, strlen(want));
    assert_memory_equal(r.entries[0].value, want, strlen(want));
  }
  port_req_deinit(&r.base);
}

static uint64_t watch(struct rig *g, const char *prefix) {
  struct kv_req r;
  kv_req_init(&r, KV_WATCH_OPEN);
  r.bucket = "b";
  r.key = prefix;
  call(g, &r, TFDC_OK);
  port_req_deinit(&r.base);
  return r.watch;
}

static void next_init(struct kv_req *r, uint64_t handle) {
  kv_req_init(r, KV_WATCH_NEXT);
  r->watch = handle;
}

/* The next events as "V key=value,D key,E key,." */
static void events(struct rig *g, uint64_t handle, const char *want) {
  char got[256] = "";
  while (strlen(got) < strlen(want)) {
    struct kv_req r;
    next_init(&r, handle);
    call(g, &r, TFDC_OK);
    assert_true(r.n_entries > 0);
    for (size_t i = 0; i < r.n_entries; i++) {
      const struct kv_entry *e = &r.entries[i];
      size_t n = strlen(got);
      static const char letter[] = "VDE.";
      (void)snprintf(got + n, sizeof got - n, "%s%c%s%s%s%.*s", n > 0 ? "," : "", letter[e->event],
                     e->event == KV_INITIAL_DONE ? "" : " ", e->key, e->event == KV_VALUE ? "=" : "", (int)e->n,
                     e->n > 0 ? (const char *)e->value : "");
    }
    port_req_deinit(&r.base);
  }
  assert_string_equal(got, want);
}

static void values_are_created_updated_and_deleted_by_revision(void **state) {
  struct rig *g = *state;
  holds(g, "b", "k", NULL);
  uint64_t first = put(g, KV_CREATE, "k", "one", 0, TFDC_OK);
  holds(g, "b", "k", "one");
  holds(g, "other", "k", NULL);
  put(g, KV_CREATE, "k", "two", 0, TFDC_E_EXISTS);
  put(g, KV_UPDATE, "k", "two", first + 1, TFDC_E_REVISION);
  put(g, KV_UPDATE, "none", "two", 0, TFDC_E_REVISION);
  uint64_t second = put(g, KV_UPDATE, "k", "two", first, TFDC_OK);
  assert_true(second > first);
  put(g, KV_UPDATE, "k", "three", first, TFDC_E_REVISION);
  holds(g, "b", "k", "two");
  uint64_t third = put(g, KV_PUT, "k", "", 0, TFDC_OK);
  assert_true(third > second);
  holds(g, "b", "k", "");
  put(g, KV_DELETE, "k", NULL, second, TFDC_E_REVISION);
  put(g, KV_DELETE, "k", NULL, third, TFDC_OK);
  put(g, KV_DELETE, "k", NULL, 0, TFDC_E_NOT_FOUND);
  holds(g, "b", "k", NULL);
  assert_true(put(g, KV_CREATE, "k", "again", 0, TFDC_OK) > third);
  put(g, KV_DELETE, "k", NULL, 0, TFDC_OK);
}

static void a_list_has_the_keys_of_the_prefix_in_order(void **state) {
  struct rig *g = *state;
  put(g, KV_PUT, "ack.2", "x", 0, TFDC_OK);
  put(g, KV_PUT, "current", "y", 0, TFDC_OK);
  put(g, KV_PUT, "ack.1", "z", 0, TFDC_OK);
  for (int all = 0; all < 2; all++) {
    struct kv_req r;
    kv_req_init(&r, KV_LIST);
    r.bucket = "b";
    r.key = all ? "" : "ack.";
    call(g, &r, TFDC_OK);
    assert_int_equal(r.n_entries, 2 + all);
    assert_string_equal(r.entries[0].key, "ack.1");
    assert_memory_equal(r.entries[0].value, "z", 1);
    assert_string_equal(r.entries[1].key, "ack.2");
    port_req_deinit(&r.base);
  }
}

static void names_and_sizes_are_checked(void **state) {
  struct rig *g = *state;
  put(g, KV_PUT, "", "x", 0, TFDC_E_USAGE);
  put(g, KV_PUT, "a b", "x", 0, TFDC_E_USAGE);
  put(g, KV_PUT, "a*", "x", 0, TFDC_E_USAGE);
  put(g, KV_PUT, NULL, "x", 0, TFDC_E_USAGE);
  char key[130];
  memset(key, 'k', sizeof key - 1);
  key[129] = '\0';
  put(g, KV_PUT, key, "x", 0, TFDC_E_USAGE);
  key[128] = '\0';
  put(g, KV_PUT, key, "x", 0, TFDC_OK);
  size_t n = ((size_t)1 << 20) + 1;
  char *big = malloc(n + 1);
  memset(big, 'x', n);
  big[n] = '\0';
  put(g, KV_PUT, "big", big, 0, TFDC_E_LIMIT);
  big[n - 1] = '\0';
  put(g, KV_PUT, "big", big, 0, TFDC_OK);
  holds(g, "b", "big", big);
  free(big);
}

static void a_watch_tells_what_is_there_and_then_what_happens(void **state) {
  struct rig *g = *state;
  put(g, KV_PUT, "a.1", "x", 0, TFDC_OK);
  put(g, KV_PUT, "b.1", "y", 0, TFDC_OK);
  uint64_t all = watch(g, ""), some = watch(g, "a.");
  events(g, all, "V a.1=x,V b.1=y,.");
  events(g, some, "V a.1=x,.");
  struct kv_req r;
  struct flight f;
  next_init(&r, some);
  assert_int_equal(world_start(&g->world, g->port, &r.base, &f), TFDC_OK);
  put(g, KV_PUT, "b.2", "z", 0, TFDC_OK);
  put(g, KV_DELETE, "a.1", NULL, 0, TFDC_OK);
  world_wait(&f);
  assert_int_equal(r.base.rc, TFDC_OK);
  assert_int_equal(r.n_entries, 1);
  assert_int_equal(r.entries[0].event, KV_DELETED);
  assert_string_equal(r.entries[0].key, "a.1");
  port_req_deinit(&r.base);
  events(g, all, "V b.2=z,D a.1");
}

static void what_has_a_ttl_expires_and_watchers_hear_of_it(void **state) {
  struct rig *g = *state;
  uint64_t handle = watch(g, "");
  put_for(g, "id.1", SHORT_TTL);
  put_for(g, "id.2", 0);
  events(g, handle, ".,V id.1=,V id.2=,E id.1");
  holds(g, "b", "id.1", NULL);
  holds(g, "b", "id.2", "");
  (void)put(g, KV_CREATE, "id.1", "new", 0, TFDC_OK);
  if (!g->maker->simulated) return;
  for (int i = 0; i < 5; i++) { /* each write starts the ttl anew */
    put_for(g, "id.3", SHORT_TTL);
    (void)world_pass(&g->world, SHORT_TTL - 5000);
    holds(g, "b", "id.3", "");
  }
  (void)world_pass(&g->world, 6000);
  holds(g, "b", "id.3", NULL);
}

static void a_watch_ends_when_closed_or_cancelled(void **state) {
  struct rig *g = *state;
  uint64_t handle = watch(g, "");
  events(g, handle, ".");
  struct kv_req r, close;
  struct flight f;
  next_init(&r, handle);
  assert_int_equal(world_start(&g->world, g->port, &r.base, &f), TFDC_OK);
  port_cancel(g->port, &r.base);
  world_wait(&f);
  assert_int_equal(r.base.rc, TFDC_E_CANCELLED);
  assert_int_equal(world_start(&g->world, g->port, &r.base, &f), TFDC_OK);
  kv_req_init(&close, KV_WATCH_CLOSE);
  close.watch = handle;
  call(g, &close, TFDC_OK);
  world_wait(&f);
  assert_int_equal(r.base.rc, TFDC_E_CLOSED);
  call(g, &close, TFDC_E_NOT_FOUND);
  call(g, &r, TFDC_E_CLOSED);
  port_req_deinit(&r.base);
  port_req_deinit(&close.base);
}

static void a_watch_that_nobody_reads_dies_and_says_so(void **state) {
  struct rig *g = *state;
  if (g->maker->durable) return; /* 10,000 commits */
  uint64_t handle = watch(g, "");
  for (int i = 0; i < 10001; i++) put(g, KV_PUT, "k", "v", 0, TFDC_OK);
  struct kv_req r;
  next_init(&r, handle);
  call(g, &r, TFDC_E_UNAVAILABLE);
  port_req_deinit(&r.base);
  events(g, watch(g, ""), "V k=v,.");
}

static void closing_ends_watches_and_refuses(void **state) {
  struct rig *g = *state;
  uint64_t handle = watch(g, "");
  events(g, handle, ".");
  struct kv_req r;
  struct flight f;
  next_init(&r, handle);
  assert_int_equal(world_start(&g->world, g->port, &r.base, &f), TFDC_OK);
  world_close(&g->world, g->port);
  assert_true(world_is_done(&f));
  assert_int_equal(r.base.rc, TFDC_E_CLOSED);
  assert_int_equal(world_call(&g->world, g->port, &r.base), TFDC_E_CLOSED);
  port_req_deinit(&r.base);
  g->port = NULL;
}

static void what_was_written_survives_a_restart(void **state) {
  struct rig *g = *state;
  put(g, KV_PUT, "kept", "x", 0, TFDC_OK);
  put(g, KV_PUT, "gone", "y", 0, TFDC_OK);
  put_for(g, "short", SHORT_TTL);
  uint64_t last = put(g, KV_DELETE, "gone", NULL, 0, TFDC_OK);
  world_close(&g->world, g->port);
  g->maker->destroy(g->env);
  g->port = g->maker->open(g->env, &g->world);
  holds(g, "b", "kept", "x");
  holds(g, "b", "gone", NULL);
  assert_true(put(g, KV_CREATE, "gone", "z", 0, TFDC_OK) > last);
  while (true) { /* until it has expired: each round is a request, none waits longer than the ttl */
    struct kv_req r;
    kv_req_init(&r, KV_GET);
    r.bucket = "b";
    r.key = "short";
    tfdc_rc rc = world_call(&g->world, g->port, &r.base);
    port_req_deinit(&r.base);
    if (rc == TFDC_E_NOT_FOUND) break;
    assert_int_equal(rc, TFDC_OK);
  }
}

int kv_suite_run(const struct kv_suite_maker *maker) {
#define T(name)                                                                                                        \
  { #name, name, setup, teardown, (void *)(uintptr_t)maker }
  const struct CMUnitTest tests[] = {
      T(values_are_created_updated_and_deleted_by_revision),
      T(a_list_has_the_keys_of_the_prefix_in_order),
      T(names_and_sizes_are_checked),
      T(a_watch_tells_what_is_there_and_then_what_happens),
      T(what_has_a_ttl_expires_and_watchers_hear_of_it),
      T(a_watch_ends_when_closed_or_cancelled),
      T(a_watch_that_nobody_reads_dies_and_says_so),
      T(closing_ends_watches_and_refuses),
      T(what_was_written_survives_a_restart),
  };
#undef T
  /* The last test is for those that keep what they have. */
  return _cmocka_run_group_tests(maker->name, tests, TFDC_COUNT(tests) - !maker->durable, NULL, NULL);
}
