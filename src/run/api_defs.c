/* SPDX-License-Identifier: Apache-2.0 */
#include "run/api_defs.h"

#include "model/codec.h"
#include "model/strategy.h"
#include "port/kv.h"
#include "run/api_handlers.h"
#include "run/defender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 10 };

tfdc_rc api_def_newest(const struct api *api, enum model_def_kind kind, const char *id, struct tfdc_arena *mem,
                       struct model_def *ret, struct tfdc_error *err) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_DEF_LIST);
  r.def_kind = (int)kind;
  r.def_id = id;
  TFDC_TRY(api_store(api, &r, err));
  const struct model_def *newest = NULL;
  for (size_t i = 0; i < r.n; i++)
    if (newest == NULL || r.defs[i].version > newest->version) newest = &r.defs[i];
  if (newest == NULL) {
    *ret = (struct model_def){.kind = kind, .id = id};
    return TFDC_OK;
  }
  return model_def_copy(newest, mem, ret) == TFDC_OK ? TFDC_OK : tfdc_fail(err, TFDC_E_NOMEM, "definition %s", id);
}

/* The body as this release writes it; false when it cannot be read. */
static bool rewrite(const struct model_def *def, struct tfdc_arena *mem, struct tfdc_buf *out) {
  struct model_strategy strategy;
  struct model_limit_set limits;
  size_t n = strlen(def->body);
  if (def->kind == MODEL_DEF_STRATEGY)
    return model_strategy_from_json(def->body, n, mem, &strategy, NULL) == TFDC_OK &&
           model_strategy_to_json(&strategy, out) == TFDC_OK;
  return model_limit_set_from_json(def->body, n, mem, &limits, NULL) == TFDC_OK &&
         model_limit_set_to_json(&limits, out) == TFDC_OK;
}

/* Another release, or somebody by hand, may have written the same in other words. */
static bool has_body(const struct model_def *def, const char *body) {
  if (strcmp(def->body, body) == 0) return true;
  struct tfdc_arena mem = {.limit = 16 * (size_t)MODEL_BODY_MAX};
  struct tfdc_buf out = {0};
  bool same = rewrite(def, &mem, &out) && out.size == strlen(body) && memcmp(out.data, body, out.size) == 0;
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
  return same;
}

bool api_def_says_the_same(const struct model_def *newest, const struct api_def_put *put) {
  return newest->version > 0 && newest->approved && !newest->retired && newest->effective_us <= put->effective_us &&
         has_body(newest, put->body);
}

static tfdc_rc write_version(const struct api *api, const struct api_def_put *put, uint32_t version,
                             struct tfdc_error *err) {
  struct model_def def = {.kind = put->kind, .id = put->id, .version = version, .approved = true};
  def.effective_us = put->effective_us;
  def.created_us = api_now_us(api);
  def.author = put->author;
  def.comment = put->comment;
  def.body = put->body;
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_DEF_PUT);
  r.def = &def;
  return api_store(api, &r, err);
}

tfdc_rc api_def_put(const struct api *api, const struct api_def_put *put, uint32_t *ret_version,
                    struct tfdc_error *err) {
  tfdc_rc rc = TFDC_E_EXISTS; /* somebody else may write the same version */
  for (int i = 0; i < TRIES && rc == TFDC_E_EXISTS; i++) {
    struct tfdc_arena mem = {.limit = 4 * (size_t)MODEL_BODY_MAX};
    struct model_def newest;
    rc = api_def_newest(api, put->kind, put->id, &mem, &newest, err);
    bool same = rc == TFDC_OK && api_def_says_the_same(&newest, put);
    uint32_t version = rc == TFDC_OK ? newest.version + !same : 0;
    tfdc_arena_deinit(&mem);
    if (rc == TFDC_OK && !same) rc = write_version(api, put, version, err);
    if (rc == TFDC_OK) *ret_version = version;
  }
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "%s %s", model_def_kind_name(put->kind), put->id);
}

static void kv_deinit(struct kv_req *r) { port_req_deinit(&r->base); }

/* generation + 1, by compare-and-set. */
static tfdc_rc bump(const struct api *api, struct tfdc_error *err) {
  const struct api_options *o = &api->options;
  TFDC_AUTO(kv_deinit) struct kv_req get, put;
  kv_req_init(&get, KV_GET);
  kv_req_init(&put, KV_CREATE);
  get.bucket = put.bucket = DEFENDER_CONFIG_BUCKET;
  get.key = put.key = "generation";
  tfdc_rc rc = await_call(o->await, o->kv, &get.base);
  if (rc != TFDC_OK && rc != TFDC_E_NOT_FOUND) return tfdc_fail(err, rc, "%s", tfdc_error_msg(&get.base.err));
  uint64_t generation = 0;
  if (rc == TFDC_OK) {
    char text[24];
    (void)snprintf(text, sizeof text, "%.*s", (int)(get.entries[0].n < 20 ? get.entries[0].n : 20),
                   (const char *)get.entries[0].value);
    generation = strtoull(text, NULL, 10);
    put.base.op = KV_UPDATE;
    put.revision = get.entries[0].revision;
  }
  char value[24];
  (void)snprintf(value, sizeof value, "%" PRIu64, generation + 1);
  put.value = value;
  put.n = strlen(value);
  rc = await_call(o->await, o->kv, &put.base);
  return rc == TFDC_OK ? rc : tfdc_fail(err, rc, "%s", tfdc_error_msg(&put.base.err));
}

tfdc_rc api_defs_announce(const struct api *api, struct tfdc_error *err) {
  if (api->options.kv == NULL) return TFDC_OK;
  tfdc_rc rc = TFDC_E_REVISION;
  for (int i = 0; i < TRIES && (rc == TFDC_E_REVISION || rc == TFDC_E_EXISTS); i++) rc = bump(api, err);
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "announcing new definitions");
}
