/* SPDX-License-Identifier: Apache-2.0
 * Which way to the API. */
#include "adapter/http/http_client_curl.h"
#include "app/client_priv.h"
#include "base/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_MS = 3000, URL_MAX_BYTES = 512 };

/* Where a server that listens at `listen` is reached from this host. False where it can't be known: the port is 0. */
static bool url_of(const char *listen, char *ret, size_t size) {
  struct tfdc_address a;
  char text[TFDC_ADDRESS_BYTES];
  if (tfdc_address_parse(listen, &a, NULL) != TFDC_OK || a.port == 0) return false;
  return (size_t)snprintf(ret, size, "http://%s", tfdc_address_format(tfdc_address_near(&a), a.port, text)) < size;
}

static tfdc_rc connect_to(const char *url, const struct app_config *config, uint32_t timeout_ms,
                          struct http_client **ret, struct tfdc_error *err) {
  return http_client_curl_create(url, app_config_text(config, APP_CONFIG_HTTP_TOKEN), timeout_ms, ret, err);
}

/* Does a tFDC answer there? */
static bool answers(const char *url, const struct app_config *config) {
  struct http_client *probe = NULL;
  if (connect_to(url, config, PROBE_MS, &probe, NULL) != TFDC_OK) return false;
  struct http_request q = {.method = "GET", .path = "/health/live", .body = ""};
  struct http_response a = {0};
  bool yes = probe->ops->call(probe, &q, &a, NULL) == TFDC_OK && a.status == 200;
  tfdc_buf_deinit(&a.body);
  probe->ops->destroy(probe);
  return yes;
}

/* A file that was named on the command line is meant, unless the system that answers works on that very file. */
static bool works_on(struct client *c, const char *path) {
  json_t *status = NULL;
  if (client_get(c, "/api/v1/status", NULL, &status, NULL) != TFDC_OK) return true;
  const char *theirs = json_string_value(json_object_get(status, "data"));
  char *a = theirs != NULL ? realpath(theirs, NULL) : NULL, *b = realpath(path, NULL);
  bool same = theirs == NULL || (a != NULL && b != NULL && strcmp(a, b) == 0);
  free(a);
  free(b);
  json_decref(status);
  return same;
}

static tfdc_rc open_server(const char *url, const struct app_config *config, struct client **ret,
                           struct tfdc_error *err) {
  struct http_client *http = NULL;
  TFDC_TRY(connect_to(url, config, 0, &http, err));
  tfdc_rc rc = client_create(http, url, false, ret, err);
  if (rc != TFDC_OK) http->ops->destroy(http);
  return rc;
}

static tfdc_rc open_file(const char *path, const char *url, struct client **ret, struct tfdc_error *err) {
  struct http_client *http = NULL;
  tfdc_rc rc = client_local_open(path, &http, err);
  if (rc == TFDC_E_UNAVAILABLE)
    return tfdc_fail(err, rc,
                     "nobody answers at %s and there is no file %s: start `tfdc dev`, or name a running system with "
                     "--server URL or a file with --data FILE",
                     url, path);
  if (rc != TFDC_OK) return rc;
  rc = client_create(http, path, true, ret, err);
  if (rc != TFDC_OK) http->ops->destroy(http);
  return rc;
}

tfdc_rc client_open(const struct client_args *args, const struct app_config *config, struct client **ret,
                    struct tfdc_error *err) {
  char url[URL_MAX_BYTES];
  if (args->server != NULL) {
    const char *scheme = strstr(args->server, "://") == NULL ? "http://" : "";
    if ((size_t)snprintf(url, sizeof url, "%s%s", scheme, args->server) >= sizeof url)
      return tfdc_fail(err, TFDC_E_USAGE, "--server: the URL is too long");
    return open_server(url, config, ret, err);
  }
  const char *path = app_config_text(config, APP_CONFIG_DATA),
             *listen = app_config_text(config, APP_CONFIG_HTTP_LISTEN);
  bool known = url_of(listen, url, sizeof url);
  if (!known || !answers(url, config)) return open_file(path, known ? url : listen, ret, err);
  struct client *c = NULL;
  TFDC_TRY(open_server(url, config, &c, err));
  if (config->values[APP_CONFIG_DATA].source == APP_CONFIG_FLAG && !works_on(c, path)) {
    client_close(c);
    return open_file(path, url, ret, err);
  }
  *ret = c;
  return TFDC_OK;
}
