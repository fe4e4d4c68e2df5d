/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/episode.h"

#include "spc/take.h"

#include <math.h>

enum { EPISODE_VERSION = 1 };

void spc_episode_init(struct spc_episode *ret) {
  *ret = (struct spc_episode){.worst = SPC_NOT_JUDGED, .peak = (double)NAN};
}

bool spc_episode_alarms(const struct spc_episode_run *run) {
  if (run->verdict == SPC_NOT_JUDGED) return run->missing_step;
  return run->verdict == SPC_OOC || run->verdict == SPC_ACTION;
}

static uint32_t add1(uint32_t v) { return v < UINT32_MAX ? v + 1 : v; }

static void take_alarm(struct spc_episode *e, const struct spc_episode_run *run) {
  e->last_time_us = run->order_time_us;
  e->alarms = add1(e->alarms);
  e->good = 0;
  e->worst = spc_verdict_worst(e->worst, run->verdict);
  if (isnan(e->peak) || run->score > e->peak) e->peak = run->score;
}

enum spc_episode_act spc_episode_step(const struct spc_episode *before, const struct spc_episode_run *run,
                                      uint32_t clear_after, struct spc_episode *after) {
  struct spc_episode e;
  spc_episode_init(&e);
  if (before) e = *before;
  enum spc_episode_act act = SPC_EPISODE_NONE;
  bool alarm = spc_episode_alarms(run);
  if (alarm && !e.open) {
    uint64_t serial = e.serial + 1;
    spc_episode_init(&e);
    e.open = true;
    e.serial = serial;
    e.first_time_us = run->order_time_us;
    memcpy(e.first_id, run->id, SPC_RUN_ID_SIZE);
    act = SPC_EPISODE_OPEN;
  } else if (alarm) {
    act = SPC_EPISODE_UPDATE;
  }
  bool skipped = run->verdict == SPC_NOT_JUDGED && !alarm;
  if (e.open && !skipped) e.runs = add1(e.runs);
  if (alarm) {
    take_alarm(&e, run);
  } else if (e.open && !skipped) {
    e.good = run->verdict == SPC_OK ? add1(e.good) : 0;
    if (e.good >= (clear_after == 0 ? SPC_CLEAR_AFTER : clear_after)) {
      e.open = false;
      act = SPC_EPISODE_CLEAR;
    }
  }
  *after = e;
  return act;
}

void spc_episode_encode(const struct spc_episode *e, struct tfdc_buf *out) {
  tfdc_put_u8(out, EPISODE_VERSION);
  tfdc_put_u8(out, e->open);
  tfdc_put_u8(out, (uint8_t)e->worst);
  tfdc_put_uvarint(out, e->serial);
  tfdc_put(out, e->first_id, SPC_RUN_ID_SIZE);
  tfdc_put_svarint(out, e->first_time_us);
  tfdc_put_svarint(out, e->last_time_us);
  tfdc_put_uvarint(out, e->alarms);
  tfdc_put_uvarint(out, e->runs);
  tfdc_put_uvarint(out, e->good);
  tfdc_put_f64(out, false, e->peak);
}

static tfdc_rc take_episode(struct tfdc_cursor *in, struct spc_episode *e) {
  uint8_t version, open, worst;
  TFDC_TRY(tfdc_take_u8(in, &version));
  if (version > EPISODE_VERSION) return TFDC_E_SCHEMA;
  if (version == 0) return TFDC_E_MALFORMED;
  TFDC_TRY(tfdc_take_u8(in, &open));
  TFDC_TRY(tfdc_take_u8(in, &worst));
  if (open > 1 || worst > SPC_NOT_JUDGED) return TFDC_E_MALFORMED;
  e->open = open == 1;
  e->worst = (enum spc_verdict)worst;
  TFDC_TRY(tfdc_take_uvarint(in, &e->serial));
  const uint8_t *id;
  TFDC_TRY(tfdc_take(in, SPC_RUN_ID_SIZE, &id));
  memcpy(e->first_id, id, SPC_RUN_ID_SIZE);
  TFDC_TRY(tfdc_take_svarint(in, &e->first_time_us));
  TFDC_TRY(tfdc_take_svarint(in, &e->last_time_us));
  TFDC_TRY(spc_take_u32(in, &e->alarms));
  TFDC_TRY(spc_take_u32(in, &e->runs));
  TFDC_TRY(spc_take_u32(in, &e->good));
  TFDC_TRY(tfdc_take_f64(in, false, &e->peak));
  bool sane = !isinf(e->peak) && e->alarms <= e->runs && e->good <= e->runs && (!e->open || e->alarms > 0) &&
              (e->serial > 0 || (!e->open && e->runs == 0));
  return sane ? TFDC_OK : TFDC_E_MALFORMED;
}

tfdc_rc spc_episode_decode(struct tfdc_cursor *in, struct spc_episode *ret, struct tfdc_error *err) {
  struct tfdc_cursor c = *in;
  struct spc_episode e;
  spc_episode_init(&e);
  tfdc_rc rc = take_episode(&c, &e);
  if (rc != TFDC_OK) return tfdc_fail(err, rc, "episode: byte %zu", c.pos);
  *in = c;
  *ret = e;
  return TFDC_OK;
}
