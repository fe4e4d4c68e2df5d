/* SPDX-License-Identifier: Apache-2.0
 * Requests to the HTTP API over a small store in memory: the first line is method and target, the rest the body. No
 * answer but those that are documented; an error has its code; what was applied and is given out as YAML changes
 * nothing when it is applied again. */
#include "adapter/http/http_target.h"
#include "adapter/mem/store_mem.h"
#include "adapter/posix/clock_posix.h"
#include "core/chunk.h"
#include "run/api.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { POINTS = 5, STORE_REQUESTS = 64 };
#define STORE_BYTES ((size_t)256 << 20)
#define START_US    INT64_C(1700000000000000)

struct world {
  struct port_clock clock;
  struct await *await;
  struct port *store;
  struct api *api;
};

/* ---- a store with one run ---- */

static void put(struct world *w, struct store_req *r) {
  TFDC_ASSERT(await_call(w->await, w->store, &r->base) == TFDC_OK);
  port_req_deinit(&r->base);
}

static void put_trace(struct world *w, struct model_context *c) {
  int64_t times[POINTS];
  double values[POINTS];
  for (int i = 0; i < POINTS; i++) {
    times[i] = START_US + i * 1000;
    values[i] = i == 2 ? (double)NAN : i;
  }
  struct model_column column = {.svid = 1, .name = "press", .n = POINTS, .t_us = times, .v = values};
  struct model_block block = {.seq = 1, .columns = &column, .n_columns = 1}, *blocks[] = {&block};
  struct chunk_encoder *encoder = NULL;
  struct tfdc_arena mem = {0};
  struct tfdc_buf out = {0};
  struct model_chunk chunk = {.context_id = c->context_id, .first_seq = 1, .last_seq = 1, .revision = 1};
  TFDC_ASSERT(chunk_encoder_create(&encoder) == TFDC_OK);
  TFDC_ASSERT(chunk_encode(encoder, blocks, 1, &mem, &out, &chunk, NULL) == TFDC_OK);
  c->chunk_count = 1;
  c->chunk_digest = model_chunk_digest(&chunk.checksum, 1);
  struct store_req r;
  store_req_init(&r, STORE_CHUNK_PUT);
  r.chunk = &chunk;
  put(w, &r);
  chunk_encoder_destroy(encoder);
  tfdc_buf_deinit(&out);
  tfdc_arena_deinit(&mem);
}

static void put_judgement(struct world *w, const struct model_context *c) {
  const struct model_point point = {.chart = "mean", .unit = "mTorr", .value = 2, .quality = 1, .centre = (double)NAN};
  const struct model_u_record u = {.key = c->key,
                                   .chart_set = "s",
                                   .partition = "R",
                                   .order_us = c->order_us,
                                   .context_id = c->context_id,
                                   .revision = 1,
                                   .judgement = 1,
                                   .points = &point,
                                   .n_points = 1};
  const struct model_run_verdict v = {
      .context_id = c->context_id, .revision = 1, .judgement = 1, .key = c->key, .order_us = c->order_us};
  struct store_req r;
  store_req_init(&r, STORE_U_PUT);
  r.u = &u;
  put(w, &r);
  store_req_init(&r, STORE_VERDICT_PUT);
  r.verdict = &v;
  put(w, &r);
}

static void fill(struct world *w) {
  static const struct model_svid svids[] = {{.number = 1, .name = "press", .unit = "mTorr"}};
  const struct model_chamber chamber = {.key = {"T1", "C1"}, .tool_type = "T", .svids = svids, .n_svids = 1};
  struct model_context c = {.key = chamber.key, .tool_type = "T", .run_id = "1", .state = MODEL_CONTEXT_CLOSED};
  c.context_id.lo = 1;
  c.revision = 1;
  c.start_us = START_US;
  c.end_us = c.order_us = START_US + TFDC_US_PER_S;
  c.recipe_id = "R";
  struct store_req r;
  store_req_init(&r, STORE_CHAMBER_PUT);
  r.chamber = &chamber;
  put(w, &r);
  put_trace(w, &c);
  store_req_init(&r, STORE_CONTEXT_PUT);
  r.context = &c;
  put(w, &r);
  put_judgement(w, &c);
}

static struct world *world_create(void) {
  struct world *w = calloc(1, sizeof *w);
  TFDC_ASSERT(w != NULL);
  clock_posix_init(&w->clock);
  TFDC_ASSERT(await_create(&w->clock, &w->await, NULL) == TFDC_OK);
  w->store = store_mem_create(STORE_REQUESTS, STORE_BYTES);
  TFDC_ASSERT(w->store != NULL);
  fill(w);
  struct api_options o = {.store = w->store, .clock = &w->clock, .await = w->await};
  TFDC_ASSERT(api_create(&o, &w->api, NULL) == TFDC_OK);
  return w;
}

static void world_destroy(struct world *w) {
  api_destroy(w->api);
  await_close(w->await, w->store);
  store_mem_destroy(w->store);
  await_destroy(w->await);
  free(w);
}

/* ---- requests ---- */

static bool contains(const struct http_response *r, const char *text) {
  size_t n = strlen(text);
  for (size_t i = 0; i + n <= r->body.size; i++)
    if (memcmp(r->body.data + i, text, n) == 0) return true;
  return false;
}

/* The body ends in a NUL. False: the target is none. */
static bool ask(struct world *w, const char *method, const char *target, const char *body, struct http_response *ret) {
  struct tfdc_arena mem = {0};
  struct http_target t;
  bool ok = http_target_parse(target, &mem, &t, NULL) == TFDC_OK;
  if (ok) {
    const struct http_request q = {.method = method,
                                   .path = t.path,
                                   .params = t.params,
                                   .n_params = t.n_params,
                                   .body = body,
                                   .body_n = strlen(body),
                                   .may_write = true};
    struct http_handler *h = api_handler(w->api);
    h->handle(h, &q, ret);
  }
  tfdc_arena_deinit(&mem);
  return ok;
}

static void check_answer(const struct http_response *r) {
  if (r->status == 200 || r->status == 503) return;
  TFDC_ASSERT(r->status == 400 || r->status == 404 || r->status == 405 || r->status == 409 || r->status == 413 ||
              r->status == 429 || r->status == 500);
  TFDC_ASSERT(contains(r, "{\"error\":{\"code\":\""));
}

/* What is there, given out and applied again. */
static void check_round_trip(struct world *w) {
  struct http_response all = {0}, again = {0};
  char target[96];
  (void)snprintf(target, sizeof target, "/api/v1/definitions?dry_run=1&effective_us=%" PRId64, INT64_MAX);
  TFDC_ASSERT(ask(w, "GET", "/api/v1/definitions?yaml=1&newest=1", "", &all) && all.status == 200);
  tfdc_put_u8(&all.body, 0);
  TFDC_ASSERT(ask(w, "POST", target, (const char *)all.body.data, &again) && again.status == 200);
  TFDC_ASSERT(!contains(&again, "\"action\":\"update\"") && !contains(&again, "\"action\":\"create\""));
  tfdc_buf_deinit(&all.body);
  tfdc_buf_deinit(&again.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tfdc_arena mem = {0};
  struct http_response r = {0};
  char *text = tfdc_arena_strndup(&mem, (const char *)data, size);
  char *line_end = text != NULL ? strchr(text, '\n') : NULL, *target = text != NULL ? strchr(text, ' ') : NULL;
  if (line_end != NULL && target != NULL && target < line_end) {
    *line_end = *target = '\0';
    struct world *w = world_create();
    if (ask(w, text, target + 1, line_end + 1, &r)) check_answer(&r);
    if (r.status == 200 && contains(&r, "\"changes\":[") && contains(&r, "\"dry_run\":false")) check_round_trip(w);
    world_destroy(w);
  }
  tfdc_buf_deinit(&r.body);
  tfdc_arena_deinit(&mem);
  return 0;
}
