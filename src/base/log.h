/* SPDX-License-Identifier: Apache-2.0
 * JSON-lines log: one object a line, typed fields, bounded, safe for any bytes. The log is an object that its owner
 * hands around; it has no clock (its owner gives one) and libraries do not use it. Any thread may write to it.
 *
 *   tfdc_log_write(log, TFDC_LOG_WARN, "ingest", "block rejected", LOG_STR("tool", tool), LOG_U64("seq", seq),
 *                  LOG_FAIL(&err));
 *   {"t":"2026-11-25T04:09:30.123456Z","level":"warn","module":"ingest","msg":"block rejected","tool":"ETCH01",...} */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/hash.h"
#include "base/time.h"

#include <pthread.h>

enum tfdc_log_level { TFDC_LOG_DEBUG, TFDC_LOG_INFO, TFDC_LOG_WARN, TFDC_LOG_ERROR };
/* A line is never longer than this, newline included; what does not fit is left out and the line says "cut":true. */
enum { TFDC_LOG_LINE_MAX = 4096, TFDC_LOG_RATE_SLOTS = 64 };

enum tfdc_log_kind {
  TFDC_LOG_KIND_STR,
  TFDC_LOG_KIND_I64,
  TFDC_LOG_KIND_U64,
  TFDC_LOG_KIND_F64,
  TFDC_LOG_KIND_BOOL,
  TFDC_LOG_KIND_ID128,
  TFDC_LOG_KIND_ERR,
  TFDC_LOG_KIND_SECRET
};
struct tfdc_log_field {
  const char *name; /* [a-z0-9_]+, unlike t, level, module, msg */
  enum tfdc_log_kind kind;
  union {
    struct {
      const char *data;
      size_t n;
    } str;
    int64_t i64;
    uint64_t u64;
    double f64;
    bool flag;
    struct tfdc_id128 id;
    const struct tfdc_error *err;
  } v;
};

#define LOG_STR(key, text)                                                                                             \
  (struct tfdc_log_field) {                                                                                            \
    .name = (key), .kind = TFDC_LOG_KIND_STR, .v.str = {(text), SIZE_MAX }                                             \
  }
#define LOG_BYTES(key, text, size)                                                                                     \
  (struct tfdc_log_field) {                                                                                            \
    .name = (key), .kind = TFDC_LOG_KIND_STR, .v.str = {(text), (size) }                                               \
  }
#define LOG_I64(key, value)                                                                                            \
  (struct tfdc_log_field) { .name = (key), .kind = TFDC_LOG_KIND_I64, .v.i64 = (value) }
#define LOG_U64(key, value)                                                                                            \
  (struct tfdc_log_field) { .name = (key), .kind = TFDC_LOG_KIND_U64, .v.u64 = (value) }
#define LOG_F64(key, value)                                                                                            \
  (struct tfdc_log_field) { .name = (key), .kind = TFDC_LOG_KIND_F64, .v.f64 = (value) }
#define LOG_BOOL(key, value)                                                                                           \
  (struct tfdc_log_field) { .name = (key), .kind = TFDC_LOG_KIND_BOOL, .v.flag = (value) }
#define LOG_ID(key, value)                                                                                             \
  (struct tfdc_log_field) { .name = (key), .kind = TFDC_LOG_KIND_ID128, .v.id = (value) }
/* "error":"TIME_BACKWARDS","error_text":"..." */
#define LOG_FAIL(error)                                                                                                \
  (struct tfdc_log_field) { .name = "error", .kind = TFDC_LOG_KIND_ERR, .v.err = (error) }
/* "***", or "" when the text is empty or NULL: whether it is set, never what it is. */
#define LOG_SECRET(key, text)                                                                                          \
  (struct tfdc_log_field) {                                                                                            \
    .name = (key), .kind = TFDC_LOG_KIND_SECRET, .v.str = {(text), SIZE_MAX }                                          \
  }

/* Takes one whole line with its newline. Called under the log's lock, so never by two threads at once. */
typedef void (*tfdc_log_sink)(void *arg, const char *line, size_t n);

struct tfdc_log_rate {
  const char *site;
  int64_t since_us;
  uint32_t written, suppressed;
};
struct tfdc_log {
  tfdc_log_sink sink; /* constant after init */
  void *sink_arg;
  tfdc_wall (*now)(void *arg);
  void *now_arg;
  enum tfdc_log_level level; /* lines below it are dropped */
  pthread_mutex_t mtx;
  struct tfdc_log_rate rate[TFDC_LOG_RATE_SLOTS]; /* mtx */
};

/* Caller's memory. `now` is needed; sink NULL: write(2) of each line to the file descriptor in sink_arg
 * (TFDC_LOG_FD(2)). Errors: NOMEM. */
TFDC_MUST_USE tfdc_rc tfdc_log_init(struct tfdc_log *log, tfdc_wall (*now)(void *), void *now_arg, tfdc_log_sink sink,
                                    void *sink_arg);
void tfdc_log_deinit(struct tfdc_log *log);
#define TFDC_LOG_FD(fd) ((void *)(intptr_t)(fd))
/* "debug", "info", "warn", "error"; CONFIG_VALUE for anything else. */
TFDC_MUST_USE tfdc_rc tfdc_log_level_parse(const char *text, enum tfdc_log_level *ret);

/* Writes one line. log may be NULL (nothing happens). Fields are only read during the call. */
void tfdc_log_fields(struct tfdc_log *log, enum tfdc_log_level level, const char *module, const char *msg,
                     const struct tfdc_log_field *fields, size_t n);
/* True when the line of this call site (a static string, compared by address) may be written now: at most `burst` lines
 * in each `period`. *ret_suppressed: how many were refused since the last one that was written; log it as "suppressed".
 */
bool tfdc_log_allow(struct tfdc_log *log, const char *site, uint32_t burst, tfdc_dur period, tfdc_wall now,
                    uint64_t *ret_suppressed);

/* The last element is only there so that a call without fields is an array too. */
#define tfdc_log_write(log, level, module, ...)                                                                        \
  TFDC_LOG_WRITE_(log, level, module, __VA_ARGS__, (struct tfdc_log_field){.name = NULL})
#define TFDC_LOG_WRITE_(log, level, module, msg, ...)                                                                  \
  tfdc_log_fields(log, level, module, msg, (const struct tfdc_log_field[]){__VA_ARGS__},                               \
                  sizeof((const struct tfdc_log_field[]){__VA_ARGS__}) / sizeof(struct tfdc_log_field) - 1)

#endif
