/* SPDX-License-Identifier: Apache-2.0
 * Threads and what they own: the http thread owns the daemon, the connections and every exchange that no worker has; a
 * worker owns the exchange that it took from the queue until it resumes the connection. */
#include "adapter/http/http_server_mhd.h"

#include "adapter/http/http_access.h"
#include "adapter/http/http_listen.h"
#include "adapter/http/http_target.h"
#include "base/time.h"
#include "model/json_out.h"
#include "model/metric_list.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER_BYTES = 32 << 10, TARGET_MEMORY = 1 << 20, TURN_MS = 100, THREADS_MAX = 64, ANSWER_TIMES = 10 };
#define STOP_US (2 * TFDC_US_PER_S) /* for clients to take their answers when the server stops */

/* A connection; the http thread's. */
struct conn {
  struct conn *prev, *next;
  int fd;
  int64_t deadline_us;
};

enum stage { READING, WORKING, ANSWERED };
/* One request and its answer. */
struct exchange {
  struct http_server *server;
  struct MHD_Connection *mhd;
  enum stage stage; /* under lock */
  struct exchange *next;
  struct tfdc_arena mem;
  struct http_target target;
  tfdc_rc refused; /* why it is answered without the handler, with its text */
  struct tfdc_error err;
  bool begun;
  struct tfdc_buf body;
  struct http_request q;
  struct http_response ret;
};

struct http_server {
  /* constant */
  struct http_handler *handler;
  struct port_metrics *metrics;
  char *token;
  size_t max_body;
  uint32_t max_connections, n_threads;
  int64_t timeout_us;
  struct MHD_Daemon *daemon;
  int wake; /* eventfd: the http thread has something to do */
  pthread_t http, workers[THREADS_MAX];
  /* the http thread's */
  struct conn *conns;
  uint32_t n_conns;
  /* lock */
  pthread_mutex_t lock;
  pthread_cond_t work;
  struct exchange *head, **tail;
  uint32_t in_flight; /* exchanges with the workers, and answered ones that are not sent */
  bool stopping, stopped;
};

static int64_t now_us(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * TFDC_US_PER_S + t.tv_nsec / 1000;
}

/* ---- connections ---- */

static void count_closed(struct http_server *s, const char *reason) {
  metrics_add(s->metrics, MODEL_METRIC_HTTP_CLOSED, reason, 1);
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *addr, socklen_t n) {
  struct http_server *s = cls;
  (void)addr;
  (void)n;
  if (s->n_conns < s->max_connections) return MHD_YES;
  count_closed(s, "limit");
  return MHD_NO;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code) {
  struct http_server *s = cls;
  struct conn *c = *context;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    if (c == NULL) return;
    *(c->prev == NULL ? &s->conns : &c->prev->next) = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    free(c);
    s->n_conns--;
  } else {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c = info == NULL ? NULL : calloc(1, sizeof *c);
    if (c == NULL) return; /* its requests end it */
    *c = (struct conn){.next = s->conns, .fd = info->connect_fd, .deadline_us = now_us() + s->timeout_us};
    if (s->conns != NULL) s->conns->prev = c;
    s->conns = c;
    s->n_conns++;
    *context = c;
  }
  metrics_set(s->metrics, MODEL_METRIC_HTTP_CONNECTIONS, NULL, s->n_conns);
}

static struct conn *conn_of(struct MHD_Connection *mhd) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

static void set_deadline(struct MHD_Connection *mhd, int64_t at) {
  struct conn *c = conn_of(mhd);
  if (c != NULL) c->deadline_us = at;
}

/* Nobody waits for a client longer than until `latest`. The daemon closes what was shut down when it next looks. */
static void end_overdue(struct http_server *s, int64_t latest) {
  int64_t now = now_us();
  for (struct conn *c = s->conns; c != NULL; c = c->next) {
    if (c->deadline_us == INT64_MAX || (c->deadline_us > now && latest > now)) continue;
    c->deadline_us = INT64_MAX;
    count_closed(s, "timeout"); /* before the client can see it */
    (void)shutdown(c->fd, SHUT_RDWR);
  }
}

/* ---- answers ---- */

static void write_refusal(struct exchange *x) {
  x->ret.status = tfdc_rc_http(x->refused);
  struct model_json j = model_json_on(&x->ret.body);
  model_json_open(&j, NULL, '{');
  model_json_error(&j, x->refused, &x->err);
  model_json_close(&j, '}');
  if (x->server->metrics == NULL) return;
  char status[16];
  (void)snprintf(status, sizeof status, "%d", x->ret.status);
  x->server->metrics->ops->add(x->server->metrics, MODEL_METRIC_HTTP_REQUESTS,
                               (const char *const[3]){"none", status, NULL}, 1);
}

static enum MHD_Result send_answer(struct exchange *x) {
  struct http_response *ret = &x->ret;
  void *data = ret->body.size > 0 ? (void *)ret->body.data : (void *)(uintptr_t) "";
  struct MHD_Response *r = MHD_create_response_from_buffer(
      ret->body.size, data, ret->body.size > 0 ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
  if (r == NULL) return MHD_NO;
  if (ret->body.size > 0) ret->body = (struct tfdc_buf){0};
  bool ok = MHD_add_response_header(r, "Content-Type", ret->type != NULL ? ret->type : "application/json") == MHD_YES;
  ok = ok && MHD_add_response_header(r, "Cache-Control", "no-store") == MHD_YES;
  ok = ok && MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES;
  if (ok && ret->allow != NULL) ok = MHD_add_response_header(r, "Allow", ret->allow) == MHD_YES;
  set_deadline(x->mhd, now_us() + ANSWER_TIMES * x->server->timeout_us);
  enum MHD_Result sent = ok ? MHD_queue_response(x->mhd, (unsigned)ret->status, r) : MHD_NO;
  MHD_destroy_response(r);
  return sent;
}

static enum MHD_Result refuse(struct exchange *x, tfdc_rc rc, const char *text) {
  x->refused = rc;
  if (text != NULL) (void)tfdc_fail(&x->err, rc, "%s", text);
  write_refusal(x);
  return send_answer(x);
}

/* ---- workers ---- */

static struct exchange *take(struct http_server *s) {
  (void)pthread_mutex_lock(&s->lock);
  while (s->head == NULL && !s->stopped) (void)pthread_cond_wait(&s->work, &s->lock);
  struct exchange *x = s->head;
  if (x != NULL) {
    s->head = x->next;
    if (s->head == NULL) s->tail = &s->head;
  }
  (void)pthread_mutex_unlock(&s->lock);
  return x;
}

static void wake_http(struct http_server *s) {
  const uint64_t one = 1;
  ssize_t n = write(s->wake, &one, sizeof one);
  (void)n; /* it fails only when the counter is full, and then the thread wakes */
}

static void *work(void *arg) {
  struct http_server *s = arg;
  for (struct exchange *x; (x = take(s)) != NULL;) {
    s->handler->handle(s->handler, &x->q, &x->ret);
    if (x->ret.body.failed) {
      tfdc_buf_deinit(&x->ret.body);
      x->ret = (struct http_response){.status = 500};
    }
    struct MHD_Connection *mhd = x->mhd;
    (void)pthread_mutex_lock(&s->lock);
    x->stage = ANSWERED; /* from here on it is the http thread's */
    (void)pthread_mutex_unlock(&s->lock);
    MHD_resume_connection(mhd);
    wake_http(s);
  }
  return NULL;
}

static enum MHD_Result hand_over(struct exchange *x) {
  struct http_server *s = x->server;
  MHD_suspend_connection(x->mhd);
  set_deadline(x->mhd, INT64_MAX);
  (void)pthread_mutex_lock(&s->lock);
  x->stage = WORKING;
  x->next = NULL;
  *s->tail = x;
  s->tail = &x->next;
  s->in_flight++;
  (void)pthread_cond_signal(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  return MHD_YES;
}

/* ---- requests ---- */

static const char *header(struct exchange *x, const char *name) {
  return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

/* Called when the request line is there; what it returns comes as *context of on_request. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd) {
  struct http_server *s = cls;
  struct exchange *x = calloc(1, sizeof *x);
  if (x == NULL) return NULL;
  x->server = s;
  x->mhd = mhd;
  x->mem.limit = TARGET_MEMORY;
  x->body.limit = s->max_body + 1;
  x->refused = http_target_parse(target, &x->mem, &x->target, &x->err);
  return x;
}

/* With the headers there, before the body. */
static enum MHD_Result begin(struct exchange *x, const char *method) {
  x->begun = true;
  const union MHD_ConnectionInfo *peer = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  struct http_access access = {.token = x->server->token,
                               .peer = peer == NULL ? NULL : peer->client_addr,
                               .authorization = header(x, "Authorization"),
                               .host = header(x, "Host"),
                               .origin = header(x, "Origin")};
  x->q = (struct http_request){.method = strcmp(method, "HEAD") == 0 ? "GET" : tfdc_arena_strdup(&x->mem, method),
                               .path = x->target.path,
                               .params = x->target.params,
                               .n_params = x->target.n_params,
                               .may_write = http_access_may_write(&access)};
  if (x->q.method == NULL) return MHD_NO;
  if (x->refused != TFDC_OK) return refuse(x, x->refused, NULL);
  const char *length = header(x, "Content-Length");
  if (length != NULL && strtoull(length, NULL, 10) > x->server->max_body)
    return refuse(x, TFDC_E_LIMIT, "the body is larger than http.max_body_bytes");
  return MHD_YES;
}

static enum MHD_Result finish(struct exchange *x) {
  struct http_server *s = x->server;
  if (x->body.size > s->max_body || x->body.failed)
    return refuse(x, TFDC_E_LIMIT, "the body is larger than http.max_body_bytes");
  tfdc_put_u8(&x->body, 0);
  if (x->body.failed) return MHD_NO;
  x->q.body = (const char *)x->body.data;
  x->q.body_n = x->body.size - 1;
  (void)pthread_mutex_lock(&s->lock);
  bool stopping = s->stopping;
  (void)pthread_mutex_unlock(&s->lock);
  return stopping ? refuse(x, TFDC_E_DRAINING, "the server stops") : hand_over(x);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **context) {
  struct http_server *s = cls;
  struct exchange *x = *context;
  (void)mhd;
  (void)url;
  (void)version;
  if (x == NULL) return MHD_NO; /* out of memory: the connection ends */
  if (!x->begun) return begin(x, method);
  if (*n > 0) {
    if (x->body.size + *n <= s->max_body)
      tfdc_put(&x->body, data, *n);
    else
      x->body.failed = true; /* the rest is read and dropped, within the deadline */
    *n = 0;
    return MHD_YES;
  }
  (void)pthread_mutex_lock(&s->lock);
  enum stage stage = x->stage;
  (void)pthread_mutex_unlock(&s->lock);
  return stage == ANSWERED ? send_answer(x) : finish(x);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code) {
  struct http_server *s = cls;
  struct exchange *x = *context;
  (void)code;
  set_deadline(mhd, now_us() + s->timeout_us);
  if (x == NULL) return;
  (void)pthread_mutex_lock(&s->lock);
  if (x->stage == ANSWERED) s->in_flight--;
  (void)pthread_mutex_unlock(&s->lock);
  tfdc_buf_deinit(&x->body);
  tfdc_buf_deinit(&x->ret.body);
  tfdc_arena_deinit(&x->mem);
  free(x);
  *context = NULL;
}

/* The target is decoded by http_target.c alone. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text) {
  (void)cls;
  (void)mhd;
  return strlen(text);
}

/* Libraries do not log. */
static void drop_log(void *cls, const char *format, va_list args) {
  (void)cls;
  (void)format;
  (void)args;
}

/* ---- life ---- */

/* *latest: until when clients have time; set when the server begins to stop. */
static bool must_run(struct http_server *s, int64_t *latest) {
  (void)pthread_mutex_lock(&s->lock);
  bool stopping = s->stopping, busy = s->in_flight > 0;
  (void)pthread_mutex_unlock(&s->lock);
  if (!stopping) return true;
  if (*latest == INT64_MAX) {
    MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET) (void)close(fd);
    *latest = now_us() + STOP_US;
  }
  return busy;
}

/* Until the library has something to do, a worker has, or it is time to look at deadlines. The library has a wake-up of
 * its own for resumed connections, but not where it is run from outside. */
static void wait_for_work(struct http_server *s) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  MHD_UNSIGNED_LONG_LONG ms = TURN_MS;
  if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > TURN_MS) ms = TURN_MS;
  struct pollfd fds[] = {{.fd = info != NULL ? info->epoll_fd : -1, .events = POLLIN},
                         {.fd = s->wake, .events = POLLIN}};
  (void)poll(fds, TFDC_COUNT(fds), (int)ms);
  uint64_t times;
  ssize_t n = read(s->wake, &times, sizeof times);
  (void)n; /* nothing to read is fine */
}

/* Runs until it is told to stop and the answers under way are sent. */
static void *run_http(void *arg) {
  struct http_server *s = arg;
  int64_t latest = INT64_MAX;
  while (must_run(s, &latest)) {
    wait_for_work(s);
    (void)MHD_run(s->daemon);
    end_overdue(s, latest);
  }
  return NULL;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd) {
  return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, on_accept, s, on_request, s,
                          MHD_OPTION_EXTERNAL_LOGGER, drop_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                          MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->max_connections + 8,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                          MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
                          MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                          MHD_OPTION_END);
}

static tfdc_rc start_threads(struct http_server *s, uint32_t n) {
  for (; s->n_threads < n; s->n_threads++)
    if (pthread_create(&s->workers[s->n_threads], NULL, work, s) != 0) return TFDC_E_IO;
  return pthread_create(&s->http, NULL, run_http, s) == 0 ? TFDC_OK : TFDC_E_IO;
}

static void stop_workers(struct http_server *s) {
  (void)pthread_mutex_lock(&s->lock);
  s->stopped = true;
  (void)pthread_cond_broadcast(&s->work);
  (void)pthread_mutex_unlock(&s->lock);
  for (uint32_t i = 0; i < s->n_threads; i++) (void)pthread_join(s->workers[i], NULL);
}

static void release(struct http_server *s) {
  stop_workers(s);
  if (s->daemon != NULL) MHD_stop_daemon(s->daemon);
  if (s->wake >= 0) (void)close(s->wake);
  (void)pthread_cond_destroy(&s->work);
  (void)pthread_mutex_destroy(&s->lock);
  free(s->token);
  free(s);
}

static struct http_server *new_server(const struct http_server_mhd_options *o) {
  struct http_server *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->token = strdup(o->token != NULL ? o->token : "");
  if (s->token == NULL) {
    free(s);
    return NULL;
  }
  s->tail = &s->head;
  s->max_body = o->max_body > 0 ? o->max_body : (size_t)4 << 20;
  s->max_connections = o->max_connections > 0 ? o->max_connections : 256;
  s->timeout_us = (o->timeout_ms > 0 ? (int64_t)o->timeout_ms : 30000) * TFDC_US_PER_MS;
  (void)pthread_mutex_init(&s->lock, NULL);
  (void)pthread_cond_init(&s->work, NULL);
  return s;
}

tfdc_rc http_server_mhd_create(const struct http_server_mhd_options *o, struct http_handler *h, struct port_metrics *m,
                               struct http_server **ret, uint16_t *ret_port, struct tfdc_error *err) {
  struct http_server *s = new_server(o);
  if (s == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "HTTP server");
  s->handler = h;
  s->metrics = m;
  int fd;
  uint16_t port;
  s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  tfdc_rc rc =
      s->wake >= 0 ? http_listen(o->address, &fd, &port, err) : tfdc_fail(err, TFDC_E_IO, "HTTP server: no eventfd");
  if (rc == TFDC_OK && (s->daemon = start_daemon(s, fd)) == NULL) {
    (void)close(fd);
    rc = tfdc_fail(err, TFDC_E_IO, "HTTP server: the library does not start");
  }
  uint32_t threads = o->threads > 0 ? o->threads : 4;
  if (rc == TFDC_OK && start_threads(s, threads < THREADS_MAX ? threads : THREADS_MAX) != TFDC_OK)
    rc = tfdc_fail(err, TFDC_E_IO, "HTTP server: no threads");
  if (rc != TFDC_OK) {
    release(s);
    return rc;
  }
  *ret = s;
  *ret_port = port;
  return TFDC_OK;
}

void http_server_mhd_destroy(struct http_server *s) {
  if (s == NULL) return;
  (void)pthread_mutex_lock(&s->lock);
  s->stopping = true;
  (void)pthread_mutex_unlock(&s->lock);
  wake_http(s);
  (void)pthread_join(s->http, NULL);
  release(s);
}
