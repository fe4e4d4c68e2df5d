/* SPDX-License-Identifier: Apache-2.0
 * Lists of chambers, runs and alarms; one run with all that is known of it. */
#include "model/codec.h"
#include "run/api_handlers.h"

static void begin_list(struct api_call *c, struct model_json *j, const char *member) {
  *j = model_json_on(&c->ret->body);
  model_json_open(j, NULL, '{');
  model_json_int(j, "v", 1);
  model_json_open(j, member, '[');
}

static tfdc_rc end_list(struct model_json *j, const struct store_req *r) {
  model_json_close(j, ']');
  model_json_text(j, "cursor", r->ret_cursor);
  model_json_close(j, '}');
  return TFDC_OK;
}

tfdc_rc api_get_chambers(struct api_call *c) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_CHAMBER_LIST);
  TFDC_TRY(api_param_filter(c, &r.filter));
  TFDC_TRY(api_param_page(c, &r));
  TFDC_TRY(api_store(c->api, &r, &c->err));
  struct model_json j;
  begin_list(c, &j, "chambers");
  for (size_t i = 0; i < r.n; i++) {
    model_json_key(&j, NULL);
    TFDC_TRY(model_chamber_to_json(&r.chambers[i], j.out));
  }
  return end_list(&j, &r);
}

tfdc_rc api_get_alarms(struct api_call *c) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_ALARM_LIST);
  TFDC_TRY(api_param_filter(c, &r.filter));
  TFDC_TRY(api_param_flag(c, "open", &r.filter.open_only));
  TFDC_TRY(api_param_page(c, &r));
  TFDC_TRY(api_store(c->api, &r, &c->err));
  struct model_json j;
  begin_list(c, &j, "alarms");
  for (size_t i = 0; i < r.n; i++) {
    model_json_key(&j, NULL);
    TFDC_TRY(model_alarm_to_json(&r.alarms[i], j.out));
  }
  return end_list(&j, &r);
}

/* ---- runs ---- */

static tfdc_rc put_verdict(struct model_json *j, const struct store_req *r, struct tfdc_error *err) {
  if (r->base.rc == TFDC_E_NOT_FOUND) {
    model_json_null(j, "verdict");
    return TFDC_OK;
  }
  if (r->base.rc != TFDC_OK) return tfdc_fail(err, r->base.rc, "%s", tfdc_error_msg(&r->base.err));
  model_json_key(j, "verdict");
  return model_run_verdict_to_json(&r->verdicts[0], j->out);
}

static tfdc_rc put_runs(struct api_call *c, const struct store_req *list, const struct store_req *verdicts) {
  struct model_json j;
  begin_list(c, &j, "runs");
  for (size_t i = 0; i < list->n; i++) {
    model_json_open(&j, NULL, '{');
    model_json_key(&j, "context");
    TFDC_TRY(model_context_to_json(&list->contexts[i], j.out));
    TFDC_TRY(put_verdict(&j, &verdicts[i], &c->err));
    model_json_close(&j, '}');
  }
  return end_list(&j, list);
}

tfdc_rc api_get_runs(struct api_call *c) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_CONTEXT_LIST);
  TFDC_TRY(api_param_filter(c, &r.filter));
  TFDC_TRY(api_param_page(c, &r));
  TFDC_TRY(api_store(c->api, &r, &c->err));
  struct store_req *verdicts = NULL;
  TFDC_TRY(api_verdicts(c->api, &r, &c->mem, &verdicts));
  tfdc_rc rc = put_runs(c, &r, verdicts);
  api_verdicts_deinit(verdicts, &r);
  return rc;
}

/* ---- one run ---- */

static tfdc_rc put_chunks(struct api_call *c, struct model_json *j, struct tfdc_id128 id) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_CHUNK_LIST);
  r.id = id;
  r.revision = UINT32_MAX;
  TFDC_TRY(api_store(c->api, &r, &c->err));
  model_json_open(j, "chunks", '[');
  for (size_t i = 0; i < r.n; i++) {
    const struct model_chunk *k = &r.chunks[i];
    model_json_open(j, NULL, '{');
    model_json_u64(j, "first_seq", k->first_seq);
    model_json_u64(j, "last_seq", k->last_seq);
    model_json_int(j, "revision", k->revision);
    model_json_u64(j, "points", k->points);
    model_json_u64(j, "bytes", k->blob_n);
    model_json_key(j, "checksum");
    tfdc_put_fmt(j->out, "\"%016llx\"", (unsigned long long)k->checksum);
    model_json_int(j, "stored_us", k->stored_us);
    model_json_close(j, '}');
  }
  model_json_close(j, ']');
  return TFDC_OK;
}

static tfdc_rc put_records(struct api_call *c, struct model_json *j, struct tfdc_id128 id) {
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_U_GET);
  r.id = id;
  TFDC_TRY(api_store(c->api, &r, &c->err));
  model_json_open(j, "records", '[');
  for (size_t i = 0; i < r.n; i++) {
    model_json_key(j, NULL);
    TFDC_TRY(model_u_record_to_json(&r.u_records[i], j->out));
  }
  model_json_close(j, ']');
  return TFDC_OK;
}

/* Alarms that the run opened or was the last bad run of, and those between whose first and last bad run it lies. */
static bool is_about(const struct model_alarm *a, const struct model_context *run) {
  if (tfdc_id128_eq(a->first_context, run->context_id) || tfdc_id128_eq(a->last_context, run->context_id)) return true;
  return run->revision > 0 && a->opened_us < run->order_us && run->order_us < a->updated_us;
}

static tfdc_rc put_alarms(struct api_call *c, struct model_json *j, const struct model_context *run) {
  model_json_open(j, "alarms", '[');
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_ALARM_LIST);
  r.filter.tool = run->key.tool;
  r.filter.chamber = run->key.chamber;
  r.page.limit = 1000;
  const char *cursor = NULL;
  do {
    port_req_reset(&r.base);
    r.page.cursor = cursor;
    r.ret_cursor = NULL;
    r.n = 0;
    TFDC_TRY(api_store(c->api, &r, &c->err));
    for (size_t i = 0; i < r.n; i++) {
      if (!is_about(&r.alarms[i], run)) continue;
      model_json_key(j, NULL);
      TFDC_TRY(model_alarm_to_json(&r.alarms[i], j->out));
    }
    cursor = r.ret_cursor != NULL ? tfdc_arena_strdup(&c->mem, r.ret_cursor) : NULL;
  } while (cursor != NULL);
  model_json_close(j, ']');
  return TFDC_OK;
}

tfdc_rc api_get_run(struct api_call *c) {
  TFDC_AUTO(api_store_deinit) struct store_req run, verdict;
  store_req_init(&run, STORE_CONTEXT_GET);
  store_req_init(&verdict, STORE_VERDICT_GET);
  TFDC_TRY(api_param_id(c, &run.id));
  verdict.id = run.id;
  if (api_store(c->api, &run, &c->err) == TFDC_E_NOT_FOUND)
    return tfdc_fail(&c->err, TFDC_E_NOT_FOUND, "no run %s", c->id);
  if (run.base.rc != TFDC_OK) return run.base.rc;
  tfdc_rc judged = await_call(c->o->await, c->o->store, &verdict.base);
  (void)judged; /* put_verdict looks at it */
  struct model_json j = model_json_on(&c->ret->body);
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_key(&j, "context");
  TFDC_TRY(model_context_to_json(&run.contexts[0], j.out));
  TFDC_TRY(put_verdict(&j, &verdict, &c->err));
  TFDC_TRY(put_chunks(c, &j, run.id));
  TFDC_TRY(put_records(c, &j, run.id));
  TFDC_TRY(put_alarms(c, &j, &run.contexts[0]));
  model_json_close(&j, '}');
  return TFDC_OK;
}
