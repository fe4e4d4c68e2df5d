/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/metrics_mem.h"
#include "support/cmocka_all.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state) { return (*state = metrics_mem_create()) == NULL; }
static int teardown(void **state) {
  metrics_mem_destroy(*state);
  return 0;
}

static char *text_of(struct metrics_mem *m) {
  struct tfdc_buf out = {0};
  assert_int_equal(metrics_mem_write(m, &out), TFDC_OK);
  tfdc_put_u8(&out, 0);
  return (char *)out.data;
}

static void the_text_is_what_prometheus_reads(void **state) {
  struct metrics_mem *m = *state;
  struct port_metrics *p = metrics_mem_port(m);
  metrics_add(p, MODEL_METRIC_INGEST_REJECTS, "UNKNOWN_SVID", 2);
  metrics_add(p, MODEL_METRIC_INGEST_REJECTS, "a\"b\\c\nd", 1);
  metrics_set(p, MODEL_METRIC_STORE_FREE, NULL, 0.1);
  metrics_set(p, MODEL_METRIC_INGEST_MEMORY, NULL, INFINITY);
  const char *const two[3] = {"GET", "200", NULL};
  p->ops->add(p, MODEL_METRIC_HTTP_REQUESTS, two, 3);
  metrics_observe(p, MODEL_METRIC_JUDGE_LATENCY, NULL, 0.1);
  metrics_observe(p, MODEL_METRIC_JUDGE_LATENCY, NULL, 0.15);
  metrics_observe(p, MODEL_METRIC_JUDGE_LATENCY, NULL, 1000);
  char *text = text_of(m);
  static const char *const want[] = {
      "# HELP tfdc_ingest_rejects_total rejected messages, by error code\n"
      "# TYPE tfdc_ingest_rejects_total counter\n"
      "tfdc_ingest_rejects_total{code=\"UNKNOWN_SVID\"} 2\n"
      "tfdc_ingest_rejects_total{code=\"a\\\"b\\\\c\\nd\"} 1\n",
      "# TYPE tfdc_store_free_bytes gauge\ntfdc_store_free_bytes 0.1\n",
      "\ntfdc_ingest_memory_bytes +Inf\n",
      "\ntfdc_http_requests_total{route=\"GET\",status=\"200\"} 3\n",
      "# TYPE tfdc_judge_latency_seconds histogram\ntfdc_judge_latency_seconds_bucket{le=\"0.0001\"} 0\n",
      "\ntfdc_judge_latency_seconds_bucket{le=\"0.05\"} 0\ntfdc_judge_latency_seconds_bucket{le=\"0.1\"} 1\n"
      "tfdc_judge_latency_seconds_bucket{le=\"0.2\"} 2\n",
      "\ntfdc_judge_latency_seconds_bucket{le=\"60\"} 2\ntfdc_judge_latency_seconds_bucket{le=\"+Inf\"} 3\n"
      "tfdc_judge_latency_seconds_sum 1000.25\ntfdc_judge_latency_seconds_count 3\n",
      "\ntfdc_ingest_blocks_total 0\n"};
  for (size_t i = 0; i < TFDC_COUNT(want); i++)
    if (strstr(text, want[i]) == NULL) fail_msg("not there: %s", want[i]);
  assert_null(strstr(text, "tfdc_chunks_stored_total"));
  free(text);
}

static void too_many_label_sets_become_other(void **state) {
  struct metrics_mem *m = *state;
  struct port_metrics *p = metrics_mem_port(m);
  char label[32];
  for (int i = 0; i < METRICS_MAX_SETS + 50; i++) {
    (void)snprintf(label, sizeof label, "code-%d", i);
    metrics_add(p, MODEL_METRIC_INGEST_REJECTS, label, 1);
  }
  const char *const other[3] = {"other", "other", "other"}, *const first[3] = {"code-0", NULL, NULL};
  const char *const dropped[3] = {"tfdc_ingest_rejects_total", NULL, NULL};
  assert_true(metrics_mem_value(m, MODEL_METRIC_INGEST_REJECTS, other) == 50);
  assert_true(metrics_mem_value(m, MODEL_METRIC_INGEST_REJECTS, first) == 1);
  assert_true(metrics_mem_value(m, MODEL_METRIC_METRICS_DROPPED, dropped) == 50);
}

enum { THREADS = 4, ROUNDS = 5000 };

static void *hammer(void *arg) {
  struct port_metrics *p = arg;
  char label[32];
  for (int i = 0; i < ROUNDS; i++) {
    (void)snprintf(label, sizeof label, "code-%d", i % 97);
    metrics_add(p, MODEL_METRIC_INGEST_REJECTS, label, 1);
    metrics_add(p, MODEL_METRIC_INGEST_POINTS, NULL, 0.5);
    metrics_observe(p, MODEL_METRIC_JUDGE_LATENCY, NULL, 0.25);
  }
  return NULL;
}

static void threads_lose_no_count(void **state) {
  struct metrics_mem *m = *state;
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, hammer, metrics_mem_port(m)), 0);
  free(text_of(m));
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  static const char *const none[3] = {NULL, NULL, NULL};
  assert_true(metrics_mem_value(m, MODEL_METRIC_INGEST_POINTS, none) == THREADS * ROUNDS / 2);
  assert_true(metrics_mem_value(m, MODEL_METRIC_JUDGE_LATENCY, none) == THREADS * ROUNDS);
  double sum = 0;
  for (int i = 0; i < 97; i++) {
    char label[32];
    (void)snprintf(label, sizeof label, "code-%d", i);
    const char *const labels[3] = {label, NULL, NULL};
    sum += metrics_mem_value(m, MODEL_METRIC_INGEST_REJECTS, labels);
  }
  assert_true(sum == THREADS * ROUNDS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_text_is_what_prometheus_reads, setup, teardown),
      cmocka_unit_test_setup_teardown(too_many_label_sets_become_other, setup, teardown),
      cmocka_unit_test_setup_teardown(threads_lose_no_count, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
