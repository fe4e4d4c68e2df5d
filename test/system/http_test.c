/* SPDX-License-Identifier: Apache-2.0
 * The HTTP server and client over real sockets, and what a hostile peer may send. */
#include "adapter/http/http_client_curl.h"
#include "adapter/http/http_server_mhd.h"
#include "adapter/mem/metrics_mem.h"
#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers with what it was asked; "/wait" waits until it is let go, "/big" is 8 MiB. */
struct echo {
  struct http_handler handler; /* first */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned waiting;
  bool go;
};
struct rig {
  struct echo echo;
  struct metrics_mem *metrics;
  struct http_server *server;
  struct http_client *client;
  uint16_t port;
};

static void wait_to_go(struct echo *e) {
  (void)pthread_mutex_lock(&e->lock);
  e->waiting++;
  (void)pthread_cond_broadcast(&e->changed);
  while (!e->go) (void)pthread_cond_wait(&e->changed, &e->lock);
  (void)pthread_mutex_unlock(&e->lock);
}

static void handle(struct http_handler *h, const struct http_request *q, struct http_response *ret) {
  ret->status = 200;
  ret->type = "text/plain";
  if (strcmp(q->path, "/wait") == 0) wait_to_go((struct echo *)h);
  if (strcmp(q->path, "/big") == 0)
    for (size_t i = 0; i < (8u << 20); i++) tfdc_put_u8(&ret->body, 'x');
  if (strcmp(q->path, "/moved") == 0) ret->status = 302;
  if (strcmp(q->path, "/empty") == 0) return;
  tfdc_put_fmt(&ret->body, "%s %s", q->method, q->path);
  for (size_t i = 0; i < q->n_params; i++) tfdc_put_fmt(&ret->body, " %s=%s", q->params[i].name, q->params[i].value);
  tfdc_put_fmt(&ret->body, " [%s] %zu %s", q->body, q->body_n, q->may_write ? "writes" : "reads");
}

static void start(struct rig *g, struct http_server_mhd_options o) {
  char url[64];
  struct tfdc_error err = {0};
  o.address = "127.0.0.1:0";
  g->echo.handler.handle = handle;
  assert_int_equal(pthread_mutex_init(&g->echo.lock, NULL), 0);
  assert_int_equal(pthread_cond_init(&g->echo.changed, NULL), 0);
  g->metrics = metrics_mem_create();
  assert_non_null(g->metrics);
  assert_int_equal(
      http_server_mhd_create(&o, &g->echo.handler, metrics_mem_port(g->metrics), &g->server, &g->port, &err), TFDC_OK);
  (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", g->port);
  assert_int_equal(http_client_curl_create(url, o.token, 0, &g->client, &err), TFDC_OK);
}

static void stop(struct rig *g) {
  g->client->ops->destroy(g->client);
  http_server_mhd_destroy(g->server);
  metrics_mem_destroy(g->metrics);
  (void)pthread_cond_destroy(&g->echo.changed);
  (void)pthread_mutex_destroy(&g->echo.lock);
}

static void let_go(struct echo *e) {
  (void)pthread_mutex_lock(&e->lock);
  e->go = true;
  (void)pthread_cond_broadcast(&e->changed);
  (void)pthread_mutex_unlock(&e->lock);
}

static void wait_for_waiting(struct echo *e, unsigned n) {
  (void)pthread_mutex_lock(&e->lock);
  while (e->waiting < n) (void)pthread_cond_wait(&e->changed, &e->lock);
  (void)pthread_mutex_unlock(&e->lock);
}

/* ---- raw sockets ---- */

static int dial(const struct rig *g) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(g->port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
  return fd;
}

static void put(int fd, const char *bytes, size_t n) {
  for (size_t sent = 0; sent < n;) {
    ssize_t k = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);
    if (k <= 0) return; /* the server had enough; what it answered is still there to be read */
    sent += (size_t)k;
  }
}

/* Reads until the peer closes. */
static struct tfdc_buf read_all(int fd) {
  struct tfdc_buf b = {0};
  for (ssize_t n = 1; n > 0;) {
    assert_true(tfdc_buf_reserve(&b, 4096));
    n = recv(fd, b.data + b.size, 4095, 0);
    if (n > 0) b.size += (size_t)n;
  }
  b.data[b.size] = '\0';
  (void)close(fd);
  return b;
}

/* Sends the bytes, reads until the server closes: is `want` in it? */
static void expect_n(const struct rig *g, const char *bytes, size_t n, const char *want) {
  int fd = dial(g);
  put(fd, bytes, n);
  struct tfdc_buf b = read_all(fd);
  if (strstr((char *)b.data, want) == NULL) fail_msg("no \"%s\" in: %.400s", want, (char *)b.data);
  tfdc_buf_deinit(&b);
}

static void expect(const struct rig *g, const char *line, const char *headers, const char *want) {
  char text[2048];
  int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n", line, headers);
  expect_n(g, text, (size_t)n, want);
}

/* ---- tests ---- */

static void expect_call(struct rig *g, const struct http_request *q, int status, const char *want) {
  struct http_response ret = {0};
  struct tfdc_error err = {0};
  assert_int_equal(g->client->ops->call(g->client, q, &ret, &err), TFDC_OK);
  assert_int_equal(ret.status, status);
  tfdc_put_u8(&ret.body, 0);
  assert_string_equal((char *)ret.body.data, want);
  tfdc_buf_deinit(&ret.body);
}

static void a_request_arrives_as_it_was_sent(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){0});
  const struct http_param params[] = {{"tool", "ETCH-*"}, {"recipe", "A&B=c +%?#/\xc3\xbc"}, {"empty", ""}};
  expect_call(&g, &(struct http_request){.method = "GET", .path = "/a b/\xc3\xbc", .params = params, .n_params = 3},
              200, "GET /a b/\xc3\xbc tool=ETCH-* recipe=A&B=c +%?#/\xc3\xbc empty= [] 0 writes");
  expect_call(&g, &(struct http_request){.method = "POST", .path = "/p", .body = "one\ntwo", .body_n = 7}, 200,
              "POST /p [one\ntwo] 7 writes");
  expect_call(&g, &(struct http_request){.method = "POST", .path = "/p", .body = "", .body_n = 0}, 200,
              "POST /p [] 0 writes");
  expect_call(&g, &(struct http_request){.method = "DELETE", .path = "/d"}, 200, "DELETE /d [] 0 writes");
  expect_call(&g, &(struct http_request){.method = "GET", .path = "/empty"}, 200, "");
  stop(&g);
}

static void large_answers_and_bodies_pass(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.max_body = 3 << 20});
  struct http_response ret = {0};
  struct tfdc_error err = {0};
  assert_int_equal(g.client->ops->call(g.client, &(struct http_request){.method = "GET", .path = "/big"}, &ret, &err),
                   TFDC_OK);
  assert_true(ret.body.size > (8u << 20));
  tfdc_buf_deinit(&ret.body);
  char *body = malloc(3 << 20);
  assert_non_null(body);
  memset(body, 'y', 3 << 20);
  struct http_request q = {.method = "POST", .path = "/p", .body = body, .body_n = 3 << 20};
  ret = (struct http_response){0};
  assert_int_equal(g.client->ops->call(g.client, &q, &ret, &err), TFDC_OK);
  assert_int_equal(ret.status, 200);
  tfdc_buf_deinit(&ret.body);
  free(body);
  stop(&g);
}

static void a_body_over_the_limit_is_413(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.max_body = 1000});
  expect(&g, "POST /p", "Content-Length: 1001\r\n", "HTTP/1.1 413");
  char chunked[3000];
  int n = snprintf(chunked, sizeof chunked,
                   "POST /p HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3e9\r\n%01001d\r\n0\r\n\r\n",
                   7);
  expect_n(&g, chunked, (size_t)n, "HTTP/1.1 413");
  const char *const none[3] = {"none", "413", NULL};
  assert_int_equal((int)metrics_mem_value(g.metrics, MODEL_METRIC_HTTP_REQUESTS, none), 2);
  stop(&g);
}

static void bad_bytes_are_400(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){0});
  expect(&g, "GET /a%2", "", "HTTP/1.1 400");
  expect(&g, "GET /a%zz", "", "HTTP/1.1 400");
  expect(&g, "GET /a%00", "", "a NUL at byte 2");
  expect(&g, "GET /a%0A", "", "a control character");
  expect(&g, "GET /a%c3%28", "", "not UTF-8");
  expect(&g, "GET /a?x=%ff", "", "not UTF-8");
  expect(&g, "GET /a?%00=1", "", "a NUL");
  expect(&g, "GET relative", "", "does not begin with /");
  expect(&g, "GET /ok?a=1+2&&b=%2B&c", "", "GET /ok a=1 2 b=+ c= ");
  stop(&g);
}

static void hostile_bytes_end_only_their_connection(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.timeout_ms = 500});
  static char big[200000];
  memset(big, 'a', sizeof big);
  int n = snprintf(big, 64, "GET /");
  big[n] = 'a';
  expect_n(&g, big, sizeof big, ""); /* a request line that never ends */
  memset(big, 'a', sizeof big);
  n = snprintf(big, 200, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Big: ");
  big[n] = 'a';
  memcpy(big + sizeof big - 4, "\r\n\r\n", 4);
  expect_n(&g, big, sizeof big, "");
  static const char junk[] = "\x16\x03\x01\x02\x00\x01\x00\xfc\x03\x03\xff\xfe\x00\r\n\r\n\0\0\0";
  expect_n(&g, junk, sizeof junk, "");
  static const char nul[] = "GET /a\0b HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  expect_n(&g, nul, sizeof nul - 1, "");
  expect(&g, "POST /p", "Content-Length: -5\r\n", "");
  expect(&g, "POST /p", "Content-Length: 99999999999999999999999\r\n", "");
  expect(&g, "POST /p", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "");
  expect(&g, "GET /still", "", "GET /still");
  stop(&g);
}

static void pipelined_requests_are_answered_in_order(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){0});
  int fd = dial(&g);
  static const char two[] = "GET /one HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nPOST /two HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Content-Length: 3\r\n\r\nxyzGET /three HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: "
                            "close\r\n\r\n";
  put(fd, two, sizeof two - 1);
  struct tfdc_buf b = read_all(fd);
  const char *one = strstr((char *)b.data, "GET /one"), *second = strstr((char *)b.data, "POST /two [xyz]");
  assert_non_null(one);
  assert_non_null(second);
  assert_true(one < second && strstr(second, "GET /three") != NULL);
  tfdc_buf_deinit(&b);
  stop(&g);
}

static void head_is_get_without_the_body(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){0});
  int fd = dial(&g);
  static const char head[] = "HEAD /h HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  put(fd, head, sizeof head - 1);
  struct tfdc_buf b = read_all(fd);
  assert_non_null(strstr((char *)b.data, "HTTP/1.1 200"));
  assert_non_null(strstr((char *)b.data, "Content-Length: 18"));
  assert_null(strstr((char *)b.data, "GET /h"));
  tfdc_buf_deinit(&b);
  stop(&g);
}

static void a_slow_client_is_cut_off(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.timeout_ms = 300});
  int headers = dial(&g), body = dial(&g), idle = dial(&g);
  static const char some[] = "GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\nX-";
  static const char half[] = "POST /slow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf";
  put(headers, some, sizeof some - 1);
  put(body, half, sizeof half - 1);
  struct tfdc_buf a = read_all(headers), b = read_all(body), c = read_all(idle); /* each ends: the server closed */
  assert_null(strstr((char *)a.data, "200"));
  assert_null(strstr((char *)b.data, "200"));
  tfdc_buf_deinit(&a);
  tfdc_buf_deinit(&b);
  tfdc_buf_deinit(&c);
  const char *const timeout[3] = {"timeout", NULL, NULL};
  assert_int_equal((int)metrics_mem_value(g.metrics, MODEL_METRIC_HTTP_CLOSED, timeout), 3);
  stop(&g);
}

static void connections_over_the_limit_are_closed_and_counted(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.max_connections = 2});
  static const char wait[] = "GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  int one = dial(&g), two = dial(&g);
  put(one, wait, sizeof wait - 1);
  put(two, wait, sizeof wait - 1);
  wait_for_waiting(&g.echo, 2);
  struct tfdc_buf refused = read_all(dial(&g));
  assert_int_equal(refused.size, 0);
  tfdc_buf_deinit(&refused);
  let_go(&g.echo);
  struct tfdc_buf a = read_all(one), b = read_all(two);
  assert_non_null(strstr((char *)a.data, "GET /wait"));
  assert_non_null(strstr((char *)b.data, "GET /wait"));
  tfdc_buf_deinit(&a);
  tfdc_buf_deinit(&b);
  const char *const limit[3] = {"limit", NULL, NULL};
  assert_int_equal((int)metrics_mem_value(g.metrics, MODEL_METRIC_HTTP_CLOSED, limit), 1);
  expect(&g, "GET /again", "", "GET /again");
  stop(&g);
}

static void a_handler_that_waits_holds_up_nobody(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.threads = 2});
  static const char wait[] = "GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  int fd = dial(&g);
  put(fd, wait, sizeof wait - 1);
  wait_for_waiting(&g.echo, 1);
  for (int i = 0; i < 20; i++) expect(&g, "GET /other", "", "GET /other");
  let_go(&g.echo);
  struct tfdc_buf b = read_all(fd);
  assert_non_null(strstr((char *)b.data, "GET /wait"));
  tfdc_buf_deinit(&b);
  stop(&g);
}

static void *destroy_server(void *arg) {
  http_server_mhd_destroy(arg);
  return NULL;
}

static void a_server_that_stops_answers_what_it_took(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){0});
  static const char wait[] = "GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  int fd = dial(&g);
  put(fd, wait, sizeof wait - 1);
  wait_for_waiting(&g.echo, 1);
  pthread_t stopper;
  assert_int_equal(pthread_create(&stopper, NULL, destroy_server, g.server), 0);
  let_go(&g.echo);
  struct tfdc_buf b = read_all(fd);
  assert_non_null(strstr((char *)b.data, "GET /wait"));
  tfdc_buf_deinit(&b);
  (void)pthread_join(stopper, NULL);
  g.server = NULL;
  stop(&g);
}

static void a_token_lets_write(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){.token = "s3cret"});
  expect_call(&g, &(struct http_request){.method = "POST", .path = "/p"}, 200, "POST /p [] 0 writes");
  expect(&g, "POST /p", "Authorization: Bearer s3cret\r\n", " writes");
  expect(&g, "POST /p", "", " reads");
  expect(&g, "POST /p", "Authorization: Bearer s3cre\r\n", " reads");
  expect(&g, "POST /p", "Authorization: Bearer s3crets3cret\r\n", " reads");
  expect(&g, "POST /p", "Authorization: Bearer \r\n", " reads");
  expect(&g, "POST /p", "Authorization: Basic s3cret\r\n", " reads");
  stop(&g);
}

static void pages_of_others_cannot_write(void **state) {
  (void)state;
  struct rig g = {0};
  start(&g, (struct http_server_mhd_options){0});
  expect(&g, "POST /p", "", " writes");
  expect(&g, "POST /p", "Origin: http://127.0.0.1\r\n", " writes");
  expect(&g, "POST /p", "Origin: http://evil.example\r\n", " reads");
  expect(&g, "POST /p", "Origin: null\r\n", " reads");
  static const char rebound[] = "POST /p HTTP/1.1\r\nHost: evil.example:80\r\nConnection: close\r\n"
                                "Origin: http://evil.example:80\r\nContent-Length: 0\r\n\r\n";
  expect_n(&g, rebound, sizeof rebound - 1, " reads");
  stop(&g);
}

static void addresses_are_checked(void **state) {
  (void)state;
  struct tfdc_error err = {0};
  struct http_server *s = NULL, *other = NULL;
  struct echo e = {.handler = {handle}};
  uint16_t port, same;
  const char *const bad[] = {"",       "8080",    "host",  "127.0.0.1:", "127.0.0.1:99999999",
                             "::1:80", "[::1:80", "[]:80", "a:b"};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    const struct http_server_mhd_options o = {.address = bad[i]};
    assert_int_equal(http_server_mhd_create(&o, &e.handler, NULL, &s, &port, &err), TFDC_E_CONFIG_VALUE);
  }
  const struct http_server_mhd_options any = {.address = ":0"};
  assert_int_equal(http_server_mhd_create(&any, &e.handler, NULL, &s, &port, &err), TFDC_OK);
  char text[32];
  (void)snprintf(text, sizeof text, "127.0.0.1:%u", port);
  const struct http_server_mhd_options taken = {.address = text};
  assert_int_equal(http_server_mhd_create(&taken, &e.handler, NULL, &other, &same, &err), TFDC_E_IO);
  assert_non_null(strstr(err.msg, text));
  http_server_mhd_destroy(s);
  const struct http_server_mhd_options again = {.address = text};
  assert_int_equal(http_server_mhd_create(&again, &e.handler, NULL, &s, &same, &err), TFDC_OK);
  assert_int_equal(same, port);
  http_server_mhd_destroy(s);
}

static void the_client_names_what_is_wrong(void **state) {
  (void)state;
  struct rig g = {0};
  struct tfdc_error err = {0};
  struct http_client *c = NULL;
  const char *const bad[] = {"", "host:80", "file:///etc/passwd", "http://", "http:///x", "ftp://h", "http://h?x=1"};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++)
    assert_int_equal(http_client_curl_create(bad[i], NULL, 0, &c, &err), TFDC_E_USAGE);
  assert_int_equal(http_client_curl_create("http://h", "a\r\nb", 0, &c, &err), TFDC_E_USAGE);
  start(&g, (struct http_server_mhd_options){0});
  struct http_response ret = {0};
  assert_int_equal(g.client->ops->call(g.client, &(struct http_request){.method = "GET", .path = "/moved"}, &ret, &err),
                   TFDC_E_UNAVAILABLE);
  http_server_mhd_destroy(g.server);
  g.server = NULL;
  assert_int_equal(g.client->ops->call(g.client, &(struct http_request){.method = "GET", .path = "/"}, &ret, &err),
                   TFDC_E_UNAVAILABLE);
  assert_non_null(strstr(err.msg, "http://127.0.0.1:"));
  assert_null(ret.body.data);
  stop(&g);
}

static void a_client_waits_no_longer_than_it_may(void **state) {
  (void)state;
  struct rig g = {0};
  struct tfdc_error err = {0};
  struct http_client *c = NULL;
  start(&g, (struct http_server_mhd_options){0});
  char url[64];
  (void)snprintf(url, sizeof url, "http://localhost:%u", g.port);
  assert_int_equal(http_client_curl_create(url, NULL, 200, &c, &err), TFDC_OK);
  struct http_response ret = {0};
  assert_int_equal(c->ops->call(c, &(struct http_request){.method = "GET", .path = "/wait"}, &ret, &err),
                   TFDC_E_TIMEOUT);
  let_go(&g.echo);
  c->ops->destroy(c);
  stop(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_arrives_as_it_was_sent),
      cmocka_unit_test(large_answers_and_bodies_pass),
      cmocka_unit_test(a_body_over_the_limit_is_413),
      cmocka_unit_test(bad_bytes_are_400),
      cmocka_unit_test(hostile_bytes_end_only_their_connection),
      cmocka_unit_test(pipelined_requests_are_answered_in_order),
      cmocka_unit_test(head_is_get_without_the_body),
      cmocka_unit_test(a_slow_client_is_cut_off),
      cmocka_unit_test(connections_over_the_limit_are_closed_and_counted),
      cmocka_unit_test(a_handler_that_waits_holds_up_nobody),
      cmocka_unit_test(a_server_that_stops_answers_what_it_took),
      cmocka_unit_test(a_token_lets_write),
      cmocka_unit_test(pages_of_others_cannot_write),
      cmocka_unit_test(addresses_are_checked),
      cmocka_unit_test(the_client_names_what_is_wrong),
      cmocka_unit_test(a_client_waits_no_longer_than_it_may),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
