/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/grpc/ingest_wire.h"

#include "adapter/grpc/ingest_context.h"
#include "adapter/grpc/pb_walk.h"
#include "base/text.h"

#include <ingest.pb-c.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MSG_BLOCK = 3, TAGS_MAX = 256 };

/* protobuf-c unpacks into the message's arena: its limit bounds what a few bytes of nested empty messages can ask for.
 */
static void *pb_alloc(void *mem, size_t n) { return tfdc_arena_alloc(mem, n); }
static void pb_free(void *mem, void *p) {
  (void)mem;
  (void)p;
}

/* What is being decoded: a message that is understood but wrong is rejected with `code` and `why`. */
struct reading {
  const struct ingest_limits *limits;
  struct ingest_dict *d;
  struct tfdc_arena *mem;
  struct model_hub_msg *m;
  struct tfdc_error *err;
};

static const char *known(const char *s) { return s == NULL || s[0] == '\0' ? NULL : s; }
static bool is_text(const char *s) { return s == NULL || tfdc_is_text(s, strlen(s)); }

static tfdc_rc read_tags(struct reading *r, const Tfdc__Ingest__V1__Context *from, struct model_context *to) {
  if (from->n_tags > TAGS_MAX) return tfdc_fail(r->err, TFDC_E_LIMIT, "%zu tags, at most %d", from->n_tags, TAGS_MAX);
  struct model_tag *tags = tfdc_arena_array(r->mem, from->n_tags + 1, sizeof *tags);
  if (tags == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < from->n_tags; i++) {
    tags[i] = (struct model_tag){.name = from->tags[i]->key, .value = from->tags[i]->value};
    if (!is_text(tags[i].name) || !is_text(tags[i].value)) return tfdc_fail(r->err, TFDC_E_BAD_TEXT, "tag %zu", i + 1);
  }
  to->tags = tags;
  to->n_tags = from->n_tags;
  return TFDC_OK;
}

static tfdc_rc read_context(struct reading *r, const Tfdc__Ingest__V1__Context *from, struct model_context *to) {
  *to = (struct model_context){.slot = -1,
                               .runs_since_pm = -1,
                               .wafers_since_clean = -1,
                               .rf_hours = NAN,
                               .start_us = MODEL_NO_TIME,
                               .end_us = MODEL_NO_TIME};
  if (from == NULL) return TFDC_OK;
#define X(name)                                                                                                        \
  to->name = known(from->name);                                                                                        \
  if (!is_text(to->name)) return tfdc_fail(r->err, TFDC_E_BAD_TEXT, #name);
  INGEST_CONTEXT_TEXTS(X)
#undef X
  if (from->slot_known_case == TFDC__INGEST__V1__CONTEXT__SLOT_KNOWN_SLOT) to->slot = from->slot;
  if (from->runs_since_pm_known_case == TFDC__INGEST__V1__CONTEXT__RUNS_SINCE_PM_KNOWN_RUNS_SINCE_PM)
    to->runs_since_pm = from->runs_since_pm;
  if (from->wafers_since_clean_known_case == TFDC__INGEST__V1__CONTEXT__WAFERS_SINCE_CLEAN_KNOWN_WAFERS_SINCE_CLEAN)
    to->wafers_since_clean = from->wafers_since_clean;
  if (from->rf_hours_known_case == TFDC__INGEST__V1__CONTEXT__RF_HOURS_KNOWN_RF_HOURS) to->rf_hours = from->rf_hours;
  to->first_wafer_of_lot = from->first_wafer_of_lot;
  return read_tags(r, from, to);
}

static tfdc_rc read_chamber(struct reading *r, const Tfdc__Ingest__V1__Chamber *from, struct model_chamber *to) {
  *to = (struct model_chamber){.key = {.tool = from->tool, .chamber = from->chamber},
                               .tool_type = known(from->tool_type),
                               .n_svids = from->n_svids};
  struct model_svid *svids = tfdc_arena_array(r->mem, from->n_svids + 1, sizeof *svids);
  if (svids == NULL) return TFDC_E_NOMEM;
  to->svids = svids;
  for (size_t i = 0; i < from->n_svids; i++) {
    const Tfdc__Ingest__V1__Svid *s = from->svids[i];
    svids[i] = (struct model_svid){
        .number = s->number, .name = s->name, .unit = s->unit, .rate_hz = s->rate_hz, .resolution = s->resolution};
    if (!isfinite(s->rate_hz) || s->rate_hz < 0 || !isfinite(s->resolution) || s->resolution < 0)
      return tfdc_fail(r->err, TFDC_E_RANGE, "rate or resolution of SVID %u", (unsigned)s->number);
  }
  return TFDC_OK;
}

/* There is no way to reject a hello: what is wrong in it ends the stream. */
static tfdc_rc read_hello(struct reading *r, const Tfdc__Ingest__V1__Hello *h) {
  struct model_hub_msg *m = r->m;
  if (r->d->hello) return tfdc_fail(r->err, TFDC_E_MALFORMED, "a second hello on the same stream");
  if (h->version != 1)
    return tfdc_fail(r->err, TFDC_E_UNSUPPORTED, "version %u of the ingest API, 1 is spoken here",
                     (unsigned)h->version);
  if (!is_text(h->hub)) return tfdc_fail(r->err, TFDC_E_BAD_TEXT, "name of the hub");
  struct model_chamber *chambers = tfdc_arena_array(r->mem, h->n_chambers + 1, sizeof *chambers);
  if (chambers == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < h->n_chambers; i++) TFDC_TRY(read_chamber(r, h->chambers[i], &chambers[i]));
  m->kind = MODEL_HUB_HELLO;
  m->hub = h->hub;
  m->historical = h->historical;
  m->chambers = chambers;
  m->n_chambers = h->n_chambers;
  return ingest_dict_hello(r->d, r->limits, m, r->err);
}

static tfdc_rc read_start(struct reading *r, const Tfdc__Ingest__V1__RunStart *s) {
  struct model_context *c = tfdc_arena_alloc(r->mem, sizeof *c);
  if (c == NULL) return TFDC_E_NOMEM;
  r->m->kind = MODEL_HUB_RUN_START;
  r->m->run = s->run;
  r->m->context = c;
  TFDC_TRY(read_context(r, s->context, c));
  c->key = (struct model_key){.tool = s->tool, .chamber = s->chamber};
  c->run_id = s->run_id;
  c->start_us = s->start_us;
  c->historical = r->d->historical;
  if (!tfdc_is_id(s->tool, strlen(s->tool)) || !tfdc_is_id(s->chamber, strlen(s->chamber)))
    return tfdc_fail(r->err, TFDC_E_BAD_ID, "tool or chamber of run %llu: ids match [A-Za-z0-9_-]{1,64}",
                     (unsigned long long)s->run);
  if (s->run_id[0] == '\0' || !is_text(s->run_id))
    return tfdc_fail(r->err, TFDC_E_BAD_TEXT, "run_id of run %llu", (unsigned long long)s->run);
  if (s->start_us == MODEL_NO_TIME)
    return tfdc_fail(r->err, TFDC_E_RANGE, "start_us of run %llu", (unsigned long long)s->run);
  return ingest_dict_start(r->d, r->limits, s->run, c->key, r->err);
}

static tfdc_rc read_step(struct reading *r, const Tfdc__Ingest__V1__Step *s) {
  struct model_step *step = tfdc_arena_alloc(r->mem, sizeof *step);
  if (step == NULL) return TFDC_E_NOMEM;
  r->m->kind = MODEL_HUB_STEP;
  r->m->run = s->run;
  r->m->seq = s->seq;
  r->m->step = step;
  *step = (struct model_step){.number = s->number,
                              .name = s->name,
                              .start_us = s->end ? MODEL_NO_TIME : s->time_us,
                              .end_us = s->end ? s->time_us : MODEL_NO_TIME};
  if (!is_text(s->name)) return tfdc_fail(r->err, TFDC_E_BAD_TEXT, "name of a step");
  if (s->time_us == MODEL_NO_TIME) return tfdc_fail(r->err, TFDC_E_RANGE, "time_us of a step");
  return TFDC_OK;
}

static tfdc_rc read_event(struct reading *r, const Tfdc__Ingest__V1__Event *e) {
  struct model_event *event = tfdc_arena_alloc(r->mem, sizeof *event);
  if (event == NULL) return TFDC_E_NOMEM;
  r->m->kind = MODEL_HUB_STEP;
  r->m->run = e->run;
  r->m->seq = e->seq;
  r->m->event = event;
  *event = (struct model_event){.name = e->name, .time_us = e->time_us};
  if (e->name[0] == '\0' || !is_text(e->name)) return tfdc_fail(r->err, TFDC_E_BAD_TEXT, "name of an event");
  if (e->time_us == MODEL_NO_TIME) return tfdc_fail(r->err, TFDC_E_RANGE, "time_us of an event");
  return TFDC_OK;
}

static tfdc_rc read_end(struct reading *r, const Tfdc__Ingest__V1__RunEnd *e) {
  static const enum model_end_reason reasons[] = {MODEL_END_COMPLETE, MODEL_END_ABORT, MODEL_END_UNKNOWN};
  r->m->kind = MODEL_HUB_RUN_END;
  r->m->run = e->run;
  r->m->seq = e->seq;
  r->m->end_us = e->end_us;
  uint32_t reason = (uint32_t)e->reason;
  r->m->end_reason = reason < TFDC_COUNT(reasons) ? reasons[reason] : MODEL_END_UNKNOWN;
  if (e->end_us == MODEL_NO_TIME) return tfdc_fail(r->err, TFDC_E_RANGE, "end_us of a run");
  return TFDC_OK;
}

static tfdc_rc read_amendment(struct reading *r, const Tfdc__Ingest__V1__Amendment *a) {
  struct model_context *c = tfdc_arena_alloc(r->mem, sizeof *c);
  if (c == NULL) return TFDC_E_NOMEM;
  r->m->kind = MODEL_HUB_AMEND;
  r->m->run = a->run;
  r->m->seq = a->seq;
  r->m->context = c;
  return read_context(r, a->context, c);
}

static tfdc_rc read_message(struct reading *r, const Tfdc__Ingest__V1__HubMessage *h) {
  switch (h->message_case) {
  case TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_RUN_START: return read_start(r, h->run_start);
  case TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_STEP: return read_step(r, h->step);
  case TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_EVENT: return read_event(r, h->event);
  case TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_RUN_END: return read_end(r, h->run_end);
  case TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_AMENDMENT: return read_amendment(r, h->amendment);
  default: return tfdc_fail(r->err, TFDC_E_MALFORMED, "a message of a kind that is not known here");
  }
}

/* Which of the oneof's messages this is: the last one that is set, as protobuf has it. */
static tfdc_rc find_kind(const uint8_t *data, size_t n, struct pb_field *ret) {
  struct tfdc_cursor c = tfdc_cursor_on(data, n);
  struct pb_field f;
  *ret = (struct pb_field){.number = 0};
  while (tfdc_cursor_left(&c) > 0) {
    TFDC_TRY(pb_next(&c, &f));
    if (f.wire == PB_BYTES && f.number >= 1 && f.number <= 7) *ret = f;
  }
  return TFDC_OK;
}

/* Turns a wrong but understood message into one to be rejected. */
static tfdc_rc to_reject(struct reading *r, tfdc_rc rc, const struct tfdc_error *why) {
  r->m->code = rc;
  r->m->text = tfdc_arena_strdup(r->mem, tfdc_error_msg(why));
  if (r->m->text == NULL) r->m->text = tfdc_rc_text(rc);
  return TFDC_OK;
}

static tfdc_rc decode_unpacked(struct reading *r, const uint8_t *data, size_t n, struct tfdc_error *err) {
  ProtobufCAllocator alloc = {.alloc = pb_alloc, .free = pb_free, .allocator_data = r->mem};
  struct tfdc_error why = {.code = TFDC_OK};
  const Tfdc__Ingest__V1__HubMessage *h = tfdc__ingest__v1__hub_message__unpack(&alloc, n, data);
  if (h == NULL) return tfdc_fail(err, TFDC_E_MALFORMED, "%zu bytes are not a HubMessage, or need too much memory", n);
  r->err = &why;
  bool hello = h->message_case == TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_HELLO;
  if (!hello && !r->d->hello) return tfdc_fail(err, TFDC_E_NO_HELLO, "%s", tfdc_rc_text(TFDC_E_NO_HELLO));
  tfdc_rc rc = hello ? read_hello(r, h->hello) : read_message(r, h);
  bool known_kind = hello || (h->message_case >= TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_RUN_START &&
                              h->message_case <= TFDC__INGEST__V1__HUB_MESSAGE__MESSAGE_AMENDMENT);
  if (rc == TFDC_E_NOMEM || (rc != TFDC_OK && (hello || !known_kind)))
    return tfdc_fail(err, rc, "%s", tfdc_error_msg(&why));
  if (!hello && r->m->kind != MODEL_HUB_RUN_START && r->m->seq == 0)
    return tfdc_fail(err, TFDC_E_MALFORMED, "a message of run %llu has no seq", (unsigned long long)r->m->run);
  if (rc == TFDC_OK && !hello && ingest_dict_run(r->d, r->m->run) == NULL)
    rc = tfdc_fail(&why, TFDC_E_RUN_UNKNOWN, "no run start with handle %llu on this stream",
                   (unsigned long long)r->m->run);
  return rc == TFDC_OK ? TFDC_OK : to_reject(r, rc, &why);
}

tfdc_rc ingest_decode(const uint8_t *data, size_t n, const struct ingest_limits *limits, struct ingest_dict *d,
                      struct tfdc_arena *mem, struct model_hub_msg *ret, struct tfdc_error *err) {
  struct pb_field kind;
  if (find_kind(data, n, &kind) != TFDC_OK)
    return tfdc_fail(err, TFDC_E_MALFORMED, "%zu bytes that are not protobuf", n);
  struct model_hub_msg m = {.kind = MODEL_HUB_CLOSED};
  struct reading r = {.limits = limits, .d = d, .mem = mem, .m = &m};
  if (kind.number == MSG_BLOCK && d->hello) {
    TFDC_TRY(ingest_decode_block(kind.data, kind.n, limits, d, mem, &m, err));
  } else {
    TFDC_TRY(decode_unpacked(&r, data, n, err));
  }
  m.bytes = n;
  *ret = m;
  return TFDC_OK;
}
