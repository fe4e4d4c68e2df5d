/* SPDX-License-Identifier: Apache-2.0
 * Strategies and limit sets: what there is, and new versions from what people write. All documents of a request are
 * checked before any is written, and all are written before defenders are told. */
#include "base/text.h"
#include "model/codec.h"
#include "run/api_defs.h"
#include "run/api_defs_check.h"
#include "run/api_handlers.h"
#include "run/text_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIFF_LINES = 2000 };
/* Time in which all defenders hear of a new version. */
#define HEARD_US   (10 * TFDC_US_PER_S)
#define PAGE_BYTES ((size_t)32 << 20)
#define YAML_BYTES ((size_t)192 << 20)

/* ---- what there is ---- */

struct asked {
  const char *kind, *id;
  int64_t version; /* 0 = all */
  uint32_t limit;
  const char *cursor;
  bool newest, bodies, yaml;
};

static tfdc_rc read_asked(struct api_call *c, struct asked *a, struct store_req *r) {
  enum model_def_kind kind;
  a->kind = api_param(c, "kind");
  a->id = api_param(c, "id");
  if (a->kind != NULL && !model_def_kind_parse(a->kind, &kind))
    return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter kind: \"%.64s\" is not strategy or limits", a->kind);
  if (a->id != NULL && !tfdc_is_id(a->id, strlen(a->id)))
    return tfdc_fail(&c->err, TFDC_E_BAD_ID, "parameter id: \"%.64s\" is not an id", a->id);
  TFDC_TRY(api_param_int(c, "version", 1, UINT32_MAX, &a->version));
  TFDC_TRY(api_param_flag(c, "newest", &a->newest));
  TFDC_TRY(api_param_flag(c, "bodies", &a->bodies));
  TFDC_TRY(api_param_flag(c, "yaml", &a->yaml));
  TFDC_TRY(api_param_page(c, r));
  r->def_kind = a->kind != NULL ? (int)kind : -1;
  r->def_id = a->id;
  a->limit = r->page.limit; /* pages are made here: the store gives all */
  a->cursor = r->page.cursor;
  r->page.cursor = NULL;
  if (a->yaml && a->cursor != NULL)
    return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter cursor: yaml=1 gives all at once");
  return TFDC_OK;
}

/* The list is by kind, id, version. */
static bool is_asked(const struct asked *a, const struct store_req *r, size_t i) {
  const struct model_def *d = &r->defs[i], *next = i + 1 < r->n ? d + 1 : NULL;
  if (a->version != 0 && d->version != a->version) return false;
  return !a->newest || next == NULL || next->kind != d->kind || strcmp(next->id, d->id) != 0;
}

/* Place of a row behind which the next page begins: "1.etch_main.7". */
static int order_to_cursor(const struct model_def *d, const char *cursor) {
  char id[TFDC_ID_MAX + 1];
  unsigned kind;
  unsigned long version;
  if (sscanf(cursor, "%1u.%64[A-Za-z0-9_-].%10lu", &kind, id, &version) != 3) return -2;
  if ((unsigned)d->kind != kind) return (unsigned)d->kind < kind ? -1 : 1;
  int by_id = strcmp(d->id, id);
  if (by_id != 0) return by_id < 0 ? -1 : 1;
  return d->version < version ? -1 : d->version > version;
}

static tfdc_rc put_page(struct api_call *c, const struct asked *a, const struct store_req *r) {
  struct model_json j = model_json_on(&c->ret->body);
  const struct model_def *last = NULL;
  uint32_t rows = 0;
  bool more = false;
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_open(&j, "definitions", '[');
  for (size_t i = 0; i < r->n && !more; i++) {
    int order = a->cursor != NULL ? order_to_cursor(&r->defs[i], a->cursor) : 1;
    if (order == -2) return tfdc_fail(&c->err, TFDC_E_USAGE, "parameter cursor: \"%.80s\" is none", a->cursor);
    if (order <= 0 || !is_asked(a, r, i)) continue;
    more = rows == a->limit || c->ret->body.size > PAGE_BYTES;
    if (more) break;
    struct model_def d = r->defs[i];
    if (!a->bodies) d.body = NULL;
    model_json_key(&j, NULL);
    tfdc_rc rc = model_def_to_json(&d, j.out);
    if (rc != TFDC_OK) return tfdc_fail(&c->err, rc, "definition %s", d.id);
    last = &r->defs[i];
    rows++;
  }
  model_json_close(&j, ']');
  char cursor[96];
  if (more) {
    (void)snprintf(cursor, sizeof cursor, "%d.%s.%" PRIu32, (int)last->kind, last->id, last->version);
    model_json_text(&j, "cursor", cursor);
  }
  model_json_close(&j, '}');
  return TFDC_OK;
}

/* The body as people write it. */
static tfdc_rc put_body(enum model_def_kind kind, const char *body, struct tfdc_arena *mem, struct tfdc_buf *out,
                        struct tfdc_error *err) {
  struct model_strategy strategy;
  struct model_limit_set limits;
  if (kind == MODEL_DEF_STRATEGY) {
    TFDC_TRY(model_strategy_from_json(body, strlen(body), mem, &strategy, err));
    return model_strategy_to_yaml(&strategy, out);
  }
  TFDC_TRY(model_limit_set_from_json(body, strlen(body), mem, &limits, err));
  return model_limit_set_to_yaml(&limits, out);
}

static tfdc_rc put_yaml(struct api_call *c, const struct asked *a, const struct store_req *r) {
  struct tfdc_buf *out = &c->ret->body;
  c->ret->type = "application/yaml";
  out->limit = YAML_BYTES;
  for (size_t i = 0; i < r->n; i++) {
    const struct model_def *d = &r->defs[i];
    struct tfdc_arena mem = {.limit = 16 * (size_t)MODEL_BODY_MAX};
    if (!is_asked(a, r, i)) continue;
    tfdc_put_fmt(out, "---\n# version %" PRIu32 ", effective_us %" PRId64 "%s%s\n", d->version, d->effective_us,
                 d->author != NULL ? ", " : "", d->author != NULL ? d->author : "");
    tfdc_rc rc = put_body(d->kind, d->body, &mem, out, &c->err);
    tfdc_arena_deinit(&mem);
    if (rc == TFDC_E_LIMIT && out->failed)
      return tfdc_fail(&c->err, rc, "more than %zu MiB of YAML: ask for one kind or id", YAML_BYTES >> 20);
    if (rc != TFDC_OK)
      return tfdc_wrap(&c->err, rc, "%s %s version %" PRIu32, model_def_kind_name(d->kind), d->id, d->version);
  }
  return TFDC_OK;
}

tfdc_rc api_get_definitions(struct api_call *c) {
  struct asked a = {0};
  TFDC_AUTO(api_store_deinit) struct store_req r;
  store_req_init(&r, STORE_DEF_LIST);
  TFDC_TRY(read_asked(c, &a, &r));
  TFDC_TRY(api_store(c->api, &r, &c->err));
  return a.yaml ? put_yaml(c, &a, &r) : put_page(c, &a, &r);
}

/* ---- new versions ---- */

struct change {
  const struct model_definition *d;
  const char *body;        /* JSON */
  struct model_def newest; /* before; version 0 = none */
  uint32_t version;
  bool same;
};
struct applying {
  struct api_call *call;
  struct model_definition *definitions;
  struct change *changes;
  size_t n;
  struct defs_check check;
  int64_t effective_us;
  const char *author, *comment;
  bool dry_run;
};

static tfdc_rc line_param(struct api_call *c, const char *name, const char **ret) {
  *ret = api_param(c, name);
  if (*ret == NULL || tfdc_is_text(*ret, strlen(*ret))) return TFDC_OK;
  return tfdc_fail(&c->err, TFDC_E_BAD_TEXT, "parameter %s: is one line of UTF-8 text of at most %d bytes", name,
                   TFDC_TEXT_MAX);
}

static struct api_def_put put_of(const struct applying *a, const struct change *x) {
  return (struct api_def_put){.kind = x->d->kind,
                              .id = model_definition_id(x->d),
                              .author = a->author,
                              .comment = a->comment,
                              .body = x->body,
                              .effective_us = a->effective_us};
}

static tfdc_rc body_of(const struct model_definition *d, struct tfdc_arena *mem, const char **ret) {
  struct tfdc_buf out = {0};
  tfdc_rc rc = d->kind == MODEL_DEF_STRATEGY ? model_strategy_to_json(&d->strategy, &out)
                                             : model_limit_set_to_json(&d->limits, &out);
  if (rc == TFDC_OK) {
    *ret = tfdc_arena_strndup(mem, (const char *)out.data, out.size);
    if (*ret == NULL) rc = TFDC_E_NOMEM;
  }
  tfdc_buf_deinit(&out);
  return rc;
}

static tfdc_rc find_change(struct applying *a, const struct model_definition *d, struct change *ret) {
  struct api_call *c = a->call;
  ret->d = d;
  tfdc_rc rc = body_of(d, &c->mem, &ret->body);
  if (rc != TFDC_OK)
    return tfdc_fail(&c->err, rc, "line %zu column %zu: %s is larger than %d bytes as JSON, or memory is out",
                     d->at.line, d->at.column, model_definition_id(d), MODEL_BODY_MAX);
  TFDC_TRY(api_def_newest(c->api, d->kind, model_definition_id(d), &c->mem, &ret->newest, &c->err));
  struct api_def_put put = put_of(a, ret);
  ret->same = api_def_says_the_same(&ret->newest, &put);
  ret->version = ret->newest.version + !ret->same;
  return TFDC_OK;
}

static tfdc_rc read_request(struct applying *a) {
  struct api_call *c = a->call;
  a->effective_us = api_now_us(c->api) + HEARD_US;
  TFDC_TRY(api_param_flag(c, "dry_run", &a->dry_run));
  TFDC_TRY(api_param_int(c, "effective_us", INT64_MIN + 1, INT64_MAX, &a->effective_us));
  TFDC_TRY(line_param(c, "author", &a->author));
  TFDC_TRY(line_param(c, "comment", &a->comment));
  TFDC_TRY(model_definitions_from_yaml(c->q->body, c->q->body_n, &c->mem, &a->definitions, &a->n, &c->err));
  a->changes = tfdc_arena_alloc(&c->mem, a->n * sizeof *a->changes);
  if (a->changes == NULL) return tfdc_fail(&c->err, TFDC_E_NOMEM, "%zu definitions", a->n);
  a->check = (struct defs_check){.api = c->api, .mem = &c->mem, .definitions = a->definitions, .n = a->n};
  return defs_check(&a->check, &c->err);
}

/* Limits first: a strategy never stands without them. */
static tfdc_rc write_kind(struct applying *a, enum model_def_kind kind, size_t *written) {
  for (size_t i = 0; i < a->n; i++) {
    struct change *x = &a->changes[i];
    if (x->d->kind != kind || x->same) continue;
    struct api_def_put put = put_of(a, x);
    TFDC_TRY(api_def_put(a->call->api, &put, &x->version, &a->call->err));
    ++*written;
  }
  return TFDC_OK;
}

static tfdc_rc write_all(struct applying *a) {
  struct api_call *c = a->call;
  size_t written = 0;
  tfdc_rc rc = write_kind(a, MODEL_DEF_LIMITS, &written);
  if (rc == TFDC_OK) rc = write_kind(a, MODEL_DEF_STRATEGY, &written);
  if (written == 0) return rc;
  struct tfdc_error err = {0};
  tfdc_rc told = api_defs_announce(c->api, &err); /* what was written counts, also when the rest was not */
  if (rc != TFDC_OK || told == TFDC_OK) return rc;
  return tfdc_fail(&c->err, told, "the definitions are stored, but defenders may not have heard: %s", err.msg);
}

/* ---- the answer ---- */

static void put_diff_line(void *user, char sign, const char *text, size_t n) {
  struct model_json *j = user;
  struct tfdc_buf line = {0};
  tfdc_put_u8(&line, (uint8_t)sign);
  tfdc_put(&line, text, n);
  model_json_key(j, NULL);
  if (tfdc_buf_status(&line) == TFDC_OK)
    model_json_put_string(j->out, (const char *)line.data, line.size);
  else
    j->out->failed = true;
  tfdc_buf_deinit(&line);
}

static tfdc_rc put_diff(const struct change *x, struct model_json *j) {
  struct tfdc_arena mem = {.limit = (size_t)512 << 20};
  struct tfdc_buf from = {0}, to = {0};
  tfdc_rc rc = TFDC_OK;
  if (x->newest.version > 0) rc = put_body(x->newest.kind, x->newest.body, &mem, &from, NULL);
  if (rc != TFDC_OK && rc != TFDC_E_NOMEM) { /* a newer release wrote it: all of it is replaced */
    from.size = 0;
    rc = TFDC_OK;
  }
  if (rc == TFDC_OK) rc = put_body(x->d->kind, x->body, &mem, &to, NULL);
  tfdc_put_u8(&from, 0);
  tfdc_put_u8(&to, 0);
  if (rc == TFDC_OK && (from.failed || to.failed)) rc = TFDC_E_NOMEM;
  model_json_open(j, "diff", '[');
  if (rc == TFDC_OK) rc = text_diff((const char *)from.data, (const char *)to.data, DIFF_LINES, &mem, put_diff_line, j);
  model_json_close(j, ']');
  tfdc_buf_deinit(&from);
  tfdc_buf_deinit(&to);
  tfdc_arena_deinit(&mem);
  return rc;
}

static void put_warnings(const struct applying *a, size_t i, struct model_json *j) {
  model_json_open(j, "warnings", '[');
  if (a->changes[i].d->kind == MODEL_DEF_STRATEGY && a->check.chambers[i] == 0)
    model_json_text(j, NULL, "no known chamber is selected, so SVIDs and units are not checked");
  model_json_close(j, ']');
}

static tfdc_rc put_changes(struct applying *a) {
  struct api_call *c = a->call;
  struct model_json j = model_json_on(&c->ret->body);
  model_json_open(&j, NULL, '{');
  model_json_int(&j, "v", 1);
  model_json_bool(&j, "dry_run", a->dry_run);
  model_json_open(&j, "changes", '[');
  for (size_t i = 0; i < a->n; i++) {
    const struct change *x = &a->changes[i];
    model_json_open(&j, NULL, '{');
    model_json_text(&j, "kind", model_def_kind_name(x->d->kind));
    model_json_text(&j, "id", model_definition_id(x->d));
    model_json_int(&j, "from_version", x->newest.version);
    model_json_int(&j, "to_version", x->version);
    model_json_text(&j, "action", x->same ? "unchanged" : x->newest.version == 0 ? "create" : "update");
    model_json_int(&j, "effective_us", x->same ? x->newest.effective_us : a->effective_us);
    if (x->d->kind == MODEL_DEF_STRATEGY) model_json_u64(&j, "chambers", a->check.chambers[i]);
    put_warnings(a, i, &j);
    tfdc_rc rc = put_diff(x, &j);
    if (rc != TFDC_OK) return tfdc_fail(&c->err, rc, "the difference of %s", model_definition_id(x->d));
    model_json_close(&j, '}');
  }
  model_json_close(&j, ']');
  model_json_close(&j, '}');
  return TFDC_OK;
}

/* Under the lock: versions that are read here are those that are written. */
static tfdc_rc apply(struct applying *a) {
  for (size_t i = 0; i < a->n; i++) TFDC_TRY(find_change(a, &a->definitions[i], &a->changes[i]));
  return a->dry_run ? TFDC_OK : write_all(a);
}

tfdc_rc api_post_definitions(struct api_call *c) {
  struct applying a = {.call = c};
  TFDC_TRY(read_request(&a));
  (void)pthread_mutex_lock(&c->api->publish);
  tfdc_rc rc = apply(&a);
  (void)pthread_mutex_unlock(&c->api->publish);
  return rc == TFDC_OK ? put_changes(&a) : rc;
}
