/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/log/alarm_log.h"
#include "support/cmocka_all.h"
#include "support/loop_thread.h"

#include <string.h>

struct lines {
  char text[8192];
  size_t n;
};

static void keep(void *arg, const char *line, size_t n) {
  struct lines *l = arg;
  assert_true(l->n + n < sizeof l->text);
  memcpy(l->text + l->n, line, n);
  l->n += n;
  l->text[l->n] = '\0';
}

static tfdc_wall at(void *arg) {
  (void)arg;
  return (tfdc_wall){1000000};
}

struct seen {
  struct alarm_req req;
  struct port_task closed;
  struct test_loop loop;
  unsigned done;
};

static void on_done(struct port_req *r) {
  struct seen *s = r->user;
  test_loop_add(&s->loop, &s->done, 1);
}

static void on_closed(struct port_task *t) {
  struct seen *s = (struct seen *)((char *)t - offsetof(struct seen, closed));
  test_loop_add(&s->loop, &s->done, 1);
}

static void an_alarm_is_a_line_of_the_log_and_is_confirmed(void **state) {
  (void)state;
  static struct lines lines;
  static struct seen seen;
  struct tfdc_log log;
  assert_int_equal(TFDC_OK, tfdc_log_init(&log, at, NULL, keep, &lines));
  test_loop_start(&seen.loop);
  struct alarm_log *a = alarm_log_create(&log);
  struct model_alarm alarm = {.alarm_id = {1, 2},
                              .severity = MODEL_CRITICAL,
                              .key = {"ETCH-01", "A"},
                              .strategy = "etch",
                              .reason = "OOC",
                              .text = "press_mean 52.3 mTorr above UCL 51.9"};
  alarm_req_init(&seen.req);
  seen.req.alarm = &alarm;
  assert_int_equal(TFDC_OK, port_submit(alarm_log_port(a), &seen.req.base, &seen.loop.loop, on_done, &seen));
  test_loop_wait(&seen.loop, &seen.done, 1);
  assert_int_equal(TFDC_OK, seen.req.base.rc);
  assert_non_null(strstr(lines.text, "above UCL 51.9"));
  assert_non_null(strstr(lines.text, "\"tool\":\"ETCH-01\""));
  seen.closed.fn = on_closed;
  port_close(alarm_log_port(a), &seen.loop.loop, &seen.closed);
  test_loop_wait(&seen.loop, &seen.done, 2);
  assert_int_equal(TFDC_E_CLOSED, port_submit(alarm_log_port(a), &seen.req.base, &seen.loop.loop, on_done, &seen));
  alarm_log_destroy(a);
  test_loop_stop(&seen.loop);
  tfdc_log_deinit(&log);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_alarm_is_a_line_of_the_log_and_is_confirmed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
