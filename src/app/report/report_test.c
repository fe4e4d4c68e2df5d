/* SPDX-License-Identifier: Apache-2.0
 * The page as a whole, from an API that is made up here. */
#include "app/client_priv.h"
#include "app/report/markup_test.h"
#include "app/report/report.h"

#include <inttypes.h>
#include <stdio.h>

#define HOSTILE_JSON "</title><script>alert(1)</script><img src=x onerror=alert(2)> & \\\"q\\\""
enum { RUNS = 30, BAD = 20, ALARMS_MAX = 400 };

struct fake {
  struct http_client client; /* first */
  const char *name;          /* recipe, lot and wafer of all runs, in JSON */
  size_t runs, alarms, calls;
  bool expired;     /* runs are known, their points and traces are not */
  const char *sick; /* path that answers with an error, or NULL */
};

static int64_t order_of(size_t i) { return 1764000000000000 + (int64_t)i * 600000000; }

static void put_context(const struct fake *f, struct tfdc_buf *b, size_t i) {
  int64_t start = order_of(i) - 60000000;
  tfdc_put_fmt(b,
               "{\"context_id\":\"%032zx\",\"tool\":\"T1\",\"chamber\":\"C1\",\"run_id\":\"r\",\"state\":\"CLOSED\","
               "\"revision\":1,\"start_us\":%" PRId64 ",\"end_us\":%" PRId64 ",\"order_us\":%" PRId64
               ",\"recipe_id\":\"%s\",\"lot_id\":\"%s\",\"substrate_id\":\"%s\",\"steps\":[{\"number\":1,\"name\":"
               "\"ETCH\",\"start_us\":%" PRId64 ",\"end_us\":%" PRId64 "}]}",
               i + 1, start, order_of(i), order_of(i), f->name, f->name, f->name, start + 10000000, order_of(i));
}

static void put_run(const struct fake *f, struct tfdc_buf *b, size_t i) {
  tfdc_put_fmt(b, "{\"context\":");
  put_context(f, b, i);
  tfdc_put_fmt(b, ",\"verdict\":{\"verdict\":\"%s\",\"reason\":\"NONE\"}}", i == BAD ? "OOC" : "OK");
}

static void put_point(struct tfdc_buf *b, size_t i) {
  tfdc_put_fmt(b,
               "{\"chart\":\"press_mean\",\"unit\":\"mTorr\",\"value\":%d.0,\"n\":10,\"quality\":1.0,\"centre\":50.0,"
               "\"ucl\":52.0,\"lcl\":48.0,\"eq_version\":1,\"limit_version\":1,\"verdict\":\"%s\",\"score\":%d.0}",
               i == BAD ? 55 : 50, i == BAD ? "OOC" : "OK", i == BAD ? 2 : 0);
}

struct window {
  int64_t from, to;
  bool only_good;
};

static struct window window_of(const struct http_request *q) {
  struct window w = {INT64_MIN, INT64_MAX, false};
  for (size_t i = 0; i < q->n_params; i++) {
    if (strcmp(q->params[i].name, "from") == 0) w.from = strtoll(q->params[i].value, NULL, 10);
    if (strcmp(q->params[i].name, "to") == 0) w.to = strtoll(q->params[i].value, NULL, 10);
    w.only_good |= strcmp(q->params[i].name, "verdict") == 0;
  }
  return w;
}

static bool is_asked(const struct window *w, size_t i) {
  return order_of(i) >= w->from && order_of(i) < w->to && !(w->only_good && i == BAD);
}

static void put_runs(const struct fake *f, const struct http_request *q, struct tfdc_buf *b) {
  const struct window w = window_of(q);
  tfdc_put_fmt(b, "{\"v\":1,\"runs\":[");
  size_t n = 0;
  for (size_t i = f->runs; i-- > 0;) {
    if (!is_asked(&w, i)) continue;
    if (n++ > 0) tfdc_put_u8(b, ',');
    put_run(f, b, i);
  }
  tfdc_put_fmt(b, "]}");
}

static void put_alarms(const struct fake *f, struct tfdc_buf *b) {
  tfdc_put_fmt(b, "{\"v\":1,\"alarms\":[");
  for (size_t i = 0; i < f->alarms; i++)
    tfdc_put_fmt(
        b,
        "%s{\"alarm_id\":\"%032zx\",\"state\":\"%s\",\"severity\":\"warning\",\"tool\":\"T1\",\"chamber\":\"C1\","
        "\"strategy\":\"S\",\"partition\":\"%s\",\"first_context\":\"%032x\",\"last_context\":\"%032x\","
        "\"opened_us\":%" PRId64 ",\"updated_us\":%" PRId64 ",\"bad_runs\":1,\"reason\":\"OOC\",\"text\":\"why "
        "%s\",\"charts\":\"press_mean\",\"recipe_id\":\"%s\"}",
        i > 0 ? "," : "", i, i % 2 == 0 ? "OPEN" : "CLEARED", f->name, BAD + 1, BAD + 1, order_of(BAD), order_of(BAD),
        f->name, f->name);
  tfdc_put_fmt(b, "]}");
}

static void put_one_run(const struct fake *f, struct tfdc_buf *b) {
  tfdc_put_fmt(b, "{\"v\":1,\"context\":");
  put_context(f, b, BAD);
  tfdc_put_fmt(b, ",\"records\":[");
  if (!f->expired) {
    tfdc_put_fmt(b, "{\"chart_set\":\"S\",\"partition\":\"%s\",\"points\":[", f->name);
    put_point(b, BAD);
    tfdc_put_fmt(b, "]}");
  }
  tfdc_put_fmt(b, "]}");
}

static void put_charts(const struct fake *f, const struct http_request *q, struct tfdc_buf *b) {
  const struct window w = window_of(q);
  tfdc_put_fmt(b, "{\"v\":1,\"points\":[");
  size_t n = 0;
  for (size_t i = 0; i < f->runs; i++) {
    if (!is_asked(&w, i)) continue;
    tfdc_put_fmt(b, "%s{\"order_us\":%" PRId64 ",\"context_id\":\"%032zx\",\"lot_id\":\"%s\",\"partition\":\"%s\",",
                 n++ > 0 ? "," : "", order_of(i), i + 1, f->name, f->name);
    tfdc_put_fmt(b, "\"late\":false,\"points\":[");
    put_point(b, i);
    tfdc_put_fmt(b, "]}");
  }
  tfdc_put_fmt(b, "]}");
}

static void put_trace(const struct fake *f, const char *path, struct tfdc_buf *b) {
  size_t run = (size_t)strtoull(path + strlen("/api/v1/runs/") + 24, NULL, 16) - 1;
  tfdc_put_fmt(b, "{\"v\":1,\"series\":[");
  if (!f->expired) {
    tfdc_put_fmt(b, "{\"svid\":\"press\",\"unit\":\"mTorr\",\"t_us\":[");
    for (int64_t k = 0; k < 60; k++)
      tfdc_put_fmt(b, "%s%" PRId64, k > 0 ? "," : "", order_of(run) + (k - 60) * 1000000);
    tfdc_put_fmt(b, "],\"v\":[");
    for (int64_t k = 0; k < 60; k++)
      tfdc_put_fmt(b, "%s%s", k > 0 ? "," : "", k == 30 ? "null" : run == BAD ? "55.0" : "50.0");
    tfdc_put_fmt(b, "]}");
  }
  tfdc_put_fmt(b, "]}");
}

static tfdc_rc call(struct http_client *c, const struct http_request *q, struct http_response *ret,
                    struct tfdc_error *err) {
  (void)err;
  struct fake *f = (struct fake *)c;
  f->calls++;
  ret->status = 200;
  if (f->sick != NULL && strstr(q->path, f->sick) != NULL) {
    ret->status = 503;
    tfdc_put_fmt(&ret->body, "{\"error\":{\"code\":\"UNAVAILABLE\",\"text\":\"%s is away\"}}", f->sick);
  } else if (strcmp(q->path, "/api/v1/runs") == 0) {
    put_runs(f, q, &ret->body);
  } else if (strcmp(q->path, "/api/v1/alarms") == 0) {
    put_alarms(f, &ret->body);
  } else if (strstr(q->path, "/trace") != NULL) {
    put_trace(f, q->path, &ret->body);
  } else if (strcmp(q->path, "/api/v1/charts") == 0) {
    put_charts(f, q, &ret->body);
  } else if (strcmp(q->path, "/api/v1/definitions") == 0) {
    tfdc_put_fmt(&ret->body,
                 "{\"v\":1,\"definitions\":[{\"body\":{\"strategy\":\"S\",\"charts\":[{\"chart\":\"press_mean\","
                 "\"eq\":\"mean(press in step(\\\"ETCH\\\"))\"}]}}]}");
  } else {
    put_one_run(f, &ret->body);
  }
  return TFDC_OK;
}

static void destroy(struct http_client *c) { (void)c; }
static const struct http_client_ops fake_ops = {call, destroy};

struct made {
  struct tfdc_buf page;
  struct report_summary sum;
  struct tfdc_error err;
  tfdc_rc rc;
};

static struct made make(struct fake *f, const struct report_options *o) {
  struct made m = {.rc = TFDC_OK};
  struct client *c = NULL;
  f->client.ops = &fake_ops;
  assert_int_equal(client_create(&f->client, "http://there", false, &c, NULL), TFDC_OK);
  m.rc = report_build(c, o, &m.page, &m.sum, &m.err);
  client_close(c);
  return m;
}

static void an_alarm_has_its_chart_and_its_traces(void **state) {
  (void)state;
  struct fake f = {.name = "R1", .runs = RUNS, .alarms = 1};
  const struct report_options o = REPORT_OPTIONS_DEFAULT;
  struct made m = make(&f, &o);
  assert_int_equal(m.rc, TFDC_OK);
  const char *text = markup_text(&m.page);
  markup_check(text);
  assert_true(m.sum.runs == RUNS && m.sum.ok == RUNS - 1 && m.sum.ooc == 1 && m.sum.bytes == m.page.size);
  assert_true(m.sum.alarms == 1 && m.sum.alarms_open == 1 && m.sum.charts == 1 && m.sum.traces == 1);
  assert_non_null(strstr(text, "UCL 52<"));
  assert_non_null(strstr(text, "8 good runs"));
  assert_non_null(strstr(text, "0 s = start of step ETCH"));
  assert_non_null(strstr(text, "55 mTorr</td>")); /* value and limit of the table */
  assert_non_null(strstr(text, "52 mTorr</td>"));
  assert_int_equal(markup_count(text, "id=\"alarm-1\""), 1);
  assert_true(f.calls < 20);
  tfdc_buf_deinit(&m.page);
}

static void a_chart_shows_the_runs_around_its_alarm(void **state) {
  (void)state;
  struct fake f = {.name = "R1", .runs = 300, .alarms = 1};
  const struct report_options o = REPORT_OPTIONS_DEFAULT;
  struct made m = make(&f, &o);
  assert_int_equal(m.rc, TFDC_OK);
  const char *text = markup_text(&m.page), *chart = strstr(text, "id=\"a1-u1\"");
  assert_non_null(chart);
  assert_non_null(strstr(chart, "51 runs from ")); /* all 20 before it, itself, 30 after it */
  assert_int_equal(m.sum.runs, 300);
  tfdc_buf_deinit(&m.page);
}

static void hostile_names_are_text_everywhere(void **state) {
  (void)state;
  struct fake f = {.name = HOSTILE_JSON, .runs = RUNS, .alarms = 2};
  struct report_options o = REPORT_OPTIONS_DEFAULT;
  o.title = "</title><script>alert(1)</script>";
  o.filter.recipe = "*<img src=x>*";
  struct made m = make(&f, &o);
  assert_int_equal(m.rc, TFDC_OK);
  o.filter.recipe = NULL;
  struct made all = make(&f, &o);
  const char *text = markup_text(&all.page);
  markup_check(text);
  assert_int_equal(markup_count(text, "<script"), 1); /* ours */
  assert_int_equal(markup_count(text, "<img"), 0);
  assert_int_equal(all.sum.charts, 2);
  const char *filtered = markup_text(&m.page);
  markup_check(filtered);
  assert_int_equal(m.sum.alarms, 0);
  assert_non_null(strstr(filtered, "&lt;img src=x&gt;"));
  tfdc_buf_deinit(&m.page);
  tfdc_buf_deinit(&all.page);
}

static void the_page_is_bounded_and_says_what_it_leaves_out(void **state) {
  (void)state;
  struct fake f = {.name = "R1", .runs = RUNS, .alarms = ALARMS_MAX};
  struct report_options o = REPORT_OPTIONS_DEFAULT;
  o.alarms_most = 5;
  struct made few = make(&f, &o);
  const char *text = markup_text(&few.page);
  markup_check(text);
  assert_int_equal(few.sum.alarms_without_charts, ALARMS_MAX - 5);
  assert_non_null(strstr(text, "5 of 400 alarms are shown with charts; the other 395 are in the table only"));
  assert_non_null(strstr(text, "100 more alarms are left out"));
  assert_null(strstr(text, "href=\"#alarm-6\"")); /* no link leads nowhere */
  o.alarms_most = 200;
  o.bytes_most = 400000;
  struct made small = make(&f, &o);
  assert_true(small.sum.alarms_without_charts > ALARMS_MAX - 200 && small.page.size < 500000);
  assert_int_equal(markup_count(markup_text(&small.page), "id=\"alarm-"), 200);
  tfdc_buf_deinit(&few.page);
  tfdc_buf_deinit(&small.page);
}

static void what_has_expired_is_said(void **state) {
  (void)state;
  struct fake f = {.name = "R1", .runs = RUNS, .alarms = 1, .expired = true};
  const struct report_options o = REPORT_OPTIONS_DEFAULT;
  struct made m = make(&f, &o);
  assert_int_equal(m.rc, TFDC_OK);
  const char *text = markup_text(&m.page);
  markup_check(text);
  assert_non_null(strstr(text, "The points of the run have expired. The alarm says: why R1"));
  tfdc_buf_deinit(&m.page);
  f = (struct fake){.name = "R1"};
  struct made none = make(&f, &o);
  markup_check(markup_text(&none.page));
  assert_non_null(strstr(markup_text(&none.page), "No run fits this selection."));
  assert_non_null(strstr(markup_text(&none.page), "No alarm was raised."));
  tfdc_buf_deinit(&none.page);
}

static void what_cannot_be_asked_fails_the_report(void **state) {
  (void)state;
  static const char *const paths[] = {"/api/v1/runs", "/api/v1/alarms", "/api/v1/charts", "/trace"};
  const struct report_options o = REPORT_OPTIONS_DEFAULT;
  for (size_t i = 0; i < TFDC_COUNT(paths); i++) {
    struct fake f = {.name = "R1", .runs = RUNS, .alarms = 1, .sick = paths[i]};
    struct made m = make(&f, &o);
    assert_int_equal(m.rc, TFDC_E_UNAVAILABLE);
    assert_non_null(strstr(tfdc_error_msg(&m.err), "is away"));
    tfdc_buf_deinit(&m.page);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_alarm_has_its_chart_and_its_traces),
                                     cmocka_unit_test(a_chart_shows_the_runs_around_its_alarm),
                                     cmocka_unit_test(hostile_names_are_text_everywhere),
                                     cmocka_unit_test(the_page_is_bounded_and_says_what_it_leaves_out),
                                     cmocka_unit_test(what_has_expired_is_said),
                                     cmocka_unit_test(what_cannot_be_asked_fails_the_report)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
