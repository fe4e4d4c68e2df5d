/* SPDX-License-Identifier: Apache-2.0 */
#include "app/client.h"

#include "app/cli.h"
#include "app/client_priv.h"
#include "base/hash.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX = 96, PATH_BYTES = 256, POLL_MS = 100, POLL_MOST_MS = 1000 };
/* Pages begin small and grow while their text is small, since what an item holds differs by a factor of thousands. */
enum { PAGE_FIRST = 25, PAGE_LEAST = 10, PAGE_MOST = 800 };
#define PAGE_SMALL_BYTES ((size_t)1 << 20)
#define PAGE_LARGE_BYTES ((size_t)4 << 20)

struct client {
  struct http_client *http;
  char *where;
  bool is_file;
  size_t answer_bytes; /* of the last one */
};

tfdc_rc client_create(struct http_client *http, const char *where, bool is_file, struct client **ret,
                      struct tfdc_error *err) {
  struct client *c = calloc(1, sizeof *c);
  char *copy = strdup(where);
  if (c == NULL || copy == NULL) {
    free(c);
    free(copy);
    return tfdc_fail(err, TFDC_E_NOMEM, "client");
  }
  *c = (struct client){.http = http, .where = copy, .is_file = is_file};
  *ret = c;
  return TFDC_OK;
}

void client_close(struct client *c) {
  if (c == NULL) return;
  c->http->ops->destroy(c->http);
  free(c->where);
  free(c);
}

const char *client_where(const struct client *c) { return c->where; }

bool client_is_file(const struct client *c) { return c->is_file; }

/* ---- one call ---- */

/* For a status without a body of ours: a proxy, another program. */
static tfdc_rc rc_of_status(int status) {
  switch (status) {
  case 401:
  case 403: return TFDC_E_AUTH;
  case 404: return TFDC_E_NOT_FOUND;
  case 413: return TFDC_E_LIMIT;
  case 429: return TFDC_E_BUSY;
  case 502:
  case 503:
  case 504: return TFDC_E_UNAVAILABLE;
  default: return status < 500 ? TFDC_E_USAGE : TFDC_E_INTERNAL;
  }
}

static const char *text_of(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

static tfdc_rc error_of(const struct client *c, int status, const json_t *body, struct tfdc_error *err) {
  const json_t *e = json_object_get(body, "error");
  const char *text = text_of(e, "text");
  tfdc_rc rc = TFDC_E_INTERNAL; /* of a newer release */
  (void)tfdc_rc_parse(text_of(e, "code"), &rc);
  if (text != NULL) return tfdc_fail(err, rc, "%s", text);
  return tfdc_fail(err, rc_of_status(status), "%s answers with HTTP status %d", c->where, status);
}

static tfdc_rc read_answer(const struct client *c, const struct http_response *a, json_t **ret,
                           struct tfdc_error *err) {
  json_error_t why;
  json_t *body = json_loadb((const char *)a->body.data, a->body.size, JSON_DISABLE_EOF_CHECK, &why);
  if (a->status >= 400) {
    tfdc_rc rc = error_of(c, a->status, body, err);
    json_decref(body);
    return rc;
  }
  if (body == NULL)
    return tfdc_fail(err, TFDC_E_MALFORMED, "%s does not answer as a tFDC does: %s", c->where, why.text);
  *ret = body;
  return TFDC_OK;
}

/* *ret: the answer, whatever it is; the caller deinits its body also after an error. */
static tfdc_rc exchange(struct client *c, const char *method, const char *path, const char *const *params,
                        const char *body, struct http_response *ret, struct tfdc_error *err) {
  struct http_param list[PARAMS_MAX];
  size_t n = 0;
  for (const char *const *p = params; p != NULL && *p != NULL; p += 2) {
    if (p[1] == NULL) continue;
    if (n == PARAMS_MAX) return tfdc_fail(err, TFDC_E_USAGE, "more than %d parameters", PARAMS_MAX);
    list[n++] = (struct http_param){p[0], p[1]};
  }
  struct http_request q = {.method = method,
                           .path = path,
                           .params = list,
                           .n_params = n,
                           .body = body != NULL ? body : "",
                           .body_n = body != NULL ? strlen(body) : 0};
  tfdc_rc rc = c->http->ops->call(c->http, &q, ret, err);
  c->answer_bytes = ret->body.size;
  return rc;
}

static tfdc_rc call(struct client *c, const char *method, const char *path, const char *const *params, const char *body,
                    json_t **ret, struct tfdc_error *err) {
  struct http_response a = {0};
  tfdc_rc rc = exchange(c, method, path, params, body, &a, err);
  if (rc == TFDC_OK) rc = read_answer(c, &a, ret, err);
  tfdc_buf_deinit(&a.body);
  return rc;
}

tfdc_rc client_get(struct client *c, const char *path, const char *const *params, json_t **ret_json,
                   struct tfdc_error *err) {
  return call(c, "GET", path, params, NULL, ret_json, err);
}

tfdc_rc client_get_text(struct client *c, const char *path, const char *const *params, struct tfdc_buf *ret,
                        struct tfdc_error *err) {
  struct http_response a = {0};
  json_t *body = NULL;
  tfdc_rc rc = exchange(c, "GET", path, params, NULL, &a, err);
  if (rc == TFDC_OK && a.status >= 400) rc = read_answer(c, &a, &body, err);
  if (rc == TFDC_OK) {
    tfdc_put(ret, a.body.data, a.body.size);
    tfdc_put_u8(ret, '\0');
    rc = tfdc_buf_status(ret);
    if (rc != TFDC_OK) (void)tfdc_fail(err, rc, "an answer of %zu bytes", a.body.size);
  }
  tfdc_buf_deinit(&a.body);
  json_decref(body);
  return rc;
}

tfdc_rc client_post(struct client *c, const char *path, const char *const *params, const char *body, json_t **ret_json,
                    struct tfdc_error *err) {
  return call(c, "POST", path, params, body, ret_json, err);
}

/* ---- jobs ---- */

/* Looks once. *ret_over: it ended well, *ret_json is its result. */
static tfdc_rc look_at_job(struct client *c, const char *path, struct cli_progress *progress, bool *ret_over,
                           json_t **ret_json, struct tfdc_error *err) {
  json_t *job = NULL;
  TFDC_TRY(client_get(c, path, NULL, &job, err));
  const char *state = text_of(job, "state"), *what = text_of(job, "what");
  tfdc_rc rc = TFDC_OK;
  if (state != NULL && strcmp(state, "done") == 0) {
    *ret_json = json_incref(json_object_get(job, "result"));
    *ret_over = true;
  } else if (state != NULL && strcmp(state, "failed") == 0) {
    rc = error_of(c, 500, job, err);
  } else {
    char noun[32];
    (void)snprintf(noun, sizeof noun, "%s", what != NULL ? what : "");
    progress->what = noun;
    cli_progress_update(progress, json_number_value(json_object_get(job, "done")),
                        json_number_value(json_object_get(job, "total")));
    progress->what = "";
  }
  json_decref(job);
  return rc;
}

tfdc_rc client_job(struct client *c, const char *path, const char *const *params, const char *body, json_t **ret_json,
                   struct tfdc_error *err) {
  json_t *started = NULL;
  TFDC_TRY(client_post(c, path, params, body, &started, err));
  char at[PATH_BYTES];
  const char *id = text_of(started, "job");
  (void)snprintf(at, sizeof at, "/api/v1/jobs/%.64s", id != NULL ? id : "");
  json_decref(started);
  struct cli_progress progress;
  cli_progress_begin(&progress, "");
  bool over = false;
  tfdc_rc rc = TFDC_OK;
  for (int pause = POLL_MS / 10; rc == TFDC_OK && !over; pause = pause < POLL_MOST_MS ? pause * 3 / 2 + 1 : pause) {
    rc = look_at_job(c, at, &progress, &over, ret_json, err);
    if (rc == TFDC_OK && !over) (void)poll(NULL, 0, pause);
  }
  cli_progress_end(&progress);
  return rc;
}

/* ---- lists ---- */

struct listing {
  const char *const *params;
  const char *member;
  size_t left; /* SIZE_MAX = all */
  size_t page;
  bool (*row)(void *user, json_t *item);
  void *user;
};

/* One page; *cursor is the next one's, "" after the last. */
static tfdc_rc one_page(struct client *c, const char *path, struct listing *l, char *cursor, size_t cursor_size,
                        struct tfdc_error *err) {
  const char *with[2 * PARAMS_MAX + 6];
  char limit[24];
  size_t n = 0;
  for (const char *const *p = l->params; p != NULL && *p != NULL && n < 2 * PARAMS_MAX; p += 2) {
    with[n++] = p[0];
    with[n++] = p[1];
  }
  (void)snprintf(limit, sizeof limit, "%zu", l->left < l->page ? l->left : l->page);
  const char *const paging[] = {"limit", limit, "cursor", cursor[0] != '\0' ? cursor : NULL, NULL};
  memcpy(&with[n], paging, sizeof paging);
  json_t *page = NULL;
  TFDC_TRY(client_get(c, path, with, &page, err));
  if (c->answer_bytes < PAGE_SMALL_BYTES && l->page < PAGE_MOST) l->page *= 2;
  if (c->answer_bytes > PAGE_LARGE_BYTES && l->page > PAGE_LEAST) l->page /= 2;
  const json_t *items = json_object_get(page, l->member);
  size_t count = json_array_size(items);
  bool more = true;
  for (size_t i = 0; i < count && more && l->left > 0; i++) {
    if (l->left != SIZE_MAX) l->left--;
    more = l->row(l->user, json_array_get(items, i));
  }
  const char *next = text_of(page, "cursor");
  if (!more || next == NULL || strlen(next) >= cursor_size) next = "";
  (void)snprintf(cursor, cursor_size, "%s", next);
  json_decref(page);
  return TFDC_OK;
}

tfdc_rc client_list(struct client *c, const char *path, const char *const *params, const char *member, size_t limit,
                    bool (*row)(void *user, json_t *item), void *user, struct tfdc_error *err) {
  struct listing l = {params, member, limit == 0 ? SIZE_MAX : limit, PAGE_FIRST, row, user};
  char cursor[512] = "";
  do TFDC_TRY(one_page(c, path, &l, cursor, sizeof cursor, err));
  while (cursor[0] != '\0' && l.left > 0);
  return TFDC_OK;
}
