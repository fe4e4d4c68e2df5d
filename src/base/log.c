/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line under construction. Room for the tail (a closing quote, `,"cut":true`, `}` and newline) is always kept. */
struct line {
  char text[TFDC_LOG_LINE_MAX];
  size_t n;
  bool cut;
};
static const char cut_tail[] = ",\"cut\":true";
enum { TAIL_MAX = 1 + (sizeof cut_tail - 1) + 2 };

static bool put(struct line *l, const char *data, size_t n) {
  if (l->cut || l->n + n + TAIL_MAX > sizeof l->text) {
    l->cut = true;
    return false;
  }
  memcpy(l->text + l->n, data, n);
  l->n += n;
  return true;
}

static bool put_text(struct line *l, const char *text) { return put(l, text, strlen(text)); }

/* The string between quotes; RFC 8259 section 7; bytes that are not UTF-8 become U+FFFD. A long one is cut, at the
 * border of a character, and still closed. */
static void put_string(struct line *l, const char *s, size_t n) {
  if (!put_text(l, "\"")) return;
  size_t i = 0;
  while (i < n) {
    uint32_t code = 0;
    size_t len = tfdc_utf8_next(s + i, n - i, &code);
    char escaped[8];
    const char *out = s + i;
    size_t out_n = len;
    if (len == 0) {
      out = "\xef\xbf\xbd";
      out_n = 3;
      len = 1;
    } else if (code == '"' || code == '\\') {
      escaped[0] = '\\';
      escaped[1] = (char)code;
      out = escaped;
      out_n = 2;
    } else if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029) {
      int written = snprintf(escaped, sizeof escaped, "\\u%04" PRIx32, code);
      out = escaped;
      out_n = (size_t)written;
    }
    if (!put(l, out, out_n)) break;
    i += len;
  }
  /* The closing quote has its place in the tail's room when the text did not fit. */
  l->text[l->n++] = '"';
}

static void put_key(struct line *l, const char *name) {
  if (l->n > 1) (void)put_text(l, ",");
  put_string(l, name, strlen(name));
  (void)put_text(l, ":");
}

/* Value of one field, without its name. */
static void put_value(struct line *l, const struct tfdc_log_field *f) {
  char text[64];
  int n = 0;
  switch (f->kind) {
  case TFDC_LOG_KIND_STR:
    if (f->v.str.data == NULL) {
      (void)put_text(l, "null");
      return;
    }
    put_string(l, f->v.str.data, f->v.str.n == SIZE_MAX ? strlen(f->v.str.data) : f->v.str.n);
    return;
  case TFDC_LOG_KIND_SECRET: put_string(l, "***", f->v.str.data == NULL || f->v.str.data[0] == '\0' ? 0 : 3); return;
  case TFDC_LOG_KIND_ID128: {
    char id[33];
    (void)tfdc_id128_format(f->v.id, id);
    put_string(l, id, strlen(id));
    return;
  }
  case TFDC_LOG_KIND_ERR: {
    const char *msg = tfdc_error_msg(f->v.err), *name = tfdc_rc_name(f->v.err->code);
    put_string(l, name, strlen(name));
    put_key(l, "error_text");
    put_string(l, msg, strlen(msg));
    return;
  }
  case TFDC_LOG_KIND_I64: n = snprintf(text, sizeof text, "%" PRId64, f->v.i64); break;
  case TFDC_LOG_KIND_U64: n = snprintf(text, sizeof text, "%" PRIu64, f->v.u64); break;
  case TFDC_LOG_KIND_BOOL: n = snprintf(text, sizeof text, "%s", f->v.flag ? "true" : "false"); break;
  case TFDC_LOG_KIND_F64: /* JSON has no NaN and no infinity */
    n = isfinite(f->v.f64) ? snprintf(text, sizeof text, "%.17g", f->v.f64) : snprintf(text, sizeof text, "null");
    break;
  }
  (void)put(l, text, (size_t)n);
}

/* Adds the whole field or nothing but the mark that something is missing; a string too long for the line is shortened
 * when at least its first bytes fit. */
static void put_field(struct line *l, const struct tfdc_log_field *f) {
  size_t before = l->n;
  if (l->cut) return;
  put_key(l, f->name);
  bool key_fits = !l->cut;
  size_t value_at = l->n;
  if (key_fits) put_value(l, f);
  bool shortened = f->kind == TFDC_LOG_KIND_STR && l->n > value_at && l->text[value_at] == '"';
  if (l->cut && !(key_fits && shortened)) l->n = before;
}

static void write_all(int fd, const char *line, size_t n) {
  while (n > 0) {
    ssize_t done = write(fd, line, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return; /* nobody is left to tell */
    line += done;
    n -= (size_t)done;
  }
}

static void sink_fd(void *arg, const char *line, size_t n) { write_all((int)(intptr_t)arg, line, n); }

tfdc_rc tfdc_log_init(struct tfdc_log *log, tfdc_wall (*now)(void *), void *now_arg, tfdc_log_sink sink,
                      void *sink_arg) {
  *log = (struct tfdc_log){.sink = sink != NULL ? sink : sink_fd,
                           .sink_arg = sink_arg,
                           .now = now,
                           .now_arg = now_arg,
                           .level = TFDC_LOG_INFO};
  return pthread_mutex_init(&log->mtx, NULL) == 0 ? TFDC_OK : TFDC_E_NOMEM;
}

void tfdc_log_deinit(struct tfdc_log *log) { (void)pthread_mutex_destroy(&log->mtx); }

static const char *const level_names[] = {"debug", "info", "warn", "error"};

tfdc_rc tfdc_log_level_parse(const char *text, enum tfdc_log_level *ret) {
  for (int i = 0; i <= TFDC_LOG_ERROR; i++)
    if (strcmp(level_names[i], text) == 0) {
      *ret = (enum tfdc_log_level)i;
      return TFDC_OK;
    }
  return TFDC_E_CONFIG_VALUE;
}

void tfdc_log_fields(struct tfdc_log *log, enum tfdc_log_level level, const char *module, const char *msg,
                     const struct tfdc_log_field *fields, size_t n) {
  if (log == NULL || level < log->level) return;
  struct line l;
  l.n = 0;
  l.cut = false;
  char stamp[32];
  (void)tfdc_wall_format(log->now(log->now_arg), stamp);
  (void)put_text(&l, "{");
  put_field(&l, &LOG_STR("t", stamp));
  put_field(&l, &LOG_STR("level", level_names[level]));
  put_field(&l, &LOG_STR("module", module));
  put_field(&l, &LOG_STR("msg", msg));
  for (size_t i = 0; i < n; i++) put_field(&l, &fields[i]);
  if (l.cut) {
    memcpy(l.text + l.n, cut_tail, sizeof cut_tail - 1);
    l.n += sizeof cut_tail - 1;
  }
  l.text[l.n++] = '}';
  l.text[l.n++] = '\n';
  (void)pthread_mutex_lock(&log->mtx);
  log->sink(log->sink_arg, l.text, l.n);
  (void)pthread_mutex_unlock(&log->mtx);
}

/* The slot of the site, or the one to give to it: a free one, else the one that was begun longest ago. mtx is held. */
static struct tfdc_log_rate *rate_of(struct tfdc_log *log, const char *site) {
  struct tfdc_log_rate *oldest = &log->rate[0];
  for (size_t i = 0; i < TFDC_LOG_RATE_SLOTS; i++) {
    struct tfdc_log_rate *r = &log->rate[i];
    if (r->site == site || r->site == NULL) return r;
    if (r->since_us < oldest->since_us) oldest = r;
  }
  return oldest;
}

bool tfdc_log_allow(struct tfdc_log *log, const char *site, uint32_t burst, tfdc_dur period, tfdc_wall now,
                    uint64_t *ret_suppressed) {
  if (log == NULL) return false;
  (void)pthread_mutex_lock(&log->mtx);
  struct tfdc_log_rate *r = rate_of(log, site);
  if (r->site != site) *r = (struct tfdc_log_rate){.site = site, .since_us = now.us};
  if (now.us - r->since_us >= period.us || now.us < r->since_us) {
    r->since_us = now.us;
    r->written = 0;
  }
  bool ok = r->written < burst;
  if (ok) {
    *ret_suppressed = r->suppressed;
    r->suppressed = 0;
    r->written++;
  } else if (r->suppressed < UINT32_MAX) {
    r->suppressed++;
  }
  (void)pthread_mutex_unlock(&log->mtx);
  return ok;
}
