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

static void print_help(const struct cli_command *c) {
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

static void print_markdown(const struct cli_command *c) {
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

/* ---- the manual page ---- */

/* A text of roff: nothing in it commands. */
static void put_roff(const char *text) {
  for (const char *s = text; *s != '\0'; s++) {
    if (*s == '\\')
      (void)fputs("\\e", stdout);
    else if (*s == '-')
      (void)fputs("\\-", stdout);
    else if ((*s == '.' || *s == '\'') && (s == text || s[-1] == '\n'))
      (void)printf("\\&%c", *s);
    else
      (void)fputc(*s, stdout);
  }
  (void)fputc('\n', stdout);
}

static void print_man(const struct cli_command *c) {
  (void)printf(".SS tfdc %s [OPTION ...] %s\n", c->name, c->operands);
  put_roff(c->summary);
  if (c->more != NULL) (void)printf(".PP\n");
  if (c->more != NULL) put_roff(c->more);
  for (size_t i = 0; i < c->n_options; i++) {
    char left[64];
    name_option(&c->options[i], left, sizeof left);
    (void)printf(".TP\n");
    put_roff(left);
    put_roff(c->options[i].help);
  }
  (void)printf(".PP\nExample:\n.PP\n.nf\n");
  put_roff(c->example);
  (void)printf(".fi\n");
}

static void print_words(const struct cli_command *c) {
  for (size_t i = 0; i < c->n_options; i++) (void)printf("--%s\n", c->options[i].name);
  (void)printf("--help\n");
}

bool cli_print_help(const struct cli_command *c, int argc, char **argv) {
  static const struct {
    const char *option;
    void (*print)(const struct cli_command *c);
  } forms[] = {{"--help", print_help},
               {"-h", print_help},
               {"--help-markdown", print_markdown},
               {"--help-man", print_man},
               {"--help-words", print_words}};
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    for (size_t k = 0; k < TFDC_COUNT(forms); k++) {
      if (strcmp(argv[i], forms[k].option) != 0) continue;
      forms[k].print(c);
      return true;
    }
  }
  return false;
}
