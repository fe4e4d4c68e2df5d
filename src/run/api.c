/* SPDX-License-Identifier: Apache-2.0
 * From a request to its route, and from an error to its answer. */
#include "run/api.h"

#include "base/text.h"
#include "model/metric_list.h"
#include "run/api_handlers.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALL_MEMORY_MAX = 1 << 30, NAME_MAX_BYTES = 65, RUNS_OF_PAGE = 500 };

int64_t api_now_us(const struct api *a) { return port_wall(a->options.clock).us; }

tfdc_rc api_store(const struct api *a, struct store_req *r, struct tfdc_error *err) {
  tfdc_rc rc = await_call(a->options.await, a->options.store, &r->base);
  return rc == TFDC_OK ? rc : tfdc_fail(err, rc, "%s", r->base.err.msg[0] ? r->base.err.msg : tfdc_rc_text(rc));
}

tfdc_rc api_verdicts(const struct api *a, const struct store_req *list, struct tfdc_arena *mem,
                     struct store_req **ret) {
  struct store_req *verdicts = tfdc_arena_array(mem, list->n, sizeof *verdicts);
  struct port_req **all = tfdc_arena_array(mem, list->n, sizeof(struct port_req *));
  if (verdicts == NULL || all == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < list->n; i++) {
    store_req_init(&verdicts[i], STORE_VERDICT_GET);
    verdicts[i].id = list->contexts[i].context_id;
    all[i] = &verdicts[i].base;
  }
  await_call_all(a->options.await, a->options.store, all, list->n);
  *ret = verdicts;
  return TFDC_OK;
}

void api_verdicts_deinit(struct store_req *verdicts, const struct store_req *list) {
  for (size_t i = 0; verdicts != NULL && i < list->n; i++) api_store_deinit(&verdicts[i]);
}

tfdc_rc api_each_page(const struct api *a, const struct store_filter *filter,
                      tfdc_rc (*page)(void *user, const struct store_req *r, struct tfdc_error *err), void *user,
                      struct tfdc_error *err) {
  TFDC_AUTO(tfdc_arena_deinit) struct tfdc_arena mem = {0};
  const char *cursor = NULL;
  do {
    TFDC_AUTO(api_store_deinit) struct store_req r;
    store_req_init(&r, STORE_CONTEXT_LIST);
    r.filter = *filter;
    r.page.limit = RUNS_OF_PAGE;
    r.page.cursor = cursor;
    TFDC_TRY(api_store(a, &r, err));
    TFDC_TRY(page(user, &r, err));
    cursor = r.ret_cursor == NULL ? NULL : tfdc_arena_strdup(&mem, r.ret_cursor);
    if (cursor == NULL && r.ret_cursor != NULL) return tfdc_fail(err, TFDC_E_NOMEM, "runs");
  } while (cursor != NULL);
  return TFDC_OK;
}

/* ---- routes ---- */

/* Does the path fit? "{id}" stands for one segment that is not empty: *ret_id, ret_id_n long. */
static bool path_fits(const char *pattern, const char *path, const char **ret_id, size_t *ret_id_n) {
  while (*pattern != '\0') {
    if (*pattern != '{') {
      if (*pattern++ != *path++) return false;
      continue;
    }
    size_t n = strcspn(path, "/");
    if (n == 0) return false;
    *ret_id = path;
    *ret_id_n = n;
    path += n;
    pattern = strchr(pattern, '}') + 1;
  }
  return *path == '\0';
}

static tfdc_rc find_route(struct api_call *c, const struct api_route **ret) {
  const struct api_route *route;
  bool path_known = false;
  for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
    const char *id = NULL;
    size_t id_n = 0;
    if (!path_fits(route->path, c->q->path, &id, &id_n)) continue;
    path_known = true;
    if (strcmp(route->method, c->q->method) != 0) continue;
    c->id = id == NULL ? NULL : tfdc_arena_strndup(&c->mem, id, id_n);
    if (id != NULL && c->id == NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "out of memory");
    *ret = route;
    return TFDC_OK;
  }
  if (!path_known) return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "no such path: %.200s", c->q->path);
  c->ret->status = 405;
  return tfdc_fail(&c->err, TFDC_E_USAGE, "%s is not allowed for %.200s", c->q->method, c->q->path);
}

/* The parameter's names of a route are few and short. Is `name` one of them? Else *nearest is the one most like it. */
static bool is_param(const char *params, const char *name, bool *ret_several, char nearest[NAME_MAX_BYTES]) {
  size_t best = 4; /* farther than this is another word */
  nearest[0] = '\0';
  while (*params != '\0') {
    char one[NAME_MAX_BYTES];
    size_t n = strcspn(params, " *");
    (void)snprintf(one, sizeof one, "%.*s", (int)n, params);
    params += n;
    *ret_several = *params == '*';
    if (strcmp(one, name) == 0) return true;
    size_t far = tfdc_distance(one, name);
    if (far < best) {
      best = far;
      memcpy(nearest, one, sizeof one);
    }
    params += strspn(params, "* ");
  }
  return false;
}

static tfdc_rc check_params(struct api_call *c, const struct api_route *route) {
  for (size_t i = 0; i < c->q->n_params; i++) {
    char nearest[NAME_MAX_BYTES];
    const char *name = c->q->params[i].name;
    bool several = false;
    if (is_param(route->params, name, &several, nearest)) {
      for (size_t k = 0; k < i && !several; k++)
        if (strcmp(c->q->params[k].name, name) == 0)
          return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter %s is given twice", name);
      continue;
    }
    if (nearest[0] != '\0')
      return tfdc_fail(&c->err, TFDC_E_USAGE, "unknown parameter \"%.64s\"; the nearest is \"%s\"", name, nearest);
    if (route->params[0] == '\0')
      return tfdc_fail(&c->err, TFDC_E_USAGE, "unknown parameter \"%.64s\"; this path takes none", name);
    return tfdc_fail(&c->err, TFDC_E_USAGE, "unknown parameter \"%.64s\"; there are: %s", name, route->params);
  }
  return TFDC_OK;
}

static tfdc_rc answer(struct api_call *c, const struct api_route **route) {
  TFDC_TRY(find_route(c, route));
  if ((*route)->writes && !c->q->may_write)
    return tfdc_fail(&c->err, TFDC_E_AUTH,
                     "this changes things: send the token of the server (http.token); without one, ask from its host");
  TFDC_TRY(check_params(c, *route));
  TFDC_TRY((*route)->handle(c));
  tfdc_rc rc = tfdc_buf_status(&c->ret->body);
  return rc == TFDC_OK ? rc : tfdc_fail(&c->err, rc, "the answer is too large: ask for fewer rows");
}

static void put_error(struct api_call *c, tfdc_rc rc) {
  struct tfdc_error *e = &c->err;
  if (e->code != rc) (void)tfdc_fail(e, rc, "%s", tfdc_rc_text(rc));
  if (c->ret->status < 400) c->ret->status = tfdc_rc_http(rc);
  tfdc_buf_deinit(&c->ret->body);
  c->ret->body = (struct tfdc_buf){0};
  c->ret->type = NULL;
  struct model_json j = model_json_on(&c->ret->body);
  model_json_open(&j, NULL, '{');
  model_json_error(&j, e->code, e);
  model_json_close(&j, '}');
}

static void count(const struct api *a, const struct api_route *route, int status, int64_t took_us) {
  struct port_metrics *m = a->options.metrics;
  if (m == NULL) return;
  char code[16];
  (void)snprintf(code, sizeof code, "%d", status);
  const char *path = route != NULL ? route->path : "none";
  m->ops->add(m, MODEL_METRIC_HTTP_REQUESTS, (const char *const[3]){path, code, NULL}, 1);
  metrics_observe(m, MODEL_METRIC_HTTP_LATENCY, path, (double)took_us / (double)TFDC_US_PER_S);
}

static void handle(struct http_handler *h, const struct http_request *q, struct http_response *ret) {
  struct api *a = (struct api *)h;
  int64_t began = port_mono(a->options.clock).us;
  struct api_call c = {.api = a, .o = &a->options, .q = q, .ret = ret, .mem = {.limit = CALL_MEMORY_MAX}};
  const struct api_route *route = NULL;
  ret->status = 200;
  tfdc_rc rc = answer(&c, &route);
  if (rc != TFDC_OK) put_error(&c, rc);
  tfdc_arena_deinit(&c.mem);
  count(a, route, ret->status, port_mono(a->options.clock).us - began);
}

/* ---- the object ---- */

tfdc_rc api_create(const struct api_options *options, struct api **ret, struct tfdc_error *err) {
  struct api *a = calloc(1, sizeof *a);
  if (a == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "api");
  a->handler.handle = handle;
  a->options = *options;
  (void)pthread_mutex_init(&a->publish, NULL);
  tfdc_rc rc = api_jobs_create(&a->jobs);
  if (rc != TFDC_OK) {
    api_destroy(a);
    return tfdc_fail(err, rc, "api: jobs");
  }
  *ret = a;
  return TFDC_OK;
}

void api_destroy(struct api *a) {
  if (a == NULL) return;
  api_jobs_destroy(a->jobs);
  (void)pthread_mutex_destroy(&a->publish);
  free(a);
}

struct http_handler *api_handler(struct api *a) {
  return &a->handler;
}
