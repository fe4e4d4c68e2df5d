/* SPDX-License-Identifier: Apache-2.0
 * The feeder against hub_sink_echo, over gRPC: what it sends arrives once and whole, whatever happens to the stream. */
#include "run/feeder.h"

#include "adapter/grpc/hub_client_grpc.h"
#include "support/cmocka_all.h"
#include "support/loop_thread.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 40, BLOCK_N = 50, RUNS = 3 };

static const struct model_svid svids[] = {{.number = 11, .name = "press", .unit = "mTorr", .rate_hz = 10},
                                          {.number = 12, .name = "temp", .unit = "Cel", .rate_hz = 10}};
static const struct model_chamber chamber = {.key = {"T1", "C1"}, .tool_type = "T", .svids = svids, .n_svids = 2};

struct rig {
  pid_t pid;
  FILE *in, *out; /* of the echo */
  char address[64];
  struct test_loop loop;
  struct feeder *feeder;
  atomic_uint ends, rejects;
  atomic_uint odd; /* callbacks that said what they should not: asserted on the test's thread */
};

static void echo_start(struct rig *r, const char *option, const char *value) {
  int to[2], from[2];
  assert_int_equal(pipe(to), 0);
  assert_int_equal(pipe(from), 0);
  r->pid = fork();
  assert_true(r->pid >= 0);
  if (r->pid == 0) {
    (void)dup2(to[0], 0);
    (void)dup2(from[1], 1);
    (void)close(to[1]);
    (void)close(from[0]);
    const char *program = getenv("HUB_SINK_ECHO");
    (void)execl(program, program, option, value, (char *)NULL);
    _exit(127);
  }
  (void)close(to[0]);
  (void)close(from[1]);
  r->in = fdopen(to[1], "w");
  r->out = fdopen(from[0], "r");
  char line[64];
  unsigned port = 0;
  assert_non_null(fgets(line, sizeof line, r->out));
  assert_int_equal(sscanf(line, "port %u", &port), 1);
  (void)snprintf(r->address, sizeof r->address, "127.0.0.1:%u", port);
}

static void ask(struct rig *r, const char *command, char *answer, size_t size) {
  (void)fprintf(r->in, "%s\n", command);
  (void)fflush(r->in);
  assert_non_null(fgets(answer, (int)size, r->out));
}

static void on_end(void *user, uint64_t run, const struct tfdc_id128 *context_id, tfdc_mono when) {
  struct rig *r = user;
  if (run == 0 || (context_id->hi | context_id->lo) == 0 || when.us <= 0) atomic_fetch_add(&r->odd, 1);
  atomic_fetch_add(&r->ends, 1);
}
static void on_reject(void *user, uint64_t run, uint64_t seq, tfdc_rc code, const char *text) {
  struct rig *r = user;
  if (run == 0 || code == TFDC_OK || (seq > 0 && code != TFDC_E_TIME_BACKWARDS) || text[0] == '\0')
    atomic_fetch_add(&r->odd, 1);
  atomic_fetch_add(&r->rejects, 1);
}

static void feeder_up(struct rig *r, size_t keep_bytes, tfdc_dur patience) {
  struct tfdc_error err = {0};
  const struct feeder_options o = {.hub = "test",
                                   .chambers = &chamber,
                                   .n_chambers = 1,
                                   .keep_bytes = keep_bytes,
                                   .patience = patience,
                                   .acked_end = on_end,
                                   .rejected = on_reject,
                                   .user = r};
  test_loop_start(&r->loop);
  assert_int_equal(feeder_create(&o, &r->loop.loop, &r->feeder, &err), TFDC_OK);
  struct hub_client_grpc_options grpc = HUB_CLIENT_GRPC_DEFAULTS;
  grpc.address = r->address;
  grpc.backoff_min_ms = 5;
  grpc.backoff_max_ms = 20;
  struct hub_client *client;
  assert_int_equal(hub_client_grpc_create(&grpc, &r->loop.loop, feeder_events(), r->feeder, &client, &err), TFDC_OK);
  feeder_set_client(r->feeder, client);
}

static void rig_down(struct rig *r) {
  feeder_destroy(r->feeder);
  assert_int_equal(atomic_load(&r->odd), 0);
  test_loop_stop(&r->loop);
  if (r->in != NULL) (void)fclose(r->in);
  if (r->out != NULL) (void)fclose(r->out);
  if (r->pid > 0) (void)waitpid(r->pid, NULL, 0);
}

static struct model_block *block(size_t at, double base) {
  struct model_column *columns;
  int64_t *t;
  double *v;
  struct model_block *b = model_block_create(2, BLOCK_N, 2 * (size_t)BLOCK_N, &columns, &t, &v);
  assert_non_null(b);
  for (size_t i = 0; i < BLOCK_N; i++) {
    t[i] = 1000000 + (int64_t)(at * BLOCK_N + i) * 100000;
    v[i] = base + (double)i;
    v[BLOCK_N + i] = 1;
  }
  columns[0] = (struct model_column){.svid = 11, .name = "press", .n = BLOCK_N, .t_us = t, .v = v};
  columns[1] = (struct model_column){.svid = 12, .name = "temp", .n = BLOCK_N, .t_us = t, .v = v + BLOCK_N};
  b->points = 2 * (uint64_t)BLOCK_N;
  return b;
}

static uint64_t run_start(struct rig *r, unsigned n) {
  char id[32];
  (void)snprintf(id, sizeof id, "run-%u", n);
  struct model_context c = {.key = chamber.key, .run_id = id, .start_us = 1000000, .recipe_id = "R", .slot = -1};
  c.end_us = c.received_us = c.stored_us = c.order_us = MODEL_NO_TIME;
  c.runs_since_pm = c.wafers_since_clean = -1;
  c.rf_hours = NAN;
  uint64_t run = 0;
  struct tfdc_error err = {0};
  assert_int_equal(feeder_start(r->feeder, &c, &run, &err), TFDC_OK);
  return run;
}

/* A step, an event, BLOCKS blocks and the end: BLOCKS + 3 messages. */
static void run_send(struct rig *r, uint64_t run) {
  struct tfdc_error err = {0};
  const struct model_step step = {
      .number = 1, .occurrence = 1, .name = "ME", .start_us = 1000000, .end_us = MODEL_NO_TIME};
  const struct model_event event = {"endpoint", 1500000};
  struct model_hub_msg m = {.kind = MODEL_HUB_STEP, .step = &step};
  assert_int_equal(feeder_send(r->feeder, run, &m, &err), TFDC_OK);
  m = (struct model_hub_msg){.kind = MODEL_HUB_STEP, .event = &event};
  assert_int_equal(feeder_send(r->feeder, run, &m, &err), TFDC_OK);
  for (size_t i = 0; i < BLOCKS; i++) {
    m = (struct model_hub_msg){.kind = MODEL_HUB_BLOCK, .block = block(i, (double)i)};
    assert_int_equal(feeder_send(r->feeder, run, &m, &err), TFDC_OK);
  }
  m = (struct model_hub_msg){.kind = MODEL_HUB_RUN_END, .end_us = 1000000000, .end_reason = MODEL_END_COMPLETE};
  assert_int_equal(feeder_send(r->feeder, run, &m, &err), TFDC_OK);
}

static struct feeder_result run_wait(struct rig *r, uint64_t run) {
  struct feeder_result result;
  struct tfdc_error err = {0};
  if (feeder_wait(r->feeder, run, tfdc_seconds(60), &result, &err) != TFDC_OK) fail_msg("%s", err.msg);
  return result;
}

/* Sum of all values of a run. */
static double expected_sum(void) {
  double sum = 0;
  for (size_t i = 0; i < BLOCKS; i++) sum += (double)BLOCK_N * (double)i + BLOCK_N * (BLOCK_N - 1) / 2.0 + BLOCK_N;
  return sum;
}

static void assert_arrived_whole(struct rig *r, unsigned run) {
  char text[8192], *at, key[48];
  ask(r, "stats", text, sizeof text);
  (void)snprintf(key, sizeof key, "\"run-%u\": {", run);
  at = strstr(text, key);
  assert_non_null(at);
  unsigned long long last, blocks, points, repeats, gaps, rejects;
  double sum;
  assert_int_equal(sscanf(at + strlen(key),
                          "\"last\": %llu, \"blocks\": %llu, \"points\": %llu, \"repeats\": %llu, \"gaps\": %llu, "
                          "\"rejects\": %llu, \"sum\": %lf",
                          &last, &blocks, &points, &repeats, &gaps, &rejects, &sum),
                   7);
  assert_int_equal(last, BLOCKS + 3);
  assert_int_equal(blocks, BLOCKS);
  assert_int_equal(points, BLOCKS * 2 * BLOCK_N);
  assert_int_equal(gaps, 0);
  assert_true(fabs(sum - expected_sum()) < 1e-6);
}

static void all_that_is_sent_arrives_once(void **state) {
  (void)state;
  struct rig r = {0};
  echo_start(&r, NULL, NULL);
  feeder_up(&r, 0, tfdc_seconds(30));
  uint64_t runs[RUNS];
  for (unsigned i = 0; i < RUNS; i++) runs[i] = run_start(&r, i);
  for (unsigned i = 0; i < RUNS; i++) run_send(&r, runs[i]);
  for (unsigned i = 0; i < RUNS; i++) {
    struct feeder_result result = run_wait(&r, runs[i]);
    assert_true(result.ended);
    assert_int_equal(result.rejects, 0);
    assert_arrived_whole(&r, i);
  }
  assert_int_equal(atomic_load(&r.ends), RUNS);
  assert_int_equal(feeder_kept(r.feeder), 0);
  rig_down(&r);
}

static void a_broken_stream_is_resumed_without_loss(void **state) {
  (void)state;
  struct rig r = {0};
  echo_start(&r, "--drop-every", "17");
  feeder_up(&r, 0, tfdc_seconds(60));
  for (unsigned i = 0; i < RUNS; i++) {
    uint64_t run = run_start(&r, i);
    run_send(&r, run);
    assert_true(run_wait(&r, run).ended);
    assert_arrived_whole(&r, i);
  }
  char text[8192];
  unsigned long seen, streams, closed, drops = 0;
  ask(&r, "stats", text, sizeof text);
  assert_int_equal(sscanf(text, "{\"seen\": %lu, \"streams\": %lu, \"closed\": %lu, \"drops\": %lu", &seen, &streams,
                          &closed, &drops),
                   4);
  assert_true(drops >= 3);
  assert_int_equal(atomic_load(&r.ends), RUNS);
  rig_down(&r);
}

static void a_rejected_block_is_told_and_never_resent(void **state) {
  (void)state;
  struct rig r = {0};
  echo_start(&r, "--reject-every", "10");
  feeder_up(&r, 0, tfdc_seconds(30));
  uint64_t run = run_start(&r, 0);
  run_send(&r, run);
  struct feeder_result result = run_wait(&r, run);
  assert_true(result.ended);
  assert_int_equal(result.rejects, 4); /* 10, 20, 30, 40 of 43 */
  assert_int_equal(result.reject_code, TFDC_E_TIME_BACKWARDS);
  assert_int_equal(atomic_load(&r.rejects), 4);
  rig_down(&r);
}

struct sender {
  struct rig *rig;
  uint64_t run;
  atomic_bool done;
};
static void *send_all(void *arg) {
  struct sender *s = arg;
  run_send(s->rig, s->run);
  atomic_store(&s->done, true);
  return NULL;
}

static void a_caller_waits_while_too_much_is_kept(void **state) {
  (void)state;
  struct rig r = {0};
  char text[256];
  echo_start(&r, NULL, NULL);
  ask(&r, "full", text, sizeof text); /* takes no blocks */
  struct model_block *one = block(0, 0);
  size_t keep = 4 * one->bytes;
  model_block_unref(one);
  feeder_up(&r, keep, tfdc_seconds(60));
  struct sender s = {.rig = &r, .run = run_start(&r, 0)};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, send_all, &s), 0);
  struct feeder_result result;
  struct tfdc_error err = {0};
  /* the end cannot come while blocks are refused, however long one waits */
  assert_int_equal(feeder_wait(r.feeder, s.run, tfdc_millis(50), &result, &err), TFDC_E_TIMEOUT);
  assert_true(feeder_kept(r.feeder) <= keep);
  assert_false(atomic_load(&s.done));
  ask(&r, "resume", text, sizeof text);
  (void)pthread_join(thread, NULL);
  assert_true(run_wait(&r, s.run).ended);
  assert_arrived_whole(&r, 0);
  rig_down(&r);
}

static void a_run_that_was_sent_before_ends_at_once(void **state) {
  (void)state;
  struct rig r = {0};
  echo_start(&r, NULL, NULL);
  feeder_up(&r, 0, tfdc_seconds(30));
  for (int pass = 0; pass < 2; pass++) {
    uint64_t run = run_start(&r, 0);
    run_send(&r, run);
    assert_true(run_wait(&r, run).ended);
    assert_arrived_whole(&r, 0);
  }
  assert_int_equal(atomic_load(&r.ends), 2);
  rig_down(&r);
}

static void a_rejected_run_refuses_what_follows(void **state) {
  (void)state;
  struct rig r = {0};
  echo_start(&r, NULL, NULL);
  feeder_up(&r, 0, tfdc_seconds(30));
  struct model_context c = {.key = {"T1", "OTHER"}, .run_id = "x", .start_us = 1, .slot = -1};
  c.end_us = c.received_us = c.stored_us = c.order_us = MODEL_NO_TIME;
  c.runs_since_pm = c.wafers_since_clean = -1;
  c.rf_hours = NAN;
  uint64_t run = 0;
  struct tfdc_error err = {0};
  struct feeder_result result;
  assert_int_equal(feeder_start(r.feeder, &c, &run, &err), TFDC_OK);
  assert_int_equal(feeder_wait(r.feeder, run, tfdc_seconds(60), &result, &err), TFDC_OK);
  assert_false(result.ended);
  assert_int_equal(result.rejects, 1);
  assert_true(result.reject_text[0] != '\0');
  const struct model_hub_msg m = {.kind = MODEL_HUB_RUN_END, .end_us = 5};
  assert_int_equal(feeder_send(r.feeder, run, &m, &err), TFDC_E_RUN_UNKNOWN); /* forgotten */
  rig_down(&r);
}

static void without_a_collector_patience_ends(void **state) {
  (void)state;
  struct rig r = {.address = "127.0.0.1:1"};
  feeder_up(&r, 0, tfdc_millis(100));
  struct feeder_result result;
  struct tfdc_error err = {0};
  uint64_t run = run_start(&r, 0);
  run_send(&r, run);
  assert_int_equal(feeder_wait(r.feeder, run, tfdc_seconds(60), &result, &err), TFDC_E_UNAVAILABLE);
  assert_non_null(strstr(err.msg, "no collector"));
  rig_down(&r);
}

int main(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_that_is_sent_arrives_once),
      cmocka_unit_test(a_broken_stream_is_resumed_without_loss),
      cmocka_unit_test(a_rejected_block_is_told_and_never_resent),
      cmocka_unit_test(a_caller_waits_while_too_much_is_kept),
      cmocka_unit_test(a_run_that_was_sent_before_ends_at_once),
      cmocka_unit_test(a_rejected_run_refuses_what_follows),
      cmocka_unit_test(without_a_collector_patience_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
