/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_FILE_MAX = 65536, NAME_MAX_BYTES = 128 };

static const struct app_config_row rows[APP_CONFIG_COUNT] = {
#define X(id, key, type, initial, min, max, env, aliases, help)                                                        \
  {key, initial, env, aliases, help, APP_CONFIG_##type, min, max},
    MODEL_CONFIG_LIST(X)
#undef X
};

const struct app_config_row *app_config_row(enum app_config_id id) { return &rows[id]; }

static const char *const source_names[] = {"default", "file", "environment", "flag"};

tfdc_rc app_config_init(struct app_config *c, struct tfdc_error *err) {
  *c = (struct app_config){0};
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    struct app_config_value *v = &c->values[i];
    v->text = strdup(rows[i].initial);
    if (v->text == NULL) {
      app_config_deinit(c);
      return tfdc_fail(err, TFDC_E_NOMEM, "configuration");
    }
    tfdc_rc rc = app_config_parse(&rows[i], v->text, v, err);
    TFDC_ASSERT(rc == TFDC_OK); /* the table's own default */
  }
  return TFDC_OK;
}

void app_config_deinit(struct app_config *c) {
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    free(c->values[i].text);
    free(c->values[i].where);
  }
  *c = (struct app_config){0};
}

/* The row of a key (`n` bytes of it), or -1. */
static int find(const char *key, size_t n) {
  for (int i = 0; i < APP_CONFIG_COUNT; i++)
    if (strlen(rows[i].key) == n && memcmp(rows[i].key, key, n) == 0) return i;
  return -1;
}

static tfdc_rc unknown(const char *key, struct tfdc_error *err) {
  const char *nearest = NULL;
  size_t best = SIZE_MAX;
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    const char *last = strrchr(rows[i].key, '.');
    size_t whole = tfdc_distance(key, rows[i].key), tail = last != NULL ? tfdc_distance(key, last + 1) : whole;
    size_t distance = whole < tail ? whole : tail;
    if (distance < best) {
      best = distance;
      nearest = rows[i].key;
    }
  }
  if (nearest == NULL) return tfdc_fail(err, TFDC_E_CONFIG_KEY, "unknown key '%.80s'", key);
  return tfdc_fail(err, TFDC_E_CONFIG_KEY, "unknown key '%.80s'; the nearest is '%s'", key, nearest);
}

static tfdc_rc store(struct app_config *c, int id, const char *text, enum app_config_source source, const char *where,
                     struct tfdc_error *err) {
  struct app_config_value *v = &c->values[id], fresh = {.source = source};
  TFDC_TRY(app_config_parse(&rows[id], text, &fresh, err));
  if (source < v->source) return TFDC_OK;
  fresh.text = strdup(text);
  fresh.where = strdup(where);
  if (fresh.text == NULL || fresh.where == NULL) {
    free(fresh.text);
    free(fresh.where);
    return tfdc_fail(err, TFDC_E_NOMEM, "configuration");
  }
  free(v->text);
  free(v->where);
  *v = fresh;
  return TFDC_OK;
}

static tfdc_rc store_from_file(struct app_config *c, int id, const char *path, enum app_config_source source,
                               const char *where, struct tfdc_error *err) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return tfdc_fail(err, TFDC_E_IO, "%s_file: %s: %s", rows[id].key, path, strerror(errno));
  char *text = malloc(SECRET_FILE_MAX + 1);
  size_t n = text != NULL ? fread(text, 1, SECRET_FILE_MAX + 1, f) : 0;
  bool failed = ferror(f) != 0;
  (void)fclose(f);
  tfdc_rc rc = TFDC_OK;
  if (text == NULL)
    rc = tfdc_fail(err, TFDC_E_NOMEM, "configuration");
  else if (failed)
    rc = tfdc_fail(err, TFDC_E_IO, "%s_file: %s cannot be read", rows[id].key, path);
  else if (n > SECRET_FILE_MAX || memchr(text, '\0', n) != NULL)
    rc = tfdc_fail(err, TFDC_E_CONFIG_VALUE, "%s_file: %s is no short text file", rows[id].key, path);
  if (rc == TFDC_OK) {
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) n--;
    text[n] = '\0';
    rc = store(c, id, text, source, where, err);
  }
  free(text);
  return rc;
}

tfdc_rc app_config_set(struct app_config *c, const char *key, const char *text, enum app_config_source source,
                       const char *where, struct tfdc_error *err) {
  size_t n = strlen(key);
  int id = find(key, n);
  if (id >= 0) return store(c, id, text, source, where, err);
  if (n > 5 && strcmp(key + n - 5, "_file") == 0) {
    id = find(key, n - 5);
    if (id >= 0 && rows[id].type == APP_CONFIG_SECRET) return store_from_file(c, id, text, source, where, err);
  }
  return unknown(key, err);
}

/* Value of NAME in the environment; NULL when it is not set or empty. */
static const char *env_value(char *const envp[], const char *name, size_t n) {
  for (; *envp != NULL; envp++)
    if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=') return (*envp)[n + 1] != '\0' ? *envp + n + 1 : NULL;
  return NULL;
}

static tfdc_rc load_env_row(struct app_config *c, int id, char *const envp[], struct tfdc_error *err) {
  const struct app_config_row *row = &rows[id];
  const char *value = NULL;
  char name[NAME_MAX_BYTES];
  for (const char *p = row->aliases; *p != '\0' && value == NULL; p += *p == ' ') {
    size_t n = strcspn(p, " ");
    (void)snprintf(name, sizeof name, "%.*s", (int)n, p);
    value = env_value(envp, p, n);
    p += n;
  }
  const char *own = env_value(envp, row->env, strlen(row->env));
  if (own != NULL) {
    value = own;
    (void)snprintf(name, sizeof name, "%s", row->env);
  }
  tfdc_rc rc = value != NULL ? store(c, id, value, APP_CONFIG_ENV, name, err) : TFDC_OK;
  if (rc == TFDC_OK && value == NULL && row->type == APP_CONFIG_SECRET) {
    (void)snprintf(name, sizeof name, "%s_FILE", row->env);
    value = env_value(envp, name, strlen(name));
    if (value != NULL) rc = store_from_file(c, id, value, APP_CONFIG_ENV, name, err);
  }
  return rc == TFDC_OK ? rc : tfdc_wrap(err, rc, "%s", name);
}

/* A name of ours with a slip of the pen must not pass in silence; other programs' names must. */
static tfdc_rc check_env_name(const char *entry, struct tfdc_error *err) {
  size_t n = strcspn(entry, "=");
  char name[65];
  if (strncmp(entry, "TFDC_", 5) != 0 || n >= sizeof name) return TFDC_OK;
  memcpy(name, entry, n);
  name[n] = '\0';
  const char *nearest = NULL;
  for (int i = 0; i < APP_CONFIG_COUNT; i++) {
    size_t distance = tfdc_distance(name, rows[i].env);
    if (distance == 0) return TFDC_OK;
    if (distance <= 2) nearest = rows[i].env;
  }
  if (nearest == NULL) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_CONFIG_KEY, "environment %s is unknown; the nearest is %s", name, nearest);
}

tfdc_rc app_config_load_env(struct app_config *c, char *const envp[], struct tfdc_error *err) {
  for (int i = 0; i < APP_CONFIG_COUNT; i++) TFDC_TRY(load_env_row(c, i, envp, err));
  for (char *const *e = envp; *e != NULL; e++) TFDC_TRY(check_env_name(*e, err));
  return TFDC_OK;
}

/* One option argv[i], without its dashes. *ret_used: how many arguments it took; 0: not ours. */
static tfdc_rc take_option(struct app_config *c, const char *option, const char *next, int *ret_used,
                           struct tfdc_error *err) {
  char key[NAME_MAX_BYTES], where[NAME_MAX_BYTES + 2];
  size_t n = strcspn(option, "=");
  *ret_used = 0;
  if (n >= sizeof key) return TFDC_OK;
  memcpy(key, option, n);
  key[n] = '\0';
  const char *value = option[n] == '=' ? option + n + 1 : next;
  int used = option[n] == '=' ? 1 : 2;
  if (strcmp(key, "set") == 0) {
    size_t m = value != NULL ? strcspn(value, "=") : 0;
    if (m == 0 || m >= sizeof key || value[m] != '=') return tfdc_fail(err, TFDC_E_USAGE, "--set needs key=value");
    memcpy(key, value, m);
    key[m] = '\0';
    value += m + 1;
  } else {
    int id = find(key, n);
    bool is_file = n > 5 && strcmp(key + n - 5, "_file") == 0 && find(key, n - 5) >= 0;
    if (id < 0 && !is_file) return strchr(key, '.') != NULL ? unknown(key, err) : TFDC_OK;
    if (id >= 0 && rows[id].type == APP_CONFIG_BOOL && option[n] != '=') {
      value = "true";
      used = 1;
    }
  }
  if (value == NULL) return tfdc_fail(err, TFDC_E_USAGE, "--%s needs a value", key);
  (void)snprintf(where, sizeof where, "--%s", key);
  TFDC_TRY(app_config_set(c, key, value, APP_CONFIG_FLAG, where, err));
  *ret_used = used;
  return TFDC_OK;
}

tfdc_rc app_config_take_args(struct app_config *c, int *argc, char **argv, struct tfdc_error *err) {
  int kept = 1, i = 1;
  while (i < *argc) {
    int used = 0;
    if (strcmp(argv[i], "--") == 0) break;
    if (strncmp(argv[i], "--", 2) == 0)
      TFDC_TRY(take_option(c, argv[i] + 2, i + 1 < *argc ? argv[i + 1] : NULL, &used, err));
    if (used == 0)
      argv[kept++] = argv[i++];
    else
      i += used;
  }
  while (i < *argc) argv[kept++] = argv[i++];
  *argc = kept;
  argv[kept] = NULL;
  return TFDC_OK;
}

/* Takes --config FILE out of the arguments; the last one counts. */
static tfdc_rc take_file(int *argc, char **argv, const char **ret, struct tfdc_error *err) {
  int kept = 1, i = 1;
  while (i < *argc && strcmp(argv[i], "--") != 0) {
    if (strncmp(argv[i], "--config=", 9) == 0) {
      *ret = argv[i++] + 9;
    } else if (strcmp(argv[i], "--config") == 0) {
      if (i + 1 >= *argc) return tfdc_fail(err, TFDC_E_USAGE, "--config needs a file");
      *ret = argv[i + 1];
      i += 2;
    } else {
      argv[kept++] = argv[i++];
    }
  }
  while (i < *argc) argv[kept++] = argv[i++];
  *argc = kept;
  argv[kept] = NULL;
  return TFDC_OK;
}

tfdc_rc app_config_load(struct app_config *c, int *argc, char **argv, char *const envp[], struct tfdc_error *err) {
  const char *file = env_value(envp, "TFDC_CONFIG", strlen("TFDC_CONFIG"));
  TFDC_TRY(take_file(argc, argv, &file, err));
  TFDC_TRY(app_config_take_args(c, argc, argv, err));
  TFDC_TRY(app_config_load_env(c, envp, err));
  return file != NULL ? app_config_load_file(c, file, err) : TFDC_OK;
}

static const struct app_config_value *get(const struct app_config *c, enum app_config_id id,
                                          enum app_config_type type) {
  TFDC_ASSERT(rows[id].type == type);
  return &c->values[id];
}

bool app_config_bool(const struct app_config *c, enum app_config_id id) {
  return get(c, id, APP_CONFIG_BOOL)->number != 0;
}
int64_t app_config_int(const struct app_config *c, enum app_config_id id) { return get(c, id, APP_CONFIG_INT)->number; }
double app_config_float(const struct app_config *c, enum app_config_id id) {
  return get(c, id, APP_CONFIG_FLOAT)->real;
}
tfdc_dur app_config_dur(const struct app_config *c, enum app_config_id id) {
  return (tfdc_dur){get(c, id, APP_CONFIG_DUR)->number};
}
int64_t app_config_bytes(const struct app_config *c, enum app_config_id id) {
  return get(c, id, APP_CONFIG_SIZE)->number;
}
const char *app_config_text(const struct app_config *c, enum app_config_id id) {
  TFDC_ASSERT(rows[id].type >= APP_CONFIG_TEXT);
  return c->values[id].text;
}

const char *app_config_source_name(enum app_config_source source) { return source_names[source]; }
