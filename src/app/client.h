/* SPDX-License-Identifier: Apache-2.0
 * How a command reaches the API: over HTTP where a system runs (--server URL), else in this process on the file
 * (--data FILE). */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include "app/config.h"
#include "port/http.h"

#include <jansson.h>

/* The options that every client command has; put CLIENT_OPTIONS(&args) into its table. */
struct client_args {
  const char *server; /* NULL = not given */
  bool json;
};
#define CLIENT_OPTIONS(a)                                                                                              \
  {"server", CLI_TEXT, &(a)->server, "URL", "the running system; default: http://<http.listen>, else --data FILE"}, {  \
    "json", CLI_FLAG, &(a)->json, NULL, "print JSON"                                                                   \
  }

struct client;
/* --server given: that. Else, if the configured address answers: it. Else the file `data`, which must exist
 * (UNAVAILABLE names both and says how to start `tfdc dev`). */
TFDC_MUST_USE tfdc_rc client_open(const struct client_args *args, const struct app_config *config, struct client **ret,
                                  struct tfdc_error *err);
void client_close(struct client *c); /* NULL ok */
/* What it talks to, for people: the URL, or the file. */
const char *client_where(const struct client *c);
bool client_is_file(const struct client *c); /* no system runs there that would judge */
/* params: name, value, name, value ..., NULL; pairs with a NULL value are left out. *ret_json is the caller's
 * (json_decref). A status of 400 and more becomes the error of its body {"error": {"code", "text", "hint"}}. */
TFDC_MUST_USE tfdc_rc client_get(struct client *c, const char *path, const char *const *params, json_t **ret_json,
                                 struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc client_post(struct client *c, const char *path, const char *const *params, const char *body,
                                  json_t **ret_json, struct tfdc_error *err);
/* The answer as text, a NUL behind it; the caller's, added to *ret. */
TFDC_MUST_USE tfdc_rc client_get_text(struct client *c, const char *path, const char *const *params,
                                      struct tfdc_buf *ret, struct tfdc_error *err);
/* Posts, then follows the job until it ends, with progress on stderr; *ret_json = the job's result. */
TFDC_MUST_USE tfdc_rc client_job(struct client *c, const char *path, const char *const *params, const char *body,
                                 json_t **ret_json, struct tfdc_error *err);
/* Calls row() for each item of all pages of a list; it returns false to stop. limit 0 = all. */
TFDC_MUST_USE tfdc_rc client_list(struct client *c, const char *path, const char *const *params, const char *member,
                                  size_t limit, bool (*row)(void *user, json_t *item), void *user,
                                  struct tfdc_error *err);

#endif
