/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/grpc/ingest_wire.h"

#include "adapter/grpc/ingest_context.h"

#include <ingest.pb-c.h>
#include <math.h>
#include <string.h>

enum { MSG_BLOCK = 3 };

static char *text(const char *s) { return (char *)(uintptr_t)(s == NULL ? "" : s); }

static tfdc_rc pack(const ProtobufCMessage *m, struct tfdc_buf *out) {
  size_t n = protobuf_c_message_get_packed_size(m);
  if (!tfdc_buf_reserve(out, n)) return tfdc_buf_status(out);
  out->size += protobuf_c_message_pack(m, out->data + out->size);
  return TFDC_OK;
}

/* ---- blocks, by hand ---- */
static void put_key(struct tfdc_buf *out, uint32_t number, uint32_t wire) { tfdc_put_uvarint(out, number << 3 | wire); }
static void put_number(struct tfdc_buf *out, uint32_t number, uint64_t v) {
  if (v == 0) return;
  put_key(out, number, 0);
  tfdc_put_uvarint(out, v);
}
static size_t varint_n(uint64_t v) {
  size_t n = 1;
  while (v >= 0x80) {
    v >>= 7;
    n++;
  }
  return n;
}
static size_t number_n(uint64_t v) { return v == 0 ? 0 : 1 + varint_n(v); }
static size_t packed_n(size_t n) { return n == 0 ? 0 : 1 + varint_n(n * 8) + n * 8; }
static void put_packed(struct tfdc_buf *out, uint32_t number, const void *data, size_t n) {
  if (n == 0) return;
  put_key(out, number, 2);
  tfdc_put_bytes(out, data, n * 8);
}

/* The period that gives exactly these times, or 0. Within the bounds of what the collector takes as a regular clock. */
static double regular_period(const int64_t *t, size_t n) {
  if (n < 3 || t[0] < -(INT64_C(1) << 62) || t[0] > INT64_C(1) << 62) return 0;
  double span = (double)t[n - 1] - (double)t[0];
  if (!(span >= (double)(n - 1)) || span > 4503599627370496.0) return 0;
  double period = (double)(t[n - 1] - t[0]) / (double)(n - 1);
  for (size_t i = 0; i < n; i++) {
    if (t[0] + (int64_t)((double)i * period + 0.5) != t[i]) return 0;
  }
  return period;
}

/* Neighbours that share times share a clock. */
static bool new_clock(const struct model_block *b, size_t column) {
  const struct model_column *c = &b->columns[column];
  return column == 0 || c[0].t_us != c[-1].t_us || c[0].n != c[-1].n;
}

static void put_clock(struct tfdc_buf *out, const struct model_column *c) {
  double period = regular_period(c->t_us, c->n);
  uint64_t start = period > 0 ? (uint64_t)c->t_us[0] : 0;
  put_key(out, 3, 2);
  if (period > 0) {
    tfdc_put_uvarint(out, number_n(start) + 9 + number_n(c->n));
    put_number(out, 1, start);
    put_key(out, 2, 1);
    tfdc_put_f64(out, false, period);
    put_number(out, 3, c->n);
    return;
  }
  tfdc_put_uvarint(out, packed_n(c->n));
  put_packed(out, 4, c->t_us, c->n);
}

static tfdc_rc put_block(uint64_t run, const struct model_block *b, struct tfdc_buf *out) {
  struct tfdc_buf body = {.limit = out->limit};
  put_number(&body, 1, run);
  put_number(&body, 2, b->seq);
  for (size_t i = 0; i < b->n_columns; i++) {
    if (new_clock(b, i)) put_clock(&body, &b->columns[i]);
  }
  size_t clock = 0;
  for (size_t i = 0; i < b->n_columns; i++) {
    const struct model_column *c = &b->columns[i];
    if (i > 0 && new_clock(b, i)) clock++;
    put_key(&body, 4, 2);
    tfdc_put_uvarint(&body, number_n(c->svid) + number_n(clock) + packed_n(c->n));
    put_number(&body, 1, c->svid);
    put_number(&body, 2, clock);
    put_packed(&body, 3, c->v, c->n);
  }
  put_key(out, MSG_BLOCK, 2);
  tfdc_put_bytes(out, body.data, body.size);
  tfdc_rc rc = tfdc_buf_status(&body);
  tfdc_buf_deinit(&body);
  return rc != TFDC_OK ? rc : tfdc_buf_status(out);
}

/* ---- all else, through protobuf-c; records are only read, so casts drop const ---- */
struct context_pb {
  Tfdc__Ingest__V1__Context pb;
  struct tfdc_arena mem;
};

static tfdc_rc fill_context(const struct model_context *c, struct context_pb *out) {
  Tfdc__Ingest__V1__Context *pb = &out->pb;
  tfdc__ingest__v1__context__init(pb);
#define X(name) pb->name = text(c->name);
  INGEST_CONTEXT_TEXTS(X)
#undef X
  if (c->slot >= 0) {
    pb->slot_known_case = TFDC__INGEST__V1__CONTEXT__SLOT_KNOWN_SLOT;
    pb->slot = c->slot;
  }
  if (c->runs_since_pm >= 0) {
    pb->runs_since_pm_known_case = TFDC__INGEST__V1__CONTEXT__RUNS_SINCE_PM_KNOWN_RUNS_SINCE_PM;
    pb->runs_since_pm = c->runs_since_pm;
  }
  if (c->wafers_since_clean >= 0) {
    pb->wafers_since_clean_known_case = TFDC__INGEST__V1__CONTEXT__WAFERS_SINCE_CLEAN_KNOWN_WAFERS_SINCE_CLEAN;
    pb->wafers_since_clean = c->wafers_since_clean;
  }
  if (!isnan(c->rf_hours)) {
    pb->rf_hours_known_case = TFDC__INGEST__V1__CONTEXT__RF_HOURS_KNOWN_RF_HOURS;
    pb->rf_hours = c->rf_hours;
  }
  pb->first_wafer_of_lot = c->first_wafer_of_lot;
  if (c->n_tags == 0) return TFDC_OK;
  Tfdc__Ingest__V1__Context__TagsEntry *tags = tfdc_arena_array(&out->mem, c->n_tags, sizeof *tags);
  pb->tags = tfdc_arena_array(&out->mem, c->n_tags, sizeof *pb->tags);
  if (tags == NULL || pb->tags == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < c->n_tags; i++) {
    tfdc__ingest__v1__context__tags_entry__init(&tags[i]);
    tags[i].key = text(c->tags[i].name);
    tags[i].value = text(c->tags[i].value);
    pb->tags[i] = &tags[i];
  }
  pb->n_tags = c->n_tags;
  return TFDC_OK;
}

static tfdc_rc fill_chamber(const struct model_chamber *c, struct tfdc_arena *mem, Tfdc__Ingest__V1__Chamber *out) {
  tfdc__ingest__v1__chamber__init(out);
  out->tool = text(c->key.tool);
  out->chamber = text(c->key.chamber);
  out->tool_type = text(c->tool_type);
  Tfdc__Ingest__V1__Svid *svids = tfdc_arena_array(mem, c->n_svids + 1, sizeof *svids);
  out->svids = tfdc_arena_array(mem, c->n_svids + 1, sizeof *out->svids);
  if (svids == NULL || out->svids == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < c->n_svids; i++) {
    const struct model_svid *s = &c->svids[i];
    tfdc__ingest__v1__svid__init(&svids[i]);
    svids[i].number = s->number;
    svids[i].name = text(s->name);
    svids[i].unit = text(s->unit);
    svids[i].rate_hz = s->rate_hz;
    svids[i].resolution = s->resolution;
    out->svids[i] = &svids[i];
  }
  out->n_svids = c->n_svids;
  return TFDC_OK;
}

static tfdc_rc put_hello(const struct model_hub_msg *m, struct tfdc_arena *mem, Tfdc__Ingest__V1__HubMessage *h,
                         struct tfdc_buf *out) {
  Tfdc__Ingest__V1__Hello hello = TFDC__INGEST__V1__HELLO__INIT;
  hello.hub = text(m->hub);
  hello.version = 1;
  hello.historical = m->historical;
  Tfdc__Ingest__V1__Chamber *chambers = tfdc_arena_array(mem, m->n_chambers + 1, sizeof *chambers);
  hello.chambers = tfdc_arena_array(mem, m->n_chambers + 1, sizeof *hello.chambers);
  if (chambers == NULL || hello.chambers == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < m->n_chambers; i++) {
    TFDC_TRY(fill_chamber(&m->chambers[i], mem, &chambers[i]));
    hello.chambers[i] = &chambers[i];
  }
  hello.n_chambers = m->n_chambers;
  h->message_case = TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_HELLO;
  h->hello = &hello;
  return pack(&h->base, out);
}

static tfdc_rc put_start(const struct model_hub_msg *m, Tfdc__Ingest__V1__HubMessage *h, struct context_pb *c,
                         struct tfdc_buf *out) {
  Tfdc__Ingest__V1__RunStart s = TFDC__INGEST__V1__RUN_START__INIT;
  s.run = m->run;
  s.tool = text(m->context->key.tool);
  s.chamber = text(m->context->key.chamber);
  s.run_id = text(m->context->run_id);
  s.start_us = m->context->start_us;
  TFDC_TRY(fill_context(m->context, c));
  s.context = &c->pb;
  h->message_case = TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_RUN_START;
  h->run_start = &s;
  return pack(&h->base, out);
}

static tfdc_rc put_step(const struct model_hub_msg *m, Tfdc__Ingest__V1__HubMessage *h, struct tfdc_buf *out) {
  Tfdc__Ingest__V1__Step s = TFDC__INGEST__V1__STEP__INIT;
  Tfdc__Ingest__V1__Event e = TFDC__INGEST__V1__EVENT__INIT;
  if (m->step != NULL) {
    s.run = m->run;
    s.seq = m->seq;
    s.name = text(m->step->name);
    s.number = m->step->number;
    s.end = m->step->end_us != MODEL_NO_TIME;
    s.time_us = s.end ? m->step->end_us : m->step->start_us;
    h->message_case = TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_STEP;
    h->step = &s;
  } else {
    e.run = m->run;
    e.seq = m->seq;
    e.name = text(m->event->name);
    e.time_us = m->event->time_us;
    h->message_case = TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_EVENT;
    h->event = &e;
  }
  return pack(&h->base, out);
}

static tfdc_rc put_end(const struct model_hub_msg *m, Tfdc__Ingest__V1__HubMessage *h, struct tfdc_buf *out) {
  Tfdc__Ingest__V1__RunEnd e = TFDC__INGEST__V1__RUN_END__INIT;
  e.run = m->run;
  e.seq = m->seq;
  e.end_us = m->end_us;
  e.reason = m->end_reason == MODEL_END_COMPLETE ? TFDC__INGEST__V1__RUN_END__REASON__COMPLETE
             : m->end_reason == MODEL_END_ABORT  ? TFDC__INGEST__V1__RUN_END__REASON__ABORT
                                                 : TFDC__INGEST__V1__RUN_END__REASON__UNKNOWN;
  h->message_case = TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_RUN_END;
  h->run_end = &e;
  return pack(&h->base, out);
}

static tfdc_rc put_amendment(const struct model_hub_msg *m, Tfdc__Ingest__V1__HubMessage *h, struct context_pb *c,
                             struct tfdc_buf *out) {
  Tfdc__Ingest__V1__Amendment a = TFDC__INGEST__V1__AMENDMENT__INIT;
  a.run = m->run;
  a.seq = m->seq;
  TFDC_TRY(fill_context(m->context, c));
  a.context = &c->pb;
  h->message_case = TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_AMENDMENT;
  h->amendment = &a;
  return pack(&h->base, out);
}

tfdc_rc ingest_encode(const struct model_hub_msg *m, struct tfdc_buf *out) {
  Tfdc__Ingest__V1__HubMessage h = TFDC__INGEST__V1__HUB_MESSAGE__INIT;
  struct context_pb c = {.mem = {.head = NULL}};
  tfdc_rc rc = TFDC_E_USAGE;
  switch (m->kind) {
  case MODEL_HUB_HELLO: rc = put_hello(m, &c.mem, &h, out); break;
  case MODEL_HUB_RUN_START: rc = put_start(m, &h, &c, out); break;
  case MODEL_HUB_BLOCK: rc = m->block == NULL ? TFDC_E_USAGE : put_block(m->run, m->block, out); break;
  case MODEL_HUB_STEP: rc = put_step(m, &h, out); break;
  case MODEL_HUB_RUN_END: rc = put_end(m, &h, out); break;
  case MODEL_HUB_AMEND: rc = put_amendment(m, &h, &c, out); break;
  case MODEL_HUB_CLOSED: break;
  }
  tfdc_arena_deinit(&c.mem);
  return rc;
}

/* ---- replies ---- */
tfdc_rc ingest_encode_reply(const struct model_hub_reply *r, const char *collector, struct tfdc_buf *out) {
  Tfdc__Ingest__V1__CollectorMessage m = TFDC__INGEST__V1__COLLECTOR_MESSAGE__INIT;
  Tfdc__Ingest__V1__HelloReply hello = TFDC__INGEST__V1__HELLO_REPLY__INIT;
  Tfdc__Ingest__V1__Resume resume = TFDC__INGEST__V1__RESUME__INIT;
  Tfdc__Ingest__V1__Ack ack = TFDC__INGEST__V1__ACK__INIT;
  Tfdc__Ingest__V1__Reject reject = TFDC__INGEST__V1__REJECT__INIT;
  switch (r->kind) {
  case MODEL_REPLY_HELLO:
    hello.keep_seconds = r->keep_s;
    hello.keep_bytes = r->keep_bytes;
    hello.max_message_bytes = r->max_message_bytes;
    hello.max_block_points = r->max_block_points;
    hello.collector = text(collector);
    hello.version = text(TFDC_VERSION);
    m.message_case = TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_HELLO;
    m.hello = &hello;
    break;
  case MODEL_REPLY_RESUME:
    resume.run = r->run;
    resume.seq = r->seq;
    resume.closed = r->closed;
    m.message_case = TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_RESUME;
    m.resume = &resume;
    break;
  case MODEL_REPLY_ACK:
    ack.run = r->run;
    ack.seq = r->seq;
    ack.end = r->end;
    m.message_case = TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_ACK;
    m.ack = &ack;
    break;
  case MODEL_REPLY_REJECT:
    reject.run = r->run;
    reject.seq = r->seq;
    reject.code = text(tfdc_rc_name(r->code));
    reject.text = text(r->text != NULL ? r->text : tfdc_rc_text(r->code));
    m.message_case = TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_REJECT;
    m.reject = &reject;
    break;
  }
  return pack(&m.base, out);
}

static void *pb_alloc(void *mem, size_t n) { return tfdc_arena_alloc(mem, n); }
static void pb_free(void *mem, void *p) {
  (void)mem;
  (void)p;
}

static tfdc_rc code_named(const char *name) {
  tfdc_rc rc;
  return tfdc_rc_parse(name, &rc) ? rc : TFDC_E_INTERNAL;
}

tfdc_rc ingest_decode_reply(const uint8_t *data, size_t n, struct tfdc_arena *mem, struct model_hub_reply *ret) {
  ProtobufCAllocator alloc = {.alloc = pb_alloc, .free = pb_free, .allocator_data = mem};
  const Tfdc__Ingest__V1__CollectorMessage *m = tfdc__ingest__v1__collector_message__unpack(&alloc, n, data);
  if (m == NULL) return TFDC_E_MALFORMED;
  switch (m->message_case) {
  case TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_HELLO:
    *ret = (struct model_hub_reply){.kind = MODEL_REPLY_HELLO,
                                    .keep_s = m->hello->keep_seconds,
                                    .keep_bytes = m->hello->keep_bytes,
                                    .max_message_bytes = m->hello->max_message_bytes,
                                    .max_block_points = m->hello->max_block_points};
    return TFDC_OK;
  case TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_RESUME:
    *ret = (struct model_hub_reply){
        .kind = MODEL_REPLY_RESUME, .run = m->resume->run, .seq = m->resume->seq, .closed = m->resume->closed};
    return TFDC_OK;
  case TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_ACK:
    *ret =
        (struct model_hub_reply){.kind = MODEL_REPLY_ACK, .run = m->ack->run, .seq = m->ack->seq, .end = m->ack->end};
    return TFDC_OK;
  case TFDC__INGEST__V1__COLLECTOR_MESSAGE__MESSAGE_REJECT:
    *ret = (struct model_hub_reply){.kind = MODEL_REPLY_REJECT,
                                    .run = m->reject->run,
                                    .seq = m->reject->seq,
                                    .code = code_named(m->reject->code),
                                    .text = m->reject->text};
    return TFDC_OK;
  default: return TFDC_E_UNSUPPORTED;
  }
}
