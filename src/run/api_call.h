/* SPDX-License-Identifier: Apache-2.0
 * What the handlers of the HTTP API share: the call, its parameters, the store, and the table of routes. Internal to
 * run/api*. */
#ifndef RUN_API_CALL_H
#define RUN_API_CALL_H

#include "base/arena.h"
#include "model/json_out.h"
#include "port/store.h"
#include "run/api.h"

struct api_call {
  struct api *api;
  const struct api_options *o;
  const struct http_request *q;
  struct http_response *ret; /* 200 and JSON unless the handler says otherwise */
  const char *id;            /* what stands for {id} in the path, or NULL */
  struct tfdc_arena mem;     /* freed when the call is over */
  struct tfdc_error err;
};

/* A handler fills c->ret->body and returns OK, or returns the error with its text in c->err: then the body is replaced
 * by the JSON of the error. */
struct api_route {
  const char *method, *path; /* "GET", "/api/v1/runs/{id}" */
  tfdc_rc (*handle)(struct api_call *c);
  const char *params; /* names that may be given, separated by blanks; others are refused with the nearest name. With a
                         '*' behind it a name may be given several times */
  bool writes;        /* needs http_request.may_write */
  const char *help;
};
const struct api_route *api_route_at(size_t index); /* NULL after the last */

int64_t api_now_us(const struct api *a);

/* --- parameters: empty and absent are the same; a bad value is USAGE with the parameter's name in c->err --- */
const char *api_param(const struct api_call *c, const char *name); /* NULL = not given */
/* All values of a name that may be given several times: a list in c->mem; *ret_n 0 = not given. LIMIT, NOMEM. */
TFDC_MUST_USE tfdc_rc api_param_all(struct api_call *c, const char *name, const char *const **ret, size_t *ret_n);
/* USAGE unless it is given. */
TFDC_MUST_USE tfdc_rc api_param_need(struct api_call *c, const char *name, const char **ret);
TFDC_MUST_USE tfdc_rc api_param_int(struct api_call *c, const char *name, int64_t min, int64_t max, int64_t *ret);
TFDC_MUST_USE tfdc_rc api_param_flag(struct api_call *c, const char *name, bool *ret); /* 1, true, 0, false */
TFDC_MUST_USE tfdc_rc api_param_real(struct api_call *c, const char *name, double min, double max, double *ret);
/* The names that api_filter and api_page take, for a route's params. */
#define API_FILTER_PARAMS "tool chamber recipe lot wafer product verdict state from to newest"
#define API_PAGE_PARAMS   "limit cursor"
TFDC_MUST_USE tfdc_rc api_param_filter(struct api_call *c, struct store_filter *ret);
TFDC_MUST_USE tfdc_rc api_param_page(struct api_call *c, struct store_req *r);
/* c->id as an id of 32 hex digits. */
TFDC_MUST_USE tfdc_rc api_param_id(struct api_call *c, struct tfdc_id128 *ret);

/* Blocks for one request of the store; its error goes to err. The caller releases r with port_req_deinit. */
TFDC_MUST_USE tfdc_rc api_store(const struct api *a, struct store_req *r, struct tfdc_error *err);
static inline void api_store_deinit(struct store_req *r) { port_req_deinit(&r->base); }
/* Gives the runs that the filter takes to page(), in run order, a page at a time, until it fails. */
TFDC_MUST_USE tfdc_rc api_each_page(const struct api *a, const struct store_filter *filter,
                                    tfdc_rc (*page)(void *user, const struct store_req *r, struct tfdc_error *err),
                                    void *user, struct tfdc_error *err);
/* Asks for the verdict of each run of a list (STORE_CONTEXT_LIST), several at once: requests that are over, one a run,
 * in mem. NOMEM. */
TFDC_MUST_USE tfdc_rc api_verdicts(const struct api *a, const struct store_req *list, struct tfdc_arena *mem,
                                   struct store_req **ret);
void api_verdicts_deinit(struct store_req *verdicts, const struct store_req *list); /* NULL ok */

/* {"v":1,"job":"ID"} */
void api_put_job(struct api_call *c, struct tfdc_id128 job);

#endif
