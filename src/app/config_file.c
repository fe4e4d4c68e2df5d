/* SPDX-License-Identifier: Apache-2.0
 * The YAML file of the configuration: nested mappings of scalars, read event by event, errors with line and column. */
#include "app/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 8, KEY_MAX = 128 };

struct reader {
  struct app_config *config;
  const char *path;
  yaml_parser_t parser;
  char key[KEY_MAX];        /* the dotted key so far */
  size_t length[DEPTH_MAX]; /* of the key of each open mapping */
  int depth;                /* open mappings */
  int documents;
  bool want_value; /* a key was read, its value comes next */
  bool seen[APP_CONFIG_COUNT];
  struct tfdc_error *err;
};

static tfdc_rc fail_at(const struct reader *r, tfdc_rc rc, yaml_mark_t at, const char *text) {
  return tfdc_fail(r->err, rc, "%s:%zu:%zu: %s", r->path, at.line + 1, at.column + 1, text);
}

static tfdc_rc push_key(struct reader *r, const yaml_event_t *e) {
  size_t at = r->length[r->depth - 1], n = e->data.scalar.length;
  if (at + n + 2 > sizeof r->key || memchr(e->data.scalar.value, '\0', n) != NULL)
    return fail_at(r, TFDC_E_CONFIG_KEY, e->start_mark, "key too long");
  if (at > 0) r->key[at++] = '.';
  memcpy(r->key + at, e->data.scalar.value, n);
  r->key[at + n] = '\0';
  r->want_value = true;
  return TFDC_OK;
}

static tfdc_rc take_value(struct reader *r, const yaml_event_t *e) {
  const char *text = (const char *)e->data.scalar.value;
  char where[512];
  if (strlen(text) != e->data.scalar.length) return fail_at(r, TFDC_E_CONFIG_VALUE, e->start_mark, "holds a NUL");
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    if (strcmp(app_config_row((enum app_config_id)i)->key, r->key) != 0) continue;
    if (r->seen[i]) return fail_at(r, TFDC_E_CONFIG_KEY, e->start_mark, "this key is there twice");
    r->seen[i] = true;
  }
  (void)snprintf(where, sizeof where, "%s:%zu:%zu", r->path, e->start_mark.line + 1, e->start_mark.column + 1);
  r->want_value = false;
  tfdc_rc rc = app_config_set(r->config, r->key, text, APP_CONFIG_FILE, where, r->err);
  return rc == TFDC_OK ? rc : tfdc_wrap(r->err, rc, "%s", where);
}

static tfdc_rc take_event(struct reader *r, const yaml_event_t *e, bool *ret_done) {
  switch (e->type) {
  case YAML_SCALAR_EVENT:
    if (r->depth == 0)
      return e->data.scalar.length == 0 ? TFDC_OK : fail_at(r, TFDC_E_YAML, e->start_mark, "a mapping is needed");
    return r->want_value ? take_value(r, e) : push_key(r, e);
  case YAML_MAPPING_START_EVENT:
    if (r->depth > 0 && !r->want_value) return fail_at(r, TFDC_E_YAML, e->start_mark, "a key is a plain word");
    if (r->depth == DEPTH_MAX) return fail_at(r, TFDC_E_YAML, e->start_mark, "nested too deep");
    r->length[r->depth] = r->depth > 0 ? strlen(r->key) : 0;
    r->depth++;
    r->want_value = false;
    return TFDC_OK;
  case YAML_MAPPING_END_EVENT: r->depth--; return TFDC_OK;
  case YAML_SEQUENCE_START_EVENT:
    return fail_at(r, TFDC_E_CONFIG_VALUE, e->start_mark, "no key takes a list; separate by commas");
  case YAML_ALIAS_EVENT: return fail_at(r, TFDC_E_YAML, e->start_mark, "aliases are not supported");
  case YAML_DOCUMENT_START_EVENT:
    return r->documents++ == 0 ? TFDC_OK : fail_at(r, TFDC_E_YAML, e->start_mark, "one document only");
  case YAML_STREAM_END_EVENT: *ret_done = true; return TFDC_OK;
  default: return TFDC_OK;
  }
}

static tfdc_rc read_events(struct reader *r) {
  bool done = false;
  while (!done) {
    yaml_event_t event;
    if (!yaml_parser_parse(&r->parser, &event)) {
      const char *problem = r->parser.problem != NULL ? r->parser.problem : "unreadable";
      return r->parser.error == YAML_MEMORY_ERROR ? tfdc_fail(r->err, TFDC_E_NOMEM, "%s", r->path)
                                                  : fail_at(r, TFDC_E_YAML, r->parser.problem_mark, problem);
    }
    tfdc_rc rc = take_event(r, &event, &done);
    yaml_event_delete(&event);
    if (rc != TFDC_OK) return rc;
  }
  return TFDC_OK;
}

static tfdc_rc read_text(const char *path, char **ret, size_t *ret_n, struct tfdc_error *err) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return tfdc_fail(err, TFDC_E_IO, "%s: %s", path, strerror(errno));
  char *text = malloc(FILE_MAX + 1);
  size_t n = text != NULL ? fread(text, 1, FILE_MAX + 1, f) : 0;
  bool failed = ferror(f) != 0;
  (void)fclose(f);
  tfdc_rc rc = TFDC_OK;
  if (text == NULL)
    rc = tfdc_fail(err, TFDC_E_NOMEM, "%s", path);
  else if (failed)
    rc = tfdc_fail(err, TFDC_E_IO, "%s: cannot be read", path);
  else if (n > FILE_MAX)
    rc = tfdc_fail(err, TFDC_E_LIMIT, "%s: larger than 1 MiB", path);
  if (rc != TFDC_OK) {
    free(text);
    return rc;
  }
  *ret = text;
  *ret_n = n;
  return TFDC_OK;
}

tfdc_rc app_config_load_file(struct app_config *c, const char *path, struct tfdc_error *err) {
  char *text = NULL;
  size_t n = 0;
  TFDC_TRY(read_text(path, &text, &n, err));
  struct reader r = {.config = c, .path = path, .err = err};
  tfdc_rc rc = TFDC_E_NOMEM;
  if (yaml_parser_initialize(&r.parser)) {
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    rc = read_events(&r);
    yaml_parser_delete(&r.parser);
  }
  free(text);
  return rc;
}
