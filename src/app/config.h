/* SPDX-License-Identifier: Apache-2.0
 * The effective configuration: rows of model/config_list.h, each value with where it came from. A flag beats the
 * environment, which beats the YAML file, which beats the default, in whatever order they are read. Filled at start by
 * one thread, then only read. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "base/err.h"
#include "base/time.h"
#include "model/config_list.h"

#include <stdio.h>

enum app_config_id {
#define X(id, key, type, initial, min, max, env, aliases, help) APP_CONFIG_##id,
  MODEL_CONFIG_LIST(X)
#undef X
      APP_CONFIG_COUNT
};
enum app_config_type {
  APP_CONFIG_BOOL,
  APP_CONFIG_INT,
  APP_CONFIG_FLOAT,
  APP_CONFIG_DUR,
  APP_CONFIG_SIZE,
  APP_CONFIG_TEXT,
  APP_CONFIG_PATH,
  APP_CONFIG_SECRET
};
enum app_config_source { APP_CONFIG_DEFAULT, APP_CONFIG_FILE, APP_CONFIG_ENV, APP_CONFIG_FLAG };

struct app_config_row {
  const char *key, *initial, *env, *aliases, *help; /* aliases: other environment names, separated by blanks */
  enum app_config_type type;
  double min, max;
};
struct app_config_value {
  char *text;     /* owned; as it was given (of a secret read from a file: the content) */
  int64_t number; /* BOOL 0 or 1, INT, DUR microseconds, SIZE bytes */
  double real;    /* FLOAT */
  enum app_config_source source;
  char *where; /* owned: "tfdc.yaml:3:9", "TFDC_DATA", "--data"; NULL for a default */
};
struct app_config {
  struct app_config_value values[APP_CONFIG_COUNT];
};

const struct app_config_row *app_config_row(enum app_config_id id);
const char *app_config_source_name(enum app_config_source source); /* "default", "file", "environment", "flag" */

/* Caller's memory; all values are the defaults. Errors: NOMEM (then nothing is owned). */
TFDC_MUST_USE tfdc_rc app_config_init(struct app_config *c, struct tfdc_error *err);
void app_config_deinit(struct app_config *c);

/* Sets one value, unless a stronger source has set it already (it is checked all the same). `where` is copied. A key of
 * a secret followed by "_file" reads the value from that file, without the newlines at its end. Errors: CONFIG_KEY with
 * the nearest key, CONFIG_VALUE with the range, IO, NOMEM. */
TFDC_MUST_USE tfdc_rc app_config_set(struct app_config *c, const char *key, const char *text,
                                     enum app_config_source source, const char *where, struct tfdc_error *err);
/* A YAML file of nested or dotted keys, at most 1 MiB. Errors: IO, YAML, CONFIG_KEY, CONFIG_VALUE; their messages begin
 * with "file:line:column". Values before the first error are set. */
TFDC_MUST_USE tfdc_rc app_config_load_file(struct app_config *c, const char *path, struct tfdc_error *err);
/* The environment's own names and aliases (the own name wins), and <name>_FILE of secrets. Empty ones count as not
 * set. A TFDC_ name that nearly is a known one is an error (CONFIG_KEY); other unknown names are not ours. */
TFDC_MUST_USE tfdc_rc app_config_load_env(struct app_config *c, char *const envp[], struct tfdc_error *err);
/* Takes `--set key=value`, `--KEY value`, `--KEY=value` and `--config FILE` out of the arguments (argv[0] is skipped)
 * and leaves the others, in order. A bool needs no value (`--KEY`). An option with a dot in its name that is no key is
 * an error (CONFIG_KEY). Stops at "--". */
TFDC_MUST_USE tfdc_rc app_config_take_args(struct app_config *c, int *argc, char **argv, struct tfdc_error *err);
/* All three: the flags, the environment, then the file named by --config or TFDC_CONFIG, if any. */
TFDC_MUST_USE tfdc_rc app_config_load(struct app_config *c, int *argc, char **argv, char *const envp[],
                                      struct tfdc_error *err);

bool app_config_bool(const struct app_config *c, enum app_config_id id);
int64_t app_config_int(const struct app_config *c, enum app_config_id id);
double app_config_float(const struct app_config *c, enum app_config_id id);
tfdc_dur app_config_dur(const struct app_config *c, enum app_config_id id);
int64_t app_config_bytes(const struct app_config *c, enum app_config_id id);    /* SIZE */
const char *app_config_text(const struct app_config *c, enum app_config_id id); /* TEXT, PATH, SECRET; never NULL */

/* Each effective value and where it came from, a line or a JSON object each; secrets are "***". Errors: IO, NOMEM. */
TFDC_MUST_USE tfdc_rc app_config_print(const struct app_config *c, FILE *out, bool json, struct tfdc_error *err);
/* docs/configuration.md, from the table. */
void app_config_print_docs(FILE *out);

/* Value of `text` by the row's rules; the private part that app/config_value.c shares with app/config.c. */
TFDC_MUST_USE tfdc_rc app_config_parse(const struct app_config_row *row, const char *text, struct app_config_value *ret,
                                       struct tfdc_error *err);

#endif
