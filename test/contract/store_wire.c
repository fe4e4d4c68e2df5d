/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/store_wire.h"

#include "model/codec.h"

#include <errno.h>
#include <unistd.h>

/* ---- small parts ---- */

static void need(bool ok) { TFDC_ASSERT(ok); }

static void put_text(struct tfdc_buf *b, const char *text) {
  tfdc_put_u8(b, text != NULL);
  if (text != NULL) tfdc_put_bytes(b, text, strlen(text));
}
static const char *take_text(struct tfdc_cursor *c, struct tfdc_arena *mem) {
  uint8_t there = 0;
  const uint8_t *data;
  size_t n;
  need(tfdc_take_u8(c, &there) == TFDC_OK);
  if (there == 0) return NULL;
  need(tfdc_take_bytes(c, SIZE_MAX, &data, &n) == TFDC_OK);
  const char *text = tfdc_arena_strndup(mem, (const char *)data, n);
  need(text != NULL);
  return text;
}
static void put_number(struct tfdc_buf *b, int64_t v) { tfdc_put_u64(b, false, (uint64_t)v); }
static int64_t take_number(struct tfdc_cursor *c) {
  uint64_t v = 0;
  need(tfdc_take_u64(c, false, &v) == TFDC_OK);
  return (int64_t)v;
}
static void put_id(struct tfdc_buf *b, struct tfdc_id128 id) {
  put_number(b, (int64_t)id.hi);
  put_number(b, (int64_t)id.lo);
}
static struct tfdc_id128 take_id(struct tfdc_cursor *c) {
  uint64_t hi = (uint64_t)take_number(c);
  return (struct tfdc_id128){.hi = hi, .lo = (uint64_t)take_number(c)};
}
static void put_key(struct tfdc_buf *b, struct model_key key) {
  put_text(b, key.tool);
  put_text(b, key.chamber);
}
static struct model_key take_key(struct tfdc_cursor *c, struct tfdc_arena *mem) {
  const char *tool = take_text(c, mem);
  return (struct model_key){.tool = tool, .chamber = take_text(c, mem)};
}

/* ---- records ---- */

static void put_chunk(const struct model_chunk *k, struct tfdc_buf *b) {
  put_id(b, k->context_id);
  const int64_t numbers[] = {(int64_t)k->first_seq, (int64_t)k->last_seq, k->revision, (int64_t)k->checksum,
                             (int64_t)k->points,    k->first_us,          k->last_us,  k->stored_us};
  for (size_t i = 0; i < TFDC_COUNT(numbers); i++) put_number(b, numbers[i]);
  tfdc_put_u8(b, k->blob != NULL);
  put_number(b, (int64_t)k->blob_n);
  if (k->blob != NULL) tfdc_put(b, k->blob, k->blob_n);
}

static struct model_chunk take_chunk(struct tfdc_cursor *c, struct tfdc_arena *mem) {
  struct model_chunk k = {.context_id = take_id(c)};
  const uint8_t *data = NULL;
  uint8_t there = 0;
  k.first_seq = (uint64_t)take_number(c);
  k.last_seq = (uint64_t)take_number(c);
  k.revision = (uint32_t)take_number(c);
  k.checksum = (uint64_t)take_number(c);
  k.points = (uint64_t)take_number(c);
  k.first_us = take_number(c);
  k.last_us = take_number(c);
  k.stored_us = take_number(c);
  need(tfdc_take_u8(c, &there) == TFDC_OK);
  k.blob_n = (size_t)take_number(c);
  if (there == 0) return k;
  need(tfdc_take(c, k.blob_n, &data) == TFDC_OK);
  uint8_t *blob = tfdc_arena_array(mem, k.blob_n + 1, 1);
  need(blob != NULL);
  memcpy(blob, data, k.blob_n);
  k.blob = blob;
  return k;
}

enum kind { CHAMBERS, CONTEXTS, CHUNKS, U_RECORDS, VERDICTS, DEFS, ALARMS, KINDS };

static void put_record(enum kind kind, const void *record, size_t at, struct tfdc_buf *b) {
  struct tfdc_buf text = {0};
  tfdc_rc rc = TFDC_OK;
  switch (kind) {
  case CHAMBERS: rc = model_chamber_to_json((const struct model_chamber *)record + at, &text); break;
  case CONTEXTS: rc = model_context_to_json((const struct model_context *)record + at, &text); break;
  case U_RECORDS: rc = model_u_record_encode((const struct model_u_record *)record + at, &text); break;
  case VERDICTS: rc = model_run_verdict_to_json((const struct model_run_verdict *)record + at, &text); break;
  case DEFS: rc = model_def_to_json((const struct model_def *)record + at, &text); break;
  case ALARMS: rc = model_alarm_to_json((const struct model_alarm *)record + at, &text); break;
  case CHUNKS:
  case KINDS: break;
  }
  need(rc == TFDC_OK);
  if (kind == CHUNKS)
    put_chunk((const struct model_chunk *)record + at, b);
  else
    tfdc_put_bytes(b, text.data, text.size);
  tfdc_buf_deinit(&text);
}

static size_t size_of(enum kind kind) {
  static const size_t sizes[KINDS] = {sizeof(struct model_chamber),     sizeof(struct model_context),
                                      sizeof(struct model_chunk),       sizeof(struct model_u_record),
                                      sizeof(struct model_run_verdict), sizeof(struct model_def),
                                      sizeof(struct model_alarm)};
  return sizes[kind];
}

static tfdc_rc take_record(enum kind kind, struct tfdc_cursor *c, struct tfdc_arena *mem, void *ret) {
  const uint8_t *data = NULL;
  size_t n = 0;
  if (kind == CHUNKS) {
    *(struct model_chunk *)ret = take_chunk(c, mem);
    return TFDC_OK;
  }
  need(tfdc_take_bytes(c, SIZE_MAX, &data, &n) == TFDC_OK);
  const char *text = (const char *)data;
  switch (kind) {
  case CHAMBERS: return model_chamber_from_json(text, n, mem, ret, NULL);
  case CONTEXTS: return model_context_from_json(text, n, mem, ret, NULL);
  case U_RECORDS: return model_u_record_decode(data, n, mem, ret, NULL);
  case VERDICTS: return model_run_verdict_from_json(text, n, mem, ret, NULL);
  case DEFS: return model_def_from_json(text, n, mem, ret, NULL);
  case ALARMS: return model_alarm_from_json(text, n, mem, ret, NULL);
  case CHUNKS:
  case KINDS: break;
  }
  return TFDC_E_INTERNAL;
}

/* ---- requests ---- */

static const void *record_in(const struct store_req *r, enum kind kind) {
  const void *const records[KINDS] = {r->chamber, r->context, r->chunk, r->u, r->verdict, r->def, r->alarm};
  return records[kind];
}

void store_wire_put_request(const struct store_req *r, struct tfdc_buf *b) {
  const struct store_filter *f = &r->filter;
  const int64_t numbers[] = {r->base.op,
                             r->revision,
                             r->order_us,
                             r->from_us,
                             r->to_us,
                             r->def_kind,
                             r->before_us,
                             r->now_us,
                             r->tchart_us,
                             r->uchart_us,
                             (int64_t)r->max_bytes,
                             r->page.limit,
                             f->from_us,
                             f->to_us,
                             f->verdict,
                             f->state,
                             f->unpublished_only,
                             f->open_only,
                             f->newest_first};
  const char *const texts[] = {r->def_id, r->page.cursor, r->u_key.chart_set, r->u_key.partition, f->tool, f->chamber,
                               f->recipe, f->lot,         f->wafer,           f->product};
  for (size_t i = 0; i < TFDC_COUNT(numbers); i++) put_number(b, numbers[i]);
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) put_text(b, texts[i]);
  put_id(b, r->id);
  put_key(b, r->key);
  put_key(b, r->u_key.key);
  for (enum kind kind = CHAMBERS; kind < KINDS; kind++) {
    tfdc_put_u8(b, record_in(r, kind) != NULL);
    if (record_in(r, kind) != NULL) put_record(kind, record_in(r, kind), 0, b);
  }
  need(tfdc_buf_status(b) == TFDC_OK);
}

static tfdc_rc take_records_in(struct tfdc_cursor *c, struct tfdc_arena *mem, const void *ret[KINDS]) {
  for (enum kind kind = CHAMBERS; kind < KINDS; kind++) {
    uint8_t there = 0;
    need(tfdc_take_u8(c, &there) == TFDC_OK);
    if (there == 0) continue;
    void *record = tfdc_arena_alloc(mem, size_of(kind));
    need(record != NULL);
    TFDC_TRY(take_record(kind, c, mem, record));
    ret[kind] = record;
  }
  return TFDC_OK;
}

tfdc_rc store_wire_take_request(struct tfdc_cursor *c, struct tfdc_arena *mem, struct store_req *r) {
  struct store_filter *f = &r->filter;
  store_req_init(r, (enum store_op)take_number(c));
  r->revision = (uint32_t)take_number(c);
  int64_t *const times[] = {&r->order_us, &r->from_us, &r->to_us};
  for (size_t i = 0; i < TFDC_COUNT(times); i++) *times[i] = take_number(c);
  r->def_kind = (int)take_number(c);
  int64_t *const ages[] = {&r->before_us, &r->now_us, &r->tchart_us, &r->uchart_us};
  for (size_t i = 0; i < TFDC_COUNT(ages); i++) *ages[i] = take_number(c);
  r->max_bytes = (size_t)take_number(c);
  r->page.limit = (uint32_t)take_number(c);
  f->from_us = take_number(c);
  f->to_us = take_number(c);
  f->verdict = (int)take_number(c);
  f->state = (int)take_number(c);
  bool *const flags[] = {&f->unpublished_only, &f->open_only, &f->newest_first};
  for (size_t i = 0; i < TFDC_COUNT(flags); i++) *flags[i] = take_number(c) != 0;
  const char **const texts[] = {&r->def_id, &r->page.cursor, &r->u_key.chart_set, &r->u_key.partition,
                                &f->tool,   &f->chamber,     &f->recipe,          &f->lot,
                                &f->wafer,  &f->product};
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) *texts[i] = take_text(c, mem);
  r->id = take_id(c);
  r->key = take_key(c, mem);
  r->u_key.key = take_key(c, mem);
  const void *records[KINDS] = {NULL};
  TFDC_TRY(take_records_in(c, mem, records));
  r->chamber = records[CHAMBERS];
  r->context = records[CONTEXTS];
  r->chunk = records[CHUNKS];
  r->u = records[U_RECORDS];
  r->verdict = records[VERDICTS];
  r->def = records[DEFS];
  r->alarm = records[ALARMS];
  return TFDC_OK;
}

/* ---- answers ---- */

static const void *records_out(const struct store_req *r, enum kind kind) {
  const void *const records[KINDS] = {r->chambers, r->contexts, r->chunks, r->u_records,
                                      r->verdicts, r->defs,     r->alarms};
  return records[kind];
}

void store_wire_put_answer(const struct store_req *r, struct tfdc_buf *b) {
  put_number(b, r->base.rc);
  put_text(b, r->base.err.msg);
  put_number(b, (int64_t)r->count);
  tfdc_put(b, &r->stats, sizeof r->stats);
  put_text(b, r->ret_cursor);
  enum kind kind = CHAMBERS;
  while (kind < KINDS && records_out(r, kind) == NULL) kind++;
  put_number(b, kind);
  put_number(b, (int64_t)r->n);
  for (size_t i = 0; kind < KINDS && i < r->n; i++) put_record(kind, records_out(r, kind), i, b);
  need(tfdc_buf_status(b) == TFDC_OK);
}

void store_wire_take_answer(struct tfdc_cursor *c, struct store_req *r) {
  struct tfdc_arena *mem = &r->base.mem;
  const uint8_t *stats = NULL;
  r->base.rc = (tfdc_rc)take_number(c);
  (void)tfdc_fail(&r->base.err, r->base.rc, "%s", take_text(c, mem));
  r->count = (uint64_t)take_number(c);
  need(tfdc_take(c, sizeof r->stats, &stats) == TFDC_OK);
  memcpy(&r->stats, stats, sizeof r->stats);
  r->ret_cursor = take_text(c, mem);
  enum kind kind = (enum kind)take_number(c);
  r->n = (size_t)take_number(c);
  if (kind >= KINDS) return;
  uint8_t *rows = tfdc_arena_array(mem, r->n + 1, size_of(kind));
  need(rows != NULL);
  for (size_t i = 0; i < r->n; i++) need(take_record(kind, c, mem, rows + i * size_of(kind)) == TFDC_OK);
  void **const lists[KINDS] = {(void **)&r->chambers,  (void **)&r->contexts, (void **)&r->chunks,
                               (void **)&r->u_records, (void **)&r->verdicts, (void **)&r->defs,
                               (void **)&r->alarms};
  *lists[kind] = rows;
}

/* ---- the pipe ---- */

static bool write_all(int fd, const void *data, size_t n) {
  for (size_t at = 0; at < n;) {
    ssize_t put = write(fd, (const uint8_t *)data + at, n - at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += (size_t)put;
  }
  return true;
}

static bool read_all(int fd, void *data, size_t n) {
  for (size_t at = 0; at < n;) {
    ssize_t got = read(fd, (uint8_t *)data + at, n - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += (size_t)got;
  }
  return true;
}

bool store_wire_send(int fd, const struct tfdc_buf *message) {
  uint64_t n = message->size;
  return write_all(fd, &n, sizeof n) && write_all(fd, message->data, message->size);
}

bool store_wire_receive(int fd, struct tfdc_buf *message) {
  uint64_t n = 0;
  if (!read_all(fd, &n, sizeof n)) return false;
  message->size = 0;
  need(tfdc_buf_reserve(message, (size_t)n));
  if (!read_all(fd, message->data, (size_t)n)) return false;
  message->size = (size_t)n;
  return true;
}
