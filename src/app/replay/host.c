/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay/host.h"

#include "app/json_get.h"
#include "base/address.h"

#include <stdio.h>
#include <unistd.h>

static tfdc_wall wall(void *clock) { return port_wall(clock); }

static bool is_url(const char *where) { return strstr(where, "://") != NULL; }

/* ---- a system of our own ---- */

static tfdc_rc set_unless_flag(struct app_config *config, enum app_config_id id, const char *text,
                               struct tfdc_error *err) {
  if (config->values[id].source == APP_CONFIG_FLAG) return TFDC_OK;
  return app_config_set(config, app_config_row(id)->key, text, APP_CONFIG_FLAG, "tfdc replay", err);
}

/* Only this process connects to it, and the ports that are configured may be those of a system that is to come. */
static tfdc_rc make_private(struct app_config *config, struct tfdc_error *err) {
  TFDC_TRY(set_unless_flag(config, APP_CONFIG_INGEST_LISTEN, "127.0.0.1:0", err));
  TFDC_TRY(set_unless_flag(config, APP_CONFIG_HTTP_LISTEN, "127.0.0.1:0", err));
  TFDC_TRY(app_config_set(config, "ingest.tls.cert", "", APP_CONFIG_FLAG, "tfdc replay", err));
  TFDC_TRY(app_config_set(config, "ingest.tls.key", "", APP_CONFIG_FLAG, "tfdc replay", err));
  return app_config_set(config, "ingest.tls.ca", "", APP_CONFIG_FLAG, "tfdc replay", err);
}

/* Errors only, unless somebody chose a level: the alarms of a replay are in its summary. */
static tfdc_rc open_log(struct host *h, const struct app_config *config, struct tfdc_error *err) {
  enum tfdc_log_level level = TFDC_LOG_ERROR;
  if (config->values[APP_CONFIG_LOG_LEVEL].source != APP_CONFIG_DEFAULT &&
      tfdc_log_level_parse(app_config_text(config, APP_CONFIG_LOG_LEVEL), &level) != TFDC_OK)
    return tfdc_fail(err, TFDC_E_CONFIG_VALUE, "log.level: debug, info, warn or error");
  tfdc_rc rc = tfdc_log_init(&h->log, wall, &h->clock, NULL, TFDC_LOG_FD(STDERR_FILENO));
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "no memory for the log");
  h->has_log = true;
  h->log.level = level;
  return TFDC_OK;
}

static tfdc_rc start_own(struct host *h, struct app_config *config, struct tfdc_error *err) {
  struct tfdc_address ingest, http;
  char at[TFDC_ADDRESS_BYTES], url[TFDC_ADDRESS_BYTES + 8];
  TFDC_TRY(make_private(config, err));
  TFDC_TRY(tfdc_address_parse(app_config_text(config, APP_CONFIG_INGEST_LISTEN), &ingest, err));
  TFDC_TRY(tfdc_address_parse(app_config_text(config, APP_CONFIG_HTTP_LISTEN), &http, err));
  TFDC_TRY(open_log(h, config, err));
  TFDC_TRY(dev_start(config, &h->log, &h->dev, err));
  (void)tfdc_address_format(tfdc_address_near(&ingest), dev_ingest_port(h->dev), h->ingest);
  (void)snprintf(url, sizeof url, "http://%s",
                 tfdc_address_format(tfdc_address_near(&http), dev_http_port(h->dev), at));
  const struct client_args args = {.server = url};
  return client_open(&args, config, &h->client, err);
}

/* ---- somebody else's ---- */

/* The host of the URL and the port that the system names. */
static tfdc_rc find_ingest(struct host *h, int64_t port, struct tfdc_error *err) {
  struct tfdc_address address;
  char name[256];
  const char *where = strstr(client_where(h->client), "://") + 3;
  (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(where, "/"), where);
  const char *host = tfdc_address_parse(name, &address, NULL) == TFDC_OK ? address.host : name; /* without a port */
  if (port <= 0 || host[0] == '\0')
    return tfdc_fail(err, TFDC_E_USAGE, "%s does not say where hubs connect; say it with --ingest HOST:PORT",
                     client_where(h->client));
  (void)tfdc_address_format(host, (uint16_t)port, h->ingest);
  return TFDC_OK;
}

static tfdc_rc use_running(struct host *h, const char *ingest, struct tfdc_error *err) {
  json_t *status = NULL;
  tfdc_rc rc = client_get(h->client, "/api/v1/status", NULL, &status, err);
  if (rc == TFDC_E_UNAVAILABLE && err != NULL) {
    struct tfdc_error why = *err;
    return tfdc_fail(err, rc, "%s; start `tfdc dev` there, or leave out --server: then this process judges", why.msg);
  }
  if (rc != TFDC_OK) return rc;
  int64_t port = json_get_int(status, "ingest_port", 0);
  json_decref(status);
  if (ingest == NULL) return find_ingest(h, port, err);
  (void)snprintf(h->ingest, sizeof h->ingest, "%s", ingest);
  return TFDC_OK;
}

tfdc_rc host_open(struct host *h, const struct client_args *args, const char *ingest, struct app_config *config,
                  struct tfdc_error *err) {
  *h = (struct host){.client = NULL};
  clock_posix_init(&h->clock);
  dev_process_init(config);
  tfdc_rc rc = client_open(args, config, &h->client, err);
  bool runs = rc == TFDC_OK && is_url(client_where(h->client));
  if (runs) return use_running(h, ingest, err);
  if (args->server != NULL || (rc != TFDC_OK && rc != TFDC_E_UNAVAILABLE)) return rc;
  if (ingest != NULL)
    return tfdc_fail(err, TFDC_E_UNAVAILABLE, "--ingest is given, but no HTTP API answers; name it with --server URL");
  client_close(h->client);
  h->client = NULL;
  return start_own(h, config, err);
}

bool host_close(struct host *h) {
  client_close(h->client);
  h->client = NULL;
  if (h->dev != NULL && !dev_stop(h->dev)) return false;
  h->dev = NULL;
  if (h->has_log) tfdc_log_deinit(&h->log);
  h->has_log = false;
  return true;
}
