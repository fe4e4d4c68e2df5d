/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* ---- values ---- */

int64_t cli_now_us(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * TFDC_US_PER_S + t.tv_nsec / 1000;
}

static bool ago(const char *text, int64_t *ret) {
  static const struct unit {
    char name;
    int64_t us;
  } units[] = {
      {'s', TFDC_US_PER_S}, {'m', 60 * TFDC_US_PER_S}, {'h', 3600 * TFDC_US_PER_S}, {'d', 86400 * TFDC_US_PER_S}};
  char *end;
  errno = 0;
  long long n = strtoll(text + 1, &end, 10);
  if (errno != 0 || end == text + 1 || n < 0 || n > 100000 || end[0] == '\0' || end[1] != '\0') return false;
  for (size_t i = 0; i < TFDC_COUNT(units); i++) {
    if (units[i].name != *end) continue;
    *ret = cli_now_us() - n * units[i].us;
    return true;
  }
  return false;
}

static bool calendar(const char *text, int64_t *ret) {
  struct tm tm = {0};
  int used = 0;
  if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3 || used < 8) return false;
  const char *rest = text + used;
  int64_t fraction = 0;
  if (*rest == 'T' || *rest == ' ') {
    used = 0;
    if (sscanf(rest + 1, "%2d:%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 3) return false;
    rest += 1 + used;
    int64_t scale = TFDC_US_PER_S / 10;
    if (*rest == '.')
      for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10) fraction += (*rest - '0') * scale;
    if (*rest == 'Z') rest++;
  }
  if (*rest != '\0') return false;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59)
    return false;
  *ret = (int64_t)timegm(&tm) * TFDC_US_PER_S + fraction;
  return true;
}

static bool parse_int(const char *text, int64_t *ret) {
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') return false;
  *ret = n;
  return true;
}

static bool add_item(struct cli_list *list, const char *text) {
  if (list->n == CLI_LIST_MAX) return false;
  list->items[list->n++] = text;
  return true;
}

static bool parse_value(const struct cli_option *o, const char *text) {
  char *end;
  switch (o->type) {
  case CLI_FLAG: *(bool *)o->to = true; return true;
  case CLI_TEXT: *(const char **)o->to = text; return true;
  case CLI_INT: return parse_int(text, o->to);
  case CLI_REAL: *(double *)o->to = strtod(text, &end); return end != text && *end == '\0';
  case CLI_TIME:
    if (text[0] == '-') return ago(text, o->to);
    return calendar(text, o->to) || parse_int(text, o->to);
  case CLI_LIST: return add_item(o->to, text);
  }
  return false;
}

/* ---- parsing ---- */

static void print_help(const struct cli_command *c) {
  (void)printf("usage: tfdc %s [OPTION ...]%s%s\n%s\n", c->name, c->operands[0] != '\0' ? " " : "", c->operands,
               c->summary);
  if (c->more != NULL) (void)printf("\n%s\n", c->more);
  (void)printf("\noptions:\n");
  for (size_t i = 0; i < c->n_options; i++) {
    const struct cli_option *o = &c->options[i];
    char left[64];
    (void)snprintf(left, sizeof left, "%s--%s%s%s", strcmp(o->name, "output") == 0 ? "-o, " : "", o->name,
                   o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
    (void)printf("  %-22s %s\n", left, o->help);
  }
  (void)printf("  %-22s %s\n", "--KEY VALUE", "any setting of `tfdc config`");
  (void)printf("\nexample:\n%s\n", c->example);
}

/* The section of docs/cli.md. */
static void print_markdown(const struct cli_command *c) {
  (void)printf("## tfdc %s\n\n%s\n\n```\ntfdc %s [OPTION ...]%s%s\n```\n\n", c->name, c->summary, c->name,
               c->operands[0] != '\0' ? " " : "", c->operands);
  if (c->more != NULL) (void)printf("%s\n\n", c->more);
  if (c->n_options > 0) (void)printf("| option | meaning |\n|---|---|\n");
  for (size_t i = 0; i < c->n_options; i++) {
    const struct cli_option *o = &c->options[i];
    (void)printf("| `%s--%s%s%s` | ", strcmp(o->name, "output") == 0 ? "-o, " : "", o->name,
                 o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
    for (const char *p = o->help; *p != '\0'; p++) (void)printf(*p == '|' ? "\\%c" : "%c", *p);
    (void)printf(" |\n");
  }
  (void)printf("\n```\n%s\n```\n\n", c->example);
}

static const struct cli_option *find(const struct cli_command *c, const char *name, size_t n) {
  for (size_t i = 0; i < c->n_options; i++)
    if (strlen(c->options[i].name) == n && strncmp(c->options[i].name, name, n) == 0) return &c->options[i];
  return NULL;
}

static tfdc_rc unknown_option(const struct cli_command *c, const char *name, struct tfdc_error *err) {
  const char *nearest = NULL;
  size_t best = 4;
  for (size_t i = 0; i < c->n_options; i++) {
    size_t d = tfdc_distance(c->options[i].name, name);
    if (d < best) best = d, nearest = c->options[i].name;
  }
  if (nearest != NULL) return tfdc_fail(err, TFDC_E_USAGE, "no option --%s; did you mean --%s?", name, nearest);
  return tfdc_fail(err, TFDC_E_USAGE, "no option --%s", name);
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
  if (o == NULL) return unknown_option(c, name, err);
  const char *value = equals != NULL ? equals + 1 : NULL;
  ++*at;
  if (o->type == CLI_FLAG && value != NULL) return tfdc_fail(err, TFDC_E_USAGE, "--%s takes no value", o->name);
  if (o->type != CLI_FLAG && value == NULL) {
    if (*at >= argc) return tfdc_fail(err, TFDC_E_USAGE, "--%s needs %s", o->name, o->value);
    value = argv[(*at)++];
  }
  if (!parse_value(o, value))
    return tfdc_fail(err, TFDC_E_USAGE, "--%s: cannot read '%s' as %s", o->name, value, o->value);
  return TFDC_OK;
}

static bool has(int argc, char **argv, const char *option) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], option) == 0) return true;
  return false;
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
  if (has(*argc, argv, "--help") || has(*argc, argv, "-h") || has(*argc, argv, "--help-markdown")) {
    if (has(*argc, argv, "--help-markdown"))
      print_markdown(c);
    else
      print_help(c);
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
  if (hint[0] != '\0') (void)fprintf(stderr, "%s\n", hint);
  switch (tfdc_rc_class(err->code)) {
  case TFDC_CLASS_USAGE: return CLI_USAGE;
  case TFDC_CLASS_NOT_FOUND: return CLI_NOT_FOUND;
  case TFDC_CLASS_IO: return CLI_UNAVAILABLE;
  default: return CLI_FAILED;
  }
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
