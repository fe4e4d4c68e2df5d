/* SPDX-License-Identifier: Apache-2.0
 * Commands describe themselves: --help and docs/cli.md. */
#include "app/cli_priv.h"

#include <stdio.h>
#include <string.h>

/* "-o, --output FILE" */
static void name_option(const struct cli_option *o, char *text, size_t size) {
  (void)snprintf(text, size, "%s--%s%s%s", strcmp(o->name, "output") == 0 ? "-o, " : "", o->name,
                 o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
}

static void print_indented(const char *text) {
  for (const char *line = text, *end; *line != '\0'; line = *end != '\0' ? end + 1 : end) {
    end = line + strcspn(line, "\n");
    (void)printf("  %.*s\n", (int)(end - line), line);
  }
}

void cli_print_help(const struct cli_command *c) {
  (void)printf("usage: tfdc %s [OPTION ...]%s%s\n%s\n", c->name, c->operands[0] != '\0' ? " " : "", c->operands,
               c->summary);
  if (c->more != NULL) (void)printf("\n%s\n", c->more);
  (void)printf("\noptions:\n");
  for (size_t i = 0; i < c->n_options; i++) {
    char left[64];
    name_option(&c->options[i], left, sizeof left);
    (void)printf("  %-22s %s\n", left, c->options[i].help);
  }
  (void)printf("  %-22s %s\n\nexample:\n", "--KEY VALUE", "any setting of `tfdc config`");
  print_indented(c->example);
}

void cli_print_markdown(const struct cli_command *c) {
  (void)printf("## tfdc %s\n\n%s\n\n```\ntfdc %s [OPTION ...]%s%s\n```\n\n", c->name, c->summary, c->name,
               c->operands[0] != '\0' ? " " : "", c->operands);
  if (c->more != NULL) (void)printf("%s\n\n", c->more);
  if (c->n_options > 0) (void)printf("| option | meaning |\n|---|---|\n");
  for (size_t i = 0; i < c->n_options; i++) {
    char left[64];
    name_option(&c->options[i], left, sizeof left);
    for (const char *parts[] = {"| `", left, "` | ", c->options[i].help, " |\n"}, **p = parts; p < parts + 5; p++)
      for (const char *s = *p; *s != '\0'; s++) (void)printf(*s == '|' && (p - parts) % 2 == 1 ? "\\%c" : "%c", *s);
  }
  (void)printf("\n```\n%s\n```\n\n", c->example);
}
