/* SPDX-License-Identifier: Apache-2.0
 * The API in this process: an HTTP client whose other end is a function call. It has no queue, so that what needs one
 * (judging again) answers that it needs a running system. */
#include "adapter/posix/clock_posix.h"
#include "adapter/sqlite/store_sqlite.h"
#include "app/client_priv.h"

#include <stdlib.h>
#include <unistd.h>

struct local {
  struct http_client client; /* first */
  struct api *api;           /* owned */
  struct port_clock clock;   /* these three only with a file */
  struct await *await;
  struct port *store;
};

static tfdc_rc call(struct http_client *c, const struct http_request *q, struct http_response *ret,
                    struct tfdc_error *err) {
  (void)err;
  struct local *l = (struct local *)c;
  struct http_request mine = *q;
  mine.may_write = true;
  struct http_handler *h = api_handler(l->api);
  h->handle(h, &mine, ret);
  return TFDC_OK;
}

static void destroy(struct http_client *c) {
  struct local *l = (struct local *)c;
  api_destroy(l->api);
  if (l->await != NULL && l->store != NULL) await_close(l->await, l->store);
  store_sqlite_destroy(l->store);
  await_destroy(l->await);
  free(l);
}

static const struct http_client_ops local_ops = {call, destroy};

static tfdc_rc open_file(struct local *l, const char *path, struct tfdc_error *err) {
  clock_posix_init(&l->clock);
  TFDC_TRY(await_create(&l->clock, &l->await, err));
  TFDC_TRY(store_sqlite_open(path, NULL, &l->store, err));
  struct api_options o = {.store = l->store, .clock = &l->clock, .await = l->await};
  return api_create(&o, &l->api, err);
}

tfdc_rc client_local_open(const char *path, struct http_client **ret, struct tfdc_error *err) {
  if (access(path, F_OK) != 0) return tfdc_fail(err, TFDC_E_UNAVAILABLE, "there is no file %s", path);
  struct local *l = calloc(1, sizeof *l);
  if (l == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "client");
  l->client.ops = &local_ops;
  tfdc_rc rc = open_file(l, path, err);
  if (rc != TFDC_OK) {
    destroy(&l->client);
    return tfdc_wrap(err, rc, "%s", path);
  }
  *ret = &l->client;
  return TFDC_OK;
}
