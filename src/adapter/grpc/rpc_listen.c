/* SPDX-License-Identifier: Apache-2.0
 * Listeners, queue threads and the keeper: the thread that knocks at the server's own door and ends a drain in time.
 *
 * Why it knocks: in gRPC 1.51 one failed accept (EMFILE) stops a listener for ever while all looks well from inside. So
 * the keeper opens a connection now and then; a living server says something or hangs up, a dead one does neither. Then
 * a second grpc_server takes the port over, on the same queues.
 *
 * Order of a shutdown: shutdown_and_notify, streams end, its tag; queues are shut down and run dry, threads joined;
 * only then servers and queues are destroyed. Any other order aborts inside the core. */
#include "adapter/grpc/rpc_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ARMED = 8, KNOCK_MS = 2000, MISSES = 2, RELISTEN_MS = 100, RELISTEN_TRIES = 50 };

/* gRPC's monotonic clock is the one that `changed` waits by. */
static int64_t now_us(void) {
  gpr_timespec t = gpr_now(GPR_CLOCK_MONOTONIC);
  return t.tv_sec * TFDC_US_PER_S + t.tv_nsec / 1000;
}

grpc_arg rpc_arg_int(const char *key, int64_t v) {
  int i = v > INT32_MAX ? INT32_MAX : (int)v;
  return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = i};
}

/* ---- listeners ---- */
static void came_down(void *owner, bool ok) {
  (void)ok;
  struct rpc_listener *l = owner;
  struct rpc_server *s = l->server;
  (void)pthread_mutex_lock(&s->mtx);
  l->down = true;
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->mtx);
}

/* Begins to go down, once. */
static void shut(struct rpc_listener *l) {
  if (l->shut) return;
  l->shut = true;
  grpc_server_shutdown_and_notify(l->core, l->server->queues[0].cq, &l->on_down);
}

static grpc_server *create_core(const struct rpc_server_options *o) {
  grpc_arg args[] = {
      rpc_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int64_t)o->max_message_bytes),
      rpc_arg_int(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100), /* of one connection; more wait at the peer */
      rpc_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, o->keepalive_ms),
      rpc_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, o->keepalive_timeout_ms),
      rpc_arg_int(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
      rpc_arg_int(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000),
      rpc_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
      rpc_arg_int(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300000), /* no call for so long: closed */
      rpc_arg_int(GRPC_ARG_ALLOW_REUSEPORT, 0),             /* else a second collector shares the port in silence */
      rpc_arg_int(GRPC_ARG_MAX_METADATA_SIZE, 8192), rpc_arg_int(GRPC_ARG_ENABLE_CHANNELZ, 0),
      rpc_arg_int(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5000),
      /* The size limit is checked after inflating, so nothing is inflated. */
      rpc_arg_int(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1),
      rpc_arg_int(GRPC_ARG_HTTP2_BDP_PROBE, 0), /* else the window of a stalled stream grows to megabytes */
  };
  grpc_channel_args list = {TFDC_COUNT(args), args};
  return grpc_server_create(&list, NULL);
}

/* Binds and starts; the port that was bound, 0 = refused. The listener is linked in any case: its grpc_server must go
 * down in order. */
static uint16_t open_listener(struct rpc_server *s) {
  struct rpc_listener *l = calloc(1, sizeof *l);
  void **methods = calloc(s->o.n_methods, sizeof *methods);
  if (l == NULL || methods == NULL) {
    free(l);
    free(methods);
    return 0;
  }
  l->server = s;
  l->methods = methods;
  l->on_down = (struct rpc_tag){came_down, l};
  l->core = create_core(&s->o);
  for (uint32_t i = 0; i < s->n_queues; i++) grpc_server_register_completion_queue(l->core, s->queues[i].cq, NULL);
  for (size_t i = 0; i < s->o.n_methods; i++)
    methods[i] = grpc_server_register_method(
        l->core, s->o.methods[i].path, NULL,
        s->o.methods[i].one_request ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER : GRPC_SRM_PAYLOAD_NONE, 0);
  char address[TFDC_ADDRESS_BYTES];
  (void)tfdc_address_format(s->at.host[0] != '\0' ? s->at.host : "::", s->at.port, address);
  grpc_server_credentials *creds =
      s->tls == NULL ? grpc_insecure_server_credentials_create() : rpc_tls_server_credentials(s->tls);
  int port = creds == NULL ? 0 : grpc_server_add_http2_port(l->core, address, creds);
  grpc_server_credentials_release(creds);
  if (port > 0) grpc_server_start(l->core);
  (void)pthread_mutex_lock(&s->mtx);
  l->next = s->listeners;
  s->listeners = l;
  if (port == 0) {
    shut(l);
  } else {
    for (uint32_t i = 0; i < s->n_queues; i++) {
      for (size_t m = 0; m <= s->o.n_methods; m++) {
        for (int k = 0; k < ARMED; k++) rpc_call_arm(l, &s->queues[i], m);
      }
    }
  }
  (void)pthread_mutex_unlock(&s->mtx);
  return (uint16_t)port;
}

/* ---- the keeper ---- */
static int connect_to(const struct addrinfo *a) {
  int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS) return fd;
  (void)close(fd);
  return -2;
}

/* The address to knock at: the host, or loopback when it listens on all. */
static struct addrinfo *own_address(const struct rpc_server *s) {
  char port[8];
  (void)snprintf(port, sizeof port, "%u", (unsigned)s->at.port);
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
  return getaddrinfo(tfdc_address_near(&s->at), port, &hints, &list) == 0 ? list : NULL;
}

/* True when somebody accepts, or when that cannot be found out now. Closing our half makes the server hang up, with TLS
 * too; whatever comes back proves that it has seen us. */
static bool knock(const struct addrinfo *a) {
  int fd = connect_to(a);
  if (fd == -1) return true; /* no descriptor free: nothing is proven */
  if (fd == -2) return false;
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  bool alive = false;
  if (poll(&p, 1, KNOCK_MS) == 1 && (p.revents & (POLLERR | POLLHUP)) == 0) {
    (void)shutdown(fd, SHUT_WR);
    p.events = POLLIN;
    alive = poll(&p, 1, KNOCK_MS) == 1;
  }
  (void)close(fd);
  return alive;
}

static bool going_down(const struct rpc_server *s) { return s->stop || s->draining; }

static void wait_until(struct rpc_server *s, int64_t at_us) {
  struct timespec t = {.tv_sec = (time_t)(at_us / TFDC_US_PER_S), .tv_nsec = (long)(at_us % TFDC_US_PER_S) * 1000};
  if (at_us == TFDC_NEVER)
    (void)pthread_cond_wait(&s->changed, &s->mtx);
  else
    (void)pthread_cond_timedwait(&s->changed, &s->mtx, &t);
}

/* Holds mtx, and gives it up while it works. The port is free as soon as the old listener has closed its socket. */
static void relisten(struct rpc_server *s) {
  for (struct rpc_listener *l = s->listeners; l != NULL; l = l->next) shut(l);
  bool back = false;
  for (int i = 0; i < RELISTEN_TRIES && !back && !going_down(s); i++) {
    if (i > 0) wait_until(s, now_us() + RELISTEN_MS * TFDC_US_PER_MS);
    if (going_down(s)) break;
    (void)pthread_mutex_unlock(&s->mtx);
    back = open_listener(s) != 0;
    (void)pthread_mutex_lock(&s->mtx);
  }
  s->dead = !back;
  if (back) s->o.event(s->o.user, RPC_LISTENER_BACK, "listening again");
}

/* Holds mtx, and gives it up while it knocks. */
static void watch(struct rpc_server *s, const struct addrinfo *own) {
  if (!s->dead) {
    (void)pthread_mutex_unlock(&s->mtx);
    bool alive = own == NULL || knock(own);
    (void)pthread_mutex_lock(&s->mtx);
    s->misses = alive ? 0 : s->misses + 1;
    if (s->misses < MISSES) return;
    s->misses = 0;
    s->dead = true;
    s->o.event(s->o.user, RPC_LISTENER_DEAD, "nobody accepts on the own port: listening again");
  }
  relisten(s);
}

static bool all_down(const struct rpc_server *s) {
  for (const struct rpc_listener *l = s->listeners; l != NULL; l = l->next) {
    if (!l->down) return false;
  }
  return true;
}

/* Holds mtx. Returns when to look again. */
static int64_t run_drain(struct rpc_server *s) {
  if (all_down(s)) {
    void (*drained)(void *arg) = s->drained;
    s->drained = NULL;
    s->drain_done = true;
    (void)pthread_cond_broadcast(&s->changed);
    if (drained != NULL) drained(s->drained_arg); /* posts a task */
    return TFDC_NEVER;
  }
  if (!s->cancelled && now_us() >= s->drain_deadline_us) {
    s->cancelled = true;
    for (struct rpc_listener *l = s->listeners; l != NULL; l = l->next) {
      if (!l->down) grpc_server_cancel_all_calls(l->core);
    }
  }
  return s->cancelled ? TFDC_NEVER : s->drain_deadline_us;
}

static void *keeper_main(void *arg) {
  struct rpc_server *s = arg;
  int64_t every = s->o.watchdog_ms * TFDC_US_PER_MS;
  struct addrinfo *own = every > 0 ? own_address(s) : NULL;
  int64_t next = every > 0 ? now_us() + every : TFDC_NEVER;
  (void)pthread_mutex_lock(&s->mtx);
  while (!s->stop) {
    if (!s->draining && now_us() >= next) {
      watch(s, own);
      next = now_us() + every;
    }
    int64_t until = s->draining ? run_drain(s) : next;
    if (!s->stop) wait_until(s, until);
  }
  (void)pthread_mutex_unlock(&s->mtx);
  if (own != NULL) freeaddrinfo(own);
  return NULL;
}

/* ---- the server ---- */
static void *queue_main(void *arg) {
  struct rpc_queue *q = arg;
  for (;;) {
    grpc_event ev = grpc_completion_queue_next(q->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    if (ev.type == GRPC_QUEUE_SHUTDOWN) return NULL;
    struct rpc_tag *tag = ev.tag;
    if (ev.type == GRPC_OP_COMPLETE) tag->fn(tag->owner, ev.success != 0);
  }
}

static tfdc_rc open_queues(struct rpc_server *s) {
  uint32_t n = s->o.threads == 0 ? 1 : s->o.threads;
  s->queues = calloc(n, sizeof *s->queues);
  if (s->queues == NULL) return TFDC_E_NOMEM;
  for (; s->n_queues < n; s->n_queues++) {
    struct rpc_queue *q = &s->queues[s->n_queues];
    q->server = s;
    q->cq = grpc_completion_queue_create_for_next(NULL);
    TFDC_ASSERT(pthread_create(&q->thread, NULL, queue_main, q) == 0);
  }
  return TFDC_OK;
}

static void free_server(struct rpc_server *s) {
  for (uint32_t i = 0; i < s->n_queues; i++) grpc_completion_queue_shutdown(s->queues[i].cq);
  for (uint32_t i = 0; i < s->n_queues; i++) (void)pthread_join(s->queues[i].thread, NULL);
  while (s->listeners != NULL) {
    struct rpc_listener *l = s->listeners;
    s->listeners = l->next;
    grpc_server_destroy(l->core);
    free(l->methods);
    free(l);
  }
  for (uint32_t i = 0; i < s->n_queues; i++) grpc_completion_queue_destroy(s->queues[i].cq);
  free(s->queues);
  rpc_tls_destroy(s->tls);
  tfdc_map_deinit(&s->connections);
  (void)pthread_cond_destroy(&s->changed);
  (void)pthread_mutex_destroy(&s->mtx);
  free(s);
  grpc_shutdown();
}

/* Waits for the keeper to have seen every listener down, cancelling what is left. */
static void finish_drain(struct rpc_server *s) {
  rpc_server_drain(s, (tfdc_dur){0}, NULL, NULL);
  (void)pthread_mutex_lock(&s->mtx);
  s->drain_deadline_us = 0;
  (void)pthread_cond_broadcast(&s->changed);
  while (!s->drain_done) (void)pthread_cond_wait(&s->changed, &s->mtx);
  s->stop = true;
  (void)pthread_cond_broadcast(&s->changed);
  (void)pthread_mutex_unlock(&s->mtx);
  (void)pthread_join(s->keeper, NULL);
}

static struct rpc_server *alloc_server(const struct rpc_server_options *o) {
  struct rpc_server *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->o = *o;
  atomic_init(&s->drain_seen, false);
  (void)pthread_mutex_init(&s->mtx, NULL);
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&s->changed, &attr);
  (void)pthread_condattr_destroy(&attr);
  grpc_init();
  return s;
}

static tfdc_rc open_server(struct rpc_server *s, struct tfdc_error *err) {
  TFDC_TRY(tfdc_address_parse(s->o.address, &s->at, err));
  if (s->o.tls != NULL) TFDC_TRY(rpc_tls_server(&s->o, &s->tls, err));
  TFDC_TRY(open_queues(s));
  uint16_t port = open_listener(s);
  TFDC_ASSERT(pthread_create(&s->keeper, NULL, keeper_main, s) == 0);
  if (port == 0) {
    finish_drain(s);
    return tfdc_fail(err, TFDC_E_USAGE, "cannot listen on %s: the address is not of this machine or the port is in use",
                     s->o.address);
  }
  s->at.port = port;
  return TFDC_OK;
}

tfdc_rc rpc_server_create(const struct rpc_server_options *o, struct rpc_server **ret, struct tfdc_error *err) {
  struct rpc_server *s = alloc_server(o);
  if (s == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "gRPC server");
  tfdc_rc rc = open_server(s, err);
  if (rc != TFDC_OK) {
    free_server(s);
    return rc;
  }
  *ret = s;
  return TFDC_OK;
}

uint16_t rpc_server_port(const struct rpc_server *s) { return s->at.port; }

void rpc_server_drain(struct rpc_server *s, tfdc_dur limit, void (*drained)(void *arg), void *arg) {
  (void)pthread_mutex_lock(&s->mtx);
  if (!s->draining) {
    s->draining = true;
    s->drained = drained;
    s->drained_arg = arg;
    s->drain_deadline_us = now_us() + limit.us;
    atomic_store(&s->drain_seen, true);
    for (struct rpc_listener *l = s->listeners; l != NULL; l = l->next) shut(l);
    (void)pthread_cond_broadcast(&s->changed);
  }
  (void)pthread_mutex_unlock(&s->mtx);
  rpc_server_wake_all(s);
}

void rpc_server_destroy(struct rpc_server *s) {
  if (s == NULL) return;
  finish_drain(s);
  free_server(s);
}
