/* SPDX-License-Identifier: Apache-2.0
 * What all commands share: options, help, errors, exit status, progress. One thread. */
#ifndef APP_CLI_H
#define APP_CLI_H

#include "app/config.h"

/* X(NAME, exit status, "meaning"). A command that returns others says so in its help. */
#define CLI_STATUS_LIST(X)                                                                                             \
  X(OK, 0, "done; also where a list is empty")                                                                         \
  X(FAILED, 1, "failed: the message says why")                                                                         \
  X(USAGE, 2, "wrong use: of the command line, or of what a file or an equation says")                                 \
  X(UNAVAILABLE, 3, "nobody answers, or not in time: try again later")                                                 \
  X(NOT_FOUND, 4, "there is no such run, chart, chamber, file ...")
#define X(name, number, text) CLI_##name = (number),
enum cli_status { CLI_STATUS_LIST(X) };
#undef X

enum cli_type {
  CLI_FLAG, /* to: bool */
  CLI_TEXT, /* to: const char * (points into argv) */
  CLI_INT,  /* to: int64_t */
  CLI_REAL, /* to: double */
  CLI_TIME, /* to: int64_t microseconds; "2h" or "-2h" (ago), "now", ISO 8601 (UTC unless it says), microseconds */
  CLI_LIST, /* to: struct cli_list; may be given several times */
};
enum { CLI_LIST_MAX = 32 };
struct cli_list {
  const char *items[CLI_LIST_MAX]; /* point into argv */
  size_t n;
};
struct cli_option {
  const char *name; /* "follow" for --follow; "output" is -o as well */
  enum cli_type type;
  void *to;          /* unchanged when the option is not given */
  const char *value; /* "N", "FILE" in the help; NULL for flags */
  const char *help;
};
struct cli_command {
  const char *name, *summary;
  const char *operands; /* "ID", "FILE.csv", "" */
  const char *example;  /* one or more lines */
  const char *more;     /* further help, or NULL */
  const struct cli_option *options;
  size_t n_options;
};

/* Takes the configuration (flags, environment, file) and the options out of argv; operands stay in order, counted in
 * *argc, from argv[1]. --help prints and returns false with *ret_status = CLI_OK; what is wrong is printed, CLI_USAGE.
 * config is initialised here, the caller deinits it when true. */
bool cli_parse(const struct cli_command *c, int *argc, char **argv, struct app_config *config, int *ret_status);
/* As many operands as the command takes, else USAGE. */
TFDC_MUST_USE tfdc_rc cli_operands(const struct cli_command *c, int argc, char **argv, int min, int max,
                                   struct tfdc_error *err);
/* Wall clock, for ages. */
int64_t cli_now_us(void);
/* Prints "tfdc NAME: message" and the hint to stderr; the exit status that fits the code. */
int cli_fail(const char *name, const struct tfdc_error *err);

/* Progress on stderr: a line that rewrites itself on a terminal, else a line every 10 s; nothing in the first 2 s.
 * total 0 = not known. */
struct cli_progress {
  const char *what; /* "lines" */
  int64_t began_us, told_us;
  bool terminal, shown;
};
void cli_progress_begin(struct cli_progress *p, const char *what);
void cli_progress_update(struct cli_progress *p, double done, double total);
void cli_progress_end(struct cli_progress *p);

#endif
