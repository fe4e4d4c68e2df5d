/* SPDX-License-Identifier: Apache-2.0
 * Typed time. Wall time is int64 microseconds since the Unix epoch, UTC; monotonic time is microseconds since some
 * start; the two never mix. Only a clock adapter asks the operating system; everyone else is told the time. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tfdc_wall {
  int64_t us;
} tfdc_wall;
typedef struct tfdc_mono {
  int64_t us;
} tfdc_mono;
typedef struct tfdc_dur {
  int64_t us;
} tfdc_dur;

#define TFDC_US_PER_MS INT64_C(1000)
#define TFDC_US_PER_S  INT64_C(1000000)
#define TFDC_NEVER     INT64_MAX /* as a deadline: none */

static inline tfdc_dur tfdc_seconds(int64_t s) { return (tfdc_dur){s * TFDC_US_PER_S}; }
static inline tfdc_dur tfdc_millis(int64_t ms) { return (tfdc_dur){ms * TFDC_US_PER_MS}; }
static inline tfdc_mono tfdc_mono_add(tfdc_mono t, tfdc_dur d) {
  return (tfdc_mono){t.us > TFDC_NEVER - d.us ? TFDC_NEVER : t.us + d.us};
}
static inline tfdc_dur tfdc_mono_sub(tfdc_mono a, tfdc_mono b) { return (tfdc_dur){a.us - b.us}; }

/* "2026-11-25T04:09:30.123456Z"; buf of at least 32 bytes; returns buf. Years 0001-9999, else the number itself. */
char *tfdc_wall_format(tfdc_wall t, char buf[32]);
/* ISO 8601: "2026-11-25T08:00:00.123Z", "2026-11-25 08:00", "2026-11-25"; a blank instead of the T, ',' as decimal
 * sign,
 * '/' for '-' and zones such as "+01:00", "+0100" and "+01" are taken; without a zone it is UTC. False when it is none.
 */
bool tfdc_wall_parse(const char *s, size_t n, tfdc_wall *ret);

#endif
