/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

char *tfdc_wall_format(tfdc_wall t, char buf[32]) {
  int64_t seconds = t.us / TFDC_US_PER_S, micros = t.us % TFDC_US_PER_S;
  if (micros < 0) {
    micros += TFDC_US_PER_S;
    seconds--;
  }
  time_t clock = (time_t)seconds;
  struct tm tm;
  if (gmtime_r(&clock, &tm) == NULL || tm.tm_year < -1899 || tm.tm_year > 8099) {
    (void)snprintf(buf, 32, "%" PRId64, t.us);
    return buf;
  }
  char date[24];
  (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  (void)snprintf(buf, 32, "%s.%06dZ", date, (int)micros);
  return buf;
}
