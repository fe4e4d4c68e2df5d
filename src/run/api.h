/* SPDX-License-Identifier: Apache-2.0
 * The HTTP API (api_routes.c) over the ports: what `tfdc dev` and the gateway serve, and what the command line uses
 * in its own process when none runs (`--data FILE`). Handlers block on the store; they run on the threads of whoever
 * calls, several at once. */
#ifndef RUN_API_H
#define RUN_API_H

#include "port/http.h"
#include "port/metrics.h"
#include "run/await.h"

/* What the process says of itself; every function may be NULL. Any thread. */
struct api_process {
  void *user;
  void (*metrics)(void *user, struct tfdc_buf *out);         /* Prometheus text */
  bool (*ready)(void *user, struct tfdc_buf *why_not);       /* text of a line or more when false */
  void (*status)(void *user, struct tfdc_buf *json_members); /* "\"role\": \"dev\", ..." without braces */
};
struct api_options {
  struct port *store;
  struct port *publish;         /* NULL: re-judging answers UNAVAILABLE */
  struct port *workqueue;       /* paces re-judging; NULL = it is not paced */
  struct port *kv;              /* NULL: nobody has to be told of new definitions */
  struct port_metrics *metrics; /* or NULL */
  struct port_clock *clock;
  struct await *await;
  struct api_process process;
};

struct api;
/* options is copied; what it points to must outlive the api. NOMEM. */
TFDC_MUST_USE tfdc_rc api_create(const struct api_options *options, struct api **ret, struct tfdc_error *err);
/* Stops jobs under way and waits for them. When no handler runs. NULL ok. */
void api_destroy(struct api *a);
struct http_handler *api_handler(struct api *a);

#endif
