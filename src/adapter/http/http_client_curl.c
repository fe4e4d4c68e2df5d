/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/http/http_client_curl.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { CONNECT_TIMEOUT_MS = 5000, URL_MAX = 64 << 10 };
#define RESPONSE_MAX ((size_t)256 << 20)

struct client {
  struct http_client port; /* first */
  CURL *curl;
  char *base; /* without a slash at its end */
  struct curl_slist *headers;
  char *bearer; /* "Authorization: Bearer ...", or NULL */
  long timeout_ms;
  char why[CURL_ERROR_SIZE];
};

/* ---- the URL ---- */

static void put_escaped(struct tfdc_buf *out, const char *s, bool path) {
  for (; *s != '\0'; s++) {
    unsigned char c = (unsigned char)*s;
    bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c) != NULL;
    if (plain || (path && c == '/'))
      tfdc_put_u8(out, c);
    else
      tfdc_put_fmt(out, "%%%02X", c);
  }
}

/* NUL-terminated. */
static void put_url(struct tfdc_buf *out, const struct client *c, const struct http_request *q) {
  tfdc_put(out, c->base, strlen(c->base));
  put_escaped(out, q->path, true);
  for (size_t i = 0; i < q->n_params; i++) {
    tfdc_put_u8(out, i == 0 ? '?' : '&');
    put_escaped(out, q->params[i].name, false);
    tfdc_put_u8(out, '=');
    put_escaped(out, q->params[i].value, false);
  }
  tfdc_put_u8(out, 0);
}

/* ---- a call ---- */

static size_t on_data(char *data, size_t size, size_t n, void *user) {
  struct tfdc_buf *out = user;
  tfdc_put(out, data, size * n);
  return out->failed ? 0 : size * n;
}

static void set_method(struct client *c, const struct http_request *q) {
  if (strcmp(q->method, "GET") == 0) {
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    return;
  }
  (void)curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
  (void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, q->method);
  (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, q->body != NULL ? q->body : "");
  (void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_n);
}

/* A proxy of the environment is for other hosts than this one. */
static bool is_this_host(const char *base) {
  const char *host = strstr(base, "://") + 3;
  return strncasecmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0;
}

static void set_options(struct client *c, const char *url, struct tfdc_buf *body) {
  (void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
  (void)curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  (void)curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L);
  (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
  (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, c->timeout_ms);
  (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->why);
  (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_data);
  (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, body);
  (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
  if (is_this_host(c->base)) (void)curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
}

static tfdc_rc fail(const struct client *c, CURLcode code, const struct tfdc_buf *body, struct tfdc_error *err) {
  const char *why = c->why[0] != '\0' ? c->why : curl_easy_strerror(code);
  if (body->failed && body->size + CURL_MAX_WRITE_SIZE > RESPONSE_MAX)
    return tfdc_fail(err, TFDC_E_LIMIT, "%s: an answer above %zu MiB", c->base, RESPONSE_MAX >> 20);
  if (code == CURLE_OUT_OF_MEMORY || body->failed) return tfdc_fail(err, TFDC_E_NOMEM, "%s: out of memory", c->base);
  if (code == CURLE_OPERATION_TIMEDOUT) return tfdc_fail(err, TFDC_E_TIMEOUT, "%s: %s", c->base, why);
  return tfdc_fail(err, TFDC_E_UNAVAILABLE, "%s: %s", c->base, why);
}

static tfdc_rc take_status(struct client *c, long *ret, struct tfdc_error *err) {
  char *to = NULL;
  (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, ret);
  (void)curl_easy_getinfo(c->curl, CURLINFO_REDIRECT_URL, &to);
  if (*ret < 300 || *ret >= 400) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_UNAVAILABLE, "%s: moved to %.200s (status %ld); ask there", c->base,
                   to != NULL ? to : "another place", *ret);
}

static tfdc_rc call(struct http_client *port, const struct http_request *q, struct http_response *ret,
                    struct tfdc_error *err) {
  struct client *c = (struct client *)port;
  struct tfdc_buf url = {.limit = URL_MAX}, body = {.limit = RESPONSE_MAX};
  put_url(&url, c, q);
  tfdc_rc rc = tfdc_buf_status(&url);
  if (rc != TFDC_OK) {
    tfdc_buf_deinit(&url);
    return tfdc_fail(err, rc, "%s: the request line would be too long", c->base);
  }
  curl_easy_reset(c->curl); /* keeps connections */
  c->why[0] = '\0';
  set_options(c, (const char *)url.data, &body);
  set_method(c, q);
  CURLcode code = curl_easy_perform(c->curl);
  long status = 0;
  rc = code == CURLE_OK ? take_status(c, &status, err) : fail(c, code, &body, err);
  tfdc_buf_deinit(&url);
  if (rc != TFDC_OK) {
    tfdc_buf_deinit(&body);
    return rc;
  }
  *ret = (struct http_response){.status = (int)status, .body = body};
  return TFDC_OK;
}

/* ---- life ---- */

static void destroy(struct http_client *port) {
  struct client *c = (struct client *)port;
  if (c == NULL) return;
  curl_slist_free_all(c->headers);
  if (c->curl != NULL) curl_easy_cleanup(c->curl);
  free(c->base);
  free(c->bearer);
  free(c);
  curl_global_cleanup(); /* counted, and safe from several threads since libcurl 7.84 */
}

static const struct http_client_ops ops = {.call = call, .destroy = destroy};

static tfdc_rc check_url(const char *url, struct tfdc_error *err) {
  const char *host = strstr(url, "://");
  bool ok = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
  if (ok && host[3] != '\0' && host[3] != '/' && strlen(url) < 2048 && strpbrk(url, "?# \t\r\n") == NULL)
    return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "\"%.200s\" is not a URL like http://host:8080", url);
}

/* False when out of memory. */
static bool add_header(struct client *c, const char *line) {
  struct curl_slist *more = curl_slist_append(c->headers, line);
  if (more != NULL) c->headers = more;
  return more != NULL;
}

static bool init(struct client *c, const char *base_url, const char *token) {
  c->base = strdup(base_url);
  c->curl = curl_easy_init();
  if (c->base == NULL || c->curl == NULL) return false;
  for (size_t n = strlen(c->base); n > 0 && c->base[n - 1] == '/'; n--) c->base[n - 1] = '\0';
  if (!add_header(c, "Expect:") || !add_header(c, "Content-Type: application/octet-stream")) return false;
  if (token == NULL || token[0] == '\0') return true;
  size_t n = strlen(token) + 32;
  c->bearer = malloc(n);
  if (c->bearer == NULL) return false;
  (void)snprintf(c->bearer, n, "Authorization: Bearer %s", token);
  return add_header(c, c->bearer);
}

tfdc_rc http_client_curl_create(const char *base_url, const char *token, uint32_t timeout_ms, struct http_client **ret,
                                struct tfdc_error *err) {
  TFDC_TRY(check_url(base_url, err));
  if (token != NULL && strpbrk(token, "\r\n") != NULL)
    return tfdc_fail(err, TFDC_E_USAGE, "the token has a line break in it");
  struct client *c = calloc(1, sizeof *c);
  if (c == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "HTTP client");
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    free(c);
    return tfdc_fail(err, TFDC_E_NOMEM, "HTTP client: libcurl did not start");
  }
  c->port.ops = &ops;
  c->timeout_ms = timeout_ms > 0 ? (long)timeout_ms : 300000;
  if (!init(c, base_url, token)) {
    destroy(&c->port);
    return tfdc_fail(err, TFDC_E_NOMEM, "HTTP client");
  }
  *ret = &c->port;
  return TFDC_OK;
}
