/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli_priv.h"

#include "base/text.h"

#include <string.h>
#include <unistd.h>

extern char **environ;

/* ---- parsing ---- */

static const struct cli_option *find(const struct cli_command *c, const char *name, size_t n) {
  for (size_t i = 0; i < c->n_options; i++)
    if (strlen(c->options[i].name) == n && strncmp(c->options[i].name, name, n) == 0) return &c->options[i];
  return NULL;
}

static tfdc_rc unknown_option(const struct cli_command *c, const char *option, size_t n, struct tfdc_error *err) {
  const char *nearest = NULL;
  char name[80];
  (void)snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), option);
  size_t best = strlen(name) / 3 + 1;
  for (size_t i = 0; i < c->n_options; i++) {
    size_t d = tfdc_distance(c->options[i].name, name);
    if (d < best) best = d, nearest = c->options[i].name;
  }
  for (size_t i = 0; i < APP_CONFIG_COUNT; i++) {
    const char *key = app_config_row((enum app_config_id)i)->key;
    size_t d = tfdc_distance(key, name);
    if (d < best) best = d, nearest = key;
  }
  if (nearest != NULL) return tfdc_fail(err, TFDC_E_USAGE, "no option --%s; did you mean --%s?", name, nearest);
  return tfdc_fail(err, TFDC_E_USAGE, "no option --%s; `tfdc %s --help` lists them", name, c->name);
}

/* Takes one option; *at moves on behind it. */
static tfdc_rc take_option(const struct cli_command *c, int argc, char **argv, int *at, struct tfdc_error *err) {
  const char *name = argv[*at] + 2, *equals = strchr(name, '=');
  if (argv[*at][1] != '-') { /* one letter */
    if (strcmp(argv[*at], "-o") != 0) return tfdc_fail(err, TFDC_E_USAGE, "no option %s", argv[*at]);
    name = "output";
    equals = NULL;
  }
  size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
  const struct cli_option *o = find(c, name, n);
  if (o == NULL) return unknown_option(c, name, n, err);
  const char *value = equals != NULL ? equals + 1 : NULL;
  ++*at;
  if (o->type == CLI_FLAG && value != NULL) return tfdc_fail(err, TFDC_E_USAGE, "--%s takes no value", o->name);
  if (o->type != CLI_FLAG && value == NULL) {
    if (*at >= argc) return tfdc_fail(err, TFDC_E_USAGE, "--%s needs %s", o->name, o->value);
    value = argv[(*at)++];
  }
  return cli_take_value(o, value, err);
}

static tfdc_rc take_options(const struct cli_command *c, int *argc, char **argv, struct tfdc_error *err) {
  int kept = 1, i = 1;
  while (i < *argc) {
    if (strcmp(argv[i], "--") == 0) {
      for (i++; i < *argc; i++) argv[kept++] = argv[i];
      break;
    }
    if (argv[i][0] != '-' || argv[i][1] == '\0') {
      argv[kept++] = argv[i++];
      continue;
    }
    TFDC_TRY(take_option(c, *argc, argv, &i, err));
  }
  *argc = kept;
  return TFDC_OK;
}

bool cli_parse(const struct cli_command *c, int *argc, char **argv, struct app_config *config, int *ret_status) {
  struct tfdc_error err = {0};
  if (cli_print_help(c, *argc, argv)) {
    *ret_status = CLI_OK;
    return false;
  }
  tfdc_rc rc = app_config_init(config, &err);
  if (rc == TFDC_OK) {
    rc = app_config_load(config, argc, argv, environ, &err);
    if (rc == TFDC_OK) rc = take_options(c, argc, argv, &err);
    if (rc != TFDC_OK) app_config_deinit(config);
  }
  if (rc == TFDC_OK) return true;
  *ret_status = cli_fail(c->name, &err);
  return false;
}

tfdc_rc cli_operands(const struct cli_command *c, int argc, char **argv, int min, int max, struct tfdc_error *err) {
  if (argc - 1 > max) return tfdc_fail(err, TFDC_E_USAGE, "unexpected argument %s", argv[1 + max]);
  if (argc - 1 < min) return tfdc_fail(err, TFDC_E_USAGE, "%s is missing", c->operands);
  return TFDC_OK;
}

int cli_fail(const char *name, const struct tfdc_error *err) {
  (void)fprintf(stderr, "tfdc %s: %s\n", name, tfdc_error_msg(err));
  const char *hint = tfdc_rc_hint(err->code);
  if (err->code == TFDC_E_USAGE)
    (void)fprintf(stderr, "`tfdc %s --help` says more\n", name);
  else if (hint[0] != '\0')
    (void)fprintf(stderr, "%s\n", hint);
  switch (err->code) {
  case TFDC_E_TIMEOUT:
  case TFDC_E_UNAVAILABLE:
  case TFDC_E_BUSY:
  case TFDC_E_DRAINING: return CLI_UNAVAILABLE;
  default: break;
  }
  tfdc_class class = tfdc_rc_class(err->code);
  return class == TFDC_CLASS_USAGE ? CLI_USAGE : class == TFDC_CLASS_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED;
}

/* ---- progress ---- */

#define QUIET_US (2 * TFDC_US_PER_S)

void cli_progress_begin(struct cli_progress *p, const char *what) {
  *p = (struct cli_progress){.what = what, .began_us = cli_now_us(), .terminal = isatty(STDERR_FILENO) == 1};
}

void cli_progress_update(struct cli_progress *p, double done, double total) {
  int64_t now = cli_now_us(), every = p->terminal ? TFDC_US_PER_S / 5 : 10 * TFDC_US_PER_S;
  if (now - p->began_us < QUIET_US || now - p->told_us < every) return;
  p->told_us = now;
  p->shown = true;
  double seconds = (double)(now - p->began_us) / 1e6;
  const char *begin = p->terminal ? "\r\033[K" : "", *end = p->terminal ? "" : "\n";
  if (total > 0)
    (void)fprintf(stderr, "%s%.0f of %.0f %s, %.0f s%s", begin, done, total, p->what, seconds, end);
  else
    (void)fprintf(stderr, "%s%.0f %s, %.0f s%s", begin, done, p->what, seconds, end);
  (void)fflush(stderr);
}

void cli_progress_end(struct cli_progress *p) {
  if (p->shown && p->terminal) (void)fprintf(stderr, "\n");
}
