/* SPDX-License-Identifier: Apache-2.0
 * Definitions from YAML. libyaml's events become a tree whose scalars are strings, for fields_read.c, and beside it a
 * tree of marks, so that an error in a field finds its line and column. Anchors, aliases and tags are refused: nothing
 * in a definition needs them, and an alias lets a small file stand for a huge one. */
#include "base/text.h"
#include "model/codec.h"
#include "model/definition.h"
#include "model/strategy.h"

#include <yaml.h>

enum { YAML_DEPTH_MAX = 16, YAML_DOCUMENTS_MAX = 1000 };
struct limits {
  size_t bytes, nodes;
};
static const struct limits usual = {1 << 20, 200000};
/* Limit sets of many chambers are large. */
static const struct limits wide = {2 * (size_t)MODEL_BODY_MAX, 1000000};

struct mark {
  size_t line, column; /* from 1 */
};
struct mark_node {
  const char *key; /* of a member of a mapping, else NULL */
  struct mark key_at, at;
  struct mark_node *first, *last, *next;
};
struct frame {
  json_t *value; /* borrowed from the tree; a list or a mapping */
  struct mark_node *node;
  const char *key; /* read, its value is still to come */
  struct mark key_at;
};
struct loader {
  yaml_parser_t parser;
  struct tfdc_arena *mem;
  struct tfdc_error *err;
  struct limits limits;
  struct frame frames[YAML_DEPTH_MAX];
  size_t depth, nodes;
  json_t *root; /* owned */
  struct mark_node *root_node;
};

static void deinit_loader(struct loader *l) {
  json_decref(l->root);
  yaml_parser_delete(&l->parser);
}

static struct mark mark_of(const yaml_mark_t *m) { return (struct mark){m->line + 1, m->column + 1}; }

static tfdc_rc fail_at(struct loader *l, struct mark m, tfdc_rc rc, const char *text) {
  return tfdc_fail(l->err, rc, "line %zu column %zu: %s", m.line, m.column, text);
}

static tfdc_rc syntax_error(struct loader *l) {
  const yaml_parser_t *p = &l->parser;
  const char *problem = p->problem == NULL ? "not YAML" : p->problem;
  if (p->error == YAML_MEMORY_ERROR) return tfdc_fail(l->err, TFDC_E_NOMEM, "out of memory");
  if (p->error == YAML_READER_ERROR) return tfdc_fail(l->err, TFDC_E_YAML, "byte %zu: %s", p->problem_offset, problem);
  struct mark m = mark_of(&p->problem_mark);
  const char *star =
      p->context != NULL && strstr(p->context, "alias") != NULL ? " (a pattern that begins with * needs quotes)" : "";
  return tfdc_fail(l->err, TFDC_E_YAML, "line %zu column %zu: %s%s", m.line, m.column, problem, star);
}

static tfdc_rc nomem(struct loader *l) { return tfdc_fail(l->err, TFDC_E_NOMEM, "out of memory"); }

/* Hangs `value` (owned, passes to the tree also on failure) into the tree. */
static tfdc_rc add(struct loader *l, json_t *value, struct mark where, struct mark_node **ret) {
  if (value == NULL) return nomem(l);
  struct mark_node *node = tfdc_arena_alloc(l->mem, sizeof *node);
  if (node == NULL || ++l->nodes > l->limits.nodes) {
    json_decref(value);
    return node == NULL ? nomem(l) : fail_at(l, where, TFDC_E_LIMIT, "too many values in one file");
  }
  node->at = where;
  *ret = node;
  if (l->depth == 0) {
    l->root = value;
    l->root_node = node;
    return TFDC_OK;
  }
  struct frame *f = &l->frames[l->depth - 1];
  node->key = f->key;
  node->key_at = f->key_at;
  if (f->node->last == NULL)
    f->node->first = node;
  else
    f->node->last->next = node;
  f->node->last = node;
  int rc = f->key == NULL ? json_array_append_new(f->value, value) : json_object_set_new(f->value, f->key, value);
  f->key = NULL;
  return rc == 0 ? TFDC_OK : nomem(l);
}

static bool wants_key(const struct loader *l) {
  return l->depth > 0 && json_is_object(l->frames[l->depth - 1].value) && l->frames[l->depth - 1].key == NULL;
}

static tfdc_rc open_frame(struct loader *l, json_t *value, struct mark where) {
  struct mark_node *node;
  if (wants_key(l) || l->depth == YAML_DEPTH_MAX) {
    json_decref(value);
    if (wants_key(l)) return fail_at(l, where, TFDC_E_DEFINITION, "a key must be a text");
    return fail_at(l, where, TFDC_E_LIMIT, "nested too deep");
  }
  TFDC_TRY(add(l, value, where, &node));
  l->frames[l->depth++] = (struct frame){.value = value, .node = node};
  return TFDC_OK;
}

static tfdc_rc take_key(struct loader *l, const char *s, size_t n, struct mark where) {
  struct frame *f = &l->frames[l->depth - 1];
  char text[160];
  if (n == 0 || !tfdc_is_text(s, n)) return fail_at(l, where, TFDC_E_DEFINITION, "bad key");
  f->key = tfdc_arena_strndup(l->mem, s, n);
  if (f->key == NULL) return nomem(l);
  f->key_at = where;
  if (json_object_get(f->value, f->key) == NULL) return TFDC_OK;
  (void)snprintf(text, sizeof text, "key \"%.64s\" is there twice", f->key);
  return fail_at(l, where, TFDC_E_DEFINITION, text);
}

static bool is_null(const char *s, size_t n) {
  return n == 0 || (n == 1 && s[0] == '~') || (n == 4 && memcmp(s, "null", 4) == 0);
}

static tfdc_rc take_scalar(struct loader *l, const yaml_event_t *e, struct mark where) {
  const char *s = (const char *)e->data.scalar.value;
  size_t n = e->data.scalar.length;
  struct mark_node *node;
  if (wants_key(l)) return take_key(l, s, n, where);
  bool null = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null(s, n);
  return add(l, null ? json_null() : json_stringn_nocheck(s, n), where, &node);
}

static const void *anchor_of(const yaml_event_t *e) {
  switch (e->type) {
  case YAML_SCALAR_EVENT: return e->data.scalar.anchor;
  case YAML_SEQUENCE_START_EVENT: return e->data.sequence_start.anchor;
  case YAML_MAPPING_START_EVENT: return e->data.mapping_start.anchor;
  default: return NULL;
  }
}

static const void *tag_of(const yaml_event_t *e) {
  switch (e->type) {
  case YAML_SCALAR_EVENT: return e->data.scalar.tag;
  case YAML_SEQUENCE_START_EVENT: return e->data.sequence_start.tag;
  case YAML_MAPPING_START_EVENT: return e->data.mapping_start.tag;
  default: return NULL;
  }
}

static tfdc_rc take_event(struct loader *l, const yaml_event_t *e) {
  struct mark where = mark_of(&e->start_mark);
  if (anchor_of(e) != NULL) return fail_at(l, where, TFDC_E_DEFINITION, "anchors are not supported");
  if (tag_of(e) != NULL) return fail_at(l, where, TFDC_E_DEFINITION, "tags are not supported");
  switch (e->type) {
  case YAML_ALIAS_EVENT:
    return fail_at(l, where, TFDC_E_DEFINITION,
                   "aliases are not supported (a pattern that begins with * needs quotes)");
  case YAML_SCALAR_EVENT: return take_scalar(l, e, where);
  case YAML_SEQUENCE_START_EVENT: return open_frame(l, json_array(), where);
  case YAML_MAPPING_START_EVENT: return open_frame(l, json_object(), where);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: l->depth--; return TFDC_OK;
  default: return TFDC_OK;
  }
}

/* The next document into l->root; *ret_more is false at the end of the file. */
static tfdc_rc load_document(struct loader *l, bool *ret_more) {
  json_decref(l->root);
  l->root = NULL;
  l->depth = 0;
  for (;;) {
    yaml_event_t e;
    if (!yaml_parser_parse(&l->parser, &e)) return syntax_error(l);
    yaml_event_type_t type = e.type;
    tfdc_rc rc = take_event(l, &e);
    yaml_event_delete(&e);
    TFDC_TRY(rc);
    *ret_more = type != YAML_STREAM_END_EVENT;
    if (type == YAML_STREAM_END_EVENT || type == YAML_DOCUMENT_END_EVENT) return TFDC_OK;
  }
}

/* --- from a document to a record --- */

/* The mark that a path leads to, or of the last thing on its way that is there. */
static struct mark find_mark(const struct mark_node *node, const struct model_path *path, bool on_key) {
  struct mark found = node->at;
  for (size_t i = 0; i < path->n; i++) {
    const struct model_path_step *s = &path->steps[i];
    size_t index = 0;
    for (node = node->first; node != NULL; node = node->next, index++) {
      if (s->key != NULL ? node->key != NULL && strcmp(node->key, s->key) == 0 : index == s->index) break;
    }
    if (node == NULL) break;
    found = on_key && i + 1 == path->n ? node->key_at : node->at;
  }
  return found;
}

static bool is_about_content(tfdc_rc rc) {
  return rc == TFDC_E_MALFORMED || rc == TFDC_E_RANGE || rc == TFDC_E_BAD_ID || rc == TFDC_E_BAD_TEXT;
}

static tfdc_rc take_document(struct loader *l, const struct model_table *t, model_check_fn *check, void *ret) {
  struct model_tree_where where = {0};
  struct tfdc_error inner = {0};
  char path[200];
  tfdc_rc rc = model_fields_from_tree(t, l->root, l->mem, ret, &where, &inner);
  if (rc == TFDC_OK && check != NULL) rc = check(ret, l->mem, &where.path, &inner);
  if (rc == TFDC_OK || rc == TFDC_E_NOMEM) return rc == TFDC_OK ? rc : nomem(l);
  struct mark m = find_mark(l->root_node, &where.path, where.on_key);
  if (is_about_content(rc)) rc = TFDC_E_DEFINITION;
  return tfdc_fail(l->err, rc, "line %zu column %zu: %s%s%s", m.line, m.column,
                   model_path_format(&where.path, path, sizeof path), where.path.n > 0 ? ": " : "",
                   tfdc_error_msg(&inner));
}

struct records {
  char *items;
  size_t n, cap;
};

static void *next_record(struct records *r, size_t size, struct tfdc_arena *mem) {
  if (r->n == r->cap) {
    size_t cap = r->cap == 0 ? 4 : 2 * r->cap;
    char *items = tfdc_arena_array(mem, cap, size);
    if (items == NULL) return NULL;
    if (r->n > 0) memcpy(items, r->items, r->n * size);
    r->items = items;
    r->cap = cap;
  }
  return r->items + r->n * size;
}

/* The first text field of both records is the id. */
static bool is_twice(const struct model_table *t, const struct records *r, const char *id) {
  for (size_t i = 0; i < r->n; i++) {
    if (strcmp(model_field_text(&t->fields[0], r->items + i * t->size), id) == 0) return true;
  }
  return false;
}

static tfdc_rc load_all(struct loader *l, const struct model_table *t, model_check_fn *check, struct records *r) {
  for (bool more = true;;) {
    TFDC_TRY(load_document(l, &more));
    if (!more) break;
    if (json_is_null(l->root)) continue;
    void *record = next_record(r, t->size, l->mem);
    if (record == NULL) return nomem(l);
    TFDC_TRY(take_document(l, t, check, record));
    if (is_twice(t, r, model_field_text(&t->fields[0], record)))
      return fail_at(l, l->root_node->at, TFDC_E_DEFINITION, "its id is used further up in the file");
    if (++r->n > YAML_DOCUMENTS_MAX) return fail_at(l, l->root_node->at, TFDC_E_LIMIT, "too many documents");
  }
  return r->n > 0 ? TFDC_OK : tfdc_fail(l->err, TFDC_E_DEFINITION, "line 1 column 1: no %s in the file", t->name);
}

static tfdc_rc load_one(struct loader *l, const struct model_table *t, model_check_fn *check, void *ret) {
  bool more;
  do TFDC_TRY(load_document(l, &more));
  while (more && json_is_null(l->root));
  if (!more) return tfdc_fail(l->err, TFDC_E_DEFINITION, "line 1 column 1: no %s in the file", t->name);
  TFDC_TRY(take_document(l, t, check, ret));
  while (more) {
    TFDC_TRY(load_document(l, &more));
    if (more && !json_is_null(l->root)) return fail_at(l, l->root_node->at, TFDC_E_DEFINITION, "one document only");
  }
  return TFDC_OK;
}

/* A parser over the text, to be freed with deinit_loader in any case. */
static tfdc_rc init_loader(struct loader *l, const char *text, size_t n) {
  if (n > l->limits.bytes) return tfdc_fail(l->err, TFDC_E_LIMIT, "%zu bytes of YAML, at most %zu", n, l->limits.bytes);
  if (!yaml_parser_initialize(&l->parser)) return nomem(l);
  yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&l->parser, (const unsigned char *)text, n);
  return TFDC_OK;
}

static tfdc_rc from_yaml(const struct model_table *t, model_check_fn *check, const char *text, size_t n,
                         struct tfdc_arena *mem, struct records *ret, struct tfdc_error *err) {
  TFDC_AUTO(deinit_loader) struct loader l = {.mem = mem, .err = err, .limits = usual};
  TFDC_TRY(init_loader(&l, text, n));
  return load_all(&l, t, check, ret);
}

tfdc_rc model_fields_from_yaml(const struct model_table *t, model_check_fn *check, const char *text, size_t n,
                               struct tfdc_arena *mem, void *ret, struct tfdc_error *err) {
  TFDC_AUTO(deinit_loader) struct loader l = {.mem = mem, .err = err, .limits = usual};
  TFDC_TRY(init_loader(&l, text, n));
  return load_one(&l, t, check, ret);
}

/* --- documents of both kinds --- */

static const struct mark_node *member_of(const struct mark_node *node, const char *key) {
  for (node = node->first; node != NULL; node = node->next)
    if (node->key != NULL && strcmp(node->key, key) == 0) return node;
  return NULL;
}

static struct model_place place_of(const struct mark_node *node) {
  return (struct model_place){node->at.line, node->at.column};
}

/* Places of n items below the member `list` of the document, or of the member `key` in each of them. One scalar may
 * stand for a list of one. */
static tfdc_rc find_places(struct loader *l, const char *list, const char *key, size_t n,
                           const struct model_place **ret) {
  struct model_place *places = tfdc_arena_array(l->mem, n, sizeof *places);
  if (places == NULL) return nomem(l);
  const struct mark_node *all = member_of(l->root_node, list), *item = all != NULL ? all->first : NULL;
  for (size_t i = 0; i < n; i++) {
    const struct mark_node *found = item == NULL ? all : item;
    const struct mark_node *inside = key != NULL && found != NULL ? member_of(found, key) : NULL;
    if (inside != NULL) found = inside;
    places[i] = place_of(found != NULL ? found : l->root_node);
    if (item != NULL) item = item->next;
  }
  *ret = places;
  return TFDC_OK;
}

static tfdc_rc take_definition(struct loader *l, struct model_definition *d) {
  *d = (struct model_definition){.at = place_of(l->root_node)};
  bool strategy = member_of(l->root_node, "strategy") != NULL;
  if (!strategy && member_of(l->root_node, "limits") == NULL)
    return fail_at(l, l->root_node->at, TFDC_E_DEFINITION, "must have the key \"strategy\" or \"limits\"");
  if (!strategy) {
    d->kind = MODEL_DEF_LIMITS;
    return take_document(l, &model_limit_set_table, NULL, &d->limits);
  }
  d->kind = MODEL_DEF_STRATEGY;
  TFDC_TRY(take_document(l, &model_strategy_table, model_strategy_check, &d->strategy));
  TFDC_TRY(find_places(l, "charts", "eq", d->strategy.n_charts, &d->eqs));
  return find_places(l, "rules", NULL, d->strategy.rules.n, &d->rules);
}

static tfdc_rc load_definitions(struct loader *l, struct records *r) {
  for (bool more = true;;) {
    TFDC_TRY(load_document(l, &more));
    if (!more) break;
    if (json_is_null(l->root)) continue;
    struct model_definition *d = next_record(r, sizeof *d, l->mem);
    if (d == NULL) return nomem(l);
    TFDC_TRY(take_definition(l, d));
    const struct model_definition *all = (const struct model_definition *)(const void *)r->items;
    for (size_t i = 0; i < r->n; i++)
      if (all[i].kind == d->kind && strcmp(model_definition_id(&all[i]), model_definition_id(d)) == 0)
        return fail_at(l, l->root_node->at, TFDC_E_DEFINITION, "its id is used further up in the file");
    if (++r->n > YAML_DOCUMENTS_MAX) return fail_at(l, l->root_node->at, TFDC_E_LIMIT, "too many documents");
  }
  if (r->n > 0) return TFDC_OK;
  return tfdc_fail(l->err, TFDC_E_DEFINITION, "line 1 column 1: no strategy and no limit set in the file");
}

tfdc_rc model_definitions_from_yaml(const char *text, size_t n, struct tfdc_arena *mem, struct model_definition **ret,
                                    size_t *ret_n, struct tfdc_error *err) {
  struct records r = {0};
  TFDC_AUTO(deinit_loader) struct loader l = {.mem = mem, .err = err, .limits = wide};
  TFDC_TRY(init_loader(&l, text, n));
  TFDC_TRY(load_definitions(&l, &r));
  *ret = (struct model_definition *)(void *)r.items;
  *ret_n = r.n;
  return TFDC_OK;
}

tfdc_rc model_strategies_from_yaml(const char *text, size_t n, struct tfdc_arena *mem, struct model_strategy **ret,
                                   size_t *ret_n, struct tfdc_error *err) {
  struct records r = {0};
  TFDC_TRY(from_yaml(&model_strategy_table, model_strategy_check, text, n, mem, &r, err));
  *ret = (struct model_strategy *)(void *)r.items;
  *ret_n = r.n;
  return TFDC_OK;
}

tfdc_rc model_limit_sets_from_yaml(const char *text, size_t n, struct tfdc_arena *mem, struct model_limit_set **ret,
                                   size_t *ret_n, struct tfdc_error *err) {
  struct records r = {0};
  TFDC_TRY(from_yaml(&model_limit_set_table, NULL, text, n, mem, &r, err));
  *ret = (struct model_limit_set *)(void *)r.items;
  *ret_n = r.n;
  return TFDC_OK;
}
