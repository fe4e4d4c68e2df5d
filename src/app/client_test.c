/* SPDX-License-Identifier: Apache-2.0
 * The client and the watch of alarms against a list in memory that answers as the API does. */
#include "app/alarm_watch.h"
#include "app/client_priv.h"
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALARMS_MAX = 4000 };

struct alarm {
  int64_t opened_us, update;
  bool open;
};
struct fake {
  struct http_client http; /* first */
  struct client *client;
  struct alarm alarms[ALARMS_MAX]; /* by opened_us, rising */
  size_t n;
  int status; /* other than 0: `body` is the answer */
  const char *body;
  int calls, fails_from; /* the calls from then on fail; 0 = none */
};

static int64_t number(const struct http_request *q, const char *name, int64_t absent) {
  const char *text = http_param(q, name);
  return text != NULL ? strtoll(text, NULL, 10) : absent;
}

static void list_alarms(const struct fake *f, const struct http_request *q, struct tfdc_buf *out) {
  int64_t from = number(q, "from", INT64_MIN), to = number(q, "to", INT64_MAX), left = number(q, "limit", 100);
  int64_t at = number(q, "cursor", (int64_t)f->n);
  bool open = number(q, "open", 0) == 1, comma = false;
  tfdc_put_fmt(out, "{\"alarms\":[");
  for (; at > 0 && left > 0; at--) {
    const struct alarm *a = &f->alarms[at - 1];
    if (a->opened_us < from || a->opened_us >= to || (open && !a->open)) continue;
    tfdc_put_fmt(out,
                 "%s{\"alarm_id\":\"%zu\",\"tool\":\"T\",\"chamber\":\"C\",\"opened_us\":%" PRId64
                 ",\"updated_us\":%" PRId64 ",\"update\":%" PRId64 ",\"state\":\"%s\"}",
                 comma ? "," : "", (size_t)at - 1, a->opened_us, a->opened_us + a->update, a->update,
                 a->open ? "OPEN" : "CLEARED");
    comma = true;
    left--;
  }
  tfdc_put_fmt(out, at > 0 ? "],\"cursor\":\"%" PRId64 "\"}" : "]}", at);
}

static tfdc_rc call(struct http_client *c, const struct http_request *q, struct http_response *ret,
                    struct tfdc_error *err) {
  struct fake *f = (struct fake *)c;
  f->calls++;
  if (f->fails_from != 0 && f->calls >= f->fails_from) return tfdc_fail(err, TFDC_E_UNAVAILABLE, "nobody");
  ret->status = f->status != 0 ? f->status : 200;
  if (f->status != 0)
    tfdc_put(&ret->body, f->body, strlen(f->body));
  else
    list_alarms(f, q, &ret->body);
  return tfdc_buf_status(&ret->body);
}

static void destroy(struct http_client *c) { (void)c; }

static const struct http_client_ops ops = {call, destroy};

static int set_up(void **state) {
  struct fake *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->http.ops = &ops;
  assert_int_equal(client_create(&f->http, "here", false, &f->client, NULL), TFDC_OK);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  struct fake *f = *state;
  client_close(f->client);
  free(f);
  return 0;
}

static void add(struct fake *f, size_t n, bool open) {
  for (size_t i = 0; i < n; i++, f->n++) f->alarms[f->n] = (struct alarm){(int64_t)f->n * 10 + 1, 1, open};
}

/* ---- lists and errors ---- */

static bool count(void *user, json_t *item) {
  (void)item;
  return ++*(int *)user != 1200;
}

static void a_list_is_read_page_by_page_as_far_as_it_is_wanted(void **state) {
  struct fake *f = *state;
  add(f, 1250, true);
  const struct {
    size_t limit;
    int rows, pages;
  } cases[] = {{0, 1200, 6}, {700, 700, 5}, {500, 500, 5}, {25, 25, 1}, {1, 1, 1}};
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    int n = 0;
    f->calls = 0;
    assert_int_equal(client_list(f->client, "/a", NULL, "alarms", cases[i].limit, count, &n, NULL), TFDC_OK);
    assert_int_equal(n, cases[i].rows);
    assert_int_equal(f->calls, cases[i].pages);
  }
}

static void an_answer_is_an_error_with_its_own_words(void **state) {
  struct fake *f = *state;
  const struct {
    int status;
    const char *body, *says;
    tfdc_rc rc;
  } cases[] = {
      {404, "{\"error\":{\"code\":\"NOT_FOUND\",\"text\":\"no run x\"}}", "no run x", TFDC_E_NOT_FOUND},
      {400, "{\"error\":{\"code\":\"EQ_UNIT\",\"text\":\"1:2\"}}", "1:2", TFDC_E_EQ_UNIT},
      {400, "{\"error\":{\"code\":\"OF_A_NEWER_RELEASE\",\"text\":\"what\"}}", "what", TFDC_E_INTERNAL},
      {502, "<html>bad gateway</html>", "here answers with HTTP status 502", TFDC_E_UNAVAILABLE},
      {401, "", "401", TFDC_E_AUTH},
      {200, "<html>hello</html>", "does not answer as a tFDC does", TFDC_E_MALFORMED},
      {200, "", "does not answer as a tFDC does", TFDC_E_MALFORMED},
  };
  for (size_t i = 0; i < TFDC_COUNT(cases); i++) {
    struct tfdc_error err = {0};
    json_t *answer = NULL;
    f->status = cases[i].status;
    f->body = cases[i].body;
    assert_int_equal(client_get(f->client, "/a", NULL, &answer, &err), cases[i].rc);
    assert_non_null(strstr(err.msg, cases[i].says));
    assert_null(answer);
  }
}

/* ---- the watch of alarms ---- */

struct news {
  size_t n;
  int64_t id, update; /* of the last one */
  tfdc_rc rc;
};

static struct news look(struct alarm_watch *w) {
  json_t *list = NULL;
  struct news news = {.rc = alarm_watch_look(w, &list, NULL)};
  news.n = json_array_size(list);
  const json_t *last = news.n > 0 ? json_array_get(list, news.n - 1) : NULL;
  if (last != NULL) {
    news.id = strtoll(json_string_value(json_object_get(last, "alarm_id")), NULL, 10);
    news.update = json_integer_value(json_object_get(last, "update"));
  }
  json_decref(list);
  return news;
}

static void change(struct fake *f, size_t i, bool open) {
  f->alarms[i].update++;
  f->alarms[i].open = open;
}

static void each_change_of_an_alarm_is_news_once(void **state) {
  struct fake *f = *state;
  const struct filter_params all = {.n = 0};
  struct alarm_watch w = {.client = f->client, .where = &all};
  add(f, 3, true);
  assert_int_equal(look(&w).n, 3);
  assert_int_equal(look(&w).n, 0);
  change(f, 1, true);
  struct news news = look(&w);
  assert_true(news.n == 1 && news.id == 1 && news.update == 2);
  change(f, 1, false);
  add(f, 1, false); /* opened and ended between two looks */
  assert_int_equal(look(&w).n, 2);
  assert_int_equal(look(&w).n, 0);
  alarm_watch_deinit(&w);
}

static void an_old_alarm_that_ends_is_news_behind_thousands_of_newer_ones(void **state) {
  struct fake *f = *state;
  const struct filter_params all = {.n = 0};
  struct alarm_watch w = {.client = f->client, .where = &all};
  add(f, 1, true);
  add(f, 3 * ALARM_WATCH_NEWEST, false);
  assert_int_equal(look(&w).n, 3 * ALARM_WATCH_NEWEST + 1);
  change(f, 0, false);
  struct news news = look(&w);
  assert_true(news.n == 1 && news.id == 0 && news.update == 2);
  change(f, 0, true); /* a historical run came late: it is open again */
  assert_int_equal(look(&w).n, 1);
  change(f, 0, false);
  change(f, 5, true); /* and one of long ago opened and ended between two looks: the whole is looked at now and then */
  change(f, 5, false);
  size_t n = look(&w).n;
  for (int i = 0; i < ALARM_WATCH_WHOLE; i++) n += look(&w).n;
  assert_int_equal(n, 2);
  alarm_watch_deinit(&w);
}

static void a_look_that_fails_forgets_nothing(void **state) {
  struct fake *f = *state;
  const struct filter_params all = {.n = 0};
  struct alarm_watch w = {.client = f->client, .where = &all};
  add(f, 1, true);
  add(f, 2 * ALARM_WATCH_NEWEST, false);
  assert_int_equal(look(&w).rc, TFDC_OK);
  int whole = 0; /* looks that took fewer calls */
  for (int fails_at = 1; fails_at <= 12; fails_at++) {
    change(f, 0, fails_at % 2 == 0); /* it ends, it is open again ... */
    add(f, 1, true);
    size_t n = 0;
    f->calls = 0;
    f->fails_from = fails_at;
    struct news news = look(&w);
    n += news.n;
    f->fails_from = 0;
    if (news.rc == TFDC_OK) whole++;
    n += look(&w).n;
    assert_int_equal(n, 2);
    assert_int_equal(look(&w).n, 0);
  }
  assert_true(whole > 0 && whole < 12);
  alarm_watch_deinit(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_list_is_read_page_by_page_as_far_as_it_is_wanted, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_answer_is_an_error_with_its_own_words, set_up, tear_down),
      cmocka_unit_test_setup_teardown(each_change_of_an_alarm_is_news_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_old_alarm_that_ends_is_news_behind_thousands_of_newer_ones, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_look_that_fails_forgets_nothing, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
