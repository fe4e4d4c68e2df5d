/* SPDX-License-Identifier: Apache-2.0
 * What the process and the store say of themselves. */
#include "run/api_handlers.h"

tfdc_rc api_get_metrics(struct api_call *c) {
  const struct api_process *p = &c->o->process;
  if (p->metrics == NULL) return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "this process keeps no metrics");
  c->ret->type = "text/plain; version=0.0.4; charset=utf-8";
  p->metrics(p->user, &c->ret->body);
  return TFDC_OK;
}

tfdc_rc api_get_live(struct api_call *c) {
  c->ret->type = "text/plain; charset=utf-8";
  tfdc_put_fmt(&c->ret->body, "ok\n");
  return TFDC_OK;
}

tfdc_rc api_get_ready(struct api_call *c) {
  const struct api_process *p = &c->o->process;
  c->ret->type = "text/plain; charset=utf-8";
  if (p->ready != NULL && !p->ready(p->user, &c->ret->body)) {
    c->ret->status = 503;
    if (c->ret->body.size == 0) tfdc_put_fmt(&c->ret->body, "not ready\n");
    return TFDC_OK;
  }
  c->ret->body.size = 0;
  return api_get_live(c);
}

/* Ids that have a version in force or to come. defs are ordered by kind, id, version. */
static int64_t count_defs(const struct store_req *r, enum model_def_kind kind) {
  int64_t n = 0;
  const char *counted = NULL;
  for (size_t i = 0; i < r->n; i++) {
    const struct model_def *d = &r->defs[i];
    if (d->kind != kind || !d->approved || d->retired) continue;
    if (counted != NULL && strcmp(counted, d->id) == 0) continue;
    counted = d->id;
    n++;
  }
  return n;
}

static void put_stats(struct model_json *j, const struct store_stats *s) {
  model_json_open(j, "store", '{');
  model_json_u64(j, "contexts", s->contexts);
  model_json_u64(j, "open_contexts", s->open_contexts);
  model_json_u64(j, "chunks", s->chunks);
  model_json_u64(j, "chunk_bytes", s->chunk_bytes);
  model_json_u64(j, "points", s->points);
  model_json_u64(j, "u_records", s->u_records);
  model_json_u64(j, "verdicts", s->verdicts);
  model_json_u64(j, "used_bytes", s->used_bytes);
  model_json_u64(j, "free_bytes", s->free_bytes);
  model_json_close(j, '}');
}

tfdc_rc api_get_status(struct api_call *c) {
  TFDC_AUTO(api_store_deinit) struct store_req stats, defs;
  store_req_init(&stats, STORE_STATS);
  store_req_init(&defs, STORE_DEF_LIST);
  defs.def_kind = -1;
  TFDC_TRY(api_store(c->api, &stats, &c->err));
  TFDC_TRY(api_store(c->api, &defs, &c->err));
  struct model_json j = model_json_on(&c->ret->body);
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_text(&j, "version", TFDC_VERSION);
  model_json_int(&j, "now_us", api_now_us(c->api));
  put_stats(&j, &stats.stats);
  model_json_u64(&j, "unjudged", stats.stats.unjudged);
  model_json_u64(&j, "alarms_open", stats.stats.alarms_open);
  model_json_int(&j, "strategies", count_defs(&defs, MODEL_DEF_STRATEGY));
  model_json_int(&j, "limit_sets", count_defs(&defs, MODEL_DEF_LIMITS));
  if (c->o->process.status != NULL) {
    size_t before = c->ret->body.size;
    tfdc_put_u8(&c->ret->body, ',');
    c->o->process.status(c->o->process.user, &c->ret->body);
    if (c->ret->body.size == before + 1) c->ret->body.size = before; /* it had nothing to say */
  }
  model_json_close(&j, '}');
  return TFDC_OK;
}
