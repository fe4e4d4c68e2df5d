/* SPDX-License-Identifier: Apache-2.0 */
#include "run/loop_uv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct loop_uv {
  struct port_loop port; /* first: a port_loop of this kind is a loop_uv */
  uv_loop_t uv;
  uv_async_t wake;
  pthread_t thread;
  /* lock */
  pthread_mutex_t lock;
  struct port_task *head, *tail;
  bool stopping;
  /* the loop's thread */
  bool ending; /* all handles are closed: only work on the pool and what it posts is waited for, timers are dropped */
};

static struct loop_uv *of(struct port_loop *l) { return (struct loop_uv *)l; }

static void on_timer_closed(uv_handle_t *handle) { free(handle); }

static void post(struct port_loop *port, struct port_task *t) {
  struct loop_uv *l = of(port);
  t->next = NULL;
  pthread_mutex_lock(&l->lock);
  bool first = l->head == NULL;
  if (first)
    l->head = t;
  else
    l->tail->next = t;
  l->tail = t;
  if (first) (void)uv_async_send(&l->wake); /* under the lock: the loop may be freed once it has run the task */
  pthread_mutex_unlock(&l->lock);
}

/* False: there were none. */
static bool run_tasks(struct loop_uv *l) {
  pthread_mutex_lock(&l->lock);
  struct port_task *t = l->head;
  l->head = l->tail = NULL;
  pthread_mutex_unlock(&l->lock);
  bool some = t != NULL;
  while (t != NULL) {
    struct port_task *next = t->next;
    t->fn(t);
    t = next;
  }
  return some;
}

/* Timers that nobody forgot do not outlive the loop. */
static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (uv_is_closing(handle)) return;
  uv_close(handle, handle->type == UV_TIMER ? on_timer_closed : NULL);
}

static void on_wake(uv_async_t *wake) {
  struct loop_uv *l = wake->data;
  (void)run_tasks(l);
  pthread_mutex_lock(&l->lock);
  l->ending = l->stopping && l->head == NULL;
  pthread_mutex_unlock(&l->lock);
  if (l->ending) uv_walk(&l->uv, close_handle, NULL);
}

/* ---- timers ---- */

static void on_timer(uv_timer_t *handle);

/* libuv counts from the start of its turn, in whole milliseconds cut off: that may be early. */
static void start_timer(const struct loop_uv *l, uv_timer_t *handle, tfdc_mono deadline) {
  int64_t left = deadline.us - port_mono(l->port.clock).us;
  (void)uv_timer_start(handle, on_timer, left <= 0 ? 0 : ((uint64_t)left + 999) / 1000, 0);
}

static void on_timer(uv_timer_t *handle) {
  struct port_timer *t = handle->data;
  const struct loop_uv *l = handle->loop->data;
  if (port_mono(l->port.clock).us < t->deadline.us) {
    start_timer(l, handle, t->deadline);
    return;
  }
  t->armed = false;
  t->fn(t);
}

static void arm(struct port_loop *port, struct port_timer *t, tfdc_mono deadline) {
  struct loop_uv *l = of(port);
  t->deadline = deadline;
  if (deadline.us == TFDC_NEVER || l->ending) {
    if (t->impl != NULL && !l->ending) (void)uv_timer_stop(t->impl);
    t->armed = false;
    return;
  }
  if (t->impl == NULL) {
    uv_timer_t *handle = malloc(sizeof *handle);
    TFDC_ASSERT(handle != NULL && uv_timer_init(&l->uv, handle) == 0);
    handle->data = t;
    t->impl = handle;
  }
  uv_update_time(&l->uv);
  start_timer(l, t->impl, deadline);
  t->armed = true;
}

static void forget(struct port_loop *port, struct port_timer *t) {
  if (t->impl != NULL && !of(port)->ending) uv_close(t->impl, on_timer_closed);
  t->impl = NULL;
  t->armed = false;
}

/* ---- work ---- */

static void on_work(uv_work_t *req) {
  struct port_work *w = req->data;
  w->run(w);
}

static void on_work_done(uv_work_t *req, int status) {
  (void)status;
  struct port_work *w = req->data;
  free(req);
  w->done(w);
}

static void work(struct port_loop *port, struct port_work *w) {
  uv_work_t *req = malloc(sizeof *req);
  TFDC_ASSERT(req != NULL);
  req->data = w;
  w->loop = port;
  TFDC_ASSERT(uv_queue_work(&of(port)->uv, req, on_work, on_work_done) == 0);
}

static const struct port_loop_ops ops = {post, arm, forget, work};

/* ---- life ---- */

static void *thread_main(void *arg) {
  struct loop_uv *l = arg;
  bool more = true;
  while (more) {
    (void)uv_run(&l->uv, UV_RUN_DEFAULT); /* ends when the handles are closed and the pool has nothing of this loop */
    more = run_tasks(l);
  }
  return NULL;
}

tfdc_rc loop_uv_start(struct port_clock *clock, const char *name, struct loop_uv **ret, struct tfdc_error *err) {
  struct loop_uv *l = calloc(1, sizeof *l);
  if (l == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "loop %s", name);
  l->port = (struct port_loop){&ops, clock};
  int rc = uv_loop_init(&l->uv);
  if (rc != 0) {
    free(l);
    return tfdc_fail(err, TFDC_E_IO, "loop %s: %s", name, uv_strerror(rc));
  }
  (void)pthread_mutex_init(&l->lock, NULL);
  l->uv.data = l;
  rc = uv_async_init(&l->uv, &l->wake, on_wake);
  l->wake.data = l;
  if (rc == 0) rc = pthread_create(&l->thread, NULL, thread_main, l) == 0 ? 0 : UV_EAGAIN;
  if (rc != 0) {
    (void)uv_loop_close(&l->uv);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    return tfdc_fail(err, TFDC_E_IO, "loop %s: %s", name, uv_strerror(rc));
  }
  *ret = l;
  return TFDC_OK;
}

struct port_loop *loop_uv_port(struct loop_uv *l) {
  return &l->port;
}

void loop_uv_stop(struct loop_uv *l) {
  if (l == NULL) return;
  pthread_mutex_lock(&l->lock);
  l->stopping = true;
  (void)uv_async_send(&l->wake);
  pthread_mutex_unlock(&l->lock);
  (void)pthread_join(l->thread, NULL);
  (void)uv_loop_close(&l->uv);
  (void)pthread_mutex_destroy(&l->lock);
  free(l);
}
