/* SPDX-License-Identifier: Apache-2.0
 * The alarm episode of one strategy on one chamber: opened by the first alarming run, updated by further ones, cleared
 * after a number of good runs in a row. A value, stored with each run like the rule state. Any thread.
 *
 *              alarm                     clear_after good runs in a row
 *   CLOSED ------------> OPEN (alarm: UPDATE) ------------> CLOSED
 *
 * A run alarms by OOC, ACTION or NOT_JUDGED(MISSING_STEP); any other NOT_JUDGED is skipped: neither good nor bad. WARN
 * neither alarms nor counts as good: the count of good runs starts anew. */
#ifndef SPC_EPISODE_H
#define SPC_EPISODE_H

#include "base/cursor.h"
#include "spc/verdict.h"

enum { SPC_CLEAR_AFTER = 3, SPC_RUN_ID_SIZE = 16, SPC_EPISODE_BYTES_MAX = 128 };

enum spc_episode_act { SPC_EPISODE_NONE, SPC_EPISODE_OPEN, SPC_EPISODE_UPDATE, SPC_EPISODE_CLEAR };

/* What one run brings. */
struct spc_episode_run {
  uint8_t id[SPC_RUN_ID_SIZE]; /* context_id */
  int64_t order_time_us;
  enum spc_verdict verdict; /* of the run by this strategy */
  bool missing_step;        /* with NOT_JUDGED: the reason is MISSING_STEP */
  double score;             /* largest chart score; NaN when nothing was judged */
};

struct spc_episode {
  bool open;
  enum spc_verdict worst;            /* of the alarming runs; NOT_JUDGED: missing steps only */
  uint64_t serial;                   /* episodes opened so far on this strategy and chamber */
  uint8_t first_id[SPC_RUN_ID_SIZE]; /* the run that opened it: with strategy and chamber the alarm's fixed identity */
  int64_t first_time_us, last_time_us; /* order times of the first and the newest alarming run */
  uint32_t alarms;                     /* alarming runs in it */
  uint32_t runs;                       /* runs since it opened, that one included, skipped ones not */
  uint32_t good;                       /* good runs in a row */
  double peak;                         /* largest score of its alarming runs; NaN: none had one */
};

void spc_episode_init(struct spc_episode *ret);
/* True when the run alarms. */
bool spc_episode_alarms(const struct spc_episode_run *run);
/* One run. `after` may be `before`; before NULL = init. A cleared episode keeps its fields with open = false, so that
 * CLEAR can be reported with them; the next OPEN starts them anew. clear_after 0 = SPC_CLEAR_AFTER. */
enum spc_episode_act spc_episode_step(const struct spc_episode *before, const struct spc_episode_run *run,
                                      uint32_t clear_after, struct spc_episode *after);

/* Compact versioned bytes, at most SPC_EPISODE_BYTES_MAX; decode as spc_state_decode. */
void spc_episode_encode(const struct spc_episode *episode, struct tfdc_buf *out);
TFDC_MUST_USE tfdc_rc spc_episode_decode(struct tfdc_cursor *in, struct spc_episode *ret, struct tfdc_error *err);

#endif
