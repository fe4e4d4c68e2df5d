/* SPDX-License-Identifier: Apache-2.0
 * Encoded forms of the records. All decoders take bytes from outside: bounded, every string validated, TFDC_E_MALFORMED
 * / BAD_ID / BAD_TEXT / LIMIT / SCHEMA (v newer than this release can read safely) with the field's name in err. What
 * they return points into `mem`. Encoders append to `out` and fail only with NOMEM or LIMIT. No thread rules: pure
 * functions. */
#ifndef MODEL_CODEC_H
#define MODEL_CODEC_H

#include "base/arena.h"
#include "base/cursor.h"
#include "model/records.h"

/* What a decoder takes and an encoder gives at most; above it LIMIT. */
enum {
  MODEL_MESSAGE_MAX = 1 << 20, /* bytes of a completion, verdict or alarm as JSON */
  MODEL_ROW_MAX = 8 << 20,     /* bytes of a context, chamber, U record or body as JSON */
  MODEL_BODY_MAX =
      8 << 20,             /* bytes of the body of a definition; the definition around it: 2 * MODEL_BODY_MAX + 64 KB */
  MODEL_SVIDS_MAX = 20000, /* of a chamber */
  MODEL_STEPS_MAX = 10000, /* of a run */
  MODEL_EVENTS_MAX = 10000,
  MODEL_TAGS_MAX = 256,
  MODEL_POINTS_MAX = 100000,   /* of a U record */
  MODEL_STATE_BYTES_MAX = 512, /* of a rule state or an episode */
  MODEL_CHARTS_MAX = 10000,    /* of a strategy, of a group of a limit set */
  MODEL_CENTRES_MAX = 10000,   /* of a chart of a limit set: its chambers */
  MODEL_GROUPS_MAX = 10000     /* of a limit set */
};

/* JSON (API, messages, context rows, verdicts, alarms, definitions). One table of fields per record drives encode,
 * decode and validation. Non-finite doubles are null. */
TFDC_MUST_USE tfdc_rc model_context_to_json(const struct model_context *c, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_context_from_json(const char *text, size_t n, struct tfdc_arena *mem,
                                              struct model_context *ret, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_chamber_to_json(const struct model_chamber *c, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_chamber_from_json(const char *text, size_t n, struct tfdc_arena *mem,
                                              struct model_chamber *ret, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_completion_to_json(const struct model_completion *m, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_completion_from_json(const char *text, size_t n, struct tfdc_arena *mem,
                                                 struct model_completion *ret, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_run_verdict_to_json(const struct model_run_verdict *r, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_run_verdict_from_json(const char *text, size_t n, struct tfdc_arena *mem,
                                                  struct model_run_verdict *ret, struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_alarm_to_json(const struct model_alarm *a, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_alarm_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_alarm *ret,
                                            struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc model_def_to_json(const struct model_def *d, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_def_from_json(const char *text, size_t n, struct tfdc_arena *mem, struct model_def *ret,
                                          struct tfdc_error *err);
/* For people and the API; the stored form is the binary one below. */
TFDC_MUST_USE tfdc_rc model_u_record_to_json(const struct model_u_record *r, struct tfdc_buf *out);

/* A list of its points as they stand in it, without the record around. */
TFDC_MUST_USE tfdc_rc model_points_to_json(const struct model_point *points, size_t n, struct tfdc_buf *out);

/* Binary U record: version byte, header, then one length-prefixed piece per point, so that a reader skips what it does
 * not know. Deterministic: equal records give equal bytes. */
TFDC_MUST_USE tfdc_rc model_u_record_encode(const struct model_u_record *r, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc model_u_record_decode(const void *data, size_t n, struct tfdc_arena *mem,
                                            struct model_u_record *ret, struct tfdc_error *err);

/* Deep copies into mem; NOMEM on failure. */
TFDC_MUST_USE tfdc_rc model_context_copy(const struct model_context *from, struct tfdc_arena *mem,
                                         struct model_context *ret);
TFDC_MUST_USE tfdc_rc model_u_record_copy(const struct model_u_record *from, struct tfdc_arena *mem,
                                          struct model_u_record *ret);
TFDC_MUST_USE tfdc_rc model_alarm_copy(const struct model_alarm *from, struct tfdc_arena *mem, struct model_alarm *ret);
TFDC_MUST_USE tfdc_rc model_run_verdict_copy(const struct model_run_verdict *from, struct tfdc_arena *mem,
                                             struct model_run_verdict *ret);
TFDC_MUST_USE tfdc_rc model_def_copy(const struct model_def *from, struct tfdc_arena *mem, struct model_def *ret);
TFDC_MUST_USE tfdc_rc model_chamber_copy(const struct model_chamber *from, struct tfdc_arena *mem,
                                         struct model_chamber *ret);

/* An amendment: fields that `from` knows (not NULL, -1, NaN or false; tags by name) replace those of `into`. Key, tool
 * type, run id, times, steps, events and what the collector keeps (revision, chunks ...) stay. Strings are copied into
 * mem. BAD_TEXT, RANGE, LIMIT (tags) for what could not be stored, NOMEM; `into` is then unchanged. */
TFDC_MUST_USE tfdc_rc model_context_amend(struct model_context *into, const struct model_context *from,
                                          struct tfdc_arena *mem);

/* What a hub may say of a run: ids are ids, text is text, counts within limits, steps in time order, no end before the
 * start. context_id is not looked at. Errors as of the decoders; err names the field. */
TFDC_MUST_USE tfdc_rc model_context_validate(const struct model_context *c, struct tfdc_error *err);

#endif
